/* SPDX-License-Identifier: Apache-2.0
 * runner.h - the life of one runner (one OCI container) as a table: states, legal moves, OCI names.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "oci/state.h"

/* state, name, OCI status, may go to, meaning */
#define RUNNER_STATES(X)                                                                                       \
	X(NONE,      "none",      "",         TO(PREPARING),                                  "no runner with this id")       \
	X(PREPARING, "preparing", "creating", TO(PREPARED) | TO(FAILED),                      "the launch script is at work") \
	X(PREPARED,  "prepared",  "created",  TO(RUNNING) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "init waits at the gate") \
	X(RUNNING,   "running",   "running",  TO(PAUSED) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "the payload was executed") \
	X(PAUSED,    "paused",    "paused",   TO(RUNNING) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "the cgroup is frozen")  \
	X(STOPPING,  "stopping",  "running",  TO(EXITED) | TO(FAILED),                        "asked to end")                 \
	X(EXITED,    "exited",    "stopped",  TO(GONE),                                       "init is gone, its record is kept") \
	X(FAILED,    "failed",    "stopped",  TO(GONE),                                       "ended by an error of its launch") \
	X(GONE,      "gone",      "",         0,                                              "everything was freed")
enum runner_state {
#define X(sym, name, oci, to, why) RUNNER_##sym,
	RUNNER_STATES(X)
#undef X
	RUNNER_N_STATES
};
const char *runner_state_name(enum runner_state s);      /* "prepared" */
const char *runner_state_oci(enum runner_state s);       /* "created" */
bool runner_may_go(enum runner_state from, enum runner_state to);
/* PS_E_STATE naming both states when the move is not legal. */
int runner_check_move(enum runner_state from, enum runner_state to, const char *id, struct ps_err *e);
