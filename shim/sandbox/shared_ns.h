/* SPDX-License-Identifier: Apache-2.0
 * shared_ns.h - namespaces that several containers share, held open by descriptors.
 */
#pragma once
#include <stdint.h>
#include "base/err.h"

enum { SHARED_NET, SHARED_IPC, SHARED_UTS, SHARED_NS };

/*
 * Make each namespace of `flags` (CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS), lo up in the network's, hostname (may be NULL) in
 * the uts one; the calling process, single-threaded, is back in its own afterwards.  fds[SHARED_*]: the caller's.
 */
int shared_ns_make(uint64_t flags, const char *hostname, int fds[SHARED_NS], struct ps_err *e);
