/* SPDX-License-Identifier: Apache-2.0
 * devices.h - device nodes and the usual links of /dev, made at an fd of the container's /dev.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/*
 * mknodat (or bind of fds[row->fd] in a user namespace) for each plan device, verified after creation: type and numbers
 * (an existing node that does not match is an error); then the links, each only if nothing is there.  Runs after
 * mounts_apply, before masks.  If no mount provides /dev/pts/ptmx ... the ptmx link is made as the plan says.
 */
int devices_apply(struct sandbox *sb, struct ps_err *e);
