/* SPDX-License-Identifier: Apache-2.0
 * test_perm_schema.c - policy documents: every member, every mistake, and what an annotation must not say.
 *
 * Documents are written with ' for ".
 */
#include "tests/unit/unit.h"

#include "tests/unit/layer_test.h"

static int of_text(struct ps_arena *a, const char *text, const char *set, bool narrow, struct perm_layers *l,
		   struct ps_err *e)
{
	char *s = unit_quotes(text);
	int r = perm_layers_of_text(a, "p.json", s, strlen(s), set, PERM_LAUNCH, narrow, l, e);

	free(s);
	return r;
}

static const struct {
	const char *text, *want;
} valid[] = {
	{ "{}", "" },
	{ "{'podshimPolicy':1,'$schema':'https://x','name':'n','description':'d'}", "" },
	{ "{'permissions':{}}", "" },
	{ "{'permissions':{'read':true}}", " allow-read" },
	{ "{'permissions':{'read':false}}", " allow-read=" },
	{ "{'permissions':{'read':[]}}", " allow-read=" },
	{ "{'permissions':{'read':['/a,b','+/c','/d/','/e?']}}",
	  " allow-read=/a,b allow-read=+/c allow-read=/d allow-read=/e?" },
	{ "{'permissions':{'write':{'allow':['/d/'],'deny':['/d/x'],'warn':true}}}",
	  " allow-write=/d/ deny-write=/d/x warn-write" },
	{ "{'permissions':{'read':{'deny':true,'ignore':['/x']}}}", " deny-read ignore-read=/x" },
	{ "{'permissions':{'read':{'deny':false,'warn':false,'ignore':[]}}}", "" },
	{ "{'permissions':{'env':{'allow':true,'deny':['SECRET_*'],'ignore':false}}}",
	  " allow-env deny-env=SECRET_*" },
	{ "{'permissions':{'net':['a.b:80|443','unix:/x'],'run':['git'],'ffi':false,'sys':['username']}}",
	  " allow-net=a.b:80|443 allow-net=unix:/x allow-run=git allow-sys=userInfo allow-ffi=" },
	{ "{'permissions':{'all':true,'net':{'deny':true}}}", " -A deny-net" },
	{ "{'permissions':{'all':false}}", "" },
	{ "{'permissions':{'write':{'undo':true}}}", "" },
	{ "{'permissionSets':{'a':{'read':true}},'permissions':{'net':true}}", " allow-net" },
	{ "{'extends':'builtin:no-network'}", " deny-net |" },
	{ "{'extends':['builtin:no-network','builtin:no-network'],'permissions':{'net':true}}",
	  " deny-net | deny-net | allow-net" },
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
		perm_assert_layers(&l, valid[i].want);
	}
}

