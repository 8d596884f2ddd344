/* SPDX-License-Identifier: Apache-2.0
 * test_policy_oci.c - config.json to policy: names to values, defaults, provenance, what is refused.
 */
#include "tests/unit/plan_test.h"

#include <linux/sched.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>

#include "base/abi.h"
#include "oci/names.h"

#define BIT(cap) (UINT64_C(1) << (cap))

static void nothing_asked_gets_the_defaults(void **state)
{
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC("", ""));

	(void)state;
	assert_string_equal(p->rootfs.path, "/bundle/rootfs");
	assert_string_equal(p->rootfs.from, "config.json#/root");
	assert_false(p->has_process);
	assert_int_equal(p->n_devices, PS_COUNT(devices));
	for (size_t i = 0; i < PS_COUNT(devices); i++) {
		assert_string_equal(p->devices[i].path + strlen("/dev/"), devices[i]);
		assert_int_equal(p->devices[i].mode, 0666);
		assert_int_equal(p->devices[i].type, S_IFCHR);
	}
	assert_string_equal(p->devices[0].from, "default#/devices/null");
	assert_int_equal(p->n_links, 5);
	assert_string_equal(p->links[4].path, "/dev/ptmx");
	assert_string_equal(p->links[4].target, "pts/ptmx");
	assert_null(p->cgroups_path);
	assert_int_equal(p->warnings.n, 0);
	assert_int_equal(policy_ns_get(p, CLONE_NEWNS)->mode, POLICY_NS_NEW);
	assert_int_equal(policy_ns_get(p, CLONE_NEWPID)->mode, POLICY_NS_HOST);
	/* Everything is denied but any mknod, the default devices and pseudo-terminals. */
	assert_int_equal(p->resources.n_device_rules, 11);
	assert_false(p->resources.device_rules[0].allow);
	assert_int_equal(p->resources.device_rules[0].type, 'a');
}

static void namespaces_are_new_or_joined(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC_NS(",{'type':'network','path':'/run/netns/x'},{'type':'time'}",
							 ",'timeOffsets':{'monotonic':{'secs':-5,'nanosecs':7},'boottime':{'secs':9}}", ""));

	(void)state;
	assert_int_equal(policy_ns_get(p, CLONE_NEWNET)->mode, POLICY_NS_JOIN);
	assert_string_equal(policy_ns_get(p, CLONE_NEWNET)->path, "/run/netns/x");
	assert_string_equal(policy_ns_get(p, CLONE_NEWNET)->from, "config.json#/linux/namespaces/1");
	assert_int_equal(policy_ns_get(p, CLONE_NEWTIME)->mode, POLICY_NS_NEW);
	assert_true(p->monotonic.set && p->monotonic.secs == -5 && p->monotonic.nanosecs == 7);
	assert_true(p->boottime.set && p->boottime.secs == 9 && p->boottime.nanosecs == 0);
	assert_null(policy_ns_get(p, 1));
}

static void mount_options_become_flags(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC("", ",'mounts':["
		"{'destination':'/t','type':'tmpfs','source':'tmpfs','options':['nosuid','mode=755','ro','noatime','','rw','strictatime','size=1m','sync','tmpcopyup']},"
		"{'destination':'b//c/','source':'data','options':['rbind','ro','rslave','rnosuid']},"
		"{'destination':'/proc','options':['remount','bind','ro']},"
		"{'destination':'/n','type':'proc'},"
		"{'destination':'/l','source':'/lib','options':['bind','copy-symlink']}]"));
	const struct policy_mount *m = p->mounts;

	(void)state;
	assert_int_equal(p->n_mounts, 5);
	assert_true(m[4].copy_symlink && m[4].bind && !m[1].copy_symlink);
	assert_string_equal(m[0].data, "mode=755,size=1m");
	assert_int_equal(m[0].sb_flags, MS_SYNCHRONOUS);
	assert_int_equal(m[0].attr_set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
	assert_int_equal(m[0].attr_clr, MOUNT_ATTR__ATIME | MOUNT_ATTR_RDONLY);
	assert_true(m[0].tmpcopyup && !m[0].bind);
	assert_string_equal(m[0].from, "config.json#/mounts/0");

	assert_string_equal(m[1].target, "/b/c");
	assert_string_equal(m[1].source, "/bundle/data");
	assert_string_equal(m[1].fstype, "");
	assert_true(m[1].bind && m[1].recursive && !m[1].remount);
	assert_int_equal(m[1].sb_flags, 0);
	assert_int_equal(m[1].attr_set, MOUNT_ATTR_RDONLY);
	assert_int_equal(m[1].rec_set, MOUNT_ATTR_NOSUID);
	assert_int_equal(m[1].propagation, MS_SLAVE | MS_REC);

	assert_true(m[2].remount && m[2].bind);
	assert_string_equal(m[3].source, "proc");
	assert_string_equal(m[3].data, "");
}

