/* SPDX-License-Identifier: Apache-2.0
 * test_golden.c - the whole plan of each tests/golden/NAME.json on three hosts is what NAME.HOST.plan.json says.
 *
 * UPDATE_GOLDEN=1 writes the files anew: review the diff as you would review code.
 */
#include "tests/unit/plan_test.h"

#include "base/abi.h"

static const char folder[] = "tests/golden";

static int is_config(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".json") == 0 && !strstr(d->d_name, ".plan.");
}

/* What permissions take away is in no document: each kind of row once. */
static const struct policy *confined(struct ps_arena *a, const struct policy *p)
{
	static const struct policy_rebind rebinds[] = {
		{ "--allow-run", "/usr/bin/python3", 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } },
		{ "--allow-write", "/work", MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, true, true, { 0, 0 } },
	};
	static const struct policy_landlock_rule rules[] = {
		{ "--allow-read", "/work", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, false, { 0, 0 } },
		{ "--allow-run", "/usr/bin/python3", LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE, true, { 0, 0 } },
		{ "--allow-ffi", "/usr/lib", LANDLOCK_ACCESS_FS_IOCTL_DEV, false, { 0, 0 } }, /* of no right that is taken away */
	};
	static const char *const asked[] = { "connect" }, *const closed[] = { "io_uring_setup" };
	static const struct policy_seccomp_rule calls[] = {
		{ "--allow-net", SECCOMP_RET_USER_NOTIF, { asked, 1 }, NULL, 0 },
		{ "--allow-net", SECCOMP_RET_ERRNO | EPERM, { closed, 1 }, NULL, 0 },
	};
	struct policy *c = ps_arena_new(a, struct policy);

	assert_non_null(c);
	*c = *p;
	c->rootfs_attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
	c->rebinds = rebinds;
	c->n_rebinds = PS_COUNT(rebinds);
	c->landlock.handled_fs = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE |
				 LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;
	c->landlock.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	c->landlock.rules = rules;
	c->landlock.n_rules = PS_COUNT(rules);
	c->mdwe = true;
	c->guard = (struct policy_seccomp){ .set = true, .from = "permissions", .default_action = SECCOMP_RET_ALLOW,
					    .rules = calls, .n_rules = PS_COUNT(calls) };
	return c;
}

/* The plan as `podshim plan --json` prints it, or the error. */
static void plan_text(const char *name, const char *config, int kind, struct ps_buf *text)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct policy_entry *entries = NULL;
	const struct policy *p = NULL;
	const struct spec *s = NULL;
	struct ps_err e = { .cls = PS_OK };
	static struct host h;
	size_t n = 0;

	pt_host(&h, kind);
	if (spec_parse(&a, "config.json", config, strlen(config), &s, &e) < 0 || policy_from_oci(&a, s, "/bundle", &p, &e) < 0) {
		ps_buf_printf(text, "%s: %s\n", e.where, e.msg);
		return;
	}
	if (strcmp(name, "confined.json") == 0)
		p = confined(&a, p);
	if (plan_compile(p, &h, &pt_request, &out, &e) < 0 || policy_entries(&a, p, &entries, &n, &e) < 0) {
		ps_buf_printf(text, "%s: %s\n", e.where, e.msg);
		return;
	}
	assert_non_null(plan_view(out.data, out.len));
	plan_print_json(plan_view(out.data, out.len), &p->seccomp, entries, n, text);
}

static void check_one(const char *name, const char *config, int kind, bool update)
{
	ps_auto_buf struct ps_buf text = { .data = NULL }, want = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX];
	size_t same = 0;

	(void)snprintf(path, sizeof(path), "%s/%.*s.%s.plan.json", folder, (int)(strlen(name) - strlen(".json")), name,
		       pt_host_names[kind]);
	plan_text(name, config, kind, &text);
	if (update) {
		unit_write(AT_FDCWD, path, text.data);
		return;
	}
	if (ps_read_file_at(AT_FDCWD, path, 1 << 22, &want, &e) < 0)
		fail_msg("%s", e.msg);
	while (same < text.len && same < want.len && text.data[same] == want.data[same])
		same++;
	if (same < text.len || same < want.len)
		fail_msg("%s differs at byte %zu; now:\n%.400s", path, same, text.data + (same > 200 ? same - 200 : 0));
}

static void plans_are_the_golden_ones(void **state)
{
	const char *update = getenv("UPDATE_GOLDEN");
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_config, alphasort);

	(void)state;
	assert_true(n > 3);
	for (int i = 0; i < n; i++) {
		ps_auto_buf struct ps_buf config = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (ps_read_file_at(AT_FDCWD, path, 1 << 22, &config, &e) < 0)
			fail_msg("%s", e.msg);
		for (int kind = 0; kind < PT_N_HOSTS; kind++)
			check_one(names[i]->d_name, config.data, kind, update && strcmp(update, "1") == 0);
		free(names[i]);
	}
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_are_the_golden_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
