/* SPDX-License-Identifier: Apache-2.0
 * board.c - what podshim-ui knows: runners, pods, and the last events.
 */
#include "example/ui/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/relay.h"

void board_init(struct board *b)
{
	memset(b, 0, sizeof(*b));
	b->oldest = b->version = 1;
}

static void output_free(struct board *b, struct runner *r)
{
	if (!r->out)
		return;
	stream_unmap(r->view);
	stream_free(r->out);
	r->view = NULL;
	r->out = NULL;
	b->n_outputs--;
}

static void file_free(char *path)
{
	if (path)
		(void)unlink(path);
	free(path);
}

static void runner_free(struct board *b, struct runner *r)
{
	output_free(b, r);
	for (size_t i = 0; i < r->n_flags; i++)
		free(r->flags[i]);
	free(r->flags);
	file_free(r->policy_file);
	file_free(r->code_file);
	ps_buf_done(&r->typed);
	free(r->id);
	free(r->pod);
	free(r->command);
	free(r->example);
	free(r->root);
	free(r);
}

static void pod_free(struct pod_row *p)
{
	free(p->name);
	free(p->root);
	free(p->label);
}

void board_done(struct board *b)
{
	for (size_t i = 0; i < b->n_runners; i++)
		runner_free(b, b->runners[i]);
	for (size_t i = 0; i < b->n_pods; i++)
		pod_free(&b->pods[i]);
	for (size_t i = 0; i < BOARD_EVENTS; i++)
		free(b->events[i].json);
	board_init(b);
}

/* ---- Rows ---- */

struct runner *board_find(struct board *b, const char *id)
{
	for (size_t i = b->n_runners; i-- > 0;)
		if (!b->runners[i]->other && !strcmp(b->runners[i]->id, id))
			return b->runners[i];
	return NULL;
}

struct runner *board_get(struct board *b, uint32_t n)
{
	size_t from = 0, to = b->n_runners;

