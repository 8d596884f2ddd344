/* SPDX-License-Identifier: Apache-2.0
 * seccomp_list.c - the checks of each number to instructions, one number after the other; seccomp_tree.c makes it fast.
 */
#include "shim/plan/seccomp_list.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/scope.h"

enum { X32_BIT = 0x40000000 };

/* Architectures by their names in policies and by their words in calls. */
static const struct arch {
	uint32_t name, word;
	bool wide;
} archs[] = {
	{ AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, true },
	{ SECCOMP_ARCH_X32, AUDIT_ARCH_X86_64, false },
	{ AUDIT_ARCH_I386, AUDIT_ARCH_I386, false },
	{ AUDIT_ARCH_AARCH64, AUDIT_ARCH_AARCH64, true },
	{ AUDIT_ARCH_ARM, AUDIT_ARCH_ARM, false },
	{ AUDIT_ARCH_RISCV64, AUDIT_ARCH_RISCV64, true },
};

struct list {
	const struct policy_seccomp *s;
	seccomp_number_fn *number_of;
	struct ps_buf entries; /* struct seccomp_entry, of one architecture word */
	struct ps_buf *out;
};

/* ---- conditions to instructions ---- */

/* Jumps to places that are not written yet: behind the condition, behind the check. */
enum { HOLDS = 254, FAILS = 255 };

static struct sock_filter *at(const struct ps_buf *out, size_t offset)
{
	return (void *)(out->data + offset);
}

static void put(struct ps_buf *out, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	const struct sock_filter i = { code, jt, jf, k };

	ps_buf_put(out, &i, sizeof(i));
}

/* From `start` on, jumps marked so come here. */
static void land(struct ps_buf *out, size_t start, uint8_t mark)
{
	for (size_t i = start; !out->failed && i < out->len; i += sizeof(struct sock_filter)) {
		struct sock_filter *jump = at(out, i);
		uint8_t distance = (uint8_t)((out->len - i) / sizeof(*jump) - 1);

		if (BPF_CLASS(jump->code) == BPF_JMP && jump->jt == mark)
			jump->jt = distance;
		if (BPF_CLASS(jump->code) == BPF_JMP && jump->jf == mark)
			jump->jf = distance;
	}
}

