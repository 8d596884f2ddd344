/* SPDX-License-Identifier: Apache-2.0
 * mounts.c - the plan's mounts, each made detached and then moved onto the fd of its target.
 */
#include "shim/sandbox/mounts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/path.h"
#include "shim/sandbox/labels.h"
#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/store.h"

enum { DIR_MODE = 0755, FILE_MODE = 0644 };

static const struct { uint64_t flag; const char *option; } sb_options[] = {
	{ MS_RDONLY, "ro" },	 { MS_SYNCHRONOUS, "sync" },  { MS_DIRSYNC, "dirsync" },
	{ MS_MANDLOCK, "mand" }, { MS_LAZYTIME, "lazytime" },
};

/* ---- Targets ---- */

/* Which files of /proc may be covered is the plan's decision; what leads into a proc file system in disguise is none. */
static int check_proc_target(const struct mnt_path *at, int target_fd, struct ps_err *e)
{
	if (!strncmp(at->clean, "/proc", 5) && (!at->clean[5] || at->clean[5] == '/'))
		return 0;
	if (mnt_fs_magic(target_fd) == MNT_PROC_MAGIC)
		return ps_fail(e, PS_E_CONFIG, "the target is inside a proc file system");
	return 0;
}

/* Open what will be mounted over, made if missing. */
static int open_target(const struct sandbox *sb, const struct mnt_path *at, bool is_dir, struct ps_err *e)
{
	int top = mnt_top_of(at->clean);
	ps_auto_fd int fd = -1;

	if (at->clean[1] == '\0')
		return ps_fail(e, PS_E_CONFIG, "nothing can be mounted over the root file system itself");
	/* Straight below a mount of ours the directory is most likely to be made: one call instead of a walk. */
	if (is_dir && at->root_fd != sb->root_fd && !strchr(at->rest, '/'))
		(void)mkdirat(at->root_fd, at->rest, DIR_MODE);
	if (top >= 0 && sb->top_fd[top] < 0)
		fd = mnt_open_top(sb, (enum sandbox_top)top, true, e);
	else if (is_dir)
		fd = ps_mkdir_in_root(at->root_fd, at->rest, DIR_MODE, e);
	else
		fd = ps_mkfile_in_root(at->root_fd, at->rest, FILE_MODE, e);
	if (fd < 0 || check_proc_target(at, fd, e) < 0)
		return -1;
	return ps_take_fd(&fd);
}

/* Attach a finished mount.  What is looked up below /dev, /proc and /sys from then on is looked up in it (takes *mnt_fd). */
static int attach(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, int *mnt_fd, int target_fd,
		  struct ps_err *e)
{
	int top = mnt_top_of(at->clean);
	int64_t magic = top >= 0 ? mnt_fs_magic(*mnt_fd) : 0;

	if (top == SANDBOX_PROC && magic != MNT_PROC_MAGIC)
		return ps_fail(e, PS_E_CONFIG, "only a proc file system may be mounted there");
	if (mnt_attach(*mnt_fd, target_fd) < 0)
		return ps_fail_os(e, "attach");
	if (mnt_propagate(*mnt_fd, m->propagation) < 0)
		return ps_fail_os(e, "set the propagation");
	/* A bound directory may hold absolute links, which mean the container's root and not it. */
	if (top >= 0 && (m->kind == PLAN_MOUNT_FS || m->kind == PLAN_MOUNT_STORE || magic == MNT_PROC_MAGIC || magic == MNT_SYSFS_MAGIC)) {
		ps_fd_close(&sb->top_fd[top]);
		sb->top_fd[top] = ps_take_fd(mnt_fd);
	}
	return 0;
}

/* ---- New file systems ---- */

static bool is_mapped(const struct plan *p, struct plan_list maps, uint32_t id)
{
	for (PLAN_EACH(p, struct plan_id_map, r, maps))
		if (id >= r->container && id - r->container < r->size)
			return true;
	return false;
}

/* The kernel says no more than EINVAL about a uid= or gid= without a mapping. */
static int check_id_option(const struct plan *p, const char *option, struct ps_err *e)
{
	bool is_gid = !strncmp(option, "gid=", 4);
	struct plan_list maps = is_gid ? p->gid_map : p->uid_map;
	uint32_t id;

	if ((!is_gid && strncmp(option, "uid=", 4) != 0) || !maps.n || ps_parse_u32(option + 4, &id) < 0 ||
	    is_mapped(p, maps, id))
		return 0;
	return ps_fail(e, PS_E_CONFIG, "option '%s': %s id %u is not mapped into the container's user namespace", option,
		       is_gid ? "group" : "user", id);
}

