/* SPDX-License-Identifier: Apache-2.0
 * test_sock.c - messages with descriptors: limits, truncation, deadlines, dead peers, sockets by long paths.
 *
 * WRAP: socketpair sendmsg recvmsg poll socket fchmod bind listen connect getsockopt
 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <sys/socket.h>

#include "ipc/sock.h"
#include "tests/unit/fault.h"

FAULT_WRAP(int, socketpair, (int domain, int type, int proto, int *fds), (domain, type, proto, fds), -1)
FAULT_WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1)
FAULT_WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1)
FAULT_WRAP(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1)
FAULT_WRAP(int, socket, (int domain, int type, int proto), (domain, type, proto), -1)
FAULT_WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
FAULT_WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
FAULT_WRAP(int, listen, (int fd, int n), (fd, n), -1)
FAULT_WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
FAULT_WRAP(int, getsockopt, (int fd, int l, int o, void *p, socklen_t *n), (fd, l, o, p, n), -1)

enum { LONG_MS = 30000 };

static void close_pair(int fds[2])
{
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void assert_msg(const struct ps_err *e, enum ps_err_class cls, int sys, const char *text)
{
	assert_int_equal(e->cls, cls);
	assert_int_equal(e->sys, sys);
	if (!strstr(e->msg, text))
		fail_msg("'%s' does not say '%s'", e->msg, text);
}

static void message_keeps_its_border_and_fds(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds(), pair[2], pipes[2], got[3] = { -1, -1, -1 };
	size_t n_got = 3;
	char text[16] = "";

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(sock_send(pair[0], "one", 3, pipes, 2, &e), 0);
	assert_int_equal(sock_send(pair[0], "two", 3, NULL, 0, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), got, &n_got, LONG_MS, &e), 3);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(n_got, 2);
	assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(got[1], "x", 1), 1);
	assert_int_equal(read(pipes[0], text, 1), 1);
	n_got = 3;
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), got + 2, &n_got, -1, &e), 3);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(n_got, 0);
	close_pair(got);
	close_pair(pipes);
	close_pair(pair);
	assert_int_equal(unit_open_fds(), before);
}

static void unwanted_fds_are_closed(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int pair[2], zero[SOCK_MAX_FDS] = { 0 }, got[1] = { -7 }, before;
	size_t n_got = 1;
	char text[16];

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	before = unit_open_fds();
	assert_int_equal(sock_send(pair[0], "x", 1, zero, 2, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), got, &n_got, LONG_MS, &e), -1);
	assert_msg(&e, PS_E_PEER, 0, "the peer process sent more than 1 descriptors");
	assert_int_equal(got[0], -7);
	assert_int_equal(n_got, 1);
	assert_int_equal(sock_send(pair[0], "x", 1, zero, SOCK_MAX_FDS, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), -1);
	assert_msg(&e, PS_E_PEER, 0, "the peer process sent more than 0 descriptors");
	assert_int_equal(unit_open_fds(), before);
	assert_int_equal(sock_send(pair[0], "x", 1, zero, SOCK_MAX_FDS + 1, &e), -1);
	assert_int_equal(e.cls, PS_E_BUG);
	assert_int_equal(sock_send(pair[0], "", 0, NULL, 0, &e), -1);
	assert_int_equal(e.cls, PS_E_BUG);
	close_pair(pair);
}

/* More descriptors than the receiver has room for: sent by hand, since sock_send refuses. */
static void flood_of_fds_is_closed(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(200 * sizeof(int))];
	} control = { .room = { 0 } };
	char text[1] = "x";
	struct iovec iov = { .iov_base = text, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int pair[2], got[SOCK_MAX_FDS], before;
	size_t n_got = SOCK_MAX_FDS;

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	before = unit_open_fds();
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(200 * sizeof(int));
	assert_int_equal(sendmsg(pair[0], &m, 0), 1);
	assert_int_equal(sock_recv(pair[1], text, 1, got, &n_got, LONG_MS, &e), -1);
	assert_msg(&e, PS_E_PEER, 0, "the peer process sent more than 32 descriptors");
	assert_int_equal(unit_open_fds(), before);
	close_pair(pair);
}

