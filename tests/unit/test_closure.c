/* SPDX-License-Identifier: Apache-2.0
 * test_closure.c - what programs consist of: real ones of this machine, and files that lie.
 */
#include "tests/unit/elf_make.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "shim/policy/closure.h"

#define PATH "/usr/local/bin:/usr/bin:/bin"
#define LOADER "/lib64/ld-linux-x86-64.so.2"

struct box {
	char path[PATH_MAX];
	int fd;
	struct ps_arena a;
	struct closure c;
	struct ps_err e;
};

static void mkdirs(int fd, const char *path)
{
	char dir[PATH_MAX];

	for (size_t i = 1; i <= strlen(path); i++)
		if (!path[i] || path[i] == '/') {
			(void)snprintf(dir, sizeof(dir), "%.*s", (int)i, path);
			assert_true(mkdirat(fd, dir, 0755) == 0 || errno == EEXIST);
		}
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->fd = unit_mkdir(b->path);
	mkdirs(b->fd, "usr/bin");
	mkdirs(b->fd, "usr/lib/x86_64-linux-gnu");
	mkdirs(b->fd, "lib64");
	mkdirs(b->fd, "opt/app/lib");
	mkdirs(b->fd, "etc");
	assert_int_equal(symlinkat("usr/bin", b->fd, "bin"), 0);
	assert_int_equal(symlinkat("usr/lib", b->fd, "lib"), 0);
	em_write(b->fd, "lib64/ld-linux-x86-64.so.2", &(struct em){ .bits = 64 });
	em_write(b->fd, "usr/lib/x86_64-linux-gnu/libc.so.6", &(struct em){ .needed = { "ld-linux-x86-64.so.2" } });
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	ps_arena_done(&b->a);
	unit_rmdir(b->path, b->fd);
	free(b);
	return 0;
}

static int run(struct box *b, const char *program)
{
	ps_arena_done(&b->a);
	b->c = (struct closure){ .exec = { NULL, 0 } };
	return closure_of(&b->a, b->fd, PATH, program, &b->c, &b->e);
}

static void has(const struct spec_strs *l, const char *const *want, const char *what)
{
	size_t n = 0;

	while (want[n])
		n++;
	for (size_t i = 0; i < l->n || i < n; i++)
		if (i >= l->n || i >= n || strcmp(l->v[i], want[i]) != 0)
			fail_msg("%s: %zu of %zu is '%s', not '%s'", what, i, l->n, i < l->n ? l->v[i] : "-", i < n ? want[i] : "-");
}

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }
#define NOTHING (const char *const[]){ NULL }
#define EXPECT(b, program, execs, libraries)                                                       \
	do {                                                                                       \
		if (run(b, program) < 0)                                                           \
			fail_msg("%s", (b)->e.msg);                                                \
		has(&(b)->c.exec, execs, "exec");                                                  \
		has(&(b)->c.libs, libraries, "libs");                                              \
	} while (0)

/* ---- This machine ---- */

static bool listed(const struct spec_strs *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], text) == 0)
			return true;
	return false;
}

/* What the loader mapped for this very program. */
static void all_that_is_mapped_is_found(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char self[PATH_MAX], line[PATH_MAX + 128];
	struct closure c = { .exec = { NULL, 0 } };
	struct ps_err e = { .cls = PS_OK };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ps_auto_file FILE *maps = fopen("/proc/self/maps", "re");
	size_t seen = 0;

	(void)state;
	assert_true(n > 0 && maps);
	self[n] = '\0';
	if (closure_of(&a, root, PATH, self, &c, &e) < 0)
		fail_msg("%s", e.msg);
	while (fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (!path || !strstr(line, "r-xp"))
			continue;
		seen++;
		if (!listed(&c.exec, path) && !listed(&c.libs, path))
			fail_msg("'%s' is mapped, but not found", path);
	}
	assert_true(seen > 3);
	assert_string_equal(c.exec.v[0], self);
}

