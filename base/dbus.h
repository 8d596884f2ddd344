/* SPDX-License-Identifier: Apache-2.0
 * dbus.h - messages of the D-Bus protocol, as bytes: written, and read from whom we trust less than ourselves.
 *
 * Only what podshim says and hears: method calls, replies, errors and signals without descriptors, in this machine's byte
 * order.  Nothing here opens a socket (ipc/bus.h).  Sizes are bytes; source: D-Bus specification, protocol version 1.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum {
	DBUS_PROTOCOL = 1,
	DBUS_HEAD = 16,              /* what dbus_size needs */
	DBUS_FIELDS_MAX = 16 * 1024, /* header fields of a message */
	DBUS_SIZE_MAX = 256 * 1024,  /* a message; the protocol's own limit is 128 MiB */
	DBUS_NAME_MAX = 255,         /* of a bus, an interface, a member, an error */
	DBUS_SIGNATURE_MAX = 255,
	DBUS_DEPTH_MAX = 16,         /* containers in containers */
};

enum dbus_type { DBUS_CALL = 1, DBUS_REPLY = 2, DBUS_ERROR = 3, DBUS_SIGNAL = 4 };
enum { DBUS_NO_REPLY = 1, DBUS_NO_AUTO_START = 2 /* of a call: flags */ };

/* ---- Writing: values are appended to a body, which begins at an 8 byte boundary of its message ---- */

/* 1, 2, 4 or 8: what values of the type that begins with this character are aligned to; 0: no type. */
size_t dbus_alignment(char type);
/* Zeroes up to a multiple of n bytes. */
void dbus_pad(struct ps_buf *b, size_t n);
void dbus_put_byte(struct ps_buf *b, uint8_t v);
void dbus_put_u16(struct ps_buf *b, uint16_t v); /* n, q */
void dbus_put_u32(struct ps_buf *b, uint32_t v); /* i, u, b */
void dbus_put_u64(struct ps_buf *b, uint64_t v); /* x, t, d */
void dbus_put_str(struct ps_buf *b, const char *s); /* s, o; the caller answers for UTF-8 */
void dbus_put_sig(struct ps_buf *b, const char *s); /* g */
/* An array whose elements are of `type`: begin, elements, end. */
struct dbus_array { size_t length_at, first; };
struct dbus_array dbus_begin(struct ps_buf *b, char type);
void dbus_end(struct ps_buf *b, struct dbus_array a);

/* What is called; signature NULL: without a body.  destination NULL: the peer itself, no bus in between. */
struct dbus_call {
	const char *destination, *path, *interface, *member, *signature;
};
/* Append the message.  false: it is larger than DBUS_SIZE_MAX, or memory ran out. */
bool dbus_write_call(struct ps_buf *out, uint32_t serial, const struct dbus_call *c, const struct ps_buf *body);

/* ---- Reading ---- */

/* Is s one complete type, or (many) any number of them, of those that are read and written here? */
bool dbus_signature_ok(const char *s, bool many);
/* A well-formed object path? */
bool dbus_path_ok(const char *s);
/* Characters of the first complete type in s; 0: there is none. */
size_t dbus_type_length(const char *s);

/* A cursor; what it may read, every function checks.  `bad` sticks, and from then on all is 0 and "". */
struct dbus_in {
	const uint8_t *data;
	size_t size, at;
	bool bad;
};
uint8_t dbus_get_byte(struct dbus_in *in);
uint32_t dbus_get_u32(struct dbus_in *in);
uint64_t dbus_get_u64(struct dbus_in *in);
bool dbus_get_bool(struct dbus_in *in);
/* They point into the message; without a NUL inside. */
const char *dbus_get_str(struct dbus_in *in);
const char *dbus_get_path(struct dbus_in *in); /* a well-formed object path */
const char *dbus_get_sig(struct dbus_in *in);
/* Go past one value of the complete type that `type` begins with. */
void dbus_skip(struct dbus_in *in, const char *type);

/* A message; texts point into its bytes, "" where there is none. */
struct dbus_msg {
	enum dbus_type type;
	uint32_t serial, reply_serial; /* 0: no reply to anything */
	const char *path, *interface, *member, *error, *sender, *signature;
	struct dbus_in body;
};
/* How large is the message that begins with these DBUS_HEAD bytes?  0: it is none, or one that is too large. */
size_t dbus_size(const uint8_t *head);
/* Parse exactly one whole message.  false: malformed, nothing in *ret is to be used. */
bool dbus_parse(const uint8_t *data, size_t n, struct dbus_msg *ret);
