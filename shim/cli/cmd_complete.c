/* SPDX-License-Identifier: Apache-2.0
 * cmd_complete.c - podshim __complete: what may stand in the place of the last word.
 *
 * The shells' completion files call it with the words before the cursor; the last one, perhaps empty, is completed.  Each
 * line of output is a candidate, a tab and its meaning; the single line ":file" or ":dir" asks the shell for paths.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "oci/names.h"
#include "shim/cli/cmd.h"
#include "shim/pod/pods.h"

static void put_candidate(struct ps_buf *out, const char *word, const char *text, const char *meaning)
{
	if (!strncmp(text, word, strlen(word)))
		ps_buf_printf(out, "%s\t%s\n", text, meaning);
}

static void put_commands(struct ps_buf *out, const char *word, const struct command *group)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!(commands[i]->attr & CMD_HIDDEN) && command_is_in(commands[i], group))
			put_candidate(out, word, command_word(commands[i]), commands[i]->summary);
}

static void put_flags(struct ps_buf *out, const char *word, const struct opt_table *t)
{
	char text[64];

	for (size_t i = 0; i < t->n; i++) {
		(void)snprintf(text, sizeof(text), "--%s", t->v[i].name);
		if (t->v[i].help)
			put_candidate(out, word, text, t->v[i].help);
	}
}

static bool is_listed(const char *list, const char *end, const char *choice, size_t len)
{
	for (; list < end; list += strcspn(list, ",") + 1)
		if (strcspn(list, ",") == len && !strncmp(list, choice, len))
			return true;
	return false;
}

/* One of the choices; of a list, one more than stands in front of its last comma. */
static void put_choices(struct ps_buf *out, const char *word, const struct opt *o)
{
	const char *comma = o->type == OPT_LIST ? strrchr(word, ',') : NULL, *last = comma ? comma + 1 : word, *choice;
	char text[64];
	size_t len;

	for (size_t i = 0; (choice = opt_choice(o, i, &len)); i++) {
		if (is_listed(word, last, choice, len))
			continue;
		(void)snprintf(text, sizeof(text), "%.*s%.*s", (int)(last - word), word, (int)len, choice);
		put_candidate(out, word, text, o->help);
	}
}

static void put_value(struct ps_buf *out, const char *word, const struct opt *o)
{
	if (o->type == OPT_ENUM || (o->type == OPT_LIST && strchr(o->arg, ','))) {
		put_choices(out, word, o);
	} else if (!strcmp(o->arg, "DIR")) {
		ps_buf_puts(out, ":dir\n");
	} else if (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "SOCKET")) {
		ps_buf_puts(out, ":file\n");
	}
}

