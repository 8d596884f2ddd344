/* SPDX-License-Identifier: Apache-2.0
 * help.c - help texts, made from the tables.
 */
#include <string.h>

#include "shim/cli/cmd.h"

enum { FLAG_WIDTH = 30 };

/* "  -b, --bundle DIR            bundle directory" */
static void put_flag(struct ps_buf *out, const struct opt *o)
{
	size_t start = out->len;

	ps_buf_puts(out, "  ");
	for (const char *l = o->letters ? o->letters : ""; *l; l++)
		ps_buf_printf(out, "-%c, ", *l);
	ps_buf_printf(out, "--%s", o->name);
	opt_usage(o, out);
	if (out->len - start >= FLAG_WIDTH) {
		ps_buf_putc(out, '\n');
		start = out->len;
	}
	while (!out->failed && out->len - start < FLAG_WIDTH)
		ps_buf_putc(out, ' ');
	ps_buf_printf(out, "%s\n", o->help);
}

static void put_flags(struct ps_buf *out, const char *title, const struct opt_table *t)
{
	if (!t->n)
		return;
	ps_buf_printf(out, "\n%s:\n", title);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].help)
			put_flag(out, &t->v[i]);
}

/* Each line of text, indented. */
static void put_lines(struct ps_buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		ps_buf_puts(out, "  ");
		ps_buf_put(out, text, len);
		ps_buf_putc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

/* Those of a group, or with NULL those of none. */
static void put_commands(struct ps_buf *out, const struct command *group)
{
	ps_buf_puts(out, "Commands:\n");
	for (size_t i = 0; i < n_commands; i++)
		if (!(commands[i]->attr & CMD_HIDDEN) && command_is_in(commands[i], group))
			ps_buf_printf(out, "  %-10s %s\n", command_word(commands[i]), commands[i]->summary);
}

/* Who calls us runc or crun looks for a paragraph with the name. */
static void put_name(struct ps_buf *out, const char *program, const char *command, const char *summary)
{
	if (strcmp(program, "podshim") != 0)
		ps_buf_puts(out, "NAME:\n   ");
	ps_buf_printf(out, "%s%s%s - %s\n\n", program, *command ? " " : "", command, summary);
}

void help_overview(struct ps_buf *out, const char *program)
{
	put_name(out, program, "", strcmp(program, "podshim") != 0 ? "Open Container Initiative runtime (podshim)" : "run OCI containers");
	ps_buf_printf(out, "Usage: %s [GLOBAL FLAGS] COMMAND [FLAGS] [ARGUMENTS]\n\n", program);
	put_commands(out, NULL);
	put_flags(out, "Global flags (before or after the command)", &global_opts);
	ps_buf_printf(out, "\n'%s help COMMAND' explains a command.\n", program);
}

void help_command(struct ps_buf *out, const char *program, const struct command *c)
{
	put_name(out, program, c->name, c->summary);
	ps_buf_printf(out, "Usage: %s [GLOBAL FLAGS] %s%s%s%s\n\n", program, c->name, c->opts.n ? " [FLAGS]" : "",
		      *c->words ? " " : "", c->words);
	if (c->forms) {
		put_lines(out, c->forms);
		ps_buf_putc(out, '\n');
	}
	ps_buf_printf(out, "%s\n", c->about);
	if (c->attr & CMD_GROUP) {
		ps_buf_putc(out, '\n');
		put_commands(out, c);
	}
	put_flags(out, "Flags", &c->opts);
	if (c->attr & CMD_POLICY) {
		const struct opt_table permissions = policy_opts();

		put_flags(out, "Permission flags (before or after the command)", &permissions);
	}
	if (c->attr & CMD_NARROWS) {
		const struct opt_table permissions = narrow_opts();

		put_flags(out, "Permission flags (behind the command: less than what is permitted already)", &permissions);
	}
	if (c->examples) {
		ps_buf_puts(out, "\nExamples:\n");
		put_lines(out, c->examples);
	}
	if (c->attr & CMD_GROUP)
		ps_buf_printf(out, "\n'%s help %s COMMAND' explains a command.", program, c->name);
	ps_buf_printf(out, "\n'%s help' lists the global flags.\n", program);
}