static void python_has_its_library(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct closure c = { .exec = { NULL, 0 } };
	struct ps_err e = { .cls = PS_OK };
	struct stat st;

	(void)state;
	if (closure_of(&a, root, PATH, "python3", &c, &e) < 0)
		skip();
	assert_int_equal(c.exec.n, 2);
	assert_true(c.trees.n > 0 && strstr(c.trees.v[0], "/lib/python3"));
	for (size_t i = 0; i < c.libs.n; i++) {
		assert_int_equal(lstat(c.libs.v[i], &st), 0);
		assert_true(S_ISREG(st.st_mode));
		/* Extension modules are in the tree. */
		assert_null(strstr(c.libs.v[i], "lib-dynload"));
	}
}

static void a_name_that_is_nowhere(void **state)
{
	struct box *b = *state;

	assert_int_equal(run(b, "nonsuch"), -1);
	assert_int_equal(b->e.cls, PS_E_NOTFOUND);
	assert_string_equal(b->e.msg, "no directory of PATH has a program 'nonsuch'");
	assert_int_equal(run(b, "/usr/bin"), -1);
	assert_string_equal(b->e.msg, "the container has no program '/usr/bin'");
	assert_int_equal(run(b, "relative/path"), -1);
	assert_int_equal(run(b, ""), -1);
	assert_int_equal(b->e.cls, PS_E_NOTFOUND);
}

/* ---- Loaders ---- */

static void libraries_of_libraries(void **state)
{
	struct box *b = *state;

	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = LOADER, .needed = { "liba.so", "libc.so.6", "libnone.so" } });
	em_write(b->fd, "usr/lib/liba.so", &(struct em){ .needed = { "libb.so" } });
	em_write(b->fd, "usr/lib/x86_64-linux-gnu/libb.so", &(struct em){ .needed = { "liba.so", "libb.so" } });
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER),
	       LIST("/usr/lib/liba.so", "/usr/lib/x86_64-linux-gnu/libb.so", "/usr/lib/x86_64-linux-gnu/libc.so.6"));
	/* By its path, too, and without a loader nothing is loaded. */
	em_write(b->fd, "usr/bin/static", &(struct em){ .needed = { "liba.so" } });
	EXPECT(b, "/bin/static", LIST("/usr/bin/static"), NOTHING);
}

static void other_machines_libraries_are_passed_by(void **state)
{
	struct box *b = *state;

	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = LOADER, .needed = { "liba.so", "libb.so", "libd.so" } });
	em_write(b->fd, "usr/lib/x86_64-linux-gnu/liba.so", &(struct em){ .bits = 32, .machine = EM_386 });
	em_write(b->fd, "usr/lib/liba.so", &(struct em){ .bits = 64 });
	em_write(b->fd, "usr/lib/libb.so", &(struct em){ .machine = EM_AARCH64 });
	em_write(b->fd, "usr/lib/libd.so", &(struct em){ .big = true });
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER), LIST("/usr/lib/liba.so"));
}

static void programs_of_every_kind_are_read(void **state)
{
	static const struct em kinds[] = {
		{ .bits = 32, .machine = EM_386, .interp = LOADER, .needed = { "liba.so" } },
		{ .bits = 64, .machine = EM_S390, .big = true, .interp = LOADER, .needed = { "liba.so" } },
		{ .bits = 32, .machine = EM_PPC, .big = true, .interp = LOADER, .needed = { "liba.so" } },
	};
	struct box *b = *state;

	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		struct em lib = kinds[i];

		lib.interp = NULL;
		lib.needed[0] = NULL;
		em_write(b->fd, "usr/bin/p", &kinds[i]);
		em_write(b->fd, "usr/lib/liba.so", &lib);
		EXPECT(b, "p", LIST("/usr/bin/p", LOADER), LIST("/usr/lib/liba.so"));
	}
}

