/* SPDX-License-Identifier: Apache-2.0
 * ring.h - one-way records through shared memory: one producer, one consumer, neither trusts the other.
 *
 * This is the ring itself, over memory that somebody else mapped; ipc/link.h makes two of them between two
 * processes and waits.  Nothing here blocks or allocates, and but for waking a sleeping peer nothing enters the
 * kernel.
 *
 * Trust: a `struct ring_out` or `ring_in` is this side's private view.  Sizes and own positions live only
 * there.  What the peer stores is loaded once, compared by unsigned difference with what it can honestly be,
 * and then used.  A peer that lies makes the ring dead for good: every later call fails with the reason.  No
 * call loops.
 *
 * Results: 1 done, 0 not now, RING_END all was read and the producer closed, -1 with *e filled.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "ipc/ring_layout.h"

enum { RING_END = 2 };

enum {
	RING_BATCH = 4096,     /* bytes that are gathered before the peer can see them: one fence for many small records */
	RING_PATIENCE = 65536, /* bytes that wait before a sleeping peer is woken for them: that costs more than they do */
};

/* Why a ring no longer works. */
enum ring_fault {
	RING_FINE,
	RING_BAD_POSITION, /* the peer's position is none that it can have */
	RING_BAD_LENGTH,   /* a record is longer than what was published, or than allowed */
	RING_MISUSED,      /* committed more than was reserved */
	RING_SHUT,         /* closed on this side */
	RING_PEER_SHUT,    /* the consumer reads no more */
	RING_HUNG_UP,      /* the peer process is gone */
};

/* What this side rings to wake the other. */
struct ring_bell {
	_Atomic uint32_t *word;
	int fd;                 /* bell socket */
};

/* Both views begin so. */
struct ring_end {
	struct ring_page *own;
	const struct ring_page *peer;
	const struct ring_bell *bell;
	uint64_t size;      /* of the data */
	uint64_t published; /* what own->pos holds */
	uint64_t naps;      /* own sleeps so far */
	uint64_t woken;     /* the peer's last sleep that was ended from here */
	enum ring_fault fault;
	uint64_t saw[3]; /* numbers for the text of the fault */
};

struct ring_out {
	unsigned char *data;
	uint64_t mask;
	uint64_t head;     /* behind the newest committed record */
	uint64_t limit;    /* tail as last seen + size: the room ends here */
	uint64_t reserved; /* bytes of the open reservation, its head included; 0: none */
	uint64_t settled;  /* up to here the consumer is awake or was woken */
	uint32_t record_max, batch, patience;
	struct ring_end end;
};

struct ring_in {
	const unsigned char *data;
	uint64_t mask;
	uint64_t pos;      /* behind the newest record that was handed out */
	uint64_t seen;     /* head as last seen */
	uint64_t released; /* behind the newest record that was given back */
	uint32_t record_max, batch;
	struct ring_end end;
	bool ended;
};

struct ring_record {
	const void *data; /* 8-byte aligned; in place: the producer can still change it */
	uint32_t len;
	uint16_t type, flags; /* the users' own */
};

/*
 * Views of a new ring with size bytes of data (a power of two, at least 64), mapped twice behind each other.  own is
 * this side's page, peer the other's.
 */
void ring_out_init(struct ring_out *r, struct ring_page *own, const struct ring_page *peer, void *data, uint32_t size,
		   const struct ring_bell *bell);
void ring_in_init(struct ring_in *r, struct ring_page *own, const struct ring_page *peer, const void *data,
		  uint32_t size, const struct ring_bell *bell);

/* ---- Slow halves of the inline functions below ---- */
int ring_out_more(struct ring_out *r, uint32_t len, struct ps_err *e);
void ring_out_misused(struct ring_out *r, uint64_t size);
void ring_out_publish(struct ring_out *r, uint32_t patience);
int ring_in_more(struct ring_in *r, struct ps_err *e);
int ring_in_bad_length(struct ring_in *r, uint32_t len, struct ps_err *e);
int ring_in_too_long(struct ring_in *r, uint64_t pos, uint32_t len, size_t size, struct ps_err *e);
void ring_in_publish(struct ring_in *r);

/* ---- Producer ---- */

/*
 * Room for a record of up to len bytes, 8-byte aligned, in place.  0: the ring is full (all that was committed
 * is then published).  A new reservation replaces an open one.  PS_E_USAGE: len is more than record_max.
 * PS_E_PEER: the consumer reads no more or is gone (sys EPIPE), or lied; noticed when something is published or
 * the room seems to be over.
 */
static inline int ring_reserve(struct ring_out *r, uint32_t len, void **ret, struct ps_err *e)
{
	uint64_t need = ring_record_size(len);
	int got;

	if (__builtin_expect(r->limit - r->head < need || len > r->record_max, 0)) {
		got = ring_out_more(r, len, e);
		if (got != 1)
			return got;
	}
	r->reserved = need;
	*ret = r->data + (r->head & r->mask) + RING_HEAD_SIZE;
	return 1;
}

/* Tell the consumer of everything that was committed, and wake it if it sleeps. */
static inline void ring_flush(struct ring_out *r)
{
	if (r->head != r->settled)
		ring_out_publish(r, 0);
}

