/* SPDX-License-Identifier: Apache-2.0
 * cmd_ps.c - podshim ps: the processes inside a container, as the host sees them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"

struct ps_flags {
	const char *format;
};

static const struct opt ps_rows[] = {
	{ "format", "f", OPT_ENUM, "table|json", "how it is printed (default: table; json: the pids only)",
	  offsetof(struct ps_flags, format) },
};

enum { UID, PID, PPID, CPU, STIME, TTY, TIME, CMD, COLUMNS };
static const char *const head[COLUMNS] = { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD" };
enum { CMDLINE_MAX = 4096 };

/* Clocks that are the same for every row. */
struct now {
	unsigned long long hz, up; /* ticks per second; seconds since boot */
	time_t wall;
};

struct proc_stat {
	char comm[65];
	int ppid;
	int tty;
	unsigned long long utime, stime, start; /* ticks */
};

/* proc(5): the name stands in parentheses and may hold any byte, also ')'. */
static bool parse_stat(const char *text, struct proc_stat *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');

	if (!open || !close || close < open)
		return false;
	(void)snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(close - open - 1), open + 1);
	return sscanf(close + 1,
		      " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
		      &ret->ppid, &ret->tty, &ret->utime, &ret->stime, &ret->start) == 5;
}

static const char *format_start(struct ps_arena *mem, const struct now *now, unsigned long long start_ticks)
{
	time_t start = now->wall - (time_t)(now->up - start_ticks / now->hz);
	struct tm tm;
	char text[16] = "?";

	if (localtime_r(&start, &tm))
		(void)strftime(text, sizeof(text), now->wall - start < 86400 ? "%H:%M" : "%b%d", &tm);
	return ps_arena_strdup(mem, text);
}

static const char *format_tty(struct ps_arena *mem, int tty)
{
	enum { TTY_MAJOR = 4, PTS_MAJOR = 136, PTS_MAJORS = 8 };
	unsigned ma = major((dev_t)(unsigned)tty), mi = minor((dev_t)(unsigned)tty);

	if (ma >= PTS_MAJOR && ma < PTS_MAJOR + PTS_MAJORS)
		return ps_arena_printf(mem, "pts/%u", (ma - PTS_MAJOR) * 256 + mi);
	if (ma == TTY_MAJOR)
		return ps_arena_printf(mem, mi < 64 ? "tty%u" : "ttyS%u", mi < 64 ? mi : mi - 64);
	return "?";
}

/* Arguments joined by blanks, or "[comm]" for a process without any. */
static const char *format_cmd(struct ps_arena *mem, int dir_fd, const char *comm)
{
	ps_auto_fd int fd = openat(dir_fd, "cmdline", O_RDONLY | O_CLOEXEC);
	char text[CMDLINE_MAX];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	while (n > 0 && !text[n - 1])
		n--;
	if (n <= 0)
		return ps_arena_printf(mem, "[%s]", comm);
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	return ps_arena_strndup(mem, text, (size_t)n);
}

/* false: the process is gone. */
static bool read_process(pid_t pid, int *ret_dir, struct stat *ret_st, struct proc_stat *ret)
{
	ps_auto_buf struct ps_buf text = { 0 };
	ps_auto_fd int dir_fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || fstat(dir_fd, ret_st) < 0 ||
	    ps_read_file_at(dir_fd, "stat", 4096, &text, NULL) < 0 || text.failed || !text.len ||
	    !parse_stat(text.data, ret))
		return false;
	*ret_dir = ps_take_fd(&dir_fd);
	return true;
}

/* One row; *n_rows does not grow when the process is gone. */
static int add_row(struct ps_arena *mem, const struct now *now, pid_t pid, const char **cells, size_t *n_rows,
		   struct ps_err *e)
{
	ps_auto_fd int dir_fd = -1;
	struct proc_stat ps;
	struct stat st;
	const char **row = cells + *n_rows * COLUMNS;
	unsigned long long cpu, lived;

	if (!read_process(pid, &dir_fd, &st, &ps))
		return 0;
	cpu = (ps.utime + ps.stime) / now->hz;
	lived = now->up - ps.start / now->hz;
	row[UID] = ps_arena_printf(mem, "%u", st.st_uid);
	row[PID] = ps_arena_printf(mem, "%d", (int)pid);
	row[PPID] = ps_arena_printf(mem, "%d", ps.ppid);
	row[CPU] = ps_arena_printf(mem, "%llu", lived ? cpu * 100 / lived : 0);
	row[STIME] = format_start(mem, now, ps.start);
	row[TTY] = format_tty(mem, ps.tty);
	row[TIME] = ps_arena_printf(mem, "%02llu:%02llu:%02llu", cpu / 3600, cpu / 60 % 60, cpu % 60);
	row[CMD] = format_cmd(mem, dir_fd, ps.comm);
	for (unsigned c = 0; c < COLUMNS; c++)
		if (!row[c])
			return ps_fail_os(e, "allocate");
	++*n_rows;
	return 0;
}

static int print_table(struct cli *cli, struct ps_buf *out, const pid_t *pids, size_t n, struct ps_err *e)
{
	const char **cells = ps_arena_array(&cli->mem, (n + 1) * COLUMNS, sizeof(*cells));
	struct timespec up = { 0 };
	struct now now = { .hz = 100, .wall = time(NULL) };
	long hz = sysconf(_SC_CLK_TCK);
	size_t n_rows = 1;

	if (!cells)
		return ps_fail_os(e, "allocate");
	if (hz > 0)
		now.hz = (unsigned long long)hz;
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	now.up = (unsigned long long)up.tv_sec;
	memcpy(cells, head, sizeof(head));
	for (size_t i = 0; i < n; i++)
		if (add_row(&cli->mem, &now, pids[i], cells, &n_rows, e) < 0)
			return -1;
	cli_print_table(out, cells, n_rows, COLUMNS);
	return 0;
}

static void print_json(struct ps_buf *out, const pid_t *pids, size_t n)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_array(&w, NULL);
	for (size_t i = 0; i < n; i++)
		ps_jw_int(&w, NULL, pids[i]);
	ps_jw_end_array(&w);
	ps_buf_putc(out, '\n');
}

static int run_ps(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	ps_auto_mem pid_t *pids = NULL;
	const struct ps_flags *f = cli->flags;
	const char *id = cli->words[0];
	size_t n = 0;

	if (cli->n_words > 1)
		return ps_fail(e, PS_E_USAGE,
			       "options of ps(1) are not supported: '%s'; flags stand before ID",
			       cli->words[1]);
	if (cli_check_id(id, e) < 0 || pod_pids(&cli->env, id, &pids, &n, e) < 0)
		return -1;
	if (f->format && !strcmp(f->format, "json"))
		print_json(&out, pids, n);
	else if (print_table(cli, &out, pids, n, e) < 0)
		return -1;
	return cli_print(&out, e);
}

const struct command cmd_ps = {
	.name = "ps",
	.words = "ID",
	.summary = "list the processes inside a container",
	.about = "Process and user ids are those of the host.",
	.examples = "podshim ps web\n"
		    "podshim ps --format json web\n",
	.opts = OPT_TABLE(ps_rows),
	.flags_size = sizeof(struct ps_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD | CMD_QUIET,
	.run = run_ps,
};
