/* SPDX-License-Identifier: Apache-2.0
 * cmd_update.c - podshim update: other limits for a container.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "base/scope.h"
#include "oci/spec.h"
#include "shim/cli/cmd.h"

enum kind { NUMBER, SIZE, TEXT };
/* flag, its kind, object and member of linux.resources, what it is in help */
#define LIMITS(X)                                                                                                             \
	X("blkio-weight", blkio_weight, NUMBER, "blockIO", "weight", "WEIGHT", "share of the disks' time, 10 to 1000")         \
	X("cpu-period", cpu_period, NUMBER, "cpu", "period", "MICROSECONDS", "how often the quota begins anew")               \
	X("cpu-quota", cpu_quota, NUMBER, "cpu", "quota", "MICROSECONDS", "processor time in each period; -1: no limit")      \
	X("cpu-burst", cpu_burst, NUMBER, "cpu", "burst", "MICROSECONDS", "unused quota that may be used later")              \
	X("cpu-share", cpu_share, NUMBER, "cpu", "shares", "SHARES", "share of the processors among others, 2 to 262144")     \
	X("cpu-rt-period", cpu_rt_period, NUMBER, "cpu", "realtimePeriod", "MICROSECONDS", "the same for real-time processes")  \
	X("cpu-rt-runtime", cpu_rt_runtime, NUMBER, "cpu", "realtimeRuntime", "MICROSECONDS", "their processor time in each")  \
	X("cpuset-cpus", cpuset_cpus, TEXT, "cpu", "cpus", "LIST", "processors that may be used, as 0-2,5")                   \
	X("cpuset-mems", cpuset_mems, TEXT, "cpu", "mems", "LIST", "memory nodes that may be used")                           \
	X("cpu-idle", cpu_idle, NUMBER, "cpu", "idle", "0|1", "1: processor time only when nobody else wants it")             \
	X("memory", memory, SIZE, "memory", "limit", "BYTES", "limit of memory (512M); -1: none")                              \
	X("memory-reservation", memory_reservation, SIZE, "memory", "reservation", "BYTES", "memory that is left to it when there is little") \
	X("memory-swap", memory_swap, SIZE, "memory", "swap", "BYTES", "limit of memory and swap together; -1: none")          \
	X("pids-limit", pids_limit, NUMBER, "pids", "limit", "N", "limit of processes; -1: none")

struct update_flags {
	const char *resources, *l3_cache_schema, *mem_bw_schema, *kernel_memory, *kernel_memory_tcp;
#define X(flag, field, kind, object, member, arg, help) const char *field;
	LIMITS(X)
#undef X
};

#define AT(field) offsetof(struct update_flags, field)
static const struct opt update_rows[] = {
	{ "resources", "r", OPT_STR, "FILE", "take all of it from FILE, a JSON linux.resources object; '-': from standard input",
	  AT(resources) },
#define X(flag, field, kind, object, member, arg, help) { flag, NULL, OPT_STR, arg, help, AT(field) },
	LIMITS(X)
#undef X
	{ "l3-cache-schema", NULL, OPT_STR, "TEXT", "cache lines of a resctrl group (refused: write it to the group's file)",
	  AT(l3_cache_schema) },
	{ "mem-bw-schema", NULL, OPT_STR, "TEXT", "memory bandwidth of a resctrl group (refused: write it to the group's file)",
	  AT(mem_bw_schema) },
	{ "kernel-memory", NULL, OPT_STR, "BYTES", NULL, AT(kernel_memory) },
	{ "kernel-memory-tcp", NULL, OPT_STR, "BYTES", NULL, AT(kernel_memory_tcp) },
};

static const struct limit {
	const char *flag, *object, *member;
	enum kind kind;
	size_t at;
} limits[] = {
#define X(flag, field, kind, object, member, arg, help) { flag, object, member, kind, AT(field) },
	LIMITS(X)
#undef X
};

static const char *value_of(const struct update_flags *f, size_t at)
{
	return *(const char *const *)(const void *)((const char *)f + at);
}

