/* SPDX-License-Identifier: Apache-2.0
 * test_plan_seccomp.c - what compiled filters mean: run on a simulator, against tables and against the rules themselves.
 */
#include "tests/unit/plan_test.h"

#include <errno.h>
#include <linux/audit.h>

#include "base/abi.h"
#include "oci/names.h"
#include "shim/plan/seccomp_list.h"
#include "tests/sim/random_profile.h"
#include "tests/unit/json_write.h"

enum { X32_BIT = 0x40000000, NOT_THERE = UINT32_MAX };

/* ---- programs ---- */

/* The policy of a seccomp object (JSON). */
static const struct policy_seccomp *profile(struct ps_arena *a, const char *json)
{
	ps_auto_buf struct ps_buf doc = { .data = NULL };

	ps_buf_printf(&doc, PT_DOC(",'seccomp':%s", ""), json);
	return &pt_policy(a, doc.data)->seccomp;
}

static const struct sock_filter *compiled(const struct policy_seccomp *s, struct ps_buf *out, size_t *ret_n)
{
	struct ps_err e = { .cls = PS_OK };

	if (plan_seccomp_compile(s, out, &e) < 0)
		fail_msg("%s", e.msg);
	*ret_n = out->len / sizeof(struct sock_filter);
	return (const void *)out->data;
}

static uint32_t run(const struct ps_buf *prog, uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data d = { .nr = (int)nr, .arch = arch };
	uint32_t result = 0;

	if (arch == SECCOMP_ARCH_X32) {
		d.arch = AUDIT_ARCH_X86_64;
		d.nr = (int)(nr | X32_BIT);
	}
	for (size_t i = 0; i < 6; i++)
		d.args[i] = arch == AUDIT_ARCH_I386 ? (uint32_t)args[i] : args[i];
	assert_true(bpf_sim_run((const void *)prog->data, prog->len / sizeof(struct sock_filter), &d, &result));
	return result;
}

#ifdef __x86_64__

/* ---- tests/sim/syscalls.tsv ---- */

struct syscalls {
	size_t n;
	struct { char name[40]; uint32_t nr[3]; } v[600];
};
static const struct { const char *name; uint32_t arch; } archs[] = {
	{ "x86_64", AUDIT_ARCH_X86_64 }, { "i386", AUDIT_ARCH_I386 }, { "x32", SECCOMP_ARCH_X32 },
};
static struct syscalls calls;

static char *file_text(const char *path)
{
	struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	if (ps_read_file_at(AT_FDCWD, path, 1 << 22, &b, &e) < 0)
		fail_msg("%s", e.msg);
	return b.data;
}

static int load_syscalls(void **state)
{
	ps_auto_mem char *text = file_text("tests/sim/syscalls.tsv");
	char *save = NULL, nr[3][12];

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			continue;
		assert_true(calls.n < PS_COUNT(calls.v));
		assert_int_equal(sscanf(line, "%39s %11s %11s %11s", calls.v[calls.n].name, nr[0], nr[1], nr[2]), 4);
		for (size_t i = 0; i < 3; i++)
			calls.v[calls.n].nr[i] = *nr[i] == '-' ? NOT_THERE : (uint32_t)strtoul(nr[i], NULL, 10);
		calls.n++;
	}
	return calls.n > 400 ? 0 : -1;
}

static uint32_t number_of(const char *name, size_t arch)
{
	for (size_t i = 0; i < calls.n; i++)
		if (strcmp(calls.v[i].name, name) == 0)
			return calls.v[i].nr[arch];
	return NOT_THERE;
}

/* ---- tables: "ARCH CALL [ARGUMENTS...] RESULT" ---- */

static void result_text(uint32_t result, char out[32])
{
	const char *name = ps_name_of(names_seccomp_action, n_names_seccomp_action, result & SECCOMP_RET_ACTION_FULL);
	uint32_t data = result & SECCOMP_RET_DATA;

	if (result == (SECCOMP_RET_ERRNO | EPERM))
		(void)snprintf(out, 32, "EPERM");
	else if (result == (SECCOMP_RET_ERRNO | ENOSYS))
		(void)snprintf(out, 32, "ENOSYS");
	else if (result == SECCOMP_RET_KILL_THREAD)
		(void)snprintf(out, 32, "KILL_THREAD");
	else if (data)
		(void)snprintf(out, 32, "%s:%u", name ? name + strlen("SCMP_ACT_") : "?", data);
	else
		(void)snprintf(out, 32, "%s", name ? name + strlen("SCMP_ACT_") : "?");
}

