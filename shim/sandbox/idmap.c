/* SPDX-License-Identifier: Apache-2.0
 * idmap.c - id maps: written by us or by the system's tools; a user namespace that exists for nothing but its own.
 */
#include "shim/sandbox/idmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "shim/sandbox/child.h"
#include "shim/sandbox/privileges.h"

enum {
	MAP_MAX = 4096,              /* the kernel takes less than a page in its one write */
	MAX_ROWS = 340,              /* 4.15 takes as many */
	TOOL_MS = 10000,
};

/* One kind of id: its files, tool and place in config.json. */
struct id_kind {
	const char *map_file, *tool, *where;
	unsigned cap;
};
static const struct id_kind uid_kind = { "uid_map", "newuidmap", "/linux/uidMappings", CAP_SETUID };
static const struct id_kind gid_kind = { "gid_map", "newgidmap", "/linux/gidMappings", CAP_SETGID };

static int write_map(int proc, const struct id_kind *k, const struct plan_id_map *map, uint32_t n, struct ps_err *e)
{
	char text[MAP_MAX];
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", map[i].container,
					map[i].host, map[i].size);
		if (len >= sizeof(text))
			return ps_fail(e, PS_E_CONFIG, "%u mappings are more than the kernel takes (one write of 4095 bytes)", n);
	}
	return ps_write_file_at(proc, k->map_file, text, e);
}

static int run_tool(pid_t pid, const struct id_kind *k, const struct plan_id_map *map, uint32_t n_map, struct ps_err *e)
{
	enum { FIELDS = 3, NUMBER = 12 };
	char numbers[MAX_ROWS * FIELDS + 1][NUMBER], path[PATH_MAX], how[600];
	char *argv[MAX_ROWS * FIELDS + 3];
	struct child c = { .path = path, .argv = argv, .envp = environ, .timeout_ms = TOOL_MS, .quiet = true };
	const char *search = getenv("PATH");
	struct child_end end;
	size_t n = 0;

	if (n_map > MAX_ROWS)
		return ps_fail(e, PS_E_CONFIG, "%u mappings are more than the kernel takes (%d)", n_map, MAX_ROWS);
	if (child_find(search ? search : "/usr/bin:/bin", "/", k->tool, path) < 0)
		return ps_fail(e, PS_E_UNSUPP,
			       "mapping other ids than our own without privilege takes '%s' (package uidmap), which is not in PATH",
			       k->tool);
	(void)snprintf(numbers[n++], NUMBER, "%" PRId32, (int32_t)pid);
	for (uint32_t i = 0; i < n_map; i++) {
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, map[i].container);
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, map[i].host);
		(void)snprintf(numbers[n++], NUMBER, "%" PRIu32, map[i].size);
	}
	argv[0] = path;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = numbers[i];
	argv[n + 1] = NULL;
	if (child_run(&c, &end, e) < 0)
		return -1;
	if (child_ok(&end))
		return 0;
	return ps_fail(e, PS_E_UNSUPP, "'%s' refused the mapping (see subuid(5), subgid(5)): %s", path,
		       child_end_text(&end, how, sizeof(how)));
}

static int map_ids(pid_t pid, int proc, const struct id_kind *k, const struct plan_id_map *map, uint32_t n, uint32_t own, struct ps_err *e)
{
	const bool privileged = caps_effective(k->cap);
	/* The one mapping that anybody may write. */
	const bool is_own = n == 1 && map->size == 1 && map->host == own;

	if (!n)
		return 0;
	if (!privileged && !is_own)
		return run_tool(pid, k, map, n, e);
	/* Without privilege a group map needs this first (3.19): else a group that takes rights away could be dropped. */
	if (!privileged && k == &gid_kind && ps_write_file_at(proc, "setgroups", "deny", e) < 0)
		return -1;
	return write_map(proc, k, map, n, e);
}

static int at(const struct idmap *m, const struct id_kind *k, struct ps_err *e)
{
	return m->file ? ps_at(e, "%s: %s", m->file, k->where) : -1;
}

int idmap_write(pid_t pid, const struct idmap *m, struct ps_err *e)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	ps_auto_fd int proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (proc < 0)
		return ps_fail_os(e, "open '%s' to map ids", path);
	if (map_ids(pid, proc, &uid_kind, m->uid, m->n_uid, geteuid(), e) < 0)
		(void)at(m, &uid_kind, e);
	else if (map_ids(pid, proc, &gid_kind, m->gid, m->n_gid, getegid(), e) < 0)
		(void)at(m, &gid_kind, e);
	else
		return 0;
	return ps_ctx(e, "map the ids of process %ld", (long)pid);
}

/* ---- A namespace for its maps ---- */

/* Makes the namespace, says how that went, and lives until nobody holds the other end. */
static int keeper(int sock)
{
	const int failed = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
	char byte;

	if (write(sock, &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
		return 1;
	return read(sock, &byte, 1) != 0;
}

void idmap_end(struct idmap_keeper *k)
{
	const int saved = errno;
	int status;

	ps_fd_close(&k->sock);
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	errno = saved;
}

int idmap_keep(struct idmap_keeper *ret, struct ps_err *e)
{
	int pair[2], failed = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ps_fail_os(e, "make a socket pair");
	ps_auto_fd int ours = pair[0], theirs = pair[1];
	const pid_t pid = fork();

	if (pid == 0) {
		close(ours);
		_exit(keeper(theirs));
	}
	ps_fd_close(&theirs);
	if (pid < 0)
		return ps_fail_os(e, "fork a helper for the id map");
	struct idmap_keeper k = { .pid = pid, .sock = ps_take_fd(&ours) };

	if (read(k.sock, &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
		failed = ECHILD;
	if (failed) {
		idmap_end(&k);
		errno = failed;
		return ps_fail_os(e, "make a user namespace for an id map");
	}
	*ret = k;
	return 0;
}

int idmap_open(const struct idmap_keeper *k, const struct idmap *m, struct ps_err *e)
{
	char path[64];
	int fd;

	if (idmap_write(k->pid, m, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)k->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : ps_fail_os(e, "open the user namespace of the id map");
}

int idmap_userns(const struct idmap *m, struct ps_err *e)
{
	struct idmap_keeper k;

	if (idmap_keep(&k, e) < 0)
		return -1;
	const int fd = idmap_open(&k, m, e);

	idmap_end(&k);
	return fd;
}
