/* SPDX-License-Identifier: Apache-2.0
 * address.h - addresses of sockets, for attackers and those whom they call.
 */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union address { struct sockaddr sa; struct sockaddr_in in; struct sockaddr_in6 in6; struct sockaddr_un un; };

static inline socklen_t ipv4(union address *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->in.sin_family = AF_INET;
	a->in.sin_port = htons(port);
	inet_pton(AF_INET, text, &a->in.sin_addr);
	return sizeof(a->in);
}

static inline socklen_t ipv6(union address *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(port);
	inet_pton(AF_INET6, text, &a->in6.sin6_addr);
	return sizeof(a->in6);
}

static inline socklen_t local_at(union address *a, const char *dir, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->un.sun_family = AF_UNIX;
	if (name[0] == '@')
		snprintf(a->un.sun_path + 1, sizeof(a->un.sun_path) - 1, "%s", name + 1);
	else
		snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s/%s", dir, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (name[0] == '@' ? strlen(name) : strlen(a->un.sun_path) + 1));
}
