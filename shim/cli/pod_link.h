/* SPDX-License-Identifier: Apache-2.0
 * pod_link.h - standard input and output as the records of a link.
 */
#pragma once
#include "shim/cli/pod_client.h"

/*
 * Standard input becomes records of that type, records that come back go to standard output (STDOUT of stream 2: to standard
 * error).  Returns when both sides are at their end; without reply when standard input is.  Who it waits for, `id`, is told when
 * that has not used the link for a second.
 */
int link_copy(struct podshim_link *l, const char *id, unsigned type, bool reply, struct ps_err *e);
