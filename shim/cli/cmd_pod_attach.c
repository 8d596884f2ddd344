/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_attach.c - podshim pod attach: our terminal or streams to those of a runner that is there.
 */
#include <string.h>
#include <unistd.h>

#include "shim/cli/pod_link.h"
#include "shim/cli/pod_session.h"

struct pod_attach_flags {
	const char *detach_keys;
	bool no_stdin;
};

#define AT(field) offsetof(struct pod_attach_flags, field)
static const struct opt pod_attach_rows[] = {
	{ "detach-keys", NULL, OPT_STR, "KEYS", "at a runner's terminal: keys that leave it running (default: ctrl-p,ctrl-q; none: no keys)", AT(detach_keys) },
	{ "no-stdin", NULL, OPT_FLAG, NULL, "only look on", AT(no_stdin) },
};

struct look {
	unsigned n, flags;
};

static int find_flags(const struct podshim_info *info, void *ctx)
{
	struct look *l = ctx;

	if (info->n == l->n)
		l->flags = info->flags;
	return 0;
}

static int attach_runner(const struct cli *cli, const struct target *t, struct session *s, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	struct look look = { .n = t->n };
	enum session_end end;
	int status = 0;

	if (target_observe(cli, t, 0, &c, &r, e) < 0)
		return -1;
	if (podshim_list(c, find_flags, &look, &why) < 0)
		return lib_failed(&why, e);
	s->c = c;
	s->r = r;
	s->tty = look.flags & PODSHIM_TTY;
	if (session_run(s, &end, &status, e) < 0)
		return -1;
	if (end == SESSION_DETACHED)
		cli_note("detached from '%s'; 'podshim pod attach %s' comes back", t->word, t->word);
	return status;
}

static int attach_container(const struct cli *cli, const struct target *t, struct ps_err *e)
{
	auto_podshim struct podshim *c = NULL;
	auto_podshim_link struct podshim_link *l = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };

	if (target_connect(cli, t, &c, e) < 0)
		return -1;
	if (podshim_link_open(c, t->n, 0, &l, &why) < 0)
		return lib_failed(&why, e);
	return link_copy(l, t->word, PODSHIM_DATA, /* reply= */ true, e);
}

static int run_pod_attach(struct cli *cli, struct ps_err *e)
{
	const struct pod_attach_flags *f = cli->flags;
	struct session s = { .input = !f->no_stdin };
	const char *keys = f->detach_keys ? f->detach_keys : DETACH_KEYS_DEFAULT;
	struct target t;

	if (detach_keys_parse(strcmp(keys, "none") ? keys : "", &s.detach, e) < 0 || target_of(cli, cli->words[0], &t, e) < 0)
		return -1;
	if (t.kind == TARGET_CONTAINER)
		return attach_container(cli, &t, e);
	if (t.kind == TARGET_POD)
		return target_runner(cli, t.word, &t, e);
	return attach_runner(cli, &t, &s, e);
}

const struct command cmd_pod_attach = {
	.name = "pod attach",
	.words = "NAME.N | ID",
	.summary = "attach to a runner that is there",
	.about = "First the output that is kept, then what comes, until the runner has ended;\n"
		 "exits with its status. Standard input goes to it, where it was launched with\n"
		 "--stdin or has a terminal. Ctrl-P Ctrl-Q on a terminal leaves it running, and so\n"
		 "does the end of podshim. A container of another caller's with a channel is\n"
		 "attached to by a link, as with 'podshim pod send'.",
	.examples = "podshim pod attach jobs.7\n",
	.opts = OPT_TABLE(pod_attach_rows),
	.flags_size = sizeof(struct pod_attach_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_attach,
};
