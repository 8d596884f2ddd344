/* SPDX-License-Identifier: Apache-2.0
 * link_wait.c - waiting on a link: spin, futex, poll, and the end of the peer process.
 */
#include "ipc/link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "ipc/wake.h"

/* A sleep ends now and then to see whether the peer still lives: soon at first, for it may have died in mid-work. */
enum { FIRST_SLICE_MS = 5, SLICE_MS = 100 };

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

static unsigned ready(const struct link *l, unsigned what, uint32_t len)
{
	unsigned is = 0;

	if ((what & LINK_READABLE) && ring_in_ready(&l->in))
		is |= LINK_READABLE;
	if ((what & LINK_WRITABLE) && ring_out_ready(&l->out, len))
		is |= LINK_WRITABLE;
	return is;
}

/*
 * Everything that the peer might wait for.  Released room only for a side that itself waits for room: a reader that has
 * read all keeps back less than any producer waits for.
 */
static void flush(struct link *l, unsigned what)
{
	ring_flush(&l->out);
	if (what & LINK_WRITABLE)
		ring_in_flush(&l->in);
}

/* Looks that found nothing were spent in vain, most likely on the peer's own CPU: spend fewer the next time. */
static unsigned spin(struct link *l, unsigned what, uint32_t len)
{
	for (unsigned i = 0; i < l->spin && i < l->spin_max; i++) {
		unsigned is = ready(l, what, len);

		if (is) {
			l->spin = l->spin_max;
			return is;
		}
		relax();
	}
	l->spin = l->spin / 2 > l->spin_max / 8 ? l->spin / 2 : l->spin_max / 8;
	return 0;
}

static void announce(struct link *l, unsigned what, uint32_t len, unsigned how)
{
	if (what & LINK_READABLE)
		ring_in_sleep(&l->in, how);
	if (what & LINK_WRITABLE)
		ring_out_sleep(&l->out, len, how);
}

static void awake(struct link *l)
{
	ring_awake(&l->in.end);
	ring_awake(&l->out.end);
}

static void hang_up(struct link *l)
{
	ring_in_hang_up(&l->in);
	ring_out_hang_up(&l->out);
}

/* One sleep on the futex.  What is ready then, or -1. */
static int nap(struct link *l, unsigned what, uint32_t len, int ms, struct ps_err *e)
{
	uint32_t seen = atomic_load_explicit(l->bell_word, memory_order_acquire); /* E */
	unsigned is;
	int r = 0;

	announce(l, what, len, RING_SLEEPS_ON_FUTEX);
	is = ready(l, what, len);
	if (!is)
		r = wake_wait(l->bell_word, seen, ms);
	awake(l);
	if (r < 0)
		return ps_fail_os(e, "wait for the peer of a link");
	return (int)(is ? is : ready(l, what, len));
}

static bool peer_is_gone(const struct link *l)
{
	struct pollfd p = { .fd = l->bell.fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1;
}

/* ---- Blocking ---- */

/* Set by the first wait: what is ready at once asks for no time. */
struct deadline {
	int timeout_ms; /* -1: never */
	int64_t at_ms;  /* 0: not set */
	unsigned waits;
};

/* Milliseconds left, at most max. */
static int time_left(struct deadline *d, int max)
{
	int64_t now, left;

	if (d->timeout_ms < 0)
		return max;
	now = ps_now_ms();
	if (!d->at_ms)
		d->at_ms = now + d->timeout_ms;
	left = d->at_ms - now;
	return left > max ? max : left > 0 ? (int)left : 0;
}

static int wait_until(struct link *l, unsigned what, uint32_t len, struct deadline *d, struct ps_err *e)
{
	int is, ms, slice = FIRST_SLICE_MS;

	flush(l, what);
	is = (int)(d->timeout_ms ? spin(l, what, len) : ready(l, what, len));
	for (; !is; slice = slice < SLICE_MS / 2 ? slice * 2 : SLICE_MS) {
		ms = time_left(d, slice);
		if (ms)
			is = nap(l, what, len, ms, e);
		if (is)
			break;
		if (peer_is_gone(l)) {
			hang_up(l);
			return (int)what;
		}
		if (!ms)
			return 0;
	}
	return is;
}

/* A peer can make a ring look ready for a moment, again and again: that does not stretch the time. */
static bool expired(struct deadline *d)
{
	return d->waits++ && d->timeout_ms >= 0 && time_left(d, 1) == 0;
}

int link_wait(struct link *l, unsigned what, uint32_t len, int timeout_ms, struct ps_err *e)
{
	struct deadline d = { .timeout_ms = timeout_ms };

	return wait_until(l, what, len, &d, e);
}

int link_next(struct link *l, struct ring_record *ret, int timeout_ms, struct ps_err *e)
{
	struct deadline d = { .timeout_ms = timeout_ms };

	for (;;) {
		int got = ring_next(&l->in, ret, e);

		if (got != 0 || expired(&d))
			return got;
		got = wait_until(l, LINK_READABLE, 0, &d, e);
		if (got <= 0)
			return got;
	}
}

int link_reserve(struct link *l, uint32_t len, void **ret, int timeout_ms, struct ps_err *e)
{
	struct deadline d = { .timeout_ms = timeout_ms };

	for (;;) {
		int got = ring_reserve(&l->out, len, ret, e);

		if (got != 0 || expired(&d))
			return got;
		got = wait_until(l, LINK_WRITABLE, len, &d, e);
		if (got <= 0)
			return got;
	}
}

/* ---- Pollable ---- */

int link_fd(const struct link *l)
{
	return l->bell.fd;
}

unsigned link_arm(struct link *l, unsigned what, uint32_t len)
{
	unsigned is;

	flush(l, what);
	announce(l, what, len, RING_SLEEPS_IN_POLL);
	is = ready(l, what, len);
	if (is)
		awake(l);
	return is;
}

void link_disarm(struct link *l)
{
	char bytes[256];
	ssize_t n;

	awake(l);
	n = recv(l->bell.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		hang_up(l);
}
