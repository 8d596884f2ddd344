/* SPDX-License-Identifier: Apache-2.0
 * test_rootfs.c - attach, enter, finish; a working directory is inside or there is no container.
 *
 * WRAP: fchdir
 */
#include <sys/statvfs.h>

#include "tests/unit/mount_test.h"

static int outside_fd = -1;
int __real_fchdir(int fd);
int __wrap_fchdir(int fd);
int __wrap_fchdir(int fd)
{
	return __real_fchdir(outside_fd >= 0 ? outside_fd : fd);
}

static void cwd(const char *path)
{
	t.plan.has_process = 1;
	t.plan.cwd = tp_str(&t, path);
}

static void look_around(void)
{
	char buf[PATH_MAX];
	int before = mt_count_mounts();

	mt_build();
	CHECK(before > 2 && access("/inside", F_OK) == 0 && access("/tmp", F_OK) < 0);
	CHECK(!strcmp(getcwd(buf, sizeof(buf)), "/"));
	CHECK(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, "") == 0);
	CHECK(mt_count_mounts() == 3);
	CHECK(strstr(mt_mountinfo("/proc/self/mountinfo", "/"), "rw,relatime"));
	CHECK(*mt_mountinfo("/proc/self/mountinfo", "/sub"));
	CHECK_OK(rootfs_chdir(&sb, false, &e), &e);
	CHECK(!strcmp(getcwd(buf, sizeof(buf)), "/made/by/finish"));
}

static void enters(void *arg)
{
	int before;

	(void)arg;
	mt_host();
	CHECK(mount("", "/tmp", NULL, MS_SHARED, NULL) == 0);
	CHECK(mkdir(ROOTFS "/inside", 0755) == 0 && mkdir(ROOTFS "/sub", 0755) == 0);
	CHECK(mount("sub", ROOTFS "/sub", "tmpfs", 0, "") == 0);
	before = mt_count_mounts();
	cwd("/made/by/finish");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, look_around);
	CHECK(mt_count_mounts() == before);
}
MOUNT_TEST(enters)

static void write_in_vain(void)
{
	mt_build();
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS);
	CHECK(access("/work", F_OK) == 0);
	CHECK(mkdir("/sub/x", 0755) == 0);
}

static void readonly(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/sub", 0755) == 0 && mount("sub", ROOTFS "/sub", "tmpfs", 0, "") == 0);
	t.plan.rootfs_readonly = 1;
	cwd("/work");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, write_in_vain);
	CHECK(access(ROOTFS "/work", F_OK) == 0 && mkdir(ROOTFS "/x", 0755) == 0);
}
MOUNT_TEST(readonly)

/* ---- Without a directory of the host's ---- */

static void look_at_tmpfs(void)
{
	struct statvfs fs;
	struct stat st;
	const char *line;

	mt_build();
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS);
	CHECK(stat("/", &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_uid == 0 && st.st_gid == 0);
	CHECK(statvfs("/", &fs) == 0 && fs.f_blocks * fs.f_frsize == 64 << 20 && fs.f_files == 16384);
	CHECK(access("/tmp", F_OK) < 0 && access("/work/in", F_OK) == 0);
	CHECK(mt_reads("/deep/down/file", "from host"));
	line = mt_mountinfo("/proc/self/mountinfo", "/");
	CHECK(!strncmp(line, "ro,nosuid,nodev,relatime ", 25) && strstr(line, " - tmpfs tmpfs rw"));
}

static void no_directory(void *arg)
{
	mt_host();
	mt_write("/tmp/file", "from host");
	t.plan.rootfs = rows.fds[0].path = 0;
	t.plan.rootfs_readonly = 1;
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/file", "/deep/down/file");
	cwd("/work/in");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK(fds[0] == -1);
	mt_in(*(const int *)arg, look_at_tmpfs);
	CHECK(access(ROOTFS "/work", F_OK) < 0);
}

static void test_no_directory(void **state)
{
	int flags[] = { CLONE_NEWPID, CLONE_NEWPID | CLONE_NEWUSER };

	(void)state;
	if (!mt_can_mount())
		skip();
	for (size_t i = 0; i < PS_COUNT(flags); i++)
		assert_int_equal(in_child(no_directory, &flags[i]), 0);
}

static void no_place(void)
{
	CHECK_OK(rootfs_isolate(&sb, &e), &e);
	CHECK_ERR(rootfs_attach(&sb, &e), &e, "--no-pivot: the root file system '' can't be mounted at its own path");
}

