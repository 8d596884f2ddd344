/* SPDX-License-Identifier: Apache-2.0
 * test_msg.c - control messages: their bytes, what comes out again, and what is refused.
 */
#include "tests/unit/unit.h"

#include <errno.h>

#include "ipc/msg.h"

static char room[512];
static struct ps_buf b;

static int setup(void **state)
{
	(void)state;
	b = ps_buf_lent(room, sizeof(room));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ps_buf_done(&b);
	return 0;
}

static void end(void)
{
	struct ps_err e = { .cls = PS_OK };

	if (msg_end(&b, &e) < 0)
		fail_msg("%s", e.msg);
}

static struct msg parsed(void)
{
	struct ps_err e = { .cls = PS_OK };
	struct msg m;

	if (msg_parse(b.data, b.len, &m, &e) < 0)
		fail_msg("%s", e.msg);
	return m;
}

static void assert_bytes(const unsigned char *wanted, size_t n)
{
	assert_int_equal(b.len, n);
	assert_memory_equal(b.data, wanted, n);
}

static void golden_launch(void **state)
{
	static const unsigned char wanted[] = {
		88, 0, 0, 0, 32, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,                                /* header */
		32, 0, 0, 0, 3, 0, 0, 0, 'l', 's', 0, 0, 0, 0, 0, 0,                             /* arg */
		32, 0, 0, 0, 3, 0, 0, 0, '-', 'l', 0, 0, 0, 0, 0, 0,                             /* arg */
		35, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,                                 /* memory */
		34, 0, 0, 0, 9, 0, 0, 0, '/', 'v', 'a', 'r', '/', 't', 'm', 'p', 0, 0, 0, 0, 0, 0, 0, 0, /* cwd */
	};

	(void)state;
	msg_begin(&b, MSG_LAUNCH, 0, 7);
	msg_put_text(&b, TAG_ARG, "ls");
	msg_put_text(&b, TAG_ARG, "-l");
	msg_put_u64(&b, TAG_MEMORY, 64 << 20);
	msg_put_text(&b, TAG_CWD, "/var/tmp");
	end();
	assert_bytes(wanted, sizeof(wanted));
}

static void golden_list_reply(void **state)
{
	static const unsigned char wanted[] = {
		64, 0, 0, 0, 16, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0, 0,
		26, 0, 0, 0, 40, 0, 0, 0,
		16, 0, 0, 0, 8, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
		18, 0, 0, 0, 8, 0, 0, 0, 'r', 'u', 'n', 'n', 'i', 'n', 'g', 0,
		51, 0, 0, 0, 0, 0, 0, 0,
	};
	size_t mark;

	(void)state;
	msg_begin(&b, MSG_LIST, MSG_REPLY, 0x201);
	mark = msg_group_begin(&b, TAG_RUNNER);
	msg_put_u64(&b, TAG_N, 5);
	msg_put_text(&b, TAG_STATE, "running");
	msg_put_bytes(&b, TAG_DATA, NULL, 0);
	msg_group_end(&b, mark);
	msg_set_flags(&b, MSG_REPLY | MSG_HAS_MORE);
	end();
	assert_bytes(wanted, sizeof(wanted));
}

static void golden_failure(void **state)
{
	static const unsigned char wanted[] = {
		72, 0, 0, 0, 33, 0, 1, 0, 9, 0, 0, 0, 3, 0, 0, 0,
		7, 0, 0, 0, 5, 0, 0, 0, 'b', 'u', 's', 'y', 0, 0, 0, 0,
		8, 0, 0, 0, 11, 0, 0, 0, 'c', 'o', 'n', 'f', ':', ' ', '/', 'a', '/', 'b', 0, 0, 0, 0, 0, 0,
		9, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0,
	};
	struct ps_err why = { .cls = PS_OK }, e = { .cls = PS_OK };
	struct msg m;

	(void)state;
	(void)ps_fail(&why, PS_E_STATE, "busy");
	(void)ps_at(&why, "conf: /a/b");
	why.sys = EBUSY;
	msg_begin(&b, MSG_LINK, MSG_REPLY, 9);
	msg_put_failure(&b, &why);
	end();
	assert_bytes(wanted, sizeof(wanted));
	m = parsed();
	assert_int_equal(msg_failure(&m, &e), -1);
	assert_int_equal(e.cls, PS_E_STATE);
	assert_int_equal(e.sys, EBUSY);
	assert_string_equal(e.msg, "busy");
	assert_string_equal(e.where, "conf: /a/b");
}

