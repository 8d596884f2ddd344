/* SPDX-License-Identifier: Apache-2.0
 * bus.h - a connection that speaks D-Bus: to a message bus, or straight to a service that takes calls without one.
 *
 * One deadline is in force for everything that waits; whoever is at the other end can neither hold us up nor make us
 * allocate more than a message (base/dbus.h).  No descriptors are passed, and no calls to us are answered.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/dbus.h"
#include "base/err.h"

struct bus {
	int fd;
	bool direct;          /* no bus: neither Hello nor matches, and calls have no destination */
	uint32_t serial;      /* of the last call */
	int64_t deadline_ms;  /* CLOCK_MONOTONIC */
	unsigned patience_ms; /* what deadline_ms was made of, for texts */
	char path[256];       /* of the socket, for texts; a longer one is cut */
	struct ps_buf in;
	size_t used;          /* bytes at the beginning of `in` that were handed out */
};
#define BUS_NONE { .fd = -1 }

/*
 * Connect to the socket at path and authenticate (SASL EXTERNAL: the kernel says who we are, also from a user namespace);
 * with a bus, also say Hello.  patience_ms for all of it.  PS_E_PEER with sys ENOENT or ECONNREFUSED: nobody listens there;
 * ETIMEDOUT: no answer.  *ret is the caller's: bus_close.
 */
int bus_connect(const char *path, bool direct, unsigned patience_ms, struct bus *ret, struct ps_err *e);
void bus_close(struct bus *b);
#define auto_bus __attribute__((cleanup(bus_close)))

/*
 * The path of the first Unix socket with a name in a list of addresses ("unix:path=/run/user/7/bus,guid=...;tcp:..."), into
 * out.  false: there is none that fits.
 */
bool bus_address_path(const char *addresses, char *out, size_t size);

/* From now on this much time for what is asked next. */
void bus_wait_at_most(struct bus *b, unsigned patience_ms);
/*
 * Call and wait for the answer: *ret is a DBUS_REPLY or a DBUS_ERROR, valid until the next call or wait.  Signals that come
 * before it are dropped.
 */
int bus_call(struct bus *b, const struct dbus_call *c, const struct ps_buf *body, struct dbus_msg *ret, struct ps_err *e);
/* Ask a bus for signals that match the rule; a direct connection has them all. */
int bus_match(struct bus *b, const char *rule, struct ps_err *e);
/* Wait for the next signal, whichever; valid until the next call or wait. */
int bus_wait_signal(struct bus *b, struct dbus_msg *ret, struct ps_err *e);
/* Raise what a DBUS_ERROR says; -1.  PS_E_DENIED where access was denied. */
int bus_raise(const struct bus *b, const struct dbus_msg *error, struct ps_err *e);
/* Do numbers of processes mean the same at the other end?  PS_E_UNSUPP: it is in another pid namespace than we. */
int bus_check_pids(const struct bus *b, struct ps_err *e);
