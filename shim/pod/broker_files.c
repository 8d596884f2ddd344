/* SPDX-License-Identifier: Apache-2.0
 * broker_files.c - opens and execs that are only told of: mounts and Landlock decide, the kernel looks at the path again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "shim/pod/broker_inside.h"

/* Where a relative path begins: the working directory, or what a descriptor is. */
static bool base_of(const struct request *r, int dirfd, char *out, size_t size)
{
	char link[64];

	if (dirfd == AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)r->tid);
	else
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)r->tid, dirfd);
	const ssize_t n = readlink(link, out, size - 1);

	if (n <= 0 || out[0] != '/')
		return false;
	out[n] = '\0';
	return true;
}

/* Links are not followed: what they lead to is what mounts and Landlock look at. */
static bool path_of(const struct request *r, int dirfd, const char *path, char out[PATH_MAX])
{
	char base[PATH_MAX], whole[PATH_MAX];

	if (path[0] == '/')
		return ps_path_clean(path, out, PATH_MAX) == 0;
	if (!base_of(r, dirfd, base, sizeof(base)))
		return false;
	return ps_path_join(whole, sizeof(whole), base, path) == 0 && ps_path_clean(whole, out, PATH_MAX) == 0;
}

static void tell_of(struct request *r, enum policy_permission p, int dirfd, const char *path, const char *action)
{
	char whole[PATH_MAX];
	const struct perm_query q = { .permission = p, .value = whole };
	int err;

	if (path_of(r, dirfd, path, whole))
		(void)request_allowed(r, &q, action, /* sound= */ false, &err);
}

static bool writes(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
}

static bool reads(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

void call_open(struct request *r)
{
	const char *path, *how;
	size_t n, n_how;
	uint64_t flags = O_WRONLY | O_CREAT | O_TRUNC; /* creat */
	int dirfd = AT_FDCWD;

	if (request_part(r, &path, &n, NULL)) {
		if (r->call->nr == SYS_openat || r->call->nr == SYS_openat2)
			dirfd = (int)r->args[0];
		if (r->call->nr == SYS_openat)
			flags = r->args[2];
		else if (r->call->nr == SYS_openat2 && request_part(r, &how, &n_how, NULL) && n_how >= sizeof(flags))
			memcpy(&flags, how, sizeof(flags));
#ifdef SYS_open
		else if (r->call->nr == SYS_open)
			flags = r->args[1];
#endif
		if (!(flags & O_PATH)) {
			if (reads(flags))
				tell_of(r, POLICY_READ, dirfd, path, "open");
			if (writes(flags))
				tell_of(r, POLICY_WRITE, dirfd, path, "open");
		}
	}
	request_continue(r);
}

void call_exec(struct request *r)
{
	const bool at = r->call->nr == PS_NR_EXECVEAT;
	const char *path;
	size_t n;

	if (request_part(r, &path, &n, NULL))
		tell_of(r, POLICY_RUN, at ? (int)r->args[0] : AT_FDCWD, path, "exec");
	request_continue(r);
}
