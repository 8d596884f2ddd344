/* SPDX-License-Identifier: Apache-2.0
 * test_perm_decide.c - the decision function against tables and, over random entries and targets, against naive ones; what
 * is shown of a query.
 */
#include "tests/unit/perm_test.h"

static const char *const words[] = {
	[POLICY_ALLOW] = "allow", [POLICY_DENY] = "deny", [POLICY_WARN] = "warn", [POLICY_IGNORE] = "ignore",
};

/* "read /a", "net api.com@1.2.3.4:443", "net udp:1.2.3.4:53", "net a.com" (a lookup), "net pinned:a.com@10.0.0.1:80" */
static struct perm_query query(struct ps_arena *a, const char *text)
{
	char *copy = ps_arena_strdup(a, text), *value = strchr(copy, ' ');
	struct perm_query q = { .net = { .what = NET_TCP } };
	static const struct { const char *prefix; unsigned what; } transports[] = {
		{ "udp:", NET_UDP }, { "icmp:", NET_ICMP }, { "listen:", NET_LISTEN },
	};

	*value++ = '\0';
	while (strcmp(copy, policy_permission_name(q.permission)) != 0)
		q.permission++;
	if (q.permission != POLICY_NET) {
		q.value = strcmp(value, "everything") != 0 ? value : NULL;
		return q;
	}
	if (!strncmp(value, "unix:", 5)) {
		q.net.unix_path = value + 5;
		return q;
	}
	q.pinned = !strncmp(value, "pinned:", 7);
	value += 7 * q.pinned;
	for (size_t i = 0; i < PS_COUNT(transports); i++) {
		if (strncmp(value, transports[i].prefix, strlen(transports[i].prefix)) != 0)
			continue;
		q.net.what = transports[i].what;
		value += strlen(transports[i].prefix);
	}
	char *at = strchr(value, '@'), *host = at ? at + 1 : value, *colon = strrchr(host, ':'), *close = strchr(host, ']');

	if (colon && (!close || colon > close)) {
		*colon = '\0';
		q.net.port = (uint16_t)strtoul(colon + 1, NULL, 10);
	}
	if (close) {
		*close = '\0';
		host++;
	}
	q.net.has_addr = net_addr_parse(host, &q.net.addr);
	if (at)
		*at = '\0';
	q.net.name = at || !q.net.has_addr ? value : NULL;
	return q;
}

static void assert_verdict(const struct permissions *p, const char *text, const char *want)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct perm_query q = query(&a, text);
	const struct perm_verdict v = permissions_decide(p, &q);
	ps_auto_buf struct ps_buf got = { .data = NULL };

	ps_buf_puts(&got, words[v.action]);
	if (v.rule)
		ps_buf_printf(&got, " %s", v.rule->value ? v.rule->value : "everything");
	if (v.nearest)
		ps_buf_printf(&got, " near %s", v.nearest->value);
	if (strcmp(got.data, want) != 0)
		fail_msg("%s: %s instead of %s", text, got.data, want);
}

struct row { const char *query, *verdict; };

static void assert_rows(const struct permissions *p, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_verdict(p, rows[i].query, rows[i].verdict);
}