static void run_line(const struct ps_buf *prog, char *line, unsigned lineno)
{
	char *save = NULL, *words[9] = { NULL }, got[32], *end;
	uint64_t args[6] = { 0 };
	size_t n = 0, arch = 0;
	uint32_t nr;

	for (char *w = strtok_r(line, " ", &save); w && n < PS_COUNT(words); w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_true(n >= 3);
	while (arch < PS_COUNT(archs) && strcmp(archs[arch].name, words[0]) != 0)
		arch++;
	assert_true(arch < PS_COUNT(archs));
	nr = (uint32_t)strtoul(words[1], &end, 0);
	if (*end)
		nr = number_of(words[1], arch);
	for (size_t i = 2; i + 1 < n; i++)
		args[i - 2] = strtoull(words[i], NULL, 0);
	if (nr == NOT_THERE && *end)
		(void)snprintf(got, sizeof(got), "-");
	else
		result_text(run(prog, archs[arch].arch, nr, args), got);
	if (strcmp(got, words[n - 1]) != 0)
		fail_msg("line %u: %s %s: %s, expected %s", lineno, words[0], words[1], got, words[n - 1]);
}

static void run_table(const struct ps_buf *prog, const char *path)
{
	ps_auto_mem char *text = file_text(path);
	unsigned lineno = 0;

	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		lineno++;
		if (*line && *line != '#')
			run_line(prog, line, lineno);
	}
	assert_true(lineno > 10);
}

static void default_profile_means_what_its_table_says(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	ps_auto_mem char *json = file_text("tests/data/seccomp/default.json");
	static const uint64_t none[6];
	size_t n;

	(void)state;
	compiled(profile(&a, json), &prog, &n);
	run_table(&prog, "tests/sim/default.tests");
	/* An architecture that the profile does not name. */
	assert_int_equal(run(&prog, AUDIT_ARCH_AARCH64, 0, none), SECCOMP_RET_KILL_THREAD);
}

/* ---- against the rules themselves ---- */

/* word: all ones, as many as the architecture compares. */
static bool holds(const struct spec_seccomp_arg *c, uint64_t value, uint64_t word)
{
	uint64_t other = c->value & word;

	value &= word;
	switch ((enum seccomp_op)ps_name_find(names_seccomp_op, n_names_seccomp_op, c->op)->value) {
	case SECCOMP_OP_NE:
		return value != other;
	case SECCOMP_OP_LT:
		return value < other;
	case SECCOMP_OP_LE:
		return value <= other;
	case SECCOMP_OP_EQ:
		return value == other;
	case SECCOMP_OP_GE:
		return value >= other;
	case SECCOMP_OP_GT:
		return value > other;
	case SECCOMP_OP_MASKED_EQ:
		return (value & other) == (c->value_two & other);
	}
	return false;
}

static bool rule_matches(const struct policy_seccomp_rule *r, const uint64_t args[6], uint64_t word)
{
	bool all = true, any = r->n_args == 0, repeats = false;

	for (size_t i = 0; i < r->n_args; i++) {
		for (size_t k = 0; k < i; k++)
			repeats |= r->args[i].index == r->args[k].index;
		all &= holds(&r->args[i], args[r->args[i].index], word);
		any |= holds(&r->args[i], args[r->args[i].index], word);
	}
	return repeats ? any : all;
}

static const char *name_of_call(size_t arch, uint32_t nr)
{
	for (size_t i = 0; i < calls.n; i++)
		if (calls.v[i].nr[arch] == nr)
			return calls.v[i].name;
	return "";
}

static bool names_call(const struct policy_seccomp_rule *r, const char *name)
{
	for (size_t i = 0; i < r->names.n; i++)
		if (strcmp(r->names.v[i], name) == 0)
			return true;
	return false;
}

