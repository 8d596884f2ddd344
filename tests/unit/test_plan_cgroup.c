/* SPDX-License-Identifier: Apache-2.0
 * test_plan_cgroup.c - limits, device rules and cgroup paths on version 1, hybrid and version 2 hosts.
 */
#include "tests/unit/plan_test.h"

#include "base/abi.h"
#include "shim/plan/builder.h"

#define RESOURCES(text) PT_DOC(",'resources':{" text "}", "")
#define UNSUPP(doc, kind, pointer, msg) pt_plan_fails(doc, kind, PS_E_UNSUPP, "config.json: /linux/resources" pointer, msg)

/* "MOUNT FILE=VALUE[?|]" for every limit file, device lines apart; '?': optional, '|': or the next. */
static void limits_text(const struct plan *p, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (PLAN_EACH(p, struct plan_cgroup_file, f, p->cgroup_files)) {
		const char *mount = plan_str(p, PLAN_ROWS(p, struct plan_cgroup, p->cgroups)[f->cgroup].mount);

		if (strncmp(plan_str(p, f->file), "devices.", strlen("devices.")) == 0)
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s %s=%s%s\n", strrchr(mount, '/') + 1, plan_str(p, f->file),
				      plan_str(p, f->value), f->flags & PLAN_CGROUP_OPTIONAL ? "?" : f->flags & PLAN_CGROUP_OR_NEXT ? "|" : "");
		assert_true(n < size);
	}
}

static void assert_limits(const char *doc, int kind, const char *text)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	char got[4096];

	limits_text(pt_plan(&a, doc, kind, &out), got, sizeof(got));
	assert_string_equal(got, text);
}

static const char many[] = RESOURCES("'memory':{'limit':4096,'swap':8192,'reservation':1024},"
	"'cpu':{'shares':1024,'quota':50000,'period':100000,'burst':1000,'idle':0,'cpus':'0-1','mems':'0'},'pids':{'limit':7}");

static void version_1_files(void **state)
{
	(void)state;
	assert_limits(many, PT_HOST_V1,
		      "memory memory.limit_in_bytes=4096\nmemory memory.memsw.limit_in_bytes=8192\n"
		      "memory memory.soft_limit_in_bytes=1024\n"
		      "cpu,cpuacct cpu.shares=1024\ncpu,cpuacct cpu.cfs_period_us=100000\ncpu,cpuacct cpu.cfs_quota_us=50000\n"
		      "cpu,cpuacct cpu.cfs_burst_us=1000\ncpu,cpuacct cpu.idle=0\n"
		      "cpuset cpuset.cpus=0-1\ncpuset cpuset.mems=0\npids pids.max=7\n");
	assert_limits(RESOURCES("'memory':{'swappiness':10,'disableOOMKiller':true},'cpu':{'realtimePeriod':9,'realtimeRuntime':8}"),
		      PT_HOST_V1, "memory memory.swappiness=10\nmemory memory.oom_control=1\n"
		      "cpu,cpuacct cpu.rt_period_us=9\ncpu,cpuacct cpu.rt_runtime_us=8\n");
}

static void version_2_files(void **state)
{
	(void)state;
	assert_limits(many, PT_HOST_V2,
		      "cgroup memory.max=4096\ncgroup memory.swap.max=4096\ncgroup memory.low=1024\n"
		      "cgroup cpu.weight=100\ncgroup cpu.max=50000 100000\ncgroup cpu.max.burst=1000\ncgroup cpu.idle=0\n"
		      "cgroup cpuset.cpus=0-1\ncgroup cpuset.mems=0\ncgroup pids.max=7\n");
	assert_limits(RESOURCES("'cpu':{'period':9000}"), PT_HOST_V2, "cgroup cpu.max=max 9000\n");
	assert_limits(RESOURCES("'cpu':{'quota':9000}"), PT_HOST_V2, "cgroup cpu.max=9000\n");
	assert_limits(RESOURCES("'cpu':{'quota':-1}"), PT_HOST_V2, "cgroup cpu.max=max\n");
}

static void hybrid_takes_each_controller_where_it_is(void **state)
{
	(void)state;
	assert_limits(RESOURCES("'memory':{'limit':4096},'pids':{'limit':0}"), PT_HOST_HYBRID,
		      "memory memory.limit_in_bytes=4096\nunified pids.max=1\n");
}

