/* SPDX-License-Identifier: Apache-2.0
 * test_link.c - making and accepting a link, its seals and rights, waiting, polling, ends, failing calls.
 *
 * WRAP: memfd_create ftruncate pwrite fcntl mmap calloc socketpair fstat pread getsockopt
 */
#include "tests/unit/link_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/abi.h"
#include "tests/unit/fault.h"

FAULT_WRAP(int, memfd_create, (const char *n, unsigned f), (n, f), -1)
FAULT_WRAP(int, ftruncate, (int fd, off_t n), (fd, n), -1)
FAULT_WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o), -1)
FAULT_WRAP(int, fcntl, (int fd, int op, long arg), (fd, op, arg), -1)
FAULT_WRAP(void *, mmap, (void *a, size_t n, int p, int f, int fd, off_t o), (a, n, p, f, fd, o), MAP_FAILED)
FAULT_WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL)
FAULT_WRAP(int, socketpair, (int d, int t, int p, int *v), (d, t, p, v), -1)
FAULT_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(ssize_t, pread, (int fd, void *p, size_t n, off_t o), (fd, p, n, o), -1)
FAULT_WRAP(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n), -1)

static struct test_link t;

static int setup(void **state)
{
	(void)state;
	test_link_both(&t, LINK_DATA_MIN);
	return 0;
}

static int setup_offer(void **state)
{
	(void)state;
	test_link_offer(&t, LINK_DATA_MIN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_link_free(&t);
	return 0;
}

static void put(struct link *l, const char *text)
{
	struct ps_err e = { .cls = PS_OK };

	if (ring_write(&l->out, 1, 0, text, (uint32_t)strlen(text), &e) != 1)
		fail_msg("%s", e.msg);
}

static void expect(struct link *l, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;

	if (link_next(l, &r, LONG_MS, &e) != 1)
		fail_msg("no '%s': %s", text, e.msg);
	assert_int_equal(r.len, strlen(text));
	assert_memory_equal(r.data, text, r.len);
	ring_release(&l->in);
}

static void both_ways(void **state)
{
	(void)state;
	put(t.host, "hello");
	ring_flush(&t.host->out);
	expect(t.runner, "hello");
	put(t.runner, "world");
	ring_flush(&t.runner->out);
	expect(t.host, "world");
	assert_int_equal(unit_open_fds(), t.open_before + 2); /* the bell's two ends */
	for (int i = 0; i < LINK_FDS; i++)
		assert_int_equal(t.fds[i], -1);
}

/* PROTOCOL.md's numbers. */
static void constants_of_both_areas(void **state)
{
	static const unsigned char host[] = {
		'p', 'o', 'd', 'r', 'i', 'n', 'g', 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 1, 0, 0xf8, 0x7f, 0, 0, 0, 0, 0, 0,
	};
	unsigned char b[128], runner[sizeof(host)];

	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	memset(b, 1, sizeof(b));
	assert_int_equal(pread(t.fds[LINK_FD_HOST], b, sizeof(b), 0), sizeof(b));
	assert_memory_equal(b, host, sizeof(host));
	for (size_t i = sizeof(host); i < sizeof(b); i++)
		assert_int_equal(b[i], 0);
	assert_int_equal(pread(t.fds[LINK_FD_RUNNER], runner, sizeof(runner), 0), sizeof(runner));
	assert_int_equal(runner[12], 2);
	runner[12] = 1;
	assert_memory_equal(runner, host, sizeof(host));
	put(t.host, "x");
	ring_flush(&t.host->out);
	assert_int_equal(pread(t.fds[LINK_FD_HOST], b, 8, 4096), 8); /* head in the producer page */
	assert_int_equal(b[0], 16);
	assert_int_equal(pread(t.fds[LINK_FD_HOST], b, 9, 12288), 9);
	assert_memory_equal(b, "\1\0\0\0\1\0\0\0x", 9);
	ring_in_close(&t.host->in);
	assert_int_equal(pread(t.fds[LINK_FD_HOST], b, 4, 8192 + 144), 4); /* closed in the consumer page */
	assert_int_equal(b[0], 1);
}

static void assert_eperm(int r)
{
	assert_int_equal(r, -1);
	assert_int_equal(errno, EPERM);
}

static void seals_hold(void **state)
{
	const off_t size = 12288 + LINK_DATA_MIN;
	void *p;

	(void)state;
	for (int i = LINK_FD_HOST; i <= LINK_FD_RUNNER; i++) {
		assert_eperm(ftruncate(t.fds[i], size / 2));
		assert_eperm(ftruncate(t.fds[i], size * 2));
		assert_eperm(ftruncate(t.fds[i], 0));
		assert_eperm(fallocate(t.fds[i], 0, size, 4096));
		assert_eperm(fcntl(t.fds[i], F_ADD_SEALS, F_SEAL_WRITE));
		assert_eperm((int)pwrite(t.fds[i], "x", 1, size));
	}
	assert_eperm((int)pwrite(t.fds[LINK_FD_HOST], "x", 1, 0));
	assert_eperm(fallocate(t.fds[LINK_FD_HOST], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, t.fds[LINK_FD_HOST], 0);
	assert_ptr_equal(p, MAP_FAILED);
	assert_int_equal(errno, EPERM);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, t.fds[LINK_FD_HOST], 0);
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p, 4096, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	(void)munmap(p, 4096);
}

static void offer_refuses_sizes(void **state)
{
	static const struct {
		uint32_t size;
		const char *text;
	} rows[] = {
		{ 0, "make a link: 0 bytes is no power of two from 65536 to 67108864" },
		{ LINK_DATA_MIN / 2, "make a link: 32768 bytes is no power of two from 65536 to 67108864" },
		{ LINK_DATA_MIN + 4096, "make a link: 69632 bytes is no power of two from 65536 to 67108864" },
		{ LINK_DATA_MAX * 2u, "make a link: 134217728 bytes is no power of two from 65536 to 67108864" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_err e = { .cls = PS_OK };
		int fds[LINK_FDS] = { -7, -7, -7 };
		struct link *l = NULL;

		assert_int_equal(link_offer(rows[i].size, &l, fds, &e), -1);
		assert_says(&e, PS_E_USAGE, rows[i].text);
		assert_null(l);
		assert_int_equal(fds[0], -7);
	}
}

/* ---- What a runner is sent ---- */

static int memfd(int seals, enum ring_side side, uint32_t version, uint32_t size, off_t bytes)
{
	int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ring_constants c = {
		.magic = RING_MAGIC, .version = version, .side = side, .data_offset = 12288, .data_size = size,
		.record_max = ring_record_max(size),
	};

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &c, version ? sizeof(c) : 0, 0), version ? sizeof(c) : 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int pipe_end(void)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	(void)close(p[1]);
	return p[0];
}

static int socket_of(int type)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, type, 0, s), 0);
	(void)close(s[1]);
	return s[0];
}

