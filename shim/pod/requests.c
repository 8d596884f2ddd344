/* SPDX-License-Identifier: Apache-2.0
 * requests.c - one function per control message but LAUNCH (ipc/PROTOCOL.md, "Control messages").
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/scope.h"
#include "shim/pod/server.h"
#include "shim/sandbox/cgroup_usage.h"

enum { REPLY_ROOM = 1024, LIST_STOP = 128 * 1024, WAITERS_MAX = 256, GUARD_FLAGS_MAX = 255 };

static int find_runner(const struct request *q, struct runner **ret, struct ps_err *e)
{
	uint64_t n;

	if (msg_get_u64(q->m, TAG_N, UINT32_MAX, &n, e) < 0)
		return -1;
	*ret = runner_find(q->c->sv, n);
	if (!*ret)
		return ps_fail(e, PS_E_NOTFOUND, "pod '%s' has no runner %llu", q->c->sv->pod->name, (unsigned long long)n);
	return 0;
}

static int wait_for(struct client *c, struct runner *r, enum msg_type type, uint32_t id, struct ps_err *e)
{
	if (r->n_waiters >= WAITERS_MAX)
		return ps_fail(e, PS_E_STATE, "%d requests wait for runner '%s' already", WAITERS_MAX, r->id);
	struct waiter *w = malloc(sizeof(*w));

	if (!w)
		return ps_fail_os(e, "memory for a waiting request");
	*w = (struct waiter){ .next = r->waiters, .client = c, .id = id, .type = type };
	memcpy(&r->waiters, &w, sizeof(w)); /* an assignment is a leak to gcc 12's analyzer */
	r->n_waiters++;
	return ANSWERED;
}

static bool has_option(const struct msg *m, enum msg_option o)
{
	return msg_u64(m, TAG_FLAGS, 0) & o;
}

/* ---- What is there ---- */

void put_end(struct ps_buf *b, const struct runner *r)
{
	if (r->status != RUNNER_STATUS_UNKNOWN)
		msg_put_u64(b, TAG_STATUS, (uint64_t)r->status);
	msg_put_text(b, TAG_REASON, msg_reason_name(r->reason));
}

static void put_runner(struct ps_buf *b, const struct runner *r)
{
	size_t mark = msg_group_begin(b, TAG_RUNNER);

	msg_put_u64(b, TAG_N, r->n);
	msg_put_text(b, TAG_ID, r->id);
	msg_put_text(b, TAG_STATE, runner_state_name(r->state));
	if (!r->reaped)
		msg_put_u64(b, TAG_PID, (uint64_t)r->pid);
	if (r->command)
		msg_put_text(b, TAG_COMMAND, r->command);
	msg_put_u64(b, TAG_CREATED_NS, r->created_ns);
	if (r->started_ns)
		msg_put_u64(b, TAG_STARTED_NS, r->started_ns);
	if (r->ended) {
		msg_put_u64(b, TAG_EXITED_NS, r->exited_ns);
		put_end(b, r);
	}
	msg_put_u64(b, TAG_FLAGS, (r->tty ? MSG_TTY : 0) | (r->options & MSG_DETACHED));
	if (r->tape_name[0])
		msg_put_text(b, TAG_TAPE, r->tape_name);
	msg_group_end(b, mark);
}

