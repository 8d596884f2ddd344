/* SPDX-License-Identifier: Apache-2.0
 * args.c - reads a command line by the option tables.
 */
#include "shim/cli/args.h"

#include <string.h>

#include "base/num.h"
#include "base/scope.h"
#include "base/table.h"
#include "shim/cli/cmd.h"
#include "shim/cli/policy_flags.h"

struct stream {
	int argc, i;
	char *const *argv;
	struct cli *cli;
	struct ps_err *e;
	bool append;           /* "+=" stood behind the flag at hand */
};

bool opt_takes_value(const struct opt *o)
{
	return o->type != OPT_FLAG && o->type != OPT_NONE && o->type != OPT_GRANT;
}

void opt_usage(const struct opt *o, struct ps_buf *out)
{
	if (o->type == OPT_GRANT)
		ps_buf_printf(out, "[=%s]", o->arg);
	else if (opt_takes_value(o))
		ps_buf_printf(out, " %s", o->arg);
}

const char *opt_choice(const struct opt *o, size_t i, size_t *ret_len)
{
	const char *p = o->arg;

	for (; i; i--) {
		p = strpbrk(p, "|,");
		if (!p)
			return NULL;
		p++;
	}
	*ret_len = strcspn(p, "|,");
	return p;
}

/* The flags in force: the command's, which may repeat a global name, before the global ones and those of a policy. */
struct layer {
	struct opt_table opts;
	void *base;
};
enum { N_LAYERS = 3 };

static void layers(struct cli *cli, struct layer l[N_LAYERS])
{
	/* Engines give all their runtime flags in front of every verb. */
	bool policy = !cli->cmd || cli->cmd->attr & CMD_POLICY;

	memset(l, 0, N_LAYERS * sizeof(*l));
	if (cli->cmd)
		l[0] = (struct layer){ cli->cmd->opts, cli->flags };
	l[1] = (struct layer){ global_opts, &cli->global };
	if (policy)
		l[2] = (struct layer){ policy_opts(), &cli->policy };
	else if (cli->cmd->attr & CMD_NARROWS)
		l[2] = (struct layer){ narrow_opts(), &cli->narrow };
}

struct found {
	const struct opt *o;
	void *dst;
};

/* By the name of len bytes, or, with len 0, by its first byte as a letter. */
static struct found find(struct cli *cli, const char *name, size_t len)
{
	struct layer l[N_LAYERS];

	layers(cli, l);
	for (unsigned k = 0; k < N_LAYERS; k++) {
		for (size_t i = 0; i < l[k].opts.n; i++) {
			const struct opt *o = &l[k].opts.v[i];

			if (len ? !strncmp(o->name, name, len) && !o->name[len]
				: o->letters && strchr(o->letters, *name))
				return (struct found){ o, (char *)l[k].base + o->off };
		}
	}
	return (struct found){ NULL, NULL };
}

static int unknown_flag(struct stream *s, const char *text)
{
	const struct command *cmd = s->cli->cmd;
	const char *names[128], *best;
	char word[48] = "";
	struct layer l[N_LAYERS];
	size_t n = 0;

	layers(s->cli, l);
	for (unsigned k = 0; k < N_LAYERS; k++)
		for (size_t i = 0; i < l[k].opts.n && n < PS_COUNT(names); i++)
			names[n++] = l[k].opts.v[i].name;
	for (size_t i = 0; i < sizeof(word) - 1 && text[i] && text[i] != '='; i++)
		word[i] = text[i];
	best = ps_closest(word + strspn(word, "-"), names, n);
	return ps_fail(s->e, PS_E_USAGE, "unknown flag '%s'%s%s%s%s%s%s; see 'podshim %s%s--help'", word,
		       cmd ? " for '" : "", cmd ? cmd->name : "", cmd ? "'" : "",
		       best ? " (did you mean '--" : "", best ? best : "", best ? "'?)" : "",
		       cmd ? cmd->name : "", cmd ? " " : "");
}

