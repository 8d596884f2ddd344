/* SPDX-License-Identifier: Apache-2.0
 * builder.h - private to shim/plan: a plan under construction.
 *
 * The block grows in one buffer: offsets are positions in it, and the head is written last.  Appending may move the
 * buffer, so rows are filled through build_set() or collected apart and appended by build_flush().  Running out of
 * memory shows once, at the end.
 */
#pragma once
#include <limits.h>
#include "shim/plan/compile.h"

enum { BUILD_MAX_CGROUPS = sizeof(((struct host *)NULL)->cgroups) / sizeof(struct host_cgroup) };

/* Rows of a list whose length is not known before all of it was seen. */
struct build_rows {
	struct ps_buf buf;
	uint32_t n;
};

struct builder {
	const struct policy *p;
	const struct host *h;
	const struct plan_request *r;
	struct ps_buf *out;
	struct plan plan;
	struct build_rows fds, ns_joins, cgroup_files, unit_properties;
	char unit_path[PATH_MAX];                      /* of the unit's cgroup, in every hierarchy */
	struct plan_cgroup cgroups[BUILD_MAX_CGROUPS]; /* row i is host hierarchy i */
	unsigned n_cgroups;
	struct ps_err *e;
};

/* Start a block in out (emptied) / release what build_finish() did not hand over. */
void build_init(struct builder *b, const struct policy *p, const struct host *h, const struct plan_request *r,
		struct ps_buf *out, struct ps_err *e);
void build_done(struct builder *b);
/* Append the collected rows and write the head. */
int build_finish(struct builder *b);
/* Write the head of a block that is complete; id is for messages. */
int build_close(struct builder *b, const char *id);

/* Where the next rows may begin. */
plan_off build_align(struct builder *b);
/* Text into the block; 0 for NULL. */
plan_off build_str(struct builder *b, const char *s);
plan_off build_fmt(struct builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* n zeroed rows, to be filled by build_set(). */
struct plan_list build_reserve(struct builder *b, size_t n, size_t size);
void build_set(struct builder *b, struct plan_list l, size_t i, const void *row, size_t size);
/* A list from an array as it is. */
struct plan_list build_copy(struct builder *b, const void *rows, size_t n, size_t size);
struct plan_list build_strs(struct builder *b, const struct spec_strs *s);
struct plan_list build_id_maps(struct builder *b, const struct spec_id_maps *m);
/* Collect a row; its index. */
uint32_t build_push(struct build_rows *rows, const void *row, size_t size);
/* Collect a host object; its index. */
uint32_t build_fd(struct builder *b, const struct plan_fd *fd);

/* The beginning of what hooks get on stdin. */
void build_hook_head(struct builder *b, const char *id);
/* The document that hooks and agents are given, but for what is known later; once a plan. */
void build_hook_state(struct builder *b);

/* Raise `cls` at "FILE: POINTER" where `from` is the provenance "FILE#POINTER"; -1. */
#define build_fail(b, cls, from, ...) (ps_fail((b)->e, (cls), __VA_ARGS__), build_at((b), (from)))
int build_at(const struct builder *b, const char *from);
/* The same for a place in the policy's own document. */
#define build_fail_at(b, cls, pointer, ...) (ps_fail((b)->e, (cls), __VA_ARGS__), build_where((b), (pointer)))
static inline int build_where(const struct builder *b, const char *pointer)
{
	(void)ps_at(b->e, "%s: %s", b->p->file, pointer);
	return -1;
}

static inline bool build_has_ns(const struct builder *b, uint64_t flag)
{
	return policy_ns_get(b->p, flag)->mode != POLICY_NS_HOST;
}

/* The parts, in the order in which plan_compile() needs them. */
int build_namespaces(struct builder *b);
int build_cgroups(struct builder *b);
int build_cgroup_limits(struct builder *b);
/* The unit whose cgroup it is, with PLAN_CGROUP_SYSTEMD: its name and place; what it is told. */
int build_unit(struct builder *b);
int build_unit_properties(struct builder *b);
int build_unit_update(struct builder *b);
/* exec: the unit that it is moved into. */
int build_attach(struct builder *b);
int build_device_rules(struct builder *b);
/* Of a container that exists: its own directories; device rules as rows, whichever version. */
int build_cgroups_at(struct builder *b, const char *const *dirs, unsigned n);
int build_device_update(struct builder *b);
int build_mounts(struct builder *b);
int build_devices(struct builder *b);
int build_process(struct builder *b);
int build_seccomp(struct builder *b);
/* Behind hooks and guard, which have processes of their own. */
int build_schedule(struct builder *b);
int build_rebinds(struct builder *b);
int build_confinement(struct builder *b);
int build_hooks(struct builder *b);

/* The program of a policy, ready to load. */
int build_program(struct builder *b, const struct policy_seccomp *s, struct plan_list *ret);

/* The container's directory in a host hierarchy; our own where the container gets none (PLAN_CGROUP_DISABLED). */
int build_cgroup_dir(const struct builder *b, unsigned hierarchy, char out[PATH_MAX]);
/* Where the resources are in the policy's document: "/linux/resources". */
static inline const char *build_resources_at(const struct builder *b)
{
	return b->p->resources.under ? b->p->resources.under : "/linux/resources";
}
/* Index of the container's cgroup whose hierarchy has `controller` (version 1 before 2), or -1. */
int build_find_cgroup(const struct builder *b, const char *controller);
/* "memory" in "cpu,memory" or "cpu memory". */
bool build_has_item(const char *list, const char *item);
/* cpu.shares (version 1) to cpu.weight: 2 -> 1, 1024 -> 100, 262144 -> 10000. */
uint64_t build_cpu_weight(uint64_t shares);
