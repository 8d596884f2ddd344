/* SPDX-License-Identifier: Apache-2.0
 * cmd_discard.c - podshim discard: throw away what a container wrote.
 */
#include "base/scope.h"
#include "shim/cli/undo_lines.h"

static int run_discard(struct cli *cli, struct ps_err *e)
{
	struct undo_request r = { 0 };
	struct undo_result res;
	char n[40];

	if (undo_paths(cli, &r, e) < 0 || pod_discard(&cli->env, &r, &res, e) < 0)
		return -1;
	undo_count(n, res.done);
	cli_note("%s discarded%s", n, res.kept ? "" : ", none is kept");
	undo_count(n, res.left);
	return res.left ? ps_fail(e, PS_E_STATE, "%s of '%s' went with a directory that was replaced: discard the directory", n, r.id) : 0;
}

const struct command cmd_discard = {
	.name = "discard",
	.words = "ID [PATH...]",
	.summary = "throw away what a container wrote with --undo",
	.about = "All changes, or those at and below each PATH of the host. The host has never seen\n"
		 "them, and does not see them go. 'delete' does not do that: a container's changes\n"
		 "outlive it.",
	.examples = "podshim discard 4f2a90b1c3d7\n"
		    "podshim discard web ./build\n",
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_discard,
};
