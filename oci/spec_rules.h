/* SPDX-License-Identifier: Apache-2.0
 * spec_rules.h - the cross-field rules of config.json: one row and one small function each.
 *
 * Private to oci/spec_*.c and their tests.  What a single field may hold is in the schema tables.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/table.h"
#include "oci/spec.h"

struct rule_ctx {
	const struct spec *s;
	const char *base; /* pointer of the object that the rules are about, "" in a document of its own */
	struct ps_err *e;
};
struct rule {
	const char *name;
	int (*check)(const struct rule_ctx *c);
};
struct rules {
	const struct rule *v;
	size_t n;
};
#define RULES(rows) { (rows), sizeof(rows) / sizeof((rows)[0]) }

extern const struct rules rules_document;         /* ociVersion, hooks */
extern const struct rules rules_process;          /* base "/process" */
extern const struct rules rules_mounts;
extern const struct rules rules_linux;            /* base "/linux" */
extern const struct rules rules_resources;        /* base "/linux/resources"; also for a partial document (update) */
extern const struct rules rules_resources_whole;  /* what holds only when nothing is inherited */
extern const struct rules rules_seccomp;          /* base "/linux/seccomp" */

/* Apply the rules in order; the first one that is broken is the error. */
int spec_check_rules(const struct rules *r, const struct spec *s, const char *base, struct ps_err *e);

/* ---- for the rule functions ---- */

/* PS_E_CONFIG at a place of the document; always -1. */
int rule_fail(const struct rule_ctx *c, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A place: printf into a buffer that lives as long as the enclosing block. */
#define RULE_AT(...) rule_at((char[512]){ 0 }, 512, __VA_ARGS__)
const char *rule_at(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "unknown <what> '<name>'" unless the table has the name.  Macros, so that `at` is only built for an error. */
#define RULE_KNOWN(c, table, name, what, at) \
	(ps_name_find((table), n_##table, (name)) ? 0 : rule_fail((c), (at), "unknown %s '%s'", (what), (name)))
#define RULE_ABSOLUTE(c, path, at) \
	(*(path) == '/' ? 0 : rule_fail((c), (at), "must be an absolute path, not '%s'", (path)))
/* Ranges neither overflow nor overlap, and are not more than the kernel takes; `at` is the list's place. */
int rule_id_maps(const struct rule_ctx *c, const struct spec_id_maps *maps, const char *at);
/* The namespace of that type in the document, new or joined, or NULL. */
const struct spec_namespace *rule_namespace(const struct rule_ctx *c, const char *type);
