/* SPDX-License-Identifier: Apache-2.0
 * test_privileges.c - capabilities, ids, no_new_privs, as the kernel sees them afterwards.
 */
#include "tests/unit/sandbox_test.h"

#include "shim/sandbox/privileges.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

static struct test_plan t;
static struct ps_err e;

/* A set of /proc/self/status: "CapEff". */
static uint64_t status_set(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t value = UINT64_MAX;
	char line[256];

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name) + 1, NULL, 16);
	(void)fclose(f);
	return value;
}

static void bounding(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	CHECK_OK(caps_drop_bounding(&sb, &e), &e);
	CHECK(status_set("CapBnd") & CAP(SYS_ADMIN));
	t.plan.has_caps = 1;
	t.plan.caps.bounding = CAP(CHOWN) | CAP(KILL);
	CHECK_OK(caps_drop_bounding(&sb, &e), &e);
	CHECK(status_set("CapBnd") == (CAP(CHOWN) | CAP(KILL)));
}

static void bounding_refused(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.has_caps = 1;
	CHECK_OK(caps_apply(&sb, &e), &e); /* nothing left, CAP_SETPCAP neither */
	CHECK_ERR(caps_drop_bounding(&sb, &e), &e, "drop capability 0 from the bounding set");
}

static void sets(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.has_caps = 1;
	t.plan.caps = (struct plan_caps){
		.bounding = CAP(CHOWN) | CAP(KILL) | CAP(NET_BIND_SERVICE),
		.permitted = CAP(CHOWN) | CAP(KILL) | CAP(NET_BIND_SERVICE),
		.effective = CAP(CHOWN) | CAP(KILL),
		.inheritable = CAP(KILL),
		.ambient = CAP(KILL),
	};
	CHECK_OK(caps_drop_bounding(&sb, &e), &e);
	CHECK_OK(caps_apply(&sb, &e), &e);
	CHECK(status_set("CapPrm") == t.plan.caps.permitted);
	CHECK(status_set("CapEff") == t.plan.caps.effective);
	CHECK(status_set("CapInh") == t.plan.caps.inheritable);
	CHECK(status_set("CapAmb") == t.plan.caps.ambient);
	CHECK(status_set("CapBnd") == t.plan.caps.bounding);
}

/* What cannot be had is dropped, and never makes the launch fail. */
static void sets_ungrantable(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.has_caps = 1;
	t.plan.caps = (struct plan_caps){
		.bounding = CAP(CHOWN),
		.permitted = CAP(CHOWN) | UINT64_C(1) << 63,
		.effective = CAP(CHOWN) | CAP(KILL) | UINT64_C(1) << 63,
		.inheritable = CAP(CHOWN) | CAP(KILL),
		.ambient = CAP(CHOWN) | CAP(KILL) | CAP(SYS_ADMIN),
	};
	CHECK_OK(caps_drop_bounding(&sb, &e), &e);
	CHECK_OK(caps_apply(&sb, &e), &e);
	CHECK(status_set("CapPrm") == CAP(CHOWN) && status_set("CapEff") == CAP(CHOWN));
	CHECK(status_set("CapInh") == CAP(CHOWN) && status_set("CapAmb") == CAP(CHOWN));
}

