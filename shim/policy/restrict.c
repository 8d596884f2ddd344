/* SPDX-License-Identifier: Apache-2.0
 * restrict.c - permissions and what config.json grants -> a policy that grants no more than both: the parts in order.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

int restrict_oom(const struct restricting *r)
{
	return ps_fail_os(r->e, "apply the permissions to %s", r->in->file);
}

void *rows_add(struct restricting *r, struct rows *l)
{
	if (l->n == l->max) {
		size_t max = l->max ? 2 * l->max : 32;
		void *v = ps_arena_array(r->a, max + 1, l->size);

		if (!v) {
			restrict_oom(r);
			return NULL;
		}
		if (l->n)
			memcpy(v, l->v, l->n * l->size);
		l->v = v;
		l->max = max;
	}
	return (char *)l->v + l->n++ * l->size;
}

/* ---- What is said to whom ---- */

static int say(struct restricting *r, struct rows *to, enum policy_permission p, const char *from, const char *text)
{
	const char **row = rows_add(r, to);

	if (!row)
		return -1;
	*row = ps_arena_printf(r->a, "%s: %s%s%s%s", policy_permission_name(p), text, from ? " (" : "", from ? from : "",
			       from ? ")" : "");
	return *row ? 0 : restrict_oom(r);
}

#define FORMAT(text, fmt)                                       \
	char text[400];                                         \
	va_list ap;                                             \
	va_start(ap, fmt);                                      \
	(void)vsnprintf(text, sizeof(text), fmt, ap);           \
	va_end(ap)

/* It is warned of, too. */
static int degrade(struct restricting *r, enum policy_permission p, const char *from, const char *text)
{
	struct policy_degraded *row = say(r, &r->warnings, p, from, text) < 0 ? NULL : rows_add(r, &r->degraded);

	if (!row)
		return -1;
	*row = (struct policy_degraded){ .permission = (int)p, .from = from, .text = ps_arena_strdup(r->a, text),
					 .warning = ((const char **)r->warnings.v)[r->warnings.n - 1] };
	return row->text ? 0 : restrict_oom(r);
}

int cannot(struct restricting *r, enum policy_permission p, const char *from, const char *fmt, ...)
{
	FORMAT(text, fmt);
	if (!is_strict(r))
		return degrade(r, p, from, text);
	ps_fail(r->e, PS_E_UNSUPP, "%s: %s", policy_permission_name(p), text);
	return ps_at_from(r->e, from ? from : "permissions", "");
}

int note(struct restricting *r, enum policy_permission p, const char *fmt, ...)
{
	FORMAT(text, fmt);
	return say(r, &r->notes, p, NULL, text);
}

int warn(struct restricting *r, enum policy_permission p, const char *fmt, ...)
{
	FORMAT(text, fmt);
	return say(r, &r->warnings, p, NULL, text);
}

/* ---- What is asked of the set ---- */

/* learn and audit only look; ask decides what it can be asked about, the rest as enforce does. */
bool restrict_is_enforced(const struct permissions *g)
{
	return !g->settings.mode.set || g->settings.mode.v == PERM_ENFORCE || g->settings.mode.v == PERM_ASK;
}

bool denies_everything(const struct perm_rules *rules)
{
	for (size_t i = 0; i < rules->deny.n; i++)
		if (!rules->deny.v[i].value || !strcmp(rules->deny.v[i].value, "/"))
			return true;
	return false;
}

enum grip grip_of(const struct restricting *r, enum policy_permission p)
{
	const struct perm_rules *rules = &r->g->of[p];

	return denies_everything(rules) || (!rules->by_config && !rules->all) ? GRIP_LISTED : GRIP_OPEN;
}

bool has_own_ns(const struct restricting *r, uint64_t flag)
{
	return policy_ns_get(r->in, flag)->mode == POLICY_NS_NEW;
}

/* ---- Rows that several parts make ---- */

struct ps_object object_of(const struct view_found *at)
{
	/* What is below is made for each container anew. */
	if (at->kind == VIEW_LATER || at->kind == VIEW_NONE || view_below(at->path, "/dev"))
		return (struct ps_object){ 0, 0 };
	return (struct ps_object){ at->dev, at->ino };
}

