/* SPDX-License-Identifier: Apache-2.0
 * test_namespaces.c - namespaces joined, made, mapped and named; seen through /proc.
 */
#include "tests/unit/sandbox_test.h"

#include <time.h>

#include "base/proc.h"
#include "shim/sandbox/namespaces.h"
#include "shim/sandbox/privileges.h"

enum { SOME_UID = 5555, SOME_GID = 6666, MAPPED = 42 };

static struct test_plan t;
static struct ps_err e;
static int fds[4];

static struct sandbox fresh(void)
{
	memset(&t, 0, sizeof(t));
	memset(&e, 0, sizeof(e));
	memset(fds, 0xff, sizeof(fds));
	return (struct sandbox)SANDBOX_INIT(&t.plan, fds);
}

static ino_t ns_ino(const char *pid, const char *name)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	CHECK(stat(path, &st) == 0);
	return st.st_ino;
}

/* A process that made `flags` namespaces and waits until *gate is closed. */
static pid_t spawn_in(int flags, uid_t uid, gid_t gid, int *ret_gate)
{
	int ready[2], gate[2];
	char c;
	pid_t pid;

	CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(gate, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(gate[1]);
		if (uid && (ps_sys_setgroups(0, NULL) < 0 || ps_sys_setresgid(gid, gid, gid) < 0 ||
			    ps_sys_setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0))
			_exit(1);
		if (unshare(flags) < 0)
			_exit(2);
		(void)!write(ready[1], "r", 1);
		(void)!read(gate[0], &c, 1);
		_exit(0);
	}
	(void)close(ready[1]);
	(void)close(gate[0]);
	CHECK(read(ready[0], &c, 1) == 1);
	(void)close(ready[0]);
	*ret_gate = gate[1];
	return pid;
}

static void make_new(void *arg)
{
	struct sandbox sb = fresh();
	ino_t uts = ns_ino("self", "uts"), ipc = ns_ino("self", "ipc");

	(void)arg;
	t.plan.ns_new = CLONE_NEWUTS | CLONE_NEWIPC;
	CHECK_OK(ns_unshare(&sb, CLONE_NEWUTS | CLONE_NEWNET, &e), &e);
	CHECK(ns_ino("self", "uts") != uts && ns_ino("self", "ipc") == ipc);
	t.plan.hostname = tp_str(&t, "c1");
	t.plan.domainname = tp_str(&t, "example");
	CHECK_OK(ns_set_names(&sb, &e), &e);
	char name[64];

	CHECK(gethostname(name, sizeof(name)) == 0 && strcmp(name, "c1") == 0);
	CHECK(getdomainname(name, sizeof(name)) == 0 && strcmp(name, "example") == 0);
	CHECK(ps_sys_setresuid(SOME_UID, SOME_UID, SOME_UID) == 0);
	CHECK_ERR(ns_unshare(&sb, CLONE_NEWUTS | CLONE_NEWIPC, &e), &e, "make new namespaces (ipc, uts)");
	CHECK_ERR(ns_set_names(&sb, &e), &e, "set the host name to 'c1'");
	t.plan.hostname = 0;
	CHECK_ERR(ns_set_names(&sb, &e), &e, "set the domain name to 'example'");
}

static void limit_reached(void *arg)
{
	struct sandbox sb = fresh();

	(void)arg;
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/sys/user/max_uts_namespaces", "0", &e), &e);
	t.plan.ns_new = CLONE_NEWUTS;
	CHECK_ERR(
		ns_unshare(&sb, CLONE_NEWUTS, &e), &e,
		"make new namespaces (uts): the limit of namespaces is reached (/proc/sys/user/max_*_namespaces)");
}

static void add_join(struct plan_ns_join *j, uint32_t i, pid_t pid, const char *name, uint64_t flag)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fds[i] = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fds[i] >= 0);
	*j = (struct plan_ns_join){ .flag = flag, .fd = i, .path = tp_str(&t, path) };
}

static void join_some(void *arg)
{
	struct sandbox sb = fresh();
	struct plan_ns_join rows[2];
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUTS | CLONE_NEWIPC, 0, 0, &gate);
	char text[16];

	(void)arg;
	(void)snprintf(text, sizeof(text), "%d", pid);
	add_join(&rows[0], 0, pid, "uts", CLONE_NEWUTS);
	add_join(&rows[1], 1, pid, "ipc", CLONE_NEWIPC);
	t.plan.ns_joins = TP_ROWS(&t, rows);
	CHECK_OK(ns_join(&sb, CLONE_NEWUTS, &e), &e);
	CHECK(ns_ino("self", "uts") == ns_ino(text, "uts") && ns_ino("self", "ipc") != ns_ino(text, "ipc"));
	CHECK_OK(ns_join(&sb, ~UINT64_C(0), &e), &e);
	CHECK(ns_ino("self", "ipc") == ns_ino(text, "ipc"));
	fds[0] = fds[1]; /* an ipc namespace is no uts namespace */
	CHECK_ERR(ns_join(&sb, CLONE_NEWUTS, &e), &e, "join namespace (uts) '/proc/");
}

