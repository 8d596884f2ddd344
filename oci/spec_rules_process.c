/* SPDX-License-Identifier: Apache-2.0
 * spec_rules_process.c - the rules about the process object.
 */
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "oci/names.h"
#include "oci/spec_rules.h"

static int check_args(const struct rule_ctx *c)
{
	const struct spec_strs *args = &c->s->process.args;

	if (args->n == 0 || !*args->v[0])
		return rule_fail(c, RULE_AT("%s/args", c->base), "must name a program");
	return 0;
}

static int check_cwd(const struct rule_ctx *c)
{
	return RULE_ABSOLUTE(c, c->s->process.cwd, RULE_AT("%s/cwd", c->base));
}

static int check_env(const struct rule_ctx *c)
{
	const struct spec_strs *env = &c->s->process.env;

	for (size_t i = 0; i < env->n; i++)
		if (*env->v[i] == '=' || !strchr(env->v[i], '='))
			return rule_fail(c, RULE_AT("%s/env/%zu", c->base, i), "must be NAME=VALUE, not '%s'",
					 env->v[i]);
	return 0;
}

static int check_rlimit_types(const struct rule_ctx *c)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < c->s->process.n_rlimits; i++) {
		const struct spec_rlimit *r = &c->s->process.rlimits[i];
		const struct ps_name *row = ps_name_find(names_rlimit, n_names_rlimit, r->type);
		if (!row)
			return rule_fail(c, RULE_AT("%s/type", r->at), "unknown rlimit '%s'", r->type);
		if (seen & UINT64_C(1) << row->value)
			return rule_fail(c, RULE_AT("%s/type", r->at), "rlimit '%s' is set twice", r->type);
		seen |= UINT64_C(1) << row->value;
	}
	return 0;
}

static int check_rlimit_order(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->process.n_rlimits; i++) {
		const struct spec_rlimit *r = &c->s->process.rlimits[i];
		if (r->soft > r->hard)
			return rule_fail(c, RULE_AT("%s/soft", r->at),
					 "the soft limit %" PRIu64 " is above the hard limit %" PRIu64, r->soft,
					 r->hard);
	}
	return 0;
}

static int check_scheduler_names(const struct rule_ctx *c)
{
	const struct spec_scheduler *s = &c->s->process.scheduler;

	if (!s->set)
		return 0;
	if (RULE_KNOWN(c, names_sched_policy, s->policy, "scheduler policy",
		       RULE_AT("%s/scheduler/policy", c->base)) < 0)
		return -1;
	for (size_t i = 0; i < s->flags.n; i++)
		if (RULE_KNOWN(c, names_sched_flag, s->flags.v[i], "scheduler flag",
			       RULE_AT("%s/scheduler/flags/%zu", c->base, i)) < 0)
			return -1;
	return 0;
}

static bool policy_is(const struct spec_scheduler *s, const char *a, const char *b)
{
	return !strcmp(s->policy, a) || !strcmp(s->policy, b);
}

static int check_scheduler_priority(const struct rule_ctx *c)
{
	const struct spec_scheduler *s = &c->s->process.scheduler;

	if (!s->set)
		return 0;
	bool fixed = policy_is(s, "SCHED_FIFO", "SCHED_RR");
	if (fixed && (s->priority < 1 || s->priority > 99))
		return rule_fail(c, RULE_AT("%s/scheduler/priority", c->base), "must be 1 to 99 for %s, not %d",
				 s->policy, s->priority);
	if (!fixed && s->priority != 0)
		return rule_fail(c, RULE_AT("%s/scheduler/priority", c->base), "is only for SCHED_FIFO and SCHED_RR");
	if (policy_is(s, "SCHED_OTHER", "SCHED_BATCH") && (s->nice < -20 || s->nice > 19))
		return rule_fail(c, RULE_AT("%s/scheduler/nice", c->base), "must be -20 to 19, not %d", s->nice);
	return 0;
}

static int check_scheduler_deadline(const struct rule_ctx *c)
{
	const struct spec_scheduler *s = &c->s->process.scheduler;

	if (!s->set)
		return 0;
	const char *at = RULE_AT("%s/scheduler", c->base);
	if (strcmp(s->policy, "SCHED_DEADLINE") != 0) {
		if (s->runtime || s->deadline || s->period)
			return rule_fail(c, at, "runtime, deadline and period are only for SCHED_DEADLINE");
		return 0;
	}
	uint64_t period = s->period ? s->period : s->deadline;
	if (s->runtime == 0 || s->runtime > s->deadline || s->deadline > period)
		return rule_fail(c, at, "SCHED_DEADLINE needs 0 < runtime <= deadline <= period");
	return 0;
}

static int check_io_class(const struct rule_ctx *c)
{
	if (!c->s->process.io_priority.set)
		return 0;
	return RULE_KNOWN(c, names_ioprio_class, c->s->process.io_priority.class_name, "I/O priority class",
			  RULE_AT("%s/ioPriority/class", c->base));
}

static int check_affinity(const struct rule_ctx *c)
{
	const struct {
		const char *list, *name;
	} lists[] = {
		{ c->s->process.exec_cpu_affinity.initial, "initial" },
		{ c->s->process.exec_cpu_affinity.final, "final" },
	};

	uint64_t cpus[NAMES_MAX_CPUS / 64];

	for (size_t i = 0; i < 2; i++)
		if (lists[i].list && *lists[i].list && ps_parse_bits(lists[i].list, cpus, NAMES_MAX_CPUS) < 0)
			return rule_fail(c, RULE_AT("%s/execCPUAffinity/%s", c->base, lists[i].name),
					 "must be a list of CPUs such as '0-3,7', not '%s'", lists[i].list);
	return 0;
}

static const struct rule process_rules[] = {
	{ "args name a program", check_args },
	{ "cwd is absolute", check_cwd },
	{ "env entries are NAME=VALUE", check_env },
	{ "rlimits are known and unique", check_rlimit_types },
	{ "soft limits do not exceed hard limits", check_rlimit_order },
	{ "scheduler policy and flags are known", check_scheduler_names },
	{ "scheduler priority and nice fit the policy", check_scheduler_priority },
	{ "scheduler deadline parameters fit the policy", check_scheduler_deadline },
	{ "I/O priority class is known", check_io_class },
	{ "CPU affinity is a list of CPUs", check_affinity },
};
const struct rules rules_process = RULES(process_rules);
