/* SPDX-License-Identifier: Apache-2.0
 * restrict_files.c - read and write: Landlock rules, and mounts that are read-only but where writing is listed.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE LANDLOCK_ACCESS_FS_WRITE_FILE
#define IOCTL LANDLOCK_ACCESS_FS_IOCTL_DEV
/* Device nodes are not among what anybody may make. */
#define WRITE (WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
	       LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |              \
	       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER)
#define WRITE_HANDLED (WRITE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | IOCTL)

/* What every program may count on. */
static const struct { const char *path; uint64_t access; } implied[] = {
	{ "/dev/null", READ | WRITE_FILE | IOCTL }, { "/dev/zero", READ | WRITE_FILE },
	{ "/dev/full", READ | WRITE_FILE },	    { "/dev/random", READ },
	{ "/dev/urandom", READ },		    { "/dev/tty", READ | WRITE_FILE | IOCTL },
	{ "/dev/console", READ | WRITE_FILE | IOCTL }, { "/dev/pts", READ | WRITE_FILE | IOCTL },
	{ "/dev/ptmx", READ | WRITE_FILE | IOCTL }, { "/etc/ld.so.cache", READ },
	{ "/etc/ld.so.conf", READ },		    { "/etc/ld.so.conf.d", READ },
	{ "/etc/localtime", READ },		    { "/etc/timezone", READ },
	{ "/etc/nsswitch.conf", READ },		    { "/etc/host.conf", READ },
	{ "/etc/gai.conf", READ },		    { "/etc/hosts", READ },
	{ "/etc/resolv.conf", READ },		    { "/etc/hostname", READ },
	{ "/etc/passwd", READ },		    { "/etc/group", READ },
	{ "/etc/services", READ },		    { "/etc/protocols", READ },
	{ "/etc/mime.types", READ },		    { "/etc/ssl/certs", READ },
	{ "/etc/ssl/openssl.cnf", READ },	    { "/etc/ssl/cert.pem", READ },
	{ "/etc/pki/tls/certs", READ },		    { "/etc/pki/ca-trust/extracted", READ },
	{ "/etc/alternatives", READ },		    { "/etc/terminfo", READ },
	{ "/lib/terminfo", READ },		    { "/usr/share/terminfo", READ },
	{ "/usr/share/zoneinfo", READ },	    { "/usr/share/locale", READ },
	{ "/usr/share/i18n", READ },		    { "/usr/share/ca-certificates", READ },
	{ "/etc/locale.alias", READ },
	{ "/usr/lib/locale", READ },		    { "/usr/lib64/gconv", READ },
	{ "/usr/lib/x86_64-linux-gnu/gconv", READ }, { "/usr/lib/aarch64-linux-gnu/gconv", READ },
	{ "/usr/lib/ssl", READ },
};
static const char implied_from[] = "default#/permissions/read";

/* Landlock rights by the ABI that brought them. */
uint64_t restrict_rights(const struct restricting *r)
{
	static const struct { unsigned abi; uint64_t right; } later[] = {
		{ 2, LANDLOCK_ACCESS_FS_REFER }, { 3, LANDLOCK_ACCESS_FS_TRUNCATE }, { 5, IOCTL },
	};
	uint64_t rights = 0;

	if (!r->h->landlock_abi)
		return 0;
	if (grip_of(r, POLICY_READ) == GRIP_LISTED)
		rights |= READ;
	if (grip_of(r, POLICY_WRITE) == GRIP_LISTED)
		rights |= WRITE_HANDLED;
	if (grip_of(r, POLICY_RUN) == GRIP_LISTED)
		rights |= LANDLOCK_ACCESS_FS_EXECUTE;
	for (size_t i = 0; i < PS_COUNT(later); i++)
		if (r->h->landlock_abi < later[i].abi)
			rights &= ~later[i].right;
	return rights;
}

/* ---- Read ---- */

static bool is_ignored(const struct restricting *r, const char *path)
{
	const struct perm_list *l = &r->g->of[POLICY_READ].ignore;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && view_below(path, l->v[i].value))
			return true;
	return false;
}

