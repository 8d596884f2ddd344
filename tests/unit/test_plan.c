/* SPDX-License-Identifier: Apache-2.0
 * test_plan.c - policy and host to plan: host objects, namespaces, mounts, process, the check of a block.
 * WRAP: calloc realloc
 */
#include "tests/unit/plan_test.h"

#include <linux/capability.h>
#include <time.h>

#include "base/abi.h"
#include "tests/unit/fault.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fault_trip("calloc") ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	return fault_trip("realloc") ? NULL : __real_realloc(p, size);
}

#define ROW(p, type, list, i) (&PLAN_ROWS(p, type, list)[i])

static const struct plan_fd *fd_of(const struct plan *p, uint32_t i)
{
	assert_true(i < p->fds.n);
	return ROW(p, struct plan_fd, p->fds, i);
}

static void rootfs_is_the_first_object(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC(",'rootfsPropagation':'rslave'", ""), PT_HOST_V2, &out);

	(void)state;
	assert_int_equal(p->size, out.len);
	assert_string_equal(plan_str(p, p->id), "c1");
	assert_string_equal(plan_str(p, p->bundle), "/bundle");
	assert_int_equal(p->rootfs_fd, 0);
	assert_int_equal(fd_of(p, 0)->kind, PLAN_FD_ROOTFS);
	assert_string_equal(plan_str(p, fd_of(p, 0)->path), "/bundle/rootfs");
	assert_int_equal(p->rootfs_propagation, MS_SLAVE | MS_REC);
	assert_int_equal(p->ns_new, CLONE_NEWNS);
	assert_true(p->has_mount_ns && p->new_keyring && !p->lo_up && !p->has_process);
	assert_int_equal(p->null_fd, PLAN_NO_FD);
	assert_int_equal(p->hook_state_head, 0);
}

static void namespaces(void **state)
{
	static const struct { const char *doc; bool early, late, lo; uint32_t joins; } rows[] = {
#define USER ",{'type':'user'}"
#define MAPS ",'uidMappings':[{'containerID':0,'hostID':100,'size':9}],'gidMappings':[{'containerID':0,'hostID':200,'size':9}]"
		{ PT_DOC_NS(",{'type':'network'}", "", ""), false, false, true, 0 },
		{ PT_DOC_NS(",{'type':'network','path':'/n'}", "", ""), false, false, false, 1 },
		{ PT_DOC_NS(",{'type':'pid','path':'/n'}", "", ""), false, true, false, 1 },
		{ PT_DOC_NS(USER, MAPS, ""), true, false, false, 0 },
		{ PT_DOC_NS(USER ",{'type':'ipc','path':'/n'}", MAPS, ""), true, false, false, 1 },
		{ PT_DOC_NS(",{'type':'user','path':'/n'}", "", ""), true, false, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf out = { .data = NULL };
		const struct plan *p = pt_plan(&a, rows[i].doc, PT_HOST_V2, &out);

		assert_int_equal(p->bridge_early, rows[i].early);
		assert_int_equal(p->bridge_late, rows[i].late);
		assert_int_equal(p->lo_up, rows[i].lo);
		assert_int_equal(p->ns_joins.n, rows[i].joins);
		for (PLAN_EACH(p, struct plan_ns_join, j, p->ns_joins)) {
			assert_int_equal(fd_of(p, j->fd)->kind, PLAN_FD_NS);
			assert_int_equal(fd_of(p, j->fd)->flag, j->flag);
			assert_string_equal(plan_str(p, fd_of(p, j->fd)->path), "/n");
		}
	}
}

static void id_maps_belong_to_a_new_user_namespace(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC_NS(USER, MAPS, ""), PT_HOST_V2, &out);

	(void)state;
	assert_int_equal(p->uid_map.n, 1);
	assert_int_equal(ROW(p, struct plan_id_map, p->uid_map, 0)->host, 100);
	assert_int_equal(ROW(p, struct plan_id_map, p->gid_map, 0)->host, 200);
	p = pt_plan(&a, PT_DOC_NS(",{'type':'user','path':'/n'}", MAPS, ""), PT_HOST_V2, &out);
	assert_int_equal(p->uid_map.n, 0);
}

