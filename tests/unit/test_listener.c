/* SPDX-License-Identifier: Apache-2.0
 * test_listener.c - the guard in force, and its listener with the supervisor: whatever the guard stops, whoever dies.
 */
#include "tests/unit/sandbox_test.h"

#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "ipc/sock.h"
#include "shim/launch/launch.h"
#include "shim/sandbox/listener.h"

enum { LONG_MS = 20000 };

static struct test_plan t;
static struct ps_err e;

#define NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define IF(call, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##action)
#define ELSE(action) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##action)

static const struct sock_filter closed[] = { NR, IF(getppid, ERRNO | ENOTNAM), ELSE(ALLOW) };
static const struct sock_filter asks[] = {
	NR, IF(getppid, USER_NOTIF), IF(sendmsg, USER_NOTIF), IF(sendto, USER_NOTIF), IF(openat, USER_NOTIF),
	IF(execve, USER_NOTIF), ELSE(ALLOW),
};
static const struct sock_filter asks_all[] = { NR, IF(exit_group, ALLOW), ELSE(USER_NOTIF) };
static const struct sock_filter asks_little[] = { NR, IF(getpriority, USER_NOTIF), ELSE(ALLOW) };
static const struct sock_filter malformed[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };

#define GUARD(program) guard_of(TP_ROWS(&t, program), SECCOMP_FILTER_FLAG_NEW_LISTENER)

static void fresh(void)
{
	memset(&t, 0, sizeof(t));
	memset(&e, 0, sizeof(e));
}

static struct sandbox guard_of(struct plan_list program, uint32_t flags)
{
	t.plan.guard = program;
	t.plan.guard_flags = flags;
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	return (struct sandbox)SANDBOX_INIT(&t.plan, NULL);
}

static uint64_t open_fds(void)
{
	uint64_t set = 0;

	for (int fd = 0; fd < 64; fd++)
		set |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
	return set;
}

/* ---- The supervisor ---- */

/* Answer until nobody can ask any more: getppid(2) fails with ENOTNAM, all else goes on.  How many were answered. */
static int answer(int listener)
{
	int n = 0;

	for (;; n++) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		struct seccomp_notif q = { .id = 0 };
		struct seccomp_notif_resp a = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		if (poll(&p, 1, LONG_MS) != 1 || !(p.revents & POLLIN))
			return p.revents & POLLHUP ? n : -1;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &q) < 0)
			continue;
		a.id = q.id;
		if (q.data.nr == SYS_getppid) {
			a.flags = 0;
			a.error = -ENOTNAM;
		}
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &a);
	}
}

/* fn in a child with one end of a socket pair, the supervisor at the other: how many questions it answered. */
static int with_supervisor(void (*fn)(int broker))
{
	struct launch_listener l;
	int pair[2], status, n;

	CHECK_OK(sock_pair(pair, &e), &e);
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(pair[0]);
		(void)alarm(30);
		fn(pair[1]);
		_exit(0);
	}
	(void)close(pair[1]);
	CHECK_OK(launch_take_listener(pair[0], LONG_MS, &l, &e), &e);
	CHECK(l.pid == pid && fcntl(l.fd, F_GETFD) == FD_CLOEXEC);
	n = answer(l.fd);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* Nobody has the other end any more. */
	CHECK_ERR(launch_take_listener(pair[0], LONG_MS, &l, &e), &e, "the container's init ended before it had a guard");
	(void)close(l.fd);
	(void)close(pair[0]);
	return n;
}

static void apply(int broker, const char *path)
{
	const uint64_t before = open_fds() & ~(UINT64_C(1) << broker);
	struct sandbox sb = *path ? GUARD(asks_all) : GUARD(asks);

	sb.broker_fd = broker;
	CHECK_OK(guard_apply(&sb, &e), &e);
	CHECK(sb.broker_fd == -1 && open_fds() == before);
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOTNAM);
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

static void asks_some(int broker) { apply(broker, ""); }
static void asks_for_all(int broker) { apply(broker, "all"); }

static void begun_early(int broker)
{
	struct sandbox sb = GUARD(asks);

	sb.broker_fd = broker;
	CHECK_OK(guard_begin(&sb, &e), &e);
	CHECK_OK(guard_begin(&sb, &e), &e);
	/* No more processes, other namespaces, other ids: it has what it needs. */
	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME) == 0 && unshare(CLONE_NEWPID) == 0);
	CHECK(ps_sys_prlimit(0, RLIMIT_NPROC, &(struct ps_rlimit){ 0, 0 }, NULL) == 0);
	CHECK_OK(guard_apply(&sb, &e), &e);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOTNAM);
}

static void hands_over(void *arg)
{
	(void)arg;
	fresh();
	CHECK(with_supervisor(asks_some) >= 2);
	CHECK(with_supervisor(asks_for_all) > 60);
	CHECK(with_supervisor(begun_early) >= 1);
}
CHILD_TEST(hands_over)

/* ---- Without a listener ---- */

static void only_closes(void *arg)
{
	int pair[2];
	struct sandbox sb;

	(void)arg;
	fresh();
	CHECK_OK(sock_pair(pair, &e), &e);
	sb = (struct sandbox)SANDBOX_INIT(&t.plan, NULL);
	sb.broker_fd = pair[0];
	CHECK_OK(guard_apply(&sb, &e), &e);
	CHECK(sb.broker_fd == -1 && fcntl(pair[0], F_GETFD) < 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	sb = guard_of(TP_ROWS(&t, closed), 0);
	sb.broker_fd = pair[1];
	CHECK_OK(guard_apply(&sb, &e), &e);
	CHECK(sb.broker_fd == -1 && fcntl(pair[1], F_GETFD) < 0);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOTNAM);
}
CHILD_TEST(only_closes)

