/* SPDX-License-Identifier: Apache-2.0
 * pods.c - a pod's record: made, watched over by two processes, freed.
 */
#include "shim/pod/oversee.h"
#include "shim/pod/permits.h"
#include "shim/pod/undo.h"
#include "shim/pod/pods.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "ipc/sock.h"
#include "oci/names.h"
#include "shim/launch/fork.h"
#include "shim/pod/ask.h"
#include "shim/pod/container.h"
#include "shim/pod/overrides.h"
#include "shim/pod/prepare.h"
#include "shim/pod/spawner.h"
#include "shim/pod/supervisor.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/shared_ns.h"

enum { DYING_MS = 5000 };

int pods_root(const char *root, char *out, size_t size, struct ps_err *e)
{
	int n = snprintf(out, size, "%s/.pods", root);

	return n < 0 || (size_t)n >= size ? ps_fail(e, PS_E_USAGE, "the state folder's path '%s' is too long", root) : 0;
}

int pods_observe_dir(const char *root, char *out, size_t size, struct ps_err *e)
{
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	int n = snprintf(out, size, "%.*s.observe", (int)len, root);

	return n < 0 || (size_t)n >= size ? ps_fail(e, PS_E_USAGE, "the state folder's path '%s' is too long", root) : 0;
}

void pods_runner_id(const char *name, uint32_t n, char out[POD_NAME_MAX + 16])
{
	(void)snprintf(out, POD_NAME_MAX + 16, "%s.%u", name, n);
}

/* ---- Free ---- */

struct sweep {
	const struct pod_env *env;
	const char *name;
	struct ps_buf *report;
	bool failed;
	struct ps_err *e;
};

/* "POD.N", and the record says that the pod made it: somebody else may have chosen such a name. */
static int free_member(const char *id, void *ctx)
{
	struct sweep *s = ctx;
	const size_t n = strlen(s->name);
	auto_container struct container *c = NULL;

	if (strncmp(id, s->name, n) != 0 || id[n] != '.' || !id[n + 1] || id[n + 1 + strspn(id + n + 1, "0123456789")])
		return 0;
	if (container_open(s->env, id, /* lock= */ true, &c, NULL) < 0 || strcmp(c->st.pod, s->name) != 0)
		return 0;
	/* One that stays does not keep the others; why the first stays is told. */
	s->failed |= container_destroy(s->env, &c->dir, &c->st, NULL, /* poststop_owed= */ true, s->failed ? NULL : s->e) < 0;
	return 0;
}

/* A twin that is killed may have been removing a runner, or the pod, whose record is then neither's. */
static void sweep_leftovers(const struct pod_env *env)
{
	char root[4096];

	(void)state_sweep_leftovers(env->root, NULL);
	if (pods_root(env->root, root, sizeof(root), NULL) == 0)
		(void)state_sweep_leftovers(root, NULL);
}

