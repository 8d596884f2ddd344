/* SPDX-License-Identifier: Apache-2.0
 * cgroup_usage.c - what a container uses, from its cgroups of either version.
 */
#include "shim/sandbox/cgroup_usage.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/scope.h"
#include "shim/sandbox/cgroup_dir.h"

/* The number behind `key` in lines of "KEY NUMBER", or the whole file's when key is NULL.  -1 without. */
static int64_t value_of(const char *text, const char *key)
{
	const size_t n = key ? strlen(key) : 0;
	char number[24];
	uint64_t v;

	for (; key && text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		if (strncmp(text, key, n) == 0 && text[n] == ' ')
			break;
	if (!text)
		return -1;
	text += key ? n + 1 : 0;
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits >= sizeof(number))
		return -1;
	memcpy(number, text, digits);
	number[digits] = '\0';
	return ps_parse_u64(number, &v) == 0 && v <= INT64_MAX ? (int64_t)v : -1;
}

void cgroup_usage_read(const char *const *dirs, unsigned n, struct cgroup_usage *ret)
{
	/* file, key in it, factor, where to */
	static const struct { const char *file, *key; int64_t factor; size_t at; } rows[] = {
		{ "cpu.stat", "usage_usec", 1000, offsetof(struct cgroup_usage, cpu_ns) },
		{ "cpuacct.usage", NULL, 1, offsetof(struct cgroup_usage, cpu_ns) },
		{ "memory.current", NULL, 1, offsetof(struct cgroup_usage, memory) },
		{ "memory.usage_in_bytes", NULL, 1, offsetof(struct cgroup_usage, memory) },
		{ "memory.peak", NULL, 1, offsetof(struct cgroup_usage, memory_peak) },
		{ "memory.max_usage_in_bytes", NULL, 1, offsetof(struct cgroup_usage, memory_peak) },
		{ "pids.current", NULL, 1, offsetof(struct cgroup_usage, pids) },
	};
	char text[2048];

	for (unsigned d = 0; d < n; d++) {
		ps_auto_fd int fd = open(dirs[d], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		for (size_t i = 0; fd >= 0 && i < PS_COUNT(rows); i++) {
			int64_t *to = (int64_t *)(void *)((char *)ret + rows[i].at);
			int64_t v = *to < 0 && cgroup_read(fd, rows[i].file, text, sizeof(text)) > 0
					    ? value_of(text, rows[i].key) : -1;

			if (v >= 0 && v <= INT64_MAX / rows[i].factor)
				*to = v * rows[i].factor;
		}
	}
}

int cgroup_usage_text(const char *const *dirs, unsigned n, const char *file, struct ps_buf *out, struct ps_err *e)
{
	enum { TEXT_MAX = 1024 * 1024 };

	for (unsigned d = 0; d < n; d++) {
		ps_auto_fd int dir_fd = open(dirs[d], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		ps_auto_fd int fd = dir_fd < 0 ? -1 : openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0)
			return ps_read_fd(fd, file, TEXT_MAX, out, e);
	}
	return ps_fail(e, PS_E_NOTFOUND, "no cgroup of the container has a file '%s'", file);
}
