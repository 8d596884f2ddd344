/* SPDX-License-Identifier: Apache-2.0
 * podshim.h - libpodshim: launch runners in a podshim pod, read their output, talk to them through shared memory.
 *
 * The client's half connects to a pod (or a container with a channel): struct podshim, podshim_runner, podshim_link.
 * The runner's half serves a program inside: struct podshim_channel, podshim_link.
 *
 * Functions return 0 or more on success and -1 on failure; *e, which may be NULL, then says why.  Outputs stay untouched.
 * Those that can wait take timeout_ms: -1 waits for ever, 0 never.  They return 1 done, 0 not within that time, and some
 * PODSHIM_END.  The library starts no thread, installs no handler, prints nothing, and keeps nothing outside of its
 * objects: different threads may use different connections and links at the same time, each object one thread.
 * A runner or link stays valid when its connection is closed, and may be closed after it.
 */
#ifndef PODSHIM_H
#define PODSHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PODSHIM_API
#define PODSHIM_API __attribute__((visibility("default")))
#endif

/* ---- Errors ---- */

enum podshim_code {
	PODSHIM_OK = 0,
	PODSHIM_E_OS = 1,       /* a system call failed: `sys` is its errno */
	PODSHIM_E_CONFIG = 2,   /* configuration is invalid */
	PODSHIM_E_STATE = 3,    /* not allowed in this state */
	PODSHIM_E_DENIED = 4,   /* refused by policy */
	PODSHIM_E_UNSUPP = 5,   /* not supported here */
	PODSHIM_E_PEER = 6,     /* the peer sent bad or no data, or is gone (`sys` EPIPE), or is late (ETIMEDOUT) */
	PODSHIM_E_USAGE = 7,    /* wrong arguments */
	PODSHIM_E_NOTFOUND = 8, /* no such pod or runner */
	PODSHIM_E_EXISTS = 9,
	PODSHIM_E_BUG = 100,
};
struct podshim_error {
	int code; /* enum podshim_code */
	int sys;  /* errno, 0 without */
	char where[128]; /* place in a document, or "" */
	char text[512];
};

enum { PODSHIM_END = 2 }; /* nothing will follow */

/* ---- Connections ---- */

struct podshim;

/*
 * Connect to the pod `name`, or to the container with that id that has a channel.  root: the runtime's --root; NULL:
 * /run/podshim, for users other than root $XDG_RUNTIME_DIR/podshim.  Where root is another user's, a pod that was made with
 * --observe-group for a group of ours is found in ROOT.observe, and may be looked at alone.
 */
PODSHIM_API int podshim_connect(const char *root, const char *name, struct podshim **ret, struct podshim_error *e);
PODSHIM_API void podshim_close(struct podshim *c); /* ends its runners that are not detached; accepts NULL */
PODSHIM_API const char *podshim_name(const struct podshim *c);
PODSHIM_API pid_t podshim_server_pid(const struct podshim *c);
/* The connection's socket.  When it is readable, podshim_event with timeout 0 is due. */
PODSHIM_API int podshim_fd(const struct podshim *c);
/*
 * Messages taken so far.  Whoever waits for several things of one connection polls only after a round of calls with timeout
 * 0 in which it has not changed: each of them may take the message that another waits for.
 */
PODSHIM_API uint64_t podshim_received(const struct podshim *c);
/* How long other requests than waits may take; 60000 at first, -1: for ever. */
PODSHIM_API void podshim_set_timeout(struct podshim *c, int timeout_ms);

/* Of `flags` in podshim_launch. */
enum podshim_flags {
	PODSHIM_LOSSLESS = 1, /* the runner waits rather than overwrite output that was not read here */
	PODSHIM_DETACHED = 2, /* it outlives the connection */
	PODSHIM_CODE = 4,     /* an interpreter that waits for code: no args, env, cwd, stdin, tty */
	PODSHIM_TTY = 8,      /* standard input, output and error are a terminal */
	PODSHIM_STDIN = 16,   /* standard input is open: podshim_input */
	PODSHIM_FORCE = 32,   /* podshim_stop, podshim_remove, podshim_shutdown: at once, by SIGKILL */
};
/* Zero everywhere means: as the pod has it. */
struct podshim_launch {
	const char *const *args; /* NULL-terminated; NULL: the bundle's */
	const char *const *env;  /* NULL-terminated NAME=VALUE: added to the bundle's */
	const char *cwd;
	uint64_t memory, output_limit, history; /* bytes */
	uint64_t pids, cpus;                    /* cpus: thousandths of one */
	uint64_t timeout_ms;                    /* of the runner's life */
	unsigned flags;                         /* enum podshim_flags */
	unsigned short rows, cols;
	const char *const *permissions;         /* NULL-terminated "--deny-net=HOST": less than the pod has; NULL: as much */
};

