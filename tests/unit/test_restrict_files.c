/* SPDX-License-Identifier: Apache-2.0
 * test_restrict_files.c - read, write, deny inside of them: rules, mounts, masks.
 */
#include "tests/unit/restrict_test.h"

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define WRITE_FILE LANDLOCK_ACCESS_FS_WRITE_FILE
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
#define MAKE_REG LANDLOCK_ACCESS_FS_MAKE_REG

static void nothing_said_nothing_done(void **state)
{
	struct rt *t = *state;
	const struct permissions none = { .active = false };
	const struct policy *in = pt_policy(&t->a, RT_DOC("", "")), *out = NULL;

	assert_int_equal(permissions_restrict(&t->a, in, &none, &t->host, &out, &t->e), 0);
	assert_ptr_equal(in, out);
}

static void what_is_read_is_listed(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/in,/etc"));
	assert_int_equal(t->p->landlock.handled_fs & (READ_FILE | READ_DIR), READ_FILE | READ_DIR);
	assert_int_equal(rt_access(t, "/work/in"), READ_FILE);
	assert_int_equal(rt_access(t, "/etc"), READ_FILE | READ_DIR);
	assert_int_equal(rt_access(t, "/work"), 0);
	assert_int_equal(rt_access(t, "/"), 0);
	/* What the program itself consists of, and what all programs count on. */
	assert_int_equal(rt_access(t, "/usr/bin/tool"), READ_FILE | EXECUTE);
	assert_int_equal(rt_access(t, RT_LOADER), READ_FILE | EXECUTE);
	assert_int_equal(rt_access(t, "/usr/lib/liba.so"), READ_FILE);
	assert_int_equal(rt_access(t, "/usr/bin/other"), 0);
	assert_true(rt_access(t, "/dev/null") & WRITE_FILE);
	assert_true(rt_access(t, "/proc") & READ_DIR);
	assert_false(rt_access(t, "/proc") & WRITE_FILE);
	assert_true(t->p->process.no_new_privileges);
	/* The input stays as it was. */
	assert_false(pt_policy(&t->a, RT_DOC("", ""))->process.no_new_privileges);
}

static void links_are_followed_once(void **state)
{
	struct rt *t = *state;

	assert_int_equal(symlinkat("/work/in", t->fd, "work/link"), 0);
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/link,/bin"));
	assert_int_equal(rt_access(t, "/work/in"), READ_FILE);
	assert_int_equal(rt_access(t, "/work/link"), 0);
	assert_int_equal(rt_access(t, "/usr/bin"), READ_FILE | READ_DIR);
}

