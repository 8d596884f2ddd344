/* SPDX-License-Identifier: Apache-2.0
 * test_cgroup_bpf.c - device rules as a program: its meaning in a small interpreter, then in the kernel.
 */
#include "tests/unit/cgroup_test.h"

#include <linux/bpf.h>
#include <sys/sysmacros.h>

#include "shim/sandbox/cgroup_bpf.h"
#include "shim/sandbox/cgroup_dir.h"

enum { M = BPF_DEVCG_ACC_MKNOD, R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, RWM = R | W | M };
enum { MAX_INSNS = 512, STEPS = 1000 };

/* The few instructions that the compiler emits; anything else, or a jump out of the program, fails the test. */
static int interpret(const struct bpf_insn *v, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };
	size_t pc = 0;

	for (int step = 0; step < STEPS; step++) {
		assert_true(pc < n);
		const struct bpf_insn *i = &v[pc++];
		const uint64_t imm = (uint64_t)(int64_t)i->imm;
		uint64_t *dst = &r[i->dst_reg], src = r[i->src_reg];

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W: {
			uint32_t word;

			assert_int_equal(i->src_reg, BPF_REG_1);
			assert_in_range(i->off, 0, sizeof(*ctx) - sizeof(word));
			memcpy(&word, (const char *)ctx + i->off, sizeof(word));
			*dst = word;
			break;
		}
		case BPF_ALU64 | BPF_MOV | BPF_X: *dst = src; break;
		case BPF_ALU64 | BPF_MOV | BPF_K: *dst = imm; break;
		case BPF_ALU64 | BPF_AND | BPF_K: *dst &= imm; break;
		case BPF_ALU64 | BPF_RSH | BPF_K: *dst >>= imm; break;
		case BPF_JMP32 | BPF_JNE | BPF_K: pc += (uint32_t)*dst != (uint32_t)imm ? (size_t)i->off : 0; break;
		case BPF_JMP | BPF_JNE | BPF_K: pc += *dst != imm ? (size_t)i->off : 0; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += *dst == imm ? (size_t)i->off : 0; break;
		case BPF_JMP | BPF_EXIT: return (int)r[0];
		default: fail_msg("instruction %#x at %zu", i->code, pc - 1);
		}
	}
	fail_msg("no end");
	return -1;
}

static bool permits(const struct plan_device_rule *rules, size_t n, char type, uint32_t major, uint32_t minor, unsigned access)
{
	struct bpf_insn insns[MAX_INSNS];
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	size_t len = cgroup_bpf_compile(rules, n, insns, MAX_INSNS);

	assert_in_range(len, 1, MAX_INSNS);
	return interpret(insns, len, &ctx);
}

