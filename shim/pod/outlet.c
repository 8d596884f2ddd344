/* SPDX-License-Identifier: Apache-2.0
 * outlet.c - counts what a container prints and passes it on.
 *
 * One buffer for each lane, which is read again when it was written: a reader that is slow holds back the writer, as a pipe between
 * the two would.  It is a process of its own so that a terminal that is stopped holds up neither signals nor time-outs.
 */
#include "shim/pod/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/launch/fork.h"
#include "shim/pod/container.h"

enum {
	LANES = 3,
	BLOCK = 4096, /* a pipe that polls as writable takes PIPE_BUF without waiting */
};

/* One direction: what was read and is not yet written. */
struct lane {
	int from, to;        /* -1: closed */
	char data[BLOCK];
	size_t at, end;
	bool counted;
	int64_t left;        /* of what was there when init ended; -1: it runs */
};

struct pump {
	struct lane lane[LANES];
	uint64_t limit, printed;
	int pidfd, over_fd;
	bool over, ended;
};

static bool is_full(const struct lane *l)
{
	return l->at < l->end;
}

/* The payload hears of it as of a pipe whose reader is gone, or of the end of its input. */
static void lane_close(struct lane *l)
{
	ps_fd_close(&l->from);
	ps_fd_close(&l->to);
	l->at = l->end = 0;
}

/* What comes next is not to be read, but what was read is to be written. */
static void lane_end(struct lane *l)
{
	ps_fd_close(&l->from);
	if (!is_full(l))
		lane_close(l);
}

/* One byte more than the limit shows that it is passed; what is within it goes on. */
static void count(struct pump *p, struct lane *l)
{
	if (!l->counted)
		return;
	p->printed += l->end;
	if (p->printed <= p->limit)
		return;
	l->end -= (size_t)(p->printed - p->limit);
	p->over = true;
	(void)ps_pidfd_kill(p->pidfd, SIGKILL);
	(void)eventfd_write(p->over_fd, 1);
}

static size_t room(const struct pump *p, const struct lane *l)
{
	size_t max = sizeof(l->data);

	if (l->counted && p->limit - p->printed < max)
		max = (size_t)(p->limit - p->printed) + 1;
	return l->left >= 0 && (uint64_t)l->left < max ? (size_t)l->left : max;
}

static void lane_read(struct pump *p, struct lane *l)
{
	const size_t max = room(p, l);
	const ssize_t n = p->over && l->counted ? 0 : read(l->from, l->data, max);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* EIO is how a background process is kept from its terminal: no end of anything. */
	if (n < 0 && errno == EIO && !l->counted) {
		ps_fd_close(&l->from);
		return;
	}
	if (n <= 0) {
		lane_end(l);
		return;
	}
	l->at = 0;
	l->end = (size_t)n;
	count(p, l);
	if (l->left >= 0 && (l->left -= n) == 0)
		lane_end(l);
}

static void lane_write(struct lane *l)
{
	ssize_t n = write(l->to, l->data + l->at, l->end - l->at);

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		lane_close(l);
	else if (n > 0)
		l->at += (size_t)n;
	if (l->to >= 0 && l->from < 0 && !is_full(l))
		lane_close(l);
}

static void serve(struct pump *p, struct lane *l, const struct pollfd *from, const struct pollfd *to)
{
	if (l->to < 0)
		return;
	if (is_full(l) && to->revents)
		lane_write(l);
	else if (to->revents & (POLLERR | POLLHUP | POLLNVAL))
		lane_close(l);
	else if (!is_full(l) && from->revents)
		lane_read(p, l);
}

/* Init is gone, and with it all in its pid namespace.  Who is not, and has a pipe open, is not waited for. */
static void last_words(struct pump *p)
{
	p->ended = true;
	lane_close(&p->lane[0]);
	for (int i = 1; i < LANES; i++) {
		struct lane *l = &p->lane[i];
		int n = 0;

		if (l->from < 0)
			continue;
		l->left = ioctl(l->from, FIONREAD, &n) == 0 && n > 0 ? n : 0;
		if (!l->left)
			lane_end(l);
	}
}

/* No byte more of what it prints is passed on. */
static void stop_counting(struct pump *p)
{
	for (int i = 0; i < LANES; i++)
		if (p->lane[i].to >= 0 && p->lane[i].counted)
			lane_end(&p->lane[i]);
}

/* Is anything left to do? */
static bool goes_on(const struct pump *p)
{
	bool open = false;

	for (int i = 0; i < LANES; i++)
		open |= p->lane[i].to >= 0;
	return open;
}

static void round_of(struct pump *p)
{
	struct pollfd fds[1 + 2 * LANES] = { { .fd = p->ended ? -1 : p->pidfd, .events = POLLIN } };

	for (int i = 0; i < LANES; i++) {
		const struct lane *l = &p->lane[i];
		const bool full = is_full(l);

		fds[1 + 2 * i] = (struct pollfd){ .fd = full ? -1 : l->from, .events = POLLIN };
		fds[2 + 2 * i] = (struct pollfd){ .fd = l->to, .events = full ? POLLOUT : 0 };
	}
	if (poll(fds, PS_COUNT(fds), -1) < 0)
		return;
	if (fds[0].revents) {
		last_words(p);
		return;
	}
	for (int i = 0; i < LANES; i++)
		serve(p, &p->lane[i], &fds[1 + 2 * i], &fds[2 + 2 * i]);
	if (p->over)
		stop_counting(p);
}

