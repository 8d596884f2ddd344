/* SPDX-License-Identifier: Apache-2.0
 * update.c - other limits for a container that exists.
 */
#include <inttypes.h>
#include <string.h>

#include "base/scope.h"
#include "shim/launch/systemd.h"
#include "shim/pod/container.h"
#include "shim/pod/merge.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/cgroup_usage.h"

struct update {
	const struct pod_env *env;
	const struct pod_update_request *r;
	struct container *c;
	struct bundle bundle;              /* what the container is then */
	struct bundle before;              /* what it is, where systemd has to know */
	const struct policy *asked;        /* the request alone */
	struct ps_buf config;              /* the new frozen configuration */
};

static void update_done(struct update *u)
{
	ps_buf_done(&u->config);
	bundle_done(&u->bundle);
	bundle_done(&u->before);
	container_free(u->c);
}

static int load(struct update *u, struct ps_err *e)
{
	const struct pod_update_request *r = u->r;
	ps_auto_buf struct ps_buf frozen = { .data = NULL };
	const struct ps_buf text = { .data = (char *)(uintptr_t)r->text, .len = r->len };
	const struct spec_resources *s;
	struct state_dir *dir = &u->c->dir;

	if (spec_parse_resources(&u->bundle.arena, r->file, r->text, r->len, &s, e) < 0 ||
	    policy_resources_from_oci(&u->bundle.arena, r->file, s, &u->asked, e) < 0)
		return -1;
	pod_warn_all(u->env, u->asked);
	if (state_get(dir, "config.json", &frozen, e) < 0 || merge_resources(&frozen, r->file, &text, &u->config, e) < 0 ||
	    bundle_load_text(&u->bundle, u->c->st.bundle, &u->config, e) < 0)
		return -1;
	if (bundle_permit_running(&u->bundle, u->env->root, dir, &u->c->st, e) < 0)
		return -1;
	if (!u->c->st.unit[0])
		return 0;
	return bundle_load_text(&u->before, u->c->st.bundle, &frozen, e) < 0 ? -1
									      : bundle_permit_running(&u->before, u->env->root, dir, &u->c->st, e);
}

static int above(const char *what, struct opt_i64 asked, struct opt_i64 permitted, struct ps_err *e)
{
	if (!asked.set || asked.v == permitted.v)
		return 0;
	return ps_fail(e, PS_E_DENIED, "%s %" PRId64 " is more than the permissions of the container allow: %" PRId64, what, asked.v,
		       permitted.v);
}

/* What was asked, with the values of the container's other limits that the kernel counts together with it. */
static int complete(struct update *u, struct policy *p, struct ps_err *e)
{
	const struct policy_resources *a = &u->asked->resources, *all = &u->bundle.policy->resources;
	struct policy_resources *r = &p->resources;

	if (above("memory limit", a->memory_limit, all->memory_limit, e) < 0 ||
	    above("limit of processes", a->pids_limit, all->pids_limit, e) < 0 ||
	    above("cpu quota", a->cpu_quota, all->cpu_quota, e) < 0)
		return -1;
	*p = *u->asked;
	if (a->memory_limit.set || a->memory_swap.set) {
		r->memory_limit = all->memory_limit;
		r->memory_swap = all->memory_swap;
	}
	if (a->cpu_quota.set || a->cpu_period.set) {
		r->cpu_quota = all->cpu_quota;
		r->cpu_period = all->cpu_period;
	}
	/* Shares are for what is not idle, and are gone once it was. */
	if (a->cpu_shares.set)
		r->cpu_idle = all->cpu_idle;
	if (a->cpu_idle.set && !a->cpu_idle.v)
		r->cpu_shares = all->cpu_shares;
	return 0;
}