/* Made by the pod, if it had one; its name is the pod's. */
static void remove_observe_socket(const struct pod_env *env, const char *name)
{
	char dir[4096 + 16], path[sizeof(dir) + 1040];

	if (pods_observe_dir(env->root, dir, sizeof(dir), NULL) < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s.sock", dir, name);
	if (unlink(path) == 0)
		(void)rmdir(dir); /* the last one's: else it is not empty */
}

/* Of the last pod: else they are not empty.  Who makes the next one makes them again. */
static void remove_parents(const struct state *st)
{
	static const char name[] = "/" PODS_CGROUP;

	for (unsigned i = 0; i < st->n_cgroup_dirs; i++) {
		char parent[sizeof(st->cgroup_dirs[0])];
		const char *last = strrchr(st->cgroup_dirs[i], '/');
		const size_t n = last ? (size_t)(last - st->cgroup_dirs[i]) : 0;

		(void)snprintf(parent, sizeof(parent), "%.*s", (int)n, st->cgroup_dirs[i]);
		if (n >= sizeof(name) && strcmp(parent + n - (sizeof(name) - 1), name) == 0)
			(void)rmdir(parent);
	}
}

int pods_free(const struct pod_env *env, const char *name, struct state_dir *dir, struct ps_err *e)
{
	struct sweep s = { .env = env, .name = name, .e = e };
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	if (!st)
		return ps_fail_os(e, "memory for pod '%s'", name);
	if (state_read(dir, st, e) < 0 || state_each(env->root, free_member, &s, e) < 0 || s.failed)
		return -1;
	sweep_leftovers(env);
	struct cgroup_dirs cg = container_cgroups(st);

	if (cg.n && st->owns_cgroups && cgroup_remove(cg.v, cg.n, e) < 0)
		return ps_ctx(e, "pod '%s'", name);
	remove_parents(st);
	if (st->tape[0]) {
		auto_tape struct tape *tape = event_tape(st);

		event_state(tape, name, RUNNER_GONE, 0);
		if (tape)
			tape_finish(tape);
		if (shm_remove(st->tape, e) < 0)
			return -1;
	}
	remove_observe_socket(env, name);
	return state_remove(dir, e);
}

/* The pod's supervisor, or who is about to make it. */
static bool has_owner(const struct state_dir *dir)
{
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	if (!st || state_read(dir, st, NULL) < 0)
		return true;
	return st->status == STATE_CREATING ? ps_proc_is(st->launcher, st->launcher_start) : ps_proc_is(st->pid, st->pid_start);
}

int pods_sweep(const struct pod_env *env, const char *name, struct ps_err *e)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;
	char root[4096];
	struct ps_err why = { 0 };

	if (pods_root(env->root, root, sizeof(root), e) < 0)
		return -1;
	/*
	 * Both twins hold the lock as long as they live.  Without the supervisor that is not long: its twin ends everything,
	 * and who was being forked by that one when it was killed dies with it.
	 */
	if (state_open(root, name, &dir, &why) < 0 || state_lock(&dir, has_owner(&dir) ? 0 : DYING_MS, &why) < 0)
		return why.cls == PS_E_NOTFOUND || why.cls == PS_E_STATE ? 0 : (e ? *e = why : why, -1);
	return pods_free(env, name, &dir, e) < 0 ? -1 : 1;
}

static int sweep_one(const char *name, void *ctx)
{
	const struct sweep *s = ctx;
	int rc = pods_sweep(s->env, name, s->e);

	if (rc == 1 && s->report)
		ps_buf_printf(s->report, "pod %s: its processes are gone\n", name);
	return rc < 0 ? -1 : 0;
}

int pods_sweep_all(const struct pod_env *env, struct ps_buf *report, struct ps_err *e)
{
	struct sweep s = { .env = env, .report = report, .e = e };
	char root[4096];

	if (pods_root(env->root, root, sizeof(root), e) < 0)
		return -1;
	if (access(root, F_OK) < 0)
		return 0;
	return state_each(root, sweep_one, &s, e) < 0 ? -1 : state_sweep(root, sweep_one, &s, e);
}

/* ---- Make ---- */

int pods_own_cgroup(struct pods *p, const struct plan *plan, struct ps_err *e)
{
	if (!plan->cgroups.n)
		return 0;
	const char *path = plan_str(plan, PLAN_ROWS(plan, struct plan_cgroup, plan->cgroups)->path);
	const int n = snprintf(p->own_cgroup, sizeof(p->own_cgroup), "/%s", path + strspn(path, "/"));

	return n < 0 || (size_t)n >= sizeof(p->own_cgroup) ? ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is too long", path) : 0;
}

static int check_name(const char *name, struct ps_err *e)
{
	if (!container_id_valid(name) || strlen(name) > POD_NAME_MAX)
		return ps_fail(e, PS_E_USAGE, "invalid pod name '%s': letters, digits, '_', '+', '-' and '.', at most %d", name,
			       POD_NAME_MAX);
	const char *dot = strrchr(name, '.');

	if (dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1))
		return ps_fail(e, PS_E_USAGE, "pod name '%s': NAME.NUMBER is how a runner is called", name);
	return 0;
}

/* What all runners have in common: bundle and policy are checked as if the first were made. */
struct making {
	struct pods pod;
	struct state st;
	struct bundle bundle;
	struct ps_buf block;      /* the plan of the parent cgroup */
	const struct plan *plan;
	struct tape *tape;
	bool reserved;
};