/* Values that cannot be read are left out. */
static void put_usage(struct ps_buf *b, const struct runner *r)
{
	struct cgroup_usage u = CGROUP_USAGE_UNKNOWN;
	size_t mark = msg_group_begin(b, TAG_RUNNER);
	const struct { enum msg_tag tag; const int64_t *v; } rows[] = {
		{ TAG_CPU_NS, &u.cpu_ns }, { TAG_MEMORY_USED, &u.memory }, { TAG_MEMORY_PEAK, &u.memory_peak },
		{ TAG_PIDS_USED, &u.pids },
	};

	if (!r->ended)
		runner_usage(r, &u);
	msg_put_u64(b, TAG_N, r->n);
	msg_put_text(b, TAG_ID, r->id);
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (*rows[i].v >= 0)
			msg_put_u64(b, rows[i].tag, (uint64_t)*rows[i].v);
	if (r->stream) {
		msg_put_u64(b, TAG_OUTPUT_BYTES, stream_bytes(r->stream));
		msg_put_u64(b, TAG_OUTPUT_KEPT, stream_head(r->stream) - stream_tail(r->stream));
		msg_put_u64(b, TAG_OUTPUT_ROOM, stream_size(r->stream));
	}
	if (r->tape) {
		msg_put_u64(b, TAG_TAPE_USED, tape_used(r->tape));
		msg_put_u64(b, TAG_TAPE_ROOM, TAPE_DATA_SIZE);
	}
	const struct telemetry_counts n = oversight_counts(r->overseen);

	msg_put_u64(b, TAG_DENIED, n.denied);
	msg_put_u64(b, TAG_WARNED, n.warned);
	msg_put_u64(b, TAG_ALLOWED, n.allowed);
	msg_put_u64(b, TAG_DROPPED, n.dropped);
	msg_group_end(b, mark);
}

static int answer_rows(const struct request *q, void (*put)(struct ps_buf *, const struct runner *), struct ps_err *e)
{
	const struct supervisor *sv = q->c->sv;
	const bool one = msg_has(q->m, TAG_N), after = msg_has(q->m, TAG_AFTER);
	ps_auto_buf struct ps_buf b = { 0 };
	struct runner *only = NULL;

	if (one && find_runner(q, &only, e) < 0)
		return -1;
	reply_begin(&b, (enum msg_type)q->m->type, q->m->id);
	msg_put_text(&b, TAG_POD, sv->pod->name);
	msg_put_u64(&b, TAG_WARM, pool_warm(sv));
	msg_put_u64(&b, TAG_WARM_WANTED, sv->pod->r.warm);
	msg_put_u64(&b, TAG_LAUNCHED, sv->n_launched);
	msg_put_u64(&b, TAG_FAILED, sv->n_failed);
	for (const struct runner *r = sv->runners; r; r = r->next) {
		if (r->freeing || (one && r != only) || (after && r->n <= msg_u64(q->m, TAG_AFTER, 0)))
			continue;
		if (b.len > LIST_STOP) {
			msg_set_flags(&b, MSG_REPLY | MSG_HAS_MORE);
			break;
		}
		put(&b, r);
	}
	client_send(q->c, &b, NULL, 0);
	return ANSWERED;
}

static int on_list(const struct request *q, struct ps_err *e) { return answer_rows(q, put_runner, e); }
static int on_stats(const struct request *q, struct ps_err *e) { return answer_rows(q, put_usage, e); }

static int on_subscribe(const struct request *q, struct ps_err *e)
{
	(void)e;
	q->c->subscribed = true;
	return ANSWER_OK;
}

static int on_observe(const struct request *q, struct ps_err *e)
{
	char room[REPLY_ROOM];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (!r->stream)
		return ps_fail(e, PS_E_STATE, "the output of '%s' goes where its caller wanted it, not through podshim", r->id);
	if (q->c->reads_only && has_option(q->m, MSG_LOSSLESS))
		return ps_fail(e, PS_E_DENIED, "who only looks on can't hold a runner's output back");
	if (!observer_add(q->c, r, has_option(q->m, MSG_LOSSLESS)))
		return ps_fail_os(e, "memory for an observer");
	if (has_option(q->m, MSG_DETACHED) && r->owner == q->c) {
		r->owner = NULL;
		r->auto_free = false;
		r->options |= MSG_DETACHED;
	}
	const int fd = stream_fd(r->stream);

	reply_begin(&b, MSG_OBSERVE, q->m->id);
	msg_put_u64(&b, TAG_N, r->n);
	msg_put_text(&b, TAG_STATE, runner_state_name(r->state));
	msg_put_u64(&b, TAG_HEAD, stream_head(r->stream));
	msg_put_u64(&b, TAG_FINISHED, r->ended);
	msg_put_u64(&b, TAG_FD, FD_OUTPUT);
	client_send(q->c, &b, &fd, 1);
	return ANSWERED;
}

