/* SPDX-License-Identifier: Apache-2.0
 * tape.h - the event log of a pod: one writer at a time, many readers, overwriting, in named POSIX shared memory.
 *
 * A reader needs read access only and does not slow a writer.  Each record has a sequence number; a reader that
 * was overtaken sees a gap in `seq` and continues with the oldest record that is still whole.  Writers (verbs, later a
 * supervisor) serialise by the tape's own lock (flock on the segment).  A truncated segment is an error, not SIGBUS.
 * A struct tape belongs to one thread at a time.
 * The header carries runtime root, id, uid and boot id, so that every container can be found from its tape.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "ipc/shm.h"

enum { TAPE_DATA_SIZE = 64 * 1024, TAPE_RECORD_MAX = 8 * 1024 };

/* number on the wire, name in JSON */
#define TAPE_TYPES(X)                    \
	X(TAPE_STATE,  1, "state")       \
	X(TAPE_ERROR,  2, "error")       \
	X(TAPE_EXEC,   3, "exec")        \
	X(TAPE_EXIT,   4, "exit")        \
	X(TAPE_OUTPUT, 5, "output")      \
	X(TAPE_AUDIT,  6, "audit")
enum tape_type {
#define X(sym, n, name) sym = n,
	TAPE_TYPES(X)
#undef X
};
const char *tape_type_name(enum tape_type t);

struct tape_info {
	char name[SHM_NAME_MAX + 1];
	char root[1024], id[1024];
	uid_t uid;
	char boot_id[37];
	uint64_t created_ns;     /* CLOCK_REALTIME */
};

struct tape;                     /* an open tape: mapping and fd */
struct tape_cursor { uint64_t pos, seq; };

struct tape_record {
	uint64_t seq, time_ns;   /* CLOCK_REALTIME */
	enum tape_type type;
	uint32_t len;
	char data[TAPE_RECORD_MAX]; /* text of one JSON object, see PROTOCOL.md; not NUL-terminated */
};

/* Create the segment named in info->name (from shm_random_name) and write its header. */
int tape_create(const struct tape_info *info, struct tape **ret, struct ps_err *e);
/* Open for writing (owner only) or reading. */
int tape_open(const char *name, bool write, struct tape **ret, struct ps_err *e);
void tape_close(struct tape *t);     /* accepts NULL; keeps the segment */
static inline void tape_closep(struct tape **t) { tape_close(*t); *t = NULL; }
#define auto_tape __attribute__((cleanup(tape_closep)))
/* The header, copied and checked. */
int tape_info(const struct tape *t, struct tape_info *ret, struct ps_err *e);
/* Append one record (n <= TAPE_RECORD_MAX) and wake the readers.  Fails with PS_E_PEER if the segment was truncated. */
int tape_write(struct tape *t, enum tape_type type, const void *data, size_t n, struct ps_err *e);
struct tape_line { enum tape_type type; const void *data; size_t n; };
/*
 * Append n records that tell the end of what the tape is about, with no other between them, unless an end was told
 * before: however many processes see it, it is told once.  1 written, 0 told before.
 */
int tape_write_end(struct tape *t, const struct tape_line *v, size_t n, struct ps_err *e);
bool tape_has_end(const struct tape *t);
/* Bytes that records take of TAPE_DATA_SIZE; 0 when it cannot be read. */
size_t tape_used(const struct tape *t);
/* Position before the oldest whole record (history) or behind the newest. */
void tape_cursor_oldest(const struct tape *t, struct tape_cursor *c);
void tape_cursor_newest(const struct tape *t, struct tape_cursor *c);
/* 1: *ret filled and cursor moved; 0: nothing new; -1: the tape is damaged.  Lost records show as a jump of seq. */
int tape_read(const struct tape *t, struct tape_cursor *c, struct tape_record *ret, struct ps_err *e);
/* Sleep until something was written after c, at most timeout_ms.  0 new, 1 timed out, 2 the segment was unlinked or closed by its owner. */
int tape_wait(const struct tape *t, const struct tape_cursor *c, int timeout_ms);
/* The owner's last word: readers see end of tape. */
void tape_finish(struct tape *t);
