/* SPDX-License-Identifier: Apache-2.0
 * listener.c - filters with a listener, and the couriers that take it: the guard's to the supervisor, the document's to its agent.
 */
#include "shim/sandbox/listener.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
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
	int32_t host_pid;       /* whose calls the listener is about, for an agent */
};

enum kind { GUARD, FILTER, KINDS };
static struct courier {
	struct errand *errand;
	pid_t pid;
	int socket;
} couriers[KINDS]; /* a process loads one of each */

/* All of it in one message, or an errno: what comes with a descriptor is read at once. */
static int send_with(int socket, const struct iovec *iov, uint16_t n_iov, int fd, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	const struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n_iov, .msg_control = &control,
				  .msg_controllen = sizeof(control.room) };
	size_t size = 0;
	ssize_t n;

	for (size_t i = 0; i < n_iov; i++)
		size += iov[i].iov_len;
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	do
		n = sendmsg(socket, &m, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : n == (ssize_t)size ? 0 : EIO;
}

int listener_send(int broker_fd, enum listener_kind kind, int fd, pid_t pid)
{
	struct listener_hello hello = { .magic = LISTENER_MAGIC, .version = LISTENER_VERSION, .pid = pid, .kind = kind };

	return send_with(broker_fd, &(struct iovec){ &hello, sizeof(hello) }, 1, fd, MSG_DONTWAIT);
}

/* ---- In the courier ---- */

static struct iovec text(const char *s)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)s, .iov_len = strlen(s) }; /* only read */
}

/* The runtime-spec's container process state; its pid is the container's, of a process that exec adds as well. */
static int agent_send(const struct plan *p, int socket, int listener, pid_t pid)
{
	char head[96], middle[48];
	struct iovec iov[8];
	uint16_t n = 0;

	(void)snprintf(head, sizeof(head), "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":%ld", (long)pid);
	(void)snprintf(middle, sizeof(middle), "%s\",\"pid\":%ld", p->agent_pid ? "running" : "created", (long)pid);
	iov[n++] = text(head);
	if (p->agent_metadata) {
		iov[n++] = text(",\"metadata\":");
		iov[n++] = text(plan_str(p, p->agent_metadata));
	}
	iov[n++] = text(",\"state\":");
	iov[n++] = text(plan_str(p, p->hook_state_head));
	iov[n++] = text(middle);
	iov[n++] = text(plan_str(p, p->hook_state_tail));
	iov[n++] = text("}");
	return send_with(socket, iov, n, listener, 0);
}

/* Its exit status is the errno, or 0.  Once awake it looks now and then, too: the call that wakes it may be one that the guard stops. */
static _Noreturn void courier_main(const struct plan *p, enum kind kind, pid_t init)
{
	struct errand *er = couriers[kind].errand;
	const int socket = couriers[kind].socket;
	const struct timespec look = { .tv_nsec = LOOK_NS };
	uint32_t state;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != init)
		_exit(ESRCH);
	(void)prctl(PR_SET_NAME, "podshim:courier");
	while ((state = atomic_load(&er->state)) < LOADED)
		(void)syscall(SYS_futex, &er->state, FUTEX_WAIT, state, state == ASLEEP ? NULL : &look, NULL, 0);
	if (state != LOADED)
		_exit(ECANCELED);
	int rc = kind == GUARD ? listener_send(socket, LISTENER_GUARD, er->listener, init)
			       : agent_send(p, socket, er->listener, er->host_pid);

	/* Of a table that both share: nobody here holds them any more. */
	(void)close(er->listener);
	(void)close(socket);
	_exit(rc);
}

/* ---- In init ---- */

static bool has_listener(const struct plan *p)
{
	return p->guard.n && (p->guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* Clone it, asleep.  socket is not ours any more. */
static int courier_begin(const struct plan *p, enum kind kind, int socket, struct ps_err *e)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct courier *c = &couriers[kind];
	const pid_t self = getpid();

	c->socket = socket;
	c->errand = mmap(NULL, sizeof(struct errand), prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->errand == MAP_FAILED)
		return ps_fail_os(e, "memory for a filter's courier");
	/* No signal at its end, which nobody may ignore for us: it is waited for with __WALL. */
	pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_FILES, 0, NULL, NULL, 0);

	if (pid < 0)
		return ps_fail_os(e, "clone a filter's courier");
	if (pid == 0)
		courier_main(p, kind, self);
	c->pid = pid;
	return 0;
}

