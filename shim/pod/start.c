/* SPDX-License-Identifier: Apache-2.0
 * start.c - opens the gate of a prepared container.
 */
#include <sys/socket.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/container.h"
#include "shim/pod/notify.h"

/* runtime-spec, lifecycle: a failed startContainer or (since 1.3) poststart hook stops and destroys the container. */
static int destroy_for_hook(const struct pod_env *env, struct container *c, struct tape *tape)
{
	struct ps_err ignored = { 0 };

	event_failed(tape, c->st.id);
	(void)container_destroy(env, &c->dir, &c->st, tape, /* poststop_owed= */ true, &ignored);
	return -1;
}

int pod_start(const struct pod_env *env, const char *id, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	bool hook_failed;

	if (container_open(env, id, /* lock= */ true, &c, e) < 0 ||
	    runner_check_verb(RUNNER_VERB_START, runner_state_of(c->status), id, e) < 0)
		return -1;
	if (c->st.pod[0])
		return ps_fail(e, PS_E_STATE, "container '%s' is a runner of pod '%s': 'podshim pod launch' starts programs in it", id,
			       c->st.pod);
	ps_auto_fd int conn = sock_connect_at(c->dir.dir_fd, "start.sock", SOCK_SEQPACKET, e);
	if (conn < 0)
		return ps_ctx(e, "container '%s': reach init at its gate", id);
	auto_tape struct tape *tape = event_tape(&c->st);
	ps_auto_fd int notify = -1;

	if (notify_bind(&c->dir, &notify, e) < 0)
		return -1;
	if (launch_go_by_gate(conn, &(struct launch_told){ env->debug, env->warn_ctx }, &hook_failed, e) < 0) {
		container_explain(&c->st, e);
		event_error(tape, id, e);
		return hook_failed ? destroy_for_hook(env, c, tape) : -1;
	}
	event_state(tape, id, RUNNER_RUNNING, c->st.pid);
	if (container_poststart(env, &c->dir, &c->st, e) == 0) {
		/* It runs: pausing or deleting it is anybody's, however long it takes to be ready. */
		ps_fd_close(&c->dir.lock_fd);
		return notify_relay(notify, c->pidfd, c->st.pid, e);
	}
	event_error(tape, id, e);
	return destroy_for_hook(env, c, tape);
}
