/* SPDX-License-Identifier: Apache-2.0
 * spec_rules_seccomp.c - the rules about linux.seccomp.
 */
#include <string.h>

#include "oci/names.h"
#include "oci/spec_rules.h"

static int check_actions(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	if (RULE_KNOWN(c, names_seccomp_action, s->default_action, "seccomp action",
		       RULE_AT("%s/defaultAction", c->base)) < 0)
		return -1;
	for (size_t i = 0; i < s->n_rules; i++)
		if (RULE_KNOWN(c, names_seccomp_action, s->rules[i].action, "seccomp action",
			       RULE_AT("%s/action", s->rules[i].at)) < 0)
			return -1;
	return 0;
}

static int check_operators(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].n_args; k++)
			if (RULE_KNOWN(c, names_seccomp_op, s->rules[i].args[k].op, "seccomp operator",
				       RULE_AT("%s/args/%zu/op", s->rules[i].at, k)) < 0)
				return -1;
	return 0;
}

static int check_architectures(const struct rule_ctx *c)
{
	const struct spec_strs *list = &c->s->linux_.seccomp.architectures;

	for (size_t i = 0; i < list->n; i++)
		if (RULE_KNOWN(c, names_seccomp_arch, list->v[i], "seccomp architecture",
			       RULE_AT("%s/architectures/%zu", c->base, i)) < 0)
			return -1;
	return 0;
}

static int check_flags(const struct rule_ctx *c)
{
	const struct spec_strs *list = &c->s->linux_.seccomp.flags;

	for (size_t i = 0; i < list->n; i++)
		if (RULE_KNOWN(c, names_seccomp_flag, list->v[i], "seccomp flag",
			       RULE_AT("%s/flags/%zu", c->base, i)) < 0)
			return -1;
	return 0;
}

static int check_names(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].names.n == 0)
			return rule_fail(c, RULE_AT("%s/names", s->rules[i].at), "must name at least one system call");
	return 0;
}

/* SECCOMP_RET_DATA has 16 bits; the kernel cuts an errno to MAX_ERRNO. */
static int check_errno(const struct rule_ctx *c, const char *action, uint32_t value, const char *at)
{
	bool is_errno = !strcmp(action, "SCMP_ACT_ERRNO"), is_trace = !strcmp(action, "SCMP_ACT_TRACE");
	uint32_t max = is_trace ? 0xffff : 4095;

	if (!is_errno && !is_trace)
		return rule_fail(c, at, "an errno makes no sense for action '%s'", action);
	if (value > max)
		return rule_fail(c, at, "must be at most %u for action '%s', not %u", max, action, value);
	return 0;
}

static int check_errnos(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	if (s->default_errno_ret.set &&
	    check_errno(c, s->default_action, s->default_errno_ret.v, RULE_AT("%s/defaultErrnoRet", c->base)) < 0)
		return -1;
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct spec_seccomp_rule *r = &s->rules[i];
		if (r->errno_ret.set && check_errno(c, r->action, r->errno_ret.v, RULE_AT("%s/errnoRet", r->at)) < 0)
			return -1;
	}
	return 0;
}

/* The agent that answers would itself be stopped: before it is known, and while the listener fd is sent. */
static int check_notify(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	if (!strcmp(s->default_action, "SCMP_ACT_NOTIFY"))
		return rule_fail(c, RULE_AT("%s/defaultAction", c->base),
				 "SCMP_ACT_NOTIFY cannot be used as default action");
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct spec_seccomp_rule *r = &s->rules[i];
		for (size_t k = 0; !strcmp(r->action, "SCMP_ACT_NOTIFY") && k < r->names.n; k++)
			if (!strcmp(r->names.v[k], "write"))
				return rule_fail(c, RULE_AT("%s/names/%zu", r->at, k),
						 "SCMP_ACT_NOTIFY cannot be used for the write syscall");
	}
	return 0;
}

static int check_listener(const struct rule_ctx *c)
{
	const struct spec_seccomp *s = &c->s->linux_.seccomp;

	if (s->listener_path)
		return RULE_ABSOLUTE(c, s->listener_path, RULE_AT("%s/listenerPath", c->base));
	if (s->listener_metadata)
		return rule_fail(c, RULE_AT("%s/listenerMetadata", c->base), "must not be set without listenerPath");
	for (size_t i = 0; i < s->n_rules && !spec_annotation(c->s, OCI_RECEIVER_ANNOTATION); i++)
		if (!strcmp(s->rules[i].action, "SCMP_ACT_NOTIFY"))
			return rule_fail(c, RULE_AT("%s/action", s->rules[i].at), "SCMP_ACT_NOTIFY takes a listenerPath: who answers");
	return 0;
}

static const struct rule seccomp_rules[] = {
	{ "seccomp actions are known", check_actions },
	{ "seccomp operators are known", check_operators },
	{ "seccomp architectures are known", check_architectures },
	{ "seccomp flags are known", check_flags },
	{ "seccomp rules name system calls", check_names },
	{ "seccomp errno fits the action", check_errnos },
	{ "seccomp notify spares the default and write", check_notify },
	{ "seccomp listener is complete", check_listener },
};
const struct rules rules_seccomp = RULES(seccomp_rules);
