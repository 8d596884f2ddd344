/* SPDX-License-Identifier: Apache-2.0
 * features.c - the OCI features document, printed from the name tables.
 *
 * It says what this program does, not what it can parse: what policy refuses is not listed, or not enabled.
 */
#include <linux/seccomp.h>

#include "base/abi.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/names.h"
#include "oci/state.h"

#ifndef PODSHIM_VERSION
#define PODSHIM_VERSION "0.1.0"
#endif

static const char *const hook_names[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
};

/* Rows of a table as an array; those whose value is `without` are left out (0: none is). */
static void write_names(struct ps_jsonw *w, const char *key, const struct ps_name *t, size_t n, uint64_t without)
{
	ps_jw_array(w, key);
	for (size_t i = 0; i < n; i++)
		if (!without || t[i].value != without)
			ps_jw_str(w, NULL, t[i].name);
	ps_jw_end_array(w);
}

static void write_enabled(struct ps_jsonw *w, const char *key, bool enabled)
{
	ps_jw_object(w, key);
	ps_jw_bool(w, "enabled", enabled);
	ps_jw_end_object(w);
}

static void write_cgroup(struct ps_jsonw *w, const struct host_facts_for_features *h)
{
	ps_jw_object(w, "cgroup");
	ps_jw_bool(w, "v1", h->cgroup_v1);
	ps_jw_bool(w, "v2", h->cgroup_v2);
	ps_jw_bool(w, "systemd", true);
	ps_jw_bool(w, "systemdUser", true);
	ps_jw_bool(w, "rdma", true);
	ps_jw_end_object(w);
}

static void write_seccomp(struct ps_jsonw *w, bool enabled)
{
	ps_jw_object(w, "seccomp");
	ps_jw_bool(w, "enabled", enabled);
	if (enabled) {
		write_names(w, "actions", names_seccomp_action, n_names_seccomp_action, 0);
		write_names(w, "operators", names_seccomp_op, n_names_seccomp_op, 0);
		write_names(w, "archs", names_seccomp_arch, n_names_seccomp_arch, 0);
		write_names(w, "knownFlags", names_seccomp_flag, n_names_seccomp_flag, 0);
		write_names(w, "supportedFlags", names_seccomp_flag, n_names_seccomp_flag, 0);
	}
	ps_jw_end_object(w);
}

static void write_linux(struct ps_jsonw *w, const struct host_facts_for_features *h)
{
	ps_jw_object(w, "linux");
	write_names(w, "namespaces", names_namespace, n_names_namespace, 0);
	write_names(w, "capabilities", names_capability, n_names_capability, 0);
	write_cgroup(w, h);
	write_seccomp(w, h->seccomp);
	write_enabled(w, "apparmor", h->apparmor);
	write_enabled(w, "selinux", h->selinux);
	ps_jw_object(w, "memoryPolicy");
	write_names(w, "modes", names_mempolicy_mode, n_names_mempolicy_mode, 0);
	write_names(w, "flags", names_mempolicy_flag, n_names_mempolicy_flag, 0);
	ps_jw_end_object(w);
	ps_jw_object(w, "intelRdt");
	ps_jw_bool(w, "enabled", true);
	ps_jw_bool(w, "schemata", true);
	ps_jw_bool(w, "monitoring", true);
	ps_jw_end_object(w);
	ps_jw_object(w, "mountExtensions");
	write_enabled(w, "idmap", h->idmap);
	ps_jw_end_object(w);
	write_enabled(w, "netDevices", true);
	ps_jw_end_object(w);
}

void features_write(struct ps_buf *out, const struct host_facts_for_features *h)
{
	struct ps_jsonw w = { .out = out, .indent = 2 };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "ociVersionMin", "1.0.0");
	ps_jw_str(&w, "ociVersionMax", "1.3.0");
	ps_jw_array(&w, "hooks");
	for (size_t i = 0; i < PS_COUNT(hook_names); i++)
		ps_jw_str(&w, NULL, hook_names[i]);
	ps_jw_end_array(&w);
	ps_jw_array(&w, "mountOptions");
	for (size_t i = 0; i < n_mount_options; i++)
		ps_jw_str(&w, NULL, mount_options[i].name);
	ps_jw_end_array(&w);
	write_linux(&w, h);
	ps_jw_object(&w, "annotations");
	ps_jw_str(&w, "io.podshim.version", PODSHIM_VERSION);
	/* As the runtimes say it that engines know. */
	ps_jw_str(&w, "org.opencontainers.runc.checkpoint.enabled", "true");
	ps_jw_str(&w, "run.oci.crun.checkpoint.enabled", "true");
	if (h->libseccomp)
		ps_jw_str(&w, "io.github.seccomp.libseccomp.version", h->libseccomp);
	ps_jw_end_object(&w);
	/* What names files and sockets of the host, its groups, a unit's properties; podshim's own only narrow what a container may do. */
	ps_jw_array(&w, "potentiallyUnsafeConfigAnnotations");
	ps_jw_str(&w, NULL, "org.criu.config");
	ps_jw_str(&w, NULL, "org.systemd.property.");
	ps_jw_str(&w, NULL, "run.oci.");
	ps_jw_end_array(&w);
	ps_jw_end_object(&w);
}
