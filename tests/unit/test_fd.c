/* SPDX-License-Identifier: Apache-2.0
 * test_fd.c - files are read within bounds, written at once or whole, marked, and deleted without leaving the tree.
 *
 * WRAP: openat read write fchmod renameat getrandom fcntl syscall unlinkat
 */
#include "tests/unit/unit.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/path.h"
#include "tests/unit/fault.h"

static size_t write_at_most = SIZE_MAX;

/* Called with the parent before a directory named "d" is opened. */
static void (*before_open)(int dirfd);

static int opening(int dirfd, const char *path)
{
	if (before_open && strcmp(path, "d") == 0)
		before_open(dirfd);
	return dirfd;
}

FAULT_WRAP(int, openat, (int dirfd, const char *path, int flags, mode_t mode),
	   (opening(dirfd, path), path, flags, mode), -1)
FAULT_WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1)
FAULT_WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n < write_at_most ? n : write_at_most), -1)
FAULT_WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
FAULT_WRAP(int, renameat, (int from, const char *a, int to, const char *b), (from, a, to, b), -1)
FAULT_WRAP(ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags), -1)
FAULT_WRAP(int, fcntl, (int fd, int cmd, long arg), (fd, cmd, arg), -1)
FAULT_WRAP(long, syscall, (long nr, long a, const char *b, long c, long d, long f),
	   (nr, nr == SYS_openat2 ? opening((int)a, b) : a, b, c, d, f), -1)
FAULT_WRAP(int, unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags), -1)

struct scratch {
	char path[PATH_MAX];
	int fd;
};

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->fd = unit_mkdir(s->path);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *s = *state;

	(void)fault_disarm();
	ps_path_no_openat2 = false;
	write_at_most = SIZE_MAX;
	unit_rmdir(s->path, s->fd);
	free(s);
	return 0;
}

static int entries(int dirfd)
{
	ps_auto_fd int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	ps_auto_dir DIR *dir = fdopendir(copy);
	int n = -2;

	assert_non_null(dir);
	(void)ps_take_fd(&copy);
	while (readdir(dir))
		n++;
	return n;
}

