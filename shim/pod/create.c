/* SPDX-License-Identifier: Apache-2.0
 * create.c - create and run: reserve the id, launch, record; or leave nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "oci/names.h"
#include "shim/pod/channel.h"
#include "shim/pod/outlet.h"
#include "shim/pod/oversee.h"
#include "shim/pod/passed.h"
#include "shim/pod/permits.h"
#include "shim/pod/guardian.h"
#include "shim/pod/notify.h"
#include "shim/pod/prepare.h"
#include "shim/pod/program.h"
#include "shim/pod/prompt.h"
#include "shim/pod/undo.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/hooks.h"

/* A container on its way to being one; lives in its own bundle's arena. */
struct creation {
	const struct pod_env *env;
	struct pod_env own_env;             /* what env points to: the caller's, with the cgroups that are his */
	const struct pod_create_request *r;
	struct pod_create_request request;  /* what r points to: the caller's, and what was decided since */
	const struct runner_wiring *wiring; /* NULL: not for a pod */
	struct channel channel;
	struct bundle bundle;
	struct ps_buf block;
	struct launch launch;
	struct state_dir dir;
	struct state st;
	struct tape *tape;
	struct foreground_signals signals;
	struct guardian guardian;
	struct foreground_limits limits;
	struct outlet outlet;
	struct prompt prompt;
	struct undo undo;
	int gate_fd, master_fd;
	bool relays_ready; /* the payload has a NOTIFY_SOCKET of ours */
	bool reserved, pid_file_written, run, has_gone; /* has_gone: the payload may have run */
	enum runner_state state;
};

/* A legal move, told to the tape. */
static int move(struct creation *c, enum runner_state to, pid_t pid, struct ps_err *e)
{
	if (runner_check_move(c->state, to, c->r->id, e) < 0)
		return -1;
	c->state = to;
	event_state(c->tape, c->r->id, to, pid);
	return 0;
}

static void creation_free(struct creation **pc)
{
	struct creation *c = *pc;

	if (!c)
		return;
	foreground_restore_signals(&c->signals);
	guardian_dismiss(&c->guardian);
	outlet_done(&c->outlet);
	launch_done(&c->launch);
	ps_fd_close(&c->gate_fd);
	ps_fd_close(&c->master_fd);
	prompt_close(&c->prompt);
	channel_close(&c->channel);
	undo_done(&c->undo);
	tape_close(c->tape);
	state_dir_done(&c->dir);
	ps_buf_done(&c->block);
	struct ps_arena memory = c->bundle.arena;

	c->bundle.arena = (struct ps_arena){ .head = NULL };
	bundle_done(&c->bundle);
	ps_arena_done(&memory);
	*pc = NULL;
}
#define auto_creation __attribute__((cleanup(creation_free)))

int console_check(bool tty, bool detached, const char *console_socket, struct ps_err *e)
{
	if (tty && detached && !console_socket)
		return ps_fail(e, PS_E_USAGE,
			       "cannot allocate tty if runc will detach without setting console socket: give --console-socket, or set process.terminal to false");
	if (console_socket && (!tty || !detached))
		return ps_fail(e, PS_E_USAGE,
			       "cannot use console socket if runc will not detach or allocate tty");
	return 0;
}

static int check_console(const struct creation *c, struct ps_err *e)
{
	const bool tty = c->bundle.policy->has_process && c->bundle.policy->process.terminal;

	return c->wiring ? 0 : console_check(tty, !c->run || c->r->detach, c->r->console_socket, e);
}

static int describe(struct creation *c, const struct plan *p, struct ps_err *e)
{
	struct state *st = &c->st;

	(void)snprintf(st->pod, sizeof(st->pod), "%s", c->wiring ? c->wiring->pod : "");
	st->exposed = !(p->ns_new & CLONE_NEWPID);
	st->has_poststart = p->poststart.n > 0;
	st->has_poststop = p->poststop.n > 0;
	return record_describe(st, c->r->id, &c->bundle, p, e);
}

