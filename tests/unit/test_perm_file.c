/* SPDX-License-Identifier: Apache-2.0
 * test_perm_file.c - policy files: every member, every mistake, what is extended, who may have written them.
 *
 * Documents are written with ' for ".
 *
 * WRAP: calloc open opendir fstat read
 */
#include "tests/unit/unit.h"

#include "shim/policy/perm_builder.h"
#include "tests/unit/fault.h"
#include "tests/unit/layer_test.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(int, open, (const char *p, int f, mode_t m), (p, f, m), -1)
FAULT_WRAP(DIR *, opendir, (const char *p), (p), NULL)
FAULT_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1)

static char dir[PATH_MAX];
static int dir_fd;

static int setup(void **state)
{
	(void)state;
	dir_fd = unit_mkdir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(dir, dir_fd);
	return 0;
}

static char *quotes(const char *text)
{
	char *s = strdup(text);

	assert_non_null(s);
	for (char *p = s; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return s;
}

static void put(const char *name, const char *text)
{
	char *s = quotes(text);

	unit_write(dir_fd, name, s);
	free(s);
}

static int of_text(struct ps_arena *a, const char *text, const char *set, bool narrow, struct perm_layers *l, struct ps_err *e)
{
	char *s = quotes(text);
	int r = perm_layers_of_text(a, "p.json", s, strlen(s), set, PERM_LAUNCH, narrow, l, e);

	free(s);
	return r;
}

static int of_file(struct ps_arena *a, const char *name, const char *set, struct perm_layers *l, struct ps_err *e)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return perm_layers_of_file(a, path, set, PERM_FILE, l, e);
}

static void assert_layers(const struct perm_layers *l, const char *want)
{
	ps_auto_buf struct ps_buf got = { .data = NULL };

	perm_describe_all(l, &got);
	assert_string_equal(got.data ? got.data : "", want);
}

/* The text, with the folder of the files as DIR. */
static void assert_error(const struct ps_err *e, const char *want)
{
	char text[1024], shown[1024] = "", *at;
	const char *p = ps_err_text(e, text, sizeof(text));

	while (*dir && (at = strstr(p, dir))) {
		(void)snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%.*sDIR", (int)(at - p), p);
		p = at + strlen(dir);
	}
	(void)snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s", p);
	assert_string_equal(shown, want);
}

static const struct { const char *text, *want; } valid[] = {
	{ "{}", "" },
	{ "{'podshimPolicy':1,'$schema':'https://x','name':'n','description':'d'}", "" },
	{ "{'permissions':{}}", "" },
	{ "{'permissions':{'read':true}}", " allow-read" },
	{ "{'permissions':{'read':false}}", " allow-read=" },
	{ "{'permissions':{'read':[]}}", " allow-read=" },
	{ "{'permissions':{'read':['/a,b','+/c','/d/','/e?']}}", " allow-read=/a,b allow-read=+/c allow-read=/d allow-read=/e?" },
	{ "{'permissions':{'write':{'allow':['/d/'],'deny':['/d/x'],'warn':true}}}",
	  " allow-write=/d/ deny-write=/d/x warn-write" },
	{ "{'permissions':{'read':{'deny':true,'ignore':['/x']}}}", " deny-read ignore-read=/x" },
	{ "{'permissions':{'read':{'deny':false,'warn':false,'ignore':[]}}}", "" },
	{ "{'permissions':{'env':{'allow':true,'deny':['SECRET_*'],'ignore':false}}}", " allow-env deny-env=SECRET_*" },
	{ "{'permissions':{'net':['a.b:80|443','unix:/x'],'run':['git'],'ffi':false,'sys':['username']}}",
	  " allow-net=a.b:80|443 allow-net=unix:/x allow-run=git allow-sys=userInfo allow-ffi=" },
	{ "{'permissions':{'all':true,'net':{'deny':true}}}", " -A deny-net" },
	{ "{'permissions':{'all':false}}", "" },
	{ "{'permissions':{'write':{'undo':true}}}", "" },
	{ "{'permissionSets':{'a':{'read':true}},'permissions':{'net':true}}", " allow-net" },
	{ "{'extends':'builtin:no-network'}", " deny-net |" },
	{ "{'extends':['builtin:no-network','builtin:no-network'],'permissions':{'net':true}}", " deny-net | deny-net | allow-net" },
	{ "{'limits':{},'audit':{}}", "" },
};

