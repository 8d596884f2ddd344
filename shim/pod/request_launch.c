/* SPDX-License-Identifier: Apache-2.0
 * request_launch.c - LAUNCH: given to a runner that is there, or kept until there is one; and its reply.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/pod/server.h"

enum { REPLY_ROOM = 1024, ARGS_MAX = 4096, PERMISSIONS_MAX = 256, WAITING_BYTES_MAX = 32 << 20 };

/* The texts stay the message's. */
struct launch_texts { const char *args[ARGS_MAX], *env[ARGS_MAX], *permissions[PERMISSIONS_MAX]; };

/* One for all launches: its pages are touched once. */
static struct launch_texts *texts_of(struct supervisor *sv)
{
	struct launch_texts *t = sv->texts ? sv->texts : malloc(sizeof(*t));

	memcpy(&sv->texts, &t, sizeof(t)); /* an assignment is a leak to gcc 12's analyzer */
	return t;
}

static int take_texts(const struct msg *m, enum msg_tag tag, const char **v, size_t max, size_t *ret_n, struct ps_err *e)
{
	struct msg_field f;
	size_t at = 0, n = 0;

	while (msg_next_of(m, tag, &at, &f)) {
		if (n == max - 1)
			return ps_fail(e, PS_E_USAGE, "a launch takes at most %zu of '%s'", max - 1, msg_tag_name(tag));
		v[n++] = f.data;
	}
	v[n] = NULL;
	*ret_n = n;
	return 0;
}

static int parse_launch(const struct msg *m, struct launch_texts *t, struct launch_request *ret, struct ps_err *e)
{
	uint64_t rows = msg_u64(m, TAG_ROWS, 0), cols = msg_u64(m, TAG_COLS, 0);

	if (rows > UINT16_MAX || cols > UINT16_MAX)
		return ps_fail(e, PS_E_USAGE, "a terminal of %llu rows and %llu columns", (unsigned long long)rows,
			       (unsigned long long)cols);
	*ret = (struct launch_request){
		.args = t->args, .env = t->env, .cwd = msg_text(m, TAG_CWD, NULL),
		.limits = { .memory = msg_u64(m, TAG_MEMORY, 0), .pids = msg_u64(m, TAG_PIDS, 0),
			    .millicpus = msg_u64(m, TAG_CPUS, 0) },
		.timeout_ms = msg_u64(m, TAG_TIMEOUT_MS, 0), .output_limit = msg_u64(m, TAG_OUTPUT_LIMIT, 0),
		.history = msg_u64(m, TAG_HISTORY, 0),
		.rows = (uint16_t)rows, .cols = (uint16_t)cols, .options = msg_u64(m, TAG_FLAGS, 0),
	};
	ret->permissions.v = t->permissions;
	if (take_texts(m, TAG_ARG, t->args, ARGS_MAX, &ret->n_args, e) < 0 || take_texts(m, TAG_ENV, t->env, ARGS_MAX, &ret->n_env, e) < 0)
		return -1;
	return take_texts(m, TAG_PERMISSION, t->permissions, PERMISSIONS_MAX, &ret->permissions.n, e);
}

