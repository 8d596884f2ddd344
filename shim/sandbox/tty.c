/* SPDX-License-Identifier: Apache-2.0
 * tty.c - the payload's terminal: a pty of the container's own devpts, verified.
 */
#include "shim/sandbox/tty.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "base/path.h"
#include "shim/sandbox/mount_util.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41) /* 4.13 */
#endif
#ifndef TIOCSPTLCK
#define TIOCSPTLCK _IOW('T', 0x31, int)
#endif

enum {
	TTYAUX_MAJOR = 5, PTMX_MINOR = 2,                /* Documentation/admin-guide/devices.txt */
	PTS_MAJOR = 136, PTS_MAJOR_LAST = 143,
	DEVPTS_ROOT_INODE = 1, DEVPTS_PTMX_INODE = 2,    /* fs/devpts/inode.c */
	CONSOLE_MODE = 0600,
};

/* The root of the container's devpts; what is in it is the kernel's alone. */
static int open_pts(const struct sandbox *sb, struct ps_err *e)
{
	ps_auto_fd int root = sb->root_fd < 0 ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	ps_auto_fd int pts = -1;
	struct mnt_path at;
	struct stat st;

	if (mnt_path(sb, "/dev/pts", &at, e) < 0)
		return -1;
	pts = ps_open_in_root(sb->root_fd < 0 ? root : at.root_fd, at.rest, O_PATH | O_DIRECTORY, 0);
	if (pts < 0 || fstat(pts, &st) < 0)
		return ps_fail_os(e, "terminal: open '/dev/pts'");
	if (mnt_fs_magic(pts) != MNT_DEVPTS_MAGIC || st.st_ino != DEVPTS_ROOT_INODE)
		return ps_fail(e, PS_E_CONFIG, "terminal: '/dev/pts' of the container is no devpts file system");
	return ps_take_fd(&pts);
}

/* Not what somebody has mounted over it. */
static int open_ptmx(int pts, struct ps_err *e)
{
	const int flags = O_RDWR | O_NOCTTY | O_NOFOLLOW;
	ps_auto_fd int fd = ps_openat2(pts, "ptmx", (uint64_t)flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(pts, "ptmx", flags | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "terminal: open '/dev/pts/ptmx'");
	if (mnt_fs_magic(fd) != MNT_DEVPTS_MAGIC || !S_ISCHR(st.st_mode) || st.st_ino != DEVPTS_PTMX_INODE ||
	    st.st_rdev != makedev(TTYAUX_MAJOR, PTMX_MINOR))
		return ps_fail(e, PS_E_DENIED, "terminal: '/dev/pts/ptmx' is not the pty multiplexer");
	return ps_take_fd(&fd);
}

static int open_peer(int master, struct ps_err *e)
{
	int unlocked = 0;
	ps_auto_fd int fd = -1;
	struct stat st;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return ps_fail_os(e, "terminal: unlock the pty");
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "terminal: open the pty's slave");
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) < PTS_MAJOR || major(st.st_rdev) > PTS_MAJOR_LAST)
		return ps_fail(e, PS_E_DENIED, "terminal: the pty's slave is no pty");
	return ps_take_fd(&fd);
}

int tty_open(struct sandbox *sb, struct ps_err *e)
{
	const struct winsize size = { .ws_row = sb->plan->rows, .ws_col = sb->plan->cols };
	ps_auto_fd int pts = open_pts(sb, e);
	ps_auto_fd int master = pts < 0 ? -1 : open_ptmx(pts, e);
	ps_auto_fd int slave = master < 0 ? -1 : open_peer(master, e);

	if (slave < 0)
		return -1;
	if ((size.ws_row || size.ws_col) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return ps_fail_os(e, "terminal: set the window size");
	/* Now: where the pid namespace is shared, tty_take runs with the payload's rights. */
	if (sb->plan->uid && fchown(slave, sb->plan->uid, (gid_t)-1) < 0)
		return ps_fail_os(e, "terminal: give it to user %u", sb->plan->uid);
	sb->tty_master = ps_take_fd(&master);
	sb->tty_slave = ps_take_fd(&slave);
	return 0;
}

int tty_bind_console(struct sandbox *sb, struct ps_err *e)
{
	ps_auto_fd int dev = mnt_open_top(sb, SANDBOX_DEV, true, e);
	ps_auto_fd int file = -1;
	ps_auto_fd int target = -1;
	ps_auto_fd int mnt = -1;
	struct stat st;

	if (dev < 0)
		return -1;
	file = openat(dev, "console", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, CONSOLE_MODE);
	if (file < 0 && errno != EEXIST)
		return ps_fail_os(e, "terminal: create '/dev/console'");
	target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return ps_fail_os(e, "terminal: open '/dev/console'");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return ps_fail(e, PS_E_CONFIG, "terminal: '/dev/console' of the container is neither a file nor a device");
	mnt = mnt_clone(sb->tty_slave, false);
	if (mnt < 0 || mnt_attach(mnt, target) < 0)
		return ps_fail_os(e, "terminal: bind the pty's slave over '/dev/console'");
	return 0;
}

int tty_take(struct sandbox *sb, struct ps_err *e)
{
	if (setsid() < 0 && errno != EPERM)
		return ps_fail_os(e, "setsid");
	if (sb->tty_slave < 0)
		return 0;
	/* Under a reaper the payload leads the session: reaper.h. */
	if (!sb->plan->reaper && ioctl(sb->tty_slave, TIOCSCTTY, 0) < 0)
		return ps_fail_os(e, "terminal: become its session's leader");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(sb->tty_slave, fd) < 0)
			return ps_fail_os(e, "terminal: make it fd %d", fd);
	if (sb->tty_slave > 2)
		ps_fd_close(&sb->tty_slave);
	ps_fd_close(&sb->tty_master);
	return 0;
}
