/* SPDX-License-Identifier: Apache-2.0
 * client_runner.c - libpodshim: launching runners, their output, their end.
 */
#include "ipc/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

static int closed(struct ps_err *e)
{
	(void)ps_fail(e, PS_E_PEER, "the connection to the pod is closed");
	if (e)
		e->sys = EPIPE;
	return -1;
}

/* ---- Handles ---- */

/* Not before it is asked for: many never read it, and at its launch a runner has better use for the time. */
static int map_output(struct podshim_runner *r, struct ps_err *e)
{
	if (r->view)
		return 0;
	if (!r->buf && !(r->flags & MSG_LOSSLESS)) {
		r->buf = malloc(STREAM_RECORD_MAX);
		if (!r->buf)
			return ps_fail_os(e, "read the output of '%s'", r->id);
	}
	if (stream_map(r->output_fd, &r->view, e) < 0)
		return ps_ctx(e, "'%s'", r->id);
	stream_cursor_oldest(r->view, &r->cursor);
	ps_fd_close(&r->output_fd);
	return 0;
}

int lib_runner_new(struct podshim *c, unsigned n, unsigned flags, int output_fd, struct podshim_runner **ret,
		      struct ps_err *e)
{
	ps_auto_fd int fd = output_fd;

	if (fd < 0)
		return ps_fail(e, PS_E_PEER, "'%s' gave no output stream", c->name);
	struct podshim_runner *r = calloc(1, sizeof(*r));

	if (!r)
		return ps_fail_os(e, "launch a runner");
	*r = (struct podshim_runner){ .c = c, .next = c->runners, .n = n, .flags = flags, .input_fd = -1,
				      .output_fd = ps_take_fd(&fd) };
	c->runners = r;
	*ret = r;
	return 0;
}

void podshim_runner_close(struct podshim_runner *r)
{
	int saved = errno;

	if (!r)
		return;
	if (r->c) {
		struct podshim_runner **at = &r->c->runners;

		while (*at && *at != r)
			at = &(*at)->next;
		if (*at)
			*at = r->next;
		if (r->link_size) /* now, and not while the next launch waits */
			lib_link_spare(r->c, r->link_size);
	}
	ps_fd_close(&r->input_fd);
	ps_fd_close(&r->output_fd);
	stream_unmap(r->view);
	free(r->buf);
	free(r);
	errno = saved;
}

unsigned podshim_runner_number(const struct podshim_runner *r)
{
	return r->n;
}

const char *podshim_runner_id(const struct podshim_runner *r)
{
	return r->id;
}

pid_t podshim_runner_pid(const struct podshim_runner *r)
{
	return r->pid;
}

/* ---- Launch and observe ---- */

static void put_texts(struct podshim *c, enum msg_tag tag, const char *const *texts)
{
	for (; texts && *texts; texts++)
		msg_put_text(&c->out, tag, *texts);
}

static void put_number(struct podshim *c, enum msg_tag tag, uint64_t v)
{
	if (v)
		msg_put_u64(&c->out, tag, v);
}

static void put_launch(struct podshim *c, const struct podshim_launch *w)
{
	lib_begin(c, MSG_LAUNCH);
	put_texts(c, TAG_ARG, w->args);
	put_texts(c, TAG_ENV, w->env);
	if (w->cwd)
		msg_put_text(&c->out, TAG_CWD, w->cwd);
	put_number(c, TAG_MEMORY, w->memory);
	put_number(c, TAG_PIDS, w->pids);
	put_number(c, TAG_CPUS, w->cpus);
	put_number(c, TAG_TIMEOUT_MS, w->timeout_ms);
	put_number(c, TAG_OUTPUT_LIMIT, w->output_limit);
	put_number(c, TAG_HISTORY, w->history);
	put_number(c, TAG_ROWS, w->rows);
	put_number(c, TAG_COLS, w->cols);
	put_number(c, TAG_FLAGS, w->flags);
	put_texts(c, TAG_PERMISSION, w->permissions);
}

/* The runner of a reply to LAUNCH. */
static int launched(struct podshim *c, unsigned flags, struct podshim_runner **ret, struct ps_err *e)
{
	struct podshim_runner *r = NULL;
	uint64_t n = 0;

	if (msg_get_u64(&c->msg, TAG_N, UINT32_MAX, &n, e) < 0)
		return ps_ctx(e, "'%s'", c->name);
	if (lib_runner_new(c, (unsigned)n, flags, lib_take_fd(c, FD_OUTPUT), &r, e) < 0)
		return -1;
	(void)snprintf(r->id, sizeof(r->id), "%s", msg_text(&c->msg, TAG_ID, ""));
	r->pid = (pid_t)msg_u64(&c->msg, TAG_PID, 0);
	r->input_fd = lib_take_fd(c, FD_INPUT);
	*ret = r;
	return 0;
}

