/* SPDX-License-Identifier: Apache-2.0
 * pod_session.c - one loop between our standard streams and a runner's; it waits for no side alone.
 */
#include "shim/cli/pod_session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { INPUT_MAX = 16 * 1024, SIGNALS_MAX = 3 };

struct state_of_session {
	const struct session *q;
	struct podshim_output out;   /* what is not written yet; the library's until the next podshim_output */
	size_t out_at;
	int out_fd[2];               /* ours to write to without waiting, or -1: poll, then write a little */
	bool drained, ended;
	int status;
	char in[INPUT_MAX + DETACH_KEYS_MAX];
	size_t in_at, in_n, matched; /* matched: that many detach keys were typed and are held back */
	bool in_open, in_eof;        /* in_eof: still to be told */
	bool detached, blocked, raw;
	int signal_fd, n_signals, last_signal;
	sigset_t saved_mask;
	struct termios saved_termios;
};

/* ---- Keys ---- */

static int one_key(const char *p, size_t len, char *ret)
{
	if (len == 1 && *p > ' ' && *p < 0x7f) {
		*ret = *p;
		return 0;
	}
	if (len != 6 || strncasecmp(p, "ctrl-", 5) != 0)
		return -1;
	if (p[5] >= 'a' && p[5] <= 'z')
		*ret = (char)(p[5] - 'a' + 1);
	else if (p[5] >= '@' && p[5] <= '_')
		*ret = (char)(p[5] - '@');
	else
		return -1;
	return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct ps_err *e)
{
	struct detach_keys k = { .n = 0 };

	for (const char *p = text; *p;) {
		const size_t len = strcspn(p, ",");

		if (k.n == DETACH_KEYS_MAX || one_key(p, len, &k.key[k.n]) < 0)
			return ps_fail(e, PS_E_USAGE,
				       "invalid detach-keys: %s is no sequence of at most %d keys, as in ctrl-p,ctrl-q", text,
				       DETACH_KEYS_MAX);
		k.n++;
		p += len + (p[len] == ',');
	}
	*ret = k;
	return 0;
}

/* Take the typed bytes over, but for the detach keys; what began like them and was not is given back. */
static void type(struct state_of_session *s, const char *p, size_t n)
{
	static const struct detach_keys none = { .n = 0 };
	const struct detach_keys *k = s->raw ? &s->q->detach : &none;

	for (size_t i = 0; i < n && !s->detached; i++) {
		if (s->matched < k->n && p[i] == k->key[s->matched]) {
			s->detached = ++s->matched == k->n;
			continue;
		}
		memcpy(s->in + s->in_n, k->key, s->matched);
		s->in_n += s->matched;
		s->matched = k->n && p[i] == k->key[0];
		if (!s->matched)
			s->in[s->in_n++] = p[i];
	}
}

/* ---- Our terminal ---- */

void session_size(unsigned short *ret_rows, unsigned short *ret_cols)
{
	struct winsize ws = { .ws_row = 0 };

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
		*ret_rows = ws.ws_row;
		*ret_cols = ws.ws_col;
	}
}

static void tell_size(const struct state_of_session *s)
{
	unsigned short rows = 0, cols = 0;

	session_size(&rows, &cols);
	if (s->q->tty && rows && cols)
		(void)podshim_resize(s->q->r, rows, cols, NULL); /* one that has ended needs none */
}

