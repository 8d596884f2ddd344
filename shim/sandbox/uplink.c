/* SPDX-License-Identifier: Apache-2.0
 * uplink.c - the way out of a new network namespace for datagrams: a pair of devices, the far one of which the supervisor
 * reads and writes, and sockets where loopback addresses are the host's.
 *
 * The payload's end has an address and both default routes.  Nothing forwards: what is sent over it is a frame that the
 * supervisor decides about (shim/pod/relay.h), or nothing.
 */
#include "shim/sandbox/process.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/sandbox/listener.h"
#include "shim/sandbox/rtnl.h"

#define NEAR "net0"
#define FAR "net1"
enum { MTU = 65535 /* an IPv4 datagram of any length is one frame */, RECEIVE_BUFFER = 4 << 20, FRAME_IP = 0x0800 };

/* ---- The pair ---- */

static void put_device(struct rtnl_request *r, const char *name, const char mac[6])
{
	const uint32_t mtu = MTU;

	rtnl_put(r, IFLA_IFNAME, name, (uint32_t)strlen(name) + 1);
	rtnl_put(r, IFLA_ADDRESS, mac, 6);
	rtnl_put(r, IFLA_MTU, &mtu, sizeof(mtu));
}

static int make_pair(int nl, struct ps_err *e)
{
	const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	struct rtnl_request r;

	rtnl_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	put_device(&r, NEAR, PLAN_UPLINK_NEAR);
	const uint32_t info = rtnl_open_nest(&r, IFLA_LINKINFO);

	rtnl_put(&r, IFLA_INFO_KIND, "veth", sizeof("veth"));
	const uint32_t data = rtnl_open_nest(&r, IFLA_INFO_DATA), peer = rtnl_open_nest(&r, VETH_INFO_PEER);

	memcpy(rtnl_grow(&r, sizeof(any)), &any, sizeof(any));
	put_device(&r, FAR, PLAN_UPLINK_FAR);
	rtnl_close_nest(&r, peer);
	rtnl_close_nest(&r, data);
	rtnl_close_nest(&r, info);
	if (rtnl_talk(nl, &r) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return ps_fail(e, PS_E_UNSUPP, "datagrams leave a network namespace of its own over devices of type veth, which this kernel "
			       "does not have: leave udp: and icmp: entries out");
	return ps_fail_os(e, "make the devices '" NEAR "' and '" FAR "'");
}

/* Frames leave it whole and with their checksums: nobody behind it would complete them. */
static int set_features(int fd, struct ps_err *e)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM, .data = 0 };
	struct ifreq dev = { .ifr_name = NEAR, .ifr_data = (void *)&off };

	return ioctl(fd, SIOCETHTOOL, &dev) < 0 ? ps_fail_os(e, "have '" NEAR "' compute checksums") : 0;
}

/* No neighbours to find, no questions for them. */
static int bring_up(int fd, const char *name, struct ps_err *e)
{
	struct ifreq dev = { .ifr_flags = IFF_UP | IFF_NOARP };

	memcpy(dev.ifr_name, name, strlen(name));
	return ioctl(fd, SIOCSIFFLAGS, &dev) < 0 ? ps_fail_os(e, "bring '%s' up", name) : 0;
}

/* 0, or -1 with errno. */
static int add_address(int nl, int family, unsigned dev, const char *text)
{
	const uint32_t n = family == AF_INET ? 4 : 16, flags = IFA_F_NODAD;
	const struct ifaddrmsg m = { .ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)(8 * n), .ifa_index = dev };
	char addr[16];
	struct rtnl_request r;

	(void)inet_pton(family, text, addr);
	rtnl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	rtnl_put(&r, IFA_LOCAL, addr, n);
	rtnl_put(&r, IFA_ADDRESS, addr, n);
	rtnl_put(&r, IFA_FLAGS, &flags, sizeof(flags));
	return rtnl_talk(nl, &r);
}

/* What comes to an IPv6 address is its owner's once a worker of the kernel has made its route; datagrams don't wait for that. */
static int own_address(int nl, unsigned dev, const char *text, struct ps_err *e)
{
	const struct rtmsg m = { .rtm_family = AF_INET6, .rtm_dst_len = 128, .rtm_table = RT_TABLE_LOCAL, .rtm_protocol = RTPROT_BOOT,
				 .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL };
	struct in6_addr addr;
	struct rtnl_request r;

	(void)inet_pton(AF_INET6, text, &addr);
	rtnl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE, &m, sizeof(m));
	rtnl_put(&r, RTA_DST, &addr, sizeof(addr));
	rtnl_put(&r, RTA_OIF, &dev, sizeof(dev));
	return rtnl_talk(nl, &r) < 0 ? ps_fail_os(e, "make %s local to '" NEAR "'", text) : 0;
}

