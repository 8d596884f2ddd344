/* SPDX-License-Identifier: Apache-2.0
 * test_ring.c - a ring within one process: its bytes, every offset, full and empty, batches, ends, every lie.
 */
#include "tests/unit/ring_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static struct test_ring *t;

static int setup(void **state)
{
	(void)state;
	t = test_ring_new(TEST_RING);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_ring_free(t);
	return 0;
}

static int put(uint64_t n, uint32_t len)
{
	struct ps_err e = { .cls = PS_OK };
	void *p = NULL;
	int got = ring_reserve(&t->out, len, &p, &e);

	if (got < 0)
		fail_msg("%s", e.msg);
	if (got == 1) {
		assert_int_equal((uintptr_t)p % 8, 0);
		test_fill(p, len, n);
		ring_commit(&t->out, (uint16_t)n, 7, len);
	}
	return got;
}

static int get(struct ring_record *r)
{
	struct ps_err e = { .cls = PS_OK };
	int got = ring_next(&t->in, r, &e);

	if (got < 0)
		fail_msg("%s", e.msg);
	return got;
}

static void golden_bytes(void **state)
{
	static const unsigned char two[] = {
		3, 0, 0, 0, 5, 0, 0x34, 0x12, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0x80,
	};
	static const unsigned char head[] = { 24, 0, 0, 0, 0, 0, 0, 0 }, tail[] = { 16, 0, 0, 0, 0, 0, 0, 0 };
	static const unsigned char sleep_of_consumer[] = { 5, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;

	(void)state;
	assert_int_equal(ring_write(&t->out, 5, 0x1234, "abc", 3, &e), 1);
	assert_int_equal(ring_write(&t->out, 0xffff, 0x8000, NULL, 0, &e), 1);
	assert_memory_equal(t->data, two, sizeof(two));
	assert_int_equal(t->producer.pos, 0); /* batched */
	ring_flush(&t->out);
	assert_memory_equal(&t->producer, head, sizeof(head));
	assert_int_equal(get(&r), 1);
	assert_int_equal(r.len, 3);
	assert_int_equal(r.type, 5);
	assert_int_equal(r.flags, 0x1234);
	assert_memory_equal(r.data, "abc", 3);
	ring_release(&t->in);
	ring_in_flush(&t->in);
	assert_memory_equal(&t->consumer, tail, sizeof(tail));
	assert_int_equal(get(&r), 1);
	assert_int_equal(r.len, 0);
	assert_int_equal(r.type, 0xffff);
	assert_int_equal(r.flags, 0x8000);
	ring_in_sleep(&t->in, RING_SLEEPS_ON_FUTEX);
	ring_in_close(&t->in);
	assert_memory_equal((char *)&t->consumer + 128, sleep_of_consumer, sizeof(sleep_of_consumer));
	ring_out_sleep(&t->out, 100, RING_SLEEPS_IN_POLL);
	assert_int_equal(t->producer.sleep, 6);
	assert_int_equal(t->producer.want, (uint64_t)24 + TEST_RING / 4 - TEST_RING);
	ring_awake(&t->out.end);
	assert_int_equal(t->producer.sleep, 0);
}

/* Records of every length at every offset, each crossing the end of the data in its turn. */
static void wraps_at_every_offset(void **state)
{
	struct ring_record r;
	uint64_t n = 0;

	(void)state;
	for (uint32_t len = 0; len <= 64; len++)
		for (int at = 0; at < TEST_RING / 8; at++, n++) {
			assert_int_equal(put(n, len), 1);
			ring_flush(&t->out);
			assert_int_equal(get(&r), 1);
			assert_int_equal(r.len, len);
			assert_int_equal(r.type, (uint16_t)n);
			assert_true(test_filled(r.data, len, n));
			ring_release(&t->in);
			/* one step more, whatever the length: 8 * odd visits all 512 offsets */
			if (ring_record_size(len) / 8 % 2 == 0) {
				assert_int_equal(put(n, 0), 1);
				ring_flush(&t->out);
				assert_int_equal(get(&r), 1);
				ring_release(&t->in);
			}
		}
	assert_true(t->in.pos / TEST_RING > 100);
}

static void full_and_empty(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;
	uint64_t n;

	(void)state;
	assert_int_equal(get(&r), 0);
	for (n = 0; put(n, 56) == 1; n++)
		;
	assert_int_equal(n, TEST_RING / 64);
	assert_int_equal(t->producer.pos, TEST_RING); /* a full ring is published */
	assert_int_equal(ring_reserve(&t->out, 0, &p, &e), 0);
	for (n = 0; get(&r) == 1; n++)
		assert_true(test_filled(r.data, r.len, n));
	assert_int_equal(n, TEST_RING / 64);
	assert_int_equal(ring_reserve(&t->out, 0, &p, &e), 0); /* handed out is not released */
	ring_release(&t->in);
	assert_int_equal(put(0, 56), 1);
}

static void largest_record(void **state)
{
	uint32_t max = TEST_RING / 2 - 8;
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(t->out.record_max, max);
	assert_int_equal(put(1, max), 1);
	assert_int_equal(put(2, max), 1);
	assert_int_equal(put(3, 0), 0);
	assert_int_equal(get(&r), 1);
	assert_true(r.len == max && test_filled(r.data, max, 1));
	assert_int_equal(get(&r), 1);
	assert_true(r.len == max && test_filled(r.data, max, 2));
	ring_release(&t->in);
	assert_int_equal(ring_reserve(&t->out, max + 1, &p, &e), -1);
	assert_says(&e, PS_E_USAGE, "write to the ring: record of 2041 bytes, allowed are 2040");
	assert_int_equal(ring_reserve(&t->out, UINT32_MAX, &p, &e), -1);
	assert_says(&e, PS_E_USAGE, "write to the ring: record of 4294967295 bytes, allowed are 2040");
	assert_int_equal(put(4, max), 1); /* the ring lives on */
}

static void discard_and_shorten(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(ring_reserve(&t->out, 1000, &p, &e), 1);
	memset(p, 'x', 1000);
	ring_discard(&t->out);
	ring_flush(&t->out);
	assert_int_equal(get(&r), 0);
	assert_int_equal(ring_reserve(&t->out, 1000, &p, &e), 1);
	test_fill(p, 1000, 9);
	ring_commit(&t->out, 9, 0, 10);
	ring_flush(&t->out);
	assert_int_equal(t->producer.pos, 24);
	assert_int_equal(get(&r), 1);
	assert_true(r.len == 10 && test_filled(r.data, 10, 9));
}

static void batches_are_published_whole(void **state)
{
	struct ring_record r;

	(void)state;
	for (uint64_t n = 0; n < 15; n++) {
		assert_int_equal(put(n, 56), 1);
		assert_int_equal(t->producer.pos, 0);
		assert_int_equal(get(&r), 0);
	}
	assert_int_equal(put(15, 56), 1); /* a quarter of this small ring */
	assert_int_equal(t->producer.pos, 1024);
	for (uint64_t n = 0; n < 15; n++) {
		assert_int_equal(get(&r), 1);
		ring_release(&t->in);
		assert_int_equal(t->consumer.pos, 0);
	}
	assert_int_equal(get(&r), 1);
	assert_int_equal(t->consumer.pos, 0);
	ring_release(&t->in);
	assert_int_equal(t->consumer.pos, 1024);
}

static void producer_closes(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(put(1, 8), 1);
	ring_out_close(&t->out);
	ring_out_close(&t->out);
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), -1);
	assert_says(&e, PS_E_BUG, "write to the ring: closed on this side");
	assert_int_equal(get(&r), 1);
	assert_int_equal(get(&r), RING_END);
	t->producer.pos += 16; /* what comes behind the end is not looked at */
	assert_int_equal(get(&r), RING_END);
}

