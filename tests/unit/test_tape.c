/* SPDX-License-Identifier: Apache-2.0
 * test_tape.c - the event log: its bytes, history, gaps, waiting, refusals, hostile and truncated segments.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "ipc/tape.h"
#include "ipc/tape_layout.h"

enum { LONG_MS = 30000 };

static struct tape_info info;
static char path[64];
static int raw; /* the segment behind the tape's back */
static struct tape *w;

static int setup(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	info = (struct tape_info){ .root = "/run/podshim", .id = "web.1", .uid = geteuid(),
				   .boot_id = "01234567-89ab-cdef-0123-456789abcdef",
				   .created_ns = 0x1122334455667788 };
	assert_int_equal(shm_random_name(info.name, &e), 0);
	(void)snprintf(path, sizeof(path), "/dev/shm%s", info.name);
	if (tape_create(&info, &w, &e) < 0)
		fail_msg("%s", e.msg);
	raw = open(path, O_RDWR | O_CLOEXEC);
	assert_true(raw >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tape_close(w);
	(void)close(raw);
	(void)unlink(path);
	return 0;
}

static void put(const char *text)
{
	struct ps_err e = { .cls = PS_OK };

	if (tape_write(w, TAPE_STATE, text, strlen(text), &e) < 0)
		fail_msg("%s", e.msg);
}

/* len bytes that say which record they belong to. */
static void fill(char *data, size_t len, uint64_t n)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(n * 31 + i);
}

static void put_pattern(uint64_t n, size_t len)
{
	struct ps_err e = { .cls = PS_OK };
	char data[TAPE_RECORD_MAX];

	fill(data, len, n);
	if (tape_write(w, TAPE_OUTPUT, data, len, &e) < 0)
		fail_msg("%s", e.msg);
}

static int get(const struct tape *t, struct tape_cursor *c, struct tape_record *r)
{
	struct ps_err e = { .cls = PS_OK };
	int n = tape_read(t, c, r, &e);

	if (n < 0)
		fail_msg("%s", e.msg);
	return n;
}

static void store_state(struct tape_state s, bool checked)
{
	if (checked)
		s.check = tape_state_check(&s);
	assert_int_equal(pwrite(raw, &s, sizeof(s), 128), sizeof(s));
}

static void golden_bytes(void **state)
{
	static const unsigned char start[] = {
		'p', 'o', 'd', 't', 'a', 'p', 'e', 0, 1, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 1, 0, 0, 0x20, 0, 0,
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
	};
	static const unsigned char empty[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x64, 0xdd, 0x75, 0x3a, 0xb0, 0xfa, 0x83, 0xbd,
	};
	static const unsigned char one[] = {
		32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		0xe6, 0xcb, 0xfd, 0x09, 0x2b, 0x18, 0x6d, 0xe0,
	};
	static const unsigned char record[] = {
		1, 0, 0, 0, 0, 0, 0, 0, 'T', 'T', 'T', 'T', 'T', 'T', 'T', 'T', 5, 0, 0, 0, 3, 0, 0, 0,
		'"', 'a', '"', ':', '1', 0, 0, 0, 0, 0, 0, 0,
	};
	struct ps_err e = { .cls = PS_OK };
	unsigned char b[TAPE_HEADER_SIZE];
	uint32_t uid = geteuid();
	struct timespec now;
	uint64_t time_ns;

	(void)state;
	assert_int_equal(pread(raw, b, sizeof(b), 0), sizeof(b));
	assert_memory_equal(b, start, sizeof(start));
	assert_memory_equal(b + 32, &uid, 4);
	assert_string_equal((char *)b + 40, "01234567-89ab-cdef-0123-456789abcdef");
	assert_memory_equal(b + 128, empty, sizeof(empty));
	assert_string_equal((char *)b + 256, "/run/podshim");
	assert_string_equal((char *)b + 1280, "web.1");
	assert_int_equal(tape_write(w, TAPE_EXEC, "\"a\":1", 5, &e), 0);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(pread(raw, b, sizeof(record), TAPE_HEADER_SIZE), sizeof(record));
	memcpy(&time_ns, b + 8, 8);
	assert_int_equal(time_ns / 1000000000 / 600, now.tv_sec / 600); /* ten minutes: the unit is right */
	memset(b + 8, 'T', 8);
	assert_memory_equal(b, record, sizeof(record));
	assert_int_equal(pread(raw, b, 40, 128), 40);
	assert_memory_equal(b, one, sizeof(one));
}