static int add_route(int nl, int family, unsigned dev, struct ps_err *e)
{
	const struct rtmsg m = { .rtm_family = (uint8_t)family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
				 .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
	struct rtnl_request r;

	rtnl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	rtnl_put(&r, RTA_OIF, &dev, sizeof(dev));
	return rtnl_talk(nl, &r) < 0 ? ps_fail_os(e, "make '" NEAR "' the default route") : 0;
}

/* A host may be without IPv6, or have it switched off for new devices. */
static bool has_ipv6(void)
{
	ps_auto_fd int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

static int set_addresses(int nl, unsigned dev, struct ps_err *e)
{
	if (add_address(nl, AF_INET, dev, PLAN_RESOLVER_OWN) < 0)
		return ps_fail_os(e, "give '" NEAR "' the address " PLAN_RESOLVER_OWN);
	if (add_route(nl, AF_INET, dev, e) < 0)
		return -1;
	if (!has_ipv6())
		return 0;
	if (add_address(nl, AF_INET6, dev, PLAN_UPLINK_IPV6) < 0)
		return errno == EACCES ? 0 : ps_fail_os(e, "give '" NEAR "' the address " PLAN_UPLINK_IPV6);
	return own_address(nl, dev, PLAN_UPLINK_IPV6, e) < 0 ? -1 : add_route(nl, AF_INET6, dev, e);
}

/* ---- The far end ---- */

/* What somebody may be sent: UDP and ICMP, whole, on their way in. */
static int attach_filter(int fd)
{
	enum { DROP = 0, ALL = 0x40000 };
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 10, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x60, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, DROP),
		BPF_STMT(BPF_RET | BPF_K, ALL),
	};
	const struct sock_fprog prog = { .len = PS_COUNT(f), .filter = f };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int hand_over(const struct sandbox *sb, enum listener_kind kind, int fd, struct ps_err *e)
{
	errno = listener_send(sb->broker_fd, kind, fd, getpid());
	return errno ? ps_fail_os(e, "hand a socket for datagrams over") : 0;
}

/*
 * Filtered before it is bound: nothing else has come by then.  What is sent goes round the device's queue, which the kernel
 * starts some time after it came up, and drops what comes before (dev_activate: with the carrier, by a worker).
 */
static int open_far(const struct sandbox *sb, unsigned dev, struct ps_err *e)
{
	const struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(3 /* ETH_P_ALL */), .sll_ifindex = (int)dev };
	const int room = RECEIVE_BUFFER, one = 1;
	ps_auto_fd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return ps_fail_os(e, "make a socket at '" FAR "'");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (attach_filter(fd) < 0 || setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return ps_fail_os(e, "bind a socket to '" FAR "'");
	return hand_over(sb, LISTENER_UPLINK, fd, e);
}

static int open_devices(const struct sandbox *sb, struct ps_err *e)
{
	ps_auto_fd int nl = rtnl_socket("make network devices", e);

	if (nl < 0)
		return -1;
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ps_fail_os(e, "make a socket to set up '" NEAR "'");
	/* In this order: a device whose peer is up has its queue at once. */
	if (make_pair(nl, e) < 0 || set_features(fd, e) < 0 || bring_up(fd, FAR, e) < 0 || bring_up(fd, NEAR, e) < 0)
		return -1;
	const unsigned near = if_nametoindex(NEAR), far = if_nametoindex(FAR);

	if (!near || !far)
		return ps_fail_os(e, "find '" NEAR "' and '" FAR "'");
	return set_addresses(nl, near, e) < 0 ? -1 : open_far(sb, far, e);
}

/* ---- Loopback addresses that are the host's ---- */

static int open_stand(const struct sandbox *sb, const struct plan_stand *s, struct ps_err *e)
{
	const char *text = plan_str(sb->plan, s->address);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)s->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
	const bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;

	if (!is_four && (inet_pton(AF_INET6, text, &six.sin6_addr) != 1 || !has_ipv6()))
		return 0;
	ps_auto_fd int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six, is_four ? sizeof(four) : sizeof(six)) < 0)
		return ps_fail_os(e, "bind a socket to %s, UDP port %u", text, s->port);
	return hand_over(sb, LISTENER_STAND, fd, e);
}

int uplink_open(const struct sandbox *sb, struct ps_err *e)
{
	if (sb->broker_fd < 0)
		return ps_fail(e, PS_E_BUG, "a supervisor is to relay datagrams, and there is none");
	if (sb->plan->uplink && open_devices(sb, e) < 0)
		return -1;
	for (PLAN_EACH(sb->plan, struct plan_stand, s, sb->plan->stands))
		if (open_stand(sb, s, e) < 0)
			return -1;
	return 0;
}
