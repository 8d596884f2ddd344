/* SPDX-License-Identifier: Apache-2.0
 * test_tty.c - the terminal is a pty of the container's devpts and nothing else.
 */
#include <sys/ioctl.h>

#include "base/path.h"
#include "shim/sandbox/tty.h"
#include "tests/unit/mount_test.h"

static void with_devpts(void)
{
	mt_fs("proc", "proc", "/proc");
	mt_fs("tmpfs", "tmpfs", "/dev", "mode=755");
	mt_fs("devpts", "devpts", "/dev/pts", "ptmxmode=0666", "mode=0620");
}

static void apply_mounts(void)
{
	mt_attach();
	CHECK_OK(mounts_apply(&sb, &e), &e);
}

static void talk(void)
{
	struct winsize size;
	struct stat st, console;
	char text[8] = "";

	apply_mounts();
	CHECK_OK(tty_open(&sb, &e), &e);
	CHECK_OK(tty_bind_console(&sb, &e), &e);
	mt_enter();
	CHECK((fcntl(sb.tty_master, F_GETFD) & FD_CLOEXEC) && (fcntl(sb.tty_slave, F_GETFD) & FD_CLOEXEC));
	CHECK(fstat(sb.tty_slave, &st) == 0 && st.st_uid == 17 && S_ISCHR(st.st_mode));
	CHECK(stat("/dev/console", &console) == 0 && console.st_rdev == st.st_rdev && console.st_ino == st.st_ino);
	CHECK(stat("/dev/pts/0", &console) == 0 && console.st_ino == st.st_ino);
	CHECK(ioctl(sb.tty_slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 24 && size.ws_col == 80);

	int master = dup(sb.tty_master);

	CHECK_OK(tty_take(&sb, &e), &e);
	CHECK(sb.tty_master == -1 && sb.tty_slave == -1);
	CHECK(getsid(0) == getpid() && tcgetpgrp(0) == getpid());
	for (int i = 0; i < 3; i++)
		CHECK(fstat(i, &console) == 0 && console.st_ino == st.st_ino && fcntl(i, F_GETFD) == 0);
	CHECK(write(1, "hi", 2) == 2 && read(master, text, sizeof(text)) == 2 && !strcmp(text, "hi"));
	CHECK(open("/dev/tty", O_RDWR | O_CLOEXEC) < 0); /* no node was planned */
}

static void terminal(void *arg)
{
	(void)arg;
	mt_host();
	with_devpts();
	t.plan.rows = 24;
	t.plan.cols = 80;
	t.plan.uid = 17;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, talk);
	CHECK(chown(ROOTFS, MT_ID, MT_ID) == 0);
	host_fds_close(&t.plan, fds);
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID | CLONE_NEWUSER, talk);
}
MOUNT_TEST(terminal)

/* exec: the process is inside already. */
static void from_inside(void)
{
	mt_build();
	sb.root_fd = -1;
	memset(sb.top_fd, 0xff, sizeof(sb.top_fd));
	CHECK_OK(tty_open(&sb, &e), &e);
	CHECK(access("/dev/pts/0", F_OK) == 0);
	sb.tty_slave = -1;
	CHECK_OK(tty_take(&sb, &e), &e);
	CHECK(getsid(0) == getpid());
}

static void in_exec(void *arg)
{
	(void)arg;
	mt_host();
	with_devpts();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, from_inside);
}
MOUNT_TEST(in_exec)

/* CVE-2025-52565: somebody else's file where the multiplexer should be. */
static void fake_ptmx(void)
{
	int ptmx, null;

	apply_mounts();
	ptmx = ps_open_in_root(sb.root_fd, "/dev/pts/ptmx", O_PATH, 0);
	null = ps_sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	CHECK(ps_sys_move_mount(null, "", ptmx, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0);
	for (int i = 0; i < 2; i++) {
		ps_path_no_openat2 = i;
		CHECK_ERR(tty_open(&sb, &e), &e, i ? "terminal: '/dev/pts/ptmx' is not the pty multiplexer"
						   : "terminal: open '/dev/pts/ptmx': Invalid cross-device link");
	}
	ps_path_no_openat2 = false;
	CHECK(sb.tty_master == -1 && sb.tty_slave == -1);
}

static void no_devpts(void)
{
	apply_mounts();
	CHECK_ERR(tty_open(&sb, &e), &e, "terminal: '/dev/pts' of the container is no devpts file system");
}

static void no_dir(void)
{
	apply_mounts();
	CHECK_ERR(tty_open(&sb, &e), &e, "terminal: open '/dev/pts': No such file or directory");
}

static void wrong_devpts(void *arg)
{
	(void)arg;
	mt_host();
	with_devpts();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, fake_ptmx);
	mt_plan();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, no_dir);
	CHECK(mkdir(ROOTFS "/dev/pts", 0755) == 0);
	CHECK(mknod(ROOTFS "/dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
	host_fds_close(&t.plan, fds);
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, no_devpts);
}
MOUNT_TEST(wrong_devpts)

/* CVE-2026-88264: /dev/console is a link, or something that cannot be bound over. */
static const char *failure;
static void fail_to_bind(void)
{
	apply_mounts();
	CHECK_OK(tty_open(&sb, &e), &e);
	CHECK_ERR(tty_bind_console(&sb, &e), &e, failure);
}

static void wrong_console(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir(ROOTFS "/dev", 0755) == 0 && symlink("/tmp/victim", ROOTFS "/dev/console") == 0);
	mt_fs("devpts", "devpts", "/dev/pts", "ptmxmode=0666");
	mt_seal();
	for (int i = 0; i < 3; i++) {
		failure = "terminal: '/dev/console' of the container is neither a file nor a device";
		if (i == 1)
			CHECK(unlink(ROOTFS "/dev/console") == 0 && mkdir(ROOTFS "/dev/console", 0755) == 0);
		if (i == 2) {
			CHECK(rename(ROOTFS "/dev", ROOTFS "/evil") == 0 && symlink("evil", ROOTFS "/dev") == 0);
			failure = "'/dev' of the container's root file system is a symbolic link";
		}
		CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
		mt_in(0, fail_to_bind);
		host_fds_close(&t.plan, fds);
	}
	CHECK(access("/tmp/victim", F_OK) < 0 && access(ROOTFS "/tmp", F_OK) < 0);
}
MOUNT_TEST(wrong_console)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_in_exec), cmocka_unit_test(test_wrong_devpts),
		cmocka_unit_test(test_wrong_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
