/* SPDX-License-Identifier: Apache-2.0
 * site.h - the page's files; example/ui/embed makes the table at build time.
 */
#pragma once
#include <stddef.h>

struct site_row { const char *path, *type, *data, *end; };
extern const struct site_row site_rows[];
extern const size_t site_n_rows;

/* "/app.js"; NULL: there is none. */
const struct site_row *site_find(const char *path);
