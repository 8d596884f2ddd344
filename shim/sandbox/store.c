/* SPDX-License-Identifier: Apache-2.0
 * store.c - what a container writes to instead of the host: overlays over the host's directories, folders of a limited tmpfs.
 */
#include "shim/sandbox/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/path.h"
#include "shim/sandbox/mount_util.h"
#include "shim/sandbox/procfs.h"

/* A page for each file, and some that are empty: inodes are not counted in a tmpfs's size. */
enum { PAGE = 4096, SPARE_INODES = 1024 };

int store_make(uint64_t size, int *ret_fd, struct ps_err *e)
{
	char bytes[40], inodes[40];
	ps_auto_fd int fs = fs_open("tmpfs", e);
	ps_auto_fd int mnt = -1;

	(void)snprintf(bytes, sizeof(bytes), "size=%llu", (unsigned long long)size);
	(void)snprintf(inodes, sizeof(inodes), "nr_inodes=%llu", (unsigned long long)(size / PAGE + SPARE_INODES));
	if (fs < 0 || fs_option(fs, "source=podshim", e) < 0 || fs_option(fs, "mode=1777", e) < 0 ||
	    fs_option(fs, bytes, e) < 0 || fs_option(fs, inodes, e) < 0)
		return -1;
	mnt = fs_mount(fs, 0, e); /* each folder has the flags of its own mount */
	if (mnt < 0)
		return ps_ctx(e, "a tmpfs of %llu bytes", (unsigned long long)size);
	*ret_fd = ps_take_fd(&mnt);
	return 0;
}

/* ---- Mounting for a moment ---- */

/* Descriptors as relative names: overlay layers and mounts to be ended are told by path. */
struct by_name { int cwd; };

static int by_name_begin(const struct sandbox *sb, struct by_name *b, struct ps_err *e)
{
	ps_auto_fd int fds = procfs_open_at(sb, "self/fd", O_RDONLY | O_DIRECTORY);
	ps_auto_fd int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fds < 0 || cwd < 0 || fchdir(fds) < 0)
		return ps_fail_os(e, "go to our descriptors");
	b->cwd = ps_take_fd(&cwd);
	return 0;
}

static void by_name_end(struct by_name *b)
{
	if (b->cwd >= 0)
		(void)!fchdir(b->cwd);
	ps_fd_close(&b->cwd);
}

static int end_mount(const struct sandbox *sb, int mnt, struct ps_err *e)
{
	struct by_name b ps_auto(by_name_end) = { -1 };
	char name[16];

	(void)snprintf(name, sizeof(name), "%d", mnt);
	if (by_name_begin(sb, &b, e) < 0)
		return -1;
	return umount2(name, MNT_DETACH) < 0 ? ps_fail_os(e, "end a mount that was made for a moment") : 0;
}

static bool has_store(const struct plan *p)
{
	bool used = p->rootfs_store;

	for (PLAN_EACH(p, struct plan_mount, m, p->mounts))
		used |= m->store != 0;
	return used;
}

static int store_fd(const struct sandbox *sb)
{
	return sb->fds[sb->plan->store_fd];
}

int store_attach(struct sandbox *sb, int at, struct ps_err *e)
{
	if (!has_store(sb->plan))
		return 0;
	if (!sb->plan->has_mount_ns || sb->plan->store_fd >= sb->plan->fds.n || store_fd(sb) < 0)
		return ps_fail(e, PS_E_BUG, "no store for what is written");
	return mnt_attach(store_fd(sb), at) < 0 ? ps_fail_os(e, "mount the store of what is written") : 0;
}

int store_detach(struct sandbox *sb, struct ps_err *e)
{
	return has_store(sb->plan) ? end_mount(sb, store_fd(sb), e) : 0;
}

/* ---- Overlays ---- */

/* As the host has them: an overlay is a mount of its own, with none of its layers' flags. */
static uint64_t flags_of(int mnt)
{
	uint64_t attrs;

	return mnt_getattr(mnt, &attrs) < 0 ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC : attrs;
}

/*
 * Nothing in the upper layer may lead elsewhere: no redirects, no metadata without data.  Attributes of the overlay's own are
 * user.overlay.* everywhere, which an ordinary user's overlay must have, and whoever looks at the store can read.
 */
