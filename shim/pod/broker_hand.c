/* SPDX-License-Identifier: Apache-2.0
 * broker_hand.c - what the broker cannot do as itself: put a socket into a target's epolls, which takes a descriptor of the
 * target's number, act on AF_UNIX sockets, whose peers look at the ids of whoever does it, and bind ports below 1024.
 *
 * A lock of an epoll, or a file system that does not answer, may keep this process waiting; the broker has deadlines.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/broker_inside.h"
#include "shim/sandbox/confine.h"

enum { LINES_MAX = 1 << 22, GROUPS_MAX = 1024 };

struct hand {
	int sock;
	struct task t;
};

/* ---- epoll ---- */

struct registration { int number, old_fd, new_fd; unsigned long ino; };

/* The next line of an epoll's fdinfo that is about our socket; false at the end. */
static bool next_registration(const char **at, const struct registration *g, struct epoll_event *ret)
{
	const char *p = *at;

	while ((p = strstr(p, "tfd:")) != NULL) {
		unsigned events;
		uint64_t data;
		unsigned long ino;
		int number;
		const int n = sscanf(p, "tfd: %d events: %x data: %" SCNx64 " pos:%*d ino:%lx", &number, &events, &data, &ino);

		p += 4;
		if (n == 4 && number == g->number && ino == g->ino) {
			*ret = (struct epoll_event){ .events = events, .data.u64 = data };
			*at = p;
			return true;
		}
	}
	return false;
}

/* The number is the old socket's before and after. */
static int register_again(const struct registration *g, int epoll, struct epoll_event *ev)
{
	int err = 0;

	/* Not there: the target was quicker. */
	if (epoll_ctl(epoll, EPOLL_CTL_DEL, g->number, NULL) < 0)
		return 0;
	if (dup3(g->new_fd, g->number, O_CLOEXEC) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, g->number, ev) < 0)
		err = errno;
	return dup3(g->old_fd, g->number, O_CLOEXEC) < 0 ? errno : err;
}

static int update_epoll(pid_t tid, int pidfd, const char *at, const struct registration *g)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[64];
	struct epoll_event ev;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.12s", (int)tid, at);
	ps_auto_fd int info = open(path, O_RDONLY | O_CLOEXEC);

	if (info < 0)
		return 0;
	if (ps_read_fd(info, path, LINES_MAX, &text, NULL) < 0)
		return EIO;
	const char *line = text.data;

	while (line && next_registration(&line, g, &ev)) {
		ps_auto_fd int epoll = ps_sys_pidfd_getfd(pidfd, (int)strtol(at, NULL, 10));
		const int err = epoll < 0 ? 0 : register_again(g, epoll, &ev);

		if (err)
			return err;
	}
	return 0;
}

static int update_all(const struct task *t, const struct registration *g)
{
	static const char epoll_link[] = "anon_inode:[eventpoll]";
	char path[64], to[sizeof(epoll_link)];
	const struct dirent *d;
	int err = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)t->tid);
	ps_auto_fd int pidfd = broker_pidfd((pid_t)t->tid);
	ps_auto_dir DIR *dir = opendir(path);

	if (pidfd < 0 || !dir)
		return ESRCH;
	while (!err && (d = readdir(dir)) != NULL)
		if (readlinkat(dirfd(dir), d->d_name, to, sizeof(to)) == sizeof(to) - 1 && memcmp(to, epoll_link, sizeof(to) - 1) == 0)
			err = update_epoll((pid_t)t->tid, pidfd, d->d_name, g);
	return err;
}

/* Nothing of ours may be at a number of theirs. */
static int move_away(int *fd, int number)
{
	if (*fd != number)
		return 0;
	const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (moved < 0)
		return errno;
	(void)close(*fd);
	*fd = moved;
	return 0;
}

static int epolls(struct hand *h, int fds[2])
{
	const int number = h->t.number;
	struct stat st;

	if (move_away(&h->sock, number) || move_away(&fds[0], number) || move_away(&fds[1], number))
		return EMFILE;
	if (fstat(fds[0], &st) < 0 || dup3(fds[0], number, O_CLOEXEC) < 0)
		return errno == EBADF ? EMFILE : errno;
	const struct registration g = { .number = number, .old_fd = fds[0], .new_fd = fds[1], .ino = (unsigned long)st.st_ino };
	const int err = update_all(&h->t, &g);

	(void)close(number);
	return err;
}