int container_reserve(const struct pod_env *env, const struct state *st, struct state_dir *ret, struct ps_err *e)
{
	struct ps_err sweep = { 0 };

	if (state_reserve(env->root, st, ret, e) == 0)
		return 0;
	if (e->cls != PS_E_EXISTS || container_sweep(env, st->id, &sweep) != 1)
		return -1;
	return state_reserve(env->root, st, ret, e);
}

static int reserve(struct creation *c, struct ps_err *e)
{
	c->reserved = container_reserve(c->env, &c->st, &c->dir, e) == 0;
	return c->reserved ? 0 : -1;
}

static int open_tape(struct creation *c, struct ps_err *e)
{
	return record_tape(&c->st, c->env->root, c->wiring ? c->wiring->observe_gid : NULL, &c->tape, e);
}

static int on_console(void *ctx, int master_fd, struct ps_err *e)
{
	struct creation *c = ctx;

	if (c->wiring)
		return c->wiring->console(c->wiring->ctx, master_fd, e);
	if (c->r->console_socket)
		return fd_deliver(c->r->console_socket, master_fd, "/dev/ptmx", e);
	return foreground_keep(master_fd, &c->master_fd, e);
}

/* The flag is said for this call, the annotation for every container of the document. */
static const char *pidfd_receiver(const struct creation *c)
{
	const struct spec_kvs *a = &c->bundle.policy->annotations;

	for (size_t i = 0; !c->r->pidfd_socket && !c->wiring && i < a->n; i++)
		if (!strcmp(a->v[i].key, OCI_PIDFD_ANNOTATION) && *a->v[i].value)
			return a->v[i].value;
	return c->r->pidfd_socket;
}

static int on_record(void *ctx, pid_t pid, int pidfd, struct ps_err *e)
{
	struct creation *c = ctx;

	if (ps_proc_start_time(pid, &c->st.pid_start, NULL) < 0)
		return ps_fail_os(e, "read the start time of init (pid %d)", (int)pid);
	c->st.pid = pid;
	c->st.status = STATE_CREATED;
	c->st.owns_cgroups = true;
	if (c->bundle.permissions && permits_keep_rules(&c->dir, c->launch.plan, c->launch.objects, e) < 0)
		return -1;
	if (state_write(&c->dir, &c->st, e) < 0)
		return -1;
	if (move(c, RUNNER_PREPARED, pid, e) < 0)
		return -1;
	const char *receiver = pidfd_receiver(c);

	if (receiver && fd_deliver(receiver, pidfd, "pidfd", e) < 0)
		return -1;
	if (!c->r->pid_file)
		return 0;
	if (pid_file_write(c->r->pid_file, pid, e) < 0)
		return -1;
	c->pid_file_written = true;
	return 0;
}

/* What was written stays until somebody decides on it; nothing was before the payload ran. */
static int end_store(struct creation *c, struct ps_err *e)
{
	size_t kept = 0;
	int rc = 0;
	bool made = c->undo.record && c->undo.store_fd >= 0;

	if (made && c->has_gone)
		rc = undo_keep(&c->undo, e);
	undo_done(&c->undo);
	if (made && !c->has_gone)
		return undo_drop(c->env, c->r->id, e);
	if (made && rc == 0)
		rc = undo_settle(c->env, c->r->id, &kept, e);
	if (c->r->kept_changes)
		*c->r->kept_changes = kept;
	return rc;
}

/* After a failure: nothing stays, and the hooks that were promised a poststop get it. */
static int undo(struct creation *c, struct ps_err *e)
{
	struct ps_err ignored = { 0 };

	if (!c->reserved)
		return -1;
	if (c->launch.made_cgroups)
		container_explain(&c->st, e);
	event_error(c->tape, c->r->id, e);
	event_failed(c->tape, c->r->id);
	launch_abort(&c->launch);
	c->st.owns_cgroups = c->launch.made_cgroups;
	/* Made by somebody else meanwhile, it is theirs. */
	if (!c->launch.made_rdt)
		c->st.rdt_dirs[1][0] = '\0';
	if (c->pid_file_written)
		(void)unlink(c->r->pid_file);
	if (end_store(c, &ignored) < 0)
		(void)ps_ctx(e, "what was written is lost (%s)", ignored.msg);
	if (container_destroy(c->env, &c->dir, &c->st, c->tape, c->launch.hooks_began, &ignored) < 0)
		(void)ps_ctx(e, "cleaning up failed too (%s); run 'podshim gc'", ignored.msg);
	return -1;
}

