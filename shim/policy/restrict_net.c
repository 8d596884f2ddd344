/* SPDX-License-Identifier: Apache-2.0
 * restrict_net.c - net: which namespace, what the guard refuses, what the supervisor decides.
 *
 * A filter sees numbers, no addresses: what carries one goes to the supervisor, which looks at a copy and acts itself.
 * What it could not see (fast open, multipath, raw sockets, rings) is refused.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

#define NO_FAMILY GUARD_ERRNO(EAFNOSUPPORT)
#define NO_PROTOCOL GUARD_ERRNO(EPROTONOSUPPORT)
#define DENIED GUARD_ERRNO(EPERM)
#define NOT_SO GUARD_ERRNO(EOPNOTSUPP)
#define ASK SECCOMP_RET_USER_NOTIF
#define NO_ARGS { { .op = 0 } }
enum { TYPE_MASK = 0xf, FAST_OPEN = 0x20000000 /* MSG_FASTOPEN */, SOCK_PACKET_TYPE = 10 };

static const char guard_from[] = "default#/permissions/net";
static const char resolv_conf[] = "/etc/resolv.conf";

/* ---- State ---- */

/* What hooks, or devices of the host, bring into a namespace that is made for the container is not known here. */
static bool is_empty_namespace(const struct policy *p)
{
	return policy_ns_get(p, CLONE_NEWNET)->mode == POLICY_NS_NEW && !p->n_net_devices && !p->hooks.prestart.n && !p->hooks.create_runtime.n &&
	       !p->hooks.create_container.n;
}

static bool names_host(const struct perm_list *l, enum net_host host, unsigned what)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && l->v[i].net.host == host && (!what || l->v[i].net.what & what))
			return true;
	return false;
}

static bool has_host(const struct perm_rules *rules, enum net_host host, unsigned what)
{
	return names_host(&rules->allow, host, what) || names_host(&rules->warn, host, what);
}

static bool allows_icmp(const struct perm_rules *rules)
{
	for (enum net_host host = NET_HOST_ANY; host <= NET_HOST_METADATA; host++)
		if (has_host(rules, host, NET_ICMP))
			return true;
	return false;
}

/* Is anything of the internet allowed? */
static bool allows_any(const struct perm_rules *rules)
{
	for (size_t i = 0; i < rules->allow.n; i++)
		if (rules->allow.v[i].net.host != NET_HOST_UNIX)
			return true;
	return rules->warn.n > 0;
}

/* Denials in an empty namespace are nobody's decision; told of they are only by who is asked. */
static bool tells(const struct restricting *r)
{
	return r->h->notify && (r->h->audit_files || (r->g->settings.audit.denied | r->g->settings.audit.allowed) & 1U << POLICY_NET);
}

/* -A is no word about a bundle's network: what it has it has. */
static bool allows_everything(const struct permissions *g)
{
	for (size_t i = 0; i < POLICY_N_PERMISSIONS; i++)
		if (!g->of[i].all)
			return false;
	return true;
}

/* Everything is allowed where nothing is to be had: the supervisor's network takes its place. */
static bool opens_everything(const struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];

	return rules->all && !rules->narrows && r->h->notify && (!r->in->rootfs.path || !allows_everything(r->g));
}

struct net_state net_state_of(const struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];
	bool listed = grip_of(r, POLICY_NET) == GRIP_LISTED, none = denies_everything(rules);
	bool empty = is_empty_namespace(r->in), paths = !none && has_host(rules, NET_HOST_UNIX, 0);
	bool opens = !none && (listed ? (allows_any(rules) || rules->asks) && !rules->narrows : opens_everything(r));
	struct net_state s = { .hold = NET_HOLD_BROKER, .empty = empty, .unix_paths = paths || !listed, .icmp = !none && (!listed || allows_icmp(rules)) };

	s.swaps = empty && opens;
	if (!listed && !s.swaps) {
		/* What is denied is taken from what there is. */
		bool concerns = empty ? names_host(&rules->deny, NET_HOST_UNIX, 0) : rules->deny.n > 0;

		s.hold = concerns || rules->warn.n ? NET_HOLD_BROKER : NET_HOLD_NONE;
	} else if (listed && empty && !opens && !paths) {
		s.hold = tells(r) ? NET_HOLD_BROKER : NET_HOLD_EMPTY;
	} else if (listed && !empty && !paths && !r->h->notify && (none || !(allows_any(rules) || rules->asks))) {
		s.hold = NET_HOLD_CLOSED;
	}
	return s;
}

/* ---- The guard ---- */

