/* SPDX-License-Identifier: Apache-2.0
 * caller.c - ways to a network: to who is called (callee.c).
 *
 *	caller call DIR LISTED OTHER  try all ways to OTHER, and to LISTED at other addresses
 *	caller race DIR LISTED OTHER ROUNDS
 *	caller fd FD OTHER            connect a descriptor that was passed on
 *
 * One line per way: its name and "open" or "shut".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "ring.h"

enum { OPEN = 42, MPTCP = 262 };

static const char *dir;
static uint16_t listed, other;

static socklen_t local(union address *a, const char *name)
{
	return local_at(a, dir, name);
}

/* ---- Ways ---- */

static void try(const char *name, int (*way)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		_exit(way() ? OPEN : 1);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	printf("%s %s\n", name, WIFEXITED(status) && WEXITSTATUS(status) == OPEN ? "open" : "shut");
	fflush(stdout);
}

static int reaches(int family, int type, int protocol, const char *text, uint16_t port)
{
	union address a;
	socklen_t len = family == AF_INET ? ipv4(&a, text, port) : ipv6(&a, text, port);
	int fd = socket(family, type, protocol);
	char c;

	if (fd < 0 || connect(fd, &a.sa, len) < 0)
		return 0;
	return type != SOCK_STREAM || recv(fd, &c, 1, 0) == 1;
}

