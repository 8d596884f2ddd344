/* SPDX-License-Identifier: Apache-2.0
 * reader.c - ways to a file that is not to be read, or to change one that is not to be written.
 *
 *	reader read SECRET SCRATCH     SECRET holds "secret"; SCRATCH: a directory that may be written
 *	reader write TARGET SCRATCH    TARGET holds "untouched"
 *
 * One line per way: its name and "open" or "shut".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ring.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif

enum { OPEN = 42 };

static const char *target, *scratch;
static char parent[4096], base[256];

static void try(const char *name, int (*way)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(way() == 1 ? OPEN : 1);
	if (pid > 0)
		waitpid(pid, &status, 0);
	printf("%s %s\n", name, WIFEXITED(status) && WEXITSTATUS(status) == OPEN ? "open" : "shut");
	fflush(stdout);
}

static int holds_secret(int fd)
{
	char buf[16] = "";

	return fd >= 0 && pread(fd, buf, sizeof(buf) - 1, 0) >= 6 && memcmp(buf, "secret", 6) == 0;
}

static int read_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK), ok = holds_secret(fd);

	if (fd >= 0)
		close(fd);
	return ok;
}

static char *scratch_path(const char *name)
{
	static char path[2][4096];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", scratch, name);
	return path[i];
}

/* ---- read ---- */

static int plain(void) { return read_path(target); }

static int dotdot(void)
{
	char path[9000];

	snprintf(path, sizeof(path), "%s/../.%s", scratch, target);
	if (read_path(path))
		return 1;
	snprintf(path, sizeof(path), "/proc/../%s", target);
	if (read_path(path))
		return 1;
	return chdir(parent) == 0 && read_path(base);
}

static int by_symlink(void)
{
	char *path = scratch_path("symlink");

	return symlink(target, path) == 0 && read_path(path);
}

static int by_dir_symlink(void)
{
	char *path = scratch_path("dirlink"), deep[9000];

	snprintf(deep, sizeof(deep), "%s/%s", path, base);
	return symlink(parent, path) == 0 && read_path(deep);
}

