/* SPDX-License-Identifier: Apache-2.0
 * runner_ops.c - what a supervisor does with a runner: add, link, signal, stop, end, forget.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/channel.h"
#include "ipc/sock.h"
#include "shim/pod/spawner.h"
#include "shim/pod/supervisor.h"

enum { STOP_MS = 10000, JUNK_MAX = 64 };

void runner_go(struct runner *r, enum runner_state to)
{
	const enum runner_state from = r->state;

	if (from == to || !runner_may_go(from, to))
		return;
	r->state = to;
	if (to == RUNNER_EXITED)
		event_exited(r->tape, r->id, r->status);
	else
		event_state(r->tape, r->id, to, r->reaped ? 0 : r->pid);
	r->sv->callbacks->on_state_change(r, from);
}

bool runner_is_idle(const struct runner *r)
{
	return r->state == RUNNER_PREPARED || r->state == RUNNER_WARMING || r->state == RUNNER_READY;
}

struct runner *runner_known(const struct supervisor *sv, uint64_t n)
{
	struct runner *r = sv->runners;

	while (r && r->n != n)
		r = r->next;
	return r;
}

struct runner *runner_find(const struct supervisor *sv, uint64_t n)
{
	struct runner *r = runner_known(sv, n);

	return r && !r->freeing ? r : NULL;
}

bool runner_is_warm(const struct runner *r, bool code)
{
	return r->state == (code ? RUNNER_READY : RUNNER_PREPARED) && !r->launching && !r->reaped && !r->freeing;
}

struct runner *runner_available(const struct supervisor *sv, bool code)
{
	struct runner *r = sv->runners;

	while (r && !runner_is_warm(r, code))
		r = r->next;
	return r;
}

/* ---- The channel: what its socket says is the payload's, so it is looked at, not believed ---- */

