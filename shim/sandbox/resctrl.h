/* SPDX-License-Identifier: Apache-2.0
 * resctrl.h - Intel RDT and its kin: the container's group of the resctrl file system (4.10), of the launcher's.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

/* Is resctrl there, if the plan has a group?  PS_E_UNSUPP with the place. */
int resctrl_check(const struct plan *p, struct ps_err *e);
/*
 * Which folders launching the plan will make: the group ("" where it is there already, or there is none) and its monitoring
 * group ("" without).  To be recorded before, and removed by resctrl_remove() after the container's end.
 */
int resctrl_name(const struct plan *p, char group[PATH_MAX], char monitor[PATH_MAX], struct ps_err *e);
/*
 * Make the group (`makes`: resctrl_name() named it; one that came meanwhile is somebody else's, an error) and write its schemata;
 * of one that was there they must be what is asked for.  *ret_made: there is a new one now.  Then the monitoring group.
 */
int resctrl_make(const struct plan *p, bool makes, bool *ret_made, struct ps_err *e);
/* Process pid, of one thread, and whom it clones, into both. */
int resctrl_join(const struct plan *p, pid_t pid, struct ps_err *e);
/* Remove a folder of resctrl_name(); one that is not there is fine. */
int resctrl_remove(const char *dir, struct ps_err *e);
/* Do the lines `have` give every domain of `line` ("L3:0=7f;1=f0") what it asks for? */
bool resctrl_is_same(const char *have, const char *line);

/* For tests: where resctrl is, and what statfs(2) says of it. */
extern const char *resctrl_root;
extern long resctrl_magic;
