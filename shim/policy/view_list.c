/* SPDX-License-Identifier: Apache-2.0
 * view_list.c - what is in a directory of the container, and where else it can be reached.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/policy/text_set.h"
#include "shim/policy/view.h"

/* ---- Names ---- */

/* The next component of a mount point below dir, or NULL. */
static const char *mount_name(const struct view *v, const char *dir, int i, char name[NAME_MAX + 1])
{
	const char *target = view_mount_target(v, i), *rest;
	size_t n;

	if (!view_below(target, dir) || !strcmp(target, dir))
		return NULL;
	rest = target + (dir[1] ? strlen(dir) + 1 : 1);
	n = strcspn(rest, "/");
	memcpy(name, rest, n);
	name[n] = '\0';
	return name;
}

static int add_mount_points(struct view *v, const char *dir, struct text_set *l)
{
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < v->n; i++)
		if (mount_name(v, dir, (int)i, name) && text_set_add(l, name) < 0)
			return -1;
	return 0;
}

int view_list(struct view *v, const struct view_found *dir, size_t max, struct spec_strs *ret, bool *ret_more)
{
	struct text_set l = { .arena = v->arena };
	const struct dirent *d;
	bool more = false;
	ps_auto_fd int fd = view_open(v, dir);
	ps_auto_dir DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

	if (!stream && errno != ENOENT)
		return -1;
	if (stream)
		(void)ps_take_fd(&fd);
	if (add_mount_points(v, dir->path, &l) < 0)
		return -1;
	while (stream && (d = readdir(stream))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		more = l.n >= max;
		if (more)
			break;
		if (text_set_add(&l, d->d_name) < 0)
			return -1;
	}
	*ret = text_set_strs(&l);
	*ret_more = more;
	return 0;
}

/* ---- Aliases ---- */

struct ident { dev_t dev; ino_t ino; };

static bool same(struct ident a, struct ident b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

/* What each mount shows at its root; ino 0: nothing yet. */
static struct ident *roots_of(const struct view *v)
{
	struct ident *roots = ps_arena_array(v->arena, v->n + 1, sizeof(*roots));
	struct stat st;

	for (size_t i = 0; roots && i <= v->n; i++) {
		int fd = view_mount_fd(v, (int)i - 1);

		if (fd >= 0 && fstat(fd, &st) == 0)
			roots[i] = (struct ident){ st.st_dev, st.st_ino };
	}
	return roots;
}

/* What is `rest` ("", "/a", "a", ".") below a clean directory. */
static int below(char out[PATH_MAX], const char *dir, const char *rest)
{
	int n;

	if (!strcmp(rest, "."))
		rest = "";
	n = snprintf(out, PATH_MAX, "%s%s%s", dir[1] ? dir : "", *rest && *rest != '/' ? "/" : "", rest);
	if (n == 0)
		memcpy(out, "/", 2);
	if (n >= 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* Mounts whose root is the directory `id`, from which the object is `rest` away. */
static int aliases_from(struct view *v, const struct view_found *f, const struct ident *roots, struct ident id,
			const char *rest, struct text_set *l)
{
	char path[PATH_MAX];

	for (size_t i = 0; i <= v->n; i++) {
		int k = (int)i - 1;

		if (!roots[i].ino || !same(roots[i], id))
			continue;
		if (below(path, view_mount_target(v, k), rest) < 0)
			return -1;
		if (strcmp(path, f->path) != 0 && view_mount_of(v, path) == k && text_set_add(l, path) < 0)
			return -1;
	}
	return 0;
}

/* The same for the first n bytes of the object's path on the host. */
static int aliases_above(struct view *v, const struct view_found *f, const struct ident *roots, const char *path,
			 size_t n, struct text_set *l)
{
	char dir[PATH_MAX];
	struct stat st;

	memcpy(dir, path, n);
	memcpy(dir + n, n ? "" : "/", n ? 1 : 2);
	return stat(dir, &st) < 0
		       ? 0
		       : aliases_from(v, f, roots, (struct ident){ st.st_dev, st.st_ino }, path + n, l);
}

/* Does the host's path lead through the directory `id`? */
static bool leads_through(char *path, struct ident id)
{
	struct stat st;

	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		if (stat(*path ? path : "/", &st) == 0 && same((struct ident){ st.st_dev, st.st_ino }, id))
			return true;
	}
	return false;
}

/* Mounts of something below the object: all that they show is denied with it. */
static int mounts_below(struct view *v, const struct view_found *f, struct text_set *l)
{
	char path[PATH_MAX];

	for (int k = VIEW_ROOT; k < (int)v->n; k++) {
		const char *target = view_mount_target(v, k);
		int fd = view_mount_fd(v, k);

		if (fd < 0 || view_below(target, f->path) || ps_fd_path(fd, path) < 0 ||
		    !leads_through(path, (struct ident){ f->dev, f->ino }))
			continue;
		if (text_set_add(l, target) < 0)
			return -1;
	}
	return 0;
}

int view_aliases(struct view *v, const struct view_found *f, struct spec_strs *ret)
{
	struct text_set l = { .arena = v->arena };
	struct ident *roots = roots_of(v);
	char path[PATH_MAX], root[PATH_MAX];
	int fd = view_mount_fd(v, f->mount);

	if (!roots)
		return -1;
	if (v->n && f->ino && fd >= 0) {
		if (ps_fd_path(fd, root) < 0 || below(path, root, view_below_mount(v, f->mount, f->path)) < 0)
			return -1;
		for (size_t n = strlen(path) + 1; n-- > 0;)
			if ((!path[n] || path[n] == '/') && aliases_above(v, f, roots, path, n, &l) < 0)
				return -1;
		if (f->kind == VIEW_DIR && mounts_below(v, f, &l) < 0)
			return -1;
	}
	*ret = text_set_strs(&l);
	return 0;
}
