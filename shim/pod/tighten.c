/* SPDX-License-Identifier: Apache-2.0
 * tighten.c - less than a container's permissions, for one more process (exec) or one launch.
 */
#include "shim/pod/tighten.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/pod/oversee.h"
#include "shim/pod/permits.h"

#define READ_ANY (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE LANDLOCK_ACCESS_FS_WRITE_FILE

/* What the container has, and what one process of it is to have. */
struct step {
	const struct policy *has, *wants;
	struct ps_err *e;
};

/* ---- What Landlock leaves to a process ---- */

static bool may(const struct policy *p, const char *path, uint64_t access)
{
	if (!(p->landlock.handled_fs & access))
		return true;
	for (size_t i = 0; i < p->landlock.n_rules; i++) {
		const struct policy_landlock_rule *r = &p->landlock.rules[i];

		if (r->access & access && (perm_path_below(path, r->path) || perm_path_below(r->path, path)))
			return true;
	}
	return false;
}

/* ---- What takes a mount ---- */

static int takes_mount(const struct step *s, const char *from, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int takes_mount(const struct step *s, const char *from, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)ps_fail(s->e, PS_E_UNSUPP, "the mounts of the container are made, for all its processes: %s", text);
	return from ? ps_at_from(s->e, from, "") : -1;
}

static bool is_masked(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_masked; i++)
		if (!strcmp(p->masked[i].path, path))
			return true;
	return false;
}

static int check_masks(const struct step *s)
{
	for (size_t i = 0; i < s->wants->n_masked; i++) {
		const struct policy_path *m = &s->wants->masked[i];

		if (!is_masked(s->has, m->path) && may(s->wants, m->path, READ_ANY))
			return takes_mount(s, m->from, "'%s' is inside of what may be read, and would have to be masked: list what may be read instead",
					   m->path);
	}
	return 0;
}

static const struct policy_rebind *rebind_of(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_rebinds; i++)
		if (!strcmp(p->rebinds[i].path, path))
			return &p->rebinds[i];
	return NULL;
}

/* Is it code in the container's mounts, or some of what is below it? */
static bool is_code(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_rebinds; i++)
		if (p->rebinds[i].attr_clr & MOUNT_ATTR_NOEXEC && perm_path_below(path, p->rebinds[i].path))
			return true;
	return false;
}

static int check_rebinds(const struct step *s)
{
	for (size_t i = 0; i < s->wants->n_rebinds; i++) {
		const struct policy_rebind *r = &s->wants->rebinds[i], *had = rebind_of(s->has, r->path);
		const uint64_t more = r->attr_set & ~(had ? had->attr_set : 0);

		if (more & MOUNT_ATTR_RDONLY && may(s->wants, r->path, WRITE_FILE))
			return takes_mount(s, r->from, "'%s' is inside of what may be written: list what may be written instead", r->path);
		if (more & MOUNT_ATTR_NOEXEC && is_code(s->has, r->path) && may(s->wants, r->path, READ_ANY))
			return takes_mount(s, r->from, "'%s' can be read, and is code for the container's mounts: list what may be run instead", r->path);
	}
	return 0;
}

/* What is no code any more, and can be read, the loader would run: Landlock does not see what is mapped. */
static int check_code(const struct step *s)
{
	const bool had = s->has->rootfs_attr_set & MOUNT_ATTR_NOEXEC, has = s->wants->rootfs_attr_set & MOUNT_ATTR_NOEXEC;

	if (has && !had)
		return takes_mount(s, NULL, "run, ffi: it has no list of what is code, and only a list can get shorter");
	for (size_t i = 0; has && i < s->has->n_rebinds; i++) {
		const struct policy_rebind *r = &s->has->rebinds[i];

		if (r->attr_clr & MOUNT_ATTR_NOEXEC && !is_code(s->wants, r->path) && may(s->wants, r->path, LANDLOCK_ACCESS_FS_READ_FILE))
			return takes_mount(s, r->from, "run, ffi: '%s' can still be read, and so be run by the loader: list what may be read, too",
					   r->path);
	}
	return 0;
}

/* Flags of a mount, of all that it brings. */
static uint64_t set_by(const struct policy_mount *m)
{
	return m->attr_set | m->rec_set;
}

static int check_mounts(const struct step *s)
{
	const struct policy *has = s->has, *wants = s->wants;
	uint64_t more = wants->rootfs_attr_set & ~has->rootfs_attr_set;

	if (wants->n_mounts < has->n_mounts)
		return takes_mount(s, NULL, "sys: /sys would have to be left out");
	for (size_t i = 0; i < has->n_mounts; i++) {
		if (strcmp(wants->mounts[i].data, has->mounts[i].data) != 0)
			return takes_mount(s, NULL, "sys: '%s' would have to show less", has->mounts[i].target);
		more |= set_by(&wants->mounts[i]) & ~set_by(&has->mounts[i]) & ~(uint64_t)MOUNT_ATTR_NOEXEC;
	}
	/* What is in a mount that stays writable is Landlock's to keep. */
	if (more & MOUNT_ATTR_RDONLY && !(wants->landlock.handled_fs & WRITE_FILE))
		return takes_mount(s, NULL, "write: they would have to become read-only");
	return 0;
}

