/* SPDX-License-Identifier: Apache-2.0
 * supervisor.h - what the parts of a supervisor share: its runners, its clients, who tells whom.
 *
 *	runner_ops.c    add, link, signals, stop, end                   -> callbacks
 *	runner_launch.c limits, plan, the gate
 *	runner_input.c  standard input, terminals
 *	output.c        from the runner's descriptors to its stream and tape
 *	server.c        control.sock: connections, who may ask
 *	requests.c      one function per control message
 *	request_launch.c LAUNCH, at once or when there is a runner
 *	supervisor.c    the loop, the twin, the pool of prepared runners
 *
 * Never here: memory that a runner can write (rings belong to the client and the runner), and a wait for anybody.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "ipc/msg.h"
#include "ipc/stream.h"
#include "ipc/tape.h"
#include "oci/state.h"
#include "shim/launch/launch.h"
#include "shim/plan/plan.h"
#include "shim/pod/container.h"
#include "shim/pod/loop.h"
#include "shim/pod/ask.h"
#include "shim/pod/oversee.h"
#include "shim/pod/pods.h"
#include "shim/pod/runner.h"
#include "shim/sandbox/cgroup_usage.h"

enum { RUNNER_STATUS_UNKNOWN = -1 }; /* of a container that is not our child */

struct supervisor;
struct client;
struct runner;

/* One descriptor that the runner writes to. */
struct output {
	struct loop_source source; /* fd -1: at its end */
	struct runner *runner;
	enum stream_no no;
	bool paused;               /* there is no room for more */
	uint64_t untold;           /* bytes that its tape has not been told of */
	struct loop_timer tell;
};

/* What a launch asks for; the texts are the message's. */
struct launch_request {
	const char *const *args, *const *env;
	size_t n_args, n_env;
	const char *cwd;             /* NULL: the document's */
	struct pod_limits limits;
	uint64_t timeout_ms, output_limit; /* 0: none */
	uint64_t history;            /* bytes of its stream; 0: as the pod has it */
	uint16_t rows, cols;
	uint64_t options;            /* enum msg_option */
	struct spec_strs permissions; /* flags: less than the pod's; none: as much */
};

struct runner {
	struct supervisor *sv;
	struct runner *next;         /* by n, ascending */
	uint32_t n;
	char id[1024];
	enum runner_state state;
	pid_t pid;
	int pidfd, input_fd;         /* input_fd: -1 when closed or handed over; of a terminal: the master */
	struct output out[2];        /* standard output (or the terminal), standard error */
	struct loop_source life;     /* pidfd of one that is not the spawner's child */
	struct loop_source channel;  /* our end of its channel */
	struct loop_source gate_source; /* opens its gate, and says what comes of it; -1 then */
	struct launch_gate gate;
	struct loop_timer timer;     /* its timeout, or that of its launch; once it was asked to stop, when to use force */
	uint64_t end_ms;             /* when its time is over (ps_now_ms); 0: never */
	struct stream *stream;
	struct tape *tape;
	struct overseen *overseen;   /* NULL: its guard asks nobody */
	struct ps_arena tighter;     /* what its launch has less than the pod */
	struct state_dir dir;
	char tape_name[40];
	char *command;               /* for LIST; malloc'd */
	uint64_t created_ns, started_ns, exited_ns, output_limit, keep;
	uint64_t options;            /* of its launch */
	enum msg_reason reason;
	unsigned n_junk;             /* messages on its channel that are none */
	bool launching;              /* behind the gate, before its program runs */
	bool reaped, ended;          /* reaped: the spawner said so; ended: and its output was read to the end */
	bool tty, was_signalled, launched, /* launched: a client has had it */
	      reason_known, auto_free, freeing;
	bool over_limit;             /* of output */
	bool told_pool;              /* an interpreter: the pool knows that it is READY, or never will be */
	uint64_t drain_to;           /* once reaped: output bytes that were written before that */
	int status;
	uint64_t stop_ms;            /* grace of a stop; 0: the default */
	struct waiter *waiters;      /* WAIT, STOP and REMOVE that are not answered yet */
	uint32_t n_waiters;
	struct pending_input *input; /* INPUT that was not written yet */
	struct loop_source input_source;
	struct client *owner;        /* whose connection it ends with; NULL: nobody's */
	struct client *launcher;     /* waits for the reply to request `request` */
	uint32_t request;
};

/* For the spawner. */
struct spawn_order { uint32_t kind, n; };

