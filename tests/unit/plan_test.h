/* SPDX-License-Identifier: Apache-2.0
 * plan_test.h - for tests of policy and plan: documents in single quotes, hosts that do not exist.
 */
#pragma once
#include "tests/unit/unit.h"

#include "shim/plan/compile.h"

#define PT __attribute__((unused)) static

/* The least that is a container, with room for more members of linux and of the document (each begins with a comma). */
#define PT_DOC(linux_more, more)                                                                       \
	"{'ociVersion':'1.3.0','root':{'path':'rootfs'}"                                               \
	",'linux':{'namespaces':[{'type':'mount'}]" linux_more "}" more "}"
/* The same with namespaces (each begins with a comma). */
#define PT_DOC_NS(namespaces, linux_more, more)                                                        \
	"{'ociVersion':'1.3.0','root':{'path':'rootfs'}"                                               \
	",'linux':{'namespaces':[{'type':'mount'}" namespaces "]" linux_more "}" more "}"

/* The spec of a document written with ' for ". */
PT const struct spec *pt_spec(struct ps_arena *a, const char *doc)
{
	char *text = ps_arena_strdup(a, doc);
	struct ps_err e = { .cls = PS_OK };
	const struct spec *s = NULL;

	assert_non_null(text);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (spec_parse(a, "config.json", text, strlen(text), &s, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return s;
}

PT const struct policy *pt_policy(struct ps_arena *a, const char *doc)
{
	const struct policy *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	if (policy_from_oci(a, pt_spec(a, doc), "/bundle", &p, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	return p;
}

/* The document is refused so. */
PT void pt_policy_fails(const char *doc, enum ps_err_class cls, const char *where, const char *msg)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	const struct policy *p = NULL;
	struct ps_err e = { .cls = PS_OK };

	assert_int_equal(policy_from_oci(&a, pt_spec(&a, doc), "/bundle", &p, &e), -1);
	assert_null(p);
	assert_string_equal(e.msg, msg);
	assert_string_equal(e.where, where);
	assert_int_equal(e.cls, cls);
}

enum { PT_HOST_V1, PT_HOST_HYBRID, PT_HOST_V2, PT_N_HOSTS };
static const char *const pt_host_names[] = { "v1", "hybrid", "v2" };

#define PT_V1_MOUNTS                                                                       \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"      \
	"33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"                \
	"34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                \
	"35 31 0:32 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"              \
	"36 31 0:33 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd\n"
#define PT_V1_OWN                                                                          \
	"5:name=systemd:/user\n4:devices:/\n3:memory:/user\n2:cpuset:/\n1:cpu,cpuacct:/user\n"

/* A host of root's on Linux 6.12 with the cgroups that the name says. */
PT void pt_host(struct host *h, int kind)
{
	static const char *const mounts[] = {
		PT_V1_MOUNTS "37 31 0:34 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
		PT_V1_MOUNTS "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
	};
	static const char *const own[] = { "6:pids:/user\n" PT_V1_OWN, PT_V1_OWN "0::/user\n", "0::/user.slice/one\n" };
	static const char *const controllers[] = { "", "pids", "cpuset cpu io memory hugetlb pids rdma misc" };
	struct ps_err e = { .cls = PS_OK };

	*h = (struct host){ .kernel_major = 6, .kernel_minor = 12, .mount_setattr = true, .last_cap = 40, .landlock_abi = 7,
			     .mdwe = true, .memfd_noexec = true };
	assert_int_equal(host_parse_cgroups(h, mounts[kind], own[kind], &e), 0);
	(void)snprintf(h->cgroup2_controllers, sizeof(h->cgroup2_controllers), "%s", controllers[kind]);
}

/* Instead of libseccomp: one instruction, so that goldens do not depend on its version. */
PT int pt_seccomp(void *ctx, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	static const unsigned char ret_allow[8] = { 0x06, 0, 0, 0, 0, 0, 0xff, 0x7f };

	(void)ctx, (void)s, (void)e;
	ps_buf_put(out, ret_allow, sizeof(ret_allow));
	return 0;
}

PT const struct plan_request pt_request = { .id = "c1", .seccomp = pt_seccomp };

PT const struct plan *pt_compile(const struct policy *p, const struct host *h, const struct plan_request *r,
				 struct ps_buf *out)
{
	struct ps_err e = { .cls = PS_OK };
	const struct plan *plan;

	if (plan_compile(p, h, r, out, &e) < 0)
		fail_msg("%s: %s", e.where, e.msg);
	plan = plan_view(out->data, out->len);
	assert_non_null(plan);
	return plan;
}

/* The document's plan on a kind of host. */
PT const struct plan *pt_plan(struct ps_arena *a, const char *doc, int kind, struct ps_buf *out)
{
	static struct host h;

	pt_host(&h, kind);
	return pt_compile(pt_policy(a, doc), &h, &pt_request, out);
}

PT void pt_plan_fails_with(const char *doc, const struct host *h, const struct plan_request *r, enum ps_err_class cls,
			   const char *where, const char *msg)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	assert_int_equal(plan_compile(pt_policy(&a, doc), h, r, &out, &e), -1);
	assert_string_equal(e.msg, msg);
	assert_string_equal(e.where, where);
	assert_int_equal(e.cls, cls);
}

PT void pt_plan_fails(const char *doc, int kind, enum ps_err_class cls, const char *where, const char *msg)
{
	static struct host h;

	pt_host(&h, kind);
	pt_plan_fails_with(doc, &h, &pt_request, cls, where, msg);
}
