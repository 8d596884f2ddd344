/* SPDX-License-Identifier: Apache-2.0
 * closure.c - a program's interpreter, loader and libraries: what the kernel and the loader will open for it.
 */
#include "shim/policy/closure.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"

enum { CACHE_MAX = 16 << 20, PATH_FILE_MAX = 4096, SCRIPT_LINE = 256, HWCAPS_MAX = 16, CHAIN_MAX = 32 };

/* What glibc opens with dlopen(3) when it needs it: names of users and hosts (before 2.34), the end of threads. */
static const char *const glibc_later[] = { "libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2" };

static int oom(struct ps_err *e, const char *program)
{
	return ps_fail_os(e, "find what '%s' consists of", program);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- Files ---- */

/* The first bytes of a file that was found; how many, -1 with errno. */
static ssize_t read_head(const struct closing *c, const struct view_found *f, unsigned char head[ELF_HEAD], int *ret_fd)
{
	ps_auto_fd int fd = view_open(c->view, f);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = pread(fd, head, ELF_HEAD, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		*ret_fd = ps_take_fd(&fd);
	return n;
}

static bool is_full(struct closing *c)
{
	c->more |= c->n_files >= CLOSURE_FILES_MAX;
	return c->n_files >= CLOSURE_FILES_MAX;
}

static const char *directory_of(struct closing *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	return ps_arena_strndup(c->arena, path, slash > path ? (size_t)(slash - path) : 1);
}

/* Only what stops us is a failure: a file that can't be read is one that the loader can't read either. */
static int unless_memory(void)
{
	return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -1 : 0;
}

/* ---- Libraries ---- */

static int needs_of(struct closing *c, const struct closure_lib *l);

/* Map what is at `path` for `loader`: 1 done, 0: it is no library for this program. */
static int map_file(struct closing *c, const char *path, const struct closure_lib *loader)
{
	unsigned char head[ELF_HEAD];
	struct closure_lib lib = { .loader = loader };
	ps_auto_fd int fd = -1;
	struct view_found f;
	ssize_t n;
	int rc;

	if (view_find(c->view, path, &f) < 0 || f.kind != VIEW_FILE)
		return unless_memory();
	if (text_set_has(&c->libs, f.path) || text_set_has(&c->exec, f.path))
		return 1;
	if (is_full(c))
		return 0;
	c->n_files++;
	n = read_head(c, &f, head, &fd);
	if (n < 0)
		return unless_memory();
	rc = elf_read(c->arena, fd, head, (size_t)n, &lib.elf);
	if (rc)
		return rc < 0 ? unless_memory() : 0;
	if (c->program && (lib.elf.bits != c->program->elf.bits || lib.elf.order != c->program->elf.order ||
			   lib.elf.machine != c->program->elf.machine))
		return 0;
	ps_fd_close(&fd);
	/* $ORIGIN is where the loader found it, not where a link leads. */
	lib.origin = directory_of(c, path);
	if (!lib.origin || text_set_add(&c->libs, f.path) < 0 || needs_of(c, &lib) < 0)
		return -1;
	return 1;
}

/* A library in a directory, and its variants for newer processors, of which the loader takes what it likes. */
static int map_in_dir(struct closing *c, const char *dir, const char *name, const struct closure_lib *loader)
{
	char path[PATH_MAX], hwcaps[PATH_MAX];
	struct view_found f;
	struct spec_strs levels;
	bool more;
	int rc = 0;

	if ((size_t)snprintf(hwcaps, sizeof(hwcaps), "%s/glibc-hwcaps", dir) >= sizeof(hwcaps) ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return 0;
	if (!c->musl && view_find(c->view, hwcaps, &f) == 0 && f.kind == VIEW_DIR &&
	    view_list(c->view, &f, HWCAPS_MAX, &levels, &more) == 0)
		for (size_t i = 0; i < levels.n && rc >= 0; i++) {
			char at[PATH_MAX];

			if ((size_t)snprintf(at, sizeof(at), "%s/%s/%s", hwcaps, levels.v[i], name) < sizeof(at))
				rc = map_file(c, at, loader);
		}
	return rc < 0 ? -1 : map_file(c, path, loader);
}

/* "$ORIGIN/../lib" with the origin put in; false: no directory that does not depend on more than that. */
static bool expand(const char *entry, size_t n, const char *origin, char out[PATH_MAX])
{
	size_t skip = 0;
	int len;

	if (n >= 7 && !strncmp(entry, "$ORIGIN", 7))
		skip = 7;
	else if (n >= 9 && !strncmp(entry, "${ORIGIN}", 9))
		skip = 9;
	if (memchr(entry + skip, '$', n - skip) || (skip && n > skip && entry[skip] != '/'))
		return false;
	len = snprintf(out, PATH_MAX, "%s%.*s", skip ? origin : "", (int)(n - skip), entry + skip);
	return len > 0 && len < PATH_MAX && out[0] == '/';
}

/* 1: found in one of "DIR:DIR", in which $ORIGIN is l's. */
static int map_in_dirs(struct closing *c, const char *dirs, const char *separators, const char *origin, const char *name,
		       const struct closure_lib *loader)
{
	char dir[PATH_MAX];
	int rc = 0;

	for (const char *p = dirs; p && *p && rc == 0; p += strspn(p, separators)) {
		size_t n = strcspn(p, separators);

		if (n < PATH_MAX && expand(p, n, origin, dir))
			rc = map_in_dir(c, dir, name, loader);
		p += n;
	}
	return rc;
}

static int read_cache(struct closing *c)
{
	struct view_found f;
	struct ps_err ignored;

	c->cache_read = true;
	if (view_find(c->view, "/etc/ld.so.cache", &f) < 0 || f.kind != VIEW_FILE)
		return unless_memory();
	ps_auto_fd int fd = view_open(c->view, &f);
	if (fd < 0)
		return unless_memory();
	if (ps_read_fd(fd, "ld.so.cache", CACHE_MAX, &c->cache_text, &ignored) < 0 || !c->cache_text.data ||
	    !ld_cache_parse(c->cache_text.data, c->cache_text.len, &c->cache))
		c->cache = (struct ld_cache){ .n = 0 };
	return c->cache_text.failed ? -1 : 0;
}

/* All of that name that fit: the loader takes the one for its processor. */
static int map_from_cache(struct closing *c, const char *name, const struct closure_lib *loader)
{
	const char *path;
	int any = 0, rc;

	if (!c->cache_read && read_cache(c) < 0)
		return -1;
	for (uint32_t i = 0; c->cache.n && (path = ld_cache_find(&c->cache, name, i)); i++) {
		rc = *path == '/' ? map_file(c, path, loader) : 0;
		if (rc < 0)
			return -1;
		any |= rc;
	}
	return any;
}

static int map_from_default(struct closing *c, const char *name, const struct closure_lib *loader)
{
	static const char *const dirs[] = { "/lib/%s", "/usr/lib/%s", "/lib64", "/usr/lib64", "/lib", "/usr/lib" };
	const char *arch = closing_multiarch(loader->elf.machine, loader->elf.bits);
	char dir[64];
	int rc = 0;

	for (size_t i = 0; i < PS_COUNT(dirs) && rc == 0; i++) {
		if (strchr(dirs[i], '%')) {
			if (!arch)
				continue;
			(void)snprintf(dir, sizeof(dir), "%.*s%s", (int)strcspn(dirs[i], "%"), dirs[i], arch);
		} else {
			(void)snprintf(dir, sizeof(dir), "%s", dirs[i]);
		}
		rc = map_in_dir(c, dir, name, loader);
	}
	return rc;
}

/* musl: RPATH and RUNPATH of the library and of whoever loaded it, then its own list. */
static int musl_need(struct closing *c, const struct closure_lib *l, const char *name)
{
	static const char *const own[] = { "libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet." };
	int rc = 0;

	/* What the loader is itself. */
	for (size_t i = 0; i < PS_COUNT(own); i++)
		if (!strncmp(name, own[i], strlen(own[i])))
			return 0;
	for (const struct closure_lib *at = l; at && rc == 0; at = at->loader)
		rc = map_in_dirs(c, at->elf.runpath ? at->elf.runpath : at->elf.rpath, ":", at->origin, name, l);
	return rc ? rc : map_in_dirs(c, c->musl_path, ":\n", "/", name, l);
}

/* glibc: RPATH of the library and of whoever loaded it, or its own RUNPATH; cache; default directories. */
static int glibc_need(struct closing *c, const struct closure_lib *l, const char *name)
{
	int rc = 0;

	for (const struct closure_lib *at = l->elf.runpath ? NULL : l; at && rc == 0; at = at->loader)
		if (!at->elf.runpath)
			rc = map_in_dirs(c, at->elf.rpath, ":", at->origin, name, l);
	if (rc == 0)
		rc = map_in_dirs(c, l->elf.runpath, ":", l->origin, name, l);
	if (rc == 0)
		rc = map_from_cache(c, name, l);
	return rc ? rc : map_from_default(c, name, l);
}

static int need(struct closing *c, const struct closure_lib *l, const char *name)
{
	int rc;

	if (strchr(name, '/'))
		rc = name[0] == '/' ? map_file(c, name, l) : 0;
	else if (text_set_has(&c->names, name))
		return 0;
	else
		rc = c->musl ? musl_need(c, l, name) : glibc_need(c, l, name);
	/* A name that was found once is not searched again, one that was not is by who has other directories. */
	return rc < 0 || (rc > 0 && text_set_add(&c->names, name) < 0) ? -1 : 0;
}

static int needs_of(struct closing *c, const struct closure_lib *l)
{
	size_t depth = 0;

	for (const struct closure_lib *at = l; at; at = at->loader)
		depth++;
	for (size_t i = 0; i < l->elf.n_needed && depth < CHAIN_MAX; i++)
		if (need(c, l, l->elf.needed[i]) < 0)
			return -1;
	return 0;
}

int closing_map(struct closing *c, const char *path)
{
	return map_file(c, path, c->program) < 0 ? -1 : 0;
}

/* ---- Programs ---- */

static bool is_program(const struct view_found *f)
{
	return f->kind == VIEW_FILE && f->mode & 0111;
}

int closing_find(struct view *v, const char *path, const char *program, size_t *at, struct view_found *found,
		 struct ps_err *e)
{
	char candidate[PATH_MAX];

	if (strchr(program, '/')) {
		if (*at == 0 && program[0] == '/' && view_find(v, program, found) == 0 && found->kind == VIEW_FILE) {
			*at = 1;
			return 0;
		}
		return ps_fail(e, PS_E_NOTFOUND, "the container has no program '%s'", program);
	}
	for (const char *p = path ? path + *at : ""; *p; p += *p == ':') {
		size_t n = strcspn(p, ":");
		int len = snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)n, p, program);

		p += n;
		*at = (size_t)(p - path) + (*p == ':');
		if (*program && candidate[0] == '/' && n && len > 0 && (size_t)len < sizeof(candidate) &&
		    view_find(v, candidate, found) == 0 && is_program(found))
			return 0;
	}
	return ps_fail(e, PS_E_NOTFOUND, "no directory of PATH has a program '%s'", program);
}

static int musl_directories(struct closing *c, const char *loader)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[PATH_MAX];
	struct view_found f;
	struct ps_err ignored;
	size_t n = strcspn(base_of(loader), ".");

	c->musl_path = "/lib:/usr/local/lib:/usr/lib";
	if ((size_t)snprintf(path, sizeof(path), "/etc/%.*s.path", (int)n, base_of(loader)) >= sizeof(path) ||
	    view_find(c->view, path, &f) < 0 || f.kind != VIEW_FILE)
		return unless_memory();
	ps_auto_fd int fd = view_open(c->view, &f);
	if (fd < 0)
		return unless_memory();
	if (ps_read_fd(fd, path, PATH_FILE_MAX, &text, &ignored) < 0 || !text.data)
		return 0;
	c->musl_path = ps_arena_strndup(c->arena, text.data, text.len);
	return c->musl_path ? 0 : -1;
}

