/* SPDX-License-Identifier: Apache-2.0
 * resolver.c - the names of one network namespace, on c-ares.
 */
#include "shim/pod/resolver.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/dns_wire.h"

enum { SOCKETS_MAX = 16, IN_FLIGHT_MAX = 256, TTL_S = 60, TIMEOUT_MS = 2000, TRIES = 2, BATCH = 32, PATIENCE_MS = 180 * 1000, PORTS = 65536 };

/* A socket of c-ares'. */
struct upstream {
	struct loop_source source;
	struct resolver *r;
};
/* A socket of a payload's; freed when it is forgotten and no question of it is on its way. */
struct serving {
	struct serving *next;
	struct loop_source source;
	struct resolver *r;
	void *ctx;
	const struct permissions *permissions;
	unsigned n_in_flight;
};
/* Who has less than those whose resolver it shares, and asks from these ports. */
struct narrowed {
	struct narrowed *next;
	const void *of, *ctx;
	const struct permissions *permissions;
	uint64_t over_ms;            /* it has ended, and nothing of it can be on its way any more; 0: it runs */
	uint64_t ports[PORTS / 64];
};
struct resolver {
	struct resolver_config c;
	struct narrowed *narrowed;
	ares_channel channel;
	bool has_channel;
	struct upstream upstream[SOCKETS_MAX];
	struct serving *serving;
	struct lookup *parked;       /* that wait for an answer of whoever is asked */
	struct loop_timer timer;
	unsigned n_in_flight;
};

/* One question on its way; freed when it is answered. */
struct lookup {
	struct resolver *r;
	struct serving *from;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct dns_query q;
	struct lookup *next;         /* of resolver.parked */
	struct ask_waiter waiter;
	struct loop_timer patience;  /* who asked a name server has given up by then */
	size_t n;
	uint8_t text[DNS_UDP_MAX];
};

/* ---- c-ares in our loop ---- */

static void set_timer(struct resolver *r)
{
	struct timeval most = { .tv_sec = 5 }, tv;
	const struct timeval *t = ares_timeout(r->channel, &most, &tv);

	if (r->n_in_flight)
		loop_timer_set(r->c.loop, &r->timer, (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_usec / 1000 + 1);
	else
		loop_timer_clear(r->c.loop, &r->timer);
}

static void on_timer(void *ctx)
{
	struct resolver *r = ctx;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

static void on_upstream(void *ctx, uint32_t events)
{
	struct upstream *u = ctx;
	const int fd = u->source.fd;

	ares_process_fd(u->r->channel, events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? fd : ARES_SOCKET_BAD,
			events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	set_timer(u->r);
}

static struct upstream *upstream_of(struct resolver *r, int fd)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (r->upstream[i].source.fd == fd)
			return &r->upstream[i];
	return NULL;
}

/* c-ares opens and closes its sockets itself, and says what it waits for. */
static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = ctx;
	struct upstream *u = upstream_of(r, fd);
	const uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);

	if (!events) {
		if (u)
			loop_remove(r->c.loop, &u->source);
		if (u)
			u->source.fd = -1;
		return;
	}
	if (u) {
		loop_watch(r->c.loop, &u->source, events);
		return;
	}
	u = upstream_of(r, -1);
	if (!u)
		return; /* the query runs into its timeout */
	u->source = (struct loop_source){ .fd = fd, .on = on_upstream, .ctx = u };
	if (loop_add(r->c.loop, &u->source, events, NULL) < 0)
		u->source.fd = -1;
}

/* ---- Questions ---- */

bool resolver_permits(const struct permissions *p, const char *name)
{
	const struct perm_rules *net = &p->of[POLICY_NET];

	for (size_t i = 0; i < net->deny.n; i++) {
		const struct perm_entry *d = &net->deny.v[i];
		const struct net_target any = { .what = NET_TCP, .name = name, .port = 1 };

		if (!d->value || (d->net.what == NET_ALL && !d->net.n_ports && net_pattern_matches_name(&d->net, &any)))
			return false;
	}
	if (net->all || net->by_config)
		return true;
	for (size_t i = 0; i < net->allow.n; i++) {
		const struct perm_entry *a = &net->allow.v[i];
		const struct net_target t = { .what = a->net.what & NET_TCP ? NET_TCP : a->net.what & NET_UDP ? NET_UDP : NET_ICMP,
					      .name = name, .port = a->net.n_ports ? a->net.ports[0].from : 1 };

		if (!a->value || net_pattern_matches_name(&a->net, &t))
			return true;
	}
	return false;
}

