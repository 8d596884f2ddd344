/* SPDX-License-Identifier: Apache-2.0
 * net.c - the loopback interface of a new network namespace.
 */
#include "shim/sandbox/process.h"

#include <net/if.h>

int net_lo_up(struct ps_err *e)
{
	/* Any family takes the interface ioctls; AF_UNIX is always there and cheap. */
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0)
		return ps_fail_os(e, "make a socket to bring 'lo' up");
	return ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? ps_fail_os(e, "bring 'lo' up") : 0;
}
