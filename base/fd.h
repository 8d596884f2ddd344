/* SPDX-License-Identifier: Apache-2.0
 * fd.h - reading, writing and closing file descriptors.  Everything opened here is O_CLOEXEC.
 */
#pragma once
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"

/* write(2) until all is written, EINTR retried.  -1 with errno. */
int ps_write_all(int fd, const void *p, size_t n);
/* Append the whole regular file to out, at most max bytes.  PS_E_CONFIG when it is larger or no regular file.  dirfd may be
 * AT_FDCWD. */
int ps_read_file_at(int dirfd, const char *path, size_t max, struct ps_buf *out, struct ps_err *e);
/* Append all of an open fd to out from its current offset, at most max bytes. */
int ps_read_fd(int fd, const char *name, size_t max, struct ps_buf *out, struct ps_err *e);
/*
 * Write text to an existing kernel control file (proc, cgroup, sysfs) with a single write(2), O_WRONLY|O_NOFOLLOW.
 * The error names path and text.
 */
int ps_write_file_at(int dirfd, const char *path, const char *text, struct ps_err *e);
/* Create or replace dirfd/name atomically: O_EXCL temporary sibling, then rename(2).  name has no '/'.  No fsync. */
int ps_write_atomic_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode, struct ps_err *e);
/*
 * Create dirfd/name whole: O_TMPFILE (3.11), then linkat(2), so that no kill leaves a part of it or another name.  -1 with errno,
 * and nothing there: EEXIST, or what a file system without O_TMPFILE says.
 */
int ps_write_new_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode);
/* renameat2(2) (3.15); RENAME_NOREPLACE, RENAME_EXCHANGE.  -1 with errno. */
int ps_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags);
/* Mark every fd >= first close-on-exec: close_range(2) CLOSE_RANGE_CLOEXEC (5.11), /proc/self/fd walk without it. */
int ps_cloexec_from(unsigned first, struct ps_err *e);
/* The absolute path of what is open, links resolved, as /proc tells it: " (deleted)" may stand behind it.  Its length; -1 with errno. */
ssize_t ps_fd_path(int fd, char out[PATH_MAX]);
/* Set or clear FD_CLOEXEC. */
int ps_set_cloexec(int fd, int on, struct ps_err *e);
/* Delete dirfd/name recursively without following links or crossing mounts.  A missing name is success. */
int ps_remove_tree_at(int dirfd, const char *name, struct ps_err *e);
