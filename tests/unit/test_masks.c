/* SPDX-License-Identifier: Apache-2.0
 * test_masks.c - masked and read-only paths.
 */
#include <sys/vfs.h>

#include "tests/unit/mount_test.h"

#define INFO "/proc/self/mountinfo"

static void with_null(void)
{
	t.plan.null_fd = mt_device_fd("/dev/null", 1, 3);
}

static bool is_null(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static bool is_empty(const char *path)
{
	ps_auto_dir DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	return n == 2;
}

static void look_at_masks(void)
{
	struct stat st, other;

	mt_build();
	CHECK(is_null("/proc/cpuinfo") && is_null("/proc/version") && is_null("/secret/file") && is_null("/etc/shadow"));
	CHECK(is_empty("/secret/dir") && is_empty("/proc/fs") && is_empty("/sys/kernel"));
	CHECK(mkdir("/secret/dir/x", 0755) < 0 && errno == EROFS);
	/* One super block for all of them, and one device that nobody can change. */
	CHECK(stat("/secret/dir", &st) == 0 && stat("/sys/kernel", &other) == 0 && st.st_dev == other.st_dev);
	CHECK(chmod("/proc/cpuinfo", 0) < 0 && errno == EROFS);
	CHECK(strstr(mt_mountinfo(INFO, "/proc/cpuinfo"), "ro,nosuid,noexec"));
	CHECK(strstr(mt_mountinfo(INFO, "/secret/dir"), "ro,nosuid,nodev,noexec,relatime - tmpfs none ro"));
	CHECK(open("/secret/file", O_WRONLY) >= 0);

	CHECK(strstr(mt_mountinfo(INFO, "/proc/sys"), "ro,") && access("/proc/sys/kernel/hostname", W_OK) < 0);
	CHECK(strstr(mt_mountinfo(INFO, "/proc/uptime"), "ro,"));
	CHECK(mkdir("/tree/x", 0755) < 0 && errno == EROFS && mkdir("/tree/sub/x", 0755) < 0 && errno == EROFS);
	CHECK(*mt_mountinfo(INFO, "/tree/sub") && fds[t.plan.null_fd] == -1);
}

static void masks(void *arg)
{
	static const char *const masked[] = {
		"/proc/cpuinfo", "/proc/version", "/proc/fs", "/proc/none", "/sys/kernel", "/secret/dir", "/secret/file",
		"/secret/file/below", "/secret/none", "/etc/link",
	};

	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/secret", 0755) == 0 && mkdir(ROOTFS "/secret/dir", 0755) == 0);
	CHECK(mkdir(ROOTFS "/etc", 0755) == 0 && symlink("shadow", ROOTFS "/etc/link") == 0);
	CHECK(mkdir(ROOTFS "/tree", 0755) == 0 && mkdir(ROOTFS "/tree/sub", 0755) == 0);
	CHECK(mount("sub", ROOTFS "/tree/sub", "tmpfs", 0, "") == 0);
	mt_write(ROOTFS "/secret/file", "secret");
	mt_write(ROOTFS "/secret/dir/file", "secret");
	mt_write(ROOTFS "/etc/shadow", "secret");
	mt_fs("proc", "proc", "/proc");
	mt_fs("sysfs", "sysfs", "/sys");
	for (size_t i = 0; i < PS_COUNT(masked); i++)
		mt_mask(masked[i]);
	mt_readonly("/proc/sys");
	mt_readonly("/proc/uptime");
	mt_readonly("/proc/none");
	mt_readonly("/tree");
	with_null();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID | CLONE_NEWNET, look_at_masks);
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	host_fds_close(&t.plan, fds);
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER, look_at_masks);
	CHECK(mt_reads(ROOTFS "/secret/file", "secret"));
}
MOUNT_TEST(masks)

/* Denied, not empty: for root, too; masked ones beside it stay as they are, whichever comes first. */
static void look_at_denied(void)
{
	mt_build();
	CHECK(open("/first", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/last", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/masked", O_RDONLY) >= 0);
	CHECK(strstr(mt_mountinfo(INFO, "/first"), "ro,nosuid,nodev,noexec") && !strstr(mt_mountinfo(INFO, "/masked"), "nodev"));
	CHECK(is_empty("/masked.d") && access("/masked.d", R_OK) == 0);
	struct stat st;
	CHECK(stat("/denied.d", &st) == 0 && (st.st_mode & 07777) == 0);
	CHECK(chmod("/denied.d", 0755) < 0 && errno == EROFS);
}

static void mt_deny(const char *path)
{
	mt_mask(path);
	rows.masked[rows.n_masked - 1].flags = PLAN_DENIED;
}

static void denied(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/masked.d", 0755) == 0 && mkdir(ROOTFS "/denied.d", 0755) == 0);
	mt_write(ROOTFS "/first", "secret");
	mt_write(ROOTFS "/masked", "secret");
	mt_write(ROOTFS "/last", "secret");
	mt_fs("proc", "proc", "/proc");
	mt_deny("/first");
	mt_mask("/masked");
	mt_mask("/masked.d");
	mt_deny("/denied.d");
	mt_deny("/last");
	with_null();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, look_at_denied);
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	host_fds_close(&t.plan, fds);
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID | CLONE_NEWUSER, look_at_denied);
}
MOUNT_TEST(denied)

/* CVE-2025-31133: what the plan calls the null device is something else by now. */
static void not_the_null_device(void)
{
	mt_attach();
	CHECK_ERR(masks_apply(&sb, &e), &e, "mask '/file': the plan's null device is none");
	CHECK(!strcmp(e.where, "test: /maskedPaths"));
}

static void false_null(void *arg)
{
	(void)arg;
	mt_host();
	mt_write(ROOTFS "/file", "");
	mt_mask("/file");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, not_the_null_device);
	t.plan.null_fd = mt_device_fd("/dev/zero", 1, 5);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, not_the_null_device);
}
MOUNT_TEST(false_null)

/* A link of proc that jumps is no way to another file. */
static void jumping_link(void)
{
	mt_attach();
	CHECK_OK(mounts_apply(&sb, &e), &e);
	CHECK_ERR(masks_apply(&sb, &e), &e, "make read-only '/proc/1/root': open: Too many levels of symbolic links");
	CHECK(!strcmp(e.where, "test: /readonlyPaths"));
}

static void magic_links(void *arg)
{
	(void)arg;
	mt_host();
	mt_fs("proc", "proc", "/proc");
	mt_readonly("/proc/1/root");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, jumping_link);
}
MOUNT_TEST(magic_links)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks), cmocka_unit_test(test_denied), cmocka_unit_test(test_false_null), cmocka_unit_test(test_magic_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