static void ids(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const uint32_t groups[] = { 7, 5000 };
	gid_t have[4];
	uid_t u[3];
	gid_t g[3];

	(void)arg;
	t.plan.uid = 1234;
	t.plan.gid = 4321;
	t.plan.groups = TP_ROWS(&t, groups);
	t.plan.has_umask = 1;
	t.plan.umask = 0127;
	t.plan.has_caps = 1;
	t.plan.caps.permitted = t.plan.caps.effective = t.plan.caps.bounding = CAP(NET_RAW);
	CHECK_OK(caps_drop_bounding(&sb, &e), &e);
	CHECK_OK(creds_apply(&sb, &e), &e);
	CHECK_OK(caps_apply(&sb, &e), &e);
	CHECK(getresuid(&u[0], &u[1], &u[2]) == 0 && u[0] == 1234 && u[1] == 1234 && u[2] == 1234);
	CHECK(getresgid(&g[0], &g[1], &g[2]) == 0 && g[0] == 4321 && g[1] == 4321 && g[2] == 4321);
	CHECK(getgroups(4, have) == 2 && have[0] == 7 && have[1] == 5000);
	CHECK(umask(0) == 0127);
	CHECK(status_set("CapEff") == CAP(NET_RAW));
	CHECK(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	CHECK(setuid(0) < 0);
}

/* Without a capability list, a change of uid drops what it always drops. */
static void ids_without_caps(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.uid = t.plan.gid = 1234;
	(void)umask(022);
	CHECK_OK(creds_apply(&sb, &e), &e);
	CHECK_OK(caps_apply(&sb, &e), &e);
	CHECK(status_set("CapEff") == 0 && status_set("CapPrm") == 0);
	CHECK(getgroups(0, NULL) == 0);
	CHECK(umask(0) == 022);
}

/* A user namespace of an unprivileged user: one id, setgroups denied. */
static void enter_single_map(void)
{
	struct ps_err err;

	CHECK(ps_sys_setgroups(0, NULL) == 0 && ps_sys_setresgid(5555, 5555, 5555) == 0 &&
	      ps_sys_setresuid(5555, 5555, 5555) == 0);
	/* The change of uid made us non-dumpable, our files in /proc root's. */
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny", &err), &err);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/self/uid_map", "0 5555 1\n", &err), &err);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/self/gid_map", "0 5555 1\n", &err), &err);
}

static void setgroups_denied(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const uint32_t groups[] = { 0 };

	(void)arg;
	enter_single_map();
	t.plan.user_from = tp_str(&t, "config.json#/process/user");
	t.plan.ns_new = CLONE_NEWUSER;
	CHECK_OK(creds_apply(&sb, &e), &e);
	t.plan.groups = TP_ROWS(&t, groups);
	CHECK_ERR(
		creds_apply(&sb, &e), &e,
		"additional groups cannot be set here: the user namespace denies setgroups(2); map the groups with newgidmap, or "
		"remove them");
	CHECK(strcmp(e.where, "config.json: /process/user/additionalGids") == 0 && e.cls == PS_E_UNSUPP);
}

static void unmapped_ids(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	enter_single_map();
	t.plan.user_from = tp_str(&t, "config.json#/process/user");
	t.plan.ns_new = CLONE_NEWUSER;
	t.plan.gid = 9;
	CHECK_ERR(creds_apply(&sb, &e), &e, "group 9 is not mapped in the container's user namespace");
	CHECK(strcmp(e.where, "config.json: /process/user/gid") == 0);
	t.plan.gid = 0;
	t.plan.uid = 8;
	t.plan.user_from = tp_str(&t, "--user");
	CHECK_ERR(creds_apply(&sb, &e), &e, "user 8 is not mapped in the container's user namespace");
	CHECK(strcmp(e.where, "--user") == 0);
}

static void without_cap_setgid(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const uint32_t groups[] = { 7 };

	(void)arg;
	CHECK(ps_sys_setgroups(1, groups) == 0);
	t.plan.has_caps = 1;
	CHECK_OK(caps_apply(&sb, &e), &e);
	t.plan.has_caps = 0;
	CHECK_ERR(creds_apply(&sb, &e), &e, "drop the supplementary groups");
	t.plan.groups = TP_ROWS(&t, groups);
	CHECK_ERR(creds_apply(&sb, &e), &e,
		  "additional groups cannot be set here: the runtime has no CAP_SETGID");
}

static void new_privs(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	CHECK_OK(no_new_privs_apply(&sb, &e), &e);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	t.plan.no_new_privs = 1;
	CHECK_OK(no_new_privs_apply(&sb, &e), &e);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

CHILD_TEST(bounding)
CHILD_TEST(bounding_refused)
CHILD_TEST(sets)
CHILD_TEST(sets_ungrantable)
CHILD_TEST(ids)
CHILD_TEST(ids_without_caps)
CHILD_TEST(setgroups_denied)
CHILD_TEST(unmapped_ids)
CHILD_TEST(without_cap_setgid)
CHILD_TEST(new_privs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounding),
		cmocka_unit_test(test_bounding_refused),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_sets_ungrantable),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_without_caps),
		cmocka_unit_test(test_setgroups_denied),
		cmocka_unit_test(test_unmapped_ids),
		cmocka_unit_test(test_without_cap_setgid),
		cmocka_unit_test(test_new_privs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