static uint32_t last_number(const struct policy_seccomp *s, size_t arch)
{
	uint32_t last = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].names.n; k++) {
			uint32_t nr = number_of(s->rules[i].names.v[k], arch);

			last = nr != NOT_THERE && nr > last ? nr : last;
		}
	return last;
}

static const uint64_t arg_sets[][6] = {
	{ 0 }, { 1, 1, 1, 1, 1, 1 }, { 40, 1024, 0 }, { 41, 4096, 1 }, { 16, 3, 9 }, { 16, 3, 8 }, { 8 }, { 0x20000 },
	{ 0xffffffff, 1030, UINT64_C(1) << 32 }, { UINT64_C(1) << 32, 0 }, { 0x10000000 }, { 0x7e020000, 1031 },
	{ 0x1200011, 4095, 2 }, { UINT64_MAX, UINT64_MAX, UINT64_MAX },
};

/* What the rules that name the call say; one without comparisons before all others. */
static uint32_t wanted(const struct policy_seccomp *s, size_t arch, const char *name, const uint64_t args[6])
{
	uint64_t word = archs[arch].arch == AUDIT_ARCH_X86_64 ? UINT64_MAX : UINT32_MAX;
	const struct policy_seccomp_rule *found = NULL;

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct policy_seccomp_rule *r = &s->rules[i];

		if (r->action == s->default_action || (found && (!found->n_args || r->n_args)) || !names_call(r, name))
			continue;
		if (rule_matches(r, args, word))
			found = r;
	}
	return found ? found->action : s->default_action;
}

/* What the rules say is what the program says, to arguments that are given and to those that it compares with. */
static void compare_call(const struct ps_buf *prog, const struct policy_seccomp *s, size_t arch, uint32_t nr, uint32_t last)
{
	struct bpf_search search = { .a = { (const void *)prog->data, prog->len / sizeof(struct sock_filter) }, .random = nr + 1 };
	struct seccomp_data *d = &search.found.call;
	const char *name = name_of_call(arch, nr);
	bool x32 = archs[arch].arch == SECCOMP_ARCH_X32;
	struct bpf_sim_watch watch = { .steps = 0 };

	d->arch = x32 ? AUDIT_ARCH_X86_64 : archs[arch].arch;
	d->nr = (int)(x32 ? nr | X32_BIT : nr);
	for (size_t i = 0; i < PS_COUNT(arg_sets) + BPF_EQUAL_WALK; i++) {
		uint32_t got = 0, want;

		if (i < PS_COUNT(arg_sets))
			memcpy(d->args, arg_sets[i], sizeof(d->args));
		else if (watch.n_seen)
			bpf_equal_turn(&search, &watch);
		want = nr > last ? SECCOMP_RET_ERRNO | ENOSYS : wanted(s, arch, name, (const uint64_t *)d->args);
		assert_true(bpf_sim_run_watched(search.a.v, search.a.n, d, &watch, &got));
		if (got != want)
			fail_msg("%s %s, arguments 0x%llx 0x%llx 0x%llx: 0x%x, expected 0x%x", archs[arch].name, name,
				 (unsigned long long)d->args[0], (unsigned long long)d->args[1],
				 (unsigned long long)d->args[2], got, want);
	}
}

static void compare_all(const struct policy_seccomp *s, bool stub)
{
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	size_t n;

	compiled(s, &prog, &n);
	for (size_t arch = 0; arch < PS_COUNT(archs); arch++) {
		uint32_t last = stub ? last_number(s, arch) : UINT32_MAX;

		for (uint32_t nr = 0; nr < 600; nr++)
			/* i386 socketcall and ipc bundle calls of their own: libseccomp expands them. */
			if (archs[arch].arch != AUDIT_ARCH_I386 || (nr != 102 && nr != 117))
				compare_call(&prog, s, arch, nr, last);
	}
}

static void default_profile_agrees_with_its_rules(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_mem char *json = file_text("tests/data/seccomp/default.json");

	(void)state;
	compare_all(profile(&a, json), true);
}

