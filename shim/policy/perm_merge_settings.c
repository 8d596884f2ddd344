/* SPDX-License-Identifier: Apache-2.0
 * perm_merge_settings.c - the scalar part of layers: the strongest one's word counts, and the lowest limit.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/perm_merge.h"

static const struct {
	const char *name;
	size_t off;
} limits[] = {
#define X(name) { #name, offsetof(struct perm_settings, name) }
	X(memory), X(pids), X(cpu), X(wall_ms), X(output), X(disk),
#undef X
};

static struct perm_limit *limit_of(struct perm_settings *s, size_t i)
{
	return (struct perm_limit *)(void *)((char *)s + limits[i].off);
}

static const struct perm_limit *limit_in(const struct perm_settings *s, size_t i)
{
	return (const struct perm_limit *)(const void *)((const char *)s + limits[i].off);
}

bool merge_settings_empty(const struct perm_settings *s)
{
	bool limited = false;

	for (size_t i = 0; i < PS_COUNT(limits); i++)
		limited |= limit_in(s, i)->set;
	return !limited && !s->mode.set && !s->best_effort.set && !s->jit.set && !s->undo.set && !s->broker &&
	       !s->env_set.n && !s->n_secrets && !s->dns.n && !s->hosts.n && !s->audit.set && !s->audit.batch_ms.set && !s->audit.broadcast_ms.set;
}

/* force: higher ones, too. */
static void take_limits(struct perm_settings *to, const struct perm_settings *from, bool force)
{
	for (size_t i = 0; i < PS_COUNT(limits); i++) {
		struct perm_limit *t = limit_of(to, i);
		const struct perm_limit *f = limit_in(from, i);
		if (f->set && (force || !t->set || f->v < t->v))
			*t = *f;
	}
}

static void take_bool(struct opt_bool *to, const struct opt_bool *from)
{
	if (from->set)
		*to = *from;
}

static void take_scalars(struct perm_settings *to, const struct perm_settings *from)
{
	if (from->mode.set)
		to->mode = from->mode;
	take_bool(&to->best_effort, &from->best_effort);
	take_bool(&to->jit, &from->jit);
	take_bool(&to->undo, &from->undo);
	take_bool(&to->no_prompt, &from->no_prompt);
	to->broker = from->broker ? from->broker : to->broker;
	if (from->audit.set) {
		to->audit.set = true;
		to->audit.allowed = from->audit.allowed;
		to->audit.denied = from->audit.denied;
	}
	if (from->audit.batch_ms.set)
		to->audit.batch_ms = from->audit.batch_ms;
	if (from->audit.broadcast_ms.set)
		to->audit.broadcast_ms = from->audit.broadcast_ms;
	to->dns = from->dns.n ? from->dns : to->dns;
	to->hosts = from->hosts.n ? from->hosts : to->hosts;
	to->name = from->name ? from->name : to->name;
	to->description = from->description ? from->description : to->description;
}

/* By name; the later replaces the earlier. */
static int take_variables(struct ps_arena *a, struct perm_settings *to, const struct perm_settings *from)
{
	struct spec_kv *v = from->env_set.n ? ps_arena_array(a, to->env_set.n + from->env_set.n, sizeof(*v)) : NULL;
	size_t n = 0;

	if (!from->env_set.n)
		return 0;
	if (!v)
		return -1;
	for (; n < to->env_set.n; n++)
		v[n] = to->env_set.v[n];
	for (size_t i = 0; i < from->env_set.n; i++) {
		size_t k = 0;
		while (k < n && strcmp(v[k].key, from->env_set.v[i].key) != 0)
			k++;
		v[k] = from->env_set.v[i];
		n += k == n;
	}
	to->env_set = (struct spec_kvs){ v, n };
	return 0;
}

