/* SPDX-License-Identifier: Apache-2.0
 * view.c - what a path of the container leads to before there is a container.
 */
#include "shim/policy/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/path.h"
#include "base/scope.h"

enum { LINKS_MAX = 40, NODES_FIRST = 256 };

struct view_mount {
	const char *target; /* link-free */
	const char *link;   /* the source is this link, made again */
	int fd;             /* of a bind's source; -1: the file system is not there yet, or there is none */
	bool is_dir, covers; /* covers: it is a mount of its own, no change of another */
};

/* A directory or a link on the way to something. */
struct view_node {
	const char *path; /* NULL: a free slot */
	const char *link; /* NULL: a directory */
};

static int fail(int err)
{
	errno = err;
	return -1;
}

/* ---- Nodes ---- */

static struct view_node *slot_of(const struct view *v, const char *path)
{
	size_t at = ps_fnv64(PS_FNV64_INIT, path, strlen(path)) & (v->max_nodes - 1);

	while (v->nodes[at].path && strcmp(v->nodes[at].path, path) != 0)
		at = (at + 1) & (v->max_nodes - 1);
	return &v->nodes[at];
}

static int grow(struct view *v)
{
	struct view old = *v;

	v->max_nodes = old.max_nodes ? 2 * old.max_nodes : NODES_FIRST;
	v->nodes = ps_arena_array(v->arena, v->max_nodes, sizeof(*v->nodes));
	if (!v->nodes) {
		*v = old;
		return -1;
	}
	for (size_t i = 0; i < old.max_nodes; i++)
		if (old.nodes[i].path)
			*slot_of(v, old.nodes[i].path) = old.nodes[i];
	return 0;
}

static const struct view_node *node_find(const struct view *v, const char *path)
{
	const struct view_node *n = v->max_nodes ? slot_of(v, path) : NULL;

	return n && n->path ? n : NULL;
}

static int node_add(struct view *v, const char *path, const char *link)
{
	struct view_node *n;

	if (2 * v->n_nodes >= v->max_nodes && grow(v) < 0)
		return -1;
	n = slot_of(v, path);
	if (n->path)
		return 0;
	*n = (struct view_node){ ps_arena_strdup(v->arena, path), link ? ps_arena_strdup(v->arena, link) : NULL };
	if (!n->path || (link && !n->link)) {
		n->path = NULL;
		return -1;
	}
	v->n_nodes++;
	return 0;
}

/* ---- Mounts ---- */

int view_mount_of(const struct view *v, const char *path)
{
	for (size_t i = v->n; i-- > 0;)
		if (v->mounts[i].covers && view_below(path, v->mounts[i].target))
			return (int)i;
	return VIEW_ROOT;
}

const char *view_mount_target(const struct view *v, int i)
{
	return i == VIEW_ROOT ? "/" : v->mounts[i].target;
}

/* Mount points and what leads to them are made where they are missing. */
static bool leads_to_mount(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++)
		if (view_below(v->mounts[i].target, path))
			return true;
	return false;
}

/* A root that is made for the container holds nothing of the host's. */
static bool root_is_empty(const struct view *v)
{
	return v->policy && !v->policy->rootfs.path;
}

int view_mount_fd(const struct view *v, int mount)
{
	if (mount == VIEW_ROOT)
		return root_is_empty(v) ? -1 : v->root_fd;
	return v->mounts[mount].fd;
}

const char *view_below_mount(const struct view *v, int mount, const char *path)
{
	size_t n = mount == VIEW_ROOT ? 0 : strlen(v->mounts[mount].target);

	return path[n] == '/' && path[n + 1] ? path + n + 1 : ".";
}

/* ---- The walk ---- */

struct way {
	struct view *v;
	struct view_found *found;
	size_t len, links;
	char done[PATH_MAX]; /* link-free, without a last "/" */
	char todo[PATH_MAX];
};

static void way_up(struct way *w)
{
	while (w->len && w->done[--w->len] != '/')
		;
	w->done[w->len] = '\0';
}

