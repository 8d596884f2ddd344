/* SPDX-License-Identifier: Apache-2.0
 * mount_util.c - container paths, detached mounts and file-system contexts, one system call at a time.
 */
#include "shim/sandbox/mount_util.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/path.h"

enum { DIR_MODE = 0755 };

static const struct {
	const char *path;
	size_t len;
} tops[SANDBOX_N_TOPS] = {
	[SANDBOX_DEV] = { "/dev", 4 },
	[SANDBOX_PROC] = { "/proc", 5 },
	[SANDBOX_SYS] = { "/sys", 4 },
};

int mnt_top_of(const char *clean)
{
	for (int i = 0; i < SANDBOX_N_TOPS; i++)
		if (!strcmp(clean, tops[i].path))
			return i;
	return -1;
}

int mnt_path(const struct sandbox *sb, const char *path, struct mnt_path *ret, struct ps_err *e)
{
	if (ps_path_clean(path, ret->clean, sizeof(ret->clean)) < 0)
		return ps_fail_os(e, "path '%s'", path);
	ret->root_fd = sb->root_fd;
	ret->rest = ret->clean;
	for (size_t i = 0; i < SANDBOX_N_TOPS; i++) {
		const char *rest = ret->clean + tops[i].len;

		if (sb->top_fd[i] < 0 || strncmp(ret->clean, tops[i].path, tops[i].len) != 0 || (*rest && *rest != '/'))
			continue;
		ret->root_fd = sb->top_fd[i];
		ret->rest = *rest ? rest + 1 : ".";
	}
	return 0;
}

int mnt_open_top(const struct sandbox *sb, enum sandbox_top top, bool make, struct ps_err *e)
{
	const char *path = tops[top].path;
	int fd;

	if (sb->top_fd[top] >= 0) {
		fd = fcntl(sb->top_fd[top], F_DUPFD_CLOEXEC, 3);
		return fd >= 0 ? fd : ps_fail_os(e, "duplicate the fd of '%s'", path);
	}
	fd = ps_open_in_root_nolinks(sb->root_fd, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(sb->root_fd, path + 1, DIR_MODE) < 0 && errno != EEXIST)
			return ps_fail_os(e, "create directory '%s'", path);
		fd = ps_open_in_root_nolinks(sb->root_fd, path, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0 && errno == ELOOP)
		return ps_fail(e, PS_E_CONFIG, "'%s' of the container's root file system is a symbolic link: it must be mounted on ordinary directory", path);
	return fd >= 0 ? fd : ps_fail_os(e, "open directory '%s'", path);
}

int mnt_find(const struct sandbox *sb, const char *path, int *ret_fd, struct ps_err *e)
{
	struct mnt_path at;
	int fd;

	if (mnt_path(sb, path, &at, e) < 0)
		return -1;
	fd = ps_open_in_root(at.root_fd, at.rest, O_PATH, 0);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : ps_fail_os(e, "open");
	*ret_fd = fd;
	return 0;
}

int mnt_fail_other(const char *path, struct ps_err *e)
{
	return ps_fail(e, PS_E_STATE, "'%s' is not what it was when the permissions were frozen", path);
}

int mnt_find_object(const struct sandbox *sb, const char *path, struct ps_object object, int *ret_fd, struct ps_err *e)
{
	ps_auto_fd int fd = -1;
	int rc = mnt_find(sb, path, &fd, e);

	if (rc < 0 || (rc > 0 && !object.ino))
		return rc;
	if (rc > 0 || !ps_object_is(fd, object))
		return mnt_fail_other(path, e);
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

int mnt_clone(int fd, bool recursive)
{
	return ps_sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
						(recursive ? AT_RECURSIVE : 0U));
}