static int unknown_command(struct stream *s, const char *word)
{
	const struct command *group = s->cli->cmd;
	const char *names[64], *best;
	size_t n = 0;

	for (size_t i = 0; i < n_commands && n < PS_COUNT(names); i++)
		if (!(commands[i]->attr & CMD_HIDDEN) && command_is_in(commands[i], group))
			names[n++] = command_word(commands[i]);
	best = ps_closest(word, names, n);
	return ps_fail(s->e, PS_E_USAGE, "%s '%s%s%s'%s%s%s; see '%s help%s%s'", cli_no_command(s->cli),
		       group ? group->name : "", group ? " " : "", word, best ? " (did you mean '" : "", best ? best : "",
		       best ? "'?)" : "", s->cli->program, group ? " " : "", group ? group->name : "");
}

static int set_enum(struct stream *s, const struct opt *o, const char **dst, const char *value)
{
	const char *choice;
	size_t len;

	for (size_t i = 0; (choice = opt_choice(o, i, &len)); i++) {
		if (!strncmp(choice, value, len) && !value[len]) {
			*dst = value;
			return 0;
		}
	}
	return ps_fail(s->e, PS_E_USAGE, "invalid %s: %s (one of %s)", o->name, value, o->arg);
}

static int add_to_list(struct stream *s, struct opt_list *l, const char *value)
{
	const char **v = ps_arena_array(&s->cli->mem, l->n + 2, sizeof(*v));

	if (!v)
		return ps_fail_os(s->e, "allocate");
	for (size_t i = 0; i < l->n; i++)
		v[i] = l->v[i];
	v[l->n++] = value;
	l->v = v;
	return 0;
}

static int add_grant(struct stream *s, const struct opt *o, struct opt_grants *l, const char *value)
{
	struct opt_grant *v = ps_arena_array(&s->cli->mem, l->n + 1, sizeof(*v));

	if (!v)
		return ps_fail_os(s->e, "allocate");
	if (value && !*value)
		return ps_fail(s->e, PS_E_USAGE, "flag '--%s=' has no value (%s); without '=' it means everything", o->name, o->arg);
	for (size_t i = 0; i < l->n; i++)
		v[i] = l->v[i];
	v[l->n++] = (struct opt_grant){ o, value, s->append };
	l->v = v;
	return 0;
}

static int invalid(struct stream *s, const struct opt *o, const char *value, const char *what)
{
	return ps_fail(s->e, PS_E_USAGE, "invalid %s: %s is no %s", o->name, value, what);
}

static int store_value(struct stream *s, struct found f, const char *value)
{
	switch (f.o->type) {
	case OPT_STR:
		*(const char **)f.dst = value;
		return 0;
	case OPT_ENUM:
		return set_enum(s, f.o, f.dst, value);
	case OPT_LIST:
		return add_to_list(s, f.dst, value);
	case OPT_U32:
		if (ps_parse_u32(value, f.dst) < 0)
			return ps_fail(s->e, PS_E_USAGE, "invalid %s: %s is not a number from 0 to %u",
				       f.o->name, value, UINT32_MAX);
		return 0;
	case OPT_SIZE:
		return ps_parse_size(value, f.dst) < 0 ? invalid(s, f.o, value, "size, as in 512K, 64M, 2G") : 0;
	case OPT_TIME:
		return ps_parse_time(value, f.dst) < 0 ? invalid(s, f.o, value, "duration, as in 500ms, 10s, 5m, 1h") : 0;
	case OPT_CPUS:
		return ps_parse_cpus(value, f.dst) < 0 ? invalid(s, f.o, value, "number of CPUs, as in 0.5 or 2") : 0;
	case OPT_FLAG:
	case OPT_NONE:
	case OPT_GRANT:
		break;
	}
	return ps_fail(s->e, PS_E_BUG, "flag '--%s' takes no value", f.o->name);
}

/* value NULL: none was given with the flag. */
static int take_switch(struct stream *s, struct found f, const char *value)
{
	bool on = !value || !strcmp(value, "true");

	if (f.o->type == OPT_GRANT)
		return add_grant(s, f.o, f.dst, value);
	if (!on && strcmp(value, "false") != 0)
		return ps_fail(s->e, PS_E_USAGE, "invalid %s: %s (one of true|false)", f.o->name, value);
	if (f.o->type == OPT_FLAG)
		*(bool *)f.dst = on;
	return 0;
}