static void no_limit_and_no_swap_are_optional(void **state)
{
	static const char none[] = RESOURCES("'memory':{'limit':-1,'swap':-1},'pids':{'limit':-1},'cpu':{'quota':-1}");
	static const char equal[] = RESOURCES("'memory':{'limit':4096,'swap':4096}");

	(void)state;
	assert_limits(none, PT_HOST_V1, "memory memory.limit_in_bytes=-1\nmemory memory.memsw.limit_in_bytes=-1?\n"
		      "cpu,cpuacct cpu.cfs_quota_us=-1\npids pids.max=max\n");
	assert_limits(none, PT_HOST_V2, "cgroup memory.max=max\ncgroup memory.swap.max=max?\ncgroup cpu.max=max\ncgroup pids.max=max\n");
	assert_limits(equal, PT_HOST_V1, "memory memory.limit_in_bytes=4096\nmemory memory.memsw.limit_in_bytes=4096?\n");
	assert_limits(equal, PT_HOST_V2, "cgroup memory.max=4096\ncgroup memory.swap.max=0?\n");
}

static void unified_files_come_last(void **state)
{
	(void)state;
	assert_limits(RESOURCES("'unified':{'memory.high':'1000','cgroup.max.depth':'1'},'memory':{'limit':4096}"), PT_HOST_V2,
		      "cgroup memory.max=4096\ncgroup memory.high=1000\ncgroup cgroup.max.depth=1\n");
	assert_limits(RESOURCES("'unified':{'pids.max':'9'}"), PT_HOST_HYBRID, "unified pids.max=9\n");
	/* One line in each write. */
	assert_limits(RESOURCES("'unified':{'io.max':'8:0 rbps=1\\n8:16 rbps=2\\n','io.weight':''}"), PT_HOST_V2,
		      "cgroup io.max=8:0 rbps=1\ncgroup io.max=8:16 rbps=2\ncgroup io.weight=\n");
	UNSUPP(RESOURCES("'unified':{'memory.high':'1'}"), PT_HOST_HYBRID, "/unified",
	       "invalid configuration: 'memory.high' cannot be written: cgroup version 2 has no controller 'memory' here");
	UNSUPP(RESOURCES("'unified':{'memory.high':'1'}"), PT_HOST_V1, "/unified",
	       "'memory.high' cannot be written: the container has no cgroup of version 2");
}

static void limits_that_cannot_be_set_are_refused(void **state)
{
	static const char nothing[] = "cgroup version 2 has no such limit";

	(void)state;
	UNSUPP(RESOURCES("'memory':{'swappiness':0}"), PT_HOST_V2, "/memory/swappiness", nothing);
	UNSUPP(RESOURCES("'memory':{'disableOOMKiller':true}"), PT_HOST_V2, "/memory/disableOOMKiller", nothing);
	UNSUPP(RESOURCES("'cpu':{'realtimePeriod':1}"), PT_HOST_V2, "/cpu/realtimePeriod", nothing);
	UNSUPP(RESOURCES("'cpu':{'realtimeRuntime':1}"), PT_HOST_V2, "/cpu/realtimeRuntime", nothing);
	assert_limits(RESOURCES("'memory':{'disableOOMKiller':false}"), PT_HOST_V2, "");
}

static const char io[] = RESOURCES("'blockIO':{'weight':500,'weightDevice':[{'major':8,'minor':16,'weight':10}],"
	"'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':4096}],'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':0}],"
	"'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':3}],'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':4}]}");
static const char rest[] = RESOURCES("'hugepageLimits':[{'pageSize':'2MB','limit':18446744073709551615}],"
	"'rdma':{'mlx5_1':{'hcaHandles':3},'mlx4_0':{'hcaHandles':0,'hcaObjects':10000}}");
static const char network[] = RESOURCES("'network':{'classID':1048577,'priorities':[{'name':'eth0','priority':5}]}");

/* A host whose version 1 hierarchies are blkio, hugetlb, net_cls with net_prio, and rdma. */
static void old_host(struct host *h)
{
	struct ps_err e = { .cls = PS_OK };

	pt_host(h, PT_HOST_V1);
	h->n_cgroups = 0;
	assert_int_equal(host_parse_cgroups(h,
		"32 31 0:29 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
		"33 31 0:30 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb\n"
		"34 31 0:31 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio\n"
		"35 31 0:32 / /sys/fs/cgroup/rdma rw - cgroup cgroup rw,rdma\n",
		"4:rdma:/\n3:net_cls,net_prio:/\n2:hugetlb:/\n1:blkio:/\n", &e), 0);
}

