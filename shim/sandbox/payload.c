/* SPDX-License-Identifier: Apache-2.0
 * payload.c - finds and executes the payload.
 */
#include "shim/sandbox/payload.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"
#include "shim/sandbox/child.h"
#include "shim/sandbox/exec_hint.h"
#include "shim/sandbox/strv.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Value of a variable of the planned environment, or NULL.  The last one counts, as shells have it. */
static const char *env_value(const struct plan *p, const char *name)
{
	const char *value = NULL;
	size_t n = strlen(name);

	for (uint32_t i = 0; i < p->env.n; i++) {
		const char *s = plan_list_str(p, p->env, i);

		if (strncmp(s, name, n) == 0 && s[n] == '=')
			value = s + n + 1;
	}
	return value;
}

static int not_executable(const char *name, int cause, struct ps_err *e)
{
	switch (cause) {
	case ENOENT:
	case ENOTDIR:
		return ps_fail(e, PS_E_NOTFOUND, "exec: \"%s\": stat %s: no such file or directory", name,
			       name);
	case EACCES:
		return ps_fail(e, PS_E_OS, "exec: \"%s\": permission denied", name);
	case EISDIR:
		return ps_fail(e, PS_E_OS, "exec: \"%s\": is a directory: permission denied", name);
	default:
		errno = cause;
		return ps_fail_os(e, "exec: \"%s\"", name);
	}
}

int payload_find(const struct sandbox *sb, char path[PATH_MAX], struct ps_err *e)
{
	const struct plan *p = sb->plan;
	const char *cwd = p->cwd ? plan_str(p, p->cwd) : "/", *name, *search;
	int n;

	if (!p->args.n || !*(name = plan_list_str(p, p->args, 0))) {
		(void)ps_fail(e, PS_E_CONFIG, "no program to execute is named");
		return ps_at_from(e, plan_str(p, p->args_from), "");
	}
	if (strchr(name, '/')) {
		char found[PATH_MAX];

		n = *name == '/' ? snprintf(found, sizeof(found), "%s", name)
				 : snprintf(found, sizeof(found), "%s/%s", cwd, name);
		if (n < 0 || (size_t)n >= sizeof(found))
			return not_executable(name, ENAMETOOLONG, e);
		if (child_executable(found) < 0)
			return not_executable(name, errno, e);
		memcpy(path, found, (size_t)n + 1);
		return 0;
	}
	search = env_value(p, "PATH");
	if (child_find(search ? search : default_path, cwd, name, path) == 0)
		return 0;
	if (errno != ENOENT)
		return not_executable(name, errno, e);
	return ps_fail(e, PS_E_NOTFOUND, "exec: \"%s\": executable file not found in $PATH", name);
}

/* ---- HOME ---- */

enum { PASSWD_MAX = 1024 * 1024, PASSWD_LINE = 4096 };

/* name:password:uid:gid:comment:home:shell.  True when the line is uid's and names a usable home. */
static bool home_of_line(char *line, uint32_t uid, char home[PATH_MAX])
{
	enum { UID = 2, HOME = 5, FIELDS = 7 };
	char *field[FIELDS], *rest = line;
	uint32_t id;
	int n = 0;

	while (n < FIELDS && rest)
		field[n++] = strsep(&rest, ":");
	if (n != FIELDS || rest || ps_parse_u32(field[UID], &id) < 0 || id != uid || field[HOME][0] != '/')
		return false;
	return snprintf(home, PATH_MAX, "%s", field[HOME]) < PATH_MAX;
}

/* Hostile text in a hostile place: only a regular file, bounded, line by line; lines that are too long are skipped. */
static bool home_from_passwd(uint32_t uid, char home[PATH_MAX])
{
	ps_auto_fd int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char buf[PASSWD_LINE];
	size_t have = 0, total = 0;
	bool skip = false;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	while (total < PASSWD_MAX) {
		ssize_t n = read(fd, buf + have, sizeof(buf) - have);
		char *line = buf, *nl;

		if (n < 0)
			return false;
		if (n == 0) { /* the last line may lack its end */
			buf[have] = '\0';
			return !skip && strlen(buf) == have && home_of_line(buf, uid, home);
		}
		total += (size_t)n;
		have += (size_t)n;
		while ((nl = memchr(line, '\n', (size_t)(buf + have - line)))) {
			*nl = '\0';
			if (!skip && strlen(line) == (size_t)(nl - line) && home_of_line(line, uid, home))
				return true;
			skip = false;
			line = nl + 1;
		}
		have = (size_t)(buf + have - line);
		memmove(buf, line, have);
		if (have == sizeof(buf)) {
			skip = true;
			have = 0;
		}
	}
	return false;
}

