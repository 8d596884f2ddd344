/* SPDX-License-Identifier: Apache-2.0
 * actions.c - what is done for the page, as runs of podshim: no shell, and no flag that is not known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/scope.h"
#include "example/ui/relay.h"
#include "example/ui/ui.h"

enum { WORDS_MAX = 64, SEND_MAX = 64 * 1024 };

/* ---- Actions ---- */

/* A list of texts into words; false with an answer. */
static bool take_words(struct request *q, const struct json *list, const char *name, const char **words, size_t *n)
{
	if (list && list->type != JSON_ARRAY) {
		request_fail(q, 400, "'%s' is a list of texts", name);
		return false;
	}
	for (size_t i = 0; list && i < list->v.list.n; i++) {
		const struct json *v = &list->v.list.items[i];

		if (v->type != JSON_STRING || *n == WORDS_MAX) {
			request_fail(q, 400, "'%s' is a list of at most %d texts", name, WORDS_MAX);
			return false;
		}
		words[(*n)++] = v->v.s;
	}
	return true;
}

static bool take_flags(struct request *q, const struct json *list, const char **flags, size_t *n)
{
	if (!take_words(q, list, "flags", flags, n))
		return false;
	for (size_t i = 0; i < *n; i++) {
		if (!flag_is_known(flags[i])) {
			request_fail(q, 400, "'%.80s' is no flag that is taken from here", flags[i]);
			return false;
		}
	}
	return true;
}

/* "size" of a request: 24 lines of 80 columns without; false with an answer. */
static bool take_size(struct request *q, const struct json *o, struct term_size *ret)
{
	*ret = (struct term_size){ .rows = 24, .cols = 80 };
	if (!o || relay_size(o, &ret->rows, &ret->cols))
		return true;
	request_fail(q, 400, "a size is an object with rows and cols from 1 to %d", RELAY_SIZE_MAX);
	return false;
}

struct run_words { const char *words[2 * WORDS_MAX + 1], *flags[WORDS_MAX]; size_t n_words, n_flags; char dir[4096]; };

static const struct json *find_example(const struct json *list, const char *id)
{
	for (size_t i = 0; i < list->v.list.n; i++)
		if (*id && !strcmp(relay_text(&list->v.list.items[i], "id"), id))
			return &list->v.list.items[i];
	return NULL;
}

static bool take_example(struct request *q, struct ps_arena *memory, const char *name, const struct json *flags, struct run_words *r)
{
	const struct json *list, *x;
	const char *words[WORDS_MAX];
	size_t n = 0, at = 2;
	struct ps_err e;

	if (catalog_read(q->ui, memory, &list, &e) < 0) {
		request_fail(q, e.cls == PS_E_NOTFOUND ? 404 : 500, "%s", e.msg);
		return false;
	}
	x = find_example(list, name);
	if (!x) {
		request_fail(q, 404, "the catalog has no such example");
		return false;
	}
	const char *folder = relay_text(x, "folder");

	if (ps_path_join(r->dir, sizeof(r->dir), q->ui->examples, *folder ? folder : ".") < 0) {
		request_fail(q, 500, "the path of the example is too long");
		return false;
	}
	if (!take_words(q, json_get(x, "command"), "command", words, &n))
		return false;
	if (n < 3 || strcmp(words[0], "podshim") != 0 || strcmp(words[1], "run") != 0) {
		request_fail(q, 409, "this example is for a shell: it is not one 'podshim run'");
		return false;
	}
	for (; at < n && words[at][0] == '-' && strcmp(words[at], "--") != 0; at++)
		if (!flags)
			r->flags[r->n_flags++] = words[at];
	while (at < n)
		r->words[r->n_words++] = words[at++];
	return true;
}

static bool is_suffix(const char *s)
{
	return *s == '.' && strlen(s) < 8 && strspn(s + 1, "abcdefghijklmnopqrstuvwxyz") == strlen(s + 1);
}

static void act_run(struct request *q, const struct json *o)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	const struct json *example = json_get(o, "example"), *code = json_get(o, "code"), *argv = json_get(o, "argv"), *policy = json_get(o, "policy");
	ps_auto_mem struct run_words *r = calloc(1, sizeof(*r));
	struct ps_jsonw w = { .out = &q->out };
	struct runner *row;
	struct ps_err e;

	if (!r || (example != NULL) + (code != NULL) + (argv != NULL) != 1 || (policy && policy->type != JSON_STRING) ||
	    (code && (code->type != JSON_STRING || !is_suffix(relay_text(o, "suffix"))))) {
		request_fail(q, r ? 400 : 500, "expected one of example, code with suffix, and argv; and policy as text");
		return;
	}
	if (argv)
		r->words[r->n_words++] = "--";
	if (!take_flags(q, json_get(o, "flags"), r->flags, &r->n_flags) ||
	    (example && !take_example(q, &memory, relay_text(o, "example"), json_get(o, "flags"), r)) ||
	    !take_words(q, argv, "argv", r->words, &r->n_words) || !take_words(q, json_get(o, "args"), "args", r->words, &r->n_words))
		return;
	struct term_size size;

	if (!take_size(q, json_get(o, "size"), &size))
		return;
	const struct run_request run = { .words = r->words, .n_words = r->n_words, .flags = r->flags, .n_flags = r->n_flags,
					 .policy = policy ? policy->v.s : NULL, .code = code ? code->v.s : NULL, .suffix = relay_text(o, "suffix"),
					 .dir = *r->dir ? r->dir : q->ui->dir, .example = example ? relay_text(o, "example") : NULL, .size = size };

	if (run_start(q->ui, &run, &row, &e) < 0) {
		request_fail(q, e.cls == PS_E_STATE ? 429 : e.cls == PS_E_USAGE ? 400 : 500, "%s", e.msg);
		return;
	}
	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, "n", row->n);
	ps_jw_str(&w, "id", row->id);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

