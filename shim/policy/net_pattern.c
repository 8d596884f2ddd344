/* SPDX-License-Identifier: Apache-2.0
 * net_pattern.c - patterns as sets: who is in one, what is in two, and their canonical text.
 */
#include "shim/policy/net_pattern.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/scope.h"
#include "shim/policy/net_addr.h"

static struct net_block block_of(const struct net_pattern *p)
{
	return (struct net_block){ p->addr, p->bits };
}

/* ---- ports: ascending, apart; none is every port ---- */
static bool ports_have(const struct net_pattern *p, uint16_t port)
{
	for (size_t i = 0; i < p->n_ports; i++)
		if (port >= p->ports[i].from && port <= p->ports[i].to)
			return true;
	return !p->n_ports;
}

static bool ports_contain(const struct net_pattern *outer, const struct net_pattern *inner)
{
	if (!outer->n_ports)
		return true;
	for (size_t i = 0, k = 0; i < inner->n_ports; i++) {
		while (k < outer->n_ports && outer->ports[k].to < inner->ports[i].from)
			k++;
		if (k == outer->n_ports || outer->ports[k].from > inner->ports[i].from ||
		    outer->ports[k].to < inner->ports[i].to)
			return false;
	}
	return inner->n_ports > 0;
}

static bool ports_intersect(struct ps_arena *a, const struct net_pattern *x, const struct net_pattern *y,
			    struct net_pattern *ret)
{
	if (!x->n_ports || !y->n_ports) {
		const struct net_pattern *few = x->n_ports ? x : y;
		ret->ports = few->ports;
		ret->n_ports = few->n_ports;
		return true;
	}
	struct net_ports *v = ps_arena_array(a, x->n_ports + y->n_ports, sizeof(*v));
	size_t n = 0, i = 0, k = 0;
	while (v && i < x->n_ports && k < y->n_ports) {
		const struct net_ports *l = &x->ports[i], *r = &y->ports[k];
		struct net_ports both = { l->from > r->from ? l->from : r->from, l->to < r->to ? l->to : r->to };
		if (both.from <= both.to)
			v[n++] = both;
		i += l->to <= r->to;
		k += r->to <= l->to;
	}
	ret->ports = v;
	ret->n_ports = n;
	return n > 0;
}

/* ---- names: lower case in patterns, anything in what was looked up ---- */
static bool is_name(const char *name, size_t n, const char *want)
{
	return strlen(want) == n && !strncasecmp(name, want, n);
}

static bool is_below(const char *name, size_t n, const char *suffix)
{
	size_t len = strlen(suffix);

	return n > len && !strncasecmp(name + n - len, suffix, len);
}

bool net_pattern_matches_name(const struct net_pattern *p, const struct net_target *t)
{
	if (!t->name || !(p->what & t->what) || !ports_have(p, t->port))
		return false;
	size_t n = strlen(t->name);
	if (n && t->name[n - 1] == '.')
		n--;
	switch (p->host) {
	case NET_HOST_ANY:
		return true;
	case NET_HOST_NAME:
		return is_name(t->name, n, p->name);
	case NET_HOST_SUFFIX:
		return is_below(t->name, n, p->name);
	case NET_HOST_ADDRESS:
	case NET_HOST_PRIVATE:
	case NET_HOST_METADATA:
	case NET_HOST_UNIX:
	case NET_HOST_VSOCK:
	default:
		return false;
	}
}

static bool host_has(const struct net_pattern *p, const struct net_addr *a)
{
	struct net_block b = block_of(p);

	switch (p->host) {
	case NET_HOST_ANY:
		return true;
	case NET_HOST_ADDRESS:
		return net_block_has(&b, a);
	case NET_HOST_PRIVATE:
		return net_addr_is_private(a);
	case NET_HOST_METADATA:
		return net_addr_is_metadata(a);
	case NET_HOST_NAME:
	case NET_HOST_SUFFIX:
	case NET_HOST_UNIX:
	case NET_HOST_VSOCK:
	default:
		return false;
	}
}

static bool vsock_has(uint32_t pattern, uint32_t v)
{
	return pattern == UINT32_MAX || pattern == v;
}

bool net_pattern_matches_addr(const struct net_pattern *p, const struct net_target *t)
{
	if (t->unix_path)
		return p->host == NET_HOST_UNIX && !strcmp(p->name, t->unix_path);
	if (t->vsock)
		return p->host == NET_HOST_VSOCK && vsock_has(p->cid, t->cid) && vsock_has(p->port, t->vsock_port);
	return t->has_addr && p->what & t->what && ports_have(p, t->port) && host_has(p, &t->addr) &&
	       !(p->public_only && net_addr_is_private(&t->addr));
}

/* ---- sets ---- */
static bool is_host(const struct net_pattern *p)
{
	return p->host != NET_HOST_UNIX && p->host != NET_HOST_VSOCK;
}

static bool is_all_private(const struct net_pattern *p)
{
	struct net_block b = block_of(p);

	return p->host == NET_HOST_PRIVATE || p->host == NET_HOST_METADATA ||
	       (p->host == NET_HOST_ADDRESS && net_block_private(&b) == NET_PART_ALL);
}

static bool is_all_public(const struct net_pattern *p)
{
	struct net_block b = block_of(p);

	return p->public_only || (p->host == NET_HOST_ADDRESS && net_block_private(&b) == NET_PART_NONE);
}

static bool address_contains(const struct net_pattern *outer, const struct net_pattern *inner)
{
	struct net_block o = block_of(outer), i = block_of(inner);

	return inner->host == NET_HOST_ADDRESS && net_block_contains(&o, &i);
}

