/* SPDX-License-Identifier: Apache-2.0
 * test_restrict_net.c - net, and the guard as a whole: what its program says to calls, on a simulator.
 */
#include "tests/unit/restrict_test.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "shim/policy/arch.h"
#include "tests/sim/bpf_sim.h"

/* Files and code are nobody's business here. */
#define REST ALLOW(READ, "*"), ALLOW(WRITE, "*"), ALLOW(RUN, "*"), ALLOW(SYS, "*")
#define HOST_NET "{'type':'mount'},{'type':'pid'},{'type':'uts'}"
#define NO_PID "{'type':'mount'},{'type':'network'},{'type':'uts'}"
#define ANY UINT64_C(0xdead00000000)

enum { OK = SECCOMP_RET_ALLOW, ASK = SECCOMP_RET_USER_NOTIF };
#define E(e) (SECCOMP_RET_ERRNO | (e))

struct call { int nr; uint64_t args[6]; uint32_t want; };

static uint32_t says(struct rt *t, int nr, const uint64_t args[6])
{
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	struct seccomp_data d = { .nr = nr, .arch = ARCH_NATIVE };
	uint32_t result = 0;

	if (!t->p->guard.set)
		return SECCOMP_RET_ALLOW;
	if (plan_seccomp_compile(&t->p->guard, &prog, &t->e) < 0)
		fail_msg("%s", t->e.msg);
	memcpy(d.args, args, sizeof(d.args));
	assert_true(bpf_sim_run((const void *)prog.data, prog.len / sizeof(struct sock_filter), &d, &result));
	return result;
}

static void expect(struct rt *t, const char *what, const struct call *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t got = says(t, v[i].nr, v[i].args);

		if (got != v[i].want)
			fail_msg("%s: call %zu (%d) gets 0x%x, not 0x%x", what, i, v[i].nr, got, v[i].want);
	}
}
#define EXPECT(t, what, ...)                                                       \
	do {                                                                       \
		const struct call calls[] = { __VA_ARGS__ };                       \
		expect(t, what, calls, PS_COUNT(calls));                           \
	} while (0)
#define SOCKET(family, type, proto, want) { SYS_socket, { family, type, proto }, want }

static void sockets_of_other_kinds(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), REST);
	EXPECT(t, "sockets", SOCKET(AF_INET, SOCK_STREAM, 0, OK), SOCKET(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 6, OK),
	       SOCKET(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 17, OK), SOCKET(AF_NETLINK, SOCK_RAW, 0, OK),
	       SOCKET(AF_NETLINK, SOCK_RAW, 4, E(EAFNOSUPPORT)), SOCKET(AF_UNIX, SOCK_STREAM, 0, E(EAFNOSUPPORT)),
	       SOCKET(AF_INET, SOCK_STREAM, 262 /* MPTCP */, E(EPROTONOSUPPORT)),
	       SOCKET(AF_INET6, SOCK_STREAM, 132 /* SCTP */, E(EPROTONOSUPPORT)),
	       SOCKET(AF_INET, SOCK_DGRAM, 136 /* UDP-Lite */, E(EPROTONOSUPPORT)),
	       SOCKET(AF_INET, SOCK_DGRAM, 1 /* ICMP */, E(EACCES)),
	       SOCKET(AF_INET6, SOCK_DGRAM, 58 /* ICMPv6 */, E(EPROTONOSUPPORT)),
	       SOCKET(AF_INET, SOCK_RAW, 255, E(EPERM)), SOCKET(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 0, E(EPERM)),
	       SOCKET(AF_INET, 10 /* SOCK_PACKET */, 3, E(EPERM)), SOCKET(AF_INET, SOCK_SEQPACKET, 0, E(EPROTONOSUPPORT)),
	       SOCKET(17 /* AF_PACKET */, SOCK_RAW, 3, E(EAFNOSUPPORT)), SOCKET(40 /* AF_VSOCK */, SOCK_STREAM, 0, E(EAFNOSUPPORT)),
	       SOCKET(43 /* AF_SMC */, SOCK_STREAM, 0, E(EAFNOSUPPORT)), SOCKET(38 /* AF_ALG */, 5, 0, E(EAFNOSUPPORT)),
	       SOCKET(0, 1, 0, E(EAFNOSUPPORT)), SOCKET(9, 5, 0, E(EAFNOSUPPORT)),
	       /* The kernel takes ints: what is above them changes nothing, or is refused. */
	       SOCKET(ANY | AF_UNIX, SOCK_STREAM, 0, E(EAFNOSUPPORT)), SOCKET(ANY | AF_INET, ANY | SOCK_RAW, 0, E(EPERM)),
	       SOCKET(AF_INET, ANY | SOCK_RAW, 0, E(EPERM)), SOCKET(AF_INET, ANY | SOCK_STREAM, ANY | 262, E(EPROTONOSUPPORT)),
	       SOCKET(UINT64_MAX, 1, 0, E(EAFNOSUPPORT)));
	EXPECT(t, "pairs", { SYS_socketpair, { AF_UNIX, SOCK_STREAM }, OK }, { SYS_socketpair, { AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC }, OK },
	       { SYS_socketpair, { AF_UNIX, SOCK_DGRAM }, E(EPROTONOSUPPORT) }, { SYS_socketpair, { AF_UNIX, SOCK_RAW }, E(EPROTONOSUPPORT) },
	       { SYS_socketpair, { 30 /* AF_TIPC */, SOCK_STREAM }, E(EAFNOSUPPORT) });
}

