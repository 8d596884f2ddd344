/* SPDX-License-Identifier: Apache-2.0
 * spec_parse.c - config.json text to a checked spec: parse the JSON, fill the structs, apply the rules.
 */
#include <string.h>

#include "oci/spec_rules.h"
#include "oci/spec_schema.h"

/* Parse text as an object of that schema into a zeroed struct. */
static int read_document(struct ps_arena *a, const struct schema *s, const char *file, const char *text, size_t n,
			 void *into, struct ps_err *e)
{
	struct json *root;

	if (n > SPEC_MAX_BYTES) {
		(void)ps_fail(e, PS_E_CONFIG, "is larger than %d bytes", SPEC_MAX_BYTES);
		return ps_at(e, "%s", file);
	}
	if (json_parse(a, file, text, n, &root, e) < 0)
		return -1;
	return schema_fill(a, s, root, file, into, e);
}

/* Messages outlive the caller's file name. */
static struct spec *new_spec(struct ps_arena *a, const char *file, struct ps_err *e)
{
	struct spec *s = ps_arena_new(a, struct spec);
	char *name = ps_arena_strdup(a, file);

	if (!s || !name) {
		(void)ps_fail_os(e, "read '%s'", file);
		return NULL;
	}
	s->file = name;
	return s;
}

int spec_parse(struct ps_arena *a, const char *file, const char *text, size_t n, const struct spec **ret,
	       struct ps_err *e)
{
	struct spec *s = new_spec(a, file, e);

	if (!s || read_document(a, &schema_config, file, text, n, s, e) < 0 || spec_check(s, e) < 0)
		return -1;
	*ret = s;
	return 0;
}

int spec_parse_process(struct ps_arena *a, const char *file, const char *text, size_t n,
		       const struct spec_process **ret, struct ps_err *e)
{
	struct spec *s = new_spec(a, file, e);

	if (!s || read_document(a, &schema_process, file, text, n, &s->process, e) < 0)
		return -1;
	s->process.set = true;
	if (spec_check_rules(&rules_process, s, "", e) < 0)
		return -1;
	*ret = &s->process;
	return 0;
}

int spec_parse_resources(struct ps_arena *a, const char *file, const char *text, size_t n,
			 const struct spec_resources **ret, struct ps_err *e)
{
	struct spec *s = new_spec(a, file, e);

	if (!s || read_document(a, &schema_resources, file, text, n, &s->linux_.resources, e) < 0)
		return -1;
	s->linux_.resources.set = true;
	if (spec_check_rules(&rules_resources, s, "", e) < 0)
		return -1;
	*ret = &s->linux_.resources;
	return 0;
}

const char *spec_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		if (!strcmp(s->annotations.v[i].key, key))
			return s->annotations.v[i].value;
	return NULL;
}