static int tcp_listed(void) { return reaches(AF_INET, SOCK_STREAM, 0, "127.0.0.1", listed); }
static int tcp(void) { return reaches(AF_INET, SOCK_STREAM, 0, "127.0.0.1", other); }
static int tcp_any(void) { return reaches(AF_INET, SOCK_STREAM, 0, "0.0.0.0", other); }
static int tcp_second(void) { return reaches(AF_INET, SOCK_STREAM, 0, "127.0.0.2", listed); }
static int tcp6(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::1", other); }
static int tcp6_listed(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::1", listed); }
static int tcp6_any(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::", other) || reaches(AF_INET6, SOCK_STREAM, 0, "::", listed); }
static int mapped(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::ffff:127.0.0.1", other); }
static int mapped_second(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::ffff:127.0.0.2", listed); }
static int mapped_any(void) { return reaches(AF_INET6, SOCK_STREAM, 0, "::ffff:0.0.0.0", other); }
static int multipath(void) { return reaches(AF_INET, SOCK_STREAM, MPTCP, "127.0.0.1", other); }
static int multipath6(void) { return reaches(AF_INET6, SOCK_STREAM, MPTCP, "::1", other); }
static int odd_stream(void) { return reaches(AF_INET, SOCK_STREAM, 132 /* SCTP */, "127.0.0.1", other) || reaches(AF_INET, SOCK_SEQPACKET, 132, "127.0.0.1", other); }

static int says(int fd, const union address *a, socklen_t len, int flags)
{
	return fd >= 0 && sendto(fd, "x", 1, flags, &a->sa, len) == 1;
}

static int udp_to(int family, int protocol, const char *text, uint16_t port)
{
	union address a;
	socklen_t len = family == AF_INET ? ipv4(&a, text, port) : ipv6(&a, text, port);
	int fd = socket(family, SOCK_DGRAM, protocol);

	return says(fd, &a, len, 0) || (connect(fd, &a.sa, len) == 0 && send(fd, "x", 1, 0) == 1);
}
static int udp(void) { return udp_to(AF_INET, 0, "127.0.0.1", other); }
static int udp6(void) { return udp_to(AF_INET6, 0, "::1", other); }
static int udp_mapped(void) { return udp_to(AF_INET6, 0, "::ffff:127.0.0.1", other); }
static int udp_second(void) { return udp_to(AF_INET, 0, "127.0.0.2", listed); }
static int udplite(void) { return udp_to(AF_INET, 136, "127.0.0.1", other); }

/* Connected to what may be reached, if at all; then to what may not. */
static int udp_again(void)
{
	union address a, b;
	socklen_t len = ipv4(&a, "127.0.0.1", listed);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	struct msghdr m = { .msg_name = &b, .msg_namelen = sizeof(b.in), .msg_iov = &iov, .msg_iovlen = 1 };

	ipv4(&b, "127.0.0.1", other);
	(void)connect(fd, &a.sa, len);
	return says(fd, &b, len, 0) || sendmsg(fd, &m, 0) == 1 || connect(fd, &b.sa, len) == 0;
}

static int many_messages(void)
{
	union address a, b;
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	struct mmsghdr m[3];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ipv4(&a, "127.0.0.1", listed);
	ipv4(&b, "127.0.0.1", other);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_name = i == 1 ? &b : &a, .msg_namelen = sizeof(a.in), .msg_iov = &iov, .msg_iovlen = 1 };
	return sendmmsg(fd, m, 3, 0) > 1 || sendmmsg(fd, m + 1, 1, 0) == 1;
}

/* To what may be reached, by way of what may not: a route of the sender's. */
static int routed(void)
{
	union address a;
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	unsigned char lsrr[8] = { 131, 7, 4, 127, 0, 0, 2, 0 };
	union { struct cmsghdr h; char room[CMSG_SPACE(24)]; } u;
	struct msghdr m = { .msg_name = &a, .msg_namelen = ipv4(&a, "127.0.0.1", listed), .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &u, .msg_controllen = CMSG_SPACE(sizeof(lsrr)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, lsrr, sizeof(lsrr)) == 0)
		return 1;
	memset(&u, 0, sizeof(u));
	u.h.cmsg_level = IPPROTO_IP;
	u.h.cmsg_type = IP_RETOPTS;
	u.h.cmsg_len = CMSG_LEN(sizeof(lsrr));
	memcpy(CMSG_DATA(&u.h), lsrr, sizeof(lsrr));
	return sendmsg(fd, &m, 0) == 1;
}

/* Options that take others along, a routing header among them; this kernel may know none of these. */
static int carried(void)
{
	struct { struct in6_addr to; uint32_t label; uint8_t action, share; uint16_t flags, expires, linger; uint32_t pad; } flow = {
		.to = IN6ADDR_LOOPBACK_INIT, .share = 1, .flags = 1 /* IPV6_FL_F_CREATE */ };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	return setsockopt(fd, IPPROTO_IPV6, 6 /* IPV6_2292PKTOPTIONS */, "", 0) == 0 ||
	       setsockopt(fd, IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR */, &flow, sizeof(flow)) == 0;
}

static int fast_open(int family)
{
	union address a;
	socklen_t len = family == AF_INET ? ipv4(&a, "127.0.0.1", other) : ipv6(&a, "::1", other);
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &a, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1 } };

	return says(socket(family, SOCK_STREAM, 0), &a, len, MSG_FASTOPEN) || sendmsg(socket(family, SOCK_STREAM, 0), &m.msg_hdr, MSG_FASTOPEN) == 1 ||
	       sendmmsg(socket(family, SOCK_STREAM, 0), &m, 1, MSG_FASTOPEN) == 1 ||
	       says(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), &a, len, MSG_FASTOPEN);
}
static int fast_open4(void) { return fast_open(AF_INET); }
static int fast_open6(void) { return fast_open(AF_INET6); }

static int fast_open_option(void)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(fd, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &one, sizeof(one));
	return connect(fd, &a.sa, len) == 0 && send(fd, "x", 1, 0) == 1;
}

/* Let loose from what may be reached. */
static int disconnect(void)
{
	union address a, b, none;
	socklen_t len = ipv4(&a, "127.0.0.1", listed);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ipv4(&b, "127.0.0.1", other);
	memset(&none, 0, sizeof(none));
	(void)connect(fd, &a.sa, len);
	(void)connect(fd, &none.sa, len);
	return connect(fd, &b.sa, len) == 0 || says(fd, &b, len, MSG_FASTOPEN);
}

static int nonblocking(void)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char c;

	if (connect(fd, &a.sa, len) < 0 && errno != EINPROGRESS)
		return 0;
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 2000) > 0 && recv(fd, &c, 1, 0) == 1;
}

