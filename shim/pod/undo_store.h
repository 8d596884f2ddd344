/* SPDX-License-Identifier: Apache-2.0
 * undo_store.h - the folders of undo.h on disk; private to its files.
 */
#pragma once
#include "shim/pod/undo.h"

#define UNDO_RECORD "undo.json"

/* UNDO/HASH of a state root, made if asked for.  PS_E_NOTFOUND where there is none. */
int undo_open_root(const char *root, bool make, int *ret_fd, struct ps_err *e);
/* The path of UNDO/HASH. */
int undo_root_path(const char *root, char out[4096], struct ps_err *e);
/*
 * The store of ID.  lock: LOCK_EX, for who changes it; 0: none.  PS_E_NOTFOUND without one, PS_E_STATE when it is in use.
 * record lives in a.
 */
int undo_open(struct ps_arena *a, const char *root, const char *id, int lock, int *ret_fd, const struct undo_record **ret,
	      struct ps_err *e);
int undo_write_record(int store_fd, const struct undo_record *r, struct ps_err *e);
