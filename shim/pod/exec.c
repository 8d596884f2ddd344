/* SPDX-License-Identifier: Apache-2.0
 * exec.c - an additional process in a running container: the launch script with a smaller plan.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/client.h"
#include "ipc/sock.h"
#include "shim/pod/container.h"
#include "shim/pod/exec_cgroup.h"
#include "shim/pod/oversee.h"
#include "shim/pod/passed.h"
#include "shim/pod/tighten.h"
#include "shim/policy/restrict.h"
#include "shim/sandbox/rootless.h"

struct execution {
	const struct pod_env *env;
	const struct pod_exec_request *r;
	struct container *c;
	struct bundle bundle;
	struct tighter tighter;      /* of --allow-X, --deny-X; else empty */
	struct ps_buf process_text, block;
	struct launch launch;
	struct foreground_signals signals;
	int master_fd;
};

static void execution_done(struct execution *x)
{
	foreground_restore_signals(&x->signals);
	ps_fd_close(&x->launch.broker);
	launch_done(&x->launch);
	ps_fd_close(&x->master_fd);
	ps_buf_done(&x->process_text);
	ps_buf_done(&x->block);
	bundle_done(&x->bundle);
	container_free(x->c);
}

/* Which namespaces of the container are not ours: the process behind pidfd can't change under us, its pid is verified. */
static int namespaces_to_enter(const struct container *c, uint64_t *ret, struct ps_err *e)
{
	static const struct { const char *name; uint64_t flag; } kinds[] = {
		{ "user", CLONE_NEWUSER }, { "pid", CLONE_NEWPID }, { "net", CLONE_NEWNET }, { "mnt", CLONE_NEWNS },
		{ "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS }, { "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME },
	};
	uint64_t flags = 0;
	char path[64];
	struct stat ours, theirs;

	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
		if (stat(path, &ours) < 0)
			continue; /* a kernel without this kind */
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->st.pid, kinds[i].name);
		if (stat(path, &theirs) < 0)
			return ps_fail_os(e, "container '%s': look at its %s namespace", c->st.id, kinds[i].name);
		if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
			flags |= kinds[i].flag;
	}
	if (!ps_proc_is(c->st.pid, c->st.pid_start))
		return ps_fail(e, PS_E_STATE, "container not running: '%s'", c->st.id);
	*ret = flags;
	return 0;
}

static size_t strv_len(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

/* env of the container with the additions; a name that is given again takes the old one's place. */
static int merge_env(struct ps_arena *a, struct spec_strs *env, const char *const *add, size_t n_add, struct ps_err *e)
{
	const char **v = ps_arena_array(a, env->n + n_add + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return ps_fail_os(e, "memory for the environment");
	for (size_t i = 0; i < env->n; i++)
		v[n++] = env->v[i];
	for (size_t i = 0; i < n_add; i++) {
		const char *eq = strchr(add[i], '=');
		size_t j = 0, len;

		if (!eq || eq == add[i])
			return ps_fail(e, PS_E_USAGE, "--env '%s': expected NAME=VALUE", add[i]);
		len = (size_t)(eq - add[i]) + 1;
		while (j < n && strncmp(v[j], add[i], len) != 0)
			j++;
		v[j] = add[i];
		n += j == n;
	}
	*env = (struct spec_strs){ v, n };
	return 0;
}

static int set_user(struct spec_user *u, const char *text, struct ps_err *e)
{
	char uid[16];
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	(void)snprintf(uid, sizeof(uid), "%.*s", (int)(n < sizeof(uid) ? n : sizeof(uid) - 1), text);
	if (n >= sizeof(uid) || ps_parse_u32(uid, &u->uid) < 0 || u->uid == UINT32_MAX ||
	    (colon && (ps_parse_u32(colon + 1, &u->gid) < 0 || u->gid == UINT32_MAX)))
		return ps_fail(e, PS_E_USAGE, "--user '%s': expected UID or UID:GID, both numbers", text);
	return 0;
}

static bool has_cap(const struct spec_strs *s, const char *cap)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], cap) == 0)
			return true;
	return false;
}

