/* SPDX-License-Identifier: Apache-2.0
 * script.c - the launch script's predicates and its player.
 */
#include "shim/launch/script.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "ipc/sock.h"

static bool always(const struct plan *p)          { (void)p; return true; }
static bool owns_rootfs(const struct plan *p)     { return p->rootfs_fd != PLAN_NO_FD; }
static bool owns_cgroup(const struct plan *p)     { return p->cgroups.n > 0 && owns_rootfs(p); }
static bool unit_is_slice(const struct plan *p)   { return p->unit && p->unit_slice; }
static bool enters_unit(const struct plan *p)     { return p->unit && !p->unit_slice; }
static bool born_in_cgroup(const struct plan *p)  { return owns_cgroup(p) && !enters_unit(p); }
static bool has_oom(const struct plan *p)         { return p->has_oom; }
static bool has_joins(const struct plan *p)       { return p->ns_joins.n > 0; }
static bool bridge_late(const struct plan *p)     { return p->bridge_late; }
static bool new_userns(const struct plan *p)      { return p->ns_new & CLONE_NEWUSER; }
static bool has_new_ns(const struct plan *p)      { return p->ns_new; }
static bool bridge_userns(const struct plan *p)   { return (p->bridge_early || p->bridge_late) && new_userns(p); }
static bool bridge_to_new(const struct plan *p)   { return p->bridge_early && (p->ns_new & CLONE_NEWPID); }
static bool new_timens(const struct plan *p)      { return p->ns_new & CLONE_NEWTIME; }
static bool new_cgroupns(const struct plan *p)    { return p->ns_new & CLONE_NEWCGROUP; }
static bool has_resolver(const struct plan *p)    { return p->resolver; }
static bool has_uplink(const struct plan *p)      { return p->uplink || p->stands.n; }
static bool has_net_devices(const struct plan *p) { return p->net_devices.n; }
static bool wants_lo(const struct plan *p)        { return p->lo_up; }
static bool has_process(const struct plan *p)     { return p->has_process; }
static bool has_tty(const struct plan *p)         { return p->has_process && p->terminal; }
static bool runtime_hooks(const struct plan *p)   { return p->prestart.n || p->create_runtime.n; }
static bool container_hooks(const struct plan *p) { return p->create_container.n; }
static bool start_hooks(const struct plan *p)     { return p->start_container.n; }
static bool has_landlock(const struct plan *p)    { return p->landlock_fs || p->landlock_scoped || p->under_fs || p->under_scoped; }
static bool is_scheduled(const struct plan *p)    { return p->scheduler.n || p->io_priority.n || p->rdt.n; }
static bool gives_up_late(const struct plan *p)   { return !p->bridge_late; }
static bool pid_is_final(const struct plan *p)    { return !p->bridge_late; }

static bool in_userns(const struct plan *p)
{
	if (new_userns(p))
		return true;
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		if (j->flag & CLONE_NEWUSER)
			return true;
	return false;
}

static bool stages_mounts(const struct plan *p)   { return owns_rootfs(p) && in_userns(p) && (p->ns_new & CLONE_NEWNS); }

const struct script_step launch_script[ROW_COUNT] = {
#define X(row, actor, then, when, note) [ROW_##row] = { #row, note, actor, then, when },
	LAUNCH_SCRIPT(X)
#undef X
};

void script_fds_close(struct script_fds *f)
{
	while (f->n)
		close(f->fd[--f->n]);
}

enum { PLAN_GROWTH = 2048 }; /* what a launch commonly adds to the plan of its runner */

union gate_word {
	struct script_msg m;
	char bytes[SCRIPT_MSG_SHORT + SCRIPT_PLAN_MAX];
} __attribute__((aligned(16)));

/* The word that opens the gate, with a plan behind it. */
static int tell_plan(const struct player *p, uint32_t row, struct ps_err *e)
{
	static union gate_word out;

	out.m = (struct script_msg){ .row = row };
	memcpy(out.bytes + SCRIPT_MSG_SHORT, p->new_plan, p->new_plan->size);
	return sock_send(p->channel, &out, SCRIPT_MSG_SHORT + p->new_plan->size, NULL, 0, e);
}

