/* SPDX-License-Identifier: Apache-2.0
 * plan_compile.c - policy and host facts to plan: the order of the parts, namespaces, host objects and hooks.
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/abi.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

static int check_mount_namespace(struct builder *b)
{
	const struct policy_ns *mnt = policy_ns_get(b->p, CLONE_NEWNS);

	if (mnt->mode == POLICY_NS_HOST)
		return build_fail_at(b, PS_E_UNSUPP, "/linux/namespaces",
				     "a container without a mount namespace of its own is not supported: its mounts would be the host's, and chroot(2) "
				     "alone holds no privileged process; add {\"type\": \"mount\"}");
	if (mnt->mode == POLICY_NS_JOIN)
		return build_fail(b, PS_E_UNSUPP, mnt->from, "joining an existing mount namespace is not supported");
	return 0;
}

static void build_stands(struct builder *b)
{
	b->plan.stands = build_reserve(b, b->p->n_stands, sizeof(struct plan_stand));
	for (size_t i = 0; i < b->p->n_stands; i++) {
		const struct policy_stand *s = &b->p->stands[i];
		const struct plan_stand row = { .from = build_str(b, s->from), .address = build_str(b, s->address), .port = s->port };

		build_set(b, b->plan.stands, i, &row, sizeof(row));
	}
}

static int build_net_devices(struct builder *b)
{
	const struct policy *p = b->p;

	if (p->n_net_devices && (b->h->euid || b->h->in_user_ns))
		return build_fail_at(b, PS_E_UNSUPP, "/linux/netDevices",
				     "network devices cannot be moved without privileges: they belong to the host's root");
	b->plan.net_devices = build_reserve(b, p->n_net_devices, sizeof(struct plan_net_device));
	for (size_t i = 0; i < p->n_net_devices; i++) {
		const struct policy_net_device *d = &p->net_devices[i];
		const struct plan_net_device row = { build_str(b, d->from), build_str(b, d->host_name), build_str(b, d->name) };

		build_set(b, b->plan.net_devices, i, &row, sizeof(row));
	}
	return 0;
}

static void time_offsets(struct builder *b)
{
	const struct policy *p = b->p;
	struct plan_time_offset rows[2];
	size_t n = 0;

	if (!(b->plan.ns_new & CLONE_NEWTIME))
		return;
	if (p->monotonic.set)
		rows[n++] = (struct plan_time_offset){
			.clock = CLOCK_MONOTONIC, .nanosecs = p->monotonic.nanosecs, .secs = p->monotonic.secs,
			.from = build_fmt(b, "%s#/linux/timeOffsets/monotonic", p->file),
		};
	if (p->boottime.set)
		rows[n++] = (struct plan_time_offset){
			.clock = CLOCK_BOOTTIME, .nanosecs = p->boottime.nanosecs, .secs = p->boottime.secs,
			.from = build_fmt(b, "%s#/linux/timeOffsets/boottime", p->file),
		};
	b->plan.time_offsets = build_copy(b, rows, n, sizeof(rows[0]));
}

int build_namespaces(struct builder *b)
{
	bool user = build_has_ns(b, CLONE_NEWUSER);

	if (check_mount_namespace(b) < 0)
		return -1;
	for (size_t i = 0; i < POLICY_N_NS; i++) {
		const struct policy_ns *ns = &b->p->ns[i];
		plan_off path = ns->mode == POLICY_NS_JOIN ? build_str(b, ns->path) : 0;
		struct plan_fd fd = { .kind = PLAN_FD_NS, .path = path, .flag = ns->flag, .mount = PLAN_NO_FD };
		struct plan_ns_join join = { .flag = ns->flag, .path = path };

		if (ns->mode == POLICY_NS_NEW)
			b->plan.ns_new |= ns->flag;
		if (ns->mode != POLICY_NS_JOIN)
			continue;
		fd.from = join.from = build_str(b, ns->from);
		join.fd = build_fd(b, &fd);
		build_push(&b->ns_joins, &join, sizeof(join));
	}
	if (b->plan.ns_new & CLONE_NEWUSER) {
		b->plan.uid_map = build_id_maps(b, &b->p->uid_maps);
		b->plan.gid_map = build_id_maps(b, &b->p->gid_maps);
	}
	time_offsets(b);
	/* A user namespace is entered last of all, from a mount namespace of the host's: see staging.h and kernel rule 6. */
	b->plan.bridge_early = user;
	b->plan.bridge_late = policy_ns_get(b->p, CLONE_NEWPID)->mode == POLICY_NS_JOIN;
	b->plan.lo_up = (b->plan.ns_new & CLONE_NEWNET) != 0;
	b->plan.resolver = b->p->resolver;
	b->plan.uplink = b->p->uplink;
	build_stands(b);
	if (build_net_devices(b) < 0)
		return -1;
	b->plan.has_mount_ns = 1;
	/* Elsewhere pid 1 is somebody else. */
	b->plan.reaper = b->p->reaper && (b->plan.ns_new & CLONE_NEWPID);
	b->plan.new_keyring = !b->r->no_new_keyring;
	b->plan.hostname = build_str(b, b->p->hostname);
	b->plan.domainname = build_str(b, b->p->domainname);
	return 0;
}

