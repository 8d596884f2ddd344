/* SPDX-License-Identifier: Apache-2.0
 * audit.c - accesses become events: batched, counted, written to tape and file.
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
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"

enum { N_BUCKETS = 256, NONE = -1, COMM_MAX = 16, EXE_MAX = 512, ROOM = 2048 };

/* One access of the batch. */
struct access {
	uint64_t hash, first_ns, last_ns, count;
	int next;
	enum policy_permission permission;
	enum policy_action result;
	char *target, *rule, *rule_from, *hint; /* malloc'd; all but target may be NULL */
	const char *action, *mech;
	int err;
	pid_t pid, tid, ppid;
	bool sound, asked;
	char comm[COMM_MAX + 1], exe[EXE_MAX];
};
struct audit {
	struct loop *loop;
	struct loop_timer timer;
	struct tape *tape;
	const char *pod, *id;
	int file_fd;
	uint64_t batch_ms, seq, dropped, denied;
	struct access v[AUDIT_BATCH_MAX];
	int bucket[N_BUCKETS];
	int n;
};

/* ---- Who ---- */

/* A file of /proc/TID: bytes read, 0 when it is gone. */
static size_t read_proc(pid_t tid, const char *name, char *out, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	n = n < 0 ? 0 : n;
	out[n] = '\0';
	return (size_t)n;
}

static void identify(struct access *a)
{
	char status[512], path[64], *line;
	size_t n = read_proc(a->tid, "comm", a->comm, sizeof(a->comm));

	if (n && a->comm[n - 1] == '\n')
		a->comm[n - 1] = '\0';
	a->pid = a->tid;
	if (read_proc(a->tid, "status", status, sizeof(status))) {
		if ((line = strstr(status, "\nTgid:")))
			a->pid = (pid_t)strtol(line + 6, NULL, 10);
		if ((line = strstr(status, "\nPPid:")))
			a->ppid = (pid_t)strtol(line + 6, NULL, 10);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)a->tid);
	ssize_t len = readlink(path, a->exe, sizeof(a->exe) - 1);

	a->exe[len < 0 ? 0 : len] = '\0';
}

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

static void write_file(struct audit *a, uint64_t time, const struct ps_buf *body)
{
	ps_auto_buf struct ps_buf line = { .data = NULL };
	struct ps_jsonw l = { .out = &line };

	if (a->file_fd < 0 || body->failed)
		return;
	ps_jw_object(&l, NULL);
	ps_jw_int(&l, "v", 1);
	ps_jw_uint(&l, "seq", ++a->seq);
	put_time(&l, "time", time);
	ps_jw_str(&l, "type", "audit");
	ps_buf_printf(&line, ",%s\n", body->data + 1);
	if (!line.failed)
		(void)ps_write_all(a->file_fd, line.data, line.len);
}

static void put_whose(struct ps_jsonw *w, const struct audit *a)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "id", a->id);
	put_optional(w, "pod", a->pod);
}

/* The members that both have, then the file's own in front: a line there has no tape around it. */
static void write_line(struct audit *a, const struct access *x)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct ps_jsonw w = { .out = &body };

	put_whose(&w, a);
	if (x) {
		put_access(&w, x);
		/* Of all so far, for readers that were too slow for some. */
		if (x->result == POLICY_DENY)
			ps_jw_uint(&w, "denied", a->denied += x->count);
	} else {
		ps_jw_str(&w, "kind", "drop");
		ps_jw_uint(&w, "count", a->dropped);
	}
	ps_jw_end_object(&w);
	if (a->tape && !body.failed && body.len <= TAPE_RECORD_MAX)
		(void)tape_write(a->tape, TAPE_AUDIT, body.data, body.len, NULL);
	write_file(a, x ? x->first_ns : ps_clock_ns(CLOCK_REALTIME), &body);
}

void audit_call(struct audit *a, const char *name)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct ps_jsonw w = { .out = &body };

	put_whose(&w, a);
	ps_jw_str(&w, "kind", "call");
	ps_jw_str(&w, "call", name);
	ps_jw_end_object(&w);
	write_file(a, ps_clock_ns(CLOCK_REALTIME), &body);
}

