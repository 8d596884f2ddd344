/* SPDX-License-Identifier: Apache-2.0
 * broker_reader.c - receives calls, copies what their arguments point to, and writes results back.
 *
 * Memory of a target may keep whoever touches it waiting for ever (userfaultfd, FUSE; kernel rule 9), where only a deadly signal
 * helps: so each access is under an alarm that kills this process.  Its successor finds in the note which call that was.
 * It decides nothing, and what it says is only as good as the target's memory was at one moment.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/broker_inside.h"
#include "shim/sandbox/confine.h"

enum { ALARM_MS = 500, LISTENERS_MAX = 4096, IOV_N_MAX = 1024 };

struct reader {
	int sock, epoll_fd;
	struct reader_note *note;
	struct watched { uint32_t n, subject; int fd; bool quick, has_epoll; struct call_set pass; } listeners[LISTENERS_MAX];
	unsigned n_listeners;
	const struct broker_common *common;
	struct broker broker;        /* as far as broker_quick() looks at it */
	struct { struct notice head; char data[DATA_MAX]; } out;
	size_t used;
	struct { struct order head; char data[DATA_MAX]; } in;
};

/* ---- Memory of the target, under the alarm ---- */

static void set_alarm(int ms)
{
	const struct itimerval t = { .it_value.tv_usec = ms * 1000 };

	if (setitimer(ITIMER_REAL, &t, NULL) < 0)
		_exit(EXIT_FAILURE);
}

static void begin_access(const struct reader *rd, uint32_t listener, uint64_t id, pid_t tid)
{
	rd->note->listener = listener;
	rd->note->id = id;
	rd->note->tid = tid;
	rd->note->busy = 1;
	set_alarm(ALARM_MS);
}

static void end_access(const struct reader *rd)
{
	set_alarm(0);
	rd->note->busy = 0;
}

/* Bytes read; fewer when the memory ends, -1 when it does not begin. */
static ssize_t peek(pid_t tid, uint64_t address, void *p, size_t n)
{
	const struct iovec to = { .iov_base = p, .iov_len = n }, from = { .iov_base = (void *)(uintptr_t)address, .iov_len = n };

	return process_vm_readv(tid, &to, 1, &from, 1, 0);
}

static int peek_all(pid_t tid, uint64_t address, void *p, size_t n)
{
	if (!n)
		return 0;
	const ssize_t got = peek(tid, address, p, n);

	if (got == (ssize_t)n)
		return 0;
	return got < 0 && errno != EPERM ? errno : EFAULT;
}

/* ---- Parts ---- */

static char *new_part(struct reader *rd, size_t n)
{
	struct part *p = (struct part *)(void *)(rd->out.data + rd->used);

	if (sizeof(*p) + n > sizeof(rd->out.data) - rd->used)
		return NULL;
	*p = (struct part){ .len = (uint32_t)n };
	return rd->out.data + rd->used + sizeof(*p);
}

static void end_part(struct reader *rd, size_t n, bool cut)
{
	struct part *p = (struct part *)(void *)(rd->out.data + rd->used);

	*p = (struct part){ .len = (uint32_t)n, .cut = cut };
	rd->used = (rd->used + sizeof(*p) + n + 7) & ~(size_t)7;
	rd->out.head.n_parts++;
}

/* At most max bytes of n; what is longer is cut. */
static int put_bytes(struct reader *rd, pid_t tid, uint64_t address, size_t n, size_t max)
{
	const size_t take = n < max ? n : max;
	char *to = new_part(rd, take);

	if (!to)
		return EMSGSIZE;
	const int err = peek_all(tid, address, to, take);

	if (!err)
		end_part(rd, take, take < n);
	return err;
}

static int put_path(struct reader *rd, pid_t tid, uint64_t address)
{
	char *to = new_part(rd, PATH_MAX);
	const ssize_t n = to ? peek(tid, address, to, PATH_MAX) : -1;

	if (n <= 0)
		return EFAULT;
	const char *end = memchr(to, '\0', (size_t)n);

	if (!end)
		return n == PATH_MAX ? ENAMETOOLONG : EFAULT;
	end_part(rd, (size_t)(end - to) + 1, /* cut= */ false);
	return 0;
}

/* As the kernel looks at an address: what is longer than any is EINVAL. */
static int put_address(struct reader *rd, pid_t tid, uint64_t address, uint64_t n)
{
	if (n > sizeof(struct sockaddr_storage))
		return EINVAL;
	return put_bytes(rd, tid, address, address ? (size_t)n : 0, sizeof(struct sockaddr_storage));
}

