/* SPDX-License-Identifier: Apache-2.0
 * fence.h - order between memory that processes share and what they copy from it or to it.
 *
 * A copy that the kernel makes for a thread is ordered like the thread's own.  ThreadSanitizer does not know fences and does
 * not need them here: threads share nothing through these.
 */
#pragma once
#include <stdatomic.h>

#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void fence_release(void) { atomic_thread_fence(memory_order_release); }
static inline void fence_acquire(void) { atomic_thread_fence(memory_order_acquire); }
#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic pop
#endif