static int check_launch(const struct supervisor *sv, const struct launch_request *q, struct ps_err *e)
{
	const bool code = q->options & MSG_CODE;
	const struct permissions *g = sv->bundle.permissions;

	if (sv->single || sv->ending || sv->quitting)
		return ps_fail(e, PS_E_STATE, sv->single ? "'%s' is a single container, no pod: nothing can be launched in it"
							 : "pod '%s' is ending", sv->pod->name);
	if (code != sv->pod->r.interpreter)
		return ps_fail(e, PS_E_USAGE, code ? "pod '%s' has no interpreter runners: make one with 'pod create --interpreter'"
						   : "the runners of pod '%s' are interpreters: they take code, not a command ('pod launch --code')",
			       sv->pod->name);
	if (code && (q->n_args || q->n_env || q->cwd || q->options & (MSG_STDIN | MSG_TTY)))
		return ps_fail(e, PS_E_USAGE, "an interpreter runs already: code takes no arguments, environment, cwd or input");
	if (code && q->output_limit)
		return ps_fail(e, PS_E_UNSUPP, "an output limit does not hold for code: what it prints goes to its client, not through the pod");
	if (g && g->settings.output.set && q->output_limit > g->settings.output.v)
		return ps_fail(e, PS_E_DENIED, "--output-limit %llu: the pod's own limit is %llu bytes (%s)", (unsigned long long)q->output_limit,
			       (unsigned long long)g->settings.output.v, g->settings.output.from);
	if (q->options & MSG_TTY && !sv->pod->r.tty)
		return ps_fail(e, PS_E_USAGE, "the runners of pod '%s' have no terminals: make it with 'pod create --tty'", sv->pod->name);
	return 0;
}

int request_take_link(const struct request *q, int ret[3], struct ps_err *e)
{
	static const enum msg_fd_kind kinds[3] = { FD_HOST_AREA, FD_RUNNER_AREA, FD_BELL };
	int at[3], found = 0;

	for (int i = 0; i < 3; i++) {
		at[i] = msg_fd_index(q->m, kinds[i], MSG_FDS_MAX);
		found += at[i] >= 0;
		ret[i] = -1;
	}
	if (found != 0 && found != 3)
		return ps_fail(e, PS_E_USAGE, "a link is three descriptors: host area, runner area, bell");
	for (int i = 0; found && i < 3; i++)
		ret[i] = ps_take_fd(&q->fds[at[i]]);
	return found;
}

void request_close_link(int fds[3])
{
	for (int i = 0; i < 3; i++)
		ps_fd_close(&fds[i]);
}

/* Give the launch to a runner that is there.  fds: its link, passed on. */
static int launch_in(struct runner *r, struct client *c, uint32_t id, const struct launch_request *l, const int fds[3],
		     struct ps_err *e)
{
	const bool code = l->options & MSG_CODE;

	if (code ? runner_limit(r, &l->limits, e) < 0 || (l->permissions.n && runner_tighten_net(r, &l->permissions, e) < 0)
		 : runner_launch(r, l, e) < 0)
		return -1;
	r->launcher = c;
	r->request = id;
	r->launched = true;
	if (!(l->options & MSG_DETACHED)) {
		r->owner = c;
		r->auto_free = true;
	}
	if ((fds[0] >= 0 && runner_link(r, fds, e) < 0) ||
	    (!observer_add(c, r, l->options & MSG_LOSSLESS) && ps_fail_os(e, "memory for an observer"))) {
		r->launcher = NULL; /* it is told now, not when the gate answers */
		(void)runner_stop(r, /* force= */ true, REASON_FAILED, NULL);
		return -1;
	}
	if (code)
		runner_begin_code(r, l);
	return 0;
}

static int queue_launch(const struct request *q, int fds[3], struct ps_err *e)
{
	struct supervisor *sv = q->c->sv;
	struct waiting_launch **at = &sv->waiting;

	if (sv->n_waiting >= sv->max.waiting || sv->waiting_bytes + q->n > WAITING_BYTES_MAX)
		return ps_fail(e, PS_E_STATE, "pod '%s': %u launches wait for a runner already", sv->pod->name, sv->n_waiting);
	struct waiting_launch *w = malloc(sizeof(*w) + q->n);

	if (!w)
		return ps_fail_os(e, "memory for a launch that waits");
	*w = (struct waiting_launch){ .client = q->c, .n = q->n };
	memcpy(w->message, q->raw, q->n);
	for (int i = 0; i < 3; i++)
		w->fds[i] = ps_take_fd(&fds[i]);
	while (*at)
		at = &(*at)->next;
	*at = w;
	sv->n_waiting++;
	sv->waiting_bytes += w->n;
	pool_refill(sv);
	return ANSWERED;
}

