/* SPDX-License-Identifier: Apache-2.0
 * idmap.c - a user namespace that exists for nothing but its id maps.
 */
#include "shim/sandbox/idmap.h"

#include <stdio.h>
#include <sys/wait.h>

#include "base/fd.h"

enum { MAP_SIZE = 4096 /* a map is written at once, less than a page: user_namespaces(7) */ };

static int write_map(pid_t pid, const char *file, const struct plan_id_map *map, uint32_t n, struct ps_err *e)
{
	char path[64], text[MAP_SIZE];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	for (uint32_t i = 0; i < n; i++) {
		int k = snprintf(text + len, sizeof(text) - len, "%u %u %u\n", map[i].container, map[i].host, map[i].size);

		if (k < 0 || (size_t)k >= sizeof(text) - len)
			return ps_fail(e, PS_E_CONFIG, "the id map has too many rows (%u)", n);
		len += (size_t)k;
	}
	return ps_write_file_at(AT_FDCWD, path, text, e);
}

/* Makes the namespace, says so, and lives until nobody holds the other end. */
static int keeper(int sock)
{
	char byte = 0;

	if (unshare(CLONE_NEWUSER) < 0)
		byte = 1;
	if (write(sock, &byte, 1) != 1)
		return 1;
	return read(sock, &byte, 1) != 0;
}

static int map_and_open(pid_t pid, int sock, const struct idmap *m, struct ps_err *e)
{
	char path[64], failed = 1;
	int fd;

	if (read(sock, &failed, 1) != 1 || failed)
		return ps_fail(e, PS_E_UNSUPP, "the helper could not make a user namespace for the id map");
	if (write_map(pid, "uid_map", m->uid, m->n_uid, e) < 0 || write_map(pid, "gid_map", m->gid, m->n_gid, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : ps_fail_os(e, "open the user namespace of the id map");
}

int idmap_userns(const struct idmap *m, struct ps_err *e)
{
	int pair[2], fd, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ps_fail_os(e, "make a socket pair");
	ps_auto_fd int ours = pair[0], theirs = pair[1];
	pid = fork();
	if (pid == 0) {
		close(ours);
		_exit(keeper(theirs));
	}
	ps_fd_close(&theirs);
	if (pid < 0)
		return ps_fail_os(e, "fork a helper for the id map");
	fd = map_and_open(pid, ours, m, e);
	ps_fd_close(&ours);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fd;
}
