/* SPDX-License-Identifier: Apache-2.0
 * plan_unit.c - the systemd unit whose cgroup the container's is: "slice:prefix:name" to a unit's name and place.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/plan/builder.h"

enum { UNIT_MAX = 255 };

static const char where[] = "/linux/cgroupsPath";

/* The parts of cgroupsPath, each of its own length. */
struct parts {
	const char *slice, *prefix, *name;
	int n_slice, n_prefix, n_name;
};

static bool ends_with(const char *s, size_t n, const char *tail)
{
	const size_t t = strlen(tail);

	return n > t && memcmp(s + n - t, tail, t) == 0;
}

static int split(const struct builder *b, struct parts *ret)
{
	const char *path = b->p->cgroups_path, *first = path ? strchr(path, ':') : NULL, *second = first ? strchr(first + 1, ':') : NULL;

	if (!path) {
		*ret = (struct parts){ "", "podshim", b->r->id, 0, (int)strlen("podshim"), (int)strlen(b->r->id) };
		return 0;
	}
	if (!second || strchr(second + 1, ':'))
		return build_fail_at(b, PS_E_CONFIG, where, "expected cgroupsPath to be of format \"slice:prefix:name\" for the systemd "
							    "cgroup manager, got '%s'", path);
	*ret = (struct parts){ path, first + 1, second + 1, (int)(first - path), (int)(second - first - 1), (int)strlen(second + 1) };
	return ret->n_name ? 0 : build_fail_at(b, PS_E_CONFIG, where, "'%s' names no unit: nothing is behind its second ':'", path);
}

/* Characters that are no part of a unit's name are written as "\x2b" in it, as systemd-escape(1) does. */
static int append(const struct builder *b, char out[UNIT_MAX + 1], const char *s, int n)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-\\";
	size_t len = strlen(out);

	for (int i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c == '/' || c < ' ' || c == 0x7f)
			return build_fail_at(b, PS_E_CONFIG, where, "'%.*s' cannot be in the name of a unit", n, s);
		if (len + 4 >= UNIT_MAX)
			return build_fail_at(b, PS_E_CONFIG, where, "a unit's name is at most %d characters long", UNIT_MAX - 1);
		len += (size_t)snprintf(out + len, 5, strchr(plain, c) ? "%c" : "\\x%02x", c);
	}
	return 0;
}

/* "a-b.slice" has letters and single dashes inside; "-.slice" is the root of all. */
static int check_slice(const struct builder *b, const char *slice)
{
	const size_t n = strlen(slice) - strlen(".slice");

	if (strcmp(slice, "-.slice") == 0)
		return 0;
	if (slice[0] == '-' || slice[0] == '.' || slice[n - 1] == '-' || strstr(slice, "--") || strchr(slice, '/') || strstr(slice, ".."))
		return build_fail_at(b, PS_E_CONFIG, where, "'%s' is no valid name of a slice", slice);
	return 0;
}

static int slice_of(const struct builder *b, const struct parts *p, char out[UNIT_MAX + 1])
{
	out[0] = '\0';
	if (!p->n_slice) {
		(void)snprintf(out, UNIT_MAX + 1, "%s", b->r->systemd->user ? "user.slice" : "system.slice");
		return 0;
	}
	/* What is a single "-" is the root, too. */
	if (p->n_slice == 1 && *p->slice == '-') {
		(void)snprintf(out, UNIT_MAX + 1, "-.slice");
		return 0;
	}
	if (!ends_with(p->slice, (size_t)p->n_slice, ".slice"))
		return build_fail_at(b, PS_E_CONFIG, where, "'%.*s' is no slice: its name has to end in '.slice'", p->n_slice, p->slice);
	return append(b, out, p->slice, p->n_slice) < 0 ? -1 : check_slice(b, out);
}