static void consumer_closes(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(put(1, 8), 1);
	ring_in_close(&t->in);
	assert_int_equal(ring_next(&t->in, &r, &e), -1);
	assert_says(&e, PS_E_BUG, "read from the ring: closed on this side");
	ring_flush(&t->out); /* here it is noticed */
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), -1);
	assert_says(&e, PS_E_PEER, "write to the ring: the peer reads no more");
	assert_int_equal(e.sys, EPIPE);
}

static void hang_up_after_the_last_record(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(put(1, 8), 1);
	ring_flush(&t->out);
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), 1);
	ring_in_hang_up(&t->in);
	ring_out_hang_up(&t->out);
	ring_commit(&t->out, 1, 0, 8); /* into the void, not over the limit */
	assert_int_equal(t->out.head, 16);
	assert_int_equal(get(&r), 1);
	assert_int_equal(ring_next(&t->in, &r, &e), -1);
	assert_says(&e, PS_E_PEER, "read from the ring: the peer process is gone");
	assert_int_equal(e.sys, EPIPE);
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), -1);
	assert_says(&e, PS_E_PEER, "write to the ring: the peer process is gone");
	assert_int_equal(e.sys, EPIPE);
}

static void read_copies(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r = { .len = 0 };
	char buf[16];

	(void)state;
	assert_int_equal(ring_read(&t->in, buf, sizeof(buf), &r, &e), 0);
	assert_int_equal(put(4, 16), 1);
	assert_int_equal(put(5, 0), 1);
	ring_flush(&t->out);
	assert_int_equal(ring_read(&t->in, buf, 15, &r, &e), -1);
	assert_says(&e, PS_E_USAGE, "read from the ring: record of 16 bytes, the buffer has 15");
	assert_int_equal(ring_read(&t->in, buf, 16, &r, &e), 1);
	assert_ptr_equal(r.data, buf);
	assert_true(r.len == 16 && r.type == 4 && test_filled(buf, 16, 4));
	assert_int_equal(ring_read(&t->in, buf, 0, &r, &e), 1);
	assert_int_equal(r.len, 0);
}