/* Whatever the operators and how many rules a call has; libseccomp's own programs fail this. */
static void random_profiles_agree_with_their_rules(void **state)
{
	static const uint32_t all[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32 };
	static struct random_profile p;
	const char *names[PS_COUNT(calls.v)];
	size_t n = 0;

	(void)state;
	/* Where a rule for the whole bundle meets one for a part, libseccomp is asked. */
	for (size_t i = 0; i < calls.n; i++)
		if (strcmp(calls.v[i].name, "socketcall") != 0 && strcmp(calls.v[i].name, "ipc") != 0)
			names[n++] = calls.v[i].name;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		random_profile(&p, seed, names, n);
		memcpy(p.archs, all, sizeof(all));
		p.s.n_archs = PS_COUNT(all);
		p.s.default_action = SECCOMP_RET_ERRNO | ENOSYS;
		for (size_t i = 0; i < p.s.n_rules; i++) {
			/* No two of different actions that can hold together; no comparison of nothing. */
			if (p.rules[i].n_args)
				p.rules[i].action = SECCOMP_RET_ALLOW;
			for (size_t k = 0; k < p.rules[i].n_args; k++)
				p.args[i][k].value |= 1;
		}
		compare_all(&p.s, false);
	}
}

/* The installed profile of containers-common, in its own format: its rules without conditions on capabilities. */
static void installed_profile_agrees_with_its_rules(void **state)
{
	static const char path[] = "/usr/share/containers/seccomp.json";
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf json = { .data = NULL };
	ps_auto_mem char *text = NULL;
	struct ps_err e = { .cls = PS_OK };
	const struct json *list, *part;
	struct json *tree = NULL;
	const char *comma = "";

	(void)state;
	if (access(path, R_OK) < 0)
		skip();
	text = file_text(path);
	assert_int_equal(json_parse(&a, path, text, strlen(text), &tree, &e), 0);
	list = json_get(tree, "syscalls");
	assert_non_null(list);
	ps_buf_puts(&json, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_ARCH_X86\","
			   "\"SCMP_ARCH_X32\"],\"syscalls\":[");
	for (size_t i = 0; i < list->v.list.n; i++) {
		const struct json *item = &list->v.list.items[i], *names = json_get(item, "names"), *args = json_get(item, "args");
		const struct json *in = json_get(item, "includes"), *ex = json_get(item, "excludes");

		if ((in && in->v.list.n) || (ex && ex->v.list.n) || !names)
			continue;
		ps_buf_printf(&json, "%s{\"names\":", comma);
		json_write(names, &json);
		part = json_get(item, "action");
		ps_buf_printf(&json, ",\"action\":\"%s\"", part->v.s);
		part = json_get(item, "errnoRet");
		if (part && part->type == JSON_INT)
			ps_buf_printf(&json, ",\"errnoRet\":%lld", (long long)part->v.i);
		if (args && args->type == JSON_ARRAY && args->v.list.n) {
			ps_buf_puts(&json, ",\"args\":");
			json_write(args, &json);
		}
		ps_buf_puts(&json, "}");
		comma = ",";
	}
	ps_buf_puts(&json, "]}");
	compare_all(profile(&a, json.data), false);
}

static void x32_keeps_to_itself(void **state)
{
	static const uint64_t none[6];
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	size_t n;

	(void)state;
	compiled(profile(&a, "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'}]}"), &prog, &n);
	assert_int_equal(run(&prog, AUDIT_ARCH_X86_64, 0, none), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&prog, AUDIT_ARCH_X86_64, 1, none), SECCOMP_RET_ERRNO | ENOSYS);
	/* Not an architecture of this profile: neither allowed nor "not there". */
	assert_int_equal(run(&prog, SECCOMP_ARCH_X32, 0, none), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(run(&prog, SECCOMP_ARCH_X32, 900, none), SECCOMP_RET_KILL_THREAD);
}