static int compile_parent(struct making *m, struct ps_err *e)
{
	const struct overrides o = { .cgroups_path = m->pod.cgroup, .limits = &m->pod.r.limits };
	const struct pod_create_request r = { .id = m->pod.name };
	const struct policy *p;

	if (overrides_apply(&m->bundle.arena, m->bundle.policy, &o, &p, e) < 0)
		return -1;
	m->bundle.policy = p;
	if (bundle_plan(&m->bundle, m->pod.env, &r, &m->block, e) < 0)
		return -1;
	m->plan = plan_view(m->block.data, m->block.len);
	if (!m->plan)
		return ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
	return pods_own_cgroup(&m->pod, m->plan, e);
}

static int reserve(struct making *m, struct ps_err *e)
{
	if (state_reserve(m->pod.root, &m->st, &m->pod.dir, e) == 0)
		return 0;
	if (e->cls != PS_E_EXISTS)
		return -1;
	(void)pods_sweep(m->pod.env, m->pod.name, NULL);
	if (state_reserve(m->pod.root, &m->st, &m->pod.dir, e) == 0)
		return 0;
	return e->cls != PS_E_EXISTS ? -1 :
		ps_fail(e, PS_E_EXISTS, "pod '%s' exists: 'podshim pod rm %s' ends it", m->pod.name, m->pod.name);
}

static int set_up(struct making *m, struct ps_err *e)
{
	if (state_put(&m->pod.dir, "config.json", m->bundle.text.data, m->bundle.text.len, e) < 0 ||
	    (m->bundle.permissions && permits_freeze(&m->pod.dir, m->bundle.permissions, e) < 0) ||
	    record_tape(&m->st, m->pod.env->root, m->pod.r.observed ? &m->pod.r.observe_gid : NULL, &m->tape, e) < 0)
		return -1;
	event_state(m->tape, m->pod.name, RUNNER_PREPARING, 0);
	m->st.owns_cgroups = m->st.n_cgroup_dirs > 0;
	if (m->st.n_cgroup_dirs && (cgroup_make(m->plan, 1, 0, e) < 0 || cgroup_make(m->plan, 2, 0, e) < 0 ||
				    cgroup_limit(m->plan, e) < 0))
		return -1;
	return shared_ns_make(m->pod.r.share, m->bundle.policy->hostname, m->pod.ns_fds, e);
}

/* ---- The twins ---- */

static int run_spawner(struct making *m, int sock, int supervisor, int supervisor_pidfd)
{
	struct ps_err e = { 0 };

	(void)prctl(PR_SET_NAME, "podshim:spawner");
	ps_fd_close(&m->pod.asked);
	(void)setsid(); /* what is typed at the terminal is for the supervisor, which tells us */
	/* It may have died before we could look: then the socket says so. */
	if (getppid() == supervisor)
		(void)spawner_run(&m->pod, sock, supervisor_pidfd, &e);
	(void)pods_free(m->pod.env, m->pod.name, &m->pod.dir, &e);
	return 0;
}

/* Fork the spawner, become the supervisor.  Returns when the pod has ended. */
static int run_twins(struct making *m, int ready_fd, struct ps_err *e)
{
	int pair[2], twin_pidfd = -1;
	const pid_t self = getpid();
	ps_auto_fd int self_pidfd = ps_pidfd_open(self);

	(void)prctl(PR_SET_NAME, "podshim:pod");
	(void)umask(077);
	if (self_pidfd < 0 || sock_pair(pair, e) < 0)
		return -1;
	m->st.pid = self;
	m->st.status = STATE_RUNNING;
	if (ps_proc_start_time(self, &m->st.pid_start, NULL) < 0 || state_write(&m->pod.dir, &m->st, e) < 0)
		return -1;
	pid_t pid = launch_fork(&twin_pidfd, e);

	if (pid == 0) {
		close(pair[0]);
		ps_fd_close(&ready_fd);
		_exit(run_spawner(m, pair[1], self, self_pidfd));
	}
	close(pair[1]);
	if (pid < 0)
		return -1;
	if (!m->tape)
		m->tape = event_tape(&m->st);
	event_state(m->tape, m->pod.name, RUNNER_RUNNING, self);
	int rc = supervisor_run(&m->pod, pair[0], twin_pidfd, ready_fd, e);

	close(pair[0]);
	/* It frees the pod; only if it was killed there is anything left. */
	(void)ps_pidfd_wait_exit(twin_pidfd, -1);
	close(twin_pidfd);
	(void)pods_free(m->pod.env, m->pod.name, &m->pod.dir, NULL);
	return rc;
}

