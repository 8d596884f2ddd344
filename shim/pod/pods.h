/* SPDX-License-Identifier: Apache-2.0
 * pods.h - a pod: its record, what its runners share, its two processes.
 *
 * The record is a state folder like a container's, below ROOT/.pods: config.json as it was when the pod was made, and
 * state.json, whose cgroups are the pod's parent cgroups and whose init is the supervisor.  Both twins hold the folder's
 * lock: whoever can take it knows that both are dead, and sweeps.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "oci/state.h"
#include "shim/plan/plan.h"
#include "shim/pod/pod.h"

enum {
	POD_NAME_MAX = 64,
	PODS_WARM_MAX = 256,
	PODS_CHANNEL_FD = 3, /* where the payload of a pod's runner finds its channel */
	PODS_HOOK_S = 10,    /* timeout of a runner's hook that has none: the spawner, which waits for it, is everybody's */
};

struct pod_limits {
	uint64_t memory, pids;       /* 0: none */
	uint64_t millicpus;          /* 1500: one and a half; 0: none */
};

struct pods_request {
	const char *name, *bundle;
	uint32_t warm;               /* runners that are kept prepared */
	uint64_t output_size;        /* bytes of a runner's history; 0: the default */
	uint64_t ring_size;          /* bytes of each ring of a link; 0: its client's choice */
	uint64_t share;              /* CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS: one for all runners */
	struct pod_limits limits;    /* of all runners together */
	bool observed;               /* members of observe_gid may read: observe.sock, tapes */
	gid_t observe_gid;
	bool interpreter;            /* runners are started when they are made, and wait for CODE */
	bool tty;                    /* runners have terminals */
	const struct perm_layers *permissions; /* what the operator said; NULL: nothing */
	bool foreground;             /* stay, and end when the caller does */
};

#define PODS_CGROUP "podshim-pods" /* where pods are that name no place for their cgroups */

/* What both twins know. */
struct pods {
	const struct pod_env *env;
	struct pods_request r;
	char name[1024];
	char root[4096];             /* ROOT/.pods */
	char cgroup[256];            /* cgroupsPath of the parent; runner n is in cgroup/n */
	char own_cgroup[256];        /* what it is below a hierarchy's root: no peer may be in there */
	struct state_dir dir;        /* locked */
	struct state *st;
	int asked;                   /* the broker that answers questions (ask.h); -1 */
	bool broker;                 /* the runners' guards, or their names, need the supervisor */
	int ns_fds[3];               /* what the runners share: network, ipc, uts; -1 */
};

/* ROOT.observe into out: where pods that others may look at have their observe sockets, NAME.sock.  Mode 0755. */
int pods_observe_dir(const char *root, char *out, size_t size, struct ps_err *e);
/* ROOT/.pods into out. */
int pods_root(const char *root, char *out, size_t size, struct ps_err *e);
/*
 * Make a pod and start its twins; returns in the caller once `warm` runners are prepared (or the first has failed: then
 * nothing is left).  With foreground it returns when the pod has ended.
 */
int pods_create(const struct pod_env *env, const struct pods_request *r, struct ps_err *e);
/* Free what pod NAME has, whose processes are dead: runners, cgroups, tape, folder.  The caller holds the lock in *dir. */
int pods_free(const struct pod_env *env, const char *name, struct state_dir *dir, struct ps_err *e);
/*
 * 1: NAME's processes were dead and it was freed; 0: they live, or there is no such pod; -1 error.  Where the supervisor is dead
 * alone, its twin, which then frees the pod, is waited for.
 */
int pods_sweep(const struct pod_env *env, const char *name, struct ps_err *e);
/* Every pod below the root, for gc: pods_sweep of each; a line per freed pod in *report. */
int pods_sweep_all(const struct pod_env *env, struct ps_buf *report, struct ps_err *e);
/* Find p->own_cgroup in the plan. */
int pods_own_cgroup(struct pods *p, const struct plan *plan, struct ps_err *e);
/* "POD.N" for a runner of the pod. */
void pods_runner_id(const char *name, uint32_t n, char out[POD_NAME_MAX + 16]);
