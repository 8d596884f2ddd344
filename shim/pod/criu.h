/* SPDX-License-Identifier: Apache-2.0
 * criu.h - what checkpoint and restore share: a talk with `criu swrk`, its images, and what it is told of a container.
 *
 * Images are hostile: whoever made them may have made them up.  Nothing in them is read here but the names of descriptors;
 * their folder may not lead criu elsewhere; and what criu made of them is compared with config.json before it runs (criu_check).
 */
#pragma once
#include "shim/launch/helper.h"
#include "shim/pod/container.h"
#include "shim/pod/criu_rpc.h"

/* Folders of one call. */
struct criu_dirs {
	int images, work;            /* work: where its log goes; -1: the images' */
	char log[PATH_MAX];          /* its log, for messages */
};
#define CRIU_DIRS_NONE { .images = -1, .work = -1 }
void criu_dirs_close(struct criu_dirs *d);
/* Open r's folders; make: those that are missing are made, 0700.  log: name of the log file. */
int criu_dirs_open(const struct pod_criu *r, bool make, const char *log, struct criu_dirs *ret, struct ps_err *e);
/* Remove the empty folders that a criu which was killed has left in them. */
void criu_dirs_sweep(const struct criu_dirs *d);
/*
 * PS_E_DENIED unless everything in the folder is a plain file that is not a link to one elsewhere; `parent`, the images that
 * these are the changes to, may be a link to a folder beside it, which has to be such a one, too.
 * Where pages are lazy, the socket at which they are served may be there.
 */
int criu_images_check(const struct criu_dirs *d, const struct pod_criu *r, struct ps_err *e);

/* Names that criu gave the standard descriptors of the first process (NULL: not one of outside), in a file beside its images. */
struct criu_stdio { const char *key[3]; };
/* Those of process pid, whose mounts are m. */
struct criu_mounts;
int criu_stdio_look(struct ps_arena *a, pid_t pid, const struct criu_mounts *m, struct criu_stdio *ret, struct ps_err *e);
int criu_stdio_write(const struct criu_dirs *d, const struct criu_stdio *s, struct ps_err *e);
/* Without the file: none. */
int criu_stdio_read(struct ps_arena *a, const struct criu_dirs *d, struct criu_stdio *ret, struct ps_err *e);

/* Mounts of a process, as /proc/PID/mountinfo has them. */
struct criu_mount {
	int id, parent;
	const char *root, *at, *options, *fstype, *device; /* device: "8:1" */
	bool planned;                /* a row of the plan made it */
	bool of_host;                /* it shows something of the host's */
};
struct criu_mounts { struct criu_mount *v; size_t n; };
int criu_mounts_read(struct ps_arena *a, pid_t pid, struct criu_mounts *ret, struct ps_err *e);
/* Those that show something of the host, which criu neither dumps nor makes: where it is in the container, what it is on the host. */
struct criu_external { const char *at, *source; unsigned long flags; /* MS_* */ };
struct criu_externals { struct criu_external *v; size_t n; };
int criu_externals(struct ps_arena *a, const struct plan *p, pid_t pid, struct criu_mounts *m, struct criu_externals *ret, struct ps_err *e);

/* The first process was restored and did not run yet: is it, and are all below it, no more than p says?  like: the mounts of one that is. */
int criu_check(struct ps_arena *a, const struct plan *p, pid_t pid, const struct criu_mounts *like, struct ps_err *e);

/* A talk. */
struct criu {
	const char *what;            /* "dump", "restore": for messages */
	int sock, pidfd;
	pid_t pid;
	/* What criu tells while it works; fd: what came with it, the caller's of criu_talk, or -1.  -1 ends the work.  NULL: nobody listens. */
	int (*told)(void *ctx, const char *script, pid_t pid, int fd, struct ps_err *e);
	void *ctx;
};
#define CRIU_NONE { .sock = -1, .pidfd = -1 }
/* Start it.  h: all but name, argv and the talk's own descriptor; a copy is completed. */
int criu_start(struct criu *c, const struct launch_helper *h, struct ps_err *e);
/* Ask, follow it to the end, and reap it.  d: whose log explains a failure. */
int criu_talk(struct criu *c, enum criu_type type, const struct ps_buf *opts, const struct criu_dirs *d, struct criu_reply *ret, struct ps_err *e);
/* End it, if it still runs. */
void criu_done(struct criu *c);

/* Options that both have: folders, flags, what else r says; log: the log file's name. */
int criu_put_common(struct ps_buf *opts, const struct pod_criu *r, const struct criu_dirs *d, const char *log, struct ps_err *e);
/* The configuration file: what the annotation org.criu.config of p names, else that of /etc/criu that is there. */
int criu_put_config(struct ps_buf *opts, const struct policy *p, struct ps_err *e);
/* What no image holds is refused: permissions, a channel.  verb: "checkpointed", "restored". */
int criu_check_plan(const struct plan *p, const char *id, const char *verb, struct ps_err *e);