static void time_offsets(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC_NS(",{'type':'time'}", ",'timeOffsets':{'boottime':{'secs':-3,'nanosecs':4}}", ""),
				       PT_HOST_V2, &out);
	const struct plan_time_offset *t = PLAN_ROWS(p, struct plan_time_offset, p->time_offsets);

	(void)state;
	assert_int_equal(p->time_offsets.n, 1);
	assert_true(t->clock == CLOCK_BOOTTIME && t->secs == -3 && t->nanosecs == 4);
}

static void mount_namespace_is_required(void **state)
{
	(void)state;
	pt_plan_fails("{'ociVersion':'1.3.0','root':{'path':'r'},'linux':{}}", PT_HOST_V2, PS_E_UNSUPP,
		      "config.json: /linux/namespaces",
		      "a container without a mount namespace of its own is not supported: its mounts would be the host's, and chroot(2) alone "
		      "holds no privileged process; add {\"type\": \"mount\"}");
	pt_plan_fails("{'ociVersion':'1.3.0','root':{'path':'r'},'linux':{'namespaces':[{'type':'mount','path':'/m'}]}}",
		      PT_HOST_V2, PS_E_UNSUPP, "config.json: /linux/namespaces/0",
		      "joining an existing mount namespace is not supported");
}

static void rows_of_a_root_of_its_own(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL }, other = { .data = NULL };
	static const char doc[] = "{'ociVersion':'1.3.0','root':{'path':'tmpfs'},'linux':{'namespaces':[{'type':'mount'}%s]},"
				  "'mounts':[{'destination':'/l','source':'/lib','options':['bind','copy-symlink']}],"
				  "'annotations':{'io.podshim.rootfs':'tmpfs','io.podshim.reaper':'1'}}";
	const struct plan *p = pt_plan(&a, ps_arena_printf(&a, doc, ",{'type':'pid'}"), PT_HOST_V2, &out);

	(void)state;
	assert_int_equal(p->rootfs_fd, 0);
	assert_int_equal(p->rootfs, 0);
	assert_int_equal(PLAN_ROWS(p, struct plan_fd, p->fds)[0].kind, PLAN_FD_ROOTFS);
	assert_int_equal(PLAN_ROWS(p, struct plan_fd, p->fds)[0].path, 0);
	assert_int_equal(PLAN_ROWS(p, struct plan_mount, p->mounts)[0].flags, PLAN_MOUNT_COPY_SYMLINK);
	assert_int_equal(p->reaper, 1);
	/* Pid 1 is somebody else. */
	p = pt_plan(&a, ps_arena_printf(&a, doc, ""), PT_HOST_V2, &other);
	assert_int_equal(p->reaper, 0);
}

static void private_root_needs_pivot(void **state)
{
	struct plan_request r = pt_request;
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	r.no_pivot = true;
	pt_plan_fails_with(PT_DOC(",'rootfsPropagation':'rprivate'", ""), &h, &r, PS_E_CONFIG,
			   "config.json: /linux/rootfsPropagation", "[r]private is not safe without pivot_root");
}

#define MOUNTS(text) PT_DOC("", ",'mounts':[" text "]")

static void mounts_by_kind(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, MOUNTS(
		"{'destination':'/dev','type':'tmpfs','source':'x','options':['mode=755','nosuid','size=64k']},"
		"{'destination':'/b','source':'/src','options':['rbind','rslave','idmap'],'uidMappings':[{'containerID':0,'hostID':9,'size':1}],'gidMappings':[{'containerID':0,'hostID':8,'size':1}]},"
		"{'destination':'/dev','options':['remount','ro']}"), PT_HOST_V2, &out);
	const struct plan_mount *m = PLAN_ROWS(p, struct plan_mount, p->mounts);

	(void)state;
	assert_int_equal(p->mounts.n, 3);
	assert_int_equal(m[0].kind, PLAN_MOUNT_FS);
	assert_string_equal(plan_str(p, m[0].fstype), "tmpfs");
	assert_int_equal(m[0].options.n, 2);
	assert_string_equal(plan_list_str(p, m[0].options, 0), "mode=755");
	assert_string_equal(plan_list_str(p, m[0].options, 1), "size=64k");
	assert_int_equal(m[0].fd, PLAN_NO_FD);

	assert_int_equal(m[1].kind, PLAN_MOUNT_BIND);
	assert_int_equal(m[1].flags, PLAN_MOUNT_IDMAP);
	assert_int_equal(fd_of(p, m[1].fd)->kind, PLAN_FD_BIND);
	assert_int_equal(fd_of(p, m[1].fd)->flags, PLAN_FD_RECURSIVE);
	assert_int_equal(fd_of(p, m[1].fd)->mount, 1);
	assert_string_equal(plan_str(p, fd_of(p, m[1].fd)->path), "/src");
	assert_int_equal(ROW(p, struct plan_id_map, m[1].gid_map, 0)->host, 8);

	assert_int_equal(m[2].kind, PLAN_MOUNT_REMOUNT);
	assert_int_equal(m[2].sb_flags, MS_RDONLY);
	assert_int_equal(m[2].attr_set, MOUNT_ATTR_RDONLY);
}