static void files_variables_programs(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row rows[] = {
		{ "read /data", "allow /data" }, { "read /data/x", "allow /data" }, { "read /data/x/y", "deny /data/x/y" },
		{ "read /data/x/y/z", "deny /data/x/y" }, { "read /data/x/yz", "allow /data" }, { "read /database", "deny" },
		{ "read /", "deny" }, { "read /data/i", "ignore /data/i" }, { "read /data/w/1", "warn /data/w" }, { "read /w2", "warn /w2" },
		{ "read /data/i/w", "ignore /data/i" }, { "read /usr/share/doc", "deny near /usr/lib" }, { "read everything", "deny" },
		{ "read /dev/urandom", "allow" }, { "write /dev/null", "allow" }, { "read /dev/sda", "deny" },
		{ "write /data", "deny" }, { "write /bin/sh", "deny /bin/sh" },
		{ "env PATH", "allow PATH" }, { "env PATHS", "deny near PATH" }, { "env LC_ALL", "allow LC_*" }, { "env LC_", "allow LC_*" },
		{ "env LC", "deny" }, { "env LC_X", "deny LC_X*" }, { "env lc_all", "deny" }, { "env everything", "deny" },
		{ "run /bin/sh", "allow /bin/sh" }, { "run sh", "allow /bin/sh" }, { "run git", "allow git" }, { "run /usr/bin/git", "allow git" },
		{ "run /tmp/git", "deny" }, { "run /opt/tools/x/y", "allow /opt/tools" }, { "run /tmp/curl", "deny curl" },
		{ "run /opt/tools/curl", "deny curl" }, { "run curl", "deny curl" },
		{ "sys uid", "allow uid" }, { "sys gid", "deny" },
		{ "ffi /usr/lib/x.so", "allow everything" }, { "ffi /tmp/x.so", "deny /tmp" }, { "ffi everything", "allow everything" },
	};
	const struct permissions *p = perm_merge_with(&a, NO_CONTEXT,
		LAYERS(FLAGS("allow read /data", "allow read /usr/lib", "deny read /data/x/y", "ignore read /data/i", "warn read /data/w", "warn read /data/i",
			     "warn read /w2", "allow env PATH", "allow env LC_*", "deny env LC_X*", "allow run /bin/sh", "allow run git",
			     "allow run /opt/tools", "deny run curl", "allow sys uid", "allow ffi everything", "deny ffi /tmp")));

	(void)state;
	assert_rows(p, rows, PS_COUNT(rows));
}

static void globs(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row rows[] = {
		{ "run /usr/bin/python3.11", "allow /usr/bin/python3*" }, { "run python3.9", "allow /usr/bin/python3*" }, { "run /usr/bin/python2", "deny near /usr/bin/python3*" },
		{ "run /usr/bin/python3/x", "allow /usr/bin/python3*" }, { "write /usr/bin/python3", "deny /usr/bin/python3*" },
		{ "read /h/u/x/y", "allow /h/*/x" }, { "read /h/u/v/x", "deny near /h/*/x" }, { "read /h/u", "deny near /h/*/x" }, { "read /p/a/b/c.key", "deny /p/**/*.key" },
		{ "read /p/c.key", "deny /p/**/*.key" }, { "read /p/a.key/b", "deny /p/**/*.key" }, { "read /p/a/b", "allow /p" },
		{ "read /q", "deny near /q/**" }, { "read /q/a", "allow /q/**" }, { "read /q/a/b", "allow /q/**" }, { "read /w/x/1/y/2/z", "allow /w/**/y/**/z" },
		{ "read /w/y/z", "allow /w/**/y/**/z" }, { "read /w/y/y/z/z", "allow /w/**/y/**/z" }, { "read /w/x/z", "deny near /w/**/y/**/z" },
	};
	const struct permissions *p = perm_merge_with(&a, NO_CONTEXT,
		LAYERS(FLAGS("allow run /usr/bin/python3*", "allow read /h/*/x", "allow read /p", "deny read /p/**/*.key", "allow read /q/**",
			     "allow read /w/**/y/**/z")));

	(void)state;
	assert_rows(p, rows, PS_COUNT(rows));
	/* Many a "**" and many names are not many times as much work. */
	char deep[4096] = "read /w", pattern[4096] = "allow read /w";

	while (strlen(deep) < sizeof(deep) - 8)
		strcat(deep, "/y");
	while (strlen(pattern) < 200)
		strcat(pattern, "/**/y");
	strcat(pattern, "/**/*x*x*x");
	const struct perm_query q = query(&a, deep);

	assert_int_equal(permissions_decide(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS(pattern))), &q).action, POLICY_DENY);
}

static void what_config_json_grants_is_allowed(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row rows[] = {
		{ "read /x", "allow" }, { "read /s/1", "deny /s" }, { "net a.com@10.0.0.1:80", "warn *" }, { "net 169.254.169.254:80", "warn *" },
		{ "env A", "allow" }, { "env everything", "allow" },
	};

	(void)state;
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("deny read /s", "warn net *"))), rows, PS_COUNT(rows));
}

