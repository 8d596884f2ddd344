/* SPDX-License-Identifier: Apache-2.0
 * perm_show.c - a set for people, as columns, and for programs, as JSON: every entry with its provenance.
 */
#include <inttypes.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/policy/permissions.h"

/* ---- rows ---- */

enum { VALUE_WIDTH = 44, FROM_WIDTH = 44 };

struct columns {
	size_t value, from;          /* widths */
};

static const struct perm_list *lists_of(const struct perm_rules *r, enum policy_action a)
{
	switch (a) {
	case POLICY_ALLOW:
		return &r->allow;
	case POLICY_DENY:
		return &r->deny;
	case POLICY_WARN:
		return &r->warn;
	case POLICY_IGNORE:
	default:
		return &r->ignore;
	}
}

/* What a terminal could act on is shown as text. */
static void put_text(struct ps_buf *out, const char *s)
{
	const struct perm_query q = { .permission = POLICY_READ, .value = s };

	perm_query_target(&q, out);
}

/* As it is written in a policy. */
static void put_value(struct ps_buf *out, const struct perm_entry *en)
{
	if (!en->value) {
		ps_buf_puts(out, "everything");
		return;
	}
	put_text(out, en->value);
	ps_buf_puts(out, en->make_dir ? "/" : "");
	ps_buf_puts(out, en->optional ? "?" : "");
}

static void put_from(struct ps_buf *out, const struct perm_entry *en)
{
	put_text(out, en->from);
	ps_buf_puts(out, en->implied ? " (implied)" : "");
}

static size_t characters(const struct ps_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += ((unsigned char)b->data[i] & 0xc0) != 0x80;
	return n;
}

static void measure(size_t *width, size_t max, struct ps_buf *cell)
{
	size_t n = characters(cell);

	if (n > *width && n <= max)
		*width = n;
	ps_buf_reset(cell);
}

static struct columns measure_all(const struct permissions *p)
{
	ps_auto_buf struct ps_buf cell = { .data = NULL };
	struct columns c = { .value = sizeof("what config.json grants") - 1, .from = sizeof("config.json") - 1 };

	for (int i = 0; i < POLICY_N_PERMISSIONS; i++) {
		for (int a = POLICY_ALLOW; a <= POLICY_IGNORE; a++) {
			const struct perm_list *l = lists_of(&p->of[i], (enum policy_action)a);
			for (size_t k = 0; k < l->n; k++) {
				put_value(&cell, &l->v[k]);
				measure(&c.value, VALUE_WIDTH, &cell);
				put_from(&cell, &l->v[k]);
				measure(&c.from, FROM_WIDTH, &cell);
			}
		}
	}
	return c;
}

static void pad(struct ps_buf *out, size_t start, size_t width)
{
	if (out->failed)
		return;
	const struct ps_buf cell = { .data = out->data + start, .len = out->len - start };

	for (size_t n = characters(&cell); n < width; n++)
		ps_buf_putc(out, ' ');
	ps_buf_puts(out, "  ");
}

/* "read   allow   /data   policy.json:3   mounts": the permission once, the mechanism once for each action. */
static void put_row(struct ps_buf *out, const struct columns *c, const char *permission, const char *action, const char *mechanism,
		    const struct perm_entry *en, const char *words, const char *origin)
{
	size_t start;

	ps_buf_printf(out, "%-5s  %-6s  ", permission, action);
	start = out->len;
	if (en)
		put_value(out, en);
	else
		ps_buf_puts(out, words);
	pad(out, start, c->value);
	start = out->len;
	if (en)
		put_from(out, en);
	else
		ps_buf_puts(out, origin);
	if (*mechanism) {
		pad(out, start, c->from);
		ps_buf_puts(out, mechanism);
	}
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	ps_buf_putc(out, '\n');
}

/* What follows from an entry may be what the entry says itself. */
static bool is_repeated(const struct perm_list *l, size_t i)
{
	const struct perm_entry *en = &l->v[i];

	for (size_t k = 0; en->implied && en->value && k < i; k++)
		if (l->v[k].value && !strcmp(l->v[k].value, en->value))
			return true;
	return false;
}

