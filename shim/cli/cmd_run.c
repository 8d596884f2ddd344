/* SPDX-License-Identifier: Apache-2.0
 * cmd_run.c - podshim run: create and start in one call, in the form that its words show.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"
#include "shim/cli/pod_session.h"
#include "shim/cli/run_form.h"

static const struct opt run_rows[] = {
	CREATE_FLAGS,
	{ "detach", "d", OPT_FLAG, NULL, "return when the container runs", CREATE_AT(detach) },
	{ "no-channel", NULL, OPT_FLAG, NULL, "no shared memory for 'pod send' (the form run DIR has it by default)",
	  CREATE_AT(no_channel) },
	{ "keep", NULL, OPT_FLAG, NULL, "keep the container after it ended", CREATE_AT(keep) },
	{ "timeout", NULL, OPT_TIME, "TIME", "end it after TIME: SIGTERM, then SIGKILL; the exit status is 124",
	  CREATE_AT(timeout_ms) },
	RUN_FORM_FLAGS,
};

static int fail_form(const char *word, struct ps_err *e)
{
	return ps_fail(e, PS_E_USAGE,
		       "nothing to run: no config.json in '%s'%s; the forms are "
		       "'podshim run DIR' (a bundle: DIR holds config.json), 'podshim run -b DIR ID', "
		       "'podshim run ID' in a bundle, 'podshim run FILE ARGS' (a script or program), and "
		       "'podshim run -- PROGRAM ARGS'",
		       word, cli_holds_config(".") ? "" : " nor in the current directory");
}

static bool is_file(const char *word)
{
	struct stat st;

	return stat(word, &st) == 0 && S_ISREG(st.st_mode);
}

/* Neither a bundle nor an id nor a file. */
static int fail_path(const char *word, struct ps_err *e)
{
	struct stat st;

	if (stat(word, &st) < 0 && strchr(word, '/'))
		return ps_fail_os(e, "run '%s'", word);
	return fail_form(word, e);
}

/* Flags that say what config.json says for a bundle. */
static int check_no_program_flags(const struct run_flags *f, struct ps_err *e)
{
	const char *flag = f->env.n ? "--env" : f->binds.n ? "--bind" : f->cwd ? "--cwd" : f->tty ? "--tty" : NULL;

	return !flag ? 0 : ps_fail(e, PS_E_USAGE, "'%s' is for programs without a bundle: here config.json says it", flag);
}

static int choose_id(struct run_flags *f, char *generated, struct ps_err *e)
{
	struct pod_create_request *r = &f->create;

	if (f->name) {
		r->id = f->name;
		return cli_check_id(f->name, e);
	}
	if (ps_random_hex(generated, RUN_ID_LEN) < 0)
		return ps_fail_os(e, "generate an id");
	r->id = generated;
	return 0;
}

static int parse_binds(struct cli *cli, const struct run_flags *f, struct program_request *p, struct ps_err *e)
{
	struct program_bind *binds = ps_arena_array(&cli->mem, f->binds.n + 1, sizeof(*binds));

	if (!binds)
		return ps_fail_os(e, "allocate");
	for (size_t i = 0; i < f->binds.n; i++)
		if (program_bind_parse(&cli->mem, f->binds.v[i], p->cwd, &binds[i], e) < 0)
			return -1;
	p->binds = binds;
	p->n_binds = f->binds.n;
	return 0;
}

/* A program, or a file, without a bundle. */
static int choose_program(struct cli *cli, struct run_flags *f, char *generated, struct ps_err *e)
{
	struct pod_create_request *r = &f->create;
	struct program_request *p = &f->program;
	char cwd[PATH_MAX];

	if (r->config)
		return ps_fail(e, PS_E_USAGE, "'--config' is for bundles: a program without one has its own");
	/* A directory that was removed, or is out of sight, is none. */
	p->cwd = ps_arena_strdup(&cli->mem, getcwd(cwd, sizeof(cwd)) && *cwd == '/' ? cwd : "/");
	if (!p->cwd)
		return ps_fail_os(e, "allocate");
	p->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->root_fd < 0)
		return ps_fail_os(e, "open '/'");
	p->argv = cli->words;
	p->by_name = cli->dashdash;
	p->workdir = f->cwd;
	p->env = f->env.v;
	p->n_env = f->env.n;
	p->envp = (const char *const *)environ;
	p->uid = geteuid();
	p->gid = getegid();
	p->terminal = f->tty || (!r->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	session_size(&p->rows, &p->cols);
	r->program = p;
	return parse_binds(cli, f, p, e) < 0 ? -1 : choose_id(f, generated, e);
}

static int fail_no_words(const struct pod_create_request *r, struct ps_err *e)
{
	if (r->bundle)
		return ps_fail(e, PS_E_USAGE, "with --bundle the container needs an id: 'podshim run -b %s ID'", r->bundle);
	return ps_fail(e, PS_E_USAGE, "'run' needs DIR, ID, FILE or -- PROGRAM; see 'podshim run --help'");
}

