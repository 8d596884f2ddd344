/* SPDX-License-Identifier: Apache-2.0
 * feed.c - what `podshim watch`, `pod ls` and `list` say becomes the board.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/ui.h"

enum { POLL_MS = 2000, HURRY_MS = 200, AGAIN_MS = 1000 };

/* `podshim watch`, or `podshim watch --others`. */
struct follow {
	struct ui *ui;
	bool others;
	struct source watch, process;
	struct lines lines;
	int64_t again_ms;
};
struct feed {
	struct follow follow[2];
	size_t n_follow;
	int64_t pods_ms, usage_ms;
	struct job *pods_job, *usage_job;
};

static void on_line(void *ctx, const char *line, size_t n)
{
	struct follow *f = ctx;

	if (f->others)
		board_other_line(&f->ui->board, line, n, ps_now_ms());
	else
		board_line(&f->ui->board, NULL, line, n);
}

static void watch_ended(struct follow *f)
{
	loop_drop(&f->ui->loop, &f->watch);
	lines_done(&f->lines);
	f->again_ms = ps_now_ms() + AGAIN_MS;
}

static void on_watch(struct source *s, uint32_t events)
{
	struct follow *f = (struct follow *)((char *)s - offsetof(struct follow, watch));

	(void)events;
	if (lines_read(&f->lines, s->fd, on_line, f) < 0)
		watch_ended(f);
}

static void on_process(struct source *s, uint32_t events)
{
	struct follow *f = (struct follow *)((char *)s - offsetof(struct follow, process));
	const int status = child_reap(s->fd);

	(void)events;
	loop_drop(&f->ui->loop, s);
	ui_notice(f->ui, "podshim watch ended with status %d; it is started again", status);
}

/* It tells the history that is kept each time: the board knows what it has seen. */
static int start_watch(struct follow *f, struct ps_err *e)
{
	struct ui *ui = f->ui;
	int fds[2];
	struct args a;
	pid_t pid;

	args_init(&a, ui);
	args_add(&a, "watch");
	if (f->others)
		args_add(&a, "--others");
	if (child_pipe(fds, 0, FEED_PIPE, e) < 0)
		return -1;
	ps_auto_fd int out = fds[0], in = fds[1];
	const struct child_fds child = { { -1, in, -1, -1 } };

	f->process = (struct source){ .fd = child_start(a.v, NULL, &child, &pid, e), .on = on_process };
	if (f->process.fd < 0)
		return -1;
	f->watch = (struct source){ .fd = ps_take_fd(&out), .on = on_watch };
	if (loop_add(&ui->loop, &f->watch, EPOLLIN) < 0 || loop_add(&ui->loop, &f->process, EPOLLIN) < 0)
		return ps_fail_os(e, "wait for podshim watch");
	return 0;
}

int feed_start(struct ui *ui, struct ps_err *e)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return ps_fail_os(e, "memory for what is watched");
	f->n_follow = ui->n_observe ? 2 : 1;
	for (size_t i = 0; i < f->n_follow; i++)
		f->follow[i] = (struct follow){ .ui = ui, .others = i, .watch.fd = -1, .process.fd = -1 };
	ui->feed = f;
	/* Others' pods are to be known first. */
	f->follow[1].again_ms = INT64_MAX;
	return start_watch(&f->follow[0], e);
}

static void stop_watch(struct follow *f)
{
	if (f->process.fd >= 0 && ps_pidfd_kill(f->process.fd, SIGTERM) == 0)
		(void)child_reap(f->process.fd);
	loop_drop(&f->ui->loop, &f->watch);
	loop_drop(&f->ui->loop, &f->process);
	lines_done(&f->lines);
}

void feed_others_again(struct ui *ui)
{
	struct follow *f = ui->feed ? &ui->feed->follow[1] : NULL;

	if (!f || !f->others)
		return;
	stop_watch(f);
	f->again_ms = 0;
}

void feed_stop(struct ui *ui)
{
	struct feed *f = ui->feed;

	if (!f)
		return;
	for (size_t i = 0; i < f->n_follow; i++)
		stop_watch(&f->follow[i]);
	free(f);
	ui->feed = NULL;
}

static void on_pods(struct ui *ui, void *ctx, const struct job_result *r)
{
	struct feed *f = ctx;

	f->pods_job = NULL;
	if (!r->late && !r->status)
		(void)board_pods(&ui->board, NULL, r->out, r->out_len);
}

static void on_usage(struct ui *ui, void *ctx, const struct job_result *r)
{
	struct feed *f = ctx;

	f->usage_job = NULL;
	if (!r->late && !r->status)
		board_usage(&ui->board, r->out, r->out_len);
}

static void ask(struct ui *ui, const char *const *words, job_fn *fn, struct job **job)
{
	struct args a;

	if (*job)
		return;
	args_init(&a, ui);
	for (; *words; words++)
		args_add(&a, *words);
	(void)job_start(ui, &a, NULL, fn, ui->feed, job, NULL);
}

void feed_hurry(struct ui *ui)
{
	const int64_t soon = ps_now_ms() + HURRY_MS;

	if (ui->feed && ui->feed->pods_ms > soon)
		ui->feed->pods_ms = soon;
}

void feed_tick(struct ui *ui, int64_t now_ms)
{
	static const char *const pods[] = { "pod", "ls", "--format", "json", NULL };
	static const char *const usage[] = { "list", "--all", "--format", "json", NULL };
	struct feed *f = ui->feed;
	struct ps_err e;

	for (struct follow *w = f->follow; w < f->follow + f->n_follow; w++) {
		if (w->watch.fd >= 0 || w->process.fd >= 0 || now_ms < w->again_ms)
			continue;
		w->again_ms = now_ms + AGAIN_MS;
		if (start_watch(w, &e) < 0)
			ui_notice(ui, "%s", e.msg);
	}
	if (now_ms >= f->pods_ms) {
		f->pods_ms = now_ms + POLL_MS;
		ask(ui, pods, on_pods, &f->pods_job);
	}
	/* Only who looks on wants to know. */
	if (ui->clients && now_ms >= f->usage_ms) {
		f->usage_ms = now_ms + POLL_MS;
		ask(ui, usage, on_usage, &f->usage_job);
	}
}
