/* SPDX-License-Identifier: Apache-2.0
 * audit.c - accesses become events on a tape and lines of a file.
 */
#include "shim/pod/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"

struct audit {
	struct tape *tape;
	const char *pod, *id;
	int file_fd;
	uint64_t seq;
	uint64_t written;            /* bytes of the file that are ours */
	uint64_t untold;             /* accesses that the file was too full for */
};

/* ---- Events ---- */

static void put_time(struct ps_jsonw *w, const char *key, uint64_t ns)
{
	char text[40];

	ps_time_format(ns, text);
	ps_jw_str(w, key, text);
}

/* What a broker answers with. */
static const char *errno_name(int n)
{
	static const struct { int n; const char *name; } rows[] = {
		{ EACCES, "EACCES" }, { EPERM, "EPERM" }, { ENOENT, "ENOENT" }, { ECONNREFUSED, "ECONNREFUSED" },
		{ ENETUNREACH, "ENETUNREACH" }, { EHOSTUNREACH, "EHOSTUNREACH" }, { EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ EOPNOTSUPP, "EOPNOTSUPP" }, { EPROTONOSUPPORT, "EPROTONOSUPPORT" }, { ENOSYS, "ENOSYS" }, { EINVAL, "EINVAL" },
		{ EFAULT, "EFAULT" }, { ETIMEDOUT, "ETIMEDOUT" }, { EADDRNOTAVAIL, "EADDRNOTAVAIL" }, { EMFILE, "EMFILE" },
		{ ENOMEM, "ENOMEM" }, { EINPROGRESS, "EINPROGRESS" }, { EADDRINUSE, "EADDRINUSE" }, { EDESTADDRREQ, "EDESTADDRREQ" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].n == n)
			return rows[i].name;
	return "other";
}

static void put_optional(struct ps_jsonw *w, const char *key, const char *value)
{
	if (value && *value)
		ps_jw_str(w, key, value);
}

static const char *risk_of(const struct access *a)
{
	const struct perm_query q = { .permission = a->permission, .value = a->target };

	return a->permission != POLICY_NET && a->target[0] == '/' ? perm_query_risk(&q) : NULL;
}

/* What a payload calls itself, for eyes like what it asks for. */
static void put_name(struct ps_jsonw *w, const char *key, const char *name)
{
	const struct perm_query q = { .permission = POLICY_RUN, .value = name };
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (!*name)
		return;
	perm_query_target(&q, &text);
	ps_jw_str(w, key, text.failed ? "?" : text.data);
}

