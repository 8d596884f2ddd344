/* SPDX-License-Identifier: Apache-2.0
 * fuzz_msg.c - control messages of any bytes: either refused, or every accessor is safe and a copy has the same bytes.
 *
 * Input: a message; its length in the header is made right, as nothing is looked at without.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const enum msg_tag all[] = {
#define X(sym, n, name, kind, often) sym,
	MSG_TAGS(X)
#undef X
};

static void copy(struct ps_buf *out, const struct msg *m)
{
	struct msg_field f;
	size_t at = 0, mark;

	while (msg_next(m, &at, &f)) {
		if (f.tag != TAG_RUNNER) {
			msg_put_bytes(out, (enum msg_tag)f.tag, f.data, f.len);
			continue;
		}
		const struct msg group = msg_group(m, &f);

		mark = msg_group_begin(out, TAG_RUNNER);
		copy(out, &group);
		msg_group_end(out, mark);
	}
}

static void use(const struct msg *m)
{
	struct ps_err e = { .cls = PS_OK };
	uint64_t v;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct msg_field f;
		size_t at = 0, times = 0;

		while (msg_next_of(m, all[i], &at, &f))
			times++;
		if (times != msg_count(m, all[i]) || (times > 0) != msg_has(m, all[i]))
			abort();
	}
	if (strlen(msg_text(m, TAG_CWD, "")) > MSG_MAX)
		abort();
	if (msg_get_u64(m, TAG_ROWS, 65535, &v, &e) == 0 && v > 65535)
		abort();
	(void)msg_failure(m, &e);
	(void)msg_check_fds(m, 3, &e);
	if (msg_fd_index(m, FD_BELL, 3) > 2)
		abort();
	(void)msg_type_name(m->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	struct msg m, again;
	uint32_t length = (uint32_t)n;
	char *bytes;

	if (n < MSG_HEADER_SIZE)
		return 0;
	bytes = malloc(n);
	if (!bytes)
		abort();
	memcpy(bytes, data, n);
	memcpy(bytes, &length, sizeof(length));
	if (msg_parse(bytes, n, &m, &e) == 0) {
		use(&m);
		msg_begin(&out, (enum msg_type)m.type, m.flags, m.id);
		copy(&out, &m);
		if (msg_end(&out, &e) < 0 || msg_parse(out.data, out.len, &again, &e) < 0 || out.len > n)
			abort();
		use(&again);
	}
	free(bytes);
	return 0;
}
