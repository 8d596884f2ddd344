/* SPDX-License-Identifier: Apache-2.0
 * json_write.h - a tree as text again.
 */
#pragma once
#include "base/jsonw.h"
#include "oci/json.h"

/* v, under its own key where it stands in an object; what is below it, but for the node `without` (NULL: all). */
void json_write(struct ps_jsonw *w, const struct json *v, const struct json *without);
