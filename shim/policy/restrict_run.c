/* SPDX-License-Identifier: Apache-2.0
 * restrict_run.c - run and ffi: code comes from listed files alone.
 *
 * Every mount is noexec, and what is listed is bound onto itself without: so neither execve(2) nor the loader, called as
 * a program, nor dlopen(3) maps anything else.  Landlock's EXECUTE tells programs from libraries, which are as executable
 * to the mounts.  What is listed is read-only, whatever may be written around it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/policy/restrict_parts.h"

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE

/* Who asked for what closures hold: everything that was added before the row's counts, and after the row before. */
struct span {
	const char *from;
	size_t exec, libs, trees, files;
	bool hook; /* it runs before there is a domain, and is nothing that the payload may run */
};

struct programs {
	struct restricting *r;
	struct closing c;
	struct rows spans;
	bool exec, load;          /* what is listed: programs, shared objects */
	bool hooks;               /* what is added now is started by the runtime */
	size_t n_found;
	struct rows dirs;         /* struct perm_place: directories of programs */
	const char *all_libs;     /* who listed a directory of more programs than can be looked at; NULL: nobody */
};

/* Where a system has its programs and libraries: readable where anything may be run or loaded. */
static const char *const system_dirs[] = {
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32",
	"/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib",
};
static const char *const library_dirs[] = { "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib" };

enum { LIBRARIES_MAX = 4096 };

/* ---- What is listed ---- */

static int add_span(struct programs *p, const char *from)
{
	struct span *s = rows_add(p->r, &p->spans);

	if (!s)
		return -1;
	*s = (struct span){ from, p->c.exec.n, p->c.libs.n, p->c.trees.n, p->c.files.n, p->hooks };
	return 0;
}

/* 1: there is no such program. */
static int add_program(struct programs *p, const char *from, const char *program)
{
	struct ps_err e;

	if (closing_add_program(&p->c, program, NULL, &e) == 0)
		return add_span(p, from);
	if (e.cls == PS_E_NOTFOUND)
		return 1;
	*p->r->e = e;
	return -1;
}

/* What the document starts. */
static int add_seed(struct programs *p)
{
	const struct policy *in = p->r->in;
	char path[PATH_MAX];

	if (in->has_process && in->process.args.n) {
		const char *program = in->process.args.v[0];

		if (program[0] != '/' && strchr(program, '/')) {
			if (ps_path_join(path, sizeof(path), in->process.cwd ? in->process.cwd : "/", program) < 0)
				return 0;
			program = path;
		}
		if (add_program(p, in->process.args_from, program) < 0)
			return -1;
	}
	return 0;
}

/* Programs of the container that run before, where everything else is noexec already. */
static int add_hooks(struct programs *p)
{
	const struct policy_hooks *hooks = &p->r->in->hooks.start_container;

	p->hooks = true;
	for (size_t i = 0; i < hooks->n && p->r->code_listed; i++)
		if (add_program(p, hooks->v[i].from, hooks->v[i].path) < 0)
			return -1;
	return 0;
}

static int missing_program(struct restricting *r, const struct perm_entry *e, const struct view_found *at)
{
	(void)at;
	return note(r, e->permission, "there is no program '%s'", e->value);
}

static int add_name(struct programs *p, const struct perm_entry *e)
{
	int rc = add_program(p, e->from, e->value);

	if (rc > 0)
		return note(p->r, POLICY_RUN, "there is no program '%s'", e->value);
	p->n_found += rc == 0;
	return rc;
}

static bool is_system_dir(const char *path)
{
	for (size_t i = 0; i < PS_COUNT(system_dirs); i++)
		if (view_below(path, system_dirs[i]))
			return true;
	return false;
}

