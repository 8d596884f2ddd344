/* SPDX-License-Identifier: Apache-2.0
 * test_check.c - what a host lacks and what a configuration needs, on hosts that are made up.
 */
#include "tests/unit/unit.h"

#include <linux/capability.h>

#include "base/abi.h"
#include "shim/pod/check.h"

/* One that has everything, and a caller who may do everything. */
static void everything(struct survey *s)
{
	static const struct survey_ns ns[SURVEY_N_NS] = {
		{ "user", CLONE_NEWUSER, true }, { "pid", CLONE_NEWPID, true }, { "net", CLONE_NEWNET, true }, { "mnt", CLONE_NEWNS, true },
		{ "ipc", CLONE_NEWIPC, true },	 { "uts", CLONE_NEWUTS, true }, { "cgroup", CLONE_NEWCGROUP, true }, { "time", CLONE_NEWTIME, true },
	};

	*s = (struct survey){
		.host = { .kernel_major = 6, .kernel_minor = 18, .landlock_abi = 7, .mdwe = true, .memfd_noexec = true, .cgroup_mode = HOST_CGROUP_V2 },
		.release = "6.18.0", .machine = "x86_64", .can_user_ns = true, .max_user_namespaces = 100, .unprivileged_userns_clone = -1,
		.apparmor_restrict_userns = -1, .yama_ptrace_scope = 1, .io_uring_disabled = 0, .newuidmap = true, .newgidmap = true,
		.seccomp_actions = "kill_process errno user_notif log allow", .filesystems = "tmpfs proc sysfs overlay ", .caps = UINT64_MAX,
		.max_files = 1024, .cgroup_dir = "/sys/fs/cgroup",
	};
	memcpy(s->ns, ns, sizeof(ns));
	for (size_t i = 0; i < SURVEY_N_CONTROLLERS; i++)
		s->controllers[i] = (struct survey_controller){ 2, true };
}

static const struct check_fact *fact_of(const struct check_report *r, const char *name)
{
	for (size_t i = 0; i < r->facts.n; i++)
		if (!strcmp(CHECK_ROWS(check_fact, r->facts)[i].name, name))
			return &CHECK_ROWS(check_fact, r->facts)[i];
	fail_msg("no fact '%s'", name);
	return NULL;
}

/* The code of the only thing that is lost; NULL: nothing is. */
static const char *lost(const struct survey *s, const char *name)
{
	static struct ps_arena a;
	struct check_report r = { .a = &a };
	const char *code = NULL;

	ps_arena_done(&a);
	assert_int_equal(check_host(&r, s), 0);
	for (size_t i = 0; i < r.facts.n; i++) {
		const struct check_fact *f = &CHECK_ROWS(check_fact, r.facts)[i];

		assert_true(!f->lost || (f->code && f->text && f->hint));
		if (!f->lost)
			continue;
		assert_null(code);
		assert_string_equal(f->name, name);
		code = f->code;
	}
	assert_int_equal(check_fails(&r), code != NULL);
	return code;
}

static void a_host_with_everything(void **state)
{
	struct survey s;

	(void)state;
	everything(&s);
	assert_null(lost(&s, NULL));
}

