/* SPDX-License-Identifier: Apache-2.0
 * path.h - paths inside a directory tree that an attacker may own.
 *
 * Everything below resolves with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) (5.6), EAGAIN retried; where
 * openat2 is missing or filtered (ENOSYS, EPERM) an O_NOFOLLOW component walk does the same.  The result is an fd:
 * work on it, never on the path again.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* Open path inside root_fd.  flags as open(2) (O_CLOEXEC is added); mode only with O_CREAT.  -1 with errno set. */
int ps_open_in_root(int root_fd, const char *path, uint64_t flags, mode_t mode);
/* Same, but no symlink at all may occur in path (ELOOP). */
int ps_open_in_root_nolinks(int root_fd, const char *path, uint64_t flags, mode_t mode);
/*
 * mkdir -p path inside root_fd (mode for each directory that is made) and open it: O_PATH|O_DIRECTORY.
 * Existing components may be symlinks; they resolve inside root_fd.  Made one component at a time through fds.
 */
int ps_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct ps_err *e);
/* Make parents as above, then an empty regular file (O_EXCL|O_NOFOLLOW) unless it exists; O_PATH fd of it. */
int ps_mkfile_in_root(int root_fd, const char *path, mode_t mode, struct ps_err *e);
/* Open the parent directory of path (made if mk), and copy the last component to name (NAME_MAX + 1).  O_PATH fd. */
int ps_open_parent_in_root(int root_fd, const char *path, bool mk, char *name, struct ps_err *e);
/* Lexically clean an absolute or relative path: no "//", ".", "..", no trailing "/".  Result starts with "/" and fits
 * size, else -1 with ENAMETOOLONG.  ".." at the top stays at the top. */
int ps_path_clean(const char *path, char *out, size_t size);
/* "dir/name" into out; -1 with ENAMETOOLONG. */
int ps_path_join(char *out, size_t size, const char *dir, const char *name);

/*
 * openat2(2) (5.6) with RESOLVE_* bits, O_CLOEXEC added, mode only looked at where flags create.  EAGAIN (a rename or
 * mount raced with "..") is retried a bounded number of times.  -1 with errno; ENOSYS or EPERM where it is missing.
 */
int ps_openat2(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);
/* For tests: behave as on a kernel without openat2. */
extern bool ps_path_no_openat2;
