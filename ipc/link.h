/* SPDX-License-Identifier: Apache-2.0
 * link.h - two rings and a bell between a host program and a payload: make, accept, wait, close.
 *
 * The host side makes everything and sends three descriptors; the runner side accepts them.  From then on both
 * sides are alike.  Each writes a memfd of its own and maps the other's read-only (but for the page of
 * the bell words, in which nobody believes anything): the host's is sealed against
 * all other writers, both against any change of size, so that nothing the peer does raises a signal here.
 *
 * Use `out` and `in` with the functions of ipc/ring.h.  One thread at a time uses a link.
 *
 *	blocking   link_next, link_reserve, link_wait: spin briefly, then sleep on a futex
 *	pollable   link_arm; if that is 0, poll link_fd for POLLIN; link_disarm
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "ipc/ring.h"

enum {
	LINK_DATA_MIN = 1 << 16,
	LINK_DATA_DEFAULT = 1 << 20, /* fits a core's second-level cache */
	LINK_DATA_MAX = 1 << 26,
	LINK_SPIN = 50, /* looks before sleep; waking another CPU takes longer than these */
};

/* Which descriptor is which, in the order in which they are sent. */
enum { LINK_FD_HOST, LINK_FD_RUNNER, LINK_FD_BELL, LINK_FDS };

/* What to wait for. */
enum { LINK_READABLE = 1, LINK_WRITABLE = 2 };

struct link {
	struct ring_out out;
	struct ring_in in;
	unsigned spin_max; /* LINK_SPIN, or 0 where one CPU is all there is; may be changed */
	/* private */
	unsigned spin;
	struct ring_bell bell;             /* rung here */
	const _Atomic uint32_t *bell_word; /* rung by the peer */
	struct ring_area *own;
	const struct ring_area *peer;
	size_t map_size;
};

/*
 * Host side.  data_size: bytes of each ring, a power of two from LINK_DATA_MIN to LINK_DATA_MAX.  ret_fds are
 * to be sent (sock_send) and then closed (link_close_fds); until the runner has accepted, records wait in the
 * ring.
 */
int link_offer(uint32_t data_size, struct link **ret, int ret_fds[LINK_FDS], struct ps_err *e);
/*
 * Runner side.  Takes fds, and closes them in every case.  PS_E_PEER when they are not what a host sends: two
 * memfds with the seals, size and constants of a link of version 1, and a stream socket.
 */
int link_accept(int fds[LINK_FDS], struct link **ret, struct ps_err *e);
/* Has the peer used it at all: written, read, waited or closed?  One that has not may never have accepted it. */
bool link_is_used(const struct link *l);
/* Close all that is open, set to -1. */
void link_close_fds(int fds[LINK_FDS]);
/* Close both directions, tell the peer, unmap and free.  The peer can still read what was committed.  NULL is fine. */
void link_close(struct link *l);
PS_SCOPED(struct link *, link_closep, NULL, link_close)
#define auto_link ps_auto(link_closep)

/*
 * Flush, then wait until one of `what` (LINK_*) is so: reading or, for a record of len bytes, reserving gives
 * anything but "not now".  Returns what is so, 0 after timeout_ms (-1: never).  That the peer closed, lied or
 * died counts as ready; the call on the ring tells.  A dead peer is noticed within 100 ms, what it had
 * published can still be read.
 */
int link_wait(struct link *l, unsigned what, uint32_t len, int timeout_ms, struct ps_err *e);
/* ring_next and ring_reserve that wait; 0 after timeout_ms. */
int link_next(struct link *l, struct ring_record *ret, int timeout_ms, struct ps_err *e);
int link_reserve(struct link *l, uint32_t len, void **ret, int timeout_ms, struct ps_err *e);

/* The bell socket, to be polled for POLLIN, level-triggered.  Owned by the link; nothing else may be done with it. */
int link_fd(const struct link *l);
/* Flush and ask to be rung for `what`.  Returns what is so already: then do not poll, the bell will not ring. */
unsigned link_arm(struct link *l, unsigned what, uint32_t len);
/* After poll returned, for whatever reason: no more ringing; empties the bell (boundedly), notices a dead peer. */
void link_disarm(struct link *l);
