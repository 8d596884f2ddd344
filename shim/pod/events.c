/* SPDX-License-Identifier: Apache-2.0
 * events.c - what the verbs write to a container's tape.
 */
#include "base/jsonw.h"
#include "shim/pod/container.h"

enum { EVENT_ROOM = 512 };

static struct ps_jsonw begin(struct ps_buf *out, const struct state *st)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "id", st->id);
	return w;
}

static void end(struct ps_jsonw *w, struct tape *t, enum tape_type type)
{
	ps_jw_end_object(w);
	if (t && !w->out->failed)
		(void)tape_write(t, type, w->out->data, w->out->len, NULL);
}

struct tape *event_tape(const struct state *st)
{
	struct tape *t = NULL;

	if (st->tape[0])
		(void)tape_open(st->tape, /* write= */ true, &t, NULL);
	return t;
}

void event_state(struct tape *t, const struct state *st, enum runner_state s, pid_t pid)
{
	char room[EVENT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));
	struct ps_jsonw w = begin(&text, st);

	ps_jw_str(&w, "state", runner_state_name(s));
	if (pid > 0)
		ps_jw_int(&w, "pid", pid);
	end(&w, t, TAPE_STATE);
}

void event_exit(struct tape *t, const struct state *st, int status)
{
	char room[EVENT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));
	struct ps_jsonw w = begin(&text, st);

	ps_jw_int(&w, "status", status);
	end(&w, t, TAPE_EXIT);
}

void event_error(struct tape *t, const struct state *st, const struct ps_err *err)
{
	char room[EVENT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));
	struct ps_jsonw w = begin(&text, st);

	ps_jw_str(&w, "class", ps_err_class_text(err->cls));
	if (err->where[0])
		ps_jw_str(&w, "where", err->where);
	ps_jw_str(&w, "msg", err->msg);
	end(&w, t, TAPE_ERROR);
}

void event_exec(struct tape *t, const struct state *st, pid_t pid, const char *program)
{
	char room[EVENT_ROOM];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));
	struct ps_jsonw w = begin(&text, st);

	ps_jw_int(&w, "pid", pid);
	ps_jw_str(&w, "program", program);
	end(&w, t, TAPE_EXEC);
}
