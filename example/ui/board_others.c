/* SPDX-License-Identifier: Apache-2.0
 * board_others.c - runners of other users, as far as they let this one look on.
 *
 * What is told of them is written by those users: an id counts below their root alone, and there is room for OTHER_RUNNERS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "example/ui/board.h"
#include "example/ui/relay.h"

enum { UNLISTED_MS = 10000 };

#define SET(field, text) ((void)snprintf((field), sizeof(field), "%s", (text)))

/* The newest. */
static struct runner *find(struct board *b, const char *root, uint32_t owner, const char *id)
{
	for (size_t i = b->n_runners; i-- > 0;) {
		struct runner *r = b->runners[i];

		if (r->other && r->owner == owner && !strcmp(r->root, root) && !strcmp(r->id, id))
			return r;
	}
	return NULL;
}

/* NAME.N of the pod. */
static bool is_runner_of(const struct pod_row *pod, const char *id)
{
	const size_t n = strlen(pod->name);

	return !strncmp(id, pod->name, n) && id[n] == '.' && id[n + 1] && strlen(id + n + 1) <= 10 &&
	       !id[n + 1 + strspn(id + n + 1, "0123456789")];
}

static struct runner *add(struct board *b, const struct pod_row *pod, const char *id, int64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_runners; i++)
		n += b->runners[i]->other;
	if (n >= OTHER_RUNNERS)
		return NULL;
	char *root = strdup(pod->root);
	struct runner *r = root ? board_add(b, id, pod->label) : NULL;

	if (!r) {
		free(root);
		return NULL;
	}
	r->root = root;
	r->other = true;
	r->owner = pod->owner;
	r->since_ms = now_ms;
	return r;
}

static bool is_in(const struct pod_row *p, const struct runner *r)
{
	return p->root && p->owner == r->owner && !strcmp(p->root, r->root) && !strcmp(p->label, r->pod);
}

static bool has_pod(const struct board *b, const struct runner *r)
{
	for (const struct pod_row *p = b->pods; p < b->pods + b->n_pods; p++)
		if (is_in(p, r))
			return true;
	return false;
}

void board_other_sweep(struct board *b)
{
	for (size_t i = b->n_runners; i-- > 0;)
		if (b->runners[i]->other && !has_pod(b, b->runners[i]))
			board_remove(b, b->runners[i]);
}

static bool is_listed(const struct json *list, const char *id)
{
	for (size_t i = 0; i < list->v.list.n; i++)
		if (!strcmp(relay_text(&list->v.list.items[i], "id"), id))
			return true;
	return false;
}

static void take_row(struct board *b, struct runner *r, const struct json *o)
{
	const struct json *status = json_get(o, "status");
	ps_auto_buf struct ps_buf before = { .data = NULL }, after = { .data = NULL };
	struct ps_jsonw wb = { .out = &before }, wa = { .out = &after };

	board_put_runner(&wb, NULL, r);
	SET(r->state, relay_text(o, "state"));
	SET(r->reason, relay_text(o, "reason"));
	SET(r->created, relay_text(o, "created"));
	SET(r->started, relay_text(o, "started"));
	SET(r->ended, relay_text(o, "exited"));
	r->pid = (int64_t)relay_number(o, "pid");
	r->status = status && status->type == JSON_INT && status->v.i >= 0 && status->v.i <= 255 ? (int)status->v.i : -1;
	r->tty = relay_bool(o, "tty");
	r->listed = true;
	if (*relay_text(o, "command") && (!r->command || strcmp(r->command, relay_text(o, "command")) != 0)) {
		free(r->command);
		r->command = relay_copy(relay_text(o, "command"));
	}
	board_put_runner(&wa, NULL, r);
	if (before.failed || after.failed || strcmp(before.data, after.data) != 0)
		board_touch(b, r);
}

void board_other_runners(struct board *b, const struct pod_row *pod, const char *text, size_t n, int64_t now_ms)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct json *list;

	if (json_parse(&memory, "pod ls", text, n, &list, NULL) < 0 || list->type != JSON_ARRAY)
		return;
	for (size_t i = b->n_runners; i-- > 0;) {
		struct runner *r = b->runners[i];

		if (r->other && is_in(pod, r) && !is_listed(list, r->id) && (r->listed || now_ms - r->since_ms > UNLISTED_MS))
			board_remove(b, r);
	}
	for (size_t i = 0; i < list->v.list.n; i++) {
		const struct json *o = &list->v.list.items[i];
		const char *id = relay_text(o, "id");
		struct runner *r = is_runner_of(pod, id) ? find(b, pod->root, pod->owner, id) : NULL;

		/* The same id of a pod that was made again is another one. */
		if (r && r->listed && strcmp(r->created, relay_text(o, "created")) != 0) {
			board_remove(b, r);
			r = NULL;
		}
		if (!r && is_runner_of(pod, id))
			r = add(b, pod, id, now_ms);
		if (r)
			take_row(b, r, o);
	}
}

void board_other_usage(struct board *b, const struct pod_row *pod, const char *text, size_t n)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	const struct json *list;
	struct json *answer;

	if (json_parse(&memory, "pod stats", text, n, &answer, NULL) < 0 || !(list = json_get(answer, "runners")) || list->type != JSON_ARRAY)
		return;
	for (size_t i = 0; i < list->v.list.n; i++) {
		const struct json *o = &list->v.list.items[i];
		struct runner *r = find(b, pod->root, pod->owner, relay_text(o, "id"));
		const uint64_t denied = relay_number(o, "denied"), warned = relay_number(o, "warned"), allowed = relay_number(o, "allowed");

		if (!r || runner_has_ended(r))
			continue;
		r->has_usage = true;
		r->cpu_ns = relay_number(o, "cpuNs");
		r->memory = relay_number(o, "memory");
		r->pids = relay_number(o, "pids");
		r->ring_used = relay_number(o, "outputKept");
		r->ring_room = relay_number(o, "outputRoom");
		r->tape_used = relay_number(o, "tapeUsed");
		r->tape_room = relay_number(o, "tapeRoom");
		r->denied = denied > r->denied ? denied : r->denied;
		r->warned = warned > r->warned ? warned : r->warned;
		r->allowed = allowed > r->allowed ? allowed : r->allowed;
		board_touch(b, r);
	}
}

void board_other_line(struct board *b, const char *line, size_t n, int64_t now_ms)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	const struct json *o;
	struct json *whole;

	if (json_parse(&memory, "watch", line, n, &whole, NULL) < 0 || whole->type != JSON_OBJECT)
		return;
	o = json_get(whole, "record");
	if (!o || o->type != JSON_OBJECT)
		return;
	const uint64_t owner = relay_number(whole, "owner");
	const char *root = relay_text(whole, "root"), *id = relay_text(o, "id");
	const struct record rec = { .seq = relay_number(whole, "seq"), .time = relay_text(whole, "time"), .type = relay_text(whole, "type"), .o = o };

	for (const struct pod_row *p = b->pods; p < b->pods + b->n_pods; p++) {
		if (!p->root || p->owner != owner || strcmp(p->root, root) != 0 || !is_runner_of(p, id))
			continue;
		struct runner *r = find(b, root, p->owner, id);

		if (!r)
			r = add(b, p, id, now_ms);
		if (r)
			board_record(b, r, &rec);
		return;
	}
}
