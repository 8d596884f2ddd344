/* SPDX-License-Identifier: Apache-2.0
 * plan_mounts.c - mount rows, masks, read-only paths and kernel parameters.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

/* Files below /proc that lxcfs and CRIU replace; anything else there could fake what the kernel says. */
static const char *const bindable_proc_files[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat",
	"/proc/swaps", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/ns_last_pid", "/proc/uptime",
};

static int check_proc(struct builder *b, const struct policy_mount *m)
{
	if (strncmp(m->target, "/proc", 5) != 0 || (m->target[5] && m->target[5] != '/') || m->remount)
		return 0;
	if (!m->target[5]) {
		bool procfs = m->bind ? strcmp(m->source, "/proc") == 0 : strcmp(m->fstype, "proc") == 0;

		return procfs ? 0 : build_fail(b, PS_E_CONFIG, m->from,
					       "only a proc file system can be mounted at '/proc'");
	}
	for (size_t i = 0; i < PS_COUNT(bindable_proc_files); i++)
		if (m->bind && strcmp(m->target, bindable_proc_files[i]) == 0)
			return 0;
	return build_fail(b, PS_E_CONFIG, m->from, "'%s' cannot be mounted because it is inside /proc", m->target);
}

/* "a,b=c" to the list of "a" and "b=c". */
static struct plan_list options(struct builder *b, const char *data)
{
	struct plan_list l = { 0, 0 };
	size_t n = *data ? 1 : 0;

	for (const char *c = data; *c; c++)
		n += *c == ',';
	l = build_reserve(b, n, sizeof(plan_off));
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(data, ",");
		plan_off text = build_fmt(b, "%.*s", (int)len, data);

		build_set(b, l, i, &text, sizeof(text));
		data += len + (data[len] == ',');
	}
	return l;
}

static uint32_t bind_source(struct builder *b, const struct policy_mount *m, const struct plan_mount *row, size_t index)
{
	struct plan_fd fd = { .kind = PLAN_FD_BIND, .flags = m->recursive ? PLAN_FD_RECURSIVE : 0, .path = row->source,
			      .from = row->from, .mount = (uint32_t)index };

	return build_fd(b, &fd);
}

static int cgroup_source(struct builder *b, unsigned hierarchy, plan_off from, size_t index, uint32_t *ret)
{
	struct plan_fd fd = { .kind = PLAN_FD_CGROUP_MNT, .flags = PLAN_FD_RECURSIVE, .from = from,
			      .mount = (uint32_t)index };
	char dir[PATH_MAX];

	if (build_cgroup_dir(b, hierarchy, dir) < 0)
		return -1;
	fd.path = build_str(b, dir);
	*ret = build_fd(b, &fd);
	return 0;
}

/* Type "cgroup": the container's own part of what the host has, in a cgroup namespace or bound without one. */
static int cgroup_mount(struct builder *b, const struct policy_mount *m, struct plan_mount *row, size_t index)
{
	if (b->h->cgroup_mode == HOST_CGROUP_NONE)
		return build_fail(b, PS_E_UNSUPP, m->from, "the host has no cgroup file system to mount at '%s'", m->target);
	row->kind = b->h->cgroup_mode == HOST_CGROUP_V2 ? PLAN_MOUNT_CGROUP2 : PLAN_MOUNT_CGROUP1;
	/* The super block is the host's. */
	row->sb_flags = 0;
	if (build_has_ns(b, CLONE_NEWCGROUP))
		return 0;
	if (row->kind == PLAN_MOUNT_CGROUP2)
		return cgroup_source(b, 0, row->from, index, &row->fd);
	for (unsigned i = 0; i < b->n_cgroups; i++)
		if (b->cgroups[i].fd == PLAN_NO_FD && cgroup_source(b, i, row->from, index, &b->cgroups[i].fd) < 0)
			return -1;
	return 0;
}

/* It is in the store as a whole. */
static bool keeps_copy(const struct policy_mount *m)
{
	return m->store_name && m->stored != POLICY_STORED_OVER;
}

