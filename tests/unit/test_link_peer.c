/* SPDX-License-Identifier: Apache-2.0
 * test_link_peer.c - a link to another process: one that works, one that dies anywhere, one that does its worst.
 */
#include "tests/unit/link_test.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/abi.h"
#include "base/hash.h"
#include "ipc/sock.h"

enum { RING = 1 << 18, KILLS = 240, MIB = 1 << 20, VOLUME = 64 * MIB };

static uint64_t seed;

/* The same numbers in every run. */
static uint64_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed >> 33;
}

static uint32_t length_of(uint64_t n)
{
	static const uint32_t lengths[] = { 64, 1024, 65536, 0, 1, 7, 8, 9, 63, 4095, 4096, 4097, 40000 };

	return lengths[n % PS_COUNT(lengths)];
}

static bool put(struct link *l, uint64_t n, struct ps_err *e)
{
	void *p = NULL;

	if (link_reserve(l, length_of(n), &p, LONG_MS, e) != 1)
		return false;
	test_fill(p, length_of(n), n);
	ring_commit(&l->out, (uint16_t)n, 0, length_of(n));
	return true;
}

/* 1 whole and in order, 0 not the record it should be, else as link_next. */
static int get(struct link *l, uint64_t n, struct ps_err *e)
{
	struct ring_record r;
	int got = link_next(l, &r, LONG_MS, e);

	if (got != 1)
		return got == 0 ? -3 : got;
	if (r.len != length_of(n) || r.type != (uint16_t)n || !test_filled(r.data, r.len, n))
		return 0;
	ring_release(&l->in);
	return 1;
}

/* ---- One that works ---- */

/* Reads to the end, then tells the hash of all payloads. */
static int hash_all(struct link *l, int fds[LINK_FDS])
{
	uint64_t hash = PS_FNV64_INIT;
	struct ring_record r;
	static char buf[65536];
	int got;

	(void)fds;
	while ((got = ring_read(&l->in, buf, sizeof(buf), &r, NULL)) != RING_END) {
		if (got == 1)
			hash = ps_fnv64(hash, buf, r.len);
		else if (got < 0 || link_wait(l, LINK_READABLE, 0, LONG_MS, NULL) <= 0)
			return 2;
	}
	if (ring_write(&l->out, 9, 0, &hash, sizeof(hash), NULL) != 1)
		return 3;
	link_close(l);
	return 0;
}

static void whole_volume_arrives(void **state)
{
	uint64_t hash = PS_FNV64_INIT, sent = 0, n;
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r = { .len = 0 };
	struct test_link t;
	void *p = NULL;
	pid_t pid;

	(void)state;
	pid = test_link_child(&t, RING, hash_all, false);
	for (n = 0; sent < VOLUME; n++) {
		if (link_reserve(t.host, length_of(n), &p, LONG_MS, &e) != 1)
			fail_msg("record %lu: %s", (unsigned long)n, e.msg);
		test_fill(p, length_of(n), n);
		hash = ps_fnv64(hash, p, length_of(n));
		ring_commit(&t.host->out, 1, 0, length_of(n));
		sent += length_of(n);
	}
	ring_out_close(&t.host->out);
	assert_int_equal(link_next(t.host, &r, LONG_MS, &e), 1);
	assert_int_equal(r.len, sizeof(hash));
	assert_memory_equal(r.data, &hash, sizeof(hash));
	assert_int_equal(link_next(t.host, &r, LONG_MS, &e), RING_END);
	test_exited(pid, 0);
	test_link_free(&t);
}

/* ---- One that dies ---- */

static int write_for_ever(struct link *l, int fds[LINK_FDS])
{
	(void)fds;
	for (uint64_t n = 0; put(l, n, NULL); n++)
		;
	return 5;
}

static int read_for_ever(struct link *l, int fds[LINK_FDS])
{
	(void)fds;
	for (uint64_t n = 0; get(l, n, NULL) == 1; n++)
		;
	return 6;
}

/* Reads what there is; the end is that the process is gone, and nothing else. */
static void read_to_hang_up(struct link *l, uint64_t n)
{
	struct ps_err e = { .cls = PS_OK };
	int got;

	while ((got = get(l, n, &e)) == 1)
		n++;
	if (got != -1)
		fail_msg("record %lu: %d", (unsigned long)n, got);
	assert_says(&e, PS_E_PEER, "read from the ring: the peer process is gone");
}

static void write_to_hang_up(struct link *l, uint64_t n)
{
	struct ps_err e = { .cls = PS_OK };

	while (put(l, n, &e))
		n++;
	assert_says(&e, PS_E_PEER, "write to the ring: the peer process is gone");
}

/* At a random record, or at a random moment while the peer is at work. */
static void pause_at_random(void)
{
	if (next_random() % 2)
		(void)nanosleep(&(struct timespec){ .tv_nsec = (long)(next_random() % 500000) }, NULL);
}

