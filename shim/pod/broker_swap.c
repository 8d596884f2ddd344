/* SPDX-License-Identifier: Apache-2.0
 * broker_swap.c - out of an empty namespace: a TCP socket of ours, connected, takes the place of the target's own.
 *
 * What it inherits: the options below as far as they differ from what a new socket has, O_NONBLOCK, close-on-exec, and
 * registrations with epolls.  Not: an address that it was bound to.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/pod/broker_inside.h"

enum { FDINFO_MAX = 4096 };

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* 5.14 */
#endif
enum { SNDBUF_LOCK = 1, RCVBUF_LOCK = 2 };

/* Options that are one int. */
static const struct { int level, name; } options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE }, { SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_TIMESTAMP },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK }, { IPPROTO_TCP, TCP_KEEPIDLE }, { IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_TCP, TCP_SYNCNT }, { IPPROTO_TCP, TCP_LINGER2 }, { IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT }, { IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_IP, IP_TOS }, { IPPROTO_IP, IP_TTL }, { IPPROTO_IPV6, IPV6_V6ONLY }, { IPPROTO_IPV6, IPV6_TCLASS },
};
_Static_assert(PS_COUNT(options) <= SWAP_OPTIONS_MAX, "more options than there is room for");

static int value_of(int fd, size_t i)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, options[i].level, options[i].name, &v, &len) < 0 ? 0 : v;
}

static void learn_defaults(struct socket_defaults *d, int fd)
{
	for (size_t i = 0; i < PS_COUNT(options); i++)
		d->v[i] = value_of(fd, i);
	d->known = true;
}

static void copy_bytes(int from, int to, int name)
{
	char v[64];
	socklen_t len = sizeof(v);

	if (getsockopt(from, SOL_SOCKET, name, v, &len) == 0)
		(void)setsockopt(to, SOL_SOCKET, name, v, len);
}

/* Asked for and given in the unit that the kernel doubles. */
static void copy_buffer(int from, int to, int name)
{
	int v;
	socklen_t len = sizeof(v);

	if (getsockopt(from, SOL_SOCKET, name, &v, &len) == 0) {
		v /= 2;
		(void)setsockopt(to, SOL_SOCKET, name, &v, sizeof(v));
	}
}

static void copy_options(const struct socket_defaults *d, int from, int to, int domain)
{
	int lock = 0;
	socklen_t len = sizeof(lock);

	for (size_t i = 0; i < PS_COUNT(options); i++) {
		if (options[i].level == IPPROTO_IPV6 && domain != AF_INET6)
			continue;
		const int v = value_of(from, i);

		if (v != d->v[i])
			(void)setsockopt(to, options[i].level, options[i].name, &v, sizeof(v));
	}
	copy_bytes(from, to, SO_LINGER);
	copy_bytes(from, to, SO_RCVTIMEO);
	copy_bytes(from, to, SO_SNDTIMEO);
	if (getsockopt(from, SOL_SOCKET, SO_BUF_LOCK, &lock, &len) < 0)
		return;
	if (lock & SNDBUF_LOCK)
		copy_buffer(from, to, SO_SNDBUF);
	if (lock & RCVBUF_LOCK)
		copy_buffer(from, to, SO_RCVBUF);
}

/* O_NONBLOCK; the target's flags follow. */
static int host_socket(struct broker *b, int like, int domain)
{
	struct socket_defaults *d = &b->defaults[domain == AF_INET6];
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -1;
	if (!d->known)
		learn_defaults(d, fd);
	copy_options(d, like, fd, domain);
	return fd;
}

/* Is the target's descriptor close-on-exec?  Only its table says. */
static bool is_cloexec(const struct request *r)
{
	char path[64], text[FDINFO_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)r->tid, (int)r->args[0]);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *flags;

	if (n <= 0)
		return true;
	text[n] = '\0';
	flags = strstr(text, "flags:\t");
	return !flags || strtoul(flags + 7, NULL, 8) & O_CLOEXEC;
}

