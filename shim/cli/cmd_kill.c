/* SPDX-License-Identifier: Apache-2.0
 * cmd_kill.c - podshim kill: send a signal to a container.
 */
#include <signal.h>

#include "base/scope.h"
#include "shim/cli/cmd.h"

struct kill_flags {
	bool all, regex;
	int sig;
};

static const struct opt kill_rows[] = {
	{ "all", "a", OPT_FLAG, NULL, "to every process inside; no error when none runs",
	  offsetof(struct kill_flags, all) },
	{ "regex", "r", OPT_FLAG, NULL, "ID is a POSIX extended regular expression over all ids",
	  offsetof(struct kill_flags, regex) },
};

static int kill_one(struct cli *cli, const char *id, struct ps_err *e)
{
	const struct kill_flags *f = cli->flags;

	return pod_kill(&cli->env, id, f->sig, f->all, e);
}

static int run_kill(struct cli *cli, struct ps_err *e)
{
	struct kill_flags *f = cli->flags;
	const char *id = cli->words[0];

	f->sig = SIGTERM;
	if (cli->n_words > 1 && cli_signal(cli->words[1], &f->sig, e) < 0)
		return -1;
	if (f->regex)
		return cli_each_match(cli, id, kill_one, e);
	return cli_check_id(id, e) < 0 ? -1 : kill_one(cli, id, e);
}

const struct command cmd_kill = {
	.name = "kill",
	.words = "ID [SIGNAL]",
	.summary = "send a signal to a container",
	.about = "SIGNAL is a name with or without SIG, or a number (default: TERM). It goes to\n"
		 "the first process, or with --all to every process of the container. The kernel\n"
		 "keeps from the first process of a pid namespace every signal that it has no\n"
		 "handler for, but KILL and STOP: a plain shell or sleep does not end by TERM.",
	.examples = "podshim kill web\n"
		    "podshim kill --all web KILL\n",
	.opts = OPT_TABLE(kill_rows),
	.flags_size = sizeof(struct kill_flags),
	.min_words = 1,
	.max_words = 2,
	.attr = CMD_ROOT,
	.run = run_kill,
};