static void long_message_fails_and_closes_fds(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int pair[2], zero = 0, got = -7, before;
	size_t n_got = 1;
	char text[4];

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	before = unit_open_fds();
	assert_int_equal(sock_send(pair[0], "12345", 5, &zero, 1, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), &got, &n_got, LONG_MS, &e), -1);
	assert_msg(&e, PS_E_PEER, 0, "the peer process sent a message of more than 4 bytes");
	assert_int_equal(got, -7);
	assert_int_equal(unit_open_fds(), before);
	close_pair(pair);
}

static void silence_and_death_are_told_apart(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int pair[2];
	char text[8];

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, 0, &e), -1);
	assert_msg(&e, PS_E_PEER, ETIMEDOUT, "the peer process sent nothing for 0 ms");
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, 2, &e), -1);
	assert_msg(&e, PS_E_PEER, ETIMEDOUT, "for 2 ms");
	(void)close(pair[0]);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), 0);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, -1, &e), 0);
	assert_int_equal(sock_send(pair[1], "x", 1, NULL, 0, &e), -1);
	assert_msg(&e, PS_E_PEER, EPIPE, "the peer process closed its socket");
	(void)close(pair[1]);
}

/* The kernel reports that our message stayed unread before it hands out the peer's last words. */
static void last_words_survive_a_reset(void **state)
{
	struct ps_err e = { .cls = PS_OK };
	int pair[2];
	char text[8];

	(void)state;
	assert_int_equal(sock_pair(pair, &e), 0);
	assert_int_equal(sock_send(pair[1], "unread", 6, NULL, 0, &e), 0);
	assert_int_equal(sock_send(pair[0], "why", 3, NULL, 0, &e), 0);
	(void)close(pair[0]);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), 3);
	assert_memory_equal(text, "why", 3);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), 0);
	(void)close(pair[1]);
}

