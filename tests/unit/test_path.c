/* SPDX-License-Identifier: Apache-2.0
 * test_path.c - no path, link or race leads out of the root, with openat2 and with the walk that replaces it.
 *
 * WRAP: readlinkat
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/path.h"

/*
 * scratch/root      what may be reached
 * scratch/outside   what may not: holds "f" and "secret"
 */
struct tree {
	char path[PATH_MAX];
	int fd, root_fd;
};

static void link_to(int dirfd, const char *name, const char *target)
{
	assert_int_equal(symlinkat(target, dirfd, name), 0);
}

static void make_dir(int dirfd, const char *name)
{
	assert_int_equal(mkdirat(dirfd, name, 0755), 0);
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char outside[PATH_MAX + 16], name[8], target[8];

	assert_non_null(t);
	t->fd = unit_mkdir(t->path);
	make_dir(t->fd, "root");
	make_dir(t->fd, "outside");
	unit_write(t->fd, "outside/f", "outside");
	unit_write(t->fd, "outside/secret", "outside");
	t->root_fd = openat(t->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->root_fd >= 0);
	make_dir(t->root_fd, "a");
	make_dir(t->root_fd, "a/b");
	unit_write(t->root_fd, "a/f", "inside");
	(void)snprintf(outside, sizeof(outside), "%s/outside", t->path);
	link_to(t->root_fd, "out", outside);
	link_to(t->root_fd, "out2", "../outside");
	link_to(t->root_fd, "a/out3", "../../../../outside");
	link_to(t->root_fd, "abs", "/a/f");
	link_to(t->root_fd, "rel", "a/f");
	link_to(t->root_fd, "a/abs", "/a/f");
	link_to(t->root_fd, "a/up", "../../../../a/f");
	link_to(t->root_fd, "dir", "a");
	link_to(t->root_fd, "sub", "a/b");
	link_to(t->root_fd, "slash", "a/");
	link_to(t->root_fd, "loop1", "loop2");
	link_to(t->root_fd, "loop2", "loop1");
	link_to(t->root_fd, "dangling", "/new/place");
	link_to(t->root_fd, "newfile", "/a/new");
	link_to(t->root_fd, "l1", "a/f");
	for (int i = 2; i <= 41; i++) {
		(void)snprintf(name, sizeof(name), "l%d", i);
		(void)snprintf(target, sizeof(target), "l%d", i - 1);
		link_to(t->root_fd, name, target);
	}
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	ps_path_no_openat2 = false;
	(void)close(t->root_fd);
	unit_rmdir(t->path, t->fd);
	free(t);
	return 0;
}

/* The second half of the tests' table runs as on a kernel without openat2. */
static int setup_walk(void **state)
{
	ps_path_no_openat2 = true;
	return setup(state);
}

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

/* ---- An attacker who acts right after the walk has seen that a component is no link ---- */

static const char *watched;
static void (*after_look)(int dirfd);

ssize_t __real_readlinkat(int dirfd, const char *path, char *text, size_t size);
ssize_t __wrap_readlinkat(int dirfd, const char *path, char *text, size_t size);
ssize_t __wrap_readlinkat(int dirfd, const char *path, char *text, size_t size)
{
	ssize_t n = __real_readlinkat(dirfd, path, text, size);
	int saved = errno;

	if (watched && strcmp(path, watched) == 0) {
		watched = NULL;
		after_look(dirfd);
	}
	errno = saved;
	return n;
}

static void replace_by_link_to_file(int dirfd)
{
	assert_int_equal(unlinkat(dirfd, "new", 0) < 0 && errno != ENOENT, 0);
	link_to(dirfd, "new", "../outside/f");
}

static void put_dangling_link(int dirfd)
{
	link_to(dirfd, "new", "../outside/made");
}

static void replace_by_link_to_directory(int dirfd)
{
	assert_int_equal(renameat(dirfd, "swap", dirfd, "away"), 0);
	link_to(dirfd, "swap", "../outside");
}

