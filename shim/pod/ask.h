/* SPDX-License-Identifier: Apache-2.0
 * ask.h - what no entry allows is asked: of whoever is at the terminal, or of a broker that speaks Deno's protocol.
 *
 *	ask.c           questions in a row, one open at a time; who waits for which; what was answered
 *	ask_broker.c    a connection to a broker: JSON lines
 *	ask_terminal.c  a socket to the launcher, which has the terminal (prompt.h)
 *	ask_answers.c   answers become entries of a set that permissions_decide() looks at
 *
 * What must never happen, and why it does not:
 *
 *  - An answer that counts for another call than the one that follows.  An answer is about a value, never about a call: a call
 *    that waits is parked with the copy of its arguments, and is decided again, from that copy, when an answer came.  What acts
 *    then is the broker, as after any decision, on what it has just decided; nothing is CONTINUEd.  Files are open (O_PATH)
 *    while they are asked about, and it is that object that is opened.
 *  - A payload that gives the answer, or changes what it reads like.  Values are escaped (controls, bidi, what has no looks),
 *    and long ones are denied unasked.  A payload never holds the terminal that asks: it has a pty or pipes of its own, and
 *    while a question is open nothing is moved between those and the terminal; what was typed before is thrown away; an answer
 *    is a whole line of one letter, so that no report of a terminal is one.
 *  - A question about what somebody denied.  Deny and ignore entries, what a ceiling, an annotation or a launch has cut, and
 *    protected files are never asked about (perm_rules.asks, perm_query_risk).
 *  - An answer that gives more than was shown.  Allowing a value is an entry of exactly this value, without patterns; a name
 *    that is allowed does not reach private addresses: these are asked for as addresses.
 *  - A loop that waits.  Questions are messages; who answers late, or never, keeps only those waiting who wait for it.
 *    Waiting calls are bounded (ASK_WAITING_MAX, jobs of the broker), and so are questions at a terminal (ASK_QUESTIONS_MAX).
 *  - A question that outlives its callers.  When the last of them has ended it is withdrawn, and an answer that comes later is
 *    dropped.
 *  - A fault that allows.  Without somebody to answer everything is denied; a broker that ends, or that says what it should
 *    not, ends the run (on_fault).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/pod/loop.h"
#include "shim/policy/permissions.h"

enum {
	ASK_WAITING_MAX = 256,       /* calls and lookups that wait, of all subjects */
	ASK_QUESTIONS_MAX = 1024,    /* at a terminal, in one run: then all else is denied */
	ASK_VALUE_MAX = 4096,        /* bytes of an escaped value; a longer one is denied unasked */
	ASK_WHO_MAX = 128,
};
enum ask_answer { ASK_DENY, ASK_ALLOW, ASK_ALLOW_ALL /* of this permission */ };

/* ---- What was answered ---- */

struct answers {
	struct ps_arena mem;
	struct permissions set;      /* its lists are these */
	struct perm_entry *own[POLICY_N_PERMISSIONS][2]; /* allow, deny */
	unsigned n;
};
void answers_done(struct answers *a);
struct question;
/* q was answered.  False: no memory, nothing is remembered. */
bool answers_add(struct answers *a, const struct question *q, enum ask_answer answer);
/* Is what is asked of net the address, whatever name it was found by?  A name does not stand for private ones (permissions.h). */
bool ask_is_by_address(const struct perm_query *q);
/* The entry that decides q: *ret_allowed; NULL: q was not asked. */
const struct perm_entry *answers_find(const struct answers *a, const struct perm_query *q, bool *ret_allowed);

/* ---- Questions ---- */

