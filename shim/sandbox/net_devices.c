/* SPDX-License-Identifier: Apache-2.0
 * net_devices.c - network devices of the runtime's namespace that become the container's.
 *
 * Names and numbers are asked with ioctls on the rtnetlink sockets: any socket takes them, for the namespace it was made in.
 */
#include "shim/sandbox/net_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/buf.h"
#include "base/scope.h"
#include "shim/sandbox/rtnl.h"

enum { INDEX_TRIES = 4096, ADDRESS_MAX = 16 };

struct side {
	int ns_fd, nl;           /* the namespace, and a socket of it */
};

struct address {
	struct ifaddrmsg m;
	uint32_t flags, priority;
	uint8_t local[ADDRESS_MAX], peer[ADDRESS_MAX], broadcast[ADDRESS_MAX];
	uint8_t n_local, n_peer, n_broadcast;
};

struct moved {
	char host_name[IFNAMSIZ];
	int host_index, index;
	bool was_up;
	struct ps_buf addresses; /* struct address */
};

struct net_moves {
	struct side host, inside;
	struct moved *v;
	uint32_t n;
};

/* ---- Two namespaces ---- */

/* A socket of the namespace ns_fd; we are in `home` again afterwards. */
static int socket_in(int ns_fd, int home, struct ps_err *e)
{
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return ps_fail_os(e, "join the container's network namespace");
	ps_auto_fd int fd = rtnl_socket("configure the container's network devices", e);

	if (setns(home, CLONE_NEWNET) < 0)
		return ps_fail_os(e, "go back to the runtime's network namespace");
	return ps_take_fd(&fd);
}

static int open_sides(struct net_moves *m, pid_t pid, struct ps_err *e)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	m->host.ns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	m->inside.ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->host.ns_fd < 0 || m->inside.ns_fd < 0)
		return ps_fail_os(e, "open the network namespace '%s'", m->host.ns_fd < 0 ? "/proc/self/ns/net" : path);
	m->host.nl = rtnl_socket("move network devices", e);
	if (m->host.nl < 0)
		return -1;
	m->inside.nl = socket_in(m->inside.ns_fd, m->host.ns_fd, e);
	return m->inside.nl < 0 ? -1 : 0;
}

/* ---- A device ---- */

/* 0: there is none. */
static int index_of(int nl, const char *name)
{
	struct ifreq dev = { .ifr_ifindex = 0 };

	(void)snprintf(dev.ifr_name, sizeof(dev.ifr_name), "%s", name);
	return ioctl(nl, SIOCGIFINDEX, &dev) < 0 ? 0 : dev.ifr_ifindex;
}

static bool name_of(int nl, int index, struct ifreq *ret)
{
	*ret = (struct ifreq){ .ifr_ifindex = index };
	return ioctl(nl, SIOCGIFNAME, ret) == 0;
}

static int flags_of(int nl, const char *name, short *ret)
{
	struct ifreq dev = { .ifr_flags = 0 };

	(void)snprintf(dev.ifr_name, sizeof(dev.ifr_name), "%s", name);
	if (ioctl(nl, SIOCGIFFLAGS, &dev) < 0)
		return -1;
	*ret = dev.ifr_flags;
	return 0;
}

/* 0, or -1 with errno. */
static int bring_up(int nl, int index)
{
	struct ifreq dev;

	if (!name_of(nl, index, &dev) || ioctl(nl, SIOCGIFFLAGS, &dev) < 0)
		return -1;
	dev.ifr_flags |= IFF_UP;
	return ioctl(nl, SIOCSIFFLAGS, &dev);
}

/* In one request: the kernel renames it where it arrives, so that no third name is ever seen. */
static int move_link(const struct side *from, int index, const struct side *to, int new_index, const char *new_name)
{
	const struct ifinfomsg m = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	const uint32_t fd = (uint32_t)to->ns_fd;
	struct rtnl_request r;

	rtnl_begin(&r, RTM_SETLINK, 0, &m, sizeof(m));
	rtnl_put(&r, IFLA_NET_NS_FD, &fd, sizeof(fd));
	rtnl_put(&r, IFLA_IFNAME, new_name, (uint32_t)strlen(new_name) + 1);
	rtnl_put(&r, IFLA_NEW_IFINDEX, &new_index, sizeof(new_index));
	return rtnl_talk(from->nl, &r);
}

/* ---- Its addresses ---- */

static uint8_t keep(uint8_t to[ADDRESS_MAX], const struct rtattr *a)
{
	const size_t n = RTA_PAYLOAD(a);

	if (n > ADDRESS_MAX)
		return 0;
	memcpy(to, RTA_DATA(a), n);
	return (uint8_t)n;
}

