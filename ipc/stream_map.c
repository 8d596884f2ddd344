/* SPDX-License-Identifier: Apache-2.0
 * stream_map.c - the memory of an output stream, for both sides.
 */
#include "base/abi.h"
#include "ipc/stream_layout.h"

int stream_map_pages(int fd, uint32_t size, int prot, struct stream_map *ret, struct ps_err *e)
{
	const size_t once = STREAM_HEADER_SIZE + (size_t)size, all = once + size;
	char *base = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return ps_fail_os(e, "reserve %zu bytes of addresses for an output stream", all);
	if (mmap(base, once, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(base + once, size, prot, MAP_SHARED | MAP_FIXED, fd, STREAM_HEADER_SIZE) == MAP_FAILED) {
		(void)ps_fail_os(e, "map an output stream of %u bytes", size);
		(void)munmap(base, all);
		return -1;
	}
	*ret = (struct stream_map){ .header = (struct stream_header *)(void *)base, .data = base + STREAM_HEADER_SIZE,
				    .size = size, .record_max = size / 4 < STREAM_RECORD_MAX ? size / 4
											      : STREAM_RECORD_MAX };
	return 0;
}

void stream_unmap_pages(struct stream_map *m)
{
	if (m->header)
		(void)munmap(m->header, STREAM_HEADER_SIZE + 2 * (size_t)m->size);
	m->header = NULL;
}