static int put_vectors(struct reader *rd, pid_t tid, const struct iovec *v, size_t n)
{
	char *to = new_part(rd, 0);
	const size_t left = sizeof(rd->out.data) - rd->used - sizeof(struct part);
	size_t room = left < PART_MAX ? left : PART_MAX, used = 0;
	bool cut = false;

	for (size_t i = 0; i < n; i++) {
		const size_t take = v[i].iov_len < room - used ? v[i].iov_len : room - used;
		const int err = peek_all(tid, (uintptr_t)v[i].iov_base, to + used, take);

		if (err)
			return err;
		used += take;
		cut = cut || take < v[i].iov_len;
	}
	end_part(rd, used, cut);
	return 0;
}

/* struct msghdr as the kernel has it; C libraries have narrower members. */
struct kernel_msghdr { uint64_t name; int32_t name_len; uint32_t pad; uint64_t iov, n_iov, control, control_len; uint32_t flags, pad2; };
_Static_assert(sizeof(struct kernel_msghdr) == sizeof(struct msghdr), "struct msghdr ABI");

static int put_header(struct reader *rd, pid_t tid, const struct kernel_msghdr *m)
{
	struct iovec v[IOV_N_MAX];
	int err;

	if (m->name_len < 0)
		return EINVAL;
	if (m->n_iov > IOV_N_MAX || m->control_len > CONTROL_MAX)
		return m->n_iov > IOV_N_MAX ? EMSGSIZE : ENOBUFS;
	err = put_bytes(rd, tid, m->name, m->name ? (size_t)m->name_len : 0, sizeof(struct sockaddr_storage));
	if (!err)
		err = put_bytes(rd, tid, m->control, m->control ? m->control_len : 0, CONTROL_MAX);
	if (!err)
		err = peek_all(tid, m->iov, v, m->n_iov * sizeof(*v));
	return err ? err : put_vectors(rd, tid, v, m->n_iov);
}

static int put_message(struct reader *rd, pid_t tid, uint64_t address)
{
	struct kernel_msghdr m;
	const int err = peek_all(tid, address, &m, sizeof(m));

	return err ? err : put_header(rd, tid, &m);
}

/* As many as there is room for: the target hears how many were sent. */
static int put_messages(struct reader *rd, pid_t tid, uint64_t address, uint64_t n)
{
	int err = 0;

	for (uint64_t i = 0; i < n && i < MESSAGES_MAX && !err; i++) {
		const size_t used = rd->used;
		const uint32_t n_parts = rd->out.head.n_parts;

		if (i && sizeof(rd->out.data) - used < PART_MAX / 4)
			break;
		err = put_message(rd, tid, address + i * sizeof(struct mmsghdr));
		if (err && i) { /* what came before it is sent */
			rd->used = used;
			rd->out.head.n_parts = n_parts;
			return 0;
		}
	}
	return err;
}

static int gather(struct reader *rd, const struct seccomp_notif *n)
{
	const struct broker_call *c = broker_call_find(n->data.nr);
	const __u64 *v = n->data.args;
	const pid_t tid = (pid_t)n->pid;
	int err;

	if (!c || n->data.arch != CONFINE_NATIVE_ARCH)
		return 0;
	switch (c->gather) {
	case GATHER_NOTHING:
		return 0;
	case GATHER_ADDRESS:
		return put_address(rd, tid, v[c->a], (uint32_t)v[c->b]);
	case GATHER_PATH:
		return put_path(rd, tid, v[c->a]);
	case GATHER_PATH_HOW:
		err = put_path(rd, tid, v[c->a]);
		return err ? err : put_bytes(rd, tid, v[c->b], sizeof(struct open_how), sizeof(struct open_how));
	case GATHER_PATHS:
		err = put_path(rd, tid, v[c->a]);
		return err ? err : put_path(rd, tid, v[c->b]);
	case GATHER_PACKET:
		err = put_address(rd, tid, v[4], v[4] ? (uint32_t)v[5] : 0);
		return err ? err : put_bytes(rd, tid, v[1], (size_t)v[2], PART_MAX);
	case GATHER_MESSAGE:
		return put_message(rd, tid, v[c->a]);
	case GATHER_MESSAGES:
		return put_messages(rd, tid, v[c->a], (uint32_t)v[c->b]);
	}
	return EPERM;
}

/* ---- Listeners ---- */

