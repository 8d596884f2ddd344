/* SPDX-License-Identifier: Apache-2.0
 * intruder.c - usage: intruder SOCKET...: connect to each from wherever we are, and print what its owner says first.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		char said[4096] = "";
		ssize_t n;

		if (strlen(argv[i]) >= sizeof(a.sun_path))
			return 2;
		memcpy(a.sun_path, argv[i], strlen(argv[i]) + 1);
		if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
			printf("connect: %s\n", strerror(errno));
			continue;
		}
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 10000) != 1 || (n = recv(fd, said, sizeof(said) - 1, 0)) <= 0) {
			puts("nothing");
			continue;
		}
		for (ssize_t k = 0; k < n; k++)
			if (said[k] < ' ' || said[k] > '~')
				said[k] = ' ';
		printf("%.*s\n", (int)n, said);
	}
	return 0;
}
