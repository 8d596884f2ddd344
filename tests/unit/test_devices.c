/* SPDX-License-Identifier: Apache-2.0
 * test_devices.c - device nodes and links: right, verified, and never through a link.
 */
#include "tests/unit/mount_test.h"

static bool is_node(const char *path, unsigned maj, unsigned min, unsigned mode)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(maj, min) && (st.st_mode & 07777) == mode;
}

static void defaults(void)
{
	struct plan_device *d;

	mt_device("/dev/null", 1, 3);
	mt_device("/dev/sub/dir/zero", 1, 5);
	d = mt_device("/dev/owned", 1, 7);
	d->uid = 7;
	d->gid = 8;
	d->mode = 0640;
	d = mt_device("/dev/pipe", 0, 0);
	d->type = S_IFIFO;
	d = mt_device("/elsewhere/block", 7, 200);
	d->type = S_IFBLK;
	mt_link("/dev/fd", "/proc/self/fd");
	mt_link("/dev/ptmx", "pts/ptmx");
	mt_link("/dev/null", "unused");
}

static void look_at_nodes(void)
{
	char text[64] = "";
	struct stat st;

	mt_build();
	CHECK(is_node("/dev/null", 1, 3, 0666) && is_node("/dev/sub/dir/zero", 1, 5, 0666) && is_node("/dev/owned", 1, 7, 0640));
	CHECK(lstat("/dev/owned", &st) == 0 && st.st_uid == 7 && st.st_gid == 8);
	CHECK(lstat("/dev/pipe", &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK(lstat("/elsewhere/block", &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == makedev(7, 200));
	CHECK(readlink("/dev/fd", text, sizeof(text)) == 13 && !strcmp(text, "/proc/self/fd"));
	CHECK(readlink("/dev/ptmx", text, sizeof(text)) == 8);
}

static void nodes(void *arg)
{
	(void)arg;
	mt_host();
	mt_fs("tmpfs", "tmpfs", "/dev", "mode=755");
	defaults();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, look_at_nodes);
	/* Without a mount: in the root file system's own /dev, twice. */
	mt_plan();
	defaults();
	for (int i = 0; i < 2; i++) {
		mt_seal();
		CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
		mt_in(0, look_at_nodes);
	}
}
MOUNT_TEST(nodes)

static const char *failure;
static void expect_failure(void)
{
	mt_attach();
	CHECK_ERR(devices_apply(&sb, &e), &e, failure);
}

static void refused(const char *text)
{
	failure = text;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, expect_failure);
	host_fds_close(&t.plan, fds);
	mt_plan();
}

static void what_is_there(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/dev", 0755) == 0);
	mt_write("/tmp/victim", "");
	mt_write(ROOTFS "/dev/file", "");
	mt_device("/dev/file", 1, 3);
	refused("device '/dev/file': something else than the character device 1:3 is there already");
	CHECK(mknod(ROOTFS "/dev/zero", S_IFCHR | 0600, makedev(1, 3)) == 0);
	mt_device("/dev/zero", 1, 5);
	refused("device '/dev/zero': something else than the character device 1:5 is there already");
	mt_device("/dev/zero", 1, 5)->type = S_IFBLK;
	refused("something else than the block device 1:5 is there already");
	mt_device("/dev/zero", 1, 5)->type = S_IFIFO;
	refused("device '/dev/zero': something else than a fifo is there already");
	CHECK(symlink("/../../victim", ROOTFS "/dev/link") == 0 && symlink("/dev/zero", ROOTFS "/dev/right") == 0);
	mt_device("/dev/link", 1, 3)->uid = 1;
	refused("device '/dev/link': something else than the character device 1:3 is there already");
	mt_device("/dev/right", 1, 3);
	refused("device '/dev/right': something else than the character device 1:3 is there already");
	mt_device("/dev/zero/x", 1, 3);
	refused("device '/dev/zero/x': create directory 'zero/': Not a directory");
	mt_device("/dev", 1, 3);
	refused("device '/dev': something else than the character device 1:3 is there already");
	mt_link("/dev/file/x", "y");
	refused("link '/dev/file/x' to 'y': create directory");
	/* CVE-2026-41579, CVE-2026-47766 */
	CHECK(rename(ROOTFS "/dev", ROOTFS "/evil") == 0 && symlink("/evil", ROOTFS "/dev") == 0);
	mt_device("/dev/null", 1, 3);
	refused("'/dev' of the container's root file system is a symbolic link");
	CHECK(access(ROOTFS "/evil/null", F_OK) < 0);
}
MOUNT_TEST(what_is_there)

/* In a user namespace the host's nodes are bound. */
static void look_at_bound(void)
{
	mt_attach();
	CHECK_OK(mounts_apply(&sb, &e), &e);
	CHECK_OK(devices_apply(&sb, &e), &e);
	mt_enter();
	CHECK(is_node("/dev/null", 1, 3, 0666) && open("/dev/null", O_WRONLY) >= 0);
	CHECK(is_node("/dev/kept", 1, 5, 0600));
}

static void bound(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0 && mkdir(ROOTFS "/dev", 0755) == 0 && chown(ROOTFS "/dev", MT_ID, MT_ID) == 0);
	CHECK(mknod(ROOTFS "/dev/kept", S_IFCHR | 0600, makedev(1, 5)) == 0);
	mt_device("/dev/null", 1, 3)->fd = mt_device_fd("/dev/null", 1, 3);
	mt_device("/dev/kept", 1, 5)->fd = mt_device_fd("/dev/zero", 1, 5);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWUSER, look_at_bound);

	mt_plan();
	CHECK(symlink("/tmp/victim", ROOTFS "/dev/full") == 0);
	mt_device("/dev/full", 1, 7)->fd = mt_device_fd("/dev/full", 1, 7);
	refused("device '/dev/full': something else than the character device 1:7 is there already");
	CHECK(access("/tmp/victim", F_OK) < 0);
}
MOUNT_TEST(bound)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes), cmocka_unit_test(test_what_is_there), cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
