/* SPDX-License-Identifier: Apache-2.0
 * cmd_man.c - podshim __man: the part of podshim(1) that the tables say, in man(7) form.
 */
#include "shim/cli/cmd.h"

/* Text in which nothing is markup: '-' is a hyphen-minus, a line cannot begin a request. */
static void put_text(struct ps_buf *out, const char *text)
{
	for (bool line_start = true; *text; line_start = *text++ == '\n') {
		if (line_start && (*text == '.' || *text == '\''))
			ps_buf_puts(out, "\\&");
		if (*text == '-' || *text == '\\')
			ps_buf_puts(out, *text == '-' ? "\\-" : "\\e");
		else
			ps_buf_putc(out, *text);
	}
}

static void put_flag(struct ps_buf *out, const struct opt *o)
{
	ps_buf_puts(out, ".TP\n");
	for (const char *l = o->letters ? o->letters : ""; *l; l++)
		ps_buf_printf(out, "\\fB\\-%c\\fR, ", *l);
	ps_buf_puts(out, "\\fB\\-\\-");
	put_text(out, o->name);
	ps_buf_puts(out, "\\fR");
	if (o->type == OPT_GRANT || opt_takes_value(o)) {
		ps_buf_puts(out, o->type == OPT_GRANT ? "[=\\fI" : " \\fI");
		put_text(out, o->arg);
		ps_buf_puts(out, o->type == OPT_GRANT ? "\\fR]" : "\\fR");
	}
	ps_buf_putc(out, '\n');
	put_text(out, o->help);
	ps_buf_putc(out, '\n');
}

static void put_verbatim(struct ps_buf *out, const char *text)
{
	ps_buf_puts(out, ".PP\n.nf\n.RS\n");
	put_text(out, text);
	ps_buf_puts(out, ".RE\n.fi\n");
}

static void put_command(struct ps_buf *out, const struct command *c)
{
	ps_buf_printf(out, ".SS \"podshim %s%s%s%s\"\n", c->name, c->opts.n ? " [FLAGS]" : "",
		      *c->words ? " " : "", c->words);
	put_text(out, c->about);
	ps_buf_putc(out, '\n');
	if (c->forms)
		put_verbatim(out, c->forms);
	for (size_t i = 0; i < c->opts.n; i++)
		put_flag(out, &c->opts.v[i]);
	if (c->examples)
		put_verbatim(out, c->examples);
}

static void put_all(struct ps_buf *out)
{
	ps_buf_puts(out, ".SH GLOBAL FLAGS\n");
	for (size_t i = 0; i < global_opts.n; i++)
		put_flag(out, &global_opts.v[i]);
	ps_buf_puts(out, ".SH PERMISSION FLAGS\nOf create, run, exec, plan and the commands of pods and policies; before the command they are taken by all.\n");
	for (size_t i = 0; i < policy_opts().n; i++)
		put_flag(out, &policy_opts().v[i]);
	ps_buf_puts(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < n_commands; i++)
		if (!(commands[i]->attr & CMD_HIDDEN))
			put_command(out, commands[i]);
}

static int run_man(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct command *c = command_of_words(cli->words, cli->n_words);

	if (cli->n_words && !c)
		return ps_fail(e, PS_E_USAGE, "unknown command '%s'; see 'podshim help'", cli->words[0]);
	if (c)
		put_command(&out, c);
	else
		put_all(&out);
	return cli_print(&out, e);
}

const struct command cmd_man = {
	.name = "__man",
	.words = "[COMMAND]",
	.summary = "print the generated part of podshim(1)",
	.about = "Global flags and all commands, or one command.",
	.max_words = 2,
	.attr = CMD_HIDDEN,
	.run = run_man,
};