static void origins(void **state)
{
	static const struct { const char *rpath, *runpath; bool finds_a, finds_b; } rows[] = {
		/* A library's own needs are searched in the program's RPATH, not in its RUNPATH. */
		{ "$ORIGIN/../lib", NULL, true, true },
		{ NULL, "$ORIGIN/../lib", true, false },
		{ "/opt/app/lib", NULL, true, true },
		{ "/nowhere", "${ORIGIN}/../lib", true, false },
		{ "/nowhere:/opt/app/lib/", NULL, true, true },
		/* Nothing that depends on where we are, or on more than is known. */
		{ "$ORIGINAL/../lib", NULL, false, false },
		{ "lib", "../lib", false, false },
		{ "$LIB:$PLATFORM/lib:${ORIGIN", NULL, false, false },
		{ ":::", "", false, false },
		/* Out of the root there is only the root. */
		{ "$ORIGIN/../../../../../../../opt/app/lib", NULL, true, true },
	};
	struct box *b = *state;

	mkdirs(b->fd, "opt/app/bin");
	em_write(b->fd, "opt/app/lib/liba.so", &(struct em){ .needed = { "libb.so" } });
	em_write(b->fd, "opt/app/lib/libb.so", &(struct em){ .bits = 64 });
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		em_write(b->fd, "opt/app/bin/p", &(struct em){ .interp = LOADER, .rpath = rows[i].rpath,
							       .runpath = rows[i].runpath, .needed = { "liba.so" } });
		assert_int_equal(run(b, "/opt/app/bin/p"), 0);
		if (b->c.libs.n != (size_t)rows[i].finds_a + rows[i].finds_b)
			fail_msg("row %zu: %zu libraries", i, b->c.libs.n);
	}
}

static void links_lead_inside(void **state)
{
	struct box *b = *state;

	em_write(b->fd, "opt/app/real", &(struct em){ .interp = LOADER, .runpath = "$ORIGIN/lib", .needed = { "liba.so" } });
	em_write(b->fd, "opt/app/lib/liba.so.1.2", &(struct em){ .runpath = "$ORIGIN/more", .needed = { "libb.so" } });
	assert_int_equal(symlinkat("liba.so.1.2", b->fd, "opt/app/lib/liba.so"), 0);
	assert_int_equal(symlinkat("/../../opt/app/real", b->fd, "usr/bin/p"), 0);
	EXPECT(b, "p", LIST("/opt/app/real", LOADER), LIST("/opt/app/lib/liba.so.1.2"));
	/* Circles and links to nowhere are no programs. */
	assert_int_equal(symlinkat("loop2", b->fd, "usr/bin/loop1"), 0);
	assert_int_equal(symlinkat("loop1", b->fd, "usr/bin/loop2"), 0);
	assert_int_equal(symlinkat("/etc/shadow/../passwd", b->fd, "usr/bin/out"), 0);
	assert_int_equal(run(b, "loop1"), -1);
	assert_int_equal(b->e.cls, PS_E_NOTFOUND);
	assert_int_equal(run(b, "out"), -1);
	assert_int_equal(b->e.cls, PS_E_NOTFOUND);
}

static void musl_has_a_list_of_its_own(void **state)
{
	struct box *b = *state;

	mkdirs(b->fd, "opt/musl");
	em_write(b->fd, "usr/lib/ld-musl-x86_64.so.1", &(struct em){ .bits = 64 });
	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = "/lib/ld-musl-x86_64.so.1", .runpath = "/opt/app/lib",
						   .needed = { "libc.musl-x86_64.so.1", "liba.so", "libz.so" } });
	em_write(b->fd, "opt/app/lib/liba.so", &(struct em){ .needed = { "libb.so" } });
	em_write(b->fd, "opt/app/lib/libb.so", &(struct em){ .bits = 64 });
	em_write(b->fd, "usr/lib/libz.so", &(struct em){ .bits = 64 });
	/* musl searches the loader's RUNPATH for the libraries of its libraries. */
	EXPECT(b, "p", LIST("/usr/bin/p", "/usr/lib/ld-musl-x86_64.so.1"),
	       LIST("/opt/app/lib/liba.so", "/opt/app/lib/libb.so", "/usr/lib/libz.so"));
	unit_write(b->fd, "etc/ld-musl-x86_64.path", "/opt/musl\n/opt/none\n");
	EXPECT(b, "p", LIST("/usr/bin/p", "/usr/lib/ld-musl-x86_64.so.1"),
	       LIST("/opt/app/lib/liba.so", "/opt/app/lib/libb.so"));
	em_write(b->fd, "opt/musl/libz.so", &(struct em){ .bits = 64 });
	EXPECT(b, "p", LIST("/usr/bin/p", "/usr/lib/ld-musl-x86_64.so.1"),
	       LIST("/opt/app/lib/liba.so", "/opt/app/lib/libb.so", "/opt/musl/libz.so"));
}

