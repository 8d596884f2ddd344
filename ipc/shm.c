/* SPDX-License-Identifier: Apache-2.0
 * shm.c - sealed memfds and named POSIX shared memory.
 *
 * Names are opened in /dev/shm directly, where shm_open(3) of glibc and musl puts them: the name's form is checked
 * here, so that a name read from a file or a tape can point at nothing but a segment of podshim.
 */
#include "ipc/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/abi.h"
#include "base/fd.h"
#include "base/memfd.h"
#include "base/proc.h"
#include "base/scope.h"

#define SHM_DIR "/dev/shm"
enum { RANDOM_DIGITS = 12, PREFIX_LEN = sizeof(SHM_PREFIX) - 1 };
_Static_assert(PREFIX_LEN + RANDOM_DIGITS <= SHM_NAME_MAX, "a random name fits");

static bool name_ok(const char *name)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-";
	size_t len = strnlen(name, SHM_NAME_MAX + 1);

	return len > PREFIX_LEN && len <= SHM_NAME_MAX && memcmp(name, SHM_PREFIX, PREFIX_LEN) == 0 &&
	       strspn(name + PREFIX_LEN, allowed) == len - PREFIX_LEN;
}

/* "/dev/shm" and the name; PS_E_USAGE when it is no name of ours. */
static int path_of(const char *name, char out[sizeof(SHM_DIR) + SHM_NAME_MAX], struct ps_err *e)
{
	if (!name_ok(name))
		return ps_fail(e, PS_E_USAGE, "'%.*s' is not a podshim shared memory name", SHM_NAME_MAX, name);
	(void)snprintf(out, sizeof(SHM_DIR) + SHM_NAME_MAX, SHM_DIR "%s", name);
	return 0;
}

int shm_sealed_parts(const char *name, const struct shm_part *parts, size_t n_parts, bool exec, struct ps_err *e)
{
	ps_auto_fd int fd = ps_memfd(name, MFD_ALLOW_SEALING, exec ? MFD_EXEC : MFD_NOEXEC_SEAL);

	if (fd < 0)
		return ps_fail_os(e, "create memfd '%s'", name);
	for (size_t i = 0; i < n_parts; i++)
		if (ps_write_all(fd, parts[i].data, parts[i].n) < 0)
			return ps_fail_os(e, "write %zu bytes to memfd '%s'", parts[i].n, name);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return ps_fail_os(e, "seal memfd '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ps_fail_os(e, "rewind memfd '%s'", name);
	return ps_take_fd(&fd);
}

int shm_sealed_copy(const char *name, const void *data, size_t n, bool exec, struct ps_err *e)
{
	return shm_sealed_parts(name, &(struct shm_part){ data, n }, 1, exec, e);
}

int shm_random_name(char out[SHM_NAME_MAX + 1], struct ps_err *e)
{
	char digits[RANDOM_DIGITS + 1];

	if (ps_random_hex(digits, RANDOM_DIGITS) < 0)
		return ps_fail_os(e, "make a shared memory name");
	(void)snprintf(out, SHM_NAME_MAX + 1, SHM_PREFIX "%s", digits);
	return 0;
}

int shm_create(const char *name, size_t size, struct ps_err *e)
{
	char path[sizeof(SHM_DIR) + SHM_NAME_MAX];
	ps_auto_fd int fd = -1;
	int r;

	if (path_of(name, path, e) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ps_fail_os(e, "create shared memory '%s'", name);
	do
		r = posix_fallocate(fd, 0, (off_t)size);
	while (r == EINTR);
	if (r) {
		errno = r;
		(void)ps_fail_os(e, "allocate %zu bytes of shared memory '%s'", size, name);
		(void)unlink(path);
		return -1;
	}
	return ps_take_fd(&fd);
}

int shm_open_checked(const char *name, int flags, uid_t uid, size_t min_size, size_t *ret_size, struct ps_err *e)
{
	char path[sizeof(SHM_DIR) + SHM_NAME_MAX];
	ps_auto_fd int fd = -1;
	struct stat st;

	if (path_of(name, path, e) < 0)
		return -1;
	fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ps_fail(e, PS_E_NOTFOUND, "shared memory '%s' does not exist", name);
	if (fd < 0 && errno == ELOOP)
		return ps_fail(e, PS_E_DENIED, "shared memory '%s' is a symbolic link", name);
	if (fd < 0)
		return ps_fail_os(e, "open shared memory '%s'", name);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(e, "look at shared memory '%s'", name);
	if (!S_ISREG(st.st_mode))
		return ps_fail(e, PS_E_DENIED, "shared memory '%s' is not a regular file", name);
	if (uid != SHM_ANY_UID && st.st_uid != uid)
		return ps_fail(e, PS_E_DENIED, "shared memory '%s' belongs to uid %u, not %u", name, st.st_uid, uid);
	if (st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO))
		return ps_fail(e, PS_E_DENIED, "shared memory '%s' is open to others (mode %04o)", name,
			       st.st_mode & 07777);
	if ((size_t)st.st_size < min_size)
		return ps_fail(e, PS_E_PEER, "shared memory '%s' has %lld bytes, needs %zu", name,
			       (long long)st.st_size, min_size);
	if (ret_size)
		*ret_size = (size_t)st.st_size;
	return ps_take_fd(&fd);
}

int shm_share(const char *name, gid_t gid, struct ps_err *e)
{
	ps_auto_fd int fd = shm_open_checked(name, O_RDONLY, geteuid(), 0, NULL, e);

	if (fd < 0)
		return -1;
	if (fchown(fd, (uid_t)-1, gid) < 0 || fchmod(fd, 0640) < 0)
		return ps_fail_os(e, "let group %u read shared memory '%s'", gid, name);
	return 0;
}

int shm_remove(const char *name, struct ps_err *e)
{
	char path[sizeof(SHM_DIR) + SHM_NAME_MAX];

	if (path_of(name, path, e) < 0)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		return ps_fail_os(e, "remove shared memory '%s'", name);
	return 0;
}

int shm_each(int (*fn)(const char *name, void *ctx), void *ctx, struct ps_err *e)
{
	ps_auto_dir DIR *dir = opendir(SHM_DIR);
	const struct dirent *entry;
	char name[NAME_MAX + 2];
	int r = 0;

	if (!dir)
		return ps_fail_os(e, "list shared memory in '" SHM_DIR "'");
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		(void)snprintf(name, sizeof(name), "/%s", entry->d_name);
		if (name_ok(name))
			r = fn(name, ctx);
	}
	return r == 0 && errno ? ps_fail_os(e, "list shared memory in '" SHM_DIR "'") : r;
}
