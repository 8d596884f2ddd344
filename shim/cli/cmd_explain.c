/* SPDX-License-Identifier: Apache-2.0
 * cmd_explain.c - podshim explain: why an access was denied, or would be, and what would allow it.
 */
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scope.h"
#include "shim/cli/audit_lines.h"
#include "shim/cli/cmd.h"

struct explain_flags {
	const char *value[POLICY_N_PERMISSIONS]; /* of a question; [POLICY_NET]: --connect */
};

#define ASK(permission) offsetof(struct explain_flags, value[permission])
static const struct opt explain_rows[] = {
	{ "read", NULL, OPT_STR, "PATH", "could it read PATH?", ASK(POLICY_READ) },
	{ "write", NULL, OPT_STR, "PATH", "could it write PATH?", ASK(POLICY_WRITE) },
	{ "connect", NULL, OPT_STR, "HOST:PORT", "could it connect to HOST:PORT?", ASK(POLICY_NET) },
	{ "run", NULL, OPT_STR, "PROGRAM", "could it run PROGRAM?", ASK(POLICY_RUN) },
	{ "env", NULL, OPT_STR, "NAME", "could it see the variable NAME?", ASK(POLICY_ENV) },
	{ "ffi", NULL, OPT_STR, "PATH", "could it load the library PATH?", ASK(POLICY_FFI) },
	{ "sys", NULL, OPT_STR, "NAME", "could it learn NAME (hostname, osRelease, ...)?", ASK(POLICY_SYS) },
};

static int collect_denial(void *ctx, const char *line, size_t n)
{
	audit_denials_add(ctx, line, n);
	return 0;
}

static int explain_container(struct cli *cli, const char *id, struct ps_err *e)
{
	ps_auto(audit_denials_done) struct audit_denials d = { .last = true };
	ps_auto_buf struct ps_buf out = { 0 };

	if (cli_check_id(id, e) < 0 || pod_watch(&cli->env, id, /* follow= */ false, collect_denial, &d, e) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++)
		audit_line_explain(&d.v[i], &out);
	if (!d.n)
		ps_buf_printf(&out, "nothing that '%s' wanted is known to have been denied\n", id);
	return cli_print(&out, e);
}

/* A question's net value is one target: a name or an address, and a port. */
static int parse_target(struct ps_arena *a, const char *text, struct net_target *ret, struct ps_err *e)
{
	struct net_pattern p;

	if (net_pattern_parse(a, text, /* deny= */ false, &p, e) < 0)
		return ps_ctx(e, "--connect '%s'", text);
	*ret = (struct net_target){ .what = p.what & NET_UDP && !(p.what & NET_TCP) ? NET_UDP : NET_TCP };
	if (p.host == NET_HOST_UNIX) {
		ret->unix_path = p.name;
		return 0;
	}
	if (p.host == NET_HOST_NAME) {
		ret->name = p.name;
	} else if (p.host == NET_HOST_ADDRESS && p.bits == 128) {
		ret->addr = p.addr;
		ret->has_addr = true;
	} else {
		return ps_fail(e, PS_E_USAGE, "--connect '%s': one name or address and its port, as in api.example.com:443", text);
	}
	if (p.n_ports != 1 || p.ports[0].from != p.ports[0].to)
		return ps_fail(e, PS_E_USAGE, "--connect '%s': the port is missing, as in %s:443", text, text);
	ret->port = p.ports[0].from;
	return 0;
}

static int make_query(struct cli *cli, enum policy_permission p, const char *value, struct perm_query *q, struct ps_err *e)
{
	char cwd[4096] = "/", joined[8192], *clean;

	*q = (struct perm_query){ .permission = p, .value = value };
	if (p == POLICY_NET)
		return parse_target(&cli->mem, value, &q->net, e);
	if (p == POLICY_ENV || p == POLICY_SYS || (p == POLICY_RUN && !strchr(value, '/')))
		return 0;
	if (*value != '/' && !getcwd(cwd, sizeof(cwd)))
		return ps_fail_os(e, "find the current directory");
	clean = ps_arena_alloc(&cli->mem, sizeof(joined));
	if (!clean)
		return ps_fail_os(e, "memory for a path");
	if (ps_path_join(joined, sizeof(joined), *value == '/' ? "" : cwd, value) < 0 || ps_path_clean(joined, clean, sizeof(joined)) < 0)
		return ps_fail(e, PS_E_USAGE, "path '%s' is too long", value);
	q->value = clean;
	return 0;
}

