/* SPDX-License-Identifier: Apache-2.0
 * test_ask.c - questions: what an answer is worth, who waits for which, what a broker and a terminal may say.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "ipc/sock.h"
#include "shim/pod/ask.h"

/* ---- Answers ---- */

static struct perm_query net(unsigned what, const char *name, const char *addr, uint16_t port)
{
	struct perm_query q = { .permission = POLICY_NET, .net = { .what = what, .name = name, .port = port } };

	q.net.has_addr = addr;
	if (addr)
		assert_true(net_addr_parse(addr, &q.net.addr));
	return q;
}

static struct perm_query file(const char *path)
{
	return (struct perm_query){ .permission = POLICY_READ, .value = path };
}

static void answer(struct answers *a, struct perm_query q, enum ask_answer what)
{
	struct question *asked = question_new(&q, 1, "");

	assert_non_null(asked);
	assert_true(answers_add(a, asked, what));
	question_free(asked);
}

/* 1 allowed, 0 denied, -1 not asked. */
static int found(const struct answers *a, struct perm_query q)
{
	bool allowed = false;

	return answers_find(a, &q, &allowed) ? allowed : -1;
}

static void an_answer_is_worth_one_value(void **state)
{
	struct answers a = { .n = 0 };

	(void)state;
	answer(&a, net(NET_TCP, NULL, "1.2.3.4", 80), ASK_ALLOW);
	assert_int_equal(found(&a, net(NET_TCP, NULL, "1.2.3.4", 80)), 1);
	assert_int_equal(found(&a, net(NET_TCP, NULL, "1.2.3.4", 81)), -1);
	assert_int_equal(found(&a, net(NET_UDP, NULL, "1.2.3.4", 80)), -1);
	assert_int_equal(found(&a, net(NET_LISTEN, NULL, "1.2.3.4", 80)), -1);
	answer(&a, net(NET_TCP, NULL, "1.2.3.5", 0), ASK_ALLOW);
	assert_int_equal(found(&a, net(NET_TCP, NULL, "1.2.3.5", 1)), -1);
	answer(&a, net(NET_ICMP, NULL, "1.2.3.6", 0), ASK_ALLOW);
	assert_int_equal(found(&a, net(NET_TCP, NULL, "1.2.3.6", 80)), -1);
	answer(&a, file("/home/u/*"), ASK_ALLOW);
	assert_int_equal(found(&a, file("/home/u/*")), 1);
	assert_int_equal(found(&a, file("/home/u/key")), -1);
	answer(&a, file("/home/u"), ASK_ALLOW);
	assert_int_equal(found(&a, file("/home/u/key")), -1);
	answer(&a, file("/home/u/no"), ASK_DENY);
	answer(&a, file("/x"), ASK_ALLOW_ALL);
	assert_int_equal(found(&a, file("/home/u/key")), 1);
	assert_int_equal(found(&a, file("/home/u/no")), 0);
	assert_int_equal(found(&a, (struct perm_query){ .permission = POLICY_WRITE, .value = "/x" }), -1);
	answers_done(&a);
}

static void a_name_does_not_stand_for_private_addresses(void **state)
{
	struct answers a = { .n = 0 };
	const struct perm_query inside = net(NET_TCP, "a.test", "10.0.0.1", 80);
	struct question *q = question_new(&inside, 1, "");

	(void)state;
	/* Asked for is what is shown: the address. */
	assert_string_equal(q->value, "10.0.0.1:80");
	question_free(q);
	answer(&a, net(NET_TCP, "a.test", NULL, 0), ASK_ALLOW);
	assert_int_equal(found(&a, net(NET_TCP, "a.test", NULL, 0)), 1);
	assert_int_equal(found(&a, net(NET_TCP, "a.test", "93.184.216.34", 443)), 1);
	assert_int_equal(found(&a, net(NET_TCP, "b.test", "93.184.216.34", 443)), -1);
	assert_int_equal(found(&a, inside), -1);
	assert_int_equal(found(&a, net(NET_LISTEN, "a.test", "93.184.216.34", 443)), -1);
	answer(&a, inside, ASK_ALLOW);
	assert_int_equal(found(&a, inside), 1);
	answers_done(&a);
}

/* ---- Who waits ---- */

static void *test_world; /* the callbacks of waiters have no other way to it */

struct world {
	struct loop loop;
	struct asker *asker;
	struct ask_waiter waiters[4];
	int peer, answers[4];
	unsigned n_answered;
	char fault[128];
};