/* Who wants to know; set once by the server. */
struct runner_callbacks {
	void (*on_state_change)(struct runner *r, enum runner_state from);
	void (*on_output)(struct runner *r);
	/* The launch that launcher asked for succeeded (NULL) or failed. */
	void (*on_launched)(struct runner *r, const struct ps_err *failure);
	/* It ended; afterwards the runner may be freed. */
	void (*on_ended)(struct runner *r);
	/* Its program is ready for CODE, or a runner was prepared: launches may wait for it. */
	void (*on_available)(struct supervisor *sv);
};

struct supervisor {
	const struct pods *pod;      /* a container's own supervisor: env, name (the id) and st only */
	bool single;                 /* it supervises the channel of one container that others made */
	struct loop loop;
	const struct runner_callbacks *callbacks;
	struct runner *runners;
	uint32_t next_n, n_making, n_failed_in_a_row;
	uint64_t n_launched, n_failed;
	/* what launches are compiled from */
	struct bundle bundle;
	struct ps_buf base_block, launch_block;
	const struct plan *base;     /* in base_block; launch_block is used again and again */
	/* the twin */
	int twin_sock, twin_pidfd;
	struct loop_source twin, twin_life;
	struct spawn_order *orders;  /* what its socket had no room for; malloc'd */
	size_t n_orders, orders_room;
	struct listener { struct loop_source source; struct supervisor *sv; bool reads_only; } listeners[2]; /* control, observe */
	struct loop_timer listen_again; /* accept(2) failed: not at once again */
	struct loop_source signals;
	struct client *clients;
	struct waiting_launch *waiting; /* LAUNCHes for which no runner is prepared yet */
	uint32_t n_clients, n_waiting;
	size_t waiting_bytes;
	struct { uint32_t clients, waiting, runners; } max; /* as many as there are descriptors for */
	int ready_fd;                /* tells the maker that the first runners are there; -1 once told */
	struct loop_timer birth;     /* how long it waits for that */
	struct loop_timer grace;     /* of SHUTDOWN */
	struct loop_timer refill;
	bool ending, quitting;       /* ending: SHUTDOWN waits for runners; quitting: the spawner frees everything */
	ino_t ns[3];                 /* user, pid, mnt: a client must be in the same */
	struct oversight *oversight; /* NULL: no guard asks */
	struct launch_texts *texts;  /* of the request at hand (requests.c) */
	char inbox[MSG_MAX];
};

/* ---- runner_ops.c ---- */
/* The one runner of a single container, number 0, under the container's id. */
int runner_adopt(struct supervisor *sv, pid_t pid, int pidfd, int channel, struct ps_err *e);
/* A runner that the spawner has made: fds are taken over (enum spawn_fd, -1 where there is none). */
int runner_add(struct supervisor *sv, uint32_t n, pid_t pid, int fds[], struct runner **ret, struct ps_err *e);
/* By number; runner_find: one that is not on its way out. */
struct runner *runner_known(const struct supervisor *sv, uint64_t n);
struct runner *runner_find(const struct supervisor *sv, uint64_t n);
/* A launch may take it: prepared, or with `code`, ready for CODE. */
bool runner_is_warm(const struct runner *r, bool code);
/* The first that is warm; NULL without. */
struct runner *runner_available(const struct supervisor *sv, bool code);
/* Open the gate with the request's arguments; on_launched follows.  -1: nothing was done. */
int runner_launch(struct runner *r, const struct launch_request *q, struct ps_err *e);
/* Less net for a program that runs already. */
int runner_tighten_net(struct runner *r, const struct spec_strs *flags, struct ps_err *e);
/* Limits of a launch's own, in its cgroup; they only get tighter. */
int runner_limit(const struct runner *r, const struct pod_limits *limits, struct ps_err *e);
/* Hand the three descriptors of a link to the payload. */
int runner_link(struct runner *r, const int fds[3], struct ps_err *e);
/* n bytes for its standard input (n 0: nothing), then its end if eof.  Bytes taken, which may be fewer. */
ssize_t runner_input(struct runner *r, const void *p, size_t n, bool eof, struct ps_err *e);
/* Close our end of it, which may be watched. */
void runner_close_input(struct runner *r);
int runner_resize(struct runner *r, uint16_t rows, uint16_t cols, struct ps_err *e);
int runner_signal(struct runner *r, int sig, struct ps_err *e);
/* SIGTERM, and SIGKILL if it has not ended in time; with force at once. */
int runner_stop(struct runner *r, bool force, enum msg_reason why, struct ps_err *e);
/* The spawner has reaped it. */
void runner_reaped(struct runner *r, int status, bool oom);
/* Its output is at its end: when it was reaped, too, it has ended. */
void runner_drained(struct runner *r);
/* Ask the spawner to free it; runner_gone follows. */
void runner_begin_code(struct runner *r, const struct launch_request *q); /* READY: it gets its job */
/* What it uses; what is unknown stays as it was. */
void runner_usage(const struct runner *r, struct cgroup_usage *ret);
void runner_cleanup(struct runner *r);
/* The spawner has freed it (or it never was): forget it. */
void runner_gone(struct runner *r);
void runner_go(struct runner *r, enum runner_state to);
bool runner_is_idle(const struct runner *r); /* prepared, warming or ready: no payload of a client has run in it */

