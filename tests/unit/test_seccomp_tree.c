/* SPDX-License-Identifier: Apache-2.0
 * test_seccomp_tree.c - search trees decide as the programs that they were made of.
 */
#include "tests/unit/plan_test.h"

#include <linux/audit.h>

#include "shim/plan/seccomp_list.h"
#include "shim/plan/seccomp_tree.h"
#include "tests/sim/bpf_equal.h"
#include "tests/sim/bpf_random.h"
#include "tests/sim/random_profile.h"

enum { PROFILES = 60, PROGRAMS = 400, CALLS = 500, FOREIGN = 0x12345678 };

/* libseccomp 2.5.4 loses parts of rules that overlap. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

/* ---- names of calls: tests/sim/syscalls.tsv ---- */

static const char *calls[CALLS];
static size_t n_calls;

static int load_calls(void **state)
{
	struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	char *save = NULL;

	*state = NULL;
	if (ps_read_file_at(AT_FDCWD, "tests/sim/syscalls.tsv", 1 << 20, &b, &e) < 0)
		return -1;
	for (char *line = strtok_r(b.data, "\n", &save); line && n_calls < CALLS; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			continue;
		line[strcspn(line, "\t")] = '\0';
		calls[n_calls++] = line;
	}
	*state = b.data;
	return n_calls > 400 ? 0 : -1;
}

static int free_calls(void **state)
{
	free(*state);
	return 0;
}

/* ---- random profiles ---- */

static const uint32_t arch_sets[][8] = {
	{ AUDIT_ARCH_X86_64 },
	{ AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 },
	{ AUDIT_ARCH_X86_64, SECCOMP_ARCH_X32 },
	{ AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32 },
	{ AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM },
	{ AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64 },
	{ AUDIT_ARCH_RISCV64, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_MIPSEL, AUDIT_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64N32 },
};

/* The architecture of this machine is always the first, as in policies. */
static uint32_t native(void)
{
	static uint32_t arch;
	ps_auto_arena struct ps_arena a = { .head = NULL };

	if (!arch)
		arch = pt_policy(&a, PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}", ""))->seccomp.archs[0];
	return arch;
}

static size_t with_native(const uint32_t *set, size_t n, uint32_t *archs)
{
	size_t k = 1;

	archs[0] = native();
	for (size_t i = 0; i < n && set[i]; i++)
		if (set[i] != archs[0])
			archs[k++] = set[i];
	return k;
}

static void make_profile(struct random_profile *p, uint64_t seed)
{
	random_profile(p, seed, calls, n_calls);
	p->s.n_archs = with_native(arch_sets[seed % PS_COUNT(arch_sets)], PS_COUNT(arch_sets[0]), p->archs);
}

/* ---- comparing ---- */

static void fail_with(const struct bpf_search *s, uint64_t seed)
{
	const struct bpf_difference *f = &s->found;

	fail_msg("seed %llu, arch 0x%x, call 0x%x, arguments 0x%llx 0x%llx 0x%llx 0x%llx: 0x%x, the tree says 0x%x",
		 (unsigned long long)seed, f->call.arch, (unsigned)f->call.nr, (unsigned long long)f->call.args[0],
		 (unsigned long long)f->call.args[1], (unsigned long long)f->call.args[2],
		 (unsigned long long)f->call.args[3], f->first, f->second);
}

static struct bpf_program program_of(const struct ps_buf *b)
{
	return (struct bpf_program){ (const void *)b->data, b->len / sizeof(struct sock_filter) };
}

/* Both programs on each architecture, and on one that neither asks for. */
static void assert_equal(const struct ps_buf *linear, const struct ps_buf *tree, const uint32_t *archs, size_t n, uint64_t seed)
{
	struct bpf_search s = { .a = program_of(linear), .b = program_of(tree), .random = seed };

	assert_true(s.b.n > 0 && s.b.n <= BPF_MAXINSNS);
	assert_int_equal(BPF_CLASS(s.b.v[s.b.n - 1].code), BPF_RET);
	for (size_t i = 0; i <= n; i++) {
		s.found.call.arch = i == n ? FOREIGN : archs[i] == SECCOMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : archs[i];
		if (!bpf_equal_arch(&s))
			fail_with(&s, seed);
	}
}

