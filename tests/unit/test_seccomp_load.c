/* SPDX-License-Identifier: Apache-2.0
 * test_seccomp_load.c - a filter of the plan, in force.
 */
#include "tests/unit/sandbox_test.h"

#include <linux/filter.h>

#include "shim/sandbox/seccomp.h"

static struct test_plan t;
static struct ps_err e;

/* getppid(2) fails with ENOTNAM. */
static const struct sock_filter no_getppid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTNAM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct sock_filter malformed[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };

static void loads(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	CHECK_OK(seccomp_apply(&sb, &e), &e);
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	t.plan.seccomp = TP_ROWS(&t, no_getppid);
	CHECK_OK(seccomp_apply(&sb, &e), &e);
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOTNAM);
}

static void with_flags(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.seccomp = TP_ROWS(&t, no_getppid);
	t.plan.seccomp_flags =
		SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	CHECK_OK(seccomp_apply(&sb, &e), &e);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOTNAM);
}

static void refused(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.seccomp = TP_ROWS(&t, malformed);
	CHECK_ERR(
		seccomp_apply(&sb, &e), &e,
		"load the seccomp filter (1 instructions, flags 0x0): the kernel knows no such flag or finds the program malformed");
	t.plan.seccomp = TP_ROWS(&t, no_getppid);
	t.plan.seccomp_flags = 1U << 31;
	CHECK_ERR(seccomp_apply(&sb, &e), &e,
		  "(4 instructions, flags 0x80000000): the kernel knows no such flag");
	CHECK(e.cls == PS_E_UNSUPP);
	t.plan.seccomp_flags = 0;
	t.plan.seccomp.n = 4097;
	CHECK_ERR(seccomp_apply(&sb, &e), &e,
		  "the seccomp filter has 4097 instructions; the kernel takes 4096");
	t.plan.seccomp.n = PS_COUNT(no_getppid);
	CHECK(ps_sys_setresuid(1234, 1234, 1234) == 0);
	CHECK_ERR(seccomp_apply(&sb, &e), &e,
		  "it takes no_new_privs (/process/noNewPrivileges) or CAP_SYS_ADMIN in the user namespace");
	CHECK(!strstr(e.msg, "denied"));
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK_OK(seccomp_apply(&sb, &e), &e);
}

CHILD_TEST(loads)
CHILD_TEST(with_flags)
CHILD_TEST(refused)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_with_flags),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