/* i386 has calls in two forms: alone, and as a part of socketcall or ipc, where arguments are behind a pointer. */
static void parts_of_bundled_calls_have_rules(void **state)
{
	static const char json[] =
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'architectures':['SCMP_ARCH_X86'],'syscalls':["
		"{'names':['bind','recv','semget','msgctl'],'action':'SCMP_ACT_ALLOW'},"
		"{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':2,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['shmat'],'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':2,'op':'SCMP_CMP_EQ'}]}]}";
	static const struct { uint32_t nr; uint64_t args[6]; bool allowed; } runs[] = {
		{ 102, { 2 }, true },	  { 361, { 0 }, true },	    { 102, { 10 }, true }, { 102, { 3 }, false }, { 362, { 0 }, false },
		{ 117, { 2 }, true },	  { 393, { 0 }, true },	    { 117, { 14 }, true }, { 402, { 0 }, true },  { 117, { 1 }, false },
		{ 359, { 2 }, true },	  { 359, { 1 }, false },    { 102, { 1, 2 }, true }, { 102, { 1, 1 }, true },
		{ 397, { 0, 2 }, true },  { 397, { 0, 1 }, false }, { 117, { 21, 2 }, true }, { 117, { 21, 1 }, false },
		{ 102, { 0 }, false },	  { 117, { 0 }, false },    { 41, { 2 }, false },
	};
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	size_t n;

	(void)state;
	compiled(profile(&a, json), &prog, &n);
	for (size_t i = 0; i < PS_COUNT(runs); i++)
		if ((run(&prog, AUDIT_ARCH_I386, runs[i].nr, runs[i].args) == SECCOMP_RET_ALLOW) != runs[i].allowed)
			fail_msg("run %zu, call %u", i, runs[i].nr);
}

#endif /* __x86_64__ */

/* ---- on every architecture ---- */

static void permissive_defaults_have_no_stub(void **state)
{
	static const char *const defaults[] = { "'SCMP_ACT_ALLOW'", "'SCMP_ACT_LOG'", "'SCMP_ACT_TRACE'",
						"'SCMP_ACT_ERRNO','defaultErrnoRet':38" };
	static const uint64_t none[6];
	char json[256];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(defaults); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf prog = { .data = NULL };
		const struct policy_seccomp *s;
		size_t n;

		(void)snprintf(json, sizeof(json), "{'defaultAction':%s,'syscalls':[{'names':['mount'],'action':'SCMP_ACT_KILL'}]}",
			       defaults[i]);
		s = profile(&a, json);
		compiled(s, &prog, &n);
		assert_int_equal(run(&prog, s->archs[0], 100000, none), s->default_action);
	}
}

#define RULE(action, args) "{'names':['ioctl'],'action':'SCMP_ACT_" action "','args':[" args "]}"
#define ARG(index, op, value, two) "{'index':" #index ",'op':'SCMP_CMP_" op "','value':" #value ",'valueTwo':" #two "}"

/* libseccomp decides between rules that can hold together; other policies it does not see. */
static void rules_that_overlap_are_left_to_libseccomp(void **state)
{
	static const struct { bool overlap; const char *rules; } policies[] = {
		{ false, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(0, "EQ", 2, 0)) },
		{ false, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(0, "NE", 1, 0)) },
		{ false, RULE("ALLOW", ARG(0, "LT", 9, 0)) "," RULE("KILL", ARG(0, "GE", 9, 0)) },
		{ false, RULE("ALLOW", ARG(0, "GT", 9, 0)) "," RULE("KILL", ARG(0, "LE", 9, 0)) },
		{ false, RULE("ALLOW", ARG(0, "MASKED_EQ", 3, 1)) "," RULE("KILL", ARG(0, "MASKED_EQ", 6, 2)) },
		{ false, RULE("ALLOW", ARG(0, "EQ", 1, 0) "," ARG(1, "EQ", 1, 0)) "," RULE("KILL", ARG(1, "EQ", 2, 0)) },
		{ false, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(0, "EQ", 1, 0)) "," RULE("LOG", "") },
		{ false, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("ALLOW", ARG(1, "EQ", 1, 0)) },
		{ true, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(0, "EQ", 1, 0)) },
		{ true, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(1, "EQ", 2, 0)) },
		{ true, RULE("ALLOW", ARG(0, "EQ", 1, 0)) "," RULE("KILL", ARG(0, "NE", 2, 0)) },
		{ true, RULE("ALLOW", ARG(0, "LE", 9, 0)) "," RULE("KILL", ARG(0, "GE", 9, 0)) },
		{ true, RULE("ALLOW", ARG(0, "LT", 9, 0)) "," RULE("KILL", ARG(0, "LT", 5, 0)) },
		{ true, RULE("ALLOW", ARG(0, "MASKED_EQ", 3, 1)) "," RULE("KILL", ARG(0, "MASKED_EQ", 6, 0)) },
	};
	char json[1024];

	(void)state;
	for (size_t i = 0; i < PS_COUNT(policies); i++) {
		ps_auto_arena struct ps_arena a = { .head = NULL };
		ps_auto_buf struct ps_buf plain = { .data = NULL };
		ps_auto_buf struct ps_buf library = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };

		(void)snprintf(json, sizeof(json), "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[%s]}", policies[i].rules);
		const struct policy_seccomp *s = profile(&a, json);
		assert_int_equal(plan_seccomp_plain(s, &plain, &e), 0);
		assert_int_equal(plan_seccomp_library(s, &library, &e), 0);
		if (policies[i].overlap != (plain.len == library.len && memcmp(plain.data, library.data, plain.len) == 0))
			fail_msg("policy %zu", i);
	}
}

