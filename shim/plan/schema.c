/* SPDX-License-Identifier: Apache-2.0
 * schema.c - every field of every plan row as data, and the check of a plan that is made from it.
 */
#include "shim/plan/schema.h"

#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/abi.h"
#include "shim/plan/compile.h"

#define END { .name = NULL }

/* ---- names of values ---- */

static const struct ps_name fd_kinds[] = {
	{ "rootfs", PLAN_FD_ROOTFS }, { "bind", PLAN_FD_BIND }, { "ns", PLAN_FD_NS }, { "device", PLAN_FD_DEVICE },
	{ "cgroup", PLAN_FD_CGROUP_MNT }, { "store", PLAN_FD_STORE }, { "agent", PLAN_FD_AGENT },
	{ "output", PLAN_FD_OUTPUT }, END,
};
static const struct ps_name fd_flags[] = { { "recursive", PLAN_FD_RECURSIVE }, END };
static const struct ps_name mount_kinds[] = {
	{ "fs", PLAN_MOUNT_FS }, { "bind", PLAN_MOUNT_BIND }, { "remount", PLAN_MOUNT_REMOUNT },
	{ "cgroup1", PLAN_MOUNT_CGROUP1 }, { "cgroup2", PLAN_MOUNT_CGROUP2 }, { "store", PLAN_MOUNT_STORE }, END,
};
static const struct ps_name mount_flags[] = {
	{ "tmpcopyup", PLAN_MOUNT_TMPCOPYUP }, { "idmap", PLAN_MOUNT_IDMAP }, { "ridmap", PLAN_MOUNT_IDMAP_REC },
	{ "copy-symlink", PLAN_MOUNT_COPY_SYMLINK }, { "exact", PLAN_MOUNT_EXACT }, { "inside", PLAN_MOUNT_INSIDE },
	{ "inside-recursive", PLAN_MOUNT_INSIDE_REC }, END,
};
static const struct ps_name namespaces[] = {
	{ "user", CLONE_NEWUSER }, { "pid", CLONE_NEWPID }, { "network", CLONE_NEWNET }, { "mount", CLONE_NEWNS },
	{ "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS }, { "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME }, END,
};
static const struct ps_name sb_flags[] = {
	{ "ro", MS_RDONLY }, { "sync", MS_SYNCHRONOUS }, { "mand", MS_MANDLOCK }, { "dirsync", MS_DIRSYNC },
	{ "silent", MS_SILENT }, { "iversion", MS_I_VERSION }, { "lazytime", MS_LAZYTIME }, END,
};
static const struct ps_name propagations[] = {
	{ "shared", MS_SHARED }, { "slave", MS_SLAVE }, { "private", MS_PRIVATE }, { "unbindable", MS_UNBINDABLE },
	{ "rec", MS_REC }, END,
};
static const struct ps_name attrs[] = {
	{ "ro", MOUNT_ATTR_RDONLY }, { "nosuid", MOUNT_ATTR_NOSUID }, { "nodev", MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC }, { "atime-mode", MOUNT_ATTR__ATIME }, { "noatime", MOUNT_ATTR_NOATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME }, { "nodiratime", MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW }, END,
};
static const struct ps_name device_types[] = { { "c", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO }, END };
static const struct ps_name accesses[] = { { "r", 2 }, { "w", 4 }, { "m", 1 }, END };
static const struct ps_name file_flags[] = { { "optional", PLAN_CGROUP_OPTIONAL }, { "or-next", PLAN_CGROUP_OR_NEXT }, END };
static const struct ps_name clocks[] = { { "monotonic", CLOCK_MONOTONIC }, { "boottime", CLOCK_BOOTTIME }, END };
static const struct ps_name seccomp_flags[] = {
	{ "log", SECCOMP_FILTER_FLAG_LOG }, { "spec-allow", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "new-listener", SECCOMP_FILTER_FLAG_NEW_LISTENER },
	{ "wait-killable-recv", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV }, END,
};
static const struct ps_name row_flags[] = { { "optional", PLAN_OPTIONAL }, { "recursive", PLAN_RECURSIVE }, { "denied", PLAN_DENIED }, END };
static const struct ps_name landlock_fs[] = {
	{ "execute", LANDLOCK_ACCESS_FS_EXECUTE }, { "write-file", LANDLOCK_ACCESS_FS_WRITE_FILE },
	{ "read-file", LANDLOCK_ACCESS_FS_READ_FILE }, { "read-dir", LANDLOCK_ACCESS_FS_READ_DIR },
	{ "remove-dir", LANDLOCK_ACCESS_FS_REMOVE_DIR }, { "remove-file", LANDLOCK_ACCESS_FS_REMOVE_FILE },
	{ "make-char", LANDLOCK_ACCESS_FS_MAKE_CHAR }, { "make-dir", LANDLOCK_ACCESS_FS_MAKE_DIR },
	{ "make-reg", LANDLOCK_ACCESS_FS_MAKE_REG }, { "make-sock", LANDLOCK_ACCESS_FS_MAKE_SOCK },
	{ "make-fifo", LANDLOCK_ACCESS_FS_MAKE_FIFO }, { "make-block", LANDLOCK_ACCESS_FS_MAKE_BLOCK },
	{ "make-sym", LANDLOCK_ACCESS_FS_MAKE_SYM }, { "refer", LANDLOCK_ACCESS_FS_REFER },
	{ "truncate", LANDLOCK_ACCESS_FS_TRUNCATE }, { "ioctl-dev", LANDLOCK_ACCESS_FS_IOCTL_DEV }, END,
};
static const struct ps_name landlock_scopes[] = {
	{ "abstract-unix-socket", LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET }, { "signal", LANDLOCK_SCOPE_SIGNAL }, END,
};
static const struct ps_name landlock_flags[] = {
	{ "log-same-exec-off", LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF },
	{ "log-new-exec-on", LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON },
	{ "log-subdomains-off", LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF }, END,
};
static const struct ps_name rlimits[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE }, { "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS }, { "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK }, END,
};

