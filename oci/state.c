/* SPDX-License-Identifier: Apache-2.0
 * state.c - state.json, and the OCI state object made from it.
 */
#include "oci/state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"
#include "oci/spec.h"
#include "oci/state_file.h"

#define OCI_VERSION "1.3.0"

const char *state_status_name(enum state_status s)
{
	switch (s) {
#define X(sym, name, why) \
	case sym:         \
		return name;
	STATE_STATUSES(X)
#undef X
	}
	return "unknown";
}

/* ---- state.json as a table: kind, name in the file, member of struct state ---- */

enum field_kind { TEXT, FOLDER, PID, UID, U64, BOOL };
#define STATE_FIELDS(X)                       \
	X(TEXT, "id", id)                     \
	X(TEXT, "bundle", bundle)             \
	X(TEXT, "rootfs", rootfs)             \
	X(TEXT, "created", created)           \
	X(PID, "pid", pid)                    \
	X(U64, "pidStart", pid_start)         \
	X(PID, "launcher", launcher)          \
	X(U64, "launcherStart", launcher_start) \
	X(TEXT, "bootId", boot_id)            \
	X(UID, "owner", owner)                \
	X(TEXT, "tape", tape)                 \
	X(TEXT, "pod", pod)                   \
	X(TEXT, "unit", unit)                 \
	X(BOOL, "unitUser", unit_user)        \
	X(FOLDER, "rdtMonitor", rdt_dirs[0])    \
	X(FOLDER, "rdtGroup", rdt_dirs[1])      \
	X(BOOL, "exposed", exposed) \
	X(BOOL, "permissions", permitted) \
	X(BOOL, "ownsCgroups", owns_cgroups) \
	X(BOOL, "poststart", has_poststart) \
	X(BOOL, "poststop", has_poststop)

static const struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, size;
} fields[] = {
#define X(kind, name, member) { name, kind, offsetof(struct state, member), sizeof(((struct state *)0)->member) },
	STATE_FIELDS(X)
#undef X
};

static void write_field(struct ps_jsonw *w, const struct field *f, const struct state *st)
{
	const void *p = (const char *)st + f->offset;

	switch (f->kind) {
	case TEXT:
		ps_jw_str(w, f->name, p);
		return;
	case FOLDER:
		if (*(const char *)p)
			ps_jw_str(w, f->name, p);
		return;
	case PID:
		ps_jw_int(w, f->name, *(const pid_t *)p);
		return;
	case UID:
		ps_jw_uint(w, f->name, *(const uid_t *)p);
		return;
	case U64:
		ps_jw_uint(w, f->name, *(const uint64_t *)p);
		return;
	case BOOL:
		ps_jw_bool(w, f->name, *(const bool *)p);
		return;
	}
}

void state_format(struct ps_buf *out, const struct state *st)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "version", STATE_FILE_VERSION);
	ps_jw_str(&w, "status", state_status_name(st->status));
	for (size_t i = 0; i < PS_COUNT(fields); i++)
		write_field(&w, &fields[i], st);
	ps_jw_array(&w, "cgroupDirs");
	for (unsigned i = 0; i < st->n_cgroup_dirs; i++)
		ps_jw_str(&w, NULL, st->cgroup_dirs[i]);
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
}

/* ---- Reading it ---- */

static int wrong_type(const struct json *v, const char *wanted, struct ps_err *e)
{
	return json_fail(v, STATE_FILE, e, "is %s, must be %s", json_type_name(v->type), wanted);
}

static int read_text(const struct json *v, char *out, size_t size, struct ps_err *e)
{
	size_t len;

	if (v->type != JSON_STRING)
		return wrong_type(v, "a string", e);
	len = strlen(v->v.s);
	if (len >= size)
		return json_fail(v, STATE_FILE, e, "has %zu bytes, at most %zu fit", len, size - 1);
	memcpy(out, v->v.s, len + 1);
	return 0;
}

static int read_number(const struct json *v, uint64_t max, uint64_t *ret, struct ps_err *e)
{
	uint64_t n;

	if (v->type == JSON_UINT)
		n = v->v.u;
	else if (v->type == JSON_INT && v->v.i >= 0)
		n = (uint64_t)v->v.i;
	else
		return wrong_type(v, "a number from 0", e);
	if (n > max)
		return json_fail(v, STATE_FILE, e, "is out of range");
	*ret = n;
	return 0;
}

