/* SPDX-License-Identifier: Apache-2.0
 * broker_send.c - sendto, sendmsg, sendmmsg: copied with what they carry, each address decided, sent from the copy on a duplicate.
 *
 * A stream takes at most PART_MAX bytes a call and says so; of a datagram that is longer EMSGSIZE.  A peer of an AF_UNIX
 * socket sees our ids, so that only a target that has them may send there: others use write(2) and send(2), which are not
 * trapped.  There is no SIGPIPE: EPIPE alone.  MSG_ZEROCOPY is not passed on.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/scope.h"
#include "shim/pod/broker_inside.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* 4.18 */
#endif

enum { FLAGS_REFUSED = MSG_FASTOPEN, FLAGS_DROPPED = MSG_ZEROCOPY, RIGHTS_MAX = 253 };

struct bytes { const char *p; size_t n; bool cut; };
struct message { struct bytes name, control, data; };

/* One call on one socket. */
struct sending {
	struct request *r;
	int fd, flags;
	struct socket_facts f;
	bool is_stream;
};

static bool take(struct request *r, struct bytes *b)
{
	return request_part(r, &b->p, &b->n, &b->cut);
}

static bool take_message(struct request *r, struct message *m)
{
	return take(r, &m->name) && take(r, &m->control) && take(r, &m->data);
}

/* ---- Control data: descriptors are the target's numbers ---- */

struct rights { int fds[RIGHTS_MAX]; size_t n; };

static void rights_done(struct rights *x)
{
	for (size_t i = 0; i < x->n; i++)
		ps_fd_close(&x->fds[i]);
}

/*
 * What datagrams may bring along.  Routing headers, IP options and the like, which send a packet elsewhere than to the
 * address that was decided, are not among it.
 */
static bool is_harmless(const struct cmsghdr *c)
{
	switch (c->cmsg_level) {
	case IPPROTO_IP:
		return c->cmsg_type == IP_TOS || c->cmsg_type == IP_TTL || c->cmsg_type == IP_PKTINFO;
	case IPPROTO_IPV6:
		return c->cmsg_type == IPV6_TCLASS || c->cmsg_type == IPV6_HOPLIMIT || c->cmsg_type == IPV6_PKTINFO;
	case IPPROTO_UDP:
		return c->cmsg_type == UDP_SEGMENT;
	default:
		return false;
	}
}

/* Descriptors of AF_UNIX become ours. */
static int translate(const struct request *r, bool local, char *control, size_t n, struct rights *ret)
{
	ps_auto_fd int pidfd = broker_pidfd(r->tid);

	if (pidfd < 0)
		return EPERM;
	for (size_t at = 0, len; n - at >= sizeof(struct cmsghdr); at += len < n - at ? len : n - at) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)(control + at);

		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > n - at)
			return EINVAL;
		len = (c->cmsg_len + 7) & ~(size_t)7;
		if (!local && is_harmless(c))
			continue;
		if (!local || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
			return EPERM; /* SCM_CREDENTIALS: nobody's but ours */
		const size_t n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n_fds; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (ret->n == RIGHTS_MAX)
				return EINVAL;
			fd = ps_sys_pidfd_getfd(pidfd, fd);
			if (fd < 0)
				return EBADF;
			ret->fds[ret->n++] = fd;
			memcpy(CMSG_DATA(c) + i * sizeof(fd), &fd, sizeof(fd));
		}
	}
	return request_valid(r) ? 0 : EPERM;
}

/* ---- One message ---- */

/* Has the target our own ids, which is what a peer will see? */
static bool has_our_ids(const struct request *r)
{
	uint64_t uid, gid;

	return request_status(r, "Uid", 10, &uid) && request_status(r, "Gid", 10, &gid) && uid == getuid() && gid == getgid();
}

static int check_unix(const struct sending *s, const struct message *m)
{
	struct socket_address a = { .len = 0 };
	const struct perm_query q = { .permission = POLICY_NET, .net = { .unix_path = "@" } };
	int err = 0;

	if (m->name.n) {
		err = socket_address_of(m->name.p, m->name.n, /* reach= */ true, &a);
		/* A path would have to be resolved first, in a container that goes on meanwhile: connect(2) does. */
		if (!err && (!a.target.unix_path || !net_allowed(s->r, 0, &a, "send", &err)))
			err = err ? err : EACCES;
	}
	if (!err && !has_our_ids(s->r)) {
		request_refused(s->r, &q, "send", EPERM, "sendmsg on AF_UNIX sockets is brokered only for the supervisor's own user; use write or send");
		err = EPERM;
	}
	return err;
}

