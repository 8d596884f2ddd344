/* SPDX-License-Identifier: Apache-2.0
 * policy.h - the decisions: what the container may see, use and do, with names resolved to values and defaults added.
 *
 * Pure data in an arena, constant after it was made; the plan is compiled from it and from host facts alone.  Every
 * entry carries its provenance (`from`): "config.json#/mounts/3", "default#/devices/null".
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/object.h"
#include "oci/spec.h"

enum policy_ns_mode { POLICY_NS_HOST, POLICY_NS_NEW, POLICY_NS_JOIN };
struct policy_ns {
	uint64_t flag;               /* CLONE_NEW* */
	enum policy_ns_mode mode;
	const char *path;            /* POLICY_NS_JOIN */
	const char *from;
};
enum { POLICY_N_NS = 8 };            /* in the order user pid net mnt ipc uts cgroup time; policy_ns_get() by flag */

/* Where what is written to a place goes, where it does not go to the place itself. */
enum policy_stored {
	POLICY_STORED_NOT,           /* to the place itself */
	POLICY_STORED_OVER,          /* a directory: to an overlay's upper layer; what the host has is only read */
	POLICY_STORED_COPY,          /* a file: to a copy of it */
	POLICY_STORED_NEW,           /* a tmpfs: to a folder of the store, which is of limited size */
};

struct policy_mount {
	const char *from, *target, *fstype, *source;  /* source of a bind is absolute here (bundle applied) */
	uint64_t sb_flags;           /* MS_* for the super block (MS_RDONLY MS_SYNCHRONOUS MS_DIRSYNC MS_LAZYTIME ...) */
	uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* for this mount */
	uint64_t rec_set, rec_clr;   /* MOUNT_ATTR_* for the whole tree */
	uint64_t propagation;        /* MS_SHARED ... with MS_REC; 0: unset */
	const char *data;            /* file-system options, comma separated, "" without */
	const char *label;           /* SELinux: of all that is in it; NULL: none */
	bool bind, recursive, remount, tmpcopyup, idmap, idmap_recursive;
	bool exact;                  /* of a bind: flags of the source that neither attr_set nor rec_set has are cleared */
	const char *inside;          /* of a bind: its source as a path of the container, where rows before it put it; NULL: source, the host's */
	bool copy_symlink;           /* a source that is a symbolic link is made again, not followed */
	struct spec_id_maps uid_maps, gid_maps;
	enum policy_stored stored;
	const char *store_name;      /* its folder in the store, once that has a place */
};
struct policy_path {
	const char *from, *path;
	bool denied;             /* of masked: to open it fails, rather than to read nothing */
	struct ps_object object; /* what it must still be when it is masked */
};
struct policy_link { const char *from, *path, *target; };
struct policy_device {
	const char *from, *path;
	uint32_t type;               /* S_IFCHR, S_IFBLK, S_IFIFO */
	uint32_t major, minor, mode, uid, gid;
};
struct policy_device_rule { const char *from; bool allow; char type; /* 'a' 'c' 'b' */ int64_t major, minor; /* -1 any */ uint32_t access; /* 1 mknod, 2 read, 4 write (BPF_DEVCG_ACC_*) */ };
struct policy_net_device { const char *from, *host_name, *name; }; /* becomes the container's, under the second name */
struct policy_stand { const char *from, *address; uint16_t port; }; /* UDP to a loopback address that is the host's */
struct policy_rlimit { const char *from; int resource; uint64_t soft, hard; };
struct policy_numbers { const uint32_t *v; size_t n; };
/* from NULL: as the launcher has it. */
struct policy_scheduler {
	const char *from;
	uint32_t policy, priority;   /* SCHED_* */
	int32_t nice;
	uint64_t flags;              /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period; /* nanoseconds */
};
struct policy_caps { const char *from; uint64_t bounding, effective, inheritable, permitted, ambient; };
struct policy_hook { const char *from, *path; struct spec_strs args, env; bool has_env; uint32_t timeout; /* seconds, 0 none */ };
struct policy_hooks { const struct policy_hook *v; size_t n; };
struct policy_output { const char *from, *path; }; /* a file of the host's to append to; from NULL: none */

struct policy_seccomp_rule {
	const char *from;
	uint32_t action;             /* SECCOMP_RET_* with data */
	struct spec_strs names;
	const struct spec_seccomp_arg *args; /* op names checked */
	size_t n_args;
};
struct policy_seccomp {
	bool set;
	const char *from;
	uint32_t default_action;     /* SECCOMP_RET_* with data */
	uint32_t flags;              /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
	const uint32_t *archs;       /* AUDIT_ARCH_* (names_seccomp_arch values), native first */
	size_t n_archs;
	const struct policy_seccomp_rule *rules;
	size_t n_rules;
	const char *agent, *agent_from, *agent_metadata; /* socket of who answers SECCOMP_RET_USER_NOTIF, what is said to him; NULL */
	bool all_known;              /* a name that is not known here is an error, not left out */
	bool strictest;              /* of rules that hold for one call the strictest counts, and all names are known; else as libseccomp has it */
};

