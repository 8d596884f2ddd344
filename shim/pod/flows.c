/* SPDX-License-Identifier: Apache-2.0
 * flows.c - a bounded table of flows.
 */
#include "shim/pod/flows.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { N_BUCKETS = 256 };
_Static_assert((N_BUCKETS & (N_BUCKETS - 1)) == 0, "a power of two");

struct flows {
	struct flow v[FLOWS_MAX];
	struct flow *bucket[N_BUCKETS];
	struct flow *spare, *newest, *oldest;
	uint64_t seed;               /* a payload chooses its keys */
};

struct flows *flows_new(struct ps_err *e)
{
	struct flows *t = calloc(1, sizeof(*t));

	if (!t) {
		(void)ps_fail_os(e, "memory for flows");
		return NULL;
	}
	for (size_t i = FLOWS_MAX; i-- > 0; t->spare = &t->v[i])
		t->v[i].next = t->spare;
	t->seed = PS_FNV64_INIT ^ (uint64_t)(uintptr_t)t;
	return t;
}

void flows_free(struct flows *t)
{
	free(t);
}

static struct flow **bucket_of(const struct flows *t, const struct flow_key *k)
{
	uint64_t h = ps_fnv64(t->seed, k->from.b, sizeof(k->from));

	h = ps_fnv64(h, k->to.b, sizeof(k->to));
	h = ps_fnv64(h, &k->from_port, sizeof(k->from_port));
	h = ps_fnv64(h, &k->to_port, sizeof(k->to_port));
	return (struct flow **)(uintptr_t)&t->bucket[(h ^ h >> 32 ^ k->protocol) & (N_BUCKETS - 1)];
}

static bool same(const struct flow_key *x, const struct flow_key *y)
{
	return x->from_port == y->from_port && x->to_port == y->to_port && x->protocol == y->protocol &&
	       !memcmp(&x->from, &y->from, sizeof(x->from)) && !memcmp(&x->to, &y->to, sizeof(x->to));
}

struct flow *flows_find(const struct flows *t, const struct flow_key *k)
{
	struct flow *f = *bucket_of(t, k);

	while (f && !same(&f->key, k))
		f = f->next;
	return f;
}

static void link_newest(struct flows *t, struct flow *f)
{
	f->newer = NULL;
	f->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = f;
	t->newest = f;
}

static void unlink_flow(struct flows *t, const struct flow *f)
{
	*(f->newer ? &f->newer->older : &t->newest) = f->older;
	*(f->older ? &f->older->newer : &t->oldest) = f->newer;
}

struct flow *flows_add(struct flows *t, const struct flow_key *k, uint64_t now_ms)
{
	struct flow *f = t->spare, **bucket = bucket_of(t, k);

	if (!f)
		return NULL;
	t->spare = f->next;
	*f = (struct flow){ .key = *k, .source.fd = -1, .used_ms = now_ms, .next = *bucket };
	*bucket = f;
	link_newest(t, f);
	return f;
}

void flows_use(struct flows *t, struct flow *f, uint64_t now_ms)
{
	f->used_ms = now_ms;
	if (t->newest == f)
		return;
	unlink_flow(t, f);
	link_newest(t, f);
}

void flows_remove(struct flows *t, struct flow *f)
{
	struct flow **at = bucket_of(t, &f->key);

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	unlink_flow(t, f);
	f->next = t->spare;
	t->spare = f;
}

struct flow *flows_oldest(const struct flows *t)
{
	return t->oldest;
}
