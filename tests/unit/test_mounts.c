/* SPDX-License-Identifier: Apache-2.0
 * test_mounts.c - every kind of mount row, what it makes and how it fails.
 */
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "tests/unit/mount_test.h"

#define INFO "/proc/self/mountinfo"
enum { ALL_NS = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS };
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static void prepare(void)
{
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
}

static void fails(const char *text)
{
	mt_attach();
	CHECK_ERR(mounts_apply(&sb, &e), &e, text);
	CHECK(!strcmp(e.where, "test: /mounts"));
}

/* The one row of the plan fails so; then the plan is new. */
static const char *failure;
static void expect_failure(void)
{
	fails(failure);
}

static void refused(const char *text)
{
	failure = text;
	prepare();
	mt_in(0, expect_failure);
	host_fds_close(&t.plan, fds);
	mt_plan();
}

/* ---- File systems ---- */

static void standard_set(void)
{
	mt_fs("proc", "proc", "/proc")->attr_set = SAFE;
	mt_fs("tmpfs", "tmpfs", "/dev", "mode=755", "size=65536k")->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME;
	mt_fs("devpts", "devpts", "/dev/pts", "newinstance", "ptmxmode=0666", "mode=0620")->attr_set =
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	mt_fs("tmpfs", "shm", "/dev/shm", "mode=1777", "size=65536k")->attr_set = SAFE;
	mt_fs("mqueue", "mqueue", "/dev/mqueue")->attr_set = SAFE;
	mt_fs("sysfs", "sysfs", "/sys")->attr_set = SAFE | MOUNT_ATTR_RDONLY;
}

static void look_at_standard_set(void)
{
	struct stat own, proc;

	mt_build();
	CHECK(mt_count_mounts() == 7);
	CHECK(strstr(mt_mountinfo(INFO, "/proc"), "rw,nosuid,nodev,noexec,relatime - proc proc rw"));
	CHECK(strstr(mt_mountinfo(INFO, "/dev"), "rw,nosuid - tmpfs tmpfs rw,"));
	CHECK(strstr(mt_mountinfo(INFO, "/dev"), "size=65536k"));
	CHECK(strstr(mt_mountinfo(INFO, "/dev/pts"), "rw,nosuid,noexec,relatime - devpts devpts rw,mode=620,ptmxmode=666"));
	CHECK(strstr(mt_mountinfo(INFO, "/dev/shm"), " - tmpfs shm rw"));
	CHECK(strstr(mt_mountinfo(INFO, "/dev/mqueue"), " - mqueue mqueue rw"));
	CHECK(strstr(mt_mountinfo(INFO, "/sys"), "ro,nosuid,nodev,noexec,relatime - sysfs sysfs r"));
	CHECK(stat("/dev", &own) == 0 && (own.st_mode & 07777) == 0755);
	CHECK(stat("/dev/shm", &own) == 0 && (own.st_mode & 07777) == 01777);
	CHECK(fstat(sb.proc_fd, &own) == 0 && stat("/proc", &proc) == 0);
	CHECK(own.st_dev == proc.st_dev || !sb.proc_is_own);
	for (int i = 0; i < SANDBOX_N_TOPS; i++)
		CHECK(sb.top_fd[i] >= 0 && (fcntl(sb.top_fd[i], F_GETFD) & FD_CLOEXEC));
}

static void standard(void *arg)
{
	int before;

	(void)arg;
	mt_host();
	CHECK(mount("", "/tmp", NULL, MS_SHARED, NULL) == 0);
	standard_set();
	prepare();
	before = mt_count_mounts();
	mt_in(ALL_NS, look_at_standard_set);
	CHECK(mt_count_mounts() == before);
}
MOUNT_TEST(standard)

static void standard_in_userns(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	standard_set();
	prepare();
	mt_in(ALL_NS | CLONE_NEWUSER, look_at_standard_set);
}
MOUNT_TEST(standard_in_userns)

