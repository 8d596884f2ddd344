/* SPDX-License-Identifier: Apache-2.0
 * stream.h - the output of one runner: one writer, any number of readers, the oldest records are overwritten.
 *
 * A sealed memfd that only the writer (the supervisor) can store to: it maps the segment, then seals it, and readers map
 * the descriptor read-only.  read(2) from the runner's pipe goes straight into the mapping.  Readers do not slow the
 * writer and are not known to it; one that was overtaken sees how many bytes it lost.  Who wants to lose nothing tells
 * the writer how far it has read (stream_room).  A struct stream or stream_view belongs to one thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

enum {
	STREAM_SIZE_MIN = 64 * 1024,
	STREAM_SIZE_DEFAULT = 256 * 1024,
	STREAM_SIZE_MAX = 64 * 1024 * 1024,
	STREAM_RECORD_MAX = 64 * 1024, /* and at most a quarter of the size */
};

/* Which of the runner's descriptors a record came from; a terminal's output is all STREAM_STDOUT. */
enum stream_no { STREAM_STDOUT = 1, STREAM_STDERR = 2 };

/* ---- Writer ---- */

struct stream;

/* size: rounded up to a power of two, STREAM_SIZE_MIN..MAX (else PS_E_USAGE).  Pages are taken as output comes. */
int stream_create(size_t size, struct stream **ret, struct ps_err *e);
void stream_free(struct stream *s); /* accepts NULL; readers keep what they mapped */
static inline void stream_freep(struct stream **s) { stream_free(*s); *s = NULL; }
#define auto_stream __attribute__((cleanup(stream_freep)))
/* The descriptor to hand out; stays the stream's. */
int stream_fd(const struct stream *s);
/*
 * Append what one read(2) of fd gives, at most max bytes (and at most a record's), as one record.
 * Bytes read; 0 at end of file, which appends nothing; -errno (-EAGAIN on an empty non-blocking pipe, -EIO on a pty whose
 * other end is closed).  EINTR is retried.  max 0 is -ENOBUFS.
 */
ssize_t stream_fill(struct stream *s, int fd, enum stream_no no, size_t max);
/* Append n bytes, as many records as it takes. */
void stream_put(struct stream *s, enum stream_no no, const void *p, size_t n);
/* No record will follow. */
void stream_finish(struct stream *s);
/* Position behind the newest record / of the oldest whole one. */
uint64_t stream_head(const struct stream *s);
uint64_t stream_tail(const struct stream *s);
/* Bytes of the data area. */
size_t stream_size(const struct stream *s);
/* Bytes of output that were ever appended. */
uint64_t stream_bytes(const struct stream *s);
/* The bytes of the newest record, as long as nothing is appended; there must be one. */
const char *stream_newest(const struct stream *s, size_t *ret_n);
/*
 * How many bytes the next record may have without overwriting what lies at or behind position `keep`: the max for
 * stream_fill.  0 where it would be less than 4096: who has read everything always leaves more.  A `keep` outside of
 * tail..head counts as the nearer of the two.
 */
size_t stream_room(const struct stream *s, uint64_t keep);

/* ---- Readers ---- */

struct stream_view;
struct stream_cursor {
	uint64_t pos;    /* of the next record: what ACK carries */
	uint64_t offset; /* bytes of output before it; STREAM_OFFSET_ANY: as many as the next record says */
};
#define STREAM_OFFSET_ANY UINT64_MAX
struct stream_record {
	enum stream_no no;
	uint64_t time_ns;   /* CLOCK_REALTIME, when it was read */
	uint64_t lost;      /* bytes of output between the cursor and this record that were overwritten */
	uint64_t pos;       /* where it begins */
	uint32_t len;
	const char *data;   /* stream_peek: in the mapping; stream_read: the caller's buffer */
};

/*
 * Map what fd refers to; the caller keeps fd.  Refused (PS_E_PEER) unless it is a memfd sealed against shrinking and
 * further seals and of the size that its header says: then no access can fault.
 */
int stream_map(int fd, struct stream_view **ret, struct ps_err *e);
void stream_unmap(struct stream_view *v); /* accepts NULL */
static inline void stream_unmapp(struct stream_view **v) { stream_unmap(*v); *v = NULL; }
#define auto_stream_view __attribute__((cleanup(stream_unmapp)))
size_t stream_view_size(const struct stream_view *v); /* bytes of the data area */
/* Before the oldest whole record: all the history there is.  What was overwritten before it counts as lost. */
void stream_cursor_oldest(const struct stream_view *v, struct stream_cursor *c);
/* Behind the newest record. */
void stream_cursor_newest(const struct stream_view *v, struct stream_cursor *c);
/*
 * The next record, copied to buf (STREAM_RECORD_MAX bytes are always enough; PS_E_USAGE when size is too small for it).
 * 1: *ret filled, cursor moved behind it; 0: nothing new, or the writer overtakes faster than this
 * reader can look; -1: the stream is damaged (PS_E_PEER).
 */
int stream_read(const struct stream_view *v, struct stream_cursor *c, char *buf, size_t size,
		struct stream_record *ret, struct ps_err *e);
/*
 * The same without a copy: ret->data lies in the mapping and may be overwritten any time.  Who is lossless may use it until
 * it has acknowledged; everybody else uses it, then asks stream_intact, and throws away what came of it when that is false.
 */
int stream_peek(const struct stream_view *v, struct stream_cursor *c, struct stream_record *ret, struct ps_err *e);
/* r, from stream_peek, is still whole. */
bool stream_intact(const struct stream_view *v, const struct stream_record *r);
/* stream_finish was called and c is behind the last record. */
bool stream_ended(const struct stream_view *v, const struct stream_cursor *c);
