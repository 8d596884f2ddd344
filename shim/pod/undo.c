/* SPDX-License-Identifier: Apache-2.0
 * undo.c - the store of a container: decided, made, and in the end kept or dropped.
 */
#include "shim/pod/undo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/pod/undo_copy.h"
#include "shim/pod/undo_mounts.h"
#include "shim/pod/undo_store.h"
#include "shim/pod/undo_tree.h"
#include "shim/sandbox/rootless.h"
#include "shim/sandbox/store.h"

/* Init may be in a user namespace where it is not the owner of the store: it passes through, and sees no names. */
enum { STORE_MODE = 0711 };

void undo_done(struct undo *u)
{
	/* A guardian may have it, too. */
	if (u->store_fd >= 0)
		(void)flock(u->store_fd, LOCK_UN);
	ps_fd_close(&u->store_fd);
	ps_fd_close(&u->tmpfs_fd);
}

/* ---- What gets a folder ---- */

struct planning {
	struct ps_arena *a;
	const struct undo_use *use;
	struct policy *p;
	struct undo_place *places;
	size_t n, n_names;
	struct ps_err *e;
};

static bool has_stored(const struct policy *p)
{
	bool stored = p->rootfs.stored != POLICY_STORED_NOT;

	for (size_t i = 0; i < p->n_mounts; i++)
		stored |= p->mounts[i].stored != POLICY_STORED_NOT;
	return stored;
}

static const char *new_name(struct planning *w, const char *below)
{
	return ps_arena_printf(w->a, "%zu%s", w->n_names++, below);
}

/* The place as the host has it now.  What leads to it by a link then is not it. */
static int add_place(struct planning *w, const char *source, const char *target, bool is_file, const char **ret_name)
{
	ps_auto_fd int fd = open(source, O_PATH | O_CLOEXEC);
	struct undo_place *p = &w->places[w->n];
	char real[PATH_MAX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || ps_fd_path(fd, real) < 0)
		return ps_fail_os(w->e, "undo: open '%s'", source);
	for (const char *s = real; *s;) {
		size_t len = ps_utf8_len(s, strlen(s));

		if (!len)
			return ps_fail(w->e, PS_E_UNSUPP, "undo: the name '%s' is not UTF-8", real);
		s += len;
	}
	*p = (struct undo_place){ .name = new_name(w, ""), .source = ps_arena_strdup(w->a, real), .target = target,
				  .is_file = is_file, .dev = st.st_dev, .ino = st.st_ino };
	*ret_name = p->name && is_file ? ps_arena_printf(w->a, "%s/file", p->name) : p->name;
	if (!p->name || !p->source || !*ret_name)
		return ps_fail_os(w->e, "memory for undo");
	w->n++;
	return 0;
}

static int plan_mount(struct planning *w, struct policy_mount *m)
{
	switch (m->stored) {
	case POLICY_STORED_NOT:
		return 0;
	case POLICY_STORED_NEW:
		m->store_name = new_name(w, "");
		return m->store_name ? 0 : ps_fail_os(w->e, "memory for undo");
	case POLICY_STORED_OVER:
		/* What is mounted below is a place of its own; with it the kernel makes no layer of a locked tree. */
		if (!rootless_entered())
			m->recursive = false;
		return add_place(w, m->source, m->target, false, &m->store_name);
	case POLICY_STORED_COPY:
		return add_place(w, m->source, m->target, true, &m->store_name);
	}
	return 0;
}

/* An overlay cannot lie in what it shows; and its own files are no place's. */
static int check_outside(const struct planning *w, const char *store)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->places[i].is_file && perm_path_below(store, w->places[i].source))
			return ps_fail(w->e, PS_E_UNSUPP,
				       "undo: '%s' holds podshim's own folder for changes, '%s': set XDG_STATE_HOME to a folder "
				       "outside of it, or give --disk SIZE, which keeps them in memory until the end",
				       w->places[i].source, store);
	return 0;
}

