/* SPDX-License-Identifier: Apache-2.0
 * container.h - what the verbs share: a loaded bundle, an opened record, events on the tape, freeing everything.
 */
#pragma once
#include "base/arena.h"
#include "ipc/tape.h"
#include "oci/spec.h"
#include "shim/launch/launch.h"
#include <limits.h>
#include <signal.h>
#include "shim/pod/permits.h"
#include "shim/pod/pod.h"
#include "shim/pod/runner.h"
#include "shim/policy/permissions.h"
#include "shim/policy/policy.h"

/* config.json as text, spec and policy. */
struct bundle {
	struct ps_arena arena;
	struct ps_buf text;
	char dir[PATH_MAX];
	const struct spec *spec;
	const struct policy *policy;
	const struct host *host;       /* once it was looked at */
	const struct permissions *permissions; /* NULL: none; else policy is no more than they permit */
	const struct permissions *effective;   /* the same with what follows from them */
	const struct policy *granted;  /* what the document grants without them; NULL: policy is that */
};
/* Load DIR/config.json (or the file `config`); dir becomes absolute. */
int bundle_load(struct bundle *b, const char *dir, const char *config, struct ps_err *e);
/* Collect what is permitted (permits.h) and tighten the policy to it. */
int bundle_permit(struct bundle *b, const struct perm_layers *operators, const struct permits_use *use, struct ps_err *e);
/* Tighten the policy to a set that is known. */
int bundle_restrict(struct bundle *b, const struct permissions *g, const struct permits_use *use, struct ps_err *e);
/* The container's root as we see it: a descriptor. */
int bundle_open_root(const struct policy *p, struct ps_err *e);
/* The same with the permissions that were frozen in d, if st says that there are any. */
int bundle_permit_frozen(struct bundle *b, const char *root, const struct state_dir *d, const struct state *st, struct ps_err *e);
/* The same for a container that runs, under the rules that it was made with. */
int bundle_permit_running(struct bundle *b, const char *root, const struct state_dir *d, const struct state *st, struct ps_err *e);
/* What another one came to, which outlives it: nothing is read or resolved again. */
void bundle_share(struct bundle *b, const struct bundle *of);
/* Load a document that is in no folder; dir: what its relative paths are below. */
int bundle_load_text(struct bundle *b, const char *dir, const struct ps_buf *text, struct ps_err *e);
/* Load the frozen copy of an existing container. */
/* What r->program comes to, restricted to what it is permitted. */
int bundle_load_program(struct bundle *b, const struct permits_use *use, const struct pod_create_request *r, struct ps_err *e);
int bundle_load_frozen(struct bundle *b, const struct state_dir *d, const struct state *st, struct ps_err *e);
void bundle_done(struct bundle *b);
#define auto_bundle __attribute__((cleanup(bundle_done)))
/* Compile the plan of the bundle's container into *out, which was empty and may live in the bundle's arena. */
int bundle_plan(struct bundle *b, const struct pod_env *env, const struct pod_create_request *r, struct ps_buf *out,
		struct ps_err *e);
/*
 * Before anything is made: a caller without privileges becomes root of a user namespace (rootless.h) with the ids that p maps, or
 * (NULL: a program without a bundle) his own.  Nothing for others.
 */
int unprivileged_enter(struct ps_arena *a, const struct policy *p, struct ps_err *e);
/* The same policy with its id maps as they are called in there; *ret is untouched where there is nothing to change. */
int unprivileged_policy(struct ps_arena *a, const struct policy *base, const struct policy **ret, struct ps_err *e);
/*
 * Of a caller who is not the host's root: b->host lists only the hierarchies in which its cgroup can be made, and where that is
 * none *manager is PLAN_CGROUP_DISABLED.
 */
int unprivileged_cgroups(struct bundle *b, const char *id, enum plan_cgroup_manager *manager, struct ps_err *e);
/* Hand each warning of a policy to env->warn. */
void pod_warn_all(const struct pod_env *env, const struct policy *p);
/* For --debug: the sizes of a plan, and (returned) who is told of its launch. */
struct launch_told pod_tell_plan(const struct pod_env *env, const struct plan *p);

/* seccomp provider of plan_request: a cache of compiled programs in front of libseccomp (seccomp_cache.c); works in *arena. */
int seccomp_cached(void *arena, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e);

/* An existing container: its folder, its record, its init. */
struct container {
	struct state_dir dir;
	struct state st;
	enum state_status status;  /* now */
	bool other_boot;           /* of the record: its processes and cgroups are gone and left out of st */
	int pidfd;                 /* init, verified; -1 when it is gone */
};
/* Open and read ROOT/ID; with lock, hold its lock.  That it has ended is told to its tape, if nobody else did or will.
 * *ret is malloc'd: container_free. */
int container_open(const struct pod_env *env, const char *id, bool lock, struct container **ret, struct ps_err *e);
/* The status now, asked again. */
enum state_status container_status(const struct container *c);
void container_free(struct container *c);
static inline void container_freep(struct container **c) { container_free(*c); *c = NULL; }
#define auto_container __attribute__((cleanup(container_freep)))
/* Pointers to the record's cgroup directories. */
struct cgroup_dirs { const char *v[16]; unsigned n; };
struct cgroup_dirs container_cgroups(const struct state *st);
/* Pids inside: those in its cgroups or, without any, in the pid namespace that its init is the first of; *ret is malloc'd. */
int container_pids(const struct container *c, pid_t **ret, size_t *ret_n, struct ps_err *e);