/* ---- Execution ---- */

enum { STRV_ROOM = 128 };

static struct {
	struct strv argv, envp;
	char *room[STRV_ROOM]; /* of both, where they are short */
	size_t used;
	char home[sizeof("HOME=") + PATH_MAX];
} image; /* what execve gets; a process executes once */

static int image_strv(const struct plan *p, struct plan_list list, uint32_t extra, struct strv *ret)
{
	const size_t n = (size_t)list.n + extra + 1;

	if (n > STRV_ROOM - image.used)
		return strv_of_plan(p, list, extra, ret);
	ret->v = image.room + image.used;
	image.used += n;
	strv_add_plan(ret, p, list);
	return 0;
}

/* HOME as the payload's user has it, unless the plan gives one: an empty one is none. */
static void set_home(const struct plan *p)
{
	struct strv *v = &image.envp;
	char home[PATH_MAX];
	size_t i = 0;

	while (i < v->n && strncmp(v->v[i], "HOME=", 5) != 0)
		i++;
	if (i < v->n && v->v[i][5])
		return;
	(void)snprintf(image.home, sizeof(image.home), "HOME=%s",
		       home_from_passwd(p->uid, home) ? home : "/");
	if (i < v->n)
		v->v[i] = image.home;
	else
		strv_add(v, image.home);
}

char **payload_env(const struct sandbox *sb, struct ps_err *e)
{
	if (image.envp.v)
		return image.envp.v;
	if (image_strv(sb->plan, sb->plan->env, /* extra= */ 1, &image.envp) < 0) {
		(void)ps_fail_os(e, "allocate the environment");
		return NULL;
	}
	set_home(sb->plan);
	return image.envp.v;
}

void payload_reset_signals(void)
{
	static bool done;

	if (!done)
		child_reset_signals();
	done = true;
}

int payload_keep_fds(const struct sandbox *sb, struct ps_err *e)
{
	if (ps_cloexec_from(3 + sb->plan->preserve_fds, e) < 0)
		return -1;
	return sb->plan->channel_fd ? ps_set_cloexec((int)sb->plan->channel_fd, 0, e) : 0;
}

int payload_prepare(const struct sandbox *sb, struct ps_err *e)
{
	if (image.argv.v)
		return 0;
	if (!payload_env(sb, e))
		return -1;
	if (image_strv(sb->plan, sb->plan->args, 0, &image.argv) < 0)
		return ps_fail_os(e, "allocate the arguments");
	/* The change of ids has cleared it. */
	if (prctl(PR_SET_PDEATHSIG, sb->dies_with_launcher ? SIGKILL : 0, 0, 0, 0) < 0)
		return ps_fail_os(e, "set the parent-death signal");
	payload_reset_signals();
	return 0;
}

/* As other runtimes write it, word for word: people and tools search for that. */
static void fail_exec(const char *path, struct ps_err *e)
{
	char *cause;

	(void)ps_fail_os(e, "exec %s", path);
	cause = e ? strrchr(e->msg, ':') : NULL;
	if (cause && cause[1] == ' ' && cause[2] >= 'A' && cause[2] <= 'Z')
		cause[2] += 'a' - 'A';
}

/* The change of profile or label is decided here, by the kernel alone. */
static void blame_label(const struct plan *p, int cause, struct ps_err *e)
{
	if (cause != EPERM && cause != EACCES)
		return;
	if (p->apparmor)
		(void)ps_ctx(e, "with AppArmor profile '%s'", plan_str(p, p->apparmor));
	if (p->selinux)
		(void)ps_ctx(e, "with SELinux label '%s'", plan_str(p, p->selinux));
}

int payload_exec(const struct sandbox *sb, const char *path, struct ps_err *e)
{
	char hint[256];

	if (payload_prepare(sb, e) < 0)
		return -1;
	(void)execve(path, image.argv.v, image.envp.v);
	const int cause = errno;

	fail_exec(path, e);
	if (exec_hint(path, cause, hint, sizeof(hint)))
		(void)ps_ctx(e, "%s", hint);
	blame_label(sb->plan, cause, e);
	return -1;
}
