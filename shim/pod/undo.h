/* SPDX-License-Identifier: Apache-2.0
 * undo.h - what a container wrote, apart from the host until somebody commits or discards it (write.undo, limits.disk).
 *
 *	undo_plan    decides which folder of the store each place gets            (no effects)
 *	undo_make    makes the store below UNDO, and its record                   (create, run)
 *	undo_begin   notes what the runtime itself has made there                 (before the payload runs)
 *	undo_keep    brings what was written to a tmpfs into the store on disk    (the end of run)
 *	undo_settle  drops a store in which nothing was changed                   (run, delete, gc)
 *
 * UNDO is $XDG_STATE_HOME/podshim/undo, else /var/lib/podshim/undo of root's, ~/.local/state/podshim/undo or
 * /var/tmp/podshim-UID/undo of others': mode 0700, owned by us.  A store is UNDO/HASH-OF-THE-STATE-ROOT/ID with undo.json and a
 * folder for each place.  Trees in it were written by the payload: nothing of them is trusted.
 */
#pragma once
#include "shim/pod/pod.h"
#include "shim/policy/policy.h"

struct undo_place {
	const char *name;            /* its folder in the store: "0" */
	const char *source;          /* on the host: absolute, links resolved */
	const char *target;          /* in the container */
	bool is_file;                /* STORE/name/file, else STORE/name/upper */
	uint64_t dev, ino;           /* of source, as it was */
	struct spec_strs made;       /* below the place, by the runtime: mount points */
};
struct undo_record {
	const char *id, *root;       /* container and state root */
	int64_t secs;
	uint32_t nsecs;              /* when it began, on the clock of file times */
	bool in_memory;              /* it was written to a tmpfs, and was not brought here yet */
	struct undo_place *places;
	size_t n;
};

struct undo {
	struct undo_record *record;  /* NULL: nothing is kept */
	uint64_t size;               /* of a tmpfs to write to; 0: none */
	uint64_t owner_uid, owner_gid; /* of the container's root on the host */
	int store_fd;                /* the store on disk, locked while we hold it; -1 */
	int tmpfs_fd;                /* the tmpfs; -1 */
};
#define UNDO_NONE { .store_fd = -1, .tmpfs_fd = -1 }
void undo_done(struct undo *u);

struct undo_use {
	const char *root, *id;
	bool waits;                  /* somebody is there at the end of the run */
	bool is_runner;              /* of a pod */
};
/* Runners of a pod have no store: PS_E_UNSUPP where p asks for one. */
int undo_refuse_pod(const struct policy *p, struct ps_err *e);
/* *ret: p with a folder of the store for every mount that asks for one; p itself where none does.  Memory is a's. */
int undo_plan(struct ps_arena *a, const struct undo_use *use, const struct policy *p, const struct policy **ret, struct undo *u,
	      struct ps_err *e);
/* PS_E_EXISTS: changes of an earlier container of that id are kept. */
int undo_make(struct ps_arena *a, struct undo *u, const struct pod_env *env, struct ps_err *e);
int undo_begin(struct ps_arena *a, struct undo *u, struct ps_err *e);
int undo_keep(struct undo *u, struct ps_err *e);
/* How many changes are kept of ID's; 0: there was a store without any, or none at all, and now there is none. */
int undo_settle(const struct pod_env *env, const char *id, size_t *ret, struct ps_err *e);
/* Throw it away, whatever is in it. */
int undo_drop(const struct pod_env *env, const char *id, struct ps_err *e);
/* Settle every store without a container; a line for each that is gone. */
int undo_gc(const struct pod_env *env, struct ps_buf *report, struct ps_err *e);