static void every_setting(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	assert_int_equal(
		of_text(&a,
			"{'podshimPolicy':1,'name':'n','description':'d','mode':'learn','enforcement':'best-effort','permissions':{"
			"'write':{'undo':true},'ffi':{'jit':false},'env':{'set':{'HOME':'/work','A':''},"
			"'secrets':{'T':{'from':'file:/run/s','only':['/usr/bin/git']},'U':{'from':'env:V'}}}},"
			"'limits':{'memory':'512M','pids':64,'cpu':'1.5','wall':'60s','output':8192,'disk':'1.5G'},"
			"'audit':{'allowed':['net','run'],'denied':'none','batchMs':250,'broadcastMs':200}}",
			NULL, false, &l, &e),
		0);
	assert_int_equal(l.n, 1);
	const struct perm_settings *s = &l.v[0]->settings;
	assert_string_equal(s->name, "n");
	assert_string_equal(s->description, "d");
	assert_true(s->mode.set && s->mode.v == PERM_LEARN);
	assert_string_equal(s->mode.from, "p.json#/mode");
	assert_true(s->best_effort.set && s->best_effort.v && s->undo.set && s->undo.v && s->jit.set &&
		    !s->jit.v);
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

static const struct {
	const char *text;
	uint64_t cpu, wall;
	unsigned allowed, denied;
} numbers[] = {
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
#define ENV(what)  "{'permissions':{'env':{" what "}}}"
#define SIZES	   "a size in bytes, as in 4096, \"512M\" or \"1.5G\""
static const struct {
	const char *text, *want;
} broken[] = {
	{ "[]", "p.json: expected an object, found array" },
	{ "{'podshimPolicy':2}",
	  "p.json: /podshimPolicy: expected 1, the version of policies that is known here" },
	{ "{'podshimPolicy':'1'}",
	  "p.json: /podshimPolicy: expected 1, the version of policies that is known here" },
	{ "{'permission':{}}",
	  "p.json: /permission: unknown member 'permission' (did you mean 'permissions'?)" },
	{ "{'x':{}}", "p.json: /x: unknown member 'x'" },
	{ "{'name':1}", "p.json: /name: expected a string, found integer" },
	{ "{'name':'a\\nb'}", "p.json: /name: 'a' goes on with a control character" },
	{ "{'mode':'strict'}",
	  "p.json: /mode: 'strict' is no mode: there are enforce, ask, learn and audit" },
	{ "{'mode':1}", "p.json: /mode: expected a string, found integer" },
	{ "{'enforcement':'lax'}", "p.json: /enforcement: 'lax' is neither strict nor best-effort" },
	{ "{'enforcement':true}", "p.json: /enforcement: expected a string, found boolean" },
	{ "{'annotationsMayGrant':true}", "p.json: /annotationsMayGrant: only the ceiling can say this" },
	{ "{'permissions':[]}", "p.json: /permissions: expected an object, found array" },
	{ "{'permissions':{'reed':true}}",
	  "p.json: /permissions/reed: unknown member 'reed' (did you mean 'read'?)" },
	{ "{'permissions':{'import':true}}",
	  "p.json: /permissions/import: there is no permission to import: what a program loads is in net, read and ffi" },
	{ "{'permissions':{'all':1}}", "p.json: /permissions/all: expected true or false, found integer" },
	{ "{'permissions':{'all':true,'read':[]}}",
	  "p.json: p.json#/permissions/all conflicts with p.json#/permissions/read: leave one of them out" },
	{ READ("'/a'"),
	  "p.json: /permissions/read: expected true, false or a list, found a string: write [\"/a\"]" },
	{ READ("null"), "p.json: /permissions/read: expected true, false or a list, found null" },
	{ READ("1"), "p.json: /permissions/read: expected true, false or a list, found integer" },
	{ READ("[1]"), "p.json: /permissions/read/0: expected a string, found integer" },
	{ READ("[['/a']]"), "p.json: /permissions/read/0: expected a string, found array" },
	{ READ("['/a','']"),
	  "p.json: /permissions/read/1: an empty item: write ',,' for a comma in a value" },
	{ READ("['/a\\u0007']"), "p.json: /permissions/read/0: '/a' goes on with a control character" },
	{ READ("{'alow':[]}"),
	  "p.json: /permissions/read/alow: unknown member 'alow' (did you mean 'allow'?)" },
	{ READ("{'undo':true}"), "p.json: /permissions/read/undo: unknown member 'undo'" },
	{ READ("{'allow':{}}"),
	  "p.json: /permissions/read/allow: expected true, false or a list, found object" },
	{ "{'permissions':{'write':{'ignore':[]}}}",
	  "p.json: /permissions/write/ignore: unknown member 'ignore'" },
	{ "{'permissions':{'write':{'undo':'x'}}}",
	  "p.json: /permissions/write/undo: expected true or false, found string" },
	{ "{'permissions':{'net':['http://x']}}",
	  "p.json: /permissions/net/0: 'http://x' is a URL: write the host alone, such as x" },
	{ "{'permissions':{'sys':{'deny':['cpu']}}}",
	  "p.json: /permissions/sys/deny/0: 'cpu' is nothing that sys knows (did you mean 'cpus'?)" },
	{ ENV("'set':[]"), "p.json: /permissions/env/set: expected an object of variables, found array" },
	{ ENV("'set':{'A':1}"), "p.json: /permissions/env/set/A: expected a string, found integer" },
	{ ENV("'set':{'':'x'}"), "p.json: /permissions/env/set/: an empty name of a variable" },
	{ ENV("'set':{'A=B':'x'}"),
	  "p.json: /permissions/env/set/A=B: 'A=B' has a '=': write the name of the variable alone" },
	{ ENV("'secrets':1"),
	  "p.json: /permissions/env/secrets: expected an object of secrets, found integer" },
	{ ENV("'secrets':{'T':'x'}"),
	  "p.json: /permissions/env/secrets/T: expected an object, found string" },
	{ ENV("'secrets':{'T':{}}"),
	  "p.json: /permissions/env/secrets/T: has no 'from': file:/PATH or env:NAME" },
	{ ENV("'secrets':{'T':{'from':'x'}}"),
	  "p.json: /permissions/env/secrets/T/from: must be file:/PATH or env:NAME, not 'x'" },
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
	{ "{'audit':{'allowed':'some'}}",
	  "p.json: /audit/allowed: expected \"all\", \"none\" or a list of permissions, found string" },
	{ "{'audit':{'allowed':['files']}}",
	  "p.json: /audit/allowed/0: 'files' is no permission: there are read, write, net, env, run, ffi and sys" },
	{ "{'audit':{'denied':[1]}}",
	  "p.json: /audit/denied/0: expected the name of a permission, found integer" },
	{ "{'audit':{'batchMs':0}}", "p.json: /audit/batchMs: expected milliseconds, 1 to 60000" },
	{ "{'audit':{'broadcastMs':'1s'}}", "p.json: /audit/broadcastMs: expected milliseconds, 1 to 60000" },
	{ "{'extends':1}", "p.json: /extends: expected the name of a policy, as in \"builtin:base-linux\"" },
	{ "{'extends':['']}",
	  "p.json: /extends/0: expected the name of a policy, as in \"builtin:base-linux\"" },
	{ "{'extends':['builtin:pyton']}",
	  "p.json: /extends/0: there is no policy 'builtin:pyton' (did you mean 'builtin:python'?)" },
	{ "{'extends':['builtin:../x']}", "p.json: /extends/0: there is no policy 'builtin:../x'" },
	{ "{'extends':'other.json'}",
	  "p.json: /extends: 'other.json' is a relative path, and this policy is in no directory" },
	{ "{'extends':'/does/not/exist'}", "p.json: /extends: there is no policy '/does/not/exist'" },
	{ "{'extends':'/dev/null'}", "p.json: /extends: '/dev/null' is no regular file" },
	{ "{'permissionSets':1}",
	  "p.json: /permissionSets: there are permission sets alone: name one of them" },
	{ "{'permissionSets':1,'permissions':{}}",
	  "p.json: /permissionSets: expected an object of permission sets, found integer" },
	{ "{'permissionSets':{'a':1},'permissions':{}}",
	  "p.json: /permissionSets/a: expected an object, found integer" },
	{ "{'permissionSets':{'a':{'x':1}},'permissions':{}}",
	  "p.json: /permissionSets/a/x: unknown member 'x'" },
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
			unit_assert_error(&e, broken[i].want);
		if (e.cls != PS_E_CONFIG && e.cls != PS_E_NOTFOUND)
			fail_msg("%s: of class %d", broken[i].text, (int)e.cls);
	}
}

#define OPERATOR ": only the operator can say this, an annotation cannot"
static const struct {
	const char *text, *want;
} hostile[] = {
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
		unit_assert_error(&e, hostile[i].want);
	}
	assert_int_equal(
		of_text(&a,
			"{'permissions':{'net':false,'read':{'deny':['/x'],'ignore':['/y']}},'limits':{'pids':4}}",
			NULL, true, &l, &e),
		0);
	perm_assert_layers(&l, " deny-read=/x ignore-read=/y allow-net=");
	assert_int_equal(l.v[0]->settings.pids.v, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(every_setting),
		cmocka_unit_test(numbers_and_audit),
		cmocka_unit_test(every_mistake),
		cmocka_unit_test(an_annotation_narrows_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
