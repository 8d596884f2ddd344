/* SPDX-License-Identifier: Apache-2.0
 * test_learn_config.c - a document with what was learned of it: policy, system calls, everything else as it was.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/cli/learn_calls.h"
#include "shim/cli/learn_config.h"
#include "tests/unit/unit.h"

static const char *const called[] = { "brk", "mkdir", "read" };
static const struct spec_strs calls = { called, PS_COUNT(called) };

#define NAMES "\"brk\",\"mkdir\",\"read\",\"close\",\"execve\",\"exit\",\"exit_group\",\"futex\",\"munmap\",\"restart_syscall\"," \
	      "\"rt_sigreturn\",\"wait4\",\"write\""

/* The document with one blank or newline less at each place. */
static void changed(const char *text, const struct learn_changes *c, bool open, const char *expected)
{
	ps_auto_buf struct ps_buf out = { .data = NULL }, bare = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	bool is_open;

	assert_int_equal(learn_config(text, strlen(text), c, &out, &is_open, &e), 0);
	assert_int_equal(is_open, open);
	for (const char *p = out.data; *p; p++)
		if (*p != ' ' && *p != '\n')
			ps_buf_putc(&bare, *p);
	ps_buf_putc(&bare, '\0');
	assert_string_equal(bare.data, expected);
}

#define ARCH "\"architectures\":[\"SCMP_ARCH_X86_64\"]"
#define ALLOWED(more) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38," ARCH ",\"syscalls\":[{\"names\":[" NAMES more "]," \
		      "\"action\":\"SCMP_ACT_ALLOW\"}]}"

#ifdef __x86_64__
static void adds(void **state)
{
	const struct learn_changes c = { .policy = "{}", .calls = &calls };

	(void)state;
	changed("{\"process\":{\"x\":[1,null,true,\"s\",-2,1.5]}}", &c, false,
		"{\"process\":{\"x\":[1,null,true,\"s\",-2,1.5],\"noNewPrivileges\":true},\"linux\":{\"seccomp\":" ALLOWED("") "},"
		"\"annotations\":{\"io.podshim.policy\":\"{}\"}}");
	/* What was said of it before is replaced where it stood. */
	changed("{\"annotations\":{\"io.podshim.policy\":\"old\",\"a\":\"b\"},\"linux\":{\"seccomp\":null},\"process\":{\"noNewPrivileges\":false}}", &c,
		false, "{\"annotations\":{\"io.podshim.policy\":\"{}\",\"a\":\"b\"},\"linux\":{\"seccomp\":" ALLOWED("") "},"
		"\"process\":{\"noNewPrivileges\":true}}");
	/* A program's has no policy: annotations cannot grant. */
	const struct learn_changes program = { .calls = &calls, .reaper = true };

	changed("{\"process\":{}}", &program, false,
		"{\"process\":{\"noNewPrivileges\":true},\"linux\":{\"seccomp\":" ALLOWED(",\"clone\",\"close_range\",\"fork\",\"getpid\","
		"\"gettid\",\"ioctl\",\"kill\",\"prctl\",\"rt_sigprocmask\",\"rt_sigtimedwait\",\"set_tid_address\",\"setsid\"") "}}");
}
#endif

static void narrows(void **state)
{
	const struct learn_changes c = { .calls = &calls };

	(void)state;
	changed("{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"flags\":[],\"syscalls\":["
		"{\"names\":[\"mkdir\",\"rmdir\",\"execve\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"rmdir\"],\"action\":\"SCMP_ACT_LOG\"},{\"names\":[\"reboot\",\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}", &c, false,
		"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"flags\":[],\"syscalls\":["
		"{\"names\":[\"mkdir\",\"execve\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"reboot\",\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}");
	/* Names of what must not happen: a list of what may would need to know their conditions. */
	changed("{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}", &c,
		true, "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}");
}

static void reaps(void **state)
{
	static const char with[] = "{\"annotations\":{\"io.podshim.reaper\":\"1\"}}", without[] = "{\"annotations\":{}}";

	(void)state;
	assert_true(learn_config_reaps(with, sizeof(with) - 1));
	assert_false(learn_config_reaps(without, sizeof(without) - 1));
	assert_false(learn_config_reaps("{}", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(adds),
#endif
		cmocka_unit_test(narrows),
		cmocka_unit_test(reaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
