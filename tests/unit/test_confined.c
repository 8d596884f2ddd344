/* SPDX-License-Identifier: Apache-2.0
 * test_confined.c - what permissions take away from a payload that the real init image executes: run, exec, and a launch
 * behind the gate.
 */
#include <linux/audit.h>
#include <poll.h>

#include "tests/unit/plan_test.h"
#include "tests/unit/mount_test.h"

#include "base/proc.h"
#include "ipc/sock.h"
#include "shim/launch/launch.h"
#include "shim/sandbox/landlock.h"

enum { LONG_MS = 20000 };

#ifdef __aarch64__
static const uint32_t native[] = { AUDIT_ARCH_AARCH64 };
#define MKDIR "mkdirat"
enum { NR_MKDIR = SYS_mkdirat };
#else
static const uint32_t native[] = { AUDIT_ARCH_X86_64 };
#define MKDIR "mkdir"
enum { NR_MKDIR = SYS_mkdir };
#endif

static const uint64_t RO = MOUNT_ATTR_RDONLY, NOEXEC = MOUNT_ATTR_NOEXEC,
		      READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, EXEC = LANDLOCK_ACCESS_FS_EXECUTE;

static const char doc[] =
	"{'ociVersion':'1.3.0','root':{'path':'rootfs'},'process':{'user':{'uid':0,'gid':0},'cwd':'/','args':['sh'],"
	"'env':['PATH=/bin'],'noNewPrivileges':true},'linux':{'namespaces':[{'type':'mount'},{'type':'pid'}]},"
	"'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"
	"{'destination':'/lib64','type':'bind','source':'/lib64','options':['rbind','ro','noexec']},"
	"{'destination':'/lib','type':'bind','source':'/lib','options':['rbind','ro','noexec']},"
	"{'destination':'/usr','type':'bind','source':'/usr','options':['rbind','ro','noexec']}]}";

static struct ps_arena arena;
static struct policy policy;
static const struct host *host;
static const struct plan_request request = { .id = "c1", .cgroup_manager = PLAN_CGROUP_DISABLED };

static const struct policy_rebind shell_only[] = { { "test", "/bin/busybox", 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } } };

/* A bundle at /tmp with busybox in it, under two names; nothing is taken away yet. */
static void bundle(void)
{
	struct spec_strs none = { NULL, 0 };

	mt_host();
	CHECK(mkdir(ROOTFS "/bin", 0755) == 0 && mkdir(ROOTFS "/data", 0777) == 0 && mkdir(ROOTFS "/etc", 0755) == 0);
	mt_program(ROOTFS "/bin/busybox");
	mt_program(ROOTFS "/bin/true");
	mt_write(ROOTFS "/etc/passwd", "root:x:0:0:root:/data:/bin/sh\n");
	mt_write(ROOTFS "/data/secret", "secret");
	memset(&arena, 0, sizeof(arena));
	const struct policy *p;

	CHECK_OK(policy_from_oci(&arena, pt_spec(&arena, doc), "/tmp", &p, &e), &e);
	policy = *p;
	policy.devices = NULL;
	policy.n_devices = policy.n_links = 0;
	policy.process.args = none;
	CHECK_OK(host_probe(&arena, &host, &e), &e);
	CHECK_OK(host_probe_policy(&arena, &host, &e), &e);
}

static const struct spec_strs *script(const char *text)
{
	static const char *v[4] = { "/bin/busybox", "sh", "-c" };
	static struct spec_strs args = { v, 4 };

	v[3] = text;
	return &args;
}

static const struct plan *compiled(struct ps_buf *b, uint64_t enter)
{
	if (enter)
		CHECK_OK(plan_compile_exec(&policy, host, &request, enter, b, &e), &e);
	else
		CHECK_OK(plan_compile(&policy, host, &request, b, &e), &e);
	CHECK(plan_view(b->data, b->len));
	return plan_view(b->data, b->len);
}

