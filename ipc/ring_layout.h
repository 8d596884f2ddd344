/* SPDX-License-Identifier: Apache-2.0
 * ring_layout.h - the bytes that the two sides of a link share (private to ring*.c, link.c and their tests).
 *
 * Each side writes one area and reads the other's; ipc/PROTOCOL.md says the same for other languages.
 *
 *	            area of side X (X writes, Y reads)           area of side Y (Y writes, X reads)
 *	page 0      constants                                    constants
 *	page 1      producer page: head of the ring X -> Y       producer page: head of the ring Y -> X
 *	page 2      consumer page: tail of the ring Y -> X       consumer page: tail of the ring X -> Y
 *	data        records X -> Y                               records Y -> X
 *	(data)      the same pages again, in the mapping only: a record never wraps
 *
 * Both write page 0 of the runner's area: behind the constants are two bell words, one that the host rings and one
 * that the runner rings.  A bell word only names a futex to the kernel; its value is never believed.  It would do in a
 * read-only page, but there each sleep and each ringing costs the kernel a second, slow look for the page.
 *
 * Position p is the byte p % data_size of the data.  Positions are multiples of 8, never wrap and only grow;
 * tail <= head <= tail + data_size.  Records between tail and head are whole.
 *
 *	producer (one)                                consumer (one)
 *	--------------                                --------------
 *	A  load tail, acquire                         C  load head, acquire
 *	   write records into the room                   read records
 *	B  store head, release: they are published    D  store tail, release: their room is given back
 *
 * B pairs with C: who sees the new head sees the records before it.
 * D pairs with A: who sees the new tail may overwrite; the reads of the old records are over.
 *
 *	sleeper (either side)                         waker (the other)
 *	---------------------                         -----------------
 *	E  load the waker's bell word, acquire
 *	F  store want, then sleep, seq_cst            H  store position (B or D) or closed, seq_cst
 *	G  load position and closed, seq_cst          I  load sleep, seq_cst, then want
 *	   nothing new: sleep until the bell word        asleep, and position has reached want:
 *	   is no longer that of E (or poll the        J  add to the bell word, release, and wake the futex
 *	   bell socket), then store sleep = 0            (or send a byte to the bell socket)
 *
 * F-G and H-I are a store and then a load of what the other stores.  In the one order of all seq_cst accesses either G
 * comes after H, and the sleeper stays awake, or I comes after F, and the waker sees it asleep.
 * E pairs with J: a bell that rings between E and the sleep changes the word, and the sleep does not begin.
 * Each sleep has a number of its own, so that a waker rings once for it and not again until the sleeper has run.
 */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a ring is little endian");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "lock-free between processes");

#define RING_MAGIC "podring" /* 8 bytes with its NUL */
enum {
	RING_VERSION = 1,
	RING_PAGE = 4096,
	RING_ALIGN = 8,
	RING_HEAD_SIZE = 8, /* of a record: length 32 bits, type 16, flags 16 */
};
enum ring_side { RING_HOST = 1, RING_RUNNER = 2 };

/* How a side sleeps: the low bits of its sleep word. */
enum { RING_AWAKE = 0, RING_SLEEPS_ON_FUTEX = 1, RING_SLEEPS_IN_POLL = 2, RING_SLEEP_STEP = 4 };

struct ring_constants {
	char magic[8];
	uint32_t version;
	uint32_t side;        /* enum ring_side: who writes this area */
	uint32_t data_offset; /* of the data in the file */
	uint32_t data_size;   /* power of two */
	uint32_t record_max;  /* largest payload */
	uint32_t zero;
};

/* A producer page or a consumer page.  Who owns it stores, the other only loads. */
struct ring_page {
	_Atomic uint64_t pos; /* producer: head; consumer: tail */
	char pad0[120];
	_Atomic uint64_t sleep;  /* 0: awake; else RING_SLEEP_STEP * number + RING_SLEEPS_* */
	_Atomic uint64_t want;   /* asleep until the other's position reaches this */
	_Atomic uint32_t closed; /* not 0: a producer writes, a consumer reads no more */
	char pad1[RING_PAGE - 148];
};

struct ring_area {
	struct ring_constants constants;
	char pad0[128 - sizeof(struct ring_constants)];
	struct ring_bell_word {
		_Atomic uint32_t word;
		char pad[124];
	} bells[2]; /* of the host, of the runner; in the runner's area only */
	char pad1[RING_PAGE - 384];
	struct ring_page producer, consumer;
};

_Static_assert(offsetof(struct ring_constants, side) == 12, "layout");
_Static_assert(offsetof(struct ring_constants, record_max) == 24, "layout");
_Static_assert(sizeof(struct ring_constants) == 32, "layout");
_Static_assert(offsetof(struct ring_page, sleep) == 128, "layout");
_Static_assert(offsetof(struct ring_page, want) == 136, "layout");
_Static_assert(offsetof(struct ring_page, closed) == 144, "layout");
_Static_assert(sizeof(struct ring_page) == RING_PAGE, "layout");
_Static_assert(offsetof(struct ring_area, bells) == 128, "layout");
_Static_assert(sizeof(struct ring_bell_word) == 128, "layout");
_Static_assert(offsetof(struct ring_area, consumer) == 8192, "layout");
_Static_assert(sizeof(struct ring_area) == 12288, "layout");

/* Bytes that a record with a payload of len takes. */
static inline uint64_t ring_record_size(uint32_t len)
{
	return RING_HEAD_SIZE + (((uint64_t)len + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1));
}

/* Largest payload: the room of two records of any size is always within reach of a consumer that reads on. */
static inline uint32_t ring_record_max(uint32_t data_size)
{
	return data_size / 2 - RING_HEAD_SIZE;
}
