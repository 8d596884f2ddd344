/* SPDX-License-Identifier: Apache-2.0
 * audit_lines.h - audit events, as `watch` gives them, for people: one line each, or what was denied and what would allow it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "shim/policy/permissions.h"

/* One event: texts of the line, "" where it has none. */
struct audit_line {
	const char *degraded;        /* not an access: what a permission could not take away; "" */
	const char *time, *permission, *action, *target, *result, *error, *mechanism, *rule, *hint, *comm, *risk;
	int64_t pid;
	uint64_t seq, count;
	bool sound;
};
/* Read line[0..n) (a line of `watch`); false: no audit event.  The texts live in the arena. */
bool audit_line_parse(struct ps_arena *a, const char *line, size_t n, struct audit_line *ret);
/* Is it one that tells of accesses that were not told of, and of how many? */
bool audit_drop_parse(struct ps_arena *a, const char *line, size_t n, uint64_t *ret);
/* What was asked for, of "perm" and "target" of an event; false: nothing that can be asked again.  In the arena. */
bool audit_query_parse(struct ps_arena *a, const char *permission, const char *target, struct perm_query *ret);
/* "12:00:01.123 deny net api.example.com:443 (connect by python3[12]: EACCES) --allow-net=..." and a newline. */
void audit_line_text(const struct audit_line *l, struct ps_buf *out);
/* The line format of Deno's audit log (version 1). */
void audit_line_deno(const struct audit_line *l, struct ps_buf *out);
/* " (connect by python3[12]: EACCES)" */
void audit_line_who(const struct audit_line *l, struct ps_buf *out);

/* What was denied, each once; the first MAX that differ are kept, the others counted. */
enum { AUDIT_DENIALS_MAX = 64 };
struct audit_denials {
	struct ps_arena arena;
	struct audit_line v[AUDIT_DENIALS_MAX];
	size_t n;
	uint64_t more;               /* that did not fit */
	bool last;                   /* keep the last ones, not the first */
	bool refused_only;           /* without what was answered with other values (sys): nobody fails because of it */
};
void audit_denials_add(struct audit_denials *d, const char *line, size_t n);
void audit_denials_done(struct audit_denials *d);
/* At most `rows` of them as a screen, with one command line's worth of flags that would allow them. */
void audit_denials_summary(const struct audit_denials *d, size_t rows, struct ps_buf *out);
