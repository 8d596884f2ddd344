/* SPDX-License-Identifier: Apache-2.0
 * cgroup_update.c - other limits for a container that exists: all of them or, when one is refused, those of before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/sandbox/cgroup_dir.h"
#include "shim/sandbox/cgroup_limit.h"

/* ---- What a file held ---- */

/* The row that puts a file back: its text is malloc'd, NULL where there is nothing to put back. */
struct saved { char *text; };
struct saves {
	struct saved *v;
	size_t n;
};

static void saves_done(struct saves *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].text);
	free(s->v);
}

/* How a file of "KEY VALUE" lines is told that KEY has none; before a final '*', how its name begins. */
static const struct { const char *file, *none; } keyed_files[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" }, { "io.weight", "default" }, { "io.bfq.weight", "default" },
	{ "blkio.throttle.*", "0" }, { "blkio.bfq.*", "default" }, { "blkio.*", "0" },
	{ "rdma.max", "hca_handle=max hca_object=max" }, { "net_prio.ifpriomap", "0" },
};

static const char *none_of(const char *file)
{
	for (size_t i = 0; i < PS_COUNT(keyed_files); i++) {
		const size_t n = strlen(keyed_files[i].file) - 1;

		if (keyed_files[i].file[n] == '*' ? !strncmp(file, keyed_files[i].file, n) : !strcmp(file, keyed_files[i].file))
			return keyed_files[i].none;
	}
	return NULL;
}

/* What to write into file, which holds `now`, to undo a write of `value`. */
static char *undoing(const char *file, const char *value, const char *now)
{
	const size_t key = strcspn(value, " ");
	const char *none = value[key] ? none_of(file) : NULL;
	char *text = NULL;

	if (!none) {
		/* Of "oom_kill_disable 0" and of "default 100" the kernel takes back the number, of "" a new line. */
		const char *first = strcmp(file, "memory.oom_control") == 0 ? now + strcspn(now, " ") : now;
		const size_t n = strcspn(first, "\n");

		return n ? strndup(first, n) : strdup("\n");
	}
	for (const char *line = now; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, value, key + 1) == 0)
			return strndup(line, strcspn(line, "\n"));
	if (asprintf(&text, "%.*s %s", (int)key, value, none) < 0)
		return NULL;
	return text;
}

static int save(struct limit_dirs *d, struct saves *s, struct ps_err *e)
{
	enum { TEXT_MAX = 16384 };
	ps_auto_mem char *now = malloc(TEXT_MAX);

	s->v = calloc(d->plan->cgroup_files.n + 1, sizeof(*s->v));
	if (!now || !s->v)
		return ps_fail_os(e, "memory for the limits in force");
	for (PLAN_EACH(d->plan, struct plan_cgroup_file, f, d->plan->cgroup_files)) {
		const char *file = plan_str(d->plan, f->file);
		const int dir_fd = limit_dir(d, f->cgroup, e);
		char **text = &s->v[s->n++].text;

		if (dir_fd < 0)
			return -1;
		/* One that is not there is not written either, one that cannot be read has no value. */
		if (strchr(file, '/') || cgroup_read(dir_fd, file, now, TEXT_MAX) < 0)
			continue;
		*text = undoing(file, plan_str(d->plan, f->value), now);
		if (!*text)
			return ps_fail_os(e, "memory for the limits in force");
	}
	return 0;
}

/* Last to first; again where one waits for another. */
static void put_back(struct limit_dirs *d, struct saves *s, struct ps_err *e)
{
	enum { ROUNDS = 3 };
	const struct plan_cgroup_file *f = PLAN_ROWS(d->plan, struct plan_cgroup_file, d->plan->cgroup_files);

	for (int round = 1; round <= ROUNDS; round++)
		for (size_t i = s->n; i-- > 0;) {
			const int dir_fd = s->v[i].text ? limit_dir(d, f[i].cgroup, NULL) : -1;

			if (dir_fd < 0)
				continue;
			if (cgroup_write(dir_fd, plan_str(d->plan, f[i].file), s->v[i].text) == 0) {
				free(s->v[i].text);
				s->v[i].text = NULL;
			} else if (round == ROUNDS) {
				(void)ps_ctx(e, "'%s' could not be put back to '%s'", plan_str(d->plan, f[i].file), s->v[i].text);
			}
		}
}

/* ---- The whole ---- */

static int change_devices(struct limit_dirs *d, struct ps_err *e)
{
	const struct plan *p = d->plan;
	const struct plan_cgroup *c = PLAN_ROWS(p, struct plan_cgroup, p->cgroups);
	const struct plan_device_rule *rules = PLAN_ROWS(p, struct plan_device_rule, p->device_rules);

	for (uint32_t i = 0; p->device_rules.n && i < p->cgroups.n; i++)
		if (c[i].version == 1 && cgroup_has_controller(p, &c[i], "devices"))
			return limit_dir(d, i, e) < 0 ? -1 : cgroup_change_devices(d->fd[i], rules, p->device_rules.n, e);
	for (uint32_t i = 0; p->device_rules.n && i < p->cgroups.n; i++)
		if (c[i].version == 2)
			return limit_dir(d, i, e) < 0 ? -1 : cgroup_attach_devices(d->fd[i], rules, p->device_rules.n, e);
	return 0;
}

/* For the files of version 2 that are there only once somebody has asked for them. */
static int enable(const struct plan *p, struct ps_err *e)
{
	for (uint32_t i = 0; i < p->cgroups.n; i++) {
		bool used = false;

		for (PLAN_EACH(p, struct plan_cgroup_file, f, p->cgroup_files))
			used |= f->cgroup == i;
		if (used && PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[i].version == 2 && cgroup_enable(p, i, e) < 0)
			return -1;
	}
	return 0;
}

int cgroup_update(const struct plan *p, struct ps_err *e)
{
	__attribute__((cleanup(saves_done))) struct saves s = { .v = NULL };
	auto_limit_dirs struct limit_dirs d = limit_dirs(p);

	if (enable(p, e) < 0 || save(&d, &s, e) < 0)
		return -1;
	/* A refusal that a second try overcame leaves its text behind. */
	struct ps_err cause = { .cls = PS_OK };

	if (limit_write_files(&d, &cause) == 0 && change_devices(&d, &cause) == 0)
		return 0;
	put_back(&d, &s, &cause);
	if (e)
		*e = cause;
	return -1;
}
