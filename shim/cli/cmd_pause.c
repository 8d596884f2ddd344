/* SPDX-License-Identifier: Apache-2.0
 * cmd_pause.c - podshim pause: freeze a container.
 */
#include "shim/cli/cmd.h"

static int run_pause(struct cli *cli, struct ps_err *e)
{
	const char *id = cli->words[0];

	return cli_check_id(id, e) < 0 ? -1 : pod_pause(&cli->env, id, e);
}

const struct command cmd_pause = {
	.name = "pause",
	.words = "ID",
	.summary = "freeze every process of a container",
	.about = "The processes stay in memory and get no processor time until 'podshim resume'.",
	.examples = "podshim pause web\n",
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pause,
};
