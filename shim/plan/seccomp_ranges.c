/* SPDX-License-Identifier: Apache-2.0
 * seccomp_ranges.c - follows a seccomp program for all numbers of one architecture at once.
 */
#include <linux/seccomp.h>

#include "base/scope.h"
#include "shim/plan/seccomp_tree.h"

/* Steps are bounded: each range may take a path of its own through a long program. */
enum { STEPS_MAX = 1 << 24 };

enum word { NOTHING, NUMBER, ARCH };

/* Numbers of first <= nr < end that have come to pc with the word `a` in the accumulator. */
struct part {
	uint64_t first, end;
	size_t pc;
	enum word a;
};

/* Parts that wait; the lowest numbers are on top, so that ranges come out in order. */
struct walk {
	struct seccomp_ranges *r;
	struct part *waiting;
	size_t n, steps;
};

static const uint64_t numbers = UINT64_C(1) << 32;

static void arrive(struct seccomp_ranges *r, const struct part *part)
{
	const struct seccomp_range range = { (uint32_t)part->first, (uint32_t)part->pc };
	const struct seccomp_range *found = (const void *)r->ranges.data;
	size_t n = r->ranges.len / sizeof(range);

	if (n && seccomp_same_end(r->program, found[n - 1].at, range.at))
		return;
	ps_buf_put(&r->ranges, &range, sizeof(range));
}

static void wait_for(struct walk *w, const struct part *from, uint64_t first, uint64_t end, size_t pc)
{
	first = first > from->first ? first : from->first;
	end = end < from->end ? end : from->end;
	if (first < end)
		w->waiting[w->n++] = (struct part){ first, end, pc, from->a };
}

/* Numbers that the comparison holds for go one way, those below and above them the other. */
static bool branch_on_number(struct walk *w, const struct part *part, const struct sock_filter *i)
{
	uint64_t first = i->k, end = numbers;
	size_t yes = part->pc + 1 + i->jt, no = part->pc + 1 + i->jf;

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		end = first + 1;
		break;
	case BPF_JGT:
		first++;
		break;
	case BPF_JGE:
		break;
	default:
		return false;
	}
	wait_for(w, part, end, numbers, no);
	wait_for(w, part, first, end, yes);
	wait_for(w, part, 0, first, no);
	return true;
}

static bool know(struct seccomp_ranges *r, uint32_t arch)
{
	for (size_t i = 0; i < r->n_known; i++)
		if (r->known[i] == arch)
			return true;
	if (r->n_known == SECCOMP_KNOWN_MAX)
		return false;
	r->known[r->n_known++] = arch;
	return true;
}

/* An architecture that the program does not ask for equals none of those that it asks for. */
static bool branch_on_arch(struct walk *w, const struct part *part, const struct sock_filter *i)
{
	bool equal = w->r->arch && *w->r->arch == i->k;

	if (BPF_OP(i->code) != BPF_JEQ)
		return false;
	if (!w->r->arch && !know(w->r, i->k))
		return false;
	wait_for(w, part, 0, numbers, part->pc + 1 + (equal ? i->jt : i->jf));
	return true;
}

static bool load(struct walk *w, const struct part *part, const struct sock_filter *i)
{
	struct part next = { part->first, part->end, part->pc + 1, NOTHING };

	switch (i->k) {
	case offsetof(struct seccomp_data, nr):
		next.a = NUMBER;
		break;
	case offsetof(struct seccomp_data, arch):
		next.a = ARCH;
		break;
	default:
		arrive(w->r, part);
		return true;
	}
	w->waiting[w->n++] = next;
	return true;
}

static bool step(struct walk *w, const struct part *part)
{
	const struct sock_filter *i = w->r->program;

	if (part->pc >= w->r->n_program || w->steps++ > STEPS_MAX)
		return false;
	i += part->pc;
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return load(w, part, i);
	case BPF_RET | BPF_K:
		arrive(w->r, part);
		return true;
	case BPF_JMP | BPF_JA:
		wait_for(w, part, 0, numbers, part->pc + 1 + i->k);
		return true;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
		return part->a == NUMBER ? branch_on_number(w, part, i) : part->a == ARCH && branch_on_arch(w, part, i);
	default:
		return false;
	}
}

bool seccomp_ranges_find(struct seccomp_ranges *r)
{
	/* A step takes one part and leaves three at most, each further on. */
	ps_auto_mem struct part *waiting = calloc(2 * r->n_program + 3, sizeof(*waiting));
	struct walk w = { .r = r, .waiting = waiting, .n = 1 };
	bool good = waiting;

	if (good)
		waiting[0] = (struct part){ .end = numbers };
	while (good && w.n) {
		struct part part = waiting[--w.n];

		good = step(&w, &part);
	}
	return good && !r->ranges.failed;
}
