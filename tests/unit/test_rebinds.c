/* SPDX-License-Identifier: Apache-2.0
 * test_rebinds.c - paths with mount flags of their own: what runs and what is writable where all else is neither.
 */
#include "tests/unit/mount_test.h"

#define INFO "/proc/self/mountinfo"

static const uint64_t RO = MOUNT_ATTR_RDONLY, NOEXEC = MOUNT_ATTR_NOEXEC;

static bool writes(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool is_empty_dir(const char *path)
{
	ps_auto_dir DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	return n == 2;
}

static void rootfs_with_programs(void)
{
	static const char *const dirs[] = { "/bin", "/data", "/data/ro", "/data/secret", "/tree", "/tree/sub", "/vol" };

	mt_host();
	for (size_t i = 0; i < PS_COUNT(dirs); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), ROOTFS "%s", dirs[i]);
		CHECK(mkdir(path, 0777) == 0);
	}
	mt_program(ROOTFS "/bin/true");
	mt_program(ROOTFS "/bin/false");
	CHECK(symlink("true", ROOTFS "/bin/link") == 0);
	mt_program(ROOTFS "/data/true");
	mt_write(ROOTFS "/data/secret/key", "secret");
	CHECK(mount("sub", ROOTFS "/tree/sub", "tmpfs", 0, "mode=0777") == 0);
	mt_program(ROOTFS "/tree/sub/true");
}

/* ---- What is listed runs, what is listed is writable, nothing else ---- */

static void look_at_flags(void)
{
	mt_build();
	CHECK(mt_runs("/bin/true") == 0 && mt_runs("/bin/link") == 0);
	CHECK(mt_runs("/bin/false") == EACCES && mt_runs("/data/true") == EACCES);
	/* What came with the root file system, too. */
	CHECK(mt_runs("/tree/sub/true") == EACCES);

	CHECK(writes("/data/new") && !writes("/new") && errno == EROFS);
	CHECK(!writes("/data/ro/new") && errno == EROFS);
	/* It inherits what it does not mention: a program that runs is not to be replaced. */
	CHECK(!writes("/bin/true"));
	CHECK(rename("/bin/false", "/bin/true") < 0);
	CHECK(is_empty_dir("/data/secret") && mt_reads("/data/secret/key", ""));
	CHECK(strstr(mt_mountinfo(INFO, "/data"), "rw,noexec"));
	CHECK(strstr(mt_mountinfo(INFO, "/bin/true"), "ro,") && !strstr(mt_mountinfo(INFO, "/bin/true"), "noexec"));
}

static void flags(void *arg)
{
	(void)arg;
	rootfs_with_programs();
	mt_fs("proc", "proc", "/proc");
	t.plan.rootfs_attr_set = RO | NOEXEC;
	mt_rebind("/bin/link", 0, NOEXEC);
	mt_rebind("/data", 0, RO);
	mt_rebind("/data/ro", RO, 0);
	mt_rebind("/nowhere", 0, RO)->flags = PLAN_OPTIONAL;
	mt_mask("/data/secret");
	t.plan.null_fd = mt_device_fd("/dev/null", 1, 3);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, look_at_flags);
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	host_fds_close(&t.plan, fds);
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK(unlink(ROOTFS "/data/new") == 0);
	mt_in(CLONE_NEWPID | CLONE_NEWUSER, look_at_flags);
}
MOUNT_TEST(flags)

/* ---- The mount below has its flags from the document ---- */

static void look_at_volumes(void)
{
	struct stat dev, dev_sub;

	mt_build();
	CHECK(mt_runs("/vol/true") == 0 && mt_runs("/vol/sub/true") == EACCES && mt_runs("/vol/more/true") == 0);
	CHECK(!writes("/vol/x") && writes("/vol/sub/x") && !writes("/vol/more/x"));
	CHECK(writes("/run/lock/x") && !writes("/run/x") && errno == EROFS);
	/* With what is mounted below, and without. */
	CHECK(strstr(mt_mountinfo(INFO, "/tree/sub"), "ro,"));
	CHECK(stat("/dev", &dev) == 0 && stat("/dev/sub", &dev_sub) == 0 && dev.st_dev == dev_sub.st_dev);
	/* Behind a rebind of /proc itself, masks still hit what is seen. */
	CHECK(strstr(mt_mountinfo(INFO, "/proc/uptime"), "ro,") && !strcmp(first_line("/proc/uptime", (char[8]){ 0 }, 8), ""));
	CHECK(strstr(mt_mountinfo(INFO, "/proc"), "noexec"));
}

static void volumes(void *arg)
{
	(void)arg;
	rootfs_with_programs();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mkdir("/tmp/vol/sub", 0777) == 0 && mkdir("/tmp/vol/more", 0755) == 0);
	mt_program("/tmp/vol/true");
	mt_program("/tmp/vol/sub/true");
	mt_program("/tmp/vol/more/true");
	mt_fs("proc", "proc", "/proc");
	mt_bind("/tmp/vol", "/vol")->attr_set = RO | NOEXEC;
	mt_fs("tmpfs", "run", "/run")->attr_set = RO;
	mt_fs("tmpfs", "lock", "/run/lock")->attr_set = RO;
	mt_fs("tmpfs", "dev", "/dev");
	mt_fs("tmpfs", "sub", "/dev/sub");
	mt_rebind("/vol/true", 0, NOEXEC);
	mt_rebind("/vol/more", 0, NOEXEC);
	mt_rebind("/vol/sub", 0, RO);
	mt_rebind("/run/lock", 0, RO);
	mt_rebind("/tree", RO, 0)->flags = PLAN_RECURSIVE;
	mt_rebind("/dev", NOEXEC, 0);
	mt_rebind("/proc", NOEXEC, 0)->flags = PLAN_RECURSIVE;
	mt_mask("/proc/uptime");
	t.plan.null_fd = mt_device_fd("/dev/null", 1, 3);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, look_at_volumes);
}
MOUNT_TEST(volumes)

/* ---- Failures name path and origin ---- */

static void nothing_there(void)
{
	mt_attach();
	CHECK_ERR(rebinds_apply(&sb, &e), &e, "bind '/nowhere' onto itself: the container has no such path");
	CHECK(e.cls == PS_E_NOTFOUND && !strcmp(e.where, "test: /rebinds"));
}

static void no_mounts(void)
{
	t.plan.has_mount_ns = 0;
	CHECK_ERR(rebinds_apply(&sb, &e), &e, "mounts with other flags need a mount namespace of the container's own");
}

static void missing(void *arg)
{
	(void)arg;
	mt_host();
	mt_rebind("/nowhere", 0, RO);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, nothing_there);
	mt_in(0, no_mounts);
}
MOUNT_TEST(missing)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags), cmocka_unit_test(test_volumes), cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
