/* SPDX-License-Identifier: Apache-2.0
 * perm_schema.c - the members of a policy document, strictly: one table per object, what is in none is an error.
 */
#include "shim/policy/perm_schema.h"

#include <string.h>

#include "base/num.h"
#include "base/scope.h"
#include "base/table.h"

struct reader {
	const struct perm_doc *d;
	struct perm_builder *b;
	struct perm_settings *s;
	enum policy_permission permission;
	struct ps_err *e;
};
/* One member of an object. */
struct member {
	const char *name;
	int (*read)(const struct reader *r, const struct json *node);
	bool operator_only;   /* not in an annotation */
	unsigned permissions; /* 1 << permission: only below these; 0: everywhere */
};

#define fail_at(r, node, ...) json_fail((node), (r)->d->file, (r)->e, __VA_ARGS__)

static int fail_memory(const struct reader *r)
{
	return ps_fail_os(r->e, "read the policy '%s'", r->d->file);
}

/* An error of a value gets the place where the value stands. */
static int place(const struct reader *r, const struct json *node)
{
	if (!r->e || r->e->cls == PS_E_OS)
		return -1;
	return fail_at(r, node, "%s", r->e->msg);
}

/* "FILE#/pointer", NULL with the error. */
static const char *from_of(const struct reader *r, const struct json *node)
{
	char pointer[256];
	const char *from = ps_arena_printf(r->d->arena, "%s#%s", r->d->file,
					   json_pointer(node, pointer, sizeof(pointer)));

	if (!from)
		(void)fail_memory(r);
	return from;
}

static int expect(const struct reader *r, const struct json *node, enum json_type type, const char *want)
{
	return node->type == type
		       ? 0
		       : fail_at(r, node, "expected %s, found %s", want, json_type_name(node->type));
}

static bool is_known(const struct reader *r, const struct member *m)
{
	return m->name && (!m->permissions || m->permissions & 1U << r->permission);
}

static int unknown_member(const struct reader *r, const struct json *node, const struct member *members,
			  size_t n)
{
	const char *names[16], *best;

	for (size_t i = 0; i < n && i < PS_COUNT(names); i++)
		names[i] = is_known(r, &members[i]) ? members[i].name : NULL;
	best = ps_closest(node->key, names, n);
	return fail_at(r, node, "unknown member '%.60s'%s%s%s", node->key, best ? " (did you mean '" : "",
		       best ? best : "", best ? "'?)" : "");
}

static int read_object(const struct reader *r, const struct json *node, const struct member *members,
		       size_t n)
{
	if (expect(r, node, JSON_OBJECT, "an object") < 0)
		return -1;
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		size_t k = 0;
		while (k < n && (!is_known(r, &members[k]) || strcmp(members[k].name, item->key) != 0))
			k++;
		if (k == n)
			return unknown_member(r, item, members, n);
		if (members[k].operator_only && r->d->kind == PERM_KIND_NARROW)
			return fail_at(r, item, "only the operator can say this, an annotation cannot");
		if (members[k].read && members[k].read(r, item) < 0)
			return -1;
	}
	return 0;
}
#define READ_OBJECT(r, node, members) read_object((r), (node), (members), PS_COUNT(members))

static int read_opt_bool(const struct reader *r, const struct json *node, struct opt_bool *ret)
{
	if (expect(r, node, JSON_BOOL, "true or false") < 0)
		return -1;
	*ret = (struct opt_bool){ true, node->v.b };
	return 0;
}

static int read_text(const struct reader *r, const struct json *node, const char **ret)
{
	if (expect(r, node, JSON_STRING, "a string") < 0)
		return -1;
	if (perm_check_text(node->v.s, r->e) < 0)
		return place(r, node);
	*ret = node->v.s;
	return 0;
}