/* What belongs to the user namespace can only be joined after it, and that comes last: a second try does it. */
static void join_owned_by_user_ns(void *arg)
{
	struct sandbox sb = fresh();
	struct plan_ns_join rows[2];
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUSER | CLONE_NEWUTS, SOME_UID, SOME_GID, &gate);
	ino_t uts;

	(void)arg;
	add_join(&rows[0], 0, pid, "uts", CLONE_NEWUTS);
	add_join(&rows[1], 1, pid, "user", CLONE_NEWUSER);
	t.plan.ns_joins = TP_ROWS(&t, rows);
	CHECK(ps_sys_setgroups(0, NULL) == 0 && ps_sys_setresgid(SOME_GID, SOME_GID, SOME_GID) == 0 &&
	      ps_sys_setresuid(SOME_UID, SOME_UID, SOME_UID) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	uts = ns_ino("self", "uts");
	CHECK_ERR(ns_join(&sb, CLONE_NEWUTS, &e), &e, "join namespace (uts)");
	CHECK_OK(ns_join(&sb, ~UINT64_C(0), &e), &e);
	CHECK(ns_ino("self", "uts") != uts);
}

/* exec's form: one pidfd, several kinds at once. */
static void join_by_pidfd(void *arg)
{
	struct sandbox sb = fresh();
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC, 0, 0, &gate);
	const struct plan_ns_join rows[] = { { .flag = CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC,
					       .fd = 0 } };
	ino_t ipc;

	(void)arg;
	fds[0] = ps_pidfd_open(pid);
	t.plan.ns_joins = TP_ROWS(&t, rows);
	ipc = ns_ino("self", "ipc");
	CHECK_OK(ns_join(&sb, ~UINT64_C(0), &e), &e);
	CHECK(ns_ino("self", "ipc") != ipc);
	CHECK_ERR(ns_join(&sb, ~UINT64_C(0), &e), &e,
		  "join namespace (user, ipc, uts) 'of the container's process'");
}

static void check_maps(pid_t pid, const char *uid, const char *gid, const char *setgroups)
{
	static const char *const files[] = { "uid_map", "gid_map", "setgroups" };
	const char *const want[] = { uid, gid, setgroups };
	unsigned long a, b, c;
	char path[64], line[128], got[96];

	for (size_t i = 0; i < PS_COUNT(files); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		(void)first_line(path, line, sizeof(line));
		if (sscanf(line, "%lu %lu %lu", &a, &b, &c) == 3)
			(void)snprintf(got, sizeof(got), "%lu %lu %lu", a, b, c);
		else
			(void)snprintf(got, sizeof(got), "%.90s", line);
		CHECK(strcmp(got, want[i]) == 0);
	}
}

static void maps_privileged(void *arg)
{
	struct plan_id_map two[] = { { 0, 100000, 1000 }, { 1000, 5555, 1 } };
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUSER, 0, 0, &gate);

	(void)arg;
	(void)fresh();
	t.plan.file = tp_str(&t, "config.json");
	t.plan.uid_map = t.plan.gid_map = TP_ROWS(&t, two);
	CHECK_OK(ns_write_id_maps(&t.plan, pid, &e), &e);
	check_maps(pid, "0 100000 1000", "0 100000 1000", "allow");
	CHECK_ERR(ns_write_id_maps(&t.plan, pid, &e), &e,
		  "write '0 100000 1000' to 'uid_map'"); /* only once */
	CHECK(strcmp(e.where, "config.json: /linux/uidMappings") == 0);
}

static void maps_too_many(void *arg)
{
	static struct plan_id_map many[300];
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUSER, 0, 0, &gate);

	(void)arg;
	(void)fresh();
	for (uint32_t i = 0; i < PS_COUNT(many); i++)
		many[i] = (struct plan_id_map){ i * 1000000, i * 1000000, 1000 };
	t.plan.uid_map = TP_ROWS(&t, many);
	CHECK_ERR(ns_write_id_maps(&t.plan, pid, &e), &e,
		  "300 mappings are more than the kernel takes (one write of 4095 bytes)");
}

