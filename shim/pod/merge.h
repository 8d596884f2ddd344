/* SPDX-License-Identifier: Apache-2.0
 * merge.h - a configuration with other resources.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/*
 * Append `config` (config.json) with the members of `resources` (a linux.resources object) in the place of its own: a list
 * element of the same device, page size or interface replaces that one, other lists as a whole (device rules) replace
 * theirs, 0 where that means nothing leaves what is there, and memory without a limit (-1) lifts that of swap.  Both are well-formed; PS_E_CONFIG else.
 */
int merge_resources(const struct ps_buf *config, const char *file, const struct ps_buf *resources, struct ps_buf *out,
		    struct ps_err *e);
