/* SPDX-License-Identifier: Apache-2.0
 * dns_wire.c - the bytes of DNS between a payload and its resolver.
 */
#include "shim/pod/dns_wire.h"

#include <string.h>

enum { HEADER = 12, LABEL_MAX = 63, QUESTION_TAIL = 4, CLASS_IN = 1, RECORD_HEAD = 12, POINTER_TO_QUESTION = 0xc00c };
enum { FLAG_QR = 0x8000, FLAG_OPCODE = 0x7800, FLAG_RD = 0x0100, FLAG_RA = 0x0080 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Lower case of what a host name is made of, else 0. */
static char letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c : '\0';
}

/* The name at p[HEADER]; bytes that it takes, or 0. */
static size_t parse_name(const uint8_t *p, size_t n, char out[DNS_NAME_MAX + 1])
{
	size_t at = HEADER, used = 0;

	while (at < n && p[at]) {
		size_t len = p[at++];

		if (len > LABEL_MAX || len > n - at || used + len + (used > 0) > DNS_NAME_MAX)
			return 0;
		if (used)
			out[used++] = '.';
		for (size_t i = 0; i < len; i++)
			if (!(out[used++] = letter(p[at++])))
				return 0;
	}
	out[used] = '\0';
	return at < n ? at + 1 - HEADER : 0;
}

int dns_parse(const uint8_t *p, size_t n, struct dns_query *ret)
{
	struct dns_query q = { 0 };

	if (n < HEADER || get16(p + 2) & FLAG_QR)
		return -1;
	q.id = get16(p);
	q.recursion = get16(p + 2) & FLAG_RD;
	*ret = q;
	if (get16(p + 2) & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (get16(p + 4) != 1 || get16(p + 6) || get16(p + 8))
		return DNS_FORMERR;
	const size_t name_len = parse_name(p, n, q.name);

	if (!name_len || n - HEADER - name_len < QUESTION_TAIL)
		return DNS_FORMERR;
	q.type = get16(p + HEADER + name_len);
	if (get16(p + HEADER + name_len + 2) != CLASS_IN)
		return DNS_NOTIMP;
	q.question_len = name_len + QUESTION_TAIL;
	*ret = q;
	return DNS_NOERROR;
}

/* One record behind the question; 0 when there is no room. */
static size_t put_record(uint8_t *p, size_t room, uint16_t type, const struct net_addr *a, uint32_t ttl)
{
	const size_t len = type == DNS_A ? 4 : 16;

	if (room < RECORD_HEAD + len)
		return 0;
	put16(p, POINTER_TO_QUESTION);
	put16(p + 2, type);
	put16(p + 4, CLASS_IN);
	put32(p + 6, ttl);
	put16(p + 10, (unsigned)len);
	memcpy(p + RECORD_HEAD, a->b + 16 - len, len);
	return RECORD_HEAD + len;
}

size_t dns_answer(const struct dns_query *q, const uint8_t *query, enum dns_rcode rcode, const struct net_addr *v, size_t n,
		  uint32_t ttl, uint8_t *out, size_t room)
{
	size_t used = HEADER + q->question_len;
	const unsigned flags = FLAG_QR | FLAG_RA | (q->recursion ? FLAG_RD : 0U) | rcode;
	unsigned answers = 0;

	memset(out, 0, HEADER);
	memcpy(out + HEADER, query + HEADER, q->question_len);
	for (size_t i = 0; i < n && rcode == DNS_NOERROR && answers < DNS_ANSWERS_MAX; i++) {
		if ((q->type != DNS_A || !net_addr_is_ipv4(&v[i])) && (q->type != DNS_AAAA || net_addr_is_ipv4(&v[i])))
			continue;
		size_t len = put_record(out + used, room - used, q->type, &v[i], ttl);

		if (!len)
			break;
		used += len;
		answers++;
	}
	put16(out, q->id);
	put16(out + 2, flags);
	put16(out + 4, q->question_len ? 1 : 0);
	put16(out + 6, answers);
	return used;
}
