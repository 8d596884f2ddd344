/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_refused.c - what config.json may ask for and this version does not apply: refused by name, never dropped.
 *
 * A field that is present but asks for nothing ("netDevices": {}, an empty label) passes: callers write such fields.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/policy/policy_oci.h"

struct refused {
	bool asked;
	const char *pointer, *what;
};

static int refuse(struct from_oci *f, const char *prefix, const struct refused *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].asked)
			continue;
		ps_fail(f->e, PS_E_UNSUPP, "%s: not supported by this version", rows[i].what);
		return ps_at(f->e, "%s: %s%s", f->file, prefix, rows[i].pointer);
	}
	return 0;
}

int refused_in_process(struct from_oci *f, const char *pointer, const struct spec_process *s)
{
	bool confined = has_text(s->apparmor_profile) && strcmp(s->apparmor_profile, "unconfined") != 0;
	const struct refused rows[] = {
		{ confined, "/apparmorProfile", "an AppArmor profile" },
		{ has_text(s->selinux_label), "/selinuxLabel", "an SELinux label" },
	};

	return refuse(f, pointer, rows, PS_COUNT(rows));
}

int refused_in_spec(struct from_oci *f, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	bool rdt = l->intel_rdt.set && (has_text(l->intel_rdt.clos_id) || has_text(l->intel_rdt.l3_cache_schema) ||
					has_text(l->intel_rdt.mem_bw_schema) || l->intel_rdt.schemata.n ||
					l->intel_rdt.enable_monitoring);
	const struct refused rows[] = {
		{ rdt, "/intelRdt", "Intel RDT" },
		{ has_text(l->mount_label), "/mountLabel", "an SELinux mount label" },
	};

	return refuse(f, "/linux", rows, PS_COUNT(rows));
}
