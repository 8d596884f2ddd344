/* SPDX-License-Identifier: Apache-2.0
 * others.c - pods of other users that let this one look on.
 *
 * Their supervisors and folders are those users': only children of ours, which are bounded in time and output, ever talk to
 * them.  Of each root one at a time is asked, so that one which does not answer delays itself alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/ui.h"

enum { POLL_MS = 2000, LOGS_MAX = 32, WHY_MAX = 240, READ_MAX = 64 * 1024 };

/* One --observe. */
struct other {
	const char *root;
	struct job *job;
	int64_t next_ms;
	size_t at;                 /* of its pods: which is asked */
	bool stats;                /* what it is asked */
	char why[WHY_MAX];         /* nothing is shown; "" otherwise */
};

/* `podshim pod logs --follow`; free: all descriptors are -1. */
struct logs_end { struct source source; struct logs *logs; enum stream_no no; };
struct logs { struct ui *ui; uint32_t n; struct logs_end end[2]; struct source process; };

struct others { struct other v[OBSERVE_MAX]; struct logs logs[LOGS_MAX]; };

static struct other *other_of(const struct ui *ui, const void *ctx)
{
	return &ui->others->v[(const char *const *)ctx - (const char *const *)ui->observe];
}

/* ---- Their pods and runners ---- */

static void ask(struct ui *ui, struct other *o);

static const struct pod_row *pod_at(const struct ui *ui, const struct other *o)
{
	size_t at = 0;

	for (const struct pod_row *p = ui->board.pods; p < ui->board.pods + ui->board.n_pods; p++)
		if (p->root && !strcmp(p->root, o->root) && !strcmp(p->state, "running") && at++ == o->at)
			return p;
	return NULL;
}

/* Once, until it is something else. */
static void tell(struct ui *ui, struct other *o, const char *text, size_t n)
{
	char why[WHY_MAX], all[NOTICE_MAX] = "";

	(void)snprintf(why, sizeof(why), "--observe %s: %.*s", o->root, (int)n, text);
	if (!strcmp(why, o->why))
		return;
	memcpy(o->why, why, sizeof(why));
	/* A client gets the newest notice alone: it has what is to be said of every root. */
	for (size_t i = 0; i < ui->n_observe; i++)
		if (*ui->others->v[i].why)
			(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? "; " : "", ui->others->v[i].why);
	ui_notice(ui, "%s", all);
}

static void tell_text(struct ui *ui, struct other *o, const char *text)
{
	tell(ui, o, text, strlen(text));
}

/* Names of its pods, each behind a space. */
static void put_names(const struct board *b, const char *root, struct ps_buf *out)
{
	for (size_t i = 0; i < b->n_pods; i++)
		if (b->pods[i].root && !strcmp(b->pods[i].root, root))
			ps_buf_printf(out, " %s", b->pods[i].name);
}

static void on_pods(struct ui *ui, void *ctx, const struct job_result *r)
{
	struct other *o = other_of(ui, ctx);
	const bool failed = r->late || r->status;
	ps_auto_buf struct ps_buf before = { .data = NULL }, after = { .data = NULL };

	o->job = NULL;
	o->at = 0;
	o->stats = false;
	put_names(&ui->board, o->root, &before);
	(void)board_pods(&ui->board, o->root, failed ? "[]" : r->out, failed ? 2 : r->out_len);
	put_names(&ui->board, o->root, &after);
	if (after.len && (!before.len || strcmp(before.data, after.data) != 0))
		feed_others_again(ui);
	if (r->late)
		tell_text(ui, o, "podshim did not answer in time");
	else if (failed)
		tell(ui, o, r->err, strcspn(r->err, "\n"));
	else if (!after.len)
		tell_text(ui, o, "no pod there lets this user look on");
	else
		*o->why = '\0';
	ask(ui, o);
}

static void on_pod(struct ui *ui, void *ctx, const struct job_result *r)
{
	struct other *o = other_of(ui, ctx);
	const struct pod_row *p = pod_at(ui, o);

	o->job = NULL;
	if (p && !r->late && !r->status) {
		if (o->stats)
			board_other_usage(&ui->board, p, r->out, r->out_len);
		else
			board_other_runners(&ui->board, p, r->out, r->out_len, ps_now_ms());
	}
	o->at += o->stats;
	o->stats = !o->stats;
	ask(ui, o);
}

/* The next of its pods, or all of them again later. */
static void ask(struct ui *ui, struct other *o)
{
	const size_t i = (size_t)(o - ui->others->v);
	const struct pod_row *p = pod_at(ui, o);
	struct args a;

	o->next_ms = ps_now_ms() + POLL_MS;
	if (!p)
		return;
	a = (struct args){ .n = 0 };
	for (const char *const *w = (const char *const[]){ ui->podshim, "--root", o->root, "pod", o->stats ? "stats" : "ls", "--format", "json", "--", p->name, NULL }; *w; w++)
		args_add(&a, *w);
	(void)job_start(ui, &a, NULL, on_pod, &ui->observe[i], &o->job, NULL);
}

