/* SPDX-License-Identifier: Apache-2.0
 * test_resolver.c - a payload's questions: what is permitted is asked of the host's server and answered with synthetic
 * addresses, the rest does not exist.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "shim/pod/dns_wire.h"
#include "shim/pod/resolver.h"

struct world {
	struct loop loop;
	struct loop_source server, client;
	struct loop_timer deadline;
	struct net_names *names;
	struct resolver *resolver;
	struct permissions permissions;
	struct perm_entry allow[2], deny[1];
	const char *servers[2], *hosts[2];
	char server_text[32];
	int serving_port;
	unsigned n_asked;            /* questions that reached the host's server */
	char told[64];
	bool told_allowed, silent;
	uint8_t reply[DNS_UDP_MAX];
	size_t reply_len;
};

static int udp(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* The host's server: everything is 93.184.216.34, or has no AAAA. */
static void on_server(void *ctx, uint32_t events)
{
	struct world *w = ctx;
	const struct net_addr real = net_addr_ipv4(0x5db8d822u);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint8_t in[DNS_UDP_MAX], out[DNS_UDP_MAX];
	struct dns_query q;
	ssize_t n = recvfrom(w->server.fd, in, sizeof(in), 0, (struct sockaddr *)&peer, &len);

	(void)events;
	assert_true(n > 0);
	w->n_asked++;
	if (w->silent)
		return;
	/* c-ares asks with EDNS: the additional record is not looked at. */
	assert_int_equal(dns_parse(in, (size_t)n, &q), DNS_NOERROR);
	size_t m = dns_answer(&q, in, DNS_NOERROR, &real, 1, 60, out, sizeof(out));

	assert_int_equal(sendto(w->server.fd, out, m, 0, (struct sockaddr *)&peer, len), (ssize_t)m);
}

static void on_reply(void *ctx, uint32_t events)
{
	struct world *w = ctx;

	(void)events;
	w->reply_len = (size_t)recv(w->client.fd, w->reply, sizeof(w->reply), 0);
	loop_stop(&w->loop);
}

static void on_query(void *ctx, const char *name, bool allowed, const struct perm_entry *asked)
{
	struct world *w = ctx;
	(void)asked;

	assert_null(asked);
	(void)snprintf(w->told, sizeof(w->told), "%s", name);
	w->told_allowed = allowed;
}

static void on_deadline(void *ctx)
{
	loop_stop(ctx);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	uint16_t port;
	struct ps_err e = { 0 };
	static struct ps_arena memory;

	assert_int_equal(loop_init(&w->loop, NULL), 0);
	w->server = (struct loop_source){ .fd = udp(&port), .on = on_server, .ctx = w };
	assert_int_equal(loop_add(&w->loop, &w->server, EPOLLIN, NULL), 0);
	(void)snprintf(w->server_text, sizeof(w->server_text), "127.0.0.1:%u", port);
	w->servers[0] = w->server_text;
	w->hosts[0] = "db.internal:10.0.0.7";
	w->names = net_names_new(NULL);
	w->allow[0] = (struct perm_entry){ .permission = POLICY_NET, .value = "*.example.com:443", .from = "test" };
	w->allow[1] = (struct perm_entry){ .permission = POLICY_NET, .value = "db.internal", .from = "test" };
	w->deny[0] = (struct perm_entry){ .permission = POLICY_NET, .action = POLICY_DENY, .value = "bad.example.com", .from = "test" };
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(net_pattern_parse(&memory, w->allow[i].value, false, &w->allow[i].net, &e), 0);
	assert_int_equal(net_pattern_parse(&memory, w->deny[0].value, true, &w->deny[0].net, &e), 0);
	w->permissions = (struct permissions){ .active = true, .deny_by_default = true };
	w->permissions.of[POLICY_NET].allow = (struct perm_list){ w->allow, 2 };
	w->permissions.of[POLICY_NET].deny = (struct perm_list){ w->deny, 1 };
	const struct resolver_config c = { .loop = &w->loop, .permissions = &w->permissions, .names = w->names,
					   .servers = { w->servers, 1 }, .hosts = { w->hosts, 1 }, .on_query = on_query };

	assert_int_equal(resolver_new(&c, &w->resolver, &e), 0);
	assert_int_equal(resolver_serve(w->resolver, udp(&port), w, &e), 0);
	w->serving_port = port;
	w->client = (struct loop_source){ .fd = udp(&port), .on = on_reply, .ctx = w };
	assert_int_equal(loop_add(&w->loop, &w->client, EPOLLIN, NULL), 0);
	w->deadline = (struct loop_timer){ .on = on_deadline, .ctx = &w->loop };
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	resolver_free(w->resolver);
	net_names_free(w->names);
	close(w->server.fd);
	close(w->client.fd);
	loop_done(&w->loop);
	free(w);
	return 0;
}

/* Ask for name; the answer's code, or -1 when none came.  *ret: its first address. */
static int ask(struct world *w, const char *name, uint16_t type, struct net_addr *ret)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((uint16_t)w->serving_port) };
	uint8_t p[DNS_UDP_MAX] = { 1, 2, 1, 0, 0, 1 };
	size_t n = 12;

	for (const char *s = name; *s; s += strcspn(s, ".") + (s[strcspn(s, ".")] == '.')) {
		p[n++] = (uint8_t)strcspn(s, ".");
		memcpy(p + n, s, strcspn(s, "."));
		n += strcspn(s, ".");
	}
	n++;
	p[n + 1] = (uint8_t)type;
	p[n + 3] = 1;
	n += 4;
	w->reply_len = 0;
	w->loop.stopped = false;
	assert_int_equal(sendto(w->client.fd, p, n, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)n);
	loop_timer_set(&w->loop, &w->deadline, 20000);
	assert_int_equal(loop_run(&w->loop, NULL), 0);
	loop_timer_clear(&w->loop, &w->deadline);
	if (!w->reply_len)
		return -1;
	if (ret && w->reply[7])
		*ret = net_addr_ipv4((uint32_t)w->reply[n + 12] << 24 | (uint32_t)w->reply[n + 13] << 16 |
				     (uint32_t)w->reply[n + 14] << 8 | w->reply[n + 15]);
	return w->reply[3] & 15;
}