static void look_at_flags(void)
{
	struct stat st;

	mt_build();
	CHECK(strstr(mt_mountinfo(INFO, "/ro"), "ro,noatime,nodiratime - tmpfs none r"));
	CHECK(mkdir("/ro/x", 0755) < 0 && errno == EROFS);
	CHECK(strstr(mt_mountinfo(INFO, "/sync"), "rw,relatime,nosymfollow shared:"));
	CHECK(strstr(mt_mountinfo(INFO, "/sync"), " - tmpfs none rw,sync"));
	CHECK(strstr(mt_mountinfo(INFO, "/rec"), "ro,nosuid,noexec,noatime - tmpfs"));
	CHECK(stat("/old", &st) == 0 && (st.st_mode & 07777) == 0751);
	CHECK(stat("/ro", &st) == 0 && (st.st_mode & 07777) == 01777);
	CHECK(stat("/proc", &st) == 0 && strstr(mt_mountinfo(INFO, "/proc"), "rw,noexec,relatime - proc proc rw"));
}

static void flags(void *arg)
{
	struct plan_mount *m;

	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/old", 0751) == 0);
	m = mt_fs("tmpfs", "", "/ro");
	m->sb_flags = MS_RDONLY;
	m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME;
	m->attr_clr = MOUNT_ATTR__ATIME;
	m = mt_fs("tmpfs", "none", "/sync");
	m->sb_flags = MS_SYNCHRONOUS | MS_SILENT;
	m->attr_set = MOUNT_ATTR_NOSYMFOLLOW;
	m->propagation = MS_SHARED | MS_REC;
	m = mt_fs("tmpfs", "tmpfs", "/rec");
	m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	m->rec_clr = MOUNT_ATTR_NODEV | MOUNT_ATTR__ATIME;
	m->rec_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME;
	mt_fs("tmpfs", "tmpfs", "/old");
	mt_fs("proc", "proc", "/proc")->attr_set = MOUNT_ATTR_NOEXEC;
	prepare();
	mt_in(CLONE_NEWPID, look_at_flags);
}
MOUNT_TEST(flags)

static void file_system_errors(void *arg)
{
	char option[300];

	(void)arg;
	mt_host();
	mt_fs("nonesuch", "x", "/x");
	refused("mount 'nonesuch' to '/x': the kernel has no file system 'nonesuch': No such device");
	mt_fs("tmpfs", "tmpfs", "/x", "nonesuch=1");
	refused("mount 'tmpfs' to '/x': option nonesuch=1 (kernel: tmpfs: Unknown parameter 'nonesuch'): Invalid argument");
	mt_fs("tmpfs", "tmpfs", "/x", "size=12parsecs");
	refused("option size=12parsecs (kernel: tmpfs: Bad value for 'size'): Invalid argument");
	mt_fs("ext4", "/tmp/missing", "/x");
	refused("mount 'ext4' to '/x': create the super block");
	memset(option, 'k', sizeof(option) - 1);
	option[sizeof(option) - 1] = '\0';
	mt_fs("tmpfs", "tmpfs", "/x", option);
	refused("option 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...' is too long");
	mt_fs("tmpfs", "tmpfs", "/");
	refused("mount 'tmpfs' to '/': nothing can be mounted over the root file system itself");
	mt_mount(99, "x", "", "/x", (const char *const[]){ NULL });
	refused("mount 'x' to '/x': unknown kind 99");
}
MOUNT_TEST(file_system_errors)

static void unmapped_gid(void *arg)
{
	const struct plan_id_map map[] = { { 0, MT_ID, 5 }, { 6, MT_ID + 6, 10 } };

	(void)arg;
	mt_host();
	t.plan.gid_map = TP_ROWS(&t, map);
	mt_fs("tmpfs", "tmpfs", "/x", "gid=6", "uid=7");
	mt_fs("devpts", "devpts", "/dev/pts", "gid=5");
	refused("mount 'devpts' to '/dev/pts': option 'gid=5': group id 5 is not mapped into the container's user namespace");
	t.plan.uid_map = TP_ROWS(&t, map);
	mt_fs("tmpfs", "tmpfs", "/x", "uid=16");
	refused("option 'uid=16': user id 16 is not mapped into the container's user namespace");
}
MOUNT_TEST(unmapped_gid)