static const struct ps_name rdt_flags[] = { { "must-exist", PLAN_RDT_MUST_EXIST }, { "monitor", PLAN_RDT_MONITOR }, END };
static const struct ps_name affinity_whens[] = { { "initial", PLAN_AFFINITY_INITIAL }, { "final", PLAN_AFFINITY_FINAL }, END };
static const struct ps_name sched_policies[] = {
	{ "other", SCHED_NORMAL }, { "fifo", SCHED_FIFO }, { "rr", SCHED_RR }, { "batch", SCHED_BATCH }, { "iso", 4 },
	{ "idle", SCHED_IDLE }, { "deadline", SCHED_DEADLINE }, END,
};
static const struct ps_name sched_flags[] = {
	{ "reset-on-fork", SCHED_FLAG_RESET_ON_FORK }, { "reclaim", SCHED_FLAG_RECLAIM }, { "dl-overrun", SCHED_FLAG_DL_OVERRUN },
	{ "keep-policy", SCHED_FLAG_KEEP_POLICY }, { "keep-params", SCHED_FLAG_KEEP_PARAMS },
	{ "util-clamp-min", SCHED_FLAG_UTIL_CLAMP_MIN }, { "util-clamp-max", SCHED_FLAG_UTIL_CLAMP_MAX }, END,
};
static const struct ps_name io_classes[] = {
	{ "rt", IOPRIO_CLASS_RT }, { "be", IOPRIO_CLASS_BE }, { "idle", IOPRIO_CLASS_IDLE }, END,
};
static const struct ps_name memory_modes[] = {
	{ "default", MPOL_DEFAULT }, { "preferred", MPOL_PREFERRED }, { "bind", MPOL_BIND }, { "interleave", MPOL_INTERLEAVE },
	{ "local", MPOL_LOCAL }, { "preferred-many", MPOL_PREFERRED_MANY }, { "weighted-interleave", 6 }, END,
};
static const struct ps_name memory_flags[] = {
	{ "static-nodes", MPOL_F_STATIC_NODES }, { "relative-nodes", MPOL_F_RELATIVE_NODES },
	{ "numa-balancing", MPOL_F_NUMA_BALANCING }, END,
};

/* ---- rows ---- */

