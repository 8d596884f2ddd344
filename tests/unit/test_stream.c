/* SPDX-License-Identifier: Apache-2.0
 * test_stream.c - output streams: their bytes, history, gaps, back-pressure, refusals, a hostile and a racing writer.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/abi.h"
#include "ipc/stream.h"
#include "ipc/stream_layout.h"

static struct stream *w;
static struct stream_view *v;
static char buf[STREAM_RECORD_MAX];

static void map(void)
{
	struct ps_err e = { .cls = PS_OK };

	if (stream_map(stream_fd(w), &v, &e) < 0)
		fail_msg("%s", e.msg);
}

static int setup(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	if (stream_create(0, &w, &e) < 0)
		fail_msg("%s", e.msg);
	map();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stream_unmapp(&v);
	stream_freep(&w);
	return 0;
}

static int get(struct stream_cursor *c, struct stream_record *r)
{
	struct ps_err e = { .cls = PS_OK };
	int n = stream_read(v, c, buf, sizeof(buf), r, &e);

	if (n < 0)
		fail_msg("%s", e.msg);
	return n;
}

static void assert_record(struct stream_cursor *c, enum stream_no no, uint64_t lost, const char *text)
{
	struct stream_record r;

	assert_int_equal(get(c, &r), 1);
	assert_int_equal(r.no, no);
	assert_int_equal(r.lost, lost);
	assert_int_equal(r.len, strlen(text));
	assert_memory_equal(r.data, text, r.len);
}

static void golden_bytes(void **state)
{
	static const unsigned char start[] = {
		'p', 'o', 'd', 's', 't', 'r', 'm', 0, 1, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 1, 0, 0, 0x40, 0, 0,
	};
	static const unsigned char records[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 'T', 'T', 'T', 'T', 'T', 'T', 'T', 'T', 3, 0, 0, 0, 1, 0, 0, 0,
		'a', 'b', 'c', 0, 0, 0, 0, 0,
		3, 0, 0, 0, 0, 0, 0, 0, 'T', 'T', 'T', 'T', 'T', 'T', 'T', 'T', 8, 0, 0, 0, 2, 0, 0, 0,
		'1', '2', '3', '4', '5', '6', '7', '8',
	};
	static const unsigned char positions[] = { 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
	unsigned char b[STREAM_HEADER_SIZE + sizeof(records)], zeros[STREAM_HEADER_SIZE] = { 0 };

	(void)state;
	stream_put(w, STREAM_STDOUT, "abc", 3);
	stream_put(w, STREAM_STDERR, "12345678", 8);
	stream_finish(w);
	assert_int_equal(pread(stream_fd(w), b, sizeof(b), 0), sizeof(b));
	memset(b + 4096 + 8, 'T', 8);
	memset(b + 4096 + 40, 'T', 8);
	assert_memory_equal(b, start, sizeof(start));
	assert_memory_equal(b + 32, zeros, 96);
	assert_memory_equal(b + 128, positions, sizeof(positions));
	assert_memory_equal(b + 148, zeros, 3948);
	assert_memory_equal(b + 4096, records, sizeof(records));
	assert_int_equal(lseek(stream_fd(w), 0, SEEK_END), 4096 + 65536);
}

static void reads_in_order(void **state)
{
	struct stream_cursor c, late;
	struct stream_record r;

	(void)state;
	stream_cursor_oldest(v, &c);
	assert_int_equal(get(&c, &r), 0);
	stream_put(w, STREAM_STDOUT, "one", 3);
	stream_put(w, STREAM_STDERR, "two", 3);
	stream_cursor_newest(v, &late);
	stream_put(w, STREAM_STDOUT, "three", 5);
	assert_record(&c, STREAM_STDOUT, 0, "one");
	assert_record(&c, STREAM_STDERR, 0, "two");
	assert_record(&c, STREAM_STDOUT, 0, "three");
	assert_record(&late, STREAM_STDOUT, 0, "three");
	assert_int_equal(get(&c, &r), 0);
	assert_int_equal(c.pos, stream_head(w));
	assert_int_equal(c.offset, stream_bytes(w));
	assert_int_equal(stream_bytes(w), 11);
	assert_false(stream_ended(v, &c));
	stream_finish(w);
	assert_true(stream_ended(v, &c));
	stream_cursor_oldest(v, &late);
	assert_false(stream_ended(v, &late));
}

static void overtaken_reader_sees_a_gap(void **state)
{
	struct stream_cursor c, late;
	struct stream_record r;
	char text[1000];
	uint64_t lost;
	int n = 0;

	(void)state;
	stream_cursor_oldest(v, &c);
	for (int i = 0; i < 100; i++) {
		memset(text, i, sizeof(text));
		stream_put(w, STREAM_STDOUT, text, sizeof(text));
	}
	assert_int_equal(get(&c, &r), 1);
	lost = r.lost;
	assert_true(lost > 0 && lost % 1000 == 0);
	do {
		assert_int_equal(r.len, 1000);
		assert_int_equal((unsigned char)r.data[0], lost / 1000 + (unsigned)n);
		assert_int_equal(r.data[0], r.data[999]);
		n++;
	} while (get(&c, &r) == 1 && r.lost == 0);
	assert_int_equal(lost + (unsigned)n * 1000, 100000);
	assert_int_equal(n, 65536 / (1000 + 24));
	/* Who comes late knows what he missed, too. */
	stream_cursor_oldest(v, &late);
	assert_int_equal(get(&late, &r), 1);
	assert_int_equal(r.lost, lost);
}

