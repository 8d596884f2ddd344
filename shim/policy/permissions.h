/* SPDX-License-Identifier: Apache-2.0
 * permissions.h - who may do what, in Deno's vocabulary: sources become layers, layers become one set, a set decides.
 *
 *	flags, environment, files, annotations -> struct perm_layer each (what one source said)
 *	layers, ceiling                        -> struct permissions     (what counts; every entry with its provenance)
 *	permissions + a query                  -> struct perm_verdict    (the one decision function: broker, audit, explain, replay)
 *	permissions + policy of config.json    -> policy                 (restrict.h: mounts, Landlock, filters)
 *
 * Deny beats everything, always; then warn and ignore; then allow; what nothing allows is denied when `deny_by_default`,
 * and is what config.json grants when not.  All of it lives in an arena, constant after it was made.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"
#include "shim/policy/net_pattern.h"
#include "shim/policy/policy.h"

/* From weak to strong; of annotations nothing may widen what the others came to. */
enum perm_rank { PERM_BUILTIN, PERM_SYSTEM /* policy.d */, PERM_FILE /* --policy */, PERM_ANNOTATION, PERM_ENVIRONMENT, PERM_FLAG, PERM_LAUNCH };
enum perm_mode { PERM_ENFORCE, PERM_ASK, PERM_LEARN, PERM_AUDIT };

struct perm_entry {
	enum policy_permission permission;
	enum policy_action action;
	const char *value;           /* as written, of files: absolute and clean; NULL: everything */
	const char *from;            /* "--allow-read", "policy.json:9", "PODSHIM_DENY_NET", "annotation io.podshim.deny-net" */
	bool optional;               /* `path?`: may be missing */
	bool make_dir;               /* `path/`: created, if it is missing and below something writable */
	bool append;                 /* `+value`: adds to the layer below (merge only) */
	bool implied;                /* nobody wrote it: it follows from another entry or from the form of the call */
	struct net_pattern net;      /* POLICY_NET with a value */
};
struct perm_list { const struct perm_entry *v; size_t n; };

struct perm_secret { const char *name, *source; /* "file:/run/s/t", "env:NAME" */ struct spec_strs only; const char *from; };
struct perm_limit { bool set; uint64_t v; const char *from; };

/* The scalar part of a source and of a set. */
struct perm_settings {
	struct { bool set; enum perm_mode v; const char *from; } mode;
	struct opt_bool best_effort, jit, undo, no_prompt;
	const char *broker;          /* --broker: the socket of who is asked; NULL: whoever is at the terminal */
	struct spec_strs dns, hosts; /* --dns ADDRESS[:PORT], --add-host NAME:ADDRESS: the operator's alone */
	struct spec_kvs env_set;     /* env.set; .at is the provenance */
	const struct perm_secret *secrets;
	size_t n_secrets;
	struct perm_limit memory, pids, cpu /* thousandths */, wall_ms, output, disk; /* bytes where not said */
	struct {
		unsigned allowed;            /* 1 << permission: allowed accesses are told, too */
		unsigned denied;             /* 1 << permission */
		bool set;
		struct opt_u64 batch_ms, broadcast_ms;
	} audit;
	const char *name, *description;
	bool annotations_may_grant;  /* of a ceiling alone */
};

/* What one source said. */
struct perm_layer {
	enum perm_rank rank;
	const char *name;            /* of the source, for messages */
	struct perm_list entries;    /* in the order in which they were written */
	bool all;                    /* -A */
	unsigned mentions_allow;     /* 1 << permission: it has an allow list (perhaps an empty one) */
	unsigned reset_deny;         /* 1 << permission: --reset-deny */
	struct perm_settings settings;
};

/* What counts. */
struct perm_rules {
	bool by_config;              /* no allow list is in force: config.json's grants are what is allowed */
	bool all;                    /* everything is allowed that is not denied */
	bool said;                   /* some source has an allow list, perhaps an empty one */
	bool narrows;                /* `allow` only limits what config.json grants: it opens nothing that config.json keeps shut */
	bool asks;                   /* mode ask: what no entry speaks of is asked, not denied; never beyond what a ceiling or an annotation cut */
	struct perm_list allow, deny, warn, ignore;
};
struct permissions {
	bool active;                 /* some source said something; else a container is exactly what config.json says */
	bool deny_by_default;
	struct perm_rules of[POLICY_N_PERMISSIONS];
	struct perm_settings settings;
	struct spec_strs notes;      /* for lint and show: dead entries, what -A switched off, names that were not found */
};