static void types_have_names(void **state)
{
	(void)state;
	assert_string_equal(tape_type_name(TAPE_STATE), "state");
	assert_string_equal(tape_type_name(TAPE_AUDIT), "audit");
	assert_string_equal(tape_type_name((enum tape_type)77), "unknown");
}

static void history_and_news(void **state)
{
	struct tape_record r = { .len = 0 };
	struct ps_err e = { .cls = PS_OK };
	auto_tape struct tape *t = NULL;
	struct tape_cursor old, new;

	(void)state;
	assert_int_equal(tape_open(info.name, false, &t, &e), 0);
	tape_cursor_newest(t, &new);
	assert_int_equal(get(t, &new, &r), 0);
	put("\"one\":1");
	put("");
	put("\"three\":3");
	tape_cursor_oldest(t, &old);
	assert_int_equal(get(t, &old, &r), 1);
	assert_int_equal(r.seq, 1);
	assert_int_equal(r.type, TAPE_STATE);
	assert_int_equal(r.len, 7);
	assert_memory_equal(r.data, "\"one\":1", 7);
	assert_int_equal(get(t, &old, &r), 1);
	assert_int_equal(r.len, 0);
	assert_int_equal(get(t, &old, &r), 1);
	assert_int_equal(r.seq, 3);
	assert_int_equal(get(t, &old, &r), 0);
	assert_int_equal(get(t, &new, &r), 1);
	assert_int_equal(r.seq, 1);
	tape_cursor_newest(t, &new);
	assert_memory_equal(&new, &old, sizeof(new));
}

static void records_wrap_and_gaps_show(void **state)
{
	struct tape_record r = { .len = 0 };
	struct tape_cursor slow, fast;
	char want[TAPE_RECORD_MAX];
	uint64_t last;

	(void)state;
	tape_cursor_oldest(w, &slow);
	tape_cursor_oldest(w, &fast);
	for (uint64_t n = 1; n <= 2000; n++) {
		size_t len = n * 37 % 700;

		put_pattern(n, len);
		assert_int_equal(get(w, &fast, &r), 1);
		assert_int_equal(r.seq, n);
		assert_int_equal(r.len, len);
		fill(want, len, n);
		assert_memory_equal(r.data, want, len);
	}
	assert_int_equal(get(w, &slow, &r), 1);
	assert_true(r.seq > 1700 && r.seq < 1900); /* 64 KiB hold about 175 of them */
	do {
		last = r.seq;
		fill(want, r.len, r.seq);
		assert_memory_equal(r.data, want, r.len);
	} while (get(w, &slow, &r) == 1 && r.seq == last + 1);
	assert_int_equal(r.seq, 2000);
}

static void largest_record_fits(void **state)
{
	struct tape_record r = { .len = 0 };
	struct ps_err e = { .cls = PS_OK };
	struct tape_cursor c;
	char data[TAPE_RECORD_MAX + 1], want[TAPE_RECORD_MAX];

	(void)state;
	memset(data, 'x', sizeof(data));
	for (uint64_t n = 1; n <= 50; n++)
		put_pattern(n, TAPE_RECORD_MAX);
	tape_cursor_oldest(w, &c);
	for (uint64_t n = 44; n <= 50; n++) {
		assert_int_equal(get(w, &c, &r), 1);
		assert_int_equal(r.seq, n);
		fill(want, TAPE_RECORD_MAX, n);
		assert_memory_equal(r.data, want, TAPE_RECORD_MAX);
	}
	assert_int_equal(get(w, &c, &r), 0);
	assert_int_equal(tape_write(w, TAPE_STATE, data, TAPE_RECORD_MAX + 1, &e), -1);
	unit_assert_err(&e, PS_E_BUG, "record of 8193 bytes");
}

