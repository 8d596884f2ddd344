/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_interrupt.c - podshim pod interrupt: what Ctrl-C does.
 */
#include "shim/cli/pod_client.h"

static int interrupt_one(const struct cli *cli, const char *word, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };

	if (target_open(cli, word, &c, &r, e) < 0)
		return -1;
	return podshim_interrupt(r, &why) < 0 ? lib_failed(&why, e) : 0;
}

static int run_pod_interrupt(struct cli *cli, struct ps_err *e)
{
	for (size_t i = 0; i < cli->n_words; i++)
		if (interrupt_one(cli, cli->words[i], e) < 0)
			return -1;
	return 0;
}

const struct command cmd_pod_interrupt = {
	.name = "pod interrupt",
	.words = "NAME.N ...",
	.summary = "interrupt runners",
	.about = "SIGINT to the program, as Ctrl-C does. It may go on; 'podshim pod stop' does not\n"
		 "let it.",
	.examples = "podshim pod interrupt jobs.7\n",
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_pod_interrupt,
};
