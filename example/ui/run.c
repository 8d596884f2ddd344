/* SPDX-License-Identifier: Apache-2.0
 * run.c - runners that this server starts: `podshim run` in the foreground, with pipes, or with a terminal of ours.
 *
 * Their audit events come through a pipe in place of a file, so that none is lost; podshim waits while it is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/relay.h"
#include "example/ui/ui.h"

enum { RUNS_MAX = 64, ID_DIGITS = 12, READ_MAX = 64 * 1024, LABEL_MAX = 300, GRACE_MS = 500, FORCE_MS = 5000 };

struct pipe_end { struct source source; struct run *run; enum stream_no no; };

struct run {
	struct ui *ui;
	struct runner *runner;
	struct pipe_end out[2];
	struct source audit, process;
	struct lines lines;
	int in;
};

char *ui_file(const struct ui *ui, const char *prefix, const char *suffix, const char *text, struct ps_err *e)
{
	char name[13], *path = NULL;
	bool ok;

	if (ps_random_hex(name, sizeof(name) - 1) < 0 || asprintf(&path, "%s/%s-%s%s", ui->dir, prefix, name, suffix) < 0) {
		(void)ps_fail_os(e, "name a file");
		return NULL;
	}
	ps_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	ok = fd >= 0 && ps_write_all(fd, text, strlen(text)) == 0;
	if (ok)
		return path;
	(void)ps_fail_os(e, "write '%s'", path);
	free(path);
	return NULL;
}

void run_flags(const struct runner *r, struct args *a)
{
	for (size_t i = 0; i < r->n_flags; i++)
		if (flag_is_permission(r->flags[i]))
			args_add(a, r->flags[i]);
	if (r->policy_file) {
		args_add(a, "--policy");
		args_add(a, r->policy_file);
	}
}

/* ---- Its pipes ---- */

static void run_free(struct run *r)
{
	struct loop *l = &r->ui->loop;

	for (int i = 0; i < 2; i++)
		loop_drop(l, &r->out[i].source);
	loop_drop(l, &r->audit);
	loop_drop(l, &r->process);
	lines_done(&r->lines);
	ps_fd_close(&r->in);
	if (r->runner)
		r->runner->run = NULL;
	free(r);
}

/* Its end is that of the process and of all three pipes; whoever holds them beyond that is not waited for. */
static void look(struct run *r)
{
	if (r->process.fd >= 0)
		return;
	struct runner *row = r->runner;
	struct board *b = &r->ui->board;

	for (int i = 0; i < 2; i++)
		while (r->out[i].source.fd >= 0 && row->out && stream_fill(row->out, r->out[i].source.fd, r->out[i].no, READ_MAX) > 0)
			;
	if (row->out)
		stream_finish(row->out);
	if (!runner_has_ended(row)) {
		(void)snprintf(row->state, sizeof(row->state), "%s", row->status == 0 || *row->started ? "exited" : "failed");
		ps_time_rfc3339(row->ended);
	}
	row->input = false;
	row->pid = 0;
	board_touch(b, row);
	run_free(r);
}

static void drain(struct pipe_end *p)
{
	struct run *r = p->run;
	struct stream *out = board_output(&r->ui->board, r->runner);
	char discard[4096];
	ssize_t n = out ? stream_fill(out, p->source.fd, p->no, READ_MAX) : read(p->source.fd, discard, sizeof(discard));

	if (n == -EAGAIN || (n == -1 && !out && errno == EAGAIN))
		return;
	if (n <= 0)
		loop_drop(&r->ui->loop, &p->source);
	else
		board_touch(&r->ui->board, r->runner);
}

static void on_output(struct source *s, uint32_t events)
{
	(void)events;
	drain((struct pipe_end *)s);
}

static void on_line(void *ctx, const char *line, size_t n)
{
	struct run *r = ctx;

	board_line(&r->ui->board, r->runner, line, n);
}

static void on_audit(struct source *s, uint32_t events)
{
	struct run *r = (struct run *)((char *)s - offsetof(struct run, audit));

	(void)events;
	if (lines_read(&r->lines, s->fd, on_line, r) < 0)
		loop_drop(&r->ui->loop, s);
}

static void on_process(struct source *s, uint32_t events)
{
	struct run *r = (struct run *)((char *)s - offsetof(struct run, process));

	(void)events;
	while (r->audit.fd >= 0 && lines_read(&r->lines, r->audit.fd, on_line, r) > 0)
		;
	r->runner->status = child_reap(s->fd);
	loop_drop(&r->ui->loop, s);
	look(r);
}

/* ---- Start ---- */

