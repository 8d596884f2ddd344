/* SPDX-License-Identifier: Apache-2.0
 * site.c - the page's files by their path.
 */
#include "example/ui/site.h"

#include <string.h>

const struct site_row *site_find(const char *path)
{
	for (size_t i = 0; i < site_n_rows; i++)
		if (!strcmp(site_rows[i].path, path))
			return &site_rows[i];
	return NULL;
}