/* IPv4 and IPv6: streams and datagrams of TCP and UDP (and echo requests), nothing multipath, raw or older. */
#define FAMILY(f)                                                                                                      \
	{ "socket", DENIED, { { 0, GUARD_EQ, f, 0 }, { 1, GUARD_MASK, SOCK_RAW, TYPE_MASK } } },                         \
	{ "socket", DENIED, { { 0, GUARD_EQ, f, 0 }, { 1, GUARD_MASK, SOCK_PACKET_TYPE, TYPE_MASK } } },                 \
	{ "socket", NO_PROTOCOL, { { 0, GUARD_EQ, f, 0 }, { 1, GUARD_MASK, SOCK_SEQPACKET, TYPE_MASK } } },              \
	{ "socket", NO_PROTOCOL, { { 0, GUARD_EQ, f, 0 }, { 1, GUARD_MASK, SOCK_DCCP, TYPE_MASK } } },                   \
	{ "socket", NO_PROTOCOL, { { 0, GUARD_EQ, f, 0 }, { 1, GUARD_MASK, SOCK_STREAM, TYPE_MASK }, { 2, GUARD_GT, IPPROTO_UDP, 0 } } }

static const struct guard_rule sockets[] = {
	/* The kernel takes the family as an int: what is above is compared, too, and refused. */
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, AF_UNSPEC, 0 } } }, { "socket", NO_FAMILY, { { 0, GUARD_EQ, 3, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 4, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_EQ, 5, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 6, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_EQ, 7, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 8, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_EQ, 9, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 11, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_EQ, 12, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 13, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_EQ, 14, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, 15, 0 } } },	    { "socket", NO_FAMILY, { { 0, GUARD_GT, AF_NETLINK, 0 } } },
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, AF_NETLINK, 0 }, { 2, GUARD_NE, NETLINK_ROUTE, 0 } } },
	{ "socketpair", NO_FAMILY, { { 0, GUARD_NE, AF_UNIX, 0 } } },
	FAMILY(AF_INET),
	FAMILY(AF_INET6),
	/* Connections that are made by sending, which no connect(2) shows. */
	{ "setsockopt", NOT_SO, { { 1, GUARD_EQ, IPPROTO_TCP, 0 }, { 2, GUARD_EQ, 23 /* TCP_FASTOPEN */, 0 } } },
	{ "setsockopt", NOT_SO, { { 1, GUARD_EQ, IPPROTO_TCP, 0 }, { 2, GUARD_EQ, 30 /* TCP_FASTOPEN_CONNECT */, 0 } } },
	{ "sendto", NOT_SO, { { 3, GUARD_MASK, FAST_OPEN, FAST_OPEN } } },
	{ "sendmsg", NOT_SO, { { 2, GUARD_MASK, FAST_OPEN, FAST_OPEN } } },
	{ "sendmmsg", NOT_SO, { { 3, GUARD_MASK, FAST_OPEN, FAST_OPEN } } },
	/* Other ways to the same address: by interface, by a route of the sender's. */
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, SOL_SOCKET, 0 }, { 2, GUARD_EQ, 25 /* SO_BINDTODEVICE */, 0 } } },
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, SOL_SOCKET, 0 }, { 2, GUARD_EQ, 62 /* SO_BINDTOIFINDEX */, 0 } } },
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, IPPROTO_IP, 0 }, { 2, GUARD_EQ, 4 /* IP_OPTIONS */, 0 } } },
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, IPPROTO_IPV6, 0 }, { 2, GUARD_EQ, 57 /* IPV6_RTHDR */, 0 } } },
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, IPPROTO_IPV6, 0 }, { 2, GUARD_EQ, 6 /* IPV6_2292PKTOPTIONS */, 0 } } },
	{ "setsockopt", DENIED, { { 1, GUARD_EQ, IPPROTO_IPV6, 0 }, { 2, GUARD_EQ, 32 /* IPV6_FLOWLABEL_MGR */, 0 } } },
};