static void header_is_read_back(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct tape_info got = { .uid = 77 };
	auto_tape struct tape *t = NULL;
	uint32_t uid = geteuid() + 1;

	(void)state;
	assert_int_equal(tape_open(info.name, false, &t, &e), 0);
	assert_int_equal(tape_info(t, &got, &e), 0);
	assert_string_equal(got.name, info.name);
	assert_string_equal(got.root, "/run/podshim");
	assert_string_equal(got.id, "web.1");
	assert_string_equal(got.boot_id, info.boot_id);
	assert_int_equal(got.uid, geteuid());
	assert_int_equal(got.created_ns, info.created_ns);
	assert_int_equal(pwrite(raw, &uid, 4, 32), 4);
	got.uid = 77;
	assert_int_equal(tape_info(t, &got, &e), -1);
	unit_assert_err(&e, PS_E_DENIED, "says that it belongs to uid");
	assert_int_equal(got.uid, 77);
}

static void unterminated_texts_end_with_their_field(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct tape_info got;
	char junk[1024];

	(void)state;
	memset(junk, 'j', sizeof(junk));
	assert_int_equal(pwrite(raw, junk, 40, 40), 40);
	assert_int_equal(pwrite(raw, junk, 1024, 256), 1024);
	assert_int_equal(pwrite(raw, junk, 1024, 1280), 1024);
	assert_int_equal(tape_info(w, &got, &e), 0);
	assert_int_equal(strlen(got.root), 1023);
	assert_int_equal(strlen(got.id), 1023);
	assert_int_equal(strlen(got.boot_id), 36);
}

static void refuse_open(enum ps_err_class cls, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	struct tape *t = (struct tape *)&e;

	assert_int_equal(tape_open(info.name, true, &t, &e), -1);
	unit_assert_err(&e, cls, text);
	assert_ptr_equal(t, &e);
}

static void open_refuses_other_things(void **state)
{
	int before = unit_open_fds();
	uint32_t version = 2;

	(void)state;
	assert_int_equal(pwrite(raw, &version, 4, 8), 4);
	refuse_open(PS_E_UNSUPP, "has version 2, known is 1");
	version = 1;
	assert_int_equal(pwrite(raw, &version, 4, 8), 4);
	assert_int_equal(pwrite(raw, &version, 4, 16), 4);
	refuse_open(PS_E_PEER, "is damaged");
	assert_int_equal(pwrite(raw, "PODTAPE", 8, 0), 8);
	refuse_open(PS_E_PEER, "is not a tape");
	assert_int_equal(fchmod(raw, 0666), 0);
	refuse_open(PS_E_DENIED, "is open to others");
	assert_int_equal(fchmod(raw, 0600), 0);
	assert_int_equal(ftruncate(raw, TAPE_FILE_SIZE - 1), 0);
	refuse_open(PS_E_PEER, "has 69631 bytes, needs 69632");
	assert_int_equal(unlink(path), 0);
	refuse_open(PS_E_NOTFOUND, "does not exist");
	assert_int_equal(unit_open_fds(), before);
}

