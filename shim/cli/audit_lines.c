/* SPDX-License-Identifier: Apache-2.0
 * audit_lines.c - audit events, as `watch` gives them, for people.
 */
#include "shim/cli/audit_lines.h"

#include <inttypes.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"
#include "shim/cli/log.h"
#include "shim/policy/policy.h"

static const char *text(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->v.s : "";
}

static int64_t number(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_INT ? v->v.i : 0;
}

/* "deny PATH (--deny-read)", of its parts. */
static const char *rule_of(struct ps_arena *a, const struct json *o)
{
	const struct json *rule = json_get(o, "rule");
	const char *whole = rule && rule->type == JSON_OBJECT ? ps_arena_printf(a, "%s (%s)", text(rule, "text"), text(rule, "src")) : text(o, "rule");

	return whole ? whole : "";
}

bool audit_drop_parse(struct ps_arena *a, const char *line, size_t n, uint64_t *ret)
{
	struct ps_err ignored = { 0 };
	struct json *o;

	if (!memmem(line, n, "\"kind\":\"drop\"", 13) || json_parse(a, "audit", line, n, &o, &ignored) < 0 ||
	    strcmp(text(o, "type"), "audit") != 0 || strcmp(text(o, "kind"), "drop") != 0)
		return false;
	*ret = (uint64_t)number(o, "count");
	return true;
}

bool audit_line_parse(struct ps_arena *a, const char *line, size_t n, struct audit_line *ret)
{
	struct ps_err ignored = { 0 };
	struct json *o;

	if (!memmem(line, n, "\"type\":\"audit\"", 14) || json_parse(a, "audit", line, n, &o, &ignored) < 0)
		return false;
	const bool degraded = strcmp(text(o, "kind"), "degraded") == 0;

	if (strcmp(text(o, "type"), "audit") != 0 || (!degraded && strcmp(text(o, "kind"), "access") != 0))
		return false;
	const struct json *sound = json_get(o, "sound");

	*ret = (struct audit_line){
		.degraded = degraded ? text(o, "msg") : "",
		.time = text(o, "time"), .permission = text(o, "perm"), .action = text(o, "action"), .target = text(o, "target"),
		.result = text(o, "result"), .error = text(o, "errno"), .mechanism = text(o, "mech"), .rule = rule_of(a, o),
		.hint = text(o, "hint"), .comm = text(o, "comm"), .risk = text(o, "risk"), .pid = number(o, "pid"),
		.seq = (uint64_t)number(o, "seq"), .count = (uint64_t)number(o, "count"),
		.sound = sound && sound->type == JSON_BOOL && sound->v.b,
	};
	return true;
}

void audit_line_who(const struct audit_line *l, struct ps_buf *out)
{
	ps_buf_printf(out, " (%s", *l->action ? l->action : "access");
	if (*l->comm) {
		ps_buf_puts(out, " by ");
		log_escape(out, l->comm);
		ps_buf_printf(out, "[%" PRId64 "]", l->pid);
	}
	if (*l->error)
		ps_buf_printf(out, ": %s", l->error);
	ps_buf_putc(out, ')');
}

void audit_line_text(const struct audit_line *l, struct ps_buf *out)
{
	const char *t = strchr(l->time, 'T');

	if (*l->degraded) {
		ps_buf_printf(out, "%.12s degraded ", t ? t + 1 : l->time);
		log_escape(out, l->degraded);
		ps_buf_putc(out, '\n');
		return;
	}
	ps_buf_printf(out, "%.12s %-6s %-5s ", t ? t + 1 : l->time, l->result, l->permission);
	log_escape(out, l->target);
	audit_line_who(l, out);
	if (l->count > 1)
		ps_buf_printf(out, " x%" PRIu64, l->count);
	if (*l->rule) {
		ps_buf_puts(out, " by ");
		log_escape(out, l->rule);
	} else if (*l->hint) {
		ps_buf_puts(out, " -> ");
		log_escape(out, l->hint);
	}
	ps_buf_putc(out, '\n');
}

