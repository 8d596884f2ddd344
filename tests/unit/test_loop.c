/* SPDX-License-Identifier: Apache-2.0
 * test_loop.c - the event loop: sources, timers, what a handler may do to others.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shim/pod/loop.h"
#include "tests/unit/unit.h"

struct fixture {
	struct loop loop;
	struct loop_source a, b;
	struct loop_timer timer[3];
	int order[8], n;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct ps_err e = { 0 };

	f = (struct fixture){ .n = 0 };
	*state = &f;
	if (loop_init(&f.loop, &e) < 0)
		return -1;
	f.a.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	f.b.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return f.a.fd < 0 || f.b.fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	ps_fd_close(&f->a.fd);
	ps_fd_close(&f->b.fd);
	loop_done(&f->loop);
	return 0;
}

/* Whichever comes first removes and closes the other, whose event is pending as well. */
static void end_other(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;
	struct loop_source *other = f->n++ ? NULL : &f->b;

	assert_true(events & EPOLLIN);
	assert_non_null(other);
	for (struct loop_source *s = &f->a; s; s = s == &f->a ? &f->b : NULL) {
		loop_remove(&f->loop, s);
		ps_fd_close(&s->fd);
	}
	loop_stop(&f->loop);
}

static void a_handler_may_free_what_is_pending(void **state)
{
	struct fixture *f = *state;
	struct ps_err e = { 0 };

	f->a.on = f->b.on = end_other;
	f->a.ctx = f->b.ctx = f;
	assert_int_equal(loop_add(&f->loop, &f->a, EPOLLIN, &e), 0);
	assert_int_equal(loop_add(&f->loop, &f->b, EPOLLIN, &e), 0);
	assert_int_equal(loop_run(&f->loop, &e), 0);
	assert_int_equal(f->n, 1);
}

static void note(struct fixture *f, int what)
{
	f->order[f->n++] = what;
	if (f->n == 3)
		loop_stop(&f->loop);
}
static void on_0(void *ctx) { note(ctx, 0); }
static void on_1(void *ctx) { note(ctx, 1); }
static void on_2(void *ctx) { note(ctx, 2); }

static void timers_fire_in_order_once(void **state)
{
	struct fixture *f = *state;
	struct ps_err e = { 0 };
	void (*const on[])(void *) = { on_0, on_1, on_2 };

	for (size_t i = 0; i < 3; i++)
		f->timer[i] = (struct loop_timer){ .on = on[i], .ctx = f };
	loop_timer_set(&f->loop, &f->timer[0], 30);
	loop_timer_set(&f->loop, &f->timer[1], 10);
	loop_timer_set(&f->loop, &f->timer[2], 20);
	assert_int_equal(loop_run(&f->loop, &e), 0);
	assert_int_equal(f->order[0], 1);
	assert_int_equal(f->order[1], 2);
	assert_int_equal(f->order[2], 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->timer[i].at_ms, 0);
}

static void a_timer_that_is_set_again_moves(void **state)
{
	struct fixture *f = *state;
	struct ps_err e = { 0 };

	f->n = 1;
	f->timer[0] = (struct loop_timer){ .on = on_0, .ctx = f };
	f->timer[1] = (struct loop_timer){ .on = on_1, .ctx = f };
	f->timer[2] = (struct loop_timer){ .on = on_2, .ctx = f };
	loop_timer_set(&f->loop, &f->timer[0], 5);
	loop_timer_set(&f->loop, &f->timer[0], 40);
	loop_timer_set(&f->loop, &f->timer[1], 20);
	loop_timer_set(&f->loop, &f->timer[2], 1);
	loop_timer_clear(&f->loop, &f->timer[2]);
	loop_timer_clear(&f->loop, &f->timer[2]);
	assert_int_equal(loop_run(&f->loop, &e), 0);
	assert_int_equal(f->order[1], 1);
	assert_int_equal(f->order[2], 0);
}

/* Idle means no time-out at all: epoll_wait(2) is asked to sleep for ever. */
static int last_timeout;
int __real_epoll_wait(int fd, struct epoll_event *ev, int n, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *ev, int n, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *ev, int n, int timeout)
{
	last_timeout = timeout;
	return __real_epoll_wait(fd, ev, n, timeout);
}
/* WRAP: epoll_wait */

static void stop(void *ctx, uint32_t events)
{
	(void)events;
	loop_stop(&((struct fixture *)ctx)->loop);
}

static void an_idle_loop_never_wakes(void **state)
{
	struct fixture *f = *state;
	struct ps_err e = { 0 };

	f->a.on = stop;
	f->a.ctx = f;
	last_timeout = 0;
	assert_int_equal(loop_add(&f->loop, &f->a, EPOLLIN, &e), 0);
	assert_int_equal(loop_run(&f->loop, &e), 0);
	assert_int_equal(last_timeout, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_handler_may_free_what_is_pending, set_up, tear_down),
		cmocka_unit_test_setup_teardown(timers_fire_in_order_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_timer_that_is_set_again_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_idle_loop_never_wakes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
