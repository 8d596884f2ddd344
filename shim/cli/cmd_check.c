/* SPDX-License-Identifier: Apache-2.0
 * cmd_check.c - podshim check: what `run` would enforce here, how, and what it could not.
 */
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"
#include "shim/cli/run_form.h"
#include "shim/pod/check.h"

enum { STATUS_FAILS = 3 };

struct check_flags {
	struct run_flags run;        /* first: CREATE_AT and RUN_AT say where in it */
	const char *format, *of;
};

static const struct opt check_rows[] = {
	{ "bundle", "b", OPT_STR, "DIR", "the bundle (or as a word)", CREATE_AT(bundle) },
	{ "config", "f", OPT_STR, "FILE", "read FILE instead of the bundle's config.json", CREATE_AT(config) },
	{ "detach", "d", OPT_FLAG, NULL, "as 'run --detach' would have it", CREATE_AT(detach) },
	{ "format", NULL, OPT_ENUM, "text|json", "format of what is printed (default: text)", offsetof(struct check_flags, format) },
	{ "of", NULL, OPT_STR, "ID", "a container that is there, with what is recorded of it", offsetof(struct check_flags, of) },
	RUN_FORM_FLAGS,
};

/* ---- Text ---- */

/* What is quoted is the document's: nothing that a terminal acts on. */
static void put(struct ps_buf *out, const char *text)
{
	log_escape(out, text);
}

static void put_by(struct ps_buf *out, const struct mechanism_row *row)
{
	bool first = true;

	if (!row->by)
		ps_buf_puts(out, !row->limits ? "all of it is allowed" : !strcmp(row->kind, "sys") ? "nothing: every process is told" : "nothing");
	for (unsigned m = 0; m < N_MECHANISMS; m++) {
		if (!(row->by >> m & 1))
			continue;
		ps_buf_printf(out, "%s%s [T%u]", first ? "" : ", ", mechanism_text((enum mechanism)m), mechanism_tier((enum mechanism)m));
		first = false;
	}
	if (row->limits && !row->sound)
		ps_buf_puts(out, " (advisory)");
}

static void put_row(struct ps_buf *out, const struct mechanism_row *row)
{
	ps_buf_printf(out, "  %-6s %-6s ", row->kind, row->action);
	put(out, row->value ? row->value : row->by_default ? "what is not listed" : "everything");
	if (*row->from) {
		ps_buf_puts(out, " (");
		put(out, row->from);
		ps_buf_putc(out, ')');
	}
	ps_buf_puts(out, ": ");
	put_by(out, row);
	ps_buf_putc(out, '\n');
}

/* Entries that nobody wrote are left to JSON. */
static void put_rows(struct ps_buf *out, const struct check_report *r)
{
	size_t implied = 0;

	if (!r->judged)
		return;
	ps_buf_puts(out, "enforced by:\n");
	for (size_t i = 0; i < r->n_rows; i++) {
		if (r->rows[i].implied)
			implied++;
		else
			put_row(out, &r->rows[i]);
	}
	for (size_t i = 0; i < r->n_limits; i++)
		put_row(out, &r->limits[i]);
	if (implied)
		ps_buf_printf(out, "  and %zu implied entries (--format json has them)\n", implied);
}

static void put_hint(struct ps_buf *out, const char *code, const char *hint)
{
	ps_buf_printf(out, " [%s]\n         next: %s\n", code, hint);
}

static void put_findings(struct ps_buf *out, const struct check_report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct check_finding *f = &CHECK_ROWS(check_finding, r->findings)[i];

		ps_buf_printf(out, "%s ", f->fails ? "fails:  " : "warning:");
		if (*f->at) {
			put(out, f->at);
			ps_buf_puts(out, ": ");
		}
		ps_buf_printf(out, "%s: ", f->subject);
		put(out, f->text);
		put_hint(out, f->code, f->hint);
	}
}

static void put_facts(struct ps_buf *out, const struct check_report *r)
{
	ps_buf_puts(out, "host:\n");
	for (size_t i = 0; i < r->facts.n; i++) {
		const struct check_fact *f = &CHECK_ROWS(check_fact, r->facts)[i];

		ps_buf_printf(out, "  %-27s ", f->name);
		put(out, f->value);
		ps_buf_putc(out, '\n');
		if (!f->lost)
			continue;
		ps_buf_printf(out, "  lost:  %s", f->text);
		put_hint(out, f->code, f->hint);
	}
}

