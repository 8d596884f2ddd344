/* SPDX-License-Identifier: Apache-2.0
 * path_pattern.c - paths with globs as sets.
 */
#include "shim/policy/path_pattern.h"

#include <string.h>

#include "base/buf.h"

/* One name of a path: n bytes; the next one begins at `next`. */
struct name {
	const char *s, *next;
	size_t n;
};

static bool first_name(const char *path, struct name *ret)
{
	ret->s = path + strspn(path, "/");
	ret->n = strcspn(ret->s, "/");
	ret->next = ret->s + ret->n;
	return ret->n;
}

/* "**", but not at the end of a pattern: there it is no more than '*', as what is below belongs to it. */
static bool is_any_depth(const struct name *c)
{
	return c->n == 2 && c->s[0] == '*' && c->s[1] == '*' && c->next[strspn(c->next, "/")];
}

/* A '*' of the name is matched by one of the pattern alone: so this is containment, too. */
static bool name_matches(const struct name *pattern, const struct name *name)
{
	const char *p = pattern->s, *end = p + pattern->n, *s = name->s, *stop = s + name->n, *star = NULL, *mark = NULL;

	while (s < stop) {
		if (p < end && *p == '*') {
			star = p++;
			mark = s;
		} else if (p < end && *p == *s) {
			p++;
			s++;
		} else if (star) {
			p = star + 1;
			s = ++mark;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

/* The steps of a match of wildcards: the last "**" takes one name more whenever it goes wrong. */
static bool covers(const char *outer, const char *inner, bool inner_is_pattern)
{
	const char *star = NULL, *mark = NULL;
	struct name o, i;

	while (first_name(outer, &o)) {
		if (is_any_depth(&o)) {
			star = outer = o.next;
			mark = inner;
			continue;
		}
		if (first_name(inner, &i) && !(inner_is_pattern && is_any_depth(&i)) && name_matches(&o, &i)) {
			outer = o.next;
			inner = i.next;
			continue;
		}
		if (!star || !first_name(mark, &i))
			return false;
		mark = inner = i.next;
		outer = star;
	}
	return true;
}

bool path_pattern_covers(const char *pattern, const char *path)
{
	return covers(pattern, path, /* inner_is_pattern= */ false);
}

bool path_pattern_contains(const char *outer, const char *inner)
{
	return covers(outer, inner, /* inner_is_pattern= */ true);
}

/* Name by name, the narrower one; behind the end of one, the other's. */
int path_pattern_intersect(struct ps_arena *a, const char *x, const char *y, const char **ret)
{
	ps_auto_buf struct ps_buf both = { .data = NULL };
	struct name i, k;
	bool more_x, more_y;

	while (more_x = first_name(x, &i), more_y = first_name(y, &k), more_x || more_y) {
		const struct name *narrow = more_x ? &i : &k;

		if ((more_x && is_any_depth(&i)) || (more_y && is_any_depth(&k)))
			return 0;
		if (more_x && more_y && name_matches(&i, &k))
			narrow = &k;
		else if (more_x && more_y && !name_matches(&k, &i))
			return 0;
		ps_buf_putc(&both, '/');
		ps_buf_put(&both, narrow->s, narrow->n);
		x = more_x ? i.next : x;
		y = more_y ? k.next : y;
	}
	const char *copy = both.failed ? NULL : ps_arena_strdup(a, both.len ? both.data : "/");

	if (!copy)
		return -1;
	*ret = copy;
	return 1;
}
