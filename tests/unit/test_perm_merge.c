/* SPDX-License-Identifier: Apache-2.0
 * test_perm_merge.c - layers to one set, with provenance: replace, append, unite, narrow, and what is told of it.
 *
 * WRAP: calloc realloc
 */
#include "tests/unit/perm_test.h"

#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(void *, realloc, (void *p, size_t size), (p, size), NULL)

static void nobody_says_anything(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct permissions *p = perm_merge_with(&a, NO_CONTEXT, (const struct perm_layer *const[]){ NULL });

	(void)state;
	perm_assert_set(p, "inactive\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(perm_layer(&a, PERM_ENVIRONMENT, "environment", NULL))), "inactive\n");
	p = perm_merge_with(&a, (struct perm_context){ .program = true }, (const struct perm_layer *const[]){ NULL });
	perm_assert_set(p, "deny by default\n");
	assert_true(p->active);
}

static void what_only_denies_subtracts_from_the_bundle(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("deny read secret", "warn net *:80", "ignore env AWS_*", "deny run *"))),
			"read: config.json's\n"
			" deny /work/secret (--deny-read)\n"
			"net: config.json's\n"
			" warn *:80 (--warn-net)\n"
			"env: config.json's\n"
			" ignore AWS_* (--ignore-env)\n"
			"run: config.json's\n"
			" deny everything (--deny-run)\n");
}

