/* SPDX-License-Identifier: Apache-2.0
 * gvariant.h - values written as GVariant text ("uint64 5", "['a', 'b']", "@a(st) []") become D-Bus values.
 *
 * What systemd's properties need: numbers, booleans, strings, object paths, signatures, byte strings, arrays, tuples and
 * variants.  Neither dictionaries nor maybe types.  Source: the GVariant text format of GLib.
 */
#pragma once
#include "base/buf.h"
#include "base/dbus.h"
#include "base/err.h"

enum { GVARIANT_TEXT_MAX = 16 * 1024, GVARIANT_DEPTH_MAX = 8 };

/* The one complete type that the text says itself to be of.  PS_E_CONFIG where it is no value. */
int gvariant_type(const char *text, char ret[DBUS_SIGNATURE_MAX + 1], struct ps_err *e);
/* Append the value to a message's body as one of `type`; out NULL: only look whether it is one. */
int gvariant_put(const char *text, const char *type, struct ps_buf *out, struct ps_err *e);
/* The text of a string, quoted. */
void gvariant_quote(struct ps_buf *out, const char *s);
