/* SPDX-License-Identifier: Apache-2.0
 * unprivileged.c - containers of a caller without privileges: in a user namespace of his own, with the cgroups that are his.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/pod/container.h"
#include "shim/sandbox/rootless.h"

/* ---- Ids ---- */

/* One kind of id: the rows of the namespace around the launcher, and those of the container's own in terms of it. */
struct id_rows {
	struct plan_id_map *outer;
	struct spec_id_map *inner;
	uint32_t n_outer;
};

/* The launcher's namespace has our own id as 0, and what else the container gets behind it, row by row. */
static int lay_out(struct ps_arena *a, const struct spec_id_maps *in, uint32_t own, const char *kind, const char *where,
		   struct id_rows *ret, struct ps_err *e)
{
	struct id_rows r = { ps_arena_array(a, in->n + 1, sizeof(*r.outer)), ps_arena_array(a, in->n + 1, sizeof(*r.inner)), 0 };
	uint32_t next = 1;

	if (!r.outer || !r.inner)
		return ps_fail_os(e, "memory for an id map");
	r.outer[r.n_outer++] = (struct plan_id_map){ .container = 0, .host = own, .size = 1 };
	for (size_t i = 0; i < in->n; i++) {
		const struct spec_id_map *m = &in->v[i];
		const bool is_own = m->size == 1 && m->host == own;

		if (!is_own && own >= m->host && own - m->host < m->size) {
			(void)ps_fail(e, PS_E_UNSUPP,
				      "without root, the caller's own %s id %u has a row of its own, of size 1; further rows take ids of "
				      "/etc/sub%cid",
				      kind, own, *kind);
			return ps_at(e, "%s/%zu", where, i);
		}
		if (!is_own && m->size > UINT32_MAX - next) {
			(void)ps_fail(e, PS_E_UNSUPP, "without root, the rows of a map have fewer ids together than there are");
			return ps_at(e, "%s/%zu", where, i);
		}
		r.inner[i] = (struct spec_id_map){ .container = m->container, .host = is_own ? 0 : next, .size = m->size };
		if (is_own)
			continue;
		r.outer[r.n_outer++] = (struct plan_id_map){ .container = next, .host = m->host, .size = m->size };
		next += m->size;
	}
	*ret = r;
	return 0;
}

static int lay_out_both(struct ps_arena *a, const struct policy *p, struct id_rows *uid, struct id_rows *gid, struct ps_err *e)
{
	char where[PATH_MAX];

	(void)snprintf(where, sizeof(where), "%s: /linux/uidMappings", p->file);
	if (lay_out(a, &p->uid_maps, rootless_uid(), "user", where, uid, e) < 0)
		return -1;
	(void)snprintf(where, sizeof(where), "%s: /linux/gidMappings", p->file);
	return lay_out(a, &p->gid_maps, rootless_gid(), "group", where, gid, e);
}

int unprivileged_enter(struct ps_arena *a, const struct policy *p, struct ps_err *e)
{
	const struct policy_ns *user = p ? policy_ns_get(p, CLONE_NEWUSER) : NULL;
	struct id_rows uid = { .n_outer = 0 }, gid = uid;

	/* What an engine sets up for a container's root is its own business. */
	if (!rootless_needed() || (p && geteuid() == 0))
		return 0;
	if (user && user->mode == POLICY_NS_JOIN) {
		(void)ps_fail(e, PS_E_UNSUPP, "without root, a user namespace cannot be joined: leave its path out, or run podshim in it (nsenter -U)");
		return ps_at_from(e, user->from, "");
	}
	if (user && user->mode == POLICY_NS_NEW && lay_out_both(a, p, &uid, &gid, e) < 0)
		return -1;
	if (uid.n_outer < 2 && gid.n_outer < 2)
		return rootless_enter(NULL, e);
	return rootless_enter(&(struct rootless_ids){ uid.outer, gid.outer, uid.n_outer, gid.n_outer, p->file }, e);
}

int unprivileged_policy(struct ps_arena *a, const struct policy *base, const struct policy **ret, struct ps_err *e)
{
	struct id_rows uid, gid;
	struct policy *p;

	if (!rootless_entered() || policy_ns_get(base, CLONE_NEWUSER)->mode != POLICY_NS_NEW)
		return 0;
	p = ps_arena_new(a, struct policy);
	if (!p)
		return ps_fail_os(e, "memory for the policy");
	*p = *base;
	if (lay_out_both(a, base, &uid, &gid, e) < 0)
		return -1;
	p->uid_maps.v = uid.inner;
	p->gid_maps.v = gid.inner;
	*ret = p;
	return 0;
}

/* ---- Cgroups ---- */

/* The directory `n` bytes of path long, below the mount. */
static bool is_writable(const struct host_cgroup *c, const char *path, size_t n, const char *file)
{
	char name[sizeof(c->mount) + PATH_MAX + sizeof("/cgroup.procs")];

	(void)snprintf(name, sizeof(name), "%s%.*s%s", c->mount, (int)n, path, file);
	return faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) == 0;
}

static bool is_there(const struct host_cgroup *c, const char *path, size_t n)
{
	char name[sizeof(c->mount) + PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s%.*s", c->mount, (int)n, path);
	return access(name, F_OK) == 0;
}

/* How long the path of the cgroup is that both are in. */
static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	for (size_t i = 0;; i++) {
		const bool ends_a = !a[i] || a[i] == '/', ends_b = !b[i] || b[i] == '/';

		if (ends_a && ends_b)
			n = i;
		if (!a[i] || a[i] != b[i])
			return n;
	}
}

/* Can the cgroup be made, and a process of ours be born in it?  For that version 2 looks at the cgroup that both are in. */
static bool is_ours(const struct host_cgroup *c, const char *place)
{
	size_t n = strlen(place);

	while (n && !is_there(c, place, n))
		while (n && place[--n] != '/')
			;
	return is_writable(c, place, n, "") && (c->version != 2 || is_writable(c, place, common(c->own, place), "/cgroup.procs"));
}

int unprivileged_cgroups(struct bundle *b, const char *id, enum plan_cgroup_manager *manager, struct ps_err *e)
{
	struct host *ours;
	char place[PATH_MAX];

	/* Systemd makes what is in its part of the hierarchy. */
	if (*manager != PLAN_CGROUPFS)
		return 0;
	if (!b->host && host_probe(&b->arena, &b->host, e) < 0)
		return -1;
	if (b->host->euid == 0 && !b->host->in_user_ns)
		return 0;
	ours = ps_arena_new(&b->arena, struct host);
	if (!ours)
		return ps_fail_os(e, "memory for what the host can do");
	*ours = *b->host;
	ours->n_cgroups = 0;
	for (unsigned i = 0; i < b->host->n_cgroups; i++)
		/* A path that is no good is for the plan to refuse. */
		if (plan_cgroup_place(b->policy, b->host, id, i, place) < 0 || is_ours(&b->host->cgroups[i], place))
			ours->cgroups[ours->n_cgroups++] = b->host->cgroups[i];
	ours->cgroups_withheld = ours->n_cgroups < b->host->n_cgroups;
	if (!ours->n_cgroups) {
		/* What is shown of them is still the host's. */
		ours->n_cgroups = b->host->n_cgroups;
		*manager = PLAN_CGROUP_DISABLED;
	}
	b->host = ours;
	return 0;
}
