/* SPDX-License-Identifier: Apache-2.0
 * server.c - control.sock: who may connect, what comes in, what goes out to whom.
 *
 * A client that does not read loses its connection: nothing here waits for it, nor keeps what it did not take.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/peer.h"
#include "shim/pod/server.h"

enum { REPLY_ROOM = 1024, KEPT_RUNNERS = 64, LISTEN_AGAIN_MS = 100 };

/* ---- Out ---- */

void client_send(struct client *c, struct ps_buf *b, const int *fds, size_t n_fds)
{
	struct ps_err e = { 0 };

	if (msg_end(b, &e) < 0 || sock_send(c->source.fd, b->data, b->len, fds, n_fds, &e) < 0)
		c->lost = true; /* dropped when the loop comes to it: callers hold it */
	if (c->lost)
		(void)shutdown(c->source.fd, SHUT_RDWR);
}

void reply_begin(struct ps_buf *b, enum msg_type type, uint32_t id)
{
	msg_begin(b, type, MSG_REPLY, id);
}

void client_fail(struct client *c, enum msg_type type, uint32_t id, const struct ps_err *why)
{
	char room[REPLY_ROOM];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	if (!id && type != MSG_ERROR)
		return;
	msg_begin(&b, type, type == MSG_ERROR ? 0 : MSG_REPLY, id);
	msg_put_failure(&b, why);
	client_send(c, &b, NULL, 0);
}

void client_ok(struct client *c, enum msg_type type, uint32_t id)
{
	char room[64];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	if (!id)
		return;
	reply_begin(&b, type, id);
	client_send(c, &b, NULL, 0);
}

/* ---- Observers ---- */

struct observer *observer_find(const struct client *c, const struct runner *r)
{
	struct observer *o = c->observers;

	while (o && o->runner != r)
		o = o->next;
	return o;
}

struct observer *observer_add(struct client *c, struct runner *r, bool lossless)
{
	struct observer *o = observer_find(c, r);

	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return NULL;
		o->next = c->observers;
		o->runner = r;
		o->acked = lossless ? stream_tail(r->stream) : 0;
		c->observers = o;
	}
	o->lossless = lossless;
	observers_keep(r);
	return o;
}

static void observer_remove(struct client *c, const struct runner *r)
{
	struct observer **at = &c->observers;

	while (*at && (*at)->runner != r)
		at = &(*at)->next;
	if (*at) {
		struct observer *o = *at;

		*at = o->next;
		free(o);
	}
}

void observers_keep(struct runner *r)
{
	uint64_t keep = UINT64_MAX;

	for (const struct client *c = r->sv->clients; c; c = c->next) {
		const struct observer *o = observer_find(c, r);

		if (o && o->lossless && o->acked < keep)
			keep = o->acked;
	}
	output_keep(r, keep);
}

void observer_tell(struct client *c, struct observer *o)
{
	const struct runner *r = o->runner;
	char room[128];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	if (!o->armed && !r->ended)
		return;
	if (!r->ended && stream_head(r->stream) <= o->acked)
		return;
	o->armed = false;
	msg_begin(&b, MSG_OUTPUT, 0, 0);
	msg_put_u64(&b, TAG_N, r->n);
	msg_put_u64(&b, TAG_HEAD, stream_head(r->stream));
	msg_put_u64(&b, TAG_FINISHED, r->ended);
	client_send(c, &b, NULL, 0);
}

/* ---- What runners report ---- */

static bool hears_of(const struct client *c, const struct runner *r)
{
	return c->subscribed || observer_find(c, r) || r->owner == c;
}

/* The reply to a launch says so. */
static bool is_answered(const struct client *c, const struct runner *r)
{
	return c == r->launcher && r->state == RUNNER_RUNNING && !c->subscribed;
}

static void on_state_change(struct runner *r, enum runner_state from)
{
	char room[256];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	(void)from;
	for (struct client *c = r->sv->clients; c; c = c->next) {
		if (!hears_of(c, r) || is_answered(c, r))
			continue;
		msg_begin(&b, MSG_STATE, 0, 0);
		msg_put_u64(&b, TAG_N, r->n);
		msg_put_text(&b, TAG_ID, r->id);
		msg_put_text(&b, TAG_STATE, runner_state_name(r->state));
		if (!r->reaped)
			msg_put_u64(&b, TAG_PID, (uint64_t)r->pid);
		client_send(c, &b, NULL, 0);
	}
}

static void on_output(struct runner *r)
{
	for (struct client *c = r->sv->clients; c; c = c->next) {
		struct observer *o = observer_find(c, r);

		if (o)
			observer_tell(c, o);
	}
}

static void tell_exit(struct runner *r)
{
	char room[256];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));

	for (struct client *c = r->sv->clients; c; c = c->next) {
		if (!hears_of(c, r))
			continue;
		msg_begin(&b, MSG_EXIT, 0, 0);
		msg_put_u64(&b, TAG_N, r->n);
		msg_put_text(&b, TAG_ID, r->id);
		put_end(&b, r);
		client_send(c, &b, NULL, 0);
	}
}