static void proc_stays_proc(void **state)
{
	static const char *const good[] = {
		MOUNTS("{'destination':'/proc','type':'proc'}"),
		MOUNTS("{'destination':'/proc','source':'/proc','options':['rbind']}"),
		MOUNTS("{'destination':'/proc/cpuinfo','source':'/x','options':['bind']}"),
		MOUNTS("{'destination':'/proc/sys/crypto/fips_enabled','source':'/x','options':['bind']}"),
		MOUNTS("{'destination':'/procx','type':'tmpfs'}"),
		MOUNTS("{'destination':'/proc','options':['remount','bind','ro']}"),
	};
	static const char only_proc[] = "only a proc file system can be mounted at '/proc'";

	(void)state;
	for (size_t i = 0; i < PS_COUNT(good); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf out = { .data = NULL };

		(void)pt_plan(&a, good[i], PT_HOST_V2, &out);
	}
	pt_plan_fails(MOUNTS("{'destination':'/proc','type':'tmpfs'}"), PT_HOST_V2, PS_E_CONFIG, "config.json: /mounts/0", only_proc);
	pt_plan_fails(MOUNTS("{'destination':'/sys/../proc/','source':'/x','options':['bind']}"), PT_HOST_V2, PS_E_CONFIG,
		      "config.json: /mounts/0", only_proc);
	pt_plan_fails(MOUNTS("{'destination':'/proc/self','type':'tmpfs'}"), PT_HOST_V2, PS_E_CONFIG, "config.json: /mounts/0",
		      "'/proc/self' cannot be mounted because it is inside /proc");
	pt_plan_fails(MOUNTS("{'destination':'/proc/cpuinfo','type':'tmpfs'}"), PT_HOST_V2, PS_E_CONFIG, "config.json: /mounts/0",
		      "'/proc/cpuinfo' cannot be mounted because it is inside /proc");
}

#define CGROUP_MOUNT "{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':['ro']}"

static void cgroup_mounts_follow_the_host(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, MOUNTS(CGROUP_MOUNT), PT_HOST_V2, &out);
	const struct plan_mount *m = PLAN_ROWS(p, struct plan_mount, p->mounts);
	static struct host none = { .last_cap = 40 };

	(void)state;
	assert_int_equal(m->kind, PLAN_MOUNT_CGROUP2);
	assert_int_equal(m->sb_flags, 0);
	assert_int_equal(fd_of(p, m->fd)->kind, PLAN_FD_CGROUP_MNT);
	assert_string_equal(plan_str(p, fd_of(p, m->fd)->path), "/sys/fs/cgroup/podshim/c1");

	p = pt_plan(&a, PT_DOC_NS(",{'type':'cgroup'}", "", ",'mounts':[" CGROUP_MOUNT "]"), PT_HOST_V2, &out);
	assert_int_equal(PLAN_ROWS(p, struct plan_mount, p->mounts)->fd, PLAN_NO_FD);

	p = pt_plan(&a, MOUNTS(CGROUP_MOUNT), PT_HOST_HYBRID, &out);
	assert_int_equal(PLAN_ROWS(p, struct plan_mount, p->mounts)->kind, PLAN_MOUNT_CGROUP1);
	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups))
		assert_int_equal(fd_of(p, c->fd)->kind, PLAN_FD_CGROUP_MNT);
	pt_plan_fails_with(MOUNTS(CGROUP_MOUNT), &none, &pt_request, PS_E_UNSUPP, "config.json: /mounts/0",
			   "the host has no cgroup file system to mount at '/sys/fs/cgroup'");
}