static void what_is_missing_is_an_error(void **state)
{
	struct rt *t = *state;

	REFUSES(t, RT_DOC("", ""), "read: the container has no '/work/none' (a '?' behind it lets it be missing)",
		ALLOW(READ, "/work/none"));
	assert_string_equal(t->e.where, "--flag");
	assert_int_equal(t->e.cls, PS_E_UNSUPP);
	REFUSES(t, RT_DOC("", ""), "write: '/work/new' is missing, and cannot be made in a container's files",
		ALLOW(WRITE, "/work/new/"));
	REFUSES(t, RT_DOC("", ""), "write: the container has no '/tmp/sub' (a '?' behind it lets it be missing)",
		ALLOW(WRITE, "/tmp/sub"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/none?"));
	t->settings.best_effort = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/none,/work/in"));
	assert_true(rt_says(&t->p->warnings, "the container has no '/work/none'"));
	assert_true(rt_says(&t->p->warnings, "(--flag)"));
	assert_int_equal(rt_access(t, "/work/in"), READ_FILE);
}

static void read_without_landlock(void **state)
{
	struct rt *t = *state;

	t->host.landlock_abi = 0;
	REFUSES(t, RT_DOC("", ""), "read: this kernel cannot limit what is read (no Landlock)", ALLOW(READ, "/work/in"));
	t->host.landlock_abi = 1;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/in"));
	assert_false(t->p->landlock.handled_fs &
		     (LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV));
}

static void what_is_written_is_listed(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC(",{'destination':'/data','type':'bind','source':'/usr','options':['rbind']}", ""),
		 ALLOW(WRITE, "/work/out,/tmp"));
	assert_true(t->p->rootfs_attr_set & MOUNT_ATTR_RDONLY);
	assert_string_equal(rt_flags(t, "/work/out"), "-xw");
	assert_true(rt_rebind(t, "/work/out")->recursive);
	/* A mount that is wholly within what may be written needs no other. */
	assert_string_equal(rt_flags(t, "/tmp"), "");
	assert_false(rt_mount(t, "/tmp")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(rt_mount(t, "/data")->attr_set & rt_mount(t, "/data")->rec_set & MOUNT_ATTR_RDONLY);
	assert_true(rt_mount(t, "/dev")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(rt_mount(t, "/proc")->attr_set & MOUNT_ATTR_RDONLY);
	assert_false(rt_mount(t, "/dev/pts")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(rt_access(t, "/work/out") & MAKE_REG);
	assert_true(rt_access(t, "/work/out") & LANDLOCK_ACCESS_FS_REFER);
	assert_false(rt_access(t, "/work/out") & (READ_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK));
	assert_true(t->p->landlock.handled_fs & LANDLOCK_ACCESS_FS_MAKE_BLOCK);
	assert_int_equal(rt_access(t, "/proc") & WRITE_FILE, 0);
	/* A file is written, and nothing is made in it. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(WRITE, "/work/in"));
	assert_int_equal(rt_access(t, "/work/in"), WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE);
	assert_string_equal(rt_flags(t, "/work/in"), "-xw");
	RESTRICT(t, RT_DOC("", ""), ALLOW(WRITE, "/"));
	assert_false(t->p->rootfs_attr_set & MOUNT_ATTR_RDONLY);
}

static void what_the_document_has_read_only_stays_so(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC(",{'destination':'/work/ro','type':'bind','source':'/usr','options':['bind','ro']}", ""),
		 ALLOW(WRITE, "/work"));
	assert_true(rt_mount(t, "/work/ro")->attr_set & MOUNT_ATTR_RDONLY);
	assert_string_equal(rt_flags(t, "/work"), "-xw");
	RESTRICT(t, RT_DOC(",{'destination':'/work/ro','type':'bind','source':'/usr','options':['bind','ro']}", ""),
		 ALLOW(WRITE, "/work/ro/lib"));
	assert_string_equal(rt_flags(t, "/work/ro/lib"), "");
	assert_int_equal(rt_access(t, "/work/ro/lib"), 0);
	assert_true(rt_says(&t->p->notes, "'/work/ro/lib' stays read-only as config.json has it"));
}

static void denied_inside_of_allowed_is_masked(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), DENY(READ, "/work/.env,/etc/passwd,/usr/lib/none"));
	assert_true(rt_masked(t, "/work/.env"));
	/* Nobody could read it anyway; but this one is implied, and so is left out. */
	assert_int_equal(rt_access(t, "/etc/passwd"), 0);
	assert_false(rt_masked(t, "/etc/passwd"));
	/* The document alone allows: everything denied is masked, and there are no rules. */
	RESTRICT(t, RT_DOC("", ""), DENY(READ, "/work/.env,/etc"));
	assert_true(rt_masked(t, "/work/.env") && rt_masked(t, "/etc"));
	assert_int_equal(t->p->landlock.handled_fs, 0);
	/* The way to it is kept: renamed, it would be found at another place by the next container. */
	assert_int_equal(t->p->n_rebinds, 1);
	assert_string_equal(t->p->rebinds[0].path, "/work");
	/* Allowed inside of denied is denied. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/in"), DENY(READ, "/work"));
	assert_int_equal(rt_access(t, "/work/in"), 0);
	/* Everything. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/in"), DENY(READ, "*"));
	assert_int_equal(rt_access(t, "/work/in"), 0);
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/in"), DENY(READ, "/"));
	assert_int_equal(rt_access(t, "/work/in"), 0);
	assert_true(t->p->landlock.handled_fs & READ_FILE);
}

static void denied_and_missing(void **state)
{
	struct rt *t = *state;
	const char *doc = RT_DOC("", "");

	/* Who could make it? */
	REFUSES(t, doc, "read: '/work/later' is missing, and what is made there could not be denied (a '?' behind it accepts that)",
		DENY(READ, "/work/later"));
	RESTRICT(t, doc, DENY(READ, "/work/later?"));
	RESTRICT(t, doc, ALLOW(READ, "/work"), DENY(READ, "/work/later"));
	REFUSES(t, doc, "write: '/work/out/x' is missing, and what is made there could not be denied (a '?' behind it accepts that)",
		ALLOW(WRITE, "/work/out"), DENY(WRITE, "/work/out/x"));
	RESTRICT(t, doc, ALLOW(WRITE, "/work/out"), DENY(WRITE, "/work/x"));
}

static void denied_writing_is_read_only(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), ALLOW(WRITE, "/work"), DENY(WRITE, "/work/out"));
	assert_string_equal(rt_flags(t, "/work"), "-xw");
	assert_string_equal(rt_flags(t, "/work/out"), "-w");
	RESTRICT(t, RT_DOC("", ""), DENY(WRITE, "/work/out"));
	assert_string_equal(rt_flags(t, "/work/out"), "-w");
	assert_int_equal(t->p->n_rebinds, 2);
	assert_false(t->p->rootfs_attr_set);
	REFUSES(t, RT_DOC("", ""), "write: '/dev/null' is no file: a read-only mount does not keep it from being written",
		DENY(WRITE, "/dev/null"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"), ALLOW(WRITE, "/work"), DENY(WRITE, "/dev/null"));
	assert_false(rt_access(t, "/dev/null") & WRITE_FILE);
}

static void parents_come_first(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), ALLOW(WRITE, "/work/out,/work"), DENY(WRITE, "/work/in"), ALLOW(RUN, "other"));
	for (size_t i = 1; i < t->p->n_rebinds; i++)
		assert_true(strcmp(t->p->rebinds[i - 1].path, t->p->rebinds[i].path) < 0);
}

static void every_way_to_what_is_denied(void **state)
{
	struct rt *t = *state;
	const char *host = t->path;

	rt_file(t, "data/secret/key");
	rt_file(t, "data/open/x");
	ps_auto_mem char *doc = rt_text(RT_DOC(",{'destination':'/all','type':'bind','source':'%s','options':['rbind']}"
			      ",{'destination':'/twice','type':'bind','source':'%s/data','options':['rbind']}"
			      ",{'destination':'/inner','type':'bind','source':'%s/data/secret','options':['rbind']}"
			      ",{'destination':'/file','type':'bind','source':'%s/data/secret/key','options':['bind']}"
			      ",{'destination':'/open','type':'bind','source':'%s/data/open','options':['rbind']}", ""),
				       host, host, host, host, host);


	RESTRICT(t, doc, DENY(READ, "/data/secret"));
	assert_true(rt_masked(t, "/data/secret"));
	assert_true(rt_masked(t, "/all/data/secret"));
	assert_true(rt_masked(t, "/twice/secret"));
	assert_true(rt_masked(t, "/inner"));
	assert_true(rt_masked(t, "/file"));
	assert_false(rt_masked(t, "/open"));
	/* From within a bind to the root and the others. */
	RESTRICT(t, doc, DENY(READ, "/twice/secret/key"));
	assert_true(rt_masked(t, "/data/secret/key"));
	assert_true(rt_masked(t, "/inner/key"));
	assert_true(rt_masked(t, "/file"));
	assert_true(rt_masked(t, "/all/data/secret/key"));
	assert_int_equal(t->p->n_masked, 5);
	RESTRICT(t, doc, DENY(WRITE, "/open"));
	assert_string_equal(rt_flags(t, "/data/open"), "-w");
	assert_string_equal(rt_flags(t, "/twice/open"), "-w");
}

static void covered_paths_are_no_ways(void **state)
{
	struct rt *t = *state;

	rt_file(t, "data/x");
	ps_auto_mem char *doc = rt_text(RT_DOC(",{'destination':'/a','type':'bind','source':'%s/data','options':['rbind']}"
			      ",{'destination':'/a','type':'tmpfs','source':'tmpfs'}", ""), t->path);

	RESTRICT(t, doc, DENY(READ, "/data/x"));
	assert_true(rt_masked(t, "/data/x"));
	assert_false(rt_masked(t, "/a/x"));
}

static void links_to_a_file_are_noted(void **state)
{
	struct rt *t = *state;

	assert_int_equal(linkat(t->fd, "work/.env", t->fd, "work/same", 0), 0);
	RESTRICT(t, RT_DOC("", ""), DENY(READ, "/work/.env"));
	assert_true(rt_says(&t->p->notes, "'/work/.env' has 2 names, of which one is denied"));
}

static void globs_are_expanded_now(void **state)
{
	struct rt *t = *state;

	rt_file(t, "work/a/.env");
	rt_file(t, "work/a/b/.env");
	rt_file(t, "work/a/b/x.txt");
	assert_int_equal(symlinkat("/work", t->fd, "work/a/loop"), 0);
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), DENY(READ, "/work/**/.env"));
	assert_true(rt_masked(t, "/work/.env") && rt_masked(t, "/work/a/.env") && rt_masked(t, "/work/a/b/.env"));
	assert_int_equal(t->p->n_masked, 3);
	assert_true(rt_says(&t->p->notes, "'/work/**/.env' stands for 3 paths, and for none that is made later: /work/"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/*/b/*.t*t"));
	assert_int_equal(rt_access(t, "/work/a/b/x.txt"), READ_FILE);
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work/*.none"));
	assert_true(rt_says(&t->p->notes, "'/work/*.none' stands for 0 paths"));
	/* Mount points that are still to be made are there, too. */
	rt_file(t, "data/.env");
	ps_auto_mem char *doc = rt_text(RT_DOC(",{'destination':'/work/vol','type':'bind','source':'%s/data','options':['rbind']}", ""),
					 t->path);

	RESTRICT(t, doc, ALLOW(READ, "/work"), DENY(READ, "/work/**/.env"));
	assert_true(rt_masked(t, "/work/vol/.env"));
}

static void ignored_is_not_denied(void **state)
{
	struct rt *t = *state;
	const struct rt_entry there[] = { { POLICY_READ, POLICY_IGNORE, "/work/.env" }, { 0, 0, NULL } };
	const struct rt_entry missing[] = { { POLICY_READ, POLICY_IGNORE, "/work/none" }, { 0, 0, NULL } };

	assert_int_equal(rt_run(t, RT_DOC("", ""), there), -1);
	assert_string_equal(t->e.msg, "read: '/work/.env' exists, and can be denied but not be made to look missing");
	assert_int_equal(rt_run(t, RT_DOC("", ""), missing), 0);
	t->settings.best_effort = (struct opt_bool){ true, true };
	assert_int_equal(rt_run(t, RT_DOC("", ""), there), 0);
	assert_true(rt_masked(t, "/work/.env"));
}

static void mounts_of_others_are_not_ours_to_change(void **state)
{
	struct rt *t = *state;

	REFUSES(t, RT_DOC_NS("{'type':'pid'}", "", ""),
		"read: what is limited by mounts needs a mount namespace of the container's own", ALLOW(READ, "/work"));
	RESTRICT(t, RT_DOC_NS("{'type':'mount'}", "", ""), ALLOW(READ, "/work"), ALLOW(RUN, "*"), ALLOW(FFI, "*"));
	/* The host's processes. */
	assert_int_equal(rt_access(t, "/proc"), 0);
}

static struct ps_object object_of(const struct rt *t, const char *path)
{
	for (size_t i = 0; i < t->p->landlock.n_rules; i++)
		if (!strcmp(t->p->landlock.rules[i].path, path))
			return t->p->landlock.rules[i].object;
	fail_msg("no rule for %s", path);
	return (struct ps_object){ 0, 0 };
}

/* Left out is /sys, whatever comes after it: what a layer shows has other numbers than what is below it. */
static void layers_after_a_mount_that_is_left_out(void **state)
{
	struct rt *t = *state;
	char *mounts = rt_text(",{'destination':'/work','type':'bind','source':'%s/work','options':['rbind','rw']}"
			       ",{'destination':'/usr/lib','type':'bind','source':'%s/usr/lib','options':['rbind','ro']}", t->path, t->path);
	char *doc = rt_text(RT_DOC("%s", ""), mounts);

	RESTRICT(t, doc, ALLOW(READ, "/work/in,/usr/lib"), ALLOW(WRITE, "/work/out"));
	assert_true(object_of(t, "/work/in").ino);
	assert_true(object_of(t, "/usr/lib").ino);
	t->settings.undo = (struct opt_bool){ .set = true, .v = true };
	RESTRICT(t, doc, ALLOW(READ, "/work/in,/usr/lib"), ALLOW(WRITE, "/work/out"));
	assert_false(object_of(t, "/work/in").ino);
	assert_true(object_of(t, "/usr/lib").ino);
	free(doc);
	free(mounts);
}

static void watching_takes_nothing_away(void **state)
{
	struct rt *t = *state;

	t->settings.mode.set = true;
	t->settings.mode.v = PERM_LEARN;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), DENY(WRITE, "/work"));
	assert_int_equal(t->p->landlock.handled_fs, 0);
	assert_int_equal(t->p->n_rebinds, 0);
	assert_int_equal(t->p->rootfs_attr_set, 0);
	assert_true(t->p->guard.set);
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		BOX(nothing_said_nothing_done),
		BOX(what_is_read_is_listed),
		BOX(links_are_followed_once),
		BOX(what_is_missing_is_an_error),
		BOX(read_without_landlock),
		BOX(what_is_written_is_listed),
		BOX(what_the_document_has_read_only_stays_so),
		BOX(denied_inside_of_allowed_is_masked),
		BOX(denied_and_missing),
		BOX(denied_writing_is_read_only),
		BOX(parents_come_first),
		BOX(every_way_to_what_is_denied),
		BOX(covered_paths_are_no_ways),
		BOX(links_to_a_file_are_noted),
		BOX(globs_are_expanded_now),
		BOX(ignored_is_not_denied),
		BOX(mounts_of_others_are_not_ours_to_change),
		BOX(layers_after_a_mount_that_is_left_out),
		BOX(watching_takes_nothing_away),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
