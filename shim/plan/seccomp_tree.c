/* SPDX-License-Identifier: Apache-2.0
 * seccomp_tree.c - ranges of numbers to a program: per architecture a search tree, and the checks of arguments.
 *
 * The program is written from its end to its start: jumps only go forward, so each target is known when a jump to it is
 * written.  Places are counted from the end.  A conditional jump reaches 255 instructions; what is further away gets an
 * instruction near by: the same BPF_RET once more, or a BPF_JA.
 */
#include <linux/seccomp.h>

#include "base/scope.h"
#include "shim/plan/seccomp_tree.h"

enum { REACH = 255, EXCEPTIONS = 3 };

struct writer {
	const struct sock_filter *src;
	size_t n_src;
	bool *wanted;        /* of each instruction of src: to be copied next */
	uint16_t *copies;    /* of each instruction of src: the place of its copy; 0: none yet */
	struct sock_filter v[BPF_MAXINSNS];
	size_t n;            /* instructions written, and the place of the last one */
	bool full;
};

/* Where a jump goes: to a place, or (place 0) to an instruction that returns `action`. */
struct target {
	size_t place;
	uint32_t action;
};

/* Calls from `first` on end at `at`, but for a few. */
struct leaf {
	uint32_t first, at;
	struct seccomp_range but[EXCEPTIONS];
	size_t n_but;
};

/* ---- instructions ---- */

static void put(struct writer *w, uint16_t code, uint32_t k, size_t jt, size_t jf)
{
	if (w->n < BPF_MAXINSNS)
		w->v[BPF_MAXINSNS - ++w->n] = (struct sock_filter){ code, (uint8_t)jt, (uint8_t)jf, k };
	else
		w->full = true;
}

static bool leads_to(const struct writer *w, size_t place, struct target t)
{
	const struct sock_filter *i = &w->v[BPF_MAXINSNS - place];

	if (!t.place)
		return i->code == (BPF_RET | BPF_K) && i->k == t.action;
	return place == t.place || (i->code == (BPF_JMP | BPF_JA) && place - 1 - i->k == t.place);
}

static void put_way(struct writer *w, struct target t)
{
	if (t.place)
		put(w, BPF_JMP | BPF_JA, (uint32_t)(w->n - t.place), 0, 0);
	else
		put(w, BPF_RET | BPF_K, t.action, 0, 0);
}

/* A place that leads to t, within reach of a jump that is written after `more` other instructions at most. */
static size_t reach(struct writer *w, struct target t, size_t more)
{
	for (size_t place = w->n; place && w->n - place + more <= REACH; place--)
		if (leads_to(w, place, t))
			return place;
	put_way(w, t);
	return w->n;
}

static struct target put_branch(struct writer *w, uint16_t op, uint32_t k, struct target yes, struct target no)
{
	size_t jt = reach(w, yes, 1), jf = reach(w, no, 0);

	put(w, (uint16_t)(BPF_JMP | BPF_K | op), k, w->n - jt, w->n - jf);
	return (struct target){ .place = w->n };
}

/* An instruction that goes on with the next one, which is t. */
static struct target put_before(struct writer *w, uint16_t code, uint32_t k, struct target t)
{
	if (!w->n || !leads_to(w, w->n, t))
		put_way(w, t);
	put(w, code, k, 0, 0);
	return (struct target){ .place = w->n };
}

/* ---- checks of arguments ---- */

/* The instruction that src comes to at i, over jumps; n_src when there is none. */
static size_t comes_to(const struct writer *w, size_t i)
{
	while (i < w->n_src && w->src[i].code == (BPF_JMP | BPF_JA))
		i += 1 + (size_t)w->src[i].k;
	return i < w->n_src ? i : w->n_src;
}

static struct target target_of(const struct writer *w, size_t i)
{
	struct target t = { .place = w->copies[i] };

	if (w->src[i].code == (BPF_RET | BPF_K))
		t.action = w->src[i].k;
	return t;
}

static bool want(struct writer *w, size_t i)
{
	i = comes_to(w, i);
	if (i == w->n_src)
		return false;
	w->wanted[i] = w->src[i].code != (BPF_RET | BPF_K) && !w->copies[i];
	return true;
}

static bool want_what_follows(struct writer *w, size_t at)
{
	const struct sock_filter *i = &w->src[at];

	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		/* An argument's check that comes back to numbers or architectures would not be a copy. */
		return i->k != offsetof(struct seccomp_data, nr) && i->k != offsetof(struct seccomp_data, arch) &&
		       want(w, at + 1);
	case BPF_ALU | BPF_AND | BPF_K:
		return want(w, at + 1);
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return want(w, at + 1 + i->jt) && want(w, at + 1 + i->jf);
	default:
		return false;
	}
}