static int prepare(struct creation *c, struct ps_err *e)
{
	if (state_put(&c->dir, "config.json", c->bundle.text.data, c->bundle.text.len, e) < 0 ||
	    (c->bundle.permissions && permits_freeze(&c->dir, c->bundle.permissions, e) < 0))
		return -1;
	if (permits_write_resolv_conf(c->env->root, c->bundle.policy, e) < 0)
		return -1;
	if (undo_make(&c->bundle.arena, &c->undo, c->env, e) < 0 || (c->relays_ready && notify_make(&c->dir, e) < 0))
		return -1;
	c->launch.store = c->undo.tmpfs_fd;
	if (open_tape(c, e) < 0 || move(c, RUNNER_PREPARING, 0, e) < 0)
		return -1;
	for (size_t i = 0; i < c->bundle.policy->n_degraded; i++)
		event_degraded(c->tape, c->r->id, c->bundle.policy->degraded[i].warning);
	if (!c->run) {
		c->gate_fd = sock_listen_at(c->dir.dir_fd, "start.sock", SOCK_SEQPACKET, e);
		if (c->gate_fd < 0)
			return -1;
		c->launch.gate_fd = c->gate_fd;
	}
	return launch_prepare(&c->launch, e) < 0 ? -1 : undo_begin(&c->bundle.arena, &c->undo, e);
}

static void warn_degraded(void *ctx, const struct ps_err *why)
{
	const struct pod_env *env = ctx;
	char text[640];

	if (env->warn)
		env->warn(env->warn_ctx, ps_err_text(why, text, sizeof(text)));
}

/* Time and output are the foreground's to watch: for anybody else these would be limits that nobody keeps. */
static int limit_foreground(struct creation *c, struct ps_err *e)
{
	const struct permissions *g = c->bundle.permissions;
	const bool foreground = c->run && !c->r->detach && !c->wiring;
	struct pod_env env = *c->env;

	c->limits.time_ms = foreground ? c->r->timeout_ms : 0;
	if (!g)
		return 0;
	if (permits_check_form(g, foreground ? PERMITS_FOREGROUND : c->wiring ? PERMITS_POD : PERMITS_DETACHED, warn_degraded, &env, e) < 0)
		return -1;
	if (!foreground)
		return 0;
	if (g->settings.wall_ms.set && (!c->limits.time_ms || g->settings.wall_ms.v < c->limits.time_ms))
		c->limits.time_ms = g->settings.wall_ms.v;
	c->limits.output = g->settings.output.set ? g->settings.output.v : 0;
	return 0;
}

static enum permits_asked asked_of(const struct creation *c)
{
	return c->run && !c->r->detach ? PERMITS_ASKED_TERMINAL : PERMITS_ASKED_NOBODY;
}

static int load_bundle(struct creation *c, const struct permits_use *use, struct ps_err *e)
{
	struct bundle *b = &c->bundle;

	if (bundle_load(b, c->r->bundle, c->r->config, e) < 0 || unprivileged_enter(&b->arena, b->policy, e) < 0 ||
	    unprivileged_policy(&b->arena, b->policy, &b->policy, e) < 0)
		return -1;
	return bundle_permit(b, c->r->permissions, use, e);
}

static int load(struct creation *c, struct ps_err *e)
{
	const struct permits_use use = { .root = c->env->root, .tell_files = c->r->tell_files, .tell_calls = c->r->tell_calls, .asked = asked_of(c) };
	const struct runner_wiring *w = c->wiring;
	struct bundle *b = &c->bundle;

	if (w) {
		bundle_share(b, w->bundle);
		return overrides_apply(&b->arena, b->policy, w->overrides, &b->policy, e);
	}
	if (c->r->program ? unprivileged_enter(&b->arena, NULL, e) < 0 || bundle_load_program(b, &use, c->r, e) < 0 : load_bundle(c, &use, e) < 0)
		return -1;
	pod_warn_all(c->env, b->policy);
	return passed_check(c->env, b->permissions, b->policy, c->r->preserve_fds, e);
}

