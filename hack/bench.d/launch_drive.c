/* SPDX-License-Identifier: Apache-2.0
 * launch_drive.c - what the launch benchmark times; one number a line.
 *
 *	warm ROOT POD N GAP_MS PAYLOAD    ns from the request to the first instruction of a prepared runner's program
 *	cold N GAP_MS COMMAND...          the same of a command line whose standard output is PAYLOAD's
 *	parked N GAP_MS PAYLOAD           the same of a process that waits at a pipe and only executes: the floor
 *	code ROOT POD N GAP_MS            ns of a job on an interpreter runner, from request to result
 *	total N GAP_MS COMMAND...         ns of a command line, from spawn to exit
 *	pumped ROOT POD MIB PAYLOAD       GB/s of a runner's standard output, through the supervisor
 *	piped MIB PAYLOAD                 GB/s of the same through a pipe
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/podshim.h"

extern char **environ;

static long long ns_of(struct timespec t)
{
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ns_of(t);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "launch_drive: %s: %s\n", what, why);
	exit(1);
}

static void gap(const char *ms)
{
	usleep((useconds_t)atoi(ms) * 1000);
}

static struct podshim *connect_to(const char *root, const char *pod)
{
	struct podshim_error e = { 0 };
	struct podshim *c;

	if (podshim_connect(root, pod, &c, &e) < 0)
		die("connect", e.text);
	return c;
}

static void launch(struct podshim *c, const char *const *args, struct podshim_runner **r)
{
	const struct podshim_launch what = { .args = args, .flags = PODSHIM_LOSSLESS };
	struct podshim_error e = { 0 };

	if (podshim_launch(c, &what, r, &e) < 0)
		die("launch", e.text);
}

static void finish(struct podshim_runner *r)
{
	struct podshim_error e = { 0 };
	int status;

	if (podshim_wait(r, &status, -1, &e) < 0 || status != 0)
		die("wait", e.text);
	podshim_runner_close(r);
}

static int warm(char **v)
{
	struct podshim *c = connect_to(v[0], v[1]);
	const char *const args[] = { v[4], NULL };

	for (int i = atoi(v[2]); i > 0; i--) {
		struct podshim_error e = { 0 };
		struct podshim_output out;
		struct podshim_runner *r;
		struct timespec first;
		long long begin;

		gap(v[3]);
		begin = now_ns();
		launch(c, args, &r);
		if (podshim_output(r, &out, -1, &e) != 1 || out.len != sizeof(first))
			die("output", e.text);
		memcpy(&first, out.data, sizeof(first));
		printf("%lld\n", ns_of(first) - begin);
		finish(r);
	}
	podshim_close(c);
	return 0;
}

static pid_t spawn_to(char **argv, int out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&fa, out, 1);
	errno = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	if (errno)
		die(argv[0], strerror(errno));
	posix_spawn_file_actions_destroy(&fa);
	return pid;
}

static void reap(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die(what, "failed");
}

static int cold(char **v)
{
	for (int i = atoi(v[0]); i > 0; i--) {
		struct timespec first;
		long long begin;
		int pair[2];

		gap(v[1]);
		if (pipe(pair) < 0)
			die("pipe", strerror(errno));
		begin = now_ns();
		pid_t pid = spawn_to(v + 2, pair[1]);

		close(pair[1]);
		if (read(pair[0], &first, sizeof(first)) != (ssize_t)sizeof(first))
			die(v[2], "wrote no time");
		printf("%lld\n", ns_of(first) - begin);
		close(pair[0]);
		reap(pid, v[2]);
	}
	return 0;
}

static int parked(char **v)
{
	for (int i = atoi(v[0]); i > 0; i--) {
		char *const argv[] = { v[2], NULL };
		int go[2], out[2];
		struct timespec first;
		long long begin;

		if (pipe(go) < 0 || pipe(out) < 0)
			die("pipe", strerror(errno));
		pid_t pid = fork();

		if (pid == 0) {
			char c;

			dup2(out[1], 1);
			if (read(go[0], &c, 1) == 1)
				execve(v[2], argv, environ);
			_exit(1);
		}
		gap(v[1]);
		begin = now_ns();
		if (write(go[1], "", 1) != 1 || read(out[0], &first, sizeof(first)) != (ssize_t)sizeof(first))
			die(v[2], "wrote no time");
		printf("%lld\n", ns_of(first) - begin);
		for (int k = 0; k < 2; k++) {
			close(go[k]);
			close(out[k]);
		}
		reap(pid, v[2]);
	}
	return 0;
}

static int code(char **v)
{
	static const char job[] = "1 + 1";
	struct podshim *c = connect_to(v[0], v[1]);

	for (int i = atoi(v[2]); i > 0; i--) {
		const struct podshim_launch what = { .flags = PODSHIM_CODE };
		struct podshim_error e = { 0 };
		struct podshim_result result;
		struct podshim_runner *r;
		struct podshim_link *l;
		long long begin;

		gap(v[3]);
		begin = now_ns();
		if (podshim_launch_linked(c, &what, 65536, &r, &l, &e) < 0)
			die("launch", e.text);
		if (podshim_run_code(l, job, sizeof(job) - 1, NULL, NULL, -1, &result, &e) != 1 || result.status)
			die("code", e.text);
		printf("%lld\n", now_ns() - begin);
		free(result.text);
		podshim_link_close(l);
		finish(r);
	}
	podshim_close(c);
	return 0;
}

static int total(char **v)
{
	for (int i = atoi(v[0]); i > 0; i--) {
		long long begin;

		gap(v[1]);
		begin = now_ns();
		reap(spawn_to(v + 2, -1), v[2]);
		printf("%lld\n", now_ns() - begin);
	}
	return 0;
}

static void print_rate(long long bytes, long long ns)
{
	printf("%.4f\n", (double)bytes / (double)ns);
}

static int pumped(char **v)
{
	struct podshim *c = connect_to(v[0], v[1]);
	const char *const args[] = { v[3], v[2], NULL };
	const long long wanted = atoll(v[2]) << 20, begin = now_ns();
	struct podshim_error e = { 0 };
	struct podshim_output out;
	struct podshim_runner *r;
	long long got = 0;
	int rc;

	launch(c, args, &r);
	while ((rc = podshim_output(r, &out, -1, &e)) == 1)
		got += (long long)out.len;
	if (rc < 0 || got != wanted)
		die("output", e.text);
	print_rate(got, now_ns() - begin);
	finish(r);
	podshim_close(c);
	return 0;
}

static int piped(char **v)
{
	static char block[65536];
	char *argv[] = { v[1], v[0], NULL };
	const long long begin = now_ns();
	long long got = 0;
	int pair[2];
	ssize_t n;

	if (pipe(pair) < 0)
		die("pipe", strerror(errno));
	pid_t pid = spawn_to(argv, pair[1]);

	close(pair[1]);
	while ((n = read(pair[0], block, sizeof(block))) > 0)
		got += n;
	print_rate(got, now_ns() - begin);
	reap(pid, v[1]);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int n; int (*run)(char **); } modes[] = {
		{ "warm", 5, warm }, { "cold", 3, cold }, { "parked", 3, parked }, { "code", 4, code },
		{ "total", 3, total }, { "pumped", 4, pumped }, { "piped", 2, piped },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc >= 2 + modes[i].n && !strcmp(argv[1], modes[i].name))
			return modes[i].run(argv + 2);
	fprintf(stderr, "usage: see the head of launch_drive.c\n");
	return 2;
}
