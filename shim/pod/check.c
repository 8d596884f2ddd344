/* SPDX-License-Identifier: Apache-2.0
 * check.c - what `run` would decide, with everything that it would refuse told instead of the first thing alone.
 */
#include "shim/pod/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/launch/fork.h"
#include "shim/pod/container.h"
#include "shim/pod/program.h"
#include "shim/sandbox/rootless.h"

struct checking {
	struct check_report *r;
	const struct pod_env *env;
	const struct pod_create_request *q;
	struct survey survey;
	struct pod_env ours;         /* as it is after entering a user namespace */
	struct bundle bundle;
	struct ps_buf document;      /* config.json without what was refused; and where it was */
	char dir[PATH_MAX];
	struct ps_err unplanned;     /* why what is left has no plan; class PS_OK: it has one */
	bool failed;                 /* memory */
};

/* ---- The host ---- */

/* A process of ours makes one, and ends. */
static int try_user_namespace(struct survey *s, struct ps_err *e)
{
	int pidfd = -1, status = 0, pair[2];
	struct ps_err why = { 0 };

	if (pipe2(pair, O_CLOEXEC) < 0)
		return ps_fail_os(e, "try a user namespace");
	ps_auto_fd int in = pair[0], out = pair[1];
	const pid_t pid = launch_fork(&pidfd, e);

	if (pid == 0) {
		if (rootless_enter(NULL, &why) == 0)
			_exit(0);
		(void)ps_write_all(out, why.msg, strnlen(why.msg, sizeof(why.msg)));
		_exit(1);
	}
	ps_auto_fd int child = pidfd;

	if (pid < 0)
		return -1;
	ps_fd_close(&out);
	const ssize_t n = read(in, s->user_ns_error, sizeof(s->user_ns_error) - 1);

	s->user_ns_error[n > 0 ? n : 0] = '\0';
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)child;
	s->can_user_ns = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return 0;
}

/* ---- The target ---- */

static void find_error(struct checking *c, const char *subject, const struct ps_err *why)
{
	c->failed |= check_find(c->r, subject, why->where, why->msg, /* fails= */ true, check_code_of(why->msg)) < 0;
}

static bool is_best_effort(const struct permissions *g)
{
	return g && g->settings.best_effort.set && g->settings.best_effort.v;
}

static void on_unwatched(void *ctx, const struct ps_err *why)
{
	struct checking *c = ctx;

	c->failed |= check_find(c->r, "limits", why->where, why->msg, !is_best_effort(c->bundle.permissions), check_code_of(why->msg)) < 0;
}

/* The same steps as creation_new(), and none of what it makes. */
static int load(struct checking *c, struct ps_err *e)
{
	const struct permits_use use = { .root = c->ours.root ? c->ours.root : "", .judge = true };
	struct bundle *b = &c->bundle;

	if (c->q->program)
		return bundle_load_program(b, &use, c->q, e);
	if (c->document.data ? bundle_load_text(b, c->dir, &c->document, e) < 0 : bundle_load(b, c->q->bundle, c->q->config, e) < 0)
		return -1;
	return unprivileged_policy(&b->arena, b->policy, &b->policy, e) < 0 || bundle_permit(b, c->q->permissions, &use, e) < 0 ? -1 : 0;
}

/* The report outlives the bundle. */
static void keep_row(struct checking *c, struct mechanism_row *row)
{
	if (row->value)
		row->value = ps_arena_strdup(c->r->a, row->value);
	row->from = ps_arena_strdup(c->r->a, row->from ? row->from : "");
	c->failed |= !row->from;
}

static int judge_entries(struct checking *c, const struct permissions *g, struct ps_err *e)
{
	const struct mechanism_row *rows;
	struct mechanism_row *kept;
	size_t n;

	if (mechanisms_of(c->r->a, g, c->bundle.policy, &rows, &n, e) < 0)
		return -1;
	kept = ps_arena_array(c->r->a, n + 1, sizeof(*kept));
	if (!kept)
		return -1;
	for (size_t i = 0; i < n; i++) {
		kept[i] = rows[i];
		keep_row(c, &kept[i]);
	}
	for (size_t i = 0; i < c->r->n_limits; i++)
		keep_row(c, &c->r->limits[i]);
	c->r->rows = kept;
	c->r->n_rows = n;
	return 0;
}