/* An overlay with more layers than fsconfig(2) takes in one value. */
static void look_at_overlay(void)
{
	mt_build();
	CHECK(mt_reads("/merged/a", "a") && mt_reads("/merged/b", "b"));
	CHECK(strstr(mt_mountinfo(INFO, "/merged"), "nosuid,nodev,relatime shared:"));
}

static void long_options(void *arg)
{
	char option[4200] = "lowerdir=", dir[128];
	struct plan_mount *m;

	(void)arg;
	mt_host();
	for (int i = 0; i < 4; i++) {
		(void)snprintf(dir, sizeof(dir), "/tmp/%090d", i);
		CHECK(mkdir(dir, 0755) == 0);
		(void)snprintf(option + strlen(option), sizeof(option) - strlen(option), "%s%s", i ? ":" : "", dir);
	}
	mt_write(strcat(dir, "/b"), "b");
	(void)snprintf(dir, sizeof(dir), "/tmp/%090d/a", 1);
	mt_write(dir, "a");
	CHECK(mkdir(ROOTFS "/proc", 0755) == 0);
	m = mt_fs("overlay", "overlay", "/merged", option);
	m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	m->propagation = MS_SHARED;
	mt_fs("proc", "proc", "/proc");
	prepare();
	mt_in(CLONE_NEWPID, look_at_overlay);

	mt_plan();
	strcat(option, ":/tmp/missing");
	mt_fs("overlay", "overlay", "/merged", option);
	refused("mount 'overlay' to '/merged': mount(2): No such file or directory");
	memset(option + 9, 'x', sizeof(option) - 10);
	option[sizeof(option) - 1] = '\0';
	mt_fs("overlay", "overlay", "/merged", option);
	refused("mount 'overlay' to '/merged': the options are longer than a page, all the kernel takes");
}
MOUNT_TEST(long_options)

/* ---- tmpcopyup ---- */

static void look_at_copy(void)
{
	char text[16] = "";
	struct stat st;

	mt_build();
	CHECK(strstr(mt_mountinfo(INFO, "/var/lib"), "ro,nodev,relatime - tmpfs tmpfs r"));
	CHECK(mt_reads("/var/lib/d/file", "content") && stat("/var/lib/d/file", &st) == 0);
	CHECK((st.st_mode & 07777) == 04640 && st.st_uid == 11 && st.st_gid == 12 && st.st_mtim.tv_sec == 1000);
	CHECK(stat("/var/lib/d", &st) == 0 && (st.st_mode & 07777) == 01753 && st.st_uid == 13);
	CHECK(getxattr("/var/lib/d/file", "trusted.x", text, sizeof(text)) == 1 && text[0] == 'v');
	CHECK(readlink("/var/lib/link", text, sizeof(text)) == 11 && !memcmp(text, "/etc/passwd", 11));
	CHECK(lstat("/var/lib/link", &st) == 0 && st.st_uid == 14);
	CHECK(access("/var/lib/fifo", F_OK) < 0 && access("/var/lib/node", F_OK) < 0);
	CHECK(access("/var/lib/mnt/other", F_OK) < 0 && access("/var/lib/mnt", F_OK) == 0);
	CHECK(stat("/var/lib", &st) == 0 && (st.st_mode & 07777) == 0711);
}