static void a_file_makes_deny_the_default(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("deny read /a"))),
			"deny by default\n"
			"read: listed\n"
			" deny /a (policy.json:1)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("deny read /a"))),
			"read: config.json's\n"
			" deny /a (policy.d/1.json:1)\n");
	/* A list that is closed is no grant: only net is. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("none net"))), "net: listed\n");
}

static void a_stronger_allow_list_replaces(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	/* In any order of arrival. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT,
					LAYERS(FLAGS("allow read /b"), POLICY_FILE("allow read /a", "allow env PATH", "deny read /b/c"),
					       SYSTEM("allow read /s", "deny net private"))),
			"deny by default\n"
			"read: listed\n"
			" allow /b (--allow-read)\n"
			" deny /b/c (policy.json:3)\n"
			"net: listed\n"
			" deny private (policy.d/1.json:2)\n"
			"env: listed\n"
			" allow PATH (policy.json:2)\n"
			"note: read.allow \"/b\" (--allow-read) is partly denied: read.deny \"/b/c\" (policy.json:3)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a"), FLAGS("none read"))), "deny by default\n");
}

static void append_adds(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a"), FLAGS("allow read +b", "allow read +/a"))),
			"deny by default\n"
			"read: listed\n"
			" allow /a (policy.json:1)\n"
			" allow /work/b (--allow-read)\n");
	/* Beside an entry that does not append it is one of the new list. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a"), FLAGS("allow read +/b", "allow read /c"))),
			"deny by default\n"
			"read: listed\n"
			" allow /b (--allow-read)\n"
			" allow /c (--allow-read)\n");
}

static void what_is_warned_of_is_allowed(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a"), FLAGS("warn read /b"))),
			"deny by default\n"
			"read: listed\n"
			" allow /a (policy.json:1)\n"
			" allow /b (--warn-read)\n"
			" warn /b (--warn-read)\n");
	/* A stronger list takes the grant back; the mark stays. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("warn read /a"), FLAGS("allow read /b"))),
			"deny by default\n"
			"read: listed\n"
			" allow /b (--allow-read)\n"
			" warn /a (policy.json:1)\n");
	/* Of an annotation it is a mark and nothing more. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow read /b"), ANNOTATIONS("warn read /c"))),
			"deny by default\n"
			"read: listed\n"
			" allow /b (--allow-read)\n"
			" warn /c (annotation:1)\n");
}

static void everything(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("allow read /a", "allow read /b", "deny net private"), FLAGS("all", "deny read /etc"))),
			"deny by default\n"
			"read: all\n allow everything (--allow-all)\n deny /etc (--deny-read)\n"
			"write: all\n allow everything (--allow-all)\n"
			"net: all\n allow everything (--allow-all)\n deny private (policy.json:3)\n"
			"env: all\n allow everything (--allow-all)\n"
			"run: all\n allow everything (--allow-all)\n"
			"ffi: all\n allow everything (--allow-all)\n"
			"sys: all\n allow everything (--allow-all)\n"
			"note: --allow-all switches off read.allow \"/a\" (policy.json:1) and what is beside it\n");
	/* Of a weaker layer it gives way to a list. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(POLICY_FILE("all"), FLAGS("allow read /a", "none write", "none net", "none env",
											  "none run", "none ffi", "none sys"))),
			"deny by default\n"
			"read: listed\n"
			" allow /a (--allow-read)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow sys everything", "deny sys hostname"))),
			"deny by default\n"
			"sys: all\n"
			" allow everything (--allow-sys)\n"
			" deny hostname (--deny-sys)\n");
}

static void denials_are_united_until_they_are_reset(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT,
					LAYERS(SYSTEM("deny read /a", "deny read /b"), ANNOTATIONS("deny read /c", "deny read /a"), FLAGS("deny read /d"))),
			"read: config.json's\n"
			" deny /a (policy.d/1.json:1)\n"
			" deny /b (policy.d/1.json:2)\n"
			" deny /c (annotation:1)\n"
			" deny /d (--deny-read)\n");
	perm_assert_set(perm_merge_with(&a, (struct perm_context){ .ceiling = CEILING("deny read /x") },
					LAYERS(SYSTEM("deny read /a", "deny net *", "ignore read /i"), FLAGS("reset read", "deny read /d"))),
			"read: config.json's\n"
			" deny /d (--deny-read)\n"
			" deny /x (ceiling.json:1)\n"
			" ignore /i (policy.d/1.json:3)\n"
			"net: config.json's\n"
			" deny * (policy.d/1.json:2)\n"
			"note: --reset-deny=read drops read.deny \"/a\" (policy.d/1.json:1)\n");
	/* A file cannot. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("deny read /a"), POLICY_FILE("reset read"))),
			"deny by default\nread: listed\n deny /a (policy.d/1.json:1)\n");
}

static void annotations_narrow(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	/* Of what config.json grants, where no operator has a list; the rest stays as it is. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(ANNOTATIONS("allow read /data", "allow net a.com:443"))),
			"read: of config.json's listed\n"
			" allow /data (annotation:1)\n"
			"net: of config.json's listed\n"
			" allow a.com:443 (annotation:2)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(ANNOTATIONS("allow read /data", "allow read /x"), ANNOTATIONS("allow read /data/y"))),
			"read: of config.json's listed\n"
			" allow /data/y (annotation:1, within annotation:1)\n"
			"note: read.allow \"/x\" (annotation:2) has no effect: it is outside of the allow list of annotation\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(ANNOTATIONS("allow read everything", "none env"))),
			"env: of config.json's listed\n");
	/* Of the operator's list; -A of a bundle says nothing. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT,
					LAYERS(ANNOTATIONS("allow read /data/x", "allow read /etc", "allow env *", "allow net *.b.com", "allow run git"),
					       ANNOTATIONS("all"),
					       FLAGS("allow read /data", "allow env PATH", "allow env LC_*", "allow net a.b.com:80|443", "allow run sh"))),
			"deny by default\n"
			"read: listed\n"
			" allow /data/x (annotation:1, within --allow-read)\n"
			"net: listed\n"
			" allow a.b.com:80|443 (--allow-net, within annotation:4)\n"
			"env: listed\n"
			" allow PATH (--allow-env)\n"
			" allow LC_* (--allow-env)\n"
			"note: run.allow \"sh\" (--allow-run) has no effect: it is outside of the allow list of annotation\n");
	/* Even of everything, and never of what is implied. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(perm_layer(&a, PERM_BUILTIN, "program", "allow run /bin/sh implied", NULL),
							       ANNOTATIONS("allow run /bin/ls"), FLAGS("allow run everything"))),
			"deny by default\n"
			"write: listed\n"
			" deny /bin/sh (program:1, implied)\n"
			" deny /bin/ls (annotation:1, within --allow-run, implied)\n"
			"run: listed\n"
			" allow /bin/sh (program:1, implied)\n"
			" allow /bin/ls (annotation:1, within --allow-run)\n");
	/* As any source, where the ceiling says so. */
	perm_assert_set(perm_merge_with(&a, (struct perm_context){ .annotations_may_grant = true }, LAYERS(POLICY_FILE("allow read /a"), ANNOTATIONS("allow read /b"))),
			"deny by default\n"
			"read: listed\n"
			" allow /b (annotation:1)\n");
}