/* All that it prints, in one line, and "= STATUS". */
static const char *end_of(struct launch *l, int out)
{
	static char text[4096];
	size_t n = 0;
	ssize_t got;
	int status;

	while ((got = read(out, text + n, sizeof(text) - 64 - n)) > 0)
		n += (size_t)got;
	CHECK(ps_pidfd_wait_exit(l->pidfd, LONG_MS) == 0);
	CHECK_OK(ps_pidfd_reap(l->pidfd, &status, &e), &e);
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] == '\n' ? ' ' : text[i];
	(void)snprintf(text + n, sizeof(text) - n, "= %d", status);
	launch_done(l);
	(void)close(out);
	return text;
}

static int wire(struct launch *l)
{
	int p[2];

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	l->stdio[1] = l->stdio[2] = p[1];
	return p[0];
}

static void prepare(struct launch *l)
{
	int rc = launch_prepare(l, &e);

	(void)close(l->stdio[1]);
	CHECK_OK(rc, &e);
}

static const char *run_with(const char *text, int broker)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	policy.process.args = *script(text);
	struct launch l = LAUNCH_INIT(compiled(&b, 0));
	int out = wire(&l);

	l.broker = broker;
	prepare(&l);
	CHECK_OK(launch_go(&l, &e), &e);
	return end_of(&l, out);
}

static const char *run(const char *text) { return run_with(text, -1); }

#define SAYS(call, want)                                                                                     \
	do {                                                                                                 \
		const char *got = (call);                                                                    \
		if (strcmp(got, (want)) != 0) {                                                              \
			(void)fprintf(stderr, "%s:%d: '%s' instead of '%s'\n", __FILE__, __LINE__, got, (want)); \
			_exit(99);                                                                           \
		}                                                                                            \
	} while (0)

/* ---- Programs and libraries ---- */

static void programs(void *arg)
{
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2", libc[] = "/lib/x86_64-linux-gnu/libc.so.6";
	static const struct policy_rebind some[] = {
		{ "test", "/bin/busybox", 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } }, { "test", loader, 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } },
		{ "test", libc, 0, MOUNT_ATTR_NOEXEC, true, false, { 0, 0 } }, { "test", "/usr/bin/true", 0, MOUNT_ATTR_NOEXEC, false, false, { 0, 0 } },
		{ "test", "/data", 0, MOUNT_ATTR_RDONLY, false, false, { 0, 0 } },
	};

	(void)arg;
	bundle();
	policy.rootfs_attr_set = RO | NOEXEC;
	policy.rebinds = shell_only;
	policy.n_rebinds = 1;
	SAYS(run("/bin/true; echo $?; echo >>/bin/true; echo x >/data/x"),
	     "sh: /bin/true: Permission denied 126 sh: can't create /bin/true: Read-only file system "
	     "sh: can't create /data/x: Read-only file system = 1");
	if (access(loader, F_OK) < 0 || access(libc, F_OK) < 0)
		return;
	policy.rebinds = some;
	policy.n_rebinds = PS_COUNT(some);
	SAYS(run("/usr/bin/true; echo $?; /usr/bin/false 2>&-; echo $?; "
		 "/lib64/ld-linux-x86-64.so.2 /usr/bin/true; echo $?; /lib64/ld-linux-x86-64.so.2 /usr/bin/false 2>&-; echo $?; "
		 "cp /bin/true /data/x && chmod +x /data/x && /data/x 2>&-; echo $?"),
	     "0 126 0 127 126 = 0");
}

/* ---- Files ---- */

