/* SPDX-License-Identifier: Apache-2.0
 * client.c - libpodshim: connections, requests and what comes between their replies.
 */
#include "ipc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"
#include "ipc/sock.h"

enum { HELLO_MS = 10000, REQUEST_MS = 60000 };

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "the public numbers are the internal ones")
SAME(PODSHIM_E_OS, PS_E_OS);
SAME(PODSHIM_E_CONFIG, PS_E_CONFIG);
SAME(PODSHIM_E_STATE, PS_E_STATE);
SAME(PODSHIM_E_DENIED, PS_E_DENIED);
SAME(PODSHIM_E_UNSUPP, PS_E_UNSUPP);
SAME(PODSHIM_E_PEER, PS_E_PEER);
SAME(PODSHIM_E_USAGE, PS_E_USAGE);
SAME(PODSHIM_E_NOTFOUND, PS_E_NOTFOUND);
SAME(PODSHIM_E_EXISTS, PS_E_EXISTS);
SAME(PODSHIM_E_BUG, PS_E_BUG);
SAME(PODSHIM_LOSSLESS, MSG_LOSSLESS);
SAME(PODSHIM_DETACHED, MSG_DETACHED);
SAME(PODSHIM_CODE, MSG_CODE);
SAME(PODSHIM_TTY, MSG_TTY);
SAME(PODSHIM_STDIN, MSG_STDIN);
SAME(PODSHIM_FORCE, MSG_FORCE);
SAME(PODSHIM_EVENT_STATE, MSG_STATE);
SAME(PODSHIM_EVENT_EXIT, MSG_EXIT);
SAME(PODSHIM_END, RING_END);
_Static_assert(sizeof(((struct podshim_error *)0)->text) >= sizeof(((struct ps_err *)0)->msg), "texts fit");
_Static_assert(sizeof(((struct podshim_error *)0)->where) >= sizeof(((struct ps_err *)0)->where), "places fit");

int (lib_error)(struct podshim_error *to, const struct ps_err *from)
{
	if (to) {
		*to = (struct podshim_error){ .code = (int)from->cls, .sys = from->sys };
		memcpy(to->where, from->where, sizeof(from->where));
		memcpy(to->text, from->msg, sizeof(from->msg));
	}
	return -1;
}

int64_t lib_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : timeout_ms == 0 ? 0 : ps_now_ms() + timeout_ms;
}