ssize_t script_say(int channel, const struct script_msg *m, size_t n)
{
	ssize_t said;

	do
		said = write(channel, m, n);
	while (said < 0 && errno == EINTR);
	return said;
}

static int tell(struct player *p, uint32_t row, int rc, const struct ps_err *err, struct ps_err *e)
{
	if (p->me == LAUNCHER && row == ROW_open_gate && p->new_plan)
		return tell_plan(p, row, e);
	struct script_msg m = { .row = row, .rc = rc, .pid = (int32_t)p->tell_pid };

	if (rc < 0 && err)
		m.err = *err;
	size_t n = rc < 0 ? sizeof(m) : SCRIPT_MSG_SHORT;

	if (p->me == INIT && !p->tell.n)
		return script_say(p->channel, &m, n) == (ssize_t)n ? 0 : ps_fail_os(e, "launch: report row '%s'", launch_script[row].name);
	return sock_send(p->channel, &m, n, p->tell.fd, p->tell.n, e);
}

/* Take a failure that the peer reported; text from a peer is terminated here, whatever it sent. */
static int peer_failed(struct player *p, struct script_msg *m, size_t n, struct ps_err *e)
{
	if (n < sizeof(*m) || m->row >= ROW_COUNT)
		return ps_fail(e, PS_E_PEER, "launch: malformed message from the other side");
	m->err.msg[sizeof(m->err.msg) - 1] = m->err.where[sizeof(m->err.where) - 1] = '\0';
	m->err.file[sizeof(m->err.file) - 1] = '\0';
	p->failed_row = m->row;
	if (e)
		*e = m->err;
	return ps_at(e, "%s", "");
}

static union gate_word in;

/* The plan of a launch is much like the one that is there: its pages need not be asked for once it has come. */
static void expect_plan(const struct plan *p)
{
	const size_t n = p->size + PLAN_GROWTH;

	memset(&in, 0, n < sizeof(in) ? n : sizeof(in));
}

/* Take the word that opens the gate, and the plan that may come with it.  1 opened, 0 not that word, -1 the peer is gone. */
static int hear_at_gate(struct player *p, int fd, int timeout_ms)
{
	struct script_fds got = { .n = 1 };
	ssize_t n = sock_recv(fd, &in, sizeof(in), got.fd, &got.n, timeout_ms, NULL);

	if (n <= 0)
		return -1;
	if (n < SCRIPT_MSG_SHORT || in.m.row != ROW_open_gate || in.m.rc != 0) {
		script_fds_close(&got);
		return 0;
	}
	script_fds_close(&p->heard);
	p->heard = got;
	p->new_plan_size = (size_t)n - SCRIPT_MSG_SHORT;
	p->new_plan = p->new_plan_size ? (const struct plan *)(const void *)(in.bytes + SCRIPT_MSG_SHORT) : NULL;
	return 1;
}

static void end_at_gate(int sig)
{
	_exit(128 + sig);
}

