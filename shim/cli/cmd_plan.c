/* SPDX-License-Identifier: Apache-2.0
 * cmd_plan.c - podshim plan: what a bundle would do, without doing it.
 */
#include "shim/cli/cmd.h"

struct plan_flags {
	const char *config;
	bool json;
};

static const struct opt plan_rows[] = {
	{ "json", NULL, OPT_FLAG, NULL, "print JSON, with every system call rule and the permissions granted",
	  offsetof(struct plan_flags, json) },
	{ "config", "f", OPT_STR, "FILE", "read FILE instead of the bundle's config.json",
	  offsetof(struct plan_flags, config) },
};

static int run_plan(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct plan_flags *f = cli->flags;
	struct pod_create_request r = {
		.id = "plan",
		.bundle = cli->words[0],
		.config = f->config,
	};

	if (cli_here(&r.bundle, r.config, "'podshim plan DIR'", e) < 0 || cli_permissions(cli, &r.permissions, e) < 0)
		return -1;
	return pod_plan(&cli->env, &r, f->json, &out, e) < 0 ? -1 : cli_print(&out, e);
}

const struct command cmd_plan = {
	.name = "plan",
	.words = "[BUNDLE]",
	.summary = "print what running a bundle would do",
	.about = "Every mount, id, capability and limit in the order in which it is applied, each\n"
		 "with its origin: the place in config.json that asked for it, 'default', or\n"
		 "'caller'. Rules of system calls are summed up; --json has all of them. Nothing\n"
		 "is made or changed. The container is called 'plan'. Without BUNDLE: the one in\n"
		 "the current directory.",
	.examples = "podshim plan ./bundle\n"
		    "podshim plan --json ./bundle | jq .mounts\n",
	.opts = OPT_TABLE(plan_rows),
	.flags_size = sizeof(struct plan_flags),
	.max_words = 1,
	.attr = CMD_POLICY,
	.run = run_plan,
};
