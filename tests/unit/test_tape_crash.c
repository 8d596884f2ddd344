/* SPDX-License-Identifier: Apache-2.0
 * test_tape_crash.c - a tape under readers and writers at once, writers killed anywhere, failing calls.
 *
 * WRAP: pwrite pread flock fstat mmap ftruncate wake_sleepers
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "ipc/tape.h"
#include "ipc/tape_layout.h"
#include "tests/unit/fault.h"

enum { LONG_MS = 60000, MAX_LEN = 700 };

/* Positive: this many pwrite calls pass, then the process dies, having written die_bytes of the data. */
static int die_after = -1;
static size_t die_bytes;

/* This many loads of a state block come half old. */
static int torn_loads;

ssize_t __real_pread(int fd, void *p, size_t n, off_t off);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t off);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t off)
{
	ssize_t r = fault_trip("pread") ? -1 : __real_pread(fd, p, n, off);

	if (n == sizeof(struct tape_state) && torn_loads > 0 && torn_loads--)
		memset(p, 0, 8);
	return r;
}

static int n_wakes;

void __real_wake_sleepers(const _Atomic uint32_t *word);
void __wrap_wake_sleepers(const _Atomic uint32_t *word);
void __wrap_wake_sleepers(const _Atomic uint32_t *word)
{
	__atomic_add_fetch(&n_wakes, 1, __ATOMIC_RELAXED);
	__real_wake_sleepers(word);
}

FAULT_WRAP(int, flock, (int fd, int op), (fd, op), -1)
FAULT_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(void *, mmap, (void *a, size_t n, int p, int f, int fd, off_t o), (a, n, p, f, fd, o), MAP_FAILED)
FAULT_WRAP(int, ftruncate, (int fd, off_t n), (fd, n), -1)

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t off);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t off);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (die_after >= 0 && die_after-- == 0) {
		/* The kernel copies the 40 bytes of a state block without a place to die in between. */
		if (n != sizeof(struct tape_state) && die_bytes < n)
			(void)__real_pwrite(fd, p, die_bytes, off);
		(void)kill(getpid(), SIGKILL);
	}
	return fault_trip("pwrite") ? -1 : __real_pwrite(fd, p, n, off);
}

static struct tape_info info;

static int setup(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	info = (struct tape_info){ .root = "/run/podshim", .id = "crash", .uid = geteuid() };
	return shm_random_name(info.name, &e);
}

static int teardown(void **state)
{
	(void)state;
	return shm_remove(info.name, NULL);
}

