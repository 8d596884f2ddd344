/* SPDX-License-Identifier: Apache-2.0
 * test_learn.c - accesses become lists: what is dropped, refused, folded, and how it is written.
 */
#include "tests/unit/perm_test.h"

#include "shim/policy/learn.h"

struct world { struct ps_arena a; struct learn *learn; struct learn_facts f; const char *missing, *gone; };

static bool exists(void *ctx, const char *path)
{
	const struct world *w = ctx;

	return (!w->missing || strcmp(w->missing, path) != 0) && (!w->gone || !perm_path_below(path, w->gone) || !strcmp(path, w->gone));
}

static bool sees(void *ctx, const char *path)
{
	(void)ctx;
	return perm_path_below(path, "/usr") || perm_path_below(path, "/etc") || perm_path_below(path, "/lib");
}

static int setup(void **state)
{
	static const char *const places[] = { "/tmp/b4r5d6x7/work" };
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	struct ps_arena a = { .head = NULL };
	const struct permissions *implied = perm_merge_with(&a, (struct perm_context){ .program = true },
		LAYERS(POLICY_FILE("allow read /usr/lib/libc.so.6", "allow read /proc", "allow read /tmp", "allow write /tmp", "allow write /dev/null",
				   "allow run /usr/bin/main", "none net")));

	w->a = a;
	w->f = (struct learn_facts){ .implied = implied, .home = "/home/u", .program = "/srv/app/main.py", .places = { places, 1 },
				     .exists = exists, .sees = sees, .ctx = w };
	w->learn = learn_new(&w->a, &w->f);
	assert_non_null(w->learn);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ps_arena_done(&w->a);
	free(w);
	return 0;
}

static struct learn_access access_of(struct world *w, const char *text, unsigned run)
{
	static const char *const kinds[] = { [LEARN_USE] = "use", [LEARN_LIST] = "list", [LEARN_CREATE] = "create", [LEARN_JIT] = "jit",
					     [LEARN_LINK] = "link" };
	char kind[16] = "", permission[16] = "", value[256] = "";
	struct learn_access x = { .happened = text[0] != '!', .run = run };
	struct net_pattern p;
	struct ps_err e;
	int n = sscanf(text + !x.happened, "%15s %15s %255[^\n]", kind, permission, value);

	assert_true(n >= 2);
	while (strcmp(kinds[x.kind], kind) != 0)
		x.kind++;
	while (strcmp(policy_permission_name(x.q.permission), permission) != 0)
		x.q.permission++;
	x.target = x.q.value = ps_arena_strdup(&w->a, value);
	assert_non_null(x.target);
	if (x.q.permission == POLICY_NET) {
		assert_int_equal(net_pattern_parse(&w->a, x.target, false, &p, &e), 0);
		x.q.value = NULL;
		x.q.net = (struct net_target){ .what = NET_TCP, .has_addr = p.host == NET_HOST_ADDRESS, .addr = p.addr, .port = p.ports[0].from,
					       .name = p.host == NET_HOST_NAME ? p.name : NULL };
	}
	return x;
}

static void add_in(struct world *w, unsigned run, const char *text)
{
	struct learn_access x = access_of(w, text, run);

	assert_int_equal(learn_add(w->learn, &x), 0);
}
#define ADD(...) \
	for (const char *const *v_ = (const char *const[]){ __VA_ARGS__, NULL }; *v_; v_++) \
	add_in(*state, 0, *v_)

static struct learned finish(struct world *w)
{
	struct learned l;

	assert_int_equal(learn_finish(w->learn, &l), 0);
	return l;
}

static void flags_are(struct world *w, const char *expected)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct learned l = finish(w);

	learned_flags(&l, &out);
	assert_string_equal(out.data ? out.data : "", expected);
}

static void refused_are(struct world *w, const char *expected)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct learned l = finish(w);

	for (size_t i = 0; i < l.n_refused; i++)
		ps_buf_printf(&out, "%s %s: %s%s%s\n", policy_permission_name(l.refused[i].permission), l.refused[i].target, l.refused[i].why,
			      l.refused[i].wanted ? " -> " : "", l.refused[i].wanted ? l.refused[i].wanted : "");
	assert_string_equal(out.data ? out.data : "", expected);
}

static void what_is_implied_is_left_out(void **state)
{
	ADD("use read /usr/lib/libc.so.6", "use write /dev/null", "use run /usr/bin/main", "use read /tmp/x", "create write /tmp/abc");
	flags_are(*state, "");
	refused_are(*state, "");
}

static void each_permission_has_its_list(void **state)
{
	ADD("use read /srv/data/a", "use write /srv/data/b", "use run /usr/bin/ls", "use read /usr/lib/ffi/libx.so.1", "use net example.com:443",
	    "use net 127.0.0.1:80", "use read /proc/meminfo");
	flags_are(*state, "--allow-read=/srv/data/a --allow-write=/srv/data/b --allow-net=127.0.0.1:80,example.com:443 --allow-run=/usr/bin/ls "
			  "--allow-ffi=/usr/lib/ffi/libx.so.1 --allow-sys=systemMemoryInfo");
}