static void what_goes_in_comes_out(void **state)
{
	struct msg_field f;
	struct msg m, g;
	size_t at = 0, mark;
	uint64_t v = 0;

	(void)state;
	msg_begin(&b, MSG_STATS, MSG_REPLY, UINT32_MAX);
	msg_put_text(&b, TAG_POD, "web");
	for (uint64_t n = 0; n < 100; n++) { /* moves from the stack to the heap */
		mark = msg_group_begin(&b, TAG_RUNNER);
		msg_put_u64(&b, TAG_N, n);
		msg_put_u64(&b, TAG_CPU_NS, UINT64_MAX - n);
		msg_put_text(&b, TAG_ID, n % 2 ? "web.odd" : "");
		msg_group_end(&b, mark);
	}
	msg_put_bytes(&b, TAG_DATA, "a\0b", 3);
	end();
	m = parsed();
	assert_int_equal(m.type, MSG_STATS);
	assert_int_equal(m.flags, MSG_REPLY);
	assert_int_equal(m.id, UINT32_MAX);
	assert_int_equal(m.status, PS_OK);
	assert_int_equal(msg_failure(&m, NULL), 0);
	assert_string_equal(msg_text(&m, TAG_POD, "none"), "web");
	assert_string_equal(msg_text(&m, TAG_CWD, "none"), "none");
	assert_int_equal(msg_count(&m, TAG_RUNNER), 100);
	assert_false(msg_has(&m, TAG_N));
	for (uint64_t n = 0; msg_next_of(&m, TAG_RUNNER, &at, &f); n++) {
		g = msg_group(&m, &f);
		assert_int_equal(msg_u64(&g, TAG_N, 1000), n);
		assert_int_equal(msg_u64(&g, TAG_CPU_NS, 0), UINT64_MAX - n);
		assert_int_equal(msg_u64(&g, TAG_PIDS, 77), 77);
		assert_string_equal(msg_text(&g, TAG_ID, "x"), n % 2 ? "web.odd" : "");
		assert_int_equal(msg_get_u64(&g, TAG_N, 99, &v, NULL), 0);
		assert_int_equal(v, n);
	}
	at = 0;
	for (int i = 0; i < 102; i++)
		assert_true(msg_next(&m, &at, &f));
	assert_int_equal(f.tag, TAG_DATA);
	assert_int_equal(f.len, 3);
	assert_memory_equal(f.data, "a\0b", 3);
	assert_false(msg_next(&m, &at, &f));
}

