/* SPDX-License-Identifier: Apache-2.0
 * plan_schedule.c - where and when the payload runs: rows of scheduler, I/O priority, CPUs, memory nodes and resctrl.
 */
#include <linux/sched.h>

#include "base/abi.h"
#include "shim/plan/builder.h"

static struct plan_list numbers(struct builder *b, const struct policy_numbers *n)
{
	return build_copy(b, n->v, n->n, sizeof(*n->v));
}

/* A deadline task may clone nobody who would be one, too (clone(2) is EAGAIN), and who is reset on fork is none any more. */
static int check_clones(struct builder *b, const struct policy_scheduler *s)
{
	const bool resets = s->flags & SCHED_FLAG_RESET_ON_FORK, alone = s->policy == SCHED_DEADLINE && !resets;

	if (b->plan.reaper && (resets || alone))
		return build_fail(b, PS_E_UNSUPP, s->from,
				  "with the annotation '%s' the process is cloned by one that has this scheduler, and would not have it",
				  POLICY_REAPER_ANNOTATION);
	if (alone && b->plan.start_container.n)
		return build_fail(b, PS_E_UNSUPP, s->from,
				  "SCHED_DEADLINE without SCHED_FLAG_RESET_ON_FORK leaves no way to run startContainer hooks");
	if (alone && b->plan.guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return build_fail(b, PS_E_UNSUPP, s->from,
				  "SCHED_DEADLINE without SCHED_FLAG_RESET_ON_FORK leaves no way to hand over what permissions supervise");
	return 0;
}

static int scheduler(struct builder *b, const struct policy_scheduler *s)
{
	if (!s->from)
		return 0;
	const struct plan_scheduler row = {
		.from = build_str(b, s->from), .policy = s->policy, .nice = s->nice, .priority = s->priority, .flags = s->flags,
		.runtime = s->runtime, .deadline = s->deadline, .period = s->period,
	};

	b->plan.scheduler = build_copy(b, &row, 1, sizeof(row));
	return check_clones(b, s);
}

static void affinity(struct builder *b, const struct policy_process *p)
{
	const struct { const struct policy_numbers *cpus; uint32_t when; } lists[] = {
		{ &p->affinity.initial, PLAN_AFFINITY_INITIAL }, { &p->affinity.final, PLAN_AFFINITY_FINAL },
	};
	struct plan_affinity rows[2];
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		if (lists[i].cpus->n)
			rows[n++] = (struct plan_affinity){ .from = build_str(b, p->affinity.from), .when = lists[i].when,
							    .cpus = numbers(b, lists[i].cpus) };
	b->plan.affinity = build_copy(b, rows, n, sizeof(rows[0]));
}

static void rdt(struct builder *b)
{
	const __typeof__(b->p->rdt) *r = &b->p->rdt;

	if (!r->from)
		return;
	const struct plan_rdt row = {
		.from = build_str(b, r->from), .group = build_str(b, r->group ? r->group : b->r->id), .schemata = build_strs(b, &r->schemata),
		.flags = (r->must_exist ? PLAN_RDT_MUST_EXIST : 0U) | (r->monitor ? PLAN_RDT_MONITOR : 0U),
	};

	b->plan.rdt = build_copy(b, &row, 1, sizeof(row));
}

int build_schedule(struct builder *b)
{
	const struct policy_process *p = &b->p->process;

	if (!b->p->has_process)
		return 0;
	if (b->p->memory_policy.from) {
		const struct plan_memory_policy row = {
			.from = build_str(b, b->p->memory_policy.from), .mode = b->p->memory_policy.mode,
			.flags = b->p->memory_policy.flags, .nodes = numbers(b, &b->p->memory_policy.nodes),
		};

		b->plan.memory_policy = build_copy(b, &row, 1, sizeof(row));
	}
	if (p->io_priority.from) {
		const struct plan_io_priority row = { build_str(b, p->io_priority.from), p->io_priority.class, p->io_priority.level };

		b->plan.io_priority = build_copy(b, &row, 1, sizeof(row));
	}
	rdt(b);
	affinity(b, p);
	return scheduler(b, &p->scheduler);
}
