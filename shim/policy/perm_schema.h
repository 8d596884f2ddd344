/* SPDX-License-Identifier: Apache-2.0
 * perm_schema.h - the members of a policy document.  For perm_file.c.
 */
#pragma once
#include "oci/json.h"
#include "shim/policy/perm_builder.h"

enum perm_kind {
	PERM_KIND_POLICY,  /* a file of the operator */
	PERM_KIND_CEILING, /* the same, that extends nothing and may let annotations grant */
	PERM_KIND_NARROW,  /* an annotation: nothing that the operator alone may say */
	PERM_KIND_DENO,    /* the permissions of a deno.json */
};
struct perm_doc {
	struct ps_arena *arena;
	const char *file;          /* for messages and provenance */
	enum perm_kind kind;
	struct ps_err *e;
};

/*
 * All members of the root; `extends` and `permissionSets` may stand there, but are left to the caller.  Error PS_E_CONFIG
 * with the place.
 */
int perm_read_document(const struct perm_doc *d, const struct json *root, struct perm_builder *b);
/* An object like `permissions`. */
int perm_read_permissions(const struct perm_doc *d, const struct json *node, struct perm_builder *b);