static void long_writes_become_many_records(void **state)
{
	struct stream_cursor c;
	struct stream_record r;
	char *text = malloc(40000);
	size_t done = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 40000; i++)
		text[i] = (char)(i * 7 + i / 256);
	stream_cursor_oldest(v, &c);
	for (int round = 0; round < 20; round++) {
		stream_put(w, STREAM_STDOUT, text, 40000);
		for (done = 0; get(&c, &r) == 1; done += r.len) {
			assert_int_equal(r.lost, 0);
			assert_true(r.len <= 16384);
			assert_memory_equal(r.data, text + done, r.len);
		}
		assert_int_equal(done, 40000);
	}
	free(text);
}

static void fills_from_a_pipe(void **state)
{
	struct stream_cursor c;
	struct stream_record r;
	int p[2];

	(void)state;
	stream_cursor_oldest(v, &c);
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDOUT, 100), -EAGAIN);
	assert_int_equal(write(p[1], "hello world", 11), 11);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDOUT, 5), 5);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDERR, SIZE_MAX), 6);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDERR, 0), -ENOBUFS);
	assert_record(&c, STREAM_STDOUT, 0, "hello");
	assert_record(&c, STREAM_STDERR, 0, " world");
	(void)close(p[1]);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDOUT, 100), 0);
	(void)close(p[0]);
	assert_int_equal(stream_fill(w, p[0], STREAM_STDOUT, 100), -EBADF);
	assert_int_equal(get(&c, &r), 0);
	assert_int_equal(stream_bytes(w), 11);
}

/* A lossless reader: whatever the pipe holds, nothing it has not acknowledged is overwritten. */
static void room_is_back_pressure(void **state)
{
	struct stream_cursor c, keep;
	struct stream_record r;
	size_t room, total = 0, seen = 0;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(zero >= 0);
	stream_cursor_oldest(v, &c);
	keep = c;
	assert_int_equal(stream_room(w, 0), 16384);
	for (int i = 0; i < 1000; i++) {
		while ((room = stream_room(w, keep.pos)) > 0) {
			ssize_t n = stream_fill(w, zero, STREAM_STDOUT, i % 3 ? room : room / 2 + 1);

			assert_true(n > 0 && (size_t)n <= room);
			total += (size_t)n;
		}
		assert_true(stream_tail(w) <= keep.pos);
		assert_int_equal(get(&c, &r), 1);
		assert_int_equal(r.lost, 0);
		seen += r.len;
		if (i % 2)
			keep = c;
	}
	while (get(&c, &r) == 1)
		seen += r.len;
	assert_int_equal(seen, total);
	assert_true(total > 10 * 65536);
	/* Odd acknowledgements hurt nobody. */
	assert_int_equal(stream_room(w, stream_head(w)), 16384);
	assert_int_equal(stream_room(w, UINT64_MAX), 16384);
	assert_true(stream_room(w, 0) <= stream_room(w, stream_tail(w) + 3));
	(void)close(zero);
}

static void peeks_without_copy(void **state)
{
	struct stream_cursor c;
	struct stream_record r;
	char text[16000] = "";
	char first;

	(void)state;
	stream_put(w, STREAM_STDOUT, "xyz", 3);
	stream_cursor_oldest(v, &c);
	assert_int_equal(stream_peek(v, &c, &r, NULL), 1);
	assert_memory_equal(r.data, "xyz", 3);
	assert_true(stream_intact(v, &r));
	for (int i = 0; i < 4; i++)
		stream_put(w, STREAM_STDOUT, text, sizeof(text));
	assert_true(stream_intact(v, &r));
	stream_put(w, STREAM_STDOUT, text, sizeof(text));
	first = r.data[0]; /* may be anything, but is there */
	(void)first;
	assert_false(stream_intact(v, &r));
}