static void an_empty_network_asks_nobody(void **state)
{
	struct rt *t = *state;

	t->host.notify = false;
	RESTRICT(t, RT_DOC("", ""), REST);
	EXPECT(t, "empty", { SYS_connect, { 3 }, OK }, { SYS_bind, { 3 }, OK }, { SYS_sendto, { 3, 0, 0, 0, 0x1000 }, OK },
	       { SYS_sendto, { 3, 0, 0, 0x20000000, 0x1000 }, E(EOPNOTSUPP) });
	/* Nothing is denied of what there is not. */
	RESTRICT(t, RT_DOC("", ""), DENY(NET, "10.0.0.0/8"));
	assert_false(t->p->guard.set);
	t->host.notify = true;
	RESTRICT(t, RT_DOC("", ""), DENY(NET, "unix:/run/x"));
	EXPECT(t, "a path", { SYS_connect, { 3 }, ASK }, SOCKET(AF_UNIX, SOCK_DGRAM, 0, OK));
}

static void allowed_connections_are_the_supervisors(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "example.com:443"));
	EXPECT(t, "asked", { SYS_connect, { 3 }, ASK }, { SYS_bind, { 3 }, ASK }, { SYS_listen, { 3 }, ASK },
	       { SYS_sendto, { 3, 0, 0, 0, 0x1000 }, ASK }, { SYS_sendto, { 3, 0, 0, 0, 0 }, OK },
	       { SYS_sendmsg, { 3 }, ASK }, { SYS_sendmmsg, { 3 }, ASK }, { SYS_accept4, { 3 }, OK }, { SYS_recvmsg, { 3 }, OK });
	EXPECT(t, "fast open", { SYS_sendto, { 3, 0, 0, 0x20000000, 0x1000 }, E(EOPNOTSUPP) },
	       { SYS_sendto, { 3, 0, 0, ANY | 0x20000040, 0 }, E(EOPNOTSUPP) }, { SYS_sendmsg, { 3, 0, 0x20000000 }, E(EOPNOTSUPP) },
	       { SYS_sendmmsg, { 3, 0, 1, 0x20000000 }, E(EOPNOTSUPP) }, { SYS_setsockopt, { 3, 6, 30 }, E(EOPNOTSUPP) },
	       { SYS_setsockopt, { 3, ANY | 6, ANY | 23 }, E(EOPNOTSUPP) }, { SYS_setsockopt, { 3, 6, 1 }, OK });
	EXPECT(t, "interfaces and routes", { SYS_setsockopt, { 3, 1, 25 }, E(EPERM) }, { SYS_setsockopt, { 3, 1, 62 }, E(EPERM) },
	       { SYS_setsockopt, { 3, 0, 4 }, E(EPERM) }, { SYS_setsockopt, { 3, 41, 57 }, E(EPERM) }, { SYS_setsockopt, { 3, 1, 2 }, OK });
	/* The host's sockets show nothing of the host. */
	EXPECT(t, "swapped", { SYS_ioctl, { 3, 0x8912 /* SIOCGIFCONF */ }, E(EPERM) }, { SYS_ioctl, { 3, ANY | 0x8927 }, E(EPERM) },
	       { SYS_ioctl, { 3, 0x8b01 }, E(EPERM) }, { SYS_ioctl, { 3, 0x541b /* FIONREAD */ }, OK });
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), REST, ALLOW(NET, "example.com:443"));
	EXPECT(t, "the host's", { SYS_ioctl, { 3, 0x8912 }, OK }, { SYS_connect, { 3 }, ASK },
	       SOCKET(AF_NETLINK, SOCK_RAW, 0, OK));
	t->host.notify = false;
	REFUSES(t, RT_DOC("", ""), "net: 'example.com:443' needs a supervisor that decides, and there is none", REST,
		ALLOW(NET, "example.com:443"));
	REFUSES(t, RT_DOC("", ""), "net: 'vsock:2:80': sockets of virtual machines cannot be limited to some", REST,
		ALLOW(NET, "vsock:2:80"));
}

