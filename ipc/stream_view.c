/* SPDX-License-Identifier: Apache-2.0
 * stream_view.c - a reader of an output stream: never faults, never loops for ever, whatever the bytes are.
 */
#include "ipc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/abi.h"
#include "base/scope.h"
#include "ipc/fence.h"
#include "ipc/stream_layout.h"

/* A writer that overtakes a reader so often in one call is faster than it. */
enum { TRIES = 64 };

struct stream_view {
	struct stream_map m;
};

static int no_stream(const char *why, struct ps_err *e)
{
	return ps_fail(e, PS_E_PEER, "this is not an output stream: %s", why);
}

/* The size of the data area, once nobody can change the file's size any more. */
static int check_file(int fd, uint32_t *ret_size, struct ps_err *e)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	const int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	off_t size;

	if (seals < 0 || (seals & wanted) != wanted)
		return no_stream("its size is not sealed", e);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(e, "look at an output stream");
	size = st.st_size - STREAM_HEADER_SIZE;
	if (size < STREAM_SIZE_MIN || size > STREAM_SIZE_MAX || (size & (size - 1)))
		return no_stream("it has no such size", e);
	*ret_size = (uint32_t)size;
	return 0;
}

static int check_header(const struct stream_map *m, struct ps_err *e)
{
	const struct stream_header *h = m->header;
	const uint32_t version = h->version;

	if (memcmp(h->magic, STREAM_MAGIC, sizeof(h->magic)) != 0)
		return no_stream("it begins with other bytes", e);
	if (version != STREAM_VERSION)
		return ps_fail(e, PS_E_UNSUPP, "the output stream has version %u, known is %d", version,
			       STREAM_VERSION);
	if (h->header_size != STREAM_HEADER_SIZE || h->data_size != m->size || h->record_max != m->record_max)
		return no_stream("its header does not fit its size", e);
	return 0;
}

int stream_map(int fd, struct stream_view **ret, struct ps_err *e)
{
	auto_stream_view struct stream_view *v = calloc(1, sizeof(*v));
	uint32_t size = 0;

	if (!v)
		return ps_fail_os(e, "map an output stream");
	if (check_file(fd, &size, e) < 0 || stream_map_pages(fd, size, PROT_READ, &v->m, e) < 0 ||
	    check_header(&v->m, e) < 0)
		return -1;
	*ret = ps_take_ptr(&v);
	return 0;
}

void stream_unmap(struct stream_view *v)
{
	int saved = errno;

	if (!v)
		return;
	stream_unmap_pages(&v->m);
	free(v);
	errno = saved;
}

size_t stream_view_size(const struct stream_view *v)
{
	return v->m.size;
}

static uint64_t load_head(const struct stream_view *v)
{
	return atomic_load_explicit(&v->m.header->head, memory_order_acquire); /* D */
}

static uint64_t load_tail(const struct stream_view *v)
{
	return atomic_load_explicit(&v->m.header->tail, memory_order_acquire);
}

void stream_cursor_oldest(const struct stream_view *v, struct stream_cursor *c)
{
	*c = (struct stream_cursor){ .pos = load_tail(v) };
}

void stream_cursor_newest(const struct stream_view *v, struct stream_cursor *c)
{
	*c = (struct stream_cursor){ .pos = load_head(v), .offset = STREAM_OFFSET_ANY };
}

/* Positions are compared by their difference: `a` lies before `b`. */
static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

bool stream_intact(const struct stream_view *v, const struct stream_record *r)
{
	fence_acquire(); /* C */
	return !before(r->pos, load_tail(v));
}

/* The record at pos as far as it can be right. */
static bool look_at(const struct stream_view *v, uint64_t pos, uint64_t head, struct stream_record_head *h,
		    struct stream_record *r)
{
	const char *record = v->m.data + (pos & (v->m.size - 1));

	if (pos & (STREAM_ALIGN - 1) || head - pos > v->m.size || head - pos < sizeof(*h))
		return false;
	memcpy(h, record, sizeof(*h));
	*r = (struct stream_record){ .no = (enum stream_no)h->no, .time_ns = h->time_ns, .pos = pos, .len = h->len,
				     .data = record + sizeof(*h) };
	return h->len <= v->m.record_max && stream_record_size(h->len) <= head - pos;
}

int stream_peek(const struct stream_view *v, struct stream_cursor *c, struct stream_record *ret, struct ps_err *e)
{
	struct stream_record_head h;
	struct stream_record r;

	for (int i = 0; i < TRIES; i++) {
		const uint64_t head = load_head(v), tail = load_tail(v);
		const uint64_t pos = before(c->pos, tail) ? tail : c->pos;
		bool good;

		if (pos == head)
			return 0;
		if (before(head, pos)) {
			if (pos == tail && pos != c->pos)
				continue; /* that tail is younger than that head */
			return ps_fail(e, PS_E_PEER, "the output stream is damaged: it ends before the reader's place");
		}
		r.pos = pos;
		good = look_at(v, pos, head, &h, &r);
		if (!stream_intact(v, &r))
			continue;
		if (!good || (c->offset != STREAM_OFFSET_ANY && h.offset < c->offset))
			return ps_fail(e, PS_E_PEER, "the output stream is damaged at position %llu",
				       (unsigned long long)pos);
		r.lost = c->offset == STREAM_OFFSET_ANY ? 0 : h.offset - c->offset;
		*c = (struct stream_cursor){ .pos = pos + stream_record_size(h.len), .offset = h.offset + h.len };
		*ret = r;
		return 1;
	}
	return 0;
}

int stream_read(const struct stream_view *v, struct stream_cursor *c, char *buf, size_t size,
		struct stream_record *ret, struct ps_err *e)
{
	struct stream_record r;

	for (int i = 0; i < TRIES; i++) {
		struct stream_cursor next = *c;
		int got = stream_peek(v, &next, &r, e);

		if (got <= 0)
			return got;
		if (r.len > size)
			return ps_fail(e, PS_E_USAGE, "a record of %u bytes does not fit into %zu", r.len, size);
		memcpy(buf, r.data, r.len);
		if (!stream_intact(v, &r))
			continue;
		r.data = buf;
		*c = next;
		*ret = r;
		return 1;
	}
	return 0;
}

bool stream_ended(const struct stream_view *v, const struct stream_cursor *c)
{
	/* The flag is stored after the last head. */
	return (atomic_load_explicit(&v->m.header->flags, memory_order_acquire) & STREAM_FLAG_FINISHED) &&
	       c->pos == load_head(v);
}