static void every_form(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(valid); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		if (of_text(&a, valid[i].text, NULL, false, &l, &e) < 0)
			fail_msg("%s: %s", valid[i].text, e.msg);
		assert_layers(&l, valid[i].want);
	}
}

static void every_setting(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	assert_int_equal(of_text(&a,
		"{'podshimPolicy':1,'name':'n','description':'d','mode':'learn','enforcement':'best-effort','permissions':{"
		"'write':{'undo':true},'ffi':{'jit':false},'env':{'set':{'HOME':'/work','A':''},"
		"'secrets':{'T':{'from':'file:/run/s','only':['/usr/bin/git']},'U':{'from':'env:V'}}}},"
		"'limits':{'memory':'512M','pids':64,'cpu':'1.5','wall':'60s','output':8192,'disk':'1.5G'},"
		"'audit':{'allowed':['net','run'],'denied':'none','batchMs':250,'broadcastMs':200}}", NULL, false, &l, &e), 0);
	assert_int_equal(l.n, 1);
	const struct perm_settings *s = &l.v[0]->settings;
	assert_string_equal(s->name, "n");
	assert_string_equal(s->description, "d");
	assert_true(s->mode.set && s->mode.v == PERM_LEARN);
	assert_string_equal(s->mode.from, "p.json#/mode");
	assert_true(s->best_effort.set && s->best_effort.v && s->undo.set && s->undo.v && s->jit.set && !s->jit.v);
	assert_int_equal(s->env_set.n, 2);
	assert_string_equal(s->env_set.v[0].key, "HOME");
	assert_string_equal(s->env_set.v[0].value, "/work");
	assert_string_equal(s->env_set.v[0].at, "p.json#/permissions/env/set/HOME");
	assert_int_equal(s->n_secrets, 2);
	assert_string_equal(s->secrets[0].name, "T");
	assert_string_equal(s->secrets[0].source, "file:/run/s");
	assert_string_equal(s->secrets[0].only.v[0], "/usr/bin/git");
	assert_null(s->secrets[0].only.v[1]);
	assert_string_equal(s->secrets[1].from, "p.json#/permissions/env/secrets/U");
	assert_int_equal(s->memory.v, 512 << 20);
	assert_string_equal(s->memory.from, "p.json#/limits/memory");
	assert_int_equal(s->pids.v, 64);
	assert_int_equal(s->cpu.v, 1500);
	assert_int_equal(s->wall_ms.v, 60000);
	assert_int_equal(s->output.v, 8192);
	assert_int_equal(s->disk.v, UINT64_C(3) << 29);
	assert_true(s->audit.set);
	assert_int_equal(s->audit.allowed, 1U << POLICY_NET | 1U << POLICY_RUN);
	assert_int_equal(s->audit.denied, 0);
	assert_int_equal(s->audit.batch_ms.v, 250);
	assert_int_equal(s->audit.broadcast_ms.v, 200);
	assert_false(s->annotations_may_grant);
}

static const struct { const char *text; uint64_t cpu, wall; unsigned allowed, denied; } numbers[] = {
	{ "{'limits':{'cpu':2,'wall':60}}", 2000, 60000, 0, 0 },
	{ "{'limits':{'cpu':0.25,'wall':'500ms'}}", 250, 500, 0, 0 },
	{ "{'audit':{'allowed':'all'}}", 0, 0, 127, 127 },
	{ "{'audit':{'allowed':true,'denied':['sys']}}", 0, 0, 127, 64 },
	{ "{'audit':{'allowed':[],'denied':false}}", 0, 0, 0, 0 },
};

static void numbers_and_audit(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(numbers); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(of_text(&a, numbers[i].text, NULL, false, &l, &e), 0);
		assert_int_equal(l.v[0]->settings.cpu.v, numbers[i].cpu);
		assert_int_equal(l.v[0]->settings.wall_ms.v, numbers[i].wall);
		assert_int_equal(l.v[0]->settings.audit.allowed, numbers[i].allowed);
		assert_int_equal(l.v[0]->settings.audit.denied, numbers[i].denied);
	}
}

