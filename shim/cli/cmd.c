/* SPDX-License-Identifier: Apache-2.0
 * cmd.c - what several commands need: the pod environment, ids, output.
 */
#include "shim/cli/cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/names.h"

int cli_make_root(struct cli *cli, struct ps_err *e)
{
	const char *root = cli->global.root;
	char cwd[sizeof(cli->root)] = "", clean[sizeof(cli->root)];

	if (!root)
		return state_root_default(cli->program, cli->root, sizeof(cli->root), e);
	if (*root != '/' && !getcwd(cwd, sizeof(cwd)))
		return ps_fail_os(e, "find the current directory for --root '%s'", root);
	if (ps_path_join(cli->root, sizeof(cli->root), cwd, root + (*root == '/')) < 0 ||
	    ps_path_clean(cli->root, clean, sizeof(clean)) < 0)
		return ps_fail(e, PS_E_USAGE, "--root is too long");
	if (!strcmp(clean, "/"))
		return ps_fail(e, PS_E_USAGE, "--root cannot be '/'");
	return 0;
}

int cli_make_env(struct cli *cli, struct ps_err *e)
{
	const char *manager = cli->global.cgroup_manager;
	const bool systemd = manager ? !strcmp(manager, "systemd") : cli->global.systemd_cgroup;

	if (systemd && cli->cmd->attr & CMD_CGROUPFS)
		return ps_fail(e, PS_E_UNSUPP, "pods make their cgroups themselves; use --cgroup-manager cgroupfs");
	cli->env = (struct pod_env){
		.root = cli->cmd->attr & CMD_ROOT ? cli->root : NULL,
		.cgroup_manager = systemd ? PLAN_CGROUP_SYSTEMD :
				  manager && !strcmp(manager, "disabled") ? PLAN_CGROUP_DISABLED : PLAN_CGROUPFS,
		.warn = log_warning,
		.degraded = log_degraded,
		.debug = cli->log.debug ? log_debug : NULL,
		.warn_ctx = &cli->log,
	};
	return cli->cmd->attr & CMD_ROOT ? cli_make_root(cli, e) : 0;
}

int cli_print(const struct ps_buf *b, struct ps_err *e)
{
	if (b->failed)
		return ps_fail(e, PS_E_OS, "out of memory for the output");
	if (b->len && ps_write_all(STDOUT_FILENO, b->data, b->len) < 0)
		return ps_fail_os(e, "write to standard output");
	return 0;
}

void cli_note(const char *fmt, ...)
{
	ps_auto_buf struct ps_buf line = { 0 };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ps_buf_puts(&line, "podshim: ");
	log_escape(&line, text);
	ps_buf_putc(&line, '\n');
	if (!line.failed)
		(void)ps_write_all(STDERR_FILENO, line.data, line.len);
}

const char *cli_no_command(const struct cli *cli)
{
	return strcmp(cli->program, "runc") != 0 ? "unknown command" : "No help topic for";
}

int cli_check_id(const char *id, struct ps_err *e)
{
	if (!*id)
		return ps_fail(e, PS_E_USAGE, "container id cannot be empty");
	if (!container_id_valid(id))
		return ps_fail(e, PS_E_USAGE,
			       "invalid container ID format: %s; allowed are at most 1023 letters, digits, '_', '+', '-' and, "
			       "not in front, '.'",
			       id);
	return 0;
}

static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool cli_holds_config(const char *dir)
{
	char path[PATH_MAX];

	return ps_path_join(path, sizeof(path), dir, "config.json") == 0 && is_regular(path);
}

int cli_here(const char **bundle, const char *config, const char *how, struct ps_err *e)
{
	if (*bundle)
		return 0;
	if (!config && !cli_holds_config("."))
		return ps_fail(e, PS_E_USAGE, "no config.json in the current directory; %s names the bundle", how);
	*bundle = ".";
	return 0;
}