/* ---- permissions ---- */
static int read_list(const struct reader *r, const struct json *node, enum policy_action act)
{
	const char *from = from_of(r, node);

	if (!from)
		return -1;
	if (node->type == JSON_STRING)
		return fail_at(r, node, "expected true, false or a list, found a string: write [\"%.60s\"]",
			       node->v.s);
	if (node->type != JSON_BOOL && expect(r, node, JSON_ARRAY, "true, false or a list") < 0)
		return -1;
	if (act == POLICY_ALLOW)
		perm_builder_mention(r->b, r->permission, from);
	if (node->type == JSON_BOOL)
		return node->v.b && perm_builder_item(r->b, r->permission, act, NULL, from, r->e) < 0
			       ? place(r, node)
			       : 0;
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		if (expect(r, item, JSON_STRING, "a string") < 0)
			return -1;
		from = from_of(r, item);
		if (!from)
			return -1;
		if (perm_builder_item(r->b, r->permission, act, item->v.s, from, r->e) < 0)
			return place(r, item);
	}
	return 0;
}

static int read_allow(const struct reader *r, const struct json *node)
{
	return read_list(r, node, POLICY_ALLOW);
}
static int read_deny(const struct reader *r, const struct json *node)
{
	return read_list(r, node, POLICY_DENY);
}
static int read_warn(const struct reader *r, const struct json *node)
{
	return read_list(r, node, POLICY_WARN);
}
static int read_ignore(const struct reader *r, const struct json *node)
{
	return read_list(r, node, POLICY_IGNORE);
}

static int read_undo(const struct reader *r, const struct json *node)
{
	return read_opt_bool(r, node, &r->s->undo);
}
static int read_jit(const struct reader *r, const struct json *node)
{
	return read_opt_bool(r, node, &r->s->jit);
}

static int read_variable_name(const struct reader *r, const struct json *node)
{
	return perm_check_variable(node->key, r->e) < 0 ? place(r, node) : 0;
}

static int read_set(const struct reader *r, const struct json *node)
{
	if (expect(r, node, JSON_OBJECT, "an object of variables") < 0)
		return -1;
	struct spec_kv *v = ps_arena_array(r->d->arena, node->v.list.n, sizeof(*v));
	if (!v)
		return fail_memory(r);
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		if (read_variable_name(r, item) < 0 || expect(r, item, JSON_STRING, "a string") < 0)
			return -1;
		v[i] = (struct spec_kv){ item->key, item->v.s, from_of(r, item) };
		if (!v[i].at)
			return -1;
	}
	r->s->env_set = (struct spec_kvs){ v, node->v.list.n };
	return 0;
}

static int read_only(const struct reader *r, const struct json *node, struct spec_strs *ret)
{
	if (expect(r, node, JSON_ARRAY, "a list of programs") < 0)
		return -1;
	const char **v = ps_arena_array(r->d->arena, node->v.list.n + 1, sizeof(*v));
	if (!v)
		return fail_memory(r);
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		if (read_text(r, item, &v[i]) < 0)
			return -1;
		if (*v[i] != '/')
			return fail_at(r, item, "must be an absolute path, not '%.60s'", v[i]);
	}
	*ret = (struct spec_strs){ v, node->v.list.n };
	return 0;
}

static int check_secret_source(const struct reader *r, const struct json *node, const char *source)
{
	bool file = !strncmp(source, "file:/", 6), env = !strncmp(source, "env:", 4) && source[4];

	if (!file && !env)
		return fail_at(r, node, "must be file:/PATH or env:NAME, not '%.60s'", source);
	return env && perm_check_variable(source + 4, r->e) < 0 ? place(r, node) : 0;
}

static int read_secret(const struct reader *r, const struct json *node, struct perm_secret *ret)
{
	static const struct member known[] = { { .name = "from" }, { .name = "only" } };
	const struct json *from = json_get(node, "from"), *only = json_get(node, "only");

	if (READ_OBJECT(r, node, known) < 0 || read_variable_name(r, node) < 0)
		return -1;
	if (!from)
		return fail_at(r, node, "has no 'from': file:/PATH or env:NAME");
	if (read_text(r, from, &ret->source) < 0 || check_secret_source(r, from, ret->source) < 0)
		return -1;
	if (only && read_only(r, only, &ret->only) < 0)
		return -1;
	ret->name = node->key;
	ret->from = from_of(r, node);
	return ret->from ? 0 : -1;
}

