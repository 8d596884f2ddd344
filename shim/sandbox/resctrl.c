/* SPDX-License-Identifier: Apache-2.0
 * resctrl.c - the container's group of the resctrl file system.
 */
#include "shim/sandbox/resctrl.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/abi.h"
#include "base/scope.h"

enum { TEXT_MAX = 8192, DIR_MODE = 0755 };

const char *resctrl_root = "/sys/fs/resctrl";
long resctrl_magic = 0x7655821;

static const struct plan_rdt *row_of(const struct plan *p)
{
	return p->rdt.n ? PLAN_ROWS(p, struct plan_rdt, p->rdt) : NULL;
}

static int at_row(const struct plan *p, const struct plan_rdt *r, const char *below, struct ps_err *e)
{
	return ps_at_from(e, plan_str(p, r->from), below);
}

static int path_of(const struct plan *p, const struct plan_rdt *r, const char *rest, char out[PATH_MAX], struct ps_err *e)
{
	const char *group = plan_str(p, r->group);
	int n = snprintf(out, PATH_MAX, "%s%s%s%s", resctrl_root, *group ? "/" : "", group, rest);

	if (n > 0 && n < PATH_MAX)
		return 0;
	(void)ps_fail(e, PS_E_CONFIG, "the name is too long");
	return at_row(p, r, "/closID", e);
}

static int monitor_of(const struct plan *p, const struct plan_rdt *r, const char *rest, char out[PATH_MAX], struct ps_err *e)
{
	char below[NAME_MAX + 1 + 64];
	int n = snprintf(below, sizeof(below), "/mon_groups/%s%s", plan_str(p, p->id), rest);

	if (n > 0 && (size_t)n < sizeof(below))
		return path_of(p, r, below, out, e);
	(void)ps_fail(e, PS_E_CONFIG, "the container's name is too long for a monitoring group");
	return at_row(p, r, "/enableMonitoring", e);
}

int resctrl_check(const struct plan *p, struct ps_err *e)
{
	const struct plan_rdt *r = row_of(p);
	struct statfs fs;

	if (!r || (statfs(resctrl_root, &fs) == 0 && (long)fs.f_type == resctrl_magic))
		return 0;
	(void)ps_fail(e, PS_E_UNSUPP,
		      "Intel RDT: no resctrl file system is mounted at %s: mount it (mount -t resctrl resctrl %s), where CPU and kernel have it, or "
		      "leave this out", resctrl_root, resctrl_root);
	return at_row(p, r, "", e);
}

int resctrl_name(const struct plan *p, char group[PATH_MAX], char monitor[PATH_MAX], struct ps_err *e)
{
	const struct plan_rdt *r = row_of(p);

	*group = *monitor = '\0';
	if (!r)
		return 0;
	if (path_of(p, r, "", group, e) < 0 || ((r->flags & PLAN_RDT_MONITOR) && monitor_of(p, r, "", monitor, e) < 0))
		return -1;
	if ((r->flags & PLAN_RDT_MUST_EXIST) || access(group, F_OK) == 0)
		*group = '\0';
	return 0;
}

/* ---- Schemata ---- */

/* "7f" and " 007F" are the same. */
static bool same_value(const char *a, size_t n, const char *b, size_t m)
{
	for (; n && strchr(" \t0", *a); n--)
		a++;
	for (; m && strchr(" \t0", *b); m--)
		b++;
	while (n && strchr(" \t\r", a[n - 1]))
		n--;
	while (m && strchr(" \t\r", b[m - 1]))
		m--;
	return n == m && strncasecmp(a, b, n) == 0;
}

/* The value of domain `id` in "0=7f;1=f0", up to the line's end; NULL: there is none. */
static const char *value_of(const char *domains, const char *id, size_t id_len, size_t *ret_len)
{
	for (const char *at = domains; *at && *at != '\n';) {
		const size_t n = strcspn(at, ";\n"), eq = strcspn(at, "=;\n");

		if (eq < n && same_value(at, eq, id, id_len)) {
			*ret_len = n - eq - 1;
			return at + eq + 1;
		}
		at += n + (at[n] == ';');
	}
	return NULL;
}

