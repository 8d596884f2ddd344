/* SPDX-License-Identifier: Apache-2.0
 * cmd_watch.c - podshim watch: what containers do, as JSON lines.
 */
#include "shim/cli/cmd.h"

struct watch_flags {
	bool no_follow;
};

static const struct opt watch_rows[] = {
	{ "no-follow", NULL, OPT_FLAG, NULL, "end after what has happened so far",
	  offsetof(struct watch_flags, no_follow) },
};

static int run_watch(struct cli *cli, struct ps_err *e)
{
	const struct watch_flags *f = cli->flags;
	const char *id = cli->words[0];
	int write_errno = 0;

	if (id && cli_check_id(id, e) < 0)
		return -1;
	if (pod_watch(&cli->env, id, !f->no_follow, cli_emit_line, &write_errno, e) < 0)
		return -1;
	return cli_emitted(write_errno, e);
}

const struct command cmd_watch = {
	.name = "watch",
	.words = "[ID | POD]",
	.summary = "follow what containers do, as JSON lines",
	.about = "First the history that is still there, then each event as it happens, until the\n"
		 "container is gone; of a pod, what happens to it and all its runners. Without ID:\n"
		 "every container of this user.",
	.examples = "podshim watch web\n"
		    "podshim watch jobs | jq -c 'select(.type == \"exit\")'\n"
		    "podshim watch --no-follow web | jq .\n",
	.opts = OPT_TABLE(watch_rows),
	.flags_size = sizeof(struct watch_flags),
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_watch,
};