static void put_verdict(const struct perm_query *q, const struct perm_verdict *v, struct ps_buf *out)
{
	static const char *const words[] = { [POLICY_ALLOW] = "allowed", [POLICY_DENY] = "denied", [POLICY_WARN] = "allowed, and told of",
					     [POLICY_IGNORE] = "ignored, as if it were not there" };
	const struct perm_flag *f = perm_flag_find(q->permission, POLICY_ALLOW);
	const char *risk = perm_query_risk(q);

	ps_buf_printf(out, "%s: %s access to \"", words[v->action], policy_permission_name(q->permission));
	perm_query_target(q, out);
	ps_buf_puts(out, "\"\n");
	if (v->rule)
		ps_buf_printf(out, "  rule: %s %s (%s)\n", policy_action_name(v->rule->action), v->rule->value ? v->rule->value : "everything",
			      v->rule->from);
	else if (v->action == POLICY_ALLOW)
		ps_buf_puts(out, "  rule: none; nothing limits it\n");
	else
		ps_buf_puts(out, "  rule: no allow entry matches\n");
	if (v->nearest)
		ps_buf_printf(out, "  nearest: %s (%s)\n", v->nearest->value ? v->nearest->value : "everything", v->nearest->from);
	if (f)
		ps_buf_printf(out, "  enforced by: %s\n", f->mechanism);
	if (v->action == POLICY_DENY && !v->rule) {
		ps_buf_puts(out, "  to allow it: ");
		perm_query_flag(q, out);
		ps_buf_putc(out, '\n');
	}
	if (risk)
		ps_buf_printf(out, "  careful: %s\n", risk);
}

static int permissions_of(struct cli *cli, const struct permissions **ret, struct ps_err *e)
{
	struct pod_create_request r = { .id = "explain", .bundle = cli->words[0] };

	if (cli_permissions(cli, &r.permissions, e) < 0)
		return -1;
	return pod_permissions(&cli->env, &r, &cli->mem, ret, e);
}

static int answer(struct cli *cli, const struct explain_flags *f, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	const struct permissions *g;
	bool denied = false;

	if (permissions_of(cli, &g, e) < 0)
		return -1;
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		struct perm_query q;

		if (!f->value[p])
			continue;
		if (make_query(cli, (enum policy_permission)p, f->value[p], &q, e) < 0)
			return -1;
		struct perm_verdict v = permissions_decide(g, &q);

		denied |= v.action == POLICY_DENY;
		put_verdict(&q, &v, &out);
	}
	return cli_print(&out, e) < 0 ? -1 : denied;
}

static int run_explain(struct cli *cli, struct ps_err *e)
{
	const struct explain_flags *f = cli->flags;

	for (int p = 0; p < POLICY_N_PERMISSIONS; p++)
		if (f->value[p])
			return answer(cli, f, e);
	if (!cli->words[0])
		return ps_fail(e, PS_E_USAGE, "'explain' needs ID, or a question: --read, --write, --connect, --run, --env, --ffi, --sys");
	return explain_container(cli, cli->words[0], e);
}

const struct command cmd_explain = {
	.name = "explain",
	.words = "[ID | BUNDLE]",
	.summary = "tell why something was denied, or would be",
	.forms = "explain ID                        what ID was denied last, and the flags that would allow it\n"
		 "explain QUESTION ... [ID|BUNDLE]  what ID or a bundle (with permission flags) may do\n",
	.about = "A question is answered without running anything; exit status 1: some of it is\n"
		 "denied. Without ID and BUNDLE the permission flags alone decide, as in 'podshim\n"
		 "run FILE'.",
	.examples = "podshim explain web\n"
		    "podshim explain --allow-net=api.example.com:443 --connect api.example.com:80\n"
		    "podshim explain --read /etc/shadow web\n",
	.opts = OPT_TABLE(explain_rows),
	.flags_size = sizeof(struct explain_flags),
	.max_words = 1,
	.attr = CMD_ROOT | CMD_POLICY,
	.run = run_explain,
};