static void say(struct reader *rd, size_t n)
{
	if (sock_send(rd->sock, &rd->out, sizeof(rd->out.head) + n, NULL, 0, NULL) < 0)
		_exit(EXIT_FAILURE);
}

static void forget(struct reader *rd, uint32_t n)
{
	for (unsigned i = 0; i < rd->n_listeners; i++) {
		if (rd->listeners[i].n != n)
			continue;
		/* The broker has it open, too: closing would not end the watch. */
		(void)epoll_ctl(rd->epoll_fd, EPOLL_CTL_DEL, rd->listeners[i].fd, NULL);
		(void)close(rd->listeners[i].fd);
		rd->listeners[i] = rd->listeners[--rd->n_listeners];
		return;
	}
}

static struct watched *listener_of(struct reader *rd, uint32_t n)
{
	for (unsigned i = 0; i < rd->n_listeners; i++)
		if (rd->listeners[i].n == n)
			return &rd->listeners[i];
	return NULL;
}

static void watch(struct reader *rd, const struct order *o, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)o->listener << 32 | (uint32_t)fd };
	const struct watched *known = listener_of(rd, o->listener);

	if (fd < 0)
		return;
	/* Told twice: what the one before us had not read, and for us. */
	if (known || rd->n_listeners == LISTENERS_MAX || epoll_ctl(rd->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		(void)close(fd);
		return;
	}
	rd->listeners[rd->n_listeners++] = (struct watched){ .n = o->listener, .subject = o->subject, .fd = fd, .quick = o->quick,
							      .has_epoll = o->has_epoll };
}

