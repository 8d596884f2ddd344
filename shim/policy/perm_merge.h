/* SPDX-License-Identifier: Apache-2.0
 * perm_merge.h - a set under construction: what the layers so far came to.
 *
 *	perm_merge.c           layers -> set: replace, add, unite, intersect
 *	perm_merge_settings.c  modes, limits, variables
 *	perm_merge_notes.c     what in a set has no effect, or not the one that it seems to have
 *	perm_tighten.c         a set and one more layer that may only narrow
 */
#pragma once
#include "shim/policy/permissions.h"

enum { MERGE_N_ACTIONS = POLICY_IGNORE + 1, MERGE_MAX_ENTRIES = 4096 };

struct merge_entry {
	struct perm_entry e;
	const struct perm_layer *layer; /* that wrote it; NULL: nobody, or it came with the set */
};
struct merge_list {
	struct merge_entry *v;
	size_t n, cap;
};
struct merge {
	struct ps_arena *arena;
	const char *cwd;
	struct merge_list of[POLICY_N_PERMISSIONS][MERGE_N_ACTIONS];
	bool listed[POLICY_N_PERMISSIONS];  /* an allow list is in force; else config.json's grants are */
	bool said[POLICY_N_PERMISSIONS];    /* somebody wrote one */
	bool narrows[POLICY_N_PERMISSIONS];
	unsigned cut;                       /* 1 << permission: a ceiling, an annotation or a launch has narrowed it */
	bool deny_by_default;
	const char **notes;
	size_t n_notes, cap_notes;
};

/* A sentence for lint and show. */
int merge_note(struct merge *m, struct ps_err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Add *en to its list unless it is there; a relative path becomes an absolute one. */
int merge_put(struct merge *m, const struct perm_entry *en, const struct perm_layer *l, struct ps_err *e);
/* What l denies, ignores and warns of. */
int merge_unite(struct merge *m, const struct perm_layer *l, struct ps_err *e);
/* No more than what l allows; keep_implied: beside what nobody wrote. */
int merge_narrow(struct merge *m, const struct perm_layer *l, bool keep_implied, struct ps_err *e);
/* Does l have an allow list of p? */
bool merge_mentions(const struct perm_layer *l, enum policy_permission p);
/* Does somebody allow something in l, in words of his own? */
bool merge_grants(const struct perm_layer *l);
/* Consequences, notes, and the set itself. */
int merge_finish(struct merge *m, struct permissions *out, struct ps_err *e);

int merge_check(struct merge *m, struct ps_err *e);
/* Layers from weak to strong; c: its ceiling. */
int merge_settings(struct ps_arena *a, const struct perm_layer *const *v, size_t n, const struct perm_context *c,
		   struct perm_settings *ret, struct ps_err *e);
/* Does it set nothing? */
bool merge_settings_empty(const struct perm_settings *s);
/* What l may change of *s: no more than s has. */
int merge_settings_tighten(struct ps_arena *a, const struct perm_layer *l, struct perm_settings *s, struct ps_err *e);
