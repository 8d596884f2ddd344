/* SPDX-License-Identifier: Apache-2.0
 * pod.h - what can be done with containers: the runner's verbs behind the OCI commands.
 *
 * Every verb is one call: it finds its container below `root`, takes its lock where it changes anything, does the work
 * and leaves either the new state or, on failure, nothing.  Nothing here prints; warnings go to req->warn.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"
#include "oci/state.h"
#include "shim/plan/compile.h"
#include "shim/policy/permissions.h"

struct pod_env {                      /* from the global options */
	const char *root;             /* state root; NULL for pod_plan alone: it needs none, nor the cache below it */
	enum plan_cgroup_manager cgroup_manager;
	void (*warn)(void *ctx, const char *text);
	void (*degraded)(void *ctx, const char *text); /* of these, what a permission could not take away; NULL */
	void (*debug)(void *ctx, const char *text); /* what a launch is about to do; NULL unless it was asked for */
	void *warn_ctx;
};

struct pod_create_request {
	const char *id;
	const char *bundle;           /* directory; "." by default (the caller decides) */
	const char *config;           /* other config file, or NULL: BUNDLE/config.json */
	const char *console_socket;   /* or NULL */
	const char *pid_file;         /* or NULL */
	const char *pidfd_socket;     /* or NULL: stream socket that receives init's pidfd */
	uint32_t preserve_fds;        /* from 3 on */
	uint32_t listen_fds;          /* of these, those of socket activation */
	bool channel, no_channel;     /* a channel, whatever the annotation says; none, whatever the two say */
	uint32_t channel_fd;          /* decided by create: where the payload finds its channel; 0: it has none */
	bool no_pivot, no_new_keyring;
	const struct plan_systemd *systemd; /* with PLAN_CGROUP_SYSTEMD; NULL: it is asked */
	bool detach, keep;            /* run only */
	const struct perm_layers *permissions; /* what the operator said; NULL: nothing */
	bool tell_files;              /* what it wants of files is told, too */
	bool judge;                   /* see permits_use: check's own */
	bool tell_calls;              /* with tell_files and audit_file: so are its system calls, once each */
	const char *audit_file;       /* JSON lines are appended; NULL: none */
	/* run in the foreground: it has ended, and is still there; or NULL */
	void (*ended)(void *ctx, const char *id);
	/* the same, ended by its limit of output; or NULL */
	void (*over_output)(void *ctx, const char *id, const struct perm_limit *limit);
	void *ended_ctx;
	size_t *kept_changes;         /* run in the foreground: how many are kept for pod_diff; or NULL */
	uint64_t timeout_ms;          /* run in the foreground only; 0: none */
	const struct program_request *program; /* run only: no bundle but this (program.h); NULL: a bundle */
};
struct pod_exec_request {
	const char *id;
	const char *process_file;     /* JSON process object, or NULL: the container's own process with the overrides below */
	const char *const *args;      /* NULL-terminated command when there is no process_file */
	const char *cwd;
	const char *const *env;       /* n_env entries "K=V", added or replacing */
	size_t n_env;
	bool tty;
	const char *user;             /* "uid[:gid]" or NULL */
	const char *const *caps;      /* added capabilities */
	size_t n_caps;
	const uint32_t *groups;       /* additional gids */
	size_t n_groups;
	bool no_new_privs;
	struct spec_strs narrow;      /* permission flags, as texts: less than the container is permitted; none: as much */
	const char *process_label, *apparmor; /* SELinux label, AppArmor profile; NULL: the container's own */
	struct spec_strs cgroups;     /* "[CONTROLLER,...:]PATH" below the container's cgroups; none: theirs */
	bool ignore_paused;
	bool detach;
	const char *console_socket, *pid_file, *pidfd_socket;
	uint32_t preserve_fds;
};

