/* SPDX-License-Identifier: Apache-2.0
 * spec_rules_linux.c - the rules about namespaces, and what needs one, and the other members of linux.
 */
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/scope.h"
#include "oci/names.h"
#include "oci/spec_rules.h"

/* ---- namespaces ---- */

static int check_namespaces(const struct rule_ctx *c)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < c->s->linux_.n_namespaces; i++) {
		const struct spec_namespace *ns = &c->s->linux_.namespaces[i];
		const struct ps_name *row = ps_name_find(names_namespace, n_names_namespace, ns->type);
		if (!row)
			return rule_fail(c, RULE_AT("%s/type", ns->at), "unknown namespace type '%s'", ns->type);
		if (seen & row->value)
			return rule_fail(c, RULE_AT("%s/type", ns->at), "namespace '%s' is listed twice", ns->type);
		seen |= row->value;
		if (ns->path && RULE_ABSOLUTE(c, ns->path, RULE_AT("%s/path", ns->at)) < 0)
			return -1;
	}
	return 0;
}

static int check_mappings(const struct rule_ctx *c)
{
	const struct spec_namespace *user = rule_namespace(c, "user");
	size_t n_uid = c->s->linux_.uid_maps.n, n_gid = c->s->linux_.gid_maps.n;

	if (!user && (n_uid || n_gid))
		return rule_fail(c, n_uid ? "/linux/uidMappings" : "/linux/gidMappings",
				 "user namespace mappings specified, but user namespace isn't enabled in the config");
	if (user && !user->path && (!n_uid || !n_gid))
		return rule_fail(c, user->at, "a new user namespace needs uidMappings and gidMappings");
	return 0;
}

static int check_mapping_ranges(const struct rule_ctx *c)
{
	if (rule_id_maps(c, &c->s->linux_.uid_maps, "/linux/uidMappings") < 0)
		return -1;
	return rule_id_maps(c, &c->s->linux_.gid_maps, "/linux/gidMappings");
}

static int check_uts(const struct rule_ctx *c)
{
	if (rule_namespace(c, "uts"))
		return 0;
	if (c->s->hostname)
		return rule_fail(c, "/hostname", "unable to set hostname without a private UTS namespace");
	if (c->s->domainname)
		return rule_fail(c, "/domainname", "unable to set domainname without a private UTS namespace");
	return 0;
}

static int check_time(const struct rule_ctx *c)
{
	const struct spec_namespace *ns = rule_namespace(c, "time");

	if (c->s->linux_.n_time_offsets == 0)
		return 0;
	if (!ns)
		return rule_fail(c, "/linux/timeOffsets",
				 "time namespace offsets specified, but time namespace isn't enabled in the config");
	if (ns->path)
		return rule_fail(c, "/linux/timeOffsets", "the offsets of a joined time namespace cannot be set");
	for (size_t i = 0; i < c->s->linux_.n_time_offsets; i++)
		if (RULE_KNOWN(c, names_time_clock, c->s->linux_.time_offsets[i].clock, "clock",
			       "/linux/timeOffsets") < 0)
			return -1;
	return 0;
}

