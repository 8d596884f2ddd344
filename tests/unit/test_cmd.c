/* SPDX-License-Identifier: Apache-2.0
 * test_cmd.c - what commands share: ids, signals, preserved descriptors, the pod environment, tables.
 */
#include "tests/unit/unit.h"

#include <signal.h>

#include "shim/cli/cmd.h"

#define BAD_ID(id) "invalid container ID format: " id "; allowed are at most 1023 letters, digits, '_', '+', '-' and, not in front, '.'"

static void ids(void **state)
{
	static const struct {
		const char *id, *msg;
	} rows[] = {
		{ "", "container id cannot be empty" },
		{ "a/b", BAD_ID("a/b") },
		{ "..", BAD_ID("..") },
		{ "a b", BAD_ID("a b") },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_err e = { .cls = PS_OK };

		assert_int_equal(cli_check_id(rows[i].id, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
		assert_int_equal(e.cls, PS_E_USAGE);
	}
	assert_int_equal(cli_check_id("web-1_2.3+x", NULL), 0);
}

static void signals(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int sig = -7;

	(void)state;
	assert_int_equal(cli_signal("SIGKILL", &sig, &e), 0);
	assert_int_equal(sig, SIGKILL);
	assert_int_equal(cli_signal("nope", &sig, &e), -1);
	assert_string_equal(e.msg, "unknown signal \"nope\"; give a name as in 'kill -l' (TERM, SIGTERM) or a number from 1 to 64");
	assert_int_equal(sig, SIGKILL);
}

static void preserved_descriptors(void **state)
{
	struct cli cli = { .log.target.fd = -1 };
	struct ps_err e = { .cls = PS_OK };
	int saved[2] = { fcntl(3, F_DUPFD_CLOEXEC, 100), fcntl(4, F_DUPFD_CLOEXEC, 100) };
	uint32_t n = 1;

	(void)state;
	assert_int_equal(dup2(STDIN_FILENO, 3), 3);
	assert_int_equal(dup2(STDIN_FILENO, 4), 4);
	assert_int_equal(unsetenv("LISTEN_FDS"), 0);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), 0);
	assert_int_equal(n, 2);

	/* Ours is not the caller's. */
	cli.log.target.fd = 4;
	assert_int_equal(setenv("LISTEN_FDS", "0", 1), 0);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), -1);
	assert_string_equal(e.msg, "file descriptor 4 is to be preserved, but it is not open");
	cli.log.target.fd = -1;
	(void)close(3);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), -1);
	assert_string_equal(e.msg, "file descriptor 3 is to be preserved, but it is not open");

	assert_int_equal(setenv("LISTEN_FDS", "4294967295", 1), 0);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), -1);
	assert_string_equal(e.msg, "too many file descriptors to preserve");
	assert_int_equal(setenv("LISTEN_FDS", "two", 1), 0);
	assert_int_equal(cli_preserve_fds(&cli, &n, &e), -1);
	assert_string_equal(e.msg, "LISTEN_FDS is not a number of file descriptors: two");
	assert_int_equal(n, 2);
	assert_int_equal(unsetenv("LISTEN_FDS"), 0);
	(void)close(4);
	for (int i = 0; i < 2; i++) {
		if (saved[i] < 0)
			continue;
		assert_int_equal(dup2(saved[i], 3 + i), 3 + i);
		(void)close(saved[i]);
	}
}

static int make_env(struct cli *cli, const struct command *cmd, struct global_flags g, struct ps_err *e)
{
	*cli = (struct cli){ .cmd = cmd, .global = g };
	return cli_make_env(cli, e);
}

static void environments(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	char cwd[PATH_MAX], expected[PATH_MAX + 8], longest[5000];
	struct cli cli;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(make_env(&cli, &cmd_create, (struct global_flags){ .root = "/r" }, &e), 0);
	assert_string_equal(cli.env.root, "/r");
	assert_int_equal(cli.env.cgroup_manager, PLAN_CGROUPFS);
	assert_int_equal(make_env(&cli, &cmd_create,
				  (struct global_flags){ .root = "/r", .cgroup_manager = "disabled" }, &e),
			 0);
	assert_int_equal(cli.env.cgroup_manager, PLAN_CGROUP_DISABLED);
	assert_int_equal(make_env(&cli, &cmd_create,
				  (struct global_flags){ .root = "/r", .systemd_cgroup = true }, &e),
			 0);
	assert_int_equal(cli.env.cgroup_manager, PLAN_CGROUP_SYSTEMD);
	assert_int_equal(make_env(&cli, &cmd_run,
				  (struct global_flags){ .root = "/r", .cgroup_manager = "systemd" }, &e),
			 0);
	assert_int_equal(cli.env.cgroup_manager, PLAN_CGROUP_SYSTEMD);
	/* Engines give the one always, the other where they want none. */
	assert_int_equal(make_env(&cli, &cmd_run, (struct global_flags){ .systemd_cgroup = true, .cgroup_manager = "disabled" }, &e), 0);
	assert_int_equal(cli.env.cgroup_manager, PLAN_CGROUP_DISABLED);
	assert_int_equal(make_env(&cli, &cmd_pod_create, (struct global_flags){ .systemd_cgroup = true }, &e), -1);
	assert_string_equal(e.msg, "pods make their cgroups themselves; use --cgroup-manager cgroupfs");
	/* Callers pass it with every verb, also with those that make no cgroup. */
	assert_int_equal(make_env(&cli, &cmd_delete,
				  (struct global_flags){ .root = "/r", .systemd_cgroup = true }, &e),
			 0);

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(expected, sizeof(expected), "%s/rel", cwd);
	assert_int_equal(make_env(&cli, &cmd_state, (struct global_flags){ .root = "rel" }, &e), 0);
	assert_string_equal(cli.env.root, expected);
	assert_int_equal(make_env(&cli, &cmd_state, (struct global_flags){ .root = "/a/.." }, &e), -1);
	assert_string_equal(e.msg, "--root cannot be '/'");
	assert_int_equal(make_env(&cli, &cmd_state, (struct global_flags){ .root = longest }, &e), -1);
	assert_string_equal(e.msg, "--root is too long");
	assert_int_equal(make_env(&cli, &cmd_version, (struct global_flags){ .root = "/" }, &e), 0);
}

static void tables(void **state)
{
	static const char *const cells[] = { "ID", "A-LONG-TITLE", "X", "a", "b", "", "\033[1m", "", "c" };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	(void)state;
	cli_print_table(&out, cells, 3, 3);
	assert_string_equal(out.data, "ID          A-LONG-TITLE   X\n"
				      "a           b\n"
				      "?[1m                       c\n");
}

static void output_that_cannot_be_written_is_an_error(void **state)
{
	struct ps_buf lost = { .failed = true };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC), r;

	(void)state;
	assert_int_equal(cli_print(&lost, &e), -1);
	assert_string_equal(e.msg, "out of memory for the output");
	ps_buf_puts(&out, "text");
	assert_true(saved >= 0 && full >= 0 && dup2(full, STDOUT_FILENO) == STDOUT_FILENO);
	r = cli_print(&out, &e);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	(void)close(saved);
	(void)close(full);
	assert_int_equal(r, -1);
	assert_string_equal(e.msg, "write to standard output: No space left on device");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(signals),
		cmocka_unit_test(preserved_descriptors),
		cmocka_unit_test(environments),
		cmocka_unit_test(tables),
		cmocka_unit_test(output_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
