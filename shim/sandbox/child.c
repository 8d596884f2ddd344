/* SPDX-License-Identifier: Apache-2.0
 * child.c - runs a helper program to its end.
 */
#include "shim/sandbox/child.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/memfd.h"
#include "base/proc.h"
#include "base/scope.h"

/* The last bytes of a stream. */
struct tail {
	char text[sizeof(((struct child_end *)0)->errors)];
	size_t n;
	bool cut;
};

static void tail_put(struct tail *t, const char *p, size_t n)
{
	size_t max = sizeof(t->text) - 1, over;

	if (n > max) {
		p += n - max;
		n = max;
		t->cut = true;
	}
	over = t->n + n > max ? t->n + n - max : 0;
	t->cut |= over > 0;
	memmove(t->text, t->text + over, t->n - over);
	memcpy(t->text + t->n - over, p, n);
	t->n += n - over;
}

/* One printable line: a cut first line goes if more follow, line ends become spaces, trailing ones go. */
static void tail_line(const struct tail *t, char *out)
{
	const char *first = t->cut ? memchr(t->text, '\n', t->n) : NULL;
	size_t from = first && first + 1 < t->text + t->n ? (size_t)(first + 1 - t->text) : 0, n = 0;

	for (size_t i = from; i < t->n; i++) {
		unsigned char c = (unsigned char)t->text[i];

		out[n++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

void child_reset_signals(void)
{
	/* The kernel's own struct: handler SIG_DFL, no flags, no restorer, empty mask. */
	const unsigned long dfl[4] = { 0 };
	sigset_t none;

	/* The raw call: a C library keeps some signals for itself.  EINVAL for SIGKILL and SIGSTOP. */
	for (int sig = 1; sig < _NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, sizeof(dfl[0]));
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A file needs no writer: no pipe to fill, no SIGPIPE from a reader that does not care, any size. */
static int input_file(const struct child *c, struct ps_err *e)
{
	ps_auto_fd int fd = -1;

	if (!c->n_input) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? ps_fail_os(e, "open '/dev/null'") : ps_take_fd(&fd);
	}
	fd = ps_memfd("stdin", /* flags= */ 0, MFD_NOEXEC_SEAL);
	if (fd < 0)
		return ps_fail_os(e, "make a memfd for the input of '%s'", c->path);
	for (int i = 0; i < c->n_input; i++)
		if (ps_write_all(fd, c->input[i].iov_base, c->input[i].iov_len) < 0)
			return ps_fail_os(e, "write the input of '%s'", c->path);
	return lseek(fd, 0, SEEK_SET) < 0 ? ps_fail_os(e, "rewind the input of '%s'", c->path)
					  : ps_take_fd(&fd);
}

/* In the child.  Tells why it failed through memory shared with the parent. */
static _Noreturn void run(const struct child *c, int in, int out, int err, int *shared_errno)
{
	/* Ours may be 0, 1 or 2 themselves where the caller closed them: first out of the way. */
	in = fcntl(in, F_DUPFD_CLOEXEC, 3);
	out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	err = fcntl(err, F_DUPFD_CLOEXEC, 3);
	child_reset_signals();
	if (in >= 0 && err >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 &&
	    (!c->out_fd || dup2(out, STDOUT_FILENO) >= 0) && ps_cloexec_from(3, NULL) == 0)
		(void)execve(c->path, c->argv, c->envp);
	*shared_errno = errno;
	_exit(127);
}

/*
 * Move what is there, at most what a pipe holds, to a descriptor (-1: none) and a tail (NULL: none): who prints without an end is
 * not read without one.  False at the end of the stream.
 */
static bool drain(int fd, struct tail *t, int to)
{
	enum { PIPE_MAX = 1 << 20 }; /* /proc/sys/fs/pipe-max-size as it comes */
	char buf[4096];

	for (size_t moved = 0; moved < PIPE_MAX;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		moved += (size_t)n;
		if (to >= 0)
			(void)ps_write_all(to, buf, (size_t)n);
		if (t)
			tail_put(t, buf, (size_t)n);
	}
	return true;
}

/*
 * Follow the child to its exit.  Not to the end of its streams: a daemon that it left behind may hold these for ever.
 * 1: timed out.
 */
static int follow(const struct child *c, int pidfd, const int streams[2], struct tail *t, struct ps_err *e)
{
	struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = streams[0], .events = POLLIN }, { .fd = streams[1], .events = POLLIN } };
	const int to[] = { -1, c->out_fd, c->err_fd ? c->err_fd : c->quiet ? -1 : STDERR_FILENO };
	int64_t deadline = ps_now_ms() + c->timeout_ms;

	for (;;) {
		int64_t left = c->timeout_ms < 0 ? -1 : deadline - ps_now_ms();

		if (c->timeout_ms >= 0 && left <= 0)
			return 1;
		if (poll(p, PS_COUNT(p), left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
			return ps_fail_os(e, "wait for '%s'", c->path);
		for (size_t i = 1; i < PS_COUNT(p); i++)
			if (p[i].fd >= 0 && (p[i].revents || p[0].revents) && !drain(p[i].fd, i == 2 ? t : NULL, to[i]))
				p[i].fd = -1;
		if (p[0].revents)
			return 0;
		for (size_t i = 0; i < PS_COUNT(p); i++)
			p[i].revents = 0;
	}
}

static int reap(const struct child *c, pid_t pid, struct child_end *end, struct ps_err *e)
{
	siginfo_t info = { .si_pid = 0 };
	int r;

	do
		r = waitid(P_PID, (id_t)pid, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return ps_fail_os(e, "wait for '%s'", c->path);
	end->status = info.si_code == CLD_EXITED ? info.si_status : 0;
	end->sig = info.si_code == CLD_EXITED ? 0 : info.si_status;
	return 0;
}

/* Our ends and the helper's, of its output (where somebody gets it) and its stderr. */
struct streams {
	int read[2], write[2];
};

static void streams_close(struct streams *s)
{
	for (size_t i = 0; i < PS_COUNT(s->read); i++) {
		ps_fd_close(&s->read[i]);
		ps_fd_close(&s->write[i]);
	}
}

static int streams_open(const struct child *c, struct streams *s, struct ps_err *e)
{
	for (size_t i = c->out_fd ? 0 : 1; i < PS_COUNT(s->read); i++) {
		int pipefd[2];

		if (pipe2(pipefd, O_CLOEXEC) < 0)
			return ps_fail_os(e, "make a pipe for the messages of '%s'", c->path);
		s->read[i] = pipefd[0];
		s->write[i] = pipefd[1];
		/* Our end only: the helper's end stays blocking, as programs expect. */
		if (fcntl(s->read[i], F_SETFL, O_NONBLOCK) < 0)
			return ps_fail_os(e, "make the pipe of '%s' non-blocking", c->path);
	}
	return 0;
}

static int run_and_follow(const struct child *c, int in, const struct streams *s, int *shared_errno, struct child_end *end,
			  struct ps_err *e)
{
	ps_auto_fd int pidfd = -1;
	struct tail tail = { .n = 0 };
	int r = -1;
	pid_t pid = fork();

	if (pid < 0)
		return ps_fail_os(e, "fork to run '%s'", c->path);
	if (pid == 0)
		run(c, in, s->write[0], s->write[1], shared_errno);
	pidfd = ps_pidfd_open(pid);
	if (pidfd < 0)
		(void)ps_fail_os(e, "open a pidfd of '%s'", c->path);
	else
		r = follow(c, pidfd, s->read, &tail, e);
	if (r != 0)
		(void)kill(pid, SIGKILL); /* our child, not yet reaped: the pid is its */
	if (reap(c, pid, end, e) < 0 || r < 0)
		return -1;
	end->timed_out = r == 1;
	end->exec_errno = *shared_errno;
	tail_line(&tail, end->errors);
	return 0;
}

int child_run(const struct child *c, struct child_end *ret, struct ps_err *e)
{
	struct streams s ps_auto(streams_close) = { { -1, -1 }, { -1, -1 } };
	struct child_end end = { .status = 0 };
	ps_auto_fd int in = -1;
	int *shared_errno, r;

	in = input_file(c, e);
	if (in < 0 || streams_open(c, &s, e) < 0)
		return -1;
	shared_errno =
		mmap(NULL, sizeof(*shared_errno), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_errno == MAP_FAILED)
		return ps_fail_os(e, "share memory with '%s'", c->path);
	r = run_and_follow(c, in, &s, shared_errno, &end, e);
	(void)munmap(shared_errno, sizeof(*shared_errno));
	if (r == 0)
		*ret = end;
	return r;
}

const char *child_end_text(const struct child_end *end, char *buf, size_t size)
{
	const char *sep = end->errors[0] ? ", stderr: " : "";

	/* The words of ENOENT are the engines' sign that the container's own program is missing. */
	if (end->exec_errno == ENOENT)
		(void)snprintf(buf, size, "the file, or the interpreter that it names, does not exist");
	else if (end->exec_errno == EACCES)
		(void)snprintf(buf, size, "the file is not executable");
	else if (end->exec_errno)
		(void)snprintf(buf, size, "execve: %s", strerror(end->exec_errno));
	else if (end->timed_out)
		(void)snprintf(buf, size, "timed out and was killed%s%s", sep, end->errors);
	else if (end->sig)
		(void)snprintf(buf, size, "killed by signal %d%s%s%s", end->sig,
			       end->sig == SIGSYS ? " (bad system call)" : "", sep, end->errors);
	else
		(void)snprintf(buf, size, "exit status %d%s%s", end->status, sep, end->errors);
	return buf;
}

int child_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return -1;
	}
	return access(path, X_OK);
}

int child_find(const char *search_path, const char *cwd, const char *name, char ret_path[PATH_MAX])
{
	int cause = ENOENT;

	for (const char *dir = search_path, *end; dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		int len = (int)(end - dir), n;
		char path[PATH_MAX];

		if (*dir == '/')
			n = snprintf(path, sizeof(path), "%.*s/%s", len, dir, name);
		else
			n = snprintf(path, sizeof(path), "%s/%.*s%s%s", cwd, len, dir, len ? "/" : "", name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		if (child_executable(path) == 0) {
			memcpy(ret_path, path, (size_t)n + 1);
			return 0;
		}
		if (errno == EACCES)
			cause = EACCES;
	}
	errno = cause;
	return -1;
}
