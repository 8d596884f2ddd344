/* SPDX-License-Identifier: Apache-2.0
 * labels.h - AppArmor profiles and SELinux labels: of the payload, and of what is mounted for it.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/*
 * Launcher, in the host's mount namespace: has this system what the plan names?  PS_E_UNSUPP with the place, and for a process the
 * file in back quotes that would say so, by which engines know the kind of failure.
 */
int labels_check(const struct plan *p, struct ps_err *e);
/*
 * Init: the kernel is told what the next execve(2) changes to, here and in whoever is cloned from us: attr/apparmor/exec
 * ("exec PROFILE"; before 5.8 attr/exec), attr/exec and, for a new session keyring, attr/keycreate, below the private procfs.
 * Whether no_new_privs or the profile that we are in permit the change is decided by that execve(2).
 */
int labels_apply(const struct sandbox *sb, struct ps_err *e);
/* The mount option that labels are given by. */
const char *label_option(const struct plan *p);
/* The row's label for all of a file system that is being made (an fsopen(2) context); mqueue has none for all: label_root(). */
int label_context(const struct plan *p, const struct plan_mount *m, int fs_fd, struct ps_err *e);
/* Label the root folder of a new mount, where its file system is mqueue; else nothing happens. */
int label_root(const struct plan *p, const struct plan_mount *m, int mnt_fd, struct ps_err *e);

/* For tests: where sysfs is. */
extern const char *labels_sysfs;
