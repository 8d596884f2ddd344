/* SPDX-License-Identifier: Apache-2.0
 * systemd.h - the host's service manager makes, moves into and ends the unit that a container's cgroup is.
 *
 * Every call connects, is done within SYSTEMD_WAIT_MS for each answer, and hangs up.  The system's manager is asked at
 * $DBUS_SYSTEM_BUS_ADDRESS where that is set, at its private socket, then on the system bus; the caller's own at
 * $XDG_RUNTIME_DIR/systemd/private, $DBUS_SESSION_BUS_ADDRESS, then $XDG_RUNTIME_DIR/bus.
 * Source: org.freedesktop.systemd1(5).
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/plan/plan.h"

extern unsigned systemd_wait_ms; /* 15 s but for tests */

struct systemd_facts {
	char root[512];    /* the manager's cgroup, "" at the root of the hierarchy: its units are below */
	unsigned version;  /* 252 */
};
/* Is it the caller's own systemd that may do something for us?  For root it is the system's; in a user namespace, if PID 1 is in it, too. */
bool systemd_is_users(bool in_user_ns);
/* Ask the manager: the system's, or the caller's own. */
int systemd_look(bool user, struct systemd_facts *ret, struct ps_err *e);
/*
 * Make the plan's unit and wait until it is there.  A scope has the process pid in it then, which /proc says, too; a slice
 * (pid 0) is empty.  A unit of that name that failed is reset; one that is there is PS_E_EXISTS.  *ret_made (may be set on
 * failure): the unit is there, or comes to be, and is ours to stop.
 */
int systemd_start(const struct plan *p, pid_t pid, bool *ret_made, struct ps_err *e);
/* Move the process into the unit, or (below: "/a") a cgroup below it: where we may not do so ourselves. */
int systemd_attach(const char *unit, bool user, const char *below, pid_t pid, struct ps_err *e);
/*
 * Give the plan's unit the plan's properties, until the machine ends; done when the manager has written them to its cgroup.  before:
 * those of another plan in their place, and no limit where that has none; NULL: the plan's own.
 */
int systemd_set(const struct plan *p, const struct plan *before, struct ps_err *e);
/* Stop the unit, wait for it, and forget that it failed.  One that is not there is success, as is a manager that is not. */
int systemd_stop(const char *unit, bool user, struct ps_err *e);
