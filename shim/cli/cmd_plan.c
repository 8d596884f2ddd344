/* SPDX-License-Identifier: Apache-2.0
 * cmd_plan.c - podshim plan: what a bundle would do, without doing it.
 */
#include "shim/cli/cmd.h"

struct plan_flags {
	const char *config;
	bool json;
};

static const struct opt plan_rows[] = {
	{ "json", NULL, OPT_FLAG, NULL, "print JSON, with the permissions that the bundle grants",
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
		.bundle = cli->n_words ? cli->words[0] : ".",
		.config = f->config,
	};

	return pod_plan(&cli->env, &r, f->json, &out, e) < 0 ? -1 : cli_print(&out, e);
}

const struct command cmd_plan = {
	.name = "plan",
	.words = "[BUNDLE]",
	.summary = "print what running a bundle would do",
	.about = "Every mount, id, capability, limit and system call rule in the order in which\n"
		 "it is applied, each with the place in config.json that asked for it. Nothing is\n"
		 "made or changed. The container is called 'plan'. Without BUNDLE: the one in the\n"
		 "current directory.",
	.examples = "podshim plan ./bundle\n"
		    "podshim plan --json ./bundle | jq .mounts\n",
	.opts = OPT_TABLE(plan_rows),
	.flags_size = sizeof(struct plan_flags),
	.max_words = 1,
	.attr = CMD_ROOT | CMD_CGROUP,
	.run = run_plan,
};
