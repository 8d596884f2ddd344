/* SPDX-License-Identifier: Apache-2.0
 * host_tree.h - the host's files as a descriptor, for who opens some of them for a payload.
 */
#pragma once
#include <stdbool.h>
#include "base/err.h"

/*
 * A copy of "/" and what is mounted below it, attached nowhere: noexec, nosuid, nodev, and read-only unless writable.  What is
 * opened beneath it keeps these.  Takes CAP_SYS_ADMIN over the mount namespace.  A descriptor of the caller's.
 */
int host_tree_open(bool writable, struct ps_err *e);