/* ---- The cache ---- */

struct entry { const char *key, *value; };

/* Entries as ldconfig sorts them: last first. */
static size_t make_cache(char *out, const struct entry *v, uint32_t n)
{
	size_t at = 48 + (size_t)n * 24;

	memset(out, 0, at);
	memcpy(out, "glibc-ld.so.cache1.1", 20);
	memcpy(out + 20, &n, sizeof(n));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t key = (uint32_t)at, value = key + (uint32_t)strlen(v[i].key) + 1;

		memcpy(out + 48 + i * 24 + 4, &key, sizeof(key));
		memcpy(out + 48 + i * 24 + 8, &value, sizeof(value));
		memcpy(out + key, v[i].key, strlen(v[i].key) + 1);
		memcpy(out + value, v[i].value, strlen(v[i].value) + 1);
		at = value + strlen(v[i].value) + 1;
	}
	return at;
}

static const struct entry cached[] = {
	{ "libz.so.10", "/c/libz.so.10" }, { "libz.so.9", "/c/libz.so.9" }, { "liba.so", "/opt/app/lib/hw/liba.so" },
	{ "liba.so", "/opt/app/lib/liba.so" }, { "lib.so", "relative" },
};

static void the_cache_is_searched_by_number(void **state)
{
	char text[4096];
	struct ld_cache c;

	(void)state;
	size_t n = make_cache(text, cached, PS_COUNT(cached));

	assert_true(ld_cache_parse(text, n, &c));
	assert_string_equal(ld_cache_find(&c, "libz.so.9", 0), "/c/libz.so.9");
	assert_string_equal(ld_cache_find(&c, "libz.so.10", 0), "/c/libz.so.10");
	assert_string_equal(ld_cache_find(&c, "liba.so", 1), "/opt/app/lib/liba.so");
	assert_null(ld_cache_find(&c, "liba.so", 2));
	assert_null(ld_cache_find(&c, "libz.so.09", 0));
	assert_null(ld_cache_find(&c, "", 0));
	/* Behind one of the old format. */
	char both[4096] = "ld.so-1.7.0";
	uint32_t n_old = 1;

	memcpy(both + 12, &n_old, sizeof(n_old));
	memcpy(both + 32, text, n);
	assert_true(ld_cache_parse(both, 32 + n, &c));
	assert_string_equal(ld_cache_find(&c, "libz.so.9", 0), "/c/libz.so.9");
	for (size_t i = 0; i < 48; i++)
		assert_false(ld_cache_parse(text, i, &c));
}