static void four_files_become_their_folder(void **state)
{
	ADD("use read /srv/d/1", "use read /srv/d/2", "use read /srv/d/3");
	flags_are(*state, "--allow-read=/srv/d/1,/srv/d/2,/srv/d/3");
	ADD("use read /srv/d/4");
	flags_are(*state, "--allow-read=/srv/d");
	/* Programs stay what they are. */
	ADD("use run /usr/bin/a", "use run /usr/bin/b", "use run /usr/bin/c", "use run /usr/bin/d");
	flags_are(*state, "--allow-read=/srv/d --allow-run=/usr/bin/a,/usr/bin/b,/usr/bin/c,/usr/bin/d");
}

static void wide_folders_are_no_fold(void **state)
{
	ADD("use read /home/u/1", "use read /home/u/2", "use read /home/u/3", "use read /home/u/4", "use read /etc/a", "use read /etc/b",
	    "use read /etc/c", "use read /etc/d");
	flags_are(*state, "--allow-read=/etc/a,/etc/b,/etc/c,/etc/d,/home/u/1,/home/u/2,/home/u/3,/home/u/4");
	/* It holds /etc/ssl/private. */
	ADD("list read /etc/ssl", "list read /home", "list read /home/u", "list read /");
	refused_are(*state, "read /: the names of a folder that holds nearly everything\n"
			    "read /etc/ssl: the names of a folder that holds nearly everything\n"
			    "read /home: the names of a folder that holds nearly everything\n"
			    "read /home/u: the names of a folder that holds nearly everything\n");
}

static void packages_are_a_tree(void **state)
{
	ADD("use read /srv/v/lib/python3/site-packages/x/a.py", "use read /srv/j/node_modules/left/index.js");
	flags_are(*state, "--allow-read=/srv/j/node_modules,/srv/v/lib/python3/site-packages");
}

static void new_files_need_their_folder(void **state)
{
	ADD("create write /srv/out/r", "use read /srv/out/r");
	flags_are(*state, "--allow-read=/srv/out --allow-write=/srv/out");
	ADD("create write /home/u/x");
	refused_are(*state, "write /home/u/x: its folder holds nearly everything, and would be what is allowed\n");
}

static void names_that_change_become_their_folder(void **state)
{
	static const struct { const char *path, *flag; } rows[] = {
		{ "/srv/t/tmpk3j2x9a_", "/srv/t" }, { "/srv/t/ccXq81Zr.s", "/srv/t" },	  { "/srv/t/1f0c93aa.lock", "/srv/t" },
		{ "/srv/t/out.12345", "/srv/t" },   { "/srv/t/a1b2c3d4e5/x/y", "/srv/t" }, { "/srv/t/report", "/srv/t/report" },
		{ "/srv/t/lib2to3", "/srv/t/lib2to3" }, { "/srv/t/v12/a", "/srv/t/v12/a" }, { "/srv/t/tmpfs.conf", "/srv/t/tmpfs.conf" },
		{ "/usr/lib/x86_64-linux-gnu/crt1.o", "/usr/lib/x86_64-linux-gnu/crt1.o" },
		{ "/srv/t/what?", "/srv/t" },	    { "/srv/t/a*b/c", "/srv/t" },	  { "/srv/t/bad\xff", "/srv/t" },
		/* What is still there is not passing. */
		{ "/tmp/b4r5d6x7/work/in.txt", "/tmp/b4r5d6x7/work/in.txt" }, { "/srv/1f0c93aa/x", "/srv/1f0c93aa/x" },
	};
	struct world *w = *state;

	w->gone = "/srv/t";
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct learn_access x = { .q = { .permission = POLICY_READ, .value = rows[i].path }, .target = rows[i].path, .happened = true };
		struct learned l;

		w->learn = learn_new(&w->a, &w->f);
		assert_non_null(w->learn);
		assert_int_equal(learn_add(w->learn, &x), 0);
		l = finish(w);
		assert_int_equal(l.n, 1);
		assert_string_equal(l.entries[0].value, rows[i].flag);
	}
	w->learn = learn_new(&w->a, &w->f);
	ADD("create write /srv/w/1f0c93aa", "create write /srv/w/1f0c93aa/out", "use read /srv/w/1f0c93aa/in");
	flags_are(w, "--allow-read=/srv/w --allow-write=/srv/w");
}

static void protected_files_are_never_granted(void **state)
{
	ADD("use read /home/u/.ssh/id_rsa", "!use read /etc/shadow", "use read /srv/x/.aws/credentials");
	flags_are(*state, "");
	refused_are(*state, "read /etc/shadow: protected: password hashes\n"
			    "read /home/u/.ssh/id_rsa: protected: SSH keys\n"
			    "read /srv/x/.aws/credentials: protected: credentials of AWS\n");
}