/* Over the target's number.  0, or errno. */
static int put_in_place(const struct request *r, int fd)
{
	struct seccomp_notif_addfd a = {
		.id = r->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd, .newfd = (uint32_t)r->args[0],
		.newfd_flags = is_cloexec(r) ? O_CLOEXEC : 0,
	};

	return ps_sys_seccomp_notify(r->l->source.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0 ? errno : 0;
}

static void on_registered(struct job *j, int err, const struct task *t)
{
	(void)t;
	job_answer(j, 0, err ? err : (int)j->written.value);
}

/* The answer is 0 or EINPROGRESS (as `result`) once its epolls know it. */
static void finish(struct job *j, int result)
{
	struct task t = { .kind = TASK_EPOLLS, .number = (int32_t)j->r.args[0] };
	const int err = put_in_place(&j->r, j->source.fd), fds[] = { j->old_fd, j->source.fd };

	if (err) {
		job_answer(j, 0, err);
		return;
	}
	if (j->r.s->f.tells_epoll && !j->r.s->has_epoll) {
		job_answer(j, 0, result);
		return;
	}
	j->written.value = result;
	j->on_reply = on_registered;
	job_task(j, &t, fds, PS_COUNT(fds));
}

/* A blocking connect is over: on failure the target keeps the socket that it had. */
static void on_connected(struct job *j)
{
	const int rc = connect(j->source.fd, (const struct sockaddr *)&j->connect.addr, j->connect.len), err = rc < 0 ? errno : 0;

	if (err == EINPROGRESS || err == EALREADY)
		job_wait(j, EPOLLOUT);
	else if (err && err != EISCONN)
		job_answer(j, 0, err);
	else if (fcntl(j->source.fd, F_SETFL, fcntl(j->source.fd, F_GETFL) & ~O_NONBLOCK) < 0)
		job_answer(j, 0, EIO);
	else
		finish(j, 0);
}

static void on_late(struct job *j)
{
	job_answer(j, 0, EINPROGRESS);
}

/* Connected in its own namespace, or listening there. */
static bool is_in_use(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int listens = 0;
	socklen_t n = sizeof(listens);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 ||
	       (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens);
}

/* Nothing is decided. */
void call_epoll_create(struct request *r)
{
	r->s->has_epoll = true;
	request_continue(r);
}

/* A connect to the host itself is over at once; any other that blocks is to wait for. */
bool swap_quick(const struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a)
{
	const int flags = r->s->f.tells_epoll && !r->s->has_epoll && !is_in_use(fd) ? fcntl(fd, F_GETFL) : -1;
	const bool blocks = flags >= 0 && !(flags & O_NONBLOCK);

	if (flags < 0 || (blocks && !net_addr_is_loopback(&a->target.addr)))
		return false;
	ps_auto_fd int host = host_socket(r->b, fd, f->domain);

	if (host < 0)
		return false;
	const int rc = blocks ? 0 : connect(host, (const struct sockaddr *)&a->sa, a->len);
	const int err = blocks ? connect_at_once(host, a) : rc < 0 ? errno : 0;

	if (blocks && (err == EALREADY || fcntl(host, F_SETFL, fcntl(host, F_GETFL) & ~O_NONBLOCK) < 0))
		return false;
	const int placed = !err || err == EINPROGRESS ? put_in_place(r, host) : 0;

	request_answer(r, 0, placed ? placed : err);
	return true;
}

void broker_swap(struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a)
{
	struct job *j = is_in_use(fd) ? NULL : job_new(r);

	if (!j) {
		request_answer(r, 0, EISCONN); /* when job_new() has not answered it */
		(void)close(fd);
		return;
	}
	j->old_fd = fd;
	j->source.fd = host_socket(r->b, fd, f->domain);
	if (j->source.fd < 0) {
		job_answer(j, 0, errno == EMFILE || errno == ENFILE ? ENFILE : EACCES);
		return;
	}
	j->connect.addr = a->sa;
	j->connect.len = a->len;
	j->on_ready = on_connected;
	j->on_late = on_late;
	if (socket_blocks(fd)) {
		job_deadline(j, fd);
		on_connected(j);
		return;
	}
	const int rc = connect(j->source.fd, (const struct sockaddr *)&a->sa, a->len);

	if (rc == 0 || errno == EINPROGRESS)
		finish(j, rc < 0 ? EINPROGRESS : 0);
	else
		job_answer(j, 0, errno);
}