int lib_left(int64_t deadline)
{
	int64_t left;

	if (deadline <= 0)
		return (int)deadline;
	left = deadline - ps_now_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* ---- Messages ---- */

static void close_fds(struct podshim *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		ps_fd_close(&c->fds[i]);
	c->n_fds = 0;
}

int lib_take_fd(struct podshim *c, enum msg_fd_kind kind)
{
	const int i = msg_fd_index(&c->msg, kind, c->n_fds);

	return i < 0 ? -1 : ps_take_fd(&c->fds[i]);
}

static int gone(struct podshim *c, struct ps_err *e)
{
	c->gone = true;
	(void)ps_fail(e, PS_E_PEER, "'%s' has closed the connection", c->name);
	if (e)
		e->sys = EPIPE;
	return -1;
}

/* The next message into c->msg and c->fds.  1, or 0 after timeout_ms. */
static int receive(struct podshim *c, int timeout_ms, struct ps_err *e)
{
	struct ps_err why = { .cls = PS_OK };
	size_t n_fds = MSG_FDS_MAX;
	ssize_t n;

	close_fds(c);
	if (c->gone)
		return gone(c, e);
	n = sock_recv(c->fd, c->in, MSG_MAX, c->fds, &n_fds, timeout_ms, &why);
	if (n < 0 && why.cls == PS_E_PEER && why.sys == ETIMEDOUT)
		return 0;
	if (n < 0) {
		if (e)
			*e = why;
		return ps_ctx(e, "'%s'", c->name);
	}
	c->n_received++;
	c->n_fds = n_fds;
	if (n == 0)
		return gone(c, e);
	if (msg_parse(c->in, (size_t)n, &c->msg, e) < 0 || msg_check_fds(&c->msg, c->n_fds, e) < 0) {
		c->gone = true; /* whatever follows cannot be understood either */
		return ps_ctx(e, "'%s'", c->name);
	}
	return 1;
}

static void keep_event(struct podshim *c, const struct msg *m)
{
	struct podshim_event *ev;

	if (!c->events)
		return;
	if (c->n_events == CLIENT_EVENTS) { /* the oldest gives way */
		c->first_event = (c->first_event + 1) % CLIENT_EVENTS;
		c->n_events--;
		c->lost_events++;
	}
	ev = &c->events[(c->first_event + c->n_events++) % CLIENT_EVENTS];
	*ev = (struct podshim_event){ .n = (unsigned)msg_u64(m, TAG_N, 0), .status = (int)msg_u64(m, TAG_STATUS, 0) };
	if (m->type == MSG_EXIT)
		ev->type = PODSHIM_EVENT_EXIT;
	else
		ev->type = PODSHIM_EVENT_STATE;
	(void)snprintf(ev->id, sizeof(ev->id), "%s", msg_text(m, TAG_ID, ""));
	(void)snprintf(ev->state, sizeof(ev->state), "%s", msg_text(m, TAG_STATE, ""));
	(void)snprintf(ev->reason, sizeof(ev->reason), "%s", msg_text(m, TAG_REASON, ""));
}

static void set_ended(struct podshim_runner *r, const struct msg *m)
{
	if (r->ended)
		return;
	r->ended = true;
	r->status = (int)msg_u64(m, TAG_STATUS, 0);
	(void)snprintf(r->reason, sizeof(r->reason), "%s", msg_text(m, TAG_REASON, ""));
}

static struct podshim_runner *find_runner(const struct podshim *c, uint64_t n)
{
	struct podshim_runner *r = c->runners;

	while (r && r->n != n)
		r = r->next;
	return r;
}

static void dispatch_event(struct podshim *c, const struct msg *m)
{
	struct podshim_runner *r = find_runner(c, msg_u64(m, TAG_N, UINT64_MAX));

	/* One that was sent before our last ACK came there says nothing new: that ACK's own is still owed. */
	if (m->type == MSG_OUTPUT && r && (msg_u64(m, TAG_HEAD, 0) > r->acked || msg_u64(m, TAG_FINISHED, 0)))
		r->armed = false;
	if (m->type == MSG_EXIT && r)
		set_ended(r, m);
	if (m->type == MSG_EXIT || m->type == MSG_STATE)
		keep_event(c, m);
}

/* Only WAITs, and INPUTs that must not wait, are answered later than they are asked. */
static void dispatch_reply(struct podshim *c, const struct msg *m)
{
	for (struct podshim_runner *r = c->runners; r; r = r->next) {
		if (r->input_id && r->input_id == m->id) {
			r->input_id = 0;
			(void)msg_failure(m, &r->input_failed);
		}
		if (!r->wait_id || r->wait_id != m->id)
			continue;
		r->wait_id = 0;
		if (msg_failure(m, &r->wait_failed) == 0)
			set_ended(r, m);
	}
}

/* An ERROR about the connection itself is its end. */
static int connection_failed(struct podshim *c, struct ps_err *e)
{
	if (c->msg.type != MSG_ERROR || c->msg.flags & MSG_REPLY || msg_has(&c->msg, TAG_N))
		return 0;
	c->gone = true;
	if (msg_failure(&c->msg, e) == 0)
		return gone(c, e);
	return ps_ctx(e, "'%s'", c->name);
}

static int dispatch(struct podshim *c, struct ps_err *e)
{
	if (connection_failed(c, e) < 0)
		return -1;
	if (c->msg.flags & MSG_REPLY)
		dispatch_reply(c, &c->msg);
	else
		dispatch_event(c, &c->msg);
	close_fds(c);
	return 0;
}

int lib_pump(struct podshim *c, int timeout_ms, struct ps_err *e)
{
	const int got = receive(c, timeout_ms, e);

	return got == 1 && dispatch(c, e) < 0 ? -1 : got;
}

void lib_begin(struct podshim *c, enum msg_type type)
{
	if (++c->last_id == 0)
		c->last_id = 1;
	msg_begin(&c->out, type, 0, c->last_id);
}

int lib_send(struct podshim *c, const int *fds, size_t n_fds, struct ps_err *e)
{
	if (c->gone)
		return gone(c, e);
	if (msg_end(&c->out, e) < 0)
		return -1;
	if (sock_send(c->fd, c->out.data, c->out.len, fds, n_fds, e) < 0)
		return ps_ctx(e, "'%s'", c->name);
	return 0;
}

int lib_call(struct podshim *c, const int *fds, size_t n_fds, int timeout_ms, struct ps_err *e)
{
	const uint32_t id = c->last_id;
	const int64_t deadline = lib_deadline(timeout_ms);

	if (lib_send(c, fds, n_fds, e) < 0)
		return -1;
	for (;;) {
		const int got = receive(c, lib_left(deadline), e);

		if (got < 0)
			return -1;
		if (got == 0) {
			(void)ps_fail(e, PS_E_PEER, "'%s' has not answered for %d ms", c->name, timeout_ms);
			if (e)
				e->sys = ETIMEDOUT;
			return -1;
		}
		if (c->msg.flags & MSG_REPLY && c->msg.id == id)
			return msg_failure(&c->msg, e);
		if (dispatch(c, e) < 0)
			return -1;
	}
}

/* ---- Connections ---- */

static int default_root(char *out, size_t size, struct ps_err *e)
{
	const char *dir = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";
	int n;

	if (!dir || dir[0] != '/')
		return ps_fail(e, PS_E_USAGE, "XDG_RUNTIME_DIR is not set: where are the pods?");
	n = snprintf(out, size, "%s/podshim", dir);
	return n < 0 || (size_t)n >= size ? ps_fail(e, PS_E_USAGE, "XDG_RUNTIME_DIR is too long") : 0;
}

/* Directory entries of one component only: a name never leads out of root. */
static int open_folder(const char *root, const char *name, struct ps_err *e)
{
	ps_auto_fd int root_fd = -1;
	char pod[CLIENT_NAME_MAX + 8];
	struct stat st;
	int fd;

	if (!name[0] || name[0] == '.' || strchr(name, '/') || strlen(name) > CLIENT_NAME_MAX)
		return ps_fail(e, PS_E_USAGE, "'%.64s' is no name of a pod or container", name);
	(void)snprintf(pod, sizeof(pod), ".pods/%s", name);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 && errno != ENOENT)
		return ps_fail_os(e, "open '%s'", root);
	/* Nothing below another user's leads us anywhere. */
	if (root_fd >= 0 && (fstat(root_fd, &st) < 0 || st.st_uid != geteuid()))
		return ps_fail(e, PS_E_NOTFOUND, "'%s' is another user's, and lets nobody look at a pod '%s'", root, name);
	fd = openat(root_fd, pod, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = openat(root_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ps_fail(e, PS_E_NOTFOUND, "no pod and no container below '%s' is named '%s'", root, name);
	return fd;
}

/* Another user's pod that lets us look on: NAME.sock in ROOT.observe, served by who owns that directory alone. */
static int connect_observed(struct podshim *c, const char *root, const char *name, struct ps_err *e)
{
	char path[PATH_MAX], file[CLIENT_NAME_MAX + 8];
	uid_t uid = (uid_t)-1;
	size_t len = strlen(root);
	struct stat st;
	pid_t pid;

	while (len > 1 && root[len - 1] == '/')
		len--;
	if (snprintf(path, sizeof(path), "%.*s.observe", (int)len, root) >= (int)sizeof(path))
		return ps_fail(e, PS_E_USAGE, "the state folder's path '%s' is too long", root);
	ps_auto_fd int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	(void)snprintf(file, sizeof(file), "%s.sock", name);
	if (dir < 0 || fstat(dir, &st) < 0 || faccessat(dir, file, F_OK, 0) < 0)
		return ps_fail(e, PS_E_NOTFOUND, "no pod of '%s' that others may look at is named '%s'", root, name);
	if (st.st_mode & 022)
		return ps_fail(e, PS_E_DENIED, "'%s' is not its owner's alone to write", path);
	c->fd = sock_connect_at(dir, file, SOCK_SEQPACKET, e);
	if (c->fd < 0)
		return ps_ctx(e, "'%s'", name);
	if (sock_peer(c->fd, &pid, &uid, e) < 0)
		return -1;
	return uid == st.st_uid ? 0 : ps_fail(e, PS_E_DENIED, "'%s' is served by uid %u, but uid %u owns '%s'", name, uid, st.st_uid, path);
}

static int connect_to(struct podshim *c, const char *root, const char *name, struct ps_err *e)
{
	ps_auto_fd int dir = open_folder(root, name, e);
	uid_t uid = (uid_t)-1;
	struct stat st;
	pid_t pid;

	if (dir < 0) {
		struct ps_err why = { .cls = PS_OK };

		/* A folder beside a root of ours may be anybody's. */
		if (stat(root, &st) == 0 && st.st_uid == geteuid())
			return -1;
		if (connect_observed(c, root, name, &why) == 0)
			return 0;
		if (e && why.cls != PS_E_NOTFOUND)
			*e = why;
		return -1;
	}
	c->fd = sock_connect_at(dir, "control.sock", SOCK_SEQPACKET, e);
	if (c->fd < 0 && e->cls == PS_E_PEER && e->sys == ENOENT)
		return ps_fail(e, PS_E_STATE, "'%s' has no channel", name);
	if (c->fd < 0)
		return ps_ctx(e, "'%s'", name);
	if (sock_peer(c->fd, &pid, &uid, e) < 0)
		return -1;
	if (uid != geteuid())
		return ps_fail(e, PS_E_DENIED, "'%s' is served by uid %u", name, uid);
	return 0;
}

static int take_hello(struct podshim *c, struct ps_err *e)
{
	const int got = receive(c, HELLO_MS, e);
	uint64_t version;

	if (got < 0)
		return -1;
	if (got == 0)
		return ps_fail(e, PS_E_PEER, "'%s' does not answer", c->name);
	if (connection_failed(c, e) < 0)
		return -1;
	version = msg_u64(&c->msg, TAG_VERSION, 0);
	if (c->msg.type != MSG_HELLO || !version)
		return ps_fail(e, PS_E_PEER, "'%s' does not begin with HELLO", c->name);
	if (version != MSG_VERSION)
		return ps_fail(e, PS_E_UNSUPP, "'%s' speaks version %llu, known is %d", c->name,
			       (unsigned long long)version, MSG_VERSION);
	c->pid = (pid_t)msg_u64(&c->msg, TAG_PID, 0);
	c->features = msg_u64(&c->msg, TAG_FEATURES, 0);
	c->ring_size = msg_u64(&c->msg, TAG_RING_SIZE, LINK_DATA_DEFAULT);
	return 0;
}

static struct podshim *new_connection(const char *name)
{
	struct podshim *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = -1;
	c->timeout_ms = REQUEST_MS;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	c->in = malloc(MSG_MAX); /* pages are only taken by long messages */
	if (!c->in)
		ps_mem_free(&c);
	return c;
}

int podshim_connect(const char *root, const char *name, struct podshim **ret, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	char path[PATH_MAX];
	struct podshim *c;

	if (!root) {
		if (default_root(path, sizeof(path), &err) < 0)
			return lib_error(e, &err);
		root = path;
	}
	c = new_connection(name);
	if (!c) {
		(void)ps_fail_os(&err, "connect to '%s'", name);
		return lib_error(e, &err);
	}
	if (connect_to(c, root, name, &err) < 0 || take_hello(c, &err) < 0) {
		podshim_close(c);
		return lib_error(e, &err);
	}
	*ret = c;
	return 0;
}

void podshim_close(struct podshim *c)
{
	int saved = errno;

	if (!c)
		return;
	for (struct podshim_runner *r = c->runners; r; r = r->next)
		r->c = NULL;
	close_fds(c);
	lib_link_spare(c, 0);
	if (c->fd >= 0)
		(void)close(c->fd);
	ps_buf_done(&c->out);
	free(c->in);
	free(c->events);
	free(c);
	errno = saved;
}

const char *podshim_name(const struct podshim *c)
{
	return c->name;
}

pid_t podshim_server_pid(const struct podshim *c)
{
	return c->pid;
}

int podshim_fd(const struct podshim *c)
{
	return c->fd;
}

uint64_t podshim_received(const struct podshim *c)
{
	return c->n_received;
}

void podshim_set_timeout(struct podshim *c, int timeout_ms)
{
	c->timeout_ms = timeout_ms;
}
