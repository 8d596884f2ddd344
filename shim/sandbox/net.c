/* SPDX-License-Identifier: Apache-2.0
 * net.c - the loopback interface of a new network namespace, and the socket of its resolver.
 */
#include "shim/sandbox/process.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/sandbox/listener.h"

enum { RESOLVER_PORT = 53 };

static struct sockaddr_in ipv4(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	(void)inet_pton(AF_INET, text, &a.sin_addr);
	return a;
}

int net_lo_up(struct ps_err *e)
{
	/* Any family takes the interface ioctls; AF_UNIX is always there and cheap. */
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0)
		return ps_fail_os(e, "make a socket to bring 'lo' up");
	return ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? ps_fail_os(e, "bring 'lo' up") : 0;
}

static int add_own_address(int fd, struct ps_err *e)
{
	const struct sockaddr_in own = ipv4(PLAN_RESOLVER_OWN, 0), one = ipv4("255.255.255.255", 0);
	struct ifreq address = { .ifr_name = "lo:1" }, mask = { .ifr_name = "lo:1" };

	memcpy(&address.ifr_addr, &own, sizeof(own));
	memcpy(&mask.ifr_netmask, &one, sizeof(one));
	if (ioctl(fd, SIOCSIFADDR, &address) < 0 || ioctl(fd, SIOCSIFNETMASK, &mask) < 0)
		return ps_fail_os(e, "give 'lo' the address " PLAN_RESOLVER_OWN);
	return 0;
}

int net_open_resolver(const struct sandbox *sb, struct ps_err *e)
{
	const struct sockaddr_in at = ipv4(PLAN_RESOLVER_ADDRESS, RESOLVER_PORT);
	ps_auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int one = 1;

	if (sb->broker_fd < 0)
		return ps_fail(e, PS_E_BUG, "names are to be asked of a supervisor, and there is none");
	if (fd < 0)
		return ps_fail_os(e, "make the resolver's socket");
	if (sb->plan->ns_new & CLONE_NEWNET && !sb->plan->uplink && add_own_address(fd, e) < 0)
		return -1;
	/* Runners that share the namespace share the supervisor, too: whichever socket of its is asked. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return ps_fail_os(e, "bind the resolver's socket to " PLAN_RESOLVER_ADDRESS ":%d", RESOLVER_PORT);
	errno = listener_send(sb->broker_fd, LISTENER_RESOLVER, fd, getpid());
	return errno ? ps_fail_os(e, "hand the resolver's socket over") : 0;
}
