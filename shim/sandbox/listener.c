/* SPDX-License-Identifier: Apache-2.0
 * listener.c - the guard, and the courier that takes its listener to the supervisor.
 */
#include "shim/sandbox/listener.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "shim/sandbox/seccomp.h"

enum { LOOK_NS = 5000000 };
enum { ASLEEP, WAITING, LOADED, GIVEN_UP };

/* In shared memory: nothing but this and the descriptors is common to both. */
struct errand {
	_Atomic uint32_t state; /* a futex */
	int32_t listener;
};

static struct {
	struct errand *errand;
	pid_t pid;
} courier; /* a process loads one guard */

int listener_send(int broker_fd, enum listener_kind kind, int fd, pid_t pid)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct listener_hello hello = { .magic = LISTENER_MAGIC, .version = LISTENER_VERSION, .pid = pid, .kind = kind };
	struct iovec iov = { &hello, sizeof(hello) };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room) };
	ssize_t n;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	do
		n = sendmsg(broker_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : n == (ssize_t)sizeof(hello) ? 0 : EIO;
}

/* ---- In the courier ---- */

/* Its exit status is the errno, or 0.  Once awake it looks now and then, too: the call that wakes it may be one that the guard stops. */
static _Noreturn void courier_main(struct errand *er, int broker_fd, pid_t init)
{
	const struct timespec look = { .tv_nsec = LOOK_NS };
	uint32_t state;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != init)
		_exit(ESRCH);
	(void)prctl(PR_SET_NAME, "podshim:courier");
	while ((state = atomic_load(&er->state)) < LOADED)
		(void)syscall(SYS_futex, &er->state, FUTEX_WAIT, state, state == ASLEEP ? NULL : &look, NULL, 0);
	if (state != LOADED)
		_exit(ECANCELED);
	int rc = listener_send(broker_fd, LISTENER_GUARD, er->listener, init);

	/* Of a table that both share: nobody here holds them any more. */
	(void)close(er->listener);
	(void)close(broker_fd);
	_exit(rc);
}

/* ---- In init ---- */

static bool has_listener(const struct plan *p)
{
	return p->guard.n && (p->guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

int guard_prepare(struct sandbox *sb, struct ps_err *e)
{
	const int prot = PROT_READ | PROT_WRITE;
	const pid_t self = getpid();

	if (!has_listener(sb->plan) || courier.pid)
		return 0;
	if (sb->broker_fd < 0)
		return ps_fail(e, PS_E_BUG, "the guard asks a supervisor, and there is none");
	courier.errand = mmap(NULL, sizeof(struct errand), prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (courier.errand == MAP_FAILED)
		return ps_fail_os(e, "memory for the guard's courier");
	/* No signal at its end, which nobody may ignore for us: it is waited for with __WALL. */
	pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_FILES, 0, NULL, NULL, 0);

	if (pid < 0)
		return ps_fail_os(e, "clone the guard's courier");
	if (pid == 0)
		courier_main(courier.errand, sb->broker_fd, self);
	courier.pid = pid;
	return 0;
}

static void tell_courier(uint32_t state)
{
	atomic_store(&courier.errand->state, state);
	(void)syscall(SYS_futex, &courier.errand->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int guard_begin(struct sandbox *sb, struct ps_err *e)
{
	if (guard_prepare(sb, e) < 0)
		return -1;
	if (courier.pid && atomic_load(&courier.errand->state) == ASLEEP)
		tell_courier(WAITING);
	return 0;
}

/* It ends by itself, whatever the guard stops of us. */
static int courier_end(uint32_t state, int *ret_status)
{
	pid_t pid;

	tell_courier(state);
	do
		pid = (pid_t)syscall(SYS_wait4, courier.pid, ret_status, __WALL, NULL);
	while (pid < 0 && errno == EINTR);
	courier.pid = 0;
	(void)munmap(courier.errand, sizeof(*courier.errand));
	return pid < 0 ? -1 : 0;
}

static int courier_failed(int status, struct ps_err *e)
{
	if (WIFSIGNALED(status))
		return ps_fail(e, PS_E_PEER, "the guard's courier was killed by signal %d", WTERMSIG(status));
	errno = WEXITSTATUS(status);
	if (errno == EPIPE || errno == ECONNRESET)
		return ps_fail(e, PS_E_PEER, "the supervisor that answers for the container has ended");
	return ps_fail_os(e, "hand the guard's listener over");
}

static int load_and_deliver(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	int status = 0, listener = filter_load(p, p->guard, p->guard_flags, e);

	if (listener < 0) {
		(void)courier_end(GIVEN_UP, &status);
		return -1;
	}
	courier.errand->listener = listener;
	int rc = courier_end(LOADED, &status), why = errno;

	if (rc == 0 && status == 0) {
		sb->broker_fd = -1;
		return 0;
	}
	/* First of all: what the guard stops of us would wait for ourselves. */
	(void)close(listener);
	errno = why;
	return rc < 0 ? ps_fail_os(e, "wait for the guard's courier") : courier_failed(status, e);
}

int guard_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (guard_begin(sb, e) < 0)
		return -1;
	if (has_listener(p))
		return load_and_deliver(sb, e);
	ps_fd_close(&sb->broker_fd);
	return p->guard.n ? filter_load(p, p->guard, p->guard_flags, e) : 0;
}
