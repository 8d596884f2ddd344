/* SPDX-License-Identifier: Apache-2.0
 * test_host_fds.c - host objects: what they must be, what they turn into, and that failures leave nothing open.
 */
#include "tests/unit/mount_test.h"

static void fails(const char *text)
{
	int before = unit_open_fds();

	mt_seal();
	CHECK_ERR(host_fds_open(&t.plan, fds, &e), &e, text);
	CHECK(unit_open_fds() == before);
	for (uint32_t i = 0; i < rows.n_fds; i++)
		CHECK(fds[i] == -1);
	mt_plan();
}

static void rootfs_kinds(void *arg)
{
	(void)arg;
	mt_host();
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK(fds[0] >= 0 && (fcntl(fds[0], F_GETFD) & FD_CLOEXEC));
	host_fds_close(&t.plan, fds);
	CHECK(fds[0] == -1);

	mt_plan();
	CHECK(rmdir(ROOTFS) == 0);
	fails("open root file system '/tmp/rootfs': No such file or directory");
	CHECK(mkdir("/tmp/real", 0755) == 0 && symlink("/tmp/real", ROOTFS) == 0);
	fails("root file system '/tmp/rootfs' is a symbolic link");
	CHECK(unlink(ROOTFS) == 0);
	mt_write(ROOTFS, "");
	fails("root file system '/tmp/rootfs' is no directory");
}
MOUNT_TEST(rootfs_kinds)

static void sources(void *arg)
{
	(void)arg;
	mt_host();
	mt_bind("/tmp/missing", "/x");
	fails("open bind source '/tmp/missing': No such file or directory");
	CHECK(!strcmp(e.where, "test: /fd") || !*e.where);

	mt_fd(PLAN_FD_CGROUP_MNT, "/tmp/missing");
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK(fds[1] == -1);
	CHECK_ERR(host_fds_open_cgroups(&t.plan, fds, &e), &e, "open cgroup '/tmp/missing': No such file");
	CHECK(fds[0] == -1);
}
MOUNT_TEST(sources)

static void namespaces(void *arg)
{
	uint32_t fd;

	(void)arg;
	mt_host();
	fd = mt_fd(PLAN_FD_NS, "/proc/self/ns/net");
	rows.fds[fd].flag = CLONE_NEWNET;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	host_fds_close(&t.plan, fds);

	mt_plan();
	fd = mt_fd(PLAN_FD_NS, "/proc/self/ns/net");
	rows.fds[fd].flag = CLONE_NEWPID;
	fails("'/proc/self/ns/net' is not a pid namespace");
	mt_write("/tmp/file", "");
	fd = mt_fd(PLAN_FD_NS, "/tmp/file");
	rows.fds[fd].flag = CLONE_NEWUTS;
	fails("'/tmp/file' is not a uts namespace");
	fd = mt_fd(PLAN_FD_NS, "/tmp/missing");
	rows.fds[fd].flag = CLONE_NEWTIME;
	fails("open time namespace '/tmp/missing': No such file or directory");
}
MOUNT_TEST(namespaces)

static void devices(void *arg)
{
	(void)arg;
	mt_host();
	mt_device_fd("/dev/null", 1, 3);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	host_fds_close(&t.plan, fds);
	mt_plan();
	mt_device_fd("/dev/zero", 1, 3);
	fails("'/dev/zero' is not the character device 1:3");
	rows.fds[mt_device_fd("/dev/null", 1, 3)].type = S_IFBLK;
	fails("'/dev/null' is not the block device 1:3");
	mt_device_fd("/tmp/missing", 1, 3);
	fails("open device '/tmp/missing': No such file or directory");
}
MOUNT_TEST(devices)

/* What the host mounts arrives, what the container mounts does not leave; a shared bind keeps its peers. */
static void attach_both(void)
{
	mt_build();
	CHECK(mount("inner", "/slave/sub", "tmpfs", 0, "") == 0);
	CHECK(mount("inner", "/shared/sub", "tmpfs", 0, "") == 0);
}

static void propagation(void *arg)
{
	(void)arg;
	mt_host();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mount("vol", "/tmp/vol", "tmpfs", 0, "") == 0);
	CHECK(mount("", "/tmp/vol", NULL, MS_SHARED, NULL) == 0);
	CHECK(mkdir("/tmp/vol/a", 0755) == 0 && mkdir("/tmp/vol/b", 0755) == 0);
	CHECK(mkdir("/tmp/vol/a/sub", 0755) == 0 && mkdir("/tmp/vol/b/sub", 0755) == 0);
	mt_bind("/tmp/vol/a", "/slave");
	mt_bind("/tmp/vol/b", "/shared")->propagation = MS_SHARED;
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(0, attach_both);
	CHECK(!*mt_mountinfo("/proc/self/mountinfo", "/tmp/vol/a/sub"));
	CHECK(*mt_mountinfo("/proc/self/mountinfo", "/tmp/vol/b/sub"));
}
MOUNT_TEST(propagation)