#define F(row, member, type, ...) { .name = #member, .kind = type, .off = offsetof(struct row, member), ##__VA_ARGS__ }
#define ALWAYS .always = true
#define OF(table) .of = (table)
#define ROWS(type) .of = &type##_type
#define ROW_TYPE(row) static const struct row_type row##_type = { sizeof(struct row), row##_fields }

static const struct field plan_fd_fields[] = {
	F(plan_fd, kind, FIELD_ENUM, OF(fd_kinds)), F(plan_fd, flags, FIELD_BITS32, OF(fd_flags)),
	F(plan_fd, path, FIELD_STR), F(plan_fd, flag, FIELD_BITS64, OF(namespaces)),
	F(plan_fd, type, FIELD_ENUM, OF(device_types)), F(plan_fd, major, FIELD_U32), F(plan_fd, minor, FIELD_U32),
	F(plan_fd, mount, FIELD_MOUNT), F(plan_fd, from, FIELD_FROM), END,
};
ROW_TYPE(plan_fd);

static const struct field plan_ns_join_fields[] = {
	F(plan_ns_join, flag, FIELD_BITS64, OF(namespaces)), F(plan_ns_join, fd, FIELD_FD),
	F(plan_ns_join, path, FIELD_STR), F(plan_ns_join, from, FIELD_FROM), END,
};
ROW_TYPE(plan_ns_join);

static const struct field plan_id_map_fields[] = {
	F(plan_id_map, container, FIELD_U32, ALWAYS), F(plan_id_map, host, FIELD_U32, ALWAYS),
	F(plan_id_map, size, FIELD_U32, ALWAYS), END,
};
ROW_TYPE(plan_id_map);

static const struct field plan_time_offset_fields[] = {
	F(plan_time_offset, clock, FIELD_ENUM, OF(clocks)), F(plan_time_offset, secs, FIELD_I64, ALWAYS),
	F(plan_time_offset, nanosecs, FIELD_U32), F(plan_time_offset, from, FIELD_FROM), END,
};
ROW_TYPE(plan_time_offset);

static const struct field plan_mount_fields[] = {
	F(plan_mount, kind, FIELD_ENUM, OF(mount_kinds)), F(plan_mount, target, FIELD_STR),
	F(plan_mount, fstype, FIELD_STR), F(plan_mount, source, FIELD_STR), F(plan_mount, fd, FIELD_FD), F(plan_mount, store, FIELD_STR),
	F(plan_mount, options, FIELD_STRS), F(plan_mount, label, FIELD_STR), F(plan_mount, flags, FIELD_BITS32, OF(mount_flags)),
	F(plan_mount, sb_flags, FIELD_BITS64, OF(sb_flags)), F(plan_mount, attr_set, FIELD_BITS64, OF(attrs)),
	F(plan_mount, attr_clr, FIELD_BITS64, OF(attrs)), F(plan_mount, rec_set, FIELD_BITS64, OF(attrs)),
	F(plan_mount, rec_clr, FIELD_BITS64, OF(attrs)), F(plan_mount, propagation, FIELD_BITS64, OF(propagations)),
	F(plan_mount, uid_map, FIELD_ROWS, ROWS(plan_id_map)), F(plan_mount, gid_map, FIELD_ROWS, ROWS(plan_id_map)),
	F(plan_mount, from, FIELD_FROM), END,
};
ROW_TYPE(plan_mount);

static const struct field plan_path_fields[] = {
	F(plan_path, path, FIELD_STR), F(plan_path, flags, FIELD_BITS32, OF(row_flags)), F(plan_path, from, FIELD_FROM), END,
};
ROW_TYPE(plan_path);

static const struct field plan_rebind_fields[] = {
	F(plan_rebind, path, FIELD_STR), F(plan_rebind, attr_set, FIELD_BITS64, OF(attrs)),
	F(plan_rebind, attr_clr, FIELD_BITS64, OF(attrs)), F(plan_rebind, flags, FIELD_BITS32, OF(row_flags)),
	F(plan_rebind, from, FIELD_FROM), END,
};
ROW_TYPE(plan_rebind);

static const struct field plan_landlock_rule_fields[] = {
	F(plan_landlock_rule, path, FIELD_STR), F(plan_landlock_rule, access, FIELD_BITS64, OF(landlock_fs)),
	F(plan_landlock_rule, flags, FIELD_BITS32, OF(row_flags)), F(plan_landlock_rule, from, FIELD_FROM), END,
};
ROW_TYPE(plan_landlock_rule);

