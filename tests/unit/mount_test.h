/* SPDX-License-Identifier: Apache-2.0
 * mount_test.h - for tests of mounts: a host of the test's own (a mount namespace with a tmpfs over /tmp that holds a
 * root file system), and containers in further namespaces of it.
 */
#pragma once
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "shim/sandbox/devices.h"
#include "shim/sandbox/host_fds.h"
#include "shim/sandbox/mounts.h"
#include "shim/sandbox/procfs.h"
#include "shim/sandbox/rootfs.h"
#include "tests/unit/sandbox_test.h"

#define ROOTFS "/tmp/rootfs"
enum { MT_ROWS = 40, MT_ID = 100000, MT_IDS = 1000 };

static struct test_plan t;
static struct ps_err e;
static int fds[MT_ROWS];
static struct sandbox sb;
static struct {
	struct plan_fd fds[MT_ROWS];
	struct plan_mount mounts[MT_ROWS];
	struct plan_device devices[MT_ROWS];
	struct plan_link links[MT_ROWS];
	struct plan_path masked[MT_ROWS], readonly[MT_ROWS];
	struct plan_rebind rebinds[MT_ROWS];
	struct plan_landlock_rule landlock[MT_ROWS];
	uint32_t n_fds, n_mounts, n_devices, n_links, n_masked, n_readonly, n_rebinds, n_landlock;
} rows;

/* Tests of the mount API need privileges; without them they say so. */
static inline bool mt_can_mount(void)
{
	int fd = ps_sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

#define MOUNT_TEST(fn)                                       \
	static void test_##fn(void **state)                  \
	{                                                    \
		(void)state;                                 \
		if (!mt_can_mount())                         \
			skip();                              \
		assert_int_equal(in_child(fn, NULL), 0);     \
	}

/* A new plan: root file system as fd row 0, nothing else. */
static inline void mt_plan(void)
{
	memset(&t, 0, sizeof(t));
	memset(&e, 0, sizeof(e));
	memset(&rows, 0, sizeof(rows));
	memset(fds, 0xff, sizeof(fds));
	t.plan.has_mount_ns = 1;
	t.plan.null_fd = PLAN_NO_FD;
	t.plan.rootfs = tp_str(&t, ROOTFS);
	rows.fds[rows.n_fds++] = (struct plan_fd){ .kind = PLAN_FD_ROOTFS, .flags = PLAN_FD_RECURSIVE, .path = t.plan.rootfs };
}

static inline uint32_t mt_fd(uint32_t kind, const char *path)
{
	rows.fds[rows.n_fds] = (struct plan_fd){ .kind = kind, .path = tp_str(&t, path), .from = tp_str(&t, "test#/fd") };
	return rows.n_fds++;
}

static inline uint32_t mt_device_fd(const char *path, unsigned maj, unsigned min)
{
	uint32_t fd = mt_fd(PLAN_FD_DEVICE, path);

	rows.fds[fd].type = S_IFCHR;
	rows.fds[fd].major = maj;
	rows.fds[fd].minor = min;
	return fd;
}

#define mt_fs(type, source, target, ...) \
	mt_mount(PLAN_MOUNT_FS, type, source, target, (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })
static inline struct plan_mount *mt_mount(uint32_t kind, const char *type, const char *source, const char *target,
					  const char *const *options)
{
	struct plan_mount *m = &rows.mounts[rows.n_mounts++];

	*m = (struct plan_mount){ .kind = kind, .from = tp_str(&t, "test#/mounts"), .target = tp_str(&t, target),
				  .fstype = tp_str(&t, type), .source = tp_str(&t, source), .fd = PLAN_NO_FD,
				  .options = tp_strs(&t, options) };
	return m;
}

static inline struct plan_mount *mt_bind(const char *source, const char *target)
{
	struct plan_mount *m = mt_mount(PLAN_MOUNT_BIND, "", source, target, (const char *const[]){ NULL });

	m->fd = mt_fd(PLAN_FD_BIND, source);
	rows.fds[m->fd].mount = rows.n_mounts - 1;
	rows.fds[m->fd].flags = PLAN_FD_RECURSIVE;
	return m;
}

static inline struct plan_device *mt_device(const char *path, unsigned maj, unsigned min)
{
	struct plan_device *d = &rows.devices[rows.n_devices++];

	*d = (struct plan_device){ .from = tp_str(&t, "test#/devices"), .path = tp_str(&t, path), .type = S_IFCHR,
				   .major = maj, .minor = min, .mode = 0666, .fd = PLAN_NO_FD };
	return d;
}

static inline void mt_link(const char *path, const char *target)
{
	rows.links[rows.n_links++] = (struct plan_link){ tp_str(&t, "test#/links"), tp_str(&t, path), tp_str(&t, target) };
}

static inline void mt_mask(const char *path)
{
	rows.masked[rows.n_masked++] = (struct plan_path){ .from = tp_str(&t, "test#/maskedPaths"), .path = tp_str(&t, path) };
}

static inline void mt_readonly(const char *path)
{
	rows.readonly[rows.n_readonly++] = (struct plan_path){ .from = tp_str(&t, "test#/readonlyPaths"), .path = tp_str(&t, path) };
}

static inline struct plan_rebind *mt_rebind(const char *path, uint64_t set, uint64_t clr)
{
	struct plan_rebind *r = &rows.rebinds[rows.n_rebinds++];

	*r = (struct plan_rebind){ tp_str(&t, "test#/rebinds"), tp_str(&t, path), set, clr, 0, 0, { 0, 0 } };
	return r;
}

static inline struct plan_landlock_rule *mt_allow(const char *path, uint64_t access)
{
	struct plan_landlock_rule *r = &rows.landlock[rows.n_landlock++];

	*r = (struct plan_landlock_rule){ tp_str(&t, "test#/landlock"), tp_str(&t, path), access, 0, 0, { 0, 0 } };
	return r;
}

/* The plan is complete: into its block with it. */
static inline struct plan *mt_seal(void)
{
#define SEAL(list) t.plan.list = (struct plan_list){ tp_put(&t, rows.list, rows.n_##list * sizeof(rows.list[0])), rows.n_##list }
	SEAL(fds);
	SEAL(mounts);
	SEAL(devices);
	SEAL(links);
	SEAL(masked);
	SEAL(readonly);
	SEAL(rebinds);
	SEAL(landlock);
#undef SEAL
	sb = (struct sandbox)SANDBOX_INIT(&t.plan, fds);
	return &t.plan;
}

/* Become the host. */
static inline void mt_host(void)
{
	(void)umask(0);
	CHECK(unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) == 0);
	CHECK(mount("host", "/tmp", "tmpfs", 0, "mode=1777") == 0);
	CHECK(mkdir(ROOTFS, 0755) == 0);
	mt_plan();
}