static void somebody_elses_network(void **state)
{
	struct rt *t = *state;

	/* Nothing allowed: the supervisor refuses, and tells; without one there are no sockets. */
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(READ, "*"));
	EXPECT(t, "told", { SYS_connect, { 3 }, ASK }, SOCKET(AF_INET, SOCK_STREAM, 0, OK),
	       SOCKET(AF_NETLINK, SOCK_RAW, 0, E(EAFNOSUPPORT)));
	assert_true(t->p->landlock.scoped & LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET);
	t->host.notify = false;
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(READ, "*"));
	EXPECT(t, "closed", { SYS_connect, { 3 }, OK }, SOCKET(AF_INET, SOCK_STREAM, 0, E(EACCES)),
	       SOCKET(AF_INET6, SOCK_DGRAM, 0, E(EACCES)));
	t->host.notify = true;
	/* A namespace that hooks fill is not empty. */
	RESTRICT(t, RT_DOC("", ",'hooks':{'prestart':[{'path':'/bin/net'}]}"), ALLOW(READ, "*"));
	EXPECT(t, "hooks", { SYS_connect, { 3 }, ASK }, SOCKET(AF_NETLINK, SOCK_RAW, 0, E(EAFNOSUPPORT)));
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), DENY(NET, "private"));
	EXPECT(t, "denied", { SYS_connect, { 3 }, ASK });
	t->host.notify = false;
	REFUSES(t, RT_DOC_NS(HOST_NET, "", ""), "net: 'private' needs a supervisor that decides, and there is none",
		DENY(NET, "private"));
}

static void paths_and_echoes_where_listed(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "unix:/run/db.sock"));
	EXPECT(t, "unix", SOCKET(AF_UNIX, SOCK_STREAM, 0, OK), { SYS_socketpair, { AF_UNIX, SOCK_DGRAM }, OK },
	       { SYS_connect, { 3 }, ASK }, { SYS_ioctl, { 3, 0x8912 }, OK });
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), REST, ALLOW(NET, "icmp:10.0.0.1"));
	EXPECT(t, "icmp", SOCKET(AF_INET, SOCK_DGRAM, 1, OK), SOCKET(AF_INET6, SOCK_DGRAM, 58, OK),
	       SOCKET(AF_INET6, SOCK_DGRAM, 115 /* L2TP */, E(EPROTONOSUPPORT)), SOCKET(AF_INET, SOCK_RAW, 1, E(EPERM)));
}