static const char *mechanism_of(enum policy_permission p, enum policy_action a)
{
	const struct perm_flag *f = perm_flag_find(p, a);

	return f ? f->mechanism : "";
}

static void show_rules(struct ps_buf *out, const struct columns *c, enum policy_permission p, const struct perm_rules *r)
{
	const char *name = policy_permission_name(p), *enforced = mechanism_of(p, POLICY_ALLOW);

	if (r->by_config || r->narrows) {
		put_row(out, c, name, r->narrows ? "within" : "allow", r->narrows || r->deny.n ? enforced : "", NULL, "what config.json grants",
			"config.json");
		name = "";
	}
	if (!r->by_config && !r->allow.n) {
		put_row(out, c, name, "allow", *name ? enforced : "", NULL, "nothing", "");
		name = "";
	}
	for (int a = POLICY_ALLOW; a <= POLICY_IGNORE; a++) {
		const struct perm_list *l = lists_of(r, (enum policy_action)a);
		for (size_t i = 0; i < l->n; i++) {
			if (is_repeated(l, i))
				continue;
			put_row(out, c, name, policy_action_name((enum policy_action)a),
				i || r->narrows ? "" : mechanism_of(p, (enum policy_action)a), &l->v[i], NULL, NULL);
			name = "";
		}
	}
	if (r->asks)
		put_row(out, c, name, "ask", "", NULL, "everything else", "");
}

/* ---- settings ---- */

static const char *const modes[] = { [PERM_ENFORCE] = "enforce", [PERM_ASK] = "ask", [PERM_LEARN] = "learn", [PERM_AUDIT] = "audit" };

enum unit { BYTES, COUNT, THOUSANDTHS, MILLISECONDS };
static const struct {
	const char *name, *key;
	size_t off;
	enum unit unit;
} limits[] = {
#define LIMIT(name, key, member, unit) { name, key, offsetof(struct perm_settings, member), unit }
	LIMIT("memory", "memory", memory, BYTES), LIMIT("pids", "pids", pids, COUNT), LIMIT("cpus", "cpu", cpu, THOUSANDTHS),
	LIMIT("time", "wallMs", wall_ms, MILLISECONDS), LIMIT("output", "output", output, BYTES), LIMIT("disk", "disk", disk, BYTES),
#undef LIMIT
};

static const struct perm_limit *limit_in(const struct perm_settings *s, size_t i)
{
	return (const struct perm_limit *)(const void *)((const char *)s + limits[i].off);
}

static void put_amount(struct ps_buf *out, uint64_t v, enum unit unit)
{
	static const char suffixes[] = "KMGT";
	size_t k = 0;

	switch (unit) {
	case BYTES:
		for (; v && v % 1024 == 0 && k < sizeof(suffixes) - 1; k++)
			v /= 1024;
		ps_buf_printf(out, "%" PRIu64, v);
		if (k)
			ps_buf_putc(out, suffixes[k - 1]);
		return;
	case THOUSANDTHS:
		ps_buf_printf(out, v % 1000 ? "%" PRIu64 ".%03u" : "%" PRIu64, v / 1000, (unsigned)(v % 1000));
		return;
	case MILLISECONDS:
		ps_buf_printf(out, v % 1000 ? "%" PRIu64 "ms" : "%" PRIu64 "s", v % 1000 ? v : v / 1000);
		return;
	case COUNT:
	default:
		ps_buf_printf(out, "%" PRIu64, v);
		return;
	}
}

static void put_origin(struct ps_buf *out, const char *from)
{
	if (from) {
		ps_buf_puts(out, "  (");
		put_text(out, from);
		ps_buf_putc(out, ')');
	}
	ps_buf_putc(out, '\n');
}

static void put_switch(struct ps_buf *out, const char *name, const struct opt_bool *o)
{
	if (o->set)
		ps_buf_printf(out, "%-12s %s\n", name, o->v ? "yes" : "no");
}

static void put_audited(struct ps_buf *out, const char *name, unsigned bits)
{
	const unsigned every = (1U << POLICY_N_PERMISSIONS) - 1;

	ps_buf_printf(out, "%-12s", name);
	for (int p = 0; (bits & every) != every && p < POLICY_N_PERMISSIONS; p++)
		if (bits & 1U << p)
			ps_buf_printf(out, " %s", policy_permission_name((enum policy_permission)p));
	ps_buf_puts(out, (bits & every) == every ? " all\n" : bits & every ? "\n" : " none\n");
}

