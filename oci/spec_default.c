/* SPDX-License-Identifier: Apache-2.0
 * spec_default.c - the config.json that `podshim spec` writes: a place to start from, as runc's.
 */
#include <unistd.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/spec.h"

enum { MAX_OPTIONS = 6 };

/* Where a row belongs. */
enum variant { BOTH, ROOTFUL, ROOTLESS };

struct mount_row {
	enum variant variant;
	const char *destination, *type, *source;
	const char *options[MAX_OPTIONS + 1];
};
struct namespace_row {
	enum variant variant;
	const char *type;
};

/* A rootless container has one id: no gid= options; and no network namespace, so sysfs can only be bound. */
static const struct mount_row mounts[] = {
	{ BOTH, "/proc", "proc", "proc", { NULL } },
	{ BOTH, "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ ROOTFUL, "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ ROOTLESS, "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ BOTH, "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ BOTH, "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ ROOTFUL, "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ ROOTLESS, "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" } },
	{ BOTH, "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

static const struct namespace_row namespaces[] = {
	{ BOTH, "pid" },   { ROOTFUL, "network" }, { BOTH, "ipc" },	 { BOTH, "uts" },
	{ BOTH, "mount" }, { ROOTLESS, "user" },
};

static const char *const args[] = { "sh" };
static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm" };
static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
static const char *const masked[] = {
	"/proc/acpi",	      "/proc/asound",	   "/proc/kcore",	"/proc/keys",	 "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static bool belongs(enum variant v, bool rootless)
{
	return v == BOTH || (v == ROOTLESS) == rootless;
}

static void write_strings(struct ps_jsonw *w, const char *key, const char *const *list, size_t n)
{
	ps_jw_array(w, key);
	for (size_t i = 0; i < n && list[i]; i++)
		ps_jw_str(w, NULL, list[i]);
	ps_jw_end_array(w);
}

void spec_write_default_paths(struct ps_jsonw *w, const char *const *more)
{
	ps_jw_array(w, "maskedPaths");
	for (size_t i = 0; i < PS_COUNT(masked); i++)
		ps_jw_str(w, NULL, masked[i]);
	for (; more && *more; more++)
		ps_jw_str(w, NULL, *more);
	ps_jw_end_array(w);
	write_strings(w, "readonlyPaths", readonly, PS_COUNT(readonly));
}

static void write_process(struct ps_jsonw *w)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	ps_jw_object(w, "process");
	ps_jw_bool(w, "terminal", true);
	ps_jw_object(w, "user");
	ps_jw_uint(w, "uid", 0);
	ps_jw_uint(w, "gid", 0);
	ps_jw_end_object(w);
	write_strings(w, "args", args, PS_COUNT(args));
	write_strings(w, "env", env, PS_COUNT(env));
	ps_jw_str(w, "cwd", "/");
	ps_jw_object(w, "capabilities");
	for (size_t i = 0; i < PS_COUNT(sets); i++)
		write_strings(w, sets[i], caps, PS_COUNT(caps));
	ps_jw_end_object(w);
	ps_jw_array(w, "rlimits");
	ps_jw_object(w, NULL);
	ps_jw_str(w, "type", "RLIMIT_NOFILE");
	ps_jw_uint(w, "hard", 1024);
	ps_jw_uint(w, "soft", 1024);
	ps_jw_end_object(w);
	ps_jw_end_array(w);
	ps_jw_bool(w, "noNewPrivileges", true);
	ps_jw_end_object(w);
}

static void write_mounts(struct ps_jsonw *w, bool rootless)
{
	ps_jw_array(w, "mounts");
	for (size_t i = 0; i < PS_COUNT(mounts); i++) {
		const struct mount_row *m = &mounts[i];
		if (!belongs(m->variant, rootless))
			continue;
		ps_jw_object(w, NULL);
		ps_jw_str(w, "destination", m->destination);
		ps_jw_str(w, "type", m->type);
		ps_jw_str(w, "source", m->source);
		if (m->options[0])
			write_strings(w, "options", m->options, PS_COUNT(m->options));
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static void write_id_map(struct ps_jsonw *w, const char *key, uint32_t host)
{
	ps_jw_array(w, key);
	ps_jw_object(w, NULL);
	ps_jw_uint(w, "containerID", 0);
	ps_jw_uint(w, "hostID", host);
	ps_jw_uint(w, "size", 1);
	ps_jw_end_object(w);
	ps_jw_end_array(w);
}

static void write_resources(struct ps_jsonw *w)
{
	ps_jw_object(w, "resources");
	ps_jw_array(w, "devices");
	ps_jw_object(w, NULL);
	ps_jw_bool(w, "allow", false);
	ps_jw_str(w, "access", "rwm");
	ps_jw_end_object(w);
	ps_jw_end_array(w);
	ps_jw_end_object(w);
}

static void write_namespace(struct ps_jsonw *w, const char *type)
{
	ps_jw_object(w, NULL);
	ps_jw_str(w, "type", type);
	ps_jw_end_object(w);
}

static void write_linux(struct ps_jsonw *w, bool rootless, bool cgroup_ns)
{
	ps_jw_object(w, "linux");
	if (rootless) {
		write_id_map(w, "uidMappings", geteuid());
		write_id_map(w, "gidMappings", getegid());
	} else {
		write_resources(w);
	}
	ps_jw_array(w, "namespaces");
	for (size_t i = 0; i < PS_COUNT(namespaces); i++)
		if (belongs(namespaces[i].variant, rootless))
			write_namespace(w, namespaces[i].type);
	if (cgroup_ns)
		write_namespace(w, "cgroup");
	ps_jw_end_array(w);
	spec_write_default_paths(w, NULL);
	ps_jw_end_object(w);
}

void spec_write_default(struct ps_buf *out, bool rootless, bool cgroup_ns)
{
	struct ps_jsonw w = { .out = out, .indent = 4 };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "ociVersion", "1.3.0");
	write_process(&w);
	ps_jw_object(&w, "root");
	ps_jw_str(&w, "path", "rootfs");
	ps_jw_bool(&w, "readonly", true);
	ps_jw_end_object(&w);
	ps_jw_str(&w, "hostname", "podshim");
	write_mounts(&w, rootless);
	write_linux(&w, rootless, cgroup_ns);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}
