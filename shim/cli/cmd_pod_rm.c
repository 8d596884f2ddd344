/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_rm.c - podshim pod rm: end a pod, or free a runner that has ended.
 */
#include "base/proc.h"
#include "shim/cli/pod_client.h"
#include "shim/pod/pods.h"

struct pod_rm_flags {
	bool force;
	const char *time;
};

static const struct opt pod_rm_rows[] = {
	{ "force", "f", OPT_FLAG, NULL, "kill what runs, at once", offsetof(struct pod_rm_flags, force) },
	{ "time", "t", OPT_STR, "DURATION", "of a pod: from SIGTERM to SIGKILL (default: 10s)", offsetof(struct pod_rm_flags, time) },
};

static int remove_runner(const struct cli *cli, const struct target *t, unsigned flags, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };

	if (target_observe(cli, t, 0, &c, &r, e) < 0)
		return -1;
	if (podshim_remove(r, flags, &why) == 0)
		return 0;
	if (why.code != PODSHIM_E_STATE)
		return lib_failed(&why, e);
	return ps_fail(e, PS_E_STATE, "%s; 'podshim pod stop %s' ends it, --force kills it", why.text, t->word);
}

/* Its supervisor goes last, when everything was freed. */
static int remove_pod(const struct cli *cli, const struct target *t, unsigned flags, int grace_ms, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	int swept = pods_sweep(&cli->env, t->name, e);

	if (swept)
		return swept < 0 ? -1 : 0;
	if (target_connect(cli, t, &c, e) < 0)
		return -1;
	ps_auto_fd int supervisor = ps_pidfd_open(podshim_server_pid(c));

	/* Its last reply may be lost with the connection; whether it has ended is what counts. */
	if (podshim_shutdown(c, flags, grace_ms, &why) < 0 && why.sys != EPIPE)
		return lib_failed(&why, e);
	if (supervisor >= 0 && ps_pidfd_wait_exit(supervisor, -1) < 0)
		return ps_fail_os(e, "wait for the end of pod '%s'", t->name);
	return 0;
}

static int run_pod_rm(struct cli *cli, struct ps_err *e)
{
	const struct pod_rm_flags *f = cli->flags;
	unsigned flags = f->force ? PODSHIM_FORCE : 0;
	int grace_ms;

	if (grace_of(f->time, &flags, &grace_ms, e) < 0)
		return -1;
	for (size_t i = 0; i < cli->n_words; i++) {
		struct target t;

		if (target_of(cli, cli->words[i], &t, e) < 0)
			return -1;
		if (t.kind == TARGET_CONTAINER)
			return ps_fail(e, PS_E_USAGE, "'%s' is a container that belongs to no pod; 'podshim delete %s' frees it",
				       t.word, t.word);
		if (t.kind == TARGET_RUNNER && f->time)
			return ps_fail(e, PS_E_USAGE, "--time is for a pod; 'podshim pod stop --time %s %s' ends a runner", f->time, t.word);
		if ((t.kind == TARGET_POD ? remove_pod(cli, &t, flags, grace_ms, e) : remove_runner(cli, &t, flags, e)) < 0)
			return -1;
	}
	return 0;
}

const struct command cmd_pod_rm = {
	.name = "pod rm",
	.words = "NAME | NAME.N ...",
	.summary = "end a pod, or free a runner that has ended",
	.about = "The runners of a pod are asked to end by SIGTERM, and killed when they have not\n"
		 "ended in time. Then the pod and all that it holds are freed. What a killed pod left\n"
		 "is freed, too.",
	.examples = "podshim pod rm jobs\n"
		    "podshim pod rm --force jobs.7\n",
	.opts = OPT_TABLE(pod_rm_rows),
	.flags_size = sizeof(struct pod_rm_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT,
	.run = run_pod_rm,
};