static const struct field plan_link_fields[] = {
	F(plan_link, path, FIELD_STR), F(plan_link, target, FIELD_STR), F(plan_link, from, FIELD_FROM), END,
};
ROW_TYPE(plan_link);

static const struct field plan_device_fields[] = {
	F(plan_device, path, FIELD_STR), F(plan_device, type, FIELD_ENUM, OF(device_types)),
	F(plan_device, major, FIELD_U32, ALWAYS), F(plan_device, minor, FIELD_U32, ALWAYS),
	F(plan_device, mode, FIELD_OCTAL, ALWAYS), F(plan_device, uid, FIELD_U32), F(plan_device, gid, FIELD_U32),
	F(plan_device, fd, FIELD_FD), F(plan_device, from, FIELD_FROM), END,
};
ROW_TYPE(plan_device);

static const struct field plan_sysctl_fields[] = {
	F(plan_sysctl, path, FIELD_STR), F(plan_sysctl, value, FIELD_STR), F(plan_sysctl, from, FIELD_FROM), END,
};
ROW_TYPE(plan_sysctl);

static const struct field plan_stand_fields[] = {
	F(plan_stand, address, FIELD_STR), F(plan_stand, port, FIELD_U32, ALWAYS), F(plan_stand, from, FIELD_FROM), END,
};
ROW_TYPE(plan_stand);

static const struct field plan_net_device_fields[] = {
	F(plan_net_device, host_name, FIELD_STR), F(plan_net_device, name, FIELD_STR), F(plan_net_device, from, FIELD_FROM), END,
};
ROW_TYPE(plan_net_device);

static const struct field plan_rlimit_fields[] = {
	F(plan_rlimit, resource, FIELD_ENUM, OF(rlimits)), F(plan_rlimit, soft, FIELD_U64, ALWAYS),
	F(plan_rlimit, hard, FIELD_U64, ALWAYS), F(plan_rlimit, from, FIELD_FROM), END,
};
ROW_TYPE(plan_rlimit);

static const struct field plan_rdt_fields[] = {
	F(plan_rdt, group, FIELD_STR), F(plan_rdt, flags, FIELD_BITS32, OF(rdt_flags)), F(plan_rdt, schemata, FIELD_STRS),
	F(plan_rdt, from, FIELD_FROM), END,
};
ROW_TYPE(plan_rdt);

static const struct field plan_affinity_fields[] = {
	F(plan_affinity, when, FIELD_ENUM, OF(affinity_whens)), F(plan_affinity, cpus, FIELD_NUMS),
	F(plan_affinity, from, FIELD_FROM), END,
};
ROW_TYPE(plan_affinity);

static const struct field plan_scheduler_fields[] = {
	F(plan_scheduler, policy, FIELD_ENUM, OF(sched_policies)), F(plan_scheduler, nice, FIELD_I32),
	F(plan_scheduler, priority, FIELD_U32), F(plan_scheduler, flags, FIELD_BITS64, OF(sched_flags)),
	F(plan_scheduler, runtime, FIELD_U64), F(plan_scheduler, deadline, FIELD_U64), F(plan_scheduler, period, FIELD_U64),
	F(plan_scheduler, from, FIELD_FROM), END,
};
ROW_TYPE(plan_scheduler);

static const struct field plan_io_priority_fields[] = {
	F(plan_io_priority, class, FIELD_ENUM, OF(io_classes)), F(plan_io_priority, level, FIELD_U32, ALWAYS),
	F(plan_io_priority, from, FIELD_FROM), END,
};
ROW_TYPE(plan_io_priority);

static const struct field plan_memory_policy_fields[] = {
	F(plan_memory_policy, mode, FIELD_ENUM, OF(memory_modes)), F(plan_memory_policy, flags, FIELD_BITS32, OF(memory_flags)),
	F(plan_memory_policy, nodes, FIELD_NUMS), F(plan_memory_policy, from, FIELD_FROM), END,
};
ROW_TYPE(plan_memory_policy);