static void show_variables(struct ps_buf *out, const struct perm_settings *s)
{
	for (size_t i = 0; i < s->env_set.n; i++) {
		ps_buf_puts(out, "env set      ");
		put_text(out, s->env_set.v[i].key);
		put_origin(out, s->env_set.v[i].at);
	}
	for (size_t i = 0; i < s->n_secrets; i++) {
		ps_buf_puts(out, "secret       ");
		put_text(out, s->secrets[i].name);
		ps_buf_puts(out, " from ");
		put_text(out, s->secrets[i].source);
		for (size_t k = 0; k < s->secrets[i].only.n; k++) {
			ps_buf_puts(out, k ? ", " : " for ");
			put_text(out, s->secrets[i].only.v[k]);
		}
		put_origin(out, s->secrets[i].from);
	}
}

static void show_settings(struct ps_buf *out, const struct perm_settings *s)
{
	if (s->mode.set) {
		ps_buf_printf(out, "%-12s %s", "mode", modes[s->mode.v]);
		put_origin(out, s->mode.from);
	}
	if (s->broker) {
		ps_buf_printf(out, "%-12s ", "broker");
		put_text(out, s->broker);
		put_origin(out, "--broker");
	}
	put_switch(out, "no prompt", &s->no_prompt);
	put_switch(out, "best effort", &s->best_effort);
	put_switch(out, "ffi.jit", &s->jit);
	put_switch(out, "write.undo", &s->undo);
	for (size_t i = 0; i < PS_COUNT(limits); i++) {
		if (!limit_in(s, i)->set)
			continue;
		ps_buf_printf(out, "%-12s ", limits[i].name);
		put_amount(out, limit_in(s, i)->v, limits[i].unit);
		put_origin(out, limit_in(s, i)->from);
	}
	show_variables(out, s);
	if (s->audit.set) {
		put_audited(out, "tell allowed", s->audit.allowed);
		put_audited(out, "tell denied", s->audit.denied);
	}
}

void permissions_show(const struct permissions *p, struct ps_buf *out)
{
	const struct columns c = measure_all(p);
	size_t settings;

	if (p->settings.name) {
		ps_buf_puts(out, "Policy ");
		put_text(out, p->settings.name);
		ps_buf_puts(out, ".\n");
	}
	ps_buf_puts(out, p->deny_by_default ? "What is not allowed here is denied.\n\n" :
			 p->active	    ? "What is not listed here is as config.json grants it.\n\n" :
					      "Nobody limits anything: all is as config.json grants it.\n\n");
	put_row(out, &c, "WHAT", "ACTION", "ENFORCED BY", NULL, "VALUE", "ORIGIN");
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++)
		show_rules(out, &c, (enum policy_permission)i, &p->of[i]);
	ps_buf_putc(out, '\n');
	settings = out->len;
	show_settings(out, &p->settings);
	if (out->len > settings && p->notes.n)
		ps_buf_putc(out, '\n');
	for (size_t i = 0; i < p->notes.n; i++) {
		ps_buf_puts(out, "note: ");
		put_text(out, p->notes.v[i]);
		ps_buf_putc(out, '\n');
	}
	if (out->len == settings && out->len && !out->failed)
		out->data[--out->len] = '\0';
}

/* ---- JSON ---- */

static void json_origin(struct ps_jsonw *w, const char *from)
{
	if (from)
		ps_jw_str(w, "from", from);
}

static void json_entry(struct ps_jsonw *w, const struct perm_entry *en)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "value", en->value);
	json_origin(w, en->from);
	if (en->optional)
		ps_jw_bool(w, "optional", true);
	if (en->make_dir)
		ps_jw_bool(w, "makeDir", true);
	if (en->implied)
		ps_jw_bool(w, "implied", true);
	ps_jw_end_object(w);
}