/* ---- the table of flags: parser, help, man page, environment, annotations and tests are made from it ---- */
struct perm_flag {
	const char *name;            /* "allow-read" */
	const char *letter;          /* "R", or NULL */
	enum policy_permission permission;
	enum policy_action action;
	const char *grammar;         /* "PATH,..." */
	const char *help;            /* for lists: no capital, no full stop */
	const char *mechanism;       /* what enforces it, for `policy show` and the man page */
};
extern const struct perm_flag perm_flags[];
extern const size_t n_perm_flags;
/* "PODSHIM_ALLOW_READ" of a row. */
void perm_flag_variable(const struct perm_flag *f, char out[40]);
const struct perm_flag *perm_flag_find(enum policy_permission p, enum policy_action a);

/* ---- layers ---- */
struct perm_builder;                 /* a layer under construction; in the arena */
struct perm_builder *perm_builder_new(struct ps_arena *a, enum perm_rank rank, const char *name);
/*
 * The values of one flag: items divided by single commas (",," is a comma); NULL: everything.  Relative paths stay so until
 * permissions_merge().  Error PS_E_USAGE naming `from` and the item.
 */
int perm_builder_add(struct perm_builder *b, enum policy_permission p, enum policy_action act, const char *list,
		     const char *from, struct ps_err *e);
struct perm_settings *perm_builder_settings(struct perm_builder *b);
void perm_builder_allow_all(struct perm_builder *b, const char *from);
void perm_builder_reset_deny(struct perm_builder *b, enum policy_permission p);
/* -A beside an allow list is an error, as in Deno. */
int perm_builder_done(struct perm_builder *b, const struct perm_layer **ret, struct ps_err *e);

/* Texts "--deny-net=HOST,..." of the permissions' own flags, of what may only narrow; PERM_LAUNCH.  PS_E_USAGE for others. */
int perm_layer_of_flags(struct ps_arena *a, const char *name, const struct spec_strs *flags, const struct perm_layer **ret, struct ps_err *e);

/*
 * A policy file and, below it, what it extends ("builtin:NAME", a file beside it, an absolute path): layers in the order
 * of their strength are appended to *l.  set: the named set of a file with "permissionSets", NULL: none.  Strict: unknown members are errors.
 */
struct perm_layers { const struct perm_layer *v[64]; size_t n; };
int perm_layers_of_file(struct ps_arena *a, const char *path, const char *set, enum perm_rank rank, struct perm_layers *l, struct ps_err *e);
/* PS_E_CONFIG when there are too many. */
int perm_layers_append(struct perm_layers *l, const struct perm_layer *layer, struct ps_err *e);
/* What a file says, of text; narrow_only: inline JSON of an annotation, which may hold allow, deny, warn, ignore lists and limits alone. */
int perm_layers_of_text(struct ps_arena *a, const char *name, const char *text, size_t n, const char *set, enum perm_rank rank,
			bool narrow_only, struct perm_layers *l, struct ps_err *e);
/* /etc/podshim/policy.d, sorted; nothing where there is none.  Files that others than root (or we) can write are refused. */
int perm_layers_of_system(struct ps_arena *a, const char *dir, struct perm_layers *l, struct ps_err *e);
/* The ceiling: a policy file that extends nothing; *ret is NULL where there is none. */
int perm_ceiling_of_file(struct ps_arena *a, const char *path, const struct perm_layer **ret, struct ps_err *e);
/* io.podshim.* of a bundle; an unknown io.podshim.allow-X... is an error, io.podshim.channel is none of ours. */
int perm_layers_of_annotations(struct ps_arena *a, const struct spec_kvs *annotations, struct perm_layers *l, struct ps_err *e);
/* PODSHIM_* of envp; one that looks like a permission and is none is an error.  PODSHIM_POLICY and PODSHIM_POLICY_JSON come first. */
int perm_layers_of_environment(struct ps_arena *a, const char *const *envp, struct perm_layers *l, struct ps_err *e);

