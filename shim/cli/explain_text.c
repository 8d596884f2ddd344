/* SPDX-License-Identifier: Apache-2.0
 * explain_text.c - why an access was denied, or would be, and every way to allow it: text, or a line of JSON.
 */
#include "shim/cli/explain_text.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/log.h"

/* What a program sees of what is denied by mounts, filters and the supervisor together. */
static const char *const seen[POLICY_N_PERMISSIONS] = {
	[POLICY_READ] = "EACCES", [POLICY_WRITE] = "EACCES, or EROFS on a mount that is read-only",
	[POLICY_NET] = "EACCES; of a name, that there is no such host", [POLICY_ENV] = "no such variable", [POLICY_RUN] = "EACCES",
	[POLICY_FFI] = "EPERM, or EACCES where it cannot be read", [POLICY_SYS] = "other values, an empty file, or EPERM",
};

static const char *seen_by(const struct explanation *x)
{
	const enum policy_permission p = x->query->permission;

	if (x->line)
		return x->line->error;
	return x->program && (p == POLICY_READ || p == POLICY_RUN || p == POLICY_FFI) ? "ENOENT: it is not there" : seen[p];
}

static const char *mechanism_of(const struct explanation *x)
{
	const struct perm_flag *f = x->query ? perm_flag_find(x->query->permission, POLICY_ALLOW) : NULL;

	return f ? f->mechanism : x->line ? x->line->mechanism : "";
}

static struct perm_verdict verdict_of(const struct explanation *x)
{
	if (x->query && x->permissions)
		return permissions_decide(x->permissions, x->query);
	return (struct perm_verdict){ .action = POLICY_DENY };
}

/* An event is what it was then; a tighter or wider set since does not change that. */
static const char *result_of(const struct explanation *x, const struct perm_verdict *v)
{
	return x->line ? x->line->result : policy_action_name(v->action);
}

bool explain_denied(const struct explanation *x)
{
	const struct perm_verdict v = verdict_of(x);

	return !strcmp(result_of(x, &v), "deny");
}

static bool has_rule(const struct explanation *x, const struct perm_verdict *v)
{
	return x->line ? *x->line->rule != '\0' : v->rule != NULL;
}

/* ---- What would allow it ---- */

/* The same with more in it: the folder of a file, all ports of a host.  false: there is no such thing that is worth it. */
static bool widened(const struct perm_query *q, char path[PATH_MAX], struct perm_query *ret)
{
	const bool file = q->permission == POLICY_READ || q->permission == POLICY_WRITE || q->permission == POLICY_FFI;
	const char *slash = q->value ? strrchr(q->value, '/') : NULL;

	*ret = *q;
	if (q->permission == POLICY_NET) {
		ret->net.port = 0;
		return q->net.port && (q->net.name || q->net.has_addr);
	}
	if (!file || !slash || slash == q->value || (size_t)(slash - q->value) >= PATH_MAX)
		return false;
	memcpy(path, q->value, (size_t)(slash - q->value));
	path[slash - q->value] = '\0';
	ret->value = path;
	return !perm_query_risk(ret);
}

/* Who wants it, in the words of each source. */
struct forms { struct ps_buf flag, value, variable, json; };

static void forms_done(struct forms *f)
{
	ps_buf_done(&f->flag);
	ps_buf_done(&f->value);
	ps_buf_done(&f->variable);
	ps_buf_done(&f->json);
}

static void put_member(struct ps_jsonw *w, const char *key, const struct perm_query *q, const char *value)
{
	ps_jw_object(w, key);
	ps_jw_object(w, policy_permission_name(q->permission));
	ps_jw_array(w, "allow");
	ps_jw_str(w, NULL, value);
	ps_jw_end_array(w);
	ps_jw_end_object(w);
	ps_jw_end_object(w);
}

static void forms_of(const struct perm_query *q, struct forms *f)
{
	struct ps_jsonw w = { .out = &f->json };
	char variable[40];

	perm_query_flag(q, &f->flag);
	perm_query_entry(q, &f->value);
	put_member(&w, NULL, q, f->value.failed || !f->value.len ? "*" : f->value.data);
	perm_flag_variable(perm_flag_find(q->permission, POLICY_ALLOW), variable);
	ps_buf_printf(&f->variable, "%s=%s", variable, f->value.len ? "" : "*");
	for (const char *c = f->value.failed || !f->value.len ? "" : f->value.data; *c; c++)
		ps_buf_puts(&f->variable, (const char[3]){ *c, *c == ',' ? ',' : '\0', '\0' });
}

