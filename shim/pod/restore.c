/* SPDX-License-Identifier: Apache-2.0
 * restore.c - makes a container whose processes come from images, by criu.
 *
 * A container is first prepared as create does it, without process and hooks, and its init ended again: cgroups with their limits
 * and device rules stay, mount points are there, and its mounts are what those that criu makes are compared with.
 * criu is born in the cgroups, so that whatever it makes is found there when it, or we, die.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/pod/channel.h"
#include "shim/pod/criu.h"
#include "shim/pod/prompt.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/hooks.h"

#define LOG_NAME "restore.log"
/* Of the state folder: where criu finds the root file system mounted, and what the container sees of the host. */
#define ROOT_NAME "criu-root"
#define BINDS_NAME "criu-binds"

struct restoration {
	const struct pod_env *env;
	const struct pod_restore_request *r;
	struct bundle bundle;
	struct ps_buf block, bare_block, opts;
	const struct plan *plan;         /* the container's */
	const struct plan *bare;         /* the same without process and hooks */
	struct state_dir dir;
	struct state st;
	struct tape *tape;
	struct criu_dirs dirs;
	struct criu criu;
	struct criu_mounts mounts;
	struct criu_externals externals;
	struct foreground_signals signals;
	int net_fd, pid_fd;              /* namespaces to be in */
	int pidfd, master_fd;
	bool reserved, hooks_began, recorded, pid_file_written;
	enum runner_state state;
};

static void restoration_done(struct restoration *c)
{
	foreground_restore_signals(&c->signals);
	criu_done(&c->criu);
	criu_dirs_close(&c->dirs);
	ps_fd_close(&c->net_fd);
	ps_fd_close(&c->pid_fd);
	ps_fd_close(&c->pidfd);
	ps_fd_close(&c->master_fd);
	tape_close(c->tape);
	state_dir_done(&c->dir);
	ps_buf_done(&c->opts);
	ps_buf_done(&c->block);
	ps_buf_done(&c->bare_block);
	bundle_done(&c->bundle);
}

static const char *id_of(const struct restoration *c)
{
	return c->r->create.id;
}

static int move(struct restoration *c, enum runner_state to, struct ps_err *e)
{
	if (runner_check_move(c->state, to, id_of(c), e) < 0)
		return -1;
	c->state = to;
	event_state(c->tape, id_of(c), to, c->st.pid);
	return 0;
}

static int compile(struct restoration *c, struct ps_buf *block, const struct plan **ret, struct ps_err *e)
{
	if (bundle_plan(&c->bundle, c->env, &c->r->create, block, e) < 0)
		return -1;
	*ret = plan_view(block->data, block->len);
	return *ret ? 0 : ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
}

static int compile_bare(struct restoration *c, struct ps_err *e)
{
	const struct policy *whole = c->bundle.policy;
	struct policy bare = *whole;

	bare.has_process = false;
	memset(&bare.hooks, 0, sizeof(bare.hooks));
	c->bundle.policy = &bare;
	const int rc = compile(c, &c->bare_block, &c->bare, e);

	c->bundle.policy = whole;
	return rc;
}

static int check_bundle(const struct restoration *c, struct ps_err *e)
{
	const struct policy *p = c->bundle.policy;
	const int channel = channel_wanted(p, false, e);

	if (channel < 0)
		return -1;
	if (channel > 0)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be restored with a channel: take the annotation " CHANNEL_ANNOTATION " off", id_of(c));
	if (c->bundle.permissions)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be restored under permissions: no image holds what enforces them, neither Landlock domains nor supervised system calls",
			       id_of(c));
	if (!p->has_process)
		return ps_fail(e, PS_E_CONFIG, "config.json: /process is missing: there is nothing to compare what is restored with");
	return console_check(p->process.terminal, c->r->create.detach, c->r->create.console_socket, e);
}

