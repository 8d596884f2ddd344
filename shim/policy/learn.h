/* SPDX-License-Identifier: Apache-2.0
 * learn.h - what a program did -> the smallest lists of permissions that a person would write for it.
 *
 *	learn_add()      each access of each run: dropped, refused, or one entry
 *	learn_finish()   entries of one folder become the folder; what writes, and what is missing later, become folders, too
 *
 * Left out is what a program of the kind may do anyway (facts.implied).  Never granted are protected classes
 * (perm_query_risk) and folders that hold nearly everything; those, and what was not let happen, are in `refused`.
 */
#pragma once
#include "shim/policy/permissions.h"

enum { LEARN_RUNS_MAX = 64, LEARN_FOLD = 4 /* files of one folder that make it the folder */ };

enum learn_kind {
	LEARN_USE,                   /* of what is there, or of a socket, a name */
	LEARN_LIST,                  /* of a folder's names */
	LEARN_CREATE,                /* of a file that was not there */
	LEARN_JIT,                   /* of memory that is made code */
	LEARN_LINK,                  /* the name by which another, of which there is an access too, was found */
};
struct learn_access {
	struct perm_query q;
	const char *target;          /* as it is written into a list */
	enum learn_kind kind;
	bool happened;               /* else it was refused */
	unsigned run;                /* 0 .. LEARN_RUNS_MAX - 1 */
};
struct learn_facts {
	const struct permissions *implied; /* may be done without any entry */
	const char *home;            /* of the caller; NULL: none */
	const char *program;         /* file that is run; NULL: none */
	struct spec_strs places;     /* of the host, below what is the program's own otherwise (/tmp): implied says nothing of them */
	unsigned runs;
	bool (*exists)(void *ctx, const char *path);
	bool (*sees)(void *ctx, const char *path); /* the path is there without any entry, whether it may be read or not */
	void *ctx;
};

struct learned_entry {
	enum policy_permission permission;
	const char *value;
	uint64_t runs;               /* 1 << run: in which it was seen */
	bool optional;               /* is not there now */
	bool folder;
};
struct learned_refusal {
	enum policy_permission permission;
	const char *target;
	const char *why;
	const char *wanted;          /* what would have to be allowed; NULL: that is no use */
	uint64_t runs;
};
struct learned {
	const struct learned_entry *entries; /* by permission and value */
	size_t n;
	const struct learned_refusal *refused;
	size_t n_refused;
	uint64_t jit;                /* 1 << run: in which code was made at run time */
};

struct learn;
/* In the arena, which outlives it.  NULL with errno. */
struct learn *learn_new(struct ps_arena *a, const struct learn_facts *f);
/* -1: out of memory. */
int learn_add(struct learn *l, const struct learn_access *x);
int learn_finish(struct learn *l, struct learned *ret);
/* Was it left out, or refused, on purpose? */
bool learn_refuses(const struct learn *l, const struct learn_access *x);
/* In how many of so many runs: "high" (all of several), "medium", "low" (less than half, or one run alone). */
const char *learn_confidence(uint64_t runs, unsigned n);

/* The lists as flags, in one line for a shell, without '\n'; and as a policy. */
void learned_flags(const struct learned *l, struct ps_buf *out);
void learned_policy(const struct learned *l, const char *name, const char *about, struct ps_buf *out);
/* Deny entries for the protected files of `home` and of the machine, as far as one can name them beforehand.  -1 with *e. */
int learn_protect(struct perm_builder *b, struct ps_arena *a, const char *home, struct ps_err *e);
