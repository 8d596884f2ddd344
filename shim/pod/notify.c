/* SPDX-License-Identifier: Apache-2.0
 * notify.c - a service manager's variables: NOTIFY_SOCKET, by a relay, and LISTEN_FDS.
 */
#include "shim/pod/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/scope.h"
#include "shim/launch/fork.h"

#define FOLDER "notify"
#define SOCKET "notify.sock"

static const char *host_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (*path == '/' || *path == '@') ? path : NULL;
}

static bool has_variable(const struct spec_strs *env, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], name, n) && env->v[i][n] == '=')
			return true;
	return false;
}

bool notify_wanted(const struct policy *p)
{
	return p->has_process && host_socket() && !has_variable(&p->process.env, "NOTIFY_SOCKET");
}

/* ---- What the container gets ---- */

static int add_mount(struct ps_arena *a, const char *root, const char *id, struct policy *p, struct ps_err *e)
{
	struct policy_mount *rows = ps_arena_array(a, p->n_mounts + 1, sizeof(*rows));
	const char *source = ps_arena_printf(a, "%s/%s/" FOLDER, root, id);

	if (!rows || !source)
		return ps_fail_os(e, "memory for the mount of " NOTIFY_DIR);
	for (size_t i = 0; i < p->n_mounts; i++)
		rows[i] = p->mounts[i];
	rows[p->n_mounts] = (struct policy_mount){
		.from = "caller", .target = NOTIFY_DIR, .fstype = "bind", .source = source, .data = "", .bind = true,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	p->mounts = rows;
	p->n_mounts++;
	return 0;
}

static int add_variables(struct ps_arena *a, const char *const *more, size_t n, struct policy *p, struct ps_err *e)
{
	const struct spec_strs *env = &p->process.env;
	const char **v = ps_arena_array(a, env->n + n + 1, sizeof(*v));

	if (!v)
		return ps_fail_os(e, "memory for variables");
	for (size_t i = 0; i < env->n; i++)
		v[i] = env->v[i];
	for (size_t i = 0; i < n; i++)
		v[env->n + i] = more[i];
	p->process.env = (struct spec_strs){ v, env->n + n };
	return 0;
}

/* sd_listen_fds(3) looks whether they are meant for it: where the payload's number is known. */
static size_t listen_variables(struct ps_arena *a, const struct policy *p, uint32_t n, const char *out[2])
{
	if (!n || !p->has_process || has_variable(&p->process.env, "LISTEN_FDS"))
		return 0;
	out[0] = ps_arena_printf(a, "LISTEN_FDS=%u", n);
	out[1] = "LISTEN_PID=1";
	return policy_ns_get(p, CLONE_NEWPID)->mode == POLICY_NS_NEW && !p->reaper ? 2 : 1;
}

int notify_plan(struct ps_arena *a, const char *root, const char *id, uint32_t listen_fds, const struct policy *base,
		const struct policy **ret, bool *ret_relays, struct ps_err *e)
{
	const bool relays = notify_wanted(base);
	const char *more[3];
	size_t n = listen_variables(a, base, listen_fds, more);

	if (n && !more[0])
		return ps_fail_os(e, "memory for variables");
	if (relays)
		more[n++] = "NOTIFY_SOCKET=" NOTIFY_DIR "/" SOCKET;
	if (!n)
		return 0;
	struct policy *p = ps_arena_new(a, struct policy);

	if (!p)
		return ps_fail_os(e, "memory for the policy");
	*p = *base;
	if (add_variables(a, more, n, p, e) < 0 || (relays && add_mount(a, root, id, p, e) < 0))
		return -1;
	*ret = p;
	*ret_relays = relays;
	return 0;
}

int notify_make(const struct state_dir *d, struct ps_err *e)
{
	/* Whoever is in the container may enter it; on the host the state folder above is closed. */
	if (mkdirat(d->dir_fd, FOLDER, 0755) < 0 || fchmodat(d->dir_fd, FOLDER, 0755, 0) < 0)
		return ps_fail_os(e, "make the folder of the container's NOTIFY_SOCKET");
	return 0;
}

/* ---- The relay ---- */

int notify_bind(const struct state_dir *d, int *ret_fd, struct ps_err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	ps_auto_fd int dir = openat(d->dir_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ps_auto_fd int fd = -1;

	if (dir < 0 || !host_socket())
		return 0;
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/" SOCKET, dir);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (unlinkat(dir, SOCKET, 0) < 0 && errno != ENOENT)
		return ps_fail_os(e, "remove the container's old NOTIFY_SOCKET");
	/* bind(2) gives the new file the socket's own mode: any user of the container's may write to it. */
	if (fd < 0 || fchmod(fd, 0777) < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || fchmodat(dir, SOCKET, 0777, 0) < 0)
		return ps_fail_os(e, "make the container's NOTIFY_SOCKET");
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

static int tell_manager(pid_t pid, struct ps_err *e)
{
	const char *path = host_socket();
	const size_t len = path ? strlen(path) : 0;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64];

	if (!len || len >= sizeof(at.sun_path))
		return ps_fail(e, PS_E_USAGE, "NOTIFY_SOCKET is no path of a socket");
	memcpy(at.sun_path, path, len);
	if (*path == '@')
		at.sun_path[0] = '\0';
	const int n = snprintf(text, sizeof(text), "READY=1\nMAINPID=%d\n", (int)pid);

	if (fd < 0 || sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path == '/'))) < 0)
		return ps_fail_os(e, "tell the service manager at '%s' that the container is ready", path);
	return 0;
}

static bool says_ready(const char *text)
{
	static const char ready[] = "READY=1";

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, ready, sizeof(ready) - 1) && (!line[sizeof(ready) - 1] || line[sizeof(ready) - 1] == '\n'))
			return true;
	}
	return false;
}

int notify_relay(int fd, int pidfd, pid_t pid, struct ps_err *e)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	char text[4096];

	while (fd >= 0) {
		if (poll(p, PS_COUNT(p), -1) < 0 && errno != EINTR)
			return ps_fail_os(e, "wait for the container's NOTIFY_SOCKET");
		/* What it said before it ended counts. */
		const ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

		if (n >= 0) {
			text[n] = '\0';
			if (says_ready(text))
				return tell_manager(pid, e);
		} else if (p[1].revents) {
			return 0;
		}
	}
	return 0;
}

int notify_relay_beside(int fd, int pidfd, pid_t pid, struct ps_err *e)
{
	const int keep[] = { fd, pidfd };
	const pid_t child = fd < 0 ? 1 : launch_daemon(keep, PS_COUNT(keep), e);

	if (child == 0) {
		(void)prctl(PR_SET_NAME, "podshim:notify");
		_exit(notify_relay(fd, pidfd, pid, NULL) < 0);
	}
	return child < 0 ? -1 : 0;
}
