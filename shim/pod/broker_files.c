/* SPDX-License-Identifier: Apache-2.0
 * broker_files.c - opens and execs that are only told of: mounts and Landlock decide, the kernel looks at the path again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/pod/broker_inside.h"
#include "shim/pod/program.h"

/* Where a relative path begins: the working directory, or what a descriptor is. */
static bool base_of(const struct request *r, int dirfd, char *out, size_t size)
{
	char link[64];

	if (dirfd == AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)r->tid);
	else
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)r->tid, dirfd);
	const ssize_t n = readlink(link, out, size - 1);

	if (n <= 0 || out[0] != '/')
		return false;
	out[n] = '\0';
	return true;
}

/* Links are not followed. */
bool files_path_of(const struct request *r, int dirfd, const char *path, char out[PATH_MAX])
{
	char base[PATH_MAX], whole[PATH_MAX];

	if (path[0] == '/')
		return ps_path_clean(path, out, PATH_MAX) == 0;
	if (!base_of(r, dirfd, base, sizeof(base)))
		return false;
	return ps_path_join(whole, sizeof(whole), base, path) == 0 && ps_path_clean(whole, out, PATH_MAX) == 0;
}

/* A link of the target's own process: the kernel leads where it points without walking a path. */
static bool own_link(const struct request *r, const char *path, char out[PATH_MAX])
{
	static const char *const own[] = { "/proc/self/", "/proc/thread-self/" };
	char link[PATH_MAX + 32];

	for (size_t i = 0; i < PS_COUNT(own); i++) {
		const size_t len = strlen(own[i]);

		if (strncmp(path, own[i], len) != 0)
			continue;
		(void)snprintf(link, sizeof(link), "/proc/%d/%s", (int)r->tid, path + len);
		const ssize_t n = readlink(link, out, PATH_MAX - 1);

		if (n <= 0 || out[0] != '/')
			return false;
		out[n] = '\0';
		return true;
	}
	return false;
}

enum seen { SEEN_NOTHING, SEEN, SEEN_DIR, SEEN_UNKNOWN };

/* Where path leads in the target's root now; SEEN_NOTHING: nowhere, and the target will hear so. */
static enum seen resolve(const struct request *r, const char *path, char out[PATH_MAX])
{
	char link[64];
	struct stat st;

	(void)snprintf(link, sizeof(link), "/proc/%d/root", (int)r->tid);
	ps_auto_fd int root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int fd = root < 0 ? -1 : ps_open_in_root(root, path, O_PATH, 0);

	if (fd < 0)
		return root >= 0 && (errno == ENOENT || errno == ENOTDIR) ? SEEN_NOTHING : SEEN_UNKNOWN;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	const ssize_t n = readlink(link, out, PATH_MAX - 1);

	if (n <= 0 || out[0] != '/')
		return SEEN_UNKNOWN;
	out[n] = '\0';
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? SEEN_DIR : SEEN;
}

/* A new file is where its folder is. */
static enum seen resolve_new(const struct request *r, char whole[PATH_MAX], char real[PATH_MAX])
{
	char *slash = strrchr(whole, '/');

	if (!slash || slash == whole)
		return SEEN_NOTHING;
	*slash = '\0';
	const enum seen parent = resolve(r, whole, real);

	*slash = '/';
	if (parent == SEEN_NOTHING || parent == SEEN_UNKNOWN)
		return parent;
	const size_t n = strcmp(real, "/") == 0 ? 0 : strlen(real);

	if (n + strlen(slash) >= PATH_MAX)
		return SEEN_UNKNOWN;
	memcpy(real + n, slash, strlen(slash) + 1);
	return SEEN;
}

struct wish {
	enum policy_permission permission;
	const char *action;
	bool creates;
};

