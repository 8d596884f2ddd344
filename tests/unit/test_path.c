/* SPDX-License-Identifier: Apache-2.0
 * test_path.c - no path or link leads out of the root, with openat2 and with the walk that replaces it.
 */
#include "tests/unit/path_tree.h"

static void assert_same(int fd, int dirfd, const char *path, const char *what)
{
	struct stat got, want;

	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(fstatat(dirfd, path, &want, AT_SYMLINK_NOFOLLOW), 0);
	if (got.st_dev != want.st_dev || got.st_ino != want.st_ino)
		fail_msg("'%s' did not lead to '%s'", what, path);
}

struct row {
	const char *path;
	const char *want; /* what it must be, from the root; NULL: fails with err */
	int err;
	uint64_t flags;
};

static const struct row resolve_rows[] = {
	{ "a/f", "a/f", 0, O_RDONLY },
	{ "/a/f", "a/f", 0, O_RDONLY },
	{ "//a///f", "a/f", 0, O_RDONLY },
	{ "./a/./f", "a/f", 0, O_RDONLY },
	{ "a/../a/f", "a/f", 0, O_RDONLY },
	{ "../../a/f", "a/f", 0, O_RDONLY },
	{ "/../a/f", "a/f", 0, O_RDONLY },
	{ "a/b/../../../../a/f", "a/f", 0, O_RDONLY },
	{ "abs", "a/f", 0, O_RDONLY },
	{ "rel", "a/f", 0, O_RDONLY },
	{ "a/up", "a/f", 0, O_RDONLY },
	{ "a/abs", "a/f", 0, O_RDONLY },
	{ "dir/f", "a/f", 0, O_RDONLY },
	{ "dir/../a/f", "a/f", 0, O_RDONLY },
	{ "sub/../f", "a/f", 0, O_RDONLY },
	{ "slash/f", "a/f", 0, O_RDONLY },
	{ "slash", "a", 0, O_RDONLY | O_DIRECTORY },
	{ "dir/up", "a/f", 0, O_RDONLY },
	{ "l40", "a/f", 0, O_RDONLY },
	{ ".", ".", 0, O_PATH },
	{ "/", ".", 0, O_PATH | O_DIRECTORY },
	{ "..", ".", 0, O_PATH },
	{ "a/..", ".", 0, O_PATH },
	{ "a/", "a", 0, O_PATH },
	{ "a/.", "a", 0, O_PATH },
	{ "dir/", "a", 0, O_PATH | O_NOFOLLOW },
	{ "dir", "dir", 0, O_PATH | O_NOFOLLOW },
	{ "dir", "a", 0, O_PATH },
	{ "out", NULL, ENOENT, O_PATH },
	{ "out/f", NULL, ENOENT, O_RDONLY },
	{ "out2/f", NULL, ENOENT, O_RDONLY },
	{ "a/out3/secret", NULL, ENOENT, O_RDONLY },
	{ "../outside/f", NULL, ENOENT, O_RDONLY },
	{ "a/../../outside/f", NULL, ENOENT, O_RDONLY },
	{ "dir/../../outside/f", NULL, ENOENT, O_RDONLY },
	{ "none", NULL, ENOENT, O_RDONLY },
	{ "none/..", NULL, ENOENT, O_PATH },
	{ "", NULL, ENOENT, O_PATH },
	{ "a/f/", NULL, ENOTDIR, O_RDONLY },
	{ "a/f/x", NULL, ENOTDIR, O_RDONLY },
	{ "a/f/..", NULL, ENOTDIR, O_RDONLY },
	{ "rel/", NULL, ENOTDIR, O_RDONLY },
	{ "rel", NULL, ENOTDIR, O_RDONLY | O_DIRECTORY },
	{ "rel", NULL, ELOOP, O_RDONLY | O_NOFOLLOW },
	{ "loop1", NULL, ELOOP, O_RDONLY },
	{ "loop1/x", NULL, ELOOP, O_RDONLY },
	{ "l41", NULL, ELOOP, O_RDONLY },
	{ "abs", NULL, EEXIST, O_WRONLY | O_CREAT | O_EXCL },
	{ "newfile", NULL, EEXIST, O_WRONLY | O_CREAT | O_EXCL },
	{ "a", NULL, EISDIR, O_WRONLY },
	{ "a/", NULL, EISDIR, O_WRONLY | O_CREAT },
};

static void resolves(void **state)
{
	const struct tree *t = *state;
	int before = unit_open_fds();

	for (size_t i = 0; i < PS_COUNT(resolve_rows); i++) {
		const struct row *r = &resolve_rows[i];
		ps_auto_fd int fd = ps_open_in_root(t->root_fd, r->path, r->flags, 0600);

		if (!r->want && (fd >= 0 || errno != r->err))
			fail_msg("'%s': fd %d, %s; expected %s", r->path, fd, strerror(errno), strerror(r->err));
		if (!r->want)
			continue;
		if (fd < 0)
			fail_msg("'%s': %s", r->path, strerror(errno));
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_same(fd, t->root_fd, r->want, r->path);
	}
	assert_int_equal(unit_open_fds(), before);
}

