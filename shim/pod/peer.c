/* SPDX-License-Identifier: Apache-2.0
 * peer.c - who is at the other end of a control socket.
 */
#include "shim/pod/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"

/* Whoever connected; the pid may be somebody else's by now, so it is only good as long as the pidfd lives. */
static int open_peer(int fd, pid_t pid, struct ps_err *e)
{
	int pidfd = -1;
	socklen_t n = sizeof(pidfd);

	/* Before 6.5; any other error says that the peer is gone, and the number perhaps another's. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n) < 0)
		pidfd = errno == ENOPROTOOPT ? ps_pidfd_open(pid) : -1;
	return pidfd < 0 ? ps_fail_os(e, "control socket: find the peer (pid %d)", (int)pid) : pidfd;
}

static int check_namespaces(pid_t pid, const ino_t ns[3], struct ps_err *e)
{
	static const char *const names[] = { "user", "pid", "mnt" };
	char path[64];
	struct stat st;

	for (size_t i = 0; i < PS_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, names[i]);
		if (stat(path, &st) < 0)
			return ps_fail_os(e, "control socket: look at the peer's %s namespace", names[i]);
		if (st.st_ino != ns[i])
			return ps_fail(e, PS_E_DENIED, "control socket: the peer (pid %d) is in another %s namespace", (int)pid,
				       names[i]);
	}
	return 0;
}

static bool is_below(const char *path, size_t n, const char *cgroup)
{
	const size_t len = strlen(cgroup);

	return n >= len && memcmp(path, cgroup, len) == 0 && (n == len || path[len] == '/');
}

/* Lines "ID:CONTROLLERS:/PATH". */
static int check_cgroups(pid_t pid, const char *cgroup, struct ps_err *e)
{
	char path[64], room[8192];
	ps_auto_buf struct ps_buf text = ps_buf_lent(room, sizeof(room));

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ps_read_fd(fd, path, 64 * 1024, &text, e) < 0)
		return ps_fail_os(e, "control socket: look at the peer's cgroups");
	for (const char *line = text.data; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *colon = memchr(line, ':', (size_t)(end - line));

		colon = colon ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;
		if (colon && is_below(colon + 1, (size_t)(end - colon - 1), cgroup))
			return ps_fail(e, PS_E_DENIED, "control socket: the peer (pid %d) is in a container of this pod", (int)pid);
		line = *end ? end + 1 : end;
	}
	return 0;
}

int peer_check(int fd, bool same_uid, const ino_t ns[3], const char *cgroup, struct ps_err *e)
{
	pid_t pid;
	uid_t uid;

	if (sock_peer(fd, &pid, &uid, e) < 0)
		return -1;
	if (same_uid && uid != geteuid())
		return ps_fail(e, PS_E_DENIED, "control socket: the peer has uid %u, not %u", uid, geteuid());
	if (pid <= 0)
		return ps_fail(e, PS_E_DENIED, "control socket: the peer is in another pid namespace");
	ps_auto_fd int pidfd = open_peer(fd, pid, e);

	if (pidfd < 0 || check_namespaces(pid, ns, e) < 0 || (*cgroup && check_cgroups(pid, cgroup, e) < 0))
		return -1;
	/* Still the one that we looked at: a dead peer's pid could have been given away meanwhile. */
	if (ps_pidfd_kill(pidfd, 0) < 0)
		return ps_fail(e, PS_E_PEER, "control socket: the peer (pid %d) has ended", (int)pid);
	return 0;
}