static void names_reach_public_addresses(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row rows[] = {
		{ "net api.com@1.2.3.4:443", "allow api.com:443" }, { "net API.com.@1.2.3.4:443", "allow api.com:443" },
		{ "net api.com@1.2.3.4:80", "deny near api.com:443" }, { "net udp:api.com@1.2.3.4:443", "deny near api.com:443" },
		{ "net api.com@10.0.0.1:443", "deny near api.com:443" }, { "net api.com@127.0.0.1:443", "deny near api.com:443" },
		{ "net api.com@169.254.169.254:443", "deny near api.com:443" }, { "net api.com@[::ffff:10.0.0.1]:443", "deny near api.com:443" },
		{ "net api.com@[fd00::1]:443", "deny near api.com:443" }, { "net api.com@[64:ff9b::a00:1]:443", "deny near api.com:443" },
		{ "net pinned:api.com@10.0.0.1:443", "allow api.com:443" },
		{ "net api.com@192.168.7.7:443", "allow 192.168.7.0/24" },
		{ "net 1.2.3.4:443", "deny" }, { "net 192.168.7.9:1", "allow 192.168.7.0/24" }, { "net 192.168.8.9:1", "deny near 192.168.7.0/24" },
		{ "net x.sub.org@9.9.9.9:1", "allow *.sub.org" }, { "net sub.org@9.9.9.9:1", "deny near *.sub.org" },
		{ "net xsub.org@9.9.9.9:1", "deny" }, { "net x.pub.net@9.9.9.9:1", "allow public:*.pub.net" },
		{ "net pinned:x.pub.net@10.0.0.1:1", "deny near public:*.pub.net" },
		/* Lookups: some use of the name is allowed, not every one is denied. */
		{ "net api.com", "allow api.com:443" }, { "net www.api.com", "deny near api.com:443" }, { "net bad.sub.org", "deny bad.sub.org" },
		{ "net half.sub.org", "allow *.sub.org" }, { "net half.sub.org@9.9.9.9:22", "deny half.sub.org:22" },
		{ "net half.sub.org@9.9.9.9:23", "allow *.sub.org" }, { "net bad.sub.org@9.9.9.9:1", "deny bad.sub.org" },
		/* Denied by address, whatever the name. */
		{ "net x.sub.org@9.9.9.8:1", "deny 9.9.9.8" }, { "net x.sub.org@[64:ff9b::909:908]:1", "deny 9.9.9.8" },
		/* With a port and no address yet. */
		{ "net api.com:443", "allow api.com:443" }, { "net api.com:444", "deny near api.com:443" },
	};
	const struct permissions *p = perm_merge_with(&a, NO_CONTEXT,
		LAYERS(FLAGS("allow net api.com:443", "allow net *.sub.org", "allow net 192.168.7.0/24", "allow net public:*.pub.net",
			     "deny net bad.sub.org", "deny net half.sub.org:22", "deny net 9.9.9.8")));

	(void)state;
	assert_rows(p, rows, PS_COUNT(rows));
}

