/* SPDX-License-Identifier: Apache-2.0
 * memory_policy.c - the NUMA memory policy of the payload.
 */
#include "shim/sandbox/process.h"

#include <linux/mempolicy.h>
#include <string.h>

enum { MAX_NODES = 32768, WORD = 8 * sizeof(unsigned long) }; /* the kernel reads a page at most */

int memory_policy_apply(const struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	unsigned long nodes[MAX_NODES / WORD];

	for (PLAN_EACH(p, struct plan_memory_policy, m, p->memory_policy)) {
		uint32_t last = 0;

		memset(nodes, 0, sizeof(nodes));
		for (PLAN_EACH(p, uint32_t, node, m->nodes)) {
			if (*node >= MAX_NODES - 1)
				return ps_fail(e, PS_E_BUG, "memory node %u is none", *node);
			nodes[*node / WORD] |= 1UL << *node % WORD;
			last = *node > last ? *node : last;
		}
		/* The kernel takes one bit less than it is told. */
		if (ps_sys_set_mempolicy(m->mode | m->flags, m->nodes.n ? nodes : NULL, m->nodes.n ? last + 2UL : 0) == 0)
			continue;
		if (errno == EINVAL && m->nodes.n)
			(void)ps_fail(e, PS_E_UNSUPP,
				      "set the memory policy: the nodes are not all online and among those that the cpuset allows, or this kernel "
				      "does not take the mode with these flags");
		else if (errno == EINVAL || errno == ENOSYS)
			(void)ps_fail(e, PS_E_UNSUPP, "set the memory policy: this kernel does not take the mode with these flags");
		else
			(void)ps_fail_os(e, "set the memory policy");
		return ps_at_from(e, plan_str(p, m->from), "");
	}
	return 0;
}
