/* SPDX-License-Identifier: Apache-2.0
 * script.h - the launch script as data, and the player that projects it on a role.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "ipc/sock.h"
#include "shim/launch/launch.h"
#include "shim/launch/script.def"
#include "shim/plan/plan.h"

enum role { LAUNCHER, INIT };

enum script_row {
#define X(row, actor, then, when, note) ROW_##row,
	LAUNCH_SCRIPT(X)
#undef X
	ROW_COUNT
};

struct script_step {
	const char *name, *note;
	enum role actor, then;
	bool (*when)(const struct plan *);
};
extern const struct script_step launch_script[ROW_COUNT];

/* What travels between the roles: a row's result; the error follows only if rc < 0. */
struct script_msg {
	uint32_t row;
	int32_t rc;
	int32_t pid;             /* rows spawn_*: the new process; row record: init's own, as the host sees it */
	uint32_t pad;
	struct ps_err err;
};
enum { SCRIPT_MSG_SHORT = 16, SCRIPT_PLAN_MAX = 32 * 1024 /* behind a short message */ };

/*
 * INIT's words without descriptors: by write(2), which a guard has no reason to stop, where it may stop all that could have an
 * address, and who should answer then may wait for these very words.
 */
ssize_t script_say(int channel, const struct script_msg *m, size_t n);

struct script_fds {
	int fd[SOCK_MAX_FDS];
	size_t n;
};
void script_fds_close(struct script_fds *f);

/* One role's view of the play. */
struct player {
	enum role me;
	const struct plan *plan; /* NULL: `start`, which knows no plan; every `when` holds */
	int channel;             /* SOCK_SEQPACKET to the other role */
	int wait_ms;             /* deadline of a wait, -1: none (hooks without a timeout) */
	int (*const *rows)(struct player *p, struct ps_err *e); /* by row; NULL for the other role's */
	/* What the last messages brought: a pid, and fds (the row that expects them takes them, the last first). */
	pid_t heard_pid;
	pid_t own_pid;           /* INIT, after row record: as the host sees it */
	struct script_fds heard;
	/* To send along with the current row's result; the fds stay ours. */
	pid_t tell_pid;
	struct script_fds tell;
	const struct plan *new_plan; /* LAUNCHER: goes along with row open_gate.  INIT: came with it, unchecked; NULL: none */
	size_t new_plan_size;    /* INIT */
	int plan_fd;             /* LAUNCHER: a sealed memfd in place of new_plan, when that is too large for a message; -1 */
	bool told;               /* the row has sent its message itself (spawn_*: by the process that ends there) */
	int gate_fd;             /* INIT: listening socket of the gate, -1: the gate is the channel */
	bool channel_opens;      /* INIT: the channel opens the gate as well, and its end is ours */
	struct launch_told told_of; /* LAUNCHER */
	uint32_t row;            /* being played */
	uint32_t failed_row;     /* that the other side reported to have failed; 0: none */
};

/*
 * Play rows first..last.  On failure *e names the row that failed, here or at the peer ("<row note>"-free: the message of the
 * row itself, with the row's name in `where` when that is empty).  INIT tells the launcher of each failure.
 * EOF instead of a message is a failure, except after row `ready`: there it is how execve reports success.
 */
int script_play(struct player *p, enum script_row first, enum script_row last, struct ps_err *e);
