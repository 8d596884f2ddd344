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
#undef TO

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

int runner_check_move(enum runner_state from, enum runner_state to, const char *id, struct ps_err *e)
{
	if (runner_may_go(from, to))
		return 0;
	return ps_fail(e, PS_E_STATE, "container '%s' is %s and can't become %s", id, states[from].name,
		       states[to].name);
}