/* Those that nobody removes must not fill the machine: the oldest go. */
static void limit_kept(struct supervisor *sv)
{
	struct runner *oldest = NULL;
	unsigned kept = 0;

	for (struct runner *r = sv->runners; r; r = r->next) {
		if (!r->ended || r->freeing)
			continue;
		oldest = oldest ? oldest : r;
		kept++;
	}
	if (kept > KEPT_RUNNERS)
		runner_cleanup(oldest);
}

static void on_ended(struct runner *r)
{
	tell_exit(r);
	answer_ended(r);
	if (r->sv->single)
		return;
	if (r->auto_free || !r->launched)
		runner_cleanup(r);
	limit_kept(r->sv);
}

static void on_available(struct supervisor *sv)
{
	launches_serve(sv);
}

const struct runner_callbacks server_callbacks = {
	.on_state_change = on_state_change, .on_output = on_output, .on_launched = answer_launch, .on_ended = on_ended,
	.on_available = on_available,
};

void server_runner_gone(struct runner *r)
{
	answer_gone(r);
	for (struct client *c = r->sv->clients; c; c = c->next)
		observer_remove(c, r);
	runner_gone(r);
}

/* ---- In ---- */

static void forget_waiters(struct supervisor *sv, const struct client *c)
{
	for (struct runner *r = sv->runners; r; r = r->next) {
		for (struct waiter **at = &r->waiters; *at;) {
			struct waiter *w = *at;

			if (w->client != c) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			r->n_waiters--;
			free(w);
		}
		if (r->input && r->input->client == c)
			r->input->client = NULL;
		if (r->launcher == c)
			r->launcher = NULL;
	}
}

/* Runners that are nobody's any more end with the connection that they belong to. */
static void end_owned(struct supervisor *sv, const struct client *c)
{
	for (struct runner *r = sv->runners; r; r = r->next) {
		if (r->owner != c)
			continue;
		r->owner = NULL;
		r->auto_free = true;
		if (r->ended)
			runner_cleanup(r);
		else
			(void)runner_stop(r, /* force= */ true, REASON_STOPPED, NULL);
	}
}

void client_drop(struct client *c)
{
	struct supervisor *sv = c->sv;
	struct client **at = &sv->clients;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	sv->n_clients--;
	loop_remove(&sv->loop, &c->source);
	ps_fd_close(&c->source.fd);
	launches_forget(sv, c);
	forget_waiters(sv, c);
	while (c->observers) {
		struct runner *r = c->observers->runner;

		observer_remove(c, r);
		observers_keep(r);
	}
	end_owned(sv, c);
	free(c);
}

/* One datagram.  -1: the connection is over. */
static int serve(struct client *c)
{
	struct supervisor *sv = c->sv;
	int fds[MSG_FDS_MAX];
	size_t n_fds = MSG_FDS_MAX;
	struct ps_err e = { 0 };
	struct msg m;
	ssize_t n = sock_recv(c->source.fd, sv->inbox, sizeof(sv->inbox), fds, &n_fds, /* timeout_ms= */ 0, &e);

	if (n == 0)
		return -1;
	if (n < 0)
		n_fds = 0;
	for (size_t i = n_fds; i < MSG_FDS_MAX; i++)
		fds[i] = -1;
	int rc = n < 0 || msg_parse(sv->inbox, (size_t)n, &m, &e) < 0 || msg_check_fds(&m, n_fds, &e) < 0 ? -1 : 0;

	if (rc < 0) {
		client_fail(c, MSG_ERROR, 0, &e);
	} else {
		int answer = request_handle(c, &m, sv->inbox, (size_t)n, fds, &e);

		if (answer < 0)
			client_fail(c, (enum msg_type)m.type, m.id, &e);
		else if (answer == ANSWER_OK)
			client_ok(c, (enum msg_type)m.type, m.id);
	}
	for (size_t i = 0; i < MSG_FDS_MAX; i++)
		ps_fd_close(&fds[i]);
	return rc;
}

static void on_client(void *ctx, uint32_t events)
{
	struct client *c = ctx;

	if (c->lost || !(events & EPOLLIN) || serve(c) < 0 || c->lost)
		client_drop(c);
}

static void say_hello(struct client *c)
{
	const struct supervisor *sv = c->sv;
	char room[256];
	ps_auto_buf struct ps_buf b = ps_buf_lent(room, sizeof(room));
	uint64_t features = c->reads_only ? 0 : MSG_CAN_LINK | MSG_CAN_WRITE;

	if (!sv->single && !c->reads_only)
		features |= MSG_CAN_LAUNCH | (sv->pod->r.interpreter ? MSG_CAN_CODE : 0);
	msg_begin(&b, MSG_HELLO, 0, 0);
	msg_put_u64(&b, TAG_VERSION, MSG_VERSION);
	msg_put_text(&b, TAG_POD, sv->pod->name);
	msg_put_u64(&b, TAG_PID, (uint64_t)getpid());
	msg_put_u64(&b, TAG_FEATURES, features);
	if (sv->pod->r.ring_size)
		msg_put_u64(&b, TAG_RING_SIZE, sv->pod->r.ring_size);
	client_send(c, &b, NULL, 0);
}