/* "NAME:ADDRESS" of name, or NULL. */
static const char *pinned(const struct resolver *r, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < r->c.hosts.n; i++)
		if (strncasecmp(r->c.hosts.v[i], name, n) == 0 && r->c.hosts.v[i][n] == ':')
			return r->c.hosts.v[i] + n + 1;
	return NULL;
}

static void answer(const struct lookup *k, enum dns_rcode rcode, const struct net_addr *v, size_t n)
{
	uint8_t out[DNS_UDP_MAX];
	const size_t len = dns_answer(&k->q, k->text, rcode, v, n, TTL_S, out, sizeof(out));

	/* A payload that does not read its answers loses them. */
	(void)sendto(k->from->source.fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&k->peer, k->peer_len);
}

static void serving_release(struct serving *s)
{
	if (s->source.fd < 0 && !s->n_in_flight)
		free(s);
}

/* Answer with what stands for the real addresses. */
static void answer_with(const struct lookup *k, const struct net_addr *real, size_t n, bool is_pinned)
{
	struct net_addr synthetic[DNS_ANSWERS_MAX];
	size_t used = 0;

	for (size_t i = 0; i < n && used < DNS_ANSWERS_MAX; i++)
		if (net_names_add(k->r->c.names, k->q.name, &real[i], is_pinned, &synthetic[used], NULL) == 0)
			used++;
	answer(k, DNS_NOERROR, synthetic, used);
}

static struct net_addr addr_of(const struct sockaddr *sa)
{
	struct net_addr a;

	if (sa->sa_family == AF_INET)
		return net_addr_ipv4(ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr));
	memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof(a.b));
	return a;
}

static enum dns_rcode rcode_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return DNS_NOERROR;
	case ARES_ENOTFOUND:
		return DNS_NXDOMAIN;
	default:
		return DNS_SERVFAIL;
	}
}

static void on_result(void *ctx, int status, int timeouts, struct ares_addrinfo *result)
{
	struct lookup *k = ctx;
	struct net_addr real[DNS_ANSWERS_MAX];
	size_t n = 0;

	(void)timeouts;
	struct serving *from = k->from;

	k->r->n_in_flight--;
	from->n_in_flight--;
	for (const struct ares_addrinfo_node *a = result ? result->nodes : NULL; a && n < DNS_ANSWERS_MAX; a = a->ai_next)
		if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
			real[n++] = addr_of(a->ai_addr);
	if (result)
		ares_freeaddrinfo(result);
	if (status != ARES_EDESTRUCTION && from->source.fd >= 0) {
		if (n)
			answer_with(k, real, n, /* is_pinned= */ false);
		else
			answer(k, rcode_of(status), NULL, 0);
	}
	free(k);
	serving_release(from);
}

static void ask(struct lookup *k)
{
	const struct ares_addrinfo_hints hints = { .ai_family = k->q.type == DNS_A ? AF_INET : AF_INET6, .ai_flags = ARES_AI_NOSORT };
	struct resolver *r = k->r;

	r->n_in_flight++;
	k->from->n_in_flight++;
	/* It may call back at once (/etc/hosts), and free k. */
	ares_getaddrinfo(r->channel, k->q.name, NULL, &hints, on_result, k);
	set_timer(r);
}

/* The name is permitted: what needs no name server.  False: it has to be asked for. */
static bool answered_here(struct lookup *k)
{
	const char *address;
	struct net_addr a;

	address = pinned(k->r, k->q.name);
	if (address && net_addr_parse(address, &a)) {
		answer_with(k, &a, 1, /* is_pinned= */ true);
		return true;
	}
	if (k->q.type == DNS_A || k->q.type == DNS_AAAA)
		return false;
	answer(k, DNS_NOERROR, NULL, 0);
	return true;
}

/* It may call back at once; k is done with, or on its way.  asked: whose answer it is; NULL: nobody was asked. */
static void decided(struct lookup *k, bool permitted, const struct perm_entry *asked)
{
	struct resolver *r = k->r;

	if (r->c.on_query && (k->q.type == DNS_A || k->q.type == DNS_AAAA))
		r->c.on_query(k->from->ctx, k->q.name, permitted, asked);
	if (!permitted) {
		answer(k, DNS_NXDOMAIN, NULL, 0);
	} else if (!answered_here(k)) {
		if (r->n_in_flight < IN_FLIGHT_MAX) {
			ask(k);
			return;
		}
		answer(k, DNS_SERVFAIL, NULL, 0);
	}
	free(k);
}

/* ---- Names that somebody is asked about ---- */

static void unpark(struct lookup *k)
{
	struct lookup **at = &k->r->parked;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	loop_timer_clear(k->r->c.loop, &k->patience);
	asker_leave(k->r->c.asker, &k->waiter);
	k->from->n_in_flight--;
	k->r->n_in_flight--;
}

