/* SPDX-License-Identifier: Apache-2.0
 * fuzz_packet.c - what comes out of a payload's network: refused, or a datagram inside of what came, whose reply and error fit.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/pod/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t head[PACKET_HEAD_MAX], out[PACKET_ERROR_MAX];
	struct packet p;

	if (n > PACKET_MAX || !packet_parse(data, n, &p))
		return 0;
	if (p.data < data || p.n > n || p.data + p.n > data + n || net_addr_is_ipv4(&p.from) != net_addr_is_ipv4(&p.to) ||
	    (p.protocol != IPPROTO_UDP && p.to_port) || (p.protocol == IPPROTO_UDP && !p.to_port))
		abort();
	const size_t n_head = packet_head(&p, head), n_out = packet_error(&p, PACKET_NO_PORT, out);

	if (n_head > sizeof(head) || n_out > sizeof(out) || n_out < 28)
		abort();
	return 0;
}
