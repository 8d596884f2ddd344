/* SPDX-License-Identifier: Apache-2.0
 * ring.c - the rare half of a ring: what the peer published, telling the peer, ends and faults.
 */
#include "ipc/ring.h"

#include <errno.h>
#include <sys/socket.h>

#include "ipc/wake.h"

static uint32_t batch_of(uint32_t size)
{
	return size / 4 < RING_BATCH ? size / 4 : RING_BATCH;
}

void ring_out_init(struct ring_out *r, struct ring_page *own, const struct ring_page *peer, void *data, uint32_t size,
		   const struct ring_bell *bell)
{
	*r = (struct ring_out){
		.data = data, .mask = size - 1, .limit = size,
		.record_max = ring_record_max(size), .batch = batch_of(size),
		.patience = size / 4 < RING_PATIENCE ? size / 4 : RING_PATIENCE,
		.end = { .own = own, .peer = peer, .bell = bell, .size = size },
	};
}

void ring_in_init(struct ring_in *r, struct ring_page *own, const struct ring_page *peer, const void *data,
		  uint32_t size, const struct ring_bell *bell)
{
	*r = (struct ring_in){
		.data = data, .mask = size - 1,
		.record_max = ring_record_max(size), .batch = batch_of(size),
		.end = { .own = own, .peer = peer, .bell = bell, .size = size },
	};
}

/* ---- Faults ---- */

static int tell_fault(const struct ring_end *end, const char *doing, struct ps_err *e)
{
	unsigned long long a = end->saw[0], b = end->saw[1], c = end->saw[2];

	switch (end->fault) {
	case RING_FINE:
		break;
	case RING_BAD_POSITION:
		return ps_fail(e, PS_E_PEER, "%s: the peer went from position %llu to %llu, at most %llu is possible", doing,
			       a, b, c);
	case RING_BAD_LENGTH:
		return ps_fail(e, PS_E_PEER, "%s: record of %llu bytes, allowed are %llu, published %llu with its head",
			       doing, a, b, c);
	case RING_MISUSED:
		return ps_fail(e, PS_E_BUG, "%s: %llu bytes committed, %llu reserved", doing, a, b);
	case RING_SHUT:
		return ps_fail(e, PS_E_BUG, "%s: closed on this side", doing);
	case RING_PEER_SHUT:
	case RING_HUNG_UP:
		(void)ps_fail(e, PS_E_PEER, "%s: the peer %s", doing,
			      end->fault == RING_HUNG_UP ? "process is gone" : "reads no more");
		if (e)
			e->sys = EPIPE;
		return -1;
	}
	return ps_fail(e, PS_E_BUG, "%s: no fault", doing);
}

static void set_fault(struct ring_end *end, enum ring_fault fault, uint64_t a, uint64_t b, uint64_t c)
{
	if (end->fault != RING_FINE)
		return; /* the first is the cause */
	end->fault = fault;
	end->saw[0] = a;
	end->saw[1] = b;
	end->saw[2] = c;
}

/* No room from now on, so that ring_reserve always comes to ring_out_more. */
static void out_fault(struct ring_out *r, enum ring_fault fault, uint64_t a, uint64_t b, uint64_t c)
{
	set_fault(&r->end, fault, a, b, c);
	r->limit = r->head;
	r->reserved = 0;
}

static int out_failed(const struct ring_out *r, struct ps_err *e)
{
	return tell_fault(&r->end, "write to the ring", e);
}

/* Nothing to hand out from now on, so that ring_next always comes to ring_in_more. */
static void in_fault(struct ring_in *r, enum ring_fault fault, uint64_t a, uint64_t b, uint64_t c)
{
	/* A producer that is gone can still be found to have lied. */
	if (r->end.fault == RING_HUNG_UP)
		r->end.fault = RING_FINE;
	set_fault(&r->end, fault, a, b, c);
	r->seen = r->pos;
}

