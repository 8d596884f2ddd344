/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_mounts.c - config.json's mounts: option names become flags, sources become absolute.
 */
#include <string.h>

#include "base/abi.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/policy/policy_oci.h"
#include "shim/policy/view.h"

static void put_attr(const struct mount_option *o, uint64_t *set, uint64_t *clr)
{
	*set = (*set & ~o->attr_clr) | o->attr_set;
	*clr = (*clr & ~o->attr_set) | o->attr_clr;
}

static void apply_option(struct policy_mount *m, const struct mount_option *o)
{
	if (o->clear)
		m->sb_flags &= ~o->sb_flags;
	else
		m->sb_flags |= o->sb_flags;
	if (o->recursive)
		put_attr(o, &m->rec_set, &m->rec_clr);
	else
		put_attr(o, &m->attr_set, &m->attr_clr);
	if (o->propagation)
		m->propagation = o->propagation;
	m->bind |= o->special & (MOUNT_OPT_BIND | MOUNT_OPT_RBIND);
	m->recursive |= o->special & MOUNT_OPT_RBIND;
	m->remount |= o->special & MOUNT_OPT_REMOUNT;
	m->tmpcopyup |= o->special & MOUNT_OPT_TMPCOPYUP;
	m->copy_symlink |= o->special & MOUNT_OPT_COPY_SYMLINK;
	m->idmap |= o->special & (MOUNT_OPT_IDMAP | MOUNT_OPT_RIDMAP);
	m->idmap_recursive |= o->special & MOUNT_OPT_RIDMAP;
}

/*
 * As soon as a flag is named, a bind has those that are named and no others.  Access times stay the source's, as with mount(8),
 * unless a kind of them is asked for: an option that takes one away changes nothing.
 */
static void bind_options(const struct spec_mount *s, struct policy_mount *m)
{
	const uint64_t atime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	bool is_relatime = false;

	for (size_t i = 0; i < s->options.n; i++) {
		const struct mount_option *o = mount_option_find(s->options.v[i]);

		if (!o || o->recursive || !(o->attr_set | o->attr_clr))
			continue;
		m->exact = true;
		if (o->attr_clr & MOUNT_ATTR__ATIME)
			is_relatime = o->special & MOUNT_OPT_RELATIME;
	}
	m->attr_clr &= ~atime;
	if (is_relatime || (m->attr_set & atime))
		m->attr_clr |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~m->attr_set);
}

/* Known options go into the flags; the others, joined by commas, into m->data. */
static int options(struct from_oci *f, const struct spec_mount *s, struct policy_mount *m)
{
	size_t len = 0, at = 0;
	char *data;

	for (size_t i = 0; i < s->options.n; i++) {
		const struct mount_option *o = mount_option_find(s->options.v[i]);

		if (o)
			apply_option(m, o);
		else if (*s->options.v[i])
			len += strlen(s->options.v[i]) + 1;
	}
	m->data = "";
	if (!len)
		return 0;
	data = from_oci_rows(f, len, 1);
	if (!data)
		return -1;
	for (size_t i = 0; i < s->options.n; i++) {
		size_t n = strlen(s->options.v[i]);

		if (!n || mount_option_find(s->options.v[i]))
			continue;
		if (at)
			data[at++] = ',';
		memcpy(data + at, s->options.v[i], n);
		at += n;
	}
	m->data = data;
	return 0;
}

static int check_kind(struct from_oci *f, const struct spec_mount *s, const struct policy_mount *m)
{
	if (m->remount)
		return 0;
	if (m->bind && !has_text(s->source))
		return from_oci_fail(f, PS_E_CONFIG, s->at, "the bind mount of '%s' has no source", m->target);
	if (!m->bind && (!has_text(s->type) || !strcmp(s->type, "bind") || !strcmp(s->type, "none")))
		return from_oci_fail(f, PS_E_CONFIG, s->at,
				     "the mount of '%s' has neither a file-system type nor the option bind or rbind",
				     m->target);
	return 0;
}

/* Where SELinux has a label for each file from elsewhere: of the kernel's own, or of the hierarchy that is shared. */
static bool takes_label(const struct policy_mount *m)
{
	static const char *const without[] = { "proc", "sysfs", "cgroup", "cgroup2" };
	const char *own = strstr(m->data, "context=");

	for (size_t i = 0; i < PS_COUNT(without); i++)
		if (!strcmp(m->fstype, without[i]))
			return false;
	return !m->bind && !m->remount && !own;
}

/* A clean path of the host's as one of the container, where it is below the root file system; else NULL. */
static const char *inside_rootfs(const struct from_oci *f, const char *path)
{
	const char *root = f->p->rootfs.path;
	const size_t n = root ? strlen(root) : 0;

	return n > 1 && !strncmp(path, root, n) && path[n] == '/' ? path + n : NULL;
}

/* Does one of the rows before it put something there?  What such a row makes read-only at last (mounts_finish) is left alone. */
static bool is_provided(const struct policy_mount *rows, const struct policy_mount *m, const char *path)
{
	bool found = false;

	for (const struct policy_mount *r = rows; r < m; r++) {
		if (r->remount || !(view_below(path, r->target) || (m->recursive && view_below(r->target, path))))
			continue;
		if (!r->bind && (r->attr_set & MOUNT_ATTR_RDONLY))
			return false;
		found = true;
	}
	return found;
}

static int bind_source(struct from_oci *f, const struct spec_mount *s, const struct policy_mount *rows, struct policy_mount *m)
{
	const char *clean, *inside;

	m->source = from_oci_below_bundle(f, s->source);
	clean = m->source ? from_oci_clean(f, s->at, m->source) : NULL;
	if (!clean)
		return -1;
	inside = inside_rootfs(f, clean);
	if (inside && !m->copy_symlink && !m->idmap && !m->idmap_recursive && is_provided(rows, m, inside))
		m->inside = inside;
	return 0;
}

static int one_mount(struct from_oci *f, const struct spec_mount *s, const struct policy_mount *rows, struct policy_mount *m)
{
	const char *inside;

	m->from = from_oci_at(f, s->at);
	m->target = from_oci_clean(f, s->at, s->destination);
	if (!m->from || !m->target)
		return -1;
	inside = inside_rootfs(f, m->target);
	if (inside)
		m->target = inside;
	m->idmap = s->uid_maps.n || s->gid_maps.n;
	m->uid_maps = s->uid_maps;
	m->gid_maps = s->gid_maps;
	if (options(f, s, m) < 0 || check_kind(f, s, m) < 0)
		return -1;
	if (m->bind && !m->remount)
		bind_options(s, m);
	/* A bind mount has no super block of its own to set flags on. */
	m->sb_flags &= m->bind ? 0 : ~(uint64_t)(MS_BIND | MS_REC | MS_REMOUNT);
	m->fstype = m->bind || !s->type ? "" : s->type;
	m->source = has_text(s->source) ? s->source : m->fstype;
	if (m->bind && !m->remount && bind_source(f, s, rows, m) < 0)
		return -1;
	if (f->p->mount_label && takes_label(m))
		m->label = f->p->mount_label;
	return m->source ? 0 : -1;
}

int from_oci_mounts(struct from_oci *f, const struct spec *s)
{
	struct policy_mount *rows = from_oci_rows(f, s->n_mounts, sizeof(*rows));

	if (!rows)
		return -1;
	f->p->mount_label = has_text(s->linux_.mount_label) ? s->linux_.mount_label : NULL;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (one_mount(f, &s->mounts[i], rows, &rows[i]) < 0)
			return -1;
	f->p->mounts = rows;
	f->p->n_mounts = s->n_mounts;
	return 0;
}
