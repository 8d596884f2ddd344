/* SPDX-License-Identifier: Apache-2.0
 * undo_verbs.c - diff, commit, discard: what a container wrote, looked at, applied, thrown away.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/pod/container.h"
#include "shim/pod/undo_store.h"
#include "shim/pod/undo_tree.h"
#include "shim/sandbox/rootless.h"

/* What a payload has made unreadable to its owner is his still: root of his own user namespace gets at it, and at nothing else. */
static void become_owner(void)
{
	if (rootless_needed() && geteuid() != 0)
		(void)rootless_enter(NULL, NULL);
}

static int fail_in_memory(const char *id, bool runs, struct ps_err *e)
{
	if (runs)
		return ps_fail(e, PS_E_STATE, "the changes of '%s' are in memory (--disk) until its run ends", id);
	return ps_fail(e, PS_E_STATE, "the changes of '%s' were in memory (--disk), and went with the podshim that ran it; 'podshim discard %s' forgets it",
		       id, id);
}

static bool is_running(const struct pod_env *env, const char *id)
{
	auto_container struct container *c = NULL;
	struct ps_err ignored = { 0 };

	return container_open(env, id, /* lock= */ false, &c, &ignored) == 0 && c->status != STATE_STOPPED;
}

int pod_diff(const struct pod_env *env, const char *id, undo_emit *emit, void *ctx, struct ps_err *e)
{
	struct undo_walk w = { .act = UNDO_LOOK, .emit = emit, .ctx = ctx };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct undo_record *r = NULL;
	ps_auto_fd int fd = -1;

	become_owner();
	if (undo_open(&a, env->root, id, 0, &fd, &r, e) < 0)
		return -1;
	if (r->in_memory)
		return fail_in_memory(id, is_running(env, id), e);
	return undo_tree_walk(fd, r, &w, e);
}

int pod_diff_list(const struct pod_env *env, int (*emit)(void *ctx, const struct undo_kept *k), void *ctx, struct ps_err *e)
{
	struct ps_err why = { 0 };
	ps_auto_fd int root_fd = -1;
	struct dirent *de;

	become_owner();
	if (undo_open_root(env->root, /* make= */ false, &root_fd, &why) < 0) {
		if (why.cls != PS_E_NOTFOUND && e)
			*e = why;
		return why.cls == PS_E_NOTFOUND ? 0 : -1;
	}
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	while (d && (de = readdir(d))) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct undo_record *r = NULL;
		ps_auto_fd int store = -1;
		struct undo_kept k = { .id = de->d_name };

		/* One that cannot be read is no reason to be silent about the others. */
		if (!container_id_valid(de->d_name) || undo_open(&a, env->root, de->d_name, 0, &store, &r, NULL) < 0 ||
		    (!r->in_memory && undo_tree_count(store, r, &k.n, NULL) < 0))
			continue;
		k.secs = r->secs;
		k.in_memory = r->in_memory;
		if ((k.n || k.in_memory) && emit(ctx, &k) != 0)
			return ps_fail(e, PS_E_OS, "tell of what is kept");
	}
	return 0;
}

/* Under the lock, of a container that has ended. */
static int open_ended(struct ps_arena *a, const struct pod_env *env, const char *id, int *ret_fd, const struct undo_record **ret,
		      struct ps_err *e)
{
	become_owner();
	if (is_running(env, id)) {
		ps_auto_fd int fd = -1;

		if (undo_open(a, env->root, id, 0, &fd, ret, e) < 0)
			return -1;
		return ps_fail(e, PS_E_STATE, "container '%s' runs: what it writes is committed or discarded when it has ended", id);
	}
	return undo_open(a, env->root, id, LOCK_EX, ret_fd, ret, e);
}

/* What is meant, counted before anything is touched. */
static int look(int fd, const struct undo_record *r, const struct undo_request *q, struct undo_walk *w, struct ps_arena *a, struct ps_err *e)
{
	w->paths = q->paths;
	w->n_paths = q->n_paths;
	w->matched = ps_arena_array(a, q->n_paths + 1, sizeof(bool));
	w->force = q->force;
	if (!w->matched)
		return ps_fail_os(e, "memory for the changes of '%s'", q->id);
	if (undo_tree_walk(fd, r, w, e) < 0)
		return -1;
	for (size_t i = 0; i < q->n_paths; i++)
		if (!w->matched[i])
			return ps_fail(e, PS_E_NOTFOUND, "'%s' is no change of '%s': see 'podshim diff %s'", q->paths[i], q->id, q->id);
	return 0;
}

static int count_rest(const struct pod_env *env, const char *id, int *fd, size_t *ret, struct ps_err *e)
{
	/* The lock is ours to give up. */
	ps_fd_close(fd);
	return undo_settle(env, id, ret, e);
}

struct only_conflicts { undo_emit *emit; void *ctx; };

static int emit_conflict(void *ctx, const struct undo_change *c)
{
	const struct only_conflicts *o = ctx;

	return c->conflict && !c->problem && o->emit ? o->emit(o->ctx, c) : 0;
}

int pod_commit(const struct pod_env *env, const struct undo_request *q, undo_emit *emit, void *ctx, struct undo_result *ret,
	       struct ps_err *e)
{
	struct only_conflicts only = { emit, ctx };
	struct undo_walk first = { .act = UNDO_LOOK, .emit = q->force ? NULL : emit_conflict, .ctx = &only };
	struct undo_walk then = { .act = UNDO_COMMIT, .emit = emit, .ctx = ctx, .force = q->force, .paths = q->paths, .n_paths = q->n_paths };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct undo_record *r = NULL;
	ps_auto_fd int fd = -1;

	*ret = (struct undo_result){ .done = 0 };
	if (open_ended(&a, env, q->id, &fd, &r, e) < 0)
		return -1;
	if (r->in_memory)
		return fail_in_memory(q->id, false, e);
	if (look(fd, r, q, &first, &a, e) < 0)
		return -1;
	if (first.n_conflicts && !q->force) {
		ret->conflicts = first.n_conflicts;
		ret->left = first.n;
		return 0;
	}
	if (undo_tree_walk(fd, r, &then, e) < 0)
		return -1;
	ret->done = then.n - then.n_left;
	ret->left = then.n_left;
	return count_rest(env, q->id, &fd, &ret->kept, e);
}

int pod_discard(const struct pod_env *env, const struct undo_request *q, struct undo_result *ret, struct ps_err *e)
{
	struct undo_walk first = { .act = UNDO_LOOK }, then = { .act = UNDO_DISCARD, .paths = q->paths, .n_paths = q->n_paths };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct undo_record *r = NULL;
	ps_auto_fd int fd = -1;
	struct ps_err why = { 0 };

	*ret = (struct undo_result){ .done = 0 };
	if (open_ended(&a, env, q->id, &fd, &r, &why) < 0) {
		/* Whatever is the matter with its record, it can be thrown away. */
		if (why.cls == PS_E_CONFIG && !q->n_paths)
			return undo_drop(env, q->id, e);
		if (e)
			*e = why;
		return -1;
	}
	if (!q->n_paths) {
		if (!r->in_memory)
			(void)undo_tree_walk(fd, r, &first, NULL);
		ret->done = first.n;
		return undo_drop(env, q->id, e);
	}
	if (r->in_memory)
		return fail_in_memory(q->id, false, e);
	if (look(fd, r, q, &first, &a, e) < 0 || undo_tree_walk(fd, r, &then, e) < 0)
		return -1;
	ret->left = then.n_left;
	ret->done = first.n - then.n_left;
	return count_rest(env, q->id, &fd, &ret->kept, e);
}
