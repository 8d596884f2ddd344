/* SPDX-License-Identifier: Apache-2.0
 * prompt.h - the launcher's part of questions (ask.h): shows them at its terminal, one at a time, and takes the answer.
 *
 * The program that the questions are about has no hold on that terminal: it has a pty of its own (foreground.c), or, for what it
 * would have inherited, pipes.  While a question is shown nothing goes either way between those and the terminal; what was typed
 * before is thrown away, and so is what is typed in the moment that a question takes to be noticed.  An answer is a line that
 * is one of y, n, A; a terminal's reports are none.  End of file is n, a terminal that fails denies all.
 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>
#include "base/err.h"

enum { PROMPT_POLLS = 8, PROMPT_BLOCK = 4096 };

struct ask_msg;
struct prompt_pipe {
	int theirs, ours, end;       /* end: 0, 1 or 2 of our caller's */
	char data[PROMPT_BLOCK];
	size_t at, n;
};
struct prompt {
	int sock, in_fd, out_fd;     /* sock: to the supervisor; -1: nothing is asked */
	bool owns_tty;               /* in_fd is /dev/tty */
	enum { PROMPT_IDLE, PROMPT_WAITS /* not in the foreground */, PROMPT_NEW /* shown, answers do not count yet */, PROMPT_SHOWN, PROMPT_ENDS /* interrupted */ } state;
	int64_t next_ms;             /* of WAITS, NEW, ENDS: when to go on */
	struct ask_msg *question;
	struct termios before;
	bool changed;                /* the terminal is not as `before` */
	struct prompt_pipe pipes[3];
};
#define PROMPT_NO_PIPE(n) { .theirs = -1, .ours = -1, .end = n }
#define PROMPT_NONE { .sock = -1, .in_fd = -1, .out_fd = -1, .pipes = { PROMPT_NO_PIPE(0), PROMPT_NO_PIPE(1), PROMPT_NO_PIPE(2) } }

/* Is there a terminal: /dev/tty, or one at stdin and stderr? */
bool prompt_possible(void);
/* sock is taken over, also on failure.  pipes: the program gets them in place of a terminal of ours. */
int prompt_open(struct prompt *p, int sock, bool pipes, struct ps_err *e);
/* Init has its ends of the pipes. */
void prompt_launched(struct prompt *p);
void prompt_close(struct prompt *p);
/* A question is shown: the terminal is nobody else's. */
bool prompt_is_shown(const struct prompt *p);
/* A signal was sent to the program that ends most: no is the answer for those that live on, and cannot notice before. */
void prompt_interrupt(struct prompt *p);
/* What to wait for: at most PROMPT_POLLS. */
size_t prompt_poll(const struct prompt *p, struct pollfd v[PROMPT_POLLS]);
/* When something is to be done though nothing came, on the monotonic clock in ms; INT64_MAX: never. */
int64_t prompt_deadline(const struct prompt *p);
void prompt_serve(struct prompt *p, const struct pollfd *v, size_t n);
/* The program has ended: what it wrote is written, nothing is asked. */
void prompt_finish(struct prompt *p);