/* checkBeforeUpdate: rather no new limit than a container that is killed by it. */
static int check_usage(const struct update *u, const struct policy_resources *r, struct ps_err *e)
{
	const struct cgroup_dirs cg = container_cgroups(&u->c->st);
	struct cgroup_usage now = CGROUP_USAGE_UNKNOWN;

	if (!r->memory_check_before_update || !r->memory_limit.set || r->memory_limit.v < 0)
		return 0;
	cgroup_usage_read(cg.v, cg.n, &now);
	if (now.memory >= 0 && now.memory > r->memory_limit.v)
		return ps_fail(e, PS_E_STATE, "rejecting memory limit %" PRId64 ": the container uses %" PRId64, r->memory_limit.v,
			       now.memory);
	return 0;
}

static int compile(const struct update *u, const struct policy *p, const struct plan_systemd *systemd, struct ps_buf *block,
		   const struct plan **ret, struct ps_err *e)
{
	const struct cgroup_dirs cg = container_cgroups(&u->c->st);
	const struct plan_request request = { .id = u->r->id, .cgroup_manager = PLAN_CGROUPFS, .systemd = systemd,
					      .unit = systemd ? u->c->st.unit : NULL };

	if (plan_compile_update(p, u->bundle.host, &request, cg.v, cg.n, block, e) < 0)
		return -1;
	*ret = plan_view(block->data, block->len);
	return *ret ? 0 : ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
}

/* systemd writes the files of its units again whenever it sees fit: it has to know, and first, as it knows less exactly. */
static int apply_in_unit(const struct update *u, const struct policy *p, struct ps_err *e)
{
	ps_auto_buf struct ps_buf block = { .data = NULL }, before_block = { .data = NULL };
	const struct plan *plan, *before;
	const bool user = u->c->st.unit_user;
	struct systemd_facts f;
	struct ps_err ignored;

	if (systemd_look(user, &f, e) < 0)
		return -1;
	const struct plan_systemd systemd = { .user = user, .version = f.version };
	struct policy old = *u->before.policy;

	old.resources.n_device_rules = 0; /* systemd is not told of any */
	if (compile(u, p, &systemd, &block, &plan, e) < 0 || compile(u, &old, &systemd, &before_block, &before, e) < 0)
		return -1;
	if (!plan->unit_properties.n)
		return cgroup_update(plan, e);
	if (systemd_set(plan, NULL, e) < 0)
		return -1;
	if (cgroup_update(plan, e) == 0)
		return 0;
	/* What it knows less exactly than the files had it, they have exactly again. */
	if (systemd_set(plan, before, &ignored) == 0)
		(void)cgroup_update(before, &ignored);
	return -1;
}

static int apply(struct update *u, struct ps_err *e)
{
	ps_auto_buf struct ps_buf block = { .data = NULL };
	const struct plan *plan;
	struct policy p;

	if (complete(u, &p, e) < 0 || check_usage(u, &p.resources, e) < 0 ||
	    (!u->bundle.host && host_probe(&u->bundle.arena, &u->bundle.host, e) < 0))
		return -1;
	if (u->c->st.unit[0])
		return apply_in_unit(u, &p, e);
	return compile(u, &p, NULL, &block, &plan, e) < 0 ? -1 : cgroup_update(plan, e);
}

int pod_update(const struct pod_env *env, const struct pod_update_request *r, struct ps_err *e)
{
	struct update u ps_auto(update_done) = { .env = env, .r = r };

	if (container_open(env, r->id, /* lock= */ true, &u.c, e) < 0 ||
	    runner_check_verb(RUNNER_VERB_UPDATE, runner_state_of(u.c->status), r->id, e) < 0)
		return -1;
	if (!u.c->st.n_cgroup_dirs)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has no cgroup: there is nothing to limit it by", r->id);
	if (load(&u, e) < 0 || apply(&u, e) < 0)
		return -1;
	if (state_put(&u.c->dir, "config.json", u.config.data, u.config.len, e) < 0)
		return ps_ctx(e, "container '%s': the limits are in force, but not recorded", r->id);
	return 0;
}
