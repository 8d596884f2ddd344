/* SPDX-License-Identifier: Apache-2.0
 * cmd_list.c - podshim list: every container below the root directory.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"

struct list_flags {
	const char *format;
	bool ids_only, all;
};

static const struct opt list_rows[] = {
	{ "all", "a", OPT_FLAG, NULL, "every container of this user, below whatever --root", offsetof(struct list_flags, all) },
	{ "format", "f", OPT_ENUM, "table|json", "how it is printed (default: table)",
	  offsetof(struct list_flags, format) },
	{ "quiet", "q", OPT_FLAG, NULL, "ids only, one a line", offsetof(struct list_flags, ids_only) },
};

static void print_ids(struct ps_buf *out, const struct pod_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ps_buf_printf(out, "%s\n", items[i].id);
}

/* What cannot be known here is left out. */
static void put_usage(struct ps_jsonw *w, const struct pod_item *it)
{
	const struct { const char *key; int64_t v; } rows[] = {
		{ "cpuNs", it->cpu_ns }, { "memory", it->memory }, { "memoryPeak", it->memory_peak }, { "pids", it->pids },
		{ "denied", it->denied }, { "tapeUsed", it->tape_used }, { "tapeRoom", it->tape_room },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].v >= 0)
			ps_jw_int(w, rows[i].key, rows[i].v);
}

static void print_json(struct ps_buf *out, const struct pod_item *items, size_t n, bool all)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_array(&w, NULL);
	for (const struct pod_item *it = items; it < items + n; it++) {
		ps_jw_object(&w, NULL);
		ps_jw_str(&w, "ociVersion", "1.3.0");
		ps_jw_str(&w, "id", it->id);
		ps_jw_int(&w, "pid", it->pid);
		ps_jw_str(&w, "status", state_status_name(it->status));
		ps_jw_str(&w, "bundle", it->bundle);
		ps_jw_str(&w, "rootfs", it->rootfs);
		ps_jw_str(&w, "created", it->created);
		ps_jw_str(&w, "owner", it->owner);
		if (all) {
			ps_jw_str(&w, "root", it->root);
			put_usage(&w, it);
		}
		ps_jw_end_object(&w);
	}
	ps_jw_end_array(&w);
	ps_buf_putc(out, '\n');
}

static int print_table(struct cli *cli, struct ps_buf *out, const struct pod_item *items, size_t n, bool all,
		       struct ps_err *e)
{
	static const char *const head[] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "ROOT" };
	const size_t columns = PS_COUNT(head) - !all;
	const char **cells = ps_arena_array(&cli->mem, (n + 1) * PS_COUNT(head), sizeof(*cells)), **row = cells;

	if (!cells)
		return ps_fail_os(e, "allocate");
	memcpy(row, head, columns * sizeof(*row));
	for (const struct pod_item *it = items; it < items + n; it++) {
		const char *pid = ps_arena_printf(&cli->mem, "%d", (int)it->pid);

		if (!pid)
			return ps_fail_os(e, "allocate");
		row += columns;
		memcpy(row,
		       ((const char *[]){ it->id, pid, state_status_name(it->status), it->bundle, it->created, it->owner,
					  it->root }),
		       columns * sizeof(*row));
	}
	cli_print_table(out, cells, n + 1, columns);
	return 0;
}

static int run_list(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	ps_auto_mem struct pod_item *items = NULL;
	const struct list_flags *f = cli->flags;
	size_t n = 0;

	/* A root that was never used holds nothing; one that was named and is not there is a mistake. */
	if (!f->all && cli->global.root && access(cli->env.root, F_OK) < 0)
		return ps_fail_os(e, "open root '%s'", cli->env.root);
	if ((f->all ? pod_list_all : pod_list)(&cli->env, &items, &n, e) < 0)
		return -1;
	if (f->ids_only)
		print_ids(&out, items, n);
	else if (f->format && !strcmp(f->format, "json"))
		print_json(&out, items, n, f->all);
	else if (print_table(cli, &out, items, n, f->all, e) < 0)
		return -1;
	return cli_print(&out, e);
}

const struct command cmd_list = {
	.name = "list",
	.words = "",
	.summary = "list the containers",
	.about = "Those below the directory of --root, or with --all those that a tape in /dev/shm\n"
		 "tells of, and what they use (in JSON: cpuNs, memory, memoryPeak, pids, denied, how\n"
		 "often something was, and tapeUsed of tapeRoom bytes). The pid of a stopped container is 0.",
	.examples = "podshim list\n"
		    "podshim list --all\n"
		    "podshim list --format json | jq -r '.[].id'\n",
	.opts = OPT_TABLE(list_rows),
	.flags_size = sizeof(struct list_flags),
	.attr = CMD_ROOT | CMD_QUIET,
	.run = run_list,
};
