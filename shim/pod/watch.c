/* SPDX-License-Identifier: Apache-2.0
 * watch.c - tapes as JSON lines.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <unistd.h>

#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "oci/json.h"
#include "shim/pod/container.h"
#include "shim/pod/pods.h"

enum { WATCH_MAX = 256, POLL_MS = 100, ROUND_RECORDS = 4096 };

struct watch {
	struct tape *tape;
	struct tape_cursor cursor;
	struct tape_info info;
	int pidfd;               /* of init, while we know it */
	bool has_record, news;   /* has_record: read, not told yet; news: something came in this round */
	bool left;               /* another user's, damaged: not read any more */
	struct tape_record record;
};

struct watching {
	const struct pod_env *env;
	const char *pod;         /* only what belongs to this pod */
	bool one;                /* only what was named */
	bool others;             /* other users', and no others */
	char pod_tape[40];
	struct watch *w[WATCH_MAX];
	size_t n;
	int (*emit)(void *ctx, const char *line, size_t n);
	void *ctx;
};

/* Who owns a tape may write anything on it: one JSON object in one line, or NULL. */
static const char *object_of(const struct tape_record *r, char out[TAPE_RECORD_MAX + 1])
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct json *o;

	for (uint32_t i = 0; i < r->len; i++)
		if ((unsigned char)r->data[i] < ' ')
			return NULL;
	memcpy(out, r->data, r->len);
	out[r->len] = '\0';
	return json_parse(&memory, "record", out, r->len, &o, NULL) == 0 && o->type == JSON_OBJECT ? out : NULL;
}

/* {"owner":1000,"root":"...","seq":7,"time":"...","type":"state","record":{...}}: apart from what is known of it. */
static int emit_others(const struct watching *g, const struct watch *w)
{
	ps_auto_buf struct ps_buf line = { 0 };
	struct ps_jsonw j = { .out = &line };
	const struct tape_record *r = &w->record;
	const char *name = tape_type_name(r->type);
	char when[40], text[TAPE_RECORD_MAX + 1];
	const char *object = object_of(r, text);

	ps_time_format(r->time_ns, when);
	ps_jw_object(&j, NULL);
	ps_jw_uint(&j, "owner", w->info.uid);
	ps_jw_str(&j, "root", w->info.root);
	ps_jw_uint(&j, "seq", r->seq);
	ps_jw_str(&j, "time", when);
	ps_jw_str(&j, "type", name ? name : "unknown");
	ps_jw_raw(&j, "record", object ? object : "null");
	ps_jw_end_object(&j);
	ps_buf_putc(&line, '\n');
	return line.failed ? -1 : g->emit(g->ctx, line.data, line.len);
}