/* A directory whose path does not fit into sockaddr_un. */
static int deep_dir(char out[PATH_MAX], char top[PATH_MAX], int *top_fd)
{
	int fd;

	*top_fd = unit_mkdir(top);
	(void)snprintf(out, PATH_MAX, "%.200s/%0120d", top, 0);
	assert_int_equal(mkdir(out, 0700), 0);
	fd = open(out, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void listens_below_a_long_path(void **state)
{
	char dir[PATH_MAX], top[PATH_MAX], path[PATH_MAX + 8], text[8] = "";
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds(), top_fd, dir_fd = deep_dir(dir, top, &top_fd), server, client, conn;
	mode_t mask = umask(0);
	struct stat st;
	pid_t pid = 0;
	uid_t uid = 0;

	(void)state;
	server = sock_listen_at(dir_fd, "sock", SOCK_SEQPACKET, &e);
	(void)umask(mask);
	assert_true(server >= 0);
	assert_int_equal(fstatat(dir_fd, "sock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(sock_listen_at(dir_fd, "sock", SOCK_SEQPACKET, &e), -1);
	assert_msg(&e, PS_E_OS, EADDRINUSE, "make socket 'sock': ");
	client = sock_connect_at(dir_fd, "sock", SOCK_SEQPACKET, &e);
	conn = accept(server, NULL, NULL);
	assert_true(client >= 0 && conn >= 0);
	assert_int_equal(sock_send(client, "hi", 2, NULL, 0, &e), 0);
	assert_int_equal(sock_recv(conn, text, sizeof(text), NULL, NULL, LONG_MS, &e), 2);
	assert_string_equal(text, "hi");
	assert_int_equal(sock_peer(conn, &pid, &uid, &e), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(uid, geteuid());
	(void)close(client);
	(void)close(conn);
	(void)close(server);
	assert_int_equal(sock_connect_at(dir_fd, "sock", SOCK_SEQPACKET, &e), -1);
	assert_msg(&e, PS_E_PEER, ECONNREFUSED, "connect to socket 'sock': nobody listens");
	assert_int_equal(sock_connect_at(dir_fd, "none", SOCK_SEQPACKET, &e), -1);
	assert_msg(&e, PS_E_PEER, ENOENT, "connect to socket 'none': nobody listens");
	(void)snprintf(path, sizeof(path), "%0100d", 0);
	assert_int_equal(sock_connect_at(dir_fd, path, SOCK_SEQPACKET, &e), -1);
	assert_int_equal(e.cls, PS_E_USAGE);
	assert_non_null(strstr(e.msg, "is longer than"));
	(void)close(dir_fd);
	unit_rmdir(top, top_fd);
	assert_int_equal(unit_open_fds(), before);
}

static void console_protocol_over_a_path(const char *path, int server)
{
	struct ps_err e = { .cls = PS_OK };
	int client = sock_connect_path(path, &e), conn, got = -1, before;
	size_t n_got = 1;
	char text[16] = "";

	if (client < 0)
		fail_msg("%s", e.msg);
	conn = accept(server, NULL, NULL);
	before = unit_open_fds();
	assert_int_equal(sock_send_fd_stream(client, 0, "/dev/pts/3", &e), 0);
	assert_int_equal(sock_recv(conn, text, sizeof(text), &got, &n_got, LONG_MS, &e), 10);
	assert_string_equal(text, "/dev/pts/3");
	assert_int_equal(n_got, 1);
	assert_int_equal(unit_open_fds(), before + 1);
	(void)close(got);
	(void)close(client);
	(void)close(conn);
}

static void a_full_backlog_is_waited_for_no_longer(void **state)
{
	char top[PATH_MAX];
	struct ps_err e = { .cls = PS_OK };
	int top_fd = unit_mkdir(top), server = sock_listen_at(top_fd, "s", SOCK_SEQPACKET, &e);

	(void)state;
	assert_true(server >= 0);
	assert_false(sock_listens_at(top_fd, "none", SOCK_SEQPACKET));
	/* As many probes as one likes: the backlog has room for 16. */
	for (int i = 0; i < 40; i++)
		assert_true(sock_listens_at(top_fd, "s", SOCK_SEQPACKET));
	assert_int_equal(sock_connect_at(top_fd, "s", SOCK_SEQPACKET, &e), -1);
	assert_msg(&e, PS_E_PEER, ETIMEDOUT, "connect to socket 's': nobody accepts it");
	(void)close(server);
	assert_false(sock_listens_at(top_fd, "s", SOCK_SEQPACKET));
	(void)unlinkat(top_fd, "s", 0);
	unit_rmdir(top, top_fd);
}

static void connects_by_any_path(void **state)
{
	char dir[PATH_MAX], top[PATH_MAX], path[PATH_MAX + 8];
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds(), top_fd, dir_fd = deep_dir(dir, top, &top_fd), server;

	(void)state;
	server = sock_listen_at(dir_fd, "console", SOCK_STREAM, &e);
	assert_true(server >= 0);
	(void)snprintf(path, sizeof(path), "%s/console", dir);
	assert_true(strlen(path) > 108);
	console_protocol_over_a_path(path, server);
	(void)close(server);
	server = sock_listen_at(top_fd, "short", SOCK_STREAM, &e);
	(void)snprintf(path, sizeof(path), "%s/short", top);
	console_protocol_over_a_path(path, server);
	(void)close(server);
	assert_int_equal(sock_connect_path(path, &e), -1);
	assert_msg(&e, PS_E_PEER, ECONNREFUSED, "nobody listens");
	(void)snprintf(path, sizeof(path), "%.250s/none/%0100d", dir, 0);
	assert_int_equal(sock_connect_path(path, &e), -1);
	assert_msg(&e, PS_E_OS, ENOENT, "open the directory of socket");
	(void)close(dir_fd);
	unit_rmdir(top, top_fd);
	assert_int_equal(unit_open_fds(), before);
}

static void every_call_fails_once(void **state)
{
	char top[PATH_MAX], text[8];
	struct ps_err e = { .cls = PS_OK };
	int top_fd = unit_mkdir(top), before = unit_open_fds(), n, pair[2] = { -7, -7 };
	pid_t pid = -7;
	uid_t uid = 77;

	(void)state;
	fault_arm(1, EMFILE);
	assert_int_equal(sock_pair(pair, &e), -1);
	fault_disarm();
	assert_int_equal(pair[0], -7);
	assert_msg(&e, PS_E_OS, EMFILE, "make a socket pair");
	for (n = 1; fault_arm(n, EIO); n++) {
		int fd = sock_listen_at(top_fd, "s", SOCK_STREAM, &e);

		if (!fault_disarm()) {
			assert_true(fd >= 0);
			(void)close(fd);
			break;
		}
		assert_int_equal(fd, -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(faccessat(top_fd, "s", F_OK, 0), -1);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(n, 5);
	for (n = 1; n <= 2; n++) {
		fault_arm(n, EIO);
		assert_int_equal(sock_connect_at(top_fd, "s", SOCK_STREAM, &e), -1);
		fault_disarm();
		assert_int_equal(e.sys, EIO);
		assert_int_equal(unit_open_fds(), before);
	}
	assert_int_equal(sock_pair(pair, &e), 0);
	assert_int_equal(sock_send(pair[0], "x", 1, NULL, 0, &e), 0);
	for (n = 1; fault_arm(n, EIO); n++) {
		ssize_t r = sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e);

		if (!fault_disarm())
			break;
		assert_int_equal(r, -1);
		assert_int_equal(e.sys, EIO);
	}
	assert_int_equal(n, 3);
	fault_arm(1, EIO);
	assert_int_equal(sock_send(pair[0], "x", 1, NULL, 0, &e), -1);
	fault_disarm();
	assert_msg(&e, PS_E_OS, EIO, "send a message of 1 bytes");
	for (int err = EINTR; err; err = err == EINTR ? ECONNRESET : 0) { /* neither is an answer */
		assert_int_equal(sock_send(pair[0], "x", 1, NULL, 0, &e), 0);
		fault_arm(2, err);
		assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), 1);
		assert_string_equal(fault_disarm(), "recvmsg");
	}
	assert_int_equal(sock_send(pair[0], "x", 1, NULL, 0, &e), 0);
	fault_arm(1, EINTR);
	assert_int_equal(sock_recv(pair[1], text, sizeof(text), NULL, NULL, LONG_MS, &e), 1);
	assert_string_equal(fault_disarm(), "poll");
	fault_arm(1, EIO);
	assert_int_equal(sock_peer(pair[0], &pid, &uid, &e), -1);
	fault_disarm();
	assert_int_equal(pid, -7);
	assert_int_equal(uid, 77);
	assert_msg(&e, PS_E_OS, EIO, "ask who the peer is");
	close_pair(pair);
	unit_rmdir(top, top_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_keeps_its_border_and_fds),
		cmocka_unit_test(unwanted_fds_are_closed),
		cmocka_unit_test(flood_of_fds_is_closed),
		cmocka_unit_test(long_message_fails_and_closes_fds),
		cmocka_unit_test(silence_and_death_are_told_apart),
		cmocka_unit_test(last_words_survive_a_reset),
		cmocka_unit_test(listens_below_a_long_path),
		cmocka_unit_test(a_full_backlog_is_waited_for_no_longer),
		cmocka_unit_test(connects_by_any_path),
		cmocka_unit_test(every_call_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
