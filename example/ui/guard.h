/* SPDX-License-Identifier: Apache-2.0
 * guard.h - who may talk to the page's server: address, Host, Origin, token, cookie.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { SECRET_LEN = 64 }; /* hex digits: 256 bits */

#define GUARD_COOKIE "podshim_ui"

struct guard {
	char address[64];          /* without brackets; "" for a unix socket */
	bool is_v6;
	uint16_t port;             /* 0: not known yet, or a unix socket */
	const char *unix_path;     /* NULL: TCP */
	const char *token_file;
	char token[SECRET_LEN + 1], session[SECRET_LEN + 1];
};

/* --listen.  PS_E_USAGE by name for what is neither loopback nor a unix socket. */
int guard_listen(struct guard *g, const char *text, struct ps_err *e);
/* Make token and session; the port must be known by now. */
int guard_arm(struct guard *g, struct ps_err *e);
/* The token was right: it is spent, and the file has a new one. */
int guard_login(struct guard *g, const char *token, bool *ret_ok, struct ps_err *e);
/* Header values; NULL: there is none. */
bool guard_host(const struct guard *g, const char *host);
/* needed: of requests that change something, and of web sockets. */
bool guard_origin(const struct guard *g, const char *host, const char *origin, bool needed);
/* A Cookie header with our session. */
bool guard_cookie(const struct guard *g, const char *cookies);
