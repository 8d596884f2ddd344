/* SPDX-License-Identifier: Apache-2.0
 * test_spec_default.c - the documents of `podshim spec` pass the parser and say what they should.
 */
#include "tests/unit/unit.h"

#include "oci/spec.h"

static void assert_strs(struct spec_strs list, const char *joined)
{
	char text[512] = "";

	for (size_t i = 0; i < list.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", list.v[i]);
	assert_string_equal(text, joined);
	if (list.v)
		assert_null(list.v[list.n]);
}

static bool has_namespace(const struct spec *s, const char *type)
{
	for (size_t i = 0; i < s->linux_.n_namespaces; i++)
		if (!strcmp(s->linux_.namespaces[i].type, type))
			return true;
	return false;
}

static const struct spec_mount *find_mount(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (!strcmp(s->mounts[i].destination, destination))
			return &s->mounts[i];
	fail_msg("no mount at %s", destination);
	return NULL;
}

static const struct spec *parse_default(struct ps_arena *a, bool rootless, bool cgroup_ns)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	const struct spec *s = NULL;

	spec_write_default(&text, rootless, cgroup_ns);
	assert_false(text.failed);
	assert_int_equal(text.data[text.len - 1], '\n');
	if (spec_parse(a, "config.json", text.data, text.len, &s, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return s;
}

static void the_default_document(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_default(&a, false, true);

	(void)state;
	assert_string_equal(s->oci_version, "1.3.0");
	assert_true(s->process.terminal && s->process.no_new_privileges && s->root.readonly);
	assert_strs(s->process.args, "sh");
	assert_strs(s->process.caps.bounding, "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE");
	assert_int_equal(s->process.caps.ambient.n + s->process.caps.inheritable.n, 0);
	assert_int_equal(s->n_mounts, 7);
	assert_strs(find_mount(s, "/dev/pts")->options, "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5");
	assert_string_equal(find_mount(s, "/sys")->type, "sysfs");
	assert_int_equal(s->linux_.n_namespaces, 6);
	assert_true(has_namespace(s, "network") && has_namespace(s, "cgroup") && !has_namespace(s, "user"));
	assert_true(s->linux_.resources.n_devices == 1 && !s->linux_.resources.devices[0].allow);
	assert_int_equal(s->linux_.masked_paths.n, 10);
	assert_int_equal(s->linux_.readonly_paths.n, 5);
}

static void the_default_rootless_document(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_default(&a, true, false);

	(void)state;
	assert_true(has_namespace(s, "user") && !has_namespace(s, "network") && !has_namespace(s, "cgroup"));
	assert_true(s->linux_.uid_maps.n == 1 && s->linux_.uid_maps.v[0].host == geteuid());
	assert_true(s->linux_.gid_maps.n == 1 && s->linux_.gid_maps.v[0].host == getegid());
	assert_false(s->linux_.resources.set);
	assert_strs(find_mount(s, "/sys")->options, "rbind nosuid noexec nodev ro");
	assert_strs(find_mount(s, "/dev/pts")->options, "nosuid noexec newinstance ptmxmode=0666 mode=0620");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_document),
		cmocka_unit_test(the_default_rootless_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
