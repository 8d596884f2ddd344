/* SPDX-License-Identifier: Apache-2.0
 * broker_inside.h - what the files of the broker share: the calls it knows, requests, jobs that wait, messages of its workers.
 */
#pragma once
#include <limits.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "base/abi.h"
#include "base/buf.h"
#include "shim/pod/broker.h"

/* ---- The calls (table in broker.c) ---- */

/* Which memory of the target belongs to a call; a and b are numbers of arguments.  Each becomes parts in this order. */
enum gather {
	GATHER_NOTHING,
	GATHER_ADDRESS,              /* a: sockaddr, b: its length                   -> name */
	GATHER_PATH,                 /* a: path                                      -> path */
	GATHER_PATH_HOW,             /* a: path, b: struct open_how                  -> path, how */
	GATHER_PATHS,                /* a: path, b: path                             -> path, path */
	GATHER_PACKET,               /* sendto                                       -> name, data */
	GATHER_MESSAGE,              /* a: struct msghdr                             -> name, control, data */
	GATHER_MESSAGES,             /* a: struct mmsghdr[], b: their number         -> n times the same */
};
struct request;
struct broker_call {
	int nr;
	enum gather gather;
	unsigned a, b;
	void (*handle)(struct request *r);
	bool files;
};
extern const struct broker_call broker_calls[];
extern const size_t n_broker_calls;
const struct broker_call *broker_call_find(int nr);

/* ---- Messages between the processes: SOCK_SEQPACKET, one struct, perhaps bytes behind it ---- */

enum { PART_MAX = 65536, DATA_MAX = PART_MAX + 16384, MESSAGES_MAX = 64, CONTROL_MAX = 4096 };
/* Parts lie behind each other, each aligned to 8.  cut: there was more than there is room for. */
struct part { uint32_t len, cut; };

enum notice_kind { NOTICE_HELLO /* a new reader: it has no listeners yet */, NOTICE_CALL, NOTICE_STALLED, NOTICE_WRITTEN };
struct notice {                      /* reader -> broker */
	uint32_t kind, listener;
	int32_t err;                 /* CALL: the arguments could not be read; WRITTEN */
	uint32_t n_parts;
	uint64_t job;                /* WRITTEN */
	struct seccomp_notif call;
};
enum order_kind { ORDER_WATCH /* with the listener */, ORDER_FORGET, ORDER_WRITE, ORDER_PASS, ORDER_SLOW /* a subject is no longer as the others */ };
struct order {                       /* broker -> reader */
	uint32_t kind, listener;
	uint64_t job, id;            /* WRITE: bytes follow; PASS: id is the number of a call that need not be told of again */
	uint64_t address;
	int32_t tid;
	uint32_t stride;             /* WRITE: of items of 4 bytes each; 0: all bytes to one place */
	uint32_t subject;            /* WATCH: whose it is; SLOW */
	bool quick, has_epoll;       /* WATCH: the reader may decide by what all have in common; the subject has made an epoll */
};

enum task_kind { TASK_HELLO, TASK_EPOLLS /* fds: old, new */, TASK_RESOLVE, TASK_CONNECT /* fds: socket, O_PATH */, TASK_BIND, TASK_LISTEN,
		 TASK_BIND_LOW /* text: a sockaddr */, TASK_FIND /* fds: a tree */, TASK_OPEN /* fds: O_PATH; text: of a new file in it */ };
struct task {                        /* broker -> hand, and back with err */
	uint32_t kind;
	int32_t tid, err, number;    /* number: of the descriptor in the target; backlog; of FIND's answer enum file_found */
	uint32_t mode;
	uint64_t flags;              /* FIND, OPEN: of open(2) */
	uint64_t job;
	uint32_t len;                /* of text, which is all that is sent of it: a path, or an abstract name behind its NUL */
	char text[4097];
};

enum file_found { FILE_THERE, FILE_NEW /* its folder was found */ };

/* What the reader was doing when it was killed; shared with its successor. */
struct reader_note {
	volatile uint32_t busy, listener;
	volatile uint64_t id;
	volatile int32_t tid;
	_Atomic uint32_t n_slow, n_slowed; /* orders ORDER_SLOW that were meant, and obeyed: before that nothing is answered quickly */
};

/* What the broker's subjects have in common: fork gave the reader a copy. */
struct broker_common { bool known; struct broker_facts f; uint64_t netns_cookie; };

