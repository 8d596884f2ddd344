/* SPDX-License-Identifier: Apache-2.0
 * cgroup_limit.c - writes the limits of a container into its cgroup directories.
 */
#include "shim/sandbox/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/sandbox/cgroup_dir.h"
#include "shim/sandbox/cgroup_limit.h"

struct limit_dirs limit_dirs(const struct plan *p)
{
	struct limit_dirs d = { .plan = p };

	for (unsigned i = 0; i < CGROUP_MAX; i++)
		d.fd[i] = -1;
	return d;
}

void limit_dirs_close(struct limit_dirs *d)
{
	for (unsigned i = 0; i < CGROUP_MAX; i++)
		ps_fd_close(&d->fd[i]);
}

int limit_dir(struct limit_dirs *d, uint32_t row, struct ps_err *e)
{
	char path[PATH_MAX];

	if (row >= CGROUP_MAX || row >= d->plan->cgroups.n)
		return ps_fail(e, PS_E_BUG, "limit for cgroup hierarchy #%u", row);
	if (d->fd[row] >= 0)
		return d->fd[row];
	if (cgroup_dir_path(d->plan, &PLAN_ROWS(d->plan, struct plan_cgroup, d->plan->cgroups)[row], path,
			    e) < 0)
		return -1;
	d->fd[row] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return d->fd[row] < 0 ? ps_fail_os(e, "open cgroup '%s'", path) : d->fd[row];
}

/* What to do about a refusal, by file (or, before a final '*', how it begins) and errno. */
static const struct {
	const char *file;
	int cause;
	const char *text;
} hints[] = {
	{ "memory.memsw.limit_in_bytes", ENOENT,
	  "the kernel does not account swap (boot with swapaccount=1, or remove /linux/resources/memory/swap)" },
	{ "memory.memsw.limit_in_bytes", EINVAL,
	  "memory and swap together cannot be less than memory alone" },
	{ "memory.limit_in_bytes", EBUSY, "more is in use and cannot be reclaimed" },
	{ "memory.limit_in_bytes", EINVAL, "memory alone cannot be more than memory and swap together" },
	{ "memory.kmem.limit_in_bytes", EOPNOTSUPP, "this kernel has no separate limit for kernel memory" },
	{ "cpu.rt_runtime_us", EINVAL, "the parent cgroup has no such real-time budget" },
	{ "cpu.cfs_quota_us", EINVAL, "it must be at least 1000 and fit into the parent's" },
	{ "cpuset.cpus", EACCES, "these cpus are not all in the parent cgroup" },
	{ "cpuset.mems", EACCES, "these memory nodes are not all in the parent cgroup" },
	{ "blkio.bfq.weight*", EOPNOTSUPP, "the device is not scheduled by bfq, which alone knows weights" },
	{ "io.bfq.weight", EOPNOTSUPP, "the device is not scheduled by bfq, which alone knows weights" },
	{ "io.weight", EOPNOTSUPP, "the device has no cost model: see io.cost.qos of the root cgroup" },
	{ "io.weight", ENOENT, "this kernel has neither I/O scheduler that knows weights (bfq, iocost): modprobe bfq" },
	{ "blkio.bfq.weight*", ENOENT, "this kernel has no I/O scheduler that knows weights: modprobe bfq" },
	{ "hugetlb.*", ENOENT, "this machine has no huge pages of this size: ls /sys/kernel/mm/hugepages" },
	{ "devices.allow", EPERM, "the parent cgroup does not allow the device" },
	{ NULL, ENOENT, "this kernel or hierarchy has no such file" },
	{ NULL, ENODEV, "there is no such device" },
};

static bool is_file(const char *pattern, const char *file)
{
	const size_t n = strlen(pattern) - 1;

	return pattern[n] == '*' ? !strncmp(pattern, file, n) : !strcmp(pattern, file);
}

static int refused(const struct plan *p, const struct plan_cgroup_file *f, struct ps_err *e)
{
	const struct plan_cgroup *c = &PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[f->cgroup];
	const char *mount = plan_str(p, c->mount), *path = plan_str(p, c->path), *file = plan_str(p, f->file);
	const char *value = plan_str(p, f->value), *hint = NULL;
	int sys = errno;

	for (size_t i = 0; !hint && i < PS_COUNT(hints); i++)
		if (hints[i].cause == sys && (!hints[i].file || is_file(hints[i].file, file)))
			hint = hints[i].text;
	if (hint)
		(void)ps_fail(e, PS_E_UNSUPP, "set '%s%s/%s' to '%s': %s", mount, path, file, value, hint);
	else
		(void)ps_fail_os(e, "set '%s%s/%s' to '%s'", mount, path, file, value);
	return ps_at_from(e, plan_str(p, f->from), "");
}