static inline void mt_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && ps_write_all(fd, text, strlen(text)) == 0);
	(void)close(fd);
}

static inline bool mt_reads(const char *path, const char *text)
{
	char buf[256];

	return !strcmp(first_line(path, buf, sizeof(buf)), text);
}

/* A program that needs nothing else: /bin/busybox, which goes by the name it is called. */
static inline void mt_program(const char *path)
{
	int from = open("/bin/busybox", O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	off_t at = 0;
	struct stat st;

	CHECK(from >= 0 && to >= 0 && fstat(from, &st) == 0);
	while (at < st.st_size)
		CHECK(sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0);
	(void)close(from);
	(void)close(to);
}

/* Execute such a program as true(1): 0, or the errno of execve(2). */
static inline int mt_runs(const char *path)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		(void)execl(path, "true", NULL);
		_exit(errno);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Run fn in a process with the namespaces `flags` (a user namespace gets MT_IDS ids from MT_ID on); it must succeed. */
static inline void mt_in(int flags, void (*fn)(void))
{
	int go[2], status;
	char path[64], c, map[32];
	pid_t pid;

	CHECK(pipe2(go, O_CLOEXEC) == 0);
	pid = (pid_t)syscall(SYS_clone, (unsigned long)flags | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(go[1]);
		CHECK(read(go[0], &c, 1) == 0);
		if (flags & CLONE_NEWUSER)
			CHECK(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
		fn();
		_exit(0);
	}
	(void)snprintf(map, sizeof(map), "0 %d %d", MT_ID, MT_IDS);
	for (int i = 0; (flags & CLONE_NEWUSER) && i < 2; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/%cid_map", (int)pid, "ug"[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		CHECK(fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map));
		(void)close(fd);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	CHECK(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static inline void mt_attach(void)
{
	CHECK_OK(rootfs_isolate(&sb, &e), &e);
	CHECK_OK(procfs_open(&sb, &e), &e);
	CHECK_OK(rootfs_attach(&sb, &e), &e);
}

static inline void mt_enter(void)
{
	CHECK_OK(rootfs_enter(&sb, &e), &e);
	CHECK_OK(rootfs_finish(&sb, &e), &e);
}

/* All that a container's init does with the plan. */
static inline void mt_build(void)
{
	mt_attach();
	CHECK_OK(mounts_apply(&sb, &e), &e);
	CHECK_OK(devices_apply(&sb, &e), &e);
	CHECK_OK(mounts_finish(&sb, &e), &e);
	CHECK_OK(rebinds_apply(&sb, &e), &e);
	CHECK_OK(masks_apply(&sb, &e), &e);
	mt_enter();
}

/* The line of /proc/self/mountinfo (at proc) whose mount point is path: all after the mount point.  "" when there is none. */
static inline const char *mt_mountinfo(const char *proc, const char *path)
{
	static char line[4096], point[4096], found[4096];
	FILE *f = fopen(proc, "re");
	int end;

	CHECK(f);
	found[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %*s %*s %4095s %n", point, &end) == 1 && !strcmp(point, path))
			(void)snprintf(found, sizeof(found), "%s", line + end);
	(void)fclose(f);
	return found;
}

/* How many mounts this namespace has. */
static inline int mt_count_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int n = 0, c;

	CHECK(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	(void)fclose(f);
	return n;
}
