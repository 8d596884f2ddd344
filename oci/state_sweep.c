/* SPDX-License-Identifier: Apache-2.0
 * state_sweep.c - walks ROOT: every container, and what dead owners left there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "oci/state_file.h"

/* Entries of ROOT, sorted by name; freed with list_done. */
struct list {
	struct dirent **v;
	int n;
};

static void list_done(struct list *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_id(const struct dirent *d)
{
	return state_id_ok(d->d_name);
}

static int is_leftover(const struct dirent *d)
{
	return strncmp(d->d_name, STATE_NEW, strlen(STATE_NEW)) == 0 ||
	       strncmp(d->d_name, STATE_DEL, strlen(STATE_DEL)) == 0;
}

/* All of them first: callbacks change the folder. */
static int list_root(int root_fd, const char *root, int (*wanted)(const struct dirent *), struct list *l,
		     struct ps_err *e)
{
	char path[32];
	struct dirent **v;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", root_fd);
	int n = scandir(path, &v, wanted, by_name);

	if (n < 0)
		return ps_fail_os(e, "list state folder '%s'", root);
	*l = (struct list){ .v = v, .n = n };
	return 0;
}

/* A ROOT that does not exist is none: then *ret_fd stays. */
static int open_if_there(const char *root, int *ret_fd, struct ps_err *e)
{
	struct ps_err cause = { .cls = PS_OK };

	if (state_root_open(root, false, ret_fd, &cause) == 0 || cause.cls == PS_E_NOTFOUND)
		return 0;
	if (e)
		*e = cause;
	return -1;
}

/* The ids below ROOT; none when ROOT does not exist, and then *ret_root_fd stays. */
static int list_ids(const char *root, int *ret_root_fd, struct list *l, struct ps_err *e)
{
	if (open_if_there(root, ret_root_fd, e) < 0)
		return -1;
	return *ret_root_fd < 0 ? 0 : list_root(*ret_root_fd, root, is_id, l, e);
}

static bool is_dir(int root_fd, const char *name)
{
	ps_auto_fd int fd = openat(root_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0;
}

int state_each(const char *root, int (*fn)(const char *id, void *ctx), void *ctx, struct ps_err *e)
{
	ps_auto(list_done) struct list ids = { .v = NULL };
	ps_auto_fd int root_fd = -1;
	int r = 0;

	if (list_ids(root, &root_fd, &ids, e) < 0)
		return -1;
	for (int i = 0; r == 0 && i < ids.n; i++)
		if (is_dir(root_fd, ids.v[i]->d_name))
			r = fn(ids.v[i]->d_name, ctx);
	return r;
}

/* Not while somebody makes or deletes a folder: the next sweep finds the rest. */
static int remove_leftovers(int root_fd, const char *root, struct ps_err *e)
{
	ps_auto(list_done) struct list leftovers = { .v = NULL };
	struct ps_err busy = { .cls = PS_OK };
	ps_auto_fd int lock_fd = state_root_lock(root_fd, LOCK_EX, 0, &busy);

	if (lock_fd < 0 && busy.cls == PS_E_STATE)
		return 0;
	if (lock_fd < 0 && e)
		*e = busy;
	if (lock_fd < 0 || list_root(root_fd, root, is_leftover, &leftovers, e) < 0)
		return -1;
	for (int i = 0; i < leftovers.n; i++)
		if (ps_remove_tree_at(root_fd, leftovers.v[i]->d_name, e) < 0)
			return -1;
	return 0;
}

int state_sweep_leftovers(const char *root, struct ps_err *e)
{
	ps_auto_fd int root_fd = -1;

	if (open_if_there(root, &root_fd, e) < 0)
		return -1;
	return root_fd < 0 ? 0 : remove_leftovers(root_fd, root, e);
}

/* 1 when the record is dead: a reservation whose lock nobody holds, or of another boot.  Then its lock is ours. */
static int lock_dead(const char *root, const char *id, const char *boot_id, struct state_dir *ret, struct ps_err *e)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	if (!st)
		return ps_fail_os(e, "sweep '%s'", root);
	/* One that cannot be read is left to `delete --force`, one that is locked to its owner. */
	if (state_open(root, id, &d, NULL) < 0 || state_read(&d, st, NULL) < 0)
		return 0;
	if (st->status != STATE_CREATING && strcmp(st->boot_id, boot_id) == 0)
		return 0;
	if (state_lock(&d, 0, NULL) < 0 || state_read(&d, st, NULL) < 0)
		return 0;
	if (st->status != STATE_CREATING && strcmp(st->boot_id, boot_id) == 0)
		return 0;
	*ret = d;
	d = (struct state_dir)STATE_DIR_NONE;
	return 1;
}

static int sweep_id(const char *root, const char *id, const char *boot_id, int (*fn)(const char *id, void *ctx),
		    void *ctx, struct ps_err *e)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	int r = lock_dead(root, id, boot_id, &d, e);

	if (r <= 0)
		return r;
	state_dir_done(&d); /* fn takes the lock itself */
	r = fn(id, ctx);
	if (r != 0)
		return r;
	r = lock_dead(root, id, boot_id, &d, e);
	return r <= 0 ? r : state_remove(&d, e);
}

int state_sweep(const char *root, int (*fn)(const char *id, void *ctx), void *ctx, struct ps_err *e)
{
	ps_auto(list_done) struct list ids = { .v = NULL };
	ps_auto_fd int root_fd = -1;
	char boot_id[37];
	int r = 0;

	if (list_ids(root, &root_fd, &ids, e) < 0)
		return -1;
	if (root_fd < 0)
		return 0;
	if (remove_leftovers(root_fd, root, e) < 0 || ps_boot_id(boot_id, e) < 0)
		return -1;
	for (int i = 0; r == 0 && i < ids.n; i++)
		r = sweep_id(root, ids.v[i]->d_name, boot_id, fn, ctx, e);
	return r;
}