static void a_permitted_name_gets_a_synthetic_address(void **state)
{
	struct world *w = *state;
	struct net_meaning found;
	struct net_addr a;

	assert_int_equal(ask(w, "api.example.com", DNS_A, &a), DNS_NOERROR);
	assert_int_equal(w->reply[7], 1);
	assert_true(net_names_is_synthetic(&a));
	assert_true(net_names_find(w->names, &a, &found));
	assert_string_equal(found.name, "api.example.com");
	assert_memory_equal(found.real.b + 12, ((uint8_t[]){ 93, 184, 216, 34 }), 4);
	assert_string_equal(w->told, "api.example.com");
	assert_true(w->told_allowed);
	assert_int_equal(w->n_asked, 1);
}

static void other_names_do_not_exist_and_nobody_is_asked(void **state)
{
	static const char *const names[] = { "example.com", "evil.com", "bad.example.com", "xexample.com", "api.example.com.evil.com" };
	struct world *w = *state;

	for (size_t i = 0; i < PS_COUNT(names); i++) {
		assert_int_equal(ask(w, names[i], DNS_A, NULL), DNS_NXDOMAIN);
		assert_string_equal(w->told, names[i]);
		assert_false(w->told_allowed);
	}
	assert_int_equal(w->n_asked, 0);
}

static void a_pinned_name_needs_no_server(void **state)
{
	struct world *w = *state;
	struct net_meaning found;
	struct net_addr a;

	assert_int_equal(ask(w, "DB.internal", DNS_A, &a), DNS_NOERROR);
	assert_true(net_names_find(w->names, &a, &found));
	assert_memory_equal(found.real.b + 12, ((uint8_t[]){ 10, 0, 0, 7 }), 4);
	assert_int_equal(w->n_asked, 0);
	assert_true(found.pinned);
}

static void other_types_have_no_answer(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "api.example.com", 65, NULL), DNS_NOERROR);
	assert_int_equal(w->reply[7], 0);
	assert_int_equal(ask(w, "api.example.com", DNS_AAAA, NULL), DNS_NOERROR);
	assert_int_equal(w->reply[7], 0);
}

static void a_server_that_is_silent_is_a_failure(void **state)
{
	struct world *w = *state;

	w->silent = true;
	assert_int_equal(ask(w, "api.example.com", DNS_A, NULL), DNS_SERVFAIL);
	assert_true(w->n_asked >= 2);
}

static void bad_settings_are_named(void **state)
{
	struct world *w = *state;
	const char *bad[] = { "nonsense:port:here" };
	struct resolver *r = NULL;
	struct ps_err e = { 0 };
	struct resolver_config c = { .loop = &w->loop, .permissions = &w->permissions, .names = w->names, .hosts = { bad, 1 } };

	assert_int_equal(resolver_new(&c, &r, &e), -1);
	assert_string_equal(e.msg, "--add-host 'nonsense:port:here': expected NAME:ADDRESS");
	c.hosts.n = 0;
	c.servers = (struct spec_strs){ bad, 1 };
	assert_int_equal(resolver_new(&c, &r, &e), -1);
	assert_non_null(strstr(e.msg, "--dns 'nonsense:port:here': "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_permitted_name_gets_a_synthetic_address),
		TEST(other_names_do_not_exist_and_nobody_is_asked),
		TEST(a_pinned_name_needs_no_server),
		TEST(other_types_have_no_answer),
		TEST(a_server_that_is_silent_is_a_failure),
		TEST(bad_settings_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
