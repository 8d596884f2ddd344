/* SPDX-License-Identifier: Apache-2.0
 * plan_cgroup_limits.c - limits to control files, each on the hierarchy that has its controller.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/plan/limits.h"

static double log2_of(uint64_t n)
{
	int whole = 63 - __builtin_clzll(n);
	double x = (double)n / (double)(UINT64_C(1) << whole), log = whole, bit = 1;

	for (int i = 0; i < 40; i++) {
		bit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			log += bit;
		}
	}
	return log;
}

static double power_of_10(double exponent)
{
	const double y = exponent * 2.302585092994045684; /* ln 10 */
	double term = 1, sum = 1;

	for (int k = 1; k < 64; k++) {
		term *= y / k;
		sum += term;
	}
	return sum;
}

/* The quadratic curve through 2 -> 1, 1024 -> 100 and 262144 -> 10000; without libm, which costs a start-up. */
uint64_t build_cpu_weight(uint64_t shares)
{
	double log, exact;
	uint64_t weight;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	log = log2_of(shares);
	exact = power_of_10((log * log + 125 * log) / 612 - 7.0 / 34);
	weight = (uint64_t)exact;
	return exact - (double)weight > 1e-6 ? weight + 1 : weight;
}

enum { WHERE_MAX = PATH_MAX + 320 };

/* Who asks for the limit: a permission's flag or file, else the document. */
static const char *whose(const struct builder *b, const struct limit *l, char document[WHERE_MAX])
{
	const struct policy_resources *r = &b->p->resources;
	const struct { const char *pointer, *from; } rows[] = {
		{ "/memory/limit", r->memory_from }, { "/pids/limit", r->pids_from }, { "/cpu/quota", r->cpu_from }, { "/cpu/period", r->cpu_from },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].from && strcmp(l->pointer, rows[i].pointer) == 0)
			return rows[i].from;
	(void)snprintf(document, WHERE_MAX, "%s#%s%s", b->p->file, build_resources_at(b), l->pointer);
	return document;
}

static void put_file(struct builder *b, int cgroup, const struct limit *l, unsigned version, const char *from)
{
	struct plan_cgroup_file row = { .cgroup = (uint32_t)cgroup, .flags = l->flags };

	row.from = build_str(b, from);
	row.file = build_str(b, l->file);
	if (l->text)
		row.value = build_str(b, l->text);
	else if (l->number < 0)
		row.value = build_str(b, version == 2 || !strcmp(l->controller, "pids") ? "max" : "-1");
	else
		row.value = build_fmt(b, "%lld", (long long)l->number);
	build_push(&b->cgroup_files, &row, sizeof(row));
}

int build_limits(struct builder *b, const struct limit *rows, size_t n, unsigned version)
{
	for (size_t i = 0; i < n; i++) {
		const struct limit *l = &rows[i];
		char document[WHERE_MAX];
		int cgroup;

		if (!l->asked)
			continue;
		const char *from = whose(b, l, document);

		cgroup = build_find_cgroup(b, l->controller);
		if (cgroup < 0 && b->h->cgroups_withheld)
			return build_fail(b, PS_E_UNSUPP, from,
					  "the limit cannot be set: no cgroup with the controller '%s' is the caller's to write; have one "
					  "delegated ('systemd-run --user --scope -p Delegate=yes podshim ...'), leave the limit out, or run podshim as root",
					  l->controller);
		if (cgroup < 0 && b->r->cgroup_manager == PLAN_CGROUP_DISABLED)
			return build_fail(b, PS_E_UNSUPP, from, "a limit cannot be set: cgroups are disabled");
		if (cgroup < 0)
			return build_fail(b, PS_E_UNSUPP, from,
					  "the limit cannot be set: no cgroup hierarchy has the controller '%s'",
					  l->controller);
		if (b->h->cgroups[cgroup].version != (int)version)
			continue;
		/* Without memory for a path it has none either: build_close() tells. */
		if (!b->cgroups[cgroup].path && !b->out->failed)
			return build_fail(b, PS_E_UNSUPP, from, "the container has no cgroup in the hierarchy of the controller '%s'",
					  l->controller);
		if (!l->file)
			return build_fail(b, PS_E_UNSUPP, from, "cgroup version %u has no such limit", version);
		put_file(b, cgroup, l, version, from);
	}
	return 0;
}

