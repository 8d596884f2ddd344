/* SPDX-License-Identifier: Apache-2.0
 * launcher.c - the launcher's rows of the script.
 */
#include "shim/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "ipc/sock.h"
#include "shim/launch/agent.h"
#include "shim/launch/boot.h"
#include "shim/launch/clone.h"
#include "shim/launch/script.h"
#include "shim/launch/systemd.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/hooks.h"
#include "shim/sandbox/host_fds.h"
#include "shim/sandbox/labels.h"
#include "shim/sandbox/namespaces.h"
#include "shim/sandbox/resctrl.h"
#include "shim/sandbox/schedule.h"
#include "shim/sandbox/net_devices.h"

enum { WAIT_MS = 60000, END_MS = 1000, NO_MEMBER = 0 };

/* The launcher's working set while it plays. */
struct work {
	struct player player; /* first: rows get it back by a cast */
	struct launch *l;
	int *fds;
	struct cgroup_fds cgroups;
};

static struct work *work_of(struct player *p)
{
	return (struct work *)p;
}

static void work_done(struct work *w)
{
	if (w->fds) {
		host_fds_close(w->l->plan, w->fds);
		free(w->fds);
		w->fds = NULL;
	}
	cgroup_fds_close(&w->cgroups);
	script_fds_close(&w->player.heard);
}

static int do_open_host(struct player *p, struct ps_err *e)
{
	const struct work *w = work_of(p);
	const uint32_t store = p->plan->store_fd;

	if (host_fds_open(p->plan, w->fds, e) < 0)
		return -1;
	if (store >= p->plan->fds.n || w->l->store < 0 || w->fds[store] >= 0)
		return 0;
	w->fds[store] = fcntl(w->l->store, F_DUPFD_CLOEXEC, 3);
	return w->fds[store] < 0 ? ps_fail_os(e, "duplicate the store of what is written") : 0;
}

static int do_start_slice(struct player *p, struct ps_err *e)
{
	return cgroup_check_free(p->plan, e) < 0 ? -1 : systemd_start(p->plan, 0, &work_of(p)->l->made_cgroups, e);
}

static int do_make_cgroup2(struct player *p, struct ps_err *e)
{
	return cgroup_make(p->plan, 2, NO_MEMBER, e);
}

/* Where in the container's unit its init is: "" or, where its payload has made cgroups in there, "/a/b" below. */
static int below_unit(const struct launch *l, char *out, size_t size, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	const char *unit = plan_str(l->plan, l->plan->unit), *at;
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)l->target_pid);
	if (ps_read_file_at(AT_FDCWD, path, 1 << 16, &text, e) < 0)
		return ps_ctx(e, "look which cgroup of unit '%s' the container is in", unit);
	at = text.data ? strstr(text.data, unit) : NULL;
	at = at ? at + strlen(unit) : "";
	(void)snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
	return 0;
}

/* What init does before is to wait for this: nothing of the container runs outside its cgroup. */
static int do_enter_unit(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;
	char below[512];

	if (p->plan->rootfs_fd == PLAN_NO_FD)
		return below_unit(l, below, sizeof(below), e) < 0
			       ? -1 : systemd_attach(plan_str(p->plan, p->plan->unit), p->plan->unit_user, below, l->pid, e);
	if (cgroup_check_free(p->plan, e) < 0 || systemd_start(p->plan, l->pid, &l->made_cgroups, e) < 0)
		return -1;
	return cgroup_make(p->plan, 2, l->pid, e);
}

/* Init waits for this: the tasks files, then the trees that a container without a cgroup namespace gets to see. */
static int do_make_cgroup(struct player *p, struct ps_err *e)
{
	struct work *w = work_of(p);

	if (cgroup_make(p->plan, 1, p->plan->unit ? w->l->pid : NO_MEMBER, e) < 0)
		return -1;
	w->l->made_cgroups = true;
	if (cgroup_open(p->plan, 1, &w->cgroups, e) < 0 || host_fds_open_cgroups(p->plan, w->fds, e) < 0)
		return -1;
	for (unsigned i = 0; i < w->cgroups.n_tasks; i++)
		p->tell.fd[p->tell.n++] = w->cgroups.tasks[i];
	for (uint32_t i = 0; i < p->plan->fds.n; i++)
		if (PLAN_ROWS(p->plan, struct plan_fd, p->plan->fds)[i].kind == PLAN_FD_CGROUP_MNT)
			p->tell.fd[p->tell.n++] = w->fds[i];
	return 0;
}

static int do_limit_cgroup(struct player *p, struct ps_err *e)
{
	return cgroup_limit(p->plan, e);
}

