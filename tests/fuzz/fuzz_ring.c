/* SPDX-License-Identifier: Apache-2.0
 * fuzz_ring.c - both views of a ring against a peer that stores any values at any time: bounded work, records within
 * bounds, dead for good after a refusal.
 *
 * Input: steps of 10 bytes: what to store or call, where, 8 bytes of value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/ring.h"

enum { SIZE = 4096, STEP = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct peer {
	struct ring_page producer, consumer; /* written by the peer */
	unsigned char *data;                 /* of the ring that the peer writes, twice */
};

static void *map_twice(void)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	unsigned char *p = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || ftruncate(fd, SIZE) < 0 || p == MAP_FAILED)
		abort();
	for (int i = 0; i < 2; i++)
		if (mmap(p + i * SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			abort();
	(void)close(fd);
	return p;
}

static void read_one(struct ring_in *in, const unsigned char *start)
{
	static unsigned char buf[SIZE];
	bool dead = in->end.fault != RING_FINE, copies = in->pos % 16 != 0;
	struct ring_record r = { .len = 0 };
	int got = copies ? ring_read(in, buf, sizeof(buf), &r, NULL) : ring_next(in, &r, NULL);

	if (dead && got != -1)
		abort();
	if (got != 1)
		return;
	if (r.len > in->record_max || in->seen - in->pos > SIZE || in->pos - in->end.published > SIZE)
		abort();
	if (!copies && ((const unsigned char *)r.data < start || (const unsigned char *)r.data + r.len > start + 2 * SIZE))
		abort();
	memcpy(buf, r.data, r.len); /* a wrong length is for the sanitizer */
	ring_release(in);
}

static void write_one(struct ring_out *out, unsigned char *start, uint32_t len)
{
	bool dead = out->end.fault != RING_FINE;
	void *p = NULL;
	int got = ring_reserve(out, len, &p, NULL);

	if (dead && len <= out->record_max && got != -1)
		abort();
	if (got != 1)
		return;
	if ((unsigned char *)p < start || (unsigned char *)p + len > start + 2 * SIZE)
		abort();
	memset(p, 'w', len);
	if (len % 5 == 0)
		ring_discard(out);
	else
		ring_commit(out, 1, 0, len);
	if (out->head - out->end.published > SIZE || out->limit - out->head > SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct peer peer;
	static struct ring_page own[2];
	static unsigned char *out_data;
	static _Atomic uint32_t word;
	const struct ring_bell bell = { .word = &word, .fd = -1 };
	struct ring_out out;
	struct ring_in in;

	if (!out_data) {
		out_data = map_twice();
		peer.data = map_twice();
	}
	memset(&peer.producer, 0, sizeof(peer.producer));
	memset(&peer.consumer, 0, sizeof(peer.consumer));
	memset(peer.data, 0, SIZE);
	memset(own, 0, sizeof(own));
	ring_out_init(&out, &own[0], &peer.consumer, out_data, SIZE, &bell);
	ring_in_init(&in, &own[1], &peer.producer, peer.data, SIZE, &bell);
	for (; n >= STEP; data += STEP, n -= STEP) {
		struct ring_page *page = data[1] & 1 ? &peer.producer : &peer.consumer;
		uint64_t value;

		memcpy(&value, data + 2, sizeof(value));
		switch (data[0] % 12) {
		case 0: page->pos = value; break;
		case 1: page->pos += data[1] / 2u * 8u; break; /* what an honest peer does */
		case 2: page->sleep = value; break;
		case 3: page->want = value; break;
		case 4: page->closed = (uint32_t)value; break;
		case 5: memcpy(peer.data + data[1] * 16u, &value, sizeof(value)); break;
		case 6: write_one(&out, out_data, (uint32_t)value); break;
		case 7: write_one(&out, out_data, (uint32_t)value % SIZE); break;
		case 8: ring_flush(&out); break;
		case 9: (void)ring_in_ready(&in), (void)ring_out_ready(&out, (uint32_t)value); break;
		case 10: data[1] & 1 ? ring_in_sleep(&in, 1) : ring_out_sleep(&out, (uint32_t)value, 1); break;
		default: read_one(&in, peer.data); break;
		}
	}
	/* Nothing makes a drain endless: what was seen before, and one look at what is there now. */
	for (int left = 2 * SIZE / RING_HEAD_SIZE + 1; ring_in_ready(&in) && in.end.fault == RING_FINE && !in.ended; left--) {
		if (left == 0)
			abort();
		read_one(&in, peer.data);
	}
	return 0;
}
