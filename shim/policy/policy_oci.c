/* SPDX-License-Identifier: Apache-2.0
 * policy_oci.c - the plain OCI form: what config.json grants becomes a policy, with defaults and provenance.
 */
#include "shim/policy/policy_oci.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/abi.h"
#include "base/path.h"
#include "base/scope.h"
#include "oci/names.h"

void *from_oci_rows(struct from_oci *f, size_t n, size_t size)
{
	void *rows = ps_arena_array(f->arena, n + 1, size);

	if (!rows)
		ps_fail_os(f->e, "make the policy of %s", f->file);
	return rows;
}

static const char *text_or_fail(struct from_oci *f, const char *text)
{
	if (!text)
		ps_fail_os(f->e, "make the policy of %s", f->file);
	return text;
}

const char *from_oci_at(struct from_oci *f, const char *pointer)
{
	size_t file = strlen(f->file), rest = strlen(pointer);
	char *text = ps_arena_alloc(f->arena, file + rest + 2);

	if (text) {
		memcpy(text, f->file, file);
		text[file] = '#';
		memcpy(text + file + 1, pointer, rest);
	}
	return text_or_fail(f, text);
}

int from_oci_warn(struct from_oci *f, const char *fmt, ...)
{
	struct spec_strs *w = &f->p->warnings;
	const char **list = NULL;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Rare and few: the list is copied for each. */
	list = from_oci_rows(f, w->n + 1, sizeof(*list));
	if (!list)
		return -1;
	if (w->n)
		memcpy(list, w->v, w->n * sizeof(*list));
	list[w->n] = text_or_fail(f, ps_arena_strdup(f->arena, text));
	if (!list[w->n])
		return -1;
	*w = (struct spec_strs){ list, w->n + 1 };
	return 0;
}

const char *from_oci_clean(struct from_oci *f, const char *pointer, const char *path)
{
	char clean[PATH_MAX];

	if (ps_path_clean(path, clean, sizeof(clean)) < 0) {
		from_oci_fail(f, PS_E_CONFIG, pointer, "the path is longer than %d bytes", PATH_MAX - 1);
		return NULL;
	}
	/* The document's own text serves when it is clean already. */
	return strcmp(clean, path) == 0 ? path : text_or_fail(f, ps_arena_strdup(f->arena, clean));
}

const char *from_oci_below_bundle(struct from_oci *f, const char *path)
{
	return *path == '/' ? path : text_or_fail(f, ps_arena_printf(f->arena, "%s/%s", f->bundle, path));
}

int from_oci_value(struct from_oci *f, const char *pointer, const struct ps_name *t, size_t n, const char *name,
		   uint64_t *ret)
{
	const struct ps_name *row = ps_name_find(t, n, name);

	if (!row)
		return from_oci_fail(f, PS_E_CONFIG, pointer, "the name '%s' is unknown", name);
	*ret = row->value;
	return 0;
}

/* Order of struct policy.ns: user first, for people who read a plan from the top. */
static const uint64_t ns_order[POLICY_N_NS] = {
	CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,    CLONE_NEWNS,
	CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME,
};

const struct policy_ns *policy_ns_get(const struct policy *p, uint64_t flag)
{
	for (size_t i = 0; i < POLICY_N_NS; i++)
		if (p->ns[i].flag == flag)
			return &p->ns[i];
	return NULL;
}

static int one_namespace(struct from_oci *f, const struct spec_namespace *s)
{
	struct policy_ns *ns = f->p->ns;
	uint64_t flag = 0;

	if (from_oci_value(f, s->at, names_namespace, n_names_namespace, s->type, &flag) < 0)
		return -1;
	while (ns->flag != flag)
		ns++;
	ns->mode = has_text(s->path) ? POLICY_NS_JOIN : POLICY_NS_NEW;
	ns->path = has_text(s->path) ? s->path : NULL;
	ns->from = from_oci_at(f, s->at);
	return ns->from ? 0 : -1;
}

static int namespaces(struct from_oci *f, const struct spec_linux *s)
{
	struct policy *p = f->p;

	for (size_t i = 0; i < POLICY_N_NS; i++)
		p->ns[i] = (struct policy_ns){ .flag = ns_order[i], .from = "default#/namespaces" };
	for (size_t i = 0; i < s->n_namespaces; i++)
		if (one_namespace(f, &s->namespaces[i]) < 0)
			return -1;
	p->uid_maps = s->uid_maps;
	p->gid_maps = s->gid_maps;
	for (size_t i = 0; i < s->n_time_offsets; i++) {
		if (strcmp(s->time_offsets[i].clock, "monotonic") == 0) {
			p->monotonic.set = true;
			p->monotonic.secs = s->time_offsets[i].secs;
			p->monotonic.nanosecs = s->time_offsets[i].nanosecs;
		} else {
			p->boottime.set = true;
			p->boottime.secs = s->time_offsets[i].secs;
			p->boottime.nanosecs = s->time_offsets[i].nanosecs;
		}
	}
	return 0;
}