/* The kernel keeps from a first process what it has no handler for: a created container could not be asked to end. */
static void hear_signals(void)
{
	static const int asking[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	const struct sigaction end = { .sa_handler = end_at_gate };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < PS_COUNT(asking); i++) {
		(void)sigaction(asking[i], &end, NULL);
		sigaddset(&set, asking[i]);
	}
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The gate: connections that close without a word are probes of the status and change nothing. */
static int wait_at_gate(struct player *p, struct ps_err *e)
{
	hear_signals();
	if (p->channel_opens && p->plan)
		expect_plan(p->plan);
	for (;;) {
		struct pollfd fds[] = { { .fd = p->gate_fd, .events = POLLIN },
					{ .fd = p->channel_opens ? p->channel : -1, .events = POLLIN } };
		int rc;

		if (poll(fds, PS_COUNT(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return ps_fail_os(e, "gate: poll");
		}
		if (fds[1].revents) {
			rc = hear_at_gate(p, p->channel, 0);
			if (rc < 0)
				return ps_fail(e, PS_E_PEER, "gate: whoever prepared this runner has ended");
			if (rc > 0)
				break;
			continue;
		}
		ps_auto_fd int conn = accept4(p->gate_fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return ps_fail_os(e, "gate: accept");
		}
		/* Whoever reaches the socket may start a container, but not say what it runs: that is its maker's, on the channel. */
		if (!p->channel_opens && hear_at_gate(p, conn, /* timeout_ms= */ 10000) > 0 && !p->new_plan && !p->heard.n) {
			if (p->channel >= 0)
				close(p->channel);
			p->channel = ps_take_fd(&conn);
			break;
		}
		p->new_plan = NULL;
		script_fds_close(&p->heard);
	}
	close(p->gate_fd);
	p->gate_fd = -1;
	return 0;
}

static int peer_gone(const struct player *p, uint32_t row, struct ps_err *e)
{
	return ps_fail(e, PS_E_PEER, "launch: the %s ended unexpectedly at row '%s' (%s)",
		       p->me == LAUNCHER ? "container's init" : "launcher", launch_script[row].name,
		       launch_script[row].note);
}

static int hear(struct player *p, uint32_t row, struct ps_err *e)
{
	struct script_msg m = { 0 };
	struct script_fds got = { .n = SOCK_MAX_FDS };
	ssize_t n;

	if (p->me == INIT && row == ROW_open_gate && p->gate_fd >= 0)
		return wait_at_gate(p, e);
	n = sock_recv(p->channel, &m, sizeof(m), got.fd, &got.n, row == ROW_open_gate ? -1 : p->wait_ms, e);
	if (n < 0)
		return ps_ctx(e, "launch: waiting for row '%s'", launch_script[row].name);
	if (p->heard.n + got.n > SOCK_MAX_FDS)
		script_fds_close(&p->heard);
	for (size_t i = 0; i < got.n; i++)
		p->heard.fd[p->heard.n++] = got.fd[i];
	if (n == 0) {
		if (row == ROW_execute && p->me == LAUNCHER)
			return 0;
		return peer_gone(p, row, e);
	}
	if (n < SCRIPT_MSG_SHORT)
		return ps_fail(e, PS_E_PEER, "launch: short message at row '%s'", launch_script[row].name);
	if (m.rc < 0)
		return peer_failed(p, &m, (size_t)n, e);
	if (m.row != row)
		return ps_fail(e, PS_E_PEER, "launch: row %u reported where '%s' was due", m.row,
			       launch_script[row].name);
	p->heard_pid = m.pid;
	if (p->me == INIT && row == ROW_record)
		p->own_pid = m.pid;
	return 0;
}

/* Our own row failed, or the peer is gone: prefer the peer's own words if it left some. */
static int drain_peer_error(struct player *p, uint32_t row, struct ps_err *e)
{
	struct script_msg m = { 0 };
	ssize_t n;

	while ((n = sock_recv(p->channel, &m, sizeof(m), NULL, NULL, 1000, NULL)) > 0)
		if (m.rc < 0)
			return peer_failed(p, &m, (size_t)n, e);
	return peer_gone(p, row, e);
}

static int play_row(struct player *p, uint32_t row, struct ps_err *e)
{
	const struct script_step *s = &launch_script[row];
	enum role other = p->me == LAUNCHER ? INIT : LAUNCHER;

	if (s->actor == p->me) {
		p->tell_pid = 0;
		p->tell.n = 0;
		p->told = false;
		int rc = p->rows[row](p, e);

		if (rc < 0) {
			if (p->me == INIT)
				(void)tell(p, row, -1, e, NULL);
			return -1;
		}
		if (s->then == other && !p->told && tell(p, row, 0, NULL, e) < 0)
			return p->me == LAUNCHER ? drain_peer_error(p, row, e) : -1;
		return 0;
	}
	return s->then == p->me ? hear(p, row, e) : 0;
}

static void tell_step(const struct player *p, const struct script_step *s)
{
	char text[256];

	if (!p->told_of.tell || (s->actor != p->me && s->then != p->me))
		return;
	(void)snprintf(text, sizeof(text), "launch: %s%s: %s", s->actor == p->me ? "" : "wait for init: ", s->name, s->note);
	p->told_of.tell(p->told_of.ctx, text);
}

int script_play(struct player *p, enum script_row first, enum script_row last, struct ps_err *e)
{
	for (uint32_t i = first; i <= (uint32_t)last; i++) {
		if (p->plan && !launch_script[i].when(p->plan))
			continue;
		p->row = i;
		tell_step(p, &launch_script[i]);
		if (play_row(p, i, e) < 0)
			return -1;
	}
	return 0;
}
