/* SPDX-License-Identifier: Apache-2.0
 * broker.c - the broker's workers, listeners and their ends; every call goes to its handler by a table.
 */
#include "shim/pod/broker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/broker_inside.h"
#include "shim/sandbox/confine.h"

enum { OUTBOX_MAX = 4 << 20, STALL_FORGOTTEN_MS = 60000 };

const struct broker_call broker_calls[] = {
	{ SYS_connect, GATHER_ADDRESS, 1, 2, call_connect, false },
	{ SYS_bind, GATHER_ADDRESS, 1, 2, call_bind, false },
	{ SYS_listen, GATHER_NOTHING, 0, 0, call_listen, false },
	{ SYS_sendto, GATHER_PACKET, 1, 4, call_sendto, false },
	{ SYS_sendmsg, GATHER_MESSAGE, 1, 0, call_sendmsg, false },
	{ SYS_sendmmsg, GATHER_MESSAGES, 1, 2, call_sendmmsg, false },
	{ SYS_uname, GATHER_NOTHING, 0, 0, call_uname, false },
	{ SYS_sysinfo, GATHER_NOTHING, 0, 0, call_sysinfo, false },
	{ SYS_epoll_create1, GATHER_NOTHING, 0, 0, call_epoll_create, false },
	{ SYS_openat, GATHER_PATH, 1, 0, call_open, true },
	{ SYS_openat2, GATHER_PATH_HOW, 1, 2, call_open, true },
	{ SYS_execve, GATHER_PATH, 0, 0, call_exec, true },
	{ PS_NR_EXECVEAT, GATHER_PATH, 1, 0, call_exec, true },
	{ SYS_mkdirat, GATHER_PATH, 1, 0, call_make, true },
	{ SYS_symlinkat, GATHER_PATH, 2, 0, call_make, true },
	{ SYS_linkat, GATHER_PATH, 3, 0, call_make, true },
	{ SYS_unlinkat, GATHER_PATH, 1, 0, call_remove, true },
	{ SYS_renameat2, GATHER_PATHS, 1, 3, call_rename, true },
	{ SYS_mmap, GATHER_NOTHING, 0, 0, call_map, true },
	{ SYS_mprotect, GATHER_NOTHING, 0, 0, call_map, true },
#ifdef __x86_64__ /* system calls that newer architectures do not have */
	{ SYS_open, GATHER_PATH, 0, 0, call_open, true },
	{ SYS_creat, GATHER_PATH, 0, 0, call_open, true },
	{ SYS_mkdir, GATHER_PATH, 0, 0, call_make, true },
	{ SYS_symlink, GATHER_PATH, 1, 0, call_make, true },
	{ SYS_link, GATHER_PATH, 1, 0, call_make, true },
	{ SYS_unlink, GATHER_PATH, 0, 0, call_remove, true },
	{ SYS_rmdir, GATHER_PATH, 0, 0, call_remove, true },
	{ SYS_rename, GATHER_PATHS, 0, 1, call_rename, true },
	{ SYS_renameat, GATHER_PATHS, 1, 3, call_rename, true },
	{ SYS_epoll_create, GATHER_NOTHING, 0, 0, call_epoll_create, false },
#endif
};
const size_t n_broker_calls = PS_COUNT(broker_calls);

const struct broker_call *broker_call_find(int nr)
{
	for (size_t i = 0; i < n_broker_calls; i++)
		if (broker_calls[i].nr == nr)
			return &broker_calls[i];
	return NULL;
}

/* ---- What is said to the workers ---- */

struct outgoing {
	struct outgoing *next;
	size_t n, n_fds;
	int fds[2];
	char data[];
};

static struct loop_source *source_of(struct broker *b, bool hand) { return hand ? &b->hand : &b->reader; }
static struct outbox *outbox_of(struct broker *b, bool hand) { return hand ? &b->to_hand : &b->to_reader; }

static void outgoing_free(struct outgoing *o)
{
	for (size_t i = 0; i < o->n_fds; i++)
		ps_fd_close(&o->fds[i]);
	free(o);
}

