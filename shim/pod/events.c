/* SPDX-License-Identifier: Apache-2.0
 * events.c - what the verbs write to a container's tape.
 */
#include <fcntl.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/container.h"

enum { EVENT_ROOM = 512 };

/* One record in the making. */
struct event {
	char room[EVENT_ROOM];
	struct ps_buf text;
	struct ps_jsonw w;
};
static void event_done(struct event *v) { ps_buf_done(&v->text); }
#define auto_event __attribute__((cleanup(event_done))) struct event

static struct ps_jsonw *begin(struct event *v, const char *id)
{
	v->text = (struct ps_buf)ps_buf_lent(v->room, sizeof(v->room));
	v->w = (struct ps_jsonw){ .out = &v->text };
	ps_jw_object(&v->w, NULL);
	ps_jw_str(&v->w, "id", id);
	return &v->w;
}

static void end(struct event *v, struct tape *t, enum tape_type type)
{
	ps_jw_end_object(&v->w);
	if (t && !v->text.failed)
		(void)tape_write(t, type, v->text.data, v->text.len, NULL);
}

struct tape *event_tape(const struct state *st)
{
	struct tape *t = NULL;

	if (st->tape[0])
		(void)tape_open(st->tape, /* write= */ true, &t, NULL);
	return t;
}

static void put_state(struct ps_jsonw *w, enum runner_state s, pid_t pid)
{
	ps_jw_str(w, "state", runner_state_name(s));
	if (pid > 0)
		ps_jw_int(w, "pid", pid);
}

void event_state(struct tape *t, const char *id, enum runner_state s, pid_t pid)
{
	auto_event v;

	put_state(begin(&v, id), s, pid);
	end(&v, t, TAPE_STATE);
}

void event_error(struct tape *t, const char *id, const struct ps_err *err)
{
	auto_event v;
	struct ps_jsonw *w = begin(&v, id);

	ps_jw_str(w, "class", ps_err_class_text(err->cls));
	if (err->where[0])
		ps_jw_str(w, "where", err->where);
	ps_jw_str(w, "msg", err->msg);
	end(&v, t, TAPE_ERROR);
}

void event_degraded(struct tape *t, const char *id, const char *text)
{
	auto_event v;
	struct ps_jsonw *w = begin(&v, id);

	ps_jw_str(w, "kind", "degraded");
	ps_jw_str(w, "msg", text);
	end(&v, t, TAPE_AUDIT);
}

void event_exec(struct tape *t, const char *id, pid_t pid, const char *program)
{
	auto_event v;
	struct ps_jsonw *w = begin(&v, id);

	ps_jw_int(w, "pid", pid);
	ps_jw_str(w, "program", program);
	end(&v, t, TAPE_EXEC);
}

void event_exec_exit(struct tape *t, const char *id, pid_t pid, int status)
{
	auto_event v;
	struct ps_jsonw *w = begin(&v, id);

	ps_jw_int(w, "pid", pid);
	ps_jw_int(w, "status", status);
	end(&v, t, TAPE_EXIT);
}

/* As a line of audit.c's: the same members behind what a tape would have around them. */
static void append_audit(const char *path, const struct ps_buf *event)
{
	ps_auto_buf struct ps_buf line = { .data = NULL };
	struct ps_jsonw w = { .out = &line };
	char now[40];

	ps_auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	ps_time_rfc3339(now);
	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "v", 1);
	ps_jw_str(&w, "time", now);
	ps_jw_str(&w, "type", tape_type_name(TAPE_AUDIT));
	ps_buf_printf(&line, ",%s\n", event->data + 1);
	if (fd >= 0 && !line.failed)
		(void)ps_write_all(fd, line.data, line.len);
}

void event_limit(struct tape *t, const char *id, const char *limit, uint64_t value, const char *from, const char *audit_file)
{
	auto_event v;
	struct ps_jsonw *w = begin(&v, id);

	ps_jw_str(w, "kind", "limit");
	ps_jw_str(w, "limit", limit);
	ps_jw_uint(w, "value", value);
	ps_jw_str(w, "from", from);
	end(&v, t, TAPE_AUDIT);
	if (audit_file && !v.text.failed)
		append_audit(audit_file, &v.text);
}

enum { NOTICED = -1 };

static void put_exit(struct ps_jsonw *w, int status)
{
	if (status == NOTICED)
		ps_jw_str(w, "reason", "noticed");
	else
		ps_jw_int(w, "status", status);
}

/* The exit, where there is one to tell, and the state that follows, where it is to be told. */
static void tell_end(struct tape *t, const char *id, const int *status, const enum runner_state *s)
{
	auto_event exit, state;
	struct tape_line lines[2];
	size_t n = 0;

	put_exit(begin(&exit, id), status ? *status : NOTICED);
	put_state(begin(&state, id), s ? *s : RUNNER_EXITED, 0);
	ps_jw_end_object(&exit.w);
	ps_jw_end_object(&state.w);
	if (!t || exit.text.failed || state.text.failed)
		return;
	if (status)
		lines[n++] = (struct tape_line){ TAPE_EXIT, exit.text.data, exit.text.len };
	if (s)
		lines[n++] = (struct tape_line){ TAPE_STATE, state.text.data, state.text.len };
	(void)tape_write_end(t, lines, n, NULL);
}

void event_exit(struct tape *t, const char *id, int status)
{
	tell_end(t, id, &status, NULL);
}

void event_exited(struct tape *t, const char *id, int status)
{
	tell_end(t, id, &status, &(enum runner_state){ RUNNER_EXITED });
}

void event_noticed(struct tape *t, const char *id)
{
	tell_end(t, id, &(int){ NOTICED }, &(enum runner_state){ RUNNER_EXITED });
}

void event_failed(struct tape *t, const char *id)
{
	tell_end(t, id, NULL, &(enum runner_state){ RUNNER_FAILED });
}