static void the_cache_of_a_root(void **state)
{
	struct box *b = *state;
	char text[4096];
	uint32_t huge = 0x7fffffff;

	mkdirs(b->fd, "opt/app/lib/hw");
	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = LOADER, .needed = { "liba.so", "lib.so" } });
	em_write(b->fd, "opt/app/lib/liba.so", &(struct em){ .bits = 64 });
	em_write(b->fd, "opt/app/lib/hw/liba.so", &(struct em){ .bits = 64 });
	em_write_bytes(b->fd, "etc/ld.so.cache", text, make_cache(text, cached, PS_COUNT(cached)));
	/* Both: which one is taken is the processor's matter. */
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER), LIST("/opt/app/lib/hw/liba.so", "/opt/app/lib/liba.so"));
	/* More entries than bytes, strings outside: as if there were none. */
	memcpy(text + 20, &huge, sizeof(huge));
	em_write_bytes(b->fd, "etc/ld.so.cache", text, 400);
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER), NOTHING);
	(void)make_cache(text, cached, PS_COUNT(cached));
	for (size_t i = 48; i < 48 + 5 * 24; i++)
		text[i] = (char)0xff;
	em_write_bytes(b->fd, "etc/ld.so.cache", text, 400);
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER), NOTHING);
}

/* ---- Scripts ---- */

static void script(int fd, const char *path, const char *text)
{
	em_write_bytes(fd, path, text, strlen(text));
}

static void scripts_bring_their_interpreters(void **state)
{
	static const char *const lines[] = {
		"#!/usr/bin/env i\n", "#! /usr/bin/env\ti", "#!/bin/env -S i -x\n", "#!/usr/bin/env -S A=b i\nmore", "#!/usr/bin/env -Si\n",
	};
	struct box *b = *state;

	em_write(b->fd, "usr/bin/env", &(struct em){ .bits = 64 });
	em_write(b->fd, "usr/bin/i", &(struct em){ .bits = 64 });
	for (size_t i = 0; i < PS_COUNT(lines); i++) {
		script(b->fd, "usr/bin/s", lines[i]);
		EXPECT(b, "s", LIST("/usr/bin/s", "/usr/bin/env", "/usr/bin/i"), NOTHING);
	}
	script(b->fd, "usr/bin/s", "#!/usr/bin/t x y\n");
	script(b->fd, "usr/bin/t", "#!/usr/bin/i\n");
	EXPECT(b, "s", LIST("/usr/bin/s", "/usr/bin/t", "/usr/bin/i"), NOTHING);
	/* In circles, through itself, with nothing, relative, endless: the script alone, or what there is. */
	script(b->fd, "usr/bin/t", "#!/usr/bin/s\n");
	EXPECT(b, "s", LIST("/usr/bin/s", "/usr/bin/t"), NOTHING);
	script(b->fd, "usr/bin/s", "#!");
	EXPECT(b, "s", LIST("/usr/bin/s"), NOTHING);
	script(b->fd, "usr/bin/s", "#!i\n");
	EXPECT(b, "s", LIST("/usr/bin/s"), NOTHING);
	char line[600] = "#!/usr/bin/i";

	memset(line + strlen(line), ' ', sizeof(line) - strlen("#!/usr/bin/i") - 1);
	script(b->fd, "usr/bin/s", line);
	EXPECT(b, "s", LIST("/usr/bin/s", "/usr/bin/i"), NOTHING);
}

static void scripts_of_scripts_end(void **state)
{
	struct box *b = *state;
	char name[32], text[64];

	for (int i = 0; i < 9; i++) {
		(void)snprintf(name, sizeof(name), "usr/bin/s%d", i);
		(void)snprintf(text, sizeof(text), "#!/usr/bin/s%d\n", i + 1);
		script(b->fd, name, text);
	}
	EXPECT(b, "s0", LIST("/usr/bin/s0", "/usr/bin/s1", "/usr/bin/s2", "/usr/bin/s3", "/usr/bin/s4"), NOTHING);
}

/* ---- Interpreters ---- */