/* What checkpoint and restore say to criu both; texts NULL: as criu has it. */
struct pod_criu {
	const char *image_path, *work_path;
	const char *manage_cgroups_mode;   /* "soft" (NULL, too), "full", "strict", "ignore" */
	const char *network_lock;          /* "iptables", "nftables", "skip" */
	bool tcp_established, tcp_close, tcp_skip_in_flight, link_remap, ext_unix_sk, shell_job, file_locks, lazy_pages, auto_dedup;
	uint64_t empty_ns;                 /* CLONE_NEWNET, or 0 */
};
struct pod_checkpoint_request {
	const char *id;
	struct pod_criu criu;
	const char *parent_path;           /* relative to image_path, or NULL */
	const char *page_server;           /* address, or NULL */
	uint32_t page_server_port;
	int status_fd;                     /* gets a byte when the server of lazy pages is ready; -1: none */
	bool leave_running, pre_dump;
};
struct pod_restore_request {
	struct pod_create_request create;  /* of which id, bundle, config, sockets, pid_file, no_pivot, detach and permissions count */
	struct pod_criu criu;
	const char *lsm_profile, *lsm_mount_context;
};

/* create: init is prepared and waits at the gate. */
int pod_create(const struct pod_env *env, const struct pod_create_request *r, struct ps_err *e);
/* start: open the gate; returns once the payload was executed and poststart hooks ran. */
int pod_start(const struct pod_env *env, const char *id, struct ps_err *e);
/* create + start; in the foreground also wait (signals forwarded, terminal proxied) and delete unless keep.
 * *ret_status: exit code or 128 + signal; 0 when detached. */
int pod_run(const struct pod_env *env, const struct pod_create_request *r, int *ret_status, struct ps_err *e);
int pod_exec(const struct pod_env *env, const struct pod_exec_request *r, int *ret_status, struct ps_err *e);
/* all: everything in the cgroup, and no error when the container is not running. */
int pod_kill(const struct pod_env *env, const char *id, int sig, bool all, struct ps_err *e);
/* Without force only a stopped container: "cannot delete container ID that is not stopped: running".  With force a missing one is success. */
int pod_delete(const struct pod_env *env, const char *id, bool force, struct ps_err *e);
/* Write the processes of a container to images, by criu.  They run on after a failure, leave_running or pre_dump; else it is deleted. */
int pod_checkpoint(const struct pod_env *env, const struct pod_checkpoint_request *r, struct ps_err *e);
/* Make a container of r->create.bundle whose processes come from images; *ret_status as of pod_run. */
int pod_restore(const struct pod_env *env, const struct pod_restore_request *r, int *ret_status, struct ps_err *e);
int pod_pause(const struct pod_env *env, const char *id, struct ps_err *e);
int pod_resume(const struct pod_env *env, const char *id, struct ps_err *e);
/*
 * Lines of JSON through emit(), of the types "stats" and "oom", until the container ends or emit returns non-zero: what it uses
 * once (and no more, if once), then every interval.  PS_E_STATE when it is not running.
 */
int pod_events(const struct pod_env *env, const char *id, bool once, uint64_t interval_ms,
	       int (*emit)(void *ctx, const char *line, size_t n), void *ctx, struct ps_err *e);
/*
 * Other limits: text is a linux.resources object, which messages call `file`.  What it does not name stays; all of it or, on
 * failure, nothing is in force and recorded.  PS_E_STATE when the container is not running.
 */
struct pod_update_request { const char *id, *file, *text; size_t len; };
int pod_update(const struct pod_env *env, const struct pod_update_request *r, struct ps_err *e);
/* The OCI state document, pretty-printed. */
int pod_state(const struct pod_env *env, const char *id, struct ps_buf *out, struct ps_err *e);

