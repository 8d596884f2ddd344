/* SPDX-License-Identifier: Apache-2.0
 * tty.h - the payload's terminal: a pty of the container's own devpts, verified.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

/*
 * Open /dev/pts/ptmx inside sb->root_fd (or "/" when root_fd < 0, after joining): devpts magic, char 5:2; unlock, TIOCGPTPEER (4.13) for the
 * slave (char major 136..143), window size rows x cols when not 0, slave owned by uid.  Fills tty_master and tty_slave.
 */
int tty_open(struct sandbox *sb, struct ps_err *e);
/* Bind the slave over /dev/console (created without following links if missing).  Before masks_apply. */
int tty_bind_console(struct sandbox *sb, struct ps_err *e);
/* setsid() (also without a terminal), TIOCSCTTY, slave becomes fds 0 1 2; our fd of the master is closed. */
int tty_take(struct sandbox *sb, struct ps_err *e);