/* A container of any caller's, with a channel of its own. */
static int open_channel(struct creation *c, struct ps_err *e)
{
	const struct policy **p = &c->bundle.policy;
	const struct overrides o = { .channel_fd = 3 + c->r->preserve_fds };
	int wanted = c->wiring || c->r->no_channel || !(*p)->has_process ? 0 : channel_wanted(*p, c->r->channel, e);

	if (wanted <= 0)
		return wanted;
	c->request.channel_fd = o.channel_fd;
	if (channel_open(&c->channel, o.channel_fd, e) < 0)
		return -1;
	return overrides_apply(&c->bundle.arena, *p, &o, p, e);
}

static int open_broker(struct creation *c, struct ps_err *e)
{
	if (c->wiring || !oversight_needed(c->bundle.policy))
		return 0;
	if (channel_open_broker(&c->channel, c->r->audit_file, e) < 0 || channel_open_asked(&c->channel, c->bundle.permissions, e) < 0)
		return -1;
	/* Who asks at the terminal does not share it with whom the questions are about. */
	return c->channel.asks_us < 0 ? 0 : prompt_open(&c->prompt, ps_take_fd(&c->channel.asks_us), !c->bundle.policy->process.terminal, e);
}

/* A terminal is ours to read anyway. */
static int open_outlet(struct creation *c, struct ps_err *e)
{
	const struct policy *p = c->bundle.policy;

	if (!c->limits.output || !p->has_process || p->process.terminal)
		return 0;
	if (c->prompt.sock >= 0)
		return ps_fail(e, PS_E_USAGE, "a limit of output beside questions at the terminal takes a terminal of the program's own: give -t, or --broker SOCKET");
	return outlet_open(&c->outlet, c->limits.output, e);
}

static int begin_supervision(void *ctx, struct ps_err *e)
{
	struct creation *c = ctx;

	/* Init has its own: the supervisor hears when that is closed. */
	ps_fd_close(&c->channel.broker_payload);
	return channel_supervise(&c->channel, c->env, &c->st, &c->dir, &c->launch, &c->bundle, e);
}

/* Before init passes its gate: whom its guard will ask must be there. */
static int supervise(struct creation *c, struct ps_err *e)
{
	if (c->channel.ready < 0 && begin_supervision(c, e) < 0)
		return -1;
	return channel_wait_ready(&c->channel, c->r->id, e);
}

static void wire(struct creation *c)
{
	const struct runner_wiring *w = c->wiring;

	c->launch.payload_channel = c->channel.payload;
	c->launch.broker = c->channel.broker_payload;
	c->launch.dies_with_us = c->r->program && !c->r->detach;
	for (size_t i = 0; i < PS_COUNT(c->launch.stdio); i++)
		c->launch.stdio[i] = c->outlet.payload[i] >= 0 ? c->outlet.payload[i] : c->prompt.pipes[i].theirs;
	if (!w)
		return;
	memcpy(c->launch.stdio, w->stdio, sizeof(w->stdio));
	c->launch.payload_channel = w->channel;
	c->launch.broker = w->broker;
	c->launch.dies_with_us = true;
}

/* What is not written to the host itself. */
static int plan_store(struct creation *c, struct ps_err *e)
{
	const struct undo_use use = { c->env->root, c->r->id, .waits = c->run && !c->r->detach, .is_runner = c->wiring };

	return undo_plan(&c->bundle.arena, &use, c->bundle.policy, &c->bundle.policy, &c->undo, e);
}

/* A service manager starts containers, neither programs without a bundle nor runners. */
static int plan_notify(struct creation *c, struct ps_err *e)
{
	struct bundle *b = &c->bundle;

	return c->wiring || c->r->program ? 0 : notify_plan(&b->arena, c->env->root, c->r->id, c->r->listen_fds, b->policy, &b->policy,
							     &c->relays_ready, e);
}