static void assert_old_limits(const char *doc, const char *text)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	static struct host h;
	char got[4096];

	old_host(&h);
	limits_text(pt_compile(pt_policy(&a, doc), &h, &pt_request, &out), got, sizeof(got));
	assert_string_equal(got, text);
}

static void block_io(void **state)
{
	(void)state;
	assert_old_limits(io, "blkio blkio.weight=500|\nblkio blkio.bfq.weight=500\n"
		"blkio blkio.weight_device=8:16 10|\nblkio blkio.bfq.weight_device=8:16 10\n"
		"blkio blkio.throttle.read_bps_device=8:0 4096\nblkio blkio.throttle.write_bps_device=8:0 0\n"
		"blkio blkio.throttle.read_iops_device=8:0 3\nblkio blkio.throttle.write_iops_device=8:0 4\n");
	assert_old_limits(RESOURCES("'blockIO':{'leafWeight':20,'weightDevice':[{'major':8,'minor':16,'leafWeight':30}]}"),
			  "blkio blkio.leaf_weight=20\nblkio blkio.leaf_weight_device=8:16 30\n");
	assert_limits(io, PT_HOST_V2, "cgroup io.bfq.weight=500|\ncgroup io.weight=4950\n"
		"cgroup io.bfq.weight=8:16 10|\ncgroup io.weight=8:16 1\n"
		"cgroup io.max=8:0 rbps=4096\ncgroup io.max=8:0 wbps=max\ncgroup io.max=8:0 riops=3\ncgroup io.max=8:0 wiops=4\n");
	assert_limits(RESOURCES("'blockIO':{'weight':1000}"), PT_HOST_V2, "cgroup io.bfq.weight=1000|\ncgroup io.weight=10000\n");
	UNSUPP(RESOURCES("'blockIO':{'leafWeight':20}"), PT_HOST_V2, "/blockIO/leafWeight", "cgroup version 2 has no such limit");
	UNSUPP(io, PT_HOST_HYBRID, "/blockIO/weight", "the limit cannot be set: no cgroup hierarchy has the controller 'io'");
}

static void huge_pages_network_and_rdma(void **state)
{
	(void)state;
	assert_old_limits(rest, "hugetlb hugetlb.2MB.limit_in_bytes=18446744073709551615\n"
		"hugetlb hugetlb.2MB.rsvd.limit_in_bytes=18446744073709551615?\n"
		"rdma rdma.max=mlx5_1 hca_handle=3\nrdma rdma.max=mlx4_0 hca_handle=0 hca_object=10000\n");
	assert_old_limits(network, "net_cls,net_prio net_cls.classid=1048577\nnet_cls,net_prio net_prio.ifpriomap=eth0 5\n");
	assert_limits(rest, PT_HOST_V2, "cgroup hugetlb.2MB.max=18446744073709551615\n"
		"cgroup hugetlb.2MB.rsvd.max=18446744073709551615?\n"
		"cgroup rdma.max=mlx5_1 hca_handle=3\ncgroup rdma.max=mlx4_0 hca_handle=0 hca_object=10000\n");
	UNSUPP(network, PT_HOST_V2, "/network/classID", "the limit cannot be set: no cgroup hierarchy has the controller 'net_cls'");
	UNSUPP(rest, PT_HOST_V1, "/hugepageLimits/0", "the limit cannot be set: no cgroup hierarchy has the controller 'hugetlb'");
	UNSUPP(RESOURCES("'rdma':{'mlx5_1':{'hcaHandles':3}}"), PT_HOST_V1, "/rdma/mlx5_1",
	       "the limit cannot be set: no cgroup hierarchy has the controller 'rdma'");
}

static void what_follows_from_other_limits(void **state)
{
	(void)state;
	/* Unlimited memory is no part of a limited sum. */
	assert_limits(RESOURCES("'memory':{'limit':-1}"), PT_HOST_V1,
		      "memory memory.limit_in_bytes=-1\nmemory memory.memsw.limit_in_bytes=-1?\n");
	assert_limits(RESOURCES("'memory':{'limit':-1}"), PT_HOST_V2, "cgroup memory.max=max\ncgroup memory.swap.max=max?\n");
	/* What is idle has no shares. */
	assert_limits(RESOURCES("'cpu':{'shares':512,'idle':1}"), PT_HOST_V1, "cpu,cpuacct cpu.idle=1\n");
	assert_limits(RESOURCES("'cpu':{'shares':512,'idle':1}"), PT_HOST_V2, "cgroup cpu.idle=1\n");
}

