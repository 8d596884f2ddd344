/* SPDX-License-Identifier: Apache-2.0
 * program_config.c - a program without a bundle: the config.json that is written for it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/pod/program.h"
#include "shim/policy/policy.h"

/* What every program sees of the host, where the host has it: directories read-only, links as they are. */
static const struct { const char *path; bool has_programs; } host_dirs[] = {
	{ "/usr", true },   { "/bin", true },   { "/sbin", true }, { "/lib", true }, { "/lib32", true },
	{ "/lib64", true }, { "/libx32", true }, { "/opt", true },  { "/nix", true }, { "/etc", false },
};

/* What root may read and a program of root's need not. */
static const char *const secrets[] = {
	"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd", "/etc/sudoers",
	"/etc/sudoers.d", "/etc/ssh", "/etc/ssl/private", NULL,
};

/* The caller's variables that say how to talk to him; the others are what the env permission is about. */
static const char *const kept_env[] = { "HOME", "TERM", "LANG", "TZ", "NO_COLOR", "COLORTERM" };

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/' || n == 1);
}

bool program_sees(const struct program_request *q, const char *path)
{
	(void)q;
	for (size_t i = 0; i < PS_COUNT(host_dirs); i++)
		if (is_below(path, host_dirs[i].path))
			return true;
	return false;
}

/* ---- Writing ---- */

struct writer {
	struct ps_arena *arena;
	const struct program_request *q;
	const struct program *p;
	struct ps_jsonw w;
	struct ps_err *e;
};

/* A document can hold UTF-8 alone, and what it cannot hold must not become something else. */
static int check_text(const struct writer *o, const char *what, const char *text)
{
	for (const char *s = text; *s;) {
		size_t n = ps_utf8_len(s, strlen(s));

		if (!n)
			return ps_fail(o->e, PS_E_USAGE, "%s '%s' is not UTF-8", what, text);
		s += n;
	}
	return 0;
}

static int put_text(struct writer *o, const char *key, const char *what, const char *text)
{
	if (check_text(o, what, text) < 0)
		return -1;
	ps_jw_str(&o->w, key, text);
	return 0;
}

static void put_strings(struct writer *o, const char *key, const char *const *v)
{
	ps_jw_array(&o->w, key);
	for (; *v; v++)
		ps_jw_str(&o->w, NULL, *v);
	ps_jw_end_array(&o->w);
}
#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int put_mount(struct writer *o, const char *at, const char *type, const char *source, const char *const *options)
{
	ps_jw_object(&o->w, NULL);
	if (put_text(o, "destination", "path", at) < 0)
		return -1;
	ps_jw_str(&o->w, "type", type);
	if (put_text(o, "source", "path", source) < 0)
		return -1;
	put_strings(o, "options", options);
	ps_jw_end_object(&o->w);
	return 0;
}

/* ---- Mounts ---- */

static bool exists(const struct writer *o, const char *path, struct stat *st)
{
	ps_auto_fd int fd = ps_open_in_root(o->q->root_fd, path, O_PATH, 0);

	return fd >= 0 && fstat(fd, st) == 0;
}

