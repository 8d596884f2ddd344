/* SPDX-License-Identifier: Apache-2.0
 * client_list.c - libpodshim: all runners of a pod, and events about them.
 */
#include "ipc/client.h"

#include <stdlib.h>

#include "base/scope.h"

static struct podshim_info info_of(const struct msg *row)
{
	return (struct podshim_info){
		.n = (unsigned)msg_u64(row, TAG_N, 0),
		.id = msg_text(row, TAG_ID, ""),
		.state = msg_text(row, TAG_STATE, ""),
		.command = msg_text(row, TAG_COMMAND, ""),
		.reason = msg_text(row, TAG_REASON, ""),
		.pid = (pid_t)msg_u64(row, TAG_PID, 0),
		.status = (int)msg_u64(row, TAG_STATUS, UINT64_MAX),
		.flags = (unsigned)msg_u64(row, TAG_FLAGS, 0),
		.created_ns = msg_u64(row, TAG_CREATED_NS, 0),
		.started_ns = msg_u64(row, TAG_STARTED_NS, 0),
		.exited_ns = msg_u64(row, TAG_EXITED_NS, 0),
		.cpu_ns = msg_u64(row, TAG_CPU_NS, 0),
		.memory = msg_u64(row, TAG_MEMORY_USED, 0),
		.memory_peak = msg_u64(row, TAG_MEMORY_PEAK, 0),
		.pids = msg_u64(row, TAG_PIDS_USED, 0),
		.output_bytes = msg_u64(row, TAG_OUTPUT_BYTES, 0),
		.denied = msg_u64(row, TAG_DENIED, 0),
		.warned = msg_u64(row, TAG_WARNED, 0),
		.allowed = msg_u64(row, TAG_ALLOWED, 0),
		.dropped = msg_u64(row, TAG_DROPPED, 0),
		.output_kept = msg_u64(row, TAG_OUTPUT_KEPT, 0),
		.output_room = msg_u64(row, TAG_OUTPUT_ROOM, 0),
		.tape_used = msg_u64(row, TAG_TAPE_USED, 0),
		.tape_room = msg_u64(row, TAG_TAPE_ROOM, 0),
	};
}

/* The rows of one reply.  *ret_last: number of the last one. */
static int each_row(const struct msg *m, podshim_each_fn *fn, void *ctx, uint64_t *ret_last)
{
	struct msg_field f;
	size_t at = 0;
	int r = 0;

	while (r == 0 && msg_next_of(m, TAG_RUNNER, &at, &f)) {
		const struct msg row = msg_group(m, &f);
		const struct podshim_info info = info_of(&row);

		*ret_last = info.n;
		r = fn(&info, ctx);
	}
	return r;
}

static int walk(struct podshim *c, enum msg_type type, podshim_each_fn *fn, void *ctx, struct podshim_error *e)
{
	ps_auto_buf struct ps_buf copy = { .data = NULL };
	struct ps_err err = { .cls = PS_OK };
	uint64_t last = 0;
	bool more = false;

	do {
		const uint64_t before = last;
		struct msg m;
		int r;

		lib_begin(c, type);
		if (more)
			msg_put_u64(&c->out, TAG_AFTER, last);
		if (lib_call(c, NULL, 0, c->timeout_ms, &err) < 0)
			return lib_error(e, &err);
		m = c->msg;
		ps_buf_reset(&copy); /* fn may use the connection */
		ps_buf_put(&copy, m.fields, m.n_bytes);
		if (copy.failed) {
			(void)ps_fail_os(&err, "list the runners of '%s'", c->name);
			return lib_error(e, &err);
		}
		m.fields = copy.data;
		r = each_row(&m, fn, ctx, &last);
		if (r)
			return r;
		if (more && last <= before) {
			(void)ps_fail(&err, PS_E_PEER, "'%s' lists its runners in no order", c->name);
			return lib_error(e, &err);
		}
		more = m.flags & MSG_HAS_MORE;
	} while (more);
	return 0;
}

int podshim_list(struct podshim *c, podshim_each_fn *fn, void *ctx, struct podshim_error *e)
{
	return walk(c, MSG_LIST, fn, ctx, e);
}

int podshim_stats(struct podshim *c, podshim_each_fn *fn, void *ctx, struct podshim_error *e)
{
	return walk(c, MSG_STATS, fn, ctx, e);
}

int podshim_counts(struct podshim *c, struct podshim_counts *ret, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	lib_begin(c, MSG_STATS);
	msg_put_u64(&c->out, TAG_AFTER, UINT32_MAX); /* no rows */
	if (lib_call(c, NULL, 0, c->timeout_ms, &err) < 0)
		return lib_error(e, &err);
	*ret = (struct podshim_counts){
		.warm = msg_u64(&c->msg, TAG_WARM, 0),
		.warm_wanted = msg_u64(&c->msg, TAG_WARM_WANTED, 0),
		.launched = msg_u64(&c->msg, TAG_LAUNCHED, 0),
		.failed = msg_u64(&c->msg, TAG_FAILED, 0),
	};
	return 0;
}

/* ---- Events ---- */

int podshim_subscribe(struct podshim *c, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	if (c->events)
		return 0;
	c->events = calloc(CLIENT_EVENTS, sizeof(*c->events));
	if (!c->events) {
		(void)ps_fail_os(&err, "subscribe to '%s'", c->name);
		return lib_error(e, &err);
	}
	lib_begin(c, MSG_SUBSCRIBE);
	if (lib_call(c, NULL, 0, c->timeout_ms, &err) == 0)
		return 0;
	free(c->events);
	c->events = NULL;
	c->n_events = 0;
	return lib_error(e, &err);
}

int podshim_event(struct podshim *c, struct podshim_event *ret, int timeout_ms, struct podshim_error *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	struct ps_err err = { .cls = PS_OK };

	while (!c->n_events) {
		const int got = lib_pump(c, lib_left(deadline), &err);

		if (got < 0)
			return c->gone && err.sys ? PODSHIM_END : lib_error(e, &err);
		if (got == 0)
			return 0;
	}
	*ret = c->events[c->first_event];
	ret->lost = c->lost_events;
	c->lost_events = 0;
	c->first_event = (c->first_event + 1) % CLIENT_EVENTS;
	c->n_events--;
	return 1;
}