int podshim_launch(struct podshim *c, const struct podshim_launch *what, struct podshim_runner **ret,
		   struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	put_launch(c, what);
	if (lib_call(c, NULL, 0, c->timeout_ms, &err) < 0 || launched(c, what->flags, ret, &err) < 0)
		return lib_error(e, &err);
	return 0;
}

int podshim_launch_linked(struct podshim *c, const struct podshim_launch *what, size_t ring_size,
			  struct podshim_runner **ret, struct podshim_link **ret_link, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct podshim_link *link = NULL;
	int fds[LINK_FDS] = { -1, -1, -1 }, r;

	if (lib_link_offer(c, ring_size, &link, fds, &err) < 0)
		return lib_error(e, &err);
	put_launch(c, what);
	lib_put_link(c);
	r = lib_call(c, fds, LINK_FDS, c->timeout_ms, &err);
	link_close_fds(fds);
	if (r < 0 || launched(c, what->flags, ret, &err) < 0) {
		podshim_link_close(link);
		return lib_error(e, &err);
	}
	(*ret)->link_size = (uint32_t)(ring_size ? ring_size : c->ring_size);
	*ret_link = link;
	return 0;
}

int podshim_observe(struct podshim *c, unsigned n, unsigned flags, struct podshim_runner **ret,
		    struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct podshim_runner *r = NULL;

	for (r = c->runners; r; r = r->next)
		if (r->n == n) {
			(void)ps_fail(&err, PS_E_EXISTS, "runner %u of '%s' is observed already", n, c->name);
			return lib_error(e, &err);
		}
	lib_begin(c, MSG_OBSERVE);
	msg_put_u64(&c->out, TAG_N, n);
	put_number(c, TAG_FLAGS, flags);
	if (lib_call(c, NULL, 0, c->timeout_ms, &err) < 0 ||
	    lib_runner_new(c, n, flags, lib_take_fd(c, FD_OUTPUT), &r, &err) < 0)
		return lib_error(e, &err);
	(void)snprintf(r->id, sizeof(r->id), "%s", msg_text(&c->msg, TAG_ID, ""));
	r->pid = (pid_t)msg_u64(&c->msg, TAG_PID, 0);
	*ret = r;
	return 0;
}

/* ---- Output ---- */

static int acknowledge(struct podshim_runner *r, struct ps_err *e)
{
	struct podshim *c = r->c;

	msg_begin(&c->out, MSG_ACK, 0, 0);
	msg_put_u64(&c->out, TAG_N, r->n);
	msg_put_u64(&c->out, TAG_POS, r->cursor.pos);
	if (lib_send(c, NULL, 0, e) < 0)
		return -1;
	r->acked = r->cursor.pos;
	r->armed = true;
	return 0;
}

/* Who is lossless and always finds something must still say so, before the runner has to wait. */
static int keep_going(struct podshim_runner *r, struct ps_err *e)
{
	if (!(r->flags & MSG_LOSSLESS) || !r->c || r->c->gone || r->cursor.pos - r->acked < stream_view_size(r->view) / 4)
		return 0;
	if (r->armed && lib_pump(r->c, 0, e) < 0)
		return -1;
	return acknowledge(r, e);
}

static int next_record(struct podshim_runner *r, struct stream_record *ret, struct ps_err *e)
{
	return r->buf ? stream_read(r->view, &r->cursor, r->buf, STREAM_RECORD_MAX, ret, e)
		      : stream_peek(r->view, &r->cursor, ret, e);
}

static int read_output(struct podshim_runner *r, struct stream_record *ret, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	int got;

	if (map_output(r, e) < 0 || keep_going(r, e) < 0)
		return -1;
	for (;;) {
		const bool ended = stream_ended(r->view, &r->cursor);

		got = next_record(r, ret, e);
		if (got != 0)
			return got;
		if (ended)
			return PODSHIM_END;
		if (!r->c)
			return closed(e);
		if (!r->armed && acknowledge(r, e) < 0)
			return -1;
		got = lib_pump(r->c, lib_left(deadline), e);
		if (got <= 0)
			return got;
	}
}

int podshim_output(struct podshim_runner *r, struct podshim_output *ret, int timeout_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct stream_record rec;
	const int got = read_output(r, &rec, timeout_ms, &err);

	if (got < 0)
		return lib_error(e, &err);
	if (got == 1)
		*ret = (struct podshim_output){ .stream = (int)rec.no, .time_ns = rec.time_ns, .lost = rec.lost,
						.data = rec.data, .len = rec.len };
	return got;
}