/* As the kernel's dev_valid_name(). */
static bool is_device_name(const char *name)
{
	size_t n = strcspn(name, "/: \t\n\v\f\r");

	return n > 0 && n < IFNAMSIZ && !name[n] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int check_net_devices(const struct rule_ctx *c)
{
	if (c->s->linux_.n_net_devices && !rule_namespace(c, "network"))
		return rule_fail(c, "/linux/netDevices", "unable to move network devices without a NET namespace");
	for (size_t i = 0; i < c->s->linux_.n_net_devices; i++) {
		const struct spec_net_device *d = &c->s->linux_.net_devices[i];
		const char *bad = !is_device_name(d->host_name) ? d->host_name :
				  d->name && !is_device_name(d->name) ? d->name : NULL;
		if (bad)
			return rule_fail(c, d->at, "invalid network device name '%s'", bad);
	}
	return 0;
}

/* ---- paths ---- */

static int check_path_list(const struct rule_ctx *c, const struct spec_strs *list, const char *at)
{
	if (list->n && !rule_namespace(c, "mount"))
		return rule_fail(c, at, "unable to restrict sys entries without a private MNT namespace");
	for (size_t i = 0; i < list->n; i++)
		if (RULE_ABSOLUTE(c, list->v[i], RULE_AT("%s/%zu", at, i)) < 0)
			return -1;
	return 0;
}

static int check_restricted_paths(const struct rule_ctx *c)
{
	if (check_path_list(c, &c->s->linux_.masked_paths, "/linux/maskedPaths") < 0)
		return -1;
	return check_path_list(c, &c->s->linux_.readonly_paths, "/linux/readonlyPaths");
}

static int check_cgroups_path(const struct rule_ctx *c)
{
	const char *path = c->s->linux_.cgroups_path;

	for (const char *p = path; p && *p; p += strcspn(p, "/"), p += *p == '/')
		if (!strncmp(p, "..", 2) && (p[2] == '/' || !p[2]))
			return rule_fail(c, "/linux/cgroupsPath", "must not contain '..': '%s'", path);
	return 0;
}

/* ---- sysctl ---- */

/* Path below /proc/sys (a trailing '/' makes it a prefix), namespace type that owns it. */
static const struct {
	const char *path, *namespace;
} sysctls[] = {
	{ "fs/mqueue/", "ipc" },
	{ "kernel/domainname", "uts" },
	{ "kernel/msg_next_id", "ipc" },
	{ "kernel/msgmax", "ipc" },
	{ "kernel/msgmnb", "ipc" },
	{ "kernel/msgmni", "ipc" },
	{ "kernel/sem", "ipc" },
	{ "kernel/sem_next_id", "ipc" },
	{ "kernel/shm_next_id", "ipc" },
	{ "kernel/shm_rmid_forced", "ipc" },
	{ "kernel/shmall", "ipc" },
	{ "kernel/shmmax", "ipc" },
	{ "kernel/shmmni", "ipc" },
	{ "net/", "network" },
	{ "user/", "user" },
};

static const char *sysctl_namespace(const char *path)
{
	for (size_t i = 0; i < PS_COUNT(sysctls); i++) {
		size_t n = strlen(sysctls[i].path);
		if (sysctls[i].path[n - 1] == '/' ? !strncmp(path, sysctls[i].path, n) : !strcmp(path, sysctls[i].path))
			return sysctls[i].namespace;
	}
	return NULL;
}

static int check_sysctl(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.sysctl.n; i++) {
		const struct spec_kv *kv = &c->s->linux_.sysctl.v[i];
		char path[256];
		if (sysctl_path(kv->key, path, sizeof(path)) < 0)
			return rule_fail(c, kv->at, "'%s' is not a sysctl name", kv->key);
		if (!strcmp(path, "kernel/hostname") || (!strcmp(path, "kernel/domainname") && c->s->domainname))
			return rule_fail(c, kv->at,
					 "sysctl '%s' is not allowed as it conflicts with the OCI '%s' field", kv->key,
					 path + strlen("kernel/"));
		const char *ns = sysctl_namespace(path);
		if (!ns)
			return rule_fail(c, kv->at, "sysctl '%s' is not in a separate kernel namespace", kv->key);
		if (!rule_namespace(c, ns))
			return rule_fail(c, kv->at, "sysctl '%s' is not allowed in the host's %s namespace", kv->key,
					 ns);
	}
	return 0;
}

/* ---- devices ---- */

static int check_device(const struct rule_ctx *c, const struct spec_device *d)
{
	enum { MAX_MAJOR = 0xfff, MAX_MINOR = 0xfffff }; /* mknod(2)'s 32-bit dev_t */

	if (RULE_ABSOLUTE(c, d->path, RULE_AT("%s/path", d->at)) < 0)
		return -1;
	if (strlen(d->type) != 1 || !strchr("cbup", *d->type))
		return rule_fail(c, RULE_AT("%s/type", d->at), "must be 'c', 'b', 'u' or 'p', not '%s'", d->type);
	if (*d->type == 'p')
		return 0;
	if (d->major < 0 || d->major > MAX_MAJOR)
		return rule_fail(c, RULE_AT("%s/major", d->at), "must be 0 to %d, not %" PRId64, MAX_MAJOR, d->major);
	if (d->minor < 0 || d->minor > MAX_MINOR)
		return rule_fail(c, RULE_AT("%s/minor", d->at), "must be 0 to %d, not %" PRId64, MAX_MINOR, d->minor);
	return 0;
}

static int check_devices(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->linux_.n_devices; i++)
		if (check_device(c, &c->s->linux_.devices[i]) < 0)
			return -1;
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct spec_device *const *x = a, *const *y = b;
	int order = strcmp((*x)->path, (*y)->path);

	return order ? order : (*x > *y) - (*x < *y);
}

static int check_device_paths(const struct rule_ctx *c)
{
	size_t n = c->s->linux_.n_devices;
	ps_auto_mem const struct spec_device **sorted = NULL;

	if (n < 2)
		return 0;
	sorted = reallocarray(NULL, n, sizeof(*sorted));
	if (!sorted)
		return ps_fail_os(c->e, "check the devices of '%s'", c->s->file);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &c->s->linux_.devices[i];
	qsort(sorted, n, sizeof(*sorted), compare_devices);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->path, sorted[i]->path))
			return rule_fail(c, RULE_AT("%s/path", sorted[i]->at), "device '%s' is listed twice",
					 sorted[i]->path);
	return 0;
}