int rebind(struct restricting *r, const char *from, const char *path, struct ps_object object, uint64_t attr_set,
	   uint64_t attr_clr, bool recursive)
{
	struct policy_rebind *rows = r->rebinds.v, *row = NULL;

	for (size_t i = 0; i < r->rebinds.n && !row; i++)
		if (strcmp(rows[i].path, path) == 0)
			row = &rows[i];
	if (!row) {
		row = rows_add(r, &r->rebinds);
		if (!row)
			return -1;
		*row = (struct policy_rebind){ .from = from, .path = path, .object = object };
	}
	row->attr_set |= attr_set;
	row->attr_clr = (row->attr_clr | attr_clr) & ~row->attr_set;
	row->recursive |= recursive;
	return 0;
}

int allow_access(struct restricting *r, const char *from, const char *path, struct ps_object object, uint64_t access, bool optional)
{
	struct policy_landlock_rule *rows = r->rules.v, *row = NULL;

	if (!(access & r->handled))
		return 0;
	for (size_t i = 0; i < r->rules.n && !row; i++)
		if (strcmp(rows[i].path, path) == 0)
			row = &rows[i];
	if (!row) {
		row = rows_add(r, &r->rules);
		if (!row)
			return -1;
		*row = (struct policy_landlock_rule){ .from = from, .path = path, .optional = optional, .object = object };
	}
	row->access |= access & r->handled;
	row->optional &= optional;
	return 0;
}

void set_on_mounts(struct restricting *r, uint64_t attr, spare_fn *spare)
{
	for (size_t i = 0; i < r->p->n_mounts; i++) {
		struct policy_mount *m = &r->mounts[i];

		if (spare && spare(r, view_mount_target(&r->view, (int)i)))
			continue;
		m->attr_set |= attr;
		m->attr_clr &= ~attr;
		m->rec_clr &= ~attr;
		if (m->recursive)
			m->rec_set |= attr;
	}
	if (!spare || !spare(r, "/"))
		r->p->rootfs_attr_set |= attr;
}

void mount_readonly(struct policy_mount *m)
{
	m->attr_set |= MOUNT_ATTR_RDONLY;
	m->attr_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	m->rec_set |= MOUNT_ATTR_RDONLY;
	m->rec_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
}

/* As config.json has it. */
bool mount_has(const struct restricting *r, int mount, uint64_t attr)
{
	const struct policy_mount *m = mount == VIEW_ROOT ? NULL : &r->in->mounts[mount];
	bool readonly = m ? m->sb_flags & MS_RDONLY : r->in->rootfs.readonly;

	return (attr & MOUNT_ATTR_RDONLY && readonly) || (m && (m->attr_set | m->rec_set) & attr);
}

/* ---- The policy ---- */