static void maps_of_dead(void *arg)
{
	struct plan_id_map one[] = { { 0, 0, 1 } };
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(0);
	CHECK(waitpid(pid, NULL, 0) == pid);
	(void)fresh();
	t.plan.uid_map = TP_ROWS(&t, one);
	CHECK_ERR(ns_write_id_maps(&t.plan, pid, &e), &e, "to map ids");
}

static void become(uid_t uid, gid_t gid)
{
	CHECK(ps_sys_setgroups(0, NULL) == 0 && ps_sys_setresgid(gid, gid, gid) == 0 &&
	      ps_sys_setresuid(uid, uid, uid) == 0);
}

static void maps_own_id(void *arg)
{
	struct plan_id_map u[] = { { 0, SOME_UID, 1 } }, g[] = { { 0, SOME_GID, 1 } };
	int gate;
	pid_t pid = spawn_in(CLONE_NEWUSER, SOME_UID, SOME_GID, &gate);

	(void)arg;
	(void)fresh();
	become(SOME_UID, SOME_GID);
	t.plan.uid_map = TP_ROWS(&t, u);
	t.plan.gid_map = TP_ROWS(&t, g);
	CHECK_OK(ns_write_id_maps(&t.plan, pid, &e), &e);
	check_maps(pid, "0 5555 1", "0 6666 1", "deny");
}

/* Ranges without privilege: the set-uid tools of PATH.  These stand in for them and tell what they were given. */
static void fake_tool(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	CHECK(f && fputs(text, f) >= 0 && fchmod(fileno(f), 0755) == 0 && fclose(f) == 0);
}

/* The tools' folder, and the process to map. */
struct tool_case {
	char dir[32];
	pid_t pid;
};

static void ask_tool(const struct tool_case *c, const char *path)
{
	struct plan_id_map u[] = { { 0, SOME_UID, 1 }, { 1, 100000, 65536 } }, g[] = { { 0, SOME_GID, 1 } };

	(void)fresh();
	become(SOME_UID, SOME_GID);
	CHECK(setenv("PATH", path, 1) == 0);
	t.plan.file = tp_str(&t, "config.json");
	t.plan.uid_map = TP_ROWS(&t, u);
	t.plan.gid_map = TP_ROWS(&t, g);
	if (ns_write_id_maps(&t.plan, c->pid, &e) == 0)
		_exit(MAPPED);
	CHECK(strcmp(e.where, "config.json: /linux/uidMappings") == 0);
}

static void tool_maps(void *arg)
{
	const struct tool_case *c = arg;

	ask_tool(c, c->dir);
}

static void tool_refuses(void *arg)
{
	const struct tool_case *c = arg;

	ask_tool(c, c->dir);
	CHECK(strstr(e.msg, "/newuidmap' refused the mapping (see subuid(5), subgid(5)): exit status 1, stderr: "
			    "newuidmap: uid range not allowed"));
}

static void tool_is_missing(void *arg)
{
	ask_tool(arg, "/nonexistent");
	CHECK(strstr(e.msg, "mapping other ids than our own without privilege takes 'newuidmap' (package uidmap), "
			    "which is not in PATH"));
}

static void test_maps_by_tool(void **state)
{
	struct tool_case c = { .dir = "/tmp/podshim-unit-XXXXXX" };
	char path[64], line[128], want[128];
	struct ps_err rm;
	int gate;

	(void)state;
	c.pid = spawn_in(CLONE_NEWUSER, SOME_UID, SOME_GID, &gate);
	assert_non_null(mkdtemp(c.dir));
	assert_int_equal(chmod(c.dir, 0777), 0);
	fake_tool(c.dir, "newuidmap", "#!/bin/sh\necho \"$*\" >\"${0%/*}/args\"\n");
	assert_int_equal(in_child(tool_maps, &c), MAPPED);
	(void)snprintf(path, sizeof(path), "%s/args", c.dir);
	(void)snprintf(want, sizeof(want), "%d 0 5555 1 1 100000 65536", c.pid);
	assert_string_equal(first_line(path, line, sizeof(line)), want);
	fake_tool(c.dir, "newuidmap", "#!/bin/sh\necho 'newuidmap: uid range not allowed' >&2\nexit 1\n");
	assert_int_equal(in_child(tool_refuses, &c), 0);
	assert_int_equal(in_child(tool_is_missing, &c), 0);
	(void)close(gate);
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	assert_int_equal(ps_remove_tree_at(AT_FDCWD, c.dir, &rm), 0);
}

