/* SPDX-License-Identifier: Apache-2.0
 * learn_events.h - the events of all runs that were learned from, out of one file of JSON lines.
 */
#pragma once
#include "base/err.h"
#include "shim/policy/learn.h"

/* Runs of a file, by the ids of their containers, in order; those behind LEARN_RUNS_MAX count as the last. */
struct learn_runs {
	char id[LEARN_RUNS_MAX][64];
	unsigned n;
	uint64_t untold; /* accesses that no event tells of */
};
/* Each access; texts live until fn returns.  fn returns -1 with *e to end it. */
typedef int learn_each_fn(void *ctx, const struct learn_access *x, struct ps_err *e);
/* Reads `file`; runs is completed as it goes. */
int learn_each(const char *file, struct learn_runs *runs, learn_each_fn *fn, void *ctx, struct ps_err *e);
