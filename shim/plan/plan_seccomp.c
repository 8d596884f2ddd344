/* SPDX-License-Identifier: Apache-2.0
 * plan_seccomp.c - seccomp policy to a loadable program; the only user of libseccomp.
 *
 * libseccomp knows the numbers of calls.  It makes the program, too, where seccomp_list.c does not; its action,
 * operator and architecture numbers are the policy's (the kernel's).  In front of the program is a stub that answers
 * ENOSYS, not the default action, for system calls newer than any that the profile names, so that C libraries fall back
 * to older ones.  seccomp_tree.c makes one of both.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/scope.h"
#include "oci/names.h"
#include "shim/plan/compile.h"
#include "shim/plan/seccomp_list.h"
#include "shim/plan/seccomp_tree.h"

/* Calls that are newer than the library of some systems; since 5.1 a call has one number everywhere but for the bases below. */
static const struct { const char *name; int nr; } newer[] = {
	{ "cachestat", 451 }, { "fchmodat2", 452 }, { "map_shadow_stack", 453 }, { "futex_wake", 454 }, { "futex_wait", 455 },
	{ "futex_requeue", 456 }, { "statmount", 457 }, { "listmount", 458 }, { "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 }, { "setxattrat", 463 }, { "getxattrat", 464 },
	{ "listxattrat", 465 }, { "removexattrat", 466 }, { "open_tree_attr", 467 }, { "file_getattr", 468 }, { "file_setattr", 469 },
};

static int base_of(uint32_t arch)
{
	switch (arch) {
	case SCMP_ARCH_X32:
		return 0x40000000;
	case SCMP_ARCH_MIPS:
	case SCMP_ARCH_MIPSEL:
		return 4000;
	case SCMP_ARCH_MIPS64:
	case SCMP_ARCH_MIPSEL64:
		return 5000;
	case SCMP_ARCH_MIPS64N32:
	case SCMP_ARCH_MIPSEL64N32:
		return 6000;
	default:
		return 0;
	}
}

static int syscall_number(uint32_t arch, const char *name)
{
	const int nr = seccomp_syscall_resolve_name_arch(arch, name);

	for (size_t i = 0; nr == __NR_SCMP_ERROR && i < PS_COUNT(newer); i++)
		if (strcmp(newer[i].name, name) == 0)
			return newer[i].nr + base_of(arch);
	return nr;
}

int plan_seccomp_number(const char *name)
{
	const int nr = syscall_number(seccomp_arch_native(), name);

	return nr < 0 ? -1 : nr;
}

bool plan_seccomp_name(int nr, char out[PLAN_SECCOMP_NAME_MAX])
{
	ps_auto_mem char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);
	const char *text = name;

	for (size_t i = 0; !text && i < PS_COUNT(newer); i++)
		if (newer[i].nr == nr)
			text = newer[i].name;
	return text && snprintf(out, PLAN_SECCOMP_NAME_MAX, "%s", text) < PLAN_SECCOMP_NAME_MAX;
}

_Static_assert((int)SECCOMP_OP_NE == SCMP_CMP_NE && (int)SECCOMP_OP_MASKED_EQ == SCMP_CMP_MASKED_EQ, "same operators");
_Static_assert(SCMP_ACT_ERRNO(0) == SECCOMP_RET_ERRNO && SCMP_ACT_LOG == SECCOMP_RET_LOG, "same actions");
_Static_assert(SECCOMP_ARCH_X32 == SCMP_ARCH_X32, "same architectures");

PS_SCOPED(scmp_filter_ctx, release_filter, NULL, seccomp_release)

enum { MAX_ARGS = 6, X32_BIT = 0x40000000, LINEAR_MAX = UINT16_MAX /* libseccomp counts in 16 bits */ };

/* errno for what libseccomp returned. */
static int fail_rc(struct ps_err *e, int rc, const char *what, const char *name)
{
	errno = -rc;
	return ps_fail_os(e, "seccomp: %s '%s'", what, name);
}

/* ---- libseccomp's part ---- */

static struct scmp_arg_cmp comparison(const struct spec_seccomp_arg *a)
{
	const struct ps_name *op = ps_name_find(names_seccomp_op, n_names_seccomp_op, a->op);

	return SCMP_CMP64(a->index, (enum scmp_compare)(op ? op->value : SCMP_CMP_EQ), a->value, a->value_two);
}

