/* SPDX-License-Identifier: Apache-2.0
 * test_plan_unit.c - which unit a container's cgroup is, where that is, and what systemd is told of it.
 */
#include "tests/unit/plan_test.h"

#define RESOURCES(text) PT_DOC(",'resources':{" text "}", "")

static const struct plan_systemd systems = { .version = 252 }, users = { .user = true, .version = 252,
	.root = "/user.slice/user-7.slice/user@7.service" };

static struct plan_request request_of(const struct plan_systemd *s)
{
	struct plan_request r = pt_request;

	r.cgroup_manager = PLAN_CGROUP_SYSTEMD;
	r.systemd = s;
	return r;
}

static void assert_unit(const char *doc, const struct plan_systemd *s, const char *unit, const char *path)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan_request r = request_of(s);
	static struct host h;

	pt_host(&h, PT_HOST_HYBRID);
	const struct plan *p = pt_compile(pt_policy(&a, doc), &h, &r, &out);

	assert_string_equal(plan_str(p, p->unit), unit);
	assert_int_equal(p->unit_user, s->user);
	assert_true(p->cgroups.n > 1);
	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups))
		assert_string_equal(plan_str(p, c->path), path);
}

static void names_and_places(void **state)
{
	(void)state;
	assert_unit(PT_DOC("", ""), &systems, "podshim-c1.scope", "/system.slice/podshim-c1.scope");
	assert_unit(PT_DOC("", ""), &users, "podshim-c1.scope", "/user.slice/user-7.slice/user@7.service/user.slice/podshim-c1.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'a-b.slice:x:y'", ""), &systems, "x-y.scope", "/a.slice/a-b.slice/x-y.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'-.slice:x:y'", ""), &systems, "x-y.scope", "/x-y.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'-:x:y'", ""), &systems, "x-y.scope", "/x-y.scope");
	assert_unit(PT_DOC(",'cgroupsPath':':x:y'", ""), &systems, "x-y.scope", "/system.slice/x-y.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'::y'", ""), &systems, "y.scope", "/system.slice/y.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'z.slice:x:a-b.slice'", ""), &systems, "a-b.slice", "/a.slice/a-b.slice");
	assert_unit(PT_DOC(",'cgroupsPath':'io.slice::memory'", ""), &systems, "memory.scope", "/_io.slice/_memory.scope");
	assert_unit(PT_DOC(",'cgroupsPath':'::_x'", ""), &systems, "_x.scope", "/system.slice/__x.scope");
	assert_unit(PT_DOC(",'cgroupsPath':':a+b:c@d e'", ""), &systems, "a\\x2bb-c\\x40d\\x20e.scope",
		    "/system.slice/a\\x2bb-c\\x40d\\x20e.scope");
}

/* "NAME TYPE VALUE" for every property but the Description and those that are always the same. */
static void properties_text(const struct plan *p, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (PLAN_EACH(p, struct plan_unit_property, r, p->unit_properties)) {
		if (strstr(plan_str(p, r->from), "default#/unit"))
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s %s %s\n", plan_str(p, r->name), plan_str(p, r->type), plan_str(p, r->value));
		assert_true(n < size);
	}
}

static void assert_properties(const char *doc, int kind, unsigned version, const char *text)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan_systemd s = { .version = version };
	const struct plan_request r = request_of(&s);
	static struct host h;
	char got[4096];

	pt_host(&h, kind);
	properties_text(pt_compile(pt_policy(&a, doc), &h, &r, &out), got, sizeof(got));
	char *devices = strstr(got, "DevicePolicy");

	if (devices)
		*devices = '\0';
	assert_string_equal(got, text);
}

static const char many[] = RESOURCES("'memory':{'limit':4096,'swap':8192,'reservation':1024},"
	"'cpu':{'shares':1024,'quota':50001,'period':50000,'cpus':'0-3,9','mems':'0'},'pids':{'limit':7}");

static void limits_of_version_2(void **state)
{
	(void)state;
	assert_properties(many, PT_HOST_V2, 252,
			  "MemoryMax t 4096\nMemoryLow t 1024\nMemorySwapMax t 4096\nTasksMax t 7\nCPUWeight t 100\n"
			  "CPUQuotaPerSecUSec t 1010000\nCPUQuotaPeriodUSec t 50000\n"
			  "AllowedCPUs ay [0x0f, 0x02]\nAllowedMemoryNodes ay [0x01]\n");
	/* What an older one does not know, it is not told. */
	assert_properties(many, PT_HOST_V2, 239,
			  "MemoryMax t 4096\nMemoryLow t 1024\nMemorySwapMax t 4096\nTasksMax t 7\nCPUWeight t 100\n"
			  "CPUQuotaPerSecUSec t 1010000\n");
	assert_properties(RESOURCES("'memory':{'limit':-1},'cpu':{'quota':-1},'pids':{'limit':-1}"), PT_HOST_V2, 252,
			  "MemoryMax t 18446744073709551615\nMemorySwapMax t 18446744073709551615\nTasksMax t 18446744073709551615\nCPUQuotaPerSecUSec t 18446744073709551615\n");
	/* The least that it takes; the file gets 0. */
	assert_properties(RESOURCES("'pids':{'limit':0}"), PT_HOST_V2, 252, "TasksMax t 1\n");
	assert_properties(RESOURCES("'cpu':{'idle':1}"), PT_HOST_V2, 252, "CPUWeight t 0\n");
	assert_properties(RESOURCES("'cpu':{'idle':1}"), PT_HOST_V2, 251, "");
	/* What is written last counts. */
	assert_properties(RESOURCES("'memory':{'limit':4096},'unified':{'memory.max':'max','memory.high':'99','cpu.max':'1000'}"), PT_HOST_V2, 252,
			  "MemoryMax t 18446744073709551615\nMemoryHigh t 99\nCPUQuotaPerSecUSec t 10000\n");
}

static void limits_of_version_1(void **state)
{
	(void)state;
	assert_properties(many, PT_HOST_V1, 252,
			  "MemoryLimit t 4096\nTasksMax t 7\nCPUShares t 1024\nCPUQuotaPerSecUSec t 1010000\nCPUQuotaPeriodUSec t 50000\n");
}

static void device_rules_of_version_1(void **state)
{
	static struct host h;
	const struct plan_request r = request_of(&systems);

	(void)state;
	pt_host(&h, PT_HOST_V1);
	pt_plan_fails_with(RESOURCES("'devices':[{'allow':true,'type':'c','major':1,'minor':9,'access':'r'},"
				     "{'allow':false,'type':'c','major':1,'minor':9,'access':'r'}]"), &h, &r, PS_E_UNSUPP,
			   "config.json: /linux/resources/devices/1", "the systemd cgroup manager has no such device rule on cgroup version 1: "
			   "use --cgroup-manager cgroupfs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_places),
		cmocka_unit_test(limits_of_version_2),
		cmocka_unit_test(limits_of_version_1),
		cmocka_unit_test(device_rules_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