static void a_rule_that_says_the_default_is_no_error(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	size_t n;

	(void)state;
	compiled(profile(&a, "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],'action':'SCMP_ACT_ERRNO'},"
			     "{'names':['write','write'],'action':'SCMP_ACT_ALLOW'},{'names':['write'],'action':'SCMP_ACT_ALLOW'}]}"),
		 &prog, &n);
	assert_true(n > 4);
}

static void foreign_architectures_of_no_library_are_named(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf prog = { .data = NULL };
	struct policy_seccomp s = *profile(&a, "{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_SH']}");
	struct ps_err e = { .cls = PS_OK };
	uint32_t unknown[] = { s.archs[0], 0x12345678 };

	(void)state;
	s.archs = unknown;
	assert_int_equal(plan_seccomp_compile(&s, &prog, &e), -1);
	assert_non_null(strstr(e.msg, "seccomp: add the architecture '?': "));
	assert_int_equal(prog.len, 0);
}

static void the_key_tells_programs_apart(void **state)
{
	static const char *const profiles[] = {
		"{'defaultAction':'SCMP_ACT_ALLOW'}",
		"{'defaultAction':'SCMP_ACT_ERRNO'}",
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':2}",
		"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_SH']}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read','write'],'action':'SCMP_ACT_KILL'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_KILL'},{'names':['write'],'action':'SCMP_ACT_KILL'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['readwrite'],'action':'SCMP_ACT_KILL'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_KILL','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_KILL','args':[{'index':0,'value':1,'op':'SCMP_CMP_NE'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_KILL','args':[{'index':1,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
	};
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct ps_buf keys[PS_COUNT(profiles)] = { { .data = NULL } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(profiles); i++) {
		plan_seccomp_key(profile(&a, profiles[i]), &keys[i]);
		for (size_t k = 0; k < i; k++)
			assert_false(keys[i].len == keys[k].len && memcmp(keys[i].data, keys[k].data, keys[i].len) == 0);
	}
	for (size_t i = 0; i < PS_COUNT(profiles); i++)
		ps_buf_done(&keys[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test_setup(default_profile_means_what_its_table_says, load_syscalls),
		cmocka_unit_test(default_profile_agrees_with_its_rules),
		cmocka_unit_test(random_profiles_agree_with_their_rules),
		cmocka_unit_test(installed_profile_agrees_with_its_rules),
		cmocka_unit_test(x32_keeps_to_itself),
		cmocka_unit_test(parts_of_bundled_calls_have_rules),
#endif
		cmocka_unit_test(permissive_defaults_have_no_stub),
		cmocka_unit_test(rules_that_overlap_are_left_to_libseccomp),
		cmocka_unit_test(a_rule_that_says_the_default_is_no_error),
		cmocka_unit_test(foreign_architectures_of_no_library_are_named),
		cmocka_unit_test(the_key_tells_programs_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
