/* SPDX-License-Identifier: Apache-2.0
 * test_host.c - host facts: cgroup hierarchies from mountinfo and cgroup texts, and this machine.
 * WRAP: uname open read
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/utsname.h>

#include "base/abi.h"
#include "shim/plan/host.h"
#include "tests/unit/fault.h"

static const char *fake_release;
int __real_uname(struct utsname *u);
int __wrap_uname(struct utsname *u);
int __wrap_uname(struct utsname *u)
{
	int r = fault_trip("uname") ? -1 : __real_uname(u);

	if (!r && fake_release)
		(void)snprintf(u->release, sizeof(u->release), "%s", fake_release);
	return r;
}

int __real_open(const char *path, int flags);
int __wrap_open(const char *path, int flags);
int __wrap_open(const char *path, int flags)
{
	return fault_trip("open") ? -1 : __real_open(path, flags);
}

ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	return fault_trip("read") ? -1 : __real_read(fd, buf, n);
}

static void parse(struct host *h, const char *mountinfo, const char *own)
{
	struct ps_err e = { .cls = PS_OK };

	*h = (struct host){ .n_cgroups = 7 };
	if (host_parse_cgroups(h, mountinfo, own, &e) < 0)
		fail_msg("%s", e.msg);
}

#define ROOT "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,cgroup\n"
#define V2 "30 27 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"

static void no_cgroups(void **state)
{
	struct host h;

	(void)state;
	parse(&h, ROOT, "");
	assert_int_equal(h.cgroup_mode, HOST_CGROUP_NONE);
	assert_int_equal(h.n_cgroups, 0);
	parse(&h, "", "0::/\n");
	assert_int_equal(h.cgroup_mode, HOST_CGROUP_NONE);
}

static void unified(void **state)
{
	struct host h;

	(void)state;
	parse(&h, ROOT V2, "0::/user.slice/one\n");
	assert_int_equal(h.cgroup_mode, HOST_CGROUP_V2);
	assert_int_equal(h.n_cgroups, 1);
	assert_int_equal(h.cgroups[0].version, 2);
	assert_string_equal(h.cgroups[0].mount, "/sys/fs/cgroup");
	assert_string_equal(h.cgroups[0].controllers, "");
	assert_string_equal(h.cgroups[0].own, "/user.slice/one");
}

static void version_1_and_hybrid(void **state)
{
	static const char v1[] = "40 1 0:40 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
				 "41 1 0:41 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd\n";
	static const char own[] = "3:name=systemd:/s\n2:cpuset:/\n1:cpu,cpuacct:/a:b\n0::/u\n";
	char both[1024];
	struct host h;

	(void)state;
	parse(&h, v1, own);
	assert_int_equal(h.cgroup_mode, HOST_CGROUP_V1);
	assert_int_equal(h.n_cgroups, 2);
	assert_string_equal(h.cgroups[0].controllers, "cpu,cpuacct");
	assert_string_equal(h.cgroups[0].own, "/a:b");
	assert_string_equal(h.cgroups[1].controllers, "name=systemd");
	assert_string_equal(h.cgroups[1].own, "/s");
	(void)snprintf(both, sizeof(both), "%s50 1 0:50 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", v1);
	parse(&h, both, own);
	assert_int_equal(h.cgroup_mode, HOST_CGROUP_HYBRID);
	assert_int_equal(h.cgroups[2].version, 2);
	assert_string_equal(h.cgroups[2].own, "/u");
}

/* In a container without a cgroup namespace a part of the hierarchy is mounted. */
static void own_path_is_below_the_mounted_part(void **state)
{
	static const struct { const char *root, *path, *own; } rows[] = {
		{ "/docker/x", "/docker/x/y", "/y" }, { "/docker/x", "/docker/x", "/" }, { "/docker/x", "/docker/xy", "/" },
		{ "/docker/x", "/else", "/" },	      { "/", "/../../else", "/" },       { "/", "/", "/" },
	};
	char mountinfo[256], self[64];
	struct host h;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		(void)snprintf(mountinfo, sizeof(mountinfo), "30 27 0:26 %s /cg rw - cgroup2 cgroup2 rw\n", rows[i].root);
		(void)snprintf(self, sizeof(self), "0::%s\n", rows[i].path);
		parse(&h, mountinfo, self);
		assert_string_equal(h.cgroups[0].own, rows[i].own);
	}
}

static void a_hierarchy_counts_once(void **state)
{
	static const char elsewhere[] = "60 1 0:26 /c1 /var/lib/c1/cgroup rw - cgroup2 cgroup2 rw\n";
	char both[1024];
	struct host h;

	(void)state;
	(void)snprintf(both, sizeof(both), "%s%s", elsewhere, V2);
	parse(&h, both, "0::/\n");
	assert_int_equal(h.n_cgroups, 1);
	assert_string_equal(h.cgroups[0].mount, "/sys/fs/cgroup");
	(void)snprintf(both, sizeof(both), "%s%s", V2, elsewhere);
	parse(&h, both, "0::/\n");
	assert_int_equal(h.n_cgroups, 1);
	assert_string_equal(h.cgroups[0].mount, "/sys/fs/cgroup");
}

