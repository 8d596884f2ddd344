/* SPDX-License-Identifier: Apache-2.0
 * cmd_man.c - podshim __man: what the tables say, as sources of manual pages (scdoc(5)).
 */
#include <string.h>

#include "shim/cli/cmd.h"

/* Text in which nothing is markup. */
static void put_text(struct ps_buf *out, const char *text)
{
	for (bool line_start = true; *text; line_start = *text++ == '\n') {
		if (strchr("\\*_", *text) || (line_start && strchr("#-|[]<`.;", *text)))
			ps_buf_putc(out, '\\');
		ps_buf_putc(out, *text);
	}
}

/* What the user is to write is plain, what it stands for ("DIR") is underlined. */
static void put_usage(struct ps_buf *out, const char *text)
{
	while (*text) {
		size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (n)
			ps_buf_printf(out, "_%.*s_", (int)n, text);
		else if (strchr("\\*_", *text))
			ps_buf_printf(out, "\\%c", *text);
		else
			ps_buf_putc(out, *text);
		text += n ? n : 1;
	}
}

static void put_flag(struct ps_buf *out, const struct opt *o)
{
	ps_auto_buf struct ps_buf usage = { 0 };

	for (const char *l = o->letters ? o->letters : ""; *l; l++)
		ps_buf_printf(out, "*-%c*, ", *l);
	ps_buf_printf(out, "*--%s*", o->name);
	opt_usage(o, &usage);
	out->failed |= usage.failed;
	put_usage(out, usage.data ? usage.data : "");
	ps_buf_puts(out, "\n\t");
	put_text(out, o->help);
	ps_buf_puts(out, "\n\n");
}

static void put_flags(struct ps_buf *out, const char *title, const char *about, const struct opt_table *t)
{
	if (!t->n)
		return;
	ps_buf_printf(out, "# %s\n\n%s", title, about);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].help)
			put_flag(out, &t->v[i]);
}

static void put_verbatim(struct ps_buf *out, const char *text)
{
	ps_buf_puts(out, "```\n");
	for (; *text; text++)
		ps_buf_printf(out, "%s%c", *text == '\\' ? "\\" : "", *text);
	ps_buf_puts(out, "```\n\n");
}

/* "podshim-pod-create", the name of its page. */
static void put_page_name(struct ps_buf *out, const struct command *c)
{
	ps_buf_puts(out, "podshim-");
	for (const char *p = c->name; *p; p++)
		ps_buf_putc(out, *p == ' ' ? '-' : *p);
}

/* Those of a group, or with NULL those of none: name, what it does, page. */
static void put_commands(struct ps_buf *out, const struct command *group)
{
	ps_buf_puts(out, "# COMMANDS\n\n");
	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i]->attr & CMD_HIDDEN || !command_is_in(commands[i], group))
			continue;
		ps_buf_puts(out, "*");
		put_page_name(out, commands[i]);
		ps_buf_puts(out, "*(1)\n\t");
		put_text(out, commands[i]->summary);
		ps_buf_puts(out, "\n\n");
	}
}

static void put_synopsis(struct ps_buf *out, const struct command *c)
{
	ps_buf_printf(out, "# SYNOPSIS\n\n*podshim %s*%s%s", c->name, c->opts.n ? " [_FLAGS_]" : "", *c->words ? " " : "");
	put_usage(out, c->words);
	ps_buf_puts(out, "\n\n");
	if (c->forms)
		put_verbatim(out, c->forms);
}

static void put_see_also(struct ps_buf *out, const struct command *c)
{
	ps_buf_puts(out, "# SEE ALSO\n\n*podshim*(1)");
	for (size_t i = 0; i < n_commands; i++)
		if (commands[i] != c && command_is_in(c, commands[i])) {
			ps_buf_puts(out, ", *");
			put_page_name(out, commands[i]);
			ps_buf_puts(out, "*(1)");
		}
	if (c->attr & (CMD_POLICY | CMD_NARROWS))
		ps_buf_puts(out, ", *podshim-policy*(5), *podshim-security*(7)");
	ps_buf_putc(out, '\n');
}

/* The whole page of one command. */
static void put_page(struct ps_buf *out, const struct command *c)
{
	static const struct opt_table none;
	const struct opt_table policy = c->attr & CMD_POLICY ? policy_opts() : none;
	const struct opt_table narrow = c->attr & CMD_NARROWS ? narrow_opts() : none;

	put_page_name(out, c);
	ps_buf_puts(out, "(1) \"podshim " PODSHIM_VERSION "\" \"User Commands\"\n\n# NAME\n\n");
	put_page_name(out, c);
	ps_buf_puts(out, " - ");
	put_text(out, c->summary);
	ps_buf_puts(out, "\n\n");
	put_synopsis(out, c);
	ps_buf_puts(out, "# DESCRIPTION\n\n");
	put_text(out, c->about);
	ps_buf_puts(out, "\n\n");
	if (c->attr & CMD_GROUP)
		put_commands(out, c);
	put_flags(out, "OPTIONS", "", &c->opts);
	put_flags(out, "PERMISSION OPTIONS", "They may stand before the command, too.\n\n", &policy);
	put_flags(out, "PERMISSION OPTIONS", "Behind the command; they take away from what is permitted already.\n\n", &narrow);
	ps_buf_puts(out, "# EXIT STATUS\n\nGlobal flags, environment, files and exit statuses are in *podshim*(1).\n\n");
	if (c->examples) {
		ps_buf_puts(out, "# EXAMPLES\n\n");
		put_verbatim(out, c->examples);
	}
	put_see_also(out, c);
}

/* What podshim.1.scd has in the place of "@tables@". */
static void put_tables(struct ps_buf *out)
{
	const struct opt_table policy = policy_opts();

	put_commands(out, NULL);
	put_flags(out, "GLOBAL OPTIONS", "Before or after the command.\n\n", &global_opts);
	put_flags(out, "PERMISSION OPTIONS",
		  "Of the commands that make, run or explain; before the command they are taken by all.\n\n", &policy);
}

static void put_list(struct ps_buf *out)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!(commands[i]->attr & CMD_HIDDEN)) {
			put_page_name(out, commands[i]);
			ps_buf_putc(out, '\n');
		}
}

static int run_man(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct command *c = command_of_words(cli->words, cli->n_words);

	if (!cli->n_words)
		put_tables(&out);
	else if (c)
		put_page(&out, c);
	else if (!strcmp(cli->words[0], "pages"))
		put_list(&out);
	else
		return ps_fail(e, PS_E_USAGE, "unknown command '%s'; see 'podshim help'", cli->words[0]);
	return cli_print(&out, e);
}

const struct command cmd_man = {
	.name = "__man",
	.words = "[COMMAND | pages]",
	.summary = "print a manual page's source",
	.about = "Of a command the whole page; without one the tables of podshim(1); 'pages': the\n"
		 "names of all commands' pages. For scdoc(1).",
	.max_words = 2,
	.attr = CMD_HIDDEN,
	.run = run_man,
};
