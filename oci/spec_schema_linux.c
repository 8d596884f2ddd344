/* SPDX-License-Identifier: Apache-2.0
 * spec_schema_linux.c - the members of config.json's "linux" object, as tables.
 */
#include "oci/spec_schema.h"

static const struct field namespace_fields[] = {
	STR(struct spec_namespace, "type", type, .flags = FIELD_REQUIRED),
	STR(struct spec_namespace, "path", path, .flags = FIELD_BLANK),
};
static const struct schema schema_namespace = SCHEMA_PLACED(namespace_fields, struct spec_namespace);

static const struct field time_offset_fields[] = {
	I64(struct spec_time_offset, "secs", secs),
	U32(struct spec_time_offset, "nanosecs", nanosecs, FIELD_RANGE(0, 999999999)),
};
static const struct schema schema_time_offset =
	SCHEMA_ELEMENT(time_offset_fields, struct spec_time_offset, SCHEMA_KEYED(struct spec_time_offset, clock));

static const struct field device_fields[] = {
	STR(struct spec_device, "path", path, .flags = FIELD_REQUIRED),
	STR(struct spec_device, "type", type, .flags = FIELD_REQUIRED),
	I64(struct spec_device, "major", major),
	I64(struct spec_device, "minor", minor),
	OPT_U32(struct spec_device, "fileMode", file_mode),
	OPT_U32(struct spec_device, "uid", uid),
	OPT_U32(struct spec_device, "gid", gid),
};
static const struct schema schema_device = SCHEMA_PLACED(device_fields, struct spec_device);

static const struct field net_device_fields[] = {
	STR(struct spec_net_device, "name", name, .flags = FIELD_BLANK),
};
static const struct schema schema_net_device =
	SCHEMA_PLACED(net_device_fields, struct spec_net_device, SCHEMA_KEYED(struct spec_net_device, host_name));

/* ---- resources ---- */

static const struct field device_rule_fields[] = {
	BOOL(struct spec_device_rule, "allow", allow, .flags = FIELD_REQUIRED),
	STR(struct spec_device_rule, "type", type, .flags = FIELD_BLANK),
	OPT_I64(struct spec_device_rule, "major", major, FIELD_RANGE(-1, INT64_MAX)),
	OPT_I64(struct spec_device_rule, "minor", minor, FIELD_RANGE(-1, INT64_MAX)),
	STR(struct spec_device_rule, "access", access),
};
static const struct schema schema_device_rule = SCHEMA_PLACED(device_rule_fields, struct spec_device_rule);

#define R struct spec_resources
#define LIMIT FIELD_RANGE(-1, INT64_MAX) /* -1: unlimited */
static const struct field memory_fields[] = {
	OPT_I64(R, "limit", memory.limit, LIMIT),
	OPT_I64(R, "reservation", memory.reservation, LIMIT),
	OPT_I64(R, "swap", memory.swap, LIMIT),
	OPT_I64(R, "kernel", memory.kernel, LIMIT),
	OPT_I64(R, "kernelTCP", memory.kernel_tcp, LIMIT),
	OPT_U64(R, "swappiness", memory.swappiness, FIELD_RANGE(0, 100)),
	OPT_BOOL(R, "disableOOMKiller", memory.disable_oom_killer),
	OPT_BOOL(R, "useHierarchy", memory.use_hierarchy),
	OPT_BOOL(R, "checkBeforeUpdate", memory.check_before_update, .since = 1),
};
static const struct schema schema_memory = SCHEMA(memory_fields);

static const struct field cpu_fields[] = {
	OPT_U64(R, "shares", cpu.shares),
	OPT_I64(R, "quota", cpu.quota),
	OPT_U64(R, "burst", cpu.burst, .since = 1),
	OPT_U64(R, "period", cpu.period),
	OPT_I64(R, "realtimeRuntime", cpu.realtime_runtime),
	OPT_U64(R, "realtimePeriod", cpu.realtime_period),
	STR(R, "cpus", cpu.cpus, .flags = FIELD_BLANK),
	STR(R, "mems", cpu.mems, .flags = FIELD_BLANK),
	OPT_I64(R, "idle", cpu.idle, .since = 1),
};
static const struct schema schema_cpu = SCHEMA(cpu_fields);

static const struct field pids_fields[] = {
	OPT_I64(R, "limit", pids_limit, LIMIT),
};
static const struct schema schema_pids = SCHEMA(pids_fields);

