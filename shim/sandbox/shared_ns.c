/* SPDX-License-Identifier: Apache-2.0
 * shared_ns.c - namespaces that several containers share, held open by descriptors.
 */
#include "shim/sandbox/shared_ns.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "shim/sandbox/process.h"

static int fill(uint64_t flag, const char *hostname, struct ps_err *e)
{
	if (flag == CLONE_NEWNET)
		return net_lo_up(e);
	if (flag == CLONE_NEWUTS && hostname && sethostname(hostname, strlen(hostname)) < 0)
		return ps_fail_os(e, "set the pod's hostname '%s'", hostname);
	return 0;
}

static int make_one(uint64_t flag, const char *path, const char *hostname, int *ret_fd, struct ps_err *e)
{
	ps_auto_fd int ours = open(path, O_RDONLY | O_CLOEXEC);
	ps_auto_fd int made = -1;

	if (ours < 0)
		return ps_fail_os(e, "open '%s'", path);
	if (unshare((int)flag) < 0)
		return ps_fail_os(e, "make a namespace for the pod");
	made = open(path, O_RDONLY | O_CLOEXEC);
	int rc = made < 0 ? ps_fail_os(e, "open '%s'", path) : fill(flag, hostname, e);

	if (setns(ours, (int)flag) < 0)
		return ps_fail_os(e, "return to our own namespace");
	if (rc == 0)
		*ret_fd = ps_take_fd(&made);
	return rc;
}

int shared_ns_make(uint64_t flags, const char *hostname, int fds[SHARED_NS], struct ps_err *e)
{
	static const struct { uint64_t flag; const char *path; } kinds[SHARED_NS] = {
		[SHARED_NET] = { CLONE_NEWNET, "/proc/self/ns/net" },
		[SHARED_IPC] = { CLONE_NEWIPC, "/proc/self/ns/ipc" },
		[SHARED_UTS] = { CLONE_NEWUTS, "/proc/self/ns/uts" },
	};

	for (size_t i = 0; i < SHARED_NS; i++)
		if ((flags & kinds[i].flag) && make_one(kinds[i].flag, kinds[i].path, hostname, &fds[i], e) < 0)
			return -1;
	return 0;
}