/* What its programs consist of now; those of a whole system may consist of anything. */
static int add_dir(struct programs *p, const struct perm_place *place)
{
	struct text_set programs = { .arena = p->r->a };
	const char *path = place->at.path;
	bool more;

	if (place->at.kind != VIEW_DIR || is_denied(p->r, POLICY_RUN, path))
		return 0;
	if (find_programs(p->r, &place->at, &programs, &more) < 0)
		return -1;
	if (more) {
		p->all_libs = place->entry->from;
		return (is_system_dir(path) ? note : warn)(p->r, POLICY_RUN,
							   "'%s' has too many programs to look at each: any library of the system may be loaded (%s)",
							   path, place->entry->from);
	}
	for (size_t i = 0; i < programs.n; i++)
		if (!is_denied(p->r, POLICY_RUN, programs.v[i]) && add_program(p, place->entry->from, programs.v[i]) < 0)
			return -1;
	return 0;
}

static int add_place(struct programs *p, const struct perm_place *place)
{
	int rc;

	if (place->at.kind == VIEW_DIR || place->at.kind == VIEW_LATER) {
		struct perm_place *dir = rows_add(p->r, &p->dirs);

		if (!dir)
			return -1;
		*dir = *place;
		p->n_found++;
		return add_dir(p, place);
	}
	rc = add_program(p, place->entry->from, place->at.path);
	p->n_found += rc == 0;
	return rc < 0 ? -1 : 0;
}

static int add_run_list(struct programs *p, const struct perm_list *l)
{
	struct rows places = ROWS(struct perm_place);

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].value && !strchr(l->v[i].value, '/') && add_name(p, &l->v[i]) < 0)
			return -1;
	if (find_places(p->r, l, missing_program, &places) < 0)
		return -1;
	for (size_t i = 0; i < places.n; i++)
		if (add_place(p, &((const struct perm_place *)places.v)[i]) < 0)
			return -1;
	return 0;
}

static bool has_written(const struct perm_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].implied)
			return true;
	return false;
}

static int add_run_entries(struct programs *p)
{
	const struct perm_rules *rules = &p->r->g->of[POLICY_RUN];
	const struct perm_list *lists[] = { &rules->allow, &rules->warn };

	if (!p->exec || denies_everything(rules))
		return 0;
	for (size_t i = 0; i < PS_COUNT(lists); i++)
		if (add_run_list(p, lists[i]) < 0)
			return -1;
	if (has_written(&rules->allow) && !p->n_found)
		return cannot(p->r, POLICY_RUN, rules->allow.v[0].from, "none of the programs is in the container ('%s'%s)",
			      rules->allow.v[0].value ? rules->allow.v[0].value : "*", rules->allow.n > 1 ? ", ..." : "");
	return 0;
}

static int missing_library(struct restricting *r, const struct perm_entry *e, const struct view_found *at)
{
	(void)at;
	return e->optional || e->implied ? note(r, POLICY_FFI, "there is no '%s'", e->value)
			   : cannot(r, POLICY_FFI, e->from, "the container has no '%s' (a '?' behind it lets it be missing)", e->value);
}

static int bind_code(struct programs *p, const char *from, const struct view_found *at, bool below);

static int add_ffi_entries(struct programs *p)
{
	const struct perm_rules *rules = &p->r->g->of[POLICY_FFI];
	const struct perm_list *lists[] = { &rules->allow, &rules->warn };
	struct rows places = ROWS(struct perm_place);

	for (size_t i = 0; p->load && !denies_everything(rules) && i < PS_COUNT(lists); i++)
		if (find_places(p->r, lists[i], missing_library, &places) < 0)
			return -1;
	for (size_t i = 0; i < places.n; i++) {
		const struct perm_place *place = &((const struct perm_place *)places.v)[i];

		if (place->at.kind == VIEW_FILE) {
			if (closing_add_library(&p->c, place->at.path, p->r->e) < 0 || add_span(p, place->entry->from) < 0)
				return -1;
		} else if (!is_denied(p->r, POLICY_FFI, place->at.path) &&
			   (bind_code(p, place->entry->from, &place->at, true) < 0 ||
			    allow_access(p->r, place->entry->from, place->at.path, object_of(&place->at), READ_FILE | READ_DIR, false) < 0)) {
			return -1;
		}
	}
	return 0;
}

/* ---- What becomes of it ---- */

