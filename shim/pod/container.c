/* SPDX-License-Identifier: Apache-2.0
 * container.c - an existing container: open, look, free.
 */
#include "shim/pod/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "ipc/sock.h"
#include "shim/launch/systemd.h"
#include "shim/pod/overrides.h"
#include "shim/pod/undo.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/resctrl.h"
#include "shim/sandbox/hooks.h"

enum { LOCK_MS = 10000, KILL_MS = 10000, HALF_MADE_MS = 5000, HALF_MADE_STEP_MS = 10 };

/* A pidfd of the process that the record means, or -1: the pid may have been given to another one since. */
static int open_verified(pid_t pid, uint64_t start)
{
	ps_auto_fd int fd = pid > 0 ? ps_pidfd_open(pid) : -1;

	if (fd < 0 || !ps_proc_is(pid, start))
		return -1;
	return ps_take_fd(&fd);
}

struct cgroup_dirs container_cgroups(const struct state *st)
{
	struct cgroup_dirs d = { .n = st->n_cgroup_dirs };

	for (unsigned i = 0; i < d.n; i++)
		d.v[i] = st->cgroup_dirs[i];
	return d;
}

static int pid_namespace(const char *pid, struct stat *ret)
{
	char path[NAME_MAX + sizeof("/proc//ns/pid")];

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
	return stat(path, ret);
}

/* What is in namespaces of its own below is init's business, and ends with it; as all else does. */
static int pids_of_namespace(const struct container *c, pid_t **ret, size_t *ret_n, struct ps_err *e)
{
	ps_auto_dir DIR *dir = opendir("/proc");
	ps_auto_mem pid_t *pids = NULL;
	struct stat own, other;
	const struct dirent *d;
	char init[16];
	uint32_t pid;
	size_t n = 0;

	(void)snprintf(init, sizeof(init), "%d", (int)c->st.pid);
	if (!dir || (pid_namespace(init, &own) < 0 && errno != ENOENT))
		return ps_fail_os(e, "look at the pid namespace of container '%s'", c->st.id);
	const bool lives = ps_proc_is(c->st.pid, c->st.pid_start);

	while (lives && (d = readdir(dir))) {
		if (ps_parse_u32(d->d_name, &pid) < 0 || pid_namespace(d->d_name, &other) < 0 || other.st_ino != own.st_ino ||
		    other.st_dev != own.st_dev)
			continue;
		pid_t *more = realloc(pids, (n + 1) * sizeof(*pids));

		if (!more)
			return ps_fail_os(e, "memory for the processes of container '%s'", c->st.id);
		pids = more;
		pids[n++] = (pid_t)pid;
	}
	*ret = ps_take_ptr(&pids);
	*ret_n = n;
	return 0;
}

int container_pids(const struct container *c, pid_t **ret, size_t *ret_n, struct ps_err *e)
{
	struct cgroup_dirs cg = container_cgroups(&c->st);

	if (cg.n)
		return cgroup_pids(cg.v, cg.n, ret, ret_n, e);
	if (c->st.exposed)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has neither a cgroup nor a pid namespace of its own: its processes are not known", c->st.id);
	return pids_of_namespace(c, ret, ret_n, e);
}

/*
 * Created or running is not stored but asked of the gate: it stops listening by the execve itself, so that no crash
 * between the exec and a write can make the record lie.
 */
static bool waits_at_gate(const struct state_dir *d)
{
	return sock_listens_at(d->dir_fd, "start.sock", SOCK_SEQPACKET);
}

static enum state_status status_now(const struct state_dir *d, const struct state *st, int pidfd)
{
	struct cgroup_dirs cg = container_cgroups(st);

	if (st->status == STATE_CREATING) {
		return ps_proc_is(st->launcher, st->launcher_start) ? STATE_CREATING : STATE_STOPPED;
	}
	if (pidfd < 0)
		return STATE_STOPPED;
	if (cg.n && cgroup_frozen(cg.v, cg.n) == 1)
		return STATE_PAUSED;
	return waits_at_gate(d) ? STATE_CREATED : STATE_RUNNING;
}

/* Processes and cgroups of another boot are gone; what has their numbers and names now is somebody else's. */
static int read_record(const struct state_dir *d, struct state *st, bool *ret_other_boot, struct ps_err *e)
{
	char boot[37] = "";

	if (state_read(d, st, e) < 0 || ps_boot_id(boot, e) < 0)
		return -1;
	*ret_other_boot = strcmp(boot, st->boot_id) != 0;
	if (*ret_other_boot) {
		st->pid = st->launcher = 0;
		st->n_cgroup_dirs = 0;
		st->unit[0] = '\0';
		memset(st->rdt_dirs, 0, sizeof(st->rdt_dirs));
	}
	return 0;
}

enum state_status container_status(const struct container *c)
{
	return status_now(&c->dir, &c->st, c->pidfd);
}

