/* SPDX-License-Identifier: Apache-2.0
 * plan_relaunch.c - a plan again, with another program: the rows stay, texts are added behind them.
 */
#include <linux/seccomp.h>
#include <string.h>

#include "shim/plan/builder.h"

/* Bytes of NAME= in "NAME=VALUE". */
static size_t name_len(const char *entry)
{
	return strcspn(entry, "=") + 1;
}

/* The base's variables, but those that are given anew, then the new ones. */
static struct plan_list merge_env(struct builder *b, const struct plan *base, const struct plan_program *c)
{
	const struct spec_strs *own = c->tighter ? &c->tighter->process.env : NULL;
	const char *const *add = c->env;
	const size_t n_old = own ? own->n : base->env.n, n = c->n_env;
	struct plan_list l = build_reserve(b, n_old + n, sizeof(plan_off));
	uint32_t used = 0;

	for (uint32_t i = 0; i < n_old; i++) {
		const char *old = own ? own->v[i] : plan_list_str(base, base->env, i);
		plan_off text = own ? build_str(b, old) : PLAN_ROWS(base, plan_off, base->env)[i];
		size_t k = 0;

		while (k < n && strncmp(old, add[k], name_len(add[k])) != 0)
			k++;
		if (k == n)
			build_set(b, l, used++, &text, sizeof(text));
	}
	for (size_t k = 0; k < n; k++) {
		plan_off text = build_str(b, add[k]);

		build_set(b, l, used++, &text, sizeof(text));
	}
	l.n = used;
	return l;
}

static void tighten_caps(struct plan_caps *caps, const struct policy_caps *p)
{
	caps->bounding &= p->bounding;
	caps->effective &= p->effective;
	caps->inheritable &= p->inheritable;
	caps->permitted &= p->permitted;
	caps->ambient &= p->ambient;
}

static int tighten(struct builder *b, const struct plan *base, const struct plan_program *c)
{
	b->p = c->tighter;
	b->h = c->host;
	b->r = c->request;
	b->plan.landlock = b->plan.guard = (struct plan_list){ 0, 0 };
	b->plan.landlock_fs = b->plan.landlock_scoped = b->plan.landlock_flags = b->plan.guard_flags = b->plan.mdwe = 0;
	tighten_caps(&b->plan.caps, &c->tighter->process.caps);
	if (build_confinement(b) < 0)
		return -1;
	/* Its listener is waited for, whether the guard asks anything or not. */
	if (b->plan.guard.n)
		b->plan.guard_flags |= base->guard_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return plan_confines_as(&b->plan, base) ? 0 : ps_fail(b->e, PS_E_DENIED, "a launch cannot take less away than its runner's own permissions");
}

int plan_relaunch(const struct plan *base, const struct plan_program *c, struct ps_buf *out, struct ps_err *e)
{
	struct builder b = { .out = out, .plan = *base, .e = e };

	ps_buf_reset(out);
	ps_buf_put(out, base, base->size);
	b.plan.id = build_str(&b, c->id);
	if (base->hook_state_head)
		build_hook_head(&b, c->id);
	if (c->args.n) {
		b.plan.args = build_strs(&b, &c->args);
		b.plan.args_from = build_str(&b, "launch");
	}
	if (c->cwd) {
		b.plan.cwd = build_str(&b, c->cwd);
		b.plan.cwd_from = build_str(&b, "launch");
	}
	if (c->n_env || c->tighter)
		b.plan.env = merge_env(&b, base, c);
	if (c->tighter && tighten(&b, base, c) < 0)
		return -1;
	return build_close(&b, c->id);
}
