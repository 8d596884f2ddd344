/* SPDX-License-Identifier: Apache-2.0
 * cgroup_bpf.c - the device rules of a version 2 cgroup as a BPF program (BPF_PROG_TYPE_CGROUP_DEVICE, 4.15).
 *
 * For each kind of access asked (mknod, read, write) the last rule that matches device and kind decides; none: denied.
 * So the rules are compiled last to first, with the kinds that are still undecided in a register.
 */
#include "shim/sandbox/cgroup.h"

#include <linux/bpf.h>
#include <string.h>

#include "shim/sandbox/cgroup_bpf.h"
#include "shim/sandbox/cgroup_dir.h"

#ifndef BPF_F_REPLACE
#define BPF_F_REPLACE (1U << 2) /* 5.6 */
#endif

enum { ALL_ACCESS = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };
/* Registers.  R1 is the context, R0 the answer. */
enum { TYPE = BPF_REG_2, LEFT = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5, TMP = BPF_REG_0 };

static const char program_name[BPF_OBJ_NAME_LEN] = "podshim_dev";

struct code {
	struct bpf_insn *v;
	size_t n, cap;
};

static void emit(struct code *c, uint8_t op, unsigned dst, unsigned src, int off, int32_t imm)
{
	if (c->n < c->cap)
		c->v[c->n] = (struct bpf_insn){
			.code = op, .dst_reg = dst & 15, .src_reg = src & 15, .off = (__s16)off, .imm = imm
		};
	c->n++;
}

static void emit_answer(struct code *c, int answer)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, answer);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_load(struct code *c, unsigned reg, size_t offset)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1, (int)offset, 0);
}

/* Leave the rule unless reg == value; the distance is filled in at its end. */
static void emit_match(struct code *c, unsigned reg, int64_t value)
{
	/* 32 bits wide: the immediate of a 64-bit comparison would be sign-extended. */
	emit(c, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
}

static bool matches_all(const struct plan_device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0;
}

static void emit_rule(struct code *c, const struct plan_device_rule *r)
{
	const size_t start = c->n;
	const int access = r->access & ALL_ACCESS;

	if (r->type != 'a')
		emit_match(c, TYPE, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		emit_match(c, MAJOR, r->major);
	if (r->minor >= 0)
		emit_match(c, MINOR, r->minor);
	const size_t n_match = c->n - start;

	if (r->allow) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, LEFT, 0, 0, ~access);
		emit(c, BPF_JMP | BPF_JNE | BPF_K, LEFT, 0, 2, 0);
		emit_answer(c, 1);
	} else {
		emit(c, BPF_ALU64 | BPF_MOV | BPF_X, TMP, LEFT, 0, 0);
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, TMP, 0, 0, access);
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, TMP, 0, 2, 0);
		emit_answer(c, 0);
	}
	for (size_t i = start; i < start + n_match && i < c->cap; i++)
		c->v[i].off = (__s16)(c->n - i - 1);
}

size_t cgroup_bpf_compile(const struct plan_device_rule *rules, size_t n, struct bpf_insn *out, size_t cap)
{
	struct code c = { .v = out, .cap = cap };
	bool open_end = true;

	emit_load(&c, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, LEFT, TYPE, 0, 0);
	emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, LEFT, 0, 0, 16);
	emit(&c, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit_load(&c, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&c, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	while (n-- && open_end) {
		const struct plan_device_rule *r = &rules[n];

		/* Everything before a rule for all devices and all access is dead, and the verifier refuses dead code. */
		open_end = !matches_all(r) || (r->access & ALL_ACCESS) != ALL_ACCESS;
		if (open_end)
			emit_rule(&c, r);
		else
			emit_answer(&c, r->allow);
	}
	if (open_end)
		emit_answer(&c, 0);
	return c.n;
}

/* ---- Load and attach ---- */

/* The kernel wants every byte of attr that a command does not use to be zero. */
static int bpf(int cmd, union bpf_attr *attr)
{
	return ps_sys_bpf(cmd, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *insns, size_t n, struct ps_err *e)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insn_cnt = (__u32)n;
	attr.insns = (uintptr_t)insns;
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, program_name, sizeof(program_name));
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0 && errno == EPERM)
		return ps_fail(
			e, PS_E_UNSUPP,
			"load the device rules as a BPF program: it takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the "
			"initial user namespace");
	return fd < 0 ? ps_fail_os(e, "load the device rules as a BPF program (%zu instructions)", n) : fd;
}

/* The program with this id if it is one of ours, else -1. */
static int open_own(__u32 id)
{
	ps_auto_fd int fd = -1;
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return -1;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (__u32)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ||
	    strncmp(info.name, program_name, sizeof(info.name)) != 0)
		return -1;
	return ps_take_fd(&fd);
}

/* Our own program among those attached to the directory, or -1. */
static int open_attached(int dir_fd)
{
	enum { MAX_PROGRAMS = 64 }; /* as many as the kernel attaches */
	__u32 ids[MAX_PROGRAMS];
	union bpf_attr attr;
	int fd = -1;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (__u32)dir_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = MAX_PROGRAMS;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return -1;
	for (__u32 i = 0; fd < 0 && i < attr.query.prog_cnt && i < MAX_PROGRAMS; i++)
		fd = open_own(ids[i]);
	return fd;
}

static int attach(int dir_fd, int prog_fd, struct ps_err *e)
{
	ps_auto_fd int old = open_attached(dir_fd);
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (__u32)dir_fd;
	attr.attach_bpf_fd = (__u32)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI; /* programs of others (systemd) stay in force beside ours */
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (__u32)old;
	}
	if (bpf(BPF_PROG_ATTACH, &attr) == 0)
		return 0;
	if (errno == EPERM)
		return ps_fail(
			e, PS_E_UNSUPP,
			"attach the device rules to the cgroup: the runtime lacks CAP_NET_ADMIN, or a parent cgroup has a "
			"device program that forbids others below");
	return ps_fail_os(e, "attach the device rules to the cgroup");
}

int cgroup_attach_devices(int dir_fd, const struct plan_device_rule *rules, size_t n, struct ps_err *e)
{
	size_t n_insns = cgroup_bpf_compile(rules, n, NULL, 0);
	ps_auto_mem struct bpf_insn *insns = calloc(n_insns, sizeof(*insns));
	ps_auto_fd int prog = -1;

	if (!insns)
		return ps_fail_os(e, "allocate a BPF program");
	(void)cgroup_bpf_compile(rules, n, insns, n_insns);
	prog = load(insns, n_insns, e);
	return prog < 0 ? -1 : attach(dir_fd, prog, e);
}
