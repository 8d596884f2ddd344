/* SPDX-License-Identifier: Apache-2.0
 * broker_request.c - one call: its copied arguments, its descriptors, the decision, the answer, and what waits until then.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/pod/broker_inside.h"

enum { TICK_MS = 2000, HAND_MS = 1000, RETRY_MS = 10, ANSWER_MS = 250, STATUS_MAX = 65536 };

/* ---- The target ---- */

/* A line of /proc/TID/status; n is that of `out`. */
static bool status_line(pid_t tid, const char *name, char *out, size_t n)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ps_read_fd(fd, path, STATUS_MAX, &text, NULL) < 0 || !text.data)
		return false;
	(void)snprintf(path, sizeof(path), "\n%s:\t", name);
	const char *at = strstr(text.data, path);

	if (!at)
		return false;
	(void)snprintf(out, n, "%s", at + strlen(path));
	return true;
}

bool request_status(const struct request *r, const char *name, int base, uint64_t *ret)
{
	char line[64], *end;

	if (!status_line(r->tid, name, line, sizeof(line)))
		return false;
	const uint64_t v = strtoull(line, &end, base);

	if (end == line)
		return false;
	*ret = v;
	return true;
}

int broker_pidfd(pid_t tid)
{
	const int fd = ps_sys_pidfd_open(tid, PIDFD_THREAD);
	char line[32];

	if (fd >= 0 || errno != EINVAL)
		return fd;
	if (!status_line(tid, "Tgid", line, sizeof(line)))
		return -1;
	const pid_t leader = (pid_t)strtol(line, NULL, 10);

	if (leader != tid && syscall(SYS_kcmp, tid, leader, KCMP_FILES, 0UL, 0UL) != 0)
		return -1;
	return ps_sys_pidfd_open(leader, 0);
}

void request_kill(const struct request *r)
{
	ps_auto_fd int pidfd = broker_pidfd(r->tid);

	if (pidfd >= 0 && request_valid(r))
		(void)ps_pidfd_kill(pidfd, SIGKILL);
}

int request_fd(const struct request *r, int fd)
{
	ps_auto_fd int pidfd = broker_pidfd(r->tid);
	ps_auto_fd int copy = pidfd < 0 ? -1 : ps_sys_pidfd_getfd(pidfd, fd);
	const int err = errno;

	if (copy < 0) {
		request_answer(r, 0, pidfd >= 0 && err == EBADF ? EBADF : EPERM);
		return -1;
	}
	/* Was it the target's number all the time? */
	if (!request_valid(r)) {
		request_answer(r, 0, EPERM);
		return -1;
	}
	return ps_take_fd(&copy);
}

/* ---- Arguments and answers ---- */

bool request_part(struct request *r, const char **ret, size_t *ret_len, bool *ret_cut)
{
	struct part p;

	if (!r->n_parts || (size_t)(r->end - r->parts) < sizeof(p))
		return false;
	memcpy(&p, r->parts, sizeof(p));
	if (p.len > (size_t)(r->end - r->parts) - sizeof(p))
		return false;
	*ret = r->parts + sizeof(p);
	*ret_len = p.len;
	if (ret_cut)
		*ret_cut = p.cut != 0;
	const size_t whole = (sizeof(p) + p.len + 7) & ~(size_t)7, left = (size_t)(r->end - r->parts);

	r->parts += whole < left ? whole : left;
	r->n_parts--;
	return true;
}

