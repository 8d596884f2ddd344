/* SPDX-License-Identifier: Apache-2.0
 * program.c - a program without a bundle: from words to a file, and to who interprets it.
 */
#include "shim/pod/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scope.h"

enum { HEAD_SIZE = 256 }; /* as much of a "#!" line as the kernel looks at (BINPRM_BUF_SIZE, 5.1) */

static const struct { const char *suffix, *interpreter; } interpreters[] = {
	{ ".py", "python3" }, { ".js", "node" }, { ".mjs", "node" }, { ".sh", "sh" }, { ".rb", "ruby" }, { ".pl", "perl" },
};

static int fail_memory(const char *name, struct ps_err *e)
{
	return ps_fail_os(e, "memory for program '%s'", name);
}

/* ---- Files ---- */

/* An open file of the host. */
struct file {
	int fd;              /* O_PATH */
	struct stat st;
	bool executable;
};

static void file_close(struct file *f)
{
	ps_fd_close(&f->fd);
}

static void magic_path(int fd, char out[32])
{
	(void)snprintf(out, 32, "/proc/self/fd/%d", fd);
}

/* Links are followed.  -1 with errno. */
static int file_open(const struct program_request *q, const char *path, struct file *ret)
{
	ps_auto_fd int fd = ps_open_in_root(q->root_fd, path, O_PATH, 0);
	char magic[32];

	if (fd < 0 || fstat(fd, &ret->st) < 0)
		return -1;
	magic_path(fd, magic);
	ret->executable = S_ISREG(ret->st.st_mode) && access(magic, X_OK) == 0;
	ret->fd = ps_take_fd(&fd);
	return 0;
}

/* Where a file really is, below the host's root.  NULL with errno. */
static const char *file_path(struct ps_arena *a, const struct program_request *q, int fd)
{
	char magic[32], root[PATH_MAX], path[PATH_MAX];
	ssize_t n_root, n;

	magic_path(q->root_fd, magic);
	n_root = readlink(magic, root, sizeof(root));
	magic_path(fd, magic);
	n = readlink(magic, path, sizeof(path));
	if (n_root < 0 || n < 0)
		return NULL;
	n_root = n_root == 1 ? 0 : n_root;
	return ps_arena_strndup(a, path + n_root, (size_t)(n - n_root));
}

/* ---- Names ---- */

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* Absolute and clean.  ".." means the directory that the kernel finds, not the name to the left of it. */
static const char *absolute(struct ps_arena *a, const struct program_request *q, const char *name)
{
	const char *slash = strrchr(name, '/');
	char path[PATH_MAX], clean[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", *name == '/' ? "" : q->cwd, *name == '/' ? "" : "/", name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (has_dotdot(path) && slash && slash[1] && strcmp(slash, "/..") != 0) {
		char *last = strrchr(path, '/');
		ps_auto_fd int dir = -1;
		const char *real;

		*last = '\0';
		dir = ps_open_in_root(q->root_fd, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
		real = dir < 0 ? NULL : file_path(a, q, dir);
		return real ? ps_arena_printf(a, "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash + 1) : NULL;
	}
	return ps_path_clean(path, clean, sizeof(clean)) < 0 ? NULL : ps_arena_strdup(a, clean);
}

/* A regular file that may be executed, in a list of directories as PATH has it. */
static const char *search(struct ps_arena *a, const struct program_request *q, const char *list, const char *name)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ":");
		struct file f ps_auto(file_close) = { .fd = -1 };
		const char *dir = n ? ps_arena_strndup(a, p, n) : ".";
		const char *path = dir ? ps_arena_printf(a, "%s/%s", dir, name) : NULL;

		path = path ? absolute(a, q, path) : NULL;
		if (path && file_open(q, path, &f) == 0 && f.executable)
			return path;
		p += n + (p[n] == ':');
	}
	return NULL;
}

static const char *caller_path(const struct program_request *q)
{
	for (const char *const *v = q->envp; *v; v++)
		if (strncmp(*v, "PATH=", 5) == 0)
			return *v + 5;
	return PROGRAM_PATH;
}

static int locate(struct ps_arena *a, const struct program_request *q, const char **ret, struct ps_err *e)
{
	const char *name = q->argv[0];

	if (!name || !*name)
		return ps_fail(e, PS_E_USAGE, "no program to run is named");
	if (!q->by_name || strchr(name, '/')) {
		*ret = absolute(a, q, name);
		return *ret ? 0 : ps_fail_os(e, "run '%s'", name);
	}
	*ret = search(a, q, caller_path(q), name);
	return *ret ? 0 : ps_fail(e, PS_E_NOTFOUND, "program '%s' was not found in PATH", name);
}

/* ---- What kind of file it is ---- */

struct head {
	char text[HEAD_SIZE + 1];
	size_t n;            /* 0: not ours to read */
};