/* ---- the rest ---- */

static int check_rootfs_propagation(const struct rule_ctx *c)
{
	const char *name = c->s->linux_.rootfs_propagation;

	return name ? RULE_KNOWN(c, names_propagation, name, "propagation", "/linux/rootfsPropagation") : 0;
}

static int check_personality(const struct rule_ctx *c)
{
	const struct spec_linux *l = &c->s->linux_;

	if (!l->personality.set)
		return 0;
	if (l->personality.flags.n)
		return rule_fail(c, "/linux/personality/flags/0", "unknown personality flag '%s'",
				 l->personality.flags.v[0]);
	return RULE_KNOWN(c, names_personality, l->personality.domain, "personality domain",
			  "/linux/personality/domain");
}

static int check_clos(const struct rule_ctx *c)
{
	const char *id = c->s->linux_.intel_rdt.clos_id;

	if (id && (!strcmp(id, ".") || !strcmp(id, "..") || (strchr(id, '/') && id[1])))
		return rule_fail(c, "/linux/intelRdt/closID", "invalid closID '%s'", id);
	return 0;
}

static int check_memory_policy_names(const struct rule_ctx *c)
{
	const struct spec_linux *l = &c->s->linux_;

	if (!l->memory_policy.set)
		return 0;
	const char *mode = l->memory_policy.mode;

	if (!mode)
		return rule_fail(c, "/linux/memoryPolicy/mode", "invalid memory policy mode: it is required, but missing");
	if (!ps_name_find(names_mempolicy_mode, n_names_mempolicy_mode, mode))
		return rule_fail(c, "/linux/memoryPolicy/mode", "invalid memory policy mode '%s'", mode);
	for (size_t i = 0; i < l->memory_policy.flags.n; i++)
		if (!ps_name_find(names_mempolicy_flag, n_names_mempolicy_flag, l->memory_policy.flags.v[i]))
			return rule_fail(c, RULE_AT("/linux/memoryPolicy/flags/%zu", i), "invalid memory policy flag '%s'",
					 l->memory_policy.flags.v[i]);
	return 0;
}

static int check_memory_policy_nodes(const struct rule_ctx *c)
{
	const char *mode = c->s->linux_.memory_policy.mode, *nodes = c->s->linux_.memory_policy.nodes;
	const char *at = "/linux/memoryPolicy/nodes";

	if (!c->s->linux_.memory_policy.set)
		return 0;
	bool none = !strcmp(mode, "MPOL_DEFAULT") || !strcmp(mode, "MPOL_LOCAL");
	if (!none && !nodes && strcmp(mode, "MPOL_PREFERRED") != 0)
		return rule_fail(c, at, "mode '%s' needs at least one node", mode);
	if (!nodes)
		return 0;
	uint64_t bits[NAMES_MAX_NODES / 64];
	int n = 0;

	if (ps_parse_bits(nodes, bits, NAMES_MAX_NODES) < 0)
		return rule_fail(c, at, "invalid memory policy nodes '%s': must be a list of nodes such as '0-1,3'", nodes);
	for (size_t i = 0; i < PS_COUNT(bits); i++)
		n += __builtin_popcountll(bits[i]);
	return none && n ? rule_fail(c, at, "%s: mode requires 0 nodes but got %d", mode, n) : 0;
}

static const struct rule linux_rules[] = {
	{ "namespaces are known, unique and absolute", check_namespaces },
	{ "id mappings go with a user namespace", check_mappings },
	{ "id ranges are sound", check_mapping_ranges },
	{ "host and domain name need a uts namespace", check_uts },
	{ "time offsets need a new time namespace", check_time },
	{ "network devices need a network namespace and valid names", check_net_devices },
	{ "masked and readonly paths are absolute and need a mount namespace", check_restricted_paths },
	{ "cgroupsPath does not climb", check_cgroups_path },
	{ "sysctls are in a namespace of the container", check_sysctl },
	{ "devices are well-formed", check_devices },
	{ "device paths are unique", check_device_paths },
	{ "rootfs propagation is known", check_rootfs_propagation },
	{ "personality is known", check_personality },
	{ "closID is a name", check_clos },
	{ "memory policy mode and flags are known", check_memory_policy_names },
	{ "memory policy nodes fit the mode", check_memory_policy_nodes },
};
const struct rules rules_linux = RULES(linux_rules);