/* Does somebody wait for init who will tell how it ended?  Whoever runs it in the foreground. */
static bool has_waiter(const struct state *st)
{
	return ps_proc_is(st->launcher, st->launcher_start);
}

/*
 * Nobody is told of the end of a container that no process waits for: whoever sees it first writes it down.  Under its
 * lock, so that it comes behind what the verb has to tell that is at work now; that one, or the next, will notice, too.
 */
static void notice_end(struct container *c)
{
	if (c->status != STATE_STOPPED || c->other_boot || c->st.status == STATE_CREATING || has_waiter(&c->st))
		return;
	const bool locked = c->dir.lock_fd >= 0;
	auto_tape struct tape *tape = event_tape(&c->st);

	if (!tape || tape_has_end(tape) || (!locked && state_lock(&c->dir, 0, NULL) < 0))
		return;
	event_noticed(tape, c->st.id);
	if (!locked)
		ps_fd_close(&c->dir.lock_fd);
}

int container_open(const struct pod_env *env, const char *id, bool lock, struct container **ret, struct ps_err *e)
{
	auto_container struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return ps_fail_os(e, "memory for container '%s'", id);
	c->dir = (struct state_dir)STATE_DIR_NONE;
	c->pidfd = -1;
	if (state_open(env->root, id, &c->dir, e) < 0)
		return -1;
	if (lock && state_lock(&c->dir, LOCK_MS, e) < 0)
		return -1;
	if (read_record(&c->dir, &c->st, &c->other_boot, e) < 0)
		return -1;
	c->pidfd = open_verified(c->st.pid, c->st.pid_start);
	c->status = container_status(c);
	notice_end(c);
	*ret = ps_take_ptr(&c);
	return 0;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	ps_fd_close(&c->pidfd);
	state_dir_done(&c->dir);
	free(c);
}

static int load_plan(const struct pod_env *env, const struct state_dir *d, const struct state *st, struct bundle *b,
		     struct ps_buf *block, const struct plan **ret, struct ps_err *e)
{
	/* Where its cgroups are is in the record, and nothing to ask anybody for. */
	const struct plan_systemd systemd = { .user = st->unit_user };
	const struct pod_create_request r = { .id = st->id, .systemd = &systemd };
	struct pod_env ours = *env;
	const struct overrides o = { .hook_timeout_s = st->pod[0] ? PODS_HOOK_S : 0 };

	if (st->unit[0])
		ours.cgroup_manager = PLAN_CGROUP_SYSTEMD;
	else if (ours.cgroup_manager == PLAN_CGROUP_SYSTEMD)
		ours.cgroup_manager = PLAN_CGROUPFS;
	if (bundle_load_frozen(b, d, st, e) < 0 || overrides_apply(&b->arena, b->policy, &o, &b->policy, e) < 0 ||
	    bundle_plan(b, &ours, &r, block, e) < 0)
		return -1;
	*ret = plan_view(block->data, block->len);
	return *ret ? 0 : ps_fail(e, PS_E_BUG, "container '%s': the compiled plan is not valid", st->id);
}

int container_poststart(const struct pod_env *env, const struct state_dir *d, const struct state *st, struct ps_err *e)
{
	auto_bundle struct bundle b = { 0 };
	ps_auto_buf struct ps_buf block = { 0 };
	const struct plan *p;

	if (!st->has_poststart)
		return 0;
	if (load_plan(env, d, st, &b, &block, &p, e) < 0)
		return -1;
	return hooks_run(p, "poststart", p->poststart, "running", st->pid, NULL, false, NULL, NULL, e);
}

static void poststop(const struct pod_env *env, const struct state_dir *d, const struct state *st)
{
	auto_bundle struct bundle b = { 0 };
	ps_auto_buf struct ps_buf block = { 0 };
	const struct plan *p;
	struct ps_err e = { 0 };
	char text[640];

	if (load_plan(env, d, st, &b, &block, &p, &e) == 0)
		(void)hooks_run(p, "poststop", p->poststop, "stopped", 0, NULL, true, env->warn, env->warn_ctx, &e);
	else if (env->warn)
		env->warn(env->warn_ctx, ps_err_text(&e, text, sizeof(text)));
}

static int end_processes(const struct state *st, struct ps_err *e)
{
	ps_auto_fd int pidfd = open_verified(st->pid, st->pid_start);

	if (pidfd < 0)
		return 0;
	struct cgroup_dirs cg = container_cgroups(st);

	(void)ps_pidfd_kill(pidfd, SIGKILL);
	/* In a frozen version 1 cgroup nobody dies before it is thawed. */
	if (st->owns_cgroups && cg.n && cgroup_frozen(cg.v, cg.n) == 1 && cgroup_kill_all(cg.v, cg.n, e) < 0)
		return ps_ctx(e, "container '%s'", st->id);
	if (ps_pidfd_wait_exit(pidfd, KILL_MS) != 0)
		return ps_fail(e, PS_E_STATE, "container '%s': init (pid %d) does not end after SIGKILL", st->id,
			       (int)st->pid);
	return 0;
}

