/* SPDX-License-Identifier: Apache-2.0
 * resolver.h - the names of one network namespace: questions come from payloads, answers from the host's resolvers.
 *
 * A name that no allow entry speaks of does not exist (NXDOMAIN), and an event says so.  What is answered are synthetic
 * addresses (net_names.h): which name was meant is known when somebody connects.
 */
#pragma once
#include "shim/pod/loop.h"
#include "shim/pod/net_names.h"
#include "shim/policy/permissions.h"

struct resolver;
struct resolver_config {
	struct loop *loop;
	const struct permissions *permissions;
	struct net_names *names;
	struct spec_strs servers;    /* --dns: ADDRESS or ADDRESS:PORT, [IPV6]:PORT; none: those of the host */
	struct spec_strs hosts;      /* --add-host: NAME:ADDRESS */
	/* A question was answered (allowed) or not; name is clean. */
	void (*on_query)(void *ctx, const char *name, bool allowed);
	void *ctx;
};
/* PS_E_USAGE for a server or host that is none.  The configuration's texts must outlive it. */
int resolver_new(const struct resolver_config *c, struct resolver **ret, struct ps_err *e);
/* Answer what comes to a UDP socket, which is taken over. */
int resolver_serve(struct resolver *r, int fd, struct ps_err *e);
void resolver_free(struct resolver *r);
/* May name be asked for at all?  Whether a connection to it is allowed is another question (port, address). */
bool resolver_permits(const struct permissions *p, const char *name);
/* Was name given an address by --add-host? */
bool resolver_is_pinned(const struct resolver *r, const char *name);