static const struct guard_rule no_echo[] = {
	{ "socket", GUARD_ERRNO(EACCES), { { 0, GUARD_EQ, AF_INET, 0 }, { 2, GUARD_EQ, IPPROTO_ICMP, 0 } } },
	{ "socket", NO_PROTOCOL, { { 1, GUARD_MASK, SOCK_DGRAM, TYPE_MASK }, { 2, GUARD_GT, IPPROTO_UDP, 0 } } },
};
static const struct guard_rule echo[] = {
	{ "socket", NO_PROTOCOL, { { 1, GUARD_MASK, SOCK_DGRAM, TYPE_MASK }, { 2, GUARD_GT, IPPROTO_ICMPV6, 0 } } },
};
/* Without a path that is allowed: pairs of streams are all that is left; a datagram finds others by their names. */
static const struct guard_rule no_unix[] = {
	{ "socket", NO_FAMILY, { { 0, GUARD_EQ, AF_UNIX, 0 } } },
	{ "socketpair", NO_PROTOCOL, { { 1, GUARD_MASK, SOCK_DGRAM, TYPE_MASK } } },
	{ "socketpair", NO_PROTOCOL, { { 1, GUARD_MASK, SOCK_RAW, TYPE_MASK } } },
};
static const struct guard_rule no_netlink[] = { { "socket", NO_FAMILY, { { 0, GUARD_EQ, AF_NETLINK, 0 } } } };
static const struct guard_rule no_internet[] = {
	{ "socket", GUARD_ERRNO(EACCES), { { 0, GUARD_EQ, AF_INET, 0 } } },
	{ "socket", GUARD_ERRNO(EACCES), { { 0, GUARD_EQ, AF_INET6, 0 } } },
};
/* The supervisor's own sockets are in the payload's hands: nothing that shows or changes the host's network. */
static const struct guard_rule swapped[] = {
	{ "ioctl", DENIED, { { 1, GUARD_MASK, 0x8900 /* SIOC* */, 0xffffff00 } } },
	{ "ioctl", DENIED, { { 1, GUARD_MASK, 0x8b00 /* SIOCIW* */, 0xffffff00 } } },
};
/* A socket that is put in the place of another is to be found by the epolls that know that one: is there any? */
static const struct guard_rule epolls[] = { { "epoll_create epoll_create1", ASK, NO_ARGS } };
static const struct guard_rule brokered[] = {
	{ "connect bind listen", ASK, NO_ARGS },
	{ "sendto", ASK, { { 4, GUARD_NE, 0, 0 }, { 3, GUARD_MASK, 0, FAST_OPEN } } },
	{ "sendmsg", ASK, { { 2, GUARD_MASK, 0, FAST_OPEN } } },
	{ "sendmmsg", ASK, { { 3, GUARD_MASK, 0, FAST_OPEN } } },
};

static bool has_sys(const struct restricting *r, const char *name)
{
	const struct perm_query q = { .permission = POLICY_SYS, .value = name };
	enum policy_action a = permissions_decide(r->g, &q).action;

	return a == POLICY_ALLOW || a == POLICY_WARN;
}

#define ADD(r, rules) guard_add((r), guard_from, (rules), PS_COUNT(rules))

static int guard_net(struct restricting *r, const struct net_state *s)
{
	if (ADD(r, sockets) < 0 || (s->icmp ? ADD(r, echo) : ADD(r, no_echo)) < 0 || (!s->unix_paths && ADD(r, no_unix) < 0))
		return -1;
	if (!s->empty && !has_sys(r, "networkInterfaces") && ADD(r, no_netlink) < 0)
		return -1;
	if ((s->hold == NET_HOLD_CLOSED && ADD(r, no_internet) < 0) || (s->swaps && ADD(r, swapped) < 0))
		return -1;
	if (s->hold != NET_HOLD_BROKER)
		return 0;
	return s->swaps && ADD(r, epolls) < 0 ? -1 : ADD(r, brokered);
}

/* ---- The part ---- */

/*
 * With CAP_NET_ADMIN a network that is limited could be changed: routes, filters, interfaces.  With any of these, and no user
 * namespace of its own, a socket of the host would be a hold on the host's network.
 */
static int drop_net_caps(struct restricting *r, bool swaps)
{
	const uint64_t bind = UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_NET_BROADCAST;
	const uint64_t net = UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW | (swaps ? bind : 0);
	struct policy_caps *c = &r->p->process.caps;
	const bool had = (c->bounding | c->effective | c->permitted | c->inheritable | c->ambient) & net;

	if (has_own_ns(r, CLONE_NEWUSER) || !had)
		return 0;
	c->bounding &= ~net;
	c->effective &= ~net;
	c->permitted &= ~net;
	c->inheritable &= ~net;
	c->ambient &= ~net;
	return note(r, POLICY_NET, "CAP_NET_* are dropped: what limits the network could be undone with them");
}

/* What is allowed by a name is asked of the supervisor, who then knows which address was meant. */
static bool has_names(const struct perm_rules *rules)
{
	if (rules->all || rules->asks)
		return true;
	for (size_t i = 0; i < rules->allow.n; i++) {
		const struct perm_entry *en = &rules->allow.v[i];

		if (!en->value || en->net.host == NET_HOST_ANY || en->net.host == NET_HOST_NAME || en->net.host == NET_HOST_SUFFIX)
			return true;
	}
	return false;
}

