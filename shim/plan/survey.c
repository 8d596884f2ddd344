/* SPDX-License-Identifier: Apache-2.0
 * survey.c - host facts from files below /proc and /sys.
 */
#include "shim/plan/survey.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"

static const struct { const char *name, *v1; } controllers[] = {
#define X(name, v1) { #name, v1 },
	SURVEY_CONTROLLERS(X)
#undef X
};

const char *survey_controller_name(enum survey_controller_no c)
{
	return controllers[c].name;
}

/* A small file's text without its newlines at the end; "" where it cannot be read. */
static void read_text(const char *path, char *out, size_t size)
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n < 0 ? 0 : n] = '\0';
}

static int64_t read_number(const char *path)
{
	char text[32], *end;

	read_text(path, text, sizeof(text));
	const long long v = strtoll(text, &end, 10);

	return *text && !*end ? v : -1;
}

static bool has_word(const char *list, const char *word)
{
	const size_t n = strlen(word);

	while (*list) {
		const size_t len = strcspn(list, " ,\n");

		if (len == n && !memcmp(list, word, n))
			return true;
		list += len + (list[len] != '\0');
	}
	return false;
}

bool survey_has_fs(const struct survey *s, const char *type)
{
	return has_word(s->filesystems, type);
}

bool survey_has_action(const struct survey *s, const char *action)
{
	return has_word(s->seccomp_actions, action);
}

/* "nodev\ttmpfs\n\text4\n" */
void survey_parse_filesystems(struct survey *s, const char *text)
{
	size_t n = 0;

	for (const char *line = text; *line;) {
		const size_t len = strcspn(line, "\n");
		const char *tab = memchr(line, '\t', len);
		const size_t skip = tab ? (size_t)(tab + 1 - line) : 0;

		if (len > skip && n + (len - skip) + 2 < sizeof(s->filesystems)) {
			memcpy(s->filesystems + n, line + skip, len - skip);
			n += len - skip;
			s->filesystems[n++] = ' ';
		}
		line += len + (line[len] == '\n');
	}
	s->filesystems[n] = '\0';
}

/* A mount strictly below /proc, but for the one that systemd puts there, which covers nothing that is read. */
bool survey_parse_covered(const char *mountinfo)
{
	for (const char *line = mountinfo; *line;) {
		const size_t len = strcspn(line, "\n");
		char at[64] = "";

		if (sscanf(line, "%*s %*s %*s %*s %63s", at) == 1 && !strncmp(at, "/proc/", 6) && strcmp(at, "/proc/sys/fs/binfmt_misc") != 0)
			return true;
		line += len + (line[len] == '\n');
	}
	return false;
}

static void survey_namespaces(struct survey *s)
{
	static const struct survey_ns all[SURVEY_N_NS] = {
		{ "user", CLONE_NEWUSER, false }, { "pid", CLONE_NEWPID, false },   { "net", CLONE_NEWNET, false },
		{ "mnt", CLONE_NEWNS, false },	  { "ipc", CLONE_NEWIPC, false },   { "uts", CLONE_NEWUTS, false },
		{ "cgroup", CLONE_NEWCGROUP, false }, { "time", CLONE_NEWTIME, false },
	};
	char path[64];

	for (size_t i = 0; i < SURVEY_N_NS; i++) {
		s->ns[i] = all[i];
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", all[i].name);
		s->ns[i].there = access(path, F_OK) == 0;
	}
	s->max_user_namespaces = read_number("/proc/sys/user/max_user_namespaces");
	s->unprivileged_userns_clone = read_number("/proc/sys/kernel/unprivileged_userns_clone");
	s->apparmor_restrict_userns = read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
}

