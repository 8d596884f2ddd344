/* SPDX-License-Identifier: Apache-2.0
 * watch.c - tapes as JSON lines.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "shim/pod/container.h"

enum { WATCH_MAX = 256, POLL_MS = 200 };

struct watch {
	struct tape *tape;
	struct tape_cursor cursor;
	char name[SHM_NAME_MAX + 1];
};

struct watching {
	struct watch *w[WATCH_MAX];
	size_t n;
	int (*emit)(void *ctx, const char *line, size_t n);
	void *ctx;
	struct tape_record record;
};

static void format_time(uint64_t ns, char out[40])
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;

	gmtime_r(&s, &tm);
	size_t n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, 40 - n, ".%09uZ", (unsigned)(ns % 1000000000u));
}

/* {"seq":7,"time":"...","type":"state",<members of the record>} */
static int emit_record(struct watching *g)
{
	const struct tape_record *r = &g->record;
	ps_auto_buf struct ps_buf line = { 0 };
	const char *name = tape_type_name(r->type);
	char when[40];

	format_time(r->time_ns, when);
	ps_buf_printf(&line, "{\"seq\":%llu,\"time\":\"%s\",\"type\":\"%s\"", (unsigned long long)r->seq, when,
		      name ? name : "unknown");
	if (r->len > 2 && r->data[0] == '{' && r->data[r->len - 1] == '}') {
		ps_buf_putc(&line, ',');
		ps_buf_put(&line, r->data + 1, r->len - 1);
	} else {
		ps_buf_putc(&line, '}');
	}
	ps_buf_putc(&line, '\n');
	return line.failed ? -1 : g->emit(g->ctx, line.data, line.len);
}

/* All there is on one tape: >0 records, 0 none, -1 stop. */
static int drain(struct watching *g, struct watch *w, struct ps_err *e)
{
	int n = 0, rc;

	while ((rc = tape_read(w->tape, &w->cursor, &g->record, e)) > 0) {
		if (emit_record(g) != 0)
			return -2;
		n++;
	}
	return rc < 0 ? -1 : n;
}

static void unwatch(struct watching *g, size_t i)
{
	tape_close(g->w[i]->tape);
	free(g->w[i]);
	g->w[i] = g->w[--g->n];
}

static void watching_done(struct watching *g)
{
	while (g->n)
		unwatch(g, g->n - 1);
}

static int add(struct watching *g, const char *name, struct ps_err *e)
{
	if (g->n == WATCH_MAX)
		return 0;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->w[i]->name, name) == 0)
			return 0;
	ps_auto_mem struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return ps_fail_os(e, "memory for a tape");
	if (tape_open(name, /* write= */ false, &w->tape, e) < 0)
		return -1;
	(void)snprintf(w->name, sizeof(w->name), "%s", name);
	tape_cursor_oldest(w->tape, &w->cursor);
	g->w[g->n++] = ps_take_ptr(&w);
	return 0;
}

static int add_any(const char *name, void *ctx)
{
	struct ps_err ignored = { 0 };

	/* Tapes come and go while we look, and some are other users'. */
	(void)add(ctx, name, &ignored);
	return 0;
}

/* One round over all tapes: drops the ended ones.  -1 error, -2 emit said stop, else 0. */
static int serve_all(struct watching *g, struct ps_err *e)
{
	for (size_t i = 0; i < g->n;) {
		int rc = drain(g, g->w[i], e);

		if (rc < 0)
			return rc;
		if (tape_wait(g->w[i]->tape, &g->w[i]->cursor, 0) == 2)
			unwatch(g, i);
		else
			i++;
	}
	return 0;
}

int pod_watch(const struct pod_env *env, const char *id, bool follow, int (*emit)(void *ctx, const char *line, size_t n),
	      void *ctx, struct ps_err *e)
{
	struct watching g ps_auto(watching_done) = { .emit = emit, .ctx = ctx };

	if (id) {
		auto_container struct container *c = NULL;

		if (container_open(env, id, /* lock= */ false, &c, e) < 0)
			return -1;
		if (!c->st.tape[0])
			return ps_fail(e, PS_E_UNSUPP, "container '%s' has no tape", id);
		if (add(&g, c->st.tape, e) < 0)
			return -1;
	}
	for (;;) {
		if (!id && shm_each(add_any, &g, e) != 0)
			return -1;
		int rc = serve_all(&g, e);

		if (rc == -2)
			return 0;
		if (rc < 0)
			return -1;
		if (!follow || (id && !g.n))
			return 0;
		if (g.n == 1 && id)
			(void)tape_wait(g.w[0]->tape, &g.w[0]->cursor, -1);
		else
			nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
}
