/* SPDX-License-Identifier: Apache-2.0
 * stream.c - the writer's side of an output stream.
 */
#include "ipc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/memfd.h"
#include "base/scope.h"
#include "ipc/fence.h"
#include "ipc/stream_layout.h"

enum { ROOM_MIN = 4096 };

struct stream {
	int fd;
	struct stream_map m;
	uint64_t head, tail, bytes; /* what the header shows, kept here */
	uint32_t newest;            /* bytes of the newest record */
};

static int new_memfd(size_t size, struct ps_err *e)
{
	ps_auto_fd int fd = ps_memfd("podshim-output", MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL);

	if (fd < 0)
		return ps_fail_os(e, "create the memfd of an output stream");
	if (ftruncate(fd, (off_t)size) < 0)
		return ps_fail_os(e, "size an output stream to %zu bytes", size);
	return ps_take_fd(&fd);
}

static int set_up(struct stream *s, uint32_t size, struct ps_err *e)
{
	struct stream_header *h;

	s->fd = new_memfd(STREAM_HEADER_SIZE + (size_t)size, e);
	if (s->fd < 0 || stream_map_pages(s->fd, size, PROT_READ | PROT_WRITE, &s->m, e) < 0)
		return -1;
	h = s->m.header;
	memcpy(h->magic, STREAM_MAGIC, sizeof(h->magic));
	h->version = STREAM_VERSION;
	h->header_size = STREAM_HEADER_SIZE;
	h->data_size = size;
	h->record_max = s->m.record_max;
	h->created_ns = ps_clock_ns(CLOCK_REALTIME);
	/* FUTURE_WRITE (5.1) leaves this mapping writable, and forbids every later one. */
	if (fcntl(s->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return ps_fail_os(e, "seal an output stream");
	return 0;
}

int stream_create(size_t size, struct stream **ret, struct ps_err *e)
{
	auto_stream struct stream *s = NULL;
	uint32_t rounded = STREAM_SIZE_MIN;

	if (size > STREAM_SIZE_MAX)
		return ps_fail(e, PS_E_USAGE, "an output stream of %zu bytes: at most %d", size, STREAM_SIZE_MAX);
	while (rounded < size)
		rounded *= 2;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ps_fail_os(e, "create an output stream");
	s->fd = -1;
	if (set_up(s, rounded, e) < 0)
		return -1;
	*ret = ps_take_ptr(&s);
	return 0;
}

void stream_free(struct stream *s)
{
	int saved = errno;

	if (!s)
		return;
	stream_unmap_pages(&s->m);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
	errno = saved;
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

static char *at(const struct stream *s, uint64_t pos)
{
	return s->m.data + (pos & (s->m.size - 1));
}

/* Give up the oldest records until one of `len` bytes fits. */
static void make_room(struct stream *s, uint32_t len)
{
	const uint64_t limit = s->m.size - stream_record_size(len);
	struct stream_record_head old;

	if (s->head - s->tail <= limit)
		return;
	do {
		memcpy(&old, at(s, s->tail), sizeof(old));
		s->tail += stream_record_size(old.len);
	} while (s->head - s->tail > limit);
	atomic_store_explicit(&s->m.header->tail, s->tail, memory_order_relaxed);
	fence_release(); /* B */
}

/* The payload is in place behind the head's room. */
static void commit(struct stream *s, enum stream_no no, uint32_t len)
{
	const struct stream_record_head head = { .offset = s->bytes, .time_ns = ps_clock_ns(CLOCK_REALTIME), .len = len,
						 .no = (uint16_t)no };
	const uint64_t size = stream_record_size(len);
	char *record = at(s, s->head);

	memcpy(record, &head, sizeof(head));
	memset(record + sizeof(head) + len, 0, (size_t)size - sizeof(head) - len);
	s->head += size;
	s->bytes += len;
	s->newest = len;
	atomic_store_explicit(&s->m.header->head, s->head, memory_order_release); /* A */
}

ssize_t stream_fill(struct stream *s, int fd, enum stream_no no, size_t max)
{
	ssize_t n;

	if (!max)
		return -ENOBUFS;
	if (max > s->m.record_max)
		max = s->m.record_max;
	make_room(s, (uint32_t)max);
	do
		n = read(fd, at(s, s->head) + sizeof(struct stream_record_head), max);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n > 0)
		commit(s, no, (uint32_t)n);
	return n;
}

void stream_put(struct stream *s, enum stream_no no, const void *p, size_t n)
{
	const char *from = p;

	while (n) {
		const uint32_t len = n < s->m.record_max ? (uint32_t)n : s->m.record_max;

		make_room(s, len);
		memcpy(at(s, s->head) + sizeof(struct stream_record_head), from, len);
		commit(s, no, len);
		from += len;
		n -= len;
	}
}

void stream_finish(struct stream *s)
{
	atomic_store_explicit(&s->m.header->flags, STREAM_FLAG_FINISHED, memory_order_release);
}

size_t stream_size(const struct stream *s)
{
	return s->m.size;
}

uint64_t stream_head(const struct stream *s)
{
	return s->head;
}

uint64_t stream_tail(const struct stream *s)
{
	return s->tail;
}

uint64_t stream_bytes(const struct stream *s)
{
	return s->bytes;
}

const char *stream_newest(const struct stream *s, size_t *ret_n)
{
	*ret_n = s->newest;
	return at(s, s->head - stream_record_size(s->newest)) + sizeof(struct stream_record_head);
}

size_t stream_room(const struct stream *s, uint64_t keep)
{
	uint64_t room;

	if (keep < s->tail)
		keep = s->tail;
	if (keep > s->head)
		keep = s->head;
	room = s->m.size - (s->head - keep);
	if (room < sizeof(struct stream_record_head) + ROOM_MIN)
		return 0;
	room -= sizeof(struct stream_record_head); /* a multiple of the alignment, as positions are; `keep` need not be */
	room &= ~(uint64_t)(STREAM_ALIGN - 1);
	return room < s->m.record_max ? (size_t)room : s->m.record_max;
}
