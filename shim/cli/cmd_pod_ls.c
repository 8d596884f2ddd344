/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_ls.c - podshim pod ls: the pods, or the runners of one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/cli/pod_client.h"
#include "shim/pod/pods.h"

enum { OBSERVED_MAX = 256 };

struct pod_ls_flags {
	const char *format;
	bool names_only;
};

static const struct opt pod_ls_rows[] = {
	{ "format", "f", OPT_ENUM, "table|json", "how it is printed (default: table)", offsetof(struct pod_ls_flags, format) },
	{ "quiet", "q", OPT_FLAG, NULL, "names only, one a line", offsetof(struct pod_ls_flags, names_only) },
};

/* Rows of text, and the same as JSON, while a walk gives them. */
struct listing {
	struct cli *cli;
	const struct pod_ls_flags *flags;
	struct ps_buf out;        /* names or JSON */
	struct ps_jsonw w;
	const char **cells;
	size_t n_rows, n_columns, cap;
	size_t n_dead;
	struct ps_err *e;
};

static void listing_done(struct listing *l)
{
	ps_buf_done(&l->out);
	free(l->cells);
}

static int add_row(struct listing *l, const char *const *row)
{
	if (l->n_rows == l->cap) {
		const size_t cap = l->cap ? 2 * l->cap : 16;
		const char **cells = reallocarray(l->cells, cap * l->n_columns, sizeof(*cells));

		if (!cells)
			return ps_fail_os(l->e, "memory for the list");
		l->cells = cells;
		l->cap = cap;
	}
	for (size_t i = 0; i < l->n_columns; i++) {
		const char *copy = ps_arena_strdup(&l->cli->mem, row[i]);

		if (!copy)
			return ps_fail_os(l->e, "memory for the list");
		l->cells[l->n_rows * l->n_columns + i] = copy;
	}
	l->n_rows++;
	return 0;
}

static int begin(struct listing *l, const char *const *head, size_t n)
{
	l->w = (struct ps_jsonw){ .out = &l->out };
	l->n_columns = n;
	if (is_json(l->flags->format))
		ps_jw_array(&l->w, NULL);
	return add_row(l, head);
}

static int finish(struct listing *l, struct ps_err *e)
{
	if (is_json(l->flags->format)) {
		ps_jw_end_array(&l->w);
		ps_buf_putc(&l->out, '\n');
	} else if (!l->flags->names_only) {
		cli_print_table(&l->out, l->cells, l->n_rows, l->n_columns);
	}
	return cli_print(&l->out, e);
}

/* ---- Pods ---- */

struct pod_row {
	const char *state;
	unsigned running, ended;
	struct podshim_counts counts;
};

static int count_runner(const struct podshim_info *info, void *ctx)
{
	struct pod_row *row = ctx;

	row->running += !strcmp(info->state, "running") || !strcmp(info->state, "paused") || !strcmp(info->state, "stopping");
	row->ended += info->status >= 0;
	return 0;
}

/* What its supervisor says; it may end while we ask. */
static void ask_pod(const struct cli *cli, const char *name, const struct state *st, struct pod_row *row)
{
	auto_podshim struct podshim *c = NULL;

	*row = (struct pod_row){ .state = "dead" };
	if (!pod_lives(st)) {
		if (st->status == STATE_CREATING)
			row->state = "creating";
		return;
	}
	row->state = "silent";
	if (podshim_connect(cli->root, name, &c, NULL) == 0 && podshim_list(c, count_runner, row, NULL) == 0 &&
	    podshim_counts(c, &row->counts, NULL) == 0)
		row->state = "running";
}

static void put_row(struct ps_jsonw *w, const struct pod_row *row)
{
	ps_jw_str(w, "state", row->state);
	ps_jw_uint(w, "running", row->running);
	ps_jw_uint(w, "ended", row->ended);
	ps_jw_uint(w, "warm", row->counts.warm);
	ps_jw_uint(w, "warmWanted", row->counts.warm_wanted);
	ps_jw_uint(w, "launched", row->counts.launched);
	ps_jw_uint(w, "failed", row->counts.failed);
}

static void put_pod(struct ps_jsonw *w, const struct state *st, const struct pod_row *row)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "name", st->id);
	put_row(w, row);
	ps_jw_int(w, "pid", pod_lives(st) ? st->pid : 0);
	ps_jw_str(w, "bundle", st->bundle);
	ps_jw_str(w, "created", st->created);
	ps_jw_str(w, "shm", st->tape);
	ps_jw_end_object(w);
}

