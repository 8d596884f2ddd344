/* SPDX-License-Identifier: Apache-2.0
 * loop.h - one epoll loop: descriptors, timers, nothing else.  Idle, it sleeps without a timeout.
 *
 * One event is taken at a time, so that whatever its handler frees cannot be the next in a batch.  Sources and timers
 * belong to whoever adds them, and must not move while they are added.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct loop_source {
	int fd;                              /* -1: not added */
	void (*on)(void *ctx, uint32_t events); /* EPOLL* */
	void *ctx;
};
struct loop_timer {
	uint64_t at_ms;                      /* CLOCK_MONOTONIC; 0: not set */
	void (*on)(void *ctx);
	void *ctx;
	struct loop_timer *next;
};
struct loop {
	int epoll_fd;
	struct loop_timer *timers;           /* by time */
	bool stopped;
};

int loop_init(struct loop *l, struct ps_err *e);
void loop_done(struct loop *l);
/* Watch s->fd for events (EPOLLIN ...; hang-up and errors always). */
int loop_add(struct loop *l, struct loop_source *s, uint32_t events, struct ps_err *e);
/* Change what is watched; events 0 leaves hang-up and errors. */
void loop_watch(struct loop *l, struct loop_source *s, uint32_t events);
/* Forget s; its fd stays open.  Nothing happens when it was not added. */
void loop_remove(struct loop *l, struct loop_source *s);
/* Once, after delay_ms; setting again moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);
void loop_timer_clear(struct loop *l, struct loop_timer *t);
/* Until loop_stop.  -1 only when epoll_wait(2) itself fails. */
int loop_run(struct loop *l, struct ps_err *e);
void loop_stop(struct loop *l);
