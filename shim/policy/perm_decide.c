/* SPDX-License-Identifier: Apache-2.0
 * perm_decide.c - the one decision function.
 *
 * Net, in order:
 *  1. A deny of the name or of the address denies; so does one of the address that is reached in its place (the loopback one
 *     for 0.0.0.0 and ::, the IPv4 one inside NAT64), and a deny of listening alone at one address for listening at all.
 *  2. What an entry of addresses (address, network, class, *, path, CID) allows is allowed, by whatever name it was found.
 *  3. What an entry of names allows is allowed to those who asked for the name, at its public addresses; at others only where
 *     the operator gave the name the address, and for localhost at a loopback address.
 *  4. Credentials of the machine (metadata) are not among what `private` allows: an entry names their address, or all.
 *  5. An entry of localhost is one of the loopback addresses, too.
 *  6. A lookup (a name, no address, port 0) is allowed when some use of the name is, and denied when every use is.
 */
#include <string.h>
#include <strings.h>

#include "base/scope.h"
#include "shim/policy/perm_value.h"

enum { NET_CONNECT = NET_TCP | NET_UDP | NET_ICMP };

/* ---- net ---- */

static bool is_lookup(const struct net_target *t)
{
	return t->name && !t->has_addr && !t->port;
}

static bool is_by_name(const struct net_pattern *p)
{
	return p->host == NET_HOST_NAME || p->host == NET_HOST_SUFFIX;
}

/* Does it speak of the name, at any port? */
static bool speaks_of(const struct net_pattern *p, const struct net_target *t)
{
	struct net_pattern any_port = *p;
	struct net_target any_use = *t;

	any_port.n_ports = 0;
	any_use.what = p->what & NET_CONNECT;
	return net_pattern_matches_name(&any_port, &any_use);
}

static bool is_localhost_entry(const struct net_pattern *p, const struct net_target *t)
{
	struct net_pattern any = *p;

	any.host = NET_HOST_ANY;
	return p->host == NET_HOST_NAME && !strcmp(p->name, "localhost") && t->has_addr && net_addr_is_loopback(&t->addr) &&
	       !p->public_only && net_pattern_matches_addr(&any, t);
}

static bool is_unspecified(const struct net_addr *a)
{
	static const struct net_addr ipv6;
	const struct net_addr ipv4 = net_addr_ipv4(0);

	return !memcmp(a, &ipv6, sizeof(ipv6)) || !memcmp(a, &ipv4, sizeof(ipv4));
}

/* Another address that stands for the same: false where there is none. */
static bool same_place(const struct net_target *t, struct net_target *ret)
{
	static const struct net_addr nat64 = { { 0x00, 0x64, 0xff, 0x9b } }, loopback6 = { { [15] = 1 } };

	*ret = *t;
	if (!t->has_addr)
		return false;
	if (!memcmp(&t->addr, &nat64, 12)) {
		ret->addr = net_addr_ipv4(0);
		memcpy(ret->addr.b + 12, t->addr.b + 12, 4);
		return true;
	}
	if (t->what == NET_LISTEN || !is_unspecified(&t->addr))
		return false;
	ret->addr = t->addr.b[10] ? net_addr_ipv4(0x7f000001) : loopback6;
	return true;
}

static bool is_listener_at_all(const struct net_pattern *p, const struct net_target *t)
{
	struct net_pattern any = *p;

	any.host = NET_HOST_ANY;
	any.public_only = false;
	return p->what == NET_LISTEN && !is_by_name(p) && t->what == NET_LISTEN && t->has_addr && is_unspecified(&t->addr) &&
	       p->host != NET_HOST_UNIX && p->host != NET_HOST_VSOCK && net_pattern_matches_addr(&any, t);
}

/* Does a deny (or ignore, or warn) speak of it? */
static bool net_concerns(const struct perm_entry *en, const struct net_target *t)
{
	const struct net_pattern *p = &en->net;
	struct net_target other;

	if (!en->value)
		return true;
	if (is_lookup(t)) {
		bool every = !p->n_ports && !p->public_only && (p->what & NET_CONNECT) == NET_CONNECT;
		return (every || en->action != POLICY_DENY) && speaks_of(p, t);
	}
	bool elsewhere = p->public_only && t->has_addr && net_addr_is_private(&t->addr);

	return (!elsewhere && net_pattern_matches_name(p, t)) || net_pattern_matches_addr(p, t) || is_localhost_entry(p, t) ||
	       is_listener_at_all(p, t) ||
	       (same_place(t, &other) && (net_pattern_matches_addr(p, &other) || is_localhost_entry(p, &other)));
}

/* localhost, and what is below it (RFC 6761). */
static bool is_localhost(const char *name)
{
	static const char word[] = "localhost";
	size_t n = strlen(name), len = sizeof(word) - 1;

	n -= n && name[n - 1] == '.';
	return n >= len && !strncasecmp(name + n - len, word, len) && (n == len || name[n - len - 1] == '.');
}