static int set_options(const struct sandbox *sb, const struct plan_mount *m, uint64_t sb_flags, int fs, struct ps_err *e)
{
	for (uint32_t i = 0; i < m->options.n; i++) {
		const char *option = plan_list_str(sb->plan, m->options, i);

		if (check_id_option(sb->plan, option, e) < 0 || fs_option(fs, option, e) < 0)
			return -1;
	}
	if (m->label && label_context(sb->plan, m, fs, e) < 0)
		return -1;
	for (size_t i = 0; i < PS_COUNT(sb_options); i++)
		if ((sb_flags & sb_options[i].flag) && fs_option(fs, sb_options[i].option, e) < 0)
			return -1;
	return 0;
}

/* A tmpfs over an existing directory looks like it unless told otherwise; a new one has the kernel's default, 1777. */
static void tmpfs_mode(const struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, char option[16])
{
	ps_auto_fd int dir = -1;
	struct stat st;

	if (strcmp(plan_str(sb->plan, m->fstype), "tmpfs") != 0)
		return;
	for (uint32_t i = 0; i < m->options.n; i++)
		if (!strncmp(plan_list_str(sb->plan, m->options, i), "mode=", 5))
			return;
	dir = ps_open_in_root(at->root_fd, at->rest, O_PATH | O_DIRECTORY, 0);
	if (dir >= 0 && fstat(dir, &st) == 0)
		(void)snprintf(option, 16, "mode=%o", st.st_mode & 07777U);
}

