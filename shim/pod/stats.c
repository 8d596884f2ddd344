/* SPDX-License-Identifier: Apache-2.0
 * stats.c - what a container uses, from the control files of either cgroup version.
 */
#include "shim/pod/stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/scope.h"
#include "shim/sandbox/cgroup_usage.h"

/* A number in a control file: of version 1, then of version 2. */
struct source {
	const char *file, *key; /* key NULL: the file holds nothing else */
	uint64_t factor;        /* 0: 1 */
};
enum { N_SOURCES = 2 };

/* The decimal number at s, "max" as the largest; false: there is none. */
static bool number_at(const char *s, uint64_t *ret)
{
	char text[24];
	const size_t n = strcspn(s, " \t\n");

	if (n == 3 && !strncmp(s, "max", 3)) {
		*ret = UINT64_MAX;
		return true;
	}
	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return ps_parse_u64(text, ret) == 0;
}

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s ? s + 1 : s;
}

/* In each directory: two may have a cpu.stat, with different keys. */
static bool read_source(const struct cgroup_dirs *dirs, const struct source *s, uint64_t *ret)
{
	const size_t key = s->key ? strlen(s->key) : 0;

	for (unsigned d = 0; d < dirs->n; d++) {
		ps_auto_buf struct ps_buf text = { .data = NULL };
		const char *line;

		if (cgroup_usage_text(&dirs->v[d], 1, s->file, &text, NULL) < 0 || !text.len)
			continue;
		for (line = text.data; key && *line; line = next_line(line))
			if (!strncmp(line, s->key, key) && line[key] == ' ')
				break;
		if (*line && number_at(line + (key ? key + 1 : 0), ret)) {
			*ret *= s->factor ? s->factor : 1;
			return true;
		}
	}
	return false;
}

static uint64_t amount(const struct cgroup_dirs *dirs, const struct source v[N_SOURCES])
{
	uint64_t n = 0;

	for (size_t i = 0; i < N_SOURCES; i++)
		if (v[i].file && read_source(dirs, &v[i], &n))
			return n;
	return 0;
}

#define AMOUNT(w, dirs, key, ...) ps_jw_uint(w, key, amount(dirs, (const struct source[N_SOURCES]){ __VA_ARGS__ }))

/* ---- Parts that have a form of their own ---- */

/* "1 2 3" as an array; left out where there is no such file. */
static void put_list(struct ps_jsonw *w, const char *key, const struct cgroup_dirs *dirs, const char *file)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	uint64_t n;

	if (cgroup_usage_text(dirs->v, dirs->n, file, &text, NULL) < 0 || !text.len)
		return;
	ps_jw_array(w, key);
	for (const char *s = text.data; number_at(s, &n); s += strspn(s, " ")) {
		ps_jw_uint(w, NULL, n);
		s += strcspn(s, " \n");
	}
	ps_jw_end_array(w);
}

