/* SPDX-License-Identifier: Apache-2.0
 * restrict.h - permissions and what config.json grants -> a policy that grants no more than both.
 *
 *	restrict.c        order of the parts, what cannot be enforced here (strict: an error; best effort: a note)
 *	restrict_run.c    run, ffi: noexec everywhere but what is listed, memfd_noexec, MDWE, Landlock EXECUTE
 *	restrict_dirs.c   the programs of a listed directory
 *	restrict_files.c  read, write: Landlock rules, read-only mounts, writable rebinds
 *	restrict_masks.c  deny and ignore inside of what is allowed: masks, read-only rebinds
 *	restrict_net.c    net: namespace, guard filter, what the broker decides
 *	restrict_datagrams.c  net: UDP and echo requests out of an empty namespace
 *	restrict_guard.c  system calls that would undo the rest
 *	restrict_sys.c    sys: /proc, /sys, host name
 *	restrict_rest.c   env, capabilities, limits
 *	restrict_store.c  undo, a limit of disk space: what is not written to the host itself
 *	restrict_paths.c  values to paths: globs, what is denied
 *	kept_rules.c      the rules of a container that runs, for exec
 *	closure.c         a program's interpreter, loader and libraries (elf.c, ld_cache.c, closure_trees.c)
 *	view.c            what a path leads to, links and config.json's mounts considered
 *
 * Reads files of the container (never executes or writes), through descriptors that the launcher opened.
 */
#pragma once
#include "shim/policy/permissions.h"

/* What the host can do and where the container's files are. */
struct restrict_host {
	int root_fd;                 /* the container's root directory as the host sees it; program form: the host's "/" */
	unsigned landlock_abi;       /* 0: none */
	bool mdwe;                   /* PR_SET_MDWE, 6.3 */
	bool memfd_noexec;           /* vm.memfd_noexec, 6.3 */
	bool notify;                 /* a supervisor will answer (broker); else what needs one is an error */
	bool ping;                   /* the supervisor may send echo requests (net.ipv4.ping_group_range) */
	bool audit_files;            /* opens are to be told of, too */
	bool tell_calls;             /* with audit_files: every system call goes by the supervisor, who tells which there were */
	const char *resolv_conf;     /* a file that names PLAN_RESOLVER_ADDRESS; NULL: names stay as they are */
	const char *home;            /* of the caller, for protected paths; may be NULL */
	bool show;                   /* what comes of it is shown to people: without the values of secrets */
	bool apart;                  /* some process in sight may have more: it is out of reach, whatever is limited */
	const struct policy_landlock *kept; /* of a container that runs: what its rules were, instead of looking at its files; NULL */
};
int permissions_restrict(struct ps_arena *a, const struct policy *p, const struct permissions *g, const struct restrict_host *h,
			 const struct policy **ret, struct ps_err *e);

/* Does the rule of a guard hand a call of these arguments to the supervisor for a decision?  (All others it only tells of.) */
bool guard_rule_asks(const struct policy_seccomp_rule *rule, const uint64_t args[6]);

/*
 * The process alone, for exec into a container that runs under these permissions: environment, capabilities and
 * no_new_privs; the rest of the policy is p's.  Secrets are for the program that the container was made for.
 */
int permissions_restrict_process(struct ps_arena *a, const struct policy *p, const struct permissions *g,
				 const struct policy **ret, struct ps_err *e);

/* May a process that is added get the variable "NAME=VALUE" of its caller's? */
bool permissions_hand_over(const struct permissions *g, const char *variable);

/* ---- closure.c ---- */
/* All absolute paths in the container, links resolved; each once. */
struct closure {
	struct spec_strs exec;       /* the program itself, its #! interpreter, its ELF interpreter */
	struct spec_strs libs;       /* shared objects that the loader will map */
	struct spec_strs trees;      /* directories of a known interpreter's standard library (Python, Node, Perl, Ruby), read and mapped */
	struct spec_strs files;      /* what else it reads: the configuration of a Python environment */
};
/*
 * program: absolute path, or a name to be found in `path` (PATH's value).  Bounded in files and bytes whatever the files
 * say.  PS_E_NOTFOUND: no such program.  What a library lacks is no error here: the loader will say so.
 */
int closure_of(struct ps_arena *a, int root_fd, const char *path, const char *program, struct closure *ret, struct ps_err *e);
