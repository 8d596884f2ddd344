/* SPDX-License-Identifier: Apache-2.0
 * oversee.c - what a supervisor does for the permissions of its runners.
 */
#include "shim/pod/oversee.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/launch/launch.h"
#include "shim/pod/ask.h"
#include "shim/pod/telemetry.h"
#include "shim/pod/broker.h"
#include "shim/pod/relay.h"
#include "shim/pod/resolver.h"
#include "shim/plan/compile.h"
#include "shim/policy/restrict.h"

/* A rule of the guard that asks for decisions, of one call. */
struct asking { int nr; const struct policy_seccomp_rule *rule; };
enum { ASKING_MAX = 128 };
struct oversight {
	struct loop *loop;
	const struct policy *policy;
	const struct permissions *permissions;
	struct broker *broker;
	struct net_names *names;     /* NULL: no names are asked for */
	struct resolver *resolver;
	struct asker *asker;         /* NULL: nobody is asked */
	struct overseen *overseen;
	int trees[2];                /* of ask_fds */
	bool faulted;                /* the broker that is asked was at fault: nobody runs on */
	struct relay_budget flows;
	struct asking asking[ASKING_MAX]; /* where the guard hands over every call */
	size_t n_asking;
};
/* Where listeners come from, until its other end is closed. */
struct handover {
	struct handover *next;
	struct overseen *s;
	struct loop_source source;
};
struct overseen {
	struct oversight *o;
	struct overseen *of;             /* of one that has less: who has more */
	struct overseen *next, *tighter; /* processes of it that have less, which share its audit and are in no other list */
	struct ps_arena arena;           /* of one that has less: its set */
	bool has_less;
	uint64_t ended_ms;               /* of one that has less; 0: it runs */
	const struct permissions *permissions;
	struct broker_subject *subject;
	struct relay *relay;         /* NULL: no datagrams leave its network namespace */
	struct telemetry *telemetry;
	struct handover *handovers;
	int pidfd;
	pid_t pid;
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
static void on_query(void *ctx, const char *name, bool allowed, const struct perm_entry *asked)
{
	struct overseen *s = ctx;
	ps_auto_buf struct ps_buf hint = { .data = NULL };

	if (!s || (allowed && !asked))
		return;
	ps_buf_printf(&hint, "--allow-net=%s", name);
	telemetry_access(s->telemetry, &(struct broker_event){ .permission = POLICY_NET, .action = "resolve", .target = name,
						      .result = allowed ? POLICY_ALLOW : POLICY_DENY, .asked = asked, .rule = asked,
						      .err = allowed ? 0 : ENOENT, .mech = "dns", .sound = true, .hint = allowed ? NULL : hint.data });
}

static pid_t pid_of(void *ctx)
{
	const struct overseen *s = ctx;

	return s->pid;
}

/* Who was to be asked cannot be trusted, or is gone: nobody runs on who might have been refused. */
static void on_fault(void *ctx, const char *why)
{
	struct oversight *o = ctx;
	ps_auto_buf struct ps_buf hint = { .data = NULL };

	o->faulted = true;
	ps_buf_printf(&hint, "the permission broker ended the run: %s", why);
	for (struct overseen *s = o->overseen; s; s = s->next) {
		telemetry_access(s->telemetry, &(struct broker_event){ .tid = s->pid, .permission = POLICY_NET, .action = "ask", .target = hint.data ? hint.data : why,
							      .result = POLICY_DENY, .mech = "broker", .sound = true });
		if (s->pidfd >= 0)
			(void)ps_pidfd_kill(s->pidfd, SIGKILL);
	}
}

static int open_asker(struct oversight *o, int fd, struct ps_err *e)
{
	const struct ask_config c = { .loop = o->loop, .fd = fd, .is_broker = o->permissions->settings.broker, .on_fault = on_fault, .ctx = o };

	return fd < 0 ? 0 : asker_new(&c, &o->asker, e);
}

static int open_resolver(struct oversight *o, struct ps_err *e)
{
	o->names = net_names_new(e);
	const struct resolver_config c = {
		.loop = o->loop, .permissions = o->permissions, .names = o->names, .servers = o->permissions->settings.dns,
		.hosts = o->permissions->settings.hosts, .on_query = on_query, .asker = o->asker, .pid_of = pid_of,
	};

	return o->names ? resolver_new(&c, &o->resolver, e) : -1;
}

static bool tells_calls(const struct policy *p)
{
	return p->guard.set && p->guard.default_action == SECCOMP_RET_USER_NOTIF;
}

static int find_asking(struct oversight *o, struct ps_err *e)
{
	const struct policy_seccomp *s = &o->policy->guard;

	for (size_t i = 0; tells_calls(o->policy) && i < s->n_rules; i++)
		for (size_t k = 0; s->rules[i].action == SECCOMP_RET_USER_NOTIF && k < s->rules[i].names.n; k++) {
			if (o->n_asking == ASKING_MAX)
				return ps_fail(e, PS_E_BUG, "a guard with more than %d questions", ASKING_MAX);
			o->asking[o->n_asking++] = (struct asking){ plan_seccomp_number(s->rules[i].names.v[k]), &s->rules[i] };
		}
	return 0;
}

static bool asks(void *ctx, int nr, const uint64_t args[6])
{
	const struct overseen *s = ctx;

	for (size_t i = 0; i < s->o->n_asking; i++)
		if (s->o->asking[i].nr == nr && guard_rule_asks(s->o->asking[i].rule, args))
			return true;
	return false;
}

static void on_call(void *ctx, int nr)
{
	const struct overseen *s = ctx;
	char name[PLAN_SECCOMP_NAME_MAX];

	if (plan_seccomp_name(nr, name))
		telemetry_call(s->telemetry, name);
}

/* A quarter of the descriptors that we may have. */
static unsigned most_flows(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < 4 ? 1 : l.rlim_cur / 4 < UINT_MAX ? (unsigned)(l.rlim_cur / 4) : UINT_MAX;
}

/* What all have in common. */
static struct broker_facts common_facts(const struct oversight *o)
{
	const struct policy *p = o->policy;
	const bool own_net = policy_ns_get(p, CLONE_NEWNET)->mode == POLICY_NS_NEW;
	const bool own_user = policy_ns_get(p, CLONE_NEWUSER)->mode != POLICY_NS_HOST;

