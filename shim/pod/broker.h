/* SPDX-License-Identifier: Apache-2.0
 * broker.h - decides the system calls that a container's guard filter hands to its supervisor (SECCOMP_RET_USER_NOTIF).
 *
 *	target -> reader   answers a plain connect that is allowed by itself (broker_quick.c); else receives the call, copies its arguments; a process that an alarm kills when memory does not answer
 *	reader -> broker   in the supervisor's loop: decides on the copy, acts on it, answers; never CONTINUE after a decision
 *	broker -> hand     what takes the target's ids or a descriptor table of its own: AF_UNIX, epoll after a swap
 *	broker -> reader   what is to be written to the target: uname, sysinfo, lengths of sendmmsg
 *
 *	broker.c           workers, listeners, dispatch by a table, answers
 *	broker_reader.c, broker_hand.c, broker_keeper.c    the processes
 *	broker_net.c       connect, bind, listen; broker_swap.c: a host socket in the place of one of an empty namespace
 *	broker_send.c      sendto, sendmsg, sendmmsg
 *	broker_files.c     open..., exec...: told, not decided (mounts and Landlock do): CONTINUE
 *	broker_open.c      files of the host that somebody is asked about
 *	broker_sys.c       uname, sysinfo
 *	broker_ask.c       what nothing allows, where somebody is asked (ask.h): the call waits, and is decided again
 *	broker_told.c      calls that are only told of, where a guard hands over every one
 *
 * What it answers: connect bind listen sendto sendmsg sendmmsg uname sysinfo open openat openat2 creat execve execveat
 * epoll_create epoll_create1 (only to know that there is one).
 *
 * The guard has to refuse what would send packets elsewhere than to the address that was decided, since setsockopt(2) is not
 * brokered: IP_OPTIONS, IPV6_RTHDR, IPV6_2292RTHDR, IPV6_2292PKTOPTIONS, IPV6_HOPOPTS, IPV6_DSTOPTS, TCP_FASTOPEN_CONNECT,
 * SO_BINDTODEVICE, and SIOC* ioctls.
 * Another call, or one of another architecture, gets EPERM.  Without us (crash, kill) a trapped call gets ENOSYS.
 *
 * Sockets.  In a routed namespace it acts on a duplicate of the target's own socket, so that flags, options and epoll stay.  A
 * blocking connect that has to wait is O_NONBLOCK meanwhile, which only a thread sees that asks for the flags of a socket
 * another thread is connecting.  In an empty namespace an allowed TCP connect puts a socket of the supervisor's network
 * namespace over the same number, with the same options, flags and epolls; descriptors that were duplicated before that
 * keep the old one (document it), an address it was bound to is not kept.  There, what an entry allows to listen on the
 * namespace's loopback may be connected to on it; any other loopback address that is allowed is the host's.
 *
 * Datagrams (UDP, echo requests) of an empty namespace are sent by the target's own socket, which stays what it is: allowed
 * ones leave by a device at whose far end the supervisor relays them, and decides again (relay.h).  Loopback addresses are the
 * namespace's, but for those that are listed with their ports: a socket of the supervisor's stands there for the host's.
 *
 * A synthetic address is the name that it was given out for: that and the real address are decided, the real one is reached,
 * and is what getpeername(2) shows of TCP; datagrams have the synthetic one for their peer.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "shim/policy/permissions.h"
#include "shim/pod/ask.h"
#include "shim/pod/loop.h"
#include "shim/pod/net_names.h"

struct broker;
struct broker_subject;               /* one container under it */

enum broker_net { BROKER_NET_ROUTED, BROKER_NET_EMPTY /* a namespace that nobody else is in and nothing leads out of */ };

/* Told before the call is answered: the target waits, so that /proc/TID is still what it was.  Texts are valid in the callback. */
struct broker_event {
	pid_t tid;                   /* in our pid namespace */
	enum policy_permission permission;
	const char *action;          /* "connect", "bind", "listen", "send", "open", "exec", "sysinfo", "read" (of arguments) */
	const char *target;          /* as perm_query_target prints it */
	enum policy_action result;
	bool asked;                  /* somebody was asked, and that is the answer */
	int err;                     /* that the target gets; 0: none */
	const struct perm_entry *rule; /* that decided; NULL: none did */
	const char *mech;            /* "notify" */
	bool sound;                  /* false: what was seen may be stale when the kernel looks */
	const char *hint;            /* the flag that would allow it, or what stands in the way; NULL */
};