static uint32_t build_store(struct builder *b)
{
	const struct plan_fd fd = { .kind = PLAN_FD_STORE, .path = build_str(b, b->p->store.path), .mount = PLAN_NO_FD,
				    .from = build_str(b, "permissions") };

	return build_fd(b, &fd);
}

static int build_rootfs(struct builder *b)
{
	struct plan_fd fd = { .kind = PLAN_FD_ROOTFS, .flags = PLAN_FD_RECURSIVE, .mount = PLAN_NO_FD };

	if (b->r->no_pivot && b->p->rootfs.propagation & MS_PRIVATE)
		return build_fail_at(b, PS_E_CONFIG, "/linux/rootfsPropagation",
				     "[r]private is not safe without pivot_root");
	fd.path = build_str(b, b->p->rootfs.path);
	fd.from = build_str(b, b->p->rootfs.from);
	b->plan.rootfs = fd.path;
	b->plan.rootfs_fd = build_fd(b, &fd);
	b->plan.rootfs_readonly = b->p->rootfs.readonly;
	b->plan.rootfs_store = b->p->rootfs.store_name ? build_str(b, b->p->rootfs.store_name) : 0;
	if (b->p->store.path || b->p->store.size)
		b->plan.store_fd = build_store(b);
	b->plan.rootfs_propagation = b->p->rootfs.propagation;
	b->plan.no_pivot = b->r->no_pivot;
	return 0;
}

/* In a user namespace nobody can make a node that opens (mknod(2) is EPERM): the host's own is bound instead. */
static uint32_t device_fd(struct builder *b, const struct policy_device *d, plan_off path, plan_off from)
{
	struct plan_fd fd = { .kind = PLAN_FD_DEVICE, .path = path, .from = from, .type = d->type, .major = d->major,
			      .minor = d->minor, .mount = PLAN_NO_FD };

	if (d->type == S_IFIFO || (!build_has_ns(b, CLONE_NEWUSER) && !b->h->in_user_ns))
		return PLAN_NO_FD;
	return build_fd(b, &fd);
}

int build_devices(struct builder *b)
{
	const struct policy *p = b->p;

	b->plan.devices = build_reserve(b, p->n_devices, sizeof(struct plan_device));
	for (size_t i = 0; i < p->n_devices; i++) {
		const struct policy_device *d = &p->devices[i];
		struct plan_device row = { .from = build_str(b, d->from), .path = build_str(b, d->path),
					   .type = d->type, .major = d->major, .minor = d->minor, .mode = d->mode,
					   .uid = d->uid, .gid = d->gid };

		row.fd = device_fd(b, d, row.path, row.from);
		build_set(b, b->plan.devices, i, &row, sizeof(row));
	}
	b->plan.links = build_reserve(b, p->n_links, sizeof(struct plan_link));
	for (size_t i = 0; i < p->n_links; i++) {
		const struct policy_link *l = &p->links[i];
		struct plan_link row = { build_str(b, l->from), build_str(b, l->path), build_str(b, l->target) };

		build_set(b, b->plan.links, i, &row, sizeof(row));
	}
	return 0;
}

static struct plan_list hooks(struct builder *b, const struct policy_hooks *h)
{
	struct plan_list l = build_reserve(b, h->n, sizeof(struct plan_hook));

	for (size_t i = 0; i < h->n; i++) {
		struct plan_hook row = { .from = build_str(b, h->v[i].from), .path = build_str(b, h->v[i].path),
					 .args = build_strs(b, &h->v[i].args), .env = build_strs(b, &h->v[i].env),
					 .has_env = h->v[i].has_env, .timeout_s = h->v[i].timeout };

		build_set(b, l, i, &row, sizeof(row));
	}
	return l;
}

void build_hook_head(struct builder *b, const char *id)
{
	b->plan.hook_state_head = build_fmt(b, "{\"ociVersion\":\"1.3.0\",\"id\":\"%s\",\"status\":\"", id);
}