static void misuse_kills_the_ring(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), 1);
	ring_commit(&t->out, 1, 0, 9);
	ring_flush(&t->out);
	assert_int_equal(get(&r), 0);
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), -1);
	assert_says(&e, PS_E_BUG, "write to the ring: 24 bytes committed, 16 reserved");
	assert_int_equal(ring_reserve(&t->out, 0, &p, &e), -1);
}

static void commit_without_reservation(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	void *p = NULL;

	(void)state;
	assert_int_equal(put(1, 8), 1);
	ring_commit(&t->out, 1, 0, 0);
	assert_int_equal(t->out.head, 16);
	assert_int_equal(ring_reserve(&t->out, 8, &p, &e), -1);
	assert_says(&e, PS_E_BUG, "write to the ring: 8 bytes committed, 0 reserved");
}

/* ---- Lies: 5 records of 56 bytes are published, 2 of them read and released ---- */

enum field { HEAD, TAIL, LENGTH };

static const struct lie {
	enum field field;
	uint64_t value;
	const char *text; /* NULL: nothing is wrong with it */
} lies[] = {
	{ HEAD, 320, NULL },
	{ HEAD, 312, "read from the ring: the peer went from position 320 to 312, at most 4224 is possible" },
	{ HEAD, 0, "read from the ring: the peer went from position 320 to 0, at most 4224 is possible" },
	{ HEAD, 321, "read from the ring: the peer went from position 320 to 321, at most 4224 is possible" },
	{ HEAD, 324, "read from the ring: the peer went from position 320 to 324, at most 4224 is possible" },
	{ HEAD, 4224, NULL },
	{ HEAD, 4232, "read from the ring: the peer went from position 320 to 4232, at most 4224 is possible" },
	{ HEAD, UINT64_C(1) << 63,
	  "read from the ring: the peer went from position 320 to 9223372036854775808, at most 4224 is possible" },
	{ HEAD, UINT64_MAX - 7,
	  "read from the ring: the peer went from position 320 to 18446744073709551608, at most 4224 is possible" },
	{ HEAD, UINT64_MAX,
	  "read from the ring: the peer went from position 320 to 18446744073709551615, at most 4224 is possible" },
	{ TAIL, 128, NULL },
	{ TAIL, 320, NULL },
	{ TAIL, 120, "write to the ring: the peer went from position 128 to 120, at most 320 is possible" },
	{ TAIL, 0, "write to the ring: the peer went from position 128 to 0, at most 320 is possible" },
	{ TAIL, 129, "write to the ring: the peer went from position 128 to 129, at most 320 is possible" },
	{ TAIL, 328, "write to the ring: the peer went from position 128 to 328, at most 320 is possible" },
	{ TAIL, 4224, "write to the ring: the peer went from position 128 to 4224, at most 320 is possible" },
	{ TAIL, UINT64_MAX - 7,
	  "write to the ring: the peer went from position 128 to 18446744073709551608, at most 320 is possible" },
	{ LENGTH, 56, NULL },
	{ LENGTH, 184, NULL }, /* over the following records: the producer's own affair */
	{ LENGTH, 185, "read from the ring: record of 185 bytes, allowed are 2040, published 192 with its head" },
	{ LENGTH, 2040, "read from the ring: record of 2040 bytes, allowed are 2040, published 192 with its head" },
	{ LENGTH, 2041, "read from the ring: record of 2041 bytes, allowed are 2040, published 192 with its head" },
	{ LENGTH, 0x7fffffff,
	  "read from the ring: record of 2147483647 bytes, allowed are 2040, published 192 with its head" },
	{ LENGTH, 0xffffffff,
	  "read from the ring: record of 4294967295 bytes, allowed are 2040, published 192 with its head" },
};