static int raw(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_TCP) >= 0 || socket(AF_INET, SOCK_RAW, IPPROTO_RAW) >= 0 || socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) >= 0; }
static int packet(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0 || socket(AF_PACKET, SOCK_DGRAM, htons(3)) >= 0 || socket(AF_INET, 10 /* SOCK_PACKET */, htons(3)) >= 0; }
static int ping(void) { return socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0; }

static int netlink(void)
{
	for (int i = 0; i < 23; i++)
		if (i != NETLINK_ROUTE && socket(AF_NETLINK, SOCK_RAW, i) >= 0)
			return 1;
	return 0;
}

static int families(void)
{
	static const int known[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

	for (int family = 3; family < 48; family++) {
		int skip = 0;

		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			skip |= known[i] == family;
		for (int type = 1; type < 11 && !skip; type++)
			if (socket(family, type, 0) >= 0)
				return 1;
	}
	/* The kernel takes 32 bits. */
	return syscall(SYS_socket, 0x100000000ULL | AF_PACKET, 0x100000000ULL | SOCK_RAW, 0x100000000ULL) >= 0 ||
	       syscall(SYS_socket, 0x100000000ULL | AF_INET, 0x100000000ULL | SOCK_STREAM, 0x100000000ULL | MPTCP) >= 0;
}

static int vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || socket(AF_VSOCK, SOCK_DGRAM, 0) >= 0; }

static int local_stream(const char *name, int type)
{
	union address a;
	socklen_t len = local(&a, name);
	int fd = socket(AF_UNIX, type, 0);

	return fd >= 0 && connect(fd, &a.sa, len) == 0;
}
static int unix_path(void) { return local_stream("other.sock", SOCK_STREAM); }
static int unix_listed(void) { return local_stream("listed.sock", SOCK_STREAM); }
static int unix_dgram(void) { return local_stream("dgram.sock", SOCK_DGRAM); }

static int unix_abstract(void)
{
	char name[100];

	snprintf(name, sizeof(name), "@perm%s", dir);
	return local_stream(name, SOCK_STREAM);
}

static int unix_elsewhere(void)
{
	union address a;
	char path[70];
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "%s/other.sock", dir);
	(void)unlink("/tmp/link.sock");
	(void)symlink(path, "/tmp/link.sock");
	local(&a, "");
	snprintf(a.un.sun_path, sizeof(a.un.sun_path), "/tmp/link.sock");
	len = sizeof(a.un);
	if (connect(fd, &a.sa, len) == 0)
		return 1;
	snprintf(a.un.sun_path, sizeof(a.un.sun_path), "/proc/self/root%s", path);
	if (connect(fd, &a.sa, len) == 0)
		return 1;
	snprintf(a.un.sun_path, sizeof(a.un.sun_path), "%s/./../%s/other.sock", dir, strrchr(dir, '/') + 1);
	if (connect(fd, &a.sa, len) == 0)
		return 1;
	return chdir(dir) == 0 && (snprintf(a.un.sun_path, sizeof(a.un.sun_path), "other.sock"), connect(fd, &a.sa, len) == 0);
}

/* A datagram of a pair, to somebody else. */
static int pair(void)
{
	union address a;
	socklen_t len = local(&a, "dgram.sock");
	char c;
	int fds[2];
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	struct msghdr m = { .msg_name = &a, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1 };

	for (int type = 1; type < 6; type++) {
		if (socketpair(AF_UNIX, type, 0, fds) < 0)
			continue;
		/* Of some the address is ignored. */
		if ((says(fds[0], &a, len, 0) || sendmsg(fds[0], &m, 0) == 1) && recv(fds[1], &c, 1, MSG_DONTWAIT) != 1)
			return 1;
		if (connect(fds[0], &a.sa, len) == 0)
			return 1;
	}
	return 0;
}

static int ring(void)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);

	return ring_do(&(struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = socket(AF_INET, SOCK_STREAM, 0),
					       .addr = (uint64_t)(uintptr_t)&a, .off = len }) == 0;
}