/*
 * Fill in the record of what is about to be made.  Its cgroup directories are named before they are made, so that whatever dies
 * when, somebody finds them; its tape has a name, and is made by record_tape (observe_gid: a group that may read it, or NULL).
 */
int record_describe(struct state *st, const char *id, const struct bundle *b, const struct plan *p, struct ps_err *e);
int record_tape(const struct state *st, const char *root, const gid_t *observe_gid, struct tape **ret, struct ps_err *e);

/* Reserve the id; a dead creator's intent in its place is swept once. */
int container_reserve(const struct pod_env *env, const struct state *st, struct state_dir *ret, struct ps_err *e);
/* A terminal without the foreground takes a socket, and nothing else does: PS_E_USAGE in the words of other runtimes. */
int console_check(bool tty, bool detached, const char *console_socket, struct ps_err *e);

/* Events.  A missing or damaged tape never fails a verb: t may be NULL. */
struct tape *event_tape(const struct state *st);
void event_state(struct tape *t, const char *id, enum runner_state s, pid_t pid);
void event_error(struct tape *t, const char *id, const struct ps_err *err);
/* A process that exec made; its end, where exec waits for it. */
/* What a permission could not take away here, and was let go. */
void event_degraded(struct tape *t, const char *id, const char *text);
void event_exec(struct tape *t, const char *id, pid_t pid, const char *program);
void event_exec_exit(struct tape *t, const char *id, pid_t pid, int status);
/* It was ended by a limit: on its tape and, NULL without, as a line of a file of audit events.  from: where the limit is from. */
void event_limit(struct tape *t, const char *id, const char *limit, uint64_t value, const char *from, const char *audit_file);
/* The end of a container, once on its tape whoever tells it first: how it ended; that and the state exited; that it was
 * noticed to be over, by somebody who could not wait for it, and the state exited; the state failed. */
void event_exit(struct tape *t, const char *id, int status);
void event_exited(struct tape *t, const char *id, int status);
void event_noticed(struct tape *t, const char *id);
void event_failed(struct tape *t, const char *id);

/*
 * Free everything that a record names, in this order: processes, cgroups, tape, folder.  The caller holds the lock; init
 * must be dead or is killed here.  With poststop_owed the poststop hooks run before the tape and the folder go.
 * tape: the record's own, if the caller has it open, else NULL.
 */
int container_destroy(const struct pod_env *env, struct state_dir *d, const struct state *st, struct tape *tape,
		      bool poststop_owed, struct ps_err *e);
/* The hooks that run when config.json is no longer at hand: from the frozen copy, if the record says there are any. */
int container_poststart(const struct pod_env *env, const struct state_dir *d, const struct state *st, struct ps_err *e);
/* A process of the launch ended without a word (PS_E_PEER): if its cgroup knows of an oom kill, that is the error to tell. */
void container_explain(const struct state *st, struct ps_err *e);
/* If ID's record is the intent of a dead creator, or of another boot: free it.  1 swept, 0 not stale, -1 error. */
int container_sweep(const struct pod_env *env, const char *id, struct ps_err *e);

/*
 * Signals that come while a process of the foreground is made must reach it, not end us half-way: block them all before
 * the first thing that we would leave behind.  Restoring is for every way out, also of what never blocked.
 */
struct foreground_signals { sigset_t saved; bool blocked; };
int foreground_block_signals(struct foreground_signals *s, struct ps_err *e);
void foreground_restore_signals(struct foreground_signals *s);
/* Keep a copy of the payload's terminal for foreground_wait; *ret_fd is the caller's. */
int foreground_keep(int master_fd, int *ret_fd, struct ps_err *e);
/*
 * Forward signals, proxy the terminal (master_fd, -1 without; taken over), until the child has exited: its shell status.
 * The end of our stdin is typed into the terminal; when nobody takes our stdout any more, the terminal hangs up.
 * All signals are blocked by this; the caller restores its mask.  time_ms: what runs longer gets SIGTERM, then SIGKILL, and has
 * the status FOREGROUND_TIMED_OUT.  output: a terminal that is written more to gets SIGKILL for its payload, and the status
 * FOREGROUND_OVER_OUTPUT.  prompt (NULL: none): what it asks is shown (prompt.h).
 */
enum { FOREGROUND_TIMED_OUT = 124, FOREGROUND_OVER_OUTPUT = 153 /* as of SIGXFSZ: a file that grew too large */ };
struct foreground_limits {
	uint64_t time_ms, output /* bytes */; /* 0: none */
	bool over;                            /* the result: output was more */
};
struct prompt;
int foreground_wait(int pidfd, int master_fd, struct prompt *prompt, struct foreground_limits *limits, int *ret_status, struct ps_err *e);
/* Was one of the signals that came something that would have been the payload's, but for SIGWINCH? */
bool foreground_told_to_stop(int signal_fd);
/* Write the pid file, whole or not at all: digits only. */
int pid_file_write(const char *path, pid_t pid, struct ps_err *e);
/* Send the pty master (console) or a pidfd to the socket at path. */
int fd_deliver(const char *path, int fd, const char *text, struct ps_err *e);