struct podshim_runner;
struct podshim_link;

PODSHIM_API int podshim_launch(struct podshim *c, const struct podshim_launch *what, struct podshim_runner **ret,
			       struct podshim_error *e);
/*
 * The same and a link to it, in one step.  ring_size: see podshim_link_open.  When such a runner is closed, a link of that
 * size is made for the next one: the connection keeps 4 descriptors for it.
 */
PODSHIM_API int podshim_launch_linked(struct podshim *c, const struct podshim_launch *what, size_t ring_size,
				      struct podshim_runner **ret, struct podshim_link **ret_link,
				      struct podshim_error *e);
/*
 * A runner that is there already; output from the oldest that is kept.  flags: PODSHIM_LOSSLESS or 0.  n: 0 for a container.
 * PODSHIM_E_EXISTS when the connection has a handle on it.
 */
PODSHIM_API int podshim_observe(struct podshim *c, unsigned n, unsigned flags, struct podshim_runner **ret,
				struct podshim_error *e);
/* Forget the handle; the runner goes on. */
PODSHIM_API void podshim_runner_close(struct podshim_runner *r);
PODSHIM_API unsigned podshim_runner_number(const struct podshim_runner *r);
PODSHIM_API const char *podshim_runner_id(const struct podshim_runner *r); /* "POD.N" */
PODSHIM_API pid_t podshim_runner_pid(const struct podshim_runner *r);      /* 0: unknown */

/* ---- What a runner prints ---- */

struct podshim_output {
	int stream;       /* 1 standard output, 2 standard error */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t lost;    /* bytes before this that were overwritten unread; never with PODSHIM_LOSSLESS */
	const char *data; /* until the next call for this runner */
	size_t len;
};
/* 1, 0, or PODSHIM_END when the runner has closed its output and all was read. */
PODSHIM_API int podshim_output(struct podshim_runner *r, struct podshim_output *ret, int timeout_ms,
			       struct podshim_error *e);

/* ---- What is done with a runner ---- */

/* 1: it has ended, *ret_status is its exit code or 128 + signal; 0: not yet. */
PODSHIM_API int podshim_wait(struct podshim_runner *r, int *ret_status, int timeout_ms, struct podshim_error *e);
/* Why it ended: "exited", "signal", "stopped", "timeout", "memory", "output-limit", "failed"; "" before. */
PODSHIM_API const char *podshim_reason(const struct podshim_runner *r);
/*
 * Write to its standard input or terminal.  Returns how many bytes were taken, less than n after timeout_ms.  PODSHIM_E_PEER
 * with sys EPIPE when it reads no more; no SIGPIPE.  With timeout 0 and no podshim_input_fd the pod may refuse what it has
 * taken: the next call says so.
 */
PODSHIM_API ssize_t podshim_input(struct podshim_runner *r, const void *p, size_t n, int timeout_ms,
				  struct podshim_error *e);
