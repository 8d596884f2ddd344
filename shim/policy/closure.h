/* SPDX-License-Identifier: Apache-2.0
 * closure.h - private to shim/policy: closures of several programs of one container, found together.
 */
#pragma once
#include "shim/policy/elf.h"
#include "shim/policy/ld_cache.h"
#include "shim/policy/restrict.h"
#include "shim/policy/text_set.h"
#include "shim/policy/view.h"

enum { CLOSURE_FILES_MAX = 512, CLOSURE_DEPTH_MAX = 4 };

/* A mapped file: what it needs is searched as its loaders say. */
struct closure_lib {
	const struct closure_lib *loader; /* NULL: the program */
	const char *origin;               /* $ORIGIN */
	struct elf_file elf;
};

struct closing {
	struct ps_arena *arena;
	struct view *view;
	const char *path;            /* PATH's value */
	struct text_set exec, libs, trees, files;
	struct text_set names;       /* that the program under way has asked for */
	struct ps_buf cache_text;
	struct ld_cache cache;
	bool cache_read, more;       /* more: there was more than CLOSURE_FILES_MAX */
	size_t n_files;
	/* Of the program under way: */
	const struct closure_lib *program;
	bool musl;
	const char *musl_path;       /* where musl's loader looks; "DIR:DIR" */
};

/* path: PATH's value, for names and `env`; NULL: none.  view outlives it.  closing_done() frees. */
void closing_init(struct closing *c, struct ps_arena *a, struct view *view, const char *path);
void closing_done(struct closing *c);
#define ps_auto_closing ps_auto(closing_done)
/* Add a program; *ret (may be NULL) is where it is, links resolved.  PS_E_NOTFOUND: there is none of that name. */
int closing_add_program(struct closing *c, const char *program, const char **ret, struct ps_err *e);
/* Add a shared object by its path, as dlopen(3) in the program added last would.  What is none counts as it is. */
int closing_add_library(struct closing *c, const char *path, struct ps_err *e);
/* Is it in one of the trees?  What is (extension modules) is not listed by itself. */
bool closing_in_tree(const struct closing *c, const char *path);
int closing_result(const struct closing *c, struct closure *ret, struct ps_err *e);
/*
 * Where a program is: a path, or a name in PATH.  found->kind is FILE, or PS_E_NOTFOUND.  With `all` the name's other
 * places in PATH follow by *at, which begins with 0; PS_E_NOTFOUND then says that there is no more.
 */
int closing_find(struct view *v, const char *path, const char *program, size_t *at, struct view_found *found,
		 struct ps_err *e);

/* ---- closure_trees.c ---- */
/* The standard library of the interpreter at `found`, which was called as `as`; extension modules become libraries. */
int closing_add_trees(struct closing *c, const char *as, const char *found, uint16_t machine);
/* "x86_64-linux-gnu" of an EM_*; NULL: unknown. */
const char *closing_multiarch(uint16_t machine, uint8_t bits);
/* closure.c, for it: a shared object that is mapped by the program.  0; -1 with errno. */
int closing_map(struct closing *c, const char *path);
