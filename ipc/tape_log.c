/* SPDX-License-Identifier: Apache-2.0
 * tape_log.c - appends records to a tape, reads them and waits for them.
 *
 * One struct tape belongs to one thread at a time: its lock is that of the open file.  The letters A to D are those of
 * tape_layout.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "ipc/fence.h"
#include "ipc/tape.h"
#include "ipc/tape_io.h"
#include "ipc/wake.h"

enum {
	LOCK_WAIT_MS = 200, /* a write takes microseconds; whoever holds the lock longer is stopped or hostile */
	OVERTAKEN_TRIES = 16,
	UNLINK_CHECK_MS = 1000,
};

static int lock(const struct tape *t, struct ps_err *e)
{
	const uint64_t deadline = ps_clock_ns(CLOCK_MONOTONIC) + LOCK_WAIT_MS * UINT64_C(1000000);

	while (flock(t->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ps_fail_os(e, "lock tape '%s'", t->name);
		if (ps_clock_ns(CLOCK_MONOTONIC) > deadline)
			return ps_fail(e, PS_E_STATE, "tape '%s' is locked by another writer", t->name);
		tape_sleep_us(100);
	}
	return 0;
}

static void unlock(const struct tape *t)
{
	(void)flock(t->fd, LOCK_UN);
}

/* Give up the oldest records until `need` bytes are free.  One that nobody could read gives up all. */
static int make_room(const struct tape *t, struct tape_state *s, uint64_t need, struct ps_err *e)
{
	struct tape_record_head head;
	uint64_t tail = s->tail;

	while (s->head + need - tail > TAPE_DATA_SIZE) {
		if (tape_read_ring(t, &head, sizeof(head), tail, e) < 0)
			return -1;
		if (head.len > TAPE_RECORD_MAX || tape_record_size(head.len) > s->head - tail)
			tail = s->head;
		else
			tail += tape_record_size(head.len);
	}
	if (tail == s->tail)
		return 0;
	s->tail = tail;
	return tape_store_state(t, s, e);
}

/* flags: to be set with the record. */
static int append(const struct tape *t, enum tape_type type, const void *data, uint32_t len, uint32_t flags,
		  struct ps_err *e)
{
	struct {
		struct tape_record_head head;
		char data[TAPE_RECORD_MAX];
	} r = { .head = { .len = len, .type = (uint16_t)type } };
	const uint64_t size = tape_record_size(len);
	struct tape_state s;
	struct stat st;

	if (fstat(t->fd, &st) < 0)
		return ps_fail_os(e, "look at tape '%s'", t->name);
	if (st.st_size < TAPE_FILE_SIZE)
		return ps_fail(e, PS_E_PEER, "tape '%s' was truncated", t->name);
	if (tape_load_state(t, &s, e) < 0)
		return -1;
	if (s.flags & TAPE_FLAG_FINISHED)
		return ps_fail(e, PS_E_STATE, "tape '%s' was finished", t->name);
	if (make_room(t, &s, size, e) < 0)
		return -1;
	r.head.seq = s.next_seq;
	r.head.time_ns = ps_clock_ns(CLOCK_REALTIME);
	if (len)
		memcpy(r.data, data, len);
	fence_release(); /* B */
	if (tape_write_ring(t, &r, size, s.head, e) < 0)
		return -1;
	fence_release(); /* A */
	s.head += size;
	s.next_seq++;
	s.flags |= flags;
	return tape_store_state(t, &s, e);
}

static int too_long(const struct tape *t, size_t n, struct ps_err *e)
{
	return ps_fail(e, PS_E_BUG, "record of %zu bytes for tape '%s', at most %d fit", n, t->name, TAPE_RECORD_MAX);
}

int tape_write(struct tape *t, enum tape_type type, const void *data, size_t n, struct ps_err *e)
{
	int r;

	if (n > TAPE_RECORD_MAX)
		return too_long(t, n, e);
	if (lock(t, e) < 0)
		return -1;
	r = append(t, type, data, (uint32_t)n, 0, e);
	unlock(t);
	if (r == 0)
		wake_sleepers((const _Atomic uint32_t *)&t->map->state.wakes);
	return r;
}

bool tape_has_end(const struct tape *t)
{
	struct tape_state s;

	return tape_load_state(t, &s, NULL) == 0 && s.flags & TAPE_FLAG_ENDED;
}

int tape_write_end(struct tape *t, const struct tape_line *v, size_t n, struct ps_err *e)
{
	int r = 1;

	for (size_t i = 0; i < n; i++)
		if (v[i].n > TAPE_RECORD_MAX)
			return too_long(t, v[i].n, e);
	if (lock(t, e) < 0)
		return -1;
	if (tape_has_end(t))
		r = 0;
	for (size_t i = 0; i < n && r > 0; i++)
		if (append(t, v[i].type, v[i].data, (uint32_t)v[i].n, TAPE_FLAG_ENDED, e) < 0)
			r = -1;
	unlock(t);
	if (r != 0)
		wake_sleepers((const _Atomic uint32_t *)&t->map->state.wakes);
	return r;
}

void tape_finish(struct tape *t)
{
	struct tape_state s;

	if (lock(t, NULL) < 0)
		return;
	if (tape_load_state(t, &s, NULL) == 0) {
		s.flags |= TAPE_FLAG_FINISHED;
		(void)tape_store_state(t, &s, NULL);
	}
	unlock(t);
	wake_sleepers((const _Atomic uint32_t *)&t->map->state.wakes);
}

void tape_cursor_oldest(const struct tape *t, struct tape_cursor *c)
{
	struct tape_state s = { .next_seq = 1 };

	(void)tape_load_state(t, &s, NULL); /* tape_read reports a damaged one */
	*c = (struct tape_cursor){ .pos = s.tail, .seq = 0 };
}

size_t tape_used(const struct tape *t)
{
	struct tape_state s = { .next_seq = 1 };

	return tape_load_state(t, &s, NULL) < 0 ? 0 : (size_t)(s.head - s.tail);
}

void tape_cursor_newest(const struct tape *t, struct tape_cursor *c)
{
	struct tape_state s = { .next_seq = 1 };

	(void)tape_load_state(t, &s, NULL);
	*c = (struct tape_cursor){ .pos = s.head, .seq = s.next_seq - 1 };
}

static bool record_ok(const struct tape_record_head *r, const struct tape_state *s, uint64_t pos, uint64_t last_seq)
{
	return r->len <= TAPE_RECORD_MAX && tape_record_size(r->len) <= s->head - pos && r->seq > last_seq &&
	       r->seq < s->next_seq;
}

/* 1: copied; 0: overtaken while at it; -1: damaged. */
static int copy_record(const struct tape *t, const struct tape_state *s, uint64_t pos, uint64_t last_seq,
		       struct tape_record_head *head, char data[TAPE_RECORD_MAX], struct ps_err *e)
{
	struct tape_state now;
	bool ok;

	fence_acquire(); /* D */
	if (s->head - pos < sizeof(*head))
		return tape_damaged(t, e);
	if (tape_read_ring(t, head, sizeof(*head), pos, e) < 0)
		return -1;
	ok = record_ok(head, s, pos, last_seq);
	if (ok && tape_read_ring(t, data, head->len, pos + sizeof(*head), e) < 0)
		return -1;
	fence_acquire(); /* C */
	if (tape_load_state(t, &now, e) < 0)
		return -1;
	if (now.tail > pos)
		return 0;
	return ok ? 1 : tape_damaged(t, e);
}

int tape_read(const struct tape *t, struct tape_cursor *c, struct tape_record *ret, struct ps_err *e)
{
	struct tape_record_head head;
	char data[TAPE_RECORD_MAX];
	struct tape_state s;
	uint64_t pos;
	int r;

	for (int tries = 0; tries < OVERTAKEN_TRIES; tries++) {
		if (tape_load_state(t, &s, e) < 0)
			return -1;
		if (c->pos > s.head)
			return tape_damaged(t, e);
		if (c->pos == s.head)
			return 0;
		pos = c->pos > s.tail ? c->pos : s.tail;
		if (pos == s.head) {
			c->pos = pos; /* everything was given up */
			return 0;
		}
		r = copy_record(t, &s, pos, c->seq, &head, data, e);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		ret->seq = head.seq;
		ret->time_ns = head.time_ns;
		ret->type = (enum tape_type)head.type;
		ret->len = head.len;
		memcpy(ret->data, data, head.len);
		*c = (struct tape_cursor){ .pos = pos + tape_record_size(head.len), .seq = head.seq };
		return 1;
	}
	return 0;
}

int tape_wait(const struct tape *t, const struct tape_cursor *c, int timeout_ms)
{
	const uint64_t start = ps_clock_ns(CLOCK_MONOTONIC);

	for (;;) {
		int64_t left = timeout_ms < 0 ? INT32_MAX :
			       timeout_ms - (int64_t)((ps_clock_ns(CLOCK_MONOTONIC) - start) / 1000000U);
		struct tape_state s;
		struct stat st;

		if (tape_load_state(t, &s, NULL) < 0 || s.head != c->pos)
			return 0; /* tape_read has the record, or the error */
		if (s.flags & TAPE_FLAG_FINISHED || (fstat(t->fd, &st) == 0 && st.st_nlink == 0))
			return 2;
		if (left <= 0)
			return 1;
		/* Nobody wakes a sleeper when the owner died and `gc` unlinked the tape: look from time to time. */
		if (left > UNLINK_CHECK_MS)
			left = UNLINK_CHECK_MS;
		if (wake_wait((const _Atomic uint32_t *)&t->map->state.wakes, s.wakes, (int)left) < 0)
			tape_sleep_us(10000); /* futex(2) is filtered here */
	}
}
