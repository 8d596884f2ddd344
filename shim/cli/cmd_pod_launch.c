/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_launch.c - podshim pod launch: a program, or code, in a runner of a pod.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "shim/cli/pod_session.h"

struct pod_launch_flags {
	struct podshim_launch what;
	struct opt_list env;
	uint32_t pids;
	bool detach, input, tty, json;
	const char *code, *code_file, *detach_keys;
};

#define AT(field) offsetof(struct pod_launch_flags, field)
static const struct opt pod_launch_rows[] = {
	{ "detach", "d", OPT_FLAG, NULL, "print its id and return when it runs; it lives on", AT(detach) },
	{ "stdin", "i", OPT_FLAG, NULL, "give it our standard input; with --detach: leave it open for 'pod attach'", AT(input) },
	{ "tty", "t", OPT_FLAG, NULL, "use its terminal (pods made with --tty)", AT(tty) },
	{ "env", "e", OPT_LIST, "NAME=VALUE", "set a variable; may be repeated", AT(env) },
	{ "cwd", NULL, OPT_STR, "PATH", "working directory", AT(what.cwd) },
	{ "memory", "m", OPT_SIZE, "SIZE", "memory limit", AT(what.memory) },
	{ "pids", NULL, OPT_U32, "N", "limit of processes", AT(pids) },
	{ "cpus", NULL, OPT_CPUS, "X", "limit of CPU time: 1.5 is one and a half", AT(what.cpus) },
	{ "timeout", NULL, OPT_TIME, "DURATION", "kill it after that: 500ms, 10s, 5m, 1h", AT(what.timeout_ms) },
	{ "output-limit", NULL, OPT_SIZE, "SIZE", "kill it when it has printed more", AT(what.output_limit) },
	{ "code", "c", OPT_STR, "TEXT", "run TEXT on an interpreter (pods made with --interpreter)", AT(code) },
	{ "code-file", NULL, OPT_STR, "FILE", "the same from FILE, or with - from standard input", AT(code_file) },
	{ "json", NULL, OPT_FLAG, NULL, "with --code: print the result, with --detach: the id, as JSON", AT(json) },
	{ "detach-keys", NULL, OPT_STR, "KEYS", "with -t: keys that leave it running (default: ctrl-p,ctrl-q; none: no keys)", AT(detach_keys) },
};

/* As other engines: a program that is not there, one that cannot be executed, anything else that went wrong here. */
enum { STATUS_NOT_FOUND = 127, STATUS_NOT_EXECUTABLE = 126, STATUS_OURS = 125, CODE_MAX = 64 * 1024 * 1024 };

static int check_flags(const struct cli *cli, const struct pod_launch_flags *f, struct ps_err *e)
{
	const bool code = f->code || f->code_file;

	if (f->code && f->code_file)
		return ps_fail(e, PS_E_USAGE, "--code and --code-file exclude each other");
	if (code && (cli->n_words > 1 || f->detach || f->input || f->tty || f->env.n || f->what.cwd))
		return ps_fail(e, PS_E_USAGE, "--code runs in a program that runs already: it takes no COMMAND, --detach, --stdin, --tty, --env, --cwd");
	if (f->json && !code && !f->detach)
		return ps_fail(e, PS_E_USAGE, "--json is for --code and --detach");
	for (size_t i = 0; i < f->env.n; i++)
		if (!strchr(f->env.v[i], '=') || f->env.v[i][0] == '=')
			return ps_fail(e, PS_E_USAGE, "invalid env: '%s' is not NAME=VALUE", f->env.v[i]);
	return 0;
}

/* An exit status that tells whose failure it was. */
static int launch_failed(struct cli *cli, const struct podshim_error *why, struct ps_err *e)
{
	const bool exec = strstr(why->text, "exec: \"") || strstr(why->text, "exec /");

	if (exec && (why->code == PODSHIM_E_NOTFOUND || why->sys == ENOENT))
		cli->fail_status = STATUS_NOT_FOUND;
	else if (exec)
		cli->fail_status = STATUS_NOT_EXECUTABLE;
	return lib_failed(why, e);
}

/* Was it a limit that ended it? */
static bool tell_limit(const struct pod_launch_flags *f, const struct podshim_runner *r)
{
	const char *id = podshim_runner_id(r), *reason = podshim_reason(r);

	if (!strcmp(reason, "timeout"))
		cli_note("'%s' was killed: it ran for longer than %llu ms (--timeout)", id, (unsigned long long)f->what.timeout_ms);
	else if (!strcmp(reason, "memory"))
		cli_note("'%s' was killed: it needed more memory than its limit or its pod's (--memory)", id);
	else if (!strcmp(reason, "output-limit"))
		cli_note(f->what.output_limit ? "'%s' was killed: it printed more than %llu bytes (--output-limit)"
					      : "'%s' was killed: it printed more than its pod's limit of output", id,
			 (unsigned long long)f->what.output_limit);
	else
		return false;
	return true;
}

