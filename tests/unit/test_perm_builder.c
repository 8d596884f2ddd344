/* SPDX-License-Identifier: Apache-2.0
 * test_perm_builder.c - the table of flags, and how their values become entries of a layer.
 *
 * WRAP: calloc
 */
#include "tests/unit/unit.h"

#include "shim/policy/perm_builder.h"
#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)

static struct ps_arena arena;

static int teardown(void **state)
{
	(void)state;
	ps_arena_done(&arena);
	return 0;
}

static struct perm_builder *builder(void)
{
	struct perm_builder *b = perm_builder_new(&arena, PERM_FLAG, "the flags");

	assert_non_null(b);
	return b;
}

static void add(struct perm_builder *b, enum policy_permission p, enum policy_action act, const char *list)
{
	struct ps_err e = { .cls = PS_OK };

	if (perm_builder_add(b, p, act, list, "--x", &e) < 0)
		fail_msg("%s: %s", list ? list : "(everything)", e.msg);
}

static const struct perm_layer *done(struct perm_builder *b)
{
	const struct perm_layer *l = NULL;
	struct ps_err e = { .cls = PS_OK };

	if (perm_builder_done(b, &l, &e) < 0)
		fail_msg("%s", e.msg);
	return l;
}

/* "VALUE" with +, ?, / as in the list; "!" is everything; items divided by spaces */
static void describe(const struct perm_layer *l, struct ps_buf *out)
{
	for (size_t i = 0; i < l->entries.n; i++) {
		const struct perm_entry *en = &l->entries.v[i];

		ps_buf_printf(out, "%s%s%s%s%s", i ? " " : "", en->append ? "+" : "", en->value ? en->value : "!",
			      en->make_dir ? "/" : "", en->optional ? "?" : "");
	}
}

static const struct { enum policy_permission p; const char *list, *want; } values[] = {
	{ POLICY_READ, NULL, "!" },
	{ POLICY_READ, "/a,/b", "/a /b" },
	{ POLICY_READ, "/a,,b,c", "/a,b c" },
	{ POLICY_READ, ",,", "," },
	{ POLICY_READ, "a,,,b", "a, b" },
	{ POLICY_READ, "/a,/a,/a/,/a?", "/a /a?" },
	{ POLICY_READ, "//a//b/../c/./d/", "/a/c/d" },
	{ POLICY_READ, "/..", "/" },
	{ POLICY_READ, "/", "/" },
	{ POLICY_READ, "//", "/" },
	{ POLICY_READ, ".", "." },
	{ POLICY_READ, "../x/./y", "../x/./y" },
	{ POLICY_READ, "?", "?" },
	{ POLICY_READ, "/a?", "/a?" },
	{ POLICY_READ, "/usr/lib/**/*.so", "/usr/lib/**/*.so" },
	{ POLICY_READ, "*", "*" },
	{ POLICY_READ, "~backup", "~backup" },
	{ POLICY_READ, "./~", "./~" },
	{ POLICY_READ, "/with space,/\xc3\xbc", "/with space /\xc3\xbc" },
	{ POLICY_READ, "+/a,/b", "+/a /b" },
	{ POLICY_READ, "./+a", "./+a" },
	{ POLICY_WRITE, "/a/,/b/?,c/", "/a/ /b/? c/" },
	{ POLICY_WRITE, "/,//", "/" },
	{ POLICY_FFI, "/usr/lib/", "/usr/lib" },
	{ POLICY_RUN, "git,/usr/bin/python3,./x", "git /usr/bin/python3 ./x" },
	{ POLICY_RUN, "/opt/my tool", "/opt/my tool" },
	{ POLICY_RUN, "*", "!" },
	{ POLICY_RUN, "python3?", "python3?" },
	{ POLICY_ENV, "PATH,LC_*,a b", "PATH LC_* a b" },
	{ POLICY_ENV, "*", "!" },
	{ POLICY_ENV, "+PIP_*", "+PIP_*" },
	{ POLICY_SYS, "hostname,username,userInfo,cpus", "hostname userInfo cpus" },
	{ POLICY_SYS, "*", "!" },
	{ POLICY_NET, "example.com:80|443,*", "example.com:80|443 *" },
	{ POLICY_NET, "+[::1]:80", "+[::1]:80" },
	{ POLICY_NET, "unix:/a,,b", "unix:/a,b" },
};

static void values_become_entries(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(values); i++) {
		struct perm_builder *b = builder();
		ps_auto_buf struct ps_buf got = { .data = NULL };

		add(b, values[i].p, POLICY_ALLOW, values[i].list);
		describe(done(b), &got);
		assert_string_equal(got.data, values[i].want);
		assert_int_equal(done(b)->mentions_allow, 1U << values[i].p);
	}
}

