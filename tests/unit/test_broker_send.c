/* SPDX-License-Identifier: Apache-2.0
 * test_broker_send.c - datagrams, streams, AF_UNIX sockets.
 */
#include "tests/unit/broker_net_test.h"

/* ---- Datagrams ---- */

static struct { unsigned open, closed; } udp;

static int udp_server(unsigned *at)
{
	struct sockaddr_in in = loopback(0);
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*at = ntohs(in.sin_port);
	return fd;
}

static struct msghdr message(struct sockaddr_in *to, struct iovec *v, size_t n)
{
	return (struct msghdr){ .msg_name = to, .msg_namelen = to ? sizeof(*to) : 0, .msg_iov = v, .msg_iovlen = n };
}

static int udp_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in good = loopback(udp.open), bad = loopback(udp.closed);
	struct iovec v[2] = { { (void *)(uintptr_t)"two ", 4 }, { (void *)(uintptr_t)"parts", 5 } };
	struct mmsghdr many[3] = { { .msg_hdr = message(&good, v, 1) }, { .msg_hdr = message(&good, v, 2) }, { .msg_hdr = message(&bad, v, 1) } };
	struct msghdr m = message(&good, v, 2);
	static char big[70000];

	(void)arg;
	SCENE(sendto(fd, "one", 3, 0, (struct sockaddr *)&good, sizeof(good)) == 3);
	SCENE(sendto(fd, "one", 3, 0, (struct sockaddr *)&bad, sizeof(bad)) == -1 && errno == EACCES);
	SCENE(sendto(fd, "one", 3, MSG_FASTOPEN, (struct sockaddr *)&good, sizeof(good)) == -1 && errno == EOPNOTSUPP);
	SCENE(sendto(fd, big, sizeof(big), 0, (struct sockaddr *)&good, sizeof(good)) == -1 && errno == EMSGSIZE);
	SCENE(sendto(fd, (void *)1, 3, 0, (struct sockaddr *)&good, sizeof(good)) == -1 && errno == EFAULT);
	SCENE(sendmsg(fd, &m, 0) == 9);
	SCENE(sendmmsg(fd, many, 3, 0) == 2 && many[0].msg_len == 4 && many[1].msg_len == 9);
	SCENE(reach(fd, udp.closed) == EACCES && reach(fd, udp.open) == 0);
	m = message(NULL, v, 1);
	SCENE(sendmsg(fd, &m, 0) == 4);
	m = message(&bad, v, 1);
	SCENE(sendmsg(fd, &m, 0) == -1 && errno == EACCES);
	good.sin_family = AF_UNSPEC;
	SCENE(sendto(fd, "one", 3, 0, (struct sockaddr *)&good, sizeof(good)) == -1 && errno == EAFNOSUPPORT);
	return 0;
}

static void datagrams_go_where_they_may(void **state)
{
	struct stage *g = new_net_stage();
	ps_auto_fd int good = udp_server(&udp.open), bad = udp_server(&udp.closed);
	char text[16];

	(void)state;
	allow_port(g, "udp:127.0.0.1", udp.open);
	play(g, udp_scene, NULL);
	assert_int_equal(recv(good, text, sizeof(text), 0), 3);
	assert_int_equal(recv(good, text, sizeof(text), 0), 9);
	assert_memory_equal(text, "two parts", 9);
	assert_int_equal(recv(good, text, sizeof(text), 0), 4);
	assert_int_equal(recv(good, text, sizeof(text), 0), 9);
	assert_int_equal(recv(good, text, sizeof(text), 0), 4);
	assert_int_equal(recv(bad, text, sizeof(text), 0), -1);
	close_servers();
}

/* A stream's queue is full: who may wait waits until the other end reads. */
static int stream_scene(void *arg)
{
	const int fd = stream();
	static char big[300000];
	struct iovec v = { big, sizeof(big) };
	struct msghdr m = message(NULL, &v, 1);
	size_t sent = 0;

	(void)arg;
	SCENE(reach(fd, port.open) == 0);
	while (sent < 8 << 20) {
		const ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);

		SCENE(n > 0 && n <= 65536);
		sent += (size_t)n;
	}
	return 0;
}

static void *read_all(void *arg)
{
	static char room[65536];
	const int fd = accept(server.open, NULL, NULL);
	ssize_t n;

	while ((n = recv(fd, room, sizeof(room), 0)) > 0)
		*(size_t *)arg += (size_t)n;
	(void)close(fd);
	return NULL;
}