/* Nobody waits for an answer any more. */
static void drop_parked(struct resolver *r, const struct serving *s)
{
	for (struct lookup *k = r->parked, *next; k; k = next) {
		next = k->next;
		if (k->from != s)
			continue;
		unpark(k);
		free(k);
	}
}

static void on_impatient(void *ctx)
{
	struct lookup *k = ctx;

	unpark(k);
	free(k);
}

static void on_answer(struct ask_waiter *w, const struct question *q, enum ask_answer a)
{
	struct lookup *k = (struct lookup *)(void *)((char *)w - offsetof(struct lookup, waiter));
	const struct perm_entry told = { .permission = POLICY_NET, .action = a == ASK_DENY ? POLICY_DENY : POLICY_ALLOW, .value = q->name,
					 .from = q->from ? q->from : "asked" };

	unpark(k);
	decided(k, a != ASK_DENY, &told);
}

static struct perm_query query_of(const struct lookup *k)
{
	return (struct perm_query){ .permission = POLICY_NET, .net = { .what = NET_TCP, .name = k->q.name } };
}

static uint16_t port_of(const struct lookup *k)
{
	const struct sockaddr_storage *a = &k->peer;

	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
					      : ((const struct sockaddr_in *)(const void *)a)->sin_port);
}

/* By which it is decided: a port that was another's before is everybody's who has had it. */
static const struct permissions *permissions_of(const struct lookup *k)
{
	const uint64_t now = (uint64_t)ps_now_ms();
	const uint16_t port = port_of(k);

	for (const struct narrowed *n = k->r->narrowed; n; n = n->next)
		if (n->of == k->from->ctx && n->ports[port / 64] >> port % 64 & 1 && (!n->over_ms || n->over_ms > now) &&
		    !resolver_permits(n->permissions, k->q.name))
			return n->permissions;
	return k->from->permissions;
}

/* It waits for an answer.  False: nobody is asked. */
static bool park(struct lookup *k, const struct permissions *p)
{
	const struct perm_query q = query_of(k);
	struct resolver *r = k->r;
	struct question *asked = NULL;

	if ((k->q.type != DNS_A && k->q.type != DNS_AAAA) || !r->c.asker || !p->of[POLICY_NET].asks || permissions_decide(p, &q).rule ||
	    r->n_in_flight >= IN_FLIGHT_MAX || !asker_takes(r->c.asker, &q))
		return false;
	k->waiter.on_answer = on_answer;
	asked = question_new(&q, r->c.pid_of(k->from->ctx), "");
	if (!asked || !asker_pose(r->c.asker, &asked, &k->waiter))
		return false;
	k->next = r->parked;
	r->parked = k;
	k->from->n_in_flight++;
	r->n_in_flight++;
	k->patience = (struct loop_timer){ .on = on_impatient, .ctx = k };
	loop_timer_set(r->c.loop, &k->patience, PATIENCE_MS);
	return true;
}

static void decide(struct lookup *k)
{
	const struct perm_query q = query_of(k);
	const struct answers *answers = k->r->c.asker ? asker_answers(k->r->c.asker) : NULL;
	const struct permissions *p = permissions_of(k);
	bool permitted = k->q.name[0] && resolver_permits(p, k->q.name);
	const struct perm_entry *asked = NULL;

	/* As everywhere, an answer is to what no entry speaks of. */
	if (!permitted && answers && !permissions_decide(p, &q).rule)
		asked = answers_find(answers, &q, &permitted);
	if (permitted || asked || !k->q.name[0] || !park(k, p))
		decided(k, permitted, asked);
}

static bool take(struct serving *s)
{
	struct lookup *k = calloc(1, sizeof(*k));
	ssize_t n;

	if (!k)
		return false;
	k->r = s->r;
	k->from = s;
	k->peer_len = sizeof(k->peer);
	n = recvfrom(s->source.fd, k->text, sizeof(k->text), MSG_DONTWAIT, (struct sockaddr *)&k->peer, &k->peer_len);
	int rcode = n < 0 ? -1 : dns_parse(k->text, (size_t)n, &k->q);

	if (rcode == DNS_NOERROR) {
		decide(k);
		return true;
	}
	if (rcode > DNS_NOERROR)
		answer(k, (enum dns_rcode)rcode, NULL, 0);
	free(k);
	return n >= 0;
}

static void on_serving(void *ctx, uint32_t events)
{
	(void)events;
	for (int i = 0; i < BATCH && take(ctx); i++)
		;
}

/* ---- Life ---- */

static int check_host(const char *text, struct ps_err *e)
{
	const char *colon = strchr(text, ':');
	struct net_addr a;

	if (!colon || colon == text || !net_addr_parse(colon + 1, &a))
		return ps_fail(e, PS_E_USAGE, "--add-host '%s': expected NAME:ADDRESS", text);
	return 0;
}