#define READ(what) "{'permissions':{'read':" what "}}"
#define ENV(what) "{'permissions':{'env':{" what "}}}"
#define SIZES "a size in bytes, as in 4096, \"512M\" or \"1.5G\""
static const struct { const char *text, *want; } broken[] = {
	{ "[]", "p.json: expected an object, found array" },
	{ "{'podshimPolicy':2}", "p.json: /podshimPolicy: expected 1, the version of policies that is known here" },
	{ "{'podshimPolicy':'1'}", "p.json: /podshimPolicy: expected 1, the version of policies that is known here" },
	{ "{'permission':{}}", "p.json: /permission: unknown member 'permission' (did you mean 'permissions'?)" },
	{ "{'x':{}}", "p.json: /x: unknown member 'x'" },
	{ "{'name':1}", "p.json: /name: expected a string, found integer" },
	{ "{'name':'a\\nb'}", "p.json: /name: 'a' goes on with a control character" },
	{ "{'mode':'strict'}", "p.json: /mode: 'strict' is no mode: there are enforce, ask, learn and audit" },
	{ "{'mode':1}", "p.json: /mode: expected a string, found integer" },
	{ "{'enforcement':'lax'}", "p.json: /enforcement: 'lax' is neither strict nor best-effort" },
	{ "{'enforcement':true}", "p.json: /enforcement: expected a string, found boolean" },
	{ "{'annotationsMayGrant':true}", "p.json: /annotationsMayGrant: only the ceiling can say this" },
	{ "{'permissions':[]}", "p.json: /permissions: expected an object, found array" },
	{ "{'permissions':{'reed':true}}", "p.json: /permissions/reed: unknown member 'reed' (did you mean 'read'?)" },
	{ "{'permissions':{'import':true}}",
	  "p.json: /permissions/import: there is no permission to import: what a program loads is in net, read and ffi" },
	{ "{'permissions':{'all':1}}", "p.json: /permissions/all: expected true or false, found integer" },
	{ "{'permissions':{'all':true,'read':[]}}",
	  "p.json: p.json#/permissions/all conflicts with p.json#/permissions/read: leave one of them out" },
	{ READ("'/a'"), "p.json: /permissions/read: expected true, false or a list, found a string: write [\"/a\"]" },
	{ READ("null"), "p.json: /permissions/read: expected true, false or a list, found null" },
	{ READ("1"), "p.json: /permissions/read: expected true, false or a list, found integer" },
	{ READ("[1]"), "p.json: /permissions/read/0: expected a string, found integer" },
	{ READ("[['/a']]"), "p.json: /permissions/read/0: expected a string, found array" },
	{ READ("['/a','']"), "p.json: /permissions/read/1: an empty item: write ',,' for a comma in a value" },
	{ READ("['/a\\u0007']"), "p.json: /permissions/read/0: '/a' goes on with a control character" },
	{ READ("{'alow':[]}"), "p.json: /permissions/read/alow: unknown member 'alow' (did you mean 'allow'?)" },
	{ READ("{'undo':true}"), "p.json: /permissions/read/undo: unknown member 'undo'" },
	{ READ("{'allow':{}}"), "p.json: /permissions/read/allow: expected true, false or a list, found object" },
	{ "{'permissions':{'write':{'ignore':[]}}}", "p.json: /permissions/write/ignore: unknown member 'ignore'" },
	{ "{'permissions':{'write':{'undo':'x'}}}", "p.json: /permissions/write/undo: expected true or false, found string" },
	{ "{'permissions':{'net':['http://x']}}",
	  "p.json: /permissions/net/0: 'http://x' is a URL: write the host alone, such as x" },
	{ "{'permissions':{'sys':{'deny':['cpu']}}}",
	  "p.json: /permissions/sys/deny/0: 'cpu' is nothing that sys knows (did you mean 'cpus'?)" },
	{ ENV("'set':[]"), "p.json: /permissions/env/set: expected an object of variables, found array" },
	{ ENV("'set':{'A':1}"), "p.json: /permissions/env/set/A: expected a string, found integer" },
	{ ENV("'set':{'':'x'}"), "p.json: /permissions/env/set/: an empty name of a variable" },
	{ ENV("'set':{'A=B':'x'}"), "p.json: /permissions/env/set/A=B: 'A=B' has a '=': write the name of the variable alone" },
	{ ENV("'secrets':1"), "p.json: /permissions/env/secrets: expected an object of secrets, found integer" },
	{ ENV("'secrets':{'T':'x'}"), "p.json: /permissions/env/secrets/T: expected an object, found string" },
	{ ENV("'secrets':{'T':{}}"), "p.json: /permissions/env/secrets/T: has no 'from': file:/PATH or env:NAME" },
	{ ENV("'secrets':{'T':{'from':'x'}}"), "p.json: /permissions/env/secrets/T/from: must be file:/PATH or env:NAME, not 'x'" },
	{ ENV("'secrets':{'T':{'from':'file:x'}}"),
	  "p.json: /permissions/env/secrets/T/from: must be file:/PATH or env:NAME, not 'file:x'" },
	{ ENV("'secrets':{'T':{'from':'env:A=B'}}"),
	  "p.json: /permissions/env/secrets/T/from: 'A=B' has a '=': write the name of the variable alone" },
	{ ENV("'secrets':{'T':{'from':'env:A','only':'x'}}"),
	  "p.json: /permissions/env/secrets/T/only: expected a list of programs, found string" },
	{ ENV("'secrets':{'T':{'from':'env:A','only':['git']}}"),
	  "p.json: /permissions/env/secrets/T/only/0: must be an absolute path, not 'git'" },
	{ ENV("'secrets':{'T':{'form':'env:A'}}"),
	  "p.json: /permissions/env/secrets/T/form: unknown member 'form' (did you mean 'from'?)" },
	{ "{'limits':{'memory':'lots'}}", "p.json: /limits/memory: expected " SIZES },
	{ "{'limits':{'memory':-1}}", "p.json: /limits/memory: expected " SIZES },
	{ "{'limits':{'disk':1.5}}", "p.json: /limits/disk: expected " SIZES },
	{ "{'limits':{'output':true}}", "p.json: /limits/output: expected " SIZES },
	{ "{'limits':{'memory':0}}", "p.json: /limits/memory: must be more than 0" },
	{ "{'limits':{'wall':'0s'}}", "p.json: /limits/wall: must be more than 0" },
	{ "{'limits':{'wall':9223372036854775807}}",
	  "p.json: /limits/wall: expected a duration, as in \"60s\", \"500ms\" or \"2h\"; without a unit: seconds" },
	{ "{'limits':{'pids':'many'}}", "p.json: /limits/pids: expected a number of processes, as in 64" },
	{ "{'limits':{'cpu':-1.5}}", "p.json: /limits/cpu: expected a number of CPUs, as in 2 or \"1.5\"" },
	{ "{'limits':{'cpu':'0'}}", "p.json: /limits/cpu: expected a number of CPUs, as in 2 or \"1.5\"" },
	{ "{'limits':{'cpus':1}}", "p.json: /limits/cpus: unknown member 'cpus' (did you mean 'cpu'?)" },
	{ "{'audit':{'allowed':'some'}}", "p.json: /audit/allowed: expected \"all\", \"none\" or a list of permissions, found string" },
	{ "{'audit':{'allowed':['files']}}",
	  "p.json: /audit/allowed/0: 'files' is no permission: there are read, write, net, env, run, ffi and sys" },
	{ "{'audit':{'denied':[1]}}", "p.json: /audit/denied/0: expected the name of a permission, found integer" },
	{ "{'audit':{'batchMs':0}}", "p.json: /audit/batchMs: expected milliseconds, 1 to 60000" },
	{ "{'audit':{'broadcastMs':'1s'}}", "p.json: /audit/broadcastMs: expected milliseconds, 1 to 60000" },
	{ "{'extends':1}", "p.json: /extends: expected the name of a policy, as in \"builtin:base-linux\"" },
	{ "{'extends':['']}", "p.json: /extends/0: expected the name of a policy, as in \"builtin:base-linux\"" },
	{ "{'extends':['builtin:pyton']}",
	  "p.json: /extends/0: there is no policy 'builtin:pyton' (did you mean 'builtin:python'?)" },
	{ "{'extends':['builtin:../x']}", "p.json: /extends/0: there is no policy 'builtin:../x'" },
	{ "{'extends':'other.json'}",
	  "p.json: /extends: 'other.json' is a relative path, and this policy is in no directory" },
	{ "{'extends':'/does/not/exist'}", "p.json: /extends: there is no policy '/does/not/exist'" },
	{ "{'extends':'/dev/null'}", "p.json: /extends: '/dev/null' is no regular file" },
	{ "{'permissionSets':1}", "p.json: /permissionSets: there are permission sets alone: name one of them" },
	{ "{'permissionSets':1,'permissions':{}}", "p.json: /permissionSets: expected an object of permission sets, found integer" },
	{ "{'permissionSets':{'a':1},'permissions':{}}", "p.json: /permissionSets/a: expected an object, found integer" },
	{ "{'permissionSets':{'a':{'x':1}},'permissions':{}}", "p.json: /permissionSets/a/x: unknown member 'x'" },
	{ "{'permissions':{},'permissions':{}}", NULL },
	{ "{'name':'a'", NULL },
	{ "/* */{}", NULL },
};