static void create_refuses_a_taken_name(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds();
	struct tape *t = NULL;

	(void)state;
	assert_int_equal(tape_create(&info, &t, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_null(t);
	assert_int_equal(unit_open_fds(), before);
	assert_int_equal(access(path, F_OK), 0);
}

static void end_of_tape(void **state)
{
	struct tape_record r = { .len = 0 };
	struct ps_err e = { .cls = PS_OK };
	auto_tape struct tape *t = NULL;
	struct tape_cursor c;

	(void)state;
	assert_int_equal(tape_open(info.name, false, &t, &e), 0);
	tape_cursor_oldest(t, &c);
	assert_int_equal(tape_wait(t, &c, 0), 1);
	put("\"last\":1");
	tape_finish(w);
	assert_int_equal(tape_wait(t, &c, LONG_MS), 0);
	assert_int_equal(get(t, &c, &r), 1);
	assert_int_equal(tape_wait(t, &c, LONG_MS), 2);
	assert_int_equal(tape_write(w, TAPE_STATE, "", 0, &e), -1);
	unit_assert_err(&e, PS_E_STATE, "was finished");
}

static void an_end_is_told_once(void **state)
{
	const struct tape_line lines[] = { { TAPE_EXIT, "\"a\":1", 5 }, { TAPE_STATE, "\"b\":2", 5 } };
	const struct tape_line huge[] = { { TAPE_EXIT, "", TAPE_RECORD_MAX + 1 } };
	struct tape_record r = { .len = 0 };
	struct ps_err e = { .cls = PS_OK };
	auto_tape struct tape *other = NULL;
	struct tape_cursor c;
	uint32_t flags = 0;

	(void)state;
	tape_cursor_oldest(w, &c);
	assert_false(tape_has_end(w));
	assert_int_equal(tape_write_end(w, huge, 1, &e), -1);
	assert_int_equal(e.cls, PS_E_BUG);
	assert_false(tape_has_end(w));
	assert_int_equal(tape_open(info.name, true, &other, &e), 0);
	assert_int_equal(tape_write_end(other, lines, 2, &e), 1);
	assert_true(tape_has_end(w));
	assert_int_equal(tape_write_end(w, lines, 2, &e), 0);
	put("\"after\":1");
	assert_int_equal(tape_write_end(other, lines, 1, &e), 0);
	assert_int_equal(get(w, &c, &r), 1);
	assert_int_equal(r.type, TAPE_EXIT);
	assert_int_equal(get(w, &c, &r), 1);
	assert_int_equal(r.type, TAPE_STATE);
	assert_int_equal(get(w, &c, &r), 1);
	assert_int_equal(get(w, &c, &r), 0);
	tape_finish(w);
	assert_int_equal(pread(raw, &flags, 4, 156), 4);
	assert_int_equal(flags, 3);
	assert_int_equal(flock(raw, LOCK_EX), 0);
	assert_int_equal(tape_write_end(w, lines, 1, &e), -1);
	unit_assert_err(&e, PS_E_STATE, "is locked by another writer");
}

static void unlinked_tape_ends(void **state)
{
	struct tape_cursor c;

	(void)state;
	tape_cursor_newest(w, &c);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tape_wait(w, &c, -1), 2);
}

static void locked_tape_is_told(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(flock(raw, LOCK_EX), 0);
	assert_int_equal(tape_write(w, TAPE_STATE, "", 0, &e), -1);
	unit_assert_err(&e, PS_E_STATE, "is locked by another writer");
	assert_int_equal(flock(raw, LOCK_UN), 0);
	put("\"again\":1");
}

/* SIGBUS would end this program. */
static void truncation_is_an_error_and_no_signal(void **state)
{
	static const off_t sizes[] = { TAPE_FILE_SIZE - 1, TAPE_HEADER_SIZE, 150, 0 };
	struct tape_record r = { .len = 7 };
	struct tape_info got;
	struct tape_cursor c, start;

	(void)state;
	tape_cursor_oldest(w, &start);
	for (int i = 0; i < 8; i++)
		put_pattern(1, TAPE_RECORD_MAX - 24);
	for (size_t i = 0; i < PS_COUNT(sizes); i++) {
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(ftruncate(raw, sizes[i]), 0);
		assert_int_equal(tape_write(w, TAPE_STATE, "", 0, &e), -1);
		unit_assert_err(&e, PS_E_PEER, "was truncated");
		for (c = start; tape_read(w, &c, &r, &e) == 1;)
			;
		if (sizes[i] <= TAPE_HEADER_SIZE)
			unit_assert_err(&e, PS_E_PEER, "was truncated");
		assert_int_equal(tape_wait(w, &start, LONG_MS), 0);
		if (sizes[i] < TAPE_HEADER_SIZE)
			assert_int_equal(tape_info(w, &got, &e), -1);
		tape_cursor_newest(w, &c);
		tape_finish(w);
	}
}

static void emptied_tape_is_damaged(void **state)
{
	struct tape_record r = { .seq = 77 };
	struct ps_err e = { .cls = PS_OK };
	struct tape_cursor c = { .pos = 0 };

	(void)state;
	assert_int_equal(ftruncate(raw, 0), 0);
	assert_int_equal(ftruncate(raw, TAPE_FILE_SIZE), 0);
	assert_int_equal(tape_read(w, &c, &r, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "is damaged");
	assert_int_equal(r.seq, 77);
	assert_int_equal(tape_write(w, TAPE_STATE, "", 0, &e), -1);
	unit_assert_err(&e, PS_E_PEER, "is damaged");
}

static void impossible_positions_are_damage(void **state)
{
	static const struct tape_state bad[] = {
		{ .head = 8, .tail = 16, .next_seq = 2 },
		{ .head = 4, .tail = 0, .next_seq = 2 },
		{ .head = 8, .tail = 4, .next_seq = 2 },
		{ .head = TAPE_DATA_SIZE + 8, .tail = 0, .next_seq = 2 },
		{ .head = 0, .tail = 0, .next_seq = 0 },
		{ .head = UINT64_MAX - 7, .tail = UINT64_MAX - 7, .next_seq = 2 },
		{ .head = 0, .tail = 0, .next_seq = UINT64_MAX },
	};
	struct tape_record r;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		struct tape_cursor c = { .pos = 0 };
		struct ps_err e = { .cls = PS_OK };

		store_state(bad[i], true);
		assert_int_equal(tape_read(w, &c, &r, &e), -1);
		unit_assert_err(&e, PS_E_PEER, "is damaged");
		e = (struct ps_err){ .cls = PS_OK };
		assert_int_equal(tape_write(w, TAPE_STATE, "", 0, &e), -1);
		unit_assert_err(&e, PS_E_PEER, "is damaged");
	}
}

static void impossible_records_are_damage(void **state)
{
	static const struct tape_record_head bad[] = {
		{ .seq = 1, .len = TAPE_RECORD_MAX + 1 }, { .seq = 1, .len = UINT32_MAX }, { .seq = 1, .len = 41 },
		{ .seq = 0, .len = 0 }, { .seq = 2, .len = 0 }, { .seq = UINT64_MAX, .len = 0 },
	};
	struct tape_record r = { .len = 0 };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		struct tape_cursor c = { .pos = 0 };
		struct ps_err e = { .cls = PS_OK };

		store_state((struct tape_state){ .head = 64, .next_seq = 2 }, true);
		assert_int_equal(pwrite(raw, &bad[i], sizeof(bad[i]), TAPE_HEADER_SIZE), sizeof(bad[i]));
		assert_int_equal(tape_read(w, &c, &r, &e), -1);
		unit_assert_err(&e, PS_E_PEER, "is damaged");
		assert_int_equal(c.pos, 0);
	}
	store_state((struct tape_state){ .head = 16, .next_seq = 2 }, true); /* shorter than any record */
	assert_int_equal(tape_read(w, &(struct tape_cursor){ .pos = 0 }, &r, NULL), -1);
	assert_int_equal(tape_read(w, &(struct tape_cursor){ .pos = 24 }, &r, NULL), -1); /* behind the head */
}