static void a_stream_waits_for_room(void **state)
{
	struct stage *g = new_net_stage();
	pthread_t reader;
	size_t n = 0;

	(void)state;
	start_target(g, net_calls, PS_COUNT(net_calls), NULL, stream_scene, NULL);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &n), 0);
	assert_int_equal(run_target(g), 0);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_true(n >= 8 << 20);
	free_stage(g);
	close_servers();
}

/* ---- AF_UNIX ---- */

static struct { char dir[PATH_MAX]; uid_t uid; } local;

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return un;
}

static int unix_scene(void *arg)
{
	struct sockaddr_un un = unix_address("good/../good.sock"), bad = unix_address("bad.sock"), link = unix_address("link.sock");
	struct sockaddr_un own = unix_address("own.sock"), none = unix_address("none.sock");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), server_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat st;

	(void)arg;
	SCENE(chdir(local.dir) == 0 && setgid(local.uid) == 0 && setuid(local.uid) == 0);
	(void)umask(027);
	SCENE(connect(fd, (struct sockaddr *)&bad, sizeof(bad)) == -1 && errno == EACCES);
	SCENE(connect(fd, (struct sockaddr *)&link, sizeof(link)) == -1 && errno == EACCES);
	SCENE(connect(fd, (struct sockaddr *)&none, sizeof(none)) == -1 && errno == ENOENT);
	SCENE(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
	SCENE(bind(server_fd, (struct sockaddr *)&own, sizeof(own)) == 0 && listen(server_fd, 1) == 0);
	SCENE(stat("own.sock", &st) == 0 && st.st_uid == local.uid && (st.st_mode & 0777) == 0750);
	return 0;
}

static int unix_server(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	const struct sockaddr_un un = unix_address(path);

	assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(chmod(path, 0777), 0);
	return fd;
}

static struct stage *new_udp_stage(void)
{
	struct stage *g = new_net_stage();

	allow_port(g, "udp:127.0.0.1", udp.open);
	return g;
}

static struct stage *new_unix_stage(void)
{
	struct stage *g = new_net_stage();

	allow(g, POLICY_NET, ps_arena_printf(&g->arena, "unix:%s/good.sock", local.dir));
	return g;
}

static void a_confined_supervisor_can_do_it(void **state)
{
	ps_auto_fd int good = udp_server(&udp.open), bad = udp_server(&udp.closed);
	const int dir = unit_mkdir(local.dir);
	ps_auto_fd int good_unix = unix_server(local.dir, "good.sock"), bad_unix = unix_server(local.dir, "bad.sock");

	(void)state;
	local.uid = 4711;
	assert_true(good >= 0 && bad >= 0 && good_unix >= 0 && bad_unix >= 0);
	assert_int_equal(fchmod(dir, 0777), 0);
	assert_int_equal(mkdirat(dir, "good", 0755), 0);
	assert_int_equal(symlinkat("bad.sock", dir, "link.sock"), 0);
	assert_int_equal(play_confined(new_udp_stage, net_calls, PS_COUNT(net_calls), NULL, udp_scene), 0);
	assert_int_equal(play_confined(new_unix_stage, net_calls, PS_COUNT(net_calls), NULL, unix_scene), 0);
	unit_rmdir(local.dir, dir);
}

static void unix_sockets_are_what_their_path_leads_to(void **state)
{
	struct stage *g = new_net_stage();
	const int dir = unit_mkdir(local.dir);
	ps_auto_fd int good = unix_server(local.dir, "good.sock"), bad = unix_server(local.dir, "bad.sock");
	struct ucred peer;
	socklen_t len = sizeof(peer);

	(void)state;
	local.uid = 4711;
	assert_int_equal(fchmod(dir, 0777), 0);
	assert_int_equal(mkdirat(dir, "good", 0755), 0);
	assert_int_equal(symlinkat("bad.sock", dir, "link.sock"), 0);
	allow(g, POLICY_NET, ps_arena_printf(&g->arena, "unix:%s/good.sock", local.dir));
	play(g, unix_scene, NULL);
	ps_auto_fd int c = accept(good, NULL, NULL);

	assert_int_equal(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	assert_int_equal(peer.uid, local.uid);
	assert_int_equal(count_accepted(bad), 0);
	close_servers();
	unit_rmdir(local.dir, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_go_where_they_may),
		cmocka_unit_test(a_stream_waits_for_room),
		cmocka_unit_test(unix_sockets_are_what_their_path_leads_to),
		cmocka_unit_test(a_confined_supervisor_can_do_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
