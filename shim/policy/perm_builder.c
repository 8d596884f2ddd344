/* SPDX-License-Identifier: Apache-2.0
 * perm_builder.c - the values of permissions, whoever wrote them, become the entries of one layer.
 */
#include "shim/policy/perm_builder.h"

#include <limits.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"
#include "base/table.h"

struct perm_builder {
	struct ps_arena *arena;
	struct perm_layer layer;
	struct perm_entry *v;
	size_t n, cap;
	const char *all_from, *allow_from; /* for the conflict of the two; NULL: there is none */
};

static const char *const sys_names[] = {
#define X(name) #name,
	PERM_SYS_NAMES(X)
#undef X
};

static int fail_memory(const struct perm_builder *b, struct ps_err *e)
{
	return ps_fail_os(e, "read the permissions of %s", b->layer.name);
}

struct perm_builder *perm_builder_new(struct ps_arena *a, enum perm_rank rank, const char *name)
{
	struct perm_builder *b = ps_arena_new(a, struct perm_builder);

	if (!b)
		return NULL;
	b->arena = a;
	b->layer.rank = rank;
	b->layer.name = name;
	return b;
}

struct perm_settings *perm_builder_settings(struct perm_builder *b)
{
	return &b->layer.settings;
}

void perm_builder_allow_all(struct perm_builder *b, const char *from)
{
	b->layer.all = true;
	b->all_from = from;
}

void perm_builder_reset_deny(struct perm_builder *b, enum policy_permission p)
{
	b->layer.reset_deny |= 1U << p;
}

void perm_builder_mention(struct perm_builder *b, enum policy_permission p, const char *from)
{
	b->layer.mentions_allow |= 1U << p;
	if (!b->allow_from)
		b->allow_from = from;
}

/* ---- values: each reader turns text into en->value, or refuses it ---- */
int perm_check_text(const char *item, struct ps_err *e)
{
	size_t n = strlen(item), len;

	if (n > PERM_MAX_ITEM)
		return ps_fail(e, PS_E_USAGE, "'%.40s...' is longer than %d bytes", item, PERM_MAX_ITEM);
	for (size_t i = 0; i < n; i += len) {
		len = ps_utf8_len(item + i, n - i);
		if (!len)
			return ps_fail(e, PS_E_USAGE, "'%.*s' goes on with a byte that is no UTF-8", (int)i,
				       item);
		if ((unsigned char)item[i] < ' ' || item[i] == 0x7f)
			return ps_fail(e, PS_E_USAGE, "'%.*s' goes on with a control character", (int)i,
				       item);
	}
	return 0;
}

/* A path: as written when relative, else clean; '?' and '/' behind it are its options. */
static int read_path(const struct perm_builder *b, struct perm_entry *en, const char *text, struct ps_err *e)
{
	char clean[PATH_MAX], *copy;
	size_t n = strlen(text);

	if (strstr(text, "://"))
		return ps_fail(e, PS_E_USAGE, "'%s' is a URL: write the path alone", text);
	if (text[0] == '~' && (!text[1] || text[1] == '/'))
		return ps_fail(e, PS_E_USAGE,
			       "'%s' begins with '~', which no shell has replaced: write the whole path",
			       text);
	if (n > 1 && text[n - 1] == '?') {
		en->optional = true;
		n--;
	}
	if (n > 1 && text[n - 1] == '/')
		en->make_dir = en->action == POLICY_ALLOW && en->permission == POLICY_WRITE;
	while (n > 1 && text[n - 1] == '/')
		n--;
	copy = ps_arena_strndup(b->arena, text, n);
	if (!copy)
		return fail_memory(b, e);
	if (*copy == '/') {
		if (ps_path_clean(copy, clean, sizeof(clean)) < 0)
			return ps_fail(e, PS_E_USAGE, "'%.40s...' is longer than a path can be", copy);
		memcpy(copy, clean, strlen(clean) + 1); /* never longer */
	}
	en->make_dir = en->make_dir && strcmp(copy, "/") != 0;
	en->value = copy;
	return 0;
}

