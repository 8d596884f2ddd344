/* SPDX-License-Identifier: Apache-2.0
 * stream_layout.h - the bytes of an output stream (private to stream*.c and its tests; ipc/PROTOCOL.md says the same).
 *
 *	page 0   struct stream_header: constants, then the positions on a cache line of their own
 *	page 1.. data_size bytes of records, used as a ring: position p is the byte p % data_size
 *
 * Positions only grow.  Records between `tail` and `head` are whole.  Both sides map the data twice, one behind the
 * other, so that a record is never in two pieces.
 *
 *	writer (one)                                 reader (any number)
 *	------------                                 -------------------
 *	store tail, past what will be overwritten    load head
 *	B  release fence                             D  acquire
 *	write record                                 copy record
 *	A  release                                   C  acquire fence
 *	store head, the commit                       load tail: is it still not past the record?
 *
 * A pairs with D: who sees the new head sees the record before it.
 * B pairs with C: who copied one byte of a newer record sees the tail that gave the older one up.
 */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/stream.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a stream is little endian");

enum { STREAM_VERSION = 1, STREAM_HEADER_SIZE = 4096, STREAM_ALIGN = 8 };
#define STREAM_MAGIC "podstrm" /* 8 bytes with its NUL */
enum { STREAM_FLAG_FINISHED = 1 };

struct stream_header {
	char magic[8];
	uint32_t version, header_size, data_size, record_max;
	uint64_t created_ns; /* CLOCK_REALTIME */
	char pad0[96];
	_Atomic uint64_t head; /* position behind the newest record */
	_Atomic uint64_t tail; /* position of the oldest whole record */
	_Atomic uint32_t flags; /* STREAM_FLAG_* */
	char pad1[3948];
};

/* Before each record's bytes, which are zero-padded to STREAM_ALIGN. */
struct stream_record_head {
	uint64_t offset;  /* bytes of output before this record, whatever their descriptor */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint32_t len;
	uint16_t no;      /* enum stream_no */
	uint16_t zero;
};

_Static_assert(offsetof(struct stream_header, created_ns) == 24, "layout");
_Static_assert(offsetof(struct stream_header, head) == 128, "layout");
_Static_assert(offsetof(struct stream_header, tail) == 136, "layout");
_Static_assert(offsetof(struct stream_header, flags) == 144, "layout");
_Static_assert(sizeof(struct stream_header) == STREAM_HEADER_SIZE, "layout");
_Static_assert(offsetof(struct stream_record_head, len) == 16, "layout");
_Static_assert(sizeof(struct stream_record_head) == 24, "layout");

/* Bytes that a record of len bytes takes. */
static inline uint64_t stream_record_size(uint32_t len)
{
	return sizeof(struct stream_record_head) + (((uint64_t)len + STREAM_ALIGN - 1) & ~(uint64_t)(STREAM_ALIGN - 1));
}

/* One mapping of a whole stream: the header page, then the data twice. */
struct stream_map {
	struct stream_header *header;
	char *data;
	uint32_t size, record_max; /* private copies: what the header says is looked at once */
};

/* Map a stream of `size` data bytes (a power of two) behind fd. */
int stream_map_pages(int fd, uint32_t size, int prot, struct stream_map *ret, struct ps_err *e);
void stream_unmap_pages(struct stream_map *m);