static void missing_controllers_are_named(void **state)
{
	struct plan_request off = pt_request;
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	(void)snprintf(h.cgroup2_controllers, sizeof(h.cgroup2_controllers), "cpu memoryx");
	pt_plan_fails_with(many, &h, &pt_request, PS_E_UNSUPP, "config.json: /linux/resources/memory/limit",
			   "the limit cannot be set: no cgroup hierarchy has the controller 'memory'");
	off.cgroup_manager = PLAN_CGROUP_DISABLED;
	pt_plan_fails_with(many, &h, &off, PS_E_UNSUPP, "config.json: /linux/resources/memory/limit",
			   "a limit cannot be set: cgroups are disabled");
	h.cgroups_withheld = true;
	pt_plan_fails_with(many, &h, &off, PS_E_UNSUPP, "config.json: /linux/resources/memory/limit",
			   "the limit cannot be set: no cgroup with the controller 'memory' is the caller's to write; have one delegated "
			   "('systemd-run --user --scope -p Delegate=yes podshim ...'), leave the limit out, or run podshim as root");
}

static void disabled_cgroups_leave_no_rows(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct plan_request off = pt_request;
	const struct plan *p;
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	off.cgroup_manager = PLAN_CGROUP_DISABLED;
	p = pt_compile(pt_policy(&a, PT_DOC("", ",'mounts':[{'destination':'/cg','type':'cgroup'}]")), &h, &off, &out);
	assert_int_equal(p->cgroups.n + p->cgroup_files.n + p->device_rules.n, 0);
	/* Without a cgroup of its own, the container is shown ours. */
	assert_string_equal(plan_str(p, PLAN_ROWS(p, struct plan_fd, p->fds)[1].path), "/sys/fs/cgroup/user.slice/one");
}

static void assert_path(const char *doc, int kind, uid_t euid, const char *path)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p;
	static struct host h;

	pt_host(&h, kind);
	h.euid = euid;
	p = pt_compile(pt_policy(&a, doc), &h, &pt_request, &out);
	assert_string_equal(plan_str(p, PLAN_ROWS(p, struct plan_cgroup, p->cgroups)->path), path);
}

/* Our own cgroup holds us: in version 2 nothing below it could have a limit. */
static void relative_is_beside_our_own_where_it_can(void **state)
{
	static const struct { const char *doc, *path; uid_t euid; bool beside; } rows[] = {
		{ PT_DOC(",'cgroupsPath':'a/b'", ""), "/user.slice/one/a/b", 0, false },
		{ PT_DOC(",'cgroupsPath':'a/b'", ""), "/user.slice/a/b", 0, true },
		{ PT_DOC(",'cgroupsPath':'/a/b'", ""), "/a/b", 0, true },
		{ PT_DOC("", ""), "/user.slice/podshim/c1", 1000, true },
		{ PT_DOC("", ""), "/podshim/c1", 0, true },
	};
	static struct host h;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf out = { .data = NULL };
		const struct plan *p;

		pt_host(&h, PT_HOST_V2);
		h.euid = rows[i].euid;
		h.cgroups[0].beside = rows[i].beside;
		p = pt_compile(pt_policy(&a, rows[i].doc), &h, &pt_request, &out);
		assert_string_equal(plan_str(p, PLAN_ROWS(p, struct plan_cgroup, p->cgroups)->path), rows[i].path);
	}
}

static void paths(void **state)
{
	(void)state;
	assert_path(PT_DOC("", ""), PT_HOST_V2, 0, "/podshim/c1");
	assert_path(PT_DOC(",'cgroupsPath':''", ""), PT_HOST_V1, 0, "/podshim/c1");
	assert_path(PT_DOC("", ""), PT_HOST_V2, 1000, "/user.slice/one/podshim/c1");
	assert_path(PT_DOC(",'cgroupsPath':'/a//b/'", ""), PT_HOST_V1, 0, "/a/b");
	assert_path(PT_DOC(",'cgroupsPath':'a/b'", ""), PT_HOST_V1, 0, "/user/a/b");
	assert_path(PT_DOC(",'cgroupsPath':'a/b'", ""), PT_HOST_V2, 0, "/user.slice/one/a/b");
	assert_path(PT_DOC(",'cgroupsPath':'/a:b:c'", ""), PT_HOST_V2, 0, "/a:b:c");
#define PATH_FAILS(path, cls, msg) \
	pt_plan_fails(PT_DOC(",'cgroupsPath':'" path "'", ""), PT_HOST_V2, cls, "config.json: /linux/cgroupsPath", msg)
	PATH_FAILS("system.slice:podshim:x", PS_E_CONFIG, "cgroup path 'system.slice:podshim:x' is of the systemd cgroup "
		   "manager: give --cgroup-manager systemd, or write a path");
	PATH_FAILS("//", PS_E_CONFIG, "cgroup path '//' names no cgroup of the container's own");
}

