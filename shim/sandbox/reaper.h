/* SPDX-License-Identifier: Apache-2.0
 * reaper.h - a first process that is not the payload: signals have their default action for the payload, orphans are reaped.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/*
 * The payload goes on in a child, the leader of a session of its own; that is where this returns, 0.  The caller itself,
 * which has given up whatever the payload may not have, stays: it holds no descriptor, passes on signals, reaps, and ends
 * as the payload ends (128 + N after signal N), and with it the pid namespace.  -1: there was no child.
 */
int reaper_split(const struct sandbox *sb, struct ps_err *e);