/* ---- The end ---- */

static int wait_end(struct podshim_runner *r, int timeout_ms, struct ps_err *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);

	while (!r->ended) {
		int got;

		if (!r->c)
			return closed(e);
		if (r->wait_failed.cls != PS_OK) {
			if (e)
				*e = r->wait_failed;
			r->wait_failed.cls = PS_OK;
			return -1;
		}
		if (!r->wait_id) {
			lib_begin(r->c, MSG_WAIT);
			msg_put_u64(&r->c->out, TAG_N, r->n);
			r->wait_id = r->c->last_id;
			if (lib_send(r->c, NULL, 0, e) < 0)
				return -1;
		}
		got = lib_pump(r->c, lib_left(deadline), e);
		if (got <= 0)
			return got;
	}
	return 1;
}

int podshim_wait(struct podshim_runner *r, int *ret_status, int timeout_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	const int got = wait_end(r, timeout_ms, &err);

	if (got < 0)
		return lib_error(e, &err);
	if (got == 1)
		*ret_status = r->status;
	return got;
}

const char *podshim_reason(const struct podshim_runner *r)
{
	return r->reason;
}

/* ---- Orders ---- */

int lib_order(struct podshim_runner *r, enum msg_type type, enum msg_tag tag, uint64_t v, int timeout_ms,
		 struct ps_err *e)
{
	if (!r->c)
		return closed(e);
	lib_begin(r->c, type);
	msg_put_u64(&r->c->out, TAG_N, r->n);
	if (tag != TAG_N)
		msg_put_u64(&r->c->out, tag, v);
	return lib_call(r->c, NULL, 0, timeout_ms, e);
}

static int order(struct podshim_runner *r, enum msg_type type, enum msg_tag tag, uint64_t v, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	return lib_order(r, type, tag, v, r->c ? r->c->timeout_ms : 0, &err) < 0 ? lib_error(e, &err) : 0;
}

int podshim_detach(struct podshim_runner *r, struct podshim_error *e)
{
	return order(r, MSG_OBSERVE, TAG_FLAGS, MSG_DETACHED, e);
}

int podshim_signal(struct podshim_runner *r, int sig, struct podshim_error *e)
{
	return order(r, MSG_SIGNAL, TAG_SIGNAL, (uint64_t)(sig < 0 ? 0 : sig), e);
}

int podshim_interrupt(struct podshim_runner *r, struct podshim_error *e)
{
	return order(r, MSG_INTERRUPT, TAG_N, 0, e);
}

int podshim_remove(struct podshim_runner *r, unsigned flags, struct podshim_error *e)
{
	return order(r, MSG_REMOVE, TAG_FLAGS, flags, e);
}

int podshim_resize(struct podshim_runner *r, unsigned rows, unsigned cols, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	if (!r->c) {
		(void)closed(&err);
		return lib_error(e, &err);
	}
	lib_begin(r->c, MSG_RESIZE);
	msg_put_u64(&r->c->out, TAG_N, r->n);
	msg_put_u64(&r->c->out, TAG_ROWS, rows);
	msg_put_u64(&r->c->out, TAG_COLS, cols);
	return lib_call(r->c, NULL, 0, r->c->timeout_ms, &err) < 0 ? lib_error(e, &err) : 0;
}

int podshim_stop(struct podshim_runner *r, unsigned flags, int grace_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	if (!r->c) {
		(void)closed(&err);
		return lib_error(e, &err);
	}
	lib_begin(r->c, MSG_STOP);
	msg_put_u64(&r->c->out, TAG_N, r->n);
	msg_put_u64(&r->c->out, TAG_TIMEOUT_MS, (uint64_t)(grace_ms < 0 ? 0 : grace_ms));
	msg_put_u64(&r->c->out, TAG_FLAGS, flags);
	return lib_call(r->c, NULL, 0, -1, &err) < 0 ? lib_error(e, &err) : 0;
}

int podshim_shutdown(struct podshim *c, unsigned flags, int grace_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	lib_begin(c, MSG_SHUTDOWN);
	msg_put_u64(&c->out, TAG_TIMEOUT_MS, (uint64_t)(grace_ms < 0 ? 0 : grace_ms));
	msg_put_u64(&c->out, TAG_FLAGS, flags);
	return lib_call(c, NULL, 0, -1, &err) < 0 ? lib_error(e, &err) : 0;
}
