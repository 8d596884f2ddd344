/* SPDX-License-Identifier: Apache-2.0
 * exec_cgroup.c - exec --cgroup: which cgroup below the container's a process joins.
 */
#include "shim/pod/exec_cgroup.h"

#include <string.h>

#include "base/scope.h"

/* The hierarchy that a directory is in, or NULL. */
static const struct host_cgroup *hierarchy_of(const struct host *h, const char *dir)
{
	for (unsigned i = 0; i < h->n_cgroups; i++) {
		const size_t n = strlen(h->cgroups[i].mount);

		if (!strncmp(dir, h->cgroups[i].mount, n) && dir[n] == '/')
			return &h->cgroups[i];
	}
	return NULL;
}

static bool lists(const char *list, const char *name, size_t n)
{
	for (; *list; list += strspn(list, ", ")) {
		const size_t len = strcspn(list, ", ");

		if (len == n && !memcmp(list, name, n))
			return true;
		list += len;
	}
	return false;
}

/* "memory"; "systemd" for the hierarchy of that name, "unified" for version 2. */
static bool has_controller(const struct host *h, const struct host_cgroup *c, const char *name, size_t n)
{
	static const char named[] = "name=", unified[] = "unified";

	if (c->version == 2)
		return (n == strlen(unified) && !memcmp(name, unified, n)) || lists(h->cgroup2_controllers, name, n);
	return lists(c->controllers, name, n) ||
	       (!strncmp(c->controllers, named, strlen(named)) && lists(c->controllers + strlen(named), name, n));
}

/* It stays below: openat2(2) sees to that, this says it in words.  NULL with the error set. */
static const char *clean_path(struct ps_arena *a, const char *arg, const char *path, struct ps_err *e)
{
	const char *rel = path + strspn(path, "/"), *copy;

	for (const char *s = rel; *s; s += strcspn(s, "/"), s += strspn(s, "/"))
		if (strcspn(s, "/") == 2 && !memcmp(s, "..", 2)) {
			(void)ps_fail(e, PS_E_USAGE, "invalid --cgroup argument: %s: bad sub cgroup path: '..' is not a sub cgroup path", arg);
			return NULL;
		}
	copy = ps_arena_strdup(a, *rel ? rel : ".");
	if (!copy)
		(void)ps_fail_os(e, "memory for a cgroup path");
	return copy;
}

static int put(const char *arg, const char *below[], unsigned i, const char *path, struct ps_err *e)
{
	if (below[i] && strcmp(below[i], path) != 0)
		return ps_fail(e, PS_E_USAGE, "invalid --cgroup argument: %s: its hierarchy has another path already: '%s'", arg, below[i]);
	below[i] = path;
	return 0;
}

static int one(struct ps_arena *a, const char *arg, bool alone, const struct host *h, const struct cgroup_dirs *dirs,
	       const char *below[], struct ps_err *e)
{
	const char *colon = strchr(arg, ':'), *path = clean_path(a, arg, colon ? colon + 1 : arg, e);

	if (!path)
		return -1;
	if (!colon && !alone)
		return ps_fail(e, PS_E_USAGE, "invalid --cgroup argument: %s (missing <controller>: prefix)", arg);
	for (unsigned i = 0; !colon && i < dirs->n; i++)
		below[i] = path;
	for (const char *name = arg; colon && name <= colon; name += strcspn(name, ",:") + 1) {
		const size_t n = strcspn(name, ",:");
		bool found = false;

		if (!n)
			return ps_fail(e, PS_E_USAGE, "invalid --cgroup argument: %s (empty <controller> prefix)", arg);
		for (unsigned i = 0; i < dirs->n; i++) {
			const struct host_cgroup *c = hierarchy_of(h, dirs->v[i]);

			if (!c || !has_controller(h, c, name, n))
				continue;
			if (put(arg, below, i, path, e) < 0)
				return -1;
			found = true;
		}
		if (!found)
			return ps_fail(e, PS_E_USAGE, "invalid --cgroup argument: %s: unknown controller '%.*s': the container has no cgroup of it", arg,
				       (int)n, name);
	}
	return 0;
}

int exec_cgroups(struct ps_arena *a, const struct spec_strs *args, const struct host *h, const struct cgroup_dirs *dirs,
		 const char *below[], struct ps_err *e)
{
	if (args->n && !dirs->n)
		return ps_fail(e, PS_E_UNSUPP, "--cgroup '%s': the container has no cgroup", args->v[0]);
	for (size_t i = 0; i < args->n; i++)
		if (one(a, args->v[i], args->n == 1, h, dirs, below, e) < 0)
			return -1;
	return 0;
}
