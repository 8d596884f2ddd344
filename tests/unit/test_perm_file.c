/* SPDX-License-Identifier: Apache-2.0
 * test_perm_file.c - policy files: what they extend, named sets, who may have written them.
 *
 * Documents are written with ' for ".
 *
 * WRAP: calloc open opendir fstat read
 */
#include "tests/unit/unit.h"

#include "tests/unit/fault.h"
#include "tests/unit/layer_test.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(int, open, (const char *p, int f, mode_t m), (p, f, m), -1)
FAULT_WRAP(DIR *, opendir, (const char *p), (p), NULL)
FAULT_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
FAULT_WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1)

static char dir[PATH_MAX];
static int dir_fd;

static int setup(void **state)
{
	(void)state;
	dir_fd = unit_mkdir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(dir, dir_fd);
	return 0;
}

static void put(const char *name, const char *text)
{
	char *s = unit_quotes(text);

	unit_write(dir_fd, name, s);
	free(s);
}

static int of_file(struct ps_arena *a, const char *name, const char *set, struct perm_layers *l,
		   struct ps_err *e)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return perm_layers_of_file(a, path, set, PERM_FILE, l, e);
}

/* The text, with the folder of the files as DIR. */
static void assert_error(const struct ps_err *e, const char *want)
{
	char text[1024], shown[1024] = "", *at;
	const char *p = ps_err_text(e, text, sizeof(text));

	while ((at = strstr(p, dir))) {
		(void)snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%.*sDIR", (int)(at - p),
			       p);
		p = at + strlen(dir);
	}
	(void)snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s", p);
	assert_string_equal(shown, want);
}

static void files_extend_files(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char text[PATH_MAX + 128], from[PATH_MAX + 64];
	(void)state;

	assert_int_equal(mkdirat(dir_fd, "sub", 0755), 0);
	put("a.json",
	    "{'podshimPolicy':1,'extends':['sub/b.json','builtin:no-network'],'permissions':{'read':['/a']}}");
	put("sub/b.json", "{'podshimPolicy':1,'extends':['../c.json'],'permissions':{'read':['/b']}}");
	(void)snprintf(text, sizeof(text),
		       "{'podshimPolicy':1,'extends':['%s/d.json'],'permissions':{'read':['/c']}}", dir);
	put("c.json", text);
	put("d.json", "{'podshimPolicy':1,'permissions':{'read':['/d']}}");
	if (of_file(&a, "a.json", NULL, &l, &e) < 0)
		fail_msg("%s", e.msg);
	perm_assert_layers(&l, " allow-read=/d | allow-read=/c | allow-read=/b | deny-net | allow-read=/a");
	(void)snprintf(from, sizeof(from), "%s/a.json#/permissions/read/0", dir);
	assert_string_equal(l.v[4]->entries.v[0].from, from);
	assert_int_equal(l.v[0]->rank, PERM_FILE);
	assert_string_equal(l.v[3]->entries.v[0].from, "builtin:no-network#/permissions/net/deny");

	/* a mistake below says where it is, and how one came there */
	put("d.json", "{'podshimPolicy':1,'permissions':{'red':['/d']}}");
	assert_int_equal(of_file(&a, "a.json", NULL, &l, &e), -1);
	assert_int_equal(l.n, 5);
	assert_error(&e,
		     "DIR/d.json: /permissions/red: extended by 'DIR/a.json': extended by 'DIR/sub/b.json': "
		     "extended by 'DIR/sub/../c.json': unknown member 'red' (did you mean 'read'?)");
}

