/* SPDX-License-Identifier: Apache-2.0
 * check_codes.c - a code and a next step for each thing that cannot be enforced; the first phrase that is in the text counts.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/pod/check.h"

static const struct { const char *phrase, *code, *hint; } rows[] = {
	{ "no Landlock", "no-landlock", "boot with 'landlock' in the kernel's lsm= list (Linux 5.13), or run it as a program without a bundle" },
	{ "keep memory from becoming executable", "no-mdwe", "use Linux 6.3, or say --jit: it may make code at run time" },
	{ "memory can be executed as a file", "no-memfd-noexec", "use Linux 6.3 and give the container a pid namespace of its own" },
	{ "only connections of TCP leave", "udp-from-empty-network", "name a TCP port, or run it where the network is the host's or an engine's" },
	{ "sockets of virtual machines", "vsock", "leave the entry out: --allow-net without a list allows them all" },
	{ "needs a supervisor that decides", "no-supervisor", "use 'podshim run'" },
	{ "tell every process", "told-by-system-calls", "leave the entry out: no list can keep it back" },
	{ "(a '?' behind it lets it be missing)", "missing", "write a '?' behind the path, or make it first" },
	{ "(a '?' behind it accepts that)", "missing", "write a '?' behind the path, or make it first" },
	{ "cannot be made in a container's files", "missing", "make it in the bundle's root file system first" },
	{ "none of the programs is in the container", "no-such-program", "name a program that the container has" },
	{ "is no file: a read-only mount", "not-a-file", "deny the directory that it is in" },
	{ "stands for too many paths", "too-many-paths", "name the directory that they are in" },
	{ "more than", "too-many-files", "allow the directory that they are in" },
	{ "leads nowhere", "missing", "write a '?' behind the path, or make it first" },
	{ "where everything may be run", "run-beside-ffi", "list what may be run, too: --allow-run=PROGRAM" },
	{ "the secret", "secret", "name the program that is started in the secret's 'only', or drop 'only'" },
	{ "needs a mount namespace", "no-mount-namespace", "give config.json a mount namespace of its own: {\"type\": \"mount\"}" },
	{ "takes a user namespace", "no-user-namespace", "run podshim as root, or see the host's facts about user namespaces" },
	{ "is the caller's to write", "no-cgroup", "run podshim as root, or in a delegated cgroup of version 2" },
	{ "cgroups are disabled", "no-cgroup", "run podshim as root, or in a delegated cgroup of version 2" },
	{ "a limit of output", "unwatched-limit", "run it in the foreground, or leave the limit to whoever takes the output" },
	{ "a limit of wall time", "unwatched-limit", "run it in the foreground" },
	{ "is not available in this version", "not-available", "leave it out" },
	{ "no cgroup hierarchy has the controller", "no-controller", "leave the limit out, or mount a cgroup hierarchy that has the controller" },
	{ "is not supported", "not-supported", "leave it out" },
	{ "without root,", "needs-root", "run podshim as root" },
	{ "", "not-enforceable", "leave it out, or accept that with --best-effort" },
};

struct check_code check_code_of(const char *text)
{
	size_t i = 0;

	while (!strstr(text, rows[i].phrase))
		i++;
	return (struct check_code){ rows[i].code, rows[i].hint };
}

void *check_add(struct check_report *r, struct check_list *l, size_t size)
{
	if (l->n == l->max) {
		const size_t max = l->max ? 2 * l->max : 32;
		void *v = ps_arena_array(r->a, max, size);

		if (!v)
			return NULL;
		if (l->n)
			memcpy(v, l->v, l->n * size);
		l->v = v;
		l->max = max;
	}
	return (char *)l->v + l->n++ * size;
}

int check_find(struct check_report *r, const char *subject, const char *at, const char *text, bool fails, struct check_code c)
{
	struct check_finding *f = check_add(r, &r->findings, sizeof(*f));

	if (!f)
		return -1;
	*f = (struct check_finding){ c.code, subject, ps_arena_strdup(r->a, at ? at : ""), ps_arena_strdup(r->a, text), c.hint, fails };
	return f->at && f->text ? 0 : -1;
}

const char *check_place(struct ps_arena *a, const char *from)
{
	struct ps_err e = { 0 };

	(void)ps_at_from(&e, from ? from : "", "");
	const char *text = ps_arena_strdup(a, e.where);

	return text ? text : "";
}
