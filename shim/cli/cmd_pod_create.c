/* SPDX-License-Identifier: Apache-2.0
 * cmd_pod_create.c - podshim pod create: a pod and its first runners.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/scope.h"
#include "ipc/link.h"
#include "ipc/stream.h"
#include "shim/cli/cmd.h"
#include "shim/pod/pods.h"

struct pod_create_flags {
	struct pods_request r;
	struct opt_list share;
	const char *warm, *observe_group;
	uint32_t pids;
};

#define AT(field) offsetof(struct pod_create_flags, field)
static const struct opt pod_create_rows[] = {
	{ "warm", "w", OPT_STR, "N", "keep N runners prepared (default: 1)", AT(warm) },
	{ "ring-size", NULL, OPT_SIZE, "SIZE", "bytes of each ring of a link, a power of two from 64K to 64M (default: 1M)",
	  AT(r.ring_size) },
	{ "share", NULL, OPT_LIST, "net,ipc,uts", "namespaces that all runners have in common (default: none)", AT(share) },
	{ "interpreter", "i", OPT_FLAG, NULL, "the bundle's program is started at once, and waits for code",
	  AT(r.interpreter) },
	{ "tty", "t", OPT_FLAG, NULL, "give the runners terminals", AT(r.tty) },
	{ "history", NULL, OPT_SIZE, "SIZE", "bytes of output that are kept per runner, from 64K to 64M (default: 256K)",
	  AT(r.output_size) },
	{ "memory", "m", OPT_SIZE, "SIZE", "memory of all runners together", AT(r.limits.memory) },
	{ "pids", NULL, OPT_U32, "N", "processes of all runners together", AT(pids) },
	{ "cpus", NULL, OPT_CPUS, "X", "CPU time of all runners together: 1.5 is one and a half", AT(r.limits.millicpus) },
	{ "foreground", NULL, OPT_FLAG, NULL, "stay; the pod ends with this process", AT(r.foreground) },
	{ "observe-group", NULL, OPT_STR, "GROUP", "members may look on: a read-only socket NAME.sock in ROOT.observe, and the tapes", AT(observe_group) },
};

enum { WARM_DEFAULT = 1, GROUP_FILE_MAX = 4 * 1024 * 1024 };

static int add_share(const char *name, size_t len, uint64_t *flags, struct ps_err *e)
{
	static const struct { const char *name; uint64_t flag; } rows[] = {
		{ "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		if (strlen(rows[i].name) == len && !strncmp(rows[i].name, name, len)) {
			*flags |= rows[i].flag;
			return 0;
		}
	}
	return ps_fail(e, PS_E_USAGE, "invalid share: %.*s (one of net|ipc|uts)", (int)len, name);
}

static int parse_share(struct pod_create_flags *f, struct ps_err *e)
{
	for (size_t i = 0; i < f->share.n; i++) {
		const char *p = f->share.v[i];

		for (size_t len; *p; p += len + (p[len] == ',')) {
			len = strcspn(p, ",");
			if (add_share(p, len, &f->r.share, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int check_power(const char *flag, uint64_t n, uint64_t min, uint64_t max, struct ps_err *e)
{
	if (!n || (n >= min && n <= max && !(n & (n - 1))))
		return 0;
	return ps_fail(e, PS_E_USAGE, "invalid %s: %llu bytes is no power of two from %lluK to %lluM", flag,
		       (unsigned long long)n, (unsigned long long)(min >> 10), (unsigned long long)(max >> 20));
}

static int parse_warm(struct pod_create_flags *f, struct ps_err *e)
{
	f->r.warm = WARM_DEFAULT;
	if (f->warm && (ps_parse_u32(f->warm, &f->r.warm) < 0 || f->r.warm > PODS_WARM_MAX))
		return ps_fail(e, PS_E_USAGE, "invalid warm: %s is not a number from 0 to %d", f->warm, PODS_WARM_MAX);
	return 0;
}

/* NAME of "NAME:PASSWORD:GID:MEMBERS" in the text of /etc/group. */
static bool find_group(const char *text, const char *name, uint32_t *ret_gid)
{
	const size_t n = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *gid = strncmp(line, name, n) == 0 && line[n] == ':' ? strchr(line + n + 1, ':') : NULL;
		char digits[16];

		if (!gid)
			continue;
		size_t len = strspn(gid + 1, "0123456789");

		if (!len || len >= sizeof(digits))
			return false;
		memcpy(digits, gid + 1, len);
		digits[len] = '\0';
		return ps_parse_u32(digits, ret_gid) == 0;
	}
	return false;
}

static int parse_group(struct pod_create_flags *f, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { 0 };
	uint32_t gid;

	if (!f->observe_group)
		return 0;
	if (ps_parse_u32(f->observe_group, &gid) < 0) {
		if (ps_read_file_at(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, e) < 0)
			return -1;
		if (!find_group(text.data, f->observe_group, &gid))
			return ps_fail(e, PS_E_USAGE, "invalid observe-group: '%s' is not in /etc/group; a number does, too", f->observe_group);
	}
	f->r.observed = true;
	f->r.observe_gid = gid;
	return 0;
}

static int run_pod_create(struct cli *cli, struct ps_err *e)
{
	struct pod_create_flags *f = cli->flags;
	ps_auto_buf struct ps_buf out = { 0 };

	if (parse_warm(f, e) < 0 || parse_share(f, e) < 0 || parse_group(f, e) < 0 ||
	    check_power("ring-size", f->r.ring_size, LINK_DATA_MIN, LINK_DATA_MAX, e) < 0 ||
	    check_power("history", f->r.output_size, STREAM_SIZE_MIN, STREAM_SIZE_MAX, e) < 0 ||
	    cli_permissions(cli, &f->r.permissions, e) < 0)
		return -1;
	if (cli->policy.audit)
		return ps_fail(e, PS_E_UNSUPP, "'--audit' is not for pods: 'podshim audit %s' shows their events", cli->words[0]);
	f->r.name = cli->words[0];
	f->r.bundle = cli->words[1];
	f->r.limits.pids = f->pids;
	if (pods_create(&cli->env, &f->r, e) < 0)
		return -1;
	if (f->r.foreground)
		return 0;
	ps_buf_printf(&out, "%s\n", f->r.name);
	return cli_print(&out, e);
}

const struct command cmd_pod_create = {
	.name = "pod create",
	.words = "NAME BUNDLE",
	.summary = "make a pod",
	.about = "BUNDLE is a directory with a config.json and a root file system, as for\n"
		 "'podshim run'. Returns when the runners are prepared and prints NAME; the pod\n"
		 "lives on until 'podshim pod rm NAME'. Limits are for all runners together, and\n"
		 "only tighten what config.json asks for each. Hooks without a timeout have one of\n"
		 "10 seconds.",
	.examples = "podshim pod create --warm 8 jobs ./bundle\n"
		    "podshim pod create --memory 2G --pids 500 --share net jobs ./bundle\n",
	.opts = OPT_TABLE(pod_create_rows),
	.flags_size = sizeof(struct pod_create_flags),
	.min_words = 2,
	.max_words = 2,
	.attr = CMD_ROOT | CMD_CGROUPFS | CMD_POLICY,
	.run = run_pod_create,
};
