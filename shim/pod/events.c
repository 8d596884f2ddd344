/* SPDX-License-Identifier: Apache-2.0
 * events.c - what the verbs write to a container's tape.
 */
#include "base/jsonw.h"
#include "shim/pod/container.h"

static struct ps_jsonw begin(struct ps_buf *out, const struct state *st)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "id", st->id);
	return w;
}

static void end(struct ps_jsonw *w, const struct state *st, enum tape_type type)
{
	auto_tape struct tape *t = NULL;

	ps_jw_end_object(w);
	if (!w->out->failed && st->tape[0] && tape_open(st->tape, /* write= */ true, &t, NULL) == 0)
		(void)tape_write(t, type, w->out->data, w->out->len, NULL);
}

void event_state(const struct state *st, enum runner_state s, pid_t pid)
{
	ps_auto_buf struct ps_buf text = { 0 };
	struct ps_jsonw w = begin(&text, st);

	ps_jw_str(&w, "state", runner_state_name(s));
	if (pid > 0)
		ps_jw_int(&w, "pid", pid);
	end(&w, st, TAPE_STATE);
}

void event_exit(const struct state *st, int status)
{
	ps_auto_buf struct ps_buf text = { 0 };
	struct ps_jsonw w = begin(&text, st);

	ps_jw_int(&w, "status", status);
	end(&w, st, TAPE_EXIT);
}

void event_error(const struct state *st, const struct ps_err *err)
{
	ps_auto_buf struct ps_buf text = { 0 };
	struct ps_jsonw w = begin(&text, st);

	ps_jw_str(&w, "class", ps_err_class_text(err->cls));
	if (err->where[0])
		ps_jw_str(&w, "where", err->where);
	ps_jw_str(&w, "msg", err->msg);
	end(&w, st, TAPE_ERROR);
}

void event_exec(const struct state *st, pid_t pid, const char *program)
{
	ps_auto_buf struct ps_buf text = { 0 };
	struct ps_jsonw w = begin(&text, st);

	ps_jw_int(&w, "pid", pid);
	ps_jw_str(&w, "program", program);
	end(&w, st, TAPE_EXEC);
}
