/* SPDX-License-Identifier: Apache-2.0
 * cmd_start.c - podshim start: let a created container run its program.
 */
#include "shim/cli/cmd.h"

static int run_start(struct cli *cli, struct ps_err *e)
{
	const char *id = cli->words[0];

	return cli_check_id(id, e) < 0 ? -1 : pod_start(&cli->env, id, e);
}

const struct command cmd_start = {
	.name = "start",
	.words = "ID",
	.summary = "run what a created container is for",
	.about = "Returns once the program was executed and the poststart hooks have run.",
	.examples = "podshim create -b ./bundle web && podshim start web\n",
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_start,
};