struct policy_process {
	const char *from, *args_from, *cwd_from, *user_from;
	struct spec_strs args, env;
	const char *cwd;
	bool terminal;
	uint16_t rows, cols;
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t n_groups;
	struct { bool set; uint32_t v; } umask;
	struct policy_caps caps;     /* none where the document has no capabilities: caps.from is "default" then */
	bool has_caps;
	bool no_new_privileges;
	const struct policy_rlimit *rlimits;
	size_t n_rlimits;
	struct { bool set; int32_t v; } oom_score_adj;
	struct { bool set; uint32_t v; } personality;
	struct policy_scheduler scheduler;
	const char *apparmor, *apparmor_from; /* profile that the payload enters by its execve(2); NULL: none is asked for */
	const char *selinux, *selinux_from;   /* label, the same */
	struct { const char *from; uint32_t class, level; } io_priority;  /* IOPRIO_CLASS_*; from NULL: as the launcher has it */
	struct { const char *from; struct policy_numbers initial, final; } affinity; /* of exec, CPUs: before and after it joins the cgroup */
};

/* What permissions take away beyond config.json (restrict.h); all empty without any. */
struct policy_rebind {               /* the path bound onto itself with other flags; a parent stands before what is below it */
	const char *from, *path;
	uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* */
	bool optional, recursive;    /* optional: may be missing; recursive: what is mounted below gets attr_set, too */
	struct ps_object object;     /* what it must still be */
};
struct policy_landlock_rule {
	const char *from, *path;
	uint64_t access;             /* LANDLOCK_ACCESS_FS_* */
	bool optional;               /* left out where it is missing, or is another object */
	struct ps_object object;     /* what it must still be */
};
struct policy_landlock {
	uint64_t handled_fs, scoped; /* both 0: no domain is made */
	const struct policy_landlock_rule *rules;
	size_t n_rules;
};

/* Limits: unset stays unset, -1 is "max". */
struct policy_resources {
	const char *from;
	const char *under;                                              /* where they are in the document; NULL: "/linux/resources" */
	const char *memory_from, *pids_from, *cpu_from;                 /* who else set these limits: "--memory"; NULL: the document */
	struct opt_i64 memory_limit, memory_reservation, memory_swap;   /* swap = memory + swap, as in v1 */
	struct opt_u64 memory_swappiness;
	struct opt_bool memory_disable_oom_killer;
	bool memory_check_before_update;
	struct opt_u64 cpu_shares, cpu_burst, cpu_period, cpu_rt_period;
	struct opt_i64 cpu_quota, cpu_rt_runtime, cpu_idle;
	const char *cpus, *mems;
	struct opt_i64 pids_limit;
	struct spec_block_io block_io;                                  /* a weight of 0 is none, a rate of 0 no throttle */
	const struct spec_hugepage *hugepages;
	size_t n_hugepages;
	struct opt_u32 net_class;
	const struct spec_net_prio *net_prios;
	size_t n_net_prios;
	const struct spec_rdma *rdma;
	size_t n_rdma;
	struct spec_kvs unified;
	const struct policy_device_rule *device_rules;  /* in order; the default allow list is appended */
	size_t n_device_rules;
};

struct policy_degraded { int permission; /* enum policy_permission */ const char *from, *text, *warning; /* from: may be NULL; warning: all of it */ };

/* Of a document: its root file system is a tmpfs of its own ("tmpfs", as is root.path); pid 1 reaps ("1"). */
#define POLICY_ROOTFS_ANNOTATION "io.podshim.rootfs"
#define POLICY_REAPER_ANNOTATION "io.podshim.reaper"

struct policy {
	const char *file;            /* "config.json" */
	const char *bundle;          /* absolute */
	struct policy_ns ns[POLICY_N_NS];
	struct spec_id_maps uid_maps, gid_maps;
	struct { bool set; int64_t secs; uint32_t nanosecs; } monotonic, boottime;

	struct { const char *from, *path; bool readonly; uint64_t propagation; enum policy_stored stored; const char *store_name; } rootfs; /* path absolute; NULL: a tmpfs of its own */
	const struct policy_mount *mounts;
	size_t n_mounts;
	const struct policy_path *masked, *readonly;
	size_t n_masked, n_readonly;
	const struct policy_device *devices;   /* defaults first, then the document's; a document's device replaces a default of the same path */
	size_t n_devices;
	const struct policy_link *links;       /* /dev/fd, /dev/stdin, ... */
	size_t n_links;

