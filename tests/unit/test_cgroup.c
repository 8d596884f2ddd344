/* SPDX-License-Identifier: Apache-2.0
 * test_cgroup.c - cgroups of this machine, all below one name of ours: made, limited, joined.
 */
#include "tests/unit/cgroup_plan_test.h"

static void v2_dir_of(const char *leaf, char out[512])
{
	const struct hierarchy *h = hierarchy_of(2, "");

	if (!h)
		skip();
	(void)snprintf(out, 512, "%s%s%s", h->mount, own_name, leaf);
}

/* ---- Make, join ---- */

static void makes_all(void **state)
{
	int fds = unit_open_fds();

	(void)state;
	make("/c1", 3);
	assert_int_equal(n_dirs, n_hierarchies);
	assert_int_equal(n_existing, 0); /* each was reported before the first was made */
	for (unsigned i = 0; i < n_dirs; i++)
		assert_int_equal(access(dirs[i], F_OK), 0);
	/* Again: empty ones may be taken over. */
	make("/c1", 3);
	assert_int_equal(n_existing, n_hierarchies);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	for (unsigned i = 0; i < n_dirs; i++)
		assert_int_equal(access(dirs[i], F_OK), -1);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(unit_open_fds(), fds);
}

static int refuse(void *ctx, const char *dir, struct ps_err *err)
{
	(void)ctx;
	return ps_fail(err, PS_E_BUG, "no room for '%s'", dir);
}

