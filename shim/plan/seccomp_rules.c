/* SPDX-License-Identifier: Apache-2.0
 * seccomp_rules.c - rules to entries per number, entries to conditions, and whether conditions can hold together.
 */
#include "shim/plan/seccomp_rules.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "base/scope.h"

enum { SOCKETCALL = 102, IPC = 117, NO_PART = 0, NONE = -1 };

/* i386: libseccomp's number of a part of socketcall(2) or ipc(2), and its number as a call of its own (4.3, 5.1). */
static const struct { int pseudo, direct; } parts[] = {
	{ -101, 359 }, { -102, 361 }, { -103, 362 }, { -104, 363 }, { -105, NONE }, { -106, 367 }, { -107, 368 },
	{ -108, 360 }, { -109, NONE }, { -110, NONE }, { -111, 369 }, { -112, 371 }, { -113, 373 }, { -114, 366 },
	{ -115, 365 }, { -116, 370 }, { -117, 372 }, { -118, 364 }, { -119, 337 }, { -120, 345 }, { -201, NONE },
	{ -202, 393 }, { -203, 394 }, { -204, NONE }, { -211, 400 }, { -212, 401 }, { -213, 399 }, { -214, 402 },
	{ -221, 397 }, { -222, 398 }, { -223, 395 }, { -224, 396 },
};

/* ---- rules to entries ---- */

bool seccomp_repeats_argument(const struct policy_seccomp_rule *r)
{
	uint32_t seen = 0, bit;

	for (size_t i = 0; i < r->n_args; i++, seen |= bit) {
		bit = UINT32_C(1) << r->args[i].index;
		if (seen & bit)
			return true;
	}
	return false;
}

static void add(struct ps_buf *out, const struct policy_seccomp_rule *r, uint32_t nr, uint32_t part, bool wide)
{
	struct seccomp_entry entry = { .rule = r, .only = r->n_args, .nr = nr, .part = part, .wide = wide };
	size_t n = 1;

	if (seccomp_repeats_argument(r)) {
		n = r->n_args;
		entry.only = 0;
	}
	for (; n; n--, entry.only++) {
		entry.order = out->len;
		ps_buf_put(out, &entry, sizeof(entry));
	}
}

/* i386: a call in its one form or its two. */
static void add_forms(struct ps_buf *out, const struct policy_seccomp_rule *r, int nr)
{
	for (size_t i = 0; i < PS_COUNT(parts); i++) {
		if (nr != parts[i].pseudo && (nr < 0 || nr != parts[i].direct))
			continue;
		add(out, r, parts[i].pseudo > -200 ? SOCKETCALL : IPC, (uint32_t)-parts[i].pseudo % 100, false);
		nr = parts[i].direct;
		break;
	}
	if (nr >= 0)
		add(out, r, (uint32_t)nr, NO_PART, false);
}

void seccomp_entries(const struct policy_seccomp *s, seccomp_number_fn *number_of, uint32_t arch, bool wide,
		     struct ps_buf *out)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct policy_seccomp_rule *r = &s->rules[i];

		for (size_t k = 0; k < r->names.n && r->action != s->default_action; k++) {
			int nr = number_of(arch, r->names.v[k]);

			if (arch == AUDIT_ARCH_I386)
				add_forms(out, r, nr);
			else if (nr >= 0)
				add(out, r, (uint32_t)nr, NO_PART, wide);
		}
	}
}

