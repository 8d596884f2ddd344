/* SPDX-License-Identifier: Apache-2.0
 * perm_value.c - values of entries as sets.
 */
#include "shim/policy/perm_value.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/net_addr.h"
#include "shim/policy/path_pattern.h"

bool perm_path_below(const char *b, const char *a)
{
	size_t n = strlen(a);

	if (n == 1 && *a == '/')
		return *b == '/';
	return !strncmp(b, a, n) && (b[n] == '\0' || b[n] == '/');
}

bool perm_value_is_path(const struct perm_entry *en)
{
	switch (en->permission) {
	case POLICY_READ:
	case POLICY_WRITE:
	case POLICY_FFI:
		return en->value;
	case POLICY_RUN:
		return en->value && strchr(en->value, '/');
	case POLICY_NET:
	case POLICY_ENV:
	case POLICY_SYS:
	case POLICY_N_PERMISSIONS:
	default:
		return false;
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where a program is looked for by its name when nobody says otherwise. */
static const char *const usual_dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

static bool in_usual_dir(const char *path)
{
	size_t n = (size_t)(base_name(path) - path);

	for (size_t i = 0; i < PS_COUNT(usual_dirs); i++)
		if (n == strlen(usual_dirs[i]) + 1 && !strncmp(path, usual_dirs[i], n - 1))
			return true;
	return false;
}

static bool name_is_below(const char *name, const char *path)
{
	char found[4096];

	for (size_t i = 0; i < PS_COUNT(usual_dirs); i++) {
		int n = snprintf(found, sizeof(found), "%s/%s", usual_dirs[i], name);
		if (n > 0 && (size_t)n < sizeof(found) && path_pattern_covers(path, found))
			return true;
	}
	return false;
}

/* One program; an entry may be a folder of them. */
static bool run_covers(const struct perm_entry *en, const char *value)
{
	bool path = strchr(value, '/');

	if (perm_value_is_path(en))
		return path ? path_pattern_covers(en->value, value) : name_is_below(value, en->value);
	if (strcmp(base_name(value), en->value) != 0)
		return false;
	return !path || en->action != POLICY_ALLOW || in_usual_dir(value);
}

static bool run_contains(const struct perm_entry *outer, const struct perm_entry *inner)
{
	if (perm_value_is_path(outer))
		return perm_value_is_path(inner) && path_pattern_contains(outer->value, inner->value);
	if (perm_value_is_path(inner) && outer->action == POLICY_ALLOW)
		return false;
	return !strcmp(outer->value, base_name(inner->value));
}

/* Bytes before a last '*', or all. */
static size_t stem(const char *name, bool *ret_wild)
{
	size_t n = strlen(name);

	*ret_wild = n && name[n - 1] == '*';
	return n - *ret_wild;
}

static bool variable_contains(const char *outer, const char *inner)
{
	bool outer_wild, inner_wild;
	size_t o = stem(outer, &outer_wild), i = stem(inner, &inner_wild);

	if (!outer_wild)
		return !inner_wild && !strcmp(outer, inner);
	return i >= o && !strncmp(outer, inner, o);
}

/* To allow `private` allows no credentials of the machine, though they are at private addresses: see perm_decide.c. */
static bool is_private_grant(const struct perm_entry *en)
{
	return en->action == POLICY_ALLOW && en->net.host == NET_HOST_PRIVATE;
}

static bool has_metadata(const struct net_pattern *p)
{
	const struct net_block b = { p->addr, p->bits };

	return p->host == NET_HOST_METADATA || (p->host == NET_HOST_ADDRESS && net_block_metadata(&b) != NET_PART_NONE);
}

static bool net_contains(const struct perm_entry *outer, const struct perm_entry *inner)
{
	return net_pattern_contains(&outer->net, &inner->net) && !(is_private_grant(outer) && has_metadata(&inner->net));
}

bool perm_value_contains(const struct perm_entry *outer, const struct perm_entry *inner)
{
	if (!outer->value || !inner->value)
		return !outer->value;
	switch (outer->permission) {
	case POLICY_READ:
	case POLICY_WRITE:
	case POLICY_FFI:
		return path_pattern_contains(outer->value, inner->value);
	case POLICY_NET:
		return net_contains(outer, inner);
	case POLICY_ENV:
		return variable_contains(outer->value, inner->value);
	case POLICY_RUN:
		return run_contains(outer, inner);
	case POLICY_SYS:
		return !strcmp(outer->value, inner->value);
	case POLICY_N_PERMISSIONS:
	default:
		return false;
	}
}

bool perm_value_same(const struct perm_entry *x, const struct perm_entry *y)
{
	return perm_value_contains(x, y) && perm_value_contains(y, x);
}

static int net_intersect(struct ps_arena *a, const struct perm_entry *x, const struct perm_entry *y, struct perm_entry *ret)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct perm_entry both = *x;

	if (!net_pattern_intersect(a, &x->net, &y->net, &both.net) ||
	    ((is_private_grant(x) || is_private_grant(y)) && has_metadata(&both.net)))
		return 0;
	net_pattern_print(&both.net, &text);
	both.value = text.failed || !text.len ? NULL : ps_arena_strdup(a, text.data);
	if (!both.value)
		return -1;
	*ret = both;
	return 1;
}

static int path_intersect(struct ps_arena *a, const struct perm_entry *x, const struct perm_entry *y, struct perm_entry *ret)
{
	const char *both = NULL;
	int r = path_pattern_intersect(a, x->value, y->value, &both);

	if (r != 1)
		return r;
	*ret = *x;
	ret->value = both;
	return 1;
}

int perm_value_intersect(struct ps_arena *a, const struct perm_entry *x, const struct perm_entry *y, struct perm_entry *ret)
{
	if (perm_value_contains(y, x)) {
		*ret = *x;
		return 1;
	}
	if (perm_value_contains(x, y)) {
		*ret = *y;
		return 2;
	}
	if (x->permission == POLICY_NET)
		return net_intersect(a, x, y, ret);
	return perm_value_is_path(x) && perm_value_is_path(y) ? path_intersect(a, x, y, ret) : 0;
}

bool perm_value_covers(const struct perm_entry *en, const char *value)
{
	if (!en->value || !value)
		return !en->value;
	switch (en->permission) {
	case POLICY_READ:
	case POLICY_WRITE:
	case POLICY_FFI:
		return path_pattern_covers(en->value, value);
	case POLICY_ENV:
		return variable_contains(en->value, value);
	case POLICY_RUN:
		return run_covers(en, value);
	case POLICY_SYS:
		return !strcmp(en->value, value);
	case POLICY_NET:
	case POLICY_N_PERMISSIONS:
	default:
		return false;
	}
}