/* An annotation of ours that has one value: 1 it has it, 0 there is none. */
static int annotation(struct from_oci *f, const struct spec *s, const char *key, const char *only)
{
	const char *value = spec_annotation(s, key);
	char at[64];

	if (!value || !strcmp(value, only))
		return value != NULL;
	(void)snprintf(at, sizeof(at), "/annotations/%s", key);
	return from_oci_fail(f, PS_E_CONFIG, at, "'%s' must be \"%s\"", value, only);
}

/* Path and annotation have to say so both: what an engine has unpacked is not left out by a word of somebody's. */
static int rootfs_path(struct from_oci *f, const struct spec *s)
{
	struct policy *p = f->p;
	int tmpfs = 0;

	if (!s->root.set || !has_text(s->root.path))
		return from_oci_fail(f, PS_E_CONFIG, "/root/path", "a container needs a root file system");
	if (!strcmp(s->root.path, "tmpfs"))
		tmpfs = annotation(f, s, POLICY_ROOTFS_ANNOTATION, "tmpfs");
	p->rootfs.from = from_oci_at(f, "/root");
	if (tmpfs)
		return tmpfs < 0 || !p->rootfs.from ? -1 : 0;
	p->rootfs.path = from_oci_below_bundle(f, s->root.path);
	if (p->rootfs.path)
		p->rootfs.path = from_oci_clean(f, "/root/path", p->rootfs.path);
	return p->rootfs.path && p->rootfs.from ? 0 : -1;
}

static int rootfs(struct from_oci *f, const struct spec *s)
{
	const char *propagation = s->linux_.rootfs_propagation;
	struct policy *p = f->p;

	p->rootfs.readonly = s->root.readonly;
	if (has_text(propagation) &&
	    from_oci_value(f, "/linux/rootfsPropagation", names_propagation, n_names_propagation, propagation,
			   &p->rootfs.propagation) < 0)
		return -1;
	return rootfs_path(f, s);
}

static bool is_listed(const struct policy_path *rows, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].path, path) == 0)
			return true;
	return false;
}

/* What is listed twice is covered once. */
static int paths(struct from_oci *f, const char *pointer, const struct spec_strs *s, const struct policy_path **ret,
		 size_t *ret_n)
{
	struct policy_path *rows = from_oci_rows(f, s->n, sizeof(*rows));
	size_t n = 0;
	char at[64];

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		(void)snprintf(at, sizeof(at), "%s/%zu", pointer, i);
		rows[n].from = from_oci_at(f, at);
		rows[n].path = rows[n].from ? from_oci_clean(f, at, s->v[i]) : NULL;
		if (!rows[n].path)
			return -1;
		n += !is_listed(rows, n, rows[n].path);
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

static int hooks(struct from_oci *f, const struct spec_hooks *s, struct policy_hooks *ret)
{
	struct policy_hook *rows = from_oci_rows(f, s->n, sizeof(*rows));

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct spec_hook *h = &s->v[i];

		rows[i] = (struct policy_hook){
			.from = from_oci_at(f, h->at), .path = h->path, .args = h->args, .env = h->env,
			.has_env = h->has_env, .timeout = h->timeout.set ? h->timeout.v : 0,
		};
		if (!rows[i].from)
			return -1;
	}
	*ret = (struct policy_hooks){ rows, s->n };
	return 0;
}

static int all_hooks(struct from_oci *f, const struct spec *s)
{
	const struct { const struct spec_hooks *in; struct policy_hooks *out; } lists[] = {
		{ &s->hooks.prestart, &f->p->hooks.prestart },
		{ &s->hooks.create_runtime, &f->p->hooks.create_runtime },
		{ &s->hooks.create_container, &f->p->hooks.create_container },
		{ &s->hooks.start_container, &f->p->hooks.start_container },
		{ &s->hooks.poststart, &f->p->hooks.poststart },
		{ &s->hooks.poststop, &f->p->hooks.poststop },
	};

	for (size_t i = 0; i < PS_COUNT(lists); i++)
		if (lists[i].in->n && hooks(f, lists[i].in, lists[i].out) < 0)
			return -1;
	return 0;
}

static int personality_of(struct from_oci *f, const struct spec_linux *s)
{
	uint64_t domain = 0;

	if (!s->personality.set)
		return 0;
	if (from_oci_value(f, "/linux/personality/domain", names_personality, n_names_personality,
			   s->personality.domain, &domain) < 0)
		return -1;
	f->p->process.personality.set = true;
	f->p->process.personality.v = (uint32_t)domain;
	if (s->personality.flags.n)
		return from_oci_warn(f, "personality flags are ignored: the runtime-spec defines none");
	return 0;
}

