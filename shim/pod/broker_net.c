/* SPDX-License-Identifier: Apache-2.0
 * broker_net.c - connect, bind and listen: the copied address is decided, and used on a duplicate of the target's socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/scope.h"
#include "shim/plan/plan.h"
#include "shim/pod/broker_inside.h"

enum { PRIVILEGED_PORTS = 1024, IN6_LEN_MIN = 24 /* RFC 2133: without a scope */ };

/* ---- Sockets and addresses ---- */

static int option(int fd, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) < 0 ? -1 : v;
}

static unsigned what_of(const struct socket_facts *f)
{
	if (f->domain != AF_INET && f->domain != AF_INET6)
		return 0;
	if (f->type == SOCK_STREAM && f->protocol == IPPROTO_TCP)
		return NET_TCP;
	if (f->type == SOCK_DGRAM && f->protocol == IPPROTO_UDP)
		return NET_UDP;
	if (f->type == SOCK_DGRAM && f->protocol == (f->domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return NET_ICMP;
	return 0;
}

uint64_t net_own_cookie(void)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

int socket_facts_of(const struct request *r, int fd, struct socket_facts *ret)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	ret->domain = option(fd, SO_DOMAIN);
	if (ret->domain < 0)
		return errno; /* ENOTSOCK */
	ret->type = option(fd, SO_TYPE);
	ret->protocol = option(fd, SO_PROTOCOL);
	ret->what = what_of(ret);
	ret->host = false;
	if (r->s->f.net != BROKER_NET_EMPTY)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return EPERM;
	ret->host = cookie == r->b->netns_cookie;
	return 0;
}

static void put_addr(struct socket_address *a)
{
	const struct net_addr *from = &a->target.addr;

	if (a->sa.ss_family == AF_INET6)
		memcpy(&((struct sockaddr_in6 *)&a->sa)->sin6_addr, from, sizeof(*from));
	else
		memcpy(&((struct sockaddr_in *)&a->sa)->sin_addr, from->b + 12, 4);
}

static void as_peer(struct socket_address *a)
{
	static const struct net_addr any6 = { .b = { 0 } };
	const struct net_addr any4 = net_addr_ipv4(0);

	if (memcmp(&a->target.addr, &any4, sizeof(any4)) == 0)
		a->target.addr = net_addr_ipv4(INADDR_LOOPBACK);
	else if (memcmp(&a->target.addr, &any6, sizeof(any6)) == 0)
		a->target.addr.b[15] = 1;
	else
		return;
	put_addr(a);
}

/* Datagrams of an empty namespace's own socket: the relay knows synthetic addresses. */
static bool is_relayed(const struct request *r, const struct socket_facts *f)
{
	return r->s->f.net == BROKER_NET_EMPTY && !f->host && f->what & (NET_UDP | NET_ICMP);
}

bool net_relays(const struct request *r, const struct socket_facts *f, const struct net_target *t, const char **ret_why)
{
	if (net_addr_is_group(&t->addr)) {
		*ret_why = "nothing is sent to many from a network namespace of its own; give it a routed one";
		return false;
	}
	*ret_why = "no entry for UDP or ICMP was there when it began: datagrams do not leave its network namespace";
	return is_relayed(r, f) && (r->s->f.uplink || (!t->name && net_addr_is_loopback(&t->addr)));
}

int socket_address_real(const struct request *r, const struct socket_facts *f, struct socket_address *a)
{
	struct net_meaning m;

	if (!r->s->f.names || !a->target.has_addr || !net_names_is_synthetic(&a->target.addr))
		return 0;
	/* An IPv4 socket reaches no IPv6 address, whatever was given out. */
	if (!net_names_find(r->s->f.names, &a->target.addr, &m) ||
	    (a->sa.ss_family == AF_INET && !net_addr_is_ipv4(&m.real)))
		return EHOSTUNREACH;
	a->target.name = m.name;
	a->target.addr = m.real;
	a->pinned = m.pinned;
	if (!is_relayed(r, f))
		put_addr(a);
	return 0;
}

/* A name of more than text cannot be in any entry. */
static int unix_name_of(struct socket_address *a, size_t n)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	const char *path = un->sun_path;
	size_t len = n - offsetof(struct sockaddr_un, sun_path);

	if (n > sizeof(*un))
		return EINVAL;
	a->len = (socklen_t)n;
	if (!len)
		return 0;
	if (path[0]) {
		memcpy(a->unix_name, path, strnlen(path, len));
		return 0;
	}
	a->unix_name[0] = '@';
	memcpy(a->unix_name + 1, path + 1, len - 1);
	a->target.unix_path = a->unix_name;
	return memchr(path + 1, '\0', len - 1) ? EACCES : 0;
}

