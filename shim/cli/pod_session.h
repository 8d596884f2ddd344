/* SPDX-License-Identifier: Apache-2.0
 * pod_session.h - a runner in the foreground: its output, our input, signals, its terminal's size, detach keys.
 */
#pragma once
#include "shim/cli/pod_client.h"

enum { DETACH_KEYS_MAX = 16 };
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct detach_keys {
	char key[DETACH_KEYS_MAX];
	size_t n;            /* 0: there are none */
};
/* "ctrl-p,ctrl-q", "a,b,c", "" for none. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct ps_err *e);

struct session {
	struct podshim *c;
	struct podshim_runner *r;
	bool input;          /* standard input goes to it */
	bool tty;            /* it has a terminal: ours is made raw, follows its size, and listens for the detach keys */
	bool signals;        /* INT, TERM, QUIT and HUP go to it */
	struct detach_keys detach;
};
enum session_end {
	SESSION_ENDED,       /* the runner has ended and all its output was written */
	SESSION_DETACHED,    /* the detach keys were typed */
	SESSION_UNREAD,      /* whoever read our output has gone */
	SESSION_INTERRUPTED, /* three signals did not end it */
};
/* *ret_status: the runner's exit code or 128 + signal; of the other ends what we exit with. */
int session_run(const struct session *q, enum session_end *ret, int *ret_status, struct ps_err *e);
/* The size of our terminal, 0 without one. */
void session_size(unsigned short *ret_rows, unsigned short *ret_cols);
