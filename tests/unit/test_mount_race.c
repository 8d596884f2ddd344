/* SPDX-License-Identifier: Apache-2.0
 * test_mount_race.c - somebody who may write to the root file system and to a volume swaps their directories for links
 * while mounts, devices, terminal and masks are applied.  It may fail; it may not touch anything outside.
 */
#include <sys/vfs.h>

#include "base/path.h"
#include "shim/sandbox/tty.h"
#include "tests/unit/mount_test.h"

enum { ROUNDS = 400 };
#define VICTIM "/tmp/victim"

/* What is a directory one moment is a link that leads out the next. */
static const char *const swapped[] = {
	ROOTFS "/proc", ROOTFS "/sys", ROOTFS "/dev", ROOTFS "/dev/pts", ROOTFS "/a", ROOTFS "/a/b", ROOTFS "/secret", ROOTFS "/secret/dir",
	ROOTFS "/work", "/tmp/vol/x", "/tmp/vol/x/y", "/tmp/vol/x/file",
};
static const char *const victims[] = { "", "/b", "/b/c", "/pts", "/dir", "/y", "/sys", "/file", "/console", "/cpuinfo", "/null" };

static void make_dirs(void)
{
	static const char *const dirs[] = {
		ROOTFS "/a", ROOTFS "/a/b", ROOTFS "/dev", ROOTFS "/dev/pts", ROOTFS "/proc", ROOTFS "/sys", ROOTFS "/secret",
		ROOTFS "/secret/dir", ROOTFS "/work", "/tmp/vol", "/tmp/vol/x", "/tmp/vol/x/y", VICTIM, VICTIM "/b",
		VICTIM "/b/c", VICTIM "/pts", VICTIM "/dir", VICTIM "/y", VICTIM "/sys",
	};
	static const char *const files[] = { VICTIM "/file", VICTIM "/console", VICTIM "/cpuinfo", VICTIM "/null",
					     "/tmp/vol/x/file" };
	char out[64];

	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		CHECK(mkdir(dirs[i], 0755) == 0);
	for (size_t i = 0; i < PS_COUNT(files); i++)
		mt_write(files[i], "untouched");
	/* To the victim for whoever resolves against the host's root, and for whoever lets ".." climb. */
	for (size_t i = 0; i < PS_COUNT(swapped); i++) {
		(void)snprintf(out, sizeof(out), "%s.out", swapped[i]);
		CHECK(symlink(i % 2 ? VICTIM : "../../../../../.." VICTIM, out) == 0);
	}
}

static void attack(void)
{
	char out[64];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		for (size_t i = 0; i < PS_COUNT(swapped); i++) {
			(void)snprintf(out, sizeof(out), "%s.out", swapped[i]);
			/* There and back at once: most of the time most of them are what they should be. */
			for (int n = 0; n < 2; n++)
				(void)syscall(SYS_renameat2, AT_FDCWD, swapped[i], AT_FDCWD, out, 2U /* RENAME_EXCHANGE */);
		}
}

static void plan(void)
{
	mt_fs("proc", "proc", "/proc");
	mt_fs("sysfs", "sysfs", "/sys");
	mt_fs("devpts", "devpts", "/dev/pts", "ptmxmode=0666");
	mt_fs("tmpfs", "tmpfs", "/a/b/c");
	mt_bind("/tmp/vol", "/work/vol");
	mt_fs("tmpfs", "tmpfs", "/work/vol/x/y")->flags = PLAN_MOUNT_TMPCOPYUP;
	mt_bind("/tmp/vol", "/work/vol/x/y/z");
	mt_device("/dev/null", 1, 3)->uid = 5;
	mt_device("/a/b/null", 1, 3);
	mt_device("/dev/zero", 1, 5)->fd = mt_device_fd("/dev/zero", 1, 5);
	mt_link("/dev/sub/link", "target");
	mt_mask("/proc/cpuinfo");
	mt_mask("/secret/dir");
	mt_mask("/work/vol/x/file");
	mt_readonly("/proc/sys");
	mt_readonly("/secret");
	t.plan.null_fd = mt_device_fd("/dev/null", 1, 3);
	t.plan.has_process = 1;
	t.plan.cwd = tp_str(&t, "/work/dir");
}

static dev_t host_dev;
static struct stat before[PS_COUNT(victims)];

static void check_victims(bool again)
{
	struct stat st;
	char path[64];

	for (size_t i = 0; i < PS_COUNT(victims); i++) {
		(void)snprintf(path, sizeof(path), VICTIM "%s", victims[i]);
		CHECK(lstat(path, &st) == 0 && st.st_dev == host_dev);
		if (again) {
			CHECK(st.st_ino == before[i].st_ino && st.st_mode == before[i].st_mode && st.st_uid == before[i].st_uid);
			CHECK(st.st_nlink == before[i].st_nlink && st.st_size == before[i].st_size);
			CHECK(st.st_ctim.tv_sec == before[i].st_ctim.tv_sec && st.st_ctim.tv_nsec == before[i].st_ctim.tv_nsec);
		}
		before[i] = st;
	}
}

/* What the kernel's files look like through the mount that was made: a mask is there, wherever /proc went meanwhile. */
static void check_masked(void)
{
	struct stat st;

	CHECK(fstatat(sb.top_fd[SANDBOX_PROC], "cpuinfo", &st, 0) == 0 && st.st_rdev == makedev(1, 3));
}

static void apply(void)
{
	static int (*const steps[])(struct sandbox *, struct ps_err *) = {
		mounts_apply, devices_apply, tty_open, tty_bind_console, masks_apply,
	};
	size_t i = 0;

	ps_path_no_openat2 = getpid() % 2;
	mt_attach();
	while (i < PS_COUNT(steps) && steps[i](&sb, &e) == 0)
		i++;
	if (i == PS_COUNT(steps))
		check_masked();
	/* Still with the host's root: was anything mounted over it here? */
	check_victims(true);
	if (rootfs_enter(&sb, &e) == 0)
		(void)rootfs_finish(&sb, &e);
}

static void nothing_outside(void *arg)
{
	int mounts;
	pid_t pid;
	struct stat st;

	(void)arg;
	mt_host();
	CHECK(mount("", "/tmp", NULL, MS_SHARED, NULL) == 0);
	make_dirs();
	CHECK(stat("/tmp", &st) == 0);
	host_dev = st.st_dev;
	check_victims(false);
	plan();
	mt_seal();
	mounts = mt_count_mounts();
	pid = fork();
	if (pid == 0)
		attack();
	CHECK(pid > 0);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
		mt_in(0, apply);
		host_fds_close(&t.plan, fds);
		check_victims(true);
		CHECK(mt_count_mounts() == mounts);
	}
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}
MOUNT_TEST(nothing_outside)

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_outside) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