/* Put the link's text in place of the last component, before what is left. */
static int way_link(struct way *w, const char *text, const char *rest)
{
	size_t n = strlen(text), rest_len = strlen(rest);

	if (++w->links > LINKS_MAX)
		return fail(ELOOP);
	if (n + rest_len + 1 >= sizeof(w->todo))
		return fail(ENAMETOOLONG);
	memmove(w->todo + n, rest, rest_len + 1);
	memcpy(w->todo, text, n);
	way_up(w);
	if (text[0] == '/')
		w->done[w->len = 0] = '\0';
	return 0;
}

static enum view_kind kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? VIEW_DIR : S_ISREG(mode) ? VIEW_FILE : VIEW_OTHER;
}

static bool is_device(const struct view *v, const char *path)
{
	for (size_t i = 0; v->policy && i < v->policy->n_devices; i++)
		if (strcmp(v->policy->devices[i].path, path) == 0)
			return true;
	return false;
}

/* What is at a path that leads to nothing that exists today. */
static enum view_kind kind_of_missing(const struct view *v, int mount, const char *path)
{
	if (leads_to_mount(v, path))
		return VIEW_DIR;
	if (is_device(v, path))
		return VIEW_OTHER;
	/* /proc and the like fill themselves, a tmpfs does not. */
	if (mount != VIEW_ROOT && v->mounts[mount].fd < 0 &&
	    (v->policy->mounts[mount].tmpcopyup || strcmp(v->policy->mounts[mount].fstype, "tmpfs") != 0))
		return VIEW_LATER;
	return VIEW_NONE;
}

/* Ask the file system; *ret_link gets the text of a link. */
static int look(struct way *w, char ret_link[PATH_MAX])
{
	struct view *v = w->v;
	struct view_found *f = w->found;
	const struct view_mount *m;
	struct stat st;
	const char *below;
	ssize_t n;
	int fd;

	f->mount = view_mount_of(v, w->done);
	m = f->mount == VIEW_ROOT ? NULL : &v->mounts[f->mount];
	fd = view_mount_fd(v, f->mount);
	below = view_below_mount(v, f->mount, w->done);
	f->mode = 0, f->dev = 0, f->ino = 0, f->nlink = 0;
	if (m && m->link && !strcmp(m->target, w->done)) {
		memcpy(ret_link, m->link, strlen(m->link) + 1);
		return 1;
	}
	if (m && !strcmp(below, ".") && fd < 0) {
		f->kind = VIEW_DIR;
		return 0;
	}
	if (fd < 0 || (strcmp(below, ".") != 0 ? fstatat(fd, below, &st, AT_SYMLINK_NOFOLLOW) : fstat(fd, &st)) < 0) {
		if (fd >= 0 && errno != ENOENT && errno != ENOTDIR)
			return -1;
		f->kind = kind_of_missing(v, f->mount, w->done);
		return 0;
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(fd, below, ret_link, PATH_MAX - 1);
		if (n < 0)
			return -1;
		ret_link[n] = '\0';
		return n ? 1 : fail(ENOENT);
	}
	f->kind = kind_of(st.st_mode);
	f->mode = st.st_mode, f->dev = st.st_dev, f->ino = st.st_ino, f->nlink = st.st_nlink;
	return 0;
}

/* One component further, done[] holds it already.  1: it is a link, its text in text[]. */
static int step(struct way *w, bool last, char text[PATH_MAX])
{
	const struct view_node *node = node_find(w->v, w->done);
	int rc;

	if (node && node->link) {
		memcpy(text, node->link, strlen(node->link) + 1);
		return 1;
	}
	if (node && !last) {
		w->found->kind = VIEW_DIR;
		w->found->ino = 0;
		return 0;
	}
	rc = look(w, text);
	if (rc < 0 || (rc == 0 && w->found->kind != VIEW_DIR))
		return rc;
	return node_add(w->v, w->done, rc ? text : NULL) < 0 ? -1 : rc;
}

