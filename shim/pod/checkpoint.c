/* SPDX-License-Identifier: Apache-2.0
 * checkpoint.c - writes the processes of a container to images, by criu.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/criu.h"
#include "shim/sandbox/cgroup.h"

#define LOG_NAME "dump.log"

/* Names by which restore gives criu the namespaces that a container joined; those of runc and crun. */
static const struct { uint64_t flag; const char *proc, *criu, *key; } joined[] = {
	{ CLONE_NEWNET, "net", "net", "extRootNetNS" },
	{ CLONE_NEWPID, "pid", "pid", "extRootPidNS" },
};

/* What criu could dump, and what it is told of, would be another container's, or not all of it. */
static int check_record(const struct container *c, struct ps_err *e)
{
	const char *id = c->st.id;

	if (c->st.pod[0])
		return ps_fail(e, PS_E_UNSUPP, "container '%s' is a runner of pod '%s', which holds its channel and output: it cannot be checkpointed", id,
			       c->st.pod);
	if (c->st.permitted)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' is under permissions: it cannot be checkpointed, criu keeps neither Landlock domains nor system calls that a supervisor answers",
			       id);
	if (faccessat(c->dir.dir_fd, "control.sock", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has a channel to its supervisor: it cannot be checkpointed; make it with --no-channel", id);
	if (c->st.owner != 0 || geteuid() != 0)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be checkpointed: criu takes root, outside and inside", id);
	return 0;
}

static int put_namespaces(struct ps_buf *opts, const struct plan *p, pid_t pid, struct ps_err *e)
{
	char path[48], text[80];
	struct stat st;

	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins)) {
		for (size_t i = 0; i < PS_COUNT(joined); i++) {
			if (j->flag != joined[i].flag)
				continue;
			(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, joined[i].proc);
			if (stat(path, &st) < 0)
				return ps_fail_os(e, "look at '%s'", path);
			(void)snprintf(text, sizeof(text), "%s[%lu]:%s", joined[i].criu, (unsigned long)st.st_ino, joined[i].key);
			criu_put_text(opts, CRIU_EXTERNAL, text);
		}
	}
	return 0;
}

static void put_stdio(struct ps_buf *opts, const struct criu_stdio *s)
{
	for (size_t i = 0; i < PS_COUNT(s->key); i++)
		if (s->key[i] && !strncmp(s->key[i], "file[", 5))
			criu_put_text(opts, CRIU_EXTERNAL, s->key[i]);
}

/* The one that pause would use, so that what is frozen already is seen to be. */
static void put_freezer(struct ps_buf *opts, const struct state *st)
{
	static const char *const files[] = { "cgroup.freeze", "freezer.state" };
	char path[600];

	for (size_t f = 0; f < PS_COUNT(files); f++)
		for (unsigned i = 0; i < st->n_cgroup_dirs; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", st->cgroup_dirs[i], files[f]);
			if (access(path, F_OK) == 0) {
				criu_put_text(opts, CRIU_FREEZE_CGROUP, st->cgroup_dirs[i]);
				return;
			}
		}
}

static int put_parent(struct ps_buf *opts, const struct pod_checkpoint_request *r, const struct criu_dirs *d, struct ps_err *e)
{
	struct stat st;

	criu_put_flag(opts, CRIU_TRACK_MEM, r->parent_path || r->pre_dump);
	if (!r->parent_path)
		return 0;
	if (*r->parent_path == '/')
		return ps_fail(e, PS_E_USAGE, "--parent-path '%s' must be relative to --image-path", r->parent_path);
	if (fstatat(d->images, r->parent_path, &st, 0) < 0)
		return ps_fail_os(e, "--parent-path: look at '%s/%s'", r->criu.image_path, r->parent_path);
	if (!S_ISDIR(st.st_mode))
		return ps_fail(e, PS_E_USAGE, "--parent-path '%s' is no folder", r->parent_path);
	criu_put_text(opts, CRIU_PARENT_IMG, r->parent_path);
	return 0;
}

