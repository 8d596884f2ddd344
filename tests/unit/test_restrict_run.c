/* SPDX-License-Identifier: Apache-2.0
 * test_restrict_run.c - run and ffi: which files may be mapped as code, which of them executed.
 */
#include "tests/unit/restrict_test.h"

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
/* Only code is limited. */
#define FILES ALLOW(READ, "*"), ALLOW(WRITE, "*")

static bool guards(const struct rt *t, const char *name)
{
	for (size_t i = 0; i < t->p->guard.n_rules; i++)
		for (size_t k = 0; k < t->p->guard.rules[i].names.n; k++)
			if (!strcmp(t->p->guard.rules[i].names.v[k], name))
				return true;
	return false;
}

static const char *sysctl(const struct rt *t, const char *key)
{
	for (size_t i = 0; i < t->p->n_sysctl; i++)
		if (!strcmp(t->p->sysctl[i].key, key))
			return t->p->sysctl[i].value;
	return NULL;
}

static void everything_else_is_noexec(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC(",{'destination':'/data','type':'bind','source':'/usr','options':['rbind','exec']}", ""), FILES);
	assert_true(t->p->rootfs_attr_set & MOUNT_ATTR_NOEXEC);
	assert_false(t->p->rootfs_attr_set & MOUNT_ATTR_RDONLY);
	for (size_t i = 0; i < t->p->n_mounts; i++)
		assert_true(t->p->mounts[i].attr_set & MOUNT_ATTR_NOEXEC && !(t->p->mounts[i].attr_clr & MOUNT_ATTR_NOEXEC));
	assert_true(rt_mount(t, "/data")->rec_set & MOUNT_ATTR_NOEXEC);
	/* The program of the document, its loader and its library; read-only where everything may be written. */
	assert_string_equal(rt_flags(t, "/usr/bin/tool"), "x-w");
	assert_string_equal(rt_flags(t, RT_LOADER), "x-w");
	assert_string_equal(rt_flags(t, "/usr/lib/liba.so"), "x-w");
	assert_int_equal(t->p->n_rebinds, 7);
	assert_int_equal(t->p->landlock.handled_fs, EXECUTE);
	assert_int_equal(rt_access(t, "/usr/bin/tool"), EXECUTE);
	assert_int_equal(rt_access(t, "/usr/lib/liba.so"), 0);
	/* Memory that becomes code, and files in memory. */
	assert_true(t->p->mdwe);
	assert_true(guards(t, "memfd_create") && guards(t, "ptrace") && guards(t, "mount") && guards(t, "personality"));
	assert_null(sysctl(t, "vm/memfd_noexec"));
	assert_true(rt_mount(t, "/proc")->attr_set & MOUNT_ATTR_RDONLY);
}

static void named_programs(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "other,nonsuch"));
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "x-w");
	assert_int_equal(rt_access(t, "/usr/bin/other"), EXECUTE);
	assert_string_equal(rt_rebind(t, "/usr/bin/other")->from, "--flag");
	assert_string_equal(rt_rebind(t, "/usr/bin/tool")->from, "config.json#/process/args");
	assert_true(rt_says(&t->p->notes, "run: there is no program 'nonsuch'"));
	REFUSES(t, RT_DOC("", ""), "run: none of the programs is in the container ('nonsuch', ...)", FILES,
		ALLOW(RUN, "nonsuch,/usr/bin/none"));
	assert_string_equal(t->e.where, "--flag");
}

static void programs_in_mounts_and_folders(void **state)
{
	struct rt *t = *state;

	rt_dirs(t->fd, "data/bin");
	em_write(t->fd, "data/bin/own", &(struct em){ .bits = 64 });
	ps_auto_mem char *doc = rt_text(RT_DOC(",{'destination':'/data','type':'tmpfs','source':'tmpfs'}"
					       ",{'destination':'/m','type':'bind','source':'%s/data','options':['rbind']}"
					       ",{'destination':'/n','type':'bind','source':'%s/data','options':['rbind','noexec']}", ""),
					t->path, t->path);

	RESTRICT(t, doc, FILES, ALLOW(RUN, "/m/bin/own,/n/bin/own"));
	assert_string_equal(rt_flags(t, "/m/bin/own"), "x-w");
	/* What the document mounts noexec stays so; and who may be run may not be written. */
	assert_string_equal(rt_flags(t, "/n/bin/own"), "-w");
	assert_true(rt_says(&t->p->notes, "'/n/bin/own' is mounted noexec by config.json#/mounts/7"));
	/* Covered by a tmpfs. */
	REFUSES(t, doc, "run: none of the programs is in the container ('/data/bin/own')", FILES, ALLOW(RUN, "/data/bin/own"));
}

