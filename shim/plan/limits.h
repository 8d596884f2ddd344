/* SPDX-License-Identifier: Apache-2.0
 * limits.h - private to shim/plan: one limit in the terms of one cgroup version.
 */
#pragma once
#include "shim/plan/builder.h"

struct limit {
	bool asked;
	const char *pointer;  /* below /linux/resources */
	const char *controller;
	const char *file;     /* NULL: that version cannot have it */
	int64_t number;       /* used without a text; below 0: no limit */
	const char *text;
	uint32_t flags;       /* PLAN_CGROUP_* */
};
/* Collect those that are asked and whose controller is on a hierarchy of `version`. */
int build_limits(struct builder *b, const struct limit *rows, size_t n, unsigned version);
/* Block I/O, huge pages, network and RDMA, of both versions. */
int build_io_limits(struct builder *b);
int build_device_limits(struct builder *b);