static const struct field plan_hook_fields[] = {
	F(plan_hook, path, FIELD_STR), F(plan_hook, args, FIELD_STRS), F(plan_hook, has_env, FIELD_U32),
	F(plan_hook, env, FIELD_STRS), F(plan_hook, timeout_s, FIELD_U32), F(plan_hook, from, FIELD_FROM), END,
};
ROW_TYPE(plan_hook);

static const struct field plan_cgroup_fields[] = {
	F(plan_cgroup, version, FIELD_U32), F(plan_cgroup, mount, FIELD_STR), F(plan_cgroup, path, FIELD_STR),
	F(plan_cgroup, controllers, FIELD_STR), F(plan_cgroup, fd, FIELD_FD),
	F(plan_cgroup, from, FIELD_FROM), END,
};
ROW_TYPE(plan_cgroup);

static const struct field plan_cgroup_file_fields[] = {
	F(plan_cgroup_file, cgroup, FIELD_CGROUP), F(plan_cgroup_file, file, FIELD_STR),
	F(plan_cgroup_file, value, FIELD_STR), F(plan_cgroup_file, flags, FIELD_BITS32, OF(file_flags)),
	F(plan_cgroup_file, from, FIELD_FROM), END,
};
ROW_TYPE(plan_cgroup_file);

static const struct field plan_unit_property_fields[] = {
	F(plan_unit_property, name, FIELD_STR), F(plan_unit_property, type, FIELD_STR), F(plan_unit_property, value, FIELD_STR),
	F(plan_unit_property, from, FIELD_FROM), END,
};
ROW_TYPE(plan_unit_property);

static const struct field plan_device_rule_fields[] = {
	F(plan_device_rule, allow, FIELD_BOOL, ALWAYS), F(plan_device_rule, type, FIELD_CHAR),
	F(plan_device_rule, major, FIELD_I64, ALWAYS), F(plan_device_rule, minor, FIELD_I64, ALWAYS),
	F(plan_device_rule, access, FIELD_BITS16, OF(accesses)), F(plan_device_rule, from, FIELD_FROM), END,
};
ROW_TYPE(plan_device_rule);

/* Rows of the plan itself: the place in the document; with OF_FROM below what that offset says. */
#define AT(pointer) .at = (pointer)
#define OF_FROM(member) .from = offsetof(struct plan, member)
#define CALLER AT("caller")
#define PERMISSIONS AT("permissions")

