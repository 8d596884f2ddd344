/* SPDX-License-Identifier: Apache-2.0
 * criu.c - a talk with `criu swrk` over its socket, and the options that dump and restore share.
 */
#include "shim/pod/criu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"

enum { MESSAGE_MAX = 64 * 1024, LOG_LEVEL = 4, KEEP_MAX = 8, LOG_TAIL = 64 * 1024, LINE_MAX_LEN = 240 };

int criu_start(struct criu *c, const struct launch_helper *h, struct ps_err *e)
{
	int pair[2], keep[KEEP_MAX];
	char number[16];
	struct launch_helper own = *h;

	if (h->n_keep >= KEEP_MAX)
		return ps_fail(e, PS_E_BUG, "too many descriptors for criu");
	if (sock_pair(pair, e) < 0)
		return -1;
	ps_auto_fd int theirs = pair[1];
	c->sock = pair[0];
	for (size_t i = 0; i < h->n_keep; i++)
		keep[i] = h->keep[i];
	keep[h->n_keep] = theirs;
	(void)snprintf(number, sizeof(number), "%d", theirs);
	own.name = "criu";
	own.argv = (char *const[]){ (char[]){ "criu" }, (char[]){ "swrk" }, number, NULL };
	own.keep = keep;
	own.n_keep = h->n_keep + 1;
	own.sock = theirs;
	return launch_helper_start(&own, &c->sock, &c->pid, &c->pidfd, e);
}

void criu_done(struct criu *c)
{
	int status;

	ps_fd_close(&c->sock);
	if (c->pidfd >= 0) {
		(void)ps_pidfd_kill(c->pidfd, SIGKILL);
		(void)ps_pidfd_reap(c->pidfd, &status, NULL);
	}
	ps_fd_close(&c->pidfd);
}

