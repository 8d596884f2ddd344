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
	X(PREPARED,  "prepared",  "created",  TO(RUNNING) | TO(WARMING) | TO(PAUSED) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "init waits at the gate") \
	X(WARMING,   "warming",   "running",  TO(READY) | TO(PAUSED) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "an interpreter loads what it will need") \
	X(READY,     "ready",     "running",  TO(RUNNING) | TO(PAUSED) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "an interpreter waits for code") \
	X(RUNNING,   "running",   "running",  TO(PAUSED) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "the payload was executed") \
	X(PAUSED,    "paused",    "paused",   TO(PREPARED) | TO(RUNNING) | TO(STOPPING) | TO(EXITED) | TO(FAILED), "the cgroup is frozen")  \
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

/* verb, legal from, what it moves a runner to (exec: nowhere) */
#define RUNNER_VERBS(V)                                                                                        \
	V(START,         TO(PREPARED),                               RUNNING)                                  \
	V(EXEC,          TO(RUNNING),                                RUNNING)                                  \
	V(EXEC_PAUSED,   TO(RUNNING) | TO(PAUSED),                   RUNNING)  /* exec --ignore-paused */      \
	V(PAUSE,         TO(PREPARED) | TO(WARMING) | TO(READY) | TO(RUNNING), PAUSED)                         \
	V(RESUME,        TO(PAUSED),                                 RUNNING)  /* or back to PREPARED */       \
	V(UPDATE,        TO(PREPARED) | TO(WARMING) | TO(READY) | TO(RUNNING) | TO(PAUSED) | TO(STOPPING), RUNNING) /* nowhere */ \
	V(CHECKPOINT,    TO(RUNNING) | TO(PAUSED),                   EXITED)   /* unless it is to run on */   \
	V(KILL,          TO(PREPARED) | TO(WARMING) | TO(READY) | TO(RUNNING) | TO(PAUSED) | TO(STOPPING), STOPPING) \
	V(DELETE,        TO(PREPARED) | TO(EXITED) | TO(FAILED),     GONE)     /* PREPARED: killed first */
enum runner_verb {
#define X(sym, from, to) RUNNER_VERB_##sym,
	RUNNER_VERBS(X)
#undef X
	RUNNER_N_VERBS
};

const char *runner_state_name(enum runner_state s);      /* "prepared" */
const char *runner_state_oci(enum runner_state s);       /* "created" */
bool runner_may_go(enum runner_state from, enum runner_state to);
/* The state behind an OCI status. */
enum runner_state runner_state_of(enum state_status s);
/* PS_E_STATE with the text that engines know for this verb and state, when the verb is not for it. */
int runner_check_verb(enum runner_verb v, enum runner_state now, const char *id, struct ps_err *e);
/* PS_E_STATE naming both states when the move is not legal. */
int runner_check_move(enum runner_state from, enum runner_state to, const char *id, struct ps_err *e);
