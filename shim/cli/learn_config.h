/* SPDX-License-Identifier: Apache-2.0
 * learn_config.h - a bundle's config.json with what was learned of it.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* Append the document text[0..n) with the annotation that makes `policy`, a document too, its permissions. */
int learn_config(const char *text, size_t n, const char *policy, struct ps_buf *out, struct ps_err *e);