static void make_raw(struct state_of_session *s)
{
	struct termios t;

	if (!s->q->tty || !s->q->input || tcgetattr(STDIN_FILENO, &s->saved_termios) < 0)
		return;
	t = s->saved_termios;
	cfmakeraw(&t);
	s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

/* ---- Begin and end ---- */

static int open_signals(struct state_of_session *s, struct ps_err *e)
{
	static const int forwarded[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	for (size_t i = 0; s->q->signals && i < PS_COUNT(forwarded); i++)
		(void)sigaddset(&set, forwarded[i]);
	if (sigprocmask(SIG_BLOCK, &set, &s->saved_mask) < 0)
		return ps_fail_os(e, "block signals");
	s->blocked = true;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? ps_fail_os(e, "wait for signals") : 0;
}

/* A description of our own, so that not to wait is nobody else's matter. */
static int open_unwaiting(int fd)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void session_done(struct state_of_session *s)
{
	if (s->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved_termios);
	if (s->blocked)
		(void)sigprocmask(SIG_SETMASK, &s->saved_mask, NULL);
	ps_fd_close(&s->signal_fd);
	ps_fd_close(&s->out_fd[0]);
	ps_fd_close(&s->out_fd[1]);
}

/* ---- Steps: 1 something was done, 0 nothing to do now, -1 failed ---- */

static int failed(const struct session *q, const struct podshim_error *why, struct ps_err *e)
{
	if (why->code == PODSHIM_E_PEER && why->sys == EPIPE)
		return ps_fail(e, PS_E_PEER, "pod '%s' has ended, and its runners with it; 'podshim gc' frees what it left, if it was killed",
			       podshim_name(q->c));
	return lib_failed(why, e);
}

static int step_signals(struct state_of_session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo == SIGWINCH) {
		tell_size(s);
		return 1;
	}
	s->n_signals++;
	s->last_signal = (int)info.ssi_signo;
	(void)podshim_signal(s->q->r, s->last_signal, NULL); /* one that has ended has no use for it */
	if (s->n_signals == SIGNALS_MAX - 1)
		cli_note("one more signal kills '%s'", podshim_runner_id(s->q->r));
	return 1;
}

/* ret_fd, when there is no room: what to poll for POLLOUT. */
static int step_output(struct state_of_session *s, int *ret_fd, struct ps_err *e)
{
	const int to = s->out.stream == 2 ? STDERR_FILENO : STDOUT_FILENO;
	const int own = s->out_fd[to == STDERR_FILENO];
	size_t n = s->out.len - s->out_at;
	struct pollfd p = { .fd = to, .events = POLLOUT };
	struct stat st;

	if (!n)
		return 0;
	if (own < 0 && !(fstat(to, &st) == 0 && S_ISREG(st.st_mode))) {
		/* What polls as writable takes this much without waiting. */
		n = n < 4096 ? n : 4096;
		if (poll(&p, 1, 0) == 0) {
			*ret_fd = to;
			return 0;
		}
	}
	const ssize_t done = write(own < 0 ? to : own, s->out.data + s->out_at, n);

	if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
		*ret_fd = own < 0 ? to : own;
		return 0;
	}
	if (done < 0)
		return ps_fail_os(e, "write to standard %s", to == STDERR_FILENO ? "error" : "output");
	s->out_at += (size_t)done;
	return 1;
}

static int step_runner(struct state_of_session *s, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	int got = 0;

	if (s->out_at < s->out.len)
		return 0;
	if (!s->drained) {
		got = podshim_output(s->q->r, &s->out, 0, &why);
		s->out_at = 0;
		s->drained = got == PODSHIM_END;
		if (got != 1)
			s->out.len = 0;
		if (got == 1 && s->out.lost)
			cli_note("%llu bytes here were overwritten before they could be read%s", (unsigned long long)s->out.lost,
				 s->raw ? "\r" : "");
		if (got)
			return got < 0 ? failed(s->q, &why, e) : 1;
	}
	if (!s->ended) {
		got = podshim_wait(s->q->r, &s->status, 0, &why);
		s->ended = got == 1;
		if (got < 0)
			return failed(s->q, &why, e);
	}
	return got;
}

/* Also what is typed into a runner that reads no more is read, for the detach keys. */
static void step_stdin(struct state_of_session *s)
{
	char typed[INPUT_MAX];
	const ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	s->in_at = s->in_n = 0;
	if (n > 0) {
		type(s, typed, (size_t)n);
		return;
	}
	s->in_open = false;
	s->in_eof = true;
}