static void a_network_without_limits_has_none(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), REST, ALLOW(NET, "*"));
	EXPECT(t, "open", { SYS_connect, { 3 }, OK }, SOCKET(17, SOCK_RAW, 3, OK), SOCKET(AF_INET, SOCK_STREAM, 262, OK));
	/* -A is no word about a network that has nothing, --allow-net is. */
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(ENV, "*"), ALLOW(FFI, "*"), ALLOW(NET, "*"));
	EXPECT(t, "-A", { SYS_connect, { 3 }, OK }, SOCKET(17, SOCK_RAW, 3, OK));
	assert_true(t->p->process.caps.bounding & 1ULL << CAP_NET_RAW);
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), ALLOW(NET, "*"));
	EXPECT(t, "swapped", { SYS_connect, { 3 }, ASK }, { SYS_ioctl, { 3, 0x8912 }, E(EPERM) }, SOCKET(17, SOCK_RAW, 3, E(EAFNOSUPPORT)),
	       SOCKET(AF_UNIX, SOCK_STREAM, 0, OK));
	t->host.notify = false;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"), ALLOW(NET, "*"));
	EXPECT(t, "nobody", { SYS_connect, { 3 }, OK }, SOCKET(17, SOCK_RAW, 3, OK));
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(NET, "*"), DENY(NET, "*"));
	EXPECT(t, "denied", SOCKET(17, SOCK_RAW, 3, E(EAFNOSUPPORT)), SOCKET(AF_INET, SOCK_STREAM, 262, E(EPROTONOSUPPORT)));
	assert_false(t->p->process.caps.bounding & 1ULL << CAP_NET_RAW);
}

static void asking_and_watching(void **state)
{
	struct rt *t = *state;

	t->settings.mode.set = true;
	t->settings.mode.v = PERM_ASK;
	RESTRICT(t, RT_DOC("", ""), REST);
	EXPECT(t, "ask", { SYS_connect, { 3 }, ASK });
	t->settings.mode.v = PERM_AUDIT;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	EXPECT(t, "audit", { SYS_connect, { 3 }, ASK }, SOCKET(17, SOCK_RAW, 3, OK), { SYS_io_uring_setup, { 0 }, E(ENOSYS) },
	       { SYS_mount, { 0 }, OK }, { SYS_openat, { 0 }, OK });
	t->host.audit_files = true;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	EXPECT(t, "files", { SYS_openat, { 0 }, ASK }, { SYS_execve, { 0 }, ASK }, { SYS_io_uring_enter, { 0 }, E(ENOSYS) });
	t->settings.mode.set = false;
	/* Who learns wants to know of every call. */
	t->host.tell_calls = true;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	EXPECT(t, "calls", { SYS_getpid, { 0 }, ASK }, { 999, { 0 }, ASK }, { SYS_sendto, { 3, 0, 0, 0, 0 }, ASK }, { SYS_read, { 0 }, OK },
	       { SYS_futex, { 0 }, OK }, { SYS_io_uring_enter, { 0 }, E(ENOSYS) }, { SYS_mount, { 0 }, E(EPERM) });
	t->host.tell_calls = false;
	/* Denials in an empty network are told of where that is asked for. */
	t->settings.audit.set = true;
	t->settings.audit.denied = 1U << POLICY_NET;
	RESTRICT(t, RT_DOC("", ""), REST);
	EXPECT(t, "told", { SYS_connect, { 3 }, ASK }, { SYS_ioctl, { 3, 0x8912 }, OK });
}

static void rules_that_ask(void **state)
{
	const struct spec_seccomp_arg args[] = { { 4, 0, 0, "SCMP_CMP_NE" }, { 3, 0xf0, 0x10, "SCMP_CMP_MASKED_EQ" }, { 0, 2, 0, "SCMP_CMP_GT" } };
	struct policy_seccomp_rule rule = { .action = ASK, .args = args, .n_args = PS_COUNT(args) };

	(void)state;
	assert_true(guard_rule_asks(&rule, (const uint64_t[6]){ 3, 0, 0, 0x1f, 1 }));
	assert_false(guard_rule_asks(&rule, (const uint64_t[6]){ 2, 0, 0, 0x1f, 1 }));
	assert_false(guard_rule_asks(&rule, (const uint64_t[6]){ 3, 0, 0, 0x2f, 1 }));
	assert_false(guard_rule_asks(&rule, (const uint64_t[6]){ 3, 0, 0, 0x1f, 0 }));
	rule.n_args = 0;
	assert_true(guard_rule_asks(&rule, (const uint64_t[6]){ 0 }));
	rule.action = OK;
	assert_false(guard_rule_asks(&rule, (const uint64_t[6]){ 0 }));
}