/* In the child of the vfork: let the inherited fds through the exec and become the init image. */
struct spawn {
	int image_fd, boot_fd, channel_fd, gate_fd, broker_fd;
	int stdio[3], payload_channel;
	uint32_t payload_channel_at;
	const int *fds, *tasks;
	uint32_t n_fds, n_tasks, preserve_fds;
	char boot_arg[16];
	int exec_errno;
};

static int keep(int fd)
{
	return fd < 0 ? 0 : fcntl(fd, F_SETFD, 0);
}

/* What is not to be inherited from us as it is. */
static int place_fds(const struct spawn *s)
{
	for (int i = 0; i < 3; i++)
		if (s->stdio[i] >= 0 && dup2(s->stdio[i], i) < 0)
			return -1;
	return s->payload_channel < 0 ? 0 : dup2(s->payload_channel, (int)s->payload_channel_at);
}

/* The payload's channel takes a number that the owner has kept free: nothing that init needs may have it. */
static int check_channel(const struct spawn *s, struct ps_err *e)
{
	const int at = s->payload_channel < 0 ? -1 : (int)s->payload_channel_at;
	const int own[] = { s->image_fd, s->boot_fd, s->channel_fd, s->gate_fd, s->broker_fd };
	bool taken = false;

	for (size_t i = 0; i < PS_COUNT(own); i++)
		taken |= at >= 0 && own[i] == at;
	for (uint32_t i = 0; i < s->n_fds; i++)
		taken |= at >= 0 && s->fds[i] == at;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		taken |= at >= 0 && s->tasks[i] == at;
	return taken ? ps_fail(e, PS_E_BUG, "launch: descriptor %d of the payload's channel is taken", at) : 0;
}

static int spawn_child(void *arg)
{
	struct spawn *s = arg;
	char *argv[] = { (char[]){ "podshim-init" }, s->boot_arg, NULL };
	/* /proc/PID/environ of a waiting init may be read by neighbours: the caller's is not for them. */
	char *no_env[] = { NULL };

	/* What the caller left open is not init's to hold while it waits for a start. */
	if (ps_cloexec_from(3 + s->preserve_fds, NULL) < 0 || place_fds(s) < 0) {
		s->exec_errno = errno;
		return 127;
	}
	keep(s->boot_fd);
	keep(s->channel_fd);
	keep(s->gate_fd);
	keep(s->broker_fd);
	for (uint32_t i = 0; i < s->n_fds; i++)
		keep(s->fds[i]);
	for (uint32_t i = 0; i < s->n_tasks; i++)
		keep(s->tasks[i]);
	ps_sys_execveat(s->image_fd, "", argv, no_env, AT_EMPTY_PATH);
	s->exec_errno = errno;
	return 127;
}

/* Hooks may run for ever unless they have a timeout; then so may a wait for them. */
static int wait_ms(const struct plan *p)
{
	const struct plan_list lists[] = { p->create_container, p->start_container, p->prestart, p->create_runtime };

	uint64_t ms = WAIT_MS;

	for (size_t i = 0; i < PS_COUNT(lists); i++) {
		const struct plan_hook *h = PLAN_ROWS(p, struct plan_hook, lists[i]);

		for (uint32_t k = 0; k < lists[i].n; k++) {
			if (!h[k].timeout_s)
				return -1;
			ms += h[k].timeout_s * UINT64_C(1000);
		}
	}
	return ms > INT32_MAX ? -1 : (int)ms;
}

static int make_boot(const struct work *w, int channel_fd, struct ps_err *e)
{
	const struct launch *l = w->l;
	size_t fds_off = sizeof(struct launch_boot);
	size_t tasks_off = fds_off + l->plan->fds.n * sizeof(int32_t);
	size_t plan_at_off = (tasks_off + w->cgroups.n_tasks * sizeof(int32_t) + 15) & ~(size_t)15;
	size_t size = plan_at_off + l->plan->size;
	ps_auto_mem char *head = calloc(1, plan_at_off);

	if (!head)
		return ps_fail_os(e, "launch: memory for the boot block");
	struct launch_boot boot = {
		.magic = LAUNCH_BOOT_MAGIC, .version = LAUNCH_BOOT_VERSION,
		.size = (uint32_t)size, .plan_off = (uint32_t)plan_at_off, .plan_size = l->plan->size,
		.channel_fd = channel_fd, .gate_fd = l->gate_fd, .broker_fd = l->broker, .wait_ms = wait_ms(l->plan),
		.n_fds = l->plan->fds.n, .n_tasks = w->cgroups.n_tasks, .dies_with_launcher = l->dies_with_us,
	};
	memcpy(head, &boot, sizeof(boot));
	memcpy(head + fds_off, w->fds, boot.n_fds * sizeof(int32_t));
	memcpy(head + tasks_off, w->cgroups.tasks, boot.n_tasks * sizeof(int32_t));
	const struct shm_part parts[] = { { head, plan_at_off }, { l->plan, l->plan->size } };

	return shm_sealed_parts("podshim-boot", parts, PS_COUNT(parts), /* exec= */ false, e);
}