int request_launch(const struct request *q, struct ps_err *e)
{
	struct supervisor *sv = q->c->sv;
	struct launch_texts *texts = texts_of(sv);
	struct launch_request l;
	int fds[3] = { -1, -1, -1 }, rc = -1;

	if (!texts)
		return ps_fail_os(e, "memory for a launch");
	if (parse_launch(q->m, texts, &l, e) == 0 && check_launch(sv, &l, e) == 0 && request_take_link(q, fds, e) >= 0) {
		struct runner *r = sv->waiting ? NULL : runner_available(sv, l.options & MSG_CODE);

		rc = r ? launch_in(r, q->c, q->m->id, &l, fds, e) : queue_launch(q, fds, e);
		if (rc == 0) {
			rc = ANSWERED;
			pool_refill_soon(sv);
		}
	}
	request_close_link(fds);
	return rc;
}

static void free_waiting(struct supervisor *sv, struct waiting_launch *w)
{
	sv->n_waiting--;
	sv->waiting_bytes -= w->n;
	request_close_link(w->fds);
	free(w);
}

void launches_serve(struct supervisor *sv)
{
	struct launch_texts *texts = texts_of(sv);

	while (texts && sv->waiting) {
		struct waiting_launch *w = sv->waiting;
		struct ps_err e = { 0 };
		struct launch_request l;
		struct msg m;

		if (msg_parse(w->message, w->n, &m, &e) == 0 && parse_launch(&m, texts, &l, &e) == 0) {
			struct runner *r = runner_available(sv, l.options & MSG_CODE);

			if (!r)
				break;
			if (launch_in(r, w->client, m.id, &l, w->fds, &e) < 0)
				client_fail(w->client, MSG_LAUNCH, m.id, &e);
		}
		sv->waiting = w->next;
		free_waiting(sv, w);
	}
}

void launches_forget(struct supervisor *sv, const struct client *c)
{
	for (struct waiting_launch **at = &sv->waiting; *at;) {
		struct waiting_launch *w = *at;

		if (w->client != c) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free_waiting(sv, w);
	}
}

struct waiting_launch *waiting_next(const struct waiting_launch *w)
{
	return w->next;
}

/* A runner could not be made: the launch that has waited longest hears why. */
void server_launch_failed(struct supervisor *sv, const struct ps_err *why)
{
	struct waiting_launch *w = sv->waiting;
	struct msg m;

	if (!w)
		return;
	sv->waiting = w->next;
	if (msg_parse(w->message, w->n, &m, NULL) == 0)
		client_fail(w->client, MSG_LAUNCH, m.id, why);
	free_waiting(sv, w);
}

void answer_launch(struct runner *r, const struct ps_err *failure)
{
	char room[REPLY_ROOM];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));
	struct client *c = r->launcher;
	const bool hand_over = r->input_fd >= 0 && !r->tty && (r->options & (MSG_STDIN | MSG_DETACHED)) == MSG_STDIN;
	const int fds[] = { stream_fd(r->stream), r->input_fd };

	r->launcher = NULL;
	if (!c || !r->request)
		return;
	if (failure) {
		client_fail(c, MSG_LAUNCH, r->request, failure);
		return;
	}
	reply_begin(&b, MSG_LAUNCH, r->request);
	msg_put_u64(&b, TAG_N, r->n);
	msg_put_text(&b, TAG_ID, r->id);
	msg_put_u64(&b, TAG_PID, (uint64_t)r->pid);
	msg_put_text(&b, TAG_STATE, runner_state_name(r->state));
	msg_put_u64(&b, TAG_FD, FD_OUTPUT);
	if (hand_over)
		msg_put_u64(&b, TAG_FD, FD_INPUT);
	client_send(c, &b, fds, hand_over ? 2 : 1);
	if (hand_over)
		ps_fd_close(&r->input_fd);
}