static void tmpcopyup(void *arg)
{
	const struct timespec times[] = { { 1000, 0 }, { 1000, 0 } };
	struct plan_mount *m;

	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/var", 0755) == 0 && mkdir(ROOTFS "/var/lib", 0711) == 0 && mkdir(ROOTFS "/var/lib/d", 0755) == 0);
	mt_write(ROOTFS "/var/lib/d/file", "content");
	CHECK(chown(ROOTFS "/var/lib/d/file", 11, 12) == 0 && chmod(ROOTFS "/var/lib/d/file", 04640) == 0);
	CHECK(setxattr(ROOTFS "/var/lib/d/file", "trusted.x", "v", 1, 0) == 0);
	CHECK(utimensat(AT_FDCWD, ROOTFS "/var/lib/d/file", times, 0) == 0);
	CHECK(chown(ROOTFS "/var/lib/d", 13, 13) == 0 && chmod(ROOTFS "/var/lib/d", 01753) == 0);
	CHECK(symlink("/etc/passwd", ROOTFS "/var/lib/link") == 0 && lchown(ROOTFS "/var/lib/link", 14, 14) == 0);
	CHECK(mkfifo(ROOTFS "/var/lib/fifo", 0666) == 0 && mknod(ROOTFS "/var/lib/node", S_IFCHR | 0666, makedev(1, 5)) == 0);
	CHECK(mkdir(ROOTFS "/var/lib/mnt", 0755) == 0 && mount("x", ROOTFS "/var/lib/mnt", "tmpfs", 0, "") == 0);
	mt_write(ROOTFS "/var/lib/mnt/other", "");
	mt_fs("proc", "proc", "/proc");
	m = mt_fs("tmpfs", "tmpfs", "/var/lib");
	m->flags = PLAN_MOUNT_TMPCOPYUP;
	m->sb_flags = MS_RDONLY;
	m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
	prepare();
	mt_in(CLONE_NEWPID, look_at_copy);

	mt_plan();
	mt_fs("tmpfs", "tmpfs", "/var/lib", "nr_inodes=2")->flags = PLAN_MOUNT_TMPCOPYUP;
	refused("mount 'tmpfs' to '/var/lib': tmpcopyup: ");
	mt_fs("tmpfs", "tmpfs", "/var/lib", "size=4k")->flags = PLAN_MOUNT_TMPCOPYUP;
	CHECK(truncate(ROOTFS "/var/lib/d/file", 9000) == 0);
	refused("tmpcopyup: copy 'file': No space left on device");
}
MOUNT_TEST(tmpcopyup)

static void too_deep(void *arg)
{
	int dir, next;

	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/deep", 0755) == 0);
	dir = open(ROOTFS "/deep", O_PATH | O_CLOEXEC);
	for (int i = 0; i < 140; i++) {
		CHECK(mkdirat(dir, "d", 0755) == 0);
		next = openat(dir, "d", O_PATH | O_CLOEXEC);
		(void)close(dir);
		dir = next;
	}
	(void)close(dir);
	mt_fs("tmpfs", "tmpfs", "/deep")->flags = PLAN_MOUNT_TMPCOPYUP;
	refused("directory 'd' is more than 128 levels deep");
}
MOUNT_TEST(too_deep)

/* ---- Targets ---- */

static void refuse_links(void *arg)
{
	static const char *const tops[] = { "/proc", "/sys", "/dev" };
	char link[64], text[128];

	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/evil", 0755) == 0);
	for (size_t i = 0; i < PS_COUNT(tops); i++) {
		(void)snprintf(link, sizeof(link), ROOTFS "%s", tops[i]);
		CHECK(symlink("/evil", link) == 0);
		/* CVE-2019-19921, 2023-27561, 2025-54867, 2026-47766 */
		(void)snprintf(text, sizeof(text), "'%s' of the container's root file system is a symbolic link", tops[i]);
		mt_fs(i ? "tmpfs" : "proc", "x", tops[i]);
		refused(text);
		CHECK(unlink(link) == 0);
		/* However it is spelt. */
		CHECK(symlink("/evil", link) == 0);
		(void)snprintf(link, sizeof(link), "/evil/..//%s/", tops[i] + 1);
		mt_fs(i ? "tmpfs" : "proc", "x", link);
		refused(text);
		(void)snprintf(link, sizeof(link), ROOTFS "%s", tops[i]);
		CHECK(unlink(link) == 0);
	}
	mt_write(ROOTFS "/dev", "");
	mt_fs("tmpfs", "x", "/dev");
	refused("mount 'tmpfs' to '/dev': open directory '/dev': Not a directory");
}
MOUNT_TEST(refuse_links)