/* Only while an interpreter warms up is there anything to hear. */
static void on_channel(void *ctx, uint32_t events)
{
	struct runner *r = ctx;
	struct channel_msg m;

	if (r->state == RUNNER_WARMING && (events & EPOLLIN)) {
		ssize_t n = recv(r->channel.fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

		if (n == (ssize_t)sizeof(m) && m.type == CHANNEL_READY) {
			loop_watch(&r->sv->loop, &r->channel, 0);
			r->told_pool = true;
			r->sv->n_failed_in_a_row = 0;
			runner_go(r, RUNNER_READY);
			pool_available(r->sv);
		} else if (++r->n_junk == JUNK_MAX) {
			loop_watch(&r->sv->loop, &r->channel, 0); /* it will not be READY: whoever floods waits at a full socket */
		}
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		loop_remove(&r->sv->loop, &r->channel);
		ps_fd_close(&r->channel.fd);
		/* An interpreter that nobody can talk to any more. */
		if (runner_is_idle(r) && r->sv->pod->r.interpreter)
			(void)runner_stop(r, /* force= */ true, REASON_FAILED, NULL);
	}
}

int runner_link(struct runner *r, const int fds[3], struct ps_err *e)
{
	const struct channel_msg m = { .type = CHANNEL_LINK, .version = CHANNEL_VERSION };

	if (r->ended)
		return ps_fail(e, PS_E_STATE, "runner '%s' has ended", r->id);
	if (r->channel.fd < 0)
		return ps_fail(e, PS_E_STATE, "runner '%s' has no channel, or its program has closed it", r->id);
	/* The socket does not block: who does not accept what it was sent must not stop everybody else. */
	if (sock_send(r->channel.fd, &m, sizeof(m), fds, 3, e) < 0)
		return ps_ctx(e, "runner '%s' has not accepted earlier links", r->id);
	return 0;
}

/* ---- Birth ---- */

static int open_runner_tape(struct runner *r, struct ps_err *e)
{
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	if (!st)
		return ps_fail_os(e, "memory for runner '%s'", r->id);
	if (state_open(r->sv->pod->env->root, r->id, &r->dir, e) < 0 || state_read(&r->dir, st, e) < 0)
		return -1;
	(void)snprintf(r->tape_name, sizeof(r->tape_name), "%s", st->tape);
	/* A tape that cannot be opened costs the events, nothing else. */
	(void)tape_open(st->tape, /* write= */ true, &r->tape, NULL);
	return 0;
}

static int oversee(struct runner *r, int handover, struct ps_err *e)
{
	const struct overseen_facts f = { .pod = r->sv->pod->name, .id = r->id, .tape = r->tape, .handover = handover,
					  .audit_fd = -1, .pidfd = r->pidfd, .pid = r->pid };

	return handover < 0 ? 0 : oversight_add(r->sv->oversight, &f, &r->overseen, e);
}

static int wire(struct runner *r, int fds[], struct ps_err *e)
{
	struct supervisor *sv = r->sv;

	r->pidfd = ps_take_fd(&fds[SPAWN_FD_PIDFD]);
	r->gate_source = (struct loop_source){ .fd = ps_take_fd(&fds[SPAWN_FD_GATE]), .on = runner_on_gate, .ctx = r };
	r->channel = (struct loop_source){ .fd = ps_take_fd(&fds[SPAWN_FD_CHANNEL]), .on = on_channel, .ctx = r };
	r->tty = sv->pod->r.tty;
	r->out[0].source.fd = ps_take_fd(&fds[SPAWN_FD_STDOUT]);
	r->out[1].source.fd = ps_take_fd(&fds[SPAWN_FD_STDERR]);
	r->input_fd = ps_take_fd(&fds[SPAWN_FD_STDIN]);
	if (r->tty)
		r->out[0].source.fd = fcntl(r->input_fd, F_DUPFD_CLOEXEC, 3);
	if (output_open(r, &r->out[0], r->out[0].source.fd, STREAM_STDOUT, e) < 0 ||
	    output_open(r, &r->out[1], r->out[1].source.fd, STREAM_STDERR, e) < 0)
		return -1;
	if (r->input_fd >= 0 && fcntl(r->input_fd, F_SETFL, O_NONBLOCK | (r->tty ? O_RDWR : O_WRONLY)) < 0)
		return ps_fail_os(e, "runner '%s': its input", r->id);
	/* Not EPOLLIN: what init says on its way would wake us where its program should run. */
	if (loop_add(&sv->loop, &r->gate_source, EPOLLRDHUP, e) < 0)
		return -1;
	return loop_add(&sv->loop, &r->channel, 0, e) < 0 ? -1 : oversee(r, ps_take_fd(&fds[SPAWN_FD_BROKER]), e);
}

static void runner_free(struct runner *r)
{
	if (r->channel.fd >= 0)
		loop_remove(&r->sv->loop, &r->channel);
	if (r->gate_source.fd >= 0)
		loop_remove(&r->sv->loop, &r->gate_source);
	loop_timer_clear(&r->sv->loop, &r->timer);
	oversight_remove(r->overseen);
	ps_arena_done(&r->tighter);
	output_close(&r->out[0]);
	output_close(&r->out[1]);
	runner_close_input(r);
	ps_fd_close(&r->channel.fd);
	ps_fd_close(&r->gate_source.fd);
	ps_fd_close(&r->pidfd);
	stream_free(r->stream);
	tape_close(r->tape);
	state_dir_done(&r->dir);
	free(r->command);
	free(r);
}

static void add_sorted(struct supervisor *sv, struct runner *r)
{
	struct runner **at = &sv->runners;

	while (*at && (*at)->n < r->n)
		at = &(*at)->next;
	r->next = *at;
	*at = r;
}

static struct runner *runner_new(struct supervisor *sv, uint32_t n, pid_t pid)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->sv = sv;
	r->n = n;
	r->pid = pid;
	r->state = RUNNER_PREPARED;
	r->keep = UINT64_MAX;
	r->created_ns = ps_clock_ns(CLOCK_REALTIME);
	r->pidfd = r->input_fd = r->life.fd = r->channel.fd = r->gate_source.fd = r->input_source.fd = -1;
	r->out[0] = r->out[1] = (struct output){ .source = { .fd = -1 }, .runner = r };
	r->dir = (struct state_dir)STATE_DIR_NONE;
	return r;
}