int guard_prepare(struct sandbox *sb, struct ps_err *e)
{
	if (!has_listener(sb->plan) || couriers[GUARD].pid)
		return 0;
	if (sb->broker_fd < 0)
		return ps_fail(e, PS_E_BUG, "the guard asks a supervisor, and there is none");
	return courier_begin(sb->plan, GUARD, sb->broker_fd, e);
}

static void tell_courier(const struct courier *c, uint32_t state)
{
	atomic_store(&c->errand->state, state);
	(void)syscall(SYS_futex, &c->errand->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int guard_begin(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (guard_prepare(sb, e) < 0)
		return -1;
	if (p->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER && sb->fds[p->agent_fd] >= 0 &&
	    courier_begin(p, FILTER, ps_take_fd(&sb->fds[p->agent_fd]), e) < 0)
		return -1;
	for (unsigned i = 0; i < KINDS; i++)
		if (couriers[i].pid && atomic_load(&couriers[i].errand->state) == ASLEEP)
			tell_courier(&couriers[i], WAITING);
	return 0;
}

/* It ends by itself, whatever the filter stops of us. */
static int courier_end(struct courier *c, uint32_t state, int *ret_status)
{
	pid_t pid;

	tell_courier(c, state);
	do
		pid = (pid_t)syscall(SYS_wait4, c->pid, ret_status, __WALL, NULL);
	while (pid < 0 && errno == EINTR);
	c->pid = 0;
	(void)munmap(c->errand, sizeof(*c->errand));
	return pid < 0 ? -1 : 0;
}

static int courier_failed(enum kind kind, int status, struct ps_err *e)
{
	static const char *const peers[] = { "the supervisor that answers for the container", "the seccomp agent" };

	if (WIFSIGNALED(status))
		return ps_fail(e, PS_E_PEER, "a filter's courier was killed by signal %d", WTERMSIG(status));
	errno = WEXITSTATUS(status);
	if (errno == EPIPE || errno == ECONNRESET)
		return ps_fail(e, PS_E_PEER, "%s has ended", peers[kind]);
	return ps_fail_os(e, "hand a filter's listener over to %s", peers[kind]);
}

static int load_and_deliver(struct sandbox *sb, enum kind kind, struct plan_list program, uint32_t flags, struct ps_err *e)
{
	struct courier *c = &couriers[kind];
	int status = 0, listener = filter_load(sb->plan, program, flags, e);

	if (listener < 0) {
		(void)courier_end(c, GIVEN_UP, &status);
		return -1;
	}
	c->errand->listener = listener;
	int rc = courier_end(c, LOADED, &status), why = errno;

	if (rc == 0 && status == 0)
		return 0;
	/* First of all: what the filter stops of us would wait for ourselves. */
	(void)close(listener);
	errno = why;
	return rc < 0 ? ps_fail_os(e, "wait for a filter's courier") : courier_failed(kind, status, e);
}

int guard_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;

	if (guard_begin(sb, e) < 0)
		return -1;
	if (has_listener(p)) {
		if (load_and_deliver(sb, GUARD, p->guard, p->guard_flags, e) < 0)
			return -1;
		sb->broker_fd = -1; /* the courier closed it */
		return 0;
	}
	ps_fd_close(&sb->broker_fd);
	return p->guard.n ? filter_load(p, p->guard, p->guard_flags, e) : 0;
}

int agent_apply(struct sandbox *sb, struct ps_err *e)
{
	const struct plan *p = sb->plan;
	const pid_t pid = p->agent_pid ? (pid_t)p->agent_pid : sb->host_pid;

	if (!couriers[FILTER].pid || pid <= 0)
		return ps_fail(e, PS_E_BUG, "nobody takes the filter's listener to its agent");
	couriers[FILTER].errand->host_pid = pid;
	return load_and_deliver(sb, FILTER, p->seccomp, p->seccomp_flags, e);
}