static void ask_all(struct ui *ui, struct other *o)
{
	const size_t i = (size_t)(o - ui->others->v);
	struct args a = { .n = 0 };

	o->next_ms = ps_now_ms() + POLL_MS;
	for (const char *const *w = (const char *const[]){ ui->podshim, "--root", o->root, "pod", "ls", "--format", "json", NULL }; *w; w++)
		args_add(&a, *w);
	(void)job_start(ui, &a, NULL, on_pods, &ui->observe[i], &o->job, NULL);
}

/* ---- What they print ---- */

static void on_output(struct source *s, uint32_t events)
{
	struct logs_end *end = (struct logs_end *)s;
	struct ui *ui = end->logs->ui;
	struct runner *r = board_get(&ui->board, end->logs->n);
	struct stream *out = r ? board_output(&ui->board, r) : NULL;
	char discard[4096];
	const ssize_t n = out ? stream_fill(out, s->fd, end->no, READ_MAX) : read(s->fd, discard, sizeof(discard));

	(void)events;
	if (n == -EAGAIN || (n == -1 && !out && errno == EAGAIN))
		return;
	if (n <= 0)
		loop_drop(&ui->loop, s);
	else if (r)
		board_touch(&ui->board, r);
}

static void on_process(struct source *s, uint32_t events)
{
	struct logs *l = (struct logs *)((char *)s - offsetof(struct logs, process));

	(void)events;
	(void)child_reap(s->fd);
	loop_drop(&l->ui->loop, s);
}

static void logs_end(struct logs *l)
{
	if (l->process.fd >= 0 && ps_pidfd_kill(l->process.fd, SIGKILL) == 0)
		(void)child_reap(l->process.fd);
	for (size_t i = 0; i < PS_COUNT(l->end); i++)
		loop_drop(&l->ui->loop, &l->end[i].source);
	loop_drop(&l->ui->loop, &l->process);
}

static int logs_start(struct ui *ui, struct logs *l, const struct runner *r)
{
	const char *const argv[] = { ui->podshim, "--root", r->root, "pod", "logs", "--follow", "--", r->id, NULL };
	int pipes[2][2] = { { -1, -1 }, { -1, -1 } };
	pid_t pid;
	bool ok = child_pipe(pipes[0], 0, 0, NULL) == 0 && child_pipe(pipes[1], 0, 0, NULL) == 0;

	l->n = r->n;
	if (ok) {
		const struct child_fds fds = { { -1, pipes[0][1], pipes[1][1], -1 } };

		l->process = (struct source){ .fd = child_start(argv, NULL, &fds, &pid, NULL), .on = on_process };
		ok = l->process.fd >= 0 && loop_add(&ui->loop, &l->process, EPOLLIN) == 0;
	}
	for (size_t i = 0; i < PS_COUNT(l->end); i++) {
		l->end[i] = (struct logs_end){ { .fd = ps_take_fd(&pipes[i][0]), .on = on_output }, l, i ? STREAM_STDERR : STREAM_STDOUT };
		ok = ok && loop_add(&ui->loop, &l->end[i].source, EPOLLIN) == 0;
		ps_fd_close(&pipes[i][1]);
	}
	if (!ok)
		logs_end(l);
	return ok ? 0 : -1;
}

static struct logs *free_logs(struct others *t)
{
	for (struct logs *l = t->logs; l < t->logs + LOGS_MAX; l++)
		if (l->process.fd < 0 && l->end[0].source.fd < 0 && l->end[1].source.fd < 0)
			return l;
	return NULL;
}

/* ---- */

int others_start(struct ui *ui, struct ps_err *e)
{
	ui->others = calloc(1, sizeof(*ui->others));
	if (!ui->others)
		return ps_fail_os(e, "memory for other users' pods");
	for (size_t i = 0; i < ui->n_observe; i++)
		ui->others->v[i].root = ui->observe[i];
	for (struct logs *l = ui->others->logs; l < ui->others->logs + LOGS_MAX; l++)
		*l = (struct logs){ .ui = ui, .end = { { .source.fd = -1 }, { .source.fd = -1 } }, .process.fd = -1 };
	return 0;
}

void others_stop(struct ui *ui)
{
	if (!ui->others)
		return;
	for (struct logs *l = ui->others->logs; l < ui->others->logs + LOGS_MAX; l++)
		logs_end(l);
	free(ui->others);
	ui->others = NULL;
}

void others_forget(struct ui *ui, const struct runner *r)
{
	if (!r->other || !ui->others)
		return;
	for (struct logs *l = ui->others->logs; l < ui->others->logs + LOGS_MAX; l++)
		if (l->n == r->n)
			logs_end(l);
}

void others_tick(struct ui *ui, int64_t now_ms)
{
	struct board *b = &ui->board;

	for (size_t i = 0; i < ui->n_observe; i++) {
		struct other *o = &ui->others->v[i];

		if (!o->job && now_ms >= o->next_ms)
			ask_all(ui, o);
	}
	for (size_t i = 0; i < b->n_runners; i++) {
		struct runner *r = b->runners[i];
		struct logs *l = r->other && !r->observed && *r->started ? free_logs(ui->others) : NULL;

		if (l)
			r->observed = logs_start(ui, l, r) == 0;
	}
}
