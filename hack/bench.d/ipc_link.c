/* SPDX-License-Identifier: Apache-2.0
 * ipc_link.c - podshim's link in `hack/bench ipc`.
 *
 * Transports: copy (ring_write and ring_read), place (filled and looked at in the ring); spin, sleep, poll
 * (round trips).
 */
#include <poll.h>

#include "ipc/link.h"

#include "ipc_bench.h"

static struct link *host;
static int fds[LINK_FDS], polls;
static unsigned spins;

static void need(int got, const struct ps_err *e)
{
	if (got > 0)
		return;
	fprintf(stderr, "ipc_link: %s\n", got < 0 ? e->msg : "time is over");
	_exit(1);
}

static struct link *runner(void)
{
	struct ps_err e = { .cls = PS_OK };
	struct link *l = NULL;

	need(link_accept(fds, &l, &e) == 0 ? 1 : -1, &e);
	l->spin_max = spins;
	return l;
}

static void produce(struct job *job)
{
	struct ps_err e = { .cls = PS_OK };
	uint32_t size = (uint32_t)job->size;
	int got;

	for (uint64_t i = 0; i < job->count; i++) {
		void *p = NULL;

		got = ring_reserve(&host->out, size, &p, &e);
		if (got != 1)
			need(link_reserve(host, size, &p, -1, &e), &e);
		memcpy(p, (char *)job->in + i * size % RING_BYTES, size);
		ring_commit(&host->out, 1, 0, size);
	}
	ring_out_close(&host->out);
}

static void consume_in_place(struct job *job)
{
	struct ps_err e = { .cls = PS_OK };
	struct link *l = runner();
	struct ring_record r;
	volatile uint64_t sum = 0;
	uint64_t n = 0;
	int got;

	for (;;) {
		got = ring_next(&l->in, &r, &e);
		if (got == 0)
			got = link_next(l, &r, -1, &e);
		if (got == RING_END)
			break;
		need(got, &e);
		sum += look(r.data, r.len);
		ring_release(&l->in);
		n++;
	}
	if (n != job->count)
		die("lost records");
}

static void consume_copies(struct job *job)
{
	struct ps_err e = { .cls = PS_OK };
	struct link *l = runner();
	struct ring_record r;
	uint64_t n = 0;
	int got;

	while ((got = ring_read(&l->in, (char *)job->sink + n * job->size % RING_BYTES, job->size, &r, &e)) != RING_END) {
		if (got == 0)
			got = link_wait(l, LINK_READABLE, 0, -1, &e);
		else
			n++;
		need(got, &e);
	}
	if (n != job->count)
		die("lost records");
}

static void get(struct link *l, struct ring_record *r, struct ps_err *e)
{
	while (polls) {
		int got = ring_next(&l->in, r, e);

		if (got) {
			need(got, e);
			return;
		}
		if (!link_arm(l, LINK_READABLE, 0)) {
			(void)poll(&(struct pollfd){ .fd = link_fd(l), .events = POLLIN }, 1, -1);
			link_disarm(l);
		}
	}
	need(link_next(l, r, -1, e), e);
}

static void ask(struct job *job)
{
	struct ps_err e = { .cls = PS_OK };
	struct ring_record r;

	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t start = now_ns();

		need(ring_write(&host->out, 1, 0, job->in, (uint32_t)job->size, &e), &e);
		ring_flush(&host->out);
		get(host, &r, &e);
		ring_release(&host->in);
		job->ns[i] = now_ns() - start;
	}
}

static void answer(struct job *job)
{
	struct ps_err e = { .cls = PS_OK };
	struct link *l = runner();
	struct ring_record r;

	for (uint64_t i = 0; i < job->count; i++) {
		get(l, &r, &e);
		ring_release(&l->in);
		need(ring_write(&l->out, 1, 0, job->in, (uint32_t)job->size, &e), &e);
		ring_flush(&l->out);
	}
}

int main(int argc, char **argv)
{
	struct ps_err e = { .cls = PS_OK };
	struct job job = { .count = 0 };

	parse(&job, argc, argv);
	polls = !strcmp(job.transport, "poll");
	spins = !job.is_rtt ? SPINS : strcmp(job.transport, "spin") ? 0 : SPINS_FOR_EVER;
	need(link_offer(RING_BYTES, &host, fds, &e) == 0 ? 1 : -1, &e);
	host->spin_max = spins;
	if (job.is_rtt)
		return run(&job, ask, answer);
	return run(&job, produce, strcmp(job.transport, "copy") ? consume_in_place : consume_copies);
}
