/* SPDX-License-Identifier: Apache-2.0
 * channel.h - what goes over PODSHIM_CHANNEL_FD, a SOCK_SEQPACKET socket between a payload and its supervisor.
 *
 * One datagram is one struct channel_msg, little endian.  LINK carries the three descriptors of a link (ipc/link.h); the
 * supervisor passes on what a client gave it.  The payload sends READY once, when it is warm and waits for CODE.
 * ipc/PROTOCOL.md, section Channel.
 */
#pragma once
#include <stdint.h>

#define CHANNEL_ENV "PODSHIM_CHANNEL_FD"
enum { CHANNEL_VERSION = 1 };
/* number, name, who sends it */
#define CHANNEL_MESSAGES(X)                    \
	X(CHANNEL_LINK,  1, "link",  SUPERVISOR) \
	X(CHANNEL_READY, 2, "ready", PAYLOAD)
enum channel_type {
#define X(sym, n, name, who) sym = (n),
	CHANNEL_MESSAGES(X)
#undef X
};
struct channel_msg {
	uint32_t type;    /* enum channel_type; others are skipped, their descriptors closed */
	uint32_t version; /* CHANNEL_VERSION */
};
_Static_assert(sizeof(struct channel_msg) == 8, "layout");