static void every_mistake(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(broken); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 3 };
		struct ps_err e = { .cls = PS_OK };

		if (of_text(&a, broken[i].text, NULL, false, &l, &e) == 0)
			fail_msg("accepted: %s", broken[i].text);
		assert_int_equal(l.n, 3);
		if (broken[i].want)
			assert_error(&e, broken[i].want);
		if (e.cls != PS_E_CONFIG && e.cls != PS_E_NOTFOUND)
			fail_msg("%s: of class %d", broken[i].text, (int)e.cls);
	}
}

#define OPERATOR ": only the operator can say this, an annotation cannot"
static const struct { const char *text, *want; } hostile[] = {
	{ "{'mode':'learn'}", "p.json: /mode" OPERATOR },
	{ "{'enforcement':'best-effort'}", "p.json: /enforcement" OPERATOR },
	{ "{'extends':'builtin:shell'}", "p.json: /extends" OPERATOR },
	{ "{'permissionSets':{}}", "p.json: /permissionSets" OPERATOR },
	{ "{'audit':{}}", "p.json: /audit" OPERATOR },
	{ "{'annotationsMayGrant':true}", "p.json: /annotationsMayGrant" OPERATOR },
	{ "{'permissions':{'all':true}}", "p.json: /permissions/all" OPERATOR },
	{ "{'permissions':{'env':{'set':{}}}}", "p.json: /permissions/env/set" OPERATOR },
	{ "{'permissions':{'env':{'secrets':{}}}}", "p.json: /permissions/env/secrets" OPERATOR },
	{ "{'permissions':{'ffi':{'jit':true}}}", "p.json: /permissions/ffi/jit" OPERATOR },
	{ "{'permissions':{'write':{'undo':true}}}", "p.json: /permissions/write/undo" OPERATOR },
};

