/* SPDX-License-Identifier: Apache-2.0
 * cmd_policy_lint.c - podshim policy lint: what is wrong with policy files, and what in them has no effect.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "oci/json.h"
#include "shim/cli/cmd.h"

struct policy_lint_flags {
	const char *format;
	bool ceiling;
};

static const struct opt policy_lint_rows[] = {
	{ "ceiling", NULL, OPT_FLAG, NULL, "they are ceilings, as /etc/podshim/ceiling.json", offsetof(struct policy_lint_flags, ceiling) },
	{ "format", "f", OPT_ENUM, "text|json", "how it is printed (default: text)", offsetof(struct policy_lint_flags, format) },
};

enum { MAX_BYTES = 1 << 20 };

struct lint {
	struct cli *cli;
	const char *file, *set;      /* set: NULL: none */
	bool json;
	struct ps_jsonw w;
	struct ps_buf *out;
	size_t errors, findings;
};

/* "policy.json: /permissions/read/allow/0: error: ..."; where begins with the file, or is "". */
static void put(struct lint *l, const char *level, const char *where, const char *message)
{
	const char *place = *where ? where : l->file;

	l->findings++;
	if (l->json) {
		ps_jw_object(&l->w, NULL);
		ps_jw_str(&l->w, "file", l->file);
		if (l->set)
			ps_jw_str(&l->w, "set", l->set);
		ps_jw_str(&l->w, "where", where);
		ps_jw_str(&l->w, "level", level);
		ps_jw_str(&l->w, "message", message);
		ps_jw_end_object(&l->w);
		return;
	}
	log_escape(l->out, place);
	if (l->set) {
		ps_buf_puts(l->out, ": set ");
		log_escape(l->out, l->set);
	}
	ps_buf_printf(l->out, ": %s: ", level);
	log_escape(l->out, message);
	ps_buf_putc(l->out, '\n');
}

static int put_error(struct lint *l, const struct ps_err *e, struct ps_err *ret)
{
	if (e->cls == PS_E_OS) {
		*ret = *e;
		return -1;
	}
	put(l, "error", e->where, e->msg);
	l->errors++;
	return 0;
}

/* What an entry opens that is worth protecting. */
static void check_risk(struct lint *l, const struct perm_entry *en)
{
	struct perm_query q = { .permission = en->permission, .value = en->value };
	const char *risk;

	if (!en->value || (en->permission == POLICY_NET && en->net.host != NET_HOST_UNIX))
		return;
	if (en->permission == POLICY_NET)
		q.net.unix_path = en->net.name;
	risk = perm_query_risk(&q);
	if (!risk)
		return;
	const char *text = ps_arena_printf(&l->cli->mem, "%s.allow \"%s\" (%s) opens %s", policy_permission_name(en->permission), en->value,
					   en->from, risk);

	put(l, "warning", "", text ? text : risk);
}

static int check_set(struct lint *l, const struct permissions *p, struct ps_err *e)
{
	(void)e;
	for (size_t i = 0; i < p->notes.n; i++)
		put(l, "warning", "", p->notes.v[i]);
	for (int k = 0; k < POLICY_N_PERMISSIONS; k++)
		for (size_t i = 0; i < p->of[k].allow.n; i++)
			check_risk(l, &p->of[k].allow.v[i]);
	return 0;
}

static int load(struct lint *l, const struct ps_buf *text, struct perm_layers *layers, struct perm_context *c, struct ps_err *e)
{
	const struct policy_lint_flags *f = l->cli->flags;
	struct ps_arena *a = &l->cli->mem;

	if (text)
		return perm_layers_of_text(a, l->file, text->data ? text->data : "", text->len, l->set, PERM_FILE,
					   /* narrow_only= */ false, layers, e);
	if (!f->ceiling)
		return perm_layers_of_file(a, l->file, l->set, PERM_FILE, layers, e);
	if (perm_ceiling_of_file(a, l->file, &c->ceiling, e) < 0)
		return -1;
	return c->ceiling ? 0 : ps_fail(e, PS_E_NOTFOUND, "there is no policy '%s'", l->file);
}

