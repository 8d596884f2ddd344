/* SPDX-License-Identifier: Apache-2.0
 * test_program.c - a program without a bundle: which file, who interprets it, and the document that is written for it.
 *
 * UPDATE_GOLDEN=1 writes the documents anew: review the diff as you would review code.
 */
#include "tests/unit/unit.h"

#include "shim/pod/program.h"

/* A host below a folder of the test's own. */
struct host {
	char path[PATH_MAX];
	int fd;
	struct ps_arena a;
	struct program_request q;
};

static void put(const struct host *h, const char *path, const char *text, mode_t mode)
{
	char dir[PATH_MAX];

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(p - path), path);
		assert_true(mkdirat(h->fd, dir, 0755) == 0 || errno == EEXIST);
	}
	unit_write(h->fd, path, text);
	assert_int_equal(fchmodat(h->fd, path, mode, 0), 0);
}

#define PROGRAM "\177ELF..."

static const char *const words[] = { "/home/u/hello.py", "a b", NULL };
static const char *const environment[] = { "PATH=/home/u/bin:/bin", "HOME=/home/u", "SECRET=1", "LC_ALL=C.UTF-8", "TERM=xterm", "LC=1", NULL };

static int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->fd = unit_mkdir(h->path);
	put(h, "usr/bin/python3", PROGRAM, 0755);
	put(h, "usr/bin/sh", PROGRAM, 0755);
	put(h, "etc/passwd", "root", 0644);
	put(h, "home/u/hello.py", "print(1)", 0644);
	put(h, "home/u/bin/tool", PROGRAM, 0755);
	put(h, "home/u/bin/node", PROGRAM, 0755);
	put(h, "opt/one", "", 0644);
	assert_int_equal(symlinkat("usr/bin", h->fd, "bin"), 0);
	assert_int_equal(symlinkat("/home/u/bin/tool", h->fd, "usr/bin/linked"), 0);
	h->q = (struct program_request){ .argv = words, .cwd = "/home/u", .envp = environment, .root_fd = h->fd };
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;

	ps_arena_done(&h->a);
	unit_rmdir(h->path, h->fd);
	free(h);
	return 0;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct program find(struct host *h, bool by_name, const char *const *argv)
{
	struct ps_err e = { .cls = PS_OK };
	struct program p = { .file = NULL };

	h->q.argv = argv;
	h->q.by_name = by_name;
	if (program_find(&h->a, &h->q, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void not_found(struct host *h, bool by_name, const char *name, enum ps_err_class cls, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	struct program p = { .file = NULL };
	const char *const argv[] = { name, NULL };

	h->q.argv = argv;
	h->q.by_name = by_name;
	assert_int_equal(program_find(&h->a, &h->q, &p, &e), -1);
	assert_string_equal(e.msg, text);
	assert_int_equal(e.cls, cls);
	assert_null(p.file);
}

static void is_list(const struct spec_strs *got, const char *const *want)
{
	size_t n = 0;

	while (want[n])
		n++;
	assert_int_equal(got->n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(got->v[i], want[i]);
	assert_null(got->v[n]);
}

static void scripts_by_suffix(void **state)
{
	struct host *h = *state;
	struct program p = find(h, false, WORDS("hello.py", "x"));

	assert_string_equal(p.file, "/home/u/hello.py");
	is_list(&p.args, WORDS("/usr/bin/python3", "/home/u/hello.py", "x"));
	is_list(&p.files, WORDS("/home/u/hello.py"));
	/* Whose interpreter is the caller's own alone: it is bound, too. */
	put(h, "home/u/app.mjs", "1", 0644);
	p = find(h, false, WORDS("./app.mjs"));
	is_list(&p.args, WORDS("/home/u/bin/node", "/home/u/app.mjs"));
	is_list(&p.files, WORDS("/home/u/bin/node", "/home/u/app.mjs"));
	/* A mode that lets it be executed does not make a program of it. */
	put(h, "home/u/x.sh", "echo", 0755);
	p = find(h, false, WORDS("x.sh"));
	is_list(&p.args, WORDS("/usr/bin/sh", "/home/u/x.sh"));
	put(h, "home/u/x.rb", "", 0644);
	not_found(h, false, "x.rb", PS_E_NOTFOUND, "'/home/u/x.rb' takes the interpreter 'ruby', which was not found in PATH");
}

static void scripts_by_first_line(void **state)
{
	struct host *h = *state;
	struct program p;

	put(h, "home/u/run", "#! /bin/sh  -e -u \r\necho", 0644);
	p = find(h, false, WORDS("run", "1"));
	is_list(&p.args, WORDS("/bin/sh", "-e -u", "/home/u/run", "1"));
	is_list(&p.files, WORDS("/home/u/run"));
	put(h, "home/u/bare.py", "#!/bin/sh", 0644);
	p = find(h, false, WORDS("bare.py"));
	is_list(&p.args, WORDS("/bin/sh", "/home/u/bare.py"));
	/* Who reads it is who "env" finds; what only "env" can make of it is left to "env". */
	put(h, "home/u/bare.py", "#!/bin/env python3\n", 0644);
	put(h, "bin/env", PROGRAM, 0755);
	p = find(h, false, WORDS("bare.py", "1"));
	is_list(&p.args, WORDS("/usr/bin/python3", "/home/u/bare.py", "1"));
	put(h, "home/u/bare.py", "#!/bin/env -S python3 -u\n", 0644);
	p = find(h, false, WORDS("bare.py"));
	is_list(&p.args, WORDS("/bin/env", "-S python3 -u", "/home/u/bare.py"));
	put(h, "home/u/bare.py", "#!/bin/env nosuch\n", 0644);
	p = find(h, false, WORDS("bare.py"));
	is_list(&p.args, WORDS("/bin/env", "nosuch", "/home/u/bare.py"));
	/* The kernel does it. */
	put(h, "home/u/run", "#!/bin/sh\n", 0755);
	p = find(h, false, WORDS("run"));
	is_list(&p.args, WORDS("/home/u/run"));
	assert_string_equal(p.first_line, "/bin/sh");
	assert_null(find(h, false, WORDS("hello.py")).first_line);
	put(h, "home/u/run", "#!/bin/nosuch\n", 0755);
	not_found(h, false, "run", PS_E_OS, "the interpreter '/bin/nosuch' of '/home/u/run': No such file or directory");
	put(h, "home/u/run", "#! \n", 0644);
	not_found(h, false, "run", PS_E_USAGE, "the '#!' line of '/home/u/run' names no interpreter by an absolute path");
}

static void programs_by_name(void **state)
{
	struct host *h = *state;
	struct program p = find(h, true, WORDS("tool", "-x"));

	is_list(&p.args, WORDS("/home/u/bin/tool", "-x"));
	is_list(&p.files, WORDS("/home/u/bin/tool"));
	p = find(h, true, WORDS("sh"));
	is_list(&p.args, WORDS("/bin/sh"));
	is_list(&p.files, WORDS(NULL));
	/* A link that is seen leads where nothing is. */
	p = find(h, true, WORDS("linked"));
	is_list(&p.args, WORDS("/bin/linked"));
	is_list(&p.files, WORDS("/home/u/bin/tool"));
	/* A name with a slash is a path; so is any in the other form. */
	p = find(h, true, WORDS("bin/../../u/bin/tool"));
	is_list(&p.args, WORDS("/home/u/bin/tool"));
	not_found(h, true, "hello.py", PS_E_NOTFOUND, "program 'hello.py' was not found in PATH");
	not_found(h, false, "tool", PS_E_OS, "run 'tool': No such file or directory");
	not_found(h, true, "", PS_E_USAGE, "no program to run is named");
}

static void neither_program_nor_script(void **state)
{
	struct host *h = *state;

	put(h, "home/u/notes.txt", "text", 0755);
	not_found(h, false, "notes.txt", PS_E_USAGE,
		  "'/home/u/notes.txt' is neither a program nor a script: it has no '#!' line, and its name ends in none of .py "
		  ".js .mjs .sh .rb .pl; 'podshim run -- INTERPRETER FILE' names who reads it");
	put(h, "home/u/tool", PROGRAM, 0644);
	not_found(h, false, "tool", PS_E_USAGE, "'/home/u/tool' is a program, but its mode does not let us execute it");
	not_found(h, true, "./bin", PS_E_USAGE, "'./bin' is a directory, not a program; 'podshim run DIR' runs a bundle");
	assert_int_equal(mkfifoat(h->fd, "home/u/fifo", 0644), 0);
	not_found(h, false, "fifo", PS_E_USAGE, "'/home/u/fifo' is no regular file");
}

/* ---- The document ---- */

static void write_config(struct host *h, struct ps_buf *out)
{
	struct program p = find(h, false, words);
	struct ps_err e = { .cls = PS_OK };

	if (program_config(&h->a, &h->q, &p, out, &e) < 0)
		fail_msg("%s", e.msg);
}

static void is_golden(struct host *h, const char *name)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	const char *update = getenv("UPDATE_GOLDEN");

	write_config(h, &text);
	if (update && strcmp(update, "1") == 0)
		unit_write(AT_FDCWD, name, text.data);
	unit_assert_file(AT_FDCWD, name, text.data);
}

static void documents_are_the_golden_ones(void **state)
{
	struct host *h = *state;
	const struct program_bind binds[] = {
		{ .path = "/home/u/data", .writable = true }, { .path = "/home/u/data/sub" }, { .path = "/home/u" },
		{ .path = "/etc/passwd" }, { .path = "/opt", .writable = true }, { .path = "/nowhere" },
		{ .path = "/home/u/bin", .at = "/tools" }, { .path = "/dev/null", .writable = true }, { .path = "/home/u/link" },
	};
	static const char *const env[] = { "A=1", "SECRET", "UNSET", "HOME=/tmp", "A=2" };

	is_golden(h, "tests/golden/program.json");
	put(h, "home/u/data/sub/file", "", 0644);
	put(h, "dev/null", "", 0644);
	h->q.binds = binds;
	h->q.n_binds = PS_COUNT(binds);
	h->q.env = env;
	h->q.n_env = PS_COUNT(env);
	h->q.uid = 1000;
	h->q.gid = 1001;
	h->q.rootless = h->q.terminal = true;
	h->q.workdir = "data/../data/sub/";
	is_golden(h, "tests/golden/program-user.json");
}

static bool has(const struct ps_buf *b, const char *text)
{
	return strstr(b->data, text) != NULL;
}

static void everything_is_all_but_the_kernels_own(void **state)
{
	struct host *h = *state;
	const struct program_bind all = { .path = "/" };
	ps_auto_buf struct ps_buf text = { .data = NULL };

	put(h, "proc/x", "", 0644);
	put(h, "var/lib/x", "", 0644);
	h->q.binds = &all;
	h->q.n_binds = 1;
	write_config(h, &text);
	assert_true(has(&text, "\"source\": \"/var\"") && has(&text, "\"source\": \"/home\""));
	assert_false(has(&text, "\"source\": \"/proc\""));
	/* Asked for by name: nothing of it is masked. */
	assert_false(has(&text, "/etc/shadow"));
}

static void config_fails(struct host *h, enum ps_err_class cls, const char *text)
{
	struct program p = find(h, false, words);
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	assert_int_equal(program_config(&h->a, &h->q, &p, &out, &e), -1);
	assert_string_equal(e.msg, text);
	assert_int_equal(e.cls, cls);
}

static void what_a_document_cannot_hold(void **state)
{
	struct host *h = *state;
	const struct program_bind gone = { .path = "/gone", .at = "/x" };
	const char *bad = "A=\xff";

	h->q.env = &bad;
	h->q.n_env = 1;
	config_fails(h, PS_E_USAGE, "variable 'A=\xff' is not UTF-8");
	bad = "=x";
	config_fails(h, PS_E_USAGE, "invalid env: '=x' has no name");
	h->q.n_env = 0;
	h->q.workdir = "\xc3";
	config_fails(h, PS_E_USAGE, "path '/home/u/\xc3' is not UTF-8");
	h->q.workdir = NULL;
	h->q.binds = &gone;
	h->q.n_binds = 1;
	config_fails(h, PS_E_OS, "bind '/gone': No such file or directory");
}

/* ---- --bind ---- */

static void is_bind(struct host *h, const char *text, const char *path, const char *at, bool writable)
{
	struct ps_err e = { .cls = PS_OK };
	struct program_bind b = { .path = NULL };

	if (program_bind_parse(&h->a, text, "/home/u", &b, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(b.path, path);
	assert_string_equal(b.at, at);
	assert_int_equal(b.writable, writable);
}

static void is_no_bind(struct host *h, const char *text, const char *why)
{
	struct ps_err e = { .cls = PS_OK };
	struct program_bind b = { .path = NULL };

	assert_int_equal(program_bind_parse(&h->a, text, "/home/u", &b, &e), -1);
	assert_non_null(strstr(e.msg, why));
	assert_int_equal(e.cls, PS_E_USAGE);
	assert_null(b.path);
}

static void binds_are_parsed(void **state)
{
	struct host *h = *state;

	is_bind(h, "/a//b/:/c", "/a/b", "/c", true);
	is_bind(h, ".:/work:ro", "/home/u", "/work", false);
	is_bind(h, "../v/x:/y/.:rw", "/home/v/x", "/y", true);
	is_bind(h, "data", "/home/u/data", "/home/u/data", true);
	is_no_bind(h, "", "invalid bind: '' lacks a path; as in SRC:DST, SRC:DST:ro, SRC");
	is_no_bind(h, ":/x", "lacks a path");
	is_no_bind(h, "/x:", "lacks a path");
	is_no_bind(h, "/x:y", "has a destination that is not absolute");
	is_no_bind(h, "/x:/y:z", "ends in neither :ro nor :rw");
	is_no_bind(h, "/x:/", "would cover the root");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scripts_by_suffix), TEST(scripts_by_first_line), TEST(programs_by_name), TEST(neither_program_nor_script),
		TEST(documents_are_the_golden_ones), TEST(everything_is_all_but_the_kernels_own),
		TEST(what_a_document_cannot_hold), TEST(binds_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
