/* SPDX-License-Identifier: Apache-2.0
 * test_perm_tighten.c - a set and a launch's layer: narrower, or an error that names what would widen.
 *
 * WRAP: calloc realloc
 */
#include "tests/unit/perm_test.h"

#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(void *, realloc, (void *p, size_t size), (p, size), NULL)

static const struct permissions *tighten(struct ps_arena *a, const struct permissions *base, const struct perm_layer *l)
{
	const struct permissions *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	if (permissions_tighten(a, base, l, "/work", &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

#define LAUNCH(...) perm_layer(&a, PERM_LAUNCH, "launch", __VA_ARGS__, NULL)

static void a_launch_narrows(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct permissions *base = perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a", "allow read /b", "allow env PATH", "deny read /a/x",
											    "allow run /bin/sh"),
										FLAGS("deny read /q")));
	const struct permissions *plain = perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("deny read /s")));

	(void)state;
	perm_assert_set(tighten(&a, base, LAUNCH("allow read /a/c", "allow read ../b", "deny env HOME", "warn net *")),
			"deny by default\n"
			"read: listed\n"
			" allow /a/c (--allow-read, within policy.json:1)\n"
			" allow /b (policy.json:2, within --allow-read)\n"
			" deny /a/x (policy.json:4)\n"
			" deny /q (--deny-read)\n"
			"write: listed\n"
			" deny /bin/sh (policy.json:5, implied)\n"
			"net: listed\n"
			" warn * (--warn-net)\n"
			"env: listed\n"
			" allow PATH (policy.json:3)\n"
			" deny HOME (--deny-env)\n"
			"run: listed\n"
			" allow /bin/sh (policy.json:5)\n");
	perm_assert_set(tighten(&a, plain, LAUNCH("deny read /t")),
			"read: config.json's\n"
			" deny /s (policy.d/1.json:1)\n"
			" deny /t (--deny-read)\n");
	/* An allow entry closes what it does not speak of, as anywhere; of what config.json grants. */
	perm_assert_set(tighten(&a, plain, LAUNCH("allow net a.com")),
			"deny by default\n"
			"read: of config.json's listed\n"
			" deny /s (policy.d/1.json:1)\n"
			"write: of config.json's listed\n"
			"net: of config.json's listed\n"
			" allow a.com (--allow-net)\n"
			"env: of config.json's listed\n"
			"run: of config.json's listed\n"
			"ffi: of config.json's listed\n"
			"sys: of config.json's listed\n");
	perm_assert_set(tighten(&a, perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow sys everything"))), LAUNCH("allow sys uid")),
			"deny by default\n"
			"sys: listed\n"
			" allow uid (--allow-sys, within --allow-sys)\n");
}