int mnt_attach(int mnt_fd, int target_fd)
{
	return ps_sys_move_mount(mnt_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mnt_attach_at(int mnt_fd, int dir_fd, const char *name)
{
	return ps_sys_move_mount(mnt_fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
}

int mnt_setattr(int mnt_fd, bool recursive, uint64_t set, uint64_t clr, uint64_t propagation)
{
	struct ps_mount_attr attr = { .attr_set = set, .attr_clr = clr, .propagation = propagation };

	/* The access-time mode is one field: to set it is to replace it. */
	if (set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return ps_sys_mount_setattr(mnt_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), &attr);
}

static const struct { uint64_t attr; unsigned long st; const char *name; } vfs_flags[] = {
	{ MOUNT_ATTR_RDONLY, ST_RDONLY, "ro" },	  { MOUNT_ATTR_NOSUID, ST_NOSUID, "nosuid" },
	{ MOUNT_ATTR_NODEV, ST_NODEV, "nodev" },  { MOUNT_ATTR_NOEXEC, ST_NOEXEC, "noexec" },
	{ MOUNT_ATTR_NOATIME, ST_NOATIME, "noatime" },
	{ MOUNT_ATTR_NODIRATIME, ST_NODIRATIME, "nodiratime" },
};

int mnt_getattr(int mnt_fd, uint64_t *ret)
{
	uint64_t attrs = 0;
	struct statvfs st;

	if (fstatvfs(mnt_fd, &st) < 0)
		return -1;
	for (size_t i = 0; i < PS_COUNT(vfs_flags); i++)
		attrs |= st.f_flag & vfs_flags[i].st ? vfs_flags[i].attr : 0;
	*ret = attrs;
	return 0;
}

int mnt_fail_setattr(int mnt_fd, uint64_t set, uint64_t clr, struct ps_err *e)
{
	const uint64_t atime = (set | clr) & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME) ?
				       MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME : 0U;
	char names[64] = "";
	size_t len = 0;
	uint64_t has;
	int err = errno;

	if (err == EPERM && mnt_getattr(mnt_fd, &has) == 0) {
		for (size_t i = 0; i < PS_COUNT(vfs_flags); i++) {
			size_t n = strlen(vfs_flags[i].name);

			if (!((clr | atime) & has & vfs_flags[i].attr) || len + n + 2 > sizeof(names))
				continue;
			if (len)
				names[len++] = ',';
			memcpy(names + len, vfs_flags[i].name, n + 1);
			len += n;
		}
	}
	errno = err;
	if (len)
		return ps_fail_os(e, "cannot clear locked flags %s of the source's mount", names);
	if (err == EPERM && atime)
		return ps_fail_os(e, "cannot change the locked access times of the source's mount");
	return ps_fail_os(e, err == EINVAL ? "set the mount's flags (is anything mounted there?)" : "set the mount's flags");
}

int mnt_propagate(int mnt_fd, uint64_t propagation)
{
	uint64_t kind = propagation & ~(uint64_t)MS_REC;

	return kind ? mnt_setattr(mnt_fd, propagation & MS_REC, 0, 0, kind) : 0;
}

uint64_t mnt_attrs(const struct plan_mount *m)
{
	return ((m->attr_set & ~m->rec_clr) | m->rec_set) & ~(uint64_t)MOUNT_ATTR_IDMAP;
}

int64_t mnt_fs_magic(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ? -1 : (int64_t)fs.f_type;
}

/* ---- File-system contexts ---- */

/* errno, and the last error line that the context has kept ("e <text>"). */
static int fs_fail(int fs_fd, struct ps_err *e, const char *what, const char *object)
{
	int err = errno;
	char line[256], last[sizeof(line)] = "";
	ssize_t n;

	while ((n = read(fs_fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'e' && line[1] == ' ')
			memcpy(last, line + 2, strlen(line + 2) + 1);
	}
	errno = err;
	return *last ? ps_fail_os(e, "%s%s (kernel: %s)", what, object, last) : ps_fail_os(e, "%s%s", what, object);
}

int fs_open(const char *type, struct ps_err *e)
{
	int fd = ps_sys_fsopen(type, FSOPEN_CLOEXEC);

	if (fd < 0 && errno == ENODEV)
		return ps_fail_os(e, "the kernel has no file system '%s'", type);
	return fd >= 0 ? fd : ps_fail_os(e, "open file system '%s'", type);
}

int fs_option(int fs_fd, const char *option, struct ps_err *e)
{
	const char *value = strchr(option, '=');
	size_t n = value ? (size_t)(value - option) : strlen(option);
	char key[256];
	int rc;

	if (n >= sizeof(key))
		return ps_fail(e, PS_E_CONFIG, "option '%.32s...' is too long", option);
	memcpy(key, option, n);
	key[n] = '\0';
	if (value)
		rc = ps_sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value + 1, 0);
	else
		rc = ps_sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	return rc < 0 ? fs_fail(fs_fd, e, "option ", option) : 0;
}

int fs_mount(int fs_fd, uint64_t attrs, struct ps_err *e)
{
	int fd;

	if (ps_sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_fail(fs_fd, e, "create the super block", "");
	fd = ps_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return fd >= 0 ? fd : fs_fail(fs_fd, e, "make the mount", "");
}

int fs_reconfigure(int fs_fd, struct ps_err *e)
{
	if (ps_sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fs_fail(fs_fd, e, "reconfigure the super block", "");
	return 0;
}
