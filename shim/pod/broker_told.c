/* SPDX-License-Identifier: Apache-2.0
 * broker_told.c - calls that are only told of, where a guard hands over every one: who learns wants to know which there are.
 */
#include "shim/pod/broker_inside.h"
#include "shim/sandbox/confine.h"

/* The next ones of its number the reader lets go on.  What comes before the first execve is init's, not the payload's. */
bool call_is_told(const struct request *r, const struct seccomp_notif *n)
{
	struct broker_subject *s = r->s;
	const int nr = n->data.nr;

	if (n->data.arch != CONFINE_NATIVE_ARCH)
		return false;
	s->executes = s->executes || nr == SYS_execve || nr == PS_NR_EXECVEAT;
	if (s->executes && call_set_add(&s->told, nr))
		s->f.on_call(s->f.ctx, nr);
	if (r->call && s->f.asks(s->f.ctx, nr, r->args))
		return false;
	const struct order o = { .kind = ORDER_PASS, .listener = r->l->n, .id = (uint64_t)nr };

	if (!r->call && call_set_has(&s->told, nr))
		(void)broker_tell(s->b, /* hand= */ false, &o, sizeof(o), NULL, 0, NULL, 0);
	request_continue(r);
	return true;
}