int runner_add(struct supervisor *sv, uint32_t n, pid_t pid, int fds[], struct runner **ret, struct ps_err *e)
{
	struct runner *r = runner_new(sv, n, pid);

	if (!r)
		return ps_fail_os(e, "memory for a runner");
	pods_runner_id(sv->pod->name, n, r->id);
	if (stream_create(sv->pod->r.output_size ? (size_t)sv->pod->r.output_size : STREAM_SIZE_DEFAULT, &r->stream, e) < 0 ||
	    open_runner_tape(r, e) < 0 || wire(r, fds, e) < 0) {
		runner_free(r);
		return -1;
	}
	add_sorted(sv, r);
	*ret = r;
	return 0;
}

/* Not our child: how it ended is its parent's to know. */
static void on_life(void *ctx, uint32_t events)
{
	struct runner *r = ctx;

	(void)events;
	r->reaped = r->ended = true;
	r->reason = REASON_EXITED;
	r->status = RUNNER_STATUS_UNKNOWN;
	r->sv->callbacks->on_ended(r);
	supervisor_quit(r->sv);
}

int runner_adopt(struct supervisor *sv, pid_t pid, int pidfd, int channel, struct ps_err *e)
{
	struct runner *r = runner_new(sv, 0, pid);

	if (!r)
		return ps_fail_os(e, "memory for a runner");
	(void)snprintf(r->id, sizeof(r->id), "%s", sv->pod->st->id);
	(void)snprintf(r->tape_name, sizeof(r->tape_name), "%s", sv->pod->st->tape);
	add_sorted(sv, r);
	r->state = RUNNER_RUNNING;
	r->pidfd = pidfd;
	r->life = (struct loop_source){ .fd = pidfd, .on = on_life, .ctx = r };
	r->channel = (struct loop_source){ .fd = channel, .on = on_channel, .ctx = r };
	if (loop_add(&sv->loop, &r->life, EPOLLIN, e) < 0)
		return -1;
	return channel < 0 ? 0 : loop_add(&sv->loop, &r->channel, 0, e);
}

/* ---- While it runs ---- */

static void on_timer(void *ctx)
{
	struct runner *r = ctx;

	/* Asked to stop and still there, or out of time. */
	(void)runner_stop(r, /* force= */ true, REASON_TIMEOUT, NULL);
}

void runner_deadline(struct runner *r, uint64_t ms)
{
	r->timer.on = on_timer;
	r->timer.ctx = r;
	loop_timer_set(&r->sv->loop, &r->timer, ms);
}

int runner_signal(struct runner *r, int sig, struct ps_err *e)
{
	if (r->reaped || r->pidfd < 0 || runner_is_idle(r))
		return ps_fail(e, PS_E_STATE, "runner '%s' is not running: it is %s", r->id, runner_state_name(r->state));
	if (ps_pidfd_kill(r->pidfd, sig) < 0 && errno != ESRCH)
		return ps_fail_os(e, "send signal %d to runner '%s'", sig, r->id);
	r->was_signalled = true;
	return 0;
}

