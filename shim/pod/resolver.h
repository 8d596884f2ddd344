/* SPDX-License-Identifier: Apache-2.0
 * resolver.h - the names of one network namespace: questions come from payloads, answers from the host's resolvers.
 *
 * A name that no allow entry speaks of does not exist (NXDOMAIN), and an event says so.  What is answered are synthetic
 * addresses (net_names.h): which name was meant is known when somebody connects.  Where somebody is asked (ask.h), the question
 * is for the name, and comes before any name server hears it; who looks it up waits.
 */
#pragma once
#include "shim/pod/ask.h"
#include "shim/pod/loop.h"
#include "shim/pod/net_names.h"
#include "shim/policy/permissions.h"

/* Until then a question of who has ended is perhaps not read yet. */
enum { RESOLVER_ON_ITS_WAY_MS = 10000 };

struct resolver;
struct resolver_config {
	struct loop *loop;
	const struct permissions *permissions;
	struct net_names *names;
	struct spec_strs servers;    /* --dns: ADDRESS or ADDRESS:PORT, [IPV6]:PORT; none: those of the host */
	struct spec_strs hosts;      /* --add-host: NAME:ADDRESS */
	/* A question was answered (allowed) or not; name is clean; ctx as given to resolver_serve. */
	void (*on_query)(void *ctx, const char *name, bool allowed, const struct perm_entry *asked /* whose answer; NULL: nobody was */);
	struct asker *asker;         /* about names that no entry speaks of; NULL: nobody */
	pid_t (*pid_of)(void *ctx);  /* whom the question is of, with asker */
};
/* PS_E_USAGE for a server or host that is none.  The configuration's texts must outlive it. */
int resolver_new(const struct resolver_config *c, struct resolver **ret, struct ps_err *e);
/* Answer what comes to a UDP socket, which is taken over, also on failure; ctx: whose it is. */
int resolver_serve(struct resolver *r, int fd, void *ctx, struct ps_err *e);
/* From the next question of ctx on; p outlives its sockets. */
void resolver_set_permissions(struct resolver *r, const void *ctx, const struct permissions *p);
/*
 * Questions that come to the sockets of `of` from this port are ctx's, which has less: p, which outlives it.  0, or errno.  Until
 * resolver_forget(ctx), or some time after resolver_widen(ctx): what it has sent may still be on its way.
 */
int resolver_narrow(struct resolver *r, const void *of, const void *ctx, const struct permissions *p, uint16_t port);
void resolver_widen(struct resolver *r, const void *ctx);
/* Close the sockets of ctx; questions of theirs that are on their way get no answer. */
void resolver_forget(struct resolver *r, const void *ctx);
void resolver_free(struct resolver *r);
/* May name be asked for at all?  Whether a connection to it is allowed is another question (port, address). */
bool resolver_permits(const struct permissions *p, const char *name);
