/* SPDX-License-Identifier: Apache-2.0
 * mount_classic.c - mount(2) for what fsconfig(2) cannot carry: it takes at most 255 bytes per value, too few for the
 * layers of an overlay.
 */
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "shim/sandbox/labels.h"
#include "shim/sandbox/mount_util.h"

enum { FSCONFIG_VALUE_MAX = 255, DATA_SIZE = 4096 /* one page, mount(2) */ };

bool mount_needs_classic(const struct sandbox *sb, const struct plan_mount *m)
{
	for (uint32_t i = 0; i < m->options.n; i++) {
		const char *value = strchr(plan_list_str(sb->plan, m->options, i), '=');

		if (value && strlen(value + 1) > FSCONFIG_VALUE_MAX)
			return true;
	}
	return false;
}

static unsigned long classic_flags(const struct plan_mount *m)
{
	static const struct { uint64_t attr; unsigned long ms; } flags[] = {
		{ MOUNT_ATTR_RDONLY, MS_RDONLY },   { MOUNT_ATTR_NOSUID, MS_NOSUID },
		{ MOUNT_ATTR_NODEV, MS_NODEV },	    { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_NOATIME, MS_NOATIME }, { MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
		{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME }, { MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW },
	};
	unsigned long ms = (unsigned long)m->sb_flags;

	for (size_t i = 0; i < PS_COUNT(flags); i++)
		if (mnt_attrs(m) & flags[i].attr)
			ms |= flags[i].ms;
	return ms;
}

static int join_options(const struct sandbox *sb, const struct plan_mount *m, char data[DATA_SIZE], struct ps_err *e)
{
	size_t len = 0;

	for (uint32_t i = 0; i < m->options.n; i++) {
		int n = snprintf(data + len, DATA_SIZE - len, "%s%s", len ? "," : "", plan_list_str(sb->plan, m->options, i));

		if (n < 0 || (size_t)n >= DATA_SIZE - len)
			return ps_fail(e, PS_E_CONFIG, "the options are longer than a page, all the kernel takes");
		len += (size_t)n;
	}
	if (!m->label)
		return 0;
	/* In quotes: a label may have commas. */
	int n = snprintf(data + len, DATA_SIZE - len, "%s%s=\"%s\"", len ? "," : "", label_option(sb->plan), plan_str(sb->plan, m->label));

	return n < 0 || (size_t)n >= DATA_SIZE - len ? ps_fail(e, PS_E_CONFIG, "the options are longer than a page, all the kernel takes") : 0;
}

int mount_classic(const struct sandbox *sb, const struct plan_mount *m, const struct mnt_path *at, int target_fd,
		  struct ps_err *e)
{
	ps_auto_fd int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ps_auto_fd int mnt = -1;
	char data[DATA_SIZE] = "";
	int rc;

	if (join_options(sb, m, data, e) < 0)
		return -1;
	if (here < 0 || fchdir(target_fd) < 0)
		return ps_fail_os(e, "go to the target");
	rc = mount(plan_str(sb->plan, m->source), ".", plan_str(sb->plan, m->fstype), classic_flags(m), data);
	if (rc < 0)
		ps_fail_os(e, "mount(2)");
	if (fchdir(here) < 0)
		return ps_fail_os(e, "go back from the target");
	if (rc < 0 || !m->propagation)
		return rc;
	/* The fd of the target is what the mount covers: the mount itself has to be looked up. */
	mnt = ps_open_in_root(at->root_fd, at->rest, O_PATH, 0);
	return mnt < 0 || mnt_propagate(mnt, m->propagation) < 0 ? ps_fail_os(e, "set the propagation") : 0;
}
