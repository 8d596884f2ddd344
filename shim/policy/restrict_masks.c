/* SPDX-License-Identifier: Apache-2.0
 * restrict_masks.c - deny and ignore entries inside of what is allowed: masks and read-only paths, on every way to them; and
 * sockets, which are known by their paths.
 */
#include <errno.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Can the payload read what is at `path`, as far as its rules go? */
static bool may_be_read(const struct restricting *r, const char *path)
{
	const struct policy_landlock_rule *rules = r->rules.v;

	if (!(r->handled & READ))
		return true;
	for (size_t i = 0; i < r->rules.n; i++)
		if (rules[i].access & READ && (view_below(path, rules[i].path) || view_below(rules[i].path, path)))
			return true;
	return false;
}

/* Can the payload make something at `path`, which is missing? */
static bool may_be_written(const struct restricting *r, const char *path)
{
	const struct policy_rebind *rebinds = r->rebinds.v;
	const struct policy_rebind *best = NULL;
	int mount = view_mount_of(&r->view, path);
	const char *target = view_mount_target(&r->view, mount);
	bool readonly = mount == VIEW_ROOT ? r->p->rootfs.readonly || r->p->rootfs_attr_set & MOUNT_ATTR_RDONLY
					   : (r->mounts[mount].attr_set | r->mounts[mount].rec_set) & MOUNT_ATTR_RDONLY ||
						     r->mounts[mount].sb_flags & MS_RDONLY;

	/* The innermost one counts. */
	for (size_t i = 0; i < r->rebinds.n; i++)
		if (view_below(path, rebinds[i].path) && view_below(rebinds[i].path, target) &&
		    (rebinds[i].attr_set | rebinds[i].attr_clr) & MOUNT_ATTR_RDONLY &&
		    (!best || view_below(rebinds[i].path, best->path)))
			best = &rebinds[i];
	if (best)
		return best->attr_clr & MOUNT_ATTR_RDONLY;
	return !readonly;
}

/* What is denied is not there: nothing to hide, unless somebody makes it. */
static int deny_missing(struct restricting *r, const struct perm_place *place)
{
	const char *path = place->at.path;
	enum policy_permission p = place->entry->permission;

	if (place->entry->optional || place->entry->implied || !may_be_written(r, path))
		return 0;
	return cannot(r, p, place->entry->from, "'%s' is missing, and what is made there could not be denied (a '?' behind it accepts that)",
		      path);
}

static int mask(struct restricting *r, const struct perm_place *place, const char *path)
{
	struct policy_path *row;

	for (size_t i = 0; i < r->masked.n; i++) {
		row = (struct policy_path *)r->masked.v + i;
		if (strcmp(row->path, path) == 0) {
			row->denied = true;
			return 0;
		}
	}
	row = rows_add(r, &r->masked);
	if (!row)
		return -1;
	*row = (struct policy_path){ place->entry->from, path, .denied = true, .object = object_of(&place->at) };
	return 0;
}

/* Other names of the same file are no paths that anybody could find. */
static int check_links(struct restricting *r, const struct perm_place *place)
{
	if (place->at.kind != VIEW_FILE || place->at.nlink < 2)
		return 0;
	return note(r, place->entry->permission, "'%s' has %lu names, of which one is denied", place->at.path,
		    (unsigned long)place->at.nlink);
}

typedef int take_fn(struct restricting *r, const struct perm_place *place, const char *path);

static int take_read(struct restricting *r, const struct perm_place *place, const char *path)
{
	return may_be_read(r, path) ? mask(r, place, path) : 0;
}

static int take_write(struct restricting *r, const struct perm_place *place, const char *path)
{
	if (place->at.kind == VIEW_OTHER && !(r->handled & LANDLOCK_ACCESS_FS_WRITE_FILE))
		return cannot(r, POLICY_WRITE, place->entry->from, "'%s' is no file: a read-only mount does not keep it from being written",
			      path);
	return may_be_written(r, path) ? rebind(r, place->entry->from, path, object_of(&place->at), MOUNT_ATTR_RDONLY,
					       0, place->at.kind == VIEW_DIR)
				      : 0;
}

