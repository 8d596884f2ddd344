/* SPDX-License-Identifier: Apache-2.0
 * test_process.c - rlimits, personality, keyring, sysctls, loopback.
 */
#include "tests/unit/sandbox_test.h"

#include <linux/ioprio.h>
#include <net/if.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "shim/sandbox/process.h"
#include "shim/sandbox/procfs.h"
#include "shim/sandbox/schedule.h"

static struct test_plan t;
static struct ps_err e;

static void drop_cap(unsigned cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	CHECK(ps_sys_capget(&head, data) == 0);
	data[0].effective &= ~(1U << cap);
	data[0].permitted &= ~(1U << cap);
	CHECK(ps_sys_capset(&head, data) == 0);
}

static void limits(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const struct plan_rlimit rows[] = { { RLIMIT_CORE, 0, 0, 0 }, { RLIMIT_NOFILE, 0, 64, 128 } };
	struct rlimit now;

	(void)arg;
	t.plan.rlimits = TP_ROWS(&t, rows);
	CHECK_OK(rlimits_apply(&sb, &e), &e);
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 64 && now.rlim_max == 128);
	CHECK(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0 && now.rlim_max == 0);
}

static void limits_refused(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const struct plan_rlimit lower[] = { { RLIMIT_NOFILE, 0, 64, 128 } };
	const struct plan_rlimit raise[] = { { RLIMIT_NOFILE, tp_str(&t, "config.json#/process/rlimits/0"), 64, 129 } };
	const struct plan_rlimit all[] = { { RLIMIT_NOFILE, 0, UINT64_MAX, UINT64_MAX } };
	const struct plan_rlimit crossed[] = { { RLIMIT_NPROC, 0, 20, 10 } };
	const struct plan_rlimit unknown[] = { { 99, 0, 1, 1 } };

	(void)arg;
	t.plan.rlimits = TP_ROWS(&t, lower);
	CHECK_OK(rlimits_apply(&sb, &e), &e);
	drop_cap(CAP_SYS_RESOURCE);
	t.plan.rlimits = TP_ROWS(&t, raise);
	CHECK_ERR(
		rlimits_apply(&sb, &e), &e,
		"set RLIMIT_NOFILE to soft 64, hard 129: the hard limit is 128 here and the process has no CAP_SYS_RESOURCE");
	CHECK(e.cls == PS_E_UNSUPP && strcmp(e.where, "config.json: /process/rlimits/0") == 0);
	t.plan.rlimits = TP_ROWS(&t, all);
	CHECK_ERR(rlimits_apply(&sb, &e), &e, "to soft unlimited, hard unlimited: the hard limit is 128");
	t.plan.rlimits = TP_ROWS(&t, crossed);
	CHECK_ERR(rlimits_apply(&sb, &e), &e, "set RLIMIT_NPROC to soft 20, hard 10: soft is above hard");
	t.plan.rlimits = TP_ROWS(&t, unknown);
	CHECK_ERR(rlimits_apply(&sb, &e), &e,
		  "set unknown resource (99) to soft 1, hard 1: Invalid argument");
}

static void scheduling(void *arg)
{
	(void)tp_fresh(&t, &e);
	const plan_off from = tp_str(&t, "config.json#/process/scheduler");
	const struct plan_scheduler batch[] = { { .from = from, .policy = SCHED_BATCH, .nice = 3 } };
	const struct plan_scheduler eager[] = { { .from = from, .policy = SCHED_OTHER, .nice = -5 } };
	const struct plan_scheduler none[] = { { .from = from, .policy = 77 } };
	const struct plan_io_priority idle[] = { { 0, IOPRIO_CLASS_IDLE, 0 } };
	const struct plan_io_priority urgent[] = { { tp_str(&t, "config.json#/process/ioPriority"), IOPRIO_CLASS_RT, 0 } };

	(void)arg;
	t.plan.scheduler = TP_ROWS(&t, batch);
	t.plan.io_priority = TP_ROWS(&t, idle);
	CHECK_OK(scheduler_apply(&t.plan, getpid(), &e), &e);
	CHECK_OK(io_priority_apply(&t.plan, getpid(), &e), &e);
	CHECK(sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 3);
	CHECK(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) >> IOPRIO_CLASS_SHIFT == IOPRIO_CLASS_IDLE);
	t.plan.scheduler = TP_ROWS(&t, none);
	CHECK_ERR(scheduler_apply(&t.plan, getpid(), &e), &e, "this kernel does not take the policy with these parameters");
	drop_cap(CAP_SYS_NICE);
	drop_cap(CAP_SYS_ADMIN);
	t.plan.scheduler = TP_ROWS(&t, eager);
	CHECK_ERR(scheduler_apply(&t.plan, getpid(), &e), &e, "this takes CAP_SYS_NICE, which podshim does not have");
	CHECK(e.cls == PS_E_UNSUPP && !strcmp(e.where, "config.json: /process/scheduler"));
	t.plan.io_priority = TP_ROWS(&t, urgent);
	CHECK_ERR(io_priority_apply(&t.plan, getpid(), &e), &e, "this class takes CAP_SYS_NICE of the host");
	CHECK(!strcmp(e.where, "config.json: /process/ioPriority"));
}

