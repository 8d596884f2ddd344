/* SPDX-License-Identifier: Apache-2.0
 * runner_launch.c - a prepared runner gets its program: limits, plan, the gate, the outcome.
 */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "ipc/channel.h"
#include "shim/pod/overrides.h"
#include "shim/pod/spawner.h"
#include "shim/pod/supervisor.h"
#include "shim/pod/tighten.h"
#include "shim/policy/restrict.h"
#include "shim/sandbox/cgroup.h"

enum { COMMAND_MAX = 256, LAUNCH_MS = 10000 };

/* Its time as a client set it, from the launch on. */
static void set_end(struct runner *r)
{
	const uint64_t now = (uint64_t)ps_now_ms();

	if (r->end_ms && !r->reaped)
		runner_deadline(r, r->end_ms > now ? r->end_ms - now : 0);
}

static void close_gate(struct runner *r)
{
	loop_remove(&r->sv->loop, &r->gate_source);
	ps_fd_close(&r->gate_source.fd);
}

static void launch_over(struct runner *r, const struct ps_err *failure)
{
	r->launching = false;
	loop_timer_clear(&r->sv->loop, &r->timer);
	close_gate(r);
	if (failure) {
		r->reason = REASON_FAILED;
		r->reason_known = true;
		r->auto_free = true;
		event_error(r->tape, r->id, failure);
		runner_go(r, RUNNER_FAILED);
		twin_tell(r->sv, SPAWN_KILL, r->n);
		if (r->options & MSG_CODE) {
			r->told_pool = true;
			pool_failed(r->sv, failure);
		} else {
			r->sv->n_failed++;
		}
	} else {
		r->sv->n_launched++;
		if (r->options & MSG_CODE) {
			runner_go(r, RUNNER_WARMING);
			loop_watch(&r->sv->loop, &r->channel, EPOLLIN);
		} else {
			r->started_ns = ps_clock_ns(CLOCK_REALTIME);
			runner_go(r, RUNNER_RUNNING);
		}
		set_end(r);
		if (r->sv->base->poststart.n)
			twin_tell(r->sv, SPAWN_STARTED, r->n);
	}
	r->sv->callbacks->on_launched(r, failure);
	/* Not before: until here each microsecond may be its program's. */
	if (!r->tty && !(r->options & MSG_STDIN))
		runner_close_input(r);
}

void runner_hear_launch(struct runner *r)
{
	struct ps_err e = { 0 };
	int rc;

	do
		rc = launch_gate_hear(&r->gate, &e);
	while (rc == 0);
	/* It died: runner_reaped knows of what. */
	if (rc < 0 && e.cls == PS_E_PEER && !r->reaped) {
		loop_remove(&r->sv->loop, &r->gate_source);
		return;
	}
	if (rc < 0 && r->reaped && r->reason == REASON_MEMORY)
		(void)ps_fail(&e, PS_E_STATE, "runner '%s' needed more memory than its limit or its pod's before its program ran", r->id);
	launch_over(r, rc < 0 ? &e : NULL);
}

/* Init's end is closed, by its execve or its death: all that it said is there. */
void runner_on_gate(void *ctx, uint32_t events)
{
	struct runner *r = ctx;

	(void)events;
	if (r->launching)
		runner_hear_launch(r);
	else
		loop_remove(&r->sv->loop, &r->gate_source); /* the spawner tells of its end */
}

/* What an init that runs may take: its hooks take longest. */
static uint64_t launch_ms(const struct supervisor *sv)
{
	uint64_t ms = LAUNCH_MS;

	for (PLAN_EACH(sv->base, struct plan_hook, h, sv->base->start_container))
		ms += h->timeout_s * UINT64_C(1000);
	return ms;
}

/* Stopped or frozen behind its gate: whoever did that has the runner, its client does not wait. */
static void on_late(void *ctx)
{
	struct runner *r = ctx;
	struct ps_err e = { 0 };

	(void)ps_fail(&e, PS_E_PEER, "runner '%s' has not started its program in time: is its init stopped or frozen?", r->id);
	launch_over(r, &e);
}

