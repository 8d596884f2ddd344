/* SPDX-License-Identifier: Apache-2.0
 * cgroup_plan_test.h - for tests of cgroup.h: plans whose cgroups are ours, and their end.
 */
#pragma once
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/cgroup_dir.h"
#include "tests/unit/cgroup_test.h"

static struct test_plan t;
static struct ps_err e;
static char dirs_room[HIERARCHIES_MAX][640];
static const char *dirs[HIERARCHIES_MAX]; /* those of the plan */
static unsigned n_dirs;

/* A plan with our cgroup `leaf` in the hierarchies of these versions (bits 1 and 2). */
static inline void plan_for(const char *leaf, unsigned versions)
{
	struct plan_cgroup rows[HIERARCHIES_MAX] = { { .version = 0 } };
	char path[256];
	uint32_t n = 0;

	memset(&t, 0, sizeof(t));
	memset(&e, 0, sizeof(e));
	n_dirs = 0;
	(void)snprintf(path, sizeof(path), "%s%s", own_name, leaf);
	for (unsigned i = 0; i < n_hierarchies; i++)
		if (versions & hierarchies[i].version) {
			(void)snprintf(dirs_room[n], sizeof(dirs_room[0]), "%.127s%s", hierarchies[i].mount,
				       path);
			dirs[n] = dirs_room[n];
			rows[n++] =
				(struct plan_cgroup){ .mount = tp_str(&t, hierarchies[i].mount),
						      .path = tp_str(&t, path),
						      .controllers = tp_str(&t, hierarchies[i].controllers),
						      .version = hierarchies[i].version,
						      .fd = PLAN_NO_FD };
		}
	n_dirs = n;
	t.plan.cgroups = (struct plan_list){ tp_put(&t, rows, n * sizeof(rows[0])), n };
}

static inline uint32_t row_of(uint32_t version, const char *controller)
{
	const struct hierarchy *h = hierarchy_of(version, controller);
	const struct plan_cgroup *rows = PLAN_ROWS(&t.plan, struct plan_cgroup, t.plan.cgroups);

	for (uint32_t i = 0; h && i < t.plan.cgroups.n; i++)
		if (strcmp(plan_str(&t.plan, rows[i].mount), h->mount) == 0)
			return i;
	skip();
	return 0;
}

#define assert_error(call, text)                                    \
	do {                                                        \
		assert_int_equal((call), -1);                       \
		if (!strstr(e.msg, (text)))                         \
			fail_msg("'%s' lacks '%s'", e.msg, (text)); \
	} while (0)
#define assert_ok(call)                        \
	do {                                   \
		if ((call) < 0)                \
			fail_msg("%s", e.msg); \
	} while (0)

/* In the launch's order. */
static inline int make_planned(void)
{
	return cgroup_make(&t.plan, 2, 0, &e) < 0 ? -1 : cgroup_make(&t.plan, 1, 0, &e);
}

static inline int open_planned(struct cgroup_fds *ret)
{
	return cgroup_open(&t.plan, 2, ret, &e) < 0 ? -1 : cgroup_open(&t.plan, 1, ret, &e);
}

static inline void make(const char *leaf, unsigned versions)
{
	plan_for(leaf, versions);
	if (!t.plan.cgroups.n)
		skip();
	assert_ok(make_planned());
}

static inline int find(void **state)
{
	(void)state;
	find_hierarchies();
	return 0;
}

/* Also after a failed test. */
static inline int clean(void **state)
{
	struct ps_err ignored;

	(void)state;
	cgroup_patience_ms = 10000;
	for (unsigned i = 0; i < n_hierarchies; i++) {
		(void)snprintf(dirs_room[i], sizeof(dirs_room[0]), "%.127s%s", hierarchies[i].mount,
			       own_name);
		dirs[i] = dirs_room[i];
	}
	(void)cgroup_kill_all(dirs, n_hierarchies, &ignored);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	(void)cgroup_remove(dirs, n_hierarchies, &ignored);
	return 0;
}

/* A limit: f gets a row for file of hierarchy `row`. */
static inline void add_file(struct plan_cgroup_file *f, uint32_t row, const char *file, const char *value,
			    uint32_t flags)
{
	*f = (struct plan_cgroup_file){ .cgroup = row,
					.flags = flags,
					.from = tp_str(&t, "/linux/resources"),
					.file = tp_str(&t, file),
					.value = tp_str(&t, value) };
}
