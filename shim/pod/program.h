/* SPDX-License-Identifier: Apache-2.0
 * program.h - a program without a bundle: what is run, and the config.json that is written for it.
 *
 * The document is a bundle's like any other: it is frozen into the state folder, and every verb works on it.  Its root file
 * system is a tmpfs of its own; what the host's programs and libraries need is bound into it at the same paths, read-only.
 * Nothing of /home, /root, /run, /srv, /tmp, /var is there but what is bound.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"
#include "shim/policy/permissions.h"

/* A path of the host that the program sees. */
struct program_bind {
	const char *path;            /* absolute and clean */
	const char *at;              /* where: absolute and clean; NULL: a grant, at its own place, if it exists */
	bool writable;
};

struct program_request {
	/* from the command line */
	const char *const *argv;     /* NULL-terminated, at least one */
	bool by_name;                /* argv[0] without a slash is looked up in PATH of envp; else it is a file */
	const char *workdir;         /* --cwd, relative to cwd; NULL: cwd */
	const char *const *env;      /* n_env entries "NAME=VALUE", or "NAME" for the caller's value */
	size_t n_env;
	const struct program_bind *binds; /* --bind, and what permissions grant; in any order */
	size_t n_binds;
	bool makes_dirs;             /* that permissions name as `path/`, where they are missing: it is going to run */
	bool terminal;
	unsigned short rows, cols;       /* of the terminal; 0: unknown */
	/* the caller */
	const char *cwd;             /* absolute */
	const char *const *envp;     /* NULL-terminated */
	uid_t uid;
	gid_t gid;
	bool rootless;               /* the launcher is root of a user namespace of the caller's (rootless.h) */
	int root_fd;                 /* "/" of the host */
};

/* What is to be run. */
struct program {
	const char *file;            /* of argv[0]: absolute path on the host */
	struct spec_strs args;       /* with the interpreter in front, where the kernel does not find it by itself */
	struct spec_strs files;      /* that the document has to bind: `file` and its interpreter, where they are not visible otherwise */
	const char *first_line;      /* of a script, behind "#!"; else NULL */
};
/*
 * PS_E_NOTFOUND: no such program.  PS_E_USAGE: neither a program nor a script.  *ret lives in the arena and refers to q.
 */
int program_find(struct ps_arena *a, const struct program_request *q, struct program *ret, struct ps_err *e);
/* Append the document to *out.  PS_E_USAGE for texts that JSON cannot hold, PS_E_NOTFOUND for a bind of what is not there. */
int program_config(struct ps_arena *a, const struct program_request *q, const struct program *p, struct ps_buf *out,
		   struct ps_err *e);

/* What p is permitted: the operator's layers, relative to q->cwd, and what p itself cannot do without. */
int program_permissions(struct ps_arena *a, const struct program_request *q, const struct program *p,
			const struct perm_layers *operators, const struct permissions **ret, struct ps_err *e);
/*
 * *ret is q, with binds of what g allows to read and write, and of the sockets it allows, where a program would not see them.
 * q->makes_dirs: directories are made, with the caller's rights and umask(2); the one that each is in must be there.
 */
int program_grants(struct ps_arena *a, const struct program_request *q, const struct permissions *g, struct program_request *ret,
		   struct ps_err *e);

/* "SRC:DST[:ro]" of --bind (DST may be left out), relative to cwd.  PS_E_USAGE. */
int program_bind_parse(struct ps_arena *a, const char *text, const char *cwd, struct program_bind *ret, struct ps_err *e);
/* Is path, lexically, in what every program sees of the host? */
bool program_sees(const struct program_request *q, const char *path);
/* The PATH that programs get. */
/* Where the entries of its /tmp are from. */
#define PROGRAM_OWN_TMP "the program's own /tmp"
#define PROGRAM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
