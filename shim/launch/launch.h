/* SPDX-License-Identifier: Apache-2.0
 * launch.h - the launcher's side of the script: prepare a runner, open its gate, or end what was begun.
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/* Whom to tell what the launcher is about to do, or to wait for; tell NULL: nobody. */
struct launch_told {
	void (*tell)(void *ctx, const char *text);
	void *ctx;
};

/* What the script asks of its owner (pod).  Each may be NULL. */
struct launch_ops {
	/* The pty master, to be duplicated or sent on; the launch closes its own. */
	int (*console)(void *ctx, int master_fd, struct ps_err *e);
	/* Init goes on by itself for a while: time for what takes no part in the launch, but has to be there at its end. */
	int (*meanwhile)(void *ctx, struct ps_err *e);
	/* Everything but the payload exists: write state and pid file.  Afterwards init may outlive us. */
	int (*record)(void *ctx, pid_t pid, int pidfd, struct ps_err *e);
	void *ctx;
};

struct net_moves;
struct launch {
	const struct plan *plan;
	struct launch_ops ops;
	struct launch_told told; /* of each step, before it is done */
	int gate_fd;        /* listening socket handed to init (create), -1: the channel is the gate (run, exec) */
	int target_pidfd;   /* exec: the container's init; else -1 */
	pid_t target_pid;   /* the same */
	int stdio[3];       /* the payload's 0, 1, 2; -1: ours */
	int payload_channel; /* becomes the plan's channel_fd; -1: the plan has none */
	int broker;         /* our copy of the socket that init sends the listener of the plan's guard to; its peer: launch_take_listener. -1: none */
	int store;          /* the tmpfs of PLAN_FD_STORE without a path, the owner's; -1: the plan has none */
	bool dies_with_us;  /* no longer-lived than the launcher, even behind the gate */
	bool makes_rdt;     /* the plan's group of resctrl is not there yet: it is ours to make, and nobody else's */
	const char *const *cgroup_dirs; /* exec: the container's cgroups; else taken from the plan */
	unsigned n_cgroup_dirs;
	const char *const *cgroup_below; /* with cgroup_dirs: see cgroup_open_dirs(); NULL: none */
	/* results */
	pid_t pid;
	int pidfd;          /* init; -1 before spawn */
	int channel;        /* -1 when closed */
	int objects;        /* memfd: a struct ps_object for each row of plan->landlock, as the row was understood; -1 */
	struct net_moves *net_moves; /* devices that a failure moves back; NULL */
	bool made_cgroups;  /* they were empty or not there: what is in them is ours to kill */
	bool made_rdt;      /* the same of its group of resctrl */
	bool hooks_began;   /* a failure after this owes the poststop hooks */
};
#define LAUNCH_INIT(p) { .plan = (p), .gate_fd = -1, .target_pidfd = -1, .pid = -1, .pidfd = -1, .channel = -1, \
			 .stdio = { -1, -1, -1 }, .payload_channel = -1, .broker = -1, .objects = -1, .store = -1 }

/* For who prepares many: the init image's memfd is made once and kept, which spares each runner a copy. */
int launch_keep_image(struct ps_err *e);
/* Rows open_host .. record.  On failure nothing of it runs any more (init was killed and reaped); cgroups are the owner's to remove. */
int launch_prepare(struct launch *l, struct ps_err *e);
/* Rows open_gate .. execute over the channel; 0 once the payload was executed. */
int launch_go(struct launch *l, struct ps_err *e);
/* `start`: the same rows over a connection to the gate of a runner that was prepared by another process.  On failure
 * *ret_hook_failed tells whether it was a startContainer hook. */
int launch_go_by_gate(int conn_fd, const struct launch_told *told, bool *ret_hook_failed, struct ps_err *e);
/*
 * The same for a loop that never waits.  plan: the one that counts from here on (arguments, environment, cwd); NULL: the
 * one that init has.  Open, then hear whenever conn_fd is readable.
 */
struct launch_gate {
	int conn_fd;
	uint32_t row;       /* whose result is due */
	bool hook_failed;
};
int launch_gate_open(struct launch_gate *g, int conn_fd, const struct plan *plan, struct ps_err *e);
/* 1: the payload was executed; 0: more is to come; -1: the launch failed. */
int launch_gate_hear(struct launch_gate *g, struct ps_err *e);
/*
 * The other end of launch.broker: a supervisor takes the listener of a guard, as soon as init has loaded it (behind the gate;
 * for exec when it is prepared).  From then on until its execve init may wait for an answer, too: nobody who waits for the
 * launch may be the one who answers.  PS_E_PEER: init has ended, sent something else, or nothing within timeout_ms (0: what
 * is there, sys ETIMEDOUT).
 */
enum launch_handed {
	LAUNCH_GUARD,
	LAUNCH_RESOLVER,    /* fd is the UDP socket at which the payload asks for names, in its network namespace */
	LAUNCH_UPLINK,      /* the packet socket that its datagrams come out of, bound to their device */
	LAUNCH_STAND,       /* a UDP socket there, bound to a loopback address that is to be the host's */
};
struct launch_listener {
	enum launch_handed kind;
	int fd;             /* the caller's */
	pid_t pid;          /* as it sees itself in its pid namespace */
};
int launch_take_listener(int broker_peer, int timeout_ms, struct launch_listener *ret, struct ps_err *e);
/* SIGKILL and reap whatever was spawned; closes everything.  Safe at any time. */
void launch_abort(struct launch *l);
/* Close our ends; the runner lives on. */
void launch_done(struct launch *l);

/* The image that every process inside a container's namespaces executes until the payload (sealed copy in a memfd). */
extern const unsigned char launch_init_image[], launch_init_image_end[];