static void producer_killed(void)
{
	struct ps_err e = { .cls = PS_OK };
	uint64_t n, last = next_random() % 300;
	struct test_link t;
	pid_t pid = test_link_child(&t, RING, write_for_ever, false);

	for (n = 0; n < last; n++)
		if (get(t.host, n, &e) != 1)
			fail_msg("record %lu: %s", (unsigned long)n, e.msg);
	pause_at_random();
	test_kill(pid);
	read_to_hang_up(t.host, n);
	test_link_free(&t);
}

static void consumer_killed(void)
{
	struct ps_err e = { .cls = PS_OK };
	uint64_t n, last = next_random() % 300;
	struct test_link t;
	pid_t pid = test_link_child(&t, RING, read_for_ever, false);

	for (n = 0; n < last; n++)
		if (!put(t.host, n, &e))
			fail_msg("record %lu: %s", (unsigned long)n, e.msg);
	pause_at_random();
	test_kill(pid);
	write_to_hang_up(t.host, n);
	test_link_free(&t);
}

/* The host dies; this process has the runner's end, got over a socket as a payload gets it. */
static void host_killed(void)
{
	struct test_link t = { .fds = { -1, -1, -1 }, .open_before = unit_open_fds() };
	uint64_t n, last = next_random() % 300;
	struct ps_err e = { .cls = PS_OK };
	size_t n_fds = LINK_FDS;
	int sock[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(sock_pair(sock, &e), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (link_offer(RING, &t.host, t.fds, NULL) < 0 || sock_send(sock[1], "L", 1, t.fds, LINK_FDS, NULL) < 0)
			_exit(7);
		link_close_fds(t.fds);
		_exit(write_for_ever(t.host, t.fds));
	}
	assert_int_equal(sock_recv(sock[0], &c, 1, t.fds, &n_fds, LONG_MS, &e), 1);
	assert_int_equal(n_fds, LINK_FDS);
	if (link_accept(t.fds, &t.runner, &e) < 0)
		fail_msg("%s", e.msg);
	for (n = 0; n < last; n++)
		if (get(t.runner, n, &e) != 1)
			fail_msg("record %lu: %s", (unsigned long)n, e.msg);
	pause_at_random();
	test_kill(pid);
	read_to_hang_up(t.runner, n);
	(void)close(sock[0]);
	(void)close(sock[1]);
	test_link_free(&t);
}

static void killed_anywhere(void **state)
{
	static void (*const kinds[])(void) = { producer_killed, consumer_killed, host_killed };

	(void)state;
	seed = 20;
	for (size_t i = 0; i < KILLS; i++)
		kinds[i % PS_COUNT(kinds)]();
}

static int leave_half_a_record(struct link *l, int fds[LINK_FDS])
{
	void *p = NULL;

	(void)fds;
	if (!put(l, 0, NULL) || link_reserve(l, 1000, &p, LONG_MS, NULL) != 1)
		return 2;
	memset(p, 'x', 500);
	ring_flush(&l->out);
	return 0;
}

static void half_a_record_is_none(void **state)
{
	struct test_link t;
	pid_t pid = test_link_child(&t, RING, leave_half_a_record, false);

	(void)state;
	read_to_hang_up(t.host, 0);
	test_exited(pid, 0);
	test_link_free(&t);
}

static int stop_reading(struct link *l, int fds[LINK_FDS])
{
	(void)fds;
	for (uint64_t n = 0; n < 5; n++)
		if (get(l, n, NULL) != 1)
			return 2;
	for (;;)
		(void)pause();
}

static void reader_that_stops(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct test_link t;
	pid_t pid = test_link_child(&t, RING, stop_reading, false);
	void *p = NULL;
	uint64_t n;

	(void)state;
	for (n = 0; link_reserve(t.host, length_of(n), &p, n > 20 ? 200 : LONG_MS, &e) == 1; n++)
		assert_true(put(t.host, n, &e));
	assert_int_equal(e.cls, PS_OK); /* the time was over */
	assert_true(n >= 5);
	assert_int_equal(link_reserve(t.host, 65536, &p, 0, &e), 0);
	test_kill(pid);
	write_to_hang_up(t.host, 0);
	test_link_free(&t);
}

/* ---- One that does its worst ---- */

static int flood(struct link *l, int fds[LINK_FDS])
{
	char junk[4096];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = junk, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	memset(junk, 'j', sizeof(junk));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	(void)fds;
	memset(CMSG_DATA(&control.align), 0, sizeof(int)); /* descriptor 0 */
	for (int i = 0; i < 20; i++)
		(void)sendmsg(link_fd(l), &m, MSG_DONTWAIT);
	while (send(link_fd(l), junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	for (uint64_t n = 0; n < 100; n++) {
		if (!put(l, n, NULL))
			return 2;
		ring_flush(&l->out);
		(void)send(link_fd(l), junk, sizeof(junk), MSG_DONTWAIT);
	}
	link_close(l);
	return 0;
}

static void flooded_bell(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct test_link t;
	pid_t pid = test_link_child(&t, RING, flood, false);
	int before = unit_open_fds(), got = 0;
	struct ring_record r;
	uint64_t n = 0;

	(void)state;
	while (got != RING_END) {
		got = ring_next(&t.host->in, &r, &e);
		if (got == 1) {
			assert_true(r.type == n && test_filled(r.data, r.len, n));
			ring_release(&t.host->in);
			n++;
		} else if (got == 0 && !link_arm(t.host, LINK_READABLE, 0)) {
			assert_int_equal(poll(&(struct pollfd){ .fd = link_fd(t.host), .events = POLLIN }, 1, LONG_MS), 1);
			link_disarm(t.host);
		}
		assert_true(got >= 0);
	}
	assert_int_equal(n, 100);
	assert_int_equal(unit_open_fds(), before);
	test_exited(pid, 0);
	test_link_free(&t);
}

/* Everything that a process with these descriptors can do to the memory, until it is killed. */
static int scribble(struct link *l, int fds[LINK_FDS])
{
	const size_t size = 12288 + RING;
	uint64_t *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[LINK_FD_RUNNER], 0);

	(void)l;
	if (own == MAP_FAILED)
		return 2;
	for (;;) {
		/* mostly positions, sleep, want and closed; half of the values are nearly right */
		size_t page = 4096 * (1 + next_random() % 2), field = 8 * (next_random() % 2 ? 0 : 16 + next_random() % 3);
		size_t at = next_random() % 2 ? page + field : next_random() * 8 % size;
		uint64_t value = next_random() % 2 ? next_random() % RING & ~UINT64_C(7) : next_random() << 33 ^ next_random();

		own[at / 8] = value;
		switch (next_random() % 64) {
		case 0:
			(void)fallocate(fds[LINK_FD_RUNNER], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					4096 * (off_t)(next_random() % 70), 4096);
			break;
		case 1:
			if (ftruncate(fds[LINK_FD_RUNNER], (off_t)(next_random() % size)) == 0 ||
			    ftruncate(fds[LINK_FD_HOST], 0) == 0 || pwrite(fds[LINK_FD_HOST], "x", 1, 4096) > 0 ||
			    fallocate(fds[LINK_FD_HOST], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0 ||
			    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[LINK_FD_HOST], 0) != MAP_FAILED)
				return 3;
			break;
		case 2:
			(void)send(fds[LINK_FD_BELL], "xyz", 3, MSG_DONTWAIT | MSG_NOSIGNAL);
			break;
		case 3:
			(void)syscall(SYS_futex, &own[128 / 8], 1 /* FUTEX_WAKE */, 1000, NULL, NULL, 0);
			break;
		default:
			break;
		}
	}
}

/* Counts what a host that uses everything gets to see.  It never waits for ever and never faults. */
static void suffer(struct link *l, int *ret_lies, int *ret_records)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	static char buf[RING];
	bool reads = true, writes = true;
	void *p = NULL;
	int got;

	for (int i = 0; i < 400 && (reads || writes); i++) {
		e.cls = PS_E_PEER;
		if (reads) {
			got = next_random() % 2 ? link_next(l, &r, 1, &e) : ring_read(&l->in, buf, sizeof(buf), &r, &e);
			*ret_records += got == 1;
			if (got == 1)
				ring_release(&l->in);
			reads = got == 0 || got == 1;
			*ret_lies += got < 0;
		}
		if (writes) {
			got = link_reserve(l, 100 + (uint32_t)(next_random() % 60000), &p, 1, &e);
			if (got == 1) {
				memset(p, 'w', 100);
				ring_commit(&l->out, 1, 0, 100);
			}
			writes = got >= 0;
			*ret_lies += got < 0;
		}
		assert_int_equal(e.cls, PS_E_PEER);
		if (!link_arm(l, LINK_READABLE | LINK_WRITABLE, 1000))
			(void)poll(&(struct pollfd){ .fd = link_fd(l), .events = POLLIN }, 1, 1);
		link_disarm(l);
	}
}

static void scribbling_peer(void **state)
{
	int lies = 0, records = 0;

	(void)state;
	for (uint64_t i = 0; i < 60; i++) {
		struct test_link t;
		pid_t pid;

		seed = 1000 + i;
		pid = test_link_child(&t, RING, scribble, true);
		suffer(t.host, &lies, &records);
		test_kill(pid);
		for (size_t n = 0; n < sizeof(struct ring_page); n++) /* what it maps read-only is as it was */
			assert_true(n < 8 || n >= 128 || ((char *)&t.host->own->producer)[n] == 0);
		assert_memory_equal(t.host->own, RING_MAGIC, 8);
		test_link_free(&t);
	}
	assert_true(lies >= 60); /* each round ended in the refusal of a lie */
	assert_true(records > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_volume_arrives), cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(half_a_record_is_none), cmocka_unit_test(reader_that_stops),
		cmocka_unit_test(flooded_bell), cmocka_unit_test(scribbling_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