static void refuse_proc(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(symlink("/proc/sys", ROOTFS "/innocent") == 0 && mkdir("/tmp/fake", 0755) == 0);
	mt_fs("tmpfs", "tmpfs", "/proc");
	refused("mount 'tmpfs' to '/proc': only a proc file system may be mounted there");
	mt_bind("/tmp/fake", "/proc");
	refused("mount '/tmp/fake' to '/proc': only a proc file system may be mounted there");
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/fake", "/innocent");
	refused("mount '/tmp/fake' to '/innocent': the target is inside a proc file system");
}
MOUNT_TEST(refuse_proc)

static void look_at_targets(void)
{
	struct stat st;

	mt_build();
	CHECK(mt_reads("/etc/real", "from host") && mt_reads("/etc/link", "from host"));
	CHECK(mt_reads("/a/b/c/file", "from host") && stat("/a/b", &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(mt_reads("/usr/lib/dir/file", "from host"));
	CHECK(mt_reads("/proc/uptime", "from host"));
	CHECK(access("/hostproc/1/comm", F_OK) == 0);
	CHECK(access("/outside/escaped", F_OK) == 0);
}

static void targets(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/etc", 0755) == 0 && symlink("real", ROOTFS "/etc/link") == 0);
	CHECK(mkdir(ROOTFS "/usr", 0755) == 0 && symlink("../../../../usr/lib", ROOTFS "/lib") == 0);
	CHECK(symlink("/../../tmp/host/outside", ROOTFS "/x") == 0 && symlink("/../..", ROOTFS "/up") == 0);
	CHECK(mkdir("/tmp/host", 0755) == 0 && mkdir("/tmp/host/outside", 0755) == 0);
	mt_write("/tmp/file", "from host\n");
	CHECK(mkdir("/tmp/dir", 0755) == 0);
	mt_write("/tmp/dir/file", "from host\n");
	mt_write("/tmp/dir/escaped", "");
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/file", "/etc/link");
	mt_bind("/tmp/file", "/a/b/c/file");
	mt_bind("/tmp/dir", "/lib/dir");
	mt_bind("/tmp/file", "/proc/uptime");
	mt_bind("/proc", "/hostproc");
	mt_bind("/tmp/dir", "/up/outside");
	prepare();
	mt_in(CLONE_NEWPID, look_at_targets);
	CHECK(access(ROOTFS "/a/b/c/file", F_OK) == 0 && access("/tmp/host/outside/escaped", F_OK) < 0);

	mt_plan();
	mt_bind("/tmp/file", "/usr");
	refused("mount '/tmp/file' to '/usr': the source is a file, the target a directory");
	mt_bind("/tmp/dir", "/etc/real");
	refused("mount '/tmp/dir' to '/etc/real': create directory '/etc/real': Not a directory");
}
MOUNT_TEST(targets)

static void look_at_links(void)
{
	char target[64] = "";

	mt_build();
	CHECK(readlink("/lib", target, sizeof(target)) == 7 && !strcmp(target, "usr/lib"));
	CHECK(readlink("/a/b/link", target, sizeof(target)) == 9 && !strncmp(target, "/nowhere!", 9));
	CHECK(mt_reads("/dir/file", "from host"));
}

/* A link of the host's is made again; what is none is bound as ever. */
static void copies_links(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(symlink("usr/lib", "/tmp/lib") == 0 && symlink("/nowhere!", "/tmp/link") == 0 && mkdir("/tmp/dir", 0755) == 0);
	CHECK(symlink("usr/lib", ROOTFS "/lib") == 0 && symlink("other", ROOTFS "/other") == 0);
	mt_write("/tmp/dir/file", "from host");
	mt_bind("/tmp/lib", "/lib")->flags = PLAN_MOUNT_COPY_SYMLINK;
	mt_bind("/tmp/link", "/a/b/link")->flags = PLAN_MOUNT_COPY_SYMLINK;
	mt_bind("/tmp/dir", "/dir")->flags = PLAN_MOUNT_COPY_SYMLINK;
	prepare();
	mt_in(0, look_at_links);

	mt_plan();
	mt_bind("/tmp/lib", "/other")->flags = PLAN_MOUNT_COPY_SYMLINK;
	refused("mount '/tmp/lib' to '/other': there is something else than a link to 'usr/lib'");
}
MOUNT_TEST(copies_links)

static struct plan_mount *bind_inside(const char *source, const char *target, uint32_t flags)
{
	struct plan_mount *m = mt_mount(PLAN_MOUNT_BIND, "", source, target, (const char *const[]){ NULL });

	m->flags = PLAN_MOUNT_INSIDE | flags;
	return m;
}

static void look_inside(void)
{
	mt_build();
	CHECK(mt_reads("/whole/deep/file", "of the volume") && mt_reads("/whole/file", "of the rootfs"));
	CHECK(access("/alone/deep/file", F_OK) < 0 && mt_reads("/alone/file", "of the rootfs"));
	CHECK(strstr(mt_mountinfo(INFO, "/whole/deep"), "ro,"));
}

/* Sources of the container's own: what earlier rows put there, and never what a link names. */
static void binds_inside(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mkdir(ROOTFS "/dir", 0755) == 0 && mkdir(ROOTFS "/tmp", 0755) == 0);
	mt_write("/tmp/vol/file", "of the volume");
	mt_write(ROOTFS "/dir/file", "of the rootfs");
	CHECK(symlink("/dir/file", ROOTFS "/dir/out") == 0);
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/vol", "/dir/deep")->rec_set = MOUNT_ATTR_RDONLY;
	bind_inside("/dir", "/whole", PLAN_MOUNT_INSIDE_REC);
	bind_inside("/dir", "/alone", 0);
	prepare();
	mt_in(CLONE_NEWPID, look_inside);

	mt_plan();
	bind_inside("/dir/out", "/x", 0);
	refused("mount '/dir/out' to '/x': a part of the source is a symbolic link in the container");

	mt_plan();
	bind_inside("/dir/gone", "/x", 0);
	refused("mount '/dir/gone' to '/x': the mounts before it put nothing there");
}
MOUNT_TEST(binds_inside)

/* ---- Bind mounts and remounts ---- */

static void look_at_binds(void)
{
	mt_build();
	CHECK(strstr(mt_mountinfo(INFO, "/one"), "ro,nosuid,nodev,relatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/one/sub"), "rw,relatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/all"), "ro,nosuid,relatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/all/sub"), "ro,relatime "));
	CHECK(!*mt_mountinfo(INFO, "/alone/sub") && *mt_mountinfo(INFO, "/alone"));
	CHECK(!strstr(mt_mountinfo(INFO, "/one"), "master:") && strstr(mt_mountinfo(INFO, "/alone"), "master:"));
	CHECK(strstr(mt_mountinfo(INFO, "/again"), "ro,nosuid,noexec,relatime shared:"));
	CHECK(strstr(mt_mountinfo(INFO, "/big"), "size=8192k"));
	for (uint32_t i = 0; i < rows.n_fds; i++)
		CHECK(fds[i] == -1);
}