	return (struct broker_facts){
		.permissions = o->permissions, .net = p->net_swaps ? BROKER_NET_EMPTY : BROKER_NET_ROUTED, .own_userns = own_user,
		.owns_netns = own_net && own_user, .caps = p->process.caps.bounding, .hostname = p->hostname, .files = true,
		.hosts_paths = !p->rootfs.path,
		.tells_epoll = p->net_swaps, .names = o->names, .uplink = p->uplink, .asker = o->asker,
		.host_trees = { o->trees[0], o->trees[1] }, .asks = asks, .on_call = tells_calls(p) ? on_call : NULL,
	};
}

int oversight_new(struct loop *loop, const struct policy *p, const struct permissions *g, struct ask_fds asked, struct oversight **ret,
		  struct ps_err *e)
{
	ps_auto_fd int fd = asked.who, read_tree = asked.trees[0], write_tree = asked.trees[1];
	struct oversight *o = calloc(1, sizeof(*o));

	if (!o)
		return ps_fail_os(e, "memory for oversight");
	*o = (struct oversight){ .loop = loop, .policy = p, .permissions = g, .flows.max = most_flows(), .trees = { ps_take_fd(&read_tree), ps_take_fd(&write_tree) } };
	if (find_asking(o, e) < 0 || open_asker(o, ps_take_fd(&fd), e) < 0 || (p->resolver && open_resolver(o, e) < 0)) {
		oversight_free(o);
		return -1;
	}
	const struct broker_facts common = common_facts(o);

