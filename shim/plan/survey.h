/* SPDX-License-Identifier: Apache-2.0
 * survey.h - host facts for whoever asks what works here: more than a launch needs to know, and slower to find out.
 */
#pragma once
#include "shim/plan/host.h"

#define SURVEY_CONTROLLERS(X) X(memory, "memory") X(pids, "pids") X(cpu, "cpu") X(cpuset, "cpuset") X(io, "blkio") X(devices, "devices") X(hugetlb, "hugetlb") X(freezer, "freezer")
enum survey_controller_no {
#define X(name, v1) SURVEY_##name,
	SURVEY_CONTROLLERS(X)
#undef X
	SURVEY_N_CONTROLLERS
};
struct survey_controller {
	int version;              /* of the hierarchy that has it; 0: none has */
	bool ours;                /* a cgroup with it can be made where ours would be */
};
struct survey_ns { const char *name; uint64_t flag; bool there; }; /* "user", CLONE_NEWUSER */
enum { SURVEY_N_NS = 8 };

struct survey {
	struct host host;         /* with what host_probe_policy() adds */
	char release[65], machine[65];
	struct survey_ns ns[SURVEY_N_NS];
	bool can_user_ns;         /* one was made, with rights in it; the caller's to try */
	char user_ns_error[256];
	/* sysctls; -1: there is none of that name */
	int64_t max_user_namespaces, unprivileged_userns_clone, apparmor_restrict_userns, yama_ptrace_scope, io_uring_disabled;
	bool newuidmap, newgidmap;
	char seccomp_actions[128];     /* "" where the kernel has none */
	char filesystems[1024];        /* " tmpfs overlay ": between blanks */
	char lsm[128];                 /* "" unknown */
	bool apparmor, selinux;
	bool proc_covered;             /* something is mounted over parts of /proc: no user namespace may mount its own */
	uint64_t caps;                 /* effective */
	uint64_t max_files;            /* RLIMIT_NOFILE, hard */
	struct survey_controller controllers[SURVEY_N_CONTROLLERS];
	char cgroup_dir[1280];         /* where cgroups would be made; "" nowhere */
};

/* Everything but can_user_ns.  Fails where host_probe() does. */
int survey_host(struct ps_arena *a, struct survey *ret, struct ps_err *e);
bool survey_has_fs(const struct survey *s, const char *type);
bool survey_has_action(const struct survey *s, const char *action);
const char *survey_controller_name(enum survey_controller_no c);
/* Parsers, for tests. */
void survey_parse_filesystems(struct survey *s, const char *proc_filesystems);
bool survey_parse_covered(const char *mountinfo);