static int add_syscall(scmp_filter_ctx ctx, const struct policy_seccomp_rule *r, int nr)
{
	struct scmp_arg_cmp cmp[MAX_ARGS];
	size_t n = 0;
	int rc = 0;

	if (!seccomp_repeats_argument(r)) {
		for (; n < r->n_args && n < MAX_ARGS; n++)
			cmp[n] = comparison(&r->args[n]);
		rc = seccomp_rule_add_array(ctx, r->action, nr, (unsigned)n, cmp);
		return rc == -EEXIST ? 0 : rc;
	}
	for (n = 0; n < r->n_args && !rc; n++) {
		cmp[0] = comparison(&r->args[n]);
		rc = seccomp_rule_add_array(ctx, r->action, nr, 1, cmp);
		rc = rc == -EEXIST ? 0 : rc;
	}
	return rc;
}

static int add_rules(scmp_filter_ctx ctx, const struct policy_seccomp *s, struct ps_err *e)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct policy_seccomp_rule *r = &s->rules[i];

		/* libseccomp refuses a rule that says what holds anyway. */
		if (r->action == s->default_action)
			continue;
		for (size_t k = 0; k < r->names.n; k++) {
			int nr = syscall_number(seccomp_arch_native(), r->names.v[k]), rc;

			/* Profiles name calls of all kernels and architectures. */
			if (nr == __NR_SCMP_ERROR)
				continue;
			rc = add_syscall(ctx, r, nr);
			if (rc < 0)
				return fail_rc(e, rc, "add the rule for", r->names.v[k]);
		}
	}
	return 0;
}

static int export(scmp_filter_ctx ctx, struct ps_buf *out, struct ps_err *e)
{
	ps_auto_fd int fd = memfd_create("podshim-seccomp", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return ps_fail_os(e, "seccomp: make a memory file for the program");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0)
		return fail_rc(e, rc, "export", "the program");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ps_fail_os(e, "seccomp: rewind the program");
	return ps_read_fd(fd, "seccomp program", LINEAR_MAX * sizeof(struct sock_filter), out, e);
}

static int compile(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	ps_auto(release_filter) scmp_filter_ctx ctx = seccomp_init(s->default_action);
	int rc;

	if (!ctx)
		return ps_fail(e, PS_E_UNSUPP, "seccomp: this host does not take the default action 0x%x",
			       s->default_action);
	for (size_t i = 0; i < s->n_archs; i++) {
		const char *name = ps_name_of(names_seccomp_arch, n_names_seccomp_arch, s->archs[i]);

		rc = seccomp_arch_add(ctx, s->archs[i]);
		if (rc < 0 && rc != -EEXIST)
			return fail_rc(e, rc, "add the architecture", name ? name : "?");
	}
	return add_rules(ctx, s, e) < 0 ? -1 : export(ctx, out, e);
}

/* ---- the stub ---- */

/* Jump targets that are known once the stub is complete. */
enum { TO_NOSYS = 254, TO_FILTER = 255, STUB_MAX = 250 };

struct stub {
	struct sock_filter v[STUB_MAX];
	uint8_t n;
};

static void put(struct stub *s, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (s->n < STUB_MAX)
		s->v[s->n++] = (struct sock_filter){ code, jt, jf, k };
}

/* The highest number among the calls that the profile names; -1 when it names none of this architecture. */
static int last_syscall(const struct policy_seccomp *s, uint32_t arch)
{
	int last = -1;

	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].names.n; k++) {
			int nr = syscall_number(arch, s->rules[i].names.v[k]);

			last = nr > last ? nr : last;
		}
	return last;
}