static void on_answer(struct ask_waiter *w, const struct question *q, enum ask_answer a)
{
	struct world *world = test_world;

	assert_non_null(q);
	world->answers[w - world->waiters] = (int)a;
	world->n_answered++;
}

static void on_fault(void *ctx, const char *why)
{
	struct world *w = ctx;

	(void)snprintf(w->fault, sizeof(w->fault), "%s", why);
	loop_stop(&w->loop);
}

static void begin(struct world *w, bool broker)
{
	int pair[2];
	struct ask_config c = { .loop = &w->loop, .is_broker = broker, .on_fault = on_fault, .ctx = w };

	memset(w, 0, sizeof(*w));
	test_world = w;
	assert_int_equal(loop_init(&w->loop, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, (broker ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, pair), 0);
	w->peer = pair[1];
	c.fd = pair[0];
	assert_int_equal(asker_new(&c, &w->asker, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		w->waiters[i].on_answer = on_answer;
		w->answers[i] = -1;
	}
}

static void end(struct world *w)
{
	asker_free(w->asker);
	loop_done(&w->loop);
	(void)close(w->peer);
}

static void ask(struct world *w, size_t i, const char *path)
{
	const struct perm_query query = file(path);
	struct question *q = question_new(&query, 12, "sh[12]");

	assert_true(asker_takes(w->asker, &query));
	assert_true(asker_pose(w->asker, &q, &w->waiters[i]));
}

static void on_stop(void *ctx)
{
	loop_stop(ctx);
}

/* All that is to be done at once is done. */
static void settle(struct world *w)
{
	struct loop_timer t = { .on = on_stop, .ctx = &w->loop };

	w->loop.stopped = false;
	loop_timer_set(&w->loop, &t, 20);
	assert_int_equal(loop_run(&w->loop, NULL), 0);
	loop_timer_clear(&w->loop, &t);
}

static void heard(struct world *w, const char *text)
{
	char line[1024] = "";

	settle(w);
	const ssize_t n = recv(w->peer, line, sizeof(line) - 1, MSG_DONTWAIT);

	if (!text) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n > 0);
	if (!strstr(line, text))
		fail_msg("no '%s' in '%s'", text, line);
}

static void say(struct world *w, const char *text)
{
	assert_int_equal(send(w->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	settle(w);
}

static void a_broker_is_asked_one_thing_at_a_time(void **state)
{
	struct world w;

	(void)state;
	begin(&w, /* broker= */ true);
	ask(&w, 0, "/a");
	ask(&w, 1, "/b");
	ask(&w, 2, "/a");
	heard(&w, "\"pid\":12,\"id\":1,");
	heard(&w, NULL);
	say(&w, "{\"id\":1,\"res");
	assert_int_equal(w.n_answered, 0);
	say(&w, "ult\":\"allow\"}\n");
	assert_int_equal(w.answers[0], ASK_ALLOW);
	assert_int_equal(w.answers[2], ASK_ALLOW);
	assert_int_equal(w.answers[1], -1);
	heard(&w, "\"id\":2,");
	/* Nobody waits any more: its answer is waited for, and counts for nothing. */
	asker_leave(w.asker, &w.waiters[1]);
	ask(&w, 3, "/b");
	heard(&w, NULL);
	say(&w, "{\"id\":2,\"result\":\"allow\"}\n");
	assert_int_equal(w.answers[1], -1);
	assert_int_equal(w.answers[3], -1);
	heard(&w, "\"value\":\"/b\"");
	say(&w, "{\"id\":3,\"result\":\"deny\",\"reason\":\"no\"}\n");
	assert_int_equal(w.answers[3], ASK_DENY);
	assert_null(asker_answers(w.asker));
	assert_string_equal(w.fault, "");
	end(&w);
}

static void a_fault_denies_all(void **state)
{
	static const struct { const char *says, *why; } rows[] = {
		{ "x\n", "it says what is no JSON object" }, { "[]\n", "it says what is no JSON object" },
		{ "{\"id\":2,\"result\":\"allow\"}\n", "it answers another question than the one that was asked" },
		{ "{\"result\":\"allow\"}\n", "it answers another question than the one that was asked" },
		{ "{\"id\":1,\"result\":true}\n", "its result is neither \"allow\" nor \"deny\"" },
		{ "{\"id\":1,\"result\":\"allow\",\"reason\":1}\n", "its reason is no text" },
		{ "{\"id\":1,\"result\":\"allow\"}\n{}\n", "it answers what nobody asked" },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&w, /* broker= */ true);
		ask(&w, 0, "/a");
		ask(&w, 1, "/b");
		heard(&w, "\"id\":1,");
		say(&w, rows[i].says);
		assert_string_equal(w.fault, rows[i].why);
		assert_int_equal(w.answers[0], ASK_DENY);
		assert_int_equal(w.answers[1], ASK_DENY);
		assert_false(asker_takes(w.asker, &(const struct perm_query){ .permission = POLICY_READ, .value = "/c" }));
		end(&w);
	}
	begin(&w, /* broker= */ true);
	(void)shutdown(w.peer, SHUT_RDWR);
	settle(&w);
	assert_string_equal(w.fault, "it has closed the connection");
	end(&w);
}

static void heard_of(struct world *w, uint32_t kind, uint64_t id)
{
	static struct ask_msg m;

	settle(w);
	assert_int_equal(recv(w->peer, &m, sizeof(m), MSG_DONTWAIT), sizeof(m));
	assert_int_equal(m.kind, kind);
	assert_int_equal(m.id, id);
}

static void reply(struct world *w, uint64_t id, enum ask_answer a, bool withdrawn)
{
	static struct ask_msg m;

	m = (struct ask_msg){ .kind = ASK_REPLY, .id = id, .answer = (uint32_t)a, .withdrawn = withdrawn };
	assert_int_equal(send(w->peer, &m, sizeof(m), 0), sizeof(m));
	settle(w);
}

static void a_terminal_is_asked_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w, /* broker= */ false);
	ask(&w, 0, "/a");
	heard_of(&w, ASK_QUESTION, 1);
	reply(&w, 7, ASK_ALLOW_ALL, false);
	assert_int_equal(w.n_answered, 0);
	reply(&w, 1, ASK_ALLOW, false);
	assert_int_equal(w.answers[0], ASK_ALLOW);
	/* One that was posed before it was answered is not asked again. */
	ask(&w, 1, "/a");
	heard(&w, NULL);
	assert_int_equal(w.answers[1], ASK_ALLOW);
	/* Withdrawn: an answer that crosses it is dropped. */
	ask(&w, 2, "/b");
	heard_of(&w, ASK_QUESTION, 2);
	asker_leave(w.asker, &w.waiters[2]);
	heard_of(&w, ASK_WITHDRAW, 2);
	reply(&w, 2, ASK_ALLOW_ALL, false);
	assert_int_equal(found(asker_answers(w.asker), file("/b")), -1);
	ask(&w, 3, "/c");
	heard_of(&w, ASK_QUESTION, 3);
	/* The launcher is gone: denied, and no fault. */
	(void)close(w.peer);
	w.peer = -1;
	settle(&w);
	assert_int_equal(w.answers[3], ASK_DENY);
	assert_string_equal(w.fault, "");
	assert_int_equal(found(asker_answers(w.asker), file("/c")), -1);
	end(&w);
}

