/* SPDX-License-Identifier: Apache-2.0
 * cmd_learn.c - podshim learn: run a program once, and write down the permissions that it takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/json.h"
#include "oci/spec.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"
#include "shim/cli/learn_calls.h"
#include "shim/cli/learn_config.h"
#include "shim/cli/learn_events.h"
#include "shim/cli/run_form.h"

struct learn_flags {
	struct run_flags run; /* first: RUN_AT and CREATE_AT say where in it */
	const char *dir;
};

static const struct opt learn_rows[] = {
	{ "output", "o", OPT_STR, "DIR", "write everything that was learned into DIR; what is there already counts as earlier runs",
	  offsetof(struct learn_flags, dir) },
	{ "timeout", NULL, OPT_TIME, "TIME", "end it after TIME: SIGTERM, then SIGKILL", CREATE_AT(timeout_ms) },
	RUN_FORM_FLAGS,
};

struct learning {
	struct cli *cli;
	struct pod_create_request *r;
	const char *audit;           /* absolute */
	char dir[PATH_MAX];          /* absolute; made by us when it is temporary */
	bool temporary;
	int dir_fd, rootfs_fd;       /* rootfs_fd: "/" of what runs */
	const struct perm_layers *operators;
	struct learn_runs runs;
	struct learn *learn;
	const struct permissions *implied, *final;
	struct learned learned;
	struct spec_strs calls;
	bool reaper;                 /* of the document that is written */
	uint64_t uncovered;
	struct ps_buf report;        /* what the lists do not cover */
};

static void learning_done(struct learning *l)
{
	ps_fd_close(&l->dir_fd);
	ps_fd_close(&l->rootfs_fd);
	if (l->temporary)
		(void)ps_remove_tree_at(AT_FDCWD, l->dir, NULL);
	ps_buf_done(&l->report);
}

/* ---- Where ---- */

static int open_dir(struct learning *l, const char *name, struct ps_err *e)
{
	char made[] = "/tmp/podshim-learn.XXXXXX";

	if (!name) {
		name = mkdtemp(made);
		if (!name)
			return ps_fail_os(e, "make a folder in /tmp");
		l->temporary = true;
	} else if (mkdir(name, 0755) < 0 && errno != EEXIST) {
		return ps_fail_os(e, "make the folder '%s'", name);
	}
	l->dir_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0 || ps_fd_path(l->dir_fd, l->dir) < 0)
		return ps_fail_os(e, "open the folder '%s'", name);
	l->audit = ps_arena_printf(&l->cli->mem, "%s/audit.jsonl", l->dir);
	return l->audit ? 0 : ps_fail_os(e, "memory for a path");
}

