/* SPDX-License-Identifier: Apache-2.0
 * guardian.h - a process that outlives the launcher of a program in the foreground for as long as it takes to free all.
 */
#pragma once
#include <sys/types.h>
#include "base/err.h"
#include "oci/state.h"

struct guardian {
	pid_t pid;           /* 0: there is none */
	int fd;              /* the launcher's end; nobody else may have it */
};
/*
 * Fork it, with the folder of the container.  When the launcher is gone it kills pidfd and calls end(ctx), in a copy of our
 * memory as it is now.
 */
int guardian_start(struct guardian *g, int pidfd, const struct state_dir *dir, void (*end)(void *ctx), void *ctx,
		   struct ps_err *e);
/* All is freed. */
void guardian_dismiss(struct guardian *g);
