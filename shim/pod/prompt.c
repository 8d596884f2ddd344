/* SPDX-License-Identifier: Apache-2.0
 * prompt.c - shows questions at the launcher's terminal, and takes the answers.
 */
#include "shim/pod/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/ask.h"

enum { NOTICED_MS = 400, LOOK_MS = 250, LINE_MAX_ = 4096, LAST_WORDS = 64 * 1024 };

/* ---- The terminal ---- */

static int open_tty(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

bool prompt_possible(void)
{
	ps_auto_fd int fd = open_tty();

	return fd >= 0 || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO));
}

/* Where there is no job control the terminal is ours. */
static bool is_in_foreground(const struct prompt *p)
{
	const pid_t group = tcgetpgrp(p->in_fd);

	return group < 0 || group == getpgrp();
}

static void put(const struct prompt *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(const struct prompt *p, const char *fmt, ...)
{
	va_list args;
	char *line = NULL;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		line = NULL;
	va_end(args);
	if (line)
		(void)ps_write_all(p->out_fd, line, strlen(line));
	free(line);
}

/* Lines, echoed, whatever the program's pty or the caller made of it; pending input is thrown away. */
static void make_sane(struct prompt *p)
{
	struct termios t;

	p->changed = tcgetattr(p->in_fd, &p->before) == 0;
	if (!p->changed)
		return;
	t = p->before;
	t.c_iflag = (t.c_iflag & ~(tcflag_t)(INLCR | IGNCR | PARMRK | ISTRIP)) | ICRNL;
	t.c_oflag |= OPOST | ONLCR;
	t.c_lflag |= ICANON | ECHO | ECHOE | ISIG | IEXTEN;
	(void)tcsetattr(p->in_fd, TCSAFLUSH, &t);
	(void)tcflush(p->in_fd, TCIFLUSH);
}

static void restore(struct prompt *p)
{
	if (p->changed)
		(void)tcsetattr(p->in_fd, TCSAFLUSH, &p->before);
	p->changed = false;
}

/* ---- A question ---- */

static const char *permission_of(const struct prompt *p)
{
	const uint32_t k = p->question->permission;

	return k < POLICY_N_PERMISSIONS ? policy_permission_name((enum policy_permission)k) : "?";
}

static void ask(const struct prompt *p)
{
	put(p, "Allow? [y/n/A] (y = yes, allow; n = no, deny; A = allow all %s permissions) > ", permission_of(p));
}

static void show(struct prompt *p)
{
	const struct ask_msg *q = p->question;

	if (!is_in_foreground(p)) {
		p->state = PROMPT_WAITS;
		p->next_ms = ps_now_ms() + LOOK_MS;
		return;
	}
	make_sane(p);
	put(p, "\r\n┏ podshim: %s requests %s access to \"%s\".\n", *q->who ? q->who : "the program", permission_of(p), q->value);
	if (*q->flag)
		put(p, "┠─ Run again with %s to bypass this prompt.\n", q->flag);
	put(p, "┗ ");
	p->state = PROMPT_NEW;
	p->next_ms = ps_now_ms() + NOTICED_MS;
}

/* Nobody can be asked any more: the supervisor denies the rest. */
static void give_up(struct prompt *p)
{
	restore(p);
	ps_fd_close(&p->sock);
	p->state = PROMPT_IDLE;
}

static void reply(struct prompt *p, enum ask_answer answer, bool withdrawn)
{
	struct ask_msg *m = p->question;
	const uint64_t id = m->id;

	restore(p);
	p->state = PROMPT_IDLE;
	memset(m, 0, sizeof(*m));
	m->kind = ASK_REPLY;
	m->answer = (uint32_t)answer;
	m->withdrawn = withdrawn;
	m->id = id;
	if (sock_send(p->sock, m, sizeof(*m), NULL, 0, NULL) < 0)
		give_up(p);
}

static void answered(struct prompt *p, enum ask_answer answer)
{
	const char *name = permission_of(p);

	if (answer == ASK_ALLOW_ALL)
		put(p, "Granted all %s access.\n", name);
	else
		put(p, "%s %s access to \"%s\".\n", answer == ASK_ALLOW ? "Granted" : "Denied", name, p->question->value);
	reply(p, answer, false);
}

static void on_tty(struct prompt *p)
{
	char line[LINE_MAX_];
	ssize_t n = read(p->in_fd, line, sizeof(line));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		give_up(p);
		return;
	}
	if (n == 0) {
		put(p, "\n");
		answered(p, ASK_DENY);
		return;
	}
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n == 1 && (line[0] == 'y' || line[0] == 'Y')) {
		answered(p, ASK_ALLOW);
	} else if (n == 1 && (line[0] == 'n' || line[0] == 'N')) {
		answered(p, ASK_DENY);
	} else if (n == 1 && line[0] == 'A') {
		answered(p, ASK_ALLOW_ALL);
	} else {
		put(p, "┗ Unrecognized option. ");
		ask(p);
	}
}