static void long_paths_are_refused(void **state)
{
	char doc[9000];

	(void)state;
	(void)snprintf(doc, sizeof(doc), PT_DOC(",'cgroupsPath':'%05000d'", ""), 0);
	pt_plan_fails(doc, PT_HOST_V2, PS_E_CONFIG, "config.json: /linux/cgroupsPath", "cgroup path is longer than 4095 bytes");
	(void)snprintf(doc, sizeof(doc), PT_DOC(",'cgroupsPath':'%04090d'", ""), 0);
	pt_plan_fails(doc, PT_HOST_V2, PS_E_CONFIG, "config.json: /linux/cgroupsPath", "the cgroup path of 'c1' is too long");
}

/* ---- device rules ---- */

static void assert_device_lines(const char *doc, const char *text)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, doc, PT_HOST_V1, &out);
	char got[2048] = "";
	size_t n = 0;

	assert_int_equal(p->device_rules.n, 0);
	for (PLAN_EACH(p, struct plan_cgroup_file, f, p->cgroup_files))
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s %s\n", plan_str(p, f->file) + strlen("devices."),
				      plan_str(p, f->value));
	assert_string_equal(got, text);
}

#define DEFAULTS "allow c *:* m\nallow b *:* m\nallow c 1:3 rwm\nallow c 1:8 rwm\nallow c 1:7 rwm\nallow c 5:0 rwm\n" \
		 "allow c 1:5 rwm\nallow c 1:9 rwm\nallow c 136:* rwm\nallow c 5:2 rwm\n"

static void device_lines_on_version_1(void **state)
{
	(void)state;
	assert_device_lines(PT_DOC("", ""), "deny a *:* rwm\n" DEFAULTS);
	assert_device_lines(RESOURCES("'devices':[{'allow':false},{'allow':true,'type':'b','major':8,'access':'rm'}]"),
			    "deny a *:* rwm\nallow b 8:* rm\n" DEFAULTS);
	assert_device_lines(RESOURCES("'devices':[{'allow':true}]"), "allow a *:* rwm\n");
}

static void holes_that_version_1_would_ignore_are_refused(void **state)
{
	(void)state;
	UNSUPP(RESOURCES("'devices':[{'allow':true,'type':'c','major':10,'access':'rw'},{'allow':false,'type':'c','major':10,'minor':3,'access':'w'}]"),
	       PT_HOST_V1, "/devices/1",
	       "cgroup version 1 cannot take a part out of an earlier device rule (config.json#/linux/resources/devices/0)");
	/* Exactly that exception, another type, or other accesses: nothing is ignored. */
	assert_device_lines(RESOURCES("'devices':[{'allow':true,'type':'c','major':10,'access':'rw'},{'allow':false,'type':'c','major':10,'access':'w'},"
				      "{'allow':false,'type':'b','major':10,'minor':1},{'allow':false,'type':'c','major':10,'minor':1,'access':'m'}]"),
			    "deny a *:* rwm\nallow c 10:* rw\ndeny c 10:* w\ndeny b 10:1 rwm\ndeny c 10:1 m\n" DEFAULTS);
}

static void device_rows_on_version_2(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, RESOURCES("'devices':[{'allow':true,'type':'c','major':10,'minor':200,'access':'rw'}]"),
				       PT_HOST_V2, &out);
	const struct plan_device_rule *r = PLAN_ROWS(p, struct plan_device_rule, p->device_rules);

	(void)state;
	assert_int_equal(p->device_rules.n, 12);
	assert_true(!r[0].allow && r[0].type == 'a');
	assert_true(r[1].allow && r[1].type == 'c' && r[1].major == 10 && r[1].minor == 200 && r[1].access == 6);
	p = pt_plan(&a, RESOURCES("'devices':[{'allow':true}]"), PT_HOST_V2, &out);
	assert_int_equal(p->device_rules.n, 0);
}

