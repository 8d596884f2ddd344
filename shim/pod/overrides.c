/* SPDX-License-Identifier: Apache-2.0
 * overrides.c - a policy with the changes that a pod makes to it, and a launch to its limits.
 */
#include "shim/pod/overrides.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "base/scope.h"
#include "ipc/channel.h"

enum { CPU_PERIOD_US = 100000, CPU_QUOTA_MIN_US = 1000 };

static int wider(const char *what, uint64_t asked, uint64_t limit, struct ps_err *e)
{
	return ps_fail(e, PS_E_DENIED, "%s %" PRIu64 " is more than the %" PRIu64 " that the bundle permits: a launch only tightens limits",
		       what, asked, limit);
}

static int tighten(const char *what, struct opt_i64 *limit, uint64_t asked, struct ps_err *e)
{
	if (!asked)
		return 0;
	if (asked > INT64_MAX)
		return ps_fail(e, PS_E_USAGE, "%s %" PRIu64 " is out of range", what, asked);
	if (limit->set && limit->v > 0 && asked > (uint64_t)limit->v)
		return wider(what, asked, (uint64_t)limit->v, e);
	*limit = (struct opt_i64){ .set = true, .v = (int64_t)asked };
	return 0;
}

static int tighten_cpu(struct policy_resources *r, uint64_t millicpus, struct ps_err *e)
{
	const uint64_t period = r->cpu_period.set ? r->cpu_period.v : CPU_PERIOD_US;
	uint64_t quota;

	if (!millicpus)
		return 0;
	if (millicpus > 1000000)
		return ps_fail(e, PS_E_USAGE, "cpus %" PRIu64 ".%03" PRIu64 " is out of range", millicpus / 1000, millicpus % 1000);
	quota = millicpus * period / 1000;
	if (quota < CPU_QUOTA_MIN_US)
		return ps_fail(e, PS_E_USAGE, "cpus 0.%03" PRIu64 " is less than the kernel can limit to", millicpus);
	if (r->cpu_quota.set && r->cpu_quota.v > 0 && quota > (uint64_t)r->cpu_quota.v)
		return wider("cpu time per period,", quota, (uint64_t)r->cpu_quota.v, e);
	r->cpu_period = (struct opt_u64){ .set = true, .v = period };
	r->cpu_quota = (struct opt_i64){ .set = true, .v = (int64_t)quota };
	return 0;
}

static int apply_limits(struct policy_resources *r, const struct overrides *o, struct ps_err *e)
{
	if (o->limits && (tighten("memory", &r->memory_limit, o->limits->memory, e) < 0 ||
			  tighten("pids", &r->pids_limit, o->limits->pids, e) < 0 ||
			  tighten_cpu(r, o->limits->millicpus, e) < 0))
		return -1;
	if (!o->only_limits)
		return 0;
	const struct policy_resources now = *r;

	*r = (struct policy_resources){ .from = "launch" };
	if (o->limits && o->limits->memory)
		r->memory_limit = now.memory_limit;
	if (o->limits && o->limits->pids)
		r->pids_limit = now.pids_limit;
	if (o->limits && o->limits->millicpus) {
		r->cpu_period = now.cpu_period;
		r->cpu_quota = now.cpu_quota;
	}
	return 0;
}

/* Nothing of podshim's own environment reaches a payload but the number of its channel. */
static int channel_env(struct ps_arena *a, struct spec_strs *env, uint32_t fd, struct ps_err *e)
{
	const char **v = ps_arena_array(a, env->n + 2, sizeof(*v));
	size_t n = 0;

	if (!v)
		return ps_fail_os(e, "memory for the environment");
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], CHANNEL_ENV "=", sizeof(CHANNEL_ENV)) != 0)
			v[n++] = env->v[i];
	if (fd && !(v[n++] = ps_arena_printf(a, CHANNEL_ENV "=%u", fd)))
		return ps_fail_os(e, "memory for the environment");
	*env = (struct spec_strs){ v, n };
	return 0;
}

static int apply_process(struct ps_arena *a, struct policy_process *p, const struct overrides *o, struct ps_err *e)
{
	p->terminal |= o->tty;
	return channel_env(a, &p->env, o->channel_fd, e);
}

/* The same process opens them: /proc/self/fd/N is a path like any other to it. */
static int apply_shared(struct ps_arena *a, struct policy *p, const int *fds, struct ps_err *e)
{
	static const uint64_t kinds[] = { CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS };

	for (size_t k = 0; k < PS_COUNT(kinds); k++) {
		if (fds[k] < 0)
			continue;
		for (size_t i = 0; i < POLICY_N_NS; i++) {
			if (p->ns[i].flag != kinds[k])
				continue;
			p->ns[i].mode = POLICY_NS_JOIN;
			p->ns[i].from = "pod#/share";
			p->ns[i].path = ps_arena_printf(a, "/proc/self/fd/%d", fds[k]);
			if (!p->ns[i].path)
				return ps_fail_os(e, "memory for a namespace's path");
		}
		if (kinds[k] == CLONE_NEWUTS)
			p->hostname = p->domainname = NULL;
	}
	return 0;
}

static int bound_hooks(struct ps_arena *a, struct policy_hooks *h, uint32_t timeout_s, struct ps_err *e)
{
	struct policy_hook *v = ps_arena_array(a, h->n, sizeof(*v));

	if (!v)
		return ps_fail_os(e, "memory for hooks");
	for (size_t i = 0; i < h->n; i++) {
		v[i] = h->v[i];
		if (!v[i].timeout)
			v[i].timeout = timeout_s;
	}
	h->v = v;
	return 0;
}

static int apply_hooks(struct ps_arena *a, struct policy *p, uint32_t timeout_s, struct ps_err *e)
{
	struct policy_hooks *const lists[] = { &p->hooks.prestart, &p->hooks.create_runtime, &p->hooks.create_container,
					       &p->hooks.start_container, &p->hooks.poststart, &p->hooks.poststop };

	for (size_t i = 0; timeout_s && i < PS_COUNT(lists); i++)
		if (lists[i]->n && bound_hooks(a, lists[i], timeout_s, e) < 0)
			return -1;
	return 0;
}

int overrides_apply(struct ps_arena *a, const struct policy *base, const struct overrides *o, const struct policy **ret,
		    struct ps_err *e)
{
	struct policy *p = ps_arena_new(a, struct policy);

	if (!p)
		return ps_fail_os(e, "memory for a policy");
	*p = *base;
	if (o->cgroups_path)
		p->cgroups_path = o->cgroups_path;
	if (o->only_limits && o->limits)
		p->file = "launch"; /* who is to blame for a limit that cannot be */
	if (apply_limits(&p->resources, o, e) < 0 || (p->has_process && apply_process(a, &p->process, o, e) < 0) ||
	    (o->ns_fds && apply_shared(a, p, o->ns_fds, e) < 0) || apply_hooks(a, p, o->hook_timeout_s, e) < 0)
		return -1;
	*ret = p;
	return 0;
}
