/* SPDX-License-Identifier: Apache-2.0
 * cmd_watch.c - podshim watch: what containers do, as JSON lines.
 */
#include "shim/cli/cmd.h"

struct watch_flags {
	bool no_follow, others;
};

static const struct opt watch_rows[] = {
	{ "no-follow", NULL, OPT_FLAG, NULL, "end after what has happened so far",
	  offsetof(struct watch_flags, no_follow) },
	{ "others", NULL, OPT_FLAG, NULL, "other users' that may be read (pod create --observe-group), in place of this user's",
	  offsetof(struct watch_flags, others) },
};

static int run_watch(struct cli *cli, struct ps_err *e)
{
	const struct watch_flags *f = cli->flags;
	const char *id = cli->words[0];
	int write_errno = 0, rc;

	if (id && f->others)
		return ps_fail(e, PS_E_USAGE, "'watch --others' takes no ID: other users' containers may be called anything");
	if (id && cli_check_id(id, e) < 0)
		return -1;
	rc = f->others ? pod_watch_others(&cli->env, !f->no_follow, cli_emit_line, &write_errno, e)
		       : pod_watch(&cli->env, id, !f->no_follow, cli_emit_line, &write_errno, e);
	if (rc < 0)
		return -1;
	return cli_emitted(write_errno, e);
}

const struct command cmd_watch = {
	.name = "watch",
	.words = "[ID | POD]",
	.summary = "follow what containers do, as JSON lines",
	.about = "First the history that is still there, then each event as it happens, until the\n"
		 "container is gone; of a pod, what happens to it and all its runners. Without ID:\n"
		 "every container of this user. With --others each line has the owner of the tape,\n"
		 "the root that it names, and as 'record' what the owner wrote there.",
	.examples = "podshim watch web\n"
		    "podshim watch jobs | jq -c 'select(.type == \"exit\")'\n"
		    "podshim watch --no-follow web | jq .\n",
	.opts = OPT_TABLE(watch_rows),
	.flags_size = sizeof(struct watch_flags),
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_watch,
};