/* ---- A program ---- */

static int print_id(const struct pod_launch_flags *f, const struct podshim_runner *r, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct ps_jsonw w = { .out = &out };

	if (f->json) {
		ps_jw_object(&w, NULL);
		ps_jw_str(&w, "id", podshim_runner_id(r));
		ps_jw_uint(&w, "n", podshim_runner_number(r));
		ps_jw_int(&w, "pid", podshim_runner_pid(r));
		ps_jw_end_object(&w);
	} else {
		ps_buf_puts(&out, podshim_runner_id(r));
	}
	ps_buf_putc(&out, '\n');
	return cli_print(&out, e);
}

static int foreground(const struct pod_launch_flags *f, struct session *s, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	const char *id = podshim_runner_id(s->r);
	enum session_end end;
	int status = 0;

	if (session_run(s, &end, &status, e) < 0)
		return -1;
	switch (end) {
	case SESSION_ENDED:
		(void)tell_limit(f, s->r);
		break;
	case SESSION_DETACHED:
		if (podshim_detach(s->r, &why) < 0)
			return lib_failed(&why, e);
		cli_note("detached from '%s'; 'podshim pod attach %s' comes back", id, id);
		break;
	case SESSION_INTERRUPTED:
		cli_note("'%s' is killed: three signals have not ended it", id);
		break;
	case SESSION_UNREAD:
		break;
	}
	return status;
}

static int launch_program(struct cli *cli, struct podshim *c, struct pod_launch_flags *f, struct ps_err *e)
{
	auto_podshim_runner struct podshim_runner *r = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	const char *keys = f->detach_keys ? f->detach_keys : DETACH_KEYS_DEFAULT;
	struct session s = { .c = c, .tty = f->tty, .signals = true };
	const bool typed = f->tty && !f->detach && isatty(STDIN_FILENO);

	if (detach_keys_parse(strcmp(keys, "none") ? keys : "", &s.detach, e) < 0)
		return -1;
	s.input = f->input || typed;
	f->what.args = cli->n_words > 1 ? (const char *const *)cli->words + 1 : NULL;
	f->what.env = f->env.n ? f->env.v : NULL;
	f->what.flags = (f->detach ? PODSHIM_DETACHED : PODSHIM_LOSSLESS) | (s.input ? PODSHIM_STDIN : 0) |
			(f->tty ? PODSHIM_TTY : 0);
	if (f->tty)
		session_size(&f->what.rows, &f->what.cols);
	if (podshim_launch(c, &f->what, &r, &why) < 0)
		return launch_failed(cli, &why, e);
	s.r = r;
	return f->detach ? print_id(f, r, e) : foreground(f, &s, e);
}

/* ---- Code ---- */

static int read_code(const struct pod_launch_flags *f, struct ps_buf *out, struct ps_err *e)
{
	if (f->code)
		ps_buf_puts(out, f->code);
	else if (!strcmp(f->code_file, "-"))
		return ps_read_fd(STDIN_FILENO, "standard input", CODE_MAX, out, e);
	else
		return ps_read_file_at(AT_FDCWD, f->code_file, CODE_MAX, out, e);
	return out->failed ? ps_fail(e, PS_E_OS, "out of memory for the code") : 0;
}

/* ctx: the first errno of a failed write. */
static void on_print(int stream, const char *p, size_t n, void *ctx)
{
	int *failed = ctx;

	if (!*failed && ps_write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, p, n) < 0)
		*failed = errno;
}

static int print_result(const struct pod_launch_flags *f, const struct podshim_runner *r, const struct podshim_result *res,
			struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	struct ps_jsonw w = { .out = &out };

	if (!f->json) {
		if (res->status && res->len) {
			ps_buf_puts(&out, res->text);
			if (res->text[res->len - 1] != '\n')
				ps_buf_putc(&out, '\n');
			(void)ps_write_all(STDERR_FILENO, out.data, out.len);
		}
		return 0;
	}
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "id", podshim_runner_id(r));
	ps_jw_int(&w, "status", res->status);
	if (res->status)
		ps_jw_str(&w, "error", res->text);
	else if (res->is_repr)
		ps_jw_str(&w, "repr", res->text);
	else
		ps_jw_raw(&w, "value", res->len ? res->text : "null");
	ps_jw_end_object(&w);
	ps_buf_putc(&out, '\n');
	return cli_print(&out, e);
}