static void create(struct tape **ret)
{
	struct ps_err e = { .cls = PS_OK };

	if (tape_create(&info, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

static size_t pattern(char *data, uint64_t seq)
{
	size_t len = (size_t)(seq * 37 % MAX_LEN);

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(seq * 31 + i);
	return len;
}

static bool is_pattern(const struct tape_record *r)
{
	char want[MAX_LEN];

	return pattern(want, r->seq) == r->len && memcmp(want, r->data, r->len) == 0;
}

/* Append the record whose sequence number will be seq.  Not an assertion: runs in threads and children, too. */
static bool put(struct tape *t, uint64_t seq)
{
	char data[MAX_LEN];

	return tape_write(t, TAPE_OUTPUT, data, pattern(data, seq), NULL) == 0;
}

/* ---- Threads ---- */

enum { N_RECORDS = 20000, N_READERS = 2 };

struct reader {
	struct tape *t;
	uint64_t n_read, last;
	const char *wrong;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	static _Thread_local struct tape_record rec;
	struct tape_cursor c;
	int got, waited;

	tape_cursor_oldest(r->t, &c);
	for (;;) {
		while ((got = tape_read(r->t, &c, &rec, NULL)) == 1) {
			if (!is_pattern(&rec) || rec.seq <= r->last)
				r->wrong = "torn or old record";
			r->last = rec.seq;
			r->n_read++;
		}
		waited = got < 0 ? -1 : tape_wait(r->t, &c, LONG_MS);
		if (waited == 2)
			return NULL;
		if (got < 0 || waited != 0) {
			r->wrong = got < 0 ? "damaged" : "lost wake-up";
			return NULL;
		}
	}
}

static void *write_all(void *arg)
{
	struct tape *t = arg;
	bool ok = true;

	for (uint64_t seq = 1; ok && seq <= N_RECORDS; seq++)
		ok = put(t, seq);
	tape_finish(t);
	return ok ? arg : NULL;
}

static void readers_and_a_writer(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct reader readers[N_READERS] = { { .t = NULL } };
	pthread_t threads[N_READERS], writer;
	auto_tape struct tape *w = NULL;
	void *ok = NULL;

	(void)state;
	create(&w);
	for (int i = 0; i < N_READERS; i++) {
		assert_int_equal(tape_open(info.name, false, &readers[i].t, &e), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	assert_int_equal(pthread_create(&writer, NULL, write_all, w), 0);
	assert_int_equal(pthread_join(writer, &ok), 0);
	assert_ptr_equal(ok, w);
	for (int i = 0; i < N_READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		if (readers[i].wrong)
			fail_msg("reader %d after seq %lu: %s", i, (unsigned long)readers[i].last, readers[i].wrong);
		assert_int_equal(readers[i].last, N_RECORDS);
		assert_true(readers[i].n_read > 0);
		tape_close(readers[i].t);
	}
}

enum { N_WRITERS = 3, N_EACH = 3000 };
static pthread_barrier_t start;

static void *write_some(void *arg)
{
	struct tape *t = NULL;
	bool ok = true;

	(void)arg;
	if (tape_open(info.name, true, &t, NULL) < 0)
		return NULL;
	(void)pthread_barrier_wait(&start);
	for (int i = 0; ok && i < N_EACH; i++)
		ok = tape_write(t, TAPE_STATE, "\"some\":1", 8, NULL) == 0;
	tape_close(t);
	return ok ? &info : NULL;
}

static void writers_take_turns(void **state)
{
	auto_tape struct tape *t = NULL;
	struct tape_record r = { .len = 0 };
	struct tape_cursor c;
	pthread_t threads[N_WRITERS];
	uint64_t last = 0;
	void *ok;

	(void)state;
	create(&t);
	assert_int_equal(pthread_barrier_init(&start, NULL, N_WRITERS), 0);
	for (size_t i = 0; i < PS_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_some, NULL), 0);
	for (size_t i = 0; i < PS_COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &ok), 0);
		assert_ptr_equal(ok, &info);
	}
	tape_cursor_oldest(t, &c);
	while (tape_read(t, &c, &r, NULL) == 1) {
		assert_true(last == 0 || r.seq == last + 1);
		last = r.seq;
	}
	assert_int_equal(last, N_WRITERS * N_EACH);
}

static void every_write_wakes(void **state)
{
	auto_tape struct tape *t = NULL;

	(void)state;
	create(&t);
	n_wakes = 0;
	assert_true(put(t, 1));
	assert_int_equal(n_wakes, 1);
	tape_finish(t);
	assert_int_equal(n_wakes, 2);
	assert_false(put(t, 2));
	assert_int_equal(n_wakes, 2);
}

static void torn_state_is_read_again(void **state)
{
	auto_tape struct tape *t = NULL;
	struct tape_record r = { .len = 0 };
	struct ps_err e = { .cls = PS_OK };
	struct tape_cursor c;

	(void)state;
	create(&t);
	assert_true(put(t, 1));
	tape_cursor_oldest(t, &c);
	torn_loads = 5;
	assert_int_equal(tape_read(t, &c, &r, &e), 1);
	assert_int_equal(torn_loads, 0);
	assert_true(is_pattern(&r));
	torn_loads = 1000;
	assert_int_equal(tape_read(t, &c, &r, &e), -1);
	torn_loads = 0;
	assert_int_equal(e.cls, PS_E_PEER);
	assert_non_null(strstr(e.msg, "is damaged"));
}

/* ---- SIGKILL ---- */

/* Every record from the oldest on is whole and follows the one before; the sequence number of the newest. */
static uint64_t check_all(const struct tape *t)
{
	struct ps_err e = { .cls = PS_OK };
	struct tape_record r = { .len = 0 };
	struct tape_cursor c, newest;
	uint64_t last = 0;
	int got;

	tape_cursor_oldest(t, &c);
	tape_cursor_newest(t, &newest);
	while ((got = tape_read(t, &c, &r, &e)) == 1) {
		if (!is_pattern(&r) || (last && r.seq != last + 1))
			fail_msg("record %lu is torn or out of order", (unsigned long)r.seq);
		last = r.seq;
	}
	if (got < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(newest.seq, last);
	return last;
}

static void write_until_killed(uint64_t seq)
{
	struct tape *t = NULL;

	if (tape_open(info.name, true, &t, NULL) < 0)
		_exit(3);
	while (put(t, seq))
		seq++;
	_exit(4);
}

static void reap_killed(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void writer_killed_at_random(void **state)
{
	auto_tape struct tape *t = NULL;
	uint64_t last = 0, now;

	(void)state;
	create(&t);
	srandom((unsigned)getpid());
	for (int round = 0; round < 200; round++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			write_until_killed(last + 1);
		(void)nanosleep(&(struct timespec){ .tv_nsec = random() % 2000000 }, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		reap_killed(pid);
		now = check_all(t);
		assert_true(now >= last);
		assert_true(put(t, now + 1));
		last = check_all(t);
		assert_int_equal(last, now + 1);
	}
	assert_true(last >= 200);
}

/* At each step of a write, with every amount of the record in place: nothing of it shows. */
static void writer_killed_at_each_step(void **state)
{
	static const size_t amounts[] = { 0, 1, 8, 23, 24, 25, 100 };
	auto_tape struct tape *t = NULL;
	uint64_t last = 0;

	(void)state;
	create(&t);
	while (last < 300) /* full: a write gives up old records, and wraps now and then */
		assert_true(put(t, ++last));
	for (int round = 0; round < 200; round++) {
		pid_t pid = fork();
		uint64_t now;

		assert_true(pid >= 0);
		if (pid == 0) {
			die_after = round % 9;
			die_bytes = amounts[(size_t)round % PS_COUNT(amounts)];
			write_until_killed(last + 1);
		}
		reap_killed(pid);
		now = check_all(t);
		assert_true(now >= last && now <= last + 9);
		assert_true(put(t, now + 1));
		last = check_all(t);
		assert_int_equal(last, now + 1);
	}
}

/* ---- Failing calls ---- */

static void create_fails_whole(void **state)
{
	int before = unit_open_fds(), n;
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "/dev/shm%s", info.name);
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		struct tape *t = NULL;
		int r = tape_create(&info, &t, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			tape_close(t);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(t);
		assert_int_equal(e.sys, EIO);
		assert_non_null(strstr(e.msg, info.name));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 4); /* mmap, pwrite, ftruncate */
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		struct tape *t = NULL;
		int r = tape_open(info.name, true, &t, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			tape_close(t);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(t);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 4); /* fstat, mmap, pread */
}

static void write_fails_without_a_trace(void **state)
{
	auto_tape struct tape *t = NULL;
	uint64_t last = 0;
	bool done = false;
	int n;

	(void)state;
	create(&t);
	while (last < 300)
		assert_true(put(t, ++last));
	for (n = 1; !done && fault_arm(n, ENOSPC); n++) {
		struct ps_err e = { .cls = PS_OK };
		char data[MAX_LEN];
		int r = tape_write(t, TAPE_OUTPUT, data, pattern(data, last + 1), &e);
		const char *tripped = fault_disarm();

		done = r == 0;
		last += done;
		if (!done) {
			assert_non_null(tripped);
			assert_int_equal(e.sys, ENOSPC);
		}
		assert_int_equal(check_all(t), last);
	}
	assert_true(n > 6);
	assert_true(put(t, last + 1)); /* the lock was given back each time */
}

static void read_fails_without_moving(void **state)
{
	auto_tape struct tape *t = NULL;
	struct tape_record r = { .seq = 77 };
	struct tape_cursor c;
	int n;

	(void)state;
	create(&t);
	assert_true(put(t, 1));
	tape_cursor_oldest(t, &c);
	for (n = 1; fault_arm(n, EIO); n++) {
		struct ps_err e = { .cls = PS_OK };
		int got = tape_read(t, &c, &r, &e);

		if (!fault_disarm()) {
			assert_int_equal(got, 1);
			break;
		}
		assert_int_equal(got, -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(c.pos, 0);
		assert_int_equal(r.seq, 77);
	}
	assert_int_equal(n, 5); /* state, head, payload, state */
	assert_int_equal(r.seq, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(readers_and_a_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(writers_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(every_write_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_state_is_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(writer_killed_at_random, setup, teardown),
		cmocka_unit_test_setup_teardown(writer_killed_at_each_step, setup, teardown),
		cmocka_unit_test_setup_teardown(create_fails_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(write_fails_without_a_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(read_fails_without_moving, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