static void tell(const struct lie *lie)
{
	struct ring_record r;
	uint32_t len = (uint32_t)lie->value;

	for (uint64_t n = 0; n < 5; n++)
		assert_int_equal(put(n, 56), 1);
	ring_flush(&t->out);
	for (int i = 0; i < 2; i++)
		assert_int_equal(get(&r), 1);
	ring_release(&t->in);
	ring_in_flush(&t->in);
	if (lie->field == TAIL) {
		for (uint64_t n = 0; put(n, 56) == 1; n++) /* full: now the new tail is looked at */
			;
		assert_int_equal(t->out.limit, 128 + TEST_RING);
		t->out.end.published = 320; /* as if none of it were told */
		t->consumer.pos = lie->value;
	}
	if (lie->field == HEAD) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(get(&r), 1);
		t->producer.pos = lie->value;
	}
	if (lie->field == LENGTH)
		memcpy(t->data + 128, &len, sizeof(len));
}

static void every_lie(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(lies); i++) {
		struct ps_err e = { .cls = PS_OK };
		struct ring_record r;
		void *p = NULL;
		int got = 1;

		tell(&lies[i]);
		for (int again = 0; again < 3; again++) { /* dead for good, also when the truth comes back */
			bool writes = lies[i].field == TAIL;

			if (lies[i].text && !(writes ? ring_out_ready(&t->out, 56) : ring_in_ready(&t->in)))
				fail_msg("lie %zu would let a waiter sleep", i);
			got = writes ? ring_reserve(&t->out, 56, &p, &e) : ring_next(&t->in, &r, &e);
			if (!lies[i].text)
				break;
			if (got != -1)
				fail_msg("lie %zu is believed", i);
			assert_says(&e, PS_E_PEER, lies[i].text);
			t->producer.pos = t->out.head;
			t->consumer.pos = 128;
		}
		if (!lies[i].text && got < 0)
			fail_msg("no lie %zu: %s", i, e.msg);
		(void)teardown(state);
		(void)setup(state);
	}
}

/* A sleep word, a wanted position or a closed word with any value: a wake-up too many at most. */
static void lies_about_sleep(void **state)
{
	static const uint64_t values[] = { 1, 2, 3, 4, 5, 6, 7, UINT64_MAX, UINT64_C(1) << 63 };
	struct ring_record r;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(values); i++)
		for (size_t k = 0; k < PS_COUNT(values); k++) {
			t->consumer.sleep = values[i];
			t->consumer.want = values[k];
			assert_int_equal(put(i, 56), 1);
			ring_flush(&t->out);
			assert_int_equal(get(&r), 1);
			t->producer.sleep = values[i];
			t->producer.want = values[k];
			ring_release(&t->in);
			ring_in_flush(&t->in);
			assert_true(test_filled(r.data, r.len, i));
		}
	assert_true(t->words[0] > 0 && t->words[1] > 0);
	t->producer.closed = 0x80000000;
	assert_int_equal(get(&r), RING_END);
}