struct address_list { int index; struct ps_buf *out; };

static void keep_attribute(struct address *a, const struct rtattr *r)
{
	switch (r->rta_type) {
	case IFA_LOCAL:
		a->n_local = keep(a->local, r);
		break;
	case IFA_ADDRESS:
		a->n_peer = keep(a->peer, r);
		break;
	case IFA_BROADCAST:
		a->n_broadcast = keep(a->broadcast, r);
		break;
	case IFA_FLAGS:
		if (RTA_PAYLOAD(r) == sizeof(a->flags))
			memcpy(&a->flags, RTA_DATA(r), sizeof(a->flags));
		break;
	case IFA_RT_PRIORITY:
		if (RTA_PAYLOAD(r) == sizeof(a->priority))
			memcpy(&a->priority, RTA_DATA(r), sizeof(a->priority));
		break;
	default:
		break;
	}
}

/* What was given for good and means something beyond the link; the rest is made anew by whoever made it. */
static int keep_address(void *ctx, const struct nlmsghdr *h)
{
	const struct address_list *l = ctx;
	struct address a = { .n_local = 0 };
	const size_t fixed = NLMSG_LENGTH(sizeof(a.m));

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < fixed)
		return 0;
	memcpy(&a.m, NLMSG_DATA(h), sizeof(a.m));
	a.flags = a.m.ifa_flags;
	for (size_t at = NLMSG_ALIGN(fixed); at + sizeof(struct rtattr) <= h->nlmsg_len;) {
		const struct rtattr *r = (const void *)((const char *)h + at);

		if (r->rta_len < sizeof(*r) || r->rta_len > h->nlmsg_len - at)
			break;
		keep_attribute(&a, r);
		at += RTA_ALIGN(r->rta_len);
	}
	if ((int)a.m.ifa_index == l->index && a.flags & IFA_F_PERMANENT && a.m.ifa_scope == RT_SCOPE_UNIVERSE)
		ps_buf_put(l->out, &a, sizeof(a));
	return 0;
}

static int read_addresses(int nl, int index, struct ps_buf *out, const char *name, struct ps_err *e)
{
	const struct ifaddrmsg any = { .ifa_family = AF_UNSPEC, .ifa_index = (unsigned)index };
	struct address_list list = { index, out };
	struct rtnl_request r;

	rtnl_begin(&r, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any));
	if (rtnl_dump(nl, &r, keep_address, &list) < 0)
		return ps_fail_os(e, "read the addresses of network device '%s'", name);
	return out->failed ? ps_fail(e, PS_E_OS, "out of memory for the addresses of network device '%s'", name) : 0;
}

static int add_address(int nl, int index, const struct address *a)
{
	const uint32_t flags = a->flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN);
	struct ifaddrmsg m = a->m;
	struct rtnl_request r;

	m.ifa_index = (unsigned)index;
	m.ifa_flags = 0;
	rtnl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	if (a->n_local)
		rtnl_put(&r, IFA_LOCAL, a->local, a->n_local);
	if (a->n_peer)
		rtnl_put(&r, IFA_ADDRESS, a->peer, a->n_peer);
	if (a->n_broadcast)
		rtnl_put(&r, IFA_BROADCAST, a->broadcast, a->n_broadcast);
	if (a->priority)
		rtnl_put(&r, IFA_RT_PRIORITY, &a->priority, sizeof(a->priority));
	rtnl_put(&r, IFA_FLAGS, &flags, sizeof(flags));
	return rtnl_talk(nl, &r);
}

