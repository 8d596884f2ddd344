/* SPDX-License-Identifier: Apache-2.0
 * merge.c - a configuration with other resources.
 */
#include "shim/pod/merge.h"

#include <string.h>

#include "base/arena.h"
#include "base/scope.h"
#include "oci/json_write.h"

/* Where callers write 0, or "", for what they do not mean to change. */
static bool says_nothing(const struct json *v)
{
	static const char *const pointers[] = {
		"/memory/limit", "/memory/reservation", "/memory/swap", "/memory/kernel", "/memory/kernelTCP", "/cpu/shares",
		"/cpu/quota", "/cpu/period", "/cpu/realtimeRuntime", "/cpu/realtimePeriod", "/blockIO/weight", "/blockIO/leafWeight",
		"/network/classID", "/cpu/cpus", "/cpu/mems",
	};
	char own[256];

	if (v->type == JSON_NULL)
		return true;
	if (!(v->type == JSON_INT && v->v.i == 0) && !(v->type == JSON_STRING && !*v->v.s))
		return false;
	for (size_t i = 0; i < PS_COUNT(pointers); i++)
		if (!strcmp(json_pointer(v, own, sizeof(own)), pointers[i]))
			return true;
	return false;
}

static bool same_value(const struct json *a, const struct json *b)
{
	if (!a || !b || a->type != b->type)
		return !a && !b;
	return a->type == JSON_STRING ? !strcmp(a->v.s, b->v.s) : a->type == JSON_INT && a->v.i == b->v.i;
}

/* Are both about the same device, page size or interface? */
static bool same_subject(const struct json *a, const struct json *b)
{
	static const char *const members[] = { "major", "minor", "pageSize", "name" };
	bool any = false;

	for (size_t i = 0; i < PS_COUNT(members); i++) {
		const struct json *of_a = json_get(a, members[i]);

		if (!same_value(of_a, json_get(b, members[i])))
			return false;
		any |= of_a != NULL;
	}
	return any;
}

static void merge_list(struct ps_jsonw *w, const struct json *old, const struct json *new)
{
	const bool replaced = !strcmp(new->key, "devices");

	ps_jw_array(w, new->key);
	for (size_t i = 0; !replaced && i < old->v.list.n; i++) {
		bool again = false;

		for (size_t k = 0; k < new->v.list.n; k++)
			again |= same_subject(&old->v.list.items[i], &new->v.list.items[k]);
		if (!again)
			json_write(w, &old->v.list.items[i], NULL);
	}
	for (size_t i = 0; i < new->v.list.n; i++)
		json_write(w, &new->v.list.items[i], NULL);
	ps_jw_end_array(w);
}

/* Where memory has no limit any more, one of memory and swap together has nothing to add to: it is gone, too. */
static bool is_lifted(const struct json *old, const struct json *asked)
{
	const struct json *limit = json_get(asked, "limit"), *swap = json_get(asked, "swap");
	char own[256];

	return limit && limit->type == JSON_INT && limit->v.i == -1 && (!swap || says_nothing(swap)) &&
	       !strcmp(json_pointer(old, own, sizeof(own)), "/linux/resources/memory/swap");
}

/* old may be NULL: there is none yet. */
static void merge_object(struct ps_jsonw *w, const char *key, const struct json *old, const struct json *new)
{
	ps_jw_object(w, key);
	for (size_t i = 0; old && i < old->v.list.n; i++) {
		const struct json *o = &old->v.list.items[i], *n = json_get(new, o->key);

		if (is_lifted(o, new))
			ps_jw_int(w, o->key, -1);
		else if (!n || says_nothing(n) || (n->type == JSON_ARRAY && !n->v.list.n))
			json_write(w, o, NULL);
		else if (n->type == JSON_OBJECT && o->type == JSON_OBJECT)
			merge_object(w, o->key, o, n);
		else if (n->type == JSON_ARRAY && o->type == JSON_ARRAY)
			merge_list(w, o, n);
		else
			json_write(w, n, NULL);
	}
	for (size_t i = 0; i < new->v.list.n; i++) {
		const struct json *n = &new->v.list.items[i];

		if (json_get(old, n->key) || says_nothing(n))
			continue;
		if (n->type == JSON_OBJECT)
			merge_object(w, n->key, NULL, n);
		else
			json_write(w, n, NULL);
	}
	ps_jw_end_object(w);
}

static const struct json *object_in(const struct json *v, const char *key)
{
	const struct json *member = json_get(v, key);

	return member && member->type == JSON_OBJECT ? member : NULL;
}

int merge_resources(const struct ps_buf *config, const char *file, const struct ps_buf *resources, struct ps_buf *out,
		    struct ps_err *e)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	struct ps_jsonw w = { .out = out };
	struct json *root, *new;

	if (json_parse(&a, "config.json", config->data ? config->data : "", config->len, &root, e) < 0 ||
	    json_parse(&a, file, resources->data ? resources->data : "", resources->len, &new, e) < 0)
		return -1;
	const struct json *lin = object_in(root, "linux");

	ps_jw_object(&w, NULL);
	for (size_t i = 0; i < root->v.list.n; i++)
		if (strcmp(root->v.list.items[i].key, "linux") != 0)
			json_write(&w, &root->v.list.items[i], NULL);
	ps_jw_object(&w, "linux");
	for (size_t i = 0; lin && i < lin->v.list.n; i++)
		if (strcmp(lin->v.list.items[i].key, "resources") != 0)
			json_write(&w, &lin->v.list.items[i], NULL);
	merge_object(&w, "resources", object_in(lin, "resources"), new);
	ps_jw_end_object(&w);
	ps_jw_end_object(&w);
	return out->failed ? ps_fail_os(e, "memory for the configuration") : 0;
}