static void keep_notes(struct checking *c)
{
	const struct spec_strs *notes = &c->bundle.policy->notes;

	for (size_t i = 0; i < notes->n; i++) {
		struct check_note *n = check_add(c->r, &c->r->notes, sizeof(*n));

		if (n)
			n->text = ps_arena_strdup(c->r->a, notes->v[i]);
		c->failed |= !n || !n->text;
	}
}

static void judge_permissions(struct checking *c)
{
	const struct policy *p = c->bundle.policy;
	const struct permissions *g = c->bundle.permissions;
	struct permissions lenient;
	struct ps_err e = { 0 };

	for (size_t i = 0; i < p->n_degraded; i++) {
		const struct policy_degraded *d = &p->degraded[i];

		c->failed |= check_find(c->r, policy_permission_name((enum policy_permission)d->permission), d->from ? check_place(c->r->a, d->from) : "",
					d->text, !is_best_effort(g), check_code_of(d->text)) < 0;
	}
	if (!g)
		return;
	keep_notes(c);
	lenient = *g;
	lenient.settings.best_effort = (struct opt_bool){ true, true };
	if (!c->r->exists)
		(void)permits_check_form(&lenient, c->q->detach ? PERMITS_DETACHED : PERMITS_FOREGROUND, on_unwatched, c, &e);
	c->failed |= check_limits(c->r, &c->survey, g, c->ours.cgroup_manager != PLAN_CGROUP_DISABLED) < 0;
	c->failed |= judge_entries(c, g, &e) < 0;
	c->r->judged = true;
}

/* Is a finding of that code told already? */
static bool is_told(const struct check_report *r, const char *code)
{
	for (size_t i = 0; i < r->findings.n; i++)
		if (!strcmp(CHECK_ROWS(check_finding, r->findings)[i].code, code))
			return true;
	return false;
}

static int compile(struct checking *c, struct ps_err *e)
{
	ps_auto_buf struct ps_buf block = { 0 };
	if (unprivileged_cgroups(&c->bundle, c->q->id, &c->ours.cgroup_manager, e) < 0)
		return -1;
	struct pod_env nothing_made = c->ours;

	/* Without a root there is no cache to write. */
	nothing_made.root = NULL;
	return bundle_plan(&c->bundle, &nothing_made, c->q, &block, e);
}

/*
 * Leave out the field of config.json that is valid and not applied here.  Of an error of another class what follows could be its
 * consequence, and of what is not in the document there is nothing to leave out.
 */
static bool leave_out(struct checking *c, const struct ps_err *why)
{
	const char *at = strstr(why->where, ": /");
	ps_auto_buf struct ps_buf rest = { .data = NULL };

	if (c->q->program || why->cls != PS_E_UNSUPP || !at || !check_without(&c->bundle.text, at + 2, &rest))
		return false;
	ps_buf_done(&c->document);
	c->document = rest;
	rest = (struct ps_buf){ .data = NULL };
	(void)snprintf(c->dir, sizeof(c->dir), "%s", c->bundle.dir);
	bundle_done(&c->bundle);
	c->bundle = (struct bundle){ .host = NULL };
	return true;
}

enum { FIELDS_MAX = 64 };

/* What would be refused, one field after the other; in the end the bundle is what is left.  False: nothing is. */
static bool load_what_can_be(struct checking *c)
{
	for (int i = 0; i < FIELDS_MAX; i++) {
		struct ps_err why = { 0 };
		const bool loaded = load(c, &why) == 0;

		if (loaded && compile(c, &why) == 0)
			return true;
		const char *subject = loaded || !c->bundle.policy ? "bundle" : "permissions";
		const bool again = leave_out(c, &why);

		/* One of the permissions' limits is told with its own origin, which the plan does not know. */
		if (!again && loaded) {
			c->unplanned = why;
			return true;
		}
		find_error(c, subject, &why);
		if (!again)
			return false;
	}
	return false;
}

