/* SPDX-License-Identifier: Apache-2.0
 * tape.c - the event log of a pod: create, open, say whose it is.
 */
#include "ipc/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "ipc/tape_io.h"

const char *tape_type_name(enum tape_type t)
{
	switch (t) {
#define X(sym, n, name) \
	case sym:       \
		return name;
	TAPE_TYPES(X)
#undef X
	}
	return "unknown";
}

/* A handle on *fd, which it takes.  NULL with *e filled. */
static struct tape *new_tape(const char *name, int *fd, struct ps_err *e)
{
	struct tape *t = calloc(1, sizeof(*t));
	void *map;

	if (!t) {
		(void)ps_fail_os(e, "open tape '%s'", name);
		return NULL;
	}
	map = mmap(NULL, TAPE_HEADER_SIZE, PROT_READ, MAP_SHARED, *fd, 0);
	if (map == MAP_FAILED) {
		(void)ps_fail_os(e, "map tape '%s'", name);
		free(t);
		return NULL;
	}
	memcpy(t->name, name, strnlen(name, SHM_NAME_MAX));
	t->map = map;
	t->fd = ps_take_fd(fd);
	return t;
}

/* The size comes last: whoever finds a tape of full size finds its header complete. */
static int write_header(const struct tape *t, const struct tape_info *info, struct ps_err *e)
{
	struct tape_header h = {
		.magic = TAPE_MAGIC, .version = TAPE_VERSION, .header_size = TAPE_HEADER_SIZE,
		.data_size = TAPE_DATA_SIZE, .record_max = TAPE_RECORD_MAX, .created_ns = info->created_ns,
		.uid = info->uid, .state = { .next_seq = 1 },
	};

	_Static_assert(sizeof(h.root) == sizeof(info->root) && sizeof(h.id) == sizeof(info->id), "same bounds");
	memcpy(h.boot_id, info->boot_id, strnlen(info->boot_id, sizeof(info->boot_id) - 1));
	memcpy(h.root, info->root, strnlen(info->root, sizeof(info->root) - 1));
	memcpy(h.id, info->id, strnlen(info->id, sizeof(info->id) - 1));
	h.state.check = tape_state_check(&h.state);
	if (tape_write_at(t, &h, sizeof(h), 0, e) < 0)
		return -1;
	return ftruncate(t->fd, TAPE_FILE_SIZE) < 0 ? ps_fail_os(e, "size tape '%s'", t->name) : 0;
}

/* Only the header page is allocated now: a short run touches two pages, and a full /dev/shm fails a later write. */
int tape_create(const struct tape_info *info, struct tape **ret, struct ps_err *e)
{
	ps_auto_fd int fd = shm_create(info->name, TAPE_HEADER_SIZE, e);
	auto_tape struct tape *t = NULL;

	if (fd < 0)
		return -1;
	t = new_tape(info->name, &fd, e);
	if (!t || write_header(t, info, e) < 0) {
		(void)shm_remove(info->name, NULL);
		return -1;
	}
	*ret = ps_take_ptr(&t);
	return 0;
}

static int check_header(const struct tape *t, struct tape_header *h, struct ps_err *e)
{
	if (tape_read_at(t, h, sizeof(*h), 0, e) < 0)
		return -1;
	if (memcmp(h->magic, TAPE_MAGIC, sizeof(h->magic)) != 0)
		return ps_fail(e, PS_E_PEER, "'%s' is not a tape", t->name);
	if (h->version != TAPE_VERSION)
		return ps_fail(e, PS_E_UNSUPP, "tape '%s' has version %u, known is %d", t->name, h->version,
			       TAPE_VERSION);
	if (h->header_size != TAPE_HEADER_SIZE || h->data_size != TAPE_DATA_SIZE || h->record_max != TAPE_RECORD_MAX)
		return tape_damaged(t, e);
	return 0;
}

int tape_open(const char *name, bool write, struct tape **ret, struct ps_err *e)
{
	ps_auto_fd int fd = shm_open_checked(name, write ? O_RDWR : O_RDONLY, write ? geteuid() : SHM_ANY_UID,
					     TAPE_FILE_SIZE, NULL, e);
	auto_tape struct tape *t = NULL;
	struct tape_header h;

	if (fd < 0)
		return -1;
	t = new_tape(name, &fd, e);
	if (!t || check_header(t, &h, e) < 0)
		return -1;
	*ret = ps_take_ptr(&t);
	return 0;
}

void tape_close(struct tape *t)
{
	int saved = errno;

	if (!t)
		return;
	(void)munmap((void *)(uintptr_t)t->map, TAPE_HEADER_SIZE);
	(void)close(t->fd);
	free(t);
	errno = saved;
}

/* What a user of our namespace is called in the one that it was made in, which is where an ordinary user's tapes are from. */
static uid_t uid_outside(uid_t uid)
{
	unsigned inside, outside, n;
	char text[256];
	ps_auto_fd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[len < 0 ? 0 : len] = '\0';
	if (sscanf(text, "%u %u %u", &inside, &outside, &n) != 3 || uid < inside || uid - inside >= n)
		return uid;
	return outside + (uid - inside);
}

int tape_info(const struct tape *t, struct tape_info *ret, struct ps_err *e)
{
	struct tape_info info = { .uid = 0 };
	struct tape_header h;
	struct stat st;

	if (check_header(t, &h, e) < 0)
		return -1;
	if (fstat(t->fd, &st) < 0)
		return ps_fail_os(e, "look at tape '%s'", t->name);
	if (h.uid != st.st_uid && h.uid != uid_outside(st.st_uid))
		return ps_fail(e, PS_E_DENIED, "tape '%s' of uid %u says that it belongs to uid %u", t->name, st.st_uid,
			       h.uid);
	memcpy(info.name, t->name, sizeof(info.name));
	memcpy(info.root, h.root, strnlen(h.root, sizeof(info.root) - 1));
	memcpy(info.id, h.id, strnlen(h.id, sizeof(info.id) - 1));
	memcpy(info.boot_id, h.boot_id, strnlen(h.boot_id, sizeof(info.boot_id) - 1));
	info.uid = h.uid;
	info.created_ns = h.created_ns;
	*ret = info;
	return 0;
}
