/* SPDX-License-Identifier: Apache-2.0
 * test_restrict_rest.c - sys, env, capabilities, limits, and a process of exec.
 */
#include "tests/unit/restrict_test.h"

#include <linux/capability.h>

#define BIT(cap) (UINT64_C(1) << (cap))
#define FILES ALLOW(READ, "*"), ALLOW(WRITE, "*"), ALLOW(RUN, "*"), ALLOW(FFI, "*"), ALLOW(NET, "*")

static const char *variable(const struct rt *t, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < t->p->process.env.n; i++)
		if (!strncmp(t->p->process.env.v[i], name, n) && t->p->process.env.v[i][n] == '=')
			return t->p->process.env.v[i] + n + 1;
	return NULL;
}

/* ---- sys ---- */

static void proc_shows_processes(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), FILES);
	assert_string_equal(rt_mount(t, "/proc")->data, "subset=pid");
	assert_null(rt_mount(t, "/sys"));
	assert_int_equal(t->p->n_mounts, 4);
	assert_int_equal(t->p->n_masked, 0);
	assert_string_equal(t->p->hostname, "localhost");
	assert_true(rt_says(&t->p->notes, "sys: system calls tell of users, files and processors"));
	RESTRICT(t, RT_DOC(",{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup'}", ",'hostname':'box'"), FILES);
	assert_null(rt_mount(t, "/sys/fs/cgroup"));
	assert_string_equal(t->p->hostname, "box");
}

static void listed_files_of_proc(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(SYS, "cpus,hostname"));
	assert_string_equal(rt_mount(t, "/proc")->data, "");
	assert_true(rt_masked(t, "/proc/meminfo") && rt_masked(t, "/proc/version") && rt_masked(t, "/proc/kallsyms"));
	assert_false(rt_masked(t, "/proc/cpuinfo"));
	assert_non_null(rt_mount(t, "/sys"));
	assert_null(t->p->hostname);
	RESTRICT(t, RT_DOC("", ""), DENY(SYS, "systemMemoryInfo"));
	assert_true(rt_masked(t, "/proc/meminfo"));
	assert_false(rt_masked(t, "/proc/cpuinfo"));
	RESTRICT(t, RT_DOC("", ""), FILES, ALLOW(SYS, "*"));
	assert_string_equal(rt_mount(t, "/proc")->data, "");
	assert_int_equal(t->p->n_masked, 0);
}

static void names_of_the_host(void **state)
{
	struct rt *t = *state;

	/* The host's processes: no mount that shows ours alone. */
	RESTRICT(t, RT_DOC_NS("{'type':'mount'},{'type':'network'}", "", ""), FILES);
	assert_true(rt_masked(t, "/proc/uptime"));
	assert_int_equal(policy_ns_get(t->p, CLONE_NEWUTS)->mode, POLICY_NS_NEW);
	assert_string_equal(t->p->hostname, "localhost");
	RESTRICT(t, RT_DOC_NS("{'type':'mount'},{'type':'pid'},{'type':'uts','path':'/run/ns'}", "", ""), FILES);
	assert_int_equal(policy_ns_get(t->p, CLONE_NEWUTS)->mode, POLICY_NS_JOIN);
	assert_true(rt_says(&t->p->notes, "sys: hostname: the name of the namespace '/run/ns' is seen"));
}

static void what_nobody_can_keep_back(void **state)
{
	struct rt *t = *state;

	REFUSES(t, RT_DOC("", ""), "sys: 'uid' is what system calls tell every process", DENY(SYS, "loadavg,uid"));
	t->settings.best_effort = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), DENY(SYS, "loadavg,uid"));
	assert_true(rt_says(&t->p->warnings, "sys: 'uid' is what system calls tell every process (--flag)"));
	assert_true(rt_masked(t, "/proc/loadavg"));
}

/* ---- env ---- */