/* The loader of a dynamic program and all that it will map. */
static int dynamic_program(struct closing *c, struct closure_lib *program)
{
	struct view_found f;

	if (view_find(c->view, program->elf.interpreter, &f) < 0 || f.kind != VIEW_FILE)
		return unless_memory();
	c->musl = !strncmp(base_of(program->elf.interpreter), "ld-musl-", 8);
	if (text_set_add(&c->exec, f.path) < 0 || (c->musl && musl_directories(c, program->elf.interpreter) < 0) ||
	    needs_of(c, program) < 0)
		return -1;
	for (size_t i = 0; i < PS_COUNT(glibc_later) && !c->musl && c->libs.n; i++)
		if (need(c, program, glibc_later[i]) < 0)
			return -1;
	return 0;
}

static int add_program(struct closing *c, const char *as, const struct view_found *f, unsigned depth);

/* A program that another one names; that there is none is its failure, later. */
static int add_named(struct closing *c, const char *name, unsigned depth)
{
	struct view_found f;
	struct ps_err e;
	size_t at = 0;

	if (closing_find(c->view, c->path, name, &at, &f, &e) < 0)
		return unless_memory();
	return add_program(c, name, &f, depth + 1);
}

/* "env [-S] [NAME=VALUE]... PROGRAM": what it runs. */
static int add_of_env(struct closing *c, char *words, unsigned depth)
{
	char *word;

	while ((word = strsep(&words, " \t"))) {
		if (!strncmp(word, "-S", 2))
			word += 2;
		if (*word && *word != '-' && !strchr(word, '='))
			return add_named(c, word, depth);
	}
	return 0;
}

