/* SPDX-License-Identifier: Apache-2.0
 * undo_lines.c - what diff, commit and discard have in common: a change as text or JSON, paths of the command line.
 */
#include "shim/cli/undo_lines.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/path.h"
#include "base/scope.h"

static const char *const kinds[] = {
#define X(sym, name) [sym] = name,
	UNDO_KINDS(X)
#undef X
};

static const char *type_of(mode_t mode)
{
	static const struct { mode_t type; const char *name; } types[] = {
		{ S_IFREG, "file" }, { S_IFDIR, "directory" }, { S_IFLNK, "link" },   { S_IFIFO, "pipe" },
		{ S_IFSOCK, "socket" }, { S_IFCHR, "device" }, { S_IFBLK, "device" },
	};

	for (size_t i = 0; i < PS_COUNT(types); i++)
		if ((mode & S_IFMT) == types[i].type)
			return types[i].name;
	return "unknown";
}

void undo_line_text(struct ps_buf *out, const struct undo_change *c)
{
	ps_buf_printf(out, "%-8s %-10s", kinds[c->kind], type_of(c->mode));
	if (S_ISREG(c->mode))
		ps_buf_printf(out, "%10llu  ", (unsigned long long)c->size);
	else
		ps_buf_puts(out, "         -  ");
	log_escape(out, c->path);
	if (c->link) {
		ps_buf_puts(out, " -> ");
		log_escape(out, c->link);
	}
	if (c->problem || c->conflict) {
		ps_buf_puts(out, "  (");
		log_escape(out, c->problem ? c->problem : c->conflict);
		ps_buf_putc(out, ')');
	}
	ps_buf_putc(out, '\n');
}

void undo_line_json(struct ps_buf *out, const struct undo_change *c)
{
	struct ps_jsonw w = { .out = out };
	char mode[8];

	(void)snprintf(mode, sizeof(mode), "%04o", c->mode & 07777U);
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "change", kinds[c->kind]);
	ps_jw_str(&w, "type", type_of(c->mode));
	ps_jw_str(&w, "path", c->path);
	ps_jw_str(&w, "target", c->target);
	if (S_ISREG(c->mode))
		ps_jw_uint(&w, "size", c->size);
	ps_jw_str(&w, "mode", mode);
	if (c->link)
		ps_jw_str(&w, "link", c->link);
	if (c->conflict)
		ps_jw_str(&w, "conflict", c->conflict);
	if (c->problem)
		ps_jw_str(&w, "problem", c->problem);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

int undo_paths(struct cli *cli, struct undo_request *r, struct ps_err *e)
{
	const char **v = ps_arena_array(&cli->mem, cli->n_words + 1, sizeof(*v));
	char cwd[PATH_MAX], path[PATH_MAX], clean[PATH_MAX];

	r->id = cli->words[0];
	if (cli_check_id(r->id, e) < 0)
		return -1;
	if (!v)
		return ps_fail_os(e, "allocate");
	for (size_t i = 1; i < cli->n_words; i++) {
		const char *word = cli->words[i];

		if (!*word)
			return ps_fail(e, PS_E_USAGE, "a path is empty");
		if (*word != '/' && !getcwd(cwd, sizeof(cwd)))
			return ps_fail_os(e, "find the current directory for '%s'", word);
		if (ps_path_join(path, sizeof(path), *word == '/' ? "/" : cwd, word) < 0 || ps_path_clean(path, clean, sizeof(clean)) < 0)
			return ps_fail_os(e, "path '%s'", word);
		v[i - 1] = ps_arena_strdup(&cli->mem, clean);
		if (!v[i - 1])
			return ps_fail_os(e, "allocate");
	}
	r->paths = v;
	r->n_paths = cli->n_words - 1;
	return 0;
}

void undo_count(char out[40], size_t n)
{
	(void)snprintf(out, 40, "%zu change%s", n, n == 1 ? "" : "s");
}

int undo_tell(void *ctx, const struct undo_change *c)
{
	ps_auto_buf struct ps_buf line = { 0 };

	(void)ctx;
	if (!c->problem && !c->conflict)
		return 0;
	undo_line_text(&line, c);
	if (!line.failed && line.len)
		(void)!write(STDERR_FILENO, line.data, line.len);
	return 0;
}