/* 0, or -1 with errno. */
static int add_addresses(int nl, int index, const struct ps_buf *addresses)
{
	for (size_t at = 0; at + sizeof(struct address) <= addresses->len; at += sizeof(struct address)) {
		struct address a;

		memcpy(&a, addresses->data + at, sizeof(a));
		if (add_address(nl, index, &a) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* ---- Moving ---- */

static bool is_template(const char *name)
{
	return strstr(name, "%d") != NULL;
}

/* Its own number where that is free, as the kernel does it; else the next. */
static int free_index(int nl, int wanted)
{
	struct ifreq ignored;

	for (int i = wanted; i < wanted + INDEX_TRIES; i++)
		if (!name_of(nl, i, &ignored))
			return i;
	return 0;
}

static int look(struct net_moves *m, struct moved *d, const char *new_name, struct ps_err *e)
{
	short flags = 0;

	d->host_index = index_of(m->host.nl, d->host_name);
	if (!d->host_index || flags_of(m->host.nl, d->host_name, &flags) < 0)
		return ps_fail(e, PS_E_NOTFOUND, "network device '%s' is not in the runtime's network namespace: 'ip link' lists what is", d->host_name);
	if (flags & IFF_LOOPBACK)
		return ps_fail(e, PS_E_CONFIG, "network device '%s' is the loopback device, which no namespace can give away", d->host_name);
	d->was_up = flags & IFF_UP;
	if (!is_template(new_name) && index_of(m->inside.nl, new_name))
		return ps_fail(e, PS_E_EXISTS, "the container has a network device '%s' already: give '%s' another name, or one with '%%d' for a free number",
			       new_name, d->host_name);
	d->index = free_index(m->inside.nl, d->host_index);
	if (!d->index)
		return ps_fail(e, PS_E_OS, "the container's network namespace has no free number for '%s'", d->host_name);
	return read_addresses(m->host.nl, d->host_index, &d->addresses, d->host_name, e);
}

static int move_one(struct net_moves *m, const char *host_name, const char *new_name, struct ps_err *e)
{
	struct moved *d = &m->v[m->n];
	struct ifreq dev;

	*d = (struct moved){ .was_up = false };
	(void)snprintf(d->host_name, sizeof(d->host_name), "%s", host_name);
	/* From here on it may have been moved, also by a request that failed: renaming is the kernel's second step. */
	m->n++;
	if (look(m, d, new_name, e) < 0) {
		d->index = 0;
		return -1;
	}
	if (move_link(&m->host, d->host_index, &m->inside, d->index, new_name) < 0) {
		if (errno == EINVAL)
			return ps_fail(e, PS_E_UNSUPP, "network device '%s' cannot be moved: its driver keeps it in its network namespace", host_name);
		return ps_fail_os(e, "move network device '%s' to the container as '%s'", host_name, new_name);
	}
	if (!name_of(m->inside.nl, d->index, &dev))
		return ps_fail(e, PS_E_UNSUPP, "network device '%s' got another number than was asked for: moving it takes Linux 5.13", host_name);
	if (add_addresses(m->inside.nl, d->index, &d->addresses) < 0)
		return ps_fail_os(e, "give network device '%s' its addresses in the container", host_name);
	return bring_up(m->inside.nl, d->index) < 0 ? ps_fail_os(e, "bring network device '%s' up in the container", host_name) : 0;
}

int net_devices_move(const struct plan *p, pid_t pid, struct net_moves **ret, struct ps_err *e)
{
	struct net_moves *m = calloc(1, sizeof(*m));

	if (!m)
		return ps_fail_os(e, "memory for network devices");
	m->host = m->inside = (struct side){ -1, -1 };
	m->v = calloc(p->net_devices.n, sizeof(*m->v));
	int rc = m->v ? open_sides(m, pid, e) : ps_fail_os(e, "memory for network devices");

	for (PLAN_EACH(p, struct plan_net_device, d, p->net_devices)) {
		if (rc < 0)
			break;
		rc = move_one(m, plan_str(p, d->host_name), plan_str(p, d->name), e);
		if (rc < 0)
			(void)ps_at_from(e, plan_str(p, d->from), "");
	}
	if (rc < 0) {
		net_devices_return(&m);
		return -1;
	}
	*ret = m;
	return 0;
}

/* Best effort: somebody may have taken its name or number meanwhile, then the kernel's next free ones have to do. */
static void return_one(const struct net_moves *m, const struct moved *d)
{
	struct ifreq dev;
	int index = d->host_index;

	if (!d->index || !name_of(m->inside.nl, d->index, &dev))
		return;
	if (move_link(&m->inside, d->index, &m->host, index, d->host_name) < 0) {
		index = free_index(m->host.nl, index);
		if (!index || move_link(&m->inside, d->index, &m->host, index, "dev%d") < 0)
			return;
	}
	(void)add_addresses(m->host.nl, index, &d->addresses);
	if (d->was_up)
		(void)bring_up(m->host.nl, index);
}

void net_devices_return(struct net_moves **m)
{
	for (uint32_t i = *m ? (*m)->n : 0; i-- > 0;)
		return_one(*m, &(*m)->v[i]);
	net_devices_forget(m);
}

void net_devices_forget(struct net_moves **pm)
{
	struct net_moves *m = *pm;

	if (!m)
		return;
	for (uint32_t i = 0; i < m->n; i++)
		ps_buf_done(&m->v[i].addresses);
	free(m->v);
	ps_fd_close(&m->host.ns_fd);
	ps_fd_close(&m->host.nl);
	ps_fd_close(&m->inside.ns_fd);
	ps_fd_close(&m->inside.nl);
	free(m);
	*pm = NULL;
}