/* ---- Who dies fails the launch, and nothing hangs ---- */

static void nobody_answers(void *arg)
{
	struct sandbox sb;

	(void)arg;
	fresh();
	sb = GUARD(asks);
	CHECK_ERR(guard_apply(&sb, &e), &e, "the guard asks a supervisor, and there is none");
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
}
CHILD_TEST(nobody_answers)

static void supervisor_gone(void *arg)
{
	int pair[2];
	struct sandbox sb;

	(void)arg;
	fresh();
	sb = GUARD(asks);
	CHECK_OK(sock_pair(pair, &e), &e);
	sb.broker_fd = pair[0];
	(void)close(pair[1]);
	CHECK_ERR(guard_apply(&sb, &e), &e, "the supervisor that answers for the container has ended");
	CHECK(e.cls == PS_E_PEER);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOSYS);
}
CHILD_TEST(supervisor_gone)

/* As pid 1: the courier is 2. */
static int courier_killed(void *arg)
{
	int *pair = arg;
	struct sandbox sb = GUARD(asks);

	(void)alarm(30);
	sb.broker_fd = pair[1];
	CHECK_OK(guard_begin(&sb, &e), &e);
	CHECK(kill(2, SIGKILL) == 0);
	CHECK_ERR(guard_apply(&sb, &e), &e, "a filter's courier was killed by signal 9");
	CHECK(send(pair[1], "x", 1, MSG_NOSIGNAL) < 0 && errno == ENOSYS);
	CHECK(ps_write_all(pair[1], "after all", 9) == 0);
	_exit(0);
}

static void killed(void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct launch_listener l;
	int pair[2], status;

	(void)arg;
	fresh();
	CHECK_OK(sock_pair(pair, &e), &e);
	pid_t pid = clone(courier_killed, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, pair);

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK_ERR(launch_take_listener(pair[0], LONG_MS, &l, &e), &e, "sent something else than the listener of its guard");
}

static void test_killed(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(killed, NULL), 0);
}

/* Init is killed while the courier sleeps: the courier ends, and the socket with it. */
static void init_killed(void *arg)
{
	struct launch_listener l;
	int pair[2], go[2], status;
	char c;

	(void)arg;
	fresh();
	CHECK_OK(sock_pair(pair, &e), &e);
	CHECK(pipe2(go, O_CLOEXEC) == 0);
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		struct sandbox sb = GUARD(asks);

		sb.broker_fd = pair[1];
		(void)close(pair[0]);
		CHECK_OK(guard_begin(&sb, &e), &e);
		CHECK(write(go[1], "", 1) == 1);
		for (;;)
			(void)pause();
	}
	(void)close(pair[1]);
	CHECK(read(go[0], &c, 1) == 1 && kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK_ERR(launch_take_listener(pair[0], LONG_MS, &l, &e), &e, "the container's init ended before it had a guard");
}
CHILD_TEST(init_killed)

static void not_loaded(void *arg)
{
	int pair[2];
	struct sandbox sb;

	(void)arg;
	fresh();
	CHECK_OK(sock_pair(pair, &e), &e);
	sb = GUARD(malformed);
	sb.broker_fd = pair[0];
	CHECK_ERR(guard_apply(&sb, &e), &e, "the kernel knows no such flag or finds the program malformed");
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
	/* One listener per process: the second guard finds none left. */
	sb = GUARD(asks_little);
	sb.broker_fd = pair[0];
	CHECK_OK(guard_apply(&sb, &e), &e);
	CHECK(pair[0] >= 0 && sb.broker_fd == -1);
	sb.broker_fd = pair[1];
	CHECK_ERR(guard_apply(&sb, &e), &e, "somebody listens to a filter of this process already");
}
CHILD_TEST(not_loaded)

/* ---- What the supervisor takes ---- */

static void takes(void *arg)
{
	struct listener_hello hello = { LISTENER_MAGIC, LISTENER_VERSION, 1, 0 };
	struct launch_listener l = { .fd = -7, .pid = -7 };
	int pair[2];

	(void)arg;
	fresh();
	CHECK_OK(sock_pair(pair, &e), &e);
	const uint64_t before = open_fds();

	CHECK_ERR(launch_take_listener(pair[0], 0, &l, &e), &e, "take the listener of a guard: the peer process sent nothing");
	CHECK(e.cls == PS_E_PEER && e.sys == ETIMEDOUT);
	CHECK_OK(sock_send(pair[1], &hello, sizeof(hello), NULL, 0, &e), &e);
	CHECK_ERR(launch_take_listener(pair[0], 0, &l, &e), &e, "sent something else");
	CHECK_OK(sock_send(pair[1], &hello, sizeof(hello), pair, 1, &e), &e);
	CHECK_ERR(launch_take_listener(pair[0], 0, &l, &e), &e, "sent something else");
	hello.version++;
	CHECK_OK(sock_send(pair[1], &hello, sizeof(hello), pair, 1, &e), &e);
	CHECK_ERR(launch_take_listener(pair[0], 0, &l, &e), &e, "sent something else");
	CHECK(l.fd == -7 && l.pid == -7 && open_fds() == before);
}
CHILD_TEST(takes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hands_over), cmocka_unit_test(test_only_closes), cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_supervisor_gone), cmocka_unit_test(test_killed), cmocka_unit_test(test_init_killed),
		cmocka_unit_test(test_not_loaded), cmocka_unit_test(test_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
