/* SPDX-License-Identifier: Apache-2.0
 * net_names.c - which name a payload meant by an address.
 */
#include "shim/pod/net_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Slot i stands for the synthetic addresses number i + FIRST of both families. */
enum { FIRST = 2, N_BUCKETS = 1024, NONE = -1 };
_Static_assert((N_BUCKETS & (N_BUCKETS - 1)) == 0, "a power of two");

struct slot {
	char *name;
	struct net_addr real;
	bool pinned;
	uint64_t used;               /* when it was returned last */
	int next;                    /* of its bucket */
};
struct net_names {
	struct slot v[NET_NAMES_MAX];
	int bucket[N_BUCKETS];
	size_t n;
	uint64_t now;
};

static const uint8_t ipv4_prefix[14] = { [10] = 0xff, [11] = 0xff, 198, 18 };
static const uint8_t ipv6_prefix[14] = { 0xfd, 0x53, 0x50, 0x44 };

struct net_names *net_names_new(struct ps_err *e)
{
	struct net_names *t = calloc(1, sizeof(*t));

	if (!t) {
		(void)ps_fail_os(e, "memory for the names of addresses");
		return NULL;
	}
	for (size_t i = 0; i < N_BUCKETS; i++)
		t->bucket[i] = NONE;
	return t;
}

void net_names_free(struct net_names *t)
{
	for (size_t i = 0; t && i < t->n; i++)
		free(t->v[i].name);
	free(t);
}

static size_t bucket_of(const char *name, const struct net_addr *real)
{
	uint64_t h = ps_fnv64(PS_FNV64_INIT, name, strlen(name));

	return ps_fnv64(h, real->b, sizeof(real->b)) & (N_BUCKETS - 1);
}

static struct net_addr synthetic_of(size_t i, const struct net_addr *real)
{
	const size_t number = i + FIRST;
	struct net_addr a;

	memcpy(a.b, net_addr_is_ipv4(real) ? ipv4_prefix : ipv6_prefix, 14);
	a.b[14] = (uint8_t)(number >> 8);
	a.b[15] = (uint8_t)number;
	return a;
}

static void unlink_slot(struct net_names *t, int i)
{
	int *p = &t->bucket[bucket_of(t->v[i].name, &t->v[i].real)];

	while (*p != i)
		p = &t->v[*p].next;
	*p = t->v[i].next;
}

/* A slot to fill: a new one, or the one that was not asked for longest. */
static int take_slot(struct net_names *t)
{
	int oldest = 0;

	if (t->n < NET_NAMES_MAX)
		return (int)t->n++;
	for (int i = 1; i < NET_NAMES_MAX; i++)
		if (t->v[i].used < t->v[oldest].used)
			oldest = i;
	unlink_slot(t, oldest);
	free(t->v[oldest].name);
	return oldest;
}

int net_names_add(struct net_names *t, const char *name, const struct net_addr *real, bool pinned, struct net_addr *ret,
		  struct ps_err *e)
{
	int *head = &t->bucket[bucket_of(name, real)];
	int i = *head;

	while (i != NONE && (strcmp(t->v[i].name, name) != 0 || memcmp(&t->v[i].real, real, sizeof(*real)) != 0))
		i = t->v[i].next;
	if (i == NONE) {
		char *copy = strdup(name);

		if (!copy)
			return ps_fail_os(e, "memory for a name");
		i = take_slot(t);
		t->v[i] = (struct slot){ .name = copy, .real = *real, .next = *head };
		*head = i;
	}
	t->v[i].pinned = pinned;
	t->v[i].used = ++t->now;
	*ret = synthetic_of((size_t)i, real);
	return 0;
}

bool net_names_is_synthetic(const struct net_addr *a)
{
	return memcmp(a->b, ipv6_prefix, 14) == 0 || (memcmp(a->b, ipv4_prefix, 13) == 0 && (a->b[13] & 0xfe) == 18);
}

bool net_names_find(const struct net_names *t, const struct net_addr *synthetic, struct net_meaning *ret)
{
	const bool ipv4 = net_addr_is_ipv4(synthetic);
	const size_t number = (size_t)(synthetic->b[14] << 8 | synthetic->b[15]);

	if (memcmp(synthetic->b, ipv4 ? ipv4_prefix : ipv6_prefix, 14) != 0 || number < FIRST || number - FIRST >= t->n)
		return false;
	const struct slot *s = &t->v[number - FIRST];

	/* An address of the other family was never given out for it. */
	if (net_addr_is_ipv4(&s->real) != ipv4)
		return false;
	*ret = (struct net_meaning){ s->name, s->real, s->pinned };
	return true;
}