static void refuses(void **state)
{
	static const struct {
		const char *mount, *path, *text;
		uint32_t version;
	} cases[] = {
		{ NULL, "/", "cgroup path '/' is the root of '", 1 },
		{ NULL, "", "cgroup path '' is the root of '", 1 },
		{ NULL, "/a/../b", "cgroup path '/a/../b' holds '..'", 1 },
		{ NULL, "/..", "cgroup path '/..' holds '..'", 1 },
		{ "/tmp", "/a", "'/tmp' is no cgroup file system of version 1", 1 },
		{ "/tmp", "/a", "'/tmp' is no cgroup file system of version 2", 2 },
		{ "/nonexistent", "/a", "open cgroup hierarchy '/nonexistent'", 1 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		const char *mount = cases[i].mount ? cases[i].mount : hierarchies[0].mount;

		memset(&t, 0, sizeof(t));
		n_dirs = 0;
		const struct plan_cgroup row[] = { { .mount = tp_str(&t, mount), .path = tp_str(&t, cases[i].path),
						     .version = cases[i].version } };
		t.plan.cgroups = TP_ROWS(&t, row);
		assert_error(cgroup_make(&t.plan, record, NULL, &e), cases[i].text);
		assert_int_equal(n_dirs, 0);
	}
	plan_for("/c1", 3);
	assert_error(cgroup_make(&t.plan, refuse, NULL, &e), "no room for '");
	make("/c1", 3);
	assert_int_equal(n_existing, 0); /* the failed record left nothing */
}

static void refuses_populated(void **state)
{
	struct cgroup_fds fds;
	pid_t pid;
	char v2[512];

	(void)state;
	make("/c1/below", 3);
	v2_dir_of("/c1/below", v2);
	pid = spawn(v2, NULL, NULL);
	plan_for("/c1", 3);
	assert_error(cgroup_make(&t.plan, record, NULL, &e), "container's cgroup is not empty: '");
	assert_non_null(strstr(e.msg, "' holds 1 processes"));
	assert_int_equal(e.cls, PS_E_STATE);
	assert_int_equal(n_dirs, 0); /* nothing of others was reported as ours */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	plan_for("/gone", 3);
	assert_error(cgroup_open(&t.plan, &fds, &e), "open cgroup '");
}

static void join_and_look(void *arg)
{
	const struct cgroup_fds *fds = arg;
	char line[512], want[64];
	unsigned found = 0;
	FILE *f;

	CHECK_OK(cgroup_join(fds->tasks, fds->n_tasks, &e), &e);
	(void)snprintf(want, sizeof(want), ":%s/c1\n", own_name);
	f = fopen("/proc/self/cgroup", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found += strstr(line, want) != NULL;
	CHECK(found == n_dirs);
}

static void joins_all(void **state)
{
	struct cgroup_fds fds = CGROUP_FDS_INIT;
	int before = unit_open_fds(), bad[1] = { -1 };
	char v2[512];

	(void)state;
	make("/c1", 3);
	assert_ok(cgroup_open(&t.plan, &fds, &e));
	assert_true(fds.n_tasks + (fds.v2_fd >= 0) == n_dirs);
	v2_dir_of("/c1", v2);
	assert_int_equal(wait_status(spawn(v2, join_and_look, &fds)), 0);
	cgroup_fds_close(&fds);
	assert_int_equal(fds.n_tasks, 0);
	assert_int_equal(fds.v2_fd, -1);
	assert_int_equal(unit_open_fds(), before);
	assert_error(cgroup_join(bad, 1, &e), "join cgroup hierarchy #0");
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
}

/* Parents of a cpuset that nobody filled. */
static void cpuset_is_filled(void **state)
{
	const struct hierarchy *h = hierarchy_of(1, "cpuset");
	char path[512], have[256], want[256];

	(void)state;
	if (!h)
		skip();
	(void)snprintf(path, sizeof(path), "%s%s", h->mount, own_name);
	assert_int_equal(mkdir(path, 0755), 0);
	make("/a/b/c1", 1);
	for (int i = 0; i < 2; i++) {
		const char *file = i ? "cpuset.mems" : "cpuset.cpus";

		(void)snprintf(path, sizeof(path), "%s/%s", h->mount, file);
		(void)first_line(path, want, sizeof(want));
		(void)snprintf(path, sizeof(path), "%s%s/a/b/c1/%s", h->mount, own_name, file);
		assert_string_equal(first_line(path, have, sizeof(have)), want);
		assert_true(*have);
	}
}

/* Somebody else removes the shared parent whenever it is empty. */
static void remove_parent(void *arg)
{
	const struct hierarchy *h = arg;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s%s", h->mount, own_name);
	for (;;)
		(void)rmdir(path);
}

static void parent_removed_meanwhile(void **state)
{
	const struct hierarchy *h = hierarchy_of(1, "pids");
	pid_t pid;

	(void)state;
	if (!h)
		skip();
	pid = fork();
	if (pid == 0)
		remove_parent((void *)(uintptr_t)h);
	plan_for("/c1", 1);
	const struct plan_cgroup row[] = { PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups)[row_of(1, "pids")] };

	t.plan.cgroups = TP_ROWS(&t, row);
	for (int i = 0; i < 100; i++) {
		n_dirs = 0;
		assert_ok(cgroup_make(&t.plan, record, NULL, &e));
		assert_ok(cgroup_remove(dirs, n_dirs, &e));
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
}

/* ---- Limits ---- */

static const char *value_of(uint32_t row, const char *file, char buf[64])
{
	const struct plan_cgroup *c = &PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups)[row];
	char path[512];

	(void)snprintf(path, sizeof(path), "%s%s/%s", plan_str(&t.plan, c->mount), plan_str(&t.plan, c->path), file);
	return first_line(path, buf, 64);
}

static void limits(void **state)
{
	struct plan_cgroup_file f[5];
	uint32_t memory, pids;
	char buf[64];

	(void)state;
	make("/c1", 1);
	memory = row_of(1, "memory");
	pids = row_of(1, "pids");
	add_file(&f[0], pids, "pids.max", "7", 0);
	add_file(&f[1], memory, "memory.limit_in_bytes", "67108864", 0);
	add_file(&f[2], memory, "memory.memsw.limit_in_bytes", "67108864", 0);
	add_file(&f[3], memory, "memory.no_such", "1", PLAN_CGROUP_OPTIONAL);
	add_file(&f[4], pids, "pids.max", "8", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(pids, "pids.max", buf), "8");
	assert_string_equal(value_of(memory, "memory.memsw.limit_in_bytes", buf), "67108864");

	/* Raised: memory alone cannot go first, lowered: it must. */
	add_file(&f[1], memory, "memory.limit_in_bytes", "134217728", 0);
	add_file(&f[2], memory, "memory.memsw.limit_in_bytes", "134217728", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(memory, "memory.limit_in_bytes", buf), "134217728");
	add_file(&f[1], memory, "memory.memsw.limit_in_bytes", "33554432", 0);
	add_file(&f[2], memory, "memory.limit_in_bytes", "33554432", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(memory, "memory.memsw.limit_in_bytes", buf), "33554432");
}

static void limits_refused(void **state)
{
	static const struct {
		const char *controller, *file, *value, *text;
		enum ps_err_class cls;
	} cases[] = {
		{ "pids", "pids.max", "many", "/c1/pids.max' to 'many': Invalid argument", PS_E_OS },
		{ "memory", "memory.memsw.limit_in_bytes", "4096",
		  "/c1/memory.memsw.limit_in_bytes' to '4096': memory and swap together cannot be less than memory alone", PS_E_UNSUPP },
		{ "memory", "memory.no_such", "1", "/c1/memory.no_such' to '1': this kernel or hierarchy has no such file", PS_E_UNSUPP },
		{ "memory", "../memory.limit_in_bytes", "1", "'../memory.limit_in_bytes' is no cgroup file name", PS_E_CONFIG },
		{ "cpuset", "cpuset.cpus", "4000", "/c1/cpuset.cpus' to '4000': ", PS_E_OS },
	};

	(void)state;
	make("/c1", 1);
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		struct plan_cgroup_file f[1];

		add_file(&f[0], row_of(1, cases[i].controller), cases[i].file, cases[i].value, 0);
		t.plan.cgroup_files = TP_ROWS(&t, f);
		assert_error(cgroup_limit(&t.plan, &e), cases[i].text);
		assert_int_equal(e.cls, cases[i].cls);
		if (e.cls != PS_E_CONFIG)
			assert_string_equal(e.where, "/linux/resources");
		assert_null(strstr(e.msg, "No such file"));
	}
}