	while (from < to) {
		const size_t mid = from + (to - from) / 2;

		if (b->runners[mid]->n == n)
			return b->runners[mid];
		if (b->runners[mid]->n < n)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

void board_touch(struct board *b, struct runner *r)
{
	r->version = ++b->version;
}

bool runner_has_ended(const struct runner *r)
{
	return !strcmp(r->state, "exited") || !strcmp(r->state, "failed") || !strcmp(r->state, "gone");
}

void board_remove(struct board *b, struct runner *r)
{
	for (size_t i = 0; i < b->n_runners; i++) {
		if (b->runners[i] != r)
			continue;
		if (b->on_gone)
			b->on_gone(b->ctx, r);
		memmove(b->runners + i, b->runners + i + 1, (b->n_runners - i - 1) * sizeof(b->runners[0]));
		b->n_runners--;
		b->removals++;
		runner_free(b, r);
		return;
	}
}

static struct runner *oldest_that(struct board *b, bool (*is)(const struct runner *))
{
	for (size_t i = 0; i < b->n_runners; i++)
		if (is(b->runners[i]) && !b->runners[i]->run)
			return b->runners[i];
	return NULL;
}

static bool has_ended_and_printed(const struct runner *r)
{
	return r->out && runner_has_ended(r);
}

struct runner *board_add(struct board *b, const char *id, const char *pod)
{
	if (b->n_runners == BOARD_RUNNERS) {
		struct runner *old = oldest_that(b, runner_has_ended);

		if (!old)
			return NULL;
		board_remove(b, old);
	}
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->id = relay_copy(id);
	r->pod = relay_copy(pod);
	if (!r->id || !r->pod) {
		runner_free(b, r);
		return NULL;
	}
	r->n = ++b->last_n;
	r->status = -1;
	b->runners[b->n_runners++] = r;
	board_touch(b, r);
	return r;
}

struct stream *board_output(struct board *b, struct runner *r)
{
	if (r->out)
		return r->out;
	if (b->n_outputs == BOARD_OUTPUTS) {
		struct runner *old = oldest_that(b, has_ended_and_printed);

		if (!old)
			return NULL;
		output_free(b, old);
	}
	if (stream_create(OUTPUT_SIZE, &r->out, NULL) < 0)
		return NULL;
	b->n_outputs++;
	if (stream_map(stream_fd(r->out), &r->view, NULL) < 0)
		output_free(b, r);
	return r->out;
}

/* ---- Events ---- */

static void forget_oldest(struct board *b)
{
	struct event *ev = &b->events[b->oldest++ % BOARD_EVENTS];

	b->event_bytes -= ev->len;
	free(ev->json);
	*ev = (struct event){ .seq = 0 };
}

/* Takes json, which begins {"seq":b->seq + 1. */
static void add_event(struct board *b, uint32_t n, bool audit, struct ps_buf *json)
{
	if (json->failed || !json->len) {
		ps_buf_done(json);
		return;
	}
	while (b->oldest <= b->seq && (b->seq - b->oldest + 1 == BOARD_EVENTS || b->event_bytes + json->len > BOARD_EVENT_BYTES))
		forget_oldest(b);
	b->seq++;
	b->events[b->seq % BOARD_EVENTS] = (struct event){ .seq = b->seq, .n = n, .audit = audit, .json = json->data, .len = json->len };
	b->event_bytes += json->len;
}

const struct event *board_event(const struct board *b, uint64_t seq)
{
	const struct event *ev = &b->events[seq % BOARD_EVENTS];

	return seq && ev->seq == seq ? ev : NULL;
}

void board_tell(struct board *b, const struct runner *r, const char *type, const char *msg)
{
	struct ps_buf json = { .data = NULL };
	struct ps_jsonw w = { .out = &json };
	char now[TIME_LEN];

	ps_time_rfc3339(now);
	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, "seq", b->seq + 1);
	if (r)
		ps_jw_uint(&w, "n", r->n);
	ps_jw_str(&w, "time", now);
	ps_jw_str(&w, "type", type);
	ps_jw_str(&w, "msg", msg);
	ps_jw_end_object(&w);
	add_event(b, r ? r->n : 0, false, &json);
}

/* The record, but for what is ours to say or to know. */
static void relay_event(struct board *b, const struct runner *r, const struct record *rec)
{
	const struct json *o = rec->o;
	static const char *const ours[] = { "v", "seq", "n", "time", "type", "id", "pod", "denied" };
	struct ps_buf json = { .data = NULL };
	struct ps_jsonw w = { .out = &json };

	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, "seq", b->seq + 1);
	ps_jw_uint(&w, "n", r->n);
	ps_jw_str(&w, "time", rec->time);
	ps_jw_str(&w, "type", rec->type);
	for (size_t i = 0; i < o->v.list.n; i++) {
		const struct json *v = &o->v.list.items[i];
		bool is_ours = false;

		for (size_t k = 0; k < PS_COUNT(ours); k++)
			is_ours |= !strcmp(v->key, ours[k]);
		if (!is_ours)
			relay_json(&w, v->key, v);
	}
	ps_jw_end_object(&w);
	add_event(b, r->n, !strcmp(rec->type, "audit"), &json);
}

/* ---- Records of a tape, lines of an audit file ---- */

#define SET(field, text) ((void)snprintf((field), sizeof(field), "%s", (text)))

static void on_state(struct runner *r, const struct json *o)
{
	const char *time = relay_text(o, "time"), *state = relay_text(o, "state");

	if (!*r->created)
		SET(r->created, time);
	if (!*r->started && !strcmp(state, "running"))
		SET(r->started, time);
	/* How it ended stays, when it is gone; and the end of what we started is known before its tape was read. */
	if (runner_has_ended(r) && (r->own || !strcmp(state, "gone")))
		return;
	SET(r->state, state);
	if (relay_number(o, "pid"))
		r->pid = (int64_t)relay_number(o, "pid");
	if (runner_has_ended(r)) {
		r->pid = 0;
		r->input = false;
		if (!*r->ended)
			SET(r->ended, time);
	}
}

static void on_exit_record(struct runner *r, const struct json *o)
{
	const struct json *status = json_get(o, "status");

	if (json_get(o, "pid"))
		return; /* of a process of exec */
	if (status && status->type == JSON_INT && status->v.i >= 0 && status->v.i <= 255)
		r->status = (int)status->v.i;
	if (*relay_text(o, "reason"))
		SET(r->reason, relay_text(o, "reason"));
	if (!*r->ended)
		SET(r->ended, relay_text(o, "time"));
}

