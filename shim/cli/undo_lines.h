/* SPDX-License-Identifier: Apache-2.0
 * undo_lines.h - what diff, commit and discard have in common: a change as text or JSON, paths of the command line.
 */
#pragma once
#include "shim/cli/cmd.h"

/* "changed  file     1234  /work/a", what a terminal could act on escaped. */
void undo_line_text(struct ps_buf *out, const struct undo_change *c);
void undo_line_json(struct ps_buf *out, const struct undo_change *c);
/* words[1..] as absolute clean paths; a ".." means what it is on paper. */
int undo_paths(struct cli *cli, struct undo_request *r, struct ps_err *e);
/* "1 change", "3 changes". */
void undo_count(char out[40], size_t n);
/* A change that was not applied, on standard error. */
int undo_tell(void *ctx, const struct undo_change *c);