/* Where it leads behind links, which is what mounts and Landlock look at; false: nowhere, and the target will hear so. */
static bool look_behind(const struct request *r, struct wish *w, char whole[PATH_MAX], char real[PATH_MAX])
{
	enum seen seen = own_link(r, whole, real) ? SEEN : resolve(r, whole, real);

	if (seen == SEEN_DIR && w->permission == POLICY_READ)
		w->action = "list";
	if (seen == SEEN_NOTHING && w->creates) {
		seen = resolve_new(r, whole, real);
		w->action = "create";
	}
	if (seen == SEEN_UNKNOWN)
		memcpy(real, whole, PATH_MAX);
	return seen != SEEN_NOTHING;
}

/* The target does not find it because nobody allowed it: it is the host's, or would be. */
static bool is_the_hosts(const struct request *r, const struct wish *w, char whole[PATH_MAX])
{
	struct stat st;
	char *slash;

	if (!r->s->f.hosts_paths || perm_path_below(whole, "/proc") || perm_path_below(whole, "/dev") || perm_path_below(whole, "/sys"))
		return false;
	if (lstat(whole, &st) == 0)
		return !S_ISDIR(st.st_mode);
	slash = strrchr(whole, '/');
	if (!w->creates || !slash || slash == whole)
		return false;
	*slash = '\0';
	const bool there = lstat(whole, &st) == 0 && S_ISDIR(st.st_mode);

	*slash = '/';
	return there;
}

/* Allowed for the program has a /tmp of its own, in which what the host has is missing. */
static bool is_of_own_tmp(const struct wish *w, const struct perm_verdict *v)
{
	return w->permission == POLICY_READ && !w->creates && v->action == POLICY_ALLOW && v->rule && v->rule->implied &&
	       strcmp(v->rule->from, PROGRAM_OWN_TMP) == 0;
}

/* Who wants to know of what is allowed learns by which name it was found, too, and not of what is not there. */
static void tell_of(struct request *r, struct wish w, int dirfd, const char *path)
{
	const struct permissions *g = r->s->f.permissions;
	char whole[PATH_MAX], real[PATH_MAX];
	struct perm_query q = { .permission = w.permission, .value = whole };
	int err;

	if (!files_path_of(r, dirfd, path, whole))
		return;
	struct perm_verdict v = permissions_decide(g, &q);
	const bool all = g->settings.audit.allowed >> w.permission & 1;

	const bool lacks = v.action == POLICY_DENY || is_of_own_tmp(&w, &v);

	/* What an entry denies is hidden, perhaps: nothing can be said of what is behind. */
	if (!(v.action == POLICY_DENY && v.rule) && (all || v.action == POLICY_DENY || (lacks && is_the_hosts(r, &w, whole)))) {
		if (!look_behind(r, &w, whole, real)) {
			if (lacks && is_the_hosts(r, &w, whole))
				request_absent(r, &q, w.action);
			return;
		}
		if (all && strcmp(whole, real) != 0 && strncmp(whole, "/proc/", 6) != 0)
			(void)request_allowed(r, &q, "link", /* sound= */ false, &err);
		q.value = real;
		if (strcmp(whole, real) != 0)
			v = permissions_decide(g, &q);
	}
	(void)request_told(r, &q, &v, w.action, /* sound= */ false, &err);
}

bool files_writes(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
}