/* What to poll for POLLOUT before podshim_input with timeout 0; -1: podshim_fd for POLLIN. */
PODSHIM_API int podshim_input_fd(const struct podshim_runner *r);
PODSHIM_API int podshim_input_end(struct podshim_runner *r, struct podshim_error *e);
PODSHIM_API int podshim_resize(struct podshim_runner *r, unsigned rows, unsigned cols, struct podshim_error *e);
/* From now on it outlives the connection, as with PODSHIM_DETACHED; PODSHIM_LOSSLESS ends. */
PODSHIM_API int podshim_detach(struct podshim_runner *r, struct podshim_error *e);
PODSHIM_API int podshim_signal(struct podshim_runner *r, int sig, struct podshim_error *e);
PODSHIM_API int podshim_interrupt(struct podshim_runner *r, struct podshim_error *e);
/* SIGTERM, after grace_ms SIGKILL; waits for the end.  flags: PODSHIM_FORCE or 0. */
PODSHIM_API int podshim_stop(struct podshim_runner *r, unsigned flags, int grace_ms, struct podshim_error *e);
PODSHIM_API int podshim_remove(struct podshim_runner *r, unsigned flags, struct podshim_error *e);
/* Stop all runners so, and end the pod; waits until it is gone. */
PODSHIM_API int podshim_shutdown(struct podshim *c, unsigned flags, int grace_ms, struct podshim_error *e);

/* ---- All runners ---- */

struct podshim_info {
	unsigned n;
	const char *id, *state, *command, *reason; /* "" when unknown; valid during the call */
	pid_t pid;
	int status;     /* -1: has not ended */
	unsigned flags; /* PODSHIM_TTY, PODSHIM_DETACHED */
	uint64_t created_ns, started_ns, exited_ns;
	/* Only from podshim_stats, else 0. */
	uint64_t cpu_ns, memory, memory_peak, pids, output_bytes;
	uint64_t denied, warned, allowed; /* accesses; allowed ones as far as the pod is asked about them */
	uint64_t dropped;                 /* of these: told of by no event but their number */
	uint64_t output_kept, output_room; /* bytes of its output's history, and of the ring that it is in */
	uint64_t tape_used, tape_room;    /* the same of its tape */
};
/* Call fn for each runner in the order of n; its result other than 0 ends the walk and is returned. */
typedef int podshim_each_fn(const struct podshim_info *info, void *ctx);
PODSHIM_API int podshim_list(struct podshim *c, podshim_each_fn *fn, void *ctx, struct podshim_error *e);
PODSHIM_API int podshim_stats(struct podshim *c, podshim_each_fn *fn, void *ctx, struct podshim_error *e);

struct podshim_counts {
	uint64_t warm, warm_wanted; /* runners that are prepared; that the pod keeps prepared */
	uint64_t launched, failed;  /* since it was made */
};
PODSHIM_API int podshim_counts(struct podshim *c, struct podshim_counts *ret, struct podshim_error *e);

struct podshim_event {
	enum { PODSHIM_EVENT_STATE = 3, PODSHIM_EVENT_EXIT = 4 } type;
	unsigned n;
	char id[64], state[16], reason[16]; /* state: of STATE; reason and status: of EXIT */
	int status;
	unsigned lost; /* events before this one that were dropped as nobody asked for them */
};
/* From now on keep STATE and EXIT of every runner for podshim_event. */
PODSHIM_API int podshim_subscribe(struct podshim *c, struct podshim_error *e);
/* 1, 0, or PODSHIM_END when the pod has closed the connection. */
PODSHIM_API int podshim_event(struct podshim *c, struct podshim_event *ret, int timeout_ms, struct podshim_error *e);

/* ---- Links: records through shared memory, both ways ---- */

/* Types of records between client and runner; programs of their own may use others from 1024 on. */
enum podshim_type {
	PODSHIM_READY = 1,  /* runner: accepted, waits for work.  Text, may be empty */
	PODSHIM_DATA = 2,   /* any bytes */
	PODSHIM_CODE_TEXT = 3, /* client: a program's text */
	PODSHIM_STDOUT = 4, /* runner: what it printed; flags 1 standard output, 2 standard error */
	PODSHIM_RESULT = 5, /* runner: how it ended */
	PODSHIM_STOP = 6,   /* client: no more work, please end */
};
/* Flags of CODE_TEXT and RESULT. */
enum podshim_text_flags {
	PODSHIM_MORE = 1, /* the text goes on in the next record of this type */
	PODSHIM_REPR = 2, /* RESULT: the text is for people, not JSON */
	/* Bits 8 to 15 of the last RESULT: exit status; the text of one that is not 0 says what went wrong. */
};

struct podshim_record {
	const void *data; /* 8-byte aligned, in shared memory: the peer can still change it, so look at each byte once */
	uint32_t len;
	uint16_t type, flags;
};