static void on_audit(struct runner *r, const struct json *o)
{
	const char *result = relay_text(o, "result");
	const uint64_t count = relay_number(o, "count"), denied = relay_number(o, "denied");

	if (!strcmp(relay_text(o, "kind"), "drop"))
		r->lost += count;
	if (strcmp(relay_text(o, "kind"), "access") != 0)
		return;
	if (!strcmp(result, "deny") || !strcmp(result, "ask-deny"))
		r->denied += count;
	else if (!strcmp(result, "warn"))
		r->warned += count;
	else
		r->allowed += count;
	/* The record has the total: right even where records before it were lost. */
	if (denied > r->denied)
		r->denied = denied;
}

/* Of the tape: what is new, in its order; what was overwritten counts as lost. */
static bool is_new_record(struct runner *r, const struct record *rec)
{
	if (rec->seq <= r->tape_seq && strcmp(rec->time, r->tape_time) <= 0)
		return false;
	if (!r->own && rec->seq > r->tape_seq + 1)
		r->lost += rec->seq - r->tape_seq - 1;
	r->tape_seq = rec->seq;
	SET(r->tape_time, rec->time);
	return true;
}

void board_record(struct board *b, struct runner *r, const struct record *rec)
{
	if (!is_new_record(r, rec))
		return;
	if (!strcmp(rec->type, "audit"))
		on_audit(r, rec->o);
	board_touch(b, r);
	relay_event(b, r, rec);
}

static bool is_pod(const struct board *b, const char *name, size_t n)
{
	for (size_t i = 0; i < b->n_pods; i++)
		if (!b->pods[i].root && !strncmp(b->pods[i].name, name, n) && !b->pods[i].name[n])
			return true;
	return false;
}

/* POD of POD.N where there is such a pod; 0. */
static size_t pod_len(const struct board *b, const char *id)
{
	const char *dot = strrchr(id, '.');

	return dot && dot[1] && !dot[1 + strspn(dot + 1, "0123456789")] && is_pod(b, id, (size_t)(dot - id)) ? (size_t)(dot - id) : 0;
}

static struct runner *runner_of(struct board *b, const struct json *o)
{
	const char *id = relay_text(o, "id");
	struct runner *r = board_find(b, id);
	/* The same id again is another one. */
	const bool again = r && !r->own && runner_has_ended(r) && !strcmp(relay_text(o, "state"), "preparing") &&
			   strcmp(relay_text(o, "time"), r->tape_time) > 0;

	if (!*id || (r && !again))
		return r;
	char pod[1024];

	(void)snprintf(pod, sizeof(pod), "%.*s", (int)pod_len(b, id), id);
	r = board_add(b, id, pod);
	if (r && b->on_new)
		b->on_new(b->ctx, r);
	return r;
}

void board_line(struct board *b, struct runner *own, const char *line, size_t n)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct json *o;

	if (json_parse(&memory, "watch", line, n, &o, NULL) < 0 || o->type != JSON_OBJECT)
		return;
	const char *type = relay_text(o, "type");
	const struct record rec = { .seq = relay_number(o, "seq"), .time = relay_text(o, "time"), .type = type, .o = o };
	const bool audit = !strcmp(type, "audit");
	struct runner *r = own ? own : runner_of(b, o);

	/* What an audit file says beside that is meant for `learn`. */
	if (!r || (own && (!audit || !strcmp(relay_text(o, "kind"), "call"))))
		return;
	if (!own && (!is_new_record(r, &rec) || (r->own && audit)))
		return;
	if (!strcmp(type, "state"))
		on_state(r, o);
	else if (!strcmp(type, "exit"))
		on_exit_record(r, o);
	else if (audit)
		on_audit(r, o);
	board_touch(b, r);
	relay_event(b, r, &rec);
}

/* ---- Answers ---- */

static bool is_below(const struct pod_row *p, const char *root)
{
	return p->root && root ? !strcmp(p->root, root) : !p->root && !root;
}

static void pods_clear(struct board *b, const char *root)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_pods; i++) {
		if (is_below(&b->pods[i], root))
			pod_free(&b->pods[i]);
		else
			b->pods[kept++] = b->pods[i];
	}
	b->n_pods = kept;
}