static void wakes_once_per_sleep(void **state)
{
	(void)state;
	ring_in_sleep(&t->in, RING_SLEEPS_ON_FUTEX);
	for (uint64_t n = 0; n < 10; n++) {
		assert_int_equal(put(n, 8), 1);
		ring_flush(&t->out);
	}
	assert_int_equal(t->words[0], 1);
	ring_in_sleep(&t->in, RING_SLEEPS_ON_FUTEX);
	assert_int_equal(put(10, 8), 1);
	ring_flush(&t->out);
	assert_int_equal(t->words[0], 2);
	ring_awake(&t->in.end);
	assert_int_equal(put(11, 8), 1);
	ring_flush(&t->out);
	assert_int_equal(t->words[0], 2);
}

static void sleeping_producer_is_woken_for_a_quarter(void **state)
{
	struct ring_record r;

	(void)state;
	while (put(1, 56) == 1)
		;
	ring_out_sleep(&t->out, 56, RING_SLEEPS_ON_FUTEX);
	for (int i = 0; i < TEST_RING / 64 / 4; i++) {
		assert_int_equal(t->words[1], 0);
		assert_int_equal(get(&r), 1);
		ring_release(&t->in);
		ring_in_flush(&t->in);
	}
	assert_int_equal(t->words[1], 1);
	ring_in_close(&t->in); /* woken already */
	assert_int_equal(t->words[1], 1);
	ring_out_sleep(&t->out, 56, RING_SLEEPS_ON_FUTEX);
	ring_in_close(&t->in); /* an end is always worth waking for */
	assert_int_equal(t->words[1], 2);
}

/* ---- Threads ---- */

enum { N_RECORDS = 60000, MAX_LEN = 500 };

static void *produce(void *arg)
{
	struct test_ring *ring = arg;
	void *p = NULL;

	for (uint64_t n = 0; n < N_RECORDS; n++) {
		uint32_t len = (uint32_t)(n * 37 % MAX_LEN);
		int got;

		while ((got = ring_reserve(&ring->out, len, &p, NULL)) == 0)
			(void)sched_yield();
		if (got < 0)
			return NULL;
		if (n % 11 == 0) {
			memset(p, 0, len);
			ring_discard(&ring->out);
			if (ring_reserve(&ring->out, len, &p, NULL) != 1)
				return NULL;
		}
		test_fill(p, len, n);
		ring_commit(&ring->out, (uint16_t)n, 0, len);
	}
	ring_out_close(&ring->out);
	return arg;
}

static void two_threads(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r = { .len = 0 };
	pthread_t thread;
	uint64_t n = 0;
	void *ok = NULL;
	int got;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, produce, t), 0);
	while ((got = ring_next(&t->in, &r, &e)) != RING_END) {
		if (got == 0) {
			(void)sched_yield();
			continue;
		}
		if (got < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(r.type, (uint16_t)n);
		assert_int_equal(r.len, n * 37 % MAX_LEN);
		assert_true(test_filled(r.data, r.len, n));
		ring_release(&t->in);
		n++;
	}
	assert_int_equal(n, N_RECORDS);
	assert_int_equal(pthread_join(thread, &ok), 0);
	assert_ptr_equal(ok, t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(golden_bytes), T(wraps_at_every_offset), T(full_and_empty), T(largest_record), T(discard_and_shorten),
		T(batches_are_published_whole), T(producer_closes), T(consumer_closes), T(hang_up_after_the_last_record),
		T(read_copies), T(misuse_kills_the_ring), T(commit_without_reservation), T(every_lie), T(lies_about_sleep),
		T(wakes_once_per_sleep), T(sleeping_producer_is_woken_for_a_quarter), T(two_threads),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