static struct outgoing *outgoing_new(const void *head, size_t n_head, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	struct outgoing *o = malloc(sizeof(*o) + n_head + n);

	if (!o)
		return NULL;
	*o = (struct outgoing){ .n = n_head + n };
	memcpy(o->data, head, n_head);
	if (n)
		memcpy(o->data + n_head, bytes, n);
	for (; o->n_fds < n_fds; o->n_fds++) {
		o->fds[o->n_fds] = fcntl(fds[o->n_fds], F_DUPFD_CLOEXEC, 3);
		if (o->fds[o->n_fds] < 0) {
			outgoing_free(o);
			return NULL;
		}
	}
	return o;
}

static void outbox_put(struct outbox *box, struct outgoing *o)
{
	struct outgoing **at = &box->first;

	while (*at)
		at = &(*at)->next;
	*at = o;
	box->bytes += o->n;
}

/* Whether it is over with it: sent, or nobody is there to hear. */
static bool send_now(struct broker *b, bool hand, const struct outgoing *o)
{
	struct ps_err e = { 0 };

	return sock_send(source_of(b, hand)->fd, o->data, o->n, o->fds, o->n_fds, &e) == 0 || e.sys != EAGAIN;
}

bool broker_tell(struct broker *b, bool hand, const void *head, size_t n_head, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	struct outbox *box = outbox_of(b, hand);
	struct outgoing *o;

	if (b->lost || box->bytes + n_head + n > OUTBOX_MAX)
		return false;
	o = outgoing_new(head, n_head, bytes, n, fds, n_fds);
	if (!o)
		return false;
	if (!box->first && send_now(b, hand, o)) {
		outgoing_free(o);
		return true;
	}
	outbox_put(box, o);
	loop_watch(b->loop, source_of(b, hand), EPOLLIN | EPOLLOUT);
	return true;
}

static void send_rest(struct broker *b, bool hand)
{
	struct outbox *box = outbox_of(b, hand);

	while (box->first && send_now(b, hand, box->first)) {
		struct outgoing *o = box->first;

		box->first = o->next;
		box->bytes -= o->n;
		outgoing_free(o);
	}
	if (!box->first)
		loop_watch(b->loop, source_of(b, hand), EPOLLIN);
}

static void outbox_done(struct outbox *box)
{
	while (box->first) {
		struct outgoing *o = box->first;

		box->first = o->next;
		outgoing_free(o);
	}
	box->bytes = 0;
}

static bool tell_of_listener(const struct listener *l, enum order_kind kind)
{
	const struct broker_common *c = &l->s->b->common;
	const struct order o = { .kind = kind, .listener = l->n, .subject = l->s->n, .has_epoll = l->s->has_epoll,
				 .quick = c->known && c->f.permissions == l->s->f.permissions && c->f.net == l->s->f.net };

	return broker_tell(l->s->b, /* hand= */ false, &o, sizeof(o), NULL, 0, &l->source.fd, kind == ORDER_WATCH);
}

/* ---- Listeners ---- */

static struct listener *listener_find(const struct broker *b, uint32_t n)
{
	struct listener *l = b->buckets[n % BUCKETS];

	while (l && l->n != n)
		l = l->next_in_bucket;
	return l;
}

static void listener_free(struct listener *l)
{
	struct broker_subject *s = l->s;
	struct listener **at = &s->listeners, **in = &s->b->buckets[l->n % BUCKETS];

	jobs_drop(s->b, s, l);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	while (*in != l)
		in = &(*in)->next_in_bucket;
	*in = l->next_in_bucket;
	s->n_listeners--;
	(void)tell_of_listener(l, ORDER_FORGET);
	loop_remove(s->b->loop, &l->source);
	ps_fd_close(&l->source.fd);
	free(l);
}

/* Closing the last copy of a listener makes calls that wait fail: ENOSYS. */
static void subject_free(struct broker_subject *s)
{
	struct broker_subject **at = &s->b->subjects;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	loop_remove(s->b->loop, &s->handover);
	ps_fd_close(&s->handover.fd);
	while (s->listeners)
		listener_free(s->listeners);
	subject_drop_draft(s);
	free(s);
}

static void subject_end(struct broker_subject *s, bool lost)
{
	const struct broker_facts f = s->f;

	subject_free(s);
	if (f.on_end)
		f.on_end(f.ctx, lost);
}

static void end_if_alone(struct broker_subject *s)
{
	if (!s->listeners && s->handover.fd < 0)
		subject_end(s, /* lost= */ false);
}

