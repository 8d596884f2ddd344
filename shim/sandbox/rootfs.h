/* SPDX-License-Identifier: Apache-2.0
 * rootfs.h - the container's root mount: attached first, entered last.
 *
 * Order: rootfs_isolate, rootfs_attach, (mounts, devices, masks), createContainer hooks, rootfs_enter, rootfs_finish.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* Make every mount of the new mount namespace a slave (recursively), so that nothing leaks to the host.  Without a mount namespace of
 * our own (plan->has_mount_ns) nothing is mounted at all and rootfs_enter is a chroot(2) into the detached tree. */
int rootfs_isolate(const struct sandbox *sb, struct ps_err *e);
/* Mount the detached rootfs tree over "/" of this mount namespace (the process's own root stays the old one) and keep it as sb->root_fd. */
int rootfs_attach(struct sandbox *sb, struct ps_err *e);
/* fchdir(root_fd); pivot_root(".", "."); umount2(".", MNT_DETACH); with no_pivot: chroot into the tree, which covers the
 * old root, after the old /proc and /sys are gone.  cwd becomes "/". */
int rootfs_enter(struct sandbox *sb, struct ps_err *e);
/* The working directory if missing, root propagation as asked, then read-only if asked (keeping locked flags). */
int rootfs_finish(const struct sandbox *sb, struct ps_err *e);
/* chdir to the payload's cwd (made if missing when make), then prove that getcwd() is inside: "current working directory is
 * outside of container mount namespace root -- possible container breakout detected". */
int rootfs_chdir(const struct sandbox *sb, bool make, struct ps_err *e);