static void a_launch_cannot_widen(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct permissions *base = perm_merge_with(&a, NO_CONTEXT,
							 LAYERS(POLICY_FILE("allow read /a", "allow net a.com:443", "allow net private", "allow env A",
									    "allow env B", "allow env C", "allow env D", "allow run git")));
	const struct permissions *plain = perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("deny read /s")));
	const struct { const struct permissions *base; const struct perm_layer *l; const char *msg; } rows[] = {
		{ base, LAUNCH("allow read /"), "--allow-read: \"/\" would widen what is permitted already; read is allowed for: \"/a\" (policy.json:1)" },
		{ base, LAUNCH("allow read everything"),
		  "--allow-read: everything would widen what is permitted already; read is allowed for: \"/a\" (policy.json:1)" },
		{ base, LAUNCH("allow write /a"), "--allow-write: \"/a\" would widen what is permitted already; write is allowed for: nothing" },
		{ base, LAUNCH("allow net a.com"),
		  "--allow-net: \"a.com\" would widen what is permitted already; net is allowed for: \"a.com:443\" (policy.json:2), \"private\" (policy.json:3)" },
		{ base, LAUNCH("allow net metadata"),
		  "--allow-net: \"metadata\" would widen what is permitted already; net is allowed for: \"a.com:443\" (policy.json:2), \"private\" (policy.json:3)" },
		{ base, LAUNCH("allow env E"),
		  "--allow-env: \"E\" would widen what is permitted already; env is allowed for: \"A\" (policy.json:4), \"B\" (policy.json:5), \"C\" (policy.json:6) and 1 more" },
		{ base, LAUNCH("allow run /usr/bin/git"),
		  "--allow-run: \"/usr/bin/git\" would widen what is permitted already; run is allowed for: \"git\" (policy.json:8)" },
		{ base, LAUNCH("all"), "launch: --allow-all would widen what is permitted already; leave it out to have that" },
		{ base, LAUNCH("reset read"), "launch: --reset-deny would widen what is permitted already" },
		{ plain, LAUNCH("allow read everything"),
		  "--allow-read: everything would widen what is permitted already; read is allowed for: what config.json grants" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const struct permissions *p = NULL;
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(permissions_tighten(&a, rows[i].base, rows[i].l, "/work", &p, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
		assert_int_equal(e.cls, PS_E_DENIED);
		assert_null(p);
	}
}

static void a_launch_lowers_limits(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_layer *file = POLICY_FILE("allow env A*"), *l = LAUNCH("deny read /a");
	const struct spec_kv good = { "AB", "1", "--env" }, bad = { "B", "1", "--env" };
	const struct permissions *base, *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	file->settings.memory = (struct perm_limit){ true, 100, "policy.json:1" };
	base = perm_merge_with(&a, NO_CONTEXT, LAYERS(file));
	l->settings.memory = (struct perm_limit){ true, 50, "--memory" };
	l->settings.pids = (struct perm_limit){ true, 7, "--pids" };
	l->settings.env_set = (struct spec_kvs){ &good, 1 };
	p = tighten(&a, base, l);
	assert_int_equal(p->settings.memory.v, 50);
	assert_int_equal(p->settings.pids.v, 7);
	assert_string_equal(p->settings.env_set.v[0].key, "AB");

	l->settings.memory.v = 101;
	assert_int_equal(permissions_tighten(&a, base, l, "/", &p, &e), -1);
	assert_string_equal(e.msg, "--memory: the limit of memory is 100 already (policy.json:1), and can only be lowered");
	l->settings.memory.set = false;
	l->settings.env_set.v = &bad;
	assert_int_equal(permissions_tighten(&a, base, l, "/", &p, &e), -1);
	assert_string_equal(e.msg, "launch: \"B\" would widen what is permitted already; env is allowed for: \"A*\" (policy.json:1)");
	l->settings.env_set.n = 0;
	static const struct { size_t off; bool v; const char *what; } bools[] = {
		{ offsetof(struct perm_settings, best_effort), true, "best effort" },
		{ offsetof(struct perm_settings, jit), true, "ffi.jit" },
	};
	for (size_t i = 0; i < PS_COUNT(bools); i++) {
		struct opt_bool *b = (struct opt_bool *)(void *)((char *)&l->settings + bools[i].off);
		ps_auto_buf struct ps_buf want = { .data = NULL };

		*b = (struct opt_bool){ true, true };
		ps_buf_printf(&want, "launch: %s would widen what is permitted already", bools[i].what);
		assert_int_equal(permissions_tighten(&a, base, l, "/", &p, &e), -1);
		assert_string_equal(e.msg, want.data);
		b->v = false;
		(void)tighten(&a, base, l);
	}
	l->settings.mode.set = true;
	l->settings.mode.v = PERM_LEARN;
	assert_int_equal(permissions_tighten(&a, base, l, "/", &p, &e), -1);
	assert_string_equal(e.msg, "launch: this mode would widen what is permitted already");
}

static void no_memory(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_entry *many = ps_arena_array(&a, 400, sizeof(*many));
	const struct permissions *base = perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow net 10.0.0.0/8:1-9", "allow env everything")));
	const struct perm_layer l = { .rank = PERM_LAUNCH, .name = "launch", .entries = { many, 400 } };
	int n;

	(void)state;
	for (int i = 0; i < 400; i++)
		many[i] = (struct perm_entry){ .permission = POLICY_ENV, .action = POLICY_ALLOW, .from = "--allow-env",
					       .value = ps_arena_printf(&a, "V%d", i) };
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena mem = { .head = NULL };
		const struct permissions *p = NULL;
		struct ps_err e = { .cls = PS_OK };
		int r = permissions_tighten(&mem, base, &l, "/", &p, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(p);
		assert_int_equal(e.sys, ENOMEM);
	}
	assert_true(n > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_launch_narrows),
		cmocka_unit_test(a_launch_cannot_widen),
		cmocka_unit_test(a_launch_lowers_limits),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