static void variables(void **state)
{
	struct rt *t = *state;

	/* What the document sets is granted where nobody lists variables; the loader's own only by name. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "/work"));
	assert_string_equal(variable(t, "A"), "1");
	assert_non_null(variable(t, "PATH"));
	assert_null(variable(t, "LD_PRELOAD"));
	assert_true(rt_says(&t->p->notes, "env: 'LD_PRELOAD' is withheld"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(ENV, "LANG"));
	assert_null(variable(t, "A"));
	assert_true(rt_says(&t->p->notes, "env: 'A' is withheld"));
	assert_non_null(variable(t, "PATH"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(ENV, "A*"));
	assert_string_equal(variable(t, "A"), "1");
	assert_null(variable(t, "LD_PRELOAD"));
	RESTRICT(t, RT_DOC("", ""), ALLOW(ENV, "LD_*"));
	assert_string_equal(variable(t, "LD_PRELOAD"), "x");
	assert_null(variable(t, "A"));
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "A"));
	assert_null(variable(t, "A"));
	assert_string_equal(variable(t, "LD_PRELOAD"), "x");
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "P*"));
	assert_null(variable(t, "PATH"));
	assert_string_equal(variable(t, "A"), "1");
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "*"));
	assert_int_equal(t->p->process.env.n, 0);
}

static void variables_that_are_set(void **state)
{
	static const struct spec_kv set[] = { { "A", "2", "--env" }, { "B", "3", "--env" }, { "C", "4", "--env" } };
	struct rt *t = *state;

	t->settings.env_set = (struct spec_kvs){ set, PS_COUNT(set) };
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "C"));
	assert_string_equal(variable(t, "A"), "2");
	assert_string_equal(variable(t, "B"), "3");
	assert_null(variable(t, "C"));
	assert_int_equal(t->p->process.env.n, 4);
}

static void secrets(void **state)
{
	static const char *const tool[] = { "/usr/bin/tool", "tool", NULL }, *const other[] = { "/usr/bin/git", NULL };
	struct rt *t = *state;

	unit_write(t->fd, "secret", "s3cret\n");
	ps_auto_mem char *source = rt_text("file:%s/secret", t->path);
	struct perm_secret s[] = { { "TOKEN", source, { tool, 2 }, "policy.json:3" }, { "ALL", source, { NULL, 0 }, "policy.json:4" } };

	t->settings.secrets = s;
	t->settings.n_secrets = 2;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_string_equal(variable(t, "TOKEN"), "s3cret");
	assert_string_equal(variable(t, "ALL"), "s3cret");
	s[0].only = (struct spec_strs){ other, 1 };
	REFUSES(t, RT_DOC("", ""), "env: the secret 'TOKEN' is for '/usr/bin/git' only, which is not the program that is started",
		ALLOW(READ, "*"));
	assert_string_equal(t->e.where, "policy.json:3");
	t->settings.best_effort = (struct opt_bool){ true, true };
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_null(variable(t, "TOKEN"));
	assert_non_null(variable(t, "ALL"));
	t->settings.n_secrets = 1;
	s[0].only.n = 0;
	s[0].source = "env:PODSHIM_TEST_NOT_SET";
	REFUSES(t, RT_DOC("", ""), "env: the secret 'TOKEN' has no value in the variable 'PODSHIM_TEST_NOT_SET'", ALLOW(READ, "*"));
	s[0].source = "/etc/passwd";
	REFUSES(t, RT_DOC("", ""), "env: the secret 'TOKEN' is from neither file:/PATH nor env:NAME", ALLOW(READ, "*"));
	s[0].source = "file:/nonexistent/secret";
	assert_int_equal(rt_run(t, RT_DOC("", ""), ENTRIES(ALLOW(READ, "*"))), -1);
	assert_non_null(strstr(t->e.msg, "env: secret 'TOKEN': "));
	(void)setenv("PODSHIM_TEST_SET", "value", 1);
	s[0].source = "env:PODSHIM_TEST_SET";
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_string_equal(variable(t, "TOKEN"), "value");
}

/* ---- Capabilities ---- */

static void capabilities(void **state)
{
	struct rt *t = *state;

	RESTRICT(t, RT_DOC("", ""), DENY(READ, "/work/.env"));
	assert_false((t->p->process.caps.bounding | t->p->process.caps.effective | t->p->process.caps.permitted) & BIT(CAP_SYS_ADMIN));
	assert_true(t->p->process.caps.effective & BIT(CAP_CHOWN));
	assert_true(t->p->process.caps.bounding & BIT(CAP_NET_RAW));
	assert_true(rt_says(&t->p->notes, "CAP_SYS_ADMIN is taken away: it could undo a limit"));
	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "A"));
	assert_true(t->p->process.caps.effective & BIT(CAP_SYS_ADMIN));
	assert_true(t->p->process.no_new_privileges);
}