/* Whose word it is, by how its provenance is written. */
static const char *layer_of(const char *from)
{
	static const struct { const char *begin, *layer; } rows[] = {
		{ "--", "flag" }, { "asked", "ask" }, { "the broker", "ask" }, { "PODSHIM_", "environment" }, { "annotation ", "annotation" }, { "default#", "default" },
		{ "config.json#", "config" }, { "/etc/podshim/ceiling", "ceiling" }, { "/etc/podshim/", "system" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (!strncmp(from, rows[i].begin, strlen(rows[i].begin)))
			return rows[i].layer;
	return "file";
}

static void put_rule(struct ps_jsonw *w, const struct access *a)
{
	if (!a->rule) {
		ps_jw_str(w, "rule", NULL);
		return;
	}
	ps_jw_object(w, "rule");
	ps_jw_str(w, "layer", layer_of(a->rule_from ? a->rule_from : ""));
	ps_jw_str(w, "src", a->rule_from);
	ps_jw_str(w, "text", a->rule);
	ps_jw_end_object(w);
}

static void put_access(struct ps_jsonw *w, const struct access *a)
{
	ps_jw_str(w, "kind", "access");
	ps_jw_str(w, "perm", policy_permission_name(a->permission));
	ps_jw_str(w, "action", a->action);
	ps_jw_str(w, "target", a->target);
	ps_jw_str(w, "result", !a->asked ? policy_action_name(a->result) : a->result == POLICY_DENY ? "ask-deny" : "ask-allow");
	if (a->err)
		ps_jw_str(w, "errno", errno_name(a->err));
	put_rule(w, a);
	ps_jw_str(w, "mech", a->mech);
	ps_jw_bool(w, "sound", a->sound);
	ps_jw_int(w, "pid", a->pid);
	ps_jw_int(w, "tid", a->tid);
	ps_jw_int(w, "ppid", a->ppid);
	put_name(w, "comm", a->comm);
	put_name(w, "exe", a->exe);
	ps_jw_uint(w, "count", a->count);
	put_time(w, "first", a->first_ns);
	put_time(w, "last", a->last_ns);
	put_optional(w, "hint", a->hint);
	put_optional(w, "risk", risk_of(a));
}

static void write_line(struct audit *a, uint64_t time, const struct ps_buf *body)
{
	ps_auto_buf struct ps_buf line = { .data = NULL };
	struct ps_jsonw l = { .out = &line };

	ps_jw_object(&l, NULL);
	ps_jw_int(&l, "v", 1);
	ps_jw_uint(&l, "seq", ++a->seq);
	put_time(&l, "time", time);
	ps_jw_str(&l, "type", "audit");
	ps_buf_printf(&line, ",%s\n", body->data + 1);
	if (!line.failed)
		(void)ps_write_all(a->file_fd, line.data, line.len);
	a->written += line.len;
}

/* A payload that is denied something new all day long does not fill the host's disk. */
static void write_file(struct audit *a, uint64_t time, uint64_t count, const struct ps_buf *body)
{
	if (a->file_fd < 0 || body->failed)
		return;
	if (a->untold || a->written + body->len > AUDIT_FILE_MAX)
		a->untold += count;
	else
		write_line(a, time, body);
}

static void put_whose(struct ps_jsonw *w, const struct audit *a)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "id", a->id);
	put_optional(w, "pod", a->pod);
}

static void write_both(struct audit *a, uint64_t time, uint64_t count, const struct ps_buf *body)
{
	if (a->tape && !body->failed && body->len <= TAPE_RECORD_MAX)
		(void)tape_write(a->tape, TAPE_AUDIT, body->data, body->len, NULL);
	write_file(a, time, count, body);
}

/* The members that both have, then the file's own in front: a line there has no tape around it. */
void audit_access(struct audit *a, const struct access *x, uint64_t denied)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct ps_jsonw w = { .out = &body };

	put_whose(&w, a);
	put_access(&w, x);
	/* Of all so far, for readers that were too slow for some. */
	if (x->result == POLICY_DENY)
		ps_jw_uint(&w, "denied", denied);
	ps_jw_end_object(&w);
	write_both(a, x->first_ns, x->count, &body);
}

static void put_drop(const struct audit *a, uint64_t count, struct ps_buf *body)
{
	struct ps_jsonw w = { .out = body };

	put_whose(&w, a);
	ps_jw_str(&w, "kind", "drop");
	ps_jw_uint(&w, "count", count);
	ps_jw_end_object(&w);
}

void audit_drop(struct audit *a, uint64_t count)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };

	put_drop(a, count, &body);
	write_both(a, ps_clock_ns(CLOCK_REALTIME), count, &body);
}

void audit_call(struct audit *a, const char *name)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct ps_jsonw w = { .out = &body };

	put_whose(&w, a);
	ps_jw_str(&w, "kind", "call");
	ps_jw_str(&w, "call", name);
	ps_jw_end_object(&w);
	write_file(a, ps_clock_ns(CLOCK_REALTIME), 1, &body);
}

int audit_new(const char *pod, const char *id, struct tape *tape, int file_fd, struct audit **ret, struct ps_err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a) {
		ps_fd_close(&file_fd);
		return ps_fail_os(e, "memory for audit events");
	}
	*a = (struct audit){ .tape = tape, .pod = pod, .id = id, .file_fd = file_fd };
	*ret = a;
	return 0;
}

bool audit_has_file(const struct audit *a)
{
	return a->file_fd >= 0;
}

void audit_free(struct audit *a)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };

	if (!a)
		return;
	if (a->untold) {
		put_drop(a, a->untold, &body);
		if (!body.failed)
			write_line(a, ps_clock_ns(CLOCK_REALTIME), &body);
	}
	ps_fd_close(&a->file_fd);
	free(a);
}
