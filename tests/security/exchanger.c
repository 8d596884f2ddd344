/* SPDX-License-Identifier: Apache-2.0
 * exchanger.c - usage: exchanger A B [C D ...]: swaps the names A and B, C and D ... atomically, until it is killed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3 || argc % 2 == 0)
		return 2;
	for (unsigned long n = 0;; n++) {
		for (int i = 1; i + 1 < argc; i += 2)
			(void)renameat2(AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1], RENAME_EXCHANGE);
		if (n == 100)
			(void)!write(STDOUT_FILENO, "swapping\n", 9);
	}
}
