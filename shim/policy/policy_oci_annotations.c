/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_annotations.c - annotations of crun's that ask something of the runtime: applied, or refused by name.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/policy_oci.h"

static const char prefix[] = "run.oci.";

static int absolute(struct from_oci *f, const struct spec_kv *a)
{
	return *a->value == '/' ? 0 : from_oci_fail(f, PS_E_CONFIG, a->at, "'%s' is not an absolute path", a->value);
}

static int output(struct from_oci *f, const struct spec_kv *a, struct policy_output *ret)
{
	if (absolute(f, a) < 0)
		return -1;
	*ret = (struct policy_output){ from_oci_at(f, a->at), a->value };
	return ret->from ? 0 : -1;
}

static int read_hooks_stdout(struct from_oci *f, const struct spec_kv *a)
{
	return output(f, a, &f->p->hook_stdout);
}

static int read_hooks_stderr(struct from_oci *f, const struct spec_kv *a)
{
	return output(f, a, &f->p->hook_stderr);
}

/* Anything but "0", as crun has it. */
static bool is_on(const struct spec_kv *a)
{
	return strcmp(a->value, "0") != 0;
}

static int read_keep_groups(struct from_oci *f, const struct spec_kv *a)
{
	f->p->keeps_groups = is_on(a);
	return 0;
}

static int read_fail_unknown(struct from_oci *f, const struct spec_kv *a)
{
	f->p->seccomp.all_known = is_on(a);
	return 0;
}

static int read_receiver(struct from_oci *f, const struct spec_kv *a)
{
	f->receiver = a;
	return absolute(f, a);
}

static int read_mount_context(struct from_oci *f, const struct spec_kv *a)
{
	static const char *const kinds[] = { "context", "defcontext", "fscontext", "rootcontext" };

	for (size_t i = 0; i < PS_COUNT(kinds); i++)
		if (!strcmp(a->value, kinds[i])) {
			f->p->mount_context = kinds[i];
			return 0;
		}
	return from_oci_fail(f, PS_E_CONFIG, a->at, "'%s' is none of context, defcontext, fscontext and rootcontext", a->value);
}

/* Neither read nor refused: who makes the container looks for it. */
static const struct {
	const char *name;
	int (*read)(struct from_oci *f, const struct spec_kv *a);
	const char *instead;         /* refused: what to do */
	bool blank;                  /* without a text it asks for nothing */
} rows[] = {
	{ "delegate-cgroup", NULL, "with a cgroup namespace and a writable mount of version 2 the container's cgroup itself is delegated", true },
	{ "handler", NULL, "name a program that runs it in process.args, or use a runtime that is built for it", false },
	{ "hooks.stderr", read_hooks_stderr, NULL, false },
	{ "hooks.stdout", read_hooks_stdout, NULL, false },
	{ "keep_original_groups", read_keep_groups, NULL, false },
	{ "mount_context_type", read_mount_context, NULL, false },
	{ "pidfd_receiver", NULL, NULL, false },
	{ "seccomp.plugins", NULL, "let a program listen at linux.seccomp.listenerPath", false },
	{ "seccomp.receiver", read_receiver, NULL, false },
	{ "seccomp_bpf_data", NULL, "write the filter as linux.seccomp", false },
	{ "seccomp_fail_unknown_syscall", read_fail_unknown, NULL, false },
	{ "systemd.force_cgroup_v1", NULL, "bind the host's hierarchy name=systemd with an entry of mounts", false },
	{ "systemd.subgroup", NULL, "no cgroup is made below the container's scope, which is what an empty text asks for", true },
};

/* runtime-spec: what is unknown is no error. */
static int unknown(struct from_oci *f, const struct spec_kv *a, const char *name)
{
	const char *names[PS_COUNT(rows)], *best;

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		names[i] = rows[i].name;
	best = ps_closest(name, names, PS_COUNT(names));
	return from_oci_warn(f, "unknown annotation '%.100s' is ignored%s%s%s%s", a->key, best ? " (did you mean '" : "", best ? prefix : "",
			     best ? best : "", best ? "'?)" : "");
}

static int annotation(struct from_oci *f, const struct spec_kv *a)
{
	const char *name = a->key + sizeof(prefix) - 1;
	size_t i = 0;

	while (i < PS_COUNT(rows) && strcmp(rows[i].name, name) != 0)
		i++;
	if (i == PS_COUNT(rows))
		return unknown(f, a, name);
	if (rows[i].read)
		return rows[i].read(f, a);
	if (!rows[i].instead || (rows[i].blank && !*a->value))
		return 0;
	return from_oci_fail(f, PS_E_UNSUPP, a->at, "the annotation '%s' is not supported: leave it out; %s", a->key, rows[i].instead);
}

int from_oci_annotations(struct from_oci *f, const struct spec *s)
{
	f->p->annotations = s->annotations;
	for (size_t i = 0; i < s->annotations.n; i++)
		if (!strncmp(s->annotations.v[i].key, prefix, sizeof(prefix) - 1) && annotation(f, &s->annotations.v[i]) < 0)
			return -1;
	if (f->p->keeps_groups && s->process.user.n_groups)
		return from_oci_warn(f, "additionalGids are not set: the annotation '%skeep_original_groups' keeps the caller's groups", prefix);
	return 0;
}
