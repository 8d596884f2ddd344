/* SPDX-License-Identifier: Apache-2.0
 * test_plan_confine.c - what permissions take away as rows of a plan: for kernels that can, and errors for those that cannot.
 */
#include "tests/unit/plan_test.h"

#include <linux/audit.h>

#include "base/abi.h"
#include "tests/sim/bpf_sim.h"

static const uint64_t READ = LANDLOCK_ACCESS_FS_READ_FILE, WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE;

static struct ps_arena arena;
static struct policy policy;
static struct host host;

static int setup(void **state)
{
	(void)state;
	arena = (struct ps_arena){ .head = NULL };
	policy = *pt_policy(&arena, "{'ociVersion':'1.3.0','root':{'path':'rootfs'},'process':{'cwd':'/','args':['sh'],'noNewPrivileges':true},"
				    "'linux':{'namespaces':[{'type':'mount'},{'type':'pid'}]}}");
	pt_host(&host, PT_HOST_V2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ps_arena_done(&arena);
	return 0;
}

static void fails(enum ps_err_class cls, const char *where, const char *msg)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	assert_int_equal(plan_compile(&policy, &host, &pt_request, &out, &e), -1);
	assert_string_equal(e.msg, msg);
	assert_string_equal(e.where, where);
	assert_int_equal(e.cls, cls);
}

static void landlock(uint64_t fs, uint64_t scoped)
{
	policy.landlock = (struct policy_landlock){ .handled_fs = fs, .scoped = scoped };
}

static void nothing_asked_is_nothing_planned(void **state)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_compile(&policy, &host, &pt_request, &out);

	(void)state;
	assert_false(p->rebinds.n || p->rootfs_attr_set || p->landlock.n || p->landlock_fs || p->landlock_scoped || p->landlock_flags);
	assert_false(p->guard.n || p->guard_flags || p->mdwe);
}

static void rights_that_the_kernel_lacks_are_errors(void **state)
{
	static const struct { unsigned abi; uint64_t fs, scoped; const char *msg; } rows[] = {
		{ 0, LANDLOCK_ACCESS_FS_EXECUTE, 0, "Landlock of this kernel (ABI 0) does not know the right 0x1 to files" },
		{ 1, LANDLOCK_ACCESS_FS_REFER, 0, "Landlock of this kernel (ABI 1) does not know the right 0x2000 to files" },
		{ 2, LANDLOCK_ACCESS_FS_TRUNCATE, 0, "Landlock of this kernel (ABI 2) does not know the right 0x4000 to files" },
		{ 4, LANDLOCK_ACCESS_FS_IOCTL_DEV, 0, "Landlock of this kernel (ABI 4) does not know the right 0x8000 to files" },
		{ 7, UINT64_C(1) << 16, 0, "Landlock of this kernel (ABI 7) does not know the right 0x10000 to files" },
		{ 5, 0, LANDLOCK_SCOPE_SIGNAL, "Landlock of this kernel (ABI 5) does not know the scopes 0x2" },
		{ 7, 0, 4, "Landlock of this kernel (ABI 7) does not know the scopes 0x4" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		host.landlock_abi = rows[i].abi;
		landlock(rows[i].fs, rows[i].scoped);
		fails(PS_E_UNSUPP, "permissions", rows[i].msg);
	}
	landlock(0, 0);
	policy.mdwe = true;
	host.mdwe = false;
	fails(PS_E_UNSUPP, "permissions", "this kernel cannot forbid that memory becomes executable later (Linux 6.3)");
}

static void rules_give_what_is_taken(void **state)
{
	static const struct policy_landlock_rule rules[] = {
		{ "--allow-write", "/w", LANDLOCK_ACCESS_FS_WRITE_FILE, false, { 0, 0 } },
		{ "--allow-read", "/r", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE, true, { 0, 0 } },
	};
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p;

	(void)state;
	landlock(READ, LANDLOCK_SCOPE_SIGNAL);
	policy.landlock.rules = rules;
	policy.landlock.n_rules = PS_COUNT(rules);
	host.landlock_abi = 6;
	p = pt_compile(&policy, &host, &pt_request, &out);
	assert_int_equal(p->landlock.n, 1);
	const struct plan_landlock_rule *row = PLAN_ROWS(p, struct plan_landlock_rule, p->landlock);

	assert_string_equal(plan_str(p, row->path), "/r");
	assert_true(row->access == READ && row->flags == PLAN_OPTIONAL && !p->landlock_flags);
	assert_string_equal(plan_str(p, row->from), "--allow-read");
	landlock(0, 0);
	policy.landlock.rules = rules;
	policy.landlock.n_rules = PS_COUNT(rules);
	fails(PS_E_BUG, "--allow-write", "Landlock rules that nothing takes away");
	landlock(WRITE, 0);
	policy.landlock.rules = &(struct policy_landlock_rule){ "--allow-read", "r", WRITE, false, { 0, 0 } };
	policy.landlock.n_rules = 1;
	fails(PS_E_BUG, "--allow-read", "a Landlock rule for 'r'");
}

static void rebinds_are_checked(void **state)
{
	static const struct { struct policy_rebind r; const char *msg; } rows[] = {
		{ { "a#/b", "/", MOUNT_ATTR_RDONLY, 0, false, false, { 0, 0 } }, "'/' cannot be bound onto itself" },
		{ { "a#/b", "/x/..", MOUNT_ATTR_RDONLY, 0, false, false, { 0, 0 } }, "'/x/..' cannot be bound onto itself" },
		{ { "a#/b", "x", MOUNT_ATTR_RDONLY, 0, false, false, { 0, 0 } }, "'x' cannot be bound onto itself" },
		{ { "a#/b", "/x", 1, 1, false, false, { 0, 0 } }, "'/x' cannot be bound with flags 0x1 instead of 0x1" },
		{ { "a#/b", "/x", MOUNT_ATTR_IDMAP, 0, false, false, { 0, 0 } }, "'/x' cannot be bound with flags 0x100000 instead of 0" },
	};

	(void)state;
	policy.n_rebinds = 1;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		policy.rebinds = &rows[i].r;
		fails(PS_E_BUG, "a: /b", rows[i].msg);
	}
	policy.n_rebinds = 0;
	policy.rootfs_attr_set = MOUNT_ATTR_IDMAP;
	fails(PS_E_BUG, "config.json: /root", "the root file system cannot have the mount flags 0x100000");
}