static void put_needs(struct ps_buf *out, const struct check_report *r)
{
	size_t there = 0;

	for (size_t i = 0; i < r->needs.n; i++)
		there += CHECK_ROWS(check_need, r->needs)[i].there;
	if (r->needs.n)
		ps_buf_printf(out, "needs: %zu things of the host, %zu of them there\n", r->needs.n, there);
}

static void put_notes(struct ps_buf *out, const struct check_report *r)
{
	for (size_t i = 0; i < r->notes.n; i++) {
		ps_buf_puts(out, "note:    ");
		put(out, CHECK_ROWS(check_note, r->notes)[i].text);
		ps_buf_putc(out, '\n');
	}
}

static void put_text(struct ps_buf *out, const struct check_report *r)
{
	put_rows(out, r);
	put_needs(out, r);
	if (!r->exists)
		put_facts(out, r);
	put_notes(out, r);
	put_findings(out, r);
	if (r->exists)
		ps_buf_puts(out, !r->judged ? "verdict: it has no permissions but what its config.json grants\n"
				 : check_fails(r) ? "verdict: not all of it is enforced\n" : "verdict: all of it is enforced\n");
	else if (r->target)
		ps_buf_puts(out, check_fails(r) ? "verdict: 'run' would fail\n"
				 : r->findings.n ? "verdict: 'run' would warn of what it cannot enforce\n"
						 : "verdict: 'run' would enforce all of it\n");
	else
		ps_buf_puts(out, check_fails(r) ? "verdict: not everything can be enforced here\n" : "verdict: everything can be enforced here\n");
}

/* ---- JSON ---- */

static void json_lack(struct ps_jsonw *w, const char *code, const char *text, const char *hint)
{
	if (code)
		ps_jw_str(w, "code", code);
	if (text)
		ps_jw_str(w, "text", text);
	if (hint)
		ps_jw_str(w, "hint", hint);
}

static void json_row(struct ps_jsonw *w, const struct mechanism_row *row)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "kind", row->kind);
	ps_jw_str(w, "action", row->action);
	ps_jw_str(w, "value", row->value);
	ps_jw_str(w, "from", row->from);
	ps_jw_bool(w, "implied", row->implied);
	ps_jw_bool(w, "default", row->by_default);
	ps_jw_bool(w, "limits", row->limits);
	ps_jw_bool(w, "sound", row->sound);
	ps_jw_int(w, "tier", mechanism_row_tier(row));
	ps_jw_array(w, "by");
	for (unsigned m = 0; m < N_MECHANISMS; m++)
		if (row->by >> m & 1)
			ps_jw_str(w, NULL, mechanism_id((enum mechanism)m));
	ps_jw_end_array(w);
	ps_jw_end_object(w);
}