static void binds_have_the_flags_that_are_named(void **state)
{
	static const struct { const char *options; bool exact; uint64_t set, clr; } cases[] = {
		{ "'bind'", false, 0, 0 },
		{ "'rbind','rprivate','defaults','rro','rnosuid'", false, 0, 0 },
		{ "'bind','dev'", true, 0, MOUNT_ATTR_NODEV },
		{ "'bind','rw','ro'", true, MOUNT_ATTR_RDONLY, 0 },
		{ "'bind','atime','diratime','nostrictatime'", true, 0, 0 },
		{ "'bind','noatime','atime'", true, 0, 0 },
		{ "'bind','relatime','nostrictatime'", true, 0, 0 },
		{ "'bind','relatime'", true, 0, MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
		{ "'bind','nodiratime'", true, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR__ATIME },
		{ "'bind','noatime'", true, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME },
		{ "'remount','bind','ro'", false, MOUNT_ATTR_RDONLY, 0 },
		{ "'remount','bind','atime'", false, 0, MOUNT_ATTR__ATIME },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(cases); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		const struct policy_mount *m = pt_policy(&a, ps_arena_printf(&a, PT_DOC("", ",'mounts':[{'destination':'/t','source':'/s','options':[%s]}]"),
									 cases[i].options))->mounts;

		if (m->exact != cases[i].exact || m->attr_set != cases[i].set || m->attr_clr != cases[i].clr)
			fail_msg("%s: exact %d, set %llx, clear %llx", cases[i].options, m->exact, (unsigned long long)m->attr_set,
				 (unsigned long long)m->attr_clr);
	}
}

static void binds_of_what_earlier_mounts_put_into_the_root(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC("", ",'mounts':["
		"{'destination':'/mnt','source':'/data','options':['bind']},"
		"{'destination':'/ro','type':'tmpfs','options':['ro']},"
		"{'destination':'/bundle/rootfs/a//b','source':'rootfs/mnt/x/','options':['bind']},"
		"{'destination':'/c','source':'/bundle/rootfs','options':['rbind']},"
		"{'destination':'/d','source':'/bundle/rootfs/other','options':['rbind']},"
		"{'destination':'/e','source':'/bundle/rootfs/ro','options':['bind']},"
		"{'destination':'/bundle/rootfsx','source':'/bundle/rootfs/mnt','options':['bind','copy-symlink']},"
		"{'destination':'/f','source':'/bundle/rootfs/mnt','options':['bind'],'uidMappings':[{'containerID':0,'hostID':1,'size':1}],'gidMappings':[{'containerID':0,'hostID':1,'size':1}]},"
		"{'destination':'/g/h','source':'/data','options':['bind']},"
		"{'destination':'/i','source':'/bundle/rootfs/g','options':['rbind']},"
		"{'destination':'/j','source':'/bundle/rootfs/g','options':['bind']}]"));
	static const char *const inside[] = { NULL, NULL, "/mnt/x", NULL, NULL, NULL, NULL, NULL, NULL, "/g", NULL };

	(void)state;
	assert_string_equal(p->rootfs.path, "/bundle/rootfs");
	assert_string_equal(p->mounts[2].target, "/a/b");
	assert_string_equal(p->mounts[6].target, "/bundle/rootfsx");
	for (size_t i = 0; i < PS_COUNT(inside); i++) {
		const char *is = p->mounts[i].inside;

		if (is && inside[i] ? strcmp(is, inside[i]) != 0 : is != inside[i])
			fail_msg("%zu: %s", i, is ? is : "none");
	}
}

