/* SPDX-License-Identifier: Apache-2.0
 * plan_process.c - the payload's rows: ids, capabilities, limits, system call filter.
 */
#include <linux/filter.h>

#include "base/abi.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

/* Bits above the kernel's last capability name nothing: nobody can hold them. */
static struct plan_caps known_caps(const struct builder *b)
{
	const struct policy_caps *c = &b->p->process.caps;
	uint64_t known = b->h->last_cap >= 63 ? UINT64_MAX : (UINT64_C(1) << (b->h->last_cap + 1)) - 1;

	return (struct plan_caps){
		.bounding = c->bounding & known, .effective = c->effective & known,
		.inheritable = c->inheritable & known, .permitted = c->permitted & known,
		.ambient = c->ambient & known,
	};
}

static struct plan_list rlimits(struct builder *b)
{
	const struct policy_process *p = &b->p->process;
	struct plan_list l = build_reserve(b, p->n_rlimits, sizeof(struct plan_rlimit));

	for (size_t i = 0; i < p->n_rlimits; i++) {
		struct plan_rlimit row = { .resource = (uint32_t)p->rlimits[i].resource, .soft = p->rlimits[i].soft,
					   .hard = p->rlimits[i].hard, .from = build_str(b, p->rlimits[i].from) };

		build_set(b, l, i, &row, sizeof(row));
	}
	return l;
}

int build_process(struct builder *b)
{
	const struct policy_process *p = &b->p->process;
	struct plan *plan = &b->plan;

	plan->has_personality = p->personality.set;
	plan->personality = p->personality.v;
	if (!b->p->has_process)
		return 0;
	plan->has_process = 1;
	plan->terminal = p->terminal;
	plan->rows = p->rows;
	plan->cols = p->cols;
	plan->no_new_privs = p->no_new_privileges;
	plan->has_umask = p->umask.set;
	plan->umask = p->umask.v;
	plan->has_oom = p->oom_score_adj.set;
	plan->oom_score_adj = p->oom_score_adj.v;
	plan->uid = p->uid;
	plan->gid = p->gid;
	plan->keeps_groups = b->p->keeps_groups;
	if (!plan->keeps_groups)
		plan->groups = build_copy(b, p->groups, p->n_groups, sizeof(*p->groups));
	/* An unprivileged user may map its gid only where setgroups(2) is denied for good (3.19). */
	plan->needs_setgroups = plan->groups.n || b->h->euid == 0 || !build_has_ns(b, CLONE_NEWUSER);
	plan->args = build_strs(b, &p->args);
	plan->env = build_strs(b, &p->env);
	plan->cwd = build_str(b, p->cwd);
	plan->args_from = build_str(b, p->args_from);
	plan->cwd_from = build_str(b, p->cwd_from);
	plan->user_from = build_str(b, p->user_from);
	plan->caps_from = build_str(b, p->caps.from);
	plan->apparmor = build_str(b, p->apparmor);
	plan->apparmor_from = build_str(b, p->apparmor_from);
	plan->selinux = build_str(b, p->selinux);
	plan->selinux_from = build_str(b, p->selinux_from);
	plan->has_caps = p->has_caps;
	if (p->has_caps)
		plan->caps = known_caps(b);
	plan->rlimits = rlimits(b);
	return 0;
}

static int compile_seccomp(void *ctx, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	(void)ctx;
	return plan_seccomp_compile(s, out, e);
}

int build_program(struct builder *b, const struct policy_seccomp *s, struct plan_list *ret)
{
	__typeof__(b->r->seccomp) give = b->r->seccomp ? b->r->seccomp : compile_seccomp;
	plan_off at = build_align(b);

	if (give(b->r->seccomp_ctx, s, b->out, b->e) < 0)
		return build_at(b, s->from);
	size_t size = b->out->len - at;
	/* A container without the filter that was asked for must never come of this. */
	if (b->out->failed || !size || size % sizeof(struct sock_filter))
		return build_fail(b, PS_E_BUG, s->from, "the system call filter came out incomplete");
	*ret = (struct plan_list){ at, (uint32_t)(size / sizeof(struct sock_filter)) };
	return 0;
}

/* Who answers what the filter hands over, and what he is told. */
static int build_agent(struct builder *b, const struct policy_seccomp *s)
{
	const struct plan_fd fd = { .kind = PLAN_FD_AGENT, .path = build_str(b, s->agent), .mount = PLAN_NO_FD,
				    .from = build_str(b, s->agent_from) };
	ps_auto_buf struct ps_buf metadata = { .data = NULL };
	struct ps_jsonw w = { .out = &metadata };

	/* The filter is in force before there is the process that it is for. */
	if (b->plan.bridge_late && !b->r->target_pid)
		return build_fail(b, PS_E_UNSUPP, s->from,
				  "SCMP_ACT_NOTIFY in a container that joins a pid namespace: not supported, for its process could not be "
				  "told to the agent");
	b->plan.agent_fd = build_fd(b, &fd);
	b->plan.agent_pid = b->r->target_pid;
	build_hook_state(b);
	if (!s->agent_metadata)
		return 0;
	ps_jw_str(&w, NULL, s->agent_metadata);
	b->out->failed |= metadata.failed;
	b->plan.agent_metadata = build_str(b, metadata.failed ? "" : metadata.data);
	return 0;
}

int build_seccomp(struct builder *b)
{
	const struct policy_seccomp *s = &b->p->seccomp;

	if (!s->set)
		return 0;
	b->plan.seccomp_flags = s->flags;
	if (s->agent && build_agent(b, s) < 0)
		return -1;
	return build_program(b, s, &b->plan.seccomp);
}
