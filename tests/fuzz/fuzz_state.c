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
	static struct state st;
	ps_auto_buf struct ps_buf once = { .data = NULL }, twice = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	if (state_parse(n ? (const char *)data : "", n, &st, &e) < 0) {
		if (e.cls != PS_E_CONFIG || !e.msg[0])
			abort();
		return 0;
	}
	state_format(&once, &st);
	if (once.failed || state_parse(once.data, once.len, &st, &e) < 0)
		abort();
	state_format(&twice, &st);
	if (twice.failed || strcmp(once.data, twice.data) != 0)
		abort();
	state_write_oci(&twice, 0, &st, st.status, st.pid, NULL);
	return 0;
}