static void profiles_keep_their_meaning(void **state)
{
	static struct random_profile p;

	(void)state;
	for (uint64_t seed = 1; seed <= PROFILES; seed++) {
		ps_auto_buf struct ps_buf linear = { .data = NULL };
		ps_auto_buf struct ps_buf tree = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };

		make_profile(&p, seed);
		if (plan_seccomp_plain(&p.s, &linear, &e) < 0)
			fail_msg("seed %llu: %s", (unsigned long long)seed, e.msg);
		assert_true(seccomp_tree(program_of(&linear).v, program_of(&linear).n, &tree));
		assert_equal(&linear, &tree, p.archs, p.s.n_archs, seed);
	}
}

/*
 * Rules that libseccomp 2.5.4 gets right: one comparison each, and none of order.  Else it may compare an argument that is
 * not loaded any more, or take one rule's upper half for another's.  i386's socketcall and ipc are comparisons, too; where
 * their parts have rules of different actions, it refuses one for all architectures.
 */
static void make_plain(struct random_profile *p)
{
	static const char *const ops[] = { "SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_MASKED_EQ" };
	bool i386 = false;

	for (size_t i = 0; i < p->s.n_archs; i++)
		i386 |= p->archs[i] == AUDIT_ARCH_I386;
	for (size_t i = 0; i < p->s.n_rules; i++) {
		p->args[i][0].op = ops[i % PS_COUNT(ops)];
		p->rules[i].n_args = p->rules[i].n_args > 0 && !i386;
		if (p->rules[i].n_args || i386)
			p->rules[i].action = SECCOMP_RET_ERRNO | 7;
	}
}

static void profiles_mean_what_libseccomp_says(void **state)
{
	static struct random_profile p;

	(void)state;
	for (uint64_t seed = 1; seed <= PROFILES; seed++) {
		ps_auto_buf struct ps_buf library = { .data = NULL };
		ps_auto_buf struct ps_buf tree = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };

		make_profile(&p, seed);
		make_plain(&p);
		assert_int_equal(plan_seccomp_library(&p.s, &library, &e), 0);
		assert_int_equal(plan_seccomp_compile(&p.s, &tree, &e), 0);
		assert_equal(&library, &tree, p.archs, p.s.n_archs, seed);
	}
}

static void programs_keep_their_meaning(void **state)
{
	static const uint32_t archs[] = { 1, 2, 3, 4 };
	static struct sock_filter program[BPF_MAXINSNS];
	static uint8_t bytes[4 * 1200];
	size_t followed = 0, n;

	(void)state;
	for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
		uint64_t random = seed;
		ps_auto_buf struct ps_buf linear = { .data = NULL };
		ps_auto_buf struct ps_buf tree = { .data = NULL };

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)bpf_random(&random, 256);
		n = 8 + bpf_random(&random, seed % 8 ? 400 : sizeof(bytes) - 8);
		n = bpf_random_program(bytes, n, program, BPF_MAXINSNS);
		if (!seccomp_tree(program, n, &tree))
			continue;
		ps_buf_put(&linear, program, n * sizeof(*program));
		assert_equal(&linear, &tree, archs, PS_COUNT(archs), seed);
		followed++;
	}
	assert_true(followed > PROGRAMS / 4);
}

/* ---- shapes ---- */

#define LOAD(word) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, word))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define BRANCH(op, k, jt, jf) BPF_JUMP(BPF_JMP | BPF_K | (op), (k), (jt), (jf))