static int take_secrets(struct ps_arena *a, struct perm_settings *to, const struct perm_settings *from)
{
	struct perm_secret *v = from->n_secrets ? ps_arena_array(a, to->n_secrets + from->n_secrets, sizeof(*v)) : NULL;
	size_t n = 0;

	if (!from->n_secrets)
		return 0;
	if (!v)
		return -1;
	for (; n < to->n_secrets; n++)
		v[n] = to->secrets[n];
	for (size_t i = 0; i < from->n_secrets; i++) {
		size_t k = 0;
		while (k < n && strcmp(v[k].name, from->secrets[i].name) != 0)
			k++;
		v[k] = from->secrets[i];
		n += k == n;
	}
	to->secrets = v;
	to->n_secrets = n;
	return 0;
}

static int take_all(struct ps_arena *a, struct perm_settings *to, const struct perm_settings *from, struct ps_err *e)
{
	take_scalars(to, from);
	if (take_variables(a, to, from) < 0 || take_secrets(a, to, from) < 0)
		return ps_fail_os(e, "merge permissions");
	return 0;
}

int merge_settings(struct ps_arena *a, const struct perm_layer *const *v, size_t n, const struct perm_context *c,
		   struct perm_settings *ret, struct ps_err *e)
{
	struct perm_settings s = { .name = NULL };

	for (size_t i = 0; i < n; i++) {
		/* A bundle's annotations are not the operator's: modes, variables and secrets are no matter of theirs. */
		if (v[i]->rank != PERM_ANNOTATION && take_all(a, &s, &v[i]->settings, e) < 0)
			return -1;
		take_limits(&s, &v[i]->settings, v[i]->rank >= PERM_FLAG);
	}
	if (c->ceiling)
		take_limits(&s, &c->ceiling->settings, /* force= */ false);
	*ret = s;
	return 0;
}

/* ---- what may only get less ---- */

static int refuse(struct ps_err *e, const struct perm_layer *l, const char *what)
{
	return ps_fail(e, PS_E_DENIED, "%s: %s would widen what is permitted already", l->name, what);
}

static int check_limits(const struct perm_layer *l, const struct perm_settings *s, struct ps_err *e)
{
	for (size_t i = 0; i < PS_COUNT(limits); i++) {
		const struct perm_limit *t = limit_in(s, i), *f = limit_in(&l->settings, i);
		if (f->set && t->set && f->v > t->v)
			return ps_fail(e, PS_E_DENIED, "%s: the limit of %s is %llu already (%s), and can only be lowered",
				       f->from ? f->from : l->name, limits[i].name, (unsigned long long)t->v,
				       t->from ? t->from : "?");
	}
	return 0;
}

int merge_settings_tighten(struct ps_arena *a, const struct perm_layer *l, struct perm_settings *s, struct ps_err *e)
{
	const struct perm_settings *add = &l->settings;
	enum perm_mode mode = s->mode.set ? s->mode.v : PERM_ENFORCE;

	if (add->mode.set && add->mode.v != PERM_ENFORCE && add->mode.v != mode)
		return refuse(e, l, "this mode");
	if (add->best_effort.set && add->best_effort.v && !(s->best_effort.set && s->best_effort.v))
		return refuse(e, l, "best effort");
	if (add->jit.set && add->jit.v && !(s->jit.set && s->jit.v))
		return refuse(e, l, "ffi.jit");
	if (add->no_prompt.set && !add->no_prompt.v && s->no_prompt.set && s->no_prompt.v)
		return refuse(e, l, "prompting");
	if (add->broker && (!s->broker || strcmp(add->broker, s->broker) != 0))
		return refuse(e, l, "another broker");
	if (check_limits(l, s, e) < 0)
		return -1;
	struct perm_settings sum = *s;

	if (take_all(a, &sum, add, e) < 0)
		return -1;
	if (s->audit.set) {
		sum.audit.allowed |= s->audit.allowed;
		sum.audit.denied |= s->audit.denied;
	}
	take_limits(&sum, add, /* force= */ false);
	*s = sum;
	return 0;
}