/* Its time: force when it has passed. */
void runner_deadline(struct runner *r, uint64_t ms);
/* Init has said its last at the gate: tell the launcher, and go on or end it. */
void runner_hear_launch(struct runner *r);
void runner_on_gate(void *ctx, uint32_t events);

/* ---- output.c ---- */
int output_open(struct runner *r, struct output *o, int fd, enum stream_no no, struct ps_err *e);
void output_close(struct output *o);
/* Nothing at or behind position keep may be overwritten (UINT64_MAX: anything may). */
void output_keep(struct runner *r, uint64_t keep);

/* ---- server.c ---- */
int server_open(struct supervisor *sv, int dir_fd, struct ps_err *e);
/* observe.sock for the group that may look on: NAME.sock below pods_observe_dir. */
int server_open_observe(struct supervisor *sv, struct ps_err *e);
void server_close(struct supervisor *sv);
void client_drop(struct client *c);
/* Send what b holds (msg_end is called here); a client that does not read loses its connection. */
void client_send(struct client *c, struct ps_buf *b, const int *fds, size_t n_fds);
/* The failed (empty successful) reply to request id; nothing for id 0, but MSG_ERROR is an event. */
void client_fail(struct client *c, enum msg_type type, uint32_t id, const struct ps_err *why);
void client_ok(struct client *c, enum msg_type type, uint32_t id);
extern const struct runner_callbacks server_callbacks;
void server_close_listener(struct supervisor *sv);
/* The spawner has freed it. */
void server_runner_gone(struct runner *r);
/* The spawner could not make one: the launch that has waited longest hears why. */
void server_launch_failed(struct supervisor *sv, const struct ps_err *why);
struct waiting_launch *waiting_next(const struct waiting_launch *w);

/* ---- supervisor.c ---- */
/* Tell the spawner, now or when it has time; a dead one is noticed by its pidfd. */
void twin_tell(struct supervisor *sv, uint32_t kind, uint32_t n);
/* How many are warm. */
uint32_t pool_warm(const struct supervisor *sv);
/* Ask for as many runners as the pool and the waiting launches lack. */
void pool_refill(struct supervisor *sv);
/* The same, once this launch is done: making a runner takes a CPU for milliseconds.  At once if none is left. */
void pool_refill_soon(struct supervisor *sv);
/* Runners may have become available: serve who waits for one, fill the pool, tell the maker. */
void pool_available(struct supervisor *sv);
/* A runner could not be made, or has ended before anybody could have it. */
void pool_failed(struct supervisor *sv, const struct ps_err *why);
/* End everything; the loop stops when the spawner has freed it. */
void supervisor_quit(struct supervisor *sv);
/* The same, if SHUTDOWN waited for the last runner. */
void supervisor_maybe_quit(struct supervisor *sv);
/* In the maker of a supervisor: wait for its first word.  silent: the error when it ends without one. */
int supervisor_hear(int ready_fd, const char *silent, struct ps_err *e);
/* The supervisor's whole life as a pod's. */
int supervisor_run(const struct pods *pod, int twin_sock, int twin_pidfd, int ready_fd, struct ps_err *e);
/* One container that others made: its init, and what it needs a supervisor for; descriptors -1 without. */
struct single {
	pid_t pid;
	int pidfd, channel;
	int broker, audit;                     /* the guard's handover; where events go beside the tape */
	struct ask_fds asked;                  /* with broker */
	const struct policy *policy;
	const struct permissions *permissions; /* with broker */
};
/* As the supervisor of one container, until its init ends.  Takes the descriptors over. */
int supervisor_run_single(const struct pods *container, const struct single *s, int ready_fd, struct ps_err *e);
