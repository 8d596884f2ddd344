/* SPDX-License-Identifier: Apache-2.0
 * msg.h - control messages: built into a buffer, and parsed from bytes that nobody vouches for.
 *
 * One message is one datagram of a SOCK_SEQPACKET socket (ipc/sock.h): a header of 16 bytes, then fields of 8 bytes and
 * a value each, everything little endian and padded with zeros to 8.  ipc/PROTOCOL.md, section "Control messages", says
 * what is asked and answered; ipc/msg_table.h has the numbers.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "ipc/msg_table.h"

enum {
	MSG_VERSION = 1,
	MSG_MAX = 192 * 1024,     /* bytes of a message: less than the kernel's default SO_SNDBUF */
	MSG_DATA_MAX = 64 * 1024, /* bytes of TAG_DATA */
	MSG_FDS_MAX = 8,          /* descriptors of a message */
	MSG_HEADER_SIZE = 16,
	MSG_FIELD_SIZE = 8,
	MSG_ALIGN = 8,
};

#define X(sym, n, name, who) sym = (n),
enum msg_type { MSG_TYPES(X) };
#undef X
#define X(sym, n, name, kind, often) sym = (n),
enum msg_tag { MSG_TAGS(X) };
#undef X
#define X(sym, n, text) sym = (n),
enum msg_flag { MSG_FLAGS(X) };
enum msg_option { MSG_OPTIONS(X) };
enum msg_feature { MSG_FEATURES(X) };
enum msg_fd_kind { MSG_FD_KINDS(X) };
#undef X
#define X(sym, name, text) sym,
enum msg_reason { MSG_REASONS(X) };
#undef X
enum msg_who { MSG_NOBODY, MSG_WHO_EVENT, MSG_WHO_READS, MSG_WHO_WRITES };

/* "launch"; "unknown" for a number that is none. */
const char *msg_type_name(unsigned type);
const char *msg_tag_name(unsigned tag);
const char *msg_reason_name(enum msg_reason r);
/* Who may send a message of this type; MSG_NOBODY when there is no such type. */
enum msg_who msg_type_who(unsigned type);

/* ---- Reading ---- */

struct msg_field {
	uint16_t tag;
	uint32_t len;       /* of TEXT: with its NUL */
	const char *data;   /* in the message's memory; TEXT is a C string */
};
/* A message, or the inside of a group: fields in the caller's memory, which must not change while they are looked at. */
struct msg {
	unsigned type, flags; /* type: maybe one that is not known here */
	uint32_t id;          /* of the request; 0 in events */
	int status;           /* of a reply: PS_OK or an error class; else 0 */
	const char *fields;
	size_t n_bytes;       /* of the fields */
};

/*
 * Check n bytes at p as one whole message: lengths, paddings, kinds, single fields that repeat, texts, groups, tags that
 * must be understood.  On success every accessor below is safe.  PS_E_PEER otherwise, *ret untouched.
 */
int msg_parse(const void *p, size_t n, struct msg *ret, struct ps_err *e);
/* Iterate: begin with *at = 0.  False at the end.  Unknown tags are skipped. */
bool msg_next(const struct msg *m, size_t *at, struct msg_field *ret);
/* The next field with this tag; for lists. */
bool msg_next_of(const struct msg *m, enum msg_tag tag, size_t *at, struct msg_field *ret);
bool msg_has(const struct msg *m, enum msg_tag tag);
/* The value of a U64 field, or `otherwise` without one. */
uint64_t msg_u64(const struct msg *m, enum msg_tag tag, uint64_t otherwise);
/* The value of a U64 field that must be there and at most max; PS_E_USAGE names message and field otherwise. */
int msg_get_u64(const struct msg *m, enum msg_tag tag, uint64_t max, uint64_t *ret, struct ps_err *e);
/* The same of a field that may be missing: then *ret is `otherwise`. */
int msg_want_u64(const struct msg *m, enum msg_tag tag, uint64_t max, uint64_t otherwise, uint64_t *ret, struct ps_err *e);
/* The text of a TEXT field, or `otherwise` (maybe NULL). */
const char *msg_text(const struct msg *m, enum msg_tag tag, const char *otherwise);
size_t msg_count(const struct msg *m, enum msg_tag tag);
/* The value of a U64 field from msg_next. */
uint64_t msg_field_u64(const struct msg_field *f);
/* The inside of a GROUP field from msg_next. */
struct msg msg_group(const struct msg *m, const struct msg_field *f);
/*
 * The index of the descriptor that TAG_FD names `kind`, among the n_fds that came with the message; -1 when there is none.
 */
int msg_fd_index(const struct msg *m, enum msg_fd_kind kind, size_t n_fds);
/* TAG_FD names as many descriptors as came, each kind at most once.  PS_E_PEER otherwise. */
int msg_check_fds(const struct msg *m, size_t n_fds, struct ps_err *e);
/* A reply's failure as an error: class, errno, place and text of the server.  0 when the status is PS_OK, else -1. */
int msg_failure(const struct msg *m, struct ps_err *e);

/* ---- Writing: into any ps_buf, e.g. one lent by the stack; failures stick and come out at msg_end ---- */

/* Start a message in an emptied buffer. */
void msg_begin(struct ps_buf *b, enum msg_type type, unsigned flags, uint32_t id);
/* Replace the header's flags, e.g. once there are more runners than fit. */
void msg_set_flags(struct ps_buf *b, unsigned flags);
void msg_put_u64(struct ps_buf *b, enum msg_tag tag, uint64_t v);
void msg_put_text(struct ps_buf *b, enum msg_tag tag, const char *text);
void msg_put_bytes(struct ps_buf *b, enum msg_tag tag, const void *p, size_t n);
/* Fields between the two calls are inside the group; returns the mark for msg_group_end. */
size_t msg_group_begin(struct ps_buf *b, enum msg_tag tag);
void msg_group_end(struct ps_buf *b, size_t mark);
/* Make it the failed reply (or the ERROR event) that says *why: status, text, place, errno.  After msg_begin. */
void msg_put_failure(struct ps_buf *b, const struct ps_err *why);
/* Write the final length.  PS_E_OS without memory, PS_E_USAGE when it has more than MSG_MAX bytes. */
int msg_end(struct ps_buf *b, struct ps_err *e);
