/* SPDX-License-Identifier: Apache-2.0
 * cmd_features.c - podshim features: what this runtime implements, for engines.
 */
#include "shim/cli/cmd.h"

static int run_features(struct cli *cli, struct ps_err *e)
{
	/* What is implemented, not what this machine has: the features document describes the runtime. */
	static const struct host_facts_for_features implemented = {
		.seccomp = true,
		.cgroup_v1 = true,
		.cgroup_v2 = true,
		.idmap = true,
		.apparmor = true,
		.selinux = true,
	};
	ps_auto_buf struct ps_buf out = { 0 };

	(void)cli;
	features_write(&out, &implemented);
	if (out.len && out.data[out.len - 1] != '\n')
		ps_buf_putc(&out, '\n');
	return cli_print(&out, e);
}

const struct command cmd_features = {
	.name = "features",
	.words = "",
	.summary = "print what this runtime implements, as JSON",
	.about = "The features document of the OCI runtime-spec: what this version implements,\n"
		 "whatever the machine has.",
	.examples = "podshim features | jq -r '.linux.capabilities[]'\n",
	.attr = CMD_QUIET,
	.run = run_features,
};
