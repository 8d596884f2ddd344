/* SPDX-License-Identifier: Apache-2.0
 * relay.h - JSON that others wrote, parsed and written anew.
 */
#pragma once
#include "base/jsonw.h"
#include "oci/json.h"

/* v as the member `key` (NULL: as an item). */
void relay_json(struct ps_jsonw *w, const char *key, const struct json *v);
/* The text or number of a member; "" or 0 where it is missing or something else. */
const char *relay_text(const struct json *o, const char *key);
uint64_t relay_number(const struct json *o, const char *key);
bool relay_bool(const struct json *o, const char *key);
/* The members rows and cols of o, from 1 to RELAY_SIZE_MAX; false: they are not. */
enum { RELAY_SIZE_MAX = 1000 };
bool relay_size(const struct json *o, uint16_t *ret_rows, uint16_t *ret_cols);
/* For who keeps it: malloc'd; NULL. */
char *relay_copy(const char *text);
