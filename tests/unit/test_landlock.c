/* SPDX-License-Identifier: Apache-2.0
 * test_landlock.c - a domain of the plan's rules, on files of a root of its own.
 */
#include "shim/sandbox/landlock.h"
#include "shim/sandbox/privileges.h"
#include "tests/unit/mount_test.h"

static const uint64_t READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		      WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG |
			      LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			      LANDLOCK_ACCESS_FS_REMOVE_DIR,
		      REFER = LANDLOCK_ACCESS_FS_REFER, EXEC = LANDLOCK_ACCESS_FS_EXECUTE;

static int abi(void)
{
	return ps_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

#define LANDLOCK_TEST(fn)                                            \
	static void test_##fn(void **state)                          \
	{                                                            \
		(void)state;                                         \
		if (!mt_can_mount() || abi() < 6)                    \
			skip();                                      \
		assert_int_equal(in_child(fn, NULL), 0);             \
	}

static void enter(void)
{
	t.plan.no_new_privs = 1;
	CHECK_OK(landlock_prepare(&sb, &e), &e);
	CHECK_OK(no_new_privs_apply(&sb, &e), &e);
	CHECK_OK(landlock_enter(&sb, &e), &e);
	CHECK(sb.ruleset_fd[0] == -1 && sb.ruleset_fd[1] == -1);
}

/* 0, or the errno of open(2). */
static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static void files(void)
{
	static const char *const dirs[] = { "/bin", "/in", "/in/sub", "/work", "/work/sub", "/other" };

	mt_host();
	for (size_t i = 0; i < PS_COUNT(dirs); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), ROOTFS "%s", dirs[i]);
		CHECK(mkdir(path, 0777) == 0);
	}
	mt_program(ROOTFS "/bin/true");
	mt_program(ROOTFS "/bin/false");
	mt_program(ROOTFS "/work/true");
	mt_write(ROOTFS "/in/a", "a");
	mt_write(ROOTFS "/in/sub/b", "b");
	mt_write(ROOTFS "/work/c", "c");
	mt_write(ROOTFS "/work/sub/d", "d");
	mt_write(ROOTFS "/other/e", "e");
	mt_write(ROOTFS "/other/single", "s");
	CHECK(symlink("/other/single", ROOTFS "/in/link") == 0);
	t.plan.landlock_fs = READ | WRITE | REFER | EXEC;
}

/* ---- What the rules give ---- */

static void look_at_files(void)
{
	mt_build();
	enter();
	CHECK(opens("/in/a", O_RDONLY) == 0 && opens("/in/sub/b", O_RDONLY) == 0 && opens("/in", O_RDONLY | O_DIRECTORY) == 0);
	CHECK(opens("/in/a", O_WRONLY) == EACCES && opens("/in/new", O_WRONLY | O_CREAT) == EACCES);
	CHECK(opens("/other/e", O_RDONLY) == EACCES && opens("/", O_RDONLY | O_DIRECTORY) == EACCES);
	/* A link in a row means what it leads to, in the container's root; of a file only rights of files are asked. */
	CHECK(opens("/other/single", O_RDWR) == 0 && opens("/other/e", O_WRONLY) == EACCES);

	CHECK(opens("/work/c", O_RDWR) == 0 && opens("/work/new", O_WRONLY | O_CREAT) == 0);
	CHECK(truncate("/work/c", 0) == 0 && unlink("/work/new") == 0 && mkdir("/work/dir", 0755) == 0);
	CHECK(truncate("/in/a", 0) < 0 && errno == EACCES);
	CHECK(opens("/in/a", O_RDONLY | O_TRUNC) == EACCES);
	CHECK(rename("/work/c", "/work/c2") == 0);
	CHECK(rename("/work/c2", "/work/sub/c2") == 0);
	CHECK(rename("/work/sub/c2", "/in/c2") < 0 && errno == EACCES);
	CHECK(rename("/in/a", "/work/a") < 0 && errno == EACCES);
	CHECK(link("/in/a", "/work/a") < 0 && (errno == EXDEV || errno == EACCES));
	CHECK(mknod("/work/fifo", S_IFIFO | 0644, 0) == 0); /* a right that was not taken away */

	CHECK(mt_runs("/bin/true") == 0 && mt_runs("/bin/false") == EACCES && mt_runs("/work/true") == EACCES);
	CHECK(mount("x", "/work/dir", "tmpfs", 0, "") < 0 && errno == EPERM);
}

