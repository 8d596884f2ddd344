/* SPDX-License-Identifier: Apache-2.0
 * passed.c - descriptors that the caller passes on: a socket reaches what it is connected to, whatever the permissions say.
 */
#include "shim/pod/passed.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/abi.h"
#include "base/scope.h"

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	char end[sizeof(struct sockaddr_un) + 1];
};

static bool is_limited(const struct perm_rules *r)
{
	return r->deny.n || r->narrows || !(r->all || r->by_config);
}

static int option(int fd, int name)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) < 0 ? -1 : v;
}

/* What the socket is good for; false: for nothing that an entry could name. */
static bool target_of(const union address *a, socklen_t len, struct net_target *t, char name[sizeof(union address)])
{
	const size_t path = offsetof(struct sockaddr_un, sun_path);

	switch (a->sa.sa_family) {
	case AF_INET:
		t->addr = net_addr_ipv4(ntohl(a->in.sin_addr.s_addr));
		t->port = ntohs(a->in.sin_port);
		break;
	case AF_INET6:
		memcpy(&t->addr, &a->in6.sin6_addr, sizeof(t->addr));
		t->port = ntohs(a->in6.sin6_port);
		break;
	case AF_UNIX:
		if (len <= path)
			return false;
		memcpy(name, a->un.sun_path, len - path);
		name[len - path] = '\0';
		if (!name[0])
			name[0] = '@';
		t->unix_path = name;
		return true;
	default:
		return false;
	}
	t->has_addr = true;
	return true;
}

/* A pair that somebody made for the two of them. */
static bool is_pair(const union address *peer, socklen_t peer_len, const union address *own, socklen_t own_len)
{
	const socklen_t unnamed = offsetof(struct sockaddr_un, sun_path);

	return peer->sa.sa_family == AF_UNIX && own->sa.sa_family == AF_UNIX && peer_len <= unnamed && own_len <= unnamed;
}

/* Does the supervisor decide where sockets go, whoever has made them? */
static bool is_brokered(const struct policy *p)
{
	for (size_t i = 0; i < p->guard.n_rules; i++)
		for (size_t k = 0; k < p->guard.rules[i].names.n; k++)
			if (p->guard.rules[i].action == SECCOMP_RET_USER_NOTIF && strcmp(p->guard.rules[i].names.v[k], "connect") == 0)
				return true;
	return false;
}

/* One of those that the guard lets a program make. */
static bool is_ordinary(int fd)
{
	const int domain = option(fd, SO_DOMAIN), type = option(fd, SO_TYPE), protocol = option(fd, SO_PROTOCOL);

	return (domain == AF_INET || domain == AF_INET6) &&
	       ((type == SOCK_STREAM && protocol == IPPROTO_TCP) || (type == SOCK_DGRAM && protocol == IPPROTO_UDP));
}

/* *ret_what: an address of it, for messages; "" where it has none. */
static bool is_allowed(const struct permissions *g, const struct policy *p, int fd, struct ps_buf *ret_what)
{
	union address own = { .end = "" }, peer = { .end = "" }, *at = &own;
	char name[sizeof(union address)];
	struct perm_query q = { .permission = POLICY_NET };
	socklen_t own_len = sizeof(own.un), peer_len = sizeof(peer.un), len;
	const bool listens = option(fd, SO_ACCEPTCONN) == 1;

	if (getsockname(fd, &own.sa, &own_len) < 0)
		return false;
	if (!listens) {
		/* Without a peer it is a socket of the caller's network, to be connected there. */
		if (getpeername(fd, &peer.sa, &peer_len) < 0)
			return is_brokered(p) && is_ordinary(fd);
		if (is_pair(&peer, peer_len, &own, own_len))
			return true;
		at = &peer;
		/* Who listened has the name, its peer has none. */
		if (peer.sa.sa_family == AF_UNIX && peer_len <= offsetof(struct sockaddr_un, sun_path))
			at = &own;
	}
	len = at == &own ? own_len : peer_len;
	q.net.what = listens ? NET_LISTEN : option(fd, SO_TYPE) == SOCK_STREAM ? NET_TCP : NET_UDP;
	if (!target_of(at, len, &q.net, name))
		return false;
	perm_query_target(&q, ret_what);
	const enum policy_action v = permissions_decide(g, &q).action;

	return v == POLICY_ALLOW || v == POLICY_WARN;
}

static int refuse(const struct pod_env *env, const struct permissions *g, int fd, const struct ps_buf *what, struct ps_err *e)
{
	const struct opt_bool *best_effort = &g->settings.best_effort;

	(void)ps_fail(e, PS_E_DENIED, "net: descriptor %d, which is passed on, is a socket%s%s%s: the program could use it, and no entry allows that", fd,
		      what->len ? " for '" : "", what->len ? what->data : "", what->len ? "'" : "");
	if (!best_effort->set || !best_effort->v)
		return -1;
	if (env->warn)
		env->warn(env->warn_ctx, e->msg);
	if (env->degraded)
		env->degraded(env->warn_ctx, e->msg);
	return 0;
}

int passed_check(const struct pod_env *env, const struct permissions *g, const struct policy *p, uint32_t n, struct ps_err *e)
{
	struct stat st;

	if (!g || !g->active || !is_limited(&g->of[POLICY_NET]) ||
	    (g->settings.mode.set && (g->settings.mode.v == PERM_LEARN || g->settings.mode.v == PERM_AUDIT)))
		return 0;
	for (int fd = 3; fd < 3 + (int)n; fd++) {
		ps_auto_buf struct ps_buf what = { .data = NULL };

		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && !is_allowed(g, p, fd, &what) && refuse(env, g, fd, &what, e) < 0)
			return -1;
	}
	return 0;
}
