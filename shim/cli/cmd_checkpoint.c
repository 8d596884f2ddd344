/* SPDX-License-Identifier: Apache-2.0
 * cmd_checkpoint.c - podshim checkpoint: write the processes of a container to images.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "base/num.h"
#include "shim/cli/cmd.h"
#include "shim/cli/criu_flags.h"

struct checkpoint_flags {
	struct pod_checkpoint_request r;
	const char *page_server, *status_fd, *empty_ns;
};

#define AT(field) offsetof(struct checkpoint_flags, field)
static const struct opt checkpoint_rows[] = {
	CRIU_FLAGS(AT(r.criu)),
	{ "parent-path", NULL, OPT_STR, "DIR", "images of a pre-dump that these continue, relative to --image-path", AT(r.parent_path) },
	{ "leave-running", "R", OPT_FLAG, NULL, "the container runs on", AT(r.leave_running) },
	{ "pre-dump", "P", OPT_FLAG, NULL, "only the memory, and the container runs on", AT(r.pre_dump) },
	{ "tcp-skip-in-flight", NULL, OPT_FLAG, NULL, "leave out connections that are not yet established", AT(r.criu.tcp_skip_in_flight) },
	{ "link-remap", NULL, OPT_FLAG, NULL, "allow files that were unlinked: they get names beside their old ones", AT(r.criu.link_remap) },
	{ "page-server", NULL, OPT_STR, "ADDRESS:PORT", "send the memory there instead of to a file", AT(page_server) },
	{ "status-fd", NULL, OPT_STR, "FD", "gets a byte when pages can be fetched", AT(status_fd) },
	{ "empty-ns", NULL, OPT_ENUM, "network", "do not keep what is in this namespace", AT(empty_ns) },
};

static int page_server(struct cli *cli, struct checkpoint_flags *f, struct ps_err *e)
{
	const char *colon = f->page_server ? strrchr(f->page_server, ':') : NULL;

	if (!f->page_server)
		return f->r.criu.lazy_pages ? ps_fail(e, PS_E_USAGE, "--lazy-pages needs --page-server ADDRESS:PORT: somebody has to fetch them") : 0;
	if (!colon || colon == f->page_server || ps_parse_u32(colon + 1, &f->r.page_server_port) < 0 || !f->r.page_server_port ||
	    f->r.page_server_port > 65535)
		return ps_fail(e, PS_E_USAGE, "invalid page-server: %s is not ADDRESS:PORT", f->page_server);
	f->r.page_server = ps_arena_strndup(&cli->mem, f->page_server, (size_t)(colon - f->page_server));
	return f->r.page_server ? 0 : ps_fail_os(e, "allocate");
}

static int status_fd(struct checkpoint_flags *f, struct ps_err *e)
{
	uint32_t fd;

	f->r.status_fd = -1;
	if (!f->status_fd)
		return 0;
	if (ps_parse_u32(f->status_fd, &fd) < 0 || fd > INT32_MAX || fcntl((int)fd, F_GETFD) < 0)
		return ps_fail(e, PS_E_USAGE, "invalid status-fd: %s is no open descriptor", f->status_fd);
	f->r.status_fd = (int)fd;
	return 0;
}

static int run_checkpoint(struct cli *cli, struct ps_err *e)
{
	struct checkpoint_flags *f = cli->flags;

	f->r.id = cli->words[0];
	if (!f->r.criu.image_path)
		f->r.criu.image_path = CRIU_DEFAULT_IMAGES;
	f->r.criu.empty_ns = f->empty_ns ? CLONE_NEWNET : 0;
	if (cli_check_id(f->r.id, e) < 0 || page_server(cli, f, e) < 0 || status_fd(f, e) < 0)
		return -1;
	return pod_checkpoint(&cli->env, &f->r, e);
}

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.words = "ID",
	.summary = "write the processes of a container to files",
	.about = "Takes root and criu(8). Without --leave-running and --pre-dump the container is\n"
		 "deleted then; after a failure it runs on, and the message names criu's log.\n"
		 "A container under permissions, one with a channel (see 'run --no-channel') and a\n"
		 "runner of a pod cannot be checkpointed: what supervises them would not be in the\n"
		 "images. criu reads /etc/criu/podshim.conf, crun.conf or runc.conf, or the file of\n"
		 "/etc/criu that the annotation org.criu.config names.",
	.examples = "podshim checkpoint --image-path ./images web\n"
		    "podshim checkpoint --leave-running --tcp-established --image-path ./images web\n",
	.opts = OPT_TABLE(checkpoint_rows),
	.flags_size = sizeof(struct checkpoint_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_checkpoint,
};
