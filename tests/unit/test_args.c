/* SPDX-License-Identifier: Apache-2.0
 * test_args.c - command lines: every form of a flag, what belongs to whom, and what each mistake is answered with.
 *
 * WRAP: ps_arena_alloc ps_arena_array
 */
#include "tests/unit/unit.h"

#include "shim/cli/cmd.h"
#include "tests/unit/fault.h"

FAULT_WRAP(void *, ps_arena_alloc, (struct ps_arena * a, size_t size), (a, size), NULL)
FAULT_WRAP(void *, ps_arena_array, (struct ps_arena * a, size_t n, size_t size), (a, n, size), NULL)

enum { MAX_WORDS = 16 };

static void done(struct cli *cli)
{
	ps_arena_done(&cli->mem);
}
#define auto_cli __attribute__((cleanup(done)))

/* Parse LINE behind the program's name; words are separated by single blanks, "''" is an empty one. */
static int parse(struct cli *cli, const char *line, struct ps_err *e)
{
	char *argv[MAX_WORDS] = { NULL };
	char *copy, *save = NULL;
	int argc = 0;

	*cli = (struct cli){ .program = "podshim", .fail_status = 1 };
	copy = ps_arena_strdup(&cli->mem, line);
	assert_non_null(copy);
	argv[argc++] = copy; /* not looked at */
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc < MAX_WORDS);
		if (!strcmp(w, "''"))
			w += 2;
		argv[argc++] = w;
	}
	return args_parse(cli, argc, argv, e);
}

static void ok(struct cli *cli, const char *line)
{
	struct ps_err e = { .cls = PS_OK };

	if (parse(cli, line, &e) < 0)
		fail_msg("%s: %s", line, e.msg);
}

/* Where the value of one of the command's flags is. */
static const void *value_of(const struct cli *cli, const char *flag)
{
	const struct opt_table *t = &cli->cmd->opts;

	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].name, flag))
			return (const char *)cli->flags + t->v[i].off;
	fail_msg("'%s' has no flag '%s'", cli->cmd->name, flag);
	return cli->flags;
}

static void every_form_of_a_flag(void **state)
{
	static const char *const lines[] = {
		"create --bundle /b --pid-file /p --no-pivot --preserve-fds 7 ctr",
		"create --bundle=/b --pid-file=/p --no-pivot=true --preserve-fds=7 ctr",
		"create -bundle /b -pid-file=/p -no-pivot -preserve-fds 7 ctr",
		"create -b /b --pid-file /p --no-pivot --preserve-fds 7 ctr",
		"create -b=/b -no-subreaper --pid-file /p --no-pivot --preserve-fds 7 ctr",
		"create -b/b --pid-file /p --no-pivot --preserve-fds 7 ctr",
		"create ctr -b /b --pid-file /p --no-pivot --preserve-fds 7",
		"create -b /x --pid-file /p --no-pivot=false --no-pivot --preserve-fds 7 -b /b -- ctr",
		"--root /r create -b /b --log /l --pid-file /p --no-pivot --preserve-fds 7 ctr --debug",
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(lines); i++) {
		auto_cli struct cli cli;
		const struct pod_create_request *r;

		ok(&cli, lines[i]);
		r = cli.flags;
		assert_ptr_equal(cli.cmd, &cmd_create);
		assert_string_equal(r->bundle, "/b");
		assert_string_equal(r->pid_file, "/p");
		assert_true(r->no_pivot);
		assert_false(r->no_new_keyring);
		assert_int_equal(r->preserve_fds, 7);
		assert_int_equal(cli.n_words, 1);
		assert_string_equal(cli.words[0], "ctr");
		assert_null(cli.words[1]);
	}
}

static void global_flags_anywhere(void **state)
{
	static const char *const lines[] = {
		"--root /r --log-format json --systemd-cgroup state ctr",
		"state --root=/r ctr --log-format=json --systemd-cgroup",
		"-root /r state -log-format json -systemd-cgroup ctr",
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(lines); i++) {
		auto_cli struct cli cli;

		ok(&cli, lines[i]);
		assert_string_equal(cli.global.root, "/r");
		assert_string_equal(cli.global.log_format, "json");
		assert_true(cli.global.systemd_cgroup);
		assert_ptr_equal(cli.cmd, &cmd_state);
	}
}

