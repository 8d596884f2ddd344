/* SPDX-License-Identifier: Apache-2.0
 * test_names.c - the name tables: sorted, unique, complete, there and back; signals, sysctl names, container ids.
 */
#include "tests/unit/unit.h"

#include "base/abi.h"
#include "oci/names.h"

#define TABLE(t) { #t, t, &n_##t }
static const struct {
	const char *table;
	const struct ps_name *rows;
	const size_t *n;
} tables[] = {
	TABLE(names_namespace),	    TABLE(names_rlimit),       TABLE(names_signal),	  TABLE(names_capability),
	TABLE(names_seccomp_action), TABLE(names_seccomp_op),	TABLE(names_seccomp_arch), TABLE(names_seccomp_flag),
	TABLE(names_propagation),    TABLE(names_personality),	TABLE(names_sched_policy), TABLE(names_sched_flag),
	TABLE(names_ioprio_class),   TABLE(names_mempolicy_mode), TABLE(names_mempolicy_flag), TABLE(names_time_clock),
};

static void tables_are_sorted_and_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(tables); i++)
		if (*tables[i].n == 0 || !ps_names_sorted(tables[i].rows, *tables[i].n))
			fail_msg("%s", tables[i].table);
	for (size_t i = 1; i < n_mount_options; i++)
		if (strcmp(mount_options[i - 1].name, mount_options[i].name) >= 0)
			fail_msg("%s", mount_options[i].name);
}

static void names_go_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(tables); i++) {
		for (size_t k = 0; k < *tables[i].n; k++) {
			const struct ps_name *row = ps_name_find(tables[i].rows, *tables[i].n, tables[i].rows[k].name);
			assert_ptr_equal(row, &tables[i].rows[k]);
			const char *name = ps_name_of(tables[i].rows, *tables[i].n, row->value);
			assert_true(ps_name_find(tables[i].rows, *tables[i].n, name)->value == row->value);
		}
	}
	for (size_t k = 0; k < n_mount_options; k++)
		assert_ptr_equal(mount_option_find(mount_options[k].name), &mount_options[k]);
	assert_null(mount_option_find("size=64k"));
	assert_null(mount_option_find(""));
}

/* All names of config.md, "Linux mount options" (runtime-spec 1.3.0), and copy-symlink, which crun has, too. */
static void knows_every_mount_option_of_the_spec(void **state)
{
	static const char *const names[] = {
		"async", "atime", "bind", "copy-symlink", "defaults", "dev", "diratime", "dirsync", "exec", "idmap",
		"iversion", "lazytime", "loud", "mand", "noatime", "nodev", "nodiratime", "noexec",
		"noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow",
		"private", "ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap",
		"rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid",
		"rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
		"rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave",
		"strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(names); i++)
		if (!mount_option_find(names[i]))
			fail_msg("%s", names[i]);
	assert_int_equal(n_mount_options, PS_COUNT(names));
}

/* What the kernel asks of mount_setattr(2): the atime field is cleared as a whole before it is set. */
static void mount_options_are_consistent(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_mount_options; i++) {
		const struct mount_option *o = &mount_options[i];
		uint64_t atime = MOUNT_ATTR__ATIME;
		if ((o->attr_set & atime) != 0 || (o->attr_clr & atime) != 0)
			assert_true((o->attr_clr & atime) == atime);
		if (o->recursive)
			assert_true(o->sb_flags == 0 && o->propagation == 0 && o->name[0] == 'r');
		const struct ps_name *p = ps_name_find(names_propagation, n_names_propagation, o->name);
		assert_true(o->propagation == (p ? p->value : 0));
	}
	for (size_t i = 0; i < n_names_propagation; i++)
		assert_non_null(mount_option_find(names_propagation[i].name));
}

/* A recursive option changes the same attributes as its plain form. */
static void recursive_options_mirror_plain_ones(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < n_mount_options; i++) {
		if (!mount_options[i].recursive)
			continue;
		const struct mount_option *plain = mount_option_find(mount_options[i].name + 1);
		assert_non_null(plain);
		assert_true(plain->attr_set == mount_options[i].attr_set &&
			    plain->attr_clr == mount_options[i].attr_clr);
		n++;
	}
	assert_int_equal(n, 18);
}

static void some_mount_options(void **state)
{
	const struct mount_option *o;

	(void)state;
	o = mount_option_find("ro");
	assert_true(o->sb_flags == MS_RDONLY && !o->clear && o->attr_set == MOUNT_ATTR_RDONLY);
	o = mount_option_find("rw");
	assert_true(o->sb_flags == MS_RDONLY && o->clear && o->attr_clr == MOUNT_ATTR_RDONLY);
	o = mount_option_find("rslave");
	assert_true(o->propagation == (MS_SLAVE | MS_REC));
	o = mount_option_find("rbind");
	assert_true(o->sb_flags == (MS_BIND | MS_REC) && o->special == MOUNT_OPT_RBIND);
	o = mount_option_find("ridmap");
	assert_true(o->special == MOUNT_OPT_RIDMAP);
	o = mount_option_find("rnoatime");
	assert_true(o->recursive && o->attr_set == MOUNT_ATTR_NOATIME);
}