static bool is_program(const char *name)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin" };
	char path[128];

	for (size_t i = 0; i < PS_COUNT(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void survey_security(struct survey *s)
{
	char text[8];

	read_text("/proc/sys/kernel/seccomp/actions_avail", s->seccomp_actions, sizeof(s->seccomp_actions));
	read_text("/sys/kernel/security/lsm", s->lsm, sizeof(s->lsm));
	read_text("/sys/module/apparmor/parameters/enabled", text, sizeof(text));
	s->apparmor = *text == 'Y';
	s->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	s->yama_ptrace_scope = read_number("/proc/sys/kernel/yama/ptrace_scope");
	s->io_uring_disabled = read_number("/proc/sys/kernel/io_uring_disabled");
}

static void survey_ourselves(struct survey *s)
{
	char status[4096];
	const char *caps;
	struct rlimit files;

	read_text("/proc/self/status", status, sizeof(status));
	caps = strstr(status, "\nCapEff:");
	s->caps = caps ? strtoull(caps + 8, NULL, 16) : 0;
	s->max_files = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_max : 0;
	s->newuidmap = is_program("newuidmap");
	s->newgidmap = is_program("newgidmap");
}

/* Where plan_cgroup.c puts a container's cgroup that config.json does not name: root's at the top, others' below their own. */
static void place_of(const struct survey *s, const struct host_cgroup *c, char *out, size_t size)
{
	const bool top = s->host.euid == 0 && !s->host.in_user_ns;
	const char *up = strrchr(c->own, '/');
	const int own = c->beside && up ? (int)(up - c->own) : (int)strlen(c->own);

	(void)snprintf(out, size, "%s%.*s", c->mount, top || own == 1 ? 0 : own, c->own);
}

static void survey_hierarchy(struct survey *s, const struct host_cgroup *c)
{
	char dir[sizeof(c->mount) + sizeof(c->own)], path[sizeof(dir) + sizeof("/cgroup.controllers")], list[256] = "";

	place_of(s, c, dir, sizeof(dir));
	const bool ours = faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0 && (s->host.euid == 0 || s->host.cgroup_mode == HOST_CGROUP_V2);

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", dir);
	if (c->version == 2)
		read_text(path, list, sizeof(list));
	for (size_t i = 0; i < SURVEY_N_CONTROLLERS; i++) {
		struct survey_controller *k = &s->controllers[i];
		const bool here = c->version == 1 ? has_word(c->controllers, controllers[i].v1)
						  : has_word(list, controllers[i].name) || has_word(s->host.cgroup2_controllers, controllers[i].name);

		if (!here || k->version == 1)
			continue;
		k->version = c->version;
		k->ours = ours && (c->version == 1 || has_word(list, controllers[i].name));
	}
	if (ours && !s->cgroup_dir[0])
		(void)snprintf(s->cgroup_dir, sizeof(s->cgroup_dir), "%s", dir);
	/* These are files and programs of every cgroup of version 2, no controllers. */
	if (c->version == 2 && s->host.cgroup_mode == HOST_CGROUP_V2)
		s->controllers[SURVEY_freezer] = (struct survey_controller){ 2, ours };
	if (c->version == 2 && s->host.cgroup_mode == HOST_CGROUP_V2)
		s->controllers[SURVEY_devices] = (struct survey_controller){ 2, ours && s->caps >> CAP_SYS_ADMIN & 1 };
}

int survey_host(struct ps_arena *a, struct survey *ret, struct ps_err *e)
{
	enum { FILE_MAX_BYTES = 16 * 1024 * 1024 };
	ps_auto_buf struct ps_buf mounts = { .data = NULL };
	struct survey *s = ps_arena_new(a, struct survey);
	const struct host *h;
	struct utsname u;
	char text[4096];

	if (!s)
		return ps_fail_os(e, "memory for what the host can do");
	if (host_probe(a, &h, e) < 0 || host_probe_policy(a, &h, e) < 0)
		return -1;
	s->host = *h;
	if (uname(&u) == 0) {
		(void)snprintf(s->release, sizeof(s->release), "%s", u.release);
		(void)snprintf(s->machine, sizeof(s->machine), "%s", u.machine);
	}
	survey_namespaces(s);
	survey_security(s);
	survey_ourselves(s);
	read_text("/proc/filesystems", text, sizeof(text));
	survey_parse_filesystems(s, text);
	if (ps_read_file_at(AT_FDCWD, "/proc/self/mountinfo", FILE_MAX_BYTES, &mounts, e) < 0)
		return -1;
	s->proc_covered = survey_parse_covered(mounts.data ? mounts.data : "");
	for (unsigned i = 0; i < h->n_cgroups; i++)
		survey_hierarchy(s, &h->cgroups[i]);
	*ret = *s;
	return 0;
}
