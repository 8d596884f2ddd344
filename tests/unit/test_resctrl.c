/* SPDX-License-Identifier: Apache-2.0
 * test_resctrl.c - groups of resctrl, in a folder that stands for it.
 */
#include "tests/unit/sandbox_test.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shim/sandbox/resctrl.h"

static struct test_plan t;
static struct ps_err e;
static char top[PATH_MAX];
static int top_fd;

static int setup(void **state)
{
	struct statfs fs;

	(void)state;
	top_fd = unit_mkdir(top);
	assert_int_equal(statfs(top, &fs), 0);
	resctrl_root = top;
	resctrl_magic = (long)fs.f_type;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(top, top_fd);
	return 0;
}

/* A plan of container "c1" with a group; lines end with NULL. */
static const struct plan *plan_of(const char *group, uint32_t flags, const char *const *lines)
{
	(void)tp_fresh(&t, &e);
	t.plan.id = tp_str(&t, "c1");
	const struct plan_rdt row[] = { { .from = tp_str(&t, "config.json#/linux/intelRdt"), .group = tp_str(&t, group), .flags = flags,
					  .schemata = tp_strs(&t, lines) } };

	t.plan.rdt = TP_ROWS(&t, row);
	t.plan.rootfs_fd = 0;
	return &t.plan;
}
#define PLAN(group, flags, ...) plan_of((group), (flags), (const char *const[]){ __VA_ARGS__, NULL })

