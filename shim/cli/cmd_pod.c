/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod.c - podshim pod: the group of the commands that work on pods.
 */
#include "shim/cli/cmd.h"

/* The parser goes on to a command of the group, or there was no word. */
static int run_pod(struct cli *cli, struct ps_err *e)
{
	(void)cli;
	return ps_fail(e, PS_E_USAGE, "'pod' needs COMMAND; see 'podshim pod --help'");
}

const struct command cmd_pod = {
	.name = "pod",
	.words = "COMMAND [ARGUMENTS]",
	.summary = "run programs in prepared runners: launch in well under a millisecond",
	.about = "A pod keeps runners of one bundle prepared: containers that wait to be told what\n"
		 "to run. Each runs one program, and is freed after it. Runner N of the pod POD is\n"
		 "the container POD.N: state, exec, kill, list and delete work on it, too.",
	.examples = "podshim pod create --warm 8 jobs ./bundle\n"
		    "podshim pod launch jobs -- sh -c 'echo hello'\n"
		    "podshim pod rm jobs\n",
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_GROUP,
	.run = run_pod,
};
