/* SPDX-License-Identifier: Apache-2.0
 * sock.c - SOCK_SEQPACKET messages with file descriptors, deadlines and peer checks.
 */
#include "ipc/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"

/* Control data for SOCK_MAX_FDS descriptors, aligned for its header. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(SOCK_MAX_FDS * sizeof(int))];
};

static int peer_gone(struct ps_err *e)
{
	int saved = errno;

	(void)ps_fail(e, PS_E_PEER, "the peer process closed its socket");
	if (e)
		e->sys = saved;
	return -1;
}

int sock_pair(int ret[2], struct ps_err *e)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return ps_fail_os(e, "make a socket pair");
	memcpy(ret, fds, sizeof(fds));
	return 0;
}

int sock_send(int fd, const void *msg, size_t n, const int *fds, size_t n_fds, struct ps_err *e)
{
	union control control = { .room = { 0 } };
	struct iovec iov = { .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (!n || n_fds > SOCK_MAX_FDS)
		return ps_fail(e, PS_E_BUG, "message of %zu bytes with %zu descriptors", n, n_fds);
	memcpy(&iov.iov_base, &msg, sizeof(msg)); /* sendmsg(2) only reads, iovec has no const */
	if (n_fds) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = (socklen_t)CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = (socklen_t)CMSG_SPACE(n_fds * sizeof(int));
	}
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
		return peer_gone(e);
	if (sent < 0)
		return ps_fail_os(e, "send a message of %zu bytes", n);
	if ((size_t)sent != n)
		return ps_fail(e, PS_E_PEER, "only %zd of %zu bytes were sent", sent, n);
	return 0;
}

static int wait_readable(int fd, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = ps_now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = timeout_ms;
	int r;

	while ((r = poll(&p, 1, left > 0 ? (int)left : 0)) < 0 && errno == EINTR)
		left = deadline - ps_now_ms();
	if (r < 0)
		return ps_fail_os(e, "wait for a message");
	if (r > 0)
		return 0;
	(void)ps_fail(e, PS_E_PEER, "the peer process sent nothing for %d ms", timeout_ms);
	if (e)
		e->sys = ETIMEDOUT;
	return -1;
}

/* Copy the descriptors of a received message to out (room for SOCK_MAX_FDS) and return their number. */
static size_t received_fds(struct msghdr *m, int *out)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n;

	/* One kind of control data is on; the kernel puts all descriptors of a message into one header. */
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n > SOCK_MAX_FDS)
		n = SOCK_MAX_FDS;
	memcpy(out, CMSG_DATA(c), n * sizeof(int));
	return n;
}

ssize_t sock_recv(int fd, void *msg, size_t n, int *fds, size_t *n_fds, int timeout_ms, struct ps_err *e)
{
	union control control;
	struct iovec iov = { .iov_base = msg, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	size_t wanted = n_fds ? *n_fds : 0, got;
	int taken[SOCK_MAX_FDS];
	ssize_t len;

	if (timeout_ms >= 0 && wait_readable(fd, timeout_ms, e) < 0)
		return -1;
	/* ECONNRESET only tells that the peer left our own messages unread; what it sent before still follows. */
	do
		len = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (len < 0 && (errno == EINTR || errno == ECONNRESET));
	if (len < 0)
		return ps_fail_os(e, "receive a message");
	got = received_fds(&m, taken);
	if (got > wanted || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < got; i++)
			(void)close(taken[i]);
		if (m.msg_flags & MSG_TRUNC)
			return ps_fail(e, PS_E_PEER, "the peer process sent a message of more than %zu bytes", n);
		return ps_fail(e, PS_E_PEER, "the peer process sent more than %zu descriptors", wanted);
	}
	if (got)
		memcpy(fds, taken, got * sizeof(int));
	if (n_fds)
		*n_fds = got;
	return len;
}