static int load(struct restoration *c, struct ps_err *e)
{
	const struct permits_use use = { .root = c->env->root, .asked = PERMITS_ASKED_NOBODY };
	struct bundle *b = &c->bundle;

	if (geteuid() != 0)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be restored: criu takes root", id_of(c));
	if (bundle_load(b, c->r->create.bundle, c->r->create.config, e) < 0 || bundle_permit(b, c->r->create.permissions, &use, e) < 0 ||
	    check_bundle(c, e) < 0 || compile(c, &c->block, &c->plan, e) < 0 || compile_bare(c, e) < 0 ||
	    criu_check_plan(c->plan, id_of(c), "restored", e) < 0)
		return -1;
	pod_warn_all(c->env, b->policy);
	if (criu_dirs_open(&c->r->criu, /* make= */ false, LOG_NAME, &c->dirs, e) < 0)
		return -1;
	return criu_images_check(&c->dirs, &c->r->criu, e);
}

static int describe(struct restoration *c, struct ps_err *e)
{
	c->st.exposed = !(c->plan->ns_new & CLONE_NEWPID);
	c->st.has_poststop = c->plan->poststop.n > 0;
	return record_describe(&c->st, id_of(c), &c->bundle, c->plan, e);
}

/* What a prepared container looks like. */
static int look(void *ctx, pid_t pid, int pidfd, struct ps_err *e)
{
	struct restoration *c = ctx;

	(void)pidfd;
	return criu_mounts_read(&c->bundle.arena, pid, &c->mounts, e) < 0 ||
	       criu_externals(&c->bundle.arena, c->plan, pid, &c->mounts, &c->externals, e) < 0 ? -1 : 0;
}

static int rehearse(struct restoration *c, struct ps_err *e)
{
	struct launch l = LAUNCH_INIT(c->bare);

	l.ops = (struct launch_ops){ .record = look, .ctx = c };
	const int rc = launch_prepare(&l, e);

	launch_abort(&l);
	c->st.owns_cgroups = l.made_cgroups;
	/* From here on, what is in them is this container's, whoever dies. */
	return rc < 0 || state_write(&c->dir, &c->st, e) < 0 ? -1 : 0;
}

static int open_ns(const struct plan *p, uint64_t flag, int *ret, struct ps_err *e)
{
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins)) {
		if (j->flag != flag)
			continue;
		*ret = open(plan_str(p, j->path), O_RDONLY | O_CLOEXEC);
		if (*ret < 0)
			return ps_fail_os(e, "open the namespace '%s'", plan_str(p, j->path));
	}
	return 0;
}

static int start_criu(struct restoration *c, struct ps_err *e)
{
	const struct cgroup_dirs cg = container_cgroups(&c->st);
	struct launch_helper_bind *binds = ps_arena_array(&c->bundle.arena, c->externals.n + 1, sizeof(*binds));
	char at[PATH_MAX], binds_at[PATH_MAX];

	if (mkdirat(c->dir.dir_fd, ROOT_NAME, 0700) < 0 || mkdirat(c->dir.dir_fd, BINDS_NAME, 0700) < 0)
		return ps_fail_os(e, "make '" ROOT_NAME "' and '" BINDS_NAME "' in the state folder");
	(void)snprintf(at, sizeof(at), "%s/%s/" ROOT_NAME, c->env->root, id_of(c));
	(void)snprintf(binds_at, sizeof(binds_at), "%s/%s/" BINDS_NAME, c->env->root, id_of(c));
	if (!binds)
		return ps_fail_os(e, "memory for the mounts of the host");
	for (size_t i = 0; i < c->externals.n; i++) {
		binds[i] = (struct launch_helper_bind){ c->externals.v[i].source, c->externals.v[i].flags };
		c->externals.v[i].source = ps_arena_printf(&c->bundle.arena, "%s/%zu", binds_at, i);
		if (!c->externals.v[i].source)
			return ps_fail_os(e, "memory for the mounts of the host");
	}
	if (open_ns(c->plan, CLONE_NEWNET, &c->net_fd, e) < 0 || open_ns(c->plan, CLONE_NEWPID, &c->pid_fd, e) < 0)
		return -1;
	const struct launch_helper_dir dirs[] = { { c->r->criu.image_path, c->dirs.images }, { c->r->criu.work_path, c->dirs.work } };
	const int keep[] = { c->net_fd, c->pid_fd, c->dirs.images, c->dirs.work };
	const struct launch_helper h = { .keep = keep, .n_keep = PS_COUNT(keep), .dies_with_us = true, .rootfs = c->st.rootfs, .at = at,
					 .binds_at = binds_at, .binds = binds, .n_binds = c->externals.n,
					 .dirs = dirs, .n_dirs = PS_COUNT(dirs), .cgroup_dirs = cg.v, .n_cgroup_dirs = cg.n };

	if (criu_start(&c->criu, &h, e) < 0)
		return -1;
	criu_put_text(&c->opts, CRIU_ROOT, at);
	return 0;
}

