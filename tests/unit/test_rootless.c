/* SPDX-License-Identifier: Apache-2.0
 * test_rootless.c - a launcher without privileges becomes root of a user namespace of its own, or says why it cannot.
 */
#include "tests/unit/sandbox_test.h"

#include "shim/sandbox/rootless.h"

enum { UID = 4711, GID = 4712 };

static struct ps_err e;

static void become_user(void)
{
	CHECK(ps_sys_setgroups(0, NULL) == 0 && ps_sys_setresgid(GID, GID, GID) == 0 && ps_sys_setresuid(UID, UID, UID) == 0);
	/* As after execve(2): /proc/self is ours. */
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static void enters(void *arg)
{
	struct stat st;
	char map[64];

	(void)arg;
	CHECK(!rootless_needed() && !rootless_entered() && rootless_uid() == 0);
	become_user();
	CHECK(rootless_needed() && rootless_uid() == UID && rootless_gid() == GID);
	CHECK_OK(rootless_enter(NULL, &e), &e);
	CHECK(rootless_entered() && !rootless_needed() && geteuid() == 0 && getegid() == 0);
	CHECK(rootless_uid() == UID && rootless_gid() == GID);
	CHECK(!strcmp(first_line("/proc/self/setgroups", map, sizeof(map)), "deny"));
	CHECK(sscanf(first_line("/proc/self/uid_map", map, sizeof(map)), "%*u %u", &(unsigned){ 0 }) == 1);
	/* Mounts are ours to make, and nobody else's to see; what is root's stays root's. */
	CHECK(mount("x", "/mnt", "tmpfs", 0, "") == 0 && stat("/mnt", &st) == 0 && st.st_uid == 0);
	CHECK(stat("/etc/passwd", &st) == 0 && st.st_uid == 65534 && open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0);
}

/* The namespace's own limit: there is no other to make. */
static void limit_reached(void *arg)
{
	(void)arg;
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/self/uid_map", "0 0 1", &e), &e);
	CHECK_OK(ps_write_file_at(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0", &e), &e);
	CHECK_ERR(rootless_enter(NULL, &e), &e, "running without root takes a user namespace, and this system does not let us make one "
		  "(the limit is reached); see user.max_user_namespaces");
	CHECK(e.cls == PS_E_UNSUPP && !rootless_entered());
}

/* unshare(2) of a user namespace is EPERM in a chroot. */
static void not_permitted(void *arg)
{
	(void)arg;
	CHECK(chroot("/usr") == 0);
	become_user();
	CHECK_ERR(rootless_enter(NULL, &e), &e, "does not let us make one (not permitted)");
	CHECK(e.cls == PS_E_UNSUPP);
}

CHILD_TEST(enters)
CHILD_TEST(limit_reached)
CHILD_TEST(not_permitted)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enters), cmocka_unit_test(test_limit_reached), cmocka_unit_test(test_not_permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