static void interpreters_have_trees(void **state)
{
	struct box *b = *state;

	mkdirs(b->fd, "usr/lib/python3.11/lib-dynload");
	mkdirs(b->fd, "usr/lib/python3/dist-packages");
	mkdirs(b->fd, "opt/env/bin");
	mkdirs(b->fd, "opt/env/lib/python3.11");
	mkdirs(b->fd, "usr/share/perl5");
	em_write(b->fd, "usr/bin/python3.11", &(struct em){ .interp = LOADER, .needed = { "libc.so.6" } });
	assert_int_equal(symlinkat("python3.11", b->fd, "usr/bin/python3"), 0);
	assert_int_equal(symlinkat("/usr/bin/python3", b->fd, "opt/env/bin/python"), 0);
	unit_write(b->fd, "opt/env/pyvenv.cfg", "home = /usr/bin\n");
	em_write(b->fd, "usr/lib/python3.11/lib-dynload/_x.so", &(struct em){ .needed = { "liba.so" } });
	em_write(b->fd, "usr/lib/liba.so", &(struct em){ .bits = 64 });
	unit_write(b->fd, "usr/lib/python3.11/lib-dynload/bad.so", "no library");
	EXPECT(b, "python3", LIST("/usr/bin/python3.11", LOADER), LIST("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/liba.so"));
	has(&b->c.trees, LIST("/usr/lib/python3.11", "/usr/lib/python3"), "trees");
	has(&b->c.files, NOTHING, "files");
	assert_int_equal(run(b, "/opt/env/bin/python"), 0);
	has(&b->c.trees, LIST("/usr/lib/python3.11", "/usr/lib/python3", "/opt/env/lib"), "trees");
	has(&b->c.files, LIST("/opt/env/pyvenv.cfg"), "files");
	em_write(b->fd, "usr/bin/perl5.36.0", &(struct em){ .bits = 64 });
	assert_int_equal(run(b, "perl5.36.0"), 0);
	has(&b->c.trees, LIST("/usr/share/perl5"), "trees");
	/* Only by its whole name. */
	em_write(b->fd, "usr/bin/perldoc", &(struct em){ .bits = 64 });
	assert_int_equal(run(b, "perldoc"), 0);
	has(&b->c.trees, NOTHING, "trees");
}

/* ---- Files that lie ---- */

static void no_more_files_than_the_maximum(void **state)
{
	struct box *b = *state;
	char path[64], names[3][16];

	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = LOADER, .needed = { "l1.so" } });
	/* A tree: each needs two others. */
	for (int i = 1; i < 2000; i++) {
		struct em e = { .bits = 64 };

		(void)snprintf(path, sizeof(path), "usr/lib/l%d.so", i);
		(void)snprintf(names[0], sizeof(names[0]), "l%d.so", 2 * i);
		(void)snprintf(names[1], sizeof(names[1]), "l%d.so", 2 * i + 1);
		e.needed[0] = names[0];
		e.needed[1] = names[1];
		em_write(b->fd, path, &e);
	}
	assert_int_equal(run(b, "p"), 0);
	assert_in_range(b->c.libs.n, 400, CLOSURE_FILES_MAX);
	/* A chain, whose depth ends it. */
	for (int i = 1; i < 600; i++) {
		struct em e = { .bits = 64 };

		(void)snprintf(path, sizeof(path), "usr/lib/l%d.so", i);
		(void)snprintf(names[0], sizeof(names[0]), "l%d.so", i + 1);
		e.needed[0] = names[0];
		em_write(b->fd, path, &e);
	}
	assert_int_equal(run(b, "p"), 0);
	assert_in_range(b->c.libs.n, 16, 64);
}

static void whatever_is_not_a_file_is_no_library(void **state)
{
	struct box *b = *state;

	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = LOADER, .needed = { "libfifo.so", "libdir.so", "/dev/zero", "a/b" } });
	assert_int_equal(mkfifoat(b->fd, "usr/lib/libfifo.so", 0644), 0);
	mkdirs(b->fd, "usr/lib/libdir.so");
	mkdirs(b->fd, "dev");
	(void)mknodat(b->fd, "dev/zero", S_IFCHR | 0666, makedev(1, 5));
	assert_int_equal(mkfifoat(b->fd, "etc/ld.so.cache", 0644), 0);
	EXPECT(b, "p", LIST("/usr/bin/p", LOADER), NOTHING);
	/* A loader that is no file is none. */
	em_write(b->fd, "usr/bin/p", &(struct em){ .interp = "/usr/lib/libfifo.so", .needed = { "liba.so" } });
	EXPECT(b, "p", LIST("/usr/bin/p"), NOTHING);
}