static void files(void *arg)
{
	static const struct policy_landlock_rule rules[] = {
		{ "test", "/bin", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | (UINT64_C(1) << 62), false, { 0, 0 } },
		{ "test", "/proc", LANDLOCK_ACCESS_FS_READ_FILE, false, { 0, 0 } }, { "test", "/gone", LANDLOCK_ACCESS_FS_READ_FILE, true, { 0, 0 } },
	};

	(void)arg;
	bundle();
	policy.landlock = (struct policy_landlock){ READ | EXEC, 0, rules, PS_COUNT(rules) };
	/* The home is the password file's, which the payload may not read. */
	SAYS(run("echo $HOME; cat /data/secret; busybox ls /; echo $?; /bin/true; echo $?"),
	     "/data cat: can't open '/data/secret': Permission denied ls: can't open '/': Permission denied 1 0 = 0");
}

/* ---- System calls ---- */

/* Answers mkdir(2) with EXDEV until nobody asks any more. */
static int broker(pid_t *ret_pid)
{
	int pair[2];

	CHECK_OK(sock_pair(pair, &e), &e);
	*ret_pid = fork();
	CHECK(*ret_pid >= 0);
	if (*ret_pid > 0) {
		(void)close(pair[0]);
		return pair[1];
	}
	struct launch_listener l;

	(void)close(pair[1]);
	(void)alarm(60);
	CHECK_OK(launch_take_listener(pair[0], LONG_MS, &l, &e), &e);
	for (;;) {
		struct pollfd p = { .fd = l.fd, .events = POLLIN };
		struct seccomp_notif q = { .id = 0 };
		struct seccomp_notif_resp a = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		CHECK(poll(&p, 1, LONG_MS) == 1);
		if (!(p.revents & POLLIN))
			_exit(0);
		if (ioctl(l.fd, SECCOMP_IOCTL_NOTIF_RECV, &q) < 0)
			continue;
		a.id = q.id;
		if (q.data.nr == NR_MKDIR) {
			a.flags = 0;
			a.error = -EXDEV;
		}
		(void)ioctl(l.fd, SECCOMP_IOCTL_NOTIF_SEND, &a);
	}
}

static void broker_ends(int fd, pid_t pid)
{
	int status;

	(void)close(fd);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void system_calls(void *arg)
{
	static const char *const asked[] = { MKDIR, "sendmsg", "openat", "execve", "recvmsg" };
	static const char *const refused[] = { "symlink", "symlinkat" };
	static const struct policy_seccomp_rule rules[] = {
		{ "test", SECCOMP_RET_USER_NOTIF, { asked, PS_COUNT(asked) }, NULL, 0 },
		{ "test", SECCOMP_RET_ERRNO | EBADMSG, { refused, PS_COUNT(refused) }, NULL, 0 },
	};
	ps_auto_buf struct ps_buf b = { .data = NULL }, again = { .data = NULL };
	const uint64_t enter = CLONE_NEWPID | CLONE_NEWNS;
	pid_t answers;
	int fd;

	(void)arg;
	bundle();
	policy.guard = (struct policy_seccomp){ .set = true, .from = "test", .default_action = SECCOMP_RET_ALLOW,
						.archs = native, .n_archs = 1, .rules = rules, .n_rules = PS_COUNT(rules) };
	policy.mdwe = host->mdwe;
	fd = broker(&answers);
	/* Neither the listener nor the socket is the payload's: ls has one descriptor of its own. */
	SAYS(run_with("mkdir /data/d; ln -s x /data/l; busybox ls /proc/self/fd | busybox wc -w", fd),
	     "mkdir: can't create directory '/data/d': Invalid cross-device link "
	     "ln: /data/l: Bad message 4 = 0");
	broker_ends(fd, answers);

	/* exec: in force before the process is in the pid namespace. */
	policy.process.args = *script("while :; do busybox sleep 1; done");
	struct policy_seccomp guard = policy.guard;

	policy.guard.set = false;
	struct launch l = LAUNCH_INIT(compiled(&b, 0));

	CHECK_OK(launch_prepare(&l, &e), &e);
	CHECK_OK(launch_go(&l, &e), &e);
	policy.guard = guard;
	policy.process.args = *script("mkdir /data/d; busybox ls /proc/self/fd | busybox wc -w");
	struct launch x = LAUNCH_INIT(compiled(&again, enter));
	int out = wire(&x);

	x.target_pidfd = l.pidfd;
	x.target_pid = l.pid;
	x.broker = fd = broker(&answers);
	prepare(&x);
	CHECK_OK(launch_go(&x, &e), &e);
	SAYS(end_of(&x, out), "mkdir: can't create directory '/data/d': Invalid cross-device link 4 = 0");
	broker_ends(fd, answers);
	launch_abort(&l);
}

/* ---- A launch behind the gate, with a plan that takes more away ---- */

static int hear(struct launch_gate *g)
{
	int rc;

	while ((rc = launch_gate_hear(g, &e)) == 0)
		;
	return rc;
}

static int gate(void)
{
	ps_auto_fd int dir = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)unlink("/tmp/gate");
	int fd = sock_listen_at(dir, "gate", SOCK_SEQPACKET, &e);

	CHECK(fd >= 0);
	return fd;
}