/* public_only and ports aside. */
static bool host_contains(const struct net_pattern *outer, const struct net_pattern *inner)
{
	struct net_block b = block_of(inner);

	switch (outer->host) {
	case NET_HOST_ANY:
		return is_host(inner);
	case NET_HOST_NAME:
		return inner->host == NET_HOST_NAME && !strcmp(inner->name, outer->name);
	case NET_HOST_SUFFIX:
		if (inner->host == NET_HOST_SUFFIX && !strcmp(inner->name, outer->name))
			return true;
		return (inner->host == NET_HOST_NAME || inner->host == NET_HOST_SUFFIX) &&
		       is_below(inner->name, strlen(inner->name), outer->name);
	case NET_HOST_ADDRESS:
		return address_contains(outer, inner);
	case NET_HOST_PRIVATE:
		return is_all_private(inner);
	case NET_HOST_METADATA:
		return inner->host == NET_HOST_METADATA ||
		       (inner->host == NET_HOST_ADDRESS && net_block_metadata(&b) == NET_PART_ALL);
	case NET_HOST_UNIX:
		return inner->host == NET_HOST_UNIX && !strcmp(inner->name, outer->name);
	case NET_HOST_VSOCK:
		return inner->host == NET_HOST_VSOCK && vsock_has(outer->cid, inner->cid) &&
		       vsock_has(outer->port, inner->port);
	default:
		return false;
	}
}

bool net_pattern_contains(const struct net_pattern *outer, const struct net_pattern *inner)
{
	return !(inner->what & ~outer->what) && ports_contain(outer, inner) && host_contains(outer, inner) &&
	       (!outer->public_only || is_all_public(inner));
}

static bool vsock_intersect(struct net_pattern *r, const struct net_pattern *x, const struct net_pattern *y)
{
	r->cid = x->cid == UINT32_MAX ? y->cid : x->cid;
	r->port = x->port == UINT32_MAX ? y->port : x->port;
	return vsock_has(y->cid, r->cid) && vsock_has(y->port, r->port);
}

bool net_pattern_intersect(struct ps_arena *a, const struct net_pattern *x, const struct net_pattern *y,
			   struct net_pattern *ret)
{
	struct net_pattern r = host_contains(x, y) ? *y : *x;

	if (x->host == NET_HOST_VSOCK && y->host == NET_HOST_VSOCK) {
		if (!vsock_intersect(&r, x, y))
			return false;
	} else if (!host_contains(x, y) && !host_contains(y, x)) {
		return false;
	}
	r.what = x->what & y->what;
	r.public_only = x->public_only || y->public_only;
	if (!r.what || (r.public_only && is_all_private(&r)) || !ports_intersect(a, x, y, &r))
		return false;
	/* What is public by itself needs no word for it. */
	if (r.host == NET_HOST_ADDRESS && r.public_only) {
		r.public_only = false;
		r.public_only = !is_all_public(&r);
	}
	*ret = r;
	return true;
}

/* ---- text ---- */
static void print_ports(const struct net_pattern *p, struct ps_buf *out)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		ps_buf_printf(out, "%c%u", i ? '|' : ':', p->ports[i].from);
		if (p->ports[i].to != p->ports[i].from)
			ps_buf_printf(out, "-%u", p->ports[i].to);
	}
}

static void print_address(const struct net_pattern *p, struct ps_buf *out)
{
	bool ipv4 = net_addr_is_ipv4(&p->addr) && p->bits >= 96;

	ps_buf_puts(out, ipv4 ? "" : "[");
	net_addr_print(&p->addr, out);
	ps_buf_puts(out, ipv4 ? "" : "]");
	if (p->bits < 128)
		ps_buf_printf(out, "/%u", ipv4 ? p->bits - 96 : p->bits);
}

static void print_vsock_number(uint32_t v, struct ps_buf *out)
{
	if (v == UINT32_MAX)
		ps_buf_puts(out, ":*");
	else
		ps_buf_printf(out, ":%" PRIu32, v);
}

static void print_host(const struct net_pattern *p, struct ps_buf *out)
{
	switch (p->host) {
	case NET_HOST_ANY:
		ps_buf_puts(out, p->public_only ? "public" : "*");
		break;
	case NET_HOST_NAME:
		ps_buf_puts(out, p->name);
		break;
	case NET_HOST_SUFFIX:
		ps_buf_printf(out, "*%s", p->name);
		break;
	case NET_HOST_ADDRESS:
		print_address(p, out);
		break;
	case NET_HOST_PRIVATE:
		ps_buf_puts(out, "private");
		break;
	case NET_HOST_METADATA:
		ps_buf_puts(out, "metadata");
		break;
	case NET_HOST_UNIX:
		ps_buf_printf(out, "unix:%s", p->name);
		break;
	case NET_HOST_VSOCK:
		ps_buf_puts(out, "vsock");
		print_vsock_number(p->cid, out);
		print_vsock_number(p->port, out);
		break;
	default:
		break;
	}
}

void net_pattern_print(const struct net_pattern *p, struct ps_buf *out)
{
	/* The other sets are those that no transport stands for. */
	static const struct { unsigned what; const char *prefix; } transports[] = {
		{ NET_TCP, "tcp:" }, { NET_UDP, "udp:" }, { NET_ICMP, "icmp:" }, { NET_LISTEN, "listen:" },
	};

	for (size_t i = 0; is_host(p) && i < PS_COUNT(transports); i++)
		if (p->what == transports[i].what)
			ps_buf_puts(out, transports[i].prefix);
	if (p->public_only && p->host != NET_HOST_ANY)
		ps_buf_puts(out, "public:");
	print_host(p, out);
	print_ports(p, out);
}