static void device_rules_need_somebody_to_hold_them(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	static const char asked[] = RESOURCES("'devices':[{'allow':false}]");
	static struct host h = { .last_cap = 40 };

	(void)state;
	pt_plan_fails_with(asked, &h, &pt_request, PS_E_UNSUPP, "config.json: /linux/resources/devices",
			   "the host has no cgroup hierarchy that can hold device rules");
	/* The defaults alone were not asked for; and in a user namespace the kernel takes none. */
	(void)pt_compile(pt_policy(&a, PT_DOC("", "")), &h, &pt_request, &out);
	pt_host(&h, PT_HOST_V1);
	h.in_user_ns = true;
	assert_int_equal(pt_compile(pt_policy(&a, asked), &h, &pt_request, &out)->cgroup_files.n, 0);
}

/* ---- ownership ---- */

static void assert_owner(const char *doc, int kind, int owner)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, doc, kind, &out);

	assert_int_equal(p->cgroup_chown, owner >= 0);
	if (owner >= 0)
		assert_int_equal(p->cgroup_uid, owner);
}

static void the_containers_user_owns_a_writable_cgroup(void **state)
{
#define MAPS ",'uidMappings':[{'containerID':0,'hostID':100,'size':9}],'gidMappings':[{'containerID':0,'hostID':200,'size':9}]"
#define OWNED(ns, linux_more, uid, options)                                                                        \
	PT_DOC_NS(ns, linux_more, ",'process':{'cwd':'/','args':['x'],'user':{'uid':" uid ",'gid':0}},'mounts':["  \
				  "{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':[" options "]}]")
	(void)state;
	assert_owner(OWNED(",{'type':'cgroup'},{'type':'user'}", MAPS, "3", ""), PT_HOST_V2, 103);
	assert_owner(OWNED(",{'type':'cgroup'}", "", "3", ""), PT_HOST_V2, 3);
	assert_owner(OWNED(",{'type':'cgroup'}", "", "0", ""), PT_HOST_V2, -1); /* ours already */
	assert_owner(OWNED(",{'type':'cgroup'},{'type':'user'}", MAPS, "3", "'ro'"), PT_HOST_V2, -1);
	assert_owner(OWNED(",{'type':'cgroup'},{'type':'user'}", MAPS, "77", ""), PT_HOST_V2, -1);
	assert_owner(OWNED(",{'type':'user'}", MAPS, "3", ""), PT_HOST_V2, -1);
	assert_owner(OWNED(",{'type':'cgroup'},{'type':'user'}", MAPS, "3", ""), PT_HOST_HYBRID, -1);
}

/* Values of ceil(10^((log2(s)^2 + 125 log2(s)) / 612 - 7/34)), computed apart. */
static void shares_become_weights(void **state)
{
	static const struct { uint64_t shares, weight; } rows[] = {
		{ 0, 1 }, { 2, 1 }, { 3, 2 }, { 10, 4 }, { 100, 17 }, { 512, 59 }, { 1023, 100 }, { 1024, 100 }, { 1025, 101 },
		{ 2048, 174 }, { 4096, 303 }, { 65536, 3023 }, { 262143, 10000 }, { 262144, 10000 }, { UINT64_MAX, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_int_equal(build_cpu_weight(rows[i].shares), rows[i].weight);
	for (uint64_t s = 2; s < 262144; s += 97)
		assert_true(build_cpu_weight(s) <= build_cpu_weight(s + 97));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_files),
		cmocka_unit_test(version_2_files),
		cmocka_unit_test(hybrid_takes_each_controller_where_it_is),
		cmocka_unit_test(no_limit_and_no_swap_are_optional),
		cmocka_unit_test(unified_files_come_last),
		cmocka_unit_test(limits_that_cannot_be_set_are_refused),
		cmocka_unit_test(block_io),
		cmocka_unit_test(huge_pages_network_and_rdma),
		cmocka_unit_test(what_follows_from_other_limits),
		cmocka_unit_test(missing_controllers_are_named),
		cmocka_unit_test(disabled_cgroups_leave_no_rows),
		cmocka_unit_test(paths),
		cmocka_unit_test(relative_is_beside_our_own_where_it_can),
		cmocka_unit_test(long_paths_are_refused),
		cmocka_unit_test(device_lines_on_version_1),
		cmocka_unit_test(holes_that_version_1_would_ignore_are_refused),
		cmocka_unit_test(device_rows_on_version_2),
		cmocka_unit_test(device_rules_need_somebody_to_hold_them),
		cmocka_unit_test(the_containers_user_owns_a_writable_cgroup),
		cmocka_unit_test(shares_become_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
