/* SPDX-License-Identifier: Apache-2.0
 * closure_trees.c - where known interpreters have their standard library.
 */
#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/closure.h"

enum { MODULES_MAX = 256, NAME_MAX_VERSION = 16 };

/* Directories: %P what bin/ is in, %V the version in the program's name, %A the machine as in "x86_64-linux-gnu". */
static const struct interpreter {
	const char *name;       /* of the program, before its version */
	const char *modules;    /* extension modules that the interpreter maps */
	const char *dirs[12];
} interpreters[] = {
	{ "python", "%P/lib/python%V/lib-dynload",
	  { "%P/lib/python%V", "%P/lib64/python%V", "%P/lib/python3", "/usr/local/lib/python%V" } },
	{ "node", NULL, { "%P/lib/node_modules", "%P/share/nodejs", "%P/lib/%A/nodejs", "%P/share/node_modules" } },
	{ "perl", NULL,
	  { "/etc/perl", "%P/lib/%A/perl", "%P/lib/%A/perl5", "%P/lib/%A/perl-base", "%P/share/perl", "%P/share/perl5",
	    "%P/lib/perl5", "%P/lib64/perl5", "/usr/local/share/perl", "/usr/local/lib/%A/perl" } },
	{ "ruby", NULL,
	  { "%P/lib/ruby", "%P/lib/%A/ruby", "%P/share/ruby", "%P/share/gems", "%P/share/rubygems-integration",
	    "/var/lib/gems" } },
};

const char *closing_multiarch(uint16_t machine, uint8_t bits)
{
	static const struct { uint16_t machine; uint8_t bits; const char *name; } rows[] = {
		{ EM_X86_64, ELFCLASS64, "x86_64-linux-gnu" },	  { EM_386, ELFCLASS32, "i386-linux-gnu" },
		{ EM_AARCH64, ELFCLASS64, "aarch64-linux-gnu" },  { EM_ARM, ELFCLASS32, "arm-linux-gnueabihf" },
		{ EM_RISCV, ELFCLASS64, "riscv64-linux-gnu" },	  { EM_S390, ELFCLASS64, "s390x-linux-gnu" },
		{ EM_PPC64, ELFCLASS64, "powerpc64le-linux-gnu" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].machine == machine && rows[i].bits == bits)
			return rows[i].name;
	return NULL;
}

struct place { const char *prefix, *version, *arch; };

/* False: it does not fit, or needs what is not known. */
static bool fill_in(const char *pattern, const struct place *p, char out[PATH_MAX])
{
	size_t len = 0;

	for (const char *c = pattern; *c; c++) {
		const char *text = c;
		size_t n = 1;

		if (*c == '%') {
			c++;
			text = *c == 'P' ? p->prefix : *c == 'V' ? p->version : p->arch;
			n = text ? strlen(text) : 0;
			if (!text || (!n && *c != 'P'))
				return false;
		}
		if (len + n >= PATH_MAX)
			return false;
		memcpy(out + len, text, n);
		len += n;
	}
	out[len] = '\0';
	return true;
}

static int add_dir(struct closing *c, const char *path)
{
	struct view_found f;

	if (view_find(c->view, path, &f) < 0 || f.kind != VIEW_DIR)
		return 0;
	return text_set_add(&c->trees, f.path) < 0 ? -1 : 0;
}

static bool is_module(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && !strcmp(name + n - 3, ".so");
}

/* What extension modules need beside themselves. */
static int add_modules(struct closing *c, const char *dir)
{
	struct view_found f;
	struct spec_strs names;
	char path[PATH_MAX];
	bool more;

	if (view_find(c->view, dir, &f) < 0 || f.kind != VIEW_DIR || view_list(c->view, &f, MODULES_MAX, &names, &more) < 0)
		return 0;
	c->more |= more;
	for (size_t i = 0; i < names.n; i++)
		if (is_module(names.v[i]) &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", f.path, names.v[i]) < sizeof(path) &&
		    closing_map(c, path) < 0)
			return -1;
	return 0;
}

/* "DIR/bin/NAME" to "DIR"; "" for "/bin/NAME". */
static const char *prefix_of(struct closing *c, const char *path)
{
	const char *name = strrchr(path, '/'), *bin = name;

	while (bin && bin > path && *--bin != '/')
		;
	return bin ? ps_arena_strndup(c->arena, path, (size_t)(bin - path)) : ps_arena_strdup(c->arena, "");
}

/* A Python that is called through an environment: its packages beside the base's library. */
static int add_environment(struct closing *c, const char *as)
{
	const char *prefix = as[0] == '/' ? prefix_of(c, as) : "";
	char path[PATH_MAX];
	struct view_found f;

	if (!prefix)
		return -1;
	if (!*prefix || (size_t)snprintf(path, sizeof(path), "%s/pyvenv.cfg", prefix) >= sizeof(path) ||
	    view_find(c->view, path, &f) < 0 || f.kind != VIEW_FILE)
		return 0;
	if (text_set_add(&c->files, f.path) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/lib", prefix);
	return add_dir(c, path);
}

static const struct interpreter *interpreter_of(const char *name, const char **ret_version)
{
	for (size_t i = 0; i < PS_COUNT(interpreters); i++) {
		size_t n = strlen(interpreters[i].name);

		*ret_version = name + n;
		if (!strncmp(name, interpreters[i].name, n) && !name[n + strspn(name + n, "0123456789.")] &&
		    strlen(name + n) < NAME_MAX_VERSION)
			return &interpreters[i];
	}
	return NULL;
}

int closing_add_trees(struct closing *c, const char *as, const char *found, uint16_t machine)
{
	struct place p = { .prefix = prefix_of(c, found) };
	const struct interpreter *row = interpreter_of(strrchr(found, '/') + 1, &p.version);
	char path[PATH_MAX];

	if (!row || !p.prefix)
		return row ? -1 : 0;
	p.arch = closing_multiarch(machine, c->program->elf.bits);
	for (size_t i = 0; i < PS_COUNT(row->dirs) && row->dirs[i]; i++)
		if (fill_in(row->dirs[i], &p, path) && add_dir(c, path) < 0)
			return -1;
	if (!strcmp(row->name, "python") && add_environment(c, as) < 0)
		return -1;
	return row->modules && fill_in(row->modules, &p, path) ? add_modules(c, path) : 0;
}
