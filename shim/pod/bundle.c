/* SPDX-License-Identifier: Apache-2.0
 * bundle.c - a bundle from its folder to spec, policy and plan.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/launch/systemd.h"
#include "shim/pod/container.h"
#include "shim/pod/permits.h"
#include "shim/pod/program.h"
#include "shim/sandbox/rootless.h"

/* More than most texts and plans take. */
enum { TEXT_ROOM = 16 * 1024, PLAN_ROOM = 32 * 1024 };

static void lend_text(struct bundle *b)
{
	b->text = ps_buf_lent(ps_arena_alloc(&b->arena, TEXT_ROOM), TEXT_ROOM);
}

static int parse(struct bundle *b, const char *file, struct ps_err *e)
{
	if (spec_parse(&b->arena, file, b->text.data ? b->text.data : "", b->text.len, &b->spec, e) < 0)
		return -1;
	return policy_from_oci(&b->arena, b->spec, b->dir, &b->policy, e);
}

/* A path as the kernel itself would write it needs no /proc to tell, which takes longer than most of what we do. */
static int open_resolved(const char *dir, char out[PATH_MAX])
{
	if (dir[0] != '/' || ps_path_clean(dir, out, PATH_MAX) < 0 || strcmp(dir, out) != 0)
		return -1;
	return ps_openat2(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
}

int bundle_load(struct bundle *b, const char *dir, const char *config, struct ps_err *e)
{
	ps_auto_fd int fd = open_resolved(dir, b->dir);

	if (fd < 0) {
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return ps_fail_os(e, "open the bundle '%s'", dir);
		if (ps_fd_path(fd, b->dir) < 0)
			return ps_fail_os(e, "resolve the bundle '%s'", dir);
	}
	lend_text(b);
	if (ps_read_file_at(config ? AT_FDCWD : fd, config ? config : "config.json", SPEC_MAX_BYTES, &b->text, e) < 0)
		return ps_ctx(e, "bundle '%s'", dir);
	return parse(b, config ? config : "config.json", e);
}

int bundle_load_text(struct bundle *b, const char *dir, const struct ps_buf *text, struct ps_err *e)
{
	if (ps_path_clean(dir, b->dir, sizeof(b->dir)) < 0)
		return ps_fail_os(e, "bundle path '%s'", dir);
	lend_text(b);
	ps_buf_put(&b->text, text->data, text->len);
	if (b->text.failed)
		return ps_fail(e, PS_E_OS, "memory for config.json");
	return parse(b, "config.json", e);
}

int bundle_load_frozen(struct bundle *b, const struct state_dir *d, const struct state *st, struct ps_err *e)
{
	if (ps_path_clean(st->bundle, b->dir, sizeof(b->dir)) < 0)
		return ps_fail_os(e, "bundle path '%s'", st->bundle);
	lend_text(b);
	if (state_get(d, "config.json", &b->text, e) < 0)
		return -1;
	return parse(b, "config.json", e);
}

/* The container's root as we see it; without one of the host's it is made of the host's own files, at their own paths. */
int bundle_open_root(const struct policy *p, struct ps_err *e)
{
	const char *path = p->rootfs.path ? p->rootfs.path : "/";
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? ps_fail_os(e, "open the root file system '%s'", path) : fd;
}

int bundle_restrict(struct bundle *b, const struct permissions *g, const struct permits_use *use, struct ps_err *e)
{
	ps_auto_fd int root = bundle_open_root(b->policy, e);

	b->granted = b->policy;
	if (root < 0 || host_probe(&b->arena, &b->host, e) < 0 || host_probe_policy(&b->arena, &b->host, e) < 0 ||
	    permits_settle(&b->arena, g, b->policy, use->asked, &g, e) < 0 || permits_apply(&b->arena, b->policy, g, root, b->host, use, &b->policy, e) < 0)
		return -1;
	b->permissions = g;
	return permits_effective(&b->arena, g, b->policy, use->root, &b->effective, e);
}

int bundle_permit(struct bundle *b, const struct perm_layers *operators, const struct permits_use *use, struct ps_err *e)
{
	const struct permissions *g;

	if (permits_collect(&b->arena, b->policy, operators, /* program= */ false, &g, e) < 0)
		return -1;
	return g ? bundle_restrict(b, g, use, e) : 0;
}

int bundle_permit_frozen(struct bundle *b, const char *root, const struct state_dir *d, const struct state *st, struct ps_err *e)
{
	const struct permissions *g;

	if (!st->permitted)
		return 0;
	return permits_thaw(&b->arena, d, &g, e) < 0 ? -1 : bundle_restrict(b, g, &(struct permits_use){ .root = root }, e);
}

int bundle_permit_running(struct bundle *b, const char *root, const struct state_dir *d, const struct state *st, struct ps_err *e)
{
	struct policy_landlock *kept = ps_arena_new(&b->arena, struct policy_landlock);
	const struct permits_use use = { .root = root, .kept = kept };
	const struct permissions *g;

	if (!st->permitted)
		return 0;
	if (!kept)
		return ps_fail_os(e, "memory for the rules of files");
	return permits_thaw(&b->arena, d, &g, e) < 0 || permits_kept_rules(&b->arena, d, kept, e) < 0 ? -1
													: bundle_restrict(b, g, &use, e);
}

void bundle_share(struct bundle *b, const struct bundle *of)
{
	const struct ps_arena own = b->arena;

	*b = *of;
	b->arena = own;
	b->text.lent = true;
}

int bundle_load_program(struct bundle *b, const struct permits_use *use, const struct pod_create_request *r, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct program_request q = *r->program;
	const struct permissions *g;
	struct program p;

	q.rootless = rootless_entered();
	if (program_find(&b->arena, &q, &p, e) < 0 || program_permissions(&b->arena, &q, &p, r->permissions, &g, e) < 0 ||
	    program_grants(&b->arena, &q, g, &q, e) < 0 || program_config(&b->arena, &q, &p, &text, e) < 0)
		return -1;
	if (bundle_load_text(b, q.cwd, &text, e) < 0 || unprivileged_policy(&b->arena, b->policy, &b->policy, e) < 0)
		return -1;
	return bundle_restrict(b, g, use, e);
}

void bundle_done(struct bundle *b)
{
	ps_buf_done(&b->text);
	ps_arena_done(&b->arena);
}

void pod_warn_all(const struct pod_env *env, const struct policy *p)
{
	for (size_t i = 0; env->warn && i < p->warnings.n; i++)
		env->warn(env->warn_ctx, p->warnings.v[i]);
	for (size_t i = 0; env->degraded && i < p->n_degraded; i++)
		env->degraded(env->warn_ctx, p->degraded[i].warning);
}

static void debug(const struct pod_env *env, const char *what, unsigned n)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "%s: %u", what, n);
	env->debug(env->warn_ctx, text);
}