static int by_link(void)
{
	char *path = scratch_path("hard");

	return (link(target, path) == 0 || linkat(AT_FDCWD, target, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) && read_path(path);
}

static int by_opath_link(void)
{
	int fd = open(target, O_PATH);
	char *path = scratch_path("hard2"), link_path[64];

	snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
	return (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0 ||
		linkat(AT_FDCWD, link_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) && read_path(path);
}

static int by_rename(void)
{
	char *path = scratch_path("renamed");
	int ok;

	if (rename(target, path) < 0)
		return 0;
	ok = read_path(path);
	(void)rename(path, target);
	return ok;
}

/* The directory, under another name. */
static int by_renamed_parent(void)
{
	char other[4200], path[4600];
	int ok;

	snprintf(other, sizeof(other), "%s.moved", parent);
	if (rename(parent, other) < 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", other, base);
	ok = read_path(path);
	(void)rename(other, parent);
	return ok;
}

static int by_exchange(void)
{
	char *path = scratch_path("exchanged");
	int ok;

	close(open(path, O_WRONLY | O_CREAT, 0600));
	if (syscall(SYS_renameat2, AT_FDCWD, target, AT_FDCWD, path, RENAME_EXCHANGE) < 0)
		return 0;
	ok = read_path(path);
	(void)syscall(SYS_renameat2, AT_FDCWD, target, AT_FDCWD, path, RENAME_EXCHANGE);
	return ok;
}

static int by_opath(void)
{
	int fd = open(target, O_PATH);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0)
		return 0;
	if (read_path(path))
		return 1;
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	return read_path(path) || holds_secret(openat(fd, "", O_RDONLY));
}

static int by_proc_root(void)
{
	static const char *const roots[] = { "/proc/self/root", "/proc/1/root", "/proc/thread-self/root", "/proc/self/task/1/root", "/proc/2/root" };
	char path[9000];

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		snprintf(path, sizeof(path), "%s%s", roots[i], target);
		if (read_path(path))
			return 1;
	}
	if (chdir(parent) == 0) {
		snprintf(path, sizeof(path), "/proc/self/cwd/%s", base);
		if (read_path(path))
			return 1;
	}
	return 0;
}

static int by_handle(void)
{
	union { struct file_handle h; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u;
	int id, mounts[] = { AT_FDCWD, open("/", O_RDONLY), open(parent, O_RDONLY), open(scratch, O_RDONLY) };

	u.h.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, target, &u.h, &id, 0) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		if (holds_secret(open_by_handle_at(mounts[i], &u.h, O_RDONLY)))
			return 1;
	return 0;
}

/* The handle of what is below a mask: inode numbers can be guessed, so that a handle of a sibling is all that it takes. */
static int by_guessed_handle(void)
{
	union { struct file_handle h; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u;
	int id, dir = open(scratch, O_RDONLY);
	uint32_t ino;
	struct stat st;

	u.h.handle_bytes = MAX_HANDLE_SZ;
	if (fstat(dir, &st) < 0 || name_to_handle_at(AT_FDCWD, scratch, &u.h, &id, 0) < 0 || u.h.handle_bytes != 8)
		return 0;
	/* ext4: inode, generation; any generation where it is 0 */
	for (long i = -4000; i < 4000; i++) {
		ino = (uint32_t)((long)st.st_ino + i);
		memcpy(u.h.f_handle, &ino, 4);
		memset(u.h.f_handle + 4, 0, 4);
		if (holds_secret(open_by_handle_at(dir, &u.h, O_RDONLY)))
			return 1;
	}
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n > 0 ? 0 : -1;
}

/* A mount namespace to play with, in a user namespace or by capability. */
static int unshared(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
		(void)write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		(void)write_text("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		(void)write_text("/proc/self/gid_map", map);
		return 1;
	}
	return unshare(CLONE_NEWNS) == 0 || 1;
}

static int by_umount(void)
{
	unshared();
	for (int i = 0; i < 4; i++) {
		if (umount2(target, MNT_DETACH) < 0 && umount2(parent, MNT_DETACH) < 0)
			break;
		if (read_path(target))
			return 1;
	}
	return read_path(target);
}

static int by_bind(void)
{
	char *at = scratch_path("bind"), path[4600];

	unshared();
	mkdir(at, 0755);
	if (mount(parent, at, NULL, MS_BIND, NULL) == 0) {
		snprintf(path, sizeof(path), "%s/%s", at, base);
		if (read_path(path))
			return 1;
	}
	if (mount("/", at, NULL, MS_BIND, NULL) == 0 || mount("/", at, NULL, MS_BIND | MS_REC, NULL) == 0) {
		snprintf(path, sizeof(path), "%s%s", at, target);
		return read_path(path);
	}
	return 0;
}

static int by_overlay(void)
{
	char *at = scratch_path("over"), options[9000], path[4600];

	unshared();
	mkdir(at, 0755);
	snprintf(options, sizeof(options), "lowerdir=%s:%s", parent, scratch);
	snprintf(path, sizeof(path), "%s/%s", at, base);
	return mount("overlay", at, "overlay", 0, options) == 0 && read_path(path);
}

static int by_open_tree(void)
{
	int fd;
	char path[4600];

	unshared();
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, parent, 1U /* CLONE */);
	snprintf(path, sizeof(path), "%s", base);
	return fd >= 0 && holds_secret(openat(fd, path, O_RDONLY));
}

static int by_new_proc(void)
{
	char *at = scratch_path("proc"), path[4600];

	unshared();
	mkdir(at, 0755);
	if (mount("proc", at, "proc", 0, NULL) < 0)
		return 0;
	snprintf(path, sizeof(path), "%s/1/root%s", at, target);
	return read_path(path);
}

static int by_setns(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY);

	return fd >= 0 && setns(fd, CLONE_NEWNS) == 0 && read_path(target);
}

static int by_chroot(void)
{
	unshared();
	if (chroot(parent) < 0)
		return 0;
	char path[300];

	snprintf(path, sizeof(path), "/%s", base);
	if (read_path(path))
		return 1;
	/* The classic: out of it again. */
	for (int i = 0; i < 30; i++)
		(void)!chdir("..");
	(void)!chroot(".");
	return read_path(target);
}

/* A descriptor, or -1. */
static int ring_open(int flags)
{
	return ring_do(&(struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uint64_t)(uintptr_t)target,
					       .open_flags = (unsigned)flags });
}

static int by_ring(void) { return holds_secret(ring_open(O_RDONLY)); }

static int by_mknod(void)
{
	struct stat st;
	char *path = scratch_path("disk"), buf[4096];
	int fd;

	/* The disk that it is on; reading the first block is enough. */
	if (stat(parent, &st) < 0 || major(st.st_dev) == 0 || mknod(path, S_IFBLK | 0600, st.st_dev) < 0)
		return 0;
	fd = open(path, O_RDONLY);
	return fd >= 0 && read(fd, buf, sizeof(buf)) > 0;
}

