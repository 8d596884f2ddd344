/* SPDX-License-Identifier: Apache-2.0
 * plan_cgroup_io.c - limits that name a device or a page size: block I/O, huge pages, network and RDMA.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/plan/limits.h"

/* What all limits of one controller share. */
struct target {
	struct builder *b;
	const char *controller;
	unsigned version;
};

/* The version of the hierarchy that has the controller, which version 1 and 2 may call differently. */
static struct target target_of(struct builder *b, const char *v1, const char *v2)
{
	const int old = build_find_cgroup(b, v1);

	return old >= 0 && b->h->cgroups[old].version == 1 ? (struct target){ b, v1, 1 } : (struct target){ b, v2, 2 };
}

/* One line of one file; NULL for a file that this version does not have. */
static int put(const struct target *t, const char *pointer, const char *file, uint32_t flags, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static int put(const struct target *t, const char *pointer, const char *file, uint32_t flags, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	const int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const struct limit l = { true, pointer, t->controller, file, 0, text, flags };

	if (n < 0 || (size_t)n >= sizeof(text))
		return build_fail_at(t->b, PS_E_CONFIG, pointer, "is too long");
	return build_limits(t->b, &l, 1, t->version);
}

/* ---- Block I/O ---- */

/* The scheduler's 10 ... 1000 to the 1 ... 10000 of io.weight, in a straight line. */
static uint32_t cost_weight(uint32_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

/* dev: "8:0 ", or "" for all.  Of the two schedulers that know weights one at most has its file. */
static int put_weight(const struct target *t, const char *pointer, const char *dev, uint32_t weight)
{
	if (t->version == 2)
		return put(t, pointer, "io.bfq.weight", PLAN_CGROUP_OR_NEXT, "%s%" PRIu32, dev, weight) < 0 ||
				       put(t, pointer, "io.weight", 0, "%s%" PRIu32, dev, cost_weight(weight)) < 0
			       ? -1 : 0;
	return put(t, pointer, *dev ? "blkio.weight_device" : "blkio.weight", PLAN_CGROUP_OR_NEXT, "%s%" PRIu32, dev, weight) < 0 ||
			       put(t, pointer, *dev ? "blkio.bfq.weight_device" : "blkio.bfq.weight", 0, "%s%" PRIu32, dev, weight) < 0
		       ? -1 : 0;
}

static int put_leaf_weight(const struct target *t, const char *pointer, const char *dev, uint32_t weight)
{
	const char *file = *dev ? "blkio.leaf_weight_device" : "blkio.leaf_weight";

	return put(t, pointer, t->version == 1 ? file : NULL, 0, "%s%" PRIu32, dev, weight);
}

static bool asked(const struct opt_u32 *weight)
{
	return weight->set && weight->v;
}

static int weights(const struct target *t, const struct spec_block_io *io)
{
	if ((asked(&io->weight) && put_weight(t, "/blockIO/weight", "", io->weight.v) < 0) ||
	    (asked(&io->leaf_weight) && put_leaf_weight(t, "/blockIO/leafWeight", "", io->leaf_weight.v) < 0))
		return -1;
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct spec_weight_device *w = &io->weight_devices[i];
		char pointer[64], dev[48];

		(void)snprintf(pointer, sizeof(pointer), "/blockIO/weightDevice/%zu", i);
		(void)snprintf(dev, sizeof(dev), "%" PRId64 ":%" PRId64 " ", w->major, w->minor);
		if ((asked(&w->weight) && put_weight(t, pointer, dev, w->weight.v) < 0) ||
		    (asked(&w->leaf_weight) && put_leaf_weight(t, pointer, dev, w->leaf_weight.v) < 0))
			return -1;
	}
	return 0;
}

static int put_throttle(const struct target *t, const char *pointer, const char *v1_file, const char *v2_key,
			const struct spec_throttle *s)
{
	if (t->version == 1)
		return put(t, pointer, v1_file, 0, "%" PRId64 ":%" PRId64 " %" PRIu64, s->major, s->minor, s->rate);
	/* Version 2 takes no 0, which is no throttle in version 1. */
	if (!s->rate)
		return put(t, pointer, "io.max", 0, "%" PRId64 ":%" PRId64 " %s=max", s->major, s->minor, v2_key);
	return put(t, pointer, "io.max", 0, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, s->major, s->minor, v2_key, s->rate);
}

static int throttles(const struct target *t, const struct spec_block_io *io)
{
	const struct { const struct spec_throttles *list; const char *name, *v1_file, *v2_key; } kinds[] = {
		{ &io->read_bps, "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps" },
		{ &io->write_bps, "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps" },
		{ &io->read_iops, "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops" },
		{ &io->write_iops, "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops" },
	};

	for (size_t k = 0; k < PS_COUNT(kinds); k++)
		for (size_t i = 0; i < kinds[k].list->n; i++) {
			char pointer[64];

			(void)snprintf(pointer, sizeof(pointer), "/blockIO/%s/%zu", kinds[k].name, i);
			if (put_throttle(t, pointer, kinds[k].v1_file, kinds[k].v2_key, &kinds[k].list->v[i]) < 0)
				return -1;
		}
	return 0;
}

int build_io_limits(struct builder *b)
{
	const struct target t = target_of(b, "blkio", "io");

	return weights(&t, &b->p->resources.block_io) < 0 ? -1 : throttles(&t, &b->p->resources.block_io);
}

/* ---- Huge pages, network, RDMA ---- */

static int hugepages(struct builder *b, const struct policy_resources *r)
{
	const struct target t = target_of(b, "hugetlb", "hugetlb");
	const char *end = t.version == 1 ? "limit_in_bytes" : "max";

	for (size_t i = 0; i < r->n_hugepages; i++) {
		const struct spec_hugepage *h = &r->hugepages[i];
		char pointer[64], file[96];

		(void)snprintf(pointer, sizeof(pointer), "/hugepageLimits/%zu", i);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.%s", h->page_size, end);
		if (put(&t, pointer, file, 0, "%" PRIu64, h->limit) < 0)
			return -1;
		/* Pages that are reserved and not used yet (5.7). */
		(void)snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", h->page_size, end);
		if (put(&t, pointer, file, PLAN_CGROUP_OPTIONAL, "%" PRIu64, h->limit) < 0)
			return -1;
	}
	return 0;
}

/* Version 1 alone has them. */
static int network(struct builder *b, const struct policy_resources *r)
{
	const struct target classes = { b, "net_cls", 1 }, priorities = { b, "net_prio", 1 };

	if (r->net_class.set && put(&classes, "/network/classID", "net_cls.classid", 0, "%" PRIu32, r->net_class.v) < 0)
		return -1;
	for (size_t i = 0; i < r->n_net_prios; i++) {
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/network/priorities/%zu", i);
		if (put(&priorities, pointer, "net_prio.ifpriomap", 0, "%s %" PRIu32, r->net_prios[i].name, r->net_prios[i].priority) < 0)
			return -1;
	}
	return 0;
}

static int rdma(struct builder *b, const struct policy_resources *r)
{
	const struct target t = target_of(b, "rdma", "rdma");

	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct spec_rdma *d = &r->rdma[i];
		char pointer[256], handles[32] = "", objects[32] = "";

		(void)snprintf(pointer, sizeof(pointer), "/rdma/%s", d->device);
		if (d->hca_handles.set)
			(void)snprintf(handles, sizeof(handles), " hca_handle=%" PRIu32, d->hca_handles.v);
		if (d->hca_objects.set)
			(void)snprintf(objects, sizeof(objects), " hca_object=%" PRIu32, d->hca_objects.v);
		if (put(&t, pointer, "rdma.max", 0, "%s%s%s", d->device, handles, objects) < 0)
			return -1;
	}
	return 0;
}

int build_device_limits(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;

	return hugepages(b, r) < 0 || network(b, r) < 0 || rdma(b, r) < 0 ? -1 : 0;
}