static void masks_use_the_hosts_null(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC(",'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys']", ""), PT_HOST_V2, &out);

	(void)state;
	assert_int_equal(fd_of(p, p->null_fd)->kind, PLAN_FD_DEVICE);
	assert_true(fd_of(p, p->null_fd)->major == 1 && fd_of(p, p->null_fd)->minor == 3);
	assert_string_equal(plan_str(p, ROW(p, struct plan_path, p->masked, 0)->path), "/proc/kcore");
	assert_string_equal(plan_str(p, ROW(p, struct plan_path, p->readonly, 0)->path), "/proc/sys");
}

static void devices_are_bound_in_a_user_namespace(void **state)
{
	static const char nodes[] = PT_DOC(",'devices':[{'path':'/dev/p','type':'p'}]", "");
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, nodes, PT_HOST_V2, &out);
	const struct plan_device *d;
	static struct host h;

	(void)state;
	for (PLAN_EACH(p, struct plan_device, row, p->devices))
		assert_int_equal(row->fd, PLAN_NO_FD);
	assert_int_equal(p->links.n, 5);
	pt_host(&h, PT_HOST_V2);
	h.in_user_ns = true;
	p = pt_compile(pt_policy(&a, nodes), &h, &pt_request, &out);
	d = PLAN_ROWS(p, struct plan_device, p->devices);
	assert_int_equal(fd_of(p, d[0].fd)->kind, PLAN_FD_DEVICE);
	assert_string_equal(plan_str(p, fd_of(p, d[0].fd)->path), "/dev/null");
	assert_int_equal(d[6].fd, PLAN_NO_FD); /* a pipe is no device */
	p = pt_plan(&a, PT_DOC_NS(USER, MAPS, ""), PT_HOST_V2, &out);
	assert_int_not_equal(PLAN_ROWS(p, struct plan_device, p->devices)->fd, PLAN_NO_FD);
}

static const char process_doc[] = PT_DOC_NS(",{'type':'uts'},{'type':'network'}",
	",'sysctl':{'net.ipv4.ip_forward':'1'},'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','flags':['SECCOMP_FILTER_FLAG_LOG']}",
	",'hostname':'h','domainname':'d','process':{'cwd':'/w','args':['sh','-c'],'env':['A=b'],'user':{'uid':7,'gid':8,'additionalGids':[9]},"
	"'noNewPrivileges':true,'oomScoreAdj':5,'capabilities':{'bounding':['CAP_CHOWN','CAP_CHECKPOINT_RESTORE']},"
	"'rlimits':[{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}]}");

static void process_rows(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct plan_request r = pt_request;
	const struct plan *p;
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	h.last_cap = CAP_AUDIT_READ;
	r.preserve_fds = 2;
	r.no_new_keyring = true;
	p = pt_compile(pt_policy(&a, process_doc), &h, &r, &out);
	assert_string_equal(plan_str(p, p->hostname), "h");
	assert_string_equal(plan_str(p, p->domainname), "d");
	assert_true(p->has_process && p->no_new_privs && p->has_oom && !p->has_umask && !p->new_keyring);
	assert_true(p->uid == 7 && p->gid == 8 && p->needs_setgroups && p->oom_score_adj == 5 && p->preserve_fds == 2);
	assert_int_equal(*ROW(p, uint32_t, p->groups, 0), 9);
	assert_string_equal(plan_list_str(p, p->args, 1), "-c");
	assert_string_equal(plan_list_str(p, p->env, 0), "A=b");
	assert_string_equal(plan_str(p, p->cwd), "/w");
	/* A capability that this kernel does not have is left out. */
	assert_int_equal(p->caps.bounding, UINT64_C(1) << CAP_CHOWN);
	assert_true(ROW(p, struct plan_rlimit, p->rlimits, 0)->hard == UINT64_MAX);
	assert_int_equal(p->seccomp.n, 1);
	assert_int_equal(p->seccomp_flags, SECCOMP_FILTER_FLAG_LOG);
	assert_string_equal(plan_str(p, ROW(p, struct plan_sysctl, p->sysctl, 0)->path), "net/ipv4/ip_forward");
	assert_string_equal(plan_str(p, ROW(p, struct plan_sysctl, p->sysctl, 0)->value), "1");
}

