/* SPDX-License-Identifier: Apache-2.0
 * store.h - what a container writes to instead of the host: overlays over the host's directories, folders of a limited tmpfs.
 *
 * A store is one tree, fds[store_fd]: a folder of the host's or a tmpfs of the launcher's.  Its entries are named by the rows.
 * Layers of an overlay have to be mounted in our mount namespace before 6.15, so the tree is mounted over the container's root
 * while rows are applied: what is looked up below a descriptor of that root is not looked up in it.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/* A detached tmpfs for at most `size` bytes, in which everybody who has it may make folders. */
int store_make(uint64_t size, int *ret_fd, struct ps_err *e);

/* Around everything that follows: mount the store over what `at` is; unmount it again.  Nothing without a store. */
int store_attach(struct sandbox *sb, int at, struct ps_err *e);
int store_detach(struct sandbox *sb, struct ps_err *e);
/*
 * A detached overlay over the detached mount `lower`, with its flags; it writes to STORE/name/upper.  lower is mounted for a
 * moment, and ended.  5.11 (userxattr)
 */
int store_overlay(struct sandbox *sb, const char *name, int lower, int *ret_mnt, struct ps_err *e);
/* A detached clone of STORE/m->store; a directory is made unless it exists. */
int store_open(struct sandbox *sb, const struct plan_mount *m, int *ret_mnt, struct ps_err *e);