static void classes_and_everything(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row private[] = {
		{ "net 10.1.1.1:1", "allow private" }, { "net x.org@10.1.1.1:1", "allow private" }, { "net 169.254.169.254:80", "deny" },
		{ "net x.org@169.254.169.254:80", "deny" }, { "net 100.100.100.200:80", "deny" }, { "net 8.8.8.8:1", "deny" },
		{ "net 127.0.0.1:1", "allow private" }, { "net x.org", "deny" },
	};
	static const struct row public[] = {
		{ "net 8.8.8.8:1", "allow public" }, { "net x.org@8.8.8.8:1", "allow public" }, { "net x.org", "allow public" },
		{ "net x.org@10.0.0.1:1", "deny" }, { "net pinned:x.org@10.0.0.1:1", "deny" }, { "net 127.0.0.1:1", "deny" },
		{ "net localhost@127.0.0.1:1", "deny" }, { "net udp:8.8.8.8:53", "deny" },
	};
	static const struct row any[] = {
		{ "net 8.8.8.8:1", "allow *" }, { "net 10.0.0.1:1", "allow *" }, { "net x.org", "allow *" }, { "net 169.254.169.254:80", "deny metadata" },
		{ "net x.org@169.254.169.254:80", "deny metadata" }, { "net unix:/run/x", "deny" }, { "net icmp:8.8.8.8", "deny" },
	};
	static const struct row all[] = {
		{ "net unix:/run/x", "allow everything" }, { "net icmp:8.8.8.8", "allow everything" }, { "net 169.254.169.254:80", "allow everything" },
		{ "net unix:/run/docker.sock", "deny unix:/run/docker.sock" }, { "net listen:10.0.0.1:80", "allow everything" },
		{ "net 10.0.0.1:80", "deny private" }, { "net listen:0.0.0.0:81", "deny listen:10.0.0.1:81" }, { "net listen:[::]:81", "deny listen:10.0.0.1:81" },
		{ "net listen:0.0.0.0:80", "allow everything" },
	};

	(void)state;
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net private"))), private, PS_COUNT(private));
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net public"))), public, PS_COUNT(public));
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net *", "deny net metadata"))), any, PS_COUNT(any));
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net everything", "deny net private", "deny net metadata", "deny net unix:/run/docker.sock",
								 "deny net listen:10.0.0.1:81", "reset env"))),
		    all + 3, PS_COUNT(all) - 3);
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net everything"))), all, 3);
}

static void this_machine(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const struct row allowed[] = {
		{ "net localhost@127.0.0.1:8080", "allow localhost:8080" }, { "net 127.0.0.1:8080", "allow localhost:8080" },
		{ "net [::1]:8080", "allow localhost:8080" }, { "net listen:127.0.0.1:8080", "allow localhost:8080" },
		{ "net listen:0.0.0.0:8080", "deny near 0.0.0.0:90" }, { "net localhost@10.0.0.1:8080", "deny near localhost:8080" },
		{ "net 127.0.0.1:81", "deny" }, { "net listen:0.0.0.0:90", "allow 0.0.0.0:90" }, { "net listen:127.0.0.1:90", "deny" },
		{ "net x.localhost@127.0.0.1:7", "allow x.localhost" }, { "net x.localhost@10.0.0.1:7", "deny near x.localhost" },
	};
	static const struct row denied[] = {
		{ "net 127.0.0.1:1", "deny localhost" }, { "net [::1]:1", "deny localhost" }, { "net 0.0.0.0:1", "deny localhost" },
		{ "net [::]:1", "deny localhost" }, { "net [::ffff:127.0.0.1]:1", "deny localhost" }, { "net x.org@127.0.0.1:1", "deny localhost" },
		{ "net localhost", "deny localhost" }, { "net 10.0.0.1:1", "allow everything" }, { "net listen:0.0.0.0:1", "allow everything" },
	};
	static const struct row denied_address[] = { { "net 0.0.0.0:1", "deny 127.0.0.1" }, { "net [::]:1", "deny [::1]" } };

	(void)state;
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net localhost:8080", "allow net 0.0.0.0:90", "allow net x.localhost"))), allowed,
		    PS_COUNT(allowed));
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net everything", "deny net localhost"))), denied, PS_COUNT(denied));
	assert_rows(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow net *", "deny net 127.0.0.1", "deny net [::1]"))), denied_address,
		    PS_COUNT(denied_address));
}

/* ---- random ---- */

static uint64_t seed = 88172645463325252ULL;

