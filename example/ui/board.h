/* SPDX-License-Identifier: Apache-2.0
 * board.h - what podshim-ui knows: runners, pods, and the last events; no descriptors, no network.
 *
 * Everything is bounded: BOARD_RUNNERS rows, of which those that ended longest ago make room; BOARD_EVENTS events of
 * BOARD_EVENT_BYTES together; OUTPUT_SIZE bytes of output of each of BOARD_OUTPUTS runners.  What is left out is counted.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/jsonw.h"
#include "ipc/stream.h"
#include "oci/json.h"

enum {
	BOARD_RUNNERS = 1024,
	BOARD_OUTPUTS = 256,
	BOARD_PODS = 64,       /* of this user */
	OTHER_PODS = 32,       /* of other users */
	OTHER_RUNNERS = 256,
	BOARD_EVENTS = 8192,
	BOARD_EVENT_BYTES = 8 * 1024 * 1024,
	OUTPUT_SIZE = 256 * 1024,
	TIME_LEN = 40,
	WORD_LEN = 24,
};

struct run;
struct podshim_runner;

struct runner {
	uint32_t n;                    /* never used again */
	uint64_t version;              /* of the board when it changed last */
	char *id, *pod, *command, *example; /* pod: "" without; command, example: may be NULL */
	char *root;                    /* its runtime root; NULL: ours, or unknown */
	bool other, listed;            /* of the user `owner`, to look at alone; its pod has told of it */
	uint32_t owner;
	int64_t since_ms;
	char state[WORD_LEN], reason[WORD_LEN], created[TIME_LEN], started[TIME_LEN], ended[TIME_LEN]; /* "": unknown */
	int64_t pid;
	int status;                    /* -1: unknown */
	bool own, input, tty, has_usage, observed;
	uint64_t denied, allowed, warned, lost;
	uint64_t cpu_ns, memory, pids;
	uint64_t ring_used, ring_room, tape_used, tape_room; /* bytes; room 0: unknown */
	uint64_t tape_seq;             /* of the newest record */
	char tape_time[TIME_LEN];
	struct stream *out;            /* NULL: it has not printed, or others do */
	struct stream_view *view;
	char **flags;                  /* of an own one: what it was started with */
	size_t n_flags;
	char *policy_file, *code_file; /* ours; removed with the row; NULL */
	struct ps_buf typed;           /* what it has not read yet */
	struct run *run;               /* where this server started it and it has not ended */
	struct podshim_runner *remote; /* where its pod sends us its output */
};

/* root: NULL: ours; else of the user `owner`, to look at alone, and shown as `label`. */
struct pod_row {
	char *name, *root, *label;
	uint32_t owner;
	char state[WORD_LEN];
	uint64_t running, ended, warm, warm_wanted, launched, failed;
};

struct event { uint64_t seq; uint32_t n; bool audit; char *json; size_t len; };

struct board {
	struct runner *runners[BOARD_RUNNERS]; /* by n */
	size_t n_runners, n_outputs;
	struct pod_row pods[BOARD_PODS + OTHER_PODS];
	size_t n_pods;
	uint64_t version, pods_version, removals;
	uint32_t last_n;
	struct event events[BOARD_EVENTS];     /* event seq at seq % BOARD_EVENTS */
	uint64_t seq, oldest;                  /* newest; oldest that is kept: seq + 1 when there is none */
	size_t event_bytes;
	/* Called when a record tells of a container that was not known; when a row is about to go. */
	void (*on_new)(void *ctx, struct runner *r);
	void (*on_gone)(void *ctx, struct runner *r);
	void *ctx;
};

void board_init(struct board *b);
void board_done(struct board *b);

/* The newest of this user's of that id; NULL. */
struct runner *board_find(struct board *b, const char *id);
struct runner *board_get(struct board *b, uint32_t n);
/* NULL when there is no room: all rows are of runners that run; or no memory. */
struct runner *board_add(struct board *b, const char *id, const char *pod);
void board_remove(struct board *b, struct runner *r);
/* It changed: clients get the row again. */
void board_touch(struct board *b, struct runner *r);
bool runner_has_ended(const struct runner *r);

/*
 * One line of `podshim watch` (own: NULL), or of `podshim run --audit` of the runner `own`.  Of an own runner only its
 * audit file counts, which loses nothing.  What is no JSON object of a known form is ignored.
 */
void board_line(struct board *b, struct runner *own, const char *line, size_t n);
/* An event of our own making about r (may be NULL): type and msg. */
void board_tell(struct board *b, const struct runner *r, const char *type, const char *msg);
/* Room for what r prints; NULL: none is kept of it. */
struct stream *board_output(struct board *b, struct runner *r);
/* The answer of `podshim pod ls --format json` below root (NULL: ours, else another user's); true when it was one. */
bool board_pods(struct board *b, const char *root, const char *text, size_t n);
/* The answer of `podshim list --all --format json`. */
void board_usage(struct board *b, const char *text, size_t n);

/* ---- board_others.c: runners of other users ---- */

/* A record of a tape: o has its members. */
struct record { uint64_t seq; const char *time, *type; const struct json *o; };
/* Of a runner of another user: counted and relayed, unless it is known. */
void board_record(struct board *b, struct runner *r, const struct record *rec);
/* The answers of `podshim --root ROOT pod ls --format json NAME`, and of `pod stats`. */
void board_other_runners(struct board *b, const struct pod_row *pod, const char *text, size_t n, int64_t now_ms);
void board_other_usage(struct board *b, const struct pod_row *pod, const char *text, size_t n);
/* One line of `podshim watch --others`. */
void board_other_line(struct board *b, const char *line, size_t n, int64_t now_ms);
/* Its pod is no longer listed: what was known of its runners goes. */
void board_other_sweep(struct board *b);

void board_put_runner(struct ps_jsonw *w, const char *key, const struct runner *r);
void board_put_runner_members(struct ps_jsonw *w, const struct runner *r);
void board_put_pods(struct ps_jsonw *w, const char *key, const struct board *b);
/* Event seq, or NULL: it is not kept. */
const struct event *board_event(const struct board *b, uint64_t seq);