static void meaning(void **state)
{
	enum { RULES = 4 };
	static const struct {
		struct plan_device_rule rules[RULES];
		size_t n;
		struct { char type; uint32_t major, minor; unsigned access; bool ok; } asks[8];
	} cases[] = {
		{ .n = 0, .asks = { { 'c', 1, 3, R, false } } },
		{ { { 0, 'a', RWM, 0, -1, -1 }, { 1, 'c', RWM, 0, 1, 3 }, { 1, 'c', R | W, 0, 5, -1 } }, 3,
		  { { 'c', 1, 3, R | W, true }, { 'c', 1, 3, M, true }, { 'c', 1, 5, R, false }, { 'b', 1, 3, R, false },
		    { 'c', 5, 77, R | W, true }, { 'c', 5, 77, M, false }, { 'c', 5, 77, R | M, false } } },
		/* Allow all, then take one away. */
		{ { { 1, 'a', RWM, 0, -1, -1 }, { 0, 'b', W, 0, 8, 0 } }, 2,
		  { { 'b', 8, 0, R, true }, { 'b', 8, 0, W, false }, { 'b', 8, 0, R | W, false }, { 'b', 8, 1, W, true },
		    { 'c', 8, 0, W, true } } },
		/* Kinds of access that different rules grant add up. */
		{ { { 0, 'a', RWM, 0, -1, -1 }, { 1, 'c', R, 0, 1, 3 }, { 1, 'c', W, 0, 1, 3 } }, 3,
		  { { 'c', 1, 3, R | W, true }, { 'c', 1, 3, R | M, false } } },
		/* The last rule wins, for the kinds that it names. */
		{ { { 1, 'c', RWM, 0, 1, 3 }, { 0, 'c', W, 0, 1, -1 }, { 1, 'c', W, 0, 1, 5 } }, 3,
		  { { 'c', 1, 3, R, true }, { 'c', 1, 3, W, false }, { 'c', 1, 5, W, true }, { 'c', 1, 5, R, false } } },
		/* A rule for everything forgets all before it. */
		{ { { 1, 'c', RWM, 0, 1, 3 }, { 0, 'a', RWM, 0, -1, -1 } }, 2, { { 'c', 1, 3, R, false } } },
		{ { { 0, 'c', RWM, 0, 1, 3 }, { 1, 'a', RWM, 0, -1, -1 } }, 2, { { 'c', 1, 3, RWM, true } } },
		/* Any device by number, of either type; part of the access for all. */
		{ { { 1, 'a', RWM, 0, 7, 1 }, { 1, 'a', M, 0, -1, -1 } }, 2,
		  { { 'b', 7, 1, R, true }, { 'c', 7, 1, W, true }, { 'c', 9, 9, M, true }, { 'c', 9, 9, R, false } } },
		/* Numbers above the sign bit. */
		{ { { 1, 'c', RWM, 0, 0x80000001, 0xffffffff } }, 1,
		  { { 'c', 0x80000001, 0xffffffff, R, true }, { 'c', 0x80000001, 0xfffffffe, R, false },
		    { 'c', 1, 0xffffffff, R, false } } },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++)
		for (size_t k = 0; k < PS_COUNT(cases[i].asks) && cases[i].asks[k].type; k++)
			if (permits(cases[i].rules, cases[i].n, cases[i].asks[k].type, cases[i].asks[k].major,
				    cases[i].asks[k].minor, cases[i].asks[k].access) != cases[i].asks[k].ok)
				fail_msg("case %zu, question %zu", i, k);
}

/* What does not fit is counted, not written. */
static void measures_first(void **state)
{
	const struct plan_device_rule rules[] = { { 1, 'c', RWM, 0, 1, 3 } };
	struct bpf_insn two[3], all[MAX_INSNS];
	size_t n = cgroup_bpf_compile(rules, 1, NULL, 0);

	(void)state;
	memset(two, 0x5a, sizeof(two));
	assert_int_equal(cgroup_bpf_compile(rules, 1, two, 2), n);
	assert_int_equal(two[2].code, 0x5a);
	assert_int_equal(cgroup_bpf_compile(rules, 1, all, MAX_INSNS), n);
	assert_memory_equal(two, all, 2 * sizeof(two[0]));
}

/* ---- In the kernel ---- */

static char dir[512];

static int make_dir(void **state)
{
	const struct hierarchy *h;

	(void)state;
	find_hierarchies();
	h = hierarchy_of(2, "");
	if (h) {
		(void)snprintf(dir, sizeof(dir), "%s%s", h->mount, own_name);
		assert_int_equal(mkdir(dir, 0755), 0);
	}
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	remove_own();
	return 0;
}

/* Which of four accesses work: one letter each, y or n. */
static void try_devices(void *arg)
{
	const char *want = arg;
	char node[64], got[5] = "nnnn";

	(void)snprintf(node, sizeof(node), "/tmp/podshim-test-%d", getpid());
	got[0] = open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 ? 'y' : 'n';
	got[1] = open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0 ? 'y' : 'n';
	got[2] = open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0 ? 'y' : 'n';
	got[3] = mknod(node, S_IFCHR | 0600, makedev(1, 3)) == 0 ? 'y' : 'n';
	(void)unlink(node);
	CHECK(strcmp(got, want) == 0);
}

