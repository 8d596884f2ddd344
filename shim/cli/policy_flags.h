/* SPDX-License-Identifier: Apache-2.0
 * policy_flags.h - the flags that make a policy: --allow-read[=PATH,...] and its like, for every command that takes one.
 */
#pragma once
#include "shim/cli/args.h"
#include "shim/policy/permissions.h"

struct policy_flags {
	struct opt_grants grants;    /* rows of perm_flags, -P and --reset-deny, in order */
	struct opt_list files;       /* --policy */
	struct opt_list dns, add_host;
	const char *audit, *broker;
	bool all, best_effort, quiet, jit, undo, ask, no_prompt;
	uint64_t memory, output, disk; /* bytes; 0: not given, as below */
	uint32_t pids;
	uint64_t cpus;               /* thousandths */
};

/* The table; made from perm_flags at the first call. */
struct opt_table policy_opts(void);
/* Was any of them given? */
bool policy_flags_given(const struct policy_flags *f);

/* Those of them that narrow what is permitted already (CMD_NARROWS); all go to one struct opt_grants. */
struct opt_table narrow_opts(void);

struct cli;
/* Of CMD_NARROWS: what was given, as texts for perm_layer_of_flags(). */
int cli_narrow(struct cli *cli, struct spec_strs *ret, struct ps_err *e);
/*
 * What command line and environment say, as layers from weak to strong, without the system's files and annotations.  They
 * live as long as cli.
 */
int cli_permissions(struct cli *cli, const struct perm_layers **ret, struct ps_err *e);
