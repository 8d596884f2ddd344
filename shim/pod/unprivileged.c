/* SPDX-License-Identifier: Apache-2.0
 * unprivileged.c - run for a caller without privileges: in a user namespace of his own, with what that leaves of a bundle.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/pod/container.h"
#include "shim/sandbox/rootless.h"

/* Version 2 alone can be delegated: where the parent of what would be made is ours. */
static int cgroups_of_ours(enum plan_cgroup_manager *ret, struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct host *h;

	/* Systemd makes what is in its part of the hierarchy. */
	if (*ret == PLAN_CGROUP_SYSTEMD)
		return 0;
	if (host_probe(&a, &h, e) < 0)
		return -1;
	const struct host_cgroup *c = &h->cgroups[0];
	char own[sizeof(c->mount) + sizeof(c->own)];

	(void)snprintf(own, sizeof(own), "%s%s", c->mount, c->own);
	if (h->cgroup_mode != HOST_CGROUP_V2 || access(own, W_OK) < 0)
		*ret = PLAN_CGROUP_DISABLED;
	return 0;
}

int unprivileged_begin(struct pod_env *env, const struct pod_create_request *r, struct ps_err *e)
{
	/* What an engine sets up for a container's root is its own business. */
	if (!rootless_needed() || (!r->program && geteuid() == 0))
		return 0;
	if (r->detach)
		return ps_fail(e, PS_E_UNSUPP, "without root, 'run' works in the foreground only: leave out --detach");
	return rootless_enter(e) < 0 ? -1 : cgroups_of_ours(&env->cgroup_manager, e);
}

static int translate(struct ps_arena *a, const struct spec_id_maps *in, uint32_t own, const char *kind, struct spec_id_maps *out,
		     struct ps_err *e)
{
	struct spec_id_map *one = ps_arena_new(a, struct spec_id_map);

	if (!one)
		return ps_fail_os(e, "memory for an id map");
	if (in->n != 1 || in->v[0].size != 1 || in->v[0].host != own)
		return ps_fail(e, PS_E_UNSUPP,
			       "without root, the one %s id that can be mapped is the caller's own: hostID %u, size 1", kind, own);
	*one = (struct spec_id_map){ .container = in->v[0].container, .host = 0, .size = 1 };
	*out = (struct spec_id_maps){ one, 1 };
	return 0;
}

int unprivileged_policy(struct ps_arena *a, const struct policy *base, const struct policy **ret, struct ps_err *e)
{
	const struct policy_ns *user = policy_ns_get(base, CLONE_NEWUSER);
	struct policy *p;

	if (!rootless_entered() || user->mode != POLICY_NS_NEW)
		return 0;
	p = ps_arena_new(a, struct policy);
	if (!p)
		return ps_fail_os(e, "memory for the policy");
	*p = *base;
	if (translate(a, &base->uid_maps, rootless_uid(), "user", &p->uid_maps, e) < 0)
		return ps_at(e, "%s: /linux/uidMappings", base->file);
	if (translate(a, &base->gid_maps, rootless_gid(), "group", &p->gid_maps, e) < 0)
		return ps_at(e, "%s: /linux/gidMappings", base->file);
	*ret = p;
	return 0;
}
