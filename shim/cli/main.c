/* SPDX-License-Identifier: Apache-2.0
 * main.c - from the command line to a command, and from its result to the exit status.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/cli/cmd.h"

/* A descriptor opened later must not be taken for a standard stream. */
static int open_std_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

static void set_program(struct cli *cli, const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0;

	cli->oci_only = !strcmp(name, "runc") || !strcmp(name, "crun");
	cli->program = cli->oci_only ? name : "podshim";
}

static int print_help(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };

	if (cli->cmd)
		help_command(&out, cli->program, cli->cmd);
	else
		help_overview(&out, cli->program);
	return cli_print(&out, e);
}

/* Somebody looks for the way in: the overview alone, but no success. */
static int print_missing_command(const struct cli *cli)
{
	ps_auto_buf struct ps_buf out = { 0 };

	help_overview(&out, cli->program);
	if (!out.failed)
		(void)ps_write_all(STDERR_FILENO, out.data, out.len);
	return 1;
}

static int dispatch(struct cli *cli, struct ps_err *e)
{
	if (cli->global.help && !(cli->cmd && cli->cmd->attr & CMD_HIDDEN))
		return print_help(cli, e);
	if (cli->global.version)
		cli->cmd = command_find("version");
	else if (cli->cmd && args_check_words(cli, e) < 0)
		return -1;
	if (!cli->cmd)
		return print_missing_command(cli);
	cli->log.quiet = (cli->cmd->attr & CMD_QUIET) != 0;
	if (cli_make_env(cli, e) < 0)
		return -1;
	return cli->cmd->run(cli, e);
}

int main(int argc, char **argv)
{
	struct cli cli = { .fail_status = 1 };
	struct ps_err e = { 0 }, log_err = { 0 };
	int parsed, status;

	if (argc < 1 || open_std_fds() < 0)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	set_program(&cli, argv[0]);
	parsed = args_parse(&cli, argc, argv, &e);
	/* A bad command line is logged too, if it got as far as --log. */
	if (log_open(&cli.global, &cli.log, &log_err) < 0 && parsed == 0) {
		e = log_err;
		parsed = -1;
	}
	status = parsed < 0 ? -1 : dispatch(&cli, &e);
	if (status < 0) {
		log_failure(&cli.log, &e);
		status = cli.fail_status;
	} else {
		log_success(&cli.log);
	}
	log_close(&cli.log);
	ps_arena_done(&cli.mem);
	return status;
}
