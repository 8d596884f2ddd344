/* SPDX-License-Identifier: Apache-2.0
 * ask.c - questions in a row: one is open at a time, equal ones are one, and who waits for each.
 */
#include "shim/pod/ask.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/scope.h"

/* ---- A question ---- */

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool take_text(char **to, struct ps_buf *b)
{
	*to = b->failed || !b->data ? NULL : strdup(b->data);
	return *to;
}

struct question *question_new(const struct perm_query *q, pid_t pid, const char *who)
{
	ps_auto_buf struct ps_buf value = { .data = NULL }, flag = { .data = NULL };
	struct question *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->query = *q;
	if (ask_is_by_address(q))
		n->query.net.name = NULL;
	n->pid = pid;
	(void)snprintf(n->who, sizeof(n->who), "%s", who);
	perm_query_target(&n->query, &value);
	perm_query_flag(&n->query, &flag);
	if (!copy_text(&n->name, n->query.net.name) ||
	    !copy_text(&n->path, q->permission == POLICY_NET ? n->query.net.unix_path : n->query.value) || !take_text(&n->value, &value) ||
	    !take_text(&n->flag, &flag)) {
		question_free(n);
		return NULL;
	}
	n->query.net.name = n->name;
	if (q->permission == POLICY_NET)
		n->query.net.unix_path = n->path;
	else
		n->query.value = n->path;
	return n;
}

void question_free(struct question *q)
{
	if (!q)
		return;
	free(q->value);
	free(q->flag);
	free(q->name);
	free(q->path);
	free(q->from);
	free(q);
}

static bool is_same(const struct question *x, const struct question *y)
{
	return !x->withdrawn && x->query.permission == y->query.permission && !strcmp(x->value, y->value);
}

bool asker_takes(const struct asker *a, const struct perm_query *q)
{
	ps_auto_buf struct ps_buf value = { .data = NULL };

	if (a->gone || a->n_waiting >= ASK_WAITING_MAX || (a->backend->remembers && a->n_asked >= ASK_QUESTIONS_MAX) || perm_query_risk(q))
		return false;
	perm_query_target(q, &value);
	return !value.failed && value.len <= ASK_VALUE_MAX;
}

/* ---- The row ---- */

static void pose_next(struct asker *a);

static void wake(struct asker *a, struct question *q, enum ask_answer answer)
{
	while (q->waiters) {
		struct ask_waiter *w = q->waiters;

		q->waiters = w->next;
		w->q = NULL;
		w->next = NULL;
		a->n_waiting--;
		w->on_answer(w, q, answer);
	}
}

static void deny_all(struct asker *a)
{
	while (a->open || a->first) {
		struct question *q = a->open ? a->open : a->first;

		if (a->open)
			a->open = NULL;
		else
			a->first = q->next;
		wake(a, q, ASK_DENY);
		question_free(q);
	}
}

void asker_lost(struct asker *a, const char *why)
{
	if (a->gone)
		return;
	a->gone = true;
	loop_remove(a->c.loop, &a->source);
	ps_fd_close(&a->source.fd);
	/* Who is to end ends before its calls go on. */
	if (why && a->c.on_fault)
		a->c.on_fault(a->c.ctx, why);
	deny_all(a);
}

/* What A has allowed meanwhile, and what an equal question was answered, need not be asked. */
static bool is_answered(const struct asker *a, const struct question *q, enum ask_answer *ret)
{
	bool allowed;

	if (!a->backend->remembers || !answers_find(&a->answers, &q->query, &allowed))
		return false;
	*ret = allowed ? ASK_ALLOW : ASK_DENY;
	return true;
}

static void pose_next(struct asker *a)
{
	while (!a->gone && !a->open && a->first) {
		struct question *q = a->first;
		enum ask_answer answer = ASK_DENY;

		a->first = q->next;
		q->next = NULL;
		if (is_answered(a, q, &answer)) {
			wake(a, q, answer);
			question_free(q);
			continue;
		}
		q->id = a->next_id++;
		a->n_asked++;
		a->open = q;
		const char *why = a->backend->pose(a, q);

		if (why)
			asker_lost(a, a->c.is_broker ? why : NULL);
	}
}

