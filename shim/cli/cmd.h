/* SPDX-License-Identifier: Apache-2.0
 * cmd.h - what a command is, and what it is given.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "shim/cli/args.h"
#include "shim/cli/log.h"
#include "shim/cli/policy_flags.h"
#include "shim/pod/pod.h"

enum {
	CMD_ROOT = 1,     /* works on containers: cli->env has the state root */
	CMD_CGROUPFS = 2, /* makes cgroups by cgroupfs alone */
	CMD_PAYLOAD = 4,  /* everything after the first word belongs to someone else */
	CMD_RAW = 8,      /* everything after the command is words */
	CMD_QUIET = 16,   /* callers read stdout and stderr as one: nothing but errors on stderr */
	CMD_HIDDEN = 32,  /* neither in help nor in completion */
	CMD_GROUP = 64,   /* the next word is a command of its own: "pod" "launch" is "pod launch" */
	CMD_POLICY = 256, /* takes the flags of a policy behind its name, too */
	CMD_NARROWS = 512, /* permission flags behind its name take away from what is permitted already (cli->narrow) */
	CMD_PAYLOAD_2 = 128, /* everything after the second word belongs to someone else */
};
enum { CMD_ANY_WORDS = 1000000 };

struct command {
	const char *name;          /* "list"; "pod launch" in the group "pod" */
	const char *words;         /* "ID [SIGNAL]" */
	const char *summary;       /* for lists: no capital, no full stop */
	const char *about;         /* sentences; lines of at most 80 columns, the last without '\n' */
	const char *forms;         /* lines that show what the words mean, or NULL */
	const char *examples;      /* command lines, one a line, or NULL */
	struct opt_table opts;
	size_t flags_size;         /* of the structure that opts write into */
	size_t min_words, max_words;
	unsigned attr;             /* CMD_* */
	int fail_status;           /* exit status of a failure of podshim's own; 0: 1 */
	/* Exit status of podshim (>= 0), or -1 with *e. */
	int (*run)(struct cli *cli, struct ps_err *e);
};
/* In the order of help; cmd_NAME is defined in cmd_NAME.c. */
#define COMMANDS(X)                                                             \
	X(run) X(create) X(start) X(exec) X(kill) X(delete) X(pause) X(resume) X(update) X(checkpoint) X(restore) \
	X(state) X(list) X(ps) X(events) X(watch) X(audit) X(explain) X(check) X(learn) X(diff) X(commit) X(discard)                    \
	X(pod) X(pod_create) X(pod_launch) X(pod_ls) X(pod_send) X(pod_attach)  \
	X(pod_logs) X(pod_wait) X(pod_interrupt) X(pod_stop) X(pod_stats) X(pod_rm) \
	X(policy) X(policy_lint) X(policy_init) X(policy_show) X(policy_test)     \
	X(plan) X(spec) X(features) X(gc) X(version) X(help)                    \
	X(complete) X(man)
#define X(name) extern const struct command cmd_##name;
COMMANDS(X)
#undef X
extern const struct command *const commands[];
extern const size_t n_commands;
/* By its whole name, or, with a group, by the word behind the group's name.  NULL without. */
const struct command *command_find(const char *name);
const struct command *command_in(const struct command *group, const char *word);
/* By the words of its name, of which there are n: the longest that fits.  NULL without. */
const struct command *command_of_words(const char *const *words, size_t n);
/* Is c in group (NULL: in none)? */
bool command_is_in(const struct command *c, const struct command *group);
/* Its name without its group's. */
const char *command_word(const struct command *c);

struct global_flags {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
	bool debug, systemd_cgroup, version, help;
};
extern const struct opt_table global_opts;       /* write into struct global_flags */

/* One call of podshim. */
struct cli {
	const char *program;       /* "podshim", or "runc" / "crun" when called so */
	bool oci_only;             /* called as runc or crun: run has the OCI form only */
	struct global_flags global;
	struct policy_flags policy; /* before any command, too: engines give them so */
	struct opt_grants narrow;   /* of CMD_NARROWS, behind the command */
	const struct command *cmd; /* NULL: none was given */
	void *flags;               /* cmd->flags_size bytes */
	const char **words;        /* n_words, then NULL */
	size_t n_words;
	bool dashdash;             /* "--" stood before the first word */
	const struct opt *pending; /* see args_parse() */
	int fail_status;           /* exit status of a failure from here on; 1 at first */
	struct pod_env env;
	char root[4096];
	struct log log;
	struct ps_arena mem;       /* lives as long as the call */
};

/* Fill cli->env from the global flags; needs cli->cmd. */
int cli_make_env(struct cli *cli, struct ps_err *e);
/* Write all of b to standard output. */
int cli_print(const struct ps_buf *b, struct ps_err *e);
/* Write a line to standard output, for verbs that emit lines; ctx is an int that keeps the errno of a failure, and is returned. */
int cli_emit_line(void *ctx, const char *line, size_t n);
/* Behind such a verb: its failure to write, unless the reader went away, who has seen what it wanted (| head). */
int cli_emitted(int write_errno, struct ps_err *e);
/* How a command that does not exist is told of: in runc's words for who calls us so. */
const char *cli_no_command(const struct cli *cli);
/* cli->root from --root, for commands that only sometimes work on containers; CMD_ROOT does it for the others. */
int cli_make_root(struct cli *cli, struct ps_err *e);
/* "container id cannot be empty", "invalid container ID format: X; ...". */
int cli_check_id(const char *id, struct ps_err *e);
/* One line for the person who looks on, on standard error: "podshim: ...". */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Is there a file config.json in dir? */
bool cli_holds_config(const char *dir);
/* The bundle in the current directory, when *bundle is NULL; how: what would name another. */
int cli_here(const char **bundle, const char *config, const char *how, struct ps_err *e);
/* The number of a signal's name; "unknown signal "X"; ...". */
int cli_signal(const char *name, int *ret, struct ps_err *e);
/*
 * Add the descriptors of socket activation (LISTEN_FDS) to *n, and check that 3 .. 3+*n-1 are the caller's: one that is not
 * open now would become whatever podshim opens next, and go to the payload.
 */
int cli_preserve_fds(const struct cli *cli, uint32_t *n, struct ps_err *e);
/*
 * Call fn for every container whose id matches the POSIX extended regex.  All are tried; the first failure is returned.
 */
int cli_each_match(struct cli *cli, const char *regex, int (*fn)(struct cli *cli, const char *id, struct ps_err *e),
		   struct ps_err *e);
/* Rows of cells as columns at least 12 wide, without trailing blanks; what a terminal could act on becomes '?'. */
void cli_print_table(struct ps_buf *out, const char *const *cells, size_t n_rows, size_t n_columns);

/* help.c: texts made from the tables, for who calls us `program`. */
void help_overview(struct ps_buf *out, const char *program);
void help_command(struct ps_buf *out, const char *program, const struct command *c);
