/* SPDX-License-Identifier: Apache-2.0
 * plan.h - what will be done: one constant, position-independent block of flat rows.  No JSON, no decisions left.
 *
 * References are offsets from the start of the block (plan_off, 0: none) and lists (offset and count), so that the block
 * can be written to a sealed memfd and mapped anywhere.  Rows are in the order in which they are applied.  `from` is
 * the provenance text of the policy entry.  Readable by the init image: includes nothing but standard headers and base/object.h.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/object.h"

typedef uint32_t plan_off;
struct plan_list { uint32_t off, n; };

enum { PLAN_MAGIC = 0x4e4c5053 /* "SPLN" */, PLAN_VERSION = 1, PLAN_NO_FD = 0xffffffff };

/* Host objects that the launcher opens before the first clone, in the host's mount namespace; rows name them by index. */
enum plan_fd_kind {
	PLAN_FD_ROOTFS,    /* detached clone of the rootfs tree (open_tree OPEN_TREE_CLONE|AT_RECURSIVE); without a path init makes a tmpfs */
	PLAN_FD_BIND,      /* detached clone of a bind source; flags: PLAN_FD_RECURSIVE; id-mapped and propagation as its mount row says */
	PLAN_FD_NS,        /* namespace file, type checked against `flag` (NS_GET_NSTYPE) */
	PLAN_FD_DEVICE,    /* detached clone of a host device node, verified: type, major, minor */
	PLAN_FD_AGENT,     /* connected socket: who answers the calls that the document's filter hands over; opened before the clone */
	PLAN_FD_STORE,     /* what the container writes to instead of the host: detached clone of a folder, without a path a tmpfs of the owner's */
	PLAN_FD_OUTPUT,    /* a file of the host's, made and appended to: what hooks print */
	PLAN_FD_CGROUP_MNT,/* detached clone of the host's cgroup directory of this container (v1 controller or v2) for a cgroup mount without cgroup namespace; opened after make_cgroup */
};
enum { PLAN_FD_RECURSIVE = 1 };
struct plan_fd {
	uint32_t kind, flags;
	plan_off path, from;
	uint64_t flag;               /* CLONE_NEW* of PLAN_FD_NS */
	uint32_t type, major, minor; /* PLAN_FD_DEVICE */
	uint32_t mount;              /* PLAN_FD_BIND: index of the mount row that uses it (idmap, propagation) */
};

struct plan_ns_join { uint64_t flag; uint32_t fd; plan_off path, from; uint32_t pad; };
struct plan_id_map { uint32_t container, host, size; };
struct plan_time_offset { int32_t clock; uint32_t nanosecs; int64_t secs; plan_off from; uint32_t pad; };

enum plan_mount_kind {
	PLAN_MOUNT_FS,      /* fsopen(fstype) with options, fsmount, move_mount */
	PLAN_MOUNT_BIND,    /* the detached tree fds[fd], or with PLAN_MOUNT_INSIDE what the container has at source by then */
	PLAN_MOUNT_REMOUNT, /* change attributes (and super block flags) of what is mounted at target */
	PLAN_MOUNT_CGROUP1, /* tmpfs at target with one directory per v1 hierarchy (and links for co-mounted controllers) */
	PLAN_MOUNT_CGROUP2, /* cgroup2 (in the cgroup namespace), or the bound directory fds[fd] without one */
	PLAN_MOUNT_STORE,   /* the entry `store` of the store; a directory is made with the options mode, uid, gid */
};
enum { PLAN_MOUNT_TMPCOPYUP = 1, PLAN_MOUNT_IDMAP = 2, PLAN_MOUNT_IDMAP_REC = 4, PLAN_MOUNT_COPY_SYMLINK = 8,
       PLAN_MOUNT_EXACT = 16 /* a bind has no other flags than attr_set and rec_set; locked ones stay, unless attr_clr has them */,
       PLAN_MOUNT_INSIDE = 32, PLAN_MOUNT_INSIDE_REC = 64 /* with all that is mounted below */ };
