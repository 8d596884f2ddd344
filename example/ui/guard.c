/* SPDX-License-Identifier: Apache-2.0
 * guard.c - who may talk to the page's server.
 */
#include "example/ui/guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/scope.h"

static int fail_listen(const char *text, struct ps_err *e)
{
	return ps_fail(e, PS_E_USAGE, "--listen '%s': expected ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080, or unix:PATH", text);
}

/* A page that starts programs is for this machine alone; from another one: ssh -L. */
static bool is_loopback(const struct guard *g)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (g->is_v6)
		return inet_pton(AF_INET6, g->address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	return inet_pton(AF_INET, g->address, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

int guard_listen(struct guard *g, const char *text, struct ps_err *e)
{
	const char *colon = strrchr(text, ':');
	uint32_t port;
	size_t n;

	if (!strncmp(text, "unix:", 5)) {
		if (text[5] != '/' || strlen(text + 5) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return ps_fail(e, PS_E_USAGE, "--listen '%s': the socket's path begins with '/' and is short", text);
		g->unix_path = text + 5;
		return 0;
	}
	if (!colon || colon == text || ps_parse_u32(colon + 1, &port) < 0 || port > 65535)
		return fail_listen(text, e);
	n = (size_t)(colon - text);
	g->is_v6 = *text == '[';
	if (g->is_v6 && (n < 3 || text[n - 1] != ']'))
		return fail_listen(text, e);
	if (g->is_v6) {
		text++;
		n -= 2;
	}
	if (n >= sizeof(g->address))
		return fail_listen(text, e);
	memcpy(g->address, text, n);
	g->address[n] = '\0';
	g->port = (uint16_t)port;
	if (!is_loopback(g))
		return ps_fail(e, PS_E_USAGE, "--listen: '%s' is no address of this machine alone (127.0.0.1, [::1]); the page starts programs "
			       "and is never offered to a network: use 'ssh -L' to reach it from elsewhere", g->address);
	return 0;
}

static int write_token(struct guard *g, struct ps_err *e)
{
	char url[256], path[4096], name[256];
	const char *dir;

	if (ps_random_hex(g->token, SECRET_LEN) < 0)
		return ps_fail_os(e, "make a token");
	if (g->unix_path)
		(void)snprintf(url, sizeof(url), "http://localhost/#token=%s\n", g->token);
	else
		(void)snprintf(url, sizeof(url), g->is_v6 ? "http://[%s]:%u/#token=%s\n" : "http://%s:%u/#token=%s\n", g->address, g->port, g->token);
	if ((size_t)snprintf(path, sizeof(path), "%s", g->token_file) >= sizeof(path))
		return ps_fail(e, PS_E_USAGE, "--token-file: the path is too long");
	(void)snprintf(name, sizeof(name), "%s", basename(path));
	(void)snprintf(path, sizeof(path), "%s", g->token_file);
	dir = dirname(path);
	ps_auto_fd int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return ps_fail_os(e, "open '%s' for the token", dir);
	return ps_write_atomic_at(dirfd, name, url, strlen(url), 0600, e) < 0 ? ps_ctx(e, "write the token") : 0;
}

int guard_arm(struct guard *g, struct ps_err *e)
{
	if (ps_random_hex(g->session, SECRET_LEN) < 0)
		return ps_fail_os(e, "make a session");
	return write_token(g, e);
}

/* Takes the same time wherever they differ. */
static bool is_secret(const char *secret, const char *text, size_t n)
{
	unsigned differ = n != SECRET_LEN;

	for (size_t i = 0; i < n && i < SECRET_LEN; i++)
		differ |= (unsigned char)secret[i] ^ (unsigned char)text[i];
	return !differ;
}

int guard_login(struct guard *g, const char *token, bool *ret_ok, struct ps_err *e)
{
	*ret_ok = is_secret(g->token, token, strlen(token));
	return *ret_ok ? write_token(g, e) : 0;
}

/* Name and port of "name", "name:port", "[v6]:port" are as wanted; port 0: any, or none. */
static bool is_name(const char *host, const char *name, unsigned port)
{
	const size_t n = strlen(name);
	uint32_t got;

	if (strncasecmp(host, name, n) != 0)
		return false;
	if (!host[n])
		return !port || port == 80;
	return host[n] == ':' && ps_parse_u32(host + n + 1, &got) == 0 && got && got <= 65535 && (!port || got == port);
}

bool guard_host(const struct guard *g, const char *host)
{
	char own[80];

	if (!host)
		return false;
	if (g->unix_path)
		return is_name(host, "localhost", 0) || is_name(host, "127.0.0.1", 0) || is_name(host, "[::1]", 0);
	(void)snprintf(own, sizeof(own), g->is_v6 ? "[%s]" : "%s", g->address);
	return is_name(host, own, g->port) || is_name(host, "localhost", g->port);
}

bool guard_origin(const struct guard *g, const char *host, const char *origin, bool needed)
{
	if (!origin)
		return !needed;
	return guard_host(g, host) && !strncmp(origin, "http://", 7) && !strcasecmp(origin + 7, host);
}

bool guard_cookie(const struct guard *g, const char *cookies)
{
	static const char name[] = GUARD_COOKIE "=";

	while (cookies && *cookies) {
		const size_t n = strcspn(cookies, "; ");

		if (n >= sizeof(name) - 1 && !strncmp(cookies, name, sizeof(name) - 1) &&
		    is_secret(g->session, cookies + sizeof(name) - 1, n - (sizeof(name) - 1)))
			return true;
		cookies += n;
		cookies += strspn(cookies, "; ");
	}
	return false;
}
