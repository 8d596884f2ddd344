/* SPDX-License-Identifier: Apache-2.0
 * ipc_floor.c - a ring that trusts everybody: the least work that moves records between two processes.
 *
 * The same size, double mapping, batches and spins as podshim's link; one shared memory, no seals, no checks, no
 * record but its length, nothing that survives a dead peer.  Not part of podshim.
 *
 * Transports: copy, place (streams); spin, sleep, poll (round trips).
 */
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "ipc_bench.h"

struct shared {
	_Alignas(128) _Atomic uint64_t pos; /* head of a producer, tail of a consumer */
	_Alignas(128) _Atomic uint32_t asleep, word;
};

struct ring {
	struct shared *own, *peer; /* own is written here */
	unsigned char *data;
	uint64_t pos, told, peer_pos;
};

static struct shared *shared; /* of rings 0 and 1: producer, consumer */
static unsigned char *data[2];
static int bell[2], spins = SPINS, polls;

static void futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	(void)syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void tell(struct ring *r, int fd)
{
	r->told = r->pos;
	atomic_store(&r->own->pos, r->pos);
	if (!atomic_load(&r->peer->asleep))
		return;
	r->peer->asleep = 0;
	if (polls) {
		(void)!send(fd, "", 1, MSG_DONTWAIT);
		return;
	}
	atomic_fetch_add(&r->own->word, 1);
	futex(&r->own->word, FUTEX_WAKE, 1);
}

/* Until the peer has moved beyond at. */
static void await(struct ring *r, uint64_t at, int fd)
{
	char bytes[64];

	for (int i = 0; i < spins; i++) {
		r->peer_pos = atomic_load_explicit(&r->peer->pos, memory_order_acquire);
		if (r->peer_pos > at)
			return;
		__builtin_ia32_pause();
	}
	while ((r->peer_pos = atomic_load(&r->peer->pos)) <= at) {
		uint32_t seen = atomic_load(&r->peer->word);

		atomic_store(&r->own->asleep, 1);
		if ((r->peer_pos = atomic_load(&r->peer->pos)) <= at) {
			if (polls) {
				(void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
				(void)!recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
			} else {
				futex(&r->peer->word, FUTEX_WAIT, seen);
			}
		}
		r->own->asleep = 0;
	}
}

static inline unsigned char *room(struct ring *r, size_t size, int fd)
{
	if (__builtin_expect(r->pos + size - r->peer_pos > RING_BYTES, 0)) {
		r->peer_pos = atomic_load_explicit(&r->peer->pos, memory_order_acquire);
		if (r->pos + size - r->peer_pos > RING_BYTES) {
			tell(r, fd);
			await(r, r->pos - RING_BYTES + RING_BYTES / 4, fd); /* then there is room for any record */
		}
	}
	return r->data + r->pos % RING_BYTES;
}

static inline void push(struct ring *r, const void *from, size_t size, int fd)
{
	unsigned char *p = room(r, size + 8, fd);

	*(uint64_t *)(void *)p = size;
	memcpy(p + 8, from, size);
	r->pos += size + 8;
	if (r->pos - r->told >= BATCH_BYTES)
		tell(r, fd);
}

static inline unsigned char *front(struct ring *r, int fd)
{
	if (__builtin_expect(r->pos == r->peer_pos, 0))
		await(r, r->pos, fd);
	return r->data + r->pos % RING_BYTES;
}

static inline void pop(struct ring *r, size_t size, int fd)
{
	r->pos += size + 8;
	if (r->pos - r->told >= BATCH_BYTES)
		tell(r, fd);
}

static struct ring end_of(int ring, int consumer)
{
	struct shared *s = shared + 2 * ring;

	return (struct ring){ .own = s + consumer, .peer = s + !consumer, .data = data[ring] };
}

static void produce(struct job *job)
{
	struct ring r = end_of(0, 0);

	for (uint64_t i = 0; i < job->count; i++)
		push(&r, (char *)job->in + i * job->size % RING_BYTES, job->size, bell[0]);
	tell(&r, bell[0]);
}

static void consume(struct job *job)
{
	struct ring r = end_of(0, 1);
	int copies = !strcmp(job->transport, "copy");
	volatile uint64_t sum = 0;

	for (uint64_t i = 0; i < job->count; i++) {
		unsigned char *p = front(&r, bell[1]);
		uint64_t size = *(uint64_t *)(void *)p;

		if (copies)
			memcpy((char *)job->sink + i * size % RING_BYTES, p + 8, size);
		else
			sum += look(p + 8, size);
		pop(&r, size, bell[1]);
	}
}

static void ask(struct job *job)
{
	struct ring out = end_of(0, 0), in = end_of(1, 1);

	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t start = now_ns();

		push(&out, job->in, job->size, bell[0]);
		tell(&out, bell[0]);
		(void)front(&in, bell[0]);
		pop(&in, job->size, bell[0]);
		job->ns[i] = now_ns() - start;
	}
}

static void answer(struct job *job)
{
	struct ring in = end_of(0, 1), out = end_of(1, 0);

	for (uint64_t i = 0; i < job->count; i++) {
		(void)front(&in, bell[1]);
		pop(&in, job->size, bell[1]);
		push(&out, job->in, job->size, bell[1]);
		tell(&out, bell[1]);
	}
}

static void *map_twice(void)
{
	int fd = memfd_create("floor", MFD_CLOEXEC);
	unsigned char *p = mmap(NULL, 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || ftruncate(fd, RING_BYTES) < 0 || p == MAP_FAILED)
		die("memfd");
	for (int i = 0; i < 2; i++)
		if (mmap(p + i * RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			die("mmap");
	return p;
}

int main(int argc, char **argv)
{
	struct job job = { .count = 0 };

	parse(&job, argc, argv);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bell) < 0)
		die("shared");
	for (int i = 0; i < 2; i++)
		data[i] = map_twice();
	polls = !strcmp(job.transport, "poll");
	if (job.is_rtt)
		spins = strcmp(job.transport, "spin") ? 0 : SPINS_FOR_EVER;
	return job.is_rtt ? run(&job, ask, answer) : run(&job, produce, consume);
}
