/* SPDX-License-Identifier: Apache-2.0
 * err.h - the one error type of podshim.
 *
 * A function that can fail returns 0/-1 (or a count or fd >= 0) and takes a `struct ps_err *` as its last
 * parameter.  Outputs (`ret_*`) come before it and stay untouched on failure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* What callers and tests may branch on; the text is for people.  name, number, short text */
#define PS_ERR_CLASSES(X)                                       \
	X(PS_E_OS,       1, "system call failed")               \
	X(PS_E_CONFIG,   2, "configuration is invalid")         \
	X(PS_E_STATE,    3, "operation not allowed in this state") \
	X(PS_E_DENIED,   4, "refused by policy")                \
	X(PS_E_UNSUPP,   5, "not supported here")               \
	X(PS_E_PEER,     6, "peer process sent bad or no data") \
	X(PS_E_USAGE,    7, "wrong usage")                      \
	X(PS_E_NOTFOUND, 8, "no such object")                   \
	X(PS_E_EXISTS,   9, "object exists")                    \
	X(PS_E_BUG,    100, "internal error")

enum ps_err_class {
	PS_OK = 0,
#define X(sym, code, text) sym = code,
	PS_ERR_CLASSES(X)
#undef X
};

/*
 * One failure.  Lives on the caller's stack and never allocates, so that it can be filled after fork(), after
 * pivot_root() and when out of memory, and can be copied over a socket to the process that prints it.
 * `msg` is complete: what was being done, to which object, and the errno text where errno is the true cause.
 */
struct ps_err {
	enum ps_err_class cls;
	int sys;          /* errno at the point of failure, 0 if none            */
	int line;
	char file[40];    /* first raise site, for --debug                        */
	char where[128];  /* "config.json: /process/user/uid", a path, or ""      */
	char msg[512];    /* "<context>: <first cause>[: <strerror>]"             */
};

/* The compiler and its analysers see the -1 that the call returns. */
#define PS_MINUS_ONE(call) __extension__({ (void)(call); -1; })

/* Raise: record the first cause (overwrites *e).  Always -1, so callers can `return ps_fail(...)`.  e may be NULL. */
#define ps_fail(e, cls, ...) PS_MINUS_ONE(ps_fail_((e), (cls), __FILE__, __LINE__, __VA_ARGS__))
/* Raise class PS_E_OS from errno; ": " and strerror(errno) are appended.  errno is kept. */
#define ps_fail_os(e, ...) PS_MINUS_ONE(ps_fail_os_((e), __FILE__, __LINE__, __VA_ARGS__))

int ps_fail_(struct ps_err *e, enum ps_err_class cls, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6), cold));
int ps_fail_os_(struct ps_err *e, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));

/* Prefix context on the way up: msg becomes "<context>: <msg>".  Never changes cls or sys.  Always -1. */
int ps_ctx(struct ps_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
/* Set `where` if it is still empty; of a text that does not fit the end is kept.  Always -1. */
int ps_at(struct ps_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
/*
 * The same from a provenance: "FILE#/a" and below "/b" are the place "FILE: /a/b".  What names no document ("--cwd",
 * "default") stays as it is.
 */
int ps_at_from(struct ps_err *e, const char *from, const char *below);
#define ps_ctx(...) PS_MINUS_ONE(ps_ctx(__VA_ARGS__))
#define ps_at(...) PS_MINUS_ONE(ps_at(__VA_ARGS__))
#define ps_at_from(...) PS_MINUS_ONE(ps_at_from(__VA_ARGS__))
/* "<where>: <msg>" or "<msg>" into buf (always terminated); returns buf. */
const char *ps_err_text(const struct ps_err *e, char *buf, size_t size);
const char *ps_err_class_text(enum ps_err_class cls);
