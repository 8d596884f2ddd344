/* SPDX-License-Identifier: Apache-2.0
 * shm.h - shared memory: sealed memfds (rights come from seals, one memfd per writer) and named POSIX segments.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* Names of podshim's segments: "/podshim-" and 12 random hex characters (at most 30 characters in all). */
enum { SHM_NAME_MAX = 30 };
#define SHM_PREFIX "/podshim-"

/* A memfd (MFD_CLOEXEC|MFD_ALLOW_SEALING, MFD_EXEC or MFD_NOEXEC_SEAL since 6.3) holding data[0..n), sealed
 * WRITE|SHRINK|GROW|SEAL.  `exec`: it will be executed.  Returns the fd. */
int shm_sealed_copy(const char *name, const void *data, size_t n, bool exec, struct ps_err *e);
/* The same of several pieces, one behind the other. */
struct shm_part {
	const void *data;
	size_t n;
};
int shm_sealed_parts(const char *name, const struct shm_part *parts, size_t n_parts, bool exec, struct ps_err *e);
/* A fresh random name into out. */
int shm_random_name(char out[SHM_NAME_MAX + 1], struct ps_err *e);
/* Create a named segment: O_EXCL, 0600, size bytes (posix_fallocate'd, so that a full /dev/shm is an error here and not a SIGBUS later). */
int shm_create(const char *name, size_t size, struct ps_err *e);
/* Let one group read a segment of ours: chgrp, then 0640. */
int shm_share(const char *name, gid_t gid, struct ps_err *e);
/* shm_open_checked: whoever owns it, for readers that trust nothing in it. */
#define SHM_ANY_UID ((uid_t)-1)
/* Open an existing one and check by fstat: regular file, owned by uid, no rights for others, at most read for the group
 * (which only the owner can grant), size >= min.  ret_size may be NULL.
 * PS_E_DENIED when it is somebody else's, PS_E_NOTFOUND when there is none, PS_E_PEER when it is too small. */
int shm_open_checked(const char *name, int flags, uid_t uid, size_t min_size, size_t *ret_size, struct ps_err *e);
/* shm_unlink; a missing segment is success. */
int shm_remove(const char *name, struct ps_err *e);
/* Call fn for each podshim segment in /dev/shm; fn's non-zero return ends the walk and is returned. */
int shm_each(int (*fn)(const char *name, void *ctx), void *ctx, struct ps_err *e);
