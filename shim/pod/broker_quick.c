/* SPDX-License-Identifier: Apache-2.0
 * broker_quick.c - in the reader: a connect that is allowed, of TCP, and that nobody wants to be told of is done where it was read.
 *
 * The decision is the broker's, by the same function on the same copy; what it spares is the way to the supervisor and back.
 * Whatever else the call may need (a name, a denial to tell, a wait, an epoll that knows the socket) is left to the broker,
 * as if it had not been looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/pod/broker_inside.h"

/* Of the thread that asked last: most ask more than once.  A number that became another's is no longer what this refers to. */
static struct { pid_t tid; int fd; } last = { 0, -1 };

static int duplicate_of(const struct request *r, int number)
{
	if (last.tid != r->tid) {
		ps_fd_close(&last.fd);
		last.fd = broker_pidfd(r->tid);
		last.tid = r->tid;
	}
	int fd = last.fd < 0 ? -1 : ps_sys_pidfd_getfd(last.fd, number);

	if (fd < 0) {
		ps_fd_close(&last.fd);
		last.tid = 0;
	} else if (!request_valid(r)) {
		ps_fd_close(&fd);
	}
	return fd;
}

/* Whether it needs nothing but a socket that is connected. */
static bool is_plain(const struct request *r, const struct socket_facts *f, const struct socket_address *a)
{
	struct perm_query q = { .permission = POLICY_NET, .net = a->target };

	if (f->what != NET_TCP || a->sa.ss_family != f->domain)
		return false;
	q.net.what = NET_TCP;
	return permissions_decide(r->s->f.permissions, &q).action == POLICY_ALLOW &&
	       !(r->s->f.permissions->settings.audit.allowed >> POLICY_NET & 1);
}

/* What the loopback answers comes when the first call has let go of the socket. */
int connect_at_once(int fd, const struct socket_address *a)
{
	const struct sockaddr *sa = (const struct sockaddr *)&a->sa;
	int err = connect(fd, sa, a->len) < 0 ? errno : 0;

	if (err == EINPROGRESS)
		err = connect(fd, sa, a->len) < 0 ? errno : 0;
	return err;
}

/* In a routed namespace, or of a socket that is the host's already. */
static bool connect_own(const struct request *r, int fd, const struct socket_address *a)
{
	const int flags = fcntl(fd, F_GETFL);
	const bool blocks = flags >= 0 && !(flags & O_NONBLOCK);

	if (flags < 0 || (blocks && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return false;
	const int rc = blocks ? 0 : connect(fd, (const struct sockaddr *)&a->sa, a->len);
	const int err = blocks ? connect_at_once(fd, a) : rc < 0 ? errno : 0;

	if (blocks) {
		(void)fcntl(fd, F_SETFL, flags);
		if (err == EALREADY) /* the broker finds it on its way, and waits */
			return false;
	}
	request_answer(r, 0, err);
	return true;
}

bool broker_quick(struct request *r)
{
	struct socket_address a;
	struct socket_facts f;
	const char *name;
	size_t n;

	if (r->call->handle != call_connect || !request_part(r, &name, &n, NULL) || socket_address_of(name, n, /* reach= */ true, &a) != 0 ||
	    !a.target.has_addr || (r->s->f.names && net_names_is_synthetic(&a.target.addr)))
		return false;
	ps_auto_fd int fd = duplicate_of(r, (int)r->args[0]);

	if (fd < 0 || socket_facts_of(r, fd, &f) != 0 || !is_plain(r, &f, &a))
		return false;
	return r->s->f.net == BROKER_NET_ROUTED || f.host ? connect_own(r, fd, &a) : swap_quick(r, fd, &f, &a);
}