void asker_answered(struct asker *a, enum ask_answer answer)
{
	struct question *q = ps_take_ptr(&a->open);

	/* Nobody waits for it: it was about what is over. */
	if (!q->withdrawn) {
		if (a->backend->remembers && !answers_add(&a->answers, q, answer))
			answer = ASK_DENY;
		wake(a, q, answer);
	}
	question_free(q);
	pose_next(a);
}

bool asker_pose(struct asker *a, struct question **pq, struct ask_waiter *w)
{
	struct question *q = ps_take_ptr(pq), **at = &a->first;

	if (a->gone || a->n_waiting >= ASK_WAITING_MAX) {
		question_free(q);
		return false;
	}
	if (a->open && is_same(a->open, q)) {
		question_free(q);
		q = a->open;
	} else {
		while (*at && !is_same(*at, q))
			at = &(*at)->next;
		if (*at)
			question_free(q);
		else
			*at = q;
		q = *at;
	}
	w->q = q;
	w->next = q->waiters;
	q->waiters = w;
	a->n_waiting++;
	/* Not from in here: its answer may come at once, and who waits is not ready for that. */
	loop_timer_set(a->c.loop, &a->soon, 0);
	return true;
}

void asker_leave(struct asker *a, struct ask_waiter *w)
{
	struct question *q = w->q, **at = &a->first;
	struct ask_waiter **in;

	if (!q)
		return;
	in = &q->waiters;
	while (*in != w)
		in = &(*in)->next;
	*in = w->next;
	w->q = NULL;
	w->next = NULL;
	a->n_waiting--;
	if (q->waiters)
		return;
	if (q == a->open) {
		q->withdrawn = true;
		if (a->backend->withdraw)
			a->backend->withdraw(a, q);
		return;
	}
	while (*at && *at != q)
		at = &(*at)->next;
	/* Else it is being answered: who does that frees it. */
	if (*at) {
		*at = q->next;
		question_free(q);
	}
}

/* ---- Life ---- */

static void on_soon(void *ctx)
{
	pose_next(ctx);
}

static void on_source(void *ctx, uint32_t events)
{
	struct asker *a = ctx;

	(void)events;
	a->backend->on_readable(a);
}

int asker_new(const struct ask_config *c, struct asker **ret, struct ps_err *e)
{
	ps_auto_fd int fd = c->fd;
	struct asker *a = calloc(1, sizeof(*a));

	if (!a)
		return ps_fail_os(e, "memory for questions");
	*a = (struct asker){ .c = *c, .backend = c->is_broker ? &ask_broker : &ask_terminal, .next_id = 1, .gone = fd < 0,
			     .source = { .fd = fd, .on = on_source, .ctx = a }, .soon = { .on = on_soon, .ctx = a } };
	if (fd >= 0 && (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || loop_add(c->loop, &a->source, EPOLLIN, NULL) < 0)) {
		free(a);
		return ps_fail_os(e, "watch who is asked");
	}
	(void)ps_take_fd(&fd);
	*ret = a;
	return 0;
}

static void forget(struct question *q)
{
	while (q && q->waiters) {
		struct ask_waiter *w = q->waiters;

		q->waiters = w->next;
		w->q = NULL;
		w->next = NULL;
	}
	question_free(q);
}

void asker_free(struct asker *a)
{
	if (!a)
		return;
	forget(a->open);
	while (a->first) {
		struct question *q = a->first;

		a->first = q->next;
		forget(q);
	}
	loop_timer_clear(a->c.loop, &a->soon);
	loop_remove(a->c.loop, &a->source);
	ps_fd_close(&a->source.fd);
	answers_done(&a->answers);
	free(a);
}

const struct answers *asker_answers(const struct asker *a)
{
	return a->backend->remembers ? &a->answers : NULL;
}