/* As a program of 32 bits; the address is in low memory. */
static int ia32(void)
{
#ifdef __x86_64__
	static union address a;
	int fd, rc;

	ipv4(&a, "127.0.0.1", other);
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(359), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	if (fd < 0)
		return 0;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(362), "b"(fd), "c"((uint32_t)(uintptr_t)&a), "d"(16) : "memory", "r8", "r9", "r10", "r11");
	return rc == 0;
#else
	return 0;
#endif
}

static int x32(void)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);
	long fd = syscall(0x40000000 | 41, AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && syscall(0x40000000 | 42, fd, &a, len) == 0;
}

/* A namespace of one's own is a way out when it is the host's. */
static int namespaces(void)
{
	struct clone_args c = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid;
	int fd;

	fd = open("/proc/1/ns/net", O_RDONLY);
	if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0)
		return 1;
	pid = syscall(SYS_clone3, &c, sizeof(c));
	if (pid == 0)
		_exit(0);
	return pid > 0 || unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static int listens(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && listen(fd, 1) == 0;
}

static int listens_at_any_port(void)
{
	union address a;
	socklen_t len = ipv4(&a, "0.0.0.0", 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, &a.sa, len) == 0 && listen(fd, 1) == 0;
}

static int binds(void)
{
	union address a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	for (uint16_t port = 40000; fd >= 0 && port < 40020; port++)
		if (bind(fd, &a.sa, ipv4(&a, "127.0.0.3", port)) == 0)
			return 1;
	return 0;
}

/* What was connected keeps its rights of the host's, if it has any. */
static int after_swap(void)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", listed);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	union address none;

	memset(&none, 0, sizeof(none));
	if (connect(fd, &a.sa, len) < 0)
		return 0;
	(void)connect(fd, &none.sa, len);
	if (listen(fd, 1) == 0)
		return 1;
	len = ipv4(&a, "127.0.0.1", 0);
	if (bind(fd, &a.sa, len) == 0 && listen(fd, 1) == 0)
		return 1;
	return setsockopt(fd, SOL_SOCKET, 25 /* SO_BINDTODEVICE */, "lo", 3) == 0;
}

static int interfaces(void)
{
	union address a;
	struct { char name[16]; char rest[24]; } ifr = { "lo", "" };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, &a.sa, ipv4(&a, "127.0.0.1", listed)) == 0 && ioctl(fd, 0x8913 /* SIOCGIFFLAGS */, &ifr) == 0;
}

static const struct { const char *name; int (*way)(void); } ways[] = {
	{ "tcp", tcp }, { "tcp-any", tcp_any }, { "tcp-second", tcp_second }, { "tcp6", tcp6 }, { "tcp6-listed", tcp6_listed },
	{ "tcp6-any", tcp6_any }, { "mapped", mapped }, { "mapped-second", mapped_second }, { "mapped-any", mapped_any },
	{ "nonblocking", nonblocking }, { "multipath", multipath }, { "multipath6", multipath6 }, { "sctp", odd_stream }, { "udp", udp },
	{ "udp6", udp6 }, { "udp-mapped", udp_mapped }, { "udp-second", udp_second }, { "udp-again", udp_again }, { "udplite", udplite },
	{ "sendmmsg", many_messages }, { "source-route", routed }, { "carried-options", carried }, { "fastopen", fast_open4 }, { "fastopen6", fast_open6 },
	{ "fastopen-connect", fast_open_option }, { "disconnect", disconnect }, { "raw", raw }, { "packet", packet }, { "ping", ping },
	{ "netlink", netlink }, { "families", families }, { "vsock", vsock }, { "unix-path", unix_path }, { "unix-dgram", unix_dgram },
	{ "unix-abstract", unix_abstract }, { "unix-elsewhere", unix_elsewhere }, { "pair", pair }, { "ring", ring }, { "ia32", ia32 },
	{ "x32", x32 }, { "namespaces", namespaces }, { "listen", listens }, { "listen-port-0", listens_at_any_port }, { "bind", binds },
	{ "after-connect", after_swap }, { "interfaces", interfaces },
};