/* Decide where it goes; the address that it is sent to goes to *a (len 0: where the socket is connected to). */
static int check(const struct sending *s, const struct message *m, struct socket_address *a)
{
	int err;

	a->len = 0;
	if (s->f.domain == AF_UNIX) {
		err = check_unix(s, m);
		if (!err && m->name.n)
			err = socket_address_of(m->name.p, m->name.n, /* reach= */ true, a);
		return err;
	}
	if (!s->f.what)
		return EACCES;
	/* TCP looks at no address once MSG_FASTOPEN is out of the way. */
	if (!m->name.n || s->f.what == NET_TCP)
		return 0;
	err = socket_address_of(m->name.p, m->name.n, /* reach= */ true, a);
	if (err)
		return err;
	if (a->sa.ss_family == AF_UNSPEC || (a->sa.ss_family != s->f.domain && s->f.domain != AF_INET6))
		return EAFNOSUPPORT;
	err = socket_address_real(s->r, &s->f, a);
	if (err)
		return err;
	if (net_is_resolver(s->r, &s->f, &a->target))
		return net_looks_up(s->r, s->fd);
	if (net_is_inside(s->r, s->f.what, &a->target))
		return 0;
	if (!net_allowed(s->r, s->f.what, a, "send", &err))
		return err;
	const char *why;

	if (s->r->s->f.net == BROKER_NET_ROUTED || s->f.host || net_relays(s->r, &s->f, &a->target, &why))
		return 0;
	struct perm_query q = { .permission = POLICY_NET, .net = a->target };

	q.net.what = s->f.what;
	request_refused(s->r, &q, "send", ENETUNREACH, why);
	return ENETUNREACH;
}

