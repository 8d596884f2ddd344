/* SPDX-License-Identifier: Apache-2.0
 * permissions_payload.c - what calls cost where it runs: nanoseconds, a median of each on a line of its own.
 *
 *	permissions_payload nothing
 *	permissions_payload calls N PATH     getppid(2); open(2) and close(2) of PATH
 *	permissions_payload connect N PORT   connect(2) to 127.0.0.1, of fewer sockets than the server's queue holds
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void print_median(long long *took, size_t n, long long per)
{
	qsort(took, n, sizeof(*took), compare);
	printf("%lld\n", took[n / 2] / per);
}

enum { BATCH = 100 };

static int calls(size_t n, const char *path)
{
	long long *took = calloc(n, sizeof(*took));

	for (size_t i = 0; i < n; i++) {
		const long long begin = now_ns();

		for (int k = 0; k < BATCH; k++)
			(void)syscall(SYS_getppid);
		took[i] = now_ns() - begin;
	}
	print_median(took, n, BATCH);
	for (size_t i = 0; i < n; i++) {
		const long long begin = now_ns();

		for (int k = 0; k < BATCH; k++) {
			const int fd = open(path, O_RDONLY);

			if (fd < 0)
				return fail(path);
			close(fd);
		}
		took[i] = now_ns() - begin;
	}
	print_median(took, n, BATCH);
	return 0;
}

static int connects(size_t n, int port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger at_once = { .l_onoff = 1 };
	long long *took = calloc(n, sizeof(*took));

	for (size_t i = 0; i < n; i++) {
		const int fd = socket(AF_INET, SOCK_STREAM, 0);
		const long long begin = now_ns();

		if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
			return fail("connect");
		took[i] = now_ns() - begin;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
	}
	print_median(took, n, 1);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "calls"))
		return calls(strtoul(argv[2], NULL, 10), argv[3]);
	if (argc == 4 && !strcmp(argv[1], "connect"))
		return connects(strtoul(argv[2], NULL, 10), atoi(argv[3]));
	fprintf(stderr, "permissions_payload: nothing | calls N PATH | connect N PORT\n");
	return 2;
}
