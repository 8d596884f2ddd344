/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_stats.c - podshim pod stats: what the runners of a pod use, and were denied.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/jsonw.h"
#include "shim/cli/pod_client.h"
#include "shim/cli/prometheus.h"

struct pod_stats_flags {
	const char *format;
	bool watch;
};

static const struct opt pod_stats_rows[] = {
	{ "format", "f", OPT_ENUM, "table|json|prometheus", "how it is printed (default: table)", offsetof(struct pod_stats_flags, format) },
	{ "watch", "w", OPT_FLAG, NULL, "again every second, until the pod has ended", offsetof(struct pod_stats_flags, watch) },
};

/* What there is of each runner: member of the JSON, metric of Prometheus. */
enum unit { COUNT, GAUGE, SECONDS };
#define AT(field) offsetof(struct podshim_info, field)
static const struct {
	const char *member, *metric, *help;
	enum unit unit;
	size_t at; /* a uint64_t of struct podshim_info */
} numbers[] = {
	{ "cpuNs", "podshim_runner_cpu_seconds_total", "CPU time used.", SECONDS, AT(cpu_ns) },
	{ "memory", "podshim_runner_memory_bytes", "Memory used.", GAUGE, AT(memory) },
	{ "memoryPeak", "podshim_runner_memory_peak_bytes", "The most memory that was used.", GAUGE, AT(memory_peak) },
	{ "pids", "podshim_runner_processes", "Processes and threads.", GAUGE, AT(pids) },
	{ "outputBytes", "podshim_runner_output_bytes_total", "Bytes printed.", COUNT, AT(output_bytes) },
	{ "denied", "podshim_runner_denied_total", "Accesses that were denied.", COUNT, AT(denied) },
	{ "warned", "podshim_runner_warned_total", "Accesses that were allowed with a warning.", COUNT, AT(warned) },
	{ "allowed", "podshim_runner_allowed_total", "Accesses that were asked about and allowed.", COUNT, AT(allowed) },
	{ "dropped", "podshim_runner_audit_dropped_total", "Allowed accesses that no event tells of.", COUNT, AT(dropped) },
	{ "outputKept", "podshim_runner_output_kept_bytes", "What the ring of its output holds.", GAUGE, AT(output_kept) },
	{ "outputRoom", "podshim_runner_output_room_bytes", "Size of the ring of its output.", GAUGE, AT(output_room) },
	{ "tapeUsed", "podshim_runner_tape_used_bytes", "What its tape holds.", GAUGE, AT(tape_used) },
	{ "tapeRoom", "podshim_runner_tape_room_bytes", "Size of its tape.", GAUGE, AT(tape_room) },
};

static uint64_t number(const struct podshim_info *i, size_t k)
{
	uint64_t v;

	memcpy(&v, (const char *)i + numbers[k].at, sizeof(v));
	return v;
}

/* All rows of one answer. */
struct usage {
	struct ps_arena mem;
	struct podshim_info *v;
	size_t n, cap;
};

static void usage_done(struct usage *u)
{
	ps_arena_done(&u->mem);
	free(u->v);
}

static int keep(const struct podshim_info *i, void *ctx)
{
	struct usage *u = ctx;

	if (u->n == u->cap) {
		const size_t cap = u->cap ? 2 * u->cap : 16;
		struct podshim_info *v = reallocarray(u->v, cap, sizeof(*v));

		if (!v)
			return -1;
		u->v = v;
		u->cap = cap;
	}
	u->v[u->n] = *i;
	u->v[u->n].id = ps_arena_strdup(&u->mem, i->id);
	return u->v[u->n++].id ? 0 : -1;
}

static void put_json(const struct usage *u, const char *pod, const struct podshim_counts *n, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "pod", pod);
	ps_jw_uint(&w, "warm", n->warm);
	ps_jw_uint(&w, "warmWanted", n->warm_wanted);
	ps_jw_uint(&w, "launched", n->launched);
	ps_jw_uint(&w, "failed", n->failed);
	ps_jw_array(&w, "runners");
	for (size_t i = 0; i < u->n; i++) {
		ps_jw_object(&w, NULL);
		ps_jw_str(&w, "id", u->v[i].id);
		for (size_t k = 0; k < PS_COUNT(numbers); k++)
			ps_jw_uint(&w, numbers[k].member, number(&u->v[i], k));
		ps_jw_end_object(&w);
	}
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