/* {"seq":7,"time":"...","type":"state",<members of the record>} */
static int emit_record(const struct watching *g, const struct watch *w)
{
	const struct tape_record *r = &w->record;
	ps_auto_buf struct ps_buf line = { 0 };
	const char *name = tape_type_name(r->type);
	char when[40];

	if (g->others)
		return emit_others(g, w);
	ps_time_format(r->time_ns, when);
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

static int read_next(struct watch *w, struct ps_err *e)
{
	const int rc = tape_read(w->tape, &w->cursor, &w->record, e);

	w->has_record = rc > 0;
	w->news = w->news || w->has_record;
	return rc < 0 ? -1 : 0;
}

static struct watch *earliest(const struct watching *g)
{
	struct watch *found = NULL;

	for (size_t i = 0; i < g->n; i++)
		if (g->w[i]->has_record && (!found || g->w[i]->record.time_ns < found->record.time_ns))
			found = g->w[i];
	return found;
}

/* A tape of ours that is damaged is an error; another user's is left. */
static int read_or_leave(const struct watching *g, struct watch *w, struct ps_err *e)
{
	if (read_next(w, e) == 0)
		return 0;
	w->left = g->others;
	w->has_record = false;
	return g->others ? 0 : -1;
}

/* What there is on all tapes, in the order of time; that of one tape is its own.  -1 error, -2 emit said stop. */
static int drain_all(struct watching *g, struct ps_err *e)
{
	struct watch *w;

	for (size_t i = 0; i < g->n; i++) {
		g->w[i]->news = g->w[i]->has_record;
		if (!g->w[i]->has_record && !g->w[i]->left && read_or_leave(g, g->w[i], e) < 0)
			return -1;
	}
	/* One that writes without end must not keep the round from ending. */
	for (unsigned n = 0; (!g->others || n < ROUND_RECORDS) && (w = earliest(g)); n++) {
		if (emit_record(g, w) != 0)
			return -2;
		if (read_or_leave(g, w, e) < 0)
			return -1;
	}
	return 0;
}

static void unwatch(struct watching *g, size_t i)
{
	tape_close(g->w[i]->tape);
	ps_fd_close(&g->w[i]->pidfd);
	free(g->w[i]);
	g->w[i] = g->w[--g->n];
}

static void watching_done(struct watching *g)
{
	while (g->n)
		unwatch(g, g->n - 1);
}

/* Nobody tells of the end of a container that no process waits for: opening it does. */
static void look(const struct watching *g, struct watch *w)
{
	auto_container struct container *c = NULL;
	struct pod_env env = *g->env;
	struct ps_err ignored = { 0 };

	env.root = w->info.root;
	if (w->info.uid != geteuid() || tape_has_end(w->tape) ||
	    container_open(&env, w->info.id, /* lock= */ false, &c, &ignored) < 0)
		return;
	if (w->pidfd < 0 && strcmp(c->st.tape, w->info.name) == 0)
		w->pidfd = ps_take_fd(&c->pidfd);
}

static void notice(const struct watching *g, struct watch *w, bool news)
{
	if (w->pidfd < 0 ? news : ps_pidfd_wait_exit(w->pidfd, 0) == 0)
		look(g, w);
	if (w->pidfd >= 0 && tape_has_end(w->tape))
		ps_fd_close(&w->pidfd);
}

/* The pod's own tape, and those of POD.N. */
static bool is_wanted(const struct watching *g, const struct tape_info *info)
{
	const size_t n = g->pod ? strlen(g->pod) : 0;

	if (!g->pod)
		return g->one || (info->uid != geteuid()) == g->others;
	if (strcmp(info->root, g->env->root) != 0 || info->uid != geteuid())
		return false;
	if (strcmp(info->name, g->pod_tape) == 0)
		return true;
	return strncmp(info->id, g->pod, n) == 0 && info->id[n] == '.' && info->id[n + 1] &&
	       !info->id[n + 1 + strspn(info->id + n + 1, "0123456789")];
}

static int add(struct watching *g, const char *name, struct ps_err *e)
{
	if (g->n == WATCH_MAX)
		return 0;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->w[i]->info.name, name) == 0)
			return 0;
	ps_auto_mem struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return ps_fail_os(e, "memory for a tape");
	w->pidfd = -1;
	if (tape_open(name, /* write= */ false, &w->tape, e) < 0)
		return -1;
	if (tape_info(w->tape, &w->info, e) < 0) {
		tape_close(w->tape);
		return -1;
	}
	if (!is_wanted(g, &w->info)) {
		tape_close(w->tape);
		return 0;
	}
	look(g, w);
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
	const int rc = drain_all(g, e);

	for (size_t i = 0; rc == 0 && i < g->n;) {
		notice(g, g->w[i], g->w[i]->news);
		if (!g->w[i]->has_record && !g->w[i]->left && tape_wait(g->w[i]->tape, &g->w[i]->cursor, 0) == 2)
			unwatch(g, i);
		else
			i++;
	}
	return rc;
}

/* The pod of that name.  1, or 0 when there is none. */
static int open_pod(struct watching *g, const char *name, struct ps_err *e)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;
	ps_auto_mem struct state *st = malloc(sizeof(*st));
	char root[4096];

	if (!st)
		return ps_fail_os(e, "memory for pod '%s'", name);
	if (pods_root(g->env->root, root, sizeof(root), e) < 0)
		return -1;
	if (state_open(root, name, &dir, NULL) < 0 || state_read(&dir, st, NULL) < 0)
		return 0;
	(void)snprintf(g->pod_tape, sizeof(g->pod_tape), "%s", st->tape);
	g->pod = name;
	return add(g, g->pod_tape, e) < 0 ? -1 : 1;
}

static int open_container(struct watching *g, const char *id, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(g->env, id, /* lock= */ false, &c, e) < 0)
		return -1;
	if (!c->st.tape[0])
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has no tape", id);
	g->one = true;
	return add(g, c->st.tape, e);
}

/* Is there still what we were asked to watch? */
static bool goes_on(const struct watching *g)
{
	if (!g->pod)
		return g->n > 0;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->w[i]->info.name, g->pod_tape) == 0)
			return true;
	return false;
}

static int watch_on(struct watching *g, const char *id, bool follow, struct ps_err *e)
{
	for (;;) {
		if ((!id || g->pod) && shm_each(add_any, g, e) != 0)
			return -1;
		int rc = serve_all(g, e);

		if (rc == -2)
			return 0;
		if (rc < 0)
			return -1;
		if (!follow || (id && !goes_on(g)))
			return 0;
		if (g->n == 1 && id && !g->pod)
			(void)tape_wait(g->w[0]->tape, &g->w[0]->cursor, g->w[0]->pidfd < 0 ? -1 : POLL_MS);
		else
			nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
}

int pod_watch(const struct pod_env *env, const char *id, bool follow, int (*emit)(void *ctx, const char *line, size_t n),
	      void *ctx, struct ps_err *e)
{
	struct watching g ps_auto(watching_done) = { .env = env, .emit = emit, .ctx = ctx };

	if (id) {
		const int pod = open_pod(&g, id, e);

		if (pod < 0 || (pod == 0 && open_container(&g, id, e) < 0))
			return -1;
	}
	return watch_on(&g, id, follow, e);
}

int pod_watch_others(const struct pod_env *env, bool follow, int (*emit)(void *ctx, const char *line, size_t n), void *ctx,
		     struct ps_err *e)
{
	struct watching g ps_auto(watching_done) = { .env = env, .others = true, .emit = emit, .ctx = ctx };

	return watch_on(&g, NULL, follow, e);
}