struct plan_mount {
	uint32_t kind, flags;
	plan_off from, target, fstype, source;
	struct plan_list options;    /* plan_off of "key" or "key=value", for fsconfig(2) */
	uint64_t sb_flags;           /* MS_* */
	uint64_t attr_set, attr_clr, rec_set, rec_clr; /* MOUNT_ATTR_* */
	uint64_t propagation;        /* MS_*; 0: leave (private to the container) */
	uint32_t fd;                 /* index into fds or PLAN_NO_FD */
	plan_off label;              /* SELinux, of all that is in it; 0: none */
	plan_off store;              /* a bind: fds[fd] is what an overlay shows, STORE/store/upper what it changes; 0: bound itself */
	struct plan_list uid_map, gid_map; /* struct plan_id_map; empty with IDMAP: the container's own user namespace */
};
struct plan_path { plan_off from, path; uint32_t flags, pad; struct ps_object object; };
enum { PLAN_OPTIONAL = 1 /* may be missing, or be another object */, PLAN_RECURSIVE = 2 /* with all that is mounted below */, PLAN_DENIED = 4 /* opening fails */ };
struct plan_rebind {         /* the path onto itself */
	plan_off from, path;
	uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* */
	uint32_t flags, pad;
	struct ps_object object;
};
struct plan_landlock_rule { plan_off from, path; uint64_t access /* LANDLOCK_ACCESS_FS_* */; uint32_t flags, pad; struct ps_object object; };
struct plan_link { plan_off from, path, target; };
struct plan_device {
	plan_off from, path;
	uint32_t type, major, minor, mode, uid, gid;
	uint32_t fd;                 /* bind this host node instead of mknod (user namespace); else PLAN_NO_FD */
};
struct plan_sysctl { plan_off from, path, value; };  /* path below /proc/sys, "net/ipv4/ip_forward" */
struct plan_stand { plan_off from, address; uint32_t port, pad; }; /* "127.0.0.1", a UDP port: in the container it is the host's */
struct plan_net_device { plan_off from, host_name, name; }; /* name: in the container; "%d" in it is the first free number */
struct plan_rlimit { uint32_t resource; plan_off from; uint64_t soft, hard; };
enum plan_affinity_when { PLAN_AFFINITY_INITIAL = 1 /* before it is in the cgroup */, PLAN_AFFINITY_FINAL = 2 };
struct plan_affinity { plan_off from; uint32_t when; struct plan_list cpus; };                    /* uint32_t */
struct plan_scheduler {
	plan_off from;
	uint32_t policy;             /* SCHED_* */
	int32_t nice;
	uint32_t priority;
	uint64_t flags;              /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period; /* nanoseconds */
};
struct plan_io_priority { plan_off from; uint32_t class, level; };                                /* IOPRIO_CLASS_* */
struct plan_memory_policy { plan_off from; uint32_t mode, flags; struct plan_list nodes; };       /* MPOL_*, MPOL_F_*, uint32_t */
enum { PLAN_RDT_MUST_EXIST = 1, PLAN_RDT_MONITOR = 2 /* a group in it, named as the container */ };
struct plan_rdt { plan_off from, group /* of resctrl; "" its root */; uint32_t flags; struct plan_list schemata; };
struct plan_hook { plan_off from, path; struct plan_list args, env; /* plan_off */ uint32_t has_env, timeout_s; };

/* One cgroup directory of the container; version 1: one per hierarchy, version 2: the unified one. */
struct plan_cgroup {
	plan_off mount;              /* "/sys/fs/cgroup/memory" */
	plan_off path;               /* "/podshim/ID", below mount */
	plan_off controllers;        /* "memory", "cpu,cpuacct", "" for v2, "name=systemd" */
	uint32_t version;            /* 1 or 2 */
	uint32_t fd;                 /* PLAN_FD_CGROUP_MNT index or PLAN_NO_FD */
	plan_off from;
};
enum {
	PLAN_CGROUP_OPTIONAL = 1, /* a missing file is fine */
	PLAN_CGROUP_OR_NEXT = 2,  /* the next row is for where this file is missing, and only for that */
};
struct plan_cgroup_file { uint32_t cgroup, flags; plan_off from, file, value; };
struct plan_unit_property { plan_off from, name, type /* D-Bus signature */, value /* GVariant text */; };
struct plan_device_rule { uint8_t allow; char type; uint16_t access; plan_off from; int64_t major, minor; };

