/* SPDX-License-Identifier: Apache-2.0
 * cmd_diff.c - podshim diff: what a container wrote, apart from the host.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/undo_lines.h"

struct diff_flags {
	const char *format;
};

static const struct opt diff_rows[] = {
	{ "format", NULL, OPT_ENUM, "text|json", "format of the lines (default: text)", offsetof(struct diff_flags, format) },
};

struct showing {
	bool json;
	struct ps_err *e;
};

static int emit(void *ctx, const struct undo_change *c)
{
	const struct showing *s = ctx;
	ps_auto_buf struct ps_buf out = { 0 };

	if (s->json)
		undo_line_json(&out, c);
	else
		undo_line_text(&out, c);
	return cli_print(&out, s->e);
}

static int emit_kept(void *ctx, const struct undo_kept *k)
{
	const struct showing *s = ctx;
	ps_auto_buf struct ps_buf out = { 0 };
	struct ps_jsonw w = { .out = &out };
	const time_t when = (time_t)k->secs;
	char n[40], began[40] = "?";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		(void)strftime(began, sizeof(began), "%Y-%m-%dT%H:%M:%SZ", &tm);
	undo_count(n, k->n);
	if (s->json) {
		ps_jw_object(&w, NULL);
		ps_jw_str(&w, "id", k->id);
		ps_jw_str(&w, "began", began);
		ps_jw_uint(&w, "changes", k->n);
		ps_jw_bool(&w, "inMemory", k->in_memory);
		ps_jw_end_object(&w);
		ps_buf_putc(&out, '\n');
	} else {
		ps_buf_printf(&out, "%s  %s  %s\n", began, k->id, k->in_memory ? "in memory" : n);
	}
	return cli_print(&out, s->e);
}

static int run_diff(struct cli *cli, struct ps_err *e)
{
	const struct diff_flags *f = cli->flags;
	struct ps_err why = { 0 };
	struct showing s = { .json = f->format && !strcmp(f->format, "json"), .e = &why };
	int rc;

	if (cli->n_words && cli_check_id(cli->words[0], e) < 0)
		return -1;
	rc = cli->n_words ? pod_diff(&cli->env, cli->words[0], emit, &s, e) : pod_diff_list(&cli->env, emit_kept, &s, e);
	if (rc < 0 && why.cls != PS_OK)
		*e = why;
	return rc;
}

const struct command cmd_diff = {
	.name = "diff",
	.words = "[ID]",
	.summary = "list what a container wrote, apart from the host",
	.about = "For containers that run with --undo (or \"undo\" of a policy file): what they add,\n"
		 "change and remove stays apart from the host until 'commit' or 'discard', also when\n"
		 "they have ended and are deleted. A line has what is done, to what kind of file, the\n"
		 "bytes of it, its path on the host, and why it cannot be committed as it is, if so.\n"
		 "Without ID: every container of which changes are kept.",
	.examples = "podshim run --allow-write=. --undo build.py\n"
		    "podshim diff 4f2a90b1c3d7\n"
		    "podshim diff --format json web | jq -r 'select(.change == \"added\").path'\n",
	.opts = OPT_TABLE(diff_rows),
	.flags_size = sizeof(struct diff_flags),
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_diff,
};
