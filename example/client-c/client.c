/* SPDX-License-Identifier: Apache-2.0
 * client.c - usage: client [-r ROOT] POD run ARG...      run a program in the pod: its output, its exit status
 *                   client [-r ROOT] NAME echo N MIB     send MIB mebibytes to runner N (0: a container), which runs echo
 */
#include <podshim.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 64 * 1024 };

static int failed(const struct podshim_error *e)
{
	(void)fprintf(stderr, "client: %s\n", e->text);
	return 125;
}

/* ---- run ---- */

static int show(struct podshim_runner *r, struct podshim_error *e)
{
	struct podshim_output o;
	int got;

	while ((got = podshim_output(r, &o, -1, e)) == 1)
		if (fwrite(o.data, 1, o.len, o.stream == 2 ? stderr : stdout) != o.len)
			break;
	return got < 0 ? -1 : 0;
}

static int run(struct podshim *pod, char **args)
{
	const struct podshim_launch what = { .args = (const char *const *)(void *)args, .flags = PODSHIM_LOSSLESS };
	struct podshim_runner *r = NULL;
	struct podshim_error e;
	int status = 0;

	if (podshim_launch(pod, &what, &r, &e) < 0)
		return failed(&e);
	if (show(r, &e) < 0 || podshim_wait(r, &status, -1, &e) < 0)
		status = failed(&e);
	podshim_runner_close(r);
	return status;
}

/* ---- echo ---- */

/* What byte i of the whole conversation is. */
static uint64_t pattern(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15u;
}

static void fill(void *to, uint64_t first)
{
	for (uint64_t i = 0; i < RECORD / 8; i++)
		((uint64_t *)to)[i] = pattern(first + i);
}

static int same(const struct podshim_record *in, uint64_t first)
{
	uint64_t bad = in->len != RECORD;

	for (uint64_t i = 0; !bad && i < RECORD / 8; i++)
		bad = ((const uint64_t *)in->data)[i] != pattern(first + i);
	return !bad;
}

/* Sends while there is room and receives while there is something: neither side ever waits for the other in vain. */
static int converse(struct podshim_link *link, uint64_t total, struct podshim_error *e)
{
	uint64_t sent = 0, back = 0;
	struct podshim_record in;
	void *to;

	while (back < total) {
		int room = sent < total ? podshim_reserve(link, RECORD, &to, 0, e) : 0, got;

		if (room < 0)
			return -1;
		if (room) {
			fill(to, sent / 8);
			podshim_commit(link, PODSHIM_DATA, 0, RECORD);
			sent += RECORD;
		}
		got = podshim_receive(link, &in, room ? 0 : -1, e);
		if (got < 0)
			return -1;
		if (got == PODSHIM_END || (got == 1 && !same(&in, back / 8))) {
			(void)snprintf(e->text, sizeof(e->text), "byte %llu came back wrong", (unsigned long long)back);
			return -1;
		}
		if (got == 1)
			back += RECORD;
		podshim_release(link);
	}
	return 0;
}

static int echo(struct podshim *pod, unsigned n, uint64_t mib)
{
	struct podshim_link *link = NULL;
	struct podshim_error e;
	int r;

	if (podshim_link_open(pod, n, 0, &link, &e) < 0)
		return failed(&e);
	r = converse(link, mib << 20, &e);
	if (r < 0 || podshim_send(link, PODSHIM_STOP, 0, NULL, 0, -1, &e) < 0)
		r = failed(&e);
	else
		(void)printf("%llu MiB came back as they were\n", (unsigned long long)mib);
	podshim_link_close(link);
	return r;
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: client [-r ROOT] POD run ARG...\n       client [-r ROOT] NAME echo N MIB\n");
	return 125;
}

int main(int argc, char **argv)
{
	const char *root = NULL;
	struct podshim *pod = NULL;
	struct podshim_error e;
	int opt, status;

	while ((opt = getopt(argc, argv, "+r:")) != -1) {
		if (opt != 'r')
			return usage();
		root = optarg;
	}
	argv += optind;
	argc -= optind;
	if (argc < 3)
		return usage();
	if (podshim_connect(root, argv[0], &pod, &e) < 0)
		return failed(&e);
	if (strcmp(argv[1], "run") == 0)
		status = run(pod, argv + 2);
	else if (strcmp(argv[1], "echo") == 0 && argc == 4)
		status = echo(pod, (unsigned)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	else
		status = usage();
	podshim_close(pod);
	return status;
}