/*
 * Code that may be mapped and not changed.  What config.json mounts noexec stays so, but in a root that was made for one
 * program: there everything is noexec until it is listed.
 */
static int bind_code(struct programs *p, const char *from, const struct view_found *at, bool below)
{
	if (at->kind == VIEW_LATER || !at->path[1])
		return 0;
	if (p->r->in->rootfs.path && mount_has(p->r, at->mount, MOUNT_ATTR_NOEXEC))
		return note(p->r, POLICY_RUN, "'%s' is mounted noexec by %s", at->path, p->r->in->mounts[at->mount].from);
	return rebind(p->r, from, at->path, object_of(at), MOUNT_ATTR_RDONLY, p->r->code_listed ? MOUNT_ATTR_NOEXEC : 0U, below);
}

static const struct span *span_of(const struct programs *p, size_t i, size_t member)
{
	static const struct span none = { .from = "default#/permissions/run" };

	for (size_t k = 0; k < p->spans.n; k++) {
		const struct span *s = (const struct span *)p->spans.v + k;

		if (i < *(const size_t *)(const void *)((const char *)s + member))
			return s;
	}
	return &none;
}

static int give(struct programs *p, const struct span *s, const char *path, enum policy_permission of, uint64_t access)
{
	bool below = access & READ_DIR, binds = of == POLICY_RUN ? p->exec : p->r->code_listed;
	struct view_found at;

	if (is_denied(p->r, of, path) || is_denied(p->r, POLICY_READ, path))
		return note(p->r, of, "'%s' is denied, though %s needs it", path, s->from);
	/* It was found a moment ago. */
	if (view_find(&p->r->view, path, &at) < 0)
		return 0;
	if (binds && bind_code(p, s->from, &at, below) < 0)
		return -1;
	return s->hook ? 0 : allow_access(p->r, s->from, path, object_of(&at), access, false);
}

/* Below a directory that is listed, which is given as a whole. */
static bool is_in_dir(const struct programs *p, const char *path)
{
	const struct perm_place *dirs = p->dirs.v;

	for (size_t i = 0; i < p->dirs.n; i++)
		/* The root is no path that could be bound onto itself. */
		if (dirs[i].at.path[1] && view_below(path, dirs[i].at.path))
			return true;
	return false;
}

static int give_list(struct programs *p, const struct text_set *l, size_t member, enum policy_permission of, uint64_t access)
{
	for (size_t i = 0; i < l->n; i++)
		if (!is_in_dir(p, l->v[i]) && !(l == &p->c.libs && closing_in_tree(&p->c, l->v[i])) &&
		    give(p, span_of(p, i, member), l->v[i], of, access) < 0)
			return -1;
	return 0;
}

static int give_closures(struct programs *p)
{
	const struct closing *c = &p->c;

	if (give_list(p, &c->exec, offsetof(struct span, exec), POLICY_RUN, READ_FILE | EXECUTE) < 0 ||
	    give_list(p, &c->libs, offsetof(struct span, libs), POLICY_FFI, READ_FILE) < 0 ||
	    give_list(p, &c->trees, offsetof(struct span, trees), POLICY_FFI, READ_FILE | READ_DIR) < 0)
		return -1;
	for (size_t i = 0; i < c->files.n; i++)
		if (allow_access(p->r, span_of(p, i, offsetof(struct span, files))->from, c->files.v[i], (struct ps_object){ 0, 0 }, READ_FILE, false) < 0)
			return -1;
	if (c->more)
		return cannot(p->r, POLICY_RUN, NULL, "the programs consist of more than %d files", CLOSURE_FILES_MAX);
	return 0;
}

/* Loaders by their names: they are run, not only mapped. */
static int give_loaders(struct programs *p, const struct view_found *dir)
{
	struct spec_strs names;
	struct view_found at;
	char path[PATH_MAX];
	bool more;

	if (view_list(&p->r->view, dir, LIBRARIES_MAX, &names, &more) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++)
		if (!strncmp(names.v[i], "ld-", 3) && strstr(names.v[i], ".so") &&
		    ps_path_join(path, sizeof(path), dir->path, names.v[i]) == 0 && view_find(&p->r->view, path, &at) == 0 &&
		    at.kind == VIEW_FILE && !is_denied(p->r, POLICY_RUN, at.path) &&
		    allow_access(p->r, p->all_libs, at.path, object_of(&at), READ_FILE | EXECUTE, false) < 0)
			return -1;
	return 0;
}

