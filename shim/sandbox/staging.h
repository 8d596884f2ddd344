/* SPDX-License-Identifier: Apache-2.0
 * staging.h - locks the flags of host trees for a container in a user namespace.
 *
 * A detached tree that is moved into a mount namespace keeps its flags, but whoever has CAP_SYS_ADMIN in the user
 * namespace that owns it may clear them: read-only, nosuid, nodev of the host's own mounts would be the payload's to drop.
 * The kernel locks flags only when it copies a mount namespace for another user namespace (copy_mnt_ns).  So the trees
 * are mounted in a private mount namespace of the host's user namespace first, and taken from its copy.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* Before the user namespace: new mount namespace, every tree of sb->fds mounted on an entry of a tmpfs, which becomes the cwd. */
int staging_put(struct sandbox *sb, struct ps_err *e);
/* After the copy: sb->fds become detached clones of the copies. */
int staging_take(struct sandbox *sb, struct ps_err *e);