static void launches(void *arg)
{
	static const struct policy_landlock_rule all[] = { { "test", "/", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, false, { 0, 0 } } },
						 less[] = { { "test", "/bin", LANDLOCK_ACCESS_FS_READ_FILE, false, { 0, 0 } },
							    { "test", "/proc", LANDLOCK_ACCESS_FS_READ_FILE, false, { 0, 0 } } };
	ps_auto_buf struct ps_buf b = { .data = NULL }, second = { .data = NULL };
	struct policy tighter;
	struct launch_gate g;

	(void)arg;
	bundle();
	policy.landlock = (struct policy_landlock){ READ, 0, all, 1 };
	tighter = policy;
	tighter.landlock = (struct policy_landlock){ READ, 0, less, PS_COUNT(less) };
	policy.process.args = *script("cat /data/secret");
	const struct plan *base = compiled(&b, 0);
	struct plan_program program = { .id = "c1" };

	for (int i = 0; i < 2; i++) {
		struct launch l = LAUNCH_INIT(base);
		int out = wire(&l);

		l.gate_fd = gate();
		l.dies_with_us = true;
		prepare(&l);
		(void)close(l.gate_fd);
		if (i == 1)
			program = (struct plan_program){ .id = "c1", .tighter = &tighter, .host = host, .request = &request };
		CHECK_OK(plan_relaunch(base, &program, &second, &e), &e);
		CHECK_OK(launch_gate_open(&g, l.channel, (const void *)second.data, &e), &e);
		CHECK_OK(hear(&g), &e);
		SAYS(end_of(&l, out), i ? "cat: can't open '/data/secret': Permission denied = 1" : "secret= 0");
	}

	/* What gives back is refused by whoever compiles it, and by init, whoever compiled it. */
	tighter.landlock = (struct policy_landlock){ LANDLOCK_ACCESS_FS_READ_DIR, 0, NULL, 0 };
	CHECK_ERR(plan_relaunch(base, &program, &second, &e), &e, "a launch cannot take less away than its runner's own permissions");
	struct launch l = LAUNCH_INIT(base);
	int out = wire(&l);

	l.gate_fd = gate();
	l.dies_with_us = true;
	prepare(&l);
	(void)close(l.gate_fd);
	program.tighter = NULL;
	CHECK_OK(plan_relaunch(base, &program, &second, &e), &e);
	((struct plan *)(void *)second.data)->landlock_fs = 0;
	CHECK_OK(launch_gate_open(&g, l.channel, (const void *)second.data, &e), &e);
	CHECK(hear(&g) < 0 && strstr(e.msg, "the plan of this launch is not one of this runner"));
	launch_abort(&l);
	(void)close(out);
}

/* ---- Failures reach whoever launches ---- */