static void json_host(struct ps_jsonw *w, const struct check_report *r)
{
	ps_jw_array(w, "host");
	for (size_t i = 0; i < r->facts.n; i++) {
		const struct check_fact *f = &CHECK_ROWS(check_fact, r->facts)[i];

		ps_jw_object(w, NULL);
		ps_jw_str(w, "name", f->name);
		ps_jw_str(w, "value", f->value);
		ps_jw_bool(w, "lost", f->lost);
		json_lack(w, f->code, f->text, f->hint);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void json_needs(struct ps_jsonw *w, const struct check_report *r)
{
	ps_jw_array(w, "needs");
	for (size_t i = 0; i < r->needs.n; i++) {
		const struct check_need *n = &CHECK_ROWS(check_need, r->needs)[i];

		ps_jw_object(w, NULL);
		ps_jw_str(w, "at", n->at);
		ps_jw_str(w, "what", n->what);
		ps_jw_bool(w, "there", n->there);
		json_lack(w, n->code, NULL, n->hint);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void json_findings(struct ps_jsonw *w, const struct check_report *r)
{
	ps_jw_array(w, "findings");
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct check_finding *f = &CHECK_ROWS(check_finding, r->findings)[i];

		ps_jw_object(w, NULL);
		ps_jw_bool(w, "fails", f->fails);
		ps_jw_str(w, "subject", f->subject);
		ps_jw_str(w, "at", f->at);
		json_lack(w, f->code, f->text, f->hint);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void put_json(struct ps_buf *out, const struct check_report *r)
{
	struct ps_jsonw w = { .out = out, .indent = 2 };

	ps_jw_object(&w, NULL);
	ps_jw_bool(&w, "ok", !check_fails(r));
	ps_jw_str(&w, "target", r->target);
	ps_jw_bool(&w, "judged", r->judged);
	ps_jw_array(&w, "entries");
	for (size_t i = 0; i < r->n_rows; i++)
		json_row(&w, &r->rows[i]);
	for (size_t i = 0; i < r->n_limits; i++)
		json_row(&w, &r->limits[i]);
	ps_jw_end_array(&w);
	json_needs(&w, r);
	ps_jw_array(&w, "notes");
	for (size_t i = 0; i < r->notes.n; i++)
		ps_jw_str(&w, NULL, CHECK_ROWS(check_note, r->notes)[i].text);
	ps_jw_end_array(&w);
	json_findings(&w, r);
	json_host(&w, r);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

/* ---- The command ---- */

/* Permissions without anything that they are for: as for a program that needs nothing itself. */
static bool is_for_any_program(struct cli *cli, const struct perm_layers *l)
{
	static const char *any[] = { "true", NULL };

	if (cli->n_words || !l->n)
		return false;
	cli->words = any;
	cli->n_words = 1;
	cli->dashdash = true;
	return true;
}

static bool has_flags(const struct perm_layers *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->v[i]->rank == PERM_FLAG || l->v[i]->rank == PERM_FILE)
			return true;
	return false;
}

/* What is recorded of a container; the environment's permissions are for what is to be made. */
static int check_container(struct cli *cli, const char *id, struct check_report *ret, struct ps_err *e)
{
	const struct check_flags *f = cli->flags;
	struct pod_env env = cli->env;

	if (f->run.create.bundle || cli->n_words || has_flags(f->run.create.permissions))
		return ps_fail(e, PS_E_USAGE, "'check --of %s' takes no bundle, program or permissions: what counts is recorded", id);
	if (cli_check_id(id, e) < 0 || cli_make_root(cli, e) < 0)
		return -1;
	env.root = cli->root;
	return pod_check_container(&env, id, &cli->mem, ret, e);
}

static int check_target(struct cli *cli, struct check_report *ret, struct ps_err *e)
{
	struct check_flags *f = cli->flags;
	struct pod_create_request *r = &f->run.create;
	char generated[RUN_ID_LEN + 1] = "";

	if (r->bundle && cli->n_words)
		return ps_fail(e, PS_E_USAGE, "'check' takes one bundle: '%s' or '%s'", r->bundle, cli->words[0]);
	if (r->bundle)
		r->id = "check";
	else if ((cli->n_words || is_for_any_program(cli, r->permissions)) && run_form(cli, &f->run, generated, e) < 0)
		return -1;
	return pod_check(&cli->env, r, &cli->mem, ret, e);
}

static int run_check(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct check_flags *f = cli->flags;
	struct check_report report;

	if (cli_permissions(cli, &f->run.create.permissions, e) < 0)
		return -1;
	if ((f->of ? check_container(cli, f->of, &report, e) : check_target(cli, &report, e)) < 0)
		return -1;
	if (f->format && !strcmp(f->format, "json"))
		put_json(&out, &report);
	else
		put_text(&out, &report);
	if (cli_print(&out, e) < 0)
		return -1;
	return check_fails(&report) ? STATUS_FAILS : 0;
}

const struct command cmd_check = {
	.name = "check",
	.words = "[BUNDLE | FILE [ARG...] | -- PROGRAM [ARG...]]",
	.summary = "tell what can be enforced here, and how",
	.forms = "check                          the host alone\n"
		 "check FLAGS                    permissions, as for 'run FLAGS -- true'\n"
		 "check [FLAGS] BUNDLE           a bundle, and what its config.json needs of the host\n"
		 "check [FLAGS] -- PROGRAM       a program; so for FILE\n"
		 "check --of ID                  a container that is there\n",
	.about = "Takes the words and flags of 'run' and starts nothing. For each permission entry:\n"
		 "what enforces it, and its tier (T0 construction: mounts, namespaces, filters; T1\n"
		 "Landlock; T2 the supervisor; T3 what only root can); then the facts of the host with\n"
		 "what each that is missing takes away, and what would fail, with its place, a code and\n"
		 "a next step.\n"
		 "\n"
		 "Exit status 0: all would be enforced (with --best-effort: or warned of); 3:\n"
		 "something cannot be, and 'run' would fail; without a target: something is lost on\n"
		 "this host; 1: the question itself is wrong.",
	.examples = "podshim check\n"
		    "podshim check --allow-net=api.example.com:443 --memory 1G\n"
		    "podshim check --policy job.json -- python3 job.py\n"
		    "podshim check --format json ./bundle | jq '.findings[]'\n",
	.opts = OPT_TABLE(check_rows),
	.flags_size = sizeof(struct check_flags),
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_PAYLOAD | CMD_POLICY,
	.run = run_check,
};