static void put_arch(struct stub *stub, const struct policy_seccomp *s, uint32_t arch)
{
	bool x86_64 = arch == AUDIT_ARCH_X86_64;
	int last = last_syscall(s, arch), last_x32 = -1;

	for (size_t i = 0; x86_64 && i < s->n_archs; i++)
		if (s->archs[i] == SECCOMP_ARCH_X32)
			last_x32 = last_syscall(s, SECCOMP_ARCH_X32);
	if (last < 0)
		return;
	put(stub, BPF_JMP | BPF_JEQ | BPF_K, arch, 0, (uint8_t)(2 + x86_64 + (last_x32 >= 0)));
	put(stub, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	/* x32 calls share the audit value and have a bit of their own. */
	if (x86_64)
		put(stub, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, last_x32 >= 0 ? 1 : TO_FILTER, 0);
	put(stub, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, TO_NOSYS, TO_FILTER);
	if (last_x32 >= 0)
		put(stub, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last_x32, TO_NOSYS, TO_FILTER);
}

static uint8_t resolve(uint8_t target, uint8_t at, uint8_t end)
{
	return target == TO_NOSYS ? (uint8_t)(end - 1 - at) : target == TO_FILTER ? (uint8_t)(end - at) : target;
}

static void put_stub(const struct policy_seccomp *s, struct ps_buf *out)
{
	uint32_t action = s->default_action & SECCOMP_RET_ACTION_FULL;
	struct stub stub = { .n = 0 };

	/* Permissive defaults let new calls through; a tracer, or a supervisor, answers for itself. */
	if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_TRACE ||
	    action == SECCOMP_RET_USER_NOTIF || s->default_action == (SECCOMP_RET_ERRNO | ENOSYS))
		return;
	put(&stub, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < s->n_archs; i++)
		if (s->archs[i] != SECCOMP_ARCH_X32)
			put_arch(&stub, s, s->archs[i]);
	if (stub.n == 1)
		return;
	put(&stub, BPF_JMP | BPF_JA, 1, 0, 0);
	put(&stub, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	for (uint8_t i = 0; i < stub.n; i++) {
		if (BPF_CLASS(stub.v[i].code) != BPF_JMP)
			continue;
		stub.v[i].jt = resolve(stub.v[i].jt, (uint8_t)(i + 1), stub.n);
		stub.v[i].jf = resolve(stub.v[i].jf, (uint8_t)(i + 1), stub.n);
	}
	ps_buf_put(out, stub.v, stub.n * sizeof(stub.v[0]));
}

int plan_seccomp_library(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	put_stub(s, out);
	return compile(s, out, e);
}

/* What a profile of all kernels may do, a guard may not, nor who asked to be told: name what is not known here, and so not be guarded. */
static int check_names(const struct policy_seccomp *s, struct ps_err *e)
{
	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].names.n; k++)
			if (syscall_number(seccomp_arch_native(), s->rules[i].names.v[k]) == __NR_SCMP_ERROR)
				return ps_fail(e, s->strictest ? PS_E_BUG : PS_E_CONFIG, "seccomp: no system call '%s' is known",
					       s->rules[i].names.v[k]);
	return 0;
}

int plan_seccomp_plain(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	if ((s->strictest || s->all_known) && check_names(s, e) < 0)
		return -1;
	put_stub(s, out);
	switch (seccomp_list(s, syscall_number, out)) {
	case SECCOMP_LISTED:
		return 0;
	case SECCOMP_NOT_OURS:
		return s->strictest ? ps_fail(e, PS_E_UNSUPP, "seccomp: an architecture that no guard can be made for")
				    : compile(s, out, e);
	case SECCOMP_NO_MEMORY:
		break;
	}
	errno = ENOMEM;
	return ps_fail_os(e, "seccomp: list the rules");
}

int plan_seccomp_compile(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	ps_auto_buf struct ps_buf program = { .data = NULL };

	if (plan_seccomp_plain(s, &program, e) < 0)
		return -1;
	if (seccomp_tree((const void *)program.data, program.len / sizeof(struct sock_filter), out))
		return 0;
	if (program.len > BPF_MAXINSNS * sizeof(struct sock_filter))
		return ps_fail(e, PS_E_UNSUPP, "seccomp: the program has %zu instructions, the kernel takes %d",
			       program.len / sizeof(struct sock_filter), BPF_MAXINSNS);
	ps_buf_put(out, program.data, program.len);
	if (program.failed || out->failed) {
		errno = ENOMEM;
		return ps_fail_os(e, "seccomp: keep the program");
	}
	return 0;
}

/* ---- the key ---- */

static void put_u64(struct ps_buf *out, uint64_t n)
{
	ps_buf_put(out, &n, sizeof(n));
}

void plan_seccomp_key(const struct policy_seccomp *s, struct ps_buf *out)
{
	const struct scmp_version *v = seccomp_version();

	ps_buf_printf(out, "podshim seccomp 3, libseccomp %u.%u.%u", v->major, v->minor, v->micro);
	put_u64(out, seccomp_arch_native());
	put_u64(out, s->default_action);
	put_u64(out, s->n_archs);
	for (size_t i = 0; i < s->n_archs; i++)
		put_u64(out, s->archs[i]);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct policy_seccomp_rule *r = &s->rules[i];

		put_u64(out, r->action);
		put_u64(out, r->names.n);
		for (size_t k = 0; k < r->names.n; k++)
			ps_buf_put(out, r->names.v[k], strlen(r->names.v[k]) + 1);
		put_u64(out, r->n_args);
		for (size_t k = 0; k < r->n_args; k++) {
			put_u64(out, r->args[k].index);
			put_u64(out, r->args[k].value);
			put_u64(out, r->args[k].value_two);
			ps_buf_put(out, r->args[k].op, strlen(r->args[k].op) + 1);
		}
	}
	if (s->strictest)
		ps_buf_puts(out, "strictest");
	/* Then what is kept says that all names were known. */
	if (s->all_known)
		ps_buf_puts(out, "known");
}