static ssize_t transmit(int fd, const struct socket_address *a, const char *control, size_t n_control, const char *data, size_t n, int flags)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (a->len) {
		m.msg_name = (void *)(uintptr_t)&a->sa;
		m.msg_namelen = a->len;
	}
	if (n_control) {
		m.msg_control = (void *)(uintptr_t)control;
		m.msg_controllen = (socklen_t)n_control;
	}
	return sendmsg(fd, &m, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Bytes sent, or -errno.  EAGAIN whether the target would wait or not. */
static ssize_t send_one(const struct sending *s, const struct message *m, struct socket_address *a)
{
	char control[CONTROL_MAX] __attribute__((aligned(8)));
	__attribute__((cleanup(rights_done))) struct rights rights = { .n = 0 };
	int err = check(s, m, a);

	if (!err && m->data.cut && !s->is_stream)
		err = EMSGSIZE;
	if (err)
		return -err;
	if (m->control.n) {
		memcpy(control, m->control.p, m->control.n);
		err = translate(s->r, s->f.domain == AF_UNIX, control, m->control.n, &rights);
		if (err)
			return -err;
	}
	const ssize_t n = transmit(s->fd, a, control, m->control.n, m->data.p, m->data.n, s->flags & ~FLAGS_DROPPED);

	return n < 0 ? -errno : n;
}

/* ---- One that has to wait ---- */

struct waiting { struct socket_address a; int flags; uint64_t length_at /* 0: not wanted */; size_t n_control, n; char control[CONTROL_MAX] __attribute__((aligned(8))); char data[]; };

static void on_lengths_written(struct job *j, int err, const struct task *t)
{
	(void)t;
	job_answer(j, j->written.value, err);
}

/* sendmmsg: n lengths, one in each struct mmsghdr. */
static void write_lengths(struct job *j, uint64_t at, const uint32_t *v, size_t n)
{
	struct order o = { .address = at, .stride = sizeof(struct mmsghdr) };

	j->written.value = (int64_t)n;
	j->on_reply = on_lengths_written;
	job_order(j, &o, v, n * sizeof(*v));
}

static void on_room(struct job *j)
{
	const struct waiting *w = j->bytes;
	const ssize_t n = transmit(j->source.fd, &w->a, w->control, w->n_control, w->data, w->n, w->flags);

	if (n < 0 && errno == EAGAIN)
		job_wait(j, EPOLLOUT);
	else if (n >= 0 && w->length_at)
		write_lengths(j, w->length_at, &(uint32_t){ (uint32_t)n }, 1);
	else
		job_answer(j, n, n < 0 ? errno : 0);
}

static void on_late(struct job *j)
{
	job_answer(j, 0, EAGAIN);
}

/* Takes s->fd over.  Descriptors that it carries are not kept open for it: EAGAIN. */
static void wait_for_room(const struct sending *s, const struct message *m, const struct socket_address *a, uint64_t length_at)
{
	struct waiting *w = s->f.domain == AF_UNIX && m->control.n ? NULL : malloc(sizeof(*w) + m->data.n);
	struct job *j = w ? job_new(s->r) : NULL;

	if (!j) {
		if (!w)
			request_answer(s->r, 0, EAGAIN);
		free(w);
		(void)close(s->fd);
		return;
	}
	*w = (struct waiting){ .a = *a, .flags = s->flags & ~FLAGS_DROPPED, .length_at = length_at,
				.n_control = m->control.n, .n = m->data.n };
	memcpy(w->control, m->control.p, m->control.n);
	memcpy(w->data, m->data.p, m->data.n);
	j->bytes = w;
	j->source.fd = s->fd;
	j->on_ready = on_room;
	j->on_late = on_late;
	job_deadline(j, s->fd);
	job_wait(j, EPOLLOUT);
}

/* ---- The calls ---- */

static bool begin(struct request *r, int flags, struct sending *s)
{
	if (flags & FLAGS_REFUSED) {
		request_answer(r, 0, EOPNOTSUPP);
		return false;
	}
	*s = (struct sending){ .r = r, .flags = flags, .fd = request_fd(r, (int)r->args[0]) };
	if (s->fd < 0)
		return false;
	const int err = socket_facts_of(r, s->fd, &s->f);

	if (err) {
		request_answer(r, 0, err);
		(void)close(s->fd);
		return false;
	}
	s->is_stream = s->f.type == SOCK_STREAM;
	return true;
}

static void send_single(struct sending *s, const struct message *m)
{
	struct socket_address a;
	const ssize_t n = send_one(s, m, &a);

	if (n == -EAGAIN && !(s->flags & MSG_DONTWAIT) && socket_blocks(s->fd)) {
		wait_for_room(s, m, &a, 0);
		return;
	}
	request_answer(s->r, n, n < 0 ? (int)-n : 0);
	(void)close(s->fd);
}

void call_sendto(struct request *r)
{
	struct message m = { .control = { .n = 0 } };
	struct sending s;

	if (!take(r, &m.name) || !take(r, &m.data))
		request_answer(r, 0, EINVAL);
	else if (begin(r, (int)r->args[3], &s))
		send_single(&s, &m);
}

void call_sendmsg(struct request *r)
{
	struct message m;
	struct sending s;

	if (!take_message(r, &m))
		request_answer(r, 0, EINVAL);
	else if (begin(r, (int)r->args[2], &s))
		send_single(&s, &m);
}

/* As many as go out at once; who waits for the first of them waits for that one. */
void call_sendmmsg(struct request *r)
{
	const uint64_t length_at = r->args[1] + offsetof(struct mmsghdr, msg_len);
	uint32_t lengths[MESSAGES_MAX];
	size_t n = 0;
	ssize_t sent = 0;
	struct message m;
	struct sending s;

	if (!begin(r, (int)r->args[3], &s))
		return;
	while (n < MESSAGES_MAX && take_message(r, &m)) {
		struct socket_address a;

		sent = send_one(&s, &m, &a);
		if (sent == -EAGAIN && !n && !(s.flags & MSG_DONTWAIT) && socket_blocks(s.fd)) {
			wait_for_room(&s, &m, &a, length_at);
			return;
		}
		if (sent < 0)
			break;
		lengths[n++] = (uint32_t)sent;
	}
	(void)close(s.fd);
	struct job *j = n ? job_new(r) : NULL;

	if (j)
		write_lengths(j, length_at, lengths, n);
	else if (!n)
		request_answer(r, 0, sent < 0 ? (int)-sent : 0);
}