int run_form(struct cli *cli, struct run_flags *f, char *generated, struct ps_err *e)
{
	struct pod_create_request *r = &f->create;
	const char *word = cli->words[0];
	bool oci = cli->oci_only || r->bundle;

	if (!word)
		return fail_no_words(r, e);
	if (!oci && cli->dashdash)
		return choose_program(cli, f, generated, e);
	if (!oci && cli_holds_config(word)) {
		if (choose_id(f, generated, e) < 0)
			return -1;
		r->bundle = word;
		r->channel = !r->no_channel;
	} else if (oci || r->config || (!strchr(word, '/') && cli_holds_config("."))) {
		if (f->name)
			return ps_fail(e, PS_E_USAGE, "'--name' is for the forms without ID: here it is '%s'", word);
		r->bundle = r->bundle ? r->bundle : ".";
		r->id = word;
	} else {
		return is_file(word) ? choose_program(cli, f, generated, e) : fail_path(word, e);
	}
	if (check_no_program_flags(f, e) < 0)
		return -1;
	if (cli->n_words > 1)
		return ps_fail(e, PS_E_USAGE,
			       "'run' of a bundle does not take '%s': flags stand before '%s', "
			       "and config.json says what is run",
			       cli->words[1], word);
	return cli_check_id(r->id, e);
}

static int print_id(const char *id, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };

	ps_buf_printf(&out, "%s\n", id);
	return cli_print(&out, e);
}

struct ended {
	const struct cli *cli;
	struct audit_denials denials;
};

static void ended_done(struct ended *d)
{
	audit_denials_done(&d->denials);
}

static int add_denial(void *ctx, const char *line, size_t n)
{
	audit_denials_add(ctx, line, n);
	return 0;
}

static void collect_denials(void *ctx, const char *id)
{
	struct ended *d = ctx;

	(void)pod_watch(&d->cli->env, id, /* follow= */ false, add_denial, &d->denials, NULL);
}

static void tell_over_output(void *ctx, const char *id, const struct perm_limit *limit)
{
	(void)ctx;
	cli_note("'%s' was killed: it printed more than %llu bytes (%s)", id, (unsigned long long)limit->v, limit->from);
}

enum { SUMMARY_ROWS = 12 };

/* What failed because of its permissions says so at the end. */
static void tell_denials(const struct ended *d, int status)
{
	ps_auto_buf struct ps_buf out = { 0 };

	if (!status)
		return;
	audit_denials_summary(&d->denials, SUMMARY_ROWS, &out);
	if (out.len && !out.failed)
		(void)ps_write_all(STDERR_FILENO, out.data, out.len);
}

static void tell_what_is_denied(const struct cli *cli, struct pod_create_request *r, struct ended *ended)
{
	if (!cli->policy.quiet && !r->detach) {
		r->ended = collect_denials;
		r->ended_ctx = ended;
	}
	r->over_output = tell_over_output;
	r->audit_file = cli->policy.audit;
	r->tell_files = r->audit_file || r->ended;
}

static int check_timeout(const struct pod_create_request *r, struct ps_err *e)
{
	if (r->detach && r->timeout_ms)
		return ps_fail(e, PS_E_USAGE, "'--timeout' is for the foreground: with '--detach' nobody waits");
	return 0;
}

static int run_run(struct cli *cli, struct ps_err *e)
{
	struct ended ended ps_auto(ended_done) = { .cli = cli, .denials.refused_only = true };
	struct run_flags *f = cli->flags;
	struct pod_create_request *r = &f->create;
	char generated[RUN_ID_LEN + 1] = "";
	const uint32_t asked = r->preserve_fds;
	size_t kept = 0;
	int status = 0;

	r->kept_changes = &kept;
	f->program.makes_dirs = true;
	tell_what_is_denied(cli, r, &ended);
	if (run_form(cli, f, generated, e) < 0 || check_timeout(r, e) < 0 || cli_preserve_fds(cli, &r->preserve_fds, e) < 0 ||
	    cli_permissions(cli, &r->permissions, e) < 0)
		return -1;
	r->listen_fds = r->preserve_fds - asked;
	if (pod_run(&cli->env, r, &status, e) < 0)
		return -1;
	tell_denials(&ended, status);
	if (kept)
		cli_note("%zu change%s kept: podshim diff %s", kept, kept == 1 ? " is" : "s are", r->id);
	if (r->detach && r->id == generated && print_id(generated, e) < 0)
		return -1;
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.words = "DIR | ID | FILE [ARG...] | -- PROGRAM [ARG...]",
	.summary = "run a container, a script or a program",
	.forms = "run DIR          the bundle in DIR, under a generated id (printed with -d)\n"
		 "run -b DIR ID    the bundle in DIR, as ID\n"
		 "run ID           the bundle in the current directory, as ID\n"
		 "run FILE         a script, by its '#!' line or name (.py .js .mjs .sh .rb .pl), or a program\n"
		 "run -- PROGRAM   a program, looked up in PATH\n",
	.about = "In the foreground podshim waits, passes signals on, exits with the status of\n"
		 "the program (128 + N after signal N), and deletes the container.\n"
		 "\n"
		 "Without a bundle the program sees /usr, /etc, /opt and /nix of the host, read-only,\n"
		 "an empty /tmp, its own file, and what --bind gives it; it has no network, no\n"
		 "capabilities, and of the environment HOME, TERM, TZ, the language and colours.\n"
		 "Of that it reads itself, its libraries and what --bind names, and runs itself and\n"
		 "its interpreter: all else takes --allow-read, --allow-run, and so on, or -A.\n"
		 "That takes no root where the system lets users make user namespaces.",
	.examples = "podshim run ./bundle\n"
		    "podshim run -d -b ./bundle web\n"
		    "podshim run hello.py\n"
		    "podshim run --timeout 10s --bind .:/work:ro --cwd /work --allow-run -- make check\n",
	.opts = OPT_TABLE(run_rows),
	.flags_size = sizeof(struct run_flags),
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD | CMD_POLICY,
	.run = run_run,
};
