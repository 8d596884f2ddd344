/* SPDX-License-Identifier: Apache-2.0
 * output.c - from a runner's descriptors to its stream and its tape.
 *
 * read(2) goes straight into the stream's memory.  A client that must lose nothing holds `keep` back: then the pipe fills,
 * and its writer waits, as in a shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/pod/supervisor.h"

enum {
	ROUND_BYTES = 256 * 1024, /* of one runner before others have their turn */
	TELL_BYTES = 1024,        /* what a tape event quotes; longer output is counted */
	TELL_MS = 100,            /* and told together */
	QUOTE_ROOM = 8192,
};

/* How much may be read now; with a limit, one byte more than it permits shows that it is reached. */
static size_t room(const struct runner *r)
{
	size_t max = r->keep == UINT64_MAX ? STREAM_RECORD_MAX : stream_room(r->stream, r->keep);
	const uint64_t bytes = stream_bytes(r->stream);

	if (r->output_limit && r->output_limit >= bytes && r->output_limit - bytes < max)
		max = (size_t)(r->output_limit - bytes) + 1;
	return max;
}

/* A short piece in words, more as a number: the stream has the rest. */
static void tell_tape(const struct runner *r, const struct output *o, const char *text, size_t n)
{
	char space[QUOTE_ROOM];
	ps_auto_buf struct ps_buf out = ps_buf_lent(space, sizeof(space));
	struct ps_jsonw w = { .out = &out };

	if (!r->tape)
		return;
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "id", r->id);
	ps_jw_str(&w, "stream", o->no == STREAM_STDERR ? "stderr" : "stdout");
	ps_jw_int(&w, "bytes", (int64_t)n);
	if (text)
		ps_jw_strn(&w, "text", text, n);
	ps_jw_end_object(&w);
	if (!out.failed)
		(void)tape_write(r->tape, TAPE_OUTPUT, out.data, out.len, NULL);
}

static void tell_counted(struct output *o)
{
	loop_timer_clear(&o->runner->sv->loop, &o->tell);
	if (o->untold)
		tell_tape(o->runner, o, NULL, (size_t)o->untold);
	o->untold = 0;
}

static void on_tell(void *ctx)
{
	tell_counted(ctx);
}

/* A flood must not cost the tape's lock for each piece. */
static void tell(struct output *o, const char *text, size_t n)
{
	if (text) {
		tell_counted(o);
		tell_tape(o->runner, o, text, n);
		return;
	}
	o->untold += n;
	if (!o->tell.at_ms)
		loop_timer_set(&o->runner->sv->loop, &o->tell, TELL_MS);
}

static bool is_over(const struct runner *r)
{
	return r->output_limit && stream_bytes(r->stream) > r->output_limit;
}

/* What it has printed since is nobody's. */
static void limit_output(struct runner *r)
{
	if (r->over_limit || !is_over(r))
		return;
	r->over_limit = true;
	(void)runner_stop(r, /* force= */ true, REASON_OUTPUT, NULL);
	for (size_t i = 0; i < PS_COUNT(r->out); i++)
		output_close(&r->out[i]);
}

static void on_readable(void *ctx, uint32_t events)
{
	struct output *o = ctx;
	struct runner *r = o->runner;
	const uint64_t before = stream_bytes(r->stream);
	ssize_t n = 0;
	size_t max = 0, newest = 0;

	(void)events;
	while (stream_bytes(r->stream) - before < ROUND_BYTES && !is_over(r) && (max = room(r)) > 0) {
		n = stream_fill(r->stream, o->source.fd, o->no, max);
		if (n <= 0)
			break;
	}
	uint64_t got = stream_bytes(r->stream) - before;

	if (!max)
		output_keep(r, r->keep);
	if (got) {
		const char *text = stream_newest(r->stream, &newest);

		/* The newest record is all that came, or there is more than anybody wants to read there. */
		tell(o, newest == got && got <= TELL_BYTES ? text : NULL, (size_t)got);
		limit_output(r);
		r->sv->callbacks->on_output(r);
	}
	/* EIO: the last who had the terminal open is gone. */
	if (o->source.fd >= 0 && ((n == 0 && max) || (n < 0 && n != -EAGAIN)))
		output_close(o);
	runner_drained(r);
}

int output_open(struct runner *r, struct output *o, int fd, enum stream_no no, struct ps_err *e)
{
	*o = (struct output){ .source = { .fd = fd, .on = on_readable, .ctx = o }, .runner = r, .no = no,
			      .tell = { .on = on_tell, .ctx = o } };
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_SETFL, O_NONBLOCK | (no == STREAM_STDOUT && r->tty ? O_RDWR : 0)) < 0)
		return ps_fail_os(e, "runner '%s': its output", r->id);
	return loop_add(&r->sv->loop, &o->source, EPOLLIN, e);
}

void output_close(struct output *o)
{
	if (o->source.fd < 0)
		return;
	tell_counted(o);
	loop_remove(&o->runner->sv->loop, &o->source);
	ps_fd_close(&o->source.fd);
}

void output_keep(struct runner *r, uint64_t keep)
{
	r->keep = keep;
	const bool full = room(r) == 0;

	for (size_t i = 0; i < PS_COUNT(r->out); i++) {
		struct output *o = &r->out[i];

		if (o->source.fd < 0 || o->paused == full)
			continue;
		o->paused = full;
		loop_watch(&r->sv->loop, &o->source, full ? 0 : EPOLLIN);
	}
}
