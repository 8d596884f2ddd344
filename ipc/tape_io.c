/* SPDX-License-Identifier: Apache-2.0
 * tape_io.c - moves bytes and the state block of a tape.
 */
#include "ipc/tape_io.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { TORN_TRIES = 50 /* a writer was preempted within a copy of 40 bytes: 1 ms each after the first few */ };
static const uint64_t position_max = UINT64_C(1) << 62;

void tape_sleep_us(long us)
{
	const struct timespec ts = { .tv_nsec = us * 1000 };

	(void)nanosleep(&ts, NULL);
}

int tape_read_at(const struct tape *t, void *p, size_t n, uint64_t offset, struct ps_err *e)
{
	char *data = p;

	while (n) {
		ssize_t got = pread(t->fd, data, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ps_fail_os(e, "read tape '%s'", t->name);
		if (got == 0)
			return ps_fail(e, PS_E_PEER, "tape '%s' was truncated", t->name);
		data += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int tape_write_at(const struct tape *t, const void *p, size_t n, uint64_t offset, struct ps_err *e)
{
	const char *data = p;

	while (n) {
		ssize_t done = pwrite(t->fd, data, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return ps_fail_os(e, "write to tape '%s'", t->name);
		data += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

/* The part of [pos, pos + n) before the end of the ring; the rest is at its start. */
static size_t before_wrap(uint64_t pos, size_t n)
{
	size_t room = TAPE_DATA_SIZE - (size_t)(pos % TAPE_DATA_SIZE);

	return n < room ? n : room;
}

int tape_read_ring(const struct tape *t, void *p, size_t n, uint64_t pos, struct ps_err *e)
{
	size_t first = before_wrap(pos, n);

	if (tape_read_at(t, p, first, TAPE_HEADER_SIZE + pos % TAPE_DATA_SIZE, e) < 0)
		return -1;
	return tape_read_at(t, (char *)p + first, n - first, TAPE_HEADER_SIZE, e);
}

int tape_write_ring(const struct tape *t, const void *p, size_t n, uint64_t pos, struct ps_err *e)
{
	size_t first = before_wrap(pos, n);

	if (tape_write_at(t, p, first, TAPE_HEADER_SIZE + pos % TAPE_DATA_SIZE, e) < 0)
		return -1;
	return tape_write_at(t, (const char *)p + first, n - first, TAPE_HEADER_SIZE, e);
}

static bool state_ok(const struct tape_state *s)
{
	return s->head <= position_max && s->head % TAPE_ALIGN == 0 && s->tail % TAPE_ALIGN == 0 &&
	       s->tail <= s->head && s->head - s->tail <= TAPE_DATA_SIZE && s->next_seq >= 1 &&
	       s->next_seq <= position_max;
}

int tape_damaged(const struct tape *t, struct ps_err *e)
{
	return ps_fail(e, PS_E_PEER, "tape '%s' is damaged", t->name);
}

int tape_load_state(const struct tape *t, struct tape_state *ret, struct ps_err *e)
{
	struct tape_state s;

	for (int tries = 0; tries < TORN_TRIES; tries++) {
		if (tries > 3)
			tape_sleep_us(1000);
		if (tape_read_at(t, &s, sizeof(s), offsetof(struct tape_header, state), e) < 0)
			return -1;
		if (s.check != tape_state_check(&s))
			continue;
		if (!state_ok(&s))
			break;
		*ret = s;
		return 0;
	}
	return tape_damaged(t, e);
}

int tape_store_state(const struct tape *t, struct tape_state *s, struct ps_err *e)
{
	s->wakes++;
	s->check = tape_state_check(s);
	return tape_write_at(t, s, sizeof(*s), offsetof(struct tape_header, state), e);
}