static int add_caps(struct ps_arena *a, struct spec_process *p, const struct pod_exec_request *r, struct ps_err *e)
{
	struct spec_strs *sets[] = { &p->caps.bounding, &p->caps.effective, &p->caps.permitted, &p->caps.ambient };

	for (size_t s = 0; r->n_caps && s < PS_COUNT(sets); s++) {
		const char **v = ps_arena_array(a, sets[s]->n + r->n_caps + 1, sizeof(*v));
		size_t n = 0;

		if (!v)
			return ps_fail_os(e, "memory for capabilities");
		for (size_t i = 0; i < sets[s]->n; i++)
			v[n++] = sets[s]->v[i];
		/* The inheritable set stays as it is, and only what is in it can be ambient. */
		for (size_t i = 0; i < r->n_caps; i++)
			if (sets[s] != &p->caps.ambient || has_cap(&p->caps.inheritable, r->caps[i]))
				v[n++] = r->caps[i];
		*sets[s] = (struct spec_strs){ v, n };
		p->caps.set = true;
	}
	return 0;
}

/* The container's own process with the request's overrides. */
static int process_from_flags(struct execution *x, struct spec_process *p, struct ps_err *e)
{
	const struct pod_exec_request *r = x->r;
	struct ps_arena *a = &x->bundle.arena;

	p->set = true;
	p->terminal = r->tty;
	p->args_flag = "command line";
	p->args = (struct spec_strs){ r->args, strv_len(r->args) };
	if (!p->args.n)
		return ps_fail(e, PS_E_USAGE, "exec needs a command after the container's id, or --process");
	if (r->cwd) {
		p->cwd = r->cwd;
		p->cwd_flag = "--cwd";
	}
	if (!p->cwd)
		p->cwd = "/";
	if (p->cwd[0] != '/')
		return ps_fail(e, PS_E_USAGE, "--cwd '%s': expected an absolute path", p->cwd);
	if (merge_env(a, &p->env, r->env, r->n_env, e) < 0 || add_caps(a, p, r, e) < 0)
		return -1;
	if (r->user && set_user(&p->user, r->user, e) < 0)
		return -1;
	if (r->user || r->n_groups)
		p->user_flag = r->user ? "--user" : "--additional-gids";
	if (r->n_groups) {
		uint32_t *g = ps_arena_array(a, p->user.n_groups + r->n_groups, sizeof(*g));

		if (!g)
			return ps_fail_os(e, "memory for groups");
		if (p->user.n_groups)
			memcpy(g, p->user.groups, p->user.n_groups * sizeof(*g));
		memcpy(g + p->user.n_groups, r->groups, r->n_groups * sizeof(*g));
		p->user.groups = g;
		p->user.n_groups += r->n_groups;
	}
	if (r->apparmor) {
		p->apparmor_profile = r->apparmor;
		p->apparmor_flag = "--apparmor";
	}
	if (r->process_label) {
		p->selinux_label = r->process_label;
		p->label_flag = "--process-label";
	}
	if (r->no_new_privs)
		p->no_new_privileges = true;
	return 0;
}

/* The paths of what is less were followed in a root that programs of the container may have changed: its own rules hold as well. */
static int keep_under(struct execution *x, const struct policy **p, struct ps_err *e)
{
	struct policy *own = ps_arena_new(&x->bundle.arena, struct policy);

	if (!own)
		return ps_fail_os(e, "memory for the policy");
	*own = **p;
	own->landlock_under = &x->bundle.policy->landlock;
	*p = own;
	return 0;
}

/* The caller's own file, a pipe of his shell's as well. */
static int read_process_file(const char *path, struct ps_buf *out, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? ps_fail_os(e, "open '%s'", path) : ps_read_fd(fd, path, SPEC_MAX_BYTES, out, e);
}