/* The domains of resource `name` in `have`. */
static const char *resource(const char *have, const char *name, size_t len)
{
	for (const char *line = have; *line;) {
		const char *at = line + strspn(line, " \t");

		if (!strncmp(at, name, len) && at[len] == ':')
			return at + len + 1;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

bool resctrl_is_same(const char *have, const char *line)
{
	const size_t len = strcspn(line, ":");
	const char *domains = line[len] ? resource(have, line, len) : NULL;

	if (!domains)
		return false;
	for (const char *at = line + len + 1; *at && *at != '\n';) {
		const size_t n = strcspn(at, ";\n"), eq = strcspn(at, "=;\n");
		size_t had = 0;
		const char *value = eq < n ? value_of(domains, at, eq, &had) : NULL;

		if (!value || !same_value(value, had, at + eq + 1, n - eq - 1))
			return false;
		at += n + (at[n] == ';');
	}
	return true;
}

static int read_text(const char *path, char text[TEXT_MAX])
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0 && len < TEXT_MAX - 1) {
		n = read(fd, text + len, TEXT_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return n < 0 ? -1 : 0;
}

static int put(const char *path, const char *text)
{
	ps_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	const size_t len = strlen(text);

	if (fd < 0)
		return -1;
	return write(fd, text, len) == (ssize_t)len ? 0 : -1;
}

/* What the kernel has to say about the last failure. */
static int refused(const char *what, struct ps_err *e)
{
	char path[PATH_MAX], why[TEXT_MAX];

	(void)ps_fail_os(e, "Intel RDT: %s", what);
	(void)snprintf(path, sizeof(path), "%s/info/last_cmd_status", resctrl_root);
	if (read_text(path, why) < 0)
		return -1;
	why[strcspn(why, "\n")] = '\0';
	return *why && strcmp(why, "ok") != 0 ? ps_ctx(e, "%.200s", why) : -1;
}

static int compare(const struct plan *p, const struct plan_rdt *r, struct ps_err *e)
{
	char path[PATH_MAX], have[TEXT_MAX];

	if (!r->schemata.n)
		return 0;
	if (path_of(p, r, "/schemata", path, e) < 0)
		return -1;
	if (read_text(path, have) < 0) {
		(void)ps_fail_os(e, "Intel RDT: read '%s'", path);
		return at_row(p, r, "", e);
	}
	for (uint32_t i = 0; i < r->schemata.n; i++) {
		const char *line = plan_list_str(p, r->schemata, i);

		if (resctrl_is_same(have, line))
			continue;
		(void)ps_fail(e, PS_E_CONFIG, "Intel RDT: the group '%s' is there, and has not the schema '%s': name another closID, or the same schema",
			      plan_str(p, r->group), line);
		return at_row(p, r, "/closID", e);
	}
	return 0;
}

static int write_schemata(const struct plan *p, const struct plan_rdt *r, struct ps_err *e)
{
	char path[PATH_MAX], line[TEXT_MAX], what[TEXT_MAX + 64];

	if (path_of(p, r, "/schemata", path, e) < 0)
		return -1;
	for (uint32_t i = 0; i < r->schemata.n; i++) {
		const char *text = plan_list_str(p, r->schemata, i);

		(void)snprintf(what, sizeof(what), "write the schema '%s'", text);
		if ((size_t)snprintf(line, sizeof(line), "%s\n", text) < sizeof(line) && put(path, line) == 0)
			continue;
		(void)refused(what, e);
		return at_row(p, r, "", e);
	}
	return 0;
}

static int make_monitor(const struct plan *p, const struct plan_rdt *r, struct ps_err *e)
{
	char path[PATH_MAX];

	if (!(r->flags & PLAN_RDT_MONITOR))
		return 0;
	if (monitor_of(p, r, "", path, e) < 0)
		return -1;
	if (mkdir(path, DIR_MODE) == 0 || errno == EEXIST)
		return 0;
	(void)refused("make a monitoring group", e);
	return at_row(p, r, "/enableMonitoring", e);
}

int resctrl_make(const struct plan *p, bool makes, bool *ret_made, struct ps_err *e)
{
	const struct plan_rdt *r = row_of(p);
	char path[PATH_MAX];

	if (!r)
		return 0;
	if (path_of(p, r, "", path, e) < 0)
		return -1;
	if (makes && mkdir(path, DIR_MODE) < 0) {
		if (errno == EEXIST)
			(void)ps_fail(e, PS_E_EXISTS, "Intel RDT: somebody else has just made the group '%s'; try again", plan_str(p, r->group));
		else
			(void)refused("make the group", e);
		return at_row(p, r, "/closID", e);
	}
	*ret_made = makes;
	if (!makes && access(path, F_OK) < 0) {
		(void)ps_fail(e, PS_E_CONFIG, "Intel RDT: there is no group '%s' at %s, and no schema to make it with", plan_str(p, r->group),
			      resctrl_root);
		return at_row(p, r, "/closID", e);
	}
	if (makes ? write_schemata(p, r, e) < 0 : compare(p, r, e) < 0)
		return -1;
	return make_monitor(p, r, e);
}

int resctrl_join(const struct plan *p, pid_t pid, struct ps_err *e)
{
	const struct plan_rdt *r = row_of(p);
	char path[PATH_MAX], number[16];

	if (!r)
		return 0;
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	/* Only who is in a group can be in a monitoring group of it. */
	if (path_of(p, r, "/tasks", path, e) < 0)
		return -1;
	if (put(path, number) < 0) {
		(void)refused("join the group", e);
		return at_row(p, r, "", e);
	}
	if (!(r->flags & PLAN_RDT_MONITOR))
		return 0;
	if (monitor_of(p, r, "/tasks", path, e) < 0)
		return -1;
	if (put(path, number) == 0)
		return 0;
	(void)refused("join the monitoring group", e);
	return at_row(p, r, "/enableMonitoring", e);
}

int resctrl_remove(const char *dir, struct ps_err *e)
{
	if (!*dir || rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	return ps_fail_os(e, "remove '%s'", dir);
}