	if (broker_new(loop, &common, &o->broker, e) < 0) {
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
	asker_free(o->asker);
	ps_fd_close(&o->trees[0]);
	ps_fd_close(&o->trees[1]);
	free(o);
}

static void on_event(void *ctx, const struct broker_event *ev)
{
	struct overseen *s = ctx;

	telemetry_access(s->telemetry, ev);
}

/* Its calls would fail with ENOSYS, which programs take for an old kernel: it ends. */
static void on_end(void *ctx, bool lost)
{
	struct overseen *s = ctx;

	s->subject = NULL; /* one that has less is freed with a later one, or with all */
	if (s->has_less) {
		s->ended_ms = (uint64_t)ps_now_ms();
		if (s->o->resolver)
			resolver_widen(s->o->resolver, s);
	}
	if (lost && s->pidfd >= 0)
		(void)ps_pidfd_kill(s->pidfd, SIGKILL);
}

static void handover_close(struct handover *h)
{
	loop_remove(h->s->o->loop, &h->source);
	ps_fd_close(&h->source.fd);
	free(h);
}

/* The resolver is the container's; what has less is known by its ports. */
static int on_lookup(void *ctx, uint16_t port)
{
	struct overseen *s = ctx;

	return s->o->resolver ? resolver_narrow(s->o->resolver, s->of, s, s->permissions, port) : EACCES;
}

static bool is_stand(void *ctx, const struct net_target *t)
{
	const struct overseen *s = ctx;
	const struct policy *p = s->o->policy;
	struct net_addr a;

	for (size_t i = 0; i < p->n_stands; i++)
		if (p->stands[i].port == t->port && net_addr_parse(p->stands[i].address, &a) && memcmp(&a, &t->addr, sizeof(a)) == 0)
			return true;
	return false;
}

static struct broker_facts facts_of(struct overseen *s)
{
	struct broker_facts f = common_facts(s->o);