static int check_namespaces(const struct step *s)
{
	for (size_t i = 0; i < POLICY_N_NS; i++) {
		const struct policy_ns *has = &s->has->ns[i], *wants = policy_ns_get(s->wants, has->flag);

		if (wants->mode != has->mode)
			return takes_mount(s, wants->from, "sys: the host's name takes a namespace of its own");
	}
	return 0;
}

static int check(const struct step *s)
{
	if (check_code(s) < 0 || check_namespaces(s) < 0 || check_mounts(s) < 0 || check_masks(s) < 0 || check_rebinds(s) < 0)
		return -1;
	/* What it would be asked has nobody who hears it. */
	return oversight_needed(s->wants) && !oversight_needed(s->has)
		       ? ps_fail(s->e, PS_E_UNSUPP, "the container has no supervisor that could decide: it was made without a list of hosts")
		       : 0;
}

/*
 * The network is shared with processes that may have more: where theirs is decided, so is what goes to each other.  In a
 * network that nobody decides about it is closed as a whole.
 */
static bool decides_net(const struct policy *p)
{
	for (size_t i = 0; p->guard.set && i < p->guard.n_rules; i++)
		for (size_t k = 0; p->guard.rules[i].action == SECCOMP_RET_USER_NOTIF && k < p->guard.rules[i].names.n; k++)
			if (!strcmp(p->guard.rules[i].names.v[k], "connect"))
				return true;
	return false;
}

/* ---- The step ---- */

static int none(struct ps_arena *a, const struct permissions **ret, struct ps_err *e)
{
	const struct perm_layers l = { .n = 0 };
	const struct perm_context c = { .cwd = "/" };

	return permissions_merge(a, &l, &c, ret, e);
}

/* Its mounts, its namespaces and who watches over it know of no lists: variables alone are nobody else's. */
static int check_without(const struct perm_layer *l, struct ps_err *e)
{
	for (size_t i = 0; i < l->entries.n; i++)
		if (l->entries.v[i].permission != POLICY_ENV || l->entries.v[i].action == POLICY_ALLOW)
			return ps_fail(e, PS_E_UNSUPP, "%s: the container was made without permissions, which only '--deny-env' can take from one process: "
				       "give it permissions when it is made", l->entries.v[i].from);
	return 0;
}

int tighten(struct ps_arena *a, const struct bundle *b, const char *root, const struct spec_strs *flags, bool beside,
	    struct tighter *ret, struct ps_err *e)
{
	const struct permits_use use = { .root = root, .no_supervisor = !oversight_needed(b->policy) };
	/* Who has more could be made to do what is taken away here: by ptrace(2), by its memory in /proc. */
	const struct permits_use less = { .root = use.root, .no_supervisor = use.no_supervisor, .apart = beside };
	const struct policy *granted = b->granted ? b->granted : b->policy;
	const struct permissions *base = b->permissions, *g;
	const struct host *host = b->host;
	const struct perm_layer *l;
	struct step s = { .has = b->policy, .e = e };
	ps_auto_fd int fd = bundle_open_root(granted, e);

	if (fd < 0 || perm_layer_of_flags(a, "command line", flags, &l, e) < 0 || (!base && (none(a, &base, e) < 0 || check_without(l, e) < 0)) ||
	    permissions_tighten(a, base, l, granted->has_process ? granted->process.cwd : "/", &g, e) < 0)
		return -1;
	struct permissions told = *g;

	told.settings.audit.denied |= decides_net(b->policy) ? 1U << POLICY_NET : 0;
	/* With permissions it was looked at for them, by somebody who was not confined yet.  What joins a container has only its domain. */
	if ((!host && (host_probe(a, &host, e) < 0 || (beside && host_probe_policy(a, &host, e) < 0))) ||
	    (b->permissions && permits_apply(a, granted, base, fd, host, &use, &s.has, e) < 0) ||
	    permits_apply(a, granted, &told, fd, host, &less, &s.wants, e) < 0 || check(&s) < 0)
		return -1;
	*ret = (struct tighter){ .permissions = g, .policy = s.wants };
	return permits_effective(a, g, s.wants, root, &ret->effective, e);
}

int tighten_net(struct ps_arena *a, const struct permissions *base, const struct spec_strs *flags, const struct permissions **ret,
		struct ps_err *e)
{
	const struct perm_layer *l;

	if (perm_layer_of_flags(a, "launch", flags, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->entries.n; i++)
		if (l->entries.v[i].permission != POLICY_NET)
			return ps_fail(e, PS_E_UNSUPP, "%s: its program runs already: only net can get tighter then", l->entries.v[i].from);
	return permissions_tighten(a, base, l, "/", ret, e);
}