static void on_listener(void *ctx, uint32_t events)
{
	struct listener *l = ctx;
	struct broker_subject *s = l->s;

	(void)events; /* hang-up: its last task has ended */
	listener_free(l);
	end_if_alone(s);
}

static bool is_listener(int fd)
{
	static const char kind[] = "anon_inode:seccomp notify";
	char path[64], to[sizeof(kind)];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, to, sizeof(to)) == sizeof(kind) - 1 && memcmp(to, kind, sizeof(kind) - 1) == 0;
}

int broker_add_listener(struct broker_subject *s, int fd, struct ps_err *e)
{
	struct broker *b = s->b;
	struct listener *l = s->n_listeners == LISTENERS_PER_SUBJECT || !is_listener(fd) ? NULL : calloc(1, sizeof(*l));

	if (!l) {
		(void)close(fd);
		return ps_fail(e, PS_E_STATE, "no seccomp listener, or more than the %d that a container may have", LISTENERS_PER_SUBJECT);
	}
	*l = (struct listener){ .s = s, .n = b->next_listener++, .source = { .fd = fd, .on = on_listener, .ctx = l } };
	/* Where it is not there (before 6.6) a call is slower, nothing else. */
	(void)ps_sys_seccomp_notify(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, (void *)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	l->next = s->listeners;
	s->listeners = l;
	s->n_listeners++;
	l->next_in_bucket = b->buckets[l->n % BUCKETS];
	b->buckets[l->n % BUCKETS] = l;
	if (loop_add(b->loop, &l->source, 0, e) == 0 && tell_of_listener(l, ORDER_WATCH))
		return 0;
	listener_free(l);
	return ps_fail(e, PS_E_STATE, "the broker's reader takes no listener");
}

static void on_handover(void *ctx, uint32_t events)
{
	struct broker_subject *s = ctx;
	char word[64];
	int fd = -1;
	size_t n_fds = 1;
	struct ps_err e = { 0 };
	const ssize_t n = sock_recv(s->handover.fd, word, sizeof(word), &fd, &n_fds, 0, &e);

	(void)events;
	if (n > 0 && fd >= 0) {
		if (broker_add_listener(s, ps_take_fd(&fd), NULL) < 0)
			subject_end(s, /* lost= */ true);
		return;
	}
	ps_fd_close(&fd);
	if (n > 0 || (n < 0 && e.sys == ETIMEDOUT))
		return;
	loop_remove(s->b->loop, &s->handover);
	ps_fd_close(&s->handover.fd);
	end_if_alone(s);
}

/* ---- Calls ---- */

static void dispatch(struct broker *b, const struct notice *n, size_t n_data)
{
	struct listener *l = listener_find(b, n->listener);

	if (!l)
		return;
	struct request r = {
		.b = b, .l = l, .s = l->s, .call = broker_call_find(n->call.data.nr), .id = n->call.id, .tid = (pid_t)n->call.pid,
		.parts = b->in.data, .end = b->in.data + n_data, .n_parts = n->n_parts, .all = b->in.data, .n_all = n->n_parts,
	};

	for (size_t i = 0; i < PS_COUNT(r.args); i++)
		r.args[i] = n->call.data.args[i];
	if (l->s->f.on_call && r.tid && call_is_told(&r, &n->call))
		return;
	if (!r.call || n->call.data.arch != CONFINE_NATIVE_ARCH || !r.tid || (r.call->files && !l->s->f.files))
		request_answer(&r, 0, EPERM);
	else if (n->err)
		request_answer(&r, 0, n->err);
	else
		r.call->handle(&r);
	/* Nobody waits for it: part of the call was done, and the rest is asked for when it comes again. */
	subject_drop_draft(r.s);
}

static struct job *job_find(const struct broker *b, uint64_t n)
{
	struct job *j = b->jobs;

	while (j && j->n != n)
		j = j->next;
	return j;
}

static void reply(struct job *j, int err, const struct task *t)
{
	loop_timer_clear(j->r.b->loop, &j->timer);
	j->on_reply(j, err, t);
}

/* The reader was killed by its alarm over this call: the memory that it was to read or write does not answer. */
static void stalled(struct broker *b, const struct notice *n)
{
	struct listener *l = listener_find(b, n->listener);
	struct broker_subject *s = l ? l->s : NULL;
	const uint64_t now = (uint64_t)ps_now_ms();

	if (!l)
		return;
	for (struct job *j = b->jobs; j; j = j->next) {
		if (j->r.l != l || j->r.id != n->call.id || j->waits != JOB_WAITS_READER)
			continue;
		reply(j, EFAULT, NULL);
		break;
	}
	const struct request r = { .b = b, .l = l, .s = s, .id = n->call.id, .tid = (pid_t)n->call.pid };

	request_answer(&r, 0, EFAULT);
	if (now - s->stalled_ms > STALL_FORGOTTEN_MS)
		s->n_stalled = 0;
	s->stalled_ms = now;
	if (++s->n_stalled == STALLS_MAX)
		subject_end(s, /* lost= */ true);
}

static void watch_again(const struct broker *b)
{
	for (const struct broker_subject *s = b->subjects; s; s = s->next)
		for (const struct listener *l = s->listeners; l; l = l->next)
			(void)tell_of_listener(l, ORDER_WATCH);
}

static void broker_lose(struct broker *b)
{
	if (b->lost)
		return;
	b->lost = true;
	loop_remove(b->loop, &b->reader);
	loop_remove(b->loop, &b->hand);
	loop_remove(b->loop, &b->life);
	while (b->subjects)
		subject_end(b->subjects, /* lost= */ true);
}

static void on_reader(void *ctx, uint32_t events)
{
	struct broker *b = ctx;
	struct job *j;

	if (events & EPOLLOUT)
		send_rest(b, /* hand= */ false);
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	const ssize_t n = recv(b->reader.fd, &b->in, sizeof(b->in), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(b->in.head)) {
		broker_lose(b);
		return;
	}
	switch ((enum notice_kind)b->in.head.kind) {
	case NOTICE_HELLO:
		watch_again(b);
		break;
	case NOTICE_CALL:
		dispatch(b, &b->in.head, (size_t)n - sizeof(b->in.head));
		break;
	case NOTICE_STALLED:
		stalled(b, &b->in.head);
		break;
	case NOTICE_WRITTEN:
		j = job_find(b, b->in.head.job);
		if (j && j->waits == JOB_WAITS_READER)
			reply(j, b->in.head.err, NULL);
		break;
	}
}

/* A new one: what the one before it was doing is lost.  The first has found what was said before it began. */
static void hand_renewed(struct broker *b)
{
	if (!b->hand_known) {
		b->hand_known = true;
		return;
	}
	for (struct job *j = b->jobs, *next; j; j = next) {
		next = j->next;
		if (j->waits == JOB_WAITS_HAND)
			job_answer(j, 0, EIO);
	}
}

static void on_hand(void *ctx, uint32_t events)
{
	struct broker *b = ctx;
	ps_auto_fd int fd = -1;
	size_t n_fds = 1;

	if (events & EPOLLOUT)
		send_rest(b, /* hand= */ true);
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	struct ps_err e = { 0 };
	const ssize_t n = sock_recv(b->hand.fd, &b->task_in, sizeof(b->task_in) - 1, &fd, &n_fds, -1, &e); /* it does not wait */

	if (n < 0 && e.sys == EAGAIN)
		return;
	if (n < (ssize_t)offsetof(struct task, text) || b->task_in.len != (size_t)n - offsetof(struct task, text)) {
		broker_lose(b);
		return;
	}
	b->task_in.text[b->task_in.len] = '\0';
	if (b->task_in.kind == TASK_HELLO) {
		hand_renewed(b);
		return;
	}
	struct job *j = job_find(b, b->task_in.job);

	if (!j || j->waits != JOB_WAITS_HAND)
		return;
	ps_fd_close(&j->path_fd);
	j->path_fd = ps_take_fd(&fd);
	reply(j, b->task_in.err, &b->task_in);
}

static void on_life(void *ctx, uint32_t events)
{
	(void)events;
	broker_lose(ctx);
}

/* ---- Life ---- */

static int start_workers(struct broker *b, struct ps_err *e)
{
	int reader[2] = { -1, -1 }, hand[2] = { -1, -1 }, rc = -1;

	if (sock_pair(reader, e) == 0 && sock_pair(hand, e) == 0)
		rc = broker_keep(reader[1], hand[1], &b->common, &b->note, &b->life.fd, e);
	ps_fd_close(&reader[1]);
	ps_fd_close(&hand[1]);
	b->reader = (struct loop_source){ .fd = reader[0], .on = on_reader, .ctx = b };
	b->hand = (struct loop_source){ .fd = hand[0], .on = on_hand, .ctx = b };
	if (rc < 0)
		return -1;
	if (fcntl(b->reader.fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || fcntl(b->hand.fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return ps_fail_os(e, "make the broker's sockets not wait");
	return loop_add(b->loop, &b->reader, EPOLLIN, e) < 0 || loop_add(b->loop, &b->hand, EPOLLIN, e) < 0 ||
	       loop_add(b->loop, &b->life, EPOLLIN, e) < 0 ? -1 : 0;
}

int broker_new(struct loop *loop, const struct broker_facts *common, struct broker **ret, struct ps_err *e)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (!b)
		return ps_fail_os(e, "memory for the broker");
	b->loop = loop;
	b->next_job = b->next_listener = b->next_subject = 1;
	b->reader.fd = b->hand.fd = b->life.fd = -1;
	b->life.on = on_life;
	b->life.ctx = b;
	b->netns_cookie = net_own_cookie();
	if (common)
		b->common = (struct broker_common){ .known = true, .f = *common, .netns_cookie = b->netns_cookie };
	if (start_workers(b, e) < 0) {
		broker_free(b);
		return -1;
	}
	*ret = b;
	return 0;
}

void broker_free(struct broker *b)
{
	if (!b)
		return;
	while (b->subjects)
		broker_remove(b->subjects);
	loop_remove(b->loop, &b->reader);
	loop_remove(b->loop, &b->hand);
	loop_remove(b->loop, &b->life);
	outbox_done(&b->to_reader);
	outbox_done(&b->to_hand);
	ps_fd_close(&b->reader.fd);
	ps_fd_close(&b->hand.fd);
	if (b->life.fd >= 0) {
		(void)ps_pidfd_kill(b->life.fd, SIGKILL);
		(void)ps_pidfd_reap(b->life.fd, &(int){ 0 }, NULL);
	}
	ps_fd_close(&b->life.fd);
	if (b->note)
		(void)munmap(b->note, sizeof(*b->note));
	free(b);
}

static int check_facts(const struct broker *b, const struct broker_facts *f, struct ps_err *e)
{
	static const uint64_t net_caps = UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_NET_BROADCAST |
					 UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW;

	if (b->lost)
		return ps_fail(e, PS_E_STATE, "the broker's workers have ended");
	if (f->net != BROKER_NET_EMPTY)
		return 0;
	if (!f->own_userns && f->caps & net_caps)
		return ps_fail(e, PS_E_UNSUPP, "net entries for a network namespace of its own give the container sockets of the host: it must have a "
			       "user namespace of its own or none of CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW");
	if (!b->netns_cookie)
		return ps_fail(e, PS_E_UNSUPP, "net entries for a network namespace of its own take a kernel that tells the namespace of a socket (5.14)");
	return 0;
}

int broker_add(struct broker *b, const struct broker_facts *f, int handover, struct broker_subject **ret, struct ps_err *e)
{
	ps_auto_fd int sock = handover;
	struct broker_subject *s;

	if (check_facts(b, f, e) < 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ps_fail_os(e, "memory for a container under the broker");
	*s = (struct broker_subject){ .b = b, .f = *f, .n = b->next_subject++, .handover = { .fd = sock, .on = on_handover, .ctx = s } };
	if (sock >= 0 && loop_add(b->loop, &s->handover, EPOLLIN, e) < 0) {
		free(s);
		return -1;
	}
	(void)ps_take_fd(&sock);
	s->next = b->subjects;
	b->subjects = s;
	*ret = s;
	return 0;
}

void broker_set_permissions(struct broker_subject *s, const struct permissions *p)
{
	s->f.permissions = p;
	const struct order o = { .kind = ORDER_SLOW, .subject = s->n };

	/* It is about its next call: the order may wait for the reader, or be lost, and until it is obeyed all calls come to us. */
	atomic_fetch_add(&s->b->note->n_slow, 1);
	(void)broker_tell(s->b, /* hand= */ false, &o, sizeof(o), NULL, 0, NULL, 0);
}

void broker_remove(struct broker_subject *s)
{
	if (s)
		subject_free(s);
}