static int keep_flags(struct runner *row, const struct run_request *q)
{
	row->flags = calloc(q->n_flags + 1, sizeof(*row->flags));
	for (size_t i = 0; row->flags && i < q->n_flags; i++) {
		row->flags[i] = relay_copy(q->flags[i]);
		if (!row->flags[i])
			return -1;
		row->n_flags++;
	}
	return row->flags ? 0 : -1;
}

/* As people would type it, cut to what fits. */
static char *label(const struct run_request *q)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (q->code)
		ps_buf_printf(&text, "(code%s)", q->suffix);
	for (size_t i = 0; i < q->n_words && text.len < LABEL_MAX; i++)
		ps_buf_printf(&text, "%s%.*s", text.len ? " " : "", LABEL_MAX, q->words[i]);
	return text.failed ? NULL : strdup(text.len ? text.data : "");
}

static int describe(struct ui *ui, struct runner *row, const struct run_request *q, struct ps_err *e)
{
	row->own = true;
	row->input = true;
	for (size_t i = 0; i < q->n_flags; i++)
		row->tty |= !strcmp(q->flags[i], "--tty");
	ps_time_rfc3339(row->created);
	(void)snprintf(row->state, sizeof(row->state), "preparing");
	row->command = label(q);
	row->example = q->example ? strdup(q->example) : NULL;
	if (!row->command || (q->example && !row->example) || keep_flags(row, q) < 0)
		return ps_fail_os(e, "memory for a runner");
	if (q->policy && !(row->policy_file = ui_file(ui, "policy", ".json", q->policy, e)))
		return -1;
	if (q->code && !(row->code_file = ui_file(ui, "code", q->suffix, q->code, e)))
		return -1;
	return 0;
}

static void command_line(const struct ui *ui, const struct runner *row, const struct run_request *q, struct args *a)
{
	args_init(a, ui);
	args_add(a, "run");
	args_add(a, "--name");
	args_add(a, row->id);
	args_add(a, "--quiet");
	args_add(a, "--no-prompt");
	args_add(a, "--audit");
	args_add(a, "/dev/fd/3");
	for (size_t i = 0; i < row->n_flags; i++)
		args_add(a, row->flags[i]);
	if (row->policy_file) {
		args_add(a, "--policy");
		args_add(a, row->policy_file);
	}
	if (row->code_file)
		args_add(a, row->code_file);
	for (size_t i = 0; i < q->n_words; i++)
		args_add(a, q->words[i]);
}

static int take_end(struct run *r, struct source *s, int *fd, void (*on)(struct source *, uint32_t))
{
	*s = (struct source){ .fd = ps_take_fd(fd), .on = on };
	return loop_add(&r->ui->loop, s, EPOLLIN);
}

/* Pipes; or both ends of one terminal, and a pipe for what podshim itself has to say. */
static int open_ends(const struct run *r, struct term_size size, int in[2], int out[2], int err[2], struct ps_err *e)
{
	if (!r->runner->tty)
		return child_pipe(in, 1, 0, e) < 0 || child_pipe(out, 0, 0, e) < 0 || child_pipe(err, 0, 0, e) < 0 ? -1 : 0;
	if (term_open(size, &out[0], &out[1], e) < 0 || child_pipe(err, 0, 0, e) < 0)
		return -1;
	in[0] = fcntl(out[1], F_DUPFD_CLOEXEC, 3);
	in[1] = fcntl(out[0], F_DUPFD_CLOEXEC, 3);
	return in[0] < 0 || in[1] < 0 ? ps_fail_os(e, "share a terminal") : 0;
}

static int launch(struct run *r, const struct args *a, const struct run_request *q, struct ps_err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, audit[2] = { -1, -1 };
	int *const all[] = { in, out, err, audit };
	int rc = -1;
	pid_t pid;

	if (open_ends(r, q->size, in, out, err, e) == 0 && child_pipe(audit, 0, FEED_PIPE, e) == 0) {
		const struct child_fds fds = { { in[0], out[1], err[1], audit[1] } };

		r->process = (struct source){ .fd = child_start(a->v, q->dir, &fds, &pid, e), .on = on_process };
		if (r->process.fd >= 0) {
			r->in = ps_take_fd(&in[1]);
			rc = take_end(r, &r->out[0].source, &out[0], on_output) < 0 || take_end(r, &r->out[1].source, &err[0], on_output) < 0 ||
			     take_end(r, &r->audit, &audit[0], on_audit) < 0 || loop_add(&r->ui->loop, &r->process, EPOLLIN) < 0;
			rc = rc ? ps_fail_os(e, "wait for podshim run") : 0;
		}
	}
	for (size_t i = 0; i < PS_COUNT(all); i++) {
		ps_fd_close(&all[i][0]);
		ps_fd_close(&all[i][1]);
	}
	return rc;
}

static size_t count_runs(const struct board *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_runners; i++)
		n += b->runners[i]->run != NULL;
	return n;
}

