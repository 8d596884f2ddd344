/* SPDX-License-Identifier: Apache-2.0
 * test_shm.c - sealed memfds and named segments: rights, refusals, failures.
 *
 * WRAP: memfd_create write fcntl lseek open posix_fallocate fstat unlink
 */
#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "base/abi.h"
#include "ipc/shm.h"
#include "tests/unit/fault.h"

FAULT_WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
FAULT_WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1)
FAULT_WRAP(int, fcntl, (int fd, int cmd, unsigned long arg), (fd, cmd, arg), -1)
FAULT_WRAP(off_t, lseek, (int fd, off_t off, int whence), (fd, off, whence), -1)
FAULT_WRAP(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode), -1)
FAULT_WRAP(int, posix_fallocate, (int fd, off_t off, off_t n), (fd, off, n), fault_errno)
FAULT_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(int, unlink, (const char *path), (path), -1)

static char name[SHM_NAME_MAX + 1], path[64];

static int new_name(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(shm_random_name(name, &e), 0);
	(void)snprintf(path, sizeof(path), "/dev/shm%s", name);
	return 0;
}

static int drop_name(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(path);
	return 0;
}

static void sealed_copy_cannot_change(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	ps_auto_fd int fd = shm_sealed_copy("plan", "hello", 5, false, &e);
	char text[8] = "";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & 15, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

/* Exit status of running the sealed copy of a program, -1 when it was refused. */
static int run_copy(bool exec)
{
	static char *const argv[] = { "true", NULL }, *const envp[] = { NULL };
	struct ps_err e = { .cls = PS_OK };
	ps_auto_buf struct ps_buf program = { .data = NULL };
	int status = -1;
	pid_t pid;
	int fd;

	assert_int_equal(ps_read_file_at(AT_FDCWD, "/bin/true", 16 << 20, &program, &e), 0);
	fd = shm_sealed_copy("program", program.data, program.len, exec, &e);
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0) {
		(void)fexecve(fd, argv, envp);
		_exit(42);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void sealed_copy_runs_only_when_asked(void **state)
{
	int fd = memfd_create("probe", MFD_NOEXEC_SEAL);

	(void)state;
	assert_int_equal(run_copy(true), 0);
	if (fd < 0)
		skip(); /* before 6.3 every memfd can be executed */
	(void)close(fd);
	assert_int_equal(run_copy(false), 42);
}

static void old_kernels_get_plain_flags(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	ps_auto_fd int fd = -1;

	(void)state;
	fault_arm(1, EINVAL);
	fd = shm_sealed_copy("plan", "hello", 5, false, &e);
	assert_string_equal(fault_disarm(), "memfd_create");
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & 15, 15);
}

static void sealed_copy_fails_whole(void **state)
{
	int before = unit_open_fds(), n;

	(void)state;
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int fd = shm_sealed_copy("plan", "hello", 5, true, &e);

		if (!fault_disarm()) {
			assert_true(fd >= 0);
			(void)close(fd);
			break;
		}
		assert_int_equal(fd, -1);
		assert_int_equal(e.sys, EIO);
		assert_non_null(strstr(e.msg, "memfd 'plan'"));
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 5);
}

static void names_are_ours_only(void **state)
{
	static const char *const bad[] = {
		"", "/", "/podshim-", "podshim-0123", "/other-0123", "/podshim-../../etc/passwd", "/podshim-a/b",
		"/podshim-a b", "/podshim-0123456789012345678901",
	};
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		assert_int_equal(shm_create(bad[i], 4096, &e), -1);
		assert_int_equal(e.cls, PS_E_USAGE);
		assert_non_null(strstr(e.msg, "is not a podshim shared memory name"));
		assert_int_equal(shm_open_checked(bad[i], O_RDONLY, SHM_ANY_UID, 0, NULL, &e), -1);
		assert_int_equal(e.cls, PS_E_USAGE);
		assert_int_equal(shm_remove(bad[i], &e), -1);
		assert_int_equal(e.cls, PS_E_USAGE);
	}
	assert_int_equal(strlen(name), 21);
	assert_int_equal(strncmp(name, SHM_PREFIX, 9), 0);
}

