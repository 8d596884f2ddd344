/* SPDX-License-Identifier: Apache-2.0
 * spec_schema.c - the members of config.json outside "linux", as tables.
 */
#include "oci/spec_schema.h"

static const struct field id_map_fields[] = {
	U32(struct spec_id_map, "containerID", container, .flags = FIELD_REQUIRED),
	U32(struct spec_id_map, "hostID", host, .flags = FIELD_REQUIRED),
	U32(struct spec_id_map, "size", size, .flags = FIELD_REQUIRED, FIELD_RANGE(1, UINT32_MAX)),
};
const struct schema schema_id_map = SCHEMA_ELEMENT(id_map_fields, struct spec_id_map);

/* ---- root, mounts, hooks ---- */

static const struct field root_fields[] = {
	STR(struct spec, "path", root.path, .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	BOOL(struct spec, "readonly", root.readonly),
};
static const struct schema schema_root = SCHEMA(root_fields);

static const struct field mount_fields[] = {
	STR(struct spec_mount, "destination", destination, .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	STR(struct spec_mount, "type", type, .flags = FIELD_BLANK),
	STR(struct spec_mount, "source", source, .flags = FIELD_BLANK),
	STRS(struct spec_mount, "options", options),
	LIST(struct spec_mount, "uidMappings", uid_maps.v, uid_maps.n, struct spec_id_map, &schema_id_map, .since = 1),
	LIST(struct spec_mount, "gidMappings", gid_maps.v, gid_maps.n, struct spec_id_map, &schema_id_map, .since = 1),
};
static const struct schema schema_mount = SCHEMA_PLACED(mount_fields, struct spec_mount);

static const struct field hook_fields[] = {
	STR(struct spec_hook, "path", path, .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	STRS(struct spec_hook, "args", args),
	STRS(struct spec_hook, "env", env, FIELD_MARKED(struct spec_hook, has_env)),
	OPT_U32(struct spec_hook, "timeout", timeout, FIELD_RANGE(1, INT32_MAX)),
};
static const struct schema schema_hook = SCHEMA_PLACED(hook_fields, struct spec_hook);

#define HOOKS(json, m) LIST(struct spec, json, hooks.m.v, hooks.m.n, struct spec_hook, &schema_hook)
static const struct field hooks_fields[] = {
	HOOKS("prestart", prestart),
	HOOKS("createRuntime", create_runtime),
	HOOKS("createContainer", create_container),
	HOOKS("startContainer", start_container),
	HOOKS("poststart", poststart),
	HOOKS("poststop", poststop),
};
static const struct schema schema_hooks = SCHEMA(hooks_fields);

/* ---- process ---- */

static const struct field console_size_fields[] = {
	U32(struct spec_process, "height", console_size.height, .flags = FIELD_REQUIRED, FIELD_RANGE(0, UINT16_MAX)),
	U32(struct spec_process, "width", console_size.width, .flags = FIELD_REQUIRED, FIELD_RANGE(0, UINT16_MAX)),
};
static const struct schema schema_console_size = SCHEMA(console_size_fields);

static const struct field user_fields[] = {
	/* (uid_t)-1 means "leave as it is" to setresuid(2): it is no identity. */
	U32(struct spec_user, "uid", uid, FIELD_RANGE(0, UINT32_MAX - 1)),
	U32(struct spec_user, "gid", gid, FIELD_RANGE(0, UINT32_MAX - 1)),
	OPT_U32(struct spec_user, "umask", umask, FIELD_RANGE(0, 0777)),
	U32S(struct spec_user, "additionalGids", groups, n_groups, FIELD_RANGE(0, UINT32_MAX - 1)),
};
static const struct schema schema_user = SCHEMA(user_fields);

static const struct field caps_fields[] = {
	STRS(struct spec_caps, "bounding", bounding),
	STRS(struct spec_caps, "effective", effective),
	STRS(struct spec_caps, "inheritable", inheritable),
	STRS(struct spec_caps, "permitted", permitted),
	STRS(struct spec_caps, "ambient", ambient),
};
static const struct schema schema_caps = SCHEMA(caps_fields);

static const struct field rlimit_fields[] = {
	STR(struct spec_rlimit, "type", type, .flags = FIELD_REQUIRED),
	U64(struct spec_rlimit, "soft", soft, .flags = FIELD_REQUIRED),
	U64(struct spec_rlimit, "hard", hard, .flags = FIELD_REQUIRED),
};
static const struct schema schema_rlimit = SCHEMA_PLACED(rlimit_fields, struct spec_rlimit);

static const struct field scheduler_fields[] = {
	STR(struct spec_scheduler, "policy", policy, .flags = FIELD_REQUIRED),
	I32(struct spec_scheduler, "nice", nice),
	I32(struct spec_scheduler, "priority", priority),
	STRS(struct spec_scheduler, "flags", flags),
	U64(struct spec_scheduler, "runtime", runtime),
	U64(struct spec_scheduler, "deadline", deadline),
	U64(struct spec_scheduler, "period", period),
};
static const struct schema schema_scheduler = SCHEMA(scheduler_fields);

static const struct field io_priority_fields[] = {
	STR(struct spec_process, "class", io_priority.class_name, .flags = FIELD_REQUIRED),
	I32(struct spec_process, "priority", io_priority.priority, FIELD_RANGE(0, 7)),
};
static const struct schema schema_io_priority = SCHEMA(io_priority_fields);

static const struct field affinity_fields[] = {
	STR(struct spec_process, "initial", exec_cpu_affinity.initial, .flags = FIELD_BLANK),
	STR(struct spec_process, "final", exec_cpu_affinity.final, .flags = FIELD_BLANK),
};
static const struct schema schema_affinity = SCHEMA(affinity_fields);

static const struct field process_fields[] = {
	BOOL(struct spec_process, "terminal", terminal),
	PART("consoleSize", &schema_console_size, FIELD_MARKED(struct spec_process, console_size.set)),
	STR(struct spec_process, "cwd", cwd, .flags = FIELD_REQUIRED),
	STRS(struct spec_process, "env", env),
	STRS(struct spec_process, "args", args),
	STR(struct spec_process, "commandLine", command_line),
	INNER(struct spec_process, "user", user, struct spec_user, &schema_user,
	      FIELD_MARKED(struct spec_process, user.set)),
	INNER(struct spec_process, "capabilities", caps, struct spec_caps, &schema_caps,
	      FIELD_MARKED(struct spec_process, caps.set)),
	LIST(struct spec_process, "rlimits", rlimits, n_rlimits, struct spec_rlimit, &schema_rlimit),
	BOOL(struct spec_process, "noNewPrivileges", no_new_privileges),
	STR(struct spec_process, "apparmorProfile", apparmor_profile, .flags = FIELD_BLANK),
	STR(struct spec_process, "selinuxLabel", selinux_label, .flags = FIELD_BLANK),
	OPT_I32(struct spec_process, "oomScoreAdj", oom_score_adj, FIELD_RANGE(-1000, 1000)),
	INNER(struct spec_process, "scheduler", scheduler, struct spec_scheduler, &schema_scheduler, .since = 1,
	      FIELD_MARKED(struct spec_process, scheduler.set)),
	PART("ioPriority", &schema_io_priority, .since = 1, FIELD_MARKED(struct spec_process, io_priority.set)),
	PART("execCPUAffinity", &schema_affinity, .since = 2, FIELD_MARKED(struct spec_process, exec_cpu_affinity.set)),
};
const struct schema schema_process = SCHEMA(process_fields);

/* ---- the document ---- */

static const struct field config_fields[] = {
	STR(struct spec, "ociVersion", oci_version, .flags = FIELD_REQUIRED),
	PART("root", &schema_root, .flags = FIELD_REQUIRED, FIELD_MARKED(struct spec, root.set)),
	LIST(struct spec, "mounts", mounts, n_mounts, struct spec_mount, &schema_mount),
	STR(struct spec, "hostname", hostname, .flags = FIELD_BLANK),
	STR(struct spec, "domainname", domainname, .flags = FIELD_BLANK, .since = 1),
	INNER(struct spec, "process", process, struct spec_process, &schema_process,
	      FIELD_MARKED(struct spec, process.set)),
	PART("hooks", &schema_hooks),
	KVS(struct spec, "annotations", annotations),
	INNER(struct spec, "linux", linux_, struct spec_linux, &schema_linux, FIELD_MARKED(struct spec, linux_.set)),
};
const struct schema schema_config = SCHEMA(config_fields);