static int on_ack(const struct request *q, struct ps_err *e)
{
	struct runner *r;
	struct observer *o;

	if (find_runner(q, &r, e) < 0)
		return -1;
	o = observer_find(q->c, r);
	if (!o)
		return ps_fail(e, PS_E_STATE, "ACK for runner '%s', which this connection does not observe", r->id);
	o->acked = msg_u64(q->m, TAG_POS, o->acked);
	o->armed = true;
	if (o->lossless)
		observers_keep(r);
	observer_tell(q->c, o);
	return ANSWER_OK;
}

static void answer_status(struct client *c, const struct runner *r, enum msg_type type, uint32_t id)
{
	char room[REPLY_ROOM];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	if (!id)
		return;
	reply_begin(&b, type, id);
	put_end(&b, r);
	client_send(c, &b, NULL, 0);
}

static int on_wait(const struct request *q, struct ps_err *e)
{
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (!r->ended)
		return wait_for(q->c, r, MSG_WAIT, q->m->id, e);
	answer_status(q->c, r, MSG_WAIT, q->m->id);
	return ANSWERED;
}

/* ---- While it runs ---- */

static int on_link(const struct request *q, struct ps_err *e)
{
	int fds[3] = { -1, -1, -1 };
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (runner_is_idle(r))
		return ps_fail(e, PS_E_STATE, "runner '%s' is %s: a link to it comes with its launch, or after", r->id,
			       runner_state_name(r->state));
	int found = request_take_link(q, fds, e), rc = -1;

	if (found == 3)
		rc = runner_link(r, fds, e);
	else if (found == 0)
		rc = ps_fail(e, PS_E_USAGE, "a link is three descriptors: host area, runner area, bell");
	request_close_link(fds);
	return rc < 0 ? -1 : ANSWER_OK;
}

/* exec: one more process under the runner's permissions, whose guard asks us, too. */
static int on_guard(const struct request *q, struct ps_err *e)
{
	const int at = msg_fd_index(q->m, FD_GUARD, MSG_FDS_MAX);
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (at < 0)
		return ps_fail(e, PS_E_USAGE, "a guard is one descriptor");
	if (!r->overseen)
		return ps_fail(e, PS_E_STATE, "runner '%s' has no permissions that anybody is asked about", r->id);
	const char *v[GUARD_FLAGS_MAX + 1];
	struct spec_strs flags = { v, 0 };
	struct msg_field f;
	size_t next = 0;

	while (msg_next_of(q->m, TAG_PERMISSION, &next, &f)) {
		if (flags.n == GUARD_FLAGS_MAX)
			return ps_fail(e, PS_E_USAGE, "a guard takes at most %d of 'permission'", GUARD_FLAGS_MAX);
		v[flags.n++] = f.data;
	}
	v[flags.n] = NULL;
	return (flags.n ? oversight_add_tighter(r->overseen, ps_take_fd(&q->fds[at]), &flags, e)
			: oversight_add_handover(r->overseen, ps_take_fd(&q->fds[at]), e)) < 0 ? -1 : ANSWER_OK;
}

static void input_over(struct runner *r, const struct ps_err *failure)
{
	struct pending_input *p = r->input;

	loop_remove(&r->sv->loop, &r->input_source);
	r->input_source.fd = -1;
	r->input = NULL;
	if (p->client && failure)
		client_fail(p->client, MSG_INPUT, p->id, failure);
	else if (p->client)
		client_ok(p->client, MSG_INPUT, p->id);
	free(p);
}

static void on_input_room(void *ctx, uint32_t events)
{
	struct runner *r = ctx;
	struct pending_input *p = r->input;
	struct ps_err e = { 0 };
	ssize_t n = runner_input(r, p->data + p->at, p->n - p->at, p->eof, &e);

	(void)events;
	if (n < 0) {
		input_over(r, &e);
		return;
	}
	p->at += (size_t)n;
	if (p->at == p->n)
		input_over(r, NULL);
}