/* ---- Limits ---- */

static void limits(void **state)
{
	const char *doc = "{'ociVersion':'1.3.0','root':{'path':'rootfs'},'linux':{'namespaces':[" RT_NS "]"
			  ",'resources':{'memory':{'limit':1000000,'reservation':900000,'swap':2000000},'cpu':{'quota':50000,'period':100000}"
			  ",'pids':{'limit':10}}}}";
	struct rt *t = *state;

	t->settings.memory = (struct perm_limit){ true, 500000, "--memory" };
	t->settings.pids = (struct perm_limit){ true, 100, "--pids" };
	t->settings.cpu = (struct perm_limit){ true, 250, "--cpus" };
	RESTRICT(t, doc, ALLOW(READ, "*"));
	assert_int_equal(t->p->resources.memory_limit.v, 500000);
	assert_int_equal(t->p->resources.memory_reservation.v, 500000);
	assert_int_equal(t->p->resources.memory_swap.v, 2000000);
	assert_int_equal(t->p->resources.pids_limit.v, 10);
	assert_int_equal(t->p->resources.cpu_quota.v, 25000);
	assert_int_equal(t->p->resources.cpu_period.v, 100000);
	t->settings.cpu.v = 4000;
	t->settings.memory.v = UINT64_MAX;
	RESTRICT(t, doc, ALLOW(READ, "*"));
	assert_int_equal(t->p->resources.cpu_quota.v, 50000);
	assert_int_equal(t->p->resources.memory_limit.v, 1000000);
	/* Nothing is limited yet. */
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_int_equal(t->p->resources.cpu_quota.v, 400000);
	assert_true(t->p->resources.cpu_period.set && t->p->resources.pids_limit.set && t->p->resources.pids_limit.v == 100);
	t->settings.cpu.v = 1;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_int_equal(t->p->resources.cpu_quota.v, 1000);
	t->settings.cpu.v = UINT64_MAX;
	RESTRICT(t, RT_DOC("", ""), ALLOW(READ, "*"));
	assert_true(t->p->resources.cpu_quota.v > 0);
}

/* ---- exec ---- */

static void a_process_of_exec(void **state)
{
	struct rt *t = *state;
	const struct rt_entry entries[] = { DENY(ENV, "A"), ALLOW(READ, "/work"), { 0, 0, NULL } };
	const struct policy *in, *out = NULL;
	const struct permissions *g;

	RESTRICT(t, RT_DOC("", ""), DENY(ENV, "A"), ALLOW(READ, "/work"));
	g = rt_permissions(t, entries);
	in = pt_policy(&t->a, RT_DOC("", ""));
	assert_int_equal(permissions_restrict_process(&t->a, in, g, &out, &t->e), 0);
	assert_int_equal(out->n_rebinds, 0);
	assert_true(out->process.no_new_privileges);
	assert_int_equal(out->process.caps.effective, BIT(CAP_CHOWN));
	for (size_t i = 0; i < out->process.env.n; i++)
		assert_true(strcmp(out->process.env.v[i], "A=1") != 0);
	assert_false(in->process.no_new_privileges);
}

int main(void)
{
#define BOX(f) cmocka_unit_test_setup_teardown(f, rt_setup, rt_teardown)
	const struct CMUnitTest tests[] = {
		BOX(proc_shows_processes),
		BOX(listed_files_of_proc),
		BOX(names_of_the_host),
		BOX(what_nobody_can_keep_back),
		BOX(variables),
		BOX(variables_that_are_set),
		BOX(secrets),
		BOX(capabilities),
		BOX(limits),
		BOX(a_process_of_exec),
	};
#undef BOX

	return cmocka_run_group_tests(tests, NULL, NULL);
}