static const char *text_of(const struct ps_buf *b)
{
	return b->failed || !b->len ? "" : b->data;
}

/* A list that somebody wrote: what is given beside it replaces or adds to it. */
static const struct perm_entry *listed(const struct explanation *x)
{
	const struct perm_list *l = x->permissions ? &x->permissions->of[x->query->permission].allow : NULL;

	for (size_t i = 0; l && i < l->n; i++)
		if (!l->v[i].implied && l->v[i].from)
			return &l->v[i];
	return NULL;
}

/* What stands in the way is no list where the hint is no flag. */
static bool is_grantable(const struct explanation *x, const struct perm_verdict *v)
{
	if (has_rule(x, v) || !x->query)
		return false;
	return !x->line || !*x->line->hint || !strncmp(x->line->hint, "--", 2);
}

/* ---- Text ---- */

static void put_head(const struct explanation *x, const struct perm_verdict *v, struct ps_buf *out)
{
	static const struct { const char *action, *text; } words[] = {
		{ "allow", "allowed" }, { "deny", "denied" }, { "warn", "allowed, and told of" }, { "ignore", "ignored, as if it were not there" },
	};
	const char *result = result_of(x, v);
	size_t i = 0;

	while (i < PS_COUNT(words) - 1 && strcmp(words[i].action, result) != 0)
		i++;
	ps_buf_printf(out, "%s: %s access to \"", words[i].text, x->line ? x->line->permission : policy_permission_name(x->query->permission));
	if (x->line)
		log_escape(out, x->line->target);
	else
		perm_query_target(x->query, out);
	ps_buf_putc(out, '"');
	if (!x->line) {
		ps_buf_putc(out, '\n');
		return;
	}
	audit_line_who(x->line, out);
	if (x->line->count > 1)
		ps_buf_printf(out, ", %" PRIu64 " times", x->line->count);
	ps_buf_printf(out, ", event %" PRIu64 "\n", x->line->seq);
}

static void put_entry(const char *what, const struct perm_entry *en, struct ps_buf *out)
{
	ps_buf_printf(out, "  %s: ", what);
	if (!strcmp(what, "rule"))
		ps_buf_printf(out, "%s ", policy_action_name(en->action));
	log_escape(out, en->value ? en->value : "everything");
	ps_buf_puts(out, " (");
	log_escape(out, en->from ? en->from : "implied");
	ps_buf_puts(out, ")\n");
}

static void put_rule(const struct explanation *x, const struct perm_verdict *v, struct ps_buf *out)
{
	if (x->line && *x->line->rule && !strcmp(x->line->result, "deny")) {
		ps_buf_puts(out, "  Denied by ");
		log_escape(out, x->line->rule);
		ps_buf_puts(out, ": remove that entry to allow it; nothing else beats a deny.\n");
	} else if (x->line && *x->line->rule) {
		ps_buf_puts(out, "  rule: ");
		log_escape(out, x->line->rule);
		ps_buf_putc(out, '\n');
	} else if (!x->line && v->rule) {
		put_entry("rule", v->rule, out);
		if (v->action == POLICY_DENY)
			ps_buf_puts(out, "  remove that entry to allow it; nothing else beats a deny\n");
	} else if (!explain_denied(x)) {
		ps_buf_puts(out, "  rule: none; nothing limits it\n");
	} else if (x->line && *x->line->hint) {
		ps_buf_puts(out, "  No allow entry matches.");
		ps_buf_puts(out, strncmp(x->line->hint, "--", 2) == 0 ? " Run again with " : " ");
		log_escape(out, x->line->hint);
		ps_buf_putc(out, '\n');
	} else {
		ps_buf_puts(out, "  rule: no allow entry matches\n");
	}
}

/* Each source that can give it, and the one that cannot. */
static void put_ways(const struct explanation *x, struct ps_buf *out)
{
	struct forms f ps_auto(forms_done) = { .json.data = NULL }, wide ps_auto(forms_done) = { .json.data = NULL };
	const struct perm_entry *list = listed(x);
	struct perm_query more;
	char path[PATH_MAX];

	forms_of(x->query, &f);
	ps_buf_puts(out, "  to allow it: ");
	log_escape(out, text_of(&f.flag));
	ps_buf_puts(out, "\n    variable:    ");
	log_escape(out, text_of(&f.variable));
	ps_buf_puts(out, "\n    policy file: \"permissions\": ");
	log_escape(out, text_of(&f.json));
	ps_buf_printf(out, "\n    annotation:  none; io.podshim.allow-%s only narrows\n", policy_permission_name(x->query->permission));
	if (list) {
		ps_buf_puts(out, "    beside the list of ");
		log_escape(out, list->from);
		ps_buf_puts(out, ": add it there; a stronger source replaces that list, but for entries with '+' in front\n");
	}
	if (widened(x->query, path, &more)) {
		forms_of(&more, &wide);
		ps_buf_puts(out, "    wider:       ");
		log_escape(out, text_of(&wide.flag));
		ps_buf_putc(out, '\n');
	}
}

