/* SPDX-License-Identifier: Apache-2.0
 * ipc_bench.h - what the transports of `hack/bench ipc` share: arguments, two pinned processes, the clock, the result.
 *
 *	PROGRAM TRANSPORT stream SIZE MiB CPU CPU     one way: seconds, records and system calls are printed
 *	PROGRAM TRANSPORT rtt ROUNDS - CPU CPU        there and back: nanoseconds of each round are printed as quantiles
 *
 * The parent is the producer and the child the consumer.  CPU -1: wherever the kernel likes.
 */
#pragma once
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RING_BYTES = 1 << 20, BATCH_BYTES = 4096, SPINS = 50, SPINS_FOR_EVER = 1 << 24, MAX_RECORD = 1 << 16 };

struct job {
	const char *transport;
	int is_rtt;
	size_t size;    /* of a record */
	uint64_t count; /* records or rounds */
	int cpu[2];     /* producer, consumer */
	uint64_t *ns;   /* of each round */
	void *in;       /* 1 MiB of data to send */
	void *sink;     /* where a copying consumer puts it */
};

static inline void die(const char *what)
{
	perror(what);
	_exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("pin");
}

/* The consumer looks at one word of every line: data that nobody reads costs nothing. */
static inline uint64_t look(const void *p, size_t n)
{
	const uint64_t *w = p;
	uint64_t sum = 0;

	for (size_t i = 0; i < n / 8; i += 8)
		sum += w[i];
	return sum;
}

static inline int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Both processes meet here before the clock starts. */
struct gate {
	_Alignas(128) volatile uint32_t here[2];
};

static inline void meet(struct gate *g, int who)
{
	__atomic_store_n(&g->here[who], 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&g->here[!who], __ATOMIC_SEQ_CST))
		sched_yield();
}

typedef void (*side_fn)(struct job *job);

static inline void parse(struct job *job, int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: %s TRANSPORT stream|rtt SIZE|ROUNDS MiB CPU CPU\n", argv[0]);
		_exit(2);
	}
	job->transport = argv[1];
	job->is_rtt = !strcmp(argv[2], "rtt");
	job->size = job->is_rtt ? 64 : strtoul(argv[3], NULL, 10);
	job->count = job->is_rtt ? strtoul(argv[3], NULL, 10) : (strtoul(argv[4], NULL, 10) << 20) / job->size;
	job->cpu[0] = atoi(argv[5]);
	job->cpu[1] = atoi(argv[6]);
	job->ns = calloc(job->count, sizeof(*job->ns));
	job->in = aligned_alloc(4096, RING_BYTES);
	job->sink = aligned_alloc(4096, RING_BYTES);
	if (!job->ns || !job->in || !job->sink || job->size > MAX_RECORD)
		die("job");
	memset(job->in, 'a', RING_BYTES);
	memset(job->sink, 'b', RING_BYTES);
}

/* The last record has been consumed when the child ends. */
static inline int run(struct job *job, side_fn producer, side_fn consumer)
{
	struct gate *gate = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start, *end;
	int status = 0;
	pid_t pid;

	if (gate == MAP_FAILED)
		die("mmap");
	end = (uint64_t *)(void *)((char *)gate + 1024);
	(void)setpriority(PRIO_PROCESS, 0, -20); /* other jobs of the machine wait */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		pin(job->cpu[1]);
		meet(gate, 1);
		consumer(job);
		*end = now_ns();
		_exit(0);
	}
	pin(job->cpu[0]);
	meet(gate, 0);
	start = now_ns();
	producer(job);
	if (waitpid(pid, &status, 0) != pid || status)
		die("consumer");
	if (!job->is_rtt) {
		printf("%.9f\t%llu\n", (double)(*end - start) / 1e9, (unsigned long long)job->count);
		return 0;
	}
	qsort(job->ns, job->count, sizeof(*job->ns), by_value);
	printf("%llu\t%llu\t%llu\n", (unsigned long long)job->ns[job->count / 2],
	       (unsigned long long)job->ns[job->count / 10], (unsigned long long)job->ns[job->count * 9 / 10]);
	return 0;
}