static void a_root_of_its_own(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	static const char tmpfs[] = "{'ociVersion':'1.3.0','root':{'path':'tmpfs','readonly':true},'linux':{'namespaces':"
				    "[{'type':'mount'}]},'annotations':{'io.podshim.rootfs':'%s'}}";
	const struct policy *p = pt_policy(&a, ps_arena_printf(&a, tmpfs, "tmpfs"));

	(void)state;
	assert_null(p->rootfs.path);
	assert_true(p->rootfs.readonly && !p->reaper);
	assert_string_equal(p->rootfs.from, "config.json#/root");
	pt_policy_fails(ps_arena_printf(&a, tmpfs, "/"), PS_E_CONFIG, "config.json: /annotations/io.podshim.rootfs",
			"'/' must be \"tmpfs\"");
	/* Neither the word in the path nor the annotation alone. */
	p = pt_policy(&a, "{'ociVersion':'1.3.0','root':{'path':'tmpfs'}}");
	assert_string_equal(p->rootfs.path, "/bundle/tmpfs");
	p = pt_policy(&a, PT_DOC("", ",'annotations':{'io.podshim.rootfs':'tmpfs'}"));
	assert_string_equal(p->rootfs.path, "/bundle/rootfs");
}

static void a_reaper_is_asked_for(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	assert_true(pt_policy(&a, PT_DOC("", ",'annotations':{'io.podshim.reaper':'1'}"))->reaper);
	pt_policy_fails(PT_DOC("", ",'annotations':{'io.podshim.reaper':'yes'}"), PS_E_CONFIG,
			"config.json: /annotations/io.podshim.reaper", "'yes' must be \"1\"");
}

static void id_mapped_mounts(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC("", ",'mounts':["
		"{'destination':'/a','source':'/s','options':['bind','ridmap'],'uidMappings':[{'containerID':0,'hostID':9,'size':1}],'gidMappings':[{'containerID':0,'hostID':8,'size':1}]},"
		"{'destination':'/b','source':'/s','options':['bind'],'uidMappings':[{'containerID':0,'hostID':9,'size':1}],'gidMappings':[{'containerID':0,'hostID':8,'size':1}]}]"));

	(void)state;
	assert_true(p->mounts[0].idmap && p->mounts[0].idmap_recursive);
	assert_int_equal(p->mounts[0].uid_maps.v[0].host, 9);
	assert_true(p->mounts[1].idmap && !p->mounts[1].idmap_recursive);
}

static void mounts_of_no_kind_are_refused(void **state)
{
	(void)state;
	pt_policy_fails(PT_DOC("", ",'mounts':[{'destination':'/x','type':'bind','source':'/y'}]"), PS_E_CONFIG,
			"config.json: /mounts/0",
			"the mount of '/x' has neither a file-system type nor the option bind or rbind");
	pt_policy_fails(PT_DOC("", ",'mounts':[{'destination':'/x','type':'none'}]"), PS_E_CONFIG, "config.json: /mounts/0",
			"the mount of '/x' has neither a file-system type nor the option bind or rbind");
	pt_policy_fails(PT_DOC("", ",'mounts':[{'destination':'/x','type':'bind','options':['rbind']}]"), PS_E_CONFIG,
			"config.json: /mounts/0", "the bind mount of '/x' has no source");
}

static void paths_are_cleaned(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'maskedPaths':['/proc//kcore'],'readonlyPaths':['/proc/./sys/']", ""));
	char long_path[5000];

	(void)state;
	assert_string_equal(p->masked[0].path, "/proc/kcore");
	assert_string_equal(p->masked[0].from, "config.json#/linux/maskedPaths/0");
	assert_string_equal(p->readonly[0].path, "/proc/sys");
	(void)snprintf(long_path, sizeof(long_path), PT_DOC(",'maskedPaths':['/%04200d']", ""), 0);
	pt_policy_fails(long_path, PS_E_CONFIG, "config.json: /linux/maskedPaths/0", "the path is longer than 4095 bytes");
}