/* Of the thread (6.9), or of its process where the kernel knows only those and both share their descriptors.  -1 without. */
int broker_pidfd(pid_t tid);
_Noreturn void broker_reader(int sock, struct reader_note *note, const struct broker_common *common);
_Noreturn void broker_hand(int sock);
/* Fork the process that makes both again and again; *ret_pidfd is its, *ret_note to be unmapped. */
int broker_keep(int reader_sock, int hand_sock, const struct broker_common *common, struct reader_note **ret_note, int *ret_pidfd,
		struct ps_err *e);

/* ---- In the supervisor ---- */

enum { JOBS_PER_SUBJECT = 128, JOBS_MAX = 512, LISTENERS_PER_SUBJECT = 64, STALLS_MAX = 3, BUCKETS = 256 };

struct listener {
	struct broker_subject *s;
	struct listener *next, *next_in_bucket;
	uint32_t n;                  /* its number in messages, never used again */
	struct loop_source source;   /* hang-up only; the reader waits for calls */
};

/* System calls by their numbers. */
enum { CALL_NUMBERS = 512 };
struct call_set { uint64_t v[CALL_NUMBERS / 64]; };
static inline bool call_set_has(const struct call_set *s, int nr)
{
	return nr >= 0 && nr < CALL_NUMBERS && s->v[nr / 64] >> nr % 64 & 1;
}
/* Was it not there before? */
static inline bool call_set_add(struct call_set *s, int nr)
{
	if (nr < 0 || nr >= CALL_NUMBERS || call_set_has(s, nr))
		return false;
	s->v[nr / 64] |= UINT64_C(1) << nr % 64;
	return true;
}

struct broker_subject {
	struct broker *b;
	struct broker_subject *next;
	struct broker_facts f;
	uint32_t n;                  /* its number in messages */
	struct loop_source handover;
	struct listener *listeners;
	unsigned n_listeners, n_jobs, n_stalled, n_parked;
	uint64_t stalled_ms;         /* when last */
	struct question *draft;      /* of the call that is being handled: what it has to wait for */
	bool has_epoll, executes;    /* executes: the first execve was seen */
	struct call_set told;
};

/* Options of a socket as the namespace has them by default: what differs is copied to the one that takes its place. */
enum { SWAP_OPTIONS_MAX = 32 };
struct socket_defaults { bool known; int v[SWAP_OPTIONS_MAX]; };

struct broker {
	struct loop *loop;
	struct loop_source reader, hand, life;
	struct broker_subject *subjects;
	struct listener *buckets[BUCKETS]; /* by n */
	struct job *jobs;
	uint64_t next_job, next_task, netns_cookie;
	uint32_t next_listener, next_subject;
	struct broker_common common;
	struct reader_note *note;
	unsigned n_jobs;
	struct socket_defaults defaults[2]; /* AF_INET, AF_INET6 */
	struct outbox { struct outgoing *first; size_t bytes; } to_reader, to_hand; /* what the sockets had no room for */
	bool lost, hand_known;       /* lost: the workers are gone */
	struct { struct notice head; char data[DATA_MAX]; } in;
	struct task task_in;
};

struct request {
	struct broker *b;
	struct listener *l;
	struct broker_subject *s;
	const struct broker_call *call;
	uint64_t id, args[6];
	pid_t tid;
	const char *parts, *end;     /* of the handler only */
	uint32_t n_parts, n_all;     /* n_all, all: of all parts, before the first was taken */
	const char *all;
	struct answers *own;          /* answers for this call alone; NULL */
};

/* A call that is not answered yet.  Owned by the broker; freed by job_done(). */
struct job {
	struct job *next;
	uint64_t n, task;            /* task: the hand does them in this order */
	struct request r;            /* without parts */
	struct loop_source source;   /* .fd is owned: the duplicate, or the socket that takes its place */
	bool watched;                /* source is in the loop */
	struct loop_timer timer;
	int old_fd;                  /* of a swap: the duplicate of what it replaces; owned; -1 */
	int path_fd;                 /* O_PATH; owned; -1 */
	uint64_t deadline_ms;        /* SO_SNDTIMEO; 0: none */
	bool blocks_again;           /* source.fd is the target's, and was made O_NONBLOCK for this */
	enum { JOB_WAITS_SOURCE, JOB_WAITS_READER, JOB_WAITS_HAND, JOB_WAITS_TIME, JOB_WAITS_ANSWER } waits;
	void (*on_ready)(struct job *j);                      /* source, time */
	void (*on_late)(struct job *j);                       /* deadline_ms */
	void (*on_reply)(struct job *j, int err, const struct task *t); /* reader or hand; t: hand only */
	union {
		struct { struct sockaddr_storage addr; socklen_t len; } connect;
		struct { int64_t value; } written;                /* the answer once the reader has written */
	};
	void *bytes;                 /* malloc'd; owned */
	size_t n_bytes;              /* of a call that waits for an answer */
	struct ask_waiter waiter;    /* on what it waits for an answer */
	struct answers answers;      /* for this call alone */
	bool parked;
};