/* A controller that the version 2 root has, and one of its files with a harmless value. */
static bool v2_controller(char name[32], const char **ret_file, const char **ret_value)
{
	static const char *const known[][3] = { { "pids", "pids.max", "100" }, { "hugetlb", "hugetlb.2MB.max", "0" },
						{ "memory", "memory.max", "1073741824" } };
	const struct hierarchy *h = hierarchy_of(2, "");
	char path[256], text[512];

	if (!h)
		return false;
	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", h->mount);
	(void)first_line(path, text, sizeof(text));
	for (size_t i = 0; i < PS_COUNT(known); i++)
		if (strstr(text, known[i][0])) {
			(void)snprintf(name, 32, "%s", known[i][0]);
			*ret_file = known[i][1];
			*ret_value = known[i][2];
			return true;
		}
	return false;
}

static void v2_controllers(void **state)
{
	const struct hierarchy *h = hierarchy_of(2, "");
	const char *file = NULL, *value = NULL;
	char name[32], control[256], enabled[512], text[64], busy[512];
	struct plan_cgroup_file f[1];
	pid_t pid;

	(void)state;
	if (!v2_controller(name, &file, &value))
		skip();
	(void)snprintf(control, sizeof(control), "%s/cgroup.subtree_control", h->mount);
	(void)first_line(control, enabled, sizeof(enabled));

	plan_for("/a/c1", 2);
	add_file(&f[0], 0, file, value, 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_make(&t.plan, record, NULL, &e));
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(0, file, text), value);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));

	/* Processes in a parent. */
	make("/b", 2);
	v2_dir_of("/b", busy);
	pid = spawn(busy, NULL, NULL);
	plan_for("/b/c1", 2);
	add_file(&f[0], 0, file, value, 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_error(cgroup_make(&t.plan, record, NULL, &e), "cgroup controller '");
	assert_non_null(strstr(e.msg, "because processes are in it: move them into a cgroup below, or choose another "
				      "/linux/cgroupsPath"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);

	plan_for("/c1", 2);
	add_file(&f[0], 0, "nosuch.max", "1", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_error(cgroup_make(&t.plan, record, NULL, &e), "cgroup controller 'nosuch' is not available in '");
	assert_int_equal(e.cls, PS_E_UNSUPP);

	/* The machine's root gets back what it had. */
	assert_int_equal(clean(NULL), 0);
	if (!strstr(enabled, name)) {
		(void)snprintf(text, sizeof(text), "-%s", name);
		assert_ok(ps_write_file_at(AT_FDCWD, control, text, &e));
	}
}

static void v2_delegation(void **state)
{
	static const char *const files[] = { "", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads" };
	struct stat st;
	char path[600];

	(void)state;
	make("/c1", 2);
	t.plan.cgroup_chown = 1;
	t.plan.cgroup_uid = 12345;
	assert_ok(cgroup_limit(&t.plan, &e));
	for (size_t i = 0; i < PS_COUNT(files); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", dirs[0], files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 12345);
	}
	(void)snprintf(path, sizeof(path), "%s/cgroup.freeze", dirs[0]);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

static void open_null(void *arg)
{
	(void)arg;
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM);
}

/* Device rules are a program where no version 1 hierarchy has them. */
static void v2_devices(void **state)
{
	const struct plan_device_rule deny[] = { { 0, 'a', 7, -1, -1 } };

	(void)state;
	make("/c1", 2);
	t.plan.device_rules = TP_ROWS(&t, deny);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_int_equal(wait_status(spawn(dirs[0], open_null, NULL)), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, clean)
	const struct CMUnitTest tests[] = {
		TEST(makes_all), TEST(refuses),		 TEST(refuses_populated), TEST(joins_all),
		TEST(cpuset_is_filled), TEST(parent_removed_meanwhile), TEST(limits), TEST(limits_refused),
		TEST(v2_controllers), TEST(v2_delegation), TEST(v2_devices),
	};

	return cmocka_run_group_tests(tests, find, NULL);
}