/* The state document without what is only known when a hook runs: see plan.h. */
void build_hook_state(struct builder *b)
{
	ps_auto_buf struct ps_buf tail = { .data = NULL };
	struct ps_jsonw w = { .out = &tail };

	if (b->plan.hook_state_head)
		return;
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "bundle", b->p->bundle);
	if (b->p->annotations.n) {
		ps_jw_object(&w, "annotations");
		for (size_t i = 0; i < b->p->annotations.n; i++)
			ps_jw_str(&w, b->p->annotations.v[i].key, b->p->annotations.v[i].value);
		ps_jw_end_object(&w);
	}
	ps_jw_end_object(&w);
	if (tail.failed) {
		b->out->failed = true;
		return;
	}
	tail.data[0] = ',';
	build_hook_head(b, b->r->id);
	b->plan.hook_state_tail = build_str(b, tail.data);
}

static uint32_t hook_output(struct builder *b, const struct policy_output *o)
{
	const struct plan_fd fd = { .kind = PLAN_FD_OUTPUT, .path = build_str(b, o->path), .mount = PLAN_NO_FD,
				    .from = build_str(b, o->from) };

	return o->from ? build_fd(b, &fd) : PLAN_NO_FD;
}

int build_hooks(struct builder *b)
{
	const __typeof__(b->p->hooks) *h = &b->p->hooks;

	b->plan.prestart = hooks(b, &h->prestart);
	b->plan.create_runtime = hooks(b, &h->create_runtime);
	b->plan.create_container = hooks(b, &h->create_container);
	b->plan.start_container = hooks(b, &h->start_container);
	b->plan.poststart = hooks(b, &h->poststart);
	b->plan.poststop = hooks(b, &h->poststop);
	if (!(h->prestart.n + h->create_runtime.n + h->create_container.n + h->start_container.n + h->poststart.n +
	      h->poststop.n))
		return 0;
	build_hook_state(b);
	b->plan.hook_stdout = hook_output(b, &b->p->hook_stdout);
	b->plan.hook_stderr = hook_output(b, &b->p->hook_stderr);
	return 0;
}

static int play(struct builder *b, int (*const *parts)(struct builder *), size_t n)
{
	b->plan.file = build_str(b, b->p->file);
	b->plan.id = build_str(b, b->r->id);
	b->plan.bundle = build_str(b, b->p->bundle);
	b->plan.preserve_fds = b->r->preserve_fds;
	b->plan.channel_fd = b->r->channel_fd;
	for (size_t i = 0; i < n; i++)
		if (parts[i](b) < 0)
			return -1;
	return build_finish(b);
}

int plan_compile(const struct policy *p, const struct host *h, const struct plan_request *r, struct ps_buf *out,
		 struct ps_err *e)
{
	static int (*const parts[])(struct builder *) = {
		build_rootfs, build_namespaces, build_unit, build_cgroups, build_cgroup_limits, build_device_rules, build_unit_properties,
		build_mounts, build_devices, build_rebinds, build_process, build_seccomp, build_confinement, build_hooks, build_schedule,
	};
	ps_auto(build_done) struct builder b;

	build_init(&b, p, h, r, out, e);
	return play(&b, parts, PS_COUNT(parts));
}

/* The namespaces to enter, all of them through the pidfd that the launcher puts into fds[0]. */
static int build_enter(struct builder *b, uint64_t enter)
{
	const struct plan_fd fd = { .kind = PLAN_FD_NS, .flag = enter, .mount = PLAN_NO_FD };
	struct plan_ns_join join = { .flag = enter };

	if (!enter)
		return 0;
	join.fd = build_fd(b, &fd);
	build_push(&b->ns_joins, &join, sizeof(join));
	b->plan.bridge_early = (enter & CLONE_NEWUSER) != 0;
	b->plan.bridge_late = (enter & CLONE_NEWPID) != 0;
	b->plan.has_mount_ns = (enter & CLONE_NEWNS) != 0;
	b->plan.new_keyring = !b->r->no_new_keyring;
	return 0;
}

int plan_compile_exec(const struct policy *p, const struct host *h, const struct plan_request *r, uint64_t enter,
		      struct ps_buf *out, struct ps_err *e)
{
	static int (*const parts[])(struct builder *) = { build_cgroups, build_attach, build_process, build_seccomp, build_confinement, build_schedule };
	ps_auto(build_done) struct builder b;

	build_init(&b, p, h, r, out, e);
	if (build_enter(&b, enter) < 0)
		return -1;
	return play(&b, parts, PS_COUNT(parts));
}

int plan_compile_update(const struct policy *p, const struct host *h, const struct plan_request *r, const char *const *dirs,
			unsigned n_dirs, struct ps_buf *out, struct ps_err *e)
{
	static int (*const parts[])(struct builder *) = { build_cgroup_limits, build_device_update, build_unit_update };
	ps_auto(build_done) struct builder b;

	build_init(&b, p, h, r, out, e);
	return build_cgroups_at(&b, dirs, n_dirs) < 0 ? -1 : play(&b, parts, PS_COUNT(parts));
}