static void escapes_are_undone(void **state)
{
	struct host h;

	(void)state;
	parse(&h, "30 27 0:26 / /my\\040cg\\134x rw - cgroup2 cgroup2 rw", "0::/");
	assert_string_equal(h.cgroups[0].mount, "/my cg\\x");
}

static void names_that_are_too_long_are_refused(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	struct host h = { .n_cgroups = 0 };
	char line[600], path[301];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	(void)snprintf(line, sizeof(line), "30 27 0:26 / /%s rw - cgroup2 cgroup2 rw\n", path);
	assert_int_equal(host_parse_cgroups(&h, line, "0::/\n", &e), -1);
	assert_int_equal(e.cls, PS_E_UNSUPP);
	assert_non_null(strstr(e.msg, "has a name that is too long"));
}

/* Broken text is read without harm: no line has the fields that it should. */
static void broken_text_is_skipped(void **state)
{
	static const char *const texts[] = { " - cgroup2", "- cgroup", " - cgroup cgroup", "\n\n - cgroup2 \n", "1 2 3 4 - cgroup2 x y" };
	struct ps_err e = { .cls = PS_OK };
	struct host h;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++)
		(void)host_parse_cgroups(&h, texts[i], ":\n::::\n0", &e);
}

static void this_machine(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct host *h = NULL;
	struct ps_err e = { .cls = PS_OK };
	char text[32] = "";
	ps_auto_fd int fd = open("/proc/sys/kernel/cap_last_cap", O_RDONLY | O_CLOEXEC);

	(void)state;
	if (host_probe(&a, &h, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_int_equal(h->last_cap, atoi(text));
	assert_true(h->mount_setattr);
	assert_int_equal(h->euid, geteuid());
	assert_true(h->kernel_major > 5 || h->kernel_minor >= 12);
	for (unsigned i = 0; i < h->n_cgroups; i++)
		assert_int_equal(access(h->cgroups[i].mount, F_OK), 0);
}

/* Only who asks is told. */
static void permissions(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct host *plain = NULL, *full;
	struct ps_err e = { .cls = PS_OK };
	struct { uint64_t fs, net, scoped; } attr = { 0, 0, 3 };

	(void)state;
	assert_int_equal(host_probe(&a, &plain, &e), 0);
	full = plain;
	assert_int_equal(host_probe_policy(&a, &full, &e), 0);
	assert_true(plain != full && !plain->landlock_abi && !plain->mdwe && !plain->memfd_noexec);
	assert_int_equal(full->last_cap, plain->last_cap);
	assert_int_equal(full->memfd_noexec, access("/proc/sys/vm/memfd_noexec", F_OK) == 0);
	assert_int_equal(full->mdwe, full->kernel_major > 6 || (full->kernel_major == 6 && full->kernel_minor >= 3));
	/* Scopes came with ABI 6. */
	ps_auto_fd int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	assert_int_equal(full->landlock_abi >= 6, fd >= 0);
}

static void kernel_versions(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct host *h = NULL;

	(void)state;
	fake_release = "5.11.22-generic";
	assert_int_equal(host_probe(&a, &h, &e), -1);
	assert_int_equal(e.cls, PS_E_UNSUPP);
	assert_string_equal(e.msg, "Linux 5.11.22-generic is too old: 5.12 or newer is needed");
	fake_release = "strange";
	assert_int_equal(host_probe(&a, &h, &e), -1);
	assert_string_equal(e.msg, "the kernel's version 'strange' cannot be read");
	fake_release = "6.16.0";
	assert_int_equal(host_probe(&a, &h, &e), 0);
	assert_false(h->procfs_pidns);
	fake_release = "6.17.0-rc1";
	assert_int_equal(host_probe(&a, &h, &e), 0);
	assert_true(h->procfs_pidns);
	fake_release = NULL;
}

static void every_call_may_fail(void **state)
{
	int before = unit_open_fds(), n;

	(void)state;
	for (n = 1; fault_arm(n, EIO); n++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct host *h = NULL;
		struct ps_err e = { .cls = PS_OK };
		int r = host_probe(&a, &h, &e);

		if (!fault_disarm())
			break;
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
		assert_null(h);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cgroups),
		cmocka_unit_test(unified),
		cmocka_unit_test(version_1_and_hybrid),
		cmocka_unit_test(own_path_is_below_the_mounted_part),
		cmocka_unit_test(a_hierarchy_counts_once),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(names_that_are_too_long_are_refused),
		cmocka_unit_test(broken_text_is_skipped),
		cmocka_unit_test(this_machine),
		cmocka_unit_test(permissions),
		cmocka_unit_test(kernel_versions),
		cmocka_unit_test(every_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