static int by_path(const void *a, const void *b)
{
	const struct policy_rebind *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct spec_strs strs_of(const struct spec_strs *first, const struct rows *l, struct restricting *r)
{
	const char **v = ps_arena_array(r->a, first->n + l->n + 1, sizeof(*v));

	if (!v)
		return (struct spec_strs){ .v = NULL };
	if (first->n)
		memcpy(v, first->v, first->n * sizeof(*v));
	if (l->n)
		memcpy(v + first->n, l->v, l->n * sizeof(*v));
	return (struct spec_strs){ v, first->n + l->n };
}

static const struct ps_object any_object;

/* How many of the first n mounts of config.json are left. */
static size_t mounts_left(const struct restricting *r, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		left += !r->drops_mount[i];
	return left;
}

/*
 * Something else than what the view saw will be at the path: what is below a mount that is left out, a mount that was added,
 * or a layer over what is there, which numbers what it shows by itself.  What is written to a layer is no other container's
 * to find.
 */
static bool is_mounted_over(const struct restricting *r, const char *path)
{
	const int at = r->view.arena ? view_mount_of(&r->view, path) : VIEW_ROOT;

	if (at != VIEW_ROOT && r->drops_mount[at])
		return true;
	if ((at == VIEW_ROOT ? r->p->rootfs.stored : r->mounts[mounts_left(r, (size_t)at)].stored) != POLICY_STORED_NOT)
		return true;
	for (size_t i = mounts_left(r, r->in->n_mounts); i < r->p->n_mounts; i++)
		if (view_below(path, r->p->mounts[i].target))
			return true;
	return false;
}

/* The same: another row's mask (NULL: any). */
static bool is_masked(const struct restricting *r, const char *path, const struct policy_path *but)
{
	const struct policy_path *masked = r->masked.v;

	for (size_t i = 0; i < r->masked.n; i++)
		if (&masked[i] != but && view_below(path, masked[i].path))
			return true;
	return false;
}

static void forget_covered(struct restricting *r)
{
	struct policy_landlock_rule *rules = r->rules.v;
	struct policy_rebind *rebinds = r->rebinds.v;
	struct policy_path *masked = r->masked.v;

	for (size_t i = 0; i < r->rules.n; i++)
		if (is_mounted_over(r, rules[i].path) || is_masked(r, rules[i].path, NULL))
			rules[i].object = any_object;
	for (size_t i = 0; i < r->rebinds.n; i++)
		if (is_mounted_over(r, rebinds[i].path))
			rebinds[i].object = any_object;
	for (size_t i = 0; i < r->masked.n; i++)
		if (is_mounted_over(r, masked[i].path) || is_masked(r, masked[i].path, &masked[i]))
			masked[i].object = any_object;
}

static int finish(struct restricting *r)
{
	struct policy *p = r->p;

	forget_covered(r);

	/* A parent's path is the beginning of its children's. */
	if (r->rebinds.n)
		qsort(r->rebinds.v, r->rebinds.n, sizeof(struct policy_rebind), by_path);
	p->rebinds = r->rebinds.v;
	p->n_rebinds = r->rebinds.n;
	if (r->h->kept)
		p->landlock = *r->h->kept;
	else
		p->landlock = (struct policy_landlock){ r->handled, p->landlock.scoped, r->rules.v, r->rules.n };
	p->masked = r->masked.v;
	p->n_masked = r->masked.n;
	p->sysctl = r->sysctl.v;
	p->n_sysctl = r->sysctl.n;
	p->stands = r->stands.v;
	p->n_stands = r->stands.n;
	p->guard.rules = r->guard.v;
	p->guard.n_rules = r->guard.n;
	p->degraded = r->degraded.v;
	p->n_degraded = r->degraded.n;
	p->warnings = strs_of(&r->in->warnings, &r->warnings, r);
	p->notes = strs_of(&r->in->notes, &r->notes, r);
	return p->warnings.v && p->notes.v ? 0 : restrict_oom(r);
}

/* A copy of the policy with lists that can grow. */
static int begin(struct restricting *r)
{
	r->p = ps_arena_new(r->a, struct policy);
	r->mounts = ps_arena_array(r->a, r->in->n_mounts + 1, sizeof(*r->mounts));
	r->drops_mount = ps_arena_array(r->a, r->in->n_mounts + 1, sizeof(*r->drops_mount));
	r->enforced = restrict_is_enforced(r->g);
	if (!r->p || !r->mounts || !r->drops_mount)
		return restrict_oom(r);
	*r->p = *r->in;
	if (r->in->n_mounts)
		memcpy(r->mounts, r->in->mounts, r->in->n_mounts * sizeof(*r->mounts));
	/* What is allowed was decided by the host's paths. */
	for (size_t i = 0; i < r->in->n_mounts; i++)
		r->mounts[i].inside = NULL;
	r->p->mounts = r->mounts;
	for (size_t i = 0; i < r->in->n_masked; i++) {
		struct policy_path *row = rows_add(r, &r->masked);

		if (!row)
			return -1;
		*row = r->in->masked[i];
	}
	for (size_t i = 0; i < r->in->n_sysctl; i++) {
		struct spec_kv *row = rows_add(r, &r->sysctl);

		if (!row)
			return -1;
		*row = r->in->sysctl[i];
	}
	return 0;
}

static int only_sockets(struct restricting *r)
{
	return view_init(&r->view, r->a, r->h->root_fd, r->in, r->e) < 0 ? -1 : restrict_sockets(r);
}

/* What needs mounts and paths; nothing of it in a mount namespace that is not the container's own. */
static int files_and_programs(struct restricting *r)
{
	static const enum policy_permission of[] = { POLICY_READ, POLICY_WRITE, POLICY_RUN, POLICY_FFI };
	bool limited = false;

	for (size_t i = 0; i < PS_COUNT(of); i++) {
		if (!is_limited(r, of[i]) && !r->g->of[of[i]].ignore.n)
			continue;
		limited = true;
		if (!has_own_ns(r, CLONE_NEWNS))
			return ps_fail(r->e, PS_E_UNSUPP,
				       "%s: what is limited by mounts needs a mount namespace of the container's own",
				       policy_permission_name(of[i])),
			       ps_at_from(r->e, policy_ns_get(r->in, CLONE_NEWNS)->from, "");
	}
	if (!limited)
		return has_own_ns(r, CLONE_NEWNS) && names_sockets(r) ? only_sockets(r) : 0;
	if (r->g->settings.mode.set && r->g->settings.mode.v == PERM_ASK &&
	    note(r, POLICY_READ, "%s", r->g->of[POLICY_READ].asks ? "files are asked about when they are opened; folders, programs and libraries that are not listed are denied"
						     : "files and programs that are not listed are denied: only connections are asked about") < 0)
		return -1;
	if (r->h->kept) {
		r->p->landlock.scoped = r->h->kept->scoped;
		return restrict_run_again(r);
	}
	r->handled = restrict_rights(r);
	if (view_init(&r->view, r->a, r->h->root_fd, r->in, r->e) < 0 || restrict_denied(r) < 0 || restrict_run(r) < 0)
		return -1;
	return restrict_files(r) < 0 || restrict_masks(r) < 0 || (names_sockets(r) && restrict_sockets(r) < 0) ? -1 : 0;
}

static void parts_done(struct restricting *r)
{
	view_done(&r->view);
}

int permissions_restrict(struct ps_arena *a, const struct policy *p, const struct permissions *g,
			 const struct restrict_host *h, const struct policy **ret, struct ps_err *e)
{
	ps_auto(parts_done) struct restricting r = {
		.a = a, .in = p, .g = g, .h = h, .e = e,
		.rebinds = ROWS(struct policy_rebind), .rules = ROWS(struct policy_landlock_rule),
		.masked = ROWS(struct policy_path), .guard = ROWS(struct policy_seccomp_rule),
		.sysctl = ROWS(struct spec_kv), .stands = ROWS(struct policy_stand), .warnings = ROWS(const char *), .notes = ROWS(const char *),
		.degraded = ROWS(struct policy_degraded),
	};

	if (!g->active) {
		*ret = p;
		return 0;
	}
	if (begin(&r) < 0)
		return -1;
	/* While its mounts are config.json's, one for one. */
	if ((r.enforced && files_and_programs(&r) < 0) || restrict_stored(&r) < 0 || (r.enforced && restrict_sys(&r) < 0))
		return -1;
	if (restrict_net(&r) < 0 || restrict_kernel(&r) < 0 || restrict_process(&r) < 0 || restrict_limits(&r) < 0 ||
	    finish(&r) < 0)
		return -1;
	*ret = r.p;
	return 0;
}

int permissions_restrict_process(struct ps_arena *a, const struct policy *p, const struct permissions *g,
				 const struct policy **ret, struct ps_err *e)
{
	/* What a process may keep, it may keep whoever answers it. */
	const struct restrict_host h = { .root_fd = -1, .notify = true };
	struct permissions without_secrets = *g;
	struct restricting r = { .a = a, .in = p, .g = &without_secrets, .h = &h, .e = e, .warnings = ROWS(const char *),
				 .notes = ROWS(const char *), .degraded = ROWS(struct policy_degraded) };

	without_secrets.settings.n_secrets = 0;
	if (!g->active) {
		*ret = p;
		return 0;
	}
	r.p = ps_arena_new(a, struct policy);
	if (!r.p)
		return restrict_oom(&r);
	*r.p = *p;
	r.enforced = restrict_is_enforced(g);
	if (restrict_process(&r) < 0)
		return -1;
	r.p->warnings = strs_of(&p->warnings, &r.warnings, &r);
	r.p->degraded = r.degraded.v;
	r.p->n_degraded = r.degraded.n;
	r.p->notes = strs_of(&p->notes, &r.notes, &r);
	if (!r.p->warnings.v || !r.p->notes.v)
		return restrict_oom(&r);
	*ret = r.p;
	return 0;
}