int undo_refuse_pod(const struct policy *p, struct ps_err *e)
{
	if (p->store.undo)
		return ps_fail(e, PS_E_UNSUPP, "undo is for 'podshim run' and 'create': the runners of a pod write to the host itself");
	return p->store.size ? ps_fail(e, PS_E_UNSUPP, "a limit of disk space is for 'podshim run' and 'create', not for the runners of a pod") : 0;
}

static int check_use(const struct undo_use *use, const struct policy *p, struct ps_err *e)
{
	if (use->is_runner && undo_refuse_pod(p, e) < 0)
		return -1;
	/* Whoever commits or discards it later has but his own id. */
	if (p->store.undo && rootless_has_ranges())
		return ps_fail(e, PS_E_UNSUPP,
			       "undo without root is for containers that map the caller's own ids alone: what others write could be "
			       "neither committed nor discarded");
	if (p->store.undo && p->store.size && !use->waits)
		return ps_fail(e, PS_E_UNSUPP,
			       "--disk with undo keeps changes in memory until the end of the run, and somebody has to be there: "
			       "it is for 'podshim run' in the foreground");
	return 0;
}

int undo_plan(struct ps_arena *a, const struct undo_use *use, const struct policy *p, const struct policy **ret, struct undo *u,
	      struct ps_err *e)
{
	struct planning w = { .a = a, .use = use, .e = e };
	char root[PATH_MAX];

	if (!has_stored(p))
		return 0;
	w.p = ps_arena_new(a, struct policy);
	if (!w.p)
		return ps_fail_os(e, "memory for undo");
	*w.p = *p;
	if (check_use(use, p, e) < 0 || undo_split_mounts(a, w.p, e) < 0 || undo_root_path(use->root, root, e) < 0)
		return -1;
	struct policy_mount *mounts = ps_arena_array(a, w.p->n_mounts + 1, sizeof(*mounts));

	w.places = ps_arena_array(a, w.p->n_mounts + 1, sizeof(*w.places));
	if (!mounts || !w.places)
		return ps_fail_os(e, "memory for undo");
	memcpy(mounts, w.p->mounts, w.p->n_mounts * sizeof(*mounts));
	if (p->rootfs.stored == POLICY_STORED_OVER && add_place(&w, p->rootfs.path, "/", false, &w.p->rootfs.store_name) < 0)
		return -1;
	for (size_t i = 0; i < w.p->n_mounts; i++)
		if (plan_mount(&w, &mounts[i]) < 0)
			return -1;
	w.p->mounts = mounts;
	if (!p->store.size) {
		if (check_outside(&w, root) < 0)
			return -1;
		w.p->store.path = ps_arena_printf(a, "%s/%s", root, use->id ? use->id : "ID");
	}
	u->size = p->store.size;
	u->owner_uid = p->uid_maps.n ? p->uid_maps.v[0].host : geteuid();
	u->owner_gid = p->gid_maps.n ? p->gid_maps.v[0].host : getegid();
	if (p->store.undo) {
		u->record = ps_arena_new(a, struct undo_record);
		if (!u->record || (p->store.size ? 0 : !w.p->store.path))
			return ps_fail_os(e, "memory for undo");
		*u->record = (struct undo_record){ .id = use->id, .root = use->root, .in_memory = p->store.size, .places = w.places,
						   .n = w.n };
	}
	*ret = w.p;
	return 0;
}

/* ---- Made ---- */

/* What an overlay says of its directory is what its upper layer is: as the real one, and with no more rights. */
static int look_like(int fd, int real, const struct stat *st)
{
	mode_t mode = st->st_mode & 01777;
	char link[32];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", real);
	if (fchown(fd, st->st_uid, st->st_gid) < 0 && access(link, W_OK) < 0)
		mode &= ~(mode_t)0222;
	return fchmod(fd, mode);
}

