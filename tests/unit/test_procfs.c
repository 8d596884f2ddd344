/* SPDX-License-Identifier: Apache-2.0
 * test_procfs.c - a private procfs that nobody can mount over, and proc of a pid namespace that we are not in.
 */
#include <sys/vfs.h>

#include "base/path.h"
#include "tests/unit/mount_test.h"

static void writes(void)
{
	char text[16] = "x";
	ssize_t n;
	int fd;

	CHECK_OK(procfs_open(&sb, &e), &e);
	CHECK(sb.proc_is_own);
	CHECK_OK(procfs_set_oom_score_adj(&sb, 501, &e), &e);
	fd = procfs_open_at(&sb, "self/oom_score_adj", O_RDONLY);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n == 4 && !memcmp(text, "501\n", 4));
	CHECK_ERR(procfs_write(&sb, "self/oom_score_adj", "5000", &e), &e,
		  "write '5000' to '/proc/self/oom_score_adj': Invalid argument");
	CHECK_ERR(procfs_write(&sb, "self/none", "5", &e), &e, "open '/proc/self/none' to write '5': No such file or directory");
	/* The process is first in the pid namespace whose procfs it is. */
	n = readlinkat(sb.proc_fd, "self", text, sizeof(text));
	CHECK(n == 1 && text[0] == '1' && getpid() == 1);
}

static void own_instance(void *arg)
{
	(void)arg;
	mt_host();
	mt_seal();
	mt_in(CLONE_NEWPID, writes);
}
MOUNT_TEST(own_instance)

/* A fake over the host's /proc/self/oom_score_adj changes nothing; a link that jumps is not taken. */
static void overmounted(void *arg)
{
	int no_openat2, fd;

	(void)arg;
	mt_host();
	mt_seal();
	mt_write("/tmp/fake", "fake\n");
	CHECK_OK(procfs_open(&sb, &e), &e);
	CHECK(mount("/tmp/fake", "/proc/self/oom_score_adj", NULL, MS_BIND, NULL) == 0);
	CHECK_OK(procfs_set_oom_score_adj(&sb, 77, &e), &e);
	CHECK(mt_reads("/tmp/fake", "fake"));

	/* The /proc that was found has the fake in it: seen, and refused. */
	for (no_openat2 = 0; no_openat2 < 2; no_openat2++) {
		struct sandbox found = SANDBOX_INIT(&t.plan, fds);

		ps_path_no_openat2 = no_openat2;
		procfs_refused = true;
		CHECK_OK(procfs_open(&found, &e), &e);
		CHECK(!found.proc_is_own);
		CHECK(procfs_open_at(&found, "self/oom_score_adj", O_WRONLY) == -1 && errno == EXDEV);
		CHECK(procfs_open_at(&found, "../etc", O_RDONLY) == -1 && errno == EXDEV);
		CHECK(procfs_open_at(&found, "self/exe", O_RDONLY) == -1);
		fd = procfs_open_at(&found, "self/oom_score", O_RDONLY);
		CHECK(fd >= 0);
		(void)close(fd);
	}
	CHECK(mt_reads("/tmp/fake", "fake"));
	CHECK(umount2("/proc/self/oom_score_adj", MNT_DETACH) == 0);
}
MOUNT_TEST(overmounted)

/* Before there is a private one: the host's, which has to be a procfs. */
static void early(void *arg)
{
	(void)arg;
	mt_host();
	mt_seal();
	CHECK_OK(procfs_set_oom_score_adj(&sb, 123, &e), &e);
	CHECK(mt_reads("/proc/self/oom_score_adj", "123"));
	CHECK(mount("fake", "/proc", "tmpfs", 0, "") == 0);
	CHECK(mkdir("/proc/self", 0755) == 0);
	mt_write("/proc/self/oom_score_adj", "fake\n");
	CHECK_ERR(procfs_set_oom_score_adj(&sb, 5, &e), &e, "open '/proc/self/oom_score_adj' to write '5': ");
	procfs_refused = true;
	CHECK_ERR(procfs_open(&sb, &e), &e,
		  "'/proc' is not the root of a proc file system and the kernel permits no other");
	CHECK(mt_reads("/proc/self/oom_score_adj", "fake"));
}
MOUNT_TEST(early)

static void only_the_neighbour(void)
{
	mt_build();
	/* The namespace has one process, and we are not it. */
	CHECK(access("/proc/1/status", F_OK) == 0 && access("/proc/2", F_OK) < 0);
	CHECK(readlink("/proc/self", (char[16]){ 0 }, 16) < 0);
}

static void join(bool with_option)
{
	struct plan_ns_join row[] = { { .flag = CLONE_NEWPID } };
	char path[64];
	int status;
	pid_t pid;

	mt_host();
	mt_fs("proc", "proc", "/proc");
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	row[0].fd = mt_fd(PLAN_FD_NS, path);
	rows.fds[row[0].fd].flag = CLONE_NEWPID;
	t.plan.ns_joins = TP_ROWS(&t, row);
	t.plan.bridge_late = 1;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	procfs_no_pidns_option = !with_option;
	mt_in(0, only_the_neighbour);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
}

static void joined_by_option(void *arg)
{
	(void)arg;
	join(true);
}
MOUNT_TEST(joined_by_option)

static void joined_by_helper(void *arg)
{
	(void)arg;
	join(false);
}
MOUNT_TEST(joined_by_helper)

static void not_a_namespace(void *arg)
{
	struct plan_ns_join row[] = { { .flag = CLONE_NEWPID, .fd = 0 } };

	(void)arg;
	mt_host();
	mt_fs("proc", "proc", "/proc");
	t.plan.ns_joins = TP_ROWS(&t, row);
	t.plan.bridge_late = 1;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_attach();
	fds[0] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	procfs_no_pidns_option = true;
	CHECK_ERR(mounts_apply(&sb, &e), &e,
		  "mount 'proc' to '/proc': open proc inside the joined pid namespace: the helper failed");
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}
MOUNT_TEST(not_a_namespace)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_instance),	 cmocka_unit_test(test_overmounted),
		cmocka_unit_test(test_early),		 cmocka_unit_test(test_joined_by_option),
		cmocka_unit_test(test_joined_by_helper), cmocka_unit_test(test_not_a_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
