/* SPDX-License-Identifier: Apache-2.0
 * dns_wire.h - the bytes of DNS between a payload and its resolver (RFC 1035, 6891): one question in, its answer out.
 *
 * The payload is hostile: everything is checked against the length, a name is never followed into another place of the
 * message (a question has no reason to be compressed), and an answer is never longer than its room.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shim/policy/net_pattern.h"

enum { DNS_A = 1, DNS_AAAA = 28 };
enum dns_rcode { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };
enum { DNS_NAME_MAX = 253, DNS_UDP_MAX = 512, DNS_ANSWERS_MAX = 16 };

struct dns_query {
	uint16_t id, type;
	bool recursion;
	char name[DNS_NAME_MAX + 1]; /* lower case, without the last dot; "" is the root */
	size_t question_len;         /* bytes of the question behind the header */
};
/*
 * Read one message.  DNS_NOERROR: *ret is whole; another code: answer with it (only id and recursion are known); -1: not a
 * question at all, say nothing.  Names whose labels hold anything but letters, digits, '-' and '_' are DNS_FORMERR.
 */
int dns_parse(const uint8_t *p, size_t n, struct dns_query *ret);
/*
 * The answer to `query` (the message that q was read from): addresses of q's type among v, with ttl seconds.  Bytes written
 * to out, at most `room` (at least DNS_UDP_MAX); those that do not fit are left out: some addresses of a host are as good as
 * all, and nobody has to ask again by TCP.
 */
size_t dns_answer(const struct dns_query *q, const uint8_t *query, enum dns_rcode rcode, const struct net_addr *v, size_t n,
		  uint32_t ttl, uint8_t *out, size_t room);