static void what_would_undo_the_rest(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(NET, "*"), ALLOW(READ, "/work"));
	EXPECT(t, "kernel", { SYS_io_uring_setup, { 0 }, E(ENOSYS) }, { SYS_userfaultfd, { 0 }, E(EPERM) }, { SYS_bpf, { 0 }, E(EPERM) },
	       { SYS_keyctl, { 0 }, E(EPERM) }, { SYS_perf_event_open, { 0 }, E(EPERM) }, { SYS_clone3, { 0 }, E(ENOSYS) },
	       { SYS_clone, { 0x10000000 }, E(EPERM) }, { SYS_clone, { 0x11 }, OK }, { SYS_clone, { ANY | 0x10000011 }, E(EPERM) },
	       { SYS_unshare, { 0x10020000 }, E(EPERM) }, { SYS_ioctl, { 0, 0x5412 }, E(EPERM) },
	       { SYS_ioctl, { 0, ANY | 0x5412 }, E(EPERM) }, { SYS_ioctl, { 0, 0x541c }, E(EPERM) }, { SYS_ioctl, { 0, 0x5401 }, OK });
	EXPECT(t, "mounts", { SYS_mount, { 0 }, E(EPERM) }, { SYS_umount2, { 0 }, E(EPERM) }, { 428 /* open_tree */, { 0 }, E(EPERM) },
	       { 429 /* move_mount */, { 0 }, E(EPERM) }, { SYS_pivot_root, { 0 }, E(EPERM) }, { SYS_setns, { 0 }, E(EPERM) },
	       { SYS_open_by_handle_at, { 0 }, E(EPERM) }, { 442 /* mount_setattr */, { 0 }, E(EPERM) });
	EXPECT(t, "code", { SYS_ptrace, { 0 }, E(EPERM) }, { SYS_process_vm_writev, { 0 }, E(EPERM) }, { SYS_process_vm_readv, { 0 }, OK },
	       { SYS_shmat, { 0, 0, 0100000 }, E(EACCES) }, { SYS_shmat, { 0, 0, 010000 }, OK },
	       { SYS_personality, { 0x400000 }, E(EPERM) }, { SYS_personality, { 8 }, OK }, { SYS_memfd_create, { 0 }, E(ENOSYS) },
	       { SYS_mmap, { 0 }, OK }, { SYS_execve, { 0 }, OK });
	/* Only sockets are limited. */
	RESTRICT(t, RT_DOC("", ""), REST, ALLOW(FFI, "*"), ALLOW(NET, "10.0.0.1"));
	EXPECT(t, "net alone", { SYS_mount, { 0 }, OK }, { SYS_ptrace, { 0 }, OK }, { SYS_memfd_create, { 0 }, OK },
	       { SYS_userfaultfd, { 0 }, E(EPERM) }, { SYS_io_uring_setup, { 0 }, E(ENOSYS) });
	/* What uname and sysinfo tell is made up where somebody speaks of it. */
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), DENY(SYS, "osRelease"));
	EXPECT(t, "sys", { SYS_uname, { 0 }, ASK }, { SYS_sysinfo, { 0 }, OK }, { SYS_mount, { 0 }, E(EPERM) });
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(NET, "*"), ALLOW(SYS, "loadavg,osRelease"));
	EXPECT(t, "sys", { SYS_uname, { 0 }, OK }, { SYS_sysinfo, { 0 }, ASK });
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(NET, "*"));
	EXPECT(t, "sys", { SYS_uname, { 0 }, OK }, { SYS_sysinfo, { 0 }, OK });
	/* Only variables: no filter at all. */
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "A"));
	assert_false(t->p->guard.set);
}

