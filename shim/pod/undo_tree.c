/* SPDX-License-Identifier: Apache-2.0
 * undo_tree.c - walks the layer that a payload wrote beside the host's directory.
 */
#include "shim/pod/undo_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/pod/undo_copy.h"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

struct walking {
	struct undo_walk *w;
	const struct undo_record *record;
	const struct undo_place *place;
	size_t pending;              /* changes that stay in the layer */
	struct ps_buf path;          /* below the place, "" or "/a/b" */
	struct ps_err *e;
};

/* ---- Names of a directory ---- */

struct names { struct ps_arena memory; const char **v; size_t n, max; };

static void names_done(struct names *l)
{
	ps_arena_done(&l->memory);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_add(struct names *l, const char *name)
{
	if (l->n == l->max) {
		const size_t max = l->max ? 2 * l->max : 32;
		const char **v = ps_arena_array(&l->memory, max, sizeof(*v));

		if (!v)
			return -1;
		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->max = max;
	}
	l->v[l->n] = ps_arena_strdup(&l->memory, name);
	return l->v[l->n++] ? 0 : -1;
}

/* In order. */
static int names_read(int at, struct names *ret)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		ps_fd_close(&fd);
		return -1;
	}
	while ((errno = 0, de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 && names_add(ret, de->d_name) < 0)
			return -1;
	if (errno)
		return -1;
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static bool names_have(const struct names *l, const char *name)
{
	return l->n && bsearch(&name, l->v, l->n, sizeof(*l->v), by_name);
}

/* ---- What is meant ---- */

static const char *full_path(struct walking *k, struct ps_buf *out)
{
	const char *source = k->place->source;

	ps_buf_printf(out, "%s%s", source[1] || !k->path.len ? source : "", k->path.len ? k->path.data : "");
	return out->failed ? "?" : out->data;
}

/* The whole place, or only a part of it, is named. */
static bool is_meant(const struct walking *k, const char *path)
{
	bool meant = !k->w->n_paths;

	for (size_t i = 0; i < k->w->n_paths; i++)
		if (perm_path_below(path, k->w->paths[i])) {
			meant = true;
			if (k->w->matched)
				k->w->matched[i] = true;
		}
	return meant;
}

static bool is_on_the_way(const struct walking *k, const char *path)
{
	for (size_t i = 0; i < k->w->n_paths; i++)
		if (perm_path_below(k->w->paths[i], path))
			return true;
	return false;
}

static bool is_made(const struct walking *k)
{
	const struct spec_strs *made = &k->place->made;

	for (size_t i = 0; i < made->n; i++)
		if (k->path.len && strcmp(made->v[i], k->path.data + 1) == 0)
			return true;
	return false;
}

/* ---- One change ---- */

static const char *why_not(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode) ? "devices are never made"
	       : S_ISFIFO(mode)		      ? "pipes are never made"
	       : S_ISSOCK(mode)		      ? "sockets are never made"
					      : NULL;
}

static int discard(const struct undo_step *s, struct ps_err *e)
{
	return ps_remove_tree_at(s->upper, s->name, e);
}

/*
 * Count it, act on it, tell of it.  *ret_done: the host has it now.  no: why it is impossible, or NULL.
 */