static void each_thing_that_is_missing(void **state)
{
	struct survey s;

	(void)state;
#define WITHOUT(change, name, code)                         \
	do {                                                \
		everything(&s);                             \
		change;                                     \
		assert_string_equal(lost(&s, name), code);  \
	} while (0)
	WITHOUT(s.host.landlock_abi = 0, "landlock", "no-landlock");
	WITHOUT(s.host.landlock_abi = 2, "landlock", "landlock-truncate");
	WITHOUT(s.host.landlock_abi = 4, "landlock", "landlock-ioctl");
	WITHOUT(s.host.landlock_abi = 5, "landlock", "landlock-scope");
	WITHOUT(s.host.mdwe = false, "mdwe", "no-mdwe");
	WITHOUT(s.host.memfd_noexec = false, "memfd_noexec", "no-memfd-noexec");
	WITHOUT((void)snprintf(s.seccomp_actions, sizeof(s.seccomp_actions), "%s", "kill_process errno allow"), "seccomp", "no-seccomp-notify");
	WITHOUT(s.seccomp_actions[0] = '\0', "seccomp", "no-seccomp-notify");
	WITHOUT(s.yama_ptrace_scope = 3, "yama ptrace_scope", "no-ptrace");
	WITHOUT(s.ns[7].there = false, "namespaces", "no-namespace");
	WITHOUT(s.can_user_ns = false, "user namespaces", "no-user-namespace");
	WITHOUT(s.cgroup_dir[0] = '\0', "cgroups", "no-cgroup");
	WITHOUT(s.controllers[SURVEY_pids].ours = false, "cgroup pids", "no-controller");
	WITHOUT((void)snprintf(s.filesystems, sizeof(s.filesystems), "%s", "tmpfs fuse.overlay "), "overlay", "no-overlay");
	WITHOUT((s.proc_covered = true, s.caps = 0), "procfs", "proc-covered");
	/* Root of the host mounts a /proc whatever is over ours; and these are no business of podshim's. */
	everything(&s);
	s.proc_covered = true;
	s.controllers[SURVEY_io] = s.controllers[SURVEY_hugetlb] = (struct survey_controller){ 0, false };
	s.newuidmap = false;
	assert_null(lost(&s, NULL));
}

static void why_there_are_no_user_namespaces(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct check_report r = { .a = &a };
	struct survey s;

	(void)state;
	everything(&s);
	s.can_user_ns = false;
	s.max_user_namespaces = 0;
	assert_int_equal(check_host(&r, &s), 0);
	assert_non_null(strstr(fact_of(&r, "user namespaces")->hint, "user.max_user_namespaces=15000"));
	r = (struct check_report){ .a = &a };
	s.max_user_namespaces = 100;
	s.unprivileged_userns_clone = 0;
	assert_int_equal(check_host(&r, &s), 0);
	assert_non_null(strstr(fact_of(&r, "user namespaces")->hint, "kernel.unprivileged_userns_clone=1"));
	r = (struct check_report){ .a = &a };
	s.unprivileged_userns_clone = 1;
	s.apparmor_restrict_userns = 1;
	assert_int_equal(check_host(&r, &s), 0);
	assert_non_null(strstr(fact_of(&r, "user namespaces")->hint, "AppArmor profile"));
}

static void limits_take_cgroups(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct permissions g = { .active = true,
				       .settings = { .memory = { true, 1024, "--memory" }, .pids = { true, 7, "p.json#/limits/pids" },
						     .output = { true, 10, "--output-limit" } } };
	struct check_report r = { .a = &a, .target = "x" };
	struct survey s;

	(void)state;
	everything(&s);
	s.controllers[SURVEY_memory].version = 1;
	s.controllers[SURVEY_pids].ours = false;
	assert_int_equal(check_limits(&r, &s, &g, /* cgroups= */ true), 0);
	assert_int_equal(r.n_limits, 3);
	assert_int_equal(r.limits[0].by, 1U << MECHANISM_CGROUP1);
	assert_int_equal(r.limits[1].by, 0);
	assert_false(r.limits[1].sound);
	assert_int_equal(r.limits[2].by, 1U << MECHANISM_COUNTER);
	assert_int_equal(r.findings.n, 1);
	assert_string_equal(CHECK_ROWS(check_finding, r.findings)[0].at, "p.json: /limits/pids");
	assert_string_equal(CHECK_ROWS(check_finding, r.findings)[0].code, "no-cgroup");
	assert_true(check_fails(&r));

	r = (struct check_report){ .a = &a, .target = "x" };
	assert_int_equal(check_limits(&r, &s, &g, /* cgroups= */ false), 0);
	assert_int_equal(r.findings.n, 2);
}

static bool is_there(const struct check_report *r, const char *what)
{
	for (size_t i = 0; i < r->needs.n; i++)
		if (!strcmp(CHECK_ROWS(check_need, r->needs)[i].what, what))
			return CHECK_ROWS(check_need, r->needs)[i].there;
	fail_msg("'%s' is not needed", what);
	return false;
}

