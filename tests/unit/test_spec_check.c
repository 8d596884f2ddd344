/* SPDX-License-Identifier: Apache-2.0
 * test_spec_check.c - one broken document and its exact error per cross-field rule, at least.
 *
 * Documents are written with ' for ".
 */
#include "tests/unit/unit.h"

#include "oci/spec_rules.h"
#include "oci/spec_schema.h"

#define DOC(members) "{'ociVersion':'1.3.0','root':{'path':'rootfs'}" members "}"
#define PROCESS(members) DOC(",'process':{'cwd':'/','args':['sh']" members "}")
#define LINUX(members) DOC(",'linux':{" members "}")
#define MOUNT(members) DOC(",'mounts':[{'destination':'/m'" members "}]")
#define RESOURCES(members) LINUX("'resources':{" members "}")
#define SECCOMP(members) LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'" members "}")
#define SECCOMP_RULE(members) SECCOMP(",'syscalls':[{" members "}]")
#define NS(type) "'namespaces':[{'type':'" type "'}]"
#define ID_MAP(c, h, n) "{'containerID':" #c ",'hostID':" #h ",'size':" #n "}"
#define ID_MAPS(list) "'uidMappings':[" list "],'gidMappings':[" ID_MAP(0, 0, 1) "]"

static const struct row {
	const char *rule; /* NULL: the document is fine */
	const char *text;
	const char *want; /* after "config.json: " */
} rows[] = {
	/* the document */
	{ "ociVersion is SemVer of major 1", "{'ociVersion':'1.3','root':{'path':'r'}}",
	  "/ociVersion: '1.3' is not a SemVer 2.0.0 version" },
	{ "ociVersion is SemVer of major 1", "{'ociVersion':'2.0.0','root':{'path':'r'}}",
	  "/ociVersion: runtime-spec version '2.0.0' is not supported, only 1.x is" },
	{ "hook paths are absolute", DOC(",'hooks':{'poststop':[{'path':'/a'},{'path':'b'}]}"),
	  "/hooks/poststop/1/path: must be an absolute path, not 'b'" },

	/* process */
	{ "args name a program", DOC(",'process':{'cwd':'/'}"), "/process/args: must name a program" },
	{ "args name a program", DOC(",'process':{'cwd':'/','args':[]}"), "/process/args: must name a program" },
	{ "args name a program", DOC(",'process':{'cwd':'/','args':['']}"), "/process/args: must name a program" },
	{ "cwd is absolute", DOC(",'process':{'cwd':'tmp','args':['sh']}"),
	  "/process/cwd: must be an absolute path, not 'tmp'" },
	{ "cwd is absolute", DOC(",'process':{'cwd':'','args':['sh']}"),
	  "/process/cwd: must be an absolute path, not ''" },
	{ "env entries are NAME=VALUE", PROCESS(",'env':['A=b','HOME']"),
	  "/process/env/1: must be NAME=VALUE, not 'HOME'" },
	{ "env entries are NAME=VALUE", PROCESS(",'env':['=x']"), "/process/env/0: must be NAME=VALUE, not '=x'" },
	{ NULL, PROCESS(",'env':['A=','B=c=d','A=twice']"), NULL },
	{ "rlimits are known and unique", PROCESS(",'rlimits':[{'type':'RLIMIT_FUN','soft':1,'hard':1}]"),
	  "/process/rlimits/0/type: unknown rlimit 'RLIMIT_FUN'" },
	{ "rlimits are known and unique",
	  PROCESS(",'rlimits':[{'type':'RLIMIT_AS','soft':1,'hard':1},{'type':'RLIMIT_AS','soft':1,'hard':1}]"),
	  "/process/rlimits/1/type: rlimit 'RLIMIT_AS' is set twice" },
	{ "soft limits do not exceed hard limits", PROCESS(",'rlimits':[{'type':'RLIMIT_AS','soft':2,'hard':1}]"),
	  "/process/rlimits/0/soft: the soft limit 2 is above the hard limit 1" },
	{ "scheduler policy and flags are known", PROCESS(",'scheduler':{'policy':'SCHED_FAST'}"),
	  "/process/scheduler/policy: unknown scheduler policy 'SCHED_FAST'" },
	{ "scheduler policy and flags are known", PROCESS(",'scheduler':{'policy':'SCHED_OTHER','flags':['X']}"),
	  "/process/scheduler/flags/0: unknown scheduler flag 'X'" },
	{ "scheduler priority and nice fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_FIFO'}"),
	  "/process/scheduler/priority: must be 1 to 99 for SCHED_FIFO, not 0" },
	{ "scheduler priority and nice fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_RR','priority':100}"),
	  "/process/scheduler/priority: must be 1 to 99 for SCHED_RR, not 100" },
	{ "scheduler priority and nice fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_BATCH','priority':1}"),
	  "/process/scheduler/priority: is only for SCHED_FIFO and SCHED_RR" },
	{ "scheduler priority and nice fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_OTHER','nice':20}"),
	  "/process/scheduler/nice: must be -20 to 19, not 20" },
	{ NULL, PROCESS(",'scheduler':{'policy':'SCHED_FIFO','priority':99}"), NULL },
	{ "scheduler deadline parameters fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_OTHER','period':1}"),
	  "/process/scheduler: runtime, deadline and period are only for SCHED_DEADLINE" },
	{ "scheduler deadline parameters fit the policy",
	  PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE','runtime':3,'deadline':2}"),
	  "/process/scheduler: SCHED_DEADLINE needs 0 < runtime <= deadline <= period" },
	{ "scheduler deadline parameters fit the policy",
	  PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE','runtime':1,'deadline':3,'period':2}"),
	  "/process/scheduler: SCHED_DEADLINE needs 0 < runtime <= deadline <= period" },
	{ "scheduler deadline parameters fit the policy", PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE'}"),
	  "/process/scheduler: SCHED_DEADLINE needs 0 < runtime <= deadline <= period" },
	{ NULL, PROCESS(",'scheduler':{'policy':'SCHED_DEADLINE','runtime':2,'deadline':2}"), NULL },
	{ "I/O priority class is known", PROCESS(",'ioPriority':{'class':'IOPRIO_CLASS_NONE'}"),
	  "/process/ioPriority/class: unknown I/O priority class 'IOPRIO_CLASS_NONE'" },
	{ "CPU affinity is a list of CPUs", PROCESS(",'execCPUAffinity':{'initial':'0','final':'0;1'}"),
	  "/process/execCPUAffinity/final: must be a list of CPUs such as '0-3,7', not '0;1'" },
	{ NULL, PROCESS(",'capabilities':{'bounding':['CAP_FROM_THE_FUTURE']}"), NULL },

	/* mounts */
	{ "bind mounts carry no file system data", MOUNT(",'source':'/s','options':['bind','ro','size=1k']"),
	  "/mounts/0/options/2: bind mounts cannot have any filesystem-specific options applied: 'size=1k'" },
	{ "bind mounts carry no file system data", MOUNT(",'options':['mode=755','rbind']"),
	  "/mounts/0/options/0: bind mounts cannot have any filesystem-specific options applied: 'mode=755'" },
	{ NULL, MOUNT(",'type':'bind','options':['mode=755']"), NULL },
	{ "one propagation per mount", MOUNT(",'options':['shared','ro','rshared']"),
	  "/mounts/0/options/2: propagation 'rshared' contradicts 'shared'" },
	{ NULL, MOUNT(",'options':['rprivate','rprivate']"), NULL },
	{ "mount uid and gid mappings come together", MOUNT(",'options':['bind'],'uidMappings':[" ID_MAP(0, 0, 1) "]"),
	  "/mounts/0: uidMappings and gidMappings must come together" },
	{ "mount uid and gid mappings come together", MOUNT(",'options':['bind'],'gidMappings':[" ID_MAP(0, 0, 1) "]"),
	  "/mounts/0: uidMappings and gidMappings must come together" },
	{ "mount id ranges are sound", MOUNT(",'options':['bind','idmap']," ID_MAPS(ID_MAP(0, 4294967295, 1))),
	  "/mounts/0/uidMappings/0: the range does not fit into 32 bits" },
	{ "id-mapped mounts are bind mounts", MOUNT(",'type':'tmpfs','options':['idmap']," ID_MAPS(ID_MAP(0, 0, 1))),
	  "/mounts/0: id-mapped mounts are only supported for bind-mounts" },
	{ "id-mapped mounts have mappings", MOUNT(",'options':['rbind','ridmap']"),
	  "/mounts/0: an id-mapped mount needs uidMappings and gidMappings, or a user namespace" },
	{ NULL,
	  DOC(",'mounts':[{'destination':'/m','options':['bind','idmap']}],"
	      "'linux':{" NS("user") "," ID_MAPS(ID_MAP(0, 0, 1)) "}"),
	  NULL },

	/* linux */
	{ "namespaces are known, unique and absolute", LINUX(NS("net")),
	  "/linux/namespaces/0/type: unknown namespace type 'net'" },
	{ "namespaces are known, unique and absolute",
	  LINUX("'namespaces':[{'type':'pid'},{'type':'pid','path':'/p'}]"),
	  "/linux/namespaces/1/type: namespace 'pid' is listed twice" },
	{ "namespaces are known, unique and absolute", LINUX("'namespaces':[{'type':'pid','path':'proc/1'}]"),
	  "/linux/namespaces/0/path: must be an absolute path, not 'proc/1'" },
	{ "id mappings go with a user namespace", LINUX("'gidMappings':[" ID_MAP(0, 0, 1) "]"),
	  "/linux/gidMappings: user namespace mappings specified, but user namespace isn't enabled in the config" },
	{ "id mappings go with a user namespace", LINUX(ID_MAPS(ID_MAP(0, 0, 1))),
	  "/linux/uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config" },
	{ "id mappings go with a user namespace", LINUX(NS("user") ",'gidMappings':[" ID_MAP(0, 0, 1) "]"),
	  "/linux/namespaces/0: a new user namespace needs uidMappings and gidMappings" },
	{ NULL, LINUX("'namespaces':[{'type':'user','path':'/proc/1/ns/user'}]"), NULL },
	{ "id ranges are sound", LINUX(NS("user") "," ID_MAPS(ID_MAP(4294967290, 0, 6))),
	  "/linux/uidMappings/0: the range does not fit into 32 bits" },
	{ "id ranges are sound", LINUX(NS("user") "," ID_MAPS(ID_MAP(0, 1000, 10) "," ID_MAP(9, 2000, 1))),
	  "/linux/uidMappings/1: overlaps mapping 0" },
	{ "id ranges are sound", LINUX(NS("user") "," ID_MAPS(ID_MAP(0, 1000, 10) "," ID_MAP(100, 991, 10))),
	  "/linux/uidMappings/1: overlaps mapping 0" },
	{ NULL, LINUX(NS("user") "," ID_MAPS(ID_MAP(0, 1000, 10) "," ID_MAP(10, 990, 10) "," ID_MAP(20, 0, 1))), NULL },
	{ "host and domain name need a uts namespace", DOC(",'hostname':'h'"),
	  "/hostname: unable to set hostname without a private UTS namespace" },
	{ "host and domain name need a uts namespace", DOC(",'domainname':'d'"),
	  "/domainname: unable to set domainname without a private UTS namespace" },
	{ NULL, DOC(",'hostname':'','domainname':''"), NULL },
	{ "time offsets need a new time namespace", LINUX("'timeOffsets':{'monotonic':{'secs':1}}"),
	  "/linux/timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config" },
	{ "time offsets need a new time namespace",
	  LINUX("'namespaces':[{'type':'time','path':'/p'}],'timeOffsets':{'monotonic':{'secs':1}}"),
	  "/linux/timeOffsets: the offsets of a joined time namespace cannot be set" },
	{ "time offsets need a new time namespace", LINUX(NS("time") ",'timeOffsets':{'realtime':{'secs':1}}"),
	  "/linux/timeOffsets: unknown clock 'realtime'" },
	{ "network devices need a network namespace and valid names", LINUX("'netDevices':{'eth0':{}}"),
	  "/linux/netDevices: unable to move network devices without a NET namespace" },
	{ "network devices need a network namespace and valid names",
	  LINUX(NS("network") ",'netDevices':{'0123456789abcdef':{}}"),
	  "/linux/netDevices/0123456789abcdef: invalid network device name '0123456789abcdef'" },
	{ "network devices need a network namespace and valid names",
	  LINUX(NS("network") ",'netDevices':{'e':{'name':'a:b'}}"),
	  "/linux/netDevices/e: invalid network device name 'a:b'" },
	{ "network devices need a network namespace and valid names", LINUX(NS("network") ",'netDevices':{'..':{}}"),
	  "/linux/netDevices/..: invalid network device name '..'" },
	{ NULL, LINUX(NS("network") ",'netDevices':{'eth0':{'name':'eth%d'},'0123456789abcde':{}}"), NULL },
	{ "masked and readonly paths are absolute and need a mount namespace", LINUX("'maskedPaths':['/proc/kcore']"),
	  "/linux/maskedPaths: unable to restrict sys entries without a private MNT namespace" },
	{ "masked and readonly paths are absolute and need a mount namespace", LINUX("'readonlyPaths':['/proc/sys']"),
	  "/linux/readonlyPaths: unable to restrict sys entries without a private MNT namespace" },
	{ "masked and readonly paths are absolute and need a mount namespace",
	  LINUX(NS("mount") ",'readonlyPaths':['/proc/sys','proc/bus']"),
	  "/linux/readonlyPaths/1: must be an absolute path, not 'proc/bus'" },
	{ "cgroupsPath does not climb", LINUX("'cgroupsPath':'/a/../b'"),
	  "/linux/cgroupsPath: must not contain '..': '/a/../b'" },
	{ "cgroupsPath does not climb", LINUX("'cgroupsPath':'..'"),
	  "/linux/cgroupsPath: must not contain '..': '..'" },
	{ NULL, LINUX("'cgroupsPath':'/a/..b/c..'"), NULL },
	{ NULL, LINUX("'cgroupsPath':'system.slice:runc:id'"), NULL },
	{ "sysctls are in a namespace of the container", LINUX("'sysctl':{'kernel.panic':'1'}"),
	  "/linux/sysctl/kernel.panic: sysctl 'kernel.panic' is not in a separate kernel namespace" },
	{ "sysctls are in a namespace of the container", LINUX(NS("ipc") ",'sysctl':{'kernel.msgmaxx':'1'}"),
	  "/linux/sysctl/kernel.msgmaxx: sysctl 'kernel.msgmaxx' is not in a separate kernel namespace" },
	{ "sysctls are in a namespace of the container", LINUX("'sysctl':{'kernel.sem':'1'}"),
	  "/linux/sysctl/kernel.sem: sysctl 'kernel.sem' is not allowed in the host's ipc namespace" },
	{ "sysctls are in a namespace of the container", LINUX("'sysctl':{'net/ipv4/ip_forward':'1'}"),
	  "/linux/sysctl/net~1ipv4~1ip_forward: sysctl 'net/ipv4/ip_forward' is not allowed in the host's network "
	  "namespace" },
	{ "sysctls are in a namespace of the container", LINUX("'sysctl':{'user.max_user_namespaces':'1'}"),
	  "/linux/sysctl/user.max_user_namespaces: sysctl 'user.max_user_namespaces' is not allowed in the host's user "
	  "namespace" },
	{ "sysctls are in a namespace of the container", LINUX(NS("uts") ",'sysctl':{'kernel.hostname':'h'}"),
	  "/linux/sysctl/kernel.hostname: sysctl 'kernel.hostname' is not allowed as it conflicts with the OCI "
	  "'hostname' field" },
	{ "sysctls are in a namespace of the container",
	  DOC(",'domainname':'d','linux':{" NS("uts") ",'sysctl':{'kernel.domainname':'d'}}"),
	  "/linux/sysctl/kernel.domainname: sysctl 'kernel.domainname' is not allowed as it conflicts with the OCI "
	  "'domainname' field" },
	{ "sysctls are in a namespace of the container",
	  LINUX(NS("network") ",'sysctl':{'net/../kernel/core_pattern':'x'}"),
	  "/linux/sysctl/net~1..~1kernel~1core_pattern: 'net/../kernel/core_pattern' is not a sysctl name" },
	{ NULL,
	  LINUX("'namespaces':[{'type':'ipc'},{'type':'uts'},{'type':'network'}],'sysctl':{'kernel/"
		"shm_rmid_forced':'1',"
		"'fs.mqueue.msg_max':'1','kernel.domainname':'d','net.ipv4.conf.eno2/100.rp_filter':'1'}"),
	  NULL },
	{ "devices are well-formed", LINUX("'devices':[{'path':'dev/x','type':'c'}]"),
	  "/linux/devices/0/path: must be an absolute path, not 'dev/x'" },
	{ "devices are well-formed", LINUX("'devices':[{'path':'/dev/x','type':'cb'}]"),
	  "/linux/devices/0/type: must be 'c', 'b', 'u' or 'p', not 'cb'" },
	{ "devices are well-formed", LINUX("'devices':[{'path':'/dev/x','type':'','major':1}]"),
	  "/linux/devices/0/type: must be 'c', 'b', 'u' or 'p', not ''" },
	{ "devices are well-formed", LINUX("'devices':[{'path':'/dev/x','type':'c','major':-1}]"),
	  "/linux/devices/0/major: must be 0 to 4095, not -1" },
	{ "devices are well-formed", LINUX("'devices':[{'path':'/dev/x','type':'b','minor':1048576}]"),
	  "/linux/devices/0/minor: must be 0 to 1048575, not 1048576" },
	{ NULL, LINUX("'devices':[{'path':'/dev/x','type':'p','major':-1,'minor':-1}]"), NULL },
	{ "device paths are unique",
	  LINUX("'devices':[{'path':'/dev/x','type':'p'},{'path':'/dev/a','type':'p'},{'path':'/dev/x','type':'c'}]"),
	  "/linux/devices/2/path: device '/dev/x' is listed twice" },
	{ "rootfs propagation is known", LINUX("'rootfsPropagation':'open'"),
	  "/linux/rootfsPropagation: unknown propagation 'open'" },
	{ NULL, LINUX("'rootfsPropagation':'rslave'"), NULL },
	{ "personality is known", LINUX("'personality':{'domain':'BSD'}"),
	  "/linux/personality/domain: unknown personality domain 'BSD'" },
	{ "personality is known", LINUX("'personality':{'domain':'LINUX','flags':['ADDR_NO_RANDOMIZE']}"),
	  "/linux/personality/flags/0: unknown personality flag 'ADDR_NO_RANDOMIZE'" },
	{ "closID is a name", LINUX("'intelRdt':{'closID':'..'}"), "/linux/intelRdt/closID: invalid closID '..'" },
	{ "closID is a name", LINUX("'intelRdt':{'closID':'a/b'}"), "/linux/intelRdt/closID: invalid closID 'a/b'" },
	{ NULL, LINUX("'intelRdt':{'closID':'/'}"), NULL },
	{ "memory policy mode and flags are known", LINUX("'memoryPolicy':{'mode':'MPOL_ANY'}"),
	  "/linux/memoryPolicy/mode: invalid memory policy mode 'MPOL_ANY'" },
	{ "memory policy mode and flags are known", LINUX("'memoryPolicy':{'nodes':'0'}"),
	  "/linux/memoryPolicy/mode: invalid memory policy mode: it is required, but missing" },
	{ "memory policy mode and flags are known", LINUX("'memoryPolicy':{'mode':'MPOL_LOCAL','flags':['MPOL_F_X']}"),
	  "/linux/memoryPolicy/flags/0: invalid memory policy flag 'MPOL_F_X'" },
	{ "memory policy nodes fit the mode", LINUX("'memoryPolicy':{'mode':'MPOL_DEFAULT','nodes':'0-3,5'}"),
	  "/linux/memoryPolicy/nodes: MPOL_DEFAULT: mode requires 0 nodes but got 5" },
	{ "memory policy nodes fit the mode", LINUX("'memoryPolicy':{'mode':'MPOL_BIND'}"),
	  "/linux/memoryPolicy/nodes: mode 'MPOL_BIND' needs at least one node" },
	{ "memory policy nodes fit the mode", LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'all'}"),
	  "/linux/memoryPolicy/nodes: invalid memory policy nodes 'all': must be a list of nodes such as '0-1,3'" },
	{ NULL, LINUX("'memoryPolicy':{'mode':'MPOL_PREFERRED','nodes':''}"), NULL },

	/* linux.resources */
	{ "device rules have a known type and access", RESOURCES("'devices':[{'allow':true,'type':'u'}]"),
	  "/linux/resources/devices/0/type: must be 'a', 'b' or 'c', not 'u'" },
	{ "device rules have a known type and access", RESOURCES("'devices':[{'allow':true,'access':'rx'}]"),
	  "/linux/resources/devices/0/access: must be some of 'rwm', not 'rx'" },
	{ "device rules have a known type and access", RESOURCES("'devices':[{'allow':true,'access':''}]"),
	  "/linux/resources/devices/0/access: must be some of 'rwm', not ''" },
	{ "swap is not below the memory limit", RESOURCES("'memory':{'limit':2,'swap':1}"),
	  "/linux/resources/memory/swap: memory and swap together, 1, are below the memory limit 2" },
	{ "swap needs a memory limit", RESOURCES("'memory':{'swap':1}"),
	  "/linux/resources/memory/swap: unable to set swap limit without memory limit" },
	{ "swap needs a memory limit", RESOURCES("'memory':{'swap':1,'limit':-1}"),
	  "/linux/resources/memory/swap: unable to set swap limit without memory limit" },
	{ NULL, RESOURCES("'memory':{'limit':2,'swap':-1}"), NULL },
	{ NULL, RESOURCES("'memory':{'limit':2,'swap':2}"), NULL },
	{ "cpu burst is not above the quota", RESOURCES("'cpu':{'quota':1000,'burst':1001}"),
	  "/linux/resources/cpu/burst: the burst 1001 is above the quota 1000" },
	{ NULL, RESOURCES("'cpu':{'quota':-1,'burst':1001}"), NULL },
	{ "huge page sizes are sizes", RESOURCES("'hugepageLimits':[{'pageSize':'2M','limit':1}]"),
	  "/linux/resources/hugepageLimits/0/pageSize: must be a size such as '2MB', not '2M'" },
	{ "huge page sizes are sizes", RESOURCES("'hugepageLimits':[{'pageSize':'02MB','limit':1}]"),
	  "/linux/resources/hugepageLimits/0/pageSize: must be a size such as '2MB', not '02MB'" },
	{ "weight devices have a weight", RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0}]}"),
	  "/linux/resources/blockIO/weightDevice/0: needs weight or leafWeight" },
	{ "rdma devices have a limit", RESOURCES("'rdma':{'mlx5_1':{}}"),
	  "/linux/resources/rdma/mlx5_1: needs hcaHandles or hcaObjects" },
	{ "rdma devices have a limit", RESOURCES("'rdma':{'a b':{'hcaHandles':1}}"),
	  "/linux/resources/rdma/a b: 'a b' is not the name of an RDMA device" },
	{ "block I/O weights are from 10 to 1000", RESOURCES("'blockIO':{'weight':9}"),
	  "/linux/resources/blockIO/weight: must be from 10 to 1000, not 9" },
	{ "block I/O weights are from 10 to 1000", RESOURCES("'blockIO':{'leafWeight':1001}"),
	  "/linux/resources/blockIO/leafWeight: must be from 10 to 1000, not 1001" },
	{ "block I/O weights are from 10 to 1000", RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':1001}]}"),
	  "/linux/resources/blockIO/weightDevice/0/weight: must be from 10 to 1000, not 1001" },
	{ "block I/O weights are from 10 to 1000", RESOURCES("'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':1}]}"),
	  "/linux/resources/blockIO/weightDevice/0/leafWeight: must be from 10 to 1000, not 1" },
	{ "network priorities are about interfaces", RESOURCES("'network':{'priorities':[{'name':'lo 1','priority':1}]}"),
	  "/linux/resources/network/priorities/0/name: 'lo 1' is not the name of a network interface" },
	{ "network priorities are about interfaces", RESOURCES("'network':{'priorities':[{'name':'abcdefghijklmnop','priority':1}]}"),
	  "/linux/resources/network/priorities/0/name: 'abcdefghijklmnop' is not the name of a network interface" },
	{ NULL, RESOURCES("'network':{'priorities':[{'name':'abcdefghijklmno','priority':1}]}"), NULL },
	{ "unified keys are file names", RESOURCES("'unified':{'cgroup.freeze':'1'}"),
	  "/linux/resources/unified/cgroup.freeze: 'cgroup.freeze' is about processes, not resources" },
	{ "unified keys are file names", RESOURCES("'unified':{'cgroup.subtree_control':'+cpu'}"),
	  "/linux/resources/unified/cgroup.subtree_control: 'cgroup.subtree_control' is about processes, not resources" },
	{ "unified keys are file names", RESOURCES("'unified':{'../cgroup.procs':'1'}"),
	  "/linux/resources/unified/..~1cgroup.procs: '../cgroup.procs' is not the name of a cgroup file" },
	{ "unified keys are file names", RESOURCES("'unified':{'..':'1'}"),
	  "/linux/resources/unified/..: '..' is not the name of a cgroup file" },

	/* linux.seccomp */
	{ "seccomp actions are known", LINUX("'seccomp':{'defaultAction':'ALLOW'}"),
	  "/linux/seccomp/defaultAction: unknown seccomp action 'ALLOW'" },
	{ "seccomp actions are known", SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_NO'"),
	  "/linux/seccomp/syscalls/0/action: unknown seccomp action 'SCMP_ACT_NO'" },
	{ "seccomp operators are known",
	  SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_LOG','args':[{'index':0,'value':1,'op':'=='}]"),
	  "/linux/seccomp/syscalls/0/args/0/op: unknown seccomp operator '=='" },
	{ "seccomp architectures are known", SECCOMP(",'architectures':['SCMP_ARCH_X86','SCMP_ARCH_VAX']"),
	  "/linux/seccomp/architectures/1: unknown seccomp architecture 'SCMP_ARCH_VAX'" },
	{ "seccomp flags are known", SECCOMP(",'flags':['SECCOMP_FILTER_FLAG_NEW_LISTENER']"),
	  "/linux/seccomp/flags/0: unknown seccomp flag 'SECCOMP_FILTER_FLAG_NEW_LISTENER'" },
	{ "seccomp rules name system calls", SECCOMP_RULE("'names':[],'action':'SCMP_ACT_LOG'"),
	  "/linux/seccomp/syscalls/0/names: must name at least one system call" },
	{ "seccomp errno fits the action", SECCOMP(",'defaultErrnoRet':1"),
	  "/linux/seccomp/defaultErrnoRet: an errno makes no sense for action 'SCMP_ACT_ALLOW'" },
	{ "seccomp errno fits the action", SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_KILL','errnoRet':1"),
	  "/linux/seccomp/syscalls/0/errnoRet: an errno makes no sense for action 'SCMP_ACT_KILL'" },
	{ "seccomp errno fits the action", SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_ERRNO','errnoRet':4096"),
	  "/linux/seccomp/syscalls/0/errnoRet: must be at most 4095 for action 'SCMP_ACT_ERRNO', not 4096" },
	{ "seccomp errno fits the action", SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_TRACE','errnoRet':65536"),
	  "/linux/seccomp/syscalls/0/errnoRet: must be at most 65535 for action 'SCMP_ACT_TRACE', not 65536" },
	{ NULL, SECCOMP_RULE("'names':['x'],'action':'SCMP_ACT_TRACE','errnoRet':65535"), NULL },
	{ "seccomp notify spares the default and write",
	  LINUX("'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/l'}"),
	  "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action" },
	{ "seccomp notify spares the default and write",
	  SECCOMP_RULE("'names':['read','write'],'action':'SCMP_ACT_NOTIFY'"),
	  "/linux/seccomp/syscalls/0/names/1: SCMP_ACT_NOTIFY cannot be used for the write syscall" },
	{ NULL, SECCOMP_RULE("'names':['write'],'action':'SCMP_ACT_LOG'"), NULL },
	{ "seccomp listener is complete", SECCOMP(",'listenerPath':'agent.sock'"),
	  "/linux/seccomp/listenerPath: must be an absolute path, not 'agent.sock'" },
	{ "seccomp listener is complete", SECCOMP_RULE("'names':['read'],'action':'SCMP_ACT_NOTIFY'"),
	  "/linux/seccomp/syscalls/0/action: SCMP_ACT_NOTIFY takes a listenerPath: who answers" },
	{ "seccomp listener is complete", SECCOMP(",'listenerMetadata':'m'"),
	  "/linux/seccomp/listenerMetadata: must not be set without listenerPath" },
};