static int set_source(int fs, const char *source, struct ps_err *e)
{
	/* Unlike an option, a source may hold anything. */
	if (!*source || !strcmp(source, "none"))
		return 0;
	if (ps_sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return ps_fail_os(e, "source '%s'", source);
	return 0;
}

/* Does the plan mount anything into a /proc?  Masks come when nobody needs our procfs any more. */
static bool mounts_below_proc(const struct plan *p)
{
	char clean[PATH_MAX];

	for (PLAN_EACH(p, struct plan_mount, m, p->mounts))
		if (ps_path_clean(plan_str(p, m->target), clean, sizeof(clean)) < 0 || strncmp(clean, "/proc/", 6) == 0)
			return true;
	return false;
}

/*
 * The private procfs is the container's own as well.  Where nothing covers it and it stays writable, it is the very mount that
 * the container gets: to let go of a detached one costs a grace period of RCU.  Else a second mount of it, which spares a
 * second super block.
 */
static int share_procfs(struct sandbox *sb, const struct plan_mount *m)
{
	const uint64_t has = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, wants = mnt_attrs(m);
	ps_auto_fd int mnt = -1;

	if (!sb->proc_is_own || sb->plan->bridge_late || m->options.n || m->sb_flags ||
	    strcmp(plan_str(sb->plan, m->source), "proc") != 0)
		return -1;
	bool give = !sb->proc_is_attached && !(wants & MOUNT_ATTR_RDONLY) && !mounts_below_proc(sb->plan);

	/* mnt_clone of a detached mount: 6.15 */
	mnt = give ? fcntl(sb->proc_fd, F_DUPFD_CLOEXEC, 3) : mnt_clone(sb->proc_fd, false);
	sb->proc_is_attached |= give;
	if (mnt < 0 || (wants != has && mnt_setattr(mnt, false, wants, has & ~wants, 0) < 0))
		return -1;
	return ps_take_fd(&mnt);
}

/*
 * A read-only tmpfs is filled first: mount points, device nodes and links have to be made in it.  mounts_finish makes it
 * read-only.  The same for whatever is at /dev.
 */
static bool is_filled_first(const struct sandbox *sb, const struct plan_mount *m)
{
	char clean[PATH_MAX];

	if (m->kind != PLAN_MOUNT_FS || !(mnt_attrs(m) & MOUNT_ATTR_RDONLY))
		return false;
	return strcmp(plan_str(sb->plan, m->fstype), "tmpfs") == 0 ||
	       (ps_path_clean(plan_str(sb->plan, m->target), clean, sizeof(clean)) == 0 &&
		mnt_top_of(clean) == SANDBOX_DEV);
}

static int new_fs(struct sandbox *sb, const struct plan_mount *m, const char *mode, int target_fd, struct ps_err *e)
{
	const char *type = plan_str(sb->plan, m->fstype);
	bool is_proc = !strcmp(type, "proc"), copy_up = m->flags & PLAN_MOUNT_TMPCOPYUP;
	bool fill_first = is_filled_first(sb, m);
	uint64_t late = copy_up || fill_first ? m->sb_flags & MS_RDONLY : 0;
	ps_auto_fd int mnt = is_proc ? share_procfs(sb, m) : -1;
	ps_auto_fd int fs = -1;

	if (mnt >= 0)
		return ps_take_fd(&mnt);
	fs = is_proc ? procfs_context(sb, e) : fs_open(type, e);
	if (fs < 0 || set_source(fs, plan_str(sb->plan, m->source), e) < 0 ||
	    (*mode && fs_option(fs, mode, e) < 0) || set_options(sb, m, m->sb_flags & ~late, fs, e) < 0)
		return -1;
	mnt = fs_mount(fs, copy_up || fill_first ? mnt_attrs(m) & ~(uint64_t)MOUNT_ATTR_RDONLY : mnt_attrs(m), e);
	if (mnt < 0 || label_root(sb->plan, m, mnt, e) < 0)
		return -1;
	if (is_proc && mnt_fs_magic(mnt) != MNT_PROC_MAGIC)
		return ps_fail(e, PS_E_OS, "the new mount is no proc file system");
	if (!copy_up)
		return ps_take_fd(&mnt);
	if (mount_copy_up(target_fd, mnt, e) < 0)
		return -1;
	if (fill_first)
		return ps_take_fd(&mnt);
	if (late && (fs_option(fs, "ro", e) < 0 || fs_reconfigure(fs, e) < 0))
		return -1;
	if ((mnt_attrs(m) & MOUNT_ATTR_RDONLY) && mnt_setattr(mnt, false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
		return ps_fail_os(e, "make the mount read-only");
	return ps_take_fd(&mnt);
}

static int keep_for_finish(struct sandbox *sb, int mnt, struct ps_err *e)
{
	if (sb->n_readonly == PS_COUNT(sb->readonly_fd))
		return ps_fail(e, PS_E_UNSUPP, "more than %zu read-only tmpfs mounts", PS_COUNT(sb->readonly_fd));
	int fd = fcntl(mnt, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return ps_fail_os(e, "keep the mount");
	sb->readonly_fd[sb->n_readonly++] = fd;
	return 0;
}

static int apply_fs(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	char mode[16] = "";
	ps_auto_fd int target = -1;
	ps_auto_fd int mnt = -1;

	tmpfs_mode(sb, m, at, mode);
	target = open_target(sb, at, true, e);
	if (target < 0)
		return -1;
	if (mount_needs_classic(sb, m))
		return mount_classic(sb, m, at, target, e);
	mnt = new_fs(sb, m, mode, target, e);
	if (mnt < 0 || (is_filled_first(sb, m) && keep_for_finish(sb, mnt, e) < 0))
		return -1;
	return attach(sb, m, at, &mnt, target, e);
}

/* ---- Bind mounts and remounts ---- */

/* The flags that are asked for and no others.  Where the others are locked they stay, unless they were to go by name. */
static int set_exact(int mnt_fd, uint64_t set, const struct plan_mount *m, struct ps_err *e)
{
	const uint64_t lockable = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	const uint64_t all = lockable | MOUNT_ATTR_NOSYMFOLLOW;
	uint64_t has, kept;

	set |= m->rec_set & ~m->attr_clr & all;
	if (mnt_setattr(mnt_fd, false, set, (all & ~set) | m->attr_clr, 0) == 0)
		return 0;
	if (errno != EPERM || mnt_getattr(mnt_fd, &has) < 0)
		return mnt_fail_setattr(mnt_fd, set, m->attr_clr, e);
	kept = set | (has & lockable & ~m->attr_clr);
	if (mnt_setattr(mnt_fd, false, kept, (all & ~kept) | m->attr_clr, 0) < 0)
		return mnt_fail_setattr(mnt_fd, set, m->attr_clr, e);
	return 0;
}

/* Unless the row says so, nothing but what was asked for is cleared: locked flags that nobody mentioned stay as they are. */
static int set_attrs(int mnt_fd, const struct plan_mount *m, struct ps_err *e)
{
	const uint64_t set = m->attr_set & ~(uint64_t)MOUNT_ATTR_IDMAP;

	if ((m->rec_set || m->rec_clr) && mnt_setattr(mnt_fd, true, m->rec_set, m->rec_clr, 0) < 0)
		return mnt_fail_setattr(mnt_fd, m->rec_set, m->rec_clr, e);
	if (m->flags & PLAN_MOUNT_EXACT)
		return set_exact(mnt_fd, set, m, e);
	if ((set || m->attr_clr) && mnt_setattr(mnt_fd, false, set, m->attr_clr, 0) < 0)
		return mnt_fail_setattr(mnt_fd, set, m->attr_clr, e);
	return 0;
}

/* A link of the host's where the container has none yet; what is there already must be the same. */
static int copy_symlink(int link, const struct mnt_path *at, struct ps_err *e)
{
	char target[PATH_MAX], found[PATH_MAX], name[NAME_MAX + 1];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1), m;
	ps_auto_fd int dir = -1;

	if (n < 0)
		return ps_fail_os(e, "read the link");
	target[n] = '\0';
	dir = ps_open_parent_in_root(at->root_fd, at->rest, true, name, e);
	if (dir < 0)
		return -1;
	if (symlinkat(target, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return ps_fail_os(e, "make the link");
	m = readlinkat(dir, name, found, sizeof(found));
	if (m == n && !memcmp(found, target, (size_t)n))
		return 0;
	return ps_fail(e, PS_E_CONFIG, "there is something else than a link to '%s'", target);
}

/*
 * What rows before this one put there, and no other place that a link in the root file system or in a mount would name: flags that
 * keep that one safe might be cleared.
 */
static int clone_inside(const struct sandbox *sb, const struct plan_mount *m, struct ps_err *e)
{
	const bool recursive = m->flags & PLAN_MOUNT_INSIDE_REC;
	struct mnt_path at;

	if (mnt_path(sb, plan_str(sb->plan, m->source), &at, e) < 0)
		return -1;
	ps_auto_fd int fd = ps_open_in_root_nolinks(at.root_fd, at.rest, O_PATH, 0);

	if (fd < 0 && errno == ELOOP)
		return ps_fail(e, PS_E_CONFIG, "a part of the source is a symbolic link in the container");
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ps_fail(e, PS_E_NOTFOUND, "the mounts before it put nothing there")
							   : ps_fail_os(e, "open the source in the container");
	ps_auto_fd int tree = mnt_clone(fd, recursive);

	if (tree < 0)
		return ps_fail_os(e, "clone the source");
	if (!(m->propagation & MS_SHARED) && mnt_setattr(tree, recursive, 0, 0, MS_SLAVE) < 0)
		return ps_fail_os(e, "make the clone of the source a slave");
	return ps_take_fd(&tree);
}

static int apply_bind(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	ps_auto_fd int tree = m->flags & PLAN_MOUNT_INSIDE ? clone_inside(sb, m, e) : ps_take_fd(&sb->fds[m->fd]);
	ps_auto_fd int target = -1;
	struct stat st;
	bool is_dir;

	if (tree < 0)
		return -1;
	if (fstat(tree, &st) < 0)
		return ps_fail_os(e, "look at the source");
	if (S_ISLNK(st.st_mode))
		return copy_symlink(tree, at, e);
	is_dir = S_ISDIR(st.st_mode);
	target = open_target(sb, at, is_dir, e);
	if (target < 0 || set_attrs(tree, m, e) < 0)
		return -1;
	if (m->store) {
		ps_auto_fd int lower = ps_take_fd(&tree);

		if (store_overlay(sb, plan_str(sb->plan, m->store), lower, &tree, e) < 0)
			return -1;
	}
	if (!is_dir && fstat(target, &st) == 0 && S_ISDIR(st.st_mode))
		return ps_fail(e, PS_E_CONFIG, "the source is a file, the target a directory");
	return attach(sb, m, at, &tree, target, e);
}

static int apply_store(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	ps_auto_fd int mnt = -1;
	ps_auto_fd int target = -1;
	struct stat st;

	if (store_open(sb, m, &mnt, e) < 0)
		return -1;
	if (fstat(mnt, &st) < 0)
		return ps_fail_os(e, "look at the store");
	target = open_target(sb, at, S_ISDIR(st.st_mode), e);
	if (target < 0 || set_attrs(mnt, m, e) < 0)
		return -1;
	if ((m->flags & PLAN_MOUNT_TMPCOPYUP) && mount_copy_up(target, mnt, e) < 0)
		return -1;
	return attach(sb, m, at, &mnt, target, e);
}

static int apply_remount(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	const bool reconfigures = m->options.n || m->sb_flags;
	ps_auto_fd int fs = -1;
	/* A super block may be shared with the host: no link may choose it. */
	ps_auto_fd int mnt = reconfigures ? ps_open_in_root_nolinks(at->root_fd, at->rest, O_PATH, 0)
					  : ps_open_in_root(at->root_fd, at->rest, O_PATH, 0);

	if (mnt < 0)
		return ps_fail_os(e, "open the target");
	if (reconfigures) {
		fs = ps_sys_fspick(mnt, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
		if (fs < 0)
			return ps_fail_os(e, errno == EINVAL ? "nothing is mounted there" : "pick the super block");
		if (set_options(sb, m, m->sb_flags, fs, e) < 0 || fs_reconfigure(fs, e) < 0)
			return -1;
	}
	if (set_attrs(mnt, m, e) < 0)
		return -1;
	return mnt_propagate(mnt, m->propagation) < 0 ? ps_fail_os(e, "set the propagation") : 0;
}

/* Hierarchies go into the attached tmpfs: a detached tree cannot be mounted on before 6.15. */
static int apply_cgroup1(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	ps_auto_fd int target = open_target(sb, at, true, e);
	ps_auto_fd int dir = target < 0 ? -1 : cgroup1_dir(sb, m, e);

	return dir < 0 || attach(sb, m, at, &dir, target, e) < 0 ? -1 : cgroup1_fill(sb, m, dir, e);
}

static int apply_cgroup2(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	ps_auto_fd int target = open_target(sb, at, true, e);
	ps_auto_fd int mnt = target < 0 ? -1 : cgroup2_mount(sb, m, e);

	return mnt < 0 ? -1 : attach(sb, m, at, &mnt, target, e);
}

/* ---- Rows ---- */

static int apply(struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, struct ps_err *e)
{
	switch ((enum plan_mount_kind)m->kind) {
	case PLAN_MOUNT_FS:
		return apply_fs(sb, m, at, e);
	case PLAN_MOUNT_BIND:
		return apply_bind(sb, m, at, e);
	case PLAN_MOUNT_REMOUNT:
		return apply_remount(sb, m, at, e);
	case PLAN_MOUNT_CGROUP1:
		return apply_cgroup1(sb, m, at, e);
	case PLAN_MOUNT_CGROUP2:
		return apply_cgroup2(sb, m, at, e);
	case PLAN_MOUNT_STORE:
		return apply_store(sb, m, at, e);
	}
	return ps_fail(e, PS_E_BUG, "unknown kind %u", m->kind);
}

static const char *row_label(const struct plan *p, const struct plan_mount *m)
{
	if (m->kind == PLAN_MOUNT_CGROUP1 || m->kind == PLAN_MOUNT_CGROUP2)
		return "cgroup";
	if (m->kind == PLAN_MOUNT_REMOUNT)
		return "remount";
	return plan_str(p, m->kind == PLAN_MOUNT_BIND ? m->source : m->fstype);
}

int mounts_apply(struct sandbox *sb, struct ps_err *e)
{
	if (sb->plan->mounts.n && !sb->plan->has_mount_ns)
		return ps_fail(e, PS_E_CONFIG, "mounts need a mount namespace of the container's own");
	if (store_attach(sb, sb->root_fd, e) < 0)
		return -1;
	for (PLAN_EACH(sb->plan, struct plan_mount, m, sb->plan->mounts)) {
		struct mnt_path at;

		if (mnt_path(sb, plan_str(sb->plan, m->target), &at, e) == 0 && apply(sb, m, &at, e) == 0)
			continue;
		ps_ctx(e, "mount '%s' to '%s'", row_label(sb->plan, m), plan_str(sb->plan, m->target));
		return ps_at_from(e, plan_str(sb->plan, m->from), "");
	}
	return store_detach(sb, e);
}

int mounts_finish(struct sandbox *sb, struct ps_err *e)
{
	for (; sb->n_readonly; ps_fd_close(&sb->readonly_fd[--sb->n_readonly]))
		if (mnt_setattr(sb->readonly_fd[sb->n_readonly - 1], false, MOUNT_ATTR_RDONLY, 0, 0) < 0)
			return ps_fail_os(e, "make a filled tmpfs read-only");
	return 0;
}
