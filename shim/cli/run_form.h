/* SPDX-License-Identifier: Apache-2.0
 * run_form.h - the forms of `run`, for whoever runs something in the same words: a bundle, a script, a program.
 */
#pragma once
#include "shim/cli/cmd.h"
#include "shim/cli/create_flags.h"
#include "shim/pod/program.h"

struct run_flags {
	struct pod_create_request create; /* first: CREATE_FLAGS say where in it */
	struct opt_list env, binds;
	const char *cwd, *name;
	bool tty;
	struct program_request program;
};
#define RUN_AT(field) offsetof(struct run_flags, field)
#define RUN_FORM_FLAGS                                                                                                           \
	{ "name", NULL, OPT_STR, "ID", "in the forms without ID: this one, not a generated one", RUN_AT(name) },                     \
	{ "env", "e", OPT_LIST, "NAME[=VALUE]", "without a bundle: a variable of the program's environment", RUN_AT(env) },       \
	{ "cwd", NULL, OPT_STR, "DIR", "without a bundle: working directory (default: the current one, empty)", RUN_AT(cwd) },    \
	{ "bind", NULL, OPT_LIST, "SRC[:DST[:ro]]", "without a bundle: a file or directory of the host's at DST", RUN_AT(binds) }, \
	{ "tty", "t", OPT_FLAG, NULL, "without a bundle: give it a terminal (default: if stdin and stdout are one)", RUN_AT(tty) }

enum { RUN_ID_LEN = 12 };
/* What to run, from the words and what they name; fills bundle, program and id, which may be generated[RUN_ID_LEN + 1]. */
int run_form(struct cli *cli, struct run_flags *f, char *generated, struct ps_err *e);