/* A link to runner n.  ring_size: bytes of each direction, a power of two from 64 KiB to 64 MiB; 0: the pod's. */
PODSHIM_API int podshim_link_open(struct podshim *c, unsigned n, size_t ring_size, struct podshim_link **ret,
				  struct podshim_error *e);
/* Tells the peer, who can still read what was sent.  Accepts NULL. */
PODSHIM_API void podshim_link_close(struct podshim_link *l);
PODSHIM_API uint32_t podshim_link_max(const struct podshim_link *l); /* the largest record */
/* Copy and send one record: 1, or 0.  Small records are gathered: podshim_flush, and every wait, sends what there is. */
PODSHIM_API int podshim_send(struct podshim_link *l, unsigned type, unsigned flags, const void *p, size_t n,
			     int timeout_ms, struct podshim_error *e);
/* The same without a copy: room for at most len bytes, to be filled and committed with the length that it got. */
PODSHIM_API int podshim_reserve(struct podshim_link *l, size_t len, void **ret, int timeout_ms,
				struct podshim_error *e);
PODSHIM_API void podshim_commit(struct podshim_link *l, unsigned type, unsigned flags, size_t len);
PODSHIM_API void podshim_discard(struct podshim_link *l);
PODSHIM_API void podshim_flush(struct podshim_link *l);
/* The next record: 1, 0, or PODSHIM_END.  It and those before stay until podshim_release. */
PODSHIM_API int podshim_receive(struct podshim_link *l, struct podshim_record *ret, int timeout_ms,
				struct podshim_error *e);
/* Give back the room of all records received so far. */
PODSHIM_API void podshim_release(struct podshim_link *l);
/* Nothing more will be sent: the peer's podshim_receive comes to PODSHIM_END.  Receiving goes on. */
PODSHIM_API void podshim_link_end(struct podshim_link *l);
/*
 * To wait for several things: podshim_arm says whether podshim_receive has something already (1), else poll podshim_link_fd
 * for POLLIN; afterwards podshim_disarm in either case of the poll.
 */
PODSHIM_API int podshim_link_fd(const struct podshim_link *l);
PODSHIM_API int podshim_arm(struct podshim_link *l);
/* The same for any of `what`, room for a record of len bytes among it.  Returns what is so already. */
enum podshim_ready { PODSHIM_READABLE = 1, PODSHIM_WRITABLE = 2 };
PODSHIM_API unsigned podshim_arm_for(struct podshim_link *l, unsigned what, size_t len);
PODSHIM_API void podshim_disarm(struct podshim_link *l);

/* ---- Code on an interpreter runner ---- */

struct podshim_result {
	int status;     /* 0: `text` is the value, as JSON unless is_repr; else it says what went wrong */
	int is_repr;
	char *text;     /* NUL-terminated; free(3) */
	size_t len;
};
/* on_print (may be NULL) gets what the code prints; stream 1 or 2.  1, or 0 after timeout_ms: then close the link. */
typedef void podshim_print_fn(int stream, const char *p, size_t n, void *ctx);
PODSHIM_API int podshim_run_code(struct podshim_link *l, const char *code, size_t n, podshim_print_fn *on_print,
				 void *ctx, int timeout_ms, struct podshim_result *ret, struct podshim_error *e);

/* ---- Inside: a program that was started in a runner ---- */

struct podshim_channel;

/* From PODSHIM_CHANNEL_FD; PODSHIM_E_NOTFOUND when the program does not run in a runner with a channel. */
PODSHIM_API int podshim_channel_open(struct podshim_channel **ret, struct podshim_error *e);
PODSHIM_API void podshim_channel_close(struct podshim_channel *ch);
PODSHIM_API int podshim_channel_fd(const struct podshim_channel *ch);
/* "Warm, waits for code": once. */
PODSHIM_API int podshim_channel_ready(struct podshim_channel *ch, struct podshim_error *e);
/* The next link that a client offers: 1, 0, or PODSHIM_END when the supervisor is gone. */
PODSHIM_API int podshim_channel_accept(struct podshim_channel *ch, struct podshim_link **ret, int timeout_ms,
				       struct podshim_error *e);

#ifdef __cplusplus
}
#endif
#endif