struct pod_item {
	char id[1024], bundle[4096], created[40], owner[64], rootfs[4096], root[4096]; /* root: the state root */
	pid_t pid;
	enum state_status status;
	int64_t cpu_ns, memory, memory_peak, pids, denied, tape_used, tape_room; /* only from pod_list_all; -1: not known here */
};
/* Every container below root, by name.  *ret is malloc'd. */
int pod_list(const struct pod_env *env, struct pod_item **ret, size_t *ret_n, struct ps_err *e);
/* The same, below whatever root: every container of this user with a tape, by root and name. */
int pod_list_all(const struct pod_env *env, struct pod_item **ret, size_t *ret_n, struct ps_err *e);
/* Host pids inside, ascending; *ret malloc'd. */
int pod_pids(const struct pod_env *env, const char *id, pid_t **ret, size_t *ret_n, struct ps_err *e);
/* The plan of a bundle without running it, as text or JSON (with permission entries). */
int pod_plan(const struct pod_env *env, const struct pod_create_request *r, bool json, struct ps_buf *out, struct ps_err *e);
/*
 * What is permitted to r->bundle under r->permissions: an existing container of that id, a directory with a config.json, or
 * (NULL) a program without a bundle: r->program, or, NULL, any.  *ret lives in a; a set that permits everything where nobody said anything.
 */
int pod_permissions(const struct pod_env *env, const struct pod_create_request *r, struct ps_arena *a,
		    const struct permissions **ret, struct ps_err *e);
/* Append the config.json of r->program. */
int pod_program_config(const struct pod_env *env, const struct pod_create_request *r, struct ps_buf *out, struct ps_err *e);
/* ---- undo: what a container wrote, apart from the host (undo.h) ---- */
#define UNDO_KINDS(X) X(UNDO_ADDED, "added") X(UNDO_CHANGED, "changed") X(UNDO_REMOVED, "removed")
enum undo_kind {
#define X(sym, name) sym,
	UNDO_KINDS(X)
#undef X
};
struct undo_change {
	enum undo_kind kind;
	mode_t mode;                  /* of what is there now; of what was, when it is removed */
	uint64_t size;                /* bytes of a file */
	const char *path;             /* on the host: absolute; any bytes */
	const char *target;           /* in the container */
	const char *link;             /* where a link leads; or NULL */
	const char *conflict;         /* why commit does not do it without force; or NULL */
	const char *problem;          /* why it can't be done, or was not; or NULL */
};
typedef int undo_emit(void *ctx, const struct undo_change *c);
struct undo_kept { const char *id; int64_t secs; size_t n; bool in_memory; };
/* Every change of ID's, also while it runs.  PS_E_NOTFOUND: none are kept. */
int pod_diff(const struct pod_env *env, const char *id, undo_emit *emit, void *ctx, struct ps_err *e);
/* Every id below root of which changes are kept. */
int pod_diff_list(const struct pod_env *env, int (*emit)(void *ctx, const struct undo_kept *k), void *ctx, struct ps_err *e);
/*
 * Apply changes to the host, or throw them away: all, or (n_paths) those at and below absolute paths of the host.  emit hears of
 * each that was applied, or was not and stays (`problem`).  Conflicts stop a commit without force before anything is done; then
 * *ret_conflicts tells how many, and emit heard of them.  PS_E_STATE while the container runs.
 */
struct undo_request { const char *id; const char *const *paths; size_t n_paths; bool force; };
struct undo_result { size_t done, conflicts, left /* of those that were meant */, kept /* in all */; };
int pod_commit(const struct pod_env *env, const struct undo_request *r, undo_emit *emit, void *ctx, struct undo_result *ret,
	       struct ps_err *e);
int pod_discard(const struct pod_env *env, const struct undo_request *r, struct undo_result *ret, struct ps_err *e);
/* Free what dead owners left below root and in /dev/shm; one line per freed object in *report. */
int pod_gc(const struct pod_env *env, struct ps_buf *report, struct ps_err *e);
/* Follow the tape of id (NULL: every tape of this uid) as JSON lines through emit(); ends when the tape ends, emit returns
 * non-zero, or, without follow, when the history was given. */
int pod_watch(const struct pod_env *env, const char *id, bool follow, int (*emit)(void *ctx, const char *line, size_t n),
	      void *ctx, struct ps_err *e);
/*
 * The tapes of other users that this one may read.  Each line has the uid of the owner, which the kernel knows, the root that
 * the tape names, and as `record` what is written there: null where it is no JSON object.
 */
int pod_watch_others(const struct pod_env *env, bool follow, int (*emit)(void *ctx, const char *line, size_t n), void *ctx,
		     struct ps_err *e);