/* More checks of arguments than a jump reaches, and the same ones on each architecture. */
static void long_jumps_are_bridged(void **state)
{
	static const uint32_t archs[] = { 1, 2 };
	const struct sock_filter head[] = { LOAD(arch), BRANCH(BPF_JEQ, 1, 1, 0), BRANCH(BPF_JEQ, 2, 0, 0), LOAD(nr) };
	ps_auto_buf struct ps_buf linear = { .data = NULL };
	ps_auto_buf struct ps_buf tree = { .data = NULL };
	size_t bridges = 0;

	(void)state;
	ps_buf_put(&linear, head, sizeof(head));
	for (uint32_t nr = 0; nr < 300; nr++) {
		const struct sock_filter check[] = {
			BRANCH(BPF_JEQ, nr, 0, 4), LOAD(args), BRANCH(BPF_JEQ, nr, 0, 1),
			RETURN(SECCOMP_RET_ERRNO | nr), RETURN(SECCOMP_RET_TRACE | nr),
		};

		ps_buf_put(&linear, check, sizeof(check));
	}
	ps_buf_put(&linear, &(struct sock_filter)RETURN(SECCOMP_RET_ALLOW), sizeof(struct sock_filter));
	assert_true(seccomp_tree(program_of(&linear).v, program_of(&linear).n, &tree));
	assert_equal(&linear, &tree, archs, PS_COUNT(archs), 1);
	for (size_t i = 0; i < program_of(&tree).n; i++)
		bridges += program_of(&tree).v[i].code == (BPF_JMP | BPF_JA);
	assert_true(bridges > 0);
}

static void what_cannot_be_followed_has_no_tree(void **state)
{
	static const struct { struct sock_filter v[5]; size_t n; } programs[] = {
		{ { { 0 } }, 0 },
		{ { LOAD(arch) }, 1 },
		{ { BRANCH(BPF_JEQ, 1, 0, 0), RETURN(0) }, 2 },
		{ { BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RETURN(0) }, 2 },
		{ { LOAD(nr), BRANCH(BPF_JEQ, 1, 0, 9), RETURN(0) }, 3 },
		{ { LOAD(nr), BRANCH(BPF_JSET, 1, 0, 1), RETURN(0), RETURN(1) }, 4 },
		{ { LOAD(nr), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1), BRANCH(BPF_JEQ, 1, 0, 1), RETURN(0), RETURN(1) }, 5 },
		{ { LOAD(nr), BPF_STMT(BPF_MISC | BPF_TAX, 0), RETURN(0) }, 3 },
		{ { LOAD(nr), BPF_STMT(BPF_RET | BPF_A, 0) }, 2 },
		{ { LOAD(arch), BRANCH(BPF_JGT, 1, 0, 1), RETURN(0), RETURN(1) }, 4 },
		{ { LOAD(args), LOAD(nr), BRANCH(BPF_JEQ, 1, 0, 1), RETURN(0), RETURN(1) }, 5 },
		{ { LOAD(args), BRANCH(BPF_JEQ, 1, 0, 1), LOAD(arch), RETURN(0), RETURN(1) }, 5 },
		{ { LOAD(args), BRANCH(BPF_JEQ, 1, 0, 9), RETURN(0) }, 3 },
		{ { LOAD(args), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 1), RETURN(0) }, 3 },
		{ { LOAD(args), BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RETURN(0) }, 3 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(programs); i++) {
		ps_auto_buf struct ps_buf tree = { .data = NULL };

		if (seccomp_tree(programs[i].v, programs[i].n, &tree) || tree.len)
			fail_msg("program %zu has a tree", i);
	}
}

static void too_many_architectures_have_no_tree(void **state)
{
	(void)state;
	for (size_t n = SECCOMP_KNOWN_MAX; n <= SECCOMP_KNOWN_MAX + 1; n++) {
		ps_auto_buf struct ps_buf linear = { .data = NULL };
		ps_auto_buf struct ps_buf tree = { .data = NULL };

		ps_buf_put(&linear, &(struct sock_filter)LOAD(arch), sizeof(struct sock_filter));
		for (uint32_t arch = 0; arch < n; arch++) {
			const struct sock_filter part[] = { BRANCH(BPF_JEQ, arch, 0, 1), RETURN(arch) };

			ps_buf_put(&linear, part, sizeof(part));
		}
		ps_buf_put(&linear, &(struct sock_filter)RETURN(SECCOMP_RET_ALLOW), sizeof(struct sock_filter));
		assert_int_equal(seccomp_tree(program_of(&linear).v, program_of(&linear).n, &tree), n == SECCOMP_KNOWN_MAX);
	}
}

