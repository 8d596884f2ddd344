/* SPDX-License-Identifier: Apache-2.0
 * cmd_gc.c - podshim gc: free what killed processes left behind.
 */
#include "shim/cli/cmd.h"

static int run_gc(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf report = { 0 };

	return pod_gc(&cli->env, &report, e) < 0 ? -1 : cli_print(&report, e);
}

const struct command cmd_gc = {
	.name = "gc",
	.words = "",
	.summary = "free what killed processes left behind",
	.about = "Half-made containers whose maker is dead, pods whose processes are, with their\n"
		 "runners, records of an earlier boot, shared memory without an owner. Prints a line\n"
		 "for each. What is in use is left alone.",
	.examples = "podshim gc\n",
	.attr = CMD_ROOT,
	.run = run_gc,
};
