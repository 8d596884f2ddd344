/* SPDX-License-Identifier: Apache-2.0
 * audit.h - accesses as events on a container's tape, and as JSON lines of a file; which of them, and when: telemetry.h.
 */
#pragma once
#include "ipc/tape.h"
#include "shim/pod/broker.h"

enum { ACCESS_COMM_MAX = 16, ACCESS_EXE_MAX = 512, AUDIT_FILE_MAX = 64 << 20 /* bytes that one container adds to a file */ };

/* The same access, one or more times. */
struct access {
	uint64_t hash, first_ns, last_ns, count; /* CLOCK_REALTIME */
	int next;                    /* telemetry.c's */
	enum policy_permission permission;
	enum policy_action result;
	char *target, *rule, *rule_from, *hint; /* malloc'd; all but target may be NULL */
	const char *action, *mech;
	int err;
	pid_t pid, tid, ppid;
	bool sound, asked;
	char comm[ACCESS_COMM_MAX + 1], exe[ACCESS_EXE_MAX];
};

struct audit;
/* pod: of a runner, or ""; id: the container's; tape may be NULL; file_fd: taken over, -1: none.  The texts and the tape must outlive it. */
int audit_new(const char *pod, const char *id, struct tape *tape, int file_fd, struct audit **ret, struct ps_err *e);
/* denied: how many were denied so far, this one included; told with what was denied. */
void audit_access(struct audit *a, const struct access *x, uint64_t denied);
/* count accesses that nothing else tells of. */
void audit_drop(struct audit *a, uint64_t count);
/* A system call that it has made for the first time: to the file alone ("kind":"call"). */
void audit_call(struct audit *a, const char *name);
bool audit_has_file(const struct audit *a);
/* Tells the file last of all how many accesses it was too full for.  Accepts NULL. */
void audit_free(struct audit *a);