/* One file, or with l->set one of its sets. */
static int lint_one(struct lint *l, const struct ps_buf *text, struct ps_err *e)
{
	char cwd[4096] = "/";
	struct perm_context c = { .cwd = getcwd(cwd, sizeof(cwd)) ? cwd : "/" };
	struct perm_layers layers = { .n = 0 };
	const struct permissions *p;
	struct ps_err why = { .cls = PS_OK };

	if (load(l, text, &layers, &c, &why) < 0 || permissions_merge(&l->cli->mem, &layers, &c, &p, &why) < 0)
		return put_error(l, &why, e);
	return check_set(l, p, e);
}

/* The named sets of a file; *ret_alone: there is nothing else in it. */
static const struct json *sets_of(struct lint *l, const struct ps_buf *text, bool *ret_alone)
{
	struct ps_err ignored = { .cls = PS_OK };
	struct json *root = NULL;
	const struct json *sets;

	if (json_parse(&l->cli->mem, l->file, text->data ? text->data : "", text->len, &root, &ignored) < 0)
		return NULL;
	sets = json_get(root, "permissionSets");
	*ret_alone = sets && !json_get(root, "permissions");
	return sets && sets->type == JSON_OBJECT && json_get(root, "podshimPolicy") ? sets : NULL;
}

static int lint_file(struct lint *l, struct ps_err *e)
{
	const struct policy_lint_flags *f = l->cli->flags;
	ps_auto_buf struct ps_buf text = { 0 };
	const bool standard_input = !strcmp(l->file, "-");
	const struct ps_buf *given = standard_input ? &text : NULL;
	const struct json *sets;
	struct ps_err why = { .cls = PS_OK };
	size_t before = l->findings;
	bool alone = false;

	if (standard_input)
		l->file = "standard input";
	if (standard_input ? ps_read_fd(STDIN_FILENO, l->file, MAX_BYTES, &text, e) < 0 :
			     ps_read_file_at(AT_FDCWD, l->file, MAX_BYTES, &text, &why) < 0)
		return standard_input ? -1 : lint_one(l, NULL, e);
	sets = f->ceiling ? NULL : sets_of(l, &text, &alone);
	if ((!sets || !alone) && lint_one(l, given, e) < 0)
		return -1;
	for (size_t i = 0; sets && i < sets->v.list.n; i++) {
		l->set = sets->v.list.items[i].key;
		if (lint_one(l, given, e) < 0)
			return -1;
	}
	l->set = NULL;
	if (l->findings == before && !l->json) {
		log_escape(l->out, l->file);
		ps_buf_puts(l->out, ": ok\n");
	}
	return 0;
}

static int run_policy_lint(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct policy_lint_flags *f = cli->flags;
	struct lint l = { .cli = cli, .out = &out, .json = f->format && !strcmp(f->format, "json"), .w = { .out = &out, .indent = 2 } };

	if (l.json)
		ps_jw_array(&l.w, NULL);
	for (size_t i = 0; i < cli->n_words; i++) {
		l.file = cli->words[i];
		if (lint_file(&l, e) < 0)
			return -1;
	}
	if (l.json) {
		ps_jw_end_array(&l.w);
		ps_buf_putc(&out, '\n');
	}
	return cli_print(&out, e) < 0 ? -1 : l.errors != 0;
}

const struct command cmd_policy_lint = {
	.name = "policy lint",
	.words = "FILE...",
	.summary = "check policy files",
	.about = "Errors with their place, and warnings: entries that have no effect, that another\n"
		 "one makes smaller, that open keys and credentials. All sets of a file are\n"
		 "checked, with what they extend. FILE '-' is standard input. Exit status 1: there\n"
		 "are errors.",
	.examples = "podshim policy lint policy.json\n"
		    "podshim policy lint --format json policy.json | jq -r '.[].message'\n",
	.opts = OPT_TABLE(policy_lint_rows),
	.flags_size = sizeof(struct policy_lint_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.run = run_policy_lint,
};
