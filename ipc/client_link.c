/* SPDX-License-Identifier: Apache-2.0
 * client_link.c - libpodshim: links, both ends of them, and code on an interpreter.
 */
#include "ipc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/scope.h"
#include "ipc/channel.h"
#include "ipc/sock.h"

static const enum msg_fd_kind link_fd_kinds[LINK_FDS] = {
	[LINK_FD_HOST] = FD_HOST_AREA, [LINK_FD_RUNNER] = FD_RUNNER_AREA, [LINK_FD_BELL] = FD_BELL,
};

int lib_link_new(struct link *l, struct podshim_link **ret, struct ps_err *e)
{
	struct podshim_link *made = malloc(sizeof(*made));

	if (!made) {
		(void)ps_fail_os(e, "make a link");
		link_close(l);
		return -1;
	}
	made->l = l;
	*ret = made;
	return 0;
}

void lib_link_spare(struct podshim *c, uint32_t ring_size)
{
	if (c->spare && c->spare_size == ring_size)
		return;
	if (c->spare)
		link_close_fds(c->spare_fds);
	link_close(ps_take_ptr(&c->spare));
	c->spare_size = ring_size;
	if (ring_size)
		(void)link_offer(ring_size, &c->spare, c->spare_fds, NULL);
}

int lib_link_offer(struct podshim *c, size_t ring_size, struct podshim_link **ret, int fds[LINK_FDS],
		   struct ps_err *e)
{
	struct link *l = NULL;

	ring_size = ring_size ? ring_size : c->ring_size;
	if (ring_size > LINK_DATA_MAX)
		return ps_fail(e, PS_E_USAGE, "make a link: %zu bytes is more than %d", ring_size, LINK_DATA_MAX);
	if (c->spare && c->spare_size == ring_size) {
		l = ps_take_ptr(&c->spare);
		memcpy(fds, c->spare_fds, sizeof(c->spare_fds));
	} else if (link_offer((uint32_t)ring_size, &l, fds, e) < 0) {
		return -1;
	}
	if (lib_link_new(l, ret, e) < 0) {
		link_close_fds(fds);
		return -1;
	}
	return 0;
}

void lib_put_link(struct podshim *c)
{
	for (int i = 0; i < LINK_FDS; i++)
		msg_put_u64(&c->out, TAG_FD, link_fd_kinds[i]);
}

int podshim_link_open(struct podshim *c, unsigned n, size_t ring_size, struct podshim_link **ret,
		      struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct podshim_link *link = NULL;
	int fds[LINK_FDS] = { -1, -1, -1 }, r;

	if (lib_link_offer(c, ring_size, &link, fds, &err) < 0)
		return lib_error(e, &err);
	lib_begin(c, MSG_LINK);
	msg_put_u64(&c->out, TAG_N, n);
	lib_put_link(c);
	r = lib_call(c, fds, LINK_FDS, c->timeout_ms, &err);
	link_close_fds(fds);
	if (r < 0) {
		podshim_link_close(link);
		return lib_error(e, &err);
	}
	*ret = link;
	return 0;
}

int guard_send(const char *root, const char *name, unsigned n, int fd, const char *const *permissions, struct ps_err *e)
{
	struct podshim *c = NULL;
	struct podshim_error why;

	if (podshim_connect(root, name, &c, &why) < 0)
		return ps_fail(e, PS_E_PEER, "%s", why.text);
	lib_begin(c, MSG_GUARD);
	msg_put_u64(&c->out, TAG_N, n);
	msg_put_u64(&c->out, TAG_FD, FD_GUARD);
	for (; permissions && *permissions; permissions++)
		msg_put_text(&c->out, TAG_PERMISSION, *permissions);
	int rc = lib_call(c, &fd, 1, c->timeout_ms, e);

	podshim_close(c);
	return rc < 0 ? -1 : 0;
}

void podshim_link_close(struct podshim_link *l)
{
	if (!l)
		return;
	link_close(l->l);
	free(l);
}

/* ---- Records ---- */

uint32_t podshim_link_max(const struct podshim_link *l)
{
	return l->l->out.record_max;
}

static int too_long(size_t n, struct ps_err *e)
{
	return ps_fail(e, PS_E_USAGE, "a record of %zu bytes is longer than any", n);
}