static void on_listen_again(void *ctx)
{
	struct supervisor *sv = ctx;

	for (size_t i = 0; i < PS_COUNT(sv->listeners); i++)
		loop_watch(&sv->loop, &sv->listeners[i].source, EPOLLIN);
}

/* Whoever waits to be accepted stays: it must not keep us busy. */
static void pause_listening(struct supervisor *sv)
{
	for (size_t i = 0; i < PS_COUNT(sv->listeners); i++)
		loop_watch(&sv->loop, &sv->listeners[i].source, 0);
	sv->listen_again = (struct loop_timer){ .on = on_listen_again, .ctx = sv };
	loop_timer_set(&sv->loop, &sv->listen_again, LISTEN_AGAIN_MS);
}

static int admit(const struct supervisor *sv, int fd, bool reads_only, struct ps_err *e)
{
	if (peer_check(fd, !reads_only, sv->ns, sv->pod->own_cgroup, e) < 0)
		return -1;
	return sv->n_clients < sv->max.clients ? 0 : ps_fail(e, PS_E_STATE, "pod '%s' has %u connections already", sv->pod->name,
							     sv->n_clients);
}

static void on_connection(void *ctx, uint32_t events)
{
	struct listener *l = ctx;
	struct supervisor *sv = l->sv;
	ps_auto_fd int fd = accept4(l->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ps_err e = { 0 };

	(void)events;
	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR && !sv->listen_again.at_ms)
			pause_listening(sv);
		return;
	}
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->sv = sv;
	c->reads_only = l->reads_only;
	c->source = (struct loop_source){ .fd = fd, .on = on_client, .ctx = c };
	if (admit(sv, fd, l->reads_only, &e) < 0 || loop_add(&sv->loop, &c->source, EPOLLIN, &e) < 0) {
		client_fail(c, MSG_ERROR, 0, &e);
		free(c);
		return;
	}
	(void)ps_take_fd(&fd);
	c->next = sv->clients;
	sv->clients = c;
	sv->n_clients++;
	say_hello(c);
}

static int listen_on(struct supervisor *sv, struct listener *l, int dir_fd, const char *name, struct ps_err *e)
{
	int fd = sock_listen_at(dir_fd, name, SOCK_SEQPACKET | SOCK_NONBLOCK, e);

	if (fd < 0)
		return -1;
	l->sv = sv;
	l->source = (struct loop_source){ .fd = fd, .on = on_connection, .ctx = l };
	return loop_add(&sv->loop, &l->source, EPOLLIN, e);
}

int server_open(struct supervisor *sv, int dir_fd, struct ps_err *e)
{
	return listen_on(sv, &sv->listeners[0], dir_fd, "control.sock", e);
}

int server_open_observe(struct supervisor *sv, struct ps_err *e)
{
	char dir[4096 + 16], name[sizeof(sv->pod->name) + 8];

	if (!sv->pod->r.observed)
		return 0;
	if (pods_observe_dir(sv->pod->env->root, dir, sizeof(dir), e) < 0)
		return -1;
	/* chmod(2) is not masked. */
	if (mkdir(dir, 0755) == 0 ? chmod(dir, 0755) < 0 : errno != EEXIST)
		return ps_fail_os(e, "create '%s'", dir);
	ps_auto_fd int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ps_fail_os(e, "open '%s'", dir);
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return ps_fail(e, PS_E_DENIED, "'%s' is not ours alone to write", dir);
	(void)snprintf(name, sizeof(name), "%s.sock", sv->pod->name);
	(void)unlinkat(fd, name, 0); /* of a pod that was killed: nobody else can make one here */
	sv->listeners[1].reads_only = true;
	if (listen_on(sv, &sv->listeners[1], fd, name, e) < 0)
		return -1;
	if (fchownat(fd, name, (uid_t)-1, sv->pod->r.observe_gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(fd, name, 0660, 0) < 0)
		return ps_fail_os(e, "give '%s/%s' to group %u", dir, name, sv->pod->r.observe_gid);
	return 0;
}

void server_close_listener(struct supervisor *sv)
{
	for (size_t i = 0; i < PS_COUNT(sv->listeners); i++) {
		loop_remove(&sv->loop, &sv->listeners[i].source);
		ps_fd_close(&sv->listeners[i].source.fd);
	}
}

void server_close(struct supervisor *sv)
{
	for (struct client *c = sv->clients; c; c = c->next)
		if (c->shutdown_id)
			client_ok(c, MSG_SHUTDOWN, c->shutdown_id);
	while (sv->clients)
		client_drop(sv->clients);
	server_close_listener(sv);
}