static int read_secrets(const struct reader *r, const struct json *node)
{
	if (expect(r, node, JSON_OBJECT, "an object of secrets") < 0)
		return -1;
	struct perm_secret *v = ps_arena_array(r->d->arena, node->v.list.n, sizeof(*v));
	if (!v)
		return fail_memory(r);
	for (size_t i = 0; i < node->v.list.n; i++)
		if (read_secret(r, &node->v.list.items[i], &v[i]) < 0)
			return -1;
	r->s->secrets = v;
	r->s->n_secrets = node->v.list.n;
	return 0;
}

static int read_permission(const struct reader *r, const struct json *node, enum policy_permission p)
{
	static const struct member members[] = {
		{ "allow", read_allow, false, 0 },
		{ "deny", read_deny, false, 0 },
		{ "warn", read_warn, false, 0 },
		{ "ignore", read_ignore, false, 1U << POLICY_READ | 1U << POLICY_ENV },
		{ "undo", read_undo, true, 1U << POLICY_WRITE },
		{ "set", read_set, true, 1U << POLICY_ENV },
		{ "secrets", read_secrets, true, 1U << POLICY_ENV },
		{ "jit", read_jit, true, 1U << POLICY_FFI },
	};
	struct reader below = *r;

	below.permission = p;
	if (node->type != JSON_OBJECT)
		return read_allow(&below, node);
	return READ_OBJECT(&below, node, members);
}

static int read_all(const struct reader *r, const struct json *node)
{
	const char *from = from_of(r, node);

	if (!from || expect(r, node, JSON_BOOL, "true or false") < 0)
		return -1;
	if (node->v.b)
		perm_builder_allow_all(r->b, from);
	return 0;
}

static int refuse_import(const struct reader *r, const struct json *node)
{
	if (r->d->kind == PERM_KIND_DENO)
		return 0;
	return fail_at(r, node,
		       "there is no permission to import: what a program loads is in net, read and ffi");
}