static void an_annotation_narrows_alone(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	for (size_t i = 0; i < PS_COUNT(hostile); i++) {
		assert_int_equal(of_text(&a, hostile[i].text, NULL, true, &l, &e), -1);
		assert_error(&e, hostile[i].want);
	}
	assert_int_equal(of_text(&a, "{'permissions':{'net':false,'read':{'deny':['/x'],'ignore':['/y']}},'limits':{'pids':4}}",
				 NULL, true, &l, &e), 0);
	assert_layers(&l, " deny-read=/x ignore-read=/y allow-net=");
	assert_int_equal(l.v[0]->settings.pids.v, 4);
}

static void files_extend_files(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char text[PATH_MAX + 128], from[PATH_MAX + 64];
	(void)state;

	assert_int_equal(mkdirat(dir_fd, "sub", 0755), 0);
	put("a.json", "{'podshimPolicy':1,'extends':['sub/b.json','builtin:no-network'],'permissions':{'read':['/a']}}");
	put("sub/b.json", "{'podshimPolicy':1,'extends':['../c.json'],'permissions':{'read':['/b']}}");
	(void)snprintf(text, sizeof(text), "{'podshimPolicy':1,'extends':['%s/d.json'],'permissions':{'read':['/c']}}", dir);
	put("c.json", text);
	put("d.json", "{'podshimPolicy':1,'permissions':{'read':['/d']}}");
	if (of_file(&a, "a.json", NULL, &l, &e) < 0)
		fail_msg("%s", e.msg);
	assert_layers(&l, " allow-read=/d | allow-read=/c | allow-read=/b | deny-net | allow-read=/a");
	(void)snprintf(from, sizeof(from), "%s/a.json#/permissions/read/0", dir);
	assert_string_equal(l.v[4]->entries.v[0].from, from);
	assert_int_equal(l.v[0]->rank, PERM_FILE);
	assert_string_equal(l.v[3]->entries.v[0].from, "builtin:no-network#/permissions/net/deny");

	/* a mistake below says where it is, and how one came there */
	put("d.json", "{'podshimPolicy':1,'permissions':{'red':['/d']}}");
	assert_int_equal(of_file(&a, "a.json", NULL, &l, &e), -1);
	assert_int_equal(l.n, 5);
	assert_error(&e, "DIR/d.json: /permissions/red: extended by 'DIR/a.json': extended by 'DIR/sub/b.json': "
			 "extended by 'DIR/sub/../c.json': unknown member 'red' (did you mean 'read'?)");
}

