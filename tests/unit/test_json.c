/* SPDX-License-Identifier: Apache-2.0
 * test_json.c - JSON text to a tree: values, refusals with their exact text, limits, pointers, writing back.
 *
 * WRAP: calloc ps_arena_array reallocarray
 */
#include "tests/unit/unit.h"

#include "tests/unit/fault.h"
#include "tests/unit/json_write.h"

FAULT_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL)
FAULT_WRAP(void *, ps_arena_array, (struct ps_arena *a, size_t n, size_t size), (a, n, size), NULL)
FAULT_WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL)

static struct json *parse(struct ps_arena *a, const char *text)
{
	struct ps_err e = { .cls = PS_OK };
	struct json *root = NULL;

	if (json_parse(a, "f.json", text, strlen(text), &root, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return root;
}

static void assert_refused(const char *text, size_t n, const char *want)
{
	ps_auto_arena struct ps_arena a = { 0 };
	struct ps_err e = { .cls = PS_OK };
	struct json *root = NULL;
	char found[700];

	if (json_parse(&a, "f.json", text, n, &root, &e) == 0)
		fail_msg("accepted: %s", text);
	assert_string_equal(ps_err_text(&e, found, sizeof(found)), want);
	assert_int_equal(e.cls, PS_E_CONFIG);
	assert_null(root);
}

static void scalars(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };

	(void)state;
	assert_int_equal(parse(&a, " null\n")->type, JSON_NULL);
	assert_true(parse(&a, "true")->v.b);
	assert_false(parse(&a, "false")->v.b);
	assert_string_equal(parse(&a, "\"\"")->v.s, "");
	assert_string_equal(parse(&a, "\"a\\u00e9\\n\\/\\ud83d\\ude00\"")->v.s, "a\xc3\xa9\n/\xf0\x9f\x98\x80");
	assert_string_equal(parse(&a, "\"\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\"")->v.s,
			    "\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf");
}

static void integers_are_exact(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct json *list = parse(&a, "[0, -0, 9223372036854775807, -9223372036854775808, 9223372036854775808, "
					    "18446744073709551615, 12, 1.5, 1e2, -2E-1]");
	const struct json *v = list->v.list.items;

	(void)state;
	assert_int_equal(list->v.list.n, 10);
	assert_true(v[0].type == JSON_INT && v[0].v.i == 0);
	assert_true(v[1].type == JSON_INT && v[1].v.i == 0);
	assert_true(v[2].type == JSON_INT && v[2].v.i == INT64_MAX);
	assert_true(v[3].type == JSON_INT && v[3].v.i == INT64_MIN);
	assert_true(v[4].type == JSON_UINT && v[4].v.u == (uint64_t)INT64_MAX + 1);
	assert_true(v[5].type == JSON_UINT && v[5].v.u == UINT64_MAX);
	assert_true(v[6].type == JSON_INT && v[6].v.i == 12);
	assert_true(v[7].type == JSON_DOUBLE && v[7].v.d == 1.5);
	assert_true(v[8].type == JSON_DOUBLE && v[8].v.d == 100);
	assert_true(v[9].type == JSON_DOUBLE && v[9].v.d == -0.2);
}

/* Every node knows its parent, its place and its key; children lie side by side. */
static void assert_linked(const struct json *node)
{
	if (node->type != JSON_ARRAY && node->type != JSON_OBJECT)
		return;
	for (size_t i = 0; i < node->v.list.n; i++) {
		const struct json *child = &node->v.list.items[i];
		assert_ptr_equal(child->parent, node);
		assert_int_equal(child->index, i);
		assert_int_equal(child->key != NULL, node->type == JSON_OBJECT);
		assert_linked(child);
	}
}

static void trees(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct json *root = parse(&a, "{\"b\": [1, [2, {}], []], \"a\": {\"x\": {\"y\": \"z\"}}, \"\": 0}");

	(void)state;
	assert_null(root->parent);
	assert_null(root->key);
	assert_linked(root);
	assert_int_equal(root->v.list.n, 3);
	assert_string_equal(root->v.list.items[0].key, "b");
	assert_string_equal(json_get(json_get(json_get(root, "a"), "x"), "y")->v.s, "z");
	assert_int_equal(json_get(root, "")->type, JSON_INT);
	assert_null(json_get(root, "c"));
	assert_null(json_get(json_get(root, "b"), "b"));
	assert_null(json_get(NULL, "b"));
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "f.json: line 1, column 1: the text ends too early" },
		{ "{\"a\": [1,\n", "f.json: line 2, column 1: the text ends too early" },
		{ "\"abc", "f.json: line 1, column 5: the text ends too early" },
		{ "[1]\nx", "f.json: line 2, column 1: text after the end of the document" },
		{ "{} {}", "f.json: line 1, column 4: text after the end of the document" },
		{ "/*c*/1", "f.json: line 1, column 1: comments are not allowed" },
		{ "{\"a\" 1}", "f.json: line 1, column 6: expected ':' after a member name" },
		{ "{\"a\":1 \"b\":2}", "f.json: line 1, column 9: expected ',' or '}'" },
		{ "[1 2]", "f.json: line 1, column 4: expected ',' or ']'" },
		{ "[01]", "f.json: line 1, column 3: expected ',' or ']'" },
		{ "{1:2}", "f.json: line 1, column 2: expected a member name in double quotes" },
		{ "[\"\\q\"]", "f.json: line 1, column 3: invalid escape in a string" },
		{ "[\"\\u12g4\"]", "f.json: line 1, column 6: invalid \\u escape in a string" },
		{ "[\"a\nb\"]", "f.json: line 1, column 3: control character in a string" },
		{ "[1.]", "f.json: line 1, column 3: malformed number" },
		{ "[tru]", "f.json: line 1, column 4: unknown word" },
		{ "[\n\n  @]", "f.json: line 3, column 3: unexpected character" },
		{ "{'a':1}", "f.json: line 1, column 2: unexpected character" },
		{ "\xef\xbb\xbf{}", "f.json: line 1, column 1: unexpected character" },
		{ "[1,]", "f.json: line 1, column 4: unexpected token" },
		{ "[NaN]", "f.json: line 1, column 2: unexpected character" },
		{ "[18446744073709551616]", "f.json: line 1, column 21: integer out of range" },
		{ "[-9223372036854775809]", "f.json: line 1, column 21: integer out of range" },
		{ "[1e999]", "f.json: line 1, column 6: number out of range" },
		{ "[\"a\\u0000b\"]", "f.json: line 1, column 11: NUL in a string" },
		{ "{\"a\\u0000b\":1}", "f.json: line 1, column 11: NUL in a string" },
		{ "[\"\\ud800\"]", "f.json: line 1, column 3: unpaired surrogate in a string" },
		{ "[\"\\ud800\\u0041\"]", "f.json: line 1, column 3: unpaired surrogate in a string" },
		{ "[\"\\uDC00\"]", "f.json: line 1, column 3: unpaired surrogate in a string" },
		{ "[\"\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xc0\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xe0\x9f\xbf\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xed\xa0\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xf4\x90\x80\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xf5\x80\x80\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "[\"\xe2\x82\"]", "f.json: line 1, column 3: invalid UTF-8" },
		{ "{\"a\":1,\n \"b\":2,\n \"a\":3}", "f.json: line 3, column 2: duplicate member 'a'" },
		{ "[{\"a\":1,\"\\u0061\":2}]", "f.json: line 1, column 14: duplicate member 'a'" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		assert_refused(rows[i].text, strlen(rows[i].text), rows[i].want);
	assert_refused("[1\0]", 4, "f.json: line 1, column 3: unexpected character");
}

static void an_escaped_backslash_starts_no_surrogate(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };

	(void)state;
	assert_string_equal(parse(&a, "\"\\\\ud800\"")->v.s, "\\ud800");
}

static char *nested(size_t depth)
{
	char *text = calloc(1, 2 * depth + 1);

	assert_non_null(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return text;
}

static void depth_is_limited(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	ps_auto_mem char *fits = nested(JSON_MAX_DEPTH), *deep = nested(JSON_MAX_DEPTH + 1), *hostile = nested(500000);

	(void)state;
	assert_linked(parse(&a, fits));
	assert_refused(deep, strlen(deep), "f.json: line 1, column 65: nested too deep");
	assert_refused(hostile, strlen(hostile), "f.json: line 1, column 65: nested too deep");
}

static void nodes_are_limited(void **state)
{
	enum { LIMIT = 1 << 20 };
	ps_auto_mem char *text = calloc(2, LIMIT + 2);
	ps_auto_arena struct ps_arena a = { 0 };

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LIMIT; i++) /* LIMIT zeros and the array itself */
		memcpy(text + 2 * i, i ? ",0" : "[0", 2);
	text[2 * LIMIT] = ']';
	assert_refused(text, strlen(text), "f.json: line 1, column 2097152: too many values");
	text[2 * LIMIT - 2] = ']';
	text[2 * LIMIT - 1] = '\0';
	assert_int_equal(parse(&a, text)->v.list.n, LIMIT - 1);
}

static void duplicates_are_found_in_large_objects(void **state)
{
	enum { N = 5000 };
	ps_auto_mem char *text = calloc(N + 1, 16);
	ps_auto_arena struct ps_arena a = { 0 };
	char want[96];
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < N; i++)
		n += (size_t)snprintf(text + n, 16, "%c\"k%zu\":1", i ? ',' : '{', i);
	memcpy(text + n, "}", 2);
	assert_int_equal(parse(&a, text)->v.list.n, N);
	snprintf(want, sizeof(want), "f.json: line 1, column %zu: duplicate member 'k17'", n + 2);
	memcpy(text + n, ",\"k17\":1}", 10);
	assert_refused(text, strlen(text), want);
}