/* ---- the set ---- */
struct perm_context {
	const char *cwd;             /* of the payload: what relative paths are below; absolute */
	bool program;                /* no bundle: deny by default without any entry, too */
	const struct perm_layer *ceiling; /* /etc/podshim/ceiling.json; NULL: none */
	bool annotations_may_grant;  /* the ceiling says so */
};
int permissions_merge(struct ps_arena *a, const struct perm_layers *l, const struct perm_context *c,
		      const struct permissions **ret, struct ps_err *e);
/* The same set with a further, tighter layer: a launch in a pod, exec.  What would widen is an error. */
int permissions_tighten(struct ps_arena *a, const struct permissions *base, const struct perm_layer *l, const char *cwd,
			const struct permissions **ret, struct ps_err *e);
/* Is anything asked? */
bool permissions_ask(const struct permissions *p);
/* Of net, sys, read and write alone somebody can be asked (shim/pod/ask.h).  *ret is p, where these (1 << permission) are not asked. */
int permissions_without_asking(struct ps_arena *a, const struct permissions *p, unsigned these, const struct permissions **ret,
			       struct ps_err *e);
/* As one document, and back: what exec, pods and replay read. */
void permissions_save(const struct permissions *p, struct ps_buf *out);
int permissions_load(struct ps_arena *a, const char *name, const char *text, size_t n, const struct permissions **ret, struct ps_err *e);
/* For people, with provenance / as JSON with it. */
void permissions_show(const struct permissions *p, struct ps_buf *out);
void permissions_show_json(const struct permissions *p, struct ps_buf *out);

/* ---- decisions ---- */
struct perm_query {
	enum policy_permission permission;
	const char *value;           /* absolute clean path (read, write, run, ffi), variable, sys name; net: unused */
	struct net_target net;
	bool pinned;                 /* of net: the operator gave the name this address (--add-host) */
};
struct perm_verdict {
	enum policy_action action;   /* ALLOW, DENY, WARN (it happens, and is told), IGNORE (as if it were not there) */
	const struct perm_entry *rule; /* that decided; NULL: no entry does */
	const struct perm_entry *nearest; /* denied because nothing allows: the allow entry that comes closest; or NULL */
};
/*
 * A name that is allowed reaches only public addresses: one that is private or metadata needs an allow entry for the
 * address, too, unless `pinned` (--add-host) or the name is localhost.  Denies are asked for name and address.
 */
struct perm_verdict permissions_decide(const struct permissions *p, const struct perm_query *q);
/* The path of b is a or below it; both clean and absolute. */
bool perm_path_below(const char *b, const char *a);
/* The flag that would allow it, smallest first: "--allow-net=api.example.com:443". */
void perm_query_flag(const struct perm_query *q, struct ps_buf *out);
/* The entry of that flag, as a policy file has it: "api.example.com:443"; nothing for everything. */
void perm_query_entry(const struct perm_query *q, struct ps_buf *out);
/* "api.example.com:443", "/etc/passwd": what is shown as the target, control and bidi characters escaped. */
void perm_query_target(const struct perm_query *q, struct ps_buf *out);
/* Inside a protected class (keys, credentials of clouds, engine sockets, /proc/PID/environ): what it is, else NULL. */
const char *perm_query_risk(const struct perm_query *q);
/* The i-th protected file, as a pattern of whole components: absolute, or below any folder.  NULL: there are no more. */
const char *perm_protected_file(size_t i);
/* One word of a shell's: as it is, or in quotes. */
void perm_put_word(struct ps_buf *out, const char *s);

/* ---- sys names ---- */
#define PERM_SYS_NAMES(X) X(hostname) X(inspector) X(osRelease) X(osUptime) X(loadavg) X(networkInterfaces) X(systemMemoryInfo) \
	X(uid) X(gid) X(cpus) X(homedir) X(getegid) X(statfs) X(getPriority) X(setPriority) X(userInfo) X(setegid) X(seteuid) \
	X(setgid) X(setuid) X(ca) X(umask)
/* The name that text stands for, a constant; "username" is an old one of Deno's.  PS_E_USAGE, with the closest one: there is none. */
int perm_sys_name(const char *text, const char **ret, struct ps_err *e);
