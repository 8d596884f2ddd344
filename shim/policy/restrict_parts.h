/* SPDX-License-Identifier: Apache-2.0
 * restrict_parts.h - private to shim/policy: what the parts of permissions_restrict() share.
 */
#pragma once
#include "base/abi.h"
#include "shim/policy/closure.h"
#include "shim/policy/restrict.h"
#include "shim/policy/view.h"

/* A growing list of rows of one type. */
struct rows { void *v; size_t n, max, size; };
#define ROWS(type) { .size = sizeof(type) }

/* How much of a permission is left beside what config.json grants. */
enum grip {
	GRIP_OPEN,   /* all of it, perhaps without what deny entries name */
	GRIP_LISTED, /* what allow entries name */
};

/* Where an entry leads: one path for each that its value stands for. */
struct perm_place {
	const struct perm_entry *entry;
	struct view_found at;
};
struct perm_places { const struct perm_place *v; size_t n; };

struct restricting {
	struct ps_arena *a;
	const struct policy *in;           /* what config.json grants */
	struct policy *p;                  /* what is left of it; its lists are the rows below in the end */
	struct policy_mount *mounts;       /* p->mounts */
	const struct permissions *g;
	const struct restrict_host *h;
	struct ps_err *e;
	struct view view;
	struct rows rebinds, rules, masked, guard, sysctl, stands, warnings, notes, degraded;
	struct perm_places denied[POLICY_N_PERMISSIONS]; /* READ, WRITE, RUN, FFI: made before the parts */
	uint64_t handled;                  /* LANDLOCK_ACCESS_FS_*; rules are cut to it */
	bool *drops_mount;                 /* one for each of in->mounts: it is left out of `mounts` */
	bool enforced;                     /* not only watched */
	bool no_memory_files;              /* memfd_create(2) is refused: what it makes could be executed */
	bool code_listed;                  /* what may be mapped as code is listed: everything else is noexec */
};

/* ---- restrict.c ---- */
void *rows_add(struct restricting *r, struct rows *l);
/* learn and audit only look. */
bool restrict_is_enforced(const struct permissions *g);
enum grip grip_of(const struct restricting *r, enum policy_permission p);
/* A deny entry names all there is: no other entry counts. */
bool denies_everything(const struct perm_rules *rules);
/* Some entry takes something away. */
static inline bool is_limited(const struct restricting *r, enum policy_permission p)
{
	return grip_of(r, p) == GRIP_LISTED || r->g->of[p].deny.n;
}
static inline bool is_strict(const struct restricting *r)
{
	return !(r->g->settings.best_effort.set && r->g->settings.best_effort.v);
}
/*
 * What `from` asks for cannot be enforced: strict, an error of class PS_E_UNSUPP at `from`; best effort, a warning and 0.
 * "PERMISSION: " stands before the text.
 */
int cannot(struct restricting *r, enum policy_permission p, const char *from, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* For who asks; "PERMISSION: TEXT". */
int note(struct restricting *r, enum policy_permission p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, for everyone to see. */
int warn(struct restricting *r, enum policy_permission p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int restrict_oom(const struct restricting *r);
bool has_own_ns(const struct restricting *r, uint64_t flag);
/* What an answer of the view was about, to be that still when it is used. */
struct ps_object object_of(const struct view_found *at);
/* A path bound onto itself; a second row of a path adds its flags.  What takes away beats what gives back. */
int rebind(struct restricting *r, const char *from, const char *path, struct ps_object object, uint64_t attr_set,
	   uint64_t attr_clr, bool recursive);
/* A Landlock rule; a second one of a path adds its rights.  path is without links. */
int allow_access(struct restricting *r, const char *from, const char *path, struct ps_object object, uint64_t access, bool optional);
/* Set flags on every mount of config.json for which `spare` does not say yes (NULL: all), and on the root unless it does. */
typedef bool spare_fn(const struct restricting *r, const char *target);
void set_on_mounts(struct restricting *r, uint64_t attr, spare_fn *spare);
/* With everything that is mounted below it by the same entry. */
void mount_readonly(struct policy_mount *m);
bool mount_has(const struct restricting *r, int mount, uint64_t attr);

/* ---- restrict_paths.c ---- */
/* Everything that a list of entries leads to.  What is missing is told to `missing`, which decides (NULL: left out). */
typedef int missing_fn(struct restricting *r, const struct perm_entry *entry, const struct view_found *at);
int find_places(struct restricting *r, const struct perm_list *l, missing_fn *missing, struct rows *places);
/* PATH's value as the payload will have it. */
const char *restrict_search_path(const struct restricting *r);
bool is_denied(const struct restricting *r, enum policy_permission p, const char *path);

/* ---- restrict_dirs.c ---- */
/* The programs below a directory, links resolved; *ret_more: there are too many to look at each. */
int find_programs(struct restricting *r, const struct view_found *dir, struct text_set *ret, bool *ret_more);

/* ---- the parts ---- */
/* LANDLOCK_ACCESS_FS_* that are to be handled, as far as the kernel knows them. */
uint64_t restrict_rights(const struct restricting *r);
int restrict_denied(struct restricting *r);
int restrict_run(struct restricting *r);
/* The part of it that looks at no file: what the domain of a container that runs is joined by. */
int restrict_run_again(struct restricting *r);
int restrict_files(struct restricting *r);
int restrict_masks(struct restricting *r);
/* Paths of sockets that net entries name, as long as the supervisor decides by them. */
bool names_sockets(const struct restricting *r);
int restrict_sockets(struct restricting *r);
int restrict_net(struct restricting *r);
int restrict_kernel(struct restricting *r);
int restrict_sys(struct restricting *r);
/* Memory, processes or processor time. */
bool sets_limits(const struct restricting *r);
int restrict_process(struct restricting *r);
int restrict_limits(struct restricting *r);
/* undo, disk: where what is written goes. */
int restrict_stored(struct restricting *r);

/* ---- restrict_net.c ---- */
enum net_hold {
	NET_HOLD_NONE,   /* config.json's network */
	NET_HOLD_EMPTY,  /* a network namespace with nothing in it: nobody has to decide */
	NET_HOLD_CLOSED, /* no socket of the internet: a namespace with something in it, and nothing allowed */
	NET_HOLD_BROKER, /* the supervisor decides */
};
struct net_state {
	enum net_hold hold;
	bool empty;      /* it is a namespace with nothing in it */
	bool swaps;      /* allowed connections are the host's sockets, put in place of the container's */
	bool unix_paths; /* some path of AF_UNIX is allowed */
	bool icmp;
};
struct net_state net_state_of(const struct restricting *r);
/* ---- restrict_datagrams.c ---- */
int restrict_datagrams(struct restricting *r, const struct net_state *s);

/* ---- restrict_guard.c ---- */
enum guard_op { GUARD_EQ = 1 /* of the lower 32 bits */, GUARD_MASK /* of the lower 32 bits */, GUARD_NE, GUARD_GT };
struct guard_arg { uint32_t index; enum guard_op op; uint64_t value, mask; };
/* A rule for calls, by name, separated by blanks; args end at op 0.  action: SECCOMP_RET_*. */
struct guard_rule { const char *names; uint32_t action; struct guard_arg args[4]; };
int guard_add(struct restricting *r, const char *from, const struct guard_rule *rules, size_t n);
#define GUARD_ERRNO(e) (SECCOMP_RET_ERRNO | (e))
