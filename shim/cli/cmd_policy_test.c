/* SPDX-License-Identifier: Apache-2.0
 * cmd_policy_test.c - podshim policy test: recorded accesses under another policy.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"

struct policy_test_flags {
	const char *against, *format;
};

static const struct opt policy_test_rows[] = {
	{ "against", NULL, OPT_STR, "FILE", "JSON lines of 'run --audit FILE', 'audit --format json' or 'watch'; -: standard input",
	  offsetof(struct policy_test_flags, against) },
	{ "format", "f", OPT_ENUM, "text|json", "how it is printed (default: text)", offsetof(struct policy_test_flags, format) },
};

/* An access that would come out differently; each once. */
struct change {
	const char *action, *target;
	bool breaks;                 /* it happened, and would not; else the other way round */
	uint64_t count;
	struct perm_query q;
	struct perm_verdict v;
};
enum { MAX_CHANGES = 4096 };

struct replay {
	struct cli *cli;
	const struct permissions *set;
	const char *file;
	struct change v[MAX_CHANGES];
	size_t n;
	uint64_t accesses, breaking, opening, unknown;
};

/* ---- one line ---- */

static const char *text_of(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->v.s : "";
}

static int add_change(struct replay *r, const struct json *o, const struct change *c)
{
	struct change *to = r->v;

	for (; to < r->v + r->n; to++) {
		if (to->q.permission != c->q.permission || to->breaks != c->breaks || strcmp(to->target, c->target) != 0)
			continue;
		to->count += c->count;
		return 0;
	}
	if (r->n == MAX_CHANGES)
		return 0;
	*to = *c;
	to->target = ps_arena_strdup(&r->cli->mem, c->target);
	to->action = ps_arena_strdup(&r->cli->mem, text_of(o, "action"));
	if (!to->target || !to->action || !audit_query_parse(&r->cli->mem, policy_permission_name(c->q.permission), to->target, &to->q))
		return -1;
	to->v = permissions_decide(r->set, &to->q);
	r->n++;
	return 0;
}

/* It happened, if it was not refused: an audit of what would have been denied lets it happen. */
static bool has_happened(const char *result)
{
	return strcmp(result, "deny") != 0 && strcmp(result, "ask-deny") != 0 && strcmp(result, "ignore") != 0;
}

static int replay_event(struct replay *r, struct ps_arena *a, const struct json *o)
{
	const char *kind = text_of(o, "kind"), *result = text_of(o, "result");
	const struct json *count = json_get(o, "count");
	struct change c = { .target = text_of(o, "target"), .count = 1 };

	if ((*kind && strcmp(kind, "access") != 0) || !*text_of(o, "perm"))
		return 0;
	if (count && count->type == JSON_INT && count->v.i > 0)
		c.count = (uint64_t)count->v.i;
	r->accesses += c.count;
	if (!*result || !audit_query_parse(a, text_of(o, "perm"), c.target, &c.q)) {
		r->unknown += c.count;
		return 0;
	}
	const enum policy_action now = permissions_decide(r->set, &c.q).action;
	const bool allowed = now == POLICY_ALLOW || now == POLICY_WARN;

	c.breaks = has_happened(result);
	if (c.breaks == allowed)
		return 0;
	*(c.breaks ? &r->breaking : &r->opening) += c.count;
	return add_change(r, o, &c);
}

static int replay_line(struct replay *r, const char *line, size_t n, uint64_t number, struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err why = { .cls = PS_OK };
	struct json *o;

	if (!line[strspn(line, " \t\r\n")])
		return 0;
	if (json_parse(&a, r->file, line, n, &o, &why) < 0) {
		/* The last one may still be being written. */
		if (line[n - 1] != '\n' && number > 1)
			return 0;
		return ps_fail(e, PS_E_CONFIG, "line %" PRIu64 " of '%s' is no JSON: %s", number, r->file, why.msg);
	}
	return replay_event(r, &a, o) < 0 ? ps_fail_os(e, "replay '%s'", r->file) : 0;
}

static int replay(struct replay *r, struct ps_err *e)
{
	const bool standard_input = !strcmp(r->file, "-");
	ps_auto_fd int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(r->file, O_RDONLY | O_CLOEXEC);
	ps_auto_file FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	ps_auto_mem char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f)
		return ps_fail_os(e, "open '%s'", r->file);
	(void)ps_take_fd(&fd); /* closed with f */
	for (uint64_t number = 1; (errno = 0, n = getline(&line, &size, f)) > 0; number++)
		if (replay_line(r, line, (size_t)n, number, e) < 0)
			return -1;
	return errno || ferror(f) ? ps_fail_os(e, "read '%s'", r->file) : 0;
}

/* ---- what comes of it ---- */

