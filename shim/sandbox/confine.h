/* SPDX-License-Identifier: Apache-2.0
 * confine.h - a supervisor gives up what it will not need, for good.
 */
#pragma once
#include "base/err.h"

/*
 * Capabilities but KILL (runners of other uids) and SYS_PTRACE (who a client is: /proc/PID/ns) are dropped, also from the bounding
 * set; no_new_privs; a system call filter that knows no exec, no clone, no mount, no namespace, no ptrace: EPERM.
 * Never Landlock: it would be the domain of every runner's file descriptors that pass through (kernel rule 1).
 */
int confine_supervisor(struct ps_err *e);
