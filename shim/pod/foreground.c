/* SPDX-License-Identifier: Apache-2.0
 * foreground.c - waits for a process that runs in the foreground: signals go to it, its terminal is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/container.h"

int foreground_keep(int master_fd, int *ret_fd, struct ps_err *e)
{
	ps_auto_fd int fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
	struct termios t;

	if (fd < 0)
		return ps_fail_os(e, "keep the terminal");
	/* Only a terminal of ours, made raw, needs "\r\n"; a file or a pipe gets what the payload writes. */
	if (!isatty(STDIN_FILENO) && tcgetattr(fd, &t) == 0) {
		t.c_oflag &= ~(tcflag_t)ONLCR;
		(void)tcsetattr(fd, TCSANOW, &t);
	}
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

struct foreground {
	int pidfd, master_fd, signal_fd;
	bool raw, stdin_open;
	struct termios saved;
};

static void copy_size(const struct foreground *f)
{
	struct winsize ws;

	if (f->master_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(f->master_fd, TIOCSWINSZ, &ws);
}

static void terminal_raw(struct foreground *f)
{
	struct termios t;

	copy_size(f);
	if (f->master_fd < 0 || tcgetattr(STDIN_FILENO, &f->saved) < 0)
		return;
	t = f->saved;
	cfmakeraw(&t);
	f->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void foreground_done(struct foreground *f)
{
	if (f->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &f->saved);
	ps_fd_close(&f->signal_fd);
	ps_fd_close(&f->master_fd);
}

static void forward_signals(struct foreground *f)
{
	struct signalfd_siginfo s;

	while (read(f->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		int sig = (int)s.ssi_signo;

		if (sig == SIGWINCH && f->master_fd >= 0)
			copy_size(f);
		else if (sig != SIGCHLD && sig != SIGPIPE && sig != SIGURG && sig != SIGTTOU && sig != SIGTTIN)
			(void)ps_pidfd_kill(f->pidfd, sig);
	}
}

/* Copy what there is; false at the end of the input. */
static bool copy_some(int from, int to)
{
	char block[16384];
	ssize_t n = read(from, block, sizeof(block));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && ps_write_all(to, block, (size_t)n) == 0;
}

static void drain_terminal(struct foreground *f)
{
	struct pollfd p = { .fd = f->master_fd, .events = POLLIN };

	/* The slave's last closer may be a process that outlived init: take what is there, do not wait for more. */
	while (f->master_fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
		if (!copy_some(f->master_fd, STDOUT_FILENO))
			break;
}

static void serve(struct foreground *f, const struct pollfd *p)
{
	if (p[1].revents & POLLIN)
		forward_signals(f);
	if (p[2].revents && !copy_some(STDIN_FILENO, f->master_fd))
		f->stdin_open = false;
	if (p[3].revents && !copy_some(f->master_fd, STDOUT_FILENO))
		ps_fd_close(&f->master_fd);
}

int foreground_wait(int pidfd, int master_fd, int *ret_status, struct ps_err *e)
{
	struct foreground f ps_auto(foreground_done) = { .pidfd = pidfd, .master_fd = master_fd, .signal_fd = -1,
							 .stdin_open = master_fd >= 0 };
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	f.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f.signal_fd < 0)
		return ps_fail_os(e, "signalfd");
	terminal_raw(&f);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = pidfd, .events = POLLIN },
			{ .fd = f.signal_fd, .events = POLLIN },
			{ .fd = f.stdin_open ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = f.master_fd, .events = POLLIN },
		};

		if (poll(p, PS_COUNT(p), -1) < 0 && errno != EINTR)
			return ps_fail_os(e, "poll");
		if (p[0].revents)
			break;
		serve(&f, p);
	}
	drain_terminal(&f);
	return ps_pidfd_reap(pidfd, ret_status, e);
}