static int read_program(const struct perm_builder *b, struct perm_entry *en, const char *text,
			struct ps_err *e)
{
	size_t name = strcspn(text, " \t");

	if (!strchr(text, '/') && text[name])
		return ps_fail(e, PS_E_USAGE,
			       "'%s' has arguments, which cannot be limited: write '%.*s' alone", text,
			       (int)name, text);
	return read_path(b, en, text, e);
}

int perm_check_variable(const char *name, struct ps_err *e)
{
	if (!*name)
		return ps_fail(e, PS_E_USAGE, "an empty name of a variable");
	if (strchr(name, '='))
		return ps_fail(e, PS_E_USAGE, "'%s' has a '=': write the name of the variable alone", name);
	return perm_check_text(name, e);
}

static int read_variable(const struct perm_builder *b, struct perm_entry *en, const char *text,
			 struct ps_err *e)
{
	const char *star = strchr(text, '*');

	if (perm_check_variable(text, e) < 0)
		return -1;
	if (star && star[1])
		return ps_fail(e, PS_E_USAGE,
			       "'%s' has a '*' inside: only one at the end stands for the rest of a name",
			       text);
	en->value = ps_arena_strdup(b->arena, text);
	return en->value ? 0 : fail_memory(b, e);
}

int perm_sys_name(const char *text, const char **ret, struct ps_err *e)
{
	const char *best;

	if (!strcmp(text, "username"))
		text = "userInfo";
	for (size_t i = 0; i < PS_COUNT(sys_names); i++)
		if (!strcmp(text, sys_names[i])) {
			*ret = sys_names[i];
			return 0;
		}
	best = ps_closest(text, sys_names, PS_COUNT(sys_names));
	if (best)
		return ps_fail(e, PS_E_USAGE, "'%s' is nothing that sys knows (did you mean '%s'?)", text,
			       best);
	return ps_fail(e, PS_E_USAGE,
		       "'%s' is nothing that sys knows: it has hostname, osRelease, cpus, uid and others",
		       text);
}

static int read_net(const struct perm_builder *b, struct perm_entry *en, const char *text, struct ps_err *e)
{
	if (net_pattern_parse(b->arena, text, en->action != POLICY_ALLOW, &en->net, e) < 0)
		return -1;
	en->value = ps_arena_strdup(b->arena, text);
	return en->value ? 0 : fail_memory(b, e);
}

static int read_value(const struct perm_builder *b, struct perm_entry *en, const char *text, struct ps_err *e)
{
	bool all = !strcmp(text, "*");

	switch (en->permission) {
	case POLICY_READ:
	case POLICY_WRITE:
	case POLICY_FFI:
		return read_path(b, en, text, e);
	case POLICY_NET:
		return read_net(b, en, text, e);
	case POLICY_ENV:
		return all ? 0 : read_variable(b, en, text, e);
	case POLICY_RUN:
		return all ? 0 : read_program(b, en, text, e);
	case POLICY_SYS:
		return all ? 0 : perm_sys_name(text, &en->value, e);
	case POLICY_N_PERMISSIONS:
	default:
		return ps_fail(e, PS_E_BUG, "no permission %d", (int)en->permission);
	}
}

/* ---- entries ---- */
static bool same_text(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool same_entry(const struct perm_entry *x, const struct perm_entry *y)
{
	return x->permission == y->permission && x->action == y->action && x->append == y->append &&
	       x->optional == y->optional && x->make_dir == y->make_dir && same_text(x->value, y->value);
}

static int append(struct perm_builder *b, const struct perm_entry *en, struct ps_err *e)
{
	for (size_t i = 0; i < b->n; i++)
		if (same_entry(&b->v[i], en))
			return 0;
	if (b->n == PERM_MAX_ENTRIES)
		return ps_fail(e, PS_E_USAGE, "more than %d permissions in %s", PERM_MAX_ENTRIES,
			       b->layer.name);
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 16;
		struct perm_entry *v = ps_arena_array(b->arena, cap, sizeof(*v));

		if (!v)
			return fail_memory(b, e);
		if (b->n)
			memcpy(v, b->v, b->n * sizeof(*v));
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n++] = *en;
	return 0;
}

