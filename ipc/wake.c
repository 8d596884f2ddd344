/* SPDX-License-Identifier: Apache-2.0
 * wake.c - futex wake-ups on a word in shared memory.
 */
#include "ipc/wake.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(_Atomic uint32_t) == 4, "a futex word has 32 bits");

int wake_wait(const _Atomic uint32_t *word, uint32_t seen, int timeout_ms)
{
	struct timespec until;
	long r;

	/* FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC: a signal does not stretch the wait. */
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	do
		r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, timeout_ms < 0 ? NULL : &until, NULL,
			    FUTEX_BITSET_MATCH_ANY);
	while (r < 0 && errno == EINTR);
	if (r == 0 || errno == EAGAIN)
		return 0;
	return errno == ETIMEDOUT ? 1 : -1;
}

static void wake(const _Atomic uint32_t *word, int n)
{
	int saved = errno;

	(void)syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
	errno = saved;
}

void wake_sleepers(const _Atomic uint32_t *word)
{
	wake(word, INT_MAX);
}

void wake_one(_Atomic uint32_t *word)
{
	atomic_fetch_add_explicit(word, 1, memory_order_release);
	wake(word, 1);
}

void wake_all(_Atomic uint32_t *word)
{
	atomic_fetch_add_explicit(word, 1, memory_order_release);
	wake_sleepers(word);
}