int cli_signal(const char *name, int *ret, struct ps_err *e)
{
	int sig = signal_parse(name);

	if (sig < 0)
		return ps_fail(e, PS_E_USAGE,
			       "unknown signal \"%s\"; give a name as in 'kill -l' (TERM, SIGTERM) or a number from 1 to 64",
			       name);
	*ret = sig;
	return 0;
}

int cli_preserve_fds(const struct cli *cli, uint32_t *n, struct ps_err *e)
{
	const char *text = getenv("LISTEN_FDS");
	uint32_t more = 0, sum;

	if (text && *text && ps_parse_u32(text, &more) < 0)
		return ps_fail(e, PS_E_USAGE, "LISTEN_FDS is not a number of file descriptors: %s", text);
	if (__builtin_add_overflow(*n, more, &sum) || sum > INT_MAX - 3)
		return ps_fail(e, PS_E_USAGE, "too many file descriptors to preserve");
	for (int fd = 3; fd < 3 + (int)sum; fd++)
		if (fd == cli->log.target.fd || fcntl(fd, F_GETFD) < 0)
			return ps_fail(e, PS_E_USAGE,
				       "file descriptor %d is to be preserved, but it is not open", fd);
	*n = sum;
	return 0;
}

static int compile_regex(const char *regex, regex_t *ret, struct ps_err *e)
{
	char why[128];
	int r = regcomp(ret, regex, REG_EXTENDED | REG_NOSUB);

	if (!r)
		return 0;
	regerror(r, ret, why, sizeof(why));
	return ps_fail(e, PS_E_USAGE, "invalid regular expression '%s': %s", regex, why);
}

int cli_each_match(struct cli *cli, const char *regex,
		   int (*fn)(struct cli *cli, const char *id, struct ps_err *e), struct ps_err *e)
{
	ps_auto(regfree) regex_t re = { 0 };
	ps_auto_mem struct pod_item *items = NULL;
	size_t n = 0;
	struct ps_err later;
	int r = 0;

	if (compile_regex(regex, &re, e) < 0 || pod_list(&cli->env, &items, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!regexec(&re, items[i].id, 0, NULL, 0) && fn(cli, items[i].id, r < 0 ? &later : e) < 0)
			r = -1;
	return r;
}

static void put_cell(struct ps_buf *out, const char *text, size_t width)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		ps_buf_putc(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
	for (; len < width; len++)
		ps_buf_putc(out, ' ');
}

void cli_print_table(struct ps_buf *out, const char *const *cells, size_t n_rows, size_t n_columns)
{
	enum { MAX_COLUMNS = 12, MIN_WIDTH = 12, GAP = 3 };
	size_t width[MAX_COLUMNS] = { 0 };

	if (n_columns > MAX_COLUMNS)
		n_columns = MAX_COLUMNS;
	for (size_t c = 0; c + 1 < n_columns; c++) {
		width[c] = MIN_WIDTH;
		for (size_t r = 0; r < n_rows; r++)
			if (strlen(cells[r * n_columns + c]) + GAP > width[c])
				width[c] = strlen(cells[r * n_columns + c]) + GAP;
	}
	for (size_t r = 0; r < n_rows; r++) {
		for (size_t c = 0; c < n_columns; c++)
			put_cell(out, cells[r * n_columns + c], width[c]);
		while (!out->failed && out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
		ps_buf_putc(out, '\n');
	}
}

int cli_emit_line(void *ctx, const char *line, size_t n)
{
	int *write_errno = ctx;

	if (ps_write_all(STDOUT_FILENO, line, n) < 0 ||
	    ((!n || line[n - 1] != '\n') && ps_write_all(STDOUT_FILENO, "\n", 1) < 0))
		*write_errno = errno;
	return *write_errno;
}

int cli_emitted(int write_errno, struct ps_err *e)
{
	if (!write_errno || write_errno == EPIPE)
		return 0;
	errno = write_errno;
	return ps_fail_os(e, "write to standard output");
}
