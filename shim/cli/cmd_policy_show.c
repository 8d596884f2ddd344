/* SPDX-License-Identifier: Apache-2.0
 * cmd_policy_show.c - podshim policy show: what all sources of permissions come to.
 */
#include <string.h>

#include "shim/cli/cmd.h"

struct policy_show_flags {
	const char *format;
};

static const struct opt policy_show_rows[] = {
	{ "format", "f", OPT_ENUM, "text|json", "how it is printed (default: text)", offsetof(struct policy_show_flags, format) },
};

static int run_policy_show(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct policy_show_flags *f = cli->flags;
	struct pod_create_request r = { .id = "policy", .bundle = cli->words[0] };
	const struct permissions *p = NULL;

	if (cli->dashdash)
		return ps_fail(e, PS_E_USAGE, "'policy show' shows what counts for any program: leave '--' and '%s' out, or see "
			       "'podshim check'", r.bundle);
	if (cli_permissions(cli, &r.permissions, e) < 0 || pod_permissions(&cli->env, &r, &cli->mem, &p, e) < 0)
		return -1;
	if (f->format && !strcmp(f->format, "json"))
		permissions_show_json(p, &out);
	else
		permissions_show(p, &out);
	return cli_print(&out, e);
}

const struct command cmd_policy_show = {
	.name = "policy show",
	.words = "[ID | BUNDLE]",
	.summary = "print what flags, files and annotations come to, and who said it",
	.about = "Every entry that counts, with its origin and with what enforces it; then limits,\n"
		 "and notes on what has no effect. ID shows what counts for a container, BUNDLE what\n"
		 "would count for it under the flags given; without either: for a program, which\n"
		 "has no config.json to start from. Values of variables are not shown.",
	.examples = "podshim policy show --policy policy.json --deny-net=private ./bundle\n"
		    "podshim policy show --format json web | jq '.permissions.net.allow[].value'\n",
	.opts = OPT_TABLE(policy_show_rows),
	.flags_size = sizeof(struct policy_show_flags),
	.max_words = 1,
	.attr = CMD_ROOT | CMD_POLICY,
	.run = run_policy_show,
};
