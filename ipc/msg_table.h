/* SPDX-License-Identifier: Apache-2.0
 * msg_table.h - the numbers of the control messages: types, tags, flags.  ipc/PROTOCOL.md says the same for others.
 */
#pragma once

/*
 * symbol, number, name, who may ask: READS (also on a read-only observe.sock), WRITES (control.sock only),
 * EVENT (only the server sends it).  A request's reply has the request's type.
 */
#define MSG_TYPES(X)                                   \
	X(MSG_HELLO,      1, "hello",      EVENT)      \
	X(MSG_ERROR,      2, "error",      EVENT)      \
	X(MSG_STATE,      3, "state",      EVENT)      \
	X(MSG_EXIT,       4, "exit",       EVENT)      \
	X(MSG_OUTPUT,     5, "output",     EVENT)      \
	X(MSG_LIST,      16, "list",       READS)      \
	X(MSG_STATS,     17, "stats",      READS)      \
	X(MSG_SUBSCRIBE, 18, "subscribe",  READS)      \
	X(MSG_OBSERVE,   19, "observe",    READS)      \
	X(MSG_ACK,       20, "ack",        READS)      \
	X(MSG_WAIT,      21, "wait",       READS)      \
	X(MSG_LAUNCH,    32, "launch",     WRITES)     \
	X(MSG_LINK,      33, "link",       WRITES)     \
	X(MSG_INPUT,     34, "input",      WRITES)     \
	X(MSG_RESIZE,    35, "resize",     WRITES)     \
	X(MSG_SIGNAL,    36, "signal",     WRITES)     \
	X(MSG_INTERRUPT, 37, "interrupt",  WRITES)     \
	X(MSG_STOP,      38, "stop",       WRITES)     \
	X(MSG_REMOVE,    39, "remove",     WRITES)     \
	X(MSG_SHUTDOWN,  40, "shutdown",   WRITES)     \
	X(MSG_GUARD,     41, "guard",      WRITES)

/*
 * symbol, number, name, kind, how often.  Kinds: U64; TEXT (no NUL but the one at its end); BYTES; GROUP (fields again, but
 * no group).  ONE: at most once in a message or group; LIST: any number, in order.
 */
#define MSG_TAGS(X)                                              \
	X(TAG_VERSION,       1, "version",      U64,   ONE)      \
	X(TAG_POD,           2, "pod",          TEXT,  ONE)      \
	X(TAG_PID,           3, "pid",          U64,   ONE)      \
	X(TAG_FEATURES,      4, "features",     U64,   ONE)      \
	X(TAG_FD,            5, "fd",           U64,   LIST)     \
	X(TAG_FLAGS,         6, "flags",        U64,   ONE)      \
	X(TAG_TEXT,          7, "text",         TEXT,  ONE)      \
	X(TAG_WHERE,         8, "where",        TEXT,  ONE)      \
	X(TAG_ERRNO,         9, "errno",        U64,   ONE)      \
	X(TAG_N,            16, "n",            U64,   ONE)      \
	X(TAG_ID,           17, "id",           TEXT,  ONE)      \
	X(TAG_STATE,        18, "state",        TEXT,  ONE)      \
	X(TAG_STATUS,       19, "status",       U64,   ONE)      \
	X(TAG_REASON,       20, "reason",       TEXT,  ONE)      \
	X(TAG_COMMAND,      21, "command",      TEXT,  ONE)      \
	X(TAG_CREATED_NS,   22, "created_ns",   U64,   ONE)      \
	X(TAG_STARTED_NS,   23, "started_ns",   U64,   ONE)      \
	X(TAG_EXITED_NS,    24, "exited_ns",    U64,   ONE)      \
	X(TAG_TAPE,         25, "tape",         TEXT,  ONE)      \
	X(TAG_RUNNER,       26, "runner",       GROUP, LIST)     \
	X(TAG_AFTER,        27, "after",        U64,   ONE)      \
	X(TAG_ARG,          32, "arg",          TEXT,  LIST)     \
	X(TAG_ENV,          33, "env",          TEXT,  LIST)     \
	X(TAG_CWD,          34, "cwd",          TEXT,  ONE)      \
	X(TAG_MEMORY,       35, "memory",       U64,   ONE)      \
	X(TAG_PIDS,         36, "pids",         U64,   ONE)      \
	X(TAG_CPUS,         37, "cpus",         U64,   ONE)      \
	X(TAG_TIMEOUT_MS,   38, "timeout_ms",   U64,   ONE)      \
	X(TAG_OUTPUT_LIMIT, 39, "output_limit", U64,   ONE)      \
	X(TAG_ROWS,         40, "rows",         U64,   ONE)      \
	X(TAG_COLS,         41, "cols",         U64,   ONE)      \
	X(TAG_HISTORY,      42, "history",      U64,   ONE)      \
	X(TAG_POS,          48, "pos",          U64,   ONE)      \
	X(TAG_HEAD,         49, "head",         U64,   ONE)      \
	X(TAG_FINISHED,     50, "finished",     U64,   ONE)      \
	X(TAG_DATA,         51, "data",         BYTES, ONE)      \
	X(TAG_EOF,          52, "eof",          U64,   ONE)      \
	X(TAG_SIGNAL,       53, "signal",       U64,   ONE)      \
	X(TAG_CPU_NS,       64, "cpu_ns",       U64,   ONE)      \
	X(TAG_MEMORY_USED,  65, "memory_used",  U64,   ONE)      \
	X(TAG_MEMORY_PEAK,  66, "memory_peak",  U64,   ONE)      \
	X(TAG_PIDS_USED,    67, "pids_used",    U64,   ONE)      \
	X(TAG_OUTPUT_BYTES, 68, "output_bytes", U64,   ONE)      \
	X(TAG_WARM,         69, "warm",         U64,   ONE)      \
	X(TAG_WARM_WANTED,  70, "warm_wanted",  U64,   ONE)      \
	X(TAG_LAUNCHED,     71, "launched",     U64,   ONE)      \
	X(TAG_FAILED,       72, "failed",       U64,   ONE)      \
	X(TAG_RING_SIZE,    73, "ring_size",    U64,   ONE)      \
	X(TAG_DENIED,        74, "denied",       U64,   ONE)      \
	X(TAG_WARNED,        75, "warned",       U64,   ONE)      \
	X(TAG_ALLOWED,       76, "allowed",      U64,   ONE)      \
	X(TAG_DROPPED,       77, "dropped",      U64,   ONE)      \
	X(TAG_OUTPUT_KEPT,   78, "output_kept",  U64,   ONE)      \
	X(TAG_OUTPUT_ROOM,   79, "output_room",  U64,   ONE)      \
	X(TAG_TAPE_USED,     80, "tape_used",    U64,   ONE)      \
	X(TAG_TAPE_ROOM,     81, "tape_room",    U64,   ONE)      \
	X(TAG_PERMISSION, 32769, "permission",  TEXT,  LIST)

