/* SPDX-License-Identifier: Apache-2.0
 * rude_payload.c - usage: rude_payload WHAT: a program that treats its channel and its output as it should not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHANNEL = 3, FDS = 100 };

/* Messages of every size, until nobody takes any more. */
static void flood_channel(void)
{
	static char junk[4096];
	unsigned n = 0;

	memset(junk, 0xff, sizeof(junk));
	while (send(CHANNEL, junk, 1 + n % sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		n++;
	printf("%s after some: %s\n", n ? "stopped" : "refused", strerror(errno));
}

static void flood_fds(void)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(FDS * sizeof(int))]; } c = { .room = { 0 } };
	char byte = 1;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int fds[FDS];

	for (int i = 0; i < FDS; i++)
		fds[i] = 1;
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&c.head), fds, sizeof(fds));
	while (sendmsg(CHANNEL, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		;
	printf("stopped: %s\n", strerror(errno));
}

/* As an interpreter: says everything but READY, then READY a thousand times. */
static void false_ready(void)
{
	unsigned ready[2] = { 2, 1 }, wrong[2] = { 77, 1 };

	(void)send(CHANNEL, wrong, sizeof(wrong), MSG_NOSIGNAL);
	(void)send(CHANNEL, ready, 3, MSG_NOSIGNAL);
	for (int i = 0; i < 1000; i++)
		(void)send(CHANNEL, ready, sizeof(ready), MSG_DONTWAIT | MSG_NOSIGNAL);
	pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "channel"))
		flood_channel();
	else if (!strcmp(what, "fds"))
		flood_fds();
	else if (!strcmp(what, "ready"))
		false_ready();
	else if (!strcmp(what, "close"))
		close(CHANNEL);
	else if (!strcmp(what, "silent")) /* an interpreter that has closed its channel and stays */
		close(CHANNEL), pause();
	else if (!strcmp(what, "streams"))
		for (int i = 0; i < 2000; i++) {
			static char page[4096];

			if (write(1 + i % 2, page, sizeof(page)) < 0)
				return 1;
		}
	else
		return 2;
	return 0;
}