/* ---- AF_UNIX ---- */

struct ids { uint32_t uid, gid, groups[GROUPS_MAX]; size_t n_groups; mode_t umask; };

static const char *field(const char *status, const char *name)
{
	const char *p = strstr(status, name);

	return p ? p + strlen(name) : "";
}

/* What a task's credentials are in our user namespace: effective ids, supplementary groups. */
static int ids_of(pid_t tid, struct ids *ret)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ps_read_fd(fd, path, LINES_MAX, &text, NULL) < 0 || !text.data)
		return ESRCH;
	const char *groups = field(text.data, "\nGroups:\t");
	char *end;

	if (sscanf(field(text.data, "\nUid:\t"), "%*u %u", &ret->uid) != 1 ||
	    sscanf(field(text.data, "\nGid:\t"), "%*u %u", &ret->gid) != 1 ||
	    sscanf(field(text.data, "\nUmask:\t"), "%o", &ret->umask) != 1)
		return ESRCH;
	for (ret->n_groups = 0; *(groups += strspn(groups, " ")) != '\n'; groups = end) {
		const unsigned long g = strtoul(groups, &end, 10);

		if (end == groups || ret->n_groups == GROUPS_MAX)
			return EPERM;
		ret->groups[ret->n_groups++] = (uint32_t)g;
	}
	return 0;
}

static bool has_groups_of(const struct ids *who)
{
	gid_t own[GROUPS_MAX];
	const int n = getgroups(GROUPS_MAX, own);

	return n >= 0 && (size_t)n == who->n_groups && (!n || memcmp(own, who->groups, (size_t)n * sizeof(*own)) == 0);
}

/*
 * Groups that stay when it is over are of use to nobody: each call sets its own.  In an ordinary user's namespace there are
 * none to set: everybody has his.
 */
static int become(const struct ids *who)
{
	if (geteuid() == who->uid && getegid() == who->gid && (geteuid() != 0 || has_groups_of(who)))
		return 0;
	if (ps_sys_setgroups(who->n_groups, who->groups) < 0 || ps_sys_setresgid(~0U, who->gid, ~0U) < 0)
		return EPERM;
	return ps_sys_setresuid(~0U, who->uid, ~0U) < 0 ? EPERM : 0;
}

static void be_oneself(uint32_t uid, uint32_t gid)
{
	if ((geteuid() != uid && ps_sys_setresuid(~0U, uid, ~0U) < 0) || (getegid() != gid && ps_sys_setresgid(~0U, gid, ~0U) < 0))
		_exit(EXIT_FAILURE);
}

/* The address of what an O_PATH descriptor, or `name` in a directory, is. */
static int address_of(int fd, const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	const int n = snprintf(ret->sun_path, sizeof(ret->sun_path), name ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", fd, name);

	if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
		return ENAMETOOLONG;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
	return 0;
}

static int abstract_address(const struct task *t, struct sockaddr_un *ret, socklen_t *ret_len)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (t->len > sizeof(ret->sun_path))
		return EINVAL;
	memcpy(ret->sun_path, t->text, t->len);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + t->len);
	return 0;
}

