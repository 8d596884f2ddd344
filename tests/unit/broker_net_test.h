/* SPDX-License-Identifier: Apache-2.0
 * broker_net_test.h - a target whose socket calls are brokered, and two servers.
 */
#pragma once
#include "tests/unit/broker_test.h"

static const int net_calls[] = { SYS_connect, SYS_bind, SYS_listen, SYS_sendto, SYS_sendmsg, SYS_sendmmsg };

/* Two TCP servers: what is sent to one is allowed. */
static struct { unsigned open, closed; } port;
static struct { int open, closed; } server;

static struct stage *new_net_stage(void)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	server.open = serve_tcp(AF_INET, &port.open);
	server.closed = serve_tcp(AF_INET, &port.closed);
	allow_port(g, "127.0.0.1", port.open);
	return g;
}

static void play(struct stage *g, int (*scene)(void *), void *arg)
{
	start_target(g, net_calls, PS_COUNT(net_calls), NULL, scene, arg);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
}

/* Connections that a server has been given. */
static unsigned count_accepted(int fd)
{
	unsigned n = 0;
	int c;

	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		(void)close(c);
		n++;
	}
	return n;
}

static void close_servers(void)
{
	ps_fd_close(&server.open);
	ps_fd_close(&server.closed);
}

static int stream(void) { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