bool request_valid(const struct request *r)
{
	uint64_t id = r->id;

	return ps_sys_seccomp_notify(r->l->source.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void respond(const struct request *r, int64_t value, int err, uint32_t flags)
{
	struct seccomp_notif_resp resp = { .id = r->id, .val = err ? 0 : value, .error = -err, .flags = flags };

	/* ENOENT: it has been killed meanwhile. */
	(void)ps_sys_seccomp_notify(r->l->source.fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

void request_answer(const struct request *r, int64_t value, int err)
{
	if (err == REQUEST_ASKED)
		request_park(r);
	else
		respond(r, value, err, 0);
}

void request_continue(const struct request *r)
{
	respond(r, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/* ---- Decisions ---- */

static bool is_wanted(const struct perm_settings *s, enum policy_permission p, enum policy_action a)
{
	if (a == POLICY_WARN)
		return true;
	if (a == POLICY_ALLOW)
		return s->audit.allowed >> p & 1;
	return !s->audit.set || s->audit.denied >> p & 1;
}

/* What is not there cannot be listed: its folder can. */
static void put_flag(const struct perm_query *q, const char *action, struct ps_buf *out)
{
	char folder[PATH_MAX];
	struct perm_query with = *q;
	const char *slash = q->value ? strrchr(q->value, '/') : NULL;

	if (!strcmp(action, "create") && slash && slash != q->value && slash - q->value < PATH_MAX) {
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - q->value), q->value);
		with.value = folder;
	}
	perm_query_flag(&with, out);
}

static void tell(const struct request *r, const struct perm_query *q, struct broker_event *ev, bool with_flag)
{
	char rooms[2][512];
	ps_auto_buf struct ps_buf target = ps_buf_lent(rooms[0], sizeof(rooms[0]));
	ps_auto_buf struct ps_buf flag = ps_buf_lent(rooms[1], sizeof(rooms[1]));

	perm_query_target(q, &target);
	if (with_flag)
		put_flag(q, ev->action, &flag);
	ev->tid = r->tid;
	ev->permission = q->permission;
	ev->mech = "notify";
	ev->target = target.len ? target.data : "";
	if (flag.len)
		ev->hint = flag.data;
	r->s->f.on_event(r->s->f.ctx, ev);
}

static bool told(const struct request *r, const struct perm_query *q, const struct perm_verdict *v, bool asked, const char *action, bool sound,
		 int *ret_err)
{
	const bool allowed = v->action == POLICY_ALLOW || v->action == POLICY_WARN;

	*ret_err = allowed ? 0 : v->action == POLICY_DENY ? EACCES : q->permission == POLICY_NET ? ECONNREFUSED : ENOENT;
	if (r->s->f.on_event && (asked || is_wanted(&r->s->f.permissions->settings, q->permission, v->action))) {
		struct broker_event ev = { .action = action, .result = v->action, .asked = asked, .err = *ret_err, .rule = v->rule, .sound = sound };

		/* No flag lifts what an entry denies. */
		tell(r, q, &ev, /* with_flag= */ !allowed && !v->rule);
	}
	return allowed;
}

bool request_told(const struct request *r, const struct perm_query *q, const struct perm_verdict *v, const char *action, bool sound,
		  int *ret_err)
{
	return told(r, q, v, /* asked= */ false, action, sound, ret_err);
}

bool request_allowed(const struct request *r, const struct perm_query *q, const char *action, bool sound, int *ret_err)
{
	bool asked;
	const struct perm_verdict v = request_verdict(r, q, &asked);

	/* What is told of only is nobody's to ask about. */
	if (v.action != POLICY_ALLOW && v.action != POLICY_WARN && sound && request_asks(r, q)) {
		*ret_err = REQUEST_ASKED;
		return false;
	}
	return told(r, q, &v, asked, action, sound, ret_err);
}

void request_absent(const struct request *r, const struct perm_query *q, const char *action)
{
	struct broker_event ev = { .action = action, .result = POLICY_DENY, .err = ENOENT };

	if (r->s->f.on_event && is_wanted(&r->s->f.permissions->settings, q->permission, POLICY_DENY))
		tell(r, q, &ev, /* with_flag= */ true);
}

void request_refused(const struct request *r, const struct perm_query *q, const char *action, int err, const char *why)
{
	struct broker_event ev = { .action = action, .result = POLICY_DENY, .err = err, .sound = true, .hint = why };

	if (r->s->f.on_event)
		tell(r, q, &ev, /* with_flag= */ false);
}

/* ---- Jobs ---- */

struct job *job_new(const struct request *r)
{
	struct broker *b = r->b;
	struct job *j = b->n_jobs < JOBS_MAX && r->s->n_jobs < JOBS_PER_SUBJECT ? calloc(1, sizeof(*j)) : NULL;

	if (!j) {
		request_answer(r, 0, EAGAIN);
		return NULL;
	}
	j->r = *r;
	j->r.parts = j->r.end = NULL;
	j->r.n_parts = 0;
	j->r.all = NULL;
	j->r.own = NULL;
	j->n = b->next_job++;
	j->source.fd = j->old_fd = j->path_fd = -1;
	j->next = b->jobs;
	b->jobs = j;
	b->n_jobs++;
	r->s->n_jobs++;
	return j;
}

/* A description that others have open stays in the loop's epoll when ours is closed. */
static void unwatch(struct job *j)
{
	if (j->watched)
		loop_remove(j->r.b->loop, &j->source);
	j->watched = false;
}

static void block_again(struct job *j)
{
	const int flags = j->blocks_again ? fcntl(j->source.fd, F_GETFL) : -1;

	if (flags >= 0)
		(void)fcntl(j->source.fd, F_SETFL, flags & ~O_NONBLOCK);
	j->blocks_again = false;
}

void job_done(struct job *j)
{
	struct broker *b = j->r.b;
	struct job **at = &b->jobs;

	block_again(j);

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	b->n_jobs--;
	j->r.s->n_jobs--;
	loop_timer_clear(b->loop, &j->timer);
	unwatch(j);
	job_unpark(j);
	answers_done(&j->answers);
	ps_fd_close(&j->source.fd);
	ps_fd_close(&j->old_fd);
	ps_fd_close(&j->path_fd);
	free(j->bytes);
	free(j);
}

void job_answer(struct job *j, int64_t value, int err)
{
	block_again(j); /* before the target sees it again */
	respond(&j->r, value, err == REQUEST_ASKED ? EACCES : err, 0);
	job_done(j);
}

void jobs_drop(struct broker *b, const struct broker_subject *s, const struct listener *l)
{
	for (struct job *j = b->jobs, *next; j; j = next) {
		next = j->next;
		if ((!s || j->r.s == s) && (!l || j->r.l == l))
			job_done(j);
	}
}

/* Is it what the hand does now, not what waits for that? */
static bool is_at_hand(const struct job *j)
{
	for (const struct job *o = j->r.b->jobs; o; o = o->next)
		if (o->waits == JOB_WAITS_HAND && o->task < j->task)
			return false;
	return true;
}

static void on_time(void *ctx)
{
	struct job *j = ctx;
	const uint64_t now = (uint64_t)ps_now_ms();

	if (!request_valid(&j->r)) {
		job_done(j);
		return;
	}
	switch (j->waits) {
	case JOB_WAITS_TIME:
		j->on_ready(j);
		return;
	case JOB_WAITS_HAND:
		if (!is_at_hand(j)) {
			loop_timer_set(j->r.b->loop, &j->timer, HAND_MS);
			return;
		}
		/* It is the target's epoll or file system that keeps the hand. */
		request_kill(&j->r);
		job_answer(j, 0, EIO);
		return;
	case JOB_WAITS_SOURCE:
		if (j->deadline_ms && j->deadline_ms <= now) {
			j->on_late(j);
			return;
		}
		break;
	case JOB_WAITS_ANSWER:
		loop_timer_set(j->r.b->loop, &j->timer, ANSWER_MS);
		return;
	case JOB_WAITS_READER:
		break;
	}
	loop_timer_set(j->r.b->loop, &j->timer, j->deadline_ms && j->deadline_ms - now < TICK_MS ? j->deadline_ms - now : TICK_MS);
}

void job_begin(struct job *j, unsigned waits, uint64_t ms)
{
	j->waits = waits;
	j->timer.on = on_time;
	j->timer.ctx = j;
	loop_timer_set(j->r.b->loop, &j->timer, ms);
}

static void on_source(void *ctx, uint32_t events)
{
	struct job *j = ctx;

	(void)events;
	unwatch(j);
	loop_timer_clear(j->r.b->loop, &j->timer);
	j->on_ready(j);
}

void job_wait(struct job *j, uint32_t events)
{
	const uint64_t now = (uint64_t)ps_now_ms(), left = j->deadline_ms > now ? j->deadline_ms - now : 1;

	j->source.on = on_source;
	j->source.ctx = j;
	j->watched = loop_add(j->r.b->loop, &j->source, events | EPOLLONESHOT, NULL) == 0;
	if (!j->watched)
		job_answer(j, 0, ENOMEM);
	else
		job_begin(j, JOB_WAITS_SOURCE, j->deadline_ms && left < TICK_MS ? left : TICK_MS);
}

void job_retry(struct job *j)
{
	job_begin(j, JOB_WAITS_TIME, RETRY_MS);
}

void job_order(struct job *j, struct order *o, const void *bytes, size_t n)
{
	o->kind = ORDER_WRITE;
	o->listener = j->r.l->n;
	o->job = j->n;
	o->id = j->r.id;
	o->tid = j->r.tid;
	if (broker_tell(j->r.b, /* hand= */ false, o, sizeof(*o), bytes, n, NULL, 0))
		job_begin(j, JOB_WAITS_READER, TICK_MS);
	else
		job_answer(j, 0, EAGAIN);
}

void job_task(struct job *j, struct task *t, const int *fds, size_t n_fds)
{
	t->job = j->n;
	t->tid = j->r.tid;
	j->task = j->r.b->next_task++;
	if (broker_tell(j->r.b, /* hand= */ true, t, offsetof(struct task, text), t->text, t->len, fds, n_fds))
		job_begin(j, JOB_WAITS_HAND, HAND_MS);
	else
		job_answer(j, 0, EAGAIN);
}