static int make_overlay(const struct sandbox *sb, const char *name, int lower, struct ps_err *e)
{
	static const char *const fixed[] = { "source=podshim", "userxattr", "redirect_dir=nofollow", "metacopy=off", "index=off" };
	char below[32], upper[64], work[64];
	struct by_name b ps_auto(by_name_end) = { -1 };
	ps_auto_fd int fs = fs_open("overlay", e);

	(void)snprintf(below, sizeof(below), "lowerdir=%d", lower);
	(void)snprintf(upper, sizeof(upper), "upperdir=%d/%s/upper", store_fd(sb), name);
	(void)snprintf(work, sizeof(work), "workdir=%d/%s/work", store_fd(sb), name);
	if (fs < 0 || by_name_begin(sb, &b, e) < 0)
		return -1;
	for (size_t i = 0; i < PS_COUNT(fixed); i++)
		if (fs_option(fs, fixed[i], e) < 0)
			return -1;
	if (fs_option(fs, below, e) < 0 || fs_option(fs, upper, e) < 0 || fs_option(fs, work, e) < 0)
		return -1;
	return fs_mount(fs, flags_of(lower), e);
}

int store_overlay(struct sandbox *sb, const char *name, int lower, int *ret_mnt, struct ps_err *e)
{
	ps_auto_fd int mnt = -1;

	/* Over the store, which is mounted now: there is nothing else that could be in the way. */
	if (mnt_attach(lower, store_fd(sb)) < 0)
		return ps_fail_os(e, "mount what an overlay shows");
	mnt = make_overlay(sb, name, lower, e);
	if (mnt < 0)
		return ps_ctx(e, "overlay for undo");
	if (end_mount(sb, lower, e) < 0)
		return -1;
	*ret_mnt = ps_take_fd(&mnt);
	return 0;
}

/* ---- Folders ---- */

/* mode=, uid= and gid= of a tmpfs; what else a tmpfs takes is the store's to say. */
static int apply_options(const struct sandbox *sb, const struct plan_mount *m, int dir, struct ps_err *e)
{
	uint32_t mode = 01777, uid = UINT32_MAX, gid = UINT32_MAX;

	for (uint32_t i = 0; i < m->options.n; i++) {
		const char *option = plan_list_str(sb->plan, m->options, i);
		uint32_t bit = 0;

		if (!strncmp(option, "mode=", 5))
			for (mode = 0; option[5 + bit] >= '0' && option[5 + bit] <= '7' && bit < 5; bit++)
				mode = mode * 8 + (uint32_t)(option[5 + bit] - '0');
		if ((!strncmp(option, "uid=", 4) && ps_parse_u32(option + 4, &uid) < 0) ||
		    (!strncmp(option, "gid=", 4) && ps_parse_u32(option + 4, &gid) < 0))
			return ps_fail(e, PS_E_CONFIG, "option '%s' is no number", option);
	}
	if (fchown(dir, uid, gid) < 0 || fchmod(dir, mode & 07777) < 0)
		return ps_fail_os(e, "owner and mode of a folder of the store");
	return 0;
}

int store_open(struct sandbox *sb, const struct plan_mount *m, int *ret_mnt, struct ps_err *e)
{
	const char *name = plan_str(sb->plan, m->store);
	ps_auto_fd int mnt = -1;

	if (!strchr(name, '/') && mkdirat(store_fd(sb), name, 0700) == 0) {
		ps_auto_fd int dir = openat(store_fd(sb), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (dir < 0)
			return ps_fail_os(e, "open a folder of the store");
		if (apply_options(sb, m, dir, e) < 0)
			return -1;
	}
	ps_auto_fd int at = ps_open_in_root_nolinks(store_fd(sb), name, O_PATH | O_NOFOLLOW, 0);

	if (at < 0)
		return ps_fail_os(e, "open '%s' of the store", name);
	mnt = mnt_clone(at, false);
	if (mnt < 0)
		return ps_fail_os(e, "clone '%s' of the store", name);
	*ret_mnt = ps_take_fd(&mnt);
	return 0;
}
