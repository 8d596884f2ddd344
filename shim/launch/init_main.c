/* SPDX-License-Identifier: Apache-2.0
 * init_main.c - the init image: INIT's rows of the script.
 *
 * A static program of its own, executed from a sealed memfd, so that no process inside a container's namespaces ever
 * runs from an inode of the host.  It knows the boot block and nothing else; it allocates nothing that outlives a row.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/scope.h"
#include "shim/launch/boot.h"
#include "shim/launch/clone.h"
#include "shim/launch/script.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/devices.h"
#include "shim/sandbox/hooks.h"
#include "shim/sandbox/labels.h"
#include "shim/sandbox/landlock.h"
#include "shim/sandbox/listener.h"
#include "shim/sandbox/mounts.h"
#include "shim/sandbox/namespaces.h"
#include "shim/sandbox/payload.h"
#include "shim/sandbox/privileges.h"
#include "shim/sandbox/process.h"
#include "shim/sandbox/procfs.h"
#include "shim/sandbox/reaper.h"
#include "shim/sandbox/rootfs.h"
#include "shim/sandbox/schedule.h"
#include "shim/sandbox/seccomp.h"
#include "shim/sandbox/staging.h"
#include "shim/sandbox/tty.h"

struct init {
	struct player player; /* first: rows get it back by a cast */
	struct sandbox sb;
	const int *tasks;
	uint32_t n_tasks;
	mode_t caller_umask;
	bool began_giving_up, gave_up, confined, filtered, dies_with_launcher;
	char payload[PATH_MAX];
};

static struct init *init_of(struct player *p)
{
	return (struct init *)p;
}

