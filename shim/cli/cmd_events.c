/* SPDX-License-Identifier: Apache-2.0
 * cmd_events.c - podshim events: what a container uses, and that it runs out of memory.
 */
#include "shim/cli/cmd.h"

struct events_flags {
	bool stats;
	uint64_t interval_ms;
};

static const struct opt events_rows[] = {
	{ "stats", NULL, OPT_FLAG, NULL, "tell what it uses now, and end", offsetof(struct events_flags, stats) },
	{ "interval", NULL, OPT_TIME, "TIME", "how often to tell what it uses (default: 5s)",
	  offsetof(struct events_flags, interval_ms) },
};

static int run_events(struct cli *cli, struct ps_err *e)
{
	enum { INTERVAL_MS = 5000 };
	const struct events_flags *f = cli->flags;
	const char *id = cli->words[0];
	int write_errno = 0;

	if (cli_check_id(id, e) < 0 ||
	    pod_events(&cli->env, id, f->stats, f->interval_ms ? f->interval_ms : INTERVAL_MS, cli_emit_line, &write_errno, e) < 0)
		return -1;
	return cli_emitted(write_errno, e);
}

const struct command cmd_events = {
	.name = "events",
	.words = "ID",
	.summary = "tell what a container uses, and when it runs out of memory",
	.about = "One JSON object a line, until the container ends: of the type 'stats', with what\n"
		 "its cgroups count (processor, memory, processes, disks, huge pages, pressure), at\n"
		 "first and after each interval, and of the type 'oom' when it has used up its\n"
		 "memory. Members are named as runc names them. 'podshim watch' tells what happens\n"
		 "to a container otherwise.",
	.examples = "podshim events --stats web | jq .data.memory.usage\n"
		    "podshim events --interval 1s web\n",
	.opts = OPT_TABLE(events_rows),
	.flags_size = sizeof(struct events_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_events,
};
