/* SPDX-License-Identifier: Apache-2.0
 * test_perm_sources.c - permissions in annotations and in the environment.
 *
 * WRAP: calloc
 */
#include "tests/unit/unit.h"

#include "tests/unit/fault.h"
#include "tests/unit/layer_test.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)

/* ---- annotations ---- */
#define P "io.podshim."
static const struct {
	struct spec_kv v[3];
	const char *want;
} annotations[] = {
	{ { { "org.example", "x", "" } }, "" },
	{ { { P "channel", "1", "" } }, "" },
	{ { { "io.podshimX", "1", "" } }, "" },
	{ { { P "allow-net", "a.b:80,c.d", "" } }, " allow-net=a.b:80 allow-net=c.d" },
	{ { { P "deny-net", "*", "" }, { P "allow-read", "/a,,b", "" } }, " deny-net allow-read=/a,b" },
	{ { { P "allow-read", "/a", "" }, { P "policy", "{\"permissions\":{\"net\":false}}", "" } },
	  " allow-net= | allow-read=/a" },
	{ { { P "ignore-env", "A*", "" } }, " ignore-env=A*" },
};

static size_t n_kvs(const struct spec_kv *v)
{
	size_t n = 0;

	while (n < 3 && v[n].key)
		n++;
	return n;
}

static void annotations_become_layers(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(annotations); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct spec_kvs kvs = { annotations[i].v, n_kvs(annotations[i].v) };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		if (perm_layers_of_annotations(&a, &kvs, &l, &e) < 0)
			fail_msg("%s", e.msg);
		perm_assert_layers(&l, annotations[i].want);
		for (size_t k = 0; k < l.n; k++)
			assert_int_equal(l.v[k]->rank, PERM_ANNOTATION);
	}
}

static void annotations_say_where_from(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_kv v[] = { { P "deny-net", "private", "" },
				     { P "policy", "{\"permissions\":{\"run\":[\"sh\"]}}", "" } };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	assert_int_equal(perm_layers_of_annotations(&a, &(struct spec_kvs){ v, 2 }, &l, &e), 0);
	assert_string_equal(l.v[0]->entries.v[0].from, "annotation io.podshim.policy#/permissions/run/0");
	assert_string_equal(l.v[1]->entries.v[0].from, "annotation io.podshim.deny-net");
	assert_string_equal(l.v[1]->name, "the annotations");
}

static const struct {
	struct spec_kv v;
	const char *want;
} bad_annotations[] = {
	{ { P "allow-nte", "a", "" },
	  "unknown annotation 'io.podshim.allow-nte' (did you mean 'io.podshim.allow-net'?)" },
	{ { P "something-else", "a", "" }, "unknown annotation 'io.podshim.something-else'" },
	{ { P "", "a", "" }, "unknown annotation 'io.podshim.'" },
	{ { P "ignore-write", "a", "" }, "unknown annotation 'io.podshim.ignore-write'" },
	{ { P "mode", "learn", "" },
	  "annotation io.podshim.mode: only the operator can say this, an annotation cannot" },
	{ { P "allow-all", "1", "" },
	  "annotation io.podshim.allow-all: only the operator can say this, an annotation cannot" },
	{ { P "allow-net", "", "" },
	  "annotation io.podshim.allow-net is empty: leave it out, or write '*' for everything" },
	{ { P "deny-net", "true", "" },
	  "annotation io.podshim.deny-net is 'true': write '*' for everything, or leave it out" },
	{ { P "allow-net", "::1", "" },
	  "annotation io.podshim.allow-net: '::1' is an IPv6 address without brackets: write [::1]" },
	{ { P "policy", "@/etc/x.json", "" },
	  "annotation io.podshim.policy: '@/etc/x.json' names a file, which an annotation cannot: write the policy itself" },
	{ { P "policy", "{\"mode\":\"learn\"}", "" },
	  "annotation io.podshim.policy: /mode: only the operator can say this, an annotation cannot" },
};

static void bad_annotations_are_refused(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(bad_annotations); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(perm_layers_of_annotations(
					 &a, &(struct spec_kvs){ &bad_annotations[i].v, 1 }, &l, &e),
				 -1);
		unit_assert_error(&e, bad_annotations[i].want);
		assert_int_equal(l.n, 0);
	}
}

