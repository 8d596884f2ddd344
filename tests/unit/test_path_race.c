/* SPDX-License-Identifier: Apache-2.0
 * test_path_race.c - no change of the tree while we resolve leads out of the root.
 *
 * WRAP: readlinkat
 */
#include "tests/unit/path_tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

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
	const struct CMUnitTest tests[] = {
		{ "no_change_after_the_look_leads_out", no_change_after_the_look_leads_out, setup_walk, teardown, NULL },
		BOTH(no_race_with_a_link_leads_out),
		BOTH(no_race_at_the_last_component_leads_out),
		BOTH(no_race_with_a_move_leads_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