static void circles_and_depth(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char name[32], text[128];
	(void)state;

	put("self.json", "{'podshimPolicy':1,'extends':'./self.json'}");
	assert_int_equal(of_file(&a, "self.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/self.json: /extends: 'DIR/./self.json' extends itself");
	put("x.json", "{'podshimPolicy':1,'extends':'y.json'}");
	put("y.json", "{'podshimPolicy':1,'extends':['z.json']}");
	assert_int_equal(symlinkat("x.json", dir_fd, "z.json"), 0);
	assert_int_equal(of_file(&a, "x.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/y.json: /extends/0: extended by 'DIR/x.json': 'DIR/z.json' extends itself");

	for (int i = 0; i <= 9; i++) {
		(void)snprintf(name, sizeof(name), "deep%d.json", i);
		(void)snprintf(text, sizeof(text), i < 9 ? "{'podshimPolicy':1,'extends':'deep%d.json'}" : "{'podshimPolicy':%d}",
			       i < 9 ? i + 1 : 1);
		put(name, text);
	}
	assert_int_equal(of_file(&a, "deep1.json", NULL, &l, &e), 0);
	assert_int_equal(l.n, 9);
	assert_int_equal(of_file(&a, "deep0.json", NULL, &l, &e), -1);
	assert_non_null(strstr(e.msg, "'deep9.json' would be more than 8 policies deep"));
	assert_int_equal(l.n, 9);

	l.n = PS_COUNT(l.v);
	assert_int_equal(of_file(&a, "deep9.json", NULL, &l, &e), -1);
	assert_non_null(strstr(e.msg, "deep9.json is one policy too many: 64 are the most"));
}

static void named_sets(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("sets.json", "{'podshimPolicy':1,'permissions':{'read':true},'permissionSets':{'build':{'net':true},'test':{'net':false}}}");
	assert_int_equal(of_file(&a, "sets.json", "test", &l, &e), 0);
	assert_layers(&l, " allow-read | allow-net=");
	assert_string_equal(strrchr(l.v[1]->name, '#'), "#test");
	l.n = 0;
	assert_int_equal(of_file(&a, "sets.json", NULL, &l, &e), 0);
	assert_layers(&l, " allow-read");
	assert_int_equal(of_file(&a, "sets.json", "tests", &l, &e), -1);
	assert_error(&e, "DIR/sets.json: has no permission set 'tests' (did you mean 'test'?)");
	put("none.json", "{'podshimPolicy':1}");
	assert_int_equal(of_file(&a, "none.json", "x", &l, &e), -1);
	assert_error(&e, "DIR/none.json: has no permission set 'x'");
	put("only.json", "{'podshimPolicy':1,'permissionSets':{'x':{}}}");
	assert_int_equal(of_file(&a, "only.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/only.json: /permissionSets: there are permission sets alone: name one of them");
	/* of what is extended, the set is not asked for */
	put("over.json", "{'podshimPolicy':1,'extends':'only.json','permissionSets':{'x':{'read':true}}}");
	l.n = 0;
	assert_int_equal(of_file(&a, "over.json", "x", &l, &e), 0);
	assert_layers(&l, " | | allow-read");
}

static void deno_json(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("deno.json", "{'tasks':{},'permissions':{'default':{'read':['./x'],'env':{'allow':true,'ignore':['A']},'import':['x.y']},"
			 "'wide':{'all':true}}}");
	assert_int_equal(of_file(&a, "deno.json", NULL, &l, &e), 0);
	assert_layers(&l, " allow-read=./x allow-env ignore-env=A");
	l.n = 0;
	assert_int_equal(of_file(&a, "deno.json", "wide", &l, &e), 0);
	assert_layers(&l, " -A");
	assert_int_equal(of_file(&a, "deno.json", "other", &l, &e), -1);
	assert_error(&e, "DIR/deno.json: has no permission set 'other'");
	put("deno.json", "{'tasks':{}}");
	assert_int_equal(of_file(&a, "deno.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/deno.json: has no permission set 'default'");
	put("other.json", "{'permissions':{'default':{}}}");
	assert_int_equal(of_file(&a, "other.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/other.json: is no policy: it has no \"podshimPolicy\": 1");
}

static void only_ours_count(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("p.json", "{'podshimPolicy':1}");
	assert_int_equal(fchmodat(dir_fd, "p.json", 0664, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/p.json' can be written by others than its owner: 'chmod go-w' it");
	assert_int_equal(fchmodat(dir_fd, "p.json", 0646, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
	assert_int_equal(fchmodat(dir_fd, "p.json", 0644, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(dir_fd, "p.json", 12345, 0, 0), 0);
		assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
		assert_error(&e, "'DIR/p.json' is owned by user 12345, who is neither root nor us");
	}
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(of_file(&a, "fifo", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/fifo' is no regular file");
	assert_int_equal(of_file(&a, ".", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/.' is no regular file");
	assert_int_equal(of_file(&a, "nothing", NULL, &l, &e), -1);
	assert_error(&e, "there is no policy 'DIR/nothing'");
	assert_int_equal(e.cls, PS_E_NOTFOUND);
}

static void too_large(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char *text = malloc((1 << 20) + 2);
	(void)state;

	assert_non_null(text);
	memset(text, ' ', (1 << 20) + 1);
	text[(1 << 20) + 1] = '\0';
	unit_write(dir_fd, "large.json", text);
	assert_int_equal(of_file(&a, "large.json", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/large.json' is larger than 1048576 bytes");
	assert_int_equal(perm_layers_of_text(&a, "p.json", text, (1 << 20) + 1, NULL, PERM_LAUNCH, false, &l, &e), -1);
	assert_error(&e, "p.json is larger than 1048576 bytes");
	free(text);
}

static void the_system(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX + 16];
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(mkdirat(dir_fd, "policy.d", 0755), 0);
	put("policy.d/20.json", "{'podshimPolicy':1,'permissions':{'net':true}}");
	put("policy.d/10.json", "{'podshimPolicy':1,'permissions':{'read':true}}");
	put("policy.d/.30.json", "no");
	put("policy.d/README", "no");
	put("policy.d/30.json~", "no");
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), 0);
	assert_layers(&l, " allow-read | allow-net");
	assert_int_equal(l.v[1]->rank, PERM_SYSTEM);
	put("policy.d/30.json", "no");
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_int_equal(l.n, 2);
	assert_int_equal(fchmodat(dir_fd, "policy.d", 0777, 0), 0);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_error(&e, "'DIR/policy.d' can be written by others than its owner: 'chmod go-w' it");
	(void)snprintf(path, sizeof(path), "%s/link.d", dir);
	assert_int_equal(symlinkat("nowhere", dir_fd, "link.d"), 0);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_int_equal(e.cls, PS_E_OS);
}

static void the_ceiling(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct perm_layer *l = (const struct perm_layer *)&a;
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX + 16];
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/ceiling.json", dir);
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), 0);
	assert_null(l);
	put("ceiling.json", "{'podshimPolicy':1,'annotationsMayGrant':true,'permissions':{'net':['public']}}");
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), 0);
	assert_true(l->settings.annotations_may_grant);
	assert_int_equal(l->entries.n, 1);
	put("ceiling.json", "{'podshimPolicy':1,'extends':'builtin:shell'}");
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), -1);
	assert_error(&e, "DIR/ceiling.json: /extends: a ceiling stands alone: it cannot have this");
	assert_int_equal(unlinkat(dir_fd, "ceiling.json", 0), 0);
	assert_int_equal(symlinkat("nowhere", dir_fd, "ceiling.json"), 0);
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), -1);
	assert_error(&e, "there is no policy 'DIR/ceiling.json'");
}

static const char *const presets[] = { "base-linux", "no-network", "node", "pip-install", "python", "shell" };

/* From the program, and as files that somebody copied. */
static void presets_are_policies(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(presets); i++)
		for (int file = 0; file < 2; file++) {
			ps_auto_arena struct ps_arena a = { 0 };
			struct perm_layers l = { .n = 0 };
			struct ps_err e = { .cls = PS_OK };
			char path[64];

			(void)snprintf(path, sizeof(path), file ? "example/policies/%s.json" : "builtin:%s", presets[i]);
			if (perm_layers_of_file(&a, path, NULL, PERM_FILE, &l, &e) < 0)
				fail_msg("%s: %s: %s", path, e.where, e.msg);
			assert_string_equal(l.v[l.n - 1]->settings.name, presets[i]);
			assert_non_null(l.v[l.n - 1]->settings.description);
		}
}

static void any_call_of_the_system_can_fail(void **state)
{
	char path[PATH_MAX + 16];
	int n, fds = unit_open_fds();
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdirat(dir_fd, "policy.d", 0755), 0);
	put("policy.d/a.json", "{'podshimPolicy':1,'permissions':{'net':['a.b']}}");
	for (n = 1; fault_arm(n, EIO); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };
		int r = perm_layers_of_system(&a, path, &l, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(unit_open_fds(), fds);
		assert_int_equal(r, -1);
		assert_int_equal(l.n, 0);
		assert_int_equal(e.cls, PS_E_OS);
		assert_int_equal(e.sys, EIO);
	}
	assert_in_range(n, 7, 40);
}

static void any_call_can_fail(void **state)
{
	int n, fds = unit_open_fds();
	(void)state;

	put("a.json", "{'podshimPolicy':1,'extends':['builtin:no-network','b.json'],'permissions':{'read':['/a']}}");
	put("b.json", "{'podshimPolicy':1,'permissions':{'net':['a.b'],'env':{'set':{'A':'b'}}}}");
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };
		int r = of_file(&a, "a.json", NULL, &l, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(unit_open_fds(), fds);
		assert_int_equal(r, -1);
		assert_int_equal(l.n, 0);
		assert_int_equal(e.cls, PS_E_OS);
	}
	assert_in_range(n, 8, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(every_setting),
		cmocka_unit_test(numbers_and_audit),
		cmocka_unit_test(every_mistake),
		cmocka_unit_test(an_annotation_narrows_alone),
		cmocka_unit_test_setup_teardown(files_extend_files, setup, teardown),
		cmocka_unit_test_setup_teardown(circles_and_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(named_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(deno_json, setup, teardown),
		cmocka_unit_test_setup_teardown(only_ours_count, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(the_system, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ceiling, setup, teardown),
		cmocka_unit_test(presets_are_policies),
		cmocka_unit_test_setup_teardown(any_call_can_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(any_call_of_the_system_can_fail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
