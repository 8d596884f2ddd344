/* SPDX-License-Identifier: Apache-2.0
 * idmap.h - user namespaces for id-mapped mounts; private to this folder.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

struct idmap {
	const struct plan_id_map *uid, *gid;
	uint32_t n_uid, n_gid;
};

/* A fd of a new user namespace with these maps.  Its one process is gone when this returns. */
int idmap_userns(const struct idmap *m, struct ps_err *e);