static void find_missing(struct checking *c)
{
	for (size_t i = 0; i < c->r->needs.n; i++) {
		const struct check_need *n = &CHECK_ROWS(check_need, c->r->needs)[i];
		const char *text = n->there ? "" : ps_arena_printf(c->r->a, "%s is not there", n->what);

		c->failed |= !text;
		/* A limit's own finding has its place; a capability that we lack is left out by `run`. */
		if (n->there || !text || (!strcmp(n->code, "no-cgroup") && is_told(c->r, n->code)))
			continue;
		c->failed |= check_find(c->r, "bundle", n->at, text, strcmp(n->code, "no-capability") != 0, (struct check_code){ n->code, n->hint }) < 0;
	}
}

static void judge(struct checking *c)
{
	struct ps_err why = { 0 };

	/* Whose ids they are is for newuidmap(1) to say; what else there is to say takes none but the caller's. */
	if (unprivileged_enter(c->r->a, NULL, &why) < 0)
		find_error(c, "bundle", &why);
	if (!load_what_can_be(c))
		return;
	judge_permissions(c);
	if (c->unplanned.cls && (strcmp(check_code_of(c->unplanned.msg).code, "no-cgroup") != 0 || !is_told(c->r, "no-cgroup")))
		find_error(c, "bundle", &c->unplanned);
	c->failed |= check_needs(c->r, &c->survey, c->bundle.policy, c->ours.cgroup_manager != PLAN_CGROUP_DISABLED) < 0;
	find_missing(c);
}

static void checking_done(struct checking **c)
{
	if (!*c)
		return;
	bundle_done(&(*c)->bundle);
	ps_buf_done(&(*c)->document);
}

int pod_check(const struct pod_env *env, const struct pod_create_request *q, struct ps_arena *a, struct check_report *ret,
	      struct ps_err *e)
{
	struct pod_create_request request = *q;
	ps_auto(checking_done) struct checking *c = ps_arena_new(a, struct checking);

	*ret = (struct check_report){ .a = a };
	if (!c)
		return ps_fail_os(e, "memory for the check");
	request.judge = true;
	c->r = ret;
	c->env = env;
	c->ours = *env;
	c->q = &request;
	if (survey_host(a, &c->survey, e) < 0 || try_user_namespace(&c->survey, e) < 0)
		return -1;
	c->failed = check_host(ret, &c->survey) < 0;
	if (q->program || q->bundle) {
		ret->target = q->bundle ? q->bundle : q->program->argv[0];
		judge(c);
	}
	return c->failed ? ps_fail_os(e, "memory for the check") : 0;
}

int pod_check_container(const struct pod_env *env, const char *id, struct ps_arena *a, struct check_report *ret, struct ps_err *e)
{
	auto_container struct container *found = NULL;
	ps_auto(checking_done) struct checking *c = ps_arena_new(a, struct checking);
	const struct pod_create_request none = { .id = id };

	*ret = (struct check_report){ .a = a, .target = id, .exists = true };
	if (!c)
		return ps_fail_os(e, "memory for the check");
	c->r = ret;
	c->env = env;
	c->ours = *env;
	c->q = &none;
	if (container_open(env, id, /* lock= */ false, &found, e) < 0 || bundle_load_frozen(&c->bundle, &found->dir, &found->st, e) < 0 ||
	    bundle_permit_running(&c->bundle, env->root, &found->dir, &found->st, e) < 0 || survey_host(a, &c->survey, e) < 0)
		return -1;
	judge_permissions(c);
	return c->failed ? ps_fail_os(e, "memory for the check") : 0;
}

bool check_fails(const struct check_report *r)
{
	bool fails = false;

	for (size_t i = 0; i < r->findings.n; i++)
		fails |= CHECK_ROWS(check_finding, r->findings)[i].fails;
	for (size_t i = 0; !r->target && i < r->facts.n; i++)
		fails |= CHECK_ROWS(check_fact, r->facts)[i].lost;
	return fails;
}
