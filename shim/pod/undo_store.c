/* SPDX-License-Identifier: Apache-2.0
 * undo_store.c - where stores are, and their records.
 */
#include "shim/pod/undo_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/json.h"
#include "oci/state.h"
#include "shim/sandbox/rootless.h"

enum { RECORD_MAX = 16 * 1024 * 1024 };

/* ---- Folders ---- */

/* An ordinary user's home may be a word in a file and no more. */
static bool is_ours(const char *dir)
{
	struct stat st;

	return dir && dir[0] == '/' && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static int base_path(char out[PATH_MAX], struct ps_err *e)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const bool is_root = rootless_uid() == 0;
	int n;

	if (state && state[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/podshim/undo", state);
	else if (is_root)
		n = snprintf(out, PATH_MAX, "/var/lib/podshim/undo");
	else if (is_ours(home))
		n = snprintf(out, PATH_MAX, "%s/.local/state/podshim/undo", home);
	else
		n = snprintf(out, PATH_MAX, "/var/tmp/podshim-%u/undo", rootless_uid());
	if (n < 0 || n >= PATH_MAX)
		return ps_fail(e, PS_E_USAGE, "XDG_STATE_HOME is too long a name");
	return 0;
}

int undo_root_path(const char *root, char out[PATH_MAX], struct ps_err *e)
{
	char base[PATH_MAX];
	int n;

	if (base_path(base, e) < 0)
		return -1;
	n = snprintf(out, PATH_MAX, "%s/%016llx", base, (unsigned long long)ps_fnv64(PS_FNV64_INIT, root, strlen(root)));
	return n < PATH_MAX ? 0 : ps_fail(e, PS_E_USAGE, "XDG_STATE_HOME is too long a name");
}

int undo_open_root(const char *root, bool make, int *ret_fd, struct ps_err *e)
{
	char base[PATH_MAX], path[PATH_MAX];
	ps_auto_fd int base_fd = -1;
	ps_auto_fd int fd = -1;
	struct stat st;

	if (base_path(base, e) < 0 || undo_root_path(root, path, e) < 0)
		return -1;
	if (state_root_open(base, make, &base_fd, e) < 0)
		return -1;
	/* What is in it may be set-user-ID. */
	if (fstat(base_fd, &st) < 0 || (st.st_mode & 077))
		return ps_fail(e, PS_E_DENIED, "folder '%s' can be entered by others (mode %04o)", base, st.st_mode & 07777);
	const char *name = strrchr(path, '/') + 1;

	if (make && mkdirat(base_fd, name, 0700) < 0 && errno != EEXIST)
		return ps_fail_os(e, "make '%s'", path);
	fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ps_fail(e, PS_E_NOTFOUND, "no changes are kept");
	if (fd < 0)
		return ps_fail_os(e, "open '%s'", path);
	*ret_fd = ps_take_fd(&fd);
	return 0;
}

/* ---- Records ---- */

static void put_place(struct ps_jsonw *w, const struct undo_place *p)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "name", p->name);
	ps_jw_str(w, "source", p->source);
	ps_jw_str(w, "target", p->target);
	ps_jw_bool(w, "file", p->is_file);
	ps_jw_uint(w, "dev", p->dev);
	ps_jw_uint(w, "ino", p->ino);
	ps_jw_array(w, "made");
	for (size_t i = 0; i < p->made.n; i++)
		ps_jw_str(w, NULL, p->made.v[i]);
	ps_jw_end_array(w);
	ps_jw_end_object(w);
}

int undo_write_record(int store_fd, const struct undo_record *r, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct ps_jsonw w = { .out = &text };

	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, "undo", 1);
	ps_jw_str(&w, "id", r->id);
	ps_jw_str(&w, "root", r->root);
	ps_jw_int(&w, "secs", r->secs);
	ps_jw_uint(&w, "nsecs", r->nsecs);
	ps_jw_bool(&w, "inMemory", r->in_memory);
	ps_jw_array(&w, "places");
	for (size_t i = 0; i < r->n; i++)
		put_place(&w, &r->places[i]);
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	if (text.failed)
		return ps_fail(e, PS_E_OS, "memory for the record of changes");
	return ps_write_atomic_at(store_fd, UNDO_RECORD, text.data, text.len, 0600, e);
}