/* A place where i, which goes on to yes and no, is written already; 0: nowhere. */
static size_t find(const struct writer *w, const struct sock_filter *i, struct target yes, struct target no)
{
	for (size_t place = w->n; place > 1; place--) {
		const struct sock_filter *v = &w->v[BPF_MAXINSNS - place];

		if (v->code == i->code && v->k == i->k && leads_to(w, place - 1 - v->jt, yes) &&
		    leads_to(w, place - 1 - v->jf, no))
			return place;
	}
	return 0;
}

static void copy(struct writer *w, size_t at)
{
	const struct sock_filter *i = &w->src[at];
	struct target yes = target_of(w, comes_to(w, at + 1 + i->jt)), no = target_of(w, comes_to(w, at + 1 + i->jf));
	size_t place = find(w, i, yes, no);

	if (!place && BPF_CLASS(i->code) == BPF_JMP)
		place = put_branch(w, BPF_OP(i->code), i->k, yes, no).place;
	else if (!place)
		place = put_before(w, i->code, i->k, yes).place;
	w->copies[at] = (uint16_t)place;
	w->wanted[at] = false;
}

/* Copy what the ranges arrive at and all that follows, last things first. */
static bool copy_checks(struct writer *w, const struct seccomp_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!want(w, r[i].at))
			return false;
	for (size_t i = 0; i < w->n_src; i++)
		if (w->wanted[i] && !want_what_follows(w, i))
			return false;
	for (size_t i = w->n_src; i-- > 0;)
		if (w->wanted[i])
			copy(w, i);
	return true;
}

/* ---- trees ---- */

/* A number whose neighbours end alike needs one comparison with its leaf, not two in the tree. */
static size_t make_leaves(const struct writer *w, const struct seccomp_range *r, size_t n, struct leaf *leaves)
{
	size_t n_leaves = 0;

	for (size_t i = 0; i < n; i++) {
		struct leaf *leaf = &leaves[n_leaves++];

		*leaf = (struct leaf){ .first = r[i].first, .at = r[i].at };
		for (; leaf->n_but < EXCEPTIONS && i + 2 < n && r[i + 2].first == r[i + 1].first + 1 &&
		       seccomp_same_end(w->src, leaf->at, r[i + 2].at); i += 2)
			leaf->but[leaf->n_but++] = r[i + 1];
	}
	return n_leaves;
}

static struct target put_tree(struct writer *w, const struct leaf *leaves, size_t n)
{
	if (n > 1) {
		struct target high = put_tree(w, leaves + n / 2, n - n / 2), low = put_tree(w, leaves, n / 2);

		return put_branch(w, BPF_JGE, leaves[n / 2].first, high, low);
	}
	struct target t = target_of(w, leaves->at);

	for (size_t i = leaves->n_but; i-- > 0;)
		t = put_branch(w, BPF_JEQ, leaves->but[i].first, target_of(w, leaves->but[i].at), t);
	return t;
}

/* The part of one architecture; NULL: of all that the program does not ask for. */
static bool put_arch(struct writer *w, const uint32_t *arch, struct seccomp_ranges *found, struct target *ret)
{
	*found = (struct seccomp_ranges){ .program = w->src, .n_program = w->n_src, .arch = arch };
	bool good = seccomp_ranges_find(found);
	const struct seccomp_range *ranges = (const void *)found->ranges.data;
	size_t n = found->ranges.len / sizeof(*ranges);
	ps_auto_mem struct leaf *leaves = good ? calloc(n, sizeof(*leaves)) : NULL;

	good = leaves && copy_checks(w, ranges, n);
	if (good) {
		*ret = put_tree(w, leaves, make_leaves(w, ranges, n, leaves));
		if (n > 1)
			*ret = put_before(w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), *ret);
	}
	ps_buf_done(&found->ranges);
	return good;
}

static bool put_program(struct writer *w)
{
	struct target parts[SECCOMP_KNOWN_MAX], next;
	struct seccomp_ranges others, found;

	if (!put_arch(w, NULL, &others, &next))
		return false;
	for (size_t i = others.n_known; i-- > 0;)
		if (!put_arch(w, &others.known[i], &found, &parts[i]))
			return false;
	for (size_t i = others.n_known; i-- > 0;)
		next = put_branch(w, BPF_JEQ, others.known[i], parts[i], next);
	(void)put_before(w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), next);
	return !w->full;
}

bool seccomp_tree(const struct sock_filter *program, size_t n, struct ps_buf *out)
{
	ps_auto_mem struct writer *w = calloc(1, sizeof(*w));
	ps_auto_mem bool *wanted = calloc(n + 1, sizeof(*wanted));
	ps_auto_mem uint16_t *copies = calloc(n + 1, sizeof(*copies));

	if (!w || !wanted || !copies)
		return false;
	w->src = program;
	w->n_src = n;
	w->wanted = wanted;
	w->copies = copies;
	if (!put_program(w))
		return false;
	ps_buf_put(out, &w->v[BPF_MAXINSNS - w->n], w->n * sizeof(w->v[0]));
	return !out->failed;
}