int perm_builder_item(struct perm_builder *b, enum policy_permission p, enum policy_action act,
		      const char *item, const char *from, struct ps_err *e)
{
	struct perm_entry en = { .permission = p, .action = act, .from = from };

	if (!perm_flag_find(p, act))
		return ps_fail(e, PS_E_USAGE, "%s cannot be ignored, only read and env can",
			       policy_permission_name(p));
	if (item && perm_check_text(item, e) < 0)
		return -1;
	if (item && *item == '+') {
		if (act != POLICY_ALLOW)
			return ps_fail(e, PS_E_USAGE,
				       "'%s' begins with '+': that is for allow lists, the others add up by "
				       "themselves",
				       item);
		en.append = true;
		item++;
	}
	if (item && !*item)
		return ps_fail(e, PS_E_USAGE, "an empty item: write ',,' for a comma in a value");
	if (item && read_value(b, &en, item, e) < 0)
		return -1;
	if (append(b, &en, e) < 0)
		return -1;
	if (act == POLICY_ALLOW)
		perm_builder_mention(b, p, from);
	return 0;
}

/* The item at *s without doubled commas, to out; *s moves behind it and its comma.  False when there is no further. */
static bool next_item(const char **s, char *out)
{
	const char *p = *s;

	if (!p)
		return false;
	for (; *p && (*p != ',' || p[1] == ','); p++) {
		p += *p == ',';
		*out++ = *p;
	}
	*out = '\0';
	*s = *p ? p + 1 : NULL;
	return true;
}

int perm_builder_add(struct perm_builder *b, enum policy_permission p, enum policy_action act,
		     const char *list, const char *from, struct ps_err *e)
{
	char *item = NULL;

	if (!list)
		return perm_builder_item(b, p, act, NULL, from, e) < 0 ? ps_ctx(e, "%s", from) : 0;
	if (!*list)
		return ps_fail(e, PS_E_USAGE, "%s: an empty list: leave the '=' out for everything", from);
	item = ps_arena_alloc(b->arena, strlen(list) + 1);
	if (!item)
		return fail_memory(b, e);
	while (next_item(&list, item))
		if (perm_builder_item(b, p, act, item, from, e) < 0)
			return ps_ctx(e, "%s", from);
	return 0;
}

int perm_builder_done(struct perm_builder *b, const struct perm_layer **ret, struct ps_err *e)
{
	if (b->all_from && b->allow_from)
		return ps_fail(e, PS_E_USAGE, "%s conflicts with %s: leave one of them out", b->all_from,
			       b->allow_from);
	b->layer.entries = (struct perm_list){ b->v, b->n };
	*ret = &b->layer;
	return 0;
}

int perm_layers_append(struct perm_layers *l, const struct perm_layer *layer, struct ps_err *e)
{
	if (l->n == PS_COUNT(l->v))
		return ps_fail(e, PS_E_CONFIG, "%s is one policy too many: %zu are the most", layer->name,
			       PS_COUNT(l->v));
	l->v[l->n++] = layer;
	return 0;
}

bool perm_parse_mode(const char *text, enum perm_mode *ret)
{
	static const char *const names[] = {
		[PERM_ENFORCE] = "enforce",
		[PERM_ASK] = "ask",
		[PERM_LEARN] = "learn",
		[PERM_AUDIT] = "audit",
	};

	for (unsigned i = 0; i < PS_COUNT(names); i++)
		if (!strcmp(text, names[i])) {
			*ret = (enum perm_mode)i;
			return true;
		}
	return false;
}
