/* SPDX-License-Identifier: Apache-2.0
 * ring_test.h - what the tests of rings and links share: a ring within one process, and records that tell their number.
 */
#pragma once
#include "tests/unit/unit.h"

#include <sys/mman.h>

#include "ipc/ring.h"

enum { TEST_RING = 4096 }; /* the smallest that can be mapped twice */

/* Both ends see the same addresses, so that ThreadSanitizer sees who synchronises with whom. */
struct test_ring {
	struct ring_page producer, consumer;
	struct ring_bell bell[2];
	_Atomic uint32_t words[2];
	struct ring_out out;
	struct ring_in in;
	unsigned char *data;
	size_t size;
};

static inline struct test_ring *test_ring_new(uint32_t size)
{
	struct test_ring *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ps_auto_fd int fd = memfd_create("ring", MFD_CLOEXEC);

	assert_true(t != MAP_FAILED && fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	t->size = size;
	t->data = mmap(NULL, 2 * (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(t->data != MAP_FAILED);
	for (size_t i = 0; i < 2; i++) {
		assert_true(mmap(t->data + i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
			    MAP_FAILED);
		t->bell[i] = (struct ring_bell){ .word = &t->words[i], .fd = -1 };
	}
	ring_out_init(&t->out, &t->producer, &t->consumer, t->data, size, &t->bell[0]);
	ring_in_init(&t->in, &t->consumer, &t->producer, t->data, size, &t->bell[1]);
	return t;
}

static inline void test_ring_free(struct test_ring *t)
{
	(void)munmap(t->data, 2 * t->size);
	(void)munmap(t, sizeof(*t));
}

/* Every byte of record n, whose length depends on n as well. */
static inline void test_fill(void *p, uint32_t len, uint64_t n)
{
	unsigned char *c = p;

	for (uint32_t i = 0; i < len; i++)
		c[i] = (unsigned char)(n * 31 + i);
}

static inline bool test_filled(const void *p, uint32_t len, uint64_t n)
{
	const unsigned char *c = p;

	for (uint32_t i = 0; i < len; i++)
		if (c[i] != (unsigned char)(n * 31 + i))
			return false;
	return true;
}

static inline void assert_says(const struct ps_err *e, enum ps_err_class cls, const char *text)
{
	if (e->cls != cls || strcmp(e->msg, text) != 0)
		fail_msg("class %d '%s', expected %d '%s'", (int)e->cls, e->msg, (int)cls, text);
}