int socket_address_of(const void *p, size_t n, bool reach, struct socket_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (n < sizeof(sa_family_t) || n > sizeof(ret->sa))
		return EINVAL;
	memcpy(&ret->sa, p, n);
	if (ret->sa.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&ret->sa;

		if (n < sizeof(*in))
			return EINVAL;
		ret->len = sizeof(*in);
		ret->target.addr = net_addr_ipv4(ntohl(in->sin_addr.s_addr));
		ret->target.port = ntohs(in->sin_port);
	} else if (ret->sa.ss_family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->sa;

		if (n < IN6_LEN_MIN)
			return EINVAL;
		ret->len = sizeof(*in6);
		memcpy(&ret->target.addr, &in6->sin6_addr, sizeof(ret->target.addr));
		ret->target.port = ntohs(in6->sin6_port);
	} else if (ret->sa.ss_family == AF_UNIX) {
		return unix_name_of(ret, n);
	} else {
		ret->len = sizeof(struct sockaddr_in);
		return ret->sa.ss_family == AF_UNSPEC ? 0 : EAFNOSUPPORT;
	}
	ret->target.has_addr = true;
	if (reach)
		as_peer(ret);
	return 0;
}

bool socket_blocks(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

/* ---- Decisions ---- */

static struct perm_query query_of(unsigned what, const struct socket_address *a)
{
	struct perm_query q = { .permission = POLICY_NET, .net = a->target, .pinned = a->pinned };

	q.net.what = what;
	return q;
}

bool net_allowed(const struct request *r, unsigned what, const struct socket_address *a, const char *action, int *ret_err)
{
	const struct perm_query q = query_of(what, a);

	return request_allowed(r, &q, action, /* sound= */ true, ret_err);
}

static bool would_allow(const struct request *r, unsigned what, const struct net_target *t)
{
	struct perm_query q = { .permission = POLICY_NET, .net = *t };

	bool asked;

	q.net.what = what;
	const enum policy_action v = request_verdict(r, &q, &asked).action;

	return v == POLICY_ALLOW || v == POLICY_WARN;
}

bool net_is_resolver(const struct request *r, const struct socket_facts *f, const struct net_target *t)
{
	enum { DNS_PORT = 53 };
	struct net_addr resolver;

	return r->s->f.names && f->what == NET_UDP && !f->host && t->port == DNS_PORT &&
	       net_addr_parse(PLAN_RESOLVER_ADDRESS, &resolver) && !memcmp(&t->addr, &resolver, sizeof(resolver));
}

static int port_of(int fd, uint16_t *ret)
{
	union { struct sockaddr_storage any; struct sockaddr_in in; struct sockaddr_in6 in6; } a = { .any = { .ss_family = AF_UNSPEC } };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return errno;
	*ret = ntohs(a.any.ss_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
	return 0;
}

/* What has no port yet gets one now, as it would by sending. */
int net_looks_up(const struct request *r, int fd)
{
	const struct sockaddr_storage any = { .ss_family = (sa_family_t)option(fd, SO_DOMAIN) };
	const socklen_t len = any.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	uint16_t port = 0;
	int err;

	if (!r->s->f.on_lookup)
		return 0;
	err = port_of(fd, &port);
	if (!err && !port)
		err = bind(fd, (const struct sockaddr *)&any, len) < 0 ? errno : port_of(fd, &port);
	return err ? err : port ? r->s->f.on_lookup(r->s->f.ctx, port) : EACCES;
}

bool net_is_inside(const struct request *r, unsigned what, const struct net_target *t)
{
	if (r->s->f.net != BROKER_NET_EMPTY || !net_addr_is_loopback(&t->addr) || !would_allow(r, NET_LISTEN, t))
		return false;
	return what != NET_UDP || !r->s->f.is_stand || !r->s->f.is_stand(r->s->f.ctx, t);
}

/* Does the kernel take this address for such a socket?  An IPv6 one of datagrams reaches IPv4, too. */
static int check_family(const struct socket_facts *f, const struct socket_address *a)
{
	if (a->sa.ss_family == f->domain || (f->domain == AF_INET6 && a->sa.ss_family == AF_INET && f->what != NET_TCP))
		return 0;
	return f->domain == AF_UNIX ? EINVAL : EAFNOSUPPORT;
}

/* ---- connect ---- */

static void answer_and_close(const struct request *r, int fd, int err)
{
	request_answer(r, 0, err);
	(void)close(fd);
}

void job_deadline(struct job *j, int fd)
{
	struct timeval t = { .tv_sec = 0 };
	socklen_t len = sizeof(t);

	/* Of the clock, too, what is below a millisecond is cut off: nobody is told too early. */
	if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &len) == 0 && (t.tv_sec || t.tv_usec))
		j->deadline_ms = (uint64_t)ps_now_ms() + (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000 + 2;
}

/* Asked again, the kernel tells how it went, and forgets it as if it had never left the first call. */
static void connect_job(struct job *j)
{
	const int rc = connect(j->source.fd, (const struct sockaddr *)&j->connect.addr, j->connect.len), err = rc < 0 ? errno : 0;

	if (err == EINPROGRESS || err == EALREADY)
		job_wait(j, EPOLLOUT);
	else
		job_answer(j, 0, err);
}

static void on_connect_late(struct job *j)
{
	job_answer(j, 0, EINPROGRESS);
}

/* Begun, and O_NONBLOCK for that.  Takes fd over. */
static void connect_waits(struct request *r, int fd, int flags, const struct socket_address *a)
{
	struct job *j = job_new(r);

	if (!j) {
		(void)fcntl(fd, F_SETFL, flags);
		(void)close(fd);
		return;
	}
	j->source.fd = fd;
	j->blocks_again = true;
	j->connect.addr = a->sa;
	j->connect.len = a->len;
	j->on_ready = connect_job;
	j->on_late = on_connect_late;
	job_deadline(j, fd);
	job_wait(j, EPOLLOUT);
}

static void connect_duplicate(struct request *r, int fd, const struct socket_address *a, const struct socket_facts *f)
{
	const int flags = f->what == NET_TCP && a->sa.ss_family != AF_UNSPEC ? fcntl(fd, F_GETFL) : O_NONBLOCK;
	const bool blocks = flags >= 0 && !(flags & O_NONBLOCK);

	if (flags < 0 || (blocks && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
		answer_and_close(r, fd, EIO);
		return;
	}
	const int rc = connect(fd, (const struct sockaddr *)&a->sa, a->len), err = rc < 0 ? errno : 0;

	if (blocks && (err == EINPROGRESS || err == EALREADY)) {
		connect_waits(r, fd, flags, a);
		return;
	}
	if (blocks)
		(void)fcntl(fd, F_SETFL, flags);
	answer_and_close(r, fd, err);
}

/* What the kernel makes of it is not known here: MPTCP, SCTP, raw, vsock, netlink ... */
static void refuse_kind(const struct request *r, int fd, const struct socket_address *a, const char *action)
{
	const struct perm_query q = query_of(NET_ALL, a);

	request_refused(r, &q, action, EACCES, "only TCP, UDP, ICMP and AF_UNIX sockets are brokered");
	answer_and_close(r, fd, EACCES);
}

/* An empty namespace: fd is taken over. */
static void connect_out(struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a)
{
	if (f->what == NET_TCP) {
		broker_swap(r, fd, f, a);
		return;
	}
	const char *why;

	if (net_relays(r, f, &a->target, &why)) {
		connect_duplicate(r, fd, a, f);
		return;
	}
	const struct perm_query q = query_of(f->what, a);

	request_refused(r, &q, "connect", ENETUNREACH, why);
	answer_and_close(r, fd, ENETUNREACH);
}

static void connect_inet(struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a)
{
	const bool native = r->s->f.net == BROKER_NET_ROUTED || f->host;
	const bool looks_up = net_is_resolver(r, f, &a->target);
	const bool inside = looks_up || (!native && !would_allow(r, f->what, &a->target) && net_is_inside(r, f->what, &a->target));
	int err = looks_up ? net_looks_up(r, fd) : 0;

	if (err)
		answer_and_close(r, fd, err);
	else if (!inside && !net_allowed(r, f->what, a, "connect", &err))
		answer_and_close(r, fd, err);
	else if (inside || native)
		connect_duplicate(r, fd, a, f);
	else
		connect_out(r, fd, f, a);
}

/* The socket and the address of connect and bind; reach as in socket_address_of.  Its fd, or -1: it was answered. */
static int take_socket(struct request *r, bool reach, struct socket_facts *f, struct socket_address *a, int *ret_err)
{
	const char *name;
	size_t n;

	if (!request_part(r, &name, &n, NULL)) {
		request_answer(r, 0, EINVAL);
		return -1;
	}
	const int fd = request_fd(r, (int)r->args[0]);

	if (fd < 0)
		return -1;
	*ret_err = socket_facts_of(r, fd, f);
	if (!*ret_err)
		*ret_err = socket_address_of(name, n, reach, a);
	return fd;
}

void call_connect(struct request *r)
{
	struct socket_address a;
	struct socket_facts f;
	int err;
	const int fd = take_socket(r, /* reach= */ true, &f, &a, &err);

	if (fd < 0)
		return;
	if (!err && a.sa.ss_family != AF_UNSPEC)
		err = check_family(&f, &a);
	if (!err)
		err = socket_address_real(r, &f, &a);
	if (err)
		answer_and_close(r, fd, err);
	else if (f.domain == AF_UNIX && a.sa.ss_family == AF_UNIX)
		unix_connect(r, fd, &a);
	else if (!f.what && f.domain != AF_UNIX)
		refuse_kind(r, fd, &a, "connect");
	else if (a.sa.ss_family == AF_UNSPEC)
		connect_duplicate(r, fd, &a, &f); /* it only takes an association away */
	else
		connect_inet(r, fd, &f, &a);
}

/* ---- bind, listen ---- */

/* Has it the right, where its network namespace is? */
static bool may_bind_low(const struct request *r)
{
	uint64_t caps;

	return (!r->s->f.own_userns || r->s->f.owns_netns) && request_status(r, "CapEff", 16, &caps) && caps >> CAP_NET_BIND_SERVICE & 1;
}

static void on_bound(struct job *j, int err, const struct task *t)
{
	(void)t;
	job_answer(j, 0, err);
}

/* We have not that right, the hand has. */
static void bind_low(const struct request *r, int fd, const struct socket_address *a)
{
	struct task t = { .kind = TASK_BIND_LOW, .len = a->len };
	struct job *j = job_new(r);

	if (!j) {
		(void)close(fd);
		return;
	}
	memcpy(t.text, &a->sa, a->len);
	j->source.fd = fd;
	j->on_reply = on_bound;
	job_task(j, &t, &fd, 1);
}

/* Takes fd over. */
static void bind_duplicate(const struct request *r, int fd, const struct socket_address *a)
{
	const int rc = bind(fd, (const struct sockaddr *)&a->sa, a->len), err = rc < 0 ? errno : 0;

	if (err == EACCES && a->target.port < PRIVILEGED_PORTS && may_bind_low(r))
		bind_low(r, fd, a);
	else
		answer_and_close(r, fd, err);
}

/* Without a port it is the kernel's choice, which nobody can be told of: what a client's socket does. */
static void bind_inet(struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a)
{
	int err = 0;

	if (a->sa.ss_family != f->domain)
		err = EAFNOSUPPORT;
	else if (f->host)
		err = EINVAL; /* as any that is connected */
	else if (a->target.port)
		(void)net_allowed(r, NET_LISTEN, a, "bind", &err);
	if (err)
		answer_and_close(r, fd, err);
	else
		bind_duplicate(r, fd, a);
}

void call_bind(struct request *r)
{
	struct socket_address a;
	struct socket_facts f;
	int err;
	const int fd = take_socket(r, /* reach= */ false, &f, &a, &err);

	if (fd < 0)
		return;
	if (err)
		answer_and_close(r, fd, err == EAFNOSUPPORT && f.domain == AF_NETLINK ? EACCES : err);
	else if (f.domain == AF_UNIX && a.sa.ss_family == AF_UNIX)
		unix_bind(r, fd, &a);
	else if (!f.what)
		refuse_kind(r, fd, &a, "bind");
	else
		bind_inet(r, fd, &f, &a);
}

void call_listen(struct request *r)
{
	struct socket_address a;
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	struct socket_facts f = { .what = 0 };
	socklen_t len = sizeof(sa);
	const int fd = request_fd(r, (int)r->args[0]);

	if (fd < 0)
		return;
	int err = socket_facts_of(r, fd, &f);

	if (err) {
		answer_and_close(r, fd, err);
		return;
	}
	if (f.domain == AF_UNIX) {
		unix_listen(r, fd, (int)r->args[1]);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		err = errno;
	else
		err = socket_address_of(&sa, len, /* reach= */ false, &a);
	if (!err && f.what != NET_TCP)
		err = EOPNOTSUPP;
	if (!err && net_allowed(r, NET_LISTEN, &a, "listen", &err)) {
		/* A host's socket would be open to whoever reaches the host. */
		if (f.host)
			err = EACCES;
		else
			err = listen(fd, (int)r->args[1]) < 0 ? errno : 0;
	}
	answer_and_close(r, fd, err);
}