static void accept_refuses(void **state)
{
	const int good = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW, host = good | F_SEAL_FUTURE_WRITE;
	const uint32_t size = LINK_DATA_MIN;
	const off_t bytes = 12288 + LINK_DATA_MIN;
	struct {
		int which, fd;
		enum ps_err_class cls;
		const char *text;
	} rows[] = {
		{ LINK_FD_HOST, pipe_end(), PS_E_PEER, "accept a link: the host's area is no memfd" },
		{ LINK_FD_HOST, -1, PS_E_PEER, "accept a link: the host's area is no memfd" },
		{ LINK_FD_HOST, memfd(good, RING_HOST, 1, size, bytes), PS_E_PEER,
		  "accept a link: the host's area has seals 0x7 and needs 0x17" },
		{ LINK_FD_HOST, memfd(host & ~F_SEAL_SHRINK, RING_HOST, 1, size, bytes), PS_E_PEER,
		  "accept a link: the host's area has seals 0x15 and needs 0x17" },
		{ LINK_FD_HOST, memfd(host, RING_RUNNER, 1, size, bytes), PS_E_PEER,
		  "accept a link: the host's area has bad constants" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 2, size, bytes), PS_E_UNSUPP,
		  "accept a link: the host's area has version 2, known is 1" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 0, size, bytes), PS_E_PEER,
		  "accept a link: the host's area does not begin like one" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 0, size, 0), PS_E_PEER,
		  "accept a link: the host's area does not begin like one" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 1, size + 8, bytes), PS_E_PEER,
		  "accept a link: the host's area has bad constants" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 1, 1u << 31, bytes), PS_E_PEER,
		  "accept a link: the host's area has bad constants" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 1, size, bytes - 1), PS_E_PEER,
		  "accept a link: the host's area has 77823 bytes, not 77824" },
		{ LINK_FD_HOST, memfd(host, RING_HOST, 1, size * 2, bytes + size), PS_E_PEER,
		  "accept a link: areas of 131072 and 65536 bytes" },
		{ LINK_FD_RUNNER, memfd(F_SEAL_GROW, RING_RUNNER, 1, size, bytes), PS_E_PEER,
		  "accept a link: the runner's area has seals 0x4 and needs 0x7" },
		{ LINK_FD_RUNNER, memfd(good, RING_HOST, 1, size, bytes), PS_E_PEER,
		  "accept a link: the runner's area has bad constants" },
		{ LINK_FD_RUNNER, memfd(host, RING_RUNNER, 1, size, bytes), PS_E_OS, "map a link: Operation not permitted" },
		{ LINK_FD_BELL, pipe_end(), PS_E_PEER, "accept a link: the bell is no unix stream socket" },
		{ LINK_FD_BELL, socket_of(SOCK_SEQPACKET), PS_E_PEER, "accept a link: the bell is no unix stream socket" },
		{ LINK_FD_BELL, -1, PS_E_PEER, "accept a link: the bell is no unix stream socket" },
	};

	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	t.open_before = unit_open_fds() - 1 - LINK_FDS; /* the rows' are counted now */
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_err e = { .cls = PS_OK };
		struct link *l = NULL;

		(void)teardown(state);
		(void)setup_offer(state);
		ps_fd_close(&t.fds[rows[i].which]);
		t.fds[rows[i].which] = rows[i].fd;
		t.open_before -= rows[i].fd >= 0; /* accept takes and closes it */
		assert_int_equal(link_accept(t.fds, &l, &e), -1);
		assert_says(&e, rows[i].cls, rows[i].text);
		assert_null(l);
	}
}

