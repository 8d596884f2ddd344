/* SPDX-License-Identifier: Apache-2.0
 * broker_ask.c - calls that nothing allows wait until somebody was asked, and are then decided again from their copy (ask.h).
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/pod/broker_inside.h"

enum { LOOK_MS = 250, ANSWERS_PER_CALL = 8, PARKED_PER_SUBJECT = 64 };

struct perm_verdict request_verdict(const struct request *r, const struct perm_query *q, bool *ret_asked)
{
	const struct answers *from[] = { r->own, r->s->f.asker ? asker_answers(r->s->f.asker) : NULL };
	struct perm_verdict v = permissions_decide(r->s->f.permissions, q);

	*ret_asked = false;
	/* An answer is to what no entry speaks of. */
	for (size_t i = 0; i < PS_COUNT(from) && !*ret_asked && v.action == POLICY_DENY && !v.rule; i++) {
		bool allowed = false;
		const struct perm_entry *en = from[i] ? answers_find(from[i], q, &allowed) : NULL;

		if (!en)
			continue;
		v = (struct perm_verdict){ .action = allowed ? POLICY_ALLOW : POLICY_DENY, .rule = en };
		*ret_asked = true;
	}
	return v;
}

/* Only TCP leaves a namespace with nothing in it: there is nothing to allow. */
static bool leads_nowhere(const struct request *r, const struct perm_query *q)
{
	return q->permission == POLICY_NET && r->s->f.net == BROKER_NET_EMPTY && q->net.what & (NET_UDP | NET_ICMP);
}

static void name_of(pid_t tid, char out[ASK_WHO_MAX])
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[64], comm[32] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);

	comm[n > 0 ? n - 1 : 0] = '\0';
	perm_query_target(&(const struct perm_query){ .permission = POLICY_RUN, .value = comm }, &text);
	(void)snprintf(out, ASK_WHO_MAX, "%.100s[%d]", text.data && !text.failed ? text.data : "", (int)tid);
}

void subject_drop_draft(struct broker_subject *s)
{
	question_free(s->draft);
	s->draft = NULL;
}

bool request_asks(const struct request *r, const struct perm_query *q)
{
	const struct permissions *p = r->s->f.permissions;
	const struct perm_verdict v = permissions_decide(p, q);
	char who[ASK_WHO_MAX];
	uint64_t pid = (uint64_t)r->tid;
	bool asked;

	if (!r->s->f.asker || !p->of[q->permission].asks || v.action != POLICY_DENY || v.rule || leads_nowhere(r, q) ||
	    (r->own && r->own->n >= ANSWERS_PER_CALL))
		return false;
	/* It was, and that is the answer. */
	(void)request_verdict(r, q, &asked);
	if (asked || !asker_takes(r->s->f.asker, q))
		return false;
	subject_drop_draft(r->s);
	(void)request_status(r, "Tgid", 10, &pid);
	name_of(r->tid, who);
	r->s->draft = question_new(q, (pid_t)pid, who);
	return r->s->draft;
}

/* ---- A whole call ---- */

static void handle_again(struct job *j)
{
	/* What it held is handed on: the handler may make a job of its own of the call. */
	ps_auto_mem char *bytes = ps_take_ptr((char **)&j->bytes);
	struct answers own = j->answers;
	struct request r = j->r;

	r.parts = r.all = bytes;
	r.end = bytes + j->n_bytes;
	r.n_parts = r.n_all;
	r.own = &own;
	j->answers = (struct answers){ .n = 0 };
	job_done(j);
	r.call->handle(&r);
	subject_drop_draft(r.s);
	answers_done(&own);
}

static void on_answer(struct ask_waiter *w, const struct question *q, enum ask_answer answer)
{
	struct job *j = (struct job *)(void *)((char *)w - offsetof(struct job, waiter));

	loop_timer_clear(j->r.b->loop, &j->timer);
	job_unpark(j);
	if (!request_valid(&j->r))
		job_done(j);
	else if (!asker_answers(j->r.s->f.asker) && !answers_add(&j->answers, q, answer))
		job_answer(j, 0, EACCES);
	else
		j->on_ready(j);
}

static void wait_for_answer(struct job *j)
{
	struct broker_subject *s = j->r.s;

	j->waiter.on_answer = on_answer;
	if (!s->draft || s->n_parked >= PARKED_PER_SUBJECT || !asker_pose(s->f.asker, &s->draft, &j->waiter)) {
		job_answer(j, 0, EACCES);
		return;
	}
	j->parked = true;
	s->n_parked++;
	job_begin(j, JOB_WAITS_ANSWER, LOOK_MS);
}

void request_park(const struct request *r)
{
	const size_t n = r->all ? (size_t)(r->end - r->all) : 0;
	struct job *j = job_new(r);

	if (!j)
		return;
	if (r->own) {
		j->answers = *r->own;
		*r->own = (struct answers){ .n = 0 };
	}
	j->n_bytes = n;
	j->bytes = malloc(n + 1);
	j->on_ready = handle_again;
	if (!j->bytes) {
		job_answer(j, 0, ENOMEM);
		return;
	}
	if (n)
		memcpy(j->bytes, r->all, n);
	wait_for_answer(j);
}

void job_park(struct job *j, void (*on_ready)(struct job *j))
{
	j->on_ready = on_ready;
	j->r.own = &j->answers;
	wait_for_answer(j);
}

void job_unpark(struct job *j)
{
	if (!j->parked)
		return;
	j->parked = false;
	j->r.s->n_parked--;
	asker_leave(j->r.s->f.asker, &j->waiter);
}
