/* SPDX-License-Identifier: Apache-2.0
 * test_spec_parse.c - config.json to structs: every field, every kind of wrong value, documents of real callers.
 *
 * Inline documents are written with ' for ".
 * WRAP: calloc ps_arena_array reallocarray
 */
#include "tests/unit/unit.h"

#include "oci/spec_schema.h"
#include "tests/unit/fault.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(void *, ps_arena_array, (struct ps_arena *a, size_t n, size_t size), (a, n, size), NULL)
FAULT_WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL)

#define DATA "tests/data/spec/"
#define DOC(members) "{'ociVersion':'1.3.0','root':{'path':'rootfs'}" members "}"
#define PROCESS(members) DOC(",'process':{'cwd':'/','args':['sh']" members "}")
#define LINUX(members) DOC(",'linux':{" members "}")

static void read_data(const char *path, struct ps_buf *out)
{
	struct ps_err e = { .cls = PS_OK };

	if (ps_read_file_at(AT_FDCWD, path, 1 << 20, out, &e) < 0)
		fail_msg("%s: %s", path, e.msg);
}

static const struct spec *parse(struct ps_arena *a, const char *text, size_t n)
{
	struct ps_err e = { .cls = PS_OK };
	const struct spec *s = NULL;

	if (spec_parse(a, "config.json", text, n, &s, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return s;
}

static const struct spec *parse_file(struct ps_arena *a, const char *path)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	read_data(path, &text);
	return parse(a, text.data, text.len); /* the text need not outlive the call */
}

static const struct spec *parse_text(struct ps_arena *a, const char *text)
{
	ps_auto_mem char *copy = unit_quotes(text);

	return parse(a, copy, strlen(copy));
}

static void assert_strs(struct spec_strs list, const char *joined)
{
	char text[512] = "";

	for (size_t i = 0; i < list.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", list.v[i]);
	assert_string_equal(text, joined);
	if (list.v)
		assert_null(list.v[list.n]);
}

/* ---- the full document ---- */

/* The path leads somewhere; "-" stands for any element. */
static bool has_path(const struct json *node, const char *path)
{
	char step[64];
	size_t n;

	if (!node || !*path)
		return node != NULL;
	n = strcspn(++path, "/");
	assert_true(n < sizeof(step));
	memcpy(step, path, n);
	step[n] = '\0';
	if (strcmp(step, "-") != 0)
		return has_path(json_get(node, step), path + n);
	for (size_t i = 0; i < node->v.list.n; i++)
		if (has_path(&node->v.list.items[i], path + n))
			return true;
	return false;
}

static void assert_present(const char *path, const struct field *f, void *root)
{
	(void)f;
	if (!has_path(root, path))
		fail_msg("%s is not in full.json", path);
}

static void the_full_document_has_every_field(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	struct json *root = NULL;

	(void)state;
	read_data(DATA "full.json", &text);
	assert_int_equal(json_parse(&a, "full.json", text.data, text.len, &root, &e), 0);
	schema_each(&schema_config, "", assert_present, root);
}

static void full_process(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_process *p = &parse_file(&a, DATA "full.json")->process;

	(void)state;
	assert_true(p->set && p->terminal && p->no_new_privileges);
	assert_true(p->console_size.set && p->console_size.height == 25 && p->console_size.width == 80);
	assert_true(p->user.uid == 1000 && p->user.gid == 1001 && p->user.umask.set && p->user.umask.v == 18);
	assert_true(p->user.n_groups == 2 && p->user.groups[0] == 5 && p->user.groups[1] == UINT32_MAX - 1);
	assert_strs(p->args, "/bin/sh -c exit 0");
	assert_strs(p->env, "PATH=/usr/bin EMPTY=");
	assert_string_equal(p->command_line, "cmd.exe");
	assert_string_equal(p->cwd, "/work");
	assert_true(p->caps.set);
	assert_strs(p->caps.bounding, "CAP_KILL CAP_FROM_THE_FUTURE");
	assert_strs(p->caps.ambient, "CAP_KILL");
	assert_int_equal(p->n_rlimits, 2);
	assert_string_equal(p->rlimits[1].at, "/process/rlimits/1");
	assert_string_equal(p->rlimits[1].type, "RLIMIT_CORE");
	assert_true(p->rlimits[1].soft == 0 && p->rlimits[1].hard == UINT64_MAX);
	assert_string_equal(p->apparmor_profile, "acme_secure_profile");
	assert_string_equal(p->selinux_label, "system_u:system_r:svirt_lxc_net_t:s0:c124,c675");
	assert_true(p->oom_score_adj.set && p->oom_score_adj.v == -1000);
	assert_true(p->scheduler.set && p->scheduler.nice == 19 && p->scheduler.runtime == 10000000);
	assert_true(p->scheduler.deadline == 30000000 && p->scheduler.period == 30000000 && p->scheduler.priority == 0);
	assert_strs(p->scheduler.flags, "SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM");
	assert_true(p->io_priority.set && p->io_priority.priority == 4);
	assert_string_equal(p->io_priority.class_name, "IOPRIO_CLASS_BE");
	assert_true(p->exec_cpu_affinity.set);
	assert_string_equal(p->exec_cpu_affinity.initial, "7");
	assert_string_equal(p->exec_cpu_affinity.final, "0-3,7");
}

static void full_mounts_and_hooks(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_file(&a, DATA "full.json");

	(void)state;
	assert_string_equal(s->file, "config.json");
	assert_string_equal(s->oci_version, "1.3.0");
	assert_true(s->root.set && s->root.readonly);
	assert_string_equal(s->root.path, "rootfs");
	assert_string_equal(s->hostname, "full");
	assert_string_equal(s->domainname, "example.org");
	assert_int_equal(s->n_mounts, 3);
	assert_string_equal(s->mounts[1].at, "/mounts/1");
	assert_string_equal(s->mounts[1].destination, "data");
	assert_string_equal(s->mounts[1].source, "/srv/data");
	assert_null(s->mounts[1].type);
	assert_strs(s->mounts[1].options, "rbind ridmap rro rprivate");
	assert_true(s->mounts[1].uid_maps.n == 1 && s->mounts[1].uid_maps.v[0].host == 1000);
	assert_true(s->mounts[1].gid_maps.n == 1 && s->mounts[1].gid_maps.v[0].size == 10);
	assert_int_equal(s->mounts[0].options.n, 0);
	assert_string_equal(s->mounts[2].type, "tmpfs");

	const struct spec_hook *h = s->hooks.prestart.v;
	assert_int_equal(s->hooks.prestart.n, 1);
	assert_string_equal(h->at, "/hooks/prestart/0");
	assert_string_equal(h->path, "/usr/bin/prestart");
	assert_strs(h->args, "prestart 1");
	assert_true(h->has_env && h->timeout.set && h->timeout.v == 5);
	assert_false(s->hooks.create_runtime.v[0].has_env);
	assert_false(s->hooks.create_runtime.v[0].timeout.set);
	assert_true(s->hooks.create_container.v[0].has_env && s->hooks.create_container.v[0].env.n == 0);
	assert_true(s->hooks.start_container.n == 2 && s->hooks.poststart.n == 2 && s->hooks.poststop.n == 2);
	assert_string_equal(s->hooks.poststart.v[1].path, "/usr/bin/poststart2");

	assert_string_equal(s->annotations.v[0].at, "/annotations/com.example~1key");
	assert_string_equal(spec_annotation(s, "com.example/key"), "value");
	assert_string_equal(spec_annotation(s, "empty"), "");
	assert_null(spec_annotation(s, "none"));
}

static void full_linux(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_linux *l = &parse_file(&a, DATA "full.json")->linux_;

	(void)state;
	assert_true(l->set && l->n_namespaces == 8);
	assert_string_equal(l->namespaces[1].type, "network");
	assert_string_equal(l->namespaces[1].path, "/run/netns/full");
	assert_string_equal(l->namespaces[7].at, "/linux/namespaces/7");
	assert_null(l->namespaces[7].path);
	assert_true(l->uid_maps.n == 2 && l->uid_maps.v[1].container == 1 && l->uid_maps.v[1].host == 100000);
	assert_true(l->gid_maps.n == 1 && l->gid_maps.v[0].size == 32000);
	assert_int_equal(l->n_time_offsets, 2);
	assert_string_equal(l->time_offsets[0].clock, "monotonic");
	assert_true(l->time_offsets[0].secs == -172800 && l->time_offsets[0].nanosecs == 999999999);
	assert_int_equal(l->n_devices, 2);
	assert_true(l->devices[0].major == 10 && l->devices[0].minor == 229 && l->devices[0].file_mode.v == 0666);
	assert_true(l->devices[0].uid.set && l->devices[0].gid.set && !l->devices[1].file_mode.set);
	assert_string_equal(l->devices[1].at, "/linux/devices/1");
	assert_int_equal(l->n_net_devices, 2);
	assert_string_equal(l->net_devices[0].host_name, "eth0");
	assert_string_equal(l->net_devices[0].name, "container_eth0");
	assert_string_equal(l->net_devices[1].at, "/linux/netDevices/ens4");
	assert_null(l->net_devices[1].name);
	assert_string_equal(l->cgroups_path, "/my/runtime");
	assert_true(l->intel_rdt.set && l->intel_rdt.enable_monitoring);
	assert_string_equal(l->intel_rdt.clos_id, "guaranteed_group");
	assert_strs(l->intel_rdt.schemata, "L3:0=ff;1=c0 MB:0=50");
	assert_string_equal(l->intel_rdt.l3_cache_schema, "L3:0=7f0;1=1f");
	assert_string_equal(l->intel_rdt.mem_bw_schema, "MB:0=20;1=70");
	assert_true(l->memory_policy.set);
	assert_string_equal(l->memory_policy.mode, "MPOL_INTERLEAVE");
	assert_string_equal(l->memory_policy.nodes, "2-3");
	assert_strs(l->memory_policy.flags, "MPOL_F_STATIC_NODES");
	assert_int_equal(l->sysctl.n, 2);
	assert_string_equal(l->sysctl.v[0].key, "net.ipv4.ip_forward");
	assert_string_equal(l->sysctl.v[0].value, "1");
	assert_string_equal(l->rootfs_propagation, "slave");
	assert_strs(l->masked_paths, "/proc/kcore");
	assert_strs(l->readonly_paths, "/proc/sys /proc/bus");
	assert_string_equal(l->mount_label, "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811");
	assert_true(l->personality.set && l->personality.flags.n == 0);
	assert_string_equal(l->personality.domain, "LINUX32");
}

static void full_resources(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_resources *r = &parse_file(&a, DATA "full.json")->linux_.resources;

	(void)state;
	assert_true(r->set && r->n_devices == 3);
	assert_false(r->devices[0].allow);
	assert_true(r->devices[0].type == NULL && !r->devices[0].major.set);
	assert_true(r->devices[1].allow && r->devices[1].major.v == 10 && r->devices[1].minor.v == 229);
	assert_true(r->devices[2].minor.set && r->devices[2].minor.v == -1 && r->devices[2].access == NULL);
	assert_string_equal(r->devices[2].at, "/linux/resources/devices/2");
	assert_true(r->memory.limit.v == 536870912 && r->memory.reservation.v == 268435456);
	assert_true(r->memory.swap.v == 1073741824 && r->memory.kernel.v == -1 && r->memory.kernel_tcp.v == -1);
	assert_true(r->memory.swappiness.set && r->memory.swappiness.v == 0);
	assert_true(r->memory.disable_oom_killer.set && !r->memory.disable_oom_killer.v);
	assert_true(r->memory.use_hierarchy.set && r->memory.check_before_update.v);
	assert_true(r->cpu.shares.v == 1024 && r->cpu.quota.v == 1000000 && r->cpu.burst.v == 1000000);
	assert_true(r->cpu.period.v == 500000 && r->cpu.realtime_runtime.v == 950000);
	assert_true(r->cpu.realtime_period.v == 1000000 && r->cpu.idle.set && r->cpu.idle.v == 0);
	assert_string_equal(r->cpu.cpus, "2-3");
	assert_string_equal(r->cpu.mems, "0-7");
	assert_true(r->pids_limit.set && r->pids_limit.v == 0);
	assert_true(r->block_io.weight.v == 10 && r->block_io.leaf_weight.v == 11);
	assert_int_equal(r->block_io.n_weight_devices, 2);
	assert_true(r->block_io.weight_devices[1].minor == 16 && !r->block_io.weight_devices[1].weight.set);
	assert_true(r->block_io.read_bps.n == 1 && r->block_io.read_bps.v[0].rate == 600);
	assert_true(r->block_io.write_bps.v[0].rate == 601 && r->block_io.read_iops.v[0].rate == 602);
	assert_true(r->block_io.write_iops.v[0].rate == UINT64_MAX && r->block_io.write_iops.v[0].minor == 16);
	assert_int_equal(r->n_hugepages, 2);
	assert_string_equal(r->hugepages[0].page_size, "2MB");
	assert_true(r->hugepages[0].limit == 209715200);
	assert_true(r->network.class_id.v == 1048577 && r->network.n_priorities == 2);
	assert_string_equal(r->network.priorities[1].name, "lo");
	assert_true(r->network.priorities[1].priority == 1000);
	assert_int_equal(r->n_rdma, 2);
	assert_string_equal(r->rdma[0].device, "mlx5_1");
	assert_true(r->rdma[0].hca_handles.v == 3 && !r->rdma[1].hca_handles.set && r->rdma[1].hca_objects.v == 10000);
	assert_int_equal(r->unified.n, 2);
	assert_string_equal(r->unified.v[0].at, "/linux/resources/unified/io.max");
	assert_string_equal(r->unified.v[0].value, "259:0 rbps=2097152 wiops=120\n253:0 rbps=2097152");
}

static void full_seccomp(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_seccomp *s = &parse_file(&a, DATA "full.json")->linux_.seccomp;

	(void)state;
	assert_true(s->set && s->has_flags && s->default_errno_ret.set && s->default_errno_ret.v == 38);
	assert_string_equal(s->default_action, "SCMP_ACT_ERRNO");
	assert_strs(s->architectures, "SCMP_ARCH_X86_64 SCMP_ARCH_X32");
	assert_strs(s->flags, "SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	assert_string_equal(s->listener_path, "/run/agent.sock");
	assert_string_equal(s->listener_metadata, "key=value");
	assert_int_equal(s->n_rules, 3);
	assert_strs(s->rules[0].names, "getcwd chmod");
	assert_true(s->rules[0].errno_ret.v == 4095 && !s->rules[1].errno_ret.set);
	assert_int_equal(s->rules[1].n_args, 2);
	assert_true(s->rules[1].args[0].value == 2114060288 && s->rules[1].args[0].value_two == 0);
	assert_true(s->rules[1].args[1].index == 5 && s->rules[1].args[1].value == UINT64_MAX);
	assert_string_equal(s->rules[1].args[0].op, "SCMP_CMP_MASKED_EQ");
	assert_string_equal(s->rules[2].at, "/linux/seccomp/syscalls/2");
}

/* ---- other documents ---- */

static void what_podman_writes(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_file(&a, DATA "podman.json");

	(void)state;
	assert_string_equal(s->oci_version, "1.0.2-dev");
	assert_strs(s->process.args, "sh");
	assert_int_equal(s->n_mounts, 10);
	assert_int_equal(s->linux_.n_namespaces, 5);
	assert_int_equal(s->linux_.seccomp.n_rules, 22);
	assert_false(s->linux_.seccomp.has_flags);
	assert_string_equal(spec_annotation(s, "io.container.manager"), "libpod");
}

static void the_least_document(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_text(&a, DOC(""));

	(void)state;
	assert_false(s->process.set || s->linux_.set || s->root.readonly);
	assert_true(s->n_mounts == 0 && s->annotations.n == 0 && s->hooks.poststop.n == 0);
}

static void null_is_absent(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s =
		parse_text(&a, DOC(",'process':null,'mounts':null,'hostname':null,'annotations':{'a':null,'b':'c'},"
				   "'linux':{'namespaces':null,'resources':null,'netDevices':{'eth0':null},"
				   "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':null}}"));

	(void)state;
	assert_false(s->process.set || s->linux_.resources.set || s->linux_.seccomp.has_flags);
	assert_true(s->linux_.seccomp.set && s->linux_.n_net_devices == 0);
	assert_null(s->hostname);
	assert_int_equal(s->annotations.n, 1);
}

static void an_empty_string_can_mean_absent(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s = parse_text(
		&a, DOC(",'mounts':[{'destination':'/m','type':'','source':''}],"
			"'process':{'cwd':'/','args':['sh'],'apparmorProfile':''},"
			"'linux':{'namespaces':[{'type':'pid','path':''}],'cgroupsPath':'','rootfsPropagation':'',"
			"'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':[],'listenerMetadata':''}}"));

	(void)state;
	assert_null(s->mounts[0].type);
	assert_null(s->mounts[0].source);
	assert_null(s->process.apparmor_profile);
	assert_null(s->linux_.namespaces[0].path);
	assert_null(s->linux_.cgroups_path);
	assert_true(s->linux_.seccomp.has_flags && s->linux_.seccomp.flags.n == 0);
}

static void unknown_members_are_ignored(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec *s =
		parse_text(&a, DOC(",'windows':1,'vm':[],'x':{'y':{}},'process':{'cwd':'/','args':['sh'],"
				   "'user':{'username':'u','uid':7},'new':[[]]}"));

	(void)state;
	assert_int_equal(s->process.user.uid, 7);
}

/* ---- wrong values ---- */

static void wrong_values(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "[]", "config.json: expected an object, found an array" },
		{ "{'ociVersion':'1.3.0'}", "config.json: /root: is required, but missing" },
		{ "{'root':{'path':'r'}}", "config.json: /ociVersion: is required, but missing" },
		{ "{'ociVersion':'1.3.0','root':{}}", "config.json: /root/path: is required, but missing" },
		{ "{'ociVersion':'1.3.0','root':null}", "config.json: /root: is required, but missing" },
		{ "{'ociVersion':'1.3.0','root':{'path':''}}", "config.json: /root/path: must not be empty" },
		{ "{'ociVersion':1.3,'root':{'path':'r'}}",
		  "config.json: /ociVersion: expected a string, found the fraction 1.3" },
		{ DOC(",'process':{'args':['sh']}"), "config.json: /process/cwd: is required, but missing" },
		{ PROCESS(",'user':{'uid':'1'}"),
		  "config.json: /process/user/uid: expected an integer from 0 to 4294967294, found the string '1'" },
		{ PROCESS(",'user':{'uid':-1}"),
		  "config.json: /process/user/uid: expected an integer from 0 to 4294967294, found -1" },
		{ PROCESS(",'user':{'gid':4294967296}"),
		  "config.json: /process/user/gid: expected an integer from 0 to 4294967294, found 4294967296" },
		{ PROCESS(",'user':{'uid':1.0}"),
		  "config.json: /process/user/uid: expected an integer from 0 to 4294967294, found the fraction 1" },
		{ PROCESS(",'user':{'uid':4294967295}"),
		  "config.json: /process/user/uid: expected an integer from 0 to 4294967294, found 4294967295" },
		{ PROCESS(",'user':{'umask':512}"),
		  "config.json: /process/user/umask: expected an integer from 0 to 511, found 512" },
		{ PROCESS(",'user':{'additionalGids':[1,true]}"),
		  "config.json: /process/user/additionalGids/1: expected an integer from 0 to 4294967294, found true" },
		{ PROCESS(",'user':{'additionalGids':5}"),
		  "config.json: /process/user/additionalGids: expected an array of integers, found 5" },
		{ PROCESS(",'terminal':'yes'"),
		  "config.json: /process/terminal: expected true or false, found the string 'yes'" },
		{ PROCESS(",'terminal':0"), "config.json: /process/terminal: expected true or false, found 0" },
		{ PROCESS(",'env':'A=b'"),
		  "config.json: /process/env: expected an array of strings, found the string 'A=b'" },
		{ PROCESS(",'env':['A=b',null]"), "config.json: /process/env/1: expected a string, found null" },
		{ PROCESS(",'oomScoreAdj':1001"),
		  "config.json: /process/oomScoreAdj: expected an integer from -1000 to 1000, found 1001" },
		{ PROCESS(",'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}"),
		  "config.json: /process/ioPriority/priority: expected an integer from 0 to 7, found 8" },
		{ PROCESS(",'consoleSize':{'height':1}"),
		  "config.json: /process/consoleSize/width: is required, but missing" },
		{ PROCESS(",'scheduler':{'policy':'SCHED_OTHER','nice':2147483648}"),
		  "config.json: /process/scheduler/nice: expected an integer from -2147483648 to 2147483647, found "
		  "2147483648" },
		{ PROCESS(",'rlimits':[{'type':'RLIMIT_AS','soft':-1,'hard':1}]"),
		  "config.json: /process/rlimits/0/soft: expected an integer from 0 to 18446744073709551615, found "
		  "-1" },
		{ PROCESS(",'rlimits':['RLIMIT_AS']"),
		  "config.json: /process/rlimits/0: expected an object, found the string 'RLIMIT_AS'" },
		{ PROCESS(",'rlimits':{}"),
		  "config.json: /process/rlimits: expected an array of objects, found an object" },
		{ DOC(",'mounts':[{'type':'proc'}]"), "config.json: /mounts/0/destination: is required, but missing" },
		{ DOC(",'mounts':[{'destination':''}]"), "config.json: /mounts/0/destination: must not be empty" },
		{ DOC(",'hooks':{'poststart':[{'path':'/x','timeout':0}]}"),
		  "config.json: /hooks/poststart/0/timeout: expected an integer from 1 to 2147483647, found 0" },
		{ DOC(",'annotations':{'':'x'}"), "config.json: /annotations/: the member name must not be empty" },
		{ DOC(",'annotations':{'a/b':1}"), "config.json: /annotations/a~1b: expected a string, found 1" },
		{ DOC(",'annotations':[]"), "config.json: /annotations: expected an object, found an array" },
		{ LINUX("'uidMappings':[{'containerID':0,'hostID':0,'size':0}]"),
		  "config.json: /linux/uidMappings/0/size: expected an integer from 1 to 4294967295, found 0" },
		{ LINUX("'netDevices':{'':{}}"), "config.json: /linux/netDevices/: the member name must not be empty" },
		{ LINUX("'netDevices':['eth0']"),
		  "config.json: /linux/netDevices: expected an object, found an array" },
		{ LINUX("'timeOffsets':{'monotonic':{'nanosecs':1000000000}}"),
		  "config.json: /linux/timeOffsets/monotonic/nanosecs: expected an integer from 0 to 999999999, found "
		  "1000000000" },
		{ LINUX("'resources':{'memory':{'limit':-2}}"), "config.json: /linux/resources/memory/limit: expected "
								"an integer from -1 to 9223372036854775807, found -2" },
		{ LINUX("'resources':{'memory':{'limit':9223372036854775808}}"),
		  "config.json: /linux/resources/memory/limit: expected an integer from -1 to 9223372036854775807, "
		  "found 9223372036854775808" },
		{ LINUX("'resources':{'memory':{'swappiness':101}}"),
		  "config.json: /linux/resources/memory/swappiness: expected an integer from 0 to 100, found 101" },
		{ LINUX("'resources':{'blockIO':{'weight':65536}}"),
		  "config.json: /linux/resources/blockIO/weight: expected an integer from 0 to 65535, found 65536" },
		{ LINUX("'resources':{'devices':[{'access':'rwm'}]}"),
		  "config.json: /linux/resources/devices/0/allow: is required, but missing" },
		{ LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['x'],'action':'SCMP_ACT_LOG'"
			","
			"'args':[{'index':6,'value':0,'op':'SCMP_CMP_EQ'}]}]}"),
		  "config.json: /linux/seccomp/syscalls/0/args/0/index: expected an integer from 0 to 5, found 6" },
		{ LINUX("'seccomp':{}"), "config.json: /linux/seccomp/defaultAction: is required, but missing" },
		{ "{'ociVersion':'1.3.0',", "config.json: line 1, column 23: the text ends too early" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		ps_auto_mem char *text = unit_quotes(rows[i].text);
		struct ps_err e = { .cls = PS_OK };
		const struct spec *s = NULL;
		char found[700];
		if (spec_parse(&a, "config.json", text, strlen(text), &s, &e) == 0)
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(ps_err_text(&e, found, sizeof(found)), rows[i].want);
		assert_int_equal(e.cls, PS_E_CONFIG);
		assert_null(s);
	}
}

static void a_large_file_is_refused(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err e = { .cls = PS_OK };
	const struct spec *s = NULL;

	(void)state;
	assert_int_equal(spec_parse(&a, "config.json", "", SPEC_MAX_BYTES + 1, &s, &e), -1);
	assert_string_equal(e.where, "config.json");
	assert_string_equal(e.msg, "is larger than 16777216 bytes");
}

/* ---- parts: exec --process, update ---- */

static void a_process_on_its_own(void **state)
{
	static const char good[] =
		"{\"cwd\":\"/\",\"args\":[\"id\"],\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":2}]}";
	static const char bad[] = "{\"cwd\":\"/\",\"args\":[\"id\"],\"env\":[\"X\"]}";
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err e = { .cls = PS_OK };
	const struct spec_process *p = NULL;

	(void)state;
	assert_int_equal(spec_parse_process(&a, "process.json", good, strlen(good), &p, &e), 0);
	assert_true(p->set);
	assert_string_equal(p->rlimits[0].at, "/rlimits/0");
	p = NULL;
	assert_int_equal(spec_parse_process(&a, "process.json", bad, strlen(bad), &p, &e), -1);
	assert_string_equal(e.where, "process.json: /env/0");
	assert_null(p);
}

