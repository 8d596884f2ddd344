/* SPDX-License-Identifier: Apache-2.0
 * callee.c - who is called by caller.c.
 *
 *	callee DIR   listen on two ports of every address and on sockets in DIR; DIR/ports: "LISTED OTHER";
 *	             DIR/log: a line for all but TCP and UDP to 127.0.0.1:LISTED, and DIR/listed.sock
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"

static const char *dir;

enum role { LISTED_TCP, OTHER_TCP, LISTED_UDP, OTHER_UDP, LISTED_UNIX, OTHER_UNIX, OTHER_DGRAM, OTHER_ABSTRACT, N_ROLES };

static int must(int rc, const char *what)
{
	if (rc < 0) {
		perror(what);
		exit(3);
	}
	return rc;
}

/* Both families: a port that is free for all four. */
static uint16_t listen_at(int *tcp, int *udp)
{
	union address a;
	socklen_t len;

	for (int i = 0; i < 100; i++) {
		*tcp = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
		*udp = must(socket(AF_INET6, SOCK_DGRAM, 0), "socket");
		len = ipv6(&a, "::", 0);
		must(bind(*tcp, &a.sa, len), "bind");
		must(getsockname(*tcp, &a.sa, &len), "getsockname");
		if (bind(*udp, &a.sa, len) == 0 && listen(*tcp, 4096) == 0)
			return ntohs(a.in6.sin6_port);
		close(*tcp);
		close(*udp);
	}
	exit(3);
}

static int listen_local(const char *name, int type)
{
	union address a;
	int fd = must(socket(AF_UNIX, type, 0), "socket");
	socklen_t len = local_at(&a, dir, name);

	must(bind(fd, &a.sa, len), name);
	if (a.un.sun_path[0])
		must(chmod(a.un.sun_path, 0777), "chmod");
	if (type == SOCK_STREAM)
		must(listen(fd, 4096), name);
	return fd;
}

static void told(FILE *log, const char *what)
{
	fprintf(log, "%s\n", what);
	fflush(log);
}

static void serve_one(FILE *log, enum role role, int fd)
{
	static const char *const names[] = { "tcp to the wrong address", "tcp", "udp to the wrong address", "udp", "", "unix", "dgram", "abstract" };
	struct linger none = { 1, 0 };
	union address a;
	socklen_t len = sizeof(a);
	char buf[16];
	int got;

	if (role == LISTED_UDP || role == OTHER_UDP || role == OTHER_DGRAM) {
		if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 && role != LISTED_UDP)
			told(log, names[role]);
		return;
	}
	got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (got < 0)
		return;
	if (role == LISTED_TCP && getsockname(got, &a.sa, &len) == 0) {
		if (!IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr) || memcmp(a.in6.sin6_addr.s6_addr + 12, "\x7f\0\0\1", 4) != 0)
			told(log, names[role]);
	} else if (role != LISTED_TCP && role != LISTED_UNIX) {
		told(log, names[role]);
	}
	(void)send(got, role == LISTED_TCP || role == LISTED_UNIX ? "L" : "O", 1, MSG_NOSIGNAL);
	if (role == OTHER_TCP)
		setsockopt(got, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(got);
}

int main(int argc, char **argv)
{
	struct pollfd p[N_ROLES];
	char path[4096], abstract[128];
	FILE *log, *ports;
	uint16_t listed, other;

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	dir = argv[1];
	snprintf(abstract, sizeof(abstract), "@perm%s", dir);
	p[LISTED_UNIX].fd = listen_local("listed.sock", SOCK_STREAM);
	p[OTHER_UNIX].fd = listen_local("other.sock", SOCK_STREAM);
	p[OTHER_DGRAM].fd = listen_local("dgram.sock", SOCK_DGRAM);
	p[OTHER_ABSTRACT].fd = listen_local(abstract, SOCK_STREAM);
	listed = listen_at(&p[LISTED_TCP].fd, &p[LISTED_UDP].fd);
	other = listen_at(&p[OTHER_TCP].fd, &p[OTHER_UDP].fd);
	snprintf(path, sizeof(path), "%s/log", dir);
	log = fopen(path, "a");
	snprintf(path, sizeof(path), "%s/ports", dir);
	ports = fopen(path, "w");
	if (!log || !ports)
		return 3;
	fprintf(ports, "%u %u\n", listed, other);
	fclose(ports);
	for (size_t i = 0; i < N_ROLES; i++)
		p[i].events = POLLIN;
	while (poll(p, N_ROLES, -1) > 0)
		for (size_t i = 0; i < N_ROLES; i++)
			if (p[i].revents)
				serve_one(log, (enum role)i, p[i].fd);
	return 0;
}