static void nothing_exceeds_the_ceiling(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct perm_context c = {
		.ceiling = CEILING("allow read /data", "allow read /usr", "allow net *:443", "allow net 10.0.0.0/8", "allow env *", "deny read /data/x",
				   "allow run /usr/bin"),
	};

	(void)state;
	perm_assert_set(perm_merge_with(&a, c, LAYERS(FLAGS("allow read /", "allow read /etc/passwd", "allow net a.com", "allow net 10.1.0.0/16:5432",
							    "allow net b.com:80", "allow sys uid", "allow run /usr/bin/git"))),
			"deny by default\n"
			"read: listed\n"
			" allow /data (ceiling.json:1, within --allow-read)\n"
			" allow /usr (ceiling.json:2, within --allow-read)\n"
			" deny /data/x (ceiling.json:6)\n"
			"write: listed\n"
			" deny /usr/bin/git (--allow-run, within ceiling.json:7, implied)\n"
			"net: listed\n"
			" allow tcp:a.com:443 (--allow-net, within ceiling.json:3)\n"
			" allow 10.1.0.0/16:5432 (--allow-net, within ceiling.json:4)\n"
			"run: listed\n"
			" allow /usr/bin/git (--allow-run, within ceiling.json:7)\n"
			"sys: listed\n"
			" allow uid (--allow-sys)\n"
			"note: read.allow \"/etc/passwd\" (--allow-read) has no effect: it is outside of the allow list of ceiling.json\n"
			"note: net.allow \"b.com:80\" (--allow-net) has no effect: it is outside of the allow list of ceiling.json\n"
			"note: read.allow \"/data\" (ceiling.json:1, within --allow-read) is partly denied: read.deny \"/data/x\" (ceiling.json:6)\n");
	/* A container without any other source has a ceiling, too; what is implied as well. */
	perm_assert_set(perm_merge_with(&a, (struct perm_context){ .ceiling = CEILING("allow read /data", "none ffi") },
					LAYERS(perm_layer(&a, PERM_BUILTIN, "program", "allow read /bin/sh implied", "allow read /data/p implied", NULL))),
			"read: of config.json's listed\n"
			" allow /data/p (program:2, within ceiling.json:1, implied)\n"
			" allow /data (ceiling.json:1)\n"
			"ffi: of config.json's listed\n"
			"note: read.allow \"/bin/sh\" (program:1) has no effect: it is outside of the allow list of ceiling.json\n");
	/* A name can lead anywhere: no list of paths has it. */
	perm_assert_set(perm_merge_with(&a, (struct perm_context){ .ceiling = CEILING("allow run /usr/bin") }, LAYERS(FLAGS("allow run git"))),
			"deny by default\n"
			"note: run.allow \"git\" (--allow-run) has no effect: it is outside of the allow list of ceiling.json\n");
}

static void what_may_be_run_is_not_written(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow run /work/bin", "allow run git", "allow run ./x", "allow write /work/x",
								     "allow write /work", "allow run /", "deny write /work/x"))),
			"deny by default\n"
			"write: listed\n"
			" allow /work/x (--allow-write)\n"
			" allow /work (--allow-write)\n"
			" deny /work/x (--deny-write)\n"
			" deny /work/bin (--allow-run, implied)\n"
			"run: listed\n"
			" allow /work/bin (--allow-run)\n"
			" allow git (--allow-run)\n"
			" allow /work/x (--allow-run)\n"
			" allow / (--allow-run)\n"
			"note: write.allow \"/work/x\" (--allow-write) has no effect: write.deny \"/work/x\" (--deny-write) covers it, and a deny "
			"always wins (in Deno the more specific entry would)\n"
			"note: write.allow \"/work\" (--allow-write) leaves out what may be run: \"/work/bin\" (--allow-run)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow run /w", "allow write /w/out"))),
			"deny by default\n"
			"write: listed\n"
			" allow /w/out (--allow-write)\n"
			" deny /w (--allow-run, implied)\n"
			"run: listed\n"
			" allow /w (--allow-run)\n"
			"note: write.allow \"/w/out\" (--allow-write) has no effect: \"/w\" may be run (--allow-run), and what may be run "
			"cannot be written\n");
}

