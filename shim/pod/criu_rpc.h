/* SPDX-License-Identifier: Apache-2.0
 * criu_rpc.h - the messages of `criu swrk`: the few protobuf fields that podshim says and hears.  Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"

/* criu_req_type: what is asked, and what an answer is about. */
enum criu_type { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_NOTIFY = 6 };

/* Fields of criu_opts: name, number.  Flags and numbers are varints, texts are bytes. */
#define CRIU_FIELDS(X)                                                                               \
	X(IMAGES_DIR_FD, 1) X(PID, 2) X(LEAVE_RUNNING, 3) X(EXT_UNIX_SK, 4) X(TCP_ESTABLISHED, 5)    \
	X(EVASIVE_DEVICES, 6) X(SHELL_JOB, 7) X(FILE_LOCKS, 8) X(LOG_LEVEL, 9) X(LOG_FILE, 10)       \
	X(PAGE_SERVER, 11) X(NOTIFY_SCRIPTS, 12) X(ROOT, 13) X(PARENT_IMG, 14) X(TRACK_MEM, 15)      \
	X(AUTO_DEDUP, 16) X(WORK_DIR_FD, 17) X(LINK_REMAP, 18) X(EXT_MNT, 23) X(MANAGE_CGROUPS, 24)  \
	X(CG_ROOT, 25) X(RST_SIBLING, 26) X(INHERIT_FD, 27) X(MANAGE_CGROUPS_MODE, 34)               \
	X(EXTERNAL, 37) X(EMPTY_NS, 38) X(JOIN_NS, 39) X(FREEZE_CGROUP, 44) X(TCP_SKIP_IN_FLIGHT, 46) \
	X(LAZY_PAGES, 48) X(STATUS_FD, 49) X(ORPHAN_PTS_MASTER, 50) X(CONFIG_FILE, 51)               \
	X(TCP_CLOSE, 52) X(LSM_PROFILE, 53) X(LSM_MOUNT_CONTEXT, 63) X(NETWORK_LOCK, 64)
enum criu_field {
#define X(sym, n) CRIU_##sym = n,
	CRIU_FIELDS(X)
#undef X
};

/* Append one field of criu_opts.  A false flag is left out: it is the default. */
void criu_put_flag(struct ps_buf *opts, enum criu_field f, bool v);
void criu_put_number(struct ps_buf *opts, enum criu_field f, int64_t v);
void criu_put_text(struct ps_buf *opts, enum criu_field f, const char *v);
/* A message of two texts: CRIU_EXT_MNT (key, value), CRIU_CG_ROOT (controller, path), CRIU_JOIN_NS (kind, file). */
void criu_put_pair(struct ps_buf *opts, enum criu_field f, const char *first, const char *second);
/* A message of a text and a number: CRIU_INHERIT_FD (key, fd), CRIU_PAGE_SERVER (address, port). */
void criu_put_text_number(struct ps_buf *opts, enum criu_field f, const char *text, int64_t number);

/* A whole criu_req: of that type with these options, or the answer to a notification. */
void criu_request(struct ps_buf *out, enum criu_type type, const struct ps_buf *opts);
void criu_acknowledge(struct ps_buf *out, bool success);

/* What criu_resp says; what it leaves out is 0, false or "". */
struct criu_reply {
	uint32_t type;               /* enum criu_type, or another one */
	bool success;
	pid_t restored;              /* CRIU_RESTORE: the first process */
	char script[32];             /* CRIU_NOTIFY: what is to be done now */
	pid_t pid;                   /* the same: the first process, once there is one; else 0 */
	int cr_errno;
	char message[160];           /* cr_errmsg, as it was sent, cut */
};
/* PS_E_PEER when the n bytes at p are no such message. */
int criu_read_reply(const void *p, size_t n, struct criu_reply *ret, struct ps_err *e);
