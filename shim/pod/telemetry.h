/* SPDX-License-Identifier: Apache-2.0
 * telemetry.h - what a container did that its permissions speak of, gathered for who looks on.
 *
 * The same accesses of a quarter of a second are one event with a count.  Denied accesses are never dropped, and are written last,
 * which keeps them longest; of allowed ones those that do not fit into a batch are counted, and the count is told ("kind":"drop"),
 * unless there is a file, which has all.
 */
#pragma once
#include "shim/pod/audit.h"
#include "shim/pod/loop.h"

enum { TELEMETRY_BATCH_MS = 250, TELEMETRY_BATCH_MAX = 256 };

/* Of all accesses, told or not; dropped ones are among allowed. */
struct telemetry_counts { uint64_t denied, warned, allowed, dropped; };

struct telemetry;
/* batch_ms: how long the first of a batch waits, 0: TELEMETRY_BATCH_MS.  audit is taken over, also on failure. */
int telemetry_new(struct loop *loop, uint64_t batch_ms, struct audit *audit, struct telemetry **ret, struct ps_err *e);
void telemetry_access(struct telemetry *t, const struct broker_event *ev);
/* A system call that it has made for the first time; not batched. */
void telemetry_call(struct telemetry *t, const char *name);
struct telemetry_counts telemetry_counts(const struct telemetry *t);
/* Tell what is waiting. */
void telemetry_flush(struct telemetry *t);
/* Flush and forget; accepts NULL. */
void telemetry_free(struct telemetry *t);