/* "4:memory:/a/b", "0::/a/b": where criu is now is where the images' topmost cgroups go. */
static int put_cgroups(struct restoration *c, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)c->criu.pid);
	if (!c->st.n_cgroup_dirs)
		return 0;
	if (ps_read_file_at(AT_FDCWD, path, (size_t)1 << 20, &text, e) < 0)
		return -1;
	for (char *line = text.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
		char *controllers = strchr(line, ':'), *dir = controllers ? strchr(controllers + 1, ':') : NULL;

		*end = '\0';
		if (!dir)
			continue;
		*dir++ = '\0';
		criu_put_pair(&c->opts, CRIU_CG_ROOT, controllers + 1, dir);
	}
	return 0;
}

static void put_namespaces(struct restoration *c)
{
	static const struct { uint64_t flag; const char *name; } kinds[] = { { CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" }, { CLONE_NEWTIME, "time" } };
	const struct plan *p = c->plan;

	if (c->net_fd >= 0)
		criu_put_text_number(&c->opts, CRIU_INHERIT_FD, "extRootNetNS", c->net_fd);
	if (c->pid_fd >= 0)
		criu_put_text_number(&c->opts, CRIU_INHERIT_FD, "extRootPidNS", c->pid_fd);
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		for (size_t i = 0; i < PS_COUNT(kinds); i++)
			if (j->flag == kinds[i].flag)
				criu_put_pair(&c->opts, CRIU_JOIN_NS, kinds[i].name, plan_str(p, j->path));
}

/* What was a pipe of its caller's is the same descriptor of ours. */
static int put_stdio(struct restoration *c, struct ps_err *e)
{
	struct criu_stdio s;

	if (criu_stdio_read(&c->bundle.arena, &c->dirs, &s, e) < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		bool again = false;

		for (int k = 0; k < i; k++)
			again |= s.key[i] && s.key[k] && !strcmp(s.key[i], s.key[k]);
		if (s.key[i] && !again)
			criu_put_text_number(&c->opts, CRIU_INHERIT_FD, s.key[i], i);
	}
	return 0;
}

static int put_options(struct restoration *c, struct ps_err *e)
{
	struct ps_buf *opts = &c->opts;

	if (criu_put_common(opts, &c->r->criu, &c->dirs, LOG_NAME, e) < 0 || criu_put_config(opts, c->bundle.policy, e) < 0 ||
	    put_cgroups(c, e) < 0 || put_stdio(c, e) < 0)
		return -1;
	criu_put_flag(opts, CRIU_RST_SIBLING, true);
	criu_put_flag(opts, CRIU_EVASIVE_DEVICES, true);
	put_namespaces(c);
	for (size_t i = 0; i < c->externals.n; i++)
		criu_put_pair(opts, CRIU_EXT_MNT, c->externals.v[i].at, c->externals.v[i].source);
	if (c->r->lsm_profile)
		criu_put_text(opts, CRIU_LSM_PROFILE, c->r->lsm_profile);
	if (c->r->lsm_mount_context)
		criu_put_text(opts, CRIU_LSM_MOUNT_CONTEXT, c->r->lsm_mount_context);
	return opts->failed ? ps_fail_os(e, "memory for criu's options") : 0;
}

static int run_hooks(struct restoration *c, pid_t pid, struct ps_err *e)
{
	const struct plan *p = c->plan;

	c->hooks_began = true;
	if (hooks_run(p, "prestart", p->prestart, "creating", pid, NULL, false, NULL, NULL, e) < 0)
		return -1;
	return hooks_run(p, "createRuntime", p->create_runtime, "creating", pid, NULL, false, NULL, NULL, e);
}

static int take_console(struct restoration *c, int fd, struct ps_err *e)
{
	if (fd < 0 || !c->bundle.policy->process.terminal)
		return ps_fail(e, PS_E_DENIED, "its images have a terminal, and config.json does not: /process/terminal");
	if (c->r->create.console_socket)
		return fd_deliver(c->r->create.console_socket, fd, "/dev/ptmx", e);
	ps_fd_close(&c->master_fd);
	return foreground_keep(fd, &c->master_fd, e);
}

/* Whose number it is can't change: it is our child until we, or who inherits it, reap it. */
static int adopt(struct restoration *c, pid_t pid, struct ps_err *e)
{
	siginfo_t info;

	c->pidfd = pid > 0 ? ps_pidfd_open(pid) : -1;
	if (c->pidfd < 0)
		return ps_fail(e, PS_E_PEER, "criu says that it restored process %d, which is not there", (int)pid);
	c->st.pid = pid;
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return ps_fail_os(e, "the process %d that criu restored is no child of ours", (int)pid);
	return ps_proc_start_time(pid, &c->st.pid_start, NULL) < 0 ? ps_fail_os(e, "read the start time of process %d", (int)pid) : 0;
}

/* All is there and stands still. */
static int record(struct restoration *c, struct ps_err *e)
{
	const pid_t pid = c->st.pid;
	const struct pod_create_request *r = &c->r->create;

	if (c->recorded)
		return 0;
	if (c->pidfd < 0)
		return ps_fail(e, PS_E_PEER, "criu did not say which process it restored");
	if (criu_check(&c->bundle.arena, c->plan, pid, &c->mounts, e) < 0)
		return -1;
	c->st.status = STATE_CREATED;
	if (state_write(&c->dir, &c->st, e) < 0 || move(c, RUNNER_PREPARED, e) < 0)
		return -1;
	c->recorded = true;
	if (r->pidfd_socket && fd_deliver(r->pidfd_socket, c->pidfd, "pidfd", e) < 0)
		return -1;
	if (!r->pid_file)
		return 0;
	c->pid_file_written = pid_file_write(r->pid_file, pid, e) == 0;
	return c->pid_file_written ? 0 : -1;
}

/*
 * criu goes on whatever is answered to `pre-resume`: what must not run ends before it does.  So does criu itself: it would wait for
 * the first process, which waits for the others, which it traces.
 */
static void end_all(const struct restoration *c)
{
	const struct cgroup_dirs cg = container_cgroups(&c->st);

	if (c->pidfd >= 0)
		(void)ps_pidfd_kill(c->pidfd, SIGKILL);
	if (c->criu.pidfd >= 0)
		(void)ps_pidfd_kill(c->criu.pidfd, SIGKILL);
	if (cg.n && c->st.exposed)
		(void)cgroup_kill_all(cg.v, cg.n, NULL);
}

static int told(void *ctx, const char *script, pid_t pid, int fd, struct ps_err *e)
{
	struct restoration *c = ctx;

	if (!strcmp(script, "setup-namespaces"))
		return run_hooks(c, pid, e);
	if (!strcmp(script, "orphan-pts-master"))
		return take_console(c, fd, e);
	if (!strcmp(script, "post-restore") && c->pidfd < 0)
		return adopt(c, pid, e);
	if (strcmp(script, "pre-resume") != 0)
		return 0;
	if (record(c, e) == 0)
		return 0;
	end_all(c);
	return -1;
}

/* After a failure: nothing stays. */
static int undo(struct restoration *c, struct ps_err *e)
{
	struct ps_err ignored = { 0 };

	if (!c->reserved)
		return -1;
	event_error(c->tape, id_of(c), e);
	event_failed(c->tape, id_of(c));
	end_all(c);
	criu_done(&c->criu);
	criu_dirs_sweep(&c->dirs);
	if (c->pid_file_written)
		(void)unlink(c->r->create.pid_file);
	if (c->st.owns_cgroups) {
		const struct cgroup_dirs cg = container_cgroups(&c->st);

		(void)cgroup_kill_all(cg.v, cg.n, NULL);
	}
	if (c->pidfd >= 0) {
		int status;

		(void)ps_pidfd_reap(c->pidfd, &status, NULL);
	}
	if (container_destroy(c->env, &c->dir, &c->st, c->tape, c->hooks_began, &ignored) < 0)
		(void)ps_ctx(e, "cleaning up failed too (%s); run 'podshim gc'", ignored.msg);
	return -1;
}

static int bring_back(struct restoration *c, struct ps_err *e)
{
	struct criu_reply reply;

	if (state_put(&c->dir, "config.json", c->bundle.text.data, c->bundle.text.len, e) < 0 ||
	    record_tape(&c->st, c->env->root, NULL, &c->tape, e) < 0 || move(c, RUNNER_PREPARING, e) < 0 || rehearse(c, e) < 0 ||
	    start_criu(c, e) < 0 || put_options(c, e) < 0)
		return -1;
	c->criu.what = "restore";
	c->criu.told = told;
	c->criu.ctx = c;
	if (criu_talk(&c->criu, CRIU_RESTORE, &c->opts, &c->dirs, &reply, e) < 0)
		return -1;
	if (!c->recorded || reply.restored != c->st.pid)
		return ps_fail(e, PS_E_PEER, "criu restored process %d without a word before", (int)reply.restored);
	(void)unlinkat(c->dir.dir_fd, ROOT_NAME, AT_REMOVEDIR);
	(void)unlinkat(c->dir.dir_fd, BINDS_NAME, AT_REMOVEDIR);
	return move(c, RUNNER_RUNNING, e);
}

enum { END_LOCK_MS = 10000 };

static int finish_foreground(struct restoration *c, int *ret_status, struct ps_err *e)
{
	struct foreground_limits limits = { .time_ms = 0 };
	struct ps_err why = { 0 };

	/* It runs: pausing or deleting it is anybody's again. */
	ps_fd_close(&c->dir.lock_fd);
	if (foreground_wait(c->pidfd, ps_take_fd(&c->master_fd), NULL, &limits, ret_status, e) < 0)
		return undo(c, e);
	event_exited(c->tape, id_of(c), *ret_status);
	if (state_lock(&c->dir, END_LOCK_MS, &why) < 0) {
		if (why.cls == PS_E_NOTFOUND)
			return 0;
		*e = why;
		return -1;
	}
	return container_destroy(c->env, &c->dir, &c->st, c->tape, /* poststop_owed= */ true, e);
}

int pod_restore(const struct pod_env *env, const struct pod_restore_request *r, int *ret_status, struct ps_err *e)
{
	struct restoration c ps_auto(restoration_done) = {
		.env = env, .r = r, .dir = STATE_DIR_NONE, .dirs = CRIU_DIRS_NONE, .criu = CRIU_NONE,
		.net_fd = -1, .pid_fd = -1, .pidfd = -1, .master_fd = -1,
	};
	int status = 0;

	if (!container_id_valid(r->create.id))
		return ps_fail(e, PS_E_USAGE, "invalid container ID format: '%s'", r->create.id);
	if (load(&c, e) < 0 || describe(&c, e) < 0 || (!r->create.detach && foreground_block_signals(&c.signals, e) < 0) ||
	    container_reserve(env, &c.st, &c.dir, e) < 0)
		return ps_ctx(e, "restore of container '%s'", r->create.id);
	c.reserved = true;
	if (bring_back(&c, e) < 0) {
		(void)ps_ctx(e, "restore of container '%s'", r->create.id);
		return undo(&c, e);
	}
	if (!r->create.detach && finish_foreground(&c, &status, e) < 0)
		return -1;
	*ret_status = status;
	return 0;
}