int runner_stop(struct runner *r, bool force, enum msg_reason why, struct ps_err *e)
{
	if (r->reaped)
		return 0;
	/* Before its program runs nobody handles SIGTERM. */
	force = force || runner_is_idle(r) || r->launching;
	if (!r->reason_known) {
		r->reason = why;
		r->reason_known = true;
	}
	runner_go(r, RUNNER_STOPPING);
	if (force) {
		loop_timer_clear(&r->sv->loop, &r->timer);
		if (ps_pidfd_kill(r->pidfd, SIGKILL) < 0 && errno != ESRCH)
			return ps_fail_os(e, "kill runner '%s'", r->id);
		twin_tell(r->sv, SPAWN_KILL, r->n); /* frozen, or more than init: the spawner has the cgroup */
		return 0;
	}
	/* Neither the end of its time nor that of an earlier stop is put off. */
	const uint64_t grace = r->stop_ms ? r->stop_ms : STOP_MS, end = r->timer.at_ms, now = (uint64_t)ps_now_ms();

	if (!end || end < now || end - now > grace)
		runner_deadline(r, grace);
	if (ps_pidfd_kill(r->pidfd, SIGTERM) < 0 && errno != ESRCH)
		return ps_fail_os(e, "stop runner '%s'", r->id);
	return 0;
}

/* ---- End ---- */

static enum msg_reason reason_of(const struct runner *r, bool oom)
{
	if (r->reason_known)
		return r->reason;
	if (oom && r->status == 128 + SIGKILL)
		return REASON_MEMORY;
	if (r->status <= 128)
		return REASON_EXITED;
	return r->was_signalled ? REASON_STOPPED : REASON_SIGNAL;
}

void runner_drained(struct runner *r)
{
	if (!r->reaped || r->ended || r->out[0].source.fd >= 0 || r->out[1].source.fd >= 0)
		return;
	r->ended = true;
	r->exited_ns = ps_clock_ns(CLOCK_REALTIME);
	stream_finish(r->stream);
	oversight_tell(r->overseen);
	runner_go(r, RUNNER_EXITED);
	r->sv->callbacks->on_output(r);
	r->sv->callbacks->on_ended(r);
}

enum { DRAIN_MS = 2000 };

/* Whoever inherited its output and outlives it has had its time, and a client that holds output back all that was written. */
static void on_drain_timeout(void *ctx)
{
	struct runner *r = ctx;

	if (r->keep != UINT64_MAX && stream_bytes(r->stream) < r->drain_to) {
		loop_timer_set(&r->sv->loop, &r->timer, DRAIN_MS);
		return;
	}
	output_close(&r->out[0]);
	output_close(&r->out[1]);
	runner_drained(r);
}

/* Bytes that wait in its pipes or its terminal. */
static uint64_t unread(const struct runner *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PS_COUNT(r->out); i++) {
		int n = 0;

		if (r->out[i].source.fd >= 0 && ioctl(r->out[i].source.fd, FIONREAD, &n) == 0 && n > 0)
			sum += (uint64_t)n;
	}
	return sum;
}

void runner_reaped(struct runner *r, int status, bool oom)
{
	if (r->reaped)
		return;
	r->reaped = true;
	r->status = status;
	r->reason = reason_of(r, oom);
	r->reason_known = true;
	loop_timer_clear(&r->sv->loop, &r->timer);
	runner_close_input(r);
	if (r->launching)
		runner_hear_launch(r); /* the launch is told before the end is */
	r->drain_to = stream_bytes(r->stream) + unread(r);
	r->timer = (struct loop_timer){ .on = on_drain_timeout, .ctx = r };
	loop_timer_set(&r->sv->loop, &r->timer, DRAIN_MS);
	runner_drained(r);
}

void runner_usage(const struct runner *r, struct cgroup_usage *ret)
{
	struct state *st = malloc(sizeof(*st));

	if (st && state_read(&r->dir, st, NULL) == 0) {
		const struct cgroup_dirs cg = container_cgroups(st);

		cgroup_usage_read(cg.v, cg.n, ret);
	}
	free(st);
}

void runner_cleanup(struct runner *r)
{
	if (r->freeing)
		return;
	r->freeing = true;
	twin_tell(r->sv, SPAWN_FREE, r->n);
}

void runner_gone(struct runner *r)
{
	struct runner **at = &r->sv->runners;

	runner_go(r, RUNNER_GONE);
	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	runner_free(r);
}