static void binds(void *arg)
{
	struct plan_mount *m;

	(void)arg;
	mt_host();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mount("vol", "/tmp/vol", "tmpfs", MS_NOSUID, "") == 0);
	CHECK(mkdir("/tmp/vol/sub", 0755) == 0 && mount("sub", "/tmp/vol/sub", "tmpfs", 0, "") == 0);
	CHECK(mount("", "/tmp/vol", NULL, MS_SHARED, NULL) == 0);
	mt_fs("proc", "proc", "/proc");
	m = mt_bind("/tmp/vol", "/one");
	m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
	m->propagation = MS_PRIVATE;
	m = mt_bind("/tmp/vol", "/all");
	m->rec_set = MOUNT_ATTR_RDONLY;
	m = mt_bind("/tmp/vol", "/alone");
	rows.fds[m->fd].flags = 0;
	mt_fs("tmpfs", "tmpfs", "/again")->attr_set = MOUNT_ATTR_NOSUID;
	m = mt_mount(PLAN_MOUNT_REMOUNT, "", "", "/again", (const char *const[]){ NULL });
	m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
	m->propagation = MS_SHARED;
	mt_fs("tmpfs", "tmpfs", "/big", "size=4m");
	mt_mount(PLAN_MOUNT_REMOUNT, "", "", "/big", (const char *const[]){ "size=8m", NULL });
	prepare();
	mt_in(CLONE_NEWPID, look_at_binds);

	mt_plan();
	CHECK(mkdir(ROOTFS "/plain", 0755) == 0 && symlink("/plain", ROOTFS "/link") == 0);
	mt_mount(PLAN_MOUNT_REMOUNT, "", "", "/plain", (const char *const[]){ NULL })->attr_set = MOUNT_ATTR_RDONLY;
	refused("mount 'remount' to '/plain': set the mount's flags (is anything mounted there?): Invalid argument");
	mt_mount(PLAN_MOUNT_REMOUNT, "", "", "/plain", (const char *const[]){ "size=1m", NULL });
	refused("mount 'remount' to '/plain': nothing is mounted there: Invalid argument");
	mt_mount(PLAN_MOUNT_REMOUNT, "", "", "/link", (const char *const[]){ "size=1m", NULL });
	refused("mount 'remount' to '/link': open the target: Too many levels of symbolic links");
}
MOUNT_TEST(binds)

