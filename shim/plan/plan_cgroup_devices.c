/* SPDX-License-Identifier: Apache-2.0
 * plan_cgroup_devices.c - device rules: control file lines for cgroup version 1, rows for the version 2 program.
 *
 * The policy's first rule is about everything; the later ones are exceptions to it and exceptions to those.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/plan/builder.h"

static bool is_default(const struct policy_device_rule *r)
{
	return strncmp(r->from, "default#", strlen("default#")) == 0;
}

static bool everything_allowed(const struct policy_resources *r)
{
	for (size_t i = 0; i < r->n_device_rules; i++)
		if (!r->device_rules[i].allow)
			return false;
	return true;
}

static bool any_asked(const struct policy_resources *r)
{
	for (size_t i = 0; i < r->n_device_rules; i++)
		if (!is_default(&r->device_rules[i]))
			return true;
	return false;
}

static bool overlap(int64_t a, int64_t b)
{
	return a < 0 || b < 0 || a == b;
}

/* Version 1 takes an exception back only by its exact numbers and ignores every other attempt. */
static int check_v1_rule(struct builder *b, size_t index)
{
	const struct policy_device_rule *rules = b->p->resources.device_rules, *r = &rules[index];

	if (r->allow != rules[0].allow || is_default(r))
		return 0;
	for (size_t i = 1; i < index; i++) {
		const struct policy_device_rule *x = &rules[i];

		if (x->allow == r->allow || x->type != r->type || !(x->access & r->access) ||
		    !overlap(x->major, r->major) || !overlap(x->minor, r->minor) ||
		    (x->major == r->major && x->minor == r->minor))
			continue;
		return build_fail(b, PS_E_UNSUPP, r->from,
				  "cgroup version 1 cannot take a part out of an earlier device rule (%s)", x->from);
	}
	return 0;
}

static void put_number(char out[24], int64_t n)
{
	(void)snprintf(out, 24, n < 0 ? "*" : "%lld", (long long)n);
}

static void put_v1_rule(struct builder *b, uint32_t cgroup, const struct policy_device_rule *r)
{
	static const struct { uint32_t bit; char letter; } letters[] = { { 2, 'r' }, { 4, 'w' }, { 1, 'm' } };
	struct plan_cgroup_file row = { .cgroup = cgroup, .from = build_str(b, r->from) };
	char major[24], minor[24], access[PS_COUNT(letters) + 1] = "";
	size_t n = 0;

	put_number(major, r->major);
	put_number(minor, r->minor);
	for (size_t i = 0; i < PS_COUNT(letters); i++)
		if (r->access & letters[i].bit)
			access[n++] = letters[i].letter;
	row.file = build_str(b, r->allow ? "devices.allow" : "devices.deny");
	row.value = build_fmt(b, "%c %s:%s %s", r->type, major, minor, access);
	build_push(&b->cgroup_files, &row, sizeof(row));
}

static void put_rules(struct builder *b, const struct policy_resources *r)
{
	b->plan.device_rules = build_reserve(b, r->n_device_rules, sizeof(struct plan_device_rule));
	for (size_t i = 0; i < r->n_device_rules; i++) {
		const struct policy_device_rule *d = &r->device_rules[i];
		struct plan_device_rule row = { .allow = d->allow, .type = d->type, .access = (uint16_t)d->access,
						.major = d->major, .minor = d->minor,
						.from = build_str(b, d->from) };

		build_set(b, b->plan.device_rules, i, &row, sizeof(row));
	}
}

static bool has_v2(const struct builder *b)
{
	for (unsigned i = 0; i < b->n_cgroups; i++)
		if (b->h->cgroups[i].version == 2)
			return true;
	return false;
}

int build_device_rules(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;
	bool all = everything_allowed(r);
	int devices = build_find_cgroup(b, "devices");

	/* The kernel takes device rules from nobody in a user namespace, where no node can be made either. */
	if (b->r->cgroup_manager == PLAN_CGROUP_DISABLED || b->h->euid != 0 || b->h->in_user_ns || !r->n_device_rules)
		return 0;
	if (devices < 0) {
		if (!all && has_v2(b))
			put_rules(b, r);
		else if (!all && any_asked(r))
			return build_fail_at(b, PS_E_UNSUPP, "/linux/resources/devices",
					     "the host has no cgroup hierarchy that can hold device rules");
		return 0;
	}
	for (size_t i = 0; i < (all ? 1 : r->n_device_rules); i++) {
		if (check_v1_rule(b, i) < 0)
			return -1;
		put_v1_rule(b, (uint32_t)devices, &r->device_rules[i]);
	}
	return 0;
}

int build_device_update(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;
	const int devices = build_find_cgroup(b, "devices");

	if (b->h->euid != 0 || b->h->in_user_ns || !r->n_device_rules)
		return 0;
	if (devices < 0 ? !has_v2(b) : !b->cgroups[devices].path)
		return build_fail_at(b, PS_E_UNSUPP, "/devices", "the container has no cgroup that can hold device rules");
	for (size_t i = 0; devices >= 0 && i < r->n_device_rules; i++)
		if (check_v1_rule(b, i) < 0)
			return -1;
	put_rules(b, r);
	return 0;
}
