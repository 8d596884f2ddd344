/* SPDX-License-Identifier: Apache-2.0
 * test_wake.c - sleeping on a word and waking its sleepers, also through a read-only mapping.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "ipc/wake.h"

enum { LONG_MS = 30000 }; /* a wake-up that is lost fails the test by this much */

static void changed_word_does_not_sleep(void **state)
{
	_Atomic uint32_t word = 7;

	(void)state;
	assert_int_equal(wake_wait(&word, 6, LONG_MS), 0);
	assert_int_equal(wake_wait(&word, 6, -1), 0);
}

static void unchanged_word_times_out(void **state)
{
	_Atomic uint32_t word = 7;

	(void)state;
	assert_int_equal(wake_wait(&word, 7, 0), 1);
	assert_int_equal(wake_wait(&word, 7, 1), 1);
}

struct pair {
	const _Atomic uint32_t *ro;
	_Atomic uint32_t *rw;
};

static void *sleeper(void *arg)
{
	const struct pair *p = arg;
	uint32_t seen;

	while ((seen = atomic_load_explicit(p->ro, memory_order_acquire)) < 100)
		if (wake_wait(p->ro, seen, LONG_MS) != 0)
			return NULL;
	return arg;
}

static void read_only_mapping_is_woken(void **state)
{
	ps_auto_fd int fd = memfd_create("wake", MFD_CLOEXEC);
	struct pair p;
	pthread_t t[2];
	void *done;

	(void)state;
	assert_int_equal(ftruncate(fd, 4096), 0);
	p.rw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p.ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p.rw != MAP_FAILED && p.ro != MAP_FAILED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, sleeper, &p), 0);
	for (int i = 0; i < 100; i++)
		wake_all(p.rw);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_ptr_equal(done, &p);
	}
	assert_int_equal(*p.ro, 100);
	wake_sleepers(p.ro);
	assert_int_equal(*p.ro, 100);
	assert_int_equal(munmap(p.rw, 4096), 0);
}

static void truncated_page_is_an_error_and_no_signal(void **state)
{
	ps_auto_fd int fd = memfd_create("wake", MFD_CLOEXEC);
	_Atomic uint32_t *word;

	(void)state;
	assert_int_equal(ftruncate(fd, 4096), 0);
	word = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(word != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(wake_wait(word, 0, LONG_MS), -1);
	assert_int_equal(errno, EFAULT);
	errno = 42;
	wake_sleepers(word);
	assert_int_equal(errno, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_word_does_not_sleep),
		cmocka_unit_test(unchanged_word_times_out),
		cmocka_unit_test(read_only_mapping_is_woken),
		cmocka_unit_test(truncated_page_is_an_error_and_no_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