static void pointers(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct json *root = parse(&a, "{\"a/b\": [0, {\"m~n\": [true]}], \"\": 1}");
	const struct json *leaf = &json_get(&json_get(root, "a/b")->v.list.items[1], "m~n")->v.list.items[0];
	char buf[64];

	(void)state;
	assert_string_equal(json_pointer(root, buf, sizeof(buf)), "");
	assert_string_equal(json_pointer(leaf, buf, sizeof(buf)), "/a~1b/1/m~0n/0");
	assert_string_equal(json_pointer(json_get(root, ""), buf, sizeof(buf)), "/");
	assert_string_equal(json_pointer(leaf, buf, 6), "/a~1b");
	assert_string_equal(json_pointer(leaf, buf, 1), "");
}

static void failures_name_the_place(void **state)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct json *root = parse(&a, "{\"a\": [1]}");
	struct ps_err e = { .cls = PS_OK };
	char text[700];

	(void)state;
	assert_int_equal(json_fail(&json_get(root, "a")->v.list.items[0], "f.json", &e, "no %d", 1), -1);
	assert_string_equal(ps_err_text(&e, text, sizeof(text)), "f.json: /a/0: no 1");
	assert_int_equal(e.cls, PS_E_CONFIG);
	assert_int_equal(json_fail(root, "f.json", &e, "no"), -1);
	assert_string_equal(ps_err_text(&e, text, sizeof(text)), "f.json: no");
}