static bool has_room(const struct board *b, bool other)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_pods; i++)
		n += !b->pods[i].root == !other;
	return n < (other ? OTHER_PODS : BOARD_PODS);
}

static bool name_pod(struct pod_row *p, const char *name, const char *root, uint32_t owner)
{
	*p = (struct pod_row){ .name = strdup(name), .root = root ? strdup(root) : NULL, .owner = owner };
	/* No name has a space: it is nobody else's. */
	if (root && asprintf(&p->label, "%s (uid %u, %s)", name, owner, root) < 0)
		p->label = NULL;
	if (p->name && (!root || (p->root && p->label)))
		return true;
	pod_free(p);
	return false;
}

/* A pod has a tape, but is no runner; a runner may be known before its pod. */
static void sort_out(struct board *b)
{
	for (size_t i = b->n_runners; i-- > 0;) {
		struct runner *r = b->runners[i];
		const size_t len = *r->pod ? 0 : pod_len(b, r->id);

		if (r->own || r->other)
			continue;
		if (is_pod(b, r->id, strlen(r->id))) {
			board_remove(b, r);
		} else if (len) {
			char *pod = strndup(r->id, len);

			if (!pod)
				continue;
			free(r->pod);
			r->pod = pod;
			board_touch(b, r);
			if (b->on_new)
				b->on_new(b->ctx, r);
		}
	}
}

bool board_pods(struct board *b, const char *root, const char *text, size_t n)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	ps_auto_buf struct ps_buf before = { .data = NULL }, after = { .data = NULL };
	struct ps_jsonw wb = { .out = &before }, wa = { .out = &after };
	struct json *list;

	if (json_parse(&memory, "pod ls", text, n, &list, NULL) < 0 || list->type != JSON_ARRAY)
		return false;
	board_put_pods(&wb, NULL, b);
	pods_clear(b, root);
	for (size_t i = 0; i < list->v.list.n && has_room(b, root); i++) {
		const struct json *o = &list->v.list.items[i];
		struct pod_row *p = &b->pods[b->n_pods];

		/* Only another user's has an owner. */
		if (!json_get(o, "owner") != !root)
			continue;
		if (!name_pod(p, relay_text(o, "name"), root, (uint32_t)relay_number(o, "owner")))
			break;
		p->running = relay_number(o, "running");
		p->ended = relay_number(o, "ended");
		p->warm = relay_number(o, "warm");
		p->warm_wanted = relay_number(o, "warmWanted");
		p->launched = relay_number(o, "launched");
		p->failed = relay_number(o, "failed");
		SET(p->state, relay_text(o, "state"));
		b->n_pods++;
	}
	board_put_pods(&wa, NULL, b);
	if (before.failed || after.failed || strcmp(before.data, after.data) != 0)
		b->pods_version = ++b->version;
	if (root)
		board_other_sweep(b);
	else
		sort_out(b);
	return true;
}

void board_usage(struct board *b, const char *text, size_t n)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct json *list;

	if (json_parse(&memory, "list", text, n, &list, NULL) < 0 || list->type != JSON_ARRAY)
		return;
	for (size_t i = 0; i < list->v.list.n; i++) {
		const struct json *o = &list->v.list.items[i], *cpu = json_get(o, "cpuNs");
		struct runner *r = board_find(b, relay_text(o, "id"));

		if (r && !r->root && *relay_text(o, "root"))
			r->root = relay_copy(relay_text(o, "root"));
		if (r && r->tape_used != relay_number(o, "tapeUsed")) {
			r->tape_used = relay_number(o, "tapeUsed");
			r->tape_room = relay_number(o, "tapeRoom");
			board_touch(b, r);
		}
		if (!r || !cpu || runner_has_ended(r))
			continue;
		const uint64_t cpu_ns = relay_number(o, "cpuNs"), memory_used = relay_number(o, "memory"), pids = relay_number(o, "pids");

		if (relay_number(o, "denied") > r->denied)
			r->denied = relay_number(o, "denied");
		else if (r->has_usage && r->cpu_ns == cpu_ns && r->memory == memory_used && r->pids == pids)
			continue;
		r->has_usage = true;
		r->cpu_ns = cpu_ns;
		r->memory = memory_used;
		r->pids = pids;
		board_touch(b, r);
	}
}
