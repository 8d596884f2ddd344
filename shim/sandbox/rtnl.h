/* SPDX-License-Identifier: Apache-2.0
 * rtnl.h - requests to the kernel's network configuration, rtnetlink(7): built in place, sent, answered.
 *
 * A socket speaks of the network namespace that it was made in, wherever its owner is later.
 */
#pragma once
#include <stdint.h>
#include "base/err.h"

enum { RTNL_REQUEST_MAX = 512 };

/* Large enough for all that podshim asks: lengths are constants of the callers. */
struct rtnl_request {
	_Alignas(8) char v[RTNL_REQUEST_MAX];
	uint32_t n;
};

/* A socket of the current network namespace, the caller's; `purpose` for the message: "move network devices". */
int rtnl_socket(const char *purpose, struct ps_err *e);
/* Begin a request that is acknowledged: its type (RTM_*), flags (NLM_F_*) and fixed part of n bytes. */
void rtnl_begin(struct rtnl_request *r, uint16_t type, uint16_t flags, const void *body, uint32_t n);
/* Room for n bytes more, aligned. */
void *rtnl_grow(struct rtnl_request *r, uint32_t n);
/* An attribute of n bytes. */
void rtnl_put(struct rtnl_request *r, uint16_t type, const void *v, uint32_t n);
/* An attribute of attributes: what is put between the two is inside. */
uint32_t rtnl_open_nest(struct rtnl_request *r, uint16_t type);
void rtnl_close_nest(struct rtnl_request *r, uint32_t at);
/* Ask, and take the kernel's answer.  0, or -1 with errno. */
int rtnl_talk(int fd, struct rtnl_request *r);

struct nlmsghdr;
/* Ask for a list (NLM_F_DUMP) and call fn for each of its messages, until it returns other than 0.  0, or -1 with errno. */
int rtnl_dump(int fd, struct rtnl_request *r, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx);
