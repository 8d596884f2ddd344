/* SPDX-License-Identifier: Apache-2.0
 * cmd_create.c - podshim create: make a container whose first process waits for start.
 */
#include "shim/cli/cmd.h"
#include "shim/cli/create_flags.h"

static const struct opt create_rows[] = { CREATE_FLAGS };

static int run_create(struct cli *cli, struct ps_err *e)
{
	struct pod_create_request *r = cli->flags;
	const uint32_t asked = r->preserve_fds;

	r->id = cli->words[0];
	r->audit_file = cli->policy.audit;
	r->tell_files = r->audit_file;
	if (cli_check_id(r->id, e) < 0 || cli_here(&r->bundle, r->config, "-b DIR", e) < 0 ||
	    cli_preserve_fds(cli, &r->preserve_fds, e) < 0 || cli_permissions(cli, &r->permissions, e) < 0)
		return -1;
	r->listen_fds = r->preserve_fds - asked;
	return pod_create(&cli->env, r, e);
}

const struct command cmd_create = {
	.name = "create",
	.words = "ID",
	.summary = "make a container; its program waits for start",
	.about = "Everything that config.json asks for is set up. What it names to run is not\n"
		 "executed before 'podshim start ID'.",
	.examples = "podshim create -b ./bundle web\n",
	.opts = OPT_TABLE(create_rows),
	.flags_size = sizeof(struct pod_create_request),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT | CMD_POLICY,
	.run = run_create,
};
