/* SPDX-License-Identifier: Apache-2.0
 * permits.h - what is permitted to one container: all sources to one set, the set to a tighter policy, its frozen copy.
 */
#pragma once
#include "oci/state.h"
#include "shim/plan/host.h"
#include "shim/policy/permissions.h"

#define PERMITS_SYSTEM "/etc/podshim"
#define PERMITS_SYSTEM_DIR PERMITS_SYSTEM "/policy.d"
#define PERMITS_CEILING PERMITS_SYSTEM "/ceiling.json"
#define PERMITS_FROZEN "permissions.json"
#define PERMITS_RULES "rules.json"

/*
 * The set of a container with the policy p: the system's files, the operator's layers (NULL: none), p's annotations, and
 * the ceiling.  program: no bundle, deny by default.  *ret NULL: nobody said anything, p stands as it is.
 */
int permits_collect(struct ps_arena *a, const struct policy *p, const struct perm_layers *operators, bool program,
		    const struct permissions **ret, struct ps_err *e);
/* Who is there to be asked where no broker is named. */
enum permits_asked {
	PERMITS_ASKED_AS_SAID,       /* nobody runs now, or who runs was settled before */
	PERMITS_ASKED_TERMINAL,      /* in the foreground: whoever is at the terminal; without one nothing is asked */
	PERMITS_ASKED_NOBODY,        /* an error */
};
struct permits_use {
	const char *root;            /* state root */
	bool tell_files;             /* what is wanted of files and programs is told, which costs microseconds for each open */
	bool judge;                  /* what cannot be enforced is in policy.degraded, whether the set is strict or not */
	enum permits_asked asked;
	bool show;                   /* restrict.h */
	const struct policy_landlock *kept; /* the same; NULL */
	bool apart;                  /* restrict.h */
	bool no_supervisor;          /* nobody can be asked */
	bool tell_calls;             /* and so are system calls, the first of each kind: microseconds for each */
};
/* *ret is g, with what is asked as far as somebody is there to answer. */
int permits_settle(struct ps_arena *a, const struct permissions *g, const struct policy *p, enum permits_asked asked,
		   const struct permissions **ret, struct ps_err *e);
/* p tightened to what g permits; root_fd: the container's root directory as we see it; host: with host_probe_policy's facts. */
int permits_apply(struct ps_arena *a, const struct policy *p, const struct permissions *g, int root_fd,
		  const struct host *host, const struct permits_use *use, const struct policy **ret, struct ps_err *e);
/*
 * Limits that somebody has to watch over, and that nobody does in this form: an error of class PS_E_UNSUPP at the first; or, best
 * effort, one call of degraded (may be NULL) for each.
 */
enum permits_form { PERMITS_FOREGROUND, PERMITS_DETACHED, PERMITS_POD, PERMITS_INTERPRETERS };
int permits_check_form(const struct permissions *g, enum permits_form form, void (*degraded)(void *ctx, const struct ps_err *why),
		       void *ctx, struct ps_err *e);
/* Make the file that names the resolver, below root, if p needs it. */
int permits_write_resolv_conf(const char *root, const struct policy *p, struct ps_err *e);
/*
 * g with what follows from it in p, as implied entries: the files of programs that may run, devices, ...  For whoever tells what
 * is denied and why, and who asks; what is applied and frozen is g.  root: the state root, or NULL.
 */
int permits_effective(struct ps_arena *a, const struct permissions *g, const struct policy *p, const char *root,
		      const struct permissions **ret, struct ps_err *e);
/* The set beside the frozen configuration, and back. */
int permits_freeze(const struct state_dir *d, const struct permissions *g, struct ps_err *e);
int permits_thaw(struct ps_arena *a, const struct state_dir *d, const struct permissions **ret, struct ps_err *e);
/*
 * The rules that a container was made with, and what they are about: a payload that renames and links what it may write must
 * not change what they are for those that come later.  objects: launch.objects, or -1 where plan has no rules.
 */
struct plan;
int permits_keep_rules(const struct state_dir *d, const struct plan *plan, int objects, struct ps_err *e);
int permits_kept_rules(struct ps_arena *a, const struct state_dir *d, struct policy_landlock *ret, struct ps_err *e);