static int64_t clamp(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

#define NUMBER(set, pointer, controller, file, number) { set, pointer, controller, file, number, NULL, 0 }
#define TEXT(set, pointer, controller, file, text) { set, pointer, controller, file, 0, text, 0 }
#define NOT_THERE(set, pointer, controller) { set, pointer, controller, NULL, 0, NULL, 0 }

/* Memory without a limit cannot be part of a limited sum, which version 1 would refuse where one is in force. */
static struct opt_i64 swap_of(const struct policy_resources *r)
{
	if (!r->memory_swap.set && r->memory_limit.set && r->memory_limit.v < 0)
		return r->memory_limit;
	return r->memory_swap;
}

/* An idle cgroup has one weight, and takes no other. */
static bool has_shares(const struct policy_resources *r)
{
	return r->cpu_shares.set && !(r->cpu_idle.set && r->cpu_idle.v);
}

/* In an order that the kernel takes: memory before memory+swap, periods before quotas, quota before burst. */
/* A limit of 0 and one of 1 let the same in: the first process, by a write that no limit stops.  Tools know 1. */
static int64_t pids_max(const struct policy_resources *r)
{
	return r->pids_limit.v ? r->pids_limit.v : 1;
}

static int v1_limits(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;
	const struct opt_i64 swap = swap_of(r);
	/* Without swap accounting the file is missing; fine when nothing beyond the memory limit is asked. */
	uint32_t swap_flags = swap.v < 0 || swap.v == r->memory_limit.v ? PLAN_CGROUP_OPTIONAL : 0;
	bool no_oom = r->memory_disable_oom_killer.set && r->memory_disable_oom_killer.v;
	const struct limit rows[] = {
		NUMBER(r->memory_limit.set, "/memory/limit", "memory", "memory.limit_in_bytes", r->memory_limit.v),
		{ swap.set, "/memory/swap", "memory", "memory.memsw.limit_in_bytes", swap.v, NULL, swap_flags },
		NUMBER(r->memory_reservation.set, "/memory/reservation", "memory", "memory.soft_limit_in_bytes",
		       r->memory_reservation.v),
		NUMBER(r->memory_swappiness.set, "/memory/swappiness", "memory", "memory.swappiness",
		       clamp(r->memory_swappiness.v)),
		NUMBER(no_oom, "/memory/disableOOMKiller", "memory", "memory.oom_control", 1),
		NUMBER(has_shares(r), "/cpu/shares", "cpu", "cpu.shares", clamp(r->cpu_shares.v)),
		NUMBER(r->cpu_period.set, "/cpu/period", "cpu", "cpu.cfs_period_us", clamp(r->cpu_period.v)),
		NUMBER(r->cpu_quota.set, "/cpu/quota", "cpu", "cpu.cfs_quota_us", r->cpu_quota.v),
		NUMBER(r->cpu_burst.set, "/cpu/burst", "cpu", "cpu.cfs_burst_us", clamp(r->cpu_burst.v)),
		NUMBER(r->cpu_rt_period.set, "/cpu/realtimePeriod", "cpu", "cpu.rt_period_us",
		       clamp(r->cpu_rt_period.v)),
		NUMBER(r->cpu_rt_runtime.set, "/cpu/realtimeRuntime", "cpu", "cpu.rt_runtime_us", r->cpu_rt_runtime.v),
		NUMBER(r->cpu_idle.set, "/cpu/idle", "cpu", "cpu.idle", r->cpu_idle.v),
		TEXT(r->cpus != NULL, "/cpu/cpus", "cpuset", "cpuset.cpus", r->cpus),
		TEXT(r->mems != NULL, "/cpu/mems", "cpuset", "cpuset.mems", r->mems),
		NUMBER(r->pids_limit.set, "/pids/limit", "pids", "pids.max", pids_max(r)),
	};

	return build_limits(b, rows, PS_COUNT(rows), 1);
}

/* "QUOTA PERIOD"; the kernel keeps the period when it is not given. */
static const char *cpu_max(const struct policy_resources *r, char *out, size_t size)
{
	char quota[24] = "max", period[24] = "";

	if (r->cpu_quota.set && r->cpu_quota.v > 0)
		(void)snprintf(quota, sizeof(quota), "%lld", (long long)r->cpu_quota.v);
	if (r->cpu_period.set)
		(void)snprintf(period, sizeof(period), " %llu", (unsigned long long)r->cpu_period.v);
	(void)snprintf(out, size, "%s%s", quota, period);
	return out;
}

static int v2_limits(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;
	/* Version 2 counts swap apart from memory. */
	const struct opt_i64 both = swap_of(r);
	int64_t swap = both.v < 0 ? -1 : both.v - r->memory_limit.v;
	bool no_oom = r->memory_disable_oom_killer.set && r->memory_disable_oom_killer.v;
	bool bandwidth = r->cpu_quota.set || r->cpu_period.set;
	char max[56];
	const struct limit rows[] = {
		NUMBER(r->memory_limit.set, "/memory/limit", "memory", "memory.max", r->memory_limit.v),
		{ both.set, "/memory/swap", "memory", "memory.swap.max", swap, NULL,
		  swap <= 0 ? PLAN_CGROUP_OPTIONAL : 0 },
		NUMBER(r->memory_reservation.set, "/memory/reservation", "memory", "memory.low",
		       r->memory_reservation.v),
		NOT_THERE(r->memory_swappiness.set, "/memory/swappiness", "memory"),
		NOT_THERE(no_oom, "/memory/disableOOMKiller", "memory"),
		NUMBER(has_shares(r), "/cpu/shares", "cpu", "cpu.weight",
		       (int64_t)build_cpu_weight(r->cpu_shares.v)),
		TEXT(bandwidth, r->cpu_quota.set ? "/cpu/quota" : "/cpu/period", "cpu", "cpu.max",
		     cpu_max(r, max, sizeof(max))),
		NUMBER(r->cpu_burst.set, "/cpu/burst", "cpu", "cpu.max.burst", clamp(r->cpu_burst.v)),
		NOT_THERE(r->cpu_rt_period.set, "/cpu/realtimePeriod", "cpu"),
		NOT_THERE(r->cpu_rt_runtime.set, "/cpu/realtimeRuntime", "cpu"),
		NUMBER(r->cpu_idle.set, "/cpu/idle", "cpu", "cpu.idle", r->cpu_idle.v),
		TEXT(r->cpus != NULL, "/cpu/cpus", "cpuset", "cpuset.cpus", r->cpus),
		TEXT(r->mems != NULL, "/cpu/mems", "cpuset", "cpuset.mems", r->mems),
		NUMBER(r->pids_limit.set, "/pids/limit", "pids", "pids.max", pids_max(r)),
	};

	return build_limits(b, rows, PS_COUNT(rows), 2);
}

/* Files of version 2 as the document names them, last, so that they win. */
static int unified(struct builder *b)
{
	char where[48];
	const struct spec_kvs *u = &b->p->resources.unified;
	int cgroup = -1;

	(void)snprintf(where, sizeof(where), "%s/unified", build_resources_at(b));
	for (unsigned i = 0; i < b->n_cgroups; i++)
		if (b->h->cgroups[i].version == 2 && b->cgroups[i].path)
			cgroup = (int)i;
	for (size_t i = 0; i < u->n; i++) {
		const struct spec_kv *kv = &u->v[i];
		struct plan_cgroup_file row = { .cgroup = (uint32_t)cgroup };
		const char *line = kv->value;
		char controller[64];

		(void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(kv->key, "."), kv->key);
		if (cgroup < 0)
			return build_fail_at(b, PS_E_UNSUPP, where,
					     "'%s' cannot be written: the container has no cgroup of version 2",
					     kv->key);
		/* "cgroup.*" belongs to the core. */
		if (strcmp(controller, "cgroup") != 0 && !build_has_item(b->h->cgroup2_controllers, controller))
			return build_fail_at(b, PS_E_UNSUPP, where,
					     "invalid configuration: '%s' cannot be written: cgroup version 2 has no controller '%s' here",
					     kv->key, controller);
		row.from = build_fmt(b, "%s#%s/%s", b->p->file, where, kv->key);
		row.file = build_str(b, kv->key);
		/* A file of devices takes one in each write. */
		do {
			const size_t n = strcspn(line, "\n");

			if (n || line == kv->value) {
				row.value = build_fmt(b, "%.*s", (int)n, line);
				build_push(&b->cgroup_files, &row, sizeof(row));
			}
			line += n + (line[n] == '\n');
		} while (*line);
	}
	return 0;
}

int build_cgroup_limits(struct builder *b)
{
	if (v1_limits(b) < 0 || v2_limits(b) < 0 || build_io_limits(b) < 0 || build_device_limits(b) < 0)
		return -1;
	return unified(b);
}
