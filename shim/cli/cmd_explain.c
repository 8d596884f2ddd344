/* SPDX-License-Identifier: Apache-2.0
 * cmd_explain.c - podshim explain: why an access was denied, or would be, and what would allow it.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"
#include "shim/cli/explain_text.h"

struct explain_flags {
	const char *value[POLICY_N_PERMISSIONS]; /* of a question; [POLICY_NET]: --connect */
	const char *seq, *format;
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
	{ "seq", NULL, OPT_STR, "N", "the event with this number alone, denied or not; the same as ID:N", offsetof(struct explain_flags, seq) },
	{ "format", NULL, OPT_ENUM, "text|json", "text for people (default), or one object a line", offsetof(struct explain_flags, format) },
};

/* ---- What happened ---- */

/* One event of so many. */
struct search { uint64_t seq; struct ps_arena arena; struct audit_line found; bool is_there; uint64_t first, last; };

static void search_done(struct search *s)
{
	ps_arena_done(&s->arena);
}

static int collect_denial(void *ctx, const char *line, size_t n)
{
	audit_denials_add(ctx, line, n);
	return 0;
}

static int look_at(void *ctx, const char *line, size_t n)
{
	struct search *s = ctx;
	ps_auto_arena struct ps_arena memory = { 0 };
	struct audit_line l;

	if (!audit_line_parse(&memory, line, n, &l))
		return 0;
	if (!s->first)
		s->first = l.seq;
	s->last = l.seq;
	if (l.seq != s->seq)
		return 0;
	s->is_there = audit_line_parse(&s->arena, line, n, &s->found);
	return 1;
}

static int put(struct cli *cli, const struct explanation *x, struct ps_err *e)
{
	const struct explain_flags *f = cli->flags;
	ps_auto_buf struct ps_buf out = { 0 };

	if (f->format && !strcmp(f->format, "json"))
		explain_json(x, &out);
	else
		explain_text(x, &out);
	return cli_print(&out, e);
}

/* With the container's permissions, as long as it is there. */
static int put_event(struct cli *cli, const char *id, const struct audit_line *l, struct ps_err *e)
{
	const struct pod_create_request r = { .id = "explain", .bundle = id };
	ps_auto_arena struct ps_arena memory = { 0 };
	struct explanation x = { .line = l };
	struct ps_err gone = { .cls = PS_OK };
	struct perm_query q;

	if (audit_query_parse(&memory, l->permission, l->target, &q)) {
		if (q.net.what & NET_TCP && (!strcmp(l->action, "bind") || !strcmp(l->action, "listen")))
			q.net.what = NET_LISTEN;
		x.query = &q;
	}
	if (pod_permissions(&cli->env, &r, &memory, &x.permissions, &gone) < 0)
		x.permissions = NULL;
	return put(cli, &x, e);
}

static int explain_event(struct cli *cli, const char *id, const char *seq, struct ps_err *e)
{
	struct search s ps_auto(search_done) = { .first = 0 };

	if (ps_parse_u64(seq, &s.seq) < 0)
		return ps_fail(e, PS_E_USAGE, "--seq '%s': expected the number of an event, as 'podshim explain %s' and 'audit --format json' show it",
			       seq, id);
	if (pod_watch(&cli->env, id, /* follow= */ false, look_at, &s, e) < 0)
		return -1;
	if (s.is_there)
		return put_event(cli, id, &s.found, e) < 0 ? -1 : 0;
	return s.last ? ps_fail(e, PS_E_NOTFOUND, "'%s' has no access with the number %" PRIu64 "; those that are known are %" PRIu64 " to %" PRIu64,
				id, s.seq, s.first, s.last)
		      : ps_fail(e, PS_E_NOTFOUND, "'%s' has no access with the number %" PRIu64 ": none is known", id, s.seq);
}

static int explain_container(struct cli *cli, const char *id, struct ps_err *e)
{
	const struct explain_flags *f = cli->flags;
	ps_auto(audit_denials_done) struct audit_denials d = { .last = true };

	if (pod_watch(&cli->env, id, /* follow= */ false, collect_denial, &d, e) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++)
		if (put_event(cli, id, &d.v[i], e) < 0)
			return -1;
	if (!d.n && !(f->format && !strcmp(f->format, "json"))) {
		ps_auto_buf struct ps_buf out = { 0 };

		ps_buf_printf(&out, "nothing that '%s' wanted is known to have been denied\n", id);
		return cli_print(&out, e);
	}
	return 0;
}