static int by_number(const void *a, const void *b)
{
	const struct seccomp_entry *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

void seccomp_entries_sort(struct seccomp_entry *e, size_t n)
{
	if (n)
		qsort(e, n, sizeof(*e), by_number);
}

/* ---- entries to conditions ---- */

static struct seccomp_condition condition_of(const struct spec_seccomp_arg *a, bool wide)
{
	const struct ps_name *op = ps_name_find(names_seccomp_op, n_names_seccomp_op, a->op);
	uint64_t word = wide ? UINT64_MAX : UINT32_MAX;
	struct seccomp_condition c = { .index = a->index, .op = SECCOMP_OP_EQ, .mask = word, .value = a->value & word };

	if (op)
		c.op = (enum seccomp_op)op->value;
	if (c.op == SECCOMP_OP_MASKED_EQ) {
		c.mask = a->value & word;
		c.value = a->value_two & c.mask;
	}
	return c;
}

static struct seccomp_check check_of(const struct seccomp_entry *e)
{
	struct seccomp_check c = { .action = e->rule->action, .whole = true };

	if (e->part != NO_PART)
		c.v[c.n++] = (struct seccomp_condition){ 0, SECCOMP_OP_EQ, UINT32_MAX, e->part };
	for (size_t i = 0; i < e->rule->n_args && c.n < SECCOMP_CONDITIONS_MAX; i++) {
		const struct seccomp_condition one = condition_of(&e->rule->args[i], e->wide);
		bool other_rule = e->only != e->rule->n_args && e->only != i;

		/* Nothing of a word is always equal to nothing. */
		if (other_rule || !one.mask)
			continue;
		c.whole = false;
		if (e->part == NO_PART || one.index != 0)
			c.v[c.n++] = one;
	}
	return c;
}

/* A whole one stands for all of its part; one of the number itself, which comes first, for all parts, too. */
size_t seccomp_checks(const struct seccomp_entry *e, size_t n, struct seccomp_check *ret)
{
	size_t n_checks = 0;

	for (size_t i = 0, end = 0, first = 0; i < n; i++) {
		if (i == end) {
			first = n_checks;
			while (end < n && e[end].part == e[i].part)
				end++;
		}
		ret[n_checks++] = check_of(&e[i]);
		if (!ret[n_checks - 1].whole)
			continue;
		ret[first] = ret[n_checks - 1];
		n_checks = first + 1;
		if (e[i].part == NO_PART)
			break;
		i = end - 1;
	}
	return n_checks;
}

/* The kernel's order (4.14): signed, so that killing the process comes first. */
static int by_action(const void *a, const void *b)
{
	const struct seccomp_check *x = a, *y = b;
	int32_t ax = (int32_t)(x->action & SECCOMP_RET_ACTION_FULL), ay = (int32_t)(y->action & SECCOMP_RET_ACTION_FULL);

	return ax != ay ? (ax > ay) - (ax < ay) : (x->action > y->action) - (x->action < y->action);
}

size_t seccomp_checks_strictest(const struct seccomp_entry *e, size_t n, struct seccomp_check *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = check_of(&e[i]);
	if (n)
		qsort(ret, n, sizeof(*ret), by_action);
	for (size_t i = 0; i < n; i++)
		if (!ret[i].n)
			return i + 1;
	return n;
}

/* ---- conditions ---- */

static bool holds(const struct seccomp_condition *c, uint64_t value)
{
	switch (c->op) {
	case SECCOMP_OP_NE:
		return value != c->value;
	case SECCOMP_OP_LT:
		return value < c->value;
	case SECCOMP_OP_LE:
		return value <= c->value;
	case SECCOMP_OP_EQ:
		return value == c->value;
	case SECCOMP_OP_GE:
		return value >= c->value;
	case SECCOMP_OP_GT:
		return value > c->value;
	case SECCOMP_OP_MASKED_EQ:
		return (value & c->mask) == c->value;
	}
	return false;
}

/* Does the least value above the floor break the ceiling? */
static bool apart(const struct seccomp_condition *ceiling, const struct seccomp_condition *floor)
{
	if (floor->op == SECCOMP_OP_GT)
		return floor->value == UINT64_MAX || !holds(ceiling, floor->value + 1);
	return floor->op == SECCOMP_OP_GE && !holds(ceiling, floor->value);
}

/* No value satisfies both; when in doubt, one may. */
static bool exclude_each_other(const struct seccomp_condition *a, const struct seccomp_condition *b)
{
	if (a->index != b->index)
		return false;
	if (a->op == SECCOMP_OP_EQ)
		return !holds(b, a->value);
	if (b->op == SECCOMP_OP_EQ)
		return !holds(a, b->value);
	if (a->op == SECCOMP_OP_MASKED_EQ && b->op == SECCOMP_OP_MASKED_EQ)
		return ((a->value ^ b->value) & a->mask & b->mask) != 0;
	return (seccomp_is_ceiling(a) && apart(a, b)) || (seccomp_is_ceiling(b) && apart(b, a));
}

bool seccomp_checks_equal(const struct seccomp_check *a, const struct seccomp_check *b)
{
	bool equal = a->action == b->action && a->n == b->n;

	for (size_t i = 0; i < a->n && equal; i++)
		equal = a->v[i].index == b->v[i].index && a->v[i].op == b->v[i].op && a->v[i].mask == b->v[i].mask &&
			a->v[i].value == b->v[i].value;
	return equal;
}

bool seccomp_checks_contradict(const struct seccomp_check *a, const struct seccomp_check *b)
{
	if (a->action == b->action)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (exclude_each_other(&a->v[i], &b->v[k]))
				return false;
	return true;
}