static int kept_image = -1;

static int make_image(struct ps_err *e)
{
	return shm_sealed_copy("podshim-init", launch_init_image, (size_t)(launch_init_image_end - launch_init_image),
			       /* exec= */ true, e);
}

int launch_keep_image(struct ps_err *e)
{
	if (kept_image < 0)
		kept_image = make_image(e);
	return kept_image < 0 ? -1 : 0;
}

static uint64_t spawn_flags(const struct plan *p)
{
	/* The rest is init's own business: it makes them while we make cgroups.  A bridge has to join others' first. */
	if (p->bridge_early || p->bridge_late)
		return 0;
	return p->ns_new & CLONE_NEWPID;
}

/* What the child is born in or joins; but for what systemd moves it into. */
static int open_cgroups(struct work *w, struct ps_err *e)
{
	const struct launch *l = w->l;

	if (l->plan->unit && !l->plan->unit_slice)
		return 0;
	return l->n_cgroup_dirs ? cgroup_open_dirs(l->cgroup_dirs, l->n_cgroup_dirs, l->cgroup_below, l->target_pid, &w->cgroups, e)
				: cgroup_open(l->plan, 2, &w->cgroups, e);
}

static int do_spawn(struct player *p, struct ps_err *e)
{
	struct work *w = work_of(p);
	struct launch *l = w->l;
	int pair[2], pidfd = -1;
	sigset_t all, old;

	if (labels_check(p->plan, e) < 0 || resctrl_check(p->plan, e) < 0 || agent_call(p->plan, w->fds, e) < 0 || open_cgroups(w, e) < 0)
		return -1;
	/* The child has them from birth, and until it is in its cgroups. */
	if (affinity_apply(p->plan, PLAN_AFFINITY_INITIAL, e) < 0 || sock_pair(pair, e) < 0)
		return -1;
	p->channel = l->channel = pair[0];
	ps_auto_fd int theirs = pair[1];
	ps_auto_fd int boot = make_boot(w, theirs, e);
	ps_auto_fd int own_image = boot < 0 || kept_image >= 0 ? -1 : make_image(e);
	const int image = kept_image >= 0 ? kept_image : own_image;
	if (boot < 0 || image < 0)
		return -1;
	struct spawn s = {
		.image_fd = image, .boot_fd = boot, .channel_fd = theirs, .gate_fd = l->gate_fd, .broker_fd = l->broker,
		.preserve_fds = p->plan->preserve_fds, .fds = w->fds, .n_fds = p->plan->fds.n, .tasks = w->cgroups.tasks, .n_tasks = w->cgroups.n_tasks,
		.stdio = { l->stdio[0], l->stdio[1], l->stdio[2] },
		.payload_channel = l->payload_channel, .payload_channel_at = p->plan->channel_fd,
	};
	if (check_channel(&s, e) < 0)
		return -1;
	(void)snprintf(s.boot_arg, sizeof(s.boot_arg), "%d", boot);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = clone_vfork(spawn_flags(p->plan), w->cgroups.v2_fd, spawn_child, &s, &pidfd);
	int clone_errno = errno;

	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0) {
		errno = clone_errno;
		return ps_fail_os(e, "launch: clone3 with namespaces %#llx",
				  (unsigned long long)spawn_flags(p->plan));
	}
	l->pid = pid;
	l->pidfd = pidfd;
	if (s.exec_errno) {
		errno = s.exec_errno;
		return ps_fail_os(e, "launch: execute the init image");
	}
	return 0;
}

static int do_supervise(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;

	return l->ops.meanwhile ? l->ops.meanwhile(l->ops.ctx, e) : 0;
}

static int do_write_id_maps(struct player *p, struct ps_err *e)
{
	return ns_write_id_maps(p->plan, work_of(p)->l->pid, e);
}