/* rmdir of each; true when none is left. */
static bool remove_empty(const struct state *st)
{
	bool all = true;

	for (unsigned i = 0; i < st->n_cgroup_dirs; i++) {
		const char *dir = st->cgroup_dirs[i];

		/* Frozen before it was ours: what was refused stays as it was found. */
		if (!st->owns_cgroups && cgroup_frozen(&dir, 1) == 1)
			continue;
		all &= rmdir(dir) == 0 || errno == ENOENT;
	}
	return all;
}

static int free_cgroups(const struct state *st, struct ps_err *e)
{
	struct cgroup_dirs cg = container_cgroups(st);

	if (!cg.n)
		return 0;
	/* The end of a pid namespace's init is the end of all in it: then there is nobody left to kill. */
	if (st->owns_cgroups && st->exposed)
		return cgroup_kill_all(cg.v, cg.n, e) < 0 || cgroup_remove(cg.v, cg.n, e) < 0 ? -1 : 0;
	if (remove_empty(st))
		return 0;
	if (st->owns_cgroups)
		return cgroup_kill_all(cg.v, cg.n, e) < 0 || cgroup_remove(cg.v, cg.n, e) < 0 ? -1 : 0;
	/* Half made: the init of a dead launcher is dying; whoever stays was there before us. */
	for (unsigned waited_ms = 0; waited_ms < HALF_MADE_MS; waited_ms += HALF_MADE_STEP_MS) {
		nanosleep(&(struct timespec){ .tv_nsec = HALF_MADE_STEP_MS * 1000000L }, NULL);
		if (remove_empty(st))
			break;
	}
	return 0;
}

int container_destroy(const struct pod_env *env, struct state_dir *d, const struct state *st, struct tape *tape,
		      bool poststop_owed, struct ps_err *e)
{
	if (end_processes(st, e) < 0)
		return -1;
	/* A scope that is not known to be ours ends by itself: it is empty. */
	if (free_cgroups(st, e) < 0 || (st->unit[0] && st->owns_cgroups && systemd_stop(st->unit, st->unit_user, e) < 0))
		return ps_ctx(e, "container '%s'", st->id);
	for (size_t i = 0; i < PS_COUNT(st->rdt_dirs); i++)
		if (resctrl_remove(st->rdt_dirs[i], e) < 0)
			return ps_ctx(e, "container '%s'", st->id);
	if (poststop_owed && st->has_poststop)
		poststop(env, d, st);
	if (st->tape[0]) {
		auto_tape struct tape *opened = tape ? NULL : event_tape(st);

		tape = tape ? tape : opened;
		if (st->status != STATE_CREATING)
			event_noticed(tape, st->id);
		event_state(tape, st->id, RUNNER_GONE, 0);
		if (tape)
			tape_finish(tape);
		if (shm_remove(st->tape, e) < 0)
			return -1;
	}
	return state_remove(d, e);
}

void container_explain(const struct state *st, struct ps_err *e)
{
	struct cgroup_dirs cg = container_cgroups(st);

	if (e && e->cls == PS_E_PEER && cg.n && cgroup_oom_kills(cg.v, cg.n) > 0)
		ps_fail(e, PS_E_STATE, "container init was OOM-killed (memory limit too low?)");
}

int container_sweep(const struct pod_env *env, const char *id, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(env, id, /* lock= */ false, &c, e) < 0)
		return e && e->cls == PS_E_NOTFOUND ? 0 : -1;
	if (!c->other_boot && c->st.status != STATE_CREATING)
		return 0;
	/* The creator holds the lock as long as it lives. */
	if (state_lock(&c->dir, 0, NULL) < 0 || read_record(&c->dir, &c->st, &c->other_boot, e) < 0)
		return 0;
	if (!c->other_boot && c->st.status != STATE_CREATING)
		return 0;
	if (container_destroy(env, &c->dir, &c->st, NULL, /* poststop_owed= */ false, e) < 0)
		return -1;
	/* The payload of an intent never ran. */
	if (c->st.permitted && c->st.status == STATE_CREATING)
		(void)undo_drop(env, id, NULL);
	return 1;
}

int pid_file_write(const char *path, pid_t pid, struct ps_err *e)
{
	char text[16], dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	(void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	ps_auto_fd int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ps_fail_os(e, "open the folder of pid file '%s'", path);
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	/* A temporary name, which a kill would leave behind, only where there is an old file to replace. */
	if (ps_write_new_at(fd, name, text, (size_t)n, 0644) == 0)
		return 0;
	if (ps_write_atomic_at(fd, name, text, (size_t)n, 0644, e) < 0)
		return ps_ctx(e, "pid file '%s'", path);
	return 0;
}

int fd_deliver(const char *path, int fd, const char *text, struct ps_err *e)
{
	ps_auto_fd int sock = sock_connect_path(path, e);

	return sock < 0 ? -1 : sock_send_fd_stream(sock, fd, text, e);
}