/* The last line of the log that tells of an error, printable; "" without one. */
static void last_error(const struct criu_dirs *d, const char *log, char out[LINE_MAX_LEN])
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	ps_auto_fd int fd = openat(d->work >= 0 ? d->work : d->images, log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t n = 0;

	out[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    lseek(fd, st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0, SEEK_SET) < 0 ||
	    ps_read_fd(fd, log, (size_t)LOG_TAIL * 2, &text, NULL) < 0 || !text.len)
		return;
	for (const char *p = text.data, *line = p; p; p = line) {
		const char *end = strchr(p, '\n');
		const size_t len = end ? (size_t)(end - p) : strlen(p);
		const char *found = memmem(p, len, "Error (", 7);

		line = end ? end + 1 : NULL;
		/* The last is but a summary, "Dumping FAILED.". */
		if (!found || (n && memmem(p, len, "FAILED", 6)))
			continue;
		n = len - (size_t)(found - p);
		n = n < LINE_MAX_LEN ? n : LINE_MAX_LEN - 1;
		memcpy(out, found, n);
		out[n] = '\0';
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
}

static int fail_by_log(const struct criu *c, const struct criu_dirs *d, const char *otherwise, struct ps_err *e)
{
	const char *slash = strrchr(d->log, '/');
	char line[LINE_MAX_LEN];

	last_error(d, slash ? slash + 1 : d->log, line);
	return ps_fail(e, PS_E_STATE, "criu could not %s it: %s; its log is '%s'", c->what, line[0] ? line : otherwise, d->log);
}

/* One notification: its answer is whether to go on. */
static int tell(struct criu *c, const struct criu_reply *r, int fd, struct ps_err *e)
{
	ps_auto_buf struct ps_buf answer = { .data = NULL };
	struct ps_err why = { 0 };
	const int rc = c->told ? c->told(c->ctx, r->script, r->pid, fd, &why) : 0;

	criu_acknowledge(&answer, rc == 0);
	if (rc < 0 && e)
		*e = why;
	if (answer.failed || sock_send(c->sock, answer.data, answer.len, NULL, 0, rc < 0 ? NULL : e) < 0)
		return -1;
	return rc;
}

/*
 * 1: more is to come.  After a refusal of ours criu undoes what it did, and says so at last; then the refusal is the reason.
 */
static int hear(struct criu *c, char *buf, const struct criu_dirs *d, struct criu_reply *r, bool *refused, struct ps_err *e)
{
	ps_auto_fd int fd = -1;
	size_t n_fds = 1;
	const ssize_t n = sock_recv(c->sock, buf, MESSAGE_MAX, &fd, &n_fds, -1, *refused ? NULL : e);

	if (n_fds == 0)
		fd = -1;
	if (n < 0)
		return -1;
	if (n == 0)
		return *refused ? -1 : fail_by_log(c, d, "it ended without a word", e);
	if (criu_read_reply(buf, (size_t)n, r, *refused ? NULL : e) < 0)
		return -1;
	if (r->type == CRIU_NOTIFY && r->success) {
		if (tell(c, r, fd, *refused ? NULL : e) < 0)
			*refused = true;
		return 1;
	}
	if (*refused)
		return -1;
	return r->success ? 0 : fail_by_log(c, d, r->message[0] ? r->message : "it does not say why", e);
}

int criu_talk(struct criu *c, enum criu_type type, const struct ps_buf *opts, const struct criu_dirs *d, struct criu_reply *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf request = { .data = NULL };
	ps_auto_mem char *buf = malloc(MESSAGE_MAX);
	struct criu_reply r = { .type = 0 };
	bool refused = false;
	int rc = 1, status;

	criu_request(&request, type, opts);
	if (!buf || request.failed)
		return ps_fail_os(e, "memory for criu's messages");
	if (sock_send(c->sock, request.data, request.len, NULL, 0, e) < 0)
		return fail_by_log(c, d, "it did not take the request", e);
	while (rc == 1)
		rc = hear(c, buf, d, &r, &refused, e);
	/* It waits for another request where it can take one; what it has to undo it does before it ends. */
	ps_fd_close(&c->sock);
	(void)ps_pidfd_reap(c->pidfd, &status, NULL);
	ps_fd_close(&c->pidfd);
	if (rc == 0 && r.type != type)
		return ps_fail(e, PS_E_PEER, "criu answered another request (%u) than ours (%d)", r.type, (int)type);
	if (rc == 0)
		*ret = r;
	return rc;
}

static const struct { const char *name; int mode; } cgroup_modes[] = { { "soft", 3 }, { "full", 4 }, { "strict", 5 }, { "ignore", 0 } };
static const struct { const char *name; int method; } network_locks[] = { { "iptables", 1 }, { "nftables", 2 }, { "skip", 3 } };

int criu_put_common(struct ps_buf *opts, const struct pod_criu *r, const struct criu_dirs *d, const char *log, struct ps_err *e)
{
	const char *mode = r->manage_cgroups_mode ? r->manage_cgroups_mode : "soft";

	/* By the numbers that they have here: criu looks at them below /proc/PID/fd of its client. */
	criu_put_number(opts, CRIU_IMAGES_DIR_FD, d->images);
	if (d->work >= 0)
		criu_put_number(opts, CRIU_WORK_DIR_FD, d->work);
	criu_put_number(opts, CRIU_LOG_LEVEL, LOG_LEVEL);
	criu_put_text(opts, CRIU_LOG_FILE, log);
	criu_put_flag(opts, CRIU_NOTIFY_SCRIPTS, true);
	criu_put_flag(opts, CRIU_ORPHAN_PTS_MASTER, true);
	criu_put_flag(opts, CRIU_TCP_ESTABLISHED, r->tcp_established);
	criu_put_flag(opts, CRIU_TCP_CLOSE, r->tcp_close);
	criu_put_flag(opts, CRIU_TCP_SKIP_IN_FLIGHT, r->tcp_skip_in_flight);
	criu_put_flag(opts, CRIU_LINK_REMAP, r->link_remap);
	criu_put_flag(opts, CRIU_EXT_UNIX_SK, r->ext_unix_sk);
	criu_put_flag(opts, CRIU_SHELL_JOB, r->shell_job);
	criu_put_flag(opts, CRIU_FILE_LOCKS, r->file_locks);
	criu_put_flag(opts, CRIU_LAZY_PAGES, r->lazy_pages);
	criu_put_flag(opts, CRIU_AUTO_DEDUP, r->auto_dedup);
	if (r->empty_ns)
		criu_put_number(opts, CRIU_EMPTY_NS, (int64_t)r->empty_ns);
	criu_put_flag(opts, CRIU_MANAGE_CGROUPS, true);
	for (size_t i = 0; i < PS_COUNT(cgroup_modes); i++)
		if (!strcmp(mode, cgroup_modes[i].name))
			criu_put_number(opts, CRIU_MANAGE_CGROUPS_MODE, cgroup_modes[i].mode);
	for (size_t i = 0; r->network_lock && i < PS_COUNT(network_locks); i++)
		if (!strcmp(r->network_lock, network_locks[i].name))
			criu_put_number(opts, CRIU_NETWORK_LOCK, network_locks[i].method);
	return opts->failed ? ps_fail_os(e, "memory for criu's options") : 0;
}

#define CONFIG_ANNOTATION "org.criu.config"
#define CONFIG_FOLDER "/etc/criu/"

/*
 * Such a file can name programs that criu runs as root, and annotations come from images, too: it has to be the
 * administrator's.
 */
static int named_config(struct ps_buf *opts, const char *path, struct ps_err *e)
{
	char clean[PATH_MAX];

	if (!*path)
		return 0;
	if (*path != '/' || ps_path_clean(path, clean, sizeof(clean)) < 0 || strncmp(clean, CONFIG_FOLDER, strlen(CONFIG_FOLDER)) != 0) {
		(void)ps_fail(e, PS_E_DENIED, "'%s' is not below " CONFIG_FOLDER ": a configuration of criu's is the administrator's to give", path);
		return ps_at(e, "config.json: /annotations/" CONFIG_ANNOTATION);
	}
	criu_put_text(opts, CRIU_CONFIG_FILE, clean);
	return 0;
}

int criu_put_config(struct ps_buf *opts, const struct policy *p, struct ps_err *e)
{
	static const char *const defaults[] = { CONFIG_FOLDER "podshim.conf", CONFIG_FOLDER "crun.conf", CONFIG_FOLDER "runc.conf" };

	for (size_t i = 0; i < p->annotations.n; i++)
		if (!strcmp(p->annotations.v[i].key, CONFIG_ANNOTATION))
			return named_config(opts, p->annotations.v[i].value, e);
	for (size_t i = 0; i < PS_COUNT(defaults); i++)
		if (access(defaults[i], F_OK) == 0) {
			criu_put_text(opts, CRIU_CONFIG_FILE, defaults[i]);
			break;
		}
	return 0;
}

/* What would be made anew, by nobody, or be another's word about what holds. */
static int check_parts(const struct plan *p, const char *id, const char *verb, struct ps_err *e)
{
	const struct { bool there; const char *what; } parts[] = {
		{ p->unit, "systemd has its cgroup" },
		{ p->agent_fd != PLAN_NO_FD, "criu cannot give a seccomp agent its listener" },
		{ p->net_devices.n, "criu moves no devices between network namespaces" },
		{ p->rdt.n, "it is in a group of resctrl" },
		{ p->apparmor || p->selinux, "its label would be the images' to choose" },
	};

	for (size_t i = 0; i < PS_COUNT(parts); i++)
		if (parts[i].there)
			return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: %s", id, verb, parts[i].what);
	return 0;
}

int criu_check_plan(const struct plan *p, const char *id, const char *verb, struct ps_err *e)
{
	if (check_parts(p, id, verb, e) < 0)
		return -1;
	for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins))
		if (j->flag & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP)) {
			(void)ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: criu joins no namespace of this kind", id, verb);
			return ps_at_from(e, plan_str(p, j->from), "/path");
		}
	for (PLAN_EACH(p, struct plan_mount, m, p->mounts))
		if (m->flags & (PLAN_MOUNT_IDMAP | PLAN_MOUNT_IDMAP_REC | PLAN_MOUNT_INSIDE)) {
			(void)ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: criu makes no %s mounts", id, verb,
				      m->flags & PLAN_MOUNT_INSIDE ? "binds of the container's own" : "id-mapped");
			return ps_at_from(e, plan_str(p, m->from), "");
		}
	if (p->rootfs_fd == PLAN_NO_FD || !p->rootfs || !p->has_mount_ns)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: its root file system is no directory of its own", id, verb);
	if (p->reaper)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: its first process is podshim's, which holds what criu cannot dump", id, verb);
	if (p->guard.n || p->landlock_fs || p->landlock_scoped || p->mdwe || p->channel_fd || p->store_fd != PLAN_NO_FD)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' cannot be %s: criu keeps none of what permissions are enforced by", id, verb);
	return 0;
}
