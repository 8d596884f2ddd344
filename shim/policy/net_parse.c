/* SPDX-License-Identifier: Apache-2.0
 * net_parse.c - the text of a net entry, and what to write instead where it is none.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/policy/net_addr.h"

enum { NAME_MAX_LEN = 253, LABEL_MAX = 63, MAX_PORTS = 64 };

static const char digits[] = "0123456789";

struct parse {
	struct ps_arena *arena;
	const char *text; /* as written, for messages */
	struct net_pattern p;
	struct ps_err *e;
};

/* "'TEXT' <reason>", with what a terminal must not see replaced. */
__attribute__((format(printf, 2, 3))) static int refuse(const struct parse *c, const char *fmt, ...)
{
	char shown[128], reason[384];
	va_list args;

	(void)snprintf(shown, sizeof(shown), "%s", c->text);
	for (char *s = shown; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return ps_fail(c->e, PS_E_USAGE, "'%s' %s", shown, reason);
}

static int fail_memory(const struct parse *c)
{
	return ps_fail_os(c->e, "read the net entry '%.100s'", c->text);
}

/* ---- ports ---- */
static int refuse_port(const struct parse *c, const char *port, size_t n)
{
	return refuse(c, "has no port in '%.*s': write a number from 0 to 65535, a range such as 8000-8080, or a list "
			 "such as 80|443", (int)(n < 40 ? n : 40), port);
}

/* The number at *s, which moves behind it. */
static bool scan_port(const char **s, uint16_t *ret)
{
	size_t n = strspn(*s, digits);
	char number[12];
	uint32_t v;

	if (n >= sizeof(number))
		return false;
	memcpy(number, *s, n);
	number[n] = '\0';
	if (ps_parse_u32(number, &v) < 0 || v > UINT16_MAX)
		return false;
	*s += n;
	*ret = (uint16_t)v;
	return true;
}

/* Keep v[0..*n) ascending; neighbours and overlaps become one. */
static void add_ports(struct net_ports *v, size_t *n, struct net_ports add)
{
	size_t i = 0, end;

	while (i < *n && (uint32_t)v[i].to + 1 < add.from)
		i++;
	for (end = i; end < *n && v[end].from <= (uint32_t)add.to + 1; end++) {
		add.from = add.from < v[end].from ? add.from : v[end].from;
		add.to = add.to > v[end].to ? add.to : v[end].to;
	}
	memmove(&v[i + 1], &v[end], (*n - end) * sizeof(*v));
	*n = *n + 1 - (end - i);
	v[i] = add;
}

static int parse_ports(struct parse *c, const char *s)
{
	struct net_ports v[MAX_PORTS + 1];
	size_t n = 0;

	if (!*s)
		return refuse(c, "has no port behind its last colon: leave the colon out for every port");
	for (;; s++) {
		size_t len = strcspn(s, "|");
		const char *at = s;
		struct net_ports r;
		if (!scan_port(&at, &r.from))
			return refuse_port(c, s, len);
		r.to = r.from;
		if (*at == '-' && (at++, !scan_port(&at, &r.to)))
			return refuse_port(c, s, len);
		if (at != s + len)
			return refuse_port(c, s, len);
		if (r.from > r.to)
			return refuse(c, "has the range %u-%u upside down: write %u-%u", r.from, r.to, r.to, r.from);
		if (n == MAX_PORTS)
			return refuse(c, "lists more than %d ports: write ranges, or several entries", MAX_PORTS);
		add_ports(v, &n, r);
		s += len;
		if (!*s)
			break;
	}
	if (v[0].from == 0 && v[0].to == UINT16_MAX)
		return 0;
	struct net_ports *ports = ps_arena_array(c->arena, n, sizeof(*ports));
	if (!ports)
		return fail_memory(c);
	memcpy(ports, v, n * sizeof(*ports));
	c->p.ports = ports;
	c->p.n_ports = n;
	return 0;
}

/* ---- hosts ---- */
static void set_address(struct parse *c, const struct net_addr *a, unsigned bits)
{
	struct net_block b = net_block_of(a, bits);

	c->p.host = NET_HOST_ADDRESS;
	c->p.addr = b.addr;
	c->p.bits = bits;
}

/* The digits behind a '/': 0 to max. */
static int parse_prefix(const struct parse *c, const char *s, unsigned max, unsigned *ret)
{
	uint32_t bits;

	if (ps_parse_u32(s, &bits) < 0 || bits > max)
		return refuse(c, "has no prefix length from 0 to %u behind its '/'", max);
	*ret = bits;
	return 0;
}

/* "[ADDRESS]" or "[ADDRESS]/BITS"; a zone index is dropped, as Deno does: the address is what is asked for. */
static int parse_bracketed(struct parse *c, const char *host)
{
	size_t n = strcspn(host + 1, "%]");
	const char *close = strchr(host, ']');
	struct net_addr a;
	unsigned bits = 128;
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)(n < 60 ? n : 60), host + 1);
	if (!net_addr_parse(text, &a))
		return refuse(c, "has no IPv6 address in its brackets: write one such as [2001:db8::1]");
	if (!strchr(text, ':'))
		return refuse(c, "has an IPv4 address in brackets: write %s", text);
	if (close[1] == '.')
		return refuse(c, "is an address with a dot at its end: leave the dot out");
	if (close[1] && close[1] != '/')
		return refuse(c, "goes on behind its bracket with '%.20s': only '/PREFIX' and ':PORT' can stand there",
			      close + 1);
	if (close[1] && parse_prefix(c, close + 2, 128, &bits) < 0)
		return -1;
	set_address(c, &a, bits);
	return 0;
}

