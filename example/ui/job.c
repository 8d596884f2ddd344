/* SPDX-License-Identifier: Apache-2.0
 * job.c - runs of podshim that answer: bounded in number, time and output.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/ui.h"

struct collector { struct source source; struct job *job; struct ps_buf buf; size_t max; };

struct job {
	struct ui *ui;
	struct job *next;
	struct collector out, err;
	struct source process;
	int64_t deadline_ms;
	bool late;
	int status;      /* -1: runs */
	job_fn *fn;
	void *ctx;
};

void args_init_for(struct args *a, const struct ui *ui, const struct runner *r)
{
	const char *root = r && r->root ? r->root : ui->root;

	*a = (struct args){ .n = 0 };
	args_add(a, ui->podshim);
	if (root) {
		args_add(a, "--root");
		args_add(a, root);
	}
}

void args_init(struct args *a, const struct ui *ui)
{
	args_init_for(a, ui, NULL);
}

void args_add(struct args *a, const char *word)
{
	if (a->n + 1 < ARGS_MAX)
		a->v[a->n++] = word;
	else
		a->too_many = true;
}

static void job_free(struct ui *ui, struct job *j)
{
	for (struct job **at = &ui->jobs; *at; at = &(*at)->next) {
		if (*at == j) {
			*at = j->next;
			ui->n_jobs--;
			break;
		}
	}
	loop_drop(&ui->loop, &j->out.source);
	loop_drop(&ui->loop, &j->err.source);
	loop_drop(&ui->loop, &j->process);
	ps_buf_done(&j->out.buf);
	ps_buf_done(&j->err.buf);
	free(j);
}

/* When it has ended and both pipes are at theirs, as nobody else should have them. */
static void look(struct job *j)
{
	if (j->status < 0 || j->out.source.fd >= 0 || j->err.source.fd >= 0)
		return;
	const struct job_result r = { .status = j->status, .late = j->late, .out = j->out.buf.data ? j->out.buf.data : "", .out_len = j->out.buf.len,
				      .err = j->err.buf.data ? j->err.buf.data : "", .err_len = j->err.buf.len };

	j->fn(j->ui, j->ctx, &r);
	job_free(j->ui, j);
}

static void on_output(struct source *s, uint32_t events)
{
	struct collector *c = (struct collector *)s;
	struct job *j = c->job;
	char chunk[16384];
	const ssize_t n = read(s->fd, chunk, sizeof(chunk));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		/* What is more is read, and thrown away. */
		ps_buf_put(&c->buf, chunk, c->buf.len + (size_t)n > c->max ? c->max - c->buf.len : (size_t)n);
		return;
	}
	loop_drop(&j->ui->loop, s);
	look(j);
}

static void on_process(struct source *s, uint32_t events)
{
	struct job *j = (struct job *)((char *)s - offsetof(struct job, process));

	(void)events;
	j->status = child_reap(s->fd);
	loop_drop(&j->ui->loop, s);
	look(j);
}

static int input_file(const struct ps_buf *input, struct ps_err *e)
{
	ps_auto_fd int fd = -1;

	if (!input)
		return -1;
	fd = memfd_create("podshim-ui", MFD_CLOEXEC);
	if (fd < 0 || ps_write_all(fd, input->data, input->len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ps_fail_os(e, "keep the input of podshim");
	return ps_take_fd(&fd);
}

static int collect(struct ui *ui, struct job *j, struct collector *c, int *pipe_fds, size_t max, struct ps_err *e)
{
	c->job = j;
	c->max = max;
	c->source = (struct source){ .fd = ps_take_fd(&pipe_fds[0]), .on = on_output };
	return loop_add(&ui->loop, &c->source, EPOLLIN) < 0 ? ps_fail_os(e, "wait for the output of podshim") : 0;
}

int job_start(struct ui *ui, struct args *a, const struct ps_buf *input, job_fn *fn, void *ctx, struct job **ret, struct ps_err *e)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct job *j;
	pid_t pid;

	if (a->too_many)
		return ps_fail(e, PS_E_USAGE, "too many arguments");
	if (ui->n_jobs >= JOBS_MAX)
		return ps_fail(e, PS_E_STATE, "%d runs of podshim are under way", JOBS_MAX);
	ps_auto_fd int in = input_file(input, e);

	if (input && in < 0)
		return -1;
	j = calloc(1, sizeof(*j));
	if (!j)
		return ps_fail_os(e, "memory for a run of podshim");
	*j = (struct job){ .ui = ui, .next = ui->jobs, .out.source.fd = -1, .err.source.fd = -1, .process.fd = -1, .status = -1,
			   .deadline_ms = ps_now_ms() + JOB_MS, .fn = fn, .ctx = ctx };
	ui->jobs = j;
	ui->n_jobs++;
	bool ok = child_pipe(out, 0, 0, e) == 0 && child_pipe(err, 0, 0, e) == 0;

	if (ok) {
		const struct child_fds fds = { { in, out[1], err[1], -1 } };

		j->process = (struct source){ .fd = child_start(a->v, NULL, &fds, &pid, e), .on = on_process };
		ok = j->process.fd >= 0 && collect(ui, j, &j->out, out, JOB_OUTPUT_MAX, e) == 0 &&
		     collect(ui, j, &j->err, err, JOB_ERROR_MAX, e) == 0 && loop_add(&ui->loop, &j->process, EPOLLIN) == 0;
	}
	for (int i = 0; i < 2; i++) {
		ps_fd_close(&out[i]);
		ps_fd_close(&err[i]);
	}
	if (!ok) {
		job_cancel(ui, j);
		return -1;
	}
	*ret = j;
	return 0;
}

void job_cancel(struct ui *ui, struct job *j)
{
	if (j->process.fd >= 0 && ps_pidfd_kill(j->process.fd, SIGKILL) == 0)
		(void)child_reap(j->process.fd);
	job_free(ui, j);
}

void jobs_tick(struct ui *ui, int64_t now_ms)
{
	for (struct job *j = ui->jobs, *next; j; j = next) {
		next = j->next;
		if (now_ms < j->deadline_ms)
			continue;
		if (!j->late && j->process.fd >= 0)
			(void)ps_pidfd_kill(j->process.fd, SIGKILL);
		j->late = true;
		/* Somebody holds its pipes: they are not waited for. */
		if (now_ms < j->deadline_ms + 1000)
			continue;
		loop_drop(&ui->loop, &j->out.source);
		loop_drop(&ui->loop, &j->err.source);
		look(j);
	}
}
