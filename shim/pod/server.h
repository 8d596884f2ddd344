/* SPDX-License-Identifier: Apache-2.0
 * server.h - a supervisor's clients: what they watch, what they wait for (private to server*.c and requests.c).
 */
#pragma once
#include "shim/pod/supervisor.h"

/* A client follows a runner's output. */
struct observer {
	struct observer *next;
	struct runner *runner;
	uint64_t acked;              /* read up to here */
	bool armed, lossless;        /* armed: one OUTPUT is owed */
};
/* WAIT, STOP or REMOVE of a runner that is not answered yet. */
struct waiter {
	struct waiter *next;
	struct client *client;
	uint32_t id;
	enum msg_type type;
};
/* INPUT for which the runner had no room yet; malloc'd. */
struct pending_input {
	struct client *client;
	uint32_t id;
	bool eof;
	size_t at, n;
	char data[];
};
/* LAUNCH for which no runner is prepared yet; malloc'd. */
struct waiting_launch {
	struct waiting_launch *next;
	struct client *client;
	int fds[3];                  /* its link; -1 */
	size_t n;
	char message[];
};
struct client {
	struct client *next;
	struct supervisor *sv;
	struct loop_source source;
	struct observer *observers;
	uint32_t shutdown_id;        /* of SHUTDOWN, plus one; 0: none */
	bool reads_only;             /* came by observe.sock */
	bool subscribed, lost;       /* lost: it did not read; dropped when the loop comes to it */
};

/* A request with all that came with it. */
struct request {
	struct client *c;
	const struct msg *m;
	const char *raw;
	size_t n;
	int *fds;
};

/* What a handler says beside -1: the server answers with an empty success, or it was or will be answered. */
enum { ANSWER_OK, ANSWERED };
/* Handle one request.  fds: MSG_FDS_MAX places, -1 where there is none; what it keeps it sets to -1. */
int request_handle(struct client *c, const struct msg *m, const char *raw, size_t n, int fds[], struct ps_err *e);
/* The handler of LAUNCH. */
int request_launch(const struct request *q, struct ps_err *e);
/* The three descriptors of a link, taken over, or -1 each.  How many there are: 0 or 3. */
int request_take_link(const struct request *q, int ret[3], struct ps_err *e);
void request_close_link(int fds[3]);
/* status, where it is known, and reason of a runner that has ended. */
void put_end(struct ps_buf *b, const struct runner *r);
/* Begin the reply to request id. */
void reply_begin(struct ps_buf *b, enum msg_type type, uint32_t id);
/* Serve LAUNCHes that wait, as far as runners are there. */
void launches_serve(struct supervisor *sv);
void launches_forget(struct supervisor *sv, const struct client *c);
/* The runner ended, its program was started or failed to: replies that were owed. */
void answer_launch(struct runner *r, const struct ps_err *failure);
void answer_ended(struct runner *r);
void answer_gone(struct runner *r);
struct observer *observer_find(const struct client *c, const struct runner *r);
/* Follow r; NULL without memory. */
struct observer *observer_add(struct client *c, struct runner *r, bool lossless);
/* The slowest lossless observer holds the runner's output back. */
void observers_keep(struct runner *r);
/* Pay what OUTPUT is owed. */
void observer_tell(struct client *c, struct observer *o);
