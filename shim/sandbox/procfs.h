/* SPDX-License-Identifier: Apache-2.0
 * procfs.h - the only way to /proc: a private instance nobody else can mount over.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* fsopen("proc") + fsmount of this process's pid namespace into sb->proc_fd (proc_is_own); where the kernel refuses (user namespace
 * below a masked /proc), the /proc of this mount namespace after checking PROC_SUPER_MAGIC and root inode 1. */
int procfs_open(struct sandbox *sb, struct ps_err *e);
/* Open path below the private procfs without leaving it: openat2 BENEATH|NO_XDEV|NO_MAGICLINKS ("self" is no magic
 * link).  Before procfs_open: below the checked /proc of this mount namespace.  -1 with errno. */
int procfs_open_at(const struct sandbox *sb, const char *path, uint64_t flags);
/* Write text to it with one write(2); the error names path and text. */
int procfs_write(const struct sandbox *sb, const char *path, const char *text, struct ps_err *e);
/* "self/oom_score_adj". */
int procfs_set_oom_score_adj(const struct sandbox *sb, int value, struct ps_err *e);

/* For tests: behave as on a kernel without procfs's "pidns" option (6.17), or that refuses a procfs of our own. */
extern bool procfs_no_pidns_option, procfs_refused;
