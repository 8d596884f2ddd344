/* SPDX-License-Identifier: Apache-2.0
 * guardian.h - a process that outlives another (the launcher of a program in the foreground, the supervisor of a container) for
 * as long as it takes to end what that one leaves.
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"
#include "oci/state.h"

struct guardian {
	pid_t pid;           /* 0: there is none */
	int fd;              /* our end; nobody else may have it */
};
/*
 * Fork it under `name`.  When we are gone it kills pidfd and, unless end is NULL, calls end(ctx) with the folder of the
 * container (dir) and two more descriptors (also: -1 is none; NULL) open, in a copy of our memory as it is now.
 */
int guardian_start(struct guardian *g, const char *name, int pidfd, const struct state_dir *dir, const int *also,
		   void (*end)(void *ctx), void *ctx, struct ps_err *e);
/* All is freed. */
void guardian_dismiss(struct guardian *g);
