/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_refused.c - what config.json may ask for and this version does not apply: refused by name, never dropped.
 *
 * A field that is present but asks for nothing ("blockIO": {}, a weight of 0) passes: callers write such fields.
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

static int refused_in_resources(struct from_oci *f, const struct spec_resources *s)
{
	const __typeof__(s->block_io) *io = &s->block_io;
	const struct refused rows[] = {
		{ io->weight.set && io->weight.v, "/blockIO/weight", "a block I/O weight" },
		{ io->leaf_weight.set && io->leaf_weight.v, "/blockIO/leafWeight", "a block I/O leaf weight" },
		{ io->n_weight_devices, "/blockIO/weightDevice", "a block I/O weight per device" },
		{ io->read_bps.n, "/blockIO/throttleReadBpsDevice", "a block I/O throttle" },
		{ io->write_bps.n, "/blockIO/throttleWriteBpsDevice", "a block I/O throttle" },
		{ io->read_iops.n, "/blockIO/throttleReadIOPSDevice", "a block I/O throttle" },
		{ io->write_iops.n, "/blockIO/throttleWriteIOPSDevice", "a block I/O throttle" },
		{ s->n_hugepages, "/hugepageLimits", "a limit of huge pages" },
		{ s->network.class_id.set && s->network.class_id.v, "/network/classID", "a network class" },
		{ s->network.n_priorities, "/network/priorities", "a network priority" },
		{ s->n_rdma, "/rdma", "an RDMA limit" },
	};

	return refuse(f, "/linux/resources", rows, PS_COUNT(rows));
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

	if (refuse(f, "/linux", rows, PS_COUNT(rows)) < 0)
		return -1;
	return refused_in_resources(f, &l->resources);
}