static int walk(struct way *w)
{
	char text[PATH_MAX];

	for (const char *p = w->todo; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");
		const char *rest = p + n;
		bool last = !rest[strspn(rest, "/")];
		int rc = 0;

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			way_up(w);
			w->found->kind = VIEW_DIR;
			w->found->ino = 0;
		} else if (n != 1 || p[0] != '.') {
			if (n > NAME_MAX || w->len + 1 + n >= sizeof(w->done))
				return fail(ENAMETOOLONG);
			w->done[w->len++] = '/';
			memcpy(w->done + w->len, p, n);
			w->done[w->len += n] = '\0';
			/* What is below something that is no directory, or is not there yet. */
			if (w->found->kind == VIEW_FILE || w->found->kind == VIEW_OTHER)
				w->found->kind = VIEW_NONE;
			rc = step(w, last, text);
		}
		p = rest;
		if (rc < 0)
			return -1;
		if (rc > 0) {
			if (way_link(w, text, rest) < 0)
				return -1;
			p = w->todo;
		}
	}
	return 0;
}

int view_find(struct view *v, const char *path, struct view_found *ret)
{
	struct view_found found = { .kind = VIEW_DIR, .mount = VIEW_ROOT };
	struct way w = { .v = v, .found = &found };
	char text[PATH_MAX];

	if (strlen(path) >= sizeof(w.todo))
		return fail(ENAMETOOLONG);
	memcpy(w.todo, path, strlen(path) + 1);
	if (walk(&w) < 0)
		return -1;
	/* The last component may have been "..", "." or none: what the way leads to has not been looked at then. */
	if (found.kind == VIEW_DIR && !found.ino && look(&w, text) < 0)
		return -1;
	found.path = w.len ? ps_arena_strdup(v->arena, w.done) : "/";
	if (!found.path)
		return -1;
	*ret = found;
	return 0;
}

int view_open(const struct view *v, const struct view_found *f)
{
	const uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int from = view_mount_fd(v, f->mount);
	const char *below = view_below_mount(v, f->mount, f->path);
	struct stat st;

	if (f->kind != VIEW_FILE && f->kind != VIEW_DIR)
		return fail(EINVAL);
	if (from < 0)
		return fail(ENOENT);
	ps_auto_fd int fd = f->mount != VIEW_ROOT && !v->mounts[f->mount].is_dir
				    ? open(v->policy->mounts[f->mount].source, (int)flags)
				    : ps_open_in_root_nolinks(from, below, flags, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	return st.st_dev == f->dev && st.st_ino == f->ino ? ps_take_fd(&fd) : fail(ESTALE);
}

/* ---- Setup ---- */

static int copied_link(struct view *v, const struct policy_mount *m, struct view_mount *out)
{
	char text[PATH_MAX];
	ssize_t n = readlink(m->source, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	out->link = ps_arena_strndup(v->arena, text, (size_t)n);
	return out->link ? 0 : -1;
}

static int add_mount(struct view *v, const struct policy_mount *m)
{
	struct view_mount *out = &v->mounts[v->n];
	struct view_found at;
	struct stat st;

	*out = (struct view_mount){ .fd = -1, .is_dir = true, .covers = !m->remount };
	if (view_find(v, m->target, &at) < 0)
		return -1;
	out->target = at.path;
	if (m->bind && !m->remount) {
		if (m->copy_symlink && copied_link(v, m, out) < 0)
			return -1;
		out->fd = out->link ? -1 : open(m->source, O_PATH | O_CLOEXEC);
		out->is_dir = out->fd >= 0 && fstat(out->fd, &st) == 0 && S_ISDIR(st.st_mode);
	}
	v->n++;
	/* What was seen before it may be covered now. */
	if (v->n_nodes)
		memset(v->nodes, 0, v->max_nodes * sizeof(*v->nodes));
	v->n_nodes = 0;
	return 0;
}

int view_init(struct view *v, struct ps_arena *a, int root_fd, const struct policy *policy, struct ps_err *e)
{
	size_t n = policy ? policy->n_mounts : 0;

	*v = (struct view){ .arena = a, .policy = policy, .root_fd = root_fd };
	v->mounts = ps_arena_array(a, n + 1, sizeof(*v->mounts));
	if (!v->mounts)
		return ps_fail_os(e, "look at the container's mounts");
	for (size_t i = 0; i < n; i++) {
		if (add_mount(v, &policy->mounts[i]) == 0)
			continue;
		ps_fail_os(e, "look for the mount point '%s'", policy->mounts[i].target);
		view_done(v);
		return ps_at_from(e, policy->mounts[i].from, "");
	}
	return 0;
}

void view_done(struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		ps_fd_close(&v->mounts[i].fd);
	v->n = 0;
}