static void write_all_goes_on(void **state)
{
	struct scratch *s = *state;
	ps_auto_fd int fd = openat(s->fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	write_at_most = 3;
	assert_int_equal(ps_write_all(fd, "0123456789", 10), 0);
	(void)fault_arm(2, EINTR);
	assert_int_equal(ps_write_all(fd, "abcdef", 6), 0);
	assert_non_null(fault_disarm());
	(void)fault_arm(2, ENOSPC);
	errno = 0;
	assert_int_equal(ps_write_all(fd, "ghijkl", 6), -1);
	assert_int_equal(errno, ENOSPC);
	(void)fault_disarm();
	unit_assert_file(s->fd, "f", "0123456789abcdefghi");
}

static void read_is_bounded(void **state)
{
	struct scratch *s = *state;
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	char text[20001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	unit_write(s->fd, "f", text);
	ps_buf_puts(&b, "before");
	assert_int_equal(ps_read_file_at(s->fd, "f", 19999, &b, &e), -1);
	assert_int_equal(e.cls, PS_E_CONFIG);
	assert_string_equal(e.msg, "'f' is larger than 19999 bytes");
	assert_string_equal(b.data, "before");
	assert_int_equal(ps_read_file_at(s->fd, "f", 20000, &b, &e), 0);
	assert_int_equal(b.len, 20006);
	assert_string_equal(b.data + 6, text);
	assert_int_equal(ps_read_file_at(s->fd, "none", 1, &b, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open 'none': No such file or directory");
	assert_int_equal(ps_read_file_at(s->fd, ".", 1, &b, &e), -1);
	assert_string_equal(e.msg, "'.' is not a regular file");
}

static void read_of_an_empty_file_terminates(void **state)
{
	struct scratch *s = *state;
	ps_auto_buf struct ps_buf b = { .data = NULL };

	unit_write(s->fd, "f", "");
	assert_int_equal(ps_read_file_at(s->fd, "f", 0, &b, NULL), 0);
	assert_string_equal(b.data, "");
}

static void every_failing_call_fails_the_read(void **state)
{
	struct scratch *s = *state;
	int before, n;

	unit_write(s->fd, "f", "text");
	before = unit_open_fds();
	for (n = 1; fault_arm(n, EIO); n++) {
		ps_auto_buf struct ps_buf b = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };
		int r = ps_read_file_at(s->fd, "f", 100, &b, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(b.len, 0);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 4); /* openat, read, read of the end */
}

static void control_files_take_one_write(void **state)
{
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };

	unit_write(s->fd, "f", "old text");
	assert_int_equal(ps_write_file_at(s->fd, "f", "new", &e), 0);
	unit_assert_file(s->fd, "f", "new text");
	(void)fault_arm(2, EBUSY);
	assert_int_equal(ps_write_file_at(s->fd, "f", "+cpu\n", &e), -1);
	assert_string_equal(fault_disarm(), "write");
	assert_int_equal(e.sys, EBUSY);
	assert_string_equal(e.msg, "write '+cpu' to 'f': Device or resource busy");
	write_at_most = 1;
	assert_int_equal(ps_write_file_at(s->fd, "f", "ab", &e), -1);
	assert_string_equal(e.msg, "write 'ab' to 'f': Input/output error");
	assert_int_equal(ps_write_file_at(s->fd, "none", "x", &e), -1);
	assert_string_equal(e.msg, "open 'none' to write 'x': No such file or directory");
	assert_int_equal(symlinkat("f", s->fd, "link"), 0);
	assert_int_equal(ps_write_file_at(s->fd, "link", "x", &e), -1);
	assert_int_equal(e.sys, ELOOP);
}

static void atomic_write_replaces(void **state)
{
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };
	struct stat st;
	mode_t mask = umask(077);

	assert_int_equal(ps_write_atomic_at(s->fd, "f", "one", 3, 0644, &e), 0);
	unit_assert_file(s->fd, "f", "one");
	assert_int_equal(fstatat(s->fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(unlinkat(s->fd, "f", 0), 0);
	assert_int_equal(symlinkat("target", s->fd, "f"), 0);
	assert_int_equal(ps_write_atomic_at(s->fd, "f", "two", 3, 0600, &e), 0);
	assert_int_equal(fstatat(s->fd, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(entries(s->fd), 1);
	assert_int_equal(ps_write_atomic_at(s->fd, "a/b", "x", 1, 0600, &e), -1);
	assert_string_equal(e.msg, "'a/b' is not a file name");
	assert_int_equal(ps_write_atomic_at(s->fd, "", "x", 1, 0600, &e), -1);
	(void)umask(mask);
}

static void every_failing_call_leaves_the_old_file(void **state)
{
	struct scratch *s = *state;
	int before, n;

	unit_write(s->fd, "f", "old");
	before = unit_open_fds();
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int r = ps_write_atomic_at(s->fd, "f", "new", 3, 0600, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
		assert_non_null(strstr(e.msg, "'f'"));
		unit_assert_file(s->fd, "f", "old");
		assert_int_equal(entries(s->fd), 1);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 6); /* getrandom, openat, write, fchmod, renameat */
	unit_assert_file(s->fd, "f", "new");
}

static void cloexec_from_marks_the_rest(void **state)
{
	static const int errors[] = { 0, ENOSYS, EINVAL, EPERM }; /* 0: the system call itself */
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };
	int low = dup(s->fd), high = fcntl(s->fd, F_DUPFD, 200);

	for (size_t i = 0; i < PS_COUNT(errors); i++) {
		assert_int_equal(ps_set_cloexec(low, 0, &e), 0);
		assert_int_equal(ps_set_cloexec(high, 0, &e), 0);
		assert_int_equal(fcntl(high, F_GETFD), 0);
		(void)fault_arm(errors[i] ? 1 : 0, errors[i]);
		assert_int_equal(ps_cloexec_from(200, &e), 0);
		assert_true(!fault_disarm() == !errors[i]);
		assert_int_equal(fcntl(low, F_GETFD), 0);
		assert_int_equal(fcntl(high, F_GETFD), FD_CLOEXEC);
	}
	(void)fault_arm(1, EIO);
	assert_int_equal(ps_cloexec_from(200, &e), -1);
	(void)fault_disarm();
	assert_string_equal(e.msg, "mark descriptors from 200 close-on-exec: Input/output error");
	(void)close(low);
	(void)close(high);
	assert_int_equal(ps_set_cloexec(high, 1, &e), -1);
	assert_string_equal(e.msg, "set close-on-exec of descriptor 200: Bad file descriptor");
}

static void remove_deletes_all_kinds(void **state)
{
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };

	for (int old_kernel = 0; old_kernel < 2; old_kernel++) {
		ps_path_no_openat2 = old_kernel;
		assert_int_equal(mkdirat(s->fd, "outside", 0755), 0);
		unit_write(s->fd, "outside/kept", "kept");
		assert_int_equal(mkdirat(s->fd, "t", 0755), 0);
		assert_int_equal(mkdirat(s->fd, "t/d", 0755), 0);
		assert_int_equal(mkdirat(s->fd, "t/d/e", 0755), 0);
		unit_write(s->fd, "t/d/e/f", "x");
		unit_write(s->fd, "t/f", "x");
		assert_int_equal(symlinkat("../outside", s->fd, "t/link"), 0);
		assert_int_equal(mkfifoat(s->fd, "t/fifo", 0600), 0);
		assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), 0);
		assert_int_equal(faccessat(s->fd, "t", F_OK, 0), -1);
		assert_int_equal(symlinkat("outside", s->fd, "t"), 0);
		assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), 0);
		unit_assert_file(s->fd, "outside/kept", "kept");
		assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), 0);
		assert_int_equal(ps_remove_tree_at(s->fd, "no/such", &e), 0);
		assert_int_equal(ps_remove_tree_at(s->fd, "outside/kept", &e), 0);
		assert_int_equal(ps_remove_tree_at(s->fd, "outside", &e), 0);
		assert_int_equal(entries(s->fd), 0);
	}
}

