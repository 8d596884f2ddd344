/* SPDX-License-Identifier: Apache-2.0
 * ipc_kernel.c - what the kernel offers, in `hack/bench ipc`: pipe64k, pipe1m, stream, seqpacket.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "ipc_bench.h"

static int fd[2], back[2]; /* [0] is read, [1] is written */

static void whole(int is_read, int file, void *p, size_t n)
{
	while (n) {
		ssize_t r = is_read ? read(file, p, n) : write(file, p, n);

		if (r <= 0)
			die(is_read ? "read" : "write");
		p = (char *)p + r;
		n -= (size_t)r;
	}
}

static void produce(struct job *job)
{
	for (uint64_t i = 0; i < job->count; i++)
		whole(0, fd[1], (char *)job->in + i * job->size % RING_BYTES, job->size);
}

/* As much as there is at once: a byte stream knows no records.  A seqpacket gives one of them. */
static void consume(struct job *job)
{
	uint64_t left = job->count * job->size;
	int packets = !strcmp(job->transport, "seqpacket");

	while (left) {
		ssize_t r = read(fd[0], job->sink, packets ? job->size : MAX_RECORD);

		if (r <= 0)
			die("read");
		left -= (uint64_t)r;
	}
}

static void ask(struct job *job)
{
	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t start = now_ns();

		whole(0, fd[1], job->in, job->size);
		whole(1, back[0], job->sink, job->size);
		job->ns[i] = now_ns() - start;
	}
}

static void answer(struct job *job)
{
	for (uint64_t i = 0; i < job->count; i++) {
		whole(1, fd[0], job->sink, job->size);
		whole(0, back[1], job->in, job->size);
	}
}

static void make(const char *transport, int ends[2])
{
	int size = RING_BYTES, r;

	if (!strncmp(transport, "pipe", 4)) {
		r = pipe(ends);
		if (r == 0 && !strcmp(transport, "pipe1m"))
			r = fcntl(ends[0], F_SETPIPE_SZ, size) < 0 ? -1 : 0;
	} else {
		r = socketpair(AF_UNIX, strcmp(transport, "stream") ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends);
		if (r == 0)
			r = setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (r < 0)
		die(transport);
}

int main(int argc, char **argv)
{
	struct job job = { .count = 0 };

	parse(&job, argc, argv);
	make(job.transport, fd);
	make(job.transport, back);
	return job.is_rtt ? run(&job, ask, answer) : run(&job, produce, consume);
}