void prompt_interrupt(struct prompt *p)
{
	if (prompt_is_shown(p))
		put(p, "\n");
	if (p->state != PROMPT_IDLE) {
		p->state = PROMPT_ENDS;
		p->next_ms = ps_now_ms() + LOOK_MS;
	}
}

static void on_sock(struct prompt *p)
{
	static struct ask_msg m;
	const ssize_t n = recv(p->sock, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(m)) {
		give_up(p);
		return;
	}
	m.who[sizeof(m.who) - 1] = m.value[sizeof(m.value) - 1] = m.flag[sizeof(m.flag) - 1] = '\0';
	if (m.kind == ASK_QUESTION && p->state == PROMPT_IDLE) {
		*p->question = m;
		show(p);
	} else if (m.kind == ASK_WITHDRAW && p->state != PROMPT_IDLE && m.id == p->question->id) {
		if (prompt_is_shown(p))
			put(p, "\nIt no longer asks.\n");
		reply(p, ASK_DENY, true);
	}
}

static void on_time(struct prompt *p)
{
	if (p->state == PROMPT_WAITS) {
		show(p);
	} else if (p->state == PROMPT_NEW) {
		(void)tcflush(p->in_fd, TCIFLUSH);
		p->state = PROMPT_SHOWN;
		ask(p);
	} else if (p->state == PROMPT_ENDS) {
		answered(p, ASK_DENY);
	}
}

/* ---- Pipes in place of the terminal ---- */

static bool is_input(const struct prompt_pipe *r) { return r->end == STDIN_FILENO; }
static int from_of(const struct prompt_pipe *r) { return is_input(r) ? r->end : r->ours; }
static int to_of(const struct prompt_pipe *r) { return is_input(r) ? r->ours : r->end; }

static bool is_passing(int cause)
{
	return cause == EINTR || cause == EAGAIN;
}

/* False: nothing came, now or any more. */
static bool pipe_read(struct prompt_pipe *r)
{
	const ssize_t n = read(from_of(r), r->data, sizeof(r->data));

	if (n > 0) {
		r->at = 0;
		r->n = (size_t)n;
		return true;
	}
	/* EIO is how a background process is kept from its terminal. */
	if (n == 0 || (!is_passing(errno) && errno != EIO))
		ps_fd_close(&r->ours);
	return false;
}

static void pipe_write(struct prompt_pipe *r)
{
	const ssize_t n = write(to_of(r), r->data + r->at, r->n - r->at);

	if (n > 0)
		r->at += (size_t)n;
	else if (n < 0 && !is_passing(errno))
		ps_fd_close(&r->ours);
}

static int open_pipe(struct prompt_pipe *r, struct ps_err *e)
{
	int ends[2];

	if (!isatty(r->end))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ps_fail_os(e, "make a pipe in place of the terminal");
	r->theirs = ends[is_input(r) ? 0 : 1];
	r->ours = ends[is_input(r) ? 1 : 0];
	return fcntl(r->ours, F_SETFL, O_NONBLOCK | (is_input(r) ? O_WRONLY : O_RDONLY)) < 0 ? ps_fail_os(e, "make a pipe not wait") : 0;
}

