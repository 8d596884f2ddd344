/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_stats.c - podshim pod stats: what the runners of a pod use.
 */
#include <stdio.h>
#include <time.h>

#include "base/jsonw.h"
#include "shim/cli/pod_client.h"

struct pod_stats_flags {
	const char *format;
	bool watch;
};

static const struct opt pod_stats_rows[] = {
	{ "format", "f", OPT_ENUM, "table|json", "how it is printed (default: table)", offsetof(struct pod_stats_flags, format) },
	{ "watch", "w", OPT_FLAG, NULL, "again every second, until the pod has ended", offsetof(struct pod_stats_flags, watch) },
};

enum { COLUMNS = 6 };

struct usage {
	struct ps_jsonw w;
	struct ps_arena mem;
	const char **cells;       /* NULL: JSON */
	size_t n_rows, cap;
};

static void usage_done(struct usage *u)
{
	ps_arena_done(&u->mem);
	free(u->cells);
}

static int grow(struct usage *u)
{
	const size_t cap = u->cap ? 2 * u->cap : 16;
	const char **cells = reallocarray(u->cells, cap * COLUMNS, sizeof(*cells));

	if (!cells)
		return -1;
	u->cells = cells;
	u->cap = cap;
	return 0;
}

static int add_json(const struct podshim_info *i, void *ctx)
{
	struct usage *u = ctx;

	ps_jw_object(&u->w, NULL);
	ps_jw_str(&u->w, "id", i->id);
	ps_jw_uint(&u->w, "cpuNs", i->cpu_ns);
	ps_jw_uint(&u->w, "memory", i->memory);
	ps_jw_uint(&u->w, "memoryPeak", i->memory_peak);
	ps_jw_uint(&u->w, "pids", i->pids);
	ps_jw_uint(&u->w, "outputBytes", i->output_bytes);
	ps_jw_end_object(&u->w);
	return 0;
}

static int add_row(const struct podshim_info *i, void *ctx)
{
	struct usage *u = ctx;
	char memory[16], peak[16], output[16];

	if (u->n_rows == u->cap && grow(u) < 0)
		return -1;
	const char **row = u->cells + u->n_rows * COLUMNS;

	format_bytes(i->memory, memory);
	format_bytes(i->memory_peak, peak);
	format_bytes(i->output_bytes, output);
	row[0] = ps_arena_strdup(&u->mem, i->id);
	row[1] = ps_arena_printf(&u->mem, "%.3fs", (double)i->cpu_ns / 1e9);
	row[2] = ps_arena_strdup(&u->mem, memory);
	row[3] = ps_arena_strdup(&u->mem, peak);
	row[4] = ps_arena_printf(&u->mem, "%u", (unsigned)i->pids);
	row[5] = ps_arena_strdup(&u->mem, output);
	for (size_t c = 0; c < COLUMNS; c++)
		if (!row[c])
			return -1;
	u->n_rows++;
	return 0;
}

static int walk(struct podshim *c, podshim_each_fn *fn, struct usage *u, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };

	if (podshim_stats(c, fn, u, &why) == 0)
		return 0;
	return why.code == PODSHIM_OK ? ps_fail(e, PS_E_OS, "out of memory for the list") : lib_failed(&why, e);
}

static int print_json(struct podshim *c, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct usage u = { .w = { .out = &out } };
	struct podshim_error why = { .code = PODSHIM_OK };
	struct podshim_counts n;

	if (podshim_counts(c, &n, &why) < 0)
		return lib_failed(&why, e);
	ps_jw_object(&u.w, NULL);
	ps_jw_str(&u.w, "pod", podshim_name(c));
	ps_jw_uint(&u.w, "warm", n.warm);
	ps_jw_uint(&u.w, "warmWanted", n.warm_wanted);
	ps_jw_uint(&u.w, "launched", n.launched);
	ps_jw_uint(&u.w, "failed", n.failed);
	ps_jw_array(&u.w, "runners");
	if (walk(c, add_json, &u, e) < 0)
		return -1;
	ps_jw_end_array(&u.w);
	ps_jw_end_object(&u.w);
	ps_buf_putc(&out, '\n');
	return cli_print(&out, e);
}

static int print_table(struct podshim *c, bool again, struct ps_err *e)
{
	static const char *const head[COLUMNS] = { "ID", "CPU", "MEMORY", "PEAK", "PIDS", "OUTPUT" };
	ps_auto_buf struct ps_buf out = { 0 };
	struct usage u ps_auto(usage_done) = { .n_rows = 0 };

	if (grow(&u) < 0)
		return ps_fail_os(e, "memory for the list");
	for (size_t i = 0; i < COLUMNS; i++)
		u.cells[i] = head[i];
	u.n_rows = 1;
	if (walk(c, add_row, &u, e) < 0)
		return -1;
	if (again)
		ps_buf_puts(&out, isatty(STDOUT_FILENO) ? "\033[H\033[J" : "\n");
	cli_print_table(&out, u.cells, u.n_rows, COLUMNS);
	return cli_print(&out, e);
}

static int run_pod_stats(struct cli *cli, struct ps_err *e)
{
	const struct pod_stats_flags *f = cli->flags;
	auto_podshim struct podshim *c = NULL;
	struct target t;

	if (target_of(cli, cli->words[0], &t, e) < 0)
		return -1;
	if (t.kind == TARGET_RUNNER)
		return ps_fail(e, PS_E_USAGE, "'%s' is a runner; 'podshim pod stats %s' shows all of its pod", t.word, t.name);
	if (target_connect(cli, &t, &c, e) < 0)
		return -1;
	for (bool again = false;; again = true) {
		const int rc = is_json(f->format) ? print_json(c, e) : print_table(c, again, e);

		if (rc < 0 && again && e->sys == EPIPE)
			return 0; /* the pod, or our reader, is gone */
		if (rc < 0 || !f->watch)
			return rc;
		(void)nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	}
}

const struct command cmd_pod_stats = {
	.name = "pod stats",
	.words = "NAME",
	.summary = "show what the runners of a pod use",
	.about = "CPU time, memory now and at its peak, processes, and bytes of output, of each.",
	.examples = "podshim pod stats --watch jobs\n"
		    "podshim pod stats --format json jobs | jq '[.runners[].memory] | add'\n",
	.opts = OPT_TABLE(pod_stats_rows),
	.flags_size = sizeof(struct pod_stats_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_stats,
};