/* What is asked, complete with its texts: made while a call is handled, posed when somebody waits for it. */
struct question {
	struct question *next;
	struct ask_waiter *waiters;
	struct perm_query query;     /* its texts are our own */
	pid_t pid;                   /* of the first who asked */
	uint64_t id;
	bool withdrawn;              /* open, and nobody waits any more */
	char who[ASK_WHO_MAX];       /* "python3[12]"; escaped; "" unknown */
	char *value, *flag;          /* escaped; the flag that allows it */
	char *from;                  /* who answered, where that is not plain; NULL */
	char *name, *path;           /* of query */
};
/* Who waits.  Part of whatever waits; all zero when it does not. */
struct ask_waiter {
	struct question *q;
	struct ask_waiter *next;
	/* No longer waiting.  q lives until it returns. */
	void (*on_answer)(struct ask_waiter *w, const struct question *q, enum ask_answer answer);
};

/* What a supervisor needs to ask; descriptors, -1 without. */
struct ask_fds {
	int who;                     /* of ask_config.fd */
	int trees[2];                /* the host's files to read and to write (host_tree.h): they are asked about, too */
};
#define ASK_NOBODY { -1, { -1, -1 } }

struct asker;
struct ask_config {
	struct loop *loop;
	int fd;                      /* to the launcher (SOCK_SEQPACKET) or the broker (SOCK_STREAM), taken over, also on failure; -1: nobody */
	bool is_broker;
	/* The broker is at fault: why.  Every question is denied from now on. */
	void (*on_fault)(void *ctx, const char *why);
	void *ctx;
};
int asker_new(const struct ask_config *c, struct asker **ret, struct ps_err *e);
/* Accepts NULL; nobody waits any more, and no callback is called. */
void asker_free(struct asker *a);
/* A terminal's answers hold for the whole run, a broker's for the call that asked: then NULL. */
const struct answers *asker_answers(const struct asker *a);
/* May q be asked now?  Not what is protected, not what has too long a name, not too much. */
bool asker_takes(const struct asker *a, const struct perm_query *q);
/* NULL: no memory.  pid: who asks, named `who` ("" unknown). */
struct question *question_new(const struct perm_query *q, pid_t pid, const char *who);
void question_free(struct question *q);
/* Wait for an answer to *q, which is taken over; it may be one that others wait for already.  False: there are too many. */
bool asker_pose(struct asker *a, struct question **q, struct ask_waiter *w);
/* It waits no longer; nothing when it does not. */
void asker_leave(struct asker *a, struct ask_waiter *w);

/* ---- What answers: ask_broker.c, ask_terminal.c ---- */

/* Connect to the broker at path. */
int ask_broker_connect(const char *path, struct ps_err *e);
struct ask_backend {
	/* NULL, or why it cannot be said. */
	const char *(*pose)(struct asker *a, const struct question *q);
	void (*withdraw)(struct asker *a, const struct question *q); /* NULL: it hears nothing of that; its answer still comes */
	void (*on_readable)(struct asker *a);
	bool remembers;
};
extern const struct ask_backend ask_broker, ask_terminal;
struct asker {
	struct ask_config c;
	const struct ask_backend *backend;
	struct loop_source source;
	struct loop_timer soon;      /* poses the next */
	struct question *first, *open; /* open: was posed, and is not in the list */
	struct answers answers;
	uint64_t next_id;
	unsigned n_waiting, n_asked;
	bool gone;                   /* nobody answers any more */
	char in[8192];               /* of a line that is not whole */
	size_t n_in;
};
/* The open question was answered. */
void asker_answered(struct asker *a, enum ask_answer answer);
/* Nobody answers any more: all that wait are denied; why: the fault of a broker, NULL: a terminal that is gone. */
void asker_lost(struct asker *a, const char *why);

/* To the launcher and back. */
enum ask_kind { ASK_QUESTION, ASK_WITHDRAW, ASK_REPLY };
struct ask_msg {
	uint32_t kind, permission, answer;
	uint32_t withdrawn;          /* REPLY: nobody answered, it was withdrawn */
	uint64_t id;
	char who[ASK_WHO_MAX], value[ASK_VALUE_MAX + 1], flag[ASK_VALUE_MAX + 64];
};