static int on_input(const struct request *q, struct ps_err *e)
{
	struct msg_field f = { .len = 0 };
	size_t at = 0;
	struct runner *r;
	const bool eof = msg_u64(q->m, TAG_EOF, 0) != 0;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (r->input)
		return ps_fail(e, PS_E_STATE, "earlier input of runner '%s' waits to be read", r->id);
	(void)msg_next_of(q->m, TAG_DATA, &at, &f);
	ssize_t n = runner_input(r, f.data, f.len, eof, e);

	if (n < 0)
		return -1;
	if ((size_t)n == f.len)
		return ANSWER_OK;
	struct pending_input *p = malloc(sizeof(*p) + f.len);

	if (!p)
		return ps_fail_os(e, "memory for input that waits");
	*p = (struct pending_input){ .client = q->c, .id = q->m->id, .eof = eof, .n = f.len - (size_t)n };
	memcpy(p->data, f.data + n, p->n);
	r->input_source = (struct loop_source){ .fd = r->input_fd, .on = on_input_room, .ctx = r };
	if (loop_add(&q->c->sv->loop, &r->input_source, EPOLLOUT, e) < 0) {
		r->input_source.fd = -1;
		free(p);
		return -1;
	}
	r->input = p;
	return ANSWERED;
}

static int on_resize(const struct request *q, struct ps_err *e)
{
	struct runner *r;
	uint64_t rows, cols;

	if (find_runner(q, &r, e) < 0 || msg_get_u64(q->m, TAG_ROWS, UINT16_MAX, &rows, e) < 0 ||
	    msg_get_u64(q->m, TAG_COLS, UINT16_MAX, &cols, e) < 0)
		return -1;
	return runner_resize(r, (uint16_t)rows, (uint16_t)cols, e) < 0 ? -1 : ANSWER_OK;
}

static int send_signal(const struct request *q, int sig, struct ps_err *e)
{
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	return runner_signal(r, sig, e) < 0 ? -1 : ANSWER_OK;
}

static int on_signal(const struct request *q, struct ps_err *e)
{
	uint64_t sig;

	if (msg_get_u64(q->m, TAG_SIGNAL, 64, &sig, e) < 0)
		return -1;
	return sig ? send_signal(q, (int)sig, e) : ps_fail(e, PS_E_USAGE, "signal 0 is none");
}

static int on_interrupt(const struct request *q, struct ps_err *e) { return send_signal(q, SIGINT, e); }

static int on_stop(const struct request *q, struct ps_err *e)
{
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (r->ended) {
		answer_status(q->c, r, MSG_STOP, q->m->id);
		return ANSWERED;
	}
	r->stop_ms = msg_u64(q->m, TAG_TIMEOUT_MS, 0);
	if (wait_for(q->c, r, MSG_STOP, q->m->id, e) < 0)
		return -1;
	return runner_stop(r, has_option(q->m, MSG_FORCE), REASON_STOPPED, e) < 0 ? -1 : ANSWERED;
}

static int on_remove(const struct request *q, struct ps_err *e)
{
	struct runner *r;

	if (find_runner(q, &r, e) < 0)
		return -1;
	if (!r->ended && !has_option(q->m, MSG_FORCE))
		return ps_fail(e, PS_E_STATE, "runner '%s' is %s: stop it first, or use force", r->id, runner_state_name(r->state));
	if (wait_for(q->c, r, MSG_REMOVE, q->m->id, e) < 0)
		return -1;
	r->auto_free = true;
	if (r->ended)
		runner_cleanup(r);
	else if (runner_stop(r, /* force= */ true, REASON_STOPPED, e) < 0)
		return -1;
	return ANSWERED;
}

/* Grace first, if there are any that run; the spawner ends what is left. */
static void on_grace_over(void *ctx)
{
	supervisor_quit(ctx);
}