/* value NULL: the next argument, if the flag wants one. */
static int take_value(struct stream *s, struct found f, const char *value)
{
	if (!opt_takes_value(f.o))
		return take_switch(s, f, value);
	if (!value && s->i < s->argc)
		value = s->argv[s->i++];
	else if (!value)
		s->cli->pending = f.o;
	if (!value || !*value)
		return ps_fail(s->e, PS_E_USAGE, "flag '--%s' requires an argument (%s)", f.o->name,
			       f.o->arg);
	return store_value(s, f, value);
}

/* -t, -it, -b DIR, -b=DIR, -u1000 */
static int take_letters(struct stream *s, const char *text)
{
	for (const char *p = text + 1; *p; p++) {
		struct found f = find(s->cli, p, 0);
		const char *rest = p + 1;

		if (!f.o)
			return unknown_flag(s, text);
		if (*rest == '=')
			return take_value(s, f, rest + 1);
		if (opt_takes_value(f.o))
			return *rest >= 'a' && *rest <= 'z' ? unknown_flag(s, text)
							    : take_value(s, f, *rest ? rest : NULL);
		if (take_switch(s, f, NULL) < 0)
			return -1;
	}
	return 0;
}

static int take_flag(struct stream *s, const char *text)
{
	const char *name = text + (text[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	struct found f = find(s->cli, name, len);

	s->append = !f.o && len > 1 && name[len] && name[len - 1] == '+';
	if (s->append) {
		f = find(s->cli, name, len - 1);
		if (f.o && f.o->type != OPT_GRANT)
			return unknown_flag(s, text);
	}
	if (len && f.o)
		return take_value(s, f, name[len] ? name + len + 1 : NULL);
	return text[1] == '-' ? unknown_flag(s, text) : take_letters(s, text);
}

bool args_is_payload(const struct command *c, size_t n_words)
{
	return (c->attr & CMD_PAYLOAD && n_words >= 1) || (c->attr & CMD_PAYLOAD_2 && n_words >= 2);
}

static int take_word(struct stream *s, const char *word, bool *flags_end)
{
	struct cli *cli = s->cli;

	if (cli->cmd && !(cli->cmd->attr & CMD_GROUP)) {
		cli->words[cli->n_words++] = word;
		*flags_end |= args_is_payload(cli->cmd, cli->n_words);
		return 0;
	}
	const struct command *found = command_in(cli->cmd, word);

	if (!found)
		return unknown_command(s, word);
	cli->cmd = found;
	*flags_end |= (cli->cmd->attr & CMD_RAW) != 0;
	cli->fail_status = cli->cmd->fail_status ? cli->cmd->fail_status : 1;
	if (cli->cmd->flags_size) {
		cli->flags = ps_arena_alloc(&cli->mem, cli->cmd->flags_size);
		if (!cli->flags)
			return ps_fail_os(s->e, "allocate");
	}
	return 0;
}

int args_parse(struct cli *cli, int argc, char *const *argv, struct ps_err *e)
{
	struct stream s = { .argc = argc, .i = 1, .argv = argv, .cli = cli, .e = e };
	bool flags_end = false;

	cli->words = ps_arena_array(&cli->mem, (size_t)argc + 1, sizeof(*cli->words));
	if (!cli->words)
		return ps_fail_os(e, "allocate");
	while (s.i < s.argc) {
		const char *text = s.argv[s.i++];
		int r = 0;

		if (flags_end || text[0] != '-' || !text[1]) {
			r = take_word(&s, text, &flags_end);
		} else if (!strcmp(text, "--")) {
			flags_end = true;
			cli->dashdash = cli->cmd && !cli->n_words;
		} else {
			r = take_flag(&s, text);
		}
		if (r < 0)
			return -1;
	}
	return 0;
}

int args_check_words(const struct cli *cli, struct ps_err *e)
{
	const struct command *c = cli->cmd;

	if (cli->n_words < c->min_words)
		return ps_fail(e, PS_E_USAGE, "'%s' needs %s; see 'podshim %s --help'", c->name, c->words,
			       c->name);
	if (cli->n_words > c->max_words)
		return ps_fail(e, PS_E_USAGE, "'%s' does not take '%s'; see 'podshim %s --help'", c->name,
			       cli->words[c->max_words], c->name);
	return 0;
}
