/* SPDX-License-Identifier: Apache-2.0
 * test_perm_save.c - a set as a document and back: nothing gets lost, and nothing else is read; a set as it is shown.
 *
 * WRAP: calloc realloc
 */
#include "tests/unit/perm_test.h"

#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(void *, realloc, (void *p, size_t size), (p, size), NULL)

static const struct permissions *load(struct ps_arena *a, const struct ps_buf *text)
{
	const struct permissions *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	assert_false(text->failed);
	if (permissions_load(a, "permissions.json", text->data, text->len, &p, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return p;
}

/* A set with everything that a set can have. */
static const struct permissions *full_set(struct ps_arena *arena)
{
	static const struct spec_kv env[] = { { "HOME", "/h", "policy.json:3" }, { "X", "", NULL } };
	static const char *const only[] = { "/usr/bin/git", "\xff", NULL };
	static const struct perm_secret secrets[] = { { "T", "file:/t", { only, 2 }, "policy.json:4" }, { "U", "env:U", { NULL, 0 }, NULL } };
	struct ps_arena a = *arena;
	struct perm_layer *l = POLICY_FILE(
		"allow read /a\xff/b?", "deny read everything", "ignore read /i", "warn read /w", "allow run /bin/sh", "allow net a.com:443",
		"allow net *.b.com:1-5|9", "allow net public:*.c.com", "allow net private", "deny net metadata", "allow net [2600::]/16:7",
		"allow net udp:1.2.3.4", "allow net unix:/run/x", "allow net vsock:3:*", "deny net public", "allow env PATH", "allow sys uid implied");
	struct perm_settings *s = &l->settings;
	const struct permissions *p;

	s->mode.set = true;
	s->mode.v = PERM_AUDIT;
	s->mode.from = "policy.json:2";
	s->best_effort = s->jit = (struct opt_bool){ true, true };
	s->undo = s->no_prompt = (struct opt_bool){ true, false };
	s->env_set = (struct spec_kvs){ env, 2 };
	s->secrets = secrets;
	s->n_secrets = 2;
	s->memory = (struct perm_limit){ true, UINT64_MAX, "policy.json:5" };
	s->pids = s->cpu = s->wall_ms = s->output = (struct perm_limit){ true, 1, "policy.json:6" };
	s->disk = (struct perm_limit){ true, 0, NULL };
	s->audit.set = true;
	s->audit.allowed = 5;
	s->audit.denied = 0x7f;
	s->audit.batch_ms = (struct opt_u64){ true, 250 };
	s->audit.broadcast_ms = (struct opt_u64){ true, 0 };
	s->name = "n\n\"\\";
	s->description = "d\xc3\xa4";
	p = perm_merge_with(&a, NO_CONTEXT, LAYERS(l, ANNOTATIONS("allow ffi /x")));
	*arena = a;
	return p;
}

static void a_set_survives(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct permissions *p = full_set(&a), *q;
	ps_auto_buf struct ps_buf first = { .data = NULL }, second = { .data = NULL }, dump = { .data = NULL };

	(void)state;
	permissions_save(p, &first);
	q = load(&a, &first);
	permissions_save(q, &second);
	assert_string_equal(second.data, first.data);
	perm_dump(&dump, p);
	perm_assert_set(q, dump.data);
	for (size_t i = 0; i < p->of[POLICY_NET].allow.n; i++) {
		const struct perm_entry *x = &p->of[POLICY_NET].allow.v[i], *y = &q->of[POLICY_NET].allow.v[i];

		assert_true(net_pattern_contains(&x->net, &y->net) && net_pattern_contains(&y->net, &x->net));
		assert_int_equal(x->net.what, y->net.what);
		assert_int_equal(x->net.host, y->net.host);
		assert_int_equal(x->net.public_only, y->net.public_only);
	}
	assert_string_equal(q->of[POLICY_READ].allow.v[0].value, "/a\xff/b");
	assert_true(q->of[POLICY_READ].allow.v[0].optional);
	assert_null(q->of[POLICY_READ].deny.v[0].value);
	assert_int_equal(q->settings.mode.v, PERM_AUDIT);
	assert_true(q->settings.memory.v == UINT64_MAX && q->settings.disk.set && q->settings.disk.v == 0);
	assert_true(q->settings.undo.set && !q->settings.undo.v);
	assert_string_equal(q->settings.secrets[0].only.v[1], "\xff");
	assert_null(q->settings.secrets[0].only.v[2]);
	assert_string_equal(q->settings.env_set.v[1].value, "");
	assert_string_equal(q->settings.name, "n\n\"\\");
	assert_int_equal(q->settings.audit.batch_ms.v, 250);
	assert_true(q->settings.audit.broadcast_ms.set);
	assert_int_equal(q->notes.n, p->notes.n);
}

static void the_smallest(void **state)
{
	static const char text[] = "{\"podshimPermissions\":1,\"permissions\":{\"read\":{\"byConfig\":true},\"write\":{\"byConfig\":true},"
				   "\"net\":{\"byConfig\":true},\"env\":{\"byConfig\":true},\"run\":{\"byConfig\":true},\"ffi\":{\"byConfig\":true},"
				   "\"sys\":{\"byConfig\":true}},\"settings\":{}}\n";
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	permissions_save(perm_merge_with(&a, NO_CONTEXT, (const struct perm_layer *const[]){ NULL }), &b);
	assert_string_equal(b.data, text);
	perm_assert_set(load(&a, &b), "inactive\n");
}

static void assert_refused(const char *text, const char *where, const char *msg)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	char *copy = ps_arena_strdup(&a, text);
	const struct permissions *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (permissions_load(&a, "p", copy, strlen(copy), &p, &e) == 0)
		fail_msg("%s is taken", text);
	assert_null(p);
	assert_string_equal(e.msg, msg);
	assert_string_equal(e.where, where);
	assert_int_equal(e.cls, PS_E_CONFIG);
}

#define REST(read) "{'podshimPermissions':1,'permissions':{'read':" read ",'write':{},'net':{},'env':{},'run':{},'ffi':{},'sys':{}}}"
#define NET(net) "{'podshimPermissions':1,'permissions':{'read':{},'write':{},'net':{'deny':[{'value':'x','from':'y'" net "}]},'env':{},'run':{},'ffi':{},'sys':{}}}"
#define SETTINGS(s) "{'podshimPermissions':1,'settings':" s ",'permissions':{'read':{},'write':{},'net':{},'env':{},'run':{},'ffi':{},'sys':{}}}"

static void anything_else_is_refused(void **state)
{
	static const struct { const char *text, *where, *msg; } rows[] = {
		{ "{}", "p", "has no \"podshimPermissions\": it is no set of permissions" },
		{ "[]", "p", "has no \"podshimPermissions\": it is no set of permissions" },
		{ "{'podshimPermissions':2}", "p: /podshimPermissions", "is a version that this podshim does not know (it knows 1)" },
		{ "{'podshimPermissions':1}", "p", "has no \"permissions\"" },
		{ "{'podshimPermissions':1,'permissions':[]}", "p: /permissions", "is array, must be an object of all permissions" },
		{ "{'podshimPermissions':1,'permissions':{'read':{}}}", "p: /permissions", "is object, must be an object of all permissions" },
		{ "{'podshimPermissions':1,'permissions':{'read':{},'write':{},'net':{},'env':{},'run':{},'ffi':{},'foo':{}}}", "p: /permissions",
		  "has no \"sys\"" },
		{ REST("7"), "p: /permissions/read", "is integer, must be an object" },
		{ REST("{'byConfig':1}"), "p: /permissions/read/byConfig", "is integer, must be true or false" },
		{ REST("{'nope':1}"), "p: /permissions/read/nope", "is no member that this version knows" },
		{ REST("{'allow':{}}"), "p: /permissions/read/allow", "is object, must be a list" },
		{ REST("{'allow':['/a']}"), "p: /permissions/read/allow/0", "is string, must be an object" },
		{ REST("{'allow':[{'value':'/a'}]}"), "p: /permissions/read/allow/0", "has no \"from\"" },
		{ REST("{'allow':[{'value':'a','from':'x'}]}"), "p: /permissions/read/allow/0", "has a value that is no absolute path" },
		{ REST("{'allow':[{'value':1,'from':'x'}]}"), "p: /permissions/read/allow/0/value", "is integer, must be a string" },
		{ REST("{'allow':[{'value':{'hex':'2'},'from':'x'}]}"), "p: /permissions/read/allow/0/value/hex",
		  "is string, must be pairs of hexadecimal digits" },
		{ REST("{'allow':[{'value':{'hex':'2F'},'from':'x'}]}"), "p: /permissions/read/allow/0/value/hex",
		  "is string, must be pairs of hexadecimal digits" },
		{ REST("{'allow':[{'value':{'hex':'2f00'},'from':'x'}]}"), "p: /permissions/read/allow/0/value/hex", "has a byte 0" },
		{ REST("{'allow':[{'value':'/a','from':'x','net':{}}]}"), "p: /permissions/read/allow/0", "has a member \"net\" that it cannot have" },
		{ NET(""), "p: /permissions/net/deny/0", "has no member \"net\"" },
		{ NET(",'net':{}"), "p: /permissions/net/deny/0/net", "is no net entry" },
		{ NET(",'net':{'what':1}"), "p: /permissions/net/deny/0/net", "is no net entry" },
		{ NET(",'net':{'what':16,'host':'any'}"), "p: /permissions/net/deny/0/net", "is no net entry" },
		{ NET(",'net':{'what':1,'host':'name'}"), "p: /permissions/net/deny/0/net", "is no net entry" },
		{ NET(",'net':{'what':1,'host':'address','bits':129}"), "p: /permissions/net/deny/0/net", "is no net entry" },
		{ NET(",'net':{'what':1,'host':'nowhere'}"), "p: /permissions/net/deny/0/net/host", "is no kind of host" },
		{ NET(",'net':{'what':1,'host':'address','addr':'00'}"), "p: /permissions/net/deny/0/net/addr", "is string, must be an address of 16 bytes" },
		{ NET(",'net':{'what':1,'host':'any','ports':[1]}"), "p: /permissions/net/deny/0/net/ports", "is array, must be pairs of ports" },
		{ NET(",'net':{'what':1,'host':'any','ports':[2,1]}"), "p: /permissions/net/deny/0/net/ports/0", "is not in order" },
		{ NET(",'net':{'what':1,'host':'any','ports':[1,4,3,5]}"), "p: /permissions/net/deny/0/net/ports/2", "is not in order" },
		{ NET(",'net':{'what':1,'host':'any','ports':[1,65536]}"), "p: /permissions/net/deny/0/net/ports/1", "is out of range" },
		{ NET(",'net':{'what':-1,'host':'any'}"), "p: /permissions/net/deny/0/net/what", "is integer, must be a number from 0" },
		{ SETTINGS("{'mode':{'is':'x'}}"), "p: /settings/mode", "is no mode" },
		{ SETTINGS("{'memory':{}}"), "p: /settings/memory", "has no \"is\"" },
		{ SETTINGS("{'memory':{'is':1,'more':1}}"), "p: /settings/memory/more", "is no member that this version knows" },
		{ SETTINGS("{'env':[{'name':'x'}]}"), "p: /settings/env/0", "is no variable" },
		{ SETTINGS("{'secrets':[{'name':'x'}]}"), "p: /settings/secrets/0", "is no secret" },
		{ SETTINGS("{'foo':1}"), "p: /settings/foo", "is no member that this version knows" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_refused(rows[i].text, rows[i].where, rows[i].msg);
}

static const struct permissions *shown_set(struct ps_arena *arena)
{
	static const struct spec_kv env[] = { { "HOME", "/h", "policy.json:3" } };
	static const char *const only[] = { "/usr/bin/git", "/bin/x", NULL };
	static const struct perm_secret secrets[] = { { "T", "file:/t", { only, 2 }, "policy.json:4" } };
	struct ps_arena a = *arena;
	struct perm_layer *l = POLICY_FILE("allow read /data/\033[2J", "allow read /x?", "deny read /data/x", "warn net *:80", "allow sys everything",
					   "allow run /bin/sh");
	struct perm_settings *s = &l->settings;
	const struct permissions *p;

	s->name = "n";
	s->description = "d\n";
	s->mode.set = true;
	s->mode.v = PERM_AUDIT;
	s->mode.from = "policy.json:2";
	s->jit = (struct opt_bool){ true, true };
	s->best_effort = (struct opt_bool){ true, false };
	s->memory = (struct perm_limit){ true, 512 << 20, "--memory" };
	s->cpu = (struct perm_limit){ true, 1500, NULL };
	s->pids = (struct perm_limit){ true, 64, "--pids" };
	s->wall_ms = (struct perm_limit){ true, 60000, "--timeout" };
	s->output = (struct perm_limit){ true, 1000, "x" };
	s->audit.set = true;
	s->audit.allowed = 1U << POLICY_NET | 1U << POLICY_RUN;
	s->audit.denied = 0x7f;
	s->env_set = (struct spec_kvs){ env, 1 };
	s->secrets = secrets;
	s->n_secrets = 1;
	p = perm_merge_with(&a, NO_CONTEXT, LAYERS(l));
	*arena = a;
	return p;
}

static void a_set_is_shown(void **state)
{
	static const char text[] =
		"Policy n.\n"
		"What is not allowed here is denied.\n"
		"\n"
		"WHAT   ACTION  VALUE                    ORIGIN                   ENFORCED BY\n"
		"read   allow   /data/\\u{1b}[2J          policy.json:1            mounts, masks, Landlock\n"
		"       allow   /x?                      policy.json:2\n"
		"       deny    /data/x                  policy.json:3            mounts, masks, Landlock\n"
		"write  allow   nothing                                           read-only mounts, Landlock\n"
		"       deny    /bin/sh                  policy.json:6 (implied)  read-only mounts, Landlock\n"
		"net    allow   *:80                     policy.json:4            network namespace, seccomp, supervisor\n"
		"       warn    *:80                     policy.json:4            audit\n"
		"env    allow   HOME                     policy.json:3 (implied)  the environment that is handed over\n"
		"       allow   T                        policy.json:4 (implied)\n"
		"run    allow   /bin/sh                  policy.json:6            noexec mounts, Landlock\n"
		"ffi    allow   nothing                                           noexec mounts, no writable code\n"
		"sys    allow   everything               policy.json:5            namespaces, private procfs, seccomp\n"
		"\n"
		"mode         audit  (policy.json:2)\n"
		"best effort  no\n"
		"ffi.jit      yes\n"
		"memory       512M  (--memory)\n"
		"pids         64  (--pids)\n"
		"cpus         1.500\n"
		"time         60s  (--timeout)\n"
		"output       1000  (x)\n"
		"env set      HOME  (policy.json:3)\n"
		"secret       T from file:/t for /usr/bin/git, /bin/x  (policy.json:4)\n"
		"tell allowed net run\n"
		"tell denied  all\n";
	static const char narrow[] =
		"What is not listed here is as config.json grants it.\n"
		"\n"
		"WHAT   ACTION  VALUE                    ORIGIN        ENFORCED BY\n"
		"read   within  what config.json grants  config.json   mounts, masks, Landlock\n"
		"       allow   /a                       annotation:1\n"
		"write  allow   what config.json grants  config.json   read-only mounts, Landlock\n"
		"       deny    /a                       annotation:2  read-only mounts, Landlock\n"
		"net    allow   what config.json grants  config.json\n"
		"env    allow   what config.json grants  config.json\n"
		"run    allow   what config.json grants  config.json\n"
		"ffi    within  what config.json grants  config.json   noexec mounts, no writable code\n"
		"       allow   nothing\n"
		"sys    allow   what config.json grants  config.json\n"
		"\n"
		"note: read.allow \"/a\" (annotation:3) is there already (annotation:1)\n";
	static const char none[] =
		"Nobody limits anything: all is as config.json grants it.\n"
		"\n"
		"WHAT   ACTION  VALUE                    ORIGIN       ENFORCED BY\n"
		"read   allow   what config.json grants  config.json\n"
		"write  allow   what config.json grants  config.json\n"
		"net    allow   what config.json grants  config.json\n"
		"env    allow   what config.json grants  config.json\n"
		"run    allow   what config.json grants  config.json\n"
		"ffi    allow   what config.json grants  config.json\n"
		"sys    allow   what config.json grants  config.json\n";
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	(void)state;
	permissions_show(shown_set(&a), &out);
	assert_string_equal(out.data, text);
	ps_buf_reset(&out);
	permissions_show(perm_merge_with(&a, NO_CONTEXT, LAYERS(ANNOTATIONS("allow read /a", "deny write /a", "allow read /a", "none ffi"))), &out);
	assert_string_equal(out.data, narrow);
	ps_buf_reset(&out);
	permissions_show(perm_merge_with(&a, NO_CONTEXT, (const struct perm_layer *const[]){ NULL }), &out);
	assert_string_equal(out.data, none);
}

static void a_set_is_shown_as_json(void **state)
{
	static const char *const members[] = {
		"\"name\": \"n\"", "\"description\": \"d\\n\"", "\"denyByDefault\": true", "\"allowed\": \"listed\"", "\"allowed\": \"everything\"",
		"\"value\": \"/data/\\u001b[2J\"", "\"optional\": true", "\"implied\": true", "\"from\": \"policy.json:6\"", "\"value\": null",
		"\"enforcedBy\": \"mounts, masks, Landlock\"", "\"mode\": \"audit\"", "\"thousandths\": 1500", "\"value\": 536870912",
		"\"name\": \"HOME\"", "\"source\": \"file:/t\"", "\"jit\": true", "\"enforcement\": \"strict\"", "\"notes\": []",
	};
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	struct json *root;

	(void)state;
	permissions_show_json(shown_set(&a), &out);
	for (size_t i = 0; i < PS_COUNT(members); i++)
		if (!strstr(out.data, members[i]))
			fail_msg("no %s in %s", members[i], out.data);
	assert_int_equal(json_parse(&a, "show", out.data, out.len, &root, &e), 0);
	assert_null(strstr(out.data, "/h"));
}

static void no_memory(void **state)
{
	ps_auto_arena struct ps_arena keep = { .head = NULL };
	const struct permissions *full = full_set(&keep);
	ps_auto_buf struct ps_buf text = { .data = NULL };
	int n;

	(void)state;
	permissions_save(full, &text);
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_buf struct ps_buf b = { .data = NULL };

		permissions_save(full, &b);
		if (!fault_disarm())
			break;
		assert_true(b.failed);
	}
	assert_true(n > 3);
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct permissions *p = NULL;
		struct ps_err e = { .cls = PS_OK };
		int r = permissions_load(&a, "permissions.json", text.data, text.len, &p, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(p);
	}
	assert_true(n > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_survives),
		cmocka_unit_test(the_smallest),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_set_is_shown),
		cmocka_unit_test(a_set_is_shown_as_json),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
