/* SPDX-License-Identifier: Apache-2.0
 * seccomp_cache.c - compiled seccomp programs, kept because a common profile needs 1 ms, and one that libseccomp reads 11.
 *
 * A file is trusted only if it is ours (owner, 0600, regular, opened without following links in a 0700 folder of ours) and
 * holds the whole input it was compiled from: the name is a hash, the content decides.  Never shared across uids.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/scope.h"
#include "shim/pod/container.h"

enum { CACHE_FILES_MAX = 64, CACHE_BYTES_MAX = 4 * 1024 * 1024, KEY_ROOM = 8192 };

struct cache_header {
	char magic[8];
	uint32_t key_len, program_len;
};
static const char cache_magic[8] = "psbpf-1";

static int cache_dir(bool make)
{
	char root[PATH_MAX];
	struct stat st;

	if (state_root_default("podshim", root, sizeof(root), NULL) < 0)
		return -1;
	ps_auto_fd int root_fd = -1;
	if (state_root_open(root, make, &root_fd, NULL) < 0)
		return -1;
	if (make && mkdirat(root_fd, ".seccomp", 0700) < 0 && errno != EEXIST)
		return -1;
	ps_auto_fd int fd = openat(root_fd, ".seccomp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077))
		return -1;
	return ps_take_fd(&fd);
}

/* 0 and the program appended to out, or -1: not there or not to be trusted. */
static int cache_get(int dir, const char *name, const struct ps_buf *key, struct ps_arena *a, struct ps_buf *out)
{
	const size_t before = sizeof(struct cache_header) + key->len; /* the program */
	struct cache_header h;
	struct stat st;
	ps_auto_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -1;
	if (st.st_size > CACHE_BYTES_MAX || (size_t)st.st_size <= before)
		return -1;
	size_t program_len = (size_t)st.st_size - before;
	char *stored_key = ps_arena_alloc(a, key->len);

	if (!stored_key || program_len % sizeof(struct sock_filter) || !ps_buf_reserve(out, program_len))
		return -1;
	const struct iovec parts[] = {
		{ &h, sizeof(h) }, { stored_key, key->len }, { out->data + out->len, program_len },
	};
	bool good = readv(fd, parts, PS_COUNT(parts)) == (ssize_t)st.st_size &&
		    memcmp(h.magic, cache_magic, sizeof(h.magic)) == 0 && h.key_len == key->len &&
		    h.program_len == program_len && memcmp(stored_key, key->data, key->len) == 0;

	if (good)
		out->len += program_len;
	out->data[out->len] = '\0';
	return good ? 0 : -1;
}

/* Keep the folder small: with too many files, the one that was not changed for the longest time goes. */
static void cache_trim(int dir)
{
	char oldest[NAME_MAX + 1] = "";
	time_t oldest_time = 0;
	unsigned n = 0;
	int dup_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *de;
	struct stat st;

	while (d && (de = readdir(d))) {
		if (de->d_name[0] == '.' || fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n++ == 0 || st.st_mtime < oldest_time) {
			oldest_time = st.st_mtime;
			(void)snprintf(oldest, sizeof(oldest), "%s", de->d_name);
		}
	}
	if (n > CACHE_FILES_MAX)
		(void)unlinkat(dir, oldest, 0);
}

static void cache_put(int dir, const char *name, const struct ps_buf *key, const char *program, size_t n)
{
	struct cache_header h = { .key_len = (uint32_t)key->len, .program_len = (uint32_t)n };
	ps_auto_buf struct ps_buf file = { 0 };

	memcpy(h.magic, cache_magic, sizeof(h.magic));
	ps_buf_put(&file, &h, sizeof(h));
	ps_buf_put(&file, key->data, key->len);
	ps_buf_put(&file, program, n);
	if (file.failed || file.len > CACHE_BYTES_MAX)
		return;
	/* A cache that can't be written costs time, nothing else. */
	(void)ps_write_atomic_at(dir, name, file.data, file.len, 0600, NULL);
	cache_trim(dir);
}

int seccomp_cached(void *arena, const struct policy_seccomp *s, struct ps_buf *out, struct ps_err *e)
{
	char name[32];
	ps_auto_buf struct ps_buf key = ps_buf_lent(ps_arena_alloc(arena, KEY_ROOM), KEY_ROOM);
	size_t before = out->len;

	plan_seccomp_key(s, &key);
	if (key.failed)
		return ps_fail(e, PS_E_OS, "seccomp: out of memory");
	(void)snprintf(name, sizeof(name), "%016llx",
		       (unsigned long long)ps_fnv64(PS_FNV64_INIT, key.data, key.len));
	ps_auto_fd int dir = cache_dir(false);
	if (dir >= 0 && cache_get(dir, name, &key, arena, out) == 0)
		return 0;
	if (plan_seccomp_compile(s, out, e) < 0)
		return -1;
	if (dir < 0)
		dir = cache_dir(true);
	if (dir >= 0)
		cache_put(dir, name, &key, out->data + before, out->len - before);
	return 0;
}
