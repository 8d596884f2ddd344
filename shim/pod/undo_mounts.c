/* SPDX-License-Identifier: Apache-2.0
 * undo_mounts.c - what is mounted below a directory that undo shows as an overlay, which shows none of it.
 */
#include "shim/pod/undo_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/policy/permissions.h"
#include "shim/sandbox/rootless.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, POINTS_MAX = 4096 };

struct points { const char *v[POINTS_MAX]; size_t n; };

/* File systems without files of anybody's: what is not shown of them is not missed. */
static bool is_kernels(const char *type)
{
	static const char *const types[] = { "proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "debugfs", "tracefs",
					     "securityfs", "configfs", "bpf", "pstore", "nsfs", "mqueue", "binfmt_misc", "autofs",
					     "efivarfs", "fusectl", "hugetlbfs", "rpc_pipefs" };

	for (size_t i = 0; i < PS_COUNT(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* "\\040" and its kin, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			*out = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every mount point with files, each once, a parent before what is below it. */
static int read_points(struct ps_arena *a, struct points *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char *rest, *line;
	size_t n = 0;

	if (ps_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e) < 0)
		return -1;
	for (rest = text.data; (line = strsep(&rest, "\n")) && ret->n < POINTS_MAX;) {
		char *type = strstr(line, " - "), *point = line;

		for (int skip = 0; point && skip < 4; skip++)
			point = (point = strchr(point, ' ')) ? point + 1 : NULL;
		if (!type || !point)
			continue;
		type += 3;
		type[strcspn(type, " ")] = '\0';
		point[strcspn(point, " ")] = '\0';
		unescape(point);
		if (is_kernels(type))
			continue;
		ret->v[ret->n] = ps_arena_strdup(a, point);
		if (!ret->v[ret->n++])
			return ps_fail_os(e, "memory for mount points");
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_text);
	for (size_t i = 0; i < ret->n; i++)
		if (!n || strcmp(ret->v[n - 1], ret->v[i]) != 0)
			ret->v[n++] = ret->v[i];
	ret->n = n;
	return 0;
}

static bool is_inside(const char *point, const char *dir)
{
	return strcmp(point, dir) != 0 && perm_path_below(point, dir);
}

static int refuse(const char *dir, const char *point, struct ps_err *e)
{
	return ps_fail(e, PS_E_UNSUPP,
		       "undo: '%s' is mounted in '%s', which can't be taken apart here: list folders without mounts in them", point, dir);
}

/* The row of a mount below m's source. */
static int split_off(struct ps_arena *a, const struct policy_mount *m, const char *point, struct policy_mount *ret, struct ps_err *e)
{
	const char *rest = point + (m->source[1] ? strlen(m->source) : 0);
	struct stat st;

	*ret = *m;
	ret->source = point;
	ret->target = ps_arena_printf(a, "%s%s", m->target[1] ? m->target : "", rest);
	if (!ret->target)
		return ps_fail_os(e, "memory for mount points");
	/* What is gone, or not to be looked at, is not shown; devices and sockets hold nothing. */
	if (stat(point, &st) < 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
		return 0;
	ret->stored = S_ISDIR(st.st_mode) ? POLICY_STORED_OVER : POLICY_STORED_COPY;
	return 1;
}

int undo_split_mounts(struct ps_arena *a, struct policy *p, struct ps_err *e)
{
	struct points *points = ps_arena_new(a, struct points);
	struct policy_mount *rows;
	size_t n = 0, max = p->n_mounts;

	if (!points || !p->store.undo)
		return points ? 0 : ps_fail_os(e, "memory for mount points");
	if (read_points(a, points, e) < 0)
		return -1;
	for (size_t i = 0; i < points->n; i++) {
		if (p->rootfs.stored == POLICY_STORED_OVER && is_inside(points->v[i], p->rootfs.path))
			return refuse(p->rootfs.path, points->v[i], e);
		for (size_t k = 0; k < p->n_mounts; k++)
			max += p->mounts[k].stored == POLICY_STORED_OVER && is_inside(points->v[i], p->mounts[k].source);
	}
	if (max == p->n_mounts)
		return 0;
	rows = ps_arena_array(a, max + 1, sizeof(*rows));
	if (!rows)
		return ps_fail_os(e, "memory for mount points");
	for (size_t k = 0; k < p->n_mounts; k++) {
		const struct policy_mount *m = &p->mounts[k];

		rows[n++] = *m;
		for (size_t i = 0; m->stored == POLICY_STORED_OVER && i < points->n; i++) {
			int rc;

			if (!m->recursive || !is_inside(points->v[i], m->source))
				continue;
			if (rootless_entered())
				return refuse(m->source, points->v[i], e);
			rc = split_off(a, m, points->v[i], &rows[n], e);
			if (rc < 0)
				return -1;
			n += (size_t)rc;
		}
	}
	p->mounts = rows;
	p->n_mounts = n;
	return 0;
}