static const struct {
	const struct rules *rules;
	const char *base;
} sets[] = {
	{ &rules_document, "" },
	{ &rules_process, "/process" },
	{ &rules_mounts, "/mounts" },
	{ &rules_linux, "/linux" },
	{ &rules_resources, "/linux/resources" },
	{ &rules_resources_whole, "/linux/resources" },
	{ &rules_seccomp, "/linux/seccomp" },
};

static void assert_error(const struct row *row, const struct ps_err *e)
{
	char want[1024], found[700];

	snprintf(want, sizeof(want), "config.json: %s", row->want);
	assert_int_equal(e->cls, PS_E_CONFIG);
	/* `where` is cut to its size; the message must be whole. */
	const char *where = strstr(want, e->where), *msg = want + strlen(want) - strlen(e->msg);
	if (strlen(e->where) < sizeof(e->where) - 1)
		assert_string_equal(ps_err_text(e, found, sizeof(found)), want);
	assert_ptr_equal(where, want);
	assert_string_equal(e->msg, msg);
}

static void documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { 0 };
		ps_auto_mem char *text = unit_quotes(rows[i].text);
		struct ps_err e = { .cls = PS_OK };
		const struct spec *s = NULL;
		int r = spec_parse(&a, "config.json", text, strlen(text), &s, &e);
		if (!rows[i].want && r < 0)
			fail_msg("%s: %s: %s", rows[i].text, e.where, e.msg);
		if (rows[i].want && r == 0)
			fail_msg("accepted: %s", rows[i].text);
		assert_int_equal(s != NULL, rows[i].want == NULL);
		if (rows[i].want)
			assert_error(&rows[i], &e);
	}
}

