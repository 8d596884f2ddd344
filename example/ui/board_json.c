/* SPDX-License-Identifier: Apache-2.0
 * board_json.c - what the board knows, as the page gets it.
 */
#include "example/ui/board.h"

static void put_text(struct ps_jsonw *w, const char *key, const char *text)
{
	ps_jw_str(w, key, text && *text ? text : NULL);
}

static void put_number(struct ps_jsonw *w, const char *key, bool known, uint64_t value)
{
	if (known)
		ps_jw_uint(w, key, value);
	else
		ps_jw_str(w, key, NULL);
}

void board_put_runner_members(struct ps_jsonw *w, const struct runner *r)
{
	struct stream_cursor oldest = { .pos = 0 };
	struct stream_record first = { .lost = 0 };

	ps_jw_uint(w, "n", r->n);
	ps_jw_str(w, "id", r->id);
	ps_jw_str(w, "pod", r->pod);
	ps_jw_str(w, "state", r->state);
	put_number(w, "pid", r->pid > 0, (uint64_t)r->pid);
	put_text(w, "command", r->command);
	put_text(w, "example", r->example);
	ps_jw_bool(w, "own", r->own);
	put_number(w, "owner", r->other, r->owner);
	ps_jw_bool(w, "input", r->input);
	ps_jw_bool(w, "tty", r->tty);
	put_text(w, "created", r->created);
	put_text(w, "started", r->started);
	put_text(w, "ended", r->ended);
	put_number(w, "status", r->status >= 0, (uint64_t)r->status);
	put_text(w, "reason", r->reason);
	ps_jw_uint(w, "denied", r->denied);
	ps_jw_uint(w, "allowed", r->allowed);
	ps_jw_uint(w, "warned", r->warned);
	ps_jw_uint(w, "lost", r->lost);
	ps_jw_uint(w, "output", r->out ? stream_bytes(r->out) : 0);
	if (r->view) {
		stream_cursor_oldest(r->view, &oldest);
		(void)stream_peek(r->view, &oldest, &first, NULL);
	}
	ps_jw_uint(w, "outputOldest", first.lost);
	put_number(w, "cpuNs", r->has_usage, r->cpu_ns);
	put_number(w, "memory", r->has_usage, r->memory);
	put_number(w, "pids", r->has_usage, r->pids);
	/* What we keep of its output ourselves, unless its pod tells. */
	put_number(w, "ringUsed", r->ring_room || r->out, r->ring_room || !r->out ? r->ring_used : stream_head(r->out) - stream_tail(r->out));
	put_number(w, "ringRoom", r->ring_room || r->out, r->ring_room || !r->out ? r->ring_room : stream_size(r->out));
	put_number(w, "tapeUsed", r->tape_room, r->tape_used);
	put_number(w, "tapeRoom", r->tape_room, r->tape_room);
}

void board_put_runner(struct ps_jsonw *w, const char *key, const struct runner *r)
{
	ps_jw_object(w, key);
	board_put_runner_members(w, r);
	ps_jw_end_object(w);
}

void board_put_pods(struct ps_jsonw *w, const char *key, const struct board *b)
{
	ps_jw_array(w, key);
	for (const struct pod_row *p = b->pods; p < b->pods + b->n_pods; p++) {
		ps_jw_object(w, NULL);
		ps_jw_str(w, "name", p->root ? p->label : p->name);
		put_number(w, "owner", p->root, p->owner);
		ps_jw_str(w, "state", p->state);
		ps_jw_uint(w, "running", p->running);
		ps_jw_uint(w, "ended", p->ended);
		ps_jw_uint(w, "warm", p->warm);
		ps_jw_uint(w, "warmWanted", p->warm_wanted);
		ps_jw_uint(w, "launched", p->launched);
		ps_jw_uint(w, "failed", p->failed);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}