/* Names that the kernel has files by, or systemd hides, get a "_" in front as directories. */
static bool needs_escape(const char *name)
{
	static const char *const taken[] = { "notify_on_release", "release_agent", "tasks" };
	static const char *const prefixes[] = { "cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids" };
	const size_t n = strcspn(name, ".");

	if (name[0] == '_' || name[0] == '.')
		return true;
	for (size_t i = 0; i < PS_COUNT(taken); i++)
		if (strcmp(name, taken[i]) == 0)
			return true;
	for (size_t i = 0; name[n] == '.' && i < PS_COUNT(prefixes); i++)
		if (strlen(prefixes[i]) == n && memcmp(name, prefixes[i], n) == 0)
			return true;
	return false;
}

static int add_dir(const struct builder *b, char path[PATH_MAX], const char *name)
{
	const size_t len = strlen(path);
	const int n = snprintf(path + len, PATH_MAX - len, "/%s%s", needs_escape(name) ? "_" : "", name);

	return n >= 0 && (size_t)n < PATH_MAX - len ? 0
						    : build_fail_at(b, PS_E_CONFIG, where, "the cgroup path of '%s' is too long", b->r->id);
}

/* "a-b.slice" is the directory "a.slice/a-b.slice". */
static int add_slice(const struct builder *b, char path[PATH_MAX], const char *slice)
{
	char one[UNIT_MAX + sizeof(".slice")];

	if (strcmp(slice, "-.slice") == 0)
		return 0;
	for (const char *dash = strchr(slice, '-'); dash; dash = strchr(dash + 1, '-')) {
		(void)snprintf(one, sizeof(one), "%.*s.slice", (int)(dash - slice), slice);
		if (add_dir(b, path, one) < 0)
			return -1;
	}
	return add_dir(b, path, slice);
}

static int unit_of(const struct builder *b, const struct parts *p, char out[UNIT_MAX + 1])
{
	out[0] = '\0';
	if (b->p->cgroups_path && ends_with(p->name, (size_t)p->n_name, ".slice"))
		return append(b, out, p->name, p->n_name) < 0 ? -1 : check_slice(b, out);
	if (append(b, out, p->prefix, p->n_prefix) < 0 || (p->n_prefix && append(b, out, "-", 1) < 0) ||
	    append(b, out, p->name, p->n_name) < 0 || append(b, out, ".scope", 6) < 0)
		return -1;
	return out[0] == '.' ? build_fail_at(b, PS_E_CONFIG, where, "'%s' is no valid name of a unit", out) : 0;
}

int build_attach(struct builder *b)
{
	b->plan.unit = build_str(b, b->r->attach);
	b->plan.unit_user = b->r->attach != NULL;
	return 0;
}

int build_unit(struct builder *b)
{
	char unit[UNIT_MAX + 1], slice[UNIT_MAX + 1];
	struct parts parts = { .slice = "" };

	if (b->r->cgroup_manager != PLAN_CGROUP_SYSTEMD)
		return 0;
	if (!b->r->systemd)
		return ps_fail(b->e, PS_E_BUG, "nobody asked systemd where its cgroups are");
	if (split(b, &parts) < 0 || slice_of(b, &parts, slice) < 0 || unit_of(b, &parts, unit) < 0)
		return -1;
	b->plan.unit_user = b->r->systemd->user;
	b->plan.unit_slice = ends_with(unit, strlen(unit), ".slice");
	if (strcmp(unit, "-.slice") == 0)
		return build_fail_at(b, PS_E_CONFIG, where, "the root slice is no cgroup of the container's own");
	(void)snprintf(b->unit_path, sizeof(b->unit_path), "%s", b->r->systemd->root);
	if (b->plan.unit_slice ? add_slice(b, b->unit_path, unit) < 0
			       : add_slice(b, b->unit_path, slice) < 0 || add_dir(b, b->unit_path, unit) < 0)
		return -1;
	b->plan.unit = build_str(b, unit);
	b->plan.unit_in = build_str(b, b->plan.unit_slice ? NULL : slice);
	return 0;
}