static bool is_valid(int listener, uint64_t id)
{
	return ps_sys_seccomp_notify(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void note_epoll(struct reader *rd, uint32_t subject)
{
	for (unsigned i = 0; i < rd->n_listeners; i++)
		if (rd->listeners[i].subject == subject)
			rd->listeners[i].has_epoll = true;
}

/* Whether the call was answered here. */
static bool answer_now(struct reader *rd, const struct watched *w)
{
	const struct notice *head = &rd->out.head;
	const struct broker_call *c = head->err ? NULL : broker_call_find(head->call.data.nr);

	if (!c || !head->call.pid || head->call.data.arch != CONFINE_NATIVE_ARCH)
		return false;
	if (c->handle == call_epoll_create)
		note_epoll(rd, w->subject);
	if (!w->quick || c->handle != call_connect || atomic_load(&rd->note->n_slow) != atomic_load(&rd->note->n_slowed))
		return false;
	struct broker_subject s = { .b = &rd->broker, .f = rd->common->f, .has_epoll = w->has_epoll };
	struct listener l = { .s = &s, .source = { .fd = w->fd } };
	struct request r = { .b = &rd->broker, .l = &l, .s = &s, .call = c, .id = head->call.id, .tid = (pid_t)head->call.pid,
			     .parts = rd->out.data, .end = rd->out.data + rd->used, .n_parts = head->n_parts };

	for (size_t i = 0; i < PS_COUNT(r.args); i++)
		r.args[i] = head->call.data.args[i];
	return broker_quick(&r);
}

/* The broker has told of such a call, and decides nothing about it. */
static bool pass(const struct watched *w, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp resp = { .id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	if (call->data.arch != CONFINE_NATIVE_ARCH || !call_set_has(&w->pass, call->data.nr))
		return false;
	(void)ps_sys_seccomp_notify(w->fd, SECCOMP_IOCTL_NOTIF_SEND, &resp); /* ENOENT: it has been killed meanwhile */
	return true;
}

static void serve(struct reader *rd, uint32_t n, int fd)
{
	const struct watched *w = listener_of(rd, n);
	struct notice *head = &rd->out.head;

	memset(head, 0, sizeof(*head)); /* the kernel takes only zeroes */
	if (ps_sys_seccomp_notify(fd, SECCOMP_IOCTL_NOTIF_RECV, &head->call) < 0) {
		if (errno != ENOENT && errno != EINTR) /* ENOENT: it has been killed meanwhile */
			forget(rd, n);
		return;
	}
	if (w && pass(w, &head->call))
		return;
	head->kind = NOTICE_CALL;
	head->listener = n;
	rd->used = 0;
	if (head->call.pid) {
		begin_access(rd, n, head->call.id, (pid_t)head->call.pid);
		head->err = gather(rd, &head->call);
		end_access(rd);
	}
	/* It looks itself whether the number has become another's while we read. */
	if ((w && answer_now(rd, w)) || !is_valid(fd, head->call.id))
		return;
	if (head->err)
		rd->used = head->n_parts = 0;
	say(rd, rd->used);
}

/* ---- Orders ---- */

static int poke(const struct order *o, char *bytes, size_t n)
{
	struct iovec to[MESSAGES_MAX];
	size_t n_to = 1;
	struct iovec from = { .iov_base = bytes, .iov_len = n };

	to[0] = (struct iovec){ .iov_base = (void *)(uintptr_t)o->address, .iov_len = n };
	if (o->stride) {
		n_to = n / 4;
		if (n_to > MESSAGES_MAX)
			return EMSGSIZE;
		for (size_t i = 0; i < n_to; i++)
			to[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)(o->address + i * o->stride), .iov_len = 4 };
	}
	return process_vm_writev(o->tid, &from, 1, to, n_to, 0) == (ssize_t)n ? 0 : EFAULT;
}

static void write_back(struct reader *rd, size_t n)
{
	const struct order *o = &rd->in.head;
	const struct watched *w = listener_of(rd, o->listener);
	const int fd = w ? w->fd : -1;

	rd->out.head = (struct notice){ .kind = NOTICE_WRITTEN, .listener = o->listener, .job = o->job, .err = EFAULT };
	/* Whoever has that number now is who waits: between this and the next line it would take all other numbers to come by. */
	if (fd >= 0 && is_valid(fd, o->id)) {
		begin_access(rd, o->listener, o->id, o->tid);
		rd->out.head.err = poke(o, rd->in.data, n);
		end_access(rd);
	}
	say(rd, 0);
}

static void obey(struct reader *rd)
{
	int fd = -1;
	size_t n_fds = 1;
	const ssize_t n = sock_recv(rd->sock, &rd->in, sizeof(rd->in), &fd, &n_fds, -1, NULL);

	if (n < (ssize_t)sizeof(rd->in.head))
		_exit(EXIT_SUCCESS);
	switch ((enum order_kind)rd->in.head.kind) {
	case ORDER_WATCH:
		watch(rd, &rd->in.head, ps_take_fd(&fd));
		break;
	case ORDER_FORGET:
		forget(rd, rd->in.head.listener);
		break;
	case ORDER_SLOW:
		for (unsigned i = 0; i < rd->n_listeners; i++)
			rd->listeners[i].quick &= rd->listeners[i].subject != rd->in.head.subject;
		atomic_fetch_add(&rd->note->n_slowed, 1);
		break;
	case ORDER_PASS: {
		struct watched *w = listener_of(rd, rd->in.head.listener);

		if (w && rd->in.head.id < CALL_NUMBERS)
			(void)call_set_add(&w->pass, (int)rd->in.head.id);
		break;
	}
	case ORDER_WRITE:
		write_back(rd, (size_t)n - sizeof(rd->in.head));
		break;
	}
	ps_fd_close(&fd);
}

/* ---- Life ---- */

static void set_up(struct reader *rd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	sigset_t set;

	(void)prctl(PR_SET_NAME, "podshim:reader");
	(void)signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	rd->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 || rd->epoll_fd < 0 ||
	    epoll_ctl(rd->epoll_fd, EPOLL_CTL_ADD, rd->sock, &ev) < 0 || confine_reader(NULL) < 0)
		_exit(EXIT_FAILURE);
	rd->out.head = (struct notice){ .kind = NOTICE_HELLO };
	say(rd, 0);
	if (!rd->note->busy)
		return;
	rd->out.head = (struct notice){ .kind = NOTICE_STALLED, .listener = rd->note->listener,
					.call = { .id = rd->note->id, .pid = (uint32_t)rd->note->tid } };
	rd->note->busy = 0;
	say(rd, 0);
}

_Noreturn void broker_reader(int sock, struct reader_note *note, const struct broker_common *common)
{
	static struct reader rd;

	rd.sock = sock;
	rd.note = note;
	rd.common = common;
	rd.broker.netns_cookie = common->netns_cookie;
	set_up(&rd);
	for (;;) {
		struct epoll_event ev;

		if (epoll_wait(rd.epoll_fd, &ev, 1, -1) < 1)
			continue;
		if (ev.data.u64 == UINT64_MAX)
			obey(&rd);
		else if (ev.events & EPOLLIN)
			serve(&rd, (uint32_t)(ev.data.u64 >> 32), (int)(uint32_t)ev.data.u64);
		else
			forget(&rd, (uint32_t)(ev.data.u64 >> 32));
	}
}
