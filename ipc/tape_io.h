/* SPDX-License-Identifier: Apache-2.0
 * tape_io.h - an open tape from the inside (private to tape*.c).
 */
#pragma once
#include "ipc/tape_layout.h"

struct tape {
	int fd;
	char name[SHM_NAME_MAX + 1];
	/* PROT_READ, only to name its futex word to the kernel: never loaded from, so a truncation faults nobody. */
	const struct tape_header *map;
};

/* n bytes at a file offset.  PS_E_PEER when the file ends before. */
int tape_read_at(const struct tape *t, void *p, size_t n, uint64_t offset, struct ps_err *e);
int tape_write_at(const struct tape *t, const void *p, size_t n, uint64_t offset, struct ps_err *e);
/* n bytes at a position, in two pieces where the ring ends. */
int tape_read_ring(const struct tape *t, void *p, size_t n, uint64_t pos, struct ps_err *e);
int tape_write_ring(const struct tape *t, const void *p, size_t n, uint64_t pos, struct ps_err *e);
/* A consistent copy of the state block, its bounds checked.  PS_E_PEER when there is none. */
int tape_load_state(const struct tape *t, struct tape_state *ret, struct ps_err *e);
/* Store it under the lock; counts wakes and computes the check word. */
int tape_store_state(const struct tape *t, struct tape_state *s, struct ps_err *e);
/* PS_E_PEER "tape 'NAME' is damaged"; always -1. */
int tape_damaged(const struct tape *t, struct ps_err *e);
void tape_sleep_us(long us);