static int handle(struct walking *k, const struct undo_step *s, enum undo_kind kind, const char *no, bool *ret_done)
{
	ps_auto_buf struct ps_buf path = { .data = NULL }, target = { .data = NULL };
	const mode_t mode = kind == UNDO_REMOVED ? s->on.st_mode : s->up.st_mode;
	struct undo_change c = { .kind = kind, .mode = mode, .path = full_path(k, &path) };
	char link[PATH_MAX];
	struct ps_err why = { 0 };
	struct undo_walk *w = k->w;
	int rc = 0;

	*ret_done = false;
	ps_buf_printf(&target, "%s%s", k->place->target[1] || !k->path.len ? k->place->target : "", k->path.len ? k->path.data : "");
	if (path.failed || target.failed)
		return ps_fail(k->e, PS_E_OS, "memory for the changes of '%s'", k->record->id);
	if (!is_meant(k, c.path)) {
		k->pending++;
		return 0;
	}
	c.target = target.data;
	c.size = S_ISREG(mode) ? (uint64_t)(kind == UNDO_REMOVED ? s->on.st_size : s->up.st_size) : 0;
	if (S_ISLNK(mode)) {
		ssize_t n = readlinkat(kind == UNDO_REMOVED ? s->host : s->upper, s->name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		c.link = link;
	}
	c.problem = no ? no : kind == UNDO_REMOVED ? NULL : why_not(mode);
	c.conflict = undo_conflict(s);
	w->n++;
	w->n_conflicts += c.conflict && !c.problem;
	if (w->act == UNDO_COMMIT && !c.problem) {
		if (c.conflict && !w->force)
			c.problem = c.conflict;
		else
			rc = kind == UNDO_REMOVED ? undo_remove_host(s, &why) : undo_apply(s, &why);
	} else if (w->act == UNDO_DISCARD && !no) {
		rc = discard(s, &why);
		c.problem = NULL;
	}
	if (rc < 0)
		c.problem = why.msg;
	w->n_left += c.problem != NULL;
	k->pending += c.problem != NULL;
	*ret_done = !c.problem && w->act != UNDO_LOOK;
	return w->emit && w->emit(w->ctx, &c) != 0 ? ps_fail(k->e, PS_E_OS, "tell the changes of '%s'", k->record->id) : 0;
}

/* ---- Walking ---- */

static int walk_dir(struct walking *k, int upper, int host, bool hides, unsigned depth);

static int push(struct walking *k, const char *name, size_t *ret_len)
{
	*ret_len = k->path.len;
	ps_buf_printf(&k->path, "/%s", name);
	return k->path.failed ? ps_fail(k->e, PS_E_OS, "memory for the changes of '%s'", k->record->id) : 0;
}

static void pop(struct walking *k, size_t len)
{
	k->path.len = len;
	if (k->path.data)
		k->path.data[len] = '\0';
}

/* The host's directory beside one of the layer's; what is mounted there is another directory. */
static int open_host_dir(int host, const char *name)
{
	return ps_openat2(host, name, OPEN_DIR, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
}

/* An opaque directory hides all that the layer does not have itself. */
static int walk_hidden(struct walking *k, int upper, int host)
{
	struct names ps_auto(names_done) in = { .n = 0 }, hidden = { .n = 0 };

	if (names_read(upper, &in) < 0 || names_read(host, &hidden) < 0)
		return ps_fail_os(k->e, "read '%s%s'", k->place->source, k->path.len ? k->path.data : "");
	for (size_t i = 0; i < hidden.n; i++) {
		struct undo_step s = { .upper = upper, .host = host, .name = hidden.v[i], .host_name = hidden.v[i], .record = k->record,
				       .force = k->w->force };
		size_t len;
		bool done;

		if (names_have(&in, hidden.v[i]) || fstatat(host, hidden.v[i], &s.on, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		s.exists = true;
		if (push(k, hidden.v[i], &len) < 0)
			return -1;
		if (handle(k, &s, UNDO_REMOVED, k->w->act == UNDO_DISCARD ? "it went with its directory: discard that" : NULL, &done) < 0)
			return -1;
		pop(k, len);
	}
	return 0;
}

/*
 * The directory of both sides.  *ret_host: the host's; -1: it has none.  *ret_inside: what is below is to be walked.
 */
static int meet_dir(struct walking *k, struct undo_step *s, unsigned depth, int *ret_host, bool *ret_inside, bool *ret_done)
{
	const bool is_dir = s->exists && S_ISDIR(s->on.st_mode);
	const bool differs = !is_dir || (s->up.st_mode & 01777) != (s->on.st_mode & 01777);
	ps_auto_buf struct ps_buf path = { .data = NULL };
	ps_auto_fd int host = is_dir ? open_host_dir(s->host, s->name) : -1;
	const char *no = !is_dir || host >= 0 ? NULL : errno == EXDEV ? "something is mounted there" : "the host's directory can't be opened";

	if (depth >= UNDO_MAX_DEPTH)
		no = "it is too deep";
	*ret_inside = !no;
	*ret_done = false;
	if (k->w->act == UNDO_DISCARD && is_meant(k, full_path(k, &path))) {
		*ret_inside = false;
		return discard(s, k->e);
	}
	if ((no || (differs && !is_made(k))) && handle(k, s, is_dir ? UNDO_CHANGED : UNDO_ADDED, no, ret_done) < 0)
		return -1;
	if (k->w->act == UNDO_COMMIT && !no && !is_dir) {
		struct ps_err why = { 0 };

		/* What is named inside needs its directory. */
		if (!*ret_done && is_on_the_way(k, full_path(k, &path)) && !undo_conflict(s) && undo_apply(s, &why) == 0) {
			*ret_done = true;
			k->pending--;
		}
		*ret_inside = *ret_done;
		host = *ret_done ? open_host_dir(s->host, s->name) : -1;
		if (*ret_done && host < 0)
			return ps_fail_os(k->e, "open the new '%s%s'", k->place->source, k->path.data);
	}
	*ret_host = ps_take_fd(&host);
	return 0;
}

static int visit_dir(struct walking *k, struct undo_step *s, bool in_hiding, unsigned depth)
{
	ps_auto_fd int upper = openat(s->upper, s->name, OPEN_DIR);
	ps_auto_fd int host = -1;
	const size_t pending = k->pending;
	bool done, inside, hides;

	if (upper < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : ps_fail_os(k->e, "open '%s%s' of the changes", k->place->source, k->path.data);
	if (meet_dir(k, s, depth, &host, &inside, &done) < 0)
		return -1;
	if (!inside)
		return 0;
	hides = in_hiding || undo_is_opaque(upper);
	if (walk_dir(k, upper, host, hides, depth + 1) < 0)
		return -1;
	if (hides && host >= 0 && !done && walk_hidden(k, upper, host) < 0)
		return -1;
	if (done && undo_apply_dir(s, upper, host, k->e) < 0)
		return ps_ctx(k->e, "'%s%s'", k->place->source, k->path.data);
	/* Nothing in it says anything any more, unless it is one that a hiding directory has. */
	if (k->w->act != UNDO_LOOK && !in_hiding && host >= 0 && pending == k->pending && ps_remove_tree_at(s->upper, s->name, k->e) < 0)
		return ps_ctx(k->e, "drop changes that were committed");
	return 0;
}

static bool is_same(const struct undo_step *s)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	char a[PATH_MAX], b[PATH_MAX];
	struct stat x, y;

	if (!s->exists || (s->up.st_mode & S_IFMT) != (s->on.st_mode & S_IFMT))
		return false;
	if (S_ISLNK(s->up.st_mode)) {
		ssize_t n = readlinkat(s->upper, s->name, a, sizeof(a)), m = readlinkat(s->host, s->host_name, b, sizeof(b));

		return n >= 0 && n == m && !memcmp(a, b, (size_t)n);
	}
	if (!S_ISREG(s->up.st_mode) || s->up.st_size != s->on.st_size || (s->up.st_mode & 0777) != (s->on.st_mode & 0777))
		return false;
	ps_auto_fd int upper = openat(s->upper, s->name, flags);
	ps_auto_fd int host = ps_openat2(s->host, s->host_name, (uint64_t)flags, 0, s->in_place ? RESOLVE_NO_SYMLINKS : beneath);

	return upper >= 0 && host >= 0 && fstat(upper, &x) == 0 && S_ISREG(x.st_mode) && fstat(host, &y) == 0 && S_ISREG(y.st_mode) &&
	       undo_same_data(upper, host) == 1;
}

static int visit(struct walking *k, int upper, int host, const char *name, bool hides, unsigned depth)
{
	struct undo_step s = { .upper = upper, .host = host, .name = name, .host_name = name, .record = k->record,
			       .force = k->w->force };
	bool done;

	if (fstatat(upper, name, &s.up, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : ps_fail_os(k->e, "look at the changes of '%s'", k->record->id);
	s.exists = host >= 0 && fstatat(host, name, &s.on, AT_SYMLINK_NOFOLLOW) == 0;
	if (S_ISDIR(s.up.st_mode))
		return visit_dir(k, &s, hides, depth);
	if (undo_is_whiteout(&s.up) ? !s.exists : is_same(&s) || (is_made(k) && S_ISREG(s.up.st_mode) && !s.up.st_size))
		return 0;
	if (handle(k, &s, undo_is_whiteout(&s.up) ? UNDO_REMOVED : s.exists ? UNDO_CHANGED : UNDO_ADDED, NULL, &done) < 0)
		return -1;
	/* The host has it: there is nothing left to keep, but in a directory that hides what it does not have. */
	if (done && !hides && k->w->act == UNDO_COMMIT && unlinkat(upper, name, 0) < 0 && errno != ENOENT)
		return ps_fail_os(k->e, "drop a change of '%s' that was committed", k->record->id);
	return 0;
}

static int walk_dir(struct walking *k, int upper, int host, bool hides, unsigned depth)
{
	struct names ps_auto(names_done) l = { .n = 0 };

	if (names_read(upper, &l) < 0)
		return ps_fail_os(k->e, "read the changes of '%s'", k->record->id);
	for (size_t i = 0; i < l.n; i++) {
		size_t len;
		int rc;

		if (push(k, l.v[i], &len) < 0)
			return -1;
		rc = visit(k, upper, host, l.v[i], hides, depth);
		pop(k, len);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- Places ---- */

/* The directory that was granted, and no other that has its name now. */
static int open_source(const struct undo_place *p, struct ps_err *e)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	ps_auto_fd int fd = ps_openat2(AT_FDCWD, p->source, OPEN_DIR, 0, resolve);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open '%s', where the changes belong", p->source);
	if (st.st_dev != p->dev || st.st_ino != p->ino)
		return ps_fail(e, PS_E_STATE, "'%s' is not the directory that it was: the changes belong to another one", p->source);
	return ps_take_fd(&fd);
}

static int walk_file(struct walking *k, int dir, struct ps_err *e)
{
	const struct undo_place *p = k->place;
	const char *slash = strrchr(p->source, '/');
	char parent[PATH_MAX];
	bool done;

	(void)snprintf(parent, sizeof(parent), "%.*s", slash == p->source ? 1 : (int)(slash - p->source), p->source);
	ps_auto_fd int host = ps_openat2(AT_FDCWD, parent, OPEN_DIR, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct undo_step s = { .upper = dir, .host = host, .name = "file", .host_name = slash + 1, .record = k->record, .in_place = true,
			       .force = k->w->force };

	if (host < 0)
		return ps_fail_os(e, "open '%s', where the changes belong", parent);
	if (fstatat(dir, "file", &s.up, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "look at the changes of '%s'", k->record->id);
	s.exists = fstatat(host, s.host_name, &s.on, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_same(&s))
		return 0;
	if (handle(k, &s, s.exists ? UNDO_CHANGED : UNDO_ADDED,
		   s.exists && (s.on.st_dev != p->dev || s.on.st_ino != p->ino) && !k->w->force ? "it is not the file that it was" : NULL, &done) < 0)
		return -1;
	if (done && k->w->act == UNDO_COMMIT)
		(void)unlinkat(dir, "file", 0);
	return 0;
}

static int walk_place(struct walking *k, int store_fd)
{
	const struct undo_place *p = k->place;
	ps_auto_fd int dir = openat(store_fd, p->name, OPEN_DIR);
	ps_auto_fd int upper = dir < 0 || p->is_file ? -1 : openat(dir, "upper", OPEN_DIR);
	ps_auto_fd int host = -1;

	if (dir < 0 || (!p->is_file && upper < 0))
		return errno == ENOENT ? 0 : ps_fail_os(k->e, "open the changes of '%s'", p->source);
	if (p->is_file)
		return walk_file(k, dir, k->e);
	struct names ps_auto(names_done) any = { .n = 0 };

	/* Of what holds nothing nobody has to find the other side. */
	if (names_read(upper, &any) == 0 && !any.n)
		return 0;
	host = open_source(p, k->e);
	return host < 0 ? -1 : walk_dir(k, upper, host, false, 0);
}

int undo_tree_walk(int store_fd, const struct undo_record *r, struct undo_walk *w, struct ps_err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct walking k = { .w = w, .record = r, .place = &r->places[i], .e = e };
		int rc = walk_place(&k, store_fd);

		ps_buf_done(&k.path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int undo_tree_count(int store_fd, const struct undo_record *r, size_t *ret, struct ps_err *e)
{
	struct undo_walk w = { .act = UNDO_LOOK };

	if (undo_tree_walk(store_fd, r, &w, e) < 0)
		return -1;
	*ret = w.n;
	return 0;
}

/* ---- What the runtime made ---- */

struct listing { struct ps_arena *a; const char **v; size_t n, max; };

static int list_dir(struct listing *l, int dir, const char *prefix, unsigned depth, struct ps_err *e)
{
	struct names ps_auto(names_done) in = { .n = 0 };

	if (names_read(dir, &in) < 0)
		return ps_fail_os(e, "list what the runtime made");
	for (size_t i = 0; i < in.n; i++) {
		ps_auto_fd int sub = -1;

		if (l->n == l->max) {
			const char **v = ps_arena_array(l->a, 2 * l->max + 16, sizeof(*v));

			if (!v)
				return ps_fail_os(e, "memory for what the runtime made");
			if (l->n)
				memcpy(v, l->v, l->n * sizeof(*v));
			l->v = v;
			l->max = 2 * l->max + 16;
		}
		l->v[l->n] = ps_arena_printf(l->a, "%s%s", prefix, in.v[i]);
		const char *below = ps_arena_printf(l->a, "%s%s/", prefix, in.v[i]);

		if (!l->v[l->n++] || !below)
			return ps_fail_os(e, "memory for what the runtime made");
		sub = depth < UNDO_MAX_DEPTH ? openat(dir, in.v[i], OPEN_DIR) : -1;
		if (sub >= 0 && list_dir(l, sub, below, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

int undo_tree_list(struct ps_arena *a, int upper_fd, struct spec_strs *ret, struct ps_err *e)
{
	struct listing l = { .a = a };

	if (list_dir(&l, upper_fd, "", 0, e) < 0)
		return -1;
	*ret = (struct spec_strs){ l.v, l.n };
	return 0;
}