/* The next part; false when there is none. */
bool request_part(struct request *r, const char **ret, size_t *ret_len, bool *ret_cut /* NULL: never mind */);
/* Does its target still wait? */
bool request_valid(const struct request *r);
/* value, or -err.  err REQUEST_ASKED: not now, it waits for an answer, and is handled again then. */
enum { REQUEST_ASKED = 4096 /* no errno */ };
void request_answer(const struct request *r, int64_t value, int err);
/* After no decision: the kernel goes on with whatever the memory holds then. */
void request_continue(const struct request *r);
/* A duplicate of the target's descriptor, of which it is known that it was the target's.  -1: answered with why. */
int request_fd(const struct request *r, int fd);
/* Field of /proc/TID/status, hexadecimal or decimal; false without. */
bool request_status(const struct request *r, const char *name, int base, uint64_t *ret);

/* What remains until its answer; NULL when there are too many (answered EAGAIN). */
struct job *job_new(const struct request *r);
void job_done(struct job *j);
/* Wait until its source is ready for events; on_ready follows, or on_late, or the job ends with its target. */
void job_wait(struct job *j, uint32_t events);
/* on_ready after a moment. */
void job_retry(struct job *j);
/* Send an order about it to the reader, a task to the hand.  on_reply follows, or the job ends.  The end of both. */
void job_order(struct job *j, struct order *o, const void *bytes, size_t n);
void job_task(struct job *j, struct task *t, const int *fds, size_t n_fds);
/* Wait for ms, or, JOB_WAITS_ANSWER, look every ms whether the target still does. */
void job_begin(struct job *j, unsigned waits, uint64_t ms);
/* Answer and free. */
void job_answer(struct job *j, int64_t value, int err);

/* ---- broker_ask.c ---- */
/* The decision, answers among what counts; *ret_asked: it is one. */
struct perm_verdict request_verdict(const struct request *r, const struct perm_query *q, bool *ret_asked);
/* Nothing allows q: is somebody to be asked?  Then the call must be answered REQUEST_ASKED, or a job of it park. */
bool request_asks(const struct request *r, const struct perm_query *q);
void request_park(const struct request *r);
/* The same for a job: on_ready follows, or its end. */
void job_park(struct job *j, void (*on_ready)(struct job *j));
/* It waits for no answer any more, if it did. */
void job_unpark(struct job *j);
/* What was to be asked for the call that was handled just now is asked by nobody. */
void subject_drop_draft(struct broker_subject *s);
/* ---- broker.c ---- */
/* False: there is no room, or nobody is there. */
bool broker_tell(struct broker *b, bool hand, const void *head, size_t n_head, const void *bytes, size_t n, const int *fds, size_t n_fds);
/* What asks for a target's end, since it holds up the workers. */
void request_kill(const struct request *r);
void jobs_drop(struct broker *b, const struct broker_subject *s /* NULL: all */, const struct listener *l /* NULL: all */);

/* Decide, and tell who wants to know (action as in struct broker_event).  deny_err: what the target gets when denied. */
bool request_allowed(const struct request *r, const struct perm_query *q, const char *action, bool sound, int *ret_err);
/* The same where it has been decided. */
bool request_told(const struct request *r, const struct perm_query *q, const struct perm_verdict *v, const char *action, bool sound,
		  int *ret_err);
/* Tell of what is denied by not being there, if anybody wants to know. */
void request_absent(const struct request *r, const struct perm_query *q, const char *action);
/* Tell of a refusal that no rule made. */
void request_refused(const struct request *r, const struct perm_query *q, const char *action, int err, const char *why);