static int in_failed(const struct ring_in *r, struct ps_err *e)
{
	return tell_fault(&r->end, "read from the ring", e);
}

/* ---- Telling the peer ---- */

static void wake_peer(struct ring_end *end, uint64_t sleep)
{
	end->woken = sleep;
	switch (sleep % RING_SLEEP_STEP) {
	case RING_SLEEPS_ON_FUTEX:
		wake_one(end->bell->word); /* J */
		break;
	case RING_SLEEPS_IN_POLL:
		/* A full or dead socket does not matter: the peer has bytes to wake it, or is gone. */
		(void)send(end->bell->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	default:
		break;
	}
}

/* H: B or D as well.  False: the peer sleeps on, for want of patience bytes more than it asked for. */
static bool publish(struct ring_end *end, uint64_t pos, uint32_t patience)
{
	uint64_t sleep;
	int64_t over;

	end->published = pos;
	atomic_store_explicit(&end->own->pos, pos, memory_order_seq_cst);
	sleep = atomic_load_explicit(&end->peer->sleep, memory_order_seq_cst); /* I */
	if (__builtin_expect(sleep == RING_AWAKE || sleep == end->woken, 1))
		return true;
	over = (int64_t)(pos - atomic_load_explicit(&end->peer->want, memory_order_relaxed));
	if (over >= (int64_t)patience)
		wake_peer(end, sleep);
	return over >= (int64_t)patience || !patience;
}

static void close_end(struct ring_end *end)
{
	uint64_t sleep;

	atomic_store_explicit(&end->own->closed, 1, memory_order_seq_cst); /* H */
	sleep = atomic_load_explicit(&end->peer->sleep, memory_order_seq_cst); /* I */
	if (sleep != RING_AWAKE && sleep != end->woken)
		wake_peer(end, sleep);
}

static bool peer_closed(const struct ring_end *end)
{
	return atomic_load_explicit(&end->peer->closed, memory_order_seq_cst) != 0;
}

/* ---- Producer ---- */

void ring_out_publish(struct ring_out *r, uint32_t patience)
{
	if (publish(&r->end, r->head, patience))
		r->settled = r->head;
	if (peer_closed(&r->end))
		out_fault(r, RING_PEER_SHUT, 0, 0, 0);
}

void ring_out_misused(struct ring_out *r, uint64_t size)
{
	out_fault(r, RING_MISUSED, size, r->reserved, 0);
}

/* A consumer goes forward, and not beyond what it was told of. */
static bool bad_tail(const struct ring_out *r, uint64_t tail)
{
	uint64_t old = r->limit - r->end.size;

	return tail - old > r->end.published - old || tail % RING_ALIGN;
}

int ring_out_more(struct ring_out *r, uint32_t len, struct ps_err *e)
{
	uint64_t need = ring_record_size(len), tail;

	if (len > r->record_max)
		return ps_fail(e, PS_E_USAGE, "write to the ring: record of %u bytes, allowed are %u", len, r->record_max);
	if (r->end.fault != RING_FINE)
		return out_failed(r, e);
	if (peer_closed(&r->end)) {
		out_fault(r, RING_PEER_SHUT, 0, 0, 0);
		return out_failed(r, e);
	}
	tail = atomic_load_explicit(&r->end.peer->pos, memory_order_acquire); /* A */
	if (bad_tail(r, tail)) {
		out_fault(r, RING_BAD_POSITION, r->limit - r->end.size, tail, r->end.published);
		return out_failed(r, e);
	}
	r->limit = tail + r->end.size;
	if (r->limit - r->head >= need)
		return 1;
	ring_flush(r);
	return 0;
}

void ring_out_close(struct ring_out *r)
{
	ring_flush(r);
	close_end(&r->end);
	out_fault(r, RING_SHUT, 0, 0, 0);
}

void ring_out_hang_up(struct ring_out *r)
{
	if (r->end.fault == RING_FINE)
		out_fault(r, RING_HUNG_UP, 0, 0, 0);
}

bool ring_out_ready(const struct ring_out *r, uint32_t len)
{
	uint64_t tail;

	if (r->limit - r->head >= ring_record_size(len) || len > r->record_max || r->end.fault != RING_FINE)
		return true;
	tail = atomic_load_explicit(&r->end.peer->pos, memory_order_seq_cst); /* G */
	return bad_tail(r, tail) || tail + r->end.size - r->head >= ring_record_size(len) ||
	       peer_closed(&r->end);
}

/* ---- Consumer ---- */

void ring_in_publish(struct ring_in *r)
{
	(void)publish(&r->end, r->released, 0);
}

int ring_in_more(struct ring_in *r, struct ps_err *e)
{
	uint64_t room = r->end.size - (r->seen - r->end.published), head;

	if (r->ended)
		return RING_END;
	if (r->end.fault != RING_FINE && r->end.fault != RING_HUNG_UP)
		return in_failed(r, e);
	head = atomic_load_explicit(&r->end.peer->pos, memory_order_acquire); /* C */
	if (head == r->seen && peer_closed(&r->end)) {
		/* The last records were published before the ring was closed, and perhaps after the first look. */
		head = atomic_load_explicit(&r->end.peer->pos, memory_order_acquire); /* C */
		r->ended = head == r->seen;
		if (r->ended)
			return RING_END;
	}
	if (head == r->seen)
		return r->end.fault == RING_FINE ? 0 : in_failed(r, e);
	if (head - r->seen > room || head % RING_ALIGN) {
		in_fault(r, RING_BAD_POSITION, r->seen, head, r->seen + room);
		return in_failed(r, e);
	}
	r->seen = head;
	return 1;
}

int ring_in_bad_length(struct ring_in *r, uint32_t len, struct ps_err *e)
{
	in_fault(r, RING_BAD_LENGTH, len, r->record_max, r->seen - r->pos);
	return in_failed(r, e);
}

int ring_in_too_long(struct ring_in *r, uint64_t pos, uint32_t len, size_t size, struct ps_err *e)
{
	r->pos = pos;
	return ps_fail(e, PS_E_USAGE, "read from the ring: record of %u bytes, the buffer has %zu", len, size);
}

void ring_in_close(struct ring_in *r)
{
	close_end(&r->end);
	in_fault(r, RING_SHUT, 0, 0, 0);
}

void ring_in_hang_up(struct ring_in *r)
{
	if (r->end.fault == RING_FINE)
		r->end.fault = RING_HUNG_UP;
}

bool ring_in_ready(const struct ring_in *r)
{
	return r->seen != r->pos || r->end.fault != RING_FINE || r->ended ||
	       atomic_load_explicit(&r->end.peer->pos, memory_order_seq_cst) != r->seen || /* G */
	       peer_closed(&r->end);
}

/* ---- Sleeping ---- */

/* F */
static void announce(struct ring_end *end, uint64_t want, unsigned how)
{
	atomic_store_explicit(&end->own->want, want, memory_order_relaxed);
	atomic_store_explicit(&end->own->sleep, ++end->naps * RING_SLEEP_STEP + how, memory_order_seq_cst);
}

void ring_in_sleep(struct ring_in *r, unsigned how)
{
	announce(&r->end, r->seen + 1, how);
}

/*
 * Asks for a quarter of the ring at least, so that the two do not wake each other for each few records.  A consumer
 * that has read everything keeps back less than that (r->batch), so it cannot forget a sleeping producer.
 */
void ring_out_sleep(struct ring_out *r, uint32_t len, unsigned how)
{
	uint64_t need = ring_record_size(len), room = need > r->end.size / 4 ? need : r->end.size / 4;

	announce(&r->end, r->head + room - r->end.size, how);
}

void ring_awake(struct ring_end *end)
{
	atomic_store_explicit(&end->own->sleep, RING_AWAKE, memory_order_relaxed);
}
