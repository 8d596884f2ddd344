/* SPDX-License-Identifier: Apache-2.0
 * ask_terminal.c - questions to the launcher, which shows them at its terminal (prompt.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/ask.h"

static bool say(struct asker *a, const struct ask_msg *m)
{
	return sock_send(a->source.fd, m, sizeof(*m), NULL, 0, NULL) == 0;
}

static const char *pose(struct asker *a, const struct question *q)
{
	ps_auto_mem struct ask_msg *m = calloc(1, sizeof(*m));

	if (!m)
		return "no memory";
	*m = (struct ask_msg){ .kind = ASK_QUESTION, .permission = (uint32_t)q->query.permission, .id = q->id };
	(void)snprintf(m->who, sizeof(m->who), "%s", q->who);
	(void)snprintf(m->value, sizeof(m->value), "%s", q->value);
	/* One that does not fit is not told in part. */
	if (strlen(q->flag) < sizeof(m->flag))
		(void)snprintf(m->flag, sizeof(m->flag), "%s", q->flag);
	return say(a, m) ? NULL : "it is gone";
}

/* It replies to that, too: then the next one is asked. */
static void withdraw(struct asker *a, const struct question *q)
{
	ps_auto_mem struct ask_msg *m = calloc(1, sizeof(*m));

	if (m) {
		*m = (struct ask_msg){ .kind = ASK_WITHDRAW, .id = q->id };
		(void)say(a, m);
	}
}

static void on_readable(struct asker *a)
{
	static struct ask_msg m;
	const ssize_t n = recv(a->source.fd, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(m) || m.kind != ASK_REPLY || m.answer > ASK_ALLOW_ALL) {
		asker_lost(a, NULL);
		return;
	}
	/* The reply to a withdrawal may cross an answer. */
	if (a->open && a->open->id == m.id)
		asker_answered(a, m.withdrawn ? ASK_DENY : (enum ask_answer)m.answer);
}

const struct ask_backend ask_terminal = { .pose = pose, .withdraw = withdraw, .on_readable = on_readable, .remembers = true };