/* ---- the environment ---- */
/* {"podshimPolicy":1,"permissions":{"net":["a.b"]}} and {"permissionSets":{"x":{"read":true}}} */
#define JSON	   "eyJwb2RzaGltUG9saWN5IjoxLCJwZXJtaXNzaW9ucyI6eyJuZXQiOlsiYS5iIl19fQ=="
#define JSON_LINES "eyJwb2RzaGltUG9saWN5IjoxLCJw\nZXJtaXNzaW9ucyI6eyJuZXQiOlsiYS5iIl19fQ\n"
#define JSON_SETS  "eyJwZXJtaXNzaW9uU2V0cyI6eyJ4Ijp7InJlYWQiOnRydWV9fX0="
static const struct {
	const char *envp[5];
	const char *want;
} environments[] = {
	{ { NULL }, "" },
	{ { "HOME=/x", "PATH=/bin", "PODSHIM=/bin/podshim" }, "" },
	{ { "PODSHIM_CHANNEL_FD=3", "PODSHIM_ROOT=/x", "PODSHIM_ALLOW", "PODSHIM_=", "PODSHIM_VERSION=1" },
	  "" },
	{ { "PODSHIM_ALLOW_READ=/a,/b", "PODSHIM_DENY_NET=*" }, " allow-read=/a allow-read=/b deny-net" },
	{ { "PODSHIM_DENY_RUN=x", "PODSHIM_DENY_RUN=y" }, " deny-run=x" },
	{ { "PODSHIM_ALLOW_ALL=1", "PODSHIM_DENY_NET=private" }, " -A deny-net=private" },
	{ { "PODSHIM_ALLOW_ALL=0" }, "" },
	{ { "PODSHIM_POLICY=builtin:no-network", "PODSHIM_ALLOW_SYS=uid", "PODSHIM_POLICY_JSON=" JSON },
	  " deny-net | allow-net=a.b | allow-sys=uid" },
	{ { "PODSHIM_POLICY_JSON=" JSON_LINES }, " allow-net=a.b" },
	{ { "PODSHIM_POLICY_JSON=" JSON_SETS, "PODSHIM_PERMISSION_SET=x" }, " | allow-read" },
};

static void variables_become_layers(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(environments); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		const char *envp[6] = { NULL };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		memcpy(envp, environments[i].envp, sizeof(environments[i].envp));
		if (perm_layers_of_environment(&a, envp, &l, &e) < 0)
			fail_msg("%zu: %s", i, e.msg);
		perm_assert_layers(&l, environments[i].want);
		for (size_t k = 0; k < l.n; k++)
			assert_int_equal(l.v[k]->rank, PERM_ENVIRONMENT);
	}
}

static void variables_set(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const char *const envp[] = { "PODSHIM_MODE=audit", "PODSHIM_BEST_EFFORT=true",
				     "PODSHIM_NO_PROMPT=", "PODSHIM_DENY_FFI=/x", NULL };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	assert_int_equal(perm_layers_of_environment(&a, envp, &l, &e), 0);
	assert_int_equal(l.n, 1);
	const struct perm_settings *s = &l.v[0]->settings;
	assert_true(s->mode.set && s->mode.v == PERM_AUDIT);
	assert_string_equal(s->mode.from, "PODSHIM_MODE");
	assert_true(s->best_effort.set && s->best_effort.v && s->no_prompt.set && !s->no_prompt.v);
	assert_string_equal(l.v[0]->entries.v[0].from, "PODSHIM_DENY_FFI");
	assert_string_equal(l.v[0]->name, "the environment");
}

