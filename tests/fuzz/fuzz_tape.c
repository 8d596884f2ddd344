/* SPDX-License-Identifier: Apache-2.0
 * fuzz_tape.c - a tape with any contents: bounded work, bounded records, and a writer that copes.
 *
 * Input: 8 bytes each of head, tail, next_seq and cursor, then the start of the record area.  The check word is made
 * right: without, nothing is looked at.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/tape_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* An anonymous segment in place of a named one: nothing to clean up when the fuzzer is killed. */
static struct tape *scratch(void)
{
	static struct tape t = { .fd = -1, .name = "/podshim-fuzz" };

	if (t.fd >= 0)
		return &t;
	t.fd = memfd_create("tape", MFD_CLOEXEC);
	if (t.fd < 0 || ftruncate(t.fd, TAPE_FILE_SIZE) < 0)
		abort();
	t.map = mmap(NULL, TAPE_HEADER_SIZE, PROT_READ, MAP_SHARED, t.fd, 0);
	if (t.map == MAP_FAILED)
		abort();
	return &t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct tape_record r;
	struct tape *t = scratch();
	struct tape_state s = { .wakes = 0 };
	struct tape_cursor c = { .seq = 0 };
	struct tape_info info;
	uint64_t last = 0;
	int got, left = TAPE_DATA_SIZE / (int)sizeof(struct tape_record_head) + 1;

	if (n < 32)
		return 0;
	memcpy(&s.head, data, 8);
	memcpy(&s.tail, data + 8, 8);
	memcpy(&s.next_seq, data + 16, 8);
	memcpy(&c.pos, data + 24, 8);
	data += 32;
	n = n - 32 < TAPE_DATA_SIZE ? n - 32 : TAPE_DATA_SIZE;
	s.check = tape_state_check(&s);
	if (pwrite(t->fd, data, n, TAPE_HEADER_SIZE) != (ssize_t)n ||
	    pwrite(t->fd, &s, sizeof(s), offsetof(struct tape_header, state)) != sizeof(s) ||
	    pwrite(t->fd, data, n < 128 ? n : 128, 0) < 0)
		abort();
	while ((got = tape_read(t, &c, &r, NULL)) == 1) {
		if (r.len > TAPE_RECORD_MAX || r.seq <= last || --left < 0)
			abort();
		last = r.seq;
	}
	(void)tape_info(t, &info, NULL);
	if (tape_write(t, TAPE_STATE, "{}", 2, NULL) < 0 || s.head >> 61 || s.next_seq >> 61)
		return 0; /* so far no writer gets: it would count over the top */
	tape_cursor_newest(t, &c);
	if (tape_read(t, &c, &r, NULL) != 0 || tape_wait(t, &c, 0) == 0)
		abort();
	return 0;
}
