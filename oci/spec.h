/* SPDX-License-Identifier: Apache-2.0
 * spec.h - what was asked: config.json of runtime-spec 1.3.0 for Linux as plain structs.
 *
 * Owned by the arena that parsed it, constant afterwards.  Names stay the document's own (options, capabilities and
 * actions are strings here; they are checked, and become values in policy).  Optional scalars are `struct opt_*`;
 * a missing list has n == 0.  Every list element that can be refused later carries its place in the document (`at`,
 * a JSON pointer such as "/mounts/3"), so that an error and a policy entry can name it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "oci/json.h"

struct opt_i64 { bool set; int64_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_bool { bool set; bool v; };

struct spec_strs { const char *const *v; size_t n; };      /* v[n] is NULL */
struct spec_kv { const char *key, *value, *at; };
struct spec_kvs { const struct spec_kv *v; size_t n; };

struct spec_id_map { uint32_t container, host, size; };
struct spec_id_maps { const struct spec_id_map *v; size_t n; };

struct spec_mount {
	const char *at;
	const char *destination;
	const char *type;      /* may be NULL */
	const char *source;    /* may be NULL */
	struct spec_strs options;
	struct spec_id_maps uid_maps, gid_maps;
};

struct spec_rlimit { const char *at, *type; uint64_t soft, hard; };

struct spec_caps { bool set; struct spec_strs bounding, effective, inheritable, permitted, ambient; };

struct spec_user {
	bool set;
	uint32_t uid, gid;
	struct opt_u32 umask;
	const uint32_t *groups;
	size_t n_groups;
};

struct spec_scheduler {
	bool set;
	const char *policy;
	int32_t nice, priority;
	struct spec_strs flags;
	uint64_t runtime, deadline, period;
};

struct spec_process {
	bool set;
	bool terminal;
	struct { bool set; uint32_t height, width; } console_size;
	const char *cwd;
	struct spec_strs env, args;
	const char *args_flag, *cwd_flag, *user_flag, *apparmor_flag, *label_flag; /* who says so in place of the document, or NULL: "--cwd" */
	const char *command_line;            /* Windows only; ignored by Linux runtimes */
	struct spec_user user;
	struct spec_caps caps;
	const struct spec_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct { bool set; int32_t v; } oom_score_adj;
	struct spec_scheduler scheduler;
	struct { bool set; const char *class_name; int32_t priority; } io_priority;
	struct { bool set; const char *initial, *final; } exec_cpu_affinity;
};

struct spec_hook {
	const char *at, *path;
	struct spec_strs args, env;
	bool has_env;                        /* absent env: the hook inherits the runtime's environment */
	struct { bool set; uint32_t v; } timeout; /* seconds, > 0 */
};
struct spec_hooks { const struct spec_hook *v; size_t n; };

struct spec_namespace { const char *at, *type, *path; /* NULL: new */ };

struct spec_device {
	const char *at, *path, *type;        /* "c" "b" "u" "p" */
	int64_t major, minor;
	struct opt_u32 file_mode, uid, gid;
};

struct spec_device_rule {
	const char *at;
	bool allow;
	const char *type;                    /* "a" "c" "b"; NULL = "a" */
	struct opt_i64 major, minor;         /* unset or -1: any */
	const char *access;                  /* subset of "rwm"; NULL = all */
};

struct spec_throttle { int64_t major, minor; uint64_t rate; };
struct spec_throttles { const struct spec_throttle *v; size_t n; };
struct spec_weight_device { int64_t major, minor; struct opt_u32 weight, leaf_weight; };
struct spec_block_io {
	struct opt_u32 weight, leaf_weight;
	const struct spec_weight_device *weight_devices;
	size_t n_weight_devices;
	struct spec_throttles read_bps, write_bps, read_iops, write_iops;
};
struct spec_hugepage { const char *at, *page_size; uint64_t limit; };
struct spec_net_prio { const char *at, *name; uint32_t priority; };
struct spec_rdma { const char *at, *device; struct opt_u32 hca_handles, hca_objects; };

