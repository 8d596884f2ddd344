/* SPDX-License-Identifier: Apache-2.0
 * json.c - JSON text to a tree in an arena: the only file that knows yajl.
 *
 * The text is copied once into the arena, and strings without escapes are terminated there, over their closing quote.
 * Nodes wait on one stack until their container closes; then they move, side by side, to their final place.
 * All memory is the arena's: a cold process pays for each page that it touches, and more for each mapping.
 */
#include "oci/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/scope.h"

enum { MAX_NODES = 1 << 20, FEW_MEMBERS = 16, FEW_BYTES = 16 /* most values take more */ };

struct parser {
	struct ps_arena *arena;
	const char *file;
	struct ps_err *e;
	yajl_handle yajl;
	char *text; /* our copy, followed by a space and a NUL */
	size_t n;

	struct json *stack;
	size_t top, cap, n_nodes;
	size_t open[JSON_MAX_DEPTH]; /* stack index of each open container */
	unsigned depth;
	const char *key; /* of the value that comes next */
	uint32_t key_end;
};

static int fail_at(const struct parser *p, size_t offset, const char *what, const char *detail)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset && i < p->n; i++) {
		column++;
		if (p->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	(void)ps_fail(p->e, PS_E_CONFIG, "line %zu, column %zu: %s%s%s%s", line, column, what, *detail ? " '" : "",
		      detail, *detail ? "'" : "");
	return ps_at(p->e, "%s", p->file);
}

static size_t last_consumed(const struct parser *p)
{
	size_t n = yajl_get_bytes_consumed(p->yajl);

	return n ? n - 1 : 0;
}

/* The callbacks return 0 to make yajl stop. */
static int stop(const struct parser *p, const char *what)
{
	(void)fail_at(p, last_consumed(p), what, "");
	return 0;
}

static int stop_memory(const struct parser *p)
{
	(void)ps_fail_os(p->e, "parse '%s'", p->file);
	return 0;
}

/* ---- text: strict UTF-8 and paired surrogates, neither of which yajl checks ---- */

/* Length of the valid UTF-8 sequence at s (RFC 3629), 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			v = v * 16 + (s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			v = v * 16 + (s[i] - 'a' + 10);
		else if (s[i] >= 'A' && s[i] <= 'F')
			v = v * 16 + (s[i] - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* Bytes to skip for the escape at s, 0 for half a surrogate pair; yajl judges the others.  A NUL ends the text. */
static size_t escape_length(const char *s)
{
	int unit = s[1] == 'u' ? hex4(s + 2) : -1;

	if (unit < 0)
		return s[1] == '\\' ? 2 : 1;
	if (unit < 0xd800 || unit > 0xdfff)
		return 6;
	if (unit > 0xdbff || s[6] != '\\' || s[7] != 'u')
		return 0;
	unit = hex4(s + 8);
	return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

static int check_text(const struct parser *p)
{
	for (size_t i = 0; i < p->n;) {
		uint64_t word;
		if (p->n - i >= sizeof(word)) {
			memcpy(&word, p->text + i, sizeof(word));
			uint64_t slash = word ^ UINT64_C(0x5c5c5c5c5c5c5c5c);
			uint64_t odd = word | ((slash - UINT64_C(0x0101010101010101)) & ~slash);
			if (!(odd & UINT64_C(0x8080808080808080))) {
				i += sizeof(word);
				continue;
			}
		}
		bool escape = p->text[i] == '\\';
		size_t len = escape ? escape_length(p->text + i)
				    : utf8_length((const unsigned char *)p->text + i, p->n - i);
		if (len == 0)
			return fail_at(p, i, escape ? "unpaired surrogate in a string" : "invalid UTF-8", "");
		i += len;
	}
	return 0;
}

/* ---- building ---- */

static int grow_stack(struct parser *p)
{
	size_t cap = p->cap ? p->cap * 2 : p->n / FEW_BYTES + FEW_MEMBERS;
	struct json *grown = ps_arena_array(p->arena, cap, sizeof(*grown));

	if (!grown)
		return -1;
	if (p->top)
		memcpy(grown, p->stack, p->top * sizeof(*grown));
	p->stack = grown;
	p->cap = cap;
	return 0;
}

static struct json *push(struct parser *p, enum json_type type)
{
	if (++p->n_nodes > MAX_NODES) {
		(void)stop(p, "too many values");
		return NULL;
	}
	if (p->top == p->cap && grow_stack(p) < 0) {
		(void)stop_memory(p);
		return NULL;
	}
	struct json *node = &p->stack[p->top++];
	*node = (struct json){ .type = type, .key = p->key, .index = p->key_end };
	p->key = NULL;
	return node;
}

static int compare_keys(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static int stop_duplicate(const struct parser *p, const struct json *second)
{
	(void)fail_at(p, second->index - strlen(second->key) - 2, "duplicate member", second->key);
	return 0;
}

/* While a member waits on the stack, its index holds where its key ends in the text. */
static int refuse_duplicates(const struct parser *p, const struct json *members, size_t n)
{
	if (n <= FEW_MEMBERS) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (members[i].key[0] == members[j].key[0] && !strcmp(members[i].key, members[j].key))
					return stop_duplicate(p, &members[i]);
		return 1;
	}
	ps_auto_mem const struct json **sorted = reallocarray(NULL, n, sizeof(*sorted));
	if (!sorted)
		return stop_memory(p);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &members[i];
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
			return stop_duplicate(p, sorted[i]);
	return 1;
}

static int begin(struct parser *p, enum json_type type)
{
	if (p->depth == JSON_MAX_DEPTH)
		return stop(p, "nested too deep");
	if (!push(p, type))
		return 0;
	p->open[p->depth++] = p->top - 1;
	return 1;
}

/* Move src[0..n) to its final place; its children are at theirs already and learn their parent's. */
static void settle(struct json *dst, const struct json *src, size_t n, struct json *parent)
{
	for (size_t i = 0; i < n; i++) {
		dst[i] = src[i];
		dst[i].index = (uint32_t)i;
		dst[i].parent = parent;
		if (dst[i].type < JSON_ARRAY)
			continue;
		for (size_t k = 0; k < dst[i].v.list.n; k++)
			dst[i].v.list.items[k].parent = &dst[i];
	}
}

static int end(struct parser *p)
{
	size_t at = p->open[--p->depth];
	const struct json *children = &p->stack[at + 1];
	size_t n = p->top - at - 1;

	p->top = at + 1;
	if (n == 0)
		return 1;
	if (p->stack[at].type == JSON_OBJECT && !refuse_duplicates(p, children, n))
		return 0;
	struct json *items = ps_arena_array(p->arena, n, sizeof(*items));
	if (!items)
		return stop_memory(p);
	settle(items, children, n, NULL);
	p->stack[at].v.list.items = items;
	p->stack[at].v.list.n = n;
	return 1;
}

/* A string inside our text is terminated over its closing quote, which yajl has read already. */
static const char *take_string(struct parser *p, const unsigned char *s, size_t len)
{
	const char *in = (const char *)s;

	if (in >= p->text && in < p->text + p->n) {
		char *own = p->text + (in - p->text);
		own[len] = '\0';
		return own;
	}
	/* Without escapes there is none: yajl refuses bare control characters. */
	if (memchr(s, 0, len)) {
		(void)stop(p, "NUL in a string");
		return NULL;
	}
	char *copy = ps_arena_strndup(p->arena, in, len);
	if (!copy)
		(void)stop_memory(p);
	return copy;
}

static int on_null(void *ctx)
{
	return push(ctx, JSON_NULL) != NULL;
}

static int on_bool(void *ctx, int b)
{
	struct json *node = push(ctx, JSON_BOOL);

	if (node)
		node->v.b = b != 0;
	return node != NULL;
}

static int on_integer(struct parser *p, const char *s, size_t len)
{
	bool negative = *s == '-';
	uint64_t v = 0;

	for (size_t i = negative; i < len; i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (unsigned)(s[i] - '0'), &v))
			return stop(p, "integer out of range");
	if (negative && v > (uint64_t)INT64_MAX + 1)
		return stop(p, "integer out of range");
	bool large = !negative && v > INT64_MAX;
	struct json *node = push(p, large ? JSON_UINT : JSON_INT);
	if (!node)
		return 0;
	if (large)
		node->v.u = v;
	else
		node->v.i = (int64_t)(negative ? -v : v);
	return 1;
}

static int on_number(void *ctx, const char *s, size_t len)
{
	struct parser *p = ctx;

	if (!memchr(s, '.', len) && !memchr(s, 'e', len) && !memchr(s, 'E', len))
		return on_integer(p, s, len);
	double d = strtod(s, NULL); /* the token is in our text and ends before something that is no digit */
	if (!isfinite(d))
		return stop(p, "number out of range");
	struct json *node = push(p, JSON_DOUBLE);
	if (node)
		node->v.d = d;
	return node != NULL;
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	const char *text = take_string(ctx, s, len);
	struct json *node = text ? push(ctx, JSON_STRING) : NULL;

	if (node)
		node->v.s = text;
	return node != NULL;
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
	struct parser *p = ctx;

	p->key = take_string(p, s, len);
	p->key_end = (uint32_t)yajl_get_bytes_consumed(p->yajl);
	return p->key != NULL;
}

static int on_object(void *ctx)
{
	return begin(ctx, JSON_OBJECT);
}

static int on_array(void *ctx)
{
	return begin(ctx, JSON_ARRAY);
}

static int on_end(void *ctx)
{
	return end(ctx);
}

/* ---- parsing ---- */

/* What yajl says (a part of it), what we say. */
static const struct {
	const char *yajl, *text;
} syntax_errors[] = {
	{ "premature EOF", "the text ends too early" },
	{ "trailing garbage", "text after the end of the document" },
	{ "probable comment", "comments are not allowed" },
	{ "object key and value must", "expected ':' after a member name" },
	{ "after key and value", "expected ',' or '}'" },
	{ "after array element", "expected ',' or ']'" },
	{ "invalid object key", "expected a member name in double quotes" },
	{ "which it may not", "invalid escape in a string" },
	{ "non-hex", "invalid \\u escape in a string" },
	{ "invalid character inside string", "control character in a string" },
	{ "malformed number", "malformed number" },
	{ "invalid string in json text", "unknown word" },
	{ "invalid char in json text", "unexpected character" },
	{ "unallowed token", "unexpected token" },
};

static int fail_syntax(const struct parser *p, size_t at)
{
	const char *text = "not valid JSON";
	unsigned char *said = yajl_get_error(p->yajl, 0, NULL, 0);

	for (size_t i = 0; said && i < PS_COUNT(syntax_errors); i++) {
		if (strstr((const char *)said, syntax_errors[i].yajl)) {
			text = syntax_errors[i].text;
			break;
		}
	}
	if (said)
		yajl_free_error(p->yajl, said);
	return fail_at(p, at, text, "");
}

static int run_yajl(struct parser *p)
{
	yajl_status status = yajl_parse(p->yajl, (const unsigned char *)p->text, p->n + 1);

	if (status == yajl_status_error)
		return fail_syntax(p, last_consumed(p));
	if (status == yajl_status_ok && yajl_complete_parse(p->yajl) != yajl_status_ok)
		return fail_syntax(p, p->n);
	return status == yajl_status_ok ? 0 : -1;
}

/* ---- yajl's own memory: a size in front of each piece ---- */

static void *yajl_piece(void *ctx, size_t size)
{
	size_t *head = size < SIZE_MAX - 16 ? ps_arena_alloc(ctx, size + 16) : NULL;

	if (!head)
		return NULL;
	*head = size;
	return (char *)head + 16;
}

static void *yajl_grown(void *ctx, void *p, size_t size)
{
	size_t old = p ? *(const size_t *)((char *)p - 16) : 0;
	void *grown = size <= old ? p : yajl_piece(ctx, size);

	if (grown && p && grown != p)
		memcpy(grown, p, old);
	return grown;
}

static void yajl_dropped(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

int json_parse(struct ps_arena *a, const char *file, const char *text, size_t n, struct json **ret, struct ps_err *e)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_object,
		.yajl_map_key = on_key,
		.yajl_end_map = on_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_end,
	};
	yajl_alloc_funcs memory = { .malloc = yajl_piece, .realloc = yajl_grown, .free = yajl_dropped, .ctx = a };
	struct parser p = { .arena = a, .file = file, .e = e, .n = n };

	if (n > INT32_MAX)
		return ps_fail(e, PS_E_CONFIG, "'%s' is larger than 2 GiB", file);
	p.text = ps_arena_alloc(a, n + 2);
	struct json *root = ps_arena_new(a, struct json);
	yajl_handle yajl = p.text && root ? yajl_alloc(&callbacks, &memory, &p) : NULL;
	if (!yajl)
		return ps_fail_os(e, "parse '%s'", file);
	if (n)
		memcpy(p.text, text, n);
	p.text[n] = ' '; /* ends a number at the top level */
	p.yajl = yajl;
	yajl_config(yajl, yajl_dont_validate_strings, 1); /* check_text is stricter */

	int r = check_text(&p);
	if (r == 0)
		r = run_yajl(&p);
	if (r == 0) {
		settle(root, p.stack, 1, NULL);
		*ret = root;
	}
	return r;
}