static void no_directory_no_pivot(void *arg)
{
	(void)arg;
	mt_host();
	t.plan.rootfs = rows.fds[0].path = 0;
	t.plan.no_pivot = 1;
	mt_seal();
	mt_in(0, no_place);
}
MOUNT_TEST(no_directory_no_pivot)

static void shared_root(void)
{
	mt_build();
	CHECK(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, "") == 0);
	CHECK(strstr(mt_mountinfo("/proc/self/mountinfo", "/"), "shared:"));
	CHECK(strstr(mt_mountinfo("/proc/self/mountinfo", "/"), "master:"));
}

static void root_propagation(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mount("", "/tmp", NULL, MS_SHARED, NULL) == 0);
	t.plan.rootfs_propagation = MS_SHARED | MS_REC;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, shared_root);
}
MOUNT_TEST(root_propagation)

static void without_pivot(void)
{
	mt_build();
	CHECK(access("/inside", F_OK) == 0);
	/* Climbing out of the chroot ends at the same root: it covers what is below. */
	CHECK(mkdir("/jail", 0755) == 0 && chroot("/jail") == 0);
	for (int i = 0; i < 10; i++)
		CHECK(chdir("..") == 0);
	CHECK(chroot(".") == 0 && access("/inside", F_OK) == 0 && access("/tmp", F_OK) < 0);
	/* Nor does an old procfs lie about. */
	CHECK(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, "") == 0);
	CHECK(!strstr(mt_mountinfo("/proc/self/mountinfo", "/sys"), "sysfs"));
}

static void no_pivot(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/inside", 0755) == 0);
	t.plan.no_pivot = 1;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, without_pivot);
	CHECK(access("/proc/self", F_OK) == 0);
}
MOUNT_TEST(no_pivot)

static void in_a_chroot(void)
{
	int before = mt_count_mounts();

	mt_attach();
	CHECK_OK(mounts_apply(&sb, &e), &e);
	CHECK_OK(masks_apply(&sb, &e), &e);
	CHECK(mt_count_mounts() == before);
	mt_enter();
	CHECK(access("/inside", F_OK) == 0);
}

static void no_mount_namespace(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/inside", 0755) == 0);
	t.plan.has_mount_ns = 0;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, in_a_chroot);
	mt_fs("tmpfs", "tmpfs", "/x");
	mt_mask("/x");
	mt_seal();
	CHECK_ERR(mounts_apply(&sb, &e), &e, "mounts need a mount namespace of the container's own");
	CHECK_ERR(masks_apply(&sb, &e), &e, "masked and read-only paths need a mount namespace of the container's own");
}
MOUNT_TEST(no_mount_namespace)

static void wrong_cwds(void)
{
	mt_attach();
	CHECK_ERR(rootfs_enter(&sb, &e) < 0 ? -1 : rootfs_finish(&sb, &e), &e, "working directory: create directory '/file'");
	/* CVE-2024-21626: a descriptor of the host's as working directory. */
	CHECK(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, "") == 0);
	cwd("/proc/self/fd/9");
	t.plan.cwd_from = tp_str(&t, "config.json#/process/cwd");
	CHECK_ERR(rootfs_chdir(&sb, false, &e), &e, "chdir to cwd (\"/proc/self/fd/9\") failed: ");
	CHECK(!strcmp(e.where, "config.json: /process/cwd"));
	cwd("/missing");
	CHECK_ERR(rootfs_chdir(&sb, false, &e), &e, "(\"/missing\") failed: No such file or directory");
	cwd("/missing/too");
	CHECK_OK(rootfs_chdir(&sb, true, &e), &e);
	outside_fd = 9;
	CHECK_ERR(rootfs_chdir(&sb, false, &e), &e, "current working directory is outside of container mount namespace root"
		  " -- possible container breakout detected");
}

static void breakout(void *arg)
{
	(void)arg;
	mt_host();
	mt_write(ROOTFS "/file", "");
	CHECK(mkdir("/tmp/host", 0755) == 0);
	CHECK(dup2(open("/tmp/host", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 9) == 9);
	cwd("/file");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, wrong_cwds);
}
MOUNT_TEST(breakout)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enters),   cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_root_propagation), cmocka_unit_test(test_no_pivot),
		cmocka_unit_test(test_no_mount_namespace), cmocka_unit_test(test_breakout),
		cmocka_unit_test(test_no_directory), cmocka_unit_test(test_no_directory_no_pivot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
