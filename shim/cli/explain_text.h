/* SPDX-License-Identifier: Apache-2.0
 * explain_text.h - why an access was denied, or would be, and every way to allow it: text, or a line of JSON.
 */
#pragma once
#include "shim/cli/audit_lines.h"

struct explanation {
	const struct audit_line *line;         /* what happened; NULL: a question */
	const struct perm_query *query;        /* NULL: of an event that cannot be asked again */
	const struct permissions *permissions; /* that decided; NULL: they are gone */
	bool program;                          /* a question, without a bundle: what nothing allows is not there */
};
/* Is it denied, or was it? */
bool explain_denied(const struct explanation *x);
void explain_text(const struct explanation *x, struct ps_buf *out);
void explain_json(const struct explanation *x, struct ps_buf *out);