/* dirfd/name whatever the length of the directory's path; name alone without dirfd. */
static int make_address(struct sockaddr_un *a, int dirfd, const char *name, struct ps_err *e)
{
	char dir[32] = "";
	int len;

	if (dirfd >= 0)
		(void)snprintf(dir, sizeof(dir), "/proc/self/fd/%d/", dirfd);
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(a->sun_path, sizeof(a->sun_path), "%s%s", dir, name);
	if (len < 0 || (size_t)len >= sizeof(a->sun_path))
		return ps_fail(e, PS_E_USAGE, "socket name '%s' is longer than %zu bytes", name,
			       sizeof(a->sun_path) - 1 - strlen(dir));
	return 0;
}

int sock_listen_at(int dirfd, const char *name, int type, struct ps_err *e)
{
	ps_auto_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;

	if (make_address(&addr, dirfd, name, e) < 0)
		return -1;
	/* bind(2) gives the new file the socket's own mode (2.6.12), so that it is never open to others. */
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ps_fail_os(e, "make socket '%s'", name);
	if (listen(fd, 16) < 0) {
		(void)ps_fail_os(e, "listen on socket '%s'", name);
		(void)unlinkat(dirfd, name, 0);
		return -1;
	}
	return ps_take_fd(&fd);
}

enum { CONNECT_S = 3 };

static int connect_to(const struct sockaddr_un *addr, const char *name, int type, struct ps_err *e)
{
	ps_auto_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	const struct timeval bounded = { .tv_sec = CONNECT_S }, unbounded = { .tv_sec = 0 };
	int saved;

	/* unix(7): a full backlog is waited for as long as a send may take. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bounded, sizeof(bounded)) < 0)
		return ps_fail_os(e, "make a socket for '%s'", name);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &unbounded, sizeof(unbounded));
		return ps_take_fd(&fd);
	}
	saved = errno == EAGAIN ? ETIMEDOUT : errno;
	if (saved != ENOENT && saved != ECONNREFUSED && saved != ETIMEDOUT)
		return ps_fail_os(e, "connect to socket '%s'", name);
	(void)ps_fail(e, PS_E_PEER, "connect to socket '%s': %s", name,
		      saved == ETIMEDOUT ? "nobody accepts it" : "nobody listens");
	if (e)
		e->sys = saved;
	return -1;
}

int sock_connect_at(int dirfd, const char *name, int type, struct ps_err *e)
{
	struct sockaddr_un addr;

	if (make_address(&addr, dirfd, name, e) < 0)
		return -1;
	return connect_to(&addr, name, type, e);
}

bool sock_listens_at(int dirfd, const char *name, int type)
{
	ps_auto_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (fd < 0 || make_address(&addr, dirfd, name, NULL) < 0)
		return false;
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN;
}

int sock_connect_path(const char *path, struct ps_err *e)
{
	const char *slash = strrchr(path, '/');
	ps_auto_fd int dir = -1;
	struct sockaddr_un addr;
	char parent[PATH_MAX];

	if (!slash || strlen(path) < sizeof(addr.sun_path))
		return make_address(&addr, -1, path, e) < 0 ? -1 : connect_to(&addr, path, SOCK_STREAM, e);
	if ((size_t)(slash - path) + 2 > sizeof(parent))
		return ps_fail(e, PS_E_USAGE, "socket path of %zu bytes is too long", strlen(path));
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path) + 1, path);
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ps_fail_os(e, "open the directory of socket '%s'", path);
	if (make_address(&addr, dir, slash + 1, e) < 0)
		return -1;
	return connect_to(&addr, path, SOCK_STREAM, e);
}

int sock_send_fd_stream(int fd, int fd_to_send, const char *text, struct ps_err *e)
{
	return sock_send(fd, text, strlen(text), &fd_to_send, 1, e);
}

int sock_peer(int fd, pid_t *ret_pid, uid_t *ret_uid, struct ps_err *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return ps_fail_os(e, "ask who the peer is");
	*ret_pid = cred.pid;
	*ret_uid = cred.uid;
	return 0;
}