#define LONG "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
static const struct {
	const char *envp[3];
	const char *want;
} bad_environments[] = {
	{ { "PODSHIM_ALLOW_RAED=x" },
	  "unknown variable 'PODSHIM_ALLOW_RAED' in the environment (did you mean 'PODSHIM_ALLOW_READ'?)" },
	{ { "PODSHIM_DENI_NET=x" },
	  "unknown variable 'PODSHIM_DENI_NET' in the environment (did you mean 'PODSHIM_DENY_NET'?)" },
	{ { "PODSHIM_IGNORE_FFI=x" },
	  "unknown variable 'PODSHIM_IGNORE_FFI' in the environment (did you mean 'PODSHIM_IGNORE_ENV'?)" },
	{ { "PODSHIM_ALLOW_NTE=x" },
	  "unknown variable 'PODSHIM_ALLOW_NTE' in the environment (did you mean 'PODSHIM_ALLOW_NET'?)" },
	{ { "PODSHIM_POLICIES=x" },
	  "unknown variable 'PODSHIM_POLICIES' in the environment (did you mean 'PODSHIM_POLICY'?)" },
	{ { "PODSHIM_ALLOW_" LONG "=x" },
	  "unknown variable 'PODSHIM_ALLOW_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX' in the "
	  "environment" },
	{ { "PODSHIM_ALLOW_READ=" },
	  "PODSHIM_ALLOW_READ is empty: leave it out, or write '*' for everything" },
	{ { "PODSHIM_ALLOW_SYS=cpu" },
	  "PODSHIM_ALLOW_SYS: 'cpu' is nothing that sys knows (did you mean 'cpus'?)" },
	{ { "PODSHIM_ALLOW_ALL=yes" }, "PODSHIM_ALLOW_ALL is 'yes': write 1 or 0" },
	{ { "PODSHIM_BEST_EFFORT=2" }, "PODSHIM_BEST_EFFORT is '2': write 1 or 0" },
	{ { "PODSHIM_MODE=off" }, "PODSHIM_MODE is 'off': there are enforce, ask, learn and audit" },
	{ { "PODSHIM_ALLOW_ALL=1", "PODSHIM_ALLOW_ENV=A" },
	  "PODSHIM_ALLOW_ALL conflicts with PODSHIM_ALLOW_ENV: leave one of them out" },
	{ { "PODSHIM_POLICY=" }, "PODSHIM_POLICY is empty: leave it out, or write the path of a policy" },
	{ { "PODSHIM_POLICY=/does/not/exist" }, "PODSHIM_POLICY: there is no policy '/does/not/exist'" },
	{ { "PODSHIM_PERMISSION_SET=x" }, "PODSHIM_PERMISSION_SET is 'x', and no PODSHIM_POLICY has it" },
	{ { "PODSHIM_POLICY_JSON={}" }, "PODSHIM_POLICY_JSON is no base64 of a policy" },
	{ { "PODSHIM_POLICY_JSON=e30=x" }, "PODSHIM_POLICY_JSON is no base64 of a policy" },
	{ { "PODSHIM_POLICY_JSON=e30ge" }, "PODSHIM_POLICY_JSON is no base64 of a policy" },
	{ { "PODSHIM_POLICY_JSON=W10=" }, "PODSHIM_POLICY_JSON: expected an object, found array" },
	{ { "PODSHIM_POLICY_JSON=" JSON_SETS, "PODSHIM_PERMISSION_SET=y" },
	  "PODSHIM_POLICY_JSON: has no permission set 'y'" },
};

static void bad_variables_are_refused(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(bad_environments); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		const char *envp[4] = { NULL };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };

		memcpy(envp, bad_environments[i].envp, sizeof(bad_environments[i].envp));
		if (perm_layers_of_environment(&a, envp, &l, &e) == 0)
			fail_msg("accepted: %s", envp[0]);
		unit_assert_error(&e, bad_environments[i].want);
		assert_int_equal(l.n, 0);
	}
}

static void no_room(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const char *const envp[] = { "PODSHIM_DENY_NET=*", NULL };
	struct perm_layers l = { .n = PS_COUNT(l.v) };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	assert_int_equal(perm_layers_of_environment(&a, envp, &l, &e), -1);
	unit_assert_error(&e, "the environment is one policy too many: 64 are the most");
}

/* What is small fits one block of the arena, so few calls are made. */
static void no_memory(void **state)
{
	static const char *const envp[] = { "PODSHIM_DENY_NET=private", "PODSHIM_POLICY_JSON=" JSON, NULL };
	static const struct spec_kv v[] = { { P "deny-net", "private", "" } };
	int n;
	(void)state;

	for (int which = 0; which < 2; which++)
		for (n = 1; fault_arm(n, ENOMEM); n++) {
			ps_auto_arena struct ps_arena a = { 0 };
			struct perm_layers l = { .n = 0 };
			struct ps_err e = { .cls = PS_OK };
			int r = which ? perm_layers_of_environment(&a, envp, &l, &e)
				      : perm_layers_of_annotations(&a, &(struct spec_kvs){ v, 1 }, &l, &e);
			if (!fault_disarm()) {
				assert_int_equal(r, 0);
				assert_true(n > 1);
				break;
			}
			assert_int_equal(r, -1);
			assert_int_equal(e.cls, PS_E_OS);
			assert_int_equal(l.n, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(annotations_become_layers),
		cmocka_unit_test(annotations_say_where_from),
		cmocka_unit_test(bad_annotations_are_refused),
		cmocka_unit_test(variables_become_layers),
		cmocka_unit_test(variables_set),
		cmocka_unit_test(bad_variables_are_refused),
		cmocka_unit_test(no_room),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
