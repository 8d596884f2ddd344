/* SPDX-License-Identifier: Apache-2.0
 * test_state.c - ROOT/ID: reserve, lock, store, remove; refusals; what a failing call leaves behind.
 *
 * WRAP: openat mkdirat flock write renameat syscall unlinkat
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "base/proc.h"
#include "oci/state.h"
#include "oci/state_file.h"
#include "tests/unit/fault.h"

FAULT_WRAP(int, openat, (int d, const char *p, int f, mode_t m), (d, p, f, m), -1)
FAULT_WRAP(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m), -1)
FAULT_WRAP(int, flock, (int fd, int op), (fd, op), -1)
FAULT_WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1)
FAULT_WRAP(int, renameat, (int d, const char *p, int d2, const char *p2), (d, p, d2, p2), -1)

/* musl has no renameat2. */
long __real_syscall(long nr, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long nr, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return nr == SYS_renameat2 && fault_trip("renameat2") ? -1 : __real_syscall(nr, a, b, c, d, e, f);
}

FAULT_WRAP(int, unlinkat, (int d, const char *p, int f), (d, p, f), -1)

static char top[PATH_MAX], root[PATH_MAX + 16];
static int top_fd;
static struct state st, got;

static int setup(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	top_fd = unit_mkdir(top);
	(void)snprintf(root, sizeof(root), "%s/run/podshim", top);
	st = (struct state){ .id = "web", .bundle = "/b", .rootfs = "/b/rootfs",
			     .created = "2026-01-02T03:04:05.000000006Z",
			     .pid_start = UINT64_MAX, .launcher = getpid(), .launcher_start = 7, .owner = UINT32_MAX,
			     .tape = "/podshim-0123456789ab", .n_cgroup_dirs = 2,
			     .exposed = true };
	(void)snprintf(st.cgroup_dirs[0], sizeof(st.cgroup_dirs[0]), "/sys/fs/cgroup/web");
	(void)snprintf(st.cgroup_dirs[1], sizeof(st.cgroup_dirs[1]), "/sys/fs/cgroup/\"quoted\\ \xc3\xbc");
	return ps_boot_id(st.boot_id, &e);
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(top, top_fd);
	return 0;
}

static void reserve(struct state_dir *d)
{
	struct ps_err e = { .cls = PS_OK };

	if (state_reserve(root, &st, d, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Of a folder, without "." and "..". */
static int entries(const char *path)
{
	ps_auto_dir DIR *dir = opendir(path);
	const struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir)))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	return n;
}

/* ---- ROOT ---- */