static void setgroups_is_left_alone_where_it_is_denied(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	h.euid = 1000;
#define NO_GROUPS ",'process':{'cwd':'/','args':['x']}"
	assert_false(pt_compile(pt_policy(&a, PT_DOC_NS(USER, MAPS, NO_GROUPS)), &h, &pt_request, &out)->needs_setgroups);
	assert_true(pt_compile(pt_policy(&a, PT_DOC("", NO_GROUPS)), &h, &pt_request, &out)->needs_setgroups);
	h.euid = 0;
	assert_true(pt_compile(pt_policy(&a, PT_DOC_NS(USER, MAPS, NO_GROUPS)), &h, &pt_request, &out)->needs_setgroups);
}

static int empty_seccomp(void *ctx, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	(void)ctx, (void)s, (void)out, (void)e;
	return 0;
}

static int failing_seccomp(void *ctx, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	(void)s, (void)out;
	return ps_fail(e, PS_E_UNSUPP, "no %s", (const char *)ctx);
}

static void seccomp_errors_name_the_place(void **state)
{
	char what[] = "filters";
	struct plan_request r = { .id = "c1", .seccomp = failing_seccomp, .seccomp_ctx = what };
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_V2);
	pt_plan_fails_with(PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}", ""), &h, &r, PS_E_UNSUPP,
			   "config.json: /linux/seccomp", "no filters");
	r.seccomp = empty_seccomp;
	pt_plan_fails_with(PT_DOC(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}", ""), &h, &r, PS_E_BUG,
			   "config.json: /linux/seccomp", "the system call filter came out incomplete");
}

/* Memory runs out at each allocation in turn: an error, no policy, no plan that could be taken for one. */
static void every_allocation_may_fail(void **state)
{
	static const char doc[] = PT_DOC_NS(",{'type':'uts'},{'type':'ipc','path':'/n'}",
		",'maskedPaths':['/proc//kcore'],'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'},'resources':{'memory':{'kernel':1,'limit':9}}",
		",'hostname':'h','hooks':{'prestart':[{'path':'/h'}]},'mounts':[{'destination':'/a','source':'b','options':['bind']}]");
	ps_auto_arena struct ps_arena kept = { .head = NULL };
	const struct spec *s = pt_spec(&kept, doc);
	static struct host h;
	int n;

	(void)state;
	pt_host(&h, PT_HOST_V1);
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf out = { .data = NULL };
		const struct policy *p = NULL;
		struct ps_err e = { .cls = PS_OK };
		int r = policy_from_oci(&a, s, "/bundle", &p, &e);

		assert_int_equal(r < 0, p == NULL);
		if (!r)
			r = plan_compile(p, &h, &pt_request, &out, &e);
		if (!fault_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_int_equal(r, -1);
		assert_true(e.cls == PS_E_OS || e.cls == PS_E_BUG);
		assert_true(e.msg[0] != '\0');
		assert_null(plan_view(out.data, out.len));
	}
	assert_true(n > 8);
}

static void exec_enters_through_one_pidfd(void **state)
{
	static const uint64_t enter = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUSER;
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct policy *policy = pt_policy(&a, process_doc);
	struct ps_err e = { .cls = PS_OK };
	const struct plan *p;
	static struct host h;

	(void)state;
	pt_host(&h, PT_HOST_HYBRID);
	assert_int_equal(plan_compile_exec(policy, &h, &pt_request, enter, &out, &e), 0);
	p = plan_view(out.data, out.len);
	assert_non_null(p);
	assert_int_equal(p->rootfs_fd, PLAN_NO_FD);
	assert_int_equal(p->fds.n, 1);
	assert_true(fd_of(p, 0)->kind == PLAN_FD_NS && fd_of(p, 0)->path == 0);
	assert_int_equal(p->ns_joins.n, 1);
	assert_true(ROW(p, struct plan_ns_join, p->ns_joins, 0)->flag == enter);
	assert_true(p->bridge_early && p->bridge_late && p->has_mount_ns && p->has_process);
	assert_int_equal(p->ns_new, 0);
	assert_int_equal(p->mounts.n + p->devices.n + p->sysctl.n + p->cgroup_files.n, 0);
	assert_int_equal(p->seccomp.n, 1);
	assert_int_equal(p->cgroups.n, h.n_cgroups);
	assert_int_equal(p->hostname, 0);
	assert_int_equal(plan_compile_exec(policy, &h, &pt_request, 0, &out, &e), 0);
	assert_int_equal(plan_view(out.data, out.len)->ns_joins.n, 0);
}