static void rules(void *arg)
{
	(void)arg;
	files();
	mt_allow("/in", READ);
	mt_allow("/work", READ | WRITE | REFER);
	mt_allow("/in/link", READ | WRITE);
	mt_allow("/bin/true", READ | EXEC);
	mt_allow("/nowhere", READ)->flags = PLAN_OPTIONAL;
	mt_allow("/in/a/below-a-file", READ)->flags = PLAN_OPTIONAL;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, look_at_files);
}
LANDLOCK_TEST(rules)

/* ---- A launch takes more away: both domains hold ---- */

static void look_at_both(void)
{
	static struct test_plan second;
	struct plan_landlock_rule more[2];

	mt_build();
	CHECK_OK(landlock_prepare(&sb, &e), &e);
	memset(&second, 0, sizeof(second));
	second.plan.landlock_fs = READ;
	second.plan.landlock_scoped = LANDLOCK_SCOPE_SIGNAL;
	more[0] = (struct plan_landlock_rule){ 0, tp_str(&second, "/work/sub"), READ, 0, 0, { 0, 0 } };
	more[1] = (struct plan_landlock_rule){ 0, tp_str(&second, "/other"), READ, 0, 0, { 0, 0 } };
	second.plan.landlock = TP_ROWS(&second, more);
	sb.plan = &second.plan;
	enter();
	CHECK(opens("/work/sub/d", O_RDONLY) == 0 && opens("/work/c", O_RDONLY) == EACCES);
	CHECK(opens("/other/e", O_RDONLY) == EACCES);
	CHECK(kill(getppid(), 0) < 0 && errno == EPERM);
	/* A third set of rules has no place. */
	sb.ruleset_fd[0] = sb.ruleset_fd[1] = 0;
	CHECK_ERR(landlock_prepare(&sb, &e), &e, "Landlock: a third ruleset");
}

static void both(void *arg)
{
	(void)arg;
	files();
	mt_allow("/work", READ);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, look_at_both);
}
LANDLOCK_TEST(both)

/* ---- Failures ---- */

static void look_at_failures(void)
{
	mt_build();
	CHECK_ERR(landlock_prepare(&sb, &e), &e, "Landlock: rule for '/nowhere': the container has no such path");
	CHECK(e.cls == PS_E_NOTFOUND && !strcmp(e.where, "test: /landlock") && sb.ruleset_fd[0] == -1);
	t.plan.landlock_fs = UINT64_C(1) << 60;
	memset(&e, 0, sizeof(e));
	CHECK_ERR(landlock_prepare(&sb, &e), &e, "Landlock: make a ruleset");
	t.plan.landlock_fs = 0;
	CHECK_OK(landlock_prepare(&sb, &e), &e);
	CHECK_OK(landlock_enter(&sb, &e), &e);
	CHECK(opens("/other/e", O_RDONLY) == 0);
	t.plan.landlock_fs = READ;
	t.plan.landlock.n = 0;
	CHECK_OK(landlock_prepare(&sb, &e), &e);
	CHECK(ps_sys_setresuid(1234, 1234, 1234) == 0);
	CHECK_ERR(landlock_enter(&sb, &e), &e, "Landlock: enter the domain");
}

static void failures(void *arg)
{
	(void)arg;
	files();
	mt_allow("/nowhere", READ);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, look_at_failures);
}
LANDLOCK_TEST(failures)

/* ---- Memory ---- */

static void mdwe(void *arg)
{
	struct sandbox s;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	memset(&t, 0, sizeof(t));
	s = (struct sandbox)SANDBOX_INIT(&t.plan, NULL);
	CHECK_OK(mdwe_apply(&s, &e), &e);
	CHECK(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
	CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0);
	t.plan.mdwe = 1;
	CHECK_OK(mdwe_apply(&s, &e), &e);
	CHECK(mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EACCES);
	CHECK(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EACCES);
}

static void test_mdwe(void **state)
{
	(void)state;
	if (prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0)
		skip();
	assert_int_equal(in_child(mdwe, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules), cmocka_unit_test(test_both), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_mdwe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
