/* SPDX-License-Identifier: Apache-2.0
 * audit_query.c - a recorded access as the question that it was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/cli/audit_lines.h"

static size_t encode(uint32_t c, char *out)
{
	static const struct { uint32_t below; unsigned char lead; } rows[] = { { 0x80, 0 }, { 0x800, 0xc0 }, { 0x10000, 0xe0 }, { 0x110000, 0xf0 } };
	size_t n = 0;

	while (n < PS_COUNT(rows) - 1 && c >= rows[n].below)
		n++;
	for (size_t i = n; i; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(rows[n].lead | c);
	return n + 1;
}

/* What perm_query_target() has escaped. */
static char *unescape(struct ps_arena *a, const char *s)
{
	char *out = ps_arena_alloc(a, strlen(s) + 1), *end;
	size_t n = 0;

	if (!out)
		return NULL;
	while (*s) {
		unsigned long c = 0;
		bool point = !strncmp(s, "\\u{", 3), byte = !strncmp(s, "\\x", 2);

		if (point || byte)
			c = strtoul(s + (point ? 3 : 2), &end, 16);
		if (point && *end == '}' && c && c < 0x110000) {
			n += encode((uint32_t)c, out + n);
			s = end + 1;
		} else if (byte && c && c < 0x100) {
			out[n++] = (char)c;
			s = end;
		} else {
			s += *s == '\\' && s[1] == '\\';
			out[n++] = *s++;
		}
	}
	out[n] = '\0';
	return out;
}

static bool parse_net(struct ps_arena *a, const char *target, struct net_target *ret)
{
	struct ps_err ignored = { .cls = PS_OK };
	struct net_pattern p;

	if (net_pattern_parse(a, target, /* deny= */ false, &p, &ignored) < 0)
		return false;
	*ret = (struct net_target){ .what = p.what & NET_TCP ? NET_TCP : p.what & NET_UDP ? NET_UDP : p.what & NET_ICMP ? NET_ICMP : NET_LISTEN };
	if (p.host == NET_HOST_UNIX)
		ret->unix_path = p.name;
	ret->vsock = p.host == NET_HOST_VSOCK;
	ret->cid = p.cid;
	ret->vsock_port = p.port;
	ret->name = p.host == NET_HOST_NAME ? p.name : NULL;
	ret->has_addr = p.host == NET_HOST_ADDRESS && p.bits == 128;
	ret->addr = p.addr;
	ret->port = p.n_ports ? p.ports[0].from : 0;
	return ret->unix_path || ret->vsock || ret->name || ret->has_addr;
}

bool audit_query_parse(struct ps_arena *a, const char *permission, const char *target, struct perm_query *ret)
{
	int p = 0;

	while (p < POLICY_N_PERMISSIONS && strcmp(permission, policy_permission_name((enum policy_permission)p)) != 0)
		p++;
	if (p == POLICY_N_PERMISSIONS || !*target)
		return false;
	*ret = (struct perm_query){ .permission = (enum policy_permission)p, .value = unescape(a, target) };
	if (p == POLICY_NET)
		return ret->value && parse_net(a, ret->value, &ret->net);
	bool path = p == POLICY_READ || p == POLICY_WRITE || p == POLICY_FFI;

	return ret->value && (!path || *ret->value == '/');
}