/* "0-2,5" as an array. */
static void put_ranges(struct ps_jsonw *w, const char *key, const struct cgroup_dirs *dirs, const char *v1, const char *v2)
{
	enum { MANY = 65536 };
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if ((cgroup_usage_text(dirs->v, dirs->n, v1, &text, NULL) < 0 && cgroup_usage_text(dirs->v, dirs->n, v2, &text, NULL) < 0) ||
	    !text.len)
		return;
	ps_jw_array(w, key);
	for (char *s = text.data; *s >= '0' && *s <= '9'; s += *s == ',') {
		unsigned long first = strtoul(s, &s, 10), last = *s == '-' ? strtoul(s + 1, &s, 10) : first;

		for (unsigned long i = first; i <= last && i < MANY; i++)
			ps_jw_uint(w, NULL, i);
	}
	ps_jw_end_array(w);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and "full ...": of version 2 alone. */
static void put_pressure(struct ps_jsonw *w, const struct cgroup_dirs *dirs, const char *file)
{
	static const char *const kinds[] = { "some", "full" };
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (cgroup_usage_text(dirs->v, dirs->n, file, &text, NULL) < 0 || !text.len)
		return;
	ps_jw_object(w, "psi");
	for (const char *line = text.data; *line; line = next_line(line))
		for (size_t k = 0; k < PS_COUNT(kinds); k++) {
			char kind[8], a[3][24];
			uint64_t total;

			if (sscanf(line, "%7s avg10=%23[0-9.] avg60=%23[0-9.] avg300=%23[0-9.] total=%" SCNu64, kind, a[0], a[1], a[2],
				   &total) != 5 || strcmp(kind, kinds[k]) != 0)
				continue;
			ps_jw_object(w, kind);
			ps_jw_raw(w, "avg10", a[0]);
			ps_jw_raw(w, "avg60", a[1]);
			ps_jw_raw(w, "avg300", a[2]);
			ps_jw_uint(w, "total", total);
			ps_jw_end_object(w);
		}
	ps_jw_end_object(w);
}

/* ---- The parts ---- */

static void put_cpu(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	ps_jw_object(w, "cpu");
	ps_jw_object(w, "usage");
	AMOUNT(w, d, "total", { "cpuacct.usage", NULL, 1 }, { "cpu.stat", "usage_usec", 1000 });
	put_list(w, "percpu", d, "cpuacct.usage_percpu");
	put_list(w, "percpu_kernel", d, "cpuacct.usage_percpu_sys");
	put_list(w, "percpu_user", d, "cpuacct.usage_percpu_user");
	AMOUNT(w, d, "kernel", { "cpuacct.usage_sys", NULL, 1 }, { "cpu.stat", "system_usec", 1000 });
	AMOUNT(w, d, "user", { "cpuacct.usage_user", NULL, 1 }, { "cpu.stat", "user_usec", 1000 });
	ps_jw_end_object(w);
	ps_jw_object(w, "throttling");
	AMOUNT(w, d, "periods", { "cpu.stat", "nr_periods", 1 });
	AMOUNT(w, d, "throttledPeriods", { "cpu.stat", "nr_throttled", 1 });
	AMOUNT(w, d, "throttledTime", { "cpu.stat", "throttled_time", 1 }, { "cpu.stat", "throttled_usec", 1000 });
	ps_jw_end_object(w);
	put_pressure(w, d, "cpu.pressure");
	ps_jw_end_object(w);
}

static void put_cpuset(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	static const struct { const char *key, *file; } flags[] = {
		{ "cpu_exclusive", "cpuset.cpu_exclusive" }, { "mem_hardwall", "cpuset.mem_hardwall" },
		{ "mem_exclusive", "cpuset.mem_exclusive" }, { "memory_migrate", "cpuset.memory_migrate" },
		{ "memory_spread_page", "cpuset.memory_spread_page" }, { "memory_spread_slab", "cpuset.memory_spread_slab" },
		{ "memory_pressure", "cpuset.memory_pressure" }, { "sched_load_balance", "cpuset.sched_load_balance" },
	};
	ps_auto_buf struct ps_buf level = { .data = NULL };

	ps_jw_object(w, "cpuset");
	put_ranges(w, "cpus", d, "cpuset.effective_cpus", "cpuset.cpus.effective");
	put_ranges(w, "mems", d, "cpuset.effective_mems", "cpuset.mems.effective");
	for (size_t i = 0; i < PS_COUNT(flags); i++)
		AMOUNT(w, d, flags[i].key, { flags[i].file, NULL, 1 });
	(void)cgroup_usage_text(d->v, d->n, "cpuset.sched_relax_domain_level", &level, NULL);
	ps_jw_int(w, "sched_relax_domain_level", level.len ? strtol(level.data, NULL, 10) : 0);
	ps_jw_end_object(w);
}

/* Version 2 counts swap apart, version 1 and the document as a part of the sum. */
static void put_swap(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	static const struct { const char *key, *v1, *memory, *swap; } rows[] = {
		{ "limit", "memory.memsw.limit_in_bytes", "memory.max", "memory.swap.max" },
		{ "usage", "memory.memsw.usage_in_bytes", "memory.current", "memory.swap.current" },
		{ "max", "memory.memsw.max_usage_in_bytes", "memory.peak", "memory.swap.peak" },
	};

	ps_jw_object(w, "swap");
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint64_t sum = 0, swap = 0;

		if (!read_source(d, &(struct source){ rows[i].v1, NULL, 1 }, &sum) &&
		    read_source(d, &(struct source){ rows[i].memory, NULL, 1 }, &sum) &&
		    read_source(d, &(struct source){ rows[i].swap, NULL, 1 }, &swap))
			sum = sum > UINT64_MAX - swap ? UINT64_MAX : sum + swap;
		ps_jw_uint(w, rows[i].key, sum);
	}
	AMOUNT(w, d, "failcnt", { "memory.memsw.failcnt", NULL, 1 }, { "memory.swap.events", "max", 1 });
	ps_jw_end_object(w);
}

