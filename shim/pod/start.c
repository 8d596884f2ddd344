/* SPDX-License-Identifier: Apache-2.0
 * start.c - opens the gate of a prepared container.
 */
#include <sys/socket.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/container.h"

static int check_created(const struct container *c, struct ps_err *e)
{
	switch (c->status) {
	case STATE_CREATED:
		return 0;
	case STATE_CREATING:
		return ps_fail(e, PS_E_STATE, "container '%s' is still being created", c->st.id);
	case STATE_STOPPED:
		return ps_fail(e, PS_E_STATE, "cannot start a container that has stopped: '%s'", c->st.id);
	case STATE_RUNNING:
	case STATE_PAUSED:
		break;
	}
	return ps_fail(e, PS_E_STATE, "cannot start an already running container: '%s'", c->st.id);
}

/* runtime-spec, lifecycle: a failed startContainer or (since 1.3) poststart hook stops and destroys the container. */
static int destroy_for_hook(const struct pod_env *env, struct container *c)
{
	struct ps_err ignored = { 0 };

	(void)container_destroy(env, &c->dir, &c->st, NULL, /* poststop_owed= */ true, &ignored);
	return -1;
}

int pod_start(const struct pod_env *env, const char *id, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	bool hook_failed;

	if (container_open(env, id, /* lock= */ true, &c, e) < 0 || check_created(c, e) < 0)
		return -1;
	ps_auto_fd int conn = sock_connect_at(c->dir.dir_fd, "start.sock", SOCK_SEQPACKET, e);
	if (conn < 0)
		return ps_ctx(e, "container '%s': reach init at its gate", id);
	auto_tape struct tape *tape = event_tape(&c->st);

	if (launch_go_by_gate(conn, &hook_failed, e) < 0) {
		container_explain(&c->st, e);
		event_error(tape, &c->st, e);
		return hook_failed ? destroy_for_hook(env, c) : -1;
	}
	event_state(tape, &c->st, RUNNER_RUNNING, c->st.pid);
	return container_poststart(env, &c->dir, &c->st, e) < 0 ? destroy_for_hook(env, c) : 0;
}