static void put_rule(struct ps_buf *out, const struct change *c)
{
	const struct perm_entry *rule = c->v.rule;
	const char *risk = perm_query_risk(&c->q);

	if (rule) {
		ps_buf_printf(out, "%s %s", policy_action_name(rule->action), rule->value ? "" : "everything");
		log_escape(out, rule->value ? rule->value : "");
		ps_buf_puts(out, " (");
		log_escape(out, rule->from);
		ps_buf_putc(out, ')');
	} else {
		ps_buf_puts(out, c->breaks ? "no allow entry matches; " : "nothing limits it");
	}
	if (!rule && c->breaks)
		perm_query_flag(&c->q, out);
	if (!c->breaks && risk)
		ps_buf_printf(out, "; careful: %s", risk);
}

static void put_text(struct ps_buf *out, const struct change *c)
{
	ps_buf_printf(out, "%s %-5s ", c->breaks ? "breaks" : "opens ", policy_permission_name(c->q.permission));
	log_escape(out, c->target);
	if (*c->action || c->count > 1)
		ps_buf_puts(out, " (");
	log_escape(out, c->action);
	if (c->count > 1)
		ps_buf_printf(out, "%s%" PRIu64 " times", *c->action ? ", " : "", c->count);
	ps_buf_puts(out, *c->action || c->count > 1 ? "): " : ": ");
	put_rule(out, c);
	ps_buf_putc(out, '\n');
}

static void put_json(struct ps_jsonw *w, const struct change *c)
{
	ps_auto_buf struct ps_buf flag = { 0 };
	const char *risk = perm_query_risk(&c->q);

	ps_jw_object(w, NULL);
	ps_jw_str(w, "would", c->breaks ? "break" : "open");
	ps_jw_str(w, "perm", policy_permission_name(c->q.permission));
	ps_jw_str(w, "action", c->action);
	ps_jw_str(w, "target", c->target);
	ps_jw_uint(w, "count", c->count);
	if (c->v.rule) {
		ps_jw_object(w, "rule");
		ps_jw_str(w, "action", policy_action_name(c->v.rule->action));
		ps_jw_str(w, "value", c->v.rule->value);
		ps_jw_str(w, "from", c->v.rule->from);
		ps_jw_end_object(w);
	}
	perm_query_flag(&c->q, &flag);
	if (c->breaks && !c->v.rule && flag.data)
		ps_jw_str(w, "hint", flag.data);
	if (!c->breaks && risk)
		ps_jw_str(w, "risk", risk);
	ps_jw_end_object(w);
}

static void put_summary(struct ps_buf *out, const struct replay *r)
{
	ps_buf_printf(out, "%" PRIu64 " accesses: %" PRIu64 " would break, %" PRIu64 " would open, %" PRIu64 " stay as they are", r->accesses,
		      r->breaking, r->opening, r->accesses - r->breaking - r->opening - r->unknown);
	if (r->unknown)
		ps_buf_printf(out, ", %" PRIu64 " could not be understood", r->unknown);
	ps_buf_putc(out, '\n');
}

static int print(const struct replay *r, bool json, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct ps_jsonw w = { .out = &out, .indent = 2 };

	if (json)
		ps_jw_array(&w, NULL);
	for (int breaks = 1; breaks >= 0; breaks--)
		for (size_t i = 0; i < r->n; i++) {
			if (r->v[i].breaks != breaks)
				continue;
			if (json)
				put_json(&w, &r->v[i]);
			else
				put_text(&out, &r->v[i]);
		}
	if (json) {
		ps_jw_end_array(&w);
		ps_buf_putc(&out, '\n');
	} else {
		put_summary(&out, r);
	}
	return cli_print(&out, e);
}

static int run_policy_test(struct cli *cli, struct ps_err *e)
{
	const struct policy_test_flags *f = cli->flags;
	struct pod_create_request request = { .id = "policy", .bundle = cli->words[0] };
	struct replay *r = ps_arena_new(&cli->mem, struct replay);

	if (!r)
		return ps_fail_os(e, "replay accesses");
	if (!f->against)
		return ps_fail(e, PS_E_USAGE, "'policy test' needs --against FILE: the accesses to replay");
	if (cli_permissions(cli, &request.permissions, e) < 0 || pod_permissions(&cli->env, &request, &cli->mem, &r->set, e) < 0)
		return -1;
	r->cli = cli;
	r->file = f->against;
	if (replay(r, e) < 0 || print(r, f->format && !strcmp(f->format, "json"), e) < 0)
		return -1;
	return r->breaking != 0;
}

const struct command cmd_policy_test = {
	.name = "policy test",
	.words = "--against FILE [ID | BUNDLE]",
	.summary = "replay recorded accesses under a policy",
	.about = "What happened and would now be denied, and what was denied and would now happen,\n"
		 "with the entry that decides. Nothing is run. Exit status 1: something would break.",
	.examples = "podshim policy test --against audit.jsonl --policy policy.json\n"
		    "podshim audit --format json web | podshim policy test --against - --allow-net=example.com:443\n",
	.opts = OPT_TABLE(policy_test_rows),
	.flags_size = sizeof(struct policy_test_flags),
	.max_words = 1,
	.attr = CMD_ROOT | CMD_POLICY,
	.run = run_policy_test,
};
