/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_stop.c - podshim pod stop: end runners.
 */
#include "shim/cli/pod_client.h"

struct pod_stop_flags {
	bool force;
	const char *time;
};

static const struct opt pod_stop_rows[] = {
	{ "force", "f", OPT_FLAG, NULL, "SIGKILL at once", offsetof(struct pod_stop_flags, force) },
	{ "time", "t", OPT_STR, "DURATION", "from SIGTERM to SIGKILL (default: 10s)", offsetof(struct pod_stop_flags, time) },
};

static int stop_one(const struct cli *cli, const char *word, unsigned flags, int grace_ms, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };

	if (target_open(cli, word, &c, &r, e) < 0)
		return -1;
	return podshim_stop(r, flags, grace_ms, &why) < 0 ? lib_failed(&why, e) : 0;
}

static int run_pod_stop(struct cli *cli, struct ps_err *e)
{
	const struct pod_stop_flags *f = cli->flags;
	unsigned flags = f->force ? PODSHIM_FORCE : 0;
	int grace_ms;

	if (grace_of(f->time, &flags, &grace_ms, e) < 0)
		return -1;
	for (size_t i = 0; i < cli->n_words; i++)
		if (stop_one(cli, cli->words[i], flags, grace_ms, e) < 0)
			return -1;
	return 0;
}

const struct command cmd_pod_stop = {
	.name = "pod stop",
	.words = "NAME.N ...",
	.summary = "end runners",
	.about = "SIGTERM, and SIGKILL to all of it when the program has not ended in time. The\n"
		 "kernel keeps SIGTERM from a program that has no handler for it, as a plain shell.",
	.examples = "podshim pod stop --time 2s jobs.7\n",
	.opts = OPT_TABLE(pod_stop_rows),
	.flags_size = sizeof(struct pod_stop_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_pod_stop,
};