static unsigned dice(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

#define PICK(array) (array)[dice((unsigned)PS_COUNT(array))]

static const char *random_host(void)
{
	static const char *const hosts[] = {
		"a.com", "b.a.com", "*.a.com", "*.com", "localhost", "*", "public", "private", "metadata", "10.0.0.1", "10.0.0.0/8", "10.0.0.0/31",
		"1.2.3.4", "1.2.3.0/24", "0.0.0.0/0", "169.254.0.0/16", "[::1]", "[fd00::]/8", "[2600::1]", "127.0.0.1", "public:*.com", "public:0.0.0.0/1",
	};

	return PICK(hosts);
}

static const char *random_entry(struct ps_arena *a, enum policy_permission p, const char *action)
{
	static const char *const transports[] = { "", "", "", "tcp:", "udp:", "listen:" }, *const ports[] = { "", "", ":443", ":80|443", ":1-100", ":90-500" };
	static const char *const paths[] = { "/", "/a", "/a/b", "/a/bc", "/a/b/c", "/d", "/a/*", "/a/b*", "/*/b", "/a/**/c", "/**/b", "/**", "everything" };
	static const char *const names[] = { "A", "AB", "AB*", "A*", "ABC", "B", "everything" };
	const char *value = p == POLICY_ENV ? PICK(names) : PICK(paths), *transport = "", *port = "";

	if (p == POLICY_NET) {
		value = random_host();
		transport = PICK(transports);
		port = PICK(ports);
	}
	return ps_arena_printf(a, "%s %s %s%s%s", action, policy_permission_name(p), transport, value, port);
}

static struct perm_query random_query(struct ps_arena *a, enum policy_permission p)
{
	static const char *const transports[] = { "", "", "udp:", "listen:" }, *const names[] = { "", "", "", "a.com@", "b.a.com@", "x.com@", "localhost@" };
	static const char *const addrs[] = { "10.0.0.1", "10.0.0.2", "1.2.3.4", "1.2.9.9", "169.254.169.254", "127.0.0.1", "[::1]", "[2600::1]", "[fd00::5]", "0.0.0.0" };
	static const char *const paths[] = { "/", "/a", "/a/b", "/a/b/c/d", "/a/bc", "/d/e", "/e" }, *const variables[] = { "A", "AB", "ABC", "ABCD", "B", "" };
	static const unsigned ports[] = { 443, 80, 50, 95, 1000 };

	if (p == POLICY_NET)
		return query(a, ps_arena_printf(a, "net %s%s%s%s:%u", dice(8) ? "" : "pinned:", PICK(transports), PICK(names), PICK(addrs), PICK(ports)));
	return query(a, ps_arena_printf(a, "%s %s", policy_permission_name(p), p == POLICY_ENV ? PICK(variables) : PICK(paths)));
}

static bool is_allowed(const struct permissions *p, const struct perm_query *q)
{
	return permissions_decide(p, q).action == POLICY_ALLOW;
}

static bool is_by_name(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && (l->v[i].net.host == NET_HOST_NAME || l->v[i].net.host == NET_HOST_SUFFIX))
			return true;
	return false;
}

static struct perm_layer *random_layer(struct ps_arena *a, enum policy_permission p, enum perm_rank rank)
{
	struct perm_layer *l = perm_layer(a, rank, "x", "deny sys everything", NULL);
	struct perm_entry *v = ps_arena_array(a, 16, sizeof(*v));

	l->entries = (struct perm_list){ v, 0 };
	for (unsigned i = 0, n = 1 + dice(4); i < n; i++)
		perm_word(a, l, v, random_entry(a, p, "allow"));
	return l;
}

/* A class of which a network has a part: what they have in common is no entry. */
static bool is_deep(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && strstr(l->v[i].value, "**"))
			return true;
	return false;
}

static bool is_split(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && (l->v[i].net.host == NET_HOST_PRIVATE || l->v[i].net.host == NET_HOST_METADATA))
			return true;
	return false;
}

/*
 * An intersection allows nothing that either does not, however it came about, and all that both allow; of net all that
 * an address alone is allowed by, and no class of it in part.
 */