static void created_segment_is_private_and_allocated(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	ps_auto_fd int fd = shm_create(name, 8192, &e);
	struct stat st;
	size_t size = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 8192);
	assert_true(st.st_blocks * 512 >= 8192);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(shm_create(name, 8192, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	(void)close(fd);
	fd = shm_open_checked(name, O_RDWR, geteuid(), 8192, &size, &e);
	assert_true(fd >= 0);
	assert_int_equal(size, 8192);
	assert_int_equal(shm_remove(name, &e), 0);
	assert_int_equal(shm_remove(name, &e), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void refused(uid_t uid, size_t min, enum ps_err_class cls, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	size_t size = 77;

	assert_int_equal(shm_open_checked(name, O_RDONLY, uid, min, &size, &e), -1);
	assert_int_equal(e.cls, cls);
	if (!strstr(e.msg, text))
		fail_msg("'%s' does not say '%s'", e.msg, text);
	assert_int_equal(size, 77);
}

static void open_refuses_what_is_not_ours(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds(), fd;

	(void)state;
	refused(geteuid(), 0, PS_E_NOTFOUND, "does not exist");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	refused(SHM_ANY_UID, 0, PS_E_DENIED, "is a symbolic link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(SHM_ANY_UID, 0, PS_E_DENIED, "is not a regular file");
	assert_int_equal(unlink(path), 0);
	fd = shm_create(name, 4096, &e);
	refused(geteuid() + 1, 0, PS_E_DENIED, "belongs to uid");
	refused(geteuid(), 4097, PS_E_PEER, "has 4096 bytes, needs 4097");
	assert_int_equal(fchmod(fd, 0644), 0);
	refused(geteuid(), 0, PS_E_DENIED, "is open to others (mode 0644)");
	assert_int_equal(fchmod(fd, 0660), 0);
	refused(geteuid(), 0, PS_E_DENIED, "is open to others (mode 0660)");
	assert_int_equal(fchmod(fd, 0640), 0);
	(void)close(fd);
	fd = shm_open_checked(name, O_RDONLY, SHM_ANY_UID, 4096, NULL, &e);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(unit_open_fds(), before);
}

static void segment_calls_fail_whole(void **state)
{
	int before = unit_open_fds(), n;

	(void)state;
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int fd = shm_create(name, 4096, &e);

		if (!fault_disarm()) {
			(void)close(fd);
			break;
		}
		assert_int_equal(fd, -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 3);
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int fd = shm_open_checked(name, O_RDWR, geteuid(), 0, NULL, &e);

		if (!fault_disarm()) {
			(void)close(fd);
			break;
		}
		assert_int_equal(fd, -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 3);
	fault_arm(1, EIO);
	assert_int_equal(shm_remove(name, NULL), -1);
	assert_string_equal(fault_disarm(), "unlink");
}

static int count_ours(const char *found, void *ctx)
{
	int *n = ctx;

	*n += strcmp(found, name) == 0;
	return 0;
}

static int stop_with_7(const char *found, void *ctx)
{
	(void)found;
	(void)ctx;
	return 7;
}

static void each_finds_it_once(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	ps_auto_fd int fd = shm_create(name, 4096, &e);
	int before = unit_open_fds(), n = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(shm_each(count_ours, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(shm_each(stop_with_7, NULL, &e), 7);
	assert_int_equal(shm_remove(name, &e), 0);
	assert_int_equal(shm_each(count_ours, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(unit_open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_copy_cannot_change),
		cmocka_unit_test(sealed_copy_runs_only_when_asked),
		cmocka_unit_test(old_kernels_get_plain_flags),
		cmocka_unit_test(sealed_copy_fails_whole),
		cmocka_unit_test_setup_teardown(names_are_ours_only, new_name, drop_name),
		cmocka_unit_test_setup_teardown(created_segment_is_private_and_allocated, new_name, drop_name),
		cmocka_unit_test_setup_teardown(open_refuses_what_is_not_ours, new_name, drop_name),
		cmocka_unit_test_setup_teardown(segment_calls_fail_whole, new_name, drop_name),
		cmocka_unit_test_setup_teardown(each_finds_it_once, new_name, drop_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
