/* SPDX-License-Identifier: Apache-2.0
 * query.c - state, list, pids, plan: looking without touching.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "shim/pod/container.h"
#include "oci/names.h"
#include "shim/pod/permits.h"
#include "shim/pod/undo.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/cgroup_usage.h"

int pod_state(const struct pod_env *env, const char *id, struct ps_buf *out, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	auto_bundle struct bundle b = { 0 };
	const struct spec_kvs *annotations = NULL;

	if (container_open(env, id, /* lock= */ false, &c, e) < 0)
		return -1;
	/* The frozen copy is there from the reservation on; while it is not, there is nothing to annotate. */
	if (c->st.status != STATE_CREATING) {
		if (state_get(&c->dir, "config.json", &b.text, e) < 0 ||
		    spec_parse(&b.arena, "config.json", b.text.data, b.text.len, &b.spec, e) < 0)
			return -1;
		annotations = &b.spec->annotations;
	}
	state_write_oci(out, 2, &c->st, c->status, c->status == STATE_STOPPED ? 0 : c->st.pid, annotations);
	return out->failed ? ps_fail(e, PS_E_OS, "out of memory") : 0;
}

struct listing {
	const struct pod_env *env;
	struct pod_item *items;
	size_t n, cap;
	struct ps_err *e;
};

static int add_item(struct listing *l, const char *root, const struct container *c)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 8;
		struct pod_item *items = realloc(l->items, cap * sizeof(*items));

		if (!items)
			return ps_fail_os(l->e, "memory for the list");
		l->items = items;
		l->cap = cap;
	}
	struct pod_item *it = &l->items[l->n++];

	memset(it, 0, sizeof(*it));
	(void)snprintf(it->id, sizeof(it->id), "%s", c->st.id);
	(void)snprintf(it->bundle, sizeof(it->bundle), "%s", c->st.bundle);
	(void)snprintf(it->rootfs, sizeof(it->rootfs), "%s", c->st.rootfs);
	(void)snprintf(it->created, sizeof(it->created), "%s", c->st.created);
	state_owner_name(&c->st, it->owner, sizeof(it->owner));
	(void)snprintf(it->root, sizeof(it->root), "%s", root);
	it->status = c->status;
	it->pid = c->status == STATE_STOPPED ? 0 : c->st.pid;
	it->cpu_ns = it->memory = it->memory_peak = it->pids = it->denied = it->tape_used = it->tape_room = -1;
	return 0;
}

static void add_usage(struct pod_item *it, const struct container *c)
{
	const struct cgroup_dirs cg = container_cgroups(&c->st);
	struct cgroup_usage u = CGROUP_USAGE_UNKNOWN;

	cgroup_usage_read(cg.v, cg.n, &u);
	it->cpu_ns = u.cpu_ns;
	it->memory = u.memory;
	it->memory_peak = u.memory_peak;
	it->pids = u.pids;
}

/* The total in an audit record, whose last member it is: quotes in what a payload chose are escaped. */
static bool read_denied(const struct tape_record *r, int64_t *ret)
{
	static const char member[] = ",\"denied\":";
	const char *at = r->type == TAPE_AUDIT ? memmem(r->data, r->len, member, sizeof(member) - 1) : NULL;
	char number[24];
	size_t n;

	if (!at)
		return false;
	at += sizeof(member) - 1;
	n = (size_t)(r->data + r->len - at);
	if (n < 2 || n > sizeof(number))
		return false;
	memcpy(number, at, n - 1);
	number[n - 1] = '\0';
	return ps_parse_i64(number, ret) == 0;
}

/* The newest total that the tape still has; none where nothing was denied, or where it is long ago. */
static void add_denied(struct pod_item *it, const struct tape *t)
{
	struct tape_cursor at = { .pos = 0 };
	struct tape_record r;

	tape_cursor_oldest(t, &at);
	while (tape_read(t, &at, &r, NULL) == 1)
		(void)read_denied(&r, &it->denied);
}

static int list_one(const char *id, void *ctx)
{
	struct listing *l = ctx;
	auto_container struct container *c = NULL;
	struct ps_err e = { 0 };

	/* A container that is deleted while we look is no error of the list. */
	if (container_open(l->env, id, /* lock= */ false, &c, &e) < 0)
		return 0;
	return add_item(l, l->env->root, c);
}

/* Others' tapes, those of pods and those without a container are none of ours. */
static int list_tape(const char *name, void *ctx)
{
	struct listing *l = ctx;
	auto_tape struct tape *t = NULL;
	auto_container struct container *c = NULL;
	struct pod_env env = *l->env;
	struct tape_info info;
	struct ps_err e = { 0 };

	if (tape_open(name, /* write= */ false, &t, &e) < 0 || tape_info(t, &info, &e) < 0 || info.uid != geteuid())
		return 0;
	env.root = info.root;
	if (container_open(&env, info.id, /* lock= */ false, &c, &e) < 0 || strcmp(c->st.tape, name) != 0)
		return 0;
	if (add_item(l, info.root, c) < 0)
		return -1;
	add_usage(&l->items[l->n - 1], c);
	add_denied(&l->items[l->n - 1], t);
	l->items[l->n - 1].tape_used = (int64_t)tape_used(t);
	l->items[l->n - 1].tape_room = TAPE_DATA_SIZE;
	return 0;
}

static int by_root(const void *a, const void *b)
{
	const struct pod_item *x = a, *y = b;
	const int roots = strcmp(x->root, y->root);

	return roots ? roots : strcmp(x->id, y->id);
}