static void what_was_refused_says_what_would_allow_it(void **state)
{
	struct learn_access x = access_of(*state, "!create write /srv/out/r", 0);

	ADD("!create write /srv/out/r", "!use write /srv/out/s", "!use net example.com:80");
	flags_are(*state, "");
	refused_are(*state, "write /srv/out/r: not given in this run -> /srv/out\n"
			    "write /srv/out/s: not given in this run -> /srv/out/s\n"
			    "net example.com:80: not given in this run -> example.com:80\n");
	assert_true(learn_refuses(((struct world *)*state)->learn, &x));
}

static void links_count_where_nothing_else_shows_them(void **state)
{
	ADD("link read /lib/libz.so.1", "link run /usr/bin/cc", "link read /srv/current/a");
	flags_are(*state, "--allow-read=/srv/current/a");
}

static void what_is_run_elsewhere_is_read_too(void **state)
{
	ADD("use run /srv/bin/tool", "use read /srv/lib/libt.so");
	flags_are(*state, "--allow-read=/srv/bin/tool,/srv/lib/libt.so --allow-run=/srv/bin/tool --allow-ffi=/srv/lib/libt.so");
}

static void an_interpreters_look_around_is_nothing(void **state)
{
	ADD("list read /srv/app", "use read /srv/app/data.txt");
	flags_are(*state, "--allow-read=/srv/app/data.txt");
	ADD("use read /srv/app/helper.py");
	flags_are(*state, "--allow-read=/srv/app");
}

static void what_is_missing_may_be_missing(void **state)
{
	((struct world *)*state)->missing = "/srv/gone";
	ADD("use read /srv/gone", "use read /srv/there");
	flags_are(*state, "--allow-read='/srv/gone?,/srv/there'");
}

static void values_are_quoted(void **state)
{
	ADD("use read /srv/a b", "use read /srv/c,d");
	flags_are(*state, "--allow-read='/srv/a b,/srv/c,,d'");
}

static void runs_are_counted(void **state)
{
	struct learned l;

	add_in(*state, 0, "use read /srv/a");
	add_in(*state, 1, "use read /srv/a");
	add_in(*state, 1, "use read /srv/b");
	l = finish(*state);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.entries[0].runs, 3);
	assert_int_equal(l.entries[1].runs, 2);
	assert_string_equal(learn_confidence(3, 2), "high");
	assert_string_equal(learn_confidence(3, 3), "medium");
	assert_string_equal(learn_confidence(1, 3), "low");
	assert_string_equal(learn_confidence(1, 1), "low");
}

static void the_policy_has_every_list(void **state)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct perm_layers layers = { .n = 0 };
	struct world *w = *state;
	struct ps_err e = { .cls = PS_OK };
	struct learned l;

	ADD("use read /srv/a", "jit ffi");
	l = finish(w);
	learned_policy(&l, "name", "about", &out);
	if (perm_layers_of_text(&w->a, "policy.json", out.data, out.len, NULL, PERM_FILE, false, &layers, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(layers.n, 1);
	assert_int_equal(layers.v[0]->entries.n, 1);
	assert_string_equal(layers.v[0]->entries.v[0].value, "/srv/a");
	assert_int_equal(layers.v[0]->mentions_allow, ((1U << POLICY_N_PERMISSIONS) - 1) & ~(1U << POLICY_ENV));
	assert_true(layers.v[0]->settings.jit.set && layers.v[0]->settings.jit.v);
	flags_are(w, "--allow-read=/srv/a --jit");
}

static void protection_denies_by_name(void **state)
{
	struct world *w = *state;
	struct perm_builder *b = perm_builder_new(&w->a, PERM_FLAG, "learn");
	const struct perm_layer *layer;
	struct ps_err e = { .cls = PS_OK };
	bool ssh = false, shadow = false;

	assert_non_null(b);
	assert_int_equal(learn_protect(b, &w->a, "/home/u", &e), 0);
	assert_int_equal(perm_builder_done(b, &layer, &e), 0);
	for (size_t i = 0; i < layer->entries.n; i++) {
		const struct perm_entry *en = &layer->entries.v[i];

		assert_true(en->permission == POLICY_READ && en->action == POLICY_DENY && en->optional);
		ssh |= !strcmp(en->value, "/home/u/.ssh");
		shadow |= !strcmp(en->value, "/etc/shadow*");
	}
	assert_true(ssh && shadow);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_implied_is_left_out), T(each_permission_has_its_list), T(four_files_become_their_folder), T(wide_folders_are_no_fold),
		T(packages_are_a_tree), T(new_files_need_their_folder), T(names_that_change_become_their_folder),
		T(protected_files_are_never_granted), T(what_was_refused_says_what_would_allow_it), T(links_count_where_nothing_else_shows_them),
		T(what_is_run_elsewhere_is_read_too), T(an_interpreters_look_around_is_nothing), T(what_is_missing_may_be_missing),
		T(values_are_quoted), T(runs_are_counted), T(the_policy_has_every_list), T(protection_denies_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