struct spec_resources {
	bool set;
	const struct spec_device_rule *devices;
	size_t n_devices;
	struct {
		struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
		struct opt_u64 swappiness;
		struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
	} memory;
	struct {
		struct opt_u64 shares, burst, period, realtime_period;
		struct opt_i64 quota, realtime_runtime, idle;
		const char *cpus, *mems;
	} cpu;
	struct opt_i64 pids_limit;
	struct spec_block_io block_io;
	const struct spec_hugepage *hugepages;
	size_t n_hugepages;
	struct {
		struct opt_u32 class_id;
		const struct spec_net_prio *priorities;
		size_t n_priorities;
	} network;
	const struct spec_rdma *rdma;
	size_t n_rdma;
	struct spec_kvs unified;
};

struct spec_seccomp_arg { uint32_t index; uint64_t value, value_two; const char *op; };
struct spec_seccomp_rule {
	const char *at;
	struct spec_strs names;
	const char *action;
	struct opt_u32 errno_ret;
	const struct spec_seccomp_arg *args;
	size_t n_args;
};
struct spec_seccomp {
	bool set;
	const char *default_action;
	struct opt_u32 default_errno_ret;
	struct spec_strs architectures, flags;
	bool has_flags;                      /* null or absent: runtime default; an empty list: none */
	const char *listener_path, *listener_metadata;
	const struct spec_seccomp_rule *rules;
	size_t n_rules;
};

struct spec_net_device { const char *at, *host_name, *name; };

struct spec_linux {
	bool set;
	const struct spec_namespace *namespaces;
	size_t n_namespaces;
	struct spec_id_maps uid_maps, gid_maps;
	const struct spec_time_offset { const char *clock; int64_t secs; uint32_t nanosecs; } *time_offsets;
	size_t n_time_offsets;
	const struct spec_device *devices;
	size_t n_devices;
	const struct spec_net_device *net_devices;
	size_t n_net_devices;
	const char *cgroups_path;
	struct spec_resources resources;
	struct {
		bool set;
		const char *clos_id, *l3_cache_schema, *mem_bw_schema;
		struct spec_strs schemata;
		bool enable_monitoring;
	} intel_rdt;
	struct { bool set; const char *mode, *nodes; struct spec_strs flags; } memory_policy;
	struct spec_kvs sysctl;
	struct spec_seccomp seccomp;
	const char *rootfs_propagation;
	struct spec_strs masked_paths, readonly_paths;
	const char *mount_label;
	struct { bool set; const char *domain; struct spec_strs flags; } personality;
};

struct spec {
	const char *file;                    /* name used in messages: "config.json" */
	const char *oci_version;
	struct { bool set; const char *path; bool readonly; } root;
	const struct spec_mount *mounts;
	size_t n_mounts;
	const char *hostname, *domainname;
	struct spec_process process;
	struct {
		struct spec_hooks prestart, create_runtime, create_container, start_container, poststart, poststop;
	} hooks;
	struct spec_kvs annotations;
	struct spec_linux linux_;
};

enum { SPEC_MAX_BYTES = 16 * 1024 * 1024 };

/*
 * Parse and check config.json text.  `file` is used in messages.  The spec lives in the arena (the text need not).
 * Error PS_E_CONFIG, where = "config.json: /json/pointer".  Fields of other platforms (windows, solaris, vm, zos,
 * freebsd) and unknown members are ignored.
 */
int spec_parse(struct ps_arena *a, const char *file, const char *text, size_t n, const struct spec **ret,
	       struct ps_err *e);
/* Parse a single process object (exec --process). */
int spec_parse_process(struct ps_arena *a, const char *file, const char *text, size_t n,
		       const struct spec_process **ret, struct ps_err *e);
/* Parse a linux.resources object (update). */
int spec_parse_resources(struct ps_arena *a, const char *file, const char *text, size_t n,
			 const struct spec_resources **ret, struct ps_err *e);
/* Cross-field rules of the runtime-spec (spec_check.c); called by spec_parse. */
int spec_check(const struct spec *s, struct ps_err *e);
/* An annotation's value, or NULL. */
const char *spec_annotation(const struct spec *s, const char *key);
/* `podshim spec`: the default config.json, pretty-printed, as runc's (rootless: user namespace, no cgroup limits; cgroup_ns: with a cgroup namespace). */
struct ps_buf;
void spec_write_default(struct ps_buf *out, bool rootless, bool cgroup_ns);
/* Its maskedPaths, with `more` (up to NULL; may be NULL) behind them, and readonlyPaths: members of an open object. */
struct ps_jsonw;
void spec_write_default_paths(struct ps_jsonw *w, const char *const *more);