/* run: who waits for nothing else waits for the word; else somebody does it beside us. */
static int relay_ready(struct creation *c, int fd, struct ps_err *e)
{
	const pid_t pid = c->launch.pid;

	return c->r->detach ? notify_relay(fd, c->launch.pidfd, pid, e) : notify_relay_beside(fd, c->launch.pidfd, pid, e);
}

static int creation_new(const struct pod_env *env, const struct pod_create_request *r, const struct runner_wiring *w, bool run,
			struct creation **ret, struct ps_err *e)
{
	struct ps_arena memory = { .head = NULL };
	auto_creation struct creation *c = ps_arena_new(&memory, struct creation);

	if (!c)
		return ps_fail_os(e, "memory for container '%s'", r->id);
	c->bundle.arena = memory;
	c->own_env = *env;
	c->env = &c->own_env;
	c->request = *r;
	c->r = &c->request;
	c->channel = (struct channel)CHANNEL_NONE;
	c->outlet = (struct outlet)OUTLET_NONE;
	c->wiring = w;
	c->run = run;
	c->gate_fd = c->master_fd = -1;
	c->prompt = (struct prompt)PROMPT_NONE;
	c->dir = (struct state_dir)STATE_DIR_NONE;
	c->launch = (struct launch)LAUNCH_INIT(NULL);
	c->undo = (struct undo)UNDO_NONE;
	if (!container_id_valid(r->id))
		return ps_fail(e, PS_E_USAGE, "invalid container ID format: '%s'", r->id);
	if (load(c, e) < 0 || limit_foreground(c, e) < 0 || check_console(c, e) < 0 || open_channel(c, e) < 0 || open_broker(c, e) < 0 ||
	    open_outlet(c, e) < 0 || plan_store(c, e) < 0 || plan_notify(c, e) < 0 ||
	    (!w && unprivileged_cgroups(&c->bundle, r->id, &c->own_env.cgroup_manager, e) < 0) || bundle_plan(&c->bundle, c->env, c->r, &c->block, e) < 0)
		return -1;
	const struct plan *p = plan_view(c->block.data, c->block.len);

	if (!p)
		return ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
	c->launch.plan = p;
	c->launch.told = pod_tell_plan(c->env, p);
	c->launch.ops = (struct launch_ops){ .console = on_console, .meanwhile = begin_supervision, .record = on_record, .ctx = c };
	wire(c);
	if (describe(c, p, e) < 0)
		return -1;
	c->launch.makes_rdt = c->st.rdt_dirs[1][0];
	if (run && !r->detach && foreground_block_signals(&c->signals, e) < 0)
		return -1;
	if (reserve(c, e) < 0)
		return -1;
	if (prepare(c, e) < 0)
		return undo(c, e);
	*ret = ps_take_ptr(&c);
	return 0;
}

int pod_create(const struct pod_env *env, const struct pod_create_request *r, struct ps_err *e)
{
	auto_creation struct creation *c = NULL;

	if (creation_new(env, r, NULL, /* run= */ false, &c, e) < 0)
		return -1;
	return supervise(c, e) < 0 ? undo(c, e) : 0;
}

int runner_prepare(const struct pod_env *env, const struct pod_create_request *r, const struct runner_wiring *w,
		   pid_t *ret_pid, int *ret_pidfd, int *ret_gate, struct ps_err *e)
{
	auto_creation struct creation *c = NULL;

	if (creation_new(env, r, w, /* run= */ false, &c, e) < 0)
		return -1;
	*ret_pid = c->launch.pid;
	*ret_pidfd = ps_take_fd(&c->launch.pidfd);
	*ret_gate = ps_take_fd(&c->launch.channel);
	return 0;
}

static int poststart(struct creation *c, struct ps_err *e)
{
	const struct plan *p = c->launch.plan;

	return hooks_run(p, "poststart", p->poststart, "running", c->launch.pid, NULL, false, NULL, NULL, e);
}

enum { END_LOCK_MS = 10000 };