void audit_line_deno(const struct audit_line *l, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out };

	if (*l->degraded)
		return;
	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "v", 1);
	ps_jw_str(&w, "datetime", l->time);
	ps_jw_str(&w, "permission", l->permission);
	ps_jw_str(&w, "value", l->target);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

static bool same(const struct audit_line *x, const struct audit_line *y)
{
	return !strcmp(x->permission, y->permission) && !strcmp(x->target, y->target);
}

void audit_denials_add(struct audit_denials *d, const char *line, size_t n)
{
	struct audit_line l;

	if (!audit_line_parse(&d->arena, line, n, &l) || (strcmp(l.result, "deny") != 0 && strcmp(l.result, "ask-deny") != 0) ||
	    (d->refused_only && !strcmp(l.permission, policy_permission_name(POLICY_SYS))))
		return;
	for (size_t i = 0; i < d->n; i++) {
		if (same(&d->v[i], &l)) {
			d->v[i].count += l.count;
			return;
		}
	}
	if (d->n < AUDIT_DENIALS_MAX) {
		d->v[d->n++] = l;
		return;
	}
	d->more++;
	if (d->last) {
		memmove(d->v, d->v + 1, (AUDIT_DENIALS_MAX - 1) * sizeof(d->v[0]));
		d->v[AUDIT_DENIALS_MAX - 1] = l;
	}
}

void audit_denials_done(struct audit_denials *d)
{
	ps_arena_done(&d->arena);
}

/* Bytes of "--allow-read=" in the hint of a denial that a flag would lift; 0: none would. */
static size_t flag_len(const struct audit_line *l)
{
	const char *eq = *l->rule ? NULL : strchr(l->hint, '=');

	return eq ? (size_t)(eq - l->hint) + 1 : 0;
}

/* One flag of each kind, with all its values: " --allow-read=/a,/b --allow-net=x:443". */
static void put_flags(const struct audit_denials *d, struct ps_buf *out)
{
	bool told[AUDIT_DENIALS_MAX] = { false };

	for (size_t i = 0; i < d->n; i++) {
		const size_t len = flag_len(&d->v[i]);

		if (!len || told[i])
			continue;
		ps_buf_putc(out, ' ');
		log_escape(out, d->v[i].hint);
		for (size_t k = i + 1; k < d->n; k++) {
			if (flag_len(&d->v[k]) != len || strncmp(d->v[k].hint, d->v[i].hint, len) != 0)
				continue;
			told[k] = true;
			ps_buf_putc(out, ',');
			log_escape(out, d->v[k].hint + len);
		}
	}
}

void audit_denials_summary(const struct audit_denials *d, size_t rows, struct ps_buf *out)
{
	if (!d->n)
		return;
	ps_buf_puts(out, "podshim: denied by the permissions of this run:\n");
	for (size_t i = 0; i < d->n && i < rows; i++) {
		ps_buf_printf(out, "  %-5s ", d->v[i].permission);
		log_escape(out, d->v[i].target);
		audit_line_who(&d->v[i], out);
		if (d->v[i].count > 1)
			ps_buf_printf(out, " x%" PRIu64, d->v[i].count);
		if (*d->v[i].rule) {
			ps_buf_puts(out, " by ");
			log_escape(out, d->v[i].rule);
		}
		ps_buf_putc(out, '\n');
	}
	if (d->n > rows || d->more)
		ps_buf_printf(out, "  and %" PRIu64 " more\n", (uint64_t)(d->n > rows ? d->n - rows : 0) + d->more);
	ps_auto_buf struct ps_buf flags = { .data = NULL };

	put_flags(d, &flags);
	if (flags.len)
		ps_buf_printf(out, "To allow all of it, run again with:%s\n", flags.data);
}
