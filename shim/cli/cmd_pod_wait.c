/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_wait.c - podshim pod wait: until runners have ended.
 */
#include "shim/cli/pod_client.h"

static int wait_one(const struct cli *cli, const char *word, int *ret_status, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };

	if (target_open(cli, word, &c, &r, e) < 0)
		return -1;
	return podshim_wait(r, ret_status, -1, &why) < 0 ? lib_failed(&why, e) : 0;
}

static int run_pod_wait(struct cli *cli, struct ps_err *e)
{
	int status = 0;

	for (size_t i = 0; i < cli->n_words; i++) {
		ps_auto_buf struct ps_buf out = { 0 };

		if (wait_one(cli, cli->words[i], &status, e) < 0)
			return -1;
		ps_buf_printf(&out, "%d\n", status);
		if (cli_print(&out, e) < 0)
			return -1;
	}
	return status;
}

const struct command cmd_pod_wait = {
	.name = "pod wait",
	.words = "NAME.N ...",
	.summary = "wait until runners have ended",
	.about = "Prints the exit status of each (128 + N after signal N), in the order of the\n"
		 "words, and exits with the last.",
	.examples = "podshim pod wait jobs.7\n",
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_pod_wait,
};
