/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_rdt.c - linux.intelRdt: which group of resctrl, and the lines of its schemata.
 */
#include <string.h>

#include "shim/policy/policy_oci.h"

struct lines {
	const char **v;
	size_t n;
};

static bool is_bandwidth(const char *line)
{
	return !strncmp(line, "MB:", 3);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (const char *c = text ? text : ""; *c; c++)
		n += *c == '\n';
	return n;
}

/* The lines of text that say anything; without those about bandwidth where another member has them. */
static int add_lines(struct from_oci *f, struct lines *l, const char *text, bool no_bandwidth)
{
	for (const char *at = text ? text : ""; *at;) {
		at += strspn(at, " \t\n");
		const size_t n = strcspn(at, "\n");

		if (n && !(no_bandwidth && is_bandwidth(at))) {
			const char *line = ps_arena_printf(f->arena, "%.*s", (int)n, at);

			if (!line)
				return ps_fail_os(f->e, "memory for the schemata");
			l->v[l->n++] = line;
		}
		at += n;
	}
	return 0;
}

int from_oci_rdt(struct from_oci *f, const struct spec_linux *s)
{
	const __typeof__(s->intel_rdt) *r = &s->intel_rdt;
	__typeof__(f->p->rdt) *out = &f->p->rdt;
	size_t most = count_lines(r->l3_cache_schema) + count_lines(r->mem_bw_schema);
	struct lines l = { .n = 0 };

	if (!r->set || (!has_text(r->clos_id) && !has_text(r->l3_cache_schema) && !has_text(r->mem_bw_schema) && !r->schemata.n &&
			!r->enable_monitoring))
		return 0;
	for (size_t i = 0; i < r->schemata.n; i++)
		most += count_lines(r->schemata.v[i]);
	l.v = from_oci_rows(f, most, sizeof(*l.v));
	out->from = from_oci_at(f, "/linux/intelRdt");
	if (!l.v || !out->from || add_lines(f, &l, r->l3_cache_schema, has_text(r->mem_bw_schema)) < 0 ||
	    add_lines(f, &l, r->mem_bw_schema, false) < 0)
		return -1;
	for (size_t i = 0; i < r->schemata.n; i++)
		if (add_lines(f, &l, r->schemata.v[i], false) < 0)
			return -1;
	if (has_text(r->clos_id))
		out->group = strcmp(r->clos_id, "/") != 0 ? r->clos_id : "";
	out->schemata = (struct spec_strs){ l.v, l.n };
	out->must_exist = out->group && !l.n;
	out->monitor = r->enable_monitoring;
	return 0;
}