/* The sooner of that and its own time. */
static void limit_time(struct runner *r, uint64_t timeout_ms)
{
	const uint64_t now = (uint64_t)ps_now_ms(), launch = launch_ms(r->sv);

	if (timeout_ms)
		r->end_ms = timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + timeout_ms;
	r->timer.on = on_late;
	r->timer.ctx = r;
	loop_timer_set(&r->sv->loop, &r->timer, timeout_ms && timeout_ms < launch ? timeout_ms : launch);
}

/* What LIST shows. */
static char *command_text(const struct launch_request *q, const struct policy *p)
{
	char text[COMMAND_MAX];
	size_t at = 0, n = q->n_args ? q->n_args : p->process.args.n;
	const char *const *v = q->n_args ? q->args : p->process.args.v;

	text[0] = '\0';
	for (size_t i = 0; i < n && at < sizeof(text) - 1; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "", v[i]);
	return strdup(text);
}

/* Nothing was written yet: a stream of another size can take its place. */
static int resize_history(struct runner *r, uint64_t size, struct ps_err *e)
{
	struct stream *s;

	if (!size)
		return 0;
	if (stream_create(size > SIZE_MAX ? SIZE_MAX : (size_t)size, &s, e) < 0)
		return -1;
	stream_free(r->stream);
	r->stream = s;
	return 0;
}

static bool has_limits(const struct pod_limits *l)
{
	return l->memory || l->pids || l->millicpus;
}

/* It cannot be launched any more, or not as it was: whoever comes next gets another one. */
static int spoiled(struct runner *r)
{
	(void)runner_stop(r, /* force= */ true, REASON_FAILED, NULL);
	return -1;
}

/* They go to its cgroup, which has the document's already. */
int runner_limit(const struct runner *r, const struct pod_limits *limits, struct ps_err *e)
{
	const struct supervisor *sv = r->sv;
	ps_auto_arena struct ps_arena arena = { .head = NULL };
	ps_auto_buf struct ps_buf block = { 0 };
	char cgroup[sizeof(sv->pod->cgroup) + 16];
	const struct overrides o = { .cgroups_path = cgroup, .limits = limits, .only_limits = true };
	const struct plan_request request = { .id = r->id, .cgroup_manager = sv->pod->env->cgroup_manager };
	const struct policy *policy;
	struct policy limited;

	if (!has_limits(limits))
		return 0;
	(void)snprintf(cgroup, sizeof(cgroup), "%s/%u", sv->pod->cgroup, r->n);
	if (overrides_apply(&arena, sv->bundle.policy, &o, &policy, e) < 0)
		return -1;
	limited = *policy;
	limited.seccomp.set = limited.guard.set = false; /* its filters are compiled already */
	if (plan_compile(&limited, sv->bundle.host, &request, &block, e) < 0)
		return -1;
	const struct plan *p = plan_view(block.data, block.len);

	return p ? cgroup_limit(p, e) : ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
}

/* What the pod's permissions do not hand over, a launch cannot either. */
static int check_variable(const struct permissions *g, const char *entry, struct ps_err *e)
{
	if (!g || permissions_hand_over(g, entry))
		return 0;
	return ps_fail(e, PS_E_DENIED, "--env '%.*s': the permissions of the pod do not hand it over (--allow-env)", (int)strcspn(entry, "="),
		       entry);
}

