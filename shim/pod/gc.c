/* SPDX-License-Identifier: Apache-2.0
 * gc.c - frees what dead owners left: intents, half-removed folders, tapes without a container.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "shim/pod/container.h"

struct sweep {
	const struct pod_env *env;
	struct ps_buf *report;
	struct ps_err *e;
};

static int sweep_container(const char *id, void *ctx)
{
	struct sweep *s = ctx;
	int rc = container_sweep(s->env, id, s->e);

	if (rc > 0)
		ps_buf_printf(s->report, "container %s: its creator is gone\n", id);
	return rc < 0 ? -1 : 0;
}

/* A tape belongs to a container whose record names it; anything else is a leftover, unless another boot or uid made it. */
static int sweep_tape(const char *name, void *ctx)
{
	struct sweep *s = ctx;
	auto_tape struct tape *t = NULL;
	auto_container struct container *c = NULL;
	struct tape_info info;
	struct ps_err e = { 0 };
	struct pod_env env = *s->env;

	if (tape_open(name, /* write= */ false, &t, &e) < 0 || tape_info(t, &info, &e) < 0) {
		/* Ours by name and owner but without a header: its creator died while it made it, or it is still young. */
		return 0;
	}
	if (info.uid != geteuid())
		return 0;
	env.root = info.root;
	if (container_open(&env, info.id, /* lock= */ false, &c, &e) == 0 && strcmp(c->st.tape, name) == 0)
		return 0;
	if (e.cls != PS_OK && e.cls != PS_E_NOTFOUND)
		return 0;
	if (shm_remove(name, s->e) < 0)
		return -1;
	ps_buf_printf(s->report, "tape %s: container '%s' is gone\n", name, info.id);
	return 0;
}

int pod_gc(const struct pod_env *env, struct ps_buf *report, struct ps_err *e)
{
	struct sweep s = { .env = env, .report = report, .e = e };

	if (access(env->root, F_OK) == 0 && state_sweep(env->root, sweep_container, &s, e) != 0)
		return -1;
	return shm_each(sweep_tape, &s, e) != 0 ? -1 : 0;
}
