/* SPDX-License-Identifier: Apache-2.0
 * floor.c - the floor of the benchmark: only the kernel work that runc's default container costs, and nothing else.
 *
 *	floor run ROOTFS ID FILTER PROGRAM [ARG...]     make the container, run PROGRAM in it, take it down
 *	floor exec PID_FILE FILTER PROGRAM [ARG...]     run PROGRAM in the namespaces and cgroups of that process
 *
 * FILTER is a file of struct sock_filter ready to load, or "-".  Does not: parse JSON, keep state, compile seccomp,
 * resolve paths safely, run hooks, offer a console.  It must not be used for anything but comparison.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abi.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(call) ((call) < 0 ? die(#call) : (void)0)

enum { MAX_FILTER = 4096, STACK_SIZE = 64 * 1024 };

/* The v1 hierarchies, in the order in which a runtime enters them. */
static const char *const hierarchies[] = { "cpuset", "cpu", "cpuacct", "memory", "devices", "freezer", "blkio", "pids",
					   "hugetlb", "net_cls", "net_prio", "perf_event", "rdma", "misc", "systemd" };

static const char *const device_rules[] = { "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:8 rwm", "c 1:7 rwm", "c 5:0 rwm",
					    "c 1:5 rwm", "c 1:9 rwm", "c 5:1 rwm", "c 136:* rwm", "c 5:2 rwm",
					    "c 10:200 rwm" };