/* Every call is allowed; the first `checked` only with n_args arguments of their own. */
static const struct policy_seccomp *checking_profile(const uint32_t *archs, size_t n_archs, size_t checked, size_t n_args)
{
	static struct policy_seccomp_rule rules[CALLS];
	static struct spec_seccomp_arg args[CALLS][6];
	static struct policy_seccomp s;

	for (size_t i = 0; i < n_calls; i++) {
		const char *const *name = &calls[i];

		for (uint32_t k = 0; k < n_args; k++)
			args[i][k] = (struct spec_seccomp_arg){ .index = k, .value = i, .op = "SCMP_CMP_EQ" };
		rules[i] = (struct policy_seccomp_rule){ .action = SECCOMP_RET_ALLOW, .names = { name, 1 },
							 .args = args[i], .n_args = i < checked ? n_args : 0 };
	}
	s = (struct policy_seccomp){ .set = true, .archs = archs, .n_archs = n_archs, .rules = rules,
				     .n_rules = n_calls };
	return &s;
}

static void a_filter_that_the_kernel_does_not_take_is_refused(void **state)
{
	const uint32_t arch = AUDIT_ARCH_X86_64;
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(plan_seccomp_compile(checking_profile(&arch, 1, 220, 6), &out, &e), -1);
	assert_non_null(strstr(e.msg, "seccomp: the program has "));
	assert_non_null(strstr(e.msg, " instructions, the kernel takes 4096"));
	assert_int_equal(e.cls, PS_E_UNSUPP);
	assert_int_equal(out.len, 0);
}

/* With many architectures only the tree is short enough. */
static void a_tree_fits_where_the_list_does_not(void **state)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32, AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_MIPSEL,
					  AUDIT_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64N32 };
	const struct policy_seccomp *s = checking_profile(archs, PS_COUNT(archs), 80, 1);
	ps_auto_buf struct ps_buf linear = { .data = NULL };
	ps_auto_buf struct ps_buf tree = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(plan_seccomp_plain(s, &linear, &e), 0);
	assert_true(program_of(&linear).n > BPF_MAXINSNS);
	assert_int_equal(plan_seccomp_compile(s, &tree, &e), 0);
	assert_equal(&linear, &tree, archs, PS_COUNT(archs), 1);
}

/* The kernel follows the program for each number: the way must be short. */
static void trees_are_flat_and_short(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf json = { .data = NULL };
	ps_auto_buf struct ps_buf doc = { .data = NULL };
	ps_auto_buf struct ps_buf linear = { .data = NULL };
	ps_auto_buf struct ps_buf tree = { .data = NULL };
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64 };
	struct bpf_sim_watch watch;
	struct ps_err e = { .cls = PS_OK };
	size_t most = 0;
	uint32_t result;

	(void)state;
	assert_int_equal(ps_read_file_at(AT_FDCWD, "tests/data/seccomp/default.json", 1 << 20, &json, &e), 0);
	ps_buf_printf(&doc, PT_DOC(",'seccomp':%s", ""), json.data);
	const struct policy_seccomp *s = &pt_policy(&a, doc.data)->seccomp;
	assert_int_equal(plan_seccomp_plain(s, &linear, &e), 0);
	assert_int_equal(plan_seccomp_compile(s, &tree, &e), 0);
	for (d.nr = 0; d.nr < BPF_EQUAL_NUMBERS; d.nr++) {
		assert_true(bpf_sim_run_watched(program_of(&tree).v, program_of(&tree).n, &d, &watch, &result));
		most = !watch.n_seen && watch.steps > most ? watch.steps : most;
	}
	if (most > 16 || program_of(&tree).n > program_of(&linear).n * 2 / 3)
		fail_msg("%zu steps, %zu instructions of %zu", most, program_of(&tree).n, program_of(&linear).n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_keep_their_meaning),
		cmocka_unit_test(profiles_mean_what_libseccomp_says),
		cmocka_unit_test(programs_keep_their_meaning),
		cmocka_unit_test(long_jumps_are_bridged),
		cmocka_unit_test(what_cannot_be_followed_has_no_tree),
		cmocka_unit_test(too_many_architectures_have_no_tree),
		cmocka_unit_test(a_filter_that_the_kernel_does_not_take_is_refused),
		cmocka_unit_test(a_tree_fits_where_the_list_does_not),
		cmocka_unit_test(trees_are_flat_and_short),
	};

	return cmocka_run_group_tests(tests, load_calls, free_calls);
}
