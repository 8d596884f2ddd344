/* SPDX-License-Identifier: Apache-2.0
 * object.h - which file it is that a path led to, so that another one is not taken for it later.
 *
 * A number is used again once its file is gone; who holds on to the file (a Landlock domain with a rule for it does, too)
 * keeps that from happening.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct ps_object { uint64_t dev, ino; }; /* ino 0: any */

/* What fd is open on; `any` with errno where that cannot be told. */
static inline struct ps_object ps_object_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? (struct ps_object){ 0, 0 } : (struct ps_object){ st.st_dev, st.st_ino };
}

static inline bool ps_object_is(int fd, struct ps_object wanted)
{
	const struct ps_object o = ps_object_of(fd);

	return !wanted.ino || (o.ino == wanted.ino && o.dev == wanted.dev);
}
