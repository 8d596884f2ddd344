/* SPDX-License-Identifier: Apache-2.0
 * broker_open.c - files of the host that a program without a bundle opens and nothing allows: somebody is asked, and the hand
 * opens what was asked about.
 *
 * The hand finds the file with the target's ids beneath a copy of the host's tree that is noexec, nosuid, nodev and, to read,
 * read-only, following no magic links; it keeps it open (O_PATH) while it is asked about by the path that it has there.  Regular
 * files alone: a folder of the host's would lead to all others by "..".  What the target sees at the same path must be the same
 * file, or nothing: a mask, a --bind or its own /tmp in that place is not what the host has there.
 *
 * Whatever is not asked about goes on in the kernel, where mounts and Landlock decide, as without anybody to ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "shim/pod/broker_inside.h"

/* What becomes of an open file and does no harm to who opens it. */
enum { FLAGS_KEPT = O_ACCMODE | O_APPEND | O_TRUNC | O_NONBLOCK | O_SYNC | O_DSYNC | O_NOATIME };

struct wanted {
	uint64_t flags;
	uint32_t mode;
	enum file_found found;
	int dirfd;
	char path[PATH_MAX];         /* as the target has it */
	char real[PATH_MAX];
};

static bool is_system(const char *path)
{
	static const char *const apart[] = { "/proc", "/sys", "/dev", "/run", "/var/run" };

	for (size_t i = 0; i < PS_COUNT(apart); i++)
		if (perm_path_below(path, apart[i]))
			return true;
	return false;
}

/* Nothing allows it, and nothing denies it. */
static bool is_open_question(const struct request *r, enum policy_permission p, const char *path)
{
	const struct perm_query q = { .permission = p, .value = path };
	const struct perm_verdict v = permissions_decide(r->s->f.permissions, &q);

	return v.action == POLICY_DENY && !v.rule && r->s->f.permissions->of[p].asks;
}

static bool is_question(const struct request *r, uint64_t flags, const char *path)
{
	return (files_reads(flags) && is_open_question(r, POLICY_READ, path)) || (files_writes(flags) && is_open_question(r, POLICY_WRITE, path));
}

static bool is_denied(const struct request *r, enum policy_permission p, const char *path)
{
	const struct perm_query q = { .permission = p, .value = path };
	const struct perm_verdict v = permissions_decide(r->s->f.permissions, &q);

	return v.action == POLICY_IGNORE || (v.action == POLICY_DENY && v.rule);
}

/* Not ours: the kernel decides, and what it will say is told. */
static void leave(struct job *j)
{
	const struct wanted *w = j->bytes;

	files_tell_open(&j->r, w->flags, w->dirfd, w->path);
	request_continue(&j->r);
	job_done(j);
}

/* Into the target's table: its number is the answer. */
static void on_opened(struct job *j, int err, const struct task *t)
{
	const struct wanted *w = j->bytes;
	struct seccomp_notif_addfd a = { .id = j->r.id, .flags = SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = w->flags & O_CLOEXEC };

	(void)t;
	if (!err && j->path_fd < 0)
		err = EIO;
	if (err) {
		job_answer(j, 0, err);
		return;
	}
	a.srcfd = (uint32_t)j->path_fd;
	if (ps_sys_seccomp_notify(j->r.l->source.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0)
		job_answer(j, 0, errno == ENOENT ? EINTR : errno);
	else
		job_done(j);
}

static void decide(struct job *j)
{
	struct wanted *w = j->bytes;
	const bool needs[] = { files_reads(w->flags), files_writes(w->flags) };
	static const enum policy_permission of[] = { POLICY_READ, POLICY_WRITE };
	int err = 0;

	for (size_t i = 0; i < PS_COUNT(of) && !err; i++) {
		const struct perm_query q = { .permission = of[i], .value = w->real };

		if (needs[i])
			(void)request_allowed(&j->r, &q, w->found == FILE_NEW ? "create" : "open", /* sound= */ true, &err);
	}
	if (err == REQUEST_ASKED) {
		job_park(j, decide);
		return;
	}
	if (err) {
		job_answer(j, 0, err);
		return;
	}
	struct task t = { .kind = TASK_OPEN, .flags = w->flags & (FLAGS_KEPT | (w->found == FILE_NEW ? O_CREAT | O_EXCL : 0)), .mode = w->mode };
	const char *name = strrchr(w->real, '/') + 1;
	const int fd = j->path_fd;

	if (w->found == FILE_NEW) {
		t.flags = w->flags & (FLAGS_KEPT | O_CREAT | O_EXCL);
		t.len = (uint32_t)strlen(name);
		memcpy(t.text, name, t.len);
	}
	j->on_reply = on_opened;
	job_task(j, &t, &fd, 1);
}

static void on_found(struct job *j, int err, const struct task *t)
{
	struct wanted *w = j->bytes;

	if (err || j->path_fd < 0 || !t || t->len >= sizeof(w->real) || is_system(t->text) || !is_question(&j->r, w->flags, t->text) ||
	    (files_reads(w->flags) && is_denied(&j->r, POLICY_READ, t->text)) ||
	    (files_writes(w->flags) && is_denied(&j->r, POLICY_WRITE, t->text)) ||
	    /* It is there: the kernel says so to who is allowed, and nothing to others. */
	    (t->number == FILE_THERE && (w->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))) {
		leave(j);
		return;
	}
	w->found = (enum file_found)t->number;
	memcpy(w->real, t->text, t->len + 1);
	decide(j);
}

bool open_is_asked(struct request *r, const struct open_wish *o)
{
	const bool reads = files_reads(o->flags), writes = files_writes(o->flags);
	const int tree = r->s->f.host_trees[writes];
	char whole[PATH_MAX];
	struct wanted *w;
	struct task t = { .kind = TASK_FIND };

	if (tree < 0 || !r->s->f.asker || o->resolve || o->flags & (O_PATH | O_DIRECTORY) || (o->flags & O_TMPFILE) == O_TMPFILE ||
	    !files_path_of(r, o->dirfd, o->path, whole) || is_system(whole) ||
	    !is_question(r, o->flags, whole) ||
	    (reads && is_denied(r, POLICY_READ, whole)) || (writes && is_denied(r, POLICY_WRITE, whole)))
		return false;
	struct job *j = job_new(r);

	if (!j)
		return true;
	w = j->bytes = calloc(1, sizeof(*w));
	if (!w) {
		job_answer(j, 0, ENOMEM);
		return true;
	}
	w->flags = o->flags;
	w->mode = o->mode;
	w->dirfd = o->dirfd;
	(void)snprintf(w->path, sizeof(w->path), "%s", o->path);
	t.flags = o->flags & (O_NOFOLLOW | O_CREAT);
	t.len = (uint32_t)strlen(whole);
	memcpy(t.text, whole, t.len);
	j->on_reply = on_found;
	job_task(j, &t, &tree, 1);
	return true;
}