struct launch_told pod_tell_plan(const struct pod_env *env, const struct plan *p)
{
	if (env->debug) {
		debug(env, "plan bytes", p->size);
		debug(env, "plan mounts", p->mounts.n);
		debug(env, "plan host objects", p->fds.n);
		if (p->seccomp.n) {
			debug(env, "seccomp filter instructions", p->seccomp.n);
			debug(env, "seccomp filter flags", p->seccomp_flags);
		}
	}
	return (struct launch_told){ env->debug, env->warn_ctx };
}

static int ask_systemd(const struct host *h, struct plan_systemd *ret, struct ps_err *e)
{
	const bool user = systemd_is_users(h->in_user_ns);
	struct systemd_facts f;

	if (systemd_look(user, &f, e) < 0)
		return -1;
	*ret = (struct plan_systemd){ .user = user, .version = f.version };
	(void)snprintf(ret->root, sizeof(ret->root), "%s", f.root);
	return 0;
}

int bundle_plan(struct bundle *b, const struct pod_env *env, const struct pod_create_request *r, struct ps_buf *out,
		struct ps_err *e)
{
	struct plan_systemd asked = { .user = false };
	const struct plan_request request = {
		.id = r->id, .cgroup_manager = env->cgroup_manager, .systemd = r->systemd ? r->systemd : &asked, .no_pivot = r->no_pivot,
		.no_new_keyring = r->no_new_keyring, .preserve_fds = r->preserve_fds, .channel_fd = r->channel_fd, .seccomp = env->root ? seccomp_cached : NULL,
		.seccomp_ctx = &b->arena,
	};

	if (!b->host && host_probe(&b->arena, &b->host, e) < 0)
		return -1;
	if (env->cgroup_manager == PLAN_CGROUP_SYSTEMD && !r->systemd && ask_systemd(b->host, &asked, e) < 0)
		return -1;
	*out = ps_buf_lent(ps_arena_alloc(&b->arena, PLAN_ROOM), PLAN_ROOM);
	return plan_compile(b->policy, b->host, &request, out, e);
}