/* These directories are removed later: absolute, and nothing that climbs. */
static bool dir_ok(const char *path)
{
	size_t len = strlen(path);

	return path[0] == '/' && !strstr(path, "/../") && (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

static int read_dir(const struct json *v, char *out, size_t size, struct ps_err *e)
{
	if (read_text(v, out, size, e) < 0)
		return -1;
	return dir_ok(out) ? 0 : json_fail(v, STATE_FILE, e, "is not an absolute clean path");
}

static int read_field(const struct field *f, const struct json *v, struct state *st, struct ps_err *e)
{
	void *p = (char *)st + f->offset;
	uint64_t n;

	switch (f->kind) {
	case TEXT:
		return read_text(v, p, f->size, e);
	case FOLDER:
		return read_dir(v, p, f->size, e);
	case PID:
		if (read_number(v, INT_MAX, &n, e) < 0)
			return -1;
		*(pid_t *)p = (pid_t)n;
		return 0;
	case UID:
		if (read_number(v, UINT32_MAX, &n, e) < 0)
			return -1;
		*(uid_t *)p = (uid_t)n;
		return 0;
	case U64:
		return read_number(v, UINT64_MAX, p, e);
	case BOOL:
		if (v->type != JSON_BOOL)
			return wrong_type(v, "true or false", e);
		*(bool *)p = v->v.b;
		return 0;
	}
	return ps_fail(e, PS_E_BUG, "field '%s' has no kind", f->name);
}

static int read_status(const struct json *v, struct state *st, struct ps_err *e)
{
	char text[16];

	if (read_text(v, text, sizeof(text), e) < 0)
		return -1;
	for (enum state_status s = STATE_CREATING; s < STATE_STOPPED; s++) {
		if (strcmp(text, state_status_name(s)) == 0) {
			st->status = s;
			return 0;
		}
	}
	return json_fail(v, STATE_FILE, e, "'%s' is not a stored status", text);
}

static int read_cgroup_dirs(const struct json *v, struct state *st, struct ps_err *e)
{
	if (v->type != JSON_ARRAY)
		return wrong_type(v, "an array", e);
	if (v->v.list.n > PS_COUNT(st->cgroup_dirs))
		return json_fail(v, STATE_FILE, e, "has %zu items, at most %zu fit", v->v.list.n,
				 PS_COUNT(st->cgroup_dirs));
	for (size_t i = 0; i < v->v.list.n; i++) {
		const struct json *item = &v->v.list.items[i];

		if (read_dir(item, st->cgroup_dirs[i], sizeof(st->cgroup_dirs[i]), e) < 0)
			return -1;
	}
	st->n_cgroup_dirs = (unsigned)v->v.list.n;
	return 0;
}

static int read_member(const struct json *v, struct state *st, struct ps_err *e)
{
	uint64_t version;

	for (size_t i = 0; i < PS_COUNT(fields); i++)
		if (strcmp(v->key, fields[i].name) == 0)
			return read_field(&fields[i], v, st, e);
	if (strcmp(v->key, "status") == 0)
		return read_status(v, st, e);
	if (strcmp(v->key, "cgroupDirs") == 0)
		return read_cgroup_dirs(v, st, e);
	/* Of records that an older version has written. */
	if (strcmp(v->key, "cgroup") == 0 || strcmp(v->key, "rootless") == 0)
		return 0;
	if (strcmp(v->key, "version") != 0)
		return json_fail(v, STATE_FILE, e, "is not a known member");
	if (read_number(v, UINT64_MAX, &version, e) < 0)
		return -1;
	return version == STATE_FILE_VERSION ? 0 : json_fail(v, STATE_FILE, e, "is not version %d", STATE_FILE_VERSION);
}

int state_parse(const char *text, size_t n, struct state *ret, struct ps_err *e)
{
	static const char *const required[] = { "version", "status", "id", "bundle", "bootId" };
	ps_auto_arena struct ps_arena arena = { .head = NULL };
	struct json *root = NULL;

	if (n > STATE_FILE_MAX)
		return ps_fail(e, PS_E_CONFIG, "%s is larger than %d bytes", STATE_FILE, STATE_FILE_MAX);
	if (json_parse(&arena, STATE_FILE, text, n, &root, e) < 0)
		return -1;
	if (!root || root->type != JSON_OBJECT)
		return ps_fail(e, PS_E_CONFIG, "%s holds no object", STATE_FILE);
	for (size_t i = 0; i < PS_COUNT(required); i++)
		if (!json_get(root, required[i]))
			return json_fail(root, STATE_FILE, e, "has no '%s'", required[i]);
	*ret = (struct state){ .pid = 0 };
	for (size_t i = 0; i < root->v.list.n; i++)
		if (read_member(&root->v.list.items[i], ret, e) < 0)
			return -1;
	return 0;
}

/* ---- The OCI state object ---- */

void state_owner_name(const struct state *st, char *out, size_t size)
{
	(void)snprintf(out, size, st->owner == 0 ? "root" : "%u", (unsigned)st->owner);
}

static void write_annotations(struct ps_jsonw *w, const struct spec_kvs *annotations)
{
	if (!annotations || !annotations->n)
		return;
	ps_jw_object(w, "annotations");
	for (size_t i = 0; i < annotations->n; i++)
		ps_jw_str(w, annotations->v[i].key, annotations->v[i].value);
	ps_jw_end_object(w);
}

/* The order of members is runc's: of specs-go's State for hooks, of its own for `state`. */
void state_write_oci(struct ps_buf *out, unsigned indent, const struct state *st, enum state_status status, pid_t pid,
		     const struct spec_kvs *annotations)
{
	struct ps_jsonw w = { .out = out, .indent = indent };
	char owner[16];

	if (status == STATE_STOPPED)
		pid = 0;
	state_owner_name(st, owner, sizeof(owner));
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "ociVersion", OCI_VERSION);
	ps_jw_str(&w, "id", st->id);
	if (indent) {
		ps_jw_int(&w, "pid", pid);
		ps_jw_str(&w, "status", state_status_name(status));
	} else {
		ps_jw_str(&w, "status", state_status_name(status));
		ps_jw_int(&w, "pid", pid);
	}
	ps_jw_str(&w, "bundle", st->bundle);
	if (indent) {
		ps_jw_str(&w, "rootfs", st->rootfs);
		ps_jw_str(&w, "created", st->created);
	}
	write_annotations(&w, annotations);
	if (indent) {
		ps_jw_str(&w, "owner", owner);
		if (st->tape[0])
			ps_jw_str(&w, "shm", st->tape);
		if (st->unit[0])
			ps_jw_str(&w, "systemd-scope", st->unit);
	}
	ps_jw_end_object(&w);
}