#define X(sym, name)                                                           \
	static int read_##sym(const struct reader *r, const struct json *node) \
	{                                                                      \
		return read_permission(r, node, POLICY_##sym);                 \
	}
POLICY_PERMISSIONS(X)
#undef X

static int read_permissions(const struct reader *r, const struct json *node)
{
	static const struct member members[] = {
#define X(sym, name) { name, read_##sym, false, 0 },
		POLICY_PERMISSIONS(X)
#undef X
		{ "all", read_all, true, 0 },
		{ "import", refuse_import, false, 0 },
	};

	return READ_OBJECT(r, node, members);
}

/* ---- limits ---- */
static int read_limit(const struct reader *r, const struct json *node, struct perm_limit *ret,
		      const char *what, int (*parse)(const char *, uint64_t *), uint64_t unit)
{
	uint64_t v = 0;
	bool ok;

	if (node->type == JSON_STRING)
		ok = parse(node->v.s, &v) == 0;
	else
		ok = node->type == JSON_INT && node->v.i >= 0 &&
		     !__builtin_mul_overflow((uint64_t)node->v.i, unit, &v);
	if (!ok)
		return fail_at(r, node, "expected %s", what);
	if (!v)
		return fail_at(r, node, "must be more than 0");
	*ret = (struct perm_limit){ true, v, from_of(r, node) };
	return ret->from ? 0 : -1;
}

#define SIZE "a size in bytes, as in 4096, \"512M\" or \"1.5G\""
static int read_memory(const struct reader *r, const struct json *node)
{
	return read_limit(r, node, &r->s->memory, SIZE, ps_parse_size, 1);
}

static int read_output(const struct reader *r, const struct json *node)
{
	return read_limit(r, node, &r->s->output, SIZE, ps_parse_size, 1);
}

static int read_disk(const struct reader *r, const struct json *node)
{
	return read_limit(r, node, &r->s->disk, SIZE, ps_parse_size, 1);
}

static int read_pids(const struct reader *r, const struct json *node)
{
	return read_limit(r, node, &r->s->pids, "a number of processes, as in 64", ps_parse_u64, 1);
}

static int read_wall(const struct reader *r, const struct json *node)
{
	return read_limit(r, node, &r->s->wall_ms,
			  "a duration, as in \"60s\", \"500ms\" or \"2h\"; without a unit: seconds",
			  ps_parse_time, 1000);
}

static int read_cpu(const struct reader *r, const struct json *node)
{
	double d = node->type == JSON_DOUBLE ? node->v.d : 0;

	if (d > 0 && d < 1e6) {
		r->s->cpu = (struct perm_limit){ true, (uint64_t)(d * 1000 + 0.5), from_of(r, node) };
		return r->s->cpu.from ? 0 : -1;
	}
	return read_limit(r, node, &r->s->cpu, "a number of CPUs, as in 2 or \"1.5\"", ps_parse_cpus, 1000);
}

static int read_limits(const struct reader *r, const struct json *node)
{
	static const struct member members[] = {
		{ "memory", read_memory, false, 0 }, { "pids", read_pids, false, 0 },
		{ "cpu", read_cpu, false, 0 },	     { "wall", read_wall, false, 0 },
		{ "output", read_output, false, 0 }, { "disk", read_disk, false, 0 },
	};

	return READ_OBJECT(r, node, members);
}

/* ---- audit ---- */
enum { ALL_PERMISSIONS = (1U << POLICY_N_PERMISSIONS) - 1 };

/* true, false, "all", "none", or a list of permissions. */
static int read_audited(const struct reader *r, const struct json *node, unsigned *ret)
{
	unsigned bits = 0;

	r->s->audit.set = true;
	if (node->type == JSON_BOOL ||
	    (node->type == JSON_STRING && (!strcmp(node->v.s, "all") || !strcmp(node->v.s, "none")))) {
		*ret = (node->type == JSON_BOOL ? node->v.b : !strcmp(node->v.s, "all")) ? ALL_PERMISSIONS
											 : 0U;
		return 0;
	}
	if (expect(r, node, JSON_ARRAY, "\"all\", \"none\" or a list of permissions") < 0)
		return -1;
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *item = &node->v.list.items[i];
		unsigned p = 0;
		if (expect(r, item, JSON_STRING, "the name of a permission") < 0)
			return -1;
		while (p < POLICY_N_PERMISSIONS &&
		       strcmp(item->v.s, policy_permission_name((enum policy_permission)p)) != 0)
			p++;
		if (p == POLICY_N_PERMISSIONS)
			return fail_at(
				r, item,
				"'%.60s' is no permission: there are read, write, net, env, run, ffi and sys",
				item->v.s);
		bits |= 1U << p;
	}
	*ret = bits;
	return 0;
}

static int read_ms(const struct reader *r, const struct json *node, struct opt_u64 *ret)
{
	if (node->type != JSON_INT || node->v.i < 1 || node->v.i > 60000)
		return fail_at(r, node, "expected milliseconds, 1 to 60000");
	*ret = (struct opt_u64){ true, (uint64_t)node->v.i };
	return 0;
}

static int read_audit_allowed(const struct reader *r, const struct json *node)
{
	return read_audited(r, node, &r->s->audit.allowed);
}
static int read_audit_denied(const struct reader *r, const struct json *node)
{
	return read_audited(r, node, &r->s->audit.denied);
}
static int read_batch(const struct reader *r, const struct json *node)
{
	return read_ms(r, node, &r->s->audit.batch_ms);
}
static int read_broadcast(const struct reader *r, const struct json *node)
{
	return read_ms(r, node, &r->s->audit.broadcast_ms);
}