static int die_with_launcher(struct ps_err *e)
{
	/* Cleared by changes of ids and by clone: set again after each.  The channel's EOF is the second guard. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return ps_fail_os(e, "set the parent death signal");
	return 0;
}

/* The trees for a container without a cgroup namespace come behind the tasks files. */
static void take_cgroup_trees(struct player *p)
{
	const struct plan *plan = p->plan;

	for (uint32_t i = plan->fds.n; i-- > 0 && p->heard.n;)
		if (PLAN_ROWS(plan, struct plan_fd, plan->fds)[i].kind == PLAN_FD_CGROUP_MNT)
			init_of(p)->sb.fds[i] = p->heard.fd[--p->heard.n];
}

/*
 * Since 6.2 a cpuset no longer widens what a process was pinned to, and the caller's pinning (CPUAffinity= of its service) is
 * not meant for the container.  The kernel cuts a full mask down to what the cpuset allows, now and when it changes.
 */
static void unpin(void)
{
	cpu_set_t cpus[8]; /* 8192 of them */

	memset(cpus, 0xff, sizeof(cpus));
	(void)sched_setaffinity(0, sizeof(cpus), cpus);
}

/* A new container's tasks files come with the row make_cgroup, an existing one's with the boot block. */
static int do_join_cgroup(struct player *p, struct ps_err *e)
{
	struct init *in = init_of(p);

	take_cgroup_trees(p);
	if (cgroup_join(in->tasks, in->n_tasks, e) < 0 || cgroup_join(p->heard.fd, (unsigned)p->heard.n, e) < 0)
		return -1;
	for (uint32_t i = 0; i < in->n_tasks; i++)
		close(in->tasks[i]);
	script_fds_close(&p->heard);
	if (!affinity_has(p->plan, PLAN_AFFINITY_INITIAL))
		unpin();
	return affinity_apply(p->plan, PLAN_AFFINITY_FINAL, e);
}

static int do_set_oom(struct player *p, struct ps_err *e)
{
	return procfs_set_oom_score_adj(&init_of(p)->sb, p->plan->oom_score_adj, e);
}

/* exec: everything the container has, by its init's pidfd.  User namespace and what it owns first; what the host owns
 * needs the host's capabilities and goes before it. */
static int join_by_pidfd(int pidfd, uint64_t flags, struct ps_err *e)
{
	static const int kinds[] = { CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME, CLONE_NEWNS };
	uint64_t left = flags & ~(uint64_t)CLONE_NEWUSER;

	if (setns(pidfd, (int)flags) == 0)
		return 0;
	if (!(flags & CLONE_NEWUSER))
		return ps_fail_os(e, "join the container's namespaces");
	for (size_t i = 0; i < PS_COUNT(kinds); i++)
		if ((left & (uint64_t)kinds[i]) && setns(pidfd, kinds[i]) == 0)
			left &= ~(uint64_t)kinds[i];
	if (setns(pidfd, CLONE_NEWUSER) < 0)
		return ps_fail_os(e, "join the container's user namespace");
	if (left && setns(pidfd, (int)left) < 0)
		return ps_fail_os(e, "join the container's namespaces %#llx", (unsigned long long)left);
	return 0;
}

static int do_join_ns(struct player *p, struct ps_err *e)
{
	struct init *in = init_of(p);

	/* Our children will be the payload's neighbours from here on, with more rights than it has. */
	if (p->plan->bridge_late && guard_begin(&in->sb, e) < 0)
		return -1;
	if (p->plan->rootfs_fd == PLAN_NO_FD) {
		uint64_t flags = 0;

		/* While the host's /proc, where we are, is there. */
		if (labels_apply(&in->sb, e) < 0)
			return -1;
		for (PLAN_EACH(p->plan, struct plan_ns_join, j, p->plan->ns_joins))
			flags |= j->flag;
		if (join_by_pidfd(in->sb.fds[0], flags, e) < 0)
			return -1;
		close(in->sb.fds[0]);
		in->sb.fds[0] = -1;
		return 0;
	}
	return ns_join(&in->sb, ~(uint64_t)0, e);
}

static int do_unshare_ns(struct player *p, struct ps_err *e)
{
	const struct plan *plan = p->plan;
	uint64_t later = CLONE_NEWTIME | CLONE_NEWCGROUP;

	/* What the launcher's clone3 made; a bridge was cloned without. */
	if (!plan->bridge_early && !plan->bridge_late)
		later |= CLONE_NEWUSER | CLONE_NEWPID;
	return ns_unshare(&init_of(p)->sb, ~later, e);
}

static int do_unshared(struct player *p, struct ps_err *e) { (void)p; (void)e; return 0; }

static int do_become_root(struct player *p, struct ps_err *e)
{
	if (ns_become_root(&init_of(p)->sb, e) < 0)
		return -1;
	return die_with_launcher(e);
}

/*
 * Go on as our own child, a sibling in the launcher's eyes.  The old process reports and ends; the new one continues
 * with the next row once the launcher has adopted it.
 */
static int respawn(struct player *p, uint32_t row, struct ps_err *e)
{
	pid_t pid = clone_sibling();

	if (pid < 0)
		return ps_fail_os(e, "launch: clone the container's process");
	if (pid > 0) {
		struct script_msg m = { .row = row, .pid = pid };

		_exit(script_say(p->channel, &m, SCRIPT_MSG_SHORT) == SCRIPT_MSG_SHORT ? 0 : 1);
	}
	p->told = true;
	return 0;
}

static int do_enter_time(struct player *p, struct ps_err *e)
{
	/* Changed ids made us non-dumpable, and /proc/self the property of the host's root. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || ns_enter_time(&init_of(p)->sb, e) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? ps_fail_os(e, "make the process non-dumpable") : 0;
}

static int do_enter_cgroup_ns(struct player *p, struct ps_err *e) { return ns_unshare(&init_of(p)->sb, CLONE_NEWCGROUP, e); }
static int do_stage_mounts(struct player *p, struct ps_err *e) { return staging_put(&init_of(p)->sb, e); }
static int do_take_mounts(struct player *p, struct ps_err *e) { return staging_take(&init_of(p)->sb, e); }
static int do_isolate_mounts(struct player *p, struct ps_err *e) { return rootfs_isolate(&init_of(p)->sb, e); }
static int do_open_procfs(struct player *p, struct ps_err *e) { return procfs_open(&init_of(p)->sb, e); }
static int do_set_names(struct player *p, struct ps_err *e) { return ns_set_names(&init_of(p)->sb, e); }
static int do_lo_up(struct player *p, struct ps_err *e) { (void)p; return net_lo_up(e); }
static int do_open_uplink(struct player *p, struct ps_err *e) { return uplink_open(&init_of(p)->sb, e); }
static int do_open_resolver(struct player *p, struct ps_err *e) { return net_open_resolver(&init_of(p)->sb, e); }
static int do_attach_rootfs(struct player *p, struct ps_err *e) { return rootfs_attach(&init_of(p)->sb, e); }
static int do_mount(struct player *p, struct ps_err *e) { return mounts_apply(&init_of(p)->sb, e); }
static int do_make_devices(struct player *p, struct ps_err *e) { return devices_apply(&init_of(p)->sb, e); }
static int do_in_netns(struct player *p, struct ps_err *e) { (void)p; (void)e; return 0; }
static int do_set_sysctls(struct player *p, struct ps_err *e) { return sysctls_apply(&init_of(p)->sb, e); }
static int do_mask(struct player *p, struct ps_err *e)
{
	struct sandbox *sb = &init_of(p)->sb;

	/* The last hook that is the host's program has run: whoever is executed from here on has them. */
	return labels_apply(sb, e) < 0 || mounts_finish(sb, e) < 0 || rebinds_apply(sb, e) < 0 ? -1 : masks_apply(sb, e);
}

static int do_enter_rootfs(struct player *p, struct ps_err *e) { return rootfs_enter(&init_of(p)->sb, e); }
static int do_finish_rootfs(struct player *p, struct ps_err *e) { return rootfs_finish(&init_of(p)->sb, e); }
static int do_mounted(struct player *p, struct ps_err *e) { (void)p; (void)e; return 0; }

static int do_hooks_container(struct player *p, struct ps_err *e)
{
	/* Where runtimes have always run them: what they change is the root file system. */
	if (fchdir(init_of(p)->sb.root_fd) < 0)
		return ps_fail_os(e, "createContainer: chdir to the root file system");
	return hooks_run(p->plan, "createContainer", p->plan->create_container, "creating", getpid(), init_of(p)->sb.fds, false, NULL, NULL, e);
}

static int do_open_tty(struct player *p, struct ps_err *e)
{
	struct init *in = init_of(p);

	if (tty_open(&in->sb, e) < 0)
		return -1;
	return p->plan->rootfs_fd == PLAN_NO_FD ? 0 : tty_bind_console(&in->sb, e);
}

static int do_send_tty(struct player *p, struct ps_err *e)
{
	(void)e;
	p->tell.fd[p->tell.n++] = init_of(p)->sb.tty_master;
	return 0;
}

static int do_find_payload(struct player *p, struct ps_err *e)
{
	return payload_find(&init_of(p)->sb, init_of(p)->payload, e);
}

static int do_make_ruleset(struct player *p, struct ps_err *e)
{
	struct sandbox *sb = &init_of(p)->sb;

	if (landlock_prepare(sb, e) < 0)
		return -1;
	if (sb->objects_fd >= 0)
		p->tell.fd[p->tell.n++] = sb->objects_fd;
	return 0;
}

/*
 * Closed, not only close-on-exec: a neighbour in a shared pid namespace opens by /proc/PID/fd what we hold, the private
 * procfs among it, and a link of the rootfs to /proc/self/fd leads execve(2) there.
 */
static void let_go(struct sandbox *sb)
{
	ps_fd_close(&sb->root_fd);
	ps_fd_close(&sb->proc_fd);
	ps_fd_close(&sb->objects_fd);
	for (size_t i = 0; i < SANDBOX_N_TOPS; i++)
		ps_fd_close(&sb->top_fd[i]);
	for (uint32_t i = 0; i < sb->plan->fds.n; i++)
		if (i != sb->plan->agent_fd && (!sb->plan->start_container.n || (i != sb->plan->hook_stdout && i != sb->plan->hook_stderr)))
			ps_fd_close(&sb->fds[i]);
}

/*
 * What takes time, takes nothing from what a launch may still do to this container, and is not undone by it: done before the
 * gate where there is one.  Closing the last descriptor of a detached mount alone can take half a millisecond.
 */
static int begin_giving_up(struct init *in, struct ps_err *e)
{
	if (in->began_giving_up)
		return 0;
	in->began_giving_up = true;
	let_go(&in->sb);
	if (!in->sb.plan->has_process)
		return 0;
	payload_reset_signals();
	return keyring_join(&in->sb, e) < 0 ? -1 : caps_drop_bounding(&in->sb, e);
}

/*
 * Everything that the payload may not have, in the only order that works: limits while still privileged, the bounding
 * set while CAP_SETPCAP is there, the filter first where only CAP_SYS_ADMIN permits it, ids, capabilities, cwd.
 */
static int give_up(struct init *in, struct ps_err *e)
{
	struct sandbox *sb = &in->sb;
	static int (*const steps[])(const struct sandbox *, struct ps_err *) = { rlimits_apply, personality_apply, memory_policy_apply };
	const bool make_cwd = sb->plan->rootfs_fd != PLAN_NO_FD;

	if (begin_giving_up(in, e) < 0)
		return -1;
	if (!sb->plan->has_process)
		return 0;
	if (guard_begin(sb, e) < 0)
		return -1;
	umask(in->caller_umask);
	for (size_t i = 0; i < PS_COUNT(steps); i++)
		if (steps[i](sb, e) < 0)
			return -1;
	/* We may enter what the payload's user perhaps may not; in a user namespace it can be the other way round. */
	bool inside = rootfs_chdir(sb, make_cwd, NULL) == 0;

	if (payload_keep_fds(sb, e) < 0)
		return -1;
	if (sb->plan->no_new_privs ? no_new_privs_apply(sb, e) : seccomp_apply(sb, e))
		return -1;
	if (creds_apply(sb, e) < 0 || caps_apply(sb, e) < 0)
		return -1;
	return inside ? 0 : rootfs_chdir(sb, make_cwd, e);
}

/*
 * What permissions take away: in force before any program of the container runs, and after the last file that we read.  In this
 * order: a domain is a system call that the guard may forbid.
 */
static int confine(struct init *in, struct ps_err *e)
{
	if (in->confined)
		return 0;
	in->confined = true;
	if (mdwe_apply(&in->sb, e) < 0 || landlock_enter(&in->sb, e) < 0)
		return -1;
	return guard_apply(&in->sb, e);
}

static int do_give_up_early(struct player *p, struct ps_err *e)
{
	struct sandbox *sb = &init_of(p)->sb;

	/* A shared pid namespace: neighbours may trace us from here on, whatever we still hold would be theirs. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return ps_fail_os(e, "make the process non-dumpable");
	if (give_up(init_of(p), e) < 0)
		return -1;
	/* The change of ids has set it to fs.suid_dumpable, whatever that is here. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return ps_fail_os(e, "make the process non-dumpable");
	if (!sb->plan->has_process)
		return 0;
	if (payload_prepare(sb, e) < 0 || confine(init_of(p), e) < 0)
		return -1;
	return sb->plan->no_new_privs ? seccomp_apply(sb, e) : 0;
}

static int do_spawn_early(struct player *p, struct ps_err *e)
{
	return respawn(p, ROW_spawn_early, e) < 0 ? -1 : die_with_launcher(e);
}

/* Only what any payload may do from here on: its filter is in force.  The channel's EOF is the guard. */
static int do_spawn_late(struct player *p, struct ps_err *e) { return respawn(p, ROW_spawn_late, e); }
static int do_take_tty(struct player *p, struct ps_err *e) { return tty_take(&init_of(p)->sb, e); }

static int do_prepared(struct player *p, struct ps_err *e)
{
	if (p->gate_fd >= 0 && begin_giving_up(init_of(p), e) < 0)
		return -1;
	if (p->channel_opens && guard_prepare(&init_of(p)->sb, e) < 0)
		return -1;
	if (init_of(p)->dies_with_launcher)
		return 0;
	/* From `record` on the launcher may end: only the channel's EOF tells until then. */
	if (p->gate_fd >= 0 && !p->plan->bridge_late && prctl(PR_SET_PDEATHSIG, 0) < 0)
		return ps_fail_os(e, "clear the parent death signal");
	return 0;
}

/* A plan that was too large for the message: nobody can change it any more. */
static int map_plan(struct player *p, struct ps_err *e)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	ps_auto_fd int fd = p->heard.fd[--p->heard.n];
	struct stat st;

	if ((fcntl(fd, F_GET_SEALS) & seals) != seals || fstat(fd, &st) < 0)
		return ps_fail(e, PS_E_PEER, "launch: the plan of this launch is not sealed");
	p->new_plan_size = (size_t)st.st_size;
	p->new_plan = mmap(NULL, p->new_plan_size, PROT_READ, MAP_PRIVATE, fd, 0);
	return p->new_plan == MAP_FAILED ? ps_fail_os(e, "launch: map the plan of this launch") : 0;
}

/* What was made is of the first plan, so both are of one document; from here on the second counts. */
static int do_take_plan(struct player *p, struct ps_err *e)
{
	struct init *in = init_of(p);

	in->sb.host_pid = p->own_pid;

	if (p->heard.n && map_plan(p, e) < 0)
		return -1;
	const struct plan *plan = p->new_plan;

	if (!plan)
		return 0;
	if (p->new_plan_size < sizeof(*plan) || plan->magic != PLAN_MAGIC || plan->version != PLAN_VERSION ||
	    plan->size != p->new_plan_size || plan->fds.n != p->plan->fds.n || !plan_confines_as(plan, p->plan))
		return ps_fail(e, PS_E_PEER, "launch: the plan of this launch is not one of this runner");
	bool own_rules = !landlock_same(plan, p->plan);

	p->plan = in->sb.plan = plan;
	/* A domain more: whatever its rules say, those of the runner hold as well. */
	if (own_rules && landlock_prepare(&in->sb, e) < 0)
		return -1;
	return plan->has_process ? payload_find(&in->sb, in->payload, e) : 0;
}

/* The filter of a payload with no_new_privs is loaded last of all, but before any program of the container runs. */
static int load_filter(struct init *in, struct ps_err *e)
{
	const struct plan *p = in->sb.plan;

	/* In a shared pid namespace it came before anybody could see us; without no_new_privs, before the ids changed. */
	if (!p->no_new_privs || p->bridge_late || in->filtered)
		return 0;
	in->filtered = true;
	return seccomp_apply(&in->sb, e);
}

static int do_hooks_start(struct player *p, struct ps_err *e)
{
	/* Programs of the container: they get its environment, never the caller's. */
	environ = payload_env(&init_of(p)->sb, e);
	if (!environ || confine(init_of(p), e) < 0 || load_filter(init_of(p), e) < 0)
		return -1;
	return hooks_run(p->plan, "startContainer", p->plan->start_container, "created", getpid(), init_of(p)->sb.fds, false, NULL, NULL, e);
}

/*
 * With a gate, init keeps what it has until `start`.  A filter that has to be loaded before the ids
 * change waits as well: it might forbid what the next messages take.
 */
static int do_give_up_now(struct player *p, struct ps_err *e)
{
	struct init *in = init_of(p);
	const struct plan *plan = p->plan;

	if (p->gate_fd >= 0 || !plan->has_process || (plan->seccomp.n && !plan->no_new_privs))
		return 0;
	in->gave_up = true;
	return give_up(in, e) < 0 ? -1 : payload_prepare(&in->sb, e);
}

static int do_give_up(struct player *p, struct ps_err *e)
{
	return init_of(p)->gave_up ? 0 : give_up(init_of(p), e);
}

static int do_ready(struct player *p, struct ps_err *e)
{
	if (!p->plan->has_process)
		return ps_fail(e, PS_E_STATE, "the container has no process to start (config.json has no 'process')");
	if (p->plan->bridge_late)
		return 0;
	return payload_prepare(&init_of(p)->sb, e) < 0 ? -1 : confine(init_of(p), e);
}

static int do_execute(struct player *p, struct ps_err *e)
{
	if (load_filter(init_of(p), e) < 0 || (p->plan->reaper && reaper_split(&init_of(p)->sb, e) < 0))
		return -1;
	return payload_exec(&init_of(p)->sb, init_of(p)->payload, e);
}

#define RUN_INIT(row) do_##row
#define RUN_LAUNCHER(row) NULL
static int (*const init_rows[ROW_COUNT])(struct player *, struct ps_err *) = {
#define X(row, actor, then, when, note) [ROW_##row] = RUN_##actor(row),
	LAUNCH_SCRIPT(X)
#undef X
};

/* Map the boot block: private, so that the fd table can change; the file itself is sealed. */
static int boot(const char *arg, struct init *in, struct ps_err *e)
{
	uint32_t fd;
	struct stat st;

	if (!arg || ps_parse_u32(arg, &fd) < 0 || fstat((int)fd, &st) < 0 || st.st_size < (off_t)sizeof(struct launch_boot))
		return ps_fail(e, PS_E_USAGE, "this program is started by podshim only");
	char *block = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, (int)fd, 0);

	if (block == MAP_FAILED)
		return ps_fail_os(e, "init: map the boot block");
	close((int)fd);
	const struct launch_boot *b = (const void *)block;

	if (b->magic != LAUNCH_BOOT_MAGIC || b->version != LAUNCH_BOOT_VERSION || b->size != (uint64_t)st.st_size)
		return ps_fail(e, PS_E_BUG, "init: the boot block is not of this version");
	int *fds = (int *)(void *)(block + sizeof(*b));

	in->sb = (struct sandbox)SANDBOX_INIT((const void *)(block + b->plan_off), fds);
	in->tasks = fds + b->n_fds;
	in->n_tasks = b->n_tasks;
	in->sb.broker_fd = b->broker_fd;
	in->dies_with_launcher = in->sb.dies_with_launcher = b->dies_with_launcher;
	in->player = (struct player){ .me = INIT, .plan = in->sb.plan, .channel = b->channel_fd, .wait_ms = b->wait_ms,
				      .rows = init_rows, .gate_fd = b->gate_fd, .plan_fd = -1,
				      .channel_opens = b->dies_with_launcher };
	return 0;
}

int main(int argc, char **argv)
{
	static struct init in;
	struct ps_err e = { 0 };

	if (boot(argc == 2 ? argv[1] : NULL, &in, &e) < 0) {
		(void)ps_write_all(STDERR_FILENO, e.msg, strlen(e.msg));
		return 1;
	}
	(void)prctl(PR_SET_NAME, "podshim:init");
	in.caller_umask = umask(0);
	/* What we inherited beyond the promised fds survives until the exec only. */
	if (die_with_launcher(&e) < 0 || ps_cloexec_from(3 + in.sb.plan->preserve_fds, &e) < 0)
		return 1;
	(void)script_play(&in.player, ROW_spawn + 1, ROW_execute, &e);
	return 1;
}
