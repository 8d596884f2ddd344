/* SPDX-License-Identifier: Apache-2.0
 * drive.c - the benchmark's stopwatch: runs jobs in shuffled order and prints one line per measured step.
 *
 *	drive [-n ROUNDS] [-w WARM_UP_ROUNDS] [-g GAP_MS] [-s SEED] JOBS
 *
 * JOBS has one step per line, fields separated by tabs: JOB STEP COPIES PROGRAM ARG...  Neighbouring lines with the same
 * JOB are its steps; every round runs every job once, in a new random order, with GAP_MS of sleep before each.  In
 * arguments %N becomes the number of the launch.  A step with COPIES > 1 starts that many at once and waits for all.
 * STEP "-" is done but not measured; PROGRAM "@reap" waits until one orphan (a detached container's init, whose
 * reaper this process is) has ended.  Output, on stdout: JOB STEP ROUND WALL_US CPU_US FAILED.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGS = 64, MAX_COPIES = 256, MAX_STEPS = 1024, MAX_ARG = 1024, REAP_DEADLINE_MS = 5000 };

struct step {
	char *job, *name;
	unsigned int copies;
	char *argv[MAX_ARGS + 1];
};
struct job {
	unsigned int first, n;
};

static struct step steps[MAX_STEPS];
static struct job jobs[MAX_STEPS];
static unsigned int n_steps, n_jobs;
static unsigned long launches;
static int null_fd;
static uint64_t random_state = 1;

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ms(unsigned long ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static uint64_t random_below(uint64_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % n;
}

static void read_jobs(const char *file)
{
	FILE *in = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;

	if (in == NULL)
		die(file);
	while (getline(&line, &size, in) > 0) {
		struct step *s = &steps[n_steps];
		char *save = NULL, *copy = strdup(line), *field;
		unsigned int n = 0;

		if (copy == NULL)
			die("strdup");
		copy[strcspn(copy, "\n")] = '\0';
		s->job = strtok_r(copy, "\t", &save);
		s->name = strtok_r(NULL, "\t", &save);
		field = strtok_r(NULL, "\t", &save);
		if (field == NULL || n_steps == MAX_STEPS - 1) {
			errno = EINVAL;
			die(file);
		}
		s->copies = (unsigned int)strtoul(field, NULL, 10);
		if (s->copies > MAX_COPIES)
			s->copies = MAX_COPIES;
		while (n < MAX_ARGS && (field = strtok_r(NULL, "\t", &save)) != NULL)
			s->argv[n++] = field;
		if (n_jobs == 0 || strcmp(steps[jobs[n_jobs - 1].first].job, s->job) != 0)
			jobs[n_jobs++] = (struct job){ .first = n_steps };
		jobs[n_jobs - 1].n++;
		n_steps++;
	}
	free(line);
	(void)fclose(in);
}

/* vfork: what is measured is the program, not the copying of this process. */
static pid_t launch(const struct step *s, unsigned long number)
{
	static char text[MAX_ARGS][MAX_ARG];
	char *argv[MAX_ARGS + 1];
	unsigned int n = 0;

	for (; s->argv[n] != NULL; n++) {
		const char *mark = strstr(s->argv[n], "%N");

		argv[n] = s->argv[n];
		if (mark == NULL)
			continue;
		(void)snprintf(text[n], MAX_ARG, "%.*s%lu%s", (int)(mark - s->argv[n]), s->argv[n], number, mark + 2);
		argv[n] = text[n];
	}
	argv[n] = NULL;
	pid_t pid = vfork();

	if (pid == 0) {
		(void)dup2(null_fd, 0);
		(void)dup2(null_fd, 1);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	return pid;
}

static bool reap_one_orphan(void)
{
	for (unsigned int ms = 0; ms < REAP_DEADLINE_MS; ms++) {
		if (waitpid(-1, NULL, WNOHANG) > 0)
			return true;
		sleep_ms(1);
	}
	return false;
}

static unsigned long micros(const struct timeval *t)
{
	return (unsigned long)t->tv_sec * 1000000 + (unsigned long)t->tv_usec;
}

/* `number` is that of the job's first copy: all steps of one job and round see the same. */
static void run_step(const struct step *s, unsigned long number, unsigned int round, bool measured)
{
	pid_t pids[MAX_COPIES];
	unsigned long cpu_us = 0;
	unsigned int failed = 0;

	if (strcmp(s->argv[0], "@reap") == 0) {
		if (!reap_one_orphan())
			(void)fprintf(stderr, "drive: %s: no container ended\n", s->job);
		return;
	}
	uint64_t start = now_ns();

	for (unsigned int i = 0; i < s->copies; i++)
		pids[i] = launch(s, number + i);
	for (unsigned int i = 0; i < s->copies; i++) {
		struct rusage used;
		int status;

		if (wait4(pids[i], &status, 0, &used) != pids[i])
			die("wait4");
		cpu_us += micros(&used.ru_utime) + micros(&used.ru_stime);
		failed += status != 0;
	}
	uint64_t stop = now_ns();

	if (measured && strcmp(s->name, "-") != 0)
		(void)printf("%s\t%s\t%u\t%.1f\t%lu\t%u\n", s->job, s->name, round, (double)(stop - start) / 1000, cpu_us, failed);
}

static void run_round(unsigned int round, bool measured, unsigned long gap_ms)
{
	for (unsigned int i = n_jobs - 1; i > 0; i--) {
		unsigned int k = (unsigned int)random_below(i + 1);
		struct job swap = jobs[i];

		jobs[i] = jobs[k];
		jobs[k] = swap;
	}
	for (unsigned int i = 0; i < n_jobs; i++) {
		unsigned long number = launches;

		launches += MAX_COPIES;
		for (unsigned int k = 0; k < jobs[i].n; k++) {
			if (gap_ms > 0)
				sleep_ms(gap_ms);
			run_step(&steps[jobs[i].first + k], number, round, measured);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = 1, warm_up = 0, gap_ms = 0;

	for (int c; (c = getopt(argc, argv, "n:w:g:s:")) != -1;) {
		unsigned long v = strtoul(optarg == NULL ? "" : optarg, NULL, 10);

		switch (c) {
		case 'n': rounds = v; break;
		case 'w': warm_up = v; break;
		case 'g': gap_ms = v; break;
		case 's': random_state = v; break;
		default: return 2;
		}
	}
	if (optind + 1 != argc) {
		(void)fprintf(stderr, "usage: drive [-n ROUNDS] [-w WARM_UP_ROUNDS] [-g GAP_MS] [-s SEED] JOBS\n");
		return 2;
	}
	read_jobs(argv[optind]);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("prctl(PR_SET_CHILD_SUBREAPER)");
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		die("/dev/null");
	for (unsigned int round = 0; n_jobs > 0 && round < warm_up + rounds; round++)
		run_round(round, round >= warm_up, gap_ms);
	return fflush(stdout) == 0 ? 0 : 1;
}
