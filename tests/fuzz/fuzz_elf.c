/* SPDX-License-Identifier: Apache-2.0
 * fuzz_elf.c - a container whose program, library and loader's cache are any bytes: what is found is a file of the
 * container, found once, and there is an end.
 *
 * Input: length of the program (2 bytes), of the library (2 bytes), the program, the library, the cache.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "shim/policy/closure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[] = "/tmp/podshim-fuzz-XXXXXX";
static int root = -1;

static void at_end(void)
{
	struct ps_err e;

	(void)ps_remove_tree_at(AT_FDCWD, path, &e);
}

static void make_root(void)
{
	static const char *const dirs[] = { "etc", "bin", "lib", "usr", "usr/lib", "usr/lib/python3.11", "usr/lib/python3.11/lib-dynload" };

	if (!mkdtemp(path))
		abort();
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		if (mkdirat(root, dirs[i], 0755) < 0)
			abort();
	/* Links in circles, out of the root, and to themselves. */
	if (symlinkat("../../../../etc", root, "lib/up") < 0 || symlinkat("loop", root, "lib/loop") < 0 ||
	    symlinkat("p", root, "bin/env") < 0 || symlinkat("l.so", root, "lib/libc.so.6") < 0 ||
	    symlinkat("/bin/p", root, "bin/python3.11") < 0 || atexit(at_end) != 0)
		abort();
}

static void put(const char *name, const uint8_t *p, size_t n)
{
	ps_auto_fd int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || ps_write_all(fd, p, n) < 0)
		abort();
}

static size_t take(const uint8_t **p, size_t *left)
{
	size_t n;

	if (*left < 2)
		return 0;
	n = (size_t)(*p)[0] | (size_t)(*p)[1] << 8;
	*p += 2;
	*left -= 2;
	return n;
}

static void check(const struct spec_strs *l, mode_t type)
{
	struct stat st;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i][0] != '/' || fstatat(root, l->v[i] + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & S_IFMT) != type)
			abort();
		for (size_t k = 0; k < i; k++)
			if (!strcmp(l->v[i], l->v[k]))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "p", "python3.11", "/lib/l.so" };
	ps_auto_arena struct ps_arena a = { .head = NULL };
	size_t n_program = take(&data, &n), n_library = take(&data, &n);
	struct closure c;
	struct ps_err e;

	if (root < 0)
		make_root();
	n_program = n_program < n ? n_program : n;
	n_library = n_library < n - n_program ? n_library : n - n_program;
	put("bin/p", data, n_program);
	put("lib/l.so", data + n_program, n_library);
	put("usr/lib/python3.11/lib-dynload/m.so", data + n_program, n_library);
	put("etc/ld.so.cache", data + n_program + n_library, n - n_program - n_library);
	put("etc/ld-musl-x.path", data, n_program);
	for (size_t i = 0; i < PS_COUNT(names); i++) {
		if (closure_of(&a, root, "/bin:/lib", names[i], &c, &e) < 0)
			abort();
		check(&c.exec, S_IFREG);
		check(&c.libs, S_IFREG);
		check(&c.trees, S_IFDIR);
		check(&c.files, S_IFREG);
	}
	return 0;
}