static void make_group(const char *name, const char *schemata)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/mon_groups", name);
	assert_int_equal(mkdirat(top_fd, name, 0755), 0);
	assert_int_equal(mkdirat(top_fd, path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/tasks", name);
	unit_write(top_fd, path, "");
	(void)snprintf(path, sizeof(path), "%s/schemata", name);
	unit_write(top_fd, path, schemata);
}

static void assert_failed(const char *where, const char *text)
{
	assert_string_equal(e.where, where);
	if (!strstr(e.msg, text))
		fail_msg("'%s' lacks '%s'", e.msg, text);
}

static void schemata_are_compared(void **state)
{
	static const char have[] = "    MB:0=100;1= 70\n    L3:0=007ff;1=1f\nL3CODE:0=3\n";

	(void)state;
	assert_true(resctrl_is_same(have, "L3:0=7ff;1=1F"));
	assert_true(resctrl_is_same(have, "L3:1=1f"));
	assert_true(resctrl_is_same(have, "MB:1=70;0=100"));
	assert_false(resctrl_is_same(have, "MB:1=71"));
	assert_false(resctrl_is_same(have, "MB:2=70"));
	assert_false(resctrl_is_same(have, "L2:0=1"));
	assert_false(resctrl_is_same(have, "L3:0"));
	assert_false(resctrl_is_same(have, "L3CODE:1=1f"));
	assert_false(resctrl_is_same(have, "banana"));
	assert_false(resctrl_is_same("", "L3:0=1"));
}

static void absent(void **state)
{
	const struct plan *p = PLAN("c1", 0, "L3:0=1");

	(void)state;
	assert_int_equal(resctrl_check(p, &e), 0);
	resctrl_magic++;
	assert_int_equal(resctrl_check(p, &e), -1);
	assert_int_equal(e.cls, PS_E_UNSUPP);
	assert_failed("config.json: /linux/intelRdt", "no resctrl file system is mounted at");
	(void)tp_fresh(&t, &e);
	assert_int_equal(resctrl_check(&t.plan, &e), 0);
}

/* Where nothing was asked for nothing is looked at. */
static void none(void **state)
{
	char group[PATH_MAX], monitor[PATH_MAX];
	bool made = false;

	(void)state;
	(void)tp_fresh(&t, &e);
	assert_int_equal(resctrl_name(&t.plan, group, monitor, &e), 0);
	assert_true(!*group && !*monitor);
	assert_int_equal(resctrl_make(&t.plan, false, &made, &e), 0);
	assert_int_equal(resctrl_join(&t.plan, 7, &e), 0);
	assert_false(made);
}

static void a_new_group(void **state)
{
	char group[PATH_MAX], monitor[PATH_MAX], want[PATH_MAX + 64];
	const struct plan *p = PLAN("c1", PLAN_RDT_MONITOR, "L3:0=1");
	bool made = false;

	(void)state;
	assert_int_equal(resctrl_name(p, group, monitor, &e), 0);
	(void)snprintf(want, sizeof(want), "%s/c1", top);
	assert_string_equal(group, want);
	(void)snprintf(want, sizeof(want), "%s/c1/mon_groups/c1", top);
	assert_string_equal(monitor, want);
	/* A folder has no files of its own: the first of them cannot be opened. */
	assert_int_equal(mkdirat(top_fd, "info", 0755), 0);
	unit_write(top_fd, "info/last_cmd_status", "mask has bits\n");
	assert_int_equal(resctrl_make(p, true, &made, &e), -1);
	assert_true(made);
	assert_failed("config.json: /linux/intelRdt", "write the schema 'L3:0=1'");
	assert_failed("config.json: /linux/intelRdt", "mask has bits");
	assert_int_equal(resctrl_remove(group, &e), 0);
	assert_int_equal(faccessat(top_fd, "c1", F_OK, 0), -1);
	assert_int_equal(resctrl_remove(group, &e), 0);
	/* Without schemata only the folder is made; the kernel's files are put into it here. */
	p = PLAN("c1", 0, NULL);
	assert_int_equal(resctrl_make(p, true, &made, &e), 0);
	unit_write(top_fd, "c1/tasks", "");
	assert_int_equal(resctrl_join(p, 4711, &e), 0);
	unit_assert_file(top_fd, "c1/tasks", "4711");
	/* One that came meanwhile is somebody else's. */
	made = false;
	assert_int_equal(resctrl_make(p, true, &made, &e), -1);
	assert_false(made);
	assert_failed("config.json: /linux/intelRdt/closID", "somebody else has just made the group 'c1'");
}

static void a_group_that_is_there(void **state)
{
	char group[PATH_MAX], monitor[PATH_MAX];
	const struct plan *p = PLAN("shared", PLAN_RDT_MONITOR, "L3:0=7f", "MB:0=50");
	bool made = true;

	(void)state;
	make_group("shared", "L3:0=07f;1=ff\nMB:0=50;1=100\n");
	assert_int_equal(resctrl_name(p, group, monitor, &e), 0);
	assert_string_equal(group, "");
	assert_int_equal(resctrl_make(p, false, &made, &e), 0);
	assert_false(made);
	unit_assert_file(top_fd, "shared/schemata", "L3:0=07f;1=ff\nMB:0=50;1=100\n");
	unit_write(top_fd, "shared/mon_groups/c1/tasks", "");
	assert_int_equal(resctrl_join(p, 12, &e), 0);
	unit_assert_file(top_fd, "shared/tasks", "12");
	unit_assert_file(top_fd, "shared/mon_groups/c1/tasks", "12");
	p = PLAN("shared", 0, "L3:0=3f");
	assert_int_equal(resctrl_make(p, false, &made, &e), -1);
	assert_failed("config.json: /linux/intelRdt/closID", "the group 'shared' is there, and has not the schema 'L3:0=3f'");
	p = PLAN("missing", PLAN_RDT_MUST_EXIST, NULL);
	assert_int_equal(resctrl_name(p, group, monitor, &e), 0);
	assert_string_equal(group, "");
	assert_int_equal(resctrl_make(p, false, &made, &e), -1);
	assert_failed("config.json: /linux/intelRdt/closID", "there is no group 'missing'");
}

static void the_root(void **state)
{
	const struct plan *p = PLAN("", PLAN_RDT_MUST_EXIST, NULL);
	bool made = true;

	(void)state;
	unit_write(top_fd, "tasks", "");
	assert_int_equal(resctrl_make(p, false, &made, &e), 0);
	assert_int_equal(resctrl_join(p, 3, &e), 0);
	unit_assert_file(top_fd, "tasks", "3");
	p = PLAN("gone", 0, NULL);
	assert_int_equal(resctrl_join(p, 3, &e), -1);
	assert_failed("config.json: /linux/intelRdt", "join the group");
}

#define IN_FOLDER(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(schemata_are_compared), IN_FOLDER(absent), IN_FOLDER(none), IN_FOLDER(a_new_group),
		IN_FOLDER(a_group_that_is_there), IN_FOLDER(the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
