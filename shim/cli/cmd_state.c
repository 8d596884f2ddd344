/* SPDX-License-Identifier: Apache-2.0
 * cmd_state.c - podshim state: the OCI state document of a container.
 */
#include "shim/cli/cmd.h"

static int run_state(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const char *id = cli->words[0];

	if (cli_check_id(id, e) < 0 || pod_state(&cli->env, id, &out, e) < 0)
		return -1;
	if (out.len && out.data[out.len - 1] != '\n')
		ps_buf_putc(&out, '\n');
	return cli_print(&out, e);
}

const struct command cmd_state = {
	.name = "state",
	.words = "ID",
	.summary = "print what a container is doing, as JSON",
	.about = "The state document of the OCI runtime-spec: ociVersion, id, status, pid,\n"
		 "bundle, annotations, and rootfs, created, owner (root, or a user id) and shm, the\n"
		 "name in /dev/shm of the tape that 'podshim watch' reads.",
	.examples = "podshim state web | jq -r .status\n",
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT | CMD_QUIET,
	.run = run_state,
};
