/* SPDX-License-Identifier: Apache-2.0
 * fuzz_dbus.c - what a bus sends, and texts of annotations: refused, or read to the end and not beyond.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dbus.h"
#include "base/gvariant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void text(const uint8_t *data, size_t n)
{
	ps_auto_buf struct ps_buf copy = { .data = NULL }, out = { .data = NULL };
	char type[DBUS_SIGNATURE_MAX + 1];

	ps_buf_put(&copy, data, n);
	if (gvariant_type(copy.data, type, NULL) < 0)
		return;
	/* What has a type has a value of that type, which reads as one. */
	if (gvariant_put(copy.data, type, &out, NULL) < 0)
		abort();
	struct dbus_in in = { .data = (const uint8_t *)out.data, .size = out.len };

	dbus_skip(&in, type);
	if (in.bad || in.at != in.size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dbus_msg m;

	if (n < DBUS_HEAD || dbus_size(data) != n || !dbus_parse(data, n, &m)) {
		text(data, n);
		return 0;
	}
	if (strlen(m.path) + strlen(m.interface) + strlen(m.member) + strlen(m.error) + strlen(m.sender) + strlen(m.signature) > n)
		abort();
	for (const char *t = m.signature; *t; t += dbus_type_length(t))
		dbus_skip(&m.body, t);
	if (m.body.at > m.body.size)
		abort();
	return 0;
}