static void remove_needs_few_descriptors(void **state)
{
	enum { DEPTH = 3000 };
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };
	struct rlimit old, few;
	int dir = dup(s->fd);

	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "d", 0755), 0);
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		assert_true(next >= 0);
		if (i % 100 == 0)
			unit_write(next, ".podshim-rm-1", "in the way of a lifted directory's name");
		(void)close(dir);
		dir = next;
	}
	(void)close(dir);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = 80, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	if (ps_remove_tree_at(s->fd, "d", &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(entries(s->fd), 0);
}

/* In a child with a mount namespace of its own; the exit status says which line went wrong, 77: not permitted. */
#define MUST(cond) \
	do { \
		if (!(cond)) \
			_exit(__LINE__ % 256 == 77 ? 1 : __LINE__ % 256); \
	} while (0)

static void remove_across_mount(const struct scratch *s, bool old_kernel)
{
	struct ps_err e = { .cls = PS_OK };
	char outside[PATH_MAX + 16], point[PATH_MAX + 16];
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(77);
	(void)snprintf(outside, sizeof(outside), "%s/outside", s->path);
	(void)snprintf(point, sizeof(point), "%s/t/mnt", s->path);
	MUST(mount(outside, point, NULL, MS_BIND, NULL) == 0);
	ps_path_no_openat2 = old_kernel;
	fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* s->fd is of the mount namespace that we left */
	MUST(fd >= 0);
	MUST(ps_remove_tree_at(fd, "t", &e) == -1);
	MUST(e.cls == PS_E_STATE);
	MUST(strcmp(e.msg, "remove 't': something is mounted on 'mnt'") == 0);
	MUST(faccessat(s->fd, "outside/kept", F_OK, 0) == 0);
	(void)snprintf(point, sizeof(point), "%s/t", s->path);
	MUST(mount(outside, point, NULL, MS_BIND, NULL) == 0);
	MUST(ps_remove_tree_at(fd, "t", &e) == -1);
	MUST(strcmp(e.msg, "remove 't': something is mounted on 't'") == 0);
	MUST(faccessat(s->fd, "outside/kept", F_OK, 0) == 0);
	_exit(0);
}

static void remove_stays_on_its_mount(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(mkdirat(s->fd, "outside", 0755), 0);
	unit_write(s->fd, "outside/kept", "kept");
	assert_int_equal(mkdirat(s->fd, "t", 0755), 0);
	assert_int_equal(mkdirat(s->fd, "t/mnt", 0755), 0);
	for (int old_kernel = 0; old_kernel < 2; old_kernel++) {
		int status = -1;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			remove_across_mount(s, old_kernel);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	unit_assert_file(s->fd, "outside/kept", "kept");
}

/* An attacker puts a link in the place of a directory, right before it is opened to be emptied. */
static void swap_directory_for_link(int dirfd)
{
	before_open = NULL;
	assert_int_equal(__real_renameat(dirfd, "d", dirfd, "away"), 0);
	assert_int_equal(symlinkat("../outside", dirfd, "d"), 0);
}

static void remove_never_follows_a_swapped_link(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(mkdirat(s->fd, "outside", 0755), 0);
	unit_write(s->fd, "outside/kept", "kept");
	for (int old_kernel = 0; old_kernel < 2; old_kernel++) {
		struct ps_err e = { .cls = PS_OK };

		ps_path_no_openat2 = old_kernel;
		assert_int_equal(mkdirat(s->fd, "t", 0755), 0);
		assert_int_equal(mkdirat(s->fd, "t/d", 0755), 0);
		assert_int_equal(mkdirat(s->fd, "t/d/e", 0755), 0);
		before_open = swap_directory_for_link;
		assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), -1);
		assert_null(before_open);
		assert_true(e.sys == ELOOP || e.sys == ENOTDIR);
		unit_assert_file(s->fd, "outside/kept", "kept");
		assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), 0);
	}
	unit_assert_file(s->fd, "outside/kept", "kept");
}

static void remove_reports_what_it_cannot_delete(void **state)
{
	struct scratch *s = *state;
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds();

	assert_int_equal(mkdirat(s->fd, "t", 0755), 0);
	unit_write(s->fd, "t/f", "x");
	(void)fault_arm(4, EIO); /* unlink t, rmdir t, openat2, unlink t/f */
	assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), -1);
	assert_string_equal(fault_disarm(), "unlinkat");
	assert_string_equal(e.msg, "remove 't': delete 'f': Input/output error");
	assert_int_equal(unit_open_fds(), before);
	assert_int_equal(ps_remove_tree_at(s->fd, "t", &e), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(write_all_goes_on),
		TEST(read_is_bounded),
		TEST(read_of_an_empty_file_terminates),
		TEST(every_failing_call_fails_the_read),
		TEST(control_files_take_one_write),
		TEST(atomic_write_replaces),
		TEST(every_failing_call_leaves_the_old_file),
		TEST(cloexec_from_marks_the_rest),
		TEST(remove_deletes_all_kinds),
		TEST(remove_needs_few_descriptors),
		TEST(remove_stays_on_its_mount),
		TEST(remove_never_follows_a_swapped_link),
		TEST(remove_reports_what_it_cannot_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