static void notes(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("allow read /foo/bar", "allow read /x", "allow read ../x", "deny read /foo",
								     "allow net 10.0.0.0/8:443", "deny net 10.1.0.0/16", "allow env A", "ignore env everything",
								     "deny env B?"))),
			"deny by default\n"
			"read: listed\n"
			" allow /foo/bar (--allow-read)\n"
			" allow /x (--allow-read)\n"
			" deny /foo (--deny-read)\n"
			"net: listed\n"
			" allow 10.0.0.0/8:443 (--allow-net)\n"
			" deny 10.1.0.0/16 (--deny-net)\n"
			"env: listed\n"
			" allow A (--allow-env)\n"
			" deny B? (--deny-env)\n"
			" ignore everything (--ignore-env)\n"
			"note: read.allow \"/x\" (--allow-read) is there already (--allow-read)\n"
			"note: read.allow \"/foo/bar\" (--allow-read) has no effect: read.deny \"/foo\" (--deny-read) covers it, and a deny always "
			"wins (in Deno the more specific entry would)\n"
			"note: env.allow \"A\" (--allow-env) has no effect: env.ignore of everything (--ignore-env) covers it, and a deny always "
			"wins (in Deno the more specific entry would)\n");
	/* A hole that another source makes, even where neither holds the other. */
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(SYSTEM("deny net *:1-500", "deny net x.org:2"), FLAGS("allow net 1.2.3.4:443|8080"))),
			"deny by default\n"
			"net: listed\n"
			" allow 1.2.3.4:443|8080 (--allow-net)\n"
			" deny *:1-500 (policy.d/1.json:1)\n"
			" deny x.org:2 (policy.d/1.json:2)\n"
			"note: net.allow \"1.2.3.4:443|8080\" (--allow-net) is partly denied: net.deny \"*:1-500\" (policy.d/1.json:1)\n"
			"note: net.deny \"x.org:2\" (policy.d/1.json:2) holds for who asks for the name: its addresses may be allowed by "
			"net.allow \"1.2.3.4:443|8080\" (--allow-net)\n");
	perm_assert_set(perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("deny net x.org"))),
			"net: config.json's\n"
			" deny x.org (--deny-net)\n"
			"note: net.deny \"x.org\" (--deny-net) holds for who asks for the name: its addresses may be allowed by config.json\n");
}

static void settings(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_layer *file = POLICY_FILE("allow env PATH"), *note = ANNOTATIONS("deny read /a"), *flags = FLAGS("deny read /b"),
			  *ceiling = CEILING("deny read /c");
	const struct spec_kv file_env[] = { { "HOME", "/f", "policy.json:3" }, { "X", "1", "policy.json:4" } },
			     flag_env[] = { { "HOME", "/g", "--env" } }, note_env[] = { { "LD_PRELOAD", "/evil", "annotation" } };
	const struct perm_secret secret = { .name = "TOKEN", .source = "file:/t", .from = "policy.json:5" };
	const struct permissions *p;

	(void)state;
	file->settings.memory = (struct perm_limit){ true, 100, "policy.json:1" };
	file->settings.pids = (struct perm_limit){ true, 10, "policy.json:2" };
	file->settings.cpu = (struct perm_limit){ true, 500, "policy.json:2" };
	file->settings.mode.set = true;
	file->settings.mode.v = PERM_AUDIT;
	file->settings.mode.from = "policy.json:6";
	file->settings.env_set = (struct spec_kvs){ file_env, 2 };
	file->settings.secrets = &secret;
	file->settings.n_secrets = 1;
	file->settings.best_effort = (struct opt_bool){ true, true };
	file->settings.audit.set = true;
	file->settings.audit.denied = 0x7f;
	file->settings.name = "f";
	note->settings.pids = (struct perm_limit){ true, 5, "annotation" };
	note->settings.mode.set = true;
	note->settings.mode.v = PERM_LEARN;
	note->settings.jit = (struct opt_bool){ true, true };
	note->settings.env_set = (struct spec_kvs){ note_env, 1 };
	note->settings.name = "n";
	flags->settings.memory = (struct perm_limit){ true, 200, "--memory" };
	flags->settings.env_set = (struct spec_kvs){ flag_env, 1 };
	flags->settings.best_effort = (struct opt_bool){ true, false };
	ceiling->settings.cpu = (struct perm_limit){ true, 400, "ceiling.json:1" };
	ceiling->settings.memory = (struct perm_limit){ true, 300, "ceiling.json:1" };
	p = perm_merge_with(&a, (struct perm_context){ .ceiling = ceiling }, LAYERS(file, note, flags));
	assert_int_equal(p->settings.memory.v, 200);
	assert_string_equal(p->settings.memory.from, "--memory");
	assert_int_equal(p->settings.pids.v, 5);
	assert_int_equal(p->settings.cpu.v, 400);
	assert_int_equal(p->settings.mode.v, PERM_AUDIT);
	assert_string_equal(p->settings.name, "f");
	assert_false(p->settings.jit.set);
	assert_true(p->settings.best_effort.set && !p->settings.best_effort.v);
	assert_true(p->settings.audit.set && p->settings.audit.denied == 0x7f);
	assert_int_equal(p->settings.env_set.n, 2);
	assert_string_equal(p->settings.env_set.v[0].value, "/g");
	assert_string_equal(p->settings.env_set.v[1].key, "X");
	assert_int_equal(p->settings.n_secrets, 1);
	/* What is set is allowed. */
	assert_int_equal(p->of[POLICY_ENV].allow.n, 4);
	assert_true(p->of[POLICY_ENV].allow.v[0].implied || p->of[POLICY_ENV].allow.v[1].implied);
}

