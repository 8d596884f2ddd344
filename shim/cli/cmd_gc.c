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
	.about = "Half-made containers whose maker is dead, records of an earlier boot, shared\n"
		 "memory without an owner. Prints a line for each. What is in use is left alone.",
	.attr = CMD_ROOT,
	.run = run_gc,
};