int podshim_reserve(struct podshim_link *l, size_t len, void **ret, int timeout_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	const int got = len > UINT32_MAX ? too_long(len, &err)
					 : link_reserve(l->l, (uint32_t)len, ret, timeout_ms, &err);

	return got < 0 ? lib_error(e, &err) : got;
}

void podshim_commit(struct podshim_link *l, unsigned type, unsigned flags, size_t len)
{
	/* More than was reserved is RING_MISUSED, also when it is more than 32 bits hold. */
	ring_commit(&l->l->out, (uint16_t)type, (uint16_t)flags, len > UINT32_MAX ? UINT32_MAX : (uint32_t)len);
}

void podshim_discard(struct podshim_link *l)
{
	ring_discard(&l->l->out);
}

void podshim_flush(struct podshim_link *l)
{
	ring_flush(&l->l->out);
}

int podshim_send(struct podshim_link *l, unsigned type, unsigned flags, const void *p, size_t n, int timeout_ms,
		 struct podshim_error *e)
{
	void *to = NULL;
	const int got = podshim_reserve(l, n, &to, timeout_ms, e);

	if (got != 1)
		return got;
	if (n)
		memcpy(to, p, n);
	podshim_commit(l, type, flags, n);
	return 1;
}

int podshim_receive(struct podshim_link *l, struct podshim_record *ret, int timeout_ms, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct ring_record rec;
	const int got = link_next(l->l, &rec, timeout_ms, &err);

	if (got < 0)
		return lib_error(e, &err);
	if (got == 1)
		*ret = (struct podshim_record){ .data = rec.data, .len = rec.len, .type = rec.type, .flags = rec.flags };
	return got;
}

void podshim_release(struct podshim_link *l)
{
	ring_release(&l->l->in);
}

void podshim_link_end(struct podshim_link *l)
{
	ring_out_close(&l->l->out);
}

int podshim_link_fd(const struct podshim_link *l)
{
	return link_fd(l->l);
}

int podshim_arm(struct podshim_link *l)
{
	return link_arm(l->l, LINK_READABLE, 0) != 0;
}

_Static_assert((int)PODSHIM_READABLE == (int)LINK_READABLE && (int)PODSHIM_WRITABLE == (int)LINK_WRITABLE,
	       "the public numbers are the internal ones");

unsigned podshim_arm_for(struct podshim_link *l, unsigned what, size_t len)
{
	return link_arm(l->l, what, len > UINT32_MAX ? UINT32_MAX : (uint32_t)len);
}

void podshim_disarm(struct podshim_link *l)
{
	link_disarm(l->l);
}

/* ---- Code ---- */

static int send_code(struct podshim_link *l, const char *code, size_t n, int64_t deadline, struct podshim_error *e)
{
	const size_t max = podshim_link_max(l);

	do {
		const size_t piece = n < max ? n : max;
		const int got = podshim_send(l, PODSHIM_CODE_TEXT, piece < n ? PODSHIM_MORE : 0, code, piece,
					     lib_left(deadline), e);

		if (got != 1)
			return got;
		code += piece;
		n -= piece;
	} while (n);
	podshim_flush(l);
	return 1;
}

static int ended_early(struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	(void)ps_fail(&err, PS_E_PEER, "the runner ended before it gave a result");
	err.sys = EPIPE;
	return lib_error(e, &err);
}

static int take_result(struct ps_buf *text, unsigned flags, struct podshim_result *ret, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };

	ps_buf_put(text, "", 0); /* an empty one, too, is a string */
	if (text->failed) {
		(void)ps_fail_os(&err, "keep the result");
		return lib_error(e, &err);
	}
	*ret = (struct podshim_result){ .status = (int)(flags >> 8), .is_repr = (flags & PODSHIM_REPR) != 0,
					.text = text->data, .len = text->len };
	*text = (struct ps_buf){ .data = NULL };
	return 1;
}