/* The rule that a row names is the one that refuses, on its own, without the others. */
static bool refused_by(const struct row *row, const struct rule *rule, const char *base)
{
	ps_auto_arena struct ps_arena a = { 0 };
	ps_auto_mem char *text = unit_quotes(row->text);
	struct ps_err e = { .cls = PS_OK };
	struct spec s = { .file = "config.json" };
	struct json *root = NULL;

	assert_int_equal(json_parse(&a, "config.json", text, strlen(text), &root, &e), 0);
	assert_int_equal(schema_fill(&a, &schema_config, root, "config.json", &s, &e), 0);
	const struct rules one = { rule, 1 };
	if (spec_check_rules(&one, &s, base, &e) == 0)
		return false;
	assert_error(row, &e);
	return true;
}

static void every_rule_is_broken_by_its_rows(void **state)
{
	size_t tried = 0, broken = 0;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		broken += rows[i].rule != NULL;
	for (size_t i = 0; i < PS_COUNT(sets); i++) {
		for (size_t k = 0; k < sets[i].rules->n; k++) {
			const struct rule *rule = &sets[i].rules->v[k];
			size_t before = tried;
			for (size_t r = 0; r < PS_COUNT(rows); r++) {
				if (!rows[r].rule || strcmp(rows[r].rule, rule->name) != 0)
					continue;
				if (!refused_by(&rows[r], rule, sets[i].base))
					fail_msg("'%s' accepts %s", rule->name, rows[r].text);
				tried++;
			}
			if (tried == before)
				fail_msg("no document breaks '%s'", rule->name);
		}
	}
	assert_int_equal(tried, broken); /* a row with a misspelt rule is not tried */
}

