/* SPDX-License-Identifier: Apache-2.0
 * test_bind_flags.c - which flags a bind mount has of its source, where they are locked and where not.
 */
#include <sys/statvfs.h>

#include "tests/unit/mount_test.h"

#define INFO "/proc/self/mountinfo"

static void fails(const char *text)
{
	mt_attach();
	CHECK_ERR(mounts_apply(&sb, &e), &e, text);
	CHECK(!strcmp(e.where, "test: /mounts"));
}

/* In a user namespace the flags of inherited mounts are locked; the clones of the launcher keep theirs unless told. */
static void locked(void)
{
	int volume;

	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	fails("mount '/tmp/vol' to '/x': cannot clear locked flags ro,nodev,noatime of the source's mount: Operation not permitted");
	volume = openat(sb.root_fd, "kept/made", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(volume == -1 && errno == EROFS);
}

static void locked_flags(void *arg)
{
	struct plan_mount *m;

	(void)arg;
	mt_host();
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mount("vol", "/tmp/vol", "tmpfs", 0, "") == 0);
	CHECK(mount("", "/tmp/vol", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOATIME, NULL) == 0);
	CHECK(mkdir(ROOTFS "/kept", 0755) == 0 && mkdir(ROOTFS "/x", 0755) == 0);
	mt_bind("/tmp/vol", "/kept")->attr_set = MOUNT_ATTR_NOSUID;
	m = mt_bind("/tmp/vol", "/x");
	m->attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME;
	mt_seal();
	mt_in(CLONE_NEWUSER, locked);
}
MOUNT_TEST(locked_flags)

static void exact_bind(const char *target, uint64_t set, uint64_t clr, uint64_t rec_set)
{
	struct plan_mount *m = mt_bind("/tmp/vol", target);

	m->flags = PLAN_MOUNT_EXACT;
	m->attr_set = set;
	m->attr_clr = clr;
	m->rec_set = rec_set;
}

static void look_at_exact(void)
{
	mt_build();
	CHECK(strstr(mt_mountinfo(INFO, "/free"), "rw,nosuid,noatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/atime"), "rw,nodiratime,relatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/tree"), "ro,noexec,noatime "));
	CHECK(strstr(mt_mountinfo(INFO, "/named"), "rw,noatime "));
}

static void locked_exact(void)
{
	struct statvfs st;
	int kept;

	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	fails("mount '/tmp/vol' to '/named': cannot clear locked flags nodev of the source's mount: Operation not permitted");
	kept = openat(sb.root_fd, "free", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(kept >= 0 && fstatvfs(kept, &st) == 0);
	CHECK((st.f_flag & (ST_RDONLY | ST_NODEV | ST_NOSUID | ST_NOATIME)) == (ST_RDONLY | ST_NODEV | ST_NOSUID | ST_NOATIME));
}

static void locked_atime(void)
{
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	fails("mount '/tmp/vol' to '/atime': cannot clear locked flags noatime of the source's mount: Operation not permitted");
}

/* Flags of the source that are not named go; where they are locked they stay, and to name them fails. */
static void exact_flags(void *arg)
{
	const uint64_t atime = MOUNT_ATTR__ATIME;

	(void)arg;
	mt_host();
	mt_fs("proc", "proc", "/proc");
	CHECK(mkdir("/tmp/vol", 0755) == 0 && mount("vol", "/tmp/vol", "tmpfs", 0, "") == 0);
	CHECK(mount("", "/tmp/vol", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOATIME | MS_NOSYMFOLLOW, NULL) == 0);
	exact_bind("/free", MOUNT_ATTR_NOSUID, 0, 0);
	exact_bind("/atime", MOUNT_ATTR_NODIRATIME, atime, 0);
	exact_bind("/tree", MOUNT_ATTR_NOEXEC, 0, MOUNT_ATTR_RDONLY);
	exact_bind("/named", 0, MOUNT_ATTR_NODEV, 0);
	mt_seal();
	CHECK_OK(host_fds_open(&t.plan, fds, &e), &e);
	mt_in(CLONE_NEWPID, look_at_exact);
	host_fds_close(&t.plan, fds);

	mt_plan();
	exact_bind("/free", MOUNT_ATTR_NOSUID, 0, 0);
	exact_bind("/named", 0, MOUNT_ATTR_NODEV, 0);
	mt_seal();
	mt_in(CLONE_NEWUSER, locked_exact);

	mt_plan();
	exact_bind("/atime", MOUNT_ATTR_NODIRATIME, atime, 0);
	mt_seal();
	mt_in(CLONE_NEWUSER, locked_atime);
}
MOUNT_TEST(exact_flags)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked_flags),
		cmocka_unit_test(test_exact_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