/* The value as JSON. */
static int put_value(struct ps_jsonw *w, const struct limit *l, const char *value, struct ps_err *e)
{
	uint64_t n;
	int64_t i;

	if (l->kind == TEXT) {
		ps_jw_str(w, l->member, value);
		return 0;
	}
	if (ps_parse_i64(value, &i) == 0)
		ps_jw_int(w, l->member, i);
	else if (l->kind == SIZE && ps_parse_size(value, &n) == 0)
		ps_jw_uint(w, l->member, n);
	else if (l->kind == NUMBER && ps_parse_u64(value, &n) == 0)
		ps_jw_uint(w, l->member, n);
	else
		return ps_fail(e, PS_E_USAGE, "invalid value for %s: '%s' is no %s", l->flag, value,
			       l->kind == SIZE ? "size such as 512M, nor -1" : "number");
	return 0;
}

/* The flags as a linux.resources object; 0 when none was given. */
static int resources_of_flags(const struct update_flags *f, struct ps_buf *out, struct ps_err *e)
{
	static const char *const objects[] = { "memory", "cpu", "pids", "blockIO" };
	struct ps_jsonw w = { .out = out };
	int given = 0;

	ps_jw_object(&w, NULL);
	for (size_t k = 0; k < PS_COUNT(objects); k++) {
		ps_jw_object(&w, objects[k]);
		for (size_t i = 0; i < PS_COUNT(limits); i++) {
			const char *value = strcmp(limits[i].object, objects[k]) ? NULL : value_of(f, limits[i].at);

			given |= value != NULL;
			if (value && put_value(&w, &limits[i], value, e) < 0)
				return -1;
		}
		ps_jw_end_object(&w);
	}
	ps_jw_end_object(&w);
	return out->failed ? ps_fail_os(e, "memory for the limits") : given;
}

static int read_resources(const char *file, struct ps_buf *out, struct ps_err *e)
{
	if (strcmp(file, "-") != 0)
		return ps_read_file_at(AT_FDCWD, file, SPEC_MAX_BYTES, out, e);
	return ps_read_fd(STDIN_FILENO, "standard input", SPEC_MAX_BYTES, out, e);
}

static int run_update(struct cli *cli, struct ps_err *e)
{
	const struct update_flags *f = cli->flags;
	const char *schema = f->l3_cache_schema ? "l3-cache-schema" : f->mem_bw_schema ? "mem-bw-schema" : NULL;
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct pod_update_request r = { .id = cli->words[0], .file = "command line" };
	int given;

	if (cli_check_id(r.id, e) < 0)
		return -1;
	if (schema)
		return ps_fail(e, PS_E_UNSUPP, "--%s: groups of resctrl are not changed by update: write the line to the file 'schemata' of the group that "
			       "/linux/intelRdt of container '%s' names, below /sys/fs/resctrl", schema, r.id);
	if ((f->kernel_memory || f->kernel_memory_tcp) && cli->env.warn)
		cli->env.warn(cli->env.warn_ctx, "--kernel-memory and --kernel-memory-tcp are ignored: the kernel has no such limits any more");
	given = resources_of_flags(f, &text, e);
	if (given < 0)
		return -1;
	if (given && f->resources)
		return ps_fail(e, PS_E_USAGE, "update takes --resources or limits as flags, not both");
	if (f->resources) {
		r.file = strcmp(f->resources, "-") != 0 ? f->resources : "standard input";
		ps_buf_reset(&text);
		if (read_resources(f->resources, &text, e) < 0)
			return -1;
	}
	r.text = text.data ? text.data : "";
	r.len = text.len;
	return pod_update(&cli->env, &r, e);
}

const struct command cmd_update = {
	.name = "update",
	.words = "ID",
	.summary = "change the limits of a container",
	.about = "The container may be created, running or paused. What is not given stays as it\n"
		 "is. When the kernel refuses one of the limits, none is changed, and the error\n"
		 "names the file of the cgroup. Permissions of the container that limit memory,\n"
		 "processes or processor time hold on.",
	.examples = "podshim update --memory 1G --memory-swap 1G web\n"
		    "podshim update --cpu-quota 50000 --cpu-period 100000 --pids-limit 100 web\n"
		    "echo '{\"cpu\": {\"cpus\": \"0-1\"}}' | podshim update --resources - web\n",
	.opts = OPT_TABLE(update_rows),
	.flags_size = sizeof(struct update_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_update,
};