static void no_change_after_the_look_leads_out(void **state)
{
	const struct tree *t = *state;
	static const uint64_t flags[] = { O_RDONLY, O_PATH, O_WRONLY | O_TRUNC, O_WRONLY | O_CREAT };
	struct ps_err e = { .cls = PS_OK };

	for (size_t i = 0; i < PS_COUNT(flags); i++) {
		(void)unlinkat(t->root_fd, "new", 0);
		unit_write(t->root_fd, "new", "inside");
		watched = "new";
		after_look = replace_by_link_to_file;
		assert_int_equal(ps_open_in_root(t->root_fd, "new", flags[i], 0600), -1);
		assert_null(watched);
		assert_int_equal(errno, ELOOP);
	}
	(void)unlinkat(t->root_fd, "new", 0);
	watched = "new";
	after_look = put_dangling_link;
	assert_int_equal(ps_mkfile_in_root(t->root_fd, "new", 0600, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	(void)unlinkat(t->root_fd, "new", 0);
	watched = "new";
	assert_int_equal(ps_mkdir_in_root(t->root_fd, "new/x", 0700, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	make_dir(t->root_fd, "swap");
	watched = "swap";
	after_look = replace_by_link_to_directory;
	assert_int_equal(ps_open_in_root(t->root_fd, "swap/secret", O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(faccessat(t->fd, "outside/made", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	unit_assert_file(t->fd, "outside/f", "outside");
}

/* ---- An attacker who exchanges components while we resolve ---- */

enum { FLIPS = 1500, MIN_TRIES = 1500 };

struct attack {
	int a_fd, b_fd;
	const char *a, *b;
	bool move; /* a becomes b and b becomes a in turns, else they are exchanged for ever */
	atomic_int flips;
	atomic_bool stop;
};

static void *attacker(void *arg)
{
	struct attack *at = arg;
	const unsigned flags = at->move ? 0 : 2; /* RENAME_EXCHANGE */

	while (!atomic_load(&at->stop)) {
		long r = syscall(SYS_renameat2, at->a_fd, at->a, at->b_fd, at->b, flags);

		if (at->move)
			r = syscall(SYS_renameat2, at->b_fd, at->b, at->a_fd, at->a, flags);
		if (r == 0)
			(void)atomic_fetch_add(&at->flips, 1);
	}
	return NULL;
}

static bool is_outside(const struct tree *t, int fd)
{
	static const char *const forbidden[] = { "outside", "outside/f", "outside/secret" };
	struct stat got, st;

	assert_int_equal(fstat(fd, &got), 0);
	assert_false(S_ISLNK(got.st_mode)); /* nobody asked for a link */
	for (size_t i = 0; i < PS_COUNT(forbidden); i++) {
		assert_int_equal(fstatat(t->fd, forbidden[i], &st, 0), 0);
		if (got.st_dev == st.st_dev && got.st_ino == st.st_ino)
			return true;
	}
	return false;
}

/* Calls `try` until the attacker has had its FLIPS; tells how often it got something. */
static int under_attack(const struct tree *t, struct attack *at, int (*try)(const struct tree *, int))
{
	pthread_t thread;
	int got = 0;

	assert_int_equal(pthread_create(&thread, NULL, attacker, at), 0);
	for (int i = 0; i < MIN_TRIES || atomic_load(&at->flips) < FLIPS; i++) {
		ps_auto_fd int fd = try(t, i);

		if (fd < 0)
			continue;
		got++;
		if (is_outside(t, fd))
			fail_msg("try %d led outside", i);
	}
	atomic_store(&at->stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return got;
}

static int try_swapped(const struct tree *t, int i)
{
	static const char *const paths[] = { "swap/f", "swap/../swap/f", "a/../swap/secret", "swap/b/../f", "swap/b/../../swap/f" };

	return ps_open_in_root(t->root_fd, paths[(size_t)i % PS_COUNT(paths)], O_RDONLY, 0);
}

static int try_creating(const struct tree *t, int i)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "swap/%d/x", i);
	return i % 2 ? ps_mkdir_in_root(t->root_fd, path, 0700, NULL) : ps_mkfile_in_root(t->root_fd, path, 0600, NULL);
}

static int try_last(const struct tree *t, int i)
{
	return ps_open_in_root(t->root_fd, "file", i % 2 ? O_RDONLY : O_PATH, 0);
}

static int try_making_last(const struct tree *t, int i)
{
	(void)i;
	return ps_mkfile_in_root(t->root_fd, "new", 0600, NULL);
}

static int try_climbing(const struct tree *t, int i)
{
	static const char *const paths[] = { "deep/d/../../secret", "deep/d/e/../../../outside/f", "deep/d/e/../../../../secret" };

	return ps_open_in_root(t->root_fd, paths[(size_t)i % PS_COUNT(paths)], O_RDONLY, 0);
}

static void no_race_with_a_link_leads_out(void **state)
{
	const struct tree *t = *state;
	struct attack at = { .a_fd = t->root_fd, .b_fd = t->root_fd, .a = "swap", .b = "out" };
	struct stat st;

	make_dir(t->root_fd, "swap");
	make_dir(t->root_fd, "swap/b");
	unit_write(t->root_fd, "swap/f", "inside");
	assert_true(under_attack(t, &at, try_swapped) > 0);
	atomic_store(&at.stop, false);
	atomic_store(&at.flips, 0);
	assert_true(under_attack(t, &at, try_creating) > 0);
	assert_int_equal(fstatat(t->fd, "outside", &st, 0), 0);
	assert_int_equal(st.st_nlink, 2); /* no directory was made outside */
	for (int i = 0; i < MIN_TRIES; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "outside/%d", i);
		assert_int_equal(faccessat(t->fd, path, F_OK, AT_SYMLINK_NOFOLLOW), -1);
	}
}

static void no_race_at_the_last_component_leads_out(void **state)
{
	const struct tree *t = *state;
	struct attack exchange = { .a_fd = t->root_fd, .b_fd = t->root_fd, .a = "file", .b = "link" };
	struct attack vanish = { .a_fd = t->root_fd, .b_fd = t->root_fd, .a = "new", .b = "away", .move = true };

	unit_write(t->root_fd, "file", "inside");
	link_to(t->root_fd, "link", "../outside/f");
	assert_true(under_attack(t, &exchange, try_last) > 0);
	link_to(t->root_fd, "new", "../outside/made");
	assert_true(under_attack(t, &vanish, try_making_last) > 0);
	assert_int_equal(faccessat(t->fd, "outside/made", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

/* A directory below which we climb is moved out of the root and back. */
static void no_race_with_a_move_leads_out(void **state)
{
	const struct tree *t = *state;
	struct attack at = { .a_fd = t->root_fd, .b_fd = t->fd, .a = "deep", .b = "outside/deep" };

	make_dir(t->root_fd, "deep");
	make_dir(t->root_fd, "deep/d");
	make_dir(t->root_fd, "deep/d/e");
	make_dir(t->fd, "outside/deep");
	make_dir(t->fd, "outside/deep/d");
	make_dir(t->fd, "outside/deep/d/e");
	unit_write(t->root_fd, "secret", "inside");
	(void)under_attack(t, &at, try_climbing);
}

int main(void)
{
#define BOTH(f)                                                             \
	{ #f, f, setup, teardown, NULL }, { #f " (walk)", f, setup_walk, teardown, NULL }
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
		{ "no_change_after_the_look_leads_out", no_change_after_the_look_leads_out, setup_walk, teardown, NULL },
		BOTH(no_race_with_a_link_leads_out),
		BOTH(no_race_at_the_last_component_leads_out),
		BOTH(no_race_with_a_move_leads_out),
		cmocka_unit_test(clean_and_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