/* ---- Waiting ---- */

static void times_out(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	assert_int_equal(link_wait(t.host, LINK_READABLE, 0, 0, &e), 0);
	assert_int_equal(link_wait(t.host, LINK_READABLE, 0, 1, &e), 0);
	assert_int_equal(link_next(t.host, &r, 0, &e), 0);
	assert_int_equal(link_next(t.host, &r, 1, &e), 0);
	assert_int_equal(link_next(t.host, &r, 150, &e), 0); /* more than one slice */
	assert_int_equal(t.host->own->consumer.sleep, 0);
	while (ring_reserve(&t.host->out, 1000, &p, &e) == 1)
		ring_commit(&t.host->out, 1, 0, 1000);
	assert_int_equal(link_reserve(t.host, 1000, &p, 1, &e), 0);
	assert_int_equal(link_wait(t.host, LINK_READABLE | LINK_WRITABLE, 1000, 1, &e), 0);
	assert_int_equal(t.host->own->producer.sleep, 0);
}

static void waiting_flushes(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;

	(void)state;
	put(t.host, "asked");
	assert_int_equal(ring_next(&t.runner->in, &r, &e), 0);
	assert_int_equal(link_wait(t.host, LINK_READABLE, 0, 0, &e), 0);
	expect(t.runner, "asked");
	assert_int_equal(t.runner->own->consumer.pos, 0);
	assert_int_equal(link_wait(t.runner, LINK_WRITABLE, 0, 0, &e), LINK_WRITABLE);
	assert_int_equal(t.runner->own->consumer.pos, 16); /* who waits for room gives back its own */
}

static void *echo(void *arg)
{
	struct link *l = arg;
	struct ring_record r;
	void *p = NULL;
	int got;

	while ((got = link_next(l, &r, LONG_MS, NULL)) == 1) {
		if (link_reserve(l, r.len, &p, LONG_MS, NULL) != 1)
			return NULL;
		memcpy(p, r.data, r.len);
		ring_commit(&l->out, r.type, r.flags, r.len);
		ring_release(&l->in);
	}
	ring_out_close(&l->out);
	return got == RING_END ? arg : NULL;
}

/* Spinning and sleeping, with what a futex or a bell has to carry in each direction. */
static void blocking_echo(void **state)
{
	static const unsigned spins[] = { 0, LINK_SPIN };
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	pthread_t thread;
	void *ok = NULL;

	for (size_t i = 0; i < PS_COUNT(spins); i++) {
		t.host->spin_max = t.runner->spin_max = spins[i];
		assert_int_equal(pthread_create(&thread, NULL, echo, t.runner), 0);
		for (int n = 0; n < 2000; n++) {
			put(t.host, "ping");
			expect(t.host, "ping");
		}
		ring_out_close(&t.host->out);
		assert_int_equal(link_next(t.host, &r, LONG_MS, &e), RING_END);
		assert_int_equal(pthread_join(thread, &ok), 0);
		assert_ptr_equal(ok, t.runner);
		(void)teardown(state);
		(void)setup(state);
	}
}

