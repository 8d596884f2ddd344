/* SPDX-License-Identifier: Apache-2.0
 * path_tree.h - the tree in which test_path*.c resolve, and its hostile surroundings.
 */
#pragma once
#include "tests/unit/unit.h"

#include "base/path.h"

/*
 * scratch/root      what may be reached
 * scratch/outside   what may not: holds "f" and "secret"
 */
struct tree {
	char path[PATH_MAX];
	int fd, root_fd;
};

static inline void link_to(int dirfd, const char *name, const char *target)
{
	assert_int_equal(symlinkat(target, dirfd, name), 0);
}

static inline void make_dir(int dirfd, const char *name)
{
	assert_int_equal(mkdirat(dirfd, name, 0755), 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	struct tree *t = *state;

	ps_path_no_openat2 = false;
	(void)close(t->root_fd);
	unit_rmdir(t->path, t->fd);
	free(t);
	return 0;
}

/* The second half of the tests' table runs as on a kernel without openat2. */
static inline int setup_walk(void **state)
{
	ps_path_no_openat2 = true;
	return setup(state);
}

/* A test as it is, and once more as on a kernel without openat2. */
#define BOTH(f) { #f, f, setup, teardown, NULL }, { #f " (walk)", f, setup_walk, teardown, NULL }
