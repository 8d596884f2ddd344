/* SPDX-License-Identifier: Apache-2.0
 * test_labels.c - AppArmor profiles and SELinux labels, against a proc and a sys that are folders.
 */
#include "tests/unit/sandbox_test.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "shim/sandbox/labels.h"

static struct test_plan t;
static struct ps_err e;
static char top[PATH_MAX];

static void make(const char *path, const char *text)
{
	char full[PATH_MAX + 64], *slash = full;

	(void)snprintf(full, sizeof(full), "%s/%s", top, path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	FILE *f = fopen(full, "we");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *text_of(const char *path)
{
	static char line[256];
	char full[PATH_MAX + 64];

	(void)snprintf(full, sizeof(full), "%s/%s", top, path);
	return first_line(full, line, sizeof(line));
}

/* A sandbox whose private procfs is the folder `proc`. */
static struct sandbox fixture(const char *apparmor, const char *selinux)
{
	struct sandbox sb = tp_fresh(&t, &e);
	char path[PATH_MAX + 8];

	t.plan.file = tp_str(&t, "config.json");
	t.plan.apparmor = apparmor ? tp_str(&t, apparmor) : 0;
	t.plan.apparmor_from = tp_str(&t, "config.json#/process/apparmorProfile");
	t.plan.selinux = selinux ? tp_str(&t, selinux) : 0;
	t.plan.selinux_from = tp_str(&t, "--process-label");
	(void)snprintf(path, sizeof(path), "%s/proc", top);
	sb.proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	labels_sysfs = top;
	return sb;
}

static void profile(void *arg)
{
	(void)arg;
	make("proc/self/attr/exec", "");
	struct sandbox sb = fixture("strict", NULL);

	/* As before 5.8. */
	CHECK_OK(labels_apply(&sb, &e), &e);
	CHECK(!strcmp(text_of("proc/self/attr/exec"), "exec strict"));
	make("proc/self/attr/exec", "");
	make("proc/self/attr/apparmor/exec", "");
	CHECK_OK(labels_apply(&sb, &e), &e);
	CHECK(!strcmp(text_of("proc/self/attr/apparmor/exec"), "exec strict"));
	CHECK(!*text_of("proc/self/attr/exec"));
}

static void label(void *arg)
{
	(void)arg;
	make("proc/self/attr/exec", "");
	make("proc/self/attr/keycreate", "");
	struct sandbox sb = fixture(NULL, "u:r:t:s0:c1,c2");

	CHECK_OK(labels_apply(&sb, &e), &e);
	CHECK(!strcmp(text_of("proc/self/attr/exec"), "u:r:t:s0:c1,c2"));
	CHECK(!*text_of("proc/self/attr/keycreate"));
	t.plan.new_keyring = 1;
	CHECK_OK(labels_apply(&sb, &e), &e);
	CHECK(!strcmp(text_of("proc/self/attr/keycreate"), "u:r:t:s0:c1,c2"));
}

/* Engines know these failures by the file in back quotes, and others by words that must not be there. */
static void check_words(const char *path)
{
	CHECK(strstr(e.msg, path));
	CHECK(!strstr(e.msg, "o such file") && !strstr(e.msg, "ermission denied") && !strstr(e.msg, "not permitted"));
	CHECK(e.cls == PS_E_UNSUPP);
}

static void refused(void *arg)
{
	(void)arg;
	make("proc/self/attr/x", "");
	struct sandbox sb = fixture("strict", NULL);

	CHECK_ERR(labels_apply(&sb, &e), &e, "apply AppArmor profile 'strict'");
	check_words("`/proc/self/attr/exec`: the profile is not loaded");
	CHECK(!strcmp(e.where, "config.json: /process/apparmorProfile"));
	sb = fixture("unconfined", NULL);
	CHECK_OK(labels_apply(&sb, &e), &e);
	sb = fixture(NULL, "x");
	CHECK_ERR(labels_apply(&sb, &e), &e, "apply SELinux label 'x'");
	check_words("`/proc/self/attr/exec`");
	CHECK(!strcmp(e.where, "--process-label"));
}

static void what_the_system_has(void *arg)
{
	(void)arg;
	make("module/apparmor/parameters/enabled", "N\n");
	/* A folder of that name is no SELinux. */
	make("fs/selinux/enforce", "1");
	(void)fixture("strict", NULL);
	CHECK_ERR(labels_check(&t.plan, &e), &e, "AppArmor is not enabled on this system");
	check_words("`/proc/self/attr/apparmor/exec`");
	make("module/apparmor/parameters/enabled", "Y\n");
	CHECK_OK(labels_check(&t.plan, &e), &e);
	(void)fixture("unconfined", NULL);
	CHECK_OK(labels_check(&t.plan, &e), &e);
	(void)fixture(NULL, "x");
	CHECK_ERR(labels_check(&t.plan, &e), &e, "SELinux is not enabled on this system");
	check_words("`/proc/self/attr/exec`");
	(void)fixture(NULL, NULL);
	CHECK_OK(labels_check(&t.plan, &e), &e);
	const struct plan_mount mounts[] = { { .target = tp_str(&t, "/t") }, { .target = tp_str(&t, "/u"), .label = tp_str(&t, "l") } };

	t.plan.mounts = TP_ROWS(&t, mounts);
	CHECK_ERR(labels_check(&t.plan, &e), &e, "mount with SELinux label 'l': SELinux is not enabled on this system");
	CHECK(!strcmp(e.where, "config.json: /linux/mountLabel"));
}

/* mqueue is labelled by its root folder, which has to exist: here as an extended attribute of a tmpfs. */
static void root_of_mqueue(void *arg)
{
	(void)tp_fresh(&t, &e);
	struct plan_mount m = { .fstype = tp_str(&t, "mqueue"), .label = tp_str(&t, "l") };

	char got[8];

	(void)arg;
	ps_auto_fd int dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK_OK(label_context(&t.plan, &m, -1, &e), &e);
	m.fstype = tp_str(&t, "tmpfs");
	CHECK_ERR(label_context(&t.plan, &m, -1, &e), &e, "SELinux label 'l'");
	CHECK_OK(label_root(&t.plan, &m, -1, &e), &e);
	m.fstype = tp_str(&t, "mqueue");
	CHECK_ERR(label_root(&t.plan, &m, -1, &e), &e, "SELinux label 'l'");
	if (access("/sys/fs/selinux/enforce", F_OK) < 0) {
		CHECK_OK(label_root(&t.plan, &m, dir, &e), &e);
		CHECK(getxattr(top, "security.selinux", got, sizeof(got)) == 2 && !strcmp(got, "l"));
	}
}

CHILD_TEST(profile)
CHILD_TEST(label)
CHILD_TEST(refused)
CHILD_TEST(what_the_system_has)
CHILD_TEST(root_of_mqueue)

static int top_fd;

static int setup(void **state)
{
	(void)state;
	top_fd = unit_mkdir(top);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(top, top_fd);
	return 0;
}

#define IN_FOLDER(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_profile), IN_FOLDER(test_label), IN_FOLDER(test_refused),
		IN_FOLDER(test_what_the_system_has), IN_FOLDER(test_root_of_mqueue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
