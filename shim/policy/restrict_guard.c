/* SPDX-License-Identifier: Apache-2.0
 * restrict_guard.c - the guard: system calls that would undo what the other parts do, or go round it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
	{ "setns pidfd_getfd open_by_handle_at", DENIED, { { .op = 0 } } },
	{ "ioctl", DENIED, { { 1, GUARD_EQ, 0x5412 /* TIOCSTI */, 0 } } },
	{ "ioctl", DENIED, { { 1, GUARD_EQ, 0x541c /* TIOCLINUX */, 0 } } },
};

static const struct guard_rule mounts[] = {
	{ "mount umount2 move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr pivot_root",
	  DENIED, { { .op = 0 } } },
};

/*
 * What is written where others see it, with the caller's own user id: a file that lends this id to whoever executes it is a way
 * out.  The mode of openat2(2) is in memory.
 */
#define SET_ID(name, mode)                                                                                             \
	{ name, DENIED, { { mode, GUARD_MASK, S_ISUID, S_ISUID } } }, { name, DENIED, { { mode, GUARD_MASK, S_ISGID, S_ISGID } } }
#define NEW_SET_ID(name, flags, new, mode)                                                                             \
	{ name, DENIED, { { flags, GUARD_MASK, new, new }, { mode, GUARD_MASK, S_ISUID, S_ISUID } } },                   \
	{ name, DENIED, { { flags, GUARD_MASK, new, new }, { mode, GUARD_MASK, S_ISGID, S_ISGID } } }
enum { NEW = O_CREAT, NAMELESS = O_TMPFILE & ~O_DIRECTORY };
static const struct guard_rule set_ids[] = {
	SET_ID("chmod fchmod creat mknod", 1), SET_ID("fchmodat fchmodat2 mknodat", 2),
	NEW_SET_ID("open", 1, NEW, 2), NEW_SET_ID("open", 1, NAMELESS, 2),
	NEW_SET_ID("openat", 2, NEW, 3), NEW_SET_ID("openat", 2, NAMELESS, 3),
	{ "openat2", MISSING, { { .op = 0 } } },
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

static const struct guard_rule opens[] = { { "open openat openat2 creat", SECCOMP_RET_USER_NOTIF, { { .op = 0 } } } };
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

/*
 * Who sees processes of others could have them do what is taken away: by ptrace(2), by their memory, by their root in /proc.  To
 * those outside of a Landlock domain there is no such way, whatever the domain is about: this one is about nothing else.  In a
 * pid namespace of its own a container sees only what has as much, but for a process that was given less.
 */
static int keep_apart(struct restricting *r)
{
	const uint64_t rights = LANDLOCK_ACCESS_FS_EXECUTE | (r->h->landlock_abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0);
	const char *from = policy_ns_get(r->in, CLONE_NEWPID)->from;

	if ((has_own_ns(r, CLONE_NEWPID) && !r->h->apart) || r->handled)
		return 0;
	if (!r->h->landlock_abi)
		return cannot(r, POLICY_RUN, from, "processes of others are in sight: without Landlock they could be made to do what is denied");
	r->handled = rights;
	return allow_access(r, from, "/", (struct ps_object){ 0, 0 }, rights, /* optional= */ false);
}

/* Init waits by these for its listener to be delivered, and ends by them; the others no payload can do without. */
static const struct guard_rule untold[] = {
	{ "futex wait4 close write munmap exit exit_group read rt_sigreturn restart_syscall", SECCOMP_RET_ALLOW, { { .op = 0 } } },
};

static int tell_calls(struct restricting *r, const char *from)
{
	r->p->guard.default_action = SECCOMP_RET_USER_NOTIF;
	return guard_add(r, from, untold, PS_COUNT(untold));
}

bool guard_rule_asks(const struct policy_seccomp_rule *rule, const uint64_t args[6])
{
	if (rule->action != SECCOMP_RET_USER_NOTIF)
		return false;
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct spec_seccomp_arg *a = &rule->args[i];
		const uint64_t v = args[a->index];

		if (!strcmp(a->op, "SCMP_CMP_MASKED_EQ") ? (v & a->value) != (a->value_two & a->value)
		    : !strcmp(a->op, "SCMP_CMP_NE")      ? v == a->value : v <= a->value)
			return false;
	}
	return true;
}

