/* SPDX-License-Identifier: Apache-2.0
 * pod_link.c - standard input and output as the records of a link.
 */
#include "shim/cli/pod_link.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/client.h"

enum { PIECE_MAX = 64 * 1024, NOTE_MS = 1000 };

struct copy {
	struct podshim_link *l;
	const char *id;
	int64_t note_at_ms; /* 0: nothing more to say */
	unsigned type;
	size_t piece;
	bool reply, in_open, no_room, peer_ended;
};

static bool is_gone(const struct podshim_error *why)
{
	return why->code == PODSHIM_E_PEER && why->sys == EPIPE;
}

static int lost_peer(const struct podshim_error *why, struct ps_err *e)
{
	if (is_gone(why))
		return ps_fail(e, PS_E_PEER, "the program at the other end of the link is gone");
	return lib_failed(why, e);
}

/* 1: something came, 0: nothing now. */
static int step_receive(struct copy *c, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	struct podshim_record rec;
	int got = c->peer_ended ? 0 : podshim_receive(c->l, &rec, 0, &why);

	if (got < 0 && !c->reply && is_gone(&why))
		got = PODSHIM_END;
	if (got < 0)
		return lost_peer(&why, e);
	if (got == PODSHIM_END)
		c->peer_ended = true;
	if (got == 1) {
		const bool err = rec.type == PODSHIM_STDOUT && rec.flags == STDERR_FILENO;

		if (c->reply && ps_write_all(err ? STDERR_FILENO : STDOUT_FILENO, rec.data, rec.len) < 0)
			return ps_fail_os(e, "write to standard %s", err ? "error" : "output");
		podshim_release(c->l);
	}
	return got != 0;
}

/* Nobody reads any more: that matters only if there is more. */
static int end_unread(struct copy *c, const struct podshim_error *why, struct ps_err *e)
{
	char more;

	if (!is_gone(why) || read(STDIN_FILENO, &more, 1) != 0)
		return lost_peer(why, e);
	c->in_open = false;
	return 1;
}

/* 1: something was sent, or there is no more; 0: no room now. */
static int step_send(struct copy *c, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	void *room = NULL;
	const int got = podshim_reserve(c->l, c->piece, &room, 0, &why);
	ssize_t n;

	c->no_room = got == 0;
	if (got < 0)
		return end_unread(c, &why, e);
	if (got == 0)
		return 0;
	do
		n = read(STDIN_FILENO, room, c->piece);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		podshim_commit(c->l, c->type, 0, (size_t)n);
		return 1;
	}
	podshim_discard(c->l);
	if (n < 0)
		return ps_fail_os(e, "read standard input");
	c->in_open = false;
	podshim_link_end(c->l);
	return 1;
}

static int stdin_ready(const struct copy *c)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return c->in_open && !c->no_room && poll(&p, 1, 0) > 0;
}

/* Until when to wait for it in silence, which ends here; -1: for ever. */
static int silence_left(struct copy *c)
{
	const int64_t now = ps_now_ms();

	if (c->note_at_ms && link_is_used(c->l->l))
		c->note_at_ms = 0;
	if (c->note_at_ms && now >= c->note_at_ms) {
		cli_note("waiting for the program of '%s' to accept the link (PODSHIM_CHANNEL_FD, libpodshim): it may have no use for links; Ctrl-C ends this",
			 c->id);
		c->note_at_ms = 0;
	}
	return c->note_at_ms ? (int)(c->note_at_ms - now) : -1;
}

static int wait_for_any(struct copy *c, struct ps_err *e)
{
	struct pollfd p[] = {
		{ .fd = podshim_link_fd(c->l), .events = POLLIN },
		{ .fd = c->in_open && !c->no_room ? STDIN_FILENO : -1, .events = POLLIN },
	};
	const unsigned what = (c->peer_ended ? 0u : PODSHIM_READABLE) | (c->in_open && c->no_room ? PODSHIM_WRITABLE : 0u);
	int rc = 0;

	if (podshim_arm_for(c->l, what, c->piece)) {
		c->no_room = false;
		return 0;
	}
	if (poll(p, PS_COUNT(p), silence_left(c)) < 0 && errno != EINTR)
		rc = ps_fail_os(e, "wait for the link");
	podshim_disarm(c->l);
	c->no_room = false;
	return rc;
}

int link_copy(struct podshim_link *l, const char *id, unsigned type, bool reply, struct ps_err *e)
{
	const size_t max = podshim_link_max(l);
	struct copy c = { .l = l, .id = id, .note_at_ms = ps_now_ms() + NOTE_MS, .type = type,
			  .piece = max < PIECE_MAX ? max : PIECE_MAX, .reply = reply, .in_open = true };

	while (c.in_open || (c.reply && !c.peer_ended)) {
		int did = step_receive(&c, e);

		if (did >= 0 && (stdin_ready(&c) || (c.in_open && c.no_room))) {
			const int sent = step_send(&c, e);

			did = sent < 0 ? -1 : did | sent;
		}
		if (did < 0 || (!did && wait_for_any(&c, e) < 0))
			return -1;
	}
	return 0;
}
