/* SPDX-License-Identifier: Apache-2.0
 * api.c - snapshots of what is known.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/scope.h"
#include "example/ui/relay.h"
#include "example/ui/ui.h"

enum { CATALOG_MAX = 1024 * 1024, EVENTS_AT_ONCE = 1000 };

/* ---- Snapshots ---- */

/* ?name=NUMBER: 1 there is one, 0 none, -1 it is no number. */
static int number_arg(const struct request *q, const char *name, uint64_t *ret)
{
	const size_t n = strlen(name);
	char value[24];

	for (const char *p = q->args; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		const size_t len = strcspn(p + n + 1, "&");

		if (len >= sizeof(value))
			return -1;
		memcpy(value, p + n + 1, len);
		value[len] = '\0';
		return ps_parse_u64(value, ret) < 0 ? -1 : 1;
	}
	return 0;
}

static void serve_pods(struct request *q)
{
	struct ps_jsonw w = { .out = &q->out };

	ps_jw_object(&w, NULL);
	board_put_pods(&w, "pods", &q->ui->board);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

static void serve_runners(struct request *q)
{
	struct board *b = &q->ui->board;
	struct ps_jsonw w = { .out = &q->out };

	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, "seq", b->seq);
	ps_jw_array(&w, "runners");
	for (size_t i = 0; i < b->n_runners; i++)
		board_put_runner(&w, NULL, b->runners[i]);
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

/* "/api/runners/7/verb": the runner, *ret_rest is what follows; NULL and an answer. */
struct runner *request_runner(struct request *q, char **ret_rest)
{
	char *rest = NULL;
	const unsigned long n = strtoul(q->path + strlen("/api/runners/"), &rest, 10);
	struct runner *r = n && n <= UINT32_MAX ? board_get(&q->ui->board, (uint32_t)n) : NULL;

	*ret_rest = rest;
	if (!r)
		request_fail(q, 404, "there is no such runner");
	return r;
}

bool request_may_touch(struct request *q, const struct runner *r)
{
	if (!r || !r->other)
		return true;
	request_fail(q, 403, "'%s' is of uid %u: this page may look at what it does, and no more", r->id, r->owner);
	return false;
}

static void serve_runner(struct request *q)
{
	struct ps_jsonw w = { .out = &q->out };
	char *rest;
	struct runner *r = request_runner(q, &rest);

	if (!r)
		return;
	if (*rest) {
		request_fail(q, 404, "there is no '%s'", q->path);
		return;
	}
	ps_jw_object(&w, NULL);
	board_put_runner_members(&w, r);
	if (r->own) {
		ps_jw_array(&w, "flags");
		for (size_t i = 0; i < r->n_flags; i++)
			ps_jw_str(&w, NULL, r->flags[i]);
		ps_jw_end_array(&w);
	}
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

static void serve_audit(struct request *q)
{
	struct board *b = &q->ui->board;
	struct ps_jsonw w = { .out = &q->out };
	uint64_t since = 0, n = 0, at;
	unsigned count = 0;

	if (number_arg(q, "since", &since) < 0 || number_arg(q, "n", &n) < 0 || since > b->seq) {
		request_fail(q, 400, "since and n are numbers of an event and a runner");
		return;
	}
	ps_jw_object(&w, NULL);
	if (since + 1 < b->oldest) {
		ps_jw_object(&w, "gap");
		ps_jw_uint(&w, "from", since + 1);
		ps_jw_uint(&w, "to", b->oldest - 1);
		ps_jw_end_object(&w);
		since = b->oldest - 1;
	} else {
		ps_jw_str(&w, "gap", NULL);
	}
	ps_jw_array(&w, "events");
	for (at = since; at < b->seq && count < EVENTS_AT_ONCE; at++) {
		const struct event *ev = board_event(b, at + 1);

		if (!ev || !ev->audit || (n && ev->n != n))
			continue;
		ps_jw_raw(&w, NULL, ev->json);
		count++;
	}
	ps_jw_end_array(&w);
	ps_jw_uint(&w, "seq", at);
	ps_jw_bool(&w, "more", at < b->seq);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

/* catalog.json, read anew each time: whoever edits it sees it. */
int catalog_read(const struct ui *ui, struct ps_arena *memory, const struct json **ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[4096];
	struct json *o;

	if (!ui->examples)
		return ps_fail(e, PS_E_NOTFOUND, "this server was started without --examples");
	if (ps_path_join(path, sizeof(path), ui->examples, "catalog.json") < 0)
		return ps_fail(e, PS_E_USAGE, "--examples: the path is too long");
	if (ps_read_file_at(AT_FDCWD, path, CATALOG_MAX, &text, e) < 0 ||
	    json_parse(memory, "catalog.json", text.data ? text.data : "", text.len, &o, e) < 0)
		return -1;
	*ret = json_get(o, "examples");
	return *ret && (*ret)->type == JSON_ARRAY ? 0 : ps_fail(e, PS_E_CONFIG, "catalog.json has no list 'examples'");
}

static void serve_examples(struct request *q)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct ps_jsonw w = { .out = &q->out };
	const struct json *list = NULL;
	struct ps_err e;

	if (q->ui->examples && catalog_read(q->ui, &memory, &list, &e) < 0) {
		request_fail(q, 500, "%s", e.msg);
		return;
	}
	ps_jw_object(&w, NULL);
	if (list) {
		relay_json(&w, "examples", list);
	} else {
		ps_jw_array(&w, "examples");
		ps_jw_end_array(&w);
	}
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

/* ---- Runs of podshim ---- */

static void on_answer(struct ui *ui, void *ctx, const struct job_result *r)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct request *q = ctx;
	struct ps_jsonw w = { .out = &q->out };
	struct json *o;

	(void)ui;
	q->job = NULL;
	if (r->late) {
		request_fail(q, 504, "podshim did not answer in time");
		return;
	}
	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "status", r->status);
	if (r->out_len && json_parse(&memory, "podshim", r->out, r->out_len, &o, NULL) == 0)
		relay_json(&w, "result", o);
	else
		ps_jw_str(&w, "result", NULL);
	ps_jw_strn(&w, "error", r->err, r->err_len);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

void request_job(struct request *q, struct args *a, const struct ps_buf *input)
{
	struct ps_err e;

	if (job_start(q->ui, a, input, on_answer, q, &q->job, &e) < 0)
		request_fail(q, e.cls == PS_E_STATE ? 429 : e.cls == PS_E_USAGE ? 400 : 500, "%s", e.msg);
}

/* ?n=NUMBER: that runner; without, NULL.  False: answered with why it is none. */
static bool runner_arg(struct request *q, struct runner **ret)
{
	uint64_t n = 0;
	const int has = number_arg(q, "n", &n);

	*ret = has > 0 && n <= UINT32_MAX ? board_get(&q->ui->board, (uint32_t)n) : NULL;
	if (has == 0 || *ret)
		return true;
	request_fail(q, has < 0 ? 400 : 404, "there is no such runner");
	return false;
}

static void serve_policy(struct request *q)
{
	struct runner *r;
	struct args a;

	if (!runner_arg(q, &r) || !request_may_touch(q, r))
		return;
	args_init_for(&a, q->ui, r);
	args_add(&a, "policy");
	args_add(&a, "show");
	args_add(&a, "--format");
	args_add(&a, "json");
	if (r && r->own)
		run_flags(r, &a);
	else if (r)
		args_add(&a, r->id);
	request_job(q, &a, NULL);
}

/* What enforces each permission, with its tier: by the flags of what was started here, by the record of others. */
static void serve_plan(struct request *q)
{
	struct runner *r;
	struct args a;

	if (!runner_arg(q, &r) || !request_may_touch(q, r))
		return;
	args_init_for(&a, q->ui, r);
	args_add(&a, "check");
	args_add(&a, "--format");
	args_add(&a, "json");
	if (r && !r->own) {
		args_add(&a, "--of");
		args_add(&a, r->id);
		request_job(q, &a, NULL);
		return;
	}
	if (r)
		run_flags(r, &a);
	/* Without a program it would be the host alone. */
	args_add(&a, "--");
	args_add(&a, "true");
	request_job(q, &a, NULL);
}

void api_serve(struct request *q)
{
	static const struct { const char *path; void (*serve)(struct request *q); } rows[] = {
		{ "/api/pods", serve_pods }, { "/api/runners", serve_runners }, { "/api/audit", serve_audit },
		{ "/api/examples", serve_examples }, { "/api/policy", serve_policy }, { "/api/plan", serve_plan },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (!strcmp(q->path, rows[i].path)) {
			rows[i].serve(q);
			return;
		}
	}
	if (!strncmp(q->path, "/api/runners/", 13))
		serve_runner(q);
	else
		request_fail(q, 404, "there is no '%s'", q->path);
}
