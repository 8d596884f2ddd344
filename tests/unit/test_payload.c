/* SPDX-License-Identifier: Apache-2.0
 * test_payload.c - the payload found, its environment and fds, why an exec fails; in a small root of its own.
 */
#include "tests/unit/sandbox_test.h"

#include <elf.h>
#include <sys/sendfile.h>

#include "shim/sandbox/payload.h"

static struct test_plan t;
static struct ps_err e;
static char root[PATH_MAX];
static int root_fd = -1;

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(ps_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
}

static int make_root(void **state)
{
	static const char *const dirs[] = { "bin", "sbin", "etc", "work", "work/tools", "usr", "usr/bin" };
	ps_auto_fd int from = open("/bin/busybox", O_RDONLY | O_CLOEXEC), to = -1;
	struct stat st;
	off_t at = 0;

	(void)state;
	root_fd = unit_mkdir(root);
	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		assert_int_equal(mkdirat(root_fd, dirs[i], 0755), 0);
	to = openat(root_fd, "bin/sh", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(from >= 0 && to >= 0 && fstat(from, &st) == 0);
	while (at < st.st_size)
		assert_true(sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0);
	put("work/tools/run", "#!/bin/sh\n", 0755);
	put("work/here", "#!/bin/sh\n", 0755);
	put("bin/data", "data", 0644);
	put("usr/bin/data2", "data", 0644);
	put("sbin/data2", "", 0755);
	put("bin/lost", "#!/no/such/interpreter -x\n", 0755);
	put("bin/text", "words\n", 0755);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	unit_rmdir(root, root_fd);
	return 0;
}

static void enter_root(void)
{
	CHECK(chroot(root) == 0 && chdir("/") == 0);
}

/* ---- Finding ---- */

static void find(void *arg)
{
	static const struct {
		const char *arg0, *path, *found, *error; /* path: the planned PATH, NULL without one */
	} cases[] = {
		{ "sh", "/sbin:/bin", "/bin/sh", NULL },
		{ "sh", NULL, "/bin/sh", NULL },
		{ "sh", "/nowhere:/bin/data:/bin", "/bin/sh", NULL },
		{ "data2", "/usr/bin:/sbin", "/sbin/data2", NULL },
		{ "run", "tools", "/work/tools/run", NULL },
		{ "here", "", "/work/here", NULL },
		{ "here", "/bin:", "/work/here", NULL },
		{ "/bin/sh", "", "/bin/sh", NULL },
		{ "tools/run", "/bin", "/work/tools/run", NULL },
		{ "./here", "/bin", "/work/./here", NULL },
		{ "nope", "/sbin:/bin", NULL, "exec: \"nope\": executable file not found in $PATH" },
		{ "sh", "/sbin", NULL, "exec: \"sh\": executable file not found in $PATH" },
		{ "data", "/sbin:/bin", NULL, "exec: \"data\": permission denied" },
		{ "/no", "/bin", NULL, "exec: \"/no\": stat /no: no such file or directory" },
		{ "/bin/sh/x", "/bin", NULL, "exec: \"/bin/sh/x\": stat /bin/sh/x: no such file or directory" },
		{ "/bin/data", "/bin", NULL, "exec: \"/bin/data\": permission denied" },
		{ "/etc", "/bin", NULL, "exec: \"/etc\": is a directory: permission denied" },
		{ "", "/bin", NULL, "no program to execute is named" },
	};

	(void)arg;
	enter_root();
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		struct sandbox sb = tp_fresh(&t, &e);
		char env[64], path[PATH_MAX] = "untouched";

		(void)snprintf(env, sizeof(env), "PATH=%s", cases[i].path ? cases[i].path : "");
		t.plan.cwd = tp_str(&t, "/work");
		t.plan.args = TP_STRS(&t, cases[i].arg0, "-x");
		if (cases[i].path)
			t.plan.env = TP_STRS(&t, "A=B", "PATH=/bin", env, "PATHX=/sbin");
		if (cases[i].found) {
			CHECK_OK(payload_find(&sb, path, &e), &e);
			CHECK(strcmp(path, cases[i].found) == 0);
		} else {
			CHECK_ERR(payload_find(&sb, path, &e), &e, cases[i].error);
			CHECK(strcmp(path, "untouched") == 0);
		}
	}
}

/* ---- Execution ---- */

static const char *script;
static uint32_t uid;
static const char *home_env;