static void put_kernel_memory(struct ps_jsonw *w, const char *key, const char *prefix, const struct cgroup_dirs *d)
{
	static const struct { const char *key, *file; } rows[] = {
		{ "limit", "limit_in_bytes" }, { "usage", "usage_in_bytes" }, { "max", "max_usage_in_bytes" }, { "failcnt", "failcnt" },
	};
	char file[64];

	ps_jw_object(w, key);
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		(void)snprintf(file, sizeof(file), "%s.%s", prefix, rows[i].file);
		AMOUNT(w, d, rows[i].key, { file, NULL, 1 });
	}
	ps_jw_end_object(w);
}

static void put_memory(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	ps_auto_buf struct ps_buf stat = { .data = NULL };

	ps_jw_object(w, "memory");
	AMOUNT(w, d, "cache", { "memory.stat", "total_cache", 1 }, { "memory.stat", "file", 1 });
	ps_jw_object(w, "usage");
	AMOUNT(w, d, "limit", { "memory.limit_in_bytes", NULL, 1 }, { "memory.max", NULL, 1 });
	AMOUNT(w, d, "usage", { "memory.usage_in_bytes", NULL, 1 }, { "memory.current", NULL, 1 });
	AMOUNT(w, d, "max", { "memory.max_usage_in_bytes", NULL, 1 }, { "memory.peak", NULL, 1 });
	AMOUNT(w, d, "failcnt", { "memory.failcnt", NULL, 1 }, { "memory.events", "max", 1 });
	ps_jw_end_object(w);
	put_swap(w, d);
	put_kernel_memory(w, "kernel", "memory.kmem", d);
	put_kernel_memory(w, "kernelTCP", "memory.kmem.tcp", d);
	(void)cgroup_usage_text(d->v, d->n, "memory.stat", &stat, NULL);
	ps_jw_object(w, "raw");
	for (const char *line = stat.len ? stat.data : ""; *line; line = next_line(line)) {
		char key[64];
		uint64_t n;

		if (sscanf(line, "%63s %" SCNu64, key, &n) == 2)
			ps_jw_uint(w, key, n);
	}
	ps_jw_end_object(w);
	put_pressure(w, d, "memory.pressure");
	ps_jw_end_object(w);
}

static void put_pids(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	uint64_t limit = 0;

	/* 0: no limit, as the document has it. */
	if (!read_source(d, &(struct source){ "pids.max", NULL, 1 }, &limit) || limit == UINT64_MAX)
		limit = 0;
	ps_jw_object(w, "pids");
	AMOUNT(w, d, "current", { "pids.current", NULL, 1 });
	ps_jw_uint(w, "limit", limit);
	ps_jw_end_object(w);
}

static void put_entry(struct ps_jsonw *w, uint64_t major, uint64_t minor, const char *op, uint64_t value)
{
	ps_jw_object(w, NULL);
	ps_jw_uint(w, "major", major);
	ps_jw_uint(w, "minor", minor);
	ps_jw_str(w, "op", op);
	ps_jw_uint(w, "value", value);
	ps_jw_end_object(w);
}

/* Version 1: "254:0 Read 4096" lines.  bfq counts what it schedules, the throttle everything. */
static bool put_io_v1(struct ps_jsonw *w, const struct cgroup_dirs *d, const char *what)
{
	char file[64];
	ps_auto_buf struct ps_buf text = { .data = NULL };

	(void)snprintf(file, sizeof(file), "blkio.throttle.%s_recursive", what);
	if (cgroup_usage_text(d->v, d->n, file, &text, NULL) < 0)
		return false;
	for (const char *line = text.len ? text.data : ""; *line; line = next_line(line)) {
		uint64_t major, minor, value;
		char op[16];

		if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %15s %" SCNu64, &major, &minor, op, &value) == 4)
			put_entry(w, major, minor, op, value);
	}
	return true;
}

