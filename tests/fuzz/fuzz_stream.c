/* SPDX-License-Identifier: Apache-2.0
 * fuzz_stream.c - an output stream with any contents: bounded work, no access outside, always a step.
 *
 * Input: 8 bytes each of head, tail, and the cursor's position and offset, then the start of the data area.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "ipc/stream_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SIZE = STREAM_SIZE_MIN };

/* A stream that stays writable here, as a lying writer's would. */
static char *scratch(struct stream_view **ret)
{
	static struct stream_view *view;
	static char *map;
	int fd;

	*ret = view;
	if (map)
		return map;
	fd = memfd_create("stream", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, STREAM_HEADER_SIZE + SIZE) < 0)
		abort();
	map = mmap(NULL, STREAM_HEADER_SIZE + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		abort();
	memcpy(map, STREAM_MAGIC, 8);
	memcpy(map + 8, (const uint32_t[]){ STREAM_VERSION, STREAM_HEADER_SIZE, SIZE, SIZE / 4 }, 16);
	if (stream_map(fd, &view, NULL) < 0)
		abort();
	*ret = view;
	return map;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char buf[STREAM_RECORD_MAX];
	struct stream_view *v = NULL;
	char *map = scratch(&v);
	struct stream_cursor c;
	struct stream_record r;
	int left = SIZE / (int)sizeof(struct stream_record_head) + 1;

	if (n < 32)
		return 0;
	memcpy(map + offsetof(struct stream_header, head), data, 16);
	memcpy(&c.pos, data + 16, 8);
	memcpy(&c.offset, data + 24, 8);
	data += 32;
	n = n - 32 < SIZE ? n - 32 : SIZE;
	if (n)
		memcpy(map + STREAM_HEADER_SIZE, data, n);
	for (uint64_t before = c.pos; stream_read(v, &c, buf, sizeof(buf), &r, NULL) == 1; before = c.pos) {
		if (r.len > SIZE / 4 || c.pos - r.pos != stream_record_size(r.len) || c.pos == before)
			abort();
		if (--left < 0)
			abort();
	}
	(void)stream_ended(v, &c);
	stream_cursor_oldest(v, &c);
	(void)stream_peek(v, &c, &r, NULL);
	return 0;
}
