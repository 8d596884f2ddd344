/* SPDX-License-Identifier: Apache-2.0
 * policy_flags.c - the flags that make a policy, and the layers that they and the environment come to.
 */
#include "shim/cli/policy_flags.h"

#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "shim/cli/cmd.h"

#define AT(field) offsetof(struct policy_flags, field)
static const struct opt fixed_rows[] = {
	{ "allow-all", "A", OPT_FLAG, NULL, "everything is allowed that nothing denies", AT(all) },
	{ "policy", NULL, OPT_LIST, "FILE", "read a policy file (podshim-policy(5)); may be given again", AT(files) },
	{ "permission-set", "P", OPT_GRANT, "SET", "the named set (default: 'default') of the policy file", AT(grants) },
	{ "reset-deny", NULL, OPT_GRANT, "PERMISSION", "drop what weaker sources deny of read, write, net, env, run, ffi or sys", AT(grants) },
	{ "best-effort", NULL, OPT_FLAG, NULL, "what this host cannot enforce is a warning, not an error", AT(best_effort) },
	{ "jit", NULL, OPT_FLAG, NULL, "it may make code at run time, as node and java do", AT(jit) },
	{ "quiet", NULL, OPT_FLAG, NULL, "no summary of denials at the end", AT(quiet) },
	{ "dns", NULL, OPT_LIST, "ADDRESS[:PORT]", "ask this name server, not those of the host; may be given again", AT(dns) },
	{ "add-host", NULL, OPT_LIST, "NAME:ADDRESS", "NAME has this address, also a private one; may be given again", AT(add_host) },
	{ "audit", NULL, OPT_STR, "FILE", "append what is denied (and what the policy says beside that) to FILE, as JSON lines, up to 64 MiB",
	  AT(audit) },
	{ "memory", NULL, OPT_SIZE, "SIZE", "limit of memory: 64M, 1G", AT(memory) },
	{ "pids", NULL, OPT_U32, "N", "limit of processes and threads", AT(pids) },
	{ "cpus", NULL, OPT_CPUS, "N", "limit of CPU time: 0.5, 2", AT(cpus) },
	{ "output-limit", NULL, OPT_SIZE, "SIZE", "end it when it has printed more, stdout and stderr together; the exit status is 153",
	  AT(output) },
	{ "disk", NULL, OPT_SIZE, "SIZE", "limit of what it may store: in /tmp and the like, and, with --undo, in its folders", AT(disk) },
	{ "undo", NULL, OPT_FLAG, NULL, "what it writes is kept apart: see 'podshim diff', 'commit' and 'discard'", AT(undo) },
	{ "ask", NULL, OPT_FLAG, NULL, "ask at the terminal about what nothing allows: y once for all of this run, n never, A all of its kind",
	  AT(ask) },
	{ "broker", NULL, OPT_STR, "SOCKET", "the same, of whoever listens at SOCKET and speaks Deno's permission broker protocol", AT(broker) },
	{ "no-prompt", NULL, OPT_FLAG, NULL, "deny what would be asked at the terminal", AT(no_prompt) },
};
#undef AT

enum { MAX_FLAGS = 32 };

struct opt_table policy_opts(void)
{
	static struct opt rows[MAX_FLAGS + PS_COUNT(fixed_rows)];
	static size_t n;

	if (n)
		return (struct opt_table){ rows, n };
	for (size_t i = 0; i < n_perm_flags && i < MAX_FLAGS; i++)
		rows[n++] = (struct opt){ perm_flags[i].name, perm_flags[i].letter, OPT_GRANT, perm_flags[i].grammar,
					  perm_flags[i].help, offsetof(struct policy_flags, grants) };
	for (size_t i = 0; i < PS_COUNT(fixed_rows); i++)
		rows[n++] = fixed_rows[i];
	return (struct opt_table){ rows, n };
}

struct opt_table narrow_opts(void)
{
	static struct opt rows[MAX_FLAGS];
	static size_t n;

	for (size_t i = 0; !n && i < n_perm_flags && i < MAX_FLAGS; i++)
		rows[i] = (struct opt){ perm_flags[i].name, perm_flags[i].letter, OPT_GRANT, perm_flags[i].grammar, perm_flags[i].help, 0 };
	n = n_perm_flags < MAX_FLAGS ? n_perm_flags : MAX_FLAGS;
	return (struct opt_table){ rows, n };
}

int cli_narrow(struct cli *cli, struct spec_strs *ret, struct ps_err *e)
{
	const struct opt_grants *g = &cli->narrow;
	const char **v = ps_arena_array(&cli->mem, g->n + 1, sizeof(*v));

	for (size_t i = 0; v && i < g->n; i++) {
		v[i] = ps_arena_printf(&cli->mem, "--%s%s%s%s", g->v[i].opt->name, g->v[i].append ? "+" : "", g->v[i].value ? "=" : "",
				       g->v[i].value ? g->v[i].value : "");
		if (!v[i])
			return ps_fail_os(e, "memory for the flags");
	}
	*ret = (struct spec_strs){ v, g->n };
	return v ? 0 : ps_fail_os(e, "memory for the flags");
}

bool policy_flags_given(const struct policy_flags *f)
{
	return f->grants.n || f->files.n || f->dns.n || f->add_host.n || f->all || f->best_effort || f->jit || f->memory || f->pids ||
	       f->cpus || f->output || f->disk || f->undo || f->ask || f->no_prompt || f->broker;
}