static const char rich_doc[] = PT_DOC_NS(USER ",{'type':'pid','path':'/n'}",
	MAPS ",'maskedPaths':['/proc/kcore'],'resources':{'memory':{'limit':4096}}",
	",'mounts':[{'destination':'/a','source':'/b','options':['bind','idmap'],'uidMappings':[{'containerID':0,'hostID':9,'size':1}],"
	"'gidMappings':[{'containerID':0,'hostID':8,'size':1}]}," CGROUP_MOUNT "],"
	"'process':{'cwd':'/','args':['a b','\\u00e9'],'env':['A=b'],'user':{'uid':0,'gid':0,'additionalGids':[9]}},"
	"'hooks':{'prestart':[{'path':'/h','args':['h']}]}");

static void print_both(const struct plan *p)
{
	ps_auto_buf struct ps_buf text = { .data = NULL }, json = { .data = NULL };

	plan_print_text(p, NULL, &text);
	plan_print_json(p, NULL, NULL, 0, &json);
	assert_true(text.len > 0 && json.len > 0);
}

/* Whatever a word of the block says: it is refused, or everything it leads to lies inside. */
static void broken_blocks_are_refused_or_harmless(void **state)
{
	static const uint32_t values[] = { 0, 1, 8, 0x7ffffff8, 0xfffffff0, UINT32_MAX };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, rich_doc, PT_HOST_HYBRID, &out);
	size_t size = out.len, refused = 0;
	ps_auto_mem uint32_t *copy = malloc(size);

	(void)state;
	assert_non_null(copy);
	print_both(p);
	for (size_t i = 0; i < size / sizeof(*copy); i++) {
		for (size_t k = 0; k < PS_COUNT(values); k++) {
			const struct plan *broken;

			memcpy(copy, out.data, size);
			copy[i] = values[k];
			broken = plan_view(copy, size);
			if (broken)
				print_both(broken);
			else
				refused++;
		}
	}
	assert_true(refused > 500);
	memcpy(copy, out.data, size);
	assert_null(plan_view(NULL, size));
	assert_null(plan_view(copy, size - 8));
	assert_null(plan_view(copy, 8));
	((char *)copy)[size - 1] = 'x';
	assert_null(plan_view(copy, size));
}

static void text_is_one_line_per_row(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL }, text = { .data = NULL };

	(void)state;
	plan_print_text(pt_plan(&a, rich_doc, PT_HOST_V2, &out), NULL, &text);
	assert_non_null(strstr(text.data, "\nns_new: user,mount  (config.json#/linux/namespaces)\n"));
	assert_non_null(strstr(text.data, "\nargs: \"a b\",é  (config.json#/process/args)\n"));
	assert_non_null(strstr(text.data, "  0 kind=bind target=/a source=/b fd=2 flags=idmap uid_map=0:9:1 gid_map=0:8:1  (config.json#/mounts/0)\n"));
	assert_non_null(strstr(text.data, "  0 cgroup=0 file=memory.max value=4096  (config.json#/linux/resources/memory/limit)\n"));
	assert_non_null(strstr(text.data, "\ngroups: 9  (config.json#/process/user/additionalGids)\n"));
}

/* Under a head that has the origin of all. */
static bool is_id_map(const char *line)
{
	return strstr(line, " container=") && strstr(line, " host=");
}

