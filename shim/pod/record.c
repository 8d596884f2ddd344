/* SPDX-License-Identifier: Apache-2.0
 * record.c - the record of a container or pod that is about to be made: who, what, where, and its tape.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/shm.h"
#include "shim/pod/container.h"
#include "shim/sandbox/resctrl.h"
#include "shim/sandbox/rootless.h"

static int name_cgroups(struct state *st, const struct plan *p, struct ps_err *e)
{
	for (PLAN_EACH(p, struct plan_cgroup, cg, p->cgroups)) {
		char *dir = st->cgroup_dirs[st->n_cgroup_dirs];
		const char *rel = plan_str(p, cg->path);

		if (st->n_cgroup_dirs == PS_COUNT(st->cgroup_dirs))
			return ps_fail(e, PS_E_UNSUPP, "more than %zu cgroup hierarchies", PS_COUNT(st->cgroup_dirs));
		rel += strspn(rel, "/");
		int n = snprintf(dir, sizeof(st->cgroup_dirs[0]), "%s/%s", plan_str(p, cg->mount), rel);

		if (n < 0 || (size_t)n >= sizeof(st->cgroup_dirs[0]))
			return ps_fail(e, PS_E_CONFIG, "cgroup path '%s' is too long", rel);
		st->n_cgroup_dirs++;
	}
	return 0;
}

static int name_rdt(struct state *st, const struct plan *p, struct ps_err *e)
{
	char group[PATH_MAX], monitor[PATH_MAX];

	if (resctrl_name(p, group, monitor, e) < 0)
		return -1;
	if (strlen(group) >= sizeof(st->rdt_dirs[1]) || strlen(monitor) >= sizeof(st->rdt_dirs[0]))
		return ps_fail(e, PS_E_CONFIG, "the names of its groups of resctrl are too long");
	memcpy(st->rdt_dirs[0], monitor, strlen(monitor) + 1);
	memcpy(st->rdt_dirs[1], group, strlen(group) + 1);
	return 0;
}

int record_describe(struct state *st, const char *id, const struct bundle *b, const struct plan *p, struct ps_err *e)
{
	st->status = STATE_CREATING;
	st->launcher = getpid();
	st->permitted = b->permissions != NULL;
	st->owner = rootless_uid();
	(void)snprintf(st->id, sizeof(st->id), "%s", id);
	(void)snprintf(st->bundle, sizeof(st->bundle), "%s", b->dir);
	(void)snprintf(st->rootfs, sizeof(st->rootfs), "%s", b->policy->rootfs.path ? b->policy->rootfs.path : "");
	(void)snprintf(st->unit, sizeof(st->unit), "%s", plan_str(p, p->unit));
	st->unit_user = p->unit_user;
	ps_time_rfc3339(st->created);
	if (name_cgroups(st, p, e) < 0 || name_rdt(st, p, e) < 0 || ps_boot_id(st->boot_id, e) < 0)
		return -1;
	if (ps_proc_start_time(st->launcher, &st->launcher_start, NULL) < 0)
		return ps_fail_os(e, "read our own start time");
	return shm_random_name(st->tape, e);
}

int record_tape(const struct state *st, const char *root, const gid_t *observe_gid, struct tape **ret, struct ps_err *e)
{
	struct tape_info info = { .uid = st->owner };

	(void)snprintf(info.name, sizeof(info.name), "%.*s", SHM_NAME_MAX, st->tape);
	(void)snprintf(info.root, sizeof(info.root), "%s", root);
	(void)snprintf(info.id, sizeof(info.id), "%s", st->id);
	(void)snprintf(info.boot_id, sizeof(info.boot_id), "%s", st->boot_id);
	if (tape_create(&info, ret, e) < 0)
		return -1;
	return observe_gid ? shm_share(st->tape, *observe_gid, e) : 0;
}