/* Whatever leads to it. */
static int take_away(struct restricting *r, const struct perm_place *place, take_fn *take)
{
	struct spec_strs aliases;

	if (place->at.kind == VIEW_NONE)
		return deny_missing(r, place);
	if (!place->at.path[1])
		return 0;
	if (view_aliases(&r->view, &place->at, &aliases) < 0)
		return errno == ENOMEM ? restrict_oom(r)
				       : cannot(r, place->entry->permission, place->entry->from,
						"other ways to '%s' cannot be found: %s", place->at.path, strerror(errno));
	if (take(r, place, place->at.path) < 0)
		return -1;
	for (size_t i = 0; i < aliases.n; i++)
		if (take(r, place, aliases.v[i]) < 0)
			return -1;
	return check_links(r, place);
}

/* ---- Ignore ---- */

static int absent(struct restricting *r, const struct perm_entry *entry, const struct view_found *at)
{
	(void)r, (void)entry, (void)at;
	return 0;
}

/* Only what is not bound in the first place looks as if it were not there. */
static int restrict_ignored(struct restricting *r)
{
	struct rows places = ROWS(struct perm_place);
	const struct perm_place *v;

	if (find_places(r, &r->g->of[POLICY_READ].ignore, absent, &places) < 0)
		return -1;
	v = places.v;
	for (size_t i = 0; i < places.n; i++)
		if (cannot(r, POLICY_READ, v[i].entry->from,
			   "'%s' exists, and can be denied but not be made to look missing", v[i].at.path) < 0 ||
		    take_away(r, &v[i], take_read) < 0)
			return -1;
	return 0;
}

/* ---- The way to what is read-only or denied ---- */

static bool is_rebound(const struct restricting *r, const char *path)
{
	const struct policy_rebind *rebinds = r->rebinds.v;

	for (size_t i = 0; i < r->rebinds.n; i++)
		if (strcmp(rebinds[i].path, path) == 0)
			return true;
	return false;
}

/* A directory on the way to it could be renamed, and made again with another file in it: a mount point cannot. */
static int pin_way_to(struct restricting *r, const char *from, const char *path)
{
	const char *target = view_mount_target(&r->view, view_mount_of(&r->view, path)), *dir = path, *slash;

	while ((slash = strrchr(dir, '/')) > dir) {
		dir = ps_arena_strndup(r->a, dir, (size_t)(slash - dir));
		if (!dir)
			return restrict_oom(r);
		if (strcmp(dir, target) == 0 || !may_be_written(r, dir))
			return 0;
		if (!is_rebound(r, dir) && rebind(r, from, dir, (struct ps_object){ 0, 0 }, r->code_listed ? MOUNT_ATTR_NOEXEC : 0U, 0, true) < 0)
			return -1;
	}
	return 0;
}

/* Programs, too: whoever looks for one outside would find another. */
static int pin_ways(struct restricting *r)
{
	const size_t n = r->rebinds.n;

	for (size_t i = 0; i < n; i++) {
		const struct policy_rebind row = ((const struct policy_rebind *)r->rebinds.v)[i];

		if (row.attr_set & MOUNT_ATTR_RDONLY && pin_way_to(r, row.from, row.path) < 0)
			return -1;
	}
	/* What is denied would be found at another place by the next container, and something else be masked. */
	for (size_t i = 0; i < r->masked.n; i++) {
		const struct policy_path *row = (const struct policy_path *)r->masked.v + i;

		if (row->denied && pin_way_to(r, row->from, row->path) < 0)
			return -1;
	}
	return 0;
}

