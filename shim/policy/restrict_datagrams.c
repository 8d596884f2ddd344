/* SPDX-License-Identifier: Apache-2.0
 * restrict_datagrams.c - UDP and echo requests out of a network namespace with nothing in it: through the supervisor.
 *
 * They leave by a device (plan: uplink) whatever their address; only what goes to a loopback address stays in the namespace,
 * where a socket of the supervisor's stands for the host's (stands).
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

enum { STANDS_MAX = 64 };

static const char *text_of(const struct perm_entry *en) { return en->value; }

static bool is_group(const struct net_pattern *p)
{
	return p->host == NET_HOST_ADDRESS && net_addr_is_group(&p->addr);
}

/* Does it speak of loopback addresses, and of nothing else? */
static bool is_local(const struct net_pattern *p)
{
	return p->host == NET_HOST_ADDRESS ? net_addr_is_loopback(&p->addr) : p->host == NET_HOST_NAME && !strcmp(p->name, "localhost");
}

static size_t count_ports(const struct net_pattern *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ports; i++)
		n += (size_t)(p->ports[i].to - p->ports[i].from) + 1;
	return n;
}

static bool is_known(const struct restricting *r, const struct policy_stand *s)
{
	const struct policy_stand *v = r->stands.v;

	for (size_t i = 0; i < r->stands.n; i++)
		if (v[i].port == s->port && !strcmp(v[i].address, s->address))
			return true;
	return false;
}

static int add_stand(struct restricting *r, const struct perm_entry *en, const char *address, uint16_t port)
{
	const struct policy_stand s = { .from = en->from, .address = address, .port = port };

	if (is_known(r, &s))
		return 0;
	if (r->stands.n == STANDS_MAX)
		return cannot(r, POLICY_NET, en->from, "'%s': with it there are more than %d ports of the host's loopback for UDP", text_of(en), STANDS_MAX);
	struct policy_stand *row = rows_add(r, &r->stands);

	if (!row)
		return -1;
	*row = s;
	return 0;
}

static int add_stands(struct restricting *r, const struct perm_entry *en, const char *address)
{
	for (size_t i = 0; i < en->net.n_ports; i++)
		for (unsigned port = en->net.ports[i].from; port <= en->net.ports[i].to; port++)
			if (add_stand(r, en, address, (uint16_t)port) < 0)
				return -1;
	return 0;
}

static int stand_for(struct restricting *r, const struct perm_entry *en)
{
	const struct net_pattern *p = &en->net;
	const bool one = p->host == NET_HOST_NAME || p->bits == 128;
	const size_t n = count_ports(p);

	if (!one || !n || n > STANDS_MAX)
		return cannot(r, POLICY_NET, en->from, "'%s': UDP to loopback addresses of the host takes one address and its ports, at most %d: "
			      "udp:127.0.0.1:53", text_of(en), STANDS_MAX);
	if (p->host == NET_HOST_NAME)
		return add_stands(r, en, "127.0.0.1") < 0 ? -1 : add_stands(r, en, "::1");
	ps_auto_buf struct ps_buf text = { .data = NULL };

	net_addr_print(&p->addr, &text);
	const char *address = text.failed ? NULL : ps_arena_strdup(r->a, text.data);

	return address ? add_stands(r, en, address) : restrict_oom(r);
}

static int check_entry(struct restricting *r, const struct perm_entry *en)
{
	const struct net_pattern *p = &en->net;

	if (!en->value) {
		r->p->uplink = true;
		return 0;
	}
	if (p->host == NET_HOST_UNIX || p->host == NET_HOST_VSOCK || !(p->what & (NET_UDP | NET_ICMP)))
		return 0;
	if (is_group(p))
		return cannot(r, POLICY_NET, en->from, "'%s': nothing is sent to many from a network namespace with nothing in it; give it a routed one",
			      text_of(en));
	if (p->what & NET_ICMP && !r->h->ping)
		return cannot(r, POLICY_NET, en->from, "'%s': echo requests are the supervisor's, whose group net.ipv4.ping_group_range of the host "
			      "does not let send any", text_of(en));
	if (is_local(p) && p->what & NET_UDP)
		return stand_for(r, en);
	r->p->uplink |= !is_local(p);
	return 0;
}

/* Who may send echo requests in a new network namespace: nobody, until it is said. */
static int let_ping(struct restricting *r)
{
	struct spec_kv *row = rows_add(r, &r->sysctl);
	const char *value = ps_arena_printf(r->a, "%u %u", r->p->process.gid, r->p->process.gid);

	if (!row)
		return -1;
	*row = (struct spec_kv){ .key = "net/ipv4/ping_group_range", .value = value, .at = "default#/permissions/net" };
	return value ? 0 : restrict_oom(r);
}

int restrict_datagrams(struct restricting *r, const struct net_state *s)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];

	if (!s->swaps)
		return 0;
	for (size_t i = 0; i < rules->allow.n; i++)
		if (check_entry(r, &rules->allow.v[i]) < 0)
			return -1;
	for (size_t i = 0; i < rules->warn.n; i++)
		if (check_entry(r, &rules->warn.v[i]) < 0)
			return -1;
	r->p->uplink |= rules->all || (r->g->settings.mode.set && r->g->settings.mode.v == PERM_ASK);
	return r->p->uplink && s->icmp && r->h->ping ? let_ping(r) : 0;
}