/* A bridge has made init as our child: know it by pidfd before it goes on, and see the bridge off. */
static int adopt(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;
	siginfo_t info;
	int status;

	if (p->heard_pid <= 0)
		return ps_fail(e, PS_E_PEER, "launch: the bridge did not say which process it made");
	/* Our child until we reap it: the number can't have been given away. */
	ps_auto_fd int pidfd = ps_pidfd_open(p->heard_pid);

	if (pidfd < 0)
		return ps_fail_os(e, "launch: pidfd_open of the container's process %d", (int)p->heard_pid);
	/* A neighbour that traces the bridge's child has our channel: what it names may be anybody. */
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return ps_fail_os(e, "launch: the container's process %d is no child of ours", (int)p->heard_pid);
	if (ps_pidfd_reap(l->pidfd, &status, e) < 0)
		return -1;
	close(l->pidfd);
	l->pid = p->heard_pid;
	l->pidfd = ps_take_fd(&pidfd);
	return 0;
}

static int do_adopt_early(struct player *p, struct ps_err *e) { return adopt(p, e); }
static int do_adopt_late(struct player *p, struct ps_err *e) { return adopt(p, e); }

static int console(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;
	ps_auto_fd int master = p->heard.n ? p->heard.fd[--p->heard.n] : -1;

	if (!p->plan->has_process || !p->plan->terminal)
		return 0;
	if (master < 0)
		return ps_fail(e, PS_E_PEER, "launch: init sent no terminal");
	return l->ops.console ? l->ops.console(l->ops.ctx, master, e) : 0;
}

static int do_move_net(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;

	return net_devices_move(p->plan, l->pid, &l->net_moves, e);
}

static int do_hooks_runtime(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;

	l->hooks_began = true;
	if (hooks_run(p->plan, "prestart", p->plan->prestart, "creating", l->pid, work_of(p)->fds, false, NULL, NULL, e) < 0)
		return -1;
	return hooks_run(p->plan, "createRuntime", p->plan->create_runtime, "creating", l->pid, work_of(p)->fds, false, NULL, NULL, e);
}

/* Told by the row make_ruleset, behind the terminal. */
static int take_objects(struct player *p, struct ps_err *e)
{
	const struct plan *plan = p->plan;

	if (plan->rootfs_fd == PLAN_NO_FD || !(plan->landlock_fs || plan->landlock_scoped))
		return 0;
	if (!p->heard.n)
		return ps_fail(e, PS_E_PEER, "launch: init did not say what its rules are about");
	work_of(p)->l->objects = p->heard.fd[--p->heard.n];
	return 0;
}

static int do_schedule(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;
	const pid_t pid = l->pid;

	if (p->plan->rootfs_fd != PLAN_NO_FD && resctrl_make(p->plan, l->makes_rdt, &l->made_rdt, e) < 0)
		return -1;
	if (resctrl_join(p->plan, pid, e) < 0)
		return -1;
	return scheduler_apply(p->plan, pid, e) < 0 ? -1 : io_priority_apply(p->plan, pid, e);
}

static int do_record(struct player *p, struct ps_err *e)
{
	struct launch *l = work_of(p)->l;

	if (take_objects(p, e) < 0 || console(p, e) < 0)
		return -1;
	p->tell_pid = l->pid;
	return l->ops.record ? l->ops.record(l->ops.ctx, l->pid, l->pidfd, e) : 0;
}

static int do_open_gate(struct player *p, struct ps_err *e)
{
	(void)e;
	if (p->plan_fd >= 0)
		p->tell.fd[p->tell.n++] = p->plan_fd;
	return 0;
}

#define RUN_LAUNCHER(row) do_##row
#define RUN_INIT(row) NULL
static int (*const launcher_rows[ROW_COUNT])(struct player *, struct ps_err *) = {
#define X(row, actor, then, when, note) [ROW_##row] = RUN_##actor(row),
	LAUNCH_SCRIPT(X)
#undef X
};

static struct player launcher(const struct plan *plan, int channel)
{
	return (struct player){ .me = LAUNCHER, .plan = plan, .channel = channel, .wait_ms = plan ? wait_ms(plan) : -1,
				.rows = launcher_rows, .gate_fd = -1, .plan_fd = -1 };
}

/* Init ended without a word: how?  Asked before it is killed for good. */
static void explain_end(struct launch *l, struct ps_err *e)
{
	int status;

	if (!e || e->cls != PS_E_PEER || l->pidfd < 0 || ps_pidfd_wait_exit(l->pidfd, END_MS) != 0 ||
	    ps_pidfd_reap(l->pidfd, &status, NULL) < 0)
		return;
	ps_fd_close(&l->pidfd);
	if (status > 128)
		ps_ctx(e, "container's init was killed by signal %d", status - 128);
}