static void too_many_mappings(void **state)
{
	enum { KERNEL_LIMIT = 340 };
	static struct spec_id_map maps[KERNEL_LIMIT + 1];
	const struct spec_namespace user = { .at = "", .type = "user" };
	struct spec s = { .file = "config.json" };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	for (uint32_t i = 0; i < PS_COUNT(maps); i++)
		maps[i] = (struct spec_id_map){ i, i, 1 };
	s.linux_.namespaces = &user;
	s.linux_.n_namespaces = 1;
	s.linux_.uid_maps = s.linux_.gid_maps = (struct spec_id_maps){ maps, KERNEL_LIMIT };
	assert_int_equal(spec_check_rules(&rules_linux, &s, "/linux", &e), 0);
	s.linux_.gid_maps.n++;
	assert_int_equal(spec_check_rules(&rules_linux, &s, "/linux", &e), -1);
	assert_string_equal(e.where, "config.json: /linux/gidMappings");
	assert_string_equal(e.msg, "has 341 mappings, the kernel takes 340");
}

static void versions(void **state)
{
	static const struct {
		const char *version;
		bool good;
	} list[] = {
		{ "1.0.0", true },	  { "1.0.2-dev", true },    { "1.3.0+dev", true },  { "1.2.1", true },
		{ "1.0.0-rc5", true },	  { "1.0.0-rc.1", true },   { "1.1.0-0a", true },   { "1.10.0", true },
		{ "1.0.0-a.b-c+d.01", true }, { "1.0.0--", true },  { "", false },	    { "1", false },
		{ "1.0", false },	  { "1.0.0.0", false },	    { "01.0.0", false },    { "1.00.0", false },
		{ "1.0.0-", false },	  { "1.0.0+", false },	    { "1.0.0-01", false },  { "1.0.0-a..b", false },
		{ "v1.0.0", false },	  { "1.0.0 ", false },	    { "1.0.0-a+b+c", false }, { "0.9.0", false },
		{ "2.0.0", false },	  { "11.0.0", false },	    { "1.0.0-a_b", false }, { "1.-1.0", false },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(list); i++) {
		struct spec s = { .file = "f", .oci_version = list[i].version };
		struct ps_err e = { .cls = PS_OK };
		if ((spec_check(&s, &e) == 0) != list[i].good)
			fail_msg("'%s'", list[i].version);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(every_rule_is_broken_by_its_rows),
		cmocka_unit_test(too_many_mappings),
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
