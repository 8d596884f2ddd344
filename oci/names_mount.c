/* SPDX-License-Identifier: Apache-2.0
 * names_mount.c - every mount option that the runtime understands; all others are data for the file system.
 *
 * MOUNT_ATTR__ATIME is a field, not a set of bits: the kernel wants it cleared as a whole, and 0 means relatime.  So
 * "atime" and "nostrictatime" fall back to relatime, the kernel's default, and "norelatime" has nothing to change.
 */
#include <string.h>

#include "base/abi.h"
#include "base/scope.h"
#include "oci/names.h"

const struct mount_option mount_options[] = {
	{ .name = "async", .sb_flags = MS_SYNCHRONOUS, .clear = true },
	{ .name = "atime", .attr_clr = MOUNT_ATTR__ATIME },
	{ .name = "bind", .sb_flags = MS_BIND, .special = MOUNT_OPT_BIND },
	{ .name = "copy-symlink", .special = MOUNT_OPT_COPY_SYMLINK },
	{ .name = "defaults" },
	{ .name = "dev", .attr_clr = MOUNT_ATTR_NODEV },
	{ .name = "diratime", .attr_clr = MOUNT_ATTR_NODIRATIME },
	{ .name = "dirsync", .sb_flags = MS_DIRSYNC },
	{ .name = "exec", .attr_clr = MOUNT_ATTR_NOEXEC },
	{ .name = "idmap", .special = MOUNT_OPT_IDMAP },
	{ .name = "iversion", .sb_flags = MS_I_VERSION },
	{ .name = "lazytime", .sb_flags = MS_LAZYTIME },
	{ .name = "loud", .sb_flags = MS_SILENT, .clear = true },
	{ .name = "mand", .sb_flags = MS_MANDLOCK },
	{ .name = "noatime", .attr_set = MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME },
	{ .name = "nodev", .attr_set = MOUNT_ATTR_NODEV },
	{ .name = "nodiratime", .attr_set = MOUNT_ATTR_NODIRATIME },
	{ .name = "noexec", .attr_set = MOUNT_ATTR_NOEXEC },
	{ .name = "noiversion", .sb_flags = MS_I_VERSION, .clear = true },
	{ .name = "nolazytime", .sb_flags = MS_LAZYTIME, .clear = true },
	{ .name = "nomand", .sb_flags = MS_MANDLOCK, .clear = true },
	{ .name = "norelatime" },
	{ .name = "nostrictatime", .attr_clr = MOUNT_ATTR__ATIME },
	{ .name = "nosuid", .attr_set = MOUNT_ATTR_NOSUID },
	{ .name = "nosymfollow", .attr_set = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "private", .propagation = MS_PRIVATE },
	{ .name = "ratime", .attr_clr = MOUNT_ATTR__ATIME, .recursive = true },
	{ .name = "rbind", .sb_flags = MS_BIND | MS_REC, .special = MOUNT_OPT_RBIND },
	{ .name = "rdev", .attr_clr = MOUNT_ATTR_NODEV, .recursive = true },
	{ .name = "rdiratime", .attr_clr = MOUNT_ATTR_NODIRATIME, .recursive = true },
	{ .name = "relatime", .attr_set = MOUNT_ATTR_RELATIME, .attr_clr = MOUNT_ATTR__ATIME, .special = MOUNT_OPT_RELATIME },
	{ .name = "remount", .sb_flags = MS_REMOUNT, .special = MOUNT_OPT_REMOUNT },
	{ .name = "rexec", .attr_clr = MOUNT_ATTR_NOEXEC, .recursive = true },
	{ .name = "ridmap", .special = MOUNT_OPT_RIDMAP },
	{ .name = "rnoatime", .attr_set = MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME, .recursive = true },
	{ .name = "rnodev", .attr_set = MOUNT_ATTR_NODEV, .recursive = true },
	{ .name = "rnodiratime", .attr_set = MOUNT_ATTR_NODIRATIME, .recursive = true },
	{ .name = "rnoexec", .attr_set = MOUNT_ATTR_NOEXEC, .recursive = true },
	{ .name = "rnorelatime", .recursive = true },
	{ .name = "rnostrictatime", .attr_clr = MOUNT_ATTR__ATIME, .recursive = true },
	{ .name = "rnosuid", .attr_set = MOUNT_ATTR_NOSUID, .recursive = true },
	{ .name = "rnosymfollow", .attr_set = MOUNT_ATTR_NOSYMFOLLOW, .recursive = true },
	{ .name = "ro", .sb_flags = MS_RDONLY, .attr_set = MOUNT_ATTR_RDONLY },
	{ .name = "rprivate", .propagation = MS_PRIVATE | MS_REC },
	{ .name = "rrelatime", .attr_set = MOUNT_ATTR_RELATIME, .attr_clr = MOUNT_ATTR__ATIME, .recursive = true },
	{ .name = "rro", .attr_set = MOUNT_ATTR_RDONLY, .recursive = true },
	{ .name = "rrw", .attr_clr = MOUNT_ATTR_RDONLY, .recursive = true },
	{ .name = "rshared", .propagation = MS_SHARED | MS_REC },
	{ .name = "rslave", .propagation = MS_SLAVE | MS_REC },
	{ .name = "rstrictatime", .attr_set = MOUNT_ATTR_STRICTATIME, .attr_clr = MOUNT_ATTR__ATIME,
	  .recursive = true },
	{ .name = "rsuid", .attr_clr = MOUNT_ATTR_NOSUID, .recursive = true },
	{ .name = "rsymfollow", .attr_clr = MOUNT_ATTR_NOSYMFOLLOW, .recursive = true },
	{ .name = "runbindable", .propagation = MS_UNBINDABLE | MS_REC },
	{ .name = "rw", .sb_flags = MS_RDONLY, .clear = true, .attr_clr = MOUNT_ATTR_RDONLY },
	{ .name = "shared", .propagation = MS_SHARED },
	{ .name = "silent", .sb_flags = MS_SILENT },
	{ .name = "slave", .propagation = MS_SLAVE },
	{ .name = "strictatime", .attr_set = MOUNT_ATTR_STRICTATIME, .attr_clr = MOUNT_ATTR__ATIME },
	{ .name = "suid", .attr_clr = MOUNT_ATTR_NOSUID },
	{ .name = "symfollow", .attr_clr = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "sync", .sb_flags = MS_SYNCHRONOUS },
	{ .name = "tmpcopyup", .special = MOUNT_OPT_TMPCOPYUP },
	{ .name = "unbindable", .propagation = MS_UNBINDABLE },
};
const size_t n_mount_options = PS_COUNT(mount_options);

const struct mount_option *mount_option_find(const char *name)
{
	size_t lo = 0, hi = n_mount_options;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, mount_options[mid].name);

		if (order == 0)
			return &mount_options[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}
