/* SPDX-License-Identifier: Apache-2.0
 * view.h - what a path of the container leads to before there is a container: links resolved inside its root, through
 * config.json's mounts.
 *
 * Nothing here is held on to: who acts on an answer resolves the path again where it counts.
 */
#pragma once
#include <sys/types.h>

#include "shim/policy/policy.h"

enum view_kind {
	VIEW_NONE,  /* nothing is there */
	VIEW_FILE,
	VIEW_DIR,
	VIEW_OTHER, /* device, socket, FIFO */
	VIEW_LATER, /* in a file system that is only made with the container */
};
enum { VIEW_ROOT = -1 };

struct view_found {
	const char *path;   /* absolute, clean and, as far as it exists, without links; in the view's arena */
	enum view_kind kind;
	int mount;          /* index of policy.mounts whose file system it is in, VIEW_ROOT */
	mode_t mode;
	dev_t dev;
	ino_t ino;
	nlink_t nlink;      /* mode and what follows: 0 where the kind is NONE or LATER */
};

struct view_mount;
struct view_node;
struct view {
	struct ps_arena *arena;
	const struct policy *policy;
	int root_fd;
	struct view_mount *mounts; /* one for each of policy.mounts */
	size_t n;
	struct view_node *nodes;   /* directories and links seen: a hash table */
	size_t n_nodes, max_nodes;
};

/*
 * policy: whose mounts, devices and kind of root count; NULL: the directory root_fd alone.  Opens the sources of bind
 * mounts; view_done() closes them.  Does not take root_fd.
 */
int view_init(struct view *v, struct ps_arena *a, int root_fd, const struct policy *policy, struct ps_err *e);
void view_done(struct view *v);
#define ps_auto_view ps_auto(view_done)

/* The absolute path, a last link followed, too.  -1 with errno: ELOOP, ENAMETOOLONG, EACCES ... */
int view_find(struct view *v, const char *path, struct view_found *ret);
/* Open what was found (FILE, DIR) for reading; never waits, has no effect on devices.  -1 with errno. */
int view_open(const struct view *v, const struct view_found *f);
/* The mount that a path without links is in: the last that covers it; VIEW_ROOT. */
int view_mount_of(const struct view *v, const char *path);
/* Where policy.mounts[i] is, links resolved. */
const char *view_mount_target(const struct view *v, int i);
/* O_PATH, what it shows at its root (a file, perhaps); -1: a file system that is not there yet.  Stays the view's. */
int view_mount_fd(const struct view *v, int i);
/* What of a path in mount i is below its root; "." for the root itself. */
const char *view_below_mount(const struct view *v, int i, const char *path);
/*
 * Names in a directory that was found, the mount points that will be made in it included; "." and ".." not.  The names
 * live in the arena.  At most `max`: *ret_more says whether there are others.  -1 with errno.
 */
int view_list(struct view *v, const struct view_found *dir, size_t max, struct spec_strs *ret, bool *ret_more);
/*
 * Every other path of the container by which what was found can be reached: the same directory bound twice, a bind of
 * what is above or below it.  Told by device and inode on the way up, at the root of each mount.  -1 with errno.
 */
int view_aliases(struct view *v, const struct view_found *f, struct spec_strs *ret);

/* path is dir or below it; both clean and absolute. */
static inline bool view_below(const char *path, const char *dir)
{
	size_t n = 0;

	while (dir[n] && dir[n] == path[n])
		n++;
	return !dir[n] && (!path[n] || path[n] == '/' || n == 1);
}
