/* SPDX-License-Identifier: Apache-2.0
 * test_features.c - the features document: complete by the runtime-spec, and nothing in it that is not done.
 */
#include "tests/unit/unit.h"

#include "base/arena.h"
#include "oci/json.h"
#include "oci/names.h"
#include "oci/state.h"

static struct ps_arena arena;

static int teardown(void **state)
{
	(void)state;
	ps_arena_done(&arena);
	return 0;
}

static const struct json *document(const struct host_facts_for_features *h)
{
	static const char start[] = "{\n  \"ociVersionMin\": \"1.0.0\",\n  \"ociVersionMax\": \"1.3.0\",\n  \"hooks\": [\n";
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	struct json *root = NULL;

	features_write(&b, h);
	assert_false(b.failed);
	assert_int_equal(strncmp(b.data, start, strlen(start)), 0);
	if (json_parse(&arena, "features", b.data, b.len, &root, &e) < 0)
		fail_msg("%s", e.msg);
	return root;
}

/* Member by a path with '.' between names. */
static const struct json *at(const struct json *j, const char *path)
{
	char name[64];

	while (j && *path) {
		size_t n = strcspn(path, ".");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		j = json_get(j, name);
		path += n + (path[n] == '.');
	}
	return j;
}

static bool flag(const struct json *root, const char *path)
{
	const struct json *j = at(root, path);

	if (!j || j->type != JSON_BOOL)
		fail_msg("no boolean '%s'", path);
	return j->v.b;
}

static size_t count(const struct json *root, const char *path)
{
	const struct json *j = at(root, path);

	if (!j || j->type != JSON_ARRAY)
		fail_msg("no array '%s'", path);
	return j->v.list.n;
}

static bool has(const struct json *root, const char *path, const char *text)
{
	const struct json *j = at(root, path);
	bool found = false;

	for (size_t i = 0; i < count(root, path); i++)
		found |= strcmp(j->v.list.items[i].v.s, text) == 0;
	return found;
}

static const struct host_facts_for_features all = {
	.seccomp = true, .apparmor = true, .selinux = true, .cgroup_v1 = true, .cgroup_v2 = true, .idmap = true,
	.libseccomp = "2.5.4",
};

static void lists_are_the_tables(void **state)
{
	static const char *const hooks[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	};
	const struct json *root = document(&all);

	(void)state;
	assert_int_equal(count(root, "hooks"), PS_COUNT(hooks));
	for (size_t i = 0; i < PS_COUNT(hooks); i++)
		assert_string_equal(at(root, "hooks")->v.list.items[i].v.s, hooks[i]);
	assert_int_equal(count(root, "mountOptions"), n_mount_options);
	assert_true(has(root, "mountOptions", "rro")); /* CRI-O looks for it */
	assert_int_equal(count(root, "linux.namespaces"), 8);
	assert_true(has(root, "linux.namespaces", "time"));
	assert_true(flag(root, "linux.cgroup.rdma"));
	assert_int_equal(count(root, "linux.capabilities"), n_names_capability);
	assert_int_equal(count(root, "linux.seccomp.actions"), n_names_seccomp_action);
	assert_int_equal(count(root, "linux.seccomp.operators"), 7);
	assert_int_equal(count(root, "linux.seccomp.archs"), n_names_seccomp_arch);
	assert_int_equal(count(root, "linux.seccomp.knownFlags"), n_names_seccomp_flag);
	assert_true(has(root, "linux.seccomp.supportedFlags", "SECCOMP_FILTER_FLAG_LOG"));
	assert_int_equal(count(root, "linux.memoryPolicy.modes"), n_names_mempolicy_mode);
	assert_int_equal(count(root, "linux.memoryPolicy.flags"), 3);
	assert_true(has(root, "linux.seccomp.supportedFlags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
	assert_true(has(root, "linux.seccomp.actions", "SCMP_ACT_NOTIFY"));
	assert_true(flag(root, "linux.intelRdt.enabled") && flag(root, "linux.intelRdt.schemata") && flag(root, "linux.intelRdt.monitoring"));
}

static void nothing_is_promised_that_is_refused(void **state)
{
	const struct json *root = document(&all);

	(void)state;
	assert_true(flag(root, "linux.cgroup.systemd"));
	assert_true(flag(root, "linux.cgroup.systemdUser"));
	assert_true(flag(root, "linux.netDevices.enabled"));
	assert_int_equal(count(root, "potentiallyUnsafeConfigAnnotations"), 3);
	assert_true(has(root, "potentiallyUnsafeConfigAnnotations", "org.criu.config"));
	assert_true(has(root, "potentiallyUnsafeConfigAnnotations", "org.systemd.property."));
	assert_true(has(root, "potentiallyUnsafeConfigAnnotations", "run.oci."));
}

static void facts_of_the_host_show(void **state)
{
	static const char *const paths[] = {
		"linux.seccomp.enabled", "linux.apparmor.enabled", "linux.selinux.enabled",
		"linux.cgroup.v1",       "linux.cgroup.v2",        "linux.mountExtensions.idmap.enabled",
	};
	const struct host_facts_for_features one[] = {
		{ .seccomp = true },   { .apparmor = true },  { .selinux = true },
		{ .cgroup_v1 = true }, { .cgroup_v2 = true }, { .idmap = true },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(one); i++) {
		const struct json *root = document(&one[i]);

		for (size_t k = 0; k < PS_COUNT(paths); k++)
			assert_int_equal(flag(root, paths[k]), i == k);
		assert_true(i == 0 || !at(root, "linux.seccomp.actions"));
	}
}

static void versions_are_annotations(void **state)
{
	const struct host_facts_for_features none = { .seccomp = false };
	const struct json *root = document(&all);

	(void)state;
	assert_string_equal(at(root, "annotations")->v.list.items[0].key, "io.podshim.version");
	assert_string_equal(at(root, "annotations")->v.list.items[0].v.s, PODSHIM_VERSION);
	assert_string_equal(at(root, "annotations")->v.list.items[1].key, "org.opencontainers.runc.checkpoint.enabled");
	assert_string_equal(at(root, "annotations")->v.list.items[1].v.s, "true");
	assert_string_equal(at(root, "annotations")->v.list.items[2].key, "run.oci.crun.checkpoint.enabled");
	assert_string_equal(at(root, "annotations")->v.list.items[2].v.s, "true");
	assert_string_equal(at(root, "annotations")->v.list.items[3].key, "io.github.seccomp.libseccomp.version");
	assert_string_equal(at(root, "annotations")->v.list.items[3].v.s, "2.5.4");
	root = document(&none);
	assert_int_equal(at(root, "annotations")->v.list.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lists_are_the_tables, teardown),
		cmocka_unit_test_teardown(nothing_is_promised_that_is_refused, teardown),
		cmocka_unit_test_teardown(facts_of_the_host_show, teardown),
		cmocka_unit_test_teardown(versions_are_annotations, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
