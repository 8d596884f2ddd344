/* SPDX-License-Identifier: Apache-2.0
 * host_fds.h - opens the plan's host objects in the launcher, before the first clone.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/*
 * Open every plan->fds row into fds[] (O_CLOEXEC) except PLAN_FD_CGROUP_MNT, which host_fds_open_cgroups opens once the
 * directories exist.  ROOTFS and BIND become detached clones (open_tree(2) OPEN_TREE_CLONE, 5.2) that are made slave
 * (recursively) at once so that nothing the container does reaches the host; a bind row whose propagation is "shared"
 * keeps its peers.  ROOTFS refuses a symlink as last component and anything that is no directory.  NS is checked with NS_GET_NSTYPE (4.11), DEVICE
 * by fstat.  Errors name the path and `from`.  Id-mapped binds are mapped here (mount_setattr MOUNT_ATTR_IDMAP, 5.12) with a
 * user namespace made for the maps; empty maps mean the container's own: its maps, or the joined namespace (the file system's owner must do
 * it: inside the container's user namespace it would be EPERM).
 * The flags of a clone are locked for a container in a user namespace by staging.h.
 */
int host_fds_open(const struct plan *p, int *fds, struct ps_err *e);
int host_fds_open_cgroups(const struct plan *p, int *fds, struct ps_err *e);
void host_fds_close(const struct plan *p, int *fds);
