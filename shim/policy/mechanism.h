/* SPDX-License-Identifier: Apache-2.0
 * mechanism.h - what enforces each entry of a permission set: read off the policy that permissions_restrict() made of it.
 */
#pragma once
#include "shim/policy/permissions.h"

/*
 * id (of JSON), tier, text.  Tiers: 0 construction (mounts, namespaces, filters): always; 1 Landlock; 2 the supervisor answers;
 * 3 only root can.
 */
#define MECHANISMS(X)                                                                            \
	X(MOUNTS, "mounts", 0, "what is not listed is not there")                                \
	X(READONLY, "read-only", 0, "read-only mounts")                                          \
	X(MASK, "mask", 0, "masks")                                                              \
	X(NOEXEC, "noexec", 0, "noexec mounts")                                                  \
	X(LANDLOCK, "landlock", 1, "Landlock")                                                   \
	X(NETNS, "empty-netns", 0, "an empty network namespace")                                 \
	X(GUARD, "guard", 0, "a system call filter")                                             \
	X(ROUTED, "broker-routed", 2, "the supervisor connects the program's sockets")           \
	X(SWAP, "broker-swap", 2, "the supervisor puts connected sockets in place")              \
	X(RESOLVER, "resolver", 2, "the supervisor's resolver knows allowed names alone")        \
	X(ANSWER, "answer", 2, "the supervisor answers uname(2) and sysinfo(2)")                 \
	X(TELL, "audit", 2, "told of, not stopped")                                              \
	X(ENVIRON, "environment", 0, "the environment that is handed over")                      \
	X(MDWE, "mdwe", 0, "memory that was written is not executed (MDWE)")                     \
	X(MEMFD, "memfd-noexec", 3, "memory files are not executed (vm.memfd_noexec)")           \
	X(PROCFS, "procfs", 0, "a private procfs, or its files masked")                          \
	X(UTS, "uts", 0, "a host name of its own")                                               \
	X(CAPS, "capabilities", 0, "capabilities are taken away")                                \
	X(CGROUP1, "cgroup-v1", 0, "a cgroup of version 1")                                      \
	X(CGROUP2, "cgroup-v2", 0, "a cgroup of version 2")                                      \
	X(CLOCK, "clock", 0, "podshim's clock")                                                  \
	X(COUNTER, "counter", 0, "podshim passes output on and counts it")
enum mechanism {
#define X(sym, id, tier, text) MECHANISM_##sym,
	MECHANISMS(X)
#undef X
	N_MECHANISMS
};
const char *mechanism_id(enum mechanism m);
const char *mechanism_text(enum mechanism m);
unsigned mechanism_tier(enum mechanism m);

struct mechanism_row {
	const char *kind;            /* "read", ..., "limits" */
	const char *action;          /* "allow", ..., "limit" */
	const char *value;           /* NULL: everything; of a denial by default: everything that is not listed */
	const char *from;
	unsigned by;                 /* 1 << enum mechanism; 0: nothing is limited by it, or (sound false) nothing can */
	bool implied, by_default;
	bool sound;                  /* the kernel, or we, decide on the object; else it is advice, or told of only */
	bool limits;                 /* it is a limit of something; false: `everything` is allowed */
};
/* The highest tier that a row needs. */
unsigned mechanism_row_tier(const struct mechanism_row *r);
/*
 * A row for each entry of g, and for each permission that is denied by default; p: what permissions_restrict() made of g.
 * No limits: these are the host's to know.
 */
int mechanisms_of(struct ps_arena *a, const struct permissions *g, const struct policy *p, const struct mechanism_row **ret,
		  size_t *ret_n, struct ps_err *e);
