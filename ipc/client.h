/* SPDX-License-Identifier: Apache-2.0
 * client.h - libpodshim from the inside (private to client*.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ipc/link.h"
#include "ipc/msg.h"
#include "ipc/podshim.h"
#include "ipc/stream.h"

enum { CLIENT_EVENTS = 256, CLIENT_NAME_MAX = 255 };

struct podshim {
	int fd, timeout_ms;
	uint32_t last_id;
	bool gone; /* the pod has closed the connection */
	uint64_t n_received;
	char name[CLIENT_NAME_MAX + 1];
	pid_t pid;
	uint64_t features;
	size_t ring_size; /* of links whose caller names none */
	struct podshim_runner *runners; /* all handles */
	struct link *spare; /* for the next launch with a link; NULL: none is ready */
	int spare_fds[LINK_FDS];
	uint32_t spare_size;
	struct ps_buf out;
	/* The last message, valid until the next one. */
	char *in;
	struct msg msg;
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	/* Events that nobody has asked for yet; NULL before podshim_subscribe. */
	struct podshim_event *events;
	unsigned first_event, n_events, lost_events;
};

struct podshim_runner {
	struct podshim *c; /* NULL: closed */
	struct podshim_runner *next;
	unsigned n, flags;
	char id[64];
	pid_t pid;
	int input_fd;
	uint32_t link_size; /* of the link that it was launched with; 0: none */
	int output_fd; /* until somebody reads: then it is `view` */
	struct stream_view *view;
	struct stream_cursor cursor;
	uint64_t acked;
	bool armed; /* an OUTPUT is owed to us */
	char *buf;  /* NULL: lossless, read in place */
	uint32_t wait_id; /* of the WAIT that is under way; 0: none */
	uint32_t input_id; /* of the INPUT that is under way; 0: none */
	bool ended;
	int status;
	char reason[16];
	struct ps_err wait_failed, input_failed;
};

struct podshim_link {
	struct link *l;
};

/* The public form of *from into *to (may be NULL).  Always -1. */
int lib_error(struct podshim_error *to, const struct ps_err *from);
#define lib_error(to, from) PS_MINUS_ONE(lib_error(to, from))

/* A moment in CLOCK_MONOTONIC milliseconds, -1: never, and what is left until then as a timeout. */
int64_t lib_deadline(int timeout_ms);
int lib_left(int64_t deadline);

/* Start a request in c->out and give it an id; fields follow. */
void lib_begin(struct podshim *c, enum msg_type type);
/* Send what is in c->out. */
int lib_send(struct podshim *c, const int *fds, size_t n_fds, struct ps_err *e);
/* Send, then take care of messages until the reply is c->msg.  Its failure is ours. */
int lib_call(struct podshim *c, const int *fds, size_t n_fds, int timeout_ms, struct ps_err *e);
/* Take one message and hand it to whom it concerns.  1, or 0 after timeout_ms. */
int lib_pump(struct podshim *c, int timeout_ms, struct ps_err *e);
/* The descriptor of that kind from the last message, owned by the caller; -1 without. */
int lib_take_fd(struct podshim *c, enum msg_fd_kind kind);
/* A handle for a runner; takes the output descriptor.  It belongs to c's list. */
int lib_runner_new(struct podshim *c, unsigned n, unsigned flags, int output_fd, struct podshim_runner **ret,
		      struct ps_err *e);
/* A request about one runner that has no other reply than success or failure. */
int lib_order(struct podshim_runner *r, enum msg_type type, enum msg_tag tag, uint64_t v, int timeout_ms,
		 struct ps_err *e);
/*
 * Hand fd to the supervisor of pod or container `name` below root: over its peer comes the listener of one more process of
 * runner n (MSG_GUARD).  permissions: flags by which that process is decided, NULL-terminated; NULL: the runner's.
 */
int guard_send(const char *root, const char *name, unsigned n, int fd, const char *const *permissions, struct ps_err *e);
/* Put the three TAG_FD of a link into the request. */
void lib_put_link(struct podshim *c);
/* A link from an offered or accepted one, which it takes. */
int lib_link_new(struct link *l, struct podshim_link **ret, struct ps_err *e);
/* ring_size 0: the pod's */
int lib_link_offer(struct podshim *c, size_t ring_size, struct podshim_link **ret, int fds[LINK_FDS],
		   struct ps_err *e);
/* Have a link of that size ready for the next lib_link_offer; without, that makes one.  Size 0: drop the one that is. */
void lib_link_spare(struct podshim *c, uint32_t ring_size);