static void needs_of_a_policy(void **state)
{
	static const struct policy_mount mounts[] = {
		{ .from = "config.json#/mounts/0", .target = "/proc", .fstype = "proc", .source = "proc" },
		{ .from = "config.json#/mounts/1", .target = "/n", .fstype = "nosuchfs", .source = "n" },
		{ .from = "config.json#/mounts/2", .target = "/b", .fstype = "", .source = "/nowhere", .bind = true },
	};
	static const struct policy_seccomp_rule rules[] = { { .action = SECCOMP_RET_USER_NOTIF } };
	ps_auto_arena struct ps_arena a = { 0 };
	struct policy p = { .file = "config.json", .mounts = mounts, .n_mounts = 3, .rootfs = { .from = "config.json#/root/path", .path = "/" },
			    .guard = { .set = true, .rules = rules, .n_rules = 1, .default_action = SECCOMP_RET_ALLOW },
			    .resources = { .from = "config.json#/linux/resources", .memory_limit = { true, 1 } } };
	struct check_report r = { .a = &a, .target = "x" };
	struct survey s;

	(void)state;
	p.ns[0] = (struct policy_ns){ CLONE_NEWUSER, POLICY_NS_NEW, NULL, "config.json#/linux/namespaces/0" };
	p.ns[7] = (struct policy_ns){ CLONE_NEWTIME, POLICY_NS_NEW, NULL, "config.json#/linux/namespaces/1" };
	everything(&s);
	s.ns[7].there = false;
	assert_int_equal(check_needs(&r, &s, &p, true), 0);
	assert_true(is_there(&r, "the root file system /"));
	assert_true(is_there(&r, "the file system type proc"));
	assert_false(is_there(&r, "the file system type nosuchfs"));
	assert_false(is_there(&r, "the source /nowhere"));
	assert_true(is_there(&r, "a user namespace"));
	assert_false(is_there(&r, "a time namespace"));
	assert_true(is_there(&r, "the seccomp action user_notif"));
	assert_true(is_there(&r, "the cgroup controller memory"));
	r = (struct check_report){ .a = &a, .target = "x" };
	s.can_user_ns = false;
	s.seccomp_actions[0] = '\0';
	assert_int_equal(check_needs(&r, &s, &p, false), 0);
	assert_false(is_there(&r, "a user namespace"));
	assert_false(is_there(&r, "the seccomp action user_notif"));
	assert_false(is_there(&r, "the cgroup controller memory"));
}

static void texts_have_codes(void **state)
{
	(void)state;
	assert_string_equal(check_code_of("this kernel cannot limit what is read (no Landlock)").code, "no-landlock");
	assert_string_equal(check_code_of("'x' is missing, and what is made there could not be denied (a '?' behind it accepts that)").code, "missing");
	assert_string_equal(check_code_of("something new").code, "not-enforceable");
}

static void parsers(void **state)
{
	struct survey s = { .max_files = 0 };

	(void)state;
	survey_parse_filesystems(&s, "nodev\tproc\n\text4\nnodev\toverlay\n");
	assert_true(survey_has_fs(&s, "proc") && survey_has_fs(&s, "ext4") && survey_has_fs(&s, "overlay"));
	assert_false(survey_has_fs(&s, "ext") || survey_has_fs(&s, "nodev") || survey_has_fs(&s, ""));
	assert_false(survey_parse_covered("25 1 0:5 / /proc rw - proc proc rw\n26 25 0:6 / /proc/sys/fs/binfmt_misc rw - autofs a rw\n"));
	assert_true(survey_parse_covered("25 1 0:5 / /proc rw - proc proc rw\n26 25 0:6 /x /proc/sys ro - proc proc rw\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_with_everything), cmocka_unit_test(each_thing_that_is_missing),
		cmocka_unit_test(why_there_are_no_user_namespaces), cmocka_unit_test(limits_take_cgroups), cmocka_unit_test(needs_of_a_policy),
		cmocka_unit_test(texts_have_codes), cmocka_unit_test(parsers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