static const struct { enum policy_permission p; enum policy_action act; const char *list, *want; } mistakes[] = {
	{ POLICY_READ, POLICY_ALLOW, "", "an empty list: leave the '=' out for everything" },
	{ POLICY_READ, POLICY_ALLOW, "/a,", "an empty item: write ',,' for a comma in a value" },
	{ POLICY_READ, POLICY_ALLOW, ",/a", "an empty item: write ',,' for a comma in a value" },
	{ POLICY_READ, POLICY_ALLOW, "+", "an empty item: write ',,' for a comma in a value" },
	{ POLICY_READ, POLICY_DENY, "+/a",
	  "'+/a' begins with '+': that is for allow lists, the others add up by themselves" },
	{ POLICY_READ, POLICY_ALLOW, "file:///a", "'file:///a' is a URL: write the path alone" },
	{ POLICY_READ, POLICY_ALLOW, "~/a", "'~/a' begins with '~', which no shell has replaced: write the whole path" },
	{ POLICY_READ, POLICY_ALLOW, "~", "'~' begins with '~', which no shell has replaced: write the whole path" },
	{ POLICY_READ, POLICY_ALLOW, "/a\nb", "'/a' goes on with a control character" },
	{ POLICY_READ, POLICY_ALLOW, "/a\x7f", "'/a' goes on with a control character" },
	{ POLICY_READ, POLICY_ALLOW, "/a\xff", "'/a' goes on with a byte that is no UTF-8" },
	{ POLICY_WRITE, POLICY_IGNORE, "/a", "write cannot be ignored, only read and env can" },
	{ POLICY_NET, POLICY_IGNORE, NULL, "net cannot be ignored, only read and env can" },
	{ POLICY_RUN, POLICY_ALLOW, "git status",
	  "'git status' has arguments, which cannot be limited: write 'git' alone" },
	{ POLICY_ENV, POLICY_ALLOW, "A=b", "'A=b' has a '=': write the name of the variable alone" },
	{ POLICY_ENV, POLICY_ALLOW, "A*B",
	  "'A*B' has a '*' inside: only one at the end stands for the rest of a name" },
	{ POLICY_ENV, POLICY_ALLOW, "**", "'**' has a '*' inside: only one at the end stands for the rest of a name" },
	{ POLICY_SYS, POLICY_ALLOW, "hostnam", "'hostnam' is nothing that sys knows (did you mean 'hostname'?)" },
	{ POLICY_SYS, POLICY_DENY, "osrelease", "'osrelease' is nothing that sys knows (did you mean 'osRelease'?)" },
	{ POLICY_SYS, POLICY_DENY, "everything",
	  "'everything' is nothing that sys knows: it has hostname, osRelease, cpus, uid and others" },
	{ POLICY_NET, POLICY_ALLOW, "a.b,http://a.b", "'http://a.b' is a URL: write the host alone, such as a.b" },
};

static void mistakes_are_named(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(mistakes); i++) {
		struct ps_err e = { .cls = PS_OK };
		char want[256];

		assert_int_equal(perm_builder_add(builder(), mistakes[i].p, mistakes[i].act, mistakes[i].list, "--x", &e), -1);
		(void)snprintf(want, sizeof(want), "--x: %s", mistakes[i].want);
		assert_string_equal(e.msg, want);
		assert_int_equal(e.cls, PS_E_USAGE);
	}
}

static void lengths_and_numbers_are_bounded(void **state)
{
	struct perm_builder *b = builder();
	struct ps_err e = { .cls = PS_OK };
	char path[5000], name[32];
	(void)state;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[4095] = '\0';
	add(b, POLICY_READ, POLICY_ALLOW, path);
	path[4095] = 'x';
	path[4096] = '\0';
	assert_int_equal(perm_builder_add(b, POLICY_READ, POLICY_ALLOW, path, "--x", &e), -1);
	assert_string_equal(e.msg, "--x: '/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than 4095 bytes");

	for (unsigned i = 0; i < PERM_MAX_ENTRIES - 1; i++) {
		(void)snprintf(name, sizeof(name), "/%u", i);
		add(b, POLICY_READ, POLICY_DENY, name);
	}
	add(b, POLICY_READ, POLICY_DENY, "/7");
	assert_int_equal(perm_builder_add(b, POLICY_READ, POLICY_DENY, "/one-more", "--x", &e), -1);
	assert_string_equal(e.msg, "--x: more than 4096 permissions in the flags");
	assert_int_equal(done(b)->entries.n, PERM_MAX_ENTRIES);
}