static void json_rules(struct ps_jsonw *w, enum policy_permission p, const struct perm_rules *r)
{
	ps_jw_object(w, policy_permission_name(p));
	ps_jw_str(w, "allowed", r->by_config ? "config.json" : r->all ? "everything" : r->narrows ? "listed and in config.json" : "listed");
	if (r->asks)
		ps_jw_bool(w, "asks", true);
	for (int a = POLICY_ALLOW; a <= POLICY_IGNORE; a++) {
		const struct perm_list *l = lists_of(r, (enum policy_action)a);
		if (!l->n)
			continue;
		ps_jw_array(w, policy_action_name((enum policy_action)a));
		for (size_t i = 0; i < l->n; i++)
			if (!is_repeated(l, i))
				json_entry(w, &l->v[i]);
		ps_jw_end_array(w);
	}
	ps_jw_str(w, "enforcedBy", mechanism_of(p, POLICY_ALLOW));
	ps_jw_end_object(w);
}

static void json_audited(struct ps_jsonw *w, const char *key, unsigned bits)
{
	ps_jw_array(w, key);
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++)
		if (bits & 1U << p)
			ps_jw_str(w, NULL, policy_permission_name((enum policy_permission)p));
	ps_jw_end_array(w);
}

static void json_variables(struct ps_jsonw *w, const struct perm_settings *s)
{
	ps_jw_array(w, "set");
	for (size_t i = 0; i < s->env_set.n; i++) {
		ps_jw_object(w, NULL);
		ps_jw_str(w, "name", s->env_set.v[i].key);
		json_origin(w, s->env_set.v[i].at);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
	ps_jw_array(w, "secrets");
	for (size_t i = 0; i < s->n_secrets; i++) {
		ps_jw_object(w, NULL);
		ps_jw_str(w, "name", s->secrets[i].name);
		ps_jw_str(w, "source", s->secrets[i].source);
		ps_jw_array(w, "only");
		for (size_t k = 0; k < s->secrets[i].only.n; k++)
			ps_jw_str(w, NULL, s->secrets[i].only.v[k]);
		ps_jw_end_array(w);
		json_origin(w, s->secrets[i].from);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void json_settings(struct ps_jsonw *w, const struct perm_settings *s)
{
	ps_jw_str(w, "mode", modes[s->mode.set ? s->mode.v : PERM_ENFORCE]);
	if (s->broker)
		ps_jw_str(w, "broker", s->broker);
	ps_jw_str(w, "enforcement", s->best_effort.set && s->best_effort.v ? "best-effort" : "strict");
	ps_jw_bool(w, "jit", s->jit.set && s->jit.v);
	ps_jw_bool(w, "undo", s->undo.set && s->undo.v);
	ps_jw_object(w, "limits");
	for (size_t i = 0; i < PS_COUNT(limits); i++) {
		if (!limit_in(s, i)->set)
			continue;
		ps_jw_object(w, limits[i].key);
		ps_jw_uint(w, limits[i].unit == THOUSANDTHS ? "thousandths" : "value", limit_in(s, i)->v);
		json_origin(w, limit_in(s, i)->from);
		ps_jw_end_object(w);
	}
	ps_jw_end_object(w);
	json_variables(w, s);
	if (!s->audit.set)
		return;
	ps_jw_object(w, "audit");
	json_audited(w, "allowed", s->audit.allowed);
	json_audited(w, "denied", s->audit.denied);
	ps_jw_end_object(w);
}

void permissions_show_json(const struct permissions *p, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out, .indent = 2 };

	ps_jw_object(&w, NULL);
	if (p->settings.name)
		ps_jw_str(&w, "name", p->settings.name);
	if (p->settings.description)
		ps_jw_str(&w, "description", p->settings.description);
	ps_jw_bool(&w, "active", p->active);
	ps_jw_bool(&w, "denyByDefault", p->deny_by_default);
	ps_jw_object(&w, "permissions");
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++)
		json_rules(&w, (enum policy_permission)i, &p->of[i]);
	ps_jw_end_object(&w);
	json_settings(&w, &p->settings);
	ps_jw_array(&w, "notes");
	for (size_t i = 0; i < p->notes.n; i++)
		ps_jw_str(&w, NULL, p->notes.v[i]);
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}
