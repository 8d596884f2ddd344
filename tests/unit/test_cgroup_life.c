/* SPDX-License-Identifier: Apache-2.0
 * test_cgroup_life.c - cgroups of this machine, all below one name of ours: frozen, listed, killed, removed.
 */
#include "tests/unit/cgroup_plan_test.h"

#include <poll.h>

/* ---- Freeze, kill, list ---- */

static struct cgroup_fds joined = CGROUP_FDS_INIT;
static int ready[2];

static const char *v2_of_dirs(void)
{
	const struct plan_cgroup *rows = PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups);

	for (unsigned i = 0; i < t.plan.cgroups.n; i++)
		if (rows[i].version == 2)
			return dirs[i];
	return NULL;
}

/* A process in all of dirs, by the launch's own way. */
static void join_and_run(void *arg)
{
	void (*const *fn)(void) = arg;

	for (unsigned i = 0; i < joined.n_tasks; i++)
		if (write(joined.tasks[i], "0", 1) != 1)
			_exit(1);
	if (write(ready[1], "r", 1) != 1)
		_exit(1);
	(*fn)();
	for (;;)
		(void)pause();
}

static void do_nothing(void)
{
}

static pid_t spawn_inside(void (*fn)(void))
{
	char c;
	pid_t pid;

	assert_ok(open_planned(&joined));
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = spawn(joined.v2_fd >= 0 ? v2_of_dirs() : NULL, join_and_run, &fn);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	cgroup_fds_close(&joined);
	return pid;
}

static void freezes(unsigned versions)
{
	pid_t pid;

	make("/c1", versions);
	pid = spawn_inside(do_nothing);
	assert_int_equal(cgroup_frozen(dirs, n_dirs), 0);
	assert_ok(cgroup_freeze(dirs, n_dirs, true, &e));
	assert_int_equal(cgroup_frozen(dirs, n_dirs), 1);
	assert_ok(cgroup_freeze(dirs, n_dirs, true, &e));
	assert_ok(cgroup_freeze(dirs, n_dirs, false, &e));
	assert_int_equal(cgroup_frozen(dirs, n_dirs), 0);
	/* Killed while frozen. */
	assert_ok(cgroup_freeze(dirs, n_dirs, true, &e));
	assert_ok(cgroup_kill_all(dirs, n_dirs, &e));
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(cgroup_frozen(dirs, n_dirs), -1);
	assert_error(cgroup_freeze(dirs, n_dirs, true, &e),
		     "freeze the container: none of its cgroups has a freezer");
	assert_error(cgroup_freeze(dirs, n_dirs, false, &e),
		     "thaw the container: none of its cgroups has a freezer");
	assert_ok(cgroup_kill_all(dirs, n_dirs, &e)); /* missing is success */
}

static void freezes_v1(void **state)
{
	(void)state;
	if (!hierarchy_of(1, "freezer"))
		skip();
	freezes(1);
}

static void freezes_v2(void **state)
{
	(void)state;
	freezes(2);
}

static void freezes_hybrid(void **state)
{
	(void)state;
	if (!hierarchy_of(1, "freezer"))
		skip();
	freezes(3);
}

/* Frozen through version 1, once by somebody outside, once by the payload in a cgroup of its own. */
static void kills_v1_frozen(unsigned versions, bool inside)
{
	const struct hierarchy *h = hierarchy_of(1, "freezer");
	char path[512];
	const char *freezer = path;
	pid_t pid;

	if (!h)
		skip();
	make("/c1/in", versions);
	pid = spawn_inside(do_nothing);
	for (unsigned i = 0; i < n_dirs; i++)
		*strstr(dirs_room[i], "/in") = '\0';
	(void)snprintf(path, sizeof(path), "%s%s/c1%s", h->mount, own_name, inside ? "/in" : "");
	assert_ok(cgroup_freeze(&freezer, 1, true, &e));
	assert_int_equal(cgroup_frozen(dirs, n_dirs), !inside);
	assert_ok(cgroup_kill_all(dirs, n_dirs, &e));
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
}

static void kills_frozen(void **state)
{
	(void)state;
	kills_v1_frozen(1, false);
	kills_v1_frozen(3, false);
}

static void kills_frozen_inside(void **state)
{
	(void)state;
	kills_v1_frozen(1, true);
	kills_v1_frozen(3, true);
}

/* Keeps forking until it is killed. */
static void fork_on(void)
{
	for (int i = 0; i < 20000; i++) {
		pid_t pid = fork();

		if (pid > 0)
			(void)poll(NULL, 0, 1);
		else if (pid == 0)
			(void)pause();
	}
}