static void cut_off_anywhere(void **state)
{
	struct box *b = *state;
	static struct em_out o;

	em_write(b->fd, "usr/lib/liba.so", &(struct em){ .bits = 64 });
	em_make(&o, &(struct em){ .interp = LOADER, .rpath = "$ORIGIN", .needed = { "liba.so" } });
	for (size_t n = 0; n < EM_STRINGS + 128; n += n < 1200 ? 1 : 7) {
		em_write_bytes(b->fd, "usr/bin/p", o.b, n);
		assert_int_equal(run(b, "p"), 0);
		assert_string_equal(b->c.exec.v[0], "/usr/bin/p");
	}
}

static void any_word_is_wrong(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x7fffffff, 0xffffffff, 0x8000000000000000, UINT64_MAX, EM_SIZE, UINT64_MAX - 4095 };
	struct box *b = *state;
	static struct em_out o;
	struct em e = { .interp = LOADER, .runpath = "$ORIGIN", .needed = { "liba.so", "libc.so.6" } };

	for (unsigned bits = 32; bits <= 64; bits += 32)
		for (size_t at = 0; at < 400; at += 4)
			for (size_t i = 0; i < PS_COUNT(values); i++) {
				e.bits = bits;
				em_make(&o, &e);
				memcpy(o.b + (at < 232 ? at : EM_DYNAMIC + at - 232), &values[i], 8);
				em_write_bytes(b->fd, "usr/bin/p", o.b, sizeof(o.b));
				assert_int_equal(run(b, "p"), 0);
			}
}

static void more_names_than_the_maximum(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct box *b = *state;
	static struct em_out o;
	static struct elf_file f;

	em_make(&o, &(struct em){ .bits = 64 });
	for (size_t i = 0; i < (EM_STRINGS - EM_DYNAMIC) / 16; i++) {
		em_put(&o, EM_DYNAMIC + i * 16, DT_NEEDED, 8);
		em_put(&o, EM_DYNAMIC + i * 16 + 8, 1, 8);
	}
	em_put(&o, EM_DYNAMIC, DT_STRTAB, 8);
	em_put(&o, EM_DYNAMIC + 8, EM_BASE + EM_STRINGS, 8);
	em_put(&o, EM_DYNAMIC + 16, DT_STRSZ, 8);
	em_put(&o, EM_DYNAMIC + 24, 64, 8);
	memcpy(o.b + EM_STRINGS + 1, "x", 2);
	em_write_bytes(b->fd, "many", o.b, sizeof(o.b));
	ps_auto_fd int fd = openat(b->fd, "many", O_RDONLY | O_CLOEXEC);

	assert_int_equal(elf_read(&a, fd, o.b, ELF_HEAD, &f), 0);
	assert_int_equal(f.n_needed, (EM_STRINGS - EM_DYNAMIC) / 16 - 2);
	assert_string_equal(f.needed[0], "x");
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_mapped_is_found),
		cmocka_unit_test(python_has_its_library),
		BOX(a_name_that_is_nowhere),
		BOX(libraries_of_libraries),
		BOX(other_machines_libraries_are_passed_by),
		BOX(programs_of_every_kind_are_read),
		BOX(origins),
		BOX(links_lead_inside),
		BOX(musl_has_a_list_of_its_own),
		cmocka_unit_test(the_cache_is_searched_by_number),
		BOX(the_cache_of_a_root),
		BOX(scripts_bring_their_interpreters),
		BOX(scripts_of_scripts_end),
		BOX(interpreters_have_trees),
		BOX(no_more_files_than_the_maximum),
		BOX(whatever_is_not_a_file_is_no_library),
		BOX(cut_off_anywhere),
		BOX(any_word_is_wrong),
		BOX(more_names_than_the_maximum),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
