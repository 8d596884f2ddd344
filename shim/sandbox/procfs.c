/* SPDX-License-Identifier: Apache-2.0
 * procfs.c - the only way to /proc: a private instance nobody else can mount over.
 */
#include "shim/sandbox/procfs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "shim/sandbox/mount_util.h"

bool procfs_refused;

/* A detached instance; nothing below it was ever visible to anybody else. */
static int own_procfs(void)
{
	ps_auto_fd int fs = procfs_refused ? -1 : fs_open("proc", NULL);

	if (fs < 0 || fs_option(fs, "source=proc", NULL) < 0)
		return -1;
	return fs_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, NULL);
}

static int found_procfs(void)
{
	ps_auto_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (mnt_fs_magic(fd) != MNT_PROC_MAGIC || st.st_ino != MNT_PROC_ROOT_INODE) {
		errno = EXDEV;
		return -1;
	}
	return ps_take_fd(&fd);
}

int procfs_open(struct sandbox *sb, struct ps_err *e)
{
	int fd = own_procfs();
	bool is_own = fd >= 0;

	if (!is_own)
		fd = found_procfs();
	if (fd < 0 && errno == EXDEV)
		return ps_fail(e, PS_E_UNSUPP, "'/proc' is not the root of a proc file system and the kernel permits no other");
	if (fd < 0)
		return ps_fail_os(e, "open a private procfs");
	ps_fd_close(&sb->proc_fd);
	sb->proc_fd = fd;
	sb->proc_is_own = is_own;
	return 0;
}

/* Without openat2(2): no "..", no link as last component, and the outcome must be on the mount we started from. */
static int open_and_check(int proc_fd, const char *path, uint64_t flags)
{
	ps_auto_fd int fd = -1;
	uint64_t proc_mount, mount;
	size_t n;

	for (const char *p = path; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (!n || (n == 2 && !strncmp(p, "..", 2))) {
			errno = EXDEV;
			return -1;
		}
	}
	fd = openat(proc_fd, path, (int)(flags | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || ps_sys_mount_id(proc_fd, &proc_mount) < 0 || ps_sys_mount_id(fd, &mount) < 0)
		return -1;
	if (mount != proc_mount) {
		errno = EXDEV;
		return -1;
	}
	return ps_take_fd(&fd);
}

int procfs_open_at(const struct sandbox *sb, const char *path, uint64_t flags)
{
	ps_auto_fd int found = sb->proc_fd < 0 ? found_procfs() : -1;
	int proc_fd = sb->proc_fd < 0 ? found : sb->proc_fd, fd;

	if (proc_fd < 0)
		return -1;
	fd = ps_openat2(proc_fd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	return fd >= 0 || (errno != ENOSYS && errno != EPERM) ? fd : open_and_check(proc_fd, path, flags);
}

int procfs_write(const struct sandbox *sb, const char *path, const char *text, struct ps_err *e)
{
	ps_auto_fd int fd = procfs_open_at(sb, path, O_WRONLY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return ps_fail_os(e, "open '/proc/%s' to write '%s'", path, text);
	n = write(fd, text, len);
	if (n < 0)
		return ps_fail_os(e, "write '%s' to '/proc/%s'", text, path);
	if ((size_t)n != len)
		return ps_fail(e, PS_E_OS, "write '%s' to '/proc/%s': only %zd bytes were taken", text, path, n);
	return 0;
}

int procfs_set_oom_score_adj(const struct sandbox *sb, int value, struct ps_err *e)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", value);
	return procfs_write(sb, "self/oom_score_adj", text, e);
}
