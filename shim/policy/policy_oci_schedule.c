/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_schedule.c - where and when a process runs: scheduler, I/O priority, CPUs and memory nodes by value.
 */
#include <stdio.h>

#include "base/num.h"
#include "oci/names.h"
#include "shim/policy/policy_oci.h"

enum { POINTER_MAX = 64 };

static const char *member(struct from_oci *f, const char *pointer, const char *name)
{
	char at[POINTER_MAX];

	(void)snprintf(at, sizeof(at), "%s%s", pointer, name);
	return from_oci_at(f, at);
}

static int flags_of(struct from_oci *f, const char *pointer, const struct ps_name *t, size_t n, const struct spec_strs *s,
		    uint64_t *ret)
{
	uint64_t flag = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (from_oci_value(f, pointer, t, n, s->v[i], &flag) < 0)
			return -1;
		*ret |= flag;
	}
	return 0;
}

/* The numbers of a list that spec_check() has read; bits: room for n of them. */
static int numbers(struct from_oci *f, const char *pointer, const char *list, uint64_t *bits, size_t n, struct policy_numbers *ret)
{
	size_t found = 0;

	if (!has_text(list))
		return 0;
	if (ps_parse_bits(list, bits, n) < 0)
		return from_oci_fail(f, PS_E_CONFIG, pointer, "'%s' is no list of numbers", list);
	for (size_t i = 0; i < n; i++)
		found += bits[i / 64] >> i % 64 & 1;
	uint32_t *v = from_oci_rows(f, found, sizeof(*v));

	if (!v)
		return -1;
	*ret = (struct policy_numbers){ v, found };
	for (size_t i = 0; i < n; i++)
		if (bits[i / 64] >> i % 64 & 1)
			*v++ = (uint32_t)i;
	return 0;
}

static int scheduler(struct from_oci *f, const char *pointer, const struct spec_scheduler *s, struct policy_scheduler *out)
{
	uint64_t policy = 0;

	if (!s->set)
		return 0;
	*out = (struct policy_scheduler){
		.from = member(f, pointer, "/scheduler"), .nice = s->nice, .priority = (uint32_t)s->priority,
		.runtime = s->runtime, .deadline = s->deadline, .period = s->period,
	};
	if (!out->from || from_oci_value(f, pointer, names_sched_policy, n_names_sched_policy, s->policy, &policy) < 0)
		return -1;
	out->policy = (uint32_t)policy;
	return flags_of(f, pointer, names_sched_flag, n_names_sched_flag, &s->flags, &out->flags);
}

static int io_priority(struct from_oci *f, const char *pointer, const struct spec_process *s, struct policy_process *out)
{
	uint64_t class = 0;

	if (!s->io_priority.set)
		return 0;
	out->io_priority.from = member(f, pointer, "/ioPriority");
	if (!out->io_priority.from ||
	    from_oci_value(f, pointer, names_ioprio_class, n_names_ioprio_class, s->io_priority.class_name, &class) < 0)
		return -1;
	out->io_priority.class = (uint32_t)class;
	out->io_priority.level = (uint32_t)s->io_priority.priority;
	return 0;
}

static int affinity(struct from_oci *f, const char *pointer, const struct spec_process *s, struct policy_process *out)
{
	uint64_t bits[NAMES_MAX_CPUS / 64];

	if (!s->exec_cpu_affinity.set)
		return 0;
	out->affinity.from = member(f, pointer, "/execCPUAffinity");
	if (!out->affinity.from ||
	    numbers(f, pointer, s->exec_cpu_affinity.initial, bits, NAMES_MAX_CPUS, &out->affinity.initial) < 0)
		return -1;
	return numbers(f, pointer, s->exec_cpu_affinity.final, bits, NAMES_MAX_CPUS, &out->affinity.final);
}

int from_oci_schedule(struct from_oci *f, const char *pointer, const struct spec_process *s, bool exec, struct policy_process *out)
{
	if (scheduler(f, pointer, &s->scheduler, &out->scheduler) < 0 || io_priority(f, pointer, s, out) < 0)
		return -1;
	/* The CPUs concern processes that exec adds, never the container's first one. */
	return exec ? affinity(f, pointer, s, out) : 0;
}

int from_oci_memory_policy(struct from_oci *f, const struct spec_linux *s)
{
	__typeof__(f->p->memory_policy) *out = &f->p->memory_policy;
	uint64_t bits[NAMES_MAX_NODES / 64], mode = 0, flags = 0;
	const char *const pointer = "/linux/memoryPolicy";

	if (!s->memory_policy.set)
		return 0;
	out->from = from_oci_at(f, pointer);
	if (!out->from || from_oci_value(f, pointer, names_mempolicy_mode, n_names_mempolicy_mode, s->memory_policy.mode, &mode) < 0 ||
	    flags_of(f, pointer, names_mempolicy_flag, n_names_mempolicy_flag, &s->memory_policy.flags, &flags) < 0)
		return -1;
	out->mode = (uint32_t)mode;
	out->flags = (uint32_t)flags;
	return numbers(f, pointer, s->memory_policy.nodes, bits, NAMES_MAX_NODES, &out->nodes);
}
