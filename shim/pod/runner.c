/* SPDX-License-Identifier: Apache-2.0
 * runner.c - the runner's state table.
 */
#include "shim/pod/runner.h"

#define TO(n) (UINT32_C(1) << RUNNER_##n)
static const struct {
	const char *name, *oci;
	uint32_t to;
} states[RUNNER_N_STATES] = {
#define X(sym, name, oci, to, why) [RUNNER_##sym] = { name, oci, to },
	RUNNER_STATES(X)
#undef X
};
static const struct {
	uint32_t from;
	enum runner_state to;
} verbs[RUNNER_N_VERBS] = {
#define X(sym, from, to) [RUNNER_VERB_##sym] = { from, RUNNER_##to },
	RUNNER_VERBS(X)
#undef X
};

/*
 * verb, in these states, text: the first row that fits.  Engines know containers by these words (container not running,
 * that is not stopped, ...); what follows the id is ours.
 */
#define ANY UINT32_MAX
#define REFUSALS(X)                                                                                            \
	X(START,       TO(PREPARING), "container '%s' is still being created", id)                             \
	X(START,       TO(EXITED) | TO(FAILED),                                                                \
	  "cannot start a container that has stopped: '%s'; delete it and create it again", id)                \
	X(START,       ANY, "cannot start an already running container: '%s'; 'podshim exec' runs more in it", id) \
	X(EXEC,        TO(PAUSED), "container paused: '%s': cannot exec in a paused container; resume it first, or give --ignore-paused", id)     \
	X(EXEC,        TO(EXITED) | TO(FAILED), "cannot exec in a stopped container: '%s'", id)                \
	/* An init at its gate still has all its rights: nothing else may be in its pid namespace. */          \
	X(EXEC,        ANY, "cannot exec in container '%s' before it is started; 'podshim start %s' does that", id, id) \
	X(EXEC_PAUSED, TO(EXITED) | TO(FAILED), "cannot exec in a stopped container: '%s'", id)                \
	X(EXEC_PAUSED, ANY, "cannot exec in container '%s' before it is started; 'podshim start %s' does that", id, id) \
	X(PAUSE,       TO(PAUSED), "container paused: '%s'", id)                                               \
	X(PAUSE,       ANY, "container not running: '%s'", id)                                                 \
	X(RESUME,      ANY, "container not paused: '%s'", id)                                                  \
	X(UPDATE,      TO(PREPARING), "container '%s' is still being created", id)                            \
	X(UPDATE,      ANY, "container not running: '%s'", id)                                                 \
	X(CHECKPOINT,  TO(PREPARED), "container '%s' cannot be checkpointed before it is started", id)         \
	X(CHECKPOINT,  ANY, "container not running: '%s'", id)                                                 \
	X(KILL,        ANY, "container not running: '%s'", id)                                                 \
	X(DELETE,      ANY, "cannot delete container %s that is not stopped: %s; --force kills it first", id,  \
	  runner_state_oci(now))

const char *runner_state_name(enum runner_state s)
{
	return states[s].name;
}

const char *runner_state_oci(enum runner_state s)
{
	return states[s].oci;
}

bool runner_may_go(enum runner_state from, enum runner_state to)
{
	return states[from].to >> to & 1;
}

enum runner_state runner_state_of(enum state_status s)
{
	switch (s) {
	case STATE_CREATING:
		return RUNNER_PREPARING;
	case STATE_CREATED:
		return RUNNER_PREPARED;
	case STATE_RUNNING:
		return RUNNER_RUNNING;
	case STATE_PAUSED:
		return RUNNER_PAUSED;
	case STATE_STOPPED:
		break;
	}
	return RUNNER_EXITED;
}

int runner_check_verb(enum runner_verb v, enum runner_state now, const char *id, struct ps_err *e)
{
	if (verbs[v].from >> now & 1)
		return 0;
#define X(verb, in, ...)                                       \
	if (v == RUNNER_VERB_##verb && ((in) >> now & 1))      \
		return ps_fail(e, PS_E_STATE, __VA_ARGS__);
	REFUSALS(X)
#undef X
	return runner_check_move(now, verbs[v].to, id, e);
}

int runner_check_move(enum runner_state from, enum runner_state to, const char *id, struct ps_err *e)
{
	if (runner_may_go(from, to))
		return 0;
	return ps_fail(e, PS_E_STATE, "container '%s' is %s and can't become %s", id, states[from].name,
		       states[to].name);
}