/* A class of addresses says whom one may reach, not where one may listen. */
static void classes_spare_listeners(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct permissions *p = perm_merge_with(&a, NO_CONTEXT, LAYERS(FLAGS("deny net private", "deny net listen:private", "deny net 10.0.0.1",
										   "allow net listen:0.0.0.0:80")));

	(void)state;
	assert_int_equal(p->of[POLICY_NET].deny.v[0].net.what, NET_ALL & ~(unsigned)NET_LISTEN);
	assert_int_equal(p->of[POLICY_NET].deny.v[1].net.what, NET_LISTEN);
	assert_int_equal(p->of[POLICY_NET].deny.v[2].net.what, NET_ALL);
}

static void long_paths_are_refused(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_entry en = { .permission = POLICY_READ, .action = POLICY_DENY, .from = "--deny-read" };
	const struct perm_layer layer = { .rank = PERM_FLAG, .name = "command line", .entries = { &en, 1 } };
	const struct perm_layers l = { { &layer }, 1 };
	const struct perm_context c = { .cwd = "/" };
	const struct permissions *p;
	struct ps_err e = { .cls = PS_OK };
	char path[5000];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	en.value = path;
	assert_int_equal(permissions_merge(&a, &l, &c, &p, &e), -1);
	assert_string_equal(e.msg, "--deny-read: the path 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than 4095 bytes");
	assert_int_equal(e.cls, PS_E_CONFIG);
}

static void lists_are_bounded(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_entry *v = ps_arena_array(&a, 4097, sizeof(*v));
	const struct perm_layer layer = { .rank = PERM_FLAG, .name = "command line", .entries = { v, 4097 } };
	const struct perm_layers l = { { &layer }, 1 };
	const struct perm_context c = { .cwd = "/" };
	const struct permissions *p;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	for (int i = 0; i < 4097; i++)
		v[i] = (struct perm_entry){ .permission = POLICY_ENV, .action = POLICY_DENY, .from = "--deny-env",
					    .value = ps_arena_printf(&a, "V%d", i) };
	assert_int_equal(permissions_merge(&a, &l, &c, &p, &e), -1);
	assert_string_equal(e.msg, "--deny-env: more than 4096 entries deny env");
}