/* ---- The loop ---- */

bool prompt_is_shown(const struct prompt *p)
{
	return p->state == PROMPT_NEW || p->state == PROMPT_SHOWN || p->state == PROMPT_ENDS;
}

size_t prompt_poll(const struct prompt *p, struct pollfd v[PROMPT_POLLS])
{
	size_t n = 0;

	v[n++] = (struct pollfd){ .fd = p->sock, .events = POLLIN };
	v[n++] = (struct pollfd){ .fd = p->state == PROMPT_SHOWN ? p->in_fd : -1, .events = POLLIN };
	for (size_t i = 0; i < PS_COUNT(p->pipes); i++) {
		const struct prompt_pipe *r = &p->pipes[i];
		const bool full = r->at < r->n, off = r->ours < 0 || prompt_is_shown(p);

		v[n++] = (struct pollfd){ .fd = off || full ? -1 : from_of(r), .events = POLLIN };
		v[n++] = (struct pollfd){ .fd = off || !full ? -1 : to_of(r), .events = POLLOUT };
	}
	return n;
}

int64_t prompt_deadline(const struct prompt *p)
{
	return p->state == PROMPT_WAITS || p->state == PROMPT_NEW || p->state == PROMPT_ENDS ? p->next_ms : INT64_MAX;
}

void prompt_serve(struct prompt *p, const struct pollfd *v, size_t n)
{
	for (size_t i = 0; n == PROMPT_POLLS && i < PS_COUNT(p->pipes); i++) {
		if (v[2 + 2 * i].revents)
			(void)pipe_read(&p->pipes[i]);
		else if (v[3 + 2 * i].revents)
			pipe_write(&p->pipes[i]);
	}
	if (v[1].revents)
		on_tty(p);
	if (v[0].revents)
		on_sock(p);
	if (prompt_deadline(p) <= ps_now_ms())
		on_time(p);
}

/* What others that have the pipe open still write is not waited for. */
static void drain(struct prompt_pipe *r)
{
	for (size_t taken = 0; r->ours >= 0 && !is_input(r) && taken <= LAST_WORDS;) {
		if (r->at == r->n && !pipe_read(r))
			return;
		taken += r->n - r->at;
		if (ps_write_all(r->end, r->data + r->at, r->n - r->at) < 0)
			return;
		r->at = r->n;
	}
}

void prompt_finish(struct prompt *p)
{
	if (prompt_is_shown(p))
		put(p, "\n");
	give_up(p);
	for (size_t i = 0; i < PS_COUNT(p->pipes); i++)
		drain(&p->pipes[i]);
}

/* ---- Life ---- */

int prompt_open(struct prompt *p, int sock, bool pipes, struct ps_err *e)
{
	p->sock = sock;
	p->in_fd = open_tty();
	p->owns_tty = p->in_fd >= 0;
	p->out_fd = p->owns_tty ? p->in_fd : STDERR_FILENO;
	if (!p->owns_tty)
		p->in_fd = STDIN_FILENO;
	p->question = calloc(1, sizeof(*p->question));
	if (!p->question)
		return ps_fail_os(e, "memory for questions");
	for (size_t i = 0; pipes && i < PS_COUNT(p->pipes); i++)
		if (open_pipe(&p->pipes[i], e) < 0)
			return -1;
	return 0;
}

void prompt_launched(struct prompt *p)
{
	for (size_t i = 0; i < PS_COUNT(p->pipes); i++)
		ps_fd_close(&p->pipes[i].theirs);
}

void prompt_close(struct prompt *p)
{
	restore(p);
	ps_fd_close(&p->sock);
	if (p->owns_tty)
		ps_fd_close(&p->in_fd);
	for (size_t i = 0; i < PS_COUNT(p->pipes); i++) {
		ps_fd_close(&p->pipes[i].theirs);
		ps_fd_close(&p->pipes[i].ours);
	}
	free(ps_take_ptr(&p->question));
}
