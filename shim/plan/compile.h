/* SPDX-License-Identifier: Apache-2.0
 * compile.h - policy and host facts to plan.  Pure: opens nothing, makes nothing.
 */
#pragma once
#include <limits.h>
#include "base/buf.h"
#include "base/err.h"
#include "shim/plan/host.h"
#include "shim/plan/plan.h"
#include "shim/policy/policy.h"

enum plan_cgroup_manager { PLAN_CGROUPFS, PLAN_CGROUP_DISABLED, PLAN_CGROUP_SYSTEMD };

/* The systemd that PLAN_CGROUP_SYSTEMD means. */
struct plan_systemd {
	bool user;                   /* the caller's own */
	char root[512];              /* its cgroup; "" at the root */
	unsigned version;            /* what it can be told: 252 */
};

struct plan_request {
	const char *id;
	enum plan_cgroup_manager cgroup_manager;
	const struct plan_systemd *systemd; /* with PLAN_CGROUP_SYSTEMD, and with unit */
	const char *attach;          /* exec: the caller's own systemd moves it into this unit; NULL: it is born in the cgroup */
	const char *unit;            /* update, with systemd: the unit that the cgroups are; NULL: none */
	bool no_pivot, no_new_keyring;
	uint32_t preserve_fds;
	uint32_t channel_fd;         /* of the payload; 0: none */
	uint32_t target_pid;         /* exec: the container's init; else 0 */
	/* Gives the loadable program for a seccomp policy (array of struct sock_filter in *out); the caller caches. */
	int (*seccomp)(void *ctx, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e);
	void *seccomp_ctx;
};

/* Compile the plan of a container.  *out is the block; plan_view() checks and returns it. */
int plan_compile(const struct policy *p, const struct host *h, const struct plan_request *r, struct ps_buf *out,
		 struct ps_err *e);
/*
 * Compile the plan of an additional process (exec) under policy p: process rows and seccomp only; ns_joins lists the
 * namespaces to enter (all of the container's that differ from ours, flags in `enter`, through one pidfd: fd index 0 is a
 * PLAN_FD_NS without path that the launcher fills with the pidfd).  cgroups lists the container's directories `dirs`.
 */
int plan_compile_exec(const struct policy *p, const struct host *h, const struct plan_request *r, uint64_t enter,
		      struct ps_buf *out, struct ps_err *e);
/*
 * Other limits for a container that exists: of p the resources only, what they are for being in the absolute directories
 * `dirs`.  device_rules are for both cgroup versions; without any the container's stay.  For cgroup_update(), and, with a unit,
 * systemd_set() before it.
 */
int plan_compile_update(const struct policy *p, const struct host *h, const struct plan_request *r, const char *const *dirs,
			unsigned n_dirs, struct ps_buf *out, struct ps_err *e);
/*
 * The plan `base` again, for container id and with another program: *out (emptied) is the block.  What is NULL or empty stays
 * as it was.  env: "NAME=VALUE", added, or in place of the same name.
 */
struct plan_program {
	const char *id, *cwd;
	struct spec_strs args;
	const char *const *env;
	size_t n_env;
	/* Landlock rules, MDWE, guard, capabilities and environment in place of the base's, never less taken away; NULL: the base's. */
	const struct policy *tighter;
	const struct host *host;              /* with tighter */
	const struct plan_request *request;   /* with tighter: who gives the guard's program */
};
int plan_relaunch(const struct plan *base, const struct plan_program *c, struct ps_buf *out, struct ps_err *e);
/*
 * Where below its mount the container's cgroup is in a hierarchy of the host: absolute as written, relative below our own or beside
 * it; without a path "/podshim/ID".  -1: too long.
 */
int plan_cgroup_place(const struct policy *p, const struct host *h, const char *id, unsigned hierarchy, char out[PATH_MAX]);
/* Check magic, version, size and that every offset and list lies inside; NULL when not. */
const struct plan *plan_view(const void *block, size_t size);

/* Compile (plan_seccomp.c): struct sock_filter array appended to out. */
int plan_seccomp_compile(const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e);
/* The exact input of plan_seccomp_compile as bytes (rules, architectures, libseccomp version, native arch): the cache's key. */
void plan_seccomp_key(const struct policy_seccomp *s, struct ps_buf *out);

/* A system call of this machine: its number (-1: no such call), its name (false: none is known). */
enum { PLAN_SECCOMP_NAME_MAX = 40 };
int plan_seccomp_number(const char *name);
bool plan_seccomp_name(int nr, char out[PLAN_SECCOMP_NAME_MAX]);

/*
 * Print: text for people, JSON for machines and golden tests (stable order, no addresses).  s: the rules behind the plan's
 * system call filter, summed up in text and whole in JSON; NULL: without them.
 */
void plan_print_text(const struct plan *p, const struct policy_seccomp *s, struct ps_buf *out);
void plan_print_json(const struct plan *p, const struct policy_seccomp *s, const struct policy_entry *entries, size_t n,
		     struct ps_buf *out);