static int missing(struct restricting *r, const struct perm_entry *e, const struct view_found *at)
{
	if (is_ignored(r, at->path))
		return 0;
	if (e->optional || e->implied)
		return note(r, e->permission, "the container has no '%s'", e->value);
	if (e->make_dir)
		return cannot(r, e->permission, e->from, "'%s' is missing, and cannot be made in a container's files", at->path);
	return cannot(r, e->permission, e->from, "the container has no '%s' (a '?' behind it lets it be missing)", at->path);
}

/* allow and warn: what the permission names. */
static int listed(struct restricting *r, enum policy_permission p, struct rows *places)
{
	const struct perm_rules *rules = &r->g->of[p];

	if (denies_everything(rules))
		return 0;
	return find_places(r, &rules->allow, missing, places) < 0 || find_places(r, &rules->warn, missing, places) < 0 ? -1 : 0;
}

static uint64_t rights_of_kind(const struct view_found *at, uint64_t access)
{
	const uint64_t of_files = WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_EXECUTE | IOCTL;

	if (at->kind == VIEW_OTHER)
		access |= access & WRITE_FILE ? IOCTL : 0;
	return at->kind == VIEW_DIR || at->kind == VIEW_LATER ? access : access & of_files;
}

static int allow_places(struct restricting *r, enum policy_permission p, const struct rows *places, uint64_t access)
{
	const struct perm_place *v = places->v;

	for (size_t i = 0; i < places->n; i++) {
		const struct view_found *at = &v[i].at;

		if (!is_denied(r, p, at->path) &&
		    allow_access(r, v[i].entry->from, at->path, object_of(at), rights_of_kind(at, access),
				 at->kind == VIEW_LATER && v[i].entry->optional) < 0)
			return -1;
	}
	return 0;
}

static int allow_implied(struct restricting *r)
{
	struct view_found at;

	for (size_t i = 0; i < PS_COUNT(implied); i++) {
		uint64_t access = implied[i].access;

		/* Told of a path without its links: that is where the rule will be. */
		if (!(access & r->handled) || view_find(&r->view, implied[i].path, &at) < 0 || at.kind == VIEW_NONE)
			continue;
		access &= is_denied(r, POLICY_READ, at.path) ? ~(uint64_t)READ : UINT64_MAX;
		access &= is_denied(r, POLICY_WRITE, at.path) ? ~(uint64_t)(WRITE_FILE | IOCTL) : UINT64_MAX;
		if (allow_access(r, implied_from, at.path, object_of(&at), rights_of_kind(&at, access), true) < 0)
			return -1;
	}
	/* Everybody's processes would be in another /proc. */
	if (!has_own_ns(r, CLONE_NEWPID))
		return grip_of(r, POLICY_READ) == GRIP_LISTED
			       ? note(r, POLICY_READ, "/proc can be read where it is allowed only: its processes are not the container's alone")
			       : 0;
	return is_denied(r, POLICY_READ, "/proc") ? 0 : allow_access(r, implied_from, "/proc", (struct ps_object){ 0, 0 }, READ, true);
}

static int restrict_read(struct restricting *r)
{
	struct rows places = ROWS(struct perm_place);

	if (grip_of(r, POLICY_READ) != GRIP_LISTED)
		return 0;
	if (!r->h->landlock_abi && cannot(r, POLICY_READ, NULL, "this kernel cannot limit what is read (no Landlock)") < 0)
		return -1;
	return listed(r, POLICY_READ, &places) < 0 ? -1 : allow_places(r, POLICY_READ, &places, READ);
}

/* ---- Write ---- */

/* Terminals are made by opening, and given to their users: not what a read-only mount is for. */
static bool is_devpts(const struct policy_mount *m)
{
	return strcmp(m->fstype, "devpts") == 0;
}

struct writing { struct restricting *r; struct rows places; };