void explain_text(const struct explanation *x, struct ps_buf *out)
{
	const struct perm_verdict v = verdict_of(x);
	const char *risk = x->line ? x->line->risk : perm_query_risk(x->query);

	put_head(x, &v, out);
	put_rule(x, &v, out);
	if (v.nearest && is_grantable(x, &v))
		put_entry("nearest", v.nearest, out);
	if (*mechanism_of(x))
		ps_buf_printf(out, "  enforced by: %s\n", mechanism_of(x));
	if (explain_denied(x) && x->query && *seen_by(x))
		ps_buf_printf(out, "  the program sees: %s\n", seen_by(x));
	if (explain_denied(x) && is_grantable(x, &v))
		put_ways(x, out);
	if (risk && *risk) {
		ps_buf_puts(out, "  careful: ");
		log_escape(out, risk);
		ps_buf_putc(out, '\n');
	}
}

/* ---- JSON ---- */

static void put_entry_json(struct ps_jsonw *w, const char *key, const struct perm_entry *en)
{
	if (!en)
		return;
	ps_jw_object(w, key);
	ps_jw_str(w, "action", policy_action_name(en->action));
	ps_jw_str(w, "value", en->value);
	ps_jw_str(w, "from", en->from);
	ps_jw_bool(w, "implied", en->implied);
	ps_jw_end_object(w);
}

static void put_grant(struct ps_jsonw *w, const struct perm_query *q, bool wider)
{
	struct forms f ps_auto(forms_done) = { .json.data = NULL };

	forms_of(q, &f);
	ps_jw_object(w, NULL);
	ps_jw_str(w, "flag", text_of(&f.flag));
	ps_jw_str(w, "variable", text_of(&f.variable));
	put_member(w, "permissions", q, text_of(&f.value));
	ps_jw_str(w, "annotation", NULL); /* it only narrows */
	ps_jw_bool(w, "wider", wider);
	ps_jw_end_object(w);
}

static void put_grants(struct ps_jsonw *w, const struct explanation *x)
{
	struct perm_query more;
	char path[PATH_MAX];

	ps_jw_array(w, "grants");
	put_grant(w, x->query, false);
	if (widened(x->query, path, &more))
		put_grant(w, &more, true);
	ps_jw_end_array(w);
}

static void put_optional(struct ps_jsonw *w, const char *key, const char *value)
{
	if (value && *value)
		ps_jw_str(w, key, value);
}

static void put_event(struct ps_jsonw *w, const struct audit_line *l)
{
	ps_jw_uint(w, "seq", l->seq);
	ps_jw_str(w, "time", l->time);
	ps_jw_str(w, "perm", l->permission);
	ps_jw_str(w, "target", l->target);
	put_optional(w, "action", l->action);
	put_optional(w, "comm", l->comm);
	ps_jw_int(w, "pid", l->pid);
	ps_jw_uint(w, "count", l->count);
	put_optional(w, "rule", l->rule);
	put_optional(w, "hint", l->hint);
	put_optional(w, "mech", l->mechanism);
	ps_jw_bool(w, "sound", l->sound);
}

static void put_question(struct ps_jsonw *w, const struct perm_query *q)
{
	ps_auto_buf struct ps_buf target = { .data = NULL };

	perm_query_target(q, &target);
	ps_jw_str(w, "perm", policy_permission_name(q->permission));
	ps_jw_str(w, "target", text_of(&target));
}

void explain_json(const struct explanation *x, struct ps_buf *out)
{
	const struct perm_verdict v = verdict_of(x);
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "verdict", result_of(x, &v));
	if (x->line)
		put_event(&w, x->line);
	else
		put_question(&w, x->query);
	if (!x->line)
		put_entry_json(&w, "rule", v.rule);
	put_entry_json(&w, "nearest", v.nearest);
	put_optional(&w, "enforcedBy", mechanism_of(x));
	if (explain_denied(x) && x->query)
		put_optional(&w, "errno", seen_by(x));
	put_optional(&w, "risk", x->line ? x->line->risk : perm_query_risk(x->query));
	if (explain_denied(x) && is_grantable(x, &v))
		put_grants(&w, x);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}