static int make_dir(int at, const char *name, mode_t mode, int *ret_fd)
{
	ps_auto_fd int fd = -1;

	if (mkdirat(at, name, 0700) < 0)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -1;
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

static int make_layers(const struct undo *u, int dir, int real, const struct stat *st, struct ps_err *e)
{
	ps_auto_fd int upper = -1;
	ps_auto_fd int work = -1;

	if (make_dir(dir, "upper", 0700, &upper) < 0 || make_dir(dir, "work", 0700, &work) < 0)
		return ps_fail_os(e, "make the layers");
	/* The kernel works in it with init's rights. */
	if ((u->owner_uid != geteuid() || u->owner_gid != getegid()) && fchown(work, (uid_t)u->owner_uid, (gid_t)u->owner_gid) < 0)
		return ps_fail_os(e, "give a layer to the container's root");
	if (fsetxattr(upper, "user.podshim", "", 0, 0) < 0)
		return ps_fail_os(e, "undo takes a file system with extended attributes of users (tmpfs: Linux 6.6), and this one refuses them");
	(void)fremovexattr(upper, "user.podshim");
	return look_like(upper, real, st) < 0 ? ps_fail_os(e, "make a layer look like the real folder") : 0;
}

static int make_place(const struct undo *u, int at, const struct undo_place *p, struct ps_err *e)
{
	ps_auto_fd int real = ps_openat2(AT_FDCWD, p->source, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	ps_auto_fd int dir = -1;
	struct stat st;

	if (real < 0 || fstat(real, &st) < 0)
		return ps_fail_os(e, "open '%s'", p->source);
	if (st.st_dev != p->dev || st.st_ino != p->ino)
		return ps_fail(e, PS_E_STATE, "'%s' was replaced meanwhile", p->source);
	if (make_dir(at, p->name, STORE_MODE, &dir) < 0)
		return ps_fail_os(e, "make a folder for '%s'", p->source);
	if ((p->is_file ? undo_copy_in(real, dir, "file", e) : make_layers(u, dir, real, &st, e)) < 0)
		return ps_ctx(e, "'%s'", p->source);
	return 0;
}

/* One store of an id: what an earlier one left is either nothing or somebody's work. */
static int reserve(struct undo *u, const struct pod_env *env, int root_fd, const char *id, struct ps_err *e)
{
	size_t kept = 0;

	if (mkdirat(root_fd, id, STORE_MODE) < 0 && errno == EEXIST) {
		if (undo_settle(env, id, &kept, e) < 0)
			return -1;
		if (kept || (mkdirat(root_fd, id, STORE_MODE) < 0 && errno == EEXIST))
			return ps_fail(e, PS_E_EXISTS,
				       "changes of an earlier '%s' are kept: see 'podshim diff %s', then commit or discard them", id, id);
	}
	u->store_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->store_fd < 0 || fchmod(u->store_fd, STORE_MODE) < 0)
		return ps_fail_os(e, "make the store of '%s'", id);
	return flock(u->store_fd, LOCK_EX | LOCK_NB) < 0 ? ps_fail_os(e, "lock the store of '%s'", id) : 0;
}

int undo_make(struct ps_arena *a, struct undo *u, const struct pod_env *env, struct ps_err *e)
{
	struct undo_record *r = u->record;
	ps_auto_fd int root_fd = -1;
	struct timespec now;

	(void)a;
	if (u->size && store_make(u->size, &u->tmpfs_fd, e) < 0)
		return -1;
	if (!r)
		return 0;
	if (undo_open_root(env->root, /* make= */ true, &root_fd, e) < 0 || reserve(u, env, root_fd, r->id, e) < 0)
		return ps_ctx(e, "undo");
	(void)clock_gettime(CLOCK_REALTIME, &now);
	r->secs = now.tv_sec;
	r->nsecs = (uint32_t)now.tv_nsec;
	if (undo_write_record(u->store_fd, r, e) < 0)
		return ps_ctx(e, "undo");
	for (size_t i = 0; i < r->n; i++)
		if (make_place(u, r->in_memory ? u->tmpfs_fd : u->store_fd, &r->places[i], e) < 0)
			return ps_ctx(e, "undo");
	return 0;
}

static int upper_of(const struct undo *u, const struct undo_place *p)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s/%s", p->name, p->is_file ? "." : "upper");
	return openat(u->record->in_memory ? u->tmpfs_fd : u->store_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int undo_begin(struct ps_arena *a, struct undo *u, struct ps_err *e)
{
	struct undo_record *r = u->record;
	bool any = false;

	for (size_t i = 0; r && i < r->n; i++) {
		struct undo_place *p = &r->places[i];
		ps_auto_fd int upper = upper_of(u, p);

		if (upper < 0)
			return ps_fail_os(e, "undo: open the layer of '%s'", p->source);
		if (!p->is_file && undo_tree_list(a, upper, &p->made, e) < 0)
			return ps_ctx(e, "undo");
		any |= p->made.n > 0;
	}
	return any ? undo_write_record(u->store_fd, r, e) : 0;
}

/* ---- The end ---- */

static int keep_place(const struct undo *u, const struct undo_place *p, struct ps_err *e)
{
	ps_auto_fd int from = openat(u->tmpfs_fd, p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int to = -1;

	if (from < 0 || make_dir(u->store_fd, p->name, STORE_MODE, &to) < 0)
		return ps_fail_os(e, "keep the changes of '%s'", p->source);
	return undo_copy_tree(from, to, p->is_file ? "file" : "upper", e) < 0 ? ps_ctx(e, "keep the changes of '%s'", p->source) : 0;
}

int undo_keep(struct undo *u, struct ps_err *e)
{
	struct undo_record *r = u->record;

	if (!r || !r->in_memory || u->store_fd < 0)
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (keep_place(u, &r->places[i], e) < 0)
			return -1;
	r->in_memory = false;
	return undo_write_record(u->store_fd, r, e);
}

static int remove_store(const char *root, const char *id, struct ps_err *e)
{
	ps_auto_fd int root_fd = -1;

	return undo_open_root(root, false, &root_fd, e) < 0 ? -1 : ps_remove_tree_at(root_fd, id, e);
}

int undo_settle(const struct pod_env *env, const char *id, size_t *ret, struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct undo_record *r = NULL;
	struct ps_err why = { 0 };
	ps_auto_fd int fd = -1;
	size_t n = 0;

	*ret = 0;
	if (undo_open(&a, env->root, id, LOCK_EX, &fd, &r, &why) < 0) {
		/* Without a record it was never written to. */
		if (why.cls == PS_E_NOTFOUND || (why.cls == PS_E_OS && why.sys == ENOENT))
			return why.sys == ENOENT ? remove_store(env->root, id, e) : 0;
		if (e)
			*e = why;
		return -1;
	}
	if (!r->in_memory && undo_tree_count(fd, r, &n, e) < 0)
		return -1;
	*ret = n;
	return n ? 0 : remove_store(env->root, id, e);
}

int undo_drop(const struct pod_env *env, const char *id, struct ps_err *e)
{
	return remove_store(env->root, id, e);
}

int undo_gc(const struct pod_env *env, struct ps_buf *report, struct ps_err *e)
{
	ps_auto_fd int root_fd = -1;
	struct dirent *de;
	struct stat st;

	if (undo_open_root(env->root, false, &root_fd, NULL) < 0)
		return 0;
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	while (d && (de = readdir(d))) {
		char dir[PATH_MAX];
		struct ps_err why = { 0 };
		size_t kept = 0;

		if (!container_id_valid(de->d_name) || ps_path_join(dir, sizeof(dir), env->root, de->d_name) < 0 || stat(dir, &st) == 0)
			continue;
		/* In use: somebody makes a container just now. */
		if (undo_settle(env, de->d_name, &kept, &why) == 0 && !kept)
			ps_buf_printf(report, "changes of %s: there are none\n", de->d_name);
	}
	(void)e;
	return 0;
}
