/* SPDX-License-Identifier: Apache-2.0
 * loop.c - one epoll loop: descriptors, timers, nothing else.
 */
#include "shim/pod/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"

int loop_init(struct loop *l, struct ps_err *e)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return ps_fail_os(e, "make an epoll");
	*l = (struct loop){ .epoll_fd = fd };
	return 0;
}

void loop_done(struct loop *l)
{
	ps_fd_close(&l->epoll_fd);
}

int loop_add(struct loop *l, struct loop_source *s, uint32_t events, struct ps_err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? ps_fail_os(e, "watch fd %d", s->fd) : 0;
}

void loop_watch(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (s->fd >= 0)
		(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	if (s->fd >= 0)
		(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	struct loop_timer **at = &l->timers;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	t->at_ms = 0;
	t->next = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
	struct loop_timer **at = &l->timers;

	loop_timer_clear(l, t);
	const uint64_t now = (uint64_t)ps_now_ms();

	t->at_ms = delay_ms > UINT64_MAX - now ? UINT64_MAX : now + delay_ms;
	while (*at && (*at)->at_ms <= t->at_ms)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

/* Milliseconds until the first timer, -1 without one. */
static int next_timeout(const struct loop *l)
{
	uint64_t now;

	if (!l->timers)
		return -1;
	now = (uint64_t)ps_now_ms();
	if (l->timers->at_ms <= now)
		return 0;
	return l->timers->at_ms - now > INT_MAX ? INT_MAX : (int)(l->timers->at_ms - now);
}

static void fire_timers(struct loop *l)
{
	uint64_t now = l->timers ? (uint64_t)ps_now_ms() : 0;

	while (l->timers && l->timers->at_ms <= now) {
		struct loop_timer *t = l->timers;

		loop_timer_clear(l, t);
		t->on(t->ctx);
	}
}

int loop_run(struct loop *l, struct ps_err *e)
{
	struct epoll_event ev;

	while (!l->stopped) {
		int n = epoll_wait(l->epoll_fd, &ev, 1, next_timeout(l));

		if (n < 0 && errno != EINTR)
			return ps_fail_os(e, "wait for events");
		if (n == 1) {
			struct loop_source *s = ev.data.ptr;

			s->on(s->ctx, ev.events);
		}
		fire_timers(l);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}
