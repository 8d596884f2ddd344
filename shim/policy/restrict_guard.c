/* SPDX-License-Identifier: Apache-2.0
 * restrict_guard.c - the guard: system calls that would undo what the other parts do, or go round it.
 */
#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/mman.h>

#include "base/scope.h"
#include "shim/policy/arch.h"
#include "shim/policy/restrict_parts.h"

#define LOW UINT64_C(0xffffffff)
#define DENIED GUARD_ERRNO(EPERM)
#define MISSING GUARD_ERRNO(ENOSYS)

/* ---- Rules ---- */

static const char *words_of(struct restricting *r, const char *text, struct spec_strs *ret)
{
	const char **v;
	size_t n = 1;

	for (const char *c = text; *c; c++)
		n += *c == ' ';
	v = ps_arena_array(r->a, n + 1, sizeof(*v));
	for (size_t i = 0; v && i < n; i++) {
		size_t len = strcspn(text, " ");

		v[i] = ps_arena_strndup(r->a, text, len);
		if (!v[i])
			return NULL;
		text += len + (text[len] == ' ');
	}
	*ret = (struct spec_strs){ v, n };
	return v ? v[0] : NULL;
}

/* The kernel takes 32 bits of most arguments and ignores what is above: so do comparisons for equality. */
static struct spec_seccomp_arg arg_of(const struct guard_arg *a)
{
	switch (a->op) {
	case GUARD_EQ:
		return (struct spec_seccomp_arg){ a->index, LOW, a->value, "SCMP_CMP_MASKED_EQ" };
	case GUARD_MASK:
		return (struct spec_seccomp_arg){ a->index, a->mask, a->value, "SCMP_CMP_MASKED_EQ" };
	case GUARD_NE:
		return (struct spec_seccomp_arg){ a->index, a->value, 0, "SCMP_CMP_NE" };
	case GUARD_GT:
		break;
	}
	return (struct spec_seccomp_arg){ a->index, a->value, 0, "SCMP_CMP_GT" };
}

static int guard_begin(struct restricting *r)
{
	uint32_t *archs = ps_arena_array(r->a, 2, sizeof(*archs));

	if (!archs)
		return restrict_oom(r);
	archs[0] = ARCH_NATIVE;
	r->p->guard = (struct policy_seccomp){ .set = true, .from = "default#/permissions/guard", .strictest = true,
					       .default_action = SECCOMP_RET_ALLOW,
					       .flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW, .archs = archs, .n_archs = 1 };
	return 0;
}

int guard_add(struct restricting *r, const char *from, const struct guard_rule *rules, size_t n)
{
	if (!r->p->guard.set && guard_begin(r) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct policy_seccomp_rule *row = rows_add(r, &r->guard);
		struct spec_seccomp_arg *args = ps_arena_array(r->a, PS_COUNT(rules[i].args), sizeof(*args));

		if (!row)
			return -1;
		*row = (struct policy_seccomp_rule){ .from = from, .action = rules[i].action, .args = args };
		if (!args || !words_of(r, rules[i].names, &row->names))
			return restrict_oom(r);
		while (row->n_args < PS_COUNT(rules[i].args) && rules[i].args[row->n_args].op) {
			args[row->n_args] = arg_of(&rules[i].args[row->n_args]);
			row->n_args++;
		}
	}
	return 0;
}

/* ---- What would undo the rest ---- */

/*
 * A user namespace would make a CAP_SYS_ADMIN, and with it mounts; a namespace of others has what ours lacks; the rest is of no
 * use to a payload with limits.
 */
static const struct guard_rule always[] = {
	{ "io_uring_setup io_uring_enter io_uring_register", MISSING, { { .op = 0 } } },
	{ "userfaultfd bpf perf_event_open keyctl add_key request_key", DENIED, { { .op = 0 } } },
	{ "clone3", MISSING, { { .op = 0 } } },
	{ "clone unshare", DENIED, { { 0, GUARD_MASK, CLONE_NEWUSER, CLONE_NEWUSER } } },
	{ "setns", DENIED, { { .op = 0 } } },
	{ "ioctl", DENIED, { { 1, GUARD_EQ, 0x5412 /* TIOCSTI */, 0 } } },
	{ "ioctl", DENIED, { { 1, GUARD_EQ, 0x541c /* TIOCLINUX */, 0 } } },
};