static int load_process(struct execution *x, const struct policy **ret, struct ps_err *e)
{
	struct ps_arena *a = &x->bundle.arena;
	struct spec_process own = x->bundle.spec->process;
	const struct spec_process *p = &own;
	const char *file = x->r->process_file;

	if (file) {
		if (read_process_file(file, &x->process_text, e) < 0 ||
		    spec_parse_process(a, file, x->process_text.data ? x->process_text.data : "", x->process_text.len, &p, e) < 0)
			return -1;
		if (x->r->tty && !p->terminal) {
			own = *p;
			own.terminal = true;
			p = &own;
		}
	} else if (process_from_flags(x, &own, e) < 0) {
		return -1;
	}
	const struct permissions *g = x->tighter.permissions ? x->tighter.permissions : x->bundle.permissions;
	const struct policy *base = x->tighter.policy ? x->tighter.policy : x->bundle.policy;

	for (size_t i = 0; g && i < x->r->n_env; i++)
		if (!permissions_hand_over(g, x->r->env[i]))
			return ps_fail(e, PS_E_DENIED, "--env '%.*s': the permissions of the container do not hand it over (--allow-env)",
				       (int)strcspn(x->r->env[i], "="), x->r->env[i]);
	if (policy_process_from_oci(a, file, p, base, ret, e) < 0 || (g && permissions_restrict_process(a, *ret, g, ret, e) < 0))
		return -1;
	return x->tighter.policy ? keep_under(x, ret, e) : 0;
}

static int check_request(const struct pod_exec_request *r, bool tty, struct ps_err *e)
{
	if (tty && r->detach && !r->console_socket)
		return ps_fail(e, PS_E_USAGE,
			       "cannot allocate tty if runc will detach without setting console socket: give --console-socket");
	if (r->console_socket && (!tty || !r->detach))
		return ps_fail(e, PS_E_USAGE, "cannot use console socket if runc will not detach or allocate tty");
	return 0;
}

static int on_console(void *ctx, int master_fd, struct ps_err *e)
{
	struct execution *x = ctx;

	if (x->r->console_socket)
		return fd_deliver(x->r->console_socket, master_fd, "/dev/ptmx", e);
	return foreground_keep(master_fd, &x->master_fd, e);
}

/* The supervisor that answers for the container answers for its further processes, too. */
static int ask_supervisor(struct execution *x, const struct policy *p, struct ps_err *e)
{
	const struct state *st = &x->c->st;
	const char *dot = st->pod[0] ? strrchr(st->id, '.') : NULL;
	uint32_t n = 0;
	int pair[2];

	if (!oversight_needed(p))
		return 0;
	/* It is in the user namespace of who made the container, and knows only peers that are there, too. */
	if (rootless_needed() && geteuid() != 0)
		return ps_fail(e, PS_E_UNSUPP,
			       "without root, nothing can be executed in container '%s': its permissions take a supervisor, which is in a user "
			       "namespace of its own; start the program with the container, or run podshim as root",
			       st->id);
	if (dot && ps_parse_u32(dot + 1, &n) < 0)
		return ps_fail(e, PS_E_CONFIG, "'%s' is no runner of pod '%s'", st->id, st->pod);
	if (sock_pair(pair, e) < 0)
		return -1;
	x->launch.broker = pair[1];
	int rc = guard_send(x->env->root, st->pod[0] ? st->pod : st->id, n, pair[0], x->r->narrow.n ? x->r->narrow.v : NULL, e);

	close(pair[0]);
	return rc < 0 ? ps_ctx(e, "the supervisor of '%s'", st->id) : 0;
}