static int check_program(const struct permissions *g, const struct launch_request *q, struct ps_err *e)
{
	if (q->cwd && q->cwd[0] != '/')
		return ps_fail(e, PS_E_USAGE, "--cwd '%s': expected an absolute path", q->cwd);
	for (size_t i = 0; i < q->n_env; i++) {
		if (strcspn(q->env[i], "=") == 0 || !strchr(q->env[i], '='))
			return ps_fail(e, PS_E_USAGE, "--env '%s': expected NAME=VALUE", q->env[i]);
		if (strncmp(q->env[i], CHANNEL_ENV "=", sizeof(CHANNEL_ENV)) == 0)
			return ps_fail(e, PS_E_USAGE, "--env '%s': podshim itself sets this", q->env[i]);
		if (check_variable(g, q->env[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Less than the pod's. */
static int take_away(struct runner *r, const struct launch_request *q, struct tighter *ret, struct ps_err *e)
{
	const struct supervisor *sv = r->sv;
	const struct overrides o = { .channel_fd = PODS_CHANNEL_FD };

	if (!q->permissions.n)
		return 0;
	if (tighten(&r->tighter, &sv->bundle, sv->pod->env->root, &q->permissions, /* beside= */ false, ret, e) < 0)
		return -1;
	return overrides_apply(&r->tighter, ret->policy, &o, &ret->policy, e);
}

int runner_tighten_net(struct runner *r, const struct spec_strs *flags, struct ps_err *e)
{
	const struct permissions *g;

	if (!r->overseen)
		return ps_fail(e, PS_E_UNSUPP, "net: nobody decides for the runners of '%s': the pod was made without a list of hosts", r->sv->pod->name);
	return tighten_net(&r->tighter, r->sv->bundle.effective, flags, &g, e) < 0 ? -1 : oversight_tighten(r->overseen, g, e);
}

static int compile_launch(struct runner *r, const struct launch_request *q, const struct plan **ret, struct ps_err *e)
{
	struct supervisor *sv = r->sv;
	struct tighter t = { .permissions = sv->bundle.permissions };

	if (take_away(r, q, &t, e) < 0 || check_program(t.permissions, q, e) < 0 || runner_limit(r, &q->limits, e) < 0)
		return -1;
	const struct plan_request request = { .id = r->id };
	const struct plan_program program = { .id = r->id, .cwd = q->cwd, .args = { q->args, q->n_args },
					      .env = q->env, .n_env = q->n_env, .tighter = t.policy, .host = sv->bundle.host, .request = &request };

	if (!q->n_args && !q->n_env && !q->cwd && !t.policy)
		return 0;
	if (plan_relaunch(sv->base, &program, &sv->launch_block, e) < 0)
		return -1;
	*ret = (const struct plan *)(const void *)sv->launch_block.data;
	/* The last that can fail: without a launch the runner is the next one's, with all that the pod has. */
	return t.policy && r->overseen ? oversight_tighten(r->overseen, t.effective, e) : 0;
}

/* The plan of this launch, good until the next one's; NULL: the one that init has is the one. */
static int launch_plan(struct runner *r, const struct launch_request *q, const struct plan **ret, struct ps_err *e)
{
	const int rc = compile_launch(r, q, ret, e);

	if (rc < 0)
		ps_arena_done(&r->tighter);
	return rc;
}

/* check_launch has seen that what is asked for is not more than what the pod's permissions say. */
static uint64_t output_limit(const struct runner *r, const struct launch_request *q)
{
	const struct permissions *g = r->sv->bundle.permissions;

	return q->output_limit || !g || !g->settings.output.set ? q->output_limit : g->settings.output.v;
}

int runner_launch(struct runner *r, const struct launch_request *q, struct ps_err *e)
{
	const struct plan *plan = NULL;

	if (r->state != RUNNER_PREPARED || r->launching || r->gate_source.fd < 0)
		return runner_check_move(r->state, RUNNER_RUNNING, r->id, e);
	if (resize_history(r, q->history, e) < 0 || launch_plan(r, q, &plan, e) < 0)
		return -1;
	/* It does not block: an init that is stopped must not stop us. */
	if (launch_gate_open(&r->gate, r->gate_source.fd, plan, e) < 0) {
		close_gate(r);
		ps_ctx(e, "runner '%s': reach init at its gate", r->id);
		return spoiled(r);
	}
	r->launching = true;
	r->options = q->options;
	r->output_limit = output_limit(r, q);
	r->command = command_text(q, r->sv->bundle.policy);
	if (r->tty && (q->rows || q->cols))
		(void)runner_resize(r, q->rows, q->cols, NULL);
	limit_time(r, q->timeout_ms);
	return 0;
}

/* Its program runs already; from here on it is the client's. */
void runner_begin_code(struct runner *r, const struct launch_request *q)
{
	r->options = q->options;
	r->output_limit = q->output_limit;
	r->started_ns = ps_clock_ns(CLOCK_REALTIME);
	r->sv->n_launched++;
	if (q->timeout_ms)
		runner_deadline(r, q->timeout_ms);
	runner_go(r, RUNNER_RUNNING);
	r->sv->callbacks->on_launched(r, NULL);
}