static int add_pod(const char *name, void *ctx)
{
	struct listing *l = ctx;
	ps_auto_mem struct state *st = malloc(sizeof(*st));
	struct pod_row row;
	char running[16], warm[32];

	if (!st)
		return ps_fail_os(l->e, "memory for pod '%s'", name);
	/* One that is removed while we look is no error of the list. */
	if (pod_read(l->cli, name, st, NULL) < 0)
		return 0;
	if (l->flags->names_only) {
		ps_buf_printf(&l->out, "%s\n", name);
		return 0;
	}
	ask_pod(l->cli, name, st, &row);
	l->n_dead += !strcmp(row.state, "dead");
	if (is_json(l->flags->format)) {
		put_pod(&l->w, st, &row);
		return 0;
	}
	(void)snprintf(running, sizeof(running), "%u", row.running);
	(void)snprintf(warm, sizeof(warm), "%u/%u", (unsigned)row.counts.warm, (unsigned)row.counts.warm_wanted);
	return add_row(l, (const char *[]){ name, row.state, running, warm, st->bundle, st->created });
}

/* ---- Pods of another user's that may be looked at ---- */

static const char *why_not(const struct podshim_error *why)
{
	if (why->code == PODSHIM_E_DENIED || why->sys == EACCES || why->sys == EPERM)
		return "denied";
	return why->sys == ECONNREFUSED || why->code == PODSHIM_E_NOTFOUND ? "dead" : "silent";
}

static int add_observed(struct listing *l, const char *name, uid_t owner)
{
	auto_podshim struct podshim *c = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	struct pod_row row = { .state = "running" };
	char running[16], warm[32], of[32];

	if (l->flags->names_only) {
		ps_buf_printf(&l->out, "%s\n", name);
		return 0;
	}
	if (podshim_connect(l->cli->root, name, &c, &why) < 0 || podshim_list(c, count_runner, &row, &why) < 0 ||
	    podshim_counts(c, &row.counts, &why) < 0)
		row.state = why_not(&why);
	if (is_json(l->flags->format)) {
		ps_jw_object(&l->w, NULL);
		ps_jw_str(&l->w, "name", name);
		put_row(&l->w, &row);
		ps_jw_uint(&l->w, "owner", owner);
		ps_jw_end_object(&l->w);
		return 0;
	}
	(void)snprintf(running, sizeof(running), "%u", row.running);
	(void)snprintf(warm, sizeof(warm), "%u/%u", (unsigned)row.counts.warm, (unsigned)row.counts.warm_wanted);
	(void)snprintf(of, sizeof(of), "of uid %u", owner);
	return add_row(l, (const char *[]){ name, row.state, running, warm, of, "" });
}

/* NAME.sock in ROOT.observe.  1: there is such a folder; 0: there is none, and e is as it was. */
static int list_observed(struct listing *l, struct ps_err *e)
{
	static const char suffix[] = ".sock";
	char path[4096 + 16], name[NAME_MAX + 1];
	const struct dirent *entry;
	struct stat st;

	if (pods_observe_dir(l->cli->root, path, sizeof(path), e) < 0)
		return -1;
	ps_auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(e, "look at '%s'", path);
	if (st.st_mode & 022)
		return ps_fail(e, PS_E_DENIED, "'%s' is not its owner's alone to write", path);
	ps_auto_dir DIR *dir = fdopendir(fd);

	if (!dir)
		return ps_fail_os(e, "list '%s'", path);
	(void)ps_take_fd(&fd);
	for (int left = OBSERVED_MAX; left && (entry = readdir(dir));) {
		const size_t n = strlen(entry->d_name);

		if (n < sizeof(suffix) || n >= sizeof(name) || strcmp(entry->d_name + n - (sizeof(suffix) - 1), suffix) != 0)
			continue;
		memcpy(name, entry->d_name, n);
		name[n - (sizeof(suffix) - 1)] = '\0';
		if (!container_id_valid(name))
			continue;
		left--;
		if (add_observed(l, name, st.st_uid) < 0)
			return -1;
	}
	return 1;
}

/* 1: the root is another user's. */
static int is_anothers(const struct cli *cli, struct stat *ret, struct ps_err *e)
{
	if (stat(cli->root, ret) < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "open root '%s'", cli->root);
	return ret->st_uid != geteuid();
}