/* Processes in a cgroup that the payload made below its own. */
static void nested(unsigned versions, void (*fn)(void))
{
	pid_t inner, *pids = NULL;
	char deepest[600];
	size_t n = 0;

	make("/c1/in/ner", versions);
	inner = spawn_inside(fn);
	(void)snprintf(deepest, sizeof(deepest), "%s", dirs[0]);
	for (unsigned i = 0; i < n_dirs; i++)
		*strstr(dirs_room[i], "/in/ner") = '\0';
	assert_ok(cgroup_pids(dirs, n_dirs, &pids, &n, &e));
	assert_true(n >= 1);
	assert_true(fn != do_nothing || (n == 1 && pids[0] == inner));
	free(pids);
	assert_ok(cgroup_kill_all(dirs, n_dirs, &e));
	assert_int_equal(wait_status(inner), 128 + SIGKILL);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(access(deepest, F_OK), -1);
	pids = (pid_t *)&n;
	assert_error(cgroup_pids(dirs, n_dirs, &pids, &n, &e),
		     "the container has no cgroup to list processes of");
	assert_ptr_equal(pids, &n);
}

static void nested_v1(void **state)
{
	(void)state;
	if (!hierarchy_of(1, "freezer"))
		skip();
	nested(1, do_nothing);
	nested(1, fork_on);
}

static void nested_v2(void **state)
{
	(void)state;
	nested(2, do_nothing);
	nested(2, fork_on);
}

/* ---- Remove, oom ---- */

/* Deeper than any recursion with a fd for each level would get. */
static void removes_deep(void **state)
{
	enum { DEPTH = 1500 };
	int top, at, fds;

	(void)state;
	make("/c1", 2);
	top = open(dirs[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	at = dup(top);
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(at, "wide", 0755), 0);
		assert_int_equal(mkdirat(at, "deep", 0755), 0);
		next = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(at);
		at = next;
	}
	(void)close(at);
	(void)close(top);
	fds = unit_open_fds();
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(access(dirs[0], F_OK), -1);
	assert_int_equal(unit_open_fds(), fds);
}

static void remove_populated(unsigned versions)
{
	pid_t pid;

	make("/c1/below", versions);
	pid = spawn_inside(do_nothing);
	for (unsigned i = 0; i < n_dirs; i++)
		*strstr(dirs_room[i], "/below") = '\0';
	cgroup_patience_ms = 5;
	assert_error(cgroup_remove(dirs, n_dirs, &e), "remove cgroup '");
	assert_non_null(strstr(e.msg, "/c1': it is still in use after 5 ms"));
	assert_int_equal(e.cls, PS_E_STATE);
	cgroup_patience_ms = 10000;
	assert_ok(cgroup_kill_all(dirs, n_dirs, &e));
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
}

static void removes_not_populated(void **state)
{
	const char *file = "/etc/passwd";

	(void)state;
	remove_populated(1);
	remove_populated(2);
	assert_error(cgroup_remove(&file, 1, &e), "remove cgroup '/etc/passwd': Not a directory");
}

static void counts_oom_kills(void **state)
{
	(void)state;
	make("/c1", 1);
	(void)row_of(1, "memory");
	assert_int_equal(cgroup_oom_kills(dirs, n_dirs), 0);
	assert_ok(cgroup_remove(dirs, n_dirs, &e));
	assert_int_equal(cgroup_oom_kills(dirs, n_dirs), -1);
}

/* Touches twice what it may have. */
static void use_memory(void *arg)
{
	enum { SIZE = 32 << 20 };
	char *p;

	CHECK_OK(cgroup_join(((struct cgroup_fds *)arg)->tasks, ((struct cgroup_fds *)arg)->n_tasks, &e), &e);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	for (size_t i = 0; i < SIZE; i += 4096)
		p[i] = 1;
}

static void sees_oom_kill(void **state)
{
	struct cgroup_fds fds = CGROUP_FDS_INIT;
	struct plan_cgroup_file f[2];
	uint32_t memory;

	(void)state;
	make("/c1", 1);
	memory = row_of(1, "memory");
	add_file(&f[0], memory, "memory.limit_in_bytes", "16777216", 0);
	add_file(&f[1], memory, "memory.memsw.limit_in_bytes", "16777216", 0);
	t.plan.cgroup_files = TP_ROWS(&t, f);
	assert_ok(cgroup_limit(&t.plan, &e));
	assert_ok(open_planned(&fds));
	assert_int_equal(wait_status(spawn(NULL, use_memory, &fds)), 128 + SIGKILL);
	cgroup_fds_close(&fds);
	assert_int_equal(cgroup_oom_kills(dirs, n_dirs), 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, clean)
	const struct CMUnitTest tests[] = {
		TEST(freezes_v1),	TEST(freezes_v2),	   TEST(freezes_hybrid),
		TEST(kills_frozen),	TEST(kills_frozen_inside), TEST(nested_v1),
		TEST(nested_v2),	TEST(removes_deep),	   TEST(removes_not_populated),
		TEST(counts_oom_kills), TEST(sees_oom_kill),
	};

	return cmocka_run_group_tests(tests, find, NULL);
}
