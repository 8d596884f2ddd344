/* SPDX-License-Identifier: Apache-2.0
 * idmap.h - id maps of user namespaces, and namespaces that exist for nothing else; private to this folder.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

struct idmap {
	const struct plan_id_map *uid, *gid;
	uint32_t n_uid, n_gid;
	const char *file;            /* the document whose /linux/uidMappings and gidMappings they are; NULL: nobody's */
};

/*
 * Write the maps of pid, whose user namespace was just made, and setgroups where the kernel wants it.  Directly as root, or for
 * our own id alone; else by newuidmap(1) and newgidmap(1), found in PATH.  pid is a child that the caller has not reaped.
 */
int idmap_write(pid_t pid, const struct idmap *m, struct ps_err *e);
/* A fd of a new user namespace with these maps.  Its one process is gone when this returns. */
int idmap_userns(const struct idmap *m, struct ps_err *e);

/* The same in steps: a child that has made itself a user namespace (errno is unshare(2)'s on failure); its maps and a fd of it. */
struct idmap_keeper {
	pid_t pid;
	int sock;
};
int idmap_keep(struct idmap_keeper *ret, struct ps_err *e);
int idmap_open(const struct idmap_keeper *k, const struct idmap *m, struct ps_err *e);
/* The child ends; errno stays. */
void idmap_end(struct idmap_keeper *k);