static void devices_that_stop_the_supervisor(void **state)
{
	struct rt *t = *state;
	const char *doc = "{'ociVersion':'1.3.0','root':{'path':'rootfs'},'linux':{'namespaces':[" RT_NS "]"
			  ",'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229},{'path':'/dev/x','type':'c','major':1,'minor':1}]}}";

	RESTRICT(t, doc, REST, ALLOW(NET, "10.0.0.1"));
	assert_int_equal(t->p->n_devices, pt_policy(&t->a, doc)->n_devices - 1);
	assert_string_equal(t->p->devices[t->p->n_devices - 1].path, "/dev/x");
	assert_true(rt_says(&t->p->notes, "'/dev/fuse' is not made"));
}

/* In sight, or with capabilities, others would do what is denied. */
static void nobody_elses_processes(void **state)
{
	struct rt *t = *state;
	const uint64_t all = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REFER;

	RESTRICT(t, RT_DOC_NS(NO_PID, "", ""), DENY(NET, "10.0.0.1"));
	assert_int_equal(t->p->landlock.handled_fs, all);
	assert_int_equal(rt_access(t, "/"), all);
	assert_false(t->p->process.caps.bounding & 1ULL << CAP_SYS_ADMIN);
	RESTRICT(t, RT_DOC_NS(NO_PID, "", ""), DENY(READ, "/work/in"));
	assert_int_equal(t->p->landlock.handled_fs, all);
	RESTRICT(t, RT_DOC_NS(NO_PID, "", ""), ALLOW(READ, "/work"));
	assert_int_equal(rt_access(t, "/"), 0);
	/* Neither where nothing is limited, nor where nobody is in sight. */
	RESTRICT(t, RT_DOC_NS(NO_PID, "", ""), DENY(ENV, "A"));
	assert_int_equal(t->p->landlock.handled_fs, 0);
	assert_true(t->p->process.caps.bounding & 1ULL << CAP_SYS_ADMIN);
	RESTRICT(t, RT_DOC("", ""), DENY(NET, "10.0.0.1"));
	assert_int_equal(t->p->landlock.handled_fs, 0);
	assert_false(t->p->process.caps.bounding & 1ULL << CAP_SYS_ADMIN);
	t->host.landlock_abi = 0;
	REFUSES(t, RT_DOC_NS(NO_PID, "", ""),
		"run: processes of others are in sight: without Landlock they could be made to do what is denied", DENY(NET, "10.0.0.1"));
}

static bool is_readonly(const struct rt *t, const char *path)
{
	for (size_t i = 0; i < t->p->n_readonly; i++)
		if (!strcmp(t->p->readonly[i].path, path))
			return true;
	return false;
}

static void the_kernels_own_files(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC(",{'destination':'/k','type':'bind','source':'/sys/kernel','options':['rbind']}", ""), DENY(NET, "10.0.0.1"));
	assert_true(is_readonly(t, "/proc/sys") && is_readonly(t, "/proc/sysrq-trigger"));
	assert_true(rt_mount(t, "/sys")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(rt_mount(t, "/k")->rec_set & MOUNT_ATTR_RDONLY);
	assert_false(rt_mount(t, "/proc")->attr_set & MOUNT_ATTR_RDONLY);
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "A"));
	assert_int_equal(t->p->n_readonly, 0);
	/* Limits are about cgroups, too. */
	t->settings.pids = (struct perm_limit){ .set = true, .v = 10 };
	RESTRICT(t, RT_DOC(",{'destination':'/c','type':'cgroup','source':'cgroup'}", ""), ALLOW(ENV, "*"));
	assert_true(is_readonly(t, "/proc/sys"));
	assert_true(rt_mount(t, "/c")->attr_set & MOUNT_ATTR_RDONLY);
	assert_false(t->p->process.caps.bounding & 1ULL << CAP_SYS_ADMIN);
}