/* The mount is all within what may be written. */
static bool is_writable_mount(const struct writing *w, const char *target)
{
	const struct perm_place *v = w->places.v;

	for (size_t i = 0; i < w->places.n; i++)
		if (view_below(target, v[i].at.path) && !is_denied(w->r, POLICY_WRITE, target))
			return true;
	return false;
}

static void make_readonly(struct writing *w)
{
	struct restricting *r = w->r;

	for (size_t i = 0; i < r->p->n_mounts; i++) {
		struct policy_mount *m = &r->mounts[i];

		if (is_devpts(m) || is_writable_mount(w, view_mount_target(&r->view, (int)i)))
			continue;
		m->attr_set |= MOUNT_ATTR_RDONLY;
		m->attr_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		m->rec_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		if (m->recursive)
			m->rec_set |= MOUNT_ATTR_RDONLY;
	}
	if (!is_writable_mount(w, "/"))
		r->p->rootfs_attr_set |= MOUNT_ATTR_RDONLY;
}

/* A part of a mount that became read-only, writable again. */
static int make_writable(struct writing *w, const struct perm_place *place)
{
	struct restricting *r = w->r;
	const struct view_found *at = &place->at;
	const struct policy_rebind *rows = r->rebinds.v;

	if (at->kind == VIEW_OTHER || at->kind == VIEW_LATER || is_denied(r, POLICY_WRITE, at->path) ||
	    is_writable_mount(w, view_mount_target(&r->view, at->mount)))
		return 0;
	for (size_t i = 0; i < r->rebinds.n; i++)
		if (rows[i].attr_set & MOUNT_ATTR_RDONLY && strcmp(rows[i].path, at->path) == 0)
			return warn(r, POLICY_WRITE, "'%s' stays read-only: it may be run (%s)", at->path, rows[i].from);
	return rebind(r, place->entry->from, at->path, object_of(at), r->code_listed ? MOUNT_ATTR_NOEXEC : 0U, MOUNT_ATTR_RDONLY,
		      at->kind == VIEW_DIR);
}

static int restrict_write(struct restricting *r)
{
	struct writing w = { .r = r, .places = ROWS(struct perm_place) };
	struct rows kept = ROWS(struct perm_place);
	const struct perm_place *v;

	if (grip_of(r, POLICY_WRITE) != GRIP_LISTED)
		return 0;
	if (listed(r, POLICY_WRITE, &kept) < 0)
		return -1;
	v = kept.v;
	for (size_t i = 0; i < kept.n; i++) {
		struct perm_place *row;

		if (mount_has(r, v[i].at.mount, MOUNT_ATTR_RDONLY) && v[i].at.kind != VIEW_OTHER) {
			/* Of a program without a bundle that is what runs: nobody else has made it so. */
			if (!r->in->rootfs.path && !v[i].entry->implied
				    ? warn(r, POLICY_WRITE, "'%s' stays read-only: it is what runs (%s)", v[i].at.path, v[i].entry->from) < 0
				    : note(r, POLICY_WRITE, "'%s' stays read-only as %s has it", v[i].at.path, r->in->file) < 0)
				return -1;
			continue;
		}
		row = rows_add(r, &w.places);
		if (!row)
			return -1;
		*row = v[i];
	}
	make_readonly(&w);
	v = w.places.v;
	for (size_t i = 0; i < w.places.n; i++)
		if (make_writable(&w, &v[i]) < 0)
			return -1;
	return allow_places(r, POLICY_WRITE, &w.places, WRITE);
}

/* /proc/PID/mem would write what no mapping lets anybody write. */
static void protect_proc(struct restricting *r)
{
	for (size_t i = 0; i < r->p->n_mounts; i++)
		if (strcmp(r->mounts[i].fstype, "proc") == 0 || strcmp(r->mounts[i].target, "/proc") == 0) {
			r->mounts[i].attr_set |= MOUNT_ATTR_RDONLY;
			r->mounts[i].attr_clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		}
}

int restrict_files(struct restricting *r)
{
	if (restrict_read(r) < 0 || restrict_write(r) < 0)
		return -1;
	if (r->code_listed)
		protect_proc(r);
	return r->handled ? allow_implied(r) : 0;
}
