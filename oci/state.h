/* SPDX-License-Identifier: Apache-2.0
 * state.h - what is remembered of a container: ROOT/ID/{state.json,config.json,start.sock}; the folder itself is locked.
 *
 * ROOT is 0700 and owned by the effective uid.  An id is reserved by building ROOT/.new-XXXXXX (lock held, state.json
 * with status "creating") and renaming it to ROOT/ID with RENAME_NOREPLACE: kill -9 at any moment leaves either nothing
 * under that id or a record whose lock nobody holds.  Every change of state.json is an atomic rename under the lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* name (as printed), meaning.  "stopped" is never stored: it is what a dead init means. */
#define STATE_STATUSES(X)                                       \
	X(STATE_CREATING, "creating", "create is at work")      \
	X(STATE_CREATED,  "created",  "init waits for start")   \
	X(STATE_RUNNING,  "running",  "the payload was executed") \
	X(STATE_PAUSED,   "paused",   "the cgroup is frozen")   \
	X(STATE_STOPPED,  "stopped",  "init is gone")
enum state_status {
#define X(sym, name, why) sym,
	STATE_STATUSES(X)
#undef X
};
const char *state_status_name(enum state_status s);

struct state {
	char id[1024];
	enum state_status status;   /* as stored; pod_status() refines it by looking at the process */
	char bundle[4096], rootfs[4096];
	char created[40];           /* RFC 3339 */
	pid_t pid;                  /* init, in the runtime's pid namespace; 0 before it exists */
	uint64_t pid_start;         /* ticks since boot (base/proc.h) */
	pid_t launcher;             /* process that creates it */
	uint64_t launcher_start;
	char boot_id[37];
	uid_t owner;
	char tape[40];              /* shm name, "" without */
	char pod[72];               /* the pod that it is a runner of, "" without */
	char unit[256];             /* the systemd unit whose cgroups these are, "" without */
	bool unit_user;             /* it is of the caller's own systemd, not the system's */
	char cgroup_dirs[16][512];  /* absolute directories that this container owns, in creation order */
	unsigned n_cgroup_dirs;
	char rdt_dirs[2][512];      /* folders of resctrl that are to be removed with it, the monitoring group and the group; "" */
	bool owns_cgroups;          /* they were made or found empty: what is in them may be killed */
	bool has_poststart, has_poststop; /* hooks of the frozen configuration */
	bool permitted;             /* permissions.json stands beside the frozen configuration */
	bool exposed;               /* the pid namespace is shared with others, kill by cgroup */
};

/* An open, locked or unlocked state folder. */
struct state_dir {
	int root_fd, dir_fd, lock_fd;
	char id[1024];
};
#define STATE_DIR_NONE { .root_fd = -1, .dir_fd = -1, .lock_fd = -1 }
void state_dir_done(struct state_dir *d);      /* closes; releases the lock */
#define auto_state_dir __attribute__((cleanup(state_dir_done)))

/*
 * Default ROOT of the runtime `name`: /run/NAME for root, $XDG_RUNTIME_DIR/NAME else, and for the root of a user namespace that
 * another made; /tmp/NAME-UID where that is unset.
 */
int state_root_default(const char *name, char *out, size_t size, struct ps_err *e);
/* Open ROOT, made 0700 (with parents) if absent; refuses a root owned by another uid or writable by others. */
int state_root_open(const char *root, bool make, int *ret_fd, struct ps_err *e);
/* Reserve st->id (status creating) and hold its lock.  PS_E_EXISTS: "container with given ID already exists". */
int state_reserve(const char *root, const struct state *st, struct state_dir *ret, struct ps_err *e);
/* Open ROOT/ID.  PS_E_NOTFOUND: "container does not exist: 'ID'". */
int state_open(const char *root, const char *id, struct state_dir *ret, struct ps_err *e);
/* Take the container's lock, waiting at most timeout_ms.  PS_E_STATE on time-out, PS_E_NOTFOUND when the container was
 * deleted meanwhile. */
int state_lock(struct state_dir *d, int timeout_ms, struct ps_err *e);
int state_read(const struct state_dir *d, struct state *ret, struct ps_err *e);
int state_write(const struct state_dir *d, const struct state *st, struct ps_err *e);
/* Store / load the frozen configuration (config.json bytes) and other small files of the folder.  What is there is replaced
 * atomically; store new names only while the id is reserved. */
int state_put(const struct state_dir *d, const char *name, const void *data, size_t n, struct ps_err *e);
int state_get(const struct state_dir *d, const char *name, struct ps_buf *out, struct ps_err *e);
/* Remove the folder (renamed to .del-* first, so that the id is free at once and a crash leaves a sweepable name). */
int state_remove(struct state_dir *d, struct ps_err *e);
/* Call fn for every container below ROOT in name order; fn's non-zero return ends the walk and is returned. */
int state_each(const char *root, int (*fn)(const char *id, void *ctx), void *ctx, struct ps_err *e);
/* Remove .new-* and .del-* of dead owners; none are while somebody makes or removes a folder. */
int state_sweep_leftovers(const char *root, struct ps_err *e);
/* Leftovers of dead owners: .new-* and .del-* are removed as by state_sweep_leftovers(); fn gets each reserved id with status
 * creating whose lock nobody holds, or of another boot, so that the caller can free its resources first.  fn is called
 * without the lock; a record that is still dead and unlocked when fn returned 0 is removed here.  fn's non-zero return
 * ends the sweep and is returned. */
int state_sweep(const char *root, int (*fn)(const char *id, void *ctx), void *ctx, struct ps_err *e);

/* "root", or the uid in decimal: no user database is asked. */
void state_owner_name(const struct state *st, char *out, size_t size);

struct spec;
/*
 * The OCI state object: ociVersion,id,pid,status,bundle,rootfs,created,owner,annotations (+ "shm" when there is a tape, "systemd-scope" when there is a unit).
 * indent 0: the compact form for hooks.  pid is printed 0 when stopped.  `annotations` may be NULL.
 */
struct spec_kvs;
void state_write_oci(struct ps_buf *out, unsigned indent, const struct state *st, enum state_status status,
		     pid_t pid, const struct spec_kvs *annotations);
/* `podshim features`: the OCI features document, pretty-printed, from the tables. */
struct host_facts_for_features {
	bool seccomp, apparmor, selinux, cgroup_v1, cgroup_v2, idmap;
	const char *libseccomp;     /* its version for the annotations, "2.5.4"; NULL: left out */
};
void features_write(struct ps_buf *out, const struct host_facts_for_features *h);