static void sockets_keep_their_names(void **state)
{
	struct rt *t = *state;
	ps_auto_mem char *doc = rt_text(RT_DOC(",{'destination':'/work','type':'bind','source':'%s/work','options':['rbind']}", ""), t->path);

	rt_file(t, "work/run/in/db.sock");
	RESTRICT(t, doc, REST, ALLOW(NET, "unix:/work/run/in/db.sock"));
	assert_int_equal(t->p->landlock.handled_fs, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER);
	assert_int_equal(rt_access(t, "/"), LANDLOCK_ACCESS_FS_REFER);
	assert_non_null(rt_rebind(t, "/work/run/in"));
	assert_non_null(rt_rebind(t, "/work/run"));
	assert_null(rt_rebind(t, "/work"));
	RESTRICT(t, doc, ALLOW(READ, "*"), ALLOW(WRITE, "/work"), ALLOW(NET, "unix:/work/run/in/db.sock"));
	assert_true(t->p->landlock.handled_fs & LANDLOCK_ACCESS_FS_MAKE_SOCK);
	assert_true(rt_access(t, "/work") & LANDLOCK_ACCESS_FS_MAKE_REG);
	assert_false(rt_access(t, "/work") & LANDLOCK_ACCESS_FS_MAKE_SOCK);
	/* Where nothing is written, no name changes. */
	RESTRICT(t, doc, ALLOW(READ, "*"), ALLOW(WRITE, "/tmp"), ALLOW(NET, "unix:/work/run/in/db.sock"));
	assert_true(rt_access(t, "/tmp") & LANDLOCK_ACCESS_FS_MAKE_SOCK);
	assert_null(rt_rebind(t, "/work/run"));
	/* A denial needs no more. */
	RESTRICT(t, doc, DENY(NET, "unix:/work/run/in/db.sock"));
	assert_int_equal(t->p->landlock.handled_fs, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER);
	assert_non_null(rt_rebind(t, "/work/run"));
	REFUSES(t, doc, "net: the folder of 'unix:/work/no/db.sock' is missing, and another one could get its name", REST,
		ALLOW(NET, "unix:/work/no/db.sock"));
	t->host.landlock_abi = 0;
	REFUSES(t, doc, "net: 'unix:/work/run/in/db.sock' is in a folder that may be written: without Landlock another socket could get its name",
		REST, ALLOW(NET, "unix:/work/run/in/db.sock"));
}

static void interfaces_of_others(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(READ, "*"), ALLOW(NET, "*"));
	EXPECT(t, "hidden", { SYS_ioctl, { 3, 0x8912 }, E(EPERM) }, { SYS_ioctl, { 3, ANY | 0x8933 }, E(EPERM) },
	       { SYS_ioctl, { 3, 0x8946 }, E(EPERM) }, { SYS_ioctl, { 3, 0x8b01 }, E(EPERM) }, { SYS_ioctl, { 3, 0x8905 }, OK },
	       { SYS_ioctl, { 3, 0x5401 }, OK }, SOCKET(AF_NETLINK, SOCK_RAW, 0, E(EAFNOSUPPORT)), SOCKET(AF_INET, SOCK_RAW, 1, OK));
	assert_true(rt_says(&t->p->notes, "/proc/self/net tells"));
	RESTRICT(t, RT_DOC_NS(HOST_NET, "", ""), ALLOW(READ, "*"), ALLOW(NET, "*"), ALLOW(SYS, "networkInterfaces"));
	EXPECT(t, "shown", { SYS_ioctl, { 3, 0x8912 }, OK }, SOCKET(AF_NETLINK, SOCK_RAW, 0, OK));
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"), DENY(SYS, "networkInterfaces"));
	EXPECT(t, "empty", { SYS_ioctl, { 3, 0x8912 }, OK });
	REFUSES(t, RT_DOC_NS(HOST_NET, "", ""), "sys: 'networkInterfaces' of a network that is not its own are in /proc/self/net",
		DENY(SYS, "networkInterfaces"));
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		BOX(sockets_of_other_kinds),
		BOX(an_empty_network_asks_nobody),
		BOX(allowed_connections_are_the_supervisors),
		BOX(somebody_elses_network),
		BOX(paths_and_echoes_where_listed),
		BOX(a_network_without_limits_has_none),
		BOX(asking_and_watching),
		BOX(what_would_undo_the_rest), cmocka_unit_test(rules_that_ask),
		BOX(devices_that_stop_the_supervisor),
		BOX(nobody_elses_processes),
		BOX(the_kernels_own_files),
		BOX(sockets_keep_their_names),
		BOX(interfaces_of_others),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
