/* SPDX-License-Identifier: Apache-2.0
 * wake.h - futex wake-ups on a word in shared memory.
 */
#pragma once
#include <stdint.h>

/* Sleep while *word == seen, at most timeout_ms (-1: for ever).  0 woken or changed, 1 timed out, -1 errno.
 * The page may be mapped read-only (3.1), and a truncated one is -1 with EFAULT, not a signal. */
int wake_wait(const _Atomic uint32_t *word, uint32_t seen, int timeout_ms);
/* Add one to *word and wake every sleeper. */
void wake_all(_Atomic uint32_t *word);
/* Wake every sleeper and store nothing: for a word that was changed by other means.  Works on a read-only page. */
void wake_sleepers(const _Atomic uint32_t *word);
/* Add one to *word and wake one sleeper: for a word on which a hostile peer can let any number of threads sleep. */
void wake_one(_Atomic uint32_t *word);