static void an_intersection_is_what_both_allow(void **state)
{
	static const enum policy_permission kinds[] = { POLICY_READ, POLICY_ENV, POLICY_NET, POLICY_NET };
	unsigned hits = 0, exact = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const enum policy_permission p = PICK(kinds);
		const struct perm_layer *flags = random_layer(&a, p, PERM_FLAG), *bound = random_layer(&a, p, PERM_SYSTEM);
		const struct permissions *x = perm_merge_with(&a, NO_CONTEXT, LAYERS(flags)), *y = perm_merge_with(&a, NO_CONTEXT, LAYERS(bound));
		const struct permissions *both = perm_merge_with(&a, (struct perm_context){ .ceiling = bound }, LAYERS(flags));
		bool precise = p == POLICY_READ ? !is_deep(&x->of[p].allow) && !is_deep(&y->of[p].allow) :
			       p != POLICY_NET || (!is_by_name(&x->of[p].allow) && !is_by_name(&y->of[p].allow) &&
						   !is_split(&x->of[p].allow) && !is_split(&y->of[p].allow));

		for (int i = 0; i < 20; i++) {
			const struct perm_query q = random_query(&a, p);
			bool wanted = is_allowed(x, &q) && is_allowed(y, &q), got = is_allowed(both, &q);
			ps_auto_buf struct ps_buf text = { .data = NULL };

			hits += got;
			exact += precise && got;
			if (got == wanted || (!got && !precise))
				continue;
			perm_dump(&text, x);
			perm_dump(&text, y);
			perm_dump(&text, both);
			perm_query_target(&q, &text);
			fail_msg("%d: got %d, wanted %d:\n%s", round, got, wanted, text.data);
		}
	}
	assert_true(hits > 5000 && exact > 2000);
}

/* Tightening either fails, or allows nothing that the base does not. */
static void tightening_never_widens(void **state)
{
	static const enum policy_permission kinds[] = { POLICY_READ, POLICY_ENV, POLICY_NET };
	unsigned ok = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const enum policy_permission p = PICK(kinds);
		const struct permissions *base = perm_merge_with(&a, NO_CONTEXT, LAYERS(random_layer(&a, p, PERM_FLAG))), *tight;
		const struct perm_layer *l = random_layer(&a, p, PERM_LAUNCH);
		struct ps_err e = { .cls = PS_OK };

		if (permissions_tighten(&a, base, l, "/", &tight, &e) < 0) {
			refused++;
			continue;
		}
		ok++;
		for (int i = 0; i < 20; i++) {
			const struct perm_query q = random_query(&a, p);

			if (is_allowed(tight, &q) && !is_allowed(base, &q))
				fail_msg("%d: wider", round);
		}
	}
	assert_true(ok > 500 && refused > 500);
}

/* The naive decision of files and variables: every way in which a pattern's end, or that of one of its names, may be reached. */
static bool glob(const char *p, const char *s)
{
	if (!strcmp(p, "/**"))
		p = "/*";
	if (!*p)
		return !*s || *s == '/';
	if (!strncmp(p, "/**/", 4)) {
		for (const char *from = s; *from; from = from + 1 + strcspn(from + 1, "/"))
			if (glob(p + 3, from))
				return true;
		return false;
	}
	if (*p == '*')
		return glob(p + 1, s) || (*s && *s != '/' && glob(p, s + 1));
	return *p == *s && glob(p + 1, s + 1);
}

static bool covers(const char *value, const char *query, enum policy_permission p)
{
	if (!strcmp(value, "everything"))
		return true;
	if (p == POLICY_ENV)
		return value[strlen(value) - 1] == '*' ? !strncmp(value, query, strlen(value) - 1) : !strcmp(value, query);
	return !strcmp(value, "/") || (query[1] && glob(value, query));
}

