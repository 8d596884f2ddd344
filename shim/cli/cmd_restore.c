/* SPDX-License-Identifier: Apache-2.0
 * cmd_restore.c - podshim restore: make a container whose processes come from images.
 */
#include <sched.h>
#include <string.h>

#include "shim/cli/cmd.h"
#include "shim/cli/criu_flags.h"

struct restore_flags {
	struct pod_restore_request r;
	const char *empty_ns;
};

#define AT(field) offsetof(struct restore_flags, field)
static const struct opt restore_rows[] = {
	{ "bundle", "b", OPT_STR, "DIR", "bundle directory (default: the current one)", AT(r.create.bundle) },
	{ "config", "f", OPT_STR, "FILE", "read FILE instead of the bundle's config.json", AT(r.create.config) },
	{ "detach", "d", OPT_FLAG, NULL, "return when the container runs", AT(r.create.detach) },
	{ "console-socket", NULL, OPT_STR, "SOCKET", "socket that receives the terminal's master side", AT(r.create.console_socket) },
	{ "pidfd-socket", NULL, OPT_STR, "SOCKET", "socket that receives a pidfd of the first process", AT(r.create.pidfd_socket) },
	{ "pid-file", NULL, OPT_STR, "FILE", "write the first process's pid to FILE once it exists", AT(r.create.pid_file) },
	{ "no-pivot", NULL, OPT_FLAG, NULL, "for what prepares the container: as of 'create'", AT(r.create.no_pivot) },
	{ "no-subreaper", NULL, OPT_NONE, NULL, "accepted, no effect", 0 },
	CRIU_FLAGS(AT(r.criu)),
	{ "tcp-close", NULL, OPT_FLAG, NULL, "close TCP connections that were kept", AT(r.criu.tcp_close) },
	{ "empty-ns", NULL, OPT_ENUM, "network", "make this namespace, and leave it empty", AT(empty_ns) },
	{ "lsm-profile", NULL, OPT_STR, "TYPE:NAME", "another profile: apparmor:NAME or selinux:LABEL", AT(r.lsm_profile) },
	{ "lsm-mount-context", NULL, OPT_STR, "CONTEXT", "another SELinux context of mounts", AT(r.lsm_mount_context) },
};

static int check_profile(const char *p, struct ps_err *e)
{
	if (!p || (!strncmp(p, "apparmor:", 9) && p[9]) || (!strncmp(p, "selinux:", 8) && p[8]))
		return 0;
	return ps_fail(e, PS_E_USAGE, "invalid lsm-profile: %s is neither apparmor:NAME nor selinux:LABEL", p);
}

static int run_restore(struct cli *cli, struct ps_err *e)
{
	struct restore_flags *f = cli->flags;
	struct pod_create_request *r = &f->r.create;
	int status = 0;

	r->id = cli->words[0];
	if (!f->r.criu.image_path)
		f->r.criu.image_path = CRIU_DEFAULT_IMAGES;
	f->r.criu.empty_ns = f->empty_ns ? CLONE_NEWNET : 0;
	if (cli_check_id(r->id, e) < 0 || cli_here(&r->bundle, r->config, "-b DIR", e) < 0 || check_profile(f->r.lsm_profile, e) < 0 ||
	    cli_permissions(cli, &r->permissions, e) < 0 || pod_restore(&cli->env, &f->r, &status, e) < 0)
		return -1;
	return status;
}

const struct command cmd_restore = {
	.name = "restore",
	.words = "ID",
	.summary = "make a container from such files",
	.about = "Takes root and criu(8). The bundle says what the container may do: namespaces,\n"
		 "mounts, cgroup limits and device rules are made from its config.json, and what\n"
		 "criu made of the images is compared with it before it runs: capabilities, system\n"
		 "call filter, no_new_privs, namespaces and mounts of every thread. Images are not\n"
		 "trusted beyond that: do not restore those of somebody that you would not let run\n"
		 "as root inside the container.\n"
		 "In the foreground podshim waits, passes signals on, exits with the status of the\n"
		 "program (128 + N after signal N), and deletes the container.",
	.examples = "podshim restore -d -b ./bundle --image-path ./images web\n",
	.opts = OPT_TABLE(restore_rows),
	.flags_size = sizeof(struct restore_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_restore,
};