static void without_links(void **state)
{
	static const struct row rows[] = {
		{ "a/f", "a/f", 0, O_RDONLY },        { "a/../a/f", "a/f", 0, O_RDONLY },
		{ "rel", NULL, ELOOP, O_RDONLY },     { "rel", NULL, ELOOP, O_PATH },
		{ "dir/f", NULL, ELOOP, O_RDONLY },   { "dir/", NULL, ELOOP, O_RDONLY },
		{ "a/up", NULL, ELOOP, O_RDONLY },    { "dir/..", NULL, ELOOP, O_PATH },
	};
	const struct tree *t = *state;

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_fd int fd = ps_open_in_root_nolinks(t->root_fd, rows[i].path, rows[i].flags, 0);

		if (rows[i].want) {
			assert_true(fd >= 0);
			assert_same(fd, t->root_fd, rows[i].want, rows[i].path);
		} else if (fd >= 0 || errno != rows[i].err) {
			fail_msg("'%s': fd %d, %s", rows[i].path, fd, strerror(errno));
		}
	}
}

static void too_long_paths_fail(void **state)
{
	const struct tree *t = *state;
	char path[PATH_MAX + 10];

	memset(path, 'x', 256);
	path[256] = '\0';
	assert_int_equal(ps_open_in_root(t->root_fd, path, O_PATH, 0), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? '/' : '.';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ps_open_in_root(t->root_fd, path, O_PATH, 0), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void magic_links_are_refused(void **state)
{
	static const char *const magic[] = { "proc/self/exe", "proc/self/cwd", "proc/self/root", "proc/self/root/etc",
					     "proc/self/fd/0", "proc/thread-self/ns/mnt" };
	static const char *const plain[] = { "proc/self/status", "proc/mounts", "proc/self/fd" };
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < PS_COUNT(magic); i++) {
		assert_int_equal(ps_open_in_root(root, magic[i], O_PATH, 0), -1);
		assert_int_equal(errno, ELOOP);
	}
	for (size_t i = 0; i < PS_COUNT(plain); i++) {
		ps_auto_fd int fd = ps_open_in_root(root, plain[i], O_PATH, 0);

		assert_true(fd >= 0);
	}
}

static void creates_through_links_inside(void **state)
{
	const struct tree *t = *state;
	ps_auto_fd int fd = ps_open_in_root(t->root_fd, "newfile", O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_same(fd, t->root_fd, "a/new", "newfile");
}

static void mkdir_makes_each_missing_component(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "n/e/w", "n/e/w" },      { "n/e/w", "n/e/w" },     { "/n2//./e/", "n2/e" },  { "a/b/../c", "a/c" },
		{ "dir/d", "a/d" },        { "../../x", "x" },       { "/", "." },             { "dangling/sub", "new/place/sub" },
		{ "n3/../n4", "n4" },
	};
	const struct tree *t = *state;
	struct ps_err e = { .cls = PS_OK };
	struct stat st;

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_fd int fd = ps_mkdir_in_root(t->root_fd, rows[i].path, 0700, &e);

		if (fd < 0)
			fail_msg("%s", e.msg);
		assert_same(fd, t->root_fd, rows[i].want, rows[i].path);
		assert_true(fcntl(fd, F_GETFL) & O_PATH);
	}
	assert_int_equal(fstatat(t->root_fd, "n/e", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(ps_mkdir_in_root(t->root_fd, "a/f/x", 0700, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	assert_string_equal(e.msg, "create directory 'a/f/x': Not a directory");
	assert_int_equal(ps_mkdir_in_root(t->root_fd, "loop1/x", 0700, &e), -1);
	assert_int_equal(e.sys, ELOOP);
}

/* A link to an absolute path outside makes that path anew inside, and touches nothing outside. */
static void mkdir_stays_inside(void **state)
{
	const struct tree *t = *state;
	struct ps_err e = { .cls = PS_OK };
	char inside[PATH_MAX + 32];
	ps_auto_fd int fd = ps_mkdir_in_root(t->root_fd, "out/evil", 0700, &e);

	assert_true(fd >= 0);
	(void)snprintf(inside, sizeof(inside), "%s/outside/evil", t->path + 1);
	assert_same(fd, t->root_fd, inside, "out/evil");
	assert_int_equal(faccessat(t->fd, "outside/evil", F_OK, 0), -1);
	ps_fd_close(&fd);
	fd = ps_mkdir_in_root(t->root_fd, "a/out3/evil", 0700, &e);
	assert_true(fd >= 0);
	assert_same(fd, t->root_fd, "outside/evil", "a/out3/evil");
	assert_int_equal(faccessat(t->fd, "outside/evil", F_OK, 0), -1);
}

static void mkfile_makes_parents_and_keeps_files(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "n/e/file", "n/e/file" }, { "a/f", "a/f" }, { "rel", "a/f" }, { "newfile", "a/new" },
		{ "dangling", "new/place" }, { "a", "a" },
	};
	const struct tree *t = *state;
	struct ps_err e = { .cls = PS_OK };
	struct stat st;

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_fd int fd = ps_mkfile_in_root(t->root_fd, rows[i].path, 0640, &e);

		if (fd < 0)
			fail_msg("%s", e.msg);
		assert_same(fd, t->root_fd, rows[i].want, rows[i].path);
		assert_true(fcntl(fd, F_GETFL) & O_PATH);
	}
	assert_int_equal(fstatat(t->root_fd, "n/e/file", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	unit_assert_file(t->root_fd, "a/f", "inside");
	assert_int_equal(ps_mkfile_in_root(t->root_fd, "a/f/x", 0600, &e), -1);
	assert_string_equal(e.msg, "create file 'a/f/x': Not a directory");
}

static void parents(void **state)
{
	static const struct {
		const char *path, *dir, *name;
	} rows[] = {
		{ "a/f", "a", "f" }, { "/x", ".", "x" }, { "x", ".", "x" }, { "dir/x/", "a", "x" }, { "a//b", "a", "b" },
		{ "../y", ".", "y" }, { "a/..x", "a", "..x" },
	};
	static const char *const nameless[] = { "", "/", "..", "a/..", ".", "a/.", "//" };
	const struct tree *t = *state;
	struct ps_err e = { .cls = PS_OK };
	char name[NAME_MAX + 1], want[128];

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_fd int fd = ps_open_parent_in_root(t->root_fd, rows[i].path, false, name, &e);

		if (fd < 0)
			fail_msg("%s", e.msg);
		assert_same(fd, t->root_fd, rows[i].dir, rows[i].path);
		assert_string_equal(name, rows[i].name);
	}
	for (size_t i = 0; i < PS_COUNT(nameless); i++) {
		assert_int_equal(ps_open_parent_in_root(t->root_fd, nameless[i], true, name, &e), -1);
		(void)snprintf(want, sizeof(want), "path '%s' names no entry of a directory", nameless[i]);
		assert_string_equal(e.msg, want);
		assert_int_equal(e.cls, PS_E_CONFIG);
	}
	assert_int_equal(ps_open_parent_in_root(t->root_fd, "q/r", false, name, &e), -1);
	assert_string_equal(e.msg, "open the parent of 'q/r': No such file or directory");
	{
		ps_auto_fd int fd = ps_open_parent_in_root(t->root_fd, "q/r/s", true, name, &e);

		assert_true(fd >= 0);
		assert_same(fd, t->root_fd, "q/r", "q/r/s");
	}
}

static void clean_and_join(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "/" }, { "/", "/" }, { ".", "/" }, { "..", "/" }, { "a", "/a" }, { "/a/", "/a" }, { "//a//b//", "/a/b" },
		{ "a/./b", "/a/b" }, { "a/../b", "/b" }, { "a/b/../..", "/" }, { "../../a", "/a" }, { "/a/b/../../../c", "/c" },
		{ "...", "/..." }, { ".a/..b", "/.a/..b" },
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		char buf[64];

		assert_int_equal(ps_path_clean(rows[i].in, buf, sizeof(buf)), 0);
		assert_string_equal(buf, rows[i].out);
	}
	assert_int_equal(ps_path_clean("abcdef", out, sizeof(out)), 0);
	assert_int_equal(ps_path_clean("abcdefg", out, sizeof(out)), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(ps_path_clean("/", out, 1), -1);
	assert_int_equal(ps_path_join(out, sizeof(out), "a", "b"), 0);
	assert_string_equal(out, "a/b");
	assert_int_equal(ps_path_join(out, sizeof(out), "/", "b"), 0);
	assert_string_equal(out, "/b");
	assert_int_equal(ps_path_join(out, sizeof(out), "abc", "defg"), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(resolves),
		BOTH(without_links),
		BOTH(too_long_paths_fail),
		BOTH(magic_links_are_refused),
		BOTH(creates_through_links_inside),
		BOTH(mkdir_makes_each_missing_component),
		BOTH(mkdir_stays_inside),
		BOTH(mkfile_makes_parents_and_keeps_files),
		BOTH(parents),
		cmocka_unit_test(clean_and_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