/* A folder: all in it, with what its programs consist of. */
static void programs_of_a_folder(void **state)
{
	struct rt *t = *state;
	char name[32];

	rt_dirs(t->fd, "data/bin/sub");
	em_write(t->fd, "usr/lib/libown.so", &(struct em){ .bits = 64 });
	em_write(t->fd, "usr/lib/libother.so", &(struct em){ .bits = 64 });
	em_write(t->fd, "data/bin/sub/own", &(struct em){ .interp = RT_LOADER, .needed = { "libown.so" } });
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "/data/bin"));
	assert_string_equal(rt_flags(t, "/data/bin"), "x-w");
	assert_true(rt_rebind(t, "/data/bin")->recursive);
	assert_int_equal(rt_access(t, "/data/bin"), EXECUTE);
	assert_string_equal(rt_flags(t, "/data/bin/sub/own"), "");
	assert_string_equal(rt_flags(t, "/usr/lib/libown.so"), "x-w");
	assert_int_equal(rt_access(t, "/usr/lib/libown.so"), 0);
	assert_string_equal(rt_flags(t, "/usr/lib/libother.so"), "");
	/* Only kept in its place: what it holds is listed. */
	assert_string_equal(rt_flags(t, "/usr/lib"), "-x");
	/* More than can be looked at: any library, and of those only loaders are programs. */
	for (int i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), "data/bin/p%d", i);
		em_write(t->fd, name, &(struct em){ .bits = 64 });
	}
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "/data/bin"));
	assert_string_equal(rt_flags(t, "/usr/lib"), "x-w");
	assert_int_equal(rt_access(t, "/usr/lib"), 0);
	assert_int_equal(rt_access(t, RT_LOADER), EXECUTE);
	assert_true(rt_says(&t->p->warnings, "run: '/data/bin' has too many programs to look at each: any library of the system may be loaded (--flag)"));
	/* Of the system's own programs it is what one expects. */
	for (int i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), "usr/bin/p%d", i);
		em_write(t->fd, name, &(struct em){ .bits = 64 });
	}
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "/usr/bin"));
	assert_true(rt_says(&t->p->notes, "run: '/usr/bin' has too many programs to look at each"));
	assert_int_equal(t->p->warnings.n, 0);
}

static void the_path_that_the_payload_has(void **state)
{
	static const struct spec_kv set[] = { { "PATH", "/nowhere:/work/bin", "--env" } };
	struct rt *t = *state;

	rt_dirs(t->fd, "work/bin");
	em_write(t->fd, "work/bin/other", &(struct em){ .bits = 64 });
	t->settings.env_set = (struct spec_kvs){ set, 1 };
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "other"));
	assert_string_equal(rt_flags(t, "/work/bin/other"), "x-w");
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "");
}

static void writable_around_programs(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), ALLOW(WRITE, "/usr/bin,/usr/bin/other"), ALLOW(RUN, "other"));
	assert_string_equal(rt_flags(t, "/usr/bin"), "-xw");
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "x-w");
	assert_true(rt_says(&t->p->warnings, "write: '/usr/bin/other' stays read-only: it may be run (--flag)"));
}

static void denied_programs(void **state)
{
	struct rt *t = *state;

	/* Inside of a folder, by name and by path. */
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "/usr/bin"), DENY(RUN, "other"));
	assert_string_equal(rt_flags(t, "/usr/bin"), "x-w");
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "-x");
	RESTRICT(t, RT_DOC("", ""), DENY(RUN, "/bin/other"));
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "-x");
	assert_int_equal(t->p->n_rebinds, 1);
	assert_int_equal(t->p->landlock.handled_fs, 0);
	assert_false(t->p->rootfs_attr_set & MOUNT_ATTR_NOEXEC);
	/* Listed and denied is denied; and where nothing else is executable nothing needs to be done. */
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "other,tool"), DENY(RUN, "other"));
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "");
	assert_int_equal(rt_access(t, "/usr/bin/other"), 0);
	/* One name of many is all of them. */
	assert_int_equal(symlinkat("other", t->fd, "usr/bin/wget"), 0);
	RESTRICT(t, RT_DOC("", ""), DENY(RUN, "wget"));
	assert_true(rt_says(&t->p->warnings, "run: 'wget' is '/usr/bin/other': all of that is denied (--flag)"));
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "-x");
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "other"), DENY(RUN, "*"));
	assert_int_equal(rt_access(t, "/usr/bin/other"), 0);
	assert_int_equal(rt_access(t, "/usr/bin/tool"), EXECUTE);
}