/*
 * LATER when the kernel finds the value invalid: pairs like memory and memory+swap, or quota and period, bound each other,
 * so that which comes first depends on the values in force.
 */
enum { WRITTEN, LATER, NOT_THERE };

static int write_row(struct limit_dirs *d, const struct plan_cgroup_file *f, struct ps_err *e)
{
	const struct plan *p = d->plan;
	int dir_fd = limit_dir(d, f->cgroup, e);
	const char *file = plan_str(p, f->file);

	if (dir_fd < 0)
		return -1;
	if (!*file || strchr(file, '/'))
		return ps_fail(e, PS_E_CONFIG, "'%s' is no cgroup file name", file);
	if (cgroup_write(dir_fd, file, plan_str(p, f->value)) == 0)
		return WRITTEN;
	if (errno == ENOENT && f->flags & (PLAN_CGROUP_OPTIONAL | PLAN_CGROUP_OR_NEXT))
		return NOT_THERE;
	const int cause = errno;

	(void)refused(p, f, e);
	return cause == EINVAL ? LATER : -1;
}

int limit_write_files(struct limit_dirs *d, struct ps_err *e)
{
	enum { MAX_LATER = 16 };
	const struct plan_cgroup_file *later[MAX_LATER];
	unsigned n = 0;
	bool left_out = false; /* this row is for where the one before has no file */

	for (PLAN_EACH(d->plan, struct plan_cgroup_file, f, d->plan->cgroup_files)) {
		int r = left_out ? WRITTEN : write_row(d, f, e);

		if (r < 0 || (r == LATER && n == MAX_LATER))
			return -1;
		if (r == LATER)
			later[n++] = f;
		left_out = !left_out && f->flags & PLAN_CGROUP_OR_NEXT && r != NOT_THERE;
	}
	for (unsigned i = 0; i < n; i++)
		if (write_row(d, later[i], e) != WRITTEN)
			return -1;
	return 0;
}

/* runtime-spec "cgroup ownership": the directory and the files that the kernel lists; one that is missing is fine. */
static int delegate(int dir_fd, uint32_t uid, struct ps_err *e)
{
	ps_auto_fd int kernel = open("/sys/kernel/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char list[4096], *rest = list, *file;

	if (kernel < 0 || cgroup_read(kernel, "delegate", list, sizeof(list)) < 0) /* 4.15 */
		(void)snprintf(list, sizeof(list), "cgroup.procs\ncgroup.subtree_control\ncgroup.threads");
	if (fchown(dir_fd, uid, (gid_t)-1) < 0)
		return ps_fail_os(e, "give the cgroup directory to user %u", uid);
	while ((file = strsep(&rest, "\n")))
		if (*file && !strchr(file, '/') &&
		    fchownat(dir_fd, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return ps_fail_os(e, "give cgroup file '%s' to user %u", file, uid);
	return 0;
}

int cgroup_limit(const struct plan *p, struct ps_err *e)
{
	auto_limit_dirs struct limit_dirs d = limit_dirs(p);
	const struct plan_cgroup *c = PLAN_ROWS(p, struct plan_cgroup, p->cgroups);
	bool v1_devices = false;

	if (limit_write_files(&d, e) < 0)
		return -1;
	for (uint32_t i = 0; i < p->cgroups.n; i++)
		v1_devices |= c[i].version == 1 && cgroup_has_controller(p, &c[i], "devices");
	for (uint32_t i = 0; i < p->cgroups.n; i++) {
		if (c[i].version != 2)
			continue;
		if (p->device_rules.n && !v1_devices &&
		    (limit_dir(&d, i, e) < 0 ||
		     cgroup_attach_devices(d.fd[i], PLAN_ROWS(p, struct plan_device_rule, p->device_rules),
					   p->device_rules.n, e) < 0))
			return -1;
		if (p->cgroup_chown && (limit_dir(&d, i, e) < 0 || delegate(d.fd[i], p->cgroup_uid, e) < 0))
			return -1;
	}
	return 0;
}