static void root_of_user_ns(void *arg)
{
	struct sandbox sb = fresh();
	struct plan_id_map one[] = { { 0, 100000, 10 } };
	int to[2], from[2];
	char c;
	pid_t pid;

	(void)arg;
	CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(unshare(CLONE_NEWUSER) == 0);
		CHECK_ERR(ns_become_root(&sb, &e), &e,
			  "become group 0 of the user namespace (is 0 mapped in /linux/gidMappings?)");
		CHECK(write(to[1], "r", 1) == 1 && read(from[0], &c, 1) == 1);
		CHECK_OK(ns_become_root(&sb, &e), &e);
		CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getgroups(0, NULL) == 0);
		_exit(0);
	}
	t.plan.uid_map = t.plan.gid_map = TP_ROWS(&t, one);
	CHECK(read(to[0], &c, 1) == 1);
	CHECK_OK(ns_write_id_maps(&t.plan, pid, &e), &e);
	CHECK(write(from[1], "g", 1) == 1);
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Who maps no 0 is the payload's user, with all rights. */
static void no_root_in_user_ns(void *arg)
{
	struct sandbox sb = fresh();

	(void)arg;
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK(ps_write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny", &e) == 0);
	CHECK(ps_write_file_at(AT_FDCWD, "/proc/self/uid_map", "1000 0 1", &e) == 0);
	CHECK(ps_write_file_at(AT_FDCWD, "/proc/self/gid_map", "2000 0 1", &e) == 0);
	CHECK_ERR(ns_become_root(&sb, &e), &e, "become group 0");
	t.plan.uid = 1000;
	t.plan.gid = 2000;
	CHECK_OK(ns_become_root(&sb, &e), &e);
	CHECK(getuid() == 1000 && getgid() == 2000 && caps_effective(CAP_SYS_ADMIN));
}

static void clocks(void *arg)
{
	struct sandbox sb = fresh();
	const struct plan_time_offset rows[] = { { .clock = CLOCK_MONOTONIC, .nanosecs = 500000000, .secs = 1000000 },
						 { .clock = CLOCK_BOOTTIME, .secs = -1 } };
	struct timespec before, after;
	ino_t time_ns = ns_ino("self", "time");

	(void)arg;
	CHECK_OK(ns_enter_time(&sb, &e), &e);
	CHECK(ns_ino("self", "time") == time_ns);
	t.plan.ns_new = CLONE_NEWTIME;
	t.plan.time_offsets = TP_ROWS(&t, rows);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	CHECK_OK(ns_enter_time(&sb, &e), &e);
	CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after) == 0);
	CHECK(after.tv_sec - before.tv_sec >= 1000000 && after.tv_sec - before.tv_sec < 1000100);
	CHECK(ns_ino("self", "time") != time_ns);
}

static void clocks_refused(void *arg)
{
	struct sandbox sb = fresh();
	const struct plan_time_offset rows[] = { { .clock = CLOCK_REALTIME, .secs = 1,
						   .from = tp_str(&t, "config.json#/linux/timeOffsets/x") } };

	(void)arg;
	t.plan.ns_new = CLONE_NEWTIME;
	t.plan.time_offsets = TP_ROWS(&t, rows);
	CHECK_ERR(ns_enter_time(&sb, &e), &e, "timens_offsets");
	CHECK(strcmp(e.where, "config.json: /linux/timeOffsets/x") == 0);
}

CHILD_TEST(make_new)
CHILD_TEST(limit_reached)
CHILD_TEST(join_some)
CHILD_TEST(join_owned_by_user_ns)
CHILD_TEST(join_by_pidfd)
CHILD_TEST(maps_privileged)
CHILD_TEST(maps_too_many)
CHILD_TEST(maps_of_dead)
CHILD_TEST(maps_own_id)
CHILD_TEST(root_of_user_ns)
CHILD_TEST(no_root_in_user_ns)
CHILD_TEST(clocks)
CHILD_TEST(clocks_refused)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_new),	cmocka_unit_test(test_limit_reached),
		cmocka_unit_test(test_join_some),	cmocka_unit_test(test_join_owned_by_user_ns),
		cmocka_unit_test(test_join_by_pidfd),	cmocka_unit_test(test_maps_privileged),
		cmocka_unit_test(test_maps_too_many),	cmocka_unit_test(test_maps_of_dead),
		cmocka_unit_test(test_maps_own_id),	cmocka_unit_test(test_maps_by_tool),
		cmocka_unit_test(test_root_of_user_ns), cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_clocks_refused), cmocka_unit_test(test_no_root_in_user_ns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