/* "#!INTERPRETER [ARGUMENT]"; the kernel looks at as many bytes. */
static int add_script(struct closing *c, const unsigned char *head, size_t n, unsigned depth)
{
	char line[SCRIPT_LINE], *interpreter, *rest;

	n = n < sizeof(line) ? n : sizeof(line) - 1;
	memcpy(line, head, n);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	interpreter = line + 2 + strspn(line + 2, " \t");
	rest = interpreter + strcspn(interpreter, " \t");
	if (*rest)
		*rest++ = '\0';
	if (*interpreter != '/')
		return 0;
	if (add_named(c, interpreter, depth) < 0)
		return -1;
	return strcmp(base_of(interpreter), "env") ? 0 : add_of_env(c, rest, depth);
}

static int add_program(struct closing *c, const char *as, const struct view_found *f, unsigned depth)
{
	unsigned char head[ELF_HEAD];
	struct closure_lib *program;
	ps_auto_fd int fd = -1;
	ssize_t n;
	int rc;

	if (depth > CLOSURE_DEPTH_MAX || is_full(c))
		return 0;
	rc = text_set_add(&c->exec, f->path);
	if (rc <= 0)
		return rc;
	c->n_files++;
	n = read_head(c, f, head, &fd);
	if (n < 0)
		return unless_memory();
	if (n >= 2 && head[0] == '#' && head[1] == '!')
		return add_script(c, head, (size_t)n, depth);
	program = ps_arena_new(c->arena, struct closure_lib);
	if (!program)
		return -1;
	rc = elf_read(c->arena, fd, head, (size_t)n, &program->elf);
	if (rc)
		return rc < 0 ? unless_memory() : 0;
	ps_fd_close(&fd);
	program->origin = directory_of(c, f->path);
	c->program = program;
	c->names = (struct text_set){ .arena = c->arena };
	if (!program->origin || (program->elf.interpreter && dynamic_program(c, program) < 0))
		return -1;
	return closing_add_trees(c, as, f->path, program->elf.machine);
}

