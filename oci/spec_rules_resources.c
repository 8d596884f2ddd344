/* SPDX-License-Identifier: Apache-2.0
 * spec_rules_resources.c - the rules about linux.resources.
 */
#include <inttypes.h>
#include <string.h>

#include "base/scope.h"
#include "oci/spec_rules.h"

static int check_device_rules(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.resources.n_devices; i++) {
		const struct spec_device_rule *d = &c->s->linux_.resources.devices[i];
		if (d->type && strcmp(d->type, "a") != 0 && strcmp(d->type, "b") != 0 && strcmp(d->type, "c") != 0)
			return rule_fail(c, RULE_AT("%s/type", d->at), "must be 'a', 'b' or 'c', not '%s'", d->type);
		if (d->access && (!*d->access || d->access[strspn(d->access, "rwm")]))
			return rule_fail(c, RULE_AT("%s/access", d->at), "must be some of 'rwm', not '%s'", d->access);
	}
	return 0;
}

static int check_swap(const struct rule_ctx *c)
{
	const struct opt_i64 *limit = &c->s->linux_.resources.memory.limit, *swap = &c->s->linux_.resources.memory.swap;

	if (limit->set && swap->set && swap->v > 0 && swap->v < limit->v)
		return rule_fail(c, RULE_AT("%s/memory/swap", c->base),
				 "memory and swap together, %" PRId64 ", are below the memory limit %" PRId64, swap->v,
				 limit->v);
	return 0;
}

static int check_swap_limit(const struct rule_ctx *c)
{
	const struct opt_i64 *limit = &c->s->linux_.resources.memory.limit, *swap = &c->s->linux_.resources.memory.swap;

	if (swap->set && swap->v > 0 && (!limit->set || limit->v <= 0))
		return rule_fail(c, RULE_AT("%s/memory/swap", c->base),
				 "unable to set swap limit without memory limit");
	return 0;
}

static int check_burst(const struct rule_ctx *c)
{
	const struct opt_i64 *quota = &c->s->linux_.resources.cpu.quota;
	const struct opt_u64 *burst = &c->s->linux_.resources.cpu.burst;

	if (burst->set && quota->set && quota->v > 0 && burst->v > (uint64_t)quota->v)
		return rule_fail(c, RULE_AT("%s/cpu/burst", c->base),
				 "the burst %" PRIu64 " is above the quota %" PRId64, burst->v, quota->v);
	return 0;
}

/* "64KB", "2MB", "1GB". */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && *s != '0' && s[n] && strchr("KMG", s[n]) && !strcmp(s + n + 1, "B");
}

static int check_hugepages(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.resources.n_hugepages; i++) {
		const struct spec_hugepage *h = &c->s->linux_.resources.hugepages[i];
		if (!is_page_size(h->page_size))
			return rule_fail(c, RULE_AT("%s/pageSize", h->at), "must be a size such as '2MB', not '%s'",
					 h->page_size);
	}
	return 0;
}

/* 0 is what callers write for none. */
static int check_weight(const struct rule_ctx *c, const struct opt_u32 *weight, const char *at)
{
	if (weight->set && weight->v && (weight->v < 10 || weight->v > 1000))
		return rule_fail(c, at, "must be from 10 to 1000, not %" PRIu32, weight->v);
	return 0;
}

static int check_weights(const struct rule_ctx *c)
{
	const struct spec_block_io *io = &c->s->linux_.resources.block_io;

	if (check_weight(c, &io->weight, RULE_AT("%s/blockIO/weight", c->base)) < 0 ||
	    check_weight(c, &io->leaf_weight, RULE_AT("%s/blockIO/leafWeight", c->base)) < 0)
		return -1;
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct spec_weight_device *w = &io->weight_devices[i];
		if (check_weight(c, &w->weight, RULE_AT("%s/blockIO/weightDevice/%zu/weight", c->base, i)) < 0 ||
		    check_weight(c, &w->leaf_weight, RULE_AT("%s/blockIO/weightDevice/%zu/leafWeight", c->base, i)) < 0)
			return -1;
	}
	return 0;
}

static int check_weight_devices(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.resources.block_io.n_weight_devices; i++) {
		const struct spec_weight_device *w = &c->s->linux_.resources.block_io.weight_devices[i];
		if (!w->weight.set && !w->leaf_weight.set)
			return rule_fail(c, RULE_AT("%s/blockIO/weightDevice/%zu", c->base, i),
					 "needs weight or leafWeight");
	}
	return 0;
}

/* The kernel reads "NAME NUMBER" lines. */
static bool is_one_word(const char *s)
{
	return *s && !s[strcspn(s, " \t\r\n\v\f")];
}

static int check_net_priorities(const struct rule_ctx *c)
{
	enum { INTERFACE_MAX = 15 }; /* IFNAMSIZ - 1 */

	for (size_t i = 0; i < c->s->linux_.resources.network.n_priorities; i++) {
		const struct spec_net_prio *p = &c->s->linux_.resources.network.priorities[i];
		if (!is_one_word(p->name) || strchr(p->name, '/') || strlen(p->name) > INTERFACE_MAX)
			return rule_fail(c, RULE_AT("%s/name", p->at), "'%s' is not the name of a network interface", p->name);
	}
	return 0;
}

static int check_rdma(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.resources.n_rdma; i++) {
		const struct spec_rdma *r = &c->s->linux_.resources.rdma[i];
		if (!r->hca_handles.set && !r->hca_objects.set)
			return rule_fail(c, r->at, "needs hcaHandles or hcaObjects");
		if (!is_one_word(r->device))
			return rule_fail(c, r->at, "'%s' is not the name of an RDMA device", r->device);
	}
	return 0;
}

static int check_unified(const struct rule_ctx *c)
{
	/* They take pids of the host, end or stop what is in the cgroup, or decide who may be in it: no resources. */
	static const char *const of_processes[] = { "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze",
						    "cgroup.type", "cgroup.subtree_control" };

	for (size_t i = 0; i < c->s->linux_.resources.unified.n; i++) {
		const struct spec_kv *kv = &c->s->linux_.resources.unified.v[i];
		for (size_t j = 0; j < PS_COUNT(of_processes); j++)
			if (!strcmp(kv->key, of_processes[j]))
				return rule_fail(c, kv->at, "'%s' is about processes, not resources", kv->key);
		if (strchr(kv->key, '/') || !strcmp(kv->key, ".") || !strcmp(kv->key, ".."))
			return rule_fail(c, kv->at, "'%s' is not the name of a cgroup file", kv->key);
	}
	return 0;
}

static const struct rule resources_rules[] = {
	{ "device rules have a known type and access", check_device_rules },
	{ "swap is not below the memory limit", check_swap },
	{ "cpu burst is not above the quota", check_burst },
	{ "huge page sizes are sizes", check_hugepages },
	{ "weight devices have a weight", check_weight_devices },
	{ "block I/O weights are from 10 to 1000", check_weights },
	{ "network priorities are about interfaces", check_net_priorities },
	{ "rdma devices have a limit", check_rdma },
	{ "unified keys are file names", check_unified },
};
const struct rules rules_resources = RULES(resources_rules);

static const struct rule resources_whole_rules[] = {
	{ "swap needs a memory limit", check_swap_limit },
};
const struct rules rules_resources_whole = RULES(resources_whole_rules);