static void devices_replace_defaults(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'devices':["
		"{'path':'/dev/fuse','type':'c','major':10,'minor':229,'fileMode':432,'uid':1,'gid':2},"
		"{'path':'/dev/zero','type':'u','major':1,'minor':5,'fileMode':256},"
		"{'path':'/dev/pipe','type':'p'},{'path':'/dev/sda','type':'b','major':8,'minor':0}]", ""));
	const struct policy_device *d = p->devices;

	(void)state;
	assert_int_equal(p->n_devices, 9);
	assert_string_equal(d[1].path, "/dev/zero");
	assert_string_equal(d[1].from, "config.json#/linux/devices/1");
	assert_int_equal(d[1].mode, 0400);
	assert_true(d[6].type == S_IFCHR && d[6].major == 10 && d[6].minor == 229 && d[6].mode == 0660);
	assert_true(d[6].uid == 1 && d[6].gid == 2);
	assert_true(d[7].type == S_IFIFO && d[7].major == 0 && d[7].mode == 0666);
	assert_true(d[8].type == S_IFBLK);
}

static void device_rules_keep_their_order(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'resources':{'devices':["
		"{'allow':true,'type':'c','major':10,'minor':200,'access':'rw'},{'allow':false},"
		"{'allow':true,'type':'a','access':'m'},{'allow':true,'type':'b','major':8,'access':'r'}]}", ""));
	const struct policy_device_rule *r = p->resources.device_rules;

	(void)state;
	/* What stands before "everything" is void; "a" with less than all is both types. */
	assert_int_equal(p->resources.n_device_rules, 4 + 10);
	assert_string_equal(r[0].from, "config.json#/linux/resources/devices/1");
	assert_true(!r[0].allow && r[0].type == 'a' && r[0].access == 7);
	assert_true(r[1].allow && r[1].type == 'c' && r[1].access == 1 && r[2].type == 'b' && r[2].major == -1);
	assert_true(r[3].type == 'b' && r[3].major == 8 && r[3].minor == -1 && r[3].access == 2);
	assert_string_equal(r[4].from, "default#/deviceRules/mknod");
}

static void zero_limits_are_no_limits(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'resources':{'memory':{'limit':0,'reservation':0,'swap':0},"
		"'cpu':{'shares':0,'quota':0,'period':0,'cpus':'','mems':''},'pids':{'limit':0},"
		"'blockIO':{'weight':0,'leafWeight':0,'weightDevice':[],'throttleReadBpsDevice':[]},"
		"'network':{'classID':0,'priorities':[]},'hugepageLimits':[],'rdma':{}}", ""));
	const struct policy_resources *r = &p->resources;

	(void)state;
	assert_false(r->memory_limit.set || r->memory_reservation.set || r->memory_swap.set);
	assert_false(r->cpu_shares.set || r->cpu_quota.set || r->cpu_period.set || r->cpus || r->mems);
	assert_true(r->pids_limit.set && r->pids_limit.v == 0);
	assert_false(r->net_class.set || r->n_hugepages || r->n_rdma || r->n_net_prios);
	assert_int_equal(p->warnings.n, 0);
}

static void kernel_memory_is_ignored_aloud(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'resources':{'memory':{'kernel':1024,'kernelTCP':1024,'useHierarchy':false}}", ""));

	(void)state;
	assert_int_equal(p->warnings.n, 3);
	assert_string_equal(p->warnings.v[0], "/linux/resources/memory/kernel is ignored: the kernel has no such limit any more");
	assert_string_equal(p->warnings.v[1], "/linux/resources/memory/kernelTCP is ignored: the kernel advises against it");
	assert_string_equal(p->warnings.v[2], "/linux/resources/memory/useHierarchy is ignored: the kernel always has it on");
	assert_null(p->warnings.v[3]);
}