/*
 * Make the first len bytes of the reservation a record.  An awake consumer sees it after RING_BATCH bytes, a
 * sleeping one is woken after RING_PATIENCE: who pauses or waits calls ring_flush.
 */
static inline void ring_commit(struct ring_out *r, uint16_t type, uint16_t flags, uint32_t len)
{
	uint64_t size = ring_record_size(len);
	unsigned char *at = r->data + (r->head & r->mask);

	if (__builtin_expect(size > r->reserved, 0)) {
		ring_out_misused(r, size);
		return;
	}
	/* One store: the consumer, however early it looks, never sees half a record head. */
	atomic_store_explicit((_Atomic uint64_t *)(void *)at, len | (uint64_t)type << 32 | (uint64_t)flags << 48,
			      memory_order_relaxed);
	r->reserved = 0;
	r->head += size;
	if (r->head - r->end.published >= r->batch)
		ring_out_publish(r, r->patience);
}

/* Give the reservation back; nothing of it was ever visible. */
static inline void ring_discard(struct ring_out *r)
{
	r->reserved = 0;
}

/* Reserve, copy, commit. */
static inline int ring_write(struct ring_out *r, uint16_t type, uint16_t flags, const void *data, uint32_t len,
			     struct ps_err *e)
{
	void *to = NULL;
	int got = ring_reserve(r, len, &to, e);

	if (got != 1)
		return got;
	if (len)
		memcpy(to, data, len);
	ring_commit(r, type, flags, len);
	return 1;
}

/* No record will follow: flush and tell the consumer.  May be called twice. */
void ring_out_close(struct ring_out *r);

/* ---- Consumer ---- */

/*
 * The next record, in place.  It and those handed out before stay until ring_release, but a hostile producer
 * can change their bytes at any time: look at each byte once, or use ring_read.  One record per call: who
 * serves others too bounds the number of its calls.  PS_E_PEER: the producer lied, or is gone (sys EPIPE) and
 * all it published was read.
 */
static inline int ring_next(struct ring_in *r, struct ring_record *ret, struct ps_err *e)
{
	uint64_t head, size;
	uint32_t len;
	int got;

	if (__builtin_expect(r->seen == r->pos, 0)) {
		got = ring_in_more(r, e);
		if (got != 1)
			return got;
	}
	head = atomic_load_explicit((const _Atomic uint64_t *)(const void *)(r->data + (r->pos & r->mask)),
				    memory_order_relaxed);
	len = (uint32_t)head;
	size = ring_record_size(len);
	if (__builtin_expect(len > r->record_max || size > r->seen - r->pos, 0))
		return PS_MINUS_ONE(ring_in_bad_length(r, len, e));
	ret->data = r->data + (r->pos & r->mask) + RING_HEAD_SIZE;
	ret->len = len;
	ret->type = (uint16_t)(head >> 32);
	ret->flags = (uint16_t)(head >> 48);
	r->pos += size;
	return 1;
}

/* Give back the room of all records that were handed out.  The producer is told after RING_BATCH bytes. */
static inline void ring_release(struct ring_in *r)
{
	r->released = r->pos;
	if (r->released - r->end.published >= r->batch)
		ring_in_publish(r);
}

/* Tell the producer of all room that was given back, and wake it if it waits for that. */
static inline void ring_in_flush(struct ring_in *r)
{
	if (r->released != r->end.published)
		ring_in_publish(r);
}

/*
 * The next record, copied to buf: what is checked there stays as it was checked.  Releases it and those before it.
 * ret->data is buf.  PS_E_USAGE: it is longer than size; it is still the next one.
 */
static inline int ring_read(struct ring_in *r, void *buf, size_t size, struct ring_record *ret, struct ps_err *e)
{
	struct ring_record rec = { .data = NULL };
	uint64_t pos = r->pos;
	int got = ring_next(r, &rec, e);

	if (__builtin_expect(got != 1, 0))
		return got;
	if (__builtin_expect(rec.len > size, 0))
		return PS_MINUS_ONE(ring_in_too_long(r, pos, rec.len, size, e));
	if (rec.len)
		memcpy(buf, rec.data, rec.len);
	ring_release(r);
	rec.data = buf;
	*ret = rec;
	return 1;
}

/* This side reads no more: the producer's next reservations fail.  May be called twice. */
void ring_in_close(struct ring_in *r);

/* ---- For ipc/link.c: sleeping ---- */

/* Would ring_next now give anything but 0?  Accesses G. */
bool ring_in_ready(const struct ring_in *r);
/* Would ring_reserve of len bytes now give anything but 0? */
bool ring_out_ready(const struct ring_out *r, uint32_t len);
/* Announce a sleep (RING_SLEEPS_*) until there is something to read, or room for a record of len bytes.  Access F. */
void ring_in_sleep(struct ring_in *r, unsigned how);
void ring_out_sleep(struct ring_out *r, uint32_t len, unsigned how);
void ring_awake(struct ring_end *end);
/* The peer process is gone: what it published can still be read, everything else fails. */
void ring_in_hang_up(struct ring_in *r);
void ring_out_hang_up(struct ring_out *r);