/* Others may have deleted it while it ran: then there is nothing left to free. */
static int destroy_at_end(struct creation *c, struct ps_err *e)
{
	struct ps_err why = { 0 };

	if (state_lock(&c->dir, END_LOCK_MS, &why) < 0) {
		if (why.cls == PS_E_NOTFOUND)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	return container_destroy(c->env, &c->dir, &c->st, c->tape, /* poststop_owed= */ true, e);
}

/* Told where a limit ended it: those of its processes that are in nobody's pid namespace end, too. */
static void tell_over_output(struct creation *c)
{
	const struct perm_limit *limit = &c->bundle.permissions->settings.output;
	const struct cgroup_dirs cg = container_cgroups(&c->st);

	if (c->st.exposed && c->st.owns_cgroups && cg.n)
		(void)cgroup_kill_all(cg.v, cg.n, NULL);
	event_limit(c->tape, c->r->id, "output", limit->v, limit->from, c->r->audit_file);
	if (c->r->over_output)
		c->r->over_output(c->r->ended_ctx, c->r->id, limit);
}

static int finish_foreground(struct creation *c, int *ret_status, struct ps_err *e)
{
	int status;

	if (foreground_wait(c->launch.pidfd, ps_take_fd(&c->master_fd), &c->prompt, &c->limits, &status, e) < 0 ||
	    outlet_finish(&c->outlet, &c->limits.over, e) < 0)
		return undo(c, e);
	channel_wait_over(&c->channel);
	if (c->limits.over) {
		status = FOREGROUND_OVER_OUTPUT;
		tell_over_output(c);
	}
	event_exited(c->tape, c->r->id, status);
	*ret_status = status;
	if (c->r->ended && c->bundle.permissions)
		c->r->ended(c->r->ended_ctx, c->r->id);
	const int kept = end_store(c, e);

	if (!c->r->keep && destroy_at_end(c, kept < 0 ? NULL : e) < 0)
		return -1;
	return kept;
}

static void end_by_guardian(void *ctx)
{
	struct creation *c = ctx;

	c->dir.lock_fd = -1; /* the launcher's */
	c->has_gone = true;  /* perhaps; what was not written is not kept */
	(void)end_store(c, NULL);
	(void)destroy_at_end(c, NULL);
}

/* Whoever runs a program and kills podshim has no container to delete in mind. */
static int start_guardian(struct creation *c, struct ps_err *e)
{
	if (!c->r->program || c->r->detach || c->r->keep)
		return 0;
	return guardian_start(&c->guardian, "podshim:guard", c->launch.pidfd, &c->dir, (const int[]){ c->undo.store_fd, c->undo.tmpfs_fd },
			      end_by_guardian, c, e);
}

static int go(struct creation *c, int *ret_notify, struct ps_err *e)
{
	c->has_gone = true;
	if (c->relays_ready && notify_bind(&c->dir, ret_notify, e) < 0)
		return -1;
	return launch_go(&c->launch, e) < 0 ? -1 : poststart(c, e);
}

int pod_run(const struct pod_env *env, const struct pod_create_request *r, int *ret_status, struct ps_err *e)
{
	auto_creation struct creation *c = NULL;
	ps_auto_fd int notify = -1;
	int status = 0;
	int rc = creation_new(env, r, NULL, /* run= */ true, &c, e);

	if (rc == 0 && (start_guardian(c, e) < 0 || supervise(c, e) < 0 || outlet_start(&c->outlet, c->launch.pidfd, e) < 0 ||
			go(c, &notify, e) < 0 || move(c, RUNNER_RUNNING, c->launch.pid, e) < 0))
		rc = undo(c, e);
	if (rc == 0) {
		prompt_launched(&c->prompt);
		/* It runs: pausing or deleting it is anybody's again. */
		ps_fd_close(&c->dir.lock_fd);
		rc = relay_ready(c, notify, e) < 0 ? undo(c, e) : r->detach ? 0 : finish_foreground(c, &status, e);
	}
	if (rc == 0)
		*ret_status = status;
	return rc;
}
