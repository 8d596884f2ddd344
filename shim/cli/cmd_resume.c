/* SPDX-License-Identifier: Apache-2.0
 * cmd_resume.c - podshim resume: thaw a container.
 */
#include "shim/cli/cmd.h"

static int run_resume(struct cli *cli, struct ps_err *e)
{
	const char *id = cli->words[0];

	return cli_check_id(id, e) < 0 ? -1 : pod_resume(&cli->env, id, e);
}

const struct command cmd_resume = {
	.name = "resume",
	.words = "ID",
	.summary = "let a paused container go on",
	.about = "The opposite of 'podshim pause'.",
	.examples = "podshim resume web\n",
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_resume,
};
