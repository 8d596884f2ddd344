/* SPDX-License-Identifier: Apache-2.0
 * state_file.h - the text of state.json and the names in ROOT (private to oci/state*.c and their tests).
 */
#pragma once
#include <stddef.h>
#include "oci/state.h"

#define STATE_FILE "state.json"
enum { STATE_FILE_VERSION = 1, STATE_FILE_MAX = 256 * 1024 };

/* Append state.json's text. */
void state_format(struct ps_buf *out, const struct state *st);
/* Parse it.  Missing members are zero but for version, status, id, bundle and bootId; unknown ones are refused.
 * *ret is undefined on failure. */
int state_parse(const char *text, size_t n, struct state *ret, struct ps_err *e);

/* A folder being built, and one being deleted: these prefixes and random digits. */
#define STATE_NEW ".new-"
#define STATE_DEL ".del-"
enum { STATE_TMP_MAX = 32 };
int state_tmp_name(const char *prefix, char out[STATE_TMP_MAX], struct ps_err *e);
/* A valid container id that can be a folder's name and does not start with a dot. */
bool state_id_ok(const char *id);
/*
 * Who has a folder of these names at work holds a lock of ROOT itself with LOCK_SH; a sweep takes it with LOCK_EX, and what it
 * finds then is dead.  Returns the fd, whose closing unlocks.  PS_E_STATE on time-out.
 */
int state_root_lock(int root_fd, int op, int timeout_ms, struct ps_err *e);