static int give_all_libraries(struct programs *p)
{
	struct view_found at;

	for (size_t i = 0; i < PS_COUNT(library_dirs); i++)
		if (view_find(&p->r->view, library_dirs[i], &at) == 0 && at.kind == VIEW_DIR &&
		    !is_denied(p->r, POLICY_FFI, at.path) &&
		    (bind_code(p, p->all_libs, &at, true) < 0 || give_loaders(p, &at) < 0 ||
		     allow_access(p->r, p->all_libs, at.path, object_of(&at), READ_FILE | READ_DIR, false) < 0))
			return -1;
	return 0;
}

static int give_dirs(struct programs *p)
{
	const struct perm_place *dirs = p->dirs.v;

	for (size_t i = 0; i < p->dirs.n; i++) {
		const char *from = dirs[i].entry->from;

		if (is_denied(p->r, POLICY_RUN, dirs[i].at.path))
			continue;
		if (bind_code(p, from, &dirs[i].at, true) < 0 ||
		    allow_access(p->r, from, dirs[i].at.path, object_of(&dirs[i].at), READ_FILE | READ_DIR | EXECUTE, false) < 0)
			return -1;
	}
	return p->all_libs ? give_all_libraries(p) : 0;
}

static int give_system(struct restricting *r)
{
	struct view_found at;

	for (size_t i = 0; i < PS_COUNT(system_dirs); i++)
		if (view_find(&r->view, system_dirs[i], &at) == 0 && at.kind == VIEW_DIR &&
		    !is_denied(r, POLICY_READ, at.path) &&
		    allow_access(r, "default#/permissions/run", at.path, object_of(&at), READ_FILE | READ_DIR, true) < 0)
			return -1;
	return 0;
}

/* ---- What is denied ---- */

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Is there code to take away from?  Where code is listed, everything else is noexec. */
static bool may_be_mapped(const struct restricting *r, const char *path)
{
	const struct policy_rebind *rows = r->rebinds.v;

	for (size_t i = 0; i < r->rebinds.n; i++)
		if (rows[i].attr_clr & MOUNT_ATTR_NOEXEC && view_below(path, rows[i].path))
			return true;
	return !r->code_listed;
}

static int deny_path(struct restricting *r, const struct perm_place *place, const char *path)
{
	if (!may_be_mapped(r, path))
		return 0;
	return rebind(r, place->entry->from, path, object_of(&place->at), MOUNT_ATTR_NOEXEC, 0, place->at.kind == VIEW_DIR);
}

static int deny_code(struct restricting *r, enum policy_permission p, const struct perm_place *place)
{
	const struct perm_entry *e = place->entry;
	struct spec_strs aliases;
	const char *base = strchr(e->value, '/') ? base_of(e->value) : e->value;

	if (place->at.kind == VIEW_NONE || place->at.kind == VIEW_LATER)
		return 0;
	/* "wget" of busybox: the link is denied by denying all of busybox. */
	if (p == POLICY_RUN && place->at.kind == VIEW_FILE && strcmp(base, base_of(place->at.path)) != 0 &&
	    !strchr(e->value, '*') &&
	    warn(r, p, "'%s' is '%s': all of that is denied (%s)", e->value, place->at.path, e->from) < 0)
		return -1;
	if (view_aliases(&r->view, &place->at, &aliases) < 0)
		return restrict_oom(r);
	if (deny_path(r, place, place->at.path) < 0)
		return -1;
	for (size_t i = 0; i < aliases.n; i++)
		if (deny_path(r, place, aliases.v[i]) < 0)
			return -1;
	return 0;
}

static int deny_all(struct restricting *r, enum policy_permission p)
{
	for (size_t i = 0; i < r->denied[p].n; i++)
		if (deny_code(r, p, &r->denied[p].v[i]) < 0)
			return -1;
	return 0;
}

