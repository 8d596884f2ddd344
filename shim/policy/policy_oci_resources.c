/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_resources.c - config.json's limits: what is unset in practice becomes unset.
 */
#include "base/scope.h"
#include "shim/policy/policy_oci.h"

/* Limits that callers write as 0 when they mean none. */
static struct opt_i64 unless_zero(struct opt_i64 o)
{
	o.set = o.set && o.v != 0;
	return o;
}

static struct opt_u64 unless_zero_u(struct opt_u64 o)
{
	o.set = o.set && o.v != 0;
	return o;
}

static int ignored_limits(struct from_oci *f, const struct spec_resources *s)
{
	const __typeof__(s->memory) *m = &s->memory;
	const struct { bool asked; const char *name, *why; } rows[] = {
		{ m->kernel.set && m->kernel.v, "kernel", "the kernel has no such limit any more" },
		{ m->kernel_tcp.set && m->kernel_tcp.v, "kernelTCP", "the kernel advises against it" },
		{ m->use_hierarchy.set && !m->use_hierarchy.v, "useHierarchy", "the kernel always has it on" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].asked &&
		    from_oci_warn(f, "/linux/resources/memory/%s is ignored: %s", rows[i].name, rows[i].why) < 0)
			return -1;
	return 0;
}

int from_oci_resources(struct from_oci *f, const struct spec_resources *s)
{
	struct policy_resources *r = &f->p->resources;

	r->from = from_oci_at(f, "/linux/resources");
	r->memory_limit = unless_zero(s->memory.limit);
	r->memory_reservation = unless_zero(s->memory.reservation);
	r->memory_swap = unless_zero(s->memory.swap);
	r->memory_swappiness = s->memory.swappiness;
	r->memory_disable_oom_killer = s->memory.disable_oom_killer;
	r->memory_check_before_update = s->memory.check_before_update.set && s->memory.check_before_update.v;
	r->cpu_shares = unless_zero_u(s->cpu.shares);
	r->cpu_burst = s->cpu.burst;
	r->cpu_period = unless_zero_u(s->cpu.period);
	r->cpu_rt_period = unless_zero_u(s->cpu.realtime_period);
	r->cpu_quota = unless_zero(s->cpu.quota);
	r->cpu_rt_runtime = unless_zero(s->cpu.realtime_runtime);
	r->cpu_idle = s->cpu.idle;
	r->cpus = has_text(s->cpu.cpus) ? s->cpu.cpus : NULL;
	r->mems = has_text(s->cpu.mems) ? s->cpu.mems : NULL;
	r->pids_limit = s->pids_limit;
	r->block_io = s->block_io;
	r->hugepages = s->hugepages;
	r->n_hugepages = s->n_hugepages;
	r->net_class = s->network.class_id;
	r->net_class.set = r->net_class.set && r->net_class.v;
	r->net_prios = s->network.priorities;
	r->n_net_prios = s->network.n_priorities;
	r->rdma = s->rdma;
	r->n_rdma = s->n_rdma;
	r->unified = s->unified;
	if (!r->from || ignored_limits(f, s) < 0)
		return -1;
	return from_oci_device_rules(f, s);
}

int policy_resources_from_oci(struct ps_arena *a, const char *file, const struct spec_resources *s, const struct policy **ret,
			      struct ps_err *e)
{
	struct from_oci f = { .arena = a, .file = file, .bundle = "/", .e = e };

	f.p = from_oci_rows(&f, 1, sizeof(*f.p));
	if (!f.p)
		return -1;
	f.p->file = file;
	f.p->resources.under = "";
	if (from_oci_resources(&f, s) < 0)
		return -1;
	if (!s->n_devices)
		f.p->resources.n_device_rules = 0;
	*ret = f.p;
	return 0;
}