static void see_mapped_ids(void)
{
	struct stat st;

	mt_build();
	CHECK(stat("/mapped/file", &st) == 0 && st.st_uid == 3000 && st.st_gid == 4000);
	CHECK(stat("/mapped/sub/file", &st) == 0 && st.st_uid == 0);
	CHECK(stat("/all/sub/file", &st) == 0 && st.st_uid == 3000 && st.st_gid == 4000);
	CHECK(stat("/joined/file", &st) == 0 && st.st_uid == 5000);
}

static int other_userns(void)
{
	int ready[2], fd;
	char path[64], c;
	pid_t pid;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(unshare(CLONE_NEWUSER) == 0 && write(ready[1], "r", 1) == 1);
		(void)pause();
	}
	CHECK(read(ready[0], &c, 1) == 1);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%cid_map", (int)pid, "ug"[i]);
		mt_write(path, "0 5000 10");
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	return fd;
}

static void id_maps(void *arg)
{
	const struct plan_id_map uid[] = { { 0, 3000, 10 } }, gid[] = { { 0, 4000, 10 } };
	struct plan_ns_join join[] = { { .flag = CLONE_NEWUSER } };
	struct plan_mount *m;
	char path[32];

	(void)arg;
	mt_host();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mkdir("/tmp/vol/sub", 0755) == 0);
	CHECK(mount("sub", "/tmp/vol/sub", "tmpfs", 0, "") == 0);
	mt_write("/tmp/vol/file", "");
	mt_write("/tmp/vol/sub/file", "");
	for (int i = 0; i < 2; i++) {
		m = mt_bind("/tmp/vol", i ? "/all" : "/mapped");
		m->flags = i ? PLAN_MOUNT_IDMAP_REC : PLAN_MOUNT_IDMAP;
		m->uid_map = TP_ROWS(&t, uid);
		m->gid_map = TP_ROWS(&t, gid);
	}
	m = mt_bind("/tmp/vol", "/joined");
	m->flags = PLAN_MOUNT_IDMAP;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", other_userns());
	join[0].fd = mt_fd(PLAN_FD_NS, path);
	rows.fds[join[0].fd].flag = CLONE_NEWUSER;
	t.plan.ns_joins = TP_ROWS(&t, join);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	mt_in(0, see_mapped_ids);
}
MOUNT_TEST(id_maps)

static void bad_id_maps(void *arg)
{
	struct plan_id_map many[400];
	struct plan_mount *m;

	(void)arg;
	for (uint32_t i = 0; i < PS_COUNT(many); i++)
		many[i] = (struct plan_id_map){ i, 100000 + i, 1 };
	mt_host();
	mt_bind("/tmp", "/x")->flags = PLAN_MOUNT_IDMAP;
	fails("bind source '/tmp': neither the mount nor the container has an id map");
	m = mt_bind("/tmp", "/x");
	m->flags = PLAN_MOUNT_IDMAP;
	m->uid_map = m->gid_map = TP_ROWS(&t, many);
	fails("400 mappings are more than the kernel takes (one write of 4095 bytes)");
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	many[0].size = 2; /* rows that overlap */
	m = mt_bind("/tmp", "/x");
	m->flags = PLAN_MOUNT_IDMAP;
	m->uid_map = m->gid_map = (struct plan_list){ tp_put(&t, many, 2 * sizeof(many[0])), 2 };
	fails("uid_map");
	m = mt_bind("/proc", "/x");
	m->flags = PLAN_MOUNT_IDMAP;
	m->uid_map = m->gid_map = (struct plan_list){ tp_put(&t, many, sizeof(many[0])), 1 };
	fails("bind source '/proc': map ids (does its file system permit it?)");
}
MOUNT_TEST(bad_id_maps)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rootfs_kinds), cmocka_unit_test(test_sources),
		cmocka_unit_test(test_namespaces),   cmocka_unit_test(test_devices),
		cmocka_unit_test(test_propagation),  cmocka_unit_test(test_id_maps),
		cmocka_unit_test(test_bad_id_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
