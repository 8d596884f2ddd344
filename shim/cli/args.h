/* SPDX-License-Identifier: Apache-2.0
 * args.h - flags as rows: the one table behind the parser, help, completion and the man page.
 *
 * `--flag value` and `--flag=value` are the same, a single dash does for a long flag too, and flags may stand before or
 * after the command.  `--` ends them.  Letters may be joined (-it); a value may follow its letter at once (-u1000)
 * unless it begins with a lower-case letter: that is a misspelled long flag.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

enum opt_type {
	OPT_FLAG,  /* bool; "=true" and "=false" may follow            */
	OPT_STR,   /* const char *                                     */
	OPT_ENUM,  /* const char *: one of the words of `arg`          */
	OPT_U32,   /* uint32_t, decimal                                */
	OPT_SIZE,  /* uint64_t, bytes: 512, 64K, 1.5G                   */
	OPT_TIME,  /* uint64_t, milliseconds: 500ms, 10s, 5m, 1h; 10: seconds */
	OPT_CPUS,  /* uint64_t, thousandths: 1.5                       */
	OPT_LIST,  /* struct opt_list; may be given again              */
	OPT_GRANT, /* struct opt_grants; a value only behind '='; may be given again */
	OPT_NONE,  /* accepted like OPT_FLAG and without any effect    */
};

struct opt_list {
	const char *const *v;      /* NULL when n is 0 */
	size_t n;
};

/* Flags of one kind, in the order in which they were given: which, and its value (NULL: without). */
struct opt;
struct opt_grant {
	const struct opt *opt;
	const char *value;
	bool append;           /* --flag+=value */
};
struct opt_grants {
	const struct opt_grant *v;
	size_t n;
};

/*
 * One flag.  `arg` is the placeholder of its value and says what completes it: DIR, FILE, SOCKET, for OPT_ENUM the
 * choices "text|json" (help NULL: accepted, and shown nowhere), for an OPT_LIST of words of a few those: "net,ipc,uts".  `off` is the place of the value in the structure that the command reads.
 */
struct opt {
	const char *name, *letters;  /* "version", "vV"; letters NULL without */
	enum opt_type type;
	const char *arg, *help;
	size_t off;
};
struct opt_table {
	const struct opt *v;
	size_t n;
};
#define OPT_TABLE(rows) { (rows), sizeof(rows) / sizeof((rows)[0]) }

/* It takes the next argument, if no '=' follows. */
bool opt_takes_value(const struct opt *o);
/* How its value is written in help, "" without: " DIR", "[=PATH,...]". */
void opt_usage(const struct opt *o, struct ps_buf *out);
/* i-th word of "a|b|c" or "a,b,c": its start and length; NULL behind the last. */
const char *opt_choice(const struct opt *o, size_t i, size_t *ret_len);

struct cli;
struct command;
/* Does what follows n_words words belong to someone else? */
bool args_is_payload(const struct command *c, size_t n_words);
/*
 * Read argv[1..argc) into cli: global flags, command, its flags, words.  Error PS_E_USAGE; cli->pending is then the flag
 * whose value is missing, if that is the reason.  argv is kept by reference.
 */
int args_parse(struct cli *cli, int argc, char *const *argv, struct ps_err *e);
/* Does the number of words fit the command? */
int args_check_words(const struct cli *cli, struct ps_err *e);
