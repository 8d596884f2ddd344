/* SPDX-License-Identifier: Apache-2.0
 * passed.h - descriptors that the caller passes on: a socket reaches what it is connected to, whatever the permissions say.
 */
#pragma once
#include "shim/pod/container.h"

/*
 * Of descriptors 3 .. 3+n-1, where the network is limited: sockets that listen, or are connected, at an address that an entry
 * allows, pairs without names, and, where a supervisor answers for each connection, what is not connected yet.  Another one is an error that names it; with --best-effort, a warning.
 */
int passed_check(const struct pod_env *env, const struct permissions *g, const struct policy *p, uint32_t n, struct ps_err *e);