/* An entry that denies everything leaves nothing to mask. */
int restrict_masks(struct restricting *r)
{
	const struct perm_places *read = &r->denied[POLICY_READ], *write = &r->denied[POLICY_WRITE];

	for (size_t i = 0; i < write->n; i++)
		if (take_away(r, &write->v[i], take_write) < 0)
			return -1;
	for (size_t i = 0; i < read->n; i++)
		if (take_away(r, &read->v[i], take_read) < 0)
			return -1;
	return restrict_ignored(r) < 0 ? -1 : pin_ways(r);
}

/* ---- Sockets ---- */

static bool is_socket_path(const struct perm_entry *en)
{
	return en->value && en->net.host == NET_HOST_UNIX && en->net.name[0] == '/';
}

static bool names_socket(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_socket_path(&l->v[i]))
			return true;
	return false;
}

bool names_sockets(const struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];

	return r->enforced && net_state_of(r).hold == NET_HOLD_BROKER && (names_socket(&rules->allow) || names_socket(&rules->deny));
}

/* Whoever may rename or link sockets gives one the path of another.  The hand of the broker makes those that are bound. */
static int keep_names(struct restricting *r)
{
	struct policy_landlock_rule *rules = r->rules.v;

	if (!(r->handled & LANDLOCK_ACCESS_FS_MAKE_REG)) {
		r->handled |= r->h->landlock_abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
		if (allow_access(r, "default#/permissions/net", "/", (struct ps_object){ 0, 0 }, LANDLOCK_ACCESS_FS_REFER, /* optional= */ false) < 0)
			return -1;
		rules = r->rules.v;
	}
	r->handled |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	for (size_t i = 0; i < r->rules.n; i++)
		rules[i].access &= ~(uint64_t)LANDLOCK_ACCESS_FS_MAKE_SOCK;
	return 0;
}

static int keep_name(struct restricting *r, const struct perm_entry *en)
{
	struct view_found at, dir;
	const char *folder;

	if (view_find(&r->view, en->net.name, &at) < 0)
		return cannot(r, POLICY_NET, en->from, "'%s' cannot be looked at: %s", en->value, strerror(errno));
	folder = ps_arena_strndup(r->a, at.path, (size_t)(strrchr(at.path, '/') - at.path));
	if (!folder)
		return restrict_oom(r);
	if (!*folder || !may_be_written(r, folder) || at.kind == VIEW_LATER)
		return 0;
	if (!r->h->landlock_abi)
		return cannot(r, POLICY_NET, en->from, "'%s' is in a folder that may be written: without Landlock another socket could get its name",
			      en->value);
	/* The root file system is the container's own: so are the sockets in folders that it makes there. */
	if (view_find(&r->view, folder, &dir) < 0 || dir.kind == VIEW_NONE)
		return at.mount == VIEW_ROOT ? keep_names(r) : cannot(r, POLICY_NET, en->from, "the folder of '%s' is missing, and another one could get its name", en->value);
	return keep_names(r) < 0 ? -1 : pin_way_to(r, en->from, at.path);
}

/* What is denied is masked, for it may be mounted elsewhere, too. */
static int deny_socket(struct restricting *r, const struct perm_entry *en)
{
	struct perm_place place = { .entry = en };

	if (view_find(&r->view, en->net.name, &place.at) < 0 || place.at.kind != VIEW_OTHER)
		return 0;
	return take_away(r, &place, take_read);
}

int restrict_sockets(struct restricting *r)
{
	const struct perm_rules *rules = &r->g->of[POLICY_NET];
	const struct perm_list *lists[] = { &rules->allow, &rules->deny };

	for (size_t i = 0; i < PS_COUNT(lists); i++)
		for (size_t k = 0; k < lists[i]->n; k++)
			if (is_socket_path(&lists[i]->v[k]) &&
			    (keep_name(r, &lists[i]->v[k]) < 0 || (lists[i] == &rules->deny && deny_socket(r, &lists[i]->v[k]) < 0)))
				return -1;
	return 0;
}
