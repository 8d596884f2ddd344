/* SPDX-License-Identifier: Apache-2.0
 * cmd_commit.c - podshim commit: bring what a container wrote to the host.
 */
#include "base/scope.h"
#include "shim/cli/undo_lines.h"

struct commit_flags {
	bool force;
};

static const struct opt commit_rows[] = {
	{ "force", "f", OPT_FLAG, NULL, "also over what changed on the host since", offsetof(struct commit_flags, force) },
};

static int run_commit(struct cli *cli, struct ps_err *e)
{
	const struct commit_flags *f = cli->flags;
	struct undo_request r = { .force = f->force };
	struct undo_result res;
	char n[40];

	if (undo_paths(cli, &r, e) < 0 || pod_commit(&cli->env, &r, undo_tell, NULL, &res, e) < 0)
		return -1;
	undo_count(n, res.conflicts);
	if (res.conflicts)
		return ps_fail(e, PS_E_STATE, "%s of '%s' would go over newer ones of the host: nothing was done; name what to commit, or give --force",
			       n, r.id);
	undo_count(n, res.done);
	cli_note("%s committed%s", n, res.kept ? "" : ", none is kept");
	undo_count(n, res.left);
	return res.left ? ps_fail(e, PS_E_STATE, "%s of '%s' could not be committed, and %s kept", n, r.id, res.left == 1 ? "is" : "are") : 0;
}

const struct command cmd_commit = {
	.name = "commit",
	.words = "ID [PATH...]",
	.summary = "bring to the host what a container wrote with --undo",
	.about = "All changes, or those at and below each PATH of the host. A file that changed on\n"
		 "the host since the container began is not replaced without --force: then nothing is\n"
		 "done. Nothing outside of the folders that were granted is written to, links are never\n"
		 "followed, set-user-ID bits are dropped, and devices, pipes and sockets are not made;\n"
		 "these stay in 'diff'. Files get there whole, one after the other.",
	.examples = "podshim commit 4f2a90b1c3d7\n"
		    "podshim commit web ./src/main.c docs\n",
	.opts = OPT_TABLE(commit_rows),
	.flags_size = sizeof(struct commit_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_commit,
};