/* Load half a word; what the mask leaves of it. */
static void put_load(struct ps_buf *out, uint32_t index, bool high, uint32_t mask)
{
	bool second = high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	put(out, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + 8 * index + 4 * second,
	    0, 0);
	if (mask != UINT32_MAX)
		put(out, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

static void put_condition(struct ps_buf *out, const struct seccomp_condition *c, bool wide)
{
	const uint32_t high = (uint32_t)(c->value >> 32), high_mask = (uint32_t)(c->mask >> 32);
	bool inverse = c->op == SECCOMP_OP_NE || seccomp_is_ceiling(c);
	bool equal = c->op == SECCOMP_OP_NE || c->op == SECCOMP_OP_EQ || c->op == SECCOMP_OP_MASKED_EQ;
	uint16_t op = equal ? BPF_JEQ : c->op == SECCOMP_OP_GT || c->op == SECCOMP_OP_LE ? BPF_JGT : BPF_JGE;
	uint8_t yes = inverse ? FAILS : HOLDS, no = inverse ? HOLDS : FAILS;
	size_t start = out->len;

	if (wide && high_mask) {
		put_load(out, c->index, true, high_mask);
		if (!equal)
			put(out, BPF_JMP | BPF_JGT | BPF_K, high, yes, 0);
		put(out, BPF_JMP | BPF_JEQ | BPF_K, high, 0, no);
	}
	put_load(out, c->index, false, (uint32_t)c->mask);
	put(out, (uint16_t)(BPF_JMP | BPF_K | op), (uint32_t)c->value, yes, no);
	land(out, start, HOLDS);
}

static void put_check(struct ps_buf *out, const struct seccomp_check *c, bool wide)
{
	size_t start = out->len;

	for (size_t i = 0; i < c->n; i++)
		put_condition(out, &c->v[i], wide);
	put(out, BPF_RET | BPF_K, c->action, 0, 0);
	land(out, start, FAILS);
}

/* A jump that lands later, however far. */
static size_t put_jump(struct ps_buf *out)
{
	put(out, BPF_JMP | BPF_JA, 0, 0, 0);
	return out->len;
}

static void land_jump(struct ps_buf *out, size_t jump)
{
	if (!out->failed)
		at(out, jump)[-1].k = (uint32_t)((out->len - jump) / sizeof(struct sock_filter));
}

/* ---- entries to instructions ---- */

static enum seccomp_listing put_number(struct list *l, const struct seccomp_entry *e, size_t n,
				       struct seccomp_check *checks)
{
	put(l->out, BPF_JMP | BPF_JEQ | BPF_K, e->nr, 1, 0);
	size_t next = put_jump(l->out);

	n = l->s->strictest ? seccomp_checks_strictest(e, n, checks) : seccomp_checks(e, n, checks);
	for (size_t i = 0; i < n; i++) {
		bool repeated = false;

		for (size_t k = 0; k < i; k++) {
			if (!l->s->strictest && seccomp_checks_contradict(&checks[i], &checks[k]))
				return SECCOMP_NOT_OURS;
			repeated |= seccomp_checks_equal(&checks[i], &checks[k]);
		}
		if (!repeated)
			put_check(l->out, &checks[i], e->wide);
	}
	if (checks[n - 1].n)
		put(l->out, BPF_RET | BPF_K, l->s->default_action, 0, 0);
	land_jump(l->out, next);
	return SECCOMP_LISTED;
}

static enum seccomp_listing put_numbers(struct list *l)
{
	struct seccomp_entry *e = (void *)l->entries.data;
	size_t n = l->entries.len / sizeof(*e);
	enum seccomp_listing r = SECCOMP_LISTED;
	ps_auto_mem struct seccomp_check *checks = calloc(n + 1, sizeof(*checks));

	if (!checks || l->entries.failed)
		return SECCOMP_NO_MEMORY;
	seccomp_entries_sort(e, n);
	for (size_t i = 0, k = 0; i < n && r == SECCOMP_LISTED; i = k) {
		while (k < n && e[k].nr == e[i].nr)
			k++;
		r = put_number(l, &e[i], k - i, checks);
	}
	return r;
}

static const struct arch *arch_of(uint32_t name)
{
	for (size_t i = 0; i < PS_COUNT(archs); i++)
		if (archs[i].name == name)
			return &archs[i];
	return NULL;
}

static bool names_arch(const struct policy_seccomp *s, uint32_t name)
{
	for (size_t i = 0; i < s->n_archs; i++)
		if (s->archs[i] == name)
			return true;
	return false;
}

static enum seccomp_listing put_arch(struct list *l, const struct arch *arch)
{
	struct ps_buf *out = l->out;

	l->entries.len = 0;
	seccomp_entries(l->s, l->number_of, arch->name, arch->wide, &l->entries);
	put(out, BPF_JMP | BPF_JEQ | BPF_K, arch->word, 1, 0);
	size_t next = put_jump(out);

	put(out, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (arch->word == AUDIT_ARCH_X86_64 && names_arch(l->s, SECCOMP_ARCH_X32)) {
		seccomp_entries(l->s, l->number_of, SECCOMP_ARCH_X32, false, &l->entries);
	} else if (arch->word == AUDIT_ARCH_X86_64) {
		/* x32 calls are foreign ones; -1 is a call that a tracer skips (4.8). */
		put(out, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 2);
		put(out, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 1, 0);
		put(out, BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD, 0, 0);
	}
	enum seccomp_listing r = put_numbers(l);

	put(out, BPF_RET | BPF_K, l->s->default_action, 0, 0);
	land_jump(out, next);
	return r;
}

enum seccomp_listing seccomp_list(const struct policy_seccomp *s, seccomp_number_fn *number_of, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf program = { .data = NULL };
	struct list l = { .s = s, .number_of = number_of, .out = &program };
	enum seccomp_listing r = SECCOMP_LISTED;

	put(&program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < s->n_archs && r == SECCOMP_LISTED; i++) {
		const struct arch *arch = arch_of(s->archs[i]);

		/* An x32 without x86_64 never comes: the machine's own architecture is always there. */
		if (!arch || number_of(arch->name, "read") < 0 ||
		    (arch->name != arch->word && !names_arch(s, arch->word)))
			r = SECCOMP_NOT_OURS;
		else if (arch->name == arch->word)
			r = put_arch(&l, arch);
	}
	ps_buf_done(&l.entries);
	put(&program, BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD, 0, 0);
	if (r != SECCOMP_LISTED)
		return r;
	ps_buf_put(out, program.data, program.len);
	return program.failed || out->failed ? SECCOMP_NO_MEMORY : SECCOMP_LISTED;
}
