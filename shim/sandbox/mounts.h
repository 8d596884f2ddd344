/* SPDX-License-Identifier: Apache-2.0
 * mounts.h - the plan's mounts, masks and read-only paths, made with the fd-based mount API (5.12).
 *
 * Every target is resolved inside sb->root_fd (RESOLVE_IN_ROOT|NO_MAGICLINKS) to an fd, created there if missing, and
 * move_mount(2) goes to that fd: no path is walked twice.  /proc and /sys targets may not be symlinks.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

int mounts_apply(struct sandbox *sb, struct ps_err *e);
/* After the devices: a tmpfs (or /dev) that was asked for read-only becomes so, now that it is filled. */
int mounts_finish(struct sandbox *sb, struct ps_err *e);
/* Paths bound onto themselves with other flags; one that does not exist is an error unless it is optional. */
int rebinds_apply(struct sandbox *sb, struct ps_err *e);
/* masked paths: /dev/null bound over files (fds[null_fd], verified 1:3), one shared read-only empty tmpfs over directories;
 * readonly paths: recursive read-only bind of themselves.  A path that does not exist is skipped. */
int masks_apply(struct sandbox *sb, struct ps_err *e);
