/* SPDX-License-Identifier: Apache-2.0
 * exec_cgroup.h - exec --cgroup: which cgroup below the container's a process joins.
 */
#pragma once
#include "shim/pod/container.h"

/*
 * below[i]: the path below dirs->v[i] to join; NULL: the container's own.  args: "PATH" for every hierarchy, or
 * "CONTROLLER[,CONTROLLER]:PATH" for theirs.  What is written into below lives in a.  PS_E_USAGE for what names none.
 */
int exec_cgroups(struct ps_arena *a, const struct spec_strs *args, const struct host *h, const struct cgroup_dirs *dirs,
		 const char *below[], struct ps_err *e);