static const struct field plan_fields[] = {
	F(plan, file, FIELD_STR, CALLER), F(plan, id, FIELD_STR, CALLER), F(plan, bundle, FIELD_STR, CALLER),
	F(plan, hostname, FIELD_STR, AT("/hostname")), F(plan, domainname, FIELD_STR, AT("/domainname")),
	F(plan, fds, FIELD_ROWS, ROWS(plan_fd)),
	F(plan, ns_new, FIELD_BITS64, OF(namespaces), AT("/linux/namespaces")),
	F(plan, ns_joins, FIELD_ROWS, ROWS(plan_ns_join)),
	F(plan, uid_map, FIELD_ROWS, ROWS(plan_id_map), AT("/linux/uidMappings")),
	F(plan, gid_map, FIELD_ROWS, ROWS(plan_id_map), AT("/linux/gidMappings")),
	F(plan, time_offsets, FIELD_ROWS, ROWS(plan_time_offset)),
	F(plan, bridge_early, FIELD_BOOL, AT("/linux/namespaces")),
	F(plan, bridge_late, FIELD_BOOL, AT("/linux/namespaces")),
	F(plan, lo_up, FIELD_BOOL), F(plan, resolver, FIELD_BOOL), F(plan, new_keyring, FIELD_BOOL),
	F(plan, uplink, FIELD_BOOL, PERMISSIONS), F(plan, stands, FIELD_ROWS, ROWS(plan_stand)),
	F(plan, net_devices, FIELD_ROWS, ROWS(plan_net_device)),
	F(plan, rootfs_fd, FIELD_FD, AT("/root/path")), F(plan, rootfs, FIELD_STR, AT("/root/path")),
	F(plan, rootfs_store, FIELD_STR, PERMISSIONS), F(plan, store_fd, FIELD_FD, PERMISSIONS),
	F(plan, rootfs_readonly, FIELD_BOOL, AT("/root/readonly")), F(plan, no_pivot, FIELD_BOOL, CALLER),
	F(plan, has_mount_ns, FIELD_BOOL, AT("/linux/namespaces")), F(plan, reaper, FIELD_BOOL, AT("/annotations")),
	F(plan, rootfs_propagation, FIELD_BITS64, OF(propagations), AT("/linux/rootfsPropagation")),
	F(plan, mounts, FIELD_ROWS, ROWS(plan_mount)), F(plan, devices, FIELD_ROWS, ROWS(plan_device)),
	F(plan, links, FIELD_ROWS, ROWS(plan_link)),
	F(plan, mount_context, FIELD_STR, AT("/annotations/run.oci.mount_context_type")),
	F(plan, rootfs_attr_set, FIELD_BITS64, OF(attrs), PERMISSIONS),
	F(plan, rebinds, FIELD_ROWS, ROWS(plan_rebind)), F(plan, masked, FIELD_ROWS, ROWS(plan_path)),
	F(plan, readonly, FIELD_ROWS, ROWS(plan_path)), F(plan, sysctl, FIELD_ROWS, ROWS(plan_sysctl)),
	F(plan, null_fd, FIELD_FD, AT("/linux/maskedPaths")),
	F(plan, has_process, FIELD_BOOL, ALWAYS, AT("/process")),
	F(plan, terminal, FIELD_BOOL, AT("/process/terminal")),
	F(plan, rows, FIELD_U16, AT("/process/consoleSize")), F(plan, cols, FIELD_U16, AT("/process/consoleSize")),
	F(plan, uid, FIELD_U32, ALWAYS, OF_FROM(user_from), AT("/uid")),
	F(plan, gid, FIELD_U32, ALWAYS, OF_FROM(user_from), AT("/gid")),
	F(plan, groups, FIELD_NUMS, OF_FROM(user_from), AT("/additionalGids")),
	F(plan, needs_setgroups, FIELD_BOOL),
	F(plan, keeps_groups, FIELD_BOOL, AT("/annotations/run.oci.keep_original_groups")),
	F(plan, has_umask, FIELD_BOOL, OF_FROM(user_from), AT("/umask")),
	F(plan, umask, FIELD_OCTAL, OF_FROM(user_from), AT("/umask")),
	F(plan, has_oom, FIELD_BOOL, AT("/process/oomScoreAdj")),
	F(plan, oom_score_adj, FIELD_I32, AT("/process/oomScoreAdj")),
	F(plan, has_personality, FIELD_BOOL, AT("/linux/personality")),
	F(plan, personality, FIELD_U32, AT("/linux/personality")),
	F(plan, args, FIELD_STRS, OF_FROM(args_from), AT("")), F(plan, env, FIELD_STRS, AT("/process/env")),
	F(plan, cwd, FIELD_STR, OF_FROM(cwd_from), AT("")),
	F(plan, args_from, FIELD_HIDDEN), F(plan, cwd_from, FIELD_HIDDEN), F(plan, user_from, FIELD_HIDDEN),
	F(plan, caps_from, FIELD_HIDDEN),
	F(plan, no_new_privs, FIELD_BOOL, AT("/process/noNewPrivileges")),
	F(plan, has_caps, FIELD_BOOL, OF_FROM(caps_from), AT("")),
	F(plan, caps.bounding, FIELD_CAPS, OF_FROM(caps_from), AT("/bounding")),
	F(plan, caps.effective, FIELD_CAPS, OF_FROM(caps_from), AT("/effective")),
	F(plan, caps.inheritable, FIELD_CAPS, OF_FROM(caps_from), AT("/inheritable")),
	F(plan, caps.permitted, FIELD_CAPS, OF_FROM(caps_from), AT("/permitted")),
	F(plan, caps.ambient, FIELD_CAPS, OF_FROM(caps_from), AT("/ambient")),
	F(plan, apparmor, FIELD_STR, OF_FROM(apparmor_from), AT("")), F(plan, selinux, FIELD_STR, OF_FROM(selinux_from), AT("")),
	F(plan, apparmor_from, FIELD_HIDDEN), F(plan, selinux_from, FIELD_HIDDEN),
	F(plan, rlimits, FIELD_ROWS, ROWS(plan_rlimit)),
	F(plan, scheduler, FIELD_ROWS, ROWS(plan_scheduler)), F(plan, io_priority, FIELD_ROWS, ROWS(plan_io_priority)),
	F(plan, rdt, FIELD_ROWS, ROWS(plan_rdt)),
	F(plan, memory_policy, FIELD_ROWS, ROWS(plan_memory_policy)), F(plan, affinity, FIELD_ROWS, ROWS(plan_affinity)),
	F(plan, mdwe, FIELD_BOOL, PERMISSIONS),
	F(plan, landlock_fs, FIELD_BITS64, OF(landlock_fs), PERMISSIONS),
	F(plan, landlock_scoped, FIELD_BITS64, OF(landlock_scopes), PERMISSIONS),
	F(plan, landlock_flags, FIELD_BITS32, OF(landlock_flags), PERMISSIONS),
	F(plan, landlock, FIELD_ROWS, ROWS(plan_landlock_rule)),
	F(plan, under_fs, FIELD_BITS64, OF(landlock_fs), PERMISSIONS),
	F(plan, under_scoped, FIELD_BITS64, OF(landlock_scopes), PERMISSIONS),
	F(plan, under, FIELD_ROWS, ROWS(plan_landlock_rule)),
	F(plan, guard, FIELD_PROGRAM, PERMISSIONS),
	F(plan, guard_flags, FIELD_BITS32, OF(seccomp_flags), PERMISSIONS),
	F(plan, seccomp, FIELD_PROGRAM, AT("/linux/seccomp")),
	F(plan, seccomp_flags, FIELD_BITS32, OF(seccomp_flags), AT("/linux/seccomp")),
	F(plan, agent_fd, FIELD_FD, AT("/linux/seccomp")), F(plan, agent_pid, FIELD_U32, CALLER),
	F(plan, agent_metadata, FIELD_STR, AT("/linux/seccomp/listenerMetadata")),
	F(plan, preserve_fds, FIELD_U32, CALLER), F(plan, channel_fd, FIELD_U32, CALLER),
	F(plan, cgroups, FIELD_ROWS, ROWS(plan_cgroup)), F(plan, cgroup_files, FIELD_ROWS, ROWS(plan_cgroup_file)),
	F(plan, device_rules, FIELD_ROWS, ROWS(plan_device_rule)),
	F(plan, unit, FIELD_STR, AT("/linux/cgroupsPath")), F(plan, unit_in, FIELD_STR, AT("/linux/cgroupsPath")),
	F(plan, unit_user, FIELD_BOOL, CALLER), F(plan, unit_slice, FIELD_BOOL, AT("/linux/cgroupsPath")),
	F(plan, unit_properties, FIELD_ROWS, ROWS(plan_unit_property)),
	F(plan, cgroup_chown, FIELD_BOOL, AT("/mounts")), F(plan, cgroup_uid, FIELD_U32, AT("/mounts")),
	F(plan, prestart, FIELD_ROWS, ROWS(plan_hook)), F(plan, create_runtime, FIELD_ROWS, ROWS(plan_hook)),
	F(plan, create_container, FIELD_ROWS, ROWS(plan_hook)), F(plan, start_container, FIELD_ROWS, ROWS(plan_hook)),
	F(plan, poststart, FIELD_ROWS, ROWS(plan_hook)), F(plan, poststop, FIELD_ROWS, ROWS(plan_hook)),
	F(plan, hook_state_head, FIELD_STR, AT("/hooks")), F(plan, hook_state_tail, FIELD_STR, AT("/hooks")),
	F(plan, hook_stdout, FIELD_FD, AT("/annotations/run.oci.hooks.stdout")),
	F(plan, hook_stderr, FIELD_FD, AT("/annotations/run.oci.hooks.stderr")), END,
};
const struct row_type plan_type = { sizeof(struct plan), plan_fields };