static int parse_network(struct parse *c, const char *host)
{
	const char *slash = strchr(host, '/');
	struct net_addr a;
	unsigned bits = 0;
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)(slash - host < 60 ? slash - host : 60), host);
	if (!net_addr_parse(text, &a))
		return refuse(c, "has a path or no address before its '/': write a host alone, or a network such as "
				 "10.0.0.0/8");
	if (parse_prefix(c, slash + 1, 32, &bits) < 0)
		return -1;
	set_address(c, &a, 96 + bits);
	return 0;
}

/* What resolvers take for an IPv4 address in another notation: 2130706433, 127.1, 0x7f.0.0.1, 0177.0.0.1. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;

	if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
		return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] == '\0';
	return *last && last[strspn(last, digits)] == '\0';
}

static int refuse_number(const struct parse *c, const char *name)
{
	struct in_addr in;
	char text[INET_ADDRSTRLEN];

	if (inet_aton(name, &in) && inet_ntop(AF_INET, &in, text, sizeof(text)))
		return refuse(c, "is a number, not a host name: write the address as %s", text);
	return refuse(c, "ends in a number, but is no IPv4 address: write four numbers from 0 to 255, such as "
			 "10.0.0.1");
}

/* LDH and underscore (service labels), as DNS has them; n characters without the last dot. */
static int check_labels(const struct parse *c, const char *name, size_t n)
{
	for (size_t i = 0, label = 0; i <= n; i++) {
		if (i < n && name[i] != '.') {
			if (!isalnum((unsigned char)name[i]) && !strchr("-_", name[i]))
				return refuse(c, "has the character '%c', which no host name has", name[i]);
			continue;
		}
		if (i == label)
			return refuse(c, "has an empty label: two dots, or one at the beginning");
		if (name[label] == '-' || name[i - 1] == '-')
			return refuse(c, "has a label that begins or ends with '-', which no host name has");
		if (i - label > LABEL_MAX)
			return refuse(c, "has a label of more than %d characters", LABEL_MAX);
		label = i + 1;
	}
	return 0;
}

