/* SPDX-License-Identifier: Apache-2.0
 * check.h - what `run` would enforce here, and how, and what this host cannot do; nothing is started.
 *
 *	check.c        the order: host, target, what `run` itself would decide about it
 *	check_host.c   facts of the host, and what each lacks
 *	check_needs.c  what a container's configuration takes of the host, field by field
 *	check_fields.c a document without a field that is refused, to find the next
 *	check_codes.c  a code and a next step for what cannot be enforced
 */
#pragma once
#include "shim/plan/survey.h"
#include "shim/pod/pod.h"
#include "shim/policy/mechanism.h"

struct check_fact {
	const char *name, *value;
	bool lost;                   /* something cannot be enforced, or done, for want of it */
	const char *code, *text, *hint; /* of what is lost; else NULL */
};
struct check_need {
	const char *at;              /* "config.json: /linux/namespaces/2" */
	const char *what;            /* "a namespace: net" */
	bool there;
	const char *code, *hint;     /* where it is not there; else NULL */
};
struct check_finding {
	const char *code;
	const char *subject;         /* "read", "limits", "bundle" */
	const char *at;              /* where it was asked for; "" where nobody did */
	const char *text, *hint;
	bool fails;                  /* `run` would fail; else it would go on with a warning (--best-effort) */
};

struct check_note { const char *text; }; /* what permissions came to: what is left out, what is missing */

/* Growing lists in one arena. */
struct check_list { void *v; size_t n, max; };
struct check_report {
	struct ps_arena *a;
	const char *target;          /* NULL: the host alone */
	struct check_list facts, needs, notes, findings; /* of the structs above */
	const struct mechanism_row *rows;
	size_t n_rows;
	struct mechanism_row limits[8];
	size_t n_limits;
	bool exists;                 /* of a container that is there: what was decided when it was made */
	bool judged;                 /* rows tell how they are enforced; else `run` would not come so far */
};
#define CHECK_ROWS(type, list) ((const struct type *)(list).v)
/* Of a target: something would fail.  Of the host alone: something is lost. */
bool check_fails(const struct check_report *r);

/*
 * r: as for `run`; neither bundle nor program: the host alone.  A caller without privileges enters a user namespace, as `run` would.
 * What is wrong with the target is a finding, no error.  The report lives in a.
 */
int pod_check(const struct pod_env *env, const struct pod_create_request *r, struct ps_arena *a, struct check_report *ret,
	      struct ps_err *e);

/* The same of what is recorded of container id: what enforces its permissions.  PS_E_NOTFOUND: there is none. */
int pod_check_container(const struct pod_env *env, const char *id, struct ps_arena *a, struct check_report *ret, struct ps_err *e);

/* ---- the parts, for tests with facts of their own; -1: memory ---- */
int check_host(struct check_report *r, const struct survey *s);
int check_needs(struct check_report *r, const struct survey *s, const struct policy *p, bool cgroups);
/* Rows of limits, and a finding for each that nobody would keep. */
int check_limits(struct check_report *r, const struct survey *s, const struct permissions *g, bool cgroups);
struct check_code { const char *code, *hint; };
/* Of a text that cannot() or an error has. */
struct check_code check_code_of(const char *text);
int check_find(struct check_report *r, const char *subject, const char *at, const char *text, bool fails, struct check_code c);
void *check_add(struct check_report *r, struct check_list *l, size_t size);
/* The document `text` without the field at a JSON pointer; false where it has none. */
bool check_without(const struct ps_buf *text, const char *pointer, struct ps_buf *out);
/* A provenance as a place: "config.json: /a/b", "--memory". */
const char *check_place(struct ps_arena *a, const char *from);