static const struct field throttle_fields[] = {
	I64(struct spec_throttle, "major", major, .flags = FIELD_REQUIRED, FIELD_RANGE(0, INT64_MAX)),
	I64(struct spec_throttle, "minor", minor, .flags = FIELD_REQUIRED, FIELD_RANGE(0, INT64_MAX)),
	U64(struct spec_throttle, "rate", rate),
};
static const struct schema schema_throttle = SCHEMA_ELEMENT(throttle_fields, struct spec_throttle);

#define WEIGHT FIELD_RANGE(0, UINT16_MAX)
static const struct field weight_device_fields[] = {
	I64(struct spec_weight_device, "major", major, .flags = FIELD_REQUIRED, FIELD_RANGE(0, INT64_MAX)),
	I64(struct spec_weight_device, "minor", minor, .flags = FIELD_REQUIRED, FIELD_RANGE(0, INT64_MAX)),
	OPT_U32(struct spec_weight_device, "weight", weight, WEIGHT),
	OPT_U32(struct spec_weight_device, "leafWeight", leaf_weight, WEIGHT),
};
static const struct schema schema_weight_device = SCHEMA_ELEMENT(weight_device_fields, struct spec_weight_device);

#define THROTTLE(json, m) LIST(R, json, block_io.m.v, block_io.m.n, struct spec_throttle, &schema_throttle)
static const struct field block_io_fields[] = {
	OPT_U32(R, "weight", block_io.weight, WEIGHT),
	OPT_U32(R, "leafWeight", block_io.leaf_weight, WEIGHT),
	LIST(R, "weightDevice", block_io.weight_devices, block_io.n_weight_devices, struct spec_weight_device,
	     &schema_weight_device),
	THROTTLE("throttleReadBpsDevice", read_bps),
	THROTTLE("throttleWriteBpsDevice", write_bps),
	THROTTLE("throttleReadIOPSDevice", read_iops),
	THROTTLE("throttleWriteIOPSDevice", write_iops),
};
static const struct schema schema_block_io = SCHEMA(block_io_fields);

static const struct field hugepage_fields[] = {
	STR(struct spec_hugepage, "pageSize", page_size, .flags = FIELD_REQUIRED),
	U64(struct spec_hugepage, "limit", limit, .flags = FIELD_REQUIRED),
};
static const struct schema schema_hugepage = SCHEMA_PLACED(hugepage_fields, struct spec_hugepage);

static const struct field net_prio_fields[] = {
	STR(struct spec_net_prio, "name", name, .flags = FIELD_REQUIRED | FIELD_NONEMPTY),
	U32(struct spec_net_prio, "priority", priority, .flags = FIELD_REQUIRED),
};
static const struct schema schema_net_prio = SCHEMA_PLACED(net_prio_fields, struct spec_net_prio);

static const struct field network_fields[] = {
	OPT_U32(R, "classID", network.class_id),
	LIST(R, "priorities", network.priorities, network.n_priorities, struct spec_net_prio, &schema_net_prio),
};
static const struct schema schema_network = SCHEMA(network_fields);

static const struct field rdma_fields[] = {
	OPT_U32(struct spec_rdma, "hcaHandles", hca_handles),
	OPT_U32(struct spec_rdma, "hcaObjects", hca_objects),
};
static const struct schema schema_rdma =
	SCHEMA_PLACED(rdma_fields, struct spec_rdma, SCHEMA_KEYED(struct spec_rdma, device));

static const struct field resources_fields[] = {
	LIST(R, "devices", devices, n_devices, struct spec_device_rule, &schema_device_rule),
	PART("memory", &schema_memory),
	PART("cpu", &schema_cpu),
	PART("pids", &schema_pids),
	PART("blockIO", &schema_block_io),
	LIST(R, "hugepageLimits", hugepages, n_hugepages, struct spec_hugepage, &schema_hugepage),
	PART("network", &schema_network),
	MAP(R, "rdma", rdma, n_rdma, struct spec_rdma, &schema_rdma),
	KVS(R, "unified", unified, .since = 1),
};
#undef R
const struct schema schema_resources = SCHEMA(resources_fields);

/* ---- seccomp ---- */

static const struct field seccomp_arg_fields[] = {
	U32(struct spec_seccomp_arg, "index", index, .flags = FIELD_REQUIRED, FIELD_RANGE(0, 5)),
	U64(struct spec_seccomp_arg, "value", value, .flags = FIELD_REQUIRED),
	U64(struct spec_seccomp_arg, "valueTwo", value_two),
	STR(struct spec_seccomp_arg, "op", op, .flags = FIELD_REQUIRED),
};
static const struct schema schema_seccomp_arg = SCHEMA_ELEMENT(seccomp_arg_fields, struct spec_seccomp_arg);

