/* SPDX-License-Identifier: Apache-2.0
 * seccomp_tree.h - a seccomp program that decides as another does, in fewer steps.
 *
 * A plain program, libseccomp's or ours, compares the call's number with one known number after the other, and the
 * kernel follows a program for each number when it is loaded (5.11): that is paid at every launch.  Here the program is
 * followed for all numbers at once, and what was found is written as a search tree over ranges of numbers; checks of
 * arguments are copied.  Nothing is known of profiles, rules or architectures: each decision stays what it was.
 */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { SECCOMP_KNOWN_MAX = 32 };

/* Calls of numbers from `first` to before the next range's arrive at the program's instruction `at`. */
struct seccomp_range {
	uint32_t first;
	uint32_t at; /* BPF_RET | BPF_K, or the first load of an argument */
};

struct seccomp_ranges {
	const struct sock_filter *program;
	size_t n_program;
	const uint32_t *arch; /* the calls' architecture; NULL: one that the program does not ask for */
	/* Found: */
	struct ps_buf ranges; /* struct seccomp_range; of all numbers, sorted, neighbours end differently */
	uint32_t known[SECCOMP_KNOWN_MAX]; /* architectures that the program asks for, when arch is NULL */
	size_t n_known;
};

/*
 * Find the ranges; the caller frees r->ranges.  False: out of memory, or the program is none that can be followed (it
 * computes with numbers or architectures instead of comparing them, or has no end).
 */
bool seccomp_ranges_find(struct seccomp_ranges *r);

/* Do both instructions that a range can have end alike? */
static inline bool seccomp_same_end(const struct sock_filter *p, uint32_t x, uint32_t y)
{
	return x == y || (p[x].code == (BPF_RET | BPF_K) && p[y].code == p[x].code && p[x].k == p[y].k);
}

/*
 * Append to out a program (struct sock_filter) with the decisions of program[n].  False, and nothing appended: out of
 * memory, it cannot be followed, or the tree is longer than the kernel takes; program[n] itself is as good then.
 */
bool seccomp_tree(const struct sock_filter *program, size_t n, struct ps_buf *out);