static bool net_allows(const struct perm_entry *en, const struct perm_query *q)
{
	const struct net_pattern *p = &en->net;
	const struct net_target *t = &q->net;

	if (!en->value)
		return true;
	if (is_lookup(t))
		return speaks_of(p, t);
	if (t->name && !t->has_addr)
		return net_pattern_matches_name(p, t);
	if (net_pattern_matches_addr(p, t) || is_localhost_entry(p, t))
		return p->host != NET_HOST_PRIVATE || !net_addr_is_metadata(&t->addr);
	if (!is_by_name(p) || !t->has_addr || !net_pattern_matches_name(p, t))
		return false;
	if (!net_addr_is_private(&t->addr) && !net_addr_is_metadata(&t->addr))
		return true;
	return !p->public_only && (q->pinned || (is_localhost(t->name) && net_addr_is_loopback(&t->addr)));
}

/* ---- all ---- */

static bool concerns(const struct perm_entry *en, const struct perm_query *q)
{
	return q->permission == POLICY_NET ? net_concerns(en, &q->net) : perm_value_covers(en, q->value);
}

static const struct perm_entry *find(const struct perm_list *l, const struct perm_query *q)
{
	for (size_t i = 0; i < l->n; i++)
		if (concerns(&l->v[i], q))
			return &l->v[i];
	return NULL;
}

static const struct perm_entry *find_allow(const struct perm_list *l, const struct perm_query *q)
{
	for (size_t i = 0; i < l->n; i++)
		if (q->permission == POLICY_NET ? net_allows(&l->v[i], q) : perm_value_covers(&l->v[i], q->value))
			return &l->v[i];
	return NULL;
}

/* Devices that hold nothing and tell nothing: open to everybody, as in Deno. */
static bool is_harmless(const struct perm_query *q)
{
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom" };

	if (!q->value || (q->permission != POLICY_READ && q->permission != POLICY_WRITE))
		return false;
	for (size_t i = 0; i < PS_COUNT(devices); i++)
		if (!strcmp(q->value, devices[i]))
			return true;
	return false;
}

/* ---- what comes closest ---- */

static size_t common(const char *x, const char *y)
{
	size_t n = 0;

	while (x[n] && x[n] == y[n])
		n++;
	return n;
}

/* Bytes of the folders that both are in; "/" is none. */
static size_t path_closeness(const char *x, const char *y)
{
	size_t n = common(x, y), folder = n;

	if ((x[n] == '\0' || x[n] == '/') && (y[n] == '\0' || y[n] == '/'))
		return n;
	while (folder && x[folder - 1] != '/')
		folder--;
	return folder > 1 ? folder - 1 : 0;
}

/* Bytes at the end that are whole labels of both, more than the last one. */
static size_t name_closeness(const char *x, const char *y)
{
	size_t n = strlen(x), m = strlen(y), k = 0, labels = 0, whole = 0;

	n -= n && x[n - 1] == '.';
	for (; k < n && k < m && !strncasecmp(x + n - k - 1, y + m - k - 1, 1); k++) {
		if (x[n - k - 1] != '.')
			continue;
		labels++;
		whole = labels > 1 ? k : 0;
	}
	bool end = (k == n || x[n - k - 1] == '.') && (k == m || y[m - k - 1] == '.');

	return end && (labels || n == m) ? k : whole;
}

static size_t net_closeness(const struct net_pattern *p, const struct net_target *t)
{
	size_t n = 0;

	if (is_by_name(p) && t->name)
		return name_closeness(t->name, p->name + (*p->name == '.'));
	if (p->host == NET_HOST_UNIX && t->unix_path)
		return path_closeness(p->name, t->unix_path);
	if (p->host != NET_HOST_ADDRESS || !t->has_addr)
		return 0;
	while (n < sizeof(p->addr.b) && p->addr.b[n] == t->addr.b[n])
		n++;
	return n > 12 || (n > 1 && p->bits < 96) ? n : 0;
}

static size_t closeness(const struct perm_entry *en, const struct perm_query *q)
{
	if (!en->value || (!q->value && q->permission != POLICY_NET))
		return 0;
	if (q->permission == POLICY_NET)
		return net_closeness(&en->net, &q->net);
	if (perm_value_is_path(en))
		return path_closeness(en->value, q->value);
	size_t n = q->permission == POLICY_ENV ? common(en->value, q->value) : 0;

	return n > 2 ? n : 0;
}

static const struct perm_entry *nearest(const struct perm_list *l, const struct perm_query *q)
{
	const struct perm_entry *best = NULL;
	size_t most = 0;

	for (size_t i = 0; l->v && i < l->n; i++) {
		size_t n = closeness(&l->v[i], q);
		if (n <= most)
			continue;
		most = n;
		best = &l->v[i];
	}
	return best;
}

struct perm_verdict permissions_decide(const struct permissions *p, const struct perm_query *q)
{
	const struct perm_rules *r = &p->of[q->permission];
	const struct perm_entry *rule = find(&r->deny, q);

	if (rule)
		return (struct perm_verdict){ .action = POLICY_DENY, .rule = rule };
	rule = find(&r->ignore, q);
	if (rule)
		return (struct perm_verdict){ .action = POLICY_IGNORE, .rule = rule };
	rule = r->by_config ? NULL : find_allow(&r->allow, q);
	if (!rule && !r->by_config && !is_harmless(q))
		return (struct perm_verdict){ .action = POLICY_DENY, .nearest = nearest(&r->allow, q) };
	const struct perm_entry *warn = find(&r->warn, q);

	return (struct perm_verdict){ .action = warn ? POLICY_WARN : POLICY_ALLOW, .rule = warn ? warn : rule };
}