static int set_servers(struct resolver *r, struct ps_err *e)
{
	ps_auto_buf struct ps_buf list = { .data = NULL };

	for (size_t i = 0; i < r->c.servers.n; i++)
		ps_buf_printf(&list, "%s%s", i ? "," : "", r->c.servers.v[i]);
	if (!r->c.servers.n)
		return 0;
	if (list.failed)
		return ps_fail_os(e, "memory for the name servers");
	const int rc = ares_set_servers_ports_csv(r->channel, list.data);

	return rc == ARES_SUCCESS ? 0 : ps_fail(e, PS_E_USAGE, "--dns '%s': %s", list.data, ares_strerror(rc));
}

int resolver_new(const struct resolver_config *c, struct resolver **ret, struct ps_err *e)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct ares_options o = { .timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket_state, .sock_state_cb_data = r };

	if (!r)
		return ps_fail_os(e, "memory for the resolver");
	r->c = *c;
	r->timer = (struct loop_timer){ .on = on_timer, .ctx = r };
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		r->upstream[i] = (struct upstream){ .source.fd = -1, .r = r };
	/* No search list: the payload's own resolver has tried its. */
	o.flags = ARES_FLAG_NOSEARCH;
	const int rc = ares_init_options(&r->channel, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	int bad = rc == ARES_SUCCESS ? 0 : ps_fail(e, PS_E_OS, "start the resolver: %s", ares_strerror(rc));

	r->has_channel = rc == ARES_SUCCESS;
	for (size_t i = 0; !bad && i < c->hosts.n; i++)
		bad = check_host(c->hosts.v[i], e);
	if (bad || set_servers(r, e) < 0) {
		resolver_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

int resolver_serve(struct resolver *r, int fd, void *ctx, struct ps_err *e)
{
	ps_auto_fd int sock = fd;
	struct serving *s = calloc(1, sizeof(*s));

	if (!s)
		return ps_fail_os(e, "memory for a resolver's socket");
	*s = (struct serving){ .next = r->serving, .source = { .fd = sock, .on = on_serving, .ctx = s }, .r = r, .ctx = ctx,
				 .permissions = r->c.permissions };
	if (loop_add(r->c.loop, &s->source, EPOLLIN, e) < 0) {
		free(s);
		return -1;
	}
	(void)ps_take_fd(&sock);
	r->serving = s;
	return 0;
}

static void serving_close(struct serving *s)
{
	drop_parked(s->r, s);
	loop_remove(s->r->c.loop, &s->source);
	ps_fd_close(&s->source.fd);
	serving_release(s);
}

void resolver_set_permissions(struct resolver *r, const void *ctx, const struct permissions *p)
{
	for (struct serving *s = r->serving; s; s = s->next)
		if (s->ctx == ctx)
			s->permissions = p;
}

int resolver_narrow(struct resolver *r, const void *of, const void *ctx, const struct permissions *p, uint16_t port)
{
	struct narrowed *n = r->narrowed;

	while (n && n->ctx != ctx)
		n = n->next;
	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return ENOMEM;
		n->of = of;
		n->ctx = ctx;
		n->permissions = p;
		n->next = r->narrowed;
		r->narrowed = n;
	}
	n->ports[port / 64] |= UINT64_C(1) << port % 64;
	return 0;
}

void resolver_widen(struct resolver *r, const void *ctx)
{
	for (struct narrowed *n = r->narrowed; n; n = n->next)
		if (n->ctx == ctx && !n->over_ms)
			n->over_ms = (uint64_t)ps_now_ms() + RESOLVER_ON_ITS_WAY_MS;
}

static void forget_narrowed(struct resolver *r, const void *ctx)
{
	for (struct narrowed **p = &r->narrowed; *p;) {
		struct narrowed *n = *p;

		if (n->ctx != ctx && n->of != ctx) {
			p = &n->next;
			continue;
		}
		*p = n->next;
		free(n);
	}
}

void resolver_forget(struct resolver *r, const void *ctx)
{
	forget_narrowed(r, ctx);
	for (struct serving **p = &r->serving; *p;) {
		struct serving *s = *p;

		if (s->ctx != ctx) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		serving_close(s);
	}
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	while (r->serving) {
		struct serving *s = r->serving;

		r->serving = s->next;
		serving_close(s);
	}
	while (r->narrowed)
		forget_narrowed(r, r->narrowed->ctx);
	if (r->has_channel)
		ares_destroy(r->channel);
	loop_timer_clear(r->c.loop, &r->timer);
	free(r);
}