/* Containers below the --root that was typed.  No root, no candidates. */
static void put_ids(struct ps_buf *out, const char *word, struct cli *typed)
{
	ps_auto_mem struct pod_item *items = NULL;
	struct ps_err ignored;
	size_t n = 0;

	if (cli_make_env(typed, &ignored) < 0 || pod_list(&typed->env, &items, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		put_candidate(out, word, items[i].id, state_status_name(items[i].status));
}

struct pods_wanted {
	struct ps_buf *out;
	const char *word;
};

static int put_pod(const char *name, void *ctx)
{
	const struct pods_wanted *w = ctx;

	put_candidate(w->out, w->word, name, "pod");
	return 0;
}

static void put_pods(struct ps_buf *out, const char *word, struct cli *typed)
{
	struct pods_wanted w = { .out = out, .word = word };
	struct ps_err ignored;
	char root[4096];

	if (cli_make_env(typed, &ignored) == 0 && pods_root(typed->root, root, sizeof(root), &ignored) == 0)
		(void)state_each(root, put_pod, &w, &ignored);
}

/* "NAME BUNDLE", "NAME.N ...", "NAME.N | ID", "[NAME]". */
static void put_pod_words(struct ps_buf *out, const char *word, struct cli *typed)
{
	const struct command *c = typed->cmd;
	const bool runners = strstr(c->words, "NAME.N") != NULL;

	if (c == &cmd_pod_create && typed->n_words == 1)
		ps_buf_puts(out, ":dir\n");
	if (typed->n_words && !strstr(c->words, "..."))
		return;
	if (c != &cmd_pod_create && (!runners || strstr(c->words, "NAME |")))
		put_pods(out, word, typed);
	if (runners)
		put_ids(out, word, typed);
}

static void put_help_words(struct ps_buf *out, const char *word, const struct cli *typed)
{
	const struct command *group = typed->n_words == 1 ? command_in(NULL, typed->words[0]) : NULL;

	if (!typed->n_words || (group && group->attr & CMD_GROUP))
		put_commands(out, word, group);
}

/* By the placeholder in the command's usage: "ID [SIGNAL]", "[BUNDLE]", "DIR | ID". */
static void put_words(struct ps_buf *out, const char *word, struct cli *typed)
{
	const struct command *c = typed->cmd;

	if (c == &cmd_help)
		put_help_words(out, word, typed);
	else if (command_is_in(c, &cmd_pod))
		put_pod_words(out, word, typed);
	else if (typed->n_words == 0 && (c == &cmd_run || c == &cmd_plan))
		ps_buf_puts(out, ":dir\n");
	else if (typed->n_words == 0 && strstr(c->words, "ID") && c != &cmd_create)
		put_ids(out, word, typed);
	else if (typed->n_words == 1 && c == &cmd_kill)
		for (size_t i = 0; i < n_names_signal; i++)
			put_candidate(out, word, names_signal[i].name, "signal");
}

static void complete(struct ps_buf *out, const char *word, struct cli *typed, bool parsed)
{
	if (typed->pending) {
		put_value(out, word, typed->pending);
		return;
	}
	if (!parsed || (typed->cmd && typed->cmd->attr & CMD_HIDDEN))
		return;
	if (word[0] == '-' && !(typed->cmd && args_is_payload(typed->cmd, typed->n_words))) {
		if (typed->cmd)
			put_flags(out, word, &typed->cmd->opts);
		put_flags(out, word, &global_opts);
		if (!typed->cmd || typed->cmd->attr & CMD_POLICY) {
			const struct opt_table permissions = policy_opts();

			put_flags(out, word, &permissions);
		} else if (typed->cmd->attr & CMD_NARROWS) {
			const struct opt_table permissions = narrow_opts();

			put_flags(out, word, &permissions);
		}
	} else if (!typed->cmd || typed->cmd->attr & CMD_GROUP) {
		put_commands(out, word, typed->cmd);
	} else {
		put_words(out, word, typed);
	}
}

static int run_complete(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct cli typed = { .log.target = LOG_TARGET_NONE };
	struct ps_err ignored;
	size_t n = cli->n_words;
	char **argv = ps_arena_array(&cli->mem, n + 1, sizeof(*argv));
	bool parsed;

	if (!argv)
		return ps_fail_os(e, "allocate");
	/* argv[0] is not looked at; what is typed comes behind it, without the word to complete. */
	for (size_t i = 1; i < n; i++) {
		argv[i] = ps_arena_strdup(&cli->mem, cli->words[i - 1]);
		if (!argv[i])
			return ps_fail_os(e, "allocate");
	}
	parsed = args_parse(&typed, n ? (int)n : 1, argv, &ignored) == 0;
	complete(&out, n ? cli->words[n - 1] : "", &typed, parsed);
	ps_arena_done(&typed.mem);
	return cli_print(&out, e);
}

const struct command cmd_complete = {
	.name = "__complete",
	.words = "[WORDS]",
	.summary = "print what completes the last word",
	.about = "For the shells' completion files.",
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_RAW | CMD_HIDDEN,
	.run = run_complete,
};
