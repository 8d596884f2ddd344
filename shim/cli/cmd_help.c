/* SPDX-License-Identifier: Apache-2.0
 * cmd_help.c - podshim help: the overview, or one command.
 */
#include "shim/cli/cmd.h"

static int run_help(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct command *c = command_of_words(cli->words, cli->n_words);

	if (cli->n_words && (!c || c->attr & CMD_HIDDEN))
		return ps_fail(e, PS_E_USAGE, "%s '%s%s%s'; see '%s help'", cli_no_command(cli), cli->words[0],
			       cli->n_words > 1 ? " " : "", cli->n_words > 1 ? cli->words[1] : "", cli->program);
	if (c)
		help_command(&out, cli->program, c);
	else
		help_overview(&out, cli->program);
	return cli_print(&out, e);
}

const struct command cmd_help = {
	.name = "help",
	.words = "[COMMAND]",
	.summary = "list the commands, or explain one",
	.about = "The same text as 'podshim COMMAND --help'.",
	.examples = "podshim help run\n"
		    "podshim help pod launch\n",
	.max_words = 2,
	.run = run_help,
};