int run_start(struct ui *ui, const struct run_request *q, struct runner **ret, struct ps_err *e)
{
	char id[3 + ID_DIGITS + 1] = "ui-";
	struct runner *row;
	struct run *r;
	struct args a;

	if (count_runs(&ui->board) >= RUNS_MAX)
		return ps_fail(e, PS_E_STATE, "%d programs run already", RUNS_MAX);
	if (ps_random_hex(id + 3, ID_DIGITS) < 0)
		return ps_fail_os(e, "make an id");
	r = calloc(1, sizeof(*r));
	row = r ? board_add(&ui->board, id, "") : NULL;
	if (!row) {
		free(r);
		return ps_fail(e, PS_E_STATE, "there is no room for one more runner");
	}
	*r = (struct run){ .ui = ui, .runner = row, .audit.fd = -1, .process.fd = -1, .in = -1,
			   .out = { { { -1, NULL }, r, STREAM_STDOUT }, { { -1, NULL }, r, STREAM_STDERR } } };
	row->run = r;
	if (describe(ui, row, q, e) == 0) {
		command_line(ui, row, q, &a);
		if (a.too_many)
			(void)ps_fail(e, PS_E_USAGE, "too many arguments");
		else if (launch(r, &a, q, e) == 0) {
			*ret = row;
			return 0;
		}
	}
	if (r->process.fd >= 0 && ps_pidfd_kill(r->process.fd, SIGKILL) == 0)
		(void)child_reap(r->process.fd);
	run_free(r);
	board_remove(&ui->board, row);
	return -1;
}

/* ---- Later ---- */

ssize_t run_send(struct ui *ui, struct run *r, const char *p, size_t n, bool eof, struct ps_err *e)
{
	ssize_t taken = 0;

	if (r->in < 0)
		return ps_fail(e, PS_E_STATE, "'%s' takes no input any more", r->runner->id);
	if (n)
		taken = write(r->in, p, n);
	if (taken < 0 && errno != EAGAIN) {
		ps_fd_close(&r->in);
		r->runner->input = false;
		board_touch(&ui->board, r->runner);
		return ps_fail(e, PS_E_STATE, "'%s' reads no more", r->runner->id);
	}
	taken = taken < 0 ? 0 : taken;
	/* A terminal has a character for it. */
	if (eof && (size_t)taken == n && r->runner->tty)
		return write(r->in, "\004", 1) == 1 ? taken : ps_fail(e, PS_E_STATE, "'%s' reads nothing now", r->runner->id);
	if (eof && (size_t)taken == n) {
		ps_fd_close(&r->in);
		r->runner->input = false;
		board_touch(&ui->board, r->runner);
	}
	return taken;
}

int run_resize(struct run *r, struct term_size size, struct ps_err *e)
{
	const struct winsize ws = { .ws_row = size.rows, .ws_col = size.cols };

	/* It is not podshim's controlling terminal: the kernel tells nobody. */
	if (ioctl(r->in, TIOCSWINSZ, &ws) < 0 || ps_pidfd_kill(r->process.fd, SIGWINCH) < 0)
		return ps_fail_os(e, "tell '%s' the size of its terminal", r->runner->id);
	return 0;
}

/* podshim passes SIGTERM on, and ends by itself when its container does; what does not listen is deleted. */
static void end(struct ui *ui, const struct run *r)
{
	const struct child_fds nothing = { { -1, -1, -1, -1 } };
	struct args a;
	pid_t pid;

	if (ps_pidfd_wait_exit(r->process.fd, GRACE_MS) == 0)
		return;
	args_init(&a, ui);
	args_add(&a, "delete");
	args_add(&a, "--force");
	args_add(&a, r->runner->id);
	ps_auto_fd int deletes = child_start(a.v, NULL, &nothing, &pid, NULL);

	if (deletes >= 0)
		(void)ps_pidfd_wait_exit(deletes, FORCE_MS);
	(void)ps_pidfd_wait_exit(r->process.fd, GRACE_MS);
}

void runs_stop(struct ui *ui)
{
	struct board *b = &ui->board;

	for (size_t i = 0; i < b->n_runners; i++)
		if (b->runners[i]->run && b->runners[i]->run->process.fd >= 0)
			(void)ps_pidfd_kill(b->runners[i]->run->process.fd, SIGTERM);
	for (size_t i = 0; i < b->n_runners; i++) {
		struct run *r = b->runners[i]->run;

		if (!r)
			continue;
		/* Nobody reads any more: what is printed must not hold it up. */
		for (int k = 0; k < 2; k++)
			loop_drop(&ui->loop, &r->out[k].source);
		loop_drop(&ui->loop, &r->audit);
		if (r->process.fd >= 0)
			end(ui, r);
		run_free(r);
	}
}