static void type_names(void **state)
{
	(void)state;
	assert_string_equal(json_type_name(JSON_NULL), "null");
	assert_string_equal(json_type_name(JSON_BOOL), "boolean");
	assert_string_equal(json_type_name(JSON_INT), "integer");
	assert_string_equal(json_type_name(JSON_UINT), "integer");
	assert_string_equal(json_type_name(JSON_DOUBLE), "number");
	assert_string_equal(json_type_name(JSON_STRING), "string");
	assert_string_equal(json_type_name(JSON_ARRAY), "array");
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

static void writes_back(void **state)
{
	static const char text[] =
		"{\"z\":[1,-2,18446744073709551615,1.5,100.0,null,true,false],\"a\":{\"x\":\"/\\n\\\"\"},"
		"\"e\":{},\"l\":[]}";
	ps_auto_arena struct ps_arena a = { 0 };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	(void)state;
	json_write(parse(&a, text), &out);
	assert_false(out.failed);
	assert_string_equal(out.data, text);
	ps_buf_reset(&out);
	json_write(json_get(parse(&a, text), "a"), &out);
	assert_string_equal(out.data, "{\"x\":\"/\\n\\\"\"}");
}

static void every_allocation_fails_once(void **state)
{
	static const char text[] = "{\"a\":[1,\"\\n\"],\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,"
				   "\"j\":0,\"k\":0,\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0,\"q\":0}";
	int n;

	(void)state;
	for (n = 1; fault_arm(n, ENOMEM); n++) {
		ps_auto_arena struct ps_arena a = { 0 };
		struct ps_err e = { .cls = PS_OK };
		struct json *root = NULL;
		int r = json_parse(&a, "f.json", text, strlen(text), &root, &e);
		if (!fault_disarm())
			break;
		assert_int_equal(r, -1);
		assert_null(root);
		assert_int_equal(e.cls, PS_E_OS);
		assert_string_equal(e.msg, "parse 'f.json': Cannot allocate memory");
	}
	assert_int_equal(n, 6); /* one arena block, the stack of nodes, two containers, the sorted members */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(trees),
		cmocka_unit_test(refusals),
		cmocka_unit_test(an_escaped_backslash_starts_no_surrogate),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(nodes_are_limited),
		cmocka_unit_test(duplicates_are_found_in_large_objects),
		cmocka_unit_test(pointers),
		cmocka_unit_test(failures_name_the_place),
		cmocka_unit_test(type_names),
		cmocka_unit_test(writes_back),
		cmocka_unit_test(every_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
