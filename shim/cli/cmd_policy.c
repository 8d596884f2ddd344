/* SPDX-License-Identifier: Apache-2.0
 * cmd_policy.c - podshim policy: the group of the commands that work on policies.
 */
#include "shim/cli/cmd.h"

/* The parser goes on to a command of the group, or there was no word. */
static int run_policy(struct cli *cli, struct ps_err *e)
{
	(void)cli;
	return ps_fail(e, PS_E_USAGE, "'policy' needs COMMAND; see 'podshim policy --help'");
}

const struct command cmd_policy = {
	.name = "policy",
	.words = "COMMAND [ARGUMENTS]",
	.summary = "write, check, show and try policies: files of permissions",
	.about = "A policy says in Deno's words what a container or program may read, write, reach,\n"
		 "run and know. Flags (--allow-read=/data), variables and annotations say the same;\n"
		 "'policy show' tells what all of them come to.",
	.examples = "podshim policy init -o policy.json ./bundle\n"
		    "podshim policy lint policy.json\n"
		    "podshim policy show --policy policy.json ./bundle\n",
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_GROUP,
	.run = run_policy,
};
