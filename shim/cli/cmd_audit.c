/* SPDX-License-Identifier: Apache-2.0
 * cmd_audit.c - podshim audit: what a container did that its permissions speak of.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"

struct audit_flags {
	bool follow;
	const char *format, *result, *permission;
	uint32_t since, pid;
};

static const struct opt audit_rows[] = {
	{ "follow", "f", OPT_FLAG, NULL, "go on until the container is gone", offsetof(struct audit_flags, follow) },
	{ "result", NULL, OPT_ENUM, "allow|deny|warn|ignore", "those with this result alone", offsetof(struct audit_flags, result) },
	{ "permission", NULL, OPT_ENUM, "read|write|net|env|run|ffi|sys", "those of this permission alone", offsetof(struct audit_flags, permission) },
	{ "pid", NULL, OPT_U32, "PID", "those of this process alone", offsetof(struct audit_flags, pid) },
	{ "since", NULL, OPT_U32, "SEQ", "those behind the event with this number", offsetof(struct audit_flags, since) },
	{ "format", NULL, OPT_ENUM, "text|json|deno", "format of the lines (default: text)", offsetof(struct audit_flags, format) },
};

struct auditing {
	const struct audit_flags *f;
	const char *format;
	int write_errno;
};

static bool is_wanted(const struct audit_flags *f, const struct audit_line *l)
{
	return (!f->result || !strcmp(f->result, l->result)) && (!f->permission || !strcmp(f->permission, l->permission)) &&
	       (!f->pid || f->pid == l->pid) && l->seq > f->since;
}

/* Whatever was asked for may be among them. */
static void put_drop(const char *format, const char *line, size_t n, uint64_t count, struct ps_buf *out)
{
	if (!strcmp(format, "json"))
		ps_buf_put(out, line, n);
	else if (!strcmp(format, "text"))
		ps_buf_printf(out, "%llu allowed accesses are not told of\n", (unsigned long long)count);
}

static int emit(void *ctx, const char *line, size_t n)
{
	ps_auto_buf struct ps_buf out = { 0 };
	ps_auto_arena struct ps_arena memory = { 0 };
	struct auditing *g = ctx;
	struct audit_line l;
	uint64_t dropped;

	if (audit_drop_parse(&memory, line, n, &dropped))
		put_drop(g->format, line, n, dropped, &out);
	else if (!audit_line_parse(&memory, line, n, &l) || !is_wanted(g->f, &l))
		return 0;
	else if (!strcmp(g->format, "json"))
		ps_buf_put(&out, line, n);
	else if (!strcmp(g->format, "deno"))
		audit_line_deno(&l, &out);
	else
		audit_line_text(&l, &out);
	if (out.failed)
		g->write_errno = ENOMEM;
	else if (ps_write_all(STDOUT_FILENO, out.data, out.len) < 0)
		g->write_errno = errno;
	return g->write_errno;
}

static int run_audit(struct cli *cli, struct ps_err *e)
{
	const struct audit_flags *f = cli->flags;
	struct auditing g = { .f = f, .format = f->format ? f->format : "text" };

	if (cli_check_id(cli->words[0], e) < 0 || pod_watch(&cli->env, cli->words[0], f->follow, emit, &g, e) < 0)
		return -1;
	if (g.write_errno && g.write_errno != EPIPE) {
		errno = g.write_errno;
		return ps_fail_os(e, "write to standard output");
	}
	return 0;
}

const struct command cmd_audit = {
	.name = "audit",
	.words = "ID | POD",
	.summary = "show what was denied, or allowed and told of",
	.about = "One line per access: when, result, permission, target, who, and the rule that\n"
		 "decided or the flag that would allow it. The same accesses of a quarter of a second are one\n"
		 "line with a count. Denied accesses are told, of files and programs where somebody\n"
		 "waits for it: in the foreground, with --audit FILE, or by a policy's audit.denied.\n"
		 "Allowed ones are told where the policy says so (audit.allowed).",
	.examples = "podshim audit web\n"
		    "podshim audit --result deny --permission net web\n"
		    "podshim audit --follow --format json web | jq -c 'select(.result == \"deny\")'\n",
	.opts = OPT_TABLE(audit_rows),
	.flags_size = sizeof(struct audit_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_audit,
};