static void forget(struct access *x)
{
	free(x->target);
	free(x->rule);
	free(x->rule_from);
	free(x->hint);
}

void audit_flush(struct audit *a)
{
	loop_timer_clear(a->loop, &a->timer);
	for (int i = 0; i < a->n; i++) {
		write_line(a, &a->v[i]);
		forget(&a->v[i]);
	}
	if (a->dropped)
		write_line(a, NULL);
	a->n = 0;
	a->dropped = 0;
	for (size_t i = 0; i < N_BUCKETS; i++)
		a->bucket[i] = NONE;
}

static uint64_t hash_of(const struct broker_event *ev)
{
	const uint8_t key[] = { (uint8_t)ev->permission, (uint8_t)ev->result, ev->asked };
	uint64_t h = ps_fnv64(PS_FNV64_INIT, key, sizeof(key));

	h = ps_fnv64(h, ev->action, strlen(ev->action));
	return ps_fnv64(h, ev->target, strlen(ev->target));
}

static struct access *find(struct audit *a, const struct broker_event *ev, uint64_t hash)
{
	for (int i = a->bucket[hash % N_BUCKETS]; i != NONE; i = a->v[i].next) {
		struct access *x = &a->v[i];

		if (x->hash == hash && x->permission == ev->permission && x->result == ev->result && x->asked == ev->asked && x->action == ev->action &&
		    !strcmp(x->target, ev->target))
			return x;
	}
	return NULL;
}

static char *rule_text(const struct perm_entry *r)
{
	char *text = NULL;

	if (!r || asprintf(&text, "%s %s", policy_action_name(r->action), r->value ? r->value : "everything") < 0)
		return NULL;
	return text;
}

static void add(struct audit *a, const struct broker_event *ev, uint64_t hash)
{
	struct access *x = &a->v[a->n];

	*x = (struct access){ .hash = hash, .first_ns = ps_clock_ns(CLOCK_REALTIME), .count = 1, .next = a->bucket[hash % N_BUCKETS],
			      .permission = ev->permission, .result = ev->result, .action = ev->action, .mech = ev->mech,
			      .err = ev->err, .tid = ev->tid, .sound = ev->sound, .asked = ev->asked };
	x->last_ns = x->first_ns;
	x->target = strdup(ev->target);
	if (!x->target)
		return;
	x->rule = rule_text(ev->rule);
	x->rule_from = ev->rule && ev->rule->from ? strdup(ev->rule->from) : NULL;
	x->hint = ev->hint ? strdup(ev->hint) : NULL;
	identify(x);
	a->bucket[hash % N_BUCKETS] = a->n++;
	if (a->n == 1)
		loop_timer_set(a->loop, &a->timer, a->batch_ms);
}

void audit_event(struct audit *a, const struct broker_event *ev)
{
	const uint64_t hash = hash_of(ev);
	struct access *x = find(a, ev, hash);

	if (x) {
		x->count++;
		x->last_ns = ps_clock_ns(CLOCK_REALTIME);
		return;
	}
	if (a->n == AUDIT_BATCH_MAX && ev->result == POLICY_ALLOW && a->file_fd < 0) {
		a->dropped++;
		return;
	}
	if (a->n == AUDIT_BATCH_MAX)
		audit_flush(a);
	add(a, ev, hash);
}

static void on_timer(void *ctx)
{
	audit_flush(ctx);
}

int audit_new(struct loop *loop, const char *pod, const char *id, struct tape *tape, int file_fd, uint64_t batch_ms,
	      struct audit **ret, struct ps_err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a) {
		ps_fd_close(&file_fd);
		return ps_fail_os(e, "memory for audit events");
	}
	a->loop = loop;
	a->pod = pod;
	a->id = id;
	a->tape = tape;
	a->file_fd = file_fd;
	a->batch_ms = batch_ms ? batch_ms : AUDIT_BATCH_MS;
	a->timer = (struct loop_timer){ .on = on_timer, .ctx = a };
	for (size_t i = 0; i < N_BUCKETS; i++)
		a->bucket[i] = NONE;
	*ret = a;
	return 0;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	audit_flush(a);
	ps_fd_close(&a->file_fd);
	free(a);
}
