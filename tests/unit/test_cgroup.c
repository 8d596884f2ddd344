/* SPDX-License-Identifier: Apache-2.0
 * test_cgroup.c - cgroups of this machine, all below one name of ours: made, limited, joined.
 */
#include "tests/unit/cgroup_plan_test.h"
#include "tests/unit/fault.h"

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
	for (unsigned i = 0; i < n_dirs; i++)
		assert_int_equal(access(dirs[i], F_OK), 0);
	make("/c1", 3); /* empty ones may be taken over */
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	for (unsigned i = 0; i < n_dirs; i++)
		assert_int_equal(access(dirs[i], F_OK), -1);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(unit_open_fds(), fds);
}

static void makes_one_version(void **state)
{
	const struct plan_cgroup *rows;

	(void)state;
	plan_for("/c1", 3);
	rows = PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups);
	assert_ok(cgroup_make(&t.plan, 2, 0, &e));
	for (unsigned i = 0; i < n_dirs; i++)
		assert_int_equal(access(dirs[i], F_OK), rows[i].version == 2 ? 0 : -1);
}

static void refuses(void **state)
{
	static const struct {
		const char *mount, *path, *text;
	} cases[] = {
		{ NULL, "/", "cgroup path '/' is the root of '" },
		{ NULL, "", "cgroup path '' is the root of '" },
		{ NULL, "/a/../b", "cgroup path '/a/../b' holds '..'" },
		{ NULL, "/..", "cgroup path '/..' holds '..'" },
		{ "/proc", "/a", "make cgroup '/proc/a'" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		memset(&t, 0, sizeof(t));
		const struct plan_cgroup row[] = { {
			.mount = tp_str(&t, cases[i].mount ? cases[i].mount : hierarchies[0].mount),
			.path = tp_str(&t, cases[i].path),
			.version = 1,
		} };
		t.plan.cgroups = TP_ROWS(&t, row);
		assert_error(cgroup_make(&t.plan, 1, 0, &e), cases[i].text);
	}
}

static void refuses_populated(void **state)
{
	struct cgroup_fds fds = CGROUP_FDS_INIT;
	pid_t pid;
	char v2[512];

	(void)state;
	make("/c1/below", 3);
	v2_dir_of("/c1/below", v2);
	pid = spawn(v2, NULL, NULL);
	plan_for("/c1", 3);
	assert_error(make_planned(), "container's cgroup is not empty: '");
	assert_non_null(strstr(e.msg, "' holds 1 processes"));
	assert_int_equal(e.cls, PS_E_STATE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	plan_for("/gone", 3);
	assert_error(open_planned(&fds), "open cgroup '");
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
	assert_ok(open_planned(&fds));
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

/* WRAP: mkdir write */
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
static unsigned n_lost; /* so many times somebody removes the shared parent just before */

int __wrap_mkdir(const char *path, mode_t mode)
{
	char parent[512];
	char *end;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	end = strstr(parent, "/c1");
	if (n_lost && end) {
		*end = '\0';
		n_lost -= rmdir(parent) == 0;
	}
	return __real_mkdir(path, mode);
}

static void parent_removed_meanwhile(void **state)
{
	(void)state;
	n_lost = 3;
	make("/c1", 2);
	assert_int_equal(n_lost, 0);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	n_lost = 1000;
	plan_for("/c1", 2);
	assert_error(make_planned(), "make cgroup '");
	assert_true(n_lost > 900); /* gave up */
	n_lost = 0;
}

/* exec's way in: the directories that the record names. */
static void opens_recorded(void **state)
{
	struct cgroup_fds planned = CGROUP_FDS_INIT, recorded = CGROUP_FDS_INIT;
	const char *gone = "/sys/fs/cgroup/podshim-none";
	int fds = unit_open_fds();

	(void)state;
	make("/c1", 3);
	assert_ok(open_planned(&planned));
	assert_ok(cgroup_open_dirs(dirs, n_dirs, NULL, getpid(), &recorded, &e));
	assert_int_equal(planned.n_tasks, recorded.n_tasks);
	assert_int_equal(planned.v2_fd < 0, recorded.v2_fd < 0);
	cgroup_fds_close(&planned);
	cgroup_fds_close(&recorded);
	assert_error(cgroup_open_dirs(&gone, 1, NULL, getpid(), &recorded, &e),
		     "open cgroup '/sys/fs/cgroup/podshim-none' to join it");
	assert_int_equal(unit_open_fds(), fds);
}

/* ---- Limits ---- */

static const char *value_of(uint32_t row, const char *file, char buf[64])
{
	const struct plan_cgroup *c = &PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups)[row];
	char path[512];

	(void)snprintf(path, sizeof(path), "%s%s/%s", plan_str(&t.plan, c->mount), plan_str(&t.plan, c->path),
		       file);
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

/* A row for where the one before has no file; the later of such a chain, too. */
static void limits_or_the_next(void **state)
{
	struct plan_cgroup_file f[3];
	uint32_t pids;
	char buf[64];

	(void)state;
	make("/c1", 1);
	pids = row_of(1, "pids");
	add_file(&f[0], pids, "pids.max", "7", PLAN_CGROUP_OR_NEXT);
	add_file(&f[1], pids, "pids.max", "8", 0);
	add_file(&f[2], pids, "pids.no_such", "1", PLAN_CGROUP_OPTIONAL);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(pids, "pids.max", buf), "7");
	add_file(&f[0], pids, "pids.no_such", "9", PLAN_CGROUP_OR_NEXT);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_string_equal(value_of(pids, "pids.max", buf), "8");
	add_file(&f[1], pids, "pids.no_such_either", "9", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_int_equal(cgroup_limit(&t.plan, &e), -1);
	assert_non_null(strstr(e.msg, "pids.no_such_either' to '9': this kernel or hierarchy has no such file"));
}

static void limits_refused(void **state)
{
	static const struct {
		const char *controller, *file, *value, *text;
		enum ps_err_class cls;
	} cases[] = {
		{ "pids", "pids.max", "many", "/c1/pids.max' to 'many': Invalid argument", PS_E_OS },
		{ "memory", "memory.memsw.limit_in_bytes", "4096",
		  "/c1/memory.memsw.limit_in_bytes' to '4096': memory and swap together cannot be less than memory alone",
		  PS_E_UNSUPP },
		{ "memory", "memory.no_such", "1",
		  "/c1/memory.no_such' to '1': this kernel or hierarchy has no such file", PS_E_UNSUPP },
		{ "memory", "../memory.limit_in_bytes", "1",
		  "'../memory.limit_in_bytes' is no cgroup file name", PS_E_CONFIG },
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
	static const char *const known[][3] = { { "pids", "pids.max", "100" },
						{ "hugetlb", "hugetlb.2MB.max", "0" },
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
	const char *file = "", *value = "";
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
	assert_ok(make_planned());
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
	assert_error(make_planned(), "cgroup controller '");
	assert_non_null(
		strstr(e.msg, "because processes are in it: move them into a cgroup below, or choose another "
			      "/linux/cgroupsPath"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);

	plan_for("/c1", 2);
	add_file(&f[0], 0, "nosuch.max", "1", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_error(make_planned(), "cgroup controller 'nosuch' is not available in '");
	assert_int_equal(e.cls, PS_E_UNSUPP);

	/* The machine's root gets back what it had. */
	assert_int_equal(clean(NULL), 0);
	if (!strstr(enabled, name)) {
		(void)snprintf(text, sizeof(text), "-%s", name);
		assert_ok(ps_write_file_at(AT_FDCWD, control, text, &e));
	}
}

/* A stand-in for a version 2 hierarchy: what is written where, level by level, whatever this machine has. */
FAULT_WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1)

static int stand_in(char root[PATH_MAX], const char *file)
{
	int fd = unit_mkdir(root);
	struct plan_cgroup_file f[2];

	assert_int_equal(mkdirat(fd, "a", 0755), 0);
	assert_int_equal(mkdirat(fd, "a/b", 0755), 0);
	unit_write(fd, "cgroup.subtree_control", "cpu io memory pids\n");
	unit_write(fd, "a/cgroup.subtree_control", "cpu io pids\n");
	memset(&t, 0, sizeof(t));
	const struct plan_cgroup row[] = {
		{ .mount = tp_str(&t, root), .path = tp_str(&t, "/a/c1"), .version = 2 }
	};

	t.plan.cgroups = TP_ROWS(&t, row);
	add_file(&f[0], 0, file, "1", 0);
	add_file(&f[1], 0, "cgroup.max.depth", "1", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	return fd;
}

static void v2_enables_level_by_level(void **state)
{
	char root[PATH_MAX];
	int fd = stand_in(root, "rdma.max");

	(void)state;
	assert_ok(cgroup_make(&t.plan, 2, 0, &e));
	/* Plain files keep what they are not overwritten with: the last write is at their start. */
	unit_assert_file(fd, "cgroup.subtree_control", "+rdmao memory pids\n");
	unit_assert_file(fd, "a/cgroup.subtree_control", "+memorypids\n");
	assert_int_equal(faccessat(fd, "a/b/cgroup.subtree_control", F_OK, 0), -1);
	unit_rmdir(root, fd);
}

static void v2_cannot_enable(void **state)
{
	static const struct {
		int cause;
		enum ps_err_class cls;
		const char *text;
	} cases[] = {
		{ ENOENT, PS_E_UNSUPP, "/' (used by a version 1 hierarchy, or not delegated)" },
		{ EINVAL, PS_E_UNSUPP, "cgroup controller 'rdma' is not available in '" },
		{ EBUSY, PS_E_STATE,
		  "/' because processes are in it: move them into a cgroup below, or choose another /linux/cgroupsPath" },
		{ EOPNOTSUPP, PS_E_STATE, "/', which is threaded or below a threaded cgroup: choose another /linux/cgroupsPath" },
		{ EACCES, PS_E_OS, "enable cgroup controller 'rdma' in '" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		char root[PATH_MAX];
		int fd = stand_in(root, "rdma.max");

		fault_arm(1, cases[i].cause);
		assert_error(cgroup_make(&t.plan, 2, 0, &e), cases[i].text);
		assert_string_equal(fault_disarm(), "write");
		assert_int_equal(e.cls, cases[i].cls);
		unit_rmdir(root, fd);
	}
}

/* Above processes nothing is enabled: the kernel would let cpu and pids through and make the cgroup threaded. */
static void v2_leaves_populated_parents_alone(void **state)
{
	char root[PATH_MAX];
	int fd = stand_in(root, "rdma.max");

	(void)state;
	unit_write(fd, "cgroup.subtree_control", "cpu io memory pids rdma\n");
	unit_write(fd, "a/cgroup.type", "domain\n");
	unit_write(fd, "a/cgroup.procs", "1\n");
	assert_error(cgroup_make(&t.plan, 2, 0, &e), "/a' because processes are in it: ");
	unit_assert_file(fd, "a/cgroup.subtree_control", "cpu io pids\n");
	unit_rmdir(root, fd);

	fd = stand_in(root, "cpu.max");
	unit_write(fd, "a/cgroup.type", "domain\n");
	unit_write(fd, "a/cgroup.procs", "1\n");
	assert_ok(cgroup_make(&t.plan, 2, 0, &e));
	unit_assert_file(fd, "a/cgroup.subtree_control", "cpu io pids\n");
	unit_rmdir(root, fd);
}

static void v2_refuses_what_no_process_can_be_in(void **state)
{
	static const struct { const char *file, *text, *error; } rows[] = {
		{ "a/c1/cgroup.type", "threaded\n", "/a/c1' is of type 'threaded': choose a /linux/cgroupsPath outside of" },
		{ "a/c1/cgroup.type", "domain invalid\n", "/a/c1' is of type 'domain invalid': " },
		{ "a/c1/cgroup.subtree_control", "cpu\n",
		  "/a/c1' has controllers enabled for cgroups below (cpu): no process can be in it" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char root[PATH_MAX];
		int fd = stand_in(root, "cpu.max");

		assert_int_equal(mkdirat(fd, "a/c1", 0755), 0);
		unit_write(fd, rows[i].file, rows[i].text);
		assert_error(cgroup_make(&t.plan, 2, 0, &e), rows[i].error);
		assert_int_equal(e.cls, PS_E_STATE);
		unit_rmdir(root, fd);
	}
}

/* A payload with cgroups of its own has left the container's; exec goes where init is. */
static void joins_where_the_member_is(void **state)
{
	__attribute__((cleanup(cgroup_fds_close))) struct cgroup_fds f = CGROUP_FDS_INIT;
	char root[PATH_MAX];
	int fd = stand_in(root, "cpu.max");
	const char *dir = root;
	struct stat want, got;

	(void)state;
	unit_write(fd, "cgroup.procs", "");
	unit_write(fd, "a/cgroup.procs", "4\n");
	unit_write(fd, "a/b/cgroup.procs", "0\n5\n6\n");
	assert_ok(cgroup_open_dirs(&dir, 1, NULL, 6, &f, &e));
	assert_int_equal(fstat(f.v2_fd, &got), 0);
	assert_int_equal(fstatat(fd, "a/b", &want, 0), 0);
	assert_int_equal(got.st_ino, want.st_ino);
	assert_error(cgroup_open_dirs(&dir, 1, NULL, 7, &f, &e),
		     "': its payload has enabled controllers in it (cpu io memory pids), and process 7 is in none below");
	unit_write(fd, "cgroup.subtree_control", "");
	cgroup_fds_close(&f);
	assert_ok(cgroup_open_dirs(&dir, 1, NULL, 7, &f, &e));
	assert_int_equal(fstat(f.v2_fd, &got), 0);
	assert_int_equal(fstat(fd, &want), 0);
	assert_int_equal(got.st_ino, want.st_ino);
	unit_rmdir(root, fd);
}

/* What only makes statistics complete may be missing. */
static void v2_statistics_are_optional(void **state)
{
	char root[PATH_MAX];
	int fd = stand_in(root, "cpu.max");

	(void)state;
	fault_arm(1, EBUSY); /* "+memory" in /a, the only one that is not enabled */
	assert_ok(cgroup_make(&t.plan, 2, 0, &e));
	assert_string_equal(fault_disarm(), "write");
	unit_assert_file(fd, "a/cgroup.subtree_control", "cpu io pids\n");
	unit_rmdir(root, fd);
}

static void v2_delegation(void **state)
{
	static const char *const files[] = { "", "/cgroup.procs", "/cgroup.subtree_control",
					     "/cgroup.threads" };
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
	const struct plan_device_rule deny[] = { { 0, 'a', 7, 0, -1, -1 } };

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
		TEST(makes_all),
		TEST(makes_one_version),
		TEST(opens_recorded),
		TEST(refuses),
		TEST(refuses_populated),
		TEST(joins_all),
		TEST(cpuset_is_filled),
		TEST(parent_removed_meanwhile),
		TEST(limits),
		TEST(limits_or_the_next),
		TEST(limits_refused),
		TEST(v2_controllers),
		TEST(v2_enables_level_by_level),
		TEST(v2_cannot_enable),
		TEST(v2_leaves_populated_parents_alone),
		TEST(v2_refuses_what_no_process_can_be_in),
		TEST(joins_where_the_member_is),
		TEST(v2_statistics_are_optional),
		TEST(v2_delegation),
		TEST(v2_devices),
	};

	return cmocka_run_group_tests(tests, find, NULL);
}