/* What is told of beyond what is decided. */
static int restrict_watched(struct restricting *r)
{
	const char *from = "default#/permissions/guard";

	if (!r->h->audit_files && r->h->notify && (r->g->of[POLICY_READ].asks || r->g->of[POLICY_WRITE].asks))
		return guard_add(r, from, opens, 1);
	if (!r->h->audit_files)
		return 0;
	/* A ring opens files that nobody is told of. */
	if (guard_add(r, from, always, 1) < 0 || guard_add(r, from, audited, PS_COUNT(audited)) < 0 ||
	    (r->h->tell_calls && tell_calls(r, from) < 0))
		return -1;
	if (r->g->settings.audit.allowed & 1U << POLICY_WRITE && guard_add(r, from, learned_changes, PS_COUNT(learned_changes)) < 0)
		return -1;
	/* Where it is listed, memory does not become code. */
	return r->g->settings.audit.allowed & 1U << POLICY_FFI && !r->code_listed ? guard_add(r, from, learned_code, PS_COUNT(learned_code)) : 0;
}

/* With the user id 0, and no capability, one may write most of them: a program of one's own runs on the host when it crashes. */
static int close_knobs(struct restricting *r)
{
	static const char *const trees[] = { "sysfs", "debugfs", "tracefs", "securityfs", "configfs", "efivarfs", "binfmt_misc", "bpf" };
	static const char *const knobs[] = { "/sys", "/sysrq-trigger", "/irq", "/bus", "/fs" };
	struct policy_path *v = ps_arena_array(r->a, r->in->n_readonly + r->p->n_mounts * PS_COUNT(knobs) + 1, sizeof(*v));

	if (!v)
		return restrict_oom(r);
	if (r->in->n_readonly)
		memcpy(v, r->in->readonly, r->in->n_readonly * sizeof(*v));
	r->p->readonly = v;
	for (size_t i = 0; i < r->p->n_mounts; i++) {
		struct policy_mount *m = &r->mounts[i];
		bool tree = m->bind && (view_below(m->source, "/sys") || view_below(m->source, "/proc"));

		for (size_t k = 0; k < PS_COUNT(trees) && !tree; k++)
			tree = strcmp(m->fstype, trees[k]) == 0;
		if (tree)
			mount_readonly(m);
		for (size_t k = 0; k < PS_COUNT(knobs) && strcmp(m->fstype, "proc") == 0 && !m->bind; k++) {
			const char *path = ps_arena_printf(r->a, "%s%s", m->target, knobs[k]);
			bool known = false;

			if (!path)
				return restrict_oom(r);
			for (size_t n = 0; n < r->p->n_readonly && !known; n++)
				known = strcmp(v[n].path, path) == 0;
			if (!known)
				v[r->p->n_readonly++] = (struct policy_path){ .from = "default#/permissions/guard", .path = path };
		}
	}
	return 0;
}

int restrict_kernel(struct restricting *r)
{
	const char *from = "default#/permissions/guard";
	bool programs = is_limited(r, POLICY_RUN) || is_limited(r, POLICY_FFI);
	/* Masks are mounts, and sys has some over /proc. */
	bool files = programs || is_limited(r, POLICY_READ) || is_limited(r, POLICY_WRITE) || is_limited(r, POLICY_SYS) ||
		     r->g->of[POLICY_READ].ignore.n;
	bool any = files || is_limited(r, POLICY_NET);

	if (!r->enforced)
		return restrict_watched(r);
	if (((any || r->h->apart) && keep_apart(r) < 0) ||
	    ((any || sets_limits(r)) && policy_ns_get(r->in, CLONE_NEWUSER)->mode == POLICY_NS_HOST && close_knobs(r) < 0))
		return -1;
	if ((files || net_state_of(r).hold != NET_HOLD_NONE) && guard_add(r, from, always, PS_COUNT(always)) < 0)
		return -1;
	if ((files && guard_add(r, from, mounts, PS_COUNT(mounts)) < 0) ||
	    (is_limited(r, POLICY_WRITE) && guard_add(r, from, set_ids, PS_COUNT(set_ids)) < 0) ||
	    (programs && guard_add(r, from, code, PS_COUNT(code)) < 0) ||
	    (r->p->mdwe && guard_add(r, from, memory, PS_COUNT(memory)) < 0))
		return -1;
	return restrict_watched(r);
}