static void what_is_never_asked(void **state)
{
	char path[3 * ASK_VALUE_MAX / 2] = "/";
	struct world w;

	(void)state;
	begin(&w, /* broker= */ false);
	assert_false(asker_takes(w.asker, &(const struct perm_query){ .permission = POLICY_READ, .value = "/home/u/.ssh/id" }));
	const struct perm_query metadata = net(NET_TCP, NULL, "169.254.169.254", 80);

	assert_false(asker_takes(w.asker, &metadata));
	/* Escaped, it is longer than anybody looks at. */
	memset(path + 1, '\x1b', ASK_VALUE_MAX / 4);
	assert_false(asker_takes(w.asker, &(const struct perm_query){ .permission = POLICY_READ, .value = path }));
	memset(path + 1, 'x', ASK_VALUE_MAX / 4);
	assert_true(asker_takes(w.asker, &(const struct perm_query){ .permission = POLICY_READ, .value = path }));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_worth_one_value),
		cmocka_unit_test(a_name_does_not_stand_for_private_addresses),
		cmocka_unit_test(a_broker_is_asked_one_thing_at_a_time),
		cmocka_unit_test(a_fault_denies_all),
		cmocka_unit_test(a_terminal_is_asked_once),
		cmocka_unit_test(what_is_never_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
