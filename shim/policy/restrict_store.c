/* SPDX-License-Identifier: Apache-2.0
 * restrict_store.c - undo and a limit of disk space: which mounts get a folder of the store to be written to.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

struct storing {
	struct restricting *r;
	bool undo;
	const struct perm_limit *disk;
};

/* Writable as a whole, or in a part that a rebind makes so. */
static bool is_written(const struct restricting *r, int i)
{
	const struct policy_mount *m = i == VIEW_ROOT ? NULL : &r->mounts[i];
	const struct policy_rebind *rows = r->rebinds.v;
	bool readonly = m ? (m->sb_flags & MS_RDONLY) || ((m->attr_set | m->rec_set) & MOUNT_ATTR_RDONLY)
			  : r->p->rootfs.readonly || (r->p->rootfs_attr_set & MOUNT_ATTR_RDONLY);

	for (size_t k = 0; readonly && k < r->rebinds.n; k++)
		if ((rows[k].attr_clr & MOUNT_ATTR_RDONLY) && view_mount_of(&r->view, rows[k].path) == i)
			return true;
	return !readonly;
}

/* File systems in which writing is talking to the kernel. */
static bool is_kernels(const char *path)
{
	static const long magics[] = {
		0x9fa0 /* proc */, 0x62656572 /* sysfs */, 0x27e0eb /* cgroup */, 0x63677270 /* cgroup2 */, 0x1cd1 /* devpts */,
		0x64626720 /* debugfs */, 0x74726163 /* tracefs */, 0x73636673 /* securityfs */, 0x62656570 /* configfs */,
		0xcafe4a11 /* bpf */, 0x6e736673 /* nsfs */, 0x19800202 /* mqueue */, 0x42494e4d /* binfmt_misc */,
	};
	struct statfs fs;

	for (size_t i = 0; statfs(path, &fs) == 0 && i < PS_COUNT(magics); i++)
		if ((unsigned long)fs.f_type == (unsigned long)magics[i])
			return true;
	return false;
}

/* What is of the container alone, or holds nothing. */
static bool is_own(const char *fstype)
{
	static const char *const types[] = { "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < PS_COUNT(types); i++)
		if (!strcmp(fstype, types[i]))
			return true;
	return false;
}

/* A tree of the host's that is written to: `ret` as undo has it; without undo nobody counts what is written. */
static int store_host(const struct storing *s, const char *path, bool is_idmapped, enum policy_stored *ret)
{
	const char *from = s->undo ? "undo" : s->disk->from;
	struct stat st;

	if (stat(path, &st) < 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		return 0;
	if (is_kernels(path))
		return s->undo ? cannot(s->r, POLICY_WRITE, from,
					"what is written to '%s' takes effect at once: it is a file system of the kernel's", path)
			       : 0;
	if (!s->undo)
		return cannot(s->r, POLICY_WRITE, from, "--disk can't limit writes to '%s', which go to the host: use --undo", path);
	if (is_idmapped)
		return cannot(s->r, POLICY_WRITE, from, "'%s' is an id-mapped mount, which undo does not cover", path);
	*ret = S_ISDIR(st.st_mode) ? POLICY_STORED_OVER : POLICY_STORED_COPY;
	return 0;
}

static int store_mount(const struct storing *s, int i)
{
	struct policy_mount *m = &s->r->mounts[i];

	if (m->remount || !is_written(s->r, i))
		return 0;
	if (m->bind)
		return m->copy_symlink ? 0 : store_host(s, m->source, m->idmap || m->idmap_recursive, &m->stored);
	if (strcmp(m->fstype, "tmpfs") == 0) {
		/* Half written by the runtime: it gets read-only when it is filled. */
		if (s->disk->set)
			m->stored = POLICY_STORED_NEW;
		return 0;
	}
	return is_own(m->fstype) ? 0
				 : cannot(s->r, POLICY_WRITE, s->undo ? "undo" : s->disk->from,
					  "what is written to '%s', a file system '%s', cannot be %s", m->target, m->fstype,
					  s->undo ? "kept apart" : "limited");
}

int restrict_stored(struct restricting *r)
{
	const struct perm_settings *settings = &r->g->settings;
	const struct storing s = { r, settings->undo.set && settings->undo.v, &settings->disk };
	bool stored = false;

	if (!s.undo && !s.disk->set)
		return 0;
	if (!has_own_ns(r, CLONE_NEWNS)) {
		(void)ps_fail(r->e, PS_E_UNSUPP, "%s needs a mount namespace of the container's own", s.undo ? "undo" : "a limit of disk space");
		return ps_at_from(r->e, policy_ns_get(r->in, CLONE_NEWNS)->from, "");
	}
	/* Where nothing limits files, nobody has looked at them yet. */
	if (!r->view.arena && view_init(&r->view, r->a, r->h->root_fd, r->in, r->e) < 0)
		return -1;
	if (r->in->rootfs.path && is_written(r, VIEW_ROOT) &&
	    store_host(&s, r->in->rootfs.path, /* is_idmapped= */ false, &r->p->rootfs.stored) < 0)
		return -1;
	stored = r->p->rootfs.stored != POLICY_STORED_NOT;
	for (size_t i = 0; i < r->p->n_mounts; i++) {
		if (store_mount(&s, (int)i) < 0)
			return -1;
		stored |= r->mounts[i].stored != POLICY_STORED_NOT;
	}
	r->p->store.undo = s.undo && stored;
	r->p->store.size = s.disk->set && stored ? s.disk->v : 0;
	return 0;
}
