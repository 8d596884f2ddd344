/* SPDX-License-Identifier: Apache-2.0
 * test_cgroup_mount.c - the container's view of its cgroups, bound and by cgroup namespace.
 */
#include <sys/vfs.h>

#include "tests/unit/mount_test.h"

#define INFO "/proc/self/mountinfo"
enum { CGROUP2_MAGIC = 0x63677270, CGROUP1_MAGIC = 0x27e0eb };

static struct plan_cgroup cgroups[20];
static uint32_t n_cgroups;

static struct plan_cgroup *cgroup(unsigned version, const char *controllers)
{
	struct plan_cgroup *c = &cgroups[n_cgroups++];

	*c = (struct plan_cgroup){ .controllers = tp_str(&t, controllers), .version = version, .fd = PLAN_NO_FD };
	return c;
}

static struct plan_mount *cgroup_row(uint32_t kind)
{
	return mt_mount(kind, "cgroup", "cgroup", "/sys/fs/cgroup", (const char *const[]){ NULL });
}

static void prepare(void)
{
	t.plan.cgroups = (struct plan_list){ tp_put(&t, cgroups, n_cgroups * sizeof(cgroups[0])), n_cgroups };
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	CHECK_OK(host_fds_open_cgroups(&t.plan, fds, &e), &e);
}

static void fresh(void)
{
	mt_plan();
	n_cgroups = 0;
	mt_fs("proc", "proc", "/proc");
}

/* ---- Directories of the host, bound; any directory does ---- */

static void look_at_bound(void)
{
	char text[64] = "";

	mt_build();
	CHECK(mt_reads("/sys/fs/cgroup/memory/name", "memory") && mt_reads("/sys/fs/cgroup/systemd/name", "systemd"));
	CHECK(mt_reads("/sys/fs/cgroup/cpuacct/name", "cpu") && mt_reads("/sys/fs/cgroup/unified/name", "unified"));
	CHECK(readlink("/sys/fs/cgroup/cpu", text, sizeof(text)) == 11 && !strcmp(text, "cpu,cpuacct"));
	CHECK(strstr(mt_mountinfo(INFO, "/sys/fs/cgroup"), "ro,nosuid,relatime - tmpfs cgroup rw,"));
	CHECK(strstr(mt_mountinfo(INFO, "/sys/fs/cgroup/memory"), "ro,nosuid,relatime"));
	CHECK(mkdir("/sys/fs/cgroup/x", 0755) < 0 && errno == EROFS);
	CHECK(mkdir("/sys/fs/cgroup/memory/x", 0755) < 0 && errno == EROFS);
}

static uint32_t host_dir(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/tmp/%s", name);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(path, sizeof(path), "/tmp/%s/name", name);
	mt_write(path, name);
	(void)snprintf(path, sizeof(path), "/tmp/%s", name);
	return mt_fd(PLAN_FD_CGROUP_MNT, path);
}

static void bound1(void *arg)
{
	(void)arg;
	mt_host();
	fresh();
	cgroup(1, "memory")->fd = host_dir("memory");
	cgroup(1, "cpu,cpuacct")->fd = host_dir("cpu");
	cgroup(1, "name=systemd")->fd = host_dir("systemd");
	cgroup(2, "")->fd = host_dir("unified");
	cgroup_row(PLAN_MOUNT_CGROUP1)->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
	prepare();
	mt_in(CLONE_NEWPID, look_at_bound);
}
MOUNT_TEST(bound1)

static void look_at_bound2(void)
{
	mt_build();
	CHECK(mt_reads("/sys/fs/cgroup/name", "unified") && mkdir("/sys/fs/cgroup/x", 0755) == 0);
	CHECK(strstr(mt_mountinfo(INFO, "/sys/fs/cgroup"), "rw,noexec,relatime shared:"));
}

static void bound2(void *arg)
{
	struct plan_mount *m;

	(void)arg;
	mt_host();
	for (int by_row = 0; by_row < 2; by_row++) {
		fresh();
		cgroup(2, "");
		m = cgroup_row(PLAN_MOUNT_CGROUP2);
		m->attr_set = MOUNT_ATTR_NOEXEC;
		m->propagation = MS_SHARED;
		CHECK(!by_row || rename("/tmp/unified", "/tmp/used") == 0);
		*(by_row ? &m->fd : &cgroups[0].fd) = host_dir("unified");
		prepare();
		mt_in(CLONE_NEWPID, look_at_bound2);
	}
}
MOUNT_TEST(bound2)