struct plan_caps { uint64_t bounding, effective, inheritable, permitted, ambient; };

struct plan {
	uint32_t magic, version, size;
	plan_off file;                   /* the document, as provenances name it: "config.json" */
	plan_off id, bundle, hostname, domainname;

	struct plan_list fds;            /* struct plan_fd */
	/* namespaces */
	uint64_t ns_new;                 /* CLONE_NEW* made for this container (all eight possible) */
	struct plan_list ns_joins;       /* struct plan_ns_join */
	struct plan_list uid_map, gid_map;
	struct plan_list time_offsets;
	uint8_t bridge_early;            /* a user namespace: what the host owns is joined and staged before it is made or joined */
	uint8_t bridge_late;             /* the pid namespace is shared: everything is applied before the process enters it */
	uint8_t lo_up;                   /* bring lo up in the new network namespace */
	uint8_t resolver;                /* a supervisor answers for names at PLAN_RESOLVER_ADDRESS, port 53 */
	uint8_t new_keyring;
	uint8_t uplink;                  /* datagrams leave a new network namespace through the supervisor */
	uint8_t keeps_groups;            /* supplementary groups stay the caller's */
	uint8_t pad4;
	struct plan_list stands;         /* struct plan_stand */
	struct plan_list net_devices;    /* struct plan_net_device */

	/* file system; rootfs_fd == PLAN_NO_FD: exec, nothing of this applies */
	uint32_t rootfs_fd;
	plan_off rootfs;                 /* 0: a tmpfs */
	plan_off rootfs_store;           /* as plan_mount.store */
	uint32_t store_fd;               /* PLAN_FD_STORE, or PLAN_NO_FD: nothing has `store` */
	uint8_t rootfs_readonly, no_pivot, has_mount_ns;
	uint8_t reaper;                  /* pid 1 stays init and reaps; the payload is its child */
	uint64_t rootfs_propagation;
	uint64_t rootfs_attr_set;        /* MOUNT_ATTR_* for the tree of the root file system; read-only: for its topmost mount, at last */
	plan_off mount_context;          /* the option that a mount's label is given by */
	uint32_t pad6;
	struct plan_list mounts, devices, links, rebinds, masked, readonly, sysctl;
	uint32_t null_fd;                /* PLAN_FD_DEVICE of /dev/null for masks */

	/* process; has_process 0: a container without one (create works, start refuses) */
	uint8_t has_process, terminal, no_new_privs, has_caps;
	uint8_t has_umask, has_oom, has_personality, needs_setgroups;
	uint16_t rows, cols;
	uint32_t uid, gid, umask, personality;
	int32_t oom_score_adj;
	struct plan_list groups;         /* uint32_t */
	struct plan_list args, env;      /* plan_off */
	plan_off cwd;
	plan_off args_from, cwd_from, user_from, caps_from; /* not always the document: exec's flags, defaults */
	struct plan_caps caps;
	plan_off apparmor, selinux;      /* profile, label that execve(2) changes to; 0: none */
	plan_off apparmor_from, selinux_from;
	struct plan_list rlimits;
	struct plan_list scheduler, io_priority, memory_policy; /* at most one row each; none: as the launcher has it */
	struct plan_list rdt;            /* struct plan_rdt, at most one */
	struct plan_list affinity;       /* struct plan_affinity, of exec */
	struct plan_list seccomp;        /* struct sock_filter, ready to load; n == 0: none */
	uint32_t seccomp_flags;
	uint32_t guard_flags;            /* SECCOMP_FILTER_FLAG_NEW_LISTENER: it has a listener, which goes to the supervisor */
	uint32_t agent_fd;               /* PLAN_FD_AGENT: seccomp_flags have a listener, which goes there; PLAN_NO_FD */
	uint32_t agent_pid;              /* exec: the container's init, as the host sees it; 0: the launcher says which when it is known */
	plan_off agent_metadata;         /* for the agent, as JSON; 0: none */
	uint32_t pad5;
	struct plan_list guard;          /* the same beside it: what permissions take away, and what a supervisor answers */
	uint64_t landlock_fs, landlock_scoped; /* LANDLOCK_ACCESS_FS_*, LANDLOCK_SCOPE_*; both 0: no domain */
	struct plan_list landlock;       /* struct plan_landlock_rule */
	uint64_t under_fs, under_scoped; /* another domain, which that one is in; both 0: none */
	struct plan_list under;          /* struct plan_landlock_rule */
	uint32_t landlock_flags;         /* LANDLOCK_RESTRICT_SELF_* */
	uint8_t mdwe, pad3[3];           /* no memory becomes executable later (PR_SET_MDWE) */
	uint32_t preserve_fds;           /* fds 3 .. 3+n-1 go to the payload */
	uint32_t channel_fd;             /* the fd at which the payload finds its channel; 0: it has none */