/* A full ring and a slow reader; the writer waits for both directions at once. */
static void both_directions_at_once(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	uint64_t sent = 0, got_back = 0;
	struct ring_record r;
	pthread_t thread;
	void *p = NULL, *ok = NULL;
	int is;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, echo, t.runner), 0);
	while (got_back < 3000) {
		is = link_wait(t.host, LINK_READABLE | (sent < 3000 ? LINK_WRITABLE : 0), 1000, LONG_MS, &e);
		assert_true(is > 0);
		while (sent < 3000 && ring_reserve(&t.host->out, 1000, &p, &e) == 1) {
			test_fill(p, 1000, sent);
			ring_commit(&t.host->out, (uint16_t)sent++, 0, 1000);
		}
		while (ring_next(&t.host->in, &r, &e) == 1) {
			assert_true(r.len == 1000 && r.type == got_back && test_filled(r.data, r.len, got_back));
			got_back++;
			ring_release(&t.host->in);
		}
	}
	assert_int_equal(e.cls, PS_OK);
	ring_out_close(&t.host->out);
	assert_int_equal(pthread_join(thread, &ok), 0);
	assert_ptr_equal(ok, t.runner);
}

static bool rings(const struct link *l, int ms)
{
	return poll(&(struct pollfd){ .fd = link_fd(l), .events = POLLIN }, 1, ms) == 1;
}

static void pollable(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;
	int n = 0;

	(void)state;
	assert_int_equal(link_arm(t.host, LINK_READABLE, 0), 0);
	assert_false(rings(t.host, 0));
	put(t.runner, "a");
	assert_false(rings(t.host, 0));
	ring_flush(&t.runner->out);
	assert_true(rings(t.host, LONG_MS));
	link_disarm(t.host);
	assert_false(rings(t.host, 0));
	assert_int_equal(link_arm(t.host, LINK_READABLE, 0), LINK_READABLE);
	put(t.runner, "b");
	ring_flush(&t.runner->out);
	assert_false(rings(t.host, 0)); /* awake: no byte is spent */
	expect(t.host, "a");
	expect(t.host, "b");
	while (ring_reserve(&t.host->out, 1000, &p, &e) == 1)
		ring_commit(&t.host->out, 1, 0, 1000);
	assert_int_equal(link_arm(t.host, LINK_READABLE | LINK_WRITABLE, 1000), 0);
	while (!rings(t.host, 0) && ring_next(&t.runner->in, &r, &e) == 1) {
		ring_release(&t.runner->in);
		n++;
	}
	assert_true(n >= LINK_DATA_MIN / 4 / 1008 && n < LINK_DATA_MIN / 3 / 1008);
	link_disarm(t.host);
	assert_int_equal(link_arm(t.host, LINK_READABLE | LINK_WRITABLE, 1000), LINK_WRITABLE);
}

/* ---- Ends ---- */

static void close_is_told(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	(void)state;
	put(t.runner, "last");
	assert_int_equal(link_arm(t.host, LINK_READABLE, 0), 0);
	link_close(t.runner);
	t.runner = NULL;
	assert_true(rings(t.host, LONG_MS));
	link_disarm(t.host);
	expect(t.host, "last");
	assert_int_equal(link_next(t.host, &r, -1, &e), RING_END);
	assert_int_equal(link_next(t.host, &r, -1, &e), RING_END);
	put(t.host, "for nobody");
	ring_flush(&t.host->out);
	assert_int_equal(link_reserve(t.host, 8, &p, -1, &e), -1);
	assert_says(&e, PS_E_PEER, "write to the ring: the peer reads no more");
	assert_int_equal(e.sys, EPIPE);
}

/* The peer ends without closing anything: its mappings and its socket are gone. */
static void die(struct link **l)
{
	(void)shutdown(link_fd(*l), SHUT_RDWR);
}

