/* SPDX-License-Identifier: Apache-2.0
 * clock.h - what a clock shows, as one number.
 */
#pragma once
#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC, CLOCK_REALTIME ...: clocks that always exist, so that nothing can fail. */
static inline uint64_t ps_clock_ns(clockid_t clock)
{
	struct timespec t = { .tv_sec = 0 };

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Milliseconds of CLOCK_MONOTONIC, for deadlines. */
static inline int64_t ps_now_ms(void)
{
	return (int64_t)(ps_clock_ns(CLOCK_MONOTONIC) / 1000000);
}
