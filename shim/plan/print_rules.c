/* SPDX-License-Identifier: Apache-2.0
 * print_rules.c - the rules behind a system call filter, as text and as JSON: the plan itself has only the program.
 */
#include "shim/plan/print_rules.h"

#include "base/abi.h"
#include "oci/names.h"

/* What an action carries: the errno of ERRNO, the message of TRACE. */
static bool has_data(uint32_t action)
{
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	return kind == SECCOMP_RET_ERRNO || kind == SECCOMP_RET_TRACE;
}

static const char *action_name(uint32_t action)
{
	const char *name =
		ps_name_of(names_seccomp_action, n_names_seccomp_action, action & SECCOMP_RET_ACTION_FULL);

	return name ? name : "?";
}

static const char *arch_name(uint32_t arch)
{
	const char *name = ps_name_of(names_seccomp_arch, n_names_seccomp_arch, arch);

	return name ? name : "?";
}

/* ---- text ---- */

static void put_action(struct ps_buf *out, uint32_t action)
{
	ps_buf_puts(out, action_name(action));
	if (has_data(action))
		ps_buf_printf(out, " errno=%u", action & SECCOMP_RET_DATA);
}

/* One line for all rules with the action of rule `first`, unless an earlier rule had it. */
static void put_sum(struct ps_buf *out, const struct policy_seccomp *s, size_t first)
{
	size_t n_rules = 0, n_names = 0, n_conditional = 0;

	for (size_t i = 0; i < s->n_rules; i++) {
		if (s->rules[i].action != s->rules[first].action)
			continue;
		if (i < first)
			return;
		n_rules++;
		n_names += s->rules[i].names.n;
		n_conditional += s->rules[i].n_args > 0;
	}
	ps_buf_puts(out, "  ");
	put_action(out, s->rules[first].action);
	ps_buf_printf(out, " rules=%zu names=%zu", n_rules, n_names);
	if (n_conditional)
		ps_buf_printf(out, " conditional=%zu", n_conditional);
	ps_buf_putc(out, '\n');
}

void rules_print_text(const struct policy_seccomp *s, struct ps_buf *out)
{
	ps_buf_puts(out, "seccomp_default: ");
	put_action(out, s->default_action);
	ps_buf_printf(out, "  (%s/defaultAction)\nseccomp_architectures: ", s->from);
	for (size_t i = 0; i < s->n_archs; i++)
		ps_buf_printf(out, "%s%s", i ? "," : "", arch_name(s->archs[i]));
	ps_buf_printf(out, "  (%s)\nseccomp_rules: %zu  (%s/syscalls)\n", s->from, s->n_rules, s->from);
	for (size_t i = 0; i < s->n_rules; i++)
		put_sum(out, s, i);
}

/* ---- JSON ---- */

static void json_action(struct ps_jsonw *w, uint32_t action)
{
	ps_jw_str(w, "action", action_name(action));
	if (has_data(action))
		ps_jw_uint(w, "errno", action & SECCOMP_RET_DATA);
}

static void json_args(struct ps_jsonw *w, const struct policy_seccomp_rule *r)
{
	if (!r->n_args)
		return;
	ps_jw_array(w, "args");
	for (size_t i = 0; i < r->n_args; i++) {
		ps_jw_object(w, NULL);
		ps_jw_uint(w, "index", r->args[i].index);
		ps_jw_str(w, "op", r->args[i].op);
		ps_jw_uint(w, "value", r->args[i].value);
		if (r->args[i].value_two)
			ps_jw_uint(w, "valueTwo", r->args[i].value_two);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void json_rule(struct ps_jsonw *w, const struct policy_seccomp_rule *r)
{
	ps_jw_object(w, NULL);
	json_action(w, r->action);
	ps_jw_array(w, "names");
	for (size_t i = 0; i < r->names.n; i++)
		ps_jw_str(w, NULL, r->names.v[i]);
	ps_jw_end_array(w);
	json_args(w, r);
	ps_jw_str(w, "from", r->from);
	ps_jw_end_object(w);
}

void rules_print_json(const struct policy_seccomp *s, struct ps_jsonw *w)
{
	ps_jw_object(w, "seccomp_policy");
	json_action(w, s->default_action);
	ps_jw_array(w, "architectures");
	for (size_t i = 0; i < s->n_archs; i++)
		ps_jw_str(w, NULL, arch_name(s->archs[i]));
	ps_jw_end_array(w);
	ps_jw_array(w, "rules");
	for (size_t i = 0; i < s->n_rules; i++)
		json_rule(w, &s->rules[i]);
	ps_jw_end_array(w);
	ps_jw_str(w, "from", s->from);
	ps_jw_end_object(w);
}
