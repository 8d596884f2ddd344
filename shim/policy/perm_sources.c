/* SPDX-License-Identifier: Apache-2.0
 * perm_sources.c - permissions in annotations and in the environment become layers.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/table.h"
#include "shim/policy/perm_builder.h"

static const char annotation_prefix[] = "io.podshim.";
static const char variable_prefix[] = "PODSHIM_";
enum { MAX_POLICY = 1 << 20 };

static int fail_memory(struct ps_err *e, const char *what)
{
	return ps_fail_os(e, "read the permissions of %s", what);
}

/* A value as a flag's: "*" alone is the flag without a value. */
static int add_value(struct perm_builder *b, const struct perm_flag *f, const char *value, const char *from,
		     struct ps_err *e)
{
	if (!*value)
		return ps_fail(e, PS_E_USAGE, "%s is empty: leave it out, or write '*' for everything", from);
	/* A host may be called so, but nobody means it. */
	if (!strcmp(value, "true") || !strcmp(value, "false"))
		return ps_fail(e, PS_E_USAGE, "%s is '%s': write '*' for everything, or leave it out", from, value);
	return perm_builder_add(b, f->permission, f->action, strcmp(value, "*") != 0 ? value : NULL, from, e);
}

/* ---- annotations ---- */

/* What is read elsewhere, and what the operator alone may say. */
static const char *const foreign_annotations[] = { "channel", "rootfs", "reaper" };
static const char *const operators_annotations[] = {
	"mode",	      "enforcement", "best-effort", "policy-file", "permission-set", "allow-all",
	"reset-deny", "undo",	     "jit",	    "secrets",	   "audit",
};

static bool is_one_of(const char *word, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, v[i]))
			return true;
	return false;
}

static int unknown_annotation(const char *word, struct ps_err *e)
{
	const char *names[32], *best;
	size_t n = 0;

	if (is_one_of(word, operators_annotations, PS_COUNT(operators_annotations)))
		return ps_fail(e, PS_E_USAGE,
			       "annotation %s%s: only the operator can say this, an annotation cannot",
			       annotation_prefix, word);
	names[n++] = "policy";
	for (size_t i = 0; i < n_perm_flags && n < PS_COUNT(names); i++)
		names[n++] = perm_flags[i].name;
	best = ps_closest(word, names, n);
	return ps_fail(e, PS_E_USAGE, "unknown annotation '%s%.60s'%s%s%s%s", annotation_prefix, word,
		       best ? " (did you mean '" : "", best ? annotation_prefix : "", best ? best : "",
		       best ? "'?)" : "");
}

static int read_policy_annotation(struct ps_arena *a, const char *text, struct perm_layers *l,
				  struct ps_err *e)
{
	static const char from[] = "annotation io.podshim.policy";

	if (*text == '@')
		return ps_fail(
			e, PS_E_USAGE,
			"%s: '%.60s' names a file, which an annotation cannot: write the policy itself", from,
			text);
	return perm_layers_of_text(a, from, text, strlen(text), NULL, PERM_ANNOTATION, true, l, e);
}

static int read_annotation(struct ps_arena *a, struct perm_builder *b, const char *word, const char *value,
			   struct ps_err *e)
{
	const char *from = ps_arena_printf(a, "annotation %s%s", annotation_prefix, word);

	if (!from)
		return fail_memory(e, "the annotations");
	for (size_t i = 0; i < n_perm_flags; i++)
		if (!strcmp(word, perm_flags[i].name))
			return add_value(b, &perm_flags[i], value, from, e);
	return unknown_annotation(word, e);
}

static int finish(struct perm_builder *b, bool used, struct perm_layers *l, struct ps_err *e)
{
	const struct perm_layer *layer;

	if (!used)
		return 0;
	return perm_builder_done(b, &layer, e) < 0 ? -1 : perm_layers_append(l, layer, e);
}

int perm_layers_of_annotations(struct ps_arena *a, const struct spec_kvs *annotations, struct perm_layers *l,
			       struct ps_err *e)
{
	struct perm_builder *b = perm_builder_new(a, PERM_ANNOTATION, "the annotations");
	const char *policy = NULL;
	struct perm_layers got = *l;
	bool used = false;

	if (!b)
		return fail_memory(e, "the annotations");
	for (size_t i = 0; i < annotations->n; i++) {
		const char *word = annotations->v[i].key;
		if (strncmp(word, annotation_prefix, sizeof(annotation_prefix) - 1) != 0)
			continue;
		word += sizeof(annotation_prefix) - 1;
		if (!strcmp(word, "policy")) {
			policy = annotations->v[i].value;
			continue;
		}
		if (is_one_of(word, foreign_annotations, PS_COUNT(foreign_annotations)))
			continue;
		if (read_annotation(a, b, word, annotations->v[i].value, e) < 0)
			return -1;
		used = true;
	}
	if ((policy && read_policy_annotation(a, policy, &got, e) < 0) || finish(b, used, &got, e) < 0)
		return -1;
	*l = got;
	return 0;
}