static void act_send(struct request *q, struct runner *r, const struct json *o)
{
	const struct json *text = json_get(o, "text");
	struct ps_jsonw w = { .out = &q->out };
	const size_t n = text && text->type == JSON_STRING ? strlen(text->v.s) : 0;
	const bool eof = relay_bool(o, "eof");
	ssize_t taken;
	struct ps_err e;

	if ((text && text->type != JSON_STRING) || n > SEND_MAX || (!n && !eof)) {
		request_fail(q, 400, "expected text of at most %d bytes, or eof", SEND_MAX);
		return;
	}
	taken = r->run ? run_send(q->ui, r->run, n ? text->v.s : "", n, eof, &e) : pods_send(q->ui, r, n ? text->v.s : "", n, eof, &e);
	if (taken < 0) {
		request_fail(q, 409, "%s", e.msg);
		return;
	}
	ps_jw_object(&w, NULL);
	ps_jw_bool(&w, "ok", true);
	ps_jw_uint(&w, "taken", (uint64_t)taken);
	ps_jw_end_object(&w);
	request_answer(q, 200);
}

/* A pod's runner by its pod, which knows why it ended then; others by signals. */
static void act_end(struct request *q, const struct runner *r, bool stop, bool force)
{
	struct args a;

	if (runner_has_ended(r)) {
		request_fail(q, 409, "it has ended");
		return;
	}
	args_init_for(&a, q->ui, r);
	if (*r->pod) {
		args_add(&a, "pod");
		args_add(&a, stop ? "stop" : "interrupt");
		if (stop && force)
			args_add(&a, "--force");
		args_add(&a, "--"); /* an id may begin as a flag does */
		args_add(&a, r->id);
	} else {
		args_add(&a, "kill");
		if (stop && force)
			args_add(&a, "--all");
		args_add(&a, "--");
		args_add(&a, r->id);
		args_add(&a, !stop ? "INT" : force ? "KILL" : "TERM");
	}
	request_job(q, &a, NULL);
}

static void act_on_runner(struct request *q, const struct json *o)
{
	char *rest;
	struct runner *r = request_runner(q, &rest);

	if (!r || !request_may_touch(q, r))
		return;
	if (!strcmp(rest, "/send"))
		act_send(q, r, o);
	else if (!strcmp(rest, "/interrupt") || !strcmp(rest, "/stop"))
		act_end(q, r, rest[1] == 's', relay_bool(o, "force"));
	else
		request_fail(q, 404, "there is no '%s'", q->path);
}

/* ---- Policies ---- */

struct question {
	const char *flags[WORDS_MAX];
	size_t n_flags;
	struct runner *runner; /* NULL: none */
};

static bool take_question(struct request *q, const struct json *o, struct question *x)
{
	const struct json *n = json_get(o, "n"), *policy = json_get(o, "policy");
	struct ps_err e;

	if ((n && n->type != JSON_INT) || (policy && policy->type != JSON_STRING)) {
		request_fail(q, 400, "n is a number, policy the text of a file");
		return false;
	}
	x->runner = n && n->v.i > 0 && n->v.i <= UINT32_MAX ? board_get(&q->ui->board, (uint32_t)n->v.i) : NULL;
	if (n && !x->runner) {
		request_fail(q, 404, "there is no such runner");
		return false;
	}
	if (!take_flags(q, json_get(o, "flags"), x->flags, &x->n_flags))
		return false;
	if (policy && !(q->temporary = ui_file(q->ui, "policy", ".json", policy->v.s, &e))) {
		request_fail(q, 500, "%s", e.msg);
		return false;
	}
	return true;
}

/* Those that the request names. */
static void put_permissions(const struct request *q, const struct question *x, struct args *a)
{
	for (size_t i = 0; i < x->n_flags; i++)
		if (flag_is_permission(x->flags[i]))
			args_add(a, x->flags[i]);
	if (q->temporary) {
		args_add(a, "--policy");
		args_add(a, q->temporary);
	}
}