bool files_reads(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

void files_tell_open(struct request *r, uint64_t flags, int dirfd, const char *path)
{
	if (flags & O_PATH)
		return;
	if (files_reads(flags))
		tell_of(r, (struct wish){ POLICY_READ, "open", flags & O_CREAT }, dirfd, path);
	if (files_writes(flags))
		tell_of(r, (struct wish){ POLICY_WRITE, "open", flags & O_CREAT }, dirfd, path);
}

static bool wish_of(struct request *r, struct open_wish *o)
{
	const char *how;
	size_t n;
	struct open_how h = { .flags = 0 };

	*o = (struct open_wish){ .flags = O_WRONLY | O_CREAT | O_TRUNC /* creat */, .dirfd = AT_FDCWD, .mode = (uint32_t)r->args[1] };
	if (!request_part(r, &o->path, &n, NULL))
		return false;
	if (r->call->nr == SYS_openat || r->call->nr == SYS_openat2)
		o->dirfd = (int)r->args[0];
	if (r->call->nr == SYS_openat) {
		o->flags = (uint32_t)r->args[2];
		o->mode = (uint32_t)r->args[3];
	} else if (r->call->nr == SYS_openat2 && request_part(r, &how, &n, NULL) && n >= sizeof(h)) {
		memcpy(&h, how, sizeof(h));
		o->flags = h.flags;
		o->mode = (uint32_t)h.mode;
		o->resolve = h.resolve;
	}
#ifdef SYS_open
	else if (r->call->nr == SYS_open) {
		o->flags = (uint32_t)r->args[1];
		o->mode = (uint32_t)r->args[2];
	}
#endif
	return true;
}

void call_open(struct request *r)
{
	struct open_wish o;

	if (wish_of(r, &o)) {
		if (open_is_asked(r, &o))
			return;
		files_tell_open(r, o.flags, o.dirfd, o.path);
	}
	request_continue(r);
}

void call_exec(struct request *r)
{
	const bool at = r->call->nr == PS_NR_EXECVEAT;
	const char *path;
	size_t n;

	if (request_part(r, &path, &n, NULL))
		tell_of(r, (struct wish){ POLICY_RUN, "exec", false }, at ? (int)r->args[0] : AT_FDCWD, path);
	request_continue(r);
}

/* ---- Told to whoever learns: what changes a folder, and code that no file has ---- */

enum needs { NEEDS_NOTHING, NEEDS_MISSING, NEEDS_PRESENT };

/* The folder changes, if what it needs is so: else the target hears what stands in its way. */
static void tell_of_change(struct request *r, unsigned arg, const char *path, enum needs needs)
{
	/* Calls in which a descriptor stands before each path. */
	static const int with[] = { SYS_mkdirat, SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_renameat2,
#ifdef SYS_renameat
				       SYS_renameat,
#endif
	};
	char whole[PATH_MAX], real[PATH_MAX];
	struct perm_query q = { .permission = POLICY_WRITE, .value = real };
	int err, dirfd = AT_FDCWD;

	for (size_t i = 0; i < PS_COUNT(with); i++)
		if (r->call->nr == with[i])
			dirfd = (int)r->args[arg - 1];
	if (!files_path_of(r, dirfd, path, whole))
		return;
	const enum seen seen = resolve(r, whole, real);

	if ((needs == NEEDS_MISSING && seen != SEEN_NOTHING) || (needs == NEEDS_PRESENT && seen == SEEN_NOTHING))
		return;
	switch (resolve_new(r, whole, real)) {
	case SEEN_NOTHING:
		return;
	case SEEN_UNKNOWN:
		memcpy(real, whole, PATH_MAX);
		break;
	case SEEN:
	case SEEN_DIR:
		break;
	}
	(void)request_allowed(r, &q, "create", /* sound= */ false, &err);
}

static void call_change(struct request *r, enum needs first, enum needs second)
{
	const enum needs needs[] = { first, second };
	const unsigned args[] = { r->call->a, r->call->b };
	const char *path;
	size_t n;

	for (size_t i = 0; i < PS_COUNT(args) && request_part(r, &path, &n, NULL); i++)
		tell_of_change(r, args[i], path, needs[i]);
	request_continue(r);
}

void call_make(struct request *r)
{
	call_change(r, NEEDS_MISSING, NEEDS_NOTHING);
}

void call_remove(struct request *r)
{
	call_change(r, NEEDS_PRESENT, NEEDS_NOTHING);
}

void call_rename(struct request *r)
{
	call_change(r, NEEDS_PRESENT, NEEDS_NOTHING);
}

void call_map(struct request *r)
{
	const struct perm_query q = { .permission = POLICY_FFI };
	int err;

	(void)request_allowed(r, &q, "jit", /* sound= */ true, &err);
	request_continue(r);
}
