/* SPDX-License-Identifier: Apache-2.0
 * test_dns_wire.c - questions of every shape, hostile ones among them, and the bytes of answers.
 */
#include "tests/unit/unit.h"

#include "shim/pod/dns_wire.h"

/* A question for `name` of `type`; bytes written. */
static size_t ask(uint8_t out[DNS_UDP_MAX], const char *name, uint16_t type)
{
	static const uint8_t head[12] = { 0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0 };
	size_t n = sizeof(head);

	memcpy(out, head, n);
	while (*name) {
		size_t len = strcspn(name, ".");

		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	out[n++] = 0;
	out[n++] = (uint8_t)(type >> 8);
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

static void a_question_is_read(void **state)
{
	uint8_t p[DNS_UDP_MAX];
	struct dns_query q;
	size_t n = ask(p, "API.Example.com", DNS_AAAA);

	(void)state;
	assert_int_equal(dns_parse(p, n, &q), DNS_NOERROR);
	assert_string_equal(q.name, "api.example.com");
	assert_int_equal(q.type, DNS_AAAA);
	assert_int_equal(q.id, 0xabcd);
	assert_true(q.recursion);
	assert_int_equal(q.question_len, n - 12);
}

static void every_truncation_is_refused(void **state)
{
	uint8_t p[DNS_UDP_MAX];
	const size_t n = ask(p, "a.example.com", DNS_A);
	struct dns_query q;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dns_parse(p, i, &q), i < 12 ? -1 : DNS_FORMERR);
}

static void what_is_no_plain_question_is_refused(void **state)
{
	static const struct { size_t at; uint8_t value; int rc; const char *what; } rows[] = {
		{ 2, 0x81, -1, "an answer" }, { 2, 0x09, DNS_NOTIMP, "another opcode" }, { 5, 0, DNS_FORMERR, "no question" },
		{ 5, 2, DNS_FORMERR, "two questions" }, { 7, 1, DNS_FORMERR, "an answer record" },
		{ 9, 1, DNS_FORMERR, "an authority record" }, { 12, 0xc0, DNS_FORMERR, "a compressed name" },
		{ 12, 64, DNS_FORMERR, "a label that is too long" }, { 13, ' ', DNS_FORMERR, "a blank" },
		{ 13, '.', DNS_FORMERR, "a dot in a label" }, { 13, 0, DNS_FORMERR, "a NUL" }, { 13, 0xe4, DNS_FORMERR, "no ASCII" },
		{ 18, 3, DNS_NOTIMP, "another class" },
	};
	uint8_t p[DNS_UDP_MAX];
	struct dns_query q;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		size_t n = ask(p, "ab", DNS_A);

		p[rows[i].at] = rows[i].value;
		if (dns_parse(p, n, &q) != rows[i].rc)
			fail_msg("%s: not %d", rows[i].what, rows[i].rc);
	}
}

static void a_name_has_at_most_253_bytes(void **state)
{
	uint8_t p[DNS_UDP_MAX];
	char name[300];
	struct dns_query q;

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	name[253] = '\0';
	assert_int_equal(dns_parse(p, ask(p, name, DNS_A), &q), DNS_NOERROR);
	assert_string_equal(q.name, name);
	name[253] = 'a';
	name[254] = '\0';
	assert_int_equal(dns_parse(p, ask(p, name, DNS_A), &q), DNS_FORMERR);
}

static void an_answer_has_the_addresses_of_its_type(void **state)
{
	static const uint8_t record[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 2 };
	struct net_addr v[2] = { net_addr_ipv4(0xc6120002u) };
	uint8_t p[DNS_UDP_MAX], out[DNS_UDP_MAX];
	size_t n = ask(p, "a.b", DNS_A);
	struct dns_query q;

	(void)state;
	assert_true(net_addr_parse("fd53:5044::2", &v[1]));
	assert_int_equal(dns_parse(p, n, &q), DNS_NOERROR);
	assert_int_equal(dns_answer(&q, p, DNS_NOERROR, v, 2, 60, out, sizeof(out)), n + sizeof(record));
	assert_memory_equal(out, "\xab\xcd\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00", 12);
	assert_memory_equal(out + 12, p + 12, n - 12);
	assert_memory_equal(out + n, record, sizeof(record));
	q.type = DNS_AAAA;
	assert_int_equal(dns_answer(&q, p, DNS_NOERROR, v, 2, 60, out, sizeof(out)), n + 28);
	assert_memory_equal(out + n + 12, v[1].b, 16);
	q.type = 16;
	assert_int_equal(dns_answer(&q, p, DNS_NOERROR, v, 2, 60, out, sizeof(out)), n);
	assert_int_equal(dns_answer(&q, p, DNS_NXDOMAIN, v, 2, 60, out, sizeof(out)), n);
	assert_int_equal(out[3], 0x83);
}

static void what_does_not_fit_is_left_out(void **state)
{
	struct net_addr v[DNS_ANSWERS_MAX + 4];
	uint8_t p[DNS_UDP_MAX], out[DNS_UDP_MAX];
	struct dns_query q;
	size_t n = ask(p, "a.b", DNS_AAAA), len;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(v); i++)
		assert_true(net_addr_parse("fd53:5044::2", &v[i]));
	assert_int_equal(dns_parse(p, n, &q), DNS_NOERROR);
	len = dns_answer(&q, p, DNS_NOERROR, v, PS_COUNT(v), 60, out, n + 28 * 3 + 27);
	assert_int_equal(len, n + (size_t)28 * 3);
	assert_int_equal(out[7], 3);
	assert_false(out[2] & 0x02);
	len = dns_answer(&q, p, DNS_NOERROR, v, PS_COUNT(v), 60, out, sizeof(out));
	assert_int_equal(out[7], DNS_ANSWERS_MAX);
	assert_int_equal(len, n + (size_t)28 * DNS_ANSWERS_MAX);
}

/* Whatever the bytes are: no read or write outside (the sanitizers look on), and an answer that can be made. */
static void random_bytes_do_no_harm(void **state)
{
	uint8_t p[DNS_UDP_MAX], out[DNS_UDP_MAX];
	uint32_t r = 12345;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t n = ask(p, "example.com", DNS_A);
		struct dns_query q;

		for (int k = 0; k < 3; k++) {
			r = r * 1664525u + 1013904223u;
			p[(r >> 8) % n] = (uint8_t)(r >> 24);
		}
		int rc = dns_parse(p, n, &q);

		if (rc >= 0)
			assert_true(dns_answer(&q, p, (enum dns_rcode)rc, NULL, 0, 0, out, sizeof(out)) >= 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_is_no_plain_question_is_refused),
		cmocka_unit_test(a_name_has_at_most_253_bytes),
		cmocka_unit_test(an_answer_has_the_addresses_of_its_type),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(random_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