static void small_buffer(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct stream_cursor c;
	struct stream_record r;

	(void)state;
	stream_put(w, STREAM_STDOUT, "12345", 5);
	stream_cursor_oldest(v, &c);
	assert_int_equal(stream_read(v, &c, buf, 4, &r, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "a record of 5 bytes does not fit into 4");
	assert_record(&c, STREAM_STDOUT, 0, "12345");
}

static void sizes(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct stream *s = NULL;

	(void)state;
	assert_int_equal(stream_create(STREAM_SIZE_MAX + 1, &s, &e), -1);
	unit_assert_err(&e, PS_E_USAGE, "an output stream of 67108865 bytes: at most 67108864");
	assert_null(s);
	assert_int_equal(stream_create(STREAM_SIZE_MIN + 1, &s, &e), 0);
	assert_int_equal(lseek(stream_fd(s), 0, SEEK_END), 4096 + 131072);
	assert_int_equal(stream_room(s, 0), 32768);
	stream_free(s);
	assert_int_equal(stream_create(STREAM_SIZE_DEFAULT, &s, &e), 0);
	assert_int_equal(stream_room(s, 0), STREAM_RECORD_MAX);
	stream_free(s);
	stream_free(NULL);
	stream_unmap(NULL);
}

/* The descriptor gives no right to write, resize, or punch holes. */
static void readers_can_only_read(void **state)
{
	const int fd = stream_fd(w);
	char path[64];
	int again;

	(void)state;
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), -1);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	assert_true(again >= 0);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
	(void)close(again);
}

/* ---- What is no stream, or none any more ---- */

struct forged {
	int fd;
	struct stream_header *h;
	char *data;
};

static struct forged forge(void)
{
	struct forged f = { .fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	void *p;