/* ---- Memory ---- */

static bool is_jit(const struct restricting *r)
{
	return r->g->settings.jit.set && r->g->settings.jit.v;
}

/* Code that is made at run time is code of no listed file. */
static int restrict_memory(struct restricting *r, bool exec)
{
	struct spec_kv *row;

	r->p->mdwe = r->code_listed && !is_jit(r) && r->h->mdwe;
	if (r->code_listed && !is_jit(r) && !r->h->mdwe &&
	    cannot(r, POLICY_FFI, NULL, "this kernel cannot keep memory from becoming executable (Linux 6.3)") < 0)
		return -1;
	/* With the guard that comes with MDWE there is no memfd at all. */
	if (!exec || r->p->mdwe)
		return 0;
	if (!has_own_ns(r, CLONE_NEWPID) || !r->h->memfd_noexec)
		return cannot(r, POLICY_RUN, NULL, "memory can be executed as a file: %s",
			      r->h->memfd_noexec ? "to forbid that needs a pid namespace of the container's own"
						 : "this kernel cannot forbid it (Linux 6.3)");
	/* The setting is the host root's to write, whoever is root of the pid namespace. */
	if (has_own_ns(r, CLONE_NEWUSER)) {
		r->no_memory_files = true;
		return 0;
	}
	row = rows_add(r, &r->sysctl);
	if (!row)
		return -1;
	*row = (struct spec_kv){ .key = "vm/memfd_noexec", .value = "2", .at = "default#/permissions/run" };
	return 0;
}

/* The two depend on each other: who may run anything may load anything, and who may load anything can run it. */
static int check_pair(struct restricting *r, bool exec, bool load)
{
	const struct perm_rules *ffi = &r->g->of[POLICY_FFI];

	if (exec && !load)
		return warn(r, POLICY_RUN, "everything may be loaded as code, so that the loader can run what is not listed");
	if (!exec && load && (has_written(&ffi->allow) || has_written(&ffi->deny)))
		return cannot(r, POLICY_FFI, ffi->allow.n ? ffi->allow.v[0].from : ffi->deny.v[0].from,
			      "what is loaded cannot be limited where everything may be run");
	return !exec && load ? note(r, POLICY_FFI, "everything may be loaded, because everything may be run") : 0;
}

static void programs_done(struct programs *p)
{
	closing_done(&p->c);
}

int restrict_run_again(struct restricting *r)
{
	const bool exec = grip_of(r, POLICY_RUN) == GRIP_LISTED;

	r->code_listed = exec && grip_of(r, POLICY_FFI) == GRIP_LISTED;
	return restrict_memory(r, exec);
}

int restrict_run(struct restricting *r)
{
	bool exec = grip_of(r, POLICY_RUN) == GRIP_LISTED, load = grip_of(r, POLICY_FFI) == GRIP_LISTED;
	ps_auto(programs_done) struct programs p = { .r = r, .spans = ROWS(struct span), .dirs = ROWS(struct perm_place),
						     .exec = exec, .load = load };

	r->code_listed = exec && load;
	if (check_pair(r, exec, load) < 0)
		return -1;
	closing_init(&p.c, r->a, &r->view, restrict_search_path(r));
	if ((exec || load || grip_of(r, POLICY_READ) == GRIP_LISTED) &&
	    (add_seed(&p) < 0 || add_run_entries(&p) < 0 || add_ffi_entries(&p) < 0 || add_hooks(&p) < 0 ||
	     give_closures(&p) < 0 || give_dirs(&p) < 0))
		return -1;
	if (grip_of(r, POLICY_READ) == GRIP_LISTED && (!exec || !load) && give_system(r) < 0)
		return -1;
	if (r->code_listed)
		set_on_mounts(r, MOUNT_ATTR_NOEXEC, NULL);
	return deny_all(r, POLICY_RUN) < 0 || deny_all(r, POLICY_FFI) < 0 ? -1 : restrict_memory(r, exec);
}