int podshim_run_code(struct podshim_link *l, const char *code, size_t n, podshim_print_fn *on_print, void *ctx,
		     int timeout_ms, struct podshim_result *ret, struct podshim_error *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	ps_auto_buf struct ps_buf text = { .data = NULL };
	struct podshim_record rec;
	int got = send_code(l, code, n, deadline, e);

	while (got == 1) {
		got = podshim_receive(l, &rec, lib_left(deadline), e);
		if (got != 1)
			break;
		if (rec.type == PODSHIM_STDOUT && on_print)
			on_print(rec.flags, rec.data, rec.len, ctx);
		if (rec.type == PODSHIM_RESULT)
			ps_buf_put(&text, rec.data, rec.len);
		podshim_release(l);
		if (rec.type == PODSHIM_RESULT && !(rec.flags & PODSHIM_MORE))
			return take_result(&text, rec.flags, ret, e);
	}
	return got == PODSHIM_END ? ended_early(e) : got;
}

/* ---- The runner's half ---- */

struct podshim_channel {
	int fd;
};

static int channel_fd(struct ps_err *e)
{
	const char *text = getenv(CHANNEL_ENV);
	socklen_t size = sizeof(int);
	uint32_t fd = 0;
	int type = 0;

	if (!text)
		return ps_fail(e, PS_E_NOTFOUND, "this program has no channel: " CHANNEL_ENV " is not set");
	if (ps_parse_u32(text, &fd) < 0 || fd > INT32_MAX || getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET)
		return ps_fail(e, PS_E_NOTFOUND, "this program has no channel: " CHANNEL_ENV "=%.32s is no such socket",
			       text);
	return (int)fd;
}

int podshim_channel_open(struct podshim_channel **ret, struct podshim_error *e)
{
	struct ps_err err = { .cls = PS_OK };
	struct podshim_channel *ch;
	const int fd = channel_fd(&err);

	if (fd < 0)
		return lib_error(e, &err);
	ch = malloc(sizeof(*ch));
	if (!ch || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		(void)ps_fail_os(&err, "open the channel");
		free(ch);
		return lib_error(e, &err);
	}
	ch->fd = fd;
	*ret = ch;
	return 0;
}

void podshim_channel_close(struct podshim_channel *ch)
{
	if (!ch)
		return;
	ps_fd_close(&ch->fd);
	free(ch);
}

int podshim_channel_fd(const struct podshim_channel *ch)
{
	return ch->fd;
}

int podshim_channel_ready(struct podshim_channel *ch, struct podshim_error *e)
{
	const struct channel_msg m = { .type = CHANNEL_READY, .version = CHANNEL_VERSION };
	struct ps_err err = { .cls = PS_OK };

	return sock_send(ch->fd, &m, sizeof(m), NULL, 0, &err) < 0 ? lib_error(e, &err) : 0;
}

/* One message: 1 a link, 0 none of ours or none in time, PODSHIM_END. */
static int take_link(struct podshim_channel *ch, int timeout_ms, struct link **ret, bool *ret_late, struct ps_err *e)
{
	int fds[MSG_FDS_MAX];
	size_t n_fds = MSG_FDS_MAX;
	struct channel_msg m = { .type = 0 };
	const ssize_t n = sock_recv(ch->fd, &m, sizeof(m), fds, &n_fds, timeout_ms, e);

	if (n < 0 && e->cls == PS_E_PEER && e->sys == ETIMEDOUT) {
		*ret_late = true;
		return 0;
	}
	if (n < 0)
		return -1;
	if (n == 0)
		return PODSHIM_END;
	if (n == sizeof(m) && m.type == CHANNEL_LINK && m.version == CHANNEL_VERSION && n_fds == LINK_FDS)
		return link_accept(fds, ret, e) < 0 ? -1 : 1;
	for (size_t i = 0; i < n_fds; i++)
		(void)close(fds[i]);
	return 0;
}

int podshim_channel_accept(struct podshim_channel *ch, struct podshim_link **ret, int timeout_ms,
			   struct podshim_error *e)
{
	const int64_t deadline = lib_deadline(timeout_ms);
	struct ps_err err = { .cls = PS_OK };
	struct link *l = NULL;
	bool late = false;
	int got;

	do
		got = take_link(ch, lib_left(deadline), &l, &late, &err);
	while (got == 0 && !late);
	if (got == 1 && lib_link_new(l, ret, &err) < 0)
		got = -1;
	return got < 0 ? lib_error(e, &err) : got;
}