static void death_is_noticed(void **state)
{
	static const int timeouts[] = { 0, LONG_MS, -1 };
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;
	void *p = NULL;

	for (size_t i = 0; i < PS_COUNT(timeouts); i++) {
		put(t.runner, "last");
		ring_flush(&t.runner->out);
		die(&t.runner);
		expect(t.host, "last");
		assert_int_equal(link_next(t.host, &r, timeouts[i], &e), -1);
		assert_says(&e, PS_E_PEER, "read from the ring: the peer process is gone");
		assert_int_equal(link_reserve(t.host, 8, &p, timeouts[i], &e), -1);
		assert_says(&e, PS_E_PEER, "write to the ring: the peer process is gone");
		(void)teardown(state);
		(void)setup(state);
	}
	assert_int_equal(link_arm(t.host, LINK_READABLE, 0), 0);
	die(&t.runner);
	assert_true(rings(t.host, LONG_MS));
	link_disarm(t.host);
	assert_int_equal(link_arm(t.host, LINK_READABLE | LINK_WRITABLE, 8), LINK_READABLE | LINK_WRITABLE);
	assert_int_equal(ring_next(&t.host->in, &r, &e), -1);
	assert_says(&e, PS_E_PEER, "read from the ring: the peer process is gone");
}

static void use_by_the_peer_is_seen(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record rec;

	(void)state;
	test_link_offer(&t, LINK_DATA_MIN);
	put(t.host, "hello");
	ring_flush(&t.host->out);
	assert_false(link_is_used(t.host)); /* nobody has accepted it */
	assert_int_equal(link_accept(t.fds, &t.runner, &e), 0);
	assert_false(link_is_used(t.host));
	assert_true(link_is_used(t.runner));
	/* Asleep for something, or having written. */
	assert_int_equal(link_arm(t.runner, LINK_WRITABLE, 1), LINK_WRITABLE);
	assert_int_equal(link_next(t.runner, &rec, 0, &e), 1);
	ring_release(&t.runner->in);
	assert_int_equal(link_arm(t.runner, LINK_READABLE, 0), 0);
	assert_true(link_is_used(t.host));
	link_disarm(t.runner);
	put(t.runner, "hello");
	ring_flush(&t.runner->out);
	assert_true(link_is_used(t.host));
	test_link_free(&t);

	/* Having closed. */
	test_link_both(&t, LINK_DATA_MIN);
	assert_false(link_is_used(t.host));
	ring_out_close(&t.runner->out);
	assert_true(link_is_used(t.host));
	test_link_free(&t);
}

static void close_of_nothing(void **state)
{
	(void)state;
	errno = 42;
	link_close(NULL);
	assert_int_equal(errno, 42);
}

/* ---- Failing calls ---- */

static void offer_fails_whole(void **state)
{
	int before = unit_open_fds(), n;

	(void)state;
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		struct ps_err e = { .cls = PS_OK };
		int fds[LINK_FDS] = { -7, -7, -7 };
		struct link *l = NULL;
		int r = link_offer(LINK_DATA_MIN, &l, fds, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			link_close(l);
			link_close_fds(fds);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(l);
		assert_int_equal(fds[0], -7);
		assert_int_equal(e.sys, ENOMEM);
		assert_non_null(strstr(e.msg, "a link"));
		assert_int_equal(unit_open_fds(), before);
	}
	/* 2 of memfd_create, ftruncate, pwrite each, calloc, 7 mmap, 2 fcntl, socketpair */
	assert_int_equal(n, 6 + 1 + 7 + 2 + 1 + 1);
}

static void accept_fails_whole(void **state)
{
	int n, tried = 0;

	for (n = 1; fault_arm(n, ENOMEM); n++) {
		struct ps_err e = { .cls = PS_OK };
		int r = link_accept(t.fds, &t.runner, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		tried++;
		assert_int_equal(r, -1);
		assert_null(t.runner);
		assert_non_null(strstr(e.msg, "a link"));
		assert_int_equal(unit_open_fds(), t.open_before + 1); /* the host's bell */
		(void)teardown(state);
		(void)setup_offer(state);
	}
	/* 2 of fcntl, fstat, pread each, 2 getsockopt, calloc, 6 mmap */
	assert_int_equal(tried, 6 + 2 + 1 + 6);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OFFERED(name) cmocka_unit_test_setup_teardown(name, setup_offer, teardown)
	const struct CMUnitTest tests[] = {
		T(both_ways), OFFERED(constants_of_both_areas), OFFERED(seals_hold), cmocka_unit_test(offer_refuses_sizes),
		OFFERED(accept_refuses), T(times_out), T(waiting_flushes), T(blocking_echo), T(both_directions_at_once),
		T(pollable), T(close_is_told), T(death_is_noticed), cmocka_unit_test(close_of_nothing), cmocka_unit_test(use_by_the_peer_is_seen),
		cmocka_unit_test(offer_fails_whole), OFFERED(accept_fails_whole),
	};
#undef T
#undef OFFERED

	return cmocka_run_group_tests(tests, NULL, NULL);
}
