/* SPDX-License-Identifier: Apache-2.0
 * plan_cgroup.c - where the container's cgroups are, who owns them, which devices they permit.
 */
#include <stdio.h>
#include <string.h>

#include "base/abi.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

static bool is_systemd_form(const char *path)
{
	size_t colons = 0;

	for (const char *c = path; *c; c++)
		colons += *c == ':';
	return *path != '/' && colons == 2;
}

static int check_path(struct builder *b)
{
	static const char where[] = "/linux/cgroupsPath";
	const char *path = b->p->cgroups_path;
	char clean[PATH_MAX];

	if (!path || b->plan.unit || (b->r->cgroup_manager == PLAN_CGROUP_DISABLED && is_systemd_form(path)))
		return 0;
	if (is_systemd_form(path))
		return build_fail_at(b, PS_E_CONFIG, where,
				     "cgroup path '%s' is of the systemd cgroup manager: give --cgroup-manager systemd, or write a path",
				     path);
	if (ps_path_clean(path, clean, sizeof(clean)) < 0)
		return build_fail_at(b, PS_E_CONFIG, where, "cgroup path is longer than %d bytes", PATH_MAX - 1);
	if (!clean[1])
		return build_fail_at(b, PS_E_CONFIG, where, "cgroup path '%s' names no cgroup of the container's own",
				     path);
	return 0;
}

static int too_long(const struct builder *b)
{
	return build_fail_at(b, PS_E_CONFIG, "/linux/cgroupsPath", "the cgroup path of '%s' is too long", b->r->id);
}

int plan_cgroup_place(const struct policy *p, const struct host *h, const char *id, unsigned hierarchy, char out[PATH_MAX])
{
	const struct host_cgroup *c = &h->cgroups[hierarchy];
	const char *path = p->cgroups_path, *own = c->own, *up = strrchr(own, '/');
	int base = c->beside && up ? (int)(up - own) : (int)strlen(own);
	/* Without privileges only what was delegated to us can be written. */
	bool below_own = path ? *path != '/' : h->euid != 0 || h->in_user_ns;
	char raw[PATH_MAX];
	int n;

	if (path)
		n = snprintf(raw, sizeof(raw), "%.*s/%s", below_own ? base : 0, own, path);
	else
		n = snprintf(raw, sizeof(raw), "%.*s/podshim/%s", below_own ? base : 0, own, id);
	return n < 0 || (size_t)n >= sizeof(raw) ? -1 : ps_path_clean(raw, out, PATH_MAX);
}

static int path_in(const struct builder *b, unsigned hierarchy, char out[PATH_MAX])
{
	const bool disabled = b->r->cgroup_manager == PLAN_CGROUP_DISABLED;
	int rc;

	if (disabled || b->plan.unit)
		rc = ps_path_clean(disabled ? b->h->cgroups[hierarchy].own : b->unit_path, out, PATH_MAX);
	else
		rc = plan_cgroup_place(b->p, b->h, b->r->id, hierarchy, out);
	return rc < 0 ? too_long(b) : 0;
}

int build_cgroup_dir(const struct builder *b, unsigned hierarchy, char out[PATH_MAX])
{
	const char *mount = b->h->cgroups[hierarchy].mount;
	char path[PATH_MAX];
	int n;

	if (path_in(b, hierarchy, path) < 0)
		return -1;
	n = snprintf(out, PATH_MAX, "%s%s", mount, path[1] ? path : "");
	return n >= 0 && n < PATH_MAX ? 0 : too_long(b);
}

bool build_has_item(const char *list, const char *item)
{
	size_t n = strlen(item);

	while (*list) {
		size_t len = strcspn(list, ", ");

		if (len == n && memcmp(list, item, n) == 0)
			return true;
		list += len + (list[len] != '\0');
	}
	return false;
}

int build_find_cgroup(const struct builder *b, const char *controller)
{
	for (unsigned i = 0; i < b->n_cgroups; i++)
		if (b->h->cgroups[i].version == 1 && build_has_item(b->h->cgroups[i].controllers, controller))
			return (int)i;
	for (unsigned i = 0; i < b->n_cgroups; i++)
		if (b->h->cgroups[i].version == 2 && build_has_item(b->h->cgroup2_controllers, controller))
			return (int)i;
	return -1;
}

/* The id outside the container's user namespace; false when it is not mapped. */
static bool host_id(const struct builder *b, const struct spec_id_maps *maps, uint32_t id, uint32_t *ret)
{
	if (!(b->plan.ns_new & CLONE_NEWUSER)) {
		*ret = id;
		return true;
	}
	for (size_t i = 0; i < maps->n; i++) {
		if (id < maps->v[i].container || id - maps->v[i].container >= maps->v[i].size)
			continue;
		*ret = maps->v[i].host + (id - maps->v[i].container);
		return true;
	}
	return false;
}

/* config-linux.md "Cgroup ownership": version 2, a new cgroup namespace, a writable cgroup mount at the usual place. */
static void ownership(struct builder *b)
{
	const struct policy *p = b->p;
	bool writable = false;

	if (b->h->cgroup_mode != HOST_CGROUP_V2 || !(b->plan.ns_new & CLONE_NEWCGROUP) || !b->n_cgroups)
		return;
	for (size_t i = 0; i < p->n_mounts; i++)
		writable |= strcmp(p->mounts[i].source, "cgroup") == 0 && !p->mounts[i].bind &&
			    strcmp(p->mounts[i].target, "/sys/fs/cgroup") == 0 &&
			    !(p->mounts[i].attr_set & MOUNT_ATTR_RDONLY);
	if (writable && host_id(b, &p->uid_maps, p->has_process ? p->process.uid : 0, &b->plan.cgroup_uid))
		b->plan.cgroup_chown = b->plan.cgroup_uid != b->h->euid;
}

int build_cgroups(struct builder *b)
{
	char path[PATH_MAX];
	plan_off from;

	if (check_path(b) < 0)
		return -1;
	if (b->r->cgroup_manager == PLAN_CGROUP_DISABLED)
		return 0;
	from = b->p->cgroups_path ? build_fmt(b, "%s#/linux/cgroupsPath", b->p->file) :
				    build_str(b, "default#/cgroupsPath");
	for (unsigned i = 0; i < b->h->n_cgroups; i++) {
		const struct host_cgroup *c = &b->h->cgroups[i];

		if (path_in(b, i, path) < 0)
			return -1;
		b->cgroups[i] = (struct plan_cgroup){
			.mount = build_str(b, c->mount), .path = build_str(b, path),
			.controllers = build_str(b, c->controllers), .version = (uint32_t)c->version, .fd = PLAN_NO_FD,
			.from = from,
		};
	}
	b->n_cgroups = b->h->n_cgroups;
	ownership(b);
	return 0;
}

int build_cgroups_at(struct builder *b, const char *const *dirs, unsigned n)
{
	for (unsigned i = 0; i < b->h->n_cgroups; i++) {
		const struct host_cgroup *c = &b->h->cgroups[i];
		const size_t len = strlen(c->mount);

		b->cgroups[i] = (struct plan_cgroup){
			.mount = build_str(b, c->mount), .controllers = build_str(b, c->controllers), .version = (uint32_t)c->version,
			.fd = PLAN_NO_FD,
		};
		for (unsigned d = 0; d < n; d++)
			if (strncmp(dirs[d], c->mount, len) == 0 && dirs[d][len] == '/' && dirs[d][len + 1])
				b->cgroups[i].path = build_str(b, dirs[d] + len);
	}
	b->n_cgroups = b->h->n_cgroups;
	return 0;
}
