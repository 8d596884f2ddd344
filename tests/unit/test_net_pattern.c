/* SPDX-License-Identifier: Apache-2.0
 * test_net_pattern.c - what a net entry says, and what it does not: text, refusals, matches, sets, classes of addresses.
 */
#include "tests/unit/unit.h"

#include "shim/policy/net_pattern.h"

static struct net_pattern must_parse(struct ps_arena *a, const char *text, bool deny)
{
	struct net_pattern p = { .what = 0 };
	struct ps_err e = { .cls = PS_OK };

	if (net_pattern_parse(a, text, deny, &p, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

static void assert_prints(const struct net_pattern *p, const char *want)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	net_pattern_print(p, &b);
	assert_string_equal(b.data, want);
}

/* allow and deny: canonical text, NULL: the same. */
static const struct { const char *text, *allow, *deny; } valid[] = {
	{ "example.com", "tcp:example.com", "example.com" },
	{ "example.com:443", "tcp:example.com:443", "example.com:443" },
	{ "EXAMPLE.com.:443", "tcp:example.com:443", "example.com:443" },
	{ "xn--bcher-kva.example", "tcp:xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "_sip._tcp.example.com", "tcp:_sip._tcp.example.com", "_sip._tcp.example.com" },
	{ "1password.com", "tcp:1password.com", "1password.com" },
	{ "a1.b2c", "tcp:a1.b2c", "a1.b2c" },
	{ "deno", "tcp:deno", "deno" },
	{ "0xyz", "tcp:0xyz", "0xyz" },
	{ "1-2.a", "tcp:1-2.a", "1-2.a" },
	{ "*.Example.com:443", "tcp:*.example.com:443", "*.example.com:443" },
	{ "*.com.", "tcp:*.com", "*.com" },
	{ "*", "tcp:*", "*" },
	{ "*:443", "tcp:*:443", "*:443" },
	{ "private", "tcp:private", "private" },
	{ "Metadata:80", "tcp:metadata:80", "metadata:80" },
	{ "public", "tcp:public", "public" },
	{ "public:443", "tcp:public:443", "public:443" },
	{ "public:80|443", "tcp:public:80|443", "public:80|443" },
	{ "public:*:443", "tcp:public:443", "public:443" },
	{ "public:example.com:443", "tcp:public:example.com:443", "public:example.com:443" },
	{ "public:0.0.0.0/0", "tcp:public:0.0.0.0/0", "public:0.0.0.0/0" },
	{ "public:8.8.8.0/24", "tcp:8.8.8.0/24", "8.8.8.0/24" },
	{ "public:1password.com", "tcp:public:1password.com", "public:1password.com" },
	/* this machine: an allow is for listening, too */
	{ "localhost:8080", "localhost:8080", "localhost:8080" },
	{ "0.0.0.0:8000", "0.0.0.0:8000", "0.0.0.0:8000" },
	{ "[::]:8000", "[::]:8000", "[::]:8000" },
	{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
	{ "127.0.0.0/8", "127.0.0.0/8", "127.0.0.0/8" },
	{ "[::1]:80", "[::1]:80", "[::1]:80" },
	{ "126.0.0.0/7", "tcp:126.0.0.0/7", "126.0.0.0/7" },
	{ "0.0.0.0/0", "tcp:0.0.0.0/0", "0.0.0.0/0" },
	{ "[::]/0", "tcp:[::]/0", "[::]/0" },
	/* addresses */
	{ "1.2.3.4", "tcp:1.2.3.4", "1.2.3.4" },
	{ "1.2.3.4/32", "tcp:1.2.3.4", "1.2.3.4" },
	{ "10.1.2.3/8:5432", "tcp:10.0.0.0/8:5432", "10.0.0.0/8:5432" },
	{ "255.255.255.255/1", "tcp:128.0.0.0/1", "128.0.0.0/1" },
	{ "[2001:DB8:0:0:1:0:0:1]:443", "tcp:[2001:db8::1:0:0:1]:443", "[2001:db8::1:0:0:1]:443" },
	{ "[2001:db8::]", "tcp:[2001:db8::]", "[2001:db8::]" },
	{ "[1:0:2:0:3:0:4:0]", "tcp:[1:0:2:0:3:0:4:0]", "[1:0:2:0:3:0:4:0]" },
	{ "[fc00::1]/7:443", "tcp:[fc00::]/7:443", "[fc00::]/7:443" },
	{ "[2001:db8::1]/128", "tcp:[2001:db8::1]", "[2001:db8::1]" },
	{ "[fe80::1%eth0]:22", "tcp:[fe80::1]:22", "[fe80::1]:22" },
	{ "[::ffff:1.2.3.4]:80", "tcp:1.2.3.4:80", "1.2.3.4:80" },
	{ "[::ffff:7f00:1]", "127.0.0.1", "127.0.0.1" },
	{ "[::ffff:10.0.0.0]/104", "tcp:10.0.0.0/8", "10.0.0.0/8" },
	{ "[::ffff:0:0]/96", "tcp:0.0.0.0/0", "0.0.0.0/0" },
	/* transports */
	{ "tcp:example.com:443", "tcp:example.com:443", "tcp:example.com:443" },
	{ "tcp:127.0.0.1", "tcp:127.0.0.1", "tcp:127.0.0.1" },
	{ "UDP:1.1.1.1:53", "udp:1.1.1.1:53", "udp:1.1.1.1:53" },
	{ "icmp:private", "icmp:private", "icmp:private" },
	{ "listen:*:8080", "listen:*:8080", "listen:*:8080" },
	{ "udp:public:53", "udp:public:53", "udp:public:53" },
	/* ports */
	{ "a:0", "tcp:a:0", "a:0" },
	{ "a:65535", "tcp:a:65535", "a:65535" },
	{ "a:8000-8080", "tcp:a:8000-8080", "a:8000-8080" },
	{ "a:443|80", "tcp:a:80|443", "a:80|443" },
	{ "a:80|81|82-90|85-100|7-7", "tcp:a:7|80-100", "a:7|80-100" },
	{ "a:10-20|1-5|6-9|30", "tcp:a:1-20|30", "a:1-20|30" },
	{ "a:0-65535", "tcp:a", "a" },
	{ "a:0443", "tcp:a:443", "a:443" },
	/* not of the internet */
	{ "unix:/run//x/../db.sock", "unix:/run/db.sock", "unix:/run/db.sock" },
	{ "unix:/run/a b:c", "unix:/run/a b:c", "unix:/run/a b:c" },
	{ "unix:@bus", "unix:@bus", "unix:@bus" },
	{ "vsock:2:1024", "vsock:2:1024", "vsock:2:1024" },
	{ "vsock:-1:1024", "vsock:*:1024", "vsock:*:1024" },
	{ "vsock:2:*", "vsock:2:*", "vsock:2:*" },
};

static void valid_text(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	(void)state;

	for (size_t i = 0; i < PS_COUNT(valid); i++)
		for (int deny = 0; deny < 2; deny++) {
			const char *want = deny ? valid[i].deny : valid[i].allow;
			struct net_pattern p = must_parse(&a, valid[i].text, deny);

			assert_prints(&p, want);
			p = must_parse(&a, want, deny);
			assert_prints(&p, want);
		}
}

static void default_transports(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	(void)state;

	assert_int_equal(must_parse(&a, "example.com:443", false).what, NET_TCP);
	assert_int_equal(must_parse(&a, "0.0.0.0:80", false).what, NET_TCP | NET_LISTEN);
	assert_int_equal(must_parse(&a, "example.com", true).what, NET_ALL);
	assert_int_equal(must_parse(&a, "example.com:443", true).what, NET_TCP | NET_UDP | NET_LISTEN);
	assert_int_equal(must_parse(&a, "unix:/a", false).what, NET_ALL);
}

#define LABEL50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define PORT_RULE ": write a number from 0 to 65535, a range such as 8000-8080, or a list such as 80|443"
#define NETWORK_RULE " has a path or no address before its '/': write a host alone, or a network such as 10.0.0.0/8"
#define NUMBER_RULE " ends in a number, but is no IPv4 address: write four numbers from 0 to 255, such as 10.0.0.1"
#define VSOCK_RULE " is no vsock address: write vsock:CID:PORT, each a number, or * for any"
#define UNIX_RULE " has no absolute path: write unix:/PATH, or unix:@NAME for an abstract socket"
#define NAME_RULE " has no host name: write one such as example.com, or * for every host"

/* want: behind the quoted text; a text with "'" in front is the whole. */
static const struct { const char *text, *want; } invalid[] = {
	{ "", "!an empty net entry: write a host such as example.com:443" },
	{ "https://example.com/x?y", " is a URL: write the host alone, such as example.com" },
	{ "http://[::1]:80/", " is a URL: write the host alone, such as [::1]:80" },
	/* IPv6 */
	{ "::1", " is an IPv6 address without brackets: write [::1]" },
	{ "2001:db8::1", " is an IPv6 address without brackets: write [2001:db8::1]" },
	{ "2001:db8::/32", " is an IPv6 address without brackets: write [2001:db8::]/32" },
	{ "1::2::3:80", " has more than one ':': write HOST:PORT, and IPv6 addresses in brackets" },
	{ "[::1", " has a '[' without its ']'" },
	{ "[]", " has no IPv6 address in its brackets: write one such as [2001:db8::1]" },
	{ "[example.com]", " has no IPv6 address in its brackets: write one such as [2001:db8::1]" },
	{ "[::1::2]:80", " has no IPv6 address in its brackets: write one such as [2001:db8::1]" },
	{ "[1.2.3.4]", " has an IPv4 address in brackets: write 1.2.3.4" },
	{ "[::1].", " is an address with a dot at its end: leave the dot out" },
	{ "[::1]443", " goes on behind its bracket with '443': only '/PREFIX' and ':PORT' can stand there" },
	/* networks */
	{ "10.0.0.0/33", " has no prefix length from 0 to 32 behind its '/'" },
	{ "10.0.0.0/", " has no prefix length from 0 to 32 behind its '/'" },
	{ "10.0.0.0/-1", " has no prefix length from 0 to 32 behind its '/'" },
	{ "10.0.0.0/8.", " has no prefix length from 0 to 32 behind its '/'" },
	{ "[::]/129", " has no prefix length from 0 to 128 behind its '/'" },
	{ "example.com/8", NETWORK_RULE },
	{ "example.com/path", NETWORK_RULE },
	{ "10/8", NETWORK_RULE },
	{ "private/8", NETWORK_RULE },
	/* numbers that resolvers take for addresses */
	{ "2130706433", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "127.1", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "0x7f.1", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "0x7f000001:80", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "0177.0.0.01", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "127.0.0.0x1", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "017700000001", " is a number, not a host name: write the address as 127.0.0.1" },
	{ "0", " is a port without a host: write *:0 for every host" },
	{ "tcp:8080", " is a port without a host: write *:8080 for every host" },
	{ "8000-8080", " is a port without a host: write *:8000-8080 for every host" },
	{ "65536", " is a number, not a host name: write the address as 0.1.0.0" },
	{ "0x50", " is a number, not a host name: write the address as 0.0.0.80" },
	{ "1.2.3.256", NUMBER_RULE },
	{ "1.2.3.4.5", NUMBER_RULE },
	{ "example.123", NUMBER_RULE },
	{ "my-host.123", NUMBER_RULE },
	{ "example.0x", NUMBER_RULE },
	{ "*.1.2", " is a number, not a host name: write the address as 1.0.0.2" },
	{ "1.2.3.4.", " is an address with a dot at its end: write 1.2.3.4" },
	{ "1.2.3.4.:80", " is an address with a dot at its end: write 1.2.3.4" },
	{ "*.1.2.3.4", " has '*.' before an address: write the network, such as 10.0.0.0/8" },
	/* names */
	{ "a..b", " has an empty label: two dots, or one at the beginning" },
	{ ".a", " has an empty label: two dots, or one at the beginning" },
	{ "a..", " has an empty label: two dots, or one at the beginning" },
	{ ".", NAME_RULE },
	{ "*.", NAME_RULE },
	{ "*..", NAME_RULE },
	{ "-a.example", " has a label that begins or ends with '-', which no host name has" },
	{ "a.b-", " has a label that begins or ends with '-', which no host name has" },
	{ "me@example.com", " has the character '@', which no host name has" },
	{ "exa!mple.com", " has the character '!', which no host name has" },
	{ "*example.com", " has a '*' inside its host name: only '*.' at its beginning stands for what is below" },
	{ "a.*.com", " has a '*' inside its host name: only '*.' at its beginning stands for what is below" },
	{ "*.*.com", " has a '*' inside its host name: only '*.' at its beginning stands for what is below" },
	{ "**", " has a '*' inside its host name: only '*.' at its beginning stands for what is below" },
	{ "b\xc3\xbc" "cher.example", " is not ASCII: write the host name in punycode, with xn--" },
	{ " a", " has a space or control character in it: write one host with its ports" },
	{ "a:80 ", " has a space or control character in it: write one host with its ports" },
	{ LABEL50 LABEL50 ".a", " has a label of more than 63 characters" },
	/* ports */
	{ "a:", " has no port behind its last colon: leave the colon out for every port" },
	{ "[::1]:", " has no port behind its last colon: leave the colon out for every port" },
	{ "*:*", " has no port in '*'" PORT_RULE },
	{ "a:http", " has no port in 'http'" PORT_RULE },
	{ "a:65536", " has no port in '65536'" PORT_RULE },
	{ "a:99999999999999999999", " has no port in '99999999999999999999'" PORT_RULE },
	{ "a:-1", " has no port in '-1'" PORT_RULE },
	{ "a:+80", " has no port in '+80'" PORT_RULE },
	{ "a:1-", " has no port in '1-'" PORT_RULE },
	{ "a:1-2-3", " has no port in '1-2-3'" PORT_RULE },
	{ "a:80|", " has no port in ''" PORT_RULE },
	{ "a:80||81", " has no port in ''" PORT_RULE },
	{ "a:80/tcp", " has no port in '80/tcp'" PORT_RULE },
	{ "a:9-8", " has the range 9-8 upside down: write 8-9" },
	{ ":8080", " has no host before its ':': write *:8080 for every host, or 0.0.0.0:8080 to listen" },
	/* transports */
	{ "sctp:example.com:80", " begins with 'sctp:', which is no transport: there are tcp, udp, icmp, listen, unix and vsock" },
	{ "tcp:", NAME_RULE },
	{ "icmp:example.com:80", " has a port, and ICMP has none: leave it out" },
	{ "public:private", " is not public: nothing would match" },
	{ "public:metadata:80", " is not public: nothing would match" },
	{ "public:10.0.0.0/9", " is not public: nothing would match" },
	{ "public:224.0.0.0/3", " is not public: nothing would match" },
	/* others */
	{ "unix:", UNIX_RULE },
	{ "unix:run/x", UNIX_RULE },
	{ "unix:@", UNIX_RULE },
	{ "vsock:", VSOCK_RULE },
	{ "vsock:2", VSOCK_RULE },
	{ "vsock:a:1", VSOCK_RULE },
	{ "vsock:2:1:3", VSOCK_RULE },
	{ "vsock:4294967295:1", VSOCK_RULE },
	{ "vsock:21234567890123:1", VSOCK_RULE },
};

static void invalid_text(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	(void)state;

	for (size_t i = 0; i < PS_COUNT(invalid); i++) {
		struct net_pattern p = { .what = 77 };
		struct ps_err e = { .cls = PS_OK };
		char want[512];

		if (net_pattern_parse(&a, invalid[i].text, i % 2, &p, &e) == 0)
			fail_msg("'%s' is accepted", invalid[i].text);
		assert_int_equal(e.cls, PS_E_USAGE);
		assert_int_equal(p.what, 77);
		(void)snprintf(want, sizeof(want), "'%s'%s", invalid[i].text, invalid[i].want);
		assert_string_equal(e.msg, *invalid[i].want == '!' ? invalid[i].want + 1 : want);
	}
}

static void refuse_text(const char *text, const char *want)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct net_pattern p;
	struct ps_err e = { .cls = PS_OK };

	assert_int_equal(net_pattern_parse(&a, text, false, &p, &e), -1);
	assert_string_equal(e.msg, want);
}

static void long_text(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	char name[512], ports[512] = "a:0", path[5000] = "unix:/";
	char want[640];
	(void)state;

	for (size_t i = 0; i < 254; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = '.';
	name[254] = '\0';
	assert_int_equal(strlen(must_parse(&a, name, false).name), 253);
	memcpy(name + 253, "a", 2);
	(void)snprintf(want, sizeof(want), "'%.127s' has a host name of more than 253 characters", name);
	refuse_text(name, want);

	for (size_t i = 1; i < 64; i++)
		(void)snprintf(ports + strlen(ports), 10, "|%zu", 2 * i);
	assert_int_equal(must_parse(&a, ports, false).n_ports, 64);
	memcpy(ports + strlen(ports), "|999", 5);
	(void)snprintf(want, sizeof(want), "'%.127s' lists more than 64 ports: write ranges, or several entries", ports);
	refuse_text(ports, want);

	memset(path + 6, 'x', 4090);
	must_parse(&a, path, false);
	memset(path + 6, 'x', 4095);
	(void)snprintf(want, sizeof(want), "'%.127s' has a path of more than 4095 characters", path);
	refuse_text(path, want);
	refuse_text("unix:\x1b[2J", "'unix:?[2J' has no absolute path: write unix:/PATH, or unix:@NAME for an abstract socket");
}

/* target: "WHAT NAME ADDRESS PORT", "-" for none; or a path, or "vsock:CID:PORT" */
static struct net_target target_of(char *text)
{
	static const char *const whats[] = { "tcp", "udp", "icmp", "listen" };
	struct net_target t = { .what = 0 };
	char *save = NULL, *word = strtok_r(text, " ", &save), *end;

	if (*word == '/' || *word == '@') {
		t.unix_path = word;
		return t;
	}
	if (!strncmp(word, "vsock:", 6)) {
		t.vsock = true;
		t.cid = (uint32_t)strtoul(word + 6, &end, 10);
		t.vsock_port = (uint32_t)strtoul(end + 1, NULL, 10);
		return t;
	}
	for (unsigned i = 0; i < PS_COUNT(whats); i++)
		if (!strcmp(word, whats[i]))
			t.what = 1U << i;
	assert_true(t.what);
	word = strtok_r(NULL, " ", &save);
	t.name = !strcmp(word, "-") ? NULL : word;
	word = strtok_r(NULL, " ", &save);
	t.has_addr = strcmp(word, "-") != 0;
	if (t.has_addr)
		assert_true(net_addr_parse(word, &t.addr));
	t.port = (uint16_t)strtoul(strtok_r(NULL, " ", &save), NULL, 10);
	return t;
}

enum { NOT = 0, BY_NAME = 1, BY_ADDR = 2, BOTH = 3 };
static const struct { const char *pattern, *target; bool deny; int want; } matches[] = {
	{ "example.com:443", "tcp example.com 93.184.216.34 443", false, BY_NAME },
	{ "example.com:443", "tcp EXAMPLE.Com. - 443", false, BY_NAME },
	{ "example.com:443", "tcp example.com - 80", false, NOT },
	{ "example.com:443", "udp example.com - 443", false, NOT },
	{ "example.com:443", "udp example.com - 443", true, BY_NAME },
	{ "example.com", "icmp example.com - 0", true, BY_NAME },
	{ "example.com:443", "icmp example.com - 443", true, NOT },
	{ "example.com", "tcp - 93.184.216.34 443", false, NOT },
	{ "example.com", "tcp www.example.com - 443", false, NOT },
	{ "*.example.com", "tcp www.example.com - 443", false, BY_NAME },
	{ "*.example.com", "tcp a.b.WWW.example.com. - 443", false, BY_NAME },
	{ "*.example.com", "tcp example.com - 443", false, NOT },
	{ "*.example.com", "tcp .example.com - 443", false, NOT },
	{ "*.example.com", "tcp badexample.com - 443", false, NOT },
	{ "*", "tcp a.b 1.1.1.1 1", false, BOTH },
	{ "*", "tcp - ::1 1", false, BY_ADDR },
	{ "*", "udp - ::1 1", false, NOT },
	{ "*", "/run/x", true, NOT },
	{ "public", "tcp a.b 1.1.1.1 443", false, BOTH },
	{ "public", "tcp a.b 10.0.0.1 443", false, BY_NAME },
	{ "public", "tcp - 169.254.169.254 80", false, NOT },
	{ "private", "tcp a.b 10.0.0.1 443", false, BY_ADDR },
	{ "private", "tcp a.b 1.1.1.1 443", false, NOT },
	{ "metadata", "tcp - 169.254.169.254 80", true, BY_ADDR },
	{ "metadata", "tcp - 169.254.169.1 80", true, NOT },
	{ "10.0.0.0/8", "tcp - 10.255.0.1 1", false, BY_ADDR },
	{ "10.0.0.0/8", "tcp - ::ffff:10.255.0.1 1", false, BY_ADDR },
	{ "10.0.0.0/8", "tcp - 11.0.0.0 1", false, NOT },
	{ "10.0.0.0/8", "tcp 10.1.1.1 - 1", false, NOT },
	{ "[::ffff:10.0.0.1]", "tcp - 10.0.0.1 1", false, BY_ADDR },
	{ "0.0.0.0/0", "tcp - 255.255.255.255 1", false, BY_ADDR },
	{ "0.0.0.0/0", "tcp - 2001:db8::1 1", false, NOT },
	{ "[::]/0", "tcp - 2001:db8::1 1", false, BY_ADDR },
	{ "[::]/0", "tcp - 1.2.3.4 1", false, NOT },
	{ "[2001:db8::]/127", "tcp - 2001:db8::1 1", false, BY_ADDR },
	{ "[2001:db8::]/127", "tcp - 2001:db8::2 1", false, NOT },
	{ "1.2.3.4/31", "tcp - 1.2.3.5 1", false, BY_ADDR },
	{ "1.2.3.4/31", "tcp - 1.2.3.6 1", false, NOT },
	{ "1.2.3.4", "tcp - 1.2.3.5 1", false, NOT },
	{ "0.0.0.0:8000", "listen - 0.0.0.0 8000", false, BY_ADDR },
	{ "0.0.0.0:8000", "listen - 127.0.0.1 8000", false, NOT },
	{ "1.2.3.4:8000", "listen - 1.2.3.4 8000", false, NOT },
	{ "listen:*:8000-8001", "listen - :: 8001", false, BY_ADDR },
	{ "listen:*:8000-8001", "listen - :: 8002", false, NOT },
	{ "a:80|90-95", "tcp a - 92", false, BY_NAME },
	{ "a:80|90-95", "tcp a - 85", false, NOT },
	{ "unix:/run/x", "/run/x", false, BY_ADDR },
	{ "unix:/run/x", "/run/xy", false, NOT },
	{ "unix:@x", "@x", false, BY_ADDR },
	{ "unix:/x", "tcp a 1.1.1.1 1", false, NOT },
	{ "vsock:2:5", "vsock:2:5", false, BY_ADDR },
	{ "vsock:2:5", "vsock:2:6", false, NOT },
	{ "vsock:*:5", "vsock:9:5", false, BY_ADDR },
	{ "vsock:2:*", "/run/x", false, NOT },
};

static void who_matches(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	(void)state;

	for (size_t i = 0; i < PS_COUNT(matches); i++) {
		struct net_pattern p = must_parse(&a, matches[i].pattern, matches[i].deny);
		char text[128];
		(void)snprintf(text, sizeof(text), "%s", matches[i].target);
		struct net_target t = target_of(text);
		int got = (net_pattern_matches_name(&p, &t) ? BY_NAME : 0) |
			  (net_pattern_matches_addr(&p, &t) ? BY_ADDR : 0);

		if (got != matches[i].want)
			fail_msg("%s and %s: %d, not %d", matches[i].pattern, matches[i].target, got, matches[i].want);
	}
}

/* Of allows.  both: NULL for nothing.  contains: 1 x has y, 2 y has x, 3 they are the same. */
static const struct { const char *x, *y, *both; int contains; } sets[] = {
	{ "a.b", "a.b", "tcp:a.b", 3 },
	{ "a.b", "a.c", NULL, 0 },
	{ "a.b", "a.b:443", "tcp:a.b:443", 1 },
	{ "a.b:1-10|20", "a.b:5-20", "tcp:a.b:5-10|20", 0 },
	{ "a.b:1-10|20", "a.b:5-10|20", "tcp:a.b:5-10|20", 1 },
	{ "a.b:1-10", "a.b:11-20", NULL, 0 },
	{ "a.b:1-5|7-9|11", "a.b:4-8|10-12", "tcp:a.b:4-5|7-8|11", 0 },
	{ "*.b", "a.b", "tcp:a.b", 1 },
	{ "*.b", "b", NULL, 0 },
	{ "*.b", "*.a.b", "tcp:*.a.b", 1 },
	{ "*.b", "*.b:1", "tcp:*.b:1", 1 },
	{ "*.a.b", "*.c.b", NULL, 0 },
	{ "*", "a.b:443", "tcp:a.b:443", 1 },
	{ "*:443", "a.b", "tcp:a.b:443", 0 },
	{ "*", "private", "tcp:private", 1 },
	{ "*", "public", "tcp:public", 1 },
	{ "*", "unix:/x", NULL, 0 },
	{ "*", "[::1]", "tcp:[::1]", 0 },
	{ "localhost", "tcp:localhost", "tcp:localhost", 1 },
	{ "127.0.0.0/8", "127.0.0.1:80", "127.0.0.1:80", 1 },
	{ "listen:*", "0.0.0.0:80", "listen:0.0.0.0:80", 0 },
	{ "udp:*", "a.b", NULL, 0 },
	{ "10.0.0.0/8", "10.1.0.0/16", "tcp:10.1.0.0/16", 1 },
	{ "10.0.0.0/8", "11.0.0.0/8", NULL, 0 },
	{ "0.0.0.0/0", "[::]/0", NULL, 0 },
	{ "[::]/0", "1.2.3.4", NULL, 0 },
	{ "0.0.0.0/0", "1.2.3.4", "tcp:1.2.3.4", 1 },
	{ "private", "10.1.2.3", "tcp:10.1.2.3", 1 },
	{ "private", "metadata", "tcp:metadata", 1 },
	{ "private", "224.0.0.0/3", "tcp:224.0.0.0/3", 1 },
	{ "private", "8.8.8.8", NULL, 0 },
	{ "private", "0.0.0.0/0", NULL, 0 }, /* no pattern says so: narrower is sound */
	{ "private", "a.b", NULL, 0 },
	{ "metadata", "169.254.169.254:80", "tcp:169.254.169.254:80", 1 },
	{ "metadata", "169.254.0.0/16", NULL, 0 },
	{ "metadata", "10.0.0.1", NULL, 0 },
	{ "public", "private", NULL, 0 },
	{ "public", "metadata", NULL, 0 },
	{ "public", "10.0.0.0/8", NULL, 0 },
	{ "public", "8.8.8.0/24:53", "tcp:8.8.8.0/24:53", 1 },
	{ "public", "0.0.0.0/0", "tcp:public:0.0.0.0/0", 0 },
	{ "public", "public:0.0.0.0/0", "tcp:public:0.0.0.0/0", 1 },
	{ "public:0.0.0.0/0", "8.8.8.8", "tcp:8.8.8.8", 1 },
	{ "public:0.0.0.0/0", "8.0.0.0/7", "tcp:8.0.0.0/7", 1 },
	{ "public", "a.b:443", "tcp:public:a.b:443", 0 },
	{ "public:a.b", "a.b", "tcp:public:a.b", 2 },
	{ "unix:/a", "unix:/a", "unix:/a", 3 },
	{ "unix:/a", "unix:/a/b", NULL, 0 },
	{ "vsock:*:5", "vsock:2:*", "vsock:2:5", 0 },
	{ "vsock:*:5", "vsock:2:5", "vsock:2:5", 1 },
	{ "vsock:2:5", "vsock:3:*", NULL, 0 },
	{ "vsock:2:5", "unix:/a", NULL, 0 },
};

static void sets_of_patterns(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	(void)state;

	for (size_t i = 0; i < PS_COUNT(sets); i++) {
		struct net_pattern x = must_parse(&a, sets[i].x, false), y = must_parse(&a, sets[i].y, false), both;
		int contains = (net_pattern_contains(&x, &y) ? 1 : 0) | (net_pattern_contains(&y, &x) ? 2 : 0);

		if (contains != sets[i].contains)
			fail_msg("%s contains %s: %d, not %d", sets[i].x, sets[i].y, contains, sets[i].contains);
		for (int turn = 0; turn < 2; turn++) {
			bool some = net_pattern_intersect(&a, turn ? &y : &x, turn ? &x : &y, &both);

			if (some != (sets[i].both != NULL))
				fail_msg("%s and %s have %s in common", sets[i].x, sets[i].y, some ? "something" : "nothing");
			if (!some)
				continue;
			assert_prints(&both, sets[i].both);
			/* where both match, and nowhere else */
			assert_true(net_pattern_contains(&x, &both));
			assert_true(net_pattern_contains(&y, &both));
		}
	}
}

/* p private, m metadata (and so private), l loopback (and so private), empty: the internet */
static const struct { const char *address, *classes; } addresses[] = {
	{ "0.0.0.0", "p" }, { "9.255.255.255", "" }, { "10.0.0.0", "p" }, { "11.0.0.0", "" }, { "100.63.255.255", "" },
	{ "100.64.0.0", "p" }, { "100.127.255.255", "p" }, { "100.128.0.0", "" }, { "100.100.100.200", "m" },
	{ "127.0.0.1", "l" }, { "127.255.255.255", "l" }, { "128.0.0.0", "" }, { "168.63.129.16", "m" },
	{ "169.254.1.1", "p" }, { "169.254.169.254", "m" }, { "169.254.170.2", "m" }, { "172.15.255.255", "" },
	{ "172.16.0.0", "p" }, { "172.31.255.255", "p" }, { "172.32.0.0", "" }, { "192.0.0.192", "m" },
	{ "192.0.2.1", "p" }, { "192.167.255.255", "" }, { "192.168.0.1", "p" }, { "198.17.255.255", "" },
	{ "198.18.0.0", "p" }, { "198.19.255.255", "p" }, { "198.20.0.0", "" }, { "198.51.100.1", "p" },
	{ "203.0.113.9", "p" }, { "223.255.255.255", "" }, { "224.0.0.1", "p" }, { "255.255.255.255", "p" },
	{ "8.8.8.8", "" }, { "::", "p" }, { "::1", "l" }, { "::2", "p" }, { "::127.0.0.1", "p" },
	{ "::ffff:127.0.0.1", "l" }, { "::ffff:8.8.8.8", "" }, { "::ffff:169.254.169.254", "m" },
	{ "64:ff9b::10.0.0.1", "p" }, { "64:ff9b::8.8.8.8", "" }, { "64:ff9b::169.254.169.254", "m" },
	{ "64:ff9b:1::1", "p" }, { "100::1", "p" }, { "2001::1", "p" }, { "2001:db8::1", "p" },
	{ "2001:4860:4860::8888", "" }, { "2002:a00:1::1", "p" }, { "2606:4700::1111", "" }, { "3fff::1", "p" },
	{ "fbff::1", "" }, { "fc00::1", "p" }, { "fd00:ec2::254", "m" }, { "fd20:ce::254", "m" }, { "fe80::1", "p" },
	{ "fec0::1", "p" }, { "ff02::1", "p" },
};

static void classes_of_addresses(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(addresses); i++) {
		const char *classes = addresses[i].classes;
		struct net_addr a;

		assert_true(net_addr_parse(addresses[i].address, &a));
		if (net_addr_is_private(&a) != (*classes != '\0') || net_addr_is_metadata(&a) != (*classes == 'm') ||
		    net_addr_is_loopback(&a) != (*classes == 'l'))
			fail_msg("%s is not of class '%s'", addresses[i].address, classes);
	}
}

static void text_of_addresses(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "1.2.3.4", "1.2.3.4" }, { "::ffff:1.2.3.4", "1.2.3.4" }, { "::", "::" }, { "::1", "::1" },
		{ "1::", "1::" }, { "0:0:1::", "0:0:1::" }, { "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
		{ "1:0:0:2:3:0:0:4", "1::2:3:0:0:4" }, { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "::1.2.3.4", "::102:304" }, { "FE80::ABCD", "fe80::abcd" }, { "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7" },
	};
	static const char *const bad[] = { "", "a", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "[::1]",
					   "::1%lo", ":::", "1:2:3:4:5:6:7:8:9", "12345::", "1.2.3.256" };
	struct net_addr a, four = net_addr_ipv4(0x01020304);
	(void)state;

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_buf struct ps_buf b = { .data = NULL };

		assert_true(net_addr_parse(rows[i].text, &a));
		net_addr_print(&a, &b);
		assert_string_equal(b.data, rows[i].want);
	}
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		if (net_addr_parse(bad[i], &a))
			fail_msg("'%s' is taken for an address", bad[i]);
	assert_true(net_addr_parse("1.2.3.4", &a));
	assert_memory_equal(&a, &four, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_text),	       cmocka_unit_test(default_transports),
		cmocka_unit_test(invalid_text),	       cmocka_unit_test(long_text),
		cmocka_unit_test(who_matches),	       cmocka_unit_test(sets_of_patterns),
		cmocka_unit_test(classes_of_addresses), cmocka_unit_test(text_of_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
