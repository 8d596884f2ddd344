/* SPDX-License-Identifier: Apache-2.0
 * gc.c - frees what dead owners left: intents, half-removed folders, tapes without a container.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "shim/pod/container.h"
#include "shim/pod/pods.h"
#include "shim/pod/undo.h"

struct sweep {
	const struct pod_env *env;
	struct ps_buf *report;
	struct ps_err *e;
};

static int sweep_container(const char *id, void *ctx)
{
	struct sweep *s = ctx;
	int rc = container_sweep(s->env, id, s->e);

	if (rc > 0)
		ps_buf_printf(s->report, "container %s: its creator is gone\n", id);
	return rc < 0 ? -1 : 0;
}

/* A pod has a tape, too. */
static bool is_pods_tape(const struct tape_info *info, const char *name)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;
	ps_auto_mem struct state *st = malloc(sizeof(*st));
	char root[PATH_MAX];

	return st && pods_root(info->root, root, sizeof(root), NULL) == 0 && state_open(root, info->id, &dir, NULL) == 0 &&
	       state_read(&dir, st, NULL) == 0 && !strcmp(st->tape, name);
}

/* A tape belongs to a container or pod whose record names it; anything else is a leftover, unless another boot or uid made it. */
static int sweep_tape(const char *name, void *ctx)
{
	struct sweep *s = ctx;
	auto_tape struct tape *t = NULL;
	auto_container struct container *c = NULL;
	struct tape_info info;
	struct ps_err e = { 0 };
	struct pod_env env = *s->env;

	if (tape_open(name, /* write= */ false, &t, &e) < 0 || tape_info(t, &info, &e) < 0) {
		/* Ours by name and owner but without a header: its creator died while it made it, or it is still young. */
		return 0;
	}
	if (info.uid != geteuid())
		return 0;
	env.root = info.root;
	if (container_open(&env, info.id, /* lock= */ false, &c, &e) == 0 && strcmp(c->st.tape, name) == 0)
		return 0;
	if ((e.cls != PS_OK && e.cls != PS_E_NOTFOUND) || is_pods_tape(&info, name))
		return 0;
	if (shm_remove(name, s->e) < 0)
		return -1;
	ps_buf_printf(s->report, "tape %s: container '%s' is gone\n", name, info.id);
	return 0;
}

/* ".0123456789abcdef": what ps_write_atomic_at renames from. */
static bool is_temporary(const char *name)
{
	return name[0] == '.' && strlen(name) == 17 && strspn(name + 1, "0123456789abcdef") == 16;
}

/*
 * A writer that was killed left its temporary file in the seccomp cache.  A living one needs milliseconds; whoever is as
 * slow as that fails to rename, and does without a cache.
 */
static void sweep_cache(const struct sweep *s)
{
	enum { OLD_S = 60 };
	char root[PATH_MAX];
	ps_auto_fd int root_fd = -1;
	struct dirent *de;
	struct stat st;

	if (state_root_default("podshim", root, sizeof(root), NULL) < 0 || state_root_open(root, false, &root_fd, NULL) < 0)
		return;
	int fd = openat(root_fd, ".seccomp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ps_auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	while (d && (de = readdir(d)))
		if (is_temporary(de->d_name) && fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_uid == geteuid() && time(NULL) - st.st_mtime > OLD_S &&
		    unlinkat(fd, de->d_name, 0) == 0)
			ps_buf_printf(s->report, "seccomp cache %s: its writer is gone\n", de->d_name);
}

int pod_gc(const struct pod_env *env, struct ps_buf *report, struct ps_err *e)
{
	struct sweep s = { .env = env, .report = report, .e = e };

	if (access(env->root, F_OK) == 0 &&
	    (pods_sweep_all(env, report, e) < 0 || state_sweep(env->root, sweep_container, &s, e) != 0))
		return -1;
	sweep_cache(&s);
	if (undo_gc(env, report, e) < 0)
		return -1;
	return shm_each(sweep_tape, &s, e) != 0 ? -1 : 0;
}