static void decisions_are_as_naive_ones(void **state)
{
	static const enum policy_permission kinds[] = { POLICY_READ, POLICY_ENV };
	static const enum policy_action order[] = { POLICY_DENY, POLICY_IGNORE, POLICY_WARN, POLICY_ALLOW };

	(void)state;
	for (int round = 0; round < 4000; round++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const enum policy_permission p = PICK(kinds);
		struct perm_layer *l = perm_layer(&a, PERM_FLAG, "x", "allow sys uid", NULL);
		struct perm_entry *v = ps_arena_array(&a, 16, sizeof(*v));

		l->entries = (struct perm_list){ v, 0 };
		perm_word(&a, l, v, "allow sys uid");
		for (unsigned i = 0, n = dice(5); i < n; i++)
			perm_word(&a, l, v, random_entry(&a, p, words[dice(4)]));
		const struct permissions *set = perm_merge_with(&a, NO_CONTEXT, LAYERS(l));

		for (int i = 0; i < 10; i++) {
			const struct perm_query q = random_query(&a, p);
			enum policy_action wanted = POLICY_DENY;

			if (!*q.value)
				continue;
			for (size_t k = 0; k < PS_COUNT(order) && wanted == POLICY_DENY; k++)
				for (size_t m = 0; m < l->entries.n; m++)
					if (v[m].permission == p && v[m].action == order[k] && covers(v[m].value ? v[m].value : "everything", q.value, p)) {
						wanted = order[k];
						k = PS_COUNT(order);
						break;
					}
			assert_int_equal(permissions_decide(set, &q).action, wanted);
		}
	}
}

/* ---- what is shown ---- */

static void paths_below(void **state)
{
	(void)state;
	assert_true(perm_path_below("/", "/") && perm_path_below("/a", "/") && perm_path_below("/a", "/a") && perm_path_below("/a/b", "/a"));
	assert_false(perm_path_below("/ab", "/a") || perm_path_below("/", "/a") || perm_path_below("/a", "/a/b"));
}

static void flags(void **state)
{
	static const struct { const char *query, *target, *flag; } rows[] = {
		{ "read /etc/passwd", "/etc/passwd", "--allow-read=/etc/passwd" },
		{ "read /a b", "/a b", "--allow-read='/a b'" },
		{ "write /a,b", "/a,b", "--allow-write=/a,,b" },
		{ "read /it's", "/it's", "--allow-read='/it'\\''s'" },
		{ "read /x\033[2J\n", "/x\\u{1b}[2J\\u{a}", "--allow-read=$'/x\\x1b[2J\\x0a'" },
		{ "read /a\\b'\001", "/a\\\\b'\\u{1}", "--allow-read=$'/a\\\\b\\'\\x01'" },
		{ "read /\xe2\x80\xae" "fdp.exe", "/\\u{202e}fdp.exe", "--allow-read=$'/\\xe2\\x80\\xaefdp.exe'" },
		{ "read /\xff\xc3\xa4", "/\\xff\xc3\xa4", "--allow-read=$'/\\xff\\xc3\\xa4'" },
		{ "read /a/b?", "/a/b?", "--allow-read=/a" },
		{ "read /?", "/?", "--allow-read=/" },
		{ "read everything", "*", "--allow-read" },
		{ "env A", "A", "--allow-env=A" },
		{ "run /bin/sh", "/bin/sh", "--allow-run=/bin/sh" },
		{ "net api.com:443", "api.com:443", "--allow-net=api.com:443" },
		{ "net api.com@1.2.3.4:443", "api.com:443", "--allow-net=api.com:443" },
		{ "net api.com@10.0.0.1:443", "api.com:443", "--allow-net=10.0.0.1:443" },
		{ "net pinned:api.com@10.0.0.1:443", "api.com:443", "--allow-net=api.com:443" },
		{ "net udp:1.1.1.1:53", "udp:1.1.1.1:53", "--allow-net=udp:1.1.1.1:53" },
		{ "net icmp:1.1.1.1", "icmp:1.1.1.1", "--allow-net=icmp:1.1.1.1" },
		{ "net listen:[::1]:80", "listen:[::1]:80", "--allow-net='listen:[::1]:80'" },
		{ "net unix:/run/a,b", "unix:/run/a,b", "--allow-net=unix:/run/a,,b" },
		{ "net unix:@x", "unix:@x", "--allow-net=unix:@x" },
		{ "net ev\033il.com", "ev\\u{1b}il.com", "--allow-net=$'ev\\x1bil.com'" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf target = { .data = NULL }, flag = { .data = NULL };
		const struct perm_query q = query(&a, rows[i].query);

		perm_query_target(&q, &target);
		perm_query_flag(&q, &flag);
		assert_string_equal(target.data, rows[i].target);
		assert_string_equal(flag.data, rows[i].flag);
	}
	const struct perm_query vsock = { .permission = POLICY_NET, .net = { .vsock = true, .cid = 3, .vsock_port = 80 } };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	perm_query_target(&vsock, &out);
	assert_string_equal(out.data, "vsock:3:80");
}

/* What the flag allows, the set of it allows. */
static void flags_do_what_they_say(void **state)
{
	static const char *const rows[] = {
		"net api.com@1.2.3.4:443", "net api.com@10.0.0.1:443", "net api.com@169.254.169.254:80", "net udp:1.1.1.1:53", "net icmp:1.1.1.1",
		"net listen:[::1]:80", "net listen:0.0.0.0:80", "net unix:@x", "net 0.0.0.0:80", "net localhost@127.0.0.1:80", "net api.com",
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf flag = { .data = NULL };
		const struct perm_query q = query(&a, rows[i]);
		char entry[128];

		perm_query_flag(&q, &flag);
		const char *value = strchr(flag.data, '=') + 1, *quoted = *value == '\'' ? value + 1 : value;
		(void)snprintf(entry, sizeof(entry), "allow net %.*s", (int)strcspn(quoted, "'"), quoted);
		assert_true(is_allowed(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS(entry))), &q));
	}
}

