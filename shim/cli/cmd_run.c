/* SPDX-License-Identifier: Apache-2.0
 * cmd_run.c - podshim run: create and start in one call, in the form that its words show.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/fd.h"
#include "base/scope.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"
#include "shim/cli/create_flags.h"

static const struct opt run_rows[] = {
	CREATE_FLAGS,
	{ "detach", "d", OPT_FLAG, NULL, "return when the container runs", CREATE_AT(detach) },
	{ "no-channel", NULL, OPT_FLAG, NULL, "no shared memory for 'pod send' (the form run DIR has it by default)",
	  CREATE_AT(no_channel) },
	{ "keep", NULL, OPT_FLAG, NULL, "keep the container after it ended", CREATE_AT(keep) },
};

enum { GENERATED_ID_LEN = 12 };

static int fail_no_bundle(const char *what, struct ps_err *e)
{
	return ps_fail(e, PS_E_UNSUPP,
		       "running %s without a bundle is not available in this version; "
		       "use 'podshim run DIR', where DIR holds a config.json",
		       what);
}

static int fail_form(const char *word, struct ps_err *e)
{
	return ps_fail(e, PS_E_USAGE,
		       "nothing to run: no config.json in '%s'%s; the forms are "
		       "'podshim run DIR' (a bundle: DIR holds config.json), 'podshim run -b DIR ID', and "
		       "'podshim run ID' in a bundle",
		       word, cli_holds_config(".") ? "" : " nor in the current directory");
}

/* Neither a bundle nor an id. */
static int fail_path(const char *word, struct ps_err *e)
{
	struct stat st;

	if (stat(word, &st) < 0)
		return strchr(word, '/') ? ps_fail_os(e, "run '%s'", word) : fail_form(word, e);
	return S_ISREG(st.st_mode) ? fail_no_bundle("a file", e) : fail_form(word, e);
}

static int fail_no_words(const struct pod_create_request *r, struct ps_err *e)
{
	if (r->bundle)
		return ps_fail(e, PS_E_USAGE, "with --bundle the container needs an id: 'podshim run -b %s ID'", r->bundle);
	return ps_fail(e, PS_E_USAGE, "'run' needs DIR or ID; see 'podshim run --help'");
}

/* What to run, from the words and what they name; fills bundle and id. */
static int choose_form(struct cli *cli, struct pod_create_request *r, char *generated, struct ps_err *e)
{
	const char *word = cli->words[0];
	bool oci = cli->oci_only || r->bundle;

	if (!word)
		return fail_no_words(r, e);
	if (!oci && cli->dashdash)
		return fail_no_bundle("a program", e);
	if (!oci && cli_holds_config(word)) {
		if (ps_random_hex(generated, GENERATED_ID_LEN) < 0)
			return ps_fail_os(e, "generate an id");
		r->bundle = word;
		r->id = generated;
		r->channel = !r->no_channel;
	} else if (oci || r->config || (!strchr(word, '/') && cli_holds_config("."))) {
		r->bundle = r->bundle ? r->bundle : ".";
		r->id = word;
	} else {
		return fail_path(word, e);
	}
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

static int run_run(struct cli *cli, struct ps_err *e)
{
	struct ended ended ps_auto(ended_done) = { .cli = cli };
	struct pod_create_request *r = cli->flags;
	char generated[GENERATED_ID_LEN + 1] = "";
	int status = 0;

	if (!cli->policy.quiet) {
		r->ended = collect_denials;
		r->ended_ctx = &ended;
	}
	r->audit_file = cli->policy.audit;
	r->tell_files = r->audit_file || (!r->detach && !cli->policy.quiet);
	if (choose_form(cli, r, generated, e) < 0 || cli_preserve_fds(cli, &r->preserve_fds, e) < 0 ||
	    cli_permissions(cli, &r->permissions, e) < 0 ||
	    pod_run(&cli->env, r, &status, e) < 0)
		return -1;
	tell_denials(&ended, status);
	if (r->detach && r->id == generated && print_id(generated, e) < 0)
		return -1;
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.words = "DIR | ID",
	.summary = "create and start a container",
	.forms = "run DIR          the bundle in DIR, under a generated id (printed with -d)\n"
		 "run -b DIR ID    the bundle in DIR, as ID\n"
		 "run ID           the bundle in the current directory, as ID\n",
	.about = "In the foreground podshim waits, passes signals on, exits with the status of\n"
		 "the program (128 + N after signal N), and deletes the container.",
	.examples = "podshim run ./bundle\n"
		    "podshim run -d -b ./bundle web\n",
	.opts = OPT_TABLE(run_rows),
	.flags_size = sizeof(struct pod_create_request),
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_CGROUP | CMD_PAYLOAD | CMD_POLICY,
	.run = run_run,
};