/* What its program wrote past the channel. */
static int print_rest(struct podshim_runner *r, struct ps_err *e)
{
	struct podshim_output o;
	int failed = 0;

	while (!failed && podshim_output(r, &o, 0, NULL) == 1)
		on_print(o.stream, o.data, o.len, &failed);
	if (!failed)
		return 0;
	errno = failed;
	return ps_fail_os(e, "write to standard output");
}

/* No result came. */
static int code_failed(const struct pod_launch_flags *f, struct podshim_runner *r, const struct podshim_error *why,
		       struct ps_err *e)
{
	enum { EXIT_MS = 1000 };
	int status = 0;

	(void)print_rest(r, NULL);
	if (podshim_wait(r, &status, EXIT_MS, NULL) == 1 && status && (tell_limit(f, r) || why->code == PODSHIM_E_PEER)) {
		if (!strcmp(podshim_reason(r), "exited") || !strcmp(podshim_reason(r), "signal"))
			cli_note("'%s' ended before it gave a result", podshim_runner_id(r));
		return status;
	}
	return lib_failed(why, e);
}

static int launch_code(struct podshim *c, struct pod_launch_flags *f, struct ps_err *e)
{
	auto_podshim_runner struct podshim_runner *r = NULL;
	auto_podshim_link struct podshim_link *l = NULL;
	ps_auto_buf struct ps_buf code = { 0 };
	struct podshim_error why = { .code = PODSHIM_OK };
	struct podshim_result res = { .text = NULL };
	int failed = 0;

	if (read_code(f, &code, e) < 0)
		return -1;
	f->what.flags = PODSHIM_CODE;
	if (podshim_launch_linked(c, &f->what, 0, &r, &l, &why) < 0)
		return lib_failed(&why, e);
	if (podshim_run_code(l, code.len ? code.data : "", code.len, on_print, &failed, -1, &res, &why) < 0)
		return code_failed(f, r, &why, e);
	int rc = print_rest(r, e);

	if (rc == 0 && failed) {
		errno = failed;
		rc = ps_fail_os(e, "write to standard output");
	}
	if (rc == 0)
		rc = print_result(f, r, &res, e);
	free(res.text);
	return rc < 0 ? -1 : res.status;
}

static int run_pod_launch(struct cli *cli, struct ps_err *e)
{
	struct pod_launch_flags *f = cli->flags;
	auto_podshim struct podshim *c = NULL;
	struct spec_strs narrow;
	struct target t;

	if (check_flags(cli, f, e) < 0 || cli_narrow(cli, &narrow, e) < 0 || target_of(cli, cli->words[0], &t, e) < 0)
		return -1;
	if (t.kind != TARGET_POD)
		return ps_fail(e, PS_E_USAGE, "'%s' is no pod; 'podshim pod ls' lists them", t.word);
	if (target_connect(cli, &t, &c, e) < 0)
		return -1;
	f->what.pids = f->pids;
	f->what.permissions = narrow.n ? narrow.v : NULL;
	return f->code || f->code_file ? launch_code(c, f, e) : launch_program(cli, c, f, e);
}

const struct command cmd_pod_launch = {
	.name = "pod launch",
	.words = "NAME [-- COMMAND [ARGS]]",
	.summary = "run a program in a runner of a pod",
	.about = "In the foreground its output is ours, signals go to it, and podshim exits with its\n"
		 "status (128 + N after signal N). The runner is killed when podshim ends, and freed.\n"
		 "Without COMMAND: the bundle's program. 127: there is no such program, 126: it cannot\n"
		 "be executed, 125: podshim itself failed. On a terminal Ctrl-P Ctrl-Q leaves it\n"
		 "running. Limits only tighten the pod's, and so do permission flags: what would\n"
		 "widen them is an error, as is what would need other mounts than the pod's runners\n"
		 "have. Modes, owners, times and attributes of files that the pod may write stay\n"
		 "changeable. With --code only net can get tighter.",
	.examples = "podshim pod launch jobs -- sh -c 'echo hello'\n"
		    "podshim pod launch jobs -d --timeout 1h --memory 256M -- ./server\n"
		    "podshim pod launch jobs --deny-net --allow-read=/srv/in -- ./convert\n"
		    "podshim pod launch py --json --code 'sum(range(10))'\n",
	.opts = OPT_TABLE(pod_launch_rows),
	.flags_size = sizeof(struct pod_launch_flags),
	.min_words = 1,
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD_2 | CMD_NARROWS,
	.fail_status = STATUS_OURS,
	.run = run_pod_launch,
};