static void domain(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	t.plan.personality = PER_LINUX32;
	CHECK_OK(personality_apply(&sb, &e), &e);
	CHECK(personality(0xffffffff) == PER_LINUX);
	t.plan.has_personality = 1;
	CHECK_OK(personality_apply(&sb, &e), &e);
	CHECK(personality(0xffffffff) == PER_LINUX32);
}

/* KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING; KEYCTL_DESCRIBE. */
static void keyring(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	char text[256] = "";
	long before = ps_sys_keyctl(0, (unsigned long)-3, 0, 0, 0), after;

	(void)arg;
	t.plan.id = tp_str(&t, "c1");
	CHECK_OK(keyring_join(&sb, &e), &e);
	CHECK(ps_sys_keyctl(0, (unsigned long)-3, 0, 0, 0) == before);
	t.plan.new_keyring = 1;
	CHECK_OK(keyring_join(&sb, &e), &e);
	after = ps_sys_keyctl(0, (unsigned long)-3, 0, 0, 0);
	CHECK(after != before);
	if (after > 0) {
		CHECK(ps_sys_keyctl(6, (unsigned long)after, (unsigned long)text, sizeof(text), 0) > 0);
		CHECK(strstr(text, ";3f1b0000;_ses.c1"));
	}
}

static void loopback(void *arg)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd;

	(void)arg;
	CHECK(unshare(CLONE_NEWNET) == 0);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &lo) == 0 && !(lo.ifr_flags & IFF_UP));
	CHECK_OK(net_lo_up(&e), &e);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &lo) == 0 && (lo.ifr_flags & IFF_UP) && (lo.ifr_flags & IFF_RUNNING));
	drop_cap(CAP_NET_ADMIN);
	CHECK_ERR(net_lo_up(&e), &e, "bring 'lo' up");
}

static void sysctl_value(void *arg)
{
	struct sandbox sb = tp_fresh(&t, &e);
	const struct plan_sysctl rows[] = {
		{ tp_str(&t, "/linux/sysctl/kernel.msgmax"), tp_str(&t, "kernel/msgmax"),
		  tp_str(&t, "4321") },
	};
	char text[64];

	(void)arg;
	CHECK(unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0);
	CHECK_OK(procfs_open(&sb, &e), &e);
	t.plan.sysctl = TP_ROWS(&t, rows);
	CHECK_OK(sysctls_apply(&sb, &e), &e);
	CHECK(strcmp(first_line("/proc/sys/kernel/msgmax", text, sizeof(text)), "4321") == 0);
}

static void sysctl_refused(void *arg)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{ "kernel/no_such", "sysctl 'kernel/no_such' does not exist in this kernel or namespace" },
		{ "../sysrq-trigger", "sysctl '../sysrq-trigger' is not a name" },
		{ "/kernel/msgmax", "sysctl '/kernel/msgmax' is not a name" },
		{ "kernel/msgmax", "set sysctl 'kernel/msgmax' to 'many': Invalid argument" },
	};
	struct sandbox sb = tp_fresh(&t, &e);

	(void)arg;
	CHECK(unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0);
	CHECK_OK(procfs_open(&sb, &e), &e);
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		const struct plan_sysctl rows[] = { { tp_str(&t, "/linux/sysctl"), tp_str(&t, cases[i].path),
						      tp_str(&t, "many") } };

		t.plan.sysctl = TP_ROWS(&t, rows);
		CHECK_ERR(sysctls_apply(&sb, &e), &e, cases[i].text);
		CHECK(strcmp(e.where, "/linux/sysctl") == 0);
	}
}

CHILD_TEST(limits)
CHILD_TEST(limits_refused)
CHILD_TEST(scheduling)
CHILD_TEST(domain)
CHILD_TEST(keyring)
CHILD_TEST(loopback)
CHILD_TEST(sysctl_value)
CHILD_TEST(sysctl_refused)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),	       cmocka_unit_test(test_limits_refused),
		cmocka_unit_test(test_scheduling), cmocka_unit_test(test_domain),	       cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_loopback),       cmocka_unit_test(test_sysctl_value),
		cmocka_unit_test(test_sysctl_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