static int put_lazy(struct ps_buf *opts, const struct pod_checkpoint_request *r, struct ps_err *e)
{
	if (r->page_server)
		criu_put_text_number(opts, CRIU_PAGE_SERVER, r->page_server, (int64_t)r->page_server_port);
	if (r->status_fd < 0)
		return 0;
	const int flags = fcntl(r->status_fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return ps_fail(e, PS_E_USAGE, "--status-fd %d is not open for writing", r->status_fd);
	criu_put_number(opts, CRIU_STATUS_FD, r->status_fd);
	return 0;
}

struct dump {
	struct bundle bundle;
	struct ps_buf block, opts;
	const struct plan *plan;
	struct criu_dirs dirs;
	struct criu criu;
};

static void dump_done(struct dump *d)
{
	criu_done(&d->criu);
	criu_dirs_close(&d->dirs);
	ps_buf_done(&d->opts);
	ps_buf_done(&d->block);
	bundle_done(&d->bundle);
}

static int load(const struct pod_env *env, const struct container *c, struct dump *d, struct ps_err *e)
{
	const struct pod_create_request request = { .id = c->st.id };

	if (bundle_load_frozen(&d->bundle, &c->dir, &c->st, e) < 0 || bundle_plan(&d->bundle, env, &request, &d->block, e) < 0)
		return -1;
	d->plan = plan_view(d->block.data, d->block.len);
	if (!d->plan)
		return ps_fail(e, PS_E_BUG, "container '%s': the compiled plan is not valid", c->st.id);
	return criu_check_plan(d->plan, c->st.id, "checkpointed", e);
}

static int put_options(const struct container *c, const struct pod_checkpoint_request *r, struct dump *d, struct ps_err *e)
{
	struct ps_arena *a = &d->bundle.arena;
	struct ps_buf *opts = &d->opts;
	struct criu_mounts m;
	struct criu_externals x;
	struct criu_stdio s;

	if (criu_put_common(opts, &r->criu, &d->dirs, LOG_NAME, e) < 0 || criu_put_config(opts, d->bundle.policy, e) < 0 ||
	    put_parent(opts, r, &d->dirs, e) < 0 || put_lazy(opts, r, e) < 0 || put_namespaces(opts, d->plan, c->st.pid, e) < 0)
		return -1;
	criu_put_number(opts, CRIU_PID, c->st.pid);
	criu_put_text(opts, CRIU_ROOT, c->st.rootfs);
	criu_put_flag(opts, CRIU_LEAVE_RUNNING, r->leave_running);
	put_freezer(opts, &c->st);
	if (r->pre_dump)
		return 0;
	if (criu_mounts_read(a, c->st.pid, &m, e) < 0 || criu_externals(a, d->plan, c->st.pid, &m, &x, e) < 0 ||
	    criu_stdio_look(a, c->st.pid, &m, &s, e) < 0 || criu_stdio_write(&d->dirs, &s, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++)
		criu_put_pair(opts, CRIU_EXT_MNT, x.v[i].at, x.v[i].at);
	put_stdio(opts, &s);
	return opts->failed ? ps_fail_os(e, "memory for criu's options") : 0;
}

/* Whatever criu came to, what ran before it runs on. */
static void thaw(const struct container *c, bool was_paused)
{
	const struct cgroup_dirs cg = container_cgroups(&c->st);

	if (!was_paused && cg.n && cgroup_frozen(cg.v, cg.n) == 1)
		(void)cgroup_freeze(cg.v, cg.n, false, NULL);
}

static int dump(const struct pod_env *env, const struct container *c, const struct pod_checkpoint_request *r, struct ps_err *e)
{
	struct dump d ps_auto(dump_done) = { .dirs = CRIU_DIRS_NONE, .criu = CRIU_NONE };
	const struct launch_helper helper = { .keep = NULL };
	struct criu_reply reply;

	d.criu.what = r->pre_dump ? "pre-dump" : "dump";
	if (load(env, c, &d, e) < 0 || criu_dirs_open(&r->criu, /* make= */ true, LOG_NAME, &d.dirs, e) < 0 || put_options(c, r, &d, e) < 0)
		return -1;
	if (criu_start(&d.criu, &helper, e) < 0)
		return -1;
	const int rc = criu_talk(&d.criu, r->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, &d.opts, &d.dirs, &reply, e);

	thaw(c, c->status == STATE_PAUSED);
	return rc < 0 ? ps_ctx(e, "checkpoint of container '%s'", c->st.id) : 0;
}

int pod_checkpoint(const struct pod_env *env, const struct pod_checkpoint_request *r, struct ps_err *e)
{
	auto_container struct container *c = NULL;

	if (container_open(env, r->id, /* lock= */ true, &c, e) < 0 ||
	    runner_check_verb(RUNNER_VERB_CHECKPOINT, runner_state_of(c->status), r->id, e) < 0 || check_record(c, e) < 0)
		return -1;
	if (dump(env, c, r, e) < 0) {
		auto_tape struct tape *tape = event_tape(&c->st);

		event_error(tape, r->id, e);
		return -1;
	}
	/* Its processes are in the images, and no longer here. */
	return r->leave_running || r->pre_dump ? 0 : container_destroy(env, &c->dir, &c->st, NULL, /* poststop_owed= */ true, e);
}
