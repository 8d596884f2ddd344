/* SPDX-License-Identifier: Apache-2.0
 * cmd_exec.c - podshim exec: run another process inside a container.
 */
#include <string.h>

#include "base/num.h"
#include "oci/names.h"
#include "shim/cli/cmd.h"

struct exec_flags {
	struct pod_exec_request r;
	struct opt_list env, caps, groups, cgroups;
};

#define AT(field) offsetof(struct exec_flags, field)
static const struct opt exec_rows[] = {
	{ "process", "p", OPT_STR, "FILE", "take the process from FILE, a JSON process object",
	  AT(r.process_file) },
	{ "cwd", NULL, OPT_STR, "PATH", "working directory", AT(r.cwd) },
	{ "env", "e", OPT_LIST, "NAME=VALUE", "set a variable; may be repeated", AT(env) },
	{ "tty", "t", OPT_FLAG, NULL, "give it a terminal", AT(r.tty) },
	{ "user", "u", OPT_STR, "UID[:GID]", "run as this user", AT(r.user) },
	{ "additional-gids", "g", OPT_LIST, "GID", "add a group; may be repeated", AT(groups) },
	{ "cap", "c", OPT_LIST, "CAP", "add a capability (CAP_SYS_TIME); may be repeated", AT(caps) },
	{ "no-new-privs", NULL, OPT_FLAG, NULL, "it can never gain privileges by an exec",
	  AT(r.no_new_privs) },
	{ "process-label", NULL, OPT_STR, "LABEL", "SELinux label, in place of the container's", AT(r.process_label) },
	{ "apparmor", NULL, OPT_STR, "PROFILE", "AppArmor profile, in place of the container's", AT(r.apparmor) },
	{ "cgroup", NULL, OPT_LIST, "[CONTROLLER,...:]PATH",
	  "join the cgroup PATH below the container's, which is there; '/': its own; may be repeated for other controllers",
	  AT(cgroups) },
	{ "ignore-paused", NULL, OPT_FLAG, NULL, "do it even in a paused container", AT(r.ignore_paused) },
	{ "detach", "d", OPT_FLAG, NULL, "return when it runs", AT(r.detach) },
	{ "console-socket", NULL, OPT_STR, "SOCKET", "socket that receives the terminal's master side",
	  AT(r.console_socket) },
	{ "pidfd-socket", NULL, OPT_STR, "SOCKET", "socket that receives a pidfd of the process",
	  AT(r.pidfd_socket) },
	{ "pid-file", NULL, OPT_STR, "FILE", "write its pid to FILE once it exists", AT(r.pid_file) },
	{ "preserve-fds", NULL, OPT_U32, "N",
	  "pass N file descriptors from 3 on, besides those of LISTEN_FDS", AT(r.preserve_fds) },
};

/* One group id per list entry. */
static int parse_groups(struct cli *cli, const struct exec_flags *f, struct pod_exec_request *r,
			struct ps_err *e)
{
	uint32_t *gids = f->groups.n ? ps_arena_array(&cli->mem, f->groups.n, sizeof(*gids)) : NULL;

	if (f->groups.n && !gids)
		return ps_fail_os(e, "allocate");
	for (size_t i = 0; i < f->groups.n; i++)
		if (ps_parse_u32(f->groups.v[i], &gids[i]) < 0)
			return ps_fail(e, PS_E_USAGE, "invalid additional-gids: %s is not a group id",
				       f->groups.v[i]);
	r->groups = gids;
	r->n_groups = f->groups.n;
	return 0;
}

static int check_caps(const struct opt_list *caps, struct ps_err *e)
{
	for (size_t i = 0; i < caps->n; i++)
		if (!ps_name_find(names_capability, n_names_capability, caps->v[i]))
			return ps_fail(e, PS_E_USAGE,
				       "invalid cap: '%s' is not a capability; 'podshim features' lists them all (CAP_CHOWN)",
				       caps->v[i]);
	return 0;
}

static int run_exec(struct cli *cli, struct ps_err *e)
{
	struct exec_flags *f = cli->flags;
	struct pod_exec_request *r = &f->r;
	size_t first = cli->n_words > 1 && !strcmp(cli->words[1], "--") ? 2 : 1;
	int status = 0;

	r->id = cli->words[0];
	r->args = cli->words + first;
	r->env = f->env.v;
	r->n_env = f->env.n;
	r->caps = f->caps.v;
	r->n_caps = f->caps.n;
	r->cgroups = (struct spec_strs){ f->cgroups.v, f->cgroups.n };
	if (cli_check_id(r->id, e) < 0 || check_caps(&f->caps, e) < 0 || parse_groups(cli, f, r, e) < 0 ||
	    cli_preserve_fds(cli, &r->preserve_fds, e) < 0 || cli_narrow(cli, &r->narrow, e) < 0)
		return -1;
	if (!r->process_file && !r->args[0])
		return ps_fail(e, PS_E_USAGE, "exec in '%s' needs a command or --process", r->id);
	if (r->process_file && r->args[0])
		return ps_fail(e, PS_E_USAGE, "exec takes a command or --process, not both: '%s'",
			       r->args[0]);
	cli->fail_status = 255;
	if (pod_exec(&cli->env, r, &status, e) < 0)
		return ps_ctx(e, "exec failed");
	return status;
}

const struct command cmd_exec = {
	.name = "exec",
	.words = "ID COMMAND [ARGS]",
	.summary = "run another process inside a container",
	.about = "Everything behind ID belongs to the command. Without --process it runs with\n"
		 "the environment, user and capabilities of the container's own process, changed\n"
		 "by the flags; with it FILE says all of that, and of these flags only --tty counts.\n"
		 "Exits with the status of the command, and with 255 when podshim could not run it.\n"
		 "\n"
		 "Permission flags behind 'exec' take more away than the container's permissions do:\n"
		 "what would widen them is an error. They cannot take away what would need other\n"
		 "mounts; modes, owners, times and attributes of what the container may write stay\n"
		 "changeable, and names that it may look up can be looked up. Before 'exec' they are\n"
		 "the runtime's, for containers that are made, and do nothing.",
	.examples = "podshim exec -t web sh\n"
		    "podshim exec -e LANG=C -u 1000:1000 web ls -l /\n"
		    "podshim exec --deny-net --allow-read=/srv/public web ./index\n",
	.opts = OPT_TABLE(exec_rows),
	.flags_size = sizeof(struct exec_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD | CMD_NARROWS,
	.run = run_exec,
};