static int by_listing(void)
{
	char buf[64];

	return getxattr(target, "user.secret", buf, sizeof(buf)) > 0 && memcmp(buf, "secret", 6) == 0;
}

static const struct { const char *name; int (*way)(void); } reads[] = {
	{ "plain", plain }, { "dotdot", dotdot }, { "symlink", by_symlink }, { "dir-symlink", by_dir_symlink }, { "link", by_link },
	{ "opath-link", by_opath_link }, { "rename", by_rename }, { "renamed-parent", by_renamed_parent }, { "exchange", by_exchange },
	{ "opath", by_opath }, { "proc-root", by_proc_root }, { "handle", by_handle }, { "guessed-handle", by_guessed_handle },
	{ "umount", by_umount }, { "bind", by_bind }, { "overlay", by_overlay }, { "open-tree", by_open_tree }, { "new-proc", by_new_proc },
	{ "setns", by_setns }, { "chroot", by_chroot }, { "ring", by_ring }, { "mknod", by_mknod }, { "xattr", by_listing },
};

/* ---- write: each that worked is undone or harmless; who started us looks at the file ---- */

static int wrote(int fd) { return fd >= 0 && write(fd, "", 0) == 0; }

static int w_open(void) { return wrote(open(target, O_WRONLY)) || wrote(open(target, O_RDWR)) || wrote(open(target, O_WRONLY | O_APPEND)); }
static int w_trunc_open(void) { return open(target, O_RDONLY | O_TRUNC) >= 0; }
static int w_truncate(void) { return truncate(target, 0) == 0; }
static int w_creat(void) { return creat(target, 0600) >= 0; }

static int w_opath(void)
{
	int fds[] = { open(target, O_PATH), open(target, O_RDONLY) };
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		if (fds[i] >= 0 && (wrote(open(path, O_WRONLY)) || truncate(path, 0) == 0 || chmod(path, 0777) == 0))
			return 1;
	}
	return 0;
}

static int w_map(void)
{
	int fd = open(target, O_RDONLY);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p != MAP_FAILED || (p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), p != MAP_FAILED && mprotect(p, 4096, PROT_WRITE) == 0);
}

static int w_fallocate(void)
{
	int fd = open(target, O_RDONLY);

	return fd >= 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4) == 0;
}

static int w_chmod(void) { return chmod(target, 0777) == 0 || fchmod(open(target, O_RDONLY), 0777) == 0; }
static int w_fchmodat2(void) { return syscall(452, open(target, O_PATH), "", 0777, AT_EMPTY_PATH) == 0; }
static int w_chown(void) { return chown(target, getuid(), getgid()) == 0 || fchownat(open(target, O_PATH), "", getuid(), getgid(), AT_EMPTY_PATH) == 0; }
static int w_utimes(void) { return utimensat(AT_FDCWD, target, NULL, 0) == 0 || futimens(open(target, O_RDONLY), NULL) == 0; }

static int w_xattr(void)
{
	int fd = open(target, O_RDONLY);

	return setxattr(target, "user.x", "1", 1, 0) == 0 || fsetxattr(fd, "user.x", "1", 1, 0) == 0 ||
	       removexattr(target, "user.secret") == 0;
}

static int w_flags(void)
{
	int fd = open(target, O_RDONLY);
	long flags = 0;

	return fd >= 0 && syscall(SYS_ioctl, fd, 0x80086601UL /* FS_IOC_GETFLAGS */, &flags) == 0 &&
	       (flags |= 0x40 /* NODUMP */, syscall(SYS_ioctl, fd, 0x40086602UL /* FS_IOC_SETFLAGS */, &flags) == 0);
}

static int w_unlink(void) { return unlink(target) == 0; }
static int w_rename_away(void) { return rename(target, scratch_path("away")) == 0; }

static int w_rename_over(void)
{
	char *path = scratch_path("over-it");

	close(open(path, O_WRONLY | O_CREAT, 0600));
	return rename(path, target) == 0;
}

static int w_rename_parent(void)
{
	char other[4200];

	snprintf(other, sizeof(other), "%s.w", parent);
	return rename(parent, other) == 0;
}

