/* SPDX-License-Identifier: Apache-2.0
 * fuzz_dns.c - what a payload sends its resolver: either refused, or a name of host letters and an answer that fits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/pod/dns_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct net_addr v[3] = { { .b = { [10] = 0xff, [11] = 0xff, 198, 18, 0, 2 } }, { .b = { 0xfd } } };
	uint8_t out[DNS_UDP_MAX];
	struct dns_query q;

	if (n > DNS_UDP_MAX)
		return 0;
	int rc = dns_parse(data, n, &q);

	if (rc < 0)
		return 0;
	if (strspn(q.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(q.name))
		abort();
	size_t len = dns_answer(&q, data, (enum dns_rcode)rc, v, 3, 60, out, sizeof(out));

	if (len < 12 || len > sizeof(out))
		abort();
	return 0;
}