/* Tags from here on must be understood: a receiver that does not know one refuses the message.  Others it skips. */
#define MSG_TAG_CRITICAL 0x8000u

/* Bits of the header's flags. */
#define MSG_FLAGS(X)                                                                           \
	X(MSG_REPLY,     1, "the answer to the request with this id")                          \
	X(MSG_HAS_MORE,  2, "LIST, STATS: there are more runners, ask again with `after`")

/* Bits of TAG_FLAGS in LAUNCH (the first five), OBSERVE (LOSSLESS, DETACHED), STOP and REMOVE (FORCE), LIST rows (TTY, DETACHED). */
#define MSG_OPTIONS(X)                                                                                       \
	X(MSG_LOSSLESS,  1, "the runner waits rather than overwrite output that this client has not read")   \
	X(MSG_DETACHED,  2, "the runner outlives this connection")                                           \
	X(MSG_CODE,      4, "an interpreter runner that has sent READY")                                     \
	X(MSG_TTY,       8, "a terminal of `rows` and `cols` for standard input, output and error")          \
	X(MSG_STDIN,    16, "standard input stays open: FD_INPUT comes with the reply, or INPUT follows")    \
	X(MSG_FORCE,    32, "at once, by SIGKILL; REMOVE of a runner that still runs")

/* Bits of TAG_FEATURES in HELLO. */
#define MSG_FEATURES(X)                                                        \
	X(MSG_CAN_LAUNCH,  1, "a pod: LAUNCH and SHUTDOWN")                    \
	X(MSG_CAN_CODE,    2, "its program is an interpreter: LAUNCH with CODE") \
	X(MSG_CAN_LINK,    4, "runners have a channel: LINK")                  \
	X(MSG_CAN_WRITE,   8, "this socket is no observe.sock")

/* What a descriptor that comes with a message is: one TAG_FD each, in the order of the descriptors. */
#define MSG_FD_KINDS(X)                                                                     \
	X(FD_OUTPUT,      1, "memfd of the runner's output stream")                         \
	X(FD_INPUT,       2, "write end of its standard input")                             \
	X(FD_HOST_AREA,   3, "link: memfd that the client writes")                          \
	X(FD_RUNNER_AREA, 4, "link: memfd that the runner writes")                          \
	X(FD_BELL,        5, "link: socket of the bell")                                    \
	X(FD_GUARD,       6, "guard: where the listener of one more process of the runner comes")

/* Why a runner ended: TAG_REASON of EXIT, WAIT and LIST. */
#define MSG_REASONS(X)                                                                 \
	X(REASON_EXITED,  "exited",       "its program ended by itself")               \
	X(REASON_SIGNAL,  "signal",       "a signal that nobody here sent killed it")  \
	X(REASON_STOPPED, "stopped",      "STOP, SIGNAL, INTERRUPT, or the end of its connection") \
	X(REASON_TIMEOUT, "timeout",      "`timeout_ms` had passed")                   \
	X(REASON_MEMORY,  "memory",       "the memory limit")                          \
	X(REASON_OUTPUT,  "output-limit", "`output_limit` was reached")                \
	X(REASON_FAILED,  "failed",       "its program could not be started")
