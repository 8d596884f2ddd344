/* SPDX-License-Identifier: Apache-2.0
 * replay.c - runs a fuzz target over given files and directories of files, without a fuzzer.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(int dirfd, const char *name, struct ps_err *e)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };

	if (ps_read_file_at(dirfd, name, 16 << 20, &b, e) < 0)
		return -1;
	(void)LLVMFuzzerTestOneInput((const uint8_t *)b.data, b.len);
	return 1;
}

static int replay_dir(const char *path, struct ps_err *e)
{
	ps_auto_dir DIR *dir = opendir(path);
	const struct dirent *entry;
	int n = 0;

	if (!dir)
		return ps_fail_os(e, "open '%s'", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (replay(dirfd(dir), entry->d_name, e) < 0)
			return -1;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct ps_err e = { .cls = PS_OK };
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? replay_dir(argv[i], &e) :
									 replay(AT_FDCWD, argv[i], &e);

		if (n < 0) {
			(void)fprintf(stderr, "replay: %s\n", e.msg);
			return 1;
		}
		total += n;
	}
	(void)printf("%d inputs\n", total);
	return total > 0 ? 0 : 77;
}
