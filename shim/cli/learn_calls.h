/* SPDX-License-Identifier: Apache-2.0
 * learn_calls.h - the system calls of all runs that were learned from, as a document's linux.seccomp.
 */
#pragma once
#include "base/jsonw.h"
#include "oci/json.h"
#include "oci/spec.h"

/* Names in the file of JSON lines that runs told of, sorted, each once; in the arena. */
int learn_calls_read(struct ps_arena *a, const char *file, struct spec_strs *ret, struct ps_err *e);
/*
 * An object linux.seccomp that lets these happen, and what the runtime does behind its filter (reaper: a first process of its
 * own, too); all other calls fail with ENOSYS, by which C libraries try older ones.  key NULL: not a member.
 */
void learn_calls_put(struct ps_jsonw *w, const char *key, const struct spec_strs *calls, bool reaper);
/*
 * The document's own filter with less in it: what it allows and nobody called is left out, its conditions stay.  false: it allows by
 * default, and so names what must not happen: nothing was written, and it has to stay as it is.
 */
bool learn_calls_narrow(struct ps_jsonw *w, const struct json *own, const struct spec_strs *calls, bool reaper);