#define PROCESS(more) ",'process':{'cwd':'/','args':['sh'],'user':{'uid':1,'gid':2,'additionalGids':[5,6],'umask':18}" more "}"

static void process_by_value(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'personality':{'domain':'LINUX32'}", PROCESS(
		",'terminal':true,'consoleSize':{'height':50,'width':80},'noNewPrivileges':true,'oomScoreAdj':-7"
		",'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':2}]"
		",'capabilities':{'bounding':['CAP_KILL','CAP_NOSUCH'],'permitted':['CAP_KILL'],"
		"'effective':['CAP_KILL','CAP_CHOWN'],'inheritable':[],'ambient':['CAP_KILL']}")));
	const struct policy_process *x = &p->process;

	(void)state;
	assert_true(p->has_process && x->terminal && x->rows == 50 && x->cols == 80);
	assert_true(x->uid == 1 && x->gid == 2 && x->n_groups == 2 && x->groups[1] == 6);
	assert_true(x->umask.set && x->umask.v == 022);
	assert_true(x->no_new_privileges && x->oom_score_adj.set && x->oom_score_adj.v == -7);
	assert_true(x->personality.set && x->personality.v == 8);
	assert_true(x->n_rlimits == 1 && x->rlimits[0].soft == 1 && x->rlimits[0].hard == 2);
	assert_true(x->has_caps);
	assert_int_equal(x->caps.bounding, BIT(CAP_KILL));
	assert_int_equal(x->caps.effective, BIT(CAP_KILL));
	assert_int_equal(x->caps.ambient, 0);
	assert_string_equal(x->caps.from, "config.json#/process/capabilities");
	assert_int_equal(p->warnings.n, 3);
	assert_string_equal(p->warnings.v[0], "unknown capability 'CAP_NOSUCH' in bounding is ignored");
	assert_string_equal(p->warnings.v[1], "effective capabilities that are not permitted are ignored: CAP_CHOWN");
	assert_string_equal(p->warnings.v[2],
			    "ambient capabilities that are not permitted and inheritable are ignored: CAP_KILL");
}

static void sysctls_are_paths(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC_NS(",{'type':'network'}",
		",'sysctl':{'net.ipv4.conf.eno2/100.rp_filter':'1','net/ipv4/ip_forward':'0'}", ""));

	(void)state;
	assert_int_equal(p->n_sysctl, 2);
	assert_string_equal(p->sysctl[0].key, "net/ipv4/conf/eno2.100/rp_filter");
	assert_string_equal(p->sysctl[0].value, "1");
	assert_string_equal(p->sysctl[1].key, "net/ipv4/ip_forward");
}

static void hooks_keep_what_they_need(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC("", ",'hooks':{'prestart':[{'path':'/bin/a','args':['a','b'],'timeout':3}],"
		"'poststop':[{'path':'/bin/c','env':[]}]}"));

	(void)state;
	assert_int_equal(p->hooks.prestart.n, 1);
	assert_string_equal(p->hooks.prestart.v[0].from, "config.json#/hooks/prestart/0");
	assert_int_equal(p->hooks.prestart.v[0].timeout, 3);
	assert_false(p->hooks.prestart.v[0].has_env);
	assert_true(p->hooks.poststop.v[0].has_env);
}

