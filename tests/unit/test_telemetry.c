/* SPDX-License-Identifier: Apache-2.0
 * test_telemetry.c - batches of accesses: what is gathered, what is dropped, and that no denial is.
 *
 * WRAP: tape_write
 */
#include "base/clock.h"
#include "oci/json.h"
#include "shim/pod/telemetry.h"
#include "tests/unit/unit.h"

enum { LINES_MAX = 1024 };

struct fixture {
	struct loop loop;
	struct telemetry *t;
	struct ps_arena memory;
	const struct json *lines[LINES_MAX]; /* as they were written to the tape */
	size_t n;
};

static struct fixture f;

int __wrap_tape_write(struct tape *t, enum tape_type type, const void *data, size_t n, struct ps_err *e);
int __wrap_tape_write(struct tape *t, enum tape_type type, const void *data, size_t n, struct ps_err *e)
{
	struct json *o;

	(void)t;
	assert_int_equal(type, TAPE_AUDIT);
	assert_true(f.n < LINES_MAX);
	assert_int_equal(json_parse(&f.memory, "line", data, n, &o, e), 0);
	f.lines[f.n++] = o;
	return 0;
}

static int begin(int file_fd)
{
	static char a_tape;
	struct audit *audit;
	struct ps_err e;

	memset(&f, 0, sizeof(f));
	if (loop_init(&f.loop, &e) < 0 || audit_new("pod", "pod.1", (struct tape *)(void *)&a_tape, file_fd, &audit, &e) < 0)
		return -1;
	return telemetry_new(&f.loop, 0, audit, &f.t, &e);
}

static int set_up(void **state)
{
	(void)state;
	return begin(-1);
}

static int tear_down(void **state)
{
	(void)state;
	telemetry_free(f.t);
	loop_done(&f.loop);
	ps_arena_done(&f.memory);
	return 0;
}

static void access_to(const char *prefix, int i, enum policy_action result)
{
	char target[64];

	(void)snprintf(target, sizeof(target), "%s%d", prefix, i);
	telemetry_access(f.t, &(struct broker_event){ .tid = getpid(), .permission = POLICY_READ, .action = "open", .target = target,
						      .result = result, .mech = "notify" });
}

static void accesses(const char *prefix, int n, enum policy_action result)
{
	for (int i = 0; i < n; i++)
		access_to(prefix, i, result);
}

static const char *text(size_t line, const char *member)
{
	const struct json *v = json_get(f.lines[line], member);

	assert_non_null(v);
	assert_int_equal(v->type, JSON_STRING);
	return v->v.s;
}

static int64_t num(size_t line, const char *member)
{
	const struct json *v = json_get(f.lines[line], member);

	assert_non_null(v);
	assert_int_equal(v->type, JSON_INT);
	return v->v.i;
}

static void assert_counts(uint64_t denied, uint64_t warned, uint64_t allowed, uint64_t dropped)
{
	const struct telemetry_counts n = telemetry_counts(f.t);

	assert_int_equal(n.denied, denied);
	assert_int_equal(n.warned, warned);
	assert_int_equal(n.allowed, allowed);
	assert_int_equal(n.dropped, dropped);
}

static void the_first_of_a_batch_waits_a_quarter_of_a_second(void **state)
{
	const uint64_t before = ps_clock_ns(CLOCK_MONOTONIC) / 1000000;

	(void)state;
	assert_null(f.loop.timers);
	access_to("/a", 1, POLICY_DENY);
	const uint64_t after = ps_clock_ns(CLOCK_MONOTONIC) / 1000000;

	assert_non_null(f.loop.timers);
	const uint64_t at = f.loop.timers->at_ms;

	assert_in_range(at, before + 250, after + 251);
	access_to("/b", 1, POLICY_DENY);
	assert_int_equal(f.loop.timers->at_ms, at);
	assert_int_equal(f.n, 0);
	f.loop.timers->on(f.loop.timers->ctx);
	assert_int_equal(f.n, 2);
	assert_null(f.loop.timers);
}

static void the_same_access_is_one_event_with_a_count(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		access_to("/same", 1, POLICY_DENY);
	access_to("/same", 1, POLICY_ALLOW);
	telemetry_flush(f.t);
	assert_int_equal(f.n, 2);
	assert_int_equal(num(0, "count"), 1000);
	assert_int_equal(num(0, "denied"), 1000);
	assert_string_equal(text(1, "result"), "allow");
	assert_int_equal(num(1, "count"), 1);
	assert_null(json_get(f.lines[1], "denied"));
	/* Another batch tells it again, and goes on counting. */
	access_to("/same", 1, POLICY_DENY);
	telemetry_flush(f.t);
	assert_int_equal(num(2, "count"), 1);
	assert_int_equal(num(2, "denied"), 1001);
	assert_counts(1001, 0, 1, 0);
}

