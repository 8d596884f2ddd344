/* SPDX-License-Identifier: Apache-2.0
 * host.c - host facts from a handful of files below /proc.
 */
#include "shim/plan/host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"

/* A piece of text; not terminated. */
struct span {
	const char *p;
	size_t n;
};

/* Cut the piece before the next `stop` off the front of *rest. */
static struct span cut(struct span *rest, char stop)
{
	const char *hit = rest->n ? memchr(rest->p, stop, rest->n) : NULL;
	struct span piece = { rest->p, hit ? (size_t)(hit - rest->p) : rest->n };
	size_t skip = piece.n + (hit ? 1 : 0);

	*rest = (struct span){ rest->p + skip, rest->n - skip };
	return piece;
}

static bool equal(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool has_item(struct span list, struct span item)
{
	while (list.n)
		if (equal(cut(&list, ','), item))
			return true;
	return false;
}

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* Copy, undoing the \ooo escapes of mountinfo. */
static int copy(char *out, size_t size, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *c = s.p + i;

		if (n + 1 >= size)
			return -1;
		if (*c == '\\' && i + 3 < s.n) {
			out[n++] = (char)((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0'));
			i += 3;
		} else {
			out[n++] = *c;
		}
	}
	out[n] = '\0';
	return 0;
}

/* "ID:CONTROLLERS:PATH" of this process in a hierarchy, known by the first controller among its mount options. */
static bool find_own(const char *self_cgroup, struct span options, int version, struct span *ret_controllers,
		     struct span *ret_path)
{
	struct span rest = span_of(self_cgroup);

	while (rest.n) {
		struct span line = cut(&rest, '\n'), controllers, list;

		(void)cut(&line, ':');
		controllers = list = cut(&line, ':');
		if (version == 2 ? controllers.n != 0 : !controllers.n || !has_item(options, cut(&list, ',')))
			continue;
		*ret_controllers = controllers;
		*ret_path = line;
		return true;
	}
	return false;
}

/* The process's path below the directory `root` of the hierarchy, which is what is mounted. */
static struct span below(struct span root, struct span path)
{
	bool inside = path.n >= root.n && memcmp(path.p, root.p, root.n) == 0 &&
		      (path.n == root.n || path.p[root.n] == '/');

	if (root.n == 1)
		return path;
	return inside && path.n > root.n ? (struct span){ path.p + root.n, path.n - root.n } : span_of("/");
}

/* A hierarchy that is mounted more than once counts once: below /sys/fs/cgroup if it is there. */
static struct host_cgroup *place_for(struct host *h, struct span controllers, struct span mount)
{
	static const char usual[] = "/sys/fs/cgroup";

	for (unsigned i = 0; i < h->n_cgroups; i++) {
		struct host_cgroup *c = &h->cgroups[i];

		if (!equal(span_of(c->controllers), controllers))
			continue;
		if (strncmp(c->mount, usual, strlen(usual)) == 0 || mount.n < strlen(usual) ||
		    memcmp(mount.p, usual, strlen(usual)) != 0)
			return NULL;
		return c;
	}
	return h->n_cgroups < PS_COUNT(h->cgroups) ? &h->cgroups[h->n_cgroups] : NULL;
}

/* "36 35 98:0 ROOT MOUNT OPTIONS [TAGS] - TYPE SOURCE SUPER-OPTIONS" */
static int parse_mount(struct host *h, struct span line, const char *self_cgroup, struct ps_err *e)
{
	static const char dash[] = " - cgroup";
	const char *type_at = line.n ? memmem(line.p, line.n, dash, strlen(dash)) : NULL;
	struct span root, mount, type, tail, controllers, own;
	struct host_cgroup *c;
	int version;

	if (!type_at)
		return 0;
	tail = (struct span){ type_at + 3, line.n - (size_t)(type_at + 3 - line.p) };
	type = cut(&tail, ' ');
	(void)cut(&tail, ' ');
	version = equal(type, span_of("cgroup2")) ? 2 : equal(type, span_of("cgroup")) ? 1 : 0;
	for (int skip = 0; skip < 3; skip++)
		(void)cut(&line, ' ');
	root = cut(&line, ' ');
	mount = cut(&line, ' ');
	if (!version || !find_own(self_cgroup, tail, version, &controllers, &own))
		return 0;
	c = place_for(h, controllers, mount);
	if (!c)
		return 0;
	/* A process outside the root of its cgroup namespace sees "/../..": it has no place of its own below the mount. */
	own = memmem(own.p, own.n, "/..", 3) ? span_of("/") : below(root, own);
	if (copy(c->mount, sizeof(c->mount), mount) < 0 || copy(c->own, sizeof(c->own), own) < 0 ||
	    copy(c->controllers, sizeof(c->controllers), controllers) < 0)
		return ps_fail(e, PS_E_UNSUPP, "the cgroup mount '%.*s' has a name that is too long", (int)mount.n, mount.p);
	c->version = version;
	h->n_cgroups += c == &h->cgroups[h->n_cgroups];
	return 0;
}

static void set_mode(struct host *h)
{
	bool v1 = false, v2 = false;

	for (unsigned i = 0; i < h->n_cgroups; i++) {
		v1 |= h->cgroups[i].version == 1;
		v2 |= h->cgroups[i].version == 2;
	}
	h->cgroup_mode = v1 && v2 ? HOST_CGROUP_HYBRID : v1 ? HOST_CGROUP_V1 : v2 ? HOST_CGROUP_V2 : HOST_CGROUP_NONE;
}

int host_parse_cgroups(struct host *h, const char *mountinfo, const char *self_cgroup, struct ps_err *e)
{
	struct span rest = span_of(mountinfo);

	h->n_cgroups = 0;
	while (rest.n)
		if (parse_mount(h, cut(&rest, '\n'), self_cgroup, e) < 0)
			return -1;
	set_mode(h);
	return 0;
}

static int probe_kernel(struct host *h, struct ps_err *e)
{
	struct utsname u;

	if (uname(&u) < 0)
		return ps_fail_os(e, "read the kernel's version");
	if (sscanf(u.release, "%u.%u", &h->kernel_major, &h->kernel_minor) != 2)
		return ps_fail(e, PS_E_UNSUPP, "the kernel's version '%s' cannot be read", u.release);
	h->mount_setattr = h->kernel_major > 5 || (h->kernel_major == 5 && h->kernel_minor >= 12);
	h->procfs_pidns = h->kernel_major > 6 || (h->kernel_major == 6 && h->kernel_minor >= 17);
	if (!h->mount_setattr)
		return ps_fail(e, PS_E_UNSUPP, "Linux %s is too old: 5.12 or newer is needed", u.release);
	return 0;
}

/* The text of a small kernel file in buf; one read(2) gives all of it. */
static int read_small(const char *path, char *buf, size_t size, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return ps_fail_os(e, "read '%s'", path);
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

/* As /proc/sys/kernel/cap_last_cap says, in a tenth of the time: EINVAL is the answer for a capability that does not exist. */
static unsigned last_cap(void)
{
	unsigned n = CAP_LAST_CAP;

	while (n > 0 && prctl(PR_CAPBSET_READ, n, 0, 0, 0) < 0)
		n--;
	while (n < 63 && prctl(PR_CAPBSET_READ, n + 1, 0, 0, 0) >= 0)
		n++;
	return n;
}

static int probe_ids(struct host *h, struct ps_err *e)
{
	unsigned inside = 1, outside = 1, size = 0;
	char text[256]; /* more than one line is no identity */

	h->euid = geteuid();
	h->egid = getegid();
	if (read_small("/proc/self/uid_map", text, sizeof(text), e) < 0)
		return -1;
	h->in_user_ns = sscanf(text, "%u %u %u", &inside, &outside, &size) != 3 || inside || outside || size != UINT32_MAX;
	h->last_cap = last_cap();
	return 0;
}

/* Is path the very root of the unified hierarchy?  kernfs gives its root the inode 1. */
static bool is_cgroup2_root(const char *path)
{
	enum { CGROUP2_MAGIC = 0x63677270 };
	struct statfs fs;
	struct stat st;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_MAGIC && stat(path, &st) == 0 &&
	       st.st_ino == 1;
}

/* Is path the very root of a version 1 hierarchy?  Only there is a release_agent: one system call for each of a dozen. */
static bool is_cgroup1_root(const char *path)
{
	char file[sizeof(((struct host_cgroup *)NULL)->mount) + sizeof("/release_agent")];

	(void)snprintf(file, sizeof(file), "%s/release_agent", path);
	return access(file, F_OK) == 0;
}

/*
 * Hierarchies where everybody mounts them: /sys/fs/cgroup itself, or one directory each below it.  mountinfo, which says
 * it for certain, costs a microsecond for each mount of the host.  False: something is elsewhere, or mounted in part.
 */
static bool usual_places(struct host *h, const char *self_cgroup)
{
	struct span rest = span_of(self_cgroup);
	bool unified = is_cgroup2_root("/sys/fs/cgroup");

	h->n_cgroups = 0;
	while (rest.n) {
		struct span line = cut(&rest, '\n'), controllers;
		struct host_cgroup *c = &h->cgroups[h->n_cgroups];

		(void)cut(&line, ':');
		controllers = cut(&line, ':');
		c->version = controllers.n ? 1 : 2;
		if (h->n_cgroups == PS_COUNT(h->cgroups) || memmem(line.p, line.n, "/..", 3) ||
		    (c->version == 1 && unified) || copy(c->own, sizeof(c->own), line) < 0 ||
		    copy(c->controllers, sizeof(c->controllers), controllers) < 0)
			return false;
		bool named = strncmp(c->controllers, "name=", 5) == 0;

		(void)snprintf(c->mount, sizeof(c->mount), "/sys/fs/cgroup%s%s", unified ? "" : "/",
			       unified ? "" : c->version == 2 ? "unified" : c->controllers + (named ? 5 : 0));
		if (c->version == 1 ? !is_cgroup1_root(c->mount) : !is_cgroup2_root(c->mount))
			return false;
		h->n_cgroups++;
	}
	set_mode(h);
	return h->n_cgroups > 0;
}

/*
 * Version 2 has no limits below a cgroup that holds processes, as our own does but for the root: where its parent is
 * ours to write, what would be below is beside.
 */
static bool goes_beside(const struct host *h, const struct host_cgroup *c)
{
	const char *slash = strrchr(c->own, '/');
	char parent[sizeof(c->mount) + sizeof(c->own)];

	if (h->cgroup_mode != HOST_CGROUP_V2 || !slash || !slash[1])
		return false;
	(void)snprintf(parent, sizeof(parent), "%s%.*s", c->mount, (int)(slash - c->own), c->own);
	return faccessat(AT_FDCWD, parent, W_OK, AT_EACCESS) == 0;
}

static int probe_cgroups(struct host *h, struct ps_err *e)
{
	enum { PROC_FILE_MAX = 16 * 1024 * 1024 };
	char room[2048];
	ps_auto_buf struct ps_buf mountinfo = { .data = NULL }, own = ps_buf_lent(room, sizeof(room));
	char path[sizeof(h->cgroups[0].mount) + sizeof("/cgroup.controllers")];

	if (ps_read_file_at(AT_FDCWD, "/proc/self/cgroup", PROC_FILE_MAX, &own, e) < 0)
		return -1;
	if (!usual_places(h, own.data ? own.data : "") &&
	    (ps_read_file_at(AT_FDCWD, "/proc/self/mountinfo", PROC_FILE_MAX, &mountinfo, e) < 0 ||
	     host_parse_cgroups(h, mountinfo.data ? mountinfo.data : "", own.data ? own.data : "", e) < 0))
		return -1;
	for (unsigned i = 0; i < h->n_cgroups; i++) {
		if (h->cgroups[i].version != 2)
			continue;
		h->cgroups[i].beside = goes_beside(h, &h->cgroups[i]);
		(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", h->cgroups[i].mount);
		return read_small(path, h->cgroup2_controllers, sizeof(h->cgroup2_controllers), e);
	}
	return 0;
}

int host_probe(struct ps_arena *a, const struct host **ret, struct ps_err *e)
{
	struct host *h = ps_arena_new(a, struct host);

	if (!h)
		return ps_fail_os(e, "memory for what the host can do");
	if (probe_kernel(h, e) < 0 || probe_ids(h, e) < 0 || probe_cgroups(h, e) < 0)
		return -1;
	*ret = h;
	return 0;
}

int host_probe_policy(struct ps_arena *a, const struct host **h, struct ps_err *e)
{
	struct host *full = ps_arena_new(a, struct host);

	if (!full)
		return ps_fail_os(e, "memory for what the host can do");
	*full = **h;
	int abi = ps_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	full->landlock_abi = abi > 0 ? (unsigned)abi : 0;
	full->mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0) >= 0;
	full->memfd_noexec = access("/proc/sys/vm/memfd_noexec", F_OK) == 0;
	*h = full;
	return 0;
}