static void seccomp_by_value(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,"
		"'architectures':['SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_X86'],'listenerPath':'/run/x',"
		"'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'},{'names':['write'],'action':'SCMP_ACT_ERRNO'},"
		"{'names':['kill'],'action':'SCMP_ACT_KILL'},{'names':['tkill'],'action':'SCMP_ACT_TRACE','errnoRet':9}]}", ""));
	const struct policy_seccomp *s = &p->seccomp;

	(void)state;
	assert_true(s->set);
	assert_int_equal(s->default_action, SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(s->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(s->n_archs, 3);
#ifdef __x86_64__
	assert_int_equal(s->archs[0], AUDIT_ARCH_X86_64);
#endif
	assert_int_equal(s->archs[1], AUDIT_ARCH_I386);
	assert_int_equal(s->archs[2], SECCOMP_ARCH_X32);
	assert_int_equal(s->rules[0].action, SECCOMP_RET_ALLOW);
	assert_int_equal(s->rules[1].action, SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(s->rules[2].action, SECCOMP_RET_KILL_THREAD);
	assert_int_equal(s->rules[3].action, SECCOMP_RET_TRACE | 9);
	assert_string_equal(s->rules[3].from, "config.json#/linux/seccomp/syscalls/3");
}

static void seccomp_flags(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	assert_int_equal(pt_policy(&a, PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':[]}", ""))->seccomp.flags, 0);
	assert_int_equal(pt_policy(&a, PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':null}", ""))->seccomp.flags,
			 SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	/* TSYNC and WAIT_KILLABLE_RECV change nothing for one thread without a listener. */
	assert_int_equal(pt_policy(&a, PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_TSYNC',"
					      "'SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}", ""))
				 ->seccomp.flags, SECCOMP_FILTER_FLAG_LOG);
}

static void asking_for_nothing_passes(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };

	(void)state;
	pt_policy(&a, PT_DOC(",'intelRdt':{},'mountLabel':'','netDevices':{},'resources':{'blockIO':{}}",
			     PROCESS(",'apparmorProfile':'unconfined','selinuxLabel':'',"
				     "'execCPUAffinity':{'initial':'0','final':'0'}")));
	pt_policy(&a, PT_DOC("", PROCESS(",'apparmorProfile':''")));
}

static void exec_has_the_containers_policy_and_its_own_process(void **state)
{
	static const char text[] = "{\"cwd\":\"/w\",\"args\":[\"x\"],\"execCPUAffinity\":{\"initial\":\"6-7, 0\",\"final\":\"8191\"}}";
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *c = pt_policy(&a, PT_DOC(",'personality':{'domain':'LINUX'},'resources':{'memory':{'kernel':1}}",
						      PROCESS(",'noNewPrivileges':true"))), *p = NULL;
	struct ps_err e = { .cls = PS_OK };
	const struct spec_process *x = NULL;

	(void)state;
	assert_int_equal(spec_parse_process(&a, "process.json", text, strlen(text), &x, &e), 0);
	assert_int_equal(policy_process_from_oci(&a, "process.json", x, c, &p, &e), 0);
	assert_string_equal(p->process.affinity.from, "process.json#/execCPUAffinity");
	assert_int_equal(p->process.affinity.initial.n, 3);
	assert_memory_equal(p->process.affinity.initial.v, ((uint32_t[]){ 0, 6, 7 }), 3 * sizeof(uint32_t));
	assert_int_equal(p->process.affinity.final.n, 1);
	assert_int_equal(p->process.affinity.final.v[0], 8191);
	assert_string_equal(p->process.cwd, "/w");
	assert_false(p->process.no_new_privileges);
	assert_true(p->process.personality.set);
	assert_string_equal(p->process.from, "process.json#");
	assert_int_equal(p->warnings.n, 0);
	assert_ptr_equal(p->mounts, c->mounts);
	/* The container's own process, with overrides, is still in the container's document. */
	assert_int_equal(policy_process_from_oci(&a, NULL, x, c, &p, &e), 0);
	assert_string_equal(p->process.from, "config.json#/process");
}

static void where_and_when_a_process_runs(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(
		&a, PT_DOC(",'memoryPolicy':{'mode':'MPOL_INTERLEAVE','nodes':'1,1023-1025','flags':['MPOL_F_STATIC_NODES']}",
			   PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE','runtime':1,'deadline':2,'period':3,"
				   "'flags':['SCHED_FLAG_RECLAIM','SCHED_FLAG_RESET_ON_FORK']},"
				   "'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':7},'execCPUAffinity':{'initial':'0'}")));
	const struct policy_scheduler *s = &p->process.scheduler;

	(void)state;
	assert_string_equal(s->from, "config.json#/process/scheduler");
	assert_int_equal(s->policy, SCHED_DEADLINE);
	assert_int_equal(s->flags, SCHED_FLAG_RECLAIM | SCHED_FLAG_RESET_ON_FORK);
	assert_true(s->runtime == 1 && s->deadline == 2 && s->period == 3);
	assert_string_equal(p->process.io_priority.from, "config.json#/process/ioPriority");
	assert_true(p->process.io_priority.class == 1 && p->process.io_priority.level == 7);
	/* Of exec alone. */
	assert_null(p->process.affinity.from);
	assert_string_equal(p->memory_policy.from, "config.json#/linux/memoryPolicy");
	assert_int_equal(p->memory_policy.mode, 3);
	assert_int_equal(p->memory_policy.flags, 1 << 15);
	assert_int_equal(p->memory_policy.nodes.n, 4);
	assert_memory_equal(p->memory_policy.nodes.v, ((uint32_t[]){ 1, 1023, 1024, 1025 }), 4 * sizeof(uint32_t));
	p = pt_policy(&a, PT_DOC("", PROCESS("")));
	assert_null(p->process.scheduler.from);
	assert_null(p->process.io_priority.from);
	assert_null(p->memory_policy.from);
}

static void labels(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(
		&a, PT_DOC(",'mountLabel':'u:r:t:s0:c1,c2'",
			   ",'mounts':[{'destination':'/proc','type':'proc'},{'destination':'/t','type':'tmpfs'},"
			   "{'destination':'/sys','type':'sysfs'},{'destination':'/b','source':'/x','options':['bind']},"
			   "{'destination':'/p','type':'devpts'},{'destination':'/q','type':'mqueue'},{'destination':'/c','type':'cgroup'},"
			   "{'destination':'/own','type':'tmpfs','options':['rootcontext=a']}]"
			   ",'process':{'cwd':'/','args':['a'],'apparmorProfile':'p','selinuxLabel':'l'}"));
	static const bool labelled[] = { false, true, false, false, true, true, false, false };

	(void)state;
	assert_string_equal(p->process.apparmor, "p");
	assert_string_equal(p->process.apparmor_from, "config.json#/process/apparmorProfile");
	assert_string_equal(p->process.selinux, "l");
	assert_string_equal(p->process.selinux_from, "config.json#/process/selinuxLabel");
	assert_int_equal(p->n_mounts, PS_COUNT(labelled));
	for (size_t i = 0; i < PS_COUNT(labelled); i++)
		if (labelled[i])
			assert_string_equal(p->mounts[i].label, "u:r:t:s0:c1,c2");
		else
			assert_null(p->mounts[i].label);
	p = pt_policy(&a, PT_DOC(",'mountLabel':''", PROCESS(",'apparmorProfile':'','selinuxLabel':''")));
	assert_null(p->process.apparmor);
	assert_null(p->process.selinux);
	assert_null(p->mount_label);
}

static void groups_of_resctrl(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(
		&a, PT_DOC(",'intelRdt':{'closID':'g','l3CacheSchema':'L3:0=f\\nMB:0=1\\n L3CODE:0=1','memBwSchema':'MB:0=50',"
			   "'schemata':['L2:0=1','L3:1=f'],'enableMonitoring':true}", ""));
	static const char *const lines[] = { "L3:0=f", "L3CODE:0=1", "MB:0=50", "L2:0=1", "L3:1=f" };

	(void)state;
	assert_string_equal(p->rdt.from, "config.json#/linux/intelRdt");
	assert_string_equal(p->rdt.group, "g");
	assert_true(p->rdt.monitor && !p->rdt.must_exist);
	assert_int_equal(p->rdt.schemata.n, PS_COUNT(lines));
	for (size_t i = 0; i < PS_COUNT(lines); i++)
		assert_string_equal(p->rdt.schemata.v[i], lines[i]);
	/* Its own bandwidth counts where nothing else says any. */
	p = pt_policy(&a, PT_DOC(",'intelRdt':{'l3CacheSchema':'L3:0=f\\nMB:0=1'}", ""));
	assert_null(p->rdt.group);
	assert_int_equal(p->rdt.schemata.n, 2);
	p = pt_policy(&a, PT_DOC(",'intelRdt':{'closID':'/'}", ""));
	assert_string_equal(p->rdt.group, "");
	assert_true(p->rdt.must_exist);
	assert_null(pt_policy(&a, PT_DOC(",'intelRdt':{}", ""))->rdt.from);
}

static bool has_entry(const struct policy_entry *v, size_t n, const char *permission, const char *action,
		      const char *value, const char *from)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(policy_permission_name(v[i].permission), permission) &&
		    !strcmp(policy_action_name(v[i].action), action) && !strcmp(v[i].value, value) && !strcmp(v[i].from, from))
			return true;
	return false;
}

static void permissions_of_a_document(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = pt_policy(&a, PT_DOC_NS(",{'type':'network'}", ",'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys']",
		",'mounts':[{'destination':'/data','source':'/d','options':['bind','ro','noexec']}]"
		",'process':{'cwd':'/','args':['sh'],'env':['A=b','C=']}"));
	const struct policy_entry *v = NULL;
	struct ps_err e = { .cls = PS_OK };
	size_t n = 0;

	(void)state;
	assert_int_equal(policy_entries(&a, p, &v, &n, &e), 0);
	assert_int_equal(n, 15);
	assert_true(has_entry(v, n, "read", "allow", "/", "config.json#/root"));
	assert_true(has_entry(v, n, "write", "allow", "/", "config.json#/root"));
	assert_true(has_entry(v, n, "read", "allow", "/data", "config.json#/mounts/0"));
	assert_true(has_entry(v, n, "write", "deny", "/data", "config.json#/mounts/0"));
	assert_true(has_entry(v, n, "run", "deny", "/data", "config.json#/mounts/0"));
	assert_true(has_entry(v, n, "ffi", "deny", "/data", "config.json#/mounts/0"));
	assert_true(has_entry(v, n, "read", "deny", "/proc/kcore", "config.json#/linux/maskedPaths/0"));
	assert_true(has_entry(v, n, "write", "deny", "/proc/sys", "config.json#/linux/readonlyPaths/0"));
	assert_true(has_entry(v, n, "net", "allow", "localhost", "config.json#/linux/namespaces/1"));
	assert_true(has_entry(v, n, "env", "allow", "A", "config.json#/process"));
	assert_true(has_entry(v, n, "env", "allow", "C", "config.json#/process"));
	assert_true(has_entry(v, n, "sys", "allow", "*", "default#/permissions/sys"));
	p = pt_policy(&a, PT_DOC("", ""));
	assert_int_equal(policy_entries(&a, p, &v, &n, &e), 0);
	assert_true(has_entry(v, n, "net", "allow", "*", "default#/namespaces"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_asked_gets_the_defaults),
		cmocka_unit_test(namespaces_are_new_or_joined),
		cmocka_unit_test(mount_options_become_flags),
		cmocka_unit_test(binds_have_the_flags_that_are_named),
		cmocka_unit_test(binds_of_what_earlier_mounts_put_into_the_root),
		cmocka_unit_test(a_root_of_its_own),
		cmocka_unit_test(a_reaper_is_asked_for),
		cmocka_unit_test(id_mapped_mounts),
		cmocka_unit_test(mounts_of_no_kind_are_refused),
		cmocka_unit_test(paths_are_cleaned),
		cmocka_unit_test(devices_replace_defaults),
		cmocka_unit_test(device_rules_keep_their_order),
		cmocka_unit_test(zero_limits_are_no_limits),
		cmocka_unit_test(kernel_memory_is_ignored_aloud),
		cmocka_unit_test(process_by_value),
		cmocka_unit_test(sysctls_are_paths),
		cmocka_unit_test(hooks_keep_what_they_need),
		cmocka_unit_test(seccomp_by_value),
		cmocka_unit_test(seccomp_flags),
		cmocka_unit_test(asking_for_nothing_passes),
		cmocka_unit_test(labels), cmocka_unit_test(groups_of_resctrl), cmocka_unit_test(where_and_when_a_process_runs),
		cmocka_unit_test(exec_has_the_containers_policy_and_its_own_process),
		cmocka_unit_test(permissions_of_a_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