static void resources_on_their_own(void **state)
{
	static const char good[] = "{\"memory\":{\"swap\":4096},\"pids\":{\"limit\":-1}}"; /* the limit is inherited */
	static const char bad[] = "{\"memory\":{\"swap\":1,\"limit\":2}}";
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err e = { .cls = PS_OK };
	const struct spec_resources *r = NULL;

	(void)state;
	assert_int_equal(spec_parse_resources(&a, "-", good, strlen(good), &r, &e), 0);
	assert_true(r->set && r->memory.swap.v == 4096 && !r->memory.limit.set && r->pids_limit.v == -1);
	r = NULL;
	assert_int_equal(spec_parse_resources(&a, "-", bad, strlen(bad), &r, &e), -1);
	assert_string_equal(e.where, "-: /memory/swap");
	assert_null(r);
}

/* ---- memory ---- */

static void every_allocation_fails_once(void **state)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	int n;

	(void)state;
	read_data(DATA "full.json", &text);
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct ps_err e = { .cls = PS_OK };
		const struct spec *s = NULL;
		int r = spec_parse(&a, "config.json", text.data, text.len, &s, &e);
		if (!fault_disarm())
			break;
		assert_int_equal(r, -1);
		assert_null(s);
		assert_int_equal(e.cls, PS_E_OS);
		assert_int_equal(e.sys, ENOMEM);
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_full_document_has_every_field),
		cmocka_unit_test(full_process),
		cmocka_unit_test(full_mounts_and_hooks),
		cmocka_unit_test(full_linux),
		cmocka_unit_test(full_resources),
		cmocka_unit_test(full_seccomp),
		cmocka_unit_test(what_podman_writes),
		cmocka_unit_test(the_least_document),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(an_empty_string_can_mean_absent),
		cmocka_unit_test(unknown_members_are_ignored),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(a_large_file_is_refused),
		cmocka_unit_test(a_process_on_its_own),
		cmocka_unit_test(resources_on_their_own),
		cmocka_unit_test(every_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
