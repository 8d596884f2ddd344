/* SPDX-License-Identifier: Apache-2.0
 * foreground.c - waits for a process that runs in the foreground: signals go to it, its terminal is ours.
 *
 * Nothing here waits for one side alone: a payload that does not read must not keep its own output from being taken,
 * nor a full pipe of the caller a signal from being sent on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/container.h"
#include "shim/pod/prompt.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41) /* 4.13 */
#endif

enum {
	BLOCK = 4096,            /* a pipe that polls as writable takes PIPE_BUF without waiting */
	LAST_WORDS = 64 * 1024,  /* more than a pty holds, and not all that a process which outlived init may write */
	EOF_MS_FIRST = 10, EOF_MS_MAX = 250,
	GRACE_MS = 2000,         /* from the SIGTERM of a time-out to the SIGKILL */
};

int foreground_block_signals(struct foreground_signals *s, struct ps_err *e)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &s->saved) < 0)
		return ps_fail_os(e, "block signals");
	s->blocked = true;
	return 0;
}

void foreground_restore_signals(struct foreground_signals *s)
{
	if (s->blocked)
		(void)sigprocmask(SIG_SETMASK, &s->saved, NULL);
	s->blocked = false;
}

int foreground_keep(int master_fd, int *ret_fd, struct ps_err *e)
{
	ps_auto_fd int fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
	struct termios t;

	if (fd < 0)
		return ps_fail_os(e, "keep the terminal");
	/* Only a terminal of ours, made raw, needs "\r\n"; a file or a pipe gets what the payload writes. */
	if ((!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) && tcgetattr(fd, &t) == 0) {
		t.c_oflag &= ~(tcflag_t)ONLCR;
		(void)tcsetattr(fd, TCSANOW, &t);
	}
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

/* One direction: what was read and is not yet written. */
struct relay {
	char data[BLOCK];
	size_t at, end;
	bool open;               /* there may be more to read */
};

struct foreground {
	int pidfd, master_fd, slave_fd, signal_fd;
	struct relay in, out;
	bool raw, at_eof;        /* at_eof: of the caller's stdin */
	bool in_line;            /* what was typed last did not end its line */
	int eof_ms;              /* from one look whether the payload waits for more to the next */
	int64_t eof_at;          /* the next, on the monotonic clock in ms */
	int64_t ends_at;         /* when the payload gets the next signal of its time-out; INT64_MAX: never */
	bool timed_out;
	uint64_t output_limit, printed; /* of the terminal, bytes; 0: none */
	bool over;               /* it was passed */
	struct prompt *prompt;   /* NULL: nothing is asked */
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
	if (tcgetattr(STDIN_FILENO, &f->saved) < 0)
		return;
	t = f->saved;
	cfmakeraw(&t);
	f->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

/* We hold the other side, too: the terminal lives as long as the payload, whatever that closes meanwhile. */
static int hold_slave(struct foreground *f)
{
	ps_fd_close(&f->slave_fd);
	f->slave_fd = ioctl(f->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return f->slave_fd < 0 ? -1 : 0;
}

static int terminal_open(struct foreground *f, struct ps_err *e)
{
	if (f->master_fd < 0)
		return 0;
	if (hold_slave(f) < 0 || fcntl(f->master_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return ps_fail_os(e, "hold the terminal");
	f->in.open = f->out.open = true;
	terminal_raw(f);
	return 0;
}

/* As if it were switched off: the payload gets SIGHUP, end of file and EIO. */
static void hang_up(struct foreground *f)
{
	f->in.open = f->out.open = f->at_eof = false;
	f->in.at = f->in.end = f->out.at = f->out.end = 0;
	ps_fd_close(&f->slave_fd);
	ps_fd_close(&f->master_fd);
}

/* The payload may call vhangup(2), as login programs do: that ended our hold, not the terminal. */
static void revive(struct foreground *f)
{
	if (errno != EIO || hold_slave(f) < 0)
		hang_up(f);
	else
		f->out.open = true;
}

static void foreground_done(struct foreground *f)
{
	if (f->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &f->saved);
	ps_fd_close(&f->signal_fd);
	hang_up(f);
}

static bool is_for_payload(int sig)
{
	return sig != SIGCHLD && sig != SIGPIPE && sig != SIGURG && sig != SIGTTOU && sig != SIGTTIN;
}

static void forward_signals(struct foreground *f)
{
	struct signalfd_siginfo s;

	while (read(f->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		int sig = (int)s.ssi_signo;

		if (sig == SIGWINCH && f->master_fd >= 0)
			copy_size(f);
		else if (is_for_payload(sig))
			(void)ps_pidfd_kill(f->pidfd, sig);
		/* A call that waits for an answer lets no handler run. */
		if (f->prompt && (sig == SIGINT || sig == SIGQUIT || sig == SIGTERM || sig == SIGHUP))
			prompt_interrupt(f->prompt);
	}
}

static bool is_passing(int cause)
{
	return cause == EINTR || cause == EAGAIN;
}

/* 1 and something to write, 0 nothing now, -1 end (errno 0) or error. */
static int relay_read(struct relay *r, int fd)
{
	ssize_t n = read(fd, r->data, sizeof(r->data));

	if (n > 0) {
		r->at = 0;
		r->end = (size_t)n;
		return 1;
	}
	if (n < 0 && is_passing(errno))
		return 0;
	r->open = false;
	errno = n == 0 ? 0 : errno;
	return -1;
}

static int relay_write(struct relay *r, int fd)
{
	ssize_t n = write(fd, r->data + r->at, r->end - r->at);

	if (n < 0)
		return is_passing(errno) ? 0 : -1;
	r->at += (size_t)n;
	return 0;
}

static bool is_full(const struct relay *r)
{
	return r->at < r->end;
}

static void serve_input(struct foreground *f, const struct pollfd *from, const struct pollfd *to)
{
	if (is_full(&f->in)) {
		if ((to->revents & ~POLLIN) && relay_write(&f->in, f->master_fd) < 0)
			revive(f);
		return;
	}
	if (!from->revents)
		return;
	int got = relay_read(&f->in, STDIN_FILENO);

	if (got > 0)
		f->in_line = f->in.data[f->in.end - 1] != '\n';
	/* EIO is how a background process is kept from its terminal: no end of anything. */
	if (got < 0 && errno != EIO) {
		f->at_eof = true;
		f->eof_ms = EOF_MS_FIRST;
		f->eof_at = ps_now_ms();
	}
}

/* What is within the limit goes on; one byte more, and nothing that follows does. */
static void count_output(struct foreground *f)
{
	if (!f->output_limit)
		return;
	if (f->over) {
		f->out.end = 0;
		return;
	}
	f->printed += f->out.end;
	if (f->printed <= f->output_limit)
		return;
	f->out.end -= (size_t)(f->printed - f->output_limit);
	f->over = true;
	(void)ps_pidfd_kill(f->pidfd, SIGKILL);
}

static int output_read(struct foreground *f)
{
	const int got = relay_read(&f->out, f->master_fd);

	if (got > 0)
		count_output(f);
	return got;
}

static void serve_output(struct foreground *f, const struct pollfd *from, const struct pollfd *to)
{
	if (is_full(&f->out)) {
		if (to->revents && relay_write(&f->out, STDOUT_FILENO) < 0)
			hang_up(f);
	} else if ((from->revents & ~POLLOUT) && output_read(f) < 0) {
		revive(f);
	}
}

/*
 * A file at its end gives every reader nothing; a terminal has but a character for it, which is good for one read.  So
 * it is typed again whenever the payload has taken all that was typed before.  A line that was begun is ended by the
 * first one in canonical mode; line editors, which are out of it, want Enter for that, and take the character itself on
 * an empty line.
 */
static void type_eof(struct foreground *f)
{
	struct pollfd unread = { .fd = f->slave_fd, .events = POLLIN };
	struct termios t;

	f->eof_at = ps_now_ms() + f->eof_ms;
	f->eof_ms = f->eof_ms * 2 < EOF_MS_MAX ? f->eof_ms * 2 : EOF_MS_MAX;
	if (is_full(&f->in) || poll(&unread, 1, 0) != 0 || tcgetattr(f->master_fd, &t) < 0 ||
	    t.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	/* Whoever takes the terminal out of canonical mode later still finds the line unfinished: only a newline ends it. */
	const bool newline = f->in_line && !(t.c_lflag & ICANON);

	f->in.data[0] = newline ? '\n' : (char)t.c_cc[VEOF];
	f->in.at = 0;
	f->in.end = 1;
	f->in_line = f->in_line && !newline;
}

static void time_out(struct foreground *f)
{
	(void)ps_pidfd_kill(f->pidfd, f->timed_out ? SIGKILL : SIGTERM);
	f->ends_at = f->timed_out ? INT64_MAX : ps_now_ms() + GRACE_MS;
	f->timed_out = true;
}

/* How long poll(2) may wait. */
static int patience(const struct foreground *f)
{
	const bool asks = f->prompt && prompt_is_shown(f->prompt);
	int64_t next = f->at_eof && !asks && f->eof_at < f->ends_at ? f->eof_at : f->ends_at;

	if (f->prompt && prompt_deadline(f->prompt) < next)
		next = prompt_deadline(f->prompt);
	const int64_t left = next - ps_now_ms();

	return next == INT64_MAX ? -1 : left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static int serve(struct foreground *f, struct ps_err *e)
{
	/* While it is asked, the terminal is not the payload's. */
	const bool asks = f->prompt && prompt_is_shown(f->prompt);
	const short to_master = !asks && is_full(&f->in) ? POLLOUT : 0;
	const short from_master = !asks && f->out.open && !is_full(&f->out) ? POLLIN : 0;
	struct pollfd p[5 + PROMPT_POLLS] = {
		{ .fd = f->pidfd, .events = POLLIN },
		{ .fd = f->signal_fd, .events = POLLIN },
		{ .fd = !asks && f->in.open && !is_full(&f->in) ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = to_master | from_master ? f->master_fd : -1, .events = (short)(to_master | from_master) },
		{ .fd = !asks && is_full(&f->out) ? STDOUT_FILENO : -1, .events = POLLOUT },
	};
	const size_t n_prompt = f->prompt ? prompt_poll(f->prompt, p + 5) : 0;
	const int n = poll(p, 5 + n_prompt, patience(f));

	if (n < 0 && errno != EINTR)
		return ps_fail_os(e, "poll");
	if (n < 0)
		return 0;
	if (p[0].revents)
		return 1;
	if (p[1].revents)
		forward_signals(f);
	serve_output(f, &p[3], &p[4]);
	serve_input(f, &p[2], &p[3]);
	if (!asks && f->at_eof && ps_now_ms() >= f->eof_at)
		type_eof(f);
	if (n_prompt)
		prompt_serve(f->prompt, p + 5, n_prompt);
	if (f->ends_at != INT64_MAX && ps_now_ms() >= f->ends_at)
		time_out(f);
	return 0;
}

/* A signal that would have been the payload's ends a wait for whoever should take its last words. */
bool foreground_told_to_stop(int signal_fd)
{
	struct signalfd_siginfo s;

	while (read(signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s))
		if (s.ssi_signo != SIGWINCH && is_for_payload((int)s.ssi_signo))
			return true;
	return false;
}

/* What is in the terminal when the payload has ended; others may have it open still and write on. */
static void drain_terminal(struct foreground *f)
{
	struct pollfd p[] = { { .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = f->signal_fd, .events = POLLIN } };

	for (size_t taken = 0; f->out.open && taken <= LAST_WORDS;) {
		if (!is_full(&f->out)) {
			const int got = output_read(f);

			if (got <= 0)
				return;
			taken += f->out.end;
			if (!is_full(&f->out))
				return; /* the limit */
		}
		if ((poll(p, PS_COUNT(p), -1) < 0 && errno != EINTR) || (p[1].revents && foreground_told_to_stop(f->signal_fd)) ||
		    (p[0].revents && relay_write(&f->out, STDOUT_FILENO) < 0))
			return;
	}
}

int foreground_wait(int pidfd, int master_fd, struct prompt *prompt, struct foreground_limits *limits, int *ret_status, struct ps_err *e)
{
	struct foreground f ps_auto(foreground_done) = { .pidfd = pidfd, .master_fd = master_fd, .slave_fd = -1,
							 .signal_fd = -1, .ends_at = INT64_MAX, .output_limit = limits->output,
							 .prompt = prompt && prompt->sock >= 0 ? prompt : NULL };
	sigset_t all;
	int rc, status;

	if (limits->time_ms && limits->time_ms < INT64_MAX / 2)
		f.ends_at = ps_now_ms() + (int64_t)limits->time_ms;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	f.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f.signal_fd < 0)
		return ps_fail_os(e, "signalfd");
	if (terminal_open(&f, e) < 0)
		return -1;
	while ((rc = serve(&f, e)) == 0)
		;
	if (f.prompt)
		prompt_finish(f.prompt);
	if (rc < 0)
		return -1;
	drain_terminal(&f);
	if (ps_pidfd_reap(pidfd, &status, e) < 0)
		return -1;
	limits->over = f.over;
	*ret_status = f.over ? FOREGROUND_OVER_OUTPUT : f.timed_out ? FOREGROUND_TIMED_OUT : status;
	return 0;
}