static int parse_name(struct parse *c, const char *host)
{
	bool suffix = host[0] == '*' && host[1] == '.';
	const char *name = host + 2 * suffix;
	size_t n = strlen(name);
	struct net_addr a;

	if (n && name[n - 1] == '.')
		n--;
	if (n > NAME_MAX_LEN)
		return refuse(c, "has a host name of more than %d characters", NAME_MAX_LEN);
	if (!n)
		return refuse(c, "has no host name: write one such as example.com, or * for every host");
	char *copy = ps_arena_printf(c->arena, "%s%.*s", suffix ? "." : "", (int)n, name);
	if (!copy)
		return fail_memory(c);
	for (char *s = copy; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	if (strchr(copy, '*'))
		return refuse(c, "has a '*' inside its host name: only '*.' at its beginning stands for what is below");
	if (check_labels(c, copy + suffix, n) < 0)
		return -1;
	if (net_addr_parse(copy + suffix, &a))
		return suffix ? refuse(c, "has '*.' before an address: write the network, such as 10.0.0.0/8") :
				refuse(c, "is an address with a dot at its end: write %s", copy);
	if (ends_in_number(copy + suffix))
		return refuse_number(c, copy + suffix);
	c->p.host = suffix ? NET_HOST_SUFFIX : NET_HOST_NAME;
	c->p.name = copy;
	return 0;
}

static int parse_host(struct parse *c, const char *host)
{
	static const struct { const char *name; enum net_host host; bool public_only; } words[] = {
		{ "*", NET_HOST_ANY, false },
		{ "public", NET_HOST_ANY, true },
		{ "private", NET_HOST_PRIVATE, false },
		{ "metadata", NET_HOST_METADATA, false },
	};
	struct net_addr a;

	for (size_t i = 0; i < PS_COUNT(words); i++) {
		if (strcasecmp(host, words[i].name) != 0)
			continue;
		c->p.host = words[i].host;
		c->p.public_only |= words[i].public_only;
		return 0;
	}
	if (*host == '[')
		return parse_bracketed(c, host);
	if (strchr(host, '/'))
		return parse_network(c, host);
	if (!strchr(host, ':') && net_addr_parse(host, &a)) {
		set_address(c, &a, 128);
		return 0;
	}
	return parse_name(c, host);
}

/* ---- the whole ---- */
static bool is_this_machine(const struct net_pattern *p)
{
	static const struct net_addr any = { { 0 } };
	struct net_addr any4 = net_addr_ipv4(0);

	if (p->host == NET_HOST_NAME)
		return !strcmp(p->name, "localhost");
	if (p->host != NET_HOST_ADDRESS)
		return false;
	if (p->bits == 128 && (!memcmp(&p->addr, &any, sizeof(any)) || !memcmp(&p->addr, &any4, sizeof(any4))))
		return true;
	return p->bits >= 104 && net_addr_is_loopback(&p->addr);
}

static int check_url(const struct parse *c, const char *s)
{
	const char *host = strstr(s, "://");

	if (!host)
		return 0;
	host += 3;
	return refuse(c, "is a URL: write the host alone, such as %.*s", (int)strcspn(host, "/?#"), host);
}

/* A second colon: most of the time an address without brackets, or a transport that there is not. */
static int refuse_colons(const struct parse *c, const char *s)
{
	size_t word = strcspn(s, ":");
	struct net_addr a;
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)(strcspn(s, "/") < 60 ? strcspn(s, "/") : 60), s);
	if (net_addr_parse(text, &a))
		return refuse(c, "is an IPv6 address without brackets: write [%s]%.8s", text, s + strcspn(s, "/"));
	if (word && isalpha((unsigned char)*s) && strspn(s, "abcdefghijklmnopqrstuvwxyz") == word)
		return refuse(c, "begins with '%.*s:', which is no transport: there are tcp, udp, icmp, listen, unix "
				 "and vsock", (int)(word < 20 ? word : 20), s);
	return refuse(c, "has more than one ':': write HOST:PORT, and IPv6 addresses in brackets");
}

/* HOST[:PORTS] */
static int parse_host_ports(struct parse *c, const char *s)
{
	const char *from = *s == '[' ? strchr(s, ']') : s;

	if (!from)
		return refuse(c, "has a '[' without its ']'");
	const char *colon = strchr(from, ':');
	if (colon && strchr(colon + 1, ':'))
		return refuse_colons(c, s);
	if (colon == s)
		return refuse(c, "has no host before its ':': write *%.20s for every host, or 0.0.0.0%.20s to listen",
			      s, s);
	char *host = ps_arena_strndup(c->arena, s, colon ? (size_t)(colon - s) : strlen(s));
	if (!host)
		return fail_memory(c);
	return parse_host(c, host) < 0 || (colon && parse_ports(c, colon + 1) < 0) ? -1 : 0;
}

/* "public:" before a host; before digits it is a host itself. */
static const char *skip_public(struct parse *c, const char *s)
{
	static const char word[] = "public:";
	size_t n = sizeof(word) - 1;

	if (strncasecmp(s, word, n) != 0 || s[n + strspn(s + n, "0123456789-|")] == '\0')
		return s;
	c->p.public_only = true;
	return s + n;
}