static int read_audit(const struct reader *r, const struct json *node)
{
	static const struct member members[] = {
		{ "allowed", read_audit_allowed, false, 0 },
		{ "denied", read_audit_denied, false, 0 },
		{ "batchMs", read_batch, false, 0 },
		{ "broadcastMs", read_broadcast, false, 0 },
	};

	/* What is denied is told unless somebody says otherwise. */
	r->s->audit.denied = ALL_PERMISSIONS;
	return READ_OBJECT(r, node, members);
}

/* ---- the root ---- */
static int read_version(const struct reader *r, const struct json *node)
{
	if (node->type != JSON_INT || node->v.i != 1)
		return fail_at(r, node, "expected 1, the version of policies that is known here");
	return 0;
}

static int read_mode(const struct reader *r, const struct json *node)
{
	if (expect(r, node, JSON_STRING, "a string") < 0)
		return -1;
	if (!perm_parse_mode(node->v.s, &r->s->mode.v))
		return fail_at(r, node, "'%.60s' is no mode: there are enforce, ask, learn and audit",
			       node->v.s);
	r->s->mode.set = true;
	r->s->mode.from = from_of(r, node);
	return r->s->mode.from ? 0 : -1;
}

static int read_enforcement(const struct reader *r, const struct json *node)
{
	if (expect(r, node, JSON_STRING, "a string") < 0)
		return -1;
	bool best_effort = !strcmp(node->v.s, "best-effort");
	if (!best_effort && strcmp(node->v.s, "strict") != 0)
		return fail_at(r, node, "'%.60s' is neither strict nor best-effort", node->v.s);
	r->s->best_effort = (struct opt_bool){ true, best_effort };
	return 0;
}

static int read_name(const struct reader *r, const struct json *node)
{
	return read_text(r, node, &r->s->name);
}
static int read_description(const struct reader *r, const struct json *node)
{
	return read_text(r, node, &r->s->description);
}

static int read_may_grant(const struct reader *r, const struct json *node)
{
	if (r->d->kind != PERM_KIND_CEILING)
		return fail_at(r, node, "only the ceiling can say this");
	if (expect(r, node, JSON_BOOL, "true or false") < 0)
		return -1;
	r->s->annotations_may_grant = node->v.b;
	return 0;
}

static int refuse_in_ceiling(const struct reader *r, const struct json *node)
{
	return r->d->kind == PERM_KIND_CEILING
		       ? fail_at(r, node, "a ceiling stands alone: it cannot have this")
		       : 0;
}

static struct reader reader_of(const struct perm_doc *d, struct perm_builder *b)
{
	return (struct reader){ .d = d, .b = b, .s = perm_builder_settings(b), .e = d->e };
}

int perm_read_document(const struct perm_doc *d, const struct json *root, struct perm_builder *b)
{
	static const struct member members[] = {
		{ "podshimPolicy", read_version, false, 0 },
		{ "$schema", NULL, false, 0 },
		{ "name", read_name, false, 0 },
		{ "description", read_description, false, 0 },
		{ "extends", refuse_in_ceiling, true, 0 },
		{ "mode", read_mode, true, 0 },
		{ "enforcement", read_enforcement, true, 0 },
		{ "permissions", read_permissions, false, 0 },
		{ "permissionSets", refuse_in_ceiling, true, 0 },
		{ "limits", read_limits, false, 0 },
		{ "audit", read_audit, true, 0 },
		{ "annotationsMayGrant", read_may_grant, true, 0 },
	};
	struct reader r = reader_of(d, b);

	return READ_OBJECT(&r, root, members);
}

int perm_read_permissions(const struct perm_doc *d, const struct json *node, struct perm_builder *b)
{
	struct reader r = reader_of(d, b);

	return read_permissions(&r, node);
}