static void look_at_moved_clone(void)
{
	mt_build();
	CHECK(strstr(mt_mountinfo(INFO, "/vol"), "ro,nosuid,nodev,relatime"));
	CHECK(mkdir("/vol/x", 0755) < 0 && errno == EROFS);
	/* Without CAP_SYS_ADMIN here, only a namespace below can be tried: there they are locked. */
	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	CHECK(mount("", "/vol", NULL, MS_REMOUNT | MS_BIND, NULL) < 0 && errno == EPERM);
	CHECK(umount2("/vol", MNT_DETACH) < 0 && errno == EINVAL);
}

static void launchers_clone_in_userns(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mount("vol", "/tmp/vol", "tmpfs", 0, "") == 0);
	CHECK(mount("", "/tmp/vol", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOSUID, NULL) == 0);
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/vol", "/vol");
	prepare();
	mt_in(CLONE_NEWUSER | CLONE_NEWPID, look_at_moved_clone);
}
MOUNT_TEST(launchers_clone_in_userns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard),	   cmocka_unit_test(test_standard_in_userns),
		cmocka_unit_test(test_flags),		   cmocka_unit_test(test_file_system_errors),
		cmocka_unit_test(test_unmapped_gid),	   cmocka_unit_test(test_long_options),
		cmocka_unit_test(test_tmpcopyup),	   cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_refuse_links),	   cmocka_unit_test(test_refuse_proc),
		cmocka_unit_test(test_targets),		   cmocka_unit_test(test_binds),
		cmocka_unit_test(test_copies_links),	   cmocka_unit_test(test_binds_inside),
		cmocka_unit_test(test_launchers_clone_in_userns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
