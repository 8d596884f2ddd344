/* SPDX-License-Identifier: Apache-2.0
 * undo_copy.h - copies files that a payload made: never more than their data, permission bits, times and harmless attributes.
 */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include "base/err.h"

enum { UNDO_MAX_DEPTH = 100 };

/* A file name of at_dir to a new entry to_name of to_dir: what it is when it is opened counts.  Holes stay holes; ret_st may be NULL. */
int undo_copy_file(int at_dir, const char *name, int to_dir, const char *to_name, struct stat *ret_st, struct ps_err *e);
/* The same into a file that is open for writing, which gets the data alone. */
int undo_copy_data(int from, int to, struct ps_err *e);
/*
 * Owner (as far as we may), permission bits without set-id, user.* attributes and ACLs without those of overlays, time of change.
 * fd: a file or directory of ours.
 */
int undo_copy_attrs(int from, int to, const struct stat *st, struct ps_err *e);
int undo_copy_link(int at_dir, const char *name, int to_dir, const char *to_name, const struct stat *st, struct ps_err *e);
/* Are two regular files the same to whoever reads them?  -1 with errno. */
int undo_same_data(int a, int b);

/* Into the store: the file that the O_PATH descriptor is; as the caller may write it. */
int undo_copy_in(int real, int to_dir, const char *name, struct ps_err *e);
/* A layer as it is: with whiteouts, marks of opaque directories and special files that can be made. */
int undo_copy_tree(int from_dir, int to_dir, const char *name, struct ps_err *e);
/* A directory whose layer hides what is below. */
bool undo_is_opaque(int dir);
static inline bool undo_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}
