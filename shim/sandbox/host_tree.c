/* SPDX-License-Identifier: Apache-2.0
 * host_tree.c - the host's files as a descriptor, for who opens some of them for a payload.
 */
#include "shim/sandbox/host_tree.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "base/abi.h"
#include "base/scope.h"

int host_tree_open(bool writable, struct ps_err *e)
{
	const struct ps_mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0U : MOUNT_ATTR_RDONLY),
		.propagation = MS_PRIVATE,
	};
	ps_auto_fd int fd = ps_sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0 || ps_sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return ps_fail_os(e, "copy the host's mounts for files that are asked about");
	return ps_take_fd(&fd);
}
