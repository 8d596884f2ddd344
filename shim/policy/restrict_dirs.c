/* SPDX-License-Identifier: Apache-2.0
 * restrict_dirs.c - the programs that a listed directory stands for now.
 */
#include <errno.h>
#include <limits.h>

#include "base/path.h"
#include "shim/policy/restrict_parts.h"

/* As many as can be taken apart in a millisecond or two. */
enum { PROGRAMS_MAX = 64, NAMES_MAX = 1024, DEPTH_MAX = 8 };

struct walk {
	struct restricting *r;
	struct text_set *programs;
	size_t names;
	bool more;
};

static int walk(struct walk *w, const struct view_found *dir, unsigned depth)
{
	struct spec_strs names;
	struct view_found f;
	char path[PATH_MAX];
	bool more;

	w->more |= depth > DEPTH_MAX || w->names >= NAMES_MAX;
	if (w->more)
		return 0;
	if (view_list(&w->r->view, dir, NAMES_MAX - w->names, &names, &more) < 0)
		return errno == ENOMEM ? restrict_oom(w->r) : 0;
	w->names += names.n;
	w->more |= more;
	for (size_t i = 0; i < names.n && !w->more; i++) {
		/* What is outside is another entry's, and each directory is seen where it is. */
		if (ps_path_join(path, sizeof(path), dir->path, names.v[i]) < 0 || view_find(&w->r->view, path, &f) < 0 ||
		    !view_below(f.path, dir->path))
			continue;
		if (f.kind == VIEW_DIR && walk(w, &f, depth + 1) < 0)
			return -1;
		if (f.kind != VIEW_FILE || !(f.mode & 0111))
			continue;
		if (w->programs->n >= PROGRAMS_MAX)
			w->more = true;
		else if (text_set_add(w->programs, f.path) < 0)
			return restrict_oom(w->r);
	}
	return 0;
}

int find_programs(struct restricting *r, const struct view_found *dir, struct text_set *ret, bool *ret_more)
{
	struct walk w = { .r = r, .programs = ret };

	if (walk(&w, dir, 0) < 0)
		return -1;
	*ret_more = w.more;
	return 0;
}