static const struct perm_flag *flag_of(const struct opt *o)
{
	for (size_t i = 0; i < n_perm_flags; i++)
		if (o->name == perm_flags[i].name)
			return &perm_flags[i];
	return NULL;
}

/* Every item of "a,b" becomes "+a,+b"; doubled commas are none. */
static const char *appended(struct ps_arena *a, const char *list)
{
	size_t n = strlen(list), k = 0;
	char *out = ps_arena_alloc(a, 2 * n + 2);

	if (!out)
		return NULL;
	out[k++] = '+';
	for (size_t i = 0; i < n; i++) {
		out[k++] = list[i];
		if (list[i] == ',' && list[i + 1] == ',')
			out[k++] = list[++i];
		else if (list[i] == ',')
			out[k++] = '+';
	}
	return out;
}

static int add_grant(struct cli *cli, struct perm_builder *b, const struct perm_flag *f, const struct opt_grant *g,
		     struct ps_err *e)
{
	const char *list = g->value, *from = ps_arena_printf(&cli->mem, "--%s", f->name);

	if (list && g->append)
		list = appended(&cli->mem, list);
	if (!from || (g->value && !list))
		return ps_fail_os(e, "memory for the flags");
	return perm_builder_add(b, f->permission, f->action, list, from, e);
}

static int reset_deny(struct perm_builder *b, const char *name, struct ps_err *e)
{
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		if (name && strcmp(name, policy_permission_name((enum policy_permission)p)) != 0)
			continue;
		perm_builder_reset_deny(b, (enum policy_permission)p);
		if (name)
			return 0;
	}
	return name ? ps_fail(e, PS_E_USAGE, "--reset-deny: '%s' is none of read, write, net, env, run, ffi, sys", name) : 0;
}

static void limit(struct perm_limit *l, uint64_t v, const char *from)
{
	if (v)
		*l = (struct perm_limit){ true, v, from };
}

static int flags_layer(struct cli *cli, const struct perm_layer **ret, struct ps_err *e)
{
	const struct policy_flags *f = &cli->policy;
	struct perm_builder *b = perm_builder_new(&cli->mem, PERM_FLAG, "command line");

	if (!b)
		return ps_fail_os(e, "memory for the flags");
	for (size_t i = 0; i < f->grants.n; i++) {
		const struct opt_grant *g = &f->grants.v[i];
		const struct perm_flag *row = flag_of(g->opt);

		if (row ? add_grant(cli, b, row, g, e) < 0
			: !strcmp(g->opt->name, "reset-deny") && reset_deny(b, g->value, e) < 0)
			return -1;
	}
	if (f->all)
		perm_builder_allow_all(b, "--allow-all");
	struct perm_settings *s = perm_builder_settings(b);

	limit(&s->memory, f->memory, "--memory");
	limit(&s->pids, f->pids, "--pids");
	limit(&s->cpu, f->cpus, "--cpus");
	limit(&s->output, f->output, "--output-limit");
	limit(&s->disk, f->disk, "--disk");
	s->dns = (struct spec_strs){ f->dns.v, f->dns.n };
	s->hosts = (struct spec_strs){ f->add_host.v, f->add_host.n };
	if (f->ask || f->broker) {
		s->mode.set = true;
		s->mode.v = PERM_ASK;
		s->mode.from = f->broker ? "--broker" : "--ask";
	}
	s->broker = f->broker;
	if (f->no_prompt)
		s->no_prompt = (struct opt_bool){ true, true };
	if (f->jit)
		s->jit = (struct opt_bool){ true, true };
	if (f->undo)
		s->undo = (struct opt_bool){ true, true };
	if (f->best_effort)
		s->best_effort = (struct opt_bool){ true, true };
	return perm_builder_done(b, ret, e);
}

/* The name of -P, or NULL: none was asked for. */
static const char *set_name(const struct policy_flags *f)
{
	const char *name = NULL;

	for (size_t i = 0; i < f->grants.n; i++)
		if (!strcmp(f->grants.v[i].opt->name, "permission-set"))
			name = f->grants.v[i].value ? f->grants.v[i].value : "default";
	return name;
}

static int collect(struct cli *cli, struct perm_layers *ret, struct ps_err *e)
{
	const char *set = set_name(&cli->policy);
	const struct opt_list *files = &cli->policy.files;

	if (set && !files->n)
		return ps_fail(e, PS_E_USAGE, "-P names a set of a policy file: give --policy FILE, too");
	for (size_t i = 0; i < files->n; i++)
		if (perm_layers_of_file(&cli->mem, files->v[i], set, PERM_FILE, ret, e) < 0)
			return -1;
	if (perm_layers_of_environment(&cli->mem, (const char *const *)environ, ret, e) < 0)
		return -1;
	if (!policy_flags_given(&cli->policy))
		return 0;
	const struct perm_layer *flags;

	return flags_layer(cli, &flags, e) < 0 ? -1 : perm_layers_append(ret, flags, e);
}

int cli_permissions(struct cli *cli, const struct perm_layers **ret, struct ps_err *e)
{
	struct perm_layers *l = ps_arena_new(&cli->mem, struct perm_layers);

	if (!l)
		return ps_fail_os(e, "memory for the flags");
	*ret = l;
	return collect(cli, l, e);
}
