/* SPDX-License-Identifier: Apache-2.0
 * ask_answers.c - what was answered, as entries of exactly one value each.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/pod/ask.h"

void answers_done(struct answers *a)
{
	ps_arena_done(&a->mem);
	*a = (struct answers){ .n = 0 };
}

/* An address where the name does not stand for it: a private one (permissions.h). */
bool ask_is_by_address(const struct perm_query *q)
{
	return q->permission == POLICY_NET && q->net.has_addr &&
	       (!q->net.name || (!q->pinned && (net_addr_is_private(&q->net.addr) || net_addr_is_metadata(&q->net.addr))));
}

static bool set_port(struct ps_arena *mem, struct net_pattern *p, uint16_t port)
{
	struct net_ports *ports = ps_arena_new(mem, struct net_ports);

	if (!ports)
		return false;
	*ports = (struct net_ports){ port, port };
	p->ports = ports;
	p->n_ports = 1;
	return true;
}

/* No pattern: of a path that holds a '*' it is that file.  Of net, value is for people. */
static bool fill(struct ps_arena *mem, struct perm_entry *e, const struct question *asked)
{
	const struct perm_query *q = &asked->query;
	const bool net = q->permission == POLICY_NET;
	const char *name = q->net.unix_path ? q->net.unix_path : q->net.name;

	e->value = ps_arena_strdup(mem, net ? asked->value : q->value ? q->value : "*");
	if (!e->value || !net)
		return e->value;
	e->net = (struct net_pattern){ .what = q->net.what, .host = NET_HOST_NAME, .name = name ? ps_arena_strdup(mem, name) : NULL };
	if (name && !e->net.name)
		return false;
	if (q->net.unix_path) {
		e->net.host = NET_HOST_UNIX;
	} else if (ask_is_by_address(q)) {
		e->net.host = NET_HOST_ADDRESS;
		e->net.addr = q->net.addr;
		e->net.bits = 128;
	}
	if (!q->net.name && !q->net.has_addr && !q->net.unix_path)
		return false;
	/* A lookup is for whatever the name is looked up for. */
	if (q->net.name && !q->net.has_addr && !q->net.port)
		e->net.what = NET_TCP | NET_UDP | NET_ICMP;
	else if (!q->net.unix_path && q->net.what != NET_ICMP)
		return set_port(mem, &e->net, q->net.port);
	return true;
}

/* Room for one more: an array is left behind when it is full. */
static struct perm_entry *room(struct answers *a, struct perm_entry **v, size_t n)
{
	struct perm_entry *more;

	/* Full at every power of two. */
	if (n & (n - 1))
		return &(*v)[n];
	more = ps_arena_array(&a->mem, n ? 2 * n : 1, sizeof(*more));
	if (!more)
		return NULL;
	if (n)
		memcpy(more, *v, n * sizeof(*more));
	*v = more;
	return &more[n];
}

bool answers_add(struct answers *a, const struct question *asked, enum ask_answer answer)
{
	const struct perm_query *q = &asked->query;
	struct perm_rules *rules = &a->set.of[q->permission];
	struct perm_list *list = answer == ASK_DENY ? &rules->deny : &rules->allow;
	struct perm_entry **own = &a->own[q->permission][answer == ASK_DENY];
	struct perm_entry en = { .permission = q->permission, .action = answer == ASK_DENY ? POLICY_DENY : POLICY_ALLOW,
				 .from = ps_arena_strdup(&a->mem, asked->from ? asked->from : "asked") };
	struct perm_entry *at = en.from && (answer == ASK_ALLOW_ALL || fill(&a->mem, &en, asked)) ? room(a, own, list->n) : NULL;

	if (!at)
		return false;
	*at = en;
	*list = (struct perm_list){ *own, list->n + 1 };
	a->n++;
	return true;
}

static const struct perm_entry *same(const struct perm_list *l, const char *value)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].value || !strcmp(l->v[i].value, value))
			return &l->v[i];
	return NULL;
}

const struct perm_entry *answers_find(const struct answers *a, const struct perm_query *q, bool *ret_allowed)
{
	const struct perm_rules *rules = &a->set.of[q->permission];
	const struct perm_entry *found;

	if (!rules->allow.n && !rules->deny.n)
		return NULL;
	if (q->permission == POLICY_NET) {
		const struct perm_verdict v = permissions_decide(&a->set, q);

		*ret_allowed = v.action == POLICY_ALLOW;
		return v.rule;
	}
	found = same(&rules->deny, q->value ? q->value : "*");
	*ret_allowed = !found;
	return found ? found : same(&rules->allow, q->value ? q->value : "*");
}