int pod_list_all(const struct pod_env *env, struct pod_item **ret, size_t *ret_n, struct ps_err *e)
{
	struct listing l = { .env = env, .e = e };

	if (shm_each(list_tape, &l, e) != 0) {
		free(l.items);
		return -1;
	}
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), by_root);
	*ret = l.items;
	*ret_n = l.n;
	return 0;
}

int pod_list(const struct pod_env *env, struct pod_item **ret, size_t *ret_n, struct ps_err *e)
{
	struct listing l = { .env = env, .e = e };

	if (state_each(env->root, list_one, &l, e) != 0) {
		free(l.items);
		return -1;
	}
	*ret = l.items;
	*ret_n = l.n;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

int pod_pids(const struct pod_env *env, const char *id, pid_t **ret, size_t *ret_n, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(env, id, /* lock= */ false, &c, e) < 0)
		return -1;
	if (c->status == STATE_STOPPED) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	if (container_pids(c, ret, ret_n, e) < 0)
		return -1;
	qsort(*ret, *ret_n, sizeof(**ret), by_pid);
	return 0;
}

/* A set of no sources, for what has none. */
static int permissions_none(struct ps_arena *a, const struct permissions **ret, struct ps_err *e)
{
	const struct perm_layers none = { .n = 0 };
	const struct perm_context c = { .cwd = "/" };

	return permissions_merge(a, &none, &c, ret, e);
}

/* Into an arena that outlives the bundle. */
static int keep_permissions(const struct permissions *g, struct ps_arena *a, const struct permissions **ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (!g)
		return permissions_none(a, ret, e);
	permissions_save(g, &text);
	if (text.failed)
		return ps_fail_os(e, "memory for permissions");
	return permissions_load(a, "permissions", text.data, text.len, ret, e);
}

static int permissions_of_container(const struct pod_env *env, const char *id, struct ps_arena *a, const struct permissions **ret,
				    struct ps_err *e)
{
	auto_container struct container *c = NULL;
	auto_bundle struct bundle b = { 0 };

	if (container_open(env, id, /* lock= */ false, &c, e) < 0 || bundle_load_frozen(&b, &c->dir, &c->st, e) < 0 ||
	    bundle_permit_running(&b, env->root, &c->dir, &c->st, e) < 0)
		return -1;
	return keep_permissions(b.effective, a, ret, e);
}

int pod_permissions(const struct pod_env *env, const struct pod_create_request *r, struct ps_arena *a,
		    const struct permissions **ret, struct ps_err *e)
{
	const struct permits_use use = { .root = env->root ? env->root : "" };
	auto_bundle struct bundle b = { 0 };
	char cwd[PATH_MAX];

	if (r->program)
		return bundle_load_program(&b, &(struct permits_use){ .root = env->root, .tell_files = r->tell_files, .judge = r->judge }, r, e) < 0 ? -1 : keep_permissions(b.effective, a, ret, e);
	if (!r->bundle) {
		const struct policy program = { .file = "program", .has_process = getcwd(cwd, sizeof(cwd)), .process.cwd = cwd };

		return permits_collect(a, &program, r->permissions, /* program= */ true, ret, e);
	}
	if (container_id_valid(r->bundle) && access(r->bundle, F_OK) < 0)
		return permissions_of_container(env, r->bundle, a, ret, e);
	if (bundle_load(&b, r->bundle, r->config, e) < 0 ||
	    bundle_permit(&b, r->permissions, &use, e) < 0)
		return -1;
	return keep_permissions(b.effective, a, ret, e);
}

int pod_program_config(const struct pod_env *env, const struct pod_create_request *r, struct ps_buf *out, struct ps_err *e)
{
	auto_bundle struct bundle b = { 0 };

	if (bundle_load_program(&b, &(struct permits_use){ .root = env->root, .tell_files = r->tell_files, .judge = r->judge }, r, e) < 0)
		return -1;
	ps_buf_put(out, b.text.data, b.text.len);
	return out->failed ? ps_fail_os(e, "memory for config.json") : 0;
}

int pod_plan(const struct pod_env *env, const struct pod_create_request *r, bool json, struct ps_buf *out, struct ps_err *e)
{
	auto_bundle struct bundle b = { 0 };
	ps_auto_buf struct ps_buf block = { 0 };
	const struct permits_use use = { .root = env->root ? env->root : "", .show = true };
	struct undo store = UNDO_NONE;
	const struct policy_entry *entries = NULL;
	size_t n = 0;

	if (bundle_load(&b, r->bundle, r->config, e) < 0 || bundle_permit(&b, r->permissions, &use, e) < 0)
		return -1;
	pod_warn_all(env, b.policy);
	if (undo_plan(&b.arena, &(struct undo_use){ env->root ? env->root : "", r->id, .waits = true }, b.policy, &b.policy, &store, e) < 0 ||
	    bundle_plan(&b, env, r, &block, e) < 0)
		return -1;
	const struct plan *p = plan_view(block.data, block.len);

	if (!p)
		return ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
	if (!json) {
		plan_print_text(p, &b.policy->seccomp, out);
	} else {
		if (policy_entries(&b.arena, b.policy, &entries, &n, e) < 0)
			return -1;
		plan_print_json(p, &b.policy->seccomp, entries, n, out);
	}
	return out->failed ? ps_fail(e, PS_E_OS, "out of memory") : 0;
}
