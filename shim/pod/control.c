/* SPDX-License-Identifier: Apache-2.0
 * control.c - kill, delete, pause, resume.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/container.h"
#include "shim/pod/undo.h"
#include "shim/sandbox/cgroup.h"

static bool is_alive(const struct container *c)
{
	return c->pidfd >= 0 && c->status != STATE_STOPPED;
}

static bool is_listed(pid_t pid, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* A pid that was read may be given to another process at once: held by pidfd, and listed again after that, it was not. */
static int signal_listed(const struct container *c, pid_t pid, int sig, struct ps_err *e)
{
	ps_auto_mem pid_t *now = NULL;
	size_t n = 0;
	ps_auto_fd int pidfd = ps_pidfd_open(pid);

	if (pidfd < 0)
		return errno == ESRCH ? 0 : ps_fail_os(e, "open pid %d", (int)pid);
	if (container_pids(c, &now, &n, e) < 0)
		return -1;
	if (is_listed(pid, now, n) && ps_pidfd_kill(pidfd, sig) < 0 && errno != ESRCH)
		return ps_fail_os(e, "send signal %d to pid %d", sig, (int)pid);
	return 0;
}

static int kill_all(const struct container *c, int sig, struct ps_err *e)
{
	struct cgroup_dirs cg = container_cgroups(&c->st);
	ps_auto_mem pid_t *pids = NULL;
	size_t n = 0;

	if (sig == SIGKILL && cg.n)
		return cgroup_kill_all(cg.v, cg.n, e);
	if (container_pids(c, &pids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (signal_listed(c, pids[i], sig, e) < 0)
			return -1;
	return 0;
}

/* Without a pid namespace of its own, the end of init is not the end of the rest. */
static bool outlives_init(const struct container *c)
{
	struct cgroup_dirs cg = container_cgroups(&c->st);
	ps_auto_mem pid_t *pids = NULL;
	size_t n = 0;

	return c->st.exposed && cg.n && cgroup_pids(cg.v, cg.n, &pids, &n, NULL) == 0 && n;
}

int pod_kill(const struct pod_env *env, const char *id, int sig, bool all, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(env, id, /* lock= */ false, &c, e) < 0)
		return -1;
	if (all)
		return container_cgroups(&c->st).n || is_alive(c) ? kill_all(c, sig, e) : 0;
	if (!is_alive(c) && sig == SIGKILL && outlives_init(c))
		return kill_all(c, sig, e);
	if (runner_check_verb(RUNNER_VERB_KILL, runner_state_of(c->status), id, e) < 0)
		return -1;
	if (ps_pidfd_kill(c->pidfd, sig) < 0) {
		if (errno == ESRCH)
			return runner_check_verb(RUNNER_VERB_KILL, RUNNER_EXITED, id, e);
		return ps_fail_os(e, "send signal %d to container '%s'", sig, id);
	}
	/* It ends the rest, too, and reaches what is frozen. */
	if (sig == SIGKILL && container_cgroups(&c->st).n && (c->st.exposed || c->status == STATE_PAUSED))
		return kill_all(c, sig, e);
	return 0;
}

/* What it wrote is not the container's: to throw it away takes a word of its own. */
static int settle(const struct pod_env *env, const char *id, struct ps_err *e)
{
	char text[1200];
	size_t kept;

	if (undo_settle(env, id, &kept, e) < 0)
		return -1;
	if (kept && env->warn) {
		(void)snprintf(text, sizeof(text), "%zu change%s of '%s' %s kept: podshim diff %s", kept, kept == 1 ? "" : "s", id,
			       kept == 1 ? "is" : "are", id);
		env->warn(env->warn_ctx, text);
	}
	return 0;
}

int pod_delete(const struct pod_env *env, const char *id, bool force, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	struct ps_err why = { 0 };

	if (container_open(env, id, /* lock= */ true, &c, &why) < 0) {
		if (force && why.cls == PS_E_NOTFOUND)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	if (!force && runner_check_verb(RUNNER_VERB_DELETE, runner_state_of(c->status), id, e) < 0)
		return -1;
	if (container_destroy(env, &c->dir, &c->st, NULL, /* poststop_owed= */ true, e) < 0)
		return -1;
	return c->st.permitted ? settle(env, id, e) : 0;
}

static int set_frozen(const struct pod_env *env, const char *id, bool freeze, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(env, id, /* lock= */ true, &c, e) < 0 ||
	    runner_check_verb(freeze ? RUNNER_VERB_PAUSE : RUNNER_VERB_RESUME, runner_state_of(c->status), id, e) < 0)
		return -1;
	struct cgroup_dirs cg = container_cgroups(&c->st);

	if (!cg.n)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has no cgroup: it can't be paused", id);
	if (cgroup_freeze(cg.v, cg.n, freeze, e) < 0)
		return ps_ctx(e, "container '%s'", id);
	auto_tape struct tape *tape = event_tape(&c->st);

	event_state(tape, id, runner_state_of(container_status(c)), c->st.pid);
	return 0;
}

int pod_pause(const struct pod_env *env, const char *id, struct ps_err *e)
{
	return set_frozen(env, id, true, e);
}

int pod_resume(const struct pod_env *env, const char *id, struct ps_err *e)
{
	return set_frozen(env, id, false, e);
}