/* The end that an earlier SHUTDOWN has set is not put off. */
static void end_within(struct supervisor *sv, uint64_t ms)
{
	const uint64_t now = (uint64_t)ps_now_ms(), end = ms > UINT64_MAX - now ? UINT64_MAX : now + ms;

	if (sv->grace.at_ms && sv->grace.at_ms <= end)
		return;
	sv->grace.on = on_grace_over;
	sv->grace.ctx = sv;
	loop_timer_set(&sv->loop, &sv->grace, ms);
}

static int on_shutdown(const struct request *q, struct ps_err *e)
{
	enum { GRACE_MS = 10000 };
	const uint64_t asked = msg_u64(q->m, TAG_TIMEOUT_MS, 0), grace = asked ? asked : GRACE_MS;
	struct supervisor *sv = q->c->sv;
	struct ps_err gone = { 0 };
	bool waits = false;

	if (sv->single)
		return ps_fail(e, PS_E_STATE, "'%s' is a single container: use 'podshim kill' and 'podshim delete'", sv->pod->name);
	q->c->shutdown_id = q->m->id;
	for (struct runner *r = sv->runners; r && !has_option(q->m, MSG_FORCE); r = r->next) {
		if (r->reaped || runner_is_idle(r))
			continue;
		r->stop_ms = grace;
		waits |= runner_stop(r, false, REASON_STOPPED, NULL) == 0;
	}
	sv->ending = true;
	(void)ps_fail(&gone, PS_E_STATE, "pod '%s' is ending", sv->pod->name);
	while (sv->waiting)
		server_launch_failed(sv, &gone);
	if (!waits) {
		supervisor_quit(sv);
		return ANSWERED;
	}
	end_within(sv, grace);
	return ANSWERED;
}

/* ---- Answers that were owed ---- */

void answer_ended(struct runner *r)
{
	for (struct waiter **at = &r->waiters; *at;) {
		struct waiter *w = *at;

		if (w->type == MSG_REMOVE) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		r->n_waiters--;
		answer_status(w->client, r, w->type, w->id);
		free(w);
	}
	if (r->input) {
		const struct ps_err gone = { .cls = PS_E_STATE, .msg = "the runner has ended" };

		input_over(r, &gone);
	}
	supervisor_maybe_quit(r->sv);
}

void answer_gone(struct runner *r)
{
	while (r->waiters) {
		struct waiter *w = r->waiters;

		r->waiters = w->next;
		r->n_waiters--;
		if (w->type == MSG_REMOVE)
			client_ok(w->client, w->type, w->id);
		else
			answer_status(w->client, r, w->type, w->id);
		free(w);
	}
}

/* ---- Dispatch ---- */

static const struct {
	enum msg_type type;
	int (*handle)(const struct request *q, struct ps_err *e);
} handlers[] = {
	{ MSG_LIST, on_list },     { MSG_STATS, on_stats },   { MSG_SUBSCRIBE, on_subscribe }, { MSG_OBSERVE, on_observe },
	{ MSG_ACK, on_ack },       { MSG_WAIT, on_wait },     { MSG_LAUNCH, request_launch },       { MSG_LINK, on_link },
	{ MSG_INPUT, on_input },   { MSG_RESIZE, on_resize }, { MSG_SIGNAL, on_signal },       { MSG_INTERRUPT, on_interrupt },
	{ MSG_STOP, on_stop },     { MSG_REMOVE, on_remove }, { MSG_SHUTDOWN, on_shutdown },
	{ MSG_GUARD, on_guard },
};

int request_handle(struct client *c, const struct msg *m, const char *raw, size_t n, int fds[], struct ps_err *e)
{
	const struct request q = { .c = c, .m = m, .raw = raw, .n = n, .fds = fds };

	if (c->reads_only && msg_type_who(m->type) == MSG_WHO_WRITES)
		return ps_fail(e, PS_E_DENIED, "'%s' is not for those who only look on", msg_type_name(m->type));
	for (size_t i = 0; i < PS_COUNT(handlers); i++)
		if ((unsigned)handlers[i].type == m->type)
			return handlers[i].handle(&q, e);
	return ps_fail(e, PS_E_UNSUPP, "message type %u is no request that this version knows", m->type);
}