static const char *str_of(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->v.s : NULL;
}

static uint64_t uint_of(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_INT && v->v.i >= 0 ? (uint64_t)v->v.i : v && v->type == JSON_UINT ? v->v.u : 0;
}

static bool bool_of(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_BOOL && v->v.b;
}

static int read_place(struct ps_arena *a, const struct json *o, struct undo_place *ret)
{
	const struct json *made = json_get(o, "made");
	const size_t n = made && made->type == JSON_ARRAY ? made->v.list.n : 0;
	const char **v = ps_arena_array(a, n + 1, sizeof(*v));

	*ret = (struct undo_place){ .name = str_of(o, "name"), .source = str_of(o, "source"), .target = str_of(o, "target"),
				    .is_file = bool_of(o, "file"), .dev = uint_of(o, "dev"), .ino = uint_of(o, "ino") };
	if (!v || !ret->name || !ret->source || !ret->target || ret->source[0] != '/' || strchr(ret->name, '/') || ret->name[0] == '.')
		return -1;
	for (size_t i = 0; i < n; i++)
		if (made->v.list.items[i].type == JSON_STRING)
			v[ret->made.n++] = made->v.list.items[i].v.s;
	ret->made.v = v;
	return 0;
}

static int read_record(struct ps_arena *a, int store_fd, const char *id, const struct undo_record **ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct undo_record *r = ps_arena_new(a, struct undo_record);
	struct undo_place *places;
	struct json *doc;

	if (!r)
		return ps_fail_os(e, "memory for the changes of '%s'", id);
	if (ps_read_file_at(store_fd, UNDO_RECORD, RECORD_MAX, &text, e) < 0 ||
	    json_parse(a, UNDO_RECORD, text.data ? text.data : "", text.len, &doc, e) < 0)
		return ps_ctx(e, "changes of '%s'", id);
	const struct json *list = json_get(doc, "places");

	*r = (struct undo_record){ .id = str_of(doc, "id"), .root = str_of(doc, "root"), .secs = (int64_t)uint_of(doc, "secs"),
				   .nsecs = (uint32_t)uint_of(doc, "nsecs"), .in_memory = bool_of(doc, "inMemory") };
	if (uint_of(doc, "undo") != 1 || !r->id || !r->root || !list || list->type != JSON_ARRAY)
		return ps_fail(e, PS_E_CONFIG, "changes of '%s': its record is not one of this version", id);
	places = ps_arena_array(a, list->v.list.n + 1, sizeof(*places));
	if (!places)
		return ps_fail_os(e, "memory for the changes of '%s'", id);
	for (r->n = 0; r->n < list->v.list.n; r->n++)
		if (read_place(a, &list->v.list.items[r->n], &places[r->n]) < 0)
			return ps_fail(e, PS_E_CONFIG, "changes of '%s': place %zu of its record is broken", id, r->n);
	r->places = places;
	*ret = r;
	return 0;
}

int undo_open(struct ps_arena *a, const char *root, const char *id, int lock, int *ret_fd, const struct undo_record **ret,
	      struct ps_err *e)
{
	ps_auto_fd int root_fd = -1;
	ps_auto_fd int fd = -1;
	struct ps_err why = { 0 };

	if (undo_open_root(root, /* make= */ false, &root_fd, &why) < 0 && why.cls != PS_E_NOTFOUND) {
		if (e)
			*e = why;
		return -1;
	}
	fd = root_fd < 0 ? -1 : openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root_fd < 0 || (fd < 0 && errno == ENOENT))
		return ps_fail(e, PS_E_NOTFOUND, "no changes of '%s' are kept", id);
	if (fd < 0)
		return ps_fail_os(e, "open the changes of '%s'", id);
	if (lock && flock(fd, lock | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? ps_fail(e, PS_E_STATE, "the changes of '%s' are in use: it runs, or another podshim works on them", id)
					    : ps_fail_os(e, "lock the changes of '%s'", id);
	if (read_record(a, fd, id, ret, e) < 0)
		return -1;
	*ret_fd = ps_take_fd(&fd);
	return 0;
}
