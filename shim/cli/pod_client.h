/* SPDX-License-Identifier: Apache-2.0
 * pod_client.h - what the pod commands share: whom a word means, a connection to it, errors of libpodshim.
 */
#pragma once
#include "base/scope.h"
#include "ipc/podshim.h"
#include "oci/state.h"
#include "shim/cli/cmd.h"

PS_SCOPED(struct podshim *, podshim_closep, NULL, podshim_close)
#define auto_podshim ps_auto(podshim_closep)
PS_SCOPED(struct podshim_runner *, podshim_runner_closep, NULL, podshim_runner_close)
#define auto_podshim_runner ps_auto(podshim_runner_closep)
PS_SCOPED(struct podshim_link *, podshim_link_closep, NULL, podshim_link_close)
#define auto_podshim_link ps_auto(podshim_link_closep)

/* "POD.N": runner n of the pod; "POD": the pod; "ID": a container that somebody else made, whose n is 0. */
enum target_kind { TARGET_POD, TARGET_RUNNER, TARGET_CONTAINER };
struct target {
	enum target_kind kind;
	const char *word;    /* as it was typed */
	char name[1024];     /* of the pod or container */
	unsigned n;
};

/* Who is meant; a pod comes before a container of the same name. */
int target_of(const struct cli *cli, const char *word, struct target *ret, struct ps_err *e);
/* The same, and it is POD.N. */
int target_runner(const struct cli *cli, const char *word, struct target *ret, struct ps_err *e);
/* Connect to the pod or container.  A pod whose processes are dead is told as such. */
int target_connect(const struct cli *cli, const struct target *t, struct podshim **ret, struct ps_err *e);
/* Connect, and take a handle on runner t->n; flags as in podshim_observe. */
int target_observe(const struct cli *cli, const struct target *t, unsigned flags, struct podshim **ret,
		   struct podshim_runner **ret_runner, struct ps_err *e);
/* The same for the POD.N that word names. */
int target_open(const struct cli *cli, const char *word, struct podshim **ret, struct podshim_runner **ret_runner,
		struct ps_err *e);

/* ROOT/.pods/NAME: is it there? */
bool pod_exists(const struct cli *cli, const char *name);
/* Its record.  Has it a living supervisor?  -1 with *e when it cannot be told. */
int pod_read(const struct cli *cli, const char *name, struct state *ret, struct ps_err *e);
bool pod_lives(const struct state *st);

/* libpodshim's error into ours.  Always -1. */
int lib_failed(const struct podshim_error *why, struct ps_err *e);
#define lib_failed(why, e) PS_MINUS_ONE(lib_failed(why, e))

/* --time of what stops runners; NULL: 10 s.  0 is FORCE, which *flags gets. */
int grace_of(const char *time, unsigned *flags, int *ret_ms, struct ps_err *e);

/* "2026-01-02T03:04:05.123456789Z", or "" for 0. */
void format_time_ns(uint64_t ns, char out[40]);
/* "1.5G", "12.0K", "7": at most 8 bytes. */
void format_bytes(uint64_t n, char out[16]);
/* "3.2s", "5m", "2h", "9d": how long ago. */
void format_age(uint64_t since_ns, char out[16]);
bool is_json(const char *format);