	f.permissions = s->permissions;
	f.ctx = s;
	f.on_event = on_event;
	f.on_end = on_end;
	f.on_lookup = s->has_less ? on_lookup : NULL;
	f.is_stand = s->o->policy->n_stands ? is_stand : NULL;
	return f;
}

static void handover_free(struct handover *h)
{
	struct handover **at = &h->s->handovers;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	handover_close(h);
}

static int take(struct overseen *s, const struct launch_listener *l, struct ps_err *e)
{
	ps_auto_fd int fd = l->fd;

	switch (l->kind) {
	case LAUNCH_GUARD:
		return s->subject ? broker_add_listener(s->subject, ps_take_fd(&fd), e) : -1;
	case LAUNCH_RESOLVER:
		return s->o->resolver ? resolver_serve(s->o->resolver, ps_take_fd(&fd), s, e) : -1;
	case LAUNCH_UPLINK:
		return s->relay ? relay_take_uplink(s->relay, ps_take_fd(&fd), e) : -1;
	case LAUNCH_STAND:
		return s->relay ? relay_take_stand(s->relay, ps_take_fd(&fd), e) : -1;
	}
	return -1;
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
	if (take(s, &l, &e) < 0) {
		broker_remove(s->subject);
		on_end(s, /* lost= */ true);
	} else if (l.kind == LAUNCH_RESOLVER) {
		resolver_set_permissions(s->o->resolver, s, s->permissions);
	}
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

/* A runner's own: flows of others do not take the place of its. */
static int open_relay(struct overseen *s, struct ps_err *e)
{
	const struct relay_config c = { .loop = s->o->loop, .budget = &s->o->flows, .permissions = s->o->permissions, .names = s->o->names,
					.ctx = s, .on_event = on_event };

	return s->o->policy->uplink || s->o->policy->n_stands ? relay_new(&c, &s->relay, e) : 0;
}

int oversight_add(struct oversight *o, const struct overseen_facts *f, struct overseen **ret, struct ps_err *e)
{
	ps_auto_fd int handover = f->handover, audit_fd = f->audit_fd;
	struct overseen *s = calloc(1, sizeof(*s));

	if (!s)
		return ps_fail_os(e, "memory for oversight");
	*s = (struct overseen){ .o = o, .next = o->overseen, .pidfd = f->pidfd, .pid = f->pid, .permissions = o->permissions };
	o->overseen = s;
	struct broker_facts facts = facts_of(s);
	struct audit *audit;

	if (o->faulted) {
		oversight_remove(s);
		return ps_fail(e, PS_E_PEER, "the permission broker '%s' has ended, or was at fault", o->permissions->settings.broker);
	}
	if (audit_new(f->pod, f->id, f->tape, ps_take_fd(&audit_fd), &audit, e) < 0 ||
	    telemetry_new(o->loop, o->permissions->settings.audit.batch_ms.v, audit, &s->telemetry, e) < 0 ||
	    broker_add(o->broker, &facts, -1, &s->subject, e) < 0 || open_relay(s, e) < 0 || oversight_add_handover(s, ps_take_fd(&handover), e) < 0) {
		oversight_remove(s);
		return -1;
	}
	*ret = s;
	return 0;
}

int oversight_tighten(struct overseen *s, const struct permissions *p, struct ps_err *e)
{
	if (!s->subject)
		return ps_fail(e, PS_E_STATE, "nobody watches over it any more");
	s->permissions = p;
	broker_set_permissions(s->subject, p);
	if (s->relay)
		relay_set_permissions(s->relay, p);
	if (s->o->resolver)
		resolver_set_permissions(s->o->resolver, s, p);
	return 0;
}

static void overseen_free(struct overseen *s)
{
	if (s->o->resolver)
		resolver_forget(s->o->resolver, s);
	broker_remove(s->subject);
	relay_free(s->relay);
	for (struct handover *h = s->handovers, *next; h; h = next) {
		next = h->next;
		handover_close(h);
	}
	if (!s->has_less)
		telemetry_free(s->telemetry);
	ps_arena_done(&s->arena);
	free(s);
}

/* all: not only those that have ended. */
static void free_tighter(struct overseen *s, bool all)
{
	for (struct overseen **at = &s->tighter; *at;) {
		struct overseen *t = *at;

		/* What it has asked the resolver may still be on its way. */
		if (!all && (t->subject || t->handovers || (uint64_t)ps_now_ms() < t->ended_ms + RESOLVER_ON_ITS_WAY_MS)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		overseen_free(t);
	}
}

int oversight_add_tighter(struct overseen *s, int handover, const struct spec_strs *flags, struct ps_err *e)
{
	ps_auto_fd int fd = handover;
	struct overseen *t = calloc(1, sizeof(*t));
	const char *cwd = s->o->policy->has_process ? s->o->policy->process.cwd : "/";
	const struct perm_layer *l;

	free_tighter(s, /* all= */ false);
	if (!t)
		return ps_fail_os(e, "memory for oversight");
	*t = (struct overseen){ .o = s->o, .of = s, .has_less = true, .telemetry = s->telemetry, .pidfd = s->pidfd };
	t->next = s->tighter;
	s->tighter = t;
	if (perm_layer_of_flags(&t->arena, "command line", flags, &l, e) < 0 ||
	    permissions_tighten(&t->arena, s->permissions, l, cwd, &t->permissions, e) < 0)
		return -1;
	const struct broker_facts facts = facts_of(t);

	if (broker_add(s->o->broker, &facts, -1, &t->subject, e) < 0)
		return -1;
	if (oversight_add_handover(t, ps_take_fd(&fd), e) == 0)
		return 0;
	broker_remove(t->subject);
	t->subject = NULL;
	return -1;
}

struct telemetry_counts oversight_counts(const struct overseen *s)
{
	return s ? telemetry_counts(s->telemetry) : (struct telemetry_counts){ .denied = 0 };
}

void oversight_tell(struct overseen *s)
{
	if (s)
		telemetry_flush(s->telemetry);
}

void oversight_remove(struct overseen *s)
{
	struct overseen **at;

	if (!s)
		return;
	at = &s->o->overseen;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free_tighter(s, /* all= */ true);
	overseen_free(s);
}
