/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_logs.c - podshim pod logs: what a runner has printed.
 */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/cli/pod_client.h"

struct pod_logs_flags {
	bool follow, timestamps, only_stdout, only_stderr;
};

#define AT(field) offsetof(struct pod_logs_flags, field)
static const struct opt pod_logs_rows[] = {
	{ "follow", "f", OPT_FLAG, NULL, "go on until the runner has ended", AT(follow) },
	{ "timestamps", NULL, OPT_FLAG, NULL, "begin each line with the time when it came", AT(timestamps) },
	{ "stdout", NULL, OPT_FLAG, NULL, "only what went to standard output", AT(only_stdout) },
	{ "stderr", NULL, OPT_FLAG, NULL, "only what went to standard error", AT(only_stderr) },
};

/* Where lines begin, by stream. */
struct lines {
	bool inside[2];
};

static void put_stamped(struct ps_buf *out, struct lines *l, const struct podshim_output *o)
{
	bool *inside = &l->inside[o->stream == 2];
	char when[40];

	format_time_ns(o->time_ns, when);
	for (size_t at = 0, n; at < o->len; at += n) {
		const char *end = memchr(o->data + at, '\n', o->len - at);

		n = end ? (size_t)(end - o->data) + 1 - at : o->len - at;
		if (!*inside)
			ps_buf_printf(out, "%s ", when);
		ps_buf_put(out, o->data + at, n);
		*inside = !end;
	}
}

static int print(const struct pod_logs_flags *f, struct lines *l, const struct podshim_output *o, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const int fd = o->stream == 2 ? STDERR_FILENO : STDOUT_FILENO;

	if ((f->only_stdout && !f->only_stderr && fd != STDOUT_FILENO) ||
	    (f->only_stderr && !f->only_stdout && fd != STDERR_FILENO))
		return 0;
	if (f->timestamps)
		put_stamped(&out, l, o);
	else
		ps_buf_put(&out, o->data, o->len);
	if (out.failed)
		return ps_fail(e, PS_E_OS, "out of memory for the output");
	return ps_write_all(fd, out.data, out.len) < 0 ? ps_fail_os(e, "write to standard %s", fd == 1 ? "output" : "error") : 0;
}

static int run_pod_logs(struct cli *cli, struct ps_err *e)
{
	const struct pod_logs_flags *f = cli->flags;
	auto_podshim struct podshim *c = NULL;
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	struct podshim_output o;
	struct lines l = { { false, false } };
	int got;

	if (target_open(cli, cli->words[0], &c, &r, e) < 0)
		return -1;
	while ((got = podshim_output(r, &o, f->follow ? -1 : 0, &why)) == 1) {
		if (o.lost)
			cli_note("%llu bytes here were overwritten; 'pod create --history' keeps more", (unsigned long long)o.lost);
		/* A reader that went away (| head) has seen what it wanted. */
		if (print(f, &l, &o, e) < 0)
			return e->sys == EPIPE ? 0 : -1;
	}
	return got < 0 ? lib_failed(&why, e) : 0;
}

const struct command cmd_pod_logs = {
	.name = "pod logs",
	.words = "NAME.N",
	.summary = "print what a runner has printed",
	.about = "As far as it is kept ('pod create --history'), to standard output and standard\n"
		 "error as the program did. Output of a terminal is all standard output.",
	.examples = "podshim pod logs --follow jobs.7\n",
	.opts = OPT_TABLE(pod_logs_rows),
	.flags_size = sizeof(struct pod_logs_flags),
	.min_words = 1,
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_logs,
};