static void risks(void **state)
{
	static const struct { const char *query, *what; } rows[] = {
		{ "read /home/u/.ssh/id_ed25519", "SSH keys" }, { "read /root/.ssh", "SSH keys" }, { "write /.ssh/x", "SSH keys" },
		{ "read /home/u/.sshx", NULL }, { "read /home/u/x.ssh/y", NULL }, { "read /etc/ssh/ssh_host_rsa_key", "the machine's SSH keys" },
		{ "read /etc/ssh/sshd_config", NULL }, { "read /x/etc/shadow", NULL }, { "read /etc/shadow-", "password hashes" },
		{ "read /home/u/.config/gcloud/x/y", "credentials of Google Cloud" }, { "read /home/u/.config", NULL },
		{ "read /home/u/.docker/config.json", "credentials of registries" }, { "read /home/u/.docker/x", NULL },
		{ "read /run/docker.sock", "a container engine: who reaches it is root" },
		{ "net unix:/run/docker.sock", "a container engine: who reaches it is root" },
		{ "net unix:@docker.sock", NULL }, { "read /proc/12/environ", "the variables of a process, secrets among them" },
		{ "read /proc/12/maps", NULL }, { "read /proc/12/task/13/mem", "the memory of a process" }, { "run /root/.ssh/x", NULL },
		{ "net x.org@169.254.169.254:80", "credentials of the machine, from its cloud" },
		{ "net metadata.google.internal", "credentials of the machine, from its cloud" }, { "net 10.0.0.1:1", NULL },
		{ "env GITHUB_TOKEN", "a token, by its name" }, { "env PATH", NULL }, { "env LD_PRELOAD", "code loaded into every program" },
		{ "read everything", NULL }, { "read /", NULL }, { "sys uid", NULL },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct perm_query q = query(&a, rows[i].query);
		const char *got = perm_query_risk(&q);

		if (!got != !rows[i].what || (got && strcmp(got, rows[i].what) != 0))
			fail_msg("%s: %s", rows[i].query, got ? got : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_variables_programs),
		cmocka_unit_test(globs),
		cmocka_unit_test(what_config_json_grants_is_allowed),
		cmocka_unit_test(names_reach_public_addresses),
		cmocka_unit_test(classes_and_everything),
		cmocka_unit_test(this_machine),
		cmocka_unit_test(an_intersection_is_what_both_allow),
		cmocka_unit_test(tightening_never_widens),
		cmocka_unit_test(decisions_are_as_naive_ones),
		cmocka_unit_test(paths_below),
		cmocka_unit_test(flags),
		cmocka_unit_test(flags_do_what_they_say),
		cmocka_unit_test(risks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
