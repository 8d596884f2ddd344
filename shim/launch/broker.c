/* SPDX-License-Identifier: Apache-2.0
 * broker.c - takes the listener of a guard from the init that has loaded it.
 */
#include "base/abi.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/launch/launch.h"
#include "shim/sandbox/listener.h"

/* No notification has this number: ENOENT, where another kind of file says ENOTTY. */
static bool is_listener(int fd)
{
	uint64_t id = UINT64_MAX;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 && errno == ENOENT;
}

static bool is_datagram(int fd, bool packets)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       (packets ? domain == AF_PACKET : domain == AF_INET || domain == AF_INET6) &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

static bool is_kind(int fd, uint32_t kind)
{
	switch (kind) {
	case LISTENER_GUARD:
		return is_listener(fd);
	case LISTENER_RESOLVER:
	case LISTENER_STAND:
		return is_datagram(fd, /* packets= */ false);
	case LISTENER_UPLINK:
		return is_datagram(fd, /* packets= */ true);
	default:
		return false;
	}
}

int launch_take_listener(int broker_peer, int timeout_ms, struct launch_listener *ret, struct ps_err *e)
{
	struct listener_hello hello = { .magic = 0 };
	ps_auto_fd int fd = -1;
	size_t n_fds = 1;
	ssize_t n = sock_recv(broker_peer, &hello, sizeof(hello), &fd, &n_fds, timeout_ms, e);

	if (n < 0)
		return ps_ctx(e, "take the listener of a guard");
	if (n == 0)
		return ps_fail(e, PS_E_PEER, "the container's init ended before it had a guard");
	if (n != (ssize_t)sizeof(hello) || n_fds != 1 || hello.magic != LISTENER_MAGIC || hello.version != LISTENER_VERSION ||
	    !is_kind(fd, hello.kind))
		return ps_fail(e, PS_E_PEER, "the container's init sent something else than the listener of its guard");
	static const enum launch_handed kinds[] = { [LISTENER_GUARD] = LAUNCH_GUARD, [LISTENER_RESOLVER] = LAUNCH_RESOLVER,
						    [LISTENER_UPLINK] = LAUNCH_UPLINK, [LISTENER_STAND] = LAUNCH_STAND };

	*ret = (struct launch_listener){ .fd = ps_take_fd(&fd), .pid = hello.pid, .kind = kinds[hello.kind] };
	return 0;
}