static void a_command_may_repeat_a_global_name(void **state)
{
	auto_cli struct cli before, after;

	(void)state;
	ok(&before, "--rootless true spec");
	assert_string_equal(before.global.rootless, "true");
	ok(&after, "spec --rootless");
	assert_null(after.global.rootless);
	assert_true(*(const bool *)value_of(&after, "rootless"));
}

/* The request is the first member of what exec's flags write into. */
static void letters_can_be_joined(void **state)
{
	auto_cli struct cli cli, attached;
	const struct pod_exec_request *r;

	(void)state;
	ok(&cli, "exec -td -u 0:0 ctr sh");
	r = cli.flags;
	assert_true(r->tty);
	assert_true(r->detach);
	assert_string_equal(r->user, "0:0");
	ok(&attached, "exec -tu1000 ctr sh");
	r = attached.flags;
	assert_true(r->tty);
	assert_string_equal(r->user, "1000");
}

static void the_payload_keeps_its_flags(void **state)
{
	auto_cli struct cli cli, dashes;

	(void)state;
	ok(&cli, "exec -t ctr ls -l --all --root /x -h --");
	assert_int_equal(cli.n_words, 8);
	assert_string_equal(cli.words[2], "-l");
	assert_string_equal(cli.words[7], "--");
	assert_null(cli.global.root);
	assert_false(cli.global.help);
	ok(&dashes, "run -d -- ls -l");
	assert_true(dashes.dashdash);
	assert_int_equal(dashes.n_words, 2);
	assert_string_equal(dashes.words[1], "-l");
}

static void dashes_behind_the_first_word_are_no_form(void **state)
{
	auto_cli struct cli cli;

	(void)state;
	ok(&cli, "kill ctr -- -9");
	assert_false(cli.dashdash);
	assert_string_equal(cli.words[1], "-9");
}

static void lists_keep_their_order(void **state)
{
	auto_cli struct cli cli;
	const struct opt_list *l;

	(void)state;
	ok(&cli, "exec -e A=1 --env=B=2 -e C= ctr sh");
	l = value_of(&cli, "env");
	assert_int_equal(l->n, 3);
	assert_string_equal(l->v[0], "A=1");
	assert_string_equal(l->v[1], "B=2");
	assert_string_equal(l->v[2], "C=");
	assert_null(l->v[3]);
}

static void raw_commands_take_everything(void **state)
{
	auto_cli struct cli cli;

	(void)state;
	ok(&cli, "__complete --help --image-path");
	assert_false(cli.global.help);
	assert_int_equal(cli.n_words, 2);
}

static void two_words_are_one_command(void **state)
{
	auto_cli struct cli cli, nested;
	const struct opt_list *env;

	(void)state;
	ok(&cli, "--root /r pod ls --format json jobs");
	assert_ptr_equal(cli.cmd, &cmd_pod_ls);
	assert_string_equal(cli.global.root, "/r");
	assert_int_equal(cli.n_words, 1);
	ok(&nested, "pod --root /r launch jobs -e A=1 sh -e B=2 --root /x");
	assert_ptr_equal(nested.cmd, &cmd_pod_launch);
	assert_string_equal(nested.global.root, "/r");
	env = value_of(&nested, "env");
	assert_int_equal(env->n, 1);
	assert_int_equal(nested.n_words, 6);
	assert_int_equal(nested.fail_status, 125);
}

