/* SPDX-License-Identifier: Apache-2.0
 * labels.c - AppArmor profiles and SELinux labels of the payload, and of what is mounted for it.
 */
#include "shim/sandbox/labels.h"

#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "shim/sandbox/procfs.h"

#define APPARMOR_EXEC "self/attr/apparmor/exec"
#define ATTR_EXEC "self/attr/exec"
#define ATTR_KEY "self/attr/keycreate"
enum { SELINUX_MAGIC = 0xf97cff8c & INT32_MAX, NAME_MAX_BYTES = 4096 /* of an attribute, one page */ };

const char *labels_sysfs = "/sys";

static bool is_unconfined(const char *profile)
{
	return !strcmp(profile, "unconfined");
}

static bool has_apparmor(void)
{
	char path[128], yes = 'N';

	(void)snprintf(path, sizeof(path), "%s/module/apparmor/parameters/enabled", labels_sysfs);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &yes, 1) == 1 && yes == 'Y';
}

/* selinuxfs is there only while SELinux is; its magic number tells it from a folder of that name. */
static bool has_selinux(void)
{
	char path[128];
	struct statfs fs;

	(void)snprintf(path, sizeof(path), "%s/fs/selinux", labels_sysfs);
	return statfs(path, &fs) == 0 && (fs.f_type & INT32_MAX) == SELINUX_MAGIC;
}

int labels_check(const struct plan *p, struct ps_err *e)
{
	const struct plan_mount *labelled = NULL;

	for (PLAN_EACH(p, struct plan_mount, m, p->mounts))
		if (m->label)
			labelled = m;
	if (p->apparmor && !is_unconfined(plan_str(p, p->apparmor)) && !has_apparmor()) {
		(void)ps_fail(e, PS_E_UNSUPP, "apply AppArmor profile '%s' by `/proc/%s`: AppArmor is not enabled on this system",
			      plan_str(p, p->apparmor), APPARMOR_EXEC);
		return ps_at_from(e, plan_str(p, p->apparmor_from), "");
	}
	if ((!p->selinux && !labelled) || has_selinux())
		return 0;
	if (p->selinux) {
		(void)ps_fail(e, PS_E_UNSUPP, "apply SELinux label '%s' by `/proc/%s`: SELinux is not enabled on this system",
			      plan_str(p, p->selinux), ATTR_EXEC);
		return ps_at_from(e, plan_str(p, p->selinux_from), "");
	}
	(void)ps_fail(e, PS_E_UNSUPP, "mount with SELinux label '%s': SELinux is not enabled on this system", plan_str(p, labelled->label));
	return ps_at(e, "%s: /linux/mountLabel", plan_str(p, p->file));
}

/* One write(2) of all; -1 with errno. */
static int put(const struct sandbox *sb, const char *path, const char *text)
{
	ps_auto_fd int fd = procfs_open_at(sb, path, O_WRONLY);
	const size_t len = strlen(text);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);

	if (n >= 0 && (size_t)n != len)
		errno = EIO;
	return n >= 0 && (size_t)n == len ? 0 : -1;
}

/* No errno as it is: engines take its words for what the payload lacks. */
static const char *why_not(int cause)
{
	switch (cause) {
	case ENOENT:
		return "the profile is not loaded (apparmor_parser(8))";
	case EINVAL:
		return "the kernel does not know it";
	case EACCES:
	case EPERM:
		return "the kernel does not let podshim change to it";
	default:
		return NULL;
	}
}

static int failed(const char *what, const char *name, const char *path, const char *place, struct ps_err *e)
{
	const char *why = why_not(errno);

	if (why)
		(void)ps_fail(e, PS_E_UNSUPP, "apply %s '%s' by `/proc/%s`: %s", what, name, path, why);
	else
		(void)ps_fail_os(e, "apply %s '%s' by `/proc/%s`", what, name, path);
	return ps_at_from(e, place, "");
}

static int apparmor(const struct sandbox *sb, struct ps_err *e)
{
	const char *profile = plan_str(sb->plan, sb->plan->apparmor), *path = APPARMOR_EXEC;
	char text[NAME_MAX_BYTES];

	if (snprintf(text, sizeof(text), "exec %s", profile) >= (int)sizeof(text))
		return ps_fail(e, PS_E_CONFIG, "the name of the AppArmor profile is too long");
	ps_auto_fd int own = procfs_open_at(sb, APPARMOR_EXEC, O_PATH);

	if (own < 0)
		path = ATTR_EXEC;
	const int rc = put(sb, path, text);

	/* Without AppArmor everybody is. */
	if (rc == 0 || (is_unconfined(profile) && (errno == EINVAL || errno == ENOENT)))
		return 0;
	return failed("AppArmor profile", profile, path, plan_str(sb->plan, sb->plan->apparmor_from), e);
}

static int selinux(const struct sandbox *sb, struct ps_err *e)
{
	const char *label = plan_str(sb->plan, sb->plan->selinux), *place = plan_str(sb->plan, sb->plan->selinux_from);

	/* execve(2) forgets it; a kernel without keys has none. */
	if (sb->plan->new_keyring && put(sb, ATTR_KEY, label) < 0 && errno != ENOENT)
		return failed("SELinux label", label, ATTR_KEY, place, e);
	return put(sb, ATTR_EXEC, label) < 0 ? failed("SELinux label", label, ATTR_EXEC, place, e) : 0;
}

int labels_apply(const struct sandbox *sb, struct ps_err *e)
{
	if (sb->plan->apparmor && apparmor(sb, e) < 0)
		return -1;
	return sb->plan->selinux ? selinux(sb, e) : 0;
}

static bool is_mqueue(const struct plan *p, const struct plan_mount *m)
{
	return !strcmp(plan_str(p, m->fstype), "mqueue");
}

const char *label_option(const struct plan *p)
{
	return p->mount_context ? plan_str(p, p->mount_context) : "context";
}

int label_context(const struct plan *p, const struct plan_mount *m, int fs_fd, struct ps_err *e)
{
	if (is_mqueue(p, m) || ps_sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, label_option(p), plan_str(p, m->label), 0) == 0)
		return 0;
	return ps_fail_os(e, "SELinux label '%s'", plan_str(p, m->label));
}

int label_root(const struct plan *p, const struct plan_mount *m, int mnt_fd, struct ps_err *e)
{
	const char *label = plan_str(p, m->label);

	if (!m->label || !is_mqueue(p, m))
		return 0;
	ps_auto_fd int dir = openat(mnt_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fsetxattr(dir, "security.selinux", label, strlen(label) + 1, 0) < 0)
		return ps_fail_os(e, "SELinux label '%s'", label);
	return 0;
}