/* The next writer gives up what nobody could read. */
static void writer_steps_over_garbage(void **state)
{
	const struct tape_record_head garbage = { .len = UINT32_MAX };
	struct tape_record r = { .len = 0 };
	struct tape_cursor c;

	(void)state;
	store_state((struct tape_state){ .head = TAPE_DATA_SIZE, .next_seq = 9 }, true);
	assert_int_equal(pwrite(raw, &garbage, sizeof(garbage), TAPE_HEADER_SIZE), sizeof(garbage));
	put("\"new\":1");
	tape_cursor_oldest(w, &c);
	assert_int_equal(get(w, &c, &r), 1);
	assert_int_equal(r.seq, 9);
	assert_memory_equal(r.data, "\"new\":1", 7);
	c = (struct tape_cursor){ .pos = 0 };
	store_state((struct tape_state){ .head = 80, .tail = 80, .next_seq = 9 }, true);
	assert_int_equal(get(w, &c, &r), 0);
	assert_int_equal(c.pos, 80);
	assert_int_equal(tape_wait(w, &c, 0), 1);
}

static void random_contents_are_survived(void **state)
{
	static char junk[TAPE_DATA_SIZE];
	struct tape_record r;

	(void)state;
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		struct tape_state s = { .head = (uint64_t)random() % (3 * TAPE_DATA_SIZE) & ~7ULL,
					.next_seq = 1 + (uint64_t)random() % 50 };
		struct tape_cursor c = { .pos = (uint64_t)random() % (3 * TAPE_DATA_SIZE) & ~7ULL };
		struct ps_err e = { .cls = PS_OK };
		uint64_t last = 0;
		int n = 0, got;

		s.tail = s.head - (uint64_t)random() % (s.head < TAPE_DATA_SIZE ? s.head + 1 : TAPE_DATA_SIZE + 1);
		s.tail &= ~7ULL;
		if (round % 10 == 0)
			for (size_t i = 0; i < sizeof(junk); i += 4) {
				uint32_t v = (uint32_t)random() & (random() & 1 ? 63 : UINT32_MAX);

				memcpy(junk + i, &v, 4);
			}
		assert_int_equal(pwrite(raw, junk, sizeof(junk), TAPE_HEADER_SIZE), sizeof(junk));
		store_state(s, round % 500 != 0);
		if (round & 1)
			tape_cursor_oldest(w, &c);
		while ((got = tape_read(w, &c, &r, &e)) == 1) {
			assert_true(r.len <= TAPE_RECORD_MAX);
			assert_true(r.seq > last);
			last = r.seq;
			assert_true(++n <= TAPE_DATA_SIZE / 24);
		}
		if (got < 0)
			unit_assert_err(&e, PS_E_PEER, "is damaged");
		if (tape_write(w, TAPE_STATE, "\"x\":1", 5, &e) == 0) {
			tape_cursor_newest(w, &c);
			assert_int_equal(get(w, &c, &r), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(golden_bytes, setup, teardown),
		cmocka_unit_test(types_have_names),
		cmocka_unit_test_setup_teardown(history_and_news, setup, teardown),
		cmocka_unit_test_setup_teardown(records_wrap_and_gaps_show, setup, teardown),
		cmocka_unit_test_setup_teardown(largest_record_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(header_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(unterminated_texts_end_with_their_field, setup, teardown),
		cmocka_unit_test_setup_teardown(open_refuses_other_things, setup, teardown),
		cmocka_unit_test_setup_teardown(create_refuses_a_taken_name, setup, teardown),
		cmocka_unit_test_setup_teardown(end_of_tape, setup, teardown),
		cmocka_unit_test_setup_teardown(an_end_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(unlinked_tape_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(locked_tape_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(truncation_is_an_error_and_no_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(emptied_tape_is_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_positions_are_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_records_are_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(writer_steps_over_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(random_contents_are_survived, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