static int read_config(const struct learning *l, struct ps_buf *text, struct ps_err *e)
{
	ps_auto_fd int bundle = open(l->r->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (bundle < 0)
		return ps_fail_os(e, "open the bundle '%s'", l->r->bundle);
	return ps_read_file_at(bundle, "config.json", SPEC_MAX_BYTES, text, e);
}

/* Where the files of what runs are: for a look whether they are there. */
static int open_root(struct learning *l, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	ps_auto_arena struct ps_arena a = { 0 };
	char joined[PATH_MAX];
	struct json *config;

	if (l->r->program) {
		l->rootfs_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return l->rootfs_fd < 0 ? ps_fail_os(e, "open '/'") : 0;
	}
	if (read_config(l, &text, e) < 0 || json_parse(&a, "config.json", text.data ? text.data : "", text.len, &config, e) < 0)
		return -1;
	const struct json *path = json_get(json_get(config, "root"), "path");
	const char *name = path && path->type == JSON_STRING ? path->v.s : "rootfs";

	if (*name != '/' && ps_path_join(joined, sizeof(joined), l->r->bundle, name) < 0)
		return ps_fail_os(e, "root file system '%s'", name);
	l->rootfs_fd = open(*name == '/' ? name : joined, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return l->rootfs_fd < 0 ? ps_fail_os(e, "open the root file system '%s'", name) : 0;
}

static bool exists(void *ctx, const char *path)
{
	const struct learning *l = ctx;
	ps_auto_fd int fd = ps_open_in_root(l->rootfs_fd, path, O_PATH, 0);

	return fd >= 0;
}

static bool sees(void *ctx, const char *path)
{
	const struct learning *l = ctx;

	return !l->r->program || program_sees(l->r->program, path);
}

/* ---- What may happen meanwhile ---- */

static int add_text(struct learning *l, struct perm_layers *to, const char *text, enum perm_rank rank, struct ps_err *e)
{
	return perm_layers_of_text(&l->cli->mem, "podshim learn", text, strlen(text), NULL, rank, /* narrow_only= */ false, to, e);
}

/* The operator's lists replace ours; what is protected is denied whatever they say, and everything is told. */
static int permit(struct learning *l, struct ps_err *e)
{
	static const char open_lists[] = "{\"podshimPolicy\":1,\"permissions\":{\"read\":true,\"write\":[],\"net\":[],"
					 "\"run\":true,\"ffi\":true,\"sys\":true}}";
	static const char told[] = "{\"podshimPolicy\":1,\"audit\":{\"allowed\":\"all\",\"denied\":\"all\"}}";
	struct perm_layers *all = ps_arena_new(&l->cli->mem, struct perm_layers);
	struct perm_builder *b = perm_builder_new(&l->cli->mem, PERM_FLAG, "podshim learn");
	const char *home = l->r->program ? getenv("HOME") : "/root";
	const struct perm_layer *protected;

	if (!all || !b)
		return ps_fail_os(e, "memory for permissions");
	if (add_text(l, all, open_lists, PERM_BUILTIN, e) < 0)
		return -1;
	for (size_t i = 0; i < l->operators->n; i++)
		if (perm_layers_append(all, l->operators->v[i], e) < 0)
			return -1;
	if (learn_protect(b, &l->cli->mem, home && *home == '/' ? home : NULL, e) < 0 || perm_builder_done(b, &protected, e) < 0 ||
	    perm_layers_append(all, protected, e) < 0 || add_text(l, all, told, PERM_FLAG, e) < 0)
		return -1;
	l->r->permissions = all;
	return 0;
}

/* Of the host's /tmp and /run a program sees what is bound: the directory it is in. */
static int show_cwd(struct learning *l, struct ps_err *e)
{
	struct program_request *p = &((struct learn_flags *)l->cli->flags)->run.program;
	struct program_bind *v;

	if (!l->r->program || (strncmp(p->cwd, "/tmp/", 5) != 0 && strncmp(p->cwd, "/run/", 5) != 0))
		return 0;
	v = ps_arena_array(&l->cli->mem, p->n_binds + 1, sizeof(*v));
	if (!v)
		return ps_fail_os(e, "memory for binds");
	for (size_t i = 0; i < p->n_binds; i++)
		v[i] = p->binds[i];
	v[p->n_binds++] = (struct program_bind){ .path = p->cwd, .at = p->cwd };
	p->binds = v;
	return 0;
}

static int run_it(struct learning *l, int *ret_status, struct ps_err *e)
{
	ps_auto_fd int out = -1;
	int rc;

	/* What is printed in the end is for whoever takes our output. */
	if (!isatty(STDOUT_FILENO)) {
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			return ps_fail_os(e, "give the program our standard error as its output");
	}
	l->r->audit_file = l->audit;
	l->r->tell_files = l->r->tell_calls = true;
	rc = pod_run(&l->cli->env, l->r, ret_status, e);
	if (out >= 0 && dup2(out, STDOUT_FILENO) < 0 && rc == 0)
		rc = ps_fail_os(e, "take our standard output back");
	return rc;
}

/* ---- What comes of it ---- */

/* The request of a run under a policy of this text. */
static int request_under(struct learning *l, const struct ps_buf *policy, struct perm_layers *layers, struct program_request *p,
			 struct pod_create_request *ret, struct ps_err *e)
{
	*ret = *l->r;
	if (policy->failed)
		return ps_fail_os(e, "memory for permissions");
	if (perm_layers_of_text(&l->cli->mem, "policy.json", policy->data, policy->len, NULL, PERM_FILE, false, layers, e) < 0)
		return -1;
	if (l->r->program) {
		*p = *l->r->program;
		/* What we bound for the run is what the lists have to bind. */
		p->n_binds = ((const struct learn_flags *)l->cli->flags)->run.binds.n;
		ret->program = p;
	}
	ret->permissions = layers;
	ret->tell_files = ret->tell_calls = false;
	return 0;
}

/* What may be done then. */
static int permissions_under(struct learning *l, const struct ps_buf *policy, const struct permissions **ret, struct ps_err *e)
{
	struct perm_layers layers = { .n = 0 };
	struct pod_create_request r;
	struct program_request p;

	return request_under(l, policy, &layers, &p, &r, e) < 0 ? -1 : pod_permissions(&l->cli->env, &r, &l->cli->mem, ret, e);
}

static size_t count_entries(const struct learning *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->operators->n; i++)
		n += l->operators->v[i]->entries.n;
	return n;
}

/* NULL: too long, or no memory. */
static const char *absolute(struct learning *l, const char *path)
{
	char whole[PATH_MAX], clean[PATH_MAX];

	if (*path != '/' && ps_path_join(whole, sizeof(whole), l->r->program->cwd, path) < 0)
		return NULL;
	return ps_path_clean(*path == '/' ? path : whole, clean, sizeof(clean)) < 0 ? NULL : ps_arena_strdup(&l->cli->mem, clean);
}

static struct learn_facts facts_of(struct learning *l)
{
	struct learn_facts f = { .implied = l->implied, .home = getenv("HOME"), .exists = exists, .sees = sees, .ctx = l };
	const struct program_request *p = l->r->program;
	const char **places = p ? ps_arena_array(&l->cli->mem, p->n_binds + count_entries(l) + 1, sizeof(*places)) : NULL;
	size_t n = 0;

	for (size_t i = 0; places && i < p->n_binds; i++)
		places[n++] = p->binds[i].path;
	for (size_t i = 0; places && i < l->operators->n; i++)
		for (size_t k = 0; k < l->operators->v[i]->entries.n; k++) {
			const struct perm_entry *en = &l->operators->v[i]->entries.v[k];

			if (en->value && (en->permission == POLICY_READ || en->permission == POLICY_WRITE) &&
			    (places[n] = absolute(l, en->value)))
				n++;
		}
	if (places)
		f.places = (struct spec_strs){ places, n };
	if (p && p->argv[0][0] == '/')
		f.program = p->argv[0];
	else if (p && !p->by_name)
		f.program = ps_arena_printf(&l->cli->mem, "%s/%s", p->cwd, p->argv[0]);
	return f;
}

static int fail_memory(struct ps_err *e)
{
	return ps_fail_os(e, "memory for what was learned");
}

static int add_program(void *ctx, const struct learn_access *x, struct ps_err *e)
{
	struct learning *l = ctx;

	return x->q.permission == POLICY_RUN && learn_add(l->learn, x) < 0 ? fail_memory(e) : 0;
}

static int add_other(void *ctx, const struct learn_access *x, struct ps_err *e)
{
	struct learning *l = ctx;

	return x->q.permission != POLICY_RUN && learn_add(l->learn, x) < 0 ? fail_memory(e) : 0;
}

/* One pass over the events, with what is implied by the lists so far. */
static int learn_pass(struct learning *l, const struct learned *so_far, learn_each_fn *add, struct learned *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf policy = { .data = NULL };

	learned_policy(so_far, "learn", "", &policy);
	if (permissions_under(l, &policy, &l->implied, e) < 0)
		return -1;
	const struct learn_facts f = facts_of(l);

	l->learn = learn_new(&l->cli->mem, &f);
	if (!l->learn)
		return fail_memory(e);
	if (learn_each(l->audit, &l->runs, add, l, e) < 0)
		return -1;
	return learn_finish(l->learn, ret) < 0 ? fail_memory(e) : 0;
}

static void put_allowed_env(const struct learning *l, struct learned_entry *v, size_t *n)
{
	for (size_t i = 0; i < l->operators->n; i++)
		for (size_t k = 0; k < l->operators->v[i]->entries.n; k++) {
			const struct perm_entry *en = &l->operators->v[i]->entries.v[k];

			/* Variables are seen by nobody: what was given is taken to be needed. */
			if (en->permission == POLICY_ENV && en->action == POLICY_ALLOW && en->value)
				v[(*n)++] = (struct learned_entry){ .permission = POLICY_ENV, .value = en->value, .runs = UINT64_MAX };
		}
}

/* Programs first: what they consist of needs no entries. */
static int learn_all(struct learning *l, struct ps_err *e)
{
	const struct learned nothing = { .n = 0 };
	struct learned programs, others;

	if (learn_pass(l, &nothing, add_program, &programs, e) < 0 || learn_pass(l, &programs, add_other, &others, e) < 0)
		return -1;
	struct learned_entry *v = ps_arena_array(&l->cli->mem, programs.n + others.n + count_entries(l) + 1, sizeof(*v));
	struct learned_refusal *refused = ps_arena_array(&l->cli->mem, programs.n_refused + others.n_refused + 1, sizeof(*refused));
	size_t n = 0, n_refused = 0;

	if (!v || !refused)
		return fail_memory(e);
	for (size_t i = 0; i < others.n; i++)
		v[n++] = others.entries[i];
	for (size_t i = 0; i < programs.n; i++)
		v[n++] = programs.entries[i];
	put_allowed_env(l, v, &n);
	for (size_t i = 0; i < others.n_refused; i++)
		refused[n_refused++] = others.refused[i];
	for (size_t i = 0; i < programs.n_refused; i++)
		refused[n_refused++] = programs.refused[i];
	l->learned = (struct learned){ .entries = v, .n = n, .refused = refused, .n_refused = n_refused,
				       .jit = others.jit };
	return 0;
}

/* What happened must be allowed by what was written down. */
static int check_access(void *ctx, const struct learn_access *x, struct ps_err *e)
{
	struct learning *l = ctx;
	const struct perm_verdict v = permissions_decide(l->final, &x->q);

	(void)e;
	if (v.action == POLICY_ALLOW || v.action == POLICY_WARN || learn_refuses(l->learn, x))
		return 0;
	for (size_t i = 0; i < l->learned.n_refused; i++)
		if (l->learned.refused[i].permission == x->q.permission && !strcmp(l->learned.refused[i].target, x->target))
			return 0;
	l->uncovered++;
	ps_buf_printf(&l->report, "%-5s ", policy_permission_name(x->q.permission));
	log_escape(&l->report, x->target);
	ps_buf_puts(&l->report, "  not covered by what was learned; ");
	perm_query_flag(&x->q, &l->report);
	ps_buf_putc(&l->report, '\n');
	return 0;
}

/* Refused in an earlier run, and given since. */
static int drop_given(struct learning *l, struct ps_err *e)
{
	struct learned_refusal *v = ps_arena_array(&l->cli->mem, l->learned.n_refused + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return fail_memory(e);
	for (size_t i = 0; i < l->learned.n_refused; i++) {
		const struct learned_refusal *r = &l->learned.refused[i];
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_query q;

		if (r->wanted && audit_query_parse(&a, policy_permission_name(r->permission), r->target, &q) &&
		    permissions_decide(l->final, &q).action != POLICY_DENY)
			continue;
		v[n++] = *r;
	}
	l->learned.refused = v;
	l->learned.n_refused = n;
	return 0;
}

/* ---- Texts ---- */

static void put_command(const struct learning *l, struct ps_buf *out)
{
	if (!l->r->program) {
		ps_buf_puts(out, "the bundle ");
		log_escape(out, l->r->bundle);
		return;
	}
	for (const char *const *v = l->r->program->argv; *v; v++) {
		if (v > l->r->program->argv)
			ps_buf_putc(out, ' ');
		log_escape(out, *v);
	}
}

static unsigned seen(const struct learning *l, uint64_t runs)
{
	const unsigned n = (unsigned)__builtin_popcountll(runs);

	return n < l->runs.n ? n : l->runs.n;
}

static void put_entries(const struct learning *l, struct ps_buf *out)
{
	for (size_t i = 0; i < l->learned.n; i++) {
		const struct learned_entry *en = &l->learned.entries[i];
		const unsigned k = seen(l, en->runs);

		ps_buf_printf(out, "%-5s ", policy_permission_name(en->permission));
		log_escape(out, en->value);
		ps_buf_printf(out, "%s  in %u of %u run%s: %s\n", en->folder ? "/" : "", k, l->runs.n, l->runs.n == 1 ? "" : "s",
			      learn_confidence((UINT64_C(1) << (k < 64 ? k : 63)) - 1, l->runs.n));
	}
	if (l->learned.jit)
		ps_buf_printf(out, "ffi   makes code at run time  in %u of %u run%s: %s\n", seen(l, l->learned.jit), l->runs.n,
			      l->runs.n == 1 ? "" : "s", learn_confidence(l->learned.jit, l->runs.n));
}

/* With the flag of learn that would let it happen. */
static void put_refused(const struct learning *l, struct ps_buf *out)
{
	for (size_t i = 0; i < l->learned.n_refused; i++) {
		const struct learned_refusal *r = &l->learned.refused[i];
		ps_auto_arena struct ps_arena a = { 0 };
		struct perm_query q;

		ps_buf_printf(out, "%-5s ", policy_permission_name(r->permission));
		log_escape(out, r->target);
		ps_buf_printf(out, "  %s", r->why);
		if (r->wanted && audit_query_parse(&a, policy_permission_name(r->permission), r->wanted, &q)) {
			ps_buf_puts(out, "; to learn it: ");
			perm_query_flag(&q, out);
		}
		ps_buf_putc(out, '\n');
	}
	if (l->report.len)
		ps_buf_put(out, l->report.data, l->report.len);
}

static int write_file(const struct learning *l, const char *name, const struct ps_buf *text, struct ps_err *e)
{
	if (text->failed)
		return fail_memory(e);
	return l->temporary ? 0 : ps_write_atomic_at(l->dir_fd, name, text->data ? text->data : "", text->len, 0644, e);
}

static int write_changed(struct learning *l, const struct ps_buf *text, const char *policy, struct ps_err *e)
{
	const struct learn_changes c = { .policy = policy, .calls = &l->calls, .reaper = l->reaper };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	bool open;

	if (learn_config(text->data ? text->data : "", text->len, &c, &out, &open, e) < 0 || write_file(l, "config.json", &out, e) < 0)
		return -1;
	if (open)
		cli_note("config.json keeps its own linux.seccomp, which allows what it does not name; seccomp.json is the list of what was called");
	return 0;
}

static int write_seccomp(struct learning *l, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct ps_jsonw w = { .out = &text, .indent = 2 };

	learn_calls_put(&w, NULL, &l->calls, l->reaper);
	ps_buf_putc(&text, '\n');
	return write_file(l, "seccomp.json", &text, e);
}

/* What a bundle makes at run time is the operator's alone to allow: no annotation can. */
static int write_config(struct learning *l, const struct ps_buf *policy, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct perm_layers layers = { .n = 0 };
	struct pod_create_request r;
	struct program_request p;

	if (l->temporary)
		return 0;
	if (l->r->program ? request_under(l, policy, &layers, &p, &r, e) < 0 || pod_program_config(&l->cli->env, &r, &text, e) < 0
			  : read_config(l, &text, e) < 0)
		return -1;
	l->reaper = learn_config_reaps(text.data ? text.data : "", text.len);
	if (write_seccomp(l, e) < 0)
		return -1;
	return l->learned.jit && !l->r->program ? 0 : write_changed(l, &text, l->r->program ? NULL : policy->data, e);
}

static int write_all(struct learning *l, const struct ps_buf *policy, struct ps_err *e)
{
	ps_auto_buf struct ps_buf flags = { .data = NULL }, entries = { .data = NULL }, refused = { .data = NULL };

	learned_flags(&l->learned, &flags);
	ps_buf_putc(&flags, '\n');
	put_entries(l, &entries);
	put_refused(l, &refused);
	if (write_file(l, "policy.json", policy, e) < 0 || write_file(l, "flags.txt", &flags, e) < 0 ||
	    write_file(l, "learned.txt", &entries, e) < 0 || write_file(l, "refused.txt", &refused, e) < 0 || write_config(l, policy, e) < 0)
		return -1;
	if (!l->cli->policy.quiet) {
		cli_note("learned %zu entr%s from %u run%s; %zu access%s refused%s", l->learned.n, l->learned.n == 1 ? "y" : "ies",
			 l->runs.n, l->runs.n == 1 ? "" : "s", l->learned.n_refused, l->learned.n_refused == 1 ? "" : "es",
			 l->learned.n_refused || l->uncovered ? ":" : "");
		if (refused.len)
			(void)ps_write_all(STDERR_FILENO, refused.data, refused.len);
		if (l->runs.untold)
			cli_note("%" PRIu64 " accesses came too fast, or were too many, to be learned from: it may take more than this", l->runs.untold);
	}
	return cli_print(&flags, e);
}

static int conclude(struct learning *l, struct ps_err *e)
{
	ps_auto_buf struct ps_buf policy = { .data = NULL }, about = { .data = NULL };
	const char *name;

	if (learn_all(l, e) < 0 || learn_calls_read(&l->cli->mem, l->audit, &l->calls, e) < 0)
		return -1;
	ps_buf_printf(&about, "What %u run%s of '", l->runs.n, l->runs.n == 1 ? "" : "s");
	put_command(l, &about);
	ps_buf_puts(&about, "' took, as 'podshim learn' saw it; learned.txt says in how many of them each entry was seen.");
	name = l->r->program ? l->r->program->argv[0] : l->r->bundle;
	name = strrchr(name, '/') && strrchr(name, '/')[1] ? strrchr(name, '/') + 1 : name;
	learned_policy(&l->learned, name, about.failed ? "" : about.data, &policy);
	if (permissions_under(l, &policy, &l->final, e) < 0)
		return ps_ctx(e, "check what was learned");
	return learn_each(l->audit, &l->runs, check_access, l, e) < 0 || drop_given(l, e) < 0 ? -1 : write_all(l, &policy, e);
}

static int run_learn(struct cli *cli, struct ps_err *e)
{
	struct learning l ps_auto(learning_done) = { .cli = cli, .dir_fd = -1, .rootfs_fd = -1 };
	struct learn_flags *f = cli->flags;
	char generated[RUN_ID_LEN + 1] = "";
	int status = 0;

	l.r = &f->run.create;
	if (run_form(cli, &f->run, generated, e) < 0 || cli_permissions(cli, &l.operators, e) < 0 || permit(&l, e) < 0 ||
	    open_dir(&l, f->dir, e) < 0 || show_cwd(&l, e) < 0 || open_root(&l, e) < 0 || run_it(&l, &status, e) < 0 ||
	    conclude(&l, e) < 0)
		return -1;
	return status;
}

const struct command cmd_learn = {
	.name = "learn",
	.words = "DIR | FILE [ARG...] | -- PROGRAM [ARG...]",
	.summary = "run a program once, and print the permissions that it takes",
	.forms = "learn DIR          the bundle in DIR\n"
		 "learn FILE         a script or a program, as 'podshim run FILE'\n"
		 "learn -- PROGRAM   a program, looked up in PATH\n",
	.about = "The flags that 'podshim run' needs for it, in one line, are the last that is\n"
		 "printed; unless standard output is a terminal, the program's own output goes to\n"
		 "standard error. The exit status is the program's.\n"
		 "\n"
		 "Meanwhile it reads every file of the host (without a bundle; of /tmp and /run the\n"
		 "current directory and what --bind or --allow-read names) and runs what it likes,\n"
		 "but writes only what --allow-write names, and reaches only what --allow-net names.\n"
		 "What else it wanted is refused, and listed with the flag that lets the next run\n"
		 "learn it. Keys, credentials and the like are out of reach, and never granted.\n"
		 "\n"
		 "DIR gets policy.json, flags.txt, learned.txt (each entry, and in how many runs it\n"
		 "was seen), refused.txt, audit.jsonl (all accesses, and each system call once),\n"
		 "seccomp.json (a filter that lets only these calls happen) and config.json: the\n"
		 "bundle's with the policy as an annotation, or a bundle's for the program, either\n"
		 "with that filter. Every call goes by the supervisor meanwhile, which makes a program\n"
		 "slower. Run the same again with the same DIR to learn from more runs. Four files of a folder become the folder,\n"
		 "as do names that look random. What programs are made of (libraries, standard\n"
		 "libraries) needs no entry.",
	.examples = "podshim learn -o learned --allow-net -- python3 fetch.py\n"
		    "podshim run --policy learned/policy.json -- python3 fetch.py\n"
		    "eval \"podshim run $(podshim learn hello.py) hello.py\"\n",
	.opts = OPT_TABLE(learn_rows),
	.flags_size = sizeof(struct learn_flags),
	.max_words = CMD_ANY_WORDS,
	.attr = CMD_ROOT | CMD_PAYLOAD | CMD_POLICY,
	.run = run_learn,
};
