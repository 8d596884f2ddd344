/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_send.c - podshim pod send: standard input as records to a runner, its records as standard output.
 */
#include "shim/cli/pod_link.h"

struct pod_send_flags {
	uint32_t type;
	uint64_t ring_size;
	bool no_reply;
};

#define AT(field) offsetof(struct pod_send_flags, field)
static const struct opt pod_send_rows[] = {
	{ "type", NULL, OPT_U32, "N", "type of the records (default: 2, DATA)", AT(type) },
	{ "ring-size", NULL, OPT_SIZE, "SIZE", "bytes of each ring, a power of two from 64K to 64M (default: the pod's)", AT(ring_size) },
	{ "no-reply", NULL, OPT_FLAG, NULL, "leave once all was sent", AT(no_reply) },
};

static int run_pod_send(struct cli *cli, struct ps_err *e)
{
	const struct pod_send_flags *f = cli->flags;
	auto_podshim struct podshim *c = NULL;
	auto_podshim_link struct podshim_link *l = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	struct target t;

	if (f->type > UINT16_MAX)
		return ps_fail(e, PS_E_USAGE, "invalid type: %u is more than %d", f->type, UINT16_MAX);
	if (target_of(cli, cli->words[0], &t, e) < 0)
		return -1;
	if (t.kind == TARGET_POD)
		return target_runner(cli, t.word, &t, e);
	if (target_connect(cli, &t, &c, e) < 0)
		return -1;
	if (podshim_link_open(c, t.n, f->ring_size, &l, &why) < 0)
		return lib_failed(&why, e);
	return link_copy(l, t.word, f->type ? f->type : PODSHIM_DATA, !f->no_reply, e);
}

const struct command cmd_pod_send = {
	.name = "pod send",
	.words = "NAME.N | ID",
	.summary = "send standard input to a runner through shared memory",
	.about = "Standard input becomes DATA records of a link to the program, which must accept\n"
		 "links (PODSHIM_CHANNEL_FD, libpodshim); what comes back goes to standard output.\n"
		 "Ends when both are at their end. ID is any container with a channel. A program\n"
		 "that does not accept is waited for: after a second a note says so, once.",
	.examples = "podshim pod send jobs.7 <input >output\n",
	.opts = OPT_TABLE(pod_send_rows),
	.flags_size = sizeof(struct pod_send_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_send,
};