struct broker_facts {
	const struct permissions *permissions; /* outlives the subject */
	enum broker_net net;
	bool own_userns;             /* the payload is in a user namespace of its own */
	bool owns_netns;             /* and its network namespace belongs to that */
	uint64_t caps;               /* 1 << CAP_*: its bounding set */
	const char *hostname;        /* of config.json; NULL: none.  Shown when only osRelease is withheld */
	const struct net_names *names; /* what synthetic addresses stand for; outlives the subject; NULL: there are none */
	/*
	 * Less than its neighbours has who shares their resolver: it looks a name up from this port, and is answered by its own
	 * permissions from now on.  0, or errno.  NULL: the resolver has them.
	 */
	int (*on_lookup)(void *ctx, uint16_t port);
	/* Empty namespace: is it a loopback address of the host's, where the relay stands for it?  NULL: none is. */
	bool (*is_stand)(void *ctx, const struct net_target *t);
	bool uplink;                 /* empty namespace: datagrams leave it through the supervisor (relay.h) */
	bool tells_epoll;            /* the guard asks for epoll_create and epoll_create1: before the first, a swap looks for none */
	bool files;                  /* broker_files.c may be asked: else open and exec get EPERM like any other call */
	bool hosts_paths;            /* without a bundle: what it does not find may be the host's, and is told as denied */
	int host_trees[2];           /* with asker: the host's files to read and to write (host_tree.h); -1: files are not asked about */
	struct asker *asker;         /* who is asked about what permissions say so of; outlives the subject; NULL: nobody */
	void *ctx;
	/*
	 * The guard hands over every call, to be told of; NULL: it asks for decisions alone.  asks: is it one that is decided?
	 * on_call: the first of its number, from the first execve on.
	 */
	bool (*asks)(void *ctx, int nr, const uint64_t args[6]);
	void (*on_call)(void *ctx, int nr);
	void (*on_event)(void *ctx, const struct broker_event *ev); /* denied ones, warned ones, allowed ones as settings.audit says */
	/*
	 * It is no longer watched: its last task has ended (lost false), or the broker cannot go on and trapped calls get ENOSYS.
	 * The subject is freed when this returns.
	 */
	void (*on_end)(void *ctx, bool lost);
};

/*
 * Start the workers: processes that end with us.  Before confine_supervisor(), which forbids to make any, and single-threaded.
 * loop outlives the broker.  common: permissions (constant from here on), net, names and tells_epoll of the subjects to come,
 * whose plain connects the reader answers by itself; those with other permissions take the longer way, as all do with NULL.
 */
int broker_new(struct loop *loop, const struct broker_facts *common, struct broker **ret, struct ps_err *e);
/* NULL is accepted.  Calls that wait get ENOSYS; no callback is called. */
void broker_free(struct broker *b);
/*
 * Watch a container.  handover (taken over, also on failure): a SOCK_SEQPACKET end over which messages come that carry one
 * listener each (SCM_RIGHTS), until its other end is closed; -1: broker_add_listener is called instead.
 * PS_E_UNSUPP: an empty namespace whose payload keeps a CAP_NET_* outside a user namespace of its own, where host sockets would
 * give it the host's network (kernel rule 12).
 */
int broker_add(struct broker *b, const struct broker_facts *f, int handover, struct broker_subject **ret, struct ps_err *e);
/* listener is taken over, also on failure. */
int broker_add_listener(struct broker_subject *s, int listener, struct ps_err *e);
/* A launch that tightens: counts from the next call on. */
void broker_set_permissions(struct broker_subject *s, const struct permissions *p);
/* Forget it, without on_end: calls that wait, and those that come, get ENOSYS.  Accepts NULL; not in callbacks. */
void broker_remove(struct broker_subject *s);
