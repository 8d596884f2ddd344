/* SPDX-License-Identifier: Apache-2.0
 * test_mechanism.c - what enforces each entry, on kernels that are made up, and what is told of that which nothing does.
 */
#include "tests/unit/restrict_test.h"

#include "shim/policy/mechanism.h"

#define BY(m) (1U << MECHANISM_##m)

/* The rows of what RESTRICT made last; they live as long as that. */
static const struct mechanism_row *rows;
static size_t n_rows;

static void judge(struct rt *t, const char *doc, const struct rt_entry *v)
{
	struct ps_err e = { 0 };

	if (rt_run(t, doc, v) < 0)
		fail_msg("%s: %s", t->e.where, t->e.msg);
	assert_int_equal(mechanisms_of(&t->a, rt_permissions(t, v), t->p, &rows, &n_rows, &e), 0);
}
#define JUDGE(t, doc, ...) judge(t, doc, ENTRIES(__VA_ARGS__))

static const struct mechanism_row *row(const char *kind, const char *action, const char *value)
{
	for (size_t i = 0; i < n_rows; i++)
		if (!strcmp(rows[i].kind, kind) && !strcmp(rows[i].action, action) &&
		    (value && rows[i].value ? !strcmp(rows[i].value, value) : value == rows[i].value))
			return &rows[i];
	fail_msg("no row %s %s %s", kind, action, value ? value : "-");
	return NULL;
}

static void files(void **state)
{
	struct rt *t = *state;

	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "/work"), DENY(READ, "/work/.env"), ALLOW(WRITE, "/work/out"));
	assert_int_equal(row("read", "allow", "/work")->by, BY(LANDLOCK));
	assert_int_equal(mechanism_row_tier(row("read", "allow", "/work")), 1);
	assert_true(row("read", "allow", "/work")->sound);
	assert_int_equal(row("read", "deny", "/work/.env")->by, BY(MASK) | BY(LANDLOCK));
	assert_int_equal(row("write", "allow", "/work/out")->by, BY(READONLY) | BY(LANDLOCK));
	assert_true(row("read", "deny", NULL)->by_default);
	/* Denials alone: nothing has to be listed. */
	JUDGE(t, RT_DOC("", ""), DENY(WRITE, "/work"));
	assert_true(row("write", "deny", "/work")->by & BY(READONLY));
	for (size_t i = 0; i < n_rows; i++)
		assert_false(rows[i].by_default);
	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "*"), ALLOW(WRITE, "/work"));
	assert_false(row("read", "allow", NULL)->limits);
	assert_int_equal(row("read", "allow", NULL)->by, 0);
}

static void programs(void **state)
{
	struct rt *t = *state;

	JUDGE(t, RT_DOC("", ""), ALLOW(RUN, "other"), ALLOW(READ, "*"));
	assert_int_equal(row("run", "allow", "other")->by & (BY(NOEXEC) | BY(LANDLOCK)), BY(NOEXEC) | BY(LANDLOCK));
	assert_true(row("ffi", "deny", NULL)->by & BY(MDWE));
	t->settings.jit = (struct opt_bool){ true, true };
	JUDGE(t, RT_DOC("", ""), ALLOW(RUN, "other"), ALLOW(READ, "*"));
	assert_false(row("ffi", "deny", NULL)->by & BY(MDWE));
	/* Then memory files are what is left, which only root can forbid. */
	assert_true(row("run", "allow", "other")->by & BY(MEMFD));
	assert_int_equal(mechanism_row_tier(row("run", "allow", "other")), 3);
}

static void networks(void **state)
{
	struct rt *t = *state;

	JUDGE(t, RT_DOC("", ""), ALLOW(NET, "a.example:443,10.0.0.1:80"));
	assert_true(row("net", "allow", "10.0.0.1:80")->by & BY(SWAP));
	assert_false(row("net", "allow", "10.0.0.1:80")->by & BY(ROUTED));
	assert_int_equal(mechanism_row_tier(row("net", "allow", "10.0.0.1:80")), 2);
	JUDGE(t, RT_DOC_NS("{'type':'mount'},{'type':'pid'},{'type':'uts'}", "", ""), ALLOW(NET, "10.0.0.1:80"));
	assert_true(row("net", "allow", "10.0.0.1:80")->by & BY(ROUTED));
	assert_false(row("net", "allow", "10.0.0.1:80")->by & (BY(SWAP) | BY(NETNS)));
	/* With nothing allowed, and nobody who is told, nobody is asked. */
	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	assert_int_equal(row("net", "deny", NULL)->by, BY(NETNS) | BY(GUARD));
	assert_int_equal(mechanism_row_tier(row("net", "deny", NULL)), 0);
}

static void what_only_watches(void **state)
{
	struct rt *t = *state;

	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "/work"), { POLICY_READ, POLICY_WARN, "/work/in" });
	assert_int_equal(row("read", "warn", "/work/in")->by, BY(TELL));
	assert_false(row("read", "warn", "/work/in")->sound);
	t->settings.mode.set = true;
	t->settings.mode.v = PERM_AUDIT;
	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	assert_int_equal(row("read", "allow", "/work")->by, BY(TELL));
	assert_false(row("read", "allow", "/work")->sound);
}

static void what_every_process_is_told(void **state)
{
	struct rt *t = *state;

	JUDGE(t, RT_DOC("", ""), ALLOW(SYS, "uid,hostname,cpus"));
	assert_int_equal(row("sys", "allow", "uid")->by, 0);
	assert_false(row("sys", "allow", "uid")->sound);
	assert_int_equal(row("sys", "allow", "hostname")->by, BY(UTS));
	assert_int_equal(row("sys", "allow", "cpus")->by, BY(PROCFS));
}

/* On a kernel without Landlock: strict, the first is an error; best effort, all of them are rows with their origin. */
static void what_nothing_enforces(void **state)
{
	struct rt *t = *state;
	bool landlock = false, told = false;

	t->host.landlock_abi = 0;
	REFUSES(t, RT_DOC("", ""), "read: this kernel cannot limit what is read (no Landlock)", ALLOW(READ, "/work"));
	t->settings.best_effort = (struct opt_bool){ true, true };
	JUDGE(t, RT_DOC("", ""), ALLOW(READ, "/work"), DENY(SYS, "uid"));
	assert_int_equal(row("read", "allow", "/work")->by, 0);
	assert_true(row("read", "allow", "/work")->limits);
	assert_false(row("read", "allow", "/work")->sound);
	for (size_t i = 0; i < t->p->n_degraded; i++) {
		const struct policy_degraded *d = &t->p->degraded[i];

		landlock |= d->permission == POLICY_READ && !d->from && strstr(d->text, "no Landlock");
		told |= d->permission == POLICY_SYS && !strcmp(d->from, "--flag") && strstr(d->text, "'uid'");
	}
	assert_true(landlock && told);
	assert_true(rt_says(&t->p->warnings, "no Landlock"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		TEST(files), TEST(programs), TEST(networks), TEST(what_only_watches), TEST(what_every_process_is_told), TEST(what_nothing_enforces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