static void circles_and_depth(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char name[32], text[128];
	(void)state;

	put("self.json", "{'podshimPolicy':1,'extends':'./self.json'}");
	assert_int_equal(of_file(&a, "self.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/self.json: /extends: 'DIR/./self.json' extends itself");
	put("x.json", "{'podshimPolicy':1,'extends':'y.json'}");
	put("y.json", "{'podshimPolicy':1,'extends':['z.json']}");
	assert_int_equal(symlinkat("x.json", dir_fd, "z.json"), 0);
	assert_int_equal(of_file(&a, "x.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/y.json: /extends/0: extended by 'DIR/x.json': 'DIR/z.json' extends itself");

	for (int i = 0; i <= 9; i++) {
		(void)snprintf(name, sizeof(name), "deep%d.json", i);
		(void)snprintf(text, sizeof(text),
			       i < 9 ? "{'podshimPolicy':1,'extends':'deep%d.json'}" : "{'podshimPolicy':%d}",
			       i < 9 ? i + 1 : 1);
		put(name, text);
	}
	assert_int_equal(of_file(&a, "deep1.json", NULL, &l, &e), 0);
	assert_int_equal(l.n, 9);
	assert_int_equal(of_file(&a, "deep0.json", NULL, &l, &e), -1);
	assert_non_null(strstr(e.msg, "'deep9.json' would be more than 8 policies deep"));
	assert_int_equal(l.n, 9);

	l.n = PS_COUNT(l.v);
	assert_int_equal(of_file(&a, "deep9.json", NULL, &l, &e), -1);
	assert_non_null(strstr(e.msg, "deep9.json is one policy too many: 64 are the most"));
}

static void named_sets(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("sets.json",
	    "{'podshimPolicy':1,'permissions':{'read':true},'permissionSets':{'build':{'net':true},'test':{'net':false}}}");
	assert_int_equal(of_file(&a, "sets.json", "test", &l, &e), 0);
	perm_assert_layers(&l, " allow-read | allow-net=");
	assert_string_equal(strrchr(l.v[1]->name, '#'), "#test");
	l.n = 0;
	assert_int_equal(of_file(&a, "sets.json", NULL, &l, &e), 0);
	perm_assert_layers(&l, " allow-read");
	assert_int_equal(of_file(&a, "sets.json", "tests", &l, &e), -1);
	assert_error(&e, "DIR/sets.json: has no permission set 'tests' (did you mean 'test'?)");
	put("none.json", "{'podshimPolicy':1}");
	assert_int_equal(of_file(&a, "none.json", "x", &l, &e), -1);
	assert_error(&e, "DIR/none.json: has no permission set 'x'");
	put("only.json", "{'podshimPolicy':1,'permissionSets':{'x':{}}}");
	assert_int_equal(of_file(&a, "only.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/only.json: /permissionSets: there are permission sets alone: name one of them");
	/* of what is extended, the set is not asked for */
	put("over.json", "{'podshimPolicy':1,'extends':'only.json','permissionSets':{'x':{'read':true}}}");
	l.n = 0;
	assert_int_equal(of_file(&a, "over.json", "x", &l, &e), 0);
	perm_assert_layers(&l, " | | allow-read");
}

static void deno_json(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("deno.json",
	    "{'tasks':{},'permissions':{'default':{'read':['./x'],'env':{'allow':true,'ignore':['A']},'import':['x.y']},"
	    "'wide':{'all':true}}}");
	assert_int_equal(of_file(&a, "deno.json", NULL, &l, &e), 0);
	perm_assert_layers(&l, " allow-read=./x allow-env ignore-env=A");
	l.n = 0;
	assert_int_equal(of_file(&a, "deno.json", "wide", &l, &e), 0);
	perm_assert_layers(&l, " -A");
	assert_int_equal(of_file(&a, "deno.json", "other", &l, &e), -1);
	assert_error(&e, "DIR/deno.json: has no permission set 'other'");
	put("deno.json", "{'tasks':{}}");
	assert_int_equal(of_file(&a, "deno.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/deno.json: has no permission set 'default'");
	put("other.json", "{'permissions':{'default':{}}}");
	assert_int_equal(of_file(&a, "other.json", NULL, &l, &e), -1);
	assert_error(&e, "DIR/other.json: is no policy: it has no \"podshimPolicy\": 1");
}

static void only_ours_count(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	(void)state;

	put("p.json", "{'podshimPolicy':1}");
	assert_int_equal(fchmodat(dir_fd, "p.json", 0664, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/p.json' can be written by others than its owner: 'chmod go-w' it");
	assert_int_equal(fchmodat(dir_fd, "p.json", 0646, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
	assert_int_equal(fchmodat(dir_fd, "p.json", 0644, 0), 0);
	assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(dir_fd, "p.json", 12345, 0, 0), 0);
		assert_int_equal(of_file(&a, "p.json", NULL, &l, &e), -1);
		assert_error(&e, "'DIR/p.json' is owned by user 12345, who is neither root nor us");
	}
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(of_file(&a, "fifo", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/fifo' is no regular file");
	assert_int_equal(of_file(&a, ".", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/.' is no regular file");
	assert_int_equal(of_file(&a, "nothing", NULL, &l, &e), -1);
	assert_error(&e, "there is no policy 'DIR/nothing'");
	assert_int_equal(e.cls, PS_E_NOTFOUND);
}

static void too_large(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char *text = malloc((1 << 20) + 2);
	(void)state;

	assert_non_null(text);
	memset(text, ' ', (1 << 20) + 1);
	text[(1 << 20) + 1] = '\0';
	unit_write(dir_fd, "large.json", text);
	assert_int_equal(of_file(&a, "large.json", NULL, &l, &e), -1);
	assert_error(&e, "'DIR/large.json' is larger than 1048576 bytes");
	assert_int_equal(
		perm_layers_of_text(&a, "p.json", text, (1 << 20) + 1, NULL, PERM_LAUNCH, false, &l, &e), -1);
	assert_error(&e, "p.json is larger than 1048576 bytes");
	free(text);
}

static void the_system(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct perm_layers l = { .n = 0 };
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX + 16];
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(mkdirat(dir_fd, "policy.d", 0755), 0);
	put("policy.d/20.json", "{'podshimPolicy':1,'permissions':{'net':true}}");
	put("policy.d/10.json", "{'podshimPolicy':1,'permissions':{'read':true}}");
	put("policy.d/.30.json", "no");
	put("policy.d/README", "no");
	put("policy.d/30.json~", "no");
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), 0);
	perm_assert_layers(&l, " allow-read | allow-net");
	assert_int_equal(l.v[1]->rank, PERM_SYSTEM);
	put("policy.d/30.json", "no");
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_int_equal(l.n, 2);
	assert_int_equal(fchmodat(dir_fd, "policy.d", 0777, 0), 0);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_error(&e, "'DIR/policy.d' can be written by others than its owner: 'chmod go-w' it");
	(void)snprintf(path, sizeof(path), "%s/link.d", dir);
	assert_int_equal(symlinkat("nowhere", dir_fd, "link.d"), 0);
	assert_int_equal(perm_layers_of_system(&a, path, &l, &e), -1);
	assert_int_equal(e.cls, PS_E_OS);
}

static void the_ceiling(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct perm_layer *l = (const struct perm_layer *)&a;
	struct ps_err e = { .cls = PS_OK };
	char path[PATH_MAX + 16];
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/ceiling.json", dir);
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), 0);
	assert_null(l);
	put("ceiling.json",
	    "{'podshimPolicy':1,'annotationsMayGrant':true,'permissions':{'net':['public']}}");
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), 0);
	assert_true(l->settings.annotations_may_grant);
	assert_int_equal(l->entries.n, 1);
	put("ceiling.json", "{'podshimPolicy':1,'extends':'builtin:shell'}");
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), -1);
	assert_error(&e, "DIR/ceiling.json: /extends: a ceiling stands alone: it cannot have this");
	assert_int_equal(unlinkat(dir_fd, "ceiling.json", 0), 0);
	assert_int_equal(symlinkat("nowhere", dir_fd, "ceiling.json"), 0);
	assert_int_equal(perm_ceiling_of_file(&a, path, &l, &e), -1);
	assert_error(&e, "there is no policy 'DIR/ceiling.json'");
}

static const char *const presets[] = { "base-linux", "no-network", "node", "pip-install", "python", "shell" };

/* From the program, and as files that somebody copied. */
static void presets_are_policies(void **state)
{
	(void)state;

	for (size_t i = 0; i < PS_COUNT(presets); i++)
		for (int file = 0; file < 2; file++) {
			ps_auto_arena struct ps_arena a = { 0 };
			struct perm_layers l = { .n = 0 };
			struct ps_err e = { .cls = PS_OK };
			char path[64];

			(void)snprintf(path, sizeof(path), file ? "example/policies/%s.json" : "builtin:%s",
				       presets[i]);
			if (perm_layers_of_file(&a, path, NULL, PERM_FILE, &l, &e) < 0)
				fail_msg("%s: %s: %s", path, e.where, e.msg);
			assert_string_equal(l.v[l.n - 1]->settings.name, presets[i]);
			assert_non_null(l.v[l.n - 1]->settings.description);
		}
}

static void any_call_of_the_system_can_fail(void **state)
{
	char path[PATH_MAX + 16];
	int n, fds = unit_open_fds();
	(void)state;

	(void)snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdirat(dir_fd, "policy.d", 0755), 0);
	put("policy.d/a.json", "{'podshimPolicy':1,'permissions':{'net':['a.b']}}");
	for (n = 1; fault_arm(n, EIO); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };
		int r = perm_layers_of_system(&a, path, &l, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(unit_open_fds(), fds);
		assert_int_equal(r, -1);
		assert_int_equal(l.n, 0);
		assert_int_equal(e.cls, PS_E_OS);
		assert_int_equal(e.sys, EIO);
	}
	assert_in_range(n, 7, 40);
}

static void any_call_can_fail(void **state)
{
	int n, fds = unit_open_fds();
	(void)state;

	put("a.json",
	    "{'podshimPolicy':1,'extends':['builtin:no-network','b.json'],'permissions':{'read':['/a']}}");
	put("b.json", "{'podshimPolicy':1,'permissions':{'net':['a.b'],'env':{'set':{'A':'b'}}}}");
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_layers l = { .n = 0 };
		struct ps_err e = { .cls = PS_OK };
		int r = of_file(&a, "a.json", NULL, &l, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(unit_open_fds(), fds);
		assert_int_equal(r, -1);
		assert_int_equal(l.n, 0);
		assert_int_equal(e.cls, PS_E_OS);
	}
	assert_in_range(n, 8, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_extend_files, setup, teardown),
		cmocka_unit_test_setup_teardown(circles_and_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(named_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(deno_json, setup, teardown),
		cmocka_unit_test_setup_teardown(only_ours_count, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(the_system, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ceiling, setup, teardown),
		cmocka_unit_test(presets_are_policies),
		cmocka_unit_test_setup_teardown(any_call_can_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(any_call_of_the_system_can_fail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