static void read_head(int fd, struct head *h)
{
	char magic[32];

	magic_path(fd, magic);
	ps_auto_fd int file = open(magic, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = file < 0 ? -1 : pread(file, h->text, HEAD_SIZE, 0);

	h->n = n < 0 ? 0 : (size_t)n;
	h->text[h->n] = '\0';
}

/* Arguments under construction: at most an interpreter, what its "#!" line adds, the file, the caller's. */
struct args {
	const char **v;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "#! /path/to/it [one argument]", as the kernel reads it. */
static int by_first_line(struct ps_arena *a, const char *file, struct head *h, struct args *args, struct ps_err *e)
{
	char *at = h->text + 2, *end = at + strcspn(at, "\n"), *arg;

	while (end > at && (is_blank(end[-1]) || end[-1] == '\r'))
		end--;
	*end = '\0';
	while (is_blank(*at))
		at++;
	arg = at + strcspn(at, " \t");
	if (at[0] != '/')
		return ps_fail(e, PS_E_USAGE, "the '#!' line of '%s' names no interpreter by an absolute path", file);
	args->v[args->n++] = ps_arena_strndup(a, at, (size_t)(arg - at));
	while (is_blank(*arg))
		arg++;
	if (*arg)
		args->v[args->n++] = ps_arena_strdup(a, arg);
	return args->v[0] && args->v[args->n - 1] ? 0 : fail_memory(file, e);
}

static int by_suffix(struct ps_arena *a, const struct program_request *q, const char *file, struct args *args, struct ps_err *e)
{
	const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.'), *found;

	for (size_t i = 0; dot && i < PS_COUNT(interpreters); i++) {
		const char *name = interpreters[i].interpreter;

		if (strcmp(dot, interpreters[i].suffix) != 0)
			continue;
		/* One that every program sees comes before one that the caller has for himself. */
		found = search(a, q, PROGRAM_PATH, name);
		if (!found)
			found = search(a, q, caller_path(q), name);
		if (!found)
			return ps_fail(e, PS_E_NOTFOUND, "'%s' takes the interpreter '%s', which was not found in PATH", file,
				       name);
		args->v[args->n++] = found;
		return 0;
	}
	return ps_fail(e, PS_E_USAGE,
		       "'%s' is neither a program nor a script: it has no '#!' line, and its name ends in none of .py .js .mjs .sh .rb "
		       ".pl; 'podshim run -- INTERPRETER FILE' names who reads it",
		       file);
}

/* "env NAME" is NAME, looked up: who reads a script that cannot be executed is then known, and permitted, by itself. */
static void skip_env(struct ps_arena *a, const struct program_request *q, struct args *args)
{
	const char *slash = strrchr(args->v[0], '/'), *found;

	if (args->n != 2 || strcmp(slash + 1, "env") != 0 || strpbrk(args->v[1], " \t=/") || args->v[1][0] == '-')
		return;
	found = search(a, q, PROGRAM_PATH, args->v[1]);
	if (!found)
		found = search(a, q, caller_path(q), args->v[1]);
	if (!found)
		return;
	args->v[0] = found;
	args->n = 1;
}

/* Who runs it: nobody but the kernel, or the interpreter that comes first in args. */
static int interpret(struct ps_arena *a, const struct program_request *q, const char *file, const struct file *f,
		     struct args *args, struct ps_err *e)
{
	struct head h;

	read_head(f->fd, &h);
	if (h.n >= 4 && !memcmp(h.text, "\177ELF", 4))
		return f->executable ? 0 : ps_fail(e, PS_E_USAGE, "'%s' is a program, but its mode does not let us execute it", file);
	if (h.n >= 2 && !memcmp(h.text, "#!", 2)) {
		if (f->executable)
			return 0;
		if (by_first_line(a, file, &h, args, e) < 0)
			return -1;
		skip_env(a, q, args);
		return 0;
	}
	if (!h.n && f->executable && f->st.st_size > 0)
		return 0;
	return by_suffix(a, q, file, args, e);
}

/* The interpreter of a script that the kernel starts has to be there; else its error would name the script. */
static int check_interpreter(struct ps_arena *a, const struct program_request *q, const char *file, const struct file *f,
			     struct ps_err *e)
{
	const char *v[2] = { NULL };
	struct args args = { .v = v };
	struct file interpreter ps_auto(file_close) = { .fd = -1 };
	struct head h;

	read_head(f->fd, &h);
	if (h.n < 2 || memcmp(h.text, "#!", 2) != 0)
		return 0;
	if (by_first_line(a, file, &h, &args, e) < 0)
		return -1;
	if (file_open(q, v[0], &interpreter) < 0)
		return ps_fail_os(e, "the interpreter '%s' of '%s'", v[0], file);
	return 0;
}

static const char *first_line(struct ps_arena *a, const struct file *f)
{
	struct head h;

	read_head(f->fd, &h);
	return h.n >= 2 && !memcmp(h.text, "#!", 2) ? ps_arena_strndup(a, h.text + 2, strcspn(h.text + 2, "\r\n")) : NULL;
}

static int check_file(const struct program_request *q, const char *file, const struct file *f, struct ps_err *e)
{
	if (S_ISREG(f->st.st_mode))
		return 0;
	if (S_ISDIR(f->st.st_mode))
		return ps_fail(e, PS_E_USAGE, "'%s' is a directory, not a program; 'podshim run DIR' runs a bundle", q->argv[0]);
	return ps_fail(e, PS_E_USAGE, "'%s' is no regular file", file);
}

/* ---- What has to be bound ---- */

/* A file is seen where it is named, or, behind a link that is seen, where the link leads. */
static int need(struct ps_arena *a, const struct program_request *q, const char *path, struct args *files, struct ps_err *e)
{
	struct file f ps_auto(file_close) = { .fd = -1 };
	const char *real;

	if (file_open(q, path, &f) < 0)
		return ps_fail_os(e, "open '%s'", path);
	real = file_path(a, q, f.fd);
	if (!real)
		return ps_fail_os(e, "find out where '%s' is", path);
	if (!program_sees(q, path))
		files->v[files->n++] = path;
	else if (!program_sees(q, real))
		files->v[files->n++] = real;
	return 0;
}

int program_find(struct ps_arena *a, const struct program_request *q, struct program *ret, struct ps_err *e)
{
	enum { INTERPRETER = 2, FILES = 2 };
	struct file f ps_auto(file_close) = { .fd = -1 };
	struct args args = { .n = 0 }, files = { .n = 0 };
	const char *file = NULL;
	size_t n = 0;

	while (q->argv[n])
		n++;
	if (locate(a, q, &file, e) < 0)
		return -1;
	if (file_open(q, file, &f) < 0)
		return ps_fail_os(e, "run '%s'", q->argv[0]);
	args.v = ps_arena_array(a, n + INTERPRETER + 1, sizeof(*args.v));
	files.v = ps_arena_array(a, FILES + 1, sizeof(*files.v));
	if (!args.v || !files.v)
		return fail_memory(file, e);
	if (check_file(q, file, &f, e) < 0 || interpret(a, q, file, &f, &args, e) < 0 ||
	    (args.n ? need(a, q, args.v[0], &files, e) : check_interpreter(a, q, file, &f, e)) < 0 ||
	    need(a, q, file, &files, e) < 0)
		return -1;
	args.v[args.n++] = file;
	for (size_t i = 1; i < n; i++)
		args.v[args.n++] = q->argv[i];
	*ret = (struct program){ .file = file, .args = { args.v, args.n }, .files = { files.v, files.n }, .first_line = first_line(a, &f) };
	return 0;
}

/* ---- --bind ---- */

static int fail_bind(const char *text, const char *why, struct ps_err *e)
{
	return ps_fail(e, PS_E_USAGE, "invalid bind: '%s' %s; as in SRC:DST, SRC:DST:ro, SRC", text, why);
}

static const char *bind_path(struct ps_arena *a, const char *cwd, const char *path, size_t n)
{
	char clean[PATH_MAX];
	const char *whole = ps_arena_printf(a, "%s%s%.*s", *path == '/' ? "" : cwd, *path == '/' ? "" : "/", (int)n, path);

	return whole && ps_path_clean(whole, clean, sizeof(clean)) == 0 ? ps_arena_strdup(a, clean) : NULL;
}

int program_bind_parse(struct ps_arena *a, const char *text, const char *cwd, struct program_bind *ret, struct ps_err *e)
{
	const char *colon = strchr(text, ':'), *dst = colon ? colon + 1 : text, *second = colon ? strchr(dst, ':') : NULL;
	size_t n_src = colon ? (size_t)(colon - text) : strlen(text);
	size_t n_dst = second ? (size_t)(second - dst) : colon ? strlen(dst) : n_src;
	struct program_bind b = { .writable = !second };

	if (!n_src || !n_dst)
		return fail_bind(text, "lacks a path", e);
	if (second && strcmp(second, ":ro") != 0 && strcmp(second, ":rw") != 0)
		return fail_bind(text, "ends in neither :ro nor :rw", e);
	b.writable |= second && second[2] == 'w';
	if (colon && *dst != '/')
		return fail_bind(text, "has a destination that is not absolute", e);
	b.path = bind_path(a, cwd, text, n_src);
	b.at = bind_path(a, cwd, dst, n_dst);
	if (!b.path || !b.at)
		return ps_fail_os(e, "bind '%s'", text);
	if (!b.at[1])
		return fail_bind(text, "would cover the root", e);
	*ret = b;
	return 0;
}