/* ---- the environment ---- */
enum {
	ONCE_POLICY,
	ONCE_POLICY_JSON,
	ONCE_SET,
	ONCE_ALL,
	ONCE_MODE,
	ONCE_BEST_EFFORT,
	ONCE_NO_PROMPT,
	N_ONCE
};
static const char *const once_names[N_ONCE] = {
	[ONCE_POLICY] = "PODSHIM_POLICY",	[ONCE_POLICY_JSON] = "PODSHIM_POLICY_JSON",
	[ONCE_SET] = "PODSHIM_PERMISSION_SET",	[ONCE_ALL] = "PODSHIM_ALLOW_ALL",
	[ONCE_MODE] = "PODSHIM_MODE",		[ONCE_BEST_EFFORT] = "PODSHIM_BEST_EFFORT",
	[ONCE_NO_PROMPT] = "PODSHIM_NO_PROMPT",
};

/* As getenv(3): the first counts.  NULL: there is none. */
static const char *variable(const char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; *envp; envp++)
		if (!strncmp(*envp, name, n) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static bool is_known_variable(const char *name)
{
	char of_flag[40];

	if (is_one_of(name, once_names, N_ONCE))
		return true;
	for (size_t i = 0; i < n_perm_flags; i++) {
		perm_flag_variable(&perm_flags[i], of_flag);
		if (!strcmp(name, of_flag))
			return true;
	}
	return false;
}

/* Others may have variables with our prefix; what speaks of permissions must be understood. */
static bool is_about_permissions(const char *word)
{
	static const char *const first[] = { "ALLOW_", "DENY_", "WARN_",     "IGNORE_",
					     "RESET_", "POLIC", "PERMISSION" };
	static const char *const last[] = { "_READ", "_WRITE", "_NET", "_ENV", "_RUN", "_FFI", "_SYS" };
	size_t len = strlen(word);

	for (size_t i = 0; i < PS_COUNT(first); i++)
		if (!strncmp(word, first[i], strlen(first[i])))
			return true;
	for (size_t i = 0; i < PS_COUNT(last); i++)
		if (len > strlen(last[i]) && !strcmp(word + len - strlen(last[i]), last[i]))
			return true;
	return false;
}

static int check_variable(const char *text, struct ps_err *e)
{
	char name[64], of_flags[32][40];
	const char *known[32 + N_ONCE], *best;
	size_t n = strcspn(text, "="), n_known = 0;

	(void)snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), text);
	if (!is_about_permissions(name + sizeof(variable_prefix) - 1) ||
	    (is_known_variable(name) && n < sizeof(name)))
		return 0;
	for (size_t i = 0; i < n_perm_flags && i < PS_COUNT(of_flags); i++) {
		perm_flag_variable(&perm_flags[i], of_flags[i]);
		known[n_known++] = of_flags[i];
	}
	for (size_t i = 0; i < N_ONCE; i++)
		known[n_known++] = once_names[i];
	best = ps_closest(name, known, n_known);
	return ps_fail(e, PS_E_USAGE, "unknown variable '%s' in the environment%s%s%s", name,
		       best ? " (did you mean '" : "", best ? best : "", best ? "'?)" : "");
}

/* Six bits of a character of base64, 64: none. */
static unsigned sextet(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (unsigned)(at - alphabet) : 64;
}

/* RFC 4648; lines and missing padding are taken, as base64(1) writes lines.  -1: it is none. */
static int decode_base64(const char *s, struct ps_buf *out)
{
	unsigned bits = 0, n = 0;

	for (; *s && *s != '='; s++) {
		unsigned v = sextet(*s);
		if (*s == '\n' || *s == '\r')
			continue;
		if (v == 64)
			return -1;
		bits = (bits << 6 | v) & 0xffffff;
		if (++n % 4 != 1)
			ps_buf_putc(out, (char)(bits >> (8 - 2 * (n % 4)) % 8));
	}
	return n % 4 == 1 || s[strspn(s, "=\r\n")] ? -1 : 0;
}

