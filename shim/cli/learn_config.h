/* SPDX-License-Identifier: Apache-2.0
 * learn_config.h - a config.json with what was learned of it.
 */
#pragma once
#include "base/jsonw.h"
#include "oci/json.h"
#include "oci/spec.h"

struct learn_changes {
	const char *policy;            /* a document: becomes the annotation with the permissions; NULL: none */
	const struct spec_strs *calls; /* its system calls: become linux.seccomp */
	bool reaper;                   /* podshim's own first process waits for it */
};
/*
 * Append the document text[0..n) with these changes.  *ret_open: its own linux.seccomp allows what it does not name, and stays as
 * it is.
 */
int learn_config(const char *text, size_t n, const struct learn_changes *c, struct ps_buf *out, bool *ret_open, struct ps_err *e);
/* Does the document have podshim's own first process? */
bool learn_config_reaps(const char *text, size_t n);