/* ---- reading ---- */

size_t field_element_size(const struct field *f)
{
	if (f->kind == FIELD_ROWS)
		return ((const struct row_type *)f->of)->size;
	return f->kind == FIELD_PROGRAM ? sizeof(struct sock_filter) : sizeof(uint32_t);
}

uint64_t field_number(const struct field *f, const void *row)
{
	const char *at = (const char *)row + f->off;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;
	int32_t i32;

	switch (f->kind) {
	case FIELD_BOOL:
	case FIELD_CHAR:
		return *(const uint8_t *)at;
	case FIELD_U16:
	case FIELD_BITS16:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case FIELD_I32:
		memcpy(&i32, at, sizeof(i32));
		return (uint64_t)(int64_t)i32;
	case FIELD_U64:
	case FIELD_I64:
	case FIELD_BITS64:
	case FIELD_CAPS:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	case FIELD_STR:
	case FIELD_FROM:
	case FIELD_HIDDEN:
	case FIELD_U32:
	case FIELD_OCTAL:
	case FIELD_ENUM:
	case FIELD_BITS32:
	case FIELD_FD:
	case FIELD_MOUNT:
	case FIELD_CGROUP:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	case FIELD_STRS:
	case FIELD_ROWS:
	case FIELD_NUMS:
	case FIELD_PROGRAM:
		return ((const struct plan_list *)(const void *)at)->n;
	}
	return 0;
}