static int list_pods(struct listing *l, struct ps_err *e)
{
	static const char *const head[] = { "NAME", "STATE", "RUNNING", "WARM", "BUNDLE", "CREATED" };
	char root[4096];
	struct stat st;

	if (begin(l, head, PS_COUNT(head)) < 0 || pods_root(l->cli->root, root, sizeof(root), e) < 0)
		return -1;
	const int another = is_anothers(l->cli, &st, e), observed = another ? list_observed(l, e) : 0;

	if (observed < 0 || (another < 0 && !observed))
		return -1;
	if (another && !observed)
		return ps_fail(e, PS_E_DENIED, "root '%s' belongs to uid %u, and no pod there lets others look on ('pod create --observe-group')",
			       l->cli->root, st.st_uid);
	if (!another && access(root, F_OK) == 0 && state_each(root, add_pod, l, e) != 0)
		return -1;
	if (finish(l, e) < 0)
		return -1;
	if (l->n_dead)
		cli_note("what dead pods left is freed by 'podshim gc'");
	return 0;
}

/* ---- Runners ---- */

static void put_runner(struct ps_jsonw *w, const struct podshim_info *i)
{
	const struct { const char *key; uint64_t ns; } times[] = {
		{ "created", i->created_ns }, { "started", i->started_ns }, { "exited", i->exited_ns },
	};
	char text[40];

	ps_jw_object(w, NULL);
	ps_jw_str(w, "id", i->id);
	ps_jw_uint(w, "n", i->n);
	ps_jw_str(w, "state", i->state);
	ps_jw_int(w, "pid", i->pid);
	ps_jw_str(w, "command", i->command);
	ps_jw_bool(w, "tty", i->flags & PODSHIM_TTY);
	ps_jw_bool(w, "detached", i->flags & PODSHIM_DETACHED);
	if (i->status >= 0) {
		ps_jw_int(w, "status", i->status);
		ps_jw_str(w, "reason", i->reason);
	}
	for (size_t k = 0; k < PS_COUNT(times); k++) {
		format_time_ns(times[k].ns, text);
		if (times[k].ns)
			ps_jw_str(w, times[k].key, text);
	}
	ps_jw_end_object(w);
}

static int add_runner(const struct podshim_info *i, void *ctx)
{
	struct listing *l = ctx;
	char pid[16] = "", status[16] = "", age[16];

	if (l->flags->names_only) {
		ps_buf_printf(&l->out, "%s\n", i->id);
		return 0;
	}
	if (is_json(l->flags->format)) {
		put_runner(&l->w, i);
		return 0;
	}
	if (i->pid)
		(void)snprintf(pid, sizeof(pid), "%d", (int)i->pid);
	if (i->status >= 0)
		(void)snprintf(status, sizeof(status), "%d", i->status);
	format_age(i->started_ns ? i->started_ns : i->created_ns, age);
	return add_row(l, (const char *[]){ i->id, i->state, pid, status, i->reason, age, i->command });
}

static int list_runners(struct listing *l, const char *name, struct ps_err *e)
{
	static const char *const head[] = { "ID", "STATE", "PID", "STATUS", "REASON", "AGE", "COMMAND" };
	auto_podshim struct podshim *c = NULL;
	struct podshim_error why = { .code = PODSHIM_OK };
	struct target t;

	if (target_of(l->cli, name, &t, e) < 0)
		return -1;
	if (t.kind != TARGET_POD)
		return ps_fail(e, PS_E_USAGE, "'%s' is no pod; 'podshim pod ls' lists them", name);
	if (begin(l, head, PS_COUNT(head)) < 0 || target_connect(l->cli, &t, &c, e) < 0)
		return -1;
	e->cls = PS_OK;
	if (podshim_list(c, add_runner, l, &why) != 0)
		return e->cls != PS_OK ? -1 : lib_failed(&why, e);
	return finish(l, e);
}

static int run_pod_ls(struct cli *cli, struct ps_err *e)
{
	struct listing l ps_auto(listing_done) = { .cli = cli, .flags = cli->flags, .e = e };

	return cli->n_words ? list_runners(&l, cli->words[0], e) : list_pods(&l, e);
}

const struct command cmd_pod_ls = {
	.name = "pod ls",
	.words = "[NAME]",
	.summary = "list the pods, or the runners of one",
	.about = "Of a pod: how many runners work, and how many are prepared of those wanted. A\n"
		 "pod whose processes were killed is dead: 'podshim gc' frees what it left. Of a\n"
		 "runner: its state, and once it has ended its exit status and why it ended (exited,\n"
		 "signal, stopped, timeout, memory, output-limit, failed). Where --root is another\n"
		 "user's: the pods that may be looked at ('pod create --observe-group'); denied is\n"
		 "one that lets only others look on.",
	.examples = "podshim pod ls\n"
		    "podshim pod ls --format json jobs | jq -r '.[] | select(.state == \"running\").id'\n",
	.opts = OPT_TABLE(pod_ls_rows),
	.flags_size = sizeof(struct pod_ls_flags),
	.max_words = 1,
	.attr = CMD_ROOT,
	.run = run_pod_ls,
};
