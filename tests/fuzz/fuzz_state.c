/* SPDX-License-Identifier: Apache-2.0
 * fuzz_state.c - any state.json: refused with a reason, or its record survives being written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "oci/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct state st, again;
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	if (state_parse((const char *)data, n, &st, &e) < 0) {
		if (e.cls != PS_E_CONFIG || !e.msg[0])
			abort();
		return 0;
	}
	state_format(&b, &st);
	if (b.failed || state_parse(b.data, b.len, &again, &e) < 0 || memcmp(&st, &again, sizeof(st)) != 0)
		abort();
	ps_buf_reset(&b);
	state_write_oci(&b, 0, &st, st.status, st.pid, NULL);
	return 0;
}
