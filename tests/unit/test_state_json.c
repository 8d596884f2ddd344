/* SPDX-License-Identifier: Apache-2.0
 * test_state_json.c - state.json's text: what is refused and how it is told; the OCI state object's bytes.
 */
#include "tests/unit/unit.h"

#include "base/buf.h"
#include "oci/spec.h"
#include "oci/state_file.h"

static struct state st;

#define REQUIRED "\"version\":1,\"status\":\"created\",\"id\":\"web\",\"bundle\":\"/b\",\"bootId\":\"x\""

static void smallest_record(void **state)
{
	static const char text[] = "{" REQUIRED "}";
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	memset(&st, 0xff, sizeof(st));
	if (state_parse(text, strlen(text), &st, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(st.status, STATE_CREATED);
	assert_string_equal(st.id, "web");
	assert_string_equal(st.rootfs, "");
	assert_int_equal(st.pid, 0);
	assert_int_equal(st.n_cgroup_dirs, 0);
	assert_false(st.exposed);
}

/* A newer podshim must find what an older one wrote; members may be added. */
static void members_keep_their_names(void **state)
{
	static const char *const members[] = {
		"\"status\":\"paused\"", "\"id\":\"web\"", "\"bundle\":\"/b\"", "\"rootfs\":\"/r\"", "\"created\":\"now\"",
		"\"pid\":7", "\"pidStart\":8", "\"launcher\":9", "\"launcherStart\":10", "\"bootId\":\"boot\"",
		"\"owner\":1000", "\"tape\":\"/t\"", "\"exposed\":false",
		"\"cgroupDirs\":[\"/sys/fs/cgroup/web\"]}",
	};
	ps_auto_buf struct ps_buf b = { .data = NULL };
	static struct state s = {
		.id = "web", .status = STATE_PAUSED, .bundle = "/b", .rootfs = "/r", .created = "now", .pid = 7,
		.pid_start = 8, .launcher = 9, .launcher_start = 10, .boot_id = "boot", .owner = 1000, .tape = "/t",
		.n_cgroup_dirs = 1, .cgroup_dirs = { "/sys/fs/cgroup/web" },
	};

	(void)state;
	state_format(&b, &s);
	assert_int_equal(strncmp(b.data, "{\"version\":1,", 13), 0);
	for (size_t i = 0; i < PS_COUNT(members); i++)
		if (!strstr(b.data, members[i]))
			fail_msg("%s has no %s", b.data, members[i]);
}

static void members_of_older_versions_are_no_errors(void **state)
{
	static const char old[] = "{\"version\":1,\"status\":\"created\",\"id\":\"web\",\"bundle\":\"/b\",\"bootId\":\"boot\","
				  "\"cgroup\":\"/podshim/web\",\"rootless\":true,\"exposed\":true,\"pid\":7}";
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	if (state_parse(old, sizeof(old) - 1, &st, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	assert_true(st.exposed);
	assert_int_equal(st.pid, 7);
}

static void every_length_survives(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	static struct state s = { .id = "web" };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	memset(s.bundle, '"', sizeof(s.bundle) - 1); /* two bytes each in the text */
	memset(s.rootfs, 1, sizeof(s.rootfs) - 1);   /* six bytes each */
	s.n_cgroup_dirs = PS_COUNT(s.cgroup_dirs);
	for (size_t i = 0; i < PS_COUNT(s.cgroup_dirs); i++)
		memset(s.cgroup_dirs[i], '/', sizeof(s.cgroup_dirs[i]) - 1);
	state_format(&b, &s);
	assert_true(b.len < STATE_FILE_MAX);
	if (state_parse(b.data, b.len, &st, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	assert_memory_equal(&st, &s, sizeof(s));
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *where, *msg;
	} rows[] = {
		{ "", "state.json", "" },
		{ "[]", "", "state.json holds no object" },
		{ "{" REQUIRED "}x", "state.json", "" },
		{ "{\"version\":1}", "state.json", "has no 'status'" },
		{ "{" REQUIRED ",\"id\":\"web\"}", "state.json", "" },
		{ "{\"version\":2,\"status\":\"created\",\"id\":\"web\",\"bundle\":\"/b\",\"bootId\":\"x\"}",
		  "state.json: /version", "is not version 1" },
		{ "{\"version\":1,\"status\":\"stopped\",\"id\":\"web\",\"bundle\":\"/b\",\"bootId\":\"x\"}",
		  "state.json: /status", "'stopped' is not a stored status" },
		{ "{\"version\":1,\"status\":1,\"id\":\"web\",\"bundle\":\"/b\",\"bootId\":\"x\"}",
		  "state.json: /status", "must be a string" },
		{ "{" REQUIRED ",\"color\":1}", "state.json: /color", "is not a known member" },
		{ "{" REQUIRED ",\"pid\":-1}", "state.json: /pid", "must be a number from 0" },
		{ "{" REQUIRED ",\"pid\":2147483648}", "state.json: /pid", "is out of range" },
		{ "{" REQUIRED ",\"pid\":1.5}", "state.json: /pid", "must be a number from 0" },
		{ "{" REQUIRED ",\"owner\":4294967296}", "state.json: /owner", "is out of range" },
		{ "{" REQUIRED ",\"pidStart\":18446744073709551616}", "state.json", "" },
		{ "{" REQUIRED ",\"exposed\":1}", "state.json: /exposed", "must be true or false" },
		{ "{" REQUIRED ",\"tape\":\"0123456789012345678901234567890123456789\"}", "state.json: /tape",
		  "has 40 bytes, at most 39 fit" },
		{ "{" REQUIRED ",\"rdtGroup\":\"/sys/fs/resctrl/../x\"}", "state.json: /rdtGroup", "is not an absolute clean path" },
		{ "{" REQUIRED ",\"rdtMonitor\":\"x\"}", "state.json: /rdtMonitor", "is not an absolute clean path" },
		{ "{" REQUIRED ",\"cgroupDirs\":{}}", "state.json: /cgroupDirs", "must be an array" },
		{ "{" REQUIRED ",\"cgroupDirs\":[\"a\"]}", "state.json: /cgroupDirs/0", "is not an absolute clean path" },
		{ "{" REQUIRED ",\"cgroupDirs\":[\"/a\",\"/a/../b\"]}", "state.json: /cgroupDirs/1",
		  "is not an absolute clean path" },
		{ "{" REQUIRED ",\"cgroupDirs\":[\"/a/..\"]}", "state.json: /cgroupDirs/0",
		  "is not an absolute clean path" },
		{ "{" REQUIRED ",\"cgroupDirs\":[\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\",\"/\","
		  "\"/\",\"/\",\"/\",\"/\",\"/\"]}", "state.json: /cgroupDirs", "has 17 items, at most 16 fit" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(state_parse(rows[i].text, strlen(rows[i].text), &st, &e), -1);
		if (e.cls != PS_E_CONFIG || strcmp(e.where, rows[i].where) != 0 || !strstr(e.msg, rows[i].msg))
			fail_msg("%s: class %d, '%s: %s'", rows[i].text, (int)e.cls, e.where, e.msg);
	}
}

static void size_is_bounded(void **state)
{
	static char text[STATE_FILE_MAX + 1];
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	memset(text, ' ', sizeof(text));
	assert_int_equal(state_parse(text, sizeof(text), &st, &e), -1);
	assert_string_equal(e.msg, "state.json is larger than 262144 bytes");
}

static void statuses_have_oci_names(void **state)
{
	(void)state;
	assert_string_equal(state_status_name(STATE_CREATING), "creating");
	assert_string_equal(state_status_name(STATE_CREATED), "created");
	assert_string_equal(state_status_name(STATE_RUNNING), "running");
	assert_string_equal(state_status_name(STATE_PAUSED), "paused");
	assert_string_equal(state_status_name(STATE_STOPPED), "stopped");
	assert_string_equal(state_status_name((enum state_status)77), "unknown");
}

static const struct state shown = {
	.id = "web", .bundle = "/run/b", .rootfs = "/run/b/rootfs", .created = "2026-01-02T03:04:05.000000006Z",
	.pid = 1, .status = STATE_CREATED, .tape = "/podshim-0123456789ab", .owner = 1000,
};

static void hooks_get_the_compact_form(void **state)
{
	static const struct spec_kv kv[] = { { .key = "a/b", .value = "c\"d" }, { .key = "e", .value = "" } };
	const struct spec_kvs annotations = { .v = kv, .n = 2 }, none = { .n = 0 };
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)state;
	state_write_oci(&b, 0, &shown, STATE_CREATED, 42, &annotations);
	assert_string_equal(b.data, "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"status\":\"created\",\"pid\":42,"
				    "\"bundle\":\"/run/b\",\"annotations\":{\"a/b\":\"c\\\"d\",\"e\":\"\"}}");
	ps_buf_reset(&b);
	state_write_oci(&b, 0, &shown, STATE_STOPPED, 42, &none);
	assert_string_equal(b.data, "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"status\":\"stopped\",\"pid\":0,"
				    "\"bundle\":\"/run/b\"}");
}

static void people_get_the_pretty_form(void **state)
{
	static const struct spec_kv kv[] = { { .key = "a", .value = "b" } };
	const struct spec_kvs annotations = { .v = kv, .n = 1 };
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct state without = shown;

	(void)state;
	state_write_oci(&b, 2, &shown, STATE_RUNNING, 42, &annotations);
	assert_string_equal(b.data,
		"{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 42,\n  \"status\": \"running\",\n"
		"  \"bundle\": \"/run/b\",\n  \"rootfs\": \"/run/b/rootfs\",\n"
		"  \"created\": \"2026-01-02T03:04:05.000000006Z\",\n  \"annotations\": {\n    \"a\": \"b\"\n  },\n"
		"  \"owner\": \"1000\",\n  \"shm\": \"/podshim-0123456789ab\"\n}");
	ps_buf_reset(&b);
	without.owner = 0;
	without.tape[0] = '\0';
	state_write_oci(&b, 2, &without, STATE_STOPPED, 42, NULL);
	assert_string_equal(b.data,
		"{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 0,\n  \"status\": \"stopped\",\n"
		"  \"bundle\": \"/run/b\",\n  \"rootfs\": \"/run/b/rootfs\",\n"
		"  \"created\": \"2026-01-02T03:04:05.000000006Z\",\n  \"owner\": \"root\"\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smallest_record),
		cmocka_unit_test(members_keep_their_names),
		cmocka_unit_test(members_of_older_versions_are_no_errors),
		cmocka_unit_test(every_length_survives),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(statuses_have_oci_names),
		cmocka_unit_test(hooks_get_the_compact_form),
		cmocka_unit_test(people_get_the_pretty_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