static void listed_libraries(void **state)
{
	struct rt *t = *state;

	rt_dirs(t->fd, "opt/plugins");
	em_write(t->fd, "opt/plugins/p.so", &(struct em){ .needed = { "libq.so" } });
	em_write(t->fd, "usr/lib/libq.so", &(struct em){ .bits = 64 });
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), ALLOW(FFI, "/opt/plugins/p.so,/work/out"));
	assert_string_equal(rt_flags(t, "/opt/plugins/p.so"), "x-w");
	assert_string_equal(rt_flags(t, "/usr/lib/libq.so"), "x-w");
	assert_string_equal(rt_flags(t, "/work/out"), "x-w");
	assert_int_equal(rt_access(t, "/opt/plugins/p.so"), READ_FILE);
	assert_int_equal(rt_access(t, "/work/out"), READ_FILE | READ_DIR);
	REFUSES(t, RT_DOC("", ""), "ffi: the container has no '/opt/none.so' (a '?' behind it lets it be missing)",
		ALLOW(FFI, "/opt/none.so"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(FFI, "/opt/plugins/p.so"), DENY(FFI, "/opt/plugins"));
	assert_string_equal(rt_flags(t, "/opt/plugins/p.so"), "");
}

static void code_that_is_made_at_run_time(void **state)
{
	struct rt *t = *state;

	t->settings.jit = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), FILES);
	assert_false(t->p->mdwe);
	assert_false(guards(t, "memfd_create"));
	assert_string_equal(sysctl(t, "vm/memfd_noexec"), "2");
	REFUSES(t, RT_DOC_NS("{'type':'mount'}", "", ""),
		"run: memory can be executed as a file: to forbid that needs a pid namespace of the container's own", FILES);
	t->host.memfd_noexec = false;
	REFUSES(t, RT_DOC("", ""), "run: memory can be executed as a file: this kernel cannot forbid it (Linux 6.3)", FILES);
	t->settings.jit = (struct opt_bool){ false, false };
	t->host.mdwe = false;
	REFUSES(t, RT_DOC("", ""), "ffi: this kernel cannot keep memory from becoming executable (Linux 6.3)", FILES);
	t->settings.best_effort = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), FILES);
	assert_true(rt_says(&t->p->warnings, "ffi: this kernel cannot keep memory"));
	assert_false(t->p->mdwe);
}

static void one_without_the_other(void **state)
{
	struct rt *t = *state;

	/* Everything may be loaded: then nothing is noexec, and the loader is no secret. */
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(FFI, "*"), ALLOW(RUN, "other"));
	assert_int_equal(t->p->rootfs_attr_set & MOUNT_ATTR_NOEXEC, 0);
	assert_true(rt_says(&t->p->warnings, "run: everything may be loaded as code"));
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "-w");
	assert_int_equal(rt_access(t, "/usr/bin/other"), EXECUTE);
	assert_false(t->p->mdwe);
	assert_string_equal(sysctl(t, "vm/memfd_noexec"), "2");
	/* Everything may be run. */
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(RUN, "*"));
	assert_int_equal(t->p->n_rebinds, 0);
	assert_true(rt_says(&t->p->notes, "ffi: everything may be loaded, because everything may be run"));
	REFUSES(t, RT_DOC("", ""), "ffi: what is loaded cannot be limited where everything may be run", FILES, ALLOW(RUN, "*"),
		ALLOW(FFI, "/usr/lib"));
	/* Then programs have to be readable. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), ALLOW(RUN, "*"));
	assert_int_equal(rt_access(t, "/usr/bin"), READ_FILE | READ_DIR);
	assert_int_equal(rt_access(t, "/usr/lib"), READ_FILE | READ_DIR);
}

static void hooks_of_the_container_can_run(void **state)
{
	struct rt *t = *state;

	em_write(t->fd, "usr/bin/hook", &(struct em){ .bits = 64 });
	RESTRICT(t, RT_DOC("", ",'hooks':{'startContainer':[{'path':'/usr/bin/hook'}]}"), FILES);
	assert_string_equal(rt_flags(t, "/usr/bin/hook"), "x-w");
	/* Not by the payload. */
	assert_int_equal(rt_access(t, "/usr/bin/hook"), 0);
}

