/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_seccomp.c - config.json's seccomp object: actions, operators and architectures by value.
 */
#include <errno.h>
#include <stdio.h>

#include "base/abi.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/policy/arch.h"
#include "shim/policy/policy_oci.h"

/* `name` with its data: the errno of ERRNO and TRACE, EPERM when the document gives none. */
static int action_value(struct from_oci *f, const char *pointer, const char *name, struct opt_u32 data, uint32_t *ret)
{
	uint64_t action = 0;

	if (from_oci_value(f, pointer, names_seccomp_action, n_names_seccomp_action, name, &action) < 0)
		return -1;
	if (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE)
		action |= data.set ? data.v : EPERM;
	*ret = (uint32_t)action;
	return 0;
}

static int architectures(struct from_oci *f, const struct spec_strs *s, struct policy_seccomp *out)
{
	uint32_t *archs = from_oci_rows(f, s->n + 1, sizeof(*archs));
	size_t n = 0;

	if (!archs)
		return -1;
	archs[n++] = ARCH_NATIVE;
	for (size_t i = 0; i < s->n; i++) {
		uint64_t arch = 0;
		size_t k = 0;

		if (from_oci_value(f, "/linux/seccomp/architectures", names_seccomp_arch, n_names_seccomp_arch, s->v[i],
				   &arch) < 0)
			return -1;
		while (k < n && archs[k] != arch)
			k++;
		if (k == n)
			archs[n++] = (uint32_t)arch;
	}
	out->archs = archs;
	out->n_archs = n;
	return 0;
}

static int flags(struct from_oci *f, const struct spec_seccomp *s, struct policy_seccomp *out)
{
	/* Of no use: one thread loads the filter, and where nobody listens the kernel refuses the latter (5.19). */
	const uint32_t moot = SECCOMP_FILTER_FLAG_TSYNC | (out->agent ? 0 : SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	if (!s->has_flags)
		out->flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; s->has_flags && i < s->flags.n; i++) {
		uint64_t flag = 0;

		if (from_oci_value(f, "/linux/seccomp/flags", names_seccomp_flag, n_names_seccomp_flag, s->flags.v[i],
				   &flag) < 0)
			return -1;
		out->flags |= (uint32_t)flag & ~moot;
	}
	return 0;
}

static int rules(struct from_oci *f, const struct spec_seccomp *s, struct policy_seccomp *out)
{
	struct policy_seccomp_rule *rows = from_oci_rows(f, s->n_rules, sizeof(*rows));

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct spec_seccomp_rule *r = &s->rules[i];

		rows[i] = (struct policy_seccomp_rule){ .from = from_oci_at(f, r->at), .names = r->names,
							.args = r->args, .n_args = r->n_args };
		if (!rows[i].from || action_value(f, r->at, r->action, r->errno_ret, &rows[i].action) < 0)
			return -1;
	}
	out->rules = rows;
	out->n_rules = s->n_rules;
	return 0;
}

/* A listener without rules that ask is nobody's business: listenerPath means nothing then. */
static int agent(struct from_oci *f, const struct spec_seccomp *s, struct policy_seccomp *out)
{
	const char *path = s->listener_path || !f->receiver ? s->listener_path : f->receiver->value;

	for (size_t i = 0; i < out->n_rules && !out->agent; i++)
		if (out->rules[i].action == SECCOMP_RET_USER_NOTIF)
			out->agent = path;
	if (!out->agent)
		return 0;
	out->agent_from = from_oci_at(f, s->listener_path ? "/linux/seccomp/listenerPath" : f->receiver->at);
	out->agent_metadata = s->listener_metadata;
	out->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return out->agent_from ? 0 : -1;
}

int from_oci_seccomp(struct from_oci *f, const struct spec_seccomp *s)
{
	struct policy_seccomp *out = &f->p->seccomp;

	if (!s->set)
		return 0;
	out->set = true;
	out->from = from_oci_at(f, "/linux/seccomp");
	if (!out->from || action_value(f, "/linux/seccomp/defaultAction", s->default_action, s->default_errno_ret,
				       &out->default_action) < 0)
		return -1;
	if (architectures(f, &s->architectures, out) < 0 || rules(f, s, out) < 0 || agent(f, s, out) < 0)
		return -1;
	return flags(f, s, out);
}