/* ---- Races ---- */

static union address shared;
static volatile int over, shared_fd;

static void *flip_port(void *unused)
{
	while (!over) {
		*(volatile in_port_t *)&shared.in.sin_port = htons(other);
		*(volatile in_port_t *)&shared.in.sin_port = htons(listed);
	}
	return unused;
}

static void *flip_family(void *unused)
{
	while (!over) {
		*(volatile sa_family_t *)&shared.in.sin_family = AF_UNSPEC;
		*(volatile in_port_t *)&shared.in.sin_port = htons(other);
		*(volatile sa_family_t *)&shared.in.sin_family = AF_INET;
		*(volatile in_port_t *)&shared.in.sin_port = htons(listed);
	}
	return unused;
}

/* The number is one socket, and then another that may be connected to elsewhere. */
static void *flip_fd(void *unused)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);

	while (!over) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		(void)connect(fd, &a.sa, len);
		(void)dup2(fd, shared_fd);
		close(fd);
		sched_yield();
	}
	return unused;
}

static long leaks, right;

static void look(int fd)
{
	union address a;
	socklen_t len = sizeof(a);

	if (getpeername(fd, &a.sa, &len) < 0)
		return;
	if (ntohs(a.in.sin_port) == other)
		leaks++;
	else if (ntohs(a.in.sin_port) == listed)
		right++;
}

static int race_round(int type, int fixed)
{
	struct linger none = { 1, 0 };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		return -1;
	if (fixed >= 0) {
		(void)dup2(fd, fixed);
		close(fd);
		fd = fixed;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	if (connect(fd, &shared.sa, sizeof(shared.in)) == 0)
		look(fd);
	if (type == SOCK_DGRAM)
		(void)sendto(fd, "x", 1, 0, &shared.sa, sizeof(shared.in));
	if (fixed < 0)
		close(fd);
	return 0;
}

static void race_with(const char *name, void *(*thread)(void *), int type, int fixed, long rounds)
{
	pthread_t t;

	leaks = right = 0;
	over = 0;
	ipv4(&shared, "127.0.0.1", listed);
	shared_fd = fixed;
	if (pthread_create(&t, NULL, thread, NULL) != 0)
		exit(3);
	for (long i = 0; i < rounds; i++)
		if (race_round(type, fixed) < 0)
			exit(4);
	over = 1;
	pthread_join(t, NULL);
	printf("%s: %ld leaks, %s\n", name, leaks, right || type == SOCK_DGRAM || fixed >= 0 ? "some right" : "none right");
	fflush(stdout);
}

static int race(long rounds)
{
	race_with("port", flip_port, SOCK_STREAM, -1, rounds);
	race_with("port of datagrams", flip_port, SOCK_DGRAM, -1, rounds);
	race_with("family", flip_family, SOCK_STREAM, -1, rounds / 10);
	race_with("descriptor", flip_fd, SOCK_STREAM, 77, rounds / 10);
	return 0;
}

static int on_fd(int fd)
{
	union address a;
	socklen_t len = ipv4(&a, "127.0.0.1", other);

	printf("connect %s\n", connect(fd, &a.sa, len) == 0 ? "open" : "shut");
	printf("fastopen %s\n", says(fd, &a, len, MSG_FASTOPEN) ? "open" : "shut");
	printf("listen %s\n", listen(fd, 1) == 0 ? "open" : "shut");
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "fd") == 0) {
		other = (uint16_t)atoi(argv[3]);
		return on_fd(atoi(argv[2]));
	}
	if (argc < 3)
		return 2;
	dir = argv[2];
	if (argc < 5)
		return 2;
	listed = (uint16_t)atoi(argv[3]);
	other = (uint16_t)atoi(argv[4]);
	if (strcmp(argv[1], "race") == 0 && argc == 6)
		return race(atol(argv[5]));
	printf("listed %s\n", tcp_listed() ? "reached" : "not reached");
	printf("listed socket %s\n", unix_listed() ? "reached" : "not reached");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		try(ways[i].name, ways[i].way);
	return 0;
}