static void only_questions_need_a_listener(void **state)
{
	const char *name[] = { "connect" };
	struct policy_seccomp_rule rule = { "--allow-net", SECCOMP_RET_ERRNO | EPERM, { name, 1 }, NULL, 0 };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p;

	(void)state;
	policy.guard = (struct policy_seccomp){ .set = true, .from = "permissions", .default_action = SECCOMP_RET_ALLOW,
						.flags = SECCOMP_FILTER_FLAG_LOG, .rules = &rule, .n_rules = 1 };
	p = pt_compile(&policy, &host, &pt_request, &out);
	assert_true(p->guard.n == 1 && p->guard_flags == SECCOMP_FILTER_FLAG_LOG && !p->seccomp.n);
	rule.action = SECCOMP_RET_USER_NOTIF;
	p = pt_compile(&policy, &host, &pt_request, &out);
	assert_int_equal(p->guard_flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	host.kernel_major = 5;
	host.kernel_minor = 18;
	p = pt_compile(&policy, &host, &pt_request, &out);
	assert_int_equal(p->guard_flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER);
	name[0] = "futex";
	fails(PS_E_BUG, "--allow-net", "a guard cannot stop 'futex'");
	name[0] = "connect";
	policy.guard.default_action = SECCOMP_RET_USER_NOTIF;
	fails(PS_E_BUG, "permissions", "a guard allows what it does not name, or tells of it");
	/* Told of is everything but what init waits and ends by. */
	const char *const own[] = { "futex", "wait4", "close", "write", "munmap", "exit", "exit_group" };
	struct policy_seccomp_rule untold = { "--allow-net", SECCOMP_RET_ALLOW, { own, PS_COUNT(own) }, NULL, 0 };

	policy.guard.rules = &untold;
	p = pt_compile(&policy, &host, &pt_request, &out);
	assert_true(p->guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
	untold.names.n--;
	fails(PS_E_BUG, "permissions", "a guard allows what it does not name, or tells of it");
	policy.guard.rules = &rule;
	policy.guard.default_action = SECCOMP_RET_ALLOW;
	policy.process.no_new_privileges = false;
	fails(PS_E_BUG, "permissions", "permissions take no_new_privs");
}

/* ---- What a guard's program says ---- */

#ifdef __aarch64__
static const uint32_t native[] = { AUDIT_ARCH_AARCH64 };
#else
static const uint32_t native[] = { AUDIT_ARCH_X86_64 };
#endif

static uint32_t says(const struct ps_buf *program, uint32_t arch, int nr, uint64_t arg0, uint64_t arg1)
{
	const struct seccomp_data d = { .nr = nr, .arch = arch, .args = { arg0, arg1 } };
	uint32_t result = 0;

	assert_true(bpf_sim_run((const void *)program->data, program->len / 8, &d, &result));
	return result;
}

/* Rules of several authors, for one call. */
static void the_strictest_rule_counts(void **state)
{
	static const char *const name[] = { "ioctl" };
	static const struct spec_seccomp_arg one = { .index = 0, .value = 1, .op = "SCMP_CMP_EQ" },
					     some = { .index = 0, .value = 0, .op = "SCMP_CMP_NE" },
					     bit = { .index = 1, .value = 4, .value_two = 4, .op = "SCMP_CMP_MASKED_EQ" };
	enum { KILL = SECCOMP_RET_KILL_PROCESS >> 16, ASK = SECCOMP_RET_USER_NOTIF >> 16, TRAP = SECCOMP_RET_TRAP >> 16,
	       LOG = SECCOMP_RET_LOG >> 16, ALLOW = SECCOMP_RET_ALLOW >> 16 };
	static const struct {
		uint32_t a; const struct spec_seccomp_arg *a_if; uint32_t b; const struct spec_seccomp_arg *b_if;
		uint64_t arg0, arg1;
		uint32_t result;
	} rows[] = {
		{ ASK, NULL, KILL, &one, 1, 0, KILL },	 { ASK, NULL, KILL, &one, 2, 0, ASK },
		{ ASK, &some, TRAP, &bit, 1, 6, TRAP },	 { ASK, &some, TRAP, &bit, 1, 2, ASK },
		{ ASK, &some, TRAP, &bit, 0, 4, TRAP },	 { ASK, &some, TRAP, &bit, 0, 2, ALLOW },
		{ LOG, NULL, ASK, NULL, 1, 0, ASK },	 { ASK, NULL, ALLOW, &one, 1, 0, ASK },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		const struct policy_seccomp_rule rules[] = {
			{ "a", rows[i].a << 16, { name, 1 }, rows[i].a_if, rows[i].a_if != NULL },
			{ "b", rows[i].b << 16, { name, 1 }, rows[i].b_if, rows[i].b_if != NULL },
		};
		const struct policy_seccomp s = { .set = true, .default_action = SECCOMP_RET_ALLOW, .archs = native, .n_archs = 1,
						  .rules = rules, .n_rules = 2, .strictest = true };
		ps_auto_buf struct ps_buf out = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(plan_seccomp_compile(&s, &out, &e), 0);
		assert_int_equal(says(&out, native[0], SYS_ioctl, rows[i].arg0, rows[i].arg1), rows[i].result << 16);
		assert_int_equal(says(&out, native[0], SYS_read, 1, 4), SECCOMP_RET_ALLOW);
		/* Foreign calls are closed, x32's among them. */
		assert_int_equal(says(&out, AUDIT_ARCH_I386, 3, 0, 0), SECCOMP_RET_KILL_THREAD);
		if (native[0] == AUDIT_ARCH_X86_64)
			assert_int_equal(says(&out, native[0], 0x40000000 | SYS_read, 0, 0), SECCOMP_RET_KILL_THREAD);
	}
}

static void a_guard_names_known_calls(void **state)
{
	static const char *const name[] = { "no_such_call" };
	static const uint32_t foreign[] = { AUDIT_ARCH_SH };
	static const struct policy_seccomp_rule rule = { "a", SECCOMP_RET_USER_NOTIF, { name, 1 }, NULL, 0 };
	ps_auto_buf struct ps_buf out = { .data = NULL }, plain = { .data = NULL }, strict = { .data = NULL };
	struct policy_seccomp s = { .set = true, .default_action = SECCOMP_RET_ALLOW, .archs = native, .n_archs = 1,
				    .rules = &rule, .n_rules = 1 };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(plan_seccomp_compile(&s, &out, &e), 0);
	plan_seccomp_key(&s, &plain);
	s.strictest = true;
	plan_seccomp_key(&s, &strict);
	assert_true(plain.len < strict.len && memcmp(plain.data, strict.data, plain.len) == 0);
	assert_int_equal(plan_seccomp_compile(&s, &out, &e), -1);
	assert_string_equal(e.msg, "seccomp: no system call 'no_such_call' is known");
	s.n_rules = 0;
	s.archs = foreign;
	assert_int_equal(plan_seccomp_compile(&s, &out, &e), -1);
	assert_string_equal(e.msg, "seccomp: an architecture that no guard can be made for");
}

static void exec_is_confined_like_its_container(void **state)
{
	static const struct policy_rebind rebind = { "--allow-run", "/bin/sh", 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } };
	static const char *const name[] = { "connect" };
	static const struct policy_seccomp_rule rule = { "--allow-net", SECCOMP_RET_USER_NOTIF, { name, 1 }, NULL, 0 };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	landlock(READ, 0);
	policy.mdwe = true;
	policy.rebinds = &rebind;
	policy.n_rebinds = 1;
	policy.guard = (struct policy_seccomp){ .set = true, .from = "permissions", .default_action = SECCOMP_RET_ALLOW,
						.rules = &rule, .n_rules = 1 };
	assert_int_equal(plan_compile_exec(&policy, &host, &pt_request, CLONE_NEWPID, &out, &e), 0);
	const struct plan *p = plan_view(out.data, out.len);

	assert_non_null(p);
	assert_true(p->landlock_fs == READ && p->mdwe && p->guard.n && !p->rebinds.n);
	assert_true(p->guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static void a_launch_takes_more_away(void **state)
{
	static const struct policy_landlock_rule rule = { "launch", "/r", LANDLOCK_ACCESS_FS_READ_FILE, false, { 0, 0 } };
	ps_auto_buf struct ps_buf out = { .data = NULL }, again = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	const struct plan *base, *p;

	(void)state;
	landlock(READ, 0);
	base = pt_compile(&policy, &host, &pt_request, &out);
	struct policy tighter = policy;
	struct plan_program program = { .id = "c2", .tighter = &tighter, .host = &host, .request = &pt_request };

	assert_int_equal(plan_relaunch(base, &(struct plan_program){ .id = "c2" }, &again, &e), 0);
	p = plan_view(again.data, again.len);
	assert_non_null(p);
	assert_true(p->landlock_fs == READ && p->landlock.off == base->landlock.off && plan_confines_as(p, base));

	tighter.landlock = (struct policy_landlock){ READ | WRITE, 0, &rule, 1 };
	tighter.mdwe = true;
	assert_int_equal(plan_relaunch(base, &program, &again, &e), 0);
	p = plan_view(again.data, again.len);
	assert_non_null(p);
	assert_true(p->landlock_fs == (READ | WRITE) && p->landlock.n == 1 && p->mdwe && plan_confines_as(p, base));
	assert_string_equal(plan_str(p, p->id), "c2");

	assert_false(plan_confines_as(base, p));
	tighter.landlock.handled_fs = WRITE;
	assert_int_equal(plan_relaunch(base, &program, &again, &e), -1);
	assert_string_equal(e.msg, "a launch cannot take less away than its runner's own permissions");
	assert_int_equal(e.cls, PS_E_DENIED);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_asked_is_nothing_planned), TEST(rights_that_the_kernel_lacks_are_errors),
		TEST(rules_give_what_is_taken), TEST(rebinds_are_checked), TEST(only_questions_need_a_listener),
		TEST(the_strictest_rule_counts), TEST(a_guard_names_known_calls),
		TEST(exec_is_confined_like_its_container), TEST(a_launch_takes_more_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