/* Run `script` by the payload's path; its output is compared by the caller. */
static void execute(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	int out;

	(void)arg;
	enter_root();
	out = open("/out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(out >= 0 && dup2(out, 1) == 1 && dup2(out, 3) == 3 && dup2(out, 4) == 4 && dup2(out, 9) == 9 &&
	      fcntl(3, F_SETFD, 0) == 0);
	t.plan.args = TP_STRS(&t, "sh", "-c", script);
	t.plan.env = home_env ? TP_STRS(&t, "A=1", home_env) : TP_STRS(&t, "A=1");
	t.plan.uid = uid;
	t.plan.preserve_fds = 1;
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	sigset_t all;

	CHECK(sigfillset(&all) == 0 && sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
	CHECK_OK(payload_keep_fds(&sb, &e), &e);
	CHECK_OK(payload_prepare(&sb, &e), &e);
	CHECK(prctl(PR_GET_PDEATHSIG, &out, 0, 0, 0) == 0 && out == 0);
	CHECK_OK(payload_exec(&sb, "/bin/sh", &e), &e);
}

static void assert_output(const char *text)
{
	assert_int_equal(in_child(execute, NULL), 0);
	unit_assert_file(root_fd, "out", text);
}

static void home(void **state)
{
	static const struct {
		const char *passwd;
		uint32_t uid;
		const char *env, *home;
	} cases[] = {
		{ "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n", 1000, NULL, "/home/u" },
		{ "root:x:0:0:root:/root:/bin/sh\n", 0, NULL, "/root" },
		{ "u:x:1000:1000::/last:/bin/sh", 1000, NULL, "/last" },
		{ "a:x:7:7::/first:/x\nb:x:7:7::/second:/x\n", 7, NULL, "/first" },
		{ "root:x:0:0:root:/root:/bin/sh\n", 1000, NULL, "/" },
		{ "root:x:0:0:root:/root:/bin/sh\n", 0, "HOME=/mine", "/mine" },
		{ "root:x:0:0:root:/root:/bin/sh\n", 0, "HOME=", "/root" },
		{ "u:x:+5:5::/plus:/x\nu:x:5:5:/short\nu:x:5:5::relative:/x\nu:x:5:5::/more:/x:y\n", 5, NULL, "/" },
		{ "", 0, NULL, "/" },
		{ NULL, 0, NULL, "/" },
	};

	(void)state;
	script = "echo \"$A:$HOME\"";
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		char want[64];

		(void)unlinkat(root_fd, "etc/passwd", 0);
		if (cases[i].passwd)
			put("etc/passwd", cases[i].passwd, 0644);
		uid = cases[i].uid;
		home_env = cases[i].env;
		(void)snprintf(want, sizeof(want), "1:%s\n", cases[i].home);
		assert_output(want);
	}
	home_env = NULL;
	uid = 0;
}

/* A passwd file is the image's: links, fifos, endless and binary ones cost nothing. */
static void home_hostile(void **state)
{
	char *big = malloc(3 << 20);

	(void)state;
	script = "echo \"$HOME\"";
	(void)unlinkat(root_fd, "etc/passwd", 0);
	put("etc/other", "root:x:0:0:root:/other:/bin/sh\n", 0644);
	assert_int_equal(symlinkat("other", root_fd, "etc/passwd"), 0);
	assert_output("/\n");
	assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);
	assert_int_equal(mkfifoat(root_fd, "etc/passwd", 0644), 0);
	assert_output("/\n");
	assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);

	assert_non_null(big);
	(void)snprintf(big, 5000, "root:x:0:0:%04900d:/long:/x\nroot:x:0:0:root:/found:/x\n", 1);
	put("etc/passwd", big, 0644); /* the first line is longer than any line may be */
	assert_output("/found\n");
	memset(big, 'x', 2 << 20);
	(void)strcpy(big + (2 << 20), "\nroot:x:0:0:root:/beyond:/x\n");
	put("etc/passwd", big, 0644); /* only the first MiB counts */
	assert_output("/\n");
	free(big);
	(void)unlinkat(root_fd, "etc/passwd", 0);
}

static void fds_and_signals(void **state)
{
	(void)state;
	/* Without /proc the shell itself tries which fds are open. */
	script = "for n in 3 4 9; do if (: >&$n) 2>/err; then echo $n; fi; done; kill -USR1 $$; echo alive";
	assert_int_equal(in_child(execute, NULL), 128 + SIGUSR1);
	unit_assert_file(root_fd, "out", "3\n");
}

/* ---- Failure ---- */

static void make_elf(const char *path, unsigned machine, const char *interpreter)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr interp;
		char name[64];
	} f = { .head = { .e_type = ET_EXEC, .e_machine = (Elf64_Half)machine, .e_version = EV_CURRENT,
			  .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1 },
		.interp = { .p_type = PT_INTERP, .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) } };
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	memcpy(f.head.e_ident, ELFMAG, SELFMAG);
	f.head.e_ident[EI_CLASS] = ELFCLASS64;
	f.head.e_ident[EI_DATA] = ELFDATA2LSB;
	f.head.e_ident[EI_VERSION] = EV_CURRENT;
	f.interp.p_filesz = f.interp.p_memsz = strlen(interpreter) + 1;
	(void)snprintf(f.name, sizeof(f.name), "%s", interpreter);
	assert_true(fd >= 0);
	assert_int_equal(ps_write_all(fd, &f, sizeof(f)), 0);
	(void)close(fd);
}

static void failures(void *arg)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{ "/bin/lost", "interpreter '/no/such/interpreter' of '/bin/lost' is missing: exec /bin/lost: no such file" },
		{ "/bin/text", "'/bin/text' is neither an ELF program nor a script with a '#!' line: exec /bin/text: exec format" },
		{ "/bin/no", "exec /bin/no: no such file or directory" },
		{ "/bin/data", "exec /bin/data: permission denied" },
#ifdef __x86_64__
		{ "/bin/elf", "ELF interpreter '/lib64/ld-none.so' of '/bin/elf' is missing: exec /bin/elf: no such file" },
#endif
		{ "/bin/foreign", "'/bin/foreign' is built for another machine (ELF machine 2): exec /bin/foreign: exec format" },
	};
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	enter_root();
	t.plan.args = TP_STRS(&t, "x");
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		CHECK_ERR(payload_exec(&sb, cases[i].path, &e), &e, cases[i].text);
		CHECK(e.cls == PS_E_OS && e.sys);
	}
}

static void failures_explained(void **state)
{
	(void)state;
	make_elf("bin/elf", EM_X86_64, "/lib64/ld-none.so");
	make_elf("bin/foreign", EM_SPARC, "/bin/sh");
	assert_int_equal(in_child(failures, NULL), 0);
}

CHILD_TEST(find)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	   cmocka_unit_test(home),
		cmocka_unit_test(home_hostile),	   cmocka_unit_test(fds_and_signals),
		cmocka_unit_test(failures_explained),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