static void every_row_has_an_origin(void **state)
{
	static const char doc[] = PT_DOC_NS(USER ",{'type':'time'}",
		MAPS ",'timeOffsets':{'monotonic':{'secs':1},'boottime':{'secs':2}},'seccomp':{'defaultAction':'SCMP_ACT_ERRNO',"
		"'architectures':['SCMP_ARCH_X86_64'],'syscalls':[{'names':['read','write'],'action':'SCMP_ACT_ALLOW'},"
		"{'names':['mkdir'],'action':'SCMP_ACT_ERRNO','errnoRet':28},{'names':['close'],'action':'SCMP_ACT_ALLOW',"
		"'args':[{'index':0,'value':3,'op':'SCMP_CMP_EQ'}]}]}",
		",'process':{'cwd':'/','args':['a'],'rlimits':[{'type':'RLIMIT_CORE','soft':1,'hard':2}]}");
	static const char *const lines[] = {
		"file: config.json  (caller)\n",
		"uid_map:  (config.json#/linux/uidMappings)\n",
		"  0 clock=monotonic secs=1  (config.json#/linux/timeOffsets/monotonic)\n",
		"  1 clock=boottime secs=2  (config.json#/linux/timeOffsets/boottime)\n",
		"new_keyring: yes  (default)\n",
		"has_process: yes  (config.json#/process)\n",
		"uid: 0  (default)\n",
		"cwd: /  (config.json#/process/cwd)\n",
		"has_caps: yes  (default)\n",
		"  0 resource=core soft=1 hard=2  (config.json#/process/rlimits/0)\n",
		"path=/podshim/c1 controllers=\"\"  (default#/cgroupsPath)\n",
		"seccomp: 1 instructions  (config.json#/linux/seccomp)\n",
		"seccomp_default: SCMP_ACT_ERRNO errno=1  (config.json#/linux/seccomp/defaultAction)\n",
		"seccomp_rules: 3  (config.json#/linux/seccomp/syscalls)\n"
		"  SCMP_ACT_ALLOW rules=2 names=3 conditional=1\n"
		"  SCMP_ACT_ERRNO errno=28 rules=1 names=1\n",
	};
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL }, text = { .data = NULL }, json = { .data = NULL };
	const struct plan *p = pt_plan(&a, doc, PT_HOST_V2, &out);
	const struct policy *policy = pt_policy(&a, doc);

	(void)state;
	plan_print_text(p, &policy->seccomp, &text);
	for (size_t i = 0; i < PS_COUNT(lines); i++)
		if (!strstr(text.data, lines[i]))
			fail_msg("no '%s' in:\n%s", lines[i], text.data);
	/* Every line but the heads of lists whose rows have their own, and the sums of rules. */
	for (char *save = NULL, *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[strlen(line) - 1] != ')' && line[strlen(line) - 1] != ':' && strncmp(line, "  SCMP_ACT_", 11) != 0 &&
		    !is_id_map(line))
			fail_msg("no origin: %s", line);
	plan_print_json(p, &policy->seccomp, NULL, 0, &json);
	assert_non_null(strstr(json.data, "\"cwd\": \"config.json#/process/cwd\""));
	assert_non_null(strstr(json.data, "\"op\": \"SCMP_CMP_EQ\",\n            \"value\": 3\n"));
	assert_non_null(strstr(json.data, "\"from\": \"config.json#/linux/seccomp/syscalls/2\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rootfs_is_the_first_object),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(id_maps_belong_to_a_new_user_namespace),
		cmocka_unit_test(time_offsets),
		cmocka_unit_test(mount_namespace_is_required),
		cmocka_unit_test(rows_of_a_root_of_its_own),
		cmocka_unit_test(private_root_needs_pivot),
		cmocka_unit_test(mounts_by_kind),
		cmocka_unit_test(proc_stays_proc),
		cmocka_unit_test(cgroup_mounts_follow_the_host),
		cmocka_unit_test(masks_use_the_hosts_null),
		cmocka_unit_test(devices_are_bound_in_a_user_namespace),
		cmocka_unit_test(process_rows),
		cmocka_unit_test(setgroups_is_left_alone_where_it_is_denied),
		cmocka_unit_test(seccomp_errors_name_the_place),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(exec_enters_through_one_pidfd),
		cmocka_unit_test(broken_blocks_are_refused_or_harmless),
		cmocka_unit_test(text_is_one_line_per_row),
		cmocka_unit_test(every_row_has_an_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