/* ---- Interface ---- */

void closing_init(struct closing *c, struct ps_arena *a, struct view *view, const char *path)
{
	*c = (struct closing){ .arena = a, .view = view, .path = path };
	c->exec.arena = c->libs.arena = c->trees.arena = c->files.arena = c->names.arena = a;
}

void closing_done(struct closing *c)
{
	ps_buf_done(&c->cache_text);
}

int closing_add_program(struct closing *c, const char *program, const char **ret, struct ps_err *e)
{
	struct view_found f;
	size_t at = 0;

	if (closing_find(c->view, c->path, program, &at, &f, e) < 0)
		return -1;
	if (add_program(c, program, &f, 0) < 0)
		return oom(e, program);
	if (ret)
		*ret = f.path;
	return 0;
}

int closing_add_library(struct closing *c, const char *path, struct ps_err *e)
{
	struct view_found f;

	if (closing_map(c, path) < 0)
		return oom(e, path);
	/* Listed as it is, whatever it is. */
	if (view_find(c->view, path, &f) == 0 && f.kind == VIEW_FILE && text_set_add(&c->libs, f.path) < 0)
		return oom(e, path);
	return 0;
}

bool closing_in_tree(const struct closing *c, const char *path)
{
	for (size_t i = 0; i < c->trees.n; i++)
		if (view_below(path, c->trees.v[i]))
			return true;
	return false;
}

int closing_result(const struct closing *c, struct closure *ret, struct ps_err *e)
{
	const char **libs = ps_arena_array(c->arena, c->libs.n + 1, sizeof(*libs));
	size_t n = 0;

	if (!libs)
		return ps_fail_os(e, "list what programs consist of");
	for (size_t i = 0; i < c->libs.n; i++)
		if (!closing_in_tree(c, c->libs.v[i]))
			libs[n++] = c->libs.v[i];
	*ret = (struct closure){ text_set_strs(&c->exec), { libs, n }, text_set_strs(&c->trees),
				 text_set_strs(&c->files) };
	return 0;
}

int closure_of(struct ps_arena *a, int root_fd, const char *path, const char *program, struct closure *ret, struct ps_err *e)
{
	ps_auto_view struct view v = { .n = 0 };
	ps_auto_closing struct closing c = { .view = NULL };

	if (view_init(&v, a, root_fd, NULL, e) < 0)
		return -1;
	closing_init(&c, a, &v, path);
	if (closing_add_program(&c, program, NULL, e) < 0)
		return -1;
	return closing_result(&c, ret, e);
}
