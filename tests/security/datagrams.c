/* SPDX-License-Identifier: Apache-2.0
 * datagrams.c - tries to send a datagram where it may not: to OTHER (port) of an address, or to another address.
 *
 *	datagrams ways ADDRESS SECOND LISTED OTHER           a line for each way: "NAME open" or "NAME shut"
 *	datagrams race ADDRESS SECOND LISTED OTHER ROUNDS    a thread changes address and port while another sends
 *	datagrams flood ADDRESS SECOND LISTED OTHER SOCKETS  so many flows, then one that has to work
 *
 * ADDRESS:LISTED is allowed and sends back; what reaches the others is for the servers to tell.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct sockaddr_in good, port, second;
#define TO(a) ((struct sockaddr *)&(a)), sizeof(a)

static int udp(void)
{
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* ---- Ways: 0 when it seemed to go ---- */

static int way_sendto(void) { return sendto(udp(), "x", 1, 0, TO(port)) == 1 ? 0 : -1; }
static int way_second(void) { return sendto(udp(), "x", 1, 0, TO(second)) == 1 ? 0 : -1; }

static int way_connect(void)
{
	int fd = udp();

	return connect(fd, TO(port)) == 0 && write(fd, "x", 1) == 1 ? 0 : -1;
}

static int way_connected(void)
{
	int fd = udp();

	return connect(fd, TO(good)) == 0 && sendto(fd, "x", 1, 0, TO(port)) == 1 ? 0 : -1;
}

static int way_again(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = udp();

	return connect(fd, TO(good)) == 0 && connect(fd, &none, sizeof(none)) == 0 && connect(fd, TO(second)) == 0 && write(fd, "x", 1) == 1 ? 0 : -1;
}

static int message(void *control, size_t n, struct sockaddr_in *to)
{
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = n };

	return sendmsg(udp(), &m, 0) == 1 ? 0 : -1;
}

static int way_sendmsg(void) { return message(NULL, 0, &port); }

static int way_pktinfo(void)
{
	union { struct cmsghdr head; char v[CMSG_SPACE(sizeof(struct in_pktinfo))]; } c = { .v = { 0 } };
	struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(&c.head);

	c.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(*info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO };
	info->ipi_ifindex = (int)if_nametoindex("net0");
	info->ipi_spec_dst = second.sin_addr;
	return message(&c, sizeof(c), &second);
}

static int way_options(void)
{
	/* Loose source route: to the second address by the first. */
	unsigned char route[] = { 131, 7, 4, 0, 0, 0, 0, 0 };
	int fd = udp();

	memcpy(route + 3, &second.sin_addr, 4);
	return setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)) == 0 && sendto(fd, "x", 1, 0, TO(good)) == 1 ? 0 : -1;
}

static int way_retopts(void)
{
	union { struct cmsghdr head; char v[CMSG_SPACE(8)]; } c = { .v = { 0 } };

	c.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(8), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RETOPTS };
	memcpy(CMSG_DATA(&c.head), (unsigned char[]){ 131, 7, 4, 10, 77, 0, 2, 0 }, 8);
	return message(&c, sizeof(c), &good);
}

static int way_sendmmsg(void)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr m[2] = { { .msg_hdr = { .msg_name = &good, .msg_namelen = sizeof(good), .msg_iov = &iov, .msg_iovlen = 1 } },
				{ .msg_hdr = { .msg_name = &port, .msg_namelen = sizeof(port), .msg_iov = &iov, .msg_iovlen = 1 } } };

	return sendmmsg(udp(), m, 2, 0) == 2 ? 0 : -1;
}

static int way_mapped(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = port.sin_port };

	memset(a.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(a.sin6_addr.s6_addr + 12, &second.sin_addr, 4);
	return sendto(socket(AF_INET6, SOCK_DGRAM, 0), "x", 1, 0, TO(a)) == 1 ? 0 : -1;
}

static int way_raw(void) { return sendto(socket(AF_INET, SOCK_RAW, IPPROTO_UDP), "\1\2\1\2\0\10\0\0", 8, 0, TO(second)) == 8 ? 0 : -1; }
static int way_udplite(void) { return sendto(socket(AF_INET, SOCK_DGRAM, 136), "x", 1, 0, TO(port)) == 1 ? 0 : -1; }
static int way_ping(void) { return sendto(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), "\10\0\0\0\0\0\0\1", 8, 0, TO(second)) == 8 ? 0 : -1; }

static int way_packet(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0800), .sll_ifindex = (int)if_nametoindex("net1") };

	return sendto(socket(AF_PACKET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 ? 0 : -1;
}

static int way_device(void)
{
	int fd = udp();

	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "net1", 5) == 0 && sendto(fd, "x", 1, 0, TO(second)) == 1 ? 0 : -1;
}