/* Version 2: "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0". */
static void put_io_v2(struct ps_jsonw *w, const struct ps_buf *text, const char *suffix)
{
	static const struct { char letter; const char *op; } ops[] = { { 'r', "Read" }, { 'w', "Write" }, { 'd', "Discard" } };

	for (const char *line = text->len ? text->data : ""; *line; line = next_line(line)) {
		uint64_t major, minor;

		if (sscanf(line, "%" SCNu64 ":%" SCNu64, &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < PS_COUNT(ops); i++) {
			char key[16];
			uint64_t value;

			(void)snprintf(key, sizeof(key), " %c%s=", ops[i].letter, suffix);
			const char *at = memmem(line, strcspn(line, "\n"), key, strlen(key));

			if (at && number_at(at + strlen(key), &value))
				put_entry(w, major, minor, ops[i].op, value);
		}
	}
}

static void put_io(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	static const struct { const char *key, *v1, *v2; } kinds[] = {
		{ "ioServiceBytesRecursive", "io_service_bytes", "bytes" }, { "ioServicedRecursive", "io_serviced", "ios" },
	};
	ps_auto_buf struct ps_buf stat = { .data = NULL };

	(void)cgroup_usage_text(d->v, d->n, "io.stat", &stat, NULL);
	ps_jw_object(w, "blkio");
	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		ps_jw_array(w, kinds[i].key);
		if (!put_io_v1(w, d, kinds[i].v1))
			put_io_v2(w, &stat, kinds[i].v2);
		ps_jw_end_array(w);
	}
	put_pressure(w, d, "io.pressure");
	ps_jw_end_object(w);
}

/* Every size that this machine has: "hugepages-2048kB" is "2MB" to cgroups. */
static void put_hugetlb(struct ps_jsonw *w, const struct cgroup_dirs *d)
{
	ps_auto_dir DIR *dir = opendir("/sys/kernel/mm/hugepages");
	const struct dirent *entry;

	ps_jw_object(w, "hugetlb");
	while (dir && (entry = readdir(dir))) {
		char size[32], file[5][64];
		uint64_t kb, usage;

		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kb) != 1)
			continue;
		(void)snprintf(size, sizeof(size), "%" PRIu64 "%s", kb % 1048576 == 0 ? kb / 1048576 : kb % 1024 == 0 ? kb / 1024 : kb,
			       kb % 1048576 == 0 ? "GB" : kb % 1024 == 0 ? "MB" : "KB");
		static const char *const ends[] = { "usage_in_bytes", "current", "max_usage_in_bytes", "failcnt", "events" };

		for (size_t i = 0; i < PS_COUNT(ends); i++)
			(void)snprintf(file[i], sizeof(file[i]), "hugetlb.%s.%s", size, ends[i]);
		if (!read_source(d, &(struct source){ file[0], NULL, 1 }, &usage) && !read_source(d, &(struct source){ file[1], NULL, 1 }, &usage))
			continue;
		ps_jw_object(w, size);
		ps_jw_uint(w, "usage", usage);
		AMOUNT(w, d, "max", { file[2], NULL, 1 });
		AMOUNT(w, d, "failcnt", { file[3], NULL, 1 }, { file[4], "max", 1 });
		ps_jw_end_object(w);
	}
	ps_jw_end_object(w);
}

void stats_write(struct ps_jsonw *w, const char *key, const struct cgroup_dirs *dirs)
{
	ps_jw_object(w, key);
	put_cpu(w, dirs);
	put_cpuset(w, dirs);
	put_memory(w, dirs);
	put_pids(w, dirs);
	put_io(w, dirs);
	put_hugetlb(w, dirs);
	ps_jw_object(w, "intel_rdt");
	ps_jw_end_object(w);
	ps_jw_str(w, "network_interfaces", NULL);
	ps_jw_end_object(w);
}
