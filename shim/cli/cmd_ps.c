/* SPDX-License-Identifier: Apache-2.0
 * cmd_ps.c - podshim ps: the processes inside a container, as the host sees them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memfd.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "base/num.h"
#include "shim/cli/cmd.h"
#include "shim/sandbox/child.h"

struct ps_flags {
	const char *format;
};

static const struct opt ps_rows[] = {
	{ "format", "f", OPT_ENUM, "table|json", "how it is printed (default: table; json: the pids only)",
	  offsetof(struct ps_flags, format) },
};

enum { UID, PID, PPID, CPU, STIME, TTY, TIME, CMD, COLUMNS };
static const char *const head[COLUMNS] = { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD" };
enum { CMDLINE_MAX = 4096, OUTPUT_MAX = 64 << 20 };

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

/* The name in the host's /etc/passwd, as ps(1) shows it; without one the number.  Other sources of names take no static program. */
static const char *format_user(struct ps_arena *mem, uid_t uid)
{
	enum { SHOWN = 8 };
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *p = NULL;
	const char *name = NULL;

	while (f && (p = fgetpwent(f)) && p->pw_uid != uid)
		;
	if (p)
		name = strlen(p->pw_name) <= SHOWN ? ps_arena_strdup(mem, p->pw_name) : ps_arena_printf(mem, "%.*s+", SHOWN - 1, p->pw_name);
	else
		name = ps_arena_printf(mem, "%u", uid);
	if (f)
		(void)fclose(f);
	return name;
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
	row[UID] = format_user(mem, st.st_uid);
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

/* ---- ps(1) ---- */

/* What ps(1) with these options prints of all processes. */
static int ask_ps(struct cli *cli, const char *const *options, size_t n, struct ps_buf *ret, struct ps_err *e)
{
	ps_auto_fd int fd = ps_memfd("ps", /* flags= */ 0, MFD_NOEXEC_SEAL);
	const char **argv = ps_arena_array(&cli->mem, n + 2, sizeof(*argv));
	const char *search = getenv("PATH");
	struct child_end end;
	char path[PATH_MAX], how[sizeof(end.errors) + 64];

	if (fd < 0 || !argv)
		return ps_fail_os(e, "make room for what ps(1) prints");
	if (child_find(search ? search : "/usr/bin:/bin", ".", "ps", path) < 0)
		return ps_fail(e, PS_E_UNSUPP, "options are those of ps(1), and there is no program 'ps' in PATH: install it (procps), or leave "
					       "them out");
	argv[0] = "ps";
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = options[i];
	const struct child c = { .path = path, .argv = (char *const *)(uintptr_t)argv, .envp = environ, .timeout_ms = -1, .quiet = true,
				 .out_fd = fd };

	if (child_run(&c, &end, e) < 0)
		return -1;
	if (!child_ok(&end))
		return ps_fail(e, PS_E_USAGE, "ps(1): %s", child_end_text(&end, how, sizeof(how)));
	return lseek(fd, 0, SEEK_SET) < 0 ? ps_fail_os(e, "rewind what ps(1) prints") : ps_read_fd(fd, "ps(1)", OUTPUT_MAX, ret, e);
}

/* Words of a line: the begin of the `no`-th from 0, its length; NULL when there are less. */
static const char *word_of(const char *line, const char *end, size_t no, size_t *ret_n)
{
	for (;; no--) {
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		const char *from = line;

		while (line < end && *line != ' ' && *line != '\t')
			line++;
		if (from == line)
			return NULL;
		*ret_n = (size_t)(line - from);
		if (!no)
			return from;
	}
}

static bool is_pid_column(const char *title, const char *end, size_t column)
{
	size_t n = 0;
	const char *word = word_of(title, end, column, &n);

	return word && n == 3 && !memcmp(word, "PID", 3);
}

static bool is_ours(const char *line, const char *end, size_t column, const pid_t *pids, size_t n_pids)
{
	size_t n = 0;
	const char *word = word_of(line, end, column, &n);
	char number[16];
	uint32_t pid;

	if (!word || n >= sizeof(number))
		return false;
	memcpy(number, word, n);
	number[n] = '\0';
	for (size_t i = 0; ps_parse_u32(number, &pid) == 0 && i < n_pids; i++)
		if ((uint32_t)pids[i] == pid)
			return true;
	return false;
}

/* The title, and the lines whose PID is one of the container's. */
static int print_ps(struct cli *cli, struct ps_buf *out, const pid_t *pids, size_t n_pids, struct ps_err *e)
{
	ps_auto_buf struct ps_buf all = { 0 };
	size_t column = 0, n = 0;

	if (ask_ps(cli, cli->words + 1, cli->n_words - 1, &all, e) < 0)
		return -1;
	const char *line = all.data ? all.data : "", *last = line + all.len, *end = memchr(line, '\n', all.len);

	end = end ? end : last;
	while (word_of(line, end, column, &n) && !is_pid_column(line, end, column))
		column++;
	if (!is_pid_column(line, end, column))
		return ps_fail(e, PS_E_USAGE, "what ps(1) prints with these options has no column PID, by which the container's are found: add it");
	for (bool is_title = true; line < last; is_title = false) {
		if (is_title || is_ours(line, end, column, pids, n_pids)) {
			ps_buf_put(out, line, (size_t)(end - line));
			ps_buf_putc(out, '\n');
		}
		line = end < last ? end + 1 : last;
		end = memchr(line, '\n', (size_t)(last - line));
		end = end ? end : last;
	}
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

	const bool json = f->format && !strcmp(f->format, "json");

	if (json && cli->n_words > 1)
		return ps_fail(e, PS_E_USAGE, "options of ps(1) change nothing about --format json: leave out '%s'", cli->words[1]);
	if (cli_check_id(id, e) < 0 || pod_pids(&cli->env, id, &pids, &n, e) < 0)
		return -1;
	if (json)
		print_json(&out, pids, n);
	else if ((cli->n_words > 1 ? print_ps : print_table)(cli, &out, pids, n, e) < 0)
		return -1;
	return cli_print(&out, e);
}

const struct command cmd_ps = {
	.name = "ps",
	.words = "ID [OPTION...]",
	.summary = "list the processes inside a container",
	.about = "Processes and users are those of the host.  With options, which are those of\n"
		 "ps(1), that program is run, and of what it prints the title is shown and the lines\n"
		 "whose column PID has a process of the container.",
	.examples = "podshim ps web\n"
		    "podshim ps --format json web\n"
		    "podshim ps web -eo pid,comm\n",
	.opts = OPT_TABLE(ps_rows),
	.flags_size = sizeof(struct ps_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD | CMD_QUIET,
	.run = run_ps,
};
