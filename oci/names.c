/* SPDX-License-Identifier: Apache-2.0
 * names.c - the name lists of config.json that are not mount options or seccomp, and the parsers of names.
 */
#include "oci/names.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <time.h>

#include "base/abi.h"
#include "base/num.h"
#include "base/scope.h"

const struct ps_name names_namespace[] = {
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "mount", CLONE_NEWNS },
	{ "network", CLONE_NEWNET },
	{ "pid", CLONE_NEWPID },
	{ "time", CLONE_NEWTIME },
	{ "user", CLONE_NEWUSER },
	{ "uts", CLONE_NEWUTS },
};
const size_t n_names_namespace = PS_COUNT(names_namespace);

const struct ps_name names_rlimit[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};
const size_t n_names_rlimit = PS_COUNT(names_rlimit);

const struct ps_name names_signal[] = {
	{ "ABRT", SIGABRT },
	{ "ALRM", SIGALRM },
	{ "BUS", SIGBUS },
	{ "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },
	{ "CONT", SIGCONT },
	{ "FPE", SIGFPE },
	{ "HUP", SIGHUP },
	{ "ILL", SIGILL },
	{ "INT", SIGINT },
	{ "IO", SIGIO },
	{ "IOT", SIGIOT },
	{ "KILL", SIGKILL },
	{ "PIPE", SIGPIPE },
	{ "POLL", SIGPOLL },
	{ "PROF", SIGPROF },
	{ "PWR", SIGPWR },
	{ "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV },
	{ "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP },
	{ "SYS", SIGSYS },
	{ "TERM", SIGTERM },
	{ "TRAP", SIGTRAP },
	{ "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },
	{ "URG", SIGURG },
	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
	{ "VTALRM", SIGVTALRM },
	{ "WINCH", SIGWINCH },
	{ "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ },
};
const size_t n_names_signal = PS_COUNT(names_signal);

const struct ps_name names_capability[] = {
	{ "CAP_AUDIT_CONTROL", CAP_AUDIT_CONTROL },
	{ "CAP_AUDIT_READ", CAP_AUDIT_READ },
	{ "CAP_AUDIT_WRITE", CAP_AUDIT_WRITE },
	{ "CAP_BLOCK_SUSPEND", CAP_BLOCK_SUSPEND },
	{ "CAP_BPF", CAP_BPF },
	{ "CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE },
	{ "CAP_CHOWN", CAP_CHOWN },
	{ "CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE },
	{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
	{ "CAP_FOWNER", CAP_FOWNER },
	{ "CAP_FSETID", CAP_FSETID },
	{ "CAP_IPC_LOCK", CAP_IPC_LOCK },
	{ "CAP_IPC_OWNER", CAP_IPC_OWNER },
	{ "CAP_KILL", CAP_KILL },
	{ "CAP_LEASE", CAP_LEASE },
	{ "CAP_LINUX_IMMUTABLE", CAP_LINUX_IMMUTABLE },
	{ "CAP_MAC_ADMIN", CAP_MAC_ADMIN },
	{ "CAP_MAC_OVERRIDE", CAP_MAC_OVERRIDE },
	{ "CAP_MKNOD", CAP_MKNOD },
	{ "CAP_NET_ADMIN", CAP_NET_ADMIN },
	{ "CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE },
	{ "CAP_NET_BROADCAST", CAP_NET_BROADCAST },
	{ "CAP_NET_RAW", CAP_NET_RAW },
	{ "CAP_PERFMON", CAP_PERFMON },
	{ "CAP_SETFCAP", CAP_SETFCAP },
	{ "CAP_SETGID", CAP_SETGID },
	{ "CAP_SETPCAP", CAP_SETPCAP },
	{ "CAP_SETUID", CAP_SETUID },
	{ "CAP_SYSLOG", CAP_SYSLOG },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
	{ "CAP_SYS_BOOT", CAP_SYS_BOOT },
	{ "CAP_SYS_CHROOT", CAP_SYS_CHROOT },
	{ "CAP_SYS_MODULE", CAP_SYS_MODULE },
	{ "CAP_SYS_NICE", CAP_SYS_NICE },
	{ "CAP_SYS_PACCT", CAP_SYS_PACCT },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
	{ "CAP_SYS_RAWIO", CAP_SYS_RAWIO },
	{ "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE },
	{ "CAP_SYS_TIME", CAP_SYS_TIME },
	{ "CAP_SYS_TTY_CONFIG", CAP_SYS_TTY_CONFIG },
	{ "CAP_WAKE_ALARM", CAP_WAKE_ALARM },
};
const size_t n_names_capability = PS_COUNT(names_capability);

const struct ps_name names_propagation[] = {
	{ "private", MS_PRIVATE },
	{ "rprivate", MS_PRIVATE | MS_REC },
	{ "rshared", MS_SHARED | MS_REC },
	{ "rslave", MS_SLAVE | MS_REC },
	{ "runbindable", MS_UNBINDABLE | MS_REC },
	{ "shared", MS_SHARED },
	{ "slave", MS_SLAVE },
	{ "unbindable", MS_UNBINDABLE },
};
const size_t n_names_propagation = PS_COUNT(names_propagation);

const struct ps_name names_personality[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
};
const size_t n_names_personality = PS_COUNT(names_personality);

const struct ps_name names_sched_policy[] = {
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_ISO", 4 }, /* reserved; no kernel has it */
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_RR", SCHED_RR },
};
const size_t n_names_sched_policy = PS_COUNT(names_sched_policy);

const struct ps_name names_sched_flag[] = {
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
};
const size_t n_names_sched_flag = PS_COUNT(names_sched_flag);

const struct ps_name names_ioprio_class[] = {
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
};
const size_t n_names_ioprio_class = PS_COUNT(names_ioprio_class);

const struct ps_name names_mempolicy_mode[] = {
	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_DEFAULT", MPOL_DEFAULT },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_LOCAL", MPOL_LOCAL },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, /* 6.9 */
};
const size_t n_names_mempolicy_mode = PS_COUNT(names_mempolicy_mode);

const struct ps_name names_mempolicy_flag[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
};
const size_t n_names_mempolicy_flag = PS_COUNT(names_mempolicy_flag);

const struct ps_name names_time_clock[] = {
	{ "boottime", CLOCK_BOOTTIME },
	{ "monotonic", CLOCK_MONOTONIC },
};
const size_t n_names_time_clock = PS_COUNT(names_time_clock);

/* "RTMIN", "RTMIN+n", "RTMAX", "RTMAX-n". */
static int parse_realtime(const char *name)
{
	bool low = strncmp(name, "RTMIN", 5) == 0;
	uint32_t n = 0;

	if (!low && strncmp(name, "RTMAX", 5) != 0)
		return -1;
	name += 5;
	if (*name && (*name != (low ? '+' : '-') || ps_parse_u32(name + 1, &n) < 0))
		return -1;
	if (n > (uint32_t)(SIGRTMAX - SIGRTMIN))
		return -1;
	return low ? SIGRTMIN + (int)n : SIGRTMAX - (int)n;
}

int signal_parse(const char *text)
{
	char name[16];
	uint32_t number;
	size_t n = strlen(text);

	if (ps_parse_u32(text, &number) == 0)
		return number < NSIG ? (int)number : -1;
	if (n >= sizeof(name))
		return -1;
	for (size_t i = 0; i <= n; i++)
		name[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
	const char *bare = strncmp(name, "SIG", 3) == 0 ? name + 3 : name;
	const struct ps_name *row = ps_name_find(names_signal, n_names_signal, bare);
	return row ? (int)row->value : parse_realtime(bare);
}

static bool is_plain_component(const char *s, size_t n)
{
	return n > 0 && !(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.');
}

int sysctl_path(const char *name, char *out, size_t size)
{
	const char *first = strpbrk(name, "./");
	bool dotted = first && *first == '.';
	size_t n = strlen(name), start = 0;

	if (n >= size)
		return -1;
	for (size_t i = 0; i <= n; i++) {
		char c = name[i];
		if (dotted && (c == '.' || c == '/'))
			c = c == '.' ? '/' : '.';
		out[i] = c;
		if (c != '/' && c != '\0')
			continue;
		if (!is_plain_component(out + start, i - start))
			return -1;
		start = i + 1;
	}
	return 0;
}

bool container_id_valid(const char *id)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
	size_t n = strnlen(id, 1024);

	/* A leading dot is ours: half-made and half-removed folders, caches. */
	return n < 1024 && id[0] != '.' && is_plain_component(id, n) && strspn(id, letters) == n;
}
