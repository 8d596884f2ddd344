/* SPDX-License-Identifier: Apache-2.0
 * ask_broker.c - questions to a broker, as Deno asks its own (DENO_PERMISSION_BROKER_PATH): one JSON line each way.
 *
 *	{"v":1,"pid":12,"id":1,"datetime":"2026-01-02T03:04:05.678Z","permission":"net","value":"example.com:443"}
 *	{"id":1,"result":"allow"} or {"id":1,"result":"deny","reason":"..."}
 *
 * Strictly one after the other: the next question goes out when the one before it was answered, also if nobody waits for that
 * any more.  What is no answer to the open question is a fault, which ends the run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "oci/json.h"
#include "shim/pod/ask.h"

enum { REASON_MAX = 256 };

int ask_broker_connect(const char *path, struct ps_err *e)
{
	const int fd = sock_connect_path(path, e);

	return fd < 0 ? ps_ctx(e, "connect to the permission broker at '%s'", path) : fd;
}

static void put_question(struct ps_buf *out, const struct question *q)
{
	struct ps_jsonw w = { .out = out };
	char now[40];

	ps_time_format(ps_clock_ns(CLOCK_REALTIME), now);
	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "v", 1);
	ps_jw_int(&w, "pid", q->pid);
	ps_jw_uint(&w, "id", q->id);
	ps_jw_str(&w, "datetime", now);
	ps_jw_str(&w, "permission", policy_permission_name(q->query.permission));
	ps_jw_str(&w, "value", q->value);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

/* The one before it was read, so that there is room.  What is said before it is no answer to it, whatever number that has. */
static const char *pose(struct asker *a, const struct question *q)
{
	ps_auto_buf struct ps_buf line = { .data = NULL };
	char early;

	if (a->n_in || recv(a->source.fd, &early, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return "it answers what nobody asked";
	put_question(&line, q);
	if (line.failed || send(a->source.fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)line.len)
		return "it takes no question";
	return NULL;
}

/* NULL, or what is wrong with it. */
static const char *read_answer(struct ps_arena *mem, const char *line, size_t n, const struct question *q, enum ask_answer *ret, const char **ret_reason)
{
	struct ps_err ignored = { 0 };
	struct json *o;

	if (json_parse(mem, "broker", line, n, &o, &ignored) < 0 || o->type != JSON_OBJECT)
		return "it says what is no JSON object";
	const struct json *id = json_get(o, "id"), *result = json_get(o, "result"), *reason = json_get(o, "reason");

	if (!id || id->type != JSON_INT || id->v.i < 0 || (uint64_t)id->v.i != q->id)
		return "it answers another question than the one that was asked";
	if (!result || result->type != JSON_STRING || (strcmp(result->v.s, "allow") != 0 && strcmp(result->v.s, "deny") != 0))
		return "its result is neither \"allow\" nor \"deny\"";
	if (reason && reason->type != JSON_STRING && reason->type != JSON_NULL)
		return "its reason is no text";
	*ret = !strcmp(result->v.s, "allow") ? ASK_ALLOW : ASK_DENY;
	*ret_reason = reason && reason->type == JSON_STRING ? reason->v.s : NULL;
	return NULL;
}

static void take_line(struct asker *a, size_t n)
{
	__attribute__((cleanup(ps_arena_done))) struct ps_arena mem = { .head = NULL };
	const char *reason = NULL, *wrong;
	enum ask_answer answer = ASK_DENY;

	wrong = !a->open ? "it answers what nobody asked" : read_answer(&mem, a->in, n, a->open, &answer, &reason);
	if (wrong) {
		asker_lost(a, wrong);
		return;
	}
	if (asprintf(&a->open->from, "the broker%s%.*s", reason ? ": " : "", REASON_MAX, reason ? reason : "") < 0)
		a->open->from = NULL;
	asker_answered(a, answer);
}

static void on_readable(struct asker *a)
{
	const ssize_t n = recv(a->source.fd, a->in + a->n_in, sizeof(a->in) - a->n_in, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		asker_lost(a, "it has closed the connection");
		return;
	}
	a->n_in += (size_t)n;
	/* Whatever comes behind an answer answers nothing: the next question is not asked yet. */
	const char *end = memchr(a->in, '\n', a->n_in);

	if (end && (size_t)(end - a->in) + 1 < a->n_in)
		asker_lost(a, "it answers what nobody asked");
	else if (end)
		a->n_in = 0, take_line(a, (size_t)(end - a->in));
	else if (a->n_in == sizeof(a->in))
		asker_lost(a, "its line is too long");
}

const struct ask_backend ask_broker = { .pose = pose, .on_readable = on_readable };