static int read_policy_json(struct ps_arena *a, const char *value, const char *set, struct perm_layers *l,
			    struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (strlen(value) > 2 * (size_t)MAX_POLICY || decode_base64(value, &text) < 0)
		return ps_fail(e, PS_E_USAGE, "PODSHIM_POLICY_JSON is no base64 of a policy");
	if (text.failed)
		return fail_memory(e, "PODSHIM_POLICY_JSON");
	return perm_layers_of_text(a, "PODSHIM_POLICY_JSON", text.data ? text.data : "", text.len, set,
				   PERM_ENVIRONMENT, false, l, e);
}

/* NULL: *ret is left alone. */
static int read_switch(const char *name, const char *value, struct opt_bool *ret, struct ps_err *e)
{
	static const char *const on[] = { "1", "true" }, *const off[] = { "0", "false", "" };
	bool v = value && is_one_of(value, on, PS_COUNT(on));

	if (!value)
		return 0;
	if (!v && !is_one_of(value, off, PS_COUNT(off)))
		return ps_fail(e, PS_E_USAGE, "%s is '%.40s': write 1 or 0", name, value);
	*ret = (struct opt_bool){ true, v };
	return 0;
}

static int read_mode(const char *value, struct perm_settings *s, struct ps_err *e)
{
	if (!value)
		return 0;
	if (!perm_parse_mode(value, &s->mode.v))
		return ps_fail(e, PS_E_USAGE,
			       "PODSHIM_MODE is '%.40s': there are enforce, ask, learn and audit", value);
	s->mode.set = true;
	s->mode.from = once_names[ONCE_MODE];
	return 0;
}

static int read_settings(struct perm_builder *b, const char *const once[], struct ps_err *e)
{
	struct perm_settings *s = perm_builder_settings(b);
	struct opt_bool all = { false, false };

	if (read_mode(once[ONCE_MODE], s, e) < 0 ||
	    read_switch(once_names[ONCE_BEST_EFFORT], once[ONCE_BEST_EFFORT], &s->best_effort, e) < 0 ||
	    read_switch(once_names[ONCE_NO_PROMPT], once[ONCE_NO_PROMPT], &s->no_prompt, e) < 0 ||
	    read_switch(once_names[ONCE_ALL], once[ONCE_ALL], &all, e) < 0)
		return -1;
	if (all.v)
		perm_builder_allow_all(b, once_names[ONCE_ALL]);
	return 0;
}

static int read_flags(struct ps_arena *a, struct perm_builder *b, const char *const *envp, bool *used,
		      struct ps_err *e)
{
	for (size_t i = 0; i < n_perm_flags; i++) {
		char name[40];
		perm_flag_variable(&perm_flags[i], name);
		const char *value = variable(envp, name);
		if (!value)
			continue;
		const char *from = ps_arena_strdup(a, name);
		if (!from)
			return fail_memory(e, "the environment");
		if (add_value(b, &perm_flags[i], value, from, e) < 0)
			return -1;
		*used = true;
	}
	return 0;
}

static int read_policies(struct ps_arena *a, const char *const once[], struct perm_layers *l,
			 struct ps_err *e)
{
	const char *path = once[ONCE_POLICY], *json = once[ONCE_POLICY_JSON], *set = once[ONCE_SET];

	if (set && !path && !json)
		return ps_fail(e, PS_E_USAGE,
			       "PODSHIM_PERMISSION_SET is '%.60s', and no PODSHIM_POLICY has it", set);
	if (path && !*path)
		return ps_fail(e, PS_E_USAGE,
			       "PODSHIM_POLICY is empty: leave it out, or write the path of a policy");
	if (path && perm_layers_of_file(a, path, json ? NULL : set, PERM_ENVIRONMENT, l, e) < 0)
		return ps_ctx(e, "PODSHIM_POLICY");
	return json ? read_policy_json(a, json, set, l, e) : 0;
}

int perm_layers_of_environment(struct ps_arena *a, const char *const *envp, struct perm_layers *l,
			       struct ps_err *e)
{
	struct perm_builder *b = perm_builder_new(a, PERM_ENVIRONMENT, "the environment");
	struct perm_layers got = *l;
	const char *once[N_ONCE];
	bool used = false;

	if (!b)
		return fail_memory(e, "the environment");
	for (const char *const *p = envp; *p; p++)
		if (!strncmp(*p, variable_prefix, sizeof(variable_prefix) - 1) && check_variable(*p, e) < 0)
			return -1;
	for (size_t i = 0; i < N_ONCE; i++) {
		once[i] = variable(envp, once_names[i]);
		used |= once[i] && i >= ONCE_ALL;
	}
	if (read_policies(a, once, &got, e) < 0 || read_settings(b, once, e) < 0 ||
	    read_flags(a, b, envp, &used, e) < 0 || finish(b, used, &got, e) < 0)
		return -1;
	*l = got;
	return 0;
}