/* A link at the top, as /bin is: links below lead to what is bound in their place. */
static bool is_link(const struct writer *o, const char *path)
{
	struct stat st;

	return !strchr(path + 1, '/') && fstatat(o->q->root_fd, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* NULL, which ends a list of options: as the host has it; flags of the host's mounts can be locked. */
static const char *exec_option(bool has_programs)
{
	return has_programs ? NULL : "rnoexec";
}

static int put_host_dirs(struct writer *o)
{
	struct stat st;

	for (size_t i = 0; i < PS_COUNT(host_dirs); i++) {
		const char *path = host_dirs[i].path;

		if (is_link(o, path) ? put_mount(o, path, "none", path, STRINGS("bind", "copy-symlink")) < 0 :
		    exists(o, path, &st) &&
			    put_mount(o, path, "none", path,
				      STRINGS("rbind", "rprivate", "rro", "rnosuid", "rnodev",
					      exec_option(host_dirs[i].has_programs))) < 0)
			return -1;
	}
	return 0;
}

static int put_own_mounts(struct writer *o)
{
	const char *const *pts = o->q->rootless ?
		STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620") :
		STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5");

	return put_mount(o, "/proc", "proc", "proc", STRINGS("nosuid", "noexec", "nodev")) < 0 ||
	       put_mount(o, "/dev", "tmpfs", "tmpfs", STRINGS("nosuid", "noexec", "mode=755", "size=1m", "nr_inodes=1024")) < 0 ||
	       put_mount(o, "/dev/pts", "devpts", "devpts", pts) < 0 ||
	       put_mount(o, "/dev/shm", "tmpfs", "shm", STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=64m")) < 0 ||
	       put_mount(o, "/tmp", "tmpfs", "tmpfs", STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=256m")) < 0 ? -1 : 0;
}

/* ---- Binds ---- */

struct binds {
	struct program_bind *v;
	size_t n, room;
};

static int add_bind(struct writer *o, struct binds *b, const struct program_bind *one)
{
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		struct program_bind *v = ps_arena_array(o->arena, room, sizeof(*v));

		if (!v)
			return ps_fail_os(o->e, "memory for %zu binds", room);
		if (b->n)
			memcpy(v, b->v, b->n * sizeof(*v));
		b->v = v;
		b->room = room;
	}
	b->v[b->n++] = *one;
	return 0;
}

/* The whole host: nothing can be mounted over "/", but everything in it.  What is a kernel's own stays the program's own. */
static int add_everything(struct writer *o, struct binds *b, bool writable)
{
	static const char *const own[] = { ".", "..", "proc", "dev", "sys" };
	int fd = openat(o->q->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		ps_fd_close(&fd);
		return ps_fail_os(o->e, "read the root directory");
	}
	while ((de = readdir(d))) {
		struct program_bind one = { .writable = writable };
		bool skip = false;

		for (size_t i = 0; i < PS_COUNT(own); i++)
			skip |= strcmp(de->d_name, own[i]) == 0;
		if (skip)
			continue;
		one.path = ps_arena_printf(o->arena, "/%s", de->d_name);
		if (!one.path)
			return ps_fail_os(o->e, "memory for '/%s'", de->d_name);
		if (add_bind(o, b, &one) < 0)
			return -1;
	}
	return 0;
}

static const char *place_of(const struct program_bind *b)
{
	return b->at ? b->at : b->path;
}

/* A directory before what is below it; of one place, what may write last: it is what counts. */
static int by_place(const void *pa, const void *pb)
{
	const struct program_bind *a = pa, *b = pb;
	int order = strcmp(place_of(a), place_of(b));

	return order ? order : a->writable - b->writable;
}

/*
 * Is it there already, with as many rights, or is the program's own there?  Asked of what stands before i, which is in order.
 */
static bool is_covered(const struct writer *o, const struct binds *b, size_t i)
{
	const struct program_bind *one = &b->v[i], *nearest = NULL;

	if (one->at)
		return false;
	if (is_below(one->path, "/proc") || is_below(one->path, "/dev"))
		return true;
	for (size_t k = 0; k < i; k++)
		if (is_below(one->path, place_of(&b->v[k])))
			nearest = &b->v[k];
	if (!nearest)
		return !one->writable && program_sees(o->q, one->path);
	return (!nearest->at || !strcmp(nearest->at, nearest->path)) && nearest->writable >= one->writable;
}

static int put_bind(struct writer *o, const struct program_bind *b)
{
	/* What of it may be executed is said by the permissions: where they limit that, no mount is left without noexec. */
	const char *const *options = b->writable ? STRINGS("rbind", "rprivate", "rnosuid", "rnodev") :
						   STRINGS("rbind", "rprivate", "rro", "rnosuid", "rnodev");
	struct stat st;

	if (!b->at && is_link(o, b->path))
		return put_mount(o, b->path, "none", b->path, STRINGS("bind", "copy-symlink"));
	if (!exists(o, b->path, &st)) {
		int missing = errno;

		/* A grant is of what may be there; a bind was asked for. */
		if (!b->at)
			return 0;
		errno = missing;
		return ps_fail_os(o->e, "bind '%s'", b->path);
	}
	return put_mount(o, place_of(b), "none", b->path, options);
}

static int put_binds(struct writer *o)
{
	const struct program_request *q = o->q;
	struct binds b = { .n = 0 };

	for (size_t i = 0; i < q->n_binds; i++)
		if (!q->binds[i].at && !strcmp(q->binds[i].path, "/") ? add_everything(o, &b, q->binds[i].writable) < 0
								      : add_bind(o, &b, &q->binds[i]) < 0)
			return -1;
	if (b.n)
		qsort(b.v, b.n, sizeof(*b.v), by_place);
	for (size_t i = 0; i < b.n; i++)
		if (!is_covered(o, &b, i) && put_bind(o, &b.v[i]) < 0)
			return -1;
	return 0;
}

/* A script that may be written by its own name; what is executed itself never is. */
static bool may_write_itself(const struct writer *o, const char *path)
{
	const struct program *p = o->p;

	const bool interpreted = strcmp(p->args.v[0], p->file) != 0;

	for (size_t i = 0; interpreted && strcmp(path, p->file) == 0 && i < o->q->n_binds; i++)
		if (!o->q->binds[i].at && o->q->binds[i].writable && strcmp(o->q->binds[i].path, path) == 0)
			return true;
	return false;
}

/* Last, so that nothing covers them, and read-only wherever they are: what runs is not what writes itself. */
static int put_files(struct writer *o)
{
	const struct program *p = o->p;

	for (size_t i = 0; i < p->files.n; i++)
		if (!may_write_itself(o, p->files.v[i]) &&
		    put_mount(o, p->files.v[i], "none", p->files.v[i],
			      STRINGS("bind", "private", "rro", "rnosuid", "rnodev")) < 0)
			return -1;
	return 0;
}

/* ---- Process ---- */

static const char *value_of(const struct program_request *q, const char *name, size_t n)
{
	for (const char *const *v = q->envp; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

static bool is_kept(const char *entry)
{
	size_t n = strcspn(entry, "=");

	if (n > 3 && !strncmp(entry, "LC_", 3))
		return true;
	for (size_t i = 0; i < PS_COUNT(kept_env); i++)
		if (strlen(kept_env[i]) == n && !strncmp(entry, kept_env[i], n))
			return true;
	return false;
}

/* Is the name of entry given anew by one of n others? */
static bool is_given(const char *entry, const char *const *v, size_t n)
{
	size_t len = strcspn(entry, "=");

	for (size_t i = 0; i < n; i++)
		if (strcspn(v[i], "=") == len && !strncmp(v[i], entry, len))
			return true;
	return false;
}

static int put_env_entry(struct writer *o, const char *entry)
{
	size_t n = strcspn(entry, "=");
	const char *value = entry[n] ? NULL : value_of(o->q, entry, n);

	if (!n)
		return ps_fail(o->e, PS_E_USAGE, "invalid env: '%s' has no name", entry);
	if (entry[n])
		return put_text(o, NULL, "variable", entry);
	if (!value)
		return 0;
	entry = ps_arena_printf(o->arena, "%s=%s", entry, value);
	return entry ? put_text(o, NULL, "variable", entry) : ps_fail_os(o->e, "memory for the environment");
}

static int put_env(struct writer *o)
{
	static const char *const own[] = { "PATH=" PROGRAM_PATH, "TMPDIR=/tmp" };
	const struct program_request *q = o->q;

	ps_jw_array(&o->w, "env");
	for (size_t i = 0; i < PS_COUNT(own); i++)
		if (!is_given(own[i], q->env, q->n_env))
			ps_jw_str(&o->w, NULL, own[i]);
	for (const char *const *v = q->envp; *v; v++)
		if (is_kept(*v) && !is_given(*v, q->env, q->n_env) && put_env_entry(o, *v) < 0)
			return -1;
	for (size_t i = 0; i < q->n_env; i++)
		if (!is_given(q->env[i], q->env + i + 1, q->n_env - i - 1) && put_env_entry(o, q->env[i]) < 0)
			return -1;
	ps_jw_end_array(&o->w);
	return 0;
}

static int put_cwd(struct writer *o)
{
	const struct program_request *q = o->q;
	char path[PATH_MAX], clean[PATH_MAX];
	const char *dir = q->workdir ? q->workdir : q->cwd;
	int n = snprintf(path, sizeof(path), "%s/%s", *dir == '/' ? "" : q->cwd, dir);

	if (n < 0 || (size_t)n >= sizeof(path) || ps_path_clean(path, clean, sizeof(clean)) < 0)
		return ps_fail(o->e, PS_E_USAGE, "the working directory '%s' has too long a name", dir);
	return put_text(o, "cwd", "path", clean);
}

static int put_process(struct writer *o)
{
	const struct spec_strs *args = &o->p->args;

	ps_jw_object(&o->w, "process");
	ps_jw_bool(&o->w, "terminal", o->q->terminal);
	if (o->q->terminal && o->q->rows && o->q->cols) {
		ps_jw_object(&o->w, "consoleSize");
		ps_jw_uint(&o->w, "height", o->q->rows);
		ps_jw_uint(&o->w, "width", o->q->cols);
		ps_jw_end_object(&o->w);
	}
	ps_jw_object(&o->w, "user");
	ps_jw_uint(&o->w, "uid", o->q->uid);
	ps_jw_uint(&o->w, "gid", o->q->gid);
	ps_jw_end_object(&o->w);
	ps_jw_array(&o->w, "args");
	for (size_t i = 0; i < args->n; i++)
		if (put_text(o, NULL, "argument", args->v[i]) < 0)
			return -1;
	ps_jw_end_array(&o->w);
	if (put_env(o) < 0 || put_cwd(o) < 0)
		return -1;
	ps_jw_object(&o->w, "capabilities");
	ps_jw_end_object(&o->w);
	ps_jw_bool(&o->w, "noNewPrivileges", true);
	ps_jw_end_object(&o->w);
	return 0;
}

/* ---- The rest ---- */

static void put_id_map(struct writer *o, const char *key, uint32_t id)
{
	ps_jw_array(&o->w, key);
	ps_jw_object(&o->w, NULL);
	ps_jw_uint(&o->w, "containerID", id);
	ps_jw_uint(&o->w, "hostID", id); /* as the caller knows it; in the launcher's namespace it is 0 (unprivileged_policy) */
	ps_jw_uint(&o->w, "size", 1);
	ps_jw_end_object(&o->w);
	ps_jw_end_array(&o->w);
}

/* A bind of it, or of what holds it, was asked for by name: then it is meant. */
static bool is_bound(const struct program_request *q, const char *path)
{
	for (size_t i = 0; i < q->n_binds; i++)
		if (is_below(path, place_of(&q->binds[i])))
			return true;
	return false;
}

static void put_masks(struct writer *o)
{
	const char *masked[PS_COUNT(secrets)];
	size_t n = 0;

	/* An ordinary user has no more rights in here than outside. */
	for (size_t i = 0; o->q->uid == 0 && !o->q->rootless && secrets[i]; i++)
		if (!is_bound(o->q, secrets[i]))
			masked[n++] = secrets[i];
	masked[n] = NULL;
	spec_write_default_paths(&o->w, masked);
}

static void put_linux(struct writer *o)
{
	static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup", "user" };

	ps_jw_object(&o->w, "linux");
	if (o->q->rootless) {
		put_id_map(o, "uidMappings", o->q->uid);
		put_id_map(o, "gidMappings", o->q->gid);
	}
	ps_jw_array(&o->w, "namespaces");
	for (size_t i = 0; i < PS_COUNT(namespaces) - !o->q->rootless; i++) {
		ps_jw_object(&o->w, NULL);
		ps_jw_str(&o->w, "type", namespaces[i]);
		ps_jw_end_object(&o->w);
	}
	ps_jw_end_array(&o->w);
	put_masks(o);
	ps_jw_end_object(&o->w);
}

int program_config(struct ps_arena *a, const struct program_request *q, const struct program *p, struct ps_buf *out,
		   struct ps_err *e)
{
	struct writer o = { .arena = a, .q = q, .p = p, .w = { .out = out, .indent = 1 }, .e = e };

	ps_jw_object(&o.w, NULL);
	ps_jw_str(&o.w, "ociVersion", "1.3.0");
	if (put_process(&o) < 0)
		return -1;
	ps_jw_object(&o.w, "root");
	ps_jw_str(&o.w, "path", "tmpfs");
	ps_jw_bool(&o.w, "readonly", true);
	ps_jw_end_object(&o.w);
	ps_jw_str(&o.w, "hostname", "podshim");
	ps_jw_array(&o.w, "mounts");
	if (put_host_dirs(&o) < 0 || put_own_mounts(&o) < 0 || put_binds(&o) < 0 || put_files(&o) < 0)
		return -1;
	ps_jw_end_array(&o.w);
	put_linux(&o);
	ps_jw_object(&o.w, "annotations");
	ps_jw_str(&o.w, POLICY_ROOTFS_ANNOTATION, "tmpfs");
	ps_jw_str(&o.w, POLICY_REAPER_ANNOTATION, "1");
	ps_jw_end_object(&o.w);
	ps_jw_end_object(&o.w);
	ps_buf_putc(out, '\n');
	return out->failed ? ps_fail(e, PS_E_OS, "memory for the document of '%s'", p->file) : 0;
}