	assert_true(f.fd >= 0);
	assert_int_equal(ftruncate(f.fd, 4096 + 65536), 0);
	p = mmap(NULL, 4096 + 65536, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	f.h = p;
	f.data = (char *)p + 4096;
	memcpy(f.h->magic, STREAM_MAGIC, 8);
	f.h->version = 1;
	f.h->header_size = 4096;
	f.h->data_size = 65536;
	f.h->record_max = 16384;
	return f;
}

static void unforge(struct forged *f)
{
	(void)munmap(f->h, 4096 + 65536);
	(void)close(f->fd);
}

static void seal(const struct forged *f)
{
	assert_int_equal(fcntl(f->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
}

static void assert_refused(int fd, enum ps_err_class cls, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	struct stream_view *none = NULL;
	int before = unit_open_fds();

	assert_int_equal(stream_map(fd, &none, &e), -1);
	assert_null(none);
	unit_assert_err(&e, cls, text);
	assert_int_equal(unit_open_fds(), before);
}

static void refuses_what_is_no_stream(void **state)
{
	struct forged f = forge();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_refused(null, PS_E_PEER, "this is not an output stream: its size is not sealed");
	assert_refused(-1, PS_E_PEER, "its size is not sealed");
	(void)close(null);
	assert_refused(f.fd, PS_E_PEER, "its size is not sealed");
	seal(&f);
	f.h->magic[0] = 'q';
	assert_refused(f.fd, PS_E_PEER, "it begins with other bytes");
	f.h->magic[0] = 'p';
	f.h->version = 2;
	assert_refused(f.fd, PS_E_UNSUPP, "the output stream has version 2, known is 1");
	f.h->version = 1;
	f.h->data_size = 131072;
	assert_refused(f.fd, PS_E_PEER, "its header does not fit its size");
	unforge(&f);
	f = forge();
	assert_int_equal(ftruncate(f.fd, 4096 + 65536 + 4096), 0);
	seal(&f);
	assert_refused(f.fd, PS_E_PEER, "it has no such size");
	unforge(&f);
}

static void put_head(struct forged *f, uint64_t pos, uint64_t offset, uint32_t len)
{
	struct stream_record_head h = { .offset = offset, .len = len, .no = 1 };

	memcpy(f->data + pos % 65536, &h, sizeof(h));
}

static void a_lying_writer_is_an_error(void **state)
{
	static const struct {
		uint64_t head, tail, pos, offset, cursor;
		uint32_t len;
		const char *why;
	} lies[] = {
		{ 8, 0, 0, 0, 0, 0, "damaged at position 0" },                  /* less than a record */
		{ 32, 0, 0, 0, 0, 9, "damaged at position 0" },                 /* record behind head */
		{ 40, 0, 0, 0, 0, UINT32_MAX, "damaged at position 0" },
		{ 60000, 0, 0, 0, 0, 16385, "damaged at position 0" },          /* more than a record may have */
		{ 65536 + 8, 0, 0, 0, 0, 8, "damaged at position 0" },          /* more than the area */
		{ 43, 3, 3, 0, 3, 8, "damaged at position 3" },                 /* odd */
		{ UINT64_MAX - 7, 0, 0, 0, 0, 8, "it ends before the reader's place" },
		{ 0, 0, 0, 0, 64, 8, "it ends before the reader's place" },
		{ 72, 32, 32, 1, 0, 8, "damaged at position 32" },              /* counts backwards */
	};
	struct forged f = forge();

	(void)state;
	seal(&f);
	stream_unmapp(&v);
	for (size_t i = 0; i < PS_COUNT(lies); i++) {
		struct stream_cursor c = { .pos = lies[i].cursor, .offset = lies[i].offset ? 2 : 0 };
		const struct stream_cursor before = c;
		struct ps_err e = { .cls = PS_OK };
		struct stream_record r;

		assert_int_equal(stream_map(f.fd, &v, &e), 0);
		atomic_store(&f.h->head, lies[i].head);
		atomic_store(&f.h->tail, lies[i].tail);
		put_head(&f, lies[i].pos, lies[i].offset, lies[i].len);
		assert_int_equal(stream_read(v, &c, buf, sizeof(buf), &r, &e), -1);
		unit_assert_err(&e, PS_E_PEER, lies[i].why);
		assert_memory_equal(&c, &before, sizeof(c));
		stream_unmapp(&v);
	}
	/* A tail that is always ahead: bounded, and nothing is new. */
	assert_int_equal(stream_map(f.fd, &v, NULL), 0);
	atomic_store(&f.h->head, 64);
	atomic_store(&f.h->tail, 128);
	assert_int_equal(get(&(struct stream_cursor){ .pos = 0 }, &(struct stream_record){ .pos = 0 }), 0);
	unforge(&f);
}

/* A writer that never waits, in another process: every record that a reader gets is whole, and the bytes add up. */
static void races_with_a_writer(void **state)
{
	enum { TOTAL = 64 << 20 };
	struct stream_cursor c;
	struct stream_record r;
	uint64_t seen = 0, lost = 0, n = 0;
	int status;
	pid_t child;

	(void)state;
	stream_cursor_oldest(v, &c);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char text[4000];

		for (uint64_t i = 0; stream_bytes(w) < TOTAL; i++) {
			size_t len = 1 + i * 37 % sizeof(text);

			memset(text, (int)(stream_bytes(w) & 0x7f), len);
			stream_put(w, STREAM_STDOUT, text, len);
		}
		stream_finish(w);
		_exit(0);
	}
	while (!stream_ended(v, &c)) {
		if (get(&c, &r) == 0)
			continue;
		lost += r.lost;
		assert_int_equal(lost + seen, c.offset - r.len);
		for (uint32_t i = 0; i < r.len; i++)
			if (r.data[i] != (char)((c.offset - r.len) & 0x7f))
				fail_msg("byte %u of record %llu", i, (unsigned long long)n);
		seen += r.len;
		n++;
	}
	assert_true(seen + lost >= TOTAL);
	assert_true(n > 10);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void frees_what_it_made(void **state)
{
	const int before = unit_open_fds();
	struct stream *s = NULL;

	(void)state;
	assert_int_equal(stream_create(0, &s, NULL), 0);
	assert_int_equal(unit_open_fds(), before + 1);
	stream_freep(&s);
	assert_int_equal(unit_open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(golden_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(overtaken_reader_sees_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(long_writes_become_many_records, setup, teardown),
		cmocka_unit_test_setup_teardown(fills_from_a_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_back_pressure, setup, teardown),
		cmocka_unit_test_setup_teardown(peeks_without_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(small_buffer, setup, teardown),
		cmocka_unit_test(sizes),
		cmocka_unit_test_setup_teardown(readers_can_only_read, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lying_writer_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(races_with_a_writer, setup, teardown),
		cmocka_unit_test(frees_what_it_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
