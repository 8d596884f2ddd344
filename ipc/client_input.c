/* SPDX-License-Identifier: Apache-2.0
 * client_input.c - libpodshim: what is typed into a runner.
 */
#include "ipc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "base/scope.h"

static int no_reader(struct ps_err *e)
{
	(void)ps_fail(e, PS_E_PEER, "write to standard input: the runner reads no more");
	if (e)
		e->sys = EPIPE;
	return -1;
}

/* write(2) to a pipe without SIGPIPE, and without a handler: held back in this thread, then taken out of the queue. */
static ssize_t write_quietly(int fd, const void *p, size_t n)
{
	const struct timespec now = { .tv_sec = 0 };
	sigset_t pipe_set, before, pending;
	ssize_t done;
	int saved;

	(void)sigemptyset(&pipe_set);
	(void)sigaddset(&pipe_set, SIGPIPE);
	(void)sigpending(&pending);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
	done = write(fd, p, n);
	saved = errno;
	if (done < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return done;
}

/* The pipe is this client's alone, so its mode is, too. */
static ssize_t write_pipe(struct podshim_runner *r, const char *p, size_t n, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	struct pollfd ready = { .fd = r->input_fd, .events = POLLOUT };
	size_t done = 0;

	if (fcntl(r->input_fd, F_SETFL, O_WRONLY | O_NONBLOCK) < 0)
		return ps_fail_os(e, "write to standard input");
	while (done < n) {
		const ssize_t got = write_quietly(r->input_fd, p + done, n - done);
		int polled;

		if (got >= 0) {
			done += (size_t)got;
			continue;
		}
		if (errno == EPIPE)
			return no_reader(e);
		if (errno != EAGAIN && errno != EINTR)
			return ps_fail_os(e, "write to standard input");
		polled = poll(&ready, 1, lib_left(deadline));
		if (polled < 0 && errno != EINTR)
			return ps_fail_os(e, "write to standard input");
		if (polled == 0)
			break;
	}
	return (ssize_t)done;
}

/* Until the INPUT that is under way was answered.  1, or 0 after timeout_ms. */
static int input_settled(struct podshim_runner *r, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);

	while (r->input_id) {
		const int got = lib_pump(r->c, lib_left(deadline), e);

		if (got <= 0)
			return got;
	}
	if (r->input_failed.cls == PS_OK)
		return 1;
	if (e)
		*e = r->input_failed;
	r->input_failed.cls = PS_OK;
	return -1;
}

/* One piece, whose reply is waited for before the next: the pod takes one at a time. */
static ssize_t start_input(struct podshim_runner *r, const char *p, size_t n, struct ps_err *e)
{
	const size_t piece = n < MSG_DATA_MAX ? n : MSG_DATA_MAX;
	const int got = input_settled(r, 0, e);

	if (got <= 0 || !n)
		return got < 0 ? -1 : 0;
	lib_begin(r->c, MSG_INPUT);
	msg_put_u64(&r->c->out, TAG_N, r->n);
	msg_put_bytes(&r->c->out, TAG_DATA, p, piece);
	r->input_id = r->c->last_id;
	return lib_send(r->c, NULL, 0, e) < 0 ? -1 : (ssize_t)piece;
}

static ssize_t send_input(struct podshim_runner *r, const char *p, size_t n, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	size_t done = 0;
	int got;

	if (timeout_ms == 0)
		return start_input(r, p, n, e);
	got = input_settled(r, timeout_ms, e);
	if (got <= 0)
		return got;
	while (done < n) {
		const size_t piece = n - done < MSG_DATA_MAX ? n - done : MSG_DATA_MAX;

		if (done && lib_left(deadline) == 0)
			break;
		lib_begin(r->c, MSG_INPUT);
		msg_put_u64(&r->c->out, TAG_N, r->n);
		msg_put_bytes(&r->c->out, TAG_DATA, p + done, piece);
		/* A piece that was sent is taken: there is no way back, so its reply is waited for. */
		if (lib_call(r->c, NULL, 0, -1, e) < 0)
			return -1;
		done += piece;
	}
	return (ssize_t)done;
}

ssize_t podshim_input(struct podshim_runner *r, const void *p, size_t n, int timeout_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	ssize_t done = -1;

	if (r->input_fd >= 0)
		done = write_pipe(r, p, n, timeout_ms, &err);
	else if (r->c)
		done = send_input(r, p, n, timeout_ms, &err);
	else
		(void)no_reader(&err);
	return done < 0 ? lib_error(e, &err) : done;
}

int podshim_input_end(struct podshim_runner *r, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	if (r->input_fd >= 0) {
		ps_fd_close(&r->input_fd);
		return 0;
	}
	if (r->c && input_settled(r, -1, &err) < 0)
		return lib_error(e, &err);
	return lib_order(r, MSG_INPUT, TAG_EOF, 1, r->c ? r->c->timeout_ms : 0, &err) < 0 ? lib_error(e, &err) : 0;
}

int podshim_input_fd(const struct podshim_runner *r)
{
	return r->input_fd;
}
