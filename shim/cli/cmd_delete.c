/* SPDX-License-Identifier: Apache-2.0
 * cmd_delete.c - podshim delete: free everything that a container holds.
 */
#include "shim/cli/cmd.h"

struct delete_flags {
	bool force, regex;
};

static const struct opt delete_rows[] = {
	{ "force", "f", OPT_FLAG, NULL, "kill it first if it runs; no error when there is none",
	  offsetof(struct delete_flags, force) },
	{ "regex", "r", OPT_FLAG, NULL, "ID is a POSIX extended regular expression over all ids",
	  offsetof(struct delete_flags, regex) },
};

static int delete_one(struct cli *cli, const char *id, struct ps_err *e)
{
	const struct delete_flags *f = cli->flags;

	return pod_delete(&cli->env, id, f->force, e);
}

static int run_delete(struct cli *cli, struct ps_err *e)
{
	const struct delete_flags *f = cli->flags;
	const char *id = cli->words[0];

	if (f->regex)
		return cli_each_match(cli, id, delete_one, e);
	return cli_check_id(id, e) < 0 ? -1 : delete_one(cli, id, e);
}

const struct command cmd_delete = {
	.name = "delete",
	.words = "ID",
	.summary = "free everything that a container holds",
	.about = "Without --force it must have stopped, or wait for start still. The poststop\n"
		 "hooks are run. What it wrote with --undo outlives it: see 'podshim diff'.",
	.examples = "podshim delete web\n"
		    "podshim delete --force --regex '^ci-'\n",
	.opts = OPT_TABLE(delete_rows),
	.flags_size = sizeof(struct delete_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_delete,
};