static int start_daemon(struct making *m, struct ps_err *e)
{
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return ps_fail_os(e, "make a pipe");
	ps_auto_fd int read_end = ready[0];
	const int keep[] = { ready[1], m->pod.dir.root_fd, m->pod.dir.dir_fd, m->pod.dir.lock_fd, m->pod.ns_fds[0], m->pod.ns_fds[1], m->pod.ns_fds[2], m->pod.asked };
	tape_close(ps_take_ptr(&m->tape)); /* a file lock of one process: the daemon opens its own */
	pid_t pid = launch_daemon(keep, m->pod.asked < 0 ? PS_COUNT(keep) - 1 : PS_COUNT(keep), e);

	if (pid == 0)
		_exit(run_twins(m, ready[1], NULL) < 0);
	close(ready[1]);
	if (pid < 0)
		return -1;
	m->reserved = false; /* the twins' to free */
	return supervisor_hear(read_end, "the pod's supervisor ended before its runners were prepared", e);
}

static void making_done(struct making **pm)
{
	struct making *m = *pm;

	if (!m)
		return;
	if (m->reserved)
		(void)pods_free(m->pod.env, m->pod.name, &m->pod.dir, NULL);
	for (size_t i = 0; i < PS_COUNT(m->pod.ns_fds); i++)
		ps_fd_close(&m->pod.ns_fds[i]);
	ps_fd_close(&m->pod.asked);
	tape_close(m->tape);
	state_dir_done(&m->pod.dir);
	ps_buf_done(&m->block);
	bundle_done(&m->bundle);
	free(m);
	*pm = NULL;
}

/* A pod has no terminal: what is asked is asked of a broker (permits.h refuses the rest). */
static int connect_broker(struct making *m, struct ps_err *e)
{
	const struct permissions *g = m->bundle.permissions;

	if (!g || !permissions_ask(g))
		return 0;
	m->pod.asked = ask_broker_connect(g->settings.broker, e);
	return m->pod.asked < 0 ? -1 : 0;
}

int pods_create(const struct pod_env *env, const struct pods_request *r, struct ps_err *e)
{
	struct making *m ps_auto(making_done) = calloc(1, sizeof(*m));

	if (!m)
		return ps_fail_os(e, "memory for pod '%s'", r->name);
	m->pod.env = env;
	m->pod.r = *r;
	m->pod.st = &m->st;
	m->pod.dir = (struct state_dir)STATE_DIR_NONE;
	m->pod.asked = -1;
	for (size_t i = 0; i < PS_COUNT(m->pod.ns_fds); i++)
		m->pod.ns_fds[i] = -1;
	if (check_name(r->name, e) < 0 || pods_root(env->root, m->pod.root, sizeof(m->pod.root), e) < 0)
		return -1;
	(void)snprintf(m->pod.name, sizeof(m->pod.name), "%s", r->name);
	if (bundle_load(&m->bundle, r->bundle, NULL, e) < 0 ||
	    bundle_permit(&m->bundle, r->permissions, &(struct permits_use){ .root = env->root, .asked = PERMITS_ASKED_NOBODY }, e) < 0 ||
	    undo_refuse_pod(m->bundle.policy, e) < 0)
		return -1;
	if (m->bundle.permissions && r->interpreter &&
	    permits_check_form(m->bundle.permissions, PERMITS_INTERPRETERS, NULL, NULL, e) < 0)
		return -1;
	pod_warn_all(env, m->bundle.policy);
	m->pod.broker = oversight_needed(m->bundle.policy);
	if (m->pod.broker && connect_broker(m, e) < 0)
		return -1;
	const char *path = m->bundle.policy->cgroups_path;
	int n = snprintf(m->pod.cgroup, sizeof(m->pod.cgroup), "%s%s", path ? path : "/" PODS_CGROUP "/", path ? "" : r->name);

	if (n < 0 || (size_t)n >= sizeof(m->pod.cgroup))
		return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is too long for a pod", path);
	if (compile_parent(m, e) < 0 || record_describe(&m->st, m->pod.name, &m->bundle, m->plan, e) < 0 || reserve(m, e) < 0)
		return -1;
	m->reserved = true;
	if (set_up(m, e) < 0)
		return -1;
	if (!r->foreground)
		return start_daemon(m, e);
	m->reserved = false;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	return run_twins(m, -1, e);
}