static void capabilities_are_all_there(void **state)
{
	(void)state;
	assert_int_equal(n_names_capability, 41);
	for (uint64_t i = 0; i < 41; i++)
		assert_non_null(ps_name_of(names_capability, n_names_capability, i));
	assert_true(ps_name_find(names_capability, n_names_capability, "CAP_CHECKPOINT_RESTORE")->value == 40);
}

static void counts(void **state)
{
	(void)state;
	assert_int_equal(n_names_namespace, 8);
	assert_int_equal(n_names_rlimit, 16);
	assert_int_equal(n_names_seccomp_arch, 23);
	assert_true(ps_name_find(names_rlimit, n_names_rlimit, "RLIMIT_RTTIME")->value == 15);
	assert_true(ps_name_find(names_seccomp_arch, n_names_seccomp_arch, "SCMP_ARCH_X32")->value == SECCOMP_ARCH_X32);
	assert_true(ps_name_find(names_seccomp_action, n_names_seccomp_action, "SCMP_ACT_KILL")->value ==
		    SECCOMP_RET_KILL_THREAD);
}

static void signals(void **state)
{
	static const struct {
		const char *text;
		int number;
	} rows[] = {
		{ "KILL", 9 }, { "SIGKILL", 9 }, { "kill", 9 }, { "sigTerm", 15 }, { "9", 9 }, { "0", 0 },
		{ "64", 64 }, { "65", -1 }, { "-9", -1 }, { "", -1 }, { "SIG", -1 }, { "SIGSIGKILL", -1 },
		{ "KILLER", -1 }, { "9x", -1 }, { " 9", -1 }, { "RTMIN", 34 }, { "RTMIN+0", 34 },
		{ "RTMIN+3", 37 }, { "SIGRTMIN+15", 49 }, { "rtmin+30", 64 }, { "RTMIN+31", -1 },
		{ "RTMIN-1", -1 }, { "RTMIN+", -1 }, { "RTMIN+-1", -1 }, { "SIGRTMAX-1", 63 },
		{ "RTMAX", 64 }, { "RTMAX-30", 34 }, { "RTMAX-31", -1 }, { "RTMAX+1", -1 }, { "RTMID", -1 },
		{ "IOT", 6 }, { "CLD", 17 }, { "POLL", 29 }, { "99999999999", -1 },
		{ "RTMIN+4294967295", -1 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (signal_parse(rows[i].text) != rows[i].number)
			fail_msg("'%s' is %d", rows[i].text, signal_parse(rows[i].text));
}

static void sysctl_names(void **state)
{
	static const struct {
		const char *name, *path;
	} rows[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eno2/100.rp_filter", "net/ipv4/conf/eno2.100/rp_filter" },
		{ "net/ipv4/conf/eno2.100/rp_filter", "net/ipv4/conf/eno2.100/rp_filter" },
		{ "kernel", "kernel" },
	};
	static const char *const bad[] = { "",	      ".",	   "/net",  "net.",    "net..ipv4", "net//ipv4",
					   "net/../x", "net.//.x", "net/.", "net/./x", "..",	    "net/.." };
	char out[40];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		assert_int_equal(sysctl_path(rows[i].name, out, sizeof(out)), 0);
		assert_string_equal(out, rows[i].path);
	}
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		if (sysctl_path(bad[i], out, sizeof(out)) != -1)
			fail_msg("'%s'", bad[i]);
	assert_int_equal(sysctl_path("kernel", out, 6), -1);
	assert_int_equal(sysctl_path("kernel", out, 7), 0);
}

static void container_ids(void **state)
{
	static const char *const good[] = { "a", "A-b_c+d.0", "a..", "-a", "0" };
	static const char *const bad[] = { "", ".", "..", "...", ".a", "a/b", "a b", "a\n", "\xc3\xa9", "a:b", "a@b" };
	char id[1025];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(good); i++)
		if (!container_id_valid(good[i]))
			fail_msg("'%s'", good[i]);
	for (size_t i = 0; i < PS_COUNT(bad); i++)
		if (container_id_valid(bad[i]))
			fail_msg("'%s'", bad[i]);
	memset(id, 'a', sizeof(id));
	id[1023] = '\0';
	assert_true(container_id_valid(id));
	id[1023] = 'a';
	id[1024] = '\0';
	assert_false(container_id_valid(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_sorted_and_unique),
		cmocka_unit_test(names_go_there_and_back),
		cmocka_unit_test(knows_every_mount_option_of_the_spec),
		cmocka_unit_test(mount_options_are_consistent),
		cmocka_unit_test(recursive_options_mirror_plain_ones),
		cmocka_unit_test(some_mount_options),
		cmocka_unit_test(capabilities_are_all_there),
		cmocka_unit_test(counts),
		cmocka_unit_test(signals),
		cmocka_unit_test(sysctl_names),
		cmocka_unit_test(container_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
