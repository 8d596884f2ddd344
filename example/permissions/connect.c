/* SPDX-License-Identifier: Apache-2.0
 * connect.c - connects to ADDRESS PORT, and tells what came of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (argc != 3 || fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		(void)fprintf(stderr, "usage: connect ADDRESS PORT\n");
		return 2;
	}
	to.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
	rc = connect(fd, (struct sockaddr *)&to, sizeof(to));
	printf("%s:%s: %s\n", argv[1], argv[2], rc ? strerror(errno) : "connected");
	close(fd);
	return rc != 0;
}
