/* SPDX-License-Identifier: Apache-2.0
 * pod_client.c - whom a word means, a connection to it, errors and numbers for people.
 */
#include "shim/cli/pod_client.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/proc.h"
#include "oci/names.h"
#include "shim/pod/pods.h"

int (lib_failed)(const struct podshim_error *why, struct ps_err *e)
{
	(void)ps_fail(e, (enum ps_err_class)why->code, "%s", why->text);
	if (e) {
		e->sys = why->sys;
		(void)ps_at(e, "%s", why->where);
	}
	return -1;
}

/* ---- Whom a word means ---- */

static int open_pod(const struct cli *cli, const char *name, struct state_dir *ret, struct ps_err *e)
{
	char root[4096];

	if (pods_root(cli->root, root, sizeof(root), e) < 0)
		return -1;
	return state_open(root, name, ret, e);
}

/* A pod of another user's that may be looked at. */
static bool is_observed(const struct cli *cli, const char *name)
{
	char dir[4096 + 16], path[4096 + 1100];
	struct stat st;

	if (pods_observe_dir(cli->root, dir, sizeof(dir), NULL) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s.sock", dir, name);
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool pod_exists(const struct cli *cli, const char *name)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;

	return container_id_valid(name) && (open_pod(cli, name, &dir, NULL) == 0 || is_observed(cli, name));
}

int pod_read(const struct cli *cli, const char *name, struct state *ret, struct ps_err *e)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;

	return open_pod(cli, name, &dir, e) < 0 ? -1 : state_read(&dir, ret, e);
}

bool pod_lives(const struct state *st)
{
	char boot[37];

	return st->pid > 0 && ps_boot_id(boot, NULL) == 0 && !strcmp(boot, st->boot_id) && ps_proc_is(st->pid, st->pid_start);
}

/* "POD.N" where POD is a pod. */
static bool names_runner(const struct cli *cli, const char *word, struct target *t)
{
	const char *dot = strrchr(word, '.');
	uint32_t n;

	if (!dot || ps_parse_u32(dot + 1, &n) < 0 || (size_t)(dot - word) >= sizeof(t->name))
		return false;
	memcpy(t->name, word, (size_t)(dot - word));
	t->name[dot - word] = '\0';
	t->n = n;
	return pod_exists(cli, t->name);
}

int target_of(const struct cli *cli, const char *word, struct target *ret, struct ps_err *e)
{
	auto_state_dir struct state_dir dir = STATE_DIR_NONE;
	struct target t = { .word = word };

	if (cli_check_id(word, e) < 0)
		return -1;
	if (names_runner(cli, word, &t)) {
		t.kind = TARGET_RUNNER;
	} else {
		t.n = 0;
		(void)snprintf(t.name, sizeof(t.name), "%s", word);
		if (!pod_exists(cli, word)) {
			t.kind = TARGET_CONTAINER;
			if (state_open(cli->root, word, &dir, NULL) < 0)
				return ps_fail(e, PS_E_NOTFOUND,
					       "no pod, runner or container is named '%s' below '%s'; 'podshim pod ls' lists the pods",
					       word, cli->root);
		}
	}
	*ret = t;
	return 0;
}

int target_runner(const struct cli *cli, const char *word, struct target *ret, struct ps_err *e)
{
	struct target t;

	if (target_of(cli, word, &t, e) < 0)
		return -1;
	if (t.kind == TARGET_POD)
		return ps_fail(e, PS_E_USAGE, "'%s' is a pod, a runner is %s.N; 'podshim pod ls %s' lists them", word, word, word);
	if (t.kind == TARGET_CONTAINER)
		return ps_fail(e, PS_E_USAGE, "'%s' is a container that belongs to no pod; see 'podshim help' for its commands",
			       word);
	*ret = t;
	return 0;
}

/* ---- Connections ---- */

static int is_dead(const struct cli *cli, const char *name)
{
	ps_auto_mem struct state *st = malloc(sizeof(*st));

	return st && pod_read(cli, name, st, NULL) == 0 && !pod_lives(st);
}

int target_connect(const struct cli *cli, const struct target *t, struct podshim **ret, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };

	if (podshim_connect(cli->root, t->name, ret, &why) == 0)
		return 0;
	if (t->kind != TARGET_CONTAINER && is_dead(cli, t->name))
		return ps_fail(e, PS_E_STATE, "pod '%s' is dead: its supervisor was killed; 'podshim gc' frees what it left",
			       t->name);
	if (t->kind == TARGET_CONTAINER && why.code == PODSHIM_E_STATE)
		return ps_fail(e, PS_E_STATE,
			       "container '%s' has no channel: make it with the annotation io.podshim.channel=1, or by 'podshim run DIR'",
			       t->name);
	return lib_failed(&why, e);
}

int target_observe(const struct cli *cli, const struct target *t, unsigned flags, struct podshim **ret,
		   struct podshim_runner **ret_runner, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	auto_podshim struct podshim *c = NULL;

	if (target_connect(cli, t, &c, e) < 0)
		return -1;
	if (podshim_observe(c, t->n, flags, ret_runner, &why) < 0) {
		if (why.code != PODSHIM_E_NOTFOUND)
			return lib_failed(&why, e);
		return ps_fail(e, PS_E_NOTFOUND, "there is no runner '%s'; 'podshim pod ls %s' lists them", t->word, t->name);
	}
	*ret = ps_take_ptr(&c);
	return 0;
}

int target_open(const struct cli *cli, const char *word, struct podshim **ret, struct podshim_runner **ret_runner,
		struct ps_err *e)
{
	struct target t;

	return target_runner(cli, word, &t, e) < 0 ? -1 : target_observe(cli, &t, 0, ret, ret_runner, e);
}

int grace_of(const char *time, unsigned *flags, int *ret_ms, struct ps_err *e)
{
	uint64_t ms = 10000;

	if (time && (ps_parse_time(time, &ms) < 0 || ms > INT_MAX))
		return ps_fail(e, PS_E_USAGE, "invalid time: %s is no duration, as in 500ms, 10s, 5m, 1h", time);
	if (!ms)
		*flags |= PODSHIM_FORCE;
	*ret_ms = (int)ms;
	return 0;
}

/* ---- For people ---- */

void format_time_ns(uint64_t ns, char out[40])
{
	out[0] = '\0';
	if (ns)
		ps_time_format(ns, out);
}

void format_bytes(uint64_t n, char out[16])
{
	static const char units[] = "KMGTPE";
	double v = (double)n;
	int i = -1;

	while (v >= 1024 && i < 5) {
		v /= 1024;
		i++;
	}
	if (i < 0)
		(void)snprintf(out, 16, "%llu", (unsigned long long)n);
	else
		(void)snprintf(out, 16, "%.1f%c", v, units[i]);
}

void format_age(uint64_t since_ns, char out[16])
{
	const uint64_t now = ps_clock_ns(CLOCK_REALTIME);
	uint64_t s;

	out[0] = '\0';
	if (!since_ns)
		return;
	s = now > since_ns ? (now - since_ns) / 1000000000u : 0;
	if (s < 120)
		(void)snprintf(out, 16, "%us", (unsigned)s);
	else if (s < 7200)
		(void)snprintf(out, 16, "%um", (unsigned)(s / 60));
	else if (s < 172800)
		(void)snprintf(out, 16, "%uh", (unsigned)(s / 3600));
	else
		(void)snprintf(out, 16, "%ud", (unsigned)(s / 86400));
}

bool is_json(const char *format)
{
	return format && !strcmp(format, "json");
}
