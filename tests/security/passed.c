/* SPDX-License-Identifier: Apache-2.0
 * passed.c - passed FD: what a descriptor of a directory leads to that came from outside; "open" or "shut".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const int fd = argc == 2 ? atoi(argv[1]) : -1;
	char path[64];
	int up;

	printf("given %s\n", fcntl(fd, F_GETFL) >= 0 ? "yes" : "no");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	printf("reopen %s\n", open(path, O_RDONLY) >= 0 ? "open" : "shut");
	printf("reopen-write %s\n", open(path, O_WRONLY) >= 0 ? "open" : "shut");
	up = openat(fd, "..", O_RDONLY | O_DIRECTORY);
	printf("parent %s\n", up >= 0 ? "open" : "shut");
	printf("below %s\n", openat(fd, "file", O_RDONLY) >= 0 ? "open" : "shut");
	printf("beside %s\n", openat(fd, "../secret", O_RDONLY) >= 0 ? "open" : "shut");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/../secret", fd);
	printf("beside-proc %s\n", open(path, O_RDONLY) >= 0 ? "open" : "shut");
	return 0;
}