static void act_lint(struct request *q, const struct json *o)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	const struct json *policy = json_get(o, "policy");
	struct args a;

	if (!policy || policy->type != JSON_STRING) {
		request_fail(q, 400, "policy is the text of a file");
		return;
	}
	ps_buf_puts(&text, policy->v.s);
	args_init(&a, q->ui);
	args_add(&a, "policy");
	args_add(&a, "lint");
	args_add(&a, "--format");
	args_add(&a, "json");
	args_add(&a, "-");
	request_job(q, &a, &text);
}

static void act_show(struct request *q, const struct json *o)
{
	struct question x = { .n_flags = 0 };
	struct args a;

	if (!take_question(q, o, &x) || !request_may_touch(q, x.runner))
		return;
	args_init_for(&a, q->ui, x.runner);
	args_add(&a, "policy");
	args_add(&a, "show");
	args_add(&a, "--format");
	args_add(&a, "json");
	put_permissions(q, &x, &a);
	if (x.runner && !x.runner->own)
		args_add(&a, x.runner->id);
	request_job(q, &a, NULL);
}

static void act_check(struct request *q, const struct json *o)
{
	struct question x = { .n_flags = 0 };
	struct args a;

	if (!take_question(q, o, &x) || !request_may_touch(q, x.runner))
		return;
	args_init_for(&a, q->ui, x.runner);
	args_add(&a, "check");
	args_add(&a, "--format");
	args_add(&a, "json");
	put_permissions(q, &x, &a);
	args_add(&a, "--");
	args_add(&a, "true");
	request_job(q, &a, NULL);
}

/* What is kept of its audit, as lines. */
static void put_record(const struct board *b, uint32_t n, struct ps_buf *out)
{
	for (uint64_t seq = b->oldest; seq <= b->seq; seq++) {
		const struct event *ev = board_event(b, seq);

		if (ev && ev->audit && ev->n == n)
			ps_buf_printf(out, "%s\n", ev->json);
	}
}

static void act_test(struct request *q, const struct json *o)
{
	struct question x = { .n_flags = 0 };
	ps_auto_buf struct ps_buf record = { .data = NULL };
	struct args a;

	if (!take_question(q, o, &x))
		return;
	if (!x.runner) {
		request_fail(q, 400, "n says whose accesses are tried");
		return;
	}
	put_record(&q->ui->board, x.runner->n, &record);
	args_init(&a, q->ui);
	args_add(&a, "policy");
	args_add(&a, "test");
	args_add(&a, "--format");
	args_add(&a, "json");
	args_add(&a, "--against");
	args_add(&a, "-");
	put_permissions(q, &x, &a);
	request_job(q, &a, &record);
}

static void act_explain(struct request *q, const struct json *o)
{
	static const struct { const char *perm, *flag; } rows[] = {
		{ "read", "--read" }, { "write", "--write" }, { "net", "--connect" }, { "run", "--run" }, { "env", "--env" },
		{ "ffi", "--ffi" }, { "sys", "--sys" },
	};
	struct question x = { .n_flags = 0 };
	const char *perm = relay_text(o, "perm"), *target = relay_text(o, "target"), *flag = NULL;
	struct args a;

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		flag = !strcmp(rows[i].perm, perm) ? rows[i].flag : flag;
	if (!flag || !*target) {
		request_fail(q, 400, "expected perm and target");
		return;
	}
	if (!take_question(q, o, &x) || !request_may_touch(q, x.runner))
		return;
	args_init_for(&a, q->ui, x.runner);
	args_add(&a, "explain");
	args_add(&a, "--format");
	args_add(&a, "json");
	if (x.runner && x.runner->own)
		run_flags(x.runner, &a);
	put_permissions(q, &x, &a);
	ps_auto_buf struct ps_buf asked = { .data = NULL };

	/* In one word, so that no target is taken for a flag. */
	ps_buf_printf(&asked, "%s=%s", flag, target);
	if (asked.failed) {
		request_fail(q, 500, "out of memory");
		return;
	}
	args_add(&a, asked.data);
	if (x.runner && !x.runner->own) {
		args_add(&a, "--");
		args_add(&a, x.runner->id);
	}
	request_job(q, &a, NULL);
}

void api_action(struct request *q)
{
	static const struct { const char *path; void (*act)(struct request *q, const struct json *o); } rows[] = {
		{ "/api/run", act_run }, { "/api/policy/lint", act_lint }, { "/api/policy/show", act_show },
		{ "/api/policy/test", act_test }, { "/api/policy/check", act_check }, { "/api/explain", act_explain },
	};
	ps_auto_arena struct ps_arena memory = { 0 };
	struct ps_err e;
	struct json *o;

	if (json_parse(&memory, "body", q->body.data ? q->body.data : "", q->body.len, &o, &e) < 0 || o->type != JSON_OBJECT) {
		request_fail(q, 400, "the body is no JSON object");
		return;
	}
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (!strcmp(q->path, rows[i].path)) {
			rows[i].act(q, o);
			return;
		}
	}
	if (!strncmp(q->path, "/api/runners/", 13))
		act_on_runner(q, o);
	else
		request_fail(q, 404, "there is no '%s'", q->path);
}
