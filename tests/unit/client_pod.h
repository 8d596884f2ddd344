/* SPDX-License-Identifier: Apache-2.0
 * client_pod.h - a scripted pod for test_client.c: answers one connection in a process of its own.
 */
#pragma once
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/socket.h>

#include "ipc/link.h"
#include "ipc/msg.h"
#include "ipc/podshim.h"
#include "ipc/sock.h"
#include "ipc/stream.h"

enum { FLOOD = 8 << 20, FLOOD_HISTORY = 256 << 10, FLOOD_PIECE = 4096, RUNNER = 7, RING_SIZE = 128 << 10 };

static struct pod {
	int fd;
	struct stream *out;
	int input; /* read end */
	size_t flood; /* bytes to come */
	uint64_t acked, n_acks;
	bool over;
	struct msg m;
	char in[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	struct ps_buf b;
} pod;

static void must(bool good)
{
	if (!good)
		_exit(99);
}

static void reply(enum msg_type type, unsigned flags)
{
	msg_begin(&pod.b, type, flags, flags ? pod.m.id : 0);
}

static void say(const int *fds, size_t n_fds)
{
	must(msg_end(&pod.b, NULL) == 0);
	if (sock_send(pod.fd, pod.b.data, pod.b.len, fds, n_fds, NULL) < 0)
		_exit(0); /* the client has gone */
}

static void hello(unsigned version)
{
	reply(MSG_HELLO, 0);
	msg_put_u64(&pod.b, TAG_VERSION, version);
	msg_put_text(&pod.b, TAG_POD, "web");
	msg_put_u64(&pod.b, TAG_PID, 4711);
	msg_put_u64(&pod.b, TAG_RING_SIZE, RING_SIZE);
	say(NULL, 0);
}

static void end_runner(void)
{
	stream_finish(pod.out);
	reply(MSG_EXIT, 0);
	msg_put_u64(&pod.b, TAG_N, RUNNER);
	msg_put_u64(&pod.b, TAG_STATUS, 3);
	msg_put_text(&pod.b, TAG_REASON, "exited");
	say(NULL, 0);
	pod.over = true;
}

/* The runner's half of a link: prints each piece of the code, then answers with its length. */
static void interpret(void)
{
	auto_link struct link *l = NULL;
	struct ring_record rec;
	char text[64];
	size_t n = 0;

	must(link_accept(pod.fds, &l, NULL) == 0);
	pod.n_fds = 0;
	while (link_next(l, &rec, -1, NULL) == 1) {
		must(rec.type == PODSHIM_CODE_TEXT);
		n += rec.len;
		must(ring_write(&l->out, PODSHIM_STDOUT, 1, rec.data, rec.len < 5 ? rec.len : 5, NULL) == 1);
		ring_release(&l->in);
		if (rec.flags & PODSHIM_MORE)
			continue;
		(void)snprintf(text, sizeof(text), "%zu", n);
		must(ring_write(&l->out, PODSHIM_RESULT, PODSHIM_MORE, text, 1, NULL) == 1);
		must(ring_write(&l->out, PODSHIM_RESULT, PODSHIM_REPR | 5 << 8, text + 1, (uint32_t)strlen(text + 1),
				NULL) == 1);
		ring_flush(&l->out);
		n = 0;
	}
}

static void on_launch(void)
{
	const char *what = msg_text(&pod.m, TAG_ARG, "");
	int pipe_fds[2] = { -1, -1 }, out[2];
	const bool linked = pod.n_fds == 3;

	reply(MSG_LAUNCH, MSG_REPLY);
	if (strcmp(what, "fail") == 0) {
		struct ps_err why = { .cls = PS_OK };

		(void)ps_fail(&why, PS_E_STATE, "no runner is free");
		msg_put_failure(&pod.b, &why);
		say(NULL, 0);
		return;
	}
	must(stream_create(strcmp(what, "flood") == 0 ? FLOOD_HISTORY : STREAM_SIZE_MIN, &pod.out, NULL) == 0);
	msg_put_u64(&pod.b, TAG_N, RUNNER);
	msg_put_text(&pod.b, TAG_ID, "web.7");
	msg_put_u64(&pod.b, TAG_PID, 123);
	msg_put_u64(&pod.b, TAG_FD, FD_OUTPUT);
	out[0] = stream_fd(pod.out);
	if (strcmp(what, "cat") == 0) {
		must(pipe2(pipe_fds, O_CLOEXEC) == 0);
		msg_put_u64(&pod.b, TAG_FD, FD_INPUT);
		out[1] = pipe_fds[1];
	}
	say(out, pipe_fds[1] < 0 ? 1 : 2);
	if (pipe_fds[1] >= 0)
		(void)close(pipe_fds[1]);
	pod.input = pipe_fds[0];
	if (strcmp(what, "hello") == 0) {
		stream_put(pod.out, STREAM_STDOUT, "hello\n", 6);
		stream_put(pod.out, STREAM_STDERR, "oops\n", 5);
		end_runner();
	}
	if (strcmp(what, "flood") == 0)
		pod.flood = FLOOD;
	if (strcmp(what, "deaf") == 0) /* nobody reads its standard input */
		end_runner();
	if (linked)
		interpret();
}

static void say_output(uint64_t head)
{
	reply(MSG_OUTPUT, 0);
	msg_put_u64(&pod.b, TAG_N, RUNNER);
	msg_put_u64(&pod.b, TAG_HEAD, head);
	say(NULL, 0);
}

static void on_ack(void)
{
	const uint64_t pos = msg_u64(&pod.m, TAG_POS, 0);
	static char zeros[FLOOD_PIECE];
	size_t room;

	/* Whoever is owed an OUTPUT does not ask again from where it was. */
	must(pod.n_acks++ == 0 || pos > pod.acked || pod.over);
	pod.acked = pos;
	if (pod.flood)
		say_output(pos); /* stale: nothing is behind `pos` */
	while (pod.flood && (room = stream_room(pod.out, pos)) > 0) {
		room = room < pod.flood ? room : pod.flood;
		room = room < sizeof(zeros) ? room : sizeof(zeros);
		stream_put(pod.out, STREAM_STDOUT, zeros, room);
		pod.flood -= room;
		if (!pod.flood)
			end_runner();
	}
	if (pod.input >= 0 && stream_head(pod.out) == pos && !pod.over &&
	    stream_fill(pod.out, pod.input, STREAM_STDOUT, SIZE_MAX) == 0)
		end_runner();
	say_output(stream_head(pod.out));
}

static void on_list(void)
{
	uint64_t after = msg_u64(&pod.m, TAG_AFTER, 0);
	size_t mark;

	reply((enum msg_type)pod.m.type, after < 4 ? MSG_REPLY | MSG_HAS_MORE : MSG_REPLY);
	msg_put_u64(&pod.b, TAG_LAUNCHED, pod.n_acks);
	msg_put_u64(&pod.b, TAG_WARM, 3);
	for (int i = 0; i < 2; i++) {
		mark = msg_group_begin(&pod.b, TAG_RUNNER);
		msg_put_u64(&pod.b, TAG_N, ++after);
		msg_put_text(&pod.b, TAG_STATE, after % 2 ? "running" : "exited");
		if (after % 2 == 0)
			msg_put_u64(&pod.b, TAG_STATUS, after);
		msg_put_u64(&pod.b, TAG_CPU_NS, after * 100);
		msg_group_end(&pod.b, mark);
	}
	say(NULL, 0);
}

static void on_subscribe(void)
{
	reply(MSG_SUBSCRIBE, MSG_REPLY);
	say(NULL, 0);
	for (unsigned i = 1; i <= 300; i++) {
		reply(MSG_STATE, 0);
		msg_put_u64(&pod.b, TAG_N, i);
		msg_put_text(&pod.b, TAG_ID, "web.x");
		msg_put_text(&pod.b, TAG_STATE, "running");
		say(NULL, 0);
	}
}

static void answer(void)
{
	switch (pod.m.type) {
	case MSG_LAUNCH:
		on_launch();
		return;
	case MSG_ACK:
		on_ack();
		return;
	case MSG_LIST:
	case MSG_STATS:
		on_list();
		return;
	case MSG_SUBSCRIBE:
		on_subscribe();
		return;
	case MSG_SHUTDOWN:
		_exit(0);
	case MSG_SIGNAL:
		reply(MSG_SIGNAL, MSG_REPLY);
		must(msg_u64(&pod.m, TAG_N, 0) == RUNNER && msg_u64(&pod.m, TAG_SIGNAL, 0) == SIGUSR1);
		break;
	case MSG_RESIZE:
		reply(MSG_RESIZE, MSG_REPLY);
		must(msg_u64(&pod.m, TAG_ROWS, 0) == 24 && msg_u64(&pod.m, TAG_COLS, 0) == 80);
		break;
	case MSG_INTERRUPT: /* answers with rubbish */
		must(sock_send(pod.fd, "rubbish", 7, NULL, 0, NULL) == 0);
		return;
	default:
		reply((enum msg_type)pod.m.type, MSG_REPLY);
		break;
	}
	say(NULL, 0);
}

/* Modes by the pod's name. */
static void serve(int listener, const char *name)
{
	ssize_t n;

	pod.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pod.input = -1;
	must(pod.fd >= 0);
	if (strcmp(name, "silent") == 0)
		_exit(0);
	if (strcmp(name, "odd") == 0) {
		reply(MSG_EXIT, 0);
		say(NULL, 0);
	}
	if (strcmp(name, "full") == 0) {
		reply(MSG_ERROR, 0);
		msg_put_failure(&pod.b, &(struct ps_err){ .cls = PS_E_DENIED, .msg = "who are you?" });
		say(NULL, 0);
	}
	hello(strcmp(name, "future") == 0 ? 2 : 1);
	for (;;) {
		pod.n_fds = MSG_FDS_MAX;
		n = sock_recv(pod.fd, pod.in, sizeof(pod.in), pod.fds, &pod.n_fds, -1, NULL);
		if (n <= 0)
			_exit(0);
		must(msg_parse(pod.in, (size_t)n, &pod.m, NULL) == 0 && msg_check_fds(&pod.m, pod.n_fds, NULL) == 0);
		answer();
	}
}
