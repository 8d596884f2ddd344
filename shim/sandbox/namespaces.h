/* SPDX-License-Identifier: Apache-2.0
 * namespaces.h - join, unshare, id maps, clock offsets, host names.
 */
#pragma once
#include <sys/types.h>
#include "shim/sandbox/sandbox.h"

/* setns(2) to the plan's joined namespaces selected by mask (CLONE_NEW* bits): user last (kernel rule: host-owned
 * namespaces are joined before). */
int ns_join(const struct sandbox *sb, uint64_t mask, struct ps_err *e);
/* unshare(2) with the plan's new namespaces selected by mask. */
int ns_unshare(const struct sandbox *sb, uint64_t mask, struct ps_err *e);
/* Launcher: write setgroups, uid_map and gid_map of pid, whose user namespace was just made.  As root (or with a single
 * identity map of our own id) directly, else through newuidmap/newgidmap found in PATH. */
int ns_write_id_maps(const struct plan *p, pid_t pid, struct ps_err *e);
/* Become uid/gid 0 of the new (or joined) user namespace; setgroups(0) where allowed. */
int ns_become_root(const struct sandbox *sb, struct ps_err *e);
/* New time namespace: unshare, offsets, enter (single-threaded). */
int ns_enter_time(const struct sandbox *sb, struct ps_err *e);
int ns_set_names(const struct sandbox *sb, struct ps_err *e); /* hostname, domainname */