static const struct field seccomp_rule_fields[] = {
	STRS(struct spec_seccomp_rule, "names", names, .flags = FIELD_REQUIRED),
	STR(struct spec_seccomp_rule, "action", action, .flags = FIELD_REQUIRED),
	OPT_U32(struct spec_seccomp_rule, "errnoRet", errno_ret),
	LIST(struct spec_seccomp_rule, "args", args, n_args, struct spec_seccomp_arg, &schema_seccomp_arg),
};
static const struct schema schema_seccomp_rule = SCHEMA_PLACED(seccomp_rule_fields, struct spec_seccomp_rule);

static const struct field seccomp_fields[] = {
	STR(struct spec_seccomp, "defaultAction", default_action, .flags = FIELD_REQUIRED),
	OPT_U32(struct spec_seccomp, "defaultErrnoRet", default_errno_ret, .since = 1),
	STRS(struct spec_seccomp, "architectures", architectures),
	STRS(struct spec_seccomp, "flags", flags, FIELD_MARKED(struct spec_seccomp, has_flags)),
	STR(struct spec_seccomp, "listenerPath", listener_path, .flags = FIELD_BLANK, .since = 1),
	STR(struct spec_seccomp, "listenerMetadata", listener_metadata, .flags = FIELD_BLANK, .since = 1),
	LIST(struct spec_seccomp, "syscalls", rules, n_rules, struct spec_seccomp_rule, &schema_seccomp_rule),
};
static const struct schema schema_seccomp = SCHEMA(seccomp_fields);

/* ---- linux ---- */

#define L struct spec_linux
static const struct field intel_rdt_fields[] = {
	STR(L, "closID", intel_rdt.clos_id, .flags = FIELD_BLANK),
	STRS(L, "schemata", intel_rdt.schemata, .since = 3),
	STR(L, "l3CacheSchema", intel_rdt.l3_cache_schema, .flags = FIELD_BLANK),
	STR(L, "memBwSchema", intel_rdt.mem_bw_schema, .flags = FIELD_BLANK),
	BOOL(L, "enableMonitoring", intel_rdt.enable_monitoring, .since = 3),
};
static const struct schema schema_intel_rdt = SCHEMA(intel_rdt_fields);

static const struct field memory_policy_fields[] = {
	STR(L, "mode", memory_policy.mode), /* its rule asks for it */
	STR(L, "nodes", memory_policy.nodes, .flags = FIELD_BLANK),
	STRS(L, "flags", memory_policy.flags),
};
static const struct schema schema_memory_policy = SCHEMA(memory_policy_fields);

static const struct field personality_fields[] = {
	STR(L, "domain", personality.domain, .flags = FIELD_REQUIRED),
	STRS(L, "flags", personality.flags),
};
static const struct schema schema_personality = SCHEMA(personality_fields);

static const struct field linux_fields[] = {
	LIST(L, "namespaces", namespaces, n_namespaces, struct spec_namespace, &schema_namespace),
	LIST(L, "uidMappings", uid_maps.v, uid_maps.n, struct spec_id_map, &schema_id_map),
	LIST(L, "gidMappings", gid_maps.v, gid_maps.n, struct spec_id_map, &schema_id_map),
	MAP(L, "timeOffsets", time_offsets, n_time_offsets, struct spec_time_offset, &schema_time_offset, .since = 1),
	LIST(L, "devices", devices, n_devices, struct spec_device, &schema_device),
	MAP(L, "netDevices", net_devices, n_net_devices, struct spec_net_device, &schema_net_device, .since = 3),
	STR(L, "cgroupsPath", cgroups_path, .flags = FIELD_BLANK),
	INNER(L, "resources", resources, struct spec_resources, &schema_resources, FIELD_MARKED(L, resources.set)),
	PART("intelRdt", &schema_intel_rdt, FIELD_MARKED(L, intel_rdt.set)),
	PART("memoryPolicy", &schema_memory_policy, .since = 3, FIELD_MARKED(L, memory_policy.set)),
	KVS(L, "sysctl", sysctl),
	INNER(L, "seccomp", seccomp, struct spec_seccomp, &schema_seccomp, FIELD_MARKED(L, seccomp.set)),
	STR(L, "rootfsPropagation", rootfs_propagation, .flags = FIELD_BLANK),
	STRS(L, "maskedPaths", masked_paths),
	STRS(L, "readonlyPaths", readonly_paths),
	STR(L, "mountLabel", mount_label, .flags = FIELD_BLANK),
	PART("personality", &schema_personality, FIELD_MARKED(L, personality.set)),
};
#undef L
const struct schema schema_linux = SCHEMA(linux_fields);