static void failures(void *arg)
{
	static const struct policy_landlock_rule gone[] = { { "config.json#/x", "/gone", LANDLOCK_ACCESS_FS_READ_FILE, false, { 0, 0 } } };
	static const char *const all_sends[] = { "sendmsg", "sendto" };
	static const struct policy_seccomp_rule rules[] = { { "test", SECCOMP_RET_USER_NOTIF, { all_sends, 2 }, NULL, 0 } };
	ps_auto_buf struct ps_buf b = { .data = NULL };
	int pair[2];

	(void)arg;
	bundle();
	policy.process.args = *script("true");
	policy.landlock = (struct policy_landlock){ READ, 0, gone, 1 };
	struct launch l = LAUNCH_INIT(compiled(&b, 0));

	CHECK_ERR(launch_prepare(&l, &e), &e, "Landlock: rule for '/gone': the container has no such path");
	CHECK(!strcmp(e.where, "config.json: /x"));

	/* The program itself does not run: so it says before anything is started. */
	policy.landlock.handled_fs = 0;
	policy.landlock.n_rules = 0;
	policy.rootfs_attr_set = NOEXEC;
	l = (struct launch)LAUNCH_INIT(compiled(&b, 0));
	CHECK_ERR(launch_prepare(&l, &e), &e, "exec: \"/bin/busybox\": permission denied");

	/* A supervisor that is gone, and a guard that stops even the words of init: not taken for a success. */
	policy.rootfs_attr_set = 0;
	policy.guard = (struct policy_seccomp){ .set = true, .from = "test", .default_action = SECCOMP_RET_ALLOW,
						.archs = native, .n_archs = 1, .rules = rules, .n_rules = 1 };
	l = (struct launch)LAUNCH_INIT(compiled(&b, 0));
	CHECK_OK(sock_pair(pair, &e), &e);
	(void)close(pair[0]);
	l.broker = pair[1];
	CHECK_OK(launch_prepare(&l, &e), &e);
	CHECK(launch_go(&l, &e) < 0 && e.cls == PS_E_PEER);
	l = (struct launch)LAUNCH_INIT(l.plan);
	/* Without a gate init gives up its rights while it is recorded, and may be heard before that is done. */
	CHECK_ERR(launch_prepare(&l, &e) < 0 ? -1 : launch_go(&l, &e), &e, "the guard asks a supervisor, and there is none");
}

/* ---- Kernel parameters ---- */

static void memfd(void *arg)
{
	static const struct spec_kv no_exec[] = { { "vm/memfd_noexec", "2", "config.json#/linux/sysctl/vm.memfd_noexec" } };
	ps_auto_buf struct ps_buf b = { .data = NULL };

	(void)arg;
	bundle();
	policy.sysctl = no_exec;
	policy.n_sysctl = 1;
	SAYS(run("cat /proc/sys/vm/memfd_noexec"), "2 = 0");
	struct policy_ns *pid = (struct policy_ns *)(uintptr_t)policy_ns_get(&policy, CLONE_NEWPID);

	pid->mode = POLICY_NS_HOST;
	CHECK_ERR(plan_compile(&policy, host, &request, &b, &e), &e,
		  "sysctl 'vm/memfd_noexec' takes a pid namespace of the container's own");
}

#define CONFINED_TEST(fn)                                                                                            \
	static void test_##fn(void **state)                                                                          \
	{                                                                                                            \
		(void)state;                                                                                         \
		if (!mt_can_mount() || geteuid() != 0 ||                                                             \
		    ps_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 3)                    \
			skip();                                                                                      \
		assert_int_equal(in_child(fn, NULL), 0);                                                             \
	}
CONFINED_TEST(programs)
CONFINED_TEST(files)
CONFINED_TEST(system_calls)
CONFINED_TEST(launches)
CONFINED_TEST(failures)
CONFINED_TEST(memfd)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs), cmocka_unit_test(test_files), cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_launches), cmocka_unit_test(test_failures), cmocka_unit_test(test_memfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
