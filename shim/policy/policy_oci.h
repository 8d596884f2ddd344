/* SPDX-License-Identifier: Apache-2.0
 * policy_oci.h - private to shim/policy: what the translators of config.json's parts share.
 */
#pragma once
#include "base/table.h"
#include "shim/policy/policy.h"

/* One translation.  `file` and `bundle` outlive it; everything made goes to `arena`. */
struct from_oci {
	struct ps_arena *arena;
	const char *file, *bundle;
	struct policy *p;
	const struct spec_kv *receiver; /* the annotation that names a seccomp agent; NULL */
	struct ps_err *e;
};

/* n zeroed objects of `size` (one more than asked for, so that lists end in a null row), or NULL with the error set. */
void *from_oci_rows(struct from_oci *f, size_t n, size_t size);
/* "config.json#/mounts/3", or NULL with the error set. */
const char *from_oci_at(struct from_oci *f, const char *pointer);
/* The value of a name of the document, which spec_check() has found in the same table. */
int from_oci_value(struct from_oci *f, const char *pointer, const struct ps_name *t, size_t n, const char *name,
		   uint64_t *ret);
/* Append a warning to the policy. */
int from_oci_warn(struct from_oci *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Lexically clean `path` ("/" in front) into the arena; PS_E_CONFIG at `pointer` when it is too long. */
const char *from_oci_clean(struct from_oci *f, const char *pointer, const char *path);
/* `path`, made absolute by the bundle. */
const char *from_oci_below_bundle(struct from_oci *f, const char *path);
/* Raise `cls` at "FILE: POINTER"; -1. */
#define from_oci_fail(f, cls, pointer, ...) (ps_fail((f)->e, (cls), __VA_ARGS__), from_oci_where((f), (pointer)))
static inline int from_oci_where(const struct from_oci *f, const char *pointer)
{
	(void)ps_at(f->e, "%s: %s", f->file, pointer);
	return -1;
}

/* Before the parts, which ask what they said. */
int from_oci_annotations(struct from_oci *f, const struct spec *s);
int from_oci_mounts(struct from_oci *f, const struct spec *s);
/* `pointer`: where `s` is in its file, "" for a file of its own. */
int from_oci_process(struct from_oci *f, const char *pointer, const struct spec_process *s, struct policy_process *out);
/* Its scheduler and I/O priority, of exec the CPUs, too. */
int from_oci_schedule(struct from_oci *f, const char *pointer, const struct spec_process *s, bool exec, struct policy_process *out);
int from_oci_memory_policy(struct from_oci *f, const struct spec_linux *s);
int from_oci_rdt(struct from_oci *f, const struct spec_linux *s);
int from_oci_devices(struct from_oci *f, const struct spec *s);
int from_oci_device_rules(struct from_oci *f, const struct spec_resources *s);
int from_oci_resources(struct from_oci *f, const struct spec_resources *s);
int from_oci_seccomp(struct from_oci *f, const struct spec_seccomp *s);


static inline bool has_text(const char *s)
{
	return s && *s;
}