/* An address of the peer's, so that its answers come to nobody or to somebody else. */
static int way_source(void)
{
	struct sockaddr_in from = second;
	int fd = udp(), one = 1;

	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one));
	return bind(fd, TO(from)) == 0 && sendto(fd, "x", 1, 0, TO(good)) == 1 ? 0 : -1;
}

/* Take the uplink down, or give net0 another address. */
static int way_network(void)
{
	struct { struct nlmsghdr h; struct ifinfomsg i; } r = {
		.h = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK }, .i = { .ifi_index = (int)if_nametoindex("net1") },
	};
	struct { struct nlmsghdr h; struct nlmsgerr e; char more[256]; } a;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	return write(fd, &r, sizeof(r)) == sizeof(r) && read(fd, &a, sizeof(a)) > 0 && !a.e.error ? 0 : -1;
}

static int way_tcp(void) { return connect(socket(AF_INET, SOCK_STREAM, 0), TO(good)); }
static int way_group(void)
{
	struct sockaddr_in a = good;

	a.sin_addr.s_addr = htonl(0xe00000fb);
	return sendto(udp(), "x", 1, 0, TO(a)) == 1 ? 0 : -1;
}

static const struct { const char *name; int (*way)(void); } ways[] = {
	{ "sendto", way_sendto }, { "second", way_second }, { "connect", way_connect }, { "connected", way_connected }, { "again", way_again },
	{ "sendmsg", way_sendmsg }, { "pktinfo", way_pktinfo }, { "options", way_options }, { "retopts", way_retopts }, { "sendmmsg", way_sendmmsg },
	{ "mapped", way_mapped }, { "raw", way_raw }, { "udplite", way_udplite }, { "ping", way_ping }, { "packet", way_packet },
	{ "device", way_device }, { "source", way_source }, { "network", way_network }, { "tcp", way_tcp }, { "group", way_group },
};

static int answers(int fd)
{
	char byte;

	return connect(fd, TO(good)) == 0 && send(fd, "?", 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == '?';
}

/* ---- Race ---- */

static _Atomic(int) over;
static struct sockaddr_in shared;

static void *flip(void *arg)
{
	volatile struct sockaddr_in *a = &shared;

	(void)arg;
	while (!over) {
		a->sin_port = port.sin_port;
		a->sin_port = good.sin_port;
		a->sin_addr.s_addr = second.sin_addr.s_addr;
		a->sin_addr.s_addr = good.sin_addr.s_addr;
	}
	return NULL;
}

static int race(long rounds)
{
	struct iovec iov = { "r", 1 };
	struct msghdr m = { .msg_name = &shared, .msg_namelen = sizeof(shared), .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr mm[4];
	long sent = 0, refused = 0;
	pthread_t thread;
	int fd = udp(), peer = udp();

	shared = good;
	pthread_create(&thread, NULL, flip, NULL);
	for (int i = 0; i < 4; i++)
		mm[i].msg_hdr = m;
	for (long i = 0; i < rounds; i++) {
		long rc;

		switch (i % 4) {
		case 0: rc = sendto(fd, "r", 1, 0, TO(shared)); break;
		case 1: rc = sendmsg(fd, &m, 0); break;
		case 2: rc = sendmmsg(fd, mm, 4, 0); break;
		default:
			rc = connect(peer, TO(shared));
			rc = rc == 0 ? write(peer, "r", 1) : rc;
			break;
		}
		if (rc > 0)
			sent++;
		else
			refused++;
	}
	over = 1;
	pthread_join(thread, NULL);
	printf("%s sent, %s refused\n", sent ? "some" : "none", refused ? "some" : "none");
	return 0;
}

static int flood(long n)
{
	struct rlimit l;
	long made = 0;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	for (long i = 0; i < n; i++) {
		int fd = udp();

		if (connect(fd, TO(good)) == 0 && send(fd, "f", 1, 0) == 1)
			made++;
		sendto(fd, "x", 1, MSG_DONTWAIT, TO(port));
		close(fd);
	}
	printf("%s\n", made == n ? "all made" : "not all made");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	good = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[4])) };
	inet_pton(AF_INET, argv[2], &good.sin_addr);
	port = second = good;
	port.sin_port = htons((uint16_t)atoi(argv[5]));
	inet_pton(AF_INET, argv[3], &second.sin_addr);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(argv[1], "race"))
		race(atol(argv[6]));
	else if (!strcmp(argv[1], "flood"))
		flood(atol(argv[6]));
	else
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			printf("%s %s\n", ways[i].name, ways[i].way() == 0 ? "open" : "shut");
	printf("%s\n", answers(udp()) ? "answers" : "no answer");
	return 0;
}