static const struct {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
} mounts[] = {
	{ "proc", "proc", "proc", 0, NULL },
	{ "tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k" },
	{ "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k" },
	{ "mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL },
	{ "sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL },
	{ "tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=755" },
};

static const struct {
	const char *name;
	unsigned int major, minor;
} devices[] = { { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };

static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" },
					{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
					{ "pts/ptmx", "dev/ptmx" }, { "/proc/kcore", "dev/core" } };

static const char *const masked[] = { "proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats",
				      "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi" };
static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };

static const int capabilities[] = { 5 /* KILL */, 10 /* NET_BIND_SERVICE */, 29 /* AUDIT_WRITE */ };

struct cgroup {
	const char *hierarchy;
	char path[128];
	int tasks_fd;
};

static struct {
	const char *rootfs;
	char **argv;
	struct cgroup cgroups[N(hierarchies)];
	unsigned int n_cgroups;
	char unified[128];
	int unified_fd;
	struct sock_fprog filter;
} job;

static struct sock_filter filter_insns[MAX_FILTER];
static char stack[STACK_SIZE] __attribute__((aligned(16)));
static char **environment;

__attribute__((noreturn)) static void die(const char *what)
{
	dprintf(2, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void write_text(const char *dir, const char *file, const char *text)
{
	char path[192];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	(void)close(fd);
}

/* cpuset refuses members until both files are filled. */
static void copy_cpuset(const char *dir, const char *file)
{
	char text[256], parent[192];

	(void)snprintf(parent, sizeof(parent), "%s/../%s", dir, file);
	int fd = open(parent, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		die(parent);
	(void)close(fd);
	text[n] = '\0';
	write_text(dir, file, text);
}

static void make_cgroups(const char *id)
{
	for (unsigned int i = 0; i < N(hierarchies); i++) {
		struct cgroup *c = &job.cgroups[job.n_cgroups];
		char tasks[160];

		(void)snprintf(c->path, sizeof(c->path), "/sys/fs/cgroup/%s/%s", hierarchies[i], id);
		if (mkdir(c->path, 0755) < 0) {
			if (errno == ENOENT || errno == EROFS || errno == EACCES)
				continue;
			die(c->path);
		}
		if (strcmp(hierarchies[i], "cpuset") == 0) {
			copy_cpuset(c->path, "cpuset.cpus");
			copy_cpuset(c->path, "cpuset.mems");
		}
		if (strcmp(hierarchies[i], "devices") == 0) {
			write_text(c->path, "devices.deny", "a");
			for (unsigned int r = 0; r < N(device_rules); r++)
				write_text(c->path, "devices.allow", device_rules[r]);
		}
		(void)snprintf(tasks, sizeof(tasks), "%s/tasks", c->path);
		c->hierarchy = hierarchies[i];
		c->tasks_fd = open(tasks, O_WRONLY | O_CLOEXEC);
		if (c->tasks_fd < 0 && errno == ENOENT) { /* a plain directory, no hierarchy */
			CHECK(rmdir(c->path));
			continue;
		}
		CHECK(c->tasks_fd);
		job.n_cgroups++;
	}
	job.unified_fd = -1;
	(void)snprintf(job.unified, sizeof(job.unified), "/sys/fs/cgroup/unified/%s", id);
	if (mkdir(job.unified, 0755) == 0) {
		job.unified_fd = open(job.unified, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(job.unified_fd);
	}
}

static void remove_cgroups(void)
{
	for (unsigned int i = 0; i < job.n_cgroups; i++)
		CHECK(rmdir(job.cgroups[i].path));
	if (job.unified_fd >= 0)
		CHECK(rmdir(job.unified));
}

static void join_cgroups(void)
{
	for (unsigned int i = 0; i < job.n_cgroups; i++)
		CHECK(write(job.cgroups[i].tasks_fd, "0", 1));
}

static void build_root(void)
{
	char path[192];

	CHECK(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	CHECK(mount(job.rootfs, job.rootfs, NULL, MS_BIND | MS_REC, NULL));
	CHECK(chdir(job.rootfs));
	for (unsigned int i = 0; i < N(mounts); i++) {
		if (strncmp(mounts[i].target, "dev/", 4) == 0)
			CHECK(mkdir(mounts[i].target, 0755));
		CHECK(mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data));
	}
	for (unsigned int i = 0; i < job.n_cgroups; i++) {
		(void)snprintf(path, sizeof(path), "sys/fs/cgroup/%s", job.cgroups[i].hierarchy);
		CHECK(mkdir(path, 0755));
		CHECK(mount(job.cgroups[i].path, path, NULL, MS_BIND | MS_REC, NULL));
		CHECK(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL));
	}
	CHECK(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL));
	for (unsigned int i = 0; i < N(devices); i++) {
		(void)snprintf(path, sizeof(path), "dev/%s", devices[i].name);
		CHECK(mknod(path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)));
		CHECK(chmod(path, 0666));
	}
	for (unsigned int i = 0; i < N(links); i++)
		CHECK(symlink(links[i][0], links[i][1]));
	for (unsigned int i = 0; i < N(readonly); i++) {
		if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			CHECK(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	}
	for (unsigned int i = 0; i < N(masked); i++)
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
			CHECK(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k"));
	CHECK(mount(NULL, job.rootfs, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	CHECK(syscall(SYS_pivot_root, ".", "."));
	CHECK(umount2(".", MNT_DETACH));
	CHECK(chdir("/"));
}

static void bring_up_lo(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd);
	CHECK(ioctl(fd, SIOCSIFFLAGS, &lo));
	(void)close(fd);
}

static void drop_privileges_and_exec(char **argv)
{
	struct { uint32_t version; int pid; } header = { 0x20080522, 0 };
	struct { uint32_t effective, permitted, inheritable; } sets[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	struct rlimit files = { 1024, 1024 };

	CHECK(setrlimit(RLIMIT_NOFILE, &files));
	for (unsigned int i = 0; i < N(capabilities); i++)
		sets[0].effective |= UINT32_C(1) << capabilities[i];
	sets[0].permitted = sets[0].inheritable = sets[0].effective;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap >= 32 || (sets[0].effective & UINT32_C(1) << cap) == 0)
			CHECK(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	CHECK(syscall(SYS_setgroups, 0, NULL));
	CHECK(syscall(SYS_setresgid, 0, 0, 0));
	CHECK(syscall(SYS_setresuid, 0, 0, 0));
	CHECK(syscall(SYS_capset, &header, sets));
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	for (unsigned int i = 0; i < N(capabilities); i++)
		CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capabilities[i], 0, 0));
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (job.filter.len > 0)
		CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &job.filter));
	CHECK(syscall(SYS_close_range, 3, ~0U, 4 /* CLOEXEC, 5.11 */));
	(void)execve(argv[0], argv, environment);
	die(argv[0]);
}

static int init(void *arg)
{
	(void)arg;
	join_cgroups();
	build_root();
	bring_up_lo();
	CHECK(sethostname("runc", 4));
	(void)umask(022);
	drop_privileges_and_exec(job.argv);
	return 0;
}

/* clone3 like vfork: the child runs fn on its own stack in our memory and we sleep until it executes or dies. */
static long clone3_vfork(struct clone_args *args, int (*fn)(void *))
{
	long ret;

	args->flags |= CLONE_VM | CLONE_VFORK;
	args->stack = (uint64_t)(uintptr_t)stack;
	args->stack_size = sizeof(stack);
#if defined(__x86_64__)
	__asm__ volatile("syscall\n test %%rax, %%rax\n jnz 1f\n xor %%ebp, %%ebp\n xor %%edi, %%edi\n call *%[fn]\n hlt\n1:"
			 : "=a"(ret) : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), [fn] "r"(fn)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone3, x0 __asm__("x0") = (long)args, x1 __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc #0\n cbnz x0, 1f\n blr %[fn]\n1:" : "+r"(x0) : "r"(x8), "r"(x1), [fn] "r"(fn) : "x30", "memory");
	ret = x0;
#else
#error "floor.c: no clone3 for this architecture"
#endif
	if (ret < 0) {
		errno = (int)-ret;
		die("clone3");
	}
	return ret;
}

static int wait_for(long pid)
{
	int status;

	CHECK(waitpid((pid_t)pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void load_filter(const char *file)
{
	if (strcmp(file, "-") == 0)
		return;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, filter_insns, sizeof(filter_insns));

	if (n < 0)
		die(file);
	job.filter.len = (unsigned short)((size_t)n / sizeof(filter_insns[0]));
	job.filter.filter = filter_insns;
	(void)close(fd);
}

static int run(const char *rootfs, const char *id)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
	};

	job.rootfs = rootfs;
	make_cgroups(id);
	if (job.unified_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)job.unified_fd;
	}
	int status = wait_for(clone3_vfork(&args, init));

	remove_cgroups();
	return status;
}

static int exec_child(void *arg)
{
	(void)arg;
	drop_privileges_and_exec(job.argv);
	return 0;
}

/* "9:cpu,cpuacct:/ID" of /proc/PID/cgroup, except where the process is in the root. */
static void join_cgroups_of(const char *pid)
{
	char path[192], text[4096];

	(void)snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		die(path);
	(void)close(fd);
	text[n] = '\0';
	for (char *save, *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(line, ':') + 1, *dir = strchr(name, ':');

		*dir++ = '\0';
		if (strncmp(name, "name=", 5) == 0)
			name += 5;
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", *name == '\0' ? "unified" : name, dir);
		if (*name == '\0')
			job.unified_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else if (strcmp(dir, "/") != 0)
			write_text(path, "tasks", "0");
	}
}

static int exec_in(const char *pid_file)
{
	char pid[16] = "";
	int fd = open(pid_file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, pid, sizeof(pid) - 1) <= 0)
		die(pid_file);
	(void)close(fd);
	pid[strcspn(pid, "\n")] = '\0';
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	struct clone_args args = { .flags = 0, .exit_signal = SIGCHLD };

	CHECK(pidfd);
	job.unified_fd = -1;
	join_cgroups_of(pid);
	if (job.unified_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)job.unified_fd;
	}
	CHECK(setns(pidfd, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS));
	return wait_for(clone3_vfork(&args, exec_child));
}

int main(int argc, char **argv, char **envp)
{
	environment = envp;
	if (argc >= 6 && strcmp(argv[1], "run") == 0) {
		load_filter(argv[4]);
		job.argv = argv + 5;
		return run(argv[2], argv[3]);
	}
	if (argc >= 5 && strcmp(argv[1], "exec") == 0) {
		load_filter(argv[3]);
		job.argv = argv + 4;
		return exec_in(argv[2]);
	}
	dprintf(2, "usage: floor run ROOTFS ID FILTER PROGRAM [ARG...] | floor exec PID_FILE FILTER PROGRAM [ARG...]\n");
	return 2;
}
