/* SPDX-License-Identifier: Apache-2.0
 * jsonw.h - writes JSON into a ps_buf.  Compact, slashes unescaped (hooks depend on it); `indent` > 0 pretty-prints.
 * Invalid UTF-8 in strings becomes U+FFFD; control characters are escaped.  Keys are written as given, escaped.
 * In an object pass the key; in an array (and at top level) pass NULL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

struct ps_jsonw {
	struct ps_buf *out;
	unsigned indent; /* spaces per level, 0: compact */
	unsigned depth;
	bool has_sibling;
};

/* Length of the well-formed UTF-8 sequence at s, of which n > 0 bytes are left; 0: malformed. */
size_t ps_utf8_len(const char *s, size_t n);

void ps_jw_object(struct ps_jsonw *w, const char *key);
void ps_jw_end_object(struct ps_jsonw *w);
void ps_jw_array(struct ps_jsonw *w, const char *key);
void ps_jw_end_array(struct ps_jsonw *w);
void ps_jw_str(struct ps_jsonw *w, const char *key, const char *value); /* NULL value: null */
void ps_jw_strn(struct ps_jsonw *w, const char *key, const char *value, size_t n); /* n bytes, NULs among them */
void ps_jw_int(struct ps_jsonw *w, const char *key, int64_t value);
void ps_jw_uint(struct ps_jsonw *w, const char *key, uint64_t value);
void ps_jw_bool(struct ps_jsonw *w, const char *key, bool value);
/* A value that is JSON already. */
void ps_jw_raw(struct ps_jsonw *w, const char *key, const char *json);