int launch_prepare(struct launch *l, struct ps_err *e)
{
	struct work w ps_auto(work_done) = { .player = launcher(l->plan, -1), .l = l, .cgroups = CGROUP_FDS_INIT };

	w.player.told_of = l->told;
	w.fds = malloc((l->plan->fds.n + 1) * sizeof(int));
	if (!w.fds)
		return ps_fail_os(e, "launch: memory for %u fds", l->plan->fds.n);
	for (uint32_t i = 0; i < l->plan->fds.n; i++)
		w.fds[i] = -1;
	if (l->target_pidfd >= 0)
		w.fds[0] = fcntl(l->target_pidfd, F_DUPFD_CLOEXEC, 3);
	if (script_play(&w.player, ROW_open_host, ROW_record, e) < 0) {
		explain_end(l, e);
		launch_abort(l);
		return -1;
	}
	return 0;
}

int launch_go(struct launch *l, struct ps_err *e)
{
	struct player p = launcher(l->plan, l->channel);

	p.told_of = l->told;
	if (script_play(&p, ROW_open_gate, ROW_execute, e) < 0) {
		explain_end(l, e);
		launch_abort(l);
		return -1;
	}
	ps_fd_close(&l->channel);
	net_devices_forget(&l->net_moves);
	return 0;
}

int launch_go_by_gate(int conn_fd, const struct launch_told *told, bool *ret_hook_failed, struct ps_err *e)
{
	struct player p = launcher(NULL, conn_fd);

	p.told_of = *told;
	const int rc = script_play(&p, ROW_open_gate, ROW_execute, e);

	*ret_hook_failed = p.failed_row == ROW_hooks_start;
	return rc;
}

int launch_gate_open(struct launch_gate *g, int conn_fd, const struct plan *plan, struct ps_err *e)
{
	struct player p = launcher(NULL, conn_fd);
	ps_auto_fd int fd = -1;

	if (plan && plan->size > SCRIPT_PLAN_MAX) {
		fd = shm_sealed_copy("podshim-plan", plan, plan->size, /* exec= */ false, e);
		if (fd < 0)
			return -1;
		p.plan_fd = fd;
	} else {
		p.new_plan = plan;
	}
	*g = (struct launch_gate){ .conn_fd = conn_fd, .row = ROW_open_gate + 1 };
	return script_play(&p, ROW_open_gate, ROW_open_gate, e);
}

/* From row on, the first that init reports. */
static uint32_t next_report(uint32_t row)
{
	while (row <= ROW_execute && (launch_script[row].actor != INIT || launch_script[row].then != LAUNCHER))
		row++;
	return row;
}

int launch_gate_hear(struct launch_gate *g, struct ps_err *e)
{
	struct player p = launcher(NULL, g->conn_fd);

	g->row = next_report(g->row);
	if (script_play(&p, g->row, g->row, e) < 0) {
		g->hook_failed = p.failed_row == ROW_hooks_start;
		return -1;
	}
	g->row = next_report(g->row + 1);
	return g->row > ROW_execute;
}

/*
 * In a version 1 freezer nobody dies before it is thawed: end all in cgroups that are this runner's alone.  A container that
 * exec has joined stays frozen; what was killed there ends when it is thawed.
 */
static void end_frozen(const struct launch *l)
{
	char names[CGROUP_MAX][512];
	const char *dirs[CGROUP_MAX];
	unsigned n = 0;

	for (PLAN_EACH(l->plan, struct plan_cgroup, cg, l->plan->cgroups)) {
		if (n == CGROUP_MAX)
			break;
		int len = snprintf(names[n], sizeof(names[n]), "%s/%s", plan_str(l->plan, cg->mount),
				   plan_str(l->plan, cg->path));

		if (len >= 0 && (size_t)len < sizeof(names[n])) {
			dirs[n] = names[n];
			n++;
		}
	}
	if (n && cgroup_frozen(dirs, n) == 1)
		(void)cgroup_kill_all(dirs, n, NULL);
}

void launch_abort(struct launch *l)
{
	int status;

	/* While its namespace is still there. */
	net_devices_return(&l->net_moves);
	if (l->pidfd >= 0) {
		(void)ps_pidfd_kill(l->pidfd, SIGKILL);
		if (l->made_cgroups)
			end_frozen(l);
		if (ps_pidfd_wait_exit(l->pidfd, END_MS) == 0)
			(void)ps_pidfd_reap(l->pidfd, &status, NULL);
	}
	launch_done(l);
}

void launch_done(struct launch *l)
{
	ps_fd_close(&l->channel);
	ps_fd_close(&l->pidfd);
	ps_fd_close(&l->objects);
	net_devices_forget(&l->net_moves);
}