static void no_memory(void **state)
{
	ps_auto_arena struct ps_arena keep = { .head = NULL };
	struct ps_arena *k = &keep;
	struct perm_entry *many = ps_arena_array(k, 400, sizeof(*many));
	struct perm_layer *note = perm_layer(k, PERM_ANNOTATION, "annotation", "allow read /data", NULL),
			  *file = perm_layer(k, PERM_FILE, "policy.json", "allow read /", "allow net 10.0.0.0/8:1-9", "allow net *:7-20", NULL),
			  *ceiling = perm_layer(k, PERM_SYSTEM, "ceiling.json", "allow net 10.0.0.0/9:5-30", "deny read /data/x", NULL);
	const struct perm_layer wide = { .rank = PERM_FLAG, .name = "command line", .entries = { many, 400 } };
	const struct perm_layers l = { { file, note, &wide }, 3 };
	const struct perm_context c = { .cwd = "/", .ceiling = ceiling };
	int n;

	(void)state;
	for (int i = 0; i < 400; i++)
		many[i] = (struct perm_entry){ .permission = POLICY_ENV, .action = POLICY_DENY, .from = "--deny-env",
					       .value = ps_arena_printf(k, "V%d", i) };
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct permissions *p = NULL;
		struct ps_err e = { .cls = PS_OK };
		int r = permissions_merge(&a, &l, &c, &p, &e);

		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_null(p);
		assert_string_equal(e.msg, "merge permissions: Cannot allocate memory");
	}
	assert_true(n > 3);
}

static unsigned asked(const struct permissions *g)
{
	unsigned these = 0;

	for (int p = 0; p < POLICY_N_PERMISSIONS; p++)
		these |= g->of[p].asks ? 1U << p : 0;
	return these;
}

/* Who is asked gives no more than a ceiling, an annotation or a launch has left, and only where somebody can give it. */
static void what_is_asked(void **state)
{
	const unsigned net = 1U << POLICY_NET, all = net | 1U << POLICY_SYS | 1U << POLICY_READ | 1U << POLICY_WRITE;
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct perm_layer ask = { .rank = PERM_FLAG, .name = "command line", .settings.mode = { true, PERM_ASK, "--ask" } };
	struct perm_layers l = { { &ask }, 1 };
	const struct permissions *g, *tighter;
	struct ps_err e = { 0 };

	(void)state;
	assert_int_equal(permissions_merge(&a, &l, &(struct perm_context){ .cwd = "/" }, &g, &e), 0);
	assert_true(g->deny_by_default);
	assert_int_equal(asked(g), all);
	assert_int_equal(permissions_tighten(&a, g, FLAGS("deny net x.com"), "/", &tighter, &e), 0);
	assert_int_equal(asked(tighter), all);
	assert_int_equal(asked(perm_merge_with(&a, (struct perm_context){ .ceiling = CEILING("allow net *:443") }, LAYERS(&ask))), all & ~net);
	ask.settings.no_prompt = (struct opt_bool){ true, true };
	assert_int_equal(permissions_merge(&a, &l, &(struct perm_context){ .cwd = "/" }, &g, &e), 0);
	assert_int_equal(asked(g), 0);
	ask.settings.broker = "/run/b";
	assert_int_equal(permissions_merge(&a, &l, &(struct perm_context){ .cwd = "/" }, &g, &e), 0);
	assert_int_equal(asked(g), all);
	assert_int_equal(permissions_without_asking(&a, g, net, &g, &e), 0);
	assert_int_equal(asked(g), all & ~net);
	/* A bundle's word is none. */
	ask.rank = PERM_ANNOTATION;
	assert_int_equal(permissions_merge(&a, &l, &(struct perm_context){ .cwd = "/", .program = true }, &g, &e), 0);
	assert_int_equal(asked(g), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_says_anything),
		cmocka_unit_test(what_only_denies_subtracts_from_the_bundle),
		cmocka_unit_test(a_file_makes_deny_the_default),
		cmocka_unit_test(a_stronger_allow_list_replaces),
		cmocka_unit_test(append_adds),
		cmocka_unit_test(what_is_warned_of_is_allowed),
		cmocka_unit_test(everything),
		cmocka_unit_test(denials_are_united_until_they_are_reset),
		cmocka_unit_test(annotations_narrow),
		cmocka_unit_test(nothing_exceeds_the_ceiling),
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(what_may_be_run_is_not_written),
		cmocka_unit_test(notes),
		cmocka_unit_test(settings),
		cmocka_unit_test(classes_spare_listeners),
		cmocka_unit_test(long_paths_are_refused),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
