/* SPDX-License-Identifier: Apache-2.0
 * oversee.c - what a supervisor does for the permissions of its runners.
 */
#include "shim/pod/oversee.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/abi.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/launch/launch.h"
#include "shim/pod/audit.h"
#include "shim/pod/broker.h"
#include "shim/pod/resolver.h"

struct oversight {
	struct loop *loop;
	const struct policy *policy;
	const struct permissions *permissions;
	struct broker *broker;
	struct net_names *names;     /* NULL: no names are asked for */
	struct resolver *resolver;
};
/* Where listeners come from, until its other end is closed. */
struct handover {
	struct handover *next;
	struct overseen *s;
	struct loop_source source;
};
struct overseen {
	struct oversight *o;
	struct broker_subject *subject;
	struct audit *audit;
	struct handover *handovers;
	int pidfd;
};

static bool has_notify(const struct policy_seccomp *s)
{
	for (size_t i = 0; s->set && i < s->n_rules; i++)
		if (s->rules[i].action == SECCOMP_RET_USER_NOTIF)
			return true;
	return s->set && s->default_action == SECCOMP_RET_USER_NOTIF;
}

bool oversight_needed(const struct policy *p)
{
	return p->resolver || has_notify(&p->guard);
}

/* A question for a name that nothing allows; connections tell of the others. */
static void on_query(void *ctx, const char *name, bool allowed)
{
	struct overseen *s = ctx;
	ps_auto_buf struct ps_buf hint = { .data = NULL };

	if (allowed || !s)
		return;
	ps_buf_printf(&hint, "--allow-net=%s", name);
	audit_event(s->audit, &(struct broker_event){ .permission = POLICY_NET, .action = "resolve", .target = name, .result = POLICY_DENY,
						      .err = ENOENT, .mech = "dns", .sound = true, .hint = hint.data });
}

static int open_resolver(struct oversight *o, struct ps_err *e)
{
	o->names = net_names_new(e);
	const struct resolver_config c = {
		.loop = o->loop, .permissions = o->permissions, .names = o->names, .servers = o->permissions->settings.dns,
		.hosts = o->permissions->settings.hosts, .on_query = on_query,
	};

	return o->names ? resolver_new(&c, &o->resolver, e) : -1;
}

int oversight_new(struct loop *loop, const struct policy *p, const struct permissions *g, struct oversight **ret, struct ps_err *e)
{
	struct oversight *o = calloc(1, sizeof(*o));

	if (!o)
		return ps_fail_os(e, "memory for oversight");
	*o = (struct oversight){ .loop = loop, .policy = p, .permissions = g };
	if ((p->resolver && open_resolver(o, e) < 0) || broker_new(loop, &o->broker, e) < 0) {
		oversight_free(o);
		return -1;
	}
	*ret = o;
	return 0;
}

void oversight_free(struct oversight *o)
{
	if (!o)
		return;
	broker_free(o->broker);
	resolver_free(o->resolver);
	net_names_free(o->names);
	free(o);
}

static void on_event(void *ctx, const struct broker_event *ev)
{
	struct overseen *s = ctx;

	audit_event(s->audit, ev);
}

/* Its calls would fail with ENOSYS, which programs take for an old kernel: it ends. */
static void on_end(void *ctx, bool lost)
{
	struct overseen *s = ctx;

	s->subject = NULL;
	if (lost && s->pidfd >= 0)
		(void)ps_pidfd_kill(s->pidfd, SIGKILL);
}

static void handover_free(struct handover *h)
{
	struct handover **at = &h->s->handovers;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	loop_remove(h->s->o->loop, &h->source);
	ps_fd_close(&h->source.fd);
	free(h);
}

static void on_handover(void *ctx, uint32_t events)
{
	struct handover *h = ctx;
	struct overseen *s = h->s;
	struct launch_listener l;
	struct ps_err e = { 0 };

	(void)events;
	if (launch_take_listener(h->source.fd, 0, &l, &e) < 0) {
		if (e.sys != ETIMEDOUT)
			handover_free(h);
		return;
	}
	if (l.is_resolver ? !s->o->resolver || resolver_serve(s->o->resolver, l.fd, s, &e) < 0
			  : !s->subject || broker_add_listener(s->subject, l.fd, &e) < 0) {
		broker_remove(s->subject);
		on_end(s, /* lost= */ true);
	}
}

static struct broker_facts facts_of(const struct oversight *o, struct overseen *s)
{
	const struct policy *p = o->policy;
	const bool own_net = policy_ns_get(p, CLONE_NEWNET)->mode == POLICY_NS_NEW;
	const bool own_user = policy_ns_get(p, CLONE_NEWUSER)->mode != POLICY_NS_HOST;

	return (struct broker_facts){
		.permissions = o->permissions, .net = p->net_swaps ? BROKER_NET_EMPTY : BROKER_NET_ROUTED, .own_userns = own_user,
		.owns_netns = own_net && own_user, .caps = p->process.caps.bounding, .hostname = p->hostname, .files = true,
		.hosts_paths = !p->rootfs.path,
		.names = o->names, .ctx = s, .on_event = on_event, .on_end = on_end,
	};
}

int oversight_add_handover(struct overseen *s, int handover, struct ps_err *e)
{
	ps_auto_fd int fd = handover;
	struct handover *h = calloc(1, sizeof(*h));

	if (!h)
		return ps_fail_os(e, "memory for oversight");
	*h = (struct handover){ .s = s, .source = { .fd = fd, .on = on_handover, .ctx = h } };
	if (loop_add(s->o->loop, &h->source, EPOLLIN, e) < 0) {
		free(h);
		return -1;
	}
	(void)ps_take_fd(&fd);
	h->next = s->handovers;
	s->handovers = h;
	return 0;
}

int oversight_add(struct oversight *o, const struct overseen_facts *f, struct overseen **ret, struct ps_err *e)
{
	ps_auto_fd int handover = f->handover, audit_fd = f->audit_fd;
	struct overseen *s = calloc(1, sizeof(*s));

	if (!s)
		return ps_fail_os(e, "memory for oversight");
	*s = (struct overseen){ .o = o, .pidfd = f->pidfd };
	const struct broker_facts facts = facts_of(o, s);

	if (audit_new(o->loop, f->pod, f->id, f->tape, ps_take_fd(&audit_fd), o->permissions->settings.audit.batch_ms.v, &s->audit, e) < 0 ||
	    broker_add(o->broker, &facts, -1, &s->subject, e) < 0 || oversight_add_handover(s, ps_take_fd(&handover), e) < 0) {
		oversight_remove(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void oversight_remove(struct overseen *s)
{
	if (!s)
		return;
	if (s->o->resolver)
		resolver_forget(s->o->resolver, s);
	broker_remove(s->subject);
	audit_free(s->audit);
	while (s->handovers)
		handover_free(s->handovers);
	free(s);
}
