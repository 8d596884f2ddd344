/* SPDX-License-Identifier: Apache-2.0
 * telemetry.c - what a container did, gathered for who looks on: batches of accesses, and counts of all.
 */
#include "shim/pod/telemetry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/scope.h"

enum {
	N_BUCKETS = 256, NONE = -1,
	MANY = 64, /* lines that might not all find room on a tape */
};

struct telemetry {
	struct loop *loop;
	struct loop_timer timer;
	struct audit *audit;
	uint64_t batch_ms, dropped, denied; /* dropped: of this batch; denied: told of, in all batches */
	struct telemetry_counts counts;
	struct access v[TELEMETRY_BATCH_MAX];
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

/* ---- Batches ---- */

static void forget(struct access *x)
{
	free(x->target);
	free(x->rule);
	free(x->rule_from);
	free(x->hint);
}

static void write_those(struct telemetry *t, bool denied, bool others)
{
	for (int i = 0; i < t->n; i++) {
		const struct access *x = &t->v[i];
		const bool is_denied = x->result == POLICY_DENY;

		if (!(is_denied ? denied : others))
			continue;
		t->denied += is_denied ? x->count : 0;
		audit_access(t->audit, x, t->denied);
	}
}

void telemetry_flush(struct telemetry *t)
{
	/* What comes last stays longest on a tape that is too small for all. */
	const bool many = t->n > MANY;

	loop_timer_clear(t->loop, &t->timer);
	write_those(t, !many, true);
	if (t->dropped)
		audit_drop(t->audit, t->dropped);
	if (many)
		write_those(t, true, false);
	for (int i = 0; i < t->n; i++)
		forget(&t->v[i]);
	t->n = 0;
	t->dropped = 0;
	for (size_t i = 0; i < N_BUCKETS; i++)
		t->bucket[i] = NONE;
}

static uint64_t *counter(struct telemetry_counts *c, enum policy_action result)
{
	return result == POLICY_DENY ? &c->denied : result == POLICY_WARN ? &c->warned : &c->allowed;
}

static uint64_t hash_of(const struct broker_event *ev)
{
	const uint8_t key[] = { (uint8_t)ev->permission, (uint8_t)ev->result, ev->asked };
	uint64_t h = ps_fnv64(PS_FNV64_INIT, key, sizeof(key));

	h = ps_fnv64(h, ev->action, strlen(ev->action));
	return ps_fnv64(h, ev->target, strlen(ev->target));
}

static struct access *find(struct telemetry *t, const struct broker_event *ev, uint64_t hash)
{
	for (int i = t->bucket[hash % N_BUCKETS]; i != NONE; i = t->v[i].next) {
		struct access *x = &t->v[i];

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

static void add(struct telemetry *t, const struct broker_event *ev, uint64_t hash)
{
	struct access *x = &t->v[t->n];

	*x = (struct access){ .hash = hash, .first_ns = ps_clock_ns(CLOCK_REALTIME), .count = 1, .next = t->bucket[hash % N_BUCKETS],
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
	t->bucket[hash % N_BUCKETS] = t->n++;
	if (t->n == 1)
		loop_timer_set(t->loop, &t->timer, t->batch_ms);
}

void telemetry_access(struct telemetry *t, const struct broker_event *ev)
{
	const uint64_t hash = hash_of(ev);
	struct access *x = find(t, ev, hash);

	*counter(&t->counts, ev->result) += 1;
	if (x) {
		x->count++;
		x->last_ns = ps_clock_ns(CLOCK_REALTIME);
		return;
	}
	if (t->n == TELEMETRY_BATCH_MAX && ev->result == POLICY_ALLOW && !audit_has_file(t->audit)) {
		t->dropped++;
		t->counts.dropped++;
		return;
	}
	if (t->n == TELEMETRY_BATCH_MAX)
		telemetry_flush(t);
	add(t, ev, hash);
}

void telemetry_call(struct telemetry *t, const char *name)
{
	audit_call(t->audit, name);
}

struct telemetry_counts telemetry_counts(const struct telemetry *t)
{
	return t->counts;
}

static void on_timer(void *ctx)
{
	telemetry_flush(ctx);
}

int telemetry_new(struct loop *loop, uint64_t batch_ms, struct audit *audit, struct telemetry **ret, struct ps_err *e)
{
	struct telemetry *t = calloc(1, sizeof(*t));

	if (!t) {
		audit_free(audit);
		return ps_fail_os(e, "memory for audit events");
	}
	t->loop = loop;
	t->audit = audit;
	t->batch_ms = batch_ms ? batch_ms : TELEMETRY_BATCH_MS;
	t->timer = (struct loop_timer){ .on = on_timer, .ctx = t };
	for (size_t i = 0; i < N_BUCKETS; i++)
		t->bucket[i] = NONE;
	*ret = t;
	return 0;
}

void telemetry_free(struct telemetry *t)
{
	if (!t)
		return;
	telemetry_flush(t);
	audit_free(t->audit);
	free(t);
}