	/* cgroups */
	struct plan_list cgroups;        /* struct plan_cgroup */
	struct plan_list cgroup_files;   /* struct plan_cgroup_file, written in order after the directories exist */
	struct plan_list device_rules;   /* for version 2 (BPF); version 1 has them as files */
	uint8_t cgroup_chown;            /* delegate the v2 directory to the owner of the container (spec: cgroup ownership) */
	uint8_t unit_user;               /* the unit is of the caller's own systemd, not the system's */
	uint8_t unit_slice;              /* it is a slice, which is made empty; a scope is made with its first process */
	uint8_t pad2[5];
	uint32_t cgroup_uid;
	plan_off unit, unit_in;          /* the systemd unit whose cgroups these are, which systemd makes, and the slice that it is in; 0: none */
	struct plan_list unit_properties; /* struct plan_unit_property */

	/* hooks: struct plan_hook; the state text on stdin, and for an agent, is head + status + "\",\"pid\":" + pid + tail */
	struct plan_list prestart, create_runtime, create_container, start_container, poststart, poststop;
	plan_off hook_state_head, hook_state_tail;
	uint32_t hook_stdout, hook_stderr; /* PLAN_FD_OUTPUT: where what they print goes; PLAN_NO_FD: where ours does */
};

/* Where a payload asks for names; and an address of a new namespace's lo that is not loopback: else getaddrinfo(3) with
 * AI_ADDRCONFIG asks for nothing. */
#define PLAN_RESOLVER_ADDRESS "127.18.0.1"
#define PLAN_RESOLVER_OWN "198.18.0.1"
/* The way out for datagrams: its own IPv6 address, what link layer addresses both ends have. */
#define PLAN_UPLINK_IPV6 "fd53:5044::1"
#define PLAN_UPLINK_NEAR "\x02PD\0\0\1"
#define PLAN_UPLINK_FAR "\x02PD\0\0\2"

static inline const void *plan_at(const struct plan *p, plan_off off)
{
	return (const char *)p + off;
}
/* Text at off; "" for 0. */
static inline const char *plan_str(const struct plan *p, plan_off off)
{
	return off ? (const char *)p + off : "";
}
/* const struct T *rows = PLAN_ROWS(plan, struct T, list); */
#define PLAN_ROWS(p, type, list) ((const type *)plan_at((p), (list).off))
/* Does p take away what base does, as far as it shows without following programs and paths? */
static inline bool plan_confines_as(const struct plan *p, const struct plan *base)
{
	return !(base->landlock_fs & ~p->landlock_fs) && !(base->landlock_scoped & ~p->landlock_scoped) &&
	       (p->guard.n || !base->guard.n) && !(base->guard_flags & ~p->guard_flags) &&
	       (p->seccomp.n || !base->seccomp.n) && p->mdwe >= base->mdwe && p->no_new_privs >= base->no_new_privs;
}
/* for (PLAN_EACH(plan, struct plan_mount, m, plan->mounts)) ... */
#define PLAN_EACH(p, type, var, list) const type *var = PLAN_ROWS(p, type, list), *var##_end = var + (list).n; var < var##_end; var++
/* i-th string of a list of plan_off. */
static inline const char *plan_list_str(const struct plan *p, struct plan_list l, uint32_t i)
{
	return plan_str(p, PLAN_ROWS(p, plan_off, l)[i]);
}
