/* SPDX-License-Identifier: Apache-2.0
 * cmd_version.c - podshim version: the lines that engines look for.
 */
#include <string.h>

#include "shim/cli/cmd.h"

#ifndef PODSHIM_VERSION
#define PODSHIM_VERSION "0.1.0"
#endif

static int run_version(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	char root[4096];

	ps_buf_printf(&out, "%s version %s\n", cli->program, PODSHIM_VERSION);
#ifdef PODSHIM_COMMIT
	ps_buf_puts(&out, "commit: " PODSHIM_COMMIT "\n");
#endif
	if (!strcmp(cli->program, "crun")) {
		if (state_root_default(cli->program, root, sizeof(root), e) < 0)
			return -1;
		ps_buf_printf(&out, "rundir: %s\n", root);
	}
	ps_buf_puts(&out, "spec: 1.3.0\n");
	return cli_print(&out, e);
}

const struct command cmd_version = {
	.name = "version",
	.words = "",
	.summary = "print the version and the runtime-spec that is followed",
	.about = "The first line is \"podshim version X\", the second the commit it was built from,\n"
		 "where that is known. Called as runc or crun, podshim prints that name instead,\n"
		 "and has its records where that one has them.",
	.examples = "podshim version\n",
	.run = run_version,
};