static int parse_internet(struct parse *c, const char *s, bool deny)
{
	static const struct { const char *prefix; unsigned what; } transports[] = {
		{ "tcp:", NET_TCP }, { "udp:", NET_UDP }, { "icmp:", NET_ICMP }, { "listen:", NET_LISTEN },
	};

	for (const char *q = s; *q; q++) {
		if ((unsigned char)*q >= 0x80)
			return refuse(c, "is not ASCII: write the host name in punycode, with xn--");
		if (*q <= ' ' || *q == 0x7f)
			return refuse(c, "has a space or control character in it: write one host with its ports");
	}
	if (check_url(c, s) < 0)
		return -1;
	for (size_t i = 0; !c->p.what && i < PS_COUNT(transports); i++) {
		size_t n = strlen(transports[i].prefix);
		if (strncasecmp(s, transports[i].prefix, n) != 0)
			continue;
		c->p.what = transports[i].what;
		s += n;
	}
	if (parse_host_ports(c, skip_public(c, s)) < 0)
		return -1;
	struct net_block b = { c->p.addr, c->p.bits };
	if (c->p.public_only && (c->p.host == NET_HOST_PRIVATE || c->p.host == NET_HOST_METADATA ||
				 (c->p.host == NET_HOST_ADDRESS && net_block_private(&b) == NET_PART_ALL)))
		return refuse(c, "is not public: nothing would match");
	if (c->p.host == NET_HOST_ADDRESS && c->p.public_only)
		c->p.public_only = net_block_private(&b) == NET_PART_SOME;
	if (c->p.what == NET_ICMP && c->p.n_ports)
		return refuse(c, "has a port, and ICMP has none: leave it out");
	if (!c->p.what)
		c->p.what = deny ? NET_ALL & ~(c->p.n_ports ? (unsigned)NET_ICMP : 0) :
				   NET_TCP | (is_this_machine(&c->p) ? (unsigned)NET_LISTEN : 0);
	return 0;
}

static int parse_unix(struct parse *c, const char *path)
{
	char clean[PATH_MAX];

	c->p = (struct net_pattern){ .what = NET_ALL, .host = NET_HOST_UNIX };
	if (*path != '/' && (*path != '@' || !path[1]))
		return refuse(c, "has no absolute path: write unix:/PATH, or unix:@NAME for an abstract socket");
	if (*path == '/' && ps_path_clean(path, clean, sizeof(clean)) < 0)
		return refuse(c, "has a path of more than %d characters", PATH_MAX - 1);
	c->p.name = ps_arena_strdup(c->arena, *path == '/' ? clean : path);
	return c->p.name ? 0 : fail_memory(c);
}

static bool parse_vsock_number(const char *s, uint32_t *ret)
{
	*ret = UINT32_MAX;
	return !strcmp(s, "*") || !strcmp(s, "-1") || (ps_parse_u32(s, ret) == 0 && *ret != UINT32_MAX);
}

static int parse_vsock(struct parse *c, const char *s)
{
	const char *colon = strchr(s, ':');
	char cid[16];

	c->p = (struct net_pattern){ .what = NET_ALL, .host = NET_HOST_VSOCK };
	(void)snprintf(cid, sizeof(cid), "%.*s", colon && colon - s < 12 ? (int)(colon - s) : 12, s);
	if (!colon || !parse_vsock_number(cid, &c->p.cid) || !parse_vsock_number(colon + 1, &c->p.port))
		return refuse(c, "is no vsock address: write vsock:CID:PORT, each a number, or * for any");
	return 0;
}

int net_pattern_parse(struct ps_arena *a, const char *text, bool deny, struct net_pattern *ret, struct ps_err *e)
{
	struct parse c = { .arena = a, .text = text, .e = e };
	int r;

	if (!*text)
		return ps_fail(e, PS_E_USAGE, "an empty net entry: write a host such as example.com:443");
	if (!strncasecmp(text, "unix:", 5))
		r = parse_unix(&c, text + 5);
	else if (!strncasecmp(text, "vsock:", 6))
		r = parse_vsock(&c, text + 6);
	else
		r = parse_internet(&c, text, deny);
	if (r == 0)
		*ret = c.p;
	return r;
}
