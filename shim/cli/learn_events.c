/* SPDX-License-Identifier: Apache-2.0
 * learn_events.c - the events of all runs that were learned from, out of one file of JSON lines.
 */
#include "shim/cli/learn_events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "oci/json.h"
#include "shim/cli/audit_lines.h"

static const char *text_of(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->v.s : "";
}

static unsigned run_of(struct learn_runs *r, const char *id)
{
	for (unsigned i = r->n; i--;)
		if (!strcmp(r->id[i], id))
			return i;
	if (r->n < LEARN_RUNS_MAX)
		r->n++;
	(void)snprintf(r->id[r->n - 1], sizeof(r->id[0]), "%s", id);
	return r->n - 1;
}

static enum learn_kind kind_of(const char *action)
{
	static const char *const actions[] = { [LEARN_USE] = "", [LEARN_LIST] = "list", [LEARN_CREATE] = "create", [LEARN_JIT] = "jit",
						[LEARN_LINK] = "link" };
	size_t i = PS_COUNT(actions);

	while (--i && strcmp(actions[i], action) != 0)
		;
	return (enum learn_kind)i;
}

/* false: a line that tells of nothing to learn. */
static bool read_access(struct ps_arena *a, const struct json *o, struct learn_runs *runs, struct learn_access *x)
{
	const char *result = text_of(o, "result");

	x->kind = kind_of(text_of(o, "action"));
	x->q.permission = POLICY_FFI;
	if (strcmp(text_of(o, "kind"), "access") != 0)
		return false;
	if (x->kind != LEARN_JIT && !audit_query_parse(a, text_of(o, "perm"), text_of(o, "target"), &x->q))
		return false;
	x->target = x->q.value ? x->q.value : text_of(o, "target");
	x->happened = !strcmp(result, "allow") || !strcmp(result, "warn");
	x->run = run_of(runs, text_of(o, "id"));
	return true;
}

int learn_each(const char *file, struct learn_runs *runs, learn_each_fn *fn, void *ctx, struct ps_err *e)
{
	ps_auto_file FILE *f = fopen(file, "re");
	ps_auto_mem char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f)
		return ps_fail_os(e, "open '%s'", file);
	runs->untold = 0;
	while ((errno = 0, n = getline(&line, &size, f)) > 0) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct learn_access x = { .target = "" };
		struct ps_err why = { .cls = PS_OK };
		struct json *o;
		uint64_t dropped;

		if (audit_drop_parse(&a, line, (size_t)n, &dropped)) {
			runs->untold += dropped;
			continue;
		}
		if (json_parse(&a, file, line, (size_t)n, &o, &why) < 0)
			return ps_fail(e, PS_E_CONFIG, "'%s' holds a line that is no JSON: %s", file, why.msg);
		if (read_access(&a, o, runs, &x) && fn(ctx, &x, e) < 0)
			return -1;
	}
	return errno || ferror(f) ? ps_fail_os(e, "read '%s'", file) : 0;
}