struct plan_list field_list(const struct field *f, const void *row)
{
	struct plan_list l;

	memcpy(&l, (const char *)row + f->off, sizeof(l));
	return l;
}

/* ---- checking ---- */

static bool row_is_sound(const struct plan *p, const struct row_type *type, const void *row);

static bool list_is_sound(const struct plan *p, const struct field *f, const void *row)
{
	struct plan_list l = field_list(f, row);
	size_t size = field_element_size(f);
	const char *at = plan_at(p, l.off);

	if (!l.n)
		return true;
	if (l.off % 8 || l.off < sizeof(*p) || l.off > p->size || l.n > (p->size - l.off) / size)
		return false;
	for (uint32_t i = 0; i < l.n; i++, at += size) {
		if (f->kind == FIELD_STRS && *(const plan_off *)(const void *)at >= p->size)
			return false;
		if (f->kind == FIELD_ROWS && !row_is_sound(p, f->of, at))
			return false;
	}
	return true;
}

static bool has_name(const struct ps_name *names, uint64_t value)
{
	while (names->name && names->value != value)
		names++;
	return names->name != NULL;
}

static bool field_is_sound(const struct plan *p, const struct field *f, const void *row)
{
	uint64_t n = field_number(f, row);

	switch (f->kind) {
	case FIELD_STR:
	case FIELD_FROM:
	case FIELD_HIDDEN:
		return n < p->size;
	case FIELD_FD:
		return n < p->fds.n || n == PLAN_NO_FD;
	case FIELD_MOUNT:
		return n < p->mounts.n || n == PLAN_NO_FD;
	case FIELD_CGROUP:
		return n < p->cgroups.n;
	case FIELD_ENUM:
		return n == 0 || has_name(f->of, n);
	case FIELD_STRS:
	case FIELD_ROWS:
	case FIELD_NUMS:
	case FIELD_PROGRAM:
		return list_is_sound(p, f, row);
	case FIELD_BOOL:
	case FIELD_CHAR:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_I32:
	case FIELD_U64:
	case FIELD_I64:
	case FIELD_OCTAL:
	case FIELD_BITS16:
	case FIELD_BITS32:
	case FIELD_BITS64:
	case FIELD_CAPS:
		return true;
	}
	return false;
}

static bool row_is_sound(const struct plan *p, const struct row_type *type, const void *row)
{
	for (const struct field *f = type->fields; f->name; f++)
		if (!field_is_sound(p, f, row))
			return false;
	return true;
}

const struct plan *plan_view(const void *block, size_t size)
{
	const struct plan *p = block;

	if (!block || (uintptr_t)block % _Alignof(struct plan) || size < sizeof(*p))
		return NULL;
	if (p->magic != PLAN_MAGIC || p->version != PLAN_VERSION || p->size != size)
		return NULL;
	/* With a NUL at the end, every text that begins inside ends inside. */
	if (((const char *)block)[size - 1] != '\0')
		return NULL;
	return row_is_sound(p, &plan_type, p) ? p : NULL;
}