/* ---- Questions ---- */

/* A question's net value is one target: a name or an address, and a port. */
static int parse_target(struct ps_arena *a, const char *text, struct net_target *ret, struct ps_err *e)
{
	struct net_pattern p;

	if (net_pattern_parse(a, text, /* deny= */ false, &p, e) < 0)
		return ps_ctx(e, "--connect '%s'", text);
	*ret = (struct net_target){ .what = p.what & NET_TCP ? NET_TCP : p.what & NET_UDP ? NET_UDP : p.what & NET_ICMP ? NET_ICMP : NET_TCP };
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
	if (ret->what == NET_ICMP && !p.n_ports)
		return 0;
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
	if (p == POLICY_SYS)
		return perm_sys_name(value, &q->value, e);
	if (p == POLICY_ENV || (p == POLICY_RUN && !strchr(value, '/')))
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

static int permissions_of(struct cli *cli, const struct permissions **ret, struct ps_err *e)
{
	struct pod_create_request r = { .id = "explain", .bundle = cli->words[0] };

	if (cli_permissions(cli, &r.permissions, e) < 0)
		return -1;
	return pod_permissions(&cli->env, &r, &cli->mem, ret, e);
}

static int answer(struct cli *cli, const struct explain_flags *f, struct ps_err *e)
{
	struct explanation x = { .program = !cli->words[0] };
	bool denied = false;

	if (permissions_of(cli, &x.permissions, e) < 0)
		return -1;
	for (int p = 0; p < POLICY_N_PERMISSIONS; p++) {
		struct perm_query q;

		if (!f->value[p])
			continue;
		if (make_query(cli, (enum policy_permission)p, f->value[p], &q, e) < 0)
			return -1;
		x.query = &q;
		denied |= explain_denied(&x);
		if (put(cli, &x, e) < 0)
			return -1;
	}
	return denied;
}

static int run_explain(struct cli *cli, struct ps_err *e)
{
	const struct explain_flags *f = cli->flags;
	char *id = cli->n_words ? ps_arena_strdup(&cli->mem, cli->words[0]) : NULL, *colon = id ? strrchr(id, ':') : NULL;
	const char *seq = f->seq;

	for (int p = 0; p < POLICY_N_PERMISSIONS; p++)
		if (f->value[p])
			return seq ? ps_fail(e, PS_E_USAGE, "--seq names an event, which is no question") : answer(cli, f, e);
	if (!id)
		return ps_fail(e, PS_E_USAGE, "'explain' needs ID, or a question: --read, --write, --connect, --run, --env, --ffi, --sys");
	if (colon && !seq) {
		*colon = '\0';
		seq = colon + 1;
	}
	if (cli_check_id(id, e) < 0)
		return -1;
	return seq ? explain_event(cli, id, seq, e) : explain_container(cli, id, e);
}

const struct command cmd_explain = {
	.name = "explain",
	.words = "[ID[:SEQ] | BUNDLE]",
	.summary = "tell why something was denied, or would be",
	.forms = "explain ID                        what ID was denied last, and what would allow it\n"
		 "explain ID:SEQ                    one event, by its number\n"
		 "explain QUESTION ... [ID|BUNDLE]  what ID or a bundle (with permission flags) may do\n",
	.about = "A question is answered without running anything; exit status 1: some of it is\n"
		 "denied. Without ID and BUNDLE the permission flags alone decide, as in 'podshim\n"
		 "run FILE'.\n"
		 "\n"
		 "Told are the entry that decided or the nearest that does not match, what enforces\n"
		 "it, what the program sees, and each way to allow it: as a flag, a variable and a\n"
		 "member of a policy file. An annotation only narrows.",
	.examples = "podshim explain web\n"
		    "podshim explain --format json web:17 | jq -r '.grants[0].flag'\n"
		    "podshim explain --allow-net=api.example.com:443 --connect api.example.com:80\n"
		    "podshim explain --read /etc/shadow web\n",
	.opts = OPT_TABLE(explain_rows),
	.flags_size = sizeof(struct explain_flags),
	.max_words = 1,
	.attr = CMD_ROOT | CMD_POLICY,
	.run = run_explain,
};