	struct {
		const char *from;              /* NULL: none is asked for */
		const char *group;             /* of resctrl, "" its root, which is there or made; NULL: named as the container */
		bool must_exist;
		struct spec_strs schemata;     /* lines, in the order in which they are written */
		bool monitor;                  /* a monitoring group of the container's own in it */
	} rdt;
	const char *mount_label;               /* SELinux: linux.mountLabel, which the mounts that take it have; NULL */
	const char *mount_context;             /* the mount option that gives it: "rootcontext"; NULL: "context" */
	const char *hostname, *domainname;
	const struct policy_net_device *net_devices;
	size_t n_net_devices;
	const struct spec_kv *sysctl;          /* keys normalised to '/' separators */
	size_t n_sysctl;

	bool has_process;
	bool reaper;                           /* pid 1 stays podshim's and reaps; the payload is its child */
	struct policy_process process;
	bool keeps_groups;                     /* supplementary groups stay the caller's, process.groups are not set */
	struct policy_seccomp seccomp;
	struct { const char *from; uint32_t mode, flags; struct policy_numbers nodes; } memory_policy; /* MPOL_*, MPOL_F_*; from NULL: none */

	const struct policy_rebind *rebinds;
	size_t n_rebinds;
	uint64_t rootfs_attr_set;              /* MOUNT_ATTR_* of the root mount alone, once everything is mounted */
	struct policy_landlock landlock;
	const struct policy_landlock *landlock_under; /* exec with less: the container's own, which hold as well; NULL */
	struct {
		const char *path;            /* a folder of the host's; NULL: a tmpfs (size) or none */
		uint64_t size;               /* bytes of all that is in it; 0: no limit */
		bool undo;                   /* what was written is kept when the container has ended */
	} store;                             /* where mounts with `stored` have their folders */
	bool net_swaps;                        /* the supervisor's sockets come in the place of those of an empty namespace */
	bool resolver;                         /* names are asked of the supervisor */
	bool uplink;                           /* datagrams leave an empty namespace through the supervisor */
	const struct policy_stand *stands;
	size_t n_stands;
	bool mdwe;                             /* PR_MDWE_REFUSE_EXEC_GAIN */
	struct policy_seccomp guard;           /* a filter beside the document's own; SECCOMP_RET_USER_NOTIF goes to the supervisor */

	const char *cgroups_path;              /* as written, NULL: default */
	struct policy_resources resources;
	struct { struct policy_hooks prestart, create_runtime, create_container, start_container, poststart, poststop; } hooks;
	struct policy_output hook_stdout, hook_stderr; /* of all hooks */
	struct spec_kvs annotations;

	const struct policy_degraded *degraded; /* of permissions, best effort: what is not enforced; it is among the warnings, too */
	size_t n_degraded;
	struct spec_strs warnings;             /* e.g. unknown capabilities, ignored kernel memory limits */
	struct spec_strs notes;                /* what permissions came to: expansions, what was withheld, what nothing hides; for who asks */
};

/*
 * The plain OCI form: what config.json grants, nothing more and nothing less.  bundle: absolute path of the bundle.
 * Error PS_E_UNSUPP, where = "config.json: /pointer", for a field that is valid but not applied by this version:
 * nothing is dropped silently.
 */
int policy_from_oci(struct ps_arena *a, const struct spec *s, const char *bundle, const struct policy **ret,
		    struct ps_err *e);
/*
 * A process for exec: the process object `p` (of `file`, or with NULL the container's own with overrides), under the
 * container's policy (its seccomp, namespaces).
 */
int policy_process_from_oci(struct ps_arena *a, const char *file, const struct spec_process *p,
			    const struct policy *container, const struct policy **ret, struct ps_err *e);

/*
 * The resources alone, of a document of their own (update).  Without device rules there, none are in *ret, nor the default ones.
 */
int policy_resources_from_oci(struct ps_arena *a, const char *file, const struct spec_resources *s, const struct policy **ret,
			      struct ps_err *e);

const struct policy_ns *policy_ns_get(const struct policy *p, uint64_t flag);

/* The permission view of a policy: allow / deny entries in Deno's vocabulary, for `plan` and `explain`. */
#define POLICY_PERMISSIONS(X) X(READ, "read") X(WRITE, "write") X(NET, "net") X(ENV, "env") X(RUN, "run") X(FFI, "ffi") X(SYS, "sys")
enum policy_permission {
#define X(sym, name) POLICY_##sym,
	POLICY_PERMISSIONS(X)
#undef X
	POLICY_N_PERMISSIONS
};
enum policy_action { POLICY_ALLOW, POLICY_DENY, POLICY_WARN, POLICY_IGNORE };
struct policy_entry { enum policy_permission permission; enum policy_action action; const char *value, *from; };
/* Compute the entries of the plain OCI form (not on the launch path). */
int policy_entries(struct ps_arena *a, const struct policy *p, const struct policy_entry **ret, size_t *ret_n,
		   struct ps_err *e);
const char *policy_permission_name(enum policy_permission p);
const char *policy_action_name(enum policy_action a);