static const char *failure;
static void expect_failure(void)
{
	mt_attach();
	CHECK_ERR(mounts_apply(&sb, &e), &e, failure);
}

static void nothing_to_show(void *arg)
{
	(void)arg;
	mt_host();
	fresh();
	cgroup(1, "memory");
	cgroup_row(PLAN_MOUNT_CGROUP1);
	prepare();
	failure = "mount 'cgroup' to '/sys/fs/cgroup': hierarchy 'memory': "
		  "without a cgroup namespace there is no cgroup directory to show";
	mt_in(0, expect_failure);
	fresh();
	cgroup_row(PLAN_MOUNT_CGROUP2);
	prepare();
	failure = "mount 'cgroup' to '/sys/fs/cgroup': without a cgroup namespace there is no cgroup directory to show";
	mt_in(0, expect_failure);
	fresh();
	t.plan.ns_new = CLONE_NEWCGROUP;
	cgroup(1, "nonesuch");
	cgroup_row(PLAN_MOUNT_CGROUP1);
	prepare();
	failure = "hierarchy 'nonesuch': ";
	mt_in(CLONE_NEWCGROUP, expect_failure);
}
MOUNT_TEST(nothing_to_show)

/* ---- The machine's own hierarchies, in a cgroup namespace ---- */

/* One row per line of /proc/self/cgroup; returns how many are of version 1. */
static uint32_t own_cgroups(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512], controllers[256];
	uint32_t n = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		bool v1 = sscanf(line, "%*d:%255[^:]:", controllers) == 1;

		n += v1;
		cgroup(v1 ? 1 : 2, v1 ? controllers : "");
	}
	(void)fclose(f);
	return n;
}

static void look_at_own1(void)
{
	struct statfs fs;
	char path[300];

	mt_build();
	for (uint32_t i = 0; i < n_cgroups; i++) {
		const char *name = plan_str(&t.plan, cgroups[i].controllers);

		name = cgroups[i].version == 2 ? "unified" : strncmp(name, "name=", 5) ? name : name + 5;
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
		CHECK(statfs(path, &fs) == 0 && fs.f_type == (cgroups[i].version == 2 ? CGROUP2_MAGIC : CGROUP1_MAGIC));
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", name);
		CHECK(access(path, F_OK) == 0);
	}
}

static void own1(void *arg)
{
	(void)arg;
	mt_host();
	fresh();
	t.plan.ns_new = CLONE_NEWCGROUP;
	if (!own_cgroups())
		return;
	cgroup_row(PLAN_MOUNT_CGROUP1);
	prepare();
	mt_in(CLONE_NEWPID | CLONE_NEWCGROUP, look_at_own1);
}
MOUNT_TEST(own1)

static void look_at_own2(void)
{
	struct statfs fs;

	mt_build();
	CHECK(statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_MAGIC);
	CHECK(strstr(mt_mountinfo(INFO, "/sys/fs/cgroup"), " - cgroup2 cgroup rw"));
	CHECK(access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0);
}

static void own2(void *arg)
{
	int joins;

	(void)arg;
	mt_host();
	for (joins = 0; joins < 2; joins++) {
		const struct plan_ns_join row[] = { { .flag = CLONE_NEWCGROUP, .fd = PLAN_NO_FD } };

		fresh();
		if (joins)
			t.plan.ns_joins = TP_ROWS(&t, row);
		else
			t.plan.ns_new = CLONE_NEWCGROUP;
		cgroup_row(PLAN_MOUNT_CGROUP2);
		prepare();
		mt_in(CLONE_NEWPID | CLONE_NEWCGROUP, look_at_own2);
	}
}
MOUNT_TEST(own2)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound1), cmocka_unit_test(test_bound2), cmocka_unit_test(test_nothing_to_show),
		cmocka_unit_test(test_own1),   cmocka_unit_test(test_own2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