static void numbers_have_bounds(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct msg m;
	uint64_t v = 5;

	(void)state;
	msg_begin(&b, MSG_SIGNAL, 0, 1);
	msg_put_u64(&b, TAG_SIGNAL, 65);
	end();
	m = parsed();
	assert_int_equal(msg_get_u64(&m, TAG_SIGNAL, 64, &v, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "signal: 'signal' is 65, at most 64");
	assert_int_equal(msg_want_u64(&m, TAG_SIGNAL, 64, 1, &v, &e), -1);
	assert_int_equal(msg_get_u64(&m, TAG_N, 9, &v, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "signal: 'n' is missing");
	assert_int_equal(v, 5);
	assert_int_equal(msg_want_u64(&m, TAG_N, 9, 10, &v, &e), 0);
	assert_int_equal(v, 10);
	assert_int_equal(msg_want_u64(&m, TAG_SIGNAL, 65, 1, &v, &e), 0);
	assert_int_equal(v, 65);
}

static void descriptors_are_named(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct msg m;

	(void)state;
	msg_begin(&b, MSG_LINK, 0, 1);
	msg_put_u64(&b, TAG_FD, FD_BELL);
	msg_put_u64(&b, TAG_FD, 40); /* a kind of later versions */
	msg_put_u64(&b, TAG_FD, FD_HOST_AREA);
	end();
	m = parsed();
	assert_int_equal(msg_check_fds(&m, 3, &e), 0);
	assert_int_equal(msg_fd_index(&m, FD_BELL, 3), 0);
	assert_int_equal(msg_fd_index(&m, FD_HOST_AREA, 3), 2);
	assert_int_equal(msg_fd_index(&m, FD_OUTPUT, 3), -1);
	assert_int_equal(msg_check_fds(&m, 2, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "it names 3 descriptors and came with 2");
	assert_int_equal(msg_fd_index(&m, FD_HOST_AREA, 2), -1);
	msg_put_u64(&b, TAG_FD, FD_BELL);
	end();
	m = parsed();
	assert_int_equal(msg_check_fds(&m, 4, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "a descriptor of kind 5");
	msg_begin(&b, MSG_LINK, 0, 1);
	msg_put_u64(&b, TAG_FD, 64);
	end();
	m = parsed();
	assert_int_equal(msg_check_fds(&m, 1, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "a descriptor of kind 64");
}

static void too_long(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char *data = calloc(1, MSG_MAX);

	(void)state;
	assert_non_null(data);
	msg_begin(&b, MSG_INPUT, 0, 1);
	msg_put_bytes(&b, TAG_DATA, data, MSG_MAX - MSG_HEADER_SIZE - MSG_FIELD_SIZE);
	assert_int_equal(msg_end(&b, &e), 0);
	msg_put_u64(&b, TAG_N, 1);
	assert_int_equal(msg_end(&b, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "a control message of 196624 bytes: at most 196608");
	b.failed = true;
	assert_int_equal(msg_end(&b, &e), -1);
	unit_assert_err(&e, PS_E_OS, "build a control message: out of memory");
	free(data);
}

/* ---- What is refused ---- */

static void assert_refused(const void *p, size_t n, enum ps_err_class cls, const char *why)
{
	struct ps_err e = { .cls = PS_OK };
	struct msg m = { .id = 4711 };
	/* Right behind nothing that may be read. */
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	assert_int_equal(msg_parse(copy, n, &m, &e), -1);
	unit_assert_err(&e, cls, why);
	assert_int_equal(m.id, 4711);
	free(copy);
}

#define HEAD(n) n, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0
#define N_IS_1 16, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0

static void refuses_malformed_bytes(void **state)
{
	static const struct {
		unsigned char bytes[96];
		size_t n;
		enum ps_err_class cls;
		const char *why;
	} cases[] = {
		{ { HEAD(16) }, 0, PS_E_PEER, "it is shorter than a header" },
		{ { HEAD(16) }, 15, PS_E_PEER, "it is shorter than a header" },
		{ { HEAD(17) }, 16, PS_E_PEER, "its header tells another length" },
		{ { HEAD(16), 0 }, 17, PS_E_PEER, "its header tells another length" },
		{ { 16, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80 }, 16, PS_E_PEER, "its status is negative" },
		{ { HEAD(17), 0 }, 17, PS_E_PEER, "it ends within a field's head" },
		{ { HEAD(23), 16 }, 23, PS_E_PEER, "it ends within a field's head" },
		{ { HEAD(24), 16, 0, 0, 0, 8 }, 24, PS_E_PEER, "a field is longer than the rest of the message" },
		{ { HEAD(24), 16, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 24, PS_E_PEER, "longer than the rest" },
		{ { HEAD(26), 7, 0, 0, 0, 2, 0, 0, 0, 'a' }, 26, PS_E_PEER, "a field is not padded" },
		{ { HEAD(32), 7, 0, 1, 0, 2, 0, 0, 0, 'a' }, 32, PS_E_PEER, "a reserved byte that is not 0" },
		{ { HEAD(32), 7, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 1 }, 32, PS_E_PEER, "padded with bytes that are not 0" },
		{ { HEAD(32), 16, 0, 0, 0, 4, 0, 0, 0, 1 }, 32, PS_E_PEER, "field 'n' has 4 bytes, must have 8" },
		{ { HEAD(24), 7 }, 24, PS_E_PEER, "field 'text' is not text with one NUL at its end" },
		{ { HEAD(32), 7, 0, 0, 0, 1, 0, 0, 0, 'a' }, 32, PS_E_PEER, "field 'text' is not text" },
		{ { HEAD(32), 7, 0, 0, 0, 3, 0, 0, 0, 'a' }, 32, PS_E_PEER, "field 'text' is not text" },
		{ { HEAD(48), N_IS_1, N_IS_1 }, 48, PS_E_PEER, "field 'n' is there twice" },
		{ { HEAD(56), 26, 0, 0, 0, 32, 0, 0, 0, N_IS_1, N_IS_1 }, 56, PS_E_PEER, "field 'n' is there twice" },
		{ { HEAD(48), 26, 0, 0, 0, 20, 0, 0, 0, N_IS_1 }, 48, PS_E_PEER, "it ends within a field's head" },
		{ { HEAD(40), 26, 0, 0, 0, 16, 0, 0, 0, 26, 0, 0, 0, 8, 0, 0, 0, 26 }, 40, PS_E_PEER,
		  "a group inside of a group" },
		{ { HEAD(24), 0, 0x80 }, 24, PS_E_UNSUPP, "the message needs a receiver that knows field 32768" },
	};
	static const char big[MSG_MAX + 8];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++)
		assert_refused(cases[i].bytes, cases[i].n, cases[i].cls, cases[i].why);
	assert_refused(big, sizeof(big), PS_E_PEER, "it is longer than any message");
	msg_begin(&b, MSG_INPUT, 0, 1);
	msg_put_bytes(&b, TAG_DATA, big, MSG_DATA_MAX + 1);
	end();
	assert_refused(b.data, b.len, PS_E_PEER, "field 'data' has 65537 bytes, at most 65536");
}

static void skips_what_it_does_not_know(void **state)
{
	static const unsigned char bytes[] = {
		64, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 99, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0x7f, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0,
		N_IS_1,
		0xff, 0x7f, 0, 0, 0, 0, 0, 0,
	};
	struct ps_err e = { .cls = PS_OK };
	struct msg_field f;
	struct msg m;
	size_t at = 0;

	(void)state;
	assert_int_equal(msg_parse(bytes, sizeof(bytes), &m, &e), 0);
	assert_int_equal(msg_type_who(m.type), MSG_NOBODY);
	assert_string_equal(msg_type_name(m.type), "unknown");
	assert_true(msg_next(&m, &at, &f));
	assert_int_equal(f.tag, TAG_N);
	assert_false(msg_next(&m, &at, &f));
	assert_int_equal(msg_failure(&m, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "the pod gave no reason");
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(msg_type_name(MSG_LAUNCH), "launch");
	assert_int_equal(msg_type_who(MSG_LAUNCH), MSG_WHO_WRITES);
	assert_int_equal(msg_type_who(MSG_OBSERVE), MSG_WHO_READS);
	assert_int_equal(msg_type_who(MSG_HELLO), MSG_WHO_EVENT);
	assert_int_equal(msg_type_who(0), MSG_NOBODY);
	assert_string_equal(msg_tag_name(TAG_OUTPUT_LIMIT), "output_limit");
	assert_string_equal(msg_tag_name(0), "unknown");
	assert_string_equal(msg_reason_name(REASON_OUTPUT), "output-limit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(golden_launch, setup, teardown),
		cmocka_unit_test_setup_teardown(golden_list_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(golden_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(what_goes_in_comes_out, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_have_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_malformed_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(skips_what_it_does_not_know, setup, teardown),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
