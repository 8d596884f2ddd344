/* SPDX-License-Identifier: Apache-2.0
 * cmd_unsupported.c - commands of other runtimes that engines probe for: each fails, even with --help.
 */
#include "shim/cli/cmd.h"

static int run_unsupported(struct cli *cli, struct ps_err *e)
{
	return ps_fail(e, PS_E_UNSUPP, "'%s' is not supported by this version", cli->cmd->name);
}

#define UNSUPPORTED(verb)                     \
	const struct command cmd_##verb = {   \
		.name = #verb,                \
		.words = "",                  \
		.summary = "not supported",   \
		.about = "",                  \
		.max_words = CMD_ANY_WORDS,   \
		.attr = CMD_RAW | CMD_HIDDEN, \
		.run = run_unsupported,       \
	}

UNSUPPORTED(checkpoint);
UNSUPPORTED(restore);