static int compile(struct execution *x, const char **ret_program, struct ps_err *e)
{
	const struct policy *policy;
	const struct plan_request request = {
		.id = x->r->id, .no_new_keyring = true,
		/* A container without cgroups, as ordinary users may have, has none to join. */
		.cgroup_manager = x->c->st.n_cgroup_dirs && !x->c->st.unit[0] ? PLAN_CGROUPFS : PLAN_CGROUP_DISABLED,
		/* An ordinary user may not move a process from one part of the hierarchy to another: his systemd has it done. */
		.attach = x->c->st.unit_user && x->c->st.unit[0] ? x->c->st.unit : NULL,
		.target_pid = (uint32_t)x->c->st.pid, .preserve_fds = x->r->preserve_fds, .seccomp = seccomp_cached, .seccomp_ctx = &x->bundle.arena,
	};
	uint64_t enter;

	if (bundle_load_frozen(&x->bundle, &x->c->dir, &x->c->st, e) < 0 ||
	    bundle_permit_running(&x->bundle, x->env->root, &x->c->dir, &x->c->st, e) < 0 ||
	    (x->r->narrow.n && tighten(&x->bundle.arena, &x->bundle, x->env->root, &x->r->narrow, /* beside= */ true, &x->tighter, e) < 0) ||
	    load_process(x, &policy, e) < 0)
		return -1;
	pod_warn_all(x->env, policy);
	if (passed_check(x->env, x->bundle.permissions, policy, x->r->preserve_fds, e) < 0 || check_request(x->r, policy->process.terminal, e) < 0)
		return -1;
	if (namespaces_to_enter(x->c, &enter, e) < 0)
		return -1;
	if (!x->bundle.host && (host_probe(&x->bundle.arena, &x->bundle.host, e) < 0 ||
				(x->tighter.policy && host_probe_policy(&x->bundle.arena, &x->bundle.host, e) < 0)))
		return -1;
	if (plan_compile_exec(policy, x->bundle.host, &request, enter, &x->block, e) < 0)
		return -1;
	x->launch.plan = plan_view(x->block.data, x->block.len);
	*ret_program = policy->process.args.v[0];
	return x->launch.plan ? ask_supervisor(x, policy, e) : ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
}

/* conmon takes the pid file as the sign that the process really exists. */
static int deliver(struct execution *x, struct ps_err *e)
{
	struct launch *l = &x->launch;

	if ((x->r->pidfd_socket && fd_deliver(x->r->pidfd_socket, l->pidfd, "pidfd", e) < 0) ||
	    (x->r->pid_file && pid_file_write(x->r->pid_file, l->pid, e) < 0)) {
		launch_abort(l);
		return -1;
	}
	return 0;
}

static int launch(struct execution *x, struct ps_err *e)
{
	struct cgroup_dirs cg = container_cgroups(&x->c->st);
	const char *below[PS_COUNT(cg.v)] = { NULL };

	if (exec_cgroups(&x->bundle.arena, &x->r->cgroups, x->bundle.host, &cg, below, e) < 0)
		return -1;
	x->launch.cgroup_below = below;
	x->launch.target_pidfd = x->c->pidfd;
	x->launch.target_pid = (pid_t)x->c->st.pid;
	x->launch.cgroup_dirs = cg.v;
	x->launch.n_cgroup_dirs = cg.n;
	x->launch.ops = (struct launch_ops){ .console = on_console, .ctx = x };
	x->launch.told = pod_tell_plan(x->env, x->launch.plan);
	if (!x->r->detach && foreground_block_signals(&x->signals, e) < 0)
		return -1;
	if (launch_prepare(&x->launch, e) < 0 || launch_go(&x->launch, e) < 0 || deliver(x, e) < 0) {
		container_explain(&x->c->st, e);
		return -1;
	}
	return 0;
}

static int execute(struct execution *x, int *ret_status, struct ps_err *e)
{
	const enum runner_verb verb = x->r->ignore_paused ? RUNNER_VERB_EXEC_PAUSED : RUNNER_VERB_EXEC;
	const char *program, *id = x->r->id;

	if (container_open(x->env, id, /* lock= */ false, &x->c, e) < 0 ||
	    runner_check_verb(verb, runner_state_of(x->c->status), id, e) < 0 || compile(x, &program, e) < 0)
		return -1;
	auto_tape struct tape *tape = event_tape(&x->c->st);

	if (launch(x, e) < 0) {
		event_error(tape, id, e);
		return -1;
	}
	event_exec(tape, id, x->launch.pid, program);
	if (x->r->detach)
		return 0;
	if (foreground_wait(x->launch.pidfd, ps_take_fd(&x->master_fd), NULL, &(struct foreground_limits){ 0 }, ret_status, e) < 0)
		return -1;
	event_exec_exit(tape, id, x->launch.pid, *ret_status);
	return 0;
}

int pod_exec(const struct pod_env *env, const struct pod_exec_request *r, int *ret_status, struct ps_err *e)
{
	struct execution x ps_auto(execution_done) = { .env = env, .r = r, .launch = LAUNCH_INIT(NULL), .master_fd = -1 };
	int status = 0;

	if (execute(&x, &status, e) < 0)
		return -1;
	*ret_status = status;
	return 0;
}