static void put_prometheus(const struct usage *u, const char *pod, const struct podshim_counts *n, struct ps_buf *out)
{
	const struct { const char *metric, *type, *help; uint64_t v; } whole[] = {
		{ "podshim_pod_warm", "gauge", "Runners that are prepared.", n->warm },
		{ "podshim_pod_warm_wanted", "gauge", "Runners that the pod keeps prepared.", n->warm_wanted },
		{ "podshim_pod_launched_total", "counter", "Launches since the pod was made.", n->launched },
		{ "podshim_pod_failed_total", "counter", "Launches that failed.", n->failed },
	};
	struct prom_label labels[] = { { "pod", pod }, { NULL, NULL }, { NULL, NULL } };

	for (size_t k = 0; k < PS_COUNT(whole); k++) {
		prom_metric(out, whole[k].metric, whole[k].type, whole[k].help);
		prom_sample(out, whole[k].metric, labels, whole[k].v);
	}
	labels[1].name = "runner";
	for (size_t k = 0; k < PS_COUNT(numbers) && u->n; k++) {
		prom_metric(out, numbers[k].metric, numbers[k].unit == GAUGE ? "gauge" : "counter", numbers[k].help);
		for (size_t i = 0; i < u->n; i++) {
			labels[1].value = u->v[i].id;
			(numbers[k].unit == SECONDS ? prom_seconds : prom_sample)(out, numbers[k].metric, labels, number(&u->v[i], k));
		}
	}
}

static const char *percent(struct ps_arena *mem, uint64_t part, uint64_t whole)
{
	return whole ? ps_arena_printf(mem, "%llu%%", (unsigned long long)(100 * part / whole)) : "-";
}

static int put_table(struct usage *u, bool again, struct ps_buf *out)
{
	static const char *const head[] = { "ID", "CPU", "MEMORY", "PEAK", "PIDS", "OUTPUT", "DENIED", "RING", "TAPE" };
	enum { COLUMNS = PS_COUNT(head) };
	const char **cells = ps_arena_array(&u->mem, (u->n + 1) * COLUMNS, sizeof(*cells));
	struct ps_arena *m = &u->mem;

	if (!cells)
		return -1;
	memcpy(cells, head, sizeof(head));
	for (size_t i = 0; i < u->n; i++) {
		const struct podshim_info *v = &u->v[i];
		char memory[16], peak[16], output[16];

		format_bytes(v->memory, memory);
		format_bytes(v->memory_peak, peak);
		format_bytes(v->output_bytes, output);
		const char *const row[COLUMNS] = {
			v->id, ps_arena_printf(m, "%.3fs", (double)v->cpu_ns / 1e9), ps_arena_strdup(m, memory), ps_arena_strdup(m, peak),
			ps_arena_printf(m, "%llu", (unsigned long long)v->pids), ps_arena_strdup(m, output),
			ps_arena_printf(m, "%llu", (unsigned long long)v->denied), percent(m, v->output_kept, v->output_room),
			percent(m, v->tape_used, v->tape_room),
		};

		for (size_t c = 0; c < COLUMNS; c++)
			if (!row[c])
				return -1;
		memcpy(cells + (i + 1) * COLUMNS, row, sizeof(row));
	}
	if (again)
		ps_buf_puts(out, isatty(STDOUT_FILENO) ? "\033[H\033[J" : "\n");
	cli_print_table(out, cells, u->n + 1, COLUMNS);
	return 0;
}

static int print_once(struct podshim *c, const char *format, bool again, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct usage u ps_auto(usage_done) = { .n = 0 };
	struct podshim_error why = { .code = PODSHIM_OK };
	struct podshim_counts n;
	int rc = 0;

	if (podshim_counts(c, &n, &why) < 0)
		return lib_failed(&why, e);
	if (podshim_stats(c, keep, &u, &why) != 0)
		return why.code == PODSHIM_OK ? ps_fail(e, PS_E_OS, "out of memory for the list") : lib_failed(&why, e);
	if (is_json(format))
		put_json(&u, podshim_name(c), &n, &out);
	else if (format && !strcmp(format, "prometheus"))
		put_prometheus(&u, podshim_name(c), &n, &out);
	else
		rc = put_table(&u, again, &out);
	return rc < 0 ? ps_fail_os(e, "memory for the list") : cli_print(&out, e);
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
		const int rc = print_once(c, f->format, again, e);

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
	.about = "CPU time, memory now and at its peak, processes, bytes of output, accesses that were\n"
		 "denied, and how full the ring of the output and the tape are, of each. JSON has the\n"
		 "accesses that were warned of, allowed, and dropped from the tape, too. A link's rings are\n"
		 "its two ends' alone. Prometheus's is the text that a scrape expects.",
	.examples = "podshim pod stats --watch jobs\n"
		    "podshim pod stats --format json jobs | jq '[.runners[].memory] | add'\n"
		    "podshim pod stats --format prometheus jobs\n",
	.opts = OPT_TABLE(pod_stats_rows),
	.flags_size = sizeof(struct pod_stats_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_stats,
};