/* Whom nobody answers would wait for ever, or be refused what is allowed. */
static int check_broker(struct restricting *r, const struct net_state *s)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];
	const struct perm_list *l = rules->allow.n ? &rules->allow : &rules->deny;

	for (size_t i = 0; i < rules->allow.n; i++)
		if (rules->allow.v[i].value && rules->allow.v[i].net.host == NET_HOST_VSOCK &&
		    cannot(r, POLICY_NET, rules->allow.v[i].from, "'%s': sockets of virtual machines cannot be limited to some",
			   rules->allow.v[i].value) < 0)
			return -1;
	if (restrict_datagrams(r, s) < 0)
		return -1;
	if (s->hold != NET_HOLD_BROKER || r->h->notify)
		return 0;
	return cannot(r, POLICY_NET, l->n ? l->v[0].from : NULL, "'%s' needs a supervisor that decides, and there is none",
		      l->n && l->v[0].value ? l->v[0].value : "*");
}

/* A rule that is there is about what will be mounted (restrict.c); one takes it where files are limited. */
static int rule_for_resolv_conf(struct restricting *r, const char *path)
{
	const struct policy_landlock_rule *rules = r->rules.v;

	if (!(r->handled & LANDLOCK_ACCESS_FS_READ_FILE) || is_denied(r, POLICY_READ, path))
		return 0;
	for (size_t i = 0; i < r->rules.n; i++)
		if (strcmp(rules[i].path, path) == 0)
			return 0;
	return allow_access(r, guard_from, path, (struct ps_object){ 0, 0 }, LANDLOCK_ACCESS_FS_READ_FILE, /* optional= */ true);
}

/* The payload's libraries find the resolver by it; where they have none they ask 127.0.0.1, and nobody answers. */
static int mount_resolv_conf(struct restricting *r)
{
	struct policy_mount *v = ps_arena_array(r->a, r->p->n_mounts + 2, sizeof(*v));
	struct view_found at;
	const char *path = r->view.arena && view_find(&r->view, resolv_conf, &at) == 0 && at.kind == VIEW_FILE ? at.path : resolv_conf;

	if (!v)
		return restrict_oom(r);
	if (r->p->n_mounts)
		memcpy(v, r->p->mounts, r->p->n_mounts * sizeof(*v));
	v[r->p->n_mounts] = (struct policy_mount){
		.from = guard_from, .target = path, .fstype = "", .source = r->h->resolv_conf, .data = "", .bind = true,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	r->p->mounts = r->mounts = v;
	r->p->n_mounts++;
	return rule_for_resolv_conf(r, path);
}

static bool is_fuse(const struct policy_device *d)
{
	return !strcmp(d->path, "/dev/fuse") || (d->type == S_IFCHR && d->major == 10 && d->minor == 229);
}

/* Who serves a file system can make whoever reads a page of it wait for ever: the supervisor, too. */
static int drop_fuse(struct restricting *r)
{
	struct policy_device *v = ps_arena_array(r->a, r->in->n_devices + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return restrict_oom(r);
	for (size_t i = 0; i < r->in->n_devices; i++)
		if (!is_fuse(&r->in->devices[i]))
			v[n++] = r->in->devices[i];
		else if (note(r, POLICY_NET, "'%s' is not made: it could stop the supervisor", r->in->devices[i].path) < 0)
			return -1;
	r->p->devices = v;
	r->p->n_devices = n;
	return 0;
}

/* learn and audit: everything happens, and is told. */
static int watch_net(struct restricting *r)
{
	static const struct guard_rule no_rings[] = {
		{ "io_uring_setup io_uring_enter io_uring_register", GUARD_ERRNO(ENOSYS), NO_ARGS },
	};

	if (!r->h->notify)
		return 0;
	return ADD(r, no_rings) < 0 ? -1 : ADD(r, brokered);
}

int restrict_net(struct restricting *r)
{
	struct net_state s = net_state_of(r);

	if (!r->enforced)
		return watch_net(r);
	if (s.hold == NET_HOLD_NONE)
		return 0;
	if (check_broker(r, &s) < 0 || (s.hold == NET_HOLD_BROKER && drop_fuse(r) < 0) || guard_net(r, &s) < 0)
		return -1;
	r->p->net_swaps = s.swaps;
	r->p->resolver = s.hold == NET_HOLD_BROKER && r->h->resolv_conf && has_names(&r->g->of[POLICY_NET]);
	if ((s.hold == NET_HOLD_BROKER && drop_net_caps(r, s.swaps) < 0) || (r->p->resolver && mount_resolv_conf(r) < 0))
		return -1;
	/* Names without paths are the network namespace's. */
	if (!has_own_ns(r, CLONE_NEWNET) && r->h->landlock_abi >= 6)
		r->p->landlock.scoped |= LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	return 0;
}