static int sysctl(struct from_oci *f, const struct spec_kvs *s)
{
	struct spec_kv *rows = from_oci_rows(f, s->n, sizeof(*rows));
	char path[PATH_MAX];

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (sysctl_path(s->v[i].key, path, sizeof(path)) < 0)
			return from_oci_fail(f, PS_E_CONFIG, s->v[i].at, "'%s' is not a sysctl name", s->v[i].key);
		rows[i] = (struct spec_kv){ .key = text_or_fail(f, ps_arena_strdup(f->arena, path)),
					    .value = s->v[i].value, .at = from_oci_at(f, s->v[i].at) };
		if (!rows[i].key || !rows[i].at)
			return -1;
	}
	f->p->sysctl = rows;
	f->p->n_sysctl = s->n;
	return 0;
}

static int net_devices(struct from_oci *f, const struct spec_linux *s)
{
	struct policy_net_device *rows = from_oci_rows(f, s->n_net_devices, sizeof(*rows));

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n_net_devices; i++) {
		const struct spec_net_device *d = &s->net_devices[i];

		rows[i] = (struct policy_net_device){ .from = from_oci_at(f, d->at), .host_name = d->host_name,
						      .name = has_text(d->name) ? d->name : d->host_name };
		if (!rows[i].from)
			return -1;
	}
	f->p->net_devices = rows;
	f->p->n_net_devices = s->n_net_devices;
	return 0;
}

static int linux_part(struct from_oci *f, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	struct policy *p = f->p;

	if (namespaces(f, l) < 0 || net_devices(f, l) < 0 || personality_of(f, l) < 0 ||
	    paths(f, "/linux/maskedPaths", &l->masked_paths, &p->masked, &p->n_masked) < 0 ||
	    paths(f, "/linux/readonlyPaths", &l->readonly_paths, &p->readonly, &p->n_readonly) < 0)
		return -1;
	p->cgroups_path = has_text(l->cgroups_path) ? l->cgroups_path : NULL;
	return sysctl(f, &l->sysctl);
}

int policy_from_oci(struct ps_arena *a, const struct spec *s, const char *bundle, const struct policy **ret,
		    struct ps_err *e)
{
	struct from_oci f = { .arena = a, .file = s->file, .bundle = bundle, .e = e };

	f.p = from_oci_rows(&f, 1, sizeof(*f.p));
	if (!f.p)
		return -1;
	f.p->file = s->file;
	f.p->bundle = bundle;
	f.p->hostname = has_text(s->hostname) ? s->hostname : NULL;
	f.p->domainname = has_text(s->domainname) ? s->domainname : NULL;
	f.p->has_process = s->process.set;
	int reaper = annotation(&f, s, POLICY_REAPER_ANNOTATION, "1");

	f.p->reaper = reaper > 0;
	if (reaper < 0 || from_oci_annotations(&f, s) < 0 || rootfs(&f, s) < 0 || linux_part(&f, s) < 0 || from_oci_mounts(&f, s) < 0 ||
	    from_oci_devices(&f, s) < 0 || from_oci_resources(&f, &s->linux_.resources) < 0 ||
	    from_oci_rdt(&f, &s->linux_) < 0 || from_oci_memory_policy(&f, &s->linux_) < 0 || from_oci_seccomp(&f, &s->linux_.seccomp) < 0 || all_hooks(&f, s) < 0)
		return -1;
	if (s->process.set && (from_oci_process(&f, "/process", &s->process, &f.p->process) < 0 ||
			       from_oci_schedule(&f, "/process", &s->process, /* exec= */ false, &f.p->process) < 0))
		return -1;
	*ret = f.p;
	return 0;
}

int policy_process_from_oci(struct ps_arena *a, const char *file, const struct spec_process *p,
			    const struct policy *container, const struct policy **ret, struct ps_err *e)
{
	struct from_oci f = { .arena = a, .file = file ? file : container->file, .bundle = container->bundle, .e = e };
	const char *pointer = file ? "" : "/process";

	f.p = from_oci_rows(&f, 1, sizeof(*f.p));
	if (!f.p)
		return -1;
	*f.p = *container;
	f.p->has_process = true;
	f.p->warnings = (struct spec_strs){ .v = NULL };
	f.p->process = (struct policy_process){ .personality.set = container->process.personality.set,
						.personality.v = container->process.personality.v };
	if (from_oci_process(&f, pointer, p, &f.p->process) < 0 ||
	    from_oci_schedule(&f, pointer, p, /* exec= */ true, &f.p->process) < 0)
		return -1;
	*ret = f.p;
	return 0;
}
