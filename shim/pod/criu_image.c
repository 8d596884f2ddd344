/* SPDX-License-Identifier: Apache-2.0
 * criu_image.c - the folders of a checkpoint, and the names of what its standard descriptors were.
 */
#include "shim/pod/criu.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/scope.h"
#include "oci/json.h"

#define STDIO_FILE "descriptors.json" /* as runc and crun have it */
#define PARENT_LINK "parent"          /* criu's */
#define LAZY_SOCKET "lazy-pages.socket" /* where who fetches pages waits for criu */
enum { STDIO_MAX = 64 * 1024, PARENTS_MAX = 64, KEY_MAX = 200 };

void criu_dirs_close(struct criu_dirs *d)
{
	ps_fd_close(&d->images);
	ps_fd_close(&d->work);
}

static int open_dir(const char *path, bool make, int *ret, struct ps_err *e)
{
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return ps_fail_os(e, "make the folder '%s'", path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? ps_fail_os(e, "open the folder '%s'", path) : 0;
}

int criu_dirs_open(const struct pod_criu *r, bool make, const char *log, struct criu_dirs *ret, struct ps_err *e)
{
	ps_auto(criu_dirs_close) struct criu_dirs d = CRIU_DIRS_NONE;

	if (open_dir(r->image_path, make, &d.images, e) < 0 || (r->work_path && open_dir(r->work_path, /* make= */ true, &d.work, e) < 0))
		return -1;
	(void)snprintf(d.log, sizeof(d.log), "%s/%s", r->work_path ? r->work_path : r->image_path, log);
	*ret = d;
	d = (struct criu_dirs)CRIU_DIRS_NONE;
	return 0;
}

void criu_dirs_sweep(const struct criu_dirs *d)
{
	const int fds[] = { d->images, d->work };

	for (size_t i = 0; i < PS_COUNT(fds); i++) {
		ps_auto_fd int copy = fds[i] < 0 ? -1 : openat(fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ps_auto_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
		struct dirent *entry;

		if (!dir)
			continue;
		(void)ps_take_fd(&copy);
		while ((entry = readdir(dir)))
			if (!strncmp(entry->d_name, ".criu.", 6))
				(void)unlinkat(fds[i], entry->d_name, AT_REMOVEDIR);
	}
}

/* "../NAME", and no further up. */
static bool leads_beside(const char *target)
{
	const char *name = strncmp(target, "../", 3) ? target : target + 3;

	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int check_parent(int dir, const char *path, int *ret_fd, struct ps_err *e)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(dir, PARENT_LINK, target, sizeof(target) - 1);

	if (n < 0)
		return ps_fail_os(e, "read the link '%s/" PARENT_LINK "'", path);
	target[n] = '\0';
	if (!leads_beside(target))
		return ps_fail(e, PS_E_DENIED, "'%s/" PARENT_LINK "' leads to '%s': images may only continue a folder beside theirs", path, target);
	/* What it leads to is no link itself. */
	*ret_fd = openat(dir, target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? ps_fail_os(e, "open '%s/%s'", path, target) : 0;
}

static int check_dir(int dir, const char *path, unsigned depth, bool lazy, struct ps_err *e)
{
	ps_auto_fd int parent = -1;
	ps_auto_fd int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ps_auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat st;

	if (!d)
		return ps_fail_os(e, "read the folder '%s'", path);
	(void)ps_take_fd(&copy);
	while ((errno = 0, entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ps_fail_os(e, "look at '%s/%s'", path, entry->d_name);
		if (S_ISLNK(st.st_mode) && !strcmp(entry->d_name, PARENT_LINK)) {
			if (check_parent(dir, path, &parent, e) < 0)
				return -1;
		} else if ((!S_ISREG(st.st_mode) || st.st_nlink != 1) &&
			   !(lazy && !depth && S_ISSOCK(st.st_mode) && !strcmp(entry->d_name, LAZY_SOCKET))) {
			return ps_fail(e, PS_E_DENIED, "'%s/%s' is no plain file of its own: images from elsewhere may lead criu to any file of the host", path,
				       entry->d_name);
		}
	}
	if (errno)
		return ps_fail_os(e, "read the folder '%s'", path);
	if (parent < 0)
		return 0;
	if (depth == PARENTS_MAX)
		return ps_fail(e, PS_E_DENIED, "'%s': more than %d folders of images continue each other", path, (int)PARENTS_MAX);
	return check_dir(parent, path, depth + 1, lazy, e);
}

int criu_images_check(const struct criu_dirs *d, const struct pod_criu *r, struct ps_err *e)
{
	return check_dir(d->images, r->image_path, 0, r->lazy_pages, e);
}

/* "file[MOUNT:INODE]": a file of a mount that the container does not have. */
static const char *file_key(struct ps_arena *a, pid_t pid, int fd, const struct criu_mounts *m)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[48];
	struct stat st;
	int id;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	if (ps_read_file_at(AT_FDCWD, path, KEY_MAX * 4, &text, NULL) < 0 || !text.data)
		return NULL;
	const char *found = strstr(text.data, "mnt_id:");

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	if (!found || sscanf(found, "mnt_id:%d", &id) != 1 || stat(path, &st) < 0)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].id == id)
			return NULL;
	return ps_arena_printf(a, "file[%x:%lx]", (unsigned)id, (unsigned long)st.st_ino);
}

int criu_stdio_look(struct ps_arena *a, pid_t pid, const struct criu_mounts *m, struct criu_stdio *ret, struct ps_err *e)
{
	struct criu_stdio s = { .key = { NULL } };
	char path[48], target[KEY_MAX];

	for (int fd = 0; fd < 3; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		const ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (n < 0 && errno == ENOENT)
			continue;
		if (n < 0)
			return ps_fail_os(e, "read the link '%s'", path);
		target[n] = '\0';
		if (!strncmp(target, "pipe:[", 6) || !strncmp(target, "socket:[", 8))
			s.key[fd] = ps_arena_strdup(a, target);
		else if (*target == '/')
			s.key[fd] = file_key(a, pid, fd, m);
	}
	*ret = s;
	return 0;
}

int criu_stdio_write(const struct criu_dirs *d, const struct criu_stdio *s, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct ps_jsonw w = { .out = &text };

	ps_jw_array(&w, NULL);
	for (size_t i = 0; i < PS_COUNT(s->key); i++)
		ps_jw_str(&w, NULL, s->key[i] ? s->key[i] : "");
	ps_jw_end_array(&w);
	if (text.failed)
		return ps_fail_os(e, "memory for '" STDIO_FILE "'");
	return ps_write_atomic_at(d->images, STDIO_FILE, text.data, text.len, 0600, e);
}

/* It becomes a name that criu looks for, nothing else; "pipe:[123]", "file[1a:2b]". */
static bool is_key(const char *s)
{
	static const char *const kinds[] = { "pipe:[", "socket:[", "file[" };

	for (size_t i = 0; i < PS_COUNT(kinds); i++) {
		const size_t len = strlen(kinds[i]);
		size_t n = len;

		if (strncmp(s, kinds[i], len) != 0)
			continue;
		while (isxdigit((unsigned char)s[n]) || s[n] == ':')
			n++;
		return n > len && n < KEY_MAX && s[n] == ']' && !s[n + 1];
	}
	return false;
}

int criu_stdio_read(struct ps_arena *a, const struct criu_dirs *d, struct criu_stdio *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct criu_stdio s = { .key = { NULL } };
	ps_auto_fd int fd = openat(d->images, STDIO_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct json *doc;

	if (fd < 0 && errno == ENOENT) {
		*ret = s;
		return 0;
	}
	if (fd < 0)
		return ps_fail_os(e, "open '" STDIO_FILE "' of the images");
	if (ps_read_fd(fd, STDIO_FILE, STDIO_MAX, &text, e) < 0 || json_parse(a, STDIO_FILE, text.data ? text.data : "", text.len, &doc, e) < 0)
		return -1;
	if (doc->type != JSON_ARRAY || doc->v.list.n > PS_COUNT(s.key))
		return json_fail(doc, STDIO_FILE, e, "must be a list of at most three names");
	for (size_t i = 0; i < doc->v.list.n; i++) {
		const struct json *item = &doc->v.list.items[i];

		if (item->type != JSON_STRING)
			return json_fail(item, STDIO_FILE, e, "must be a name");
		/* Other runtimes write down what it was, whatever it was; only these are of outside. */
		s.key[i] = is_key(item->v.s) ? item->v.s : NULL;
	}
	*ret = s;
	return 0;
}