static void root_is_made_private(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	mode_t mask = umask(0);
	struct stat s;
	int fd = -1;

	(void)state;
	assert_int_equal(state_root_open(root, false, &fd, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "does not exist");
	assert_int_equal(fd, -1);
	assert_int_equal(state_root_open(root, true, &fd, &e), 0);
	(void)umask(mask);
	(void)close(fd);
	assert_int_equal(stat(root, &s), 0);
	assert_int_equal(s.st_mode, S_IFDIR | 0700);
	assert_int_equal(fstatat(top_fd, "run", &s, 0), 0);
	assert_int_equal(s.st_mode, S_IFDIR | 0755);
	(void)snprintf(root, sizeof(root), "%s/run/podshim//", top);
	assert_int_equal(state_root_open(root, false, &fd, &e), 0);
	(void)close(fd);
}

static void refuse_root(const char *path, enum ps_err_class cls, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	int fd = -7;

	assert_int_equal(state_root_open(path, true, &fd, &e), -1);
	unit_assert_err(&e, cls, text);
	assert_int_equal(fd, -7);
}

static void root_of_others_is_refused(void **state)
{
	char path[PATH_MAX + 32];
	int before = unit_open_fds();

	(void)state;
	refuse_root("/", PS_E_USAGE, "'/' cannot be the state folder");
	refuse_root("///", PS_E_USAGE, "cannot be the state folder");
	refuse_root("", PS_E_USAGE, "cannot be the state folder");
	(void)snprintf(path, sizeof(path), "%s/link", top);
	assert_int_equal(symlinkat(".", top_fd, "link"), 0);
	refuse_root(path, PS_E_DENIED, "or a symbolic link");
	(void)snprintf(path, sizeof(path), "%s/link/", top);
	refuse_root(path, PS_E_DENIED, "or a symbolic link");
	(void)snprintf(path, sizeof(path), "%s/file", top);
	unit_write(top_fd, "file", "");
	refuse_root(path, PS_E_DENIED, "is not a directory");
	(void)snprintf(path, sizeof(path), "%s/open", top);
	assert_int_equal(mkdirat(top_fd, "open", 0700), 0);
	assert_int_equal(fchmodat(top_fd, "open", 01770, 0), 0);
	refuse_root(path, PS_E_DENIED, "can be written by others (mode 1770)");
	assert_int_equal(fchmodat(top_fd, "open", 0702, 0), 0);
	refuse_root(path, PS_E_DENIED, "can be written by others (mode 0702)");
	if (geteuid() == 0) {
		assert_int_equal(fchownat(top_fd, "open", 1, 1, 0), 0);
		refuse_root(path, PS_E_DENIED, "belongs to uid 1, not 0");
	}
	assert_int_equal(unit_open_fds(), before);
}

static void default_root_depends_on_the_user(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char out[64] = "old", tiny[4] = "old";

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(state_root_default("podshim", out, sizeof(out), &e), 0);
	assert_string_equal(out, "/run/podshim");
	assert_int_equal(state_root_default("runc", out, sizeof(out), &e), 0);
	assert_string_equal(out, "/run/runc");
	assert_int_equal(state_root_default("podshim", tiny, sizeof(tiny), &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "is too long");
	assert_int_equal(seteuid(1000), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1), 0);
	assert_int_equal(state_root_default("podshim", out, sizeof(out), &e), 0);
	assert_string_equal(out, "/run/user/1000/podshim");
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "run", 1), 0);
	assert_int_equal(state_root_default("podshim", out, sizeof(out), &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "XDG_RUNTIME_DIR 'run' is not an absolute path");
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	assert_int_equal(state_root_default("podshim", out, sizeof(out), &e), 0);
	assert_string_equal(out, "/tmp/podshim-1000");
	assert_int_equal(state_root_default("podshim", tiny, sizeof(tiny), &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "is too long");
	assert_int_equal(seteuid(0), 0);
}

/* ---- ROOT/ID ---- */

static void reserved_record_reads_back(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, other = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve(&d);
	assert_string_equal(d.id, "web");
	assert_int_equal(entries(root), 1);
	if (state_open(root, "web", &other, &e) < 0 || state_read(&other, &got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_memory_equal(&got, &st, sizeof(st));
	st.status = STATE_RUNNING;
	st.pid = 4711;
	st.exposed = true;
	assert_int_equal(state_write(&d, &st, &e), 0);
	assert_int_equal(state_read(&other, &got, &e), 0);
	assert_memory_equal(&got, &st, sizeof(st));
	assert_int_equal(entries(root), 1);
}

static void taken_id_is_refused(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, second = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve(&d);
	assert_int_equal(state_reserve(root, &st, &second, &e), -1);
	unit_assert_err(&e, PS_E_EXISTS, "container with given ID already exists: 'web' in '");
	assert_int_equal(second.dir_fd, -1);
	assert_int_equal(entries(root), 1);
	/* The same on a file system without RENAME_NOREPLACE. */
	fault_arm(9, EINVAL);
	assert_int_equal(state_reserve(root, &st, &second, &e), -1);
	assert_string_equal(fault_disarm(), "renameat2");
	unit_assert_err(&e, PS_E_EXISTS, "container with given ID already exists: 'web' in '");
	assert_int_equal(entries(root), 1);
	(void)snprintf(st.id, sizeof(st.id), "web2");
	fault_arm(9, EINVAL);
	assert_int_equal(state_reserve(root, &st, &second, &e), 0);
	assert_string_equal(fault_disarm(), "renameat2");
}

static void bad_ids_are_refused(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", ".new-a", ".lock", "\xc3\xbc" };
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	for (size_t i = 0; i <= PS_COUNT(bad); i++) {
		if (i < PS_COUNT(bad))
			(void)snprintf(st.id, sizeof(st.id), "%s", bad[i]);
		else
			memset(st.id, 'x', NAME_MAX + 1); /* no folder can have this name */
		assert_int_equal(state_reserve(root, &st, &d, &e), -1);
		unit_assert_err(&e, PS_E_USAGE, "invalid container ID format: '");
		assert_int_equal(state_open(root, st.id, &d, &e), -1);
		unit_assert_err(&e, PS_E_USAGE, "invalid container ID format: '");
	}
	assert_int_equal(access(root, F_OK), -1);
}

static void missing_container_is_told(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	int fd;

	(void)state;
	assert_int_equal(state_open(root, "web", &d, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container does not exist: 'web'");
	assert_int_equal(state_root_open(root, true, &fd, &e), 0);
	(void)close(fd);
	assert_int_equal(state_open(root, "web", &d, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container does not exist: 'web'");
	assert_int_equal(state_open("/", "web", &d, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "cannot be the state folder");
}

static void lock_is_exclusive(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, other = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve(&d);
	assert_int_equal(state_lock(&d, 0, &e), 0);
	assert_int_equal(state_open(root, "web", &other, &e), 0);
	assert_int_equal(state_lock(&other, 0, &e), -1);
	unit_assert_err(&e, PS_E_STATE, "container 'web' is locked by another podshim");
	assert_int_equal(state_lock(&other, 3, &e), -1);
	assert_int_equal(other.lock_fd, -1);
	state_dir_done(&d);
	assert_int_equal(state_lock(&other, 0, &e), 0);
}

static void lock_of_a_deleted_container_is_refused(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, old = STATE_DIR_NONE, older = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve(&d);
	assert_int_equal(state_open(root, "web", &old, &e), 0);
	assert_int_equal(state_open(root, "web", &older, &e), 0);
	older.lock_fd = openat(older.dir_fd, ".", O_RDONLY | O_CLOEXEC); /* opened, not yet locked */
	assert_int_equal(state_remove(&d, &e), 0);
	assert_int_equal(d.root_fd, -1);
	assert_int_equal(entries(root), 0);
	assert_int_equal(state_lock(&old, 0, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container does not exist: 'web'");
	assert_int_equal(state_read(&old, &got, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container does not exist: 'web'");
	reserve(&d); /* another container of that name */
	assert_int_equal(state_remove(&older, &e), 0);
	assert_int_equal(entries(root), 1);
}

/* The folder was replaced by another one of the same name while we waited for the old one's lock. */
static void lock_of_a_replaced_container_is_refused(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, waiter = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	char from[PATH_MAX + 32], to[PATH_MAX + 32];

	(void)state;
	reserve(&d);
	state_dir_done(&d);
	assert_int_equal(state_open(root, "web", &waiter, &e), 0);
	(void)snprintf(from, sizeof(from), "%s/web", root);
	(void)snprintf(to, sizeof(to), "%s/.del-1", root);
	assert_int_equal(rename(from, to), 0);
	reserve(&d);
	assert_int_equal(state_lock(&waiter, 0, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container does not exist: 'web'");
}

static void small_files(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX + 32];

	(void)state;
	reserve(&d);
	(void)snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(state_put(&d, "config.json", "{}", 2, &e), 0);
	assert_int_equal(entries(path), 2);
	assert_int_equal(state_put(&d, "config.json", "{\"a\":1}", 7, &e), 0);
	assert_int_equal(entries(path), 2);
	assert_int_equal(state_get(&d, "config.json", &b, &e), 0);
	assert_string_equal(b.data, "{\"a\":1}");
	assert_int_equal(state_get(&d, "none", &b, &e), -1);
	unit_assert_err(&e, PS_E_NOTFOUND, "container 'web' has no 'none'");
	assert_int_equal(state_get(&d, "../web/lock", &b, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "is not a file name");
	assert_int_equal(state_put(&d, "../x", "", 0, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "is not a file name");
}

static void new_file_is_whole_or_absent(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	char path[PATH_MAX + 32];
	int n;

	(void)state;
	reserve(&d);
	(void)snprintf(path, sizeof(path), "%s/web", root);
	for (n = 1; fault_arm(n, ENOSPC); n++) {
		struct ps_err e = { .cls = PS_OK };
		int r = state_put(&d, "config.json", "{}", 2, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, ENOSPC);
		assert_non_null(strstr(e.msg, "store 'config.json' of container 'web'"));
		assert_int_equal(entries(path), 1);
	}
	assert_int_equal(n, 3); /* openat, write */
}

static void record_must_be_its_own(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve(&d);
	st.status = STATE_STOPPED;
	assert_int_equal(state_write(&d, &st, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "state stopped of 'web'");
	st.status = STATE_CREATED;
	(void)snprintf(st.id, sizeof(st.id), "web2");
	assert_int_equal(state_write(&d, &st, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "of 'web2' stored for container 'web'");
	assert_int_equal(state_reserve(root, &st, &d, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "is reserved as created");
	state_format(&b, &st);
	assert_int_equal(state_put(&d, "state.json", b.data, b.len, &e), 0);
	assert_int_equal(state_read(&d, &got, &e), -1);
	unit_assert_err(&e, PS_E_CONFIG, "state of container 'web' says that it is 'web2'");
}

/* ---- Failing calls ---- */

static void reserve_fails_whole(void **state)
{
	int before = unit_open_fds(), n, fd;

	(void)state;
	assert_int_equal(state_root_open(root, true, &fd, NULL), 0);
	(void)close(fd);
	for (n = 1; fault_arm(n, EIO); n++) {
		struct state_dir d = STATE_DIR_NONE;
		struct ps_err e = { .cls = PS_OK };
		int r = state_reserve(root, &st, &d, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			state_dir_done(&d);
			break;
		}
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
		assert_non_null(strstr(e.msg, "reserve container 'web'"));
		assert_int_equal(d.root_fd, -1);
		assert_int_equal(d.dir_fd, -1);
		assert_int_equal(d.lock_fd, -1);
		assert_int_equal(entries(root), 0);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 10); /* openat, flock; mkdirat, openat, openat, flock, openat, write, renameat2 */
}

static void write_leaves_the_old_record(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	char path[PATH_MAX + 32];
	int before, n;

	(void)state;
	reserve(&d);
	before = unit_open_fds();
	(void)snprintf(path, sizeof(path), "%s/web", root);
	st.status = STATE_CREATED;
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int r = state_write(&d, &st, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
		assert_non_null(strstr(e.msg, "store 'state.json' of container 'web'"));
		assert_int_equal(entries(path), 1);
		assert_int_equal(unit_open_fds(), before);
		assert_int_equal(state_read(&d, &got, &e), 0);
		assert_int_equal(got.status, n < 5 ? STATE_CREATING : STATE_CREATED);
	}
	assert_int_equal(n, 6); /* openat; openat, write, renameat2, unlinkat */
}

static void read_and_open_fail_whole(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE, other = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	int before;

	(void)state;
	reserve(&d);
	before = unit_open_fds();
	got.pid = 77;
	fault_arm(1, EIO);
	assert_int_equal(state_read(&d, &got, &e), -1);
	assert_string_equal(fault_disarm(), "openat");
	unit_assert_err(&e, PS_E_OS, "container 'web': open 'state.json': ");
	assert_int_equal(got.pid, 77);
	fault_arm(1, EIO);
	assert_int_equal(state_open(root, "web", &other, &e), -1);
	fault_disarm();
	unit_assert_err(&e, PS_E_OS, "open the state of container 'web': ");
	assert_int_equal(other.root_fd, -1);
	state_dir_done(&d);
	assert_int_equal(state_open(root, "web", &other, &e), 0);
	for (int n = 1; n <= 2; n++) {
		fault_arm(n, EIO);
		assert_int_equal(state_lock(&other, 0, &e), -1);
		assert_non_null(fault_disarm());
		unit_assert_err(&e, PS_E_OS, n == 1 ? "open the lock of container 'web': " : "lock container 'web': ");
		assert_int_equal(other.lock_fd, -1);
	}
	for (int n = 1; n <= 3; n++) {
		fault_arm(n, EIO);
		assert_int_equal(state_remove(&other, &e), -1);
		assert_string_equal(fault_disarm(), ((const char *const[]){ "openat", "flock", "renameat" })[n - 1]);
		unit_assert_err(&e, PS_E_OS, "remove the state of container 'web': ");
	}
	assert_int_equal(entries(root), 1);
	assert_int_equal(unit_open_fds(), before - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(root_is_made_private, setup, teardown),
		cmocka_unit_test_setup_teardown(root_of_others_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(default_root_depends_on_the_user, setup, teardown),
		cmocka_unit_test_setup_teardown(reserved_record_reads_back, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_id_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_ids_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_container_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_is_exclusive, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_of_a_deleted_container_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_of_a_replaced_container_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(small_files, setup, teardown),
		cmocka_unit_test_setup_teardown(new_file_is_whole_or_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(record_must_be_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(reserve_fails_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(write_leaves_the_old_record, setup, teardown),
		cmocka_unit_test_setup_teardown(read_and_open_fail_whole, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