static unsigned n_attached(int fd)
{
	__u32 ids[8];
	union bpf_attr q;

	memset(&q, 0, sizeof(q));
	q.query.target_fd = (__u32)fd;
	q.query.attach_type = BPF_CGROUP_DEVICE;
	q.query.prog_ids = (uintptr_t)ids;
	q.query.prog_cnt = 8;
	assert_int_equal(ps_sys_bpf(BPF_PROG_QUERY, &q, sizeof(q)), 0);
	return q.query.prog_cnt;
}

/* As systemd would: a program of its own beside ours, that allows everything. */
static void attach_foreign(int fd)
{
	const struct bpf_insn allow[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a;
	int prog;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uintptr_t)allow;
	a.insn_cnt = 2;
	a.license = (uintptr_t) "GPL";
	memcpy(a.prog_name, "foreign", 8);
	prog = ps_sys_bpf(BPF_PROG_LOAD, &a, sizeof(a));
	assert_true(prog >= 0);
	memset(&a, 0, sizeof(a));
	a.target_fd = (__u32)fd;
	a.attach_bpf_fd = (__u32)prog;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	assert_int_equal(ps_sys_bpf(BPF_PROG_ATTACH, &a, sizeof(a)), 0);
	(void)close(prog);
}

static void kernel_obeys(void **state)
{
	static const struct {
		struct plan_device_rule rules[2];
		size_t n;
		const char *want;
	} steps[] = {
		{ .n = 0, .want = "nnnn" },
		{ { { 0, 'a', RWM, 0, -1, -1 }, { 1, 'c', R, 0, 1, 3 } }, 2, "ynnn" },
		{ { { 0, 'a', RWM, 0, -1, -1 }, { 1, 'c', RWM, 0, 1, 3 } }, 2, "yyny" },
		{ { { 0, 'a', RWM, 0, -1, -1 } }, 1, "nnnn" },
		{ { { 1, 'a', RWM, 0, -1, -1 } }, 1, "yyyy" },
		{ { { 1, 'a', RWM, 0, -1, -1 }, { 0, 'c', W | M, 0, 1, 3 } }, 2, "ynyn" },
	};
	struct ps_err e = { .cls = PS_OK };
	int before, fd;

	(void)state;
	if (!*dir)
		skip();
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = unit_open_fds();
	attach_foreign(fd);
	assert_int_equal(n_attached(fd), 1);
	for (size_t i = 0; i < PS_COUNT(steps); i++) {
		char want[5];

		(void)snprintf(want, sizeof(want), "%s", steps[i].want);
		if (cgroup_attach_devices(fd, steps[i].rules, steps[i].n, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(wait_status(spawn(dir, try_devices, want)), 0);
		assert_int_equal(n_attached(fd), 2); /* ours replaced, the other one untouched */
	}
	assert_int_equal(unit_open_fds(), before);
	(void)close(fd);
}

static void unprivileged(void *arg)
{
	const struct plan_device_rule rules[] = { { 0, 'a', RWM, 0, -1, -1 } };
	struct ps_err e;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)arg;
	CHECK(ps_sys_setresuid(1234, 1234, 1234) == 0);
	CHECK_ERR(cgroup_attach_devices(fd, rules, 1, &e), &e,
		  "load the device rules as a BPF program: it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN");
	CHECK(e.cls == PS_E_UNSUPP);
}

static void no_directory(void **state)
{
	const struct plan_device_rule rules[] = { { 0, 'a', RWM, 0, -1, -1 } };
	struct ps_err e;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(cgroup_attach_devices(fd, rules, 1, &e), -1);
	assert_non_null(strstr(e.msg, "attach the device rules to the cgroup: "));
	(void)close(fd);
	if (*dir)
		assert_int_equal(in_child(unprivileged, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning),
		cmocka_unit_test(measures_first),
		cmocka_unit_test(kernel_obeys),
		cmocka_unit_test(no_directory),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