static int step_input(struct state_of_session *s)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	ssize_t n;

	if (s->in_at == s->in_n) {
		if (!s->in_eof)
			return 0;
		s->in_eof = false;
		(void)podshim_input_end(s->q->r, NULL);
		return 1;
	}
	n = podshim_input(s->q->r, s->in + s->in_at, s->in_n - s->in_at, 0, &why);
	if (n > 0)
		s->in_at += (size_t)n;
	if (n < 0) { /* it reads no more; how it ends is told elsewhere */
		s->in_at = s->in_n;
		s->in_eof = false;
		s->in_open = s->in_open && s->raw && s->q->detach.n > 0;
	}
	return n != 0;
}

/* ---- The loop ---- */

/* Until something can be done.  out_fd: -1, or what must become writable. */
static int wait_for_any(struct state_of_session *s, int out_fd, struct ps_err *e)
{
	enum { SIGNALS, CONNECTION, OUTPUT, STDIN, INPUT, N };
	const bool typed = s->in_at < s->in_n;
	struct pollfd p[N] = {
		[SIGNALS] = { .fd = s->signal_fd, .events = POLLIN },
		[CONNECTION] = { .fd = out_fd < 0 ? podshim_fd(s->q->c) : -1, .events = POLLIN },
		[OUTPUT] = { .fd = out_fd, .events = POLLOUT },
		[STDIN] = { .fd = s->in_open && !typed ? STDIN_FILENO : -1, .events = POLLIN },
		[INPUT] = { .fd = typed ? podshim_input_fd(s->q->r) : -1, .events = POLLOUT },
	};

	/* The answer to an INPUT comes over the connection. */
	if (typed && p[INPUT].fd < 0)
		p[CONNECTION].fd = podshim_fd(s->q->c);
	if (poll(p, N, -1) < 0)
		return errno == EINTR ? 0 : ps_fail_os(e, "wait for runner '%s'", podshim_runner_id(s->q->r));
	if (p[STDIN].revents)
		step_stdin(s);
	return 0;
}

static int loop(struct state_of_session *s, enum session_end *ret, struct ps_err *e)
{
	for (;;) {
		const uint64_t received = podshim_received(s->q->c);
		int out_fd = -1, did = step_signals(s), got;

		if (s->detached || s->n_signals >= SIGNALS_MAX) {
			*ret = s->detached ? SESSION_DETACHED : SESSION_INTERRUPTED;
			s->status = s->detached ? 0 : 128 + s->last_signal;
			return 0;
		}
		got = step_output(s, &out_fd, e);
		if (got < 0 && e->sys == EPIPE) {
			*ret = SESSION_UNREAD;
			s->status = 128 + SIGPIPE;
			return 0;
		}
		did |= got;
		if (got >= 0)
			got = step_runner(s, e);
		if (got < 0)
			return -1;
		did |= got;
		if (s->drained && s->ended && s->out_at >= s->out.len) {
			*ret = SESSION_ENDED;
			return 0;
		}
		did |= step_input(s);
		if (!did && received == podshim_received(s->q->c) && wait_for_any(s, out_fd, e) < 0)
			return -1;
	}
}

int session_run(const struct session *q, enum session_end *ret, int *ret_status, struct ps_err *e)
{
	struct state_of_session s ps_auto(session_done) = {
		.q = q, .signal_fd = -1, .out_fd = { -1, -1 }, .in_open = q->input,
	};

	if (open_signals(&s, e) < 0)
		return -1;
	s.out_fd[0] = open_unwaiting(STDOUT_FILENO);
	s.out_fd[1] = open_unwaiting(STDERR_FILENO);
	make_raw(&s);
	tell_size(&s);
	if (loop(&s, ret, e) < 0)
		return -1;
	*ret_status = s.status;
	return 0;
}