static int root_of(pid_t tid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)tid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The object that a path of the target's leads to, and its path there. */
static int resolve(const struct hand *h, int root, int *ret_fd, struct task *ret)
{
	char link[64];

	*ret_fd = ps_openat2(root, h->t.text, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (*ret_fd < 0)
		return errno;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", *ret_fd);
	const ssize_t n = readlink(link, ret->text, sizeof(ret->text) - 1);

	if (n <= 0)
		return ENAMETOOLONG;
	ret->text[n] = '\0';
	ret->len = (uint32_t)n;
	return 0;
}

static int connect_to(const struct hand *h, const int fds[2])
{
	struct sockaddr_un addr;
	socklen_t len;
	const int err = fds[1] >= 0 ? address_of(fds[1], NULL, &addr, &len) : abstract_address(&h->t, &addr, &len);

	if (err)
		return err;
	return connect(fds[0], (const struct sockaddr *)&addr, len) < 0 ? errno : 0;
}

static int bind_to(const struct hand *h, int sock, int root, mode_t mask)
{
	struct sockaddr_un addr;
	socklen_t len;
	char name[NAME_MAX + 1];
	int err = abstract_address(&h->t, &addr, &len);

	if (h->t.len && h->t.text[0]) {
		ps_auto_fd int parent = ps_open_parent_in_root(root, h->t.text, /* mk= */ false, name, NULL);

		err = parent < 0 ? ENOENT : address_of(parent, name, &addr, &len);
		if (err)
			return err;
		const mode_t own = umask(mask);
		const int rc = bind(sock, (const struct sockaddr *)&addr, len);

		err = rc < 0 ? errno : 0;
		(void)umask(own);
		return err;
	}
	if (err)
		return err;
	return bind(sock, (const struct sockaddr *)&addr, len) < 0 ? errno : 0;
}

/* ---- Files of the host's tree ---- */

static bool is_same(int x, int y)
{
	struct stat a, b;

	return fstat(x, &a) == 0 && fstat(y, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int look(int root, const char *path, uint64_t flags)
{
	return ps_openat2(root, path, O_PATH | flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/*
 * Has the target, at path, what the tree has there, or nothing where the tree's would be: no part of the way is a mount of
 * another thing?  Folders of its own root are only there to mount something on.
 */
static bool is_no_other(int root, int tree, const char *path)
{
	char way[PATH_MAX];

	(void)snprintf(way, sizeof(way), "%s", path);
	for (;;) {
		ps_auto_fd int seen = look(root, way, O_NOFOLLOW);
		ps_auto_fd int ours = seen < 0 ? -1 : look(tree, way, O_NOFOLLOW);
		struct stat top, st;
		char *slash = strrchr(way, '/');

		if (seen >= 0)
			return (ours >= 0 && is_same(seen, ours)) ||
			       (strcmp(way, path) != 0 && fstat(root, &top) == 0 && fstat(seen, &st) == 0 && S_ISDIR(st.st_mode) && top.st_dev == st.st_dev);
		if ((errno != ENOENT && errno != ENOTDIR) || !slash)
			return false;
		way[slash == way ? 1 : slash - way] = '\0';
		if (slash == way && slash[1] == '\0' && strcmp(path, "/") == 0)
			return false;
	}
}

static int path_of(int fd, struct task *ret)
{
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	const ssize_t n = readlink(link, ret->text, PATH_MAX - 1);

	if (n <= 0 || ret->text[0] != '/')
		return ENAMETOOLONG;
	ret->text[n] = '\0';
	ret->len = (uint32_t)n;
	return 0;
}

/* The folder of what is not there. */
static int find_folder(const struct hand *h, int tree, int *ret_fd, struct task *ret)
{
	char way[PATH_MAX];
	const char *slash = strrchr(h->t.text, '/'), *name = slash ? slash + 1 : "";
	struct stat st;
	int err;

	if (!slash || slash == h->t.text || !*name)
		return ENOENT;
	(void)snprintf(way, sizeof(way), "%.*s", (int)(slash - h->t.text), h->t.text);
	*ret_fd = look(tree, way, O_DIRECTORY);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return errno;
	err = path_of(*ret_fd, ret);
	if (err || ret->len + 1 + strlen(name) >= PATH_MAX)
		return err ? err : ENAMETOOLONG;
	ret->len += (uint32_t)snprintf(ret->text + ret->len, sizeof(ret->text) - ret->len, "/%s", name);
	ret->number = FILE_NEW;
	return 0;
}

static int find(const struct hand *h, int root, int tree, int *ret_fd, struct task *ret)
{
	struct stat st;
	int err = 0;

	ret->number = FILE_THERE;
	*ret_fd = look(tree, h->t.text, h->t.flags & O_NOFOLLOW);
	if (*ret_fd >= 0)
		err = fstat(*ret_fd, &st) < 0 || !S_ISREG(st.st_mode) ? EPERM : path_of(*ret_fd, ret);
	else
		err = errno == ENOENT && h->t.flags & O_CREAT ? find_folder(h, tree, ret_fd, ret) : errno;
	if (!err && (!is_no_other(root, tree, h->t.text) || !is_no_other(root, tree, ret->text)))
		err = EPERM;
	return err;
}

/* What was found, and nothing else, is opened: by its descriptor, or as a new file in its folder. */
static int open_found(const struct hand *h, int found, mode_t mask, int *ret_fd)
{
	const int flags = (int)h->t.flags | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	char link[64];
	struct stat st;

	if (h->t.len) {
		const mode_t own = umask(mask);

		*ret_fd = strchr(h->t.text, '/') ? (errno = EINVAL, -1) : openat(found, h->t.text, flags | O_NONBLOCK, h->t.mode & 0777);
		(void)umask(own);
	} else {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
		*ret_fd = open(link, flags & ~O_NOFOLLOW);
	}
	if (*ret_fd < 0)
		return errno;
	if (fstat(*ret_fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ps_fd_close(ret_fd);
		return EACCES;
	}
	if (h->t.len && !(flags & O_NONBLOCK))
		(void)fcntl(*ret_fd, F_SETFL, fcntl(*ret_fd, F_GETFL) & ~O_NONBLOCK);
	return 0;
}

/* With the target's ids. */
static int act(struct hand *h, const int fds[2], int *ret_fd, struct task *ret)
{
	static struct ids who;
	const uint32_t uid = geteuid(), gid = getegid();
	ps_auto_fd int root = root_of((pid_t)h->t.tid);
	int err = root < 0 ? ESRCH : ids_of((pid_t)h->t.tid, &who);

	if (!err)
		err = become(&who);
	if (!err && h->t.kind == TASK_RESOLVE)
		err = resolve(h, root, ret_fd, ret);
	else if (!err && h->t.kind == TASK_CONNECT)
		err = connect_to(h, fds);
	else if (!err && h->t.kind == TASK_FIND)
		err = find(h, root, fds[0], ret_fd, ret);
	else if (!err && h->t.kind == TASK_OPEN)
		err = open_found(h, fds[0], who.umask, ret_fd);
	else if (!err && h->t.kind == TASK_BIND)
		err = bind_to(h, fds[0], root, who.umask);
	else if (!err && h->t.kind == TASK_LISTEN)
		err = listen(fds[0], h->t.number) < 0 ? errno : 0;
	be_oneself(uid, gid);
	return err;
}

/* The broker has seen that the target may. */
static int bind_low(const struct hand *h, int sock)
{
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };

	if (h->t.len > sizeof(addr))
		return EINVAL;
	memcpy(&addr, h->t.text, h->t.len);
	return confine_bind(sock, (const struct sockaddr *)&addr, h->t.len) < 0 ? errno : 0;
}

static int perform(struct hand *h, int fds[2], int *ret_fd, struct task *ret)
{
	if (h->t.kind == TASK_EPOLLS)
		return epolls(h, fds);
	if (h->t.kind == TASK_BIND_LOW)
		return bind_low(h, fds[0]);
	return act(h, fds, ret_fd, ret);
}

/* ---- Life ---- */

static void say(const struct hand *h, const struct task *t, int fd)
{
	if (sock_send(h->sock, t, offsetof(struct task, text) + t->len, &fd, fd >= 0, NULL) < 0)
		_exit(EXIT_FAILURE);
}

static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		_exit(EXIT_FAILURE);
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

_Noreturn void broker_hand(int sock)
{
	static struct hand h;
	static struct task reply;

	(void)prctl(PR_SET_NAME, "podshim:hand");
	raise_limit();
	if (confine_hand(NULL) < 0)
		_exit(EXIT_FAILURE);
	h.sock = sock;
	reply.kind = TASK_HELLO;
	say(&h, &reply, -1);
	for (;;) {
		int fds[2] = { -1, -1 };
		size_t n_fds = 2;
		ps_auto_fd int found = -1;

		h.t.len = 0;
		if (sock_recv(h.sock, &h.t, sizeof(h.t) - 1, fds, &n_fds, -1, NULL) != (ssize_t)(offsetof(struct task, text) + h.t.len))
			_exit(EXIT_SUCCESS);
		h.t.text[h.t.len] = '\0';
		reply = (struct task){ .kind = h.t.kind, .job = h.t.job };
		reply.err = perform(&h, fds, &found, &reply);
		ps_fd_close(&fds[0]);
		ps_fd_close(&fds[1]);
		say(&h, &reply, found);
	}
}