static void a_layer_keeps_what_was_said(void **state)
{
	struct perm_builder *b = builder();
	const struct perm_layer *l;
	(void)state;

	add(b, POLICY_NET, POLICY_DENY, "a.b:80");
	add(b, POLICY_NET, POLICY_ALLOW, "a.b:80");
	add(b, POLICY_ENV, POLICY_IGNORE, NULL);
	add(b, POLICY_WRITE, POLICY_DENY, "/a/");
	perm_builder_reset_deny(b, POLICY_RUN);
	perm_builder_mention(b, POLICY_SYS, "--y");
	perm_builder_settings(b)->undo = (struct opt_bool){ true, true };
	l = done(b);
	assert_int_equal(l->rank, PERM_FLAG);
	assert_string_equal(l->name, "the flags");
	assert_int_equal(l->entries.n, 4);
	assert_int_equal(l->entries.v[0].net.what, NET_TCP | NET_UDP | NET_LISTEN);
	assert_int_equal(l->entries.v[1].net.what, NET_TCP);
	assert_int_equal(l->entries.v[1].action, POLICY_ALLOW);
	assert_string_equal(l->entries.v[1].from, "--x");
	assert_int_equal(l->entries.v[2].action, POLICY_IGNORE);
	assert_null(l->entries.v[2].value);
	assert_false(l->entries.v[3].make_dir);
	assert_int_equal(l->mentions_allow, 1U << POLICY_NET | 1U << POLICY_SYS);
	assert_int_equal(l->reset_deny, 1U << POLICY_RUN);
	assert_true(l->settings.undo.v);
	assert_false(l->all);
}

static void all_and_a_list_conflict(void **state)
{
	struct perm_builder *b = builder();
	const struct perm_layer *l;
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	add(b, POLICY_NET, POLICY_DENY, NULL);
	perm_builder_allow_all(b, "--allow-all");
	assert_true(done(b)->all);
	assert_int_equal(perm_builder_add(b, POLICY_READ, POLICY_ALLOW, "/a", "--allow-read", &e), 0);
	assert_int_equal(perm_builder_done(b, &l, &e), -1);
	assert_int_equal(e.cls, PS_E_USAGE);
	assert_string_equal(e.msg, "--allow-all conflicts with --allow-read: leave one of them out");
}

static void flags_are_sound(void **state)
{
	char variable[40];
	(void)state;

	for (size_t i = 0; i < n_perm_flags; i++) {
		const struct perm_flag *f = &perm_flags[i];
		char name[32];

		(void)snprintf(name, sizeof(name), "%s-%s", policy_action_name(f->action),
			       policy_permission_name(f->permission));
		assert_string_equal(f->name, name);
		assert_ptr_equal(perm_flag_find(f->permission, f->action), f);
		assert_true(*f->help && *f->grammar && *f->mechanism);
		assert_true(f->help[strlen(f->help) - 1] != '.' || strstr(f->help, "..."));
		assert_true(strlen(f->help) < 72);
	}
	assert_int_equal(n_perm_flags, 3 * POLICY_N_PERMISSIONS + 2);
	assert_null(perm_flag_find(POLICY_NET, POLICY_IGNORE));
	assert_string_equal(perm_flag_find(POLICY_SYS, POLICY_ALLOW)->letter, "S");
	perm_flag_variable(perm_flag_find(POLICY_READ, POLICY_IGNORE), variable);
	assert_string_equal(variable, "PODSHIM_IGNORE_READ");
}

/* A block of the arena per calloc: each size that is asked for makes one. */
static void no_memory(void **state)
{
	int n;
	(void)state;

	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		static char list[1 << 18];
		struct ps_err e = { .cls = PS_OK };

		memset(list, 'x', sizeof(list) - 1);
		for (size_t i = 500; i < sizeof(list) - 1; i += 500)
			list[i] = ',';
		struct perm_builder *b = perm_builder_new(&a, PERM_FLAG, "the flags");
		int r = b ? perm_builder_add(b, POLICY_READ, POLICY_ALLOW, list, "--x", &e) : -1;
		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		if (b) {
			assert_int_equal(e.cls, PS_E_OS);
			assert_non_null(strstr(e.msg, "read the permissions of the flags: Cannot allocate memory"));
		}
	}
	assert_in_range(n, 3, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_entries),   cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(lengths_and_numbers_are_bounded), cmocka_unit_test(a_layer_keeps_what_was_said),
		cmocka_unit_test(all_and_a_list_conflict), cmocka_unit_test(flags_are_sound),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