static void commands_by_their_words(void **state)
{
	static const char *const both[] = { "pod", "ls" }, *const wrong[] = { "pod", "list" }, *const late[] = { "list", "ls" };

	(void)state;
	assert_ptr_equal(command_of_words(both, 2), &cmd_pod_ls);
	assert_ptr_equal(command_of_words(both, 1), &cmd_pod);
	assert_null(command_of_words(wrong, 2));
	assert_null(command_of_words(late, 2));
	assert_null(command_of_words(both, 0));
	assert_null(command_in(NULL, "ls"));
	assert_string_equal(command_word(&cmd_pod_ls), "ls");
	assert_string_equal(command_word(&cmd_list), "list");
}

static void sizes_times_and_cpus(void **state)
{
	auto_cli struct cli cli;

	(void)state;
	ok(&cli, "pod launch --memory 1.5G --timeout=2m --cpus 0.25 jobs");
	assert_int_equal(*(const uint64_t *)value_of(&cli, "memory"), 3ULL << 29);
	assert_int_equal(*(const uint64_t *)value_of(&cli, "timeout"), 120000);
	assert_int_equal(*(const uint64_t *)value_of(&cli, "cpus"), 250);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *line, *msg;
	} rows[] = {
		{ "creat x", "unknown command 'creat' (did you mean 'create'?); see 'podshim help'" },
		{ "nonsense", "unknown command 'nonsense'; see 'podshim help'" },
		{ "checkpont", "unknown command 'checkpont' (did you mean 'checkpoint'?); see 'podshim help'" },
		{ "''", "unknown command ''; see 'podshim help'" },
		{ "--bogus create", "unknown flag '--bogus'; see 'podshim --help'" },
		{ "--rot /x", "unknown flag '--rot' (did you mean '--root'?); see 'podshim --help'" },
		{ "create --bundel=/b x",
		  "unknown flag '--bundel' for 'create' (did you mean '--bundle'?); see 'podshim create --help'" },
		{ "create -bundl x",
		  "unknown flag '-bundl' for 'create' (did you mean '--bundle'?); see 'podshim create --help'" },
		{ "start -b x", "unknown flag '-b' for 'start'; see 'podshim start --help'" },
		{ "start --=x y", "unknown flag '--' for 'start'; see 'podshim start --help'" },
		{ "exec -tx ctr", "unknown flag '-tx' for 'exec'; see 'podshim exec --help'" },
		{ "create --bundle", "flag '--bundle' requires an argument (DIR)" },
		{ "create -b", "flag '--bundle' requires an argument (DIR)" },
		{ "create --bundle= x", "flag '--bundle' requires an argument (DIR)" },
		{ "create --bundle '' x", "flag '--bundle' requires an argument (DIR)" },
		{ "--log-format xml state", "invalid log-format: xml (one of text|json)" },
		{ "--log-format=tex state", "invalid log-format: tex (one of text|json)" },
		{ "--log-format=text|json state", "invalid log-format: text|json (one of text|json)" },
		{ "list -f yaml", "invalid format: yaml (one of table|json)" },
		{ "create --no-pivot=yes x", "invalid no-pivot: yes (one of true|false)" },
		{ "create --no-subreaper=1 x", "invalid no-subreaper: 1 (one of true|false)" },
		{ "create --preserve-fds -1 x",
		  "invalid preserve-fds: -1 is not a number from 0 to 4294967295" },
		{ "pod lauch x", "unknown command 'pod lauch' (did you mean 'launch'?); see 'podshim help pod'" },
		{ "pod create --memory 1X a b", "invalid memory: 1X is no size, as in 512K, 64M, 2G" },
		{ "pod launch --timeout 1d a", "invalid timeout: 1d is no duration, as in 500ms, 10s, 5m, 1h" },
		{ "pod launch --cpus x a", "invalid cpus: x is no number of CPUs, as in 0.5 or 2" },
		{ "create --preserve-fds 4294967296 x",
		  "invalid preserve-fds: 4294967296 is not a number from 0 to 4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		auto_cli struct cli cli;
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(parse(&cli, rows[i].line, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
		assert_int_equal(e.cls, PS_E_USAGE);
	}
}

static void a_missing_value_is_pending(void **state)
{
	auto_cli struct cli cli, empty;
	struct ps_err e;

	(void)state;
	assert_int_equal(parse(&cli, "create --bundle", &e), -1);
	assert_non_null(cli.pending);
	assert_string_equal(cli.pending->name, "bundle");
	assert_int_equal(parse(&empty, "create --bundle=", &e), -1);
	assert_null(empty.pending);
}

static void words_are_counted(void **state)
{
	static const struct {
		const char *line, *msg;
	} rows[] = {
		{ "create", "'create' needs ID; see 'podshim create --help'" },
		{ "exec", "'exec' needs ID COMMAND [ARGS]; see 'podshim exec --help'" },
		{ "create a b", "'create' does not take 'b'; see 'podshim create --help'" },
		{ "list a", "'list' does not take 'a'; see 'podshim list --help'" },
		{ "kill a KILL b", "'kill' does not take 'b'; see 'podshim kill --help'" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		auto_cli struct cli cli;
		struct ps_err e = { .cls = PS_OK };

		ok(&cli, rows[i].line);
		assert_int_equal(args_check_words(&cli, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
	}
}

static void choices(void **state)
{
	static const struct opt o = { .name = "x", .type = OPT_ENUM, .arg = "one|two" };
	size_t len = 0;

	(void)state;
	assert_memory_equal(opt_choice(&o, 1, &len), "two", 3);
	assert_int_equal(len, 3);
	assert_null(opt_choice(&o, 2, &len));
}

static bool letters_clash(const struct opt *a, const struct opt *b)
{
	return a->letters && b->letters && strpbrk(a->letters, b->letters) != NULL;
}

/* Names are unique, in reach of the parser, and every text that help prints is there. */
static void tables_are_sound(void **state)
{
	(void)state;
	for (size_t c = 0; c < n_commands; c++) {
		const struct command *cmd = commands[c];

		assert_ptr_equal(command_find(cmd->name), cmd);
		assert_non_null(cmd->run);
		assert_true(cmd->words && cmd->summary && cmd->about);
		assert_true(cmd->min_words <= cmd->max_words);
		for (size_t i = 0; i < cmd->opts.n; i++) {
			const struct opt *o = &cmd->opts.v[i];

			assert_true(!o->help || *o->help); /* NULL: shown nowhere */
			assert_int_equal(opt_takes_value(o), o->arg != NULL);
			assert_true(o->off < cmd->flags_size);
			for (size_t k = 0; k < i; k++) {
				assert_string_not_equal(o->name, cmd->opts.v[k].name);
				assert_false(letters_clash(o, &cmd->opts.v[k]));
			}
			for (size_t k = 0; k < global_opts.n; k++)
				assert_false(letters_clash(o, &global_opts.v[k]));
		}
	}
	assert_null(command_find("unknown"));
}

static void every_allocation_can_fail(void **state)
{
	static char prog[] = "podshim", verb[] = "exec", flag[] = "-eA=1", id[] = "ctr";
	static char *const argv[] = { prog, verb, flag, id, NULL };
	int n;

	(void)state;
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		auto_cli struct cli cli = { .fail_status = 1 };
		struct ps_err e = { .cls = PS_OK };
		int r = args_parse(&cli, 4, argv, &e);

		if (!fault_disarm())
			break;
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, ENOMEM);
		assert_int_equal(cli.n_words, 0);
	}
	assert_int_equal(n, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_flag),
		cmocka_unit_test(global_flags_anywhere),
		cmocka_unit_test(a_command_may_repeat_a_global_name),
		cmocka_unit_test(letters_can_be_joined),
		cmocka_unit_test(the_payload_keeps_its_flags),
		cmocka_unit_test(dashes_behind_the_first_word_are_no_form),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(raw_commands_take_everything),
		cmocka_unit_test(two_words_are_one_command),
		cmocka_unit_test(commands_by_their_words),
		cmocka_unit_test(sizes_times_and_cpus),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_missing_value_is_pending),
		cmocka_unit_test(words_are_counted),
		cmocka_unit_test(choices),
		cmocka_unit_test(tables_are_sound),
		cmocka_unit_test(every_allocation_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