static const struct guard_rule mounts[] = {
	{ "mount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root",
	  DENIED, { { .op = 0 } } },
	{ "open_by_handle_at", DENIED, { { .op = 0 } } },
};

/* Ways to write code that the mounts don't see. */
static const struct guard_rule code[] = {
	{ "ptrace process_vm_writev kexec_load kexec_file_load init_module finit_module uselib", DENIED, { { .op = 0 } } },
	{ "shmat", GUARD_ERRNO(EACCES), { { 2, GUARD_MASK, 0100000 /* SHM_EXEC */, 0100000 } } },
	{ "personality", DENIED, { { 0, GUARD_MASK, 0x400000 /* READ_IMPLIES_EXEC */, 0x400000 } } },
};
/*
 * Memory that MDWE does not keep from becoming code.  A file in memory is on no mount that could be noexec: it can be
 * mapped, sealed against execve(2) or not.  Shared memory (/dev/zero is that, too) that is executable from the start gains
 * nothing when a second mapping of it, of mremap(2) or fork(2), is made writable.
 */
static const struct guard_rule memory[] = {
	{ "memfd_create memfd_secret", MISSING, { { .op = 0 } } },
	{ "mmap", GUARD_ERRNO(EACCES), { { 2, GUARD_MASK, PROT_EXEC, PROT_EXEC }, { 3, GUARD_MASK, MAP_SHARED, MAP_SHARED } } },
};

static const struct guard_rule audited[] = {
	{ "open openat openat2 creat execve execveat", SECCOMP_RET_USER_NOTIF, { { .op = 0 } } },
};

/* For who wants to know all that is allowed: what changes folders, and code that is made at run time. */
static const struct guard_rule learned_changes[] = {
	{ "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 symlink symlinkat link linkat", SECCOMP_RET_USER_NOTIF,
	  { { .op = 0 } } },
};
static const struct guard_rule learned_code[] = {
	{ "mprotect", SECCOMP_RET_USER_NOTIF, { { 2, GUARD_MASK, PROT_EXEC, PROT_EXEC } } },
	{ "mmap", SECCOMP_RET_USER_NOTIF, { { 2, GUARD_MASK, PROT_EXEC, PROT_EXEC }, { 3, GUARD_MASK, MAP_ANONYMOUS, MAP_ANONYMOUS } } },
};

int restrict_kernel(struct restricting *r)
{
	const char *from = "default#/permissions/guard";
	bool programs = is_limited(r, POLICY_RUN) || is_limited(r, POLICY_FFI);
	/* Masks are mounts, and sys has some over /proc. */
	bool files = programs || is_limited(r, POLICY_READ) || is_limited(r, POLICY_WRITE) || is_limited(r, POLICY_SYS) ||
		     r->g->of[POLICY_READ].ignore.n;

	if (r->enforced && (files || net_state_of(r).hold != NET_HOLD_NONE) &&
	    guard_add(r, from, always, PS_COUNT(always)) < 0)
		return -1;
	if (r->enforced && ((files && guard_add(r, from, mounts, PS_COUNT(mounts)) < 0) ||
			    (programs && guard_add(r, from, code, PS_COUNT(code)) < 0) ||
			    (r->p->mdwe && guard_add(r, from, memory, PS_COUNT(memory)) < 0)))
		return -1;
	if (!r->h->audit_files)
		return 0;
	/* A ring opens files that nobody is told of. */
	if (guard_add(r, from, always, 1) < 0 || guard_add(r, from, audited, PS_COUNT(audited)) < 0)
		return -1;
	if (r->g->settings.audit.allowed & 1U << POLICY_WRITE && guard_add(r, from, learned_changes, PS_COUNT(learned_changes)) < 0)
		return -1;
	/* Where it is listed, memory does not become code. */
	return r->g->settings.audit.allowed & 1U << POLICY_FFI && !r->code_listed ? guard_add(r, from, learned_code, PS_COUNT(learned_code)) : 0;
}