static void relative_programs_and_none(void **state)
{
	struct rt *t = *state;
	const char *doc = "{'ociVersion':'1.3.0','root':{'path':'rootfs'},'linux':{'namespaces':[" RT_NS "]}"
			  ",'process':{'user':{'uid':0,'gid':0},'cwd':'/work','args':['./own']}}";

	em_write(t->fd, "work/own", &(struct em){ .bits = 64 });
	RESTRICT(t, doc, FILES);
	assert_string_equal(rt_flags(t, "/work/own"), "x-w");
	RESTRICT(t, "{'ociVersion':'1.3.0','root':{'path':'rootfs'},'linux':{'namespaces':[" RT_NS "]}}", FILES);
	assert_int_equal(t->p->n_rebinds, 0);
}

/* A root that is made for one program: what no mount brings is not there, and links are made again. */
static void a_root_made_of_mounts(void **state)
{
	struct rt *t = *state;
	const char *b = t->path;
	ps_auto_mem char *doc = rt_text(
		"{'ociVersion':'1.3.0','root':{'path':'tmpfs'},'annotations':{'io.podshim.rootfs':'tmpfs'},'linux':{'namespaces':[" RT_NS "]}"
		",'process':{'user':{'uid':0,'gid':0},'cwd':'/work','args':['/bin/tool'],'env':['PATH=/bin']}"
		",'mounts':[{'destination':'/usr','type':'none','source':'%s/usr','options':['rbind','rro','rnoexec']}"
		",{'destination':'/bin','type':'none','source':'%s/bin','options':['bind','copy-symlink']}"
		",{'destination':'/lib64','type':'none','source':'%s/lib64','options':['rbind','rro','rnoexec']}"
		",{'destination':'/work/out','type':'none','source':'%s/work/out','options':['rbind','rnoexec']}]}", b, b, b, b);

	RESTRICT(t, doc, ALLOW(RUN, "other"), ALLOW(WRITE, "/work/out"), ALLOW(READ, "/bin,/work"), DENY(READ, "/etc"));
	assert_string_equal(rt_flags(t, "/usr/bin/tool"), "x-w");
	assert_string_equal(rt_flags(t, "/usr/bin/other"), "x-w");
	assert_string_equal(rt_flags(t, RT_LOADER), "x-w");
	assert_int_equal(rt_access(t, "/usr/bin"), READ_FILE | READ_DIR);
	assert_int_equal(rt_access(t, "/work"), READ_FILE | READ_DIR);
	assert_false(rt_mount(t, "/work/out")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(t->p->rootfs_attr_set & MOUNT_ATTR_RDONLY);
	/* The host's is not there. */
	assert_false(rt_masked(t, "/etc"));
	REFUSES(t, doc, "read: the container has no '/etc/passwd' (a '?' behind it lets it be missing)", ALLOW(READ, "/etc/passwd"));
	/* So it can be ignored. */
	const struct rt_entry ignored[] = { { POLICY_READ, POLICY_IGNORE, "/etc/passwd" }, { 0, 0, NULL } };

	assert_int_equal(rt_run(t, doc, ignored), 0);
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		BOX(everything_else_is_noexec),
		BOX(named_programs),
		BOX(programs_in_mounts_and_folders),
		BOX(programs_of_a_folder),
		BOX(the_path_that_the_payload_has),
		BOX(writable_around_programs),
		BOX(denied_programs),
		BOX(listed_libraries),
		BOX(code_that_is_made_at_run_time),
		BOX(one_without_the_other),
		BOX(hooks_of_the_container_can_run),
		BOX(relative_programs_and_none),
		BOX(a_root_made_of_mounts),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