static void what_is_allowed_is_dropped_first_with_a_count(void **state)
{
	(void)state;
	accesses("/allowed", 300, POLICY_ALLOW);
	access_to("/allowed", 0, POLICY_ALLOW); /* known: it counts */
	assert_int_equal(f.n, 0);
	assert_counts(0, 0, 301, 44);
	telemetry_flush(f.t);
	assert_int_equal(f.n, TELEMETRY_BATCH_MAX + 1);
	assert_int_equal(num(0, "count"), 2);
	assert_string_equal(text(f.n - 1, "kind"), "drop");
	assert_int_equal(num(f.n - 1, "count"), 44);
	/* The number is of one batch. */
	access_to("/allowed", 1, POLICY_ALLOW);
	telemetry_flush(f.t);
	assert_int_equal(f.n, TELEMETRY_BATCH_MAX + 2);
	assert_counts(0, 0, 302, 44);
}

static void what_is_denied_or_warned_of_is_never_dropped(void **state)
{
	uint64_t denied = 0;

	(void)state;
	accesses("/allowed", 200, POLICY_ALLOW);
	accesses("/denied", 300, POLICY_DENY);
	accesses("/warned", 100, POLICY_WARN);
	accesses("/more", 300, POLICY_ALLOW);
	telemetry_flush(f.t);
	for (size_t i = 0; i < f.n; i++) {
		if (!strcmp(text(i, "kind"), "access") && !strcmp(text(i, "result"), "deny")) {
			denied += (uint64_t)num(i, "count");
			assert_int_equal(num(i, "denied"), denied);
		}
	}
	assert_int_equal(denied, 300);
	const struct telemetry_counts n = telemetry_counts(f.t);

	assert_int_equal(n.denied, 300);
	assert_int_equal(n.warned, 100);
	assert_int_equal(n.allowed, 500);
	assert_true(n.dropped > 0 && n.dropped < 300);
	/* Each line, and what was dropped, is all that happened. */
	uint64_t told = 0;

	for (size_t i = 0; i < f.n; i++)
		told += (uint64_t)num(i, "count");
	assert_int_equal(told, 900);
}

static void a_full_batch_is_told_at_once(void **state)
{
	(void)state;
	accesses("/denied", TELEMETRY_BATCH_MAX, POLICY_DENY);
	assert_int_equal(f.n, 0);
	access_to("/one-more", 1, POLICY_DENY);
	assert_int_equal(f.n, TELEMETRY_BATCH_MAX);
	telemetry_flush(f.t);
	assert_int_equal(f.n, TELEMETRY_BATCH_MAX + 1);
}

/* A tape that is too small for a batch overwrites what came first. */
static void denials_come_last_where_there_is_much(void **state)
{
	(void)state;
	accesses("/denied", 10, POLICY_DENY);
	accesses("/allowed", 200, POLICY_ALLOW);
	telemetry_flush(f.t);
	assert_int_equal(f.n, 210);
	for (size_t i = 0; i < f.n; i++)
		assert_string_equal(text(i, "result"), i < 200 ? "allow" : "deny");
	/* Else what happened first. */
	access_to("/denied", 1, POLICY_DENY);
	access_to("/allowed", 1, POLICY_ALLOW);
	telemetry_flush(f.t);
	assert_string_equal(text(210, "result"), "deny");
}

static void with_a_file_nothing_is_dropped(void **state)
{
	char path[] = "/tmp/test-telemetry.XXXXXX";
	const int fd = mkstemp(path);
	char c;
	size_t lines = 0;

	(void)state;
	assert_true(fd >= 0);
	(void)unlink(path);
	(void)tear_down(NULL);
	assert_int_equal(begin(fcntl(fd, F_DUPFD_CLOEXEC, 0)), 0);
	accesses("/allowed", 600, POLICY_ALLOW);
	telemetry_flush(f.t);
	assert_counts(0, 0, 600, 0);
	assert_int_equal(f.n, 600);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while (read(fd, &c, 1) == 1)
		lines += c == '\n';
	assert_int_equal(lines, 600);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_of_a_batch_waits_a_quarter_of_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_access_is_one_event_with_a_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_allowed_is_dropped_first_with_a_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_denied_or_warned_of_is_never_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_batch_is_told_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(denials_come_last_where_there_is_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_file_nothing_is_dropped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
