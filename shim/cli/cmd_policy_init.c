/* SPDX-License-Identifier: Apache-2.0
 * cmd_policy_init.c - podshim policy init: a policy to start from.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/spec.h"
#include "shim/cli/cmd.h"

struct policy_init_flags {
	const char *output;
};

static const struct opt policy_init_rows[] = {
	{ "output", "o", OPT_STR, "FILE", "write it into FILE, which must not exist (default: standard output)",
	  offsetof(struct policy_init_flags, output) },
};

#define ABOUT                                                                                                    \
	"What %s may do; everything else is denied. 'extends' brings what nearly every program needs: an entry " \
	"with + adds to that, a list without + replaces it. read and write hold paths of the container; a ? at the end: " \
	"it may be missing. net holds hosts and ports (api.example.com:443, *.example.org, 10.0.0.0/8, listen:0.0.0.0:8080). " \
	"env holds variables that are handed over (LC_* too). run holds programs, ffi libraries, sys what the system tells of " \
	"itself (hostname, cpus). Each can be true, false, a list, or {\"allow\": [], \"deny\": [], \"warn\": []}; deny always " \
	"wins. Check it with 'podshim policy lint', look at it with 'podshim policy show --policy', and change this text."

/* What the policy is for. */
struct subject {
	const char *name, *program, *cwd;
	const struct spec *spec;     /* NULL: no bundle */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The variables that builtin:base-linux has. */
static bool is_common(const char *name)
{
	static const char *const names[] = { "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "NO_COLOR", "TMPDIR", "USER", "LOGNAME" };

	for (size_t i = 0; i < PS_COUNT(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "LC_", 3);
}

static bool is_mount_of_data(const struct spec_mount *m, bool writable)
{
	bool bind = m->type && !strcmp(m->type, "bind"), read_only = false;

	for (size_t i = 0; i < m->options.n; i++) {
		bind |= !strcmp(m->options.v[i], "bind") || !strcmp(m->options.v[i], "rbind");
		read_only |= !strcmp(m->options.v[i], "ro");
	}
	return bind && !(writable && read_only) && *m->destination == '/';
}

/* "+value" in the list `key`, which begins with its first item: an empty one would replace what is extended. */
static void put_more(struct ps_jsonw *w, const char *key, bool *begun, const char *value)
{
	ps_auto_buf struct ps_buf item = { 0 };

	if (!*begun)
		ps_jw_array(w, key);
	*begun = true;
	ps_buf_printf(&item, "+%s", value);
	w->out->failed |= item.failed;
	ps_jw_str(w, NULL, item.data ? item.data : "");
}

static void put_paths(struct ps_jsonw *w, const struct subject *s, bool writable)
{
	const char *key = writable ? "write" : "read";
	bool begun = false;

	if (!writable && strcmp(s->cwd, "/") != 0)
		put_more(w, key, &begun, s->cwd);
	for (size_t i = 0; s->spec && i < s->spec->n_mounts; i++)
		if (is_mount_of_data(&s->spec->mounts[i], writable) && (writable || strcmp(s->spec->mounts[i].destination, s->cwd) != 0))
			put_more(w, key, &begun, s->spec->mounts[i].destination);
	if (begun)
		ps_jw_end_array(w);
}

static int put_variables(struct ps_jsonw *w, const struct subject *s, struct ps_arena *a)
{
	bool begun = false;

	for (size_t i = 0; s->spec && i < s->spec->process.env.n; i++) {
		const char *kv = s->spec->process.env.v[i], *name = ps_arena_strndup(a, kv, strcspn(kv, "="));

		if (!name)
			return -1;
		if (*name && !is_common(name))
			put_more(w, "env", &begun, name);
	}
	if (begun)
		ps_jw_end_array(w);
	return 0;
}

static int write_policy(const struct subject *s, struct ps_arena *a, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out, .indent = 2 };
	const char *about = ps_arena_printf(a, ABOUT, s->name);

	if (!about)
		return -1;
	ps_jw_object(&w, NULL);
	ps_jw_int(&w, "podshimPolicy", 1);
	ps_jw_str(&w, "name", s->name);
	ps_jw_str(&w, "description", about);
	ps_jw_array(&w, "extends");
	ps_jw_str(&w, NULL, "builtin:base-linux");
	ps_jw_end_array(&w);
	ps_jw_object(&w, "permissions");
	put_paths(&w, s, /* writable= */ false);
	put_paths(&w, s, /* writable= */ true);
	ps_jw_array(&w, "net");
	ps_jw_end_array(&w);
	if (put_variables(&w, s, a) < 0)
		return -1;
	ps_jw_array(&w, "run");
	if (s->program)
		ps_jw_str(&w, NULL, s->program);
	ps_jw_end_array(&w);
	ps_jw_array(&w, "sys");
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
	ps_jw_object(&w, "limits");
	ps_jw_str(&w, "memory", "1G");
	ps_jw_int(&w, "pids", 256);
	ps_jw_end_object(&w);
	ps_jw_object(&w, "audit");
	ps_jw_str(&w, "denied", "all");
	ps_jw_end_object(&w);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
	return out->failed ? -1 : 0;
}

static int read_bundle(struct cli *cli, const char *dir, struct subject *s, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { 0 };
	const char *path = ps_arena_printf(&cli->mem, "%s/config.json", dir);
	char absolute[4096];

	if (!path)
		return ps_fail_os(e, "read '%s'", dir);
	if (ps_read_file_at(AT_FDCWD, path, SPEC_MAX_BYTES, &text, e) < 0 ||
	    spec_parse(&cli->mem, path, text.data ? text.data : "", text.len, &s->spec, e) < 0)
		return -1;
	if (!strcmp(dir, ".") && getcwd(absolute, sizeof(absolute)))
		dir = ps_arena_strdup(&cli->mem, absolute);
	s->name = dir ? base_name(dir) : "bundle";
	s->cwd = s->spec->process.cwd ? s->spec->process.cwd : "/";
	s->program = s->spec->process.args.n ? s->spec->process.args.v[0] : NULL;
	return 0;
}

static int choose(struct cli *cli, struct subject *s, struct ps_err *e)
{
	const char *word = cli->words[0];
	struct stat st;

	*s = (struct subject){ .name = "this program", .cwd = "." };
	if (!word)
		return 0;
	if (cli_holds_config(word))
		return read_bundle(cli, word, s, e);
	if (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
		return ps_fail(e, PS_E_USAGE, "'%s' has no config.json; name a bundle or a program", word);
	s->program = word;
	s->name = base_name(word);
	return 0;
}

static int write_file(const char *path, const struct ps_buf *b, struct ps_err *e)
{
	ps_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 && errno == EEXIST)
		return ps_fail(e, PS_E_EXISTS, "'%s' exists; remove it first, or name another file with -o FILE", path);
	if (fd < 0)
		return ps_fail_os(e, "create '%s'", path);
	if (ps_write_all(fd, b->data, b->len) == 0)
		return 0;
	(void)ps_fail_os(e, "write '%s'", path);
	(void)unlink(path);
	return -1;
}

static int run_policy_init(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct policy_init_flags *f = cli->flags;
	struct subject s;

	if (choose(cli, &s, e) < 0)
		return -1;
	if (write_policy(&s, &cli->mem, &out) < 0)
		return ps_fail_os(e, "write a policy");
	return f->output && strcmp(f->output, "-") != 0 ? write_file(f->output, &out, e) : cli_print(&out, e);
}

const struct command cmd_policy_init = {
	.name = "policy init",
	.words = "[BUNDLE | PROGRAM]",
	.summary = "write a policy to start from",
	.about = "It allows what nearly every program needs, and of BUNDLE its program, variables,\n"
		 "working directory and the mounts of its config.json; of PROGRAM that it is run.\n"
		 "Its description tells how to go on.",
	.examples = "podshim policy init -o policy.json ./bundle\n"
		    "podshim policy init python3\n",
	.opts = OPT_TABLE(policy_init_rows),
	.flags_size = sizeof(struct policy_init_flags),
	.max_words = 1,
	.run = run_policy_init,
};