/* Any directory on the way to it, which is then made again with another file in it. */
static int w_replace(void)
{
	const size_t top = (size_t)(strrchr(scratch, '/') - scratch); /* what is above is not the host's, perhaps */
	char way[4096], other[4200];
	int fd;

	for (size_t n = strlen(parent); n > top; n--) {
		if (parent[n] && parent[n] != '/')
			continue;
		snprintf(way, sizeof(way), "%.*s", (int)n, parent);
		snprintf(other, sizeof(other), "%s.r", way);
		if (rename(way, other) < 0)
			continue;
		for (char *slash = strchr(parent + n, '/');; slash = strchr(slash + 1, '/')) {
			snprintf(way, sizeof(way), "%.*s", slash ? (int)(slash - parent) : (int)strlen(parent), parent);
			(void)mkdir(way, 0755);
			if (!slash)
				break;
		}
		fd = open(target, O_WRONLY | O_CREAT, 0644);
		return fd >= 0 && write(fd, "replaced", 8) == 8;
	}
	return 0;
}

static int w_link(void)
{
	char *path = scratch_path("w-link");

	return link(target, path) == 0 && wrote(open(path, O_WRONLY));
}

static int w_sibling(void)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/new-%d", parent, (int)getpid());
	return mkdir(path, 0755) == 0 || symlink("x", path) == 0 || mkfifo(path, 0600) == 0 || open(path, O_WRONLY | O_CREAT, 0600) >= 0;
}

static int w_tmpfile(void)
{
	char path[4200], from[64];
	int fd = open(parent, O_TMPFILE | O_WRONLY, 0600);

	if (fd < 0)
		fd = open(scratch, O_TMPFILE | O_WRONLY, 0600);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), "%s/new-tmp", parent);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

static int w_bound_socket(void)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/new-socket", parent);
	return mknod(path, S_IFSOCK | 0600, 0) == 0 || mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0;
}

static int w_ring(void) { return wrote(ring_open(O_WRONLY)); }

static int w_remount(void)
{
	unshared();
	if (mount(NULL, parent, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 &&
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return 0;
	return wrote(open(target, O_WRONLY));
}

static int w_bind(void)
{
	char *at = scratch_path("w-bind"), path[4600];

	unshared();
	mkdir(at, 0755);
	if (mount(parent, at, NULL, MS_BIND, NULL) < 0)
		return 0;
	(void)mount(NULL, at, NULL, MS_REMOUNT | MS_BIND, NULL);
	snprintf(path, sizeof(path), "%s/%s", at, base);
	return wrote(open(path, O_WRONLY));
}

static int w_attr(void)
{
	uint64_t attr[4] = { 0, 1 /* clear MOUNT_ATTR_RDONLY */, 0, 0 };

	unshared();
	return (syscall(442, AT_FDCWD, parent, 0, attr, sizeof(attr)) == 0 || syscall(442, AT_FDCWD, "/", 0, attr, sizeof(attr)) == 0) &&
	       wrote(open(target, O_WRONLY));
}

/* Those that leave it as it is first. */
static const struct { const char *name; int (*way)(void); } writes[] = {
	{ "open", w_open }, { "opath", w_opath }, { "map", w_map }, { "ring", w_ring }, { "link", w_link }, { "remount", w_remount },
	{ "bind", w_bind }, { "mount-attr", w_attr }, { "chmod", w_chmod }, { "fchmodat2", w_fchmodat2 }, { "chown", w_chown },
	{ "utimes", w_utimes }, { "xattr", w_xattr }, { "flags", w_flags }, { "sibling", w_sibling }, { "tmpfile", w_tmpfile },
	{ "mknod", w_bound_socket }, { "fallocate", w_fallocate }, { "open-trunc", w_trunc_open }, { "truncate", w_truncate },
	{ "creat", w_creat }, { "rename-over", w_rename_over }, { "rename-away", w_rename_away }, { "unlink", w_unlink },
	{ "rename-parent", w_rename_parent }, { "replace", w_replace },
};

int main(int argc, char **argv)
{
	const char *slash;

	if (argc != 4)
		return 2;
	target = argv[2];
	scratch = argv[3];
	slash = strrchr(target, '/');
	snprintf(parent, sizeof(parent), "%.*s", slash == target ? 1 : (int)(slash - target), target);
	snprintf(base, sizeof(base), "%s", slash + 1);
	if (strcmp(argv[1], "read") == 0)
		for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++)
			try(reads[i].name, reads[i].way);
	else
		for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++)
			try(writes[i].name, writes[i].way);
	return 0;
}