/* ---- broker_net.c ---- */
struct socket_facts {
	int domain, type, protocol;
	unsigned what;               /* NET_TCP, NET_UDP, NET_ICMP; 0: AF_UNIX, or none that a container may use */
	bool host;                   /* of our network namespace, and not of the target's */
};
struct socket_address {
	struct sockaddr_storage sa;
	socklen_t len;
	struct net_target target;
	bool pinned;                 /* the name was given its address by the operator */
	char unix_name[sizeof(struct sockaddr_un) + 2]; /* as target.unix_path has it; a relative path as it is; "" unnamed */
};
/* How our own sockets are told from those of another namespace; none has 0. */
uint64_t net_own_cookie(void);
int socket_facts_of(const struct request *r, int fd, struct socket_facts *ret);
/* Copy and check n bytes of a sockaddr: 0, or errno.  reach: of a peer, where "any" is the loopback. */
int socket_address_of(const void *p, size_t n, bool reach, struct socket_address *ret);
/*
 * A synthetic address becomes the name, and the real one that is to be reached: 0, or errno.  What a socket is to be given for
 * it is the real one, too, but for datagrams that are relayed.
 */
int socket_address_real(const struct request *r, const struct socket_facts *f, struct socket_address *a);
/* May datagrams to it, which are allowed, be sent by the target's own socket in an empty namespace?  *ret_why: why not. */
bool net_relays(const struct request *r, const struct socket_facts *f, const struct net_target *t, const char **ret_why);
/* Asks for, and tells of, what a socket of these facts wants with the address. */
bool net_allowed(const struct request *r, unsigned what, const struct socket_address *a, const char *action, int *ret_err);
/* Where the supervisor answers for names, in the target's own namespace. */
bool net_is_resolver(const struct request *r, const struct socket_facts *f, const struct net_target *t);
/* Before its fd says anything to the resolver: 0, or errno. */
int net_looks_up(const struct request *r, int fd);
/* In an empty namespace: its own loopback, where the target may listen, and not where datagrams are the host's. */
bool net_is_inside(const struct request *r, unsigned what, const struct net_target *t);
/* A description that blocks waits in the loop: O_NONBLOCK until the job is done. */
bool socket_blocks(int fd);
/* The job's deadline, from SO_SNDTIMEO of fd. */
void job_deadline(struct job *j, int fd);
void call_connect(struct request *r);
void call_bind(struct request *r);
void call_listen(struct request *r);
/* ---- broker_quick.c, in the reader: true when it has answered ---- */
bool broker_quick(struct request *r);
/* A connect of a socket that does not block, as far as it goes at once: errno, of which EALREADY means that it is to wait for. */
int connect_at_once(int fd, const struct socket_address *a);
bool swap_quick(const struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a);
/* ---- broker_swap.c; fd is taken over ---- */
void call_epoll_create(struct request *r);
void broker_swap(struct request *r, int fd, const struct socket_facts *f, const struct socket_address *a);
/* ---- broker_unix.c; fd is taken over ---- */
void unix_connect(struct request *r, int fd, const struct socket_address *a);
void unix_bind(struct request *r, int fd, const struct socket_address *a);
void unix_listen(struct request *r, int fd, int backlog);
/* ---- broker_send.c ---- */
void call_sendto(struct request *r);
void call_sendmsg(struct request *r);
void call_sendmmsg(struct request *r);
/* ---- broker_files.c ---- */
void call_open(struct request *r);
void call_exec(struct request *r);
bool files_reads(uint64_t flags);
bool files_writes(uint64_t flags);
/* The target's path, absolute and clean; links are not followed. */
bool files_path_of(const struct request *r, int dirfd, const char *path, char out[PATH_MAX]);
/* Tell what the kernel will make of it. */
void files_tell_open(struct request *r, uint64_t flags, int dirfd, const char *path);
/* ---- broker_open.c ---- */
struct open_wish { uint64_t flags, resolve; uint32_t mode; int dirfd; const char *path; };
/* The call is taken over: somebody is asked, perhaps.  False: the kernel decides. */
bool open_is_asked(struct request *r, const struct open_wish *o);
void call_make(struct request *r);
void call_remove(struct request *r);
void call_rename(struct request *r);
void call_map(struct request *r);
/* ---- broker_told.c ---- */
/* Tell of the call n of r; true: nobody decides it, and it goes on. */
bool call_is_told(const struct request *r, const struct seccomp_notif *n);
/* ---- broker_sys.c ---- */
void call_uname(struct request *r);
void call_sysinfo(struct request *r);