void outlet_pass(const int from[3], const int to[3], uint64_t limit, int init_pidfd, int over_fd)
{
	struct pump p = { .limit = limit, .pidfd = init_pidfd, .over_fd = over_fd };

	for (int i = 0; i < LANES; i++) {
		p.lane[i].from = from[i];
		p.lane[i].to = from[i] < 0 ? -1 : to[i];
		p.lane[i].counted = i > 0;
		p.lane[i].left = -1;
	}
	while (goes_on(&p))
		round_of(&p);
}

/* ---- The launcher's side ---- */

static int make_pipe(int *ret_read, int *ret_write, struct ps_err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return ps_fail_os(e, "make a pipe for the output");
	*ret_read = pair[0];
	*ret_write = pair[1];
	return 0;
}

/* A terminal can be written to, and opened again by who may only read; so can a socket. */
static bool is_way_out(int fd)
{
	const int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return false;
	if (S_ISCHR(st.st_mode))
		return isatty(fd);
	return S_ISSOCK(st.st_mode) || (flags & O_ACCMODE) != O_RDONLY;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int outlet_open(struct outlet *o, uint64_t limit, struct ps_err *e)
{
	o->limit = limit;
	o->over_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->over_fd < 0)
		return ps_fail_os(e, "eventfd");
	if (is_way_out(STDIN_FILENO) && make_pipe(&o->payload[0], &o->ours[0], e) < 0)
		return -1;
	if (make_pipe(&o->ours[1], &o->payload[1], e) < 0)
		return -1;
	if (!is_same_file(STDOUT_FILENO, STDERR_FILENO))
		return make_pipe(&o->ours[2], &o->payload[2], e);
	o->payload[2] = fcntl(o->payload[1], F_DUPFD_CLOEXEC, 3);
	return o->payload[2] < 0 ? ps_fail_os(e, "make a pipe for the output") : 0;
}

/* The whole life of the process. */
static int pass_on(const struct outlet *o, int init_pidfd)
{
	const int keep[] = { o->ours[0], o->ours[1], o->ours[2], init_pidfd, o->over_fd };
	const bool input = o->ours[0] >= 0;
	const int from[LANES] = { input ? STDIN_FILENO : -1, o->ours[1], o->ours[2] };
	const int to[LANES] = { o->ours[0], STDOUT_FILENO, STDERR_FILENO };

	launch_close_others(keep, PS_COUNT(keep));
	(void)prctl(PR_SET_NAME, "podshim:output");
	if (!input)
		(void)close(STDIN_FILENO);
	outlet_pass(from, to, o->limit, init_pidfd, o->over_fd);
	return 0;
}

static void close_payload(struct outlet *o)
{
	for (int i = 0; i < LANES; i++)
		ps_fd_close(&o->payload[i]);
}

int outlet_start(struct outlet *o, int init_pidfd, struct ps_err *e)
{
	if (o->ours[1] < 0)
		return 0;
	close_payload(o);
	o->pid = launch_fork(&o->pidfd, e);
	if (o->pid == 0)
		_exit(pass_on(o, init_pidfd));
	for (int i = 0; i < LANES; i++)
		ps_fd_close(&o->ours[i]);
	return o->pid < 0 ? -1 : 0;
}

/* A reader that takes nothing more must not hold the caller for ever.  True: it has all. */
static bool wait_for_reader(const struct outlet *o)
{
	sigset_t all;

	sigfillset(&all);
	ps_auto_fd int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	struct pollfd p[] = { { .fd = o->pidfd, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(p, PS_COUNT(p), -1) < 0 && errno != EINTR)
			return false;
		if (p[0].revents)
			return true;
		if (p[1].revents && foreground_told_to_stop(signals))
			return false;
	}
}

int outlet_finish(struct outlet *o, bool *ret_over, struct ps_err *e)
{
	eventfd_t over;
	int status;

	if (o->pid <= 0)
		return 0;
	const bool whole = wait_for_reader(o);

	if (!whole)
		(void)ps_pidfd_kill(o->pidfd, SIGKILL);
	if (ps_pidfd_reap(o->pidfd, &status, e) < 0)
		return -1;
	o->pid = 0;
	*ret_over = eventfd_read(o->over_fd, &over) == 0;
	if (whole && status && !*ret_over)
		return ps_fail(e, PS_E_PEER, "output is lost: the process that passes it on ended with status %d", status);
	return 0;
}

void outlet_done(struct outlet *o)
{
	if (o->pid > 0) {
		(void)ps_pidfd_kill(o->pidfd, SIGKILL);
		(void)ps_pidfd_reap(o->pidfd, &(int){ 0 }, NULL);
		o->pid = 0;
	}
	ps_fd_close(&o->pidfd);
	ps_fd_close(&o->over_fd);
	close_payload(o);
	for (int i = 0; i < LANES; i++)
		ps_fd_close(&o->ours[i]);
}
