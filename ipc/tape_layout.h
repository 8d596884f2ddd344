/* SPDX-License-Identifier: Apache-2.0
 * tape_layout.h - the bytes of a tape (private to tape*.c and its tests; ipc/PROTOCOL.md says the same for others).
 *
 *	page 0   struct tape_header: identity, then the state block on a cache line of its own
 *	page 1.. TAPE_DATA_SIZE bytes of records, used as a ring: position p is the byte p % TAPE_DATA_SIZE
 *
 * Positions and sequence numbers only grow.  Records between `tail` and `head` are whole.  Nobody stores or loads
 * through a mapping: the segment has a name, so it cannot be sealed, and whoever truncates it would raise SIGBUS in
 * everyone who does.  Bytes go by pwrite(2) and pread(2), which fail instead.  Their copies may tear (`rep movsb` has
 * no atomic unit), so the state block carries a check word: a reader that catches it half written reads it again.
 *
 *	writer (one, under the lock)                 reader (any number, no lock)
 *	----------------------------                 ----------------------------
 *	load state                                   load state
 *	store state: tail moved past what            D  acquire
 *	             will be overwritten             copy record
 *	B  release                                   C  acquire
 *	write record                                 load state: is tail still not past the record?
 *	A  release
 *	store state: head moved, the commit
 *
 * A pairs with D: who sees the new head sees the record before it.
 * B pairs with C: who copied one byte of a newer record sees the tail that gave the older one up.
 * A writer that dies between any two steps leaves a valid state block: lost are its own record and some old ones.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "ipc/tape.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a tape is little endian");

enum {
	TAPE_VERSION = 1,
	TAPE_HEADER_SIZE = 4096,
	TAPE_FILE_SIZE = TAPE_HEADER_SIZE + TAPE_DATA_SIZE,
	TAPE_ALIGN = 8,
};
#define TAPE_MAGIC "podtape" /* 8 bytes with its NUL */
enum { TAPE_FLAG_FINISHED = 1, TAPE_FLAG_ENDED = 2 };

struct tape_state {
	uint64_t head;     /* position behind the newest record */
	uint64_t tail;     /* position of the oldest whole record */
	uint64_t next_seq; /* of the record to come; the first is 1 */
	uint32_t wakes;    /* futex word: changes with every store */
	uint32_t flags;    /* TAPE_FLAG_* */
	uint64_t check;    /* FNV-1a of the 32 bytes before it */
};

struct tape_header {
	char magic[8];
	uint32_t version, header_size, data_size, record_max;
	uint64_t created_ns;
	uint32_t uid, pad0;
	char boot_id[40];
	char pad1[48];
	struct tape_state state;
	char pad2[88];
	char root[1024], id[1024];
	char pad3[1792];
};

/* Before each payload, which is zero-padded to TAPE_ALIGN. */
struct tape_record_head {
	uint64_t seq, time_ns;
	uint32_t len;
	uint16_t type, flags; /* flags: 0 in version 1 */
};

_Static_assert(offsetof(struct tape_header, version) == 8, "layout");
_Static_assert(offsetof(struct tape_header, created_ns) == 24, "layout");
_Static_assert(offsetof(struct tape_header, uid) == 32, "layout");
_Static_assert(offsetof(struct tape_header, boot_id) == 40, "layout");
_Static_assert(offsetof(struct tape_header, state) == 128, "layout");
_Static_assert(offsetof(struct tape_state, wakes) == 24, "layout");
_Static_assert(offsetof(struct tape_state, check) == 32, "layout");
_Static_assert(sizeof(struct tape_state) == 40, "layout");
_Static_assert(offsetof(struct tape_header, root) == 256, "layout");
_Static_assert(offsetof(struct tape_header, id) == 1280, "layout");
_Static_assert(sizeof(struct tape_header) == TAPE_HEADER_SIZE, "layout");
_Static_assert(offsetof(struct tape_record_head, type) == 20, "layout");
_Static_assert(sizeof(struct tape_record_head) == 24, "layout");

static inline uint64_t tape_state_check(const struct tape_state *s)
{
	return ps_fnv64(PS_FNV64_INIT, s, offsetof(struct tape_state, check));
}

/* Bytes that a record with a payload of len takes. */
static inline uint64_t tape_record_size(uint32_t len)
{
	return sizeof(struct tape_record_head) + (((uint64_t)len + TAPE_ALIGN - 1) & ~(uint64_t)(TAPE_ALIGN - 1));
}