static int one_mount(struct builder *b, const struct policy_mount *m, size_t index, struct plan_mount *row)
{
	if (check_proc(b, m) < 0)
		return -1;
	*row = (struct plan_mount){
		.kind = keeps_copy(m) ? PLAN_MOUNT_STORE : m->remount ? PLAN_MOUNT_REMOUNT : m->bind ? PLAN_MOUNT_BIND : PLAN_MOUNT_FS,
		.flags = (m->tmpcopyup ? PLAN_MOUNT_TMPCOPYUP : 0U) | (m->idmap ? PLAN_MOUNT_IDMAP : 0U) |
			 (m->idmap_recursive ? PLAN_MOUNT_IDMAP_REC : 0U) |
			 (m->bind && m->copy_symlink ? PLAN_MOUNT_COPY_SYMLINK : 0U),
		.from = build_str(b, m->from), .target = build_str(b, m->target),
		.fstype = *m->fstype ? build_str(b, m->fstype) : 0, .source = *m->source ? build_str(b, m->source) : 0,
		.sb_flags = m->sb_flags, .attr_set = m->attr_set, .attr_clr = m->attr_clr, .rec_set = m->rec_set,
		.rec_clr = m->rec_clr, .propagation = m->propagation, .fd = PLAN_NO_FD,
		.label = build_str(b, m->label),
		.store = m->store_name ? build_str(b, m->store_name) : 0,
	};
	row->options = options(b, m->data);
	row->uid_map = build_id_maps(b, &m->uid_maps);
	row->gid_map = build_id_maps(b, &m->gid_maps);
	if (row->kind == PLAN_MOUNT_BIND) {
		row->flags |= m->exact ? PLAN_MOUNT_EXACT : 0U;
		if (m->inside) {
			row->flags |= PLAN_MOUNT_INSIDE | (m->recursive ? PLAN_MOUNT_INSIDE_REC : 0U);
			row->source = build_str(b, m->inside);
		} else {
			row->fd = bind_source(b, m, row, index);
		}
	}
	else if (row->kind == PLAN_MOUNT_FS && strcmp(m->fstype, "cgroup") == 0)
		return cgroup_mount(b, m, row, index);
	return 0;
}

static struct plan_list paths(struct builder *b, const struct policy_path *p, size_t n)
{
	struct plan_list l = build_reserve(b, n, sizeof(struct plan_path));

	for (size_t i = 0; i < n; i++) {
		struct plan_path row = { .from = build_str(b, p[i].from), .path = build_str(b, p[i].path),
					 .flags = p[i].denied ? PLAN_DENIED : 0U, .object = p[i].object };

		build_set(b, l, i, &row, sizeof(row));
	}
	return l;
}

/* What covers masked files; the host's own node, so that nothing in the rootfs can stand in for it. */
static uint32_t null_device(struct builder *b)
{
	struct plan_fd fd = { .kind = PLAN_FD_DEVICE, .type = S_IFCHR, .major = 1, .minor = 3, .mount = PLAN_NO_FD };

	fd.path = build_str(b, "/dev/null");
	fd.from = build_str(b, b->p->masked[0].from);
	return build_fd(b, &fd);
}

/* The kernel sets it for the writer's pid namespace (6.3): init's, unless the container made none, and then the host's. */
static int check_sysctl(const struct builder *b, const struct spec_kv *kv)
{
	if (strcmp(kv->key, "vm/memfd_noexec") != 0 || policy_ns_get(b->p, CLONE_NEWPID)->mode == POLICY_NS_NEW)
		return 0;
	return build_fail(b, PS_E_UNSUPP, kv->at, "sysctl '%s' takes a pid namespace of the container's own", kv->key);
}

int build_mounts(struct builder *b)
{
	const struct policy *p = b->p;
	struct plan *plan = &b->plan;
	struct plan_mount row;

	plan->mount_context = p->mount_label ? build_str(b, p->mount_context) : 0;
	plan->mounts = build_reserve(b, p->n_mounts, sizeof(row));
	for (size_t i = 0; i < p->n_mounts; i++) {
		if (one_mount(b, &p->mounts[i], i, &row) < 0)
			return -1;
		build_set(b, plan->mounts, i, &row, sizeof(row));
	}
	plan->masked = paths(b, p->masked, p->n_masked);
	plan->readonly = paths(b, p->readonly, p->n_readonly);
	if (p->n_masked)
		plan->null_fd = null_device(b);
	plan->sysctl = build_reserve(b, p->n_sysctl, sizeof(struct plan_sysctl));
	for (size_t i = 0; i < p->n_sysctl; i++) {
		const struct spec_kv *kv = &p->sysctl[i];
		struct plan_sysctl s = { build_str(b, kv->at), build_str(b, kv->key), build_str(b, kv->value) };

		if (check_sysctl(b, kv) < 0)
			return -1;
		build_set(b, plan->sysctl, i, &s, sizeof(s));
	}
	return 0;
}
