/* SPDX-License-Identifier: Apache-2.0
 * memfd.h - memory with a descriptor, which nobody executes unless that is what it is for.
 */
#pragma once
#include <errno.h>
#include <sys/mman.h>
#include "base/abi.h"

/* memfd_create(2) (3.17), close-on-exec, with flags and, where the kernel knows it (6.3), exec: MFD_EXEC or MFD_NOEXEC_SEAL. */
static inline int ps_memfd(const char *name, unsigned flags, unsigned exec)
{
	int fd = memfd_create(name, MFD_CLOEXEC | flags | exec);

	return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | flags) : fd;
}
