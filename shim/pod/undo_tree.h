/* SPDX-License-Identifier: Apache-2.0
 * undo_tree.h - the layer that a payload wrote against the host's directory: what is different, and how to make it the same.
 *
 * The layer is hostile.  Both sides are walked by directory descriptors and names of one component, links are never followed,
 * mounts never crossed; what is opened is looked at again before it is used.
 */
#pragma once
#include <sys/stat.h>
#include "shim/pod/undo.h"

enum undo_act { UNDO_LOOK, UNDO_COMMIT, UNDO_DISCARD };

struct undo_walk {
	enum undo_act act;
	bool force;                  /* what changed on the host since counts for nothing */
	/* Absolute clean paths of the host; only they, and what is below them, are acted on.  n 0: all. */
	const char *const *paths;
	size_t n_paths;
	bool *matched;               /* n_paths: something is there */
	/* Each change, before it is acted on (LOOK) or after; stops the walk when it returns non-zero. */
	int (*emit)(void *ctx, const struct undo_change *c);
	void *ctx;
	size_t n, n_conflicts, n_left; /* changes that are meant; of them: changed on the host since; not done, or not possible */
};

/* -1: something went wrong that is not of one change alone. */
int undo_tree_walk(int store_fd, const struct undo_record *r, struct undo_walk *w, struct ps_err *e);
int undo_tree_count(int store_fd, const struct undo_record *r, size_t *ret, struct ps_err *e);
/* Every path in a layer, relative to it. */
int undo_tree_list(struct ps_arena *a, int upper_fd, struct spec_strs *ret, struct ps_err *e);

/* ---- private to undo_tree.c and undo_apply.c ---- */
struct undo_step {                   /* one entry of both sides */
	int upper, host;             /* directories; host -1: none */
	const char *name;            /* in both */
	const char *host_name;       /* the same but for single files */
	struct stat up, on;          /* what the layer has; the host, if `exists` */
	bool exists, in_place;       /* in_place: a single file whose directory may be another's */
	const struct undo_record *record;
	bool force;
};
/* Why it is not to be done without force, or NULL. */
const char *undo_conflict(const struct undo_step *s);
/* Make the host's entry what the layer's is; a directory is only made, its attributes come last. */
int undo_apply(const struct undo_step *s, struct ps_err *e);
int undo_apply_dir(const struct undo_step *s, int upper_dir, int host_dir, struct ps_err *e);
int undo_remove_host(const struct undo_step *s, struct ps_err *e);
